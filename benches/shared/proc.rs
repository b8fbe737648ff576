//! CPU time and memory of a process, from `/proc`.

use std::fs;

/// Returns the user and system time of all current threads of a process, in milliseconds. The resolution is one
/// nanosecond if the kernel provides `schedstat`, otherwise 10 ms.
pub fn cpu_millis(pid: u32) -> f64 {
    let exact: u64 = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum();
    if exact > 0 { exact as f64 / 1e6 } else { clock_ticks_millis(&format!("/proc/{pid}/stat"), [13, 14]) }
}

/// Returns the user and system time of all child processes of this process that have ended, in milliseconds.
pub fn children_cpu_millis() -> f64 {
    clock_ticks_millis("/proc/self/stat", [15, 16])
}

fn clock_ticks_millis(path: &str, fields: [usize; 2]) -> f64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    // The process name, in parentheses, may contain spaces. It is the second field, so the fields after it are numbered
    // from 3.
    let rest = text.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let values: Vec<u64> = rest.split(' ').map(|field| field.parse().unwrap_or(0)).collect();
    let sum: u64 = fields.iter().filter_map(|field| values.get(field - 2)).sum();
    sum as f64 * 10.0
}

/// Returns a value from `/proc/PID/status`, such as `VmRSS` or `VmHWM`, in MB (1,000,000 bytes); NaN if it is missing.
pub fn memory_mb(pid: u32, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib * 1024.0 / 1e6)
}

/// Returns the number of voluntary context switches of all current threads of a process.
pub fn context_switches(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let texts = tasks.filter_map(|task| fs::read_to_string(task.path().join("status")).ok());
    texts
        .filter_map(|text| {
            text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse::<u64>().ok())
        })
        .sum()
}

/// Returns the load average of the last minute, or `unknown`.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}
