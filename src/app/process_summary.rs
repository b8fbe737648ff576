//! The whole process in a few numbers: what the header says.

use crate::actions::capacity::Strength;
use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::status::State;
use crate::instance::instance::Instance;

/// The process at a glance. Rates are absent without two samples.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overview {
    /// Connections now.
    pub connections: Option<i64>,
    /// Their limit.
    pub max_connections: Option<i64>,
    /// Idle time, in percent.
    pub idle: Option<i64>,
    /// Sessions a second.
    pub sessions: Option<i64>,
    /// HTTP requests a second. HAProxy's own count (`CumReq`) holds those of the stats socket too.
    pub requests: Option<f64>,
    /// Bytes a second that clients send.
    pub bytes_in: Option<f64>,
    /// Bytes a second that clients get.
    pub bytes_out: Option<f64>,
    /// Share of 5xx among the responses to clients.
    pub share_5xx: Option<f64>,
    /// Requests waiting in all backends.
    pub queued: i64,
    /// Servers that take traffic.
    pub up: usize,
    /// Servers that are down or coming up.
    pub down: usize,
    /// Servers that drain or are in maintenance.
    pub away: usize,
    /// Names of the backends without a usable server, though they have servers.
    pub dead_backends: Vec<String>,
}

impl Overview {
    /// Looks at the newest sample; nothing when there is none.
    pub fn of(watch: &Instance) -> Option<Self> {
        let sample = watch.newest()?;
        let window = watch.window();
        let ids = sample.rows.ids();
        let frontends = sample.rows.frontends();
        let sum = |field| {
            let rates = frontends.iter().map(|row| window.rate(ids[*row], field));
            rates.fold(None, |sum: Option<f64>, rate| match (sum, rate) {
                (Some(sum), Some(rate)) => Some(sum + rate),
                (sum, rate) => sum.or(rate),
            })
        };
        let mut overview = Self {
            connections: sample.process(InfoField::CurrConns),
            max_connections: sample.process(InfoField::Maxconn),
            idle: sample.process(InfoField::IdlePct),
            sessions: sample.process(InfoField::SessRate),
            requests: sum(Field::ReqTot),
            bytes_in: sum(Field::Bin),
            bytes_out: sum(Field::Bout),
            ..Self::default()
        };
        let responses: f64 = Field::RESPONSES.into_iter().filter_map(sum).sum();
        overview.share_5xx = sum(Field::Hrsp5xx).filter(|_| responses > 0.0).map(|errors| errors / responses);
        for backend in sample.rows.backends() {
            let queued = |row| sample.table.number(row, Field::Qcur).unwrap_or(0);
            overview.queued = overview.queued.saturating_add(queued(backend.row));
            for server in &backend.servers {
                // A backend's number counts only those who wait for any of its servers.
                overview.queued = overview.queued.saturating_add(queued(*server));
                match sample.table.rows()[*server].state() {
                    state if state.is_usable() => overview.up += 1,
                    State::Down | State::ComingUp => overview.down += 1,
                    _ => overview.away += 1,
                }
            }
            let is_alive = Strength::of(sample, &backend.servers).is_alive();
            if !is_alive && !backend.servers.is_empty() {
                overview.dead_backends.push(sample.rows.key(backend.row).proxy.to_string());
            }
        }
        Some(overview)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleMaker, site};

    #[test]
    fn the_process_is_summed_up() {
        let (mut watch, mut maker) = (Instance::default(), SampleMaker::default());
        assert_eq!(Overview::of(&watch), None);
        watch.take(maker.at_millis(0, &site()), 0);
        let overview = Overview::of(&watch).unwrap();
        assert_eq!((overview.connections, overview.max_connections, overview.idle), (Some(500), Some(2000), Some(80)));
        assert_eq!((overview.up, overview.down, overview.away, overview.queued), (3, 1, 2, 8));
        assert_eq!(overview.dead_backends, ["legacy"]);
        assert_eq!((overview.requests, overview.bytes_in), (None, None), "one sample gives no rate");
        watch.take(maker.at_millis(1000, &site().replace("9000,5000,8000", "9010,5500,9000")), 0);
        let overview = Overview::of(&watch).unwrap();
        assert_eq!((overview.bytes_in, overview.bytes_out), (Some(500.0), Some(1000.0)));
    }

    #[test]
    fn queues_at_the_end_of_63_bits_do_not_overflow() {
        let stat = "# pxname,svname,qcur,type,status,\nb,s,9223372036854775807,2,UP,\nb,BACKEND,5,1,UP,\n";
        let mut watch = Instance::default();
        watch.take(SampleMaker::default().at_millis(0, stat), 0);
        assert_eq!(Overview::of(&watch).unwrap().queued, i64::MAX);
    }
}
