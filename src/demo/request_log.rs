//! The log of the simulated `HAProxy`: a line for each session that ended, as rsyslog writes those of `option httplog` and
//! `option tcplog`.
//!
//! The time of a request has whole seconds and an offset (`%trg`), because dates of the simulation are in UTC. Methods and URIs
//! follow from the backend and the number of the session, so that the random numbers of the traffic are not used.

use std::fmt::Write as _;

use crate::demo::client_session::{EndedSession, client_address};
use crate::demo::counters::CounterId;
use crate::demo::date::format_date;
use crate::demo::proxy::ProxyMode;
use crate::demo::world::World;

/// Response time in milliseconds from which a request to the API is an export.
const EXPORT_MS: u64 = 700;

impl World {
    /// Logs a session that ended in the backend at index `b`.
    pub(crate) fn log_session(&mut self, b: usize, ended: &EndedSession) {
        if !self.log.is_open() {
            return;
        }
        let (Some(frontend), Some(proxy)) = (self.proxies.get(ended.frontend), self.proxies.get(b)) else { return };
        let server = proxy.backend.as_ref().zip(ended.server).and_then(|(backend, i)| backend.servers.get(i));
        let server = server.map_or("<NOSRV>", |server| &server.name);
        let at = self.epoch + ended.arrived_at / 1000;
        let date = |digits| format_date(at, ended.arrived_at % 1000 * 1000, digits);
        let second = date(0);
        let second = second.trim_end_matches('.');
        let (address, port) = (client_address(ended.client), ended.client_port);
        let mut line = format!("{} demo haproxy[{}]: {address}:{port} ", syslog_date(second), self.pid);
        let [queue, connect, response, total] = ended.times;
        let route = format!("{} {}/{server}", frontend.name, proxy.name);
        let bytes = ended.bytes_out;
        let flags = flags(ended);
        let _ = match proxy.mode {
            ProxyMode::Tcp => {
                writeln!(line, "[{second} +0000] {route} {queue}/{connect}/{total} {bytes} {flags} 1/1/1/1/0 0/0")
            }
            ProxyMode::Http => {
                let times = if ended.server.is_none() {
                    format!("0/{}/-1/-1/{total}", if flags == "sQ" { queue.to_string() } else { "-1".to_owned() })
                } else if ended.response_class == Some(CounterId::HrspOther) {
                    format!("0/{queue}/{connect}/-1/{total}")
                } else {
                    format!("0/{queue}/{connect}/{response}/{total}")
                };
                let (status, request) = (status(ended), request(&proxy.name, ended, response));
                writeln!(
                    line,
                    "[{second} +0000] {route} {times} {status} {bytes} - - {flags}-- 1/1/1/1/0 0/0 \"{request} HTTP/1.1\""
                )
            }
        };
        self.log.add(&line);
    }
}

/// Formats a date such as `20/Nov/2026:11:55:03` as rsyslog does: `Nov 20 11:55:03`.
fn syslog_date(date: &str) -> String {
    let part = |range| date.get(range).unwrap_or_default();
    format!("{} {} {}", part(3..6), part(0..2), part(12..20))
}

fn flags(ended: &EndedSession) -> &'static str {
    match (ended.server, ended.response_class) {
        (None, _) if ended.times[0] > 0 => "sQ",
        (None, _) => "SC",
        (_, Some(CounterId::HrspOther)) => "KH",
        _ if ended.client_aborts => "CD",
        _ => "--",
    }
}

fn status(ended: &EndedSession) -> String {
    let status = match ended.response_class {
        Some(CounterId::Hrsp3xx) => 304,
        Some(CounterId::Hrsp4xx) => 404,
        Some(CounterId::Hrsp5xx) if ended.server.is_none() => 503,
        Some(CounterId::Hrsp5xx) => 500,
        Some(CounterId::HrspOther) => return "-1".to_owned(),
        _ => 200,
    };
    status.to_string()
}

/// Returns method and URI of a request.
fn request(backend: &str, ended: &EndedSession, response: u64) -> String {
    let number = ended.id.wrapping_mul(0x9e37_79b9) >> 7;
    let (object, choice) = (number % 9000 + 1000, number % 10);
    match backend {
        "api" if response >= EXPORT_MS => "GET /api/export?format=csv".to_owned(),
        "api" if choice < 6 => format!("GET /api/users/{object}/orders"),
        "api" if choice < 8 => "GET /api/products?page=2".to_owned(),
        "api" => "POST /api/orders".to_owned(),
        "static" if choice < 5 => format!("GET /img/{object}/large.webp"),
        "static" => "GET /css/shop.css".to_owned(),
        "auth" => "POST /login".to_owned(),
        "legacy" => format!("GET /old/report.php?id={object}"),
        _ if choice < 3 => "GET /".to_owned(),
        _ if choice < 7 => format!("GET /item/{object}"),
        _ if choice < 9 => "GET /search?q=lamp".to_owned(),
        _ => "POST /cart".to_owned(),
    }
}
