//! Attempts that a real HAProxy repeats: at the same server or at another one, because of the connection or of the response.
//!
//! Each is counted once, and named for what failed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;
#[path = "support/watched.rs"]
mod watched;

use std::time::Duration;

use support::builder::LabBuilder;
use support::{Lab, ServerBehavior, Traffic};
use watched::{Watched, WatchedCause, WatchedSample};

const NAMED: Duration = Duration::from_secs(12);
/// Repeats a request at the same server, or at another one at once.
const SAME: [&str; 3] = ["retries 3", "no option redispatch", "retry-on all-retryable-errors"];
const OTHER: [&str; 3] = ["retries 3", "option redispatch 1", "retry-on all-retryable-errors"];

fn open_causes(sample: &WatchedSample) -> Vec<WatchedCause> {
    sample.causes().into_iter().filter(|cause| !cause.is_resolved).collect()
}

/// Lets one of three servers fail, or all, and returns the only cause in all samples from its name on.
fn only_cause(options: [&str; 3], failing: &[&str], behavior: ServerBehavior, extra: Option<&str>) -> WatchedCause {
    let lab = options.into_iter().fold(Lab::builder().servers(3), LabBuilder::defaults);
    let lab = extra.into_iter().fold(lab, LabBuilder::backend).start();
    let _clients = Traffic::to(lab.frontend_addr()).workers(8).rate(45.0).start();
    let watched = Watched::start(lab.admin());
    let before = watched.wait_after(None, "healthy samples", |sample| sample.time >= Duration::from_secs(6));
    for server in failing {
        lab.set_server_behavior(server, behavior);
    }
    let named = watched.wait_after(Some(&before), "a cause", |sample| !open_causes(sample).is_empty());
    let time = named.time.saturating_sub(before.time);
    assert!(time <= NAMED, "named after {time:?}");
    let last = watched.wait_after(Some(&named), "later samples", |sample| sample.time >= named.time + NAMED);
    let causes = open_causes(&last);
    let all = &watched.samples()[named.index..=last.index];
    for sample in all {
        let objects: Vec<String> = sample.causes().into_iter().map(|cause| cause.object).collect();
        assert_eq!(objects, [causes[0].object.clone()], "{behavior:?}: {:?}", sample.causes());
    }
    causes[0].clone()
}

#[test]
fn connections_that_fail_are_counted_once() {
    for options in [SAME, OTHER] {
        let cause = only_cause(options, &["be1/s2"], ServerBehavior::Closed, None);
        assert_eq!(cause.object, "be1/s2");
        assert_unreachable(&cause);
    }
}

/// Almost all connections failed: HAProxy waits for 1 s before it tries the same server again, and a request may have ended
/// just before.
fn assert_unreachable(cause: &WatchedCause) {
    let share = cause.text.strip_prefix("connection problem: ").and_then(|text| text.split('%').next());
    let share: f64 = share.and_then(|share| share.parse().ok()).unwrap_or_default();
    assert!(share >= 85.0 && cause.text.contains("% of the connections failed ("), "{cause:?}");
}

#[test]
fn responses_that_fail_are_not_failed_connections() {
    for (options, behavior) in
        [(OTHER, ServerBehavior::Status(503)), (OTHER, ServerBehavior::NoResponse), (SAME, ServerBehavior::NoResponse)]
    {
        let cause = only_cause(options, &["be1/s2"], behavior, None);
        assert_eq!(cause.object, "be1/s2");
        let is_right =
            cause.text.starts_with("100% of the responses failed, ") && cause.text.contains(" of them retried");
        assert!(is_right, "{options:?}, {behavior:?}: {cause:?}");
    }
    let cause = only_cause(SAME, &["be1/s2"], ServerBehavior::Status(503), None);
    assert!(cause.object == "be1/s2" && cause.text.starts_with("100% of its responses are 5xx"), "{cause:?}");
}

#[test]
fn responses_of_a_server_that_a_rule_chooses_are_not_failed_connections() {
    let rule = "use-server s2 if TRUE";
    for (options, behavior, text) in [
        (OTHER, ServerBehavior::Status(503), "100% of the responses failed, "),
        (SAME, ServerBehavior::Status(503), " responses "),
    ] {
        let cause = only_cause(options, &["be1/s2"], behavior, Some(rule));
        assert!(cause.text.contains(text), "{options:?}, {behavior:?}: {cause:?}");
    }
    assert_unreachable(&only_cause(OTHER, &["be1/s2"], ServerBehavior::Closed, Some(rule)));
}

#[test]
fn responses_of_all_servers_that_fail_are_errors_of_the_application() {
    let all = ["be1/s1", "be1/s2", "be1/s3"];
    for behavior in [ServerBehavior::Status(503), ServerBehavior::NoResponse] {
        for options in [SAME, OTHER] {
            let cause = only_cause(options, &all, behavior, None);
            assert!(cause.object == "be1" && cause.text.starts_with("application errors: "), "{behavior:?}: {cause:?}");
        }
    }
}
