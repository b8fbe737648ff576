//! Planned work on a healthy HAProxy is not a problem: reloads, own and foreign maintenance, scaling, rolling deploys.
//! No sample may contain a cause, and no event may be about one.
//!
//! ```text
//! cargo test --test quiet                      short form: a reload every ten seconds
//! HAPULSE_QUIET=long cargo test --test quiet   half an hour, a reload every minute
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
use std::thread;
use std::time::{Duration, Instant};

use incident::{API, Incident, SLOT_COUNT, SLOTS, WEB};
use support::{ServerBehavior, Term, wait_until};
use watched::Watched;

/// Time between two reloads, and their number.
const SHORT: (Duration, usize) = (Duration::from_secs(10), 7);
const LONG: (Duration, usize) = (Duration::from_mins(1), 30);

/// Time after which an application that a deploy restarts listens again.
const RESTART: Duration = Duration::from_millis(300);

/// The site, its dashboard, and `hapulse watch`, which knows nothing of the dashboard's user.
struct Quiet {
    incident: Incident,
    watched: Watched,
    dashboard: Term,
    /// Number of samples that were found quiet.
    checked: usize,
}

impl Quiet {
    fn start() -> Self {
        let incident = Incident::start(&[&WEB, &API, &SLOTS]);
        incident.wait_until_up();
        let watched = Watched::start(incident.socket());
        let mut dashboard = Term::builder().args(["-i", "1"]).args([incident.socket()]).size(160, 200).start();
        dashboard.wait_for("live");
        dashboard.press("9");
        Self { incident, watched, dashboard, checked: 0 }
    }

    /// Sends a command as another operator does.
    fn send(&self, line: &str) {
        let reply = self.incident.lab().send_command(line);
        // Some versions confirm a changed address.
        assert!(reply.trim().is_empty() || reply.contains("changed from"), "{line:?}: {reply}");
    }

    /// Runs a hapulse command as the user of the dashboard.
    fn run_hapulse(&self, args: &str) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
        command.args(args.split(' ')).arg("--target").arg(self.incident.socket());
        command.env_clear().env("HOME", self.dashboard.home());
        let output = command.output().expect("hapulse starts");
        // 6: the process from before the last reload still ends.
        assert!(matches!(output.status.code(), Some(0 | 6)), "hapulse {args}: {output:?}");
    }

    fn wait_for_status(&self, row: &str, status: &str) {
        let (proxy, server) = row.split_once('/').expect("a server has a backend");
        self.incident.lab().wait_stat(proxy, server, "status", |now| now == status);
    }

    /// Asserts that nothing is wrong in the samples since the last call, on the screen and in the events.
    fn assert_quiet(&mut self, during: &str) {
        let samples = self.watched.samples();
        for sample in &samples[self.checked..] {
            assert_eq!(sample.causes(), [], "during {during}, {:?} after the start", sample.time);
        }
        self.checked = samples.len();
        let screen = self.dashboard.screen();
        let is_problem = |line: &str| [" CRIT ", " WARN ", "▲", "resolved: "].iter().any(|word| line.contains(word));
        let problems: Vec<&str> = screen.lines().filter(|line| is_problem(line)).collect();
        assert!(problems.is_empty(), "during {during}: {problems:#?}\n{screen}");
    }

    /// Waits, and asserts again and again that nothing is wrong.
    fn stay_quiet(&mut self, during: &str, end: Instant) {
        loop {
            self.assert_quiet(during);
            if Instant::now() >= end {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Takes a server out and back in with hapulse.
    fn own_maintenance(&mut self) {
        self.run_hapulse("maint be_web/web2 --yes");
        self.stay_quiet("own maintenance", Instant::now() + Duration::from_secs(3));
        self.run_hapulse("ready be_web/web2 --yes");
    }

    /// Takes a server out and back in as another operator, with a restart of its application.
    fn foreign_maintenance(&mut self) {
        self.send("set server be_web/web3 state maint");
        self.restart_app("web3");
        self.stay_quiet("foreign maintenance", Instant::now() + Duration::from_secs(3));
        self.send("set server be_web/web3 state ready");
    }

    /// Gives every slot of the template an address, uses all, and removes them again.
    fn scale_slots(&mut self) {
        let addr = self.incident.app("base1").addr();
        for slot in 1..=SLOT_COUNT {
            self.send(&format!("set server be_slots/slot{slot} addr {} port {}", addr.ip(), addr.port()));
            self.send(&format!("set server be_slots/slot{slot} state ready"));
        }
        self.stay_quiet("scaling up", Instant::now() + Duration::from_secs(2));
        for slot in 1..=SLOT_COUNT {
            self.send(&format!("set server be_slots/slot{slot} state drain"));
        }
        self.stay_quiet("scaling down", Instant::now() + Duration::from_secs(1));
        for slot in 1..=SLOT_COUNT {
            self.send(&format!("set server be_slots/slot{slot} state maint"));
        }
    }

    /// Scales up; the next reload takes the slots away.
    fn scale_slots_until_reload(&mut self) {
        let addr = self.incident.app("base2").addr();
        for slot in 1..=SLOT_COUNT {
            self.send(&format!("set server be_slots/slot{slot} addr {} port {}", addr.ip(), addr.port()));
            self.send(&format!("set server be_slots/slot{slot} state ready"));
        }
    }

    /// Deploys to one server after the other with hapulse.
    fn own_deploy(&mut self) {
        for server in ["api1", "api2", "api3"] {
            self.run_hapulse(&format!("drain be_api/{server} --yes --wait 20s -i 0.2"));
            self.run_hapulse(&format!("maint be_api/{server} --yes"));
            self.restart_app(server);
            self.run_hapulse(&format!("ready be_api/{server} --yes --wait 20s -i 0.2"));
            self.assert_quiet("own deploy");
        }
    }

    /// Deploys to one server after the other as another program does.
    fn foreign_deploy(&mut self) {
        for server in ["web1", "web2", "web3", "web4", "web5"] {
            let row = format!("be_web/{server}");
            self.send(&format!("set server {row} state drain"));
            wait_until("an empty server", || self.incident.lab().stat("be_web", server, "scur") == "0");
            self.send(&format!("set server {row} state maint"));
            self.restart_app(server);
            self.send(&format!("set server {row} state ready"));
            self.wait_for_status(&row, "UP");
            self.stay_quiet("foreign deploy", Instant::now() + Duration::from_millis(500));
        }
    }

    /// Stops an application and starts it again, as a new version does.
    fn restart_app(&self, server: &str) {
        let app = self.incident.app(server);
        app.stop();
        thread::sleep(RESTART);
        app.set_behavior(ServerBehavior::Ok);
    }
}

/// Planned work of one round.
type Work = fn(&mut Quiet);

#[test]
fn quiet_site_has_no_causes_and_no_problem_events() {
    let (period, reloads) = match std::env::var("HAPULSE_QUIET").as_deref() {
        Ok("long") => LONG,
        _ => SHORT,
    };
    let mut quiet = Quiet::start();
    let work: [(&str, Work); 7] = [
        ("the first minutes", |_| {}),
        ("own maintenance", Quiet::own_maintenance),
        ("foreign maintenance", Quiet::foreign_maintenance),
        ("scaling", Quiet::scale_slots),
        ("own deploy", Quiet::own_deploy),
        ("scaling until a reload", Quiet::scale_slots_until_reload),
        ("foreign deploy", Quiet::foreign_deploy),
    ];
    for reload in 0..reloads {
        let end = Instant::now() + period;
        let (name, work) = work[reload % work.len()];
        work(&mut quiet);
        quiet.stay_quiet(name, end);
        quiet.incident.lab().reload();
        quiet.stay_quiet("a reload", Instant::now() + Duration::from_secs(1));
    }
    assert!(quiet.checked > reloads, "only {} samples", quiet.checked);
}
