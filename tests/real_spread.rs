//! Faults of a real HAProxy that spread from one server to others, or shrink to one: each is named for what it is now, within
//! the limit.
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

/// Time from a change to the first sample that names the fault.
const NAMED: Duration = Duration::from_secs(12);
/// Time from a change to the first sample without the causes of before, and time for which it stays so.
const RESOLVED: Duration = Duration::from_secs(20);
const SETTLED: Duration = Duration::from_secs(3);
const SLOW: ServerBehavior = ServerBehavior::Slow(Duration::from_millis(1200));
const FAULTS: [(ServerBehavior, &str, &str); 4] = [
    (ServerBehavior::Status(500), "of its responses are 5xx", "application errors: "),
    (ServerBehavior::NoResponse, "of the responses failed", "application errors: "),
    (ServerBehavior::Closed, "connection problem: ", "connection problem: "),
    (SLOW, "slower than its peers", "application slow: "),
];

fn open_objects(sample: &WatchedSample) -> Vec<(String, String)> {
    let open = sample.causes().into_iter().filter(|cause| !cause.is_resolved);
    open.map(|cause| (cause.object, cause.text)).collect()
}

/// Sets the behavior of the servers, then waits until the cause of the object is the first one, and soon the only one.
fn change_to(lab: &Lab, watched: &Watched, servers: [ServerBehavior; 3], object: &str, text: &str) {
    let before = watched.newest();
    for (place, behavior) in servers.into_iter().enumerate() {
        lab.set_server_behavior(&format!("be1/s{}", place + 1), behavior);
    }
    let since = |sample: &WatchedSample| sample.time.saturating_sub(before.time);
    let is_first = |sample: &WatchedSample| {
        open_objects(sample).first().is_some_and(|cause| cause.0 == object && cause.1.contains(text))
    };
    let named = watched.wait_after(Some(&before), &format!("{object} with {text}"), is_first);
    assert!(since(&named) <= NAMED, "{servers:?} named after {:?}: {:?}", since(&named), named.causes());
    let last = watched.wait_after(Some(&named), "later samples", |sample| since(sample) >= RESOLVED + SETTLED);
    for sample in &watched.samples()[named.index..=last.index] {
        let is_only = since(sample) < RESOLVED || open_objects(sample).len() == 1;
        assert!(is_first(sample) && is_only, "{servers:?}: {:?} {:?}", since(sample), sample.causes());
    }
}

fn assert_follows((fault, one, all): (ServerBehavior, &str, &str)) {
    let lab = Lab::builder().servers(3).defaults("retries 0").start();
    let _clients = Traffic::to(lab.frontend_addr()).workers(60).rate(36.0).start();
    let watched = Watched::start(lab.admin());
    watched.wait_after(None, "healthy samples", |sample| sample.time >= Duration::from_secs(6));
    let ok = ServerBehavior::Ok;
    change_to(&lab, &watched, [fault, ok, ok], "be1/s1", one);
    change_to(&lab, &watched, [fault, fault, fault], "be1", all);
    change_to(&lab, &watched, [ok, fault, ok], "be1/s2", one);
    change_to(&lab, &watched, [fault, fault, ok], "be1", all);
    change_to(&lab, &watched, [ok, ok, fault], "be1/s3", one);
}

/// The faults have a HAProxy each and run at the same time, because each one takes two minutes of waiting.
#[test]
fn faults_that_spread_or_shrink_are_named_soon() {
    thread::scope(|scope| {
        for fault in FAULTS {
            scope.spawn(move || assert_follows(fault));
        }
    });
}
