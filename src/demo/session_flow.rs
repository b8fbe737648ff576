//! The life of a session in a backend: admitted, queued or given to a server, worked on, ended.
//!
//! Every change of a counter that concerns a session is here or in `traffic.rs`, and each is made at the server
//! and at its backend in the same breath, which is why the sums agree.

use fastrand::Rng;

use crate::demo::client_session::{Ended, Session};
use crate::demo::counters::Count;
use crate::demo::load_balancing::{self, Choice};
use crate::demo::proxy::{Back, Mode};

/// `timeout queue`, in milliseconds.
const QUEUE_TIMEOUT: u64 = 5000;

/// Takes a session into a backend; gives it back, refused with 503, when no server is usable.
pub(crate) fn admit(back: &mut Back, mode: Mode, mut session: Session, now: u64, rng: &mut Rng) -> Option<Ended> {
    back.meter.add(Count::Sessions, 1);
    back.meter.sessions.add(1);
    back.meter.open();
    if let Some(i) = session.cookie {
        if back.servers[i].takes_cookies() && back.servers[i].ordeal.fault.is_none() {
            if back.servers[i].has_room() {
                start(back, mode, i, session, now, rng);
            } else {
                back.servers[i].queue.push_back(session);
                note_queues(back);
            }
            return None;
        }
        session.cookie = None;
    }
    match load_balancing::choose(back, session.client, None, now) {
        Choice::Server(i) => settle(back, mode, i, session, now, rng),
        Choice::Full => {
            back.queue.push_back(session);
            note_queues(back);
            None
        }
        Choice::Nobody => Some(refuse(back, session)),
    }
}

/// Gives a session to a server that balancing chose, or to another when that one does not answer.
fn settle(back: &mut Back, mode: Mode, i: usize, mut session: Session, now: u64, rng: &mut Rng) -> Option<Ended> {
    session.balanced = true;
    if back.servers[i].ordeal.fault.or(back.servers[i].broken).is_none() {
        start(back, mode, i, session, now, rng);
        return None;
    }
    for meter in [&mut back.servers[i].meter, &mut back.meter] {
        meter.add(Count::Retries, 3);
    }
    match load_balancing::choose(back, session.client, Some(i), now) {
        Choice::Server(other) if back.servers[other].ordeal.fault.or(back.servers[other].broken).is_none() => {
            for meter in [&mut back.servers[i].meter, &mut back.meter] {
                meter.add(Count::Redispatches, 1);
            }
            session.connect += 1000;
            start(back, mode, other, session, now, rng);
            None
        }
        _ => Some(refuse(back, session)),
    }
}

/// Lets a server begin to work on a session.
fn start(back: &mut Back, mode: Mode, i: usize, mut session: Session, now: u64, rng: &mut Rng) {
    let service = &back.service;
    let server = &mut back.servers[i];
    // Half of it is fixed, half is chance; the more a server has to do, the slower it is.
    let load = if server.maxconn > 0 { server.meter.current as f64 / server.maxconn as f64 } else { 0.0 };
    let spread = 0.5 + 0.5 * exponential(rng);
    session.server = Some(i);
    session.queued = now.saturating_sub(session.born);
    session.connect += rng.u64(0..=service.connect);
    session.response = (service.response * server.ordeal.slow * (0.9 + 0.2 * load) * spread) as u64;
    session.transfer = (service.transfer * exponential(rng).min(6.0)) as u64;
    session.bytes_in = service.bytes_in + rng.u64(0..200);
    session.bytes_out = 180 + (service.bytes_out * exponential(rng)) as u64;
    if mode == Mode::Http {
        let class = class(service.classes, server.ordeal.errors, rng);
        if matches!(class, Count::Hrsp3xx | Count::Hrsp5xx) {
            session.bytes_out = 260;
            session.transfer /= 8;
        }
        session.class = Some(class);
    }
    session.abort = rng.u32(0..400) == 0;
    session.end = now + session.connect + session.response + session.transfer;
    session.reused = mode == Mode::Http && rng.u8(0..10) > 2;
    for meter in [&mut server.meter, &mut back.meter] {
        meter.last_session = Some(now);
        meter.add(Count::Balanced, u64::from(session.balanced));
        meter.add(if session.reused { Count::Reuses } else { Count::Connects }, 1);
    }
    server.meter.add(Count::Sessions, 1);
    server.meter.sessions.add(1);
    server.meter.open();
    back.active.push(session);
}

fn class(shares: [f64; 3], errors: f64, rng: &mut Rng) -> Count {
    let [redirects, client_errors, server_errors] = shares;
    let mut point = rng.f64();
    for (share, class) in
        [(server_errors + errors, Count::Hrsp5xx), (client_errors, Count::Hrsp4xx), (redirects, Count::Hrsp3xx)]
    {
        if point < share {
            return class;
        }
        point -= share;
    }
    Count::Hrsp2xx
}

/// A number around 1 of which most are small and a few are large.
fn exponential(rng: &mut Rng) -> f64 {
    -(1.0 - rng.f64()).ln()
}

/// Answers 503 in the backend's own name.
fn refuse(back: &mut Back, mut session: Session) -> Ended {
    session.bytes_in = 300;
    session.bytes_out = 212;
    session.class = Some(Count::Hrsp5xx);
    back.meter.close();
    back.meter.add(Count::FailedConnections, 1);
    back.meter.add(Count::BytesIn, session.bytes_in);
    back.meter.add(Count::BytesOut, session.bytes_out);
    back.meter.response(Count::Hrsp5xx);
    session.ended()
}

/// Ends what is over, lets waiting ones in, refuses those that waited too long.
pub(crate) fn progress(back: &mut Back, mode: Mode, now: u64, rng: &mut Rng) -> Vec<Ended> {
    let mut ended = Vec::new();
    let mut i = 0;
    while i < back.active.len() {
        if back.active[i].end <= now {
            let session = back.active.swap_remove(i);
            ended.push(finish(back, &session));
        } else {
            i += 1;
        }
    }
    if back.waiting() == 0 {
        return ended;
    }
    for i in 0..back.servers.len() {
        if !back.servers[i].takes_cookies() {
            // What waited for this server may go anywhere now.
            let orphans = std::mem::take(&mut back.servers[i].queue);
            back.meter.add(Count::Redispatches, orphans.len() as u64);
            back.servers[i].meter.add(Count::Redispatches, orphans.len() as u64);
            back.queue.extend(orphans);
        }
        while back.servers[i].has_room() {
            let Some((session, balanced)) = next_waiting(back, i, now) else {
                break;
            };
            if balanced {
                ended.extend(settle(back, mode, i, session, now, rng));
            } else {
                start(back, mode, i, session, now, rng);
            }
        }
    }
    let late = |session: &Session| session.born + QUEUE_TIMEOUT <= now;
    while let Some(session) = back.queue.pop_front_if(|session| late(session)) {
        ended.push(refuse(back, session));
    }
    for i in 0..back.servers.len() {
        while let Some(session) = back.servers[i].queue.pop_front_if(|session| late(session)) {
            ended.push(refuse(back, session));
        }
    }
    ended
}

/// The session that waited longest among those this server may take, and whether balancing gave it.
fn next_waiting(back: &mut Back, i: usize, now: u64) -> Option<(Session, bool)> {
    let own = back.servers[i].queue.front().map(|session| session.born);
    let any = back.queue.front().map(|session| session.born).filter(|_| back.usable(now).contains(&i));
    match (own, any) {
        (Some(own), any) if any.is_none_or(|any| own <= any) => {
            back.servers[i].queue.pop_front().map(|session| (session, false))
        }
        (_, Some(_)) => back.queue.pop_front().map(|session| (session, true)),
        _ => None,
    }
}

/// Ends a session that a server worked on.
pub(crate) fn finish(back: &mut Back, session: &Session) -> Ended {
    let times = [
        session.queued,
        session.connect,
        session.response,
        session.queued + session.connect + session.response + session.transfer,
    ];
    let server = session.server.and_then(|i| back.servers.get_mut(i)).map(|server| &mut server.meter);
    for meter in server.into_iter().chain([&mut back.meter]) {
        meter.close();
        meter.add(Count::BytesIn, session.bytes_in);
        meter.add(Count::BytesOut, session.bytes_out);
        meter.bytes_out.add(session.bytes_out);
        meter.add(Count::ClientAborts, u64::from(session.abort));
        if let Some(class) = session.class {
            meter.response(class);
        }
        meter.timed(times);
    }
    session.ended()
}

/// Ends sessions before their time, as `shutdown session` does; says what the frontends have to know.
pub(crate) fn kill(back: &mut Back, now: u64, doomed: impl Fn(&Session) -> bool) -> Vec<Ended> {
    let (gone, stay) = std::mem::take(&mut back.active).into_iter().partition(|session| doomed(session));
    back.active = stay;
    let mut ended = Vec::new();
    for mut session in Vec::from_iter(gone) {
        if session.born + session.queued + session.connect + session.response > now {
            // Nothing was answered yet, so no class of response is true of it.
            session.class = session.class.map(|_| Count::HrspOther);
            session.bytes_out = 0;
        }
        session.transfer = 0;
        ended.push(finish(back, &session));
    }
    let (gone, stay): (Vec<Session>, Vec<Session>) =
        std::mem::take(&mut back.queue).into_iter().partition(|session| doomed(session));
    back.queue = stay.into();
    ended.extend(gone.into_iter().map(|session| refuse(back, session)));
    for i in 0..back.servers.len() {
        let queue = std::mem::take(&mut back.servers[i].queue);
        let (gone, stay): (Vec<Session>, Vec<Session>) = queue.into_iter().partition(|session| doomed(session));
        back.servers[i].queue = stay.into();
        ended.extend(gone.into_iter().map(|session| refuse(back, session)));
    }
    ended
}

fn note_queues(back: &mut Back) {
    back.meter.queue_max = back.meter.queue_max.max(back.queue.len() as u64);
    for server in &mut back.servers {
        server.meter.queue_max = server.meter.queue_max.max(server.queue.len() as u64);
    }
}

/// The cookie clients of each server: they come when it works and leave it while it does not.
pub(crate) fn drift(back: &mut Back, now: u64, seconds: f64) {
    if back.cookie.is_none() {
        return;
    }
    for server in &mut back.servers {
        if server.cookie.is_none() {
            continue;
        }
        if server.usable(now) {
            let aim = f64::from(server.weight.max(1));
            server.loyal += (aim - server.loyal) * (seconds / 8.0);
        } else {
            server.loyal -= server.loyal * (seconds / 3.5);
            if server.loyal < 0.02 * f64::from(server.initial_weight.max(1)) {
                server.loyal = 0.0;
            }
        }
    }
}
