//! The requests of the last minutes, in bounded memory.

use std::collections::VecDeque;
use std::time::Duration;

use crate::logs::request::Request;
use crate::logs::window::stored_request::StoredRequest;
use crate::logs::window::text_store::TextStore;

/// Span of time for which requests are kept.
pub(crate) const MAX_SPAN: Duration = Duration::from_mins(10);
/// Maximum number of bytes of requests and their texts.
const MAX_BYTES: usize = 64 << 20;
/// Number of requests that are allocated at once.
const CHUNK: usize = 4096;

/// The requests of the last minutes. Times are monotonic, and later than [`MAX_SPAN`].
#[derive(Debug)]
pub(crate) struct RequestWindow {
    /// Parts of equal size, oldest first.
    chunks: VecDeque<Vec<StoredRequest>>,
    /// Number of requests of the first part that were dropped.
    dropped_of_first: usize,
    count: usize,
    texts: TextStore,
    /// Maximum number of bytes of requests and texts.
    max_bytes: usize,
    /// Time from which requests are added; `None` before the first one.
    begin: Option<Duration>,
    /// Time until which requests were dropped, because the memory did not suffice.
    dropped_until: Duration,
    /// The text that is being stored.
    buffer: Vec<u8>,
}

/// Returns a time as it is stored.
fn stored_time(at: Duration) -> u32 {
    // Wraps around after 49 days; only differences matter.
    at.as_millis() as u32
}

impl Default for RequestWindow {
    fn default() -> Self {
        Self::with_limit(MAX_BYTES)
    }
}

impl RequestWindow {
    /// Creates a window in which requests and their texts take at most this number of bytes.
    pub(crate) fn with_limit(max_bytes: usize) -> Self {
        Self {
            chunks: VecDeque::new(),
            dropped_of_first: 0,
            count: 0,
            texts: TextStore::default(),
            max_bytes,
            begin: None,
            dropped_until: Duration::ZERO,
            buffer: Vec::new(),
        }
    }

    /// Returns the memory that requests and texts take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.count * size_of::<StoredRequest>() + self.texts.bytes()
    }

    /// Adds a request that ended `age` milliseconds before `now`.
    pub(crate) fn add(&mut self, request: &Request<'_>, age: u32, now: Duration) {
        let at = stored_time(now).wrapping_sub(age);
        let stored = StoredRequest::new(request, at, &mut self.texts, &mut self.buffer);
        match self.chunks.back_mut() {
            Some(last) if last.len() < CHUNK => last.push(stored),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(stored);
                self.chunks.push_back(chunk);
            }
        }
        self.count += 1;
        while self.bytes() > self.max_bytes && self.count > 1 {
            if let Some(dropped) = self.drop_oldest() {
                let age = Duration::from_millis(u64::from(stored_time(now).wrapping_sub(dropped)));
                self.dropped_until = self.dropped_until.max(now.saturating_sub(age));
            }
        }
    }

    /// Drops the requests that are older than [`MAX_SPAN`].
    pub(crate) fn drop_old(&mut self, now: Duration) {
        let limit = MAX_SPAN.as_millis() as u32;
        while self.oldest().is_some_and(|request| stored_time(now).wrapping_sub(request.at) > limit) {
            self.drop_oldest();
        }
    }

    /// Returns the number of requests.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Returns the texts of the requests.
    pub(crate) fn texts(&self) -> &TextStore {
        &self.texts
    }

    /// Records that all requests since this time are added.
    pub(crate) fn begin_at(&mut self, at: Duration) {
        self.begin = Some(self.begin.map_or(at, |begin| begin.min(at)));
    }

    /// Returns the part of a span until now of which all requests are kept.
    pub(crate) fn covered(&self, span: Duration, now: Duration) -> Duration {
        let since = self.begin.unwrap_or(now).max(self.dropped_until);
        now.saturating_sub(since).min(span)
    }

    /// Returns the requests of a span until now with their ages in milliseconds, in the order of their lines.
    pub(crate) fn requests(
        &self,
        span: Duration,
        now: Duration,
    ) -> impl DoubleEndedIterator<Item = (&StoredRequest, u32)> {
        let (now, limit) = (stored_time(now), u32::try_from(span.as_millis()).unwrap_or(u32::MAX));
        let all = self
            .chunks
            .iter()
            .enumerate()
            .flat_map(|(place, chunk)| chunk[if place == 0 { self.dropped_of_first } else { 0 }..].iter());
        all.map(move |request| (request, now.wrapping_sub(request.at))).filter(move |(_, age)| *age <= limit)
    }

    fn oldest(&self) -> Option<&StoredRequest> {
        self.chunks.front()?.get(self.dropped_of_first)
    }

    /// Drops the oldest request, and returns the time at which it ended.
    fn drop_oldest(&mut self) -> Option<u32> {
        let oldest = *self.oldest()?;
        oldest.release(&mut self.texts);
        self.count -= 1;
        self.dropped_of_first += 1;
        if self.chunks.front().is_some_and(|first| first.len() == self.dropped_of_first) {
            self.chunks.pop_front();
            self.dropped_of_first = 0;
        }
        Some(oldest.at)
    }
}
