//! Figures that the rules, the table cells, the header and the performance data of `hapulse check` share.

use crate::haproxy::fields::Field;
use crate::history::interval_search::IntervalTime;
use crate::history::rates::RateWindow;
use crate::observe::row_ids::{BackendRows, RowId};
use crate::observe::sample::Sample;

/// Minimum number of responses or requests for which a share is computed; a share of fewer is not meaningful.
pub(crate) const MIN_EVENTS: f64 = 20.0;

/// Number of failures from which they count with fewer requests, if at least half of the requests failed.
pub(crate) const MIN_FAILURES: f64 = 3.0;

/// Returns whether failures are most of a few requests, and not by chance.
pub(crate) fn is_mostly(failures: f64, requests: f64) -> bool {
    failures >= MIN_FAILURES && failures * 2.0 >= requests
}

/// Returns the mean time of the requests of the last seconds for the row at `index` in the newest sample, known at least
/// roughly; `None` for too few requests. The field is one of HAProxy's means, such as `rtime`.
pub(crate) fn interval_time(rates: &RateWindow, index: usize, field: Field) -> Option<IntervalTime> {
    rates.rough_time(index, field)
}

/// Returns the share of 5xx among the responses of `rows` in the rate window, from 0 to 1; `None` if there are fewer
/// than [`MIN_EVENTS`] responses and only some of them are 5xx.
pub(crate) fn share_5xx(rates: &RateWindow, rows: &[RowId]) -> Option<f64> {
    share_5xx_of_growths(|class| rows_growth(rates, rows, class))
}

/// Returns the share of 5xx among responses, like [`share_5xx`], from the growth of each of [`Field::RESPONSES`].
pub(crate) fn share_5xx_of_growths(growth: impl Fn(Field) -> Option<i64>) -> Option<f64> {
    let (all, errors) = (response_count(&growth)?, growth(Field::Hrsp5xx)? as f64);
    (all >= MIN_EVENTS || is_mostly(errors, all)).then(|| (errors / all).min(1.0))
}

fn response_count(growth: impl Fn(Field) -> Option<i64>) -> Option<f64> {
    sum(Field::RESPONSES.into_iter().map(growth)).map(|count| count as f64)
}

fn rows_growth(rates: &RateWindow, rows: &[RowId], field: Field) -> Option<i64> {
    sum(rows.iter().map(|row| rates.growth(*row, field).map(|(grown, _)| grown)))
}

/// Returns the number of queued requests of a row; `None` if HAProxy does not report it. HAProxy's number for a backend
/// excludes the requests that are queued for the backend's servers, so this function adds the numbers of the servers; the
/// sum is unknown if the number of one of them is.
pub(crate) fn queued_requests(sample: &Sample, row: usize) -> Option<i64> {
    let backend = sample.rows.backend_of(row).filter(|backend| backend.row == row);
    let servers = backend.map_or(&[][..], |backend| &backend.servers);
    let mut numbers = std::iter::once(&row).chain(servers).map(|row| sample.table.number(*row, Field::Qcur));
    numbers.try_fold(0_i64, |sum, number| Some(sum.saturating_add(number?)))
}

/// Returns the sessions and the sum of the session limits of a backend's usable servers that have a limit; `None` if
/// no server has one, or the sessions of one of them are unknown.
pub(crate) fn limited_sessions(sample: &Sample, backend: Option<&BackendRows>) -> Option<(i64, i64)> {
    let usable = backend?.servers.iter().filter(|server| sample.table.rows()[**server].state().is_usable());
    let limited = usable.filter_map(|server| {
        let limit = sample.table.number(*server, Field::Slim).filter(|limit| *limit > 0)?;
        Some(sample.table.number(*server, Field::Scur).map(|sessions| (sessions, limit)))
    });
    limited
        .reduce(|sum, one| sum.zip(one).map(|(sum, one)| (sum.0.saturating_add(one.0), sum.1.saturating_add(one.1))))?
}

/// Returns the number of queued requests of all backends and servers; `None` if that of one of them is unknown, or there
/// are no backends.
pub(crate) fn total_queued_requests(sample: &Sample) -> Option<i64> {
    let queued = sample.rows.backends().iter().map(|backend| queued_requests(sample, backend.row));
    queued.reduce(|sum, queued| Some(sum?.saturating_add(queued?)))?
}

/// Returns the sum of the known numbers; `None` if all are unknown.
fn sum(numbers: impl Iterator<Item = Option<i64>>) -> Option<i64> {
    numbers.flatten().reduce(i64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleBuilder;

    #[test]
    fn queued_requests_are_unknown_if_the_number_of_a_server_is() {
        let queued = |server: &str| {
            let stat =
                format!("# pxname,svname,qcur,scur,slim,type,status,\nb,s,{server},2,UP,\nb,BACKEND,3,9,,1,UP,\n");
            let sample = SampleBuilder::default().build_at_millis(0, &stat);
            let limited = limited_sessions(&sample, sample.rows.backends().first());
            (queued_requests(&sample, 1), total_queued_requests(&sample), limited)
        };
        assert_eq!(queued("4,5,10"), (Some(7), Some(7), Some((5, 10))));
        assert_eq!(queued(",,10"), (None, None, None));
    }
}
