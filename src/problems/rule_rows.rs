//! The rows to which rules apply, each with the input of its rules.

use crate::history::rates::RateWindow;
use crate::observe::sample::Sample;
use crate::problems::backend_stats::{BackendCounts, BackendStats};
use crate::problems::not_evaluated::GapReason;
use crate::problems::rule::Scope;
use crate::problems::rule_input::{RuleInput, Snapshot};

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
    let Snapshot { sample, rates, check_history, .. } = snapshot;
    let mut counts = BackendCounts::default();
    for backend in sample.rows.backends() {
        stats.recompute(sample, rates, check_history.starts(), backend);
        counts.with_servers += usize::from(stats.servers > 0);
        counts.with_usable_server += usize::from(stats.usable > 0);
        let input = snapshot.backend_input(backend, stats);
        for server in &backend.servers {
            each(Scope::Server, &input.for_row(*server), tracked_rows[*server]);
        }
        each(Scope::Backend, &input, tracked_rows[backend.row]);
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
