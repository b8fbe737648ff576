//! Rules for the HAProxy process, based on `show info`.

use std::time::SystemTime;

use crate::haproxy::fields::InfoField;
use crate::observe::slow_facts::CertificateExpiry;
use crate::problems::figures::MIN_EVENTS;
use crate::problems::measurement::{Measurement, NotEvaluatedReason};
use crate::problems::rule_input::{RuleInput, measure_usage};
use crate::units;

/// Describes the used share of a limit: `92% of 2000 connections`.
fn describe_usage(input: &RuleInput<'_>, value: f64, limit: InfoField, noun: &str) -> String {
    let limit = input.process_number(limit).unwrap_or_default() as i64;
    format!("{} of {}", units::percent(value), units::pluralize(limit, noun))
}

/// Describes the used share of a limit per second: `92% of 2000 sessions per second`.
fn describe_rate(input: &RuleInput<'_>, value: f64, limit: InfoField, noun: &str) -> String {
    format!("{} per second", describe_usage(input, value, limit, noun))
}

pub(super) fn connections(input: &RuleInput<'_>) -> Measurement {
    measure_usage(input.process_number(InfoField::CurrConns), input.process_number(InfoField::Maxconn))
}

pub(super) fn describe_connections(input: &RuleInput<'_>, value: f64) -> String {
    describe_usage(input, value, InfoField::Maxconn, "connection")
}

pub(super) fn session_rate(input: &RuleInput<'_>) -> Measurement {
    measure_usage(input.process_number(InfoField::SessRate), input.process_number(InfoField::SessRateLimit))
}

pub(super) fn describe_session_rate(input: &RuleInput<'_>, value: f64) -> String {
    describe_rate(input, value, InfoField::SessRateLimit, "session")
}

pub(super) fn connection_rate(input: &RuleInput<'_>) -> Measurement {
    measure_usage(input.process_number(InfoField::ConnRate), input.process_number(InfoField::ConnRateLimit))
}

pub(super) fn describe_connection_rate(input: &RuleInput<'_>, value: f64) -> String {
    describe_rate(input, value, InfoField::ConnRateLimit, "connection")
}

pub(super) fn tls_rate(input: &RuleInput<'_>) -> Measurement {
    measure_usage(input.process_number(InfoField::SslRate), input.process_number(InfoField::SslRateLimit))
}

pub(super) fn describe_tls_rate(input: &RuleInput<'_>, value: f64) -> String {
    describe_rate(input, value, InfoField::SslRateLimit, "TLS session")
}

pub(super) fn tls_connections(input: &RuleInput<'_>) -> Measurement {
    measure_usage(input.process_number(InfoField::CurrSslConns), input.process_number(InfoField::MaxSslConns))
}

pub(super) fn describe_tls_connections(input: &RuleInput<'_>, value: f64) -> String {
    describe_usage(input, value, InfoField::MaxSslConns, "TLS connection")
}

/// Time after its start in which a process is not judged by its TLS sessions: it does not know those of the process
/// before.
const TLS_START_SECONDS: f64 = 60.0;

/// Measures the share of TLS sessions in the last second that were resumed. Not evaluated right after a start, or if
/// there were fewer than [`MIN_EVENTS`] sessions, because the share is then meaningless.
pub(super) fn tls_reuse(input: &RuleInput<'_>) -> Measurement {
    let is_new = input.process_number(InfoField::UptimeSec).is_some_and(|uptime| uptime < TLS_START_SECONDS);
    match (input.process_number(InfoField::SslFrontendSessionReuse), input.process_number(InfoField::SslRate)) {
        (Some(_), Some(rate)) if rate >= MIN_EVENTS && is_new => Measurement::NotEvaluated(NotEvaluatedReason::Reload),
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
    let limit = input.process_number(InfoField::MemmaxMb).unwrap_or_default();
    format!("{} of {limit:.0} MB of memory", units::percent(value))
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

/// Measures the connections that were lost a short time ago, when another balancer took the address. Fine without a
/// failover.
pub(super) fn lost_connections(input: &RuleInput<'_>) -> Measurement {
    let failover = input.sample.details.failover.get();
    let lost = failover.map(|failover| failover.recent_losses(input.sample.at.monotonic));
    lost.map_or(Measurement::Fine, |lost| Measurement::Value(lost as f64))
}

pub(super) fn describe_lost_connections(input: &RuleInput<'_>, value: f64) -> String {
    let lost = units::pluralize(value as i64, "connection");
    let since = input.sample.details.failover.get().map(|failover| input.sample.at.elapsed_since(failover.at));
    match since {
        Some(since) => format!("{lost} lost in a failover {} ago", units::duration_words(since)),
        None => format!("{lost} lost in a failover"),
    }
}

/// Counts the addresses that another balancer owns at the same time. Fine without one.
pub(super) fn address_conflicts(input: &RuleInput<'_>) -> Measurement {
    let addresses = input.sample.details.address_conflicts.get();
    addresses.map_or(Measurement::Fine, |addresses| Measurement::Value(addresses.len() as f64))
}

pub(super) fn describe_address_conflicts(input: &RuleInput<'_>, _: f64) -> String {
    let addresses = input.sample.details.address_conflicts.get().map_or(&[][..], Vec::as_slice);
    let verb = if addresses.len() == 1 { "is" } else { "are" };
    let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    format!("{} {verb} also on another balancer (split brain)", names.join(", "))
}

pub(super) fn dropped_logs(input: &RuleInput<'_>) -> Measurement {
    input.process_growth(InfoField::DroppedLogs).map_or(Measurement::Unknown, Measurement::Value)
}

pub(super) fn describe_dropped_logs(_: &RuleInput<'_>, value: f64) -> String {
    format!("{} dropped", units::pluralize(value.round_ties_even() as i64, "log message"))
}

/// Measures the growth of a counter. Fine on HAProxy versions that do not have it.
fn new_counter_growth(input: &RuleInput<'_>, field: InfoField) -> Measurement {
    match (input.process_number(field), input.process_growth(field)) {
        (None, _) => Measurement::Fine,
        (Some(_), None) => Measurement::Unknown,
        (Some(_), Some(grown)) => Measurement::Value(grown),
    }
}

pub(super) fn maxconn_reached(input: &RuleInput<'_>) -> Measurement {
    new_counter_growth(input, InfoField::MaxconnReached)
}

pub(super) fn describe_maxconn_reached(input: &RuleInput<'_>, value: f64) -> String {
    let limit = input.process_number(InfoField::Maxconn).unwrap_or_default() as i64;
    let (limit, times) =
        (units::pluralize(limit, "connection"), units::pluralize(value.round_ties_even() as i64, "time"));
    format!("limit of {limit} reached {times}: clients waited")
}

pub(super) fn blocked_traffic(input: &RuleInput<'_>) -> Measurement {
    new_counter_growth(input, InfoField::BlockedTrafficWarnings)
}

pub(super) fn describe_blocked_traffic(_: &RuleInput<'_>, value: f64) -> String {
    format!("traffic stood still: a thread was blocked {}", units::pluralize(value.round_ties_even() as i64, "time"))
}

/// Measures how many of the file descriptors that `Maxconn` connections need the process may not open. HAProxy reports a
/// lower limit only with `no strict-limits`; otherwise it does not start.
pub(super) fn missing_descriptors(input: &RuleInput<'_>) -> Measurement {
    match (input.process_number(InfoField::Maxsock), input.process_number(InfoField::UlimitN)) {
        (Some(needed), Some(limit)) if limit > 0.0 => Measurement::Value((needed - limit).max(0.0)),
        _ => Measurement::Fine,
    }
}

pub(super) fn describe_missing_descriptors(input: &RuleInput<'_>, _: f64) -> String {
    let number = |field| input.process_number(field).unwrap_or_default() as i64;
    let connections = number(InfoField::Maxconn);
    let descriptors = units::part_of(number(InfoField::UlimitN), number(InfoField::Maxsock), "file descriptor");
    let need = units::choose_number(connections, "needs", "need");
    format!("only {descriptors} that {} {need}", units::pluralize(connections, "connection"))
}

pub(super) fn pipes(input: &RuleInput<'_>) -> Measurement {
    measure_usage(input.process_number(InfoField::PipesUsed), input.process_number(InfoField::Maxpipes))
}

pub(super) fn describe_pipes(input: &RuleInput<'_>, value: f64) -> String {
    describe_usage(input, value, InfoField::Maxpipes, "pipe")
}

/// Counts the processes that reply in turn on this socket.
pub(super) fn processes_in_turn(input: &RuleInput<'_>) -> Measurement {
    Measurement::Value(input.sample.details.live_pids.len().max(1) as f64)
}

/// Formats a number of processes: `1 process`, `2 processes`.
fn process_count(count: f64) -> String {
    format!("{count:.0} {}", units::choose_number(count as i64, "process", "processes"))
}

pub(super) fn describe_processes_in_turn(input: &RuleInput<'_>, value: f64) -> String {
    let pids: Vec<String> = input.sample.details.live_pids.iter().map(ToString::to_string).collect();
    let count = pids.len() as i64;
    let (reply, noun) =
        (units::choose_number(count, "replies", "reply in turn"), units::choose_number(count, "pid", "pids"));
    format!("{} {reply} on this socket ({noun} {})", process_count(value), pids.join(", "))
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

/// Days before the expiry of a certificate from which it is a warning.
pub(super) const EXPIRY_WARN_DAYS: f64 = 14.0;

const SECONDS_PER_DAY: f64 = 86_400.0;

fn days_until(at: SystemTime, now: SystemTime) -> f64 {
    let seconds = match at.duration_since(now) {
        Ok(left) => left.as_secs_f64(),
        Err(passed) => -passed.duration().as_secs_f64(),
    };
    seconds / SECONDS_PER_DAY
}

/// Returns the certificates whose dates are known, the one that expires first at the start. Empty without a slow
/// round.
fn certificates<'a>(input: &RuleInput<'a>) -> Option<&'a [CertificateExpiry]> {
    match &input.sample.details.slow_facts {
        None => Some(&[]),
        Some(facts) => facts.certificates.as_deref(),
    }
}

/// Measures the days until the first certificate expires; negative after that. Fine without certificates.
pub(super) fn certificate_expiry(input: &RuleInput<'_>) -> Measurement {
    match certificates(input) {
        None => Measurement::Unknown,
        Some([]) => Measurement::Fine,
        Some([first, ..]) => Measurement::Value(days_until(first.at, input.sample.at.wall)),
    }
}

pub(super) fn describe_certificate_expiry(input: &RuleInput<'_>, value: f64) -> String {
    let now = input.sample.at.wall;
    let list = certificates(input).unwrap_or_default();
    let Some(first) = list.first() else { return String::new() };
    let time = match value.abs() {
        days if days >= 1.0 => units::pluralize(days as i64, "day"),
        days => units::pluralize((days * 24.0) as i64, "hour"),
    };
    let when = if value < 0.0 { format!("expired {time} ago") } else { format!("expires in {time}") };
    let more = list.iter().skip(1).filter(|other| days_until(other.at, now) < EXPIRY_WARN_DAYS).count();
    let more = if more > 0 { format!(", {more} more within {EXPIRY_WARN_DAYS:.0} days") } else { String::new() };
    format!("certificate {} {when}{more}", first.name)
}

/// Measures the largest share of failed questions of a name server. Fine without resolvers.
pub(super) fn failed_questions(input: &RuleInput<'_>) -> Measurement {
    let Some(facts) = &input.sample.details.slow_facts else { return Measurement::Fine };
    match (&facts.name_servers, facts.worst_name_server()) {
        (None, _) => Measurement::Unknown,
        (Some(_), None) if facts.has_unjudged_name_server => {
            Measurement::NotEvaluated(NotEvaluatedReason::TooFewRequests)
        }
        (Some(_), None) => Measurement::Fine,
        (Some(_), Some((_, share))) => Measurement::Value(share),
    }
}

pub(super) fn describe_failed_questions(input: &RuleInput<'_>, _: f64) -> String {
    let worst = input.sample.details.slow_facts.as_ref().and_then(|facts| facts.worst_name_server());
    let Some((server, _)) = worst else { return String::new() };
    let span = match server.span {
        Some(span) => format!("in {}", units::seconds_words(span.as_secs_f64())),
        None => "since HAProxy's start".to_owned(),
    };
    let failed = units::part_of(server.failed, server.sent, "question");
    format!("name server {}: {failed} failed {span}", server.name)
}
