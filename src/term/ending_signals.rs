//! The signals that end a program which does not handle them. hapulse handles them to restore the terminal first.

use rustix::process::{Resource, getrlimit};

/// Number of the signal SIGHUP on Linux.
pub(crate) const SIGHUP: i32 = 1;
/// Number of the signal SIGINT on Linux. Ctrl-C sends it, unless the terminal is set up.
pub(crate) const SIGINT: i32 = 2;
/// Number of the signal SIGXFSZ on Linux, for a file that exceeds the limit of its size.
const SIGXFSZ: i32 = 25;

/// Numbers and names on Linux. Left out are SIGHUP, whose meaning depends on the terminal, SIGPIPE, which Rust ignores,
/// and those that cannot be handled: SIGKILL, and the errors of the processor SIGILL, SIGBUS, SIGFPE and SIGSEGV.
const NAMES: [(i32, &str); 17] = [
    (SIGINT, "SIGINT"),
    (3, "SIGQUIT"),
    (5, "SIGTRAP"),
    (6, "SIGABRT"),
    (10, "SIGUSR1"),
    (12, "SIGUSR2"),
    (14, "SIGALRM"),
    (15, "SIGTERM"),
    (16, "SIGSTKFLT"),
    (24, "SIGXCPU"),
    (SIGXFSZ, "SIGXFSZ"),
    (26, "SIGVTALRM"),
    (27, "SIGPROF"),
    (29, "SIGIO"),
    (30, "SIGPWR"),
    (31, "SIGSYS"),
    (SIGHUP, "SIGHUP"),
];
/// The real-time signals. Some C libraries use the first ones themselves; these cannot be handled.
const REAL_TIME: std::ops::RangeInclusive<i32> = 32..=64;

/// Returns the numbers of the signals, without SIGHUP. Signals that the parent process made this one ignore are left
/// out, except for SIGINT, SIGQUIT and SIGTERM: a shell without job control ignores the first two for all background
/// jobs.
pub(crate) fn numbers() -> impl Iterator<Item = i32> {
    let ignored = ignored_signals();
    let is_ignored = move |number: i32| ![SIGINT, 3, 15].contains(&number) && ignored >> (number - 1) & 1 == 1;
    // With a limit on file sizes, the kernel sends SIGXFSZ for a write that fails. The error of the write is reported.
    let is_write_error = |number: i32| number == SIGXFSZ && getrlimit(Resource::Fsize).current.is_some();
    let named = NAMES.iter().map(|(number, _)| *number).filter(|number| *number != SIGHUP);
    named.chain(REAL_TIME).filter(move |number| !is_ignored(*number) && !is_write_error(*number))
}

/// Returns the signals that this process ignores, one bit per signal; none if unknown.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Returns the name of a signal, such as `SIGTERM`.
pub(crate) fn name(number: i32) -> String {
    match NAMES.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("signal {number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_end_a_program() {
        let numbers: Vec<i32> = numbers().collect();
        for number in [2, 3, 6, 10, 12, 14, 15, 24, 26, 27, 29, 30, 34, 64] {
            assert!(numbers.contains(&number), "{number}");
        }
        // These do not end a program, have another meaning, or cannot be handled.
        for number in [1, 4, 7, 8, 9, 11, 13, 17, 18, 19, 20, 21, 22, 23, 28] {
            assert!(!numbers.contains(&number), "{number}");
        }
    }

    #[test]
    fn name_is_standard_name_or_number() {
        assert_eq!([1, 2, 15, 12, 35].map(name), ["SIGHUP", "SIGINT", "SIGTERM", "SIGUSR2", "signal 35"]);
    }
}
