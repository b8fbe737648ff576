//! What a process holds, as the kernel counts it.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// Sizes of the terminal, one after the other: each tenth of the way has the largest.
pub const SIZES: [(u16, u16); 7] = [(220, 70), (80, 24), (1, 1), (120, 40), (200, 10), (59, 14), (60, 70)];

/// One line of `/proc/PID/status`, in kB.
fn status(pid: u32, key: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_else(|| panic!("no {key} in {text}"))
}

/// Resident memory in kB.
pub fn resident(pid: u32) -> u64 {
    status(pid, "VmRSS")
}

/// Open files, and threads but those that the runtime lends for an instant to what blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub files: usize,
    pub threads: usize,
}

fn held(pid: u32) -> Held {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).expect("the process runs").count();
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs").flatten();
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    Held { files, threads: tasks.map(name).filter(|name| !name.starts_with("tokio")).count() }
}

/// The least that is held within two seconds: a poll under way has a connection of its own.
pub fn least(pid: u32) -> Held {
    let end = Instant::now() + Duration::from_secs(2);
    let mut least = held(pid);
    while Instant::now() < end {
        let now = held(pid);
        least = Held { files: least.files.min(now.files), threads: least.threads.min(now.threads) };
        thread::sleep(Duration::from_millis(5));
    }
    least
}

/// How far something has come, from 0 to 1. The opening, in which everything that is kept up to a limit fills up to it,
/// is the first tenth where it takes longer than that, as it does in the short form.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    tenth: f64,
    end: f64,
}

impl Way {
    pub fn new(opening: f64, end: f64) -> Self {
        let tenth = opening.max(end / 10.0);
        Self { tenth, end: end.max(1.6 * tenth) }
    }

    /// The share at this time, or number.
    pub fn share(self, now: f64) -> f64 {
        let Self { tenth, end } = self;
        if now < tenth { now / tenth / 10.0 } else { 0.1 + 0.9 * (now - tenth) / (end - tenth) }
    }
}

/// Resident memory along the way: the highest reading of each tenth, for one alone may be taken at any moment of a
/// poll, and with any size of the terminal.
#[derive(Debug, Default)]
pub struct Memory {
    highest: [u64; 10],
}

impl Memory {
    /// A reading at this share of the way.
    pub fn read(&mut self, pid: u32, share: f64) {
        let tenth = ((share * 10.0) as usize).min(9);
        self.highest[tenth] = self.highest[tenth].max(resident(pid));
    }

    /// Prints the way, and says whether more was added from one tenth to the end than is allowed, as a share.
    pub fn judge(&self, what: &str, growth: f64) -> Result<(), String> {
        let tenths = self.highest;
        let (first, last) = (tenths[0] as f64, tenths[9] as f64);
        println!("{what}: resident memory in kB by tenths of the way: {tenths:?}");
        println!("{what}: from one tenth to the end {:+.1} %", (last / first - 1.0) * 100.0);
        if last <= first * (1.0 + growth) {
            return Ok(());
        }
        Err(format!("{what}: memory grew by more than {:.0} %: {tenths:?}", growth * 100.0))
    }
}
