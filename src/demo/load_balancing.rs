//! Which server gets the next session.
//!
//! Pure choice: nothing is counted here. A server in maintenance, drained, down or of weight 0 is never chosen;
//! one that is full is skipped, and when all usable ones are full the session waits in the backend's queue.

use crate::demo::proxy::{Algorithm, Back};

/// The outcome of a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// This server has a slot free.
    Server(usize),
    /// Usable servers exist, and all are full.
    Full,
    /// No server is usable.
    Nobody,
}

/// Chooses a server for a new session of this client, never the one in `except`.
pub(crate) fn choose(back: &mut Back, client: u16, except: Option<usize>, now: u64) -> Choice {
    let mut usable = back.usable(now);
    usable.retain(|&i| Some(i) != except);
    if usable.is_empty() {
        return Choice::Nobody;
    }
    let open: Vec<usize> = usable.iter().copied().filter(|&i| back.servers[i].has_room()).collect();
    let chosen = match back.algorithm {
        Algorithm::LeastConn => least(back, &open, now),
        Algorithm::RoundRobin => turn(back, &open, now),
        Algorithm::Source => hash(back, &usable, client, now).filter(|i| open.contains(i)),
    };
    chosen.map_or(Choice::Full, Choice::Server)
}

fn least(back: &Back, open: &[usize], now: u64) -> Option<usize> {
    let load = |i: usize| {
        let server = &back.servers[i];
        (server.meter.current + 1) as f64 / f64::from(server.effective_weight(now).max(1))
    };
    open.iter().copied().min_by(|&a, &b| load(a).total_cmp(&load(b)))
}

/// Everyone earns its weight, the richest is chosen and pays for the round.
fn turn(back: &mut Back, open: &[usize], now: u64) -> Option<usize> {
    let mut round = 0.0;
    for &i in open {
        let weight = f64::from(back.servers[i].effective_weight(now));
        back.servers[i].turn += weight;
        round += weight;
    }
    let chosen = open.iter().copied().max_by(|&a, &b| back.servers[a].turn.total_cmp(&back.servers[b].turn))?;
    back.servers[chosen].turn -= round;
    Some(chosen)
}

fn hash(back: &Back, usable: &[usize], client: u16, now: u64) -> Option<usize> {
    let total: u32 = usable.iter().map(|&i| back.servers[i].effective_weight(now)).sum();
    let mut point = (u32::from(client).wrapping_mul(2_654_435_761) >> 7) % total.max(1);
    usable.iter().copied().find(|&i| {
        let weight = back.servers[i].effective_weight(now);
        let here = point < weight;
        point = point.saturating_sub(weight);
        here
    })
}
