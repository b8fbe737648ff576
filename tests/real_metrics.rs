//! `hapulse check --format openmetrics` against a real HAProxy: valid text, values, exit codes, and hostile names. Where `promtool` (Debian package `prometheus`) is installed, it checks the text, too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use script::Script;
use support::{CannedReplies, FakeSocket, Lab, ServerBehavior};

/// Values by metric and labels.
type Samples = BTreeMap<(String, BTreeMap<String, String>), f64>;

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|ch| ch.is_ascii_lowercase())
        && chars.all(|ch| ch.is_ascii_lowercase() || ch.is_ascii_digit() || ch == '_')
}

/// Parses `{a="b",c="d"}` up to its end, and returns the rest.
fn parse_labels(text: &str) -> (BTreeMap<String, String>, &str) {
    let mut labels = BTreeMap::new();
    let Some(mut rest) = text.strip_prefix('{') else { return (labels, text) };
    loop {
        let (name, value) = rest.split_once("=\"").expect("a label has a quoted value");
        assert!(is_name(name), "{name}");
        let (mut parsed, mut chars) = (String::new(), value.char_indices());
        let end = loop {
            match chars.next().expect("a label value ends").1 {
                '"' => break chars.offset(),
                '\\' => parsed.push(match chars.next().unwrap().1 {
                    'n' => '\n',
                    escaped @ ('\\' | '"') => escaped,
                    other => panic!("unknown escape {other}"),
                }),
                plain => parsed.push(plain),
            }
        };
        assert!(labels.insert(name.to_owned(), parsed).is_none(), "{name} twice");
        match value[end..].split_at(1) {
            (",", more) => rest = more,
            ("}", after) => return (labels, after),
            other => panic!("{other:?} after a label"),
        }
    }
}

/// Parses the text strictly: metadata before the samples, families in one piece, no sample twice, `# EOF` last.
fn parse(text: &str) -> Samples {
    let text = text.strip_suffix("# EOF\n").expect("the text ends with # EOF");
    let (mut samples, mut finished, mut family) = (Samples::new(), BTreeSet::new(), String::new());
    let mut metadata: Vec<(String, String)> = Vec::new();
    let mut has_samples = true;
    for line in text.lines() {
        assert!(!line.is_empty() && line.trim() == line, "{line:?}");
        if let Some(comment) = line.strip_prefix("# ") {
            let (keyword, rest) = comment.split_once(' ').unwrap();
            let (name, value) = rest.split_once(' ').unwrap();
            assert!(is_name(name) && name.starts_with("hapulse_"), "{line}");
            if name != family {
                assert!(has_samples, "{family} has no samples");
                assert!(finished.insert(name.to_owned()), "{name} in two pieces");
                (family, has_samples) = (name.to_owned(), false);
                metadata.clear();
            }
            assert!(!has_samples, "{line} after the samples");
            assert!(!metadata.iter().any(|(known, _)| known == keyword), "{line} twice");
            match keyword {
                "HELP" => assert!(!value.is_empty()),
                "TYPE" => assert_eq!(value, "gauge"),
                "UNIT" => assert!(name.ends_with(&format!("_{value}")), "{line}"),
                other => panic!("unknown keyword {other}"),
            }
            metadata.push((keyword.to_owned(), value.to_owned()));
            continue;
        }
        let end = line.find(['{', ' ']).unwrap();
        assert_eq!(line[..end], family, "{line}");
        assert!(["HELP", "TYPE"].iter().all(|known| metadata.iter().any(|(keyword, _)| keyword == known)), "{line}");
        let (labels, value) = parse_labels(&line[end..]);
        let value: f64 = value.strip_prefix(' ').expect("a blank before the value").parse().unwrap();
        assert!(samples.insert((family.clone(), labels), value).is_none(), "{line} twice");
        has_samples = true;
    }
    assert!(has_samples, "{family} has no samples");
    samples
}

/// Checks the text with promtool, if it is installed.
fn check_with_promtool(text: &str) {
    let mut command = Command::new("promtool");
    let started = command.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = started else { return };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    // Code 3 is for style only.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Returns the value of a metric with these labels, whatever other labels it has.
fn value(samples: &Samples, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let has_labels = |known: &BTreeMap<String, String>| {
        labels.iter().all(|(label, value)| known.get(*label).is_some_and(|text| text == value))
    };
    let found = samples.iter().filter(|((metric, known), _)| metric == name && has_labels(known));
    let values: Vec<f64> = found.map(|(_, value)| *value).collect();
    assert!(values.len() <= 1, "{name}{labels:?} is not one sample");
    values.first().copied()
}

fn assert_value(samples: &Samples, name: &str, labels: &[(&str, &str)], expected: f64) {
    let found = value(samples, name, labels);
    assert!(found.is_some_and(|found| (found - expected).abs() < 1e-9), "{name}{labels:?} is {found:?}: {samples:#?}");
}

#[test]
fn metrics_report_problems_of_real_haproxy() {
    let lab = Lab::builder().servers(2).server_behavior("be1/s1", ServerBehavior::Closed).checks().start();
    lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    let result = Script::new().run(lab.admin(), "check --over 2s --format openmetrics");
    let nagios = Script::new().run(lab.admin(), "check --over 2s");
    assert_eq!((result.code, result.err.as_str()), (nagios.code, ""), "{result:?}");
    check_with_promtool(&result.out);
    let samples = parse(&result.out);
    assert_value(&samples, "hapulse_check_state", &[], f64::from(result.code));
    assert_value(&samples, "hapulse_up", &[("target", &lab.admin().display().to_string())], 1.0);
    let down = [("rule", "server-down"), ("severity", "warning")];
    assert_value(&samples, "hapulse_problems", &down, 1.0);
    assert_value(&samples, "hapulse_problems", &[("rule", "queue"), ("severity", "critical")], 0.0);
    let row = [("rule", "server-down"), ("kind", "server"), ("proxy", "be1"), ("name", "s1")];
    assert_value(&samples, "hapulse_problem", &row, 1.0);
    assert!(value(&samples, "hapulse_problem_age_seconds", &row).is_some_and(|age| age >= 0.0));
    assert!(value(&samples, "hapulse_sampled_seconds", &[]).is_some_and(|time| time >= 1.9));
    assert!(value(&samples, "hapulse_poll_duration_seconds", &[]).is_some_and(|time| time > 0.0));
    assert!(value(&samples, "hapulse_poll_timestamp_seconds", &[]).is_some_and(|time| time > 1.7e9));
}

#[test]
fn metrics_report_healthy_and_missing_haproxy() {
    let lab = Lab::builder().start();
    let mut command = Script::new().command(lab.admin(), "check --over 0 --format openmetrics lb02=/nowhere/none.sock");
    let output = command.output().unwrap();
    let samples = parse(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(output.status.code(), Some(3));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.starts_with("hapulse: lb02: cannot connect"), "{err}");
    assert_value(&samples, "hapulse_up", &[("target", "lb02")], 0.0);
    assert_value(&samples, "hapulse_up", &[("target", &lab.admin().display().to_string())], 1.0);
    let skipped = value(&samples, "hapulse_rules_not_evaluated", &[]);
    assert!(skipped.is_some_and(|count| count > 0.0), "one sample has no rates: {skipped:?}");
    assert_eq!(value(&samples, "hapulse_poll_duration_seconds", &[("target", "lb02")]), None);
    let script = Script::new();
    script.configure("nonsense = 1\n");
    let result = script.run(lab.admin(), "check --over 0 --format openmetrics");
    assert_eq!(result.code, 3);
    assert!(result.err.contains("config.toml"), "{result:?}");
    assert_value(&parse(&result.out), "hapulse_check_state", &[], 3.0);
}

#[test]
fn metrics_escape_hostile_names() {
    let lab = Lab::builder().servers(2).start();
    let info = lab.send_command("show info");
    let stat = lab.send_command("show stat").replace("be1,s1,", "be1,\"s\"\"1\\{}#\u{e9} \",");
    let stat = stat.replace(",no check,", ",DOWN,");
    let fake = FakeSocket::with_replies(CannedReplies::new().on("show info", info).on("show stat", stat));
    let result = Script::new().run(fake.path(), "check --over 0 --format openmetrics");
    check_with_promtool(&result.out);
    let samples = parse(&result.out);
    let names: BTreeSet<&String> = samples.keys().filter_map(|(_, labels)| labels.get("name")).collect();
    assert!(names.iter().any(|name| name.starts_with("s\"1\\{}#\u{e9}")), "{names:?}");
}
