//! Rules for listeners, which HAProxy reports only with `option socket-stats`.

use crate::haproxy::fields::Field;
use crate::haproxy::status::RowState;
use crate::problems::frontend_rules;
use crate::problems::measurement::Measurement;
use crate::problems::rule_input::{RuleInput, measure_usage};

/// Measures the current sessions of a listener as a share of its limit. A listener that is `FULL` or `WAITING` accepts no
/// connections, whatever the numbers are. Fine if the limit is that of the frontend, which `frontend-sessions` covers.
pub(super) fn sessions(input: &RuleInput<'_>) -> Measurement {
    if matches!(input.state, RowState::Full | RowState::Paused) {
        return Measurement::Value(1.0);
    }
    let limit = input.number(Field::Slim);
    let rows = input.sample.table.rows();
    let frontend = input.row().and_then(|row| input.sample.rows.frontend_named(rows, row.proxy.as_str()));
    match frontend {
        Some(frontend) if input.for_row(frontend).number(Field::Slim) == limit => Measurement::Fine,
        _ => measure_usage(input.number(Field::Scur), limit),
    }
}

pub(super) fn describe_sessions(input: &RuleInput<'_>, value: f64) -> String {
    match input.state {
        RowState::Paused => {
            "waiting: a limit of its frontend or of the process keeps it from accepting connections".to_owned()
        }
        _ => frontend_rules::describe_sessions(input, value),
    }
}
