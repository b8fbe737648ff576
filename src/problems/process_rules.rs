//! What can be wrong with the process, by `show info`.

use crate::haproxy::fields::InfoField;
use crate::problems::measurement::Reading;
use crate::problems::phrases;
use crate::problems::rule_input::{FEW, View, used};

/// Says how much of a limit is used: `92% of 2000 connections`.
fn say_used(view: &View<'_>, value: f64, limit: InfoField, things: &str) -> String {
    let limit = view.process(limit).unwrap_or_default();
    format!("{} of {limit:.0} {things}", phrases::percent(value))
}

pub(super) fn connections(view: &View<'_>) -> Reading {
    used(view.process(InfoField::CurrConns), view.process(InfoField::Maxconn))
}

pub(super) fn say_connections(view: &View<'_>, value: f64) -> String {
    say_used(view, value, InfoField::Maxconn, "connections")
}

pub(super) fn session_rate(view: &View<'_>) -> Reading {
    used(view.process(InfoField::SessRate), view.process(InfoField::SessRateLimit))
}

pub(super) fn say_session_rate(view: &View<'_>, value: f64) -> String {
    say_used(view, value, InfoField::SessRateLimit, "sessions a second")
}

pub(super) fn connection_rate(view: &View<'_>) -> Reading {
    used(view.process(InfoField::ConnRate), view.process(InfoField::ConnRateLimit))
}

pub(super) fn say_connection_rate(view: &View<'_>, value: f64) -> String {
    say_used(view, value, InfoField::ConnRateLimit, "connections a second")
}

pub(super) fn tls_rate(view: &View<'_>) -> Reading {
    used(view.process(InfoField::SslRate), view.process(InfoField::SslRateLimit))
}

pub(super) fn say_tls_rate(view: &View<'_>, value: f64) -> String {
    say_used(view, value, InfoField::SslRateLimit, "TLS sessions a second")
}

pub(super) fn tls_connections(view: &View<'_>) -> Reading {
    used(view.process(InfoField::CurrSslConns), view.process(InfoField::MaxSslConns))
}

pub(super) fn say_tls_connections(view: &View<'_>, value: f64) -> String {
    say_used(view, value, InfoField::MaxSslConns, "TLS connections")
}

/// The share covers one second: without many TLS sessions in it, it says nothing.
pub(super) fn tls_reuse(view: &View<'_>) -> Reading {
    match (view.process(InfoField::SslFrontendSessionReuse), view.process(InfoField::SslRate)) {
        (Some(percent), Some(rate)) if rate >= FEW => Reading::Value(percent / 100.0),
        _ => Reading::Unknown,
    }
}

pub(super) fn say_tls_reuse(_: &View<'_>, value: f64) -> String {
    format!("{} of the TLS sessions resumed", phrases::percent(value))
}

pub(super) fn idle(view: &View<'_>) -> Reading {
    view.process(InfoField::IdlePct).map_or(Reading::Unknown, |percent| Reading::Value(percent / 100.0))
}

pub(super) fn say_idle(_: &View<'_>, value: f64) -> String {
    format!("{} idle, a mean over all threads", phrases::percent(value))
}

pub(super) fn memory(view: &View<'_>) -> Reading {
    used(view.process(InfoField::PoolUsedMb), view.process(InfoField::MemmaxMb))
}

pub(super) fn say_memory(view: &View<'_>, value: f64) -> String {
    say_used(view, value, InfoField::MemmaxMb, "MB of memory")
}

pub(super) fn pool_failed(view: &View<'_>) -> Reading {
    view.process_growth(InfoField::PoolFailed).map_or(Reading::Unknown, Reading::Value)
}

pub(super) fn say_pool_failed(_: &View<'_>, value: f64) -> String {
    format!("out of memory: {} failed", phrases::count(value, "allocation", "allocations"))
}

pub(super) fn run_queue(view: &View<'_>) -> Reading {
    let threads = view.process(InfoField::Nbthread).unwrap_or(1.0).max(1.0);
    view.process(InfoField::RunQueue).map_or(Reading::Unknown, |tasks| Reading::Value(tasks / threads))
}

pub(super) fn say_run_queue(_: &View<'_>, value: f64) -> String {
    format!("{} waiting to run on each thread", phrases::count(value, "task", "tasks"))
}

pub(super) fn dropped_logs(view: &View<'_>) -> Reading {
    view.process_growth(InfoField::DroppedLogs).map_or(Reading::Unknown, Reading::Value)
}

pub(super) fn say_dropped_logs(_: &View<'_>, value: f64) -> String {
    format!("{} lost", phrases::count(value, "log line", "log lines"))
}

/// With a single backend its own rule says it all.
pub(super) fn nobody_alive(view: &View<'_>) -> Reading {
    if view.site.backends < 2 { Reading::Fine } else { Reading::Value(view.site.alive as f64) }
}

pub(super) fn say_nobody_alive(view: &View<'_>, _: f64) -> String {
    format!("none of {} backends has a server left", view.site.backends)
}
