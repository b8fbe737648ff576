//! Finds the rows with few requests, and reads their earlier counters from the history.

use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::history::block::Series;
use crate::history::interval_times::MAX_SPAN;
use crate::history::quiet_rows::{COUNT, COUNTERS, EarlierCounts, QuietRows};
use crate::history::rates::RateWindow;
use crate::history::store::History;
use crate::observe::sample::Sample;

/// Number of requests in the rate window from which a row is not quiet.
const FEW_REQUESTS: i64 = 20;
/// Time without a failure after which earlier failures do not count.
const FAILURE_TIME: Duration = Duration::from_secs(8);
/// Number of requests of a backend in the rate window from which its servers can be compared by it alone.
const MANY_REQUESTS: i64 = 500;
/// Number of requests of a backend that are enough to compare its servers.
const ENOUGH_TO_COMPARE: i64 = 600;
/// Maximum number of rows that are read from the history for one sample.
const MAX_READS: usize = 128;

/// Sets the rows of a rate window that have few requests at its newest sample and a failure not long before. After a repair,
/// the failures before it therefore do not count.
pub(crate) fn update(rates: &mut RateWindow, history: &History) {
    let found = find(history, rates);
    rates.set_quiet_rows(found);
}

fn find(history: &History, rates: &RateWindow) -> QuietRows {
    let mut found = QuietRows::default();
    let Some(newest) = rates.newest() else { return found };
    let failing = rates.times().rows_with_failures(FAILURE_TIME);
    let has_failed = |row: usize| failing.binary_search(&row).is_ok();
    let has_fewer = |row: usize, limit: i64| {
        has_failed(row) && rates.growth_at(row, Field::Stot).is_some_and(|(requests, _)| requests < limit)
    };
    let reader = EarlierReader { history, newest };
    let ids = newest.rows.ids();
    let mut reads_left = if failing.is_empty() { 0 } else { MAX_READS };
    for backend in newest.rows.backends() {
        if reads_left == 0 {
            break;
        }
        let of_servers = |at: Duration| {
            let servers = backend.servers.iter();
            let counts = servers.map(move |server| (*server, reader.counts_at(*server, at)));
            counts.filter_map(|(server, counts)| {
                Some((ids[server], EarlierCounts { has_failed_lately: has_failed(server), ..counts? }))
            })
        };
        let rows = 1 + backend.servers.len();
        if has_fewer(backend.row, FEW_REQUESTS)
            && rows <= reads_left
            && let Some((at, counts)) = reader.counts_before(backend.row, None)
        {
            reads_left -= rows;
            found.of_backends.insert(ids[backend.row], counts);
            found.of_backends.extend(of_servers(at));
        }
        for server in backend.servers.iter().filter(|server| has_fewer(**server, FEW_REQUESTS)).take(reads_left) {
            reads_left -= 1;
            let counts = reader.counts_before(*server, None);
            found.of_servers.extend(counts.map(|(_, counts)| (ids[*server], counts)));
        }
        if backend.servers.len() > 1
            && has_fewer(backend.row, MANY_REQUESTS)
            && rows <= reads_left
            && let Some((at, _)) = reader.counts_before(backend.row, Some(ENOUGH_TO_COMPARE))
        {
            reads_left -= rows;
            found.for_comparison.extend(of_servers(at));
        }
    }
    found
}

/// Reads the counters of rows at samples before the newest one.
#[derive(Clone, Copy)]
struct EarlierReader<'a> {
    history: &'a History,
    newest: &'a Sample,
}

impl EarlierReader<'_> {
    /// Reads the counters of a row at the latest sample since which it had enough requests, or this number, or at the earliest
    /// one of the last minute, with the time of the sample.
    fn counts_before(self, row: usize, enough: Option<i64>) -> Option<(Duration, EarlierCounts)> {
        let now = |field| self.newest.table.number(row, field);
        let requests = now(Field::Stot)?;
        let mut samples = self.read(row, self.newest.at.monotonic.saturating_sub(MAX_SPAN));
        let mut found = None;
        while let Some((at, counts)) = samples.pop() {
            let Some(grown) = counts.growth(Field::Stot, Some(requests)) else { break };
            let is_enough = enough.map_or_else(|| counts.is_enough(grown, now), |enough| grown >= enough);
            found = Some((at, counts));
            if is_enough {
                break;
            }
        }
        found
    }

    /// Reads the counters of a row at the sample at `at`. A server that did not exist then has no counters.
    fn counts_at(self, row: usize, at: Duration) -> Option<EarlierCounts> {
        self.read(row, at).into_iter().next().filter(|(first, _)| *first == at).map(|(_, counts)| counts)
    }

    /// Reads the counters of a row at the samples of the same process since a time, oldest first.
    fn read(self, row: usize, since: Duration) -> Vec<(Duration, EarlierCounts)> {
        let Self { history, newest } = self;
        let series: Vec<Series> = COUNTERS.into_iter().chain([Field::Scur]).map(Series::Stat).collect();
        let now = newest.at.monotonic;
        let mut samples = Vec::new();
        history.read_row(newest.rows.ids()[row], &series, since..=now, |header, values| {
            let is_earlier = header.epoch == newest.epoch.number && header.seq < newest.seq;
            let Some([values @ .., sessions]) = values.filter(|_| is_earlier) else { return };
            let Ok(values) = <[Option<i64>; COUNT]>::try_from(values) else { return };
            let (span, sessions) = (now.saturating_sub(header.at), *sessions);
            samples.push((header.at, EarlierCounts { span, values, sessions, has_failed_lately: true }));
        });
        samples
    }
}
