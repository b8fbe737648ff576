//! Lines after the rows of a table that are not rows: what is gone, unchanged or unused.

use crate::instance::state::Instance;
use crate::table::cell::{Cell, Role};
use crate::table::columns::out_of_service;
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
