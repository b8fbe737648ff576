//! The rows to which rules apply, each with the input of its rules.

use crate::history::rates::RateWindow;
use crate::observe::row_ids::BackendRows;
use crate::observe::sample::Sample;
use crate::problems::backend_stats::{BackendCounts, BackendStats};
use crate::problems::not_evaluated::GapReason;
use crate::problems::rule::Scope;
use crate::problems::rule_input::{CountTime, RuleInput, Snapshot};

/// Returns the reason for which rates are unknown; `None` if they are known.
pub(crate) fn no_rates(rates: &RateWindow, sample: &Sample) -> Option<GapReason> {
    match (rates.span(), sample.epoch.number) {
        (Some(_), _) => None,
        (None, ..=1) => Some(GapReason::OneSample),
        (None, _) => Some(GapReason::NewProcess),
    }
}

/// Calls `each` for every row to which rules apply, and finally for the process. The `bool` is true if the row has an
/// entry.
pub(crate) fn for_each_row(
    snapshot: Snapshot<'_>,
    tracked_rows: &[bool],
    stats: &mut BackendStats,
    mut each: impl FnMut(Scope, &RuleInput<'_>, bool),
) {
    let Snapshot { sample, .. } = snapshot;
    let mut counts = BackendCounts::default();
    for backend in sample.rows.backends() {
        for_each_of_backend(snapshot, stats, backend, |scope, row, input| each(scope, input, tracked_rows[row]));
        counts.with_servers += usize::from(stats.servers > 0);
        counts.with_usable_server += usize::from(stats.usable > 0);
    }
    let no_servers = BackendStats::default();
    let input = snapshot.process_input(&no_servers, counts);
    for frontend in sample.rows.frontends() {
        each(Scope::Frontend, &input.for_row(*frontend), tracked_rows[*frontend]);
    }
    for listener in sample.rows.listeners() {
        each(Scope::Listener, &input.for_row(*listener), tracked_rows[*listener]);
    }
    each(Scope::Process, &input, true);
}

/// Calls `each` for the row at `index`, and, of a backend, for its servers first.
pub(crate) fn for_row(snapshot: Snapshot<'_>, index: usize, mut each: impl FnMut(Scope, &RuleInput<'_>)) {
    let rows = &snapshot.sample.rows;
    let mut stats = BackendStats::default();
    if let Some(backend) = rows.backend_of(index) {
        let is_wanted = |row: usize| index == backend.row || index == row;
        for_each_of_backend(snapshot, &mut stats, backend, |scope, row, input| {
            if is_wanted(row) {
                each(scope, input);
            }
        });
        return;
    }
    let scope = if rows.listeners().contains(&index) { Scope::Listener } else { Scope::Frontend };
    each(scope, &snapshot.process_input(&stats, BackendCounts::default()).for_row(index));
}

/// Calls `each` with the index of each server of a backend and then of the backend's own row. `stats` describes the backend
/// afterwards.
fn for_each_of_backend(
    snapshot: Snapshot<'_>,
    stats: &mut BackendStats,
    backend: &BackendRows,
    mut each: impl FnMut(Scope, usize, &RuleInput<'_>),
) {
    stats.recompute(snapshot.sample, snapshot.rates, snapshot.check_history.starts(), backend);
    let input = snapshot.backend_input(backend, stats);
    for server in &backend.servers {
        each(Scope::Server, *server, &input.for_row(*server).over(CountTime::Server));
    }
    each(Scope::Backend, backend.row, &input);
}
