//! `hapulse --plain`: the monitor as lines of text, for screen readers, dumb terminals and pipes.
//!
//! Owns the lines that announce changes, the commands that are typed as words, and the questions before an action. It
//! prints lines only: no escape sequences, no cursor movement, no colors. Does not own polling (`observe::sampler`),
//! causes (`problems`), or the decision whether an action may run (`instance::guard`).
//!
//! Data flow: one sampler per HAProxy and the thread of [`line_input`] send events to [`session::PlainSession`]. Samples
//! update the `Instance` of a [`watched_instance::WatchedInstance`]; its [`announcer::Announcer`] compares the instance with what it
//! announced before, and returns the lines to print. A typed line is parsed by [`command_words`]; [`row_lookup`] finds the
//! row that it names; [`row_reports`] describes rows; [`line_question`] asks before an action.

pub(crate) mod announcement;
pub(crate) mod announcer;
#[cfg(test)]
mod announcer_tests;
pub(crate) mod balancer_sentences;
pub(crate) mod cause_announcer;
pub(crate) mod command_replies;
pub(crate) mod command_words;
pub(crate) mod event_sentences;
pub(crate) mod line_actions;
pub(crate) mod line_input;
pub(crate) mod line_output;
pub(crate) mod line_question;
pub(crate) mod row_lookup;
pub(crate) mod row_reports;
pub(crate) mod session;
pub(crate) mod summary_sentences;
pub(crate) mod watched_instance;
