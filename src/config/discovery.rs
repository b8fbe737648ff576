//! Finds the HAProxies of this machine and their stats sockets, if no target was given.
//!
//! The search reads the `stats socket` lines in the configuration files of the running HAProxy processes. If it finds no
//! usable socket there, it tries the usual paths. It trusts only processes, files and sockets of root, of this user and
//! of the users that a trusted configuration names; everything else is skipped and reported. It never connects.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use crate::config::accounts::Accounts;
use crate::config::haproxy_files::{ConfigReader, LoadedConfig};
use crate::config::haproxy_process::{HaproxyProcess, MountView};
use crate::config::haproxy_words::ProcessEnvironment;
use crate::config::search_log::SearchLog;
use crate::config::socket_checks::SocketChecks;
use crate::config::trust::{PathProblem, TRUSTED_USERS, TrustedOwners, below};
use crate::haproxy::address::Address;
use crate::haproxy::safe_text::SafeText;

/// Socket paths used by packages and examples.
const COMMON_PATHS: [&str; 8] = [
    "/run/haproxy/admin.sock",
    "/run/haproxy.sock",
    "/var/run/haproxy.sock",
    "/run/haproxy/haproxy.sock",
    "/run/haproxy/stats.sock",
    "/run/haproxy/stats",
    "/var/lib/haproxy/stats",
    "/tmp/haproxy.sock",
];
/// Configuration file of packages. It is read if no running process leads to a configuration, because a user may not be
/// allowed to see the processes of others.
const COMMON_CONFIG: &str = "/etc/haproxy/haproxy.cfg";

/// One HAProxy that runs on this machine: a process, or a master with its workers, and its predecessors that finish after
/// a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalHaproxy {
    /// Process ids, in ascending order.
    pub(crate) pids: Vec<u32>,
    /// Configuration files, in HAProxy's order.
    pub(crate) configs: Vec<PathBuf>,
    /// The usable stats socket with the highest level; `None` if none is usable.
    pub(crate) address: Option<Address>,
}

/// Result of the search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Discovery {
    /// HAProxies that run on this machine.
    pub(crate) running: Vec<LocalHaproxy>,
    /// Usable socket at one of the usual paths; searched for only if no running HAProxy has a usable socket.
    pub(crate) common_socket: Option<Address>,
    /// Everything that could not be used.
    pub(crate) log: SearchLog,
    /// This user may see all processes.
    pub(crate) sees_all_processes: bool,
}

impl LocalHaproxy {
    /// Describes the process for a list: its process ids and configuration files. The text is safe to print.
    pub(crate) fn describe(&self) -> String {
        let pids: Vec<String> = self.pids.iter().map(u32::to_string).collect();
        format!("pid {}, {}", pids.join(" "), safe_list(&self.configs))
    }
}

impl Discovery {
    /// Returns the usable sockets, one for each HAProxy.
    pub(crate) fn addresses(&self) -> Vec<&Address> {
        self.running.iter().filter_map(|haproxy| haproxy.address.as_ref()).chain(&self.common_socket).collect()
    }
}

/// Searches for the HAProxies of this machine; `root` is `/` except in tests.
pub(crate) fn discover(root: &Path) -> Discovery {
    let accounts = Accounts::read(root);
    let search = Search { root, accounts: &accounts, owners: TrustedOwners::root_and_self(&accounts) };
    let mut found = Discovery { sees_all_processes: root.join("proc/1").exists(), ..Discovery::default() };
    let mut candidates = Vec::new();
    for group in search.process_groups() {
        if let Some(candidate) = search.examine(group, &mut found.log) {
            merge(&mut candidates, candidate);
        }
    }
    for candidate in &candidates {
        let mut pids: Vec<u32> = candidate.members.iter().map(|process| process.pid).collect();
        pids.sort_unstable();
        let address = search.best_socket(candidate, &mut found.log);
        found.running.push(LocalHaproxy { pids, configs: candidate.config.files.clone(), address });
    }
    if found.addresses().is_empty() {
        found.common_socket = search.common_socket(candidates, &mut found.log);
    }
    found
}

/// A trusted HAProxy with its configuration.
#[derive(Debug, Default)]
struct Candidate {
    members: Vec<HaproxyProcess>,
    config: LoadedConfig,
}

/// Adds a candidate. Processes with a common socket are one HAProxy: after a reload, the old process finishes while the
/// new one has taken over the sockets.
fn merge(candidates: &mut Vec<Candidate>, new: Candidate) {
    let is_same = |known: &Candidate| {
        let (known, new) = (&known.config, &new.config);
        let shares_socket = new
            .contents
            .sockets
            .iter()
            .any(|socket| known.contents.sockets.iter().any(|known| known.address == socket.address));
        let has_no_socket = known.contents.sockets.is_empty() && new.contents.sockets.is_empty();
        shares_socket || has_no_socket && known.files == new.files
    };
    let Some(known) = candidates.iter_mut().find(|known| is_same(known)) else {
        candidates.push(new);
        return;
    };
    known.members.extend(new.members);
    for file in new.config.files {
        if !known.config.files.contains(&file) {
            known.config.files.push(file);
        }
    }
    known.config.contents.add(new.config.contents);
}

/// The environment of a search.
struct Search<'a> {
    root: &'a Path,
    accounts: &'a Accounts,
    owners: TrustedOwners<'a>,
}

impl Search<'_> {
    /// Returns true if root or this user runs the process. A program with the setuid bit, which any user may start under
    /// any name, has another real user.
    fn is_own(&self, process: &HaproxyProcess) -> bool {
        process.users.iter().all(|user| self.owners.contains_user(*user))
    }

    /// Lists the HAProxy processes, each with its descendants, such as the workers of a master.
    fn process_groups(&self) -> Vec<Vec<HaproxyProcess>> {
        let all = HaproxyProcess::list(self.root);
        let leader_of = |process: &HaproxyProcess| {
            let mut leader = process.clone();
            for _ in 0..all.len() {
                let is_parent = |other: &&HaproxyProcess| {
                    other.pid == leader.parent
                        && other.other_program.is_none()
                        && (self.is_own(other) || other.users == leader.users)
                };
                let Some(parent) = all.iter().find(is_parent) else { break };
                leader = parent.clone();
            }
            leader.pid
        };
        let mut groups: Vec<Vec<HaproxyProcess>> = Vec::new();
        let leaders: Vec<u32> = all.iter().map(leader_of).collect();
        for (leader, pid) in all.iter().zip(&leaders).filter(|(process, pid)| process.pid == **pid) {
            let members = all.iter().zip(&leaders).filter(|(process, of)| *of == pid && process.pid != *pid);
            groups.push(std::iter::once(leader).chain(members.map(|(process, _)| process)).cloned().collect());
        }
        groups
    }

    /// Reads the configuration of a group of processes. Returns `None` if it is not a HAProxy or is not trusted.
    fn examine(&self, members: Vec<HaproxyProcess>, log: &mut SearchLog) -> Option<Candidate> {
        let leader = members.first()?;
        let pid = leader.pid;
        if leader.arguments.configs.is_empty() {
            log.tried.push(format!("pid {pid}: no configuration file on its command line"));
            return None;
        }
        if let Some(program) = &leader.other_program {
            let list = if self.is_own(leader) { &mut log.tried } else { &mut log.skipped };
            let (files, program) = (safe_list(&leader.arguments.configs), SafeText::from(program.as_path()));
            list.push(format!("pid {pid} ({files}) is named haproxy, but its program is {program}"));
            return None;
        }
        let directory = leader.working_directory();
        let absolute = |path: &PathBuf| {
            let place = directory.as_ref().map(|directory| directory.join(path));
            place.or_else(|| path.is_absolute().then(|| path.clone()))
        };
        let named: Vec<PathBuf> = leader.arguments.configs.iter().filter_map(absolute).collect();
        let Some(mut config) = self.read_trusted(leader, &named, log) else {
            let is_stranger = |user: &&u32| !self.owners.contains_user(**user);
            let stranger = leader.users.iter().find(is_stranger).copied().unwrap_or_default();
            log.skipped.push(format!(
                "pid {pid} ({}) belongs to user {}; {TRUSTED_USERS}",
                safe_list(&leader.arguments.configs),
                self.accounts.user_label(stranger)
            ));
            return None;
        };
        if named.len() < leader.arguments.configs.len() {
            let files = safe_list(&leader.arguments.configs);
            log.tried.push(format!(
                "pid {pid} ({files}): cannot read the working directory that a configuration file is relative to"
            ));
        }
        resolve_sockets(&mut config, directory.as_deref(), log);
        if config.files.is_empty() {
            let is_elsewhere = |path: &PathBuf| leader.mount_view(&below(self.root, path)) == MountView::Other;
            if named.iter().any(is_elsewhere) {
                log.skipped.push(format!(
                    "pid {pid} ({}) runs in a container or sees other files; name its socket as the target",
                    safe_list(&leader.arguments.configs)
                ));
                return None;
            }
            config.files.clone_from(&leader.arguments.configs);
        }
        Some(Candidate { members, config })
    }

    /// Reads the configuration of a process that root, this user, or a user named in this configuration runs. Returns
    /// `None` for the process of a stranger.
    fn read_trusted(&self, leader: &HaproxyProcess, named: &[PathBuf], log: &mut SearchLog) -> Option<LoadedConfig> {
        let reader = ConfigReader { root: self.root, accounts: self.accounts, owners: &self.owners };
        if !self.is_own(leader) {
            // The environment of a stranger's process is not read.
            let unknown = ProcessEnvironment::parse(None);
            let config = reader.read(named, Some(leader), unknown, &mut SearchLog::default());
            let is_named = |user: &u32| config.contents.process_users.contains(user);
            if !leader.users.iter().all(|user| self.owners.contains_user(*user) || is_named(user)) {
                return None;
            }
        }
        Some(reader.read(named, Some(leader), leader.environment(), log))
    }

    /// Returns the usable socket with the highest level, of several a Unix socket. Reports the unusable ones before it.
    fn best_socket(&self, candidate: &Candidate, log: &mut SearchLog) -> Option<Address> {
        let contents = &candidate.config.contents;
        let users = contents.process_users.union(&contents.socket_users).copied().collect();
        let owners = self.owners.clone().and(&users, &contents.groups);
        let mut sockets = contents.sockets.clone();
        sockets.sort_by_key(|socket| (Reverse(socket.level), socket.address.is_tcp()));
        let addresses = sockets.into_iter().map(|socket| socket.address);
        self.first_usable(addresses, &candidate.members, owners, log)
    }

    fn first_usable(
        &self,
        mut addresses: impl Iterator<Item = Address>,
        members: &[HaproxyProcess],
        owners: TrustedOwners<'_>,
        log: &mut SearchLog,
    ) -> Option<Address> {
        let mut checks = SocketChecks::new(self.root, self.accounts, owners, members);
        addresses.find_map(|address| match checks.check(&address) {
            Ok(address) => Some(address.path().map_or(address.clone(), |path| Address::Unix(below(self.root, path)))),
            Err(problem) => {
                if problem == PathProblem::Inaccessible
                    && let Some(path) = address.path()
                {
                    log.inaccessible.get_or_insert_with(|| below(self.root, path));
                }
                log.report(&SafeText::from(address.to_string().as_str()), problem);
                None
            }
        })
    }

    /// Returns the first usable socket of a configuration file or socket at one of the usual paths.
    fn common_socket(&self, candidates: Vec<Candidate>, log: &mut SearchLog) -> Option<Address> {
        let mut common = Candidate::default();
        if candidates.is_empty() && below(self.root, Path::new(COMMON_CONFIG)).exists() {
            let reader = ConfigReader { root: self.root, accounts: self.accounts, owners: &self.owners };
            common.config = reader.read(&[COMMON_CONFIG.into()], None, ProcessEnvironment::parse(None), log);
            resolve_sockets(&mut common.config, None, log);
            if let Some(address) = self.best_socket(&common, log) {
                return Some(address);
            }
        }
        let mut known = common.config.contents;
        for candidate in candidates {
            known.add(candidate.config.contents);
        }
        let owners =
            self.owners.clone().and(&known.process_users, &known.groups).and(&known.socket_users, &known.groups);
        self.first_usable(COMMON_PATHS.iter().map(Address::unix), &[], owners, log)
    }
}

/// Makes the paths of the sockets absolute.
fn resolve_sockets(config: &mut LoadedConfig, directory: Option<&Path>, log: &mut SearchLog) {
    config.contents.sockets.retain_mut(|socket| {
        let Some(path) = socket.address.path().filter(|path| path.is_relative()) else { return true };
        let Some(directory) = directory else {
            let shown = SafeText::from(path);
            log.tried.push(format!("cannot read the working directory that {shown} is relative to"));
            return false;
        };
        socket.address = Address::Unix(directory.join(path));
        true
    });
}

/// Returns paths for a message, safe to print.
fn safe_list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| SafeText::from(path.as_path()).to_string()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::net::UnixListener;

    /// A root directory with processes and files.
    struct FakeRoot(tempfile::TempDir);

    impl FakeRoot {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, path: &str) -> PathBuf {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        }

        fn process(&self, pid: u32, parent: u32, user: u32, arguments: &str) {
            let folder = format!("proc/{pid}");
            fs::write(self.path(&format!("{folder}/cmdline")), arguments.replace(' ', "\0") + "\0").unwrap();
            fs::write(self.path(&format!("{folder}/environ")), "RUN=/run/env\0").unwrap();
            let status =
                format!("Name:\thaproxy\nPPid:\t{parent}\nUid:\t{user}\t{user}\t{user}\t{user}\nNSpid:\t{pid}\n");
            fs::write(self.path(&format!("{folder}/status")), status).unwrap();
        }

        fn config(&self, path: &str, global: &str) {
            fs::write(self.path(path), format!("global\n{global}\n")).unwrap();
        }

        fn socket(&self, path: &str) -> UnixListener {
            UnixListener::bind(self.path(path)).unwrap()
        }

        /// Returns pids and socket of each HAProxy, without the root directory.
        fn running(&self) -> Vec<(Vec<u32>, Option<String>)> {
            let shown = |address: Address| {
                let path = address.path().and_then(|path| path.strip_prefix(self.0.path()).ok());
                path.map_or_else(|| address.to_string(), |path| format!("/{}", path.display()))
            };
            let running = discover(self.0.path()).running.into_iter();
            running.map(|haproxy| (haproxy.pids, haproxy.address.map(shown))).collect()
        }
    }

    fn own_user() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    #[test]
    fn discover_chooses_highest_level_of_each_haproxy() {
        let root = FakeRoot::new();
        root.config("etc/a.cfg", "stats socket /run/user.sock level user\nstats socket /run/admin.sock level admin");
        root.config("etc/b.cfg", "stats socket \"${RUN}/b.sock\"");
        root.process(7, 1, own_user(), "/usr/sbin/haproxy -Ws -f /etc/a.cfg");
        root.process(8, 7, own_user(), "/usr/sbin/haproxy -sf 6 -Ws -f /etc/a.cfg");
        root.process(9, 1, own_user(), "haproxy-2.6 -D -- /etc/b.cfg");
        root.process(10, 1, own_user(), "haproxy -D -f /etc/a.cfg");
        root.process(11, 1, own_user(), "bash -f /etc/a.cfg");
        let _user = root.socket("run/user.sock");
        assert_eq!(root.running(), [(vec![7, 8, 10], Some("/run/user.sock".into())), (vec![9], None)]);
        let _sockets = [root.socket("run/admin.sock"), root.socket("run/env/b.sock")];
        assert_eq!(
            root.running(),
            [(vec![7, 8, 10], Some("/run/admin.sock".into())), (vec![9], Some("/run/env/b.sock".into()))]
        );
    }

    #[test]
    fn discover_trusts_user_only_if_trusted_configuration_names_it() {
        let root = FakeRoot::new();
        root.config("etc/a.cfg", "uid 4242\nstats socket /run/a.sock");
        root.config("etc/b.cfg", "stats socket /run/b.sock");
        root.process(7, 1, 4242, "haproxy -f /etc/a.cfg");
        root.process(8, 1, 4242, "haproxy -f /etc/b.cfg");
        root.process(9, 1, 4242, "haproxy -f /dev/zero");
        let _sockets = [root.socket("run/a.sock"), root.socket("run/b.sock")];
        assert_eq!(root.running(), [(vec![7], Some("/run/a.sock".into()))]);
        let skipped = discover(root.0.path()).log.skipped;
        assert!(skipped.len() == 2 && skipped[0].starts_with("pid 8 (/etc/b.cfg) belongs to user 4242"), "{skipped:?}");
    }

    #[test]
    fn discover_loads_directories_in_lexical_order() {
        let root = FakeRoot::new();
        for name in ["b.cfg", "a.cfg", ".c.cfg", "d.conf"] {
            root.config(&format!("etc/haproxy/{name}"), &format!("stats socket /run/{name}"));
        }
        root.process(7, 1, own_user(), "haproxy -f /etc/haproxy");
        let found = discover(root.0.path());
        let names: Vec<_> = found.running[0].configs.iter().map(|path| path.display().to_string()).collect();
        assert_eq!(names, ["/etc/haproxy/a.cfg", "/etc/haproxy/b.cfg"]);
    }

    #[test]
    fn discover_tries_usual_paths_without_process() {
        let root = FakeRoot::new();
        fs::write(root.path("run/haproxy.sock"), "").unwrap();
        let found = discover(root.0.path());
        assert_eq!((found.addresses().len(), found.log.inaccessible), (0, None));
        assert!(found.log.tried.contains(&"/run/haproxy/admin.sock: not found".to_owned()));
        assert!(found.log.tried.contains(&"/run/haproxy.sock: a regular file, not a socket".to_owned()));
        root.config("etc/haproxy/haproxy.cfg", "stats socket /srv/h.sock");
        let _usual = root.socket("run/haproxy/stats");
        let address = || discover(root.0.path()).common_socket.unwrap().path().map(Path::to_path_buf);
        assert_eq!(address(), Some(root.path("run/haproxy/stats")));
        let _configured = root.socket("srv/h.sock");
        assert_eq!(address(), Some(root.path("srv/h.sock")));
    }
}
