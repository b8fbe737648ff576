//! The order of the rows in the lists of the dashboard: worst first.
//!
//! Rows with a critical cause come first, then those with a warning, then servers and proxies that are down without one,
//! then the others, and last the backends without servers. Within these groups, the operator's sort column decides, or
//! else the common order of the causes and HAProxy's order.

use std::collections::{HashMap, HashSet};

use crate::app::layout::Pane;
use crate::haproxy::stat_table::RowKind;
use crate::haproxy::status::RowState;
use crate::instance::state::Instance;
use crate::observe::row_ids::{BackendRows, RowId};
use crate::observe::sample::Sample;
use crate::observe::severity::Severity;
use crate::table::columns::column::SortKey;
use crate::table::columns::row_view::RowView;
use crate::table::rows::TableSettings;

/// Groups of rows, in the order shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum RowGroup {
    Critical,
    Warning,
    Down,
    Normal,
    /// Backends without servers, such as those of statistics pages and stick tables.
    WithoutServers,
}

/// Group of a row, and the position of its first cause.
type Rank = (RowGroup, usize);

/// The ranks of the rows of one sample.
#[derive(Debug)]
pub(crate) struct RowOrder<'a> {
    data: &'a Instance,
    sample: &'a Sample,
    settings: &'a TableSettings,
    /// Ranks of the rows that have a cause or a problem.
    ranks: HashMap<RowId, Rank>,
}

impl<'a> RowOrder<'a> {
    /// Computes the ranks of the rows with causes and problems.
    pub(crate) fn new(data: &'a Instance, sample: &'a Sample, settings: &'a TableSettings) -> Self {
        let mut ranks = HashMap::new();
        let group = |severity| if severity == Severity::Crit { RowGroup::Critical } else { RowGroup::Warning };
        for (position, cause) in data.problems().open_causes().enumerate() {
            for row in [cause.subject.id, cause.target, cause.proxy_row] {
                ranks.entry(row).or_insert((group(cause.severity), position));
            }
        }
        for problem in data.problems().iter() {
            ranks.entry(problem.subject.id).or_insert((group(problem.severity), usize::MAX));
        }
        for problem in data.problems().silenced() {
            ranks.entry(problem.subject.id).or_insert((RowGroup::Normal, usize::MAX));
        }
        Self { data, sample, settings, ranks }
    }

    /// Returns the rows of a list that pass the filter, in the order shown. `backend` is the backend whose servers are
    /// listed. If none of them passes the filter, all are listed: the backend itself passed it.
    pub(crate) fn rows(&self, pane: Pane, backend: Option<RowId>) -> Vec<RowId> {
        let rows = &self.sample.rows;
        match pane {
            Pane::Causes => self.data.problems().causes().map(|cause| cause.target).collect(),
            Pane::Frontends => self.sorted(rows.frontends().iter().copied().filter(|row| self.matches(*row))),
            Pane::Backends => {
                self.sorted(rows.backends().iter().filter(|backend| self.has_match(backend)).map(|backend| backend.row))
            }
            Pane::Servers => {
                let row = backend.and_then(|id| rows.index_of(id));
                let Some(backend) = row.and_then(|row| rows.backend_of(row)) else { return Vec::new() };
                let matching = self.sorted(backend.servers.iter().copied().filter(|row| self.matches(*row)));
                if matching.is_empty() { self.sorted(backend.servers.iter().copied()) } else { matching }
            }
            Pane::Charts | Pane::Events => Vec::new(),
        }
    }

    /// Returns whether a row passes the filter itself.
    pub(crate) fn matches(&self, row: usize) -> bool {
        let filter = &self.settings.filter;
        filter.is_empty() || filter.matches(&RowView::new(self.data, self.sample, row))
    }

    /// Returns whether a row has a cause or a problem that is not silenced.
    pub(crate) fn has_problem(&self, row: usize) -> bool {
        let rank = self.ranks.get(&self.sample.rows.ids()[row]);
        rank.is_some_and(|(group, _)| matches!(group, RowGroup::Critical | RowGroup::Warning))
    }

    /// Returns whether a backend or one of its servers passes the filter.
    fn has_match(&self, backend: &BackendRows) -> bool {
        self.matches(backend.row) || backend.servers.iter().any(|server| self.matches(*server))
    }

    fn rank(&self, row: usize) -> Rank {
        if !self.settings.is_worst_first {
            return (RowGroup::Normal, 0);
        }
        if let Some(rank) = self.ranks.get(&self.sample.rows.ids()[row]) {
            return *rank;
        }
        let stat = &self.sample.table.rows()[row];
        let has_servers = || self.sample.rows.backend_of(row).is_some_and(|backend| !backend.servers.is_empty());
        let group = match stat.state() {
            _ if stat.kind == RowKind::Backend && !has_servers() => RowGroup::WithoutServers,
            _ if stat.kind == RowKind::Backend && self.sample.unused_slots().contains(row) => RowGroup::WithoutServers,
            RowState::Down => RowGroup::Down,
            _ => RowGroup::Normal,
        };
        (group, usize::MAX)
    }

    fn sorted(&self, rows: impl Iterator<Item = usize>) -> Vec<RowId> {
        let ids = self.sample.rows.ids();
        match self.settings.sort {
            None => {
                let mut keyed: Vec<(Rank, usize)> = rows.map(|row| (self.rank(row), row)).collect();
                if self.settings.is_worst_first {
                    keyed.sort_by_key(|(rank, _)| *rank);
                }
                keyed.into_iter().map(|(_, row)| ids[row]).collect()
            }
            Some(sort) => {
                let key = |row| sort.column.sort_key(&RowView::new(self.data, self.sample, row));
                let mut keyed: Vec<(Rank, SortKey, usize)> = rows.map(|row| (self.rank(row), key(row), row)).collect();
                keyed.sort_by(|((group, _), one, _), ((other_group, _), other, _)| {
                    group.cmp(other_group).then_with(|| one.compare(other, sort.is_descending))
                });
                keyed.into_iter().map(|(.., row)| ids[row]).collect()
            }
        }
    }
}

/// Returns the `fresh` rows in the order of `before`; rows that are new come last.
pub(crate) fn in_former_order(before: &[RowId], fresh: Vec<RowId>) -> Vec<RowId> {
    if before == fresh {
        return fresh;
    }
    let kept: HashSet<RowId> = fresh.iter().copied().collect();
    let known: HashSet<RowId> = before.iter().copied().collect();
    let new = fresh.into_iter().filter(|row| !known.contains(row));
    before.iter().copied().filter(|row| kept.contains(row)).chain(new).collect()
}
