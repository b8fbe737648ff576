//! Stable row identities across samples.
//!
//! A row is identified by its kind and names, never by its number or position, which a reload may change. An id is
//! never reused for another row, so a selection cannot move to a different server.

use std::collections::HashMap;
use std::sync::Arc;

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::{RowKind, StatRow, StatTable};

/// Identifier of one row, valid until the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(u32);

impl RowId {
    /// The process itself, with the values of `show info`.
    pub const PROCESS: Self = Self(0);
}

/// Kind and names that identify a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RowKey {
    /// Kind of the row.
    pub kind: RowKind,
    /// Name of the proxy.
    pub proxy: SafeText,
    /// Name of the server or listener; `FRONTEND` or `BACKEND` for a proxy.
    pub name: SafeText,
    /// 0 for the first row with these names in a reply, 1 for the second, and so on.
    pub(crate) occurrence: u16,
}

/// Indexes in a sample of a backend's own row and of the rows of its servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendRows {
    /// Index of the backend's own row.
    pub row: usize,
    /// Indexes of the servers' rows, in HAProxy's order.
    pub servers: Vec<usize>,
}

/// Identities and grouping of the rows of a sample, shared between samples with the same rows.
#[derive(Debug, Default)]
pub struct RowSet {
    ids: Vec<RowId>,
    keys: Vec<RowKey>,
    index: HashMap<RowId, usize>,
    frontends: Vec<usize>,
    backends: Vec<BackendRows>,
    /// For each row, the index in `backends` of the backend that the row is or belongs to.
    backend_of: Vec<Option<u32>>,
}

impl RowSet {
    /// Returns the id of each row, in the order of the sample.
    pub fn ids(&self) -> &[RowId] {
        &self.ids
    }

    /// Returns the kind and names of the row at `index`.
    pub fn key(&self, index: usize) -> &RowKey {
        &self.keys[index]
    }

    /// Returns the index of a row, or `None` if the sample does not contain it.
    pub fn index_of(&self, id: RowId) -> Option<usize> {
        self.index.get(&id).copied()
    }

    /// Returns the indexes of the frontends' rows, in HAProxy's order.
    pub fn frontends(&self) -> &[usize] {
        &self.frontends
    }

    /// Returns the backends with their servers, in HAProxy's order.
    pub fn backends(&self) -> &[BackendRows] {
        &self.backends
    }

    /// Returns the backend that the row at `index` is or belongs to, or `None` for a frontend or listener.
    pub fn backend_of(&self, index: usize) -> Option<&BackendRows> {
        self.backends.get((*self.backend_of.get(index)?)? as usize)
    }

    /// Returns the backend with this name, or `None` if the sample does not contain it.
    pub(crate) fn backend_named(&self, proxy: &SafeText) -> Option<&BackendRows> {
        self.backends.iter().find(|backend| self.keys[backend.row].proxy == *proxy)
    }

    /// Returns the memory used, in bytes, without the names.
    pub(crate) fn memory(&self) -> usize {
        let row = size_of::<RowId>() * 2 + size_of::<RowKey>() + size_of::<usize>() * 3 + size_of::<Option<u32>>();
        self.ids.len() * row + self.backends.len() * size_of::<BackendRows>()
    }

    fn new(keys: Vec<RowKey>, ids: Vec<RowId>) -> Self {
        let index = ids.iter().enumerate().map(|(index, id)| (*id, index)).collect();
        let of_kind = |kind| keys.iter().enumerate().filter(move |(_, key)| key.kind == kind);
        let mut servers: HashMap<&SafeText, Vec<usize>> = HashMap::new();
        for (index, key) in of_kind(RowKind::Server) {
            servers.entry(&key.proxy).or_default().push(index);
        }
        let frontends = of_kind(RowKind::Frontend).map(|(index, _)| index).collect();
        let backends: Vec<BackendRows> = of_kind(RowKind::Backend)
            .map(|(row, key)| BackendRows { row, servers: servers.remove(&key.proxy).unwrap_or_default() })
            .collect();
        let mut backend_of = vec![None; keys.len()];
        for (place, backend) in backends.iter().enumerate() {
            for row in backend.servers.iter().chain([&backend.row]) {
                backend_of[*row] = Some(place as u32);
            }
        }
        Self { ids, keys, index, frontends, backends, backend_of }
    }
}

/// Assigns an id to each row.
#[derive(Debug)]
pub struct RowIds {
    ids: HashMap<RowKey, RowId>,
    next_id: u32,
    current: Arc<RowSet>,
}

/// Maximum number of absent rows whose ids are kept. A server that reappears keeps its id, and with it its history.
const MAX_ABSENT_NAMES: usize = 4096;

impl Default for RowIds {
    fn default() -> Self {
        Self { ids: HashMap::new(), next_id: RowId::PROCESS.0 + 1, current: Arc::default() }
    }
}

impl RowIds {
    /// Returns the identities of a table's rows. If the rows are the same as in the last call, the same `Arc` is
    /// returned.
    pub fn identify(&mut self, table: &StatTable) -> Arc<RowSet> {
        let same =
            |(row, key): (&StatRow, &RowKey)| row.kind == key.kind && row.name == key.name && row.proxy == key.proxy;
        if table.rows().len() == self.current.keys.len() && table.rows().iter().zip(&self.current.keys).all(same) {
            return Arc::clone(&self.current);
        }
        let mut seen: HashMap<RowKey, u16> = HashMap::with_capacity(table.rows().len());
        let keys: Vec<RowKey> = table
            .rows()
            .iter()
            .map(|row| {
                let mut key =
                    RowKey { kind: row.kind, proxy: row.proxy.clone(), name: row.name.clone(), occurrence: 0 };
                let count = seen.entry(key.clone()).or_default();
                key.occurrence = *count;
                *count = count.saturating_add(1);
                key
            })
            .collect();
        if self.ids.len() > keys.len() + MAX_ABSENT_NAMES {
            self.ids.retain(|key, _| seen.contains_key(&RowKey { occurrence: 0, ..key.clone() }));
            // Removed entries leave tombstones in the hash map, so repeated filling and emptying can double its
            // capacity.
            self.ids.shrink_to_fit();
        }
        let ids = keys.iter().map(|key| self.id_for(key)).collect();
        self.current = Arc::new(RowSet::new(keys, ids));
        Arc::clone(&self.current)
    }

    fn id_for(&mut self, key: &RowKey) -> RowId {
        if let Some(id) = self.ids.get(key) {
            return *id;
        }
        let id = RowId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1).max(1);
        self.ids.insert(key.clone(), id);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &str) -> StatTable {
        let body = format!("# pxname,svname,type,\n{rows}");
        StatTable::parse(body.as_bytes(), None).unwrap()
    }

    #[test]
    fn identify_keeps_ids_when_rows_move() {
        let mut row_ids = RowIds::default();
        let first = row_ids.identify(&table("www,FRONTEND,0,\nwww,w1,2,\nwww,w2,2,\nwww,BACKEND,1,\n"));
        let again = row_ids.identify(&table("www,FRONTEND,0,\nwww,w1,2,\nwww,w2,2,\nwww,BACKEND,1,\n"));
        assert!(Arc::ptr_eq(&first, &again));
        let moved = row_ids.identify(&table("www,w2,2,\nwww,BACKEND,1,\nwww,FRONTEND,0,\n"));
        assert_eq!(moved.ids()[0], first.ids()[2]);
        assert_eq!(moved.ids()[1], first.ids()[3]);
        let back = row_ids.identify(&table("www,w1,2,\n"));
        assert_eq!(back.ids()[0], first.ids()[1], "a server that reappears keeps its id");
        assert_eq!(moved.index_of(first.ids()[1]), None);
    }

    #[test]
    fn identify_groups_servers_by_backend() {
        let rows = RowIds::default()
            .identify(&table("l,FRONTEND,0,\nl,sock-1,3,\nl,a,2,\nl,b,2,\nl,BACKEND,1,\nm,BACKEND,1,\n"));
        assert_eq!(rows.frontends(), [0]);
        assert_eq!(
            rows.backends(),
            [BackendRows { row: 4, servers: vec![2, 3] }, BackendRows { row: 5, servers: vec![] }]
        );
        assert_eq!(rows.backend_of(3).map(|backend| backend.row), Some(4));
        assert_eq!(rows.backend_of(0), None);
        assert_eq!(rows.backend_named(&"l".into()).map(|backend| backend.row), Some(4));
    }

    #[test]
    fn identify_distinguishes_rows_with_equal_names() {
        let rows = RowIds::default().identify(&table("b,s,2,\nb,s,2,\n"));
        assert_ne!(rows.ids()[0], rows.ids()[1]);
        assert_eq!(rows.key(1).occurrence, 1);
    }

    #[test]
    fn identify_forgets_names_absent_for_long() {
        let mut row_ids = RowIds::default();
        for number in 0..3 * MAX_ABSENT_NAMES {
            row_ids.identify(&table(&format!("b,s{number},2,\n")));
        }
        assert!(row_ids.ids.len() <= MAX_ABSENT_NAMES + 2);
    }

    #[test]
    fn identify_releases_memory_of_forgotten_names() {
        let mut row_ids = RowIds::default();
        let row = |number: usize| format!("b,s{number},2,\n");
        row_ids.identify(&table(&(0..MAX_ABSENT_NAMES + 10).map(row).collect::<String>()));
        row_ids.identify(&table(&row(0)));
        assert!(row_ids.ids.len() == 1 && row_ids.ids.capacity() < 100, "{}", row_ids.ids.capacity());
    }
}
