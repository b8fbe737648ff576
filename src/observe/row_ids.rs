//! Who is who from one sample to the next.
//!
//! A row is known by what it is and its names, never by its number or place, which a reload may change. An
//! id is given once and never to another row, so a selection cannot come to mean a different server.

use std::collections::HashMap;
use std::sync::Arc;

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::{Row, RowKind, Table};

/// Stands for one row as long as the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(u32);

impl RowId {
    /// The process itself, whose numbers are those of `show info`.
    pub const PROCESS: Self = Self(0);
}

/// What a row is known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RowKey {
    /// What it is.
    pub kind: RowKind,
    /// The proxy's name.
    pub proxy: SafeText,
    /// The server's or listener's name, `FRONTEND` or `BACKEND`.
    pub name: SafeText,
    /// 0, or more where the very same names stand in one answer again.
    pub occurrence: u16,
}

/// A backend's row and those of its servers, as indexes into the sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// The backend's own row.
    pub row: usize,
    /// Its servers, in HAProxy's order.
    pub servers: Vec<usize>,
}

/// The rows of a sample: who they are and how they belong together. Shared by all samples with the same rows.
#[derive(Debug, Default)]
pub struct RowSet {
    ids: Vec<RowId>,
    keys: Vec<RowKey>,
    index: HashMap<RowId, usize>,
    frontends: Vec<usize>,
    backends: Vec<Backend>,
    /// For each row, the place of its backend.
    backend_of: Vec<Option<u32>>,
}

impl RowSet {
    /// The id of each row.
    pub fn ids(&self) -> &[RowId] {
        &self.ids
    }

    /// What the row at `index` is known by.
    pub fn key(&self, index: usize) -> &RowKey {
        &self.keys[index]
    }

    /// Where a row stands; absent when this sample does not hold it.
    pub fn index(&self, id: RowId) -> Option<usize> {
        self.index.get(&id).copied()
    }

    /// The frontends, in HAProxy's order.
    pub fn frontends(&self) -> &[usize] {
        &self.frontends
    }

    /// The backends with their servers, in HAProxy's order.
    pub fn backends(&self) -> &[Backend] {
        &self.backends
    }

    /// The backend that the row at `index` is, or is a server of.
    pub fn backend_of(&self, index: usize) -> Option<&Backend> {
        self.backends.get((*self.backend_of.get(index)?)? as usize)
    }

    /// The backend with that name.
    pub fn backend_named(&self, proxy: &SafeText) -> Option<&Backend> {
        self.backends.iter().find(|backend| self.keys[backend.row].proxy == *proxy)
    }

    /// Memory held, in bytes, names left out.
    pub fn memory(&self) -> usize {
        let row = size_of::<RowId>() * 2 + size_of::<RowKey>() + size_of::<usize>() * 3 + size_of::<Option<u32>>();
        self.ids.len() * row + self.backends.len() * size_of::<Backend>()
    }

    fn new(keys: Vec<RowKey>, ids: Vec<RowId>) -> Self {
        let index = ids.iter().enumerate().map(|(index, id)| (*id, index)).collect();
        let of_kind = |kind| keys.iter().enumerate().filter(move |(_, key)| key.kind == kind);
        let mut servers: HashMap<&SafeText, Vec<usize>> = HashMap::new();
        for (index, key) in of_kind(RowKind::Server) {
            servers.entry(&key.proxy).or_default().push(index);
        }
        let frontends = of_kind(RowKind::Frontend).map(|(index, _)| index).collect();
        let backends: Vec<Backend> = of_kind(RowKind::Backend)
            .map(|(row, key)| Backend { row, servers: servers.remove(&key.proxy).unwrap_or_default() })
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

/// Gives each row its id.
#[derive(Debug)]
pub struct Roster {
    ids: HashMap<RowKey, RowId>,
    next: u32,
    current: Arc<RowSet>,
}

/// Names remembered beyond those present: servers that come and go keep their id, and so their history.
const REMEMBERED: usize = 4096;

impl Default for Roster {
    fn default() -> Self {
        Self { ids: HashMap::new(), next: RowId::PROCESS.0 + 1, current: Arc::default() }
    }
}

impl Roster {
    /// The rows of a table. The very same set comes back while rows do not change.
    pub fn identify(&mut self, table: &Table) -> Arc<RowSet> {
        let same = |(row, key): (&Row, &RowKey)| row.kind == key.kind && row.name == key.name && row.proxy == key.proxy;
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
        if self.ids.len() > keys.len() + REMEMBERED {
            self.ids.retain(|key, _| seen.contains_key(&RowKey { occurrence: 0, ..key.clone() }));
            // A map that is emptied and filled over and over doubles for the places that it leaves behind.
            self.ids.shrink_to_fit();
        }
        let ids = keys.iter().map(|key| self.id_of(key)).collect();
        self.current = Arc::new(RowSet::new(keys, ids));
        Arc::clone(&self.current)
    }

    fn id_of(&mut self, key: &RowKey) -> RowId {
        if let Some(id) = self.ids.get(key) {
            return *id;
        }
        let id = RowId(self.next);
        self.next = self.next.wrapping_add(1).max(1);
        self.ids.insert(key.clone(), id);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &str) -> Table {
        let body = format!("# pxname,svname,type,\n{rows}");
        Table::parse(body.as_bytes(), None).unwrap()
    }

    #[test]
    fn ids_follow_names_not_places() {
        let mut roster = Roster::default();
        let first = roster.identify(&table("www,FRONTEND,0,\nwww,w1,2,\nwww,w2,2,\nwww,BACKEND,1,\n"));
        let again = roster.identify(&table("www,FRONTEND,0,\nwww,w1,2,\nwww,w2,2,\nwww,BACKEND,1,\n"));
        assert!(Arc::ptr_eq(&first, &again));
        let moved = roster.identify(&table("www,w2,2,\nwww,BACKEND,1,\nwww,FRONTEND,0,\n"));
        assert_eq!(moved.ids()[0], first.ids()[2]);
        assert_eq!(moved.ids()[1], first.ids()[3]);
        let back = roster.identify(&table("www,w1,2,\n"));
        assert_eq!(back.ids()[0], first.ids()[1], "a server that comes back is the same one");
        assert_eq!(moved.index(first.ids()[1]), None);
    }

    #[test]
    fn servers_belong_to_the_backend_of_their_proxy() {
        let rows = Roster::default()
            .identify(&table("l,FRONTEND,0,\nl,sock-1,3,\nl,a,2,\nl,b,2,\nl,BACKEND,1,\nm,BACKEND,1,\n"));
        assert_eq!(rows.frontends(), [0]);
        assert_eq!(rows.backends(), [Backend { row: 4, servers: vec![2, 3] }, Backend { row: 5, servers: vec![] }]);
        assert_eq!(rows.backend_of(3).map(|backend| backend.row), Some(4));
        assert_eq!(rows.backend_of(0), None);
        assert_eq!(rows.backend_named(&"l".into()).map(|backend| backend.row), Some(4));
    }

    #[test]
    fn the_same_names_twice_are_two_rows() {
        let rows = Roster::default().identify(&table("b,s,2,\nb,s,2,\n"));
        assert_ne!(rows.ids()[0], rows.ids()[1]);
        assert_eq!(rows.key(1).occurrence, 1);
    }

    #[test]
    fn names_that_never_come_back_are_forgotten() {
        let mut roster = Roster::default();
        for number in 0..3 * REMEMBERED {
            roster.identify(&table(&format!("b,s{number},2,\n")));
        }
        assert!(roster.ids.len() <= REMEMBERED + 2);
    }

    #[test]
    fn what_is_forgotten_leaves_no_room_behind() {
        let mut roster = Roster::default();
        let row = |number: usize| format!("b,s{number},2,\n");
        roster.identify(&table(&(0..REMEMBERED + 10).map(row).collect::<String>()));
        roster.identify(&table(&row(0)));
        assert!(roster.ids.len() == 1 && roster.ids.capacity() < 100, "{}", roster.ids.capacity());
    }
}
