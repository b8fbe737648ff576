//! The path of a session through a backend: admission, queueing, assignment to a server, and end.
//!
//! All changes to the counters of sessions are made here or in `simulation.rs`. A change is made to a server and its
//! backend together, so that the sums agree.

use fastrand::Rng;

use crate::demo::client_session::{ClientSession, EndedSession};
use crate::demo::counters::CounterId;
use crate::demo::load_balancing::{self, ServerChoice};
use crate::demo::proxy::{ProxyMode, SimBackend};

/// `timeout queue`, in milliseconds.
const QUEUE_TIMEOUT: u64 = 5000;

/// Admits a session to a backend. Returns the ended session if the backend rejected it with 503 because no server was
/// usable, otherwise `None`.
pub(crate) fn admit(
    backend: &mut SimBackend,
    mode: ProxyMode,
    mut session: ClientSession,
    now: u64,
    rng: &mut Rng,
) -> Option<EndedSession> {
    backend.counters.add(CounterId::Sessions, 1);
    backend.counters.sessions.add(1);
    backend.counters.session_opened();
    if let Some(i) = session.cookie {
        if backend.servers[i].accepts_cookies() && backend.servers[i].impairment.fault.is_none() {
            if backend.servers[i].has_free_slot() {
                start_on_server(backend, mode, i, session, now, rng);
            } else {
                backend.servers[i].queue.push_back(session);
                update_queue_max(backend);
            }
            return None;
        }
        session.cookie = None;
    }
    match load_balancing::choose_server(backend, session.client, None, now) {
        ServerChoice::Server(i) => assign_to_server(backend, mode, i, session, now, rng),
        ServerChoice::AllFull => {
            backend.queue.push_back(session);
            update_queue_max(backend);
            None
        }
        ServerChoice::NoneUsable => Some(reject_with_503(backend, session)),
    }
}

/// Assigns a session to the selected server, or to another server if the selected one does not answer. Returns the
/// ended session if the other server does not answer either.
fn assign_to_server(
    backend: &mut SimBackend,
    mode: ProxyMode,
    i: usize,
    mut session: ClientSession,
    now: u64,
    rng: &mut Rng,
) -> Option<EndedSession> {
    session.is_balanced = true;
    if backend.servers[i].answers() {
        start_on_server(backend, mode, i, session, now, rng);
        return None;
    }
    for counters in [&mut backend.servers[i].counters, &mut backend.counters] {
        counters.add(CounterId::Retries, 3);
    }
    match load_balancing::choose_server(backend, session.client, Some(i), now) {
        ServerChoice::Server(other) if backend.servers[other].answers() => {
            for counters in [&mut backend.servers[i].counters, &mut backend.counters] {
                counters.add(CounterId::Redispatches, 1);
            }
            session.connect_ms += 1000;
            start_on_server(backend, mode, other, session, now, rng);
            None
        }
        _ => Some(reject_with_503(backend, session)),
    }
}

/// Starts a session on a server: computes the session's times, bytes and response class.
fn start_on_server(
    backend: &mut SimBackend,
    mode: ProxyMode,
    i: usize,
    mut session: ClientSession,
    now: u64,
    rng: &mut Rng,
) {
    let workload = &backend.workload;
    let server = &mut backend.servers[i];
    // Half of the response time is fixed and half is random. The response time grows with the load of the server.
    let load = if server.maxconn > 0 { server.counters.current as f64 / server.maxconn as f64 } else { 0.0 };
    let spread = 0.5 + 0.5 * exponential(rng);
    session.server = Some(i);
    session.queue_ms = now.saturating_sub(session.arrived_at);
    session.connect_ms += rng.u64(0..=workload.connect);
    session.response_ms = (workload.response * server.impairment.response_factor * (0.9 + 0.2 * load) * spread) as u64;
    session.transfer_ms = (workload.transfer * exponential(rng).min(6.0)) as u64;
    session.bytes_in = workload.bytes_in + rng.u64(0..200);
    session.bytes_out = 180 + (workload.bytes_out * exponential(rng)) as u64;
    if mode == ProxyMode::Http {
        let class = pick_response_class(workload.classes, server.impairment.error_share, rng);
        if matches!(class, CounterId::Hrsp3xx | CounterId::Hrsp5xx) {
            session.bytes_out = 260;
            session.transfer_ms /= 8;
        }
        session.response_class = Some(class);
    }
    session.client_aborts = rng.u32(0..400) == 0;
    session.ends_at = now + session.connect_ms + session.response_ms + session.transfer_ms;
    session.is_reused = mode == ProxyMode::Http && rng.u8(0..10) > 2;
    for counters in [&mut server.counters, &mut backend.counters] {
        counters.last_session = Some(now);
        counters.add(CounterId::Balanced, u64::from(session.is_balanced));
        counters.add(if session.is_reused { CounterId::Reuses } else { CounterId::Connects }, 1);
    }
    server.counters.add(CounterId::Sessions, 1);
    server.counters.sessions.add(1);
    server.counters.session_opened();
    backend.active.push(session);
}

fn pick_response_class(shares: [f64; 3], errors: f64, rng: &mut Rng) -> CounterId {
    let [redirects, client_errors, server_errors] = shares;
    let mut point = rng.f64();
    for (share, class) in [
        (server_errors + errors, CounterId::Hrsp5xx),
        (client_errors, CounterId::Hrsp4xx),
        (redirects, CounterId::Hrsp3xx),
    ] {
        if point < share {
            return class;
        }
        point -= share;
    }
    CounterId::Hrsp2xx
}

/// Returns an exponentially distributed random number with mean 1.
fn exponential(rng: &mut Rng) -> f64 {
    -(1.0 - rng.f64()).ln()
}

/// Ends a session with a 503 response sent by the backend itself.
fn reject_with_503(backend: &mut SimBackend, mut session: ClientSession) -> EndedSession {
    session.bytes_in = 300;
    session.bytes_out = 212;
    session.response_class = Some(CounterId::Hrsp5xx);
    backend.counters.session_closed();
    backend.counters.add(CounterId::FailedConnections, 1);
    backend.counters.add(CounterId::BytesIn, session.bytes_in);
    backend.counters.add(CounterId::BytesOut, session.bytes_out);
    backend.counters.count_response(CounterId::Hrsp5xx);
    session.to_ended()
}

/// Ends the sessions that are due, starts queued sessions on free servers, and rejects sessions that exceed the queue
/// timeout. Returns the ended sessions.
pub(crate) fn advance_sessions(
    backend: &mut SimBackend,
    mode: ProxyMode,
    now: u64,
    rng: &mut Rng,
) -> Vec<EndedSession> {
    let mut ended = Vec::new();
    let mut i = 0;
    while i < backend.active.len() {
        if backend.active[i].ends_at <= now {
            let session = backend.active.swap_remove(i);
            ended.push(finish_session(backend, &session));
        } else {
            i += 1;
        }
    }
    if backend.waiting_sessions() == 0 {
        return ended;
    }
    for i in 0..backend.servers.len() {
        if !backend.servers[i].accepts_cookies() {
            // Sessions that waited for this server may now go to any server.
            let orphans = std::mem::take(&mut backend.servers[i].queue);
            backend.counters.add(CounterId::Redispatches, orphans.len() as u64);
            backend.servers[i].counters.add(CounterId::Redispatches, orphans.len() as u64);
            backend.queue.extend(orphans);
        }
        while backend.servers[i].has_free_slot() {
            let Some((session, balanced)) = next_waiting(backend, i, now) else {
                break;
            };
            if balanced {
                ended.extend(assign_to_server(backend, mode, i, session, now, rng));
            } else {
                start_on_server(backend, mode, i, session, now, rng);
            }
        }
    }
    let is_timed_out = |session: &ClientSession| session.arrived_at + QUEUE_TIMEOUT <= now;
    while let Some(mut session) = backend.queue.pop_front_if(|session| is_timed_out(session)) {
        session.queue_ms = QUEUE_TIMEOUT;
        ended.push(reject_with_503(backend, session));
    }
    for i in 0..backend.servers.len() {
        while let Some(mut session) = backend.servers[i].queue.pop_front_if(|session| is_timed_out(session)) {
            session.queue_ms = QUEUE_TIMEOUT;
            ended.push(reject_with_503(backend, session));
        }
    }
    ended
}

/// Removes the session that has waited longest among the sessions that server `i` may handle. Returns the session, and
/// whether it came from the backend's queue; such a session counts as load-balanced.
fn next_waiting(backend: &mut SimBackend, i: usize, now: u64) -> Option<(ClientSession, bool)> {
    let own_oldest = backend.servers[i].queue.front().map(|session| session.arrived_at);
    let shared_oldest =
        backend.queue.front().map(|session| session.arrived_at).filter(|_| backend.usable_servers(now).contains(&i));
    match (own_oldest, shared_oldest) {
        (Some(own_oldest), shared_oldest) if shared_oldest.is_none_or(|shared_oldest| own_oldest <= shared_oldest) => {
            backend.servers[i].queue.pop_front().map(|session| (session, false))
        }
        (_, Some(_)) => backend.queue.pop_front().map(|session| (session, true)),
        _ => None,
    }
}

/// Ends a session that was assigned to a server.
pub(crate) fn finish_session(backend: &mut SimBackend, session: &ClientSession) -> EndedSession {
    let times = session.times();
    let server = session.server.and_then(|i| backend.servers.get_mut(i)).map(|server| &mut server.counters);
    for counters in server.into_iter().chain([&mut backend.counters]) {
        counters.session_closed();
        counters.add(CounterId::BytesIn, session.bytes_in);
        counters.add(CounterId::BytesOut, session.bytes_out);
        counters.bytes_out.add(session.bytes_out);
        counters.add(CounterId::ClientAborts, u64::from(session.client_aborts));
        if let Some(class) = session.response_class {
            counters.count_response(class);
        }
        counters.add_times(times);
    }
    session.to_ended()
}

/// Ends the sessions for which `should_end` returns true, as `shutdown session` does. Returns the ended sessions.
pub(crate) fn kill_sessions(
    backend: &mut SimBackend,
    now: u64,
    should_end: impl Fn(&ClientSession) -> bool,
) -> Vec<EndedSession> {
    let (killed, kept) = std::mem::take(&mut backend.active).into_iter().partition(|session| should_end(session));
    backend.active = kept;
    let mut ended = Vec::new();
    for mut session in Vec::from_iter(killed) {
        if session.arrived_at + session.queue_ms + session.connect_ms + session.response_ms > now {
            // The response has not begun, so it does not belong to a class from 2xx to 5xx.
            session.response_class = session.response_class.map(|_| CounterId::HrspOther);
            session.bytes_out = 0;
        }
        session.transfer_ms = 0;
        ended.push(finish_session(backend, &session));
    }
    let (killed, kept): (Vec<ClientSession>, Vec<ClientSession>) =
        std::mem::take(&mut backend.queue).into_iter().partition(|session| should_end(session));
    backend.queue = kept.into();
    ended.extend(killed.into_iter().map(|session| reject_with_503(backend, session)));
    for i in 0..backend.servers.len() {
        let queue = std::mem::take(&mut backend.servers[i].queue);
        let (killed, kept): (Vec<ClientSession>, Vec<ClientSession>) =
            queue.into_iter().partition(|session| should_end(session));
        backend.servers[i].queue = kept.into();
        ended.extend(killed.into_iter().map(|session| reject_with_503(backend, session)));
    }
    ended
}

fn update_queue_max(backend: &mut SimBackend) {
    backend.counters.queue_max = backend.counters.queue_max.max(backend.queue.len() as u64);
    for server in &mut backend.servers {
        server.counters.queue_max = server.counters.queue_max.max(server.queue.len() as u64);
    }
}

/// Updates the number of clients that have each server's cookie. The number grows while the server is usable, otherwise
/// it shrinks.
pub(crate) fn update_cookie_clients(backend: &mut SimBackend, now: u64, seconds: f64) {
    if backend.cookie.is_none() {
        return;
    }
    for server in &mut backend.servers {
        if server.cookie.is_none() {
            continue;
        }
        if server.is_usable(now) {
            let target = f64::from(server.weight.max(1));
            server.cookie_clients += (target - server.cookie_clients) * (seconds / 8.0);
        } else {
            server.cookie_clients -= server.cookie_clients * (seconds / 3.5);
            if server.cookie_clients < 0.02 * f64::from(server.initial_weight.max(1)) {
                server.cookie_clients = 0.0;
            }
        }
    }
}
