//! Requests that a server accepted and does not answer.
//!
//! HAProxy adds the time of a request when it ends, so the means say nothing about servers that accept requests and do not
//! answer, until a timeout. The counters of servers do: those of requests grow, and those of responses stand still.

use std::time::Duration;

/// Minimum time without any response.
const MIN_SILENCE: Duration = Duration::from_secs(4);
/// Minimum time without any response, as a multiple of the usual response time: the responses of long polling may all end at
/// about the same time.
const MIN_SILENCE_FACTOR: f64 = 2.0;

/// Requests in progress that got no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unanswered {
    /// Time without any response of the row.
    pub(crate) span: Duration,
    /// Number of these requests by the counters.
    pub(crate) requests: i64,
}

/// The state of a search for the time without responses, from the latest to the earliest sample.
#[derive(Debug)]
pub(crate) struct UnansweredSearch {
    min_silence: Duration,
    found: Unanswered,
}

impl UnansweredSearch {
    /// Creates a search for a row with this usual response time in milliseconds.
    pub(crate) fn new(usual: f64) -> Self {
        let usual = Duration::try_from_secs_f64(usual * MIN_SILENCE_FACTOR / 1000.0).unwrap_or(Duration::MAX);
        Self { min_silence: MIN_SILENCE.max(usual), found: Unanswered { span: Duration::ZERO, requests: 0 } }
    }

    /// Considers the growth since a sample `span` ago: the number of responses, and of the requests that began and did not
    /// end. Of those that began earlier, some may have ended, so that each sample gives a lower limit. Returns whether the
    /// search is over.
    pub(crate) fn consider(&mut self, span: Duration, responses: u32, waiting: impl FnOnce() -> i64) -> bool {
        if responses == 0 {
            self.found.span = span;
        } else if self.found.span < self.min_silence {
            return true;
        }
        self.found.requests = self.found.requests.max(waiting());
        false
    }

    /// Returns the requests that were found; `None` if the time without a response is short.
    pub(crate) fn finish(self) -> Option<Unanswered> {
        (self.found.span >= self.min_silence && self.found.requests > 0).then_some(self.found)
    }
}
