//! The dictionary of a shard that is being written: numbers for columns, names and texts, which blocks refer to.
//!
//! An entry is written once per shard, in a record before the first block that refers to it. Entries refer only to earlier
//! entries.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::haproxy::fields::TextField;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_header::{HeaderColumn, StatSchema};
use crate::haproxy::stat_row::{RowKind, StatRow, TextSet};
use crate::history::age_encoding::AgeColumns;
use crate::observe::configured_state::{ConfiguredServer, ConfiguredServers};
use crate::observe::row_ids::{RowId, RowMap, RowSet};
use crate::recording::byte_codec::{write_number, write_optional, write_signed, write_text};

/// Tag of an entry with the columns of `show stat`.
pub(crate) const SCHEMA: u8 = 1;
/// Tag of an entry with the keys of `show info`.
pub(crate) const INFO_KEYS: u8 = 2;
/// Tag of an entry with the kind and names of a row.
pub(crate) const ROW: u8 = 3;
/// Tag of an entry with some texts of a row.
pub(crate) const TEXTS: u8 = 4;
/// Tag of an entry with the rows of a sample, in HAProxy's order.
pub(crate) const ROW_SET: u8 = 5;
/// Tag of an entry with the configured state of the servers.
pub(crate) const CONFIGURED: u8 = 6;

/// Tag of a column of `show stat` that contains the name of the proxy.
pub(crate) const COLUMN_PROXY: u8 = 0;
/// Tag of a column that contains the name of the row.
pub(crate) const COLUMN_NAME: u8 = 1;
/// Tag of a column with texts.
pub(crate) const COLUMN_TEXT: u8 = 2;
/// Tag of a column with numbers.
pub(crate) const COLUMN_NUMBER: u8 = 3;
/// Tag of a column that is not stored.
pub(crate) const COLUMN_IGNORED: u8 = 4;

/// Size from which a shard with this dictionary should be completed, so that a site with ever new texts does not need more
/// and more memory: number of entries, and bytes.
const LARGE_COUNT: u32 = 200_000;
const LARGE_BYTES: usize = 8 << 20;
/// Number of row sets that are remembered. Alternating processes have two.
const KNOWN_ROW_SETS: usize = 4;

/// Assigns numbers to entries and encodes new entries.
#[derive(Debug, Default)]
pub(crate) struct DictionaryWriter {
    /// Number of entries.
    count: u32,
    /// Size of all entries, in bytes.
    bytes: usize,
    /// Entries that are not written yet.
    pending: Vec<u8>,
    first_pending: u32,
    schema: Option<(Arc<StatSchema>, u32)>,
    info_keys: Option<(Arc<[SafeText]>, u32)>,
    rows: RowMap<u32>,
    /// Number of rows with the same kind and names.
    same_names: HashMap<(RowKind, SafeText, SafeText), u32>,
    texts: HashMap<TextSet, u32>,
    row_sets: Vec<(Arc<RowSet>, u32)>,
    configured: Option<(Arc<ConfiguredServers>, u32)>,
}

impl DictionaryWriter {
    /// Returns the entries that are not written yet and the number of the first one, or `None` if all are written.
    pub(crate) fn pending(&self) -> Option<(u32, &[u8])> {
        (!self.pending.is_empty()).then_some((self.first_pending, self.pending.as_slice()))
    }

    /// Records that all pending entries were written.
    pub(crate) fn mark_written(&mut self) {
        self.pending.clear();
        self.first_pending = self.count;
    }

    /// Returns whether the shard should be completed because the dictionary is large.
    pub(crate) fn is_large(&self) -> bool {
        self.count >= LARGE_COUNT || self.bytes >= LARGE_BYTES
    }

    fn add(&mut self, tag: u8, encode: impl FnOnce(&mut Vec<u8>)) -> u32 {
        let before = self.pending.len();
        self.pending.push(tag);
        encode(&mut self.pending);
        self.bytes += self.pending.len() - before;
        self.count += 1;
        self.count - 1
    }

    /// Returns the number of the columns.
    pub(crate) fn schema(&mut self, schema: &Arc<StatSchema>, ages: &AgeColumns) -> u32 {
        match &self.schema {
            Some((known, number)) if known == schema => *number,
            _ => {
                let number = self.add(SCHEMA, |out| encode_schema(out, schema, ages));
                self.schema = Some((Arc::clone(schema), number));
                number
            }
        }
    }

    /// Returns the number of the keys of `show info`.
    pub(crate) fn info_keys(&mut self, keys: &Arc<[SafeText]>) -> u32 {
        match &self.info_keys {
            Some((known, number)) if known == keys => *number,
            _ => {
                let number = self.add(INFO_KEYS, |out| {
                    write_number(out, keys.len() as u64);
                    keys.iter().for_each(|key| write_text(out, key));
                });
                self.info_keys = Some((Arc::clone(keys), number));
                number
            }
        }
    }

    /// Returns the number of a row whose names are known.
    pub(crate) fn known_row(&self, id: RowId) -> Option<u32> {
        self.rows.get(&id).copied()
    }

    /// Returns the number of a row; `row` has its names.
    pub(crate) fn row(&mut self, id: RowId, row: &StatRow) -> u32 {
        if let Some(number) = self.known_row(id) {
            return number;
        }
        let same = self.same_names.entry((row.kind, row.proxy.clone(), row.name.clone())).or_insert(0);
        let earlier = std::mem::replace(same, *same + 1);
        let number = self.add(ROW, |out| {
            out.push(row.kind.type_number());
            write_text(out, &row.proxy);
            write_text(out, &row.name);
            write_number(out, u64::from(earlier));
        });
        self.rows.insert(id, number);
        number
    }

    /// Returns the number of a set of texts.
    pub(crate) fn texts(&mut self, set: &TextSet) -> u32 {
        match self.texts.entry(Arc::clone(set)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(place) => {
                place.insert(self.count);
                self.add(TEXTS, |out| {
                    write_number(out, set.len() as u64);
                    for (field, text) in set.iter() {
                        write_text(out, &column_name(*field));
                        write_text(out, text);
                    }
                })
            }
        }
    }

    /// Returns the number of the rows of a sample, or `None` if the names of a row are unknown.
    pub(crate) fn row_set(&mut self, rows: &Arc<RowSet>) -> Option<u32> {
        if let Some((_, number)) = self.row_sets.iter().find(|(known, _)| Arc::ptr_eq(known, rows)) {
            return Some(*number);
        }
        let numbers: Vec<u32> = rows.ids().iter().map(|id| self.known_row(*id)).collect::<Option<_>>()?;
        let number = self.add(ROW_SET, |out| {
            write_number(out, numbers.len() as u64);
            let mut before = 0;
            for number in numbers {
                write_signed(out, i64::from(number) - before);
                before = i64::from(number);
            }
        });
        if self.row_sets.len() == KNOWN_ROW_SETS {
            self.row_sets.remove(0);
        }
        self.row_sets.push((Arc::clone(rows), number));
        Some(number)
    }

    /// Returns the number of the configured states. Servers whose names are unknown, because no sample of this shard
    /// contains them, are left out.
    pub(crate) fn configured(&mut self, configured: &Arc<ConfiguredServers>) -> u32 {
        if let Some((_, number)) = self.configured.as_ref().filter(|(known, _)| Arc::ptr_eq(known, configured)) {
            return *number;
        }
        let mut servers: Vec<(u32, ConfiguredServer)> =
            configured.servers().filter_map(|(id, server)| Some((self.known_row(id)?, *server))).collect();
        servers.sort_unstable_by_key(|(number, _)| *number);
        let number = self.add(CONFIGURED, |out| {
            write_number(out, servers.len() as u64);
            let mut before = 0;
            for (number, server) in servers {
                write_number(out, u64::from(number - before));
                before = number;
                encode_configured(out, &server);
            }
        });
        self.configured = Some((Arc::clone(configured), number));
        number
    }
}

fn column_name(field: TextField) -> SafeText {
    let name = TextField::ALL.iter().find(|(known, _)| *known == field).map_or("", |(_, name)| name);
    SafeText::from(name)
}

fn encode_schema(out: &mut Vec<u8>, schema: &StatSchema, ages: &AgeColumns) {
    write_number(out, schema.quantity_count() as u64);
    write_number(out, schema.columns().len() as u64);
    for column in schema.columns() {
        match column {
            HeaderColumn::Proxy => out.push(COLUMN_PROXY),
            HeaderColumn::Name => out.push(COLUMN_NAME),
            HeaderColumn::Ignored => out.push(COLUMN_IGNORED),
            HeaderColumn::Text(field) => {
                out.push(COLUMN_TEXT);
                write_text(out, &column_name(*field));
            }
            HeaderColumn::Number(slot) => {
                let slot = usize::from(*slot);
                out.push(COLUMN_NUMBER);
                write_number(out, slot as u64);
                out.push(u8::from(ages.contains(slot)));
                write_text(out, &schema.names()[slot]);
            }
        }
    }
}

/// Writes the weight, the administrative state, three facts in two bits each (0 unknown, 1 false, 2 true), and the name
/// group.
fn encode_configured(out: &mut Vec<u8>, server: &ConfiguredServer) {
    let ConfiguredServer { weight, admin_state, has_checks, has_agent, has_failed_check, name_group } = server;
    out.push(u8::from(weight.is_some()));
    if let Some(weight) = weight {
        write_signed(out, *weight);
    }
    write_number(out, u64::from(admin_state.0));
    let bits = |fact: &Option<bool>| fact.map_or(0, |fact| 1 + u8::from(fact));
    out.push(bits(has_checks) | bits(has_agent) << 2 | bits(has_failed_check) << 4);
    write_optional(out, name_group.map(u64::from));
}
