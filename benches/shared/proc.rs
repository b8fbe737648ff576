//! A running process as `/proc` shows it: the processor time it took, the memory it has.

use std::fs;

/// User and system time of all threads that a process has now. In nanoseconds where the kernel keeps them
/// (`schedstat`), else in ticks of a hundredth of a second; told in milliseconds.
pub fn cpu(pid: u32) -> f64 {
    let exact: u64 = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum();
    if exact > 0 { exact as f64 / 1e6 } else { ticks(&format!("/proc/{pid}/stat"), [13, 14]) }
}

/// User and system time of the children of this process that have ended, in milliseconds.
pub fn cpu_of_children() -> f64 {
    ticks("/proc/self/stat", [15, 16])
}

fn ticks(path: &str, fields: [usize; 2]) -> f64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    // The name, in brackets, may hold blanks; two fields are before its end.
    let rest = text.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let values: Vec<u64> = rest.split(' ').map(|field| field.parse().unwrap_or(0)).collect();
    let sum: u64 = fields.iter().filter_map(|field| values.get(field - 2)).sum();
    sum as f64 * 10.0
}

/// A line of `/proc/PID/status` in MB of 1,000,000 bytes: `VmRSS`, `VmHWM`.
pub fn memory(pid: u32, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib * 1024.0 / 1e6)
}

/// How often its threads have gone to sleep and been woken.
pub fn switches(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let texts = tasks.filter_map(|task| fs::read_to_string(task.path().join("status")).ok());
    texts
        .filter_map(|text| {
            text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse::<u64>().ok())
        })
        .sum()
}

/// How busy the machine was in the last minute: processes that ran or wanted to.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}
