//! Totals over the servers of a backend, computed once per sample, for the rules that compare servers.

use crate::haproxy::fields::Field;
use crate::haproxy::status::RowState;
use crate::history::rates::RateWindow;
use crate::observe::row_ids::BackendRows;
use crate::observe::sample::Sample;
use crate::problems::check_starts::CheckStarts;
use crate::problems::figures;

/// Minimum difference between two response times that counts, in milliseconds. Smaller differences are ignored,
/// whatever the ratio of the response times.
pub(crate) const MIN_DIFFERENCE_MS: f64 = 20.0;

/// Ratio of two response times below which they are about the same.
const ALIKE: f64 = 2.0;

/// Totals over the servers of one backend.
#[derive(Debug, Default)]
pub(crate) struct BackendStats {
    /// Number of servers in the backend, without unused slots.
    pub(crate) servers: usize,
    /// Number of servers that can get new requests, including backup servers.
    pub(crate) usable: usize,
    /// Number of servers that are down or coming up; backup servers count only while no active server is usable.
    pub(crate) down: usize,
    /// Number of servers in maintenance or drain, and of those that went down during a drain not long ago, without those that
    /// are not resolved.
    pub(crate) out_of_service: usize,
    /// Number of servers for which DNS has no address.
    pub(crate) unresolved: usize,
    /// Number of servers with a status that hapulse does not know.
    pub(crate) unknown: usize,
    /// True if an active (non-backup) server is usable.
    pub(crate) has_active: bool,
    /// Total weight of the active (non-backup) servers that are usable.
    pub(crate) usable_weight: f64,
    /// Total weight of the active servers that are not out of service.
    pub(crate) expected_weight: f64,
    /// Number of requests in the queues of the backend and its servers; `None` if it is unknown.
    pub(crate) queued: Option<f64>,
    /// Response times of the usable servers in the last seconds, in milliseconds, ascending: the most that they can be.
    /// Servers with too few requests are left out.
    response_times: Vec<f64>,
}

/// Counts of the backends of one HAProxy process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BackendCounts {
    /// Number of backends that have servers.
    pub(crate) with_servers: usize,
    /// Number of backends that have at least one usable server.
    pub(crate) with_usable_server: usize,
}

impl BackendStats {
    /// Replaces the totals with those of `backend`.
    pub(crate) fn recompute(
        &mut self,
        sample: &Sample,
        window: &RateWindow,
        starts: &CheckStarts,
        backend: &BackendRows,
    ) {
        let response_times = std::mem::take(&mut self.response_times);
        *self = Self { servers: backend.servers.len(), response_times, ..Self::default() };
        self.response_times.clear();
        let rows = sample.table.rows();
        let number = |row: usize, field: Field| sample.table.number(row, field).map(|number| number as f64);
        self.queued = figures::queued_requests(sample, backend.row).map(|queued| queued as f64);
        let slots = sample.unused_slots();
        let mut backups_down = 0;
        for server in &backend.servers {
            let state = rows[*server].state();
            if slots.contains(*server) {
                self.servers -= 1;
                continue;
            }
            // `uweight` is the weight that was set; the effective `weight` is lower during slowstart.
            let weight = number(*server, Field::Uweight).or_else(|| number(*server, Field::Weight)).unwrap_or(1.0);
            let is_backup = number(*server, Field::Bck).is_some_and(|backup| backup > 0.0);
            let is_down = matches!(state, RowState::Down | RowState::ComingUp);
            let is_ordered = state.is_out_of_service()
                || is_down && starts.is_down_in_drain(sample.rows.ids()[*server], sample.at.monotonic);
            match state {
                state if state.is_usable() => {
                    self.usable += 1;
                    self.has_active |= !is_backup;
                }
                _ if rows[*server].is_unresolved() => self.unresolved += 1,
                RowState::Unknown => self.unknown += 1,
                _ if !is_down || is_ordered => self.out_of_service += 1,
                _ if is_backup => backups_down += 1,
                _ => self.down += 1,
            }
            if !is_backup && !is_ordered {
                self.expected_weight += weight;
                self.usable_weight += if state.is_usable() { weight } else { 0.0 };
            }
            if state.is_usable() {
                let time = figures::interval_time(window, *server, Field::Rtime);
                self.response_times.extend(time.map(|time| time.at_most()));
            }
        }
        self.down += if self.has_active { 0 } else { backups_down };
        self.response_times.sort_unstable_by(f64::total_cmp);
    }

    /// Returns whether the response time `own` exceeds that of the fastest of several servers by less than
    /// [`MIN_DIFFERENCE_MS`].
    pub(crate) fn is_near_fastest(&self, own: f64) -> bool {
        matches!(self.response_times.as_slice(), [fastest, _, ..] if own - fastest < MIN_DIFFERENCE_MS)
    }

    /// Returns the median response time of the other servers, for a server whose response time is `own` at most. If half of
    /// the others are about as slow as this one, the median is their time: most of the servers are slow.
    ///
    /// Returns `None` if no other server has a response time.
    pub(crate) fn median_of_peers(&self, own: f64) -> Option<f64> {
        let index = self.response_times.partition_point(|rtime| *rtime < own);
        let is_own = self.response_times.get(index).is_some_and(|rtime| rtime.total_cmp(&own).is_eq());
        let others = self.response_times.len() - usize::from(is_own);
        let other = |nth: usize| self.response_times.get(if is_own && nth >= index { nth + 1 } else { nth }).copied();
        let middle = others.checked_sub(1)? / 2;
        let (faster, slower) = (other(middle)?, other(others / 2)?);
        let median = f64::midpoint(faster, slower);
        Some(if own > median && own < slower * ALIKE { slower } else { median })
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
        stats.recompute(&sample, &RateWindow::default(), &CheckStarts::default(), &sample.rows.backends()[1]);
        assert_eq!((stats.servers, stats.usable, stats.down, stats.out_of_service), (3, 1, 0, 2));
        assert_eq!((stats.usable_weight, stats.expected_weight, stats.queued), (100.0, 100.0, Some(8.0)));
        stats.recompute(&sample, &RateWindow::default(), &CheckStarts::default(), &sample.rows.backends()[2]);
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
        assert_eq!(stats(&[1.0, 1200.0, 1210.0]).median_of_peers(1200.0), Some(1210.0), "two of three are slow");
        assert_eq!(stats(&[1.0, 2.0, 1210.0]).median_of_peers(1210.0), Some(1.5));
        assert_eq!(stats(&[10.0, 20.0]).median_of_peers(99.0), Some(15.0), "an idle server compared with the others");
    }
}
