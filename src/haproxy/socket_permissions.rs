//! Who may open a stats socket, and what lets somebody else in.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::haproxy::address::Address;
use crate::haproxy::level::Level;

/// The line for HAProxy's `global` section that opens a socket there.
pub fn line(address: &Address, level: Level) -> String {
    match address {
        Address::Unix(path) => format!("stats socket {} mode 660 level {level}", path.display()),
        // Without a family before it: HAProxy takes `ipv4@` for no IPv6 address.
        Address::Tcp { .. } => format!("stats socket {address} level {level}"),
    }
}

/// The same of a Unix socket that the group of Debian's package may open, at level admin.
pub fn line_for_the_group(path: &Path) -> String {
    format!("stats socket {} mode 660 group haproxy level admin", path.display())
}

/// Group and others may write, as `mode` on the `stats socket` line sets it.
const GROUP_WRITES: u32 = 0o020;

/// What somebody does who may not open this socket: the line for a shell, or the one for the configuration where no
/// group may open it either.
pub fn way_in(path: &Path) -> String {
    let shown = path.display();
    let Ok(meta) = fs::metadata(path) else {
        return format!("its folder is closed to this user: run as root, or see who may enter: namei -l {shown}");
    };
    // Root's own group is nobody's to join.
    if meta.mode() & GROUP_WRITES == 0 || meta.gid() == 0 {
        return format!("run as root; or for a group: {}", line_for_the_group(path));
    }
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    let group = name_of(&groups, meta.gid()).map_or_else(|| meta.gid().to_string(), str::to_owned);
    format!("run as root; or join its group and log in again: sudo usermod -aG {group} $USER")
}

/// The name of a group in the lines of `/etc/group`: `NAME:PASSWORD:GID:MEMBERS`.
fn name_of(groups: &str, gid: u32) -> Option<&str> {
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
    fn groups_are_found_by_number() {
        let groups = "root:x:0:\nhaproxy:x:113:ann,bob\nodd line\n";
        assert_eq!((name_of(groups, 113), name_of(groups, 7)), (Some("haproxy"), None));
    }

    #[test]
    fn a_file_without_a_group_gets_the_line_for_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(way_in(&path).ends_with(&line_for_the_group(&path)), "{}", way_in(&path));
        assert!(way_in(Path::new("/nowhere/at/all")).contains("namei -l /nowhere/at/all"));
    }
}
