//! An instance and the state of its views.

use std::collections::BTreeSet;

use crate::actions::intent::Intent;
use crate::actions::outcome::ActionReport;
use crate::app::dashboard_lists::{DashboardLists, ListCursor};
use crate::app::layout::Pane;
use crate::app::marked_rows::Selection;
use crate::app::problem_lines::CauseKey;
use crate::app::query_state::QueryState;
use crate::haproxy::stat_table::RowKind;
use crate::instance::display_name::InstanceNames;
use crate::instance::process_summary::ProcessSummary;
use crate::instance::state::Instance;
use crate::observe::instance_id::InstanceId;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Epoch;
use crate::observe::timestamp::Timestamp;
use crate::table::columns::column_use::ColumnUse;
use crate::table::heat_map::{self, HeatMap};
use crate::table::merged_lines;
use crate::table::rows::{self, FoldedProxies, TableLine, TableSettings};
use crate::table::view_table::{PerView, RowScope, ViewId};

/// An instance and the state of its views. Every [`RowId`] in this struct is a row of this instance.
#[derive(Debug)]
pub struct InstanceView {
    /// Name given by the user, or the address.
    pub(crate) name: String,
    /// Address as text.
    pub(crate) address: String,
    /// Samples, history, problems and running actions.
    pub data: Instance,
    /// Lists of the dashboard.
    pub(crate) lists: DashboardLists,
    /// Cursor of each view that is a table or a list.
    pub(crate) view_cursors: PerView<ListCursor>,
    /// Cursor of the events of the dashboard.
    pub(crate) events_cursor: ListCursor,
    /// Lines of the table shown.
    table_lines: Vec<TableLine>,
    /// Records of the columns of each table that had a value so far.
    column_uses: PerView<ColumnUse>,
    /// Number of lines of each table without a filter, for a layout that stays while a filter is typed.
    unfiltered_counts: PerView<usize>,
    /// Widest name of each table so far: in a tree, and in a flat table.
    name_widths: PerView<[u16; 2]>,
    /// Cells of the heat map.
    pub(crate) heat_map: HeatMap,
    /// Width of the longest name in the heat map, in characters.
    longest_name: usize,
    /// Inputs from which the lines were built; `None` if they must be built again.
    built_for: Option<TableInputs>,
    /// Summary of a sample, with its sequence number.
    summary: Option<(u64, ProcessSummary)>,
    /// Proxies whose servers are hidden.
    pub folded: FoldedProxies,
    /// Merged rows whose balancers are shown below them.
    pub(crate) unfolded_rows: BTreeSet<RowId>,
    /// Causes whose problems are shown below them.
    pub(crate) unfolded_causes: BTreeSet<CauseKey>,
    /// Queries made on request, and their replies.
    pub queries: QueryState,
    /// Number of actions that were sent and whose result has not arrived.
    actions_in_flight: usize,
    /// Steps that were not sent because a target or the impact had changed, with the differences. They are confirmed again
    /// when the next sample shows the change.
    pub(crate) unconfirmed: Option<(Intent, String)>,
    /// Process in which the oldest action in flight was sent.
    action_epoch: Option<Epoch>,
    /// Rows marked for actions on several targets.
    pub selection: Selection,
    /// Servers whose suggestions were dismissed.
    pub dismissed: BTreeSet<RowId>,
}

impl InstanceView {
    /// Creates the views of an instance.
    pub fn new(name: String, address: String, data: Instance) -> Self {
        Self {
            name,
            address,
            data,
            lists: DashboardLists::default(),
            view_cursors: PerView::default(),
            events_cursor: ListCursor::default(),
            table_lines: Vec::new(),
            column_uses: PerView::default(),
            unfiltered_counts: PerView::default(),
            name_widths: PerView::default(),
            heat_map: HeatMap::default(),
            longest_name: 0,
            built_for: None,
            summary: None,
            folded: FoldedProxies::new(),
            unfolded_rows: BTreeSet::new(),
            unfolded_causes: BTreeSet::new(),
            queries: QueryState::default(),
            actions_in_flight: 0,
            unconfirmed: None,
            action_epoch: None,
            selection: Selection::default(),
            dismissed: BTreeSet::new(),
        }
    }

    /// Returns the identity of the instance.
    pub fn id(&self) -> InstanceId {
        self.data.id()
    }

    /// Returns its names.
    pub(crate) fn names(&self) -> InstanceNames<'_> {
        InstanceNames::new(&self.name, &self.address, &self.data)
    }

    /// Returns the lines of the table shown.
    pub fn table_lines(&self) -> &[TableLine] {
        &self.table_lines
    }

    /// Returns the width of the longest name in the heat map, in characters.
    pub(crate) fn longest_name(&self) -> usize {
        self.longest_name
    }

    /// Returns the row under the cursor of a table.
    pub fn view_row(&self, view: ViewId) -> Option<RowId> {
        self.view_cursors[view].row()
    }

    /// Returns the index of the line under the cursor of a list of lines.
    pub fn line_index(&self, view: ViewId) -> usize {
        self.view_cursors[view].index()
    }

    /// Returns the row under the cursor of a dashboard list, or `None` if the pane is not a list or is empty.
    pub fn cursor_row(&self, pane: Pane) -> Option<RowId> {
        self.lists.cursor(pane)?.row()
    }

    /// Returns whether the cursor of a dashboard list was moved.
    pub(crate) fn is_cursor_chosen(&self, pane: Pane) -> bool {
        self.lists.cursor(pane).is_some_and(ListCursor::is_chosen)
    }

    /// Selects a row in the lists of the dashboard: a frontend, a backend, or a server and its backend. Returns the list
    /// that has the row.
    pub(crate) fn select_in_lists(&mut self, id: RowId) -> Option<Pane> {
        let sample = self.data.shown()?;
        let index = sample.rows.index_of(id)?;
        let pane = match sample.table.rows()[index].kind {
            RowKind::Frontend => Pane::Frontends,
            RowKind::Backend => Pane::Backends,
            RowKind::Server => Pane::Servers,
            RowKind::Listener => return None,
        };
        let backend = sample.rows.backend_of(index).map(|backend| sample.rows.ids()[backend.row]);
        if let Some(backend) = backend {
            self.lists.select(Pane::Backends, backend);
        }
        self.lists.select(pane, id);
        Some(pane)
    }

    /// Builds the lists of the dashboard again if one of their inputs changed. If `is_frozen` is set and only the sample
    /// changed, rows keep their places.
    pub(crate) fn update_lists(&mut self, settings: &TableSettings, is_frozen: bool) {
        if let Some(sample) = self.data.shown() {
            self.lists.update(&self.data, sample, settings, is_frozen);
        }
    }

    /// Returns the number of actions that were sent and whose result has not arrived.
    pub fn actions_in_flight(&self) -> usize {
        self.actions_in_flight
    }

    /// Records that an action on the marked rows or sessions was sent.
    pub(crate) fn start_action(&mut self) {
        if self.actions_in_flight == 0 {
            self.action_epoch = self.data.latest().map(|sample| sample.epoch);
        }
        self.actions_in_flight += 1;
        self.selection.clear();
        self.queries.marks.clear();
    }

    /// Records the report of an action that was sent. Returns the process in which it was sent.
    pub(crate) fn finish_action(&mut self, report: &ActionReport, now: Timestamp) -> Option<Epoch> {
        self.actions_in_flight = self.actions_in_flight.saturating_sub(1);
        self.data.record_report(report, now);
        for result in report.results.iter().filter(|result| result.outcome.allows_next()) {
            self.queries.remove_target(&result.step);
        }
        self.dismissed.retain(|id| !report.results.iter().any(|result| result.step.target.id == *id));
        self.action_epoch.or_else(|| self.data.latest().map(|sample| sample.epoch))
    }

    /// Removes marks, dismissals and folds of rows that HAProxy no longer lists. Otherwise they would accumulate while
    /// servers are added and removed for months.
    pub(crate) fn forget_missing_rows(&mut self) {
        let Some(sample) = self.data.latest() else { return };
        let is_listed = |id: RowId| sample.rows.index_of(id).is_some();
        self.selection.retain(is_listed);
        self.dismissed.retain(|id| is_listed(*id));
        self.folded.retain(|id| is_listed(*id));
        self.unfolded_rows.retain(|id| is_listed(*id));
        self.unfolded_causes.retain(|(id, _)| *id == RowId::PROCESS || is_listed(*id));
    }

    /// Rebuilds the lines of a table view if one of their inputs changed. If `is_frozen` is set and only the sample
    /// changed, rows keep their places.
    pub(crate) fn update_table_lines(&mut self, view: ViewId, settings: &TableSettings, is_frozen: bool) {
        let Some(sample) = self.data.shown() else { return };
        let inputs = TableInputs {
            view,
            seq: sample.seq,
            is_evaluated: self.data.is_evaluated(),
            version: settings.version,
            comparison: self.data.comparison_version(),
        };
        if self.built_for == Some(inputs) {
            return;
        }
        // A new order chosen by the user applies at once; only a new order caused by a new sample is held back.
        let is_same = self.built_for.is_some_and(|built| (built.view, built.version) == (inputs.view, inputs.version));
        self.table_lines.retain(|line| line.part.is_none());
        let frozen = Some(self.table_lines.as_slice()).filter(|_| is_frozen && is_same);
        let lines = rows::build_lines(&self.data, sample, settings, &self.folded, frozen);
        let merged = self.data.merged_rows();
        let unfolded = Some(&self.unfolded_rows).filter(|_| settings.scope.lists_balancers());
        self.table_lines = merged_lines::with_parts(lines, merged, unfolded);
        if settings.filter.is_empty() {
            self.unfiltered_counts[view] = self.table_lines.len();
        }
        let width =
            |line: &TableLine| merged_lines::part_width(line, merged).unwrap_or_else(|| line.name_width(sample));
        let widest = &mut self.name_widths[view][usize::from(settings.is_flat)];
        *widest = self.table_lines.iter().map(width).fold(*widest, u16::max);
        let row_at = |line: usize| self.table_lines.get(line).map(|line| line.index);
        self.column_uses[view].update(&self.data, sample, &settings.columns, self.table_lines.len(), row_at);
        if settings.scope == RowScope::HeatMap {
            let rows = self.table_lines.iter().map(|line| &sample.table.rows()[line.index]);
            self.longest_name = heat_map::longest_name(rows);
        }
        self.built_for = Some(inputs);
    }

    /// Returns the number of lines that the table shown has, or had before a filter was set.
    pub(crate) fn unfiltered_count(&self, view: ViewId) -> usize {
        self.unfiltered_counts[view].max(self.table_lines.len())
    }

    /// Returns what the columns of a table contained so far.
    pub(crate) fn column_use(&self, view: ViewId) -> &ColumnUse {
        &self.column_uses[view]
    }

    /// Returns the width of the widest name of a table so far, with the text in front of it.
    pub(crate) fn name_width(&self, view: ViewId, settings: &TableSettings) -> u16 {
        self.name_widths[view][usize::from(settings.is_flat)]
    }

    /// Computes the summary of the sample shown, if it is not known yet.
    pub(crate) fn update_summary(&mut self) {
        let seq = self.data.shown().map(|sample| sample.seq);
        if seq != self.summary.as_ref().map(|(seq, _)| *seq) {
            self.summary = seq.zip(ProcessSummary::from_instance(&self.data));
        }
    }

    /// Returns the summary of the sample shown; the default without a sample.
    pub(crate) fn summary(&self) -> ProcessSummary {
        let seq = self.data.shown().map(|sample| sample.seq);
        let known = self.summary.as_ref().filter(|(known, _)| Some(*known) == seq).map(|(_, summary)| summary.clone());
        known.or_else(|| ProcessSummary::from_instance(&self.data)).unwrap_or_default()
    }
}

/// Inputs of a table's lines. The lines are rebuilt when one of them changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TableInputs {
    /// The view.
    view: ViewId,
    /// Sequence number of the sample.
    seq: u64,
    /// True if the problems are those of the sample.
    is_evaluated: bool,
    /// Version of the view's settings.
    version: u64,
    /// Version of the comparison before and after.
    comparison: u64,
}
