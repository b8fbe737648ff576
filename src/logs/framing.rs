//! The header that syslog, a ring, journald or a container runtime writes before HAProxy's own line.

/// Maximum length of a header.
const MAX_HEADER: usize = 256;

/// The way in which lines begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Without a header.
    None,
    /// `Nov 29 07:12:38 lb1 haproxy[123]: `, also with a time as in RFC 3339: up to the first `]: `.
    Tag,
    /// `<134>1 2026-11-29T07:12:38Z lb1 haproxy 123 - - `: up to the ` - - ` or ` - ` of RFC 5424.
    Rfc5424,
    /// `Nov 29 07:12:38 lb1 haproxy: `: up to the first `: `.
    TagWithoutPid,
    /// `<134>` or `<6>2026-11-29T07:12:38.123456+00:00 `: up to the first blank, as of a ring.
    Word,
    /// `<134>`: up to the first `>`.
    Priority,
    /// `2026-11-29T07:12:38.123456789Z stdout F `: up to the ` F ` of a container's log in Kubernetes.
    Container,
    /// `lb-1  | `: up to the first `| `, as `docker compose logs` prints.
    Compose,
}

impl Framing {
    /// All of them, in the order in which they are tried.
    pub(crate) const ALL: [Self; 8] = [
        Self::None,
        Self::Tag,
        Self::Rfc5424,
        Self::TagWithoutPid,
        Self::Word,
        Self::Priority,
        Self::Container,
        Self::Compose,
    ];

    /// Returns the line without its header; `None` if it has another one.
    pub(crate) fn message(self, line: &[u8]) -> Option<&[u8]> {
        let end: &[u8] = match self {
            Self::None => return Some(line),
            Self::Tag => b"]: ",
            Self::Rfc5424 => b" - - ",
            Self::TagWithoutPid => b": ",
            Self::Word => b" ",
            Self::Priority => b">",
            Self::Container => b" F ",
            Self::Compose => b"| ",
        };
        let head = &line[..line.len().min(MAX_HEADER)];
        let last = *end.first()?;
        let place = memchr::memchr_iter(last, head).find(|place| head[*place..].starts_with(end))?;
        Some(&line[place + end.len()..])
    }
}
