//! Creation of a world that has already been running for some time.
//!
//! Simulating three days of uptime in steps would take too long, and counters near zero look unrealistic. Therefore one
//! minute is simulated and the totals are multiplied, which keeps the sums of servers, backends and frontends
//! consistent.

use std::time::Duration;

use fastrand::Rng;

use crate::demo::counters::{CounterId, Counters};
use crate::demo::log_lines::LogLines;
use crate::demo::site;
use crate::demo::world::{MAXCONN, World};

/// Maximum time that is simulated in steps, in milliseconds.
const MAX_SIMULATED_MS: u64 = 60_000;

impl World {
    /// Creates a world whose process has been running for `warm_up`; `unix_time` is the current time in seconds since
    /// 1970.
    pub fn new(seed: u64, warm_up: Duration, unix_time: u64, extra_backends: usize) -> Self {
        Self::after_steps(seed, warm_up, unix_time, extra_backends, MAX_SIMULATED_MS)
    }

    /// Creates a world like [`Self::new`], of which at most `max_simulated` milliseconds are simulated in steps.
    pub(super) fn after_steps(
        seed: u64,
        warm_up: Duration,
        unix_time: u64,
        extra_backends: usize,
        max_simulated: u64,
    ) -> Self {
        let past = u64::try_from(warm_up.as_millis()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4);
        let simulated = past.min(max_simulated);
        let start = past - simulated;
        let mut world = Self {
            clock: start,
            process_start: 0,
            scenario_start: u64::MAX,
            epoch: unix_time.saturating_sub(past / 1000),
            remainder: Duration::ZERO,
            pid: 14_201,
            maxconn: MAXCONN,
            proxies: site::build_proxies(start, extra_backends),
            extra_backends,
            counters: Counters::default(),
            last_id: 0,
            log: LogLines::default(),
            rng: Rng::with_seed(seed),
        };
        world.advance(Duration::from_millis(simulated));
        world.remainder = Duration::ZERO;
        world.extend_past(start, past / simulated.max(1));
        world.scenario_start = world.clock;
        world
    }

    /// Multiplies the totals of the simulated time by `factor`, and moves state changes back by `start` milliseconds,
    /// toward the process start.
    fn extend_past(&mut self, start: u64, factor: u64) {
        if factor < 2 {
            return;
        }
        let with_headroom = |max: u64, limit: u64| {
            if limit == 0 { max * 13 / 10 } else { (max * 13 / 10).min(limit) }
        };
        for counters in self.counters_mut() {
            counters.scale(factor);
            counters.times_max = counters.times_max.map(|time| time * 2);
            counters.sessions.max = with_headroom(counters.sessions.max, 0);
            counters.requests.max = with_headroom(counters.requests.max, 0);
            counters.connections.max = counters.sessions.max;
        }
        for proxy in &mut self.proxies {
            if let Some(frontend) = proxy.frontend.as_mut() {
                frontend.counters.current_max = with_headroom(frontend.counters.current_max, frontend.maxconn);
            }
            let Some(backend) = proxy.backend.as_mut() else {
                continue;
            };
            backend.counters.current_max = with_headroom(backend.counters.current_max, 0);
            backend.last_change = backend.last_change.saturating_sub(start);
            for session in &backend.active {
                // A session that is still open must be counted once, not `factor` times.
                let server = session.server.and_then(|i| backend.servers.get_mut(i)).map(|server| &mut server.counters);
                for counters in server.into_iter().chain([&mut backend.counters]) {
                    counters.totals[CounterId::Balanced] -= (factor - 1) * u64::from(session.is_balanced);
                    counters.totals[if session.is_reused { CounterId::Reuses } else { CounterId::Connects }] -=
                        factor - 1;
                }
            }
            for server in &mut backend.servers {
                server.counters.current_max = with_headroom(server.counters.current_max, server.maxconn);
                server.last_change = server.last_change.saturating_sub(start);
                if server.name == "static2" && start > 86_400_000 {
                    // This server has failed before, for a realistic history.
                    server.down_transitions = 2;
                    server.past_downtime = 61_000;
                    server.last_change = start - 19_000_000;
                    if let Some(check) = server.health_check.as_mut() {
                        check.failed_checks = 7;
                    }
                }
            }
        }
    }

    /// Implements `clear counters` and, with `all`, `clear counters all`.
    pub(crate) fn clear_counters(&mut self, all: bool) {
        if !all {
            self.counters_mut().for_each(Counters::clear_maxima);
            return;
        }
        // Like a real HAProxy 2.6, do not reset CumConns and CumReq of the process.
        self.counters.clear_maxima();
        self.counters_mut().skip(1).for_each(Counters::clear_all);
        for backend in self.proxies.iter_mut().filter_map(|proxy| proxy.backend.as_mut()) {
            backend.down_transitions = 0;
            for server in &mut backend.servers {
                server.down_transitions = 0;
                if let Some(check) = server.health_check.as_mut() {
                    check.failed_checks = 0;
                }
            }
        }
    }
}
