//! A request, or a TCP session, as its log line describes it.

use crate::logs::variable::{Fields, Variable};

/// The phases of a request whose times HAProxy logs, in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// From the first byte of the request to its end.
    Request,
    /// In queues.
    Queue,
    /// Connecting to the server.
    Connect,
    /// Until the response headers of the server.
    Response,
    /// From the request to the end of the response; of TCP, the time of the session.
    Total,
}

impl Phase {
    /// All phases, in the order of a request.
    pub(crate) const ALL: [Self; 5] = [Self::Request, Self::Queue, Self::Connect, Self::Response, Self::Total];

    /// Returns the name of the phase.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Queue => "queue",
            Self::Connect => "connect",
            Self::Response => "response",
            Self::Total => "total",
        }
    }

    fn variable(self) -> Variable {
        match self {
            Self::Request => Variable::RequestTime,
            Self::Queue => Variable::QueueTime,
            Self::Connect => Variable::ConnectTime,
            Self::Response => Variable::ResponseTime,
            Self::Total => Variable::TotalTime,
        }
    }
}

/// A request. Names and texts are those of the line; they are empty if the format does not contain them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request<'l> {
    /// Address of the client.
    pub(crate) client: &'l [u8],
    /// Time at which the request or the connection began, as in the line.
    pub(crate) date: &'l [u8],
    /// Name of the frontend.
    pub(crate) frontend: &'l [u8],
    /// Name of the backend.
    pub(crate) backend: &'l [u8],
    /// Name of the server; `<NOSRV>` if none was selected.
    pub(crate) server: &'l [u8],
    /// HTTP status; `None` if the request ended without one, and for TCP.
    pub(crate) status: Option<u16>,
    /// Bytes sent to the client.
    pub(crate) bytes: u64,
    /// First two termination flags, such as `sH`.
    pub(crate) flags: &'l [u8],
    /// HTTP method.
    pub(crate) method: &'l [u8],
    /// URI, with its query if the line has it.
    pub(crate) uri: &'l [u8],
    /// Times of [`Phase::ALL`] in milliseconds; `None` for a phase that was not reached.
    pub(super) times: [Option<u32>; 5],
    /// True if the format contains the response time.
    pub(super) has_response_time: bool,
}

/// Name of the server of a request for which none was selected.
const NO_SERVER: &[u8] = b"<NOSRV>";

/// The origin of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorOrigin {
    /// A server sent response headers.
    Application,
    /// No server did.
    Haproxy,
    /// The format contains neither the response time nor the server.
    Unknown,
}

impl<'l> Request<'l> {
    /// Builds a request from the fields of a line; `None` if a number is not one.
    pub(super) fn new(fields: &Fields<'l>) -> Option<Self> {
        let text = |variable| fields.get(variable).unwrap_or_default();
        let mut times = [None; 5];
        for (time, phase) in times.iter_mut().zip(Phase::ALL) {
            *time = match fields.get(phase.variable()) {
                Some(text) => parse_time(text).ok()?,
                None => None,
            };
        }
        let status = match fields.get(Variable::Status) {
            Some(text) => parse_status(text).ok()?,
            None => None,
        };
        let bytes = fields.get(Variable::Bytes).map_or(Some(0), parse_bytes)?;
        if fields.get(Variable::Client).is_some_and(|client| client.iter().any(|byte| b"[]<>\"".contains(byte))) {
            return None;
        }
        let (method, uri) = match fields.get(Variable::RequestLine) {
            Some(line) => split_request_line(line),
            None => (text(Variable::Method), text(Variable::Uri)),
        };
        let (frontend, flags) = (text(Variable::Frontend), text(Variable::Flags));
        Some(Self {
            client: text(Variable::Client),
            date: text(Variable::Date),
            frontend: frontend.strip_suffix(b"~").unwrap_or(frontend),
            backend: text(Variable::Backend),
            server: text(Variable::Server),
            status,
            bytes,
            flags: flags.get(..2).unwrap_or(flags),
            method,
            uri,
            times,
            has_response_time: fields.get(Variable::ResponseTime).is_some(),
        })
    }

    /// Returns the time of a phase in milliseconds; `None` if it was not reached, or the format does not contain it.
    pub(crate) fn time(&self, phase: Phase) -> Option<u32> {
        self.times[phase as usize]
    }

    /// Returns the URI without its query. A `#` belongs to it: HAProxy writes special characters as `#22`.
    pub(crate) fn path(&self) -> &'l [u8] {
        let end = memchr::memchr(b'?', self.uri).unwrap_or(self.uri.len());
        &self.uri[..end]
    }

    /// Returns who made the response with a status of 500 or more; `None` for another status.
    pub(crate) fn error_origin(&self) -> Option<ErrorOrigin> {
        self.status.filter(|status| *status >= 500)?;
        Some(match self.time(Phase::Response) {
            Some(_) => ErrorOrigin::Application,
            None if self.has_response_time || self.server == NO_SERVER => ErrorOrigin::Haproxy,
            None => ErrorOrigin::Unknown,
        })
    }
}

/// Splits `GET /path HTTP/1.1` into method and URI. Other texts, such as `<BADREQ>`, have no method.
fn split_request_line(line: &[u8]) -> (&[u8], &[u8]) {
    let Some(method) = memchr::memchr(b' ', line) else { return (&[], line) };
    let rest = &line[method + 1..];
    let uri = memchr::memrchr(b' ', rest).map_or(rest, |end| &rest[..end]);
    (&line[..method], uri)
}

/// The error for a text that is not a number.
struct NotANumber;

fn parse_number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0')))
}

/// Parses a time: `12`, `+12` with `option logasap`, and `-1` for a phase that was not reached.
fn parse_time(text: &[u8]) -> Result<Option<u32>, NotANumber> {
    if matches!(text, b"-1" | b"-") {
        return Ok(None);
    }
    let number = parse_number(text.strip_prefix(b"+").unwrap_or(text)).ok_or(NotANumber)?;
    Ok(Some(u32::try_from(number).unwrap_or(u32::MAX)))
}

/// Parses a status: `-1` and `0` stand for none.
fn parse_status(text: &[u8]) -> Result<Option<u16>, NotANumber> {
    if matches!(text, b"-1" | b"-") {
        return Ok(None);
    }
    let number = parse_number(text).and_then(|number| u16::try_from(number).ok()).ok_or(NotANumber)?;
    Ok(Some(number).filter(|number| *number > 0))
}

fn parse_bytes(text: &[u8]) -> Option<u64> {
    if text == b"-" { Some(0) } else { parse_number(text.strip_prefix(b"+").unwrap_or(text)) }
}
