//! The address of a stats socket: the path of a Unix socket, or a TCP address.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

/// The address of one stats socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// The path of a Unix socket.
    Unix(PathBuf),
    /// A TCP host and port.
    Tcp {
        /// Host name, IPv4 address, or IPv6 address without brackets.
        host: String,
        /// TCP port, 1 to 65535.
        port: u16,
    },
}

/// The error for a string that is not the address of a stats socket.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{text:?} is not a stats socket address: {reason}; use a path (/run/haproxy/admin.sock), HOST:PORT or [IPv6]:PORT"
)]
pub struct AddressError {
    text: String,
    reason: &'static str,
}

impl Address {
    /// Creates the address of the Unix socket at `path`.
    pub fn unix(path: impl AsRef<Path>) -> Self {
        Self::Unix(path.as_ref().to_path_buf())
    }

    /// Returns true for a TCP address, which HAProxy does not protect with a password.
    pub(crate) fn is_tcp(&self) -> bool {
        matches!(self, Self::Tcp { .. })
    }

    /// Returns the path of a Unix socket, or `None` for a TCP address.
    pub(crate) fn path(&self) -> Option<&Path> {
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
    type Err = AddressError;

    /// Parses `PATH`, `unix:PATH`, `HOST:PORT`, `tcp:HOST:PORT` and `[IPv6]:PORT`. Also accepts HAProxy's prefixes
    /// `unix@`, `ipv4@` and `ipv6@`, so that the address on a `stats socket` line can be pasted.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = |why| AddressError { text: text.to_owned(), reason: why };
        if text.starts_with("abns@") || text.starts_with("fd@") {
            return Err(error("abstract (abns@) and inherited (fd@) sockets cannot be opened by path"));
        }
        let unix = ["unix:", "unix@"].iter().find_map(|prefix| text.strip_prefix(prefix));
        let tcp = ["tcp:", "tcp@", "ipv4@", "ipv6@"].iter().find_map(|prefix| text.strip_prefix(prefix));
        let looks_like_path = text.starts_with(['/', '.', '~']) || text.contains('/') || !text.contains(':');
        match (unix, tcp) {
            (Some(""), _) => Err(error("the path is empty")),
            (Some(path), _) => Ok(Self::unix(path)),
            (None, None) if text.is_empty() => Err(error("the address is empty")),
            (None, None) if looks_like_path => Ok(Self::unix(text)),
            (None, rest) => parse_tcp(rest.unwrap_or(text)).map_err(error),
        }
    }
}

fn parse_tcp(text: &str) -> Result<Address, &'static str> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once("]:").ok_or("write an IPv6 address as [ADDRESS]:PORT")?;
        if host.split('%').next().is_none_or(|ip| ip.parse::<IpAddr>().is_err()) {
            return Err("the text in brackets is not an IPv6 address");
        }
        (host, port)
    } else {
        let (host, port) = text.rsplit_once(':').ok_or("the port is missing")?;
        if host.contains(':') && host.parse::<IpAddr>().is_err() {
            return Err("the address has too many colons");
        }
        (host, port)
    };
    let host = if host.is_empty() || host == "*" { "127.0.0.1" } else { host };
    if !host.chars().all(|ch| ch.is_ascii_alphanumeric() || "-_.:%".contains(ch)) {
        return Err("the host contains characters that are not allowed in a host name");
    }
    match port.parse::<u16>() {
        Ok(port) if port > 0 => Ok(Address::Tcp { host: host.to_owned(), port }),
        _ => Err("the port must be a number from 1 to 65535"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_to_text(text: &str) -> String {
        text.parse::<Address>().map_or_else(|error| format!("error: {error}"), |address| format!("{address:?}"))
    }

    #[test]
    fn parse_distinguishes_paths_from_tcp_addresses() {
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
    fn parse_reports_reason_for_invalid_address() {
        assert!(parse_to_text("lb01:").contains("from 1 to 65535"));
        assert!(parse_to_text("lb01:70000").contains("from 1 to 65535"));
        assert!(parse_to_text("[::1:9999").contains("[ADDRESS]:PORT"));
        assert!(parse_to_text("[zz]:1").contains("not an IPv6"));
        assert!(parse_to_text("a:b:c:1").contains("too many colons"));
        assert!(parse_to_text("").contains("empty"));
        assert!(parse_to_text("unix:").contains("empty"));
        assert!(parse_to_text("l\u{1b}b:9").contains("characters"));
        assert!(parse_to_text("abns@x").contains("abstract"));
    }

    #[test]
    fn display_and_parse_round_trip() {
        for text in ["/run/a.sock", "lb01:9999", "[::1]:9999"] {
            assert_eq!(text.parse::<Address>().map(|address| address.to_string()), Ok(text.to_owned()));
        }
    }
}
