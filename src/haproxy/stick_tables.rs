//! The replies to `show table` (any level) and `show table NAME` (entries are shown at operator level and above).
//!
//! A table is one line, `# table: NAME, type: ip, size:1024, used:1`. An entry is one line of pairs:
//! `0x…: key=K use=0 exp=598219 gpc0=0 http_req_rate(10000)=400`. A key may come from a client; all HAProxy versions
//! escape non-printable characters in the key and write a blank as `\ `.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use crate::haproxy::reply_words::{leading_pointer, parse_number, split_pair, words};
use crate::haproxy::safe_text::SafeText;

/// Maximum number of tables kept from one reply.
pub(crate) const MAX_TABLES: usize = 10_000;
/// Maximum number of entries kept from one reply.
pub(crate) const MAX_ENTRIES: usize = 100_000;
/// Maximum number of counters kept per table; HAProxy has about thirty counters.
const MAX_COLUMNS: usize = 128;
/// The line that HAProxy sends at user level instead of the entries.
const DENIED: &[u8] = b"# contents not dumped due to insufficient privileges";

/// One stick table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StickTable {
    /// Name of the section that declares the table.
    pub name: SafeText,
    /// Type of the keys: `ip`, `ipv6`, `integer`, `string`, `binary`.
    pub key_type: SafeText,
    /// Maximum number of entries.
    pub size: Option<u64>,
    /// Current number of entries.
    pub used: Option<u64>,
}

impl StickTable {
    /// Returns the used share of the table, 0 to 1, or `None` if the size or the number of entries is unknown or the
    /// size is 0.
    pub fn fill_ratio(&self) -> Option<f64> {
        self.size.filter(|size| *size > 0).and_then(|size| Some(self.used? as f64 / size as f64))
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let mut parts = line.strip_prefix(b"# table: ")?.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let mut table = Self { name: SafeText::new(parts.next()?), ..Self::default() };
        for part in parts {
            if let Some(kind) = part.strip_prefix(b"type:") {
                table.key_type = SafeText::new(kind.trim_ascii());
            } else if let Some(size) = part.strip_prefix(b"size:") {
                table.size = parse_number(size);
            } else if let Some(used) = part.strip_prefix(b"used:") {
                table.used = parse_number(used);
            }
        }
        Some(table)
    }
}

/// The tables of one reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StickTables {
    /// The tables in HAProxy's order, at most [`MAX_TABLES`].
    pub list: Vec<StickTable>,
    /// Number of tables that were dropped because of [`MAX_TABLES`].
    pub dropped: usize,
    /// Number of lines that do not describe a table.
    pub unrecognized_lines: usize,
}

impl StickTables {
    /// Parses the reply to `show table`.
    pub fn parse(body: &[u8]) -> Self {
        let mut out = Self::default();
        for line in body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            match StickTable::parse(line) {
                Some(table) if out.list.len() < MAX_TABLES => out.list.push(table),
                Some(_) => out.dropped += 1,
                None => out.unrecognized_lines += 1,
            }
        }
        out
    }
}

/// A counter or rate stored in a table, such as `conn_cnt`, or `conn_rate` with a period of 10,000 ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableCounter {
    /// The name, as used in `data.NAME`.
    pub name: SafeText,
    /// The period of a rate; `None` for a counter.
    pub period: Option<Duration>,
}

impl TableCounter {
    /// Returns whether the values of several entries can be added: those of tags and server numbers cannot.
    pub(crate) fn can_be_summed(&self) -> bool {
        let name = self.name.as_str();
        !name.starts_with("gpt") && name != "server_id"
    }

    /// Returns whether the counter counts bytes.
    pub(crate) fn counts_bytes(&self) -> bool {
        self.name.as_str().starts_with("bytes_")
    }

    fn parse(key: &[u8]) -> Self {
        let bracket = key.iter().position(|byte| *byte == b'(');
        let period = bracket.and_then(|at| parse_number(key[at + 1..].strip_suffix(b")")?)).map(Duration::from_millis);
        let name = if period.is_some() { &key[..bracket.unwrap_or(key.len())] } else { key };
        Self { name: SafeText::new(name), period }
    }
}

impl fmt::Display for TableCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.period {
            Some(period) => write!(f, "{}({})", self.name, period.as_millis()),
            None => self.name.fmt(f),
        }
    }
}

/// One entry of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableEntry {
    /// The key, with HAProxy's escapes.
    pub key: SafeText,
    /// Number of sessions that use the entry.
    pub use_count: Option<u64>,
    /// Time until the entry expires; zero for a table without `expire`.
    pub expires_in: Option<Duration>,
    /// The value of each counter in [`TableEntries::counters`], in the same order.
    values: Box<[Option<i64>]>,
    /// Pairs whose values are not numbers, such as `server_key=s1`.
    pub texts: Vec<(SafeText, SafeText)>,
}

impl TableEntry {
    /// Returns the value of the counter at `index` in [`TableEntries::counters`], or `None` if the entry does not have
    /// the counter.
    pub fn value(&self, index: usize) -> Option<i64> {
        self.values.get(index).copied().flatten()
    }
}

/// The comparison operator in `data.COUNTER OP N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataComparison {
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

impl DataComparison {
    /// Returns HAProxy's word for the operator.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Less => "lt",
            Self::LessOrEqual => "le",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "ge",
        }
    }

    fn compare(self, value: i64, limit: i64) -> bool {
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

/// A filter for entries by one counter. 2.0.0 rejects every such filter (`Data type not stored in this table`), so all
/// entries must be read from this version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFilter {
    /// Name of the counter, without the period.
    pub counter: SafeText,
    /// The comparison operator.
    pub comparison: DataComparison,
    /// The number to compare with.
    pub limit: i64,
}

impl DataFilter {
    /// Returns whether the counter may be an element of an array, such as `gpc1` of `gpc(3)` or `gpc1_rate` of
    /// `gpc_rate(3,10s)`. HAProxy shows the elements but cannot compare them: it rejects the condition.
    pub(crate) fn may_be_array_element(&self) -> bool {
        let name = self.counter.as_str();
        let element = name.strip_prefix("gpc").or_else(|| name.strip_prefix("gpt"));
        element.is_some_and(|element| {
            let index = element.strip_suffix("_rate").unwrap_or(element);
            !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit())
        })
    }
}

/// The entries of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableEntries {
    /// The table; `None` if the reply does not contain its line. [`StickTable::used`] counts all entries, including
    /// those that do not match the filter.
    pub table: Option<StickTable>,
    /// The counters of the entries, in HAProxy's order.
    pub counters: Vec<TableCounter>,
    /// The entries that match the filter, at most [`MAX_ENTRIES`].
    pub list: Vec<TableEntry>,
    /// Number of entries that match the filter but were dropped because of [`MAX_ENTRIES`].
    pub dropped: usize,
    /// True if the level of the socket is too low to read entries.
    pub is_denied: bool,
    /// Number of lines that describe neither an entry nor the table.
    pub unrecognized_lines: usize,
}

impl TableEntries {
    /// Parses the reply to `show table NAME …`.
    pub fn parse(body: &[u8], filter: Option<&DataFilter>) -> Self {
        let mut out = Self::default();
        let mut names: Vec<Vec<u8>> = Vec::new();
        for line in body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            if leading_pointer(line).is_some() {
                let Some(entry) = out.parse_entry(line, &mut names) else {
                    out.unrecognized_lines += 1;
                    continue;
                };
                if filter.is_none_or(|filter| out.matches(&entry, filter)) {
                    if out.list.len() < MAX_ENTRIES {
                        out.list.push(entry);
                    } else {
                        out.dropped += 1;
                    }
                }
            } else if line.starts_with(DENIED) {
                out.is_denied = true;
            } else if let Some(table) = StickTable::parse(line) {
                out.table = Some(table);
            } else {
                out.unrecognized_lines += 1;
            }
        }
        out
    }

    fn parse_entry(&mut self, line: &[u8], names: &mut Vec<Vec<u8>>) -> Option<TableEntry> {
        const KEY: &[u8] = b": key=";
        let start = line.windows(KEY.len()).position(|part| part == KEY)? + KEY.len();
        let (key, rest) = line[start..].split_at(key_length(&line[start..]));
        let mut values = vec![None; self.counters.len()];
        let mut entry = TableEntry {
            key: SafeText::new(key),
            use_count: None,
            expires_in: None,
            values: Box::default(),
            texts: Vec::new(),
        };
        for (name, value) in words(rest).filter_map(split_pair) {
            match name {
                b"use" => entry.use_count = parse_number(value),
                b"exp" => entry.expires_in = parse_number(value).map(Duration::from_millis),
                b"shard" => {}
                _ => match parse_number(value) {
                    Some(value) => {
                        let known = names.iter().position(|known| known == name);
                        let index = known.unwrap_or_else(|| {
                            if names.len() < MAX_COLUMNS {
                                names.push(name.to_vec());
                                self.counters.push(TableCounter::parse(name));
                                values.push(None);
                            }
                            names.len() - 1
                        });
                        if names.get(index).is_some_and(|known| known == name) {
                            values[index] = Some(value);
                        }
                    }
                    None => entry.texts.push((SafeText::new(name), SafeText::new(value))),
                },
            }
        }
        entry.values = values.into();
        Some(entry)
    }

    /// Returns whether an entry of this reply meets a condition. An entry without the counter does not.
    pub(crate) fn matches(&self, entry: &TableEntry, filter: &DataFilter) -> bool {
        let value = self.counter_index(filter.counter.as_str()).and_then(|index| entry.value(index));
        value.is_some_and(|value| filter.comparison.compare(value, filter.limit))
    }

    /// Returns the index of the counter with this name (without a period), or `None` if no entry has the counter.
    pub fn counter_index(&self, name: &str) -> Option<usize> {
        self.counters.iter().position(|counter| counter.name.as_str() == name)
    }

    /// Sorts the entries by the counter at `index`: highest value first, entries without the counter last.
    pub fn sort_by_counter(&mut self, index: usize) {
        self.list.sort_by_key(|entry| Reverse(entry.value(index)));
    }
}

/// Returns the length of the key at the start of `text`, which ends at the first blank that is not escaped.
fn key_length(text: &[u8]) -> usize {
    let mut at = 0;
    while at < text.len() && text[at] != b' ' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at.min(text.len())
}
