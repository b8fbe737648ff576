//! Servers whose health checks start again: after a start or reload of HAProxy, after maintenance, and for a new server.
//!
//! HAProxy counts such a server as up before its first check, and counts the failure of this check as a transition to
//! DOWN. Such a transition does not show that the server flaps; only one of a server that has passed a check does.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::StatRow;
use crate::haproxy::status::RowState;
use crate::observe::drained_servers::MAX_DRAINED_TIME;
use crate::observe::row_ids::{RowId, RowIdHasher, RowMap};
use crate::observe::sample::Sample;
use crate::observe::state_cause;

/// Difference between two times of a state change, both computed from whole seconds, that shows a new change, in seconds.
const NEW_CHANGE: f64 = 2.0;

/// A server that went down while it was drained, or while its check took it out of load balancing (`NOLB`). HAProxy reports only `DOWN` for it, also after the end of the drain, which
/// the sampler queries, and which [`DownInDrain::is_state_set`] shows on some versions.
#[derive(Debug)]
struct DownInDrain {
    /// Time of the first sample in which it was down.
    since: Duration,
    /// Time of its last state change (`lastchg`), in seconds of the monotonic clock; `None` if HAProxy does not report it.
    changed_at: Option<f64>,
    /// Number of times it went down (`chkdown`).
    times_down: Option<i64>,
}

impl DownInDrain {
    fn new(sample: &Sample, index: usize) -> Self {
        let number = |field| sample.table.number(index, field);
        let changed_at = number(Field::Lastchg).map(|seconds| sample.at.monotonic.as_secs_f64() - seconds as f64);
        Self { since: sample.at.monotonic, changed_at, times_down: number(Field::Chkdown) }
    }

    /// Returns whether a command set the state of the server since the sample of `self`, in which it was down as it is in
    /// `now`: HAProxy restarts `lastchg` then, although it still reports `DOWN`. This is usually the end of the drain.
    fn is_state_set(&self, now: &Self) -> bool {
        let is_later = |(before, now): (f64, f64)| now - before > NEW_CHANGE;
        // A server that was up between two samples went down once more.
        self.times_down == now.times_down && self.changed_at.zip(now.changed_at).is_some_and(is_later)
    }
}

/// The servers whose health checks have not passed since they started, and those that went down in a drain.
#[derive(Debug, Default)]
pub(crate) struct CheckStarts {
    /// Servers that have passed no check since their checks started.
    unproven: HashSet<RowId, BuildHasherDefault<RowIdHasher>>,
    /// Servers that were drained when they went down, and whose state was not set since then.
    down_in_drain: RowMap<DownInDrain>,
}

impl CheckStarts {
    /// Updates the state with the newest sample. `before` is the previous sample, if it is of the same process.
    pub(crate) fn update(&mut self, before: Option<&Sample>, now: &Sample) {
        let same_rows = before.is_some_and(|before| Arc::ptr_eq(&before.rows, &now.rows));
        if !same_rows {
            self.unproven.retain(|id| now.rows.index_of(*id).is_some());
            self.down_in_drain.retain(|id, _| now.rows.index_of(*id).is_some());
        }
        for index in now.rows.backends().iter().flat_map(|backend| &backend.servers).copied() {
            let (id, row) = (now.rows.ids()[index], &now.table.rows()[index]);
            let state = row.state();
            let earlier = before.and_then(|before| if same_rows { Some(index) } else { before.rows.index_of(id) });
            if state == RowState::Maint || earlier.is_none() && !has_passed_since_start(row, state) {
                self.unproven.insert(id);
            } else if self.unproven.contains(&id) && has_passed(now, index, state) {
                self.unproven.remove(&id);
            }
            let was = earlier.zip(before).map(|(index, before)| before.table.rows()[index].state());
            let has_ended = now.details.ended_drains.contains(&id);
            if has_ended || !matches!(state, RowState::Down | RowState::ComingUp) {
                self.down_in_drain.remove(&id);
            } else if matches!(was, Some(RowState::Drain | RowState::NoLb)) {
                self.down_in_drain.insert(id, DownInDrain::new(now, index));
            } else if let Some(drained) = self.down_in_drain.get_mut(&id) {
                let latest = DownInDrain::new(now, index);
                if drained.is_state_set(&latest) {
                    self.down_in_drain.remove(&id);
                } else if drained.times_down != latest.times_down {
                    *drained = DownInDrain { since: drained.since, ..latest };
                }
            }
        }
    }

    /// Returns whether a server has passed a check since its checks started.
    pub(crate) fn is_proven(&self, id: RowId) -> bool {
        !self.unproven.contains(&id)
    }

    /// Returns whether a server went down while it was drained, not long before `now`, and its state was not set since
    /// then.
    pub(crate) fn is_down_in_drain(&self, id: RowId, now: Duration) -> bool {
        self.down_in_drain.get(&id).is_some_and(|down| now.saturating_sub(down.since) <= MAX_DRAINED_TIME)
    }
}

/// Returns whether a server of a new process has passed a check: HAProxy starts with one more failure to DOWN, so a
/// failed check of a server that is up follows a passed one.
fn has_passed_since_start(row: &StatRow, state: RowState) -> bool {
    state.is_usable() && !matches!(last_result(row), "" | "INI" | "UNK")
}

/// Returns whether a server has full health and its last check or agent check passed. After maintenance, HAProxy keeps
/// the result of an earlier check, but not the health.
fn has_passed(sample: &Sample, index: usize, state: RowState) -> bool {
    let number = |field| sample.table.number(index, field);
    let is_full = match (number(Field::CheckRise), number(Field::CheckFall), number(Field::CheckHealth)) {
        (Some(rise), Some(fall), Some(health)) => health >= rise.saturating_add(fall).saturating_sub(1),
        _ => state != RowState::GoingDown,
    };
    let result = last_result(&sample.table.rows()[index]);
    state.is_usable() && is_full && !matches!(result, "" | "INI" | "UNK") && !state_cause::is_failed(result)
}

/// Returns the result of the last check, or of the last agent check of a server without health checks.
fn last_result(row: &StatRow) -> &str {
    let agent = row.text(TextField::AgentStatus).map_or("", SafeText::as_str).trim_start_matches("* ");
    Some(state_cause::check_result(row)).filter(|result| !result.is_empty()).unwrap_or(agent)
}
