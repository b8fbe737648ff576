//! The reply to `show stat`: a CSV table of frontends, backends, servers and listeners.
//!
//! Columns are found by the name in the header line, never by position. The columns before a column named `-` are
//! usually the columns of an older version followed by new ones, but a backport inserted a column in the middle
//! (2.6.12); the columns after `-` depend on the build. A [`StatTable`] stores the numbers of all rows together. It
//! shares names and texts with the previous table, and the whole list of rows if no name or text changed.

use std::sync::Arc;

use thiserror::Error;

use crate::haproxy::csv_record::{CsvOutcome, CsvRecord};
use crate::haproxy::fields::Field;
use crate::haproxy::numbers::number_rows::{self, NumberRows};
use crate::haproxy::reply_words;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_header::StatSchema;
use crate::haproxy::stat_reader::{PlainRowReader, StatReader};
pub use crate::haproxy::stat_reader::{StatAnomalies, StatLimits};
pub use crate::haproxy::stat_row::{RowKind, StatRow};
use crate::haproxy::stat_row_reader;

/// The error for a reply that is not a complete reply to `show stat`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StatError {
    /// The first line is not a header with `pxname` and `svname`. The field contains the beginning of the reply.
    #[error("the reply to \"show stat\" does not begin with \"# pxname,svname,\" but with \"{0}\"")]
    NoHeader(SafeText),
    /// The final empty line is missing: HAProxy truncated the reply, or the connection was lost. The field contains the
    /// number of bytes received.
    #[error("the reply to \"show stat\" was cut after {0} bytes: its final empty line is missing")]
    Cut(usize),
    /// A row is longer than [`MAX_ROW_BYTES`].
    #[error("the reply to \"show stat\" has a row of more than {MAX_ROW_BYTES} bytes; reading was stopped")]
    LongRow,
}

/// Maximum length of a row in bytes. HAProxy builds a row in a buffer of 16 kB (`tune.bufsize`).
pub(crate) const MAX_ROW_BYTES: usize = 1 << 20;
/// Maximum length of the header line in bytes; 3.2 sends 1,400.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// The parsed reply to a `show stat` command.
#[derive(Debug)]
pub struct StatTable {
    schema: Arc<StatSchema>,
    rows: Arc<Vec<StatRow>>,
    numbers: Arc<NumberRows>,
    anomalies: StatAnomalies,
    /// Memory of the rows without their numbers, in bytes.
    row_memory: usize,
}

impl StatTable {
    /// Parses a complete reply, without the empty line at its end.
    ///
    /// `previous` is the table of the previous sample; unchanged names and texts are shared with it.
    ///
    /// # Errors
    /// Returns an error if the reply does not begin with a header line of `show stat` or ends within a quoted cell.
    pub fn parse(body: &[u8], previous: Option<&Self>) -> Result<Self, StatError> {
        StatParser::new(previous, StatLimits::default()).finish(body)
    }

    /// Builds a table from its parts. `numbers` must contain one row for each of `rows`.
    pub(crate) fn new(
        schema: Arc<StatSchema>,
        rows: Arc<Vec<StatRow>>,
        numbers: NumberRows,
        anomalies: StatAnomalies,
    ) -> Self {
        let row_memory = memory_of_rows(&rows);
        Self { schema, rows, numbers: Arc::new(numbers), anomalies, row_memory }
    }

    /// Returns a table with the same numbers and other names and texts. `schema` must have the slots of this table's
    /// schema, and `rows` one row for each row of this table.
    pub(crate) fn with_texts(&self, schema: Arc<StatSchema>, rows: Arc<Vec<StatRow>>) -> Self {
        let row_memory = memory_of_rows(&rows);
        Self { schema, rows, numbers: Arc::clone(&self.numbers), anomalies: self.anomalies, row_memory }
    }

    /// Returns the rows in HAProxy's order: for each proxy, the frontend, the servers and the backend.
    pub fn rows(&self) -> &[StatRow] {
        &self.rows
    }

    /// Returns the shared list of rows. Consecutive samples that differ only in numbers share the same allocation.
    pub(crate) fn shared_rows(&self) -> &Arc<Vec<StatRow>> {
        &self.rows
    }

    /// Returns the columns of the table.
    pub fn schema(&self) -> &Arc<StatSchema> {
        &self.schema
    }

    /// Returns the value of a numeric column of the row at `index`, or `None` if the cell is empty or this version does
    /// not have the column.
    #[inline]
    pub fn number(&self, index: usize, field: Field) -> Option<i64> {
        self.numbers.get(index, self.schema.slot(field)?)
    }

    /// Returns the number in a slot of the row at `index`, or `None` if the number is absent.
    pub fn slot_number(&self, index: usize, slot: usize) -> Option<i64> {
        self.numbers.get(index, slot)
    }

    /// Returns all numbers of the row at `index`, by slot, or `None` if there is no such row.
    pub(crate) fn row_numbers(&self, index: usize) -> Option<number_rows::NumberRow<'_>> {
        self.numbers.row(index)
    }

    /// Returns the memory of the rows without their numbers, in bytes, including their identities. Tables with the same
    /// rows share it.
    pub(crate) fn row_memory(&self) -> usize {
        self.row_memory
    }

    /// Returns the memory of the numbers, in bytes.
    pub(crate) fn number_memory(&self) -> usize {
        self.numbers.memory_used()
    }

    /// Returns the anomalies found in the reply.
    pub fn anomalies(&self) -> StatAnomalies {
        self.anomalies
    }
}

/// Returns the memory of rows without their numbers, in bytes.
fn memory_of_rows(rows: &[StatRow]) -> usize {
    let above = std::iter::once(None).chain(rows.iter().map(Some));
    rows.iter().zip(above).map(|(row, above)| row.memory_below(above)).sum()
}

/// An incremental parser that reads the rows of a reply while the reply arrives. Each byte of complete rows is read only
/// once, so that the caller can discard it.
pub(crate) struct StatParser<'a> {
    previous: Option<&'a StatTable>,
    limits: StatLimits,
    read_plain_row: PlainRowReader,
    /// Reader of the rows; `None` until the header has been read.
    reader: Option<StatReader<'a>>,
    /// The last row that was not plain.
    record: CsvRecord,
    /// Number of bytes of the reply that have been parsed.
    offset: usize,
}

impl<'a> StatParser<'a> {
    /// Creates a parser for a new reply. `previous` is the table of the previous sample, with which names and texts are
    /// shared.
    pub(crate) fn new(previous: Option<&'a StatTable>, limits: StatLimits) -> Self {
        let (reader, record) = (None, CsvRecord::default());
        Self { previous, limits, read_plain_row: stat_row_reader::read_plain_row, reader, record, offset: 0 }
    }

    /// Parses all rows that are complete in `bytes`, the bytes after those parsed so far, and returns the number of
    /// bytes parsed. The empty line at the end of the reply is not parsed.
    ///
    /// # Errors
    /// Returns an error if the header or a row is invalid or too long, so that reading more is useless.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<usize, StatError> {
        let mut parsed = 0;
        if self.reader.is_none() {
            match self.record.read(bytes) {
                CsvOutcome::Complete(length) => {
                    self.start_reader(bytes)?;
                    parsed = length;
                }
                CsvOutcome::Partial if bytes.len() > MAX_HEADER_BYTES => return Err(no_header(bytes)),
                CsvOutcome::Partial => return Ok(0),
            }
        }
        let Some(reader) = &mut self.reader else { return Ok(0) };
        while parsed + 1 < bytes.len() {
            let rest = &bytes[parsed..];
            if rest[0] == b'\n' {
                parsed += 1;
                continue;
            }
            if let Some((cells, length)) = (self.read_plain_row)(rest, &reader.schema, &mut reader.numbers) {
                reader.push_row(&cells);
                parsed += length;
                continue;
            }
            reader.numbers.discard_row();
            match self.record.read(rest) {
                CsvOutcome::Complete(length) => {
                    let cells = stat_row_reader::read_csv_record(&self.record, &reader.schema, &mut reader.numbers);
                    reader.push_row(&cells);
                    parsed += length;
                }
                CsvOutcome::Partial if rest.len() > MAX_ROW_BYTES => return Err(StatError::LongRow),
                CsvOutcome::Partial => break,
            }
        }
        self.offset += parsed;
        Ok(parsed)
    }

    /// Starts to read rows with the columns of the header in `record`. `bytes` are the beginning of the reply.
    fn start_reader(&mut self, bytes: &[u8]) -> Result<(), StatError> {
        let schema = StatSchema::parse(&self.record).ok_or_else(|| no_header(bytes))?;
        let schema = match self.previous {
            Some(table) if *table.schema == schema => Arc::clone(&table.schema),
            _ => Arc::new(schema),
        };
        let before = self.previous.map(|table| (&table.rows, &*table.numbers));
        self.reader = Some(StatReader::new(schema, before, self.limits));
        Ok(())
    }

    /// Parses the rest of the complete reply, which follows the bytes parsed so far, without the empty line at its end.
    ///
    /// # Errors
    /// Returns an error if the reply does not begin with a header line of `show stat` or ends within a quoted cell.
    pub(crate) fn finish(mut self, rest: &[u8]) -> Result<StatTable, StatError> {
        let end = self.offset + rest.len();
        let parsed = self.feed(rest)?;
        let last = &rest[parsed..];
        if self.reader.is_none() {
            // The header has no line end.
            self.record.read(last);
            self.start_reader(last)?;
        } else if self.record.read(last) == CsvOutcome::Partial && reply_words::has_open_quote(last) {
            return Err(StatError::Cut(end));
        } else if let Some(reader) = self.reader.as_mut().filter(|_| self.record.len() > 0) {
            // The last row has no line end.
            let cells = stat_row_reader::read_csv_record(&self.record, &reader.schema, &mut reader.numbers);
            reader.push_row(&cells);
        }
        let no_header = || StatError::NoHeader(SafeText::default());
        let (schema, (rows, row_memory), numbers, anomalies) =
            self.reader.map(StatReader::finish).ok_or_else(no_header)?;
        Ok(StatTable { schema, rows, numbers: Arc::new(numbers), anomalies, row_memory })
    }
}

fn no_header(bytes: &[u8]) -> StatError {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    StatError::NoHeader(SafeText::new(line[..line.len().min(60)].trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::fields::TextField;
    use crate::haproxy::status::RowState;
    use proptest::prelude::*;

    const HEADER: &str = "# pxname,svname,qcur,scur,slim,status,type,last_chk,lastsess,new_counter,\n";

    fn parse(rows: &str) -> StatTable {
        StatTable::parse(format!("{HEADER}{rows}").as_bytes(), None).unwrap()
    }

    #[test]
    fn parse_distinguishes_numbers_texts_and_absent_cells() {
        let table = parse("www,FRONTEND,,7,500,OPEN,0,,,1,\nwww,w1,0,3,,UP 1/3,2,\"Not, \"\"found\"\"\",-1,,\n");
        assert_eq!(table.rows().len(), 2);
        assert_eq!(table.rows()[0].kind, RowKind::Frontend);
        assert_eq!(table.number(0, Field::Qcur), None);
        assert_eq!(table.number(0, Field::Scur), Some(7));
        assert_eq!(table.number(1, Field::Qcur), Some(0));
        assert_eq!(table.number(1, Field::Slim), None);
        assert_eq!(table.number(1, Field::Lastsess), None, "never");
        assert_eq!(table.number(1, Field::Rate), None, "the version does not have the column");
        assert_eq!(table.rows()[1].state(), RowState::GoingDown);
        assert_eq!(table.rows()[1].text(TextField::LastChk).map(SafeText::as_str), Some("Not, \"found\""));
        let extra = table.schema().names().iter().position(|name| name.as_str() == "new_counter").unwrap();
        assert_eq!(table.slot_number(0, extra), Some(1));
        assert_eq!(table.schema().quantity_count(), 4, "type and lastsess come last");
        assert_eq!(table.anomalies(), StatAnomalies::default());
    }

    #[test]
    fn parse_keeps_quoted_line_breaks_in_their_cell() {
        let table = parse("b,s,0,1,,UP,2,\"one\r\ntwo\",,,\nb,BACKEND,0,1,,UP,1,,,,\n");
        assert_eq!(table.rows().len(), 2);
        assert_eq!(table.rows()[0].text(TextField::LastChk).map(SafeText::as_str), Some(r"one\x0d\x0atwo"));
    }

    #[test]
    fn parse_rejects_reply_that_ends_in_quoted_cell() {
        let rows = "b,s,0,1,,UP,2,\"text\n\nb,t,0,1,,MAINT,2,,,,\n\n\",-1,,\nb,BACKEND,0,1,,UP,1,,,,\n";
        assert_eq!(parse(rows).rows().len(), 2);
        let text = format!("{HEADER}{rows}");
        let (open, close) = (text.find('"').unwrap(), text.rfind('"').unwrap());
        for end in open + 1..=close {
            let error = StatTable::parse(&text.as_bytes()[..end], None).unwrap_err();
            assert_eq!(error, StatError::Cut(end), "{:?}", &text[..end]);
        }
    }

    #[test]
    fn parse_keeps_short_rows_and_rejects_shifted_rows() {
        let table = parse("b,s,4\nb,t,0,1,,DRAIN (agent)75,1,2,3,\nb,u,0,1,,UP,2,,,,,,,\n,x,1,1,,UP,2,,,,\n");
        let names: Vec<&str> = table.rows().iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["s", "u"]);
        assert_eq!(table.number(0, Field::Qcur), Some(4));
        assert_eq!(table.number(0, Field::Scur), None);
        assert_eq!(
            table.anomalies(),
            StatAnomalies { rejected_rows: 2, uneven_rows: 2, invalid_numbers: 0, dropped_rows: 0 }
        );
    }

    #[test]
    fn parse_rejects_rows_whose_type_contradicts_the_name() {
        assert_eq!(parse("b,s,0,1,,UP,0,,,,\nb,s,0,1,,UP,1,,,,\nb,s,0,1,,UP,9,,,,\n").anomalies().rejected_rows, 3);
    }

    #[test]
    fn w4_parse_takes_kind_from_type_and_not_from_name() {
        let table = parse("b,BACKEND,0,1,,UP,2,,,,\nb,FRONTEND,0,1,,UP,2,,,,\nb,BACKEND,0,2,,UP,1,,,,\n");
        let kinds: Vec<RowKind> = table.rows().iter().map(|row| row.kind).collect();
        assert_eq!(kinds, [RowKind::Server, RowKind::Server, RowKind::Backend]);
        assert_eq!(table.anomalies(), StatAnomalies::default());
    }

    #[test]
    fn parse_counts_invalid_numbers_and_leaves_them_absent() {
        let table = parse("b,s,18446744073709551615,-5,99999999999999999999999,UP,2,,x,,\n");
        assert_eq!(table.number(0, Field::Qcur), None);
        assert_eq!(table.number(0, Field::Scur), Some(-5));
        assert_eq!(table.number(0, Field::Slim), None);
        assert_eq!(table.anomalies().invalid_numbers, 3);
    }

    #[test]
    fn parse_tolerates_duplicate_and_unnamed_columns() {
        let table = StatTable::parse(b"# pxname,svname,scur,scur,(null),-,,status,\nb,s,1,2,3,-,,UP,\n", None).unwrap();
        assert_eq!(table.number(0, Field::Scur), Some(1));
        assert_eq!(table.rows()[0].status(), "UP");
    }

    #[test]
    fn parse_rejects_reply_without_header() {
        for body in ["", "Permission denied\n", "# pxname,scur\n", "pxname,svname\n"] {
            let error = StatTable::parse(body.as_bytes(), None).unwrap_err();
            assert!(matches!(error, StatError::NoHeader(_)), "{body:?}: {error}");
        }
    }

    #[test]
    fn parse_shares_unchanged_texts_with_the_previous_table() {
        let first = parse("b,s,0,1,,UP,2,ok,,,\nb,t,0,1,,UP,2,ok,,,\n");
        let body = format!("{HEADER}b,s,5,9,,UP,2,ok,,,\nb,t,0,1,,DOWN,2,bad,,,\n");
        let second = StatTable::parse(body.as_bytes(), Some(&first)).unwrap();
        let status = |table: &StatTable, row: usize| table.rows()[row].status().as_ptr();
        assert_eq!(status(&first, 0), status(&second, 0));
        assert_eq!(status(&first, 0), status(&first, 1), "the row above has the same status");
        assert!(Arc::ptr_eq(first.schema(), second.schema()));
        assert!(!Arc::ptr_eq(first.shared_rows(), second.shared_rows()));
        assert_eq!(second.rows()[1].status(), "DOWN");
        assert_eq!(second.number(0, Field::Qcur), Some(5));
        let third = StatTable::parse(body.replace("b,s,5", "b,s,6").as_bytes(), Some(&second)).unwrap();
        assert!(Arc::ptr_eq(third.shared_rows(), second.shared_rows()), "only a number changed");
        let fewer = parse_after("b,s,5,9,,UP,2,ok,,,\n", &third);
        assert_eq!(fewer.rows().len(), 1);
        assert_eq!(status(&fewer, 0), status(&first, 0));
    }

    fn parse_after(rows: &str, previous: &StatTable) -> StatTable {
        StatTable::parse(format!("{HEADER}{rows}").as_bytes(), Some(previous)).unwrap()
    }

    #[derive(Debug, PartialEq)]
    struct TableContents {
        names: Vec<String>,
        numbers: Vec<Option<i64>>,
        anomalies: StatAnomalies,
    }

    /// Returns the contents of a table for comparison.
    fn contents(table: &StatTable) -> TableContents {
        let names = table.rows().iter().map(|row| format!("{row:?}")).collect();
        let width = table.schema().width();
        let numbers =
            (0..table.rows().len() * width).map(|cell| table.slot_number(cell / width, cell % width)).collect();
        TableContents { names, numbers, anomalies: table.anomalies() }
    }

    /// Generates rows as HAProxy writes them, some of them malformed.
    fn any_rows() -> impl Strategy<Value = String> {
        let number = prop_oneof![
            4 => "", 6 => "[0-9]{1,4}", 1 => "[0-9]{10,20}", 1 => Just("-1".to_owned()), 1 => "-[0-9]{0,3}", 1 => "[0-9]x"
        ];
        let text = prop_oneof![6 => "[a-zA-Z0-9 /]{0,6}", 1 => "\"[a,\n\"\"]{0,4}\"", 1 => "[a\"\r\u{1b}é]{0,3}"];
        let name = prop_oneof![9 => "[ab]", 1 => Just("FRONTEND".to_owned()), 1 => Just("BACKEND".to_owned()), 1 => Just(String::new())];
        let numbers = proptest::collection::vec(number, 5);
        let row = (name.clone(), name, numbers, text.clone(), prop_oneof![9 => "2", 1 => "[0-9]?"], text, 0..12_usize);
        let line = row.prop_map(|(proxy, name, n, status, kind, check, odd)| match odd {
            0 => format!("{proxy},{name},{}\n", n[0]),
            1 => format!("{proxy},{name},{},{},{},{status},{kind},{check},{},{},,,9\n", n[0], n[1], n[2], n[3], n[4]),
            2 => "\n".to_owned(),
            _ => format!("{proxy},{name},{},{},{},{status},{kind},{check},{},{},\n", n[0], n[1], n[2], n[3], n[4]),
        });
        proptest::collection::vec(line, 0..9).prop_map(|lines| lines.concat())
    }

    proptest! {
        #[test]
        fn plain_reader_agrees_with_the_csv_reader(first in any_rows(), second in any_rows(), cut in 0..400_usize) {
            let second = format!("{HEADER}{second}");
            let second = &second.as_bytes()[..second.len().min(HEADER.len() + cut)];
            let before = StatTable::parse(format!("{HEADER}{first}").as_bytes(), None);
            prop_assume!(before.is_ok());
            let before = before.unwrap();
            let from_plain = StatTable::parse(second, Some(&before));
            let from_csv = StatParser { read_plain_row: |_, _, _| None, ..StatParser::new(None, StatLimits::default()) }.finish(second);
            prop_assert_eq!(from_plain.as_ref().map(contents), from_csv.as_ref().map(contents));
        }

        #[test]
        fn feed_gives_the_same_table_for_any_chunks(rows in any_rows(), cuts in proptest::collection::vec(0..900_usize, 0..6)) {
            let body = format!("{HEADER}{rows}");
            let mut parser = StatParser::new(None, StatLimits::default());
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
            cuts.sort_unstable();
            let mut parsed = 0;
            for cut in cuts {
                parsed += parser.feed(&body.as_bytes()[parsed..cut.max(parsed)]).unwrap();
            }
            let table = parser.finish(&body.as_bytes()[parsed..]);
            let whole = StatTable::parse(body.as_bytes(), None);
            prop_assert_eq!(table.as_ref().map(contents), whole.as_ref().map(contents));
        }

        #[test]
        fn parse_never_panics(body in "[#a-zA-Z0-9,\"\n -]{0,400}", bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = StatTable::parse(body.as_bytes(), None);
            let _ = StatTable::parse(&bytes, None);
            let mut with_header = HEADER.as_bytes().to_vec();
            with_header.extend_from_slice(&bytes);
            let table = StatTable::parse(&with_header, None);
            prop_assert!(!matches!(table, Err(StatError::NoHeader(_))));
            for index in 0..table.as_ref().map_or(0, |table| table.rows().len()) {
                for field in Field::ALL {
                    let _ = table.as_ref().map(|table| table.number(index, *field));
                }
            }
        }
    }
}
