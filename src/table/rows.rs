//! The one table behind views 1 to 4 and 6: which rows it holds, in which order.
//!
//! As a tree it shows each proxy with its servers below, and can be folded; flat, every row stands for
//! itself. It is sorted again with every sample, but not while a question is open nor in the seconds after
//! the selection moved: a row must not slip away under the finger.

use std::collections::HashSet;

use crate::haproxy::stat_table::RowKind;
use crate::haproxy::status::State;
use crate::instance::instance::Instance;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::table::columns::column::{Column, SortKey};
use crate::table::columns::column_table;
use crate::table::columns::diff;
use crate::table::columns::row_view::RowView;
use crate::table::filter::Filter;
use crate::table::text_filter::Words;
use crate::table::view_table::Rows;

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Who it is.
    pub id: RowId,
    /// Its place in the newest sample.
    pub index: usize,
    /// Whether it stands below its proxy.
    pub is_child: bool,
    /// Whether rows below it are folded away, or could be; nothing where there are none.
    pub folded: Option<bool>,
}

/// By what a table is sorted.
#[derive(Debug, Clone, Copy)]
pub struct Sort {
    /// The column.
    pub column: &'static Column,
    /// Largest first.
    pub descending: bool,
}

/// How one view's table is to look.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The columns, in order.
    pub columns: Vec<&'static Column>,
    /// The first column behind the name that is shown.
    pub first: usize,
    /// How it is sorted; nothing for HAProxy's order.
    pub sort: Option<Sort>,
    /// Every row for itself.
    pub flat: bool,
    /// Which rows.
    pub filter: Filter,
    /// Which rows the view can show at all.
    pub rows: Rows,
    /// Which lines, where a view has lines of text instead of rows.
    pub words: Words,
    /// Counts the changes, so that the lines are made anew only after one.
    pub version: u64,
}

impl Settings {
    /// A view's own columns, as a tree in HAProxy's order.
    pub fn new(columns: &[&'static Column]) -> Self {
        Self {
            columns: columns.to_vec(),
            first: 0,
            sort: None,
            flat: false,
            filter: Filter::default(),
            rows: Rows::All,
            words: Words::default(),
            version: 0,
        }
    }

    /// The same of some rows only: those that are away longest, or changed most, come first, each for itself.
    pub fn of_rows(columns: &[&'static Column], rows: Rows) -> Self {
        let longest = Sort { column: &column_table::LASTCHG, descending: true };
        match rows {
            Rows::All => Self::new(columns),
            Rows::Away => Self { rows, flat: true, sort: Some(longest), ..Self::new(columns) },
            Rows::Changed => {
                let most = Sort { column: &column_table::CHANGED, descending: true };
                Self { rows, flat: true, sort: Some(most), ..Self::new(columns) }
            }
        }
    }

    /// Whether a row is shown.
    fn shows(&self, row: &RowView<'_>) -> bool {
        let can = match self.rows {
            Rows::All => true,
            Rows::Away => {
                let is_away = matches!(row.row().state(), State::Maint | State::Drain | State::NoLb);
                row.row().kind == RowKind::Server && is_away
            }
            Rows::Changed => diff::is_changed(row),
        };
        can && self.filter.shows(row)
    }

    /// Something changed.
    pub fn touch(&mut self) {
        self.version += 1;
    }

    /// Shows other rows.
    pub fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
        self.touch();
    }

    /// Sorts by a column; by the same one again, the other way round.
    pub fn sort_by(&mut self, column: &'static Column) {
        let same = self.sort.filter(|sort| sort.column.id == column.id);
        let descending = same.map_or(column.begins_descending(), |sort| !sort.descending);
        self.sort = Some(Sort { column, descending });
        self.touch();
    }

    /// Sorts the other way round; HAProxy's order has none.
    pub fn invert(&mut self) {
        if let Some(sort) = &mut self.sort {
            sort.descending = !sort.descending;
        }
        self.touch();
    }

    /// The columns that can be sorted by: those with a heading.
    pub fn sortable(&self) -> Vec<&'static Column> {
        self.columns.iter().copied().filter(|column| !column.title.is_empty()).collect()
    }

    /// The next or previous column to sort by.
    pub fn sort_next(&mut self, by: i32) {
        let columns = self.sortable();
        let place = self.sort.and_then(|sort| columns.iter().position(|column| column.id == sort.column.id));
        let count = columns.len() as i32;
        if count == 0 {
            return;
        }
        let next = place.map_or(if by > 0 { 0 } else { count - 1 }, |place| (place as i32 + by).rem_euclid(count));
        if let Some(column) = columns.get(next as usize) {
            self.sort = Some(Sort { column, descending: column.begins_descending() });
        }
        self.touch();
    }

    /// Scrolls sideways by so many columns.
    pub fn scroll(&mut self, by: i32) {
        let last = self.columns.len().saturating_sub(2);
        self.first = self.first.saturating_add_signed(by as isize).min(last);
    }

    /// The columns to lay out: the name, then those that are not scrolled away.
    pub fn visible(&self) -> Vec<&'static Column> {
        let mut columns = self.columns.clone();
        columns.drain(1..(self.first + 1).min(columns.len()));
        columns
    }
}

/// The proxies whose servers are folded away.
pub type Folded = HashSet<RowId>;

/// The lines of a table. Those that were frozen keep their order: rows that are gone drop out, and new ones
/// follow at the end.
pub fn lines(
    watch: &Instance,
    sample: &Sample,
    settings: &Settings,
    folded: &Folded,
    frozen: Option<&[Line]>,
) -> Vec<Line> {
    let fresh = if settings.flat { flat(watch, sample, settings) } else { tree(watch, sample, settings, folded) };
    let Some(before) = frozen else { return fresh };
    let kept: HashSet<RowId> = fresh.iter().map(|line| line.id).collect();
    let known: HashSet<RowId> = before.iter().map(|line| line.id).collect();
    let still = before.iter().filter(|line| kept.contains(&line.id));
    let mut lines: Vec<Line> =
        still.filter_map(|line| Some(Line { index: sample.rows.index(line.id)?, ..*line })).collect();
    lines.extend(fresh.into_iter().filter(|line| !known.contains(&line.id)));
    lines
}

fn line(sample: &Sample, index: usize) -> Line {
    Line { id: sample.rows.ids()[index], index, is_child: false, folded: None }
}

fn flat(watch: &Instance, sample: &Sample, settings: &Settings) -> Vec<Line> {
    let shown = |index: &usize| settings.shows(&RowView::new(watch, sample, *index));
    let rows: Vec<usize> = (0..sample.rows.ids().len()).filter(shown).collect();
    sorted(watch, sample, settings.sort, rows, |row| *row).into_iter().map(|index| line(sample, index)).collect()
}

/// A proxy's own row and what stands below it.
struct Branch {
    head: usize,
    leaves: Vec<usize>,
}

fn tree(watch: &Instance, sample: &Sample, settings: &Settings, folded: &Folded) -> Vec<Line> {
    let shows = |index: usize| settings.shows(&RowView::new(watch, sample, index));
    let branches: Vec<Branch> = branches(sample)
        .into_iter()
        .filter_map(|branch| {
            let leaves: Vec<usize> = branch.leaves.into_iter().filter(|leaf| shows(*leaf)).collect();
            // A proxy stays above the servers that are looked for, even when it is not looked for itself.
            (!leaves.is_empty() || shows(branch.head)).then_some(Branch { leaves, ..branch })
        })
        .collect();
    let mut lines = Vec::with_capacity(sample.rows.ids().len());
    for branch in sorted(watch, sample, settings.sort, branches, |branch| branch.head) {
        let head = line(sample, branch.head);
        let is_folded = folded.contains(&head.id) && settings.filter.is_empty();
        lines.push(Line { folded: (!branch.leaves.is_empty()).then_some(is_folded), ..head });
        if !is_folded {
            let leaves = sorted(watch, sample, settings.sort, branch.leaves, |leaf| *leaf);
            lines.extend(leaves.into_iter().map(|leaf| Line { is_child: true, ..line(sample, leaf) }));
        }
    }
    lines
}

/// Frontends with their listeners and backends with their servers, in HAProxy's order.
fn branches(sample: &Sample) -> Vec<Branch> {
    let rows = sample.table.rows();
    let mut branches = Vec::new();
    let mut listeners: Vec<usize> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        match row.kind {
            RowKind::Listener => listeners.push(index),
            RowKind::Frontend | RowKind::Backend => {
                let servers = sample.rows.backend_of(index).map_or_else(Vec::new, |backend| backend.servers.clone());
                let leaves = if row.kind == RowKind::Backend { servers } else { Vec::new() };
                branches.push(Branch { head: index, leaves });
            }
            // A server without a backend stands alone rather than nowhere.
            RowKind::Server if sample.rows.backend_of(index).is_none() => {
                branches.push(Branch { head: index, leaves: Vec::new() });
            }
            RowKind::Server => {}
        }
    }
    for listener in listeners {
        let proxy = &rows[listener].proxy;
        let is_home =
            |branch: &&mut Branch| rows[branch.head].kind == RowKind::Frontend && rows[branch.head].proxy == *proxy;
        match branches.iter_mut().find(is_home) {
            Some(home) => home.leaves.push(listener),
            None => branches.push(Branch { head: listener, leaves: Vec::new() }),
        }
    }
    branches
}

fn sorted<T>(watch: &Instance, sample: &Sample, sort: Option<Sort>, items: Vec<T>, row: impl Fn(&T) -> usize) -> Vec<T> {
    let Some(sort) = sort else { return items };
    let key = |item: &T| sort.column.key(&RowView::new(watch, sample, row(item)));
    let mut keyed: Vec<(SortKey, T)> = items.into_iter().map(|item| (key(&item), item)).collect();
    // Stable: rows of equal value stay in HAProxy's order.
    keyed.sort_by(|(one, _), (other, _)| one.order(other, sort.descending));
    keyed.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleMaker, site};
    use crate::table::columns::column_sets;

    fn watch() -> Instance {
        let mut watch = Instance::default();
        watch.take(SampleMaker::default().at_millis(0, &site()), 0);
        watch
    }

    fn names(watch: &Instance, settings: &Settings, folded: &Folded) -> Vec<String> {
        let sample = watch.newest().unwrap();
        let shown = |line: &Line| {
            let row = &sample.table.rows()[line.index];
            let name = if line.is_child { format!("  {}", row.name) } else { format!("{} {}", row.proxy, row.name) };
            format!("{name}{}", if line.folded == Some(true) { " +" } else { "" })
        };
        lines(watch, sample, settings, folded, None).iter().map(shown).collect()
    }

    fn sorted_by(id: &str, descending: bool) -> Settings {
        let sort = Some(Sort { column: column_table::by_id(id).unwrap(), descending });
        Settings { sort, ..Settings::new(column_sets::STATUS_VIEW) }
    }

    #[test]
    fn a_tree_has_each_proxy_above_its_servers() {
        let settings = Settings::new(column_sets::STATUS_VIEW);
        assert_eq!(
            names(&watch(), &settings, &Folded::new()),
            [
                "www-in FRONTEND",
                "www BACKEND",
                "  w1",
                "  w2",
                "api BACKEND",
                "  api1",
                "  api2",
                "  api3",
                "legacy BACKEND",
                "  old1"
            ]
        );
    }

    #[test]
    fn servers_are_sorted_within_their_proxy_and_proxies_among_themselves() {
        let shown = names(&watch(), &sorted_by("scur", true), &Folded::new());
        assert_eq!(shown[..5], ["www-in FRONTEND", "www BACKEND", "  w2", "  w1", "api BACKEND"]);
        let flat = Settings { flat: true, ..sorted_by("scur", false) };
        assert_eq!(names(&watch(), &flat, &Folded::new())[..3], ["api api3", "legacy old1", "legacy BACKEND"]);
        let by_queue = Settings { flat: true, ..sorted_by("qcur", true) };
        let shown = names(&watch(), &by_queue, &Folded::new());
        assert_eq!(shown.last().unwrap(), "www-in FRONTEND", "what has no queue comes last");
    }

    #[test]
    fn folding_hides_servers_unless_they_are_looked_for() {
        let watch = watch();
        let folded: Folded = watch.newest().unwrap().rows.ids().iter().copied().collect();
        let mut settings = Settings::new(column_sets::STATUS_VIEW);
        let shown = names(&watch, &settings, &folded);
        assert_eq!(shown, ["www-in FRONTEND", "www BACKEND +", "api BACKEND +", "legacy BACKEND +"]);
        settings.filter = Filter::parse("w2").unwrap();
        assert_eq!(names(&watch, &settings, &folded), ["www BACKEND", "  w2"]);
    }

    #[test]
    fn a_frozen_table_keeps_its_order() {
        let (mut watch, mut maker) = (Instance::default(), SampleMaker::default());
        watch.take(maker.at_millis(0, &site()), 0);
        let settings = Settings { flat: true, ..sorted_by("scur", true) };
        let before = lines(&watch, watch.newest().unwrap(), &settings, &Folded::new(), None);
        let moved = site().replace("www,w1,0,400", "www,w1,0,900").replace("legacy,old1", "legacy,new1");
        watch.take(maker.at_millis(2000, &moved), 0);
        let sample = watch.newest().unwrap();
        let ids = |lines: &[Line]| lines.iter().map(|line| line.id).collect::<Vec<_>>();
        let frozen = lines(&watch, sample, &settings, &Folded::new(), Some(&before));
        let old = before.iter().filter(|line| sample.rows.index(line.id).is_some()).map(|line| line.id);
        let expected: Vec<RowId> = old.chain([sample.rows.ids()[8]]).collect();
        assert_eq!(ids(&frozen), expected, "old1 is gone, new1 is at the end");
        let thawed = lines(&watch, sample, &settings, &Folded::new(), None);
        assert_eq!(sample.table.rows()[thawed[0].index].name.as_str(), "w1");
    }

    #[test]
    fn sorting_goes_through_the_columns_and_round() {
        let mut settings = Settings::new(column_sets::LATENCY_VIEW);
        settings.sort_next(1);
        assert_eq!(settings.sort.map(|sort| (sort.column.id, sort.descending)), Some(("name", false)));
        settings.sort_next(-1);
        assert_eq!(settings.sort.map(|sort| sort.column.id), Some("srv_abrt"));
        settings.scroll(3);
        let visible: Vec<&str> = settings.visible().iter().map(|column| column.id).take(3).collect();
        assert_eq!(visible, ["name", "ctime", "rtime"]);
        settings.scroll(-99);
        assert_eq!(settings.visible().len(), column_sets::LATENCY_VIEW.len());
    }
}
