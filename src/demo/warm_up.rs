//! How a world comes to be: built, rehearsed, and given a past.
//!
//! A process that has run for three days cannot be stepped through, and one with counters at zero looks like
//! nobody's. So the first minute is really lived, and what it counted is multiplied: every sum between servers,
//! backends and frontends stays true, and costs a minute.

use std::time::Duration;

use fastrand::Rng;

use crate::demo::counters::{Count, Meter};
use crate::demo::site;
use crate::demo::world::{MAXCONN, World};

/// The most that is really lived, in milliseconds.
const REHEARSAL: u64 = 60_000;

impl World {
    /// A world whose process has run for `warm_up`; `wall` is the seconds since 1970, now.
    pub fn new(seed: u64, warm_up: Duration, wall: u64, extra_backends: usize) -> Self {
        let past = u64::try_from(warm_up.as_millis()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4);
        let lived = past.min(REHEARSAL);
        let from = past - lived;
        let mut world = Self {
            clock: from,
            started: 0,
            story_began: u64::MAX,
            epoch: wall.saturating_sub(past / 1000),
            remainder: Duration::ZERO,
            pid: 14_201,
            maxconn: MAXCONN,
            proxies: site::proxies(from, extra_backends),
            extra_backends,
            meter: Meter::default(),
            last_id: 0,
            rng: Rng::with_seed(seed),
        };
        world.advance(Duration::from_millis(lived));
        world.remainder = Duration::ZERO;
        world.stretch(from, past / lived.max(1));
        world.story_began = world.clock;
        world
    }

    /// Makes the rehearsal the past since `from` milliseconds ago, `factor` times as long.
    fn stretch(&mut self, from: u64, factor: u64) {
        if factor < 2 {
            return;
        }
        let busier = |max: u64, limit: u64| {
            if limit == 0 { max * 13 / 10 } else { (max * 13 / 10).min(limit) }
        };
        for meter in self.meters() {
            meter.scale(factor);
            meter.times_max = meter.times_max.map(|time| time * 2);
            meter.sessions.max = busier(meter.sessions.max, 0);
            meter.requests.max = busier(meter.requests.max, 0);
            meter.connections.max = meter.sessions.max;
        }
        for proxy in &mut self.proxies {
            if let Some(front) = proxy.front.as_mut() {
                front.meter.current_max = busier(front.meter.current_max, front.maxconn);
            }
            let Some(back) = proxy.back.as_mut() else {
                continue;
            };
            back.meter.current_max = busier(back.meter.current_max, 0);
            back.changed = back.changed.saturating_sub(from);
            for session in &back.active {
                // A session of now was counted once, not `factor` times.
                let server = session.server.and_then(|i| back.servers.get_mut(i)).map(|server| &mut server.meter);
                for meter in server.into_iter().chain([&mut back.meter]) {
                    meter.totals[Count::Balanced] -= (factor - 1) * u64::from(session.balanced);
                    meter.totals[if session.reused { Count::Reuses } else { Count::Connects }] -= factor - 1;
                }
            }
            for server in &mut back.servers {
                server.meter.current_max = busier(server.meter.current_max, server.maxconn);
                server.changed = server.changed.saturating_sub(from);
                if server.name == "static2" && from > 86_400_000 {
                    // It has failed before.
                    server.down_transitions = 2;
                    server.was_down = 61_000;
                    server.changed = from - 19_000_000;
                    if let Some(check) = server.check.as_mut() {
                        check.failed = 7;
                    }
                }
            }
        }
    }

    /// What `clear counters` (or, with `all`, `clear counters all`) does.
    pub(crate) fn clear_counters(&mut self, all: bool) {
        if !all {
            self.meters().for_each(Meter::clear_maxima);
            return;
        }
        // CumConns and CumReq of the process are not reset by a real HAProxy 2.6 either.
        self.meter.clear_maxima();
        self.meters().skip(1).for_each(Meter::clear_all);
        for back in self.proxies.iter_mut().filter_map(|proxy| proxy.back.as_mut()) {
            back.down_transitions = 0;
            for server in &mut back.servers {
                server.down_transitions = 0;
                if let Some(check) = server.check.as_mut() {
                    check.failed = 0;
                }
            }
        }
    }
}
