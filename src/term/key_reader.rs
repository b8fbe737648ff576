//! Reads keys and pasted text on a separate thread.

use std::io;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::term::input_parser::{InputEvent, InputParser};
use crate::term::terminal_mode;

/// Input from the terminal.
#[derive(Debug)]
pub(crate) enum TerminalInput {
    /// A key press or pasted text.
    Event(InputEvent),
    /// The terminal can no longer be read.
    Closed(io::Error),
}

/// Pause after a read that returned no bytes.
const EMPTY_READ_PAUSE: Duration = Duration::from_millis(20);

/// Starts the thread. It calls `handle_input` for each input, and ends when that returns false.
///
/// # Errors
/// Returns an error if the process has no terminal or the thread cannot be started.
pub(crate) fn start(handle_input: impl Fn(TerminalInput) -> bool + Send + 'static) -> io::Result<()> {
    let terminal = terminal_mode::open_terminal()?;
    let read = move || {
        let start = Instant::now();
        let mut parser = InputParser::default();
        let mut buffer = [0; 4096];
        loop {
            let events = match read_until(&terminal, &mut buffer, parser.deadline().map(|at| start + at)) {
                Ok(Some(count)) => parser.feed(&buffer[..count], start.elapsed()),
                Ok(None) => parser.expire(start.elapsed()),
                Err(error) => {
                    handle_input(TerminalInput::Closed(error));
                    return;
                }
            };
            if !events.into_iter().all(|event| handle_input(TerminalInput::Event(event))) {
                return;
            }
        }
    };
    thread::Builder::new().name("keys".to_owned()).spawn(read).map(drop)
}

/// Waits until `deadline` for input and reads it. Returns the number of bytes read, or `None` if no input arrived in
/// time.
fn read_until(terminal: &OwnedFd, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<Option<usize>> {
    let timeout = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let timeout = timeout.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
    let mut fds = [PollFd::new(terminal, PollFlags::IN)];
    match poll(&mut fds, timeout.as_ref()) {
        Ok(0) => return Ok(None),
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(Some(0)),
        Err(error) => return Err(error.into()),
    }
    match rustix::io::read(terminal, buffer) {
        // No bytes: the terminal was closed (HUP), or Ctrl-D was pressed just before a suspension.
        Ok(0) if fds[0].revents().contains(PollFlags::HUP) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(0) => {
            thread::sleep(EMPTY_READ_PAUSE);
            Ok(Some(0))
        }
        Ok(count) => Ok(Some(count)),
        Err(Errno::INTR | Errno::AGAIN) => Ok(Some(0)),
        Err(error) => Err(error.into()),
    }
}
