//! Reads one CSV record from bytes that are still arriving.

/// The outcome of reading a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CsvOutcome {
    /// The record is complete. Contains the number of bytes read, including the line end.
    Complete(usize),
    /// The bytes end within the record. Its cells so far have been read.
    Partial,
}

/// A CSV record: cells with quotes, doubled quotes and line breaks in quotes. Its buffers are reused by the next record.
#[derive(Debug)]
pub(crate) struct CsvRecord {
    reader: csv_core::Reader,
    cells: Vec<u8>,
    /// End of each cell in `cells`.
    ends: Vec<usize>,
    count: usize,
}

impl Default for CsvRecord {
    fn default() -> Self {
        Self { reader: csv_core::Reader::new(), cells: Vec::new(), ends: Vec::new(), count: 0 }
    }
}

impl CsvRecord {
    /// Replaces the cells with those of the record at the start of `bytes`. Empty lines before it are skipped.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> CsvOutcome {
        use csv_core::ReadRecordResult::{End, InputEmpty, OutputEndsFull, OutputFull, Record};
        self.reader.reset();
        // The reader removes a byte order mark at the start of its input, but a row may begin with any name.
        let _ = self.reader.read_record(b"\n", &mut [0; 1], &mut [0; 1]);
        let (mut read, mut written) = (0, 0);
        self.count = 0;
        let mut is_at_end = false;
        loop {
            let (result, from, to, ends) =
                self.reader.read_record(&bytes[read..], &mut self.cells[written..], &mut self.ends[self.count..]);
            (read, written, self.count) = (read + from, written + to, self.count + ends);
            match result {
                Record if is_at_end => return CsvOutcome::Partial,
                Record => return CsvOutcome::Complete(read),
                OutputFull => self.cells.resize((self.cells.len() * 2).max(1024), 0),
                OutputEndsFull => self.ends.resize((self.ends.len() * 2).max(128), 0),
                // An empty input ends the last cell.
                InputEmpty if !is_at_end => is_at_end = true,
                InputEmpty | End => return CsvOutcome::Partial,
            }
        }
    }

    /// Returns the number of cells.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Iterates over the cells, without their quotes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends[..self.count]).map(|(start, end)| &self.cells[*start..*end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(bytes: &[u8]) -> (Vec<String>, CsvOutcome) {
        let mut record = CsvRecord::default();
        let outcome = record.read(bytes);
        let cells = record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
        assert_eq!(record.len(), record.iter().count());
        (cells, outcome)
    }

    #[test]
    fn read_separates_complete_and_partial_records() {
        assert_eq!(
            cells(b"\na,\"b\n\"\"c\",\nd,e"),
            (vec!["a".into(), "b\n\"c".into(), String::new()], CsvOutcome::Complete(12))
        );
        assert_eq!(cells(b"a,\"b\n"), (vec!["a".into(), "b\n".into()], CsvOutcome::Partial));
        assert_eq!(cells(b"a,b"), (vec!["a".into(), "b".into()], CsvOutcome::Partial));
        assert_eq!(cells(b"\n\n"), (Vec::new(), CsvOutcome::Partial));
        assert_eq!(cells(b""), (Vec::new(), CsvOutcome::Partial));
        assert_eq!(cells("\u{feff}a\n".as_bytes()).0, ["\u{feff}a"], "a byte order mark is part of the cell");
    }

    #[test]
    fn read_grows_buffers_for_long_records() {
        let (read, outcome) = cells(&[b"x".repeat(5000), b",".repeat(500), b"\n".to_vec()].concat());
        assert_eq!((read.len(), read[0].len(), outcome), (501, 5000, CsvOutcome::Complete(5501)));
    }
}
