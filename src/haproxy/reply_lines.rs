//! The lines of a reply to any command, as safe text.

use crate::haproxy::safe_text::SafeText;

/// Maximum number of lines kept from one reply.
pub(crate) const MAX_LINES: usize = 20_000;

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

    /// Collects lines that are already split. Empty lines at the end are dropped.
    pub(crate) fn from_lines<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut out = Self::default();
        let mut empty = 0;
        for line in lines {
            if line.is_empty() {
                empty += 1;
                continue;
            }
            for _ in 0..std::mem::take(&mut empty) {
                out.push(b"");
            }
            out.push(line);
        }
        out
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
