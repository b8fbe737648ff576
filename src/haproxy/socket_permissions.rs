//! Permissions of a stats socket, and hints on how to get access.

use std::fmt::Display;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::haproxy::address::{Address, USUAL_SOCKET_PATHS};
use crate::haproxy::level::Level;
use crate::haproxy::safe_text::SafeText;

/// Returns the line in HAProxy's `global` section that opens a stats socket at `address`.
pub fn socket_line(address: &Address, level: Level) -> String {
    let unix_line = |path: &dyn Display| format!("stats socket {path} mode 660 level {level}");
    match address {
        Address::Unix(_) => unix_line(address),
        Address::Ssh(ssh) => unix_line(&ssh.path().unwrap_or(USUAL_SOCKET_PATHS[0])),
        // Do not write an address family prefix: HAProxy does not accept `ipv4@` with an IPv6 address.
        Address::Abstract { .. } | Address::Tcp { .. } => format!("stats socket {address} level {level}"),
    }
}

/// Returns a `stats socket` line for HAProxy's `global` section: a Unix socket at level admin that members of the group
/// `haproxy` may open. Debian's package creates this group.
pub fn group_socket_line(path: &Path) -> String {
    format!("stats socket {} mode 660 group haproxy level admin", SafeText::from(path))
}

/// The mode bit that allows the group to write, which `mode` on the `stats socket` line sets.
const GROUP_WRITE: u32 = 0o020;
/// The mode bit that allows the group to read.
const GROUP_READ: u32 = 0o040;

/// Returns a hint for a user who may not open the socket: a shell command to join the group of the socket, or a
/// configuration line if no group may open the socket.
pub(crate) fn access_hint(path: &Path) -> String {
    let shown = SafeText::from(path);
    let Ok(meta) = fs::metadata(path) else {
        return format!(
            "this user cannot enter the directory: run as root, or check the permissions: namei -l {shown}"
        );
    };
    // Users should not join root's own group.
    if meta.mode() & GROUP_WRITE == 0 || meta.gid() == 0 {
        return format!("run as root, or allow a group: {}", group_socket_line(path));
    }
    join_group_hint(meta.gid())
}

/// Returns a hint for a user who may not read a log: a shell command to join its group, or one that lets a group read it.
pub(crate) fn read_hint(path: &Path) -> String {
    let shown = SafeText::from(path);
    match fs::metadata(path) {
        Ok(meta) if meta.mode() & GROUP_READ > 0 && meta.gid() != 0 => join_group_hint(meta.gid()),
        Ok(_) => format!("run as root, or let a group read it: sudo chgrp adm {shown} && sudo chmod 640 {shown}"),
        Err(_) => {
            format!("this user cannot enter the directory: run as root, or check the permissions: namei -l {shown}")
        }
    }
}

fn join_group_hint(gid: u32) -> String {
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    let group = group_name(&groups, gid).map_or_else(|| gid.to_string(), str::to_owned);
    format!("run as root, or join this group and log in again: sudo usermod -aG {group} $USER")
}

/// Returns the name of the group with id `gid`, or `None` if it is not in `groups`: the lines of `/etc/group`, in the
/// form `NAME:PASSWORD:GID:MEMBERS`.
fn group_name(groups: &str, gid: u32) -> Option<&str> {
    groups.lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        (parts.nth(1)?.parse() == Ok(gid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn group_name_finds_group_by_id() {
        let groups = "root:x:0:\nhaproxy:x:113:ann,bob\nodd line\n";
        assert_eq!((group_name(groups, 113), group_name(groups, 7)), (Some("haproxy"), None));
    }

    #[test]
    fn access_hint_gives_configuration_line_without_group_access() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(access_hint(&path).ends_with(&group_socket_line(&path)), "{}", access_hint(&path));
        assert!(access_hint(Path::new("/nowhere/at/all")).contains("namei -l /nowhere/at/all"));
    }
}
