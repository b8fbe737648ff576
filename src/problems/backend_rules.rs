//! Rules for backends. Those for connections and responses that fail are in [`crate::problems::attempts`].

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::stat_table::StatRow;
use crate::haproxy::status::RowState;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::problems::backend_stats::MIN_DIFFERENCE_MS;
use crate::problems::figures::{self, MIN_EVENTS, MIN_FAILURES};
use crate::problems::frontend_rules;
use crate::problems::measurement::Measurement;
use crate::problems::rule_input::{AT_LEAST, RuleInput};
use crate::units;

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
/// if that made a new maximum; or whether a server is at its limit, so that the next request is queued. Of a server: whether
/// requests waited for this one.
pub(super) fn has_queued(input: &RuleInput<'_>) -> bool {
    let Some(backend) = input.backend else { return false };
    let servers = backend.servers.iter().filter(|_| !input.is_server()).map(|server| input.for_row(*server));
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
    was_queued(input.sample)
        || servers.clone().any(|server| is_at_limit(&server))
        || input.rates.samples().any(|sample| was_queued(sample))
        || servers.chain([*input]).any(has_new_maximum)
}

pub(super) fn describe_queue_wait(input: &RuleInput<'_>, value: f64) -> String {
    let (time, requests) = (input.mean_words(Field::Qtime, value), input.mean_requests(Field::Qtime));
    format!("{time} waiting for a server (qtime, {requests})")
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

/// Counts the same responses; fewer than three of the many seconds in which a quiet backend is judged do not count.
pub(super) fn repeated_own_5xx(input: &RuleInput<'_>) -> Measurement {
    match own_5xx(input) {
        Measurement::Value(own) if own < MIN_FAILURES && input.earlier_counts().is_some() => Measurement::Value(0.0),
        measurement => measurement,
    }
}

pub(super) fn describe_own_5xx(input: &RuleInput<'_>, value: f64) -> String {
    let errors = units::pluralize(value.round_ties_even() as i64, "error");
    format!("HAProxy itself sent {errors} (5xx) in {}", input.growth_time(Field::Hrsp5xx))
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

/// Measures the share of the requests to a backend or server that clients aborted. Fine in TCP mode, in which a client
/// may end a connection with a reset when it is done.
pub(super) fn client_aborts(input: &RuleInput<'_>) -> Measurement {
    if input.is_tcp() {
        return Measurement::Fine;
    }
    input.share(input.growth(Field::CliAbrt), || input.served(), MIN_EVENTS)
}

pub(super) fn describe_client_aborts(_: &RuleInput<'_>, value: f64) -> String {
    format!("clients aborted {} of the requests", units::percent(value))
}

/// Measures the response time. Fine in TCP mode, for which HAProxy does not report a response time.
pub(super) fn response_time(input: &RuleInput<'_>) -> Measurement {
    if input.is_tcp() { Measurement::Fine } else { input.mean(Field::Rtime) }
}

/// Returns whether the servers of a backend are at their limits, and end fewer requests than their known times explain: these
/// are of requests that ended, and those that are in progress take longer. With long responses this is always so.
pub(super) fn is_slower_than_known(input: &RuleInput<'_>) -> bool {
    input.previous.is_some_and(|previous| ends_few_since(input, previous))
}

/// Returns the same for the whole rate window, in which slow requests end now and then, if the servers were always full.
fn is_long_slower_than_known(input: &RuleInput<'_>) -> bool {
    let is_full = |sample: &Sample| full_sessions(sample, input).is_some();
    let mut samples = input.rates.samples().filter(|sample| sample.epoch == input.sample.epoch);
    samples
        .next()
        .is_some_and(|oldest| is_full(oldest) && samples.all(|sample| is_full(sample)) && ends_few_since(input, oldest))
}

/// Returns the sessions of the servers of a backend, if they are at their limits.
fn full_sessions(sample: &Sample, input: &RuleInput<'_>) -> Option<i64> {
    let backend = sample.backend_named(&input.row()?.proxy);
    let (sessions, limit) = figures::limited_sessions(sample, backend)?;
    (sessions >= limit && !input.is_tcp()).then_some(sessions)
}

/// Returns whether the servers are at their limits, and ended few requests since an earlier sample.
fn ends_few_since(input: &RuleInput<'_>, earlier: &Sample) -> bool {
    let Some(sessions) = full_sessions(input.sample, input) else { return false };
    let servers = || input.backend.iter().flat_map(|backend| &backend.servers).map(|server| input.for_row(*server));
    let responses = |sample: &Sample, id: RowId| {
        let row = sample.rows.index_of(id)?;
        Field::RESPONSES.into_iter().filter_map(|class| sample.table.number(row, class)).reduce(i64::saturating_add)
    };
    let ended = servers().map(|server| Some(responses(input.sample, server.id)? - responses(earlier, server.id)?));
    let Some(ended) = ended.sum::<Option<i64>>() else { return false };
    let elapsed = input.sample.at.elapsed_since(earlier.at.monotonic).as_secs_f64() * 1000.0;
    let taken = sessions as f64 * elapsed / ended.max(1) as f64;
    let known: f64 = [Field::Ctime, Field::Rtime]
        .into_iter()
        .filter_map(|field| input.interval_time(field))
        .map(|time| time.at_most())
        .sum();
    taken > known * 2.0 + MIN_DIFFERENCE_MS
}

pub(super) fn describe_response_time(input: &RuleInput<'_>, value: f64) -> String {
    if let Some(words) = input.no_response_words() {
        return words;
    }
    let time = input.mean_words(Field::Rtime, value);
    // Requests that are in progress take longer than those that ended.
    let is_longer = is_slower_than_known(input) || is_long_slower_than_known(input);
    let at_least = if is_longer && !time.starts_with(AT_LEAST) { AT_LEAST } else { "" };
    format!("{at_least}{time} to respond (rtime, {})", input.mean_requests(Field::Rtime))
}

pub(super) fn connect_time(input: &RuleInput<'_>) -> Measurement {
    input.mean(Field::Ctime)
}

pub(super) fn describe_connect_time(input: &RuleInput<'_>, value: f64) -> String {
    let to = if input.is_server() { "the server" } else { "a server" };
    format!(
        "{} to connect to {to} (ctime, {})",
        input.mean_words(Field::Ctime, value),
        input.mean_requests(Field::Ctime)
    )
}

/// Measures whether a backend is not published.
pub(super) fn unpublished(input: &RuleInput<'_>) -> Measurement {
    frontend_rules::flag(input.text(TextField::Status).contains("(UNPUB)"))
}

pub(super) fn describe_unpublished(_: &RuleInput<'_>, _: f64) -> String {
    "not published: content switching does not use it".to_owned()
}
