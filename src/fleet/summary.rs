//! One balancer in a few figures.
//!
//! Figures and causes of a balancer that does not answer are unknown, never those of an earlier time: they are returned
//! only while its newest sample is current.

use std::time::Duration;

use crate::fleet::drift::BalancerDrift;
use crate::fleet::role::RoleFinding;
use crate::haproxy::fields::{Field, InfoField};
use crate::instance::process_summary::ProcessSummary;
use crate::instance::state::Instance;
use crate::instance::verdict::Verdict;
use crate::observe::instance_id::InstanceId;
use crate::observe::link::Link;
use crate::observe::sample::{ReplyCost, Sample};
use crate::observe::severity::Severity;

/// Minimum age of the newest sample from which a balancer is late.
const MIN_LATE_AGE: Duration = Duration::from_secs(5);
/// Minimum number of requests of a mean response time; among fewer, a single slow one would stand out.
const MIN_TIMED_REQUESTS: u32 = 10;
/// Maximum number of causes that are kept with their sentences.
const MAX_CAUSES: usize = 10;

/// State of the connection to a balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BalancerStatus {
    /// It was not polled yet.
    Connecting,
    /// It answers.
    Up,
    /// It has not answered for longer than usual.
    Late,
    /// Polls fail, for this reason.
    Lost(String),
}

impl BalancerStatus {
    /// Returns the status in one word.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Up => "up",
            Self::Late => "late",
            Self::Lost(_) => "lost",
        }
    }
}

/// Figures of the newest sample.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BalancerFigures {
    /// HAProxy's version; empty if unknown.
    pub(crate) version: String,
    /// Time since the process started, in seconds.
    pub(crate) uptime: Option<i64>,
    /// Open connections.
    pub(crate) connections: Option<i64>,
    /// Limit of connections.
    pub(crate) max_connections: Option<i64>,
    /// Connections per second that the frontends accept.
    pub(crate) connection_rate: Option<f64>,
    /// HTTP requests per second.
    pub(crate) request_rate: Option<f64>,
    /// Share of 5xx among the responses, from 0 to 1.
    pub(crate) share_5xx: Option<f64>,
    /// Mean response time of the last seconds in milliseconds, over all requests.
    pub(crate) response: Option<f64>,
    /// Idle time in percent.
    pub(crate) idle: Option<i64>,
}

/// Returns whether a balancer answers: it has a sample that is not older than usual.
pub(crate) fn is_current(instance: &Instance, now: Duration) -> bool {
    let is_late = late_at(instance).is_some_and(|at| now > at);
    instance.latest().is_some() && instance.link().is_up() && !is_late
}

/// Returns the time after which the newest sample is older than usual; `None` without one, or if none follows.
pub(crate) fn late_at(instance: &Instance) -> Option<Duration> {
    let sample = instance.latest().filter(|_| instance.source().is_live())?;
    Some(sample.at.monotonic + late_after(sample.interval))
}

/// Returns the age from which a sample is not current.
fn late_after(interval: Duration) -> Duration {
    MIN_LATE_AGE.max(interval.saturating_mul(3))
}

/// A cause of problems of a balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BalancerCause {
    /// Severity.
    pub(crate) severity: Severity,
    /// Name of the row, or `process`.
    pub(crate) name: String,
    /// Description.
    pub(crate) sentence: String,
}

/// One balancer in a few figures.
#[derive(Debug, Clone)]
pub(crate) struct BalancerSummary {
    /// Identity.
    pub(crate) id: InstanceId,
    /// Name.
    pub(crate) name: String,
    /// Role, if known.
    pub(crate) role: Option<RoleFinding>,
    /// Reason why the role may be unknown.
    pub(crate) role_obstacle: Option<String>,
    /// Name of an earlier balancer that is the same process; the two are not compared.
    pub(crate) twin: Option<String>,
    /// Differences from its peers.
    pub(crate) drift: BalancerDrift,
    /// Size of the last reply, and the time it took.
    pub(crate) cost: Option<ReplyCost>,
    /// True if polling has ended.
    pub(crate) is_never_late: bool,
    link: Link,
    /// Time of the newest sample.
    sampled_at: Option<Duration>,
    /// Age from which the newest sample is not current.
    late_after: Duration,
    /// True if the figures are those of a past moment or a recording, which have no age.
    is_past: bool,
    verdict: Verdict,
    /// Number of open causes.
    cause_count: usize,
    causes: Vec<BalancerCause>,
    figures: Option<BalancerFigures>,
}

impl BalancerSummary {
    /// Summarizes an instance. Role and drift are added later.
    pub(crate) fn new(name: &str, instance: &Instance) -> Self {
        let sample = instance.shown();
        let open = || instance.problems().open_causes();
        let cause = |cause: &crate::problems::cause::Cause| BalancerCause {
            severity: cause.severity,
            name: cause.name(),
            sentence: cause.sentence.clone(),
        };
        let interval = sample.map_or(Duration::ZERO, |sample| sample.interval);
        Self {
            id: instance.id(),
            name: name.to_owned(),
            role: None,
            role_obstacle: None,
            twin: None,
            drift: None,
            cost: sample.map(|sample| sample.cost),
            is_never_late: false,
            link: instance.link().clone(),
            sampled_at: sample.map(|sample| sample.at.monotonic),
            late_after: late_after(interval),
            is_past: instance.past_moment().is_some() || !instance.source().is_live(),
            verdict: instance.verdict(),
            cause_count: open().count(),
            causes: open().take(MAX_CAUSES).map(cause).collect(),
            figures: sample.map(|sample| BalancerFigures::new(instance, sample)),
        }
    }

    /// Returns whether the balancer answers.
    pub(crate) fn status(&self, now: Duration) -> BalancerStatus {
        match (&self.link, self.age(now)) {
            _ if self.is_past && self.sampled_at.is_some() => BalancerStatus::Up,
            (Link::Connecting, None) => BalancerStatus::Connecting,
            (Link::Lost { failure, .. }, _) => BalancerStatus::Lost(failure.reason.clone()),
            (_, Some(age)) if age > self.late_after && !self.is_never_late => BalancerStatus::Late,
            _ => BalancerStatus::Up,
        }
    }

    /// Returns the time since the newest sample; `None` if there was none, or if a past moment is shown.
    pub(crate) fn age(&self, now: Duration) -> Option<Duration> {
        self.sampled_at.filter(|_| !self.is_past).map(|at| now.saturating_sub(at))
    }

    /// Returns the figures, or `None` unless they are current.
    pub(crate) fn figures(&self, now: Duration) -> Option<&BalancerFigures> {
        self.figures.as_ref().filter(|_| self.status(now) == BalancerStatus::Up)
    }

    /// Returns the causes of problems, worst first, at most ten, or `None` unless they are current.
    pub(crate) fn causes(&self, now: Duration) -> Option<&[BalancerCause]> {
        let is_known = !self.causes.is_empty() || !matches!(self.verdict, Verdict::Reading | Verdict::Unknown);
        (is_known && self.status(now) == BalancerStatus::Up).then_some(&self.causes)
    }

    /// Returns the number of causes, or `None` unless it is current.
    pub(crate) fn cause_count(&self, now: Duration) -> Option<usize> {
        self.causes(now).map(|_| self.cause_count)
    }

    /// Returns in one line what is wrong: why it does not answer, or its causes. `None` if that is unknown.
    pub(crate) fn trouble(&self, now: Duration) -> Option<String> {
        let since = |age: Option<Duration>| {
            age.map_or(String::new(), |age| format!(" for {}", crate::units::duration_words(age)))
        };
        match self.status(now) {
            BalancerStatus::Connecting => None,
            BalancerStatus::Late => Some(format!("no reply{}", since(self.age(now)))),
            BalancerStatus::Lost(reason) => Some(format!("no reply{}: {reason}", since(self.age(now)))),
            BalancerStatus::Up => {
                if self.causes.is_empty() && self.verdict == Verdict::Unknown {
                    return Some("unknown: the recording is damaged".to_owned());
                }
                let causes = self.causes(now)?;
                let Some(worst) = causes.first() else { return Some("none".to_owned()) };
                let more = self.cause_count - 1;
                let more = if more == 0 { String::new() } else { format!(" and {more} more") };
                Some(format!("{} {}: {}{more}", worst.severity.label(), worst.name, worst.sentence))
            }
        }
    }

    /// Returns how bad the balancer is: one that does not answer is worse than any cause, a difference from its peers less
    /// bad than any cause.
    pub(crate) fn badness(&self, now: Duration) -> u8 {
        let is_different = self.drift.as_ref().is_some_and(|drift| drift.count() > 0);
        match (self.status(now), self.causes.first().map(|cause| cause.severity)) {
            (BalancerStatus::Lost(_) | BalancerStatus::Late, _) => 5,
            (_, Some(Severity::Crit)) => 4,
            (_, Some(Severity::Warn)) => 3,
            (BalancerStatus::Connecting, None) => 2,
            (BalancerStatus::Up, None) => u8::from(is_different),
        }
    }
}

impl BalancerFigures {
    fn new(instance: &Instance, sample: &Sample) -> Self {
        let summary = ProcessSummary::from_instance(instance).unwrap_or_default();
        let rates = instance.rates();
        let ids = sample.rows.ids();
        let connections = sample.rows.frontends().iter().filter_map(|row| rates.rate(ids[*row], Field::Stot));
        Self {
            version: sample.info.version_text().to_owned(),
            uptime: sample.process_number(InfoField::UptimeSec),
            connections: summary.connections,
            max_connections: summary.max_connections,
            connection_rate: connections.reduce(|sum, rate| sum + rate),
            request_rate: summary.request_rate,
            share_5xx: summary.share_5xx,
            response: mean_response(instance, sample),
            idle: summary.idle,
        }
    }
}

/// Returns the mean response time of the last seconds over the requests of all backends; `None` for too few requests. Rows
/// in TCP mode have no responses.
fn mean_response(instance: &Instance, sample: &Sample) -> Option<f64> {
    let backends = sample.rows.backends().iter().filter(|backend| !sample.table.rows()[backend.row].is_tcp());
    let times = backends.filter_map(|backend| instance.rates().interval_time(backend.row, Field::Rtime));
    weighted_mean(times.map(|time| (time.millis, time.requests)))
}

/// Returns the mean of times, each the mean of a number of requests; `None` for too few requests.
fn weighted_mean(times: impl Iterator<Item = (f64, u32)>) -> Option<f64> {
    let (sum, requests) = times.fold((0.0, 0_u32), |(sum, requests), (millis, count)| {
        (sum + millis * f64::from(count), requests.saturating_add(count))
    });
    (requests >= MIN_TIMED_REQUESTS).then(|| sum / f64::from(requests))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::drift::Drift;
    use crate::observe::link::PollFailure;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site, timestamp_at};

    fn lose(instance: &mut Instance, second: u64, reason: &str) {
        let failure = PollFailure {
            reason: reason.to_owned(),
            hint: None,
            is_denied: false,
            retry_at: Duration::from_secs(second + 1),
        };
        instance.record_failure(failure, timestamp_at(second * 1000));
    }

    fn at(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    #[test]
    fn summary_shows_figures_only_while_they_are_current() {
        let mut instance = Instance::default();
        let summary = |instance: &Instance| BalancerSummary::new("lb01", instance);
        assert_eq!(summary(&instance).status(at(0)), BalancerStatus::Connecting);
        assert_eq!((summary(&instance).trouble(at(0)), summary(&instance).age(at(9))), (None, None));
        instance.add_sample(SampleBuilder::default().build_at_millis(1000, &stat_of_site()), 0);
        let first = summary(&instance);
        assert_eq!((first.status(at(2)), first.age(at(2))), (BalancerStatus::Up, Some(at(1))));
        let figures = first.figures(at(2)).unwrap();
        assert_eq!((figures.connections, figures.max_connections, figures.idle), (Some(500), Some(2000), Some(80)));
        assert_eq!((figures.connection_rate, figures.share_5xx), (None, None), "one sample");
        assert!(first.trouble(at(2)).unwrap().starts_with("CRIT legacy: no server available: old1"));
        assert_eq!(first.status(at(9)), BalancerStatus::Late);
        assert_eq!((first.figures(at(9)), first.causes(at(9)), first.cause_count(at(9))), (None, None, None));
        assert_eq!(first.trouble(at(9)).unwrap(), "no reply for 8 s");
        lose(&mut instance, 12, "no reply within 3 s");
        let lost = summary(&instance);
        assert_eq!(lost.trouble(at(15)).unwrap(), "no reply for 14 s: no reply within 3 s");
        assert_eq!((lost.figures(at(12)), lost.age(at(15))), (None, Some(at(14))));
    }

    #[test]
    fn summary_of_a_balancer_that_never_answered_has_no_age() {
        let mut instance = Instance::default();
        lose(&mut instance, 3, "connection refused");
        let summary = BalancerSummary::new("lb01", &instance);
        assert_eq!(
            (summary.age(at(9)), summary.trouble(at(9)).unwrap()),
            (None, "no reply: connection refused".to_owned())
        );
    }

    #[test]
    fn badness_orders_from_lost_to_fine() {
        let mut instance = Instance::default();
        let up = "# pxname,svname,status,type,\nb,s,UP,2,\nb,BACKEND,UP,1,\n";
        instance.add_sample(SampleBuilder::default().build_at_millis(1000, up), 0);
        let fine = BalancerSummary::new("fine", &instance);
        let different = BalancerSummary { drift: Some(Drift::default()), ..fine.clone() };
        assert_eq!((fine.badness(at(1)), different.badness(at(1))), (0, 0));
        let cause = |severity| BalancerCause { severity, name: "b".to_owned(), sentence: "slow".to_owned() };
        let warn = BalancerSummary { causes: vec![cause(Severity::Warn)], ..fine.clone() };
        let crit = BalancerSummary { causes: vec![cause(Severity::Crit)], ..fine.clone() };
        let connecting = BalancerSummary::new("new", &Instance::default());
        let order = [
            fine.badness(at(1)),
            connecting.badness(at(1)),
            warn.badness(at(1)),
            crit.badness(at(1)),
            crit.badness(at(60)),
        ];
        assert!(order.windows(2).all(|pair| pair[0] < pair[1]), "{order:?}");
    }

    #[test]
    fn weighted_mean_weighs_by_requests() {
        assert_eq!(weighted_mean([(10.0, 20), (100.0, 10)].into_iter()), Some(40.0));
        assert_eq!(weighted_mean([(10.0, 9)].into_iter()), None, "too few requests");
    }
}
