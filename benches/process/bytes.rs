//! Measures the bytes per refresh of hapulse's view 1 and of HATop's first mode. Both programs run at the same time,
//! with the same screen size and the same HAProxy, and all rows fit on both screens.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::programs::{Program, Programs};
use crate::run::ProgramRun;
use crate::shared::figures::{print_ratio, print_value};
use crate::site::LoadedSite;
use crate::support::{process, wait_until};

const SIZE: (u16, u16) = (160, 48);
const REFRESHES: usize = 30;

pub fn measure(programs: &Programs, rounds: usize) {
    let site = LoadedSite::start(4, 4);
    // In the first minute after HAProxy starts, every age on the screen is in seconds and changes with each sample.
    thread::sleep(Duration::from_secs(65));
    for loaded in [true, false] {
        let load = loaded.then(|| site.start_load());
        for _ in 0..rounds {
            println!("\n{} refreshes of 16 servers at 160x48, {}", REFRESHES, if loaded { "busy" } else { "idle" });
            let terminal_programs: Vec<&Program> =
                [Some(&programs.table), programs.hatop.as_ref()].into_iter().flatten().collect();
            let counts: Vec<OutputCount> = thread::scope(|scope| {
                let runs: Vec<_> = terminal_programs
                    .iter()
                    .map(|program| scope.spawn(|| count_output(&site, program, programs)))
                    .collect();
                runs.into_iter().map(|run| run.join().unwrap()).collect()
            });
            for (program, counts) in terminal_programs.iter().zip(&counts) {
                print_value(&format!("{}: bytes per refresh", program.name), counts.bytes);
                if let Some(writes) = counts.writes {
                    print_value(&format!("{}: writes per refresh", program.name), writes);
                }
            }
            if let [ours, theirs] = counts.as_slice() {
                print_ratio("bytes, hapulse / HATop", ours.bytes / theirs.bytes, 1.0);
            }
        }
        drop(load);
    }
}

struct OutputCount {
    bytes: f64,
    writes: Option<f64>,
}

fn count_output(site: &LoadedSite, program: &Program, programs: &Programs) -> OutputCount {
    let mut run = ProgramRun::start(program, site.socket(), SIZE);
    run.wait_for_text(|screen| screen.contains("be4") && screen.contains(program.ready_text));
    run.wait_for_refreshes(2);
    let bytes = run.wait_for_refreshes(REFRESHES) as f64 / REFRESHES as f64;
    let writes = programs.strace.then(|| {
        let folder = TempDir::with_prefix("bench").unwrap();
        let log = folder.path().join("writes");
        let mut tracer = attach_strace(run.pid, &log);
        // The trace may begin in the middle of a refresh.
        run.wait_for_refreshes(1);
        let before = count_terminal_writes(&log);
        run.wait_for_refreshes(REFRESHES);
        let count = count_terminal_writes(&log) - before;
        process::signal(tracer.id(), "INT");
        let _ = tracer.wait();
        count as f64 / REFRESHES as f64
    });
    OutputCount { bytes, writes }
}

/// Attaches strace to a process, and returns when strace is attached.
fn attach_strace(pid: u32, log: &Path) -> Child {
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

/// Returns the number of writes to a terminal in the log of strace so far.
fn count_terminal_writes(log: &Path) -> usize {
    fs::read_to_string(log).unwrap_or_default().lines().filter(|line| line.contains("</dev/pts/")).count()
}
