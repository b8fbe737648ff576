//! Rules for backends. The rules for connection and response errors also apply to servers.

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::stat_table::StatRow;
use crate::haproxy::status::RowState;
use crate::observe::sample::Sample;
use crate::problems::figures::{self, MIN_EVENTS};
use crate::problems::frontend_rules;
use crate::problems::measurement::Measurement;
use crate::problems::rule_input::{RuleInput, measure_share};
use crate::units;

/// Minimum number of connection attempts for which the share of failed ones is computed. It is low because connections
/// are reused, so that there are few attempts.
pub(super) const MIN_ATTEMPTS: f64 = 5.0;

/// Counts the usable servers. Fine for a backend without servers, such as `peers` or one for statistics or redirects.
pub(super) fn usable_servers(input: &RuleInput<'_>) -> Measurement {
    if input.backend_stats.servers == 0 {
        return Measurement::Fine;
    }
    match (input.number(Field::Act), input.number(Field::Bck)) {
        (None, None) => Measurement::Value(input.backend_stats.usable as f64),
        (active, backup) => Measurement::Value(active.unwrap_or_default() + backup.unwrap_or_default()),
    }
}

pub(super) fn describe_no_server(input: &RuleInput<'_>, _: f64) -> String {
    let stats = input.backend_stats;
    let unknown = unknown_status(input);
    let parts = [
        (stats.down, "down"),
        (stats.unresolved, "not resolved (DNS)"),
        (stats.unknown, unknown),
        (stats.out_of_service, "in maintenance or drain"),
        (stats.usable, "with weight 0"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0).map(|(count, state)| format!("{count} {state}"));
    format!("no server available: {}", parts.collect::<Vec<_>>().join(", "))
}

/// Measures the weight of the usable active servers as a share of the weight of the active servers that are not out of
/// service.
///
/// Both weights are sums over the servers, because on 2.6.12 the `weight` and `uweight` of a backend include only
/// usable servers. Fine if no server is usable, which the rule `backend-down` covers.
pub(super) fn usable_weight_share(input: &RuleInput<'_>) -> Measurement {
    if input.backend_stats.usable == 0 || input.backend_stats.expected_weight <= 0.0 {
        return Measurement::Fine;
    }
    Measurement::Value(input.backend_stats.usable_weight / input.backend_stats.expected_weight)
}

pub(super) fn describe_usable_weight(input: &RuleInput<'_>, value: f64) -> String {
    let stats = input.backend_stats;
    let unknown = unknown_status(input);
    let of_servers = |count: usize| units::part_of(count as i64, stats.servers as i64, "server");
    let missing = match (stats.down, stats.unknown) {
        (down, 0) => format!("{} down", of_servers(down)),
        (0, count) => format!("{} {unknown}", of_servers(count)),
        (down, count) => format!("{} down, {count} {unknown}", of_servers(down)),
    };
    format!("{missing}, {} of the weight available", units::percent(value))
}

/// Returns the status of the first server whose status hapulse does not know, in HAProxy's words; empty without one.
fn unknown_status<'a>(input: &RuleInput<'a>) -> &'a str {
    let rows = input.sample.table.rows();
    let servers = input.backend.iter().flat_map(|backend| &backend.servers).map(|server| &rows[*server]);
    servers.filter(|row| row.state() == RowState::Unknown).map(StatRow::status).next().unwrap_or_default()
}

pub(super) fn queue(input: &RuleInput<'_>) -> Measurement {
    input.backend_stats.queued.map_or(Measurement::Unknown, Measurement::Value)
}

pub(super) fn describe_queue(_: &RuleInput<'_>, value: f64) -> String {
    format!("{value:.0} waiting for a server")
}

/// Measures the growth of the queue since the previous sample; 0 if the queue did not grow.
pub(super) fn queue_growing(input: &RuleInput<'_>) -> Measurement {
    let Some(now) = input.backend_stats.queued else { return Measurement::Unknown };
    if now <= 0.0 {
        return Measurement::Value(0.0);
    }
    let (Some(backend), Some(previous)) = (input.backend, input.previous) else { return Measurement::Unknown };
    let before = match previous.rows.index_of(input.sample.rows.ids()[backend.row]) {
        Some(row) => figures::queued_requests(previous, row),
        // A new backend had no queue.
        None => Some(0),
    };
    before.map_or(Measurement::Unknown, |before| Measurement::Value((now - before as f64).max(0.0)))
}

pub(super) fn describe_queue_growing(input: &RuleInput<'_>, value: f64) -> String {
    let queued = input.backend_stats.queued.unwrap_or(value);
    let time = input.previous.map_or(0.0, |sample| input.sample.at.elapsed_since(sample.at.monotonic).as_secs_f64());
    format!("queue growing: {:.0} → {queued:.0} in {}", queued - value, units::seconds_words(time))
}

/// Measures the time that requests wait for a server. Fine if no request was queued: `qtime` also contains the time in
/// which `tcp-request content` rules or `http-request wait-for-body` wait for the client.
pub(super) fn queue_wait(input: &RuleInput<'_>) -> Measurement {
    match input.mean(Field::Qtime) {
        Measurement::Value(time) if time > 0.0 && !has_queued(input) => Measurement::Fine,
        measurement => measurement,
    }
}

/// Returns whether requests of the backend were queued in the rate window: in one of its samples, or between two of them
/// if that made a new maximum; or whether a server is at its limit, so that the next request is queued.
fn has_queued(input: &RuleInput<'_>) -> bool {
    let Some(backend) = input.backend else { return false };
    let servers = backend.servers.iter().map(|server| input.for_row(*server));
    let is_at_limit = |server: &RuleInput<'_>| {
        let limit = server.number(Field::Slim).filter(|limit| *limit > 0.0);
        server.state.is_usable()
            && limit.zip(server.number(Field::Scur)).is_some_and(|(limit, sessions)| sessions >= limit)
    };
    let was_queued = |sample: &Sample| {
        let row = sample.rows.index_of(input.id);
        row.and_then(|row| figures::queued_requests(sample, row)).is_some_and(|queued| queued > 0)
    };
    let has_new_maximum = |row: RuleInput<'_>| row.growth(Field::Qmax).is_some_and(|grown| grown > 0.0);
    input.backend_stats.queued > Some(0.0)
        || servers.clone().any(|server| is_at_limit(&server))
        || input.rates.samples().any(|sample| was_queued(sample))
        || servers.chain([*input]).any(has_new_maximum)
}

pub(super) fn describe_queue_wait(input: &RuleInput<'_>, value: f64) -> String {
    let requests = input.mean_requests(Field::Qtime);
    format!("{} waiting for a server (qtime, {requests})", units::millis_words(value))
}

/// Counts the 5xx responses that HAProxy itself sent: the number for the backend minus the numbers for its servers.
///
/// Unknown if one of these numbers is unknown; fine for a backend without servers.
pub(super) fn own_5xx(input: &RuleInput<'_>) -> Measurement {
    let Some(backend) = input.backend.filter(|backend| !backend.servers.is_empty()) else { return Measurement::Fine };
    let Some(total) = input.growth(Field::Hrsp5xx) else { return Measurement::Unknown };
    if total <= 0.0 {
        return Measurement::Value(0.0);
    }
    let mut own = total;
    for server in &backend.servers {
        match input.for_row(*server).growth(Field::Hrsp5xx) {
            Some(sent) => own -= sent,
            None => return Measurement::Unknown,
        }
    }
    Measurement::Value(own.max(0.0))
}

pub(super) fn describe_own_5xx(input: &RuleInput<'_>, value: f64) -> String {
    let errors = units::pluralize(value.round_ties_even() as i64, "error");
    format!("HAProxy itself sent {errors} (5xx) in {}", input.growth_time(Field::Hrsp5xx))
}

/// Measures the share of connection attempts to a server that failed, or of the requests of a backend for which no connection
/// was made. The number of attempts is `connect`, or `lbtot` on HAProxy versions that do not report `connect`.
///
/// HAProxy counts `econ` only for the last attempt of a request; each failed attempt before is a retry or a redispatch.
pub(super) fn connection_errors(input: &RuleInput<'_>) -> Measurement {
    measure_share(failed_connections(input), || connection_attempts(input), MIN_ATTEMPTS)
}

/// Counts the failed connections in the rate window, as [`connection_errors`] does.
pub(super) fn failed_connections(input: &RuleInput<'_>) -> Option<f64> {
    let repeated = if input.is_server() { repeated_connections(input) } else { 0.0 };
    input.growth(Field::Econ).map(|failed| failed + repeated)
}

/// Counts the attempts of a server, or the requests of a backend for which a connection was needed.
pub(super) fn connection_attempts(input: &RuleInput<'_>) -> Option<f64> {
    let repeated = repeated_connections(input);
    match (input.growth(Field::Connect), input.is_server()) {
        (Some(attempts), true) => Some(attempts),
        (Some(attempts), false) => Some((attempts - repeated).max(0.0)),
        // A redispatch is a new assignment, a retry at the same server is not.
        (None, true) => input.growth(Field::Lbtot).map(|assigned| assigned + input.growth(Field::Wretr).unwrap_or(0.0)),
        (None, false) => {
            input.growth(Field::Lbtot).map(|assigned| (assigned - input.growth(Field::Wredis).unwrap_or(0.0)).max(0.0))
        }
    }
}

fn repeated_connections(input: &RuleInput<'_>) -> f64 {
    [Field::Wretr, Field::Wredis].into_iter().filter_map(|field| input.growth(field)).sum()
}

pub(super) fn describe_connection_errors(input: &RuleInput<'_>, value: f64) -> String {
    let failed = failed_connections(input).unwrap_or_default();
    format!("{} of the connections failed ({failed:.0} in {})", units::percent(value), input.growth_time(Field::Econ))
}

/// Measures the share of responses of a backend or server that failed.
///
pub(super) fn response_errors(input: &RuleInput<'_>) -> Measurement {
    measure_share(failed_responses(input), || response_attempts(input), MIN_EVENTS)
}

/// Counts the responses that failed. HAProxy counts some of them twice in `eresp`; those of a backend in place of which it
/// sent an error are also in its own 5xx responses.
fn failed_responses(input: &RuleInput<'_>) -> Option<f64> {
    let counted = input.growth(Field::Eresp)?;
    match own_5xx(input) {
        Measurement::Value(own) if own > 0.0 && !input.is_server() => Some(counted.min(own.max(counted - own))),
        _ => Some(counted),
    }
}

/// Counts the responses that a backend or server sent or should have sent in the rate window.
///
/// HAProxy does not count every failed response as a response, so the number is at least that of the errors.
pub(super) fn response_attempts(input: &RuleInput<'_>) -> Option<f64> {
    let counted = if input.is_tcp() { input.growth(Field::Stot) } else { input.responses() };
    let counted = counted.or_else(|| input.growth(Field::Stot));
    counted.zip(input.growth(Field::Eresp)).map(|(counted, errors)| counted.max(errors))
}

/// Counts the 5xx responses that HAProxy itself sent, except those in place of a server's response that failed.
pub(super) fn own_5xx_of_haproxy(input: &RuleInput<'_>) -> Measurement {
    let servers = input.backend.iter().flat_map(|backend| &backend.servers);
    let failed = servers.filter_map(|server| input.for_row(*server).growth(Field::Eresp)).sum::<f64>();
    match own_5xx(input) {
        Measurement::Value(own) => Measurement::Value((own - failed).max(0.0)),
        measurement => measurement,
    }
}

pub(super) fn describe_response_errors(input: &RuleInput<'_>, value: f64) -> String {
    let aborts = input.growth(Field::SrvAbrt).unwrap_or_default();
    let aborts = if aborts > 0.0 { format!(", {aborts:.0} aborted by the server") } else { String::new() };
    format!("{} of the responses failed{aborts}", units::percent(value))
}

pub(super) fn retries(input: &RuleInput<'_>) -> Measurement {
    measure_share(input.growth(Field::Wretr), || input.served(), MIN_EVENTS)
}

pub(super) fn describe_retries(_: &RuleInput<'_>, value: f64) -> String {
    per_100_requests(value, "retry", "retries")
}

/// Describes a share of the requests: `1 retry per 100 requests`.
fn per_100_requests(share: f64, one: &str, many: &str) -> String {
    let count = units::ratio(share * 100.0);
    let noun = if count == "1" { one } else { many };
    format!("{count} {noun} per 100 requests")
}

pub(super) fn redispatches(input: &RuleInput<'_>) -> Measurement {
    measure_share(input.growth(Field::Wredis), || input.served(), MIN_EVENTS)
}

pub(super) fn describe_redispatches(_: &RuleInput<'_>, value: f64) -> String {
    per_100_requests(value, "redispatch", "redispatches")
}

/// Measures the share of the requests to a backend or server that clients aborted. Fine in TCP mode, in which a client
/// may end a connection with a reset when it is done.
pub(super) fn client_aborts(input: &RuleInput<'_>) -> Measurement {
    if input.is_tcp() {
        return Measurement::Fine;
    }
    measure_share(input.growth(Field::CliAbrt), || input.served(), MIN_EVENTS)
}

pub(super) fn describe_client_aborts(_: &RuleInput<'_>, value: f64) -> String {
    format!("clients aborted {} of the requests", units::percent(value))
}

/// Measures the response time. Fine in TCP mode, for which HAProxy does not report a response time.
pub(super) fn response_time(input: &RuleInput<'_>) -> Measurement {
    if input.is_tcp() { Measurement::Fine } else { input.mean(Field::Rtime) }
}

pub(super) fn describe_response_time(input: &RuleInput<'_>, value: f64) -> String {
    format!("{} to respond (rtime, {})", units::millis_words(value), input.mean_requests(Field::Rtime))
}

pub(super) fn connect_time(input: &RuleInput<'_>) -> Measurement {
    input.mean(Field::Ctime)
}

pub(super) fn describe_connect_time(input: &RuleInput<'_>, value: f64) -> String {
    let to = if input.is_server() { "the server" } else { "a server" };
    format!("{} to connect to {to} (ctime, {})", units::millis_words(value), input.mean_requests(Field::Ctime))
}

/// Measures whether a backend is not published.
pub(super) fn unpublished(input: &RuleInput<'_>) -> Measurement {
    frontend_rules::flag(input.text(TextField::Status).contains("(UNPUB)"))
}

pub(super) fn describe_unpublished(_: &RuleInput<'_>, _: f64) -> String {
    "not published: content switching does not use it".to_owned()
}
