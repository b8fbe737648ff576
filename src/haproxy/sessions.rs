//! The replies to `show sess`, `show sess all` and `show sess ID` (operator level and above).
//!
//! `show sess` writes one line per session: a pointer, followed by `key=value` pairs whose number depends on the
//! version (14 on 1.8, 20 since 2.6). `show sess all`, `show sess ID` and, on 3.0.0 and 3.2.0, `show sess older …`
//! write a block of indented lines per session, which also contains the bytes transferred. Both layouts are parsed
//! here.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::time::Duration;

use crate::haproxy::compact_duration;
use crate::haproxy::connection_stage::ConnectionStage;
use crate::haproxy::reply_lines::ReplyLines;
use crate::haproxy::reply_words::{leading_pointer, parse_number, split_pair, words};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::version::Version;

/// Maximum number of sessions kept from one reply.
pub(crate) const MAX_SESSIONS: usize = 20_000;

/// One client session. A field is `None` if the reply does not contain the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The pointer, such as `0x55d0e491f000`, which is the argument of `show sess ID` and `shutdown session ID`.
    /// HAProxy may reuse a pointer for another session.
    pub id: SafeText,
    /// The protocol, such as `tcpv4`, `tcpv6` or `unix_stream`.
    pub proto: Option<SafeText>,
    /// The client's address and port, or `unix:N`.
    pub source: Option<SafeText>,
    /// Name of the frontend; `GLOBAL` for a connection to a stats socket.
    pub frontend: Option<SafeText>,
    /// Name of the backend; `None` until a backend is chosen.
    pub backend: Option<SafeText>,
    /// Name of the server; `None` until a server is chosen.
    pub server: Option<SafeText>,
    /// Time since the session began, with a resolution of one second. `None` for TCP sessions on 3.0.0, which reports
    /// the time since 1970 instead.
    pub age: Option<Duration>,
    /// Start of the session with microseconds, as HAProxy writes it; reported only by commands that write all details.
    pub began_at: Option<SafeText>,
    /// Number that HAProxy gives to no other session of the process; reported only by commands that write all details.
    pub unique_id: Option<u64>,
    /// Number of times that HAProxy ran the task of the session.
    pub calls: Option<u64>,
    /// The connection state of the client side.
    pub client_side: Option<ConnectionStage>,
    /// The connection state of the server side.
    pub server_side: Option<ConnectionStage>,
    /// Bytes received from the client so far; reported only by commands that write all details.
    pub bytes_in: Option<u64>,
    /// Bytes received from the server so far; reported only by commands that write all details.
    pub bytes_out: Option<u64>,
    /// Method and URI of the request, such as `GET /cart?id=1 HTTP/1.1`; reported only on request, since 3.1.
    pub uri: Option<SafeText>,
    /// The line of the session, or the first line of its block.
    pub line: SafeText,
}

impl Session {
    fn new(id: &[u8], line: &[u8]) -> Self {
        Self {
            id: SafeText::new(id),
            proto: None,
            source: None,
            frontend: None,
            backend: None,
            server: None,
            age: None,
            began_at: None,
            unique_id: None,
            calls: None,
            client_side: None,
            server_side: None,
            bytes_in: None,
            bytes_out: None,
            uri: None,
            line: SafeText::new(line),
        }
    }

    /// Returns true for a connection to a stats socket, such as the connection over which hapulse reads the sessions.
    pub fn is_cli(&self) -> bool {
        self.frontend.as_ref().is_some_and(|name| name.as_str() == "GLOBAL")
    }

    /// Returns the address of the client without its port, or `None` for a client on a Unix socket.
    pub fn client_address(&self) -> Option<IpAddr> {
        let (address, _) = self.source.as_ref()?.as_str().rsplit_once(':')?;
        address.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// Returns the method and the path of the request, without the query string and the protocol.
    pub fn path(&self) -> Option<String> {
        let mut words = self.uri.as_ref()?.as_str().split(' ');
        let (method, target) = (words.next()?, words.next());
        let target = target.map(|target| target.split(['?', '#']).next().unwrap_or_default());
        Some(target.map_or_else(|| method.to_owned(), |target| format!("{method} {target}")))
    }

    /// Returns the sum of the bytes in both directions. An unknown direction counts as 0; if both are unknown, returns
    /// `None`.
    pub fn bytes(&self) -> Option<u64> {
        match (self.bytes_in, self.bytes_out) {
            (None, None) => None,
            (one, other) => Some(one.unwrap_or_default().saturating_add(other.unwrap_or_default())),
        }
    }

    /// Returns the value of a pair in the line by HAProxy's key, for pairs without a field in this type: `rate`, `exp`,
    /// `rq`. Returns `None` if the line does not contain the key.
    pub fn pair(&self, key: &str) -> Option<&str> {
        let mut words = self.line.as_str().split(' ').skip(1);
        words.find_map(|word| word.strip_prefix(key)?.strip_prefix(['=', '[']))
    }
}

/// A filter for sessions. It is also applied to the reply, because old versions cannot filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Only sessions of this frontend.
    pub frontend: Option<SafeText>,
    /// Only sessions of this backend.
    pub backend: Option<SafeText>,
    /// Only sessions of servers with this name, in any backend unless [`Self::backend`] is set.
    pub server: Option<SafeText>,
    /// Only sessions of at least this age. A session of unknown age also matches.
    pub min_age: Option<Duration>,
    /// True to request the URI of each session, which HAProxy reports since 3.1.
    pub with_uri: bool,
    /// True to request all details (`show sess all`), including bytes. The reply is then five times as large.
    pub all_details: bool,
}

impl SessionFilter {
    /// Returns true if the session matches all conditions of the filter.
    pub fn matches(&self, session: &Session) -> bool {
        let is = |wanted: &Option<SafeText>, name: &Option<SafeText>| wanted.is_none() || wanted == name;
        is(&self.frontend, &session.frontend)
            && is(&self.backend, &session.backend)
            && is(&self.server, &session.server)
            && self.min_age.is_none_or(|older| session.age.is_none_or(|age| age >= older))
    }
}

/// A sort order for sessions. Sessions whose value is unknown come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionOrder {
    /// Oldest first.
    Age,
    /// Most bytes in both directions first.
    Bytes,
    /// Sessions with the least advanced connection to a server first: queued and connecting before established.
    State,
}

/// The sessions of one reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sessions {
    /// The sessions that match the filter, at most [`MAX_SESSIONS`].
    pub list: Vec<Session>,
    /// Number of sessions in the reply.
    pub total: usize,
    /// Number of sessions that match the filter but were dropped because of [`MAX_SESSIONS`].
    pub dropped: usize,
    /// Number of lines that do not belong to a session, such as an error message or an unknown layout.
    pub unrecognized_lines: usize,
}

impl Sessions {
    /// Parses a reply in either layout.
    pub fn parse(body: &[u8], version: Option<Version>, filter: &SessionFilter) -> Self {
        let mut out = Self::default();
        out.unrecognized_lines = for_each_block(body, |block| {
            out.total += 1;
            let session = parse_session(block, version);
            if filter.matches(&session) {
                if out.list.len() < MAX_SESSIONS {
                    out.list.push(session);
                } else {
                    out.dropped += 1;
                }
            }
        });
        out
    }

    /// Returns whether a session has bytes, which only replies with all details contain.
    pub fn has_bytes(&self) -> bool {
        self.list.iter().any(|session| session.bytes().is_some())
    }

    /// Sorts the sessions. The order of equal sessions does not change.
    pub fn sort(&mut self, order: SessionOrder) {
        match order {
            SessionOrder::Age => self.list.sort_by_key(|session| Reverse(session.age)),
            SessionOrder::Bytes => self.list.sort_by_key(|session| Reverse(session.bytes())),
            SessionOrder::State => {
                self.list.sort_by_key(|session| (session.server_side.is_none(), session.server_side));
            }
        }
    }
}

/// One session with all its details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDetail {
    /// The parsed fields.
    pub session: Session,
    /// All lines that HAProxy reports about the session.
    pub lines: ReplyLines,
}

impl SessionDetail {
    /// Parses the reply to `show sess ID`. Returns `None` if the reply contains no session, as in `Session not found.`.
    pub fn parse(body: &[u8], version: Option<Version>) -> Option<Self> {
        let mut first = None;
        for_each_block(body, |block| {
            if first.is_none() {
                first = Some(Self {
                    session: parse_session(block, version),
                    lines: ReplyLines::from_lines(block.iter().copied()),
                });
            }
        });
        first
    }
}

/// Calls `on_block` with each session's lines: a line that begins with a pointer, and the indented lines after it.
/// Returns the number of lines that do not belong to a session.
fn for_each_block<'a>(body: &'a [u8], mut on_block: impl FnMut(&[&'a [u8]])) -> usize {
    let mut block: Vec<&[u8]> = Vec::new();
    let mut unrecognized_lines = 0;
    for line in body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        if leading_pointer(line).is_some() {
            if !block.is_empty() {
                on_block(&block);
            }
            block.clear();
            block.push(line);
        } else if line.starts_with(b" ") && !block.is_empty() {
            block.push(line);
        } else {
            unrecognized_lines += 1;
        }
    }
    if !block.is_empty() {
        on_block(&block);
    }
    unrecognized_lines
}

fn parse_session(block: &[&[u8]], version: Option<Version>) -> Session {
    let head = block.first().copied().unwrap_or_default();
    let mut session = Session::new(leading_pointer(head).unwrap_or_default(), head);
    // The URI is the last value. A client may have written anything into it, so it is split off first.
    let (head, uri) = split_uri(head);
    session.uri = uri.map(SafeText::new);
    for word in words(head).skip(1) {
        if let Some(time) = word.strip_prefix(b"[").and_then(|word| word.strip_suffix(b"]")) {
            session.began_at = Some(SafeText::new(time));
            continue;
        }
        let Some((key, value)) = split_pair(word) else { continue };
        match key {
            b"id" => session.unique_id = parse_number(value),
            b"proto" => session.proto = parse_name(value),
            b"src" | b"source" => session.source = parse_name(value),
            b"fe" => session.frontend = parse_name(value),
            b"be" => session.backend = parse_name(value),
            b"srv" => session.server = parse_name(value),
            b"age" => session.age = compact_duration::parse(value),
            b"calls" => session.calls = parse_number(value),
            b"s0" | b"scf" => session.client_side = parse_stage(value, version),
            b"s1" | b"scb" => session.server_side = parse_stage(value, version),
            _ => {}
        }
    }
    for line in block.iter().skip(1) {
        parse_detail_line(&mut session, line.trim_ascii_start());
    }
    session
}

/// Splits a line before ` uri="…"`, and returns the URI without its quotes.
fn split_uri(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    const URI: &[u8] = b" uri=\"";
    let Some(start) = line.windows(URI.len()).position(|part| part == URI) else { return (line, None) };
    let uri = &line[start + URI.len()..];
    let end = uri.iter().rposition(|byte| *byte == b'"').unwrap_or(uri.len());
    (&line[..start], Some(&uri[..end]))
}

/// Parses an indented line of `show sess all`. The first word determines what the line describes.
fn parse_detail_line(session: &mut Session, line: &[u8]) {
    let value = |wanted: &[u8]| {
        words(line).find_map(|word| split_pair(word).filter(|(key, _)| *key == wanted)).map(|(_, value)| value)
    };
    let first = words(line).next().and_then(|word| word.split(|byte| *byte == b'=').next());
    match first.unwrap_or_default() {
        b"frontend" => session.frontend = value(b"frontend").and_then(parse_name),
        b"backend" => session.backend = value(b"backend").and_then(parse_name),
        b"server" => session.server = value(b"server").and_then(parse_name),
        b"task" => {
            session.age = value(b"age").and_then(compact_duration::parse);
            session.calls = value(b"calls").and_then(parse_number);
        }
        b"si[0]" | b"scf" => session.client_side = value(b"state").and_then(ConnectionStage::from_keyword),
        b"si[1]" | b"scb" => session.server_side = value(b"state").and_then(ConnectionStage::from_keyword),
        b"req" => session.bytes_in = value(b"total").and_then(parse_number),
        b"res" => session.bytes_out = value(b"total").and_then(parse_number),
        _ => {}
    }
}

/// Parses a name. Returns `None` if the value is empty, `<NONE>` or `<none>`.
fn parse_name(value: &[u8]) -> Option<SafeText> {
    (!value.is_empty() && !value.eq_ignore_ascii_case(b"<none>")).then(|| SafeText::new(value))
}

/// Parses the connection stage from the first number of a value such as `[8,0h,fd=30]`.
fn parse_stage(value: &[u8], version: Option<Version>) -> Option<ConnectionStage> {
    let first = value.strip_prefix(b"[")?.split(|byte| *byte == b',').next()?;
    ConnectionStage::from_number(parse_number(first)?, version)
}
