//! Output of `hapulse --plain`: whole lines of visible characters, without escape sequences.
//!
//! A thread writes the lines (`term::output_thread`), because a terminal or pipe may stop accepting them (Ctrl-S, a
//! stopped reader). It gets one batch of lines at a time; further lines wait here until the batch is written. Nothing is
//! announced and no command is read while lines wait, so only the reply to one command and the lines about one question
//! can accumulate.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use rustix::io::Errno;

use crate::haproxy::safe_text;
use crate::headless::print::TextWriter;
use crate::observe::timestamp::Clock;
use crate::term::output_thread::{TerminalOutput, WrittenFrame};

/// Writer of lines. After the first failed write, nothing more is written.
pub(crate) struct LineOutput {
    thread: TerminalOutput,
    is_ascii: bool,
    is_terminal: bool,
    /// Lines that the thread has not received yet.
    waiting: Vec<u8>,
    /// Number of the batch that contains the waiting lines.
    next_batch: u64,
    /// True until the thread reports the last batch as written.
    is_writing: bool,
    failure: Option<io::Error>,
}

impl LineOutput {
    /// Starts the thread that writes to standard output; with `is_ascii`, other characters are replaced. `report_written`
    /// is called after each batch, whose result must then be passed to [`Self::record_written`].
    ///
    /// # Errors
    /// Returns an error if the thread cannot be started.
    pub(crate) fn start(
        clock: Clock,
        is_ascii: bool,
        report_written: impl Fn(WrittenFrame) + Send + 'static,
    ) -> io::Result<Self> {
        let thread = TerminalOutput::start(clock, report_written)?;
        let is_terminal = io::stdout().is_terminal();
        Ok(Self { thread, is_ascii, is_terminal, waiting: Vec::new(), next_batch: 0, is_writing: false, failure: None })
    }

    /// Adds a line. [`Self::flush`] hands it to the thread.
    pub(crate) fn print(&mut self, line: &str) {
        if self.failure.is_none() {
            let line = format!("{}\n", safe_text::escape_lines(line));
            // Writing to memory cannot fail.
            let _ = TextWriter::new(&mut self.waiting, self.is_ascii).write_all(line.as_bytes());
        }
    }

    /// Adds lines, each after the same prefix.
    pub(crate) fn print_all(&mut self, prefix: &str, lines: &[String]) {
        for line in lines {
            self.print(&format!("{prefix}{line}"));
        }
    }

    /// Hands the waiting lines to the thread, unless it is still writing.
    pub(crate) fn flush(&mut self) {
        if !self.is_writing && !self.waiting.is_empty() {
            self.thread.write(self.next_batch, std::mem::take(&mut self.waiting));
            self.next_batch += 1;
            self.is_writing = true;
        }
    }

    /// Records that a batch was written, and hands the next one to the thread.
    pub(crate) fn record_written(&mut self, written: WrittenFrame) {
        self.is_writing = false;
        if let Err(error) = written.result {
            self.failure.get_or_insert(error);
            self.waiting.clear();
        }
        self.flush();
    }

    /// Returns whether all lines were written.
    pub(crate) fn is_idle(&self) -> bool {
        !self.is_writing && self.waiting.is_empty()
    }

    /// Returns the number of the batch that contains the last line.
    pub(crate) fn last_batch(&self) -> u64 {
        if self.waiting.is_empty() { self.next_batch.saturating_sub(1) } else { self.next_batch }
    }

    /// Returns whether a write failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Returns the error of a failed write.
    ///
    /// # Errors
    /// Returns every error except a closed pipe and a closed terminal.
    pub(crate) fn into_result(self) -> io::Result<()> {
        match self.failure {
            Some(error) if !is_closed(&error, self.is_terminal) => Err(error),
            _ => Ok(()),
        }
    }
}

/// Returns whether an error means that the reader of a pipe, or a terminal, is gone.
fn is_closed(error: &io::Error, is_terminal: bool) -> bool {
    error.kind() == ErrorKind::BrokenPipe || is_terminal && Errno::from_io_error(error) == Some(Errno::IO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_closed_accepts_closed_pipe_and_closed_terminal_only() {
        assert!(is_closed(&ErrorKind::BrokenPipe.into(), false));
        assert!(is_closed(&Errno::IO.into(), true));
        assert!(!is_closed(&Errno::IO.into(), false), "a disk that fails");
        assert!(!is_closed(&ErrorKind::StorageFull.into(), false));
    }
}
