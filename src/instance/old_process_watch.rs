//! Decides when to look for old processes, and keeps the newest result.
//!
//! Old processes matter only during a drain. The search repeats only while one remains, at most every 5 s.

use std::time::Duration;

use crate::observe::old_processes::OldProcesses;
use crate::observe::row_ids::RowId;

/// Minimum time between two searches in the same epoch.
const SEARCH_INTERVAL: Duration = Duration::from_secs(5);

/// The search for old processes of one instance.
#[derive(Debug, Default)]
pub(crate) struct OldProcessWatch {
    /// Newest result; it applies only to the process that replied then.
    newest: Option<OldProcesses>,
    /// Pid and time of the newest search.
    searched: Option<(i64, Duration)>,
    is_running: bool,
    /// Servers without a drain whose sessions in old processes matter as well.
    pub(crate) followed: Vec<RowId>,
    /// Pids that answered before a reload that was seen while a drain was followed.
    earlier_pids: Vec<i64>,
}

impl OldProcessWatch {
    /// Records that another process replies than before. `is_following` is set if a drain is followed.
    pub(crate) fn record_new_process(&mut self, before: i64, is_following: bool) {
        if is_following && !self.earlier_pids.contains(&before) {
            self.earlier_pids.push(before);
        }
    }

    /// Forgets the processes of drains that have ended.
    pub(crate) fn forget_earlier_processes(&mut self) {
        self.earlier_pids.clear();
    }

    /// Returns the pids that answered before, if a search is due for the process `pid`, and records that it begins.
    pub(crate) fn start_search(&mut self, pid: i64, now: Duration) -> Option<Vec<i64>> {
        let is_due = match self.searched {
            Some((searched, at)) if searched == pid => {
                let has_old = self.known(pid).is_some_and(|known| !known.processes.is_empty());
                has_old && now.saturating_sub(at) >= SEARCH_INTERVAL
            }
            _ => true,
        };
        if self.is_running || !is_due {
            return None;
        }
        self.is_running = true;
        self.searched = Some((pid, now));
        Some(self.earlier_pids.clone())
    }

    /// Makes a search due, however recent the last one is.
    pub(crate) fn request_search(&mut self) {
        self.searched = None;
    }

    /// Stores the result of a search.
    pub(crate) fn finish_search(&mut self, found: OldProcesses) {
        self.is_running = false;
        self.newest = Some(found);
    }

    /// Returns the old processes of the process `pid`; `None` if they are unknown.
    pub(crate) fn known(&self, pid: i64) -> Option<&OldProcesses> {
        self.newest.as_ref().filter(|found| found.current_pid == pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::old_processes::{OldProcess, UncountedReason};

    fn found(current_pid: i64, old: Option<i64>) -> OldProcesses {
        let process = |pid| OldProcess { pid, sessions: Err(UncountedReason::NoMasterSocket) };
        OldProcesses { current_pid, processes: old.map(process).into_iter().collect(), ..OldProcesses::default() }
    }

    #[test]
    fn search_is_repeated_only_while_an_old_process_lives() {
        let second = Duration::from_secs;
        let mut watch = OldProcessWatch::default();
        assert_eq!(watch.start_search(7, second(0)), Some(vec![]));
        assert_eq!(watch.start_search(7, second(9)), None, "one search at a time");
        watch.finish_search(found(7, None));
        assert_eq!(watch.start_search(7, second(60)), None, "no old process can appear without a reload");
        watch.record_new_process(7, true);
        assert!(watch.known(8).is_none());
        assert_eq!(watch.start_search(8, second(61)), Some(vec![7]));
        watch.finish_search(found(8, Some(7)));
        assert_eq!(watch.start_search(8, second(62)), None);
        assert_eq!(watch.start_search(8, second(66)), Some(vec![7]));
        watch.finish_search(found(8, None));
        assert_eq!(watch.start_search(8, second(90)), None);
    }

    #[test]
    fn result_for_an_earlier_process_is_not_used() {
        let mut watch = OldProcessWatch::default();
        watch.start_search(7, Duration::ZERO);
        watch.finish_search(found(7, None));
        assert!(watch.known(7).is_some() && watch.known(8).is_none());
        watch.record_new_process(7, false);
        assert_eq!(watch.start_search(8, Duration::ZERO), Some(vec![]), "no drain was followed");
    }
}
