//! Compares two samples of one instance and turns the differences into events.

use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::observe::events::{self, Event, EventKind, RowNames, display_name};
use crate::observe::row_changes::{ChangedField, ChangedRow, RowChanges};
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

/// Finds the rows that differ between two consecutive samples. Takes time in proportion to the number of rows.
pub(crate) fn find_row_changes(before: &Sample, now: &Sample) -> RowChanges {
    let same_rows = Arc::ptr_eq(&before.rows, &now.rows);
    let mut changes = RowChanges { since: before.seq, ..RowChanges::default() };
    for (index, id) in now.rows.ids().iter().enumerate() {
        let Some(earlier) = (if same_rows { Some(index) } else { before.rows.index_of(*id) }) else {
            changes.added += 1;
            if changes.first_added.len() < events::MAX_NAMES {
                changes.first_added.push(index as u32);
            }
            continue;
        };
        let row = |field| ChangedRow { earlier: earlier as u32, index: index as u32, field };
        changes.list.extend(changed_fields(before, earlier, now, index).into_iter().flatten().map(row));
    }
    changes.removed = before.rows.ids().len() + changes.added - now.rows.ids().len();
    if changes.removed > 0 {
        let gone = before.rows.ids().iter().zip(0..).filter(|(id, _)| now.rows.index_of(**id).is_none());
        changes.first_removed = gone.map(|(_, index)| index).take(events::MAX_NAMES).collect();
    }
    changes
}

/// Returns the fields of a row that changed.
fn changed_fields(before: &Sample, earlier: usize, now: &Sample, index: usize) -> [Option<ChangedField>; 3] {
    if now.is_turn_after(before) {
        return [None; 3];
    }
    let (old, new) = (&before.table.rows()[earlier], &now.table.rows()[index]);
    // In a new process, checks start again for every server, so ordinary status changes are not reported. A server that
    // entered or left maintenance or drain is reported, because the reload may have lost a change made by hapulse.
    let is_moved = || old.state().is_out_of_service() != new.state().is_out_of_service();
    let is_same_process = before.epoch == now.epoch;
    let is_new_status = !old.shares_texts(new) && old.status() != new.status() && (is_same_process || is_moved());
    let has_changed = |field| {
        let number = |sample: &Sample, row| sample.table.number(row, field);
        number(before, earlier).zip(number(now, index)).is_some_and(|(from, to)| from != to)
    };
    // A backend's weight follows its servers, and a server's weight changes automatically during slowstart.
    let is_new_weight = new.kind == RowKind::Server
        && has_changed(Field::Weight)
        && now.table.number(index, Field::Throttle).is_none()
        && before.table.number(earlier, Field::Throttle).is_none();
    [
        is_new_status.then_some(ChangedField::Status),
        (is_same_process && has_changed(Field::Slim)).then_some(ChangedField::Limit),
        is_new_weight.then_some(ChangedField::Weight),
    ]
}

/// Returns whether a counter of a row is lower than before. After a reload, counters start at 0 again, unless HAProxy
/// shares them between processes (`shm-stats-file`) or reads them from a file (`stats-file`).
pub(crate) fn have_counters_fallen(before: &Sample, now: &Sample) -> bool {
    const COUNTERS: [Field; 4] = [Field::Stot, Field::Bin, Field::Bout, Field::ReqTot];
    let same_rows = Arc::ptr_eq(&before.rows, &now.rows);
    now.rows.ids().iter().enumerate().any(|(index, id)| {
        let earlier = if same_rows { Some(index) } else { before.rows.index_of(*id) };
        let number = |sample: &Sample, row, field| sample.table.number(row, field);
        let has_fallen = |earlier, field| {
            number(before, earlier, field).zip(number(now, index, field)).is_some_and(|(from, to)| to < from)
        };
        earlier.is_some_and(|earlier| COUNTERS.iter().any(|field| has_fallen(earlier, *field)))
    })
}

/// The differences between two consecutive samples.
#[derive(Debug, Default)]
pub(crate) struct SampleDiff {
    /// An event for each difference; of very many changes of rows, only the first ones and the number of the others.
    pub(crate) events: Vec<Event>,
    /// Rows that changed without an event, because too many others changed as well.
    pub(crate) unlisted: Vec<RowId>,
}

/// Returns the differences between two consecutive samples.
///
/// `lost_for` is the time that the link was down between the samples, or `None` if it stayed up. `is_ours` returns
/// whether a recent action of hapulse explains the change of a row.
pub(crate) fn diff_samples(
    before: &Sample,
    now: &Sample,
    lost_for: Option<Duration>,
    mut is_ours: impl FnMut(RowId, FieldChange<'_>) -> bool,
) -> SampleDiff {
    let mut diff = SampleDiff::default();
    let process = |kind| Event::new(now.at, None, String::new(), kind);
    let (from, to) = (before.epoch.pid, now.epoch.pid);
    diff.events.extend(lost_for.map(|after| process(EventKind::LinkRestored(after))));
    if before.epoch != now.epoch && !now.is_turn_after(before) {
        let are_reset = have_counters_fallen(before, now);
        diff.events.push(process(match lost_for {
            Some(_) => EventKind::Restarted { from, to, are_reset },
            None => EventKind::Reloaded { from, to, are_reset },
        }));
    }
    let computed;
    let changes = match &now.changes {
        Some(changes) if changes.since == before.seq => changes,
        _ => {
            computed = find_row_changes(before, now);
            &computed
        }
    };
    for (place, change) in changes.list.iter().enumerate() {
        let (id, row) = (now.rows.ids()[change.index as usize], &now.table.rows()[change.index as usize]);
        let is_listed = place < MAX_ROW_EVENTS;
        match event_kind(before, now, *change, is_listed, &mut is_ours) {
            Some(kind) => {
                let name = display_name(row.kind, &row.proxy, &row.name);
                diff.events.push(Event::new(now.at, Some(id), name, kind));
            }
            None => diff.unlisted.push(id),
        }
    }
    let more = changes.list.len().saturating_sub(MAX_ROW_EVENTS);
    diff.events.extend((more > 0).then(|| process(EventKind::MoreChanges(more))));
    let added = || process(EventKind::RowsAdded(row_names(now, &changes.first_added, changes.added)));
    diff.events.extend((changes.added > 0).then(added));
    let removed = || process(EventKind::RowsRemoved(row_names(before, &changes.first_removed, changes.removed)));
    diff.events.extend((changes.removed > 0).then(removed));
    diff
}

/// Returns the names of rows of a sample; `first` are the indexes of the first of `count` rows.
fn row_names(sample: &Sample, first: &[u32], count: usize) -> RowNames {
    let name = |index: &u32| {
        let row = &sample.table.rows()[*index as usize];
        display_name(row.kind, &row.proxy, &row.name)
    };
    RowNames { first: first.iter().map(name).collect(), count }
}

/// Returns the event for a change of a row; `None` if `is_listed` is not set.
fn event_kind(
    before: &Sample,
    now: &Sample,
    change: ChangedRow,
    is_listed: bool,
    is_ours: &mut impl FnMut(RowId, FieldChange<'_>) -> bool,
) -> Option<EventKind> {
    let (earlier, index) = (change.earlier as usize, change.index as usize);
    let (old, new) = (&before.table.rows()[earlier], &now.table.rows()[index]);
    let id = now.rows.ids()[index];
    let number = |sample: &Sample, row, field| sample.table.number(row, field).unwrap_or_default();
    match change.field {
        ChangedField::Status => {
            let (from, to) = (old.status(), new.status());
            // An action explains one change, also if the change has no event.
            let is_own = before.epoch == now.epoch && is_ours(id, FieldChange::Status { from, to });
            let cause = || match before.epoch == now.epoch {
                false => StateCause::NewProcess,
                true if is_own => StateCause::Us,
                true => state_cause::change_cause(before, earlier, now, index),
            };
            is_listed.then(|| {
                let check_texts = [TextField::CheckStatus, TextField::LastChk]
                    .map(|field| new.text(field).map_or("", SafeText::as_str));
                let reason = check_texts.join(" ").trim().to_owned();
                EventKind::Status { from: from.to_owned(), to: to.to_owned(), reason, cause: cause() }
            })
        }
        ChangedField::Limit => is_listed.then(|| {
            let (from, to) = (number(before, earlier, Field::Slim), number(now, index, Field::Slim));
            EventKind::Limit { from, to, is_own: is_ours(id, FieldChange::Limit(to)) }
        }),
        ChangedField::Weight => is_listed.then(|| {
            let (from, to) = (number(before, earlier, Field::Weight), number(now, index, Field::Weight));
            EventKind::Weight { from, to, is_own: is_ours(id, FieldChange::Weight(to)) }
        }),
    }
}
