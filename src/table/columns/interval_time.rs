//! Cells of the mean times of the last seconds (`docs/times.md`).

use crate::haproxy::fields::Field;
use crate::problems::rule_table::RuleId;
use crate::table::cell::{Cell, Role};
use crate::table::columns::row_view::RowView;
use crate::units;

/// Returns the mean time of the requests of the last seconds, in whole milliseconds. The field is one of HAProxy's means,
/// such as `rtime`. Returns `None` if there were no or too few requests, and for the response time of a row in TCP mode,
/// which has no responses: HAProxy reports 0.
pub(crate) fn whole_millis(row: &RowView<'_>, field: Field) -> Option<f64> {
    let is_measured = field != Field::Rtime || !row.is_tcp();
    row.interval_time(field).filter(|_| is_measured).map(|time| time.millis.round())
}

/// Returns the rule for a time, or `None` if the time has no rule.
fn time_rule(field: Field) -> Option<RuleId> {
    match field {
        Field::Qtime => Some(RuleId::QueueWait),
        Field::Ctime => Some(RuleId::ConnectTime),
        Field::Rtime => Some(RuleId::ResponseTime),
        _ => None,
    }
}

/// Returns the mean time of the requests of the last seconds, with the role that the thresholds of its rule give it.
pub(crate) fn time_cell(row: &RowView<'_>, field: Field) -> Cell {
    Cell::from_option(whole_millis(row, field), |millis| {
        let role = match time_rule(field) {
            _ if millis <= 0.0 => Role::Dim,
            Some(rule) => row.graded_role(rule, millis),
            None => Role::Normal,
        };
        Cell::new(units::millis(millis as i64), role)
    })
}
