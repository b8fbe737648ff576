//! Faults of a real HAProxy whose numbers mislead at first: servers that are slow and full at once, servers with few
//! requests, faults that come back, and a backend without servers besides a flapping one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;
#[path = "support/watched.rs"]
mod watched;

use std::time::Duration;

use support::builder::LabBuilder;
use support::traffic::RunningTraffic;
use support::{Lab, ServerBehavior, Traffic};
use watched::{Watched, WatchedCause, WatchedSample};

/// Time from the change of a server to the first sample that names it, or in which it is over.
const NAMED: Duration = Duration::from_secs(12);
const RESOLVED: Duration = Duration::from_secs(20);
/// Number of requests from which HAProxy's means change slowly.
const WINDOW: usize = 512;
/// Maximum number of concurrent requests, more than the servers take at once.
const CLIENTS: usize = 40;

const fn slow(millis: u64) -> ServerBehavior {
    ServerBehavior::Slow(Duration::from_millis(millis))
}

/// Number of clients that suffices while no request ends for 25 s.
const WAITING_CLIENTS: usize = 600;

fn open_causes(sample: &WatchedSample) -> Vec<WatchedCause> {
    sample.causes().into_iter().filter(|cause| !cause.is_resolved).collect()
}

fn names(sample: &WatchedSample, object: &str, text: &str) -> bool {
    open_causes(sample).iter().any(|cause| cause.object == object && cause.text.contains(text))
}

fn is_fine(sample: &WatchedSample) -> bool {
    open_causes(sample).is_empty()
}

/// A HAProxy with clients at a constant rate, and what hapulse finds wrong with it.
struct Site {
    watched: Watched,
    _clients: RunningTraffic,
    lab: Lab,
}

impl Site {
    /// Starts the site, sends many requests if `is_warm`, and waits until it has been healthy for `healthy`.
    fn start(lab: LabBuilder, rate: f64, is_warm: bool, healthy: Duration) -> Self {
        Self::start_every(watched::INTERVAL, lab, rate, is_warm, healthy)
    }

    fn start_every(interval: Duration, lab: LabBuilder, rate: f64, is_warm: bool, healthy: Duration) -> Self {
        let lab = lab.start();
        if is_warm {
            Traffic::to(lab.frontend_addr()).workers(4).send(WINDOW * 3 / 2);
        }
        let clients = Traffic::to(lab.frontend_addr()).workers(CLIENTS).rate(rate).start();
        let watched = Watched::start_every(interval, lab.admin(), "");
        let last = watched.wait_after(None, "healthy samples", |sample| sample.time >= healthy);
        for sample in &watched.samples()[..=last.index] {
            assert_eq!(sample.causes(), [], "wrong before the fault");
        }
        Self { watched, _clients: clients, lab }
    }

    /// Starts a site with clients enough for requests that do not end.
    fn start_waiting(interval: Duration, lab: LabBuilder, rate: f64) -> Self {
        let lab = lab.start();
        let clients = Traffic::to(lab.frontend_addr()).workers(WAITING_CLIENTS).rate(rate).start();
        let watched = Watched::start_every(interval, lab.admin(), "");
        let last = watched.wait_after(None, "healthy samples", |sample| sample.time >= Duration::from_secs(6));
        for sample in &watched.samples()[..=last.index] {
            assert_eq!(sample.causes(), [], "wrong before the fault");
        }
        Self { watched, _clients: clients, lab }
    }

    /// Waits until a cause is named and returns its sample, at most `limit` after `before`.
    fn wait_named(&self, before: &WatchedSample, object: &str, text: &str, limit: Duration) -> WatchedSample {
        let what = format!("{object} to be named with {text}");
        let named = self.watched.wait_after(Some(before), &what, |sample| names(sample, object, text));
        let time = named.time.saturating_sub(before.time);
        assert!(time <= limit, "named after {time:?}");
        named
    }

    fn wait_fine(&self, repaired: &WatchedSample) -> WatchedSample {
        let fine = self.watched.wait_after(Some(repaired), "it to be resolved", is_fine);
        let time = fine.time.saturating_sub(repaired.time);
        assert!(time <= RESOLVED, "resolved after {time:?}");
        fine
    }
}

#[test]
fn slow_application_is_not_full_servers() {
    let lab = ["be1/s1", "be1/s2"].into_iter().fold(Lab::builder().servers(2), |lab, server| {
        lab.server_option(server, "maxconn 2").server_behavior(server, slow(60))
    });
    let site = Site::start(lab, 40.0, true, Duration::from_secs(6));
    let before = site.watched.newest();
    for server in ["be1/s1", "be1/s2"] {
        site.lab.set_server_behavior(server, slow(800));
    }
    let queued = site.watched.wait_after(Some(&before), "a queue", |sample| sample.number("be1/BACKEND", "qcur") > 0.0);
    let named = site.wait_named(&queued, "be1", "application slow: ", Duration::from_secs(5));
    let last = site.watched.wait_after(Some(&queued), "later samples", |sample| sample.time >= queued.time + NAMED);
    for sample in &site.watched.samples()[before.index..=last.index] {
        let causes = open_causes(sample);
        // The first slow responses may still be too few to be past the threshold.
        let is_right = |cause: &WatchedCause| {
            let is_early = sample.index < named.index && cause.text.starts_with("servers full: ");
            cause.object == "be1" && (is_early || cause.text.starts_with("application slow: "))
        };
        assert!(causes.len() <= 1 && causes.iter().all(is_right), "{:?} after the change: {causes:?}", sample.time);
    }
    // The true time: 800 ms, not a mean of it and of earlier ones.
    let cause = open_causes(&last).remove(0);
    let millis = cause.text.split(' ').find_map(|word| word.parse::<f64>().ok()).unwrap_or_default();
    assert!((680.0..1000.0).contains(&millis), "{}", cause.text);
}

#[test]
fn full_servers_are_not_a_slow_application() {
    for interval in [watched::INTERVAL, Duration::from_secs(1), Duration::from_secs(2)] {
        let lab = Lab::builder().servers(1).server_option("be1/s1", "maxconn 2").server_behavior("be1/s1", slow(60));
        let site = Site::start_every(interval, lab, 10.0, false, Duration::from_secs(6));
        let before = site.watched.newest();
        let _more = Traffic::to(site.lab.frontend_addr()).workers(CLIENTS).rate(60.0).start();
        let is_queued = |sample: &WatchedSample| sample.number("be1/BACKEND", "qcur") > 0.0;
        let queued = site.watched.wait_after(Some(&before), "a queue", is_queued);
        let named = site.wait_named(&queued, "be1", "servers full: ", Duration::from_secs(5));
        let last = site.watched.wait_after(Some(&named), "later samples", |sample| sample.time >= named.time + NAMED);
        for sample in &site.watched.samples()[named.index..=last.index] {
            assert!(names(sample, "be1", ", rtime "), "every {interval:?}: {:?}", sample.causes());
        }
    }
}

/// Lets servers hang, and checks that it is named after 12 s or 50 requests, whichever is later, keeps its name, and is
/// resolved after the repair.
fn wait_hang_named(site: &Site, servers: &[&str], object: &str, text: &str, rate: f64) -> WatchedSample {
    let before = site.watched.newest();
    for server in servers {
        site.lab.set_server_behavior(&format!("be1/{server}"), ServerBehavior::Hang);
    }
    let limit = NAMED.max(Duration::from_secs_f64(50.0 / rate));
    let named = site.wait_named(&before, object, text, limit);
    let later = site.watched.wait_after(Some(&named), "later samples", |sample| sample.time >= named.time + NAMED);
    for sample in &site.watched.samples()[named.index..=later.index] {
        let causes = open_causes(sample);
        assert!(causes.len() == 1 && names(sample, object, text), "{:?}: {causes:?}", sample.time);
        assert!(causes[0].text.contains(" requests in progress"), "{:?}", causes[0]);
    }
    for server in servers {
        site.lab.set_server_behavior(&format!("be1/{server}"), ServerBehavior::Ok);
    }
    let repaired = site.watched.newest();
    site.wait_fine(&repaired);
    later
}

/// Clients for a site whose requests do not end.
fn patient(lab: LabBuilder) -> LabBuilder {
    lab.defaults("timeout server 30s")
}

#[test]
fn servers_that_accept_and_do_not_answer_are_a_slow_application() {
    for interval in [watched::INTERVAL, Duration::from_secs(2)] {
        let site = Site::start_waiting(interval, patient(Lab::builder().servers(2)), 20.0);
        wait_hang_named(&site, &["s1", "s2"], "be1", "application slow: no response for ", 20.0);
    }
}

#[test]
fn full_servers_that_do_not_answer_are_a_slow_application() {
    let lab = ["be1/s1", "be1/s2"].into_iter().fold(Lab::builder().servers(2), |lab, server| {
        lab.server_option(server, "maxconn 8").server_behavior(server, slow(20))
    });
    let site = Site::start_waiting(Duration::from_secs(2), patient(lab), 20.0);
    wait_hang_named(&site, &["s1", "s2"], "be1", "application slow: no response for ", 20.0);
}

#[test]
fn server_that_accepts_and_does_not_answer_is_a_slow_server() {
    let site = Site::start_waiting(Duration::from_secs(2), patient(Lab::builder().servers(3)), 20.0);
    wait_hang_named(&site, &["s2"], "be1/s2", "no response for ", 20.0);
}

#[test]
fn late_responses_are_not_missing_ones() {
    let site = Site::start_waiting(Duration::from_secs(1), patient(Lab::builder().servers(2)), 10.0);
    let before = site.watched.newest();
    for server in ["be1/s1", "be1/s2"] {
        site.lab.set_server_behavior(server, slow(3000));
    }
    let named = site.wait_named(&before, "be1", "application slow: ", NAMED);
    let last = site.watched.wait_after(Some(&named), "later samples", |sample| sample.time >= named.time + NAMED);
    for sample in &site.watched.samples()[..=last.index] {
        assert!(!names(sample, "be1", "no response"), "{:?}", sample.causes());
    }
}

#[test]
fn few_very_slow_responses_are_a_slow_application() {
    let lab = ["be1/s1", "be1/s2"].into_iter().fold(Lab::builder().servers(2), |lab, server| {
        lab.server_option(server, "maxconn 2").server_behavior(server, slow(60))
    });
    let site = Site::start(lab.defaults("timeout queue 5s"), 8.0, true, Duration::from_secs(6));
    let before = site.watched.newest();
    for server in ["be1/s1", "be1/s2"] {
        site.lab.set_server_behavior(server, slow(5000));
    }
    let named = site.wait_named(&before, "be1", "application slow: ", NAMED);
    // Meanwhile requests time out in the queue.
    let failed = |sample: &WatchedSample| sample.number("be1/BACKEND", "hrsp_5xx") > 40.0;
    site.watched.wait_after(Some(&named), "requests that timed out", failed);
    for server in ["be1/s1", "be1/s2"] {
        site.lab.set_server_behavior(server, ServerBehavior::Slow(Duration::from_millis(60)));
    }
    // The requests that were sent before take their 5 s.
    let ended = |sample: &WatchedSample| sample.number("be1/BACKEND", "qcur") <= 0.0;
    let ended = site.watched.wait_after(Some(&site.watched.newest()), "the end of the queue", ended);
    let fine = site.wait_fine(&ended);
    for sample in &site.watched.samples()[before.index..=fine.index] {
        for cause in sample.causes() {
            // Before the first slow response, the sentence says that few requests end.
            let is_right = ["application slow: ", "application was slow: ", "servers full: "];
            let is_right = is_right.iter().any(|start| cause.text.starts_with(start));
            let is_hedged = sample.index >= named.index || cause.text.contains("few requests end");
            assert!(cause.object == "be1" && is_right && is_hedged, "{:?}: {cause:?}", sample.time);
        }
    }
}

#[test]
fn quiet_slow_server_is_named_and_resolved_soon() {
    let site = Site::start(Lab::builder().servers(3), 3.0, true, Duration::from_secs(15));
    let before = site.watched.newest();
    site.lab.set_server_behavior("be1/s3", slow(1000));
    let named = site.wait_named(&before, "be1/s3", "slower than its peers", NAMED);
    // Long enough for the whole window of the mean.
    let later = site.watched.wait_after(Some(&named), "later samples", |sample| sample.time >= named.time + NAMED);
    site.lab.set_server_behavior("be1/s3", ServerBehavior::Ok);
    let fine = site.wait_fine(&later);
    for sample in &site.watched.samples()[before.index..=fine.index] {
        assert!(sample.causes().iter().all(|cause| cause.object == "be1/s3"), "{:?}", sample.causes());
    }
}

#[test]
fn quiet_server_with_5xx_is_named_and_recurs() {
    let site = Site::start(Lab::builder().servers(3), 1.0, false, Duration::from_secs(12));
    let fail = |before: &WatchedSample, text: &str| {
        site.lab.set_server_behavior("be1/s2", ServerBehavior::Status(500));
        // Three responses of this server take 9 s, and the hold time is 6 s.
        site.wait_named(before, "be1/s2", text, NAMED + Duration::from_secs(6));
        site.lab.set_server_behavior("be1/s2", ServerBehavior::Ok);
        site.wait_fine(&site.watched.newest())
    };
    let fine = fail(&site.watched.newest(), "100% of its responses are 5xx");
    assert!(fine.causes().iter().all(|cause| cause.object == "be1/s2"), "{:?}", fine.causes());
    fail(&fine, ", 2 times in ");
}

#[test]
fn backend_without_servers_is_no_part_of_a_flap() {
    let lab = Lab::builder().servers(2).http_checks().defaults("default-server inter 100ms fall 1 rise 1");
    let site = Site::start(lab, 5.0, false, Duration::from_secs(6));
    let before = site.watched.newest();
    let change = |server: &str, behavior, status: &'static str| {
        site.lab.set_server_behavior(&format!("be1/{server}"), behavior);
        let row = format!("be1/{server}");
        let newest = site.watched.newest();
        site.watched.wait_after(Some(&newest), status, |sample| sample.text(&row, "status").starts_with(status))
    };
    for _ in 0..3 {
        change("s1", ServerBehavior::Status(503), "DOWN");
        std::thread::sleep(Duration::from_secs(3));
        change("s1", ServerBehavior::Ok, "UP");
        std::thread::sleep(Duration::from_secs(3));
    }
    site.watched.wait_after(Some(&before), "a flap", |sample| names(sample, "be1/s1", "flaps every "));
    change("s2", ServerBehavior::Status(503), "DOWN");
    let down = change("s1", ServerBehavior::Status(503), "DOWN");
    let dead = site.watched.wait_after(Some(&down), "the dead backend", |sample| names(sample, "be1", "no server"));
    assert!(dead.time.saturating_sub(down.time) <= Duration::from_secs(5), "{:?}", dead.causes());
    assert_eq!(open_causes(&dead)[0].object, "be1", "it is the worst: {:?}", dead.causes());
}

#[test]
fn requests_that_give_up_waiting_are_no_connection_problem() {
    let lab = Lab::builder().servers(1).server_option("be1/s1", "maxconn 2").server_behavior("be1/s1", slow(60));
    let site = Site::start(lab.defaults("timeout queue 300ms"), 10.0, false, Duration::from_secs(6));
    let before = site.watched.newest();
    let more = Traffic::to(site.lab.frontend_addr()).workers(CLIENTS).rate(80.0).start();
    let named = site.watched.wait_after(Some(&before), "requests that give up", |sample| {
        names(sample, "be1", " gave up waiting (503) in ")
    });
    let later = site.watched.wait_after(Some(&named), "later samples", |sample| sample.time >= named.time + NAMED);
    drop(more);
    let fine = site.wait_fine(&later);
    for sample in &site.watched.samples()[before.index..=fine.index] {
        let is_right = |cause: &WatchedCause| cause.object == "be1" && cause.text.starts_with("servers full: ");
        assert!(sample.causes().len() <= 1 && sample.causes().iter().all(is_right), "{:?}", sample.causes());
    }
}

#[test]
fn errors_of_a_server_are_not_those_of_one_that_is_down() {
    let lab = Lab::builder().servers(3).checks().defaults("default-server inter 500ms fall 1 rise 1");
    let site = Site::start(lab, 30.0, false, Duration::from_secs(6));
    let before = site.watched.newest();
    site.lab.set_server_behavior("be1/s1", ServerBehavior::Closed);
    site.lab.set_server_behavior("be1/s2", ServerBehavior::Status(500));
    let named = site.watched.wait_after(Some(&before), "both servers", |sample| {
        names(sample, "be1/s1", "down: L4CON") && names(sample, "be1/s2", "of its responses are 5xx")
    });
    let later = site.watched.wait_after(Some(&named), "later samples", |sample| sample.time >= named.time + NAMED);
    for sample in &site.watched.samples()[named.index..=later.index] {
        assert_eq!(open_causes(sample)[0].object, "be1/s2", "it is the worst: {:?}", sample.causes());
    }
}

#[test]
fn cause_recovers_only_after_a_request_that_ended_well() {
    let lab = Lab::builder().servers(3).start();
    let watched = Watched::start(lab.admin());
    let send = || Traffic::to(lab.frontend_addr()).workers(CLIENTS).rate(30.0).start();
    lab.set_server_behavior("be1/s2", ServerBehavior::Status(500));
    let recovers = |sample: &WatchedSample| names(sample, "be1/s2", ", recovering");
    let fail = || {
        let clients = send();
        let newest = watched.newest();
        let is_named = |sample: &WatchedSample| {
            names(sample, "be1/s2", "100% of its responses are 5xx") && !names(sample, "be1/s2", " since")
        };
        let named = watched.wait_after(Some(&newest), "the server with errors", is_named);
        (named, clients)
    };
    // Without requests, and after a reload, nothing shows that the server is better.
    for reloads in [false, true] {
        let (named, clients) = fail();
        drop(clients);
        if reloads {
            lab.reload();
        }
        let waits = |sample: &WatchedSample| names(sample, "be1/s2", ", no successful request since");
        let waiting = watched.wait_after(Some(&named), "no request", waits);
        let fine = watched.wait_after(Some(&waiting), "it to be resolved", is_fine);
        let samples = watched.samples();
        assert!(!samples[named.index..=fine.index].iter().any(recovers), "it recovers without a request");
    }
    let (named, _clients) = fail();
    lab.set_server_behavior("be1/s2", ServerBehavior::Ok);
    let better = watched.wait_after(Some(&named), "recovery", recovers);
    watched.wait_after(Some(&better), "it to be resolved", is_fine);
}
