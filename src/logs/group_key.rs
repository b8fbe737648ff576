//! The properties by which requests are grouped.

use std::net::IpAddr;

use crate::logs::request::Request;

/// Stands for a property that a line does not have, such as the URL of a TCP session.
const NONE: &[u8] = b"<none>";

/// A property of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupKey {
    /// Frontend.
    Frontend,
    /// Backend.
    Backend,
    /// Backend and server.
    Server,
    /// Address of the client.
    Client,
    /// Network of the client: /24, or /64 for IPv6.
    Network,
    /// Method and path, without query, and with ids replaced by `:id`.
    Url,
    /// Path as it was sent, without query.
    Path,
    /// Method.
    Method,
    /// Status.
    Status,
    /// Termination flags.
    Flags,
}

impl GroupKey {
    /// All properties with their names.
    pub(crate) const ALL: [(&str, Self); 10] = [
        ("frontend", Self::Frontend),
        ("backend", Self::Backend),
        ("server", Self::Server),
        ("client", Self::Client),
        ("network", Self::Network),
        ("url", Self::Url),
        ("path", Self::Path),
        ("method", Self::Method),
        ("status", Self::Status),
        ("flags", Self::Flags),
    ];

    /// Returns the name of the property.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, key)| *key == self).map_or("", |(name, _)| *name)
    }

    /// Writes the property of a request; [`NONE`] if its line does not have it.
    pub(crate) fn write(self, request: &Request<'_>, out: &mut Vec<u8>) {
        self.write_known(request, out);
        if out.is_empty() || self == Self::Server && out == b"/" {
            out.clear();
            out.extend_from_slice(NONE);
        }
    }

    fn write_known(self, request: &Request<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Frontend => out.extend_from_slice(request.frontend),
            Self::Backend => out.extend_from_slice(request.backend),
            Self::Server => {
                out.extend_from_slice(request.backend);
                out.push(b'/');
                out.extend_from_slice(request.server);
            }
            Self::Client => out.extend_from_slice(request.client),
            Self::Network => write_network(request.client, out),
            Self::Url => {
                out.extend_from_slice(request.method);
                if !request.method.is_empty() {
                    out.push(b' ');
                }
                write_folded_path(request.path(), out);
            }
            Self::Path => out.extend_from_slice(request.path()),
            Self::Method => out.extend_from_slice(request.method),
            Self::Status => out.extend(request.status.iter().flat_map(|status| status.to_string().into_bytes())),
            Self::Flags => out.extend_from_slice(request.flags),
        }
    }
}

fn write_network(client: &[u8], out: &mut Vec<u8>) {
    let address = std::str::from_utf8(client).ok().and_then(|text| text.parse::<IpAddr>().ok());
    let text = match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", std::net::Ipv6Addr::from([a, b, c, d, 0, 0, 0, 0]))
        }
        None => return out.extend_from_slice(client),
    };
    out.extend_from_slice(text.as_bytes());
}

/// Writes a path in which parts that look like ids are `:id`, so that requests for different objects are one group.
pub(super) fn write_folded_path(path: &[u8], out: &mut Vec<u8>) {
    for (place, part) in path.split(|byte| *byte == b'/').enumerate() {
        if place > 0 {
            out.push(b'/');
        }
        out.extend_from_slice(if is_id(part) { b":id" } else { part });
    }
}

/// Returns whether a part of a path looks like an id: a number, a UUID, or a long hexadecimal number.
fn is_id(part: &[u8]) -> bool {
    let digits = part.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_hex = || part.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    digits > 0 && (digits == part.len() || part.len() >= 8 && is_hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(path: &str) -> String {
        let mut out = Vec::new();
        write_folded_path(path.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn ids_in_paths_are_folded() {
        assert_eq!(folded("/api/users/1234/orders/9"), "/api/users/:id/orders/:id");
        assert_eq!(folded("/o/3f2504e0-4f89-41d3-9a0c-0305e82c3301/"), "/o/:id/");
        assert_eq!(folded("/v2/feedface/cafe01"), "/v2/feedface/cafe01", "words without a digit, and short ones, stay");
        assert_eq!([folded(""), folded("/"), folded("*")], ["", "/", "*"]);
    }

    #[test]
    fn networks_are_24_and_64_bits_long() {
        let network = |client: &str| {
            let mut out = Vec::new();
            write_network(client.as_bytes(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(network("10.1.2.3"), "10.1.2.0/24");
        assert_eq!(network("::ffff:10.1.2.3"), "10.1.2.0/24");
        assert_eq!(network("2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
        assert_eq!(network("unix"), "unix");
    }
}
