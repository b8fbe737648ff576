//! The columns that had a value so far, and the widths of names and texts.
//!
//! On a narrow screen, the columns that are empty, unknown or zero in all rows are dropped first. All rows of a table
//! count, also those that are scrolled out of view, and a column that had a value once counts as used from then on, so that
//! columns do not come and go while values change or rows are scrolled.

use std::cmp::Reverse;

use crate::haproxy::stat_table::RowKind;
use crate::instance::state::Instance;
use crate::observe::sample::Sample;
use crate::table::columns::column::{self, Align, Column, SortKey};
use crate::table::columns::row_view::RowView;
use crate::units;

/// Number of rows of which a column that had no value yet is read per sample. In larger tables, the rows take turns.
const ROWS_PER_SAMPLE: usize = 2000;
/// Priority from which a column is not dropped for the sake of long names: the state.
const ESSENTIAL: u8 = 250;
/// Priority from which a column of numbers is expected to be shown even if it had no value yet: sessions, queue, requests,
/// errors.
const EXPECTED: u8 = 200;
/// Priority from which a column of texts is narrowed before it is dropped: the problem, and what changed.
const NARROWED: u8 = 240;
/// Width to which such a column is narrowed at most.
const MIN_TEXT_WIDTH: u16 = 8;
/// Priority below which the columns of a table make room for the details of the selected row, which contain them, too.
const LESSER: u8 = 100;
/// Width up to which a column of texts grows.
const MAX_TEXT_WIDTH: u16 = 40;
/// Width of a column of single numbers. Wider ones contain two numbers or a number and words, and are narrower while
/// these are short.
const NUMBER_WIDTH: u16 = 6;
/// Number of blanks between columns.
const SPACING: u16 = 1;

/// Record of the columns of one table that had a value so far.
#[derive(Debug, Clone, Default)]
pub struct ColumnUse {
    /// Ids of the columns that had a value.
    used: Vec<&'static str>,
    /// Widths of the longest texts in columns of texts, and in those wider than a number.
    text_widths: Vec<(&'static str, u16)>,
    /// True once the rows were proxies and their servers.
    is_tree: bool,
    /// True once rates were known, which need two samples.
    has_rates: bool,
    /// The row of which a column that had no value yet is read first.
    next_row: usize,
}

impl ColumnUse {
    /// Returns whether the column had a value, or is a number that is expected to be shown without one. Before the second
    /// sample, a number that needs two is assumed to have one.
    pub fn is_used(&self, column: &Column) -> bool {
        let is_expected = column.priority >= EXPECTED || !self.has_rates && column.needs_two_samples();
        column.align == Align::Right && is_expected || self.used.contains(&column.id)
    }

    /// Reads a sample. `row_at` returns the index in the sample of each of the `count` rows of the table.
    pub(crate) fn update(
        &mut self,
        instance: &Instance,
        sample: &Sample,
        columns: &[&'static Column],
        count: usize,
        row_at: impl Fn(usize) -> Option<usize>,
    ) {
        self.has_rates |= instance.rates().span().is_some();
        let positions = (0..count.min(ROWS_PER_SAMPLE)).map(|step| (self.next_row + step) % count);
        let rows: Vec<usize> = positions.filter_map(row_at).collect();
        let view = |row: &usize| RowView::new(instance, sample, *row);
        let is_server = |row: &usize| sample.table.rows()[*row].kind == RowKind::Server;
        self.is_tree = self.is_tree || rows.iter().any(is_server) && !rows.iter().all(is_server);
        for column in columns.iter().skip(1) {
            if column.align == Align::Left {
                if let Some(widest) = widest_text(column, rows.iter().map(view)) {
                    self.record_text(column, widest);
                }
                continue;
            }
            if column.width > NUMBER_WIDTH {
                // Rows of a large table that were not read yet may have wider numbers, which must never be cut.
                let is_complete = count <= ROWS_PER_SAMPLE;
                let widest = if is_complete { widest_text(column, rows.iter().map(view)) } else { Some(column.width) };
                if let Some(widest) = widest {
                    self.record_width(column, widest);
                }
            }
            if !self.used.contains(&column.id) && rows.iter().any(|row| has_number(column, &view(row))) {
                self.used.push(column.id);
            }
        }
        self.next_row = if count > ROWS_PER_SAMPLE { (self.next_row + ROWS_PER_SAMPLE) % count } else { 0 };
    }

    fn record_text(&mut self, column: &Column, width: u16) {
        if !self.used.contains(&column.id) {
            self.used.push(column.id);
        }
        self.record_width(column, width);
    }

    fn record_width(&mut self, column: &Column, width: u16) {
        match self.text_widths.iter_mut().find(|(id, _)| *id == column.id) {
            Some((_, widest)) => *widest = (*widest).max(width),
            None => self.text_widths.push((column.id, width)),
        }
    }

    /// Returns the width that a table needs for names of `name_width` cells and for its columns, without the lesser ones,
    /// which the details of a row contain anyway.
    pub(crate) fn wanted_width(columns: &[&'static Column], name_width: u16) -> u16 {
        let name = columns.first().map_or(0, |column| column.width.max(name_width));
        let others = columns.iter().skip(1).filter(|column| column.priority >= LESSER);
        others.fold(name, |sum, column| sum.saturating_add(column.width + SPACING))
    }

    /// Returns the columns that fit into `width` cells beside names of `name_width` cells, each with its width. Columns
    /// without a value are dropped first, then those with the lowest priority. Names longer than half of the width are
    /// shortened to that half before columns with values are dropped, to two fifths before the most important ones are,
    /// and further when only the state is left beside them.
    /// Columns of texts are narrower while their texts are short, and columns that fit into the cells that are left are
    /// added. Columns of texts get spare cells for longer texts; with `is_filled`, the names get the rest.
    pub fn fit(
        &self,
        columns: &[&'static Column],
        width: u16,
        name_width: u16,
        is_filled: bool,
    ) -> Vec<(&'static Column, u16)> {
        let mut kept: Vec<_> = columns.iter().map(|column| (*column, self.least_width(column, width))).collect();
        let whole_names = name_width.max(columns.first().map_or(0, |column| cells(column.title)));
        if let Some((_, names)) = kept.first_mut() {
            *names = whole_names;
        }
        while column::required_width(&kept, SPACING) > width {
            let lesser = kept.iter().enumerate().skip(1).filter(|(_, (column, _))| column.priority < ESSENTIAL);
            let lowest = lesser.min_by_key(|(_, (column, _))| (self.is_used(column), column.priority));
            let Some((index, is_used)) = lowest.map(|(index, (column, _))| (index, self.is_used(column))) else {
                break;
            };
            let (lowest, cells) = kept[index];
            let excess = column::required_width(&kept, SPACING) - width;
            let least_names = kept.first().map_or(0, |(names, _)| least_name_width(names, lowest, width));
            match kept.first_mut() {
                // A single very long name must not take the room of all numbers.
                Some((_, names)) if is_used && *names > least_names => {
                    *names = names.saturating_sub(excess).max(least_names);
                }
                _ if is_used && is_narrowed(lowest) && cells >= excess + MIN_TEXT_WIDTH => {
                    kept[index].1 = cells - excess;
                }
                _ => _ = kept.remove(index),
            }
        }
        let spare_for_names = width.saturating_sub(column::required_width(&kept, SPACING));
        if let Some((_, names)) = kept.first_mut() {
            *names = (*names + spare_for_names).min(whole_names).max(*names);
        }
        let excess = column::required_width(&kept, SPACING).saturating_sub(width);
        if let Some((column, names)) = kept.first_mut() {
            *names = names.saturating_sub(excess).max(column.width.min(*names));
        }
        let mut kept = column::drop_to_fit(kept, width, SPACING);
        self.fill(&mut kept, columns, width);
        let mut spare = width.saturating_sub(column::required_width(&kept, SPACING));
        for (column, cells) in kept.iter_mut().skip(1) {
            let most = if column.is_comparison() { width } else { MAX_TEXT_WIDTH };
            let wanted = self.longest_text(column).min(most).max(column.width);
            let more = wanted.saturating_sub(*cells).min(spare);
            *cells += more;
            spare -= more;
        }
        if let Some((_, names)) = kept.first_mut() {
            *names = if is_filled { *names + spare } else { *names }.min(width);
        }
        kept
    }

    /// Returns the width of the longest text of a column so far; 0 for a column of single numbers.
    fn longest_text(&self, column: &Column) -> u16 {
        self.text_widths.iter().find(|(id, _)| *id == column.id).map_or(0, |(_, widest)| *widest)
    }

    /// Returns the width that a column needs: one of texts or of two numbers may be narrower than usual while these are
    /// short. The text of a comparison gets up to two fifths of the `width` of the table, before the numbers that it names,
    /// and more where these leave room.
    fn least_width(&self, column: &Column, width: u16) -> u16 {
        let most = if column.is_comparison() { column.width.max(width * 2 / 5) } else { column.width };
        match self.longest_text(column) {
            // The states of some servers change all the time, and the columns beside them must not move. A narrow table needs
            // the cells for numbers.
            longest if self.is_tree && column.id == "status" => column.width.min(longest.max(width / 7)),
            0 => column.width,
            longest => longest.max(cells(column.title)).min(most),
        }
    }

    /// Puts columns with values that were dropped into the cells that wider ones left free, the most important first.
    fn fill(&self, kept: &mut Vec<(&'static Column, u16)>, columns: &[&'static Column], width: u16) {
        let is_kept = |kept: &[(&Column, u16)], column: &Column| kept.iter().any(|(known, _)| known.id == column.id);
        let mut dropped: Vec<_> = columns.iter().copied().filter(|column| !is_kept(kept, column)).collect();
        dropped.retain(|column| self.is_used(column));
        dropped.sort_by_key(|column| Reverse(column.priority));
        for column in dropped {
            let needed = self.least_width(column, width);
            if column::required_width(kept, SPACING) + SPACING + needed <= width {
                let before = columns.iter().take_while(|other| other.id != column.id);
                let index = before.filter(|other| is_kept(kept, other)).count();
                kept.insert(index, (column, needed));
            }
        }
    }
}

/// Returns the width that names have even if the column `lowest` must be dropped for it: half of the table, or two fifths
/// beside the most important numbers.
fn least_name_width(names: &Column, lowest: &Column, width: u16) -> u16 {
    names.width.max(if lowest.priority >= EXPECTED { width * 2 / 5 } else { width / 2 })
}

/// Returns whether a column is narrowed before it is dropped.
fn is_narrowed(column: &Column) -> bool {
    column.align == Align::Left && column.priority >= NARROWED
}

fn cells(text: &str) -> u16 {
    use unicode_width::UnicodeWidthStr as _;
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// Returns the width of the longest text of a column in these rows; `None` if it is empty or unknown in all of them.
fn widest_text<'a>(column: &Column, rows: impl Iterator<Item = RowView<'a>>) -> Option<u16> {
    let texts = rows.map(|row| column.cell(&row).text);
    texts.filter(|text| text != units::UNKNOWN).map(|text| cells(&text)).max().filter(|widest| *widest > 0)
}

/// Returns whether a column of numbers has a number other than zero in a row.
fn has_number(column: &Column, row: &RowView<'_>) -> bool {
    match column.source {
        column::ColumnSource::Number(field) => column::known_number(row, field).is_some_and(|number| number != 0),
        _ => ![SortKey::Absent, SortKey::Number(0.0)].contains(&column.sort_key(row)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};
    use crate::table::columns::column_sets::{BACKENDS, DIFF_VIEW, SERVERS, STATUS_VIEW};

    fn by_id(id: &str) -> &'static Column {
        crate::table::columns::column_table::by_id(id).unwrap()
    }

    fn ids(fitted: &[(&'static Column, u16)]) -> Vec<&'static str> {
        fitted.iter().map(|(column, _)| column.id).collect()
    }

    fn used_after(samples: &[&str], columns: &[&'static Column]) -> ColumnUse {
        let (mut instance, mut builder, mut uses) =
            (Instance::default(), SampleBuilder::default(), ColumnUse::default());
        for (stat, second) in samples.iter().zip(0..) {
            instance.add_sample(builder.build_at_millis(second * 1000, stat), 0);
            let sample = instance.shown().unwrap();
            uses.update(&instance, sample, columns, sample.rows.ids().len(), Some);
        }
        uses
    }

    #[test]
    fn fit_drops_unused_columns_before_lesser_ones() {
        let stat = "# pxname,svname,scur,slim,stot,qcur,qmax,status,weight,type,\nb,s1,1,10,7,0,0,UP,1,2,\n\
                    b,s2,0,10,0,0,3,UP,1,2,\n";
        let uses = used_after(&[stat, stat], STATUS_VIEW);
        let fitted = ids(&uses.fit(STATUS_VIEW, 70, 10, false));
        assert!(fitted.contains(&"stot") && fitted.contains(&"qmax"), "{fitted:?}");
        assert!(fitted.contains(&"qcur"), "it is expected: {fitted:?}");
        assert!(!fitted.contains(&"trouble"), "it has no value: {fitted:?}");
        let all = ids(&uses.fit(STATUS_VIEW, 400, 10, false));
        assert_eq!(all.len(), STATUS_VIEW.len(), "with enough room, unused columns stay");
    }

    #[test]
    fn fit_narrows_short_texts_and_fills_free_cells() {
        let stat = "# pxname,svname,scur,slim,stot,qcur,qmax,status,weight,type,\nb,s1,1,10,7,0,3,UP,1,2,\n";
        let uses = used_after(&[stat, stat], SERVERS);
        assert_eq!(uses.fit(SERVERS, 23, 12, true)[1].1, 8, "a state has its usual width where there is room");
        assert_eq!(ids(&uses.fit(SERVERS, 30, 12, true)), ["name", "status", "sess"], "the state has 5 cells");
        let uses = used_after(&[stat, stat], STATUS_VIEW);
        for width in 20..200 {
            let fitted = uses.fit(STATUS_VIEW, width, 10, false);
            let spare = width - column::required_width(&fitted, SPACING);
            let is_missing = |column: &&&Column| !ids(&fitted).contains(&column.id) && uses.is_used(column);
            for column in STATUS_VIEW.iter().filter(is_missing) {
                assert!(uses.least_width(column, width) + SPACING > spare, "{width} {}", column.id);
            }
        }
    }

    #[test]
    fn state_keeps_its_width_among_proxies_and_servers() {
        let stat = "# pxname,svname,scur,status,type,\nb,s1,1,UP,2,\nb,BACKEND,1,UP,1,\n";
        let fitted = used_after(&[stat], STATUS_VIEW).fit(STATUS_VIEW, 60, 10, false);
        let state = fitted.iter().find(|(column, _)| column.id == "status");
        assert_eq!(state.map(|(_, width)| *width), Some(8), "DOWN 1/2 has room");
    }

    #[test]
    fn fit_narrows_two_numbers_until_they_were_long() {
        let stat = |sessions| format!("# pxname,svname,scur,slim,status,type,\nb,s1,{sessions},UP,2,\n");
        let (short, long) = (stat("1,10"), stat("12345,20000"));
        let fitted = |samples: &[&str]| ids(&used_after(samples, SERVERS).fit(SERVERS, 32, 4, false));
        assert_eq!(
            fitted(&[&short]),
            ["name", "status", "sess", "queue", "req"],
            "1/10 needs fewer cells than its heading"
        );
        assert_eq!(fitted(&[&long]), ["name", "status", "sess", "queue"]);
        assert_eq!(fitted(&[&long, &short]), fitted(&[&long]), "columns do not come and go");
    }

    #[test]
    fn fit_keeps_state_problem_sessions_and_rate_on_narrow_screens() {
        let stat = |requests: u32| {
            format!(
                "# pxname,svname,qcur,scur,slim,stot,status,weight,act,type,req_tot,mode,\n\
                 be,s1,0,3,10,{requests},UP,10,1,2,{requests},http,\nbe,BACKEND,0,3,40,{requests},UP,10,1,1,{requests},http,\n"
            )
        };
        let mut uses = used_after(&[&stat(10), &stat(20), &stat(30)], STATUS_VIEW);
        let without_problem = ids(&uses.fit(STATUS_VIEW, 37, 12, false));
        assert!(!without_problem.contains(&"trouble"), "{without_problem:?}");
        uses.record_text(by_id("trouble"), 8);
        assert_eq!(ids(&uses.fit(STATUS_VIEW, 34, 12, false)), ["name", "status", "trouble", "scur"]);
        let wider = ids(&uses.fit(STATUS_VIEW, 57, 12, false));
        for id in ["status", "trouble", "scur", "slim", "stot/s"] {
            assert!(wider.contains(&id), "{id}: {wider:?}");
        }
    }

    #[test]
    fn fit_keeps_the_rate_of_requests_in_the_narrowest_list_of_backends() {
        let mut uses = ColumnUse { has_rates: true, ..ColumnUse::default() };
        for (id, width) in [("status", 4), ("problem", 8), ("usable", 3)] {
            uses.record_text(by_id(id), width);
        }
        let ids = ids(&uses.fit(BACKENDS, 37, 9, true));
        assert_eq!(ids, ["name", "status", "queue", "req", "problem"]);
    }

    #[test]
    fn fit_narrows_what_changed_before_dropping_it() {
        let mut uses = ColumnUse { has_rates: true, ..ColumnUse::default() };
        for (id, width) in
            [("changed", 60), ("status", 4), ("req+", 8), ("rtime+", 11), ("5xx+", 7), ("err+", 6), ("sess+", 8)]
        {
            uses.record_text(by_id(id), width);
        }
        for width in [37, 57, 77, 117] {
            let fitted = uses.fit(DIFF_VIEW, width, 14, false);
            assert!(ids(&fitted).contains(&"changed"), "{width}: {fitted:?}");
        }
        for status in [4, 8] {
            uses.record_text(by_id("status"), status);
            assert!(ids(&uses.fit(DIFF_VIEW, 117, 14, false)).contains(&"sess+"), "a wider state drops no number");
        }
    }

    #[test]
    fn fit_shortens_a_long_name_before_it_drops_the_response_time() {
        let mut uses = ColumnUse { has_rates: true, ..ColumnUse::default() };
        uses.record_text(by_id("status"), 4);
        let ids = ids(&uses.fit(BACKENDS, 70, 40, true));
        assert!(ids.contains(&"resp"), "{ids:?}");
    }

    #[test]
    fn a_column_stays_used_after_its_values_are_gone() {
        let queued = "# pxname,svname,scur,smax,status,type,\nb,s1,1,4,UP,2,\n";
        let calm = queued.replace(",4,UP", ",0,UP");
        let uses =
            |samples: &[&str]| used_after(samples, STATUS_VIEW).is_used(&crate::table::columns::column_table::SMAX);
        assert_eq!([uses(&[&calm]), uses(&[queued]), uses(&[queued, &calm, &calm])], [false, true, true]);
    }

    #[test]
    fn columns_of_rates_count_as_used_until_rates_are_known() {
        let stat = stat_of_site();
        let uses =
            |samples: &[&str]| used_after(samples, SERVERS).is_used(&crate::table::columns::column_table::ERRORS);
        assert_eq!([uses(&[&stat]), uses(&[&stat, &stat])], [true, false]);
    }

    #[test]
    fn fit_shortens_names_only_beside_the_state_or_to_their_share_of_the_width() {
        let uses = ColumnUse { has_rates: true, ..ColumnUse::default() };
        for width in 0..200 {
            for names in [4, 12, 24, 40, 90] {
                let fitted = uses.fit(SERVERS, width, names, false);
                let total: u16 = fitted.iter().map(|(_, cells)| cells + 1).sum::<u16>().saturating_sub(1);
                assert!(total <= width.max(1), "{width} {names}");
                if fitted[0].1 < names {
                    let is_alone = matches!(ids(&fitted)[..], ["name"] | ["name", "status"]);
                    assert!(is_alone || fitted[0].1 >= width * 2 / 5, "{width} {names}");
                }
            }
        }
        let with_long_name = uses.fit(SERVERS, 77, 110, false);
        let with_fair_name = uses.fit(SERVERS, 77, 38, false);
        assert_eq!(ids(&with_long_name), ids(&with_fair_name), "one long name leaves the numbers their room");
        assert!(ids(&with_long_name).len() >= 4 && with_long_name[0].1 >= 30, "{with_long_name:?}");
        assert_eq!(ids(&uses.fit(SERVERS, 26, 12, true)), ["name", "status"]);
        assert_eq!(ids(&uses.fit(SERVERS, 52, 12, true)), ["name", "status", "sess", "queue", "req", "5xx"]);
        assert_eq!(uses.fit(SERVERS, 60, 12, true).iter().map(|(_, cells)| cells + 1).sum::<u16>(), 61);
    }

    #[test]
    fn large_tables_are_read_in_turns() {
        let rows = (0..5000).map(|row| format!("b,s{row},{},UP,2,\n", i32::from(row == 4999)));
        let stat = format!("# pxname,svname,smax,status,type,\n{}", rows.collect::<String>());
        let uses = |samples: usize| {
            used_after(&vec![stat.as_str(); samples], STATUS_VIEW).is_used(&crate::table::columns::column_table::SMAX)
        };
        assert_eq!([uses(1), uses(2), uses(3)], [false, false, true]);
    }
}
