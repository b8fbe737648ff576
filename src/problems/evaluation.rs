//! The evaluation of one sample: applies the rules to a row and updates the state of each rule.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::observe::severity::Severity;
use crate::problems::cause::ProblemKey;
use crate::problems::hysteresis::{Hysteresis, Transition};
use crate::problems::measurement::{Grade, Measurement, NotEvaluatedReason};
use crate::problems::not_evaluated::{GapCounts, GapReason};
use crate::problems::problem::{Problem, ProblemSubject};
use crate::problems::problem_changes::ProblemChanges;
use crate::problems::rule::{Basis, RuleUnit, Scope};
use crate::problems::rule_input::RuleInput;
use crate::problems::rule_table::{self, RuleId};
use crate::problems::thresholds::Thresholds;

/// Number of tracked rules from which a rule past its threshold for WARN is not tracked for a further server.
const MAX_ENTRIES: usize = 10_000;
/// Further entries for rules past their threshold for CRIT, so that the highest severity is always known.
const MORE_FOR_CRIT: usize = 5_000;
/// Further entries for rules of backends and frontends.
const MORE_FOR_PROXIES: usize = 5_000;
/// Time after the first sample in which a row with few requests, or without any since shortly before, is not judged by their
/// mean times.
pub(crate) const FIRST_REQUESTS_TIME: Duration = Duration::from_secs(10);

/// Time after the first sample in which a value of the last seconds that is past its threshold may have been so before.
const UNKNOWN_AT_FIRST: Duration = Duration::from_secs(15);

/// The state of a rule that is, or recently was, past its threshold for a row, and the problem once it has opened.
#[derive(Debug)]
pub(super) struct TrackedRule {
    pub(super) hysteresis: Hysteresis,
    pub(super) problem: Option<Problem>,
    /// True if the rule is past its threshold in the newest sample.
    pub(super) is_bad: bool,
    /// True if the first samples showed it already.
    pub(super) may_be_older: bool,
}

/// The time since which rules are evaluated without a gap. What they show from the start may have begun before it.
#[derive(Debug, Default)]
pub(super) struct EvaluationStart {
    /// Time of the first sample.
    pub(super) at: Duration,
    /// Rules that could not be evaluated in the first sample, because they need several.
    pub(super) late_rules: BTreeSet<RuleId>,
}

impl EvaluationStart {
    /// Returns whether a problem that a rule shows first in this sample may have begun before the first sample: the
    /// samples from which its value is computed reach back to the first one.
    fn may_be_older(&self, rule: RuleId, input: &RuleInput<'_>) -> bool {
        let span = match rule.rule().unit {
            RuleUnit::Millis => time_span(input),
            // The servers with which it is compared may have needed longer.
            RuleUnit::Multiple => {
                let servers = input.backend.iter().flat_map(|backend| &backend.servers);
                servers.filter_map(|server| time_span(&input.for_row(*server))).max()
            }
            _ if self.late_rules.contains(&rule) => input.rates.span(),
            _ => span_of(rule, input),
        };
        // Values that were not known before, such as the share of few responses, do not show that it was fine.
        let span = span.unwrap_or_default().max(if rule.rule().basis == Basis::Recent {
            UNKNOWN_AT_FIRST
        } else {
            Duration::ZERO
        });
        input.sample.at.monotonic.saturating_sub(span) <= self.at
    }

    /// Returns whether a mean time of a row is unknown only because its first requests are not complete yet.
    fn waits_for_requests(&self, rule: RuleId, input: &RuleInput<'_>) -> bool {
        let is_mean = matches!(rule.rule().unit, RuleUnit::Millis | RuleUnit::Multiple);
        let has_means = || input.number(Field::Rtime).is_some();
        let is_recent = |seconds: f64| seconds <= FIRST_REQUESTS_TIME.as_secs_f64();
        let is_used = || {
            input.served() > Some(0.0)
                || input.number(Field::Scur) > Some(0.0)
                || input.number(Field::Lastsess).is_some_and(is_recent)
        };
        is_mean && input.sample.at.elapsed_since(self.at) < FIRST_REQUESTS_TIME && has_means() && is_used()
    }
}

/// Returns the time to which the value of a rule applies, if it is not that of the rate window or of the newest sample.
fn span_of(rule: RuleId, input: &RuleInput<'_>) -> Option<Duration> {
    match rule.rule().unit {
        RuleUnit::Millis | RuleUnit::Multiple => time_span(input),
        _ if rule == RuleId::ResolverFailing => {
            let facts = input.sample.details.slow_facts.as_ref();
            facts.and_then(|facts| facts.name_servers.as_ref()?.iter().filter_map(|server| server.span).min())
        }
        _ if rule.rule().basis == Basis::Recent => input.earlier_counts().map(|earlier| earlier.span),
        _ => None,
    }
}

/// Returns the time in which the requests were sent whose mean times are known; `None` if no mean is known.
fn time_span(input: &RuleInput<'_>) -> Option<Duration> {
    let mut times = [Field::Rtime, Field::Qtime, Field::Ctime].into_iter();
    times.find_map(|field| input.interval_time(field)).map(|time| time.span)
}

/// The parts of the tracker that are used and changed while one sample is evaluated.
pub(super) struct Evaluation<'a> {
    pub(super) thresholds: &'a Thresholds,
    pub(super) entries: &'a mut BTreeMap<ProblemKey, TrackedRule>,
    pub(super) untracked: &'a mut usize,
    pub(super) changes: &'a mut ProblemChanges,
    pub(super) gaps: GapCounts,
    /// The time since which rules are evaluated.
    pub(super) start: &'a EvaluationStart,
    /// The reason for which rates are unknown; `None` if they are known.
    pub(super) no_rates: Option<GapReason>,
}

impl Evaluation<'_> {
    /// Applies the rules of a scope to a row. A rule's entry is looked up only if the row has entries or the rule is
    /// past its threshold.
    pub(super) fn apply_rules(&mut self, scope: Scope, input: &RuleInput<'_>, is_tracked: bool) {
        for rule in rule_table::rules_for_scope(scope) {
            let measurement = rule.evaluate(input);
            let grade = self.thresholds.grade(rule.id, input.names(), measurement);
            self.count_gap(rule.id, input, measurement);
            if is_tracked || grade.is_problem() {
                self.update_entry(scope, rule.id, input, measurement, grade);
            }
        }
    }

    fn count_gap(&mut self, rule: RuleId, input: &RuleInput<'_>, measurement: Measurement) {
        let is_unknown = measurement == Measurement::Unknown && self.no_rates.is_none();
        let is_early = is_unknown && self.start.waits_for_requests(rule, input);
        let unknown = self.no_rates.or(is_early.then_some(GapReason::TooFewEvents));
        if let Some(reason) = gap_reason(self.thresholds, rule, measurement, unknown) {
            self.gaps.add(rule, reason);
        }
    }

    /// Returns whether another entry may be added.
    fn has_room(&self, scope: Scope, grade: Grade) -> bool {
        let for_crit = if grade == Grade::Crit { MORE_FOR_CRIT } else { 0 };
        match scope {
            Scope::Process => true,
            Scope::Server => self.entries.len() < MAX_ENTRIES + for_crit,
            _ => self.entries.len() < MAX_ENTRIES + for_crit + MORE_FOR_PROXIES,
        }
    }

    fn update_entry(
        &mut self,
        scope: Scope,
        id: RuleId,
        input: &RuleInput<'_>,
        measurement: Measurement,
        grade: Grade,
    ) {
        let key = (input.id, id);
        let is_bad = grade.is_problem();
        let now = input.sample.at;
        let has_room = self.has_room(scope, grade);
        let entry = match self.entries.get_mut(&key) {
            Some(entry) => entry,
            None if is_bad && !has_room => {
                *self.untracked += 1;
                return;
            }
            None if is_bad => self.entries.entry(key).or_insert_with(|| TrackedRule {
                hysteresis: Hysteresis::new(now),
                problem: None,
                is_bad,
                may_be_older: self.start.may_be_older(id, input),
            }),
            None => return,
        };
        if std::mem::replace(&mut entry.is_bad, is_bad) && !is_bad {
            self.changes.recovering.extend(entry.problem.clone());
        }
        let limits = self.thresholds.for_row(id, input.names());
        let span = || span_of(id, input).unwrap_or_default();
        let is_fine_for_long =
            grade == Grade::Fine && !limits.recovery_time.is_zero() && span() >= limits.recovery_time;
        let transition = entry.hysteresis.update(grade, limits, now.monotonic, is_fine_for_long);
        if let Some(problem) = &mut entry.problem {
            problem.severity = entry.hysteresis.severity.unwrap_or(problem.severity);
        }
        let text = |value: f64| (id.rule().describe)(input, value);
        match (measurement, &mut entry.problem) {
            (Measurement::Value(value), Some(problem)) if is_bad => {
                (problem.value, problem.text) = (value, text(value));
            }
            (Measurement::Value(value), none @ None) if transition == Transition::Opened => {
                let names = input.row().map(|row| (row.kind, row.proxy.clone(), row.name.clone()));
                let is_silenced = self.thresholds.silences.is_silenced(id.as_str(), names.as_ref());
                let subject = ProblemSubject { id: input.id, names };
                let severity = entry.hysteresis.severity.unwrap_or(Severity::Warn);
                let since = entry.hysteresis.since;
                let (rule, text) = (id.rule(), text(value));
                let may_be_older = entry.may_be_older;
                *none = Some(Problem { rule, subject, severity, since, value, text, is_silenced, may_be_older });
            }
            _ => {}
        }
        match transition {
            Transition::Opened => self.changes.opened.extend(entry.problem.clone()),
            Transition::Worsened => self.changes.worsened.extend(entry.problem.clone()),
            Transition::Eased => self.changes.eased.extend(entry.problem.clone()),
            Transition::Closed => self.changes.closed.extend(entry.problem.take()),
            Transition::Unchanged | Transition::Discarded => {}
        }
        if matches!(transition, Transition::Closed | Transition::Discarded) {
            self.entries.remove(&key);
        }
    }
}

/// Returns the reason for which a rule was not evaluated. `unknown` is the reason for which a measurement is unknown; `None`
/// if the rule then does not apply to the row. A rule that is turned off is never evaluated and has no gap.
pub(super) fn gap_reason(
    thresholds: &Thresholds,
    rule: RuleId,
    measurement: Measurement,
    unknown: Option<GapReason>,
) -> Option<GapReason> {
    let reason = match measurement {
        Measurement::NotEvaluated(NotEvaluatedReason::TooFewRequests) => Some(GapReason::TooFewEvents),
        Measurement::NotEvaluated(NotEvaluatedReason::Reload) => Some(GapReason::NewProcess),
        Measurement::Unknown => unknown,
        Measurement::Value(_) | Measurement::Fine => None,
    };
    let limits = thresholds.for_rule(rule);
    reason.filter(|_| limits.warn.is_some() || limits.crit.is_some())
}
