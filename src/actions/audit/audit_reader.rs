//! Reads an audit back, line by line. What is no record is told with its place and passed over: a torn line
//! never takes a whole one with it.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crate::actions::audit::record::{Record, visible};
use crate::haproxy::safe_text::SafeText;

/// Longer lines are not read, and not written.
pub const MAX_LINE: usize = 1 << 20;

/// A line that is a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it says.
    pub record: Record,
    text: String,
}

impl Line {
    /// The line as it stands in the file, keys of newer versions included, safe to print.
    pub fn json(&self) -> String {
        visible(&self.text)
    }
}

/// A line that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number from 1, where the file was read from its beginning.
    pub number: Option<u64>,
    /// Why, safe to print.
    pub why: SafeText,
    /// Whether the file could not be read any further.
    pub is_last: bool,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(f, "line {number}")?,
            None => f.write_str("a line")?,
        }
        write!(f, " {}: {}", if self.is_last { "cannot be read" } else { "is not a record" }, self.why)
    }
}

/// The lines of an audit, one after the other.
#[derive(Debug)]
pub struct Lines<R> {
    from: R,
    number: Option<u64>,
    ended: bool,
}

/// Reads a whole file.
///
/// # Errors
/// When it cannot be opened.
pub fn read(path: &Path) -> io::Result<Lines<BufReader<File>>> {
    Ok(Lines::new(BufReader::new(open(path)?)))
}

/// Reads the last `max_bytes` of a file, from the first line that begins there.
///
/// # Errors
/// When it cannot be opened or is no plain file.
pub fn tail(path: &Path, max_bytes: u64) -> io::Result<Lines<BufReader<File>>> {
    let mut file = open(path)?;
    let start = file.metadata()?.len().saturating_sub(max_bytes);
    // The byte before tells whether a line begins at the start.
    file.seek(SeekFrom::Start(start.saturating_sub(1)))?;
    let mut lines = Lines { from: BufReader::new(file), number: None, ended: false };
    if start > 0 {
        lines.next_text()?;
    }
    Ok(lines)
}

fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(ErrorKind::IsADirectory, "it is a folder"));
    }
    Ok(file)
}

/// A line as it was read; the last one may have no end.
enum Text {
    Whole(Vec<u8>),
    Cut(Vec<u8>),
    TooLong,
}

impl<R: BufRead> Lines<R> {
    /// The lines that `from` gives, from its first.
    pub fn new(from: R) -> Self {
        Self { from, number: Some(0), ended: false }
    }

    fn next_text(&mut self) -> io::Result<Option<Text>> {
        let mut text = Vec::new();
        let most = MAX_LINE as u64 + 1;
        let count = self.from.by_ref().take(most).read_until(b'\n', &mut text)?;
        if count == 0 {
            return Ok(None);
        }
        if text.pop_if(|byte| *byte == b'\n').is_some() {
            return Ok(Some(Text::Whole(text)));
        }
        if (count as u64) < most {
            return Ok(Some(Text::Cut(text)));
        }
        self.from.skip_until(b'\n')?;
        Ok(Some(Text::TooLong))
    }

    fn bad(&self, why: &str, is_last: bool) -> BadLine {
        BadLine { number: self.number, why: why.into(), is_last }
    }

    fn record(&self, bytes: Vec<u8>, is_cut: bool) -> Result<Line, BadLine> {
        let text = String::from_utf8(bytes).map_err(|_| self.bad("it is not UTF-8 text", false))?;
        match Record::parse(&text) {
            Ok(record) => Ok(Line { record, text }),
            Err(_) if is_cut => Err(self.bad("it has no end", false)),
            Err(why) => Err(self.bad(why.as_str(), false)),
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<Line, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            self.number = self.number.map(|number| number + 1);
            match self.next_text() {
                Ok(Some(Text::Whole(bytes) | Text::Cut(bytes))) if bytes.trim_ascii().is_empty() => {}
                Ok(Some(Text::Whole(bytes))) => return Some(self.record(bytes, false)),
                Ok(Some(Text::Cut(bytes))) => return Some(self.record(bytes, true)),
                Ok(Some(Text::TooLong)) => {
                    return Some(Err(self.bad(&format!("it is longer than {MAX_LINE} bytes"), false)));
                }
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(self.bad(&error.to_string(), true)));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::audit::record::Phase;
    use crate::actions::audit::test_records::{any_record, record};
    use proptest::prelude::*;
    use std::fs;

    fn line(command: &str) -> String {
        record("1", Phase::Sending, 1, command).line().unwrap() + "\n"
    }

    fn told(bytes: &[u8]) -> Vec<String> {
        Lines::new(bytes).map(|line| line.map_or_else(|bad| bad.to_string(), |line| line.record.command)).collect()
    }

    #[test]
    fn what_is_no_record_is_told_by_its_number_and_passed_over() {
        let long = "x".repeat(MAX_LINE + 1);
        let text = [&line("a"), "\n  \r\n", "{}\n", "\u{1b}[31m\n", &line("b"), &long, "\n", &line("c")].concat();
        assert_eq!(
            told(text.as_bytes()),
            [
                "a",
                "line 4 is not a record: missing field `time`",
                "line 5 is not a record: expected value",
                "b",
                "line 7 is not a record: it is longer than 1048576 bytes",
                "c"
            ]
        );
        assert_eq!(told(b"\xff\n"), ["line 1 is not a record: it is not UTF-8 text"]);
        assert_eq!(told(b""), [""; 0]);
    }

    #[test]
    fn a_last_line_without_an_end_is_a_record_if_it_is_whole() {
        let line = line("a");
        assert_eq!(told(line.trim_end().as_bytes()), ["a"]);
        assert_eq!(told(&line.as_bytes()[..50]), ["line 1 is not a record: it has no end"]);
    }

    #[test]
    fn a_tail_begins_with_a_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let (first, second) = (line("a"), line("b"));
        fs::write(&path, [first.as_str(), second.as_str()].concat()).unwrap();
        let tail = |max: usize| -> Vec<String> {
            tail(&path, max as u64).unwrap().map(|line| line.unwrap().record.command).collect()
        };
        assert_eq!(tail(10_000), ["a", "b"]);
        assert_eq!(tail(first.len() + second.len()), ["a", "b"]);
        assert_eq!(tail(first.len() + second.len() - 1), ["b"]);
        assert_eq!(tail(second.len()), ["b"]);
        assert_eq!(tail(second.len() - 1), [""; 0]);
        assert_eq!(tail(0), [""; 0]);
    }

    #[test]
    fn a_folder_or_nothing_is_no_audit() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(tail(&folder.path().join("none"), 5).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_line_is_printed_as_it_stands_and_safely() {
        let text = line("a").replacen('{', "{\"new\":\"\u{9b}\",", 1);
        let json = Lines::new(text.as_bytes()).next().unwrap().unwrap().json();
        assert!(json.starts_with(r#"{"new":"\u009b","time":"#), "{json}");
    }

    proptest! {
        #[test]
        fn torn_lines_never_lose_whole_ones(
            pieces in proptest::collection::vec((any_record(), 0usize..10_000, any::<bool>()), 0..12)
        ) {
            let (mut bytes, mut whole) = (Vec::new(), Vec::new());
            for (record, at, is_torn) in pieces {
                let line = record.line().unwrap();
                if is_torn {
                    bytes.extend_from_slice(&line.as_bytes()[..at % line.len()]);
                } else {
                    bytes.extend_from_slice(line.as_bytes());
                    whole.push(record);
                }
                bytes.push(b'\n');
            }
            let read: Vec<Record> = Lines::new(bytes.as_slice()).flatten().map(|line| line.record).collect();
            prop_assert_eq!(read, whole);
        }

        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for bad in Lines::new(bytes.as_slice()).filter_map(Result::err) {
                prop_assert!(!bad.to_string().contains(char::is_control));
            }
        }
    }
}
