//! Any answer as HAProxy gave it, line by line, made safe.

use crate::haproxy::safe_text::SafeText;

/// Lines kept of one answer.
pub const MAX_LINES: usize = 20_000;

/// An answer's lines. Each is at most [`crate::haproxy::safe_text::MAX_BYTES`] bytes of the source; a longer one
/// is cut and ends in `…`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    list: Vec<SafeText>,
    left_out: usize,
}

impl Lines {
    /// Cuts an answer at its line breaks. Empty lines inside it are kept, those at its end are not.
    pub fn parse(body: &[u8]) -> Self {
        Self::of(body.split(|byte| *byte == b'\n'))
    }

    /// Takes what is a line each already; those of them at the end that are empty are not kept.
    pub fn of<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Self {
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
        if self.list.len() < MAX_LINES {
            self.list.push(SafeText::new(line));
        } else {
            self.left_out += 1;
        }
    }

    /// The lines, in HAProxy's order.
    pub fn list(&self) -> &[SafeText] {
        &self.list
    }

    /// How many lines came beyond [`MAX_LINES`] and were dropped.
    pub fn left_out(&self) -> usize {
        self.left_out
    }
}

/// The first line of an answer that says anything: an error in HAProxy's own words.
pub fn first_line(body: &[u8]) -> SafeText {
    let line = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty());
    SafeText::new(line.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(body: &[u8]) -> Vec<String> {
        Lines::parse(body).list().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn line_breaks_and_inner_empty_lines_are_kept() {
        assert_eq!(texts(b"a\n  b\n\n\nc\n\n"), ["a", "  b", "", "", "c"]);
        assert_eq!(texts(b"\n\n"), Vec::<String>::new());
        assert_eq!(texts(b"no break"), ["no break"]);
        assert_eq!(first_line(b"\n \nNo such table\n\n").as_str(), "No such table");
    }

    #[test]
    fn hostile_bytes_are_shown_and_not_obeyed() {
        assert_eq!(texts(b"a\x1b]0;x\x07b\r\n\xff\n"), [r"a\x1b]0;x\x07b\x0d", r"\xff"]);
    }

    #[test]
    fn an_endless_answer_is_bounded() {
        let lines = Lines::parse("x\n".repeat(MAX_LINES + 5).as_bytes());
        assert_eq!((lines.list().len(), lines.left_out()), (MAX_LINES, 5));
    }

    proptest! {
        #[test]
        fn no_line_holds_a_control_character(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            for line in Lines::parse(&bytes).list() {
                prop_assert!(!line.as_str().chars().any(char::is_control));
            }
        }
    }
}
