//! Makes lines of bytes that arrive in any parts.

use crate::logs::log_file::MAX_LINE;

/// The bytes of a line whose end has not arrived yet.
#[derive(Debug, Default)]
pub(crate) struct LineAssembler {
    half: Vec<u8>,
    /// True until the end of a line of which no more is kept.
    is_skipping: bool,
}

impl LineAssembler {
    /// Creates an assembler of bytes that begin within a line, which is left out.
    pub(crate) fn within_line() -> Self {
        Self { half: Vec::new(), is_skipping: true }
    }

    /// Adds bytes, and calls `each` with every line that is now complete, without its line end. Of a line longer than
    /// [`MAX_LINE`], only that many bytes are kept.
    pub(crate) fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            if self.is_skipping {
                self.is_skipping = false;
            } else if self.half.is_empty() {
                each(without_return(&line[..line.len().min(MAX_LINE)]));
            } else {
                self.keep(line);
                each(without_return(&self.half));
                self.half.clear();
            }
            rest = after;
        }
        if self.is_skipping {
            return;
        }
        self.keep(rest);
        if self.half.len() == MAX_LINE {
            each(&self.half);
            self.half.clear();
            self.is_skipping = true;
        }
    }

    /// Returns the bytes of the line that is incomplete, as a line; `None` without any.
    pub(crate) fn take_half(&mut self) -> Option<Vec<u8>> {
        Some(std::mem::take(&mut self.half)).filter(|half| !half.is_empty())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let free = MAX_LINE - self.half.len();
        self.half.extend_from_slice(&bytes[..bytes.len().min(free)]);
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_are_the_same_whatever_the_parts(
            text in "([a-c]{0,5}\r?\n?){0,20}",
            cuts in proptest::collection::vec(0_usize..60, 0..10),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let (mut lines, mut assembler) = (Vec::new(), LineAssembler::default());
            for pair in cuts.windows(2) {
                assembler.push(&bytes[pair[0]..pair[1]], &mut |line| lines.push(line.to_vec()));
            }
            let (whole, half) = text.rsplit_once('\n').map_or(("", text.as_str()), |(whole, half)| (whole, half));
            let expected: Vec<Vec<u8>> = if text.contains('\n') {
                whole.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line).as_bytes().to_vec()).collect()
            } else {
                Vec::new()
            };
            prop_assert_eq!(lines, expected);
            prop_assert_eq!(assembler.take_half().unwrap_or_default(), half.as_bytes());
        }
    }

    #[test]
    fn long_lines_are_cut_once() {
        let (mut lines, mut assembler) = (Vec::new(), LineAssembler::default());
        for part in [vec![b'x'; MAX_LINE - 1], vec![b'y'; 3 * MAX_LINE], b"z\nnext\n".to_vec()] {
            assembler.push(&part, &mut |line| lines.push(line.to_vec()));
        }
        assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [MAX_LINE, 4]);
        assert!(lines[0].ends_with(b"xy"));
        let mut begun = LineAssembler::within_line();
        let mut read = Vec::new();
        begun.push(b"rest of a line\nwhole\n", &mut |line| read.push(line.to_vec()));
        assert_eq!(read, [b"whole"]);
    }
}
