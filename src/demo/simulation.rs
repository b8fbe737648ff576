//! How the world moves: time in, changes out.
//!
//! `advance` is the only door, and time is its argument. It moves in steps of 100 ms, whatever it is given, so
//! that a world is the same after ten minutes at once and after ten minutes in small pieces. Within a step,
//! traffic moves in quarters; checks, the story and the rates move once.

use std::time::Duration;

use fastrand::Rng;

use crate::demo::client_session::{Ended, Session, client_address};
use crate::demo::counters::{Count, Meter};
use crate::demo::proxy::{Back, Door, Front, Mode, Proxy};
use crate::demo::scenario;
use crate::demo::session_flow;
use crate::demo::site;
use crate::demo::world::{MAXCONN, World};

/// The length of a step.
const STEP: Duration = Duration::from_millis(100);
/// Milliseconds of a step, and of a quarter of it.
const STEP_MS: u64 = 100;
const QUARTER_MS: u64 = 25;

/// How many clients the site has.
const CLIENTS: f64 = 64.0;
/// Who logs in, by client.
const USERS: [&str; 8] = ["ann", "ben", "carla", "dmitri", "eve", "fatima", "goran", "hana"];
/// A client's kept connection is closed after this many seconds, on average.
const KEEP_ALIVE: f64 = 10.0;

impl World {
    /// Lets time pass; what is left of a step waits for the next call.
    pub fn advance(&mut self, time: Duration) {
        self.remainder += time;
        while self.remainder >= STEP {
            self.remainder -= STEP;
            self.step();
        }
    }

    fn step(&mut self) {
        let story = self.clock.saturating_sub(self.story_began);
        scenario::apply(&mut self.proxies, story);
        for front in self.proxies.iter_mut().filter_map(|proxy| proxy.front.as_mut()) {
            front.noise += (self.rng.f64() - 0.5) * 0.06 - front.noise * 0.05;
        }
        for _ in 0..STEP_MS / QUARTER_MS {
            self.clock += QUARTER_MS;
            self.finish_sessions();
            self.begin_sessions();
        }
        let now = self.clock;
        for back in self.proxies.iter_mut().filter_map(|proxy| proxy.back.as_mut()) {
            for server in &mut back.servers {
                let duration = (self.rng.u64(1..=4) as f64 * server.ordeal.slow) as u64;
                server.run_checks(now, duration);
            }
            back.look(now);
            session_flow::drift(back, now, STEP.as_secs_f64());
        }
        for table in self.proxies.iter_mut().filter_map(|proxy| proxy.table.as_mut()) {
            table.expire(now);
        }
        self.meters().for_each(Meter::roll);
        if scenario::reloads_at(story, STEP_MS) {
            self.reload();
        }
    }

    /// A new process takes over: nothing that was counted or set at runtime survives.
    fn reload(&mut self) {
        self.started = self.clock;
        self.pid += self.rng.u32(40..900);
        self.maxconn = MAXCONN;
        self.meter = Meter::default();
        self.last_id = 0;
        self.proxies = site::proxies(self.clock, self.extra_backends);
    }

    fn finish_sessions(&mut self) {
        for b in 0..self.proxies.len() {
            let mode = self.proxies[b].mode;
            let Some(back) = self.proxies[b].back.as_mut() else {
                continue;
            };
            let ended = session_flow::progress(back, mode, self.clock, &mut self.rng);
            self.leave(b, ended);
        }
    }

    /// Tells the frontends and the tables of sessions that ended in a backend.
    pub(crate) fn leave(&mut self, b: usize, ended: impl IntoIterator<Item = Ended>) {
        for ended in ended {
            let refused = ended.class == Some(Count::Hrsp4xx);
            for table in [ended.front, b] {
                if let Some(table) = self.proxies.get_mut(table).and_then(|proxy| proxy.table.as_mut()) {
                    table.end(&key(table.kind, ended.client), refused);
                }
            }
            let Some(proxy) = self.proxies.get_mut(ended.front) else {
                continue;
            };
            let Some(front) = proxy.front.as_mut() else {
                continue;
            };
            for meter in [&mut front.meter, &mut self.meter] {
                meter.add(Count::BytesIn, ended.bytes_in);
                meter.add(Count::BytesOut, ended.bytes_out);
                meter.bytes_out.add(ended.bytes_out);
                meter.add(Count::ClientAborts, u64::from(ended.abort));
                if let Some(class) = ended.class {
                    meter.response(class);
                }
            }
            let kept = proxy.mode == Mode::Http && front.door == Door::Open && !ended.abort;
            if kept && self.rng.u8(0..10) > 0 {
                front.idle += 1;
            } else {
                front.meter.close();
            }
        }
    }

    fn begin_sessions(&mut self) {
        let seconds = QUARTER_MS as f64 / 1000.0;
        for f in 0..self.proxies.len() {
            let (story, clock) = (self.clock.saturating_sub(self.story_began), self.clock as f64 / 1000.0);
            let Some(front) = self.proxies[f].front.as_mut() else {
                continue;
            };
            let mean = front.idle as f64 * seconds / KEEP_ALIVE;
            let closed = poisson(mean, &mut self.rng).min(front.idle);
            front.idle -= closed;
            (0..closed).for_each(|_| front.meter.close());
            if front.door == Door::Shut {
                continue;
            }
            let swell = swell(front, clock);
            if front.routes.is_empty() {
                self.watch_statistics(f, seconds);
                continue;
            }
            for r in 0..self.proxies[f].front.as_ref().map_or(0, |front| front.routes.len()) {
                let Some(route) = self.proxies[f].front.as_ref().and_then(|front| front.routes.get(r)).cloned() else {
                    continue;
                };
                let Some(back) = self.proxies[route.back].back.as_ref() else {
                    continue;
                };
                // Clients that wait do not ask again, so a queue grows slower the longer it is.
                let patience = 1.0 + back.waiting() as f64 / 60.0;
                let demand = ramp(back.demand, story);
                let mean = route.rate * swell * demand / patience * seconds;
                for _ in 0..poisson(mean, &mut self.rng) {
                    self.arrive(f, route.back);
                }
            }
        }
    }

    /// One request, or connection in TCP mode, reaches a frontend.
    fn arrive(&mut self, f: usize, b: usize) {
        let room = self.connections() < self.maxconn;
        let proxy = &mut self.proxies[f];
        let Some(front) = proxy.front.as_mut() else {
            return;
        };
        if proxy.mode == Mode::Http && front.idle > 0 && self.rng.u8(0..100) < 72 {
            front.idle -= 1;
        } else if front.door == Door::Open && room && front.meter.current < front.maxconn {
            connect(front, &mut self.meter);
        } else {
            return;
        }
        if proxy.mode == Mode::Http && self.rng.u32(0..1000) < 3 {
            let bad = self.rng.u32(0..3) == 0;
            if bad {
                front.last_bad = Some((self.clock, self.rng.u16(0..CLIENTS as u16)));
            }
            for meter in [&mut front.meter, &mut self.meter] {
                meter.add(if bad { Count::BadRequests } else { Count::DeniedRequests }, 1);
                meter.add(Count::BytesIn, 260);
                meter.add(Count::BytesOut, 192);
                meter.response(Count::Hrsp4xx);
            }
            front.meter.close();
            return;
        }
        let client = (self.rng.f64().powi(2) * CLIENTS) as u16;
        for table in [f, b] {
            if let Some(table) = self.proxies[table].table.as_mut() {
                table.begin(&key(table.kind, client), self.clock);
            }
        }
        self.last_id += 1;
        let Proxy { mode, back: Some(back), .. } = &mut self.proxies[b] else {
            return;
        };
        let session = Session {
            id: self.last_id,
            front: f,
            client,
            port: self.rng.u16(32_768..=60_999),
            born: self.clock,
            cookie: cookie(back, &mut self.rng),
            server: None,
            queued: 0,
            connect: 0,
            response: 0,
            transfer: 0,
            end: 0,
            class: None,
            bytes_in: 0,
            bytes_out: 0,
            abort: false,
            balanced: false,
            reused: false,
        };
        let refused = session_flow::admit(back, *mode, session, self.clock, &mut self.rng);
        self.leave(b, refused);
    }

    /// Somebody reads `HAProxy`'s own statistics page now and then.
    fn watch_statistics(&mut self, f: usize, seconds: f64) {
        let Some(front) = self.proxies[f].front.as_mut() else {
            return;
        };
        for _ in 0..poisson(0.2 * seconds, &mut self.rng) {
            if front.door != Door::Open || front.meter.current >= front.maxconn {
                continue;
            }
            connect(front, &mut self.meter);
            for meter in [&mut front.meter, &mut self.meter] {
                meter.add(Count::Intercepted, 1);
                meter.add(Count::BytesIn, 310);
                meter.add(Count::BytesOut, 18_240);
                meter.response(Count::Hrsp2xx);
            }
            front.meter.close();
        }
    }
}

/// A new client connection.
fn connect(front: &mut Front, process: &mut Meter) {
    for meter in [&mut front.meter, process] {
        meter.add(Count::Connections, 1);
        meter.add(Count::Sessions, 1);
        meter.connections.add(1);
        meter.sessions.add(1);
    }
    front.meter.open();
}

/// How much more or less than on an ordinary moment comes in: a slow wave, a faster one, and chance.
fn swell(front: &Front, seconds: f64) -> f64 {
    let turn = std::f64::consts::TAU * seconds;
    let wave = 0.2 * (turn / 95.0 + front.phase).sin() + 0.09 * (turn / 21.0 + 2.0 * front.phase).sin();
    (1.0 + wave + front.noise).max(0.1)
}

/// Load does not jump: it pulses a little while it is high.
fn ramp(demand: f64, story: u64) -> f64 {
    if demand > 1.0 { demand * (1.0 + 0.12 * (story as f64 / 1900.0).sin()) } else { demand }
}

/// Which server's cookie a request carries, when it carries one.
fn cookie(back: &Back, rng: &mut Rng) -> Option<usize> {
    if back.cookie.is_none() || rng.f64() >= back.service.loyalty {
        return None;
    }
    let holders = back.servers.iter().enumerate().filter(|(_, server)| server.cookie.is_some());
    let mut point = rng.f64() * holders.clone().map(|(_, server)| server.loyal).sum::<f64>();
    for (i, server) in holders {
        if point < server.loyal {
            return Some(i);
        }
        point -= server.loyal;
    }
    None
}

/// How a table knows a client.
fn key(kind: &str, client: u16) -> String {
    if kind == "ip" { client_address(client) } else { USERS[usize::from(client) % USERS.len()].to_owned() }
}

/// How many events happen when `mean` are expected.
fn poisson(mean: f64, rng: &mut Rng) -> u64 {
    let limit = (-mean).exp();
    let (mut events, mut product) = (0, rng.f64());
    while product > limit && events < 1000 {
        events += 1;
        product *= rng.f64();
    }
    events
}
