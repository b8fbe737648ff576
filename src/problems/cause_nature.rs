//! The nature of a fault: the reasons for which the servers of a cause are away, in one or a few words.
//!
//! If it changes while the cause is open, something else is wrong than before.

use crate::haproxy::status::RowState;
use crate::observe::state_cause::{self, StateCause};
use crate::problems::cause_input::CauseInput;
use crate::problems::cause_table::CauseKind;
use crate::problems::rule_input::RuleInput;
use crate::problems::server_rules;

/// Returns the nature of a cause, such as `L4CON` or `L4CON and maintenance`; `None` for causes without one, and while a
/// check of one of the servers passes again.
pub(super) fn nature(input: &CauseInput<'_>, kind: CauseKind) -> Option<String> {
    let servers = || input.backend.backend.iter().flat_map(|backend| &backend.servers);
    let rows: Vec<RuleInput<'_>> = match kind {
        CauseKind::ServerDown => vec![input.row],
        CauseKind::ServersDown => servers().map(|server| input.backend.for_row(*server)).filter(is_down).collect(),
        CauseKind::NoServer => servers().map(|server| input.backend.for_row(*server)).collect(),
        _ => return None,
    };
    let mut reasons = rows.iter().map(reason).collect::<Option<Vec<_>>>()?;
    reasons.sort_unstable();
    reasons.dedup();
    (!reasons.is_empty()).then(|| reasons.join(" and "))
}

fn is_down(row: &RuleInput<'_>) -> bool {
    matches!(row.state, RowState::Down | RowState::ComingUp)
}

/// Returns the reason for which a server is away; `None` if its last check passed.
fn reason<'a>(row: &RuleInput<'a>) -> Option<&'a str> {
    match row.state {
        RowState::Maint => {
            let cause = row.row().and_then(|stat| state_cause::current_cause(row.sample, stat));
            Some(if cause == Some(StateCause::Resolution) { "no address" } else { "maintenance" })
        }
        RowState::Drain => Some("drain"),
        RowState::Down | RowState::ComingUp => match server_rules::check_result(row) {
            "" => Some("down without a check"),
            result => Some(result).filter(|result| !server_rules::is_passed(result)),
        },
        RowState::NoLb => Some("NOLB"),
        RowState::Unknown => None,
        _ => Some("weight 0"),
    }
}
