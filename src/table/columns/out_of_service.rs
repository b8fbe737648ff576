//! Columns about servers in maintenance or drain: who ordered the state, and the sessions left on draining servers.

use crate::actions::drain_tracker::DrainProgress;
use crate::observe::old_processes::OldSessions;
use crate::observe::sample::Sample;
use crate::table::cell::{Cell, Role};
use crate::table::columns::column::SortKey;
use crate::table::columns::row_view::RowView;
use crate::units;

/// Returns the user or program that ordered the row's state, if known.
pub(crate) fn ordered_by_cell(row: &RowView<'_>) -> Cell {
    Cell::from_option(row.instance.attributed_to(row.id), Cell::plain)
}

/// Returns the sort key: the user or program that ordered the row's state.
pub(crate) fn ordered_by_key(row: &RowView<'_>) -> SortKey {
    row.instance.attributed_to(row.id).map_or(SortKey::Absent, SortKey::Text)
}

/// Returns the number of unused slots in one line, `42 unused slots`, or `None` without any.
pub(crate) fn unused_slots_text(sample: &Sample) -> Option<String> {
    let count = sample.unused_slots().count();
    (count > 0).then(|| units::pluralize(count as i64, "unused slot"))
}

/// Returns the number of sessions and queued requests left on a draining server and, if the drain is stalled, the
/// reason. Empty for other rows.
pub(crate) fn drain_status_cell(row: &RowView<'_>) -> Cell {
    match row.instance.draining().progress(row.id) {
        None => Cell::plain(""),
        Some(left) if left.is_empty => Cell::new("empty", Role::Good),
        Some(DrainProgress { is_empty_here: true, old_sessions: Some(old), .. }) => {
            Cell::new(format!("empty here, {old}"), Role::OutOfService)
        }
        Some(left) => {
            let queued = match left.queued {
                0 => String::new(),
                count => format!(", {} queued", units::count(count)),
            };
            let why = left.stall_reason.map_or(String::new(), |why| format!(": {why}"));
            Cell::new(format!("{}{queued}{why}", short_drain_status(left)), Role::OutOfService)
        }
    }
}

/// Returns the sort key: the number of sessions left on a draining server, with those of old workers.
pub(crate) fn drain_status_key(row: &RowView<'_>) -> SortKey {
    let old = |left: &DrainProgress| left.old_sessions.as_ref().map_or(0, OldSessions::counted);
    let total = |left: &DrainProgress| left.sessions.saturating_add(old(left)) as f64;
    SortKey::number(row.instance.draining().progress(row.id).map(total))
}

/// Formats the number of sessions left on a draining server and the estimated time until it is empty: `12 left ~40s`.
pub(crate) fn short_drain_status(left: &DrainProgress) -> String {
    if left.is_empty {
        return "empty".to_owned();
    }
    if left.is_empty_here && left.old_sessions.is_none() {
        return "empty here".to_owned();
    }
    if let Some(old) = left.held_by_old() {
        // The details are in the header, and in the column of view A.
        return match old.counted() {
            0 => "old process".to_owned(),
            count => format!("{} left, old", units::count(count)),
        };
    }
    let time = left.time_left.map_or(String::new(), |time| format!(" ~{}", units::duration(time)));
    format!("{} left{time}", units::count(left.sessions))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn short_drain_status_fits_a_narrow_column() {
        let left = |sessions, seconds: Option<u64>| DrainProgress {
            sessions,
            queued: 0,
            new_sessions: 0,
            idle_connections: None,
            time_left: seconds.map(Duration::from_secs),
            stall_reason: None,
            is_empty_here: false,
            old_sessions: None,
            is_empty: false,
        };
        assert_eq!(short_drain_status(&left(12, Some(40))), "12 left ~40s");
        assert_eq!(short_drain_status(&left(12, None)), "12 left");
        assert_eq!(short_drain_status(&DrainProgress { is_empty: true, ..left(0, None) }), "empty");
    }
}
