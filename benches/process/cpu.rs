//! What a refresh costs at 10,000 servers: the program's own processor time, and HAProxy's for the dump.
//!
//! Counted from a refresh to a later one, so that no start is in it. Of HAProxy's time, what it takes when nobody
//! asks is left out.

use std::thread;
use std::time::{Duration, Instant};

use crate::programs::{Program, Programs, socat};
use crate::run::Run;
use crate::shared::figures::{Figures, heading, ratio, row, target_line};
use crate::shared::proc;
use crate::site::Site;
use crate::support::traffic;

const REFRESHES: usize = 10;
const SIZE: (u16, u16) = (160, 48);

/// One program over some refreshes: its own milliseconds each, and HAProxy's.
struct Cost {
    name: &'static str,
    own: Vec<f64>,
    haproxy: Vec<f64>,
}

pub fn measure(programs: &Programs, turns: usize) {
    let site = Site::start(200, 50);
    for loaded in [false, true] {
        let running = loaded.then(|| site.load());
        let mut all: Vec<Cost> = Vec::new();
        let mut put = |name, (own, haproxy)| {
            if !all.iter().any(|cost| cost.name == name) {
                all.push(Cost { name, own: Vec::new(), haproxy: Vec::new() });
            }
            let cost = all.iter_mut().find(|cost| cost.name == name).unwrap();
            cost.own.push(own);
            cost.haproxy.push(haproxy);
        };
        for _ in 0..turns {
            let idle = alone(&site);
            for program in programs.watchers() {
                put(program.name, watched(&site, program, idle));
            }
            if programs.socat {
                put("socat", by_socat(&site, idle));
            }
        }
        let when = if loaded {
            let counts = running.map(traffic::Running::stop).unwrap_or_default();
            format!("{} requests meanwhile", counts.ok)
        } else {
            "no requests".to_owned()
        };
        heading(&format!("ms of CPU per refresh, 10,000 servers, {when}"));
        for cost in &all {
            row(cost.name, &Figures::new(cost.own.clone()));
        }
        if loaded {
            // What requests cost HAProxy is far more than a dump, and never twice the same.
            compare(&all, programs, None);
        } else {
            heading("ms of HAProxy's CPU per refresh");
            for cost in &all {
                row(cost.name, &Figures::new(cost.haproxy.clone()));
            }
            compare(&all, programs, Some("socat"));
        }
    }
}

fn compare(all: &[Cost], programs: &Programs, dump: Option<&str>) {
    let find = |name: &str| all.iter().find(|cost| cost.name == name);
    let own = |cost: &Cost| Figures::new(cost.own.clone()).median();
    let haproxy = |cost: &Cost| Figures::new(cost.haproxy.clone()).median();
    for ours in [&programs.hapulse, &programs.table] {
        let Some(cost) = find(ours.name) else { continue };
        target_line(&format!("  {}, ms", ours.name), own(cost), 15.0);
        if let Some(theirs) = find("HATop, limits lifted") {
            ratio(&format!("{} / HATop, limits lifted", ours.name), own(cost) / own(theirs), 1.0 / 6.0);
        }
        if let Some(theirs) = find("HATop") {
            ratio(&format!("{} / HATop, which drops 9 of 10 rows", ours.name), own(cost) / own(theirs), 1.0);
        }
        if let Some(dump) = dump.and_then(find) {
            ratio(&format!("{} / HAProxy's own for the dump", ours.name), own(cost) / haproxy(dump), 0.45);
            ratio(&format!("HAProxy's for {} / for socat", ours.name), haproxy(cost) / haproxy(dump), 1.1);
        }
    }
}

/// HAProxy's CPU in a second in which nobody asks.
fn alone(site: &Site) -> f64 {
    let (before, start) = (proc::cpu(site.haproxy()), Instant::now());
    thread::sleep(Duration::from_secs(2));
    (proc::cpu(site.haproxy()) - before) / start.elapsed().as_secs_f64()
}

fn watched(site: &Site, program: &Program, idle: f64) -> (f64, f64) {
    let mut run = Run::start(program, site.socket(), SIZE);
    run.when_text(|screen| screen.contains("be1") && screen.contains(program.full));
    // The second sample asks for more than the ones behind it.
    run.refreshes(2);
    let (own, haproxy, start) = (proc::cpu(run.pid), proc::cpu(site.haproxy()), Instant::now());
    run.refreshes(REFRESHES);
    let seconds = start.elapsed().as_secs_f64();
    let (own, haproxy) = (proc::cpu(run.pid) - own, proc::cpu(site.haproxy()) - haproxy);
    (own / REFRESHES as f64, (haproxy - idle * seconds) / REFRESHES as f64)
}

/// socat once a second; its own time is in steps of 10 ms over all of them.
fn by_socat(site: &Site, idle: f64) -> (f64, f64) {
    let (own, haproxy, start) = (proc::cpu_of_children(), proc::cpu(site.haproxy()), Instant::now());
    for _ in 0..REFRESHES {
        let took = socat(site.socket());
        thread::sleep(Duration::from_secs(1).saturating_sub(took));
    }
    let seconds = start.elapsed().as_secs_f64();
    let (own, haproxy) = (proc::cpu_of_children() - own, proc::cpu(site.haproxy()) - haproxy);
    (own / REFRESHES as f64, (haproxy - idle * seconds) / REFRESHES as f64)
}
