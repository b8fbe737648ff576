//! The lines of a view's table: its rows, filtered and sorted.
//!
//! A tree shows each proxy with its servers below, which can be folded; a flat table sorts all rows together. The lines
//! are sorted again with every sample. While a confirmation is open, and for a few seconds after the cursor has moved,
//! the caller freezes the order, so that a row does not move away just before a key press.

use std::collections::HashSet;

use unicode_width::UnicodeWidthStr as _;

use crate::haproxy::stat_table::RowKind;
use crate::instance::state::Instance;
use crate::observe::instance_id::RowRef;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::table::columns::column::{Column, SortKey};
use crate::table::columns::column_table;
use crate::table::columns::diff;
use crate::table::columns::row_view::RowView;
use crate::table::filter::RowFilter;
use crate::table::heat_map;
use crate::table::heat_metric::HeatMetric;
use crate::table::text_filter::TextFilter;
use crate::table::view_table::RowScope;

/// A line of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableLine {
    /// Identity of the row.
    pub(crate) id: RowId,
    /// Index of the row in the sample that is shown.
    pub index: usize,
    /// True if the row is shown below its proxy.
    pub is_child: bool,
    /// True if the row's children are folded, false if they are shown; `None` if the row has no children.
    pub folded: Option<bool>,
    /// Row of the balancer whose part of a merged row the line shows; `None` for a line that shows the row itself.
    pub(crate) part: Option<RowRef>,
}

impl TableLine {
    /// Returns the width of the row's name and of the text in front of it: the indentation or fold sign in a tree, or a
    /// server's proxy in a flat table.
    pub(crate) fn name_width(&self, sample: &Sample) -> u16 {
        let names = &sample.table.rows()[self.index];
        let front = match (self.is_child, self.folded, names.kind) {
            (true, ..) | (false, Some(_), _) => 2,
            (false, None, RowKind::Server | RowKind::Listener) => names.proxy.as_str().width() + 1,
            (false, None, RowKind::Frontend | RowKind::Backend) => 0,
        };
        let name = match names.kind {
            RowKind::Server | RowKind::Listener => &names.name,
            RowKind::Frontend | RowKind::Backend => &names.proxy,
        };
        u16::try_from(front + name.as_str().width()).unwrap_or(u16::MAX)
    }
}

/// The sort column and direction of a table.
#[derive(Debug, Clone, Copy)]
pub struct Sort {
    /// Sort column.
    pub column: &'static Column,
    /// True if the largest value comes first.
    pub is_descending: bool,
}

/// The settings of a view's table: columns, sorting and filters.
#[derive(Debug, Clone)]
pub struct TableSettings {
    /// Columns, in order.
    pub columns: Vec<&'static Column>,
    /// Number of columns after the name column that are scrolled out of view.
    pub hidden_columns: usize,
    /// Sort column and direction; `None` for HAProxy's order.
    pub sort: Option<Sort>,
    /// True if the lists of the dashboard have the rows with problems first. Other tables ignore it.
    pub is_worst_first: bool,
    /// True if all rows are sorted together instead of below their proxies.
    pub(crate) is_flat: bool,
    /// Filter for rows.
    pub filter: RowFilter,
    /// Rows that the view is limited to.
    pub(crate) scope: RowScope,
    /// True if the comparison before and after shows the rows without a change as well.
    pub(crate) shows_unchanged: bool,
    /// Number that the heat map shows. Other tables ignore it.
    pub(crate) heat_metric: HeatMetric,
    /// Filter for text lines, in views that show text lines instead of rows.
    pub(crate) text_filter: TextFilter,
    /// Number of changes made to the settings, so that the caller can detect when to rebuild the lines.
    pub(crate) version: u64,
}

impl TableSettings {
    /// Creates settings for a tree with these columns, in HAProxy's order.
    pub fn new(columns: &[&'static Column]) -> Self {
        Self {
            columns: columns.to_vec(),
            hidden_columns: 0,
            sort: None,
            is_worst_first: true,
            is_flat: false,
            filter: RowFilter::default(),
            scope: RowScope::All,
            shows_unchanged: false,
            heat_metric: HeatMetric::default(),
            text_filter: TextFilter::default(),
            version: 0,
        }
    }

    /// Creates settings for a view limited to the rows in `scope`. A limited table is flat, and the rows that have been
    /// out of service longest, or that changed most, come first.
    pub(crate) fn for_scope(columns: &[&'static Column], scope: RowScope) -> Self {
        let longest = Sort { column: &column_table::LASTCHG, is_descending: true };
        match scope {
            RowScope::All => Self::new(columns),
            RowScope::HeatMap => Self { scope, is_flat: true, ..Self::new(columns) },
            RowScope::OutOfService => Self { scope, is_flat: true, sort: Some(longest), ..Self::new(columns) },
            RowScope::Changed => {
                let most = Sort { column: &column_table::LARGEST_CHANGE, is_descending: true };
                Self { scope, is_flat: true, sort: Some(most), ..Self::new(columns) }
            }
        }
    }

    /// Returns whether the table shows a row.
    pub(crate) fn includes(&self, row: &RowView<'_>) -> bool {
        let is_in_scope = match self.scope {
            RowScope::All => true,
            RowScope::OutOfService => match row.stat_row().kind {
                // Unused slots are counted in one line.
                RowKind::Server => row.stat_row().state().is_out_of_service() && !row.is_unused_slot(),
                _ => row.stat_row().is_disabled_proxy(),
            },
            RowScope::Changed => self.shows_unchanged || diff::is_notable(row),
            RowScope::HeatMap => heat_map::includes(row),
        };
        is_in_scope && self.filter.matches(row)
    }

    /// Marks the settings as changed, so that the lines are rebuilt.
    pub(crate) fn mark_changed(&mut self) {
        self.version += 1;
    }

    /// Sets the filter for rows.
    pub fn set_filter(&mut self, filter: RowFilter) {
        self.filter = filter;
        self.mark_changed();
    }

    /// Sorts by a column, or reverses the direction if it is the sort column already.
    pub fn sort_by(&mut self, column: &'static Column) {
        let same = self.sort.filter(|sort| sort.column.id == column.id);
        let is_descending = same.map_or(column.prefers_descending(), |sort| !sort.is_descending);
        self.sort = Some(Sort { column, is_descending });
        self.mark_changed();
    }

    /// Reverses the sort direction. Has no effect on a table in HAProxy's order.
    pub(crate) fn reverse_sort(&mut self) {
        if let Some(sort) = &mut self.sort {
            sort.is_descending = !sort.is_descending;
        }
        self.mark_changed();
    }

    /// Returns the columns by which the table can be sorted: those with a heading.
    pub(crate) fn sortable_columns(&self) -> Vec<&'static Column> {
        self.columns.iter().copied().filter(|column| !column.title.is_empty()).collect()
    }

    /// Sorts by the column `by` places after the sort column, wrapping around. In HAProxy's order, starts with the
    /// first column, or with the last one if `by` is negative.
    pub(crate) fn sort_next(&mut self, by: i32) {
        let columns = self.sortable_columns();
        let place = self.sort.and_then(|sort| columns.iter().position(|column| column.id == sort.column.id));
        let count = columns.len() as i32;
        if count == 0 {
            return;
        }
        let next = place.map_or(if by > 0 { 0 } else { count - 1 }, |place| (place as i32 + by).rem_euclid(count));
        if let Some(column) = columns.get(next as usize) {
            self.sort = Some(Sort { column, is_descending: column.prefers_descending() });
        }
        self.mark_changed();
    }

    /// Scrolls sideways by `by` columns; negative values scroll to the left.
    pub(crate) fn scroll_columns(&mut self, by: i32) {
        let last = self.columns.len().saturating_sub(2);
        self.hidden_columns = self.hidden_columns.saturating_add_signed(by as isize).min(last);
    }

    /// Returns the columns to lay out: the name, then the columns that are not scrolled out of view.
    pub fn visible_columns(&self) -> Vec<&'static Column> {
        let others = self.columns.iter().skip(1 + self.hidden_columns);
        self.columns.iter().take(1).chain(others).copied().collect()
    }
}

/// The proxies whose servers are folded.
pub(crate) type FoldedProxies = HashSet<RowId>;

/// Builds the lines of a table. `frozen` lines keep their order: rows that no longer exist are dropped, and new rows
/// are added at the end.
pub(crate) fn build_lines(
    instance: &Instance,
    sample: &Sample,
    settings: &TableSettings,
    folded: &FoldedProxies,
    frozen: Option<&[TableLine]>,
) -> Vec<TableLine> {
    let fresh = if settings.is_flat {
        flat_lines(instance, sample, settings)
    } else {
        tree_lines(instance, sample, settings, folded)
    };
    let Some(before) = frozen else { return fresh };
    let kept: HashSet<RowId> = fresh.iter().map(|line| line.id).collect();
    let known: HashSet<RowId> = before.iter().map(|line| line.id).collect();
    let still = before.iter().filter(|line| kept.contains(&line.id));
    let mut lines: Vec<TableLine> =
        still.filter_map(|line| Some(TableLine { index: sample.rows.index_of(line.id)?, ..*line })).collect();
    lines.extend(fresh.into_iter().filter(|line| !known.contains(&line.id)));
    lines
}

fn table_line(sample: &Sample, index: usize) -> TableLine {
    TableLine { id: sample.rows.ids()[index], index, is_child: false, folded: None, part: None }
}

fn flat_lines(instance: &Instance, sample: &Sample, settings: &TableSettings) -> Vec<TableLine> {
    let shown = |index: &usize| settings.includes(&RowView::new(instance, sample, *index));
    let mut rows: Vec<usize> = (0..sample.rows.ids().len()).filter(shown).collect();
    if settings.scope == RowScope::HeatMap && settings.sort.is_none() {
        heat_map::sort_worst_first(instance, sample, settings.heat_metric, &mut rows);
    }
    sorted(instance, sample, settings.sort, rows, |row| *row)
        .into_iter()
        .map(|index| table_line(sample, index))
        .collect()
}

/// A proxy's own row and the rows below it.
struct ProxyGroup {
    head: usize,
    members: Vec<usize>,
}

fn tree_lines(
    instance: &Instance,
    sample: &Sample,
    settings: &TableSettings,
    folded: &FoldedProxies,
) -> Vec<TableLine> {
    let shows = |index: usize| settings.includes(&RowView::new(instance, sample, index));
    let groups: Vec<ProxyGroup> = proxy_groups(sample)
        .into_iter()
        .filter_map(|group| {
            let members: Vec<usize> = group.members.into_iter().filter(|member| shows(*member)).collect();
            // A proxy is shown above its matching servers even if the proxy itself does not match.
            (!members.is_empty() || shows(group.head)).then_some(ProxyGroup { members, ..group })
        })
        .collect();
    let mut lines = Vec::with_capacity(sample.rows.ids().len());
    for group in sorted(instance, sample, settings.sort, groups, |group| group.head) {
        let head = table_line(sample, group.head);
        let is_folded = folded.contains(&head.id) && settings.filter.is_empty();
        lines.push(TableLine { folded: (!group.members.is_empty()).then_some(is_folded), ..head });
        if !is_folded {
            let members = sorted(instance, sample, settings.sort, group.members, |member| *member);
            lines.extend(members.into_iter().map(|member| TableLine { is_child: true, ..table_line(sample, member) }));
        }
    }
    lines
}

/// Returns the frontends with their listeners and the backends with their servers, in HAProxy's order.
fn proxy_groups(sample: &Sample) -> Vec<ProxyGroup> {
    let rows = sample.table.rows();
    let mut groups = Vec::new();
    let mut listeners: Vec<usize> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        match row.kind {
            RowKind::Listener => listeners.push(index),
            RowKind::Frontend | RowKind::Backend => {
                let servers = sample.rows.backend_of(index).map_or_else(Vec::new, |backend| backend.servers.clone());
                let members = if row.kind == RowKind::Backend { servers } else { Vec::new() };
                groups.push(ProxyGroup { head: index, members });
            }
            // A server without a backend row gets a group of its own, so that it is shown.
            RowKind::Server if sample.rows.backend_of(index).is_none() => {
                groups.push(ProxyGroup { head: index, members: Vec::new() });
            }
            RowKind::Server => {}
        }
    }
    for listener in listeners {
        let proxy = &rows[listener].proxy;
        let is_own_frontend =
            |group: &&mut ProxyGroup| rows[group.head].kind == RowKind::Frontend && rows[group.head].proxy == *proxy;
        match groups.iter_mut().find(is_own_frontend) {
            Some(frontend) => frontend.members.push(listener),
            None => groups.push(ProxyGroup { head: listener, members: Vec::new() }),
        }
    }
    groups
}

fn sorted<T>(
    instance: &Instance,
    sample: &Sample,
    sort: Option<Sort>,
    items: Vec<T>,
    row: impl Fn(&T) -> usize,
) -> Vec<T> {
    let Some(sort) = sort else { return items };
    let key = |item: &T| sort.column.sort_key(&RowView::new(instance, sample, row(item)));
    let mut keyed: Vec<(SortKey, T)> = items.into_iter().map(|item| (key(&item), item)).collect();
    // The sort is stable: rows with equal values stay in HAProxy's order.
    keyed.sort_by(|(one, _), (other, _)| one.compare(other, sort.is_descending));
    keyed.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};
    use crate::table::columns::column_sets;

    fn sampled_instance() -> Instance {
        let mut instance = Instance::default();
        instance.add_sample(SampleBuilder::default().build_at_millis(0, &stat_of_site()), 0);
        instance
    }

    fn names(instance: &Instance, settings: &TableSettings, folded: &FoldedProxies) -> Vec<String> {
        let sample = instance.shown().unwrap();
        let shown = |line: &TableLine| {
            let row = &sample.table.rows()[line.index];
            let name = if line.is_child { format!("  {}", row.name) } else { format!("{} {}", row.proxy, row.name) };
            format!("{name}{}", if line.folded == Some(true) { " +" } else { "" })
        };
        build_lines(instance, sample, settings, folded, None).iter().map(shown).collect()
    }

    fn sorted_by(id: &str, descending: bool) -> TableSettings {
        let sort = Some(Sort { column: column_table::by_id(id).unwrap(), is_descending: descending });
        TableSettings { sort, ..TableSettings::new(column_sets::STATUS_VIEW) }
    }

    #[test]
    fn build_lines_puts_each_proxy_above_its_servers() {
        let settings = TableSettings::new(column_sets::STATUS_VIEW);
        assert_eq!(
            names(&sampled_instance(), &settings, &FoldedProxies::new()),
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
    fn build_lines_sorts_proxies_and_servers_within_their_proxy() {
        let shown = names(&sampled_instance(), &sorted_by("scur", true), &FoldedProxies::new());
        assert_eq!(shown[..5], ["www-in FRONTEND", "www BACKEND", "  w2", "  w1", "api BACKEND"]);
        let flat = TableSettings { is_flat: true, ..sorted_by("scur", false) };
        assert_eq!(
            names(&sampled_instance(), &flat, &FoldedProxies::new())[..3],
            ["api api3", "legacy old1", "legacy BACKEND"]
        );
        let by_queue = TableSettings { is_flat: true, ..sorted_by("qcur", true) };
        let shown = names(&sampled_instance(), &by_queue, &FoldedProxies::new());
        assert_eq!(shown.last().unwrap(), "www-in FRONTEND", "a row without a queue comes last");
    }

    #[test]
    fn build_lines_hides_folded_servers_unless_a_filter_is_set() {
        let instance = sampled_instance();
        let folded: FoldedProxies = instance.shown().unwrap().rows.ids().iter().copied().collect();
        let mut settings = TableSettings::new(column_sets::STATUS_VIEW);
        let shown = names(&instance, &settings, &folded);
        assert_eq!(shown, ["www-in FRONTEND", "www BACKEND +", "api BACKEND +", "legacy BACKEND +"]);
        settings.filter = RowFilter::parse("w2").unwrap();
        assert_eq!(names(&instance, &settings, &folded), ["www BACKEND", "  w2"]);
    }

    #[test]
    fn build_lines_keeps_the_order_of_frozen_lines() {
        let (mut instance, mut maker) = (Instance::default(), SampleBuilder::default());
        instance.add_sample(maker.build_at_millis(0, &stat_of_site()), 0);
        let settings = TableSettings { is_flat: true, ..sorted_by("scur", true) };
        let before = build_lines(&instance, instance.shown().unwrap(), &settings, &FoldedProxies::new(), None);
        let moved = stat_of_site().replace("www,w1,0,400", "www,w1,0,900").replace("legacy,old1", "legacy,new1");
        instance.add_sample(maker.build_at_millis(2000, &moved), 0);
        let sample = instance.shown().unwrap();
        let ids = |lines: &[TableLine]| lines.iter().map(|line| line.id).collect::<Vec<_>>();
        let frozen = build_lines(&instance, sample, &settings, &FoldedProxies::new(), Some(&before));
        let old = before.iter().filter(|line| sample.rows.index_of(line.id).is_some()).map(|line| line.id);
        let expected: Vec<RowId> = old.chain([sample.rows.ids()[8]]).collect();
        assert_eq!(ids(&frozen), expected, "old1 is gone, new1 is at the end");
        let unfrozen = build_lines(&instance, sample, &settings, &FoldedProxies::new(), None);
        assert_eq!(sample.table.rows()[unfrozen[0].index].name.as_str(), "w1");
    }

    #[test]
    fn sort_next_wraps_around_and_scroll_columns_keeps_the_name() {
        let mut settings = TableSettings::new(column_sets::LATENCY_VIEW);
        settings.sort_next(1);
        assert_eq!(settings.sort.map(|sort| (sort.column.id, sort.is_descending)), Some(("name", false)));
        settings.sort_next(-1);
        assert_eq!(settings.sort.map(|sort| sort.column.id), Some("srv_abrt"));
        settings.scroll_columns(3);
        let visible: Vec<&str> = settings.visible_columns().iter().map(|column| column.id).take(3).collect();
        assert_eq!(visible, ["name", "time_in", "qtime_now"]);
        settings.scroll_columns(-99);
        assert_eq!(settings.visible_columns().len(), column_sets::LATENCY_VIEW.len());
    }
}
