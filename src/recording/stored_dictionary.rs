//! The dictionary of a shard that is read: what the numbers in its blocks stand for.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::haproxy::fields::TextField;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::servers_state::AdminState;
use crate::haproxy::stat_header::{HeaderColumn, StatSchema};
use crate::haproxy::stat_row::{RowKind, StatRow, TextSet};
use crate::history::age_encoding::AgeColumns;
use crate::observe::configured_state::{ConfiguredServer, ConfiguredServers};
use crate::observe::row_ids::KnownRows;
use crate::observe::row_ids::{RowId, RowSet};
use crate::recording::byte_codec::{ByteReader, Damaged};
use crate::recording::dictionary::{
    COLUMN_IGNORED, COLUMN_NAME, COLUMN_NUMBER, COLUMN_PROXY, COLUMN_TEXT, CONFIGURED, INFO_KEYS, ROW, ROW_SET, SCHEMA,
    TEXTS,
};

/// Maximum number of entries of a shard, and maximum size of all of them in bytes.
const MAX_ENTRIES: usize = 1 << 19;
const MAX_BYTES: usize = 64 << 20;
/// Maximum number of rows in a sample.
const MAX_ROWS: usize = 120_000;
/// Maximum number of columns of `show stat`, and of keys of `show info`.
const MAX_COLUMNS: usize = 1024;

/// Kind and names of a row.
#[derive(Debug, Clone)]
pub(crate) struct StoredNames {
    pub(crate) id: RowId,
    pub(crate) kind: RowKind,
    pub(crate) proxy: SafeText,
    pub(crate) name: SafeText,
}

impl StoredNames {
    /// Returns the row with some texts.
    pub(crate) fn with_texts(&self, texts: [&TextSet; 2]) -> StatRow {
        StatRow::from_stored(self.kind, self.proxy.clone(), self.name.clone(), texts)
    }
}

#[derive(Debug)]
enum StoredEntry {
    Schema(Arc<StatSchema>, AgeColumns),
    InfoKeys(Arc<[SafeText]>),
    Row(StoredNames),
    Texts(TextSet),
    /// Bytes of the rows of a sample, which are decoded when they are needed: they would take far more memory.
    RowSet(Box<[u8]>),
    /// Bytes of the configured states.
    Configured(Box<[u8]>),
}

/// The value of an entry that was decoded last: most blocks of a shard have the same one.
#[derive(Debug)]
struct LastDecoded<T>(Mutex<Option<(u32, Arc<T>)>>);

impl<T> Default for LastDecoded<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> LastDecoded<T> {
    fn get_or_decode(&self, number: u32, decode: impl FnOnce() -> Result<T, Damaged>) -> Result<Arc<T>, Damaged> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, value)) = last.as_ref().filter(|(known, _)| *known == number) {
            return Ok(Arc::clone(value));
        }
        let value = Arc::new(decode()?);
        *last = Some((number, Arc::clone(&value)));
        Ok(value)
    }
}

/// Entries of a shard by their numbers. Entries of damaged records are missing.
#[derive(Debug, Default)]
pub(crate) struct StoredDictionary {
    /// Entries with consecutive numbers, each list with the number of its first entry, in ascending order.
    runs: Vec<(u32, Vec<StoredEntry>)>,
    entry_count: usize,
    bytes: usize,
    /// The set without texts.
    no_texts: TextSet,
    last_row_set: LastDecoded<RowSet>,
    last_configured: LastDecoded<ConfiguredServers>,
}

const MISSING: Damaged = Damaged("refers to a dictionary entry that is missing");

impl StoredDictionary {
    /// Adds the entries of one record; `first` is the number of the first one. Entries before a damaged one are kept.
    ///
    /// # Errors
    /// Returns an error if an entry is damaged, or if the dictionary is too large.
    pub(crate) fn add_record(&mut self, first: u32, contents: &[u8], names: &KnownRows) -> Result<(), Damaged> {
        self.bytes = self.bytes.saturating_add(contents.len());
        if self.bytes > MAX_BYTES {
            return Err(Damaged("is beyond the maximum size of a dictionary"));
        }
        let mut reader = ByteReader::new(contents);
        let mut number = first;
        while reader.left() > 0 {
            let entry = self.read_entry(&mut reader, names)?;
            if self.entry_count >= MAX_ENTRIES || self.entry(number).is_some() {
                return Err(Damaged("repeats the number of a dictionary entry, or has too many entries"));
            }
            self.insert(number, entry);
            number = number.checked_add(1).ok_or(Damaged("has too many dictionary entries"))?;
        }
        Ok(())
    }

    fn insert(&mut self, number: u32, entry: StoredEntry) {
        self.entry_count += 1;
        let place = self.runs.partition_point(|(first, _)| *first <= number);
        let before = place.checked_sub(1).and_then(|before| self.runs.get_mut(before));
        match before.filter(|(first, entries)| (number - *first) as usize == entries.len()) {
            Some((_, entries)) => entries.push(entry),
            None => self.runs.insert(place, (number, vec![entry])),
        }
    }

    fn entry(&self, number: u32) -> Option<&StoredEntry> {
        let place = self.runs.partition_point(|(first, _)| *first <= number).checked_sub(1)?;
        let (first, entries) = self.runs.get(place)?;
        entries.get((number - first) as usize)
    }

    fn read_entry(&self, reader: &mut ByteReader<'_>, names: &KnownRows) -> Result<StoredEntry, Damaged> {
        Ok(match reader.byte()? {
            SCHEMA => {
                let (schema, ages) = read_schema(reader)?;
                StoredEntry::Schema(Arc::new(schema), ages)
            }
            INFO_KEYS => {
                let count = reader.count(MAX_COLUMNS)?;
                StoredEntry::InfoKeys((0..count).map(|_| reader.text()).collect::<Result<_, _>>()?)
            }
            ROW => {
                let kind =
                    RowKind::from_type(i64::from(reader.byte()?)).ok_or(Damaged("has an unknown kind of row"))?;
                let (proxy, name, earlier) = (reader.text()?, reader.text()?, reader.small()?);
                let id = names.identify(kind, &proxy, &name, earlier);
                StoredEntry::Row(StoredNames { id, kind, proxy, name })
            }
            TEXTS => {
                let count = reader.count(MAX_COLUMNS)?;
                let mut texts = Vec::with_capacity(count.min(TextField::ALL.len()));
                for _ in 0..count {
                    let (column, text) = (reader.text()?, reader.text()?);
                    // A later version of hapulse may store further columns.
                    texts.extend(TextField::by_name(column.as_str().as_bytes()).map(|field| (field, text)));
                }
                StoredEntry::Texts(texts.into())
            }
            ROW_SET => StoredEntry::RowSet(Self::keep_read(reader, |reader| self.read_row_set(reader).map(drop))?),
            CONFIGURED => {
                StoredEntry::Configured(Self::keep_read(reader, |reader| self.read_configured(reader).map(drop))?)
            }
            _ => return Err(Damaged("has an unknown dictionary entry")),
        })
    }

    /// Returns the bytes that `read` consumes.
    fn keep_read(
        reader: &mut ByteReader<'_>,
        read: impl FnOnce(&mut ByteReader<'_>) -> Result<(), Damaged>,
    ) -> Result<Box<[u8]>, Damaged> {
        let mut end = reader.clone();
        read(&mut end)?;
        Ok(reader.take(reader.left() - end.left())?.into())
    }

    fn read_row_set(&self, reader: &mut ByteReader<'_>) -> Result<RowSet, Damaged> {
        let count = reader.count(MAX_ROWS)?;
        let (mut rows, mut ids, mut known) = (Vec::with_capacity(count), Vec::with_capacity(count), HashSet::new());
        let mut number = 0_i64;
        for _ in 0..count {
            number = number.checked_add(reader.signed()?).ok_or(MISSING)?;
            let names = self.row(u32::try_from(number).map_err(|_| MISSING)?)?;
            if !known.insert(names.id) {
                return Err(Damaged("has the same row twice"));
            }
            rows.push(names.with_texts([&self.no_texts, &self.no_texts]));
            ids.push(names.id);
        }
        Ok(RowSet::with_ids(&rows, ids))
    }

    fn read_configured(&self, reader: &mut ByteReader<'_>) -> Result<ConfiguredServers, Damaged> {
        let count = reader.count(MAX_ROWS)?;
        let mut servers = Vec::with_capacity(count);
        let mut number = 0_u32;
        for _ in 0..count {
            number = number.checked_add(reader.small()?).ok_or(MISSING)?;
            servers.push((self.row(number)?.id, read_configured_server(reader)?));
        }
        Ok(ConfiguredServers::from_stored(servers.into_iter()))
    }

    /// Returns the columns with this number, and which of them are ages.
    pub(crate) fn schema(&self, number: u32) -> Result<(&Arc<StatSchema>, AgeColumns), Damaged> {
        match self.entry(number) {
            Some(StoredEntry::Schema(schema, ages)) => Ok((schema, *ages)),
            _ => Err(MISSING),
        }
    }

    /// Returns the keys of `show info` with this number.
    pub(crate) fn info_keys(&self, number: u32) -> Result<&Arc<[SafeText]>, Damaged> {
        match self.entry(number) {
            Some(StoredEntry::InfoKeys(keys)) => Ok(keys),
            _ => Err(MISSING),
        }
    }

    /// Returns the names of the row with this number.
    pub(crate) fn row(&self, number: u32) -> Result<&StoredNames, Damaged> {
        match self.entry(number) {
            Some(StoredEntry::Row(names)) => Ok(names),
            _ => Err(MISSING),
        }
    }

    /// Returns the texts with this number; without a number, the set without texts.
    pub(crate) fn texts(&self, number: Option<u64>) -> Result<&TextSet, Damaged> {
        let Some(number) = number else { return Ok(&self.no_texts) };
        match u32::try_from(number).ok().and_then(|number| self.entry(number)) {
            Some(StoredEntry::Texts(texts)) => Ok(texts),
            _ => Err(MISSING),
        }
    }

    /// Returns the rows with this number.
    pub(crate) fn row_set(&self, number: u32) -> Result<Arc<RowSet>, Damaged> {
        let Some(StoredEntry::RowSet(bytes)) = self.entry(number) else { return Err(MISSING) };
        self.last_row_set.get_or_decode(number, || self.read_row_set(&mut ByteReader::new(bytes)))
    }

    /// Returns the configured states with this number.
    pub(crate) fn configured(&self, number: u64) -> Result<Arc<ConfiguredServers>, Damaged> {
        let number = u32::try_from(number).map_err(|_| MISSING)?;
        let Some(StoredEntry::Configured(bytes)) = self.entry(number) else { return Err(MISSING) };
        self.last_configured.get_or_decode(number, || self.read_configured(&mut ByteReader::new(bytes)))
    }
}

fn read_schema(reader: &mut ByteReader<'_>) -> Result<(StatSchema, AgeColumns), Damaged> {
    let invalid = Damaged("has impossible columns");
    let quantity_count = usize::try_from(reader.number()?).map_err(|_| invalid)?;
    let count = reader.count(MAX_COLUMNS)?;
    let (mut columns, mut ages) = (Vec::with_capacity(count), Vec::new());
    for _ in 0..count {
        columns.push(match reader.byte()? {
            COLUMN_PROXY => (HeaderColumn::Proxy, SafeText::default()),
            COLUMN_NAME => (HeaderColumn::Name, SafeText::default()),
            COLUMN_IGNORED => (HeaderColumn::Ignored, SafeText::default()),
            COLUMN_TEXT => {
                let name = reader.text()?;
                let field = TextField::by_name(name.as_str().as_bytes());
                (field.map_or(HeaderColumn::Ignored, HeaderColumn::Text), name)
            }
            COLUMN_NUMBER => {
                let slot = u16::try_from(reader.number()?).map_err(|_| invalid)?;
                if reader.byte()? != 0 {
                    ages.push(usize::from(slot));
                }
                (HeaderColumn::Number(slot), reader.text()?)
            }
            _ => return Err(invalid),
        });
    }
    let ages = AgeColumns::from_slots(ages.into_iter()).ok_or(invalid)?;
    Ok((StatSchema::from_stored(&columns, quantity_count).ok_or(invalid)?, ages))
}

fn read_configured_server(reader: &mut ByteReader<'_>) -> Result<ConfiguredServer, Damaged> {
    let weight = if reader.byte()? == 0 { None } else { Some(reader.signed()?) };
    let admin_state = AdminState(reader.small()?);
    let bits = reader.byte()?;
    let fact = |shift: u8| match bits >> shift & 3 {
        1 => Some(false),
        2 => Some(true),
        _ => None,
    };
    let name_group =
        reader.optional()?.map(u32::try_from).transpose().map_err(|_| Damaged("has an impossible group"))?;
    Ok(ConfiguredServer {
        weight,
        admin_state,
        has_checks: fact(0),
        has_agent: fact(2),
        has_failed_check: fact(4),
        name_group,
    })
}
