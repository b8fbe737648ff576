//! Totals over the servers of a backend, computed once per sample, for the rules that compare servers.

use crate::haproxy::fields::Field;
use crate::haproxy::status::RowState;
use crate::history::rates::RateWindow;
use crate::observe::row_ids::BackendRows;
use crate::observe::sample::Sample;
use crate::problems::figures;

/// Smallest difference of response times that counts, in milliseconds. Below it, the ratio does not matter.
pub const MIN_DIFFERENCE_MS: f64 = 20.0;

/// Totals over the servers of one backend.
#[derive(Debug, Default)]
pub struct BackendStats {
    /// Number of servers.
    pub servers: usize,
    /// Number of servers that can get new requests, including backup servers.
    pub usable: usize,
    /// Number of servers that are down or coming up.
    pub down: usize,
    /// Number of servers in maintenance or drain.
    pub out_of_service: usize,
    /// Total weight of the active (non-backup) servers that are usable.
    pub usable_weight: f64,
    /// Total weight of the active servers that are not out of service.
    pub expected_weight: f64,
    /// Number of requests in the queues of the backend and its servers.
    pub queued: f64,
    /// Sorted response times of the usable servers, in milliseconds. If they differ, only servers with traffic count.
    response_times: Vec<f64>,
}

/// Counts over the backends of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BackendCounts {
    /// Number of backends that have servers.
    pub with_servers: usize,
    /// Number of backends that have a usable server.
    pub with_usable_server: usize,
}

impl BackendStats {
    /// Replaces the totals by those of `backend`.
    pub fn recompute(&mut self, sample: &Sample, window: &RateWindow, backend: &BackendRows) {
        let response_times = std::mem::take(&mut self.response_times);
        *self = Self { servers: backend.servers.len(), response_times, ..Self::default() };
        self.response_times.clear();
        let rows = sample.table.rows();
        let number = |row: usize, field: Field| sample.table.number(row, field).map(|number| number as f64);
        self.queued = figures::queued_requests(sample, backend.row).unwrap_or(0) as f64;
        for server in &backend.servers {
            let state = rows[*server].state();
            // `uweight` is the configured weight; the effective one is lower during slowstart.
            let weight = number(*server, Field::Uweight).or_else(|| number(*server, Field::Weight)).unwrap_or(1.0);
            let is_backup = number(*server, Field::Bck).is_some_and(|backup| backup > 0.0);
            match state {
                state if state.is_usable() => self.usable += 1,
                RowState::Down | RowState::ComingUp => self.down += 1,
                _ => self.out_of_service += 1,
            }
            if !is_backup && !state.is_out_of_service() {
                self.expected_weight += weight;
                self.usable_weight += if state.is_usable() { weight } else { 0.0 };
            }
            if state.is_usable() {
                self.response_times.extend(number(*server, Field::Rtime));
            }
        }
        let (fastest, slowest) = self
            .response_times
            .iter()
            .fold((f64::MAX, f64::MIN), |(least, most), rtime| (least.min(*rtime), most.max(*rtime)));
        // Only if the response times differ, which is rare, servers without traffic are left out: their average is old.
        if slowest - fastest >= MIN_DIFFERENCE_MS {
            self.response_times.clear();
            let usable = backend.servers.iter().filter(|server| rows[**server].state().is_usable());
            let active = usable.filter(|server| {
                let served = Field::traffic_counter(rows[**server].is_tcp(), number(**server, Field::ReqTot).is_some());
                window.growth_at(**server, served).is_some_and(|(grown, _)| grown > 0)
            });
            self.response_times.extend(active.filter_map(|server| number(*server, Field::Rtime)));
        }
        self.response_times.sort_unstable_by(f64::total_cmp);
    }

    /// Returns whether a response time is close to that of the fastest server.
    pub fn is_near_fastest(&self, own: f64) -> bool {
        self.response_times.first().is_some_and(|fastest| own - fastest < MIN_DIFFERENCE_MS)
    }

    /// Returns the median response time of the other servers, for a server with response time `own`.
    ///
    /// `None` if no other server is active.
    pub fn median_of_peers(&self, own: f64) -> Option<f64> {
        let index = self.response_times.partition_point(|rtime| *rtime < own);
        let is_own = self.response_times.get(index).is_some_and(|rtime| rtime.total_cmp(&own).is_eq());
        let others = self.response_times.len() - usize::from(is_own);
        let other = |nth: usize| self.response_times.get(if is_own && nth >= index { nth + 1 } else { nth }).copied();
        let middle = others.checked_sub(1)? / 2;
        Some(f64::midpoint(other(middle)?, other(others / 2)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    #[test]
    fn recompute_excludes_servers_out_of_service() {
        let sample = SampleBuilder::default().build_at_millis(0, &stat_of_site());
        let mut stats = BackendStats::default();
        stats.recompute(&sample, &RateWindow::default(), &sample.rows.backends()[1]);
        assert_eq!((stats.servers, stats.usable, stats.down, stats.out_of_service), (3, 1, 0, 2));
        assert_eq!((stats.usable_weight, stats.expected_weight, stats.queued), (100.0, 100.0, 8.0));
        stats.recompute(&sample, &RateWindow::default(), &sample.rows.backends()[2]);
        assert_eq!(
            (stats.servers, stats.usable, stats.down, stats.usable_weight, stats.expected_weight),
            (1, 0, 1, 0.0, 1.0)
        );
    }

    #[test]
    fn median_of_peers_excludes_the_server_itself() {
        let stats = |rtimes: &[f64]| BackendStats { response_times: rtimes.to_vec(), ..BackendStats::default() };
        assert_eq!(stats(&[]).median_of_peers(5.0), None);
        assert_eq!(stats(&[5.0]).median_of_peers(5.0), None, "no peers");
        assert_eq!(stats(&[50.0, 210.0]).median_of_peers(210.0), Some(50.0));
        assert_eq!(stats(&[50.0, 210.0]).median_of_peers(50.0), Some(210.0));
        assert_eq!(stats(&[10.0, 20.0, 30.0, 90.0]).median_of_peers(90.0), Some(20.0));
        assert_eq!(stats(&[10.0, 20.0, 40.0, 80.0, 90.0]).median_of_peers(20.0), Some(60.0));
        assert_eq!(stats(&[10.0, 10.0, 10.0]).median_of_peers(10.0), Some(10.0));
        assert_eq!(stats(&[10.0, 20.0]).median_of_peers(99.0), Some(15.0), "an idle server compared with the others");
    }
}
