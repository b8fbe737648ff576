//! Parser for the master CLI's reply to `show proc`: the master, its current and old workers, and external programs.
//!
//! The columns depend on the version. 1.9 to 2.4 have a column for the relative pid, which contains `[was: 1]` for an
//! old worker; 1.9 writes the uptime with a blank and has no version column; since 2.5 the master's reloads include
//! `[failed: 0]`; 3.2 has no section of programs unless there are programs, and more columns on request. Values are
//! therefore recognized by their form and order, not by their position.

use std::time::Duration;

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::version::Version;

/// Role of a process of HAProxy in master-worker mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProcessRole {
    /// The master, which reads no traffic.
    Master,
    /// A worker that accepts connections.
    Worker,
    /// A worker from before a reload, which ends with its last session.
    OldWorker,
    /// An external program that the master started.
    Program,
    /// An external program that an earlier configuration started.
    OldProgram,
}

/// A process that the master lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedProcess {
    /// Pid in the master's pid namespace.
    pub pid: i64,
    /// Role of the process.
    pub role: ProcessRole,
    /// Type as listed: `master`, `worker`, or the name of a program.
    pub name: SafeText,
    /// Number of reloads since the process started; `None` if it is not listed.
    pub reloads: Option<u64>,
    /// Number of failed reloads of the master since its last successful one; `None` if it is not listed.
    pub failed_reloads: Option<u64>,
    /// Time since the process started; `None` if it is not listed.
    pub age: Option<Duration>,
    /// HAProxy version of the process; `None` if it is not listed, as before 2.0 and for programs.
    pub version: Option<SafeText>,
}

impl ListedProcess {
    /// Returns the branch of the version, or `None` if no valid version is listed.
    pub(crate) fn haproxy_version(&self) -> Option<Version> {
        Version::parse(self.version.as_ref()?.as_str())
    }
}

/// The processes that the master lists, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessList {
    processes: Vec<ListedProcess>,
}

/// Maximum number of processes read from one reply.
const MAX_PROCESSES: usize = 10_000;

impl ProcessList {
    /// Parses a reply. Returns `None` if it does not list a master, as the reply of a stats socket, which does not know
    /// the command.
    pub fn parse(reply: &[u8]) -> Option<Self> {
        let mut processes = Vec::new();
        let mut section = ProcessRole::Master;
        for line in reply.split(|byte| *byte == b'\n').take(MAX_PROCESSES) {
            if let Some(title) = line.strip_prefix(b"# ") {
                section = match title.trim_ascii() {
                    b"workers" => ProcessRole::Worker,
                    b"old workers" => ProcessRole::OldWorker,
                    b"programs" => ProcessRole::Program,
                    b"old programs" => ProcessRole::OldProgram,
                    _ => section,
                };
                continue;
            }
            processes.extend(parse_line(line, section));
        }
        let is_list = processes.first().is_some_and(|first| first.name.as_str() == "master");
        is_list.then_some(Self { processes })
    }

    /// Returns all processes, in the master's order.
    pub fn processes(&self) -> &[ListedProcess] {
        &self.processes
    }

    /// Returns the workers that were replaced by a later worker than `pid` or by `pid` itself. Returns `None` if no
    /// worker has this pid, because the list then belongs to another HAProxy.
    ///
    /// A worker that has survived more reloads is older. The section is not decisive: after a failed reload, the
    /// worker that still serves is listed as old.
    pub(crate) fn workers_before(&self, pid: i64) -> Option<impl Iterator<Item = &ListedProcess>> {
        let workers = || {
            let is_worker =
                |process: &&ListedProcess| matches!(process.role, ProcessRole::Worker | ProcessRole::OldWorker);
            self.processes.iter().filter(is_worker)
        };
        let current = workers().find(|worker| worker.pid == pid)?;
        let is_older = move |worker: &&ListedProcess| worker.pid != pid && worker.reloads > current.reloads;
        Some(workers().filter(is_older))
    }
}

fn parse_line(line: &[u8], role: ProcessRole) -> Option<ListedProcess> {
    let text = SafeText::new(line);
    let (plain, bracketed) = split_brackets(text.as_str());
    let mut words = plain.split_whitespace();
    let pid = words.next()?.parse().ok()?;
    let name = SafeText::from(words.next()?);
    let (mut reloads, mut age, mut version) = (None, None, None);
    while let Some(word) = words.next() {
        // The last number before the uptime is the number of reloads; a relative pid precedes it.
        if let Ok(number) = word.parse() {
            reloads = Some(number);
            continue;
        }
        let Some((days, clock)) = word.split_once('d').filter(|(days, _)| days.parse::<u64>().is_ok()) else {
            continue;
        };
        // 1.9 writes a blank after the days.
        let clock = if clock.is_empty() { words.next().unwrap_or_default() } else { clock };
        age = parse_age(days, clock);
        version = words.next().filter(|version| *version != "-").map(SafeText::from);
        break;
    }
    let failed = bracketed.iter().find_map(|text| text.strip_prefix("failed: ")?.parse().ok());
    Some(ListedProcess { pid, role, name, reloads, failed_reloads: failed, age, version })
}

/// Splits a line into the text outside and the texts inside of square brackets.
fn split_brackets(line: &str) -> (String, Vec<&str>) {
    let (mut plain, mut bracketed, mut rest) = (String::new(), Vec::new(), line);
    while let Some((before, after)) = rest.split_once('[') {
        let (inside, after) = after.split_once(']').unwrap_or((after, ""));
        plain.push_str(before);
        bracketed.push(inside);
        rest = after;
    }
    (plain + rest, bracketed)
}

/// Parses the days and the clock of an uptime, such as `3` and `04h05m06s`.
fn parse_age(days: &str, clock: &str) -> Option<Duration> {
    let (hours, rest) = clock.split_once('h')?;
    let (minutes, rest) = rest.split_once('m')?;
    let seconds = rest.strip_suffix('s')?;
    let [days, hours, minutes, seconds] = [days, hours, minutes, seconds].map(|text| text.parse::<u64>().ok());
    let hours = days?.checked_mul(24)?.checked_add(hours?)?;
    let minutes = hours.checked_mul(60)?.checked_add(minutes?)?;
    Some(Duration::from_secs(minutes.checked_mul(60)?.checked_add(seconds?)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parse_never_panics_on_any_bytes(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let list = ProcessList::parse(&[b"7 master 0 1d00h00m00s 2.6\n# workers\n", body.as_slice()].concat());
            prop_assert_eq!(list.and_then(|list| list.processes().first().map(|first| first.pid)), Some(7));
        }
    }

    #[test]
    fn parse_rejects_reply_of_stats_socket() {
        assert_eq!(ProcessList::parse(b"Unknown command, but maybe one of the following\n  show pools\n\n"), None);
        assert_eq!(ProcessList::parse(b""), None);
    }

    #[test]
    fn workers_before_compares_reloads_and_not_sections() {
        // After a failed reload, 3.2 lists the worker that still serves as an old one.
        let list = ProcessList::parse(
            b"7 master 3 [failed: 1] 0d00h00m09s 3.2.0\n# workers\n# old workers\n\
              12 worker 1 0d00h00m07s 3.2.0\n9 worker 3 0d00h00m09s 3.2.0\n",
        );
        let list = list.unwrap();
        let before = |pid| list.workers_before(pid).map(|old| old.map(|worker| worker.pid).collect::<Vec<_>>());
        assert_eq!(before(12), Some(vec![9]));
        assert_eq!(before(9), Some(vec![]), "the later worker is not an old one");
        assert_eq!(before(99), None);
    }
}
