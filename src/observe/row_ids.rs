//! Stable row identities across samples.
//!
//! A row is identified by its kind and names, never by its number or position, which a reload may change. An id is
//! never reused for another row, so a selection cannot move to a different server.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::{RowKind, StatRow, StatTable};

/// Identifier of one row, valid until the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(u64);

impl RowId {
    /// The process itself, with the values of `show info`.
    pub const PROCESS: Self = Self(0);

    /// Returns the id with this number, for rows that are identified elsewhere than by [`RowIds`]. Number 0 is the process.
    pub(crate) const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Returns an id for the part of a merged row on the balancer at `place`, which no row has.
    pub(crate) const fn part(self, place: usize) -> Self {
        Self(self.whole().0 | (place as u64 + 1) << PART_SHIFT)
    }

    /// Returns the id of the merged row to which a part belongs; the id itself for other rows.
    pub(crate) const fn whole(self) -> Self {
        Self(self.0 & ((1 << PART_SHIFT) - 1))
    }
}

/// Place of the number of a balancer in the id of a part.
const PART_SHIFT: u32 = 48;

/// A map by row. Ids are numbers that this module assigns, so the hash need not withstand chosen keys.
pub(crate) type RowMap<V> = HashMap<RowId, V, BuildHasherDefault<RowIdHasher>>;

/// The hasher of [`RowMap`].
#[derive(Debug, Default)]
pub(crate) struct RowIdHasher(u64);

impl Hasher for RowIdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        // Fibonacci hashing; the map uses the highest and the lowest bits.
        let product = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ product >> 32;
    }
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
    /// Indexes of the rows in the order of their ids; empty if the ids are in ascending order, as in the first sample.
    by_id: Vec<u32>,
    frontends: Vec<usize>,
    listeners: Vec<usize>,
    backends: Vec<BackendRows>,
    /// For each row, the index in `backends` of the backend that the row is or belongs to.
    backend_of: Vec<Option<u32>>,
    /// Indexes of the rows in the order of their names.
    by_name: Vec<u32>,
}

impl RowSet {
    /// Returns the id of each row, in the order of the sample.
    pub fn ids(&self) -> &[RowId] {
        &self.ids
    }

    /// Returns the index of a row, or `None` if the sample does not contain it.
    pub fn index_of(&self, id: RowId) -> Option<usize> {
        if self.by_id.is_empty() {
            return self.ids.binary_search(&id).ok();
        }
        let place = self.by_id.binary_search_by_key(&id, |index| self.ids[*index as usize]).ok()?;
        Some(self.by_id[place] as usize)
    }

    /// Returns the indexes of the frontends' rows, in HAProxy's order.
    pub fn frontends(&self) -> &[usize] {
        &self.frontends
    }

    /// Returns the indexes of the listeners' rows, in HAProxy's order.
    pub(crate) fn listeners(&self) -> &[usize] {
        &self.listeners
    }

    /// Returns the backends with their servers, in HAProxy's order.
    pub fn backends(&self) -> &[BackendRows] {
        &self.backends
    }

    /// Returns the backend that the row at `index` is or belongs to, or `None` for a frontend or listener.
    pub fn backend_of(&self, index: usize) -> Option<&BackendRows> {
        self.backends.get((*self.backend_of.get(index)?)? as usize)
    }

    /// Returns the servers of the backend at `index`, or the server at `index` itself; empty for a frontend or listener.
    pub(crate) fn servers_of(&self, index: usize) -> &[usize] {
        let Some(backend) = self.backend_of(index) else { return &[] };
        match backend.servers.binary_search(&index) {
            Ok(place) => &backend.servers[place..=place],
            Err(_) => &backend.servers,
        }
    }

    /// Returns the index of the first server with these names, or `None` if it is missing. `rows` are the rows of a
    /// sample with this set.
    pub(crate) fn server_named(&self, rows: &[StatRow], proxy: &str, name: &str) -> Option<usize> {
        let wanted = (proxy, RowKind::Server, name);
        let place = self.by_name.partition_point(|index| row_key(rows, *index) < wanted);
        self.by_name.get(place).filter(|index| row_key(rows, **index) == wanted).map(|index| *index as usize)
    }

    /// Returns the index of the frontend with this name, or `None` if it is missing. `rows` are the rows of a sample with
    /// this set.
    pub(crate) fn frontend_named(&self, rows: &[StatRow], proxy: &str) -> Option<usize> {
        let place = self.by_name.partition_point(|index| row_key(rows, *index) < (proxy, RowKind::Frontend, ""));
        let index = *self.by_name.get(place)? as usize;
        (rows[index].kind == RowKind::Frontend && rows[index].proxy.as_str() == proxy).then_some(index)
    }

    /// Returns the set with the same ids for rows of the same kinds and with other names.
    pub(crate) fn renamed(&self, rows: &[StatRow]) -> Self {
        Self::new(rows, self.ids.clone(), order_by_name(rows))
    }

    /// Returns the memory used, in bytes.
    pub(crate) fn memory(&self) -> usize {
        let row = size_of::<RowId>() + size_of::<usize>() + size_of::<Option<u32>>() + size_of::<u32>();
        self.ids.len() * row + self.by_id.len() * size_of::<u32>() + self.backends.len() * size_of::<BackendRows>()
    }

    /// Builds the set of rows whose ids are known, as those of a recording. There must be one distinct id for each row.
    pub(crate) fn with_ids(rows: &[StatRow], ids: Vec<RowId>) -> Self {
        Self::new(rows, ids, order_by_name(rows))
    }

    fn new(rows: &[StatRow], ids: Vec<RowId>, by_name: Vec<u32>) -> Self {
        let mut by_id: Vec<u32> = Vec::new();
        if !ids.is_sorted() {
            by_id.extend(0..ids.len() as u32);
            by_id.sort_unstable_by_key(|index| ids[*index as usize]);
        }
        let all_of_kind = |kind| (0..rows.len()).filter(move |index| rows[*index].kind == kind).collect();
        let (frontends, listeners) = (all_of_kind(RowKind::Frontend), all_of_kind(RowKind::Listener));
        let mut backends: Vec<BackendRows> = Vec::new();
        for proxy in by_name.chunk_by(|one, other| rows[*one as usize].proxy == rows[*other as usize].proxy) {
            let of_kind =
                |kind| proxy.iter().map(|index| *index as usize).filter(move |index| rows[*index].kind == kind);
            let mut servers: Vec<usize> = of_kind(RowKind::Server).collect();
            servers.sort_unstable();
            // If HAProxy reports two backends with one name, all servers belong to the first one.
            backends.extend(
                of_kind(RowKind::Backend).map(|row| BackendRows { row, servers: std::mem::take(&mut servers) }),
            );
        }
        backends.sort_unstable_by_key(|backend| backend.row);
        let mut backend_of = vec![None; rows.len()];
        for (place, backend) in backends.iter().enumerate() {
            for row in backend.servers.iter().chain([&backend.row]) {
                backend_of[*row] = Some(place as u32);
            }
        }
        Self { ids, by_id, frontends, listeners, backends, backend_of, by_name }
    }
}

/// Names and kind by which a row is found. Their order distinguishes rows with the same key.
type RowKey<'a> = (&'a str, RowKind, &'a str);

fn row_key(rows: &[StatRow], index: u32) -> RowKey<'_> {
    let row = &rows[index as usize];
    (row.proxy.as_str(), row.kind, row.name.as_str())
}

/// Returns the indexes of the rows in the order of their keys.
fn order_by_name(rows: &[StatRow]) -> Vec<u32> {
    let mut by_name: Vec<u32> = (0..rows.len() as u32).collect();
    by_name.sort_by_key(|index| row_key(rows, *index));
    by_name
}

/// The key of an absent row, and the number of rows above it with the same key.
type AbsentKey = (SafeText, RowKind, SafeText, u32);

/// The rows of a sample in the order of their keys, with the number of rows above each with the same key.
struct RowsByKey<'a> {
    rows: &'a [StatRow],
    by_name: &'a [u32],
    place: usize,
    occurrence: u32,
}

impl<'a> RowsByKey<'a> {
    fn new(rows: &'a [StatRow], by_name: &'a [u32]) -> Self {
        Self { rows, by_name, place: 0, occurrence: 0 }
    }

    /// Returns the index and the key of the current row, or `None` after the last one.
    fn current(&self) -> Option<(usize, RowKey<'a>)> {
        self.by_name.get(self.place).map(|index| (*index as usize, row_key(self.rows, *index)))
    }

    fn advance(&mut self) {
        let before = self.current().map(|(_, key)| key);
        self.place += 1;
        let is_same = before == self.current().map(|(_, key)| key);
        self.occurrence = if is_same { self.occurrence + 1 } else { 0 };
    }

    fn absent_key(&self, index: usize) -> AbsentKey {
        let row = &self.rows[index];
        (row.proxy.clone(), row.kind, row.name.clone(), self.occurrence)
    }
}

/// Kind and names of a row, and the number of earlier rows of the same sample with the same kind and names.
type RowNameKey = (RowKind, SafeText, SafeText, u32);

/// Ids of all rows of one instance that were ever seen. Copies share the ids.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownRows(Arc<Mutex<HashMap<RowNameKey, RowId>>>);

impl KnownRows {
    /// Returns the id of a row, which gets one if it is new. `earlier` is the number of earlier rows with the same names.
    pub(crate) fn identify(&self, kind: RowKind, proxy: &SafeText, name: &SafeText, earlier: u32) -> RowId {
        let mut ids = self.ids();
        let next = RowId::from_number(ids.len() as u64 + 1);
        *ids.entry((kind, proxy.clone(), name.clone(), earlier)).or_insert(next)
    }

    /// Returns the id of the first row with these names, or `None` if it is unknown.
    pub(crate) fn find(&self, kind: RowKind, proxy: &SafeText, name: &SafeText) -> Option<RowId> {
        self.ids().get(&(kind, proxy.clone(), name.clone(), 0)).copied()
    }

    fn ids(&self) -> MutexGuard<'_, HashMap<RowNameKey, RowId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Assigns an id to each row.
#[derive(Debug)]
pub struct RowIds {
    /// Ids of rows that are absent from the current sample.
    absent: HashMap<AbsentKey, RowId>,
    next_id: u64,
    /// Ids of all rows, if others identify rows of the same instance, too.
    known: Option<KnownRows>,
    current: Arc<RowSet>,
    /// Names of the current rows.
    current_rows: Arc<Vec<StatRow>>,
}

/// Maximum number of absent rows whose ids are kept. A server that reappears keeps its id, and with it its history.
const MAX_ABSENT_NAMES: usize = 4096;

impl Default for RowIds {
    fn default() -> Self {
        let (current, current_rows) = Default::default();
        Self { absent: HashMap::new(), next_id: RowId::PROCESS.0 + 1, known: None, current, current_rows }
    }
}

impl RowIds {
    /// Assigns the ids that `known` assigns.
    pub(crate) fn with_known(known: KnownRows) -> Self {
        Self { known: Some(known), ..Self::default() }
    }

    /// Returns the identities of a table's rows. If the rows are the same as in the last call, the same `Arc` is
    /// returned.
    pub fn identify(&mut self, table: &StatTable) -> Arc<RowSet> {
        let before = std::mem::replace(&mut self.current_rows, Arc::clone(table.shared_rows()));
        let same = |(one, other): (&StatRow, &StatRow)| {
            one.kind == other.kind && one.name == other.name && one.proxy == other.proxy
        };
        let is_same = Arc::ptr_eq(&before, &self.current_rows)
            || table.rows().len() == before.len() && table.rows().iter().zip(&*before).all(same);
        if is_same {
            return Arc::clone(&self.current);
        }
        let rows = table.rows();
        let by_name = order_by_name(rows);
        let mut ids: Vec<Option<RowId>> = vec![None; rows.len()];
        let mut gone: Vec<(AbsentKey, RowId)> = Vec::new();
        let mut gone_count = 0;
        let current = Arc::clone(&self.current);
        let (mut old, mut new) = (RowsByKey::new(&before, &current.by_name), RowsByKey::new(rows, &by_name));
        loop {
            let order = match (old.current(), new.current()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((_, old)), Some((_, new))) => old.cmp(&new),
            };
            if let Some((index, _)) = old.current().filter(|_| order == Ordering::Less) {
                gone_count += 1;
                if gone.len() < MAX_ABSENT_NAMES {
                    gone.push((old.absent_key(index), current.ids[index]));
                }
            } else if let Some((index, _)) = new.current() {
                ids[index] = match old.current().filter(|_| order == Ordering::Equal) {
                    Some((earlier, _)) => Some(current.ids[earlier]),
                    None if self.absent.is_empty() && self.known.is_none() => None,
                    None => self.absent_id(&new.absent_key(index)),
                };
            }
            if order != Ordering::Greater {
                old.advance();
            }
            if order != Ordering::Less {
                new.advance();
            }
        }
        self.remember_absent(gone, gone_count);
        let ids = ids.into_iter().map(|id| id.unwrap_or_else(|| self.next_id())).collect();
        self.current = Arc::new(RowSet::new(rows, ids, by_name));
        Arc::clone(&self.current)
    }

    /// Returns the id of a row that the sample before does not have, or `None` if it is new.
    fn absent_id(&mut self, key: &AbsentKey) -> Option<RowId> {
        let (proxy, kind, name, earlier) = key;
        let known = || Some(self.known.as_ref()?.identify(*kind, proxy, name, *earlier));
        known().or_else(|| self.absent.remove(key))
    }

    /// Keeps the ids of rows that are now absent. If they are too many, earlier ones are forgotten, or all.
    fn remember_absent(&mut self, gone: Vec<(AbsentKey, RowId)>, count: usize) {
        if self.absent.len() + count > MAX_ABSENT_NAMES {
            self.absent = HashMap::new();
        }
        if count <= MAX_ABSENT_NAMES {
            self.absent.extend(gone);
        }
    }

    fn next_id(&mut self) -> RowId {
        let id = RowId(self.next_id);
        self.next_id += 1;
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
        assert_eq!((rows.frontends(), rows.listeners()), (&[0][..], &[1][..]));
        assert_eq!(
            rows.backends(),
            [BackendRows { row: 4, servers: vec![2, 3] }, BackendRows { row: 5, servers: vec![] }]
        );
        assert_eq!(rows.backend_of(3).map(|backend| backend.row), Some(4));
        assert_eq!(rows.backend_of(0), None);
    }

    #[test]
    fn server_named_finds_only_servers() {
        let table = table("l,b,2,\nl,FRONTEND,0,\nl,a,2,\nl,a,2,\nl,BACKEND,1,\nk,a,2,\nk,BACKEND,1,\n");
        let rows = RowIds::default().identify(&table);
        let found = |proxy, name| rows.server_named(table.rows(), proxy, name);
        assert_eq!([found("l", "a"), found("k", "a"), found("l", "b")], [Some(2), Some(5), Some(0)]);
        assert_eq!([found("l", "FRONTEND"), found("k", "b"), found("m", "a")], [None; 3]);
        let frontend = |proxy| rows.frontend_named(table.rows(), proxy);
        assert_eq!([frontend("l"), frontend("k"), frontend("m")], [Some(1), None, None]);
    }

    #[test]
    fn identify_distinguishes_rows_with_equal_names() {
        let rows = RowIds::default().identify(&table("b,s,2,\nb,s,2,\n"));
        assert_ne!(rows.ids()[0], rows.ids()[1]);
        let mut row_ids = RowIds::default();
        let first = row_ids.identify(&table("b,s,2,\nb,s,2,\nb,t,2,\n"));
        let second = row_ids.identify(&table("b,t,2,\nb,s,2,\n"));
        assert_eq!(second.ids(), [first.ids()[2], first.ids()[0]]);
        let third = row_ids.identify(&table("b,s,2,\nb,s,2,\n"));
        assert_eq!(third.ids(), [first.ids()[0], first.ids()[1]], "the second one reappears");
    }

    #[test]
    fn identify_forgets_names_absent_for_long() {
        let mut row_ids = RowIds::default();
        for number in 0..3 * MAX_ABSENT_NAMES {
            row_ids.identify(&table(&format!("b,s{number},2,\n")));
        }
        assert!(row_ids.absent.len() <= MAX_ABSENT_NAMES);
    }

    #[test]
    fn identify_releases_memory_of_forgotten_names() {
        let mut row_ids = RowIds::default();
        let row = |number: usize| format!("b,s{number},2,\n");
        row_ids.identify(&table(&(0..MAX_ABSENT_NAMES + 10).map(row).collect::<String>()));
        row_ids.identify(&table(&row(0)));
        assert!(row_ids.absent.capacity() < 100, "{}", row_ids.absent.capacity());
    }
}
