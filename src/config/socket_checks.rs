//! Checks whether a stats socket is trusted and this user may open it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Access, access};

use crate::config::accounts::Accounts;
use crate::config::haproxy_files;
use crate::config::haproxy_process::{HaproxyProcess, MountView};
use crate::config::listeners;
use crate::config::safe_file;
use crate::config::trust::{PathProblem, TrustedOwners, below};
use crate::config::unix_diag;
use crate::haproxy::address::{Address, abstract_path};
use crate::haproxy::resolver;

/// Time limit for the address of a host name.
const LOOKUP_TIME: Duration = Duration::from_secs(1);

/// The facts with which sockets are compared.
#[derive(Debug)]
pub(crate) struct SocketChecks<'a> {
    /// Root directory; `/` except in tests.
    root: &'a Path,
    /// Accounts for names of users.
    accounts: &'a Accounts,
    /// Owners that are trusted.
    owners: TrustedOwners<'a>,
    /// Processes of the HAProxy; empty if they are unknown.
    members: &'a [HaproxyProcess],
    /// The sockets that these processes have open, as far as this user may know, once they were listed.
    open_sockets: Option<OpenSockets>,
}

#[derive(Debug, Clone, Default)]
struct OpenSockets {
    inodes: BTreeSet<u64>,
    /// The sockets of every process are known.
    is_complete: bool,
}

impl<'a> SocketChecks<'a> {
    /// Prepares checks of the sockets of one HAProxy. `members` are its processes, or empty if they are unknown.
    pub(crate) fn new(
        root: &'a Path,
        accounts: &'a Accounts,
        owners: TrustedOwners<'a>,
        members: &'a [HaproxyProcess],
    ) -> Self {
        Self { root, accounts, owners, members, open_sockets: None }
    }

    /// Checks a socket, without connecting to it. Returns the address that was checked, with the IP address of a host name.
    ///
    /// # Errors
    /// Returns why the socket cannot be used.
    pub(crate) fn check(&mut self, address: &Address) -> Result<Address, PathProblem> {
        match address {
            Address::Unix(path) => self.check_file(path)?,
            Address::Abstract { name, is_padded } => self.check_abstract(name, *is_padded)?,
            Address::Tcp { host, port } => {
                let ip = self.check_port(host, *port)?;
                // An IP address loses the interface that may follow a %.
                let host = if host.contains('%') { host.clone() } else { ip.to_string() };
                return Ok(Address::Tcp { host, port: *port });
            }
            Address::Ssh(_) => return Err(PathProblem::Failed("is a socket of another machine".to_owned())),
        }
        Ok(address.clone())
    }

    fn check_file(&self, path: &Path) -> Result<(), PathProblem> {
        let place = below(self.root, path);
        let meta = self.owners.check_path(&place)?;
        if !meta.file_type().is_socket() {
            return Err(PathProblem::Failed(format!("{}, not a socket", safe_file::kind_name(&meta))));
        }
        if !self.members.is_empty() && self.members.iter().all(|one| one.mount_view(&place) == MountView::Other) {
            return Err(haproxy_files::other_file());
        }
        access(&place, Access::READ_OK | Access::WRITE_OK).map_err(|_| PathProblem::Inaccessible)
    }

    fn check_abstract(&mut self, name: &str, is_padded: bool) -> Result<(), PathProblem> {
        let path = abstract_path(name, is_padded);
        let path = path.as_os_str().as_bytes();
        let listed = listeners::abstract_inodes(self.root, path);
        if listed.is_empty() {
            return Err(PathProblem::Failed("no process listens on it".to_owned()));
        }
        let members = self.members;
        let open = self.open_sockets.get_or_insert_with(|| OpenSockets::of(members));
        let is_name = |inode: &u64| match unix_diag::listening_name(*inode) {
            Ok(name) => name.as_deref() == Some(path),
            // Without the kernel's answer, a line may be an imitation, and so may each of them.
            Err(_) => listed.iter().all(|inode| open.inodes.contains(inode)),
        };
        if listed.iter().filter(|inode| open.inodes.contains(inode)).any(is_name) {
            return Ok(());
        }
        Err(PathProblem::Distrusted(if open.is_complete {
            "another process listens on it".to_owned()
        } else {
            "only root may see which process listens on it; if it is HAProxy, name it as the target".to_owned()
        }))
    }

    /// Returns the IP address of a host at which only trusted users listen on the port.
    fn check_port(&self, host: &str, port: u16) -> Result<IpAddr, PathProblem> {
        let addresses = resolver::resolve_within(host, LOOKUP_TIME)
            .map_err(|error| PathProblem::Failed(format!("the host name cannot be resolved: {error}")))?;
        // HAProxy listens on one of the addresses of a name.
        let mut problem = PathProblem::Failed("no process listens on it".to_owned());
        for address in addresses {
            let listening = listeners::tcp_owners(self.root, address, port);
            match listening.iter().find(|user| !self.owners.contains_user(**user)) {
                None if listening.is_empty() => {}
                None => return Ok(address),
                Some(stranger) => {
                    let user = self.accounts.user_label(*stranger);
                    problem = PathProblem::Distrusted(format!("a process of user {user} listens on it"));
                }
            }
        }
        Err(problem)
    }
}

impl OpenSockets {
    fn of(members: &[HaproxyProcess]) -> Self {
        let sockets: Vec<_> = members.iter().map(HaproxyProcess::socket_inodes).collect();
        let is_complete = sockets.iter().all(Option::is_some);
        Self { inodes: sockets.into_iter().flatten().flatten().collect(), is_complete }
    }
}
