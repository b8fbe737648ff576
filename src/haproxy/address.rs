//! The address of a stats socket: the path of a Unix socket, the name of an abstract Unix socket, a TCP address, or a Unix
//! socket of another machine over ssh.

use std::ffi::OsStr;
use std::fmt;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::ssh::ssh_address::{self, SshAddress};

/// The address of one stats socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// The path of a Unix socket.
    Unix(PathBuf),
    /// A Unix socket in Linux's abstract namespace, which has a name instead of a file.
    Abstract {
        /// Name, without the zero byte at its start.
        name: String,
        /// The name is filled up with zero bytes to the full length, as HAProxy does for `abns@` but not for `abnsz@`.
        is_padded: bool,
    },
    /// A TCP host and port.
    Tcp {
        /// Host name, IPv4 address, or IPv6 address without brackets.
        host: String,
        /// TCP port, 1 to 65535.
        port: u16,
    },
    /// A Unix socket of another machine, over ssh.
    Ssh(SshAddress),
}

/// Socket paths used by packages and examples.
pub(crate) const USUAL_SOCKET_PATHS: [&str; 8] = [
    "/run/haproxy/admin.sock",
    "/run/haproxy.sock",
    "/var/run/haproxy.sock",
    "/run/haproxy/haproxy.sock",
    "/run/haproxy/stats.sock",
    "/run/haproxy/stats",
    "/var/lib/haproxy/stats",
    "/tmp/haproxy.sock",
];

/// The error for a string that is not the address of a stats socket.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "\"{text}\" is not a stats socket address: {reason}; use a path (/run/haproxy/admin.sock), HOST:PORT, [IPv6]:PORT, ssh://HOST or abns@NAME"
)]
pub struct AddressError {
    text: SafeText,
    reason: &'static str,
}

impl AddressError {
    /// Returns the error with the text as the user wrote it.
    #[must_use]
    pub(crate) fn with_text(self, text: &str) -> Self {
        Self { text: text.into(), ..self }
    }
}

/// Maximum length of the name of an abstract socket, in bytes.
pub(crate) const MAX_ABSTRACT_NAME: usize = 107;
/// Prefixes of HAProxy's bind addresses for the path of a Unix socket, and hapulse's own.
const UNIX_PREFIXES: [&str; 3] = ["unix:", "unix@", "uxst@"];
/// The same for TCP.
const TCP_PREFIXES: [&str; 7] = ["tcp:", "tcp@", "tcp4@", "tcp6@", "ip@", "ipv4@", "ipv6@"];
/// Prefixes of bind addresses that no client can connect to.
const OTHER_PREFIXES: [&str; 2] = ["fd@", "sockpair@"];

impl Address {
    /// Creates the address of the Unix socket at `path`.
    pub fn unix(path: impl AsRef<Path>) -> Self {
        Self::Unix(path.as_ref().to_path_buf())
    }

    /// Returns true for a TCP address, which HAProxy does not protect with a password.
    pub(crate) fn is_tcp(&self) -> bool {
        matches!(self, Self::Tcp { .. })
    }

    /// Returns the path of a Unix socket, or `None` for an abstract socket and for a TCP address.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) => Some(path),
            Self::Abstract { .. } | Self::Tcp { .. } | Self::Ssh(_) => None,
        }
    }

    /// Returns the address of a socket that is reached over ssh, or `None` for any other.
    pub(crate) fn ssh(&self) -> Option<&SshAddress> {
        if let Self::Ssh(address) = self { Some(address) } else { None }
    }

    /// Returns the address as it is written on the command line and in files. Unlike the text that is displayed, it may
    /// contain control characters.
    pub(crate) fn to_argument(&self) -> String {
        self.path().map_or_else(|| self.to_string(), |path| path.to_string_lossy().into_owned())
    }
}

/// Returns the path that opens an abstract socket: a zero byte, and the name.
pub(crate) fn abstract_path(name: &str, is_padded: bool) -> PathBuf {
    let mut bytes = vec![0];
    bytes.extend_from_slice(name.as_bytes());
    if is_padded {
        bytes.resize(1 + MAX_ABSTRACT_NAME, 0);
    }
    PathBuf::from(OsStr::from_bytes(&bytes))
}

impl fmt::Display for Address {
    /// Writes text that is safe to print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", SafeText::from(path.as_path())),
            Self::Abstract { name, is_padded } => {
                write!(f, "{}@{}", if *is_padded { "abns" } else { "abnsz" }, SafeText::from(name.as_str()))
            }
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Ssh(address) => write!(f, "{address}"),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Parses `ssh://[USER@]HOST[:PORT][/PATH]`, and every address of [`Address::from_bind`].
    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix(ssh_address::SCHEME) {
            Some(rest) => match SshAddress::parse(rest) {
                Ok(address) => Ok(Self::Ssh(address)),
                Err(reason) => Err(AddressError { text: SafeText::from(text), reason }),
            },
            None => Self::from_bind(text),
        }
    }
}

impl Address {
    /// Parses `PATH`, `unix:PATH`, `HOST:PORT`, `tcp:HOST:PORT` and `[IPv6]:PORT`. Also accepts HAProxy's prefixes, such
    /// as `unix@`, `abns@` and `ipv4@`, so that the address on a `stats socket` line can be pasted. The address is never
    /// one over ssh, so a line in the configuration of HAProxy cannot start ssh.
    ///
    /// # Errors
    /// Returns an error if the text is not an address.
    pub(crate) fn from_bind(text: &str) -> Result<Self, AddressError> {
        let error = |reason| AddressError { text: SafeText::from(text), reason };
        let strip = |prefixes: &[&str]| prefixes.iter().find_map(|prefix| text.strip_prefix(prefix));
        if strip(&OTHER_PREFIXES).is_some() {
            return Err(error("an inherited socket (fd@, sockpair@) has no name by which it could be opened"));
        }
        if let Some((name, is_padded)) = (text.strip_prefix("abns@").map(|name| (name, true)))
            .or_else(|| text.strip_prefix("abnsz@").map(|name| (name, false)))
        {
            return parse_abstract(name, is_padded).map_err(error);
        }
        let looks_like_path = text.starts_with(['/', '.', '~']) || text.contains('/') || !text.contains(':');
        match (strip(&UNIX_PREFIXES), strip(&TCP_PREFIXES)) {
            (Some(""), _) => Err(error("the path is empty")),
            (Some(path), _) => Ok(Self::unix(path)),
            (None, None) if text.is_empty() => Err(error("the address is empty")),
            (None, None) if looks_like_path => Ok(Self::unix(text)),
            (None, rest) => {
                let is_v6 = text.starts_with("ipv6@") || text.starts_with("tcp6@");
                parse_tcp(rest.unwrap_or(text), is_v6).map_err(error)
            }
        }
    }
}

fn parse_abstract(name: &str, is_padded: bool) -> Result<Address, &'static str> {
    match name.len() {
        0 => Err("the name is empty"),
        1..=MAX_ABSTRACT_NAME => Ok(Address::Abstract { name: name.to_owned(), is_padded }),
        _ => Err("the name is longer than 107 bytes"),
    }
}

/// Parses a host and a port. An address of all interfaces becomes the loopback address, with `is_v6` that of IPv6.
fn parse_tcp(text: &str, is_v6: bool) -> Result<Address, &'static str> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once("]:").ok_or("write an IPv6 address as [ADDRESS]:PORT")?;
        if host.split('%').next().is_none_or(|ip| ip.parse::<IpAddr>().is_err()) {
            return Err("the text in brackets is not an IPv6 address");
        }
        (host, port)
    } else {
        let (host, port) = text.rsplit_once(':').ok_or("the port is missing")?;
        if host.contains(':') && host.parse::<IpAddr>().is_err() {
            let is_v6 = text.parse::<IpAddr>().is_ok();
            return Err(if is_v6 {
                "the port is missing, write [ADDRESS]:PORT"
            } else {
                "the address has too many colons"
            });
        }
        (host, port)
    };
    let host = match host {
        "" | "*" if is_v6 => "::1",
        "::" => "::1",
        "" | "*" | "0.0.0.0" => "127.0.0.1",
        _ => host,
    };
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
            ("*:9999", tcp("127.0.0.1", 9999)),
            ("tcp4@0.0.0.0:9999", tcp("127.0.0.1", 9999)),
            ("ipv6@:9999", tcp("::1", 9999)),
            (":::9999", tcp("::1", 9999)),
            ("uxst@a.sock", Address::unix("a.sock")),
            ("abns@a b/c:1", Address::Abstract { name: "a b/c:1".to_owned(), is_padded: true }),
            ("abnsz@a", Address::Abstract { name: "a".to_owned(), is_padded: false }),
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
        assert!(parse_to_text("::1").contains("the port is missing"));
        assert!(parse_to_text("").contains("empty"));
        assert!(parse_to_text("unix:").contains("empty"));
        assert!(parse_to_text("l\u{1b}b:9").contains("characters"));
        assert!(parse_to_text("fd@3").contains("inherited"));
        assert!(parse_to_text("abns@").contains("name is empty"));
        assert!(parse_to_text(&format!("abns@{}", "x".repeat(108))).contains("107 bytes"));
    }

    #[test]
    fn display_and_parse_round_trip() {
        let over_ssh = ["ssh://lb1", "ssh://ann@lb1:2222/run/a.sock", "ssh://[::1]:22/run/a"];
        for text in ["/run/a.sock", "lb01:9999", "[::1]:9999", "abns@a", "abnsz@a"].into_iter().chain(over_ssh) {
            assert_eq!(text.parse::<Address>().map(|address| address.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn from_bind_never_returns_address_over_ssh() {
        assert_eq!(Address::from_bind("ssh://lb1/run/a.sock"), Ok(Address::unix("ssh://lb1/run/a.sock")));
        assert!(
            "ssh://-oProxyCommand=x".parse::<Address>().unwrap_err().to_string().contains("ssh://-oProxyCommand=x")
        );
    }

    #[test]
    fn display_escapes_control_characters_in_paths_and_names() {
        let escaped = r"/run/\x1b]0;x\x07.sock";
        let path = Address::unix("/run/\u{1b}]0;x\u{7}.sock");
        assert_eq!((path.to_string().as_str(), path.to_argument().as_str()), (escaped, "/run/\u{1b}]0;x\u{7}.sock"));
        assert_eq!("abns@\u{9b}1".parse::<Address>().unwrap().to_string(), r"abns@\x9b1");
    }

    #[test]
    fn abstract_path_is_padded_for_abns_only() {
        assert_eq!(abstract_path("a", true).as_os_str().len(), 108);
        assert_eq!(abstract_path("a", false).as_os_str().as_bytes(), b"\0a");
    }
}
