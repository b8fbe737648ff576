//! Output of `hapulse --plain`: whole lines of visible characters, without escape sequences.

use std::io::{self, ErrorKind, Write};

use crate::haproxy::safe_text;
use crate::headless::print::TextWriter;
use crate::term::waiting_writer::WaitingWriter;

/// Writer of lines. After the first failed write, nothing more is written.
pub(crate) struct LineOutput {
    out: Box<dyn Write>,
    failure: Option<io::Error>,
}

impl LineOutput {
    /// Creates a writer into `out`; with `is_ascii`, other characters are replaced.
    pub(crate) fn new(out: impl Write + 'static, is_ascii: bool) -> Self {
        Self { out: Box::new(TextWriter::new(out, is_ascii)), failure: None }
    }

    /// Creates a writer to standard output.
    pub(crate) fn from_stdout(is_ascii: bool) -> Self {
        Self::new(WaitingWriter(io::stdout()), is_ascii)
    }

    /// Prints a line.
    pub(crate) fn print(&mut self, line: &str) {
        if self.failure.is_some() {
            return;
        }
        let line = format!("{}\n", safe_text::escape_lines(line));
        self.failure = self.out.write_all(line.as_bytes()).and_then(|()| self.out.flush()).err();
    }

    /// Prints lines, each after the same prefix.
    pub(crate) fn print_all(&mut self, prefix: &str, lines: &[String]) {
        for line in lines {
            self.print(&format!("{prefix}{line}"));
        }
    }

    /// Returns whether a write failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Returns the error of a failed write; a closed pipe is not an error.
    ///
    /// # Errors
    /// Returns every error except `BrokenPipe`, and a closed terminal.
    pub(crate) fn into_result(self) -> io::Result<()> {
        match self.failure {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    #[derive(Clone, Default)]
    struct SharedBytes(Rc<RefCell<Vec<u8>>>);

    impl Write for SharedBytes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn print_escapes_controls_and_replaces_non_ascii() {
        for (is_ascii, expected) in [(false, "a\\x1b[2Jb – é\n"), (true, "a\\x1b[2Jb - ?\n")] {
            let bytes = SharedBytes::default();
            LineOutput::new(bytes.clone(), is_ascii).print("a\u{1b}[2Jb – é");
            assert_eq!(String::from_utf8(bytes.0.take()).unwrap(), expected);
        }
    }

    #[test]
    fn closed_pipe_is_no_error() {
        struct FailingWriter(ErrorKind);
        impl Write for FailingWriter {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(self.0.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for (kind, is_ok) in [(ErrorKind::BrokenPipe, true), (ErrorKind::StorageFull, false)] {
            let mut output = LineOutput::new(FailingWriter(kind), false);
            output.print("a");
            output.print("b");
            assert!(output.has_failed());
            assert_eq!(output.into_result().is_ok(), is_ok);
        }
    }
}
