//! Columns about the changes between the sample that the user marked and the sample shown.
//!
//! The earlier of the two samples is "then", the later is "now"; the sample shown may be the earlier one. Counters are
//! compared only within one epoch, and the growth of a counter that decreased is unknown.

use std::sync::Arc;

use crate::haproxy::fields::{Field, Unit};
use crate::haproxy::stat_table::StatRow;
use crate::history::interval_times::TIME_FIELDS;
use crate::observe::sample::Sample;
use crate::problems::figures;
use crate::table::cell::{Cell, Role};
use crate::table::columns::column::SortKey;
use crate::table::columns::row_view::RowView;
use crate::units;

/// Counters of errors.
const ERROR_COUNTERS: &[Field] = &[Field::Hrsp5xx, Field::Econ, Field::Eresp];
/// Counters of retries and redispatches.
const RETRY_COUNTERS: &[Field] = &[Field::Wretr, Field::Wredis];

/// Returns the marked sample, and whether it is the earlier one of the two. Returns `None` if no sample is marked.
fn marked_sample<'a>(row: &RowView<'a>) -> Option<(&'a Sample, bool)> {
    let mark = row.instance.marked_moment()?;
    Some((mark, mark.at.monotonic <= row.sample.at.monotonic))
}

/// Returns the index of the row in the marked sample, or `None` if that sample does not contain the row.
fn index_in_mark(row: &RowView<'_>, mark: &Sample) -> Option<usize> {
    if Arc::ptr_eq(&mark.rows, &row.sample.rows) { Some(row.index) } else { mark.rows.index_of(row.id) }
}

/// Returns the row's names and text fields, then and now; `None` if either sample does not contain the row.
fn rows_then_and_now<'a>(row: &RowView<'a>) -> Option<(&'a StatRow, &'a StatRow)> {
    let (mark, is_earlier) = marked_sample(row)?;
    let other = mark.table.rows().get(index_in_mark(row, mark)?)?;
    Some(if is_earlier { (other, row.stat_row()) } else { (row.stat_row(), other) })
}

/// Returns a number in the marked sample and in the sample shown, the earlier one first; `None` if either is unknown. A
/// mean such as `rtime` is that of the seconds before each sample.
pub(crate) fn then_and_now(row: &RowView<'_>, field: Field) -> Option<(i64, i64)> {
    let (mark, is_earlier) = marked_sample(row)?;
    if TIME_FIELDS.contains(&field) {
        let shown = row.interval_time(field)?.millis.round() as i64;
        let other = row.instance.marked_times().interval_time_of(row.id, field)?.millis.round() as i64;
        return Some(if is_earlier { (other, shown) } else { (shown, other) });
    }
    let number = |sample: &Sample, index: usize| match field {
        Field::Qcur => figures::queued_requests(sample, index),
        _ => sample.table.number(index, field),
    };
    let (shown, other) = (number(row.sample, row.index)?, number(mark, index_in_mark(row, mark)?)?);
    Some(if is_earlier { (other, shown) } else { (shown, other) })
}

/// Returns the growth of a counter, or `None` if it decreased or HAProxy was reloaded in between.
pub(crate) fn growth(row: &RowView<'_>, field: Field) -> Option<i64> {
    let (mark, _) = marked_sample(row)?;
    let (then, now) = then_and_now(row, field).filter(|_| mark.epoch == row.sample.epoch)?;
    now.checked_sub(then).filter(|grown| *grown >= 0)
}

/// Returns the total growth of several counters. A counter with unknown growth counts as 0; `None` if all are unknown.
pub(crate) fn total_growth(row: &RowView<'_>, fields: &[Field]) -> Option<i64> {
    fields.iter().filter_map(|field| growth(row, *field)).reduce(i64::saturating_add)
}

/// Returns the total growth of counters.
pub(crate) fn growth_cell(row: &RowView<'_>, fields: &[Field]) -> Cell {
    let unit = fields.first().map_or(Unit::Count, |field| field.info().unit);
    Cell::from_option(total_growth(row, fields), |grown| {
        let text = if unit == Unit::Bytes { units::bytes(grown as f64) } else { units::count(grown) };
        let is_bad = fields.iter().any(|field| ERROR_COUNTERS.contains(field) || *field == Field::Chkdown);
        let role = match grown {
            0 => Role::Dim,
            _ if is_bad => Role::Warn,
            _ => Role::Normal,
        };
        Cell::new(text, role)
    })
}

/// Returns the sort key: the total growth of counters.
pub(crate) fn growth_key(row: &RowView<'_>, fields: &[Field]) -> SortKey {
    SortKey::number(total_growth(row, fields).map(|grown| grown as f64))
}

/// Returns a number then and now (`4→6`), or a single number if it did not change.
pub(crate) fn then_and_now_cell(row: &RowView<'_>, fields: &[Field]) -> Cell {
    Cell::from_option(fields.first().and_then(|field| then_and_now(row, *field)), |(then, now)| {
        match (units::count(then), units::count(now)) {
            (_, text) if then == now => Cell::new(text, Role::Dim),
            (then, now) => Cell::plain(format!("{then}→{now}")),
        }
    })
}

/// Returns the sort key: the size of the change in either direction.
pub(crate) fn then_and_now_key(row: &RowView<'_>, fields: &[Field]) -> SortKey {
    let both = fields.first().and_then(|field| then_and_now(row, *field));
    SortKey::number(both.map(|(then, now)| now.abs_diff(then) as f64))
}

/// Returns the number of requests, or sessions for TCP, served between the two samples.
pub(crate) fn served_growth_cell(row: &RowView<'_>, _: &[Field]) -> Cell {
    growth_cell(row, &[row.served_field()])
}

/// Returns the sort key: the number of requests, or sessions for TCP, served between the two samples.
pub(crate) fn served_growth_key(row: &RowView<'_>, _: &[Field]) -> SortKey {
    SortKey::number(growth(row, row.served_field()).map(|grown| grown as f64))
}

/// A change to a row: its importance, its size (for sorting changes of the same importance), and its cell.
struct RowChange {
    rank: u8,
    size: f64,
    cell: Cell,
}

impl RowChange {
    fn new(rank: u8, size: f64, text: String, role: Role) -> Self {
        Self { rank, size, cell: Cell::new(text, role) }
    }
}

fn largest_change(row: &RowView<'_>) -> Option<RowChange> {
    let (mark, is_earlier) = marked_sample(row)?;
    let Some((then, now)) = rows_then_and_now(row) else {
        let text = if is_earlier { "new" } else { "gone later" };
        return Some(RowChange::new(6, 0.0, text.to_owned(), Role::Warn));
    };
    if then.status() != now.status() {
        let text = format!("{} → {}", then.status(), now.status());
        return Some(RowChange::new(7, 0.0, text, crate::table::cell::state_role(now.state())));
    }
    let ordered = [(Field::Weight, "weight"), (Field::Slim, "limit")];
    let set = ordered.into_iter().find_map(|(field, name)| {
        let (then, now) = then_and_now(row, field).filter(|(then, now)| then != now)?;
        Some(RowChange::new(5, now.abs_diff(then) as f64, format!("{name} {then} → {now}"), Role::Warn))
    });
    let counted = |fields: &[Field], rank, one: &str, more: &str, role| {
        let count = total_growth(row, fields).filter(|count| *count > 0)?;
        let text = format!("{} {}", units::count(count), if count == 1 { one } else { more });
        Some(RowChange::new(rank, count as f64, text, role))
    };
    let served = row.served_field();
    let (one, more) = if served == Field::Stot { ("session", "sessions") } else { ("request", "requests") };
    set.or_else(|| counted(ERROR_COUNTERS, 4, "error", "errors", Role::Warn))
        .or_else(|| counted(RETRY_COUNTERS, 3, "retry", "retries", Role::Normal))
        .or_else(|| counted(&[served], 2, one, more, Role::Normal))
        .or_else(|| {
            let (then, now) = then_and_now(row, Field::Scur).filter(|(then, now)| then != now)?;
            let text = format!("{then} → {now} sessions");
            Some(RowChange::new(1, now.abs_diff(then) as f64, text, Role::Normal))
        })
        // The counters of a new process cannot be compared with those of the old one.
        .or_else(|| {
            let is_new = mark.epoch != row.sample.epoch;
            is_new.then(|| RowChange::new(0, 0.0, "counters restarted".to_owned(), Role::Dim))
        })
}

/// Returns the most important change to the row; empty if nothing changed.
pub(crate) fn largest_change_cell(row: &RowView<'_>, _: &[Field]) -> Cell {
    largest_change(row).map_or_else(|| Cell::plain(""), |change| change.cell)
}

/// Returns the sort key: the importance of the row's most important change (state, new row, changed setting, errors,
/// retries, traffic).
pub(crate) fn largest_change_key(row: &RowView<'_>, _: &[Field]) -> SortKey {
    SortKey::number(largest_change(row).map(|change| f64::from(change.rank) * 1e16 + change.size.min(9e15)))
}

/// Returns whether anything about the row changed.
pub(crate) fn has_changed(row: &RowView<'_>) -> bool {
    largest_change(row).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::past_moment::PlaybackStep;
    use crate::instance::state::Instance;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site, stat_with_server};

    fn changes(instance: &Instance) -> Vec<(String, String)> {
        let sample = instance.shown().unwrap();
        let rows = (0..sample.rows.ids().len()).map(|index| RowView::new(instance, sample, index));
        let changed =
            rows.filter(has_changed).map(|row| (row.stat_row().name.to_string(), largest_change_cell(&row, &[]).text));
        changed.collect()
    }

    #[test]
    fn largest_change_cell_shows_the_most_important_change() {
        let (mut instance, mut maker) = (Instance::default(), SampleBuilder::default());
        instance.add_sample(maker.build_at_millis(0, &stat_of_site()), 0);
        assert_eq!(changes(&instance), [], "nothing is marked");
        instance.mark_shown_moment();
        assert_eq!(changes(&instance), [], "nothing has changed yet");
        let later = stat_of_site()
            .replace("www,w1,0,400,,4500,2500,4000,UP,100", "www,w1,0,400,,4600,2500,4000,DOWN,100")
            .replace("30,20,55,13,0,0,1,4500", "30,20,55,13,0,0,4,4520")
            .replace("api,api1,4,50,50,100,10,10,UP,100", "api,api1,4,50,50,100,10,10,UP,50")
            .replace("api,api3,0,0,50,100", "api,api4,0,0,50,100")
            .replace("www-in,FRONTEND,,812,", "www-in,FRONTEND,,700,");
        instance.add_sample(maker.build_at_millis(2000, &later), 0);
        let expected = [
            ("FRONTEND", "812 → 700 sessions"),
            ("w1", "UP → DOWN"),
            ("w2", "3 errors"),
            ("api1", "weight 100 → 50"),
            ("api4", "new"),
        ];
        assert_eq!(changes(&instance), expected.map(|(name, words)| (name.to_owned(), words.to_owned())));
    }

    #[test]
    fn growth_is_unknown_if_counters_cannot_be_compared() {
        let (mut instance, mut maker) = (Instance::default(), SampleBuilder::default());
        let growth_of = |instance: &Instance| {
            let sample = instance.shown().unwrap();
            let row = RowView::new(instance, sample, 0);
            (growth(&row, Field::Stot), growth_cell(&row, &[Field::Stot]).text)
        };
        instance.add_sample(maker.build_at_millis(0, &stat_with_server("b", "s", 100)), 0);
        instance.mark_shown_moment();
        instance.add_sample(maker.build_at_millis(1000, &stat_with_server("b", "s", 130)), 0);
        assert_eq!(growth_of(&instance), (Some(30), "30".to_owned()));
        instance.show_moment(PlaybackStep::Newest);
        instance.mark_shown_moment();
        instance.show_moment(PlaybackStep::Oldest);
        assert_eq!(growth_of(&instance), (Some(30), "30".to_owned()), "the mark is the later one");
        instance.show_latest();
        instance.add_sample(maker.build_at_millis(2000, &stat_with_server("b", "s", 90)), 0);
        assert_eq!(growth_of(&instance), (None, "–".to_owned()), "clear counters");
        maker.reload();
        instance.add_sample(maker.build_at_millis(3000, &stat_with_server("b", "s", 900)), 0);
        assert_eq!(growth_of(&instance), (None, "–".to_owned()), "another process");
        assert_eq!(changes(&instance), [("s".to_owned(), "counters restarted".to_owned())]);
    }
}
