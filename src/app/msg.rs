//! What comes in, and what is to be done outside.

use crate::app::key::Key;
use crate::haproxy::version::Version;
use crate::monitor::guard::Authorised;
use crate::monitor::intent::Intent;
use crate::monitor::ledger::Ledger;
use crate::monitor::outcome::{Progress, Report};
use crate::monitor::query::{Answer, Query, QueryError};
use crate::monitor::sampler::News;
use crate::monitor::typed_line::TypedLine;

/// Something happened.
#[derive(Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(Key),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// The sampler of an instance has news; before it so many were missed.
    News(usize, News, u64),
    /// A command of an act has come so far.
    Progress(Progress),
    /// An act was carried out.
    Acted(Report),
    /// An answer to a question, or why there is none.
    Told(usize, Box<Query>, Result<Box<Answer>, QueryError>),
    /// An answer to a typed line that may have changed HAProxy, or why there is none.
    Sent(usize, Result<Box<Answer>, QueryError>),
    /// Who did what before this run.
    Past(Box<Ledger>),
    /// The memory that this program has, as the system counts it.
    Memory(Memory),
    /// Time passed: something on the screen is to change by itself.
    Wake,
}

/// Memory of this program, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// In use now.
    pub now: usize,
    /// The most that was ever in use.
    pub most: usize,
}

/// Something is to be done outside.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// End the program.
    Quit,
    /// Give the terminal back until `fg`.
    Suspend,
    /// Draw every cell anew.
    Redraw,
    /// Poll this instance as soon as politeness allows.
    PollNow(usize),
    /// Carry this out.
    Act(Authorised<Intent>),
    /// Ask this of an instance of that version.
    Ask(usize, Option<Version>, Query),
    /// Send this typed line to an instance.
    Send(usize, Authorised<TypedLine>),
    /// Find out what memory this program has.
    MeasureMemory,
    /// Ring the terminal's bell.
    Bell,
    /// Put this into the terminal's clipboard.
    Copy(String),
    /// Keep this line for the next run.
    Remember(String),
}
