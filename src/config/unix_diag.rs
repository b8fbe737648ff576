//! Asks the kernel for the name of a Unix socket (`sock_diag(7)`). Unlike the lines of `/proc/net/unix`, its replies cannot
//! be imitated by names that contain line breaks.

use std::io;

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const REQUEST: u16 = 1;
const ERROR: u16 = 2;
const UNIX: u8 = 1;
const SHOW_NAME: u32 = 1;
const ALL_STATES: u32 = u32::MAX;
const NO_COOKIE: u32 = u32::MAX;
/// State of a listening socket.
const LISTEN: u8 = 10;
/// Type of the attribute that contains the name.
const NAME: u16 = 0;
/// Length of the header of each message, and of the fields before the attributes of a reply.
const HEADER_BYTES: usize = 16;

/// Returns the name of a listening Unix socket, for an abstract socket with the zero byte at its start. Returns `None` if
/// no Unix socket with this inode listens.
///
/// # Errors
/// Returns an error if the kernel does not provide this information.
pub(crate) fn listening_name(inode: u64) -> io::Result<Option<Vec<u8>>> {
    let Ok(inode) = u32::try_from(inode) else { return Ok(None) };
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
    sendto(&socket, &request(inode), SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut reply = vec![0; 4096];
    // The kernel replies before the request returns.
    let (length, _) = recv(&socket, reply.as_mut_slice(), RecvFlags::DONTWAIT)?;
    reply.truncate(length);
    parse(&reply, inode)
}

fn request(inode: u32) -> Vec<u8> {
    let mut body = vec![UNIX, 0, 0, 0];
    for field in [ALL_STATES, inode, SHOW_NAME, NO_COOKIE, NO_COOKIE] {
        body.extend(field.to_ne_bytes());
    }
    let length = (HEADER_BYTES + body.len()) as u32;
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    message.extend(REQUEST.to_ne_bytes());
    // Sequence number and sender.
    message.extend([0; 8]);
    message.extend(body);
    message
}

fn parse(reply: &[u8], inode: u32) -> io::Result<Option<Vec<u8>>> {
    let is_short = || io::Error::new(io::ErrorKind::InvalidData, "the reply of the kernel is too short");
    let number = |at: usize| Some(u32::from_ne_bytes(reply.get(at..at + 4)?.try_into().ok()?));
    let short_number = |at: usize| Some(u16::from_ne_bytes(reply.get(at..at + 2)?.try_into().ok()?));
    if short_number(4).ok_or_else(is_short)? == ERROR {
        let code = i32::from_ne_bytes(number(HEADER_BYTES).ok_or_else(is_short)?.to_ne_bytes());
        let error = io::Error::from_raw_os_error(-code);
        return if error.kind() == io::ErrorKind::NotFound { Ok(None) } else { Err(error) };
    }
    let is_listening = reply.get(HEADER_BYTES + 2) == Some(&LISTEN);
    if !is_listening || number(HEADER_BYTES + 4) != Some(inode) {
        return Ok(None);
    }
    let mut at = 2 * HEADER_BYTES;
    while let (Some(length), Some(kind)) = (short_number(at), short_number(at + 2)) {
        let length = usize::from(length);
        if kind == NAME {
            return Ok(reply.get(at + 4..at + length).map(<[u8]>::to_vec));
        }
        // Attributes start at multiples of 4 bytes.
        at += length.max(4).next_multiple_of(4);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

    fn inode(socket: &impl AsRawFd) -> u64 {
        std::fs::metadata(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap().ino()
    }

    #[test]
    fn listening_name_returns_bytes_of_name() {
        let name = format!("x\nhapulse {}", std::process::id());
        let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let found = listening_name(inode(&listener)).unwrap().unwrap();
        assert_eq!(found, [b"\0", name.as_bytes()].concat());
        let (connected, _other) = UnixStream::pair().unwrap();
        assert_eq!(listening_name(inode(&connected)).unwrap(), None);
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(listening_name(inode(&tcp)).unwrap(), None);
    }

    #[test]
    fn parse_accepts_no_short_reply() {
        let mut reply = request(7);
        assert!(parse(&reply[..5], 7).is_err());
        reply[HEADER_BYTES + 2] = LISTEN;
        assert_eq!(parse(&reply[..HEADER_BYTES + 3], 7).unwrap(), None);
    }
}
