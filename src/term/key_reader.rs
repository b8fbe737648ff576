//! Reads keys and pasted text on a separate thread.

use std::io::{self, PipeReader, Read as _};
use std::iter;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::app::answer_gate::PAUSE_BEFORE_YES;
use crate::app::key::KeyPress;
use crate::observe::timestamp::Clock;
use crate::term::input_parser::{InputEvent, InputParser};
use crate::term::terminal_device;

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
    /// The program was stopped and is running again, as the writer of the wake pipe reports.
    Resumed,
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
    let terminal = terminal_device::open_terminal()?;
    let read = move || read_input(&terminal, None, clock, handle_input);
    thread::Builder::new().name("keys".to_owned()).spawn(read).map(drop)
}

/// Reads input until `handle_input` returns false, or the terminal or the writer of `wake` is closed. Each byte in this
/// pipe is reported as [`TerminalInput::Resumed`].
pub(crate) fn read_input(
    terminal: &OwnedFd,
    wake: Option<&PipeReader>,
    clock: Clock,
    mut handle_input: impl FnMut(TerminalInput) -> bool,
) {
    let mut parser = InputParser::starting_at(clock.now().monotonic);
    let mut buffer = [0; 4096];
    let (mut pause_ends_at, mut long_pause_ends_at) = (None, None);
    loop {
        let deadline = parser.deadline().into_iter().chain(pause_ends_at).chain(long_pause_ends_at).min();
        let timeout = deadline.map(|deadline| deadline.saturating_sub(clock.now().monotonic));
        let read = read_within(terminal, wake, &mut buffer, timeout);
        let now = clock.now().monotonic;
        let events = match read {
            Ok(ReadResult::Resumed) => {
                if !handle_input(TerminalInput::Resumed) {
                    return;
                }
                continue;
            }
            Ok(ReadResult::Bytes(0)) => continue,
            Ok(ReadResult::Bytes(count)) => {
                pause_ends_at = Some(now + KeyPress::BURST_GAP);
                long_pause_ends_at = Some(now + PAUSE_BEFORE_YES);
                parser.feed(&buffer[..count], now)
            }
            Ok(ReadResult::TimedOut) => parser.expire(now),
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

/// Result of [`read_within`].
enum ReadResult {
    /// This number of bytes was read.
    Bytes(usize),
    /// No input arrived in time.
    TimedOut,
    /// The wake pipe had a byte.
    Resumed,
}

/// Waits for input and reads it, for at most `timeout`.
fn read_within(
    terminal: &OwnedFd,
    wake: Option<&PipeReader>,
    buffer: &mut [u8],
    timeout: Option<Duration>,
) -> io::Result<ReadResult> {
    let timeout = timeout.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
    let fds = iter::once(terminal.as_fd()).chain(wake.map(AsFd::as_fd));
    let mut fds: Vec<PollFd<'_>> = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    match poll(&mut fds, timeout.as_ref()) {
        Ok(0) => return Ok(ReadResult::TimedOut),
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(ReadResult::Bytes(0)),
        Err(error) => return Err(error.into()),
    }
    let is_woken = fds.get(1).is_some_and(|fd| !fd.revents().is_empty());
    if let Some(mut wake) = wake.filter(|_| is_woken) {
        // Fails once the writer is gone.
        return wake.read_exact(&mut [0]).map(|()| ReadResult::Resumed);
    }
    let events = fds[0].revents();
    if terminal_device::is_in_background_of(terminal.as_fd()) {
        // The input is for the shell. Reading it would stop the program before the terminal is restored.
        thread::sleep(EMPTY_READ_PAUSE);
        return Ok(ReadResult::Bytes(0));
    }
    match rustix::io::read(terminal, buffer) {
        // No bytes: the terminal was closed (HUP), or Ctrl-D was pressed just before a suspension.
        Ok(0) if events.contains(PollFlags::HUP) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(0) => {
            thread::sleep(EMPTY_READ_PAUSE);
            Ok(ReadResult::Bytes(0))
        }
        Ok(count) => Ok(ReadResult::Bytes(count)),
        Err(Errno::INTR | Errno::AGAIN) => Ok(ReadResult::Bytes(0)),
        Err(error) => Err(error.into()),
    }
}
