//! The answer to `show stat`: a CSV of frontends, backends, servers and listeners.
//!
//! Columns are found by the name in the header line, never by position: the list of an old version is a
//! prefix of the newer one up to a column named `-`, what follows depends on the build, and a backport has
//! inserted one in the middle (2.6.12). A [`Table`] keeps the numbers of all rows in one block and shares
//! names and texts with the table before it, all at once while none of them changes.

use std::sync::Arc;

use thiserror::Error;

use crate::haproxy::cells::{self, Cells};
use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::numbers::{self, Numbers};
pub use crate::haproxy::row::{Row, RowKind};
use crate::haproxy::schema::Schema;
use crate::haproxy::text::SafeText;

/// Why an answer is no `show stat`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadStat {
    /// The first line is not a header with the two names.
    #[error("the answer to \"show stat\" does not begin with \"# pxname,svname,\" but with \"{0}\"")]
    NoHeader(SafeText),
    /// The final empty line is missing: HAProxy or the connection cut the dump.
    #[error("the answer to \"show stat\" was cut after {0} bytes: its final empty line is missing")]
    Cut(usize),
}

/// What was odd in an answer, and how often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Oddities {
    /// Rows left out, because their cells do not stand under the header.
    pub rejected_rows: usize,
    /// Rows shorter or longer than the header, kept as far as they go.
    pub uneven_rows: usize,
    /// Cells that should be numbers and are not, or do not fit 63 bits (2.6 shows a gauge below zero as
    /// 18446744073709551615): kept as unknown.
    pub bad_numbers: usize,
}

/// One `show stat`.
#[derive(Debug)]
pub struct Table {
    schema: Arc<Schema>,
    rows: Arc<[Row]>,
    numbers: Numbers,
    oddities: Oddities,
}

impl Table {
    /// Reads an answer (without the empty line at its end).
    ///
    /// `previous` is the table of the sample before: what did not change is shared with it.
    ///
    /// # Errors
    /// When the header is not one of `show stat`.
    pub fn parse(body: &[u8], previous: Option<&Self>) -> Result<Self, BadStat> {
        Self::read(body, previous, cells::plain)
    }

    fn read(body: &[u8], previous: Option<&Self>, plain: PlainReader) -> Result<Self, BadStat> {
        let mut records = Records::new(body);
        let start = || BadStat::NoHeader(SafeText::new(body[..body.len().min(60)].trim_ascii()));
        let mut record = csv::ByteRecord::new();
        let mut at = records.read(0, &mut record).ok_or_else(start)?;
        let schema = Schema::parse(&record)
            .ok_or_else(|| BadStat::NoHeader(SafeText::new(record.get(0).unwrap_or_default())))?;
        let schema = match previous {
            Some(table) if *table.schema == schema => Arc::clone(&table.schema),
            _ => Arc::new(schema),
        };
        let mut reader = Reader::new(schema, previous);
        while at < body.len() {
            if body[at] == b'\n' {
                at += 1;
                continue;
            }
            reader.numbers.push_absent();
            if let Some((cells, length)) = plain(&body[at..], &reader.schema, &mut reader.numbers) {
                reader.take(&cells);
                at += length;
                continue;
            }
            reader.numbers.pop();
            let Some(end) = records.read(at, &mut record) else { break };
            reader.numbers.push_absent();
            let cells = cells::of_record(&record, &reader.schema, &mut reader.numbers);
            reader.take(&cells);
            at = end;
        }
        Ok(reader.finish())
    }

    /// A table made of its parts: one row of numbers for each row.
    pub fn new(schema: Arc<Schema>, rows: Arc<[Row]>, numbers: Numbers, oddities: Oddities) -> Self {
        Self { schema, rows, numbers, oddities }
    }

    /// The rows in HAProxy's order: each proxy's frontend, servers, backend.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The same, to share. While nothing but numbers changes it is the very same from sample to sample.
    pub fn shared_rows(&self) -> &Arc<[Row]> {
        &self.rows
    }

    /// The header line.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// A number of the row at `index`; absent when HAProxy left it empty or the version lacks the column.
    #[inline]
    pub fn number(&self, index: usize, field: Field) -> Option<i64> {
        self.numbers.get(index, self.schema.slot(field)?)
    }

    /// A number by its slot.
    pub fn slot_number(&self, index: usize, slot: usize) -> Option<i64> {
        self.numbers.get(index, slot)
    }

    /// All numbers of a row, by slot.
    pub fn numbers(&self, index: usize) -> Option<numbers::Row<'_>> {
        self.numbers.row(index)
    }

    /// What was odd in the answer.
    pub fn oddities(&self) -> Oddities {
        self.oddities
    }
}

/// How a row is tried first.
type PlainReader = for<'a> fn(&'a [u8], &Schema, &mut Numbers) -> Option<(Cells<'a>, usize)>;

/// The CSV reader, for rows that are not plain. It goes on where it stands as long as such rows follow each other.
struct Records<'a> {
    body: &'a [u8],
    start: usize,
    reader: csv::Reader<&'a [u8]>,
}

impl<'a> Records<'a> {
    fn new(body: &'a [u8]) -> Self {
        Self { body, start: 0, reader: Self::reader(body) }
    }

    fn reader(bytes: &'a [u8]) -> csv::Reader<&'a [u8]> {
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes)
    }

    /// Reads the row at `at`, and tells where it ends; nothing when there is none.
    fn read(&mut self, at: usize, record: &mut csv::ByteRecord) -> Option<usize> {
        if self.end() != at {
            (self.start, self.reader) = (at, Self::reader(&self.body[at..]));
        }
        // With a slice as its source and byte records the reader has no way to fail.
        self.reader.read_byte_record(record).unwrap_or(false).then(|| self.end())
    }

    fn end(&self) -> usize {
        self.start + self.reader.position().byte() as usize
    }
}

/// Puts a table together, row by row.
struct Reader<'a> {
    schema: Arc<Schema>,
    type_slot: Option<usize>,
    before: Option<&'a Arc<[Row]>>,
    /// How many rows are those of before, as long as no other came.
    same: usize,
    /// All rows, once one was different.
    rows: Option<Vec<Row>>,
    numbers: Numbers,
    oddities: Oddities,
}

impl<'a> Reader<'a> {
    fn new(schema: Arc<Schema>, previous: Option<&'a Table>) -> Self {
        let expected = previous.map_or(16, |table| table.rows.len());
        Self {
            type_slot: schema.slot(Field::Type),
            before: previous.map(|table| &table.rows),
            same: 0,
            rows: None,
            // One more: a row is begun before it is known whether there is one.
            numbers: Numbers::new(schema.width(), expected + 1),
            schema,
            oddities: Oddities::default(),
        }
    }

    /// Takes a row whose numbers stand in the last row of numbers.
    fn take(&mut self, cells: &Cells<'_>) {
        self.oddities.bad_numbers += cells.bad_numbers;
        let [proxy, name] = cells.names;
        let is_short = cells.count < self.schema.columns().len();
        let status = cells.texts[TextField::Status as usize];
        let Some(kind) = self.kind_of(name).filter(|_| !(proxy.is_empty() || is_short && is_shifted(status))) else {
            self.numbers.pop();
            self.oddities.rejected_rows += 1;
            return;
        };
        if cells.count != self.schema.columns().len() {
            self.oddities.uneven_rows += 1;
        }
        let place = self.rows.as_ref().map_or(self.same, Vec::len);
        let before = self.before.and_then(|rows| rows.get(place));
        let same = before.filter(|row| row.is(kind, cells.names, &cells.texts));
        match (&mut self.rows, same) {
            (None, Some(_)) => self.same += 1,
            (Some(rows), Some(row)) => rows.push(row.clone()),
            (rows, None) => {
                let same = &self.before.map_or(&[][..], |rows| rows)[..self.same];
                let rows = rows.get_or_insert_with(|| same.to_vec());
                let row = Row::read(kind, cells.names, &cells.texts, [before, rows.last()]);
                rows.push(row);
            }
        }
    }

    /// The kind by `type`, which must agree with the name: a row shifted by a missing comma does not.
    fn kind_of(&self, name: &[u8]) -> Option<RowKind> {
        let by_name = RowKind::from_name(name);
        match self.type_slot.and_then(|slot| self.numbers.last(slot)) {
            None => Some(by_name),
            Some(number) => RowKind::from_type(number)
                .filter(|kind| *kind == by_name || by_name == RowKind::Server && *kind == RowKind::Listener),
        }
    }

    fn finish(self) -> Table {
        let rows = match (self.rows, self.before) {
            (Some(rows), _) => rows.into(),
            (None, Some(before)) if before.len() == self.same => Arc::clone(before),
            (None, before) => before.map_or(&[][..], |rows| &rows[..self.same]).into(),
        };
        Table { schema: self.schema, rows, numbers: self.numbers, oddities: self.oddities }
    }
}

/// 1.6.0 forgot the comma behind `DRAIN (agent)`: the row is one cell short and every number stands one to
/// the left.
fn is_shifted(status: Option<&[u8]>) -> bool {
    status.is_some_and(|status| status.contains(&b')') && status.last().is_some_and(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::status::State;
    use proptest::prelude::*;

    const HEADER: &str = "# pxname,svname,qcur,scur,slim,status,type,last_chk,lastsess,new_counter,\n";

    fn parse(rows: &str) -> Table {
        Table::parse(format!("{HEADER}{rows}").as_bytes(), None).unwrap()
    }

    #[test]
    fn numbers_texts_and_absent_cells_are_told_apart() {
        let table = parse("www,FRONTEND,,7,500,OPEN,0,,,1,\nwww,w1,0,3,,UP 1/3,2,\"Not, \"\"found\"\"\",-1,,\n");
        assert_eq!(table.rows().len(), 2);
        assert_eq!(table.rows()[0].kind, RowKind::Frontend);
        assert_eq!(table.number(0, Field::Qcur), None);
        assert_eq!(table.number(0, Field::Scur), Some(7));
        assert_eq!(table.number(1, Field::Qcur), Some(0));
        assert_eq!(table.number(1, Field::Slim), None);
        assert_eq!(table.number(1, Field::Lastsess), None, "never");
        assert_eq!(table.number(1, Field::Rate), None, "the version lacks the column");
        assert_eq!(table.rows()[1].state(), State::GoingDown);
        assert_eq!(table.rows()[1].text(TextField::LastChk).map(SafeText::as_str), Some("Not, \"found\""));
        let extra = table.schema().names().iter().position(|name| name.as_str() == "new_counter").unwrap();
        assert_eq!(table.slot_number(0, extra), Some(1));
        assert_eq!(table.schema().quantities(), 4, "type and lastsess stand behind");
        assert_eq!(table.oddities(), Oddities::default());
    }

    #[test]
    fn line_breaks_in_quotes_stay_in_their_cell() {
        let table = parse("b,s,0,1,,UP,2,\"one\r\ntwo\",,,\nb,BACKEND,0,1,,UP,1,,,,\n");
        assert_eq!(table.rows().len(), 2);
        assert_eq!(table.rows()[0].text(TextField::LastChk).map(SafeText::as_str), Some(r"one\x0d\x0atwo"));
    }

    #[test]
    fn short_rows_are_kept_and_shifted_rows_are_not() {
        let table = parse("b,s,4\nb,t,0,1,,DRAIN (agent)75,1,2,3,\nb,u,0,1,,UP,2,,,,,,,\n,x,1,1,,UP,2,,,,\n");
        let names: Vec<&str> = table.rows().iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["s", "u"]);
        assert_eq!(table.number(0, Field::Qcur), Some(4));
        assert_eq!(table.number(0, Field::Scur), None);
        assert_eq!(table.oddities(), Oddities { rejected_rows: 2, uneven_rows: 2, bad_numbers: 0 });
    }

    #[test]
    fn a_type_that_contradicts_the_name_is_a_shifted_row() {
        assert_eq!(
            parse("b,s,0,1,,UP,0,,,,\nb,BACKEND,0,1,,UP,2,,,,\nb,s,0,1,,UP,9,,,,\n").oddities().rejected_rows,
            3
        );
    }

    #[test]
    fn numbers_that_are_none_are_unknown_and_counted() {
        let table = parse("b,s,18446744073709551615,-5,99999999999999999999999,UP,2,,x,,\n");
        assert_eq!(table.number(0, Field::Qcur), None);
        assert_eq!(table.number(0, Field::Scur), Some(-5));
        assert_eq!(table.number(0, Field::Slim), None);
        assert_eq!(table.oddities().bad_numbers, 3);
    }

    #[test]
    fn doubled_and_unnamed_columns_are_tolerated() {
        let table = Table::parse(b"# pxname,svname,scur,scur,(null),-,,status,\nb,s,1,2,3,-,,UP,\n", None).unwrap();
        assert_eq!(table.number(0, Field::Scur), Some(1));
        assert_eq!(table.rows()[0].status(), "UP");
    }

    #[test]
    fn what_is_no_header_is_named() {
        for body in ["", "Permission denied\n", "# pxname,scur\n", "pxname,svname\n"] {
            let error = Table::parse(body.as_bytes(), None).unwrap_err();
            assert!(matches!(error, BadStat::NoHeader(_)), "{body:?}: {error}");
        }
    }

    #[test]
    fn unchanged_texts_are_shared_with_the_sample_before() {
        let first = parse("b,s,0,1,,UP,2,ok,,,\nb,t,0,1,,UP,2,ok,,,\n");
        let body = format!("{HEADER}b,s,5,9,,UP,2,ok,,,\nb,t,0,1,,DOWN,2,bad,,,\n");
        let second = Table::parse(body.as_bytes(), Some(&first)).unwrap();
        let status = |table: &Table, row: usize| table.rows()[row].status().as_ptr();
        assert_eq!(status(&first, 0), status(&second, 0));
        assert_eq!(status(&first, 0), status(&first, 1), "the row above says the same");
        assert!(Arc::ptr_eq(first.schema(), second.schema()));
        assert!(!Arc::ptr_eq(first.shared_rows(), second.shared_rows()));
        assert_eq!(second.rows()[1].status(), "DOWN");
        assert_eq!(second.number(0, Field::Qcur), Some(5));
        let third = Table::parse(body.replace("b,s,5", "b,s,6").as_bytes(), Some(&second)).unwrap();
        assert!(Arc::ptr_eq(third.shared_rows(), second.shared_rows()), "only a number changed");
        let fewer = parse_after("b,s,5,9,,UP,2,ok,,,\n", &third);
        assert_eq!(fewer.rows().len(), 1);
        assert_eq!(status(&fewer, 0), status(&first, 0));
    }

    fn parse_after(rows: &str, previous: &Table) -> Table {
        Table::parse(format!("{HEADER}{rows}").as_bytes(), Some(previous)).unwrap()
    }

    #[derive(Debug, PartialEq)]
    struct Told {
        names: Vec<String>,
        numbers: Vec<Option<i64>>,
        oddities: Oddities,
    }

    /// All that a table says.
    fn told(table: &Table) -> Told {
        let names = table.rows().iter().map(|row| format!("{row:?}")).collect();
        let width = table.schema().width();
        let numbers =
            (0..table.rows().len() * width).map(|cell| table.slot_number(cell / width, cell % width)).collect();
        Told { names, numbers, oddities: table.oddities() }
    }

    /// Rows as HAProxy writes them, with an odd one here and there.
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
        fn plain_rows_are_read_as_the_csv_reader_reads_them(first in any_rows(), second in any_rows(), cut in 0..400_usize) {
            let second = format!("{HEADER}{second}");
            let second = &second.as_bytes()[..second.len().min(HEADER.len() + cut)];
            let before = parse(&first);
            let quick = Table::parse(second, Some(&before)).unwrap();
            let slow = Table::read(second, None, |_, _, _| None).unwrap();
            prop_assert_eq!(told(&quick), told(&slow));
        }

        #[test]
        fn no_answer_is_a_panic(body in "[#a-zA-Z0-9,\"\n -]{0,400}", bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Table::parse(body.as_bytes(), None);
            let _ = Table::parse(&bytes, None);
            let mut with_header = HEADER.as_bytes().to_vec();
            with_header.extend_from_slice(&bytes);
            let table = Table::parse(&with_header, None).unwrap();
            for index in 0..table.rows().len() {
                for field in Field::ALL {
                    let _ = table.number(index, *field);
                }
            }
        }
    }
}
