//! The line on the terminal that shows how much of long files has been read.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::units;

/// Time without a line, and between two lines.
const PAUSE: Duration = Duration::from_millis(500);
/// Number of lines between two looks at the clock.
const LINES: u64 = 1 << 14;
/// Number of characters of a full bar.
const BAR: u64 = 30;
/// Moves the cursor to the start of the line, and clears it.
const CLEAR: &str = "\r\x1b[K";

/// Counts the bytes that are read from files, and draws the share of their size.
#[derive(Debug)]
pub(crate) struct ReadingProgress<W: Write> {
    out: W,
    read: Rc<Cell<u64>>,
    total: u64,
    due: Instant,
    lines: u64,
    is_shown: bool,
}

impl<W: Write> ReadingProgress<W> {
    /// Starts to count what is read from files. Without the size of each, as of standard input, only the bytes are shown.
    pub(crate) fn new(files: &[PathBuf], out: W) -> Self {
        let size =
            |path: &PathBuf| std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|file| file.len());
        let total = files.iter().map(size).sum::<Option<u64>>().unwrap_or_default();
        Self { out, read: Rc::default(), total, due: Instant::now() + PAUSE, lines: 0, is_shown: false }
    }

    /// Returns a reader of the same bytes, which are counted.
    pub(crate) fn count<R: Read>(&self, source: R) -> CountedReader<R> {
        CountedReader { source, read: Rc::clone(&self.read) }
    }

    /// Counts a line; draws if it is time.
    pub(crate) fn line(&mut self) {
        self.lines += 1;
        if self.lines.is_multiple_of(LINES) && Instant::now() >= self.due {
            self.draw();
            self.due = Instant::now() + PAUSE;
        }
    }

    /// Draws what has been read. Errors are ignored, because the figures do not depend on it.
    fn draw(&mut self) {
        let read = self.read.get();
        let size = |bytes: u64| units::bytes(bytes as f64);
        let text = match self.total {
            0 => format!("{} read", size(read)),
            total => {
                let filled = (read.min(total) * BAR / total) as usize;
                let share = units::percent(read.min(total) as f64 / total as f64);
                let bar = format!("{}{}", "#".repeat(filled), ".".repeat(BAR as usize - filled));
                format!("[{bar}] {share} of {}", size(total))
            }
        };
        self.is_shown = write!(self.out, "{CLEAR}{text}").and_then(|()| self.out.flush()).is_ok();
    }
}

impl<W: Write> Drop for ReadingProgress<W> {
    fn drop(&mut self) {
        if self.is_shown {
            _ = write!(self.out, "{CLEAR}").and_then(|()| self.out.flush());
        }
    }
}

/// A reader whose bytes are counted.
#[derive(Debug)]
pub(crate) struct CountedReader<R> {
    source: R,
    read: Rc<Cell<u64>>,
}

impl<R: Read> Read for CountedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what is drawn after 100 of `size` bytes were read.
    fn drawn(size: Option<u64>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        if let Some(size) = size {
            std::fs::File::create(&path).unwrap().set_len(size).unwrap();
        }
        let mut out = Vec::new();
        let mut progress = ReadingProgress::new(&[path], &mut out);
        io::copy(&mut progress.count(&[0; 100][..]), &mut io::sink()).unwrap();
        progress.due = Instant::now();
        (0..LINES).for_each(|_| progress.line());
        drop(progress);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn share_of_size_is_drawn_and_cleared() {
        assert_eq!(drawn(Some(400)), "\r\u{1b}[K[#######.......................] 25% of 400B\r\u{1b}[K");
        assert_eq!(drawn(None), "\r\u{1b}[K100B read\r\u{1b}[K");
    }
}
