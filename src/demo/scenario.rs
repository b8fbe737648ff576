//! The incidents of the demo and their timetable.
//!
//! The timetable repeats. Each incident sets a cause (more load, a slow server, a server that does not answer), and the
//! simulation produces the queues, failed checks and errors that follow. The scenario does not change anything that an
//! operator sets: maintenance, drain and weights stay as they are until a reload resets them, as with a real `HAProxy`.

use crate::demo::health_check::Fault;
use crate::demo::proxy::Proxy;
use crate::demo::server::Impairment;

/// Effect of an incident while it lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Incident {
    /// Multiplies the request rate of a backend.
    HighLoad { backend: &'static str, factor: f64 },
    /// Multiplies the response time of a server.
    SlowServer { backend: &'static str, server: &'static str, factor: f64 },
    /// Makes a server stop answering.
    SilentServer { backend: &'static str, server: &'static str },
    /// Turns the given share of a backend's responses into 5xx.
    ServerErrors { backend: &'static str, share: f64 },
}

/// Length of the timetable in milliseconds.
const CYCLE_MS: u64 = 240_000;

/// An incident, with its start and end in seconds since the start of the timetable.
type TimedIncident = (u64, u64, Incident);

/// The incidents of the repeated timetable.
const TIMETABLE: [TimedIncident; 7] = [
    (3, 38, Incident::HighLoad { backend: "api", factor: 2.6 }),
    (62, 102, Incident::SlowServer { backend: "www", server: "www3", factor: 3.0 }),
    (115, 135, Incident::SilentServer { backend: "static", server: "static2" }),
    (138, 142, Incident::SilentServer { backend: "static", server: "static2" }),
    (165, 185, Incident::ServerErrors { backend: "auth", share: 0.35 }),
    (200, 212, Incident::HighLoad { backend: "www", factor: 1.5 }),
    (200, 212, Incident::HighLoad { backend: "static", factor: 1.5 }),
];

/// Milliseconds that a high load takes to reach its maximum.
const LOAD_RAMP_MS: f64 = 7000.0;

/// Milliseconds from the start of the scenario to the first reload.
const FIRST_RELOAD_MS: u64 = 600_000;
/// Milliseconds between two consecutive reloads.
const RELOAD_INTERVAL_MS: u64 = 1_800_000;

/// Applies the incidents that are active `elapsed` milliseconds after the start of the scenario.
pub(crate) fn apply_incidents(proxies: &mut [Proxy], elapsed: u64) {
    apply_timetable(proxies, &TIMETABLE, elapsed % CYCLE_MS);
}

/// Applies the incidents of a timetable that are active `elapsed` milliseconds after its start.
pub(crate) fn apply_timetable(proxies: &mut [Proxy], timetable: &[TimedIncident], elapsed: u64) {
    for backend in proxies.iter_mut().filter_map(|proxy| proxy.backend.as_mut()) {
        backend.load_factor = 1.0;
        for server in &mut backend.servers {
            server.impairment = Impairment::default();
        }
    }
    let second = elapsed / 1000;
    for (from, _, incident) in timetable.iter().filter(|(from, to, _)| (*from..*to).contains(&second)) {
        apply_incident(proxies, *incident, elapsed - from * 1000);
    }
}

/// Applies one incident, `since` milliseconds after its start.
fn apply_incident(proxies: &mut [Proxy], incident: Incident, since: u64) {
    let (Incident::HighLoad { backend: name, .. }
    | Incident::SlowServer { backend: name, .. }
    | Incident::SilentServer { backend: name, .. }
    | Incident::ServerErrors { backend: name, .. }) = incident;
    let Some(backend) = proxies.iter_mut().filter(|proxy| proxy.name == name).find_map(|proxy| proxy.backend.as_mut())
    else {
        return;
    };
    let mut impair = |name: &str, ordeal: Impairment| {
        if let Some(server) = backend.servers.iter_mut().find(|server| server.name == name) {
            server.impairment = ordeal;
        }
    };
    match incident {
        Incident::SlowServer { server, factor, .. } => {
            impair(server, Impairment { response_factor: factor, ..Impairment::default() });
        }
        Incident::SilentServer { server, .. } => {
            impair(server, Impairment { fault: Some(Fault::Timeout), ..Impairment::default() });
        }
        Incident::HighLoad { factor, .. } => {
            backend.load_factor = 1.0 + (factor - 1.0) * (since as f64 / LOAD_RAMP_MS).min(1.0);
        }
        Incident::ServerErrors { share, .. } => {
            backend.servers.iter_mut().for_each(|server| server.impairment.error_share = share);
        }
    }
}

/// Returns whether the process is reloaded in the step of `step` milliseconds that begins at `elapsed`.
pub(crate) fn is_reload_due(elapsed: u64, step: u64) -> bool {
    elapsed >= FIRST_RELOAD_MS && (elapsed - FIRST_RELOAD_MS) % RELOAD_INTERVAL_MS < step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_reload_due_after_ten_minutes_then_every_half_hour() {
        let reloads: Vec<u64> = (1..=42_000).map(|i| i * 100).filter(|&elapsed| is_reload_due(elapsed, 100)).collect();
        assert_eq!(reloads, [600_000, 2_400_000, 4_200_000]);
    }
}
