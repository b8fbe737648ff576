//! Processes from before a reload, and the sessions that they hold on each server.
//!
//! After a reload, the process that answers on the stats socket counts only its own sessions. Old processes finish
//! theirs, possibly for hours, so a server without sessions in the new process may still serve those of an old one.

use std::collections::HashMap;
use std::fmt;

use crate::haproxy::address::Address;
use crate::haproxy::safe_text::SafeText;
use crate::observe::sample::ReplyCost;
use crate::units::pluralize;

/// Reason why the sessions of an old process are unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UncountedReason {
    /// HAProxy runs without a master socket.
    NoMasterSocket,
    /// The master socket cannot be used. Contains its address and the reason.
    MasterSocketFailed(String, String),
    /// The processes run on another machine or in a container, or are hidden from this user.
    NotVisible,
}

impl fmt::Display for UncountedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMasterSocket => f.write_str("HAProxy runs without a master socket (-W -S PATH)"),
            Self::MasterSocketFailed(address, reason) => write!(f, "master socket {address}: {reason}"),
            Self::NotVisible => f.write_str("HAProxy's processes are not visible from here"),
        }
    }
}

/// Sessions and queued requests by backend and server.
pub type ServerSessions = HashMap<(SafeText, SafeText), i64>;

/// A process from before a reload that still runs, or may still run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldProcess {
    /// Pid.
    pub pid: i64,
    /// Sessions on each server, or the reason why they are unknown.
    pub sessions: Result<ServerSessions, UncountedReason>,
}

/// The old processes of one HAProxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OldProcesses {
    /// Pid of the process that answered on the stats socket.
    pub current_pid: i64,
    /// Old processes, in no particular order.
    pub processes: Vec<OldProcess>,
    /// Master socket over which the sessions were counted, if any.
    pub master_socket: Option<Address>,
    /// Number of requests that were sent to find and count them.
    pub requests: usize,
    /// Size of all replies and the time that they took.
    pub cost: ReplyCost,
}

impl OldProcesses {
    /// Returns the sessions that old processes hold, or may hold, on one server.
    pub(crate) fn sessions_on(&self, backend: &SafeText, server: &SafeText) -> OldSessions {
        let key = (backend.clone(), server.clone());
        let holder = |process: &OldProcess| match &process.sessions {
            Ok(sessions) => Some((process.pid, Ok(sessions.get(&key).copied().filter(|count| *count > 0)?))),
            Err(reason) => Some((process.pid, Err(reason.clone()))),
        };
        OldSessions { holders: self.processes.iter().filter_map(holder).collect() }
    }
}

/// Sessions that old processes hold, or may hold, on one server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OldSessions {
    /// Pid of each process, with the number of its sessions.
    holders: Vec<(i64, Result<i64, UncountedReason>)>,
}

impl OldSessions {
    /// Returns true if no old process holds, or may hold, sessions on the server.
    pub(crate) fn is_empty(&self) -> bool {
        self.holders.is_empty()
    }

    /// Returns the number of sessions that could be counted.
    pub(crate) fn counted(&self) -> i64 {
        self.holders
            .iter()
            .filter_map(|(_, count)| count.as_ref().ok())
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Returns the pids of the processes whose sessions were counted.
    pub(crate) fn counted_pids(&self) -> impl Iterator<Item = i64> {
        self.holders.iter().filter(|(_, count)| count.is_ok()).map(|(pid, _)| *pid)
    }

    /// Returns the pids of the processes whose sessions are unknown, with the reason.
    pub(crate) fn uncounted(&self) -> impl Iterator<Item = (i64, &UncountedReason)> {
        self.holders.iter().filter_map(|(pid, count)| Some((*pid, count.as_ref().err()?)))
    }
}

impl fmt::Display for OldSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (pid, count)) in self.holders.iter().enumerate() {
            let separator = if index > 0 { ", " } else { "" };
            match count {
                Ok(count) => write!(f, "{separator}{} in old worker {pid}", pluralize(*count, "session"))?,
                Err(_) => write!(f, "{separator}old process {pid} may hold sessions")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_sessions_name_each_holder_and_leave_out_idle_workers() {
        let on_s1 = |count| Ok(ServerSessions::from([(("be".into(), "s1".into()), count)]));
        let process = |pid, sessions| OldProcess { pid, sessions };
        let found = OldProcesses {
            processes: vec![
                process(7, on_s1(3)),
                process(8, on_s1(0)),
                process(9, Err(UncountedReason::NoMasterSocket)),
            ],
            ..OldProcesses::default()
        };
        let held = found.sessions_on(&"be".into(), &"s1".into());
        assert_eq!(held.to_string(), "3 sessions in old worker 7, old process 9 may hold sessions");
        assert_eq!((held.counted(), held.is_empty()), (3, false));
        assert_eq!(found.sessions_on(&"be".into(), &"s2".into()).to_string(), "old process 9 may hold sessions");
        assert!(OldProcesses::default().sessions_on(&"be".into(), &"s1".into()).is_empty());
    }
}
