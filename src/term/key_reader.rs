//! Reads keys and pasted text on a separate thread.

use std::io;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::app::answer_gate::PAUSE_BEFORE_YES;
use crate::app::key::KeyPress;
use crate::observe::timestamp::Clock;
use crate::term::input_parser::{InputEvent, InputParser};
use crate::term::terminal_mode;

/// Input from the terminal.
#[derive(Debug)]
pub(crate) enum TerminalInput {
    /// A key press or pasted text.
    Event(InputEvent),
    /// [`KeyPress::BURST_GAP`] has passed since the last input. The flag is set if that input ended with the last event,
    /// and not with bytes that were dropped.
    Paused { is_after_event: bool },
    /// [`PAUSE_BEFORE_YES`] has passed since the last input.
    LongPause,
    /// The terminal can no longer be read.
    Closed(io::Error),
}

/// Pause after a read that returned no bytes.
const EMPTY_READ_PAUSE: Duration = Duration::from_millis(20);

/// Starts the thread. It calls `handle_input` for each input, and ends when that returns false.
///
/// # Errors
/// Returns an error if the process has no terminal or the thread cannot be started.
pub(crate) fn start(clock: Clock, handle_input: impl Fn(TerminalInput) -> bool + Send + 'static) -> io::Result<()> {
    let terminal = terminal_mode::open_terminal()?;
    thread::Builder::new().name("keys".to_owned()).spawn(move || read_input(&terminal, clock, handle_input)).map(drop)
}

/// Reads input until `handle_input` returns false or the terminal is closed.
pub(crate) fn read_input(terminal: &OwnedFd, clock: Clock, mut handle_input: impl FnMut(TerminalInput) -> bool) {
    let mut parser = InputParser::starting_at(clock.now().monotonic);
    let mut buffer = [0; 4096];
    let (mut pause_ends_at, mut long_pause_ends_at) = (None, None);
    loop {
        let deadline = parser.deadline().into_iter().chain(pause_ends_at).chain(long_pause_ends_at).min();
        let timeout = deadline.map(|deadline| deadline.saturating_sub(clock.now().monotonic));
        let read = read_within(terminal, &mut buffer, timeout);
        let now = clock.now().monotonic;
        let events = match read {
            Ok(Some(0)) => continue,
            Ok(Some(count)) => {
                pause_ends_at = Some(now + KeyPress::BURST_GAP);
                long_pause_ends_at = Some(now + PAUSE_BEFORE_YES);
                parser.feed(&buffer[..count], now)
            }
            Ok(None) => parser.expire(now),
            Err(error) => {
                handle_input(TerminalInput::Closed(error));
                return;
            }
        };
        let is_after_event = parser.ends_with_event();
        let paused = pause_ends_at.take_if(|at| *at <= now).map(|_| TerminalInput::Paused { is_after_event });
        let long_pause = long_pause_ends_at.take_if(|at| *at <= now).map(|_| TerminalInput::LongPause);
        if !events.into_iter().map(TerminalInput::Event).chain(paused).chain(long_pause).all(&mut handle_input) {
            return;
        }
    }
}

/// Waits for input. Returns `None` if none arrived within `timeout`.
fn wait_for_input(terminal: &OwnedFd, timeout: Option<Duration>) -> io::Result<Option<PollFlags>> {
    let timeout = timeout.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
    let mut fds = [PollFd::new(terminal, PollFlags::IN)];
    Ok(match poll(&mut fds, timeout.as_ref())? {
        0 => None,
        _ => Some(fds[0].revents()),
    })
}

/// Waits for input and reads it. Returns the number of bytes read, or `None` if none arrived within `timeout`.
fn read_within(terminal: &OwnedFd, buffer: &mut [u8], timeout: Option<Duration>) -> io::Result<Option<usize>> {
    let events = match wait_for_input(terminal, timeout) {
        Ok(Some(events)) => events,
        Ok(None) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Some(0)),
        Err(error) => return Err(error),
    };
    match rustix::io::read(terminal, buffer) {
        // No bytes: the terminal was closed (HUP), or Ctrl-D was pressed just before a suspension.
        Ok(0) if events.contains(PollFlags::HUP) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(0) => {
            thread::sleep(EMPTY_READ_PAUSE);
            Ok(Some(0))
        }
        Ok(count) => Ok(Some(count)),
        Err(Errno::INTR | Errno::AGAIN) => Ok(Some(0)),
        Err(error) => Err(error.into()),
    }
}
