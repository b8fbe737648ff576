//! Finds the old processes of an HAProxy and counts their sessions, over the master socket where there is one.
//!
//! A master socket is used only if it belongs to root, to this user, to HAProxy's user or to the owner of the stats
//! socket, and only if it lists the process that answers on the stats socket as a worker. Without one, `/proc` shows
//! which processes still run, but not their sessions.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use crate::config::accounts::Accounts;
use crate::config::trust::TrustedOwners;
use crate::haproxy::address::Address;
use crate::haproxy::connection::{ConnectionLimits, RequestError};
use crate::haproxy::fields::Field;
use crate::haproxy::master_cli;
use crate::haproxy::process_list::ProcessList;
use crate::haproxy::reply;
use crate::haproxy::reply_lines;
use crate::haproxy::resolver;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::{SessionFilter, Sessions};
use crate::haproxy::stat_table::{RowKind, StatTable};
use crate::haproxy::version::Version;
use crate::observe::old_processes::{OldProcess, OldProcesses, ServerSessions, UncountedReason};
use crate::observe::process_family::ProcessFamily;

/// Where Debian's service file puts the master socket.
const DEBIAN_MASTER_SOCKET: &str = "/run/haproxy-master.sock";
/// Maximum number of sockets in the directory of the stats socket that are tried.
const MAX_CANDIDATES: usize = 4;
/// Maximum number of files in this directory whose type is read.
const MAX_EXAMINED: usize = 1000;

/// Request to find the old processes of one HAProxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldProcessQuery {
    /// Pid of the process that answers on the stats socket.
    pub pid: i64,
    /// Pids that answered before, while a drain was followed.
    pub earlier_pids: Vec<i64>,
    /// Backend whose servers are counted; `None` for all backends.
    pub backend: Option<SafeText>,
}

/// Finds the old processes of the HAProxy whose stats socket is at `address`.
pub(crate) async fn find(address: &Address, limits: &ConnectionLimits, query: &OldProcessQuery) -> OldProcesses {
    let local = read_local_haproxy(address, query).await;
    let mut finder =
        Finder { limits, query, found: OldProcesses { current_pid: query.pid, ..OldProcesses::default() } };
    let mut failure = None;
    for candidate in master_socket_candidates(address, local.as_ref()) {
        match finder.count_over(&candidate).await {
            Ok(true) => {
                finder.found.master_socket = Some(candidate);
                break;
            }
            // The socket of another HAProxy.
            Ok(false) => {}
            Err(error) => {
                let address = candidate.to_string();
                failure = failure.or(Some(UncountedReason::MasterSocketFailed(address, error.to_string())));
            }
        }
    }
    let is_counted = finder.found.master_socket.is_some();
    let mut found = finder.found;
    let reason = failure.unwrap_or(UncountedReason::NoMasterSocket);
    let uncounted = match &local {
        Some(local) => local.replaced.iter().map(|pid| (*pid, reason.clone())).collect(),
        None if is_counted => Vec::new(),
        None => query.earlier_pids.iter().map(|pid| (*pid, UncountedReason::NotVisible)).collect::<Vec<_>>(),
    };
    for (pid, reason) in uncounted {
        if pid != query.pid && found.processes.iter().all(|process| process.pid != pid) {
            found.processes.push(OldProcess { pid, sessions: Err(reason) });
        }
    }
    found
}

/// Returns the process that answers if it runs on this machine and is visible to this user.
async fn read_local_haproxy(address: &Address, query: &OldProcessQuery) -> Option<ProcessFamily> {
    if !is_on_this_machine(address).await {
        return None;
    }
    let (pid, earlier_pids) = (query.pid, query.earlier_pids.clone());
    spawn_blocking(move || ProcessFamily::read(Path::new("/"), pid, &earlier_pids)).await.ok().flatten()
}

/// Returns whether the address belongs to this machine. Sends nothing.
async fn is_on_this_machine(address: &Address) -> bool {
    let (host, port) = match address {
        Address::Unix(_) | Address::Abstract { .. } => return true,
        Address::Ssh(_) => return false,
        Address::Tcp { host, port } => (host, port),
    };
    let is_own = |peer: SocketAddr| {
        // For an address of its own, the kernel selects the same address as the source.
        let unspecified = if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let route = || {
            let socket = UdpSocket::bind(unspecified)?;
            socket.connect(peer)?;
            socket.local_addr()
        };
        peer.ip().is_loopback() || route().is_ok_and(|source| source.ip() == peer.ip())
    };
    let lookup = timeout(ConnectionLimits::default().connect, resolver::resolve(host, *port));
    matches!(lookup.await, Ok(Ok(peers)) if peers.first().copied().is_some_and(is_own))
}

/// Returns the sockets that may be the master socket, the most likely one first. Each belongs to root, to this user, to
/// HAProxy's user or to the owner of the stats socket, and no other user can lead the path elsewhere.
fn master_socket_candidates(address: &Address, local: Option<&ProcessFamily>) -> Vec<Address> {
    let accounts = Accounts::read(Path::new("/"));
    let processes = local.into_iter().flat_map(|local| [Some(&local.current), local.master.as_ref()]).flatten();
    let (mut users, mut groups) = (BTreeSet::new(), BTreeSet::new());
    for process in processes {
        users.extend(process.users.iter().copied());
        groups.extend(process.groups.iter().copied());
    }
    users.extend(address.path().and_then(|path| Some(fs::metadata(path).ok()?.uid())));
    let owners = TrustedOwners::root_and_self(&accounts).and(&users, &groups);
    let named =
        local.and_then(ProcessFamily::master_socket).and_then(|(text, directory)| match Address::from_bind(text) {
            Ok(Address::Unix(path)) if path.is_relative() => Some(Address::Unix(directory?.join(path))),
            address => address.ok(),
        });
    let mut known = HashSet::new();
    let mut is_usable = |candidate: &Address| match candidate.path() {
        Some(path) => socket_inode(path, &owners).is_some_and(|inode| known.insert(inode)),
        None => true,
    };
    let mut candidates: Vec<Address> = named.into_iter().filter(&mut is_usable).collect();
    let siblings = sibling_master_sockets(address).into_iter().map(Address::Unix);
    candidates.extend(siblings.filter(&mut is_usable).take(MAX_CANDIDATES));
    let debian = address.path().map(|_| Address::unix(DEBIAN_MASTER_SOCKET));
    candidates.extend(debian.into_iter().filter(&mut is_usable));
    candidates
}

/// Returns the sockets in the directory of the stats socket whose name says that they belong to a master. Links are not
/// followed.
fn sibling_master_sockets(address: &Address) -> Vec<PathBuf> {
    let Some(folder) = address.path().and_then(Path::parent) else { return Vec::new() };
    let Ok(folder) = std::path::absolute(folder) else { return Vec::new() };
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().contains("master")).take(MAX_EXAMINED);
    named.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket())).map(|entry| entry.path()).collect()
}

/// Returns device and inode of a socket that only trusted users can replace.
fn socket_inode(path: &Path, owners: &TrustedOwners<'_>) -> Option<(u64, u64)> {
    let meta = owners.check_path(path).ok().filter(|meta| meta.file_type().is_socket())?;
    Some((meta.dev(), meta.ino()))
}

/// Sends the requests of one search and adds up their costs.
struct Finder<'a> {
    limits: &'a ConnectionLimits,
    query: &'a OldProcessQuery,
    found: OldProcesses,
}

impl Finder<'_> {
    async fn request(&mut self, master: &Address, command: &str) -> Result<Vec<u8>, RequestError> {
        let start = Instant::now();
        let reply = master_cli::request(master, command, self.limits).await;
        self.found.requests += 1;
        self.found.cost.reply_time += start.elapsed();
        self.found.cost.bytes += reply.as_ref().map_or(0, Vec::len);
        reply
    }

    /// Counts the sessions of all old workers. Returns false if the socket belongs to another HAProxy.
    ///
    /// # Errors
    /// Returns an error if the master does not reply.
    async fn count_over(&mut self, master: &Address) -> Result<bool, RequestError> {
        let reply = self.request(master, master_cli::SHOW_PROC).await?;
        let list = ProcessList::parse(&reply);
        let Some(old) = list.as_ref().and_then(|list| list.workers_before(self.query.pid)) else { return Ok(false) };
        let old: Vec<(i64, Option<Version>)> = old.map(|worker| (worker.pid, worker.haproxy_version())).collect();
        for (pid, version) in old {
            let counted = match self.count_worker(master, pid, version).await {
                Ok(None) => continue,
                Ok(Some(sessions)) => Ok(sessions),
                Err(reason) => Err(UncountedReason::MasterSocketFailed(master.to_string(), reason)),
            };
            self.found.processes.push(OldProcess { pid, sessions: counted });
        }
        Ok(true)
    }

    /// Counts the sessions of one worker. Returns `None` if it has ended.
    ///
    /// # Errors
    /// Returns the reason why they cannot be counted.
    async fn count_worker(
        &mut self,
        master: &Address,
        pid: i64,
        version: Option<Version>,
    ) -> Result<Option<ServerSessions>, String> {
        // Before 2.5, `show stat` leaves out the proxies of a worker that is stopping.
        if version.is_none_or(|version| version < Version::new(2, 5)) {
            return self.list_sessions(master, pid, version).await;
        }
        if let Some(backend) = self.query.backend.clone() {
            let one_backend = self.show_servers(master, pid, backend.as_str()).await?;
            // A frontend may have the same name; the reply then contains no server.
            if one_backend.as_ref().is_none_or(|sessions| !sessions.is_empty()) {
                return Ok(one_backend);
            }
        }
        self.show_servers(master, pid, "-1").await
    }

    async fn list_sessions(
        &mut self,
        master: &Address,
        pid: i64,
        version: Option<Version>,
    ) -> Result<Option<ServerSessions>, String> {
        let command = master_cli::worker_command(pid, "show sess");
        let reply = self.request(master, &command).await.map_err(|error| error.to_string())?;
        if master_cli::is_worker_gone(&reply) {
            return Ok(None);
        }
        let text = reply::split(&reply, 1);
        let Some(text) = text.first().filter(|text| text.is_complete()) else {
            return Err("the reply was truncated".to_owned());
        };
        let list = Sessions::parse(text.text(), version, &SessionFilter::default());
        if list.unrecognized_lines > 0 {
            return Err(reply_lines::first_line(&reply).to_string());
        }
        let mut sessions = ServerSessions::new();
        for session in list.list {
            if let (Some(backend), Some(server)) = (session.backend, session.server) {
                *sessions.entry((backend, server)).or_insert(0) += 1;
            }
        }
        Ok(Some(sessions))
    }

    async fn show_servers(
        &mut self,
        master: &Address,
        pid: i64,
        proxy: &str,
    ) -> Result<Option<ServerSessions>, String> {
        let command = master_cli::worker_command(pid, &format!("show stat {proxy} 4 -1"));
        let reply = self.request(master, &command).await.map_err(|error| error.to_string())?;
        if master_cli::is_worker_gone(&reply) {
            return Ok(None);
        }
        let text = reply::split(&reply, 1);
        let is_complete = text.first().is_some_and(reply::Reply::is_complete);
        let body = text.first().map(reply::Reply::text).unwrap_or_default();
        if !body.starts_with(b"#") {
            // The old configuration may not have had this backend.
            let message = reply_lines::first_line(&reply);
            return if message.as_str().starts_with("No such proxy") {
                Ok(Some(ServerSessions::new()))
            } else {
                Err(message.to_string())
            };
        }
        match StatTable::parse(body, None) {
            Ok(table) if is_complete => Ok(Some(count_sessions(&table))),
            Ok(_) => Err("the reply was truncated".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn count_sessions(table: &StatTable) -> ServerSessions {
    let mut sessions = ServerSessions::new();
    for (index, row) in table.rows().iter().enumerate().filter(|(_, row)| row.kind == RowKind::Server) {
        let number = |field| table.number(index, field).unwrap_or(0).max(0);
        let count = sessions.entry((row.proxy.clone(), row.name.clone())).or_insert(0_i64);
        *count = count.saturating_add(number(Field::Scur)).saturating_add(number(Field::Qcur));
    }
    sessions
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[tokio::test]
    async fn v3_earlier_process_on_another_machine_is_reported_as_not_visible() {
        // An address for documentation: no request is sent to it.
        let address = Address::Tcp { host: "192.0.2.1".to_owned(), port: 9999 };
        let own_pid = i64::from(std::process::id());
        let query = |earlier_pids| OldProcessQuery { pid: own_pid, earlier_pids, backend: None };
        let found = find(&address, &ConnectionLimits::default(), &query(vec![7])).await;
        assert_eq!(found.processes, [OldProcess { pid: 7, sessions: Err(UncountedReason::NotVisible) }]);
        assert_eq!((found.current_pid, found.requests), (own_pid, 0));
        let none = find(&address, &ConnectionLimits::default(), &query(Vec::new())).await;
        assert_eq!(none.processes, [], "no reload was seen");
    }

    #[test]
    fn v3_master_socket_is_tried_once_and_not_through_links() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let _listener = UnixListener::bind(path("haproxy-master.sock")).unwrap();
        fs::write(path("master.txt"), "").unwrap();
        fs::hard_link(path("haproxy-master.sock"), path("master2.sock")).unwrap();
        std::os::unix::fs::symlink(path("haproxy-master.sock"), path("master3.sock")).unwrap();
        let mut candidates = master_socket_candidates(&Address::unix(path("admin.sock")), None);
        candidates.retain(|candidate| candidate.path().is_some_and(|path| path.starts_with(folder.path())));
        assert_eq!(candidates.len(), 1, "{candidates:?}");
        assert_ne!(candidates, [Address::unix(path("master3.sock"))]);
    }

    #[test]
    fn v3_master_socket_of_another_user_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("haproxy-master.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        let accounts = Accounts::default();
        let owners = TrustedOwners::root_and_self(&accounts);
        assert!(socket_inode(&path, &owners).is_some());
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(folder.path(), mode).unwrap();
        assert_eq!(socket_inode(&path, &owners), None, "every user can replace it");
    }

    #[tokio::test]
    async fn loopback_addresses_are_on_this_machine() {
        let is_local = async |host: &str| is_on_this_machine(&Address::Tcp { host: host.to_owned(), port: 9 }).await;
        assert!(is_local("127.0.0.1").await && is_local("127.0.0.9").await);
        assert!(!is_local("192.0.2.1").await && !is_local("host.invalid").await);
        assert!(!is_on_this_machine(&"ssh://127.0.0.1".parse().unwrap()).await, "ssh may lead to a container");
    }
}
