//! Listening sockets without a file, from `/proc/net`: TCP ports and abstract Unix sockets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use crate::config::safe_file;
use crate::haproxy::address::MAX_ABSTRACT_NAME;

/// Maximum size of a list of sockets; each takes about 150 bytes.
const MAX_LIST_BYTES: u64 = 256 << 20;
/// State of a listening TCP socket.
const LISTEN: &str = "0A";
/// Flag of a listening Unix socket.
const ACCEPTS_CONNECTIONS: u32 = 0x10000;

/// Returns the users who own the sockets that listen on a TCP port for connections to `host`. A host that is not an IP
/// address matches every listener on the port.
pub(crate) fn tcp_owners(root: &Path, host: &str, port: u16) -> Vec<u32> {
    let address = host.parse::<IpAddr>().ok();
    let listeners = ["tcp", "tcp6"].map(|name| read_list(root, name));
    let owner = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (ip, listening_port) = parse_ip(words.get(1)?)?;
        let is_match = *words.get(3)? == LISTEN
            && listening_port == port
            && address.is_none_or(|address| ip.is_unspecified() || ip.to_canonical() == address.to_canonical());
        is_match.then(|| words.get(7)?.parse().ok()).flatten()
    };
    listeners.iter().flat_map(|text| text.lines()).filter_map(owner).collect()
}

/// Returns the inodes of the listening sockets with this abstract name. Another user can add lines to the list, because
/// names may contain line breaks; every inode must be checked.
pub(crate) fn abstract_inodes(root: &Path, name: &str, is_padded: bool) -> Vec<u64> {
    // The kernel writes @ for each zero byte.
    let mut listed = format!("@{name}");
    if is_padded {
        listed.extend(std::iter::repeat_n('@', MAX_ABSTRACT_NAME.saturating_sub(name.len())));
    }
    let inode = |line: &str| {
        let (_, line) = line.split_once(": ")?;
        let words: Vec<&str> = line.splitn(6, ' ').collect();
        let [_, _, flags, _, _, rest] = words.as_slice() else { return None };
        let flags = u32::from_str_radix(flags, 16).ok()?;
        let (inode, path) = rest.trim_start().split_once(' ')?;
        (flags & ACCEPTS_CONNECTIONS != 0 && path == listed).then(|| inode.parse().ok()).flatten()
    };
    read_list(root, "unix").lines().filter_map(inode).collect()
}

fn read_list(root: &Path, name: &str) -> String {
    // `net` is a link to `self/net`.
    let bytes = safe_file::read_regular(&root.join("proc/net").join(name), MAX_LIST_BYTES).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Parses `0100007F:270F`: the address in the byte order of this machine, 32 bits at a time, and the port.
fn parse_ip(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let words = address
        .as_bytes()
        .chunks(8)
        .map(|chunk| Some(u32::from_str_radix(std::str::from_utf8(chunk).ok()?, 16).ok()?.to_ne_bytes()));
    let bytes: Vec<u8> = words.collect::<Option<Vec<_>>>()?.concat();
    let ip = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(bytes) => IpAddr::from(Ipv4Addr::from(bytes)),
        Err(_) => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?)),
    };
    Some((ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixListener};

    #[test]
    fn tcp_owners_finds_listener_on_address_and_wildcard() {
        let own = rustix::process::geteuid().as_raw();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(tcp_owners(Path::new("/"), "127.0.0.1", port), [own]);
        assert_eq!(tcp_owners(Path::new("/"), "localhost", port), [own]);
        assert_eq!(tcp_owners(Path::new("/"), "127.9.9.9", port), [0; 0]);
        let wildcard = TcpListener::bind("0.0.0.0:0").unwrap();
        assert_eq!(tcp_owners(Path::new("/"), "127.0.0.1", wildcard.local_addr().unwrap().port()), [own]);
        assert_eq!(parse_ip("00000000000000000000000001000000:270F").unwrap(), (Ipv6Addr::LOCALHOST.into(), 9999));
    }

    #[test]
    fn abstract_inodes_finds_padded_and_unpadded_names() {
        let name = format!("hapulse test {}", std::process::id());
        let bind = |bytes: &[u8]| UnixListener::bind_addr(&SocketAddr::from_abstract_name(bytes).unwrap()).unwrap();
        let _short = bind(name.as_bytes());
        assert_eq!(abstract_inodes(Path::new("/"), &name, false).len(), 1);
        assert_eq!(abstract_inodes(Path::new("/"), &name, true).len(), 0);
        let mut padded = name.clone().into_bytes();
        padded.resize(MAX_ABSTRACT_NAME, 0);
        let _padded = bind(&padded);
        assert_eq!(abstract_inodes(Path::new("/"), &name, true).len(), 1);
    }
}
