//! The moving means of one row ([`RowMeans`]), and the mean time of the requests between two of them.

use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::haproxy::stat_table::{RowKind, StatRow};
use crate::history::moving_mean::{IntervalMean, MeanKind, MovingMean, WINDOW};

/// The fields with moving means, in the order of [`RowMeans::millis`].
pub(crate) const TIME_FIELDS: [Field; 4] = [Field::Qtime, Field::Ctime, Field::Rtime, Field::Ttime];

/// Maximum share of the time span that the transfer of a response may take. HAProxy adds the times of a request at its
/// end but counts the response at its beginning, so that with long transfers the number of requests is uncertain.
const MAX_TRANSFER_SHARE: f64 = 0.125;

/// Marks an absent mean.
const ABSENT: u32 = u32::MAX;

/// The moving means of one row, and the numbers needed to compare them with earlier ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowMeans {
    /// The means of [`TIME_FIELDS`], in milliseconds; [`ABSENT`] if HAProxy does not report them.
    millis: [u32; 4],
    /// Number of requests whose times were added, of a server; the lowest 32 bits.
    requests: u32,
    /// Number of failures: 5xx responses, connections and responses that failed, and attempts that were repeated; the lowest
    /// 32 bits.
    pub(super) failed: u32,
    /// Number of requests that a server got and did not end, whose growth is the number of those that wait for a response;
    /// the lowest 32 bits.
    waiting: u32,
    /// The counter by which HAProxy divides while it is small, at most `u16::MAX`.
    divisor: u16,
}

impl RowMeans {
    const NONE: Self = Self { millis: [ABSENT; 4], requests: 0, failed: 0, waiting: 0, divisor: 0 };
    /// The means of a new server, which starts with 0 requests.
    pub(crate) const NEW: Self = Self { millis: [0; 4], requests: 0, failed: 0, waiting: 0, divisor: 0 };

    /// The fields that are needed: those of [`TIME_FIELDS`], the numbers of responses, and counters of requests and of their
    /// other ends.
    pub(crate) const FIELDS: [Field; 18] = Field::join(&[&TIME_FIELDS, &Field::RESPONSES, &Self::OTHER_COUNTERS]);
    const OTHER_COUNTERS: [Field; 8] = [
        Field::ReqTot,
        Field::Lbtot,
        Field::Econ,
        Field::Stot,
        Field::Eresp,
        Field::Wretr,
        Field::Wredis,
        Field::CliAbrt,
    ];

    /// Builds the means of a row from its numbers.
    ///
    /// Only responses of the server have a time: HAProxy answers 503 and 504 itself. Retries and redispatches are not
    /// counted twice.
    pub(crate) fn from_numbers(is_tcp: bool, number: impl Fn(Field) -> Option<i64>) -> Self {
        Self::from_values(is_tcp, &Self::FIELDS.map(number))
    }

    /// Builds the means of a row from the numbers of [`Self::FIELDS`], as [`Self::from_numbers`] does.
    pub(crate) fn from_values(is_tcp: bool, values: &[Option<i64>; 18]) -> Self {
        let ([qtime, ctime, rtime, ttime, rest @ ..], errors) = (*values, values[8].filter(|_| !is_tcp));
        let [responses @ .., req_tot, lbtot, econ, stot, eresp, wretr, wredis, cli_abrt] = rest;
        let millis = [qtime, ctime, rtime, ttime]
            .map(|mean| mean.map_or(ABSENT, |mean| mean.clamp(0, i64::from(ABSENT - 1)) as u32));
        if millis == Self::NONE.millis {
            return Self::NONE;
        }
        let responses = responses.into_iter().flatten().reduce(i64::wrapping_add).filter(|_| !is_tcp);
        let ends = [responses, econ, eresp, wretr, wredis, cli_abrt].into_iter().flatten();
        let waiting = stot.filter(|_| !is_tcp).map_or(0, |begun| ends.fold(begun, i64::wrapping_sub));
        let balanced = || Some(lbtot?.wrapping_sub(econ.unwrap_or(0)));
        let requests = responses.or_else(balanced).unwrap_or(0);
        let divisor = responses.map_or(lbtot.unwrap_or(0), |responses| req_tot.unwrap_or(responses));
        let failures = [errors, econ, eresp, wretr, wredis].into_iter().flatten();
        let failed = failures.fold(0, i64::wrapping_add) as u32;
        let (requests, waiting) = (requests as u32, waiting as u32);
        Self { millis, requests, failed, waiting, divisor: divisor.clamp(0, i64::from(u16::MAX)) as u16 }
    }

    /// Builds the means of a row from its texts and numbers.
    pub(crate) fn from_row(row: &StatRow, number: impl Fn(Field) -> Option<i64>) -> Self {
        match row.kind {
            RowKind::Frontend | RowKind::Listener => Self::NONE,
            RowKind::Backend | RowKind::Server => Self::from_numbers(row.is_tcp(), number),
        }
    }

    /// Returns true if HAProxy does not report means, or the sample does not contain the row.
    pub(crate) fn is_absent(&self) -> bool {
        self.millis == Self::NONE.millis
    }

    fn mean(&self, place: usize) -> Option<MovingMean> {
        let millis = self.millis[place];
        (millis != ABSENT).then_some(MovingMean { millis, divisor: u32::from(self.divisor) })
    }

    /// Returns the number of requests since an earlier state of the row, or `None` if its counters were reset or one of the
    /// states is not reported.
    pub(crate) fn requests_since(&self, before: &Self) -> Option<u32> {
        let grown = self.requests.wrapping_sub(before.requests);
        (grown <= u32::MAX / 2 && !self.is_absent() && !before.is_absent()).then_some(grown)
    }

    /// Returns the number of requests since an earlier state of the row that are in progress without a response; less than 0
    /// if requests from before were answered.
    pub(super) fn waiting_since(&self, before: &Self) -> i64 {
        i64::from(self.waiting.wrapping_sub(before.waiting).cast_signed())
    }

    /// Returns HAProxy's mean of the response times in milliseconds; `None` before the first response.
    pub(super) fn usual_response_time(&self, kind: MeanKind) -> Option<f64> {
        let mean = self.mean(2).filter(|_| self.requests > 0)?;
        let missing = if self.is_understated(kind) { f64::from(WINDOW) / f64::from(mean.divisor.max(1)) } else { 1.0 };
        Some(f64::from(mean.millis) * missing)
    }

    /// Returns the mean of `requests` requests since an earlier state of the row, `span` ago, or `None` if it is unknown.
    pub(crate) fn interval_mean(
        &self,
        before: &Self,
        kind: MeanKind,
        field: Field,
        requests: u32,
        span: Duration,
    ) -> Option<IntervalMean> {
        let place = TIME_FIELDS.iter().position(|known| *known == field)?;
        let mean = |place: usize| IntervalMean::between(kind, before.mean(place)?, self.mean(place)?, requests);
        let found = mean(place)?;
        if field == Field::Ttime {
            let waiting: f64 = (0..place).filter_map(|place| Some(mean(place)?.millis)).sum();
            let transfer = Duration::from_secs_f64((found.millis - waiting).max(0.0) / 1000.0);
            if transfer.as_secs_f64() > span.as_secs_f64() * MAX_TRANSFER_SHARE {
                return None;
            }
        }
        Some(found)
    }

    /// Returns true if HAProxy's means of this row are far too low, because of a version that divides the times of few
    /// requests by the size of the window.
    pub(super) fn is_understated(&self, kind: MeanKind) -> bool {
        kind == MeanKind::AlwaysMoving && u32::from(self.divisor) < WINDOW
    }
}
