//! Faults of a real HAProxy with few requests: each is named after at most 50 requests, and ends soon after the repair.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;
#[path = "support/watched.rs"]
mod watched;

use std::thread;
use std::time::Duration;

use support::{Lab, ServerBehavior, Traffic};
use watched::{Watched, WatchedSample};

const REQUESTS: f64 = 50.0;
/// Hold time of shares.
const HOLD: Duration = Duration::from_secs(6);
const RESOLVED: Duration = Duration::from_secs(20);
/// Errors of half of the requests.
const HALF: ServerBehavior = ServerBehavior::Errors(50);
const SOME: ServerBehavior = ServerBehavior::Errors(30);

/// One case: requests per second, behavior of the servers, the object and the text of its only cause (empty without one), and
/// how often HAProxy repeats an attempt.
type Case = (f64, [ServerBehavior; 2], &'static str, &'static str, &'static str);

const OK: ServerBehavior = ServerBehavior::Ok;
const CASES: [Case; 6] = [
    (2.0, [SOME, SOME], "be1", "application errors: ", "retries 3"),
    (3.5, [HALF, OK], "be1/s1", " of its responses are 5xx", "retries 3"),
    (1.0, [ServerBehavior::Status(500), OK], "be1/s1", "100% of its responses are 5xx", "retries 3"),
    (2.0, [ServerBehavior::Closed, OK], "be1/s1", "connection problem: 100% of the connections failed", "retries 0"),
    (2.0, [ServerBehavior::NoResponse, OK], "be1/s1", "100% of the responses failed", "retries 0"),
    (2.0, [OK, OK], "", "", "retries 0"),
];

fn open_objects(sample: &WatchedSample) -> Vec<(String, String)> {
    let open = sample.causes().into_iter().filter(|cause| !cause.is_resolved);
    open.map(|cause| (cause.object, cause.text)).collect()
}

fn assert_named((rate, servers, object, text, defaults): Case) {
    let lab = Lab::builder().servers(2).defaults(defaults).start();
    let _clients = Traffic::to(lab.frontend_addr()).workers(8).rate(rate).start();
    let watched = Watched::start(lab.admin());
    let seconds = |seconds: u64| move |sample: &WatchedSample| sample.time >= Duration::from_secs(seconds);
    let before = watched.wait_after(None, "healthy samples", seconds(20));
    let limit = Duration::from_secs_f64(REQUESTS / rate) + HOLD;
    for (place, behavior) in servers.into_iter().enumerate() {
        lab.set_server_behavior(&format!("be1/s{}", place + 1), behavior);
    }
    let since = |earlier: &WatchedSample, sample: &WatchedSample| sample.time.saturating_sub(earlier.time);
    let last = watched.wait_after(Some(&before), "later samples", |sample| since(&before, sample) >= limit);
    let later = watched.wait_after(Some(&last), "later samples", |sample| since(&last, sample) >= HOLD);
    for sample in &watched.samples()[last.index..=later.index] {
        let open = open_objects(sample);
        let is_named = matches!(open.as_slice(), [(name, words)] if name == object && words.contains(text));
        assert!(is_named || open.is_empty() && object.is_empty(), "{object} {rate}/s: {:?}: {open:?}", sample.time);
    }
    for place in 1..=servers.len() {
        lab.set_server_behavior(&format!("be1/s{place}"), OK);
    }
    let repaired = watched.newest();
    let fine = watched.wait_after(Some(&repaired), "a resolved cause", |sample| open_objects(sample).is_empty());
    assert!(since(&repaired, &fine) <= RESOLVED, "{object} {rate}/s: {:?}", since(&repaired, &fine));
}

/// The cases have a HAProxy each and run at the same time, because each one takes a minute of waiting.
#[test]
fn faults_of_few_requests_are_named_within_50_of_them() {
    thread::scope(|scope| {
        for case in CASES {
            scope.spawn(move || assert_named(case));
        }
    });
}
