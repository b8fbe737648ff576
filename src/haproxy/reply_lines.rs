//! The lines of a reply to any command, as safe text.

use unicode_width::UnicodeWidthStr as _;

use crate::haproxy::safe_text::{MAX_BYTES, SafeText};

/// Maximum number of lines kept from one reply.
pub(crate) const MAX_LINES: usize = 20_000;
/// Maximum width of an aligned column, in screen cells.
const MAX_CELL_WIDTH: usize = 60;

/// The lines of a reply. A line longer than [`crate::haproxy::safe_text::MAX_BYTES`] bytes is truncated and ends with
/// `…`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplyLines {
    lines: Vec<SafeText>,
    dropped: usize,
}

impl ReplyLines {
    /// Splits a reply at its line breaks. Empty lines at the end of the reply are dropped; all other empty lines are
    /// kept.
    pub fn parse(body: &[u8]) -> Self {
        Self::from_lines(body.split(|byte| *byte == b'\n'))
    }

    /// Collects lines that are already split. Empty lines at the end are dropped. The cells of consecutive lines with tabs
    /// are aligned as columns.
    pub(crate) fn from_lines<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut out = Self::default();
        let mut empty = 0;
        let mut table: Vec<&[u8]> = Vec::new();
        for line in lines {
            if line.contains(&b'\t') && empty == 0 {
                table.push(line);
                continue;
            }
            out.push_table(&std::mem::take(&mut table));
            if line.is_empty() {
                empty += 1;
                continue;
            }
            for _ in 0..std::mem::take(&mut empty) {
                out.push(b"");
            }
            if line.contains(&b'\t') {
                table.push(line);
            } else {
                out.push(line);
            }
        }
        out.push_table(&table);
        out
    }

    /// Adds lines whose cells are separated by tabs. A cell wider than [`MAX_CELL_WIDTH`] does not widen its column.
    fn push_table(&mut self, lines: &[&[u8]]) {
        let cells = |line: &'_ [u8]| line.split(|byte| *byte == b'\t').map(<[u8]>::to_vec).collect::<Vec<_>>();
        let width = |cell: &[u8]| SafeText::new(cell).as_str().width();
        let mut widths: Vec<usize> = Vec::new();
        for line in lines {
            // The last cell of a line needs no padding.
            for (column, cell) in cells(line).iter().rev().skip(1).rev().enumerate() {
                if column == widths.len() {
                    widths.push(0);
                }
                widths[column] = widths[column].max(width(cell)).min(MAX_CELL_WIDTH);
            }
        }
        for line in lines {
            let cells = cells(line);
            let mut text = Vec::new();
            for (column, cell) in cells.iter().enumerate().take_while(|(column, _)| *column <= MAX_BYTES) {
                text.extend_from_slice(cell);
                if column + 1 < cells.len() {
                    text.resize(text.len() + (widths[column] + 2).saturating_sub(width(cell)).max(2), b' ');
                }
            }
            self.push(&text);
        }
    }

    fn push(&mut self, line: &[u8]) {
        if self.lines.len() < MAX_LINES {
            self.lines.push(SafeText::new(line));
        } else {
            self.dropped += 1;
        }
    }

    /// Returns the lines, in HAProxy's order.
    pub fn as_slice(&self) -> &[SafeText] {
        &self.lines
    }

    /// Returns the number of lines that were dropped because the reply has more than [`MAX_LINES`] lines.
    pub fn dropped(&self) -> usize {
        self.dropped
    }
}

/// Returns the first line that is not blank, such as HAProxy's error message, or an empty text if all lines are blank.
pub fn first_line(body: &[u8]) -> SafeText {
    let line = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty());
    SafeText::new(line.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(body: &[u8]) -> Vec<String> {
        ReplyLines::parse(body).as_slice().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn parse_keeps_line_breaks_and_inner_empty_lines() {
        assert_eq!(texts(b"a\n  b\n\n\nc\n\n"), ["a", "  b", "", "", "c"]);
        assert_eq!(texts(b"\n\n"), Vec::<String>::new());
        assert_eq!(texts(b"no break"), ["no break"]);
        assert_eq!(first_line(b"\n \nNo such table\n\n").as_str(), "No such table");
    }

    #[test]
    fn parse_escapes_hostile_bytes() {
        assert_eq!(texts(b"a\x1b]0;x\x07b\r\n\xff\n"), [r"a\x1b]0;x\x07b\x0d", r"\xff"]);
    }

    #[test]
    fn parse_aligns_cells_between_tabs() {
        let wide = "x".repeat(70);
        assert_eq!(
            texts(b"# cert\tstate\tin\nlonger.pem\tOk\t9h\n"),
            ["# cert      state  in", "longer.pem  Ok     9h"]
        );
        assert_eq!(texts(b"a\tb\n\nlonger\tb\nplain\n"), ["a  b", "", "longer  b", "plain"], "one table each");
        assert_eq!(texts(format!("{wide}\tb\nc\td\n").as_bytes())[0], format!("{wide}  b"));
        assert_eq!(texts("日本\tb\nabcd\t\x1b\n".as_bytes()), ["日本  b", r"abcd  \x1b"]);
        assert_eq!(texts(b"\t\n\t\t\n"), ["  ", "    "]);
    }

    #[test]
    fn parse_limits_the_number_of_lines() {
        let lines = ReplyLines::parse("x\n".repeat(MAX_LINES + 5).as_bytes());
        assert_eq!((lines.as_slice().len(), lines.dropped()), (MAX_LINES, 5));
    }

    proptest! {
        #[test]
        fn lines_never_contain_control_characters(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            for line in ReplyLines::parse(&bytes).as_slice() {
                prop_assert!(!line.as_str().chars().any(char::is_control));
            }
        }
    }
}
