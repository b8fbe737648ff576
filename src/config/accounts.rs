//! Users and groups of this machine, from `/etc/passwd` and `/etc/group`.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::config::safe_file;
use crate::haproxy::safe_text::SafeText;

/// Maximum size of an account file.
const MAX_ACCOUNT_BYTES: u64 = 16 << 20;

/// The users and groups of this machine. Accounts of a directory service are unknown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Accounts {
    /// Lines of `passwd`: name, user id and id of the primary group.
    users: Vec<(String, u32, u32)>,
    /// Home directories by user id.
    homes: Vec<(u32, PathBuf)>,
    /// Lines of `group`: name, group id and names of the members.
    groups: Vec<(String, u32, Vec<String>)>,
}

impl Accounts {
    /// Reads the files below `root`. Files that cannot be read yield no accounts.
    pub(crate) fn read(root: &Path) -> Self {
        let text = |name: &str| {
            let bytes = safe_file::read_regular(&root.join("etc").join(name), MAX_ACCOUNT_BYTES).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Self::parse(&text("passwd"), &text("group"))
    }

    fn parse(passwd: &str, group: &str) -> Self {
        let user = |line: &str| {
            let mut parts = line.split(':');
            Some((parts.next()?.to_owned(), parts.nth(1)?.parse().ok()?, parts.next()?.parse().ok()?))
        };
        let home = |line: &str| {
            let mut parts = line.split(':').skip(2);
            Some((parts.next()?.parse().ok()?, PathBuf::from(parts.nth(2)?)))
        };
        let group_line = |line: &str| {
            let mut parts = line.split(':');
            let (name, id) = (parts.next()?.to_owned(), parts.nth(1)?.parse().ok()?);
            let members = parts.next()?.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            Some((name, id, members))
        };
        Self {
            users: passwd.lines().filter_map(user).collect(),
            homes: passwd.lines().filter_map(home).filter(|(_, home)| home.is_absolute()).collect(),
            groups: group.lines().filter_map(group_line).collect(),
        }
    }

    /// Returns the id of a user, given by name.
    pub(crate) fn user_id(&self, name: &str) -> Option<u32> {
        self.users.iter().find(|(known, ..)| known == name).map(|(_, id, _)| *id)
    }

    /// Returns the home directory of a user.
    pub(crate) fn home(&self, user: u32) -> Option<PathBuf> {
        self.homes.iter().find(|(id, _)| *id == user).map(|(_, home)| home.clone())
    }

    /// Returns the id of a group, given by name.
    pub(crate) fn group_id(&self, name: &str) -> Option<u32> {
        self.groups.iter().find(|(known, ..)| known == name).map(|(_, id, _)| *id)
    }

    /// Returns the ids of all users in a group, or `None` if the group is unknown.
    pub(crate) fn group_members(&self, group: u32) -> Option<Vec<u32>> {
        let (_, _, names) = self.groups.iter().find(|(_, id, _)| *id == group)?;
        let is_member = |(name, _, primary): &&(String, u32, u32)| *primary == group || names.contains(name);
        Some(self.users.iter().filter(is_member).map(|(_, id, _)| *id).collect())
    }

    /// Returns a user for messages: the name, or else the id.
    pub(crate) fn user_label(&self, id: u32) -> impl fmt::Display {
        let name = self.users.iter().find(|(_, known, _)| *known == id).map(|(name, ..)| name.as_str());
        name.map_or_else(|| SafeText::from(format!("{id}").as_str()), SafeText::from)
    }

    /// Returns a group for messages: the name, or else the id.
    pub(crate) fn group_label(&self, id: u32) -> impl fmt::Display {
        let name = self.groups.iter().find(|(_, known, _)| *known == id).map(|(name, ..)| name.as_str());
        name.map_or_else(|| SafeText::from(format!("{id}").as_str()), SafeText::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_resolve_names_and_members() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\nhaproxy:x:113:117::/var/lib/haproxy:/bin/false\nann:x:1000:100::/:/\n+\n";
        let accounts = Accounts::parse(passwd, "root:x:0:\nhaproxy:x:117:ann,gone\nodd\n");
        assert_eq!((accounts.user_id("haproxy"), accounts.user_id("bob")), (Some(113), None));
        assert_eq!(accounts.group_id("haproxy"), Some(117));
        assert_eq!((accounts.group_members(117), accounts.group_members(5)), (Some(vec![113, 1000]), None));
        assert_eq!(accounts.user_label(1000).to_string(), "ann");
        assert_eq!(
            (accounts.user_label(7).to_string(), accounts.group_label(0).to_string()),
            ("7".into(), "root".into())
        );
    }
}
