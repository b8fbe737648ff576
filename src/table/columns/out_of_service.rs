//! Columns about servers that are away: who ordered it, and what is left on those that drain.

use crate::actions::drain_tracker::Left;
use crate::table::cell::{Cell, Role};
use crate::table::columns::column::SortKey;
use crate::table::columns::row_view::RowView;
use crate::table::number_format;

/// Who ordered the state.
pub fn by(row: &RowView<'_>) -> Cell {
    Cell::maybe(row.watch.author(row.id), Cell::plain)
}

/// By name.
pub fn by_key(row: &RowView<'_>) -> SortKey {
    row.watch.author(row.id).map_or(SortKey::Absent, SortKey::Text)
}

/// What is left on a server that drains, in words.
pub fn left(row: &RowView<'_>) -> Cell {
    match row.watch.draining().left(row.id) {
        None => Cell::plain(""),
        Some(left) if left.is_empty => Cell::new("empty", Role::Good),
        Some(left) => {
            let queued = match left.queued {
                0 => String::new(),
                count => format!(", {} queued", number_format::count(count)),
            };
            let why = left.why.map_or(String::new(), |why| format!(": {why}"));
            Cell::new(format!("{}{queued}{why}", short(left)), Role::Away)
        }
    }
}

/// The fullest first.
pub fn left_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(row.watch.draining().left(row.id).map(|left| left.sessions as f64))
}

/// The same in a few cells: `12 left ~40s`.
pub fn short(left: &Left) -> String {
    if left.is_empty {
        return "empty".to_owned();
    }
    let time = left.time_left.map_or(String::new(), |time| format!(" ~{}", number_format::duration(time)));
    format!("{} left{time}", number_format::count(left.sessions))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_left_fits_a_narrow_column() {
        let left = |sessions, seconds: Option<u64>| Left {
            sessions,
            queued: 0,
            arrived: 0,
            idle: None,
            time_left: seconds.map(Duration::from_secs),
            why: None,
            is_empty: false,
        };
        assert_eq!(short(&left(12, Some(40))), "12 left ~40s");
        assert_eq!(short(&left(12, None)), "12 left");
        assert_eq!(short(&Left { is_empty: true, ..left(0, None) }), "empty");
    }
}
