//! Rules for the HAProxy process, based on `show info`.

use crate::haproxy::fields::InfoField;
use crate::problems::figures::MIN_EVENTS;
use crate::problems::measurement::{Measurement, NotEvaluatedReason};
use crate::problems::rule_input::{RuleInput, measure_usage};
use crate::units;

/// Describes the used share of a limit: `92% of 2000 connections`.
fn describe_usage(input: &RuleInput<'_>, value: f64, limit: InfoField, noun: &str) -> String {
    let limit = input.process_number(limit).unwrap_or_default();
    format!("{} of {limit:.0} {noun}", units::percent(value))
}

pub(super) fn connections(input: &RuleInput<'_>) -> Measurement {
    measure_usage(input.process_number(InfoField::CurrConns), input.process_number(InfoField::Maxconn))
}

pub(super) fn describe_connections(input: &RuleInput<'_>, value: f64) -> String {
    describe_usage(input, value, InfoField::Maxconn, "connections")
}

pub(super) fn session_rate(input: &RuleInput<'_>) -> Measurement {
    measure_usage(input.process_number(InfoField::SessRate), input.process_number(InfoField::SessRateLimit))
}

pub(super) fn describe_session_rate(input: &RuleInput<'_>, value: f64) -> String {
    describe_usage(input, value, InfoField::SessRateLimit, "sessions per second")
}

pub(super) fn connection_rate(input: &RuleInput<'_>) -> Measurement {
    measure_usage(input.process_number(InfoField::ConnRate), input.process_number(InfoField::ConnRateLimit))
}

pub(super) fn describe_connection_rate(input: &RuleInput<'_>, value: f64) -> String {
    describe_usage(input, value, InfoField::ConnRateLimit, "connections per second")
}

pub(super) fn tls_rate(input: &RuleInput<'_>) -> Measurement {
    measure_usage(input.process_number(InfoField::SslRate), input.process_number(InfoField::SslRateLimit))
}

pub(super) fn describe_tls_rate(input: &RuleInput<'_>, value: f64) -> String {
    describe_usage(input, value, InfoField::SslRateLimit, "TLS sessions per second")
}

pub(super) fn tls_connections(input: &RuleInput<'_>) -> Measurement {
    measure_usage(input.process_number(InfoField::CurrSslConns), input.process_number(InfoField::MaxSslConns))
}

pub(super) fn describe_tls_connections(input: &RuleInput<'_>, value: f64) -> String {
    describe_usage(input, value, InfoField::MaxSslConns, "TLS connections")
}

/// Time after its start in which a process is not judged by its TLS sessions: it does not know those of the process
/// before.
const TLS_START_SECONDS: f64 = 60.0;

/// Measures the share of TLS sessions in the last second that were resumed. Not evaluated right after a start, or if
/// there were fewer than [`MIN_EVENTS`] sessions, because the share is then meaningless.
pub(super) fn tls_reuse(input: &RuleInput<'_>) -> Measurement {
    if input.process_number(InfoField::UptimeSec).is_some_and(|uptime| uptime < TLS_START_SECONDS) {
        return Measurement::NotEvaluated(NotEvaluatedReason::Reload);
    }
    match (input.process_number(InfoField::SslFrontendSessionReuse), input.process_number(InfoField::SslRate)) {
        (Some(percent), Some(rate)) if rate >= MIN_EVENTS => Measurement::Value(percent / 100.0),
        _ => Measurement::Unknown,
    }
}

pub(super) fn describe_tls_reuse(_: &RuleInput<'_>, value: f64) -> String {
    format!("only {} of TLS sessions resumed", units::percent(value))
}

pub(super) fn idle(input: &RuleInput<'_>) -> Measurement {
    input.process_number(InfoField::IdlePct).map_or(Measurement::Unknown, |percent| Measurement::Value(percent / 100.0))
}

pub(super) fn describe_idle(_: &RuleInput<'_>, value: f64) -> String {
    format!("{} idle (mean of all threads)", units::percent(value))
}

pub(super) fn memory(input: &RuleInput<'_>) -> Measurement {
    measure_usage(input.process_number(InfoField::PoolUsedMb), input.process_number(InfoField::MemmaxMb))
}

pub(super) fn describe_memory(input: &RuleInput<'_>, value: f64) -> String {
    describe_usage(input, value, InfoField::MemmaxMb, "MB of memory")
}

pub(super) fn pool_failed(input: &RuleInput<'_>) -> Measurement {
    input.process_growth(InfoField::PoolFailed).map_or(Measurement::Unknown, Measurement::Value)
}

pub(super) fn describe_pool_failed(_: &RuleInput<'_>, value: f64) -> String {
    format!("out of memory: {} failed", units::pluralize(value.round_ties_even() as i64, "allocation"))
}

pub(super) fn run_queue(input: &RuleInput<'_>) -> Measurement {
    let threads = input.process_number(InfoField::Nbthread).unwrap_or(1.0).max(1.0);
    input.process_number(InfoField::RunQueue).map_or(Measurement::Unknown, |tasks| Measurement::Value(tasks / threads))
}

pub(super) fn describe_run_queue(_: &RuleInput<'_>, value: f64) -> String {
    format!("{} per thread waiting to run", units::pluralize(value.round_ties_even() as i64, "task"))
}

pub(super) fn dropped_logs(input: &RuleInput<'_>) -> Measurement {
    input.process_growth(InfoField::DroppedLogs).map_or(Measurement::Unknown, Measurement::Value)
}

pub(super) fn describe_dropped_logs(_: &RuleInput<'_>, value: f64) -> String {
    format!("{} dropped", units::pluralize(value.round_ties_even() as i64, "log message"))
}

/// Counts the backends with a usable server. Fine if only one backend has servers; the rule `backend-down` covers it.
pub(super) fn usable_backends(input: &RuleInput<'_>) -> Measurement {
    if input.backend_counts.with_servers < 2 {
        Measurement::Fine
    } else {
        Measurement::Value(input.backend_counts.with_usable_server as f64)
    }
}

pub(super) fn describe_no_usable_backend(input: &RuleInput<'_>, _: f64) -> String {
    format!("no server available in any of the {} backends", input.backend_counts.with_servers)
}
