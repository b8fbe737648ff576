//! The answer to `show stat`: a CSV of frontends, backends, servers and listeners.
//!
//! Columns are found by the name in the header line, never by position: the list of an old version is a
//! prefix of the newer one up to a column named `-`, what follows depends on the build, and a backport has
//! inserted one in the middle (2.6.12). A [`Table`] keeps the numbers of all rows in one block and shares
//! names and texts with the table before it, all at once while none of them changes.

use std::sync::Arc;

use thiserror::Error;

use crate::haproxy::fields::Field;
use crate::haproxy::numbers::number_rows::{self, Numbers};
use crate::haproxy::row_reader;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_header::Schema;
pub use crate::haproxy::stat_reader::Oddities;
use crate::haproxy::stat_reader::{PlainReader, Reader, Records};
pub use crate::haproxy::stat_row::{Row, RowKind};

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
        Arriving::new(previous).finish(body)
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
    pub fn numbers(&self, index: usize) -> Option<number_rows::Row<'_>> {
        self.numbers.row(index)
    }

    /// What was odd in the answer.
    pub fn oddities(&self) -> Oddities {
        self.oddities
    }
}

/// An answer on its way: its rows are read as they come.
pub struct Arriving<'a> {
    previous: Option<&'a Table>,
    plain: PlainReader,
    /// Present once the header is there.
    reader: Option<Reader<'a>>,
    /// How much of the answer is read.
    at: usize,
}

impl<'a> Arriving<'a> {
    /// An answer of which nothing is there yet; `previous` is the table of the sample before.
    pub fn new(previous: Option<&'a Table>) -> Self {
        Self { previous, plain: row_reader::plain, reader: None, at: 0 }
    }

    /// Reads what can be read so far; `body` is everything that came.
    pub fn take(&mut self, body: &[u8]) {
        if self.reader.is_none() {
            let header = body.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
            // One with quotes may go on behind its line.
            if header.ends_with(b"\n") && !header.contains(&b'"') {
                // What is no header is told in the end.
                let _ = self.begin(header);
            }
        }
        let Some(reader) = &mut self.reader else { return };
        while self.at < body.len() {
            if body[self.at] == b'\n' {
                self.at += 1;
                continue;
            }
            let Some((cells, length)) = (self.plain)(&body[self.at..], &reader.schema, &mut reader.numbers) else {
                return reader.numbers.drop_row();
            };
            reader.take(&cells);
            self.at += length;
        }
    }

    fn begin(&mut self, body: &[u8]) -> Result<(), BadStat> {
        let mut records = Records::new(body);
        let start = || BadStat::NoHeader(SafeText::new(body[..body.len().min(60)].trim_ascii()));
        let mut record = csv::ByteRecord::new();
        self.at = records.read(0, &mut record).ok_or_else(start)?;
        let schema = Schema::parse(&record)
            .ok_or_else(|| BadStat::NoHeader(SafeText::new(record.get(0).unwrap_or_default())))?;
        let schema = match self.previous {
            Some(table) if *table.schema == schema => Arc::clone(&table.schema),
            _ => Arc::new(schema),
        };
        self.reader = Some(Reader::new(schema, self.previous.map(|table| (&table.rows, &table.numbers))));
        Ok(())
    }

    /// Reads the rest of the whole answer (without the empty line at its end).
    ///
    /// # Errors
    /// When the header is not one of `show stat`.
    pub fn finish(mut self, body: &[u8]) -> Result<Table, BadStat> {
        if self.reader.is_none() {
            self.begin(body)?;
        }
        let (mut records, mut record) = (Records::new(body), csv::ByteRecord::new());
        loop {
            self.take(body);
            // A row that is not plain.
            let end = if self.at < body.len() { records.read(self.at, &mut record) } else { None };
            let (Some(reader), Some(end)) = (&mut self.reader, end) else { break };
            let cells = row_reader::of_record(&record, &reader.schema, &mut reader.numbers);
            reader.take(&cells);
            self.at = end;
        }
        let none = || BadStat::NoHeader(SafeText::default());
        let (schema, rows, numbers, oddities) = self.reader.map(Reader::finish).ok_or_else(none)?;
        Ok(Table { schema, rows, numbers, oddities })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::fields::TextField;
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
            let slow = Arriving { plain: |_, _, _| None, ..Arriving::new(None) }.finish(second).unwrap();
            prop_assert_eq!(told(&quick), told(&slow));
        }

        #[test]
        fn it_does_not_matter_in_which_pieces_an_answer_comes(rows in any_rows(), cuts in proptest::collection::vec(0..900_usize, 0..6)) {
            let body = format!("{HEADER}{rows}");
            let mut arriving = Arriving::new(None);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
            cuts.sort_unstable();
            for cut in cuts {
                arriving.take(&body.as_bytes()[..cut]);
            }
            let table = arriving.finish(body.as_bytes()).unwrap();
            prop_assert_eq!(told(&table), told(&parse(&rows)));
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
