//! The HAProxy process that an action is meant for.

use std::time::Duration;

use crate::haproxy::fields::InfoField;
use crate::haproxy::info::ProcessInfo;
use crate::observe::sample::Sample;

/// Maximum difference between two computed start times of one process. HAProxy reports the uptime in whole seconds.
const START_TOLERANCE_MS: i64 = 2500;

/// The process id of an HAProxy process and its start, which distinguishes it from a later process with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessIdentity {
    /// Process id.
    pub(crate) pid: i64,
    /// Start as Unix time in seconds; `None` before HAProxy 2.4.
    start_time: Option<i64>,
    /// Start in milliseconds of this program's monotonic clock, computed from the uptime; negative if HAProxy started
    /// before this program.
    computed_start: Option<i64>,
    /// Several processes answer on the socket in turn (`nbproc`, up to 2.4), so their ids cannot be compared.
    is_one_of_several: bool,
}

impl ProcessIdentity {
    /// Returns the identity from `show info`, received at the monotonic time `at`.
    pub(crate) fn from_info(info: &ProcessInfo, at: Duration) -> Self {
        let uptime = info.number(InfoField::UptimeSec).map(|seconds| seconds.saturating_mul(1000));
        Self {
            pid: info.number(InfoField::Pid).unwrap_or_default(),
            start_time: info.number(InfoField::StartTimeSec),
            computed_start: uptime.map(|uptime| (at.as_millis() as i64).saturating_sub(uptime)),
            is_one_of_several: info.number(InfoField::Nbproc).is_some_and(|count| count > 1),
        }
    }

    /// Returns the identity of the process that sent a sample.
    pub(crate) fn from_sample(sample: &Sample) -> Self {
        Self::from_info(&sample.info, sample.at.monotonic)
    }

    /// Returns whether both, which answered on the same socket, are the same process.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.is_one_of_several && other.is_one_of_several
            || self.pid == other.pid && self.is_same_start(other).unwrap_or(true)
    }

    /// Returns whether both, which may have answered on different sockets, are known to be the same process.
    pub(crate) fn is_certainly(&self, other: &Self) -> bool {
        self.pid > 0 && self.pid == other.pid && self.is_same_start(other) == Some(true)
    }

    /// Compares the starts. Returns `None` if one of them is unknown.
    fn is_same_start(&self, other: &Self) -> Option<bool> {
        if let (Some(one), Some(other)) = (self.start_time, other.start_time) {
            return Some(one == other);
        }
        let (one, other) = self.computed_start.zip(other.computed_start)?;
        Some(one.abs_diff(other) <= START_TOLERANCE_MS.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(pid: i64, rest: &str, at_secs: u64) -> ProcessIdentity {
        let info = ProcessInfo::parse(format!("Pid: {pid}\n{rest}").as_bytes()).unwrap();
        ProcessIdentity::from_info(&info, Duration::from_secs(at_secs))
    }

    #[test]
    fn is_same_compares_pid_and_start() {
        let first = identity(7, "Uptime_sec: 100\n", 10);
        assert!(first.is_same(&identity(7, "Uptime_sec: 131\n", 40)), "the uptime is rounded");
        assert!(!first.is_same(&identity(8, "Uptime_sec: 130\n", 40)));
        assert!(!first.is_same(&identity(7, "Uptime_sec: 120\n", 40)), "another process got the same id");
        let first = identity(7, "Uptime_sec: 1\nStart_time_sec: 1000\n", 10);
        assert!(!first.is_same(&identity(7, "Uptime_sec: 1\nStart_time_sec: 1001\n", 10)));
        assert!(first.is_same(&identity(7, "Uptime_sec: 9\nStart_time_sec: 1000\n", 10)));
        assert!(first.is_same(&identity(7, "Uptime_sec: 1\n", 11)), "a version without the start time");
        assert!(identity(7, "Nbproc: 2\n", 1).is_same(&identity(8, "Nbproc: 2\n", 1)));
    }

    #[test]
    fn is_certainly_needs_pid_and_start_of_both() {
        let first = identity(7, "Uptime_sec: 100\n", 10);
        assert!(first.is_certainly(&identity(7, "Uptime_sec: 131\n", 40)));
        assert!(!first.is_certainly(&identity(7, "Uptime_sec: 120\n", 40)));
        assert!(!first.is_certainly(&identity(7, "", 10)), "the start is unknown");
        assert!(!identity(7, "Nbproc: 2\n", 1).is_certainly(&identity(8, "Nbproc: 2\n", 1)));
        assert!(!identity(0, "Uptime_sec: 1\n", 1).is_certainly(&identity(0, "Uptime_sec: 1\n", 1)));
    }
}
