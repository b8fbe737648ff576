//! Columns about what changed between the marked moment and the one that is shown.
//!
//! Whichever of the two came first is taken for "then": one can also look at what was before the mark. Counters are
//! compared within one epoch only, and one that went back is unknown.

use std::sync::Arc;

use crate::haproxy::fields::{Field, Unit};
use crate::haproxy::stat_table::Row;
use crate::observe::sample::Sample;
use crate::table::cell::{Cell, Role};
use crate::table::columns::column::SortKey;
use crate::table::columns::row_view::RowView;
use crate::table::number_format;

/// What should not grow at all.
const TROUBLE: &[Field] = &[Field::Hrsp5xx, Field::Econ, Field::Eresp];
/// What was tried again.
const TRIED_AGAIN: &[Field] = &[Field::Wretr, Field::Wredis];

/// The marked sample, and whether it is the earlier one.
fn mark<'a>(row: &RowView<'a>) -> Option<(&'a Sample, bool)> {
    let mark = row.watch.mark()?;
    Some((mark, mark.at.mono <= row.sample.at.mono))
}

/// Where the row stands in the marked sample.
fn index(row: &RowView<'_>, mark: &Sample) -> Option<usize> {
    if Arc::ptr_eq(&mark.rows, &row.sample.rows) { Some(row.index) } else { mark.rows.index(row.id) }
}

/// The row's names and texts then and now.
fn rows<'a>(row: &RowView<'a>) -> Option<(&'a Row, &'a Row)> {
    let (mark, is_earlier) = mark(row)?;
    let other = mark.table.rows().get(index(row, mark)?)?;
    Some(if is_earlier { (other, row.row()) } else { (row.row(), other) })
}

/// A number then and now; absent where either is unknown.
pub fn both(row: &RowView<'_>, field: Field) -> Option<(i64, i64)> {
    let (mark, is_earlier) = mark(row)?;
    let (shown, other) = (row.number(field)?, mark.table.number(index(row, mark)?, field)?);
    Some(if is_earlier { (other, shown) } else { (shown, other) })
}

/// What a counter grew by; unknown across a reload, and where it went back.
pub fn grown(row: &RowView<'_>, field: Field) -> Option<i64> {
    let (mark, _) = mark(row)?;
    let (then, now) = both(row, field).filter(|_| mark.epoch == row.sample.epoch)?;
    now.checked_sub(then).filter(|grown| *grown >= 0)
}

/// What several counters grew by together, those that are known.
pub fn sum(row: &RowView<'_>, fields: &[Field]) -> Option<i64> {
    fields.iter().filter_map(|field| grown(row, *field)).reduce(i64::saturating_add)
}

/// What counters grew by.
pub fn grown_cell(row: &RowView<'_>, fields: &[Field]) -> Cell {
    let unit = fields.first().map_or(Unit::Count, |field| field.info().unit);
    Cell::maybe(sum(row, fields), |grown| {
        let text = if unit == Unit::Bytes { number_format::bytes(grown as f64) } else { number_format::count(grown) };
        let is_bad = fields.iter().any(|field| TROUBLE.contains(field) || *field == Field::Chkdown);
        let role = match grown {
            0 => Role::Dim,
            _ if is_bad => Role::Warn,
            _ => Role::Normal,
        };
        Cell::new(text, role)
    })
}

/// The most first.
pub fn grown_key(row: &RowView<'_>, fields: &[Field]) -> SortKey {
    SortKey::number(sum(row, fields).map(|grown| grown as f64))
}

/// A number then and now, once where it is the same.
pub fn both_cell(row: &RowView<'_>, fields: &[Field]) -> Cell {
    Cell::maybe(fields.first().and_then(|field| both(row, *field)), |(then, now)| {
        match (number_format::count(then), number_format::count(now)) {
            (_, text) if then == now => Cell::new(text, Role::Dim),
            (then, now) => Cell::plain(format!("{then}→{now}")),
        }
    })
}

/// What moved farthest first, either way.
pub fn both_key(row: &RowView<'_>, fields: &[Field]) -> SortKey {
    let both = fields.first().and_then(|field| both(row, *field));
    SortKey::number(both.map(|(then, now)| now.abs_diff(then) as f64))
}

/// What the row serves, requests or sessions, grew by.
pub fn served(row: &RowView<'_>, _: &[Field]) -> Cell {
    grown_cell(row, &[row.served()])
}

/// The most first.
pub fn served_key(row: &RowView<'_>, _: &[Field]) -> SortKey {
    SortKey::number(grown(row, row.served()).map(|grown| grown as f64))
}

/// What changed most of all of a row: how much it matters, how much it is, and in words.
struct Change {
    rank: u8,
    size: f64,
    cell: Cell,
}

impl Change {
    fn new(rank: u8, size: f64, words: String, role: Role) -> Self {
        Self { rank, size, cell: Cell::new(words, role) }
    }
}

fn change(row: &RowView<'_>) -> Option<Change> {
    let (mark, is_earlier) = mark(row)?;
    let Some((then, now)) = rows(row) else {
        let words = if is_earlier { "new" } else { "not there later" };
        return Some(Change::new(6, 0.0, words.to_owned(), Role::Warn));
    };
    if then.status() != now.status() {
        let words = format!("{} → {}", then.status(), now.status());
        return Some(Change::new(7, 0.0, words, crate::table::cell::state_role(now.state())));
    }
    let ordered = [(Field::Weight, "weight"), (Field::Slim, "limit")];
    let set = ordered.into_iter().find_map(|(field, name)| {
        let (then, now) = both(row, field).filter(|(then, now)| then != now)?;
        Some(Change::new(5, now.abs_diff(then) as f64, format!("{name} {then} → {now}"), Role::Warn))
    });
    let counted = |fields: &[Field], rank, one: &str, more: &str, role| {
        let count = sum(row, fields).filter(|count| *count > 0)?;
        let words = format!("{} {}", number_format::count(count), if count == 1 { one } else { more });
        Some(Change::new(rank, count as f64, words, role))
    };
    let served = row.served();
    let (one, more) = if served == Field::Stot { ("session", "sessions") } else { ("request", "requests") };
    set.or_else(|| counted(TROUBLE, 4, "error", "errors", Role::Warn))
        .or_else(|| counted(TRIED_AGAIN, 3, "try again", "tries again", Role::Normal))
        .or_else(|| counted(&[served], 2, one, more, Role::Normal))
        .or_else(|| {
            let (then, now) = both(row, Field::Scur).filter(|(then, now)| then != now)?;
            let words = format!("{then} → {now} at once");
            Some(Change::new(1, now.abs_diff(then) as f64, words, Role::Normal))
        })
        // A new process counts anew: what it did is not known from here.
        .or_else(|| {
            let is_new = mark.epoch != row.sample.epoch;
            is_new.then(|| Change::new(0, 0.0, "counted anew".to_owned(), Role::Dim))
        })
}

/// What changed most, in words.
pub fn changed(row: &RowView<'_>, _: &[Field]) -> Cell {
    change(row).map_or_else(|| Cell::plain(""), |change| change.cell)
}

/// What matters most first: states, rows that came, what was set, errors, and then the busiest.
pub fn changed_key(row: &RowView<'_>, _: &[Field]) -> SortKey {
    SortKey::number(change(row).map(|change| f64::from(change.rank) * 1e16 + change.size.min(9e15)))
}

/// Whether anything of a row changed.
pub fn is_changed(row: &RowView<'_>) -> bool {
    change(row).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::instance::Instance;
    use crate::instance::past_moment::Travel;
    use crate::observe::test_samples::{SampleMaker, server, site};

    fn told(watch: &Instance) -> Vec<(String, String)> {
        let sample = watch.newest().unwrap();
        let rows = (0..sample.rows.ids().len()).map(|index| RowView::new(watch, sample, index));
        let changed = rows.filter(is_changed).map(|row| (row.row().name.to_string(), changed(&row, &[]).text));
        changed.collect()
    }

    #[test]
    fn what_matters_most_of_each_row_is_told() {
        let (mut watch, mut maker) = (Instance::default(), SampleMaker::default());
        watch.take(maker.at_millis(0, &site()), 0);
        assert_eq!(told(&watch), [], "nothing is marked");
        watch.set_mark();
        assert_eq!(told(&watch), [], "nothing has changed yet");
        let later = site()
            .replace("www,w1,0,400,,4500,2500,4000,UP,100", "www,w1,0,400,,4600,2500,4000,DOWN,100")
            .replace("30,20,55,13,0,0,1,4500", "30,20,55,13,0,0,4,4520")
            .replace("api,api1,4,50,50,100,10,10,UP,100", "api,api1,4,50,50,100,10,10,UP,50")
            .replace("api,api3,0,0,50,100", "api,api4,0,0,50,100")
            .replace("www-in,FRONTEND,,812,", "www-in,FRONTEND,,700,");
        watch.take(maker.at_millis(2000, &later), 0);
        let expected = [
            ("FRONTEND", "812 → 700 at once"),
            ("w1", "UP → DOWN"),
            ("w2", "3 errors"),
            ("api1", "weight 100 → 50"),
            ("api4", "new"),
        ];
        assert_eq!(told(&watch), expected.map(|(name, words)| (name.to_owned(), words.to_owned())));
    }

    #[test]
    fn a_counter_that_cannot_be_compared_is_unknown() {
        let (mut watch, mut maker) = (Instance::default(), SampleMaker::default());
        let grown_of = |watch: &Instance| {
            let sample = watch.newest().unwrap();
            let row = RowView::new(watch, sample, 0);
            (grown(&row, Field::Stot), grown_cell(&row, &[Field::Stot]).text)
        };
        watch.take(maker.at_millis(0, &server("b", "s", 100)), 0);
        watch.set_mark();
        watch.take(maker.at_millis(1000, &server("b", "s", 130)), 0);
        assert_eq!(grown_of(&watch), (Some(30), "30".to_owned()));
        watch.travel(Travel::Newest);
        watch.set_mark();
        watch.travel(Travel::Oldest);
        assert_eq!(grown_of(&watch), (Some(30), "30".to_owned()), "the mark is the later one");
        watch.resume();
        watch.take(maker.at_millis(2000, &server("b", "s", 90)), 0);
        assert_eq!(grown_of(&watch), (None, "–".to_owned()), "clear counters");
        maker.reload();
        watch.take(maker.at_millis(3000, &server("b", "s", 900)), 0);
        assert_eq!(grown_of(&watch), (None, "–".to_owned()), "another process");
        assert_eq!(told(&watch), [("s".to_owned(), "counted anew".to_owned())]);
    }
}
