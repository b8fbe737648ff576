//! What comes in, and what is to be done outside.

use crate::actions::audit::audit_index::Ledger;
use crate::actions::intent::Intent;
use crate::actions::outcome::{Progress, Report};
use crate::app::key::Key;
use crate::ask::query::{Answer, Query, QueryError};
use crate::ask::typed_command::TypedLine;
use crate::haproxy::version::Version;
use crate::instance::guard::Authorised;
use crate::observe::sampler::News;

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
