//! Lines after the rows of a table that are not rows: what is gone, unchanged or unused.

use std::time::Duration;

use crate::app::instance_view::InstanceView;
use crate::haproxy::fields::Field;
use crate::instance::state::Instance;
use crate::observe::events::display_name;
use crate::table::cell::{Cell, Role};
use crate::table::columns::out_of_service;
use crate::table::columns::row_view::RowView;
use crate::table::rows::TableSettings;
use crate::table::view_table::RowScope;
use crate::units;

/// Returns the lines after the rows of a table. `fold_key` shows the rows without a change.
pub(crate) fn notes(instance: &Instance, settings: &TableSettings, fold_key: &str) -> Vec<Cell> {
    match settings.scope {
        RowScope::Changed => comparison_notes(instance, settings, fold_key),
        RowScope::OutOfService => {
            let slots = instance.shown().and_then(|sample| out_of_service::unused_slots_text(sample));
            slots.map(|text| Cell::new(text, Role::Dim)).into_iter().collect()
        }
        RowScope::All | RowScope::HeatMap => Vec::new(),
    }
}

/// Maximum number of rows of other instances.
const MAX_ELSEWHERE: usize = 8;

/// Returns the rows in maintenance or drain of the other instances, each with the name of its instance; empty in other
/// views.
///
/// `next_key` shows the next instance.
pub(crate) fn out_of_service_elsewhere<'a>(
    others: impl Iterator<Item = &'a InstanceView>,
    settings: &TableSettings,
    next_key: &str,
) -> Vec<Cell> {
    if settings.scope != RowScope::OutOfService {
        return Vec::new();
    }
    let mut notes = Vec::new();
    for other in others {
        let Some(sample) = other.data.shown() else {
            notes.push(Cell::new(format!("{}: unknown, because it was not read yet", other.name), Role::Dim));
            continue;
        };
        let rows = (0..sample.rows.ids().len()).map(|index| RowView::new(&other.data, sample, index));
        for row in rows.filter(|row| settings.includes(row)) {
            let names = row.stat_row();
            let since = row.number(Field::Lastchg).map(|seconds| units::duration(Duration::from_secs(seconds as u64)));
            let since = since.map_or_else(String::new, |since| format!(" for {since}"));
            let by = other.data.attributed_to(row.id).map_or_else(String::new, |by| format!(", by {by}"));
            let name = display_name(names.kind, &names.proxy, &names.name);
            let text = format!("{}: {name}  {}{since}{by}", other.name, names.status());
            notes.push(Cell::new(text, Role::OutOfService));
        }
    }
    if notes.len() > MAX_ELSEWHERE {
        let hidden = notes.split_off(MAX_ELSEWHERE - 1).len();
        notes.push(Cell::new(format!("{hidden} more on other instances"), Role::OutOfService));
    }
    if !notes.is_empty() {
        notes.insert(0, Cell::new(format!("On other instances; {next_key} shows the next one:"), Role::Dim));
    }
    notes
}

/// Returns the rows that no longer exist, and the number of rows without a change if they are hidden.
fn comparison_notes(instance: &Instance, settings: &TableSettings, fold_key: &str) -> Vec<Cell> {
    let comparison = instance.comparison().filter(|_| settings.filter.is_empty());
    let Some(comparison) = comparison else { return Vec::new() };
    let gone = &comparison.gone;
    let mut notes: Vec<Cell> = gone.first.iter().map(|name| Cell::new(format!("{name}  gone"), Role::Warn)).collect();
    if gone.count > gone.first.len() {
        let more = units::pluralize((gone.count - gone.first.len()) as i64, "more row");
        notes.push(Cell::new(format!("{more} gone"), Role::Warn));
    }
    let unchanged = instance.compared_counts().map_or(0, |counts| counts.unchanged);
    if unchanged > 0 && !settings.shows_unchanged {
        let rows = units::pluralize(unchanged as i64, "row");
        notes.push(Cell::new(format!("= {rows} unchanged; {fold_key} shows them"), Role::Dim));
    }
    notes
}
