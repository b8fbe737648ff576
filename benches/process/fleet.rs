//! Measures one hapulse with 50 HAProxies of 1,000 servers each, polled every 5 s: CPU time, memory, ages, and the time
//! from a key to its frame. One HAProxy is stopped, one refuses connections, one replies after 200 ms, and one stalls in
//! the middle of its replies.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::faulty_relay::{FaultyRelay, RelayFault};
use crate::programs::{Program, Programs};
use crate::run::ProgramRun;
use crate::shared::figures::{Distribution, millis, print_heading, print_row, print_target, print_value};
use crate::shared::proc;
use crate::site::LoadedSite;
use crate::support::{Traffic, process};

const SIZE: (u16, u16) = (200, 70);
const HAPROXIES: usize = 50;
/// Number of HAProxies with a fault: the last ones.
const FAULTS: usize = 4;
const MINUTE: Duration = Duration::from_mins(1);
const INTERVAL: f64 = 5.0;
/// Number of requests per second for each HAProxy.
const RATE: f64 = 20.0;
const KEYS: usize = 100;
/// Targets: CPU time per second in milliseconds, resident memory in MB after an hour, and the 95th percentile of the
/// time from a key to its frame in milliseconds.
const CPU_TARGET: f64 = 30.0;
const MEMORY_TARGET: f64 = 600.0;
const KEY_TARGET: f64 = 6.0;

pub fn measure(programs: &Programs, minutes: usize) {
    let first = LoadedSite::start(20, 50);
    let peers: Vec<LoadedSite> = (1..HAPROXIES).map(|_| first.start_peer(20, 50)).collect();
    let sites: Vec<&LoadedSite> = std::iter::once(&first).chain(&peers).collect();
    let load: Vec<_> =
        sites.iter().map(|site| Traffic::to(site.addr()).keep_alive().workers(1).rate(RATE).start()).collect();
    let slow = FaultyRelay::to(sites[46].socket(), "show", RelayFault::DelayReply(Duration::from_millis(200)));
    let stalling = FaultyRelay::to(sites[47].socket(), "show stat", RelayFault::StallReply);
    process::signal(sites[48].haproxy_pid(), "STOP");
    let refusing = sites[48].socket().with_file_name("refusing.sock");
    drop(std::os::unix::net::UnixListener::bind(&refusing).unwrap());
    let mut sockets: Vec<&Path> = sites[..46].iter().map(|site| site.socket()).collect();
    sockets.extend([slow.path(), stalling.path(), sites[48].socket(), &refusing]);
    let targets = sockets.iter().enumerate().map(|(index, path)| format!("lb{index:02}={}", path.display()));
    let interval = INTERVAL.to_string();
    let args = targets.chain(["-i".to_owned(), interval]).collect();
    let program = Program { args, ..programs.hapulse.clone() };

    let mut run = ProgramRun::start(&program, sites[0].socket(), SIZE);
    run.wait_for_text(|screen| screen.contains("be1") && screen.contains(program.ready_text));
    run.press("L");
    run.wait_for_text(|screen| screen.contains("lb45"));
    for minute in 1..=minutes {
        let before = proc::cpu_millis(run.pid);
        let start = Instant::now();
        run.drain_until(start + MINUTE);
        let used = (proc::cpu_millis(run.pid) - before) / start.elapsed().as_secs_f64();
        print_heading(&format!("after {minute} min, load {}", proc::load_average()));
        print_target("CPU time, ms per second", used, CPU_TARGET);
        print_target("resident memory, MB", proc::memory_mb(run.pid, "VmRSS"), MEMORY_TARGET);
        print_target("oldest sample of the others, s", oldest_sample(&run.text()), INTERVAL + 1.0);
    }
    let times = Distribution::new(time_keys(&mut run));
    print_row("ms from a key to its frame, balancers", &times);
    print_target("  p95", times.quantile(0.95), KEY_TARGET);
    process::signal(sites[48].haproxy_pid(), "CONT");
    print_value("requests in total", load.into_iter().map(|load| load.stop().ok as f64).sum());
}

/// Returns the highest age in the table of balancers, without those that have a fault.
fn oldest_sample(screen: &str) -> f64 {
    let heading = screen.lines().find_map(|line| line.find(" AGE ").map(|start| start + 4));
    let end = heading.expect("the table has a column AGE");
    let is_healthy = |line: &&str| (0..HAPROXIES - FAULTS).any(|index| line.contains(&format!(" lb{index:02} ")));
    let age = |line: &str| {
        let text: String = line.chars().take(end).collect();
        text.split_whitespace().last()?.trim_end_matches('s').parse::<f64>().ok()
    };
    screen.lines().filter(is_healthy).filter_map(age).fold(f64::NAN, f64::max)
}

/// Moves the cursor down and up, and returns the milliseconds until each movement is shown.
fn time_keys(run: &mut ProgramRun) -> Vec<f64> {
    let cursor = |screen: &vt100::Screen| screen.rows(0, SIZE.0).position(|line| line.starts_with('▶'));
    let mut random: u64 = 7;
    let mut times = Vec::with_capacity(KEYS);
    for number in 0..KEYS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        run.drain_until(Instant::now() + Duration::from_millis(3 + (random >> 33) % 200));
        let before = cursor(run.screen());
        let pressed = run.press(if number % 2 == 0 { "\x1bOB" } else { "\x1bOA" });
        let shown = run.wait_for(|screen| cursor(screen).is_some() && cursor(screen) != before);
        times.push(millis(shown.saturating_duration_since(pressed)));
    }
    times
}
