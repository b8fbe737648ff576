//! A backend's servers summed up, once a sample, for the rules that compare.

use crate::haproxy::fields::Field;
use crate::haproxy::status::State;
use crate::history::rates::Window;
use crate::observe::row_ids::Backend;
use crate::observe::sample::Sample;

/// Milliseconds below which a difference between servers troubles nobody, whatever the ratio.
pub const SLOWER_AT_LEAST: f64 = 20.0;

/// The servers of one backend.
#[derive(Debug, Default)]
pub struct Pool {
    /// How many there are.
    pub servers: usize,
    /// Those load balancing may choose, backup servers among them.
    pub usable: usize,
    /// Those that are down or coming up.
    pub down: usize,
    /// Those taken away on purpose: maintenance, drain.
    pub away: usize,
    /// Weight of the active servers that are usable.
    pub weight_up: f64,
    /// Weight of the active servers that should be: all but those taken away and those of weight 0.
    pub weight_due: f64,
    /// Requests waiting for this backend or one of its servers.
    pub queued: f64,
    /// Response times of the usable servers, in milliseconds, sorted; where they differ, of those with traffic.
    rtimes: Vec<f64>,
}

/// The backends of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Site {
    /// Backends that have servers.
    pub backends: usize,
    /// Those with a server left.
    pub alive: usize,
}

impl Pool {
    /// Sums up a backend; forgets the one before.
    pub fn fill(&mut self, sample: &Sample, window: &Window, backend: &Backend) {
        let rtimes = std::mem::take(&mut self.rtimes);
        *self = Self { servers: backend.servers.len(), rtimes, ..Self::default() };
        self.rtimes.clear();
        let rows = sample.table.rows();
        let number = |row: usize, field: Field| sample.table.number(row, field).map(|number| number as f64);
        self.queued = number(backend.row, Field::Qcur).unwrap_or(0.0);
        for server in &backend.servers {
            let state = rows[*server].state();
            self.queued += number(*server, Field::Qcur).unwrap_or(0.0);
            // The user's weight: the effective one is lower during slowstart.
            let weight = number(*server, Field::Uweight).or_else(|| number(*server, Field::Weight)).unwrap_or(1.0);
            let is_backup = number(*server, Field::Bck).is_some_and(|backup| backup > 0.0);
            match state {
                state if state.is_usable() => self.usable += 1,
                State::Down | State::ComingUp => self.down += 1,
                _ => self.away += 1,
            }
            if !is_backup && !is_away(state) {
                self.weight_due += weight;
                self.weight_up += if state.is_usable() { weight } else { 0.0 };
            }
            if state.is_usable() {
                self.rtimes.extend(number(*server, Field::Rtime));
            }
        }
        let (fastest, slowest) =
            self.rtimes.iter().fold((f64::MAX, f64::MIN), |(least, most), rtime| (least.min(*rtime), most.max(*rtime)));
        // Nearly all backends are even. Only where one is not, those that show a mean of long ago must go.
        if slowest - fastest >= SLOWER_AT_LEAST {
            self.rtimes.clear();
            let usable = backend.servers.iter().filter(|server| rows[**server].state().is_usable());
            let active = usable.filter(|server| {
                let served = Field::served(rows[**server].is_tcp(), number(**server, Field::ReqTot).is_some());
                window.growth_at(**server, served).is_some_and(|(grown, _)| grown > 0)
            });
            self.rtimes.extend(active.filter_map(|server| number(*server, Field::Rtime)));
        }
        self.rtimes.sort_unstable_by(f64::total_cmp);
    }

    /// Whether a server with this response time answers about as fast as the fastest of all.
    pub fn is_quick(&self, own: f64) -> bool {
        self.rtimes.first().is_some_and(|fastest| own - fastest < SLOWER_AT_LEAST)
    }

    /// The middle response time of the others, when a server has this one; absent without another active server.
    pub fn median_of_peers(&self, own: f64) -> Option<f64> {
        let place = self.rtimes.partition_point(|rtime| *rtime < own);
        let is_own = self.rtimes.get(place).is_some_and(|rtime| rtime.total_cmp(&own).is_eq());
        let others = self.rtimes.len() - usize::from(is_own);
        let other = |nth: usize| self.rtimes.get(if is_own && nth >= place { nth + 1 } else { nth }).copied();
        let middle = others.checked_sub(1)? / 2;
        Some(f64::midpoint(other(middle)?, other(others / 2)?))
    }
}

/// Whether somebody took a server in this state away on purpose.
pub fn is_away(state: State) -> bool {
    matches!(state, State::Maint | State::Drain | State::NoLb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleMaker, site};

    #[test]
    fn a_backend_is_summed_up_without_those_taken_away() {
        let sample = SampleMaker::default().at_millis(0, &site());
        let mut pool = Pool::default();
        pool.fill(&sample, &Window::default(), &sample.rows.backends()[1]);
        assert_eq!((pool.servers, pool.usable, pool.down, pool.away), (3, 1, 0, 2));
        assert_eq!((pool.weight_up, pool.weight_due, pool.queued), (100.0, 100.0, 8.0));
        pool.fill(&sample, &Window::default(), &sample.rows.backends()[2]);
        assert_eq!((pool.servers, pool.usable, pool.down, pool.weight_up, pool.weight_due), (1, 0, 1, 0.0, 1.0));
    }

    #[test]
    fn the_median_leaves_the_server_itself_out() {
        let pool = |rtimes: &[f64]| Pool { rtimes: rtimes.to_vec(), ..Pool::default() };
        assert_eq!(pool(&[]).median_of_peers(5.0), None);
        assert_eq!(pool(&[5.0]).median_of_peers(5.0), None, "no peers");
        assert_eq!(pool(&[50.0, 210.0]).median_of_peers(210.0), Some(50.0));
        assert_eq!(pool(&[50.0, 210.0]).median_of_peers(50.0), Some(210.0));
        assert_eq!(pool(&[10.0, 20.0, 30.0, 90.0]).median_of_peers(90.0), Some(20.0));
        assert_eq!(pool(&[10.0, 20.0, 40.0, 80.0, 90.0]).median_of_peers(20.0), Some(60.0));
        assert_eq!(pool(&[10.0, 10.0, 10.0]).median_of_peers(10.0), Some(10.0));
        assert_eq!(pool(&[10.0, 20.0]).median_of_peers(99.0), Some(15.0), "an idle server against the others");
    }
}
