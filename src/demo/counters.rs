//! What is counted, at a frontend, a backend or a server alike: totals, rates, averages and maxima.
//!
//! A `Meter` knows nothing of proxies; it is told what happened and keeps the numbers that `show stat` prints.
//! Totals are an array with an enum for index, so that scaling them for the warm-up and clearing them are each
//! one line and no counter can be forgotten.

use std::ops::{Index, IndexMut};

/// One monotonic counter; the comment names its column in `show stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// `stot`
    Sessions,
    /// `lbtot`
    Balanced,
    /// `bin`
    BytesIn,
    /// `bout`
    BytesOut,
    /// `dreq`
    DeniedRequests,
    /// `ereq`
    BadRequests,
    /// `econ`
    FailedConnections,
    /// `eresp`
    BadResponses,
    /// `wretr`
    Retries,
    /// `wredis`
    Redispatches,
    /// `hrsp_2xx`
    Hrsp2xx,
    /// `hrsp_3xx`
    Hrsp3xx,
    /// `hrsp_4xx`
    Hrsp4xx,
    /// `hrsp_5xx`
    Hrsp5xx,
    /// `hrsp_other`
    HrspOther,
    /// `req_tot`
    Requests,
    /// `cli_abrt`
    ClientAborts,
    /// `srv_abrt`
    ServerAborts,
    /// `conn_tot`
    Connections,
    /// `intercepted`
    Intercepted,
    /// `connect`
    Connects,
    /// `reuse`
    Reuses,
}

/// How many counters there are.
const COUNTS: usize = Count::Reuses as usize + 1;

/// All monotonic counters of one object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals([u64; COUNTS]);

impl Totals {
    /// Multiplies every counter, which keeps all sums between objects true.
    pub(crate) fn scale(&mut self, factor: u64) {
        for total in &mut self.0 {
            *total *= factor;
        }
    }
}

impl Index<Count> for Totals {
    type Output = u64;
    fn index(&self, count: Count) -> &u64 {
        &self.0[count as usize]
    }
}

impl IndexMut<Count> for Totals {
    fn index_mut(&mut self, count: Count) -> &mut u64 {
        &mut self.0[count as usize]
    }
}

/// Events in the last second, in ten slots of 100 ms, and the most there ever were.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rate {
    slots: [u64; 10],
    head: usize,
    /// The highest value since the start or the last `clear counters`.
    pub max: u64,
}

impl Rate {
    /// Counts events that happen now.
    pub(crate) fn add(&mut self, events: u64) {
        self.slots[self.head] += events;
    }

    /// Ends the current 100 ms.
    pub(crate) fn roll(&mut self) {
        self.max = self.max.max(self.per_second());
        self.head = (self.head + 1) % self.slots.len();
        self.slots[self.head] = 0;
    }

    /// Events in the last second.
    pub(crate) fn per_second(&self) -> u64 {
        self.slots.iter().sum()
    }
}

/// `HAProxy` averages its four times over this many requests (`TIME_STATS_SAMPLES` in 2.6).
const SAMPLES: u64 = 512;

/// Milliseconds in the queue, to connect, to respond, and in all.
pub(crate) type Times = [u64; 4];

/// Everything counted at one frontend, backend or server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    /// The monotonic counters.
    pub totals: Totals,
    /// `scur`
    pub current: u64,
    /// `smax`
    pub current_max: u64,
    /// `qmax`
    pub queue_max: u64,
    /// `rate`
    pub sessions: Rate,
    /// `req_rate`
    pub requests: Rate,
    /// `conn_rate`
    pub connections: Rate,
    /// Bytes sent to clients in the last second.
    pub bytes_out: Rate,
    averages: [f64; 4],
    timed: u64,
    /// `qtime_max` and its sisters.
    pub times_max: Times,
    /// When the last session was assigned, on the world's clock.
    pub last_session: Option<u64>,
}

impl Meter {
    /// One session more, now.
    pub(crate) fn open(&mut self) {
        self.current += 1;
        self.current_max = self.current_max.max(self.current);
    }

    /// One session fewer, now.
    pub(crate) fn close(&mut self) {
        self.current = self.current.saturating_sub(1);
    }

    /// Adds to one counter.
    pub(crate) fn add(&mut self, count: Count, amount: u64) {
        self.totals[count] += amount;
    }

    /// Counts a response and its request, so that the classes always sum to the requests.
    pub(crate) fn response(&mut self, class: Count) {
        self.totals[class] += 1;
        self.totals[Count::Requests] += 1;
        self.requests.add(1);
    }

    /// Takes the four times of a finished session into the averages.
    pub(crate) fn timed(&mut self, times: Times) {
        self.timed += 1;
        let window = self.timed.min(SAMPLES) as f64;
        for (i, &time) in times.iter().enumerate() {
            self.averages[i] += (time as f64 - self.averages[i]) / window;
            self.times_max[i] = self.times_max[i].max(time);
        }
    }

    /// `qtime`, `ctime`, `rtime`, `ttime`.
    pub(crate) fn times(&self) -> Times {
        self.averages.map(|average| average.round() as u64)
    }

    /// Ends the current 100 ms.
    pub(crate) fn roll(&mut self) {
        self.sessions.roll();
        self.requests.roll();
        self.connections.roll();
        self.bytes_out.roll();
    }

    /// What plain `clear counters` does: only maxima go.
    pub(crate) fn clear_maxima(&mut self) {
        self.current_max = 0;
        self.queue_max = 0;
        self.times_max = Times::default();
        for rate in [&mut self.sessions, &mut self.requests, &mut self.connections, &mut self.bytes_out] {
            rate.max = 0;
        }
    }

    /// What `clear counters all` does; gauges and rates stay.
    pub(crate) fn clear_all(&mut self) {
        self.clear_maxima();
        self.totals = Totals::default();
        self.averages = [0.0; 4];
        self.timed = 0;
        self.last_session = None;
    }

    /// Makes the totals those of a past `factor` times as long, with the sessions of now still open.
    pub(crate) fn scale(&mut self, factor: u64) {
        self.totals.scale(factor);
        let surplus = self.current * (factor - 1);
        for count in [Count::Sessions, Count::Connections] {
            self.totals[count] = self.totals[count].saturating_sub(surplus);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_covers_one_second() {
        let mut rate = Rate::default();
        for _ in 0..30 {
            rate.add(2);
            rate.roll();
        }
        assert_eq!(rate.per_second(), 18, "nine full slots and the one just begun");
        assert_eq!(rate.max, 20);
    }

    #[test]
    fn averages_follow_new_values() {
        let mut meter = Meter::default();
        meter.timed([0, 1, 50, 60]);
        assert_eq!(meter.times(), [0, 1, 50, 60]);
        for _ in 0..3000 {
            meter.timed([0, 1, 200, 210]);
        }
        assert!(meter.times()[2] > 195);
        meter.clear_maxima();
        assert_eq!(meter.times_max, [0; 4]);
    }
}
