//! Decides whose files and processes the discovery of local HAProxies trusts.
//!
//! A path is trusted if no stranger can replace what is there: each directory, link and file on the way has a trusted
//! owner, and no other user can write to a directory, unless it is sticky, as `/tmp` is.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use crate::config::accounts::Accounts;
use crate::config::file_systems;
use crate::config::haproxy_config::HaproxyConfig;
use crate::haproxy::safe_text::SafeText;

/// Maximum number of symbolic links on the way to a file, as in the Linux kernel.
const MAX_LINKS: usize = 40;
/// Ends a message about a user who is not trusted.
pub(crate) const TRUSTED_USERS: &str = "only root, you and users in a trusted configuration are trusted";
const STICKY: u32 = 0o1000;
const GROUP_WRITE: u32 = 0o020;
const OTHER_WRITE: u32 = 0o002;

/// Users and groups that are not strangers.
#[derive(Debug, Clone)]
pub(crate) struct TrustedOwners<'a> {
    accounts: &'a Accounts,
    users: BTreeSet<u32>,
    groups: BTreeSet<u32>,
}

/// The reason why a path cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PathProblem {
    /// The path does not exist.
    Missing,
    /// This user may not enter a directory on the way.
    Inaccessible,
    /// A stranger could have put the file there; the text explains this.
    Distrusted(String),
    /// Any other error.
    Failed(String),
}

impl<'a> TrustedOwners<'a> {
    /// Trusts root and the user of this process.
    pub(crate) fn root_and_self(accounts: &'a Accounts) -> Self {
        let users = [0, rustix::process::geteuid().as_raw()].into();
        Self { accounts, users, groups: [0].into() }
    }

    /// Trusts root, the user of this process with its private group, and the owner of the root directory, who is not root
    /// in a user namespace that maps no other users.
    pub(crate) fn of_own_files(accounts: &'a Accounts) -> Self {
        let own_user = rustix::process::geteuid().as_raw();
        let own_group = rustix::process::getegid().as_raw();
        let users = fs::symlink_metadata("/").map(|meta| meta.uid()).into_iter().collect();
        let is_private = own_group == own_user && accounts.group_members(own_group).is_none();
        Self::root_and_self(accounts).and(&users, &is_private.then_some(own_group).into_iter().collect())
    }

    /// Trusts these users and groups, too.
    #[must_use]
    pub(crate) fn and(mut self, users: &BTreeSet<u32>, groups: &BTreeSet<u32>) -> Self {
        self.users.extend(users);
        self.groups.extend(groups);
        self
    }

    /// Trusts the users and groups that a configuration names, too.
    #[must_use]
    pub(crate) fn and_named(self, config: &HaproxyConfig) -> Self {
        self.and(&config.process_users, &config.groups).and(&config.socket_users, &BTreeSet::new())
    }

    /// Returns true if the user is trusted.
    pub(crate) fn contains_user(&self, user: u32) -> bool {
        self.users.contains(&user)
    }

    /// Returns true if every member of the group is trusted, as far as the members are known.
    fn contains_group(&self, group: u32) -> bool {
        let all_trusted = |members: Vec<u32>| members.iter().all(|user| self.contains_user(*user));
        self.groups.contains(&group) || self.accounts.group_members(group).is_some_and(all_trusted)
    }

    /// Follows an absolute path to the file that it names, and checks every step. Returns the properties of the file.
    /// Nothing below a directory of a stranger is touched.
    ///
    /// # Errors
    /// Returns why the path cannot be used.
    pub(crate) fn check_path(&self, path: &Path) -> Result<Metadata, PathProblem> {
        let mut rest: VecDeque<OsString> = components(path).into();
        let mut at = PathBuf::from("/");
        let mut links = 0;
        let mut meta = self.check_step(&at)?;
        while let Some(name) = rest.pop_front() {
            if !meta.is_dir() {
                return Err(PathProblem::Failed(format!("{} is not a directory", SafeText::from(at.as_path()))));
            }
            if name == ".." {
                at.pop();
                meta = self.check_step(&at)?;
                continue;
            }
            let next = at.join(&name);
            meta = self.check_step(&next)?;
            if !meta.is_symlink() {
                at = next;
                continue;
            }
            if file_systems::require_stored(&at).is_err() {
                return Err(PathProblem::Failed(format!("{} is another file in each process", SafeText::from(&*next))));
            }
            links += 1;
            if links > MAX_LINKS {
                return Err(PathProblem::Failed("too many symbolic links".to_owned()));
            }
            let target = fs::read_link(&next).map_err(|error| problem_of(&error))?;
            if target.is_absolute() {
                at = PathBuf::from("/");
            }
            components(&target).into_iter().rev().for_each(|name| rest.push_front(name));
            meta = self.check_step(&at)?;
        }
        Ok(meta)
    }

    /// Like [`Self::check_path`], and no stranger may write to the file itself.
    ///
    /// # Errors
    /// Returns why the path cannot be used.
    pub(crate) fn check_contents(&self, path: &Path) -> Result<Metadata, PathProblem> {
        let meta = self.check_path(path)?;
        self.check_writers(path, &meta)?;
        Ok(meta)
    }

    /// Checks one step of a path, without following a link.
    fn check_step(&self, path: &Path) -> Result<Metadata, PathProblem> {
        let meta = fs::symlink_metadata(path).map_err(|error| problem_of(&error))?;
        if !self.contains_user(meta.uid()) {
            let (shown, owner) = (SafeText::from(path), self.accounts.user_label(meta.uid()));
            return Err(PathProblem::Distrusted(format!("{shown} belongs to user {owner}; {TRUSTED_USERS}")));
        }
        if meta.is_dir() && meta.mode() & STICKY == 0 {
            self.check_writers(path, &meta)?;
        }
        Ok(meta)
    }

    fn check_writers(&self, path: &Path, meta: &Metadata) -> Result<(), PathProblem> {
        let shown = || SafeText::from(path);
        if meta.mode() & OTHER_WRITE != 0 {
            return Err(PathProblem::Distrusted(format!("every user can write to {}", shown())));
        }
        if meta.mode() & GROUP_WRITE != 0 && !self.contains_group(meta.gid()) {
            let group = self.accounts.group_label(meta.gid());
            return Err(PathProblem::Distrusted(format!("group {group} can write to {}", shown())));
        }
        Ok(())
    }
}

/// Returns the path below a root directory.
pub(crate) fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Returns the names in a path, with `..`, without `.` and the root.
fn components(path: &Path) -> Vec<OsString> {
    let is_step = |component: &Component<'_>| matches!(component, Component::Normal(_) | Component::ParentDir);
    path.components().filter(is_step).map(|component| component.as_os_str().to_owned()).collect()
}

fn problem_of(error: &io::Error) -> PathProblem {
    match error.kind() {
        io::ErrorKind::NotFound => PathProblem::Missing,
        io::ErrorKind::PermissionDenied => PathProblem::Inaccessible,
        _ => PathProblem::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn check_path_refuses_directories_that_strangers_can_write() {
        let folder = tempfile::tempdir().unwrap();
        let (shared, file) = (folder.path().join("shared"), folder.path().join("shared/a.sock"));
        fs::create_dir(&shared).unwrap();
        fs::write(&file, "").unwrap();
        let accounts = Accounts::default();
        let owners = TrustedOwners::root_and_self(&accounts);
        let set_mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        for (mode, expected) in [(0o755, None), (0o777, Some("every user can write to ")), (0o1777, None)] {
            set_mode(&shared, mode);
            let problem = owners.check_path(&file).err();
            let expected = expected.map(|text| PathProblem::Distrusted(format!("{text}{}", shared.display())));
            assert_eq!(problem, expected, "{mode:o}");
        }
        assert!(owners.check_contents(&file).is_ok());
        set_mode(&file, 0o666);
        assert!(owners.check_path(&file).is_ok() && owners.check_contents(&file).is_err());
        assert_eq!(owners.check_path(&shared.join("gone")).unwrap_err(), PathProblem::Missing);
        assert!(matches!(owners.check_path(&file.join("x")), Err(PathProblem::Failed(_))));
    }

    #[test]
    fn check_path_follows_links_and_parents() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/file"), "text").unwrap();
        symlink("../a", folder.path().join("a/relative")).unwrap();
        symlink(folder.path().join("a"), folder.path().join("absolute")).unwrap();
        symlink("/proc/self/environ", folder.path().join("process")).unwrap();
        symlink("loop", folder.path().join("loop")).unwrap();
        let accounts = Accounts::default();
        let owners = TrustedOwners::root_and_self(&accounts);
        for path in ["a/file", "a/../a/./file", "a/relative/file", "absolute/relative/file"] {
            assert_eq!(owners.check_path(&folder.path().join(path)).unwrap().len(), 4, "{path}");
        }
        let error = owners.check_path(&folder.path().join("process")).unwrap_err();
        assert_eq!(error, PathProblem::Failed("/proc/self is another file in each process".to_owned()));
        let error = owners.check_path(&folder.path().join("loop")).unwrap_err();
        assert_eq!(error, PathProblem::Failed("too many symbolic links".to_owned()));
    }
}
