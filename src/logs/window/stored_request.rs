//! A request as it is kept in memory, and as it is reported.

use crate::haproxy::safe_text::SafeText;
use crate::logs::request::{ErrorOrigin, Phase, Request};
use crate::logs::window::text_store::TextStore;

/// Maximum number of bytes of a URI that are kept.
const MAX_URI: usize = 1024;
/// Maximum number of bytes of another text that are kept.
const MAX_NAME: usize = 256;
/// Separates texts that are stored as one. A line contains no line end.
const SEPARATOR: u8 = b'\n';
/// Stands for a time that is unknown.
const NO_TIME: u32 = u32::MAX;

/// A request whose texts are in a [`TextStore`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredRequest {
    /// Monotonic time at which it ended, in milliseconds; wraps around after 49 days.
    pub(crate) at: u32,
    /// Frontend, backend and server.
    route: u32,
    client: u32,
    /// Method and URI.
    target: u32,
    /// 0 without a status.
    status: u16,
    flags: [u8; 2],
    times: [u32; 5],
    /// The highest bit is set if the format contains the response time.
    bytes: u64,
}

/// The bit of [`StoredRequest::bytes`] that is set if the format contains the response time.
const HAS_RESPONSE_TIME: u64 = 1 << 63;

impl StoredRequest {
    /// Stores the texts of a request. `buffer` is only memory to use.
    pub(crate) fn new(request: &Request<'_>, at: u32, texts: &mut TextStore, buffer: &mut Vec<u8>) -> Self {
        let mut joined = |parts: &[(&[u8], usize)]| {
            buffer.clear();
            for (place, (part, most)) in parts.iter().enumerate() {
                if place > 0 {
                    buffer.push(SEPARATOR);
                }
                buffer.extend_from_slice(&part[..part.len().min(*most)]);
            }
            texts.acquire(buffer)
        };
        let route = joined(&[(request.frontend, MAX_NAME), (request.backend, MAX_NAME), (request.server, MAX_NAME)]);
        let target = joined(&[(request.method, MAX_NAME), (request.uri, MAX_URI)]);
        let client = joined(&[(request.client, MAX_NAME)]);
        let flag = |place: usize| request.flags.get(place).copied().unwrap_or(0);
        let known = if request.has_response_time { HAS_RESPONSE_TIME } else { 0 };
        Self {
            at,
            route,
            client,
            target,
            status: request.status.unwrap_or(0),
            flags: [flag(0), flag(1)],
            times: Phase::ALL.map(|phase| request.time(phase).unwrap_or(NO_TIME)),
            bytes: request.bytes.min(HAS_RESPONSE_TIME - 1) | known,
        }
    }

    /// Ends the uses of its texts.
    pub(crate) fn release(&self, texts: &mut TextStore) {
        for id in self.text_ids() {
            texts.release(id);
        }
    }

    /// Returns the request as its line described it, without the time.
    pub(crate) fn request<'t>(&'t self, texts: &'t TextStore) -> Request<'t> {
        let mut route = texts.text(self.route).split(|byte| *byte == SEPARATOR);
        let mut target = texts.text(self.target).split(|byte| *byte == SEPARATOR);
        let mut part = || route.next().unwrap_or_default();
        let (frontend, backend, server) = (part(), part(), part());
        let (method, uri) = (target.next().unwrap_or_default(), target.next().unwrap_or_default());
        let length = self.flags.iter().position(|flag| *flag == 0).unwrap_or(self.flags.len());
        Request {
            client: texts.text(self.client),
            date: &[],
            frontend,
            backend,
            server,
            status: Some(self.status).filter(|status| *status > 0),
            bytes: self.bytes & !HAS_RESPONSE_TIME,
            flags: &self.flags[..length],
            method,
            uri,
            times: self.times.map(|time| Some(time).filter(|time| *time != NO_TIME)),
            has_response_time: self.bytes & HAS_RESPONSE_TIME > 0,
        }
    }

    /// Returns the ids of the texts: of frontend, backend and server, of the client, and of method and URI.
    pub(crate) fn text_ids(&self) -> [u32; 3] {
        [self.route, self.client, self.target]
    }

    /// Returns a number that is the same for the same status and flags.
    pub(crate) fn ending(&self) -> (u16, [u8; 2]) {
        (self.status, self.flags)
    }
}

/// A request with texts that are safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoggedRequest {
    /// Milliseconds between its end and the report.
    pub(crate) age: u32,
    /// Address of the client.
    pub(crate) client: SafeText,
    /// Name of the frontend.
    pub(crate) frontend: SafeText,
    /// Name of the backend.
    pub(crate) backend: SafeText,
    /// Name of the server.
    pub(crate) server: SafeText,
    /// HTTP status.
    pub(crate) status: Option<u16>,
    /// Origin of a response with a status of 500 or more.
    pub(crate) origin: Option<ErrorOrigin>,
    /// Bytes sent to the client.
    pub(crate) bytes: u64,
    /// Termination flags.
    pub(crate) flags: SafeText,
    /// HTTP method.
    pub(crate) method: SafeText,
    /// URI, with its query.
    pub(crate) uri: SafeText,
    /// Times of [`Phase::ALL`] in milliseconds.
    pub(crate) times: [Option<u32>; 5],
}

impl LoggedRequest {
    /// Copies a request that ended `age` milliseconds ago.
    pub(crate) fn new(request: &Request<'_>, age: u32) -> Self {
        Self {
            age,
            client: SafeText::new(request.client),
            frontend: SafeText::new(request.frontend),
            backend: SafeText::new(request.backend),
            server: SafeText::new(request.server),
            status: request.status,
            origin: request.error_origin(),
            bytes: request.bytes,
            flags: SafeText::new(request.flags),
            method: SafeText::new(request.method),
            uri: SafeText::new(request.uri),
            times: request.times,
        }
    }

    /// Returns the time of a phase in milliseconds.
    pub(crate) fn time(&self, phase: Phase) -> Option<u32> {
        self.times[phase as usize]
    }
}
