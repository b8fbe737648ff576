//! Checks whether a stats socket is trusted and this user may open it.

use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use rustix::fs::{Access, access};

use crate::config::accounts::Accounts;
use crate::config::haproxy_files;
use crate::config::haproxy_process::{HaproxyProcess, MountView};
use crate::config::listeners;
use crate::config::safe_file;
use crate::config::trust::{PathProblem, TrustedOwners, below};
use crate::haproxy::address::Address;

/// The facts with which sockets are compared.
#[derive(Debug)]
pub(crate) struct SocketChecks<'a> {
    /// Root directory; `/` except in tests.
    pub(crate) root: &'a Path,
    /// Accounts for names of users.
    pub(crate) accounts: &'a Accounts,
    /// Owners that are trusted.
    pub(crate) owners: TrustedOwners<'a>,
    /// Processes of the HAProxy; empty if they are unknown.
    pub(crate) members: &'a [HaproxyProcess],
}

impl SocketChecks<'_> {
    /// Checks a socket, without connecting to it.
    ///
    /// # Errors
    /// Returns why the socket cannot be used.
    pub(crate) fn check(&self, address: &Address) -> Result<(), PathProblem> {
        match address {
            Address::Unix(path) => self.check_file(path),
            Address::Abstract { name, is_padded } => self.check_abstract(name, *is_padded),
            Address::Tcp { host, port } => self.check_port(host, *port),
        }
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

    fn check_abstract(&self, name: &str, is_padded: bool) -> Result<(), PathProblem> {
        let inodes = listeners::abstract_inodes(self.root, name, is_padded);
        if inodes.is_empty() {
            return Err(PathProblem::Failed("no process listens on it".to_owned()));
        }
        let has_socket =
            |inode: &u64| self.members.iter().map(|process| process.has_socket(*inode)).collect::<Vec<_>>();
        let owned: Vec<Vec<Option<bool>>> = inodes.iter().map(has_socket).collect();
        if owned.iter().all(|answers| answers.contains(&Some(true))) {
            return Ok(());
        }
        Err(PathProblem::Distrusted(if owned.iter().flatten().any(Option::is_none) {
            "only root may see which process listens on it; if it is HAProxy, name it as the target".to_owned()
        } else {
            "another process listens on it".to_owned()
        }))
    }

    fn check_port(&self, host: &str, port: u16) -> Result<(), PathProblem> {
        let listening = listeners::tcp_owners(self.root, host, port);
        if listening.is_empty() {
            return Err(PathProblem::Failed("no process listens on it".to_owned()));
        }
        match listening.iter().find(|user| !self.owners.contains_user(**user)) {
            Some(stranger) => Err(PathProblem::Distrusted(format!(
                "a process of user {} listens on it",
                self.accounts.user_label(*stranger)
            ))),
            None => Ok(()),
        }
    }
}
