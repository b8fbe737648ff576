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
use crate::observe::row_ids::{RowId, RowIdHasher, RowMap};
use crate::observe::sample::Sample;
use crate::observe::state_cause;

/// Time for which a server that went down while it was drained is not reported as down. HAProxy reports only `DOWN` then,
/// also after the end of the drain, so a server that stays down must be reported some time.
const MAX_DRAINED_TIME: Duration = Duration::from_mins(5);

/// The servers whose health checks have not passed since they started, and those that went down in a drain.
#[derive(Debug, Default)]
pub(crate) struct CheckStarts {
    /// Servers that have passed no check since their checks started.
    unproven: HashSet<RowId, BuildHasherDefault<RowIdHasher>>,
    /// Servers that were drained when they went down, with the time at which they went down.
    down_in_drain: RowMap<Duration>,
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
            if !matches!(state, RowState::Down | RowState::ComingUp) {
                self.down_in_drain.remove(&id);
            } else if was == Some(RowState::Drain) {
                self.down_in_drain.insert(id, now.at.monotonic);
            }
        }
    }

    /// Returns whether a server has passed a check since its checks started.
    pub(crate) fn is_proven(&self, id: RowId) -> bool {
        !self.unproven.contains(&id)
    }

    /// Returns whether a server went down while it was drained, not long before `now`.
    pub(crate) fn is_down_in_drain(&self, id: RowId, now: Duration) -> bool {
        self.down_in_drain.get(&id).is_some_and(|since| now.saturating_sub(*since) <= MAX_DRAINED_TIME)
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
