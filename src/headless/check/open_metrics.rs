//! The result of a health check as `OpenMetrics` text, for Prometheus and `node_exporter`'s textfile collector.
//!
//! All metrics are gauges, so that the output is also valid in the older Prometheus text format, which has no other type
//! without a suffix in common. Labels contain names of the configuration, never descriptions with numbers, because each
//! new label value starts another time series.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::UNIX_EPOCH;

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::headless::poller::Poller;
use crate::headless::pollers::PolledInstance;
use crate::observe::severity::Severity;
use crate::problems::problem::Problem;
use crate::problems::rule_table::RuleId;
use crate::problems::thresholds::Thresholds;
use crate::table::columns::computed::kind_word;

/// Maximum number of problems and forecasts per HAProxy that have their own samples. All problems are counted.
const MAX_SAMPLES: usize = 1000;

/// A metric of the exposition.
struct Family {
    /// Name without the prefix `hapulse_`; ends with the unit if there is one.
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    /// Labels and value of each sample.
    samples: Vec<(Labels, f64)>,
}

type Labels = Vec<(&'static str, String)>;

impl Family {
    fn new(name: &'static str, unit: &'static str, help: &'static str) -> Self {
        Self { name, unit, help, samples: Vec::new() }
    }

    fn push(&mut self, target: &Labels, labels: Labels, value: f64) {
        if value.is_finite() {
            self.samples.push((target.iter().cloned().chain(labels).collect(), value));
        }
    }

    /// Appends the metadata and the samples; nothing if there are no samples.
    fn write(&self, out: &mut String) {
        let Self { name, unit, help, samples } = self;
        if samples.is_empty() {
            return;
        }
        let _ = writeln!(out, "# HELP hapulse_{name} {}", escape(help));
        let _ = writeln!(out, "# TYPE hapulse_{name} gauge");
        if !unit.is_empty() {
            let _ = writeln!(out, "# UNIT hapulse_{name} {unit}");
        }
        for (labels, value) in samples {
            let labels: Vec<String> =
                labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escape(text))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(out, "hapulse_{name}{labels} {value}");
        }
    }
}

/// Escapes a label value or a help text.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Renders the exposition of a check that failed before it read an HAProxy: only its exit code.
pub(crate) fn render_failure(exit_code: u8) -> String {
    let mut state = state_family();
    state.push(&Vec::new(), Vec::new(), f64::from(exit_code));
    let mut out = String::new();
    state.write(&mut out);
    out + "# EOF\n"
}

fn state_family() -> Family {
    Family::new("check_state", "", "Exit code of the check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN")
}

/// Renders the results of all instances. `exit_code` is that of the whole check.
pub(crate) fn render(polled: &[PolledInstance], thresholds: &Thresholds, exit_code: u8) -> String {
    let mut state = state_family();
    state.push(&Vec::new(), Vec::new(), f64::from(exit_code));
    let mut up = Family::new("up", "", "1 if HAProxy answered, else 0");
    let mut skipped = Family::new("rules_not_evaluated", "", "Rules that were not evaluated for at least one row");
    let mut sampled = Family::new("sampled_seconds", "seconds", "Time that the samples cover");
    let mut poll = Family::new("poll_duration_seconds", "seconds", "Time that HAProxy took for the last reply");
    let mut at = Family::new("poll_timestamp_seconds", "seconds", "Time of the last reply, since 1970");
    let mut dropped = Family::new("dropped_rows", "", "Rows that were not read because the reply was too large");
    let mut counts = Family::new("problems", "", "Open problems by rule and severity");
    let mut problems = Family::new("problem", "", "1 for each open problem");
    let mut values = Family::new("problem_value", "", "Measured value of an open problem, in the unit of its rule");
    let mut ages = Family::new("problem_age_seconds", "seconds", "Duration of an open problem, as far as it was seen");
    let mut forecasts = Family::new("limit_reached_in_seconds", "seconds", "Forecast: time until a limit is reached");
    for (poller, polled) in polled {
        let target = vec![("target", poller.name.clone())];
        up.push(&target, Vec::new(), f64::from(u8::from(polled.is_ok())));
        let (Ok(over), Some(sample)) = (polled, poller.instance.latest()) else { continue };
        let gaps = poller.instance.problems().not_evaluated();
        let rules: BTreeSet<RuleId> = gaps.iter().map(|gap| gap.rule).collect();
        skipped.push(&target, Vec::new(), rules.len() as f64);
        sampled.push(&target, Vec::new(), over.as_secs_f64());
        poll.push(&target, Vec::new(), sample.cost.reply_time.as_secs_f64());
        if let Ok(since) = sample.at.wall.duration_since(UNIX_EPOCH) {
            at.push(&target, Vec::new(), since.as_secs_f64());
        }
        dropped.push(&target, Vec::new(), sample.table.anomalies().dropped_rows as f64);
        for (labels, count) in count_problems(poller, thresholds) {
            counts.push(&target, labels, count as f64);
        }
        for problem in poller.instance.problems().iter().take(MAX_SAMPLES) {
            let labels = problem_labels(problem);
            problems.push(&target, labels.clone(), 1.0);
            values.push(&target, labels.clone(), problem.value);
            ages.push(&target, labels, sample.at.elapsed_since(problem.since.monotonic).as_secs_f64());
        }
        for (id, forecast) in poller.instance.forecasts().iter().take(MAX_SAMPLES) {
            let row = sample.row(id).map(|row| (row.kind, &row.proxy, &row.name));
            let labels = [vec![("limit", forecast.limit.id.to_owned())], row_labels(row)].concat();
            forecasts.push(&target, labels, forecast.seconds);
        }
    }
    let mut out = String::new();
    let all = [state, up, counts, problems, values, ages, forecasts, skipped, sampled, poll, at, dropped];
    for family in all {
        family.write(&mut out);
    }
    out + "# EOF\n"
}

/// Counts the open problems of every rule that is not disabled, by severity; rules without problems count 0, so that
/// their time series do not end.
fn count_problems(poller: &Poller, thresholds: &Thresholds) -> Vec<(Labels, usize)> {
    let mut counts = Vec::new();
    for rule in RuleId::ALL {
        let limits = thresholds.for_rule(*rule);
        for (severity, threshold) in [(Severity::Warn, limits.warn), (Severity::Crit, limits.crit)] {
            let is_counted = |problem: &&Problem| problem.rule.id == *rule && problem.severity == severity;
            let count = poller.instance.problems().iter().filter(is_counted).count();
            if threshold.is_some() || count > 0 {
                let labels = vec![("rule", rule.as_str().to_owned()), ("severity", severity_word(severity).to_owned())];
                counts.push((labels, count));
            }
        }
    }
    counts
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Warn => "warning",
        Severity::Crit => "critical",
    }
}

fn problem_labels(problem: &Problem) -> Labels {
    let rule = ("rule", problem.rule.id.as_str().to_owned());
    let names = problem.subject.names.as_ref().map(|(kind, proxy, name)| (*kind, proxy, name));
    [vec![rule, ("severity", severity_word(problem.severity).to_owned())], row_labels(names)].concat()
}

/// Returns the labels of a row, or of the process for `None`. Empty labels are the same as missing ones.
fn row_labels(names: Option<(RowKind, &SafeText, &SafeText)>) -> Labels {
    match names {
        None => vec![("kind", "process".to_owned())],
        Some((kind, proxy, name)) => {
            vec![("kind", kind_word(kind).to_owned()), ("proxy", proxy.to_string()), ("name", name.to_string())]
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::target::Target;
    use crate::haproxy::address::Address;
    use crate::observe::link::PollFailure;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    fn polled(name: &str, stat: Option<&str>) -> PolledInstance {
        let target = Target { name: Some(name.to_owned()), ..Target::new(Address::unix("/nowhere")) };
        let mut poller = Poller::new(&target, Duration::from_secs(1), Thresholds::default());
        let failure =
            || PollFailure { reason: "no answer".into(), hint: None, is_denied: false, retry_at: Duration::ZERO };
        let polled = match stat {
            Some(stat) => {
                poller.instance.add_sample(SampleBuilder::default().build_at_millis(0, stat), 0);
                Ok(Duration::from_secs(12))
            }
            None => Err(failure()),
        };
        (poller, polled)
    }

    fn lines(polled: &[PolledInstance]) -> Vec<String> {
        let text = render(polled, &Thresholds::default(), 2);
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn render_lists_state_problems_and_polls() {
        let lines = lines(&[polled("lb01", Some(&stat_of_site())), polled("lb02", None)]);
        for line in [
            "# TYPE hapulse_up gauge",
            "hapulse_check_state 2",
            "hapulse_up{target=\"lb01\"} 1",
            "hapulse_up{target=\"lb02\"} 0",
            "hapulse_problems{target=\"lb01\",rule=\"backend-down\",severity=\"critical\"} 1",
            "hapulse_problems{target=\"lb01\",rule=\"queue\",severity=\"warning\"} 0",
            "hapulse_problem{target=\"lb01\",rule=\"backend-down\",severity=\"critical\",kind=\"backend\",proxy=\"legacy\",name=\"BACKEND\"} 1",
            "hapulse_rules_not_evaluated{target=\"lb01\"} 24",
            "# UNIT hapulse_sampled_seconds seconds",
            "hapulse_sampled_seconds{target=\"lb01\"} 12",
            "hapulse_poll_duration_seconds{target=\"lb01\"} 0.001",
        ] {
            assert!(lines.iter().any(|known| known == line), "{line}\n{lines:#?}");
        }
        assert_eq!(lines.last().map(String::as_str), Some("# EOF"));
        assert!(!lines.iter().any(|line| line.contains("lb02") && !line.starts_with("hapulse_up")));
    }

    #[test]
    fn render_escapes_names() {
        let hostile = "a\\b\"c\nd";
        let lines = lines(&[polled(hostile, None)]);
        assert!(lines.iter().any(|line| line == "hapulse_up{target=\"a\\\\b\\\"c\\nd\"} 0"), "{lines:#?}");
        assert_eq!(render_failure(3).lines().last(), Some("# EOF"));
        assert!(render_failure(3).contains("\nhapulse_check_state 3\n"));
    }
}
