//! Sentences about a whole HAProxy: its key figures and its causes of problems.

use std::time::Duration;

use crate::haproxy::fields::{Field, InfoField};
use crate::instance::process_summary::ProcessSummary;
use crate::instance::state::Instance;
use crate::instance::verdict::Verdict;
use crate::observe::link::Link;
use crate::observe::sample::Sample;
use crate::observe::severity::Severity;
use crate::problems::cause::Cause;
use crate::problems::not_evaluated::not_evaluated_line;
use crate::units::{self, duration_words, pluralize};

/// Returns the severity as a word to read: `CRITICAL` or `WARNING`.
pub(crate) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Warn => "WARNING",
        Severity::Crit => "CRITICAL",
    }
}

/// Describes a cause with its severity first: `CRITICAL: be_app: no server available: s1: L4TOUT, impact 3%, for 24 min`.
pub(crate) fn cause_sentence(cause: &Cause, now: Duration) -> String {
    format!("{}: {}", severity_word(cause.severity), cause_without_severity(cause, now))
}

/// Describes a cause without its severity.
pub(crate) fn cause_without_severity(cause: &Cause, now: Duration) -> String {
    let impact = cause.impact.filter(|impact| *impact > 0.0);
    let impact = impact.map_or(String::new(), |impact| format!(", impact {}", units::percent(impact)));
    format!("{}: {}{impact}, for {}", cause.name(), cause.sentence, cause.age_words(now))
}

/// Describes the process: version, connections, rate and servers, and the number of causes. Without a sample, says why.
pub(crate) fn process_sentence(instance: &Instance, now: Duration) -> String {
    let (Some(sample), Some(summary)) = (instance.latest(), ProcessSummary::from_instance(instance)) else {
        return missing_data_sentence(instance);
    };
    let age = sample.process_number(InfoField::UptimeSec).and_then(|age| u64::try_from(age).ok());
    let age = age.map_or(String::new(), |age| format!(", running for {}", duration_words(Duration::from_secs(age))));
    let mut sentences = vec![format!("HAProxy {}{age}", sample.info.version_text())];
    sentences.push(traffic_sentence(&summary, sample));
    sentences.push(servers_sentence(&summary));
    if let Some(text) = sample.dropped_rows_text() {
        sentences.push(text);
    }
    if let Link::Lost { since, failure, .. } = instance.link() {
        let silent = duration_words(now.saturating_sub(*since));
        sentences.push(format!("HAProxy has not answered for {silent}: {}; the numbers are old", failure.reason));
    }
    sentences.push(verdict_sentence(instance));
    sentences.retain(|sentence| !sentence.is_empty());
    format!("{}.", sentences.join(". "))
}

/// Describes why a HAProxy without a sample has none.
fn missing_data_sentence(instance: &Instance) -> String {
    match instance.link() {
        Link::Lost { failure, .. } => format!("HAProxy does not answer: {}", failure.reason),
        _ => "no data from HAProxy yet".to_owned(),
    }
}

/// Returns these lines; instead of an empty list, a line that says so or why they are unknown.
pub(crate) fn lines_or_none(instance: &Instance, lines: Vec<String>, none: &str) -> Vec<String> {
    match lines.is_empty() {
        true if instance.latest().is_none() => vec![missing_data_sentence(instance)],
        true => vec![none.to_owned()],
        false => lines,
    }
}

fn traffic_sentence(summary: &ProcessSummary, sample: &Sample) -> String {
    let connections = match (summary.connections, summary.max_connections) {
        (Some(count), Some(limit)) => Some(units::part_of(count, limit, "connection")),
        (Some(count), None) => Some(pluralize(count, "connection")),
        _ => None,
    };
    // HAProxy's own rate of the last second is known from the first sample on.
    let ids = sample.rows.ids();
    let rates = sample.rows.frontends().iter().filter_map(|row| sample.number(ids[*row], Field::ReqRate));
    let rate = summary.request_rate.or_else(|| rates.map(|rate| rate as f64).reduce(|sum, rate| sum + rate));
    let rate = rate.map(|rate| format!("{} requests per second", units::rate(rate)));
    let queued = summary.queued.filter(|queued| *queued > 0).map(|queued| format!("{queued} queued"));
    let errors = summary.share_5xx.filter(|share| *share > 0.0);
    let errors = errors.map(|share| format!("{} of the responses are 5xx", units::percent(share)));
    [connections, rate, queued, errors].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn servers_sentence(summary: &ProcessSummary) -> String {
    let counts = [
        (summary.servers_down, "down"),
        (summary.out_of_service, "in maintenance or drain"),
        (summary.unresolved, "without an address"),
        (summary.unknown, "in an unknown state"),
    ];
    let other = counts.iter().filter(|(count, _)| *count > 0).map(|(count, state)| format!("{count} {state}"));
    let up = format!("{} up", pluralize(summary.servers_up as i64, "server"));
    std::iter::once(up).chain(other).collect::<Vec<_>>().join(", ")
}

/// Returns the number of causes, or that nothing is wrong as far as this is known. A rule that was not evaluated does not
/// count as fine, and while HAProxy does not answer, nothing is known.
pub(crate) fn verdict_sentence(instance: &Instance) -> String {
    match instance.verdict() {
        Verdict::Fine | Verdict::PartlyFine if !instance.link().is_up() => {
            "Nothing was wrong when HAProxy last answered".to_owned()
        }
        Verdict::Unknown => "What was wrong is unknown: the recording is damaged".to_owned(),
        Verdict::Fine => "Nothing is wrong".to_owned(),
        Verdict::PartlyFine | Verdict::SomeMissing => "No problem was found".to_owned(),
        Verdict::Reading if !instance.link().is_up() => "HAProxy answered too briefly to find problems".to_owned(),
        Verdict::Reading => "Reading the first samples".to_owned(),
        Verdict::Causes { count, is_complete } => {
            let count = match count {
                1 => "1 cause of problems".to_owned(),
                count => format!("{count} causes of problems"),
            };
            if is_complete { count } else { format!("{count} so far, reading the first samples") }
        }
    }
}

/// Returns a line with the rules that were not evaluated; `None` if all were, or if the first samples are still being read.
pub(crate) fn gaps_line(instance: &Instance) -> Option<String> {
    let problems = instance.problems();
    not_evaluated_line(problems.not_evaluated()).filter(|_| instance.verdict().is_complete())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::link::PollFailure;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site, stat_with_server, timestamp_at};

    fn failure() -> PollFailure {
        PollFailure { reason: "refused".into(), hint: None, is_denied: false, retry_at: Duration::ZERO }
    }

    #[test]
    fn process_sentence_gives_figures_of_first_sample() {
        let mut instance = Instance::default();
        assert_eq!(process_sentence(&instance, Duration::ZERO), "no data from HAProxy yet");
        instance.add_sample(SampleBuilder::default().build_at_millis(0, &stat_of_site()), 0);
        let sentence = process_sentence(&instance, Duration::ZERO);
        assert!(sentence.contains("500 of 2000 connections"), "{sentence}");
        assert!(sentence.contains("3 servers up, 1 down, 2 in maintenance or drain"), "{sentence}");
        assert!(sentence.ends_with("of problems so far, reading the first samples."), "{sentence}");
    }

    #[test]
    fn process_sentence_says_that_numbers_are_old() {
        let mut instance = Instance::default();
        instance.record_failure(failure(), timestamp_at(0));
        assert_eq!(process_sentence(&instance, Duration::ZERO), "HAProxy does not answer: refused");
        instance.add_sample(SampleBuilder::default().build_at_millis(0, &stat_of_site()), 0);
        instance.record_failure(failure(), timestamp_at(5000));
        let sentence = process_sentence(&instance, Duration::from_secs(7));
        assert!(sentence.contains("HAProxy has not answered for 7 s: refused; the numbers are old"), "{sentence}");
    }

    #[test]
    fn verdict_sentence_says_nothing_is_wrong_only_after_the_rules_were_evaluated() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        instance.add_sample(builder.build_at_millis(0, &stat_with_server("b", "s1", 1)), 0);
        assert_eq!(verdict_sentence(&instance), "Reading the first samples");
        assert_eq!(gaps_line(&instance), None);
        instance.record_failure(failure(), timestamp_at(1000));
        assert_eq!(verdict_sentence(&instance), "HAProxy answered too briefly to find problems");
        instance.add_sample(builder.build_at_millis(2000, &stat_with_server("b", "s1", 1)), 0);
        assert_eq!(verdict_sentence(&instance), "Nothing is wrong");
        instance.record_failure(failure(), timestamp_at(5000));
        assert_eq!(verdict_sentence(&instance), "Nothing was wrong when HAProxy last answered");
    }

    #[test]
    fn verdict_sentence_and_gaps_line_name_rules_that_were_not_evaluated() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        let stat = |errors: i64| {
            let head = "# pxname,svname,status,type,req_tot,stot,mode,hrsp_2xx,hrsp_5xx,";
            let (all, fine) = (errors * 4, errors * 3);
            let row = |name: &str, kind| format!("b,{name},UP,{kind},{all},9,http,{fine},{errors},\n");
            format!("{head}\n{}{}", row("s", 2), row("BACKEND", 1))
        };
        instance.add_sample(builder.build_at_millis(0, &stat(0)), 0);
        for second in [2, 4, 6, 8] {
            instance.add_sample(builder.build_at_millis(second * 1000, &stat(second.cast_signed())), 0);
            assert_eq!(verdict_sentence(&instance), "Reading the first samples");
        }
        instance.add_sample(builder.build_at_millis(10_000, &stat(10)), 0);
        assert_eq!(verdict_sentence(&instance), "No problem was found");
        let line = gaps_line(&instance).unwrap();
        assert!(line.starts_with("not evaluated: ") && line.contains("(too few requests)"), "{line}");
    }

    #[test]
    fn lines_or_none_says_why_lines_are_unknown() {
        let mut instance = Instance::default();
        assert_eq!(lines_or_none(&instance, Vec::new(), "no server"), ["no data from HAProxy yet"]);
        instance.record_failure(failure(), timestamp_at(0));
        assert_eq!(lines_or_none(&instance, Vec::new(), "no server"), ["HAProxy does not answer: refused"]);
        instance.add_sample(SampleBuilder::default().build_at_millis(0, &stat_of_site()), 0);
        assert_eq!(lines_or_none(&instance, Vec::new(), "no server"), ["no server"]);
        assert_eq!(lines_or_none(&instance, vec!["a".to_owned()], "no server"), ["a"]);
    }

    #[test]
    fn cause_sentence_begins_with_severity_and_ends_with_age() {
        let mut instance = Instance::default();
        instance.add_sample(SampleBuilder::default().build_at_millis(0, &stat_of_site()), 0);
        let cause = instance.problems().open_causes().next().unwrap();
        let sentence = cause_sentence(cause, Duration::from_secs(1));
        assert!(sentence.starts_with("CRITICAL: legacy: no server available"), "{sentence}");
        assert!(sentence.contains(", for "), "{sentence}");
    }
}
