//! The answers to `show table` (any level) and `show table NAME` (its entries: operator level and above).
//!
//! A table is one line, `# table: NAME, type: ip, size:1024, used:1`, and an entry is one line of pieces:
//! `0x…: key=K use=0 exp=598219 gpc0=0 http_req_rate(10000)=400`. A key is what a client sent; HAProxy escapes
//! what is not printable, and blanks as `\ ` (all versions).

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use crate::haproxy::key_values::{cut, number, pointer, words};
use crate::haproxy::safe_text::SafeText;

/// Tables kept of one answer.
pub const MAX_TABLES: usize = 10_000;
/// Entries kept of one answer.
pub const MAX_ENTRIES: usize = 100_000;
/// Data counters a table can have; HAProxy knows about thirty.
const MAX_COLUMNS: usize = 128;
/// The user level gets the table's line and this.
const DENIED: &[u8] = b"# contents not dumped due to insufficient privileges";

/// One stick table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StickTable {
    /// Name: that of the section which declares it.
    pub name: SafeText,
    /// Type of its keys: `ip`, `ipv6`, `integer`, `string`, `binary`.
    pub kind: SafeText,
    /// Entries it has room for.
    pub size: Option<u64>,
    /// Entries it holds.
    pub used: Option<u64>,
}

impl StickTable {
    /// Used part of the size, 0 to 1; absent when either is, or the size is 0.
    pub fn fill(&self) -> Option<f64> {
        self.size.filter(|size| *size > 0).and_then(|size| Some(self.used? as f64 / size as f64))
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let mut parts = line.strip_prefix(b"# table: ")?.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let mut table = Self { name: SafeText::new(parts.next()?), ..Self::default() };
        for part in parts {
            if let Some(kind) = part.strip_prefix(b"type:") {
                table.kind = SafeText::new(kind.trim_ascii());
            } else if let Some(size) = part.strip_prefix(b"size:") {
                table.size = number(size);
            } else if let Some(used) = part.strip_prefix(b"used:") {
                table.used = number(used);
            }
        }
        Some(table)
    }
}

/// The tables of one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StickTables {
    /// In HAProxy's order, at most [`MAX_TABLES`].
    pub list: Vec<StickTable>,
    /// How many had no place.
    pub left_out: usize,
    /// Lines that are no table.
    pub odd: usize,
}

impl StickTables {
    /// Reads the answer to `show table`.
    pub fn parse(body: &[u8]) -> Self {
        let mut out = Self::default();
        for line in body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            match StickTable::parse(line) {
                Some(table) if out.list.len() < MAX_TABLES => out.list.push(table),
                Some(_) => out.left_out += 1,
                None => out.odd += 1,
            }
        }
        out
    }
}

/// A data counter of a table: `conn_cnt`, or `conn_rate` over 10,000 ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// What `data.NAME` takes.
    pub name: SafeText,
    /// What a rate is counted over.
    pub period: Option<Duration>,
}

impl Counter {
    fn parse(key: &[u8]) -> Self {
        let bracket = key.iter().position(|byte| *byte == b'(');
        let period = bracket.and_then(|at| number(key[at + 1..].strip_suffix(b")")?)).map(Duration::from_millis);
        let name = if period.is_some() { &key[..bracket.unwrap_or(key.len())] } else { key };
        Self { name: SafeText::new(name), period }
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.period {
            Some(period) => write!(f, "{}({})", self.name, period.as_millis()),
            None => self.name.fmt(f),
        }
    }
}

/// One entry of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key, with HAProxy's own escapes.
    pub key: SafeText,
    /// Sessions that hold it.
    pub in_use: Option<u64>,
    /// Until it is forgotten; zero for a table without `expire`.
    pub expires: Option<Duration>,
    /// By the places of [`Entries::counters`].
    values: Box<[Option<i64>]>,
    /// Pieces that are no numbers, such as `server_key=s1`.
    pub texts: Vec<(SafeText, SafeText)>,
}

impl Entry {
    /// The counter at a place of [`Entries::counters`].
    pub fn value(&self, place: usize) -> Option<i64> {
        self.values.get(place).copied().flatten()
    }
}

/// How `data.X OP N` compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
}

impl Comparison {
    /// HAProxy's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Less => "lt",
            Self::LessOrEqual => "le",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "ge",
        }
    }

    fn holds(self, value: i64, limit: i64) -> bool {
        match self {
            Self::Equal => value == limit,
            Self::NotEqual => value != limit,
            Self::Less => value < limit,
            Self::LessOrEqual => value <= limit,
            Self::Greater => value > limit,
            Self::GreaterOrEqual => value >= limit,
        }
    }
}

/// Which entries are wanted. 2.0.0 refuses every such filter (`Data type not stored in this table`); there,
/// all entries must be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFilter {
    /// Name of a counter, without its period.
    pub counter: SafeText,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what.
    pub limit: i64,
}

/// The entries of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries {
    /// The table; its `used` counts all entries, also those a filter hides.
    pub table: Option<StickTable>,
    /// The counters that its entries have, in HAProxy's order.
    pub counters: Vec<Counter>,
    /// Those that the filter wants, at most [`MAX_ENTRIES`].
    pub list: Vec<Entry>,
    /// How many were wanted and had no place.
    pub left_out: usize,
    /// The level of the socket is too low to see entries.
    pub is_denied: bool,
    /// Lines that are no entries.
    pub odd: usize,
}

impl Entries {
    /// Reads the answer to `show table NAME …`.
    pub fn parse(body: &[u8], filter: Option<&DataFilter>) -> Self {
        let mut out = Self::default();
        let mut names: Vec<Vec<u8>> = Vec::new();
        for line in body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            if pointer(line).is_some() {
                let Some(entry) = out.entry(line, &mut names) else {
                    out.odd += 1;
                    continue;
                };
                if filter.is_none_or(|filter| out.is_wanted(&entry, filter)) {
                    if out.list.len() < MAX_ENTRIES {
                        out.list.push(entry);
                    } else {
                        out.left_out += 1;
                    }
                }
            } else if line.starts_with(DENIED) {
                out.is_denied = true;
            } else if let Some(table) = StickTable::parse(line) {
                out.table = Some(table);
            } else {
                out.odd += 1;
            }
        }
        out
    }

    fn entry(&mut self, line: &[u8], names: &mut Vec<Vec<u8>>) -> Option<Entry> {
        const KEY: &[u8] = b": key=";
        let start = line.windows(KEY.len()).position(|part| part == KEY)? + KEY.len();
        let (key, rest) = line[start..].split_at(key_length(&line[start..]));
        let mut values = vec![None; self.counters.len()];
        let mut entry =
            Entry { key: SafeText::new(key), in_use: None, expires: None, values: Box::default(), texts: Vec::new() };
        for (name, value) in words(rest).filter_map(cut) {
            match name {
                b"use" => entry.in_use = number(value),
                b"exp" => entry.expires = number(value).map(Duration::from_millis),
                b"shard" => {}
                _ => match number(value) {
                    Some(value) => {
                        let known = names.iter().position(|known| known == name);
                        let place = known.unwrap_or_else(|| {
                            if names.len() < MAX_COLUMNS {
                                names.push(name.to_vec());
                                self.counters.push(Counter::parse(name));
                                values.push(None);
                            }
                            names.len() - 1
                        });
                        if names.get(place).is_some_and(|known| known == name) {
                            values[place] = Some(value);
                        }
                    }
                    None => entry.texts.push((SafeText::new(name), SafeText::new(value))),
                },
            }
        }
        entry.values = values.into();
        Some(entry)
    }

    fn is_wanted(&self, entry: &Entry, filter: &DataFilter) -> bool {
        let value = self.place(filter.counter.as_str()).and_then(|place| entry.value(place));
        value.is_some_and(|value| filter.comparison.holds(value, filter.limit))
    }

    /// Where a counter is, by its name without the period.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.counters.iter().position(|counter| counter.name.as_str() == name)
    }

    /// Puts the entries with the highest value of a counter first, those without it last.
    pub fn sort(&mut self, place: usize) {
        self.list.sort_by_key(|entry| Reverse(entry.value(place)));
    }
}

/// A key ends at the first blank that is not escaped.
fn key_length(text: &[u8]) -> usize {
    let mut at = 0;
    while at < text.len() && text[at] != b' ' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at.min(text.len())
}
