//! The events that wake the event loop.

use crate::app::message::Message;
use crate::app::mouse_report::MouseReport;
use crate::observe::instance_id::InstanceId;
use crate::term::input_parser::InputEvent;
use crate::term::key_reader::TerminalInput;
use crate::term::output_thread::WrittenFrame;

/// An event that wakes the loop.
#[derive(Debug)]
pub(crate) enum LoopEvent {
    /// A message for the model.
    Message(Message),
    /// The mouse was used.
    Mouse(MouseReport),
    /// The slot of this instance has a new poll result.
    PollResult(InstanceId),
    /// The message with the result of this pending action precedes this event.
    ResultDelivered(u64),
    /// A signal that ends the program, with its number.
    Signal(i32),
    /// SIGHUP while the terminal is present: read the configuration again, and open the log files again.
    Reload,
    /// SIGWINCH: the size of the terminal changed.
    WindowChanged,
    /// SIGTSTP: the program is to be suspended.
    Suspend,
    /// SIGCONT: the program was resumed.
    Continued,
    /// A frame was written to the terminal, or writing it failed.
    FrameWritten(WrittenFrame),
    /// A snapshot was written, or could not be. Holds the message for the operator.
    SnapshotFinished(Result<String, String>),
    /// A file could not be written. Holds the message for the operator.
    FileWriteFailed(String),
    /// The terminal was closed.
    TerminalGone,
}

impl LoopEvent {
    /// Returns whether the program ends because of this event.
    pub(crate) fn ends_program(&self) -> bool {
        matches!(self, Self::Signal(_) | Self::TerminalGone)
    }
}

impl From<Message> for LoopEvent {
    fn from(message: Message) -> Self {
        Self::Message(message)
    }
}

impl From<TerminalInput> for LoopEvent {
    fn from(input: TerminalInput) -> Self {
        match input {
            TerminalInput::Event(InputEvent::Key(press)) => Message::Key(press).into(),
            TerminalInput::Event(InputEvent::Paste(text)) => Message::Paste(text).into(),
            TerminalInput::Event(InputEvent::Mouse(report)) => Self::Mouse(report),
            TerminalInput::Event(InputEvent::UnfinishedPaste) => Message::UnfinishedPaste.into(),
            TerminalInput::Paused { is_after_event } => Message::InputPaused { is_after_key: is_after_event }.into(),
            TerminalInput::LongPause => Message::Wake.into(),
            TerminalInput::Resumed => Self::Continued,
            TerminalInput::Closed(error) => {
                tracing::debug!(%error, "terminal input closed");
                Self::TerminalGone
            }
        }
    }
}
