//! Traffic in long steps, for the past hour that the demo shows when it starts.
//!
//! Instead of single sessions, a step computes how many requests each server handled, and their mean times. It changes
//! the same counters as the simulation of sessions, so the sums of servers, backends and frontends agree here, too.

use std::collections::VecDeque;

use fastrand::Rng;

use crate::demo::client_session::ClientSession;
use crate::demo::counters::{CounterId, Counters};
use crate::demo::proxy::{BalanceAlgorithm, FrontendState, ProxyMode, SimBackend};
use crate::demo::session_flow;
use crate::demo::simulation::{self, KEEP_ALIVE};
use crate::demo::world::World;

/// Share of the requests for which a new client connection is opened.
const NEW_CONNECTIONS: f64 = 0.28;
/// Share of the requests that are invalid or denied.
const REFUSED: f64 = 0.003;
/// Number of requests of a server in a step from which its usual share of errors is simulated.
const MANY_REQUESTS: u64 = 30;
/// Longest time that a request waits in a queue, in seconds.
const QUEUE_SECONDS: f64 = 5.0;
/// Time that a request spends on a server that does not answer, in milliseconds.
const REDISPATCH_MS: f64 = 1000.0;

/// Requests that wait for a server, by proxy.
#[derive(Debug, Default)]
pub(crate) struct Backlog(Vec<f64>);

/// One step of a proxy.
#[derive(Debug, Clone, Copy)]
struct FlowStep {
    mode: ProxyMode,
    /// Length in seconds.
    seconds: f64,
    /// Time at its end.
    now: u64,
}

/// Requests that ended in a step.
#[derive(Debug, Clone, Copy, Default)]
struct EndedRequests {
    /// Responses by class: 2xx, 3xx, 4xx, 5xx.
    classes: [u64; 4],
    bytes_in: u64,
    bytes_out: u64,
    aborts: u64,
}

/// The classes of [`EndedRequests`].
const CLASSES: [CounterId; 4] = [CounterId::Hrsp2xx, CounterId::Hrsp3xx, CounterId::Hrsp4xx, CounterId::Hrsp5xx];

impl EndedRequests {
    fn add_to(&self, counters: &mut Counters, step: FlowStep) {
        let FlowStep { mode, seconds, .. } = step;
        counters.add(CounterId::BytesIn, self.bytes_in);
        counters.add(CounterId::BytesOut, self.bytes_out);
        counters.add(CounterId::ClientAborts, self.aborts);
        counters.bytes_out.set_per_second(self.bytes_out as f64 / seconds);
        if mode == ProxyMode::Http {
            for (class, count) in CLASSES.into_iter().zip(self.classes) {
                counters.add(class, count);
                counters.add(CounterId::Requests, count);
            }
            counters.requests.set_per_second(self.classes.iter().sum::<u64>() as f64 / seconds);
        }
    }

    fn add(&mut self, other: Self) {
        for (class, count) in self.classes.iter_mut().zip(other.classes) {
            *class += count;
        }
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.aborts += other.aborts;
    }
}

impl World {
    /// Moves the simulation forward by one long step. `load` multiplies the request rate of every frontend.
    ///
    /// Between [`World::begin_coarse_steps`] and [`World::end_coarse_steps`], the world has no single sessions.
    pub(crate) fn step_coarsely(&mut self, seconds: u64, load: f64, backlog: &mut Backlog) {
        self.clock += seconds * 1000;
        let (now, seconds) = (self.clock, seconds as f64);
        backlog.0.resize(self.proxies.len(), 0.0);
        self.reset_current_values();
        let rates = [CounterId::Connections, CounterId::Sessions, CounterId::Requests, CounterId::BytesOut];
        let before = rates.map(|counter| self.counters.totals[counter]);
        for f in 0..self.proxies.len() {
            let noise = self.rng.f64() - 0.5;
            let Some(frontend) = self.proxies[f].frontend.as_mut() else { continue };
            frontend.noise = frontend.noise * 0.4 + noise * 0.2;
            if frontend.routes.is_empty() {
                self.read_stats_page(f, seconds);
            } else if frontend.state == FrontendState::Open {
                let factor = load * simulation::traffic_factor(frontend, now as f64 / 1000.0);
                self.flow_through(f, factor, seconds, backlog);
            }
        }
        // The rates of the process are those of all frontends together.
        let counters = &mut self.counters;
        let [connections, sessions, requests, bytes_out] =
            std::array::from_fn(|index| (counters.totals[rates[index]] - before[index]) as f64 / seconds);
        counters.connections.set_per_second(connections);
        counters.sessions.set_per_second(sessions);
        counters.requests.set_per_second(requests);
        counters.bytes_out.set_per_second(bytes_out);
        for backend in self.proxies.iter_mut().filter_map(|proxy| proxy.backend.as_mut()) {
            for server in &mut backend.servers {
                let duration = (self.rng.u64(1..=4) as f64 * server.impairment.response_factor) as u64;
                server.run_checks(now, duration);
            }
            backend.update_state(now);
            session_flow::update_cookie_clients(backend, now, seconds);
        }
    }

    /// Removes the single sessions, so that long steps can follow.
    pub(crate) fn begin_coarse_steps(&mut self) {
        for backend in self.proxies.iter_mut().filter_map(|proxy| proxy.backend.as_mut()) {
            backend.active.clear();
        }
        self.reset_current_values();
    }

    /// Prepares the world for the simulation of single sessions: only idle client connections are open.
    pub(crate) fn end_coarse_steps(&mut self) {
        let idle: Vec<u64> =
            self.proxies.iter().map(|proxy| proxy.frontend.as_ref().map_or(0, |frontend| frontend.idle)).collect();
        self.reset_current_values();
        for (proxy, idle) in self.proxies.iter_mut().zip(idle) {
            if let Some(frontend) = proxy.frontend.as_mut() {
                frontend.idle = idle;
                frontend.counters.current = idle;
            }
        }
    }

    /// Sets the numbers of sessions and queued requests to 0.
    fn reset_current_values(&mut self) {
        for proxy in &mut self.proxies {
            if let Some(frontend) = proxy.frontend.as_mut() {
                (frontend.idle, frontend.counters.current) = (0, 0);
            }
            if let Some(backend) = proxy.backend.as_mut() {
                backend.queue.clear();
                backend.counters.current = 0;
                for server in &mut backend.servers {
                    server.queue.clear();
                    server.counters.current = 0;
                }
            }
        }
    }

    /// Sends the requests of one step from a frontend to its backends.
    fn flow_through(&mut self, f: usize, factor: f64, seconds: f64, backlog: &mut Backlog) {
        let step = FlowStep { mode: self.proxies[f].mode, seconds, now: self.clock };
        let is_http = step.mode == ProxyMode::Http;
        let Some(routes) = self.proxies[f].frontend.as_ref().map(|frontend| frontend.routes.clone()) else { return };
        let (mut all, mut denied, mut in_service, mut ended) = (0, 0, 0, EndedRequests::default());
        for route in routes {
            let Some(backend) = self.proxies[route.backend].backend.as_mut() else { continue };
            let waiting = &mut backlog.0[route.backend];
            let mean = route.rate * factor * backend.load_factor / (1.0 + *waiting / 60.0) * seconds;
            let arrived = random_count(mean, &mut self.rng);
            let refused = if is_http { random_count(mean * REFUSED, &mut self.rng).min(arrived) } else { 0 };
            all += arrived;
            denied += refused;
            let (done, sessions) = handle_requests(backend, step, arrived - refused, waiting, &mut self.rng);
            ended.add(done);
            in_service += sessions;
        }
        let refused = [0, 0, denied, 0];
        ended.add(EndedRequests { classes: refused, bytes_in: 260 * denied, bytes_out: 192 * denied, aborts: 0 });
        let opened = if is_http { (all as f64 * NEW_CONNECTIONS).round() as u64 } else { all };
        self.last_id += all;
        let Some(frontend) = self.proxies[f].frontend.as_mut() else { return };
        // The number of idle connections for which as many are closed as opened.
        let idle = all as f64 / seconds * (0.9 - (1.0 - NEW_CONNECTIONS)) * KEEP_ALIVE;
        frontend.idle = if is_http { idle as u64 } else { 0 };
        frontend.counters.current = (frontend.idle + in_service).min(frontend.maxconn);
        frontend.idle = frontend.idle.min(frontend.counters.current);
        frontend.counters.current_max = frontend.counters.current_max.max(frontend.counters.current);
        for counters in [&mut self.counters, &mut frontend.counters] {
            counters.add(CounterId::Connections, opened);
            counters.add(CounterId::Sessions, opened);
            counters.connections.set_per_second(opened as f64 / seconds);
            counters.sessions.set_per_second(opened as f64 / seconds);
            counters.add(CounterId::DeniedRequests, denied);
            ended.add_to(counters, step);
        }
    }
}

/// Handles the requests to a backend in one step. Returns those that ended, and the number of sessions at its end.
fn handle_requests(
    backend: &mut SimBackend,
    step: FlowStep,
    arrived: u64,
    waiting: &mut f64,
    rng: &mut Rng,
) -> (EndedRequests, u64) {
    let FlowStep { seconds, now, .. } = step;
    backend.counters.add(CounterId::Sessions, arrived);
    backend.counters.sessions.set_per_second(arrived as f64 / seconds);
    let usable = backend.usable_servers(now);
    let answering: Vec<usize> = usable.iter().copied().filter(|i| backend.servers[*i].answers()).collect();
    if answering.is_empty() {
        return (reject(backend, arrived, step), 0);
    }
    let service = |i: usize| service_seconds(backend, i);
    let is_by_speed = backend.algorithm == BalanceAlgorithm::LeastConn;
    let share =
        |i: usize| f64::from(backend.servers[i].effective_weight(now)) / if is_by_speed { service(i) } else { 1.0 };
    let shares: Vec<(usize, f64, f64)> = answering.iter().map(|i| (*i, share(*i), service(*i))).collect();
    let faulty: Vec<usize> = usable.into_iter().filter(|i| !answering.contains(i)).collect();
    let redispatched = redispatch(backend, &faulty, arrived / (faulty.len() + answering.len()) as u64);
    let limit_of = |(i, _, service): &(usize, f64, f64)| match backend.servers[*i].maxconn {
        0 => f64::INFINITY,
        limit => limit as f64 / service,
    };
    // Requests per second that the servers can handle.
    let capacity: f64 = shares.iter().map(limit_of).sum();
    let offered = *waiting + arrived as f64;
    let served = offered.min(capacity * seconds);
    let rest = offered - served;
    *waiting = rest.min(capacity * QUEUE_SECONDS);
    let mut ended = reject(backend, (rest - *waiting) as u64, step);
    let queue_ms = if *waiting > 0.0 { *waiting / capacity * 1000.0 } else { 0.0 };
    let total: f64 = shares.iter().map(|(_, share, _)| share).sum();
    let connect_ms = REDISPATCH_MS * redispatched as f64 / served.max(1.0);
    let mut sessions = 0;
    for (i, share, service) in shares {
        let count = rounded(served * share / total, rng);
        ended.add(serve(backend, i, step, count, [queue_ms, connect_ms], rng));
        let server = &mut backend.servers[i];
        let limit = if server.maxconn > 0 { server.maxconn } else { u64::MAX };
        let current = random_count(count as f64 / seconds * service, rng).min(limit);
        let counters = &mut server.counters;
        counters.current = if *waiting >= 1.0 { limit } else { current };
        counters.current_max = counters.current_max.max(counters.current);
        counters.last_session = Some(now).filter(|_| count > 0).or(counters.last_session);
        sessions += counters.current;
    }
    fill_queue(backend, *waiting as usize, now);
    let counters = &mut backend.counters;
    sessions += backend.queue.len() as u64;
    counters.last_session = Some(now).filter(|_| arrived > 0).or(counters.last_session);
    counters.current += sessions;
    counters.current_max = counters.current_max.max(counters.current);
    (ended, sessions)
}

/// Counts `count` requests to each of the servers that do not answer, which are sent to another server. Returns the number
/// of all these requests.
fn redispatch(backend: &mut SimBackend, faulty: &[usize], count: u64) -> u64 {
    for i in faulty {
        for counters in [&mut backend.servers[*i].counters, &mut backend.counters] {
            counters.add(CounterId::Retries, 3 * count);
            counters.add(CounterId::Redispatches, count);
        }
    }
    faulty.len() as u64 * count
}

/// Returns the mean time of a request on a server, in seconds.
fn service_seconds(backend: &SimBackend, i: usize) -> f64 {
    let workload = &backend.workload;
    let [redirects, _, errors] = workload.classes;
    let short = redirects + errors + backend.servers[i].impairment.error_share;
    let transfer = workload.transfer * (1.0 - 0.875 * short.min(1.0));
    (workload.connect as f64 / 2.0 + response_millis(backend, i) + transfer).max(1.0) / 1000.0
}

/// Returns the mean response time of a server with half of its maximum load, in milliseconds.
fn response_millis(backend: &SimBackend, i: usize) -> f64 {
    backend.workload.response * backend.servers[i].impairment.response_factor
}

/// Counts requests that a server handled.
fn serve(
    backend: &mut SimBackend,
    i: usize,
    step: FlowStep,
    count: u64,
    [queue_ms, redispatch_ms]: [f64; 2],
    rng: &mut Rng,
) -> EndedRequests {
    let service = service_seconds(backend, i);
    let load = match backend.servers[i].maxconn {
        0 => 0.0,
        limit => (count as f64 / step.seconds * service / limit as f64).min(1.0),
    };
    // As for single sessions, the response time grows with the load of the server.
    let response_ms = response_millis(backend, i) * (0.8 + 0.2 * load) * (0.97 + 0.06 * rng.f64());
    let workload = &backend.workload;
    let connect_ms = workload.connect as f64 / 2.0 + redispatch_ms;
    let times = [queue_ms, connect_ms, response_ms, queue_ms + redispatch_ms + service * 1000.0];
    let mut ended = EndedRequests {
        classes: [0; 4],
        bytes_in: count * (workload.bytes_in + 100),
        bytes_out: (count as f64 * (180.0 + workload.bytes_out * (0.9 + 0.2 * rng.f64()))) as u64,
        aborts: random_count(count as f64 / 400.0, rng),
    };
    let is_http = step.mode == ProxyMode::Http;
    if is_http {
        let [redirects, client_errors, server_errors] = workload.classes;
        // One error among few requests would be a problem.
        let errors = if count < MANY_REQUESTS { 0.0 } else { server_errors };
        let shares = [redirects, client_errors, errors + backend.servers[i].impairment.error_share];
        let before = backend.servers[i].counters.totals[CounterId::Requests];
        let mut rest = count;
        for (class, share) in ended.classes[1..].iter_mut().zip(shares) {
            *class = evenly(before, count, share).min(rest);
            rest -= *class;
        }
        ended.classes[0] = rest;
    }
    let reused = if is_http { count * 7 / 10 } else { 0 };
    for counters in [&mut backend.servers[i].counters, &mut backend.counters] {
        counters.add(CounterId::Balanced, count);
        counters.add(CounterId::Reuses, reused);
        counters.add(CounterId::Connects, count - reused);
        counters.add_mean_times(times, count);
    }
    let server = &mut backend.servers[i].counters;
    server.add(CounterId::Sessions, count);
    server.sessions.set_per_second(count as f64 / step.seconds);
    ended.add_to(server, step);
    ended.add_to(&mut backend.counters, step);
    ended
}

/// Counts requests that the backend answers itself with a 503.
fn reject(backend: &mut SimBackend, count: u64, step: FlowStep) -> EndedRequests {
    let ended = EndedRequests { classes: [0, 0, 0, count], bytes_in: 300 * count, bytes_out: 212 * count, aborts: 0 };
    if count > 0 {
        backend.counters.add(CounterId::FailedConnections, count);
        ended.add_to(&mut backend.counters, step);
    }
    ended
}

/// Fills the queue of a backend with this number of requests.
fn fill_queue(backend: &mut SimBackend, count: usize, now: u64) {
    let waiting = ClientSession::waiting_since(now);
    backend.queue = VecDeque::from(vec![waiting; count]);
    backend.counters.queue_max = backend.counters.queue_max.max(count as u64);
}

/// Returns a random number of events with this mean.
fn random_count(mean: f64, rng: &mut Rng) -> u64 {
    if mean < 20.0 {
        return simulation::poisson_count(mean, rng);
    }
    // The sum of four uniform numbers is nearly normally distributed.
    let normal = (0..4).map(|_| rng.f64()).sum::<f64>() - 2.0;
    (mean + mean.sqrt() * normal * 1.73).max(0.0).round() as u64
}

/// Returns how many of `count` events after `before` others belong to a share of all events. They are evenly spaced: random
/// ones would often look like a problem.
fn evenly(before: u64, count: u64, share: f64) -> u64 {
    ((before + count) as f64 * share) as u64 - (before as f64 * share) as u64
}

/// Rounds up or down at random, so that the mean is `value`.
fn rounded(value: f64, rng: &mut Rng) -> u64 {
    (value + rng.f64()) as u64
}
