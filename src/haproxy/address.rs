//! Where a stats socket listens: a Unix path or a TCP address.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

/// The address of one stats socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A Unix socket's path.
    Unix(PathBuf),
    /// A host name or IP address without brackets, and a port.
    Tcp {
        /// Host name, IPv4 or IPv6 address.
        host: String,
        /// TCP port, 1 to 65535.
        port: u16,
    },
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{text:?} is not a stats socket address: {why}; write a path (/run/haproxy/admin.sock), HOST:PORT or [IPv6]:PORT"
)]
pub struct BadAddress {
    text: String,
    why: &'static str,
}

impl Address {
    /// The Unix socket at `path`.
    pub fn unix(path: impl AsRef<Path>) -> Self {
        Self::Unix(path.as_ref().to_path_buf())
    }

    /// Whether the socket is reached over TCP, where HAProxy asks for no password.
    pub fn is_tcp(&self) -> bool {
        matches!(self, Self::Tcp { .. })
    }

    /// The path of a Unix socket.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) => Some(path),
            Self::Tcp { .. } => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    /// Reads `PATH`, `unix:PATH`, `HOST:PORT`, `tcp:HOST:PORT`, `[v6]:PORT`, and HAProxy's own `unix@`,
    /// `ipv4@` and `ipv6@` forms, so that a `stats socket` line's address can be pasted.
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = |why| BadAddress { text: text.to_owned(), why };
        if text.starts_with("abns@") || text.starts_with("fd@") {
            return Err(bad("abstract and inherited sockets cannot be opened by a path"));
        }
        let unix = ["unix:", "unix@"].iter().find_map(|prefix| text.strip_prefix(prefix));
        let tcp = ["tcp:", "tcp@", "ipv4@", "ipv6@"].iter().find_map(|prefix| text.strip_prefix(prefix));
        let looks_like_path = text.starts_with(['/', '.', '~']) || text.contains('/') || !text.contains(':');
        match (unix, tcp) {
            (Some(""), _) => Err(bad("the path is empty")),
            (Some(path), _) => Ok(Self::unix(path)),
            (None, None) if text.is_empty() => Err(bad("it is empty")),
            (None, None) if looks_like_path => Ok(Self::unix(text)),
            (None, rest) => parse_tcp(rest.unwrap_or(text)).map_err(bad),
        }
    }
}

fn parse_tcp(text: &str) -> Result<Address, &'static str> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once("]:").ok_or("an IPv6 address is written [ADDRESS]:PORT")?;
        if host.split('%').next().is_none_or(|ip| ip.parse::<IpAddr>().is_err()) {
            return Err("what stands in the brackets is no IPv6 address");
        }
        (host, port)
    } else {
        let (host, port) = text.rsplit_once(':').ok_or("the port is missing")?;
        if host.contains(':') && host.parse::<IpAddr>().is_err() {
            return Err("it has too many colons");
        }
        (host, port)
    };
    let host = if host.is_empty() || host == "*" { "127.0.0.1" } else { host };
    if !host.chars().all(|ch| ch.is_ascii_alphanumeric() || "-_.:%".contains(ch)) {
        return Err("the host has characters that no host name has");
    }
    match port.parse::<u16>() {
        Ok(port) if port > 0 => Ok(Address::Tcp { host: host.to_owned(), port }),
        _ => Err("the port must be a number from 1 to 65535"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<Address>().map_or_else(|error| format!("error: {error}"), |address| format!("{address:?}"))
    }

    #[test]
    fn paths_and_tcp_addresses_are_told_apart() {
        let tcp = |host: &str, port| Address::Tcp { host: host.to_owned(), port };
        for (text, expected) in [
            ("/run/haproxy/admin.sock", Address::unix("/run/haproxy/admin.sock")),
            ("admin.sock", Address::unix("admin.sock")),
            ("unix:a:b", Address::unix("a:b")),
            ("unix@/run/a.sock", Address::unix("/run/a.sock")),
            ("lb01:9999", tcp("lb01", 9999)),
            ("tcp:127.0.0.1:9999", tcp("127.0.0.1", 9999)),
            ("ipv4@127.0.0.1:9999", tcp("127.0.0.1", 9999)),
            ("[::1]:9999", tcp("::1", 9999)),
            ("::1:9999", tcp("::1", 9999)),
            (":9999", tcp("127.0.0.1", 9999)),
        ] {
            assert_eq!(text.parse::<Address>().as_ref(), Ok(&expected), "{text}");
        }
    }

    #[test]
    fn bad_addresses_say_why() {
        assert!(shown("lb01:").contains("from 1 to 65535"));
        assert!(shown("lb01:70000").contains("from 1 to 65535"));
        assert!(shown("[::1:9999").contains("[ADDRESS]:PORT"));
        assert!(shown("[zz]:1").contains("no IPv6"));
        assert!(shown("a:b:c:1").contains("too many colons"));
        assert!(shown("").contains("empty"));
        assert!(shown("unix:").contains("empty"));
        assert!(shown("l\u{1b}b:9").contains("characters"));
        assert!(shown("abns@x").contains("abstract"));
    }

    #[test]
    fn an_address_reads_back_what_it_shows() {
        for text in ["/run/a.sock", "lb01:9999", "[::1]:9999"] {
            assert_eq!(text.parse::<Address>().map(|address| address.to_string()), Ok(text.to_owned()));
        }
    }
}
