//! Finds the HAProxies of this machine and their stats sockets, if no target was given.
//!
//! The search reads the `stats socket` lines in the configuration files of the running HAProxy processes. If it finds no
//! usable socket there, it tries the usual paths. It trusts only processes, files and sockets of root, of this user and
//! of the users that a trusted configuration names; everything else is skipped and reported. It never connects.

use std::path::Path;

use crate::config::accounts::Accounts;
use crate::config::haproxy_process::LocalProcesses;
use crate::config::haproxy_search::HaproxySearch;
use crate::config::local_haproxy::LocalHaproxy;
use crate::config::search_log::SearchLog;
use crate::haproxy::address::Address;

/// Result of the search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Discovery {
    /// HAProxies that run on this machine.
    pub(crate) running: Vec<LocalHaproxy>,
    /// Usable socket of a usual configuration or at one of the usual paths; searched for only if no running HAProxy has a
    /// usable socket.
    pub(crate) common_socket: Option<Address>,
    /// Everything that could not be used.
    pub(crate) log: SearchLog,
    /// This user may see all processes.
    pub(crate) sees_all_processes: bool,
}

impl Discovery {
    /// Returns the usable sockets, one for each HAProxy.
    pub(crate) fn addresses(&self) -> Vec<&Address> {
        self.running.iter().filter_map(|haproxy| haproxy.address.as_ref().ok()).chain(&self.common_socket).collect()
    }
}

/// Searches for the HAProxies of this machine; `root` is `/` except in tests.
pub(crate) fn discover(root: &Path) -> Discovery {
    let accounts = Accounts::read(root);
    let mut search = HaproxySearch::new(root, &accounts);
    let LocalProcesses { trusted, untrusted } = LocalProcesses::read(root, |user| search.is_own_user(user));
    search.add_processes(trusted, &untrusted);
    let mut found = Discovery {
        running: search.running(),
        sees_all_processes: root.join("proc/1").exists(),
        ..Discovery::default()
    };
    if found.addresses().is_empty() {
        found.common_socket = search.common_socket();
    }
    found.log = search.log;
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::local_haproxy::MissingSocket;
    use std::fs;
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

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
            let program = arguments.split(' ').next().unwrap().rsplit('/').next().unwrap();
            fs::write(self.path(&format!("{folder}/comm")), format!("{program}\n")).unwrap();
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
            running.map(|haproxy| (haproxy.pids, haproxy.address.ok().map(shown))).collect()
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
    fn discover_trusts_users_only_of_configurations_of_trusted_processes() {
        let root = FakeRoot::new();
        root.config("etc/a.cfg", "uid 4242\nstats socket /run/a.sock");
        root.config("etc/b.cfg", "uid 4243\nstats socket /run/b.sock\nstats socket /run/a.sock");
        root.config("etc/c.cfg", "uid 4243\nstats socket /run/c.sock");
        let _sockets = [root.socket("run/a.sock"), root.socket("run/b.sock"), root.socket("run/c.sock")];
        root.process(7, 1, 4242, "haproxy -f /etc/a.cfg");
        root.process(9, 1, 4243, "haproxy -f /etc/c.cfg");
        let user = |pid, user| format!("pid {pid} belongs to user {user}; only root, you");
        let found = discover(root.0.path());
        assert_eq!((found.running.len(), found.common_socket), (0, None));
        assert!(found.log.skipped[0].starts_with(&user(7, 4242)), "{:?}", found.log);
        assert!(found.log.tried.iter().all(|line| !line.contains(".cfg")), "no file was read: {:?}", found.log);
        // A master of this user names the first user. The configuration of that user names no further users, and adds
        // no sockets.
        root.process(5, 1, own_user(), "haproxy -W -f /etc/a.cfg");
        root.process(6, 5, 4242, "haproxy -W -f /etc/a.cfg");
        root.process(8, 1, 4242, "haproxy -f /etc/b.cfg");
        assert_eq!(root.running(), [(vec![5, 6, 7, 8], Some("/run/a.sock".into()))]);
        let found = discover(root.0.path());
        assert!(found.log.skipped.len() == 1 && found.log.skipped[0].starts_with(&user(9, 4243)), "{:?}", found.log);
        assert_eq!(found.running[0].configs, [PathBuf::from("/etc/a.cfg")]);
    }

    #[test]
    fn discover_trusts_users_of_usual_configuration() {
        let root = FakeRoot::new();
        root.config("etc/haproxy/haproxy.cfg", "uid 4242\nstats socket /run/a.sock");
        root.process(7, 1, 4242, "haproxy -D -f /etc/haproxy/haproxy.cfg");
        let _socket = root.socket("run/a.sock");
        assert_eq!(root.running(), [(vec![7], Some("/run/a.sock".into()))]);
    }

    #[test]
    fn discover_groups_only_processes_with_same_configuration() {
        let root = FakeRoot::new();
        root.config("etc/a.cfg", "uid 4242\nstats socket /run/a.sock");
        root.config("etc/b.cfg", "stats socket /run/b.sock");
        let _sockets = [root.socket("run/a.sock"), root.socket("run/b.sock")];
        // The first process of a container inherits every process whose parent ended.
        root.process(1, 0, own_user(), "haproxy -f /etc/a.cfg");
        root.process(7, 1, own_user(), "haproxy -f /etc/b.cfg");
        root.process(8, 1, 4243, "haproxy -f /etc/a.cfg");
        root.process(9, 1, 4242, "haproxy -f /etc/a.cfg");
        assert_eq!(root.running(), [(vec![1, 9], Some("/run/a.sock".into())), (vec![7], Some("/run/b.sock".into()))]);
        assert!(discover(root.0.path()).log.skipped[0].starts_with("pid 8 belongs to user 4243"));
    }

    #[test]
    fn discover_reports_why_socket_is_missing() {
        let root = FakeRoot::new();
        root.config("etc/none.cfg", "maxconn 5");
        root.config("etc/gone.cfg", "stats socket /run/gone.sock");
        root.config("etc/own.cfg", "stats socket \"/run/${HAPROXY_BRANCH}.sock\"");
        root.process(5, 1, own_user(), "haproxy -f /etc/none.cfg");
        root.process(6, 1, own_user(), "haproxy -f /etc/gone.cfg");
        root.process(7, 1, own_user(), "haproxy -f /etc/own.cfg");
        root.process(8, 1, own_user(), "haproxy -f /etc/missing.cfg");
        root.process(9, 1, own_user(), "haproxy -f relative.cfg");
        let reasons: Vec<MissingSocket> =
            discover(root.0.path()).running.into_iter().filter_map(|haproxy| haproxy.address.err()).collect();
        let line = "/etc/own.cfg: line 2: contains the variable HAPROXY_BRANCH, which HAProxy sets itself and hapulse cannot \
             resolve";
        let expected = [
            MissingSocket::NoLine,
            MissingSocket::Unusable,
            MissingSocket::UnusableLine(line.to_owned()),
            MissingSocket::Unread,
            MissingSocket::Unread,
        ];
        assert_eq!(reasons, expected);
    }

    #[test]
    fn discover_tries_usual_configuration_if_no_running_haproxy_has_usable_socket() {
        let root = FakeRoot::new();
        root.config("etc/haproxy/haproxy.cfg", "stats socket /run/a.sock");
        root.process(7, 1, own_user(), "haproxy -f haproxy.cfg");
        let _socket = root.socket("run/a.sock");
        let found = discover(root.0.path());
        assert_eq!(found.common_socket, Some(Address::Unix(root.path("run/a.sock"))));
    }

    #[test]
    fn discover_reports_usual_paths_in_directory_of_stranger_only_if_socket_exists() {
        let root = FakeRoot::new();
        let _socket = root.socket("run/haproxy/stats");
        let folder = root.path("run/haproxy/none").parent().unwrap().to_owned();
        fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let found = discover(root.0.path());
        assert_eq!(found.log.skipped.len(), 1, "{:?}", found.log);
        assert!(found.log.skipped[0].starts_with("/run/haproxy/stats: every user can write to "), "{:?}", found.log);
        assert!(found.log.tried.contains(&"/run/haproxy/admin.sock: not found".to_owned()), "{:?}", found.log);
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
