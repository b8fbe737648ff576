//! Conditions of the causes: whether a problem really shows a cause, or other problems contradict it.

use crate::haproxy::fields::Field;
use crate::observe::state_cause::{self, StateCause};
use crate::problems::backend_rules;
use crate::problems::cause_input::CauseInput;
use crate::problems::measurement::Measurement;
use crate::problems::outlier_rules::{Deviation, Outlier};
use crate::problems::problem::Problem;
use crate::problems::rule_table::RuleId;

/// Rules that show a queue.
const QUEUE_RULES: [RuleId; 3] = [RuleId::Queue, RuleId::QueueGrowing, RuleId::QueueWait];
/// Rules that show full servers, which do not imply a queue.
const FULL_RULES: [RuleId; 2] = [RuleId::QueueLimit, RuleId::ServerSessions];

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

/// Returns whether at most half of the usable servers have problems of a rule.
fn are_few(input: &CauseInput<'_>, rule: RuleId) -> bool {
    input.problems_of(rule).count() * 2 <= input.backend.backend_stats.usable
}

/// Returns whether connections fail to this server, but not to most of the others.
pub(super) fn is_only_unreachable(input: &CauseInput<'_>, problem: &Problem) -> bool {
    are_few(input, problem.rule.id) && !refuses_queue(input)
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
        || input.known.slow_servers.contains(&problem.subject.id) && is_untimed()
}

/// Returns whether the server has many more errors than its peers.
pub(super) fn is_failing_outlier(input: &CauseInput<'_>, problem: &Problem) -> bool {
    match problem.rule.id {
        RuleId::Server5xx => has_outlier(input, |outlier| {
            outlier.row == problem.subject.id && matches!(outlier.deviation, Deviation::Errors(..))
        }),
        rule => are_few(input, rule),
    }
}

/// Returns whether clients abort the requests to one server much more often than those to the others.
pub(super) fn has_abort_outlier(input: &CauseInput<'_>, _: &Problem) -> bool {
    has_outlier(input, |outlier| matches!(outlier.deviation, Deviation::Aborts(..)))
}

/// Returns whether requests wait because servers are full. A slow application fills its servers, but full servers do not slow
/// down the application: once it is named, it stays the cause of the queue.
pub(super) fn is_full(input: &CauseInput<'_>, _: &Problem) -> bool {
    let queue = input.worst_of(&QUEUE_RULES);
    let is_queue = queue.is_some() || input.backend.backend_stats.queued > Some(0.0);
    let slow = input.worst_of(&[RuleId::ResponseTime]);
    let is_named_slow = slow.is_some() && input.known.slow_backends.contains(&input.backend.id);
    is_queue && !is_named_slow && slow < queue.max(input.worst_of(&FULL_RULES))
}

/// Returns whether at least half of all 5xx responses of the backend are HAProxy's own, and not due to failed responses of
/// servers. This does not depend on the hold times of the rules, which differ.
pub(super) fn are_own_errors_many(input: &CauseInput<'_>, problem: &Problem) -> bool {
    let total = input.backend.growth(Field::Hrsp5xx).unwrap_or_default();
    match backend_rules::own_5xx_of_haproxy(&input.backend) {
        Measurement::Value(own) if total > 0.0 => own * 2.0 >= total,
        _ => problem.rule.id == RuleId::Own5xx && problem.value * 2.0 >= total,
    }
}
