//! The answer to `show stat`: a CSV of frontends, backends, servers and listeners.
//!
//! Columns are found by the name in the header line, never by position: the list of an old version is a
//! prefix of the newer one up to a column named `-`, what follows depends on the build, and a backport has
//! inserted one in the middle (2.6.12). A [`Table`] keeps the numbers of all rows in one block and shares
//! texts with the table before it, because from one sample to the next nearly all texts stay the same.

use std::sync::Arc;

use thiserror::Error;

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::schema::{Column, Schema};
use crate::haproxy::status::State;
use crate::haproxy::text::SafeText;

/// The mark of a number that HAProxy left empty. No real value is that low.
const ABSENT: i64 = i64::MIN;

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

/// What a row describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKind {
    /// The listening side of a proxy.
    Frontend,
    /// The serving side of a proxy.
    Backend,
    /// One server of a backend.
    Server,
    /// One bind line of a frontend; only with `option socket-stats`.
    Listener,
}

impl RowKind {
    fn from_type(number: i64) -> Option<Self> {
        [Self::Frontend, Self::Backend, Self::Server, Self::Listener].get(usize::try_from(number).ok()?).copied()
    }

    fn from_name(svname: &[u8]) -> Self {
        match svname {
            b"FRONTEND" => Self::Frontend,
            b"BACKEND" => Self::Backend,
            _ => Self::Server,
        }
    }
}

/// The texts of one row but its names, shared between samples while they do not change.
#[derive(Debug, Default, PartialEq, Eq)]
struct Texts {
    /// The cells as they came, to see without parsing that nothing changed.
    raw: Box<[u8]>,
    cells: Box<[(TextField, SafeText)]>,
}

/// The names and texts of one row.
#[derive(Debug, Clone)]
pub struct Row {
    /// What the row describes.
    pub kind: RowKind,
    /// Name of the proxy: `pxname`.
    pub proxy: SafeText,
    /// `FRONTEND`, `BACKEND`, or the name of the server or listener: `svname`.
    pub name: SafeText,
    texts: Arc<Texts>,
}

impl Row {
    /// A text cell; absent when it is empty or this version lacks the column.
    pub fn text(&self, field: TextField) -> Option<&SafeText> {
        self.texts.cells.iter().find(|(known, _)| *known == field).map(|(_, text)| text)
    }

    /// The status in HAProxy's words.
    pub fn status(&self) -> &str {
        self.text(TextField::Status).map_or("", SafeText::as_str)
    }

    /// Whether it carries TCP and not HTTP.
    pub fn is_tcp(&self) -> bool {
        self.text(TextField::Mode).is_some_and(|mode| mode.as_str() == "tcp")
    }

    /// What the status means.
    pub fn state(&self) -> State {
        State::parse(self.status())
    }
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
    rows: Vec<Row>,
    numbers: Vec<i64>,
    oddities: Oddities,
}

impl Table {
    /// Reads an answer (without the empty line at its end).
    ///
    /// `previous` is the table of the sample before: schema and texts that did not change are shared with it.
    ///
    /// # Errors
    /// When the header is not one of `show stat`.
    pub fn parse(body: &[u8], previous: Option<&Self>) -> Result<Self, BadStat> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(body);
        let mut record = csv::ByteRecord::new();
        let start = || BadStat::NoHeader(SafeText::new(body[..body.len().min(60)].trim_ascii()));
        if !reader.read_byte_record(&mut record).map_err(|_| start())? {
            return Err(start());
        }
        let schema = Schema::parse(&record)
            .ok_or_else(|| BadStat::NoHeader(SafeText::new(record.get(0).unwrap_or_default())))?;
        let schema = match previous {
            Some(table) if *table.schema == schema => Arc::clone(&table.schema),
            _ => Arc::new(schema),
        };
        let expected_rows = previous.map_or(16, |table| table.rows.len() + 1);
        let mut table = Self {
            rows: Vec::with_capacity(expected_rows),
            numbers: Vec::with_capacity(expected_rows * schema.width()),
            schema,
            oddities: Oddities::default(),
        };
        let mut scratch = Vec::new();
        // With a slice as its source and byte records the reader has no way to fail.
        while reader.read_byte_record(&mut record).unwrap_or(false) {
            table.push(&record, previous, &mut scratch);
        }
        Ok(table)
    }

    fn push(&mut self, record: &csv::ByteRecord, previous: Option<&Self>, raw: &mut Vec<u8>) {
        let schema = Arc::clone(&self.schema);
        let before = previous.and_then(|table| table.rows.get(self.rows.len()));
        let start = self.numbers.len();
        self.numbers.resize(start + schema.width(), ABSENT);
        let (mut proxy, mut name): (&[u8], &[u8]) = (b"", b"");
        raw.clear();
        for (cell, column) in record.iter().zip(schema.columns()) {
            if cell.is_empty() {
                continue;
            }
            match *column {
                Column::Number(slot) => match parse_number(cell) {
                    Some(number) => self.numbers[start + usize::from(slot)] = number,
                    None => self.oddities.bad_numbers += 1,
                },
                Column::Text(field) => {
                    raw.push(field as u8);
                    raw.extend_from_slice(&(cell.len() as u32).to_le_bytes());
                    raw.extend_from_slice(cell);
                }
                Column::Proxy => proxy = cell,
                Column::Name => name = cell,
                Column::Ignored => {}
            }
        }
        let status =
            record.iter().zip(schema.columns()).find(|(_, column)| **column == Column::Text(TextField::Status));
        let kind = self.kind_of(start, name);
        let is_short = record.len() < schema.columns().len();
        let (Some(kind), false) = (kind, proxy.is_empty() || is_short && is_shifted(status.map(|(cell, _)| cell)))
        else {
            self.numbers.truncate(start);
            self.oddities.rejected_rows += 1;
            return;
        };
        if record.len() != schema.columns().len() {
            self.oddities.uneven_rows += 1;
        }
        let texts = match before {
            Some(row) if *row.texts.raw == **raw => Arc::clone(&row.texts),
            _ => Arc::new(Texts { cells: read_texts(raw), raw: raw.as_slice().into() }),
        };
        let proxy = reuse(proxy, [before.map(|row| &row.proxy), self.rows.last().map(|row| &row.proxy)]);
        let name = reuse(name, [before.map(|row| &row.name), None]);
        self.rows.push(Row { kind, proxy, name, texts });
    }

    /// The kind by `type`, which must agree with the name: a row shifted by a missing comma does not.
    fn kind_of(&self, start: usize, name: &[u8]) -> Option<RowKind> {
        let by_name = RowKind::from_name(name);
        let Some(slot) = self.schema.slot(Field::Type) else { return Some(by_name) };
        match self.numbers[start + slot] {
            ABSENT => Some(by_name),
            number => RowKind::from_type(number)
                .filter(|kind| *kind == by_name || by_name == RowKind::Server && *kind == RowKind::Listener),
        }
    }

    /// The rows in HAProxy's order: each proxy's frontend, servers, backend.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The header line.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// A number of the row at `index`; absent when HAProxy left it empty or the version lacks the column.
    pub fn number(&self, index: usize, field: Field) -> Option<i64> {
        self.slot_number(index, self.schema.slot(field)?)
    }

    /// A number by its slot.
    pub fn slot_number(&self, index: usize, slot: usize) -> Option<i64> {
        self.numbers.get(index * self.schema.width() + slot).copied().filter(|number| *number != ABSENT)
    }

    /// What was odd in the answer.
    pub fn oddities(&self) -> Oddities {
        self.oddities
    }
}

/// 1.6.0 forgot the comma behind `DRAIN (agent)`: the row is one cell short and every number stands one to
/// the left.
fn is_shifted(status: Option<&[u8]>) -> bool {
    status.is_some_and(|status| status.contains(&b')') && status.last().is_some_and(u8::is_ascii_digit))
}

/// Shares a name with one that is already there.
fn reuse(bytes: &[u8], candidates: [Option<&SafeText>; 2]) -> SafeText {
    let same = |text: &&SafeText| text.is_verbatim() && text.as_str().as_bytes() == bytes;
    candidates.into_iter().flatten().find(same).cloned().unwrap_or_else(|| SafeText::new(bytes))
}

/// Takes the cells apart that `Table::push` put together.
fn read_texts(raw: &[u8]) -> Box<[(TextField, SafeText)]> {
    let mut cells = Vec::new();
    let mut rest = raw;
    while let [tag, a, b, c, d, tail @ ..] = rest {
        let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        let (cell, after) = tail.split_at(length.min(tail.len()));
        if let Some((field, _)) = TextField::ALL.iter().find(|(field, _)| *field as u8 == *tag) {
            cells.push((*field, SafeText::new(cell)));
        }
        rest = after;
    }
    cells.into()
}

/// A decimal number. `-1` is HAProxy's way to say "never" (`lastsess`), which is unknown here, not a number.
fn parse_number(cell: &[u8]) -> Option<i64> {
    if cell == b"-1" {
        return Some(ABSENT);
    }
    let (negative, digits) = match cell {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut number: i64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert_eq!(table.schema().names().last().map(SafeText::as_str), Some("new_counter"));
        assert_eq!(table.slot_number(0, table.schema().width() - 1), Some(1));
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
        assert!(Arc::ptr_eq(&first.rows()[0].texts, &second.rows()[0].texts));
        assert!(Arc::ptr_eq(first.schema(), second.schema()));
        assert_eq!(second.rows()[1].status(), "DOWN");
        assert_eq!(second.number(0, Field::Qcur), Some(5));
    }

    proptest! {
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
