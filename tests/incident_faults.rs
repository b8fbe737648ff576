//! Nine faults in a real HAProxy, one at a time: each is named as one thing that is wrong, in words that an operator
//! would use, soon after HAProxy's own numbers show it; after the repair it is marked resolved and then removed.
//!
//! Every fault has its own HAProxy. All are injected at the same time, because most of the time is spent waiting, and
//! each test reports the outcome of its fault. Limits are measured between samples; see [`WatchedSample::time`].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/incident.rs"]
mod incident;
#[path = "support/script.rs"]
mod script;
mod support;
#[path = "support/watched.rs"]
mod watched;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use incident::{AGENT, DEAD, DNS, ERRORS, FLAP, Incident, PAUSE, Part, QUEUE, TCP, TCP_LIMIT, WEB};
use support::{ServerBehavior, lock};
use watched::{Watched, WatchedCause, WatchedSample};

/// Time before each fault in which nothing may be wrong.
const HEALTHY: Duration = Duration::from_secs(6);
/// Limit from the first sample whose own numbers show the fault to the first that names it.
const NAMED: Duration = Duration::from_secs(5);
/// Limit from the start of a fault that only a rate or a mean shows to the first sample that names it; longer if fewer
/// requests than [`NAMED_REQUESTS`] were answered.
const NAMED_BY_RATE: Duration = Duration::from_secs(12);
const NAMED_REQUESTS: f64 = 50.0;
/// Limit from the repair to the first sample in which the cause is marked resolved.
const RESOLVED: Duration = Duration::from_secs(20);
/// Limit from then to the first sample without it.
const REMOVED: Duration = Duration::from_secs(20);

type FaultTest = fn();

/// The faults by the names of their tests.
const FAULTS: [(&str, FaultTest); 9] = [
    ("queue", queue),
    ("slow server", slow_server),
    ("5xx", errors_of_one_server),
    ("flap", flap),
    ("dead backend", dead_backend),
    ("connection limit", connection_limit),
    ("paused frontend", paused_frontend),
    ("DNS", dns_without_address),
    ("agent", agent_down),
];

/// The running faults; the first test starts all of them.
static RUNNING: LazyLock<BTreeMap<&str, Mutex<Option<JoinHandle<()>>>>> = LazyLock::new(|| {
    let start = |(name, test): (&'static str, FaultTest)| (name, Mutex::new(Some(thread::spawn(test))));
    FAULTS.into_iter().map(start).collect()
});

/// Waits for the end of a fault and fails with its message.
#[track_caller]
fn report(name: &str) {
    let thread = lock(&RUNNING[name]).take().expect("each fault has one test");
    if let Err(payload) = thread.join() {
        let message = payload.downcast_ref::<String>().map(String::as_str);
        panic!("{}", message.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("it panicked"));
    }
}

#[test]
fn incident_names_queue_and_its_end() {
    report("queue");
}

#[test]
fn incident_names_slow_server_and_its_end() {
    report("slow server");
}

#[test]
fn incident_names_server_with_5xx_and_its_end() {
    report("5xx");
}

#[test]
fn incident_names_flapping_server_and_its_end() {
    report("flap");
}

#[test]
fn incident_names_dead_backend_and_its_end() {
    report("dead backend");
}

#[test]
fn incident_names_connection_limit_and_its_end() {
    report("connection limit");
}

#[test]
fn incident_names_paused_frontend_and_its_end() {
    report("paused frontend");
}

#[test]
fn incident_names_dns_without_address_and_its_end() {
    report("DNS");
}

#[test]
fn incident_names_agent_with_its_text_and_its_end() {
    report("agent");
}

/// A site with the parts `web` and `part`, and what hapulse finds wrong with it.
struct Run {
    incident: Incident,
    watched: Watched,
}

/// The name of what is wrong: the row, and words of its sentence. `|` separates alternatives.
struct Name(&'static str, &'static [&'static str]);

impl Name {
    fn is_in(&self, sample: &WatchedSample) -> bool {
        let has = |text: &str, words: &str| words.split('|').any(|word| text.contains(word));
        let fits = |cause: &WatchedCause| {
            !cause.is_resolved && cause.object == self.0 && self.1.iter().all(|words| has(&cause.text, words))
        };
        sample.causes().iter().any(fits)
    }
}

impl Run {
    /// Starts the site and waits until it has been healthy for a while.
    fn start(part: &'static Part) -> Self {
        let parts: &[&Part] = if part.name == WEB.name { &[&WEB] } else { &[&WEB, part] };
        let incident = Incident::start(parts);
        incident.wait_until_up();
        let watched = Watched::start(incident.socket());
        let healthy = watched.wait_after(None, "healthy samples", |sample| sample.time >= HEALTHY);
        for sample in &watched.samples()[..=healthy.index] {
            assert_eq!(sample.causes(), [], "wrong before the fault");
        }
        Self { incident, watched }
    }

    /// Waits until the fault is named; asserts that nothing else is, and that it was named soon after `is_shown`.
    fn wait_named(&self, before: &WatchedSample, name: &Name, is_shown: impl Fn(&WatchedSample) -> bool) {
        let named = self.wait_only_named(before, name);
        let shown = self.watched.wait_after(Some(before), "its own numbers to show the fault", is_shown);
        let time = named.time.saturating_sub(shown.time);
        assert!(time <= NAMED, "{} was named {time:?} after HAProxy's numbers showed it", name.0);
    }

    /// The same for a fault that only a rate or a mean shows.
    fn wait_named_by_rate(&self, before: &WatchedSample, name: &Name) {
        let named = self.wait_only_named(before, name);
        let answered = |sample: &WatchedSample| sample.number(name.0, "hrsp_2xx") + sample.number(name.0, "hrsp_5xx");
        let (time, requests) = (named.time.saturating_sub(before.time), answered(&named) - answered(before));
        let is_in_time = time <= NAMED_BY_RATE || requests <= NAMED_REQUESTS;
        assert!(is_in_time, "{} was named after {time:?} and {requests} requests", name.0);
    }

    fn wait_only_named(&self, before: &WatchedSample, name: &Name) -> WatchedSample {
        let what = format!("{} to be named with {:?}", name.0, name.1);
        let named = self.watched.wait_after(Some(before), &what, |sample| name.is_in(sample));
        let proxy = |object: &str| object.split('/').next().unwrap_or_default().to_owned();
        for sample in &self.watched.samples()[before.index..=named.index] {
            // Its servers may be named before it, such as one whose first check failed.
            let is_other = |cause: &WatchedCause| proxy(&cause.object) != proxy(name.0);
            let others: Vec<_> = sample.causes().into_iter().filter(is_other).collect();
            assert_eq!(others, [], "{} is wrong, and nothing else", name.0);
        }
        let open: Vec<_> = named.causes().into_iter().filter(|cause| !cause.is_resolved).collect();
        assert_eq!(open.len(), 1, "one thing is wrong: {open:#?}");
        named
    }

    /// Asserts that the fault had one name in all samples since `before`.
    fn assert_one_name(&self, before: &WatchedSample, object: &str) {
        let samples = self.watched.samples();
        let causes = samples[before.index..].iter().flat_map(WatchedSample::causes);
        let objects: BTreeSet<String> = causes.map(|cause| cause.object).collect();
        assert_eq!(
            objects,
            BTreeSet::from([object.to_owned()]),
            "{object} is wrong, and nothing else, until it is over"
        );
    }

    /// Asserts that the only cause is marked resolved in time after the repair, and removed in time after that.
    fn assert_ends(&self, repaired: &WatchedSample, limit: Duration) {
        let is_over = |sample: &WatchedSample| sample.causes().iter().all(|cause| cause.is_resolved);
        let resolved = self.watched.wait_after(Some(repaired), "it to be resolved", is_over);
        let time = resolved.time.saturating_sub(repaired.time);
        assert!(time <= limit, "resolved {time:?} after the repair: {:?}", resolved.causes());
        let removed = self.watched.wait_after(Some(repaired), "it to be removed", |sample| {
            sample.index >= resolved.index && sample.causes().is_empty()
        });
        let time = removed.time.saturating_sub(resolved.time);
        assert!(time <= REMOVED + watched::INTERVAL * 2, "removed {time:?} after it was resolved");
        // It does not come back.
        let later =
            self.watched.wait_after(Some(&removed), "samples after it", |sample| sample.time >= removed.time + HEALTHY);
        for sample in &self.watched.samples()[removed.index..=later.index] {
            assert_eq!(sample.causes(), [], "wrong after the end");
        }
    }
}

fn queue() {
    let run = Run::start(&QUEUE);
    let before = run.watched.newest();
    // Twelve requests at a time where two servers take two each.
    let clients = run.incident.traffic("queue").workers(12).start();
    let name = Name("be_queue", &["full|maxconn", "queued|waiting"]);
    run.wait_named(&before, &name, |sample| {
        ["q1", "q2", "BACKEND"].iter().any(|row| sample.number(&format!("be_queue/{row}"), "qcur") > 0.0)
    });
    let repaired = run.watched.newest();
    clients.stop();
    run.assert_ends(&repaired, RESOLVED);
    run.assert_one_name(&before, "be_queue");
}

fn slow_server() {
    let run = Run::start(&WEB);
    let before = run.watched.newest();
    run.incident.app("web3").set_behavior(ServerBehavior::Slow(Duration::from_secs(1)));
    run.wait_named_by_rate(&before, &Name("be_web/web3", &["slow", "against"]));
    let repaired = run.watched.newest();
    run.incident.app("web3").set_behavior(ServerBehavior::Ok);
    run.assert_ends(&repaired, RESOLVED);
    run.assert_one_name(&before, "be_web/web3");
}

fn errors_of_one_server() {
    let run = Run::start(&ERRORS);
    let before = run.watched.newest();
    run.incident.app("err2").set_behavior(ServerBehavior::Errors(60));
    run.wait_named_by_rate(&before, &Name("be_errors/err2", &["5xx", "%"]));
    let repaired = run.watched.newest();
    run.incident.app("err2").set_behavior(ServerBehavior::Ok);
    run.assert_ends(&repaired, RESOLVED);
    run.assert_one_name(&before, "be_errors/err2");
}

fn flap() {
    const HALF_PERIOD: Duration = Duration::from_secs(4);
    let run = Run::start(&FLAP);
    let before = run.watched.newest();
    let app = run.incident.app("fl2");
    let row = "be_flap/fl2";
    let goes_down = |times: f64| {
        app.stop();
        let what = format!("DOWN number {times}");
        let down = run.watched.wait_after(Some(&before), &what, |sample| sample.number(row, "chkdown") >= times);
        thread::sleep(HALF_PERIOD);
        app.set_behavior(ServerBehavior::Ok);
        run.watched.wait_after(Some(&down), "it to be up", |sample| sample.text(row, "status").starts_with("UP"));
        down
    };
    let first = goes_down(1.0);
    thread::sleep(HALF_PERIOD);
    let second = goes_down(2.0);
    let repaired = run.watched.newest();
    let named = run.wait_only_named(&before, &Name(row, &["flap"]));
    let time = named.time.saturating_sub(second.time);
    assert!(named.index >= second.index && time <= NAMED, "named {time:?} after the second DOWN");
    // A flap is over when it did not go down for twice its own period.
    let period = second.time.saturating_sub(first.time);
    run.assert_ends(&repaired, period * 2 + NAMED);
}

fn dead_backend() {
    let run = Run::start(&DEAD);
    let before = run.watched.newest();
    let apps = ["dead1", "dead2"].map(|name| run.incident.app(name));
    for app in apps {
        app.stop();
    }
    let name = Name("be_dead", &["no server", "refused"]);
    run.wait_named(&before, &name, |sample| sample.text("be_dead/BACKEND", "status") == "DOWN");
    let repaired = run.watched.newest();
    for app in apps {
        app.set_behavior(ServerBehavior::Ok);
    }
    run.assert_ends(&repaired, RESOLVED);
}

fn connection_limit() {
    let run = Run::start(&TCP);
    let before = run.watched.newest();
    let connections = run.incident.hold_connections(TCP_LIMIT - 1);
    let name = Name("fe_tcp", &["19", "20"]);
    run.wait_named(&before, &name, |sample| sample.number("fe_tcp/FRONTEND", "scur") >= 19.0);
    let repaired = run.watched.newest();
    drop(connections);
    run.assert_ends(&repaired, RESOLVED);
    run.assert_one_name(&before, "fe_tcp");
}

fn paused_frontend() {
    let run = Run::start(&PAUSE);
    let before = run.watched.newest();
    run.incident.lab().send_command("disable frontend fe_pause");
    let name = Name("fe_pause", &["paused|disabled"]);
    run.wait_named(&before, &name, |sample| sample.text("fe_pause/FRONTEND", "status") != "OPEN");
    let repaired = run.watched.newest();
    run.incident.lab().send_command("enable frontend fe_pause");
    run.assert_ends(&repaired, RESOLVED);
    run.assert_one_name(&before, "fe_pause");
}

fn dns_without_address() {
    let run = Run::start(&DNS);
    let before = run.watched.newest();
    run.incident.set_resolvable(false);
    let name = Name("be_dns/name1", &["DNS"]);
    run.wait_named(&before, &name, |sample| sample.text("be_dns/name1", "status").contains("resolution"));
    let repaired = run.watched.newest();
    run.incident.set_resolvable(true);
    run.assert_ends(&repaired, RESOLVED);
    run.assert_one_name(&before, "be_dns/name1");
}

fn agent_down() {
    let run = Run::start(&AGENT);
    let before = run.watched.newest();
    run.incident.agent().set_reply("down #deploy until 5");
    let name = Name("be_agent/ag1", &["agent", "deploy until 5"]);
    run.wait_named(&before, &name, |sample| sample.text("be_agent/ag1", "status").contains("DOWN"));
    let repaired = run.watched.newest();
    run.incident.agent().set_reply("up ready");
    run.assert_ends(&repaired, RESOLVED);
    run.assert_one_name(&before, "be_agent/ag1");
}
