//! Conditions of the causes: whether a problem really shows a cause, or other problems contradict it.

use crate::haproxy::fields::Field;
use crate::observe::row_ids::RowId;
use crate::observe::state_cause::{self, StateCause};
use crate::problems::attempts;
use crate::problems::backend_rules;
use crate::problems::cause_input::CauseInput;
use crate::problems::known_causes::KnownCauses;
use crate::problems::measurement::Measurement;
use crate::problems::outlier_rules::{self, Deviation, OUTLIER_FACTOR, Outlier};
use crate::problems::problem::Problem;
use crate::problems::rule_input::{CountTime, RuleInput};
use crate::problems::rule_table::RuleId;

/// Rules that show a queue.
pub(super) const QUEUE_RULES: [RuleId; 3] = [RuleId::Queue, RuleId::QueueGrowing, RuleId::QueueWait];

pub(super) fn always(_: &CauseInput<'_>, _: &Problem) -> bool {
    true
}

/// Returns whether the server went down at least twice, the last time not long ago.
pub(super) fn is_flapping(input: &CauseInput<'_>, problem: &Problem) -> bool {
    input.flaps.contains_key(&problem.subject.id)
}

fn state_cause_of(input: &CauseInput<'_>, problem: &Problem) -> Option<StateCause> {
    let sample = input.row.sample;
    state_cause::current_cause(sample, sample.row(problem.subject.id)?)
}

/// Returns whether the server is down because of its agent, or because an operator set the agent's state.
pub(super) fn is_down_by_agent(input: &CauseInput<'_>, problem: &Problem) -> bool {
    matches!(state_cause_of(input, problem), Some(StateCause::Agent(_)))
        || input.row.sample.row(problem.subject.id).is_some_and(state_cause::is_down_by_agent)
}

/// Returns whether the server is down because the server that it tracks is down.
pub(super) fn is_down_by_tracking(input: &CauseInput<'_>, problem: &Problem) -> bool {
    matches!(state_cause_of(input, problem), Some(StateCause::Tracking(_)))
}

/// Returns whether at least two servers are down by their own health checks.
pub(super) fn are_several_down(input: &CauseInput<'_>, _: &Problem) -> bool {
    let has_own_reason = |problem: &&Problem| {
        !is_flapping(input, problem) && !is_down_by_agent(input, problem) && !is_down_by_tracking(input, problem)
    };
    input.problems_of(RuleId::ServerDown).filter(has_own_reason).nth(1).is_some()
}

/// Returns whether at most half of the usable servers have problems of a rule. Those past its threshold count at once, if they
/// are about as bad as the worst: a fault that spreads is one of the backend.
pub(super) fn are_few(input: &CauseInput<'_>, rule: RuleId) -> bool {
    let value = |row: RowId| match rule.rule().evaluate(&input.for_id(row).row.over(CountTime::Server)) {
        Measurement::Value(value) => value,
        _ => 0.0,
    };
    let bad: Vec<f64> = input.bad.iter().filter(|(_, bad)| *bad == rule).map(|(row, _)| value(*row)).collect();
    let worst = bad.iter().copied().fold(0.0, f64::max);
    let count = match bad.iter().filter(|value| **value * OUTLIER_FACTOR >= worst).count() {
        0 => input.problems_of(rule).count(),
        count => count,
    };
    count * 2 <= input.backend.backend_stats.usable
}

/// Returns whether connections fail to this server, but not to most of the others.
pub(super) fn is_only_unreachable(input: &CauseInput<'_>, problem: &Problem) -> bool {
    are_few(input, problem.rule.id) && !refuses_queue(input) && fails_more_than_peers(input, problem)
}

/// Returns whether more attempts of the server fail than those of its peers, and not by chance. Without attempts of the peers,
/// it is the only one that fails.
fn fails_more_than_peers(input: &CauseInput<'_>, problem: &Problem) -> bool {
    let (found, known): (fn(&RuleInput<'_>, &KnownCauses) -> Vec<RowId>, _) = match problem.rule.id {
        RuleId::ServerConnectionErrors => (outlier_rules::find_unreachable, &input.known.unreachable),
        _ => (outlier_rules::find_unresponsive, &input.known.failing),
    };
    let id = problem.subject.id;
    let servers = input.backend.backend.iter().flat_map(|backend| &backend.servers);
    let mut peers = servers.map(|server| input.backend.for_row(*server)).filter(|server| server.id != id);
    known.contains(&id)
        || found(&input.backend, input.known).contains(&id)
        || peers.all(|peer| attempts::connection_attempts(&peer).is_none_or(|count| count <= 0.0))
}

/// Returns whether a queue of the backend is near its limit. HAProxy counts a request for which it has no place as a failed
/// connection.
pub(super) fn refuses_queue(input: &CauseInput<'_>) -> bool {
    input.worst_of(&[RuleId::QueueLimit]).is_some()
}

/// Returns whether the problem shows a network problem. Connecting to a server that is down takes long, but this does
/// not show a network problem.
pub(super) fn is_network(input: &CauseInput<'_>, problem: &Problem) -> bool {
    if refuses_queue(input) {
        return false;
    }
    problem.rule.id != RuleId::ConnectTime || input.worst_of(&[RuleId::ServerDown, RuleId::FailingChecks]).is_none()
}

fn has_outlier(input: &CauseInput<'_>, is_meant: impl Fn(&Outlier) -> bool) -> bool {
    input.outliers.iter().any(is_meant)
}

/// Returns whether the server is much slower than its peers, or was while it had enough requests to say so.
pub(super) fn is_outlier(input: &CauseInput<'_>, problem: &Problem) -> bool {
    let is_untimed = || input.for_id(problem.subject.id).row.interval_time(Field::Rtime).is_none();
    has_outlier(input, |outlier| outlier.row == problem.subject.id && matches!(outlier.deviation, Deviation::Slow(..)))
        || input.known.slow.contains(&problem.subject.id) && is_untimed()
}

/// Returns whether the server has many more errors than its peers.
pub(super) fn is_failing_outlier(input: &CauseInput<'_>, problem: &Problem) -> bool {
    match problem.rule.id {
        RuleId::Server5xx => {
            let is_of_server = |outlier: &Outlier| {
                outlier.row == problem.subject.id && matches!(outlier.deviation, Deviation::Errors(..))
            };
            // Without requests to its peers, its other responses can tell.
            let mut failing = input.problems_of(RuleId::ServerResponseErrors);
            has_outlier(input, is_of_server)
                || failing.any(|other| other.subject.id == problem.subject.id && is_failing_outlier(input, other))
        }
        rule => are_few(input, rule) && fails_more_than_peers(input, problem),
    }
}

/// Returns whether clients abort the requests to one server much more often than those to the others.
pub(super) fn has_abort_outlier(input: &CauseInput<'_>, _: &Problem) -> bool {
    has_outlier(input, |outlier| matches!(outlier.deviation, Deviation::Aborts(..)))
}

/// Returns whether the problem is the response time, or a queue together with a response time that has not been past its
/// threshold for the hold time yet. A slow application fills its servers, but full servers do not slow down the application,
/// however severe the queue is.
pub(super) fn is_slow_application(input: &CauseInput<'_>, _: &Problem) -> bool {
    let slow = (input.backend.id, RuleId::ResponseTime);
    input.worst_of(&[RuleId::ResponseTime]).is_some() || input.bad.contains(&slow)
}

/// Returns whether requests wait because servers are full.
pub(super) fn is_full(input: &CauseInput<'_>, _: &Problem) -> bool {
    input.worst_of(&QUEUE_RULES).is_some() || input.backend.backend_stats.queued > Some(0.0)
}

/// Returns whether at least half of all 5xx responses of the backend are HAProxy's own, and not due to failed responses of
/// servers. This does not depend on the hold times of the rules, which differ.
pub(super) fn are_own_errors_many(input: &CauseInput<'_>, problem: &Problem) -> bool {
    let total = input.backend.growth(Field::Hrsp5xx).unwrap_or_default();
    if input.backend.backend.is_some_and(|backend| backend.servers.is_empty()) {
        return true;
    }
    match backend_rules::own_5xx_of_haproxy(&input.backend) {
        Measurement::Value(own) if total > 0.0 => own * 2.0 >= total,
        _ => problem.rule.id == RuleId::Own5xx && problem.value * 2.0 >= total,
    }
}
