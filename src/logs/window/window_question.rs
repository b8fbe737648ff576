//! A question about the requests of the last minutes.

use std::time::Duration;

use crate::logs::group_key::GroupKey;
use crate::logs::request::Phase;
use crate::logs::request_filter::RequestFilter;

/// The rows of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportSubject {
    /// Groups by a property.
    Groups(GroupKey),
    /// The requests with the longest time of the phase.
    Slowest,
    /// The newest requests that failed.
    Failed,
    /// The newest requests.
    Newest,
}

/// The groups that are reported if there are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupRank {
    /// Those with most requests.
    Requests,
    /// Those with the longest time.
    Time,
    /// Those with most requests that failed.
    Failures,
}

/// A question about the requests of the last minutes.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowQuestion {
    /// Number of the question, which its answer has, too.
    pub(crate) number: u64,
    /// Rows to report.
    pub(crate) subject: ReportSubject,
    /// Span of time until now.
    pub(crate) span: Duration,
    /// Phase whose times count.
    pub(crate) phase: Phase,
    /// Which requests count.
    pub(crate) filter: RequestFilter,
    /// The groups that are reported if there are too many.
    pub(crate) rank: GroupRank,
}
