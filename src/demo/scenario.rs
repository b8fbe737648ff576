//! What goes wrong, and when: the incidents that make the demo worth watching.
//!
//! A timetable that repeats. Each incident sets a condition of the world (more load, a slow server, a server
//! that does not answer) and the rest follows by itself: queues, failed checks, errors. The story never touches
//! what an operator sets, so maintenance, drains and weights stay as they are, except through a reload, as with
//! a real `HAProxy`.

use crate::demo::health_check::Fault;
use crate::demo::proxy::Proxy;
use crate::demo::server::Ordeal;

/// What an incident does while it lasts.
#[derive(Clone, Copy, Debug)]
enum Incident {
    /// The requests to a backend become this many times more.
    Load { back: &'static str, factor: f64 },
    /// A server responds this many times slower.
    Slow { back: &'static str, server: &'static str, factor: f64 },
    /// A server does not answer.
    Silent { back: &'static str, server: &'static str },
    /// This share of a backend's responses becomes 5xx.
    Errors { back: &'static str, share: f64 },
}

/// The length of the story, in milliseconds.
const PERIOD: u64 = 240_000;

/// From, to (seconds into the period), and what happens.
const TIMETABLE: [(u64, u64, Incident); 7] = [
    (3, 38, Incident::Load { back: "api", factor: 2.6 }),
    (62, 102, Incident::Slow { back: "www", server: "www3", factor: 4.0 }),
    (115, 135, Incident::Silent { back: "static", server: "static2" }),
    (138, 142, Incident::Silent { back: "static", server: "static2" }),
    (165, 185, Incident::Errors { back: "auth", share: 0.35 }),
    (200, 212, Incident::Load { back: "www", factor: 1.5 }),
    (200, 212, Incident::Load { back: "static", factor: 1.5 }),
];

/// Milliseconds until a load is at its height.
const SWELL: f64 = 7000.0;

/// The first reload, and the time between those that follow, in milliseconds.
const FIRST_RELOAD: u64 = 600_000;
const NEXT_RELOADS: u64 = 1_800_000;

/// Sets the conditions of this moment of the story.
pub(crate) fn apply(proxies: &mut [Proxy], story: u64) {
    for back in proxies.iter_mut().filter_map(|proxy| proxy.back.as_mut()) {
        back.demand = 1.0;
        for server in &mut back.servers {
            server.ordeal = Ordeal::default();
        }
    }
    let second = story % PERIOD / 1000;
    for (from, _, incident) in TIMETABLE.iter().filter(|(from, to, _)| (*from..*to).contains(&second)) {
        set(proxies, *incident, story % PERIOD - from * 1000);
    }
}

/// Sets the condition of one incident, this many milliseconds after it began.
fn set(proxies: &mut [Proxy], incident: Incident, since: u64) {
    let (Incident::Load { back: name, .. }
    | Incident::Slow { back: name, .. }
    | Incident::Silent { back: name, .. }
    | Incident::Errors { back: name, .. }) = incident;
    let Some(back) = proxies.iter_mut().filter(|proxy| proxy.name == name).find_map(|proxy| proxy.back.as_mut()) else {
        return;
    };
    let mut one = |name: &str, ordeal: Ordeal| {
        if let Some(server) = back.servers.iter_mut().find(|server| server.name == name) {
            server.ordeal = ordeal;
        }
    };
    match incident {
        Incident::Slow { server, factor, .. } => one(server, Ordeal { slow: factor, ..Ordeal::default() }),
        Incident::Silent { server, .. } => one(server, Ordeal { fault: Some(Fault::Timeout), ..Ordeal::default() }),
        Incident::Load { factor, .. } => back.demand = 1.0 + (factor - 1.0) * (since as f64 / SWELL).min(1.0),
        Incident::Errors { share, .. } => back.servers.iter_mut().for_each(|server| server.ordeal.errors = share),
    }
}

/// Whether the process is reloaded in the step that ends at this moment of the story.
pub(crate) fn reloads_at(story: u64, step: u64) -> bool {
    story >= FIRST_RELOAD && (story - FIRST_RELOAD) % NEXT_RELOADS < step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reloads_once_after_ten_minutes_and_then_each_half_hour() {
        let reloads: Vec<u64> = (1..=42_000).map(|i| i * 100).filter(|&story| reloads_at(story, 100)).collect();
        assert_eq!(reloads, [600_000, 2_400_000, 4_200_000]);
    }
}
