//! What can be wrong with a backend as a whole. Errors of connecting and answering are put to servers too.

use crate::haproxy::fields::Field;
use crate::haproxy::stat_table::RowKind;
use crate::problems::measurement::Reading;
use crate::problems::phrases;
use crate::problems::rule_input::{FEW, View, share};

/// Attempts to connect below which a share of errors says nothing: they are few where connections are reused.
const FEW_ATTEMPTS: f64 = 5.0;

/// A backend without any server in its configuration (`peers`, statistics, redirects) has none to lose.
pub(super) fn servers_left(view: &View<'_>) -> Reading {
    if view.pool.servers == 0 {
        return Reading::Fine;
    }
    match (view.number(Field::Act), view.number(Field::Bck)) {
        (None, None) => Reading::Value(view.pool.usable as f64),
        (active, backup) => Reading::Value(active.unwrap_or_default() + backup.unwrap_or_default()),
    }
}

pub(super) fn say_servers_left(view: &View<'_>, _: f64) -> String {
    let pool = view.pool;
    let parts = [(pool.down, "down"), (pool.away, "in maintenance or drain"), (pool.usable, "with weight 0")];
    let parts = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    format!("no server left: {}", parts.collect::<Vec<_>>().join(", "))
}

/// Of 2.6.12's backends `uweight` counts the usable servers only, as `weight` does; so both sums are made from
/// the servers.
pub(super) fn weight_up(view: &View<'_>) -> Reading {
    if view.pool.usable == 0 || view.pool.weight_due <= 0.0 {
        return Reading::Fine;
    }
    Reading::Value(view.pool.weight_up / view.pool.weight_due)
}

pub(super) fn say_weight_up(view: &View<'_>, value: f64) -> String {
    let down = phrases::count(view.pool.down as f64, "server", "servers");
    format!("{down} of {} down, {} of the weight is up", view.pool.servers, phrases::percent(value))
}

pub(super) fn queue(view: &View<'_>) -> Reading {
    Reading::Value(view.pool.queued)
}

pub(super) fn say_queue(_: &View<'_>, value: f64) -> String {
    format!("{value:.0} waiting for a server")
}

/// How many more wait than in the sample before.
pub(super) fn queue_growing(view: &View<'_>) -> Reading {
    if view.pool.queued <= 0.0 {
        return Reading::Value(0.0);
    }
    let (Some(backend), Some(before)) = (view.backend, view.before) else { return Reading::Unknown };
    let ids = view.sample.rows.ids();
    let rows = std::iter::once(&backend.row).chain(&backend.servers);
    let waited: f64 = rows.filter_map(|row| before.number(ids[*row], Field::Qcur)).map(|queued| queued as f64).sum();
    Reading::Value((view.pool.queued - waited).max(0.0))
}

pub(super) fn say_queue_growing(view: &View<'_>, value: f64) -> String {
    format!("{:.0} waiting, {value:.0} more than a sample ago", view.pool.queued)
}

pub(super) fn queue_wait(view: &View<'_>) -> Reading {
    view.mean(Field::Qtime)
}

pub(super) fn say_queue_wait(_: &View<'_>, value: f64) -> String {
    format!("{} waiting for a server (qtime)", phrases::millis(value))
}

/// 5xx that no server sent. Unknown until all servers are known to have sent none of them.
pub(super) fn own_5xx(view: &View<'_>) -> Reading {
    let Some(backend) = view.backend.filter(|backend| !backend.servers.is_empty()) else { return Reading::Fine };
    let Some(all) = view.growth(Field::Hrsp5xx) else { return Reading::Unknown };
    if all <= 0.0 {
        return Reading::Value(0.0);
    }
    let mut own = all;
    for server in &backend.servers {
        match view.at(*server).growth(Field::Hrsp5xx) {
            Some(sent) => own -= sent,
            None => return Reading::Unknown,
        }
    }
    Reading::Value(own.max(0.0))
}

pub(super) fn say_own_5xx(_: &View<'_>, value: f64) -> String {
    format!("{} 5xx that no server sent", format_args!("{value:.0}"))
}

/// Failed attempts to connect, of a backend or server. Older versions have no `connect`.
pub(super) fn connection_errors(view: &View<'_>) -> Reading {
    let attempts = || view.growth(Field::Connect).or_else(|| view.growth(Field::Lbtot));
    share(view.growth(Field::Econ), attempts, FEW_ATTEMPTS)
}

pub(super) fn say_connection_errors(view: &View<'_>, value: f64) -> String {
    let failed = view.growth(Field::Econ).unwrap_or_default();
    format!("{} of the connections failed, {failed:.0} in the last seconds", phrases::percent(value))
}

/// Response errors, of a backend or server. A server that only fails has no responses: its errors are all.
pub(super) fn response_errors(view: &View<'_>) -> Reading {
    let errors = view.growth(Field::Eresp);
    let all = || {
        let counted = if view.is_tcp() { view.growth(Field::Stot) } else { view.responses() };
        let counted = counted.or_else(|| view.growth(Field::Stot));
        counted.zip(errors).map(|(counted, errors)| counted.max(errors))
    };
    share(errors, all, FEW)
}

pub(super) fn say_response_errors(view: &View<'_>, value: f64) -> String {
    let aborts = view.growth(Field::SrvAbrt).unwrap_or_default();
    let aborts = if aborts > 0.0 { format!(", {aborts:.0} aborted by the server") } else { String::new() };
    format!("{} of the responses failed{aborts}", phrases::percent(value))
}

pub(super) fn retries(view: &View<'_>) -> Reading {
    share(view.growth(Field::Wretr), || view.served(), FEW)
}

pub(super) fn say_retries(_: &View<'_>, value: f64) -> String {
    format!("{} retries per 100 requests", phrases::times(value * 100.0))
}

pub(super) fn redispatches(view: &View<'_>) -> Reading {
    share(view.growth(Field::Wredis), || view.served(), FEW)
}

pub(super) fn say_redispatches(_: &View<'_>, value: f64) -> String {
    format!("{} redispatches per 100 requests", phrases::times(value * 100.0))
}

/// Aborts by clients, of a backend or server.
pub(super) fn client_aborts(view: &View<'_>) -> Reading {
    share(view.growth(Field::CliAbrt), || view.served(), FEW)
}

pub(super) fn say_client_aborts(_: &View<'_>, value: f64) -> String {
    format!("{} of the requests aborted by clients", phrases::percent(value))
}

/// TCP has no response time.
pub(super) fn response_time(view: &View<'_>) -> Reading {
    if view.is_tcp() { Reading::Fine } else { view.mean(Field::Rtime) }
}

pub(super) fn say_response_time(_: &View<'_>, value: f64) -> String {
    format!("{} to respond (rtime)", phrases::millis(value))
}

pub(super) fn connect_time(view: &View<'_>) -> Reading {
    view.mean(Field::Ctime)
}

pub(super) fn say_connect_time(view: &View<'_>, value: f64) -> String {
    let to = if view.row().is_some_and(|row| row.kind == RowKind::Server) { "the server" } else { "a server" };
    format!("{} to connect to {to} (ctime)", phrases::millis(value))
}
