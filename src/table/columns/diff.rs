//! Columns that compare two windows of time, before and after ([`crate::instance::comparison`]).

use crate::haproxy::fields::Field;
use crate::haproxy::status::RowState;
use crate::instance::compared_metrics::METRICS;
use crate::instance::comparison::{RowChange, RowComparison};
use crate::table::cell::{Cell, Role, severity_role, state_role};
use crate::table::columns::column::SortKey;
use crate::table::columns::row_view::RowView;
use crate::units;

/// Ratio of two values from which the cell shows it.
const SHOWN_RATIO: f64 = 2.0;

fn compared<'a>(row: &RowView<'a>) -> Option<&'a RowComparison> {
    row.instance.comparison()?.row(row.id)
}

/// Returns the role of an unusual change.
fn change_role(compared: &RowComparison, metric: usize) -> Role {
    match (METRICS[metric].is_worse_if_higher, compared.is_worse(metric)) {
        (true, true) => Role::Warn,
        (true, false) => Role::Good,
        (false, _) => Role::Normal,
    }
}

/// Returns a number before and after: `10ms→1.20s`, or a single number if both look the same.
pub(crate) fn before_after_cell(row: &RowView<'_>, metric: usize) -> Cell {
    let Some(compared) = compared(row) else { return Cell::unknown() };
    let info = &METRICS[metric];
    let [before, after] = compared.values(metric);
    let text = |value: Option<f64>| value.map_or_else(|| units::UNKNOWN.to_owned(), |value| info.format(value));
    let (before_text, after_text) = (text(before), text(after));
    if before_text == after_text {
        return Cell::new(before_text, Role::Dim);
    }
    let role = if compared.is_notable(metric) { change_role(compared, metric) } else { Role::Dim };
    Cell::new(format!("{before_text}→{after_text}"), role)
}

/// Returns the sort key: the size of the change in either direction.
pub(crate) fn before_after_key(row: &RowView<'_>, metric: usize) -> SortKey {
    let both = compared(row).map(|compared| compared.values(metric));
    SortKey::number(both.and_then(|[before, after]| Some((after? - before?).abs())))
}

/// Returns the most important change of the row in words. If nothing unusual changed, returns what is still wrong with the
/// row, or an empty text.
pub(crate) fn largest_change_cell(row: &RowView<'_>) -> Cell {
    let Some(compared) = compared(row) else { return Cell::plain("") };
    match &compared.change {
        RowChange::None => match row.instance.problems().own_cause(row.id) {
            Some(cause) if [cause.subject.id, cause.target].contains(&row.id) => {
                Cell::new(format!("still: {}", cause.sentence), severity_role(cause.severity))
            }
            Some(cause) => {
                Cell::new(format!("still: {}: {}", cause.name(), cause.sentence), severity_role(cause.severity))
            }
            None => Cell::plain(""),
        },
        RowChange::New => Cell::new("new", Role::Warn),
        RowChange::Status(from, to) => Cell::new(format!("{from} → {to}"), state_role(RowState::parse(to))),
        RowChange::Setting(name, from, to) => Cell::new(format!("{name} {from} → {to}"), Role::Warn),
        RowChange::Metric(metric) => {
            let info = &METRICS[*metric];
            let [before, after] = compared.values(*metric).map(Option::unwrap_or_default);
            let role = change_role(compared, *metric);
            let name = info.name_for(row.served_field());
            let ratio = after / before;
            let times = if before > 0.0 && ratio >= SHOWN_RATIO {
                format!(" ×{}", units::ratio(ratio))
            } else {
                String::new()
            };
            Cell::new(format!("{name} {} → {}{times}", info.format(before), info.format(after)), role)
        }
    }
}

/// Returns the sort key: how important and how unusual the change is for the row.
pub(crate) fn largest_change_key(row: &RowView<'_>) -> SortKey {
    let cause = row.instance.problems().own_cause(row.id).map(|cause| cause.severity);
    SortKey::number(compared(row).map(|compared| compared.rank(cause)))
}

/// Returns whether anything unusual changed in the row, or something is still wrong with it.
pub(crate) fn is_notable(row: &RowView<'_>) -> bool {
    let is_wrong = || row.instance.problems().own_cause(row.id).is_some();
    compared(row).is_some_and(|compared| compared.has_changed() || is_wrong())
}

/// Returns the weight, or what it was and is.
pub(crate) fn weight_cell(row: &RowView<'_>) -> Cell {
    match compared(row).and_then(|compared| compared.weights) {
        Some((from, to)) => Cell::new(format!("{from}→{to}"), Role::Warn),
        _ => Cell::from_option(row.number(Field::Weight), |weight| Cell::new(units::count(weight), Role::Dim)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::state::Instance;
    use crate::instance::time_spans::ComparedSpan;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    #[test]
    fn row_that_was_wrong_in_both_windows_is_not_unchanged() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        for second in (0..60).step_by(2) {
            instance.add_sample(builder.build_at_millis(second * 1000, &stat_of_site()), 0);
        }
        instance.update_comparison(ComparedSpan::TenMinutes, &[]);
        let row = |index| RowView::new(&instance, instance.shown().unwrap(), index);
        let (fine, down) = (row(1), row(9));
        assert_eq!(instance.comparison().unwrap().row(down.id).map(RowComparison::has_changed), Some(false));
        assert!(is_notable(&down) && !is_notable(&fine));
        assert_eq!(largest_change_cell(&down).text, "still: no server available: old1: L4CON Connection refused");
        assert_eq!(largest_change_cell(&down).role, Role::Bad);
        assert_eq!(largest_change_key(&down), SortKey::Number(3e6));
        let counts = instance.compared_counts().unwrap();
        assert!(counts.changed == 0 && counts.still_wrong > 0, "{counts:?}");
        assert_eq!(counts.still_wrong + counts.unchanged, instance.shown().unwrap().rows.ids().len());
    }
}
