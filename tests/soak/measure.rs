//! Resource usage of a process, as the kernel reports it.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// Terminal sizes, used in turn. Each tenth of a run includes the largest.
pub const SIZES: [(u16, u16); 7] = [(220, 70), (80, 24), (1, 1), (120, 40), (200, 10), (59, 14), (60, 70)];

/// Returns the value of a line of `/proc/PID/status`, in kB.
fn status_kb(pid: u32, key: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_else(|| panic!("no {key} in {text}"))
}

/// Returns the resident memory in kB.
pub fn resident_kb(pid: u32) -> u64 {
    status_kb(pid, "VmRSS")
}

/// Number of open files, and number of threads other than the short-lived threads of tokio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resources {
    pub files: usize,
    pub threads: usize,
}

fn count_resources(pid: u32) -> Resources {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).expect("the process runs").count();
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs").flatten();
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    Resources { files, threads: tasks.map(name).filter(|name| !name.starts_with("tokio")).count() }
}

/// Returns the minimum number of files and threads within two seconds. Without a minimum, the connection of a poll in
/// progress would count.
pub fn min_resources(pid: u32) -> Resources {
    let end = Instant::now() + Duration::from_secs(2);
    let mut min = count_resources(pid);
    while Instant::now() < end {
        let now = count_resources(pid);
        min = Resources { files: min.files.min(now.files), threads: min.threads.min(now.threads) };
        thread::sleep(Duration::from_millis(5));
    }
    min
}

/// Computes the progress of a run, from 0 to 1. The warm-up, in which all bounded storage fills up, counts as the first
/// tenth even if it takes longer, as in the short form.
#[derive(Debug, Clone, Copy)]
pub struct SoakProgress {
    tenth: f64,
    end: f64,
}

impl SoakProgress {
    pub fn new(warm_up: f64, end: f64) -> Self {
        let tenth = warm_up.max(end / 10.0);
        Self { tenth, end: end.max(1.6 * tenth) }
    }

    /// Returns the progress, from 0 to 1, at this time or number of samples.
    pub fn fraction(self, now: f64) -> f64 {
        let Self { tenth, end } = self;
        if now < tenth { now / tenth / 10.0 } else { 0.1 + 0.9 * (now - tenth) / (end - tenth) }
    }
}

/// Maximum resident memory in each tenth of a run. A single measurement would depend on whether a poll is in progress
/// and on the terminal size.
#[derive(Debug, Default)]
pub struct MemoryPeaks {
    peaks: [u64; 10],
}

impl MemoryPeaks {
    /// Measures the memory at this progress of the run.
    pub fn record(&mut self, pid: u32, fraction: f64) {
        let tenth = ((fraction * 10.0) as usize).min(9);
        self.peaks[tenth] = self.peaks[tenth].max(resident_kb(pid));
    }

    /// Prints the memory of all tenths. Returns an error if the last tenth exceeds the first by more than the ratio.
    pub fn check_growth(&self, part: &str, max_growth: f64) -> Result<(), String> {
        let tenths = self.peaks;
        let (first, last) = (tenths[0] as f64, tenths[9] as f64);
        println!("{part}: resident memory in kB in each tenth of the run: {tenths:?}");
        println!("{part}: from the first to the last tenth {:+.1} %", (last / first - 1.0) * 100.0);
        if last <= first * (1.0 + max_growth) {
            return Ok(());
        }
        Err(format!("{part}: memory grew by more than {:.0} %: {tenths:?}", max_growth * 100.0))
    }
}
