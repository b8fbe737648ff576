//! Measures the CPU time per refresh with 10,000 servers: the time of the program, and the time that HAProxy takes for
//! the dump.
//!
//! The measurement begins at a refresh, so that the start of the program is excluded. HAProxy's CPU time without
//! polling is subtracted.

use std::thread;
use std::time::{Duration, Instant};

use crate::programs::{Program, Programs, time_socat_dump};
use crate::run::ProgramRun;
use crate::shared::figures::{Distribution, print_heading, print_ratio, print_row, print_target};
use crate::shared::proc;
use crate::site::LoadedSite;
use crate::support::traffic;

const REFRESHES: usize = 10;
const SIZE: (u16, u16) = (160, 48);

/// CPU milliseconds per refresh of a program, and of HAProxy while the program polls it.
struct CpuCost {
    name: &'static str,
    own: Vec<f64>,
    haproxy: Vec<f64>,
}

pub fn measure(programs: &Programs, rounds: usize) {
    let site = LoadedSite::start(200, 50);
    for loaded in [false, true] {
        let running = loaded.then(|| site.start_load());
        let mut all: Vec<CpuCost> = Vec::new();
        let mut add = |name, (own, haproxy)| {
            if !all.iter().any(|cost| cost.name == name) {
                all.push(CpuCost { name, own: Vec::new(), haproxy: Vec::new() });
            }
            let cost = all.iter_mut().find(|cost| cost.name == name).unwrap();
            cost.own.push(own);
            cost.haproxy.push(haproxy);
        };
        for _ in 0..rounds {
            let idle = idle_haproxy_cpu(&site);
            for program in programs.terminal_programs() {
                add(program.name, measure_program(&site, program, idle));
            }
            if programs.socat {
                add("socat", measure_socat(&site, idle));
            }
        }
        let when = if loaded {
            let counts = running.map(traffic::RunningTraffic::stop).unwrap_or_default();
            format!("{} requests meanwhile", counts.ok)
        } else {
            "no requests".to_owned()
        };
        print_heading(&format!("ms of CPU per refresh, 10,000 servers, {when}"));
        for cost in &all {
            print_row(cost.name, &Distribution::new(cost.own.clone()));
        }
        if loaded {
            // HAProxy spends far more CPU time on requests than on a dump, and the time for requests varies from run to
            // run.
            print_ratios(&all, programs, None);
        } else {
            print_heading("ms of HAProxy's CPU per refresh");
            for cost in &all {
                print_row(cost.name, &Distribution::new(cost.haproxy.clone()));
            }
            print_ratios(&all, programs, Some("socat"));
        }
    }
}

fn print_ratios(all: &[CpuCost], programs: &Programs, dump: Option<&str>) {
    let find = |name: &str| all.iter().find(|cost| cost.name == name);
    let own = |cost: &CpuCost| Distribution::new(cost.own.clone()).median();
    let haproxy = |cost: &CpuCost| Distribution::new(cost.haproxy.clone()).median();
    for ours in [&programs.hapulse, &programs.table] {
        let Some(cost) = find(ours.name) else { continue };
        print_target(&format!("  {}, ms", ours.name), own(cost), 15.0);
        if let Some(theirs) = find("HATop, limits lifted") {
            print_ratio(&format!("{} / HATop, limits lifted", ours.name), own(cost) / own(theirs), 1.0 / 6.0);
        }
        if let Some(theirs) = find("HATop") {
            print_ratio(&format!("{} / HATop, which drops 9 of 10 rows", ours.name), own(cost) / own(theirs), 1.0);
        }
        if let Some(dump) = dump.and_then(find) {
            print_ratio(&format!("{} / HAProxy's CPU for the dump", ours.name), own(cost) / haproxy(dump), 0.45);
            print_ratio(&format!("HAProxy's CPU for {} / for socat", ours.name), haproxy(cost) / haproxy(dump), 1.1);
        }
    }
}

/// Returns the CPU milliseconds per second that HAProxy uses without polling.
fn idle_haproxy_cpu(site: &LoadedSite) -> f64 {
    let (before, start) = (proc::cpu_millis(site.haproxy_pid()), Instant::now());
    thread::sleep(Duration::from_secs(2));
    (proc::cpu_millis(site.haproxy_pid()) - before) / start.elapsed().as_secs_f64()
}

fn measure_program(site: &LoadedSite, program: &Program, idle: f64) -> (f64, f64) {
    let mut run = ProgramRun::start(program, site.socket(), SIZE);
    run.wait_for_text(|screen| screen.contains("be1") && screen.contains(program.ready_text));
    // The second poll requests more than the later polls do.
    run.wait_for_refreshes(2);
    let (own, haproxy, start) = (proc::cpu_millis(run.pid), proc::cpu_millis(site.haproxy_pid()), Instant::now());
    run.wait_for_refreshes(REFRESHES);
    let seconds = start.elapsed().as_secs_f64();
    let (own, haproxy) = (proc::cpu_millis(run.pid) - own, proc::cpu_millis(site.haproxy_pid()) - haproxy);
    (own / REFRESHES as f64, (haproxy - idle * seconds) / REFRESHES as f64)
}

/// Measures dumps with one socat process per second. The total CPU time of these processes has a resolution of 10 ms.
fn measure_socat(site: &LoadedSite, idle: f64) -> (f64, f64) {
    let (own, haproxy, start) = (proc::children_cpu_millis(), proc::cpu_millis(site.haproxy_pid()), Instant::now());
    for _ in 0..REFRESHES {
        let took = time_socat_dump(site.socket());
        thread::sleep(Duration::from_secs(1).saturating_sub(took));
    }
    let seconds = start.elapsed().as_secs_f64();
    let (own, haproxy) = (proc::children_cpu_millis() - own, proc::cpu_millis(site.haproxy_pid()) - haproxy);
    (own / REFRESHES as f64, (haproxy - idle * seconds) / REFRESHES as f64)
}
