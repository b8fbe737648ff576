//! Reads an audit file line by line. A line that is not a record is reported with its number and skipped, so that
//! an incomplete line does not hide the lines after it.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom, Take};

use crate::actions::audit::record::{AuditRecord, escape_invisible};
use crate::haproxy::safe_text::SafeText;

/// Maximum length of a line in bytes, for reading and writing.
pub(crate) const MAX_LINE_BYTES: usize = 1 << 20;

/// A line with a valid record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordLine {
    /// The parsed record.
    pub record: AuditRecord,
    text: String,
}

impl RecordLine {
    /// Returns the size of the line in bytes.
    pub fn size(&self) -> usize {
        self.text.len()
    }

    /// Returns the line as it is in the file, including keys of newer versions, but escaped so that it is safe to
    /// print.
    pub fn printable_json(&self) -> String {
        escape_invisible(&self.text)
    }
}

/// A line without a valid record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Line number, starting at 1; `None` if the file was not read from its beginning.
    pub number: Option<u64>,
    /// Reason, safe to print.
    pub(crate) reason: SafeText,
    /// Reading failed, so the rest of the file is missing.
    pub is_read_error: bool,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(f, "line {number}")?,
            None => f.write_str("a line")?,
        }
        write!(f, " {}: {}", if self.is_read_error { "cannot be read" } else { "is not a record" }, self.reason)
    }
}

/// Iterator over the lines of an audit log.
#[derive(Debug)]
pub struct RecordLines<R> {
    reader: R,
    number: Option<u64>,
    is_finished: bool,
}

/// Returns an iterator over the lines that begin within the last `max_bytes` bytes of a file. Lines that are appended
/// later are left out.
///
/// # Errors
/// Returns an error if the file cannot be read.
pub(crate) fn read_tail(file: &File, max_bytes: u64) -> io::Result<RecordLines<BufReader<Take<&File>>>> {
    let length = file.metadata()?.len();
    read_range(file, length.saturating_sub(max_bytes), length)
}

/// Returns an iterator over the lines that begin between two positions of a file.
///
/// # Errors
/// Returns an error if the file cannot be read.
pub(crate) fn read_range(file: &File, start: u64, end: u64) -> io::Result<RecordLines<BufReader<Take<&File>>>> {
    // The byte before `start` shows whether a line begins there.
    let seek_to = start.saturating_sub(1);
    let mut seeking = file;
    seeking.seek(SeekFrom::Start(seek_to))?;
    let mut lines = RecordLines::new(BufReader::new(file.take(end - seek_to)));
    if start > 0 {
        lines.number = None;
        lines.read_raw_line()?;
    }
    Ok(lines)
}

/// A raw line; the last one may lack its newline.
enum RawLine {
    Whole(Vec<u8>),
    Unterminated(Vec<u8>),
    TooLong,
}

impl<R: BufRead> RecordLines<R> {
    /// Creates an iterator over the lines of `reader`.
    pub fn new(from: R) -> Self {
        Self { reader: from, number: Some(0), is_finished: false }
    }

    fn read_raw_line(&mut self) -> io::Result<Option<RawLine>> {
        let mut text = Vec::new();
        let most = MAX_LINE_BYTES as u64 + 1;
        let count = self.reader.by_ref().take(most).read_until(b'\n', &mut text)?;
        if count == 0 {
            return Ok(None);
        }
        if text.pop_if(|byte| *byte == b'\n').is_some() {
            return Ok(Some(RawLine::Whole(text)));
        }
        if (count as u64) < most {
            return Ok(Some(RawLine::Unterminated(text)));
        }
        self.reader.skip_until(b'\n')?;
        Ok(Some(RawLine::TooLong))
    }

    fn bad_line(&self, reason: &str, is_read_error: bool) -> BadLine {
        BadLine { number: self.number, reason: reason.into(), is_read_error }
    }

    fn parse_line(&self, bytes: Vec<u8>, is_cut: bool) -> Result<RecordLine, BadLine> {
        let text = String::from_utf8(bytes).map_err(|_| self.bad_line("it is not UTF-8 text", false))?;
        match AuditRecord::parse(&text) {
            Ok(record) => Ok(RecordLine { record, text }),
            Err(_) if is_cut => Err(self.bad_line("it is incomplete", false)),
            Err(reason) => Err(self.bad_line(reason.as_str(), false)),
        }
    }
}

impl<R: BufRead> Iterator for RecordLines<R> {
    type Item = Result<RecordLine, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_finished {
            self.number = self.number.map(|number| number + 1);
            match self.read_raw_line() {
                Ok(Some(RawLine::Whole(bytes) | RawLine::Unterminated(bytes))) if bytes.trim_ascii().is_empty() => {}
                Ok(Some(RawLine::Whole(bytes))) => return Some(self.parse_line(bytes, false)),
                Ok(Some(RawLine::Unterminated(bytes))) => return Some(self.parse_line(bytes, true)),
                Ok(Some(RawLine::TooLong)) => {
                    return Some(Err(self.bad_line(&format!("it is longer than {MAX_LINE_BYTES} bytes"), false)));
                }
                Ok(None) => self.is_finished = true,
                Err(error) => {
                    self.is_finished = true;
                    return Some(Err(self.bad_line(&error.to_string(), true)));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::audit::record::RecordPhase;
    use crate::actions::audit::test_records::{any_record, record};
    use proptest::prelude::*;
    use std::fs;

    fn line(command: &str) -> String {
        record("1", RecordPhase::Sending, 1, command).to_json_line().unwrap() + "\n"
    }

    fn commands_or_errors(bytes: &[u8]) -> Vec<String> {
        RecordLines::new(bytes)
            .map(|line| line.map_or_else(|bad| bad.to_string(), |line| line.record.command))
            .collect()
    }

    #[test]
    fn record_lines_report_bad_lines_by_number_and_continue() {
        let long = "x".repeat(MAX_LINE_BYTES + 1);
        let text = [&line("a"), "\n  \r\n", "{}\n", "\u{1b}[31m\n", &line("b"), &long, "\n", &line("c")].concat();
        assert_eq!(
            commands_or_errors(text.as_bytes()),
            [
                "a",
                "line 4 is not a record: missing field `time`",
                "line 5 is not a record: expected value",
                "b",
                "line 7 is not a record: it is longer than 1048576 bytes",
                "c"
            ]
        );
        assert_eq!(commands_or_errors(b"\xff\n"), ["line 1 is not a record: it is not UTF-8 text"]);
        assert_eq!(commands_or_errors(b""), [""; 0]);
    }

    #[test]
    fn record_lines_accept_complete_last_line_without_newline() {
        let line = line("a");
        assert_eq!(commands_or_errors(line.trim_end().as_bytes()), ["a"]);
        assert_eq!(commands_or_errors(&line.as_bytes()[..50]), ["line 1 is not a record: it is incomplete"]);
    }

    #[test]
    fn read_tail_starts_at_line_boundary() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let (first, second) = (line("a"), line("b"));
        fs::write(&path, [first.as_str(), second.as_str()].concat()).unwrap();
        let file = File::open(&path).unwrap();
        let tail = |max: usize| -> Vec<String> {
            read_tail(&file, max as u64).unwrap().map(|line| line.unwrap().record.command).collect()
        };
        assert_eq!(tail(10_000), ["a", "b"]);
        assert_eq!(tail(first.len() + second.len()), ["a", "b"]);
        assert_eq!(tail(first.len() + second.len() - 1), ["b"]);
        assert_eq!(tail(second.len()), ["b"]);
        assert_eq!(tail(second.len() - 1), [""; 0]);
        assert_eq!(tail(0), [""; 0]);
    }

    #[test]
    fn printable_json_keeps_unknown_keys_and_escapes_control_characters() {
        let text = line("a").replacen('{', "{\"new\":\"\u{9b}\",", 1);
        let json = RecordLines::new(text.as_bytes()).next().unwrap().unwrap().printable_json();
        assert!(json.starts_with(r#"{"new":"\u009b","time":"#), "{json}");
    }

    proptest! {
        #[test]
        fn record_lines_keep_complete_lines_around_torn_ones(
            pieces in proptest::collection::vec((any_record(), 0usize..10_000, any::<bool>()), 0..12)
        ) {
            let (mut bytes, mut whole) = (Vec::new(), Vec::new());
            for (record, at, is_torn) in pieces {
                let line = record.to_json_line().unwrap();
                if is_torn {
                    bytes.extend_from_slice(&line.as_bytes()[..at % line.len()]);
                } else {
                    bytes.extend_from_slice(line.as_bytes());
                    whole.push(record);
                }
                bytes.push(b'\n');
            }
            let read: Vec<AuditRecord> = RecordLines::new(bytes.as_slice()).flatten().map(|line| line.record).collect();
            prop_assert_eq!(read, whole);
        }

        #[test]
        fn record_line_errors_have_no_control_characters(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for bad in RecordLines::new(bytes.as_slice()).filter_map(Result::err) {
                prop_assert!(!bad.to_string().contains(char::is_control));
            }
        }
    }
}
