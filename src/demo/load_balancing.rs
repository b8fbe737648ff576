//! Selection of the server for the next session.
//!
//! A server that is in maintenance, in drain, down, or has weight 0 is never selected. Full servers are skipped; if all
//! usable servers are full, the session waits in the backend's queue.

use crate::demo::proxy::{BalanceAlgorithm, SimBackend};

/// Result of a selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerChoice {
    /// This server has a free slot.
    Server(usize),
    /// All usable servers are full.
    AllFull,
    /// No server is usable.
    NoneUsable,
}

/// Selects a server, other than `except`, for a new session of this client.
pub(crate) fn choose_server(backend: &mut SimBackend, client: u16, except: Option<usize>, now: u64) -> ServerChoice {
    let mut usable = backend.usable_servers(now);
    usable.retain(|&i| Some(i) != except);
    if usable.is_empty() {
        return ServerChoice::NoneUsable;
    }
    let open: Vec<usize> = usable.iter().copied().filter(|&i| backend.servers[i].has_free_slot()).collect();
    let chosen = match backend.algorithm {
        BalanceAlgorithm::LeastConn => least_connections(backend, &open, now),
        BalanceAlgorithm::RoundRobin => round_robin(backend, &open, now),
        BalanceAlgorithm::Source => source_hash(backend, &usable, client, now).filter(|i| open.contains(i)),
    };
    chosen.map_or(ServerChoice::AllFull, ServerChoice::Server)
}

fn least_connections(backend: &SimBackend, open: &[usize], now: u64) -> Option<usize> {
    let load = |i: usize| {
        let server = &backend.servers[i];
        (server.counters.current + 1) as f64 / f64::from(server.effective_weight(now).max(1))
    };
    open.iter().copied().min_by(|&a, &b| load(a).total_cmp(&load(b)))
}

/// Selects the next server by weighted round robin. In each round, every server gains its weight as credit; the server
/// with the most credit is selected and pays the sum of all weights.
fn round_robin(backend: &mut SimBackend, open: &[usize], now: u64) -> Option<usize> {
    let mut round = 0.0;
    for &i in open {
        let weight = f64::from(backend.servers[i].effective_weight(now));
        backend.servers[i].round_robin_credit += weight;
        round += weight;
    }
    let chosen = open
        .iter()
        .copied()
        .max_by(|&a, &b| backend.servers[a].round_robin_credit.total_cmp(&backend.servers[b].round_robin_credit))?;
    backend.servers[chosen].round_robin_credit -= round;
    Some(chosen)
}

fn source_hash(backend: &SimBackend, usable: &[usize], client: u16, now: u64) -> Option<usize> {
    let total: u32 = usable.iter().map(|&i| backend.servers[i].effective_weight(now)).sum();
    let mut point = (u32::from(client).wrapping_mul(2_654_435_761) >> 7) % total.max(1);
    usable.iter().copied().find(|&i| {
        let weight = backend.servers[i].effective_weight(now);
        let here = point < weight;
        point = point.saturating_sub(weight);
        here
    })
}
