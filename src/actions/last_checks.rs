//! Last health check results of servers in maintenance.
//!
//! HAProxy pauses the checks of a server in maintenance and no longer reports their last result, although the server
//! takes traffic as soon as it is enabled. The result is therefore kept from the last sample before maintenance.

use std::collections::HashMap;
use std::time::Duration;

use crate::actions::readback::Readback;
use crate::haproxy::fields::TextField;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::servers_state::CheckState;
use crate::haproxy::stat_table::StatRow;
use crate::haproxy::status::RowState;
use crate::observe::events::{Event, EventKind};
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::state_cause;

/// The last health check of a server, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LastCheck {
    /// The server has no health check, or its checks are turned off.
    Off,
    /// The check failed; contains its result and text, empty if unknown, and the time since, if it is not current.
    Failed(String, Option<Duration>),
    /// The check passed, or has not run yet.
    NotFailed,
    /// The result is unknown.
    Unknown,
}

/// Maximum number of servers whose last check is kept. Of further ones, it is unknown.
const MAX_SERVERS: usize = 20_000;

/// Health checks as reported right before servers went into maintenance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LastChecks {
    /// The last check and, if it is known, the monotonic time at which it was current.
    by_row: HashMap<RowId, (LastCheck, Option<Duration>)>,
}

impl LastChecks {
    /// Records the last check before a server went into maintenance, and forgets it when the server leaves maintenance.
    pub(crate) fn record_change(&mut self, event: &Event, before: &Sample) {
        if let (EventKind::Status { from, to, .. }, Some(id)) = (&event.kind, event.row) {
            self.record_status(id, from, to, before);
        }
    }

    /// Records a change of the status like [`Self::record_change`].
    pub(crate) fn record_status(&mut self, id: RowId, from: &str, to: &str, before: &Sample) {
        match (RowState::parse(from), RowState::parse(to)) {
            (RowState::Maint, RowState::Maint) => {}
            (_, RowState::Maint) => {
                self.by_row.remove(&id);
                let check = before.row(id).filter(|_| self.by_row.len() < MAX_SERVERS).map(reported_check);
                self.by_row.extend(check.map(|check| (id, (check, Some(before.at.monotonic)))));
            }
            _ => _ = self.by_row.remove(&id),
        }
    }

    /// Forgets the servers that a sample does not contain.
    pub(crate) fn forget_missing(&mut self, sample: &Sample) {
        self.by_row.retain(|id, _| sample.rows.index_of(*id).is_some());
    }

    /// Records the result of the last check that the readback of a server in maintenance contains, unless a fuller
    /// result is stored.
    pub(crate) fn record_readback(&mut self, id: RowId, readback: &Readback) {
        let Some(state) = readback.server_state.as_ref().filter(|_| readback.parsed_status() == RowState::Maint) else {
            return;
        };
        let check = recorded_check(state.checks.map(CheckState::is_configured), state.has_failed_check);
        self.by_row.entry(id).or_insert((check, None));
    }

    /// Returns what is known about the last health check of a server.
    pub(crate) fn last_check(&self, sample: &Sample, id: RowId) -> LastCheck {
        let Some(row) = sample.row(id) else { return LastCheck::Unknown };
        if row.state() != RowState::Maint {
            return reported_check(row);
        }
        match self.by_row.get(&id) {
            Some((LastCheck::Failed(text, _), at)) => {
                LastCheck::Failed(text.clone(), at.map(|at| sample.at.elapsed_since(at)))
            }
            Some((check, _)) => check.clone(),
            None => {
                let server = sample.configured.as_ref().and_then(|configured| configured.get(id)).unwrap_or_default();
                recorded_check(server.has_checks, server.has_failed_check)
            }
        }
    }
}

/// Returns the last check that HAProxy reports for a server that is not in maintenance.
fn reported_check(row: &StatRow) -> LastCheck {
    match state_cause::check_result(row) {
        "" => LastCheck::Off,
        result if state_cause::is_failed(result) => {
            let text = row.text(TextField::LastChk).map_or("", SafeText::as_str);
            LastCheck::Failed(format!("{result} {text}").trim().to_owned(), None)
        }
        _ => LastCheck::NotFailed,
    }
}

/// Returns the last check according to `show servers state`, which contains no text.
fn recorded_check(has_checks: Option<bool>, has_failed: Option<bool>) -> LastCheck {
    match (has_checks, has_failed) {
        (Some(false), _) => LastCheck::Off,
        (_, Some(true)) => LastCheck::Failed(String::new(), None),
        (_, Some(false)) => LastCheck::NotFailed,
        _ => LastCheck::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::changes;
    use crate::observe::test_samples::SampleBuilder;

    #[test]
    fn last_check_is_remembered_during_maintenance() {
        let mut builder = SampleBuilder::default();
        let mut build = |millis, line: &str| {
            builder.build_at_millis(millis, &format!("# pxname,svname,status,check_status,last_chk,type,\n{line}"))
        };
        let samples = [
            build(0, "b,s,DOWN,* L4CON,Connection refused,2,\n"),
            build(1000, "b,s,MAINT,,,2,\n"),
            build(181_000, "b,s,MAINT,,,2,\n"),
            build(182_000, "b,s,UP 1/3,L7OK,,2,\n"),
        ];
        let mut checks = LastChecks::default();
        let id = samples[0].rows.ids()[0];
        let mut seen = vec![checks.last_check(&samples[0], id)];
        for pair in samples.windows(2) {
            for event in changes::diff_samples(&pair[0], &pair[1], None, |_, _| false).events {
                checks.record_change(&event, &pair[0]);
            }
            seen.push(checks.last_check(&pair[1], id));
        }
        let failed = |age| LastCheck::Failed("L4CON Connection refused".to_owned(), age);
        let after = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(seen, [failed(None), failed(after(1)), failed(after(181)), LastCheck::NotFailed]);
        assert!(checks.by_row.is_empty());
    }
}
