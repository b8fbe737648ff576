//! Several faults at once in one HAProxy: few causes, and the same first cause wherever an operator or a monitoring
//! system looks.
//!
//! ```text
//! cargo test --test incident_looks                         short form: 6 times in 40 seconds
//! HAPULSE_INCIDENT=long cargo test --test incident_looks   60 times in ten minutes
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/incident.rs"]
mod incident;
#[path = "support/script.rs"]
mod script;
mod support;
#[path = "support/watched.rs"]
mod watched;

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use incident::{EVERY_PART, Incident};
use script::Script;
use support::traffic::RunningTraffic;
use support::{ServerBehavior, Term, lock};
use watched::{Watched, WatchedSample};

/// Number of comparisons, and the time from one to the next.
const SHORT: (usize, Duration) = (6, Duration::from_secs(6));
const LONG: (usize, Duration) = (60, Duration::from_secs(10));

/// Maximum number of causes at any time.
const MOST_CAUSES: usize = 7;
/// Time during which the first cause must have been the same before answers of several programs can be compared: the
/// screens and the commands sample at different moments.
const STEADY: Duration = Duration::from_secs(3);
/// A comparison is repeated as often as this if the first cause changed during it.
const ATTEMPTS: usize = 20;

/// Returns the frontend or backend that a text names first.
fn first_proxy(text: &str) -> Option<&str> {
    let is_name = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let mut words = text.split(|char| !is_name(char));
    words.find(|word| word.starts_with("be_") || word.starts_with("fe_"))
}

/// The places that name the first cause.
struct Places<'a> {
    incident: &'a Incident,
    dashboard: Mutex<Term>,
    problems: Mutex<Term>,
    watched: Watched,
}

impl<'a> Places<'a> {
    fn open(incident: &'a Incident) -> Self {
        let start = || Term::builder().args(["-i", "0.5"]).args([incident.socket()]).size(160, 50).start();
        let (dashboard, mut problems) = (start(), start());
        dashboard.wait_for("live");
        problems.wait_for("live");
        problems.press("!");
        Self {
            incident,
            dashboard: Mutex::new(dashboard),
            problems: Mutex::new(problems),
            watched: Watched::start(incident.socket()),
        }
    }

    /// Returns what each place names first: the place and the proxy.
    fn first_causes(&self) -> Vec<(&'static str, Option<String>)> {
        let run = |args: &str| {
            let mut command: Command = Script::new().command(self.incident.socket(), args);
            String::from_utf8(command.output().expect("hapulse starts").stdout).expect("the output is UTF-8")
        };
        let (check, show) = thread::scope(|scope| {
            let check = scope.spawn(|| run("check"));
            let show = run("show problems --format json");
            (check.join().expect("check ends"), show)
        });
        let dashboard = lock(&self.dashboard).settled_screen();
        let problems = lock(&self.problems).settled_screen();
        let name = |text: &str| first_proxy(text).map(str::to_owned);
        let lines = |screen: &str, range: std::ops::Range<usize>| {
            screen.lines().skip(range.start).take(range.len()).collect::<Vec<_>>().join("\n")
        };
        vec![
            ("dashboard", name(&lines(&dashboard, 2..3))),
            ("header of !", name(&lines(&problems, 2..3))),
            ("!", name(&lines(&problems, 4..20))),
            ("check", name(check.lines().next().unwrap_or_default())),
            ("show problems", name(&show)),
        ]
    }

    /// Returns the first cause of the newest samples if it was the same in all of them.
    fn steady_cause(&self) -> Option<String> {
        let samples = self.watched.samples();
        let newest = samples.last()?;
        let first = |sample: &WatchedSample| first_proxy(&sample.causes().first()?.object).map(str::to_owned);
        let mut recent = samples.iter().filter(|sample| sample.time + STEADY >= newest.time).map(first);
        let cause = recent.next()??;
        recent.all(|other| other.as_deref() == Some(&*cause)).then_some(cause)
    }

    /// Compares all places once.
    fn compare(&self) {
        let mut changed = Vec::new();
        for _ in 0..ATTEMPTS {
            let before = self.steady_cause();
            let places = self.first_causes();
            thread::sleep(watched::INTERVAL * 2);
            let after = self.steady_cause();
            if before.is_none() || before != after {
                changed.push((before, after));
                continue;
            }
            for (place, cause) in &places {
                assert_eq!(*cause, before, "{place} names another first cause: {places:#?}");
            }
            return;
        }
        panic!("the first cause never stayed the same for {STEADY:?}: {changed:#?}");
    }
}

/// Faults that come and go as long as this exists.
struct Faults<'a> {
    incident: &'a Incident,
    stop: AtomicBool,
}

impl Faults<'_> {
    /// Starts the faults that stay.
    fn start_lasting(&self) -> RunningTraffic {
        self.incident.app("web3").set_behavior(ServerBehavior::Slow(Duration::from_secs(1)));
        self.incident.app("dead1").stop();
        self.incident.app("dead2").stop();
        self.incident.agent().set_reply("down #deploy until 5");
        self.incident.traffic("queue").workers(12).start()
    }

    /// Injects the faults that come and go: 5xx for 15 of 40 seconds, and a flap for 11 of 33.
    fn come_and_go(&self) {
        let start = Instant::now();
        let (mut errs, mut is_away) = (false, false);
        while !self.stop.load(Ordering::Relaxed) {
            let second = start.elapsed().as_secs();
            if errs != (second % 40 < 15) {
                errs = !errs;
                let behavior = if errs { ServerBehavior::Errors(60) } else { ServerBehavior::Ok };
                self.incident.app("err2").set_behavior(behavior);
            }
            if is_away != (second % 33 < 11) {
                is_away = !is_away;
                let app = self.incident.app("fl2");
                if is_away { app.stop() } else { app.set_behavior(ServerBehavior::Ok) }
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Ends the faults when the test ends, also by a failure.
struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn incident_has_few_causes_and_one_first_cause_everywhere() {
    let (comparisons, period) = match std::env::var("HAPULSE_INCIDENT").as_deref() {
        Ok("long") => LONG,
        _ => SHORT,
    };
    let incident = Incident::start(&EVERY_PART);
    incident.wait_until_up();
    let faults = Faults { incident: &incident, stop: AtomicBool::new(false) };
    let _connections = incident.hold_connections(12);
    let _clients = faults.start_lasting();
    let places = Places::open(&incident);
    thread::scope(|scope| {
        scope.spawn(|| faults.come_and_go());
        let _end = EndOnDrop(&faults.stop);
        // Longer than every rule needs.
        places.watched.wait_after(None, "20 s of samples", |sample| sample.time >= Duration::from_secs(20));
        let running: Vec<_> = (0..comparisons)
            .map(|_| {
                let comparison = scope.spawn(|| places.compare());
                thread::sleep(period);
                comparison
            })
            .collect();
        let failed = running.into_iter().filter_map(|comparison| comparison.join().err()).count();
        assert_eq!(failed, 0, "{failed} of {comparisons} comparisons failed");
        for sample in places.watched.samples() {
            let causes = sample.causes();
            assert!(causes.len() <= MOST_CAUSES, "{} causes: {causes:#?}", causes.len());
        }
    });
}
