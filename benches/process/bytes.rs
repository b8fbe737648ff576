//! What a refresh sends to the terminal: hapulse's view 1 and HATop's first mode side by side, at the same size, over
//! the same seconds of the same HAProxy, with all its rows on both screens.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::programs::{Program, Programs};
use crate::run::Run;
use crate::shared::figures::{line, ratio};
use crate::site::Site;
use crate::support::{process, wait_until};

const SIZE: (u16, u16) = (160, 48);
const REFRESHES: usize = 30;

pub fn measure(programs: &Programs, turns: usize) {
    let site = Site::start(4, 4);
    // In the first minute of a HAProxy every age on the screen counts seconds.
    thread::sleep(Duration::from_secs(65));
    for loaded in [true, false] {
        let load = loaded.then(|| site.load());
        for _ in 0..turns {
            println!("\n{} refreshes of 16 servers at 160x48, {}", REFRESHES, if loaded { "busy" } else { "idle" });
            let watchers: Vec<&Program> =
                [Some(&programs.table), programs.hatop.as_ref()].into_iter().flatten().collect();
            let counted: Vec<Counted> = thread::scope(|scope| {
                let runs: Vec<_> =
                    watchers.iter().map(|program| scope.spawn(|| count(&site, program, programs))).collect();
                runs.into_iter().map(|run| run.join().unwrap()).collect()
            });
            for (program, counted) in watchers.iter().zip(&counted) {
                line(&format!("{}: bytes per refresh", program.name), counted.bytes);
                if let Some(writes) = counted.writes {
                    line(&format!("{}: writes per refresh", program.name), writes);
                }
            }
            if let [ours, theirs] = counted.as_slice() {
                ratio("bytes, hapulse / HATop", ours.bytes / theirs.bytes, 1.0);
            }
        }
        drop(load);
    }
}

struct Counted {
    bytes: f64,
    writes: Option<f64>,
}

fn count(site: &Site, program: &Program, programs: &Programs) -> Counted {
    let mut run = Run::start(program, site.socket(), SIZE);
    run.when_text(|screen| screen.contains("be4") && screen.contains(program.full));
    run.refreshes(2);
    let bytes = run.refreshes(REFRESHES) as f64 / REFRESHES as f64;
    let writes = programs.strace.then(|| {
        let folder = TempDir::with_prefix("bench").unwrap();
        let log = folder.path().join("writes");
        let mut tracer = trace(run.pid, &log);
        // Part of a refresh may be over when it begins.
        run.refreshes(1);
        let before = writes(&log);
        run.refreshes(REFRESHES);
        let count = writes(&log) - before;
        process::signal(tracer.id(), "INT");
        let _ = tracer.wait();
        count as f64 / REFRESHES as f64
    });
    Counted { bytes, writes }
}

/// Follows a process's writes; it has begun when this returns.
fn trace(pid: u32, log: &Path) -> Child {
    let tracer = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=write,writev", "-s", "0", "-p", &pid.to_string(), "-o"])
        .arg(log)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("strace starts");
    wait_until("strace to follow", || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.contains(&format!("TracerPid:\t{}", tracer.id()))
    });
    tracer
}

/// The writes to a terminal so far.
fn writes(log: &Path) -> usize {
    fs::read_to_string(log).unwrap_or_default().lines().filter(|line| line.contains("</dev/pts/")).count()
}
