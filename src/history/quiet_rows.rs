//! Rows with few requests, whose failures are counted over up to a minute.
//!
//! The rate window of a few seconds contains too few of their requests to tell which share of them fails. [`QuietRows`]
//! therefore keeps their counters at an earlier sample: the latest one since which a row had [`ENOUGH_REQUESTS`].

use std::collections::BTreeMap;
use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::observe::row_ids::RowId;

/// Number of requests that are enough to tell a small share.
const ENOUGH_REQUESTS: i64 = 50;
/// Number of requests that are enough if almost all of them failed.
const ENOUGH_FAILURES: i64 = 4;

/// Number of the counters.
pub(super) const COUNT: usize = 17;
/// The counters that are kept: those of requests and of their ends.
pub(super) const COUNTERS: [Field; COUNT] = Field::join(&[&OTHER_COUNTERS, &Field::RESPONSES]);
/// The counters without those of responses.
const OTHER_COUNTERS: [Field; 11] = [
    Field::Stot,
    Field::Lbtot,
    Field::ReqTot,
    Field::Connect,
    Field::Reuse,
    Field::Econ,
    Field::Eresp,
    Field::Wretr,
    Field::Wredis,
    Field::CliAbrt,
    Field::SrvAbrt,
];

/// The counters of a row at an earlier sample.
#[derive(Debug, Clone)]
pub(crate) struct EarlierCounts {
    /// Time since that sample.
    pub(crate) span: Duration,
    /// The values of [`COUNTERS`].
    pub(super) values: [Option<i64>; COUNT],
    /// Sessions in progress at that sample.
    pub(crate) sessions: Option<i64>,
    /// False if the row had no failure in the last seconds: those before are over.
    pub(crate) has_failed_lately: bool,
}

impl EarlierCounts {
    /// Returns whether the requests since then tell which share of them fails: `now` returns the values of a sample.
    pub(super) fn is_enough(&self, requests: i64, now: impl Fn(Field) -> Option<i64>) -> bool {
        // HAProxy counts one failure in several of them, and some versions a failed response twice.
        let failures =
            [(Field::Hrsp5xx, 1), (Field::Econ, 1), (Field::Eresp, 2), (Field::Wretr, 1), (Field::Wredis, 1)];
        let grown = failures.into_iter().filter_map(|(field, times)| Some(self.growth(field, now(field))? / times));
        let failed = grown.max().unwrap_or(0);
        requests >= ENOUGH_REQUESTS
            || failed >= ENOUGH_FAILURES && failed.saturating_mul(10) >= requests.saturating_mul(9)
    }

    /// Returns the growth of a counter that is `now`; `None` for a field that is not kept, or was reset in between.
    pub(crate) fn growth(&self, field: Field, now: Option<i64>) -> Option<i64> {
        let place = COUNTERS.iter().position(|known| *known == field)?;
        now?.checked_sub(self.values[place]?).filter(|grown| *grown >= 0)
    }
}

/// The earlier counters of rows with few requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct QuietRows {
    /// Those of backends with few requests and of their servers, all of a backend at the same sample.
    pub(super) of_backends: BTreeMap<RowId, EarlierCounts>,
    /// Those of servers with few requests.
    pub(super) of_servers: BTreeMap<RowId, EarlierCounts>,
    /// Those of all servers of backends with few failures, all of a backend at the same sample, up to a minute ago.
    pub(super) for_comparison: BTreeMap<RowId, EarlierCounts>,
}

impl QuietRows {
    /// Returns the earlier counters of a row at the same sample as those of its backend; `None` if the backend is not quiet.
    pub(crate) fn within_backend(&self, row: RowId) -> Option<&EarlierCounts> {
        self.of_backends.get(&row)
    }

    /// Returns the earlier counters of a server with few requests, or else those at the sample of its backend.
    pub(crate) fn of_server(&self, row: RowId) -> Option<&EarlierCounts> {
        self.of_servers.get(&row).or_else(|| self.within_backend(row))
    }

    /// Returns the earlier counters of a server for the comparison with the others of its backend; `None` if the backend has
    /// enough failures in the rate window.
    pub(crate) fn for_comparison(&self, row: RowId) -> Option<&EarlierCounts> {
        self.for_comparison.get(&row)
    }
}
