//! Simulation of time: moves the world forward.
//!
//! `World::advance` is the only entry point. It moves time forward in steps of 100 ms, so that the result does not
//! depend on how the time is divided into calls. Traffic is simulated four times per step; checks, the scenario and the
//! rates once.

use std::time::Duration;

use fastrand::Rng;

use crate::demo::client_session::{ClientSession, EndedSession, client_address};
use crate::demo::counters::{CounterId, Counters};
use crate::demo::health_check::HealthCheck;
use crate::demo::proxy::{FrontendState, Proxy, ProxyMode, SimBackend, SimFrontend};
use crate::demo::scenario;
use crate::demo::session_flow;
use crate::demo::site;
use crate::demo::world::{MAXCONN, World};

/// Length of a simulation step.
const STEP: Duration = Duration::from_millis(100);
/// Length of a simulation step, in milliseconds.
const STEP_MS: u64 = 100;
/// Length of a quarter of a step, in milliseconds.
const QUARTER_MS: u64 = 25;

/// Number of simulated clients.
const CLIENTS: f64 = 64.0;
/// User names, the keys of the stick table for log-ins.
const USERS: [&str; 8] = ["ann", "ben", "carla", "dmitri", "eve", "fatima", "goran", "hana"];
/// Average seconds until a client closes an idle keep-alive connection.
pub(super) const KEEP_ALIVE: f64 = 10.0;

impl World {
    /// Moves the simulation forward by `time`. A remainder shorter than a step is kept for the next call.
    pub fn advance(&mut self, time: Duration) {
        self.remainder += time;
        while self.remainder >= STEP {
            self.remainder -= STEP;
            self.step();
        }
    }

    fn step(&mut self) {
        let elapsed = self.clock.saturating_sub(self.scenario_start);
        scenario::apply_incidents(&mut self.proxies, elapsed);
        for frontend in self.proxies.iter_mut().filter_map(|proxy| proxy.frontend.as_mut()) {
            frontend.noise += (self.rng.f64() - 0.5) * 0.06 - frontend.noise * 0.05;
        }
        for _ in 0..STEP_MS / QUARTER_MS {
            self.clock += QUARTER_MS;
            self.finish_sessions();
            self.begin_sessions();
        }
        let now = self.clock;
        for backend in self.proxies.iter_mut().filter_map(|proxy| proxy.backend.as_mut()) {
            for server in &mut backend.servers {
                let duration = (self.rng.u64(1..=4) as f64 * server.impairment.response_factor) as u64;
                server.run_checks(now, duration);
            }
            backend.update_state(now);
            session_flow::update_cookie_clients(backend, now, STEP.as_secs_f64());
        }
        for table in self.proxies.iter_mut().filter_map(|proxy| proxy.stick_table.as_mut()) {
            table.remove_expired(now);
        }
        self.counters_mut().for_each(Counters::end_slot);
        if scenario::is_reload_due(elapsed, STEP_MS) {
            self.reload();
        }
    }

    /// Simulates a reload of the process: counters and runtime changes are lost. The results of the health checks and their
    /// times are kept, as with a server state file.
    pub(super) fn reload(&mut self) {
        self.process_start = self.clock;
        self.pid += self.rng.u32(40..900);
        self.maxconn = MAXCONN;
        self.counters = Counters::default();
        self.last_id = 0;
        let before = std::mem::replace(&mut self.proxies, site::build_proxies(self.clock, self.extra_backends));
        let backends = self.proxies.iter_mut().filter_map(|proxy| proxy.backend.as_mut());
        for (now, before) in backends.zip(before.iter().filter_map(|proxy| proxy.backend.as_ref())) {
            (now.is_up, now.last_change) = (before.is_up, before.last_change);
            for (server, before) in now.servers.iter_mut().zip(&before.servers) {
                if server.admin_flags == before.admin_flags {
                    server.operational_state = before.operational_state;
                    server.last_change = before.last_change;
                }
                if let (Some(check), Some(before)) = (server.health_check.as_mut(), before.health_check.as_ref()) {
                    *check = HealthCheck { is_enabled: check.is_enabled, failed_checks: 0, ..before.clone() };
                }
            }
        }
    }

    fn finish_sessions(&mut self) {
        for b in 0..self.proxies.len() {
            let mode = self.proxies[b].mode;
            let Some(backend) = self.proxies[b].backend.as_mut() else {
                continue;
            };
            let ended = session_flow::advance_sessions(backend, mode, self.clock, &mut self.rng);
            self.record_ended_sessions(b, ended);
        }
    }

    /// Counts sessions that ended in the backend at index `b`, in the frontends and stick tables of these sessions.
    pub(crate) fn record_ended_sessions(&mut self, b: usize, ended: impl IntoIterator<Item = EndedSession>) {
        for ended in ended {
            self.log_session(b, &ended);
            let is_refused = ended.response_class == Some(CounterId::Hrsp4xx);
            for table in [ended.frontend, b] {
                if let Some(table) = self.proxies.get_mut(table).and_then(|proxy| proxy.stick_table.as_mut()) {
                    table.request_ended(&table_key(table.kind, ended.client), is_refused);
                }
            }
            let Some(proxy) = self.proxies.get_mut(ended.frontend) else {
                continue;
            };
            let Some(frontend) = proxy.frontend.as_mut() else {
                continue;
            };
            for counters in [&mut frontend.counters, &mut self.counters] {
                counters.add(CounterId::BytesIn, ended.bytes_in);
                counters.add(CounterId::BytesOut, ended.bytes_out);
                counters.bytes_out.add(ended.bytes_out);
                counters.add(CounterId::ClientAborts, u64::from(ended.client_aborts));
                if let Some(class) = ended.response_class {
                    counters.count_response(class);
                }
            }
            let stays_open =
                proxy.mode == ProxyMode::Http && frontend.state == FrontendState::Open && !ended.client_aborts;
            if stays_open && self.rng.u8(0..10) > 0 {
                frontend.idle += 1;
            } else {
                frontend.counters.session_closed();
            }
        }
    }

    fn begin_sessions(&mut self) {
        let seconds = QUARTER_MS as f64 / 1000.0;
        for f in 0..self.proxies.len() {
            let (elapsed, clock) = (self.clock.saturating_sub(self.scenario_start), self.clock as f64 / 1000.0);
            let Some(frontend) = self.proxies[f].frontend.as_mut() else {
                continue;
            };
            let mean = frontend.idle as f64 * seconds / KEEP_ALIVE;
            let closed = poisson_count(mean, &mut self.rng).min(frontend.idle);
            frontend.idle -= closed;
            (0..closed).for_each(|_| frontend.counters.session_closed());
            if frontend.state == FrontendState::Stopped {
                continue;
            }
            let factor = traffic_factor(frontend, clock);
            if frontend.routes.is_empty() {
                self.read_stats_page(f, seconds);
                continue;
            }
            for r in 0..self.proxies[f].frontend.as_ref().map_or(0, |frontend| frontend.routes.len()) {
                let Some(route) =
                    self.proxies[f].frontend.as_ref().and_then(|frontend| frontend.routes.get(r)).cloned()
                else {
                    continue;
                };
                let Some(backend) = self.proxies[route.backend].backend.as_ref() else {
                    continue;
                };
                // Queued clients send no further requests, so a long queue grows more slowly.
                let patience = 1.0 + backend.waiting_sessions() as f64 / 60.0;
                let load_factor = pulsed_load_factor(backend.load_factor, elapsed);
                let mean = route.rate * factor * load_factor / patience * seconds;
                for _ in 0..poisson_count(mean, &mut self.rng) {
                    self.receive_request(f, route.backend);
                }
            }
        }
    }

    /// Processes the arrival of one request (or one connection in TCP mode) at the frontend at index `f`, for the
    /// backend at index `b`.
    fn receive_request(&mut self, f: usize, b: usize) {
        let is_below_maxconn = self.connections() < self.maxconn;
        let proxy = &mut self.proxies[f];
        let Some(frontend) = proxy.frontend.as_mut() else {
            return;
        };
        if proxy.mode == ProxyMode::Http && frontend.idle > 0 && self.rng.u8(0..100) < 72 {
            frontend.idle -= 1;
        } else if frontend.state == FrontendState::Open
            && is_below_maxconn
            && frontend.counters.current < frontend.maxconn
        {
            open_connection(frontend, &mut self.counters);
        } else {
            return;
        }
        if proxy.mode == ProxyMode::Http && self.rng.u32(0..1000) < 3 {
            let is_bad = self.rng.u32(0..3) == 0;
            if is_bad {
                frontend.last_bad_request = Some((self.clock, self.rng.u16(0..CLIENTS as u16)));
            }
            for counters in [&mut frontend.counters, &mut self.counters] {
                counters.add(if is_bad { CounterId::BadRequests } else { CounterId::DeniedRequests }, 1);
                counters.add(CounterId::BytesIn, 260);
                counters.add(CounterId::BytesOut, 192);
                counters.count_response(CounterId::Hrsp4xx);
            }
            frontend.counters.session_closed();
            return;
        }
        let client = (self.rng.f64().powi(2) * CLIENTS) as u16;
        for table in [f, b] {
            if let Some(table) = self.proxies[table].stick_table.as_mut() {
                table.request_started(&table_key(table.kind, client), self.clock);
            }
        }
        self.last_id += 1;
        let Proxy { mode, backend: Some(backend), .. } = &mut self.proxies[b] else {
            return;
        };
        let session = ClientSession {
            id: self.last_id,
            frontend: f,
            client,
            client_port: self.rng.u16(32_768..=60_999),
            cookie: pick_cookie_server(backend, &mut self.rng),
            ..ClientSession::waiting_since(self.clock)
        };
        let rejected = session_flow::admit(backend, *mode, session, self.clock, &mut self.rng);
        self.record_ended_sessions(b, rejected);
    }

    /// Simulates occasional requests for `HAProxy`'s own statistics page.
    pub(super) fn read_stats_page(&mut self, f: usize, seconds: f64) {
        let Some(frontend) = self.proxies[f].frontend.as_mut() else {
            return;
        };
        for _ in 0..poisson_count(0.2 * seconds, &mut self.rng) {
            if frontend.state != FrontendState::Open || frontend.counters.current >= frontend.maxconn {
                continue;
            }
            open_connection(frontend, &mut self.counters);
            for counters in [&mut frontend.counters, &mut self.counters] {
                counters.add(CounterId::Intercepted, 1);
                counters.add(CounterId::BytesIn, 310);
                counters.add(CounterId::BytesOut, 18_240);
                counters.count_response(CounterId::Hrsp2xx);
            }
            frontend.counters.session_closed();
        }
    }
}

/// Counts a new client connection.
fn open_connection(frontend: &mut SimFrontend, process: &mut Counters) {
    for counters in [&mut frontend.counters, process] {
        counters.add(CounterId::Connections, 1);
        counters.add(CounterId::Sessions, 1);
        counters.connections.add(1);
        counters.sessions.add(1);
    }
    frontend.counters.session_opened();
}

/// Returns the factor by which a frontend's average request rate is multiplied: the sum of a slow wave, a faster wave
/// and a random part.
pub(super) fn traffic_factor(frontend: &SimFrontend, seconds: f64) -> f64 {
    let turn = std::f64::consts::TAU * seconds;
    let wave = 0.2 * (turn / 95.0 + frontend.phase).sin() + 0.09 * (turn / 21.0 + 2.0 * frontend.phase).sin();
    (1.0 + wave + frontend.noise).max(0.1)
}

/// Returns the load factor, with small oscillations while the load is high.
fn pulsed_load_factor(load_factor: f64, elapsed: u64) -> f64 {
    if load_factor > 1.0 { load_factor * (1.0 + 0.12 * (elapsed as f64 / 1900.0).sin()) } else { load_factor }
}

/// Returns the index of the server named by a request's cookie, or `None` for a request without a cookie.
fn pick_cookie_server(backend: &SimBackend, rng: &mut Rng) -> Option<usize> {
    if backend.cookie.is_none() || rng.f64() >= backend.workload.cookie_share {
        return None;
    }
    let holders = backend.servers.iter().enumerate().filter(|(_, server)| server.cookie.is_some());
    let mut point = rng.f64() * holders.clone().map(|(_, server)| server.cookie_clients).sum::<f64>();
    for (i, server) in holders {
        if point < server.cookie_clients {
            return Some(i);
        }
        point -= server.cookie_clients;
    }
    None
}

/// Returns the key of a client in a stick table with this key type.
fn table_key(kind: &str, client: u16) -> String {
    if kind == "ip" { client_address(client) } else { USERS[usize::from(client) % USERS.len()].to_owned() }
}

/// Returns a random number of events from a Poisson distribution with the mean `mean`.
pub(super) fn poisson_count(mean: f64, rng: &mut Rng) -> u64 {
    let limit = (-mean).exp();
    let (mut events, mut product) = (0, rng.f64());
    while product > limit && events < 1000 {
        events += 1;
        product *= rng.f64();
    }
    events
}
