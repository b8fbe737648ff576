//! `hapulse check`: runs a health check for Nagios and Icinga.
//!
//! The first line shows the state, the worst cause and, after a `|`, the performance data. The following lines list all
//! causes and, in one line, the rules that were not evaluated, which never count as OK. Every failure, such as an HAProxy that does not answer, results in UNKNOWN.

use std::io::Write;
use std::time::Duration;

use anyhow::Context as _;

use crate::haproxy::fields::InfoField;
use crate::headless::check::open_metrics;
use crate::headless::check::perfdata;
use crate::headless::poller::Poller;
use crate::headless::pollers::{self, PolledInstance};
use crate::headless::print::ignore_broken_pipe;
use crate::observe::link::PollFailure;
use crate::observe::severity::Severity;
use crate::problems::cause::Cause;
use crate::problems::not_evaluated::not_evaluated_line;
use crate::problems::thresholds::Thresholds;
use crate::units;

/// Default sampling time: enough for a hold time of ten seconds, plus two samples for a rate.
pub(crate) const DEFAULT_SAMPLING_TIME: Duration = Duration::from_secs(12);
/// Maximum default sampling time while a rule is not evaluated, for example after a reload.
pub(crate) const MAX_SAMPLING_TIME: Duration = Duration::from_secs(24);
/// Default hold times of rules are shortened to this time, so that the default sampling time is enough for all rules.
pub(crate) const LONGEST_HOLD_TIME: Duration = Duration::from_secs(10);
/// Maximum number of cause lines; monitoring systems truncate long output. The rest is only counted.
const MAX_CAUSE_LINES: usize = 50;

/// State that the plugin reports, in ascending order. The result is the highest state of all instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NagiosState {
    /// No problems, and every rule was evaluated.
    Ok,
    /// At least one warning.
    Warning,
    /// The check failed, for example because HAProxy does not answer, or a rule could not be evaluated.
    Unknown,
    /// At least one critical problem.
    Critical,
}

impl NagiosState {
    /// Returns the exit code of the plugin.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    /// Returns the name of the state.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// Output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CheckFormat {
    /// State, problems and performance data for Nagios and Icinga
    Nagios,
    /// Metrics for Prometheus
    #[value(name = "openmetrics")]
    OpenMetrics,
}

/// Options of the check.
#[derive(Debug, Clone)]
pub(crate) struct CheckOptions {
    /// Output format.
    pub(crate) format: CheckFormat,
    /// Sampling time.
    pub(crate) over: Duration,
    /// Maximum sampling time while a rule is not evaluated.
    pub(crate) at_most: Duration,
    /// Time between two samples.
    pub(crate) interval: Duration,
    /// Thresholds of the rules.
    pub(crate) thresholds: Thresholds,
}

/// Samples all instances, prints the result to `out` and returns the state. Metrics do not say why HAProxy did not
/// answer, so this is printed to `err`.
///
/// # Errors
/// Returns an error if writing fails or the I/O runtime cannot start. A closed pipe is not an error.
pub(crate) fn run(
    options: &CheckOptions,
    pollers: Vec<Poller>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> anyhow::Result<NagiosState> {
    let pollers = pollers.into_iter().map(Poller::with_slow_round).collect();
    let polled = pollers::poll_all(pollers, options.over, options.at_most, options.interval)?;
    let (state, lines) = evaluate(&polled, options);
    let printed = match options.format {
        CheckFormat::Nagios => lines.iter().try_for_each(|line| writeln!(out, "{line}")),
        CheckFormat::OpenMetrics => {
            for (poller, failure) in polled.iter().filter_map(|(poller, polled)| Some((poller, polled.as_ref().err()?)))
            {
                pollers::report_failure(&poller.name, failure, err);
            }
            let text = open_metrics::render(&polled, &options.thresholds, state.exit_code());
            out.write_all(text.as_bytes())
        }
    };
    let printed = printed.and_then(|()| out.flush());
    ignore_broken_pipe(printed).context("cannot print")?;
    Ok(state)
}

/// Returns the output line of a check that failed.
pub(crate) fn unknown_line(why: &str) -> String {
    format!("HAPULSE UNKNOWN - {}", replace_bars(why))
}

/// Replaces `|`, because monitoring systems read everything after the first `|` as performance data.
fn replace_bars(text: &str) -> String {
    text.replace('|', "/")
}

/// Returns the worst state of all instances, and the output lines.
fn evaluate(polled: &[PolledInstance], options: &CheckOptions) -> (NagiosState, Vec<String>) {
    let is_one = polled.len() == 1;
    let called = |poller: &Poller| if is_one { String::new() } else { format!("{}: ", poller.name) };
    let mut each: Vec<(NagiosState, String)> = Vec::new();
    let (mut below, mut not_evaluated, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for (poller, polled) in polled {
        let (state, summary) = match polled {
            Ok(_) => match poller.instance.latest().and_then(|sample| sample.dropped_rows_text()) {
                // Rows that were not read may have problems.
                Some(text) => {
                    (worst_state(poller).max(NagiosState::Unknown), format!("{text}; {}", summary_text(poller)))
                }
                None => (worst_state(poller), summary_text(poller)),
            },
            Err(failure) => (NagiosState::Unknown, failure_text(poller, failure, is_one)),
        };
        each.push((state, format!("{}{summary}", called(poller))));
        let Err(failure) = polled else {
            let prefix = (!is_one).then_some(poller.name.as_str());
            let gaps = not_evaluated_line(poller.instance.problems().not_evaluated());
            not_evaluated.extend(gaps.map(|line| format!("{}{line}", called(poller))));
            numbers.extend(perfdata::perf_values(&poller.instance, prefix, &options.thresholds));
            let lines = poller.instance.problems().open_causes().map(Cause::line);
            below.extend(lines.map(|line| format!("{}{line}", called(poller))));
            continue;
        };
        below.extend(failure.hint.iter().map(|hint| format!("{}{hint}", called(poller))));
    }
    let worst = each.iter().map(|(state, _)| *state).max().unwrap_or(NagiosState::Unknown);
    // Summaries of the instances in the worst state.
    let summaries: Vec<&str> =
        each.iter().filter(|(state, _)| *state == worst).map(|(_, summary)| summary.as_str()).collect();
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    let bar = if numbers.is_empty() { "" } else { " | " };
    let first =
        format!("HAPULSE {} - {}{bar}{}", worst.as_str(), replace_bars(&summaries.join("; ")), numbers.join(" "));
    let more = below.len().saturating_sub(MAX_CAUSE_LINES);
    let mut lines: Vec<String> =
        std::iter::once(first).chain(below.iter().take(MAX_CAUSE_LINES).map(|line| replace_bars(line))).collect();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    let shortest = polled.iter().filter_map(|(_, polled)| polled.as_ref().ok()).min();
    let over = options.over.min(shortest.copied().unwrap_or(options.over));
    if over < options.over {
        let (over, options) = (over.as_secs(), options.over.as_secs());
        lines.push(format!("sampled {over} s instead of {options} s: HAProxy answers too slowly"));
    }
    lines.extend(not_evaluated);
    let silenced = polled.iter().map(|(poller, _)| poller.instance.problems().silenced().count()).sum::<usize>();
    lines.extend(
        (silenced > 0)
            .then(|| format!("silenced by the configuration: {}", units::pluralize(silenced as i64, "problem"))),
    );
    (worst, lines)
}

fn failure_text(poller: &Poller, failure: &PollFailure, is_one: bool) -> String {
    if is_one { format!("{}: {}", poller.name, failure.reason) } else { failure.reason.clone() }
}

fn worst_state(poller: &Poller) -> NagiosState {
    let problems = poller.instance.problems();
    match problems.open_causes().map(|cause| cause.severity).max() {
        None if !problems.not_evaluated().is_empty() => NagiosState::Unknown,
        None => NagiosState::Ok,
        Some(Severity::Warn) => NagiosState::Warning,
        Some(Severity::Crit) => NagiosState::Critical,
    }
}

/// Returns the worst cause and the number of other causes or, if there is no cause, the numbers of usable servers and of
/// connections.
fn summary_text(poller: &Poller) -> String {
    let mut causes = poller.instance.problems().open_causes();
    if let Some(worst) = causes.next() {
        let line = worst.line();
        let what = line.split_once(' ').map_or(line.as_str(), |(_, what)| what).to_owned();
        return match causes.count() {
            0 => what,
            more => format!("{what} (and {more} more)"),
        };
    }
    let Some(sample) = poller.instance.latest() else { return "no sample".to_owned() };
    let (usable, all) = perfdata::count_servers(sample);
    let connections = match (sample.process_number(InfoField::CurrConns), sample.process_number(InfoField::Maxconn)) {
        (Some(now), Some(limit)) => format!(", {now} of {limit} connections"),
        _ => String::new(),
    };
    let gaps = not_evaluated_line(poller.instance.problems().not_evaluated());
    let gaps = gaps.map_or(String::new(), |line| format!("{line}; "));
    format!("{gaps}{usable} of {all} servers usable{connections}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::target::Target;
    use crate::haproxy::address::Address;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    fn options(seconds: u64) -> CheckOptions {
        let (over, every) = (Duration::from_secs(seconds), Duration::from_secs(1));
        CheckOptions {
            format: CheckFormat::Nagios,
            over,
            at_most: over,
            interval: every,
            thresholds: Thresholds::default(),
        }
    }

    fn polled(name: &str, stat: Option<&str>) -> PolledInstance {
        let target = Target { name: Some(name.to_owned()), ..Target::new(Address::unix("/nowhere")) };
        let mut poller = Poller::new(&target, Duration::from_secs(1), Thresholds::default());
        let failure = || PollFailure {
            reason: "no | answer".into(),
            hint: Some("do this".into()),
            is_denied: false,
            retry_at: Duration::ZERO,
        };
        let polled = match stat {
            Some(stat) => {
                poller.instance.add_sample(SampleBuilder::default().build_at_millis(0, stat), 0);
                Ok(Duration::MAX)
            }
            None => Err(failure()),
        };
        (poller, polled)
    }

    #[test]
    fn w27_evaluate_puts_worst_cause_on_first_line() {
        let (state, lines) = evaluate(&[polled("lb01", Some(&stat_of_site()))], &options(12));
        assert_eq!(state, NagiosState::Critical);
        let (words, numbers) = lines[0].split_once(" | ").unwrap();
        let cause = "backend legacy: no server available: old1: L4CON Connection refused";
        assert_eq!(words, format!("HAPULSE CRITICAL - {cause}"));
        assert!(numbers.starts_with("'connections'="), "{numbers}");
        assert_eq!(lines[1], format!("CRIT {cause}"), "the server that is down follows from it");
        let last = lines.last().unwrap();
        assert!(last.starts_with("not evaluated: ") && last.contains(" rules (only one sample)"), "{last}");
        assert!(last.len() < 120 && lines[1..].iter().all(|line| !line.contains('|')), "{last}");
    }

    #[test]
    fn w23_evaluate_never_counts_skipped_rules_as_ok() {
        let stat =
            "# pxname,svname,status,hrsp_2xx,hrsp_5xx,req_tot,type,\nb,s,UP,90,0,90,2,\nb,BACKEND,UP,90,0,90,1,\n";
        let (mut poller, _) = polled("lb01", Some(stat));
        let evaluate = |poller: Poller| {
            let all = [(poller, Ok(Duration::MAX))];
            let (state, lines) = evaluate(&all, &options(12));
            (all.into_iter().next().unwrap().0, state, lines)
        };
        let (one_sample, state, lines) = evaluate(poller);
        assert_eq!(state, NagiosState::Unknown);
        assert!(lines[0].starts_with("HAPULSE UNKNOWN - not evaluated: "), "{}", lines[0]);
        poller = one_sample;
        let mut builder = SampleBuilder::default();
        for millis in [0, 1000, 2000] {
            poller.instance.add_sample(builder.build_at_millis(millis, stat), 0);
        }
        let (_, state, lines) = evaluate(poller);
        assert_eq!((state, lines.len()), (NagiosState::Ok, 1), "{lines:?}");
    }

    #[test]
    fn evaluate_reports_failure_as_unknown_without_bar() {
        let (state, lines) = evaluate(&[polled("lb01", None)], &options(12));
        assert_eq!((state, state.exit_code()), (NagiosState::Unknown, 3));
        assert_eq!(lines[..2], ["HAPULSE UNKNOWN - lb01: no / answer", "do this"]);
    }

    #[test]
    fn evaluate_returns_worst_state_of_several_instances() {
        let all = [polled("lb01", None), polled("lb02", Some(&stat_of_site()))];
        let (state, lines) = evaluate(&all, &options(120));
        assert_eq!(state, NagiosState::Critical);
        assert!(lines[0].starts_with("HAPULSE CRITICAL - lb02: backend legacy"), "{}", lines[0]);
        assert!(lines[0].contains("'lb02 connections'="));
        assert_eq!(lines[1], "lb01: do this");
        assert_eq!(evaluate(&all[..1], &options(120)).0, NagiosState::Unknown);
        assert!(
            NagiosState::Critical > NagiosState::Unknown
                && NagiosState::Unknown > NagiosState::Warning
                && NagiosState::Warning > NagiosState::Ok
        );
    }

    #[test]
    fn evaluate_reports_shortened_sampling() {
        let (poller, _) = polled("lb01", Some(&stat_of_site()));
        let (_, lines) = evaluate(&[(poller, Ok(Duration::from_millis(6500)))], &options(12));
        let [.., slow, _] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!(slow, "sampled 6 s instead of 12 s: HAProxy answers too slowly");
    }
}
