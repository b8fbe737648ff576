//! Causes of a server's state: what HAProxy reports about who or what set it.
//!
//! HAProxy writes `DRAIN (agent)` for every drain of a server with an agent check, also for one that an operator
//! ordered, and `MAINT` without a remark for maintenance that an agent ordered. Only a new reply of the agent at the
//! same time shows that the agent caused a change; without it both are possible.

use std::fmt;

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::{RowKind, StatRow};
use crate::haproxy::status::RowState;
use crate::observe::sample::Sample;

/// Cause of a state or of its change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StateCause {
    /// An action of this program.
    Us,
    /// A new HAProxy process, which starts with the configured states.
    NewProcess,
    /// The server's agent check; contains the agent's explanation, or an empty string.
    Agent(String),
    /// The server's agent check or an operator; HAProxy's reports are the same for both.
    AgentOrOperator,
    /// The server that this server tracks, as `backend/server`.
    Tracking(String),
    /// DNS: the name of the server has no address.
    Resolution,
    /// A health check, or traffic.
    Check,
    /// An operator or a program, with a command to HAProxy.
    Operator,
}

impl fmt::Display for StateCause {
    /// Writes who or what caused a state: `its agent ("deploy until 5")`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Us => f.write_str("us"),
            Self::NewProcess => f.write_str("the new process"),
            Self::Agent(explanation) if explanation.is_empty() => f.write_str("its agent"),
            Self::Agent(explanation) => write!(f, "its agent (\"{explanation}\")"),
            Self::AgentOrOperator => f.write_str("its agent or an operator"),
            Self::Tracking(tracked) => write!(f, "{tracked}, which it tracks"),
            Self::Resolution => f.write_str("DNS"),
            Self::Check => f.write_str("its health check"),
            Self::Operator => f.write_str("another operator"),
        }
    }
}

/// Returns the cause of a server's current state, or `None` if the state needs no cause, or HAProxy does not report it.
pub(crate) fn current_cause(sample: &Sample, row: &StatRow) -> Option<StateCause> {
    if row.kind != RowKind::Server {
        return None;
    }
    let state = row.state();
    match state {
        RowState::Maint if row.status().contains("(resolution)") => Some(StateCause::Resolution),
        RowState::Maint if is_via_tracking(row) => tracked_name(row).map(StateCause::Tracking),
        RowState::Drain | RowState::Down | RowState::ComingUp | RowState::NoLb
            if tracked_row(sample, row).is_some_and(|tracked| tracked.state() == state) =>
        {
            tracked_name(row).map(StateCause::Tracking)
        }
        RowState::Down if is_agent_status(row) => Some(down_agent_cause(row)),
        RowState::Maint if has_agent(row) && agent_result(row) == "L7OK" => Some(StateCause::Operator),
        RowState::Maint | RowState::Drain if has_agent(row) => Some(StateCause::AgentOrOperator),
        // `http-check disable-on-404` reports a conditional success.
        RowState::NoLb if check_result(row) == "L7OKC" => Some(StateCause::Check),
        RowState::Maint | RowState::Drain | RowState::NoLb => Some(StateCause::Operator),
        RowState::Down if is_failed(check_result(row)) => Some(StateCause::Check),
        RowState::Down if check_result(row).is_empty() => Some(StateCause::Operator),
        _ => None,
    }
}

/// Returns the cause of a status change of one row between two samples of the same process. `index_before` and
/// `index` are the positions of the row in the samples.
pub(crate) fn change_cause(before: &Sample, index_before: usize, now: &Sample, index: usize) -> StateCause {
    let (old, new) = (&before.table.rows()[index_before], &now.table.rows()[index]);
    if new.kind != RowKind::Server {
        return StateCause::Check;
    }
    if [old, new].iter().any(|row| row.status().contains("(resolution)")) {
        return StateCause::Resolution;
    }
    let is_same_as_tracked = || {
        let (was, is) = (tracked_row(before, old), tracked_row(now, new));
        was.zip(is).is_some_and(|(was, is)| was.status() != is.status() && is.state() == new.state())
    };
    if is_via_tracking(old) || is_via_tracking(new) || is_same_as_tracked() {
        return tracked_name(new).map_or(StateCause::Check, StateCause::Tracking);
    }
    let is_ordered = |row: &StatRow| row.state().is_maint_or_drain();
    let is_down = |row: &StatRow| matches!(row.state(), RowState::Down | RowState::ComingUp);
    let (was, is) = (old.state(), new.state());
    let is_new_reply = agent_result(old) != agent_result(new)
        || last_agent_text(old) != last_agent_text(new)
        || before.table.number(index_before, Field::Uweight) != now.table.number(index, Field::Uweight);
    match () {
        () if is_down_by_agent(new) && was != RowState::Maint => down_agent_cause(new),
        () if is_down_by_agent(old) && agent_result(new) == "L7OK" => StateCause::Agent(agent_explanation(new)),
        // A draining server that is down reports only DOWN.
        () if was == RowState::Drain && is_down(new) && is_failed(check_result(new)) => StateCause::Check,
        () if is_down(old) && is == RowState::Drain => StateCause::Check,
        () if was == is || !is_ordered(old) && !is_ordered(new) => {
            let is_forced = was != is && !is.is_usable() && check_result(new).is_empty();
            if is_forced { StateCause::Operator } else { StateCause::Check }
        }
        () if has_agent(new) && is_new_reply => StateCause::Agent(agent_explanation(new)),
        () if (has_agent(old) || has_agent(new)) && (is != RowState::Maint || agent_result(new) != "L7OK") => {
            StateCause::AgentOrOperator
        }
        () => StateCause::Operator,
    }
}

/// Returns the result code of the last finished health check, such as `L7OK`; empty without one.
pub(crate) fn check_result(row: &StatRow) -> &str {
    text(row, TextField::CheckStatus).trim_start_matches("* ")
}

/// Returns whether a result code is a failure. `INI`, `UNK` and `CHECKED` are neither a failure nor a success.
pub(crate) fn is_failed(result: &str) -> bool {
    !result.ends_with("OK") && !result.ends_with("OKC") && !matches!(result, "" | "INI" | "UNK" | "CHECKED" | "HANA")
}

/// Returns whether agent checks of a server are enabled. HAProxy 2.4.0 shows that only in the status.
pub(crate) fn has_agent(row: &StatRow) -> bool {
    row.text(TextField::AgentStatus).is_some() || is_agent_status(row)
}

/// Returns the explanation in the last reply of an agent: `deploy until 5` of `via agent : down (deploy until 5)`.
pub(crate) fn agent_explanation(row: &StatRow) -> String {
    let explanation = last_agent_text(row).split_once(" (").and_then(|(_, rest)| rest.strip_suffix(')'));
    explanation.unwrap_or_default().to_owned()
}

/// Returns whether a server is down because its agent, or an operator in the agent's place, reported it down.
pub(crate) fn is_down_by_agent(row: &StatRow) -> bool {
    row.state() == RowState::Down && is_agent_status(row)
}

/// Returns the row of the server that a server tracks, or `None` if it tracks none.
pub(crate) fn tracked_row<'a>(sample: &'a Sample, row: &StatRow) -> Option<&'a StatRow> {
    let (proxy, name) = text(row, TextField::Tracked).split_once('/')?;
    let rows = sample.table.rows();
    rows.get(sample.rows.server_named(rows, proxy, name)?)
}

/// Returns the cause of `DOWN (agent)`. `set server agent down` results in the same status, but the last reply of the
/// agent is not a failure then.
fn down_agent_cause(row: &StatRow) -> StateCause {
    match agent_result(row) {
        "" => StateCause::AgentOrOperator,
        result if is_failed(result) => StateCause::Agent(agent_explanation(row)),
        _ => StateCause::Operator,
    }
}

fn is_agent_status(row: &StatRow) -> bool {
    row.status().ends_with("(agent)")
}

fn is_via_tracking(row: &StatRow) -> bool {
    row.status().contains("(via ")
}

fn tracked_name(row: &StatRow) -> Option<String> {
    row.text(TextField::Tracked).map(SafeText::to_string)
}

fn agent_result(row: &StatRow) -> &str {
    text(row, TextField::AgentStatus).trim_start_matches("* ")
}

fn last_agent_text(row: &StatRow) -> &str {
    text(row, TextField::LastAgt)
}

fn text(row: &StatRow, field: TextField) -> &str {
    row.text(field).map_or("", SafeText::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleBuilder;

    const HEADER: &str = "# pxname,svname,status,check_status,agent_status,last_agt,tracked,uweight,type,\n";

    fn current(line: &str) -> Option<StateCause> {
        let sample = SampleBuilder::default().build_at_millis(0, &format!("{HEADER}{line}"));
        current_cause(&sample, &sample.table.rows()[0])
    }

    fn change(before: &str, now: &str) -> String {
        let mut builder = SampleBuilder::default();
        let mut build = |millis, line: &str| builder.build_at_millis(millis, &format!("{HEADER}{line}"));
        let (before, now) = (build(0, before), build(1000, now));
        change_cause(&before, 0, &now, 0).to_string()
    }

    #[test]
    fn current_cause_names_agent_tracking_and_dns() {
        let agent = |text: &str| Some(StateCause::Agent(text.to_owned()));
        let deploy = "b,s,DOWN (agent),L4OK,L7STS,via agent : down (deploy until 5),,1,2,\n";
        assert_eq!(current(deploy), agent("deploy until 5"));
        assert_eq!(current("b,s,DOWN (agent),,* L7STS,via agent : fail,,1,2,\n"), agent(""));
        assert_eq!(current("b,s,DOWN (agent),,L7OK,via agent : up,,1,2,\n"), Some(StateCause::Operator));
        assert_eq!(current("b,s,DRAIN (agent),,CHECKED,,,1,2,\n"), Some(StateCause::AgentOrOperator));
        assert_eq!(current("b,s,MAINT,,CHECKED,,,1,2,\n"), Some(StateCause::AgentOrOperator));
        assert_eq!(current("b,s,DRAIN (agent),,,,,1,2,\n"), Some(StateCause::AgentOrOperator), "as 2.4.0 reports it");
        assert_eq!(current("b,s,DOWN (agent),,,,,1,2,\n"), Some(StateCause::AgentOrOperator), "as 2.4.0 reports it");
        assert_eq!(current("b,s,MAINT,,L7OK,via agent : up,,1,2,\n"), Some(StateCause::Operator));
        assert_eq!(current("b,s,MAINT (resolution),,,,,1,2,\n"), Some(StateCause::Resolution));
        let tracking = Some(StateCause::Tracking("c/t".to_owned()));
        assert_eq!(current("b,s,MAINT (via c/t),,,,c/t,1,2,\n"), tracking);
        assert_eq!(current("b,s,DRAIN,,,,c/t,1,2,\nc,t,DRAIN,L4OK,,,,1,2,\nc,BACKEND,UP,,,,,1,1,\n"), tracking);
        assert_eq!(
            current("b,s,DRAIN,,,,c/t,1,2,\nc,t,UP,L4OK,,,,1,2,\nc,BACKEND,UP,,,,,1,1,\n"),
            Some(StateCause::Operator)
        );
        assert_eq!(current("b,s,NOLB,L7OKC,,,,1,2,\n"), Some(StateCause::Check));
        assert_eq!(current("b,s,DOWN,* L4CON,,,,1,2,\n"), Some(StateCause::Check));
        assert_eq!(current("b,s,UP,L4OK,,,,1,2,\n"), None);
    }

    #[test]
    fn change_cause_needs_new_reply_to_name_agent() {
        let up = "b,s,UP,L4OK,L7OK,via agent : up,,1,2,\n";
        assert_eq!(change(up, "b,s,DRAIN (agent),L4OK,CHECKED,,,1,2,\n"), "its agent");
        assert_eq!(change(up, "b,s,DRAIN (agent),L4OK,L7OK,via agent : up,,1,2,\n"), "its agent or an operator");
        assert_eq!(change(up, "b,s,DRAIN (agent),L4OK,L7OK,via agent : up (patch),,1,2,\n"), "its agent (\"patch\")");
        assert_eq!(change(up, "b,s,MAINT,,CHECKED,,,1,2,\n"), "its agent");
        assert_eq!(change(up, "b,s,MAINT,,L7OK,via agent : up,,1,2,\n"), "another operator");
        assert_eq!(change(up, "b,s,DOWN (agent),L4OK,L7STS,via agent : down (x),,1,2,\n"), "its agent (\"x\")");
        assert_eq!(change(up, "b,s,DOWN (agent),L4OK,L7OK,via agent : up,,1,2,\n"), "another operator");
        let weighed = "b,s,UP,L4OK,CHECKED,,,1,2,\n";
        assert_eq!(change(weighed, "b,s,DRAIN (agent),L4OK,CHECKED,,,1,2,\n"), "its agent or an operator");
        assert_eq!(change(weighed, "b,s,DRAIN (agent),L4OK,CHECKED,,,0,2,\n"), "its agent");
        assert_eq!(change("b,s,DRAIN (agent),L4OK,CHECKED,,,1,2,\n", up), "its agent");
    }

    #[test]
    fn change_cause_separates_checks_dns_tracking_and_operators() {
        let up = "b,s,UP,L4OK,,,,1,2,\n";
        assert_eq!(change(up, "b,s,DOWN,L4CON,,,,1,2,\n"), "its health check");
        assert_eq!(change(up, "b,s,NOLB,L7OKC,,,,1,2,\n"), "its health check");
        assert_eq!(change(up, "b,s,MAINT,,,,,1,2,\n"), "another operator");
        assert_eq!(change("b,s,DRAIN,L4OK,,,,1,2,\n", "b,s,MAINT,,,,,1,2,\n"), "another operator");
        assert_eq!(change("b,s,DRAIN,L4OK,,,,1,2,\n", "b,s,DOWN,L4CON,,,,1,2,\n"), "its health check");
        assert_eq!(change("b,s,DOWN 1/2,L4OK,,,,1,2,\n", "b,s,DRAIN,L4OK,,,,1,2,\n"), "its health check");
        assert_eq!(change("b,s,MAINT,,,,,1,2,\n", "b,s,UP 1/3,L4CON,,,,1,2,\n"), "another operator");
        assert_eq!(change("b,s,no check,,,,,1,2,\n", "b,s,DOWN,,,,,1,2,\n"), "another operator");
        assert_eq!(change(up, "b,s,MAINT (resolution),,,,,1,2,\n"), "DNS");
        assert_eq!(change("b,s,MAINT (resolution),,,,,1,2,\n", up), "DNS");
        let tracked = "c/t, which it tracks";
        assert_eq!(change("b,s,UP,,,,c/t,1,2,\n", "b,s,MAINT (via c/t),,,,c/t,1,2,\n"), tracked);
        let both =
            |status: &str| format!("b,s,{status},,,,c/t,1,2,\nc,t,{status},L4OK,,,,1,2,\nc,BACKEND,UP,,,,,1,1,\n");
        assert_eq!(change(&both("UP"), &both("DRAIN")), tracked);
        let apart = "b,s,DRAIN,,,,c/t,1,2,\nc,t,UP,L4OK,,,,1,2,\nc,BACKEND,UP,,,,,1,1,\n";
        assert_eq!(change(&both("UP"), apart), "another operator");
    }
}
