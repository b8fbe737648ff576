//! Compares two samples of one instance and turns the differences into events.

use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::observe::events::{self, Event, EventKind, display_name};
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::state_cause::{self, StateCause};

/// A change of one field of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FieldChange<'a> {
    /// Another status.
    Status {
        /// Previous status.
        from: &'a str,
        /// Current status.
        to: &'a str,
    },
    /// Another weight; contains the current one.
    Weight(i64),
    /// Another session limit; contains the current one.
    Limit(i64),
}

/// Maximum number of events for rows of one sample. Half of the log remains for earlier events.
const MAX_ROW_EVENTS: usize = events::MAX_EVENTS / 2;

/// Returns an event for each difference between two consecutive samples. Of more than [`MAX_ROW_EVENTS`] changes of
/// rows, only the number is reported.
///
/// `lost_for` is the time that the link was down between the samples, or `None` if it stayed up. `is_ours` returns
/// whether a recent action of hapulse explains the change of a row.
pub(crate) fn diff_samples(
    before: &Sample,
    now: &Sample,
    lost_for: Option<Duration>,
    mut is_ours: impl FnMut(RowId, FieldChange<'_>) -> bool,
) -> Vec<Event> {
    let mut events = Vec::new();
    let process = |kind| Event { at: now.at, row: None, name: String::new(), kind };
    let (from, to) = (before.epoch.pid, now.epoch.pid);
    events.extend(lost_for.map(|after| process(EventKind::LinkRestored(after))));
    if before.epoch != now.epoch {
        let kind =
            if lost_for.is_some() { EventKind::Restarted { from, to } } else { EventKind::Reloaded { from, to } };
        events.push(process(kind));
    }
    let same_rows = Arc::ptr_eq(&before.rows, &now.rows);
    let (mut added_count, mut kept_count, mut change_count) = (0, 0, 0);
    for (index, id) in now.rows.ids().iter().enumerate() {
        let earlier = if same_rows { Some(index) } else { before.rows.index_of(*id) };
        match earlier {
            Some(earlier) => {
                kept_count += 1;
                diff_row(before, earlier, now, index, &mut is_ours, &mut |kind: &dyn Fn() -> EventKind| {
                    change_count += 1;
                    if change_count > MAX_ROW_EVENTS {
                        return;
                    }
                    let new = &now.table.rows()[index];
                    let name = display_name(new.kind, &new.proxy, &new.name);
                    events.push(Event { at: now.at, row: Some(*id), name, kind: kind() });
                });
            }
            None => added_count += 1,
        }
    }
    if change_count > MAX_ROW_EVENTS {
        events.push(process(EventKind::MoreChanges(change_count - MAX_ROW_EVENTS)));
    }
    let removed_count = before.rows.ids().len() - kept_count;
    if added_count > 0 {
        events.push(process(EventKind::RowsAdded(added_count)));
    }
    if removed_count > 0 {
        events.push(process(EventKind::RowsRemoved(removed_count)));
    }
    events
}

/// Reports changes to the status, session limit and weight of one row.
fn diff_row(
    before: &Sample,
    earlier: usize,
    now: &Sample,
    index: usize,
    is_ours: &mut impl FnMut(RowId, FieldChange<'_>) -> bool,
    report: &mut impl FnMut(&dyn Fn() -> EventKind),
) {
    let (old, new) = (&before.table.rows()[earlier], &now.table.rows()[index]);
    // In a new process, checks start again for every server, so ordinary status changes are not reported. A server that
    // entered or left maintenance or drain is reported, because the reload may have lost a change made by hapulse.
    let is_moved = || old.state().is_out_of_service() != new.state().is_out_of_service();
    let is_reported = before.epoch == now.epoch || is_moved();
    if !old.shares_texts(new) && old.status() != new.status() && is_reported {
        let (from, to) = (old.status(), new.status());
        let cause = match before.epoch == now.epoch {
            false => StateCause::NewProcess,
            true if is_ours(now.rows.ids()[index], FieldChange::Status { from, to }) => StateCause::Us,
            true => state_cause::change_cause(before, earlier, now, index),
        };
        let check_texts =
            || [TextField::CheckStatus, TextField::LastChk].map(|field| new.text(field).map_or("", SafeText::as_str));
        report(&|| EventKind::Status {
            from: from.to_owned(),
            to: to.to_owned(),
            reason: check_texts().join(" ").trim().to_owned(),
            cause: cause.clone(),
        });
    }
    let limit = |sample: &Sample, row| sample.table.number(row, Field::Slim);
    if let (Some(from), Some(to)) = (limit(before, earlier), limit(now, index))
        && from != to
        && before.epoch == now.epoch
    {
        let is_own = is_ours(now.rows.ids()[index], FieldChange::Limit(to));
        report(&|| EventKind::Limit { from, to, is_own });
    }
    let weight = |sample: &Sample, row| sample.table.number(row, Field::Weight);
    // A backend's weight follows its servers, and a server's weight changes automatically during slowstart.
    if new.kind == RowKind::Server
        && now.table.number(index, Field::Throttle).is_none()
        && before.table.number(earlier, Field::Throttle).is_none()
        && let (Some(from), Some(to)) = (weight(before, earlier), weight(now, index))
        && from != to
    {
        let is_own = is_ours(now.rows.ids()[index], FieldChange::Weight(to));
        report(&|| EventKind::Weight { from, to, is_own });
    }
}
