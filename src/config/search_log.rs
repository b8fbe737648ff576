//! Candidates that the discovery of local HAProxies could not use, with the reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::config::accounts::Accounts;
use crate::config::haproxy_process::UntrustedProcess;
use crate::config::trust::{PathProblem, TRUSTED_USERS};
use crate::haproxy::safe_text::SafeText;

/// Maximum number of users whose skipped processes are listed.
const MAX_LISTED_USERS: usize = 20;

/// Everything that a search tried without success. The texts are safe to print.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SearchLog {
    /// Paths and addresses with the result.
    pub(crate) tried: Vec<String>,
    /// Processes, files and sockets that are not trusted, with the reason.
    pub(crate) skipped: Vec<String>,
    /// First socket that this user may not open.
    pub(crate) inaccessible: Option<PathBuf>,
    /// The lines of both lists.
    known: BTreeSet<String>,
}

impl SearchLog {
    /// Records a result, unless it is known.
    pub(crate) fn add_tried(&mut self, line: String) {
        if self.known.insert(line.clone()) {
            self.tried.push(line);
        }
    }

    /// Records something that is not trusted, unless it is known.
    pub(crate) fn add_skipped(&mut self, line: String) {
        if self.known.insert(line.clone()) {
            self.skipped.push(line);
        }
    }

    /// Records why a path or socket cannot be used.
    pub(crate) fn report(&mut self, subject: &SafeText, problem: PathProblem) {
        match problem {
            PathProblem::Missing => self.add_tried(format!("{subject}: not found")),
            PathProblem::Inaccessible => self.add_tried(format!("{subject}: permission denied")),
            PathProblem::Failed(reason) => self.add_tried(format!("{subject}: {reason}")),
            PathProblem::Distrusted(reason) => self.add_skipped(format!("{subject}: {reason}")),
        }
    }

    /// Records the processes of users who are not trusted, with one line per user.
    pub(crate) fn skip_processes(&mut self, processes: &[UntrustedProcess], accounts: &Accounts) {
        let mut users: BTreeMap<u32, (u32, usize)> = BTreeMap::new();
        for process in processes {
            users.entry(process.user).or_insert((process.pid, 0)).1 += 1;
        }
        for (user, (pid, count)) in users.iter().take(MAX_LISTED_USERS) {
            let user = accounts.user_label(*user);
            let (more, verb) = if *count > 1 {
                (format!(" and {} more named haproxy", count - 1), "belong")
            } else {
                (String::new(), "belongs")
            };
            self.add_skipped(format!("pid {pid}{more} {verb} to user {user}; {TRUSTED_USERS}"));
        }
        if let Some(more) = users.len().checked_sub(MAX_LISTED_USERS).filter(|more| *more > 0) {
            self.add_skipped(format!("processes of {more} more users; {TRUSTED_USERS}"));
        }
    }

    /// Adds the results of another search.
    pub(crate) fn append(&mut self, other: Self) {
        other.tried.into_iter().for_each(|line| self.add_tried(line));
        other.skipped.into_iter().for_each(|line| self.add_skipped(line));
        self.inaccessible = self.inaccessible.take().or(other.inaccessible);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skip_processes_writes_one_line_per_user() {
        let mut log = SearchLog::default();
        let mut processes: Vec<UntrustedProcess> =
            (0..3001).map(|pid| UntrustedProcess { pid: 7 + pid, user: 1000 }).collect();
        processes.push(UntrustedProcess { pid: 5, user: 1001 });
        log.skip_processes(&processes, &Accounts::default());
        assert_eq!(log.skipped[0], format!("pid 7 and 3000 more named haproxy belong to user 1000; {TRUSTED_USERS}"));
        assert_eq!(log.skipped[1], format!("pid 5 belongs to user 1001; {TRUSTED_USERS}"));
        let many: Vec<UntrustedProcess> = (0..25).map(|user| UntrustedProcess { pid: user, user }).collect();
        let mut log = SearchLog::default();
        log.skip_processes(&many, &Accounts::default());
        assert_eq!(log.skipped.last().unwrap(), &format!("processes of 5 more users; {TRUSTED_USERS}"));
    }
}
