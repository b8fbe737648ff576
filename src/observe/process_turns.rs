//! Processes that reply in turn on one socket.
//!
//! A reload replaces a process, and the earlier one never replies again. With `nbproc`, or with two HAProxies that bind
//! the same path, several live processes reply in turn, each with its own counters and states. A process that replies
//! again keeps its epoch, so that these turns are no reloads.

use std::time::Duration;

use crate::haproxy::fields::InfoField;
use crate::haproxy::info::ProcessInfo;
use crate::observe::sample::{Epoch, Sample};

/// Time for which a process counts as live after its last reply.
const LIVE_TIME: Duration = Duration::from_mins(1);
/// Number of times that an earlier process must reply again within [`LIVE_TIME`]. While a reload hands over the socket,
/// the earlier process may do so once.
const MIN_RETURNS: usize = 2;
/// Maximum number of processes that are remembered.
const MAX_PROCESSES: usize = 16;
/// Maximum difference between the growth of an uptime in whole seconds and the time that has passed.
const UPTIME_TOLERANCE: u64 = 2;

/// A process that has replied.
#[derive(Debug, Clone, Copy)]
struct RepliedProcess {
    epoch: Epoch,
    uptime: Option<i64>,
    at: Duration,
}

/// The processes that have replied on one socket.
#[derive(Debug, Default)]
pub(crate) struct ProcessTurns {
    /// The process of the newest sample comes last.
    replied: Vec<RepliedProcess>,
    /// Times at which a process replied again after another one.
    returns: Vec<Duration>,
    /// Number of the newest epoch.
    last_epoch: u32,
}

impl ProcessTurns {
    /// Returns the epoch of a reply received at the monotonic time `at`. A new epoch starts with a process that has not
    /// replied before, or with a smaller uptime.
    pub(crate) fn epoch_of(&self, info: &ProcessInfo, at: Duration) -> Epoch {
        let pid = info.number(InfoField::Pid).unwrap_or_default();
        let uptime = info.number(InfoField::UptimeSec);
        let newest = self.replied.last().filter(|process| process.epoch.pid == pid && uptime >= process.uptime);
        let earlier = || {
            self.replied.iter().rev().skip(1).find(|process| {
                let grown = uptime.zip(process.uptime).map(|(now, then)| now.saturating_sub(then));
                let passed = at.saturating_sub(process.at).as_secs() as i64;
                let is_plausible = |grown: i64| grown >= 0 && grown.abs_diff(passed) <= UPTIME_TOLERANCE;
                process.epoch.pid == pid && grown.is_some_and(is_plausible)
            })
        };
        let known = newest.or_else(earlier).map(|process| process.epoch);
        known.unwrap_or(Epoch { number: self.last_epoch + 1, pid })
    }

    /// Returns whether a process with this epoch has replied before.
    pub(crate) fn has_replied(&self, epoch: Epoch) -> bool {
        self.replied.iter().any(|process| process.epoch == epoch)
    }

    /// Records a sample.
    pub(crate) fn record(&mut self, sample: &Sample) {
        let (epoch, at) = (sample.epoch, sample.at.monotonic);
        let place = self.replied.iter().position(|process| process.epoch == epoch);
        if place.is_some_and(|place| place + 1 < self.replied.len()) {
            self.returns.push(at);
        }
        self.returns.retain(|returned| at.saturating_sub(*returned) < LIVE_TIME);
        match place {
            Some(place) => drop(self.replied.remove(place)),
            None if self.replied.len() >= MAX_PROCESSES => drop(self.replied.remove(0)),
            None => {}
        }
        self.replied.push(RepliedProcess { epoch, uptime: sample.info.number(InfoField::UptimeSec), at });
        self.last_epoch = self.last_epoch.max(epoch.number);
    }

    /// Returns the pids of the live processes that reply in turn, in ascending order; empty if there is only one.
    pub(crate) fn live_pids(&self, now: Duration) -> Vec<i64> {
        let is_recent = |at: Duration| now.saturating_sub(at) < LIVE_TIME;
        if self.returns.iter().filter(|at| is_recent(**at)).count() < MIN_RETURNS {
            return Vec::new();
        }
        let live = self.replied.iter().filter(|process| is_recent(process.at));
        let mut pids: Vec<i64> = live.map(|process| process.epoch.pid).collect();
        pids.sort_unstable();
        pids
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, timestamp_at};

    /// Replies at two-second intervals of processes with these pids, which started together; returns the epochs and the
    /// live pids after the last reply.
    fn replies(pids: &[i64]) -> (Vec<u32>, Vec<i64>) {
        let mut turns = ProcessTurns::default();
        let mut epochs = Vec::new();
        let mut now = Duration::ZERO;
        for (pid, step) in pids.iter().zip(0..) {
            let info = ProcessInfo::parse(format!("Pid: {pid}\nUptime_sec: {}\n", step * 2).as_bytes()).unwrap();
            now = Duration::from_secs(step * 2);
            let epoch = turns.epoch_of(&info, now);
            epochs.push(epoch.number);
            let sample = SampleBuilder::default().build_at_millis(0, "# pxname,svname,\n");
            let sample = std::sync::Arc::into_inner(sample).unwrap();
            turns.record(&Sample { epoch, info, at: timestamp_at(step * 2000), ..sample });
        }
        (epochs, turns.live_pids(now))
    }

    #[test]
    fn epoch_of_process_that_replies_again_is_kept() {
        assert_eq!(replies(&[7, 7, 8, 8]), (vec![1, 1, 2, 2], vec![]), "a reload");
        assert_eq!(replies(&[7, 8, 7, 8, 8]), (vec![1, 2, 1, 2, 2], vec![7, 8]));
        assert_eq!(replies(&[7, 8, 7]).1, [] as [i64; 0], "may happen during a reload");
        assert_eq!(replies(&[7, 8, 9, 7, 9, 8]).1, [7, 8, 9]);
        let ended = [&[7, 8, 7, 8][..], &[8; 40]].concat();
        assert_eq!(replies(&ended).1, [] as [i64; 0], "one process has ended");
    }
}
