//! Sentences about all balancers of a session, for the command `balancers`.

use std::time::Duration;

use crate::fleet::drift::Drift;
use crate::fleet::summary::{BalancerFigures, BalancerStatus, BalancerSummary};
use crate::units::{self, duration_words};

/// Describes a balancer in one line, and each of its differences in another one.
pub(crate) fn balancer_lines(summary: &BalancerSummary, now: Duration) -> Vec<String> {
    let mut sentences = vec![match &summary.role {
        Some(finding) => format!("{}, {} (known from {})", finding.role, finding.detail, finding.source.as_str()),
        None => "role unknown".to_owned(),
    }];
    sentences.extend(summary.figures(now).map(figures_sentence));
    let is_answering = summary.status(now) == BalancerStatus::Up;
    sentences.push(match summary.trouble(now) {
        Some(trouble) if !is_answering => format!("HAProxy does not answer: {trouble}"),
        Some(trouble) if summary.cause_count(now) == Some(0) => format!("causes of problems: {trouble}"),
        Some(trouble) => trouble,
        None => "not evaluated yet".to_owned(),
    });
    sentences.extend(summary.age(now).map(|age| format!("last sample {} ago", duration_words(age))));
    sentences.push(match (&summary.drift, &summary.twin) {
        (Some(drift), _) => format!("drift: {}", drift.summary()),
        (None, Some(twin)) => format!("drift: not compared, the same HAProxy as {twin}"),
        (None, None) => "drift: unknown".to_owned(),
    });
    let mut lines = vec![format!("{}: {}.", summary.name, sentences.join(". "))];
    let differences = summary.drift.iter().flat_map(Drift::lines);
    lines.extend(differences.map(|difference| format!("{}: {difference}", summary.name)));
    lines
}

fn figures_sentence(figures: &BalancerFigures) -> String {
    let mut parts = Vec::new();
    if !figures.version.is_empty() {
        parts.push(format!("HAProxy {}", figures.version));
    }
    let uptime = figures.uptime.and_then(|seconds| u64::try_from(seconds).ok());
    parts.extend(uptime.map(|seconds| format!("running for {}", duration_words(Duration::from_secs(seconds)))));
    let connections = figures.connections.zip(figures.max_connections);
    parts.extend(connections.map(|(now, limit)| units::part_of(now, limit, "connection")));
    parts.extend(figures.request_rate.map(|rate| format!("{} requests per second", units::rate(rate))));
    parts.extend(figures.share_5xx.map(|share| format!("{} of the responses 5xx", units::percent(share))));
    parts.extend(figures.response.map(|millis| format!("response time {}", units::millis_words(millis))));
    parts.extend(figures.idle.map(|percent| format!("{percent}% idle")));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::state::Instance;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    #[test]
    fn balancer_lines_say_what_is_known() {
        let mut instance = Instance::default();
        let lines = |instance: &Instance, second| {
            balancer_lines(&BalancerSummary::new("lb01", instance), Duration::from_secs(second))
        };
        assert_eq!(lines(&instance, 0), ["lb01: role unknown. not evaluated yet. drift: unknown."]);
        instance.add_sample(SampleBuilder::default().build_at_millis(1000, &stat_of_site()), 0);
        let now = lines(&instance, 2);
        assert!(now[0].starts_with("lb01: role unknown. HAProxy 2.6.12-1+deb12u4, running for 1 s, 500 of 2000 connections, 80% idle. CRIT legacy: "), "{now:?}");
        assert!(now[0].ends_with(". last sample 1 s ago. drift: unknown."), "{now:?}");
        let late = lines(&instance, 60);
        assert_eq!(
            late,
            ["lb01: role unknown. HAProxy does not answer: no reply for 59 s. last sample 59 s ago. drift: unknown."]
        );
    }
}
