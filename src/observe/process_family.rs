//! The HAProxy processes on this machine that one process replaced.
//!
//! A process that HAProxy started to replace others has their pids on its command line, after `-sf` or `-st`: in
//! reloads without a master, and because a master that reloads starts itself again with the pids of its workers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::config::haproxy_process::{HaproxyProcess, LocalProcesses};

/// A process that answers on a stats socket, and its relatives on this machine.
#[derive(Debug, Clone)]
pub(crate) struct ProcessFamily {
    /// The process that answers.
    pub(crate) current: HaproxyProcess,
    /// The parent of that process, if it runs HAProxy: the master.
    pub(crate) master: Option<HaproxyProcess>,
    /// Processes that it replaced and that still run, by pid.
    pub(crate) replaced: Vec<i64>,
}

impl ProcessFamily {
    /// Reads the process that answers, below `root`. `earlier_pids` are pids that answered before. Returns `None` if no
    /// process with this pid runs HAProxy here: it runs on another machine or in a container, or is hidden.
    ///
    /// Only processes of the same user or of root are relatives: any user can run a program with the same name and the
    /// same arguments.
    pub(crate) fn read(root: &Path, pid: i64, earlier_pids: &[i64]) -> Option<Self> {
        let current = HaproxyProcess::find(root, pid.try_into().ok()?)?;
        if current.other_program.is_some() {
            return None;
        }
        let started_at = current.started_at()?;
        let mut others = LocalProcesses::read(root, |user| user == 0 || current.users.contains(&user)).trusted;
        others.retain(|process| process.pid != current.pid && may_be_relative(&current, process));
        let is_master = |process: &&HaproxyProcess| {
            process.pid == current.parent && process.arguments.has_same_configuration(&current.arguments)
        };
        let master = others.iter().find(is_master).cloned();
        let mut older = others;
        older
            .retain(|process| process.pid != current.parent && process.started_at().is_some_and(|at| at <= started_at));
        let parents: BTreeSet<u32> = older.iter().map(|process| process.parent).collect();
        let earlier_pids = earlier_pids.iter().filter_map(|pid| u32::try_from(*pid).ok());
        let mut replaced: BTreeSet<u32> = current.arguments.replaced.iter().copied().chain(earlier_pids).collect();
        // A process between the oldest and the current one may have ended already. The oldest has the same master, or
        // was started with the same configuration.
        let is_same_family = |process: &&HaproxyProcess| {
            let is_sibling = match &master {
                Some(master) => process.parent == master.pid,
                None => current.namespaces == process.namespaces && !parents.contains(&process.pid),
            };
            is_sibling && process.arguments.has_same_configuration(&current.arguments)
        };
        replaced.extend(older.iter().filter(is_same_family).map(|process| process.pid));
        // A replaced process may itself have replaced others that still run.
        let older: BTreeMap<u32, HaproxyProcess> = older.into_iter().map(|process| (process.pid, process)).collect();
        let mut unvisited: Vec<u32> = replaced.iter().copied().collect();
        while let Some(pid) = unvisited.pop() {
            let more = older.get(&pid).into_iter().flat_map(|process| process.arguments.replaced.iter().copied());
            unvisited.extend(more.filter(|pid| replaced.insert(*pid)));
        }
        replaced.retain(|pid| older.contains_key(pid));
        Some(Self { current, master, replaced: replaced.into_iter().map(i64::from).collect() })
    }

    /// Returns the path or address of the master socket on the command line, with the directory in which the process
    /// resolves a relative path, if that can be read.
    pub(crate) fn master_socket(&self) -> Option<(&str, Option<PathBuf>)> {
        let owner = [Some(&self.current), self.master.as_ref()];
        owner.into_iter().flatten().find_map(|process| {
            let address = process.arguments.master_socket.as_deref()?;
            Some((address, process.working_directory()))
        })
    }
}

/// Returns whether a process is HAProxy, as far as this user may know, and the same user runs it as `current`, or root.
/// Real, effective and saved user count: a program with the setuid bit has several.
fn may_be_relative(current: &HaproxyProcess, process: &HaproxyProcess) -> bool {
    let has_user = process.users == current.users || process.users.iter().all(|user| *user == 0);
    has_user && process.other_program.is_none()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct ProcFixture(tempfile::TempDir);

    impl ProcFixture {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn add(&self, pid: i64, parent: i64, started_at: u64, command_line: &str) {
            let own = rustix::process::geteuid().as_raw();
            self.add_of_users(pid, parent, started_at, command_line, [own; 4]);
        }

        fn add_of_users(&self, pid: i64, parent: i64, started_at: u64, command_line: &str, users: [u32; 4]) {
            let folder = self.0.path().join("proc").join(pid.to_string());
            fs::create_dir_all(&folder).unwrap();
            let zeros = "0 ".repeat(17);
            let program = command_line.split(' ').next().unwrap();
            fs::write(folder.join("stat"), format!("{pid} ({program}) S {parent} {zeros}{started_at} 0 0")).unwrap();
            let users = users.map(|user| user.to_string()).join("\t");
            fs::write(folder.join("status"), format!("PPid:\t{parent}\nUid:\t{users}\n")).unwrap();
            fs::write(folder.join("cmdline"), command_line.replace(' ', "\0") + "\0").unwrap();
        }

        fn replaced(&self, pid: i64, earlier_pids: &[i64]) -> Option<Vec<i64>> {
            ProcessFamily::read(self.0.path(), pid, earlier_pids).map(|local| local.replaced)
        }
    }

    #[test]
    fn replaced_follows_soft_stop_pids_of_living_processes() {
        let proc = ProcFixture::new();
        proc.add(10, 1, 100, "haproxy -f a.cfg");
        proc.add(20, 1, 200, "haproxy -f a.cfg -sf 10 9");
        proc.add(30, 1, 300, "haproxy -f a.cfg -db -st 20 -x /run/a.sock");
        proc.add(31, 1, 150, "haproxy -f other.cfg");
        proc.add(32, 1, 100, "sleep 20");
        assert_eq!(proc.replaced(30, &[]), Some(vec![10, 20]));
        assert_eq!(proc.replaced(20, &[]), Some(vec![10]), "the later process is not an old one");
        assert_eq!(proc.replaced(30, &[32, 31, 77]), Some(vec![10, 20, 31]), "32 does not run HAProxy, 77 has ended");
        assert_eq!((proc.replaced(32, &[]), proc.replaced(99, &[])), (None, None));
    }

    #[test]
    fn replaced_contains_workers_of_same_master() {
        let proc = ProcFixture::new();
        proc.add(10, 1, 100, "haproxy -W -S /run/m.sock,mode,600 -f a.cfg");
        proc.add(11, 10, 101, "haproxy -W -S /run/m.sock,mode,600 -f a.cfg");
        proc.add(12, 10, 150, "haproxy -W -S /run/m.sock,mode,600 -f a.cfg -sf 11");
        proc.add(13, 10, 200, "haproxy -W -S /run/m.sock,mode,600 -f a.cfg -sf 12");
        proc.add(40, 1, 50, "haproxy -W -f a.cfg");
        proc.add(41, 40, 60, "haproxy -W -f a.cfg");
        assert_eq!(proc.replaced(13, &[]), Some(vec![11, 12]), "not the workers of another master");
        let local = ProcessFamily::read(proc.0.path(), 13, &[]).unwrap();
        assert_eq!(local.master_socket().map(|(address, _)| address.to_owned()), Some("/run/m.sock".to_owned()));
        assert_eq!(ProcessFamily::read(proc.0.path(), 41, &[]).unwrap().master_socket(), None);
    }

    #[test]
    fn v3_process_of_another_user_is_no_old_process() {
        let proc = ProcFixture::new();
        let own = rustix::process::geteuid().as_raw();
        proc.add(30, 1, 300, "haproxy -f a.cfg -sf 20 21");
        // A program with the setuid bit that another user started, and another user's own program.
        proc.add_of_users(20, 1, 100, "haproxy root -f a.cfg", [61_234, own, own, own]);
        proc.add_of_users(21, 1, 100, "haproxy -f a.cfg", [61_234; 4]);
        proc.add(22, 1, 100, "haproxy -f a.cfg");
        std::os::unix::fs::symlink("/usr/bin/su", proc.0.path().join("proc/22/exe")).unwrap();
        assert_eq!(proc.replaced(30, &[20, 21, 22]), Some(Vec::new()));
        proc.add(23, 1, 100, "haproxy -f a.cfg");
        assert_eq!(proc.replaced(30, &[]), Some(vec![23]));
    }

    #[test]
    fn read_ignores_ended_process() {
        let proc = ProcFixture::new();
        proc.add(10, 1, 100, "haproxy -f a.cfg");
        // A zombie has no command line.
        fs::write(proc.0.path().join("proc/10/cmdline"), "").unwrap();
        assert_eq!(proc.replaced(10, &[]), None);
    }
}
