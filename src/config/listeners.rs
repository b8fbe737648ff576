//! Listening sockets without a file, from `/proc/net`: TCP ports and abstract Unix sockets.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::config::safe_file;

/// Maximum size of a list of sockets; each takes about 150 bytes.
const MAX_LIST_BYTES: u64 = 256 << 20;
const BUFFER_BYTES: usize = 64 << 10;
/// State of a listening TCP socket.
const LISTEN: &str = "0A";
/// Flag of a listening Unix socket.
const ACCEPTS_CONNECTIONS: u32 = 0x10000;

/// Returns the users who own the sockets that the kernel would give a connection to this address and port. Sockets on the
/// same port of other addresses do not matter.
pub(crate) fn tcp_owners(root: &Path, address: IpAddr, port: u16) -> Vec<u32> {
    let mut best = u8::MAX;
    let mut owners = Vec::new();
    for name in ["tcp", "tcp6"] {
        for_each_line(&own_list(root, name), |line| {
            let listener = std::str::from_utf8(line).ok().and_then(|line| parse_tcp_listener(line, port));
            let Some((ip, owner)) = listener else { return };
            let Some(rank) = match_rank(ip, address.to_canonical()) else { return };
            if rank < best {
                best = rank;
                owners.clear();
            }
            if rank == best {
                owners.push(owner);
            }
        });
    }
    owners
}

/// Returns the addresses on which the programs in the network namespace of a process listen, each once, without those of
/// the loopback and those that stand for every address. `folder` is that of the process in `/proc`.
pub(crate) fn tcp_addresses(folder: &Path) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for name in ["tcp", "tcp6"] {
        for_each_line(&folder.join("net").join(name), |line| {
            let words: Vec<&str> = std::str::from_utf8(line).unwrap_or_default().split_whitespace().collect();
            let is_listening = words.get(3).is_some_and(|state| *state == LISTEN);
            let address = words.get(1).filter(|_| is_listening).and_then(|word| parse_ip(word));
            addresses.extend(address.map(|(ip, _)| ip.to_canonical()));
        });
    }
    addresses.retain(|ip| !ip.is_unspecified() && !ip.is_loopback());
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// Returns the address and the owner of a listening socket on this port.
fn parse_tcp_listener(line: &str, port: u16) -> Option<(IpAddr, u32)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (ip, listening_port) = parse_ip(words.get(1)?)?;
    let is_match = *words.get(3)? == LISTEN && listening_port == port;
    is_match.then(|| Some((ip, words.get(7)?.parse().ok()?))).flatten()
}

/// Returns how well a listening socket matches an address, the best match first, as the kernel chooses it.
fn match_rank(listening: IpAddr, address: IpAddr) -> Option<u8> {
    if listening.to_canonical() == address {
        return Some(0);
    }
    match (listening, address) {
        (IpAddr::V4(ip), IpAddr::V4(_)) if ip.is_unspecified() => Some(1),
        (IpAddr::V6(ip), _) if ip.is_unspecified() => Some(2),
        _ => None,
    }
}

/// Returns the inodes of the listening sockets with this abstract name. Names may contain line breaks, so another user can
/// add lines that look like those of another socket: every inode must be checked.
pub(crate) fn abstract_inodes(root: &Path, path: &[u8]) -> Vec<u64> {
    // The kernel writes @ for each zero byte.
    let listed: Vec<u8> = path.iter().map(|byte| if *byte == 0 { b'@' } else { *byte }).collect();
    let mut inodes = Vec::new();
    for_each_line(&own_list(root, "unix"), |line| {
        let Some(front) = line.strip_suffix(listed.as_slice()).and_then(|front| std::str::from_utf8(front).ok()) else {
            return;
        };
        let words: Vec<&str> = front.split_whitespace().collect();
        let [_, _, _, flags, _, _, inode] = words.as_slice() else { return };
        let accepts = u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & ACCEPTS_CONNECTIONS != 0);
        if accepts && front.ends_with(' ') {
            inodes.extend(inode.parse::<u64>());
        }
    });
    inodes
}

/// Returns the path of a list of sockets in the network namespace of this program. `net` is a link to `self/net`.
fn own_list(root: &Path, name: &str) -> PathBuf {
    root.join("proc/net").join(name)
}

/// Calls `read` for each line of a list in `/proc/net`, which is not stored as a whole.
fn for_each_line(path: &Path, mut read: impl FnMut(&[u8])) {
    let Ok(file) = safe_file::open_regular(path, OFlags::RDONLY, Mode::empty()) else { return };
    let lines = BufReader::with_capacity(BUFFER_BYTES, file.take(MAX_LIST_BYTES)).split(b'\n');
    lines.map_while(Result::ok).for_each(|line| read(&line));
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
    use crate::haproxy::address::{MAX_ABSTRACT_NAME, abstract_path};
    use std::net::TcpListener;
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::net::{SocketAddr, UnixListener};

    fn owners(address: &str, listener: &TcpListener) -> Vec<u32> {
        tcp_owners(Path::new("/"), address.parse().unwrap(), listener.local_addr().unwrap().port())
    }

    #[test]
    fn tcp_owners_finds_listener_on_address_and_wildcard() {
        let own = rustix::process::geteuid().as_raw();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(owners("127.0.0.1", &listener), [own]);
        assert_eq!(owners("::ffff:127.0.0.1", &listener), [own]);
        assert_eq!(owners("127.9.9.9", &listener), [0; 0]);
        let wildcard = TcpListener::bind("0.0.0.0:0").unwrap();
        assert_eq!(owners("127.0.0.1", &wildcard), [own]);
        assert_eq!(owners("::1", &wildcard), [0; 0]);
        assert_eq!(parse_ip("00000000000000000000000001000000:270F").unwrap(), (Ipv6Addr::LOCALHOST.into(), 9999));
    }

    #[test]
    fn match_rank_prefers_exact_address_and_own_family() {
        let rank = |listening: &str, address: &str| match_rank(listening.parse().unwrap(), address.parse().unwrap());
        assert_eq!((rank("127.0.0.1", "127.0.0.1"), rank("::ffff:127.0.0.1", "127.0.0.1")), (Some(0), Some(0)));
        assert_eq!((rank("0.0.0.0", "127.0.0.1"), rank("::", "127.0.0.1")), (Some(1), Some(2)));
        assert_eq!((rank("::", "::1"), rank("0.0.0.0", "::1"), rank("127.0.0.2", "127.0.0.1")), (Some(2), None, None));
    }

    #[test]
    fn abstract_inodes_finds_padded_and_unpadded_names() {
        let name = format!("hapulse test {}", std::process::id());
        let bind = |bytes: &[u8]| UnixListener::bind_addr(&SocketAddr::from_abstract_name(bytes).unwrap()).unwrap();
        let count = |is_padded| {
            let path = abstract_path(&name, is_padded);
            abstract_inodes(Path::new("/"), path.as_os_str().as_bytes()).len()
        };
        let _short = bind(name.as_bytes());
        assert_eq!((count(false), count(true)), (1, 0));
        let mut padded = name.clone().into_bytes();
        padded.resize(MAX_ABSTRACT_NAME, 0);
        let _padded = bind(&padded);
        assert_eq!((count(false), count(true)), (1, 1));
    }
}
