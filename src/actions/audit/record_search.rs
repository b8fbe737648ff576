//! Finds the last records of an audit log by reading it backwards, block by block. Each byte is read once, however few
//! records the file has; blocks without data, as in a sparse file, are skipped.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use crate::actions::audit::audit_reader::MAX_LINE_BYTES;
use crate::actions::audit::record::AuditRecord;

/// Size of a block in bytes.
const BLOCK_BYTES: u64 = 1 << 20;

/// The last records of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LastRecords {
    /// Position of the line with the first of them; the end of the file without any.
    pub(crate) start: u64,
    /// Position after the last of them.
    pub(crate) end: u64,
    /// Number of records.
    pub(crate) count: usize,
}

/// Finds the last `count` records before the position `end`, or all records if there are fewer.
///
/// # Errors
/// Returns an error if the file cannot be read.
pub(crate) fn find_last_records(file: &File, end: u64, count: usize) -> io::Result<LastRecords> {
    let found = LastRecords { start: end, end, count: 0 };
    let mut search = BackwardSearch { wanted: count, found, line_end: Some(Vec::new()) };
    let mut block_end = end;
    let mut block = Vec::new();
    while block_end > 0 && !search.is_finished() {
        let start = block_end.saturating_sub(BLOCK_BYTES);
        block.resize((block_end - start) as usize, 0);
        if has_data(file, start, block_end) {
            file.read_exact_at(&mut block, start)?;
            search.read_block(start, &block);
        } else {
            search.line_end = None;
        }
        block_end = start;
    }
    if let Some(line) = search.line_end.take().filter(|_| !search.is_finished()) {
        search.check_line(0, &line);
    }
    Ok(search.found)
}

/// Returns whether the file has data between two positions; also true if the file system does not report that.
fn has_data(file: &File, start: u64, end: u64) -> bool {
    match seek(file, SeekFrom::Data(start)) {
        Ok(data) => data < end,
        Err(error) => error != Errno::NXIO,
    }
}

/// State of a search.
struct BackwardSearch {
    /// Number of records to find.
    wanted: usize,
    found: LastRecords,
    /// End of the line that begins before the block; `None` if the line is too long for a record.
    line_end: Option<Vec<u8>>,
}

impl BackwardSearch {
    fn is_finished(&self) -> bool {
        self.found.count >= self.wanted
    }

    /// Searches a block that ends where the one before began.
    fn read_block(&mut self, start: u64, block: &[u8]) {
        // `contains` is much faster than a search for the last newline.
        if !block.contains(&b'\n') {
            return self.extend_line(block);
        }
        let mut rest = block;
        while let Some(newline) = rest.iter().rposition(|byte| *byte == b'\n') {
            let line = &rest[newline + 1..];
            let position = start + newline as u64 + 1;
            self.extend_line(line);
            if let Some(line) = self.line_end.replace(Vec::new()) {
                self.check_line(position, &line);
            }
            if self.is_finished() {
                return;
            }
            rest = &rest[..newline];
        }
        self.extend_line(rest);
    }

    /// Adds bytes before the end of the line.
    fn extend_line(&mut self, bytes: &[u8]) {
        self.line_end = self
            .line_end
            .take()
            .filter(|line_end| bytes.len() + line_end.len() <= MAX_LINE_BYTES)
            .map(|line_end| if bytes.is_empty() { line_end } else { [bytes, &line_end].concat() });
    }

    fn check_line(&mut self, position: u64, line: &[u8]) {
        let text = line.trim_ascii_start();
        let is_record =
            text.starts_with(b"{") && str::from_utf8(line).is_ok_and(|text| AuditRecord::parse(text).is_ok());
        if is_record {
            if self.found.count == 0 {
                self.found.end = position + line.len() as u64;
            }
            self.found.start = position;
            self.found.count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::audit::record::RecordPhase;
    use crate::actions::audit::test_records::record;
    use std::fs;

    #[test]
    fn find_last_records_finds_line_starts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let line = |name: &str| record(name, RecordPhase::Sending, 1, name).to_json_line().unwrap() + "\n";
        let long = "x".repeat(MAX_LINE_BYTES + 1) + "\n";
        let empty = "\n".repeat(1000);
        let pieces = [line("a"), long.clone(), empty, line("b"), "{}\n".to_owned(), long, line("c"), line("d")];
        let text = pieces.concat();
        let start = |name: &str| text.find(&line(name)).unwrap() as u64;
        let end = text.len() as u64;
        for text in [text.clone(), text.trim_end().to_owned()] {
            fs::write(&path, &text).unwrap();
            let file = File::open(&path).unwrap();
            let found = |count| find_last_records(&file, text.len() as u64, count).unwrap().start;
            assert_eq!([1, 2, 3, 4, 5].map(found), [start("d"), start("c"), start("b"), 0, 0]);
            assert_eq!(found(0), text.len() as u64);
        }
        fs::write(&path, &text).unwrap();
        let file = File::options().append(true).read(true).open(&path).unwrap();
        file.set_len(end + 10 * BLOCK_BYTES).unwrap();
        let end = end + 10 * BLOCK_BYTES;
        assert_eq!(
            find_last_records(&file, end, 1).unwrap(),
            LastRecords { start: start("d"), end: text.len() as u64 - 1, count: 1 }
        );
        fs::write(&path, "\n".repeat(3_000_000)).unwrap();
        let file = File::open(&path).unwrap();
        assert_eq!(
            find_last_records(&file, 3_000_000, 1).unwrap(),
            LastRecords { start: 3_000_000, end: 3_000_000, count: 0 }
        );
    }
}
