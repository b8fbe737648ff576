//! HAProxy processes on this machine, read from `/proc`.
//!
//! A process that HAProxy started to replace others has their pids on its command line, after `-sf` or `-st`: in
//! reloads without a master, and because a master that reloads starts itself again with the pids of its workers.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A process on this machine that runs HAProxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalProcess {
    /// Pid.
    pub(crate) pid: i64,
    /// Pid of the parent.
    pub(crate) parent: i64,
    /// Id of the user that the process runs as.
    pub(crate) uid: u32,
    /// Number of pid namespaces between the process and this one; 0 outside of containers.
    namespace_depth: usize,
    /// Time at which the process started, in clock ticks since the start of the machine.
    started_at: u64,
    /// Words of the command line.
    arguments: Vec<String>,
}

impl LocalProcess {
    /// Reads the process with this pid below `proc`, which is `/proc` except in tests. Returns `None` if it does not
    /// exist, has ended, is not visible to this user, or does not run HAProxy.
    fn read(proc: &Path, pid: i64) -> Option<Self> {
        let folder = proc.join(pid.to_string());
        let stat = String::from_utf8_lossy(&fs::read(folder.join("stat")).ok()?).into_owned();
        // The program name is in parentheses and may itself contain parentheses.
        let (before, after) = stat.rsplit_once(')')?;
        let (_, program) = before.split_once('(')?;
        let mut fields = after.split_whitespace();
        let is_alive = !matches!(fields.next()?, "Z" | "X" | "x");
        let parent = fields.next()?.parse().ok()?;
        // Field 22 of the file, counted from 1.
        let started_at = fields.nth(17)?.parse().ok()?;
        let arguments: Vec<String> = fs::read(folder.join("cmdline"))
            .ok()?
            .split(|byte| *byte == 0)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        let is_haproxy = program.contains("haproxy")
            || arguments.first().is_some_and(|path| path.rsplit('/').next().unwrap_or(path).contains("haproxy"));
        let uid = fs::metadata(&folder).ok()?.uid();
        let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
        let namespace_pids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        let namespace_depth = namespace_pids.map_or(0, |pids| pids.split_whitespace().count().saturating_sub(1));
        (is_alive && is_haproxy).then_some(Self { pid, parent, uid, namespace_depth, started_at, arguments })
    }

    /// Returns the pids after `-sf` and `-st`: the processes that this process was started to replace.
    fn replaced_pids(&self) -> impl Iterator<Item = i64> {
        let mut is_pid_list = false;
        self.arguments.iter().filter_map(move |word| {
            is_pid_list = is_pid_list && !word.starts_with('-') || matches!(word.as_str(), "-sf" | "-st");
            word.parse().ok().filter(|_| is_pid_list)
        })
    }

    /// Returns the address after `-S`, without the options that follow a comma; `None` if there is no master socket.
    pub(crate) fn master_socket(&self) -> Option<&str> {
        let address = self.arguments.iter().skip_while(|word| *word != "-S").nth(1)?;
        address.split(',').next().filter(|address| !address.is_empty())
    }

    /// Returns the configuration files on the command line.
    fn config_files(&self) -> impl Iterator<Item = &str> {
        let pairs = self.arguments.iter().zip(self.arguments.iter().skip(1));
        pairs.filter(|(flag, _)| *flag == "-f").map(|(_, file)| file.as_str())
    }

    /// Returns whether `older` was probably this HAProxy before a reload: it was started with the same configuration
    /// files, of which there is at least one, by the same user or root, and not in another container.
    fn continues(&self, older: &Self) -> bool {
        self.config_files().next().is_some()
            && self.config_files().eq(older.config_files())
            && [0, self.uid].contains(&older.uid)
            && self.namespace_depth == older.namespace_depth
    }
}

/// A process that answers on a stats socket, and its relatives on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProcessFamily {
    /// The process that answers.
    pub(crate) current: LocalProcess,
    /// The parent of that process, if it runs HAProxy: the master.
    pub(crate) master: Option<LocalProcess>,
    /// Processes that it replaced and that still run, by pid.
    pub(crate) replaced: Vec<i64>,
    /// Folder of `/proc` of the process, to resolve relative paths.
    proc: PathBuf,
}

impl ProcessFamily {
    /// Reads the process that answers from `proc`. `earlier_pids` are pids that answered before. Returns `None` if no
    /// process with this pid runs HAProxy here: it runs on another machine or in a container, or is hidden.
    pub(crate) fn read(proc: &Path, pid: i64, earlier_pids: &[i64]) -> Option<Self> {
        let current = LocalProcess::read(proc, pid)?;
        let master = LocalProcess::read(proc, current.parent);
        let pids = fs::read_dir(proc).ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let is_relative = |process: &LocalProcess| process.pid != pid && process.pid != current.parent;
        let older: Vec<LocalProcess> = pids
            .filter_map(|pid| LocalProcess::read(proc, pid))
            .filter(|process| is_relative(process) && process.started_at <= current.started_at)
            .collect();
        let mut replaced: BTreeSet<i64> = current.replaced_pids().chain(earlier_pids.iter().copied()).collect();
        // A process between the oldest and the current one may have ended already. The oldest has the same master, or
        // was started with the same configuration.
        let is_same_family = |process: &LocalProcess| match &master {
            Some(master) => process.parent == master.pid,
            None => current.continues(process) && !older.iter().any(|other| other.parent == process.pid),
        };
        replaced.extend(older.iter().filter(|process| is_same_family(process)).map(|process| process.pid));
        // A replaced process may itself have replaced others that still run.
        let mut unvisited: Vec<i64> = replaced.iter().copied().collect();
        while let Some(pid) = unvisited.pop() {
            let process = older.iter().find(|process| process.pid == pid);
            let more = process.into_iter().flat_map(LocalProcess::replaced_pids);
            unvisited.extend(more.filter(|pid| replaced.insert(*pid)));
        }
        replaced.retain(|pid| older.iter().any(|process| process.pid == *pid));
        Some(Self { current, master, replaced: replaced.into_iter().collect(), proc: proc.to_owned() })
    }

    /// Returns the path or address of the master socket on the command line, with the directory in which the process
    /// resolves a relative path, if that can be read.
    pub(crate) fn master_socket(&self) -> Option<(&str, Option<PathBuf>)> {
        let owner = [Some(&self.current), self.master.as_ref()];
        owner.into_iter().flatten().find_map(|process| {
            let directory = fs::read_link(self.proc.join(process.pid.to_string()).join("cwd")).ok();
            Some((process.master_socket()?, directory))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct ProcFixture(tempfile::TempDir);

    impl ProcFixture {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn add(&self, pid: i64, parent: i64, started_at: u64, command_line: &str) {
            let folder = self.0.path().join(pid.to_string());
            fs::create_dir(&folder).unwrap();
            let zeros = "0 ".repeat(17);
            let program = command_line.split(' ').next().unwrap();
            fs::write(folder.join("stat"), format!("{pid} ({program}) S {parent} {zeros}{started_at} 0 0")).unwrap();
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
    fn read_ignores_ended_process() {
        let proc = ProcFixture::new();
        proc.add(10, 1, 100, "haproxy -f a.cfg");
        let stat = proc.0.path().join("10/stat");
        fs::write(&stat, fs::read_to_string(&stat).unwrap().replace(" S ", " Z ")).unwrap();
        assert_eq!(proc.replaced(10, &[]), None);
    }
}
