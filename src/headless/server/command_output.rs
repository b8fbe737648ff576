//! Output of a running command: results on standard output, errors on standard error, and a progress line.
//!
//! On a terminal the progress line is overwritten in place. Elsewhere it is a normal line, printed after a change but
//! at most once per second, and at least every ten seconds. Write errors are ignored, because a closed pipe must not
//! interrupt an action.

use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use unicode_width::UnicodeWidthChar as _;

use crate::headless::print::terminal_columns_or_default;
use crate::term::terminal_device;
use crate::term::waiting_writer::WaitingWriter;

/// Minimum time between two progress lines, if output is not a terminal.
const MIN_PROGRESS_INTERVAL: Duration = Duration::from_secs(1);
/// Maximum time between two progress lines, if output is not a terminal.
const MAX_PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// Writer for standard output, standard error and the progress line.
pub(crate) struct Console {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    /// Function that returns the number of columns of the terminal; `None` if output is not a terminal.
    columns: Option<fn() -> usize>,
    /// Function that returns whether standard output accepts data now.
    accepts_output: fn() -> bool,
    /// Width of the progress line that is on the screen, in cells.
    progress_cells: usize,
    /// Time and change key of the last progress line; used only if output is not a terminal.
    last_progress: Option<(Duration, String)>,
}

impl Console {
    /// Creates a console for standard output and standard error of this process.
    pub(crate) fn from_stdio() -> Self {
        let columns = io::stdout().is_terminal().then_some(terminal_columns_or_default as fn() -> usize);
        let console = Self::new(Box::new(WaitingWriter(io::stdout())), Box::new(WaitingWriter(io::stderr())), columns);
        Self { accepts_output: stdout_accepts_output, ..console }
    }

    /// Creates a console. `columns` returns the width of the terminal, and is `None` if `out` is not a terminal.
    pub(crate) fn new(out: Box<dyn Write>, err: Box<dyn Write>, columns: Option<fn() -> usize>) -> Self {
        Self { out, err, columns, accepts_output: || true, progress_cells: 0, last_progress: None }
    }

    /// Returns why the console cannot ask questions; `None` if it can: input and output are the same terminal.
    pub(crate) fn prompt_obstacle(&self) -> Option<&'static str> {
        if self.columns.is_none() || !io::stdin().is_terminal() {
            return Some("no terminal");
        }
        (!terminal_device::is_output_on_input_terminal()).then_some("input and output are different terminals")
    }

    /// Prints a line to standard output.
    pub(crate) fn print(&mut self, line: &str) {
        self.clear_progress();
        let _ = writeln!(self.out, "{line}");
        let _ = self.out.flush();
    }

    /// Prints an error to standard error.
    pub(crate) fn print_error(&mut self, line: &str) {
        self.print_detail(&format!("hapulse: {line}"));
    }

    /// Prints a detail of an error to standard error, without the prefix `hapulse:`.
    pub(crate) fn print_detail(&mut self, line: &str) {
        self.clear_progress();
        let _ = writeln!(self.err, "{line}");
        let _ = self.err.flush();
    }

    /// Shows `line` as the progress line. If output is not a terminal, only a new `change_key` counts as a change. While the
    /// terminal or pipe accepts no output, the line is left out, so that polls and deadlines go on.
    pub(crate) fn print_progress(&mut self, change_key: &str, line: &str, now: Duration) {
        if !(self.accepts_output)() {
            return;
        }
        let since = self.last_progress.as_ref().map(|(at, _)| now.saturating_sub(*at));
        match self.columns {
            Some(columns) => self.overwrite_progress(line, columns()),
            None if since.is_none_or(|since| {
                let has_changed = self.last_progress.as_ref().is_some_and(|(_, key)| key != change_key);
                since >= MAX_PROGRESS_INTERVAL || has_changed && since >= MIN_PROGRESS_INTERVAL
            }) =>
            {
                self.print(line);
                self.last_progress = Some((now, change_key.to_owned()));
            }
            None => {}
        }
    }

    fn overwrite_progress(&mut self, line: &str, columns: usize) {
        let (mut shown, mut cells) = (String::new(), 0);
        // Keep the last column empty, because some terminals wrap the line when the last column is filled.
        for ch in line.chars() {
            let width = ch.width().unwrap_or(0);
            if cells + width >= columns {
                break;
            }
            shown.push(ch);
            cells += width;
        }
        let rest = " ".repeat(self.progress_cells.min(columns.saturating_sub(1)).saturating_sub(cells));
        let _ = write!(self.out, "\r{shown}{rest}");
        let _ = self.out.flush();
        self.progress_cells = cells;
    }

    /// Erases the progress line.
    fn clear_progress(&mut self) {
        if let (1.., Some(columns)) = (self.progress_cells, self.columns) {
            self.overwrite_progress("", columns());
            let _ = write!(self.out, "\r");
        }
    }
}

/// Returns whether a write to standard output would not wait: a stopped terminal (Ctrl-S) or a full pipe makes it wait.
fn stdout_accepts_output() -> bool {
    let stdout = io::stdout();
    let mut fds = [PollFd::new(&stdout, PollFlags::OUT)];
    // A closed pipe counts as ready: the write then fails at once.
    poll(&mut fds, Some(&Timespec::default())).is_ok_and(|count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    #[derive(Clone, Default)]
    struct SharedBuffer(Rc<RefCell<Vec<u8>>>);

    impl Write for SharedBuffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn printed(columns: Option<fn() -> usize>, write: impl Fn(&mut Console)) -> (String, String) {
        let buffers = [SharedBuffer::default(), SharedBuffer::default()];
        write(&mut Console::new(Box::new(buffers[0].clone()), Box::new(buffers[1].clone()), columns));
        let [out, err] = buffers.map(|buffer| String::from_utf8(buffer.0.take()).unwrap());
        (out, err)
    }

    #[test]
    fn print_progress_without_terminal_limits_line_rate() {
        let (out, _) = printed(None, |console| {
            for (millis, sessions) in
                [(0, 5), (500, 4), (1000, 4), (1500, 3), (2000, 3), (3000, 3), (11_000, 3), (12_500, 3)]
            {
                let now = Duration::from_millis(millis);
                console.print_progress(&sessions.to_string(), &format!("{sessions} at {millis}"), now);
            }
        });
        assert_eq!(out.lines().collect::<Vec<_>>(), ["5 at 0", "4 at 1000", "3 at 2000", "3 at 12500"]);
    }

    #[test]
    fn print_progress_on_terminal_overwrites_line_within_width() {
        let (out, err) = printed(Some(|| 10), |console| {
            console.print_progress("", "0123456789abc", Duration::ZERO);
            console.print_progress("", "日本語日本語", Duration::ZERO);
            console.print_progress("", "ab", Duration::ZERO);
            console.print("done");
            console.print_error("no");
        });
        assert_eq!(out, "\r012345678\r日本語日 \rab      \r  \rdone\n");
        assert_eq!(err, "hapulse: no\n");
    }

    #[test]
    fn print_progress_leaves_out_lines_that_would_wait() {
        let (out, _) = printed(Some(|| 80), |console| {
            console.print_progress("", "5 left", Duration::ZERO);
            console.accepts_output = || false;
            console.print_progress("", "4 left", Duration::from_secs(1));
            console.accepts_output = || true;
            console.print_progress("", "3 left", Duration::from_secs(2));
        });
        assert_eq!(out, "\r5 left\r3 left");
    }

    #[test]
    fn console_ignores_write_errors() {
        struct ClosedPipe;
        impl Write for ClosedPipe {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let mut console = Console::new(Box::new(ClosedPipe), Box::new(ClosedPipe), None);
        console.print("a");
        console.print_error("b");
        console.print_progress("", "c", Duration::ZERO);
    }
}
