//! Helpers for output to terminals and pipes.

use std::io::{self, ErrorKind, IsTerminal as _, Write};

use unicode_width::UnicodeWidthStr as _;

use crate::term::terminal_device;
use crate::ui::theme::{Palette, Theme};

/// Treats a closed pipe as success, because readers such as `head` stop early.
///
/// # Errors
/// Returns every error except `BrokenPipe`.
pub(crate) fn ignore_broken_pipe(printed: io::Result<()>) -> io::Result<()> {
    match printed {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Writer of text that replaces non-ASCII characters if only ASCII may be printed. Each write must end at the end of a
/// character, as formatted text does.
#[derive(Debug)]
pub(crate) struct TextWriter<W> {
    inner: W,
    is_ascii: bool,
}

impl<W: Write> TextWriter<W> {
    /// Creates a writer into `inner`; with `is_ascii`, only ASCII characters are written.
    pub(crate) fn new(inner: W, is_ascii: bool) -> Self {
        Self { inner, is_ascii }
    }
}

impl<W: Write> Write for TextWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_ascii {
            return self.inner.write(bytes);
        }
        let theme = Theme::new(Palette::Mono, true);
        let ascii = |ch| match ch {
            // A bar would separate the performance data of a health check.
            '·' => '-',
            ch => theme.displayable_char(ch),
        };
        let text: String = String::from_utf8_lossy(bytes).chars().map(ascii).collect();
        self.inner.write_all(text.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Returns the number of columns of the terminal on standard output, or a default if the number is unknown.
pub(crate) fn terminal_columns_or_default() -> usize {
    usize::from(terminal_device::size().0)
}

/// Returns the number of columns of the terminal, or `None` if standard output is not a terminal.
pub(crate) fn terminal_columns() -> Option<usize> {
    io::stdout().is_terminal().then(terminal_columns_or_default)
}

/// Maximum width of an aligned column. A wider cell shifts only the following cells of the same line.
const MAX_CELL_WIDTH: usize = 40;

/// Formats rows of cells as lines with aligned columns; the last column is not padded.
pub(crate) fn align_cells<const COLUMNS: usize>(lines: &[[String; COLUMNS]]) -> impl Iterator<Item = String> {
    let mut columns = AlignedColumns::default();
    columns.widen(lines);
    lines.iter().map(move |line| columns.format(line))
}

/// Widths of aligned columns, which grow with the rows.
#[derive(Debug)]
pub(crate) struct AlignedColumns<const COLUMNS: usize>([usize; COLUMNS]);

impl<const COLUMNS: usize> Default for AlignedColumns<COLUMNS> {
    fn default() -> Self {
        Self([0; COLUMNS])
    }
}

impl<const COLUMNS: usize> AlignedColumns<COLUMNS> {
    /// Makes the columns wide enough for these rows.
    pub(crate) fn widen(&mut self, lines: &[[String; COLUMNS]]) {
        for line in lines {
            for (width, cell) in self.0.iter_mut().zip(line) {
                *width = cell.width().min(MAX_CELL_WIDTH).max(*width);
            }
        }
    }

    /// Formats a row; the last column is not padded.
    pub(crate) fn format(&self, line: &[String; COLUMNS]) -> String {
        let mut out = String::new();
        for (width, cell) in self.0.iter().zip(line) {
            out.push_str(cell);
            out.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
        }
        out.truncate(out.trim_end().len());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignore_broken_pipe_keeps_other_errors() {
        assert!(ignore_broken_pipe(Err(ErrorKind::BrokenPipe.into())).is_ok());
        assert!(ignore_broken_pipe(Err(ErrorKind::StorageFull.into())).is_err());
    }

    #[test]
    fn align_cells_pads_columns_to_maximum_width() {
        let long = "x".repeat(60);
        let lines = [["a", "日本", "1"], ["bcd", "", ""], ["e", &long, "2"]].map(|line| line.map(str::to_owned));
        let shown: Vec<String> = align_cells(&lines).collect();
        assert_eq!(shown[0], format!("a    日本{}1", " ".repeat(38)));
        assert_eq!(shown[1], "bcd");
        assert_eq!(shown[2], format!("e    {long}  2"));
    }
}
