//! Input messages of the model and the effects it requests.

use crate::actions::audit::audit_index::AuditIndex;
use crate::actions::intent::Intent;
use crate::actions::outcome::{ActionReport, StepProgress};
use crate::app::key::KeyPress;
use crate::app::mouse_report::{MouseButton, MouseTarget};
use crate::ask::query::{Query, QueryError, QueryReply};
use crate::fleet::host_facts::HostFacts;
use crate::haproxy::version::Version;
use crate::instance::guard::Authorised;
use crate::instance::typed_change::TypedChange;
use crate::logs::live_log::LogUpdate;
use crate::logs::window::window_question::WindowQuestion;
use crate::observe::instance_id::InstanceId;
use crate::observe::old_process_finder::OldProcessQuery;
use crate::observe::old_processes::OldProcesses;
use crate::observe::sampler::PollResult;

/// An input of [`crate::app::update::update`].
#[derive(Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyPress),
    /// [`KeyPress::BURST_GAP`] has passed without input. The flag is set if no further input followed the last key.
    InputPaused {
        /// The last input was the last key.
        is_after_key: bool,
    },
    /// The mouse was used, over this part of the screen.
    Mouse(MouseButton, Option<MouseTarget>),
    /// Text was pasted; it may contain any characters.
    Paste(String),
    /// A paste has begun and does not end. Until it does, keys do not arrive, except Esc and Ctrl-C, which end it.
    UnfinishedPaste,
    /// The terminal was resized to these columns and rows.
    Resize(u16, u16),
    /// A poll of an instance finished: its id, the result, and the number of samples skipped before it.
    Polled(InstanceId, PollResult, u64),
    /// A command of a running action reached a stage.
    ActionProgress(StepProgress),
    /// An action finished.
    ActionFinished(ActionReport),
    /// A query to this instance finished.
    QueryFinished(InstanceId, Box<Query>, Result<Box<QueryReply>, QueryError>),
    /// A typed command that may have changed this instance finished: the reply, and a summary without secrets.
    TypedCommandFinished(InstanceId, Result<Box<QueryReply>, QueryError>, String),
    /// The audit log of earlier runs was read.
    AuditLoaded(Box<AuditIndex>),
    /// The old processes of this instance were searched for and their sessions counted.
    OldProcessesFound(InstanceId, Box<OldProcesses>),
    /// The facts about the machine of this instance were read; `None` if they are unknown.
    HostFactsRead(InstanceId, Option<Box<HostFacts>>),
    /// The log of this instance was read: what it shows now.
    RequestsRead(InstanceId, Box<LogUpdate>),
    /// This program's memory use was measured, as reported by the operating system.
    MemoryMeasured(MemoryUse),
    /// The time returned by `next_wake` was reached.
    Wake,
    /// There is time for a part of the deferred work.
    ContinueDeferred,
}

/// Memory use of this program, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUse {
    /// Current use.
    pub current: usize,
    /// Highest use so far.
    pub peak: usize,
}

/// An effect that the event loop carries out.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// End the program.
    Quit,
    /// Suspend the program until the shell resumes it.
    Suspend,
    /// Redraw every cell.
    Redraw,
    /// Poll this instance as soon as the minimum pause between polls allows.
    PollNow(InstanceId),
    /// Run this action.
    RunAction(Authorised<Intent>),
    /// Send this query to this instance, which runs this HAProxy version, if known.
    SendQuery(InstanceId, Option<Version>, Query),
    /// Send this typed command to this instance.
    SendTypedCommand(InstanceId, Authorised<TypedChange>),
    /// Find the old processes of this instance and count their sessions.
    FindOldProcesses(InstanceId, OldProcessQuery),
    /// Read the facts about the machine of this instance, whose HAProxy has this process id.
    ReadHostFacts(InstanceId, i64),
    /// Find the log of this instance, which has these frontends.
    FindLog(InstanceId, Vec<String>),
    /// Answer this question about the log of this instance, now and whenever it grows; `None` to stop.
    AskLog(InstanceId, Option<WindowQuestion>),
    /// Measure this program's memory use.
    MeasureMemory,
    /// Ring the terminal's bell.
    RingBell,
    /// Copy this text to the terminal's clipboard.
    CopyToClipboard(String),
    /// Save this line in the command line history file.
    SaveCommandLine(String),
    /// Write what memory holds to a file.
    WriteSnapshot(SnapshotRequest),
}

/// A file to which what memory holds is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRequest {
    /// Path as typed.
    pub path: String,
    /// Replace names, addresses and texts.
    pub is_anonymized: bool,
    /// Replace the file if it exists.
    pub is_forced: bool,
}
