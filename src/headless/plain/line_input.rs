//! Reads lines from standard input, on a thread of its own, with the time at which each line was read.
//!
//! A terminal stays in its line mode: it echoes and edits the line itself, and passes it on after Enter.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::observe::timestamp::Clock;
use crate::term::terminal_device;

/// Maximum length of a line in bytes; the rest of a longer one is dropped.
const MAX_LINE_BYTES: usize = 4096;
/// Lines that arrive within this time were not typed one after the other.
const BURST_GAP: Duration = Duration::from_millis(50);
/// The same time for `poll`.
const BURST_TIMEOUT: Timespec = Timespec { tv_sec: 0, tv_nsec: BURST_GAP.subsec_nanos() as i64 };
/// Maximum number of lines that are read before they are handled.
const MAX_BURST_LINES: usize = 64;
/// Pause before the next attempt while the program is in the background of its terminal.
const BACKGROUND_PAUSE: Duration = Duration::from_millis(200);

/// A line from standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputLine {
    /// Text without the line break.
    pub(crate) text: String,
    /// Monotonic time at which the line was read.
    pub(crate) at: Duration,
    /// True if other input arrived shortly before or after it, as with pasted text.
    pub(crate) is_in_burst: bool,
}

/// Input of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LineInput {
    /// A line.
    Line(InputLine),
    /// The input ended.
    End,
}

/// Starts the thread. It calls `handle` with each line and at the end, and ends when that returns false.
///
/// # Errors
/// Returns an error if the thread cannot be started.
pub(crate) fn start(clock: Clock, handle: impl Fn(LineInput) -> bool + Send + 'static) -> io::Result<()> {
    let read = move || read_lines(clock, handle);
    thread::Builder::new().name("lines".to_owned()).spawn(read).map(drop)
}

fn read_lines(clock: Clock, handle: impl Fn(LineInput) -> bool) {
    let stdin = io::stdin();
    let stdin = stdin.as_fd();
    let mut splitter = LineSplitter::default();
    loop {
        // Reading in the background would stop the program.
        if terminal_device::is_in_background_of(stdin) {
            thread::sleep(BACKGROUND_PAUSE);
            continue;
        }
        if !has_input(stdin, None) {
            continue;
        }
        let (lines, has_ended) = read_burst(stdin, clock, &mut splitter);
        if !lines.into_iter().map(LineInput::Line).all(&handle) {
            return;
        }
        if has_ended {
            handle(LineInput::End);
            return;
        }
    }
}

/// Reads until there is a pause, so that a pasted text arrives as a whole. Returns the lines, and whether the input ended.
fn read_burst(stdin: BorrowedFd<'_>, clock: Clock, splitter: &mut LineSplitter) -> (Vec<InputLine>, bool) {
    let (mut lines, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = match rustix::io::read(stdin, &mut buffer) {
            Ok(count) => count,
            Err(Errno::INTR | Errno::AGAIN) => return (lines, false),
            // The terminal was closed.
            Err(_) => 0,
        };
        let now = clock.now().monotonic;
        if count == 0 {
            splitter.mark_burst(&mut lines, true);
            lines.extend(splitter.take_rest(now));
            return (lines, true);
        }
        lines.extend(splitter.split(&buffer[..count], now));
        let has_more = has_input(stdin, Some(&BURST_TIMEOUT));
        if !has_more || lines.len() >= MAX_BURST_LINES || terminal_device::is_in_background_of(stdin) {
            splitter.mark_burst(&mut lines, has_more);
            return (lines, false);
        }
    }
}

/// Waits for input for at most `timeout`.
fn has_input(input: BorrowedFd<'_>, timeout: Option<&Timespec>) -> bool {
    poll(&mut [PollFd::from_borrowed_fd(input, PollFlags::IN)], timeout).is_ok_and(|count| count > 0)
}

/// Divides bytes into lines.
#[derive(Debug, Default)]
struct LineSplitter {
    /// Begin of a line.
    rest: Vec<u8>,
    last_line_at: Option<Duration>,
}

impl LineSplitter {
    /// Returns the lines that these bytes complete.
    fn split(&mut self, bytes: &[u8], now: Duration) -> Vec<InputLine> {
        let mut lines = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = MAX_LINE_BYTES.saturating_sub(self.rest.len());
            let text = part.strip_suffix(b"\n").unwrap_or(part);
            self.rest.extend_from_slice(&text[..text.len().min(room)]);
            if part.ends_with(b"\n") {
                lines.push(self.complete(now));
            }
        }
        lines
    }

    /// Marks lines that arrived together, or with the beginning of another one. `has_more` is true if further input follows.
    fn mark_burst(&self, lines: &mut [InputLine], has_more: bool) {
        let is_burst = has_more || lines.len() > 1 || !self.rest.is_empty();
        for line in lines {
            line.is_in_burst |= is_burst;
        }
    }

    /// Returns the last line, which has no line break; `None` without one.
    fn take_rest(&mut self, now: Duration) -> Option<InputLine> {
        (!self.rest.is_empty()).then(|| self.complete(now))
    }

    fn complete(&mut self, now: Duration) -> InputLine {
        let text = String::from_utf8_lossy(&std::mem::take(&mut self.rest)).trim().to_owned();
        let is_in_burst = self.last_line_at.is_some_and(|at| now.saturating_sub(at) < BURST_GAP);
        self.last_line_at = Some(now);
        InputLine { text, at: now, is_in_burst }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[InputLine]) -> Vec<(&str, bool)> {
        lines.iter().map(|line| (line.text.as_str(), line.is_in_burst)).collect()
    }

    fn feed(splitter: &mut LineSplitter, bytes: &[u8], millis: u64, has_more: bool) -> Vec<InputLine> {
        let mut lines = splitter.split(bytes, Duration::from_millis(millis));
        splitter.mark_burst(&mut lines, has_more);
        lines
    }

    #[test]
    fn splitter_joins_parts_and_marks_bursts() {
        let splitter = &mut LineSplitter::default();
        assert_eq!(feed(splitter, b"sta", 1000, false), []);
        assert_eq!(texts(&feed(splitter, b"tus\r\n", 1000, false)), [("status", false)]);
        let pasted = feed(splitter, b"drain s1\nyes\n", 2000, false);
        assert_eq!(texts(&pasted), [("drain s1", true), ("yes", true)]);
        assert_eq!(texts(&feed(splitter, b"a\n", 2010, false)), [("a", true)]);
        assert_eq!(texts(&feed(splitter, b"yes\n", 3000, true)), [("yes", true)]);
        assert_eq!(texts(&feed(splitter, b"yes\n", 4000, false)), [("yes", false)]);
        assert_eq!(texts(&feed(splitter, b"yes\nb", 5000, false)), [("yes", true)], "with the beginning of a line");
    }

    #[test]
    fn splitter_limits_line_length_and_returns_last_line() {
        let splitter = &mut LineSplitter::default();
        assert_eq!(splitter.take_rest(Duration::ZERO), None);
        for _ in 0..100 {
            feed(splitter, &[b'x'; 1000], 0, true);
        }
        assert_eq!(splitter.take_rest(Duration::ZERO).unwrap().text.len(), MAX_LINE_BYTES);
        feed(splitter, b"quit", 0, false);
        assert_eq!(splitter.take_rest(Duration::ZERO).unwrap().text, "quit");
    }
}
