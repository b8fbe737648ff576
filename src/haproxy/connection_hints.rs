//! Hints for failed connections: the likeliest cause first, then the line for haproxy.cfg.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use crate::haproxy::address::Address;
use crate::haproxy::connection::RequestError;
use crate::haproxy::level::Level;
use crate::haproxy::socket_permissions;

impl RequestError {
    /// Returns a step that may fix the error, or `None` if no such step is known.
    pub(crate) fn hint(&self, address: &Address) -> Option<String> {
        match self {
            Self::Resolve { host, .. } => {
                Some(format!("is the name right? It must be in DNS or in /etc/hosts: getent hosts {host}"))
            }
            Self::ResolveTimeout { .. } => Some(
                "the name server does not answer: check /etc/resolv.conf, or use the IP address of HAProxy".to_owned(),
            ),
            Self::Ssh(failure) => failure.hint.clone(),
            Self::Connect(error) => connect_hint(error.kind(), address),
            Self::Silent(_) if let Some(ssh) = address.ssh() => {
                Some(format!("or the ssh connection stalls; it ends and is renewed if {} does not answer", ssh.host()))
            }
            Self::Silent(_) if address.is_tcp() => Some(format!("is {address} a stats socket, or another program?")),
            Self::Empty | Self::Broken(_) if address.is_tcp() => Some(not_stats_socket_hint(address)),
            _ => None,
        }
    }
}

/// Returns a hint for a reply that HAProxy's stats socket would not send: another program, or another port of HAProxy.
pub(crate) fn not_stats_socket_hint(address: &Address) -> String {
    format!(
        "another program listens on {address}, or it is a frontend or the statistics page of HAProxy: use the address of \
         a \"stats socket\" line in haproxy.cfg"
    )
}

fn connect_hint(kind: io::ErrorKind, address: &Address) -> Option<String> {
    let line = |level| socket_permissions::socket_line(address, level);
    match (kind, address) {
        (io::ErrorKind::PermissionDenied, Address::Unix(path)) => Some(socket_permissions::access_hint(path)),
        (io::ErrorKind::NotFound, Address::Unix(_)) => {
            Some(format!("is HAProxy running, is the path right? In global: {}", line(Level::Admin)))
        }
        (io::ErrorKind::ConnectionRefused, Address::Unix(path)) => Some(match other_kind(path) {
            Some(kind) => {
                format!("{address} is {kind}, not a socket: use the path on a \"stats socket\" line in haproxy.cfg")
            }
            None => "the socket file exists, but no process listens on it: is HAProxy running?".to_owned(),
        }),
        (io::ErrorKind::ConnectionRefused, Address::Abstract { .. }) => {
            Some("no process listens on this abstract socket: is HAProxy running, and is the name right?".to_owned())
        }
        (io::ErrorKind::ConnectionRefused, Address::Tcp { .. }) => Some(format!(
            "nothing listens on this port: is HAProxy running, is the port right? In global: {}",
            line(Level::Operator)
        )),
        _ => None,
    }
}

/// Returns what a path is, or `None` if it is a socket or unknown.
fn other_kind(path: &Path) -> Option<&'static str> {
    let kind = fs::metadata(path).ok()?.file_type();
    match () {
        () if kind.is_socket() => None,
        () if kind.is_dir() => Some("a directory"),
        () if kind.is_file() => Some("a regular file"),
        () => Some("a FIFO or a device"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_hint_names_likeliest_cause_first() {
        let refused = |address: &Address| connect_hint(io::ErrorKind::ConnectionRefused, address).unwrap();
        let tcp: Address = "127.0.0.1:9".parse().unwrap();
        assert!(refused(&tcp).starts_with("nothing listens on this port: is HAProxy running"));
        assert!(refused(&"abns@x".parse().unwrap()).starts_with("no process listens"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("haproxy.cfg");
        fs::write(&file, "").unwrap();
        assert!(refused(&Address::unix(&file)).contains("is a regular file, not a socket"));
        assert!(refused(&Address::unix(folder.path())).contains("is a directory, not a socket"));
    }
}
