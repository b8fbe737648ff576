//! Last health check results of servers in maintenance.
//!
//! HAProxy pauses the checks of a server in maintenance and no longer reports their last result, although the server
//! takes traffic as soon as it is enabled. The result is therefore remembered from the sample before.

use std::collections::HashMap;
use std::time::Duration;

use crate::haproxy::fields::TextField;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::StatRow;
use crate::haproxy::status::RowState;
use crate::observe::events::{Event, EventKind};
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::state_cause;

/// What is known about the last health check of a server.
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

/// Health checks as reported right before servers went into maintenance.
#[derive(Debug, Default)]
pub(crate) struct LastChecks {
    /// Result code, empty if checks were off, text, and monotonic time of the sample.
    by_row: HashMap<RowId, (SafeText, SafeText, Duration)>,
}

impl LastChecks {
    /// Records the last check before a server went into maintenance, and forgets it when the server leaves maintenance.
    pub(crate) fn record_change(&mut self, event: &Event, before: &Sample) {
        let (EventKind::Status { from, to, .. }, Some(id)) = (&event.kind, event.row) else { return };
        match (RowState::parse(from), RowState::parse(to)) {
            (RowState::Maint, RowState::Maint) => {}
            (_, RowState::Maint) => {
                let text = |row: &StatRow, field| row.text(field).cloned().unwrap_or_default();
                let row = before.row(id);
                self.by_row.extend(row.map(|row| {
                    let result = SafeText::from(state_cause::check_result(row));
                    (id, (result, text(row, TextField::LastChk), before.at.monotonic))
                }));
            }
            _ => _ = self.by_row.remove(&id),
        }
    }

    /// Returns what is known about the last health check of a server.
    pub(crate) fn last_check(&self, sample: &Sample, id: RowId) -> LastCheck {
        let Some(row) = sample.row(id) else { return LastCheck::Unknown };
        if row.state() != RowState::Maint {
            let text = row.text(TextField::LastChk).map_or("", SafeText::as_str);
            return classify(state_cause::check_result(row), text, None);
        }
        if let Some((result, text, at)) = self.by_row.get(&id) {
            return classify(result.as_str(), text.as_str(), Some(sample.at.elapsed_since(*at)));
        }
        match sample.configured.as_ref().and_then(|configured| configured.get(id)) {
            Some(server) if server.has_checks == Some(false) => LastCheck::Off,
            Some(server) if server.has_failed_check == Some(true) => LastCheck::Failed(String::new(), None),
            Some(server) if server.has_failed_check == Some(false) => LastCheck::NotFailed,
            _ => LastCheck::Unknown,
        }
    }
}

fn classify(result: &str, text: &str, age: Option<Duration>) -> LastCheck {
    match result {
        "" => LastCheck::Off,
        result if state_cause::is_failed(result) => {
            LastCheck::Failed(format!("{result} {text}").trim().to_owned(), age)
        }
        _ => LastCheck::NotFailed,
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
            for event in changes::diff_samples(&pair[0], &pair[1], None, |_, _, _| false) {
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
