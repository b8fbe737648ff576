//! Counters of a frontend, a backend or a server: the totals, rates, averages and maxima that `show stat` prints.
//!
//! The totals are an array indexed by an enum, so that all of them can be scaled or cleared at once.

use std::ops::{Index, IndexMut};

/// A monotonic counter. The comment of each variant names the column in `show stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CounterId {
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

/// Number of counters.
const COUNTER_COUNT: usize = CounterId::Reuses as usize + 1;

/// The monotonic counters of one frontend, backend or server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals([u64; COUNTER_COUNT]);

impl Totals {
    /// Multiplies every counter by `factor`, so that the sums of servers, backends and frontends stay consistent.
    pub(crate) fn multiply(&mut self, factor: u64) {
        for total in &mut self.0 {
            *total *= factor;
        }
    }
}

impl Index<CounterId> for Totals {
    type Output = u64;
    fn index(&self, count: CounterId) -> &u64 {
        &self.0[count as usize]
    }
}

impl IndexMut<CounterId> for Totals {
    fn index_mut(&mut self, count: CounterId) -> &mut u64 {
        &mut self.0[count as usize]
    }
}

/// Number of events in the last second, kept in ten slots of 100 ms, and the maximum of this number.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventRate {
    slots: [u64; 10],
    head: usize,
    /// Maximum since the process start or the last `clear counters`.
    pub(crate) max: u64,
}

impl EventRate {
    /// Adds events to the current slot.
    pub(crate) fn add(&mut self, events: u64) {
        self.slots[self.head] += events;
    }

    /// Ends the current slot of 100 ms and starts the next.
    pub(crate) fn end_slot(&mut self) {
        self.max = self.max.max(self.per_second());
        self.head = (self.head + 1) % self.slots.len();
        self.slots[self.head] = 0;
    }

    /// Sets the number of events in the last second.
    pub(crate) fn set_per_second(&mut self, events: f64) {
        let (events, slots) = (events.round() as u64, self.slots.len() as u64);
        self.slots = [events / slots; 10];
        self.slots[self.head] += events % slots;
        self.max = self.max.max(events);
    }

    /// Returns the number of events in the last second.
    pub(crate) fn per_second(&self) -> u64 {
        self.slots.iter().sum()
    }
}

/// Number of requests over which `HAProxy` averages its four times (`TIME_STATS_SAMPLES` in 2.6).
const AVERAGE_WINDOW: u64 = 512;

/// Milliseconds that a session spent in the queue, connecting, waiting for the response, and in total.
pub(crate) type SessionTimes = [u64; 4];

/// All counters of one frontend, backend or server. A name in backquotes is the column in `show stat`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    /// The monotonic counters.
    pub(crate) totals: Totals,
    /// `scur`
    pub(crate) current: u64,
    /// `smax`
    pub(crate) current_max: u64,
    /// `qmax`
    pub(crate) queue_max: u64,
    /// `rate`
    pub(crate) sessions: EventRate,
    /// `req_rate`
    pub(crate) requests: EventRate,
    /// `conn_rate`
    pub(crate) connections: EventRate,
    /// Bytes sent to clients per second.
    pub(crate) bytes_out: EventRate,
    averages: [f64; 4],
    timed_sessions: u64,
    /// `qtime_max`, `ctime_max`, `rtime_max`, `ttime_max`.
    pub(crate) times_max: SessionTimes,
    /// Time at which the last session was assigned to a server.
    pub(crate) last_session: Option<u64>,
}

impl Counters {
    /// Counts the start of a session.
    pub(crate) fn session_opened(&mut self) {
        self.current += 1;
        self.current_max = self.current_max.max(self.current);
    }

    /// Counts the end of a session.
    pub(crate) fn session_closed(&mut self) {
        self.current = self.current.saturating_sub(1);
    }

    /// Adds `amount` to one of the totals.
    pub(crate) fn add(&mut self, count: CounterId, amount: u64) {
        self.totals[count] += amount;
    }

    /// Counts a response and the request together, so that the sum of all response classes equals the number of
    /// requests.
    pub(crate) fn count_response(&mut self, class: CounterId) {
        self.totals[class] += 1;
        self.totals[CounterId::Requests] += 1;
        self.requests.add(1);
    }

    /// Updates the averages and maxima with the four times of an ended session.
    pub(crate) fn add_times(&mut self, times: SessionTimes) {
        self.timed_sessions += 1;
        let window = self.timed_sessions.min(AVERAGE_WINDOW) as f64;
        for (i, &time) in times.iter().enumerate() {
            self.averages[i] += (time as f64 - self.averages[i]) / window;
            self.times_max[i] = self.times_max[i].max(time);
        }
    }

    /// Updates the averages and maxima with the mean times of `count` sessions.
    pub(crate) fn add_mean_times(&mut self, times: [f64; 4], count: u64) {
        let known = self.timed_sessions.min(AVERAGE_WINDOW);
        // Until the window is full, the averages are those of all sessions.
        let first = count.min(AVERAGE_WINDOW - known);
        let share = if first == 0 { 0.0 } else { first as f64 / (known + first) as f64 };
        let kept = (1.0 - 1.0 / AVERAGE_WINDOW as f64).powf((count - first) as f64);
        for (i, time) in times.into_iter().enumerate() {
            let average = self.averages[i] + (time - self.averages[i]) * share;
            self.averages[i] = time + (average - time) * kept;
            self.times_max[i] = self.times_max[i].max((time * 3.0) as u64);
        }
        self.timed_sessions += count;
    }

    /// Returns the averages: `qtime`, `ctime`, `rtime`, `ttime`.
    pub(crate) fn times(&self) -> SessionTimes {
        self.averages.map(|average| average.round() as u64)
    }

    /// Ends the current slot of every rate.
    pub(crate) fn end_slot(&mut self) {
        self.sessions.end_slot();
        self.requests.end_slot();
        self.connections.end_slot();
        self.bytes_out.end_slot();
    }

    /// Implements `clear counters`: resets the maxima.
    pub(crate) fn clear_maxima(&mut self) {
        self.current_max = 0;
        self.queue_max = 0;
        self.times_max = SessionTimes::default();
        for rate in [&mut self.sessions, &mut self.requests, &mut self.connections, &mut self.bytes_out] {
            rate.max = 0;
        }
    }

    /// Implements `clear counters all`: resets everything except current values and rates.
    pub(crate) fn clear_all(&mut self) {
        self.clear_maxima();
        self.totals = Totals::default();
        self.averages = [0.0; 4];
        self.timed_sessions = 0;
        self.last_session = None;
    }

    /// Multiplies the totals by `factor`, but counts sessions that are still open only once.
    pub(crate) fn scale(&mut self, factor: u64) {
        self.totals.multiply(factor);
        let surplus = self.current * (factor - 1);
        for count in [CounterId::Sessions, CounterId::Connections] {
            self.totals[count] = self.totals[count].saturating_sub(surplus);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_rate_covers_one_second() {
        let mut rate = EventRate::default();
        for _ in 0..30 {
            rate.add(2);
            rate.end_slot();
        }
        assert_eq!(rate.per_second(), 18, "nine full slots and the one just begun");
        assert_eq!(rate.max, 20);
    }

    #[test]
    fn add_mean_times_equals_single_sessions() {
        for counts in [vec![1], vec![100, 700], vec![512, 1], vec![600, 600]] {
            let (mut one, mut many) = (Counters::default(), Counters::default());
            for (count, times) in counts.into_iter().zip([[40, 10, 400, 450], [0, 10, 90, 100]]) {
                (0..count).for_each(|_| one.add_times(times));
                many.add_mean_times(times.map(|time| time as f64), count);
            }
            assert_eq!(many.times(), one.times());
            let differences = many.averages.iter().zip(one.averages).map(|(many, one)| (many - one).abs());
            assert!(differences.fold(0.0, f64::max) < 1e-6);
        }
    }

    #[test]
    fn set_per_second_sets_the_rate() {
        let mut rate = EventRate::default();
        rate.set_per_second(123.4);
        assert_eq!((rate.per_second(), rate.max), (123, 123));
        rate.set_per_second(0.2);
        assert_eq!((rate.per_second(), rate.max), (0, 123));
    }

    #[test]
    fn add_times_moves_averages_to_new_values() {
        let mut counters = Counters::default();
        counters.add_times([0, 1, 50, 60]);
        assert_eq!(counters.times(), [0, 1, 50, 60]);
        for _ in 0..3000 {
            counters.add_times([0, 1, 200, 210]);
        }
        assert!(counters.times()[2] > 195);
        counters.clear_maxima();
        assert_eq!(counters.times_max, [0; 4]);
    }
}
