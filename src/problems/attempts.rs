//! Rules for attempts at servers: connections and responses that failed, retries and redispatches.
//!
//! HAProxy counts an attempt that it repeats in `wretr`, or in `wredis` if it tries another server next. With `retry-on`, it
//! repeats requests also because of their response, and counts each of these twice: two times in `wretr`, or once in
//! `wretr` and once in `wredis` (2.6.12 and 3.0.25). Here, each failed attempt counts once, and only as what it is.

use crate::haproxy::fields::Field;
use crate::problems::backend_rules::{has_queued, own_5xx};
use crate::problems::figures::MIN_EVENTS;
use crate::problems::measurement::Measurement;
use crate::problems::rule_input::RuleInput;
use crate::units;

/// Minimum number of connection attempts for which the share of failed ones is computed. It is low because connections
/// are reused, so that there are few attempts.
pub(super) const MIN_ATTEMPTS: f64 = 5.0;

/// The attempts of a row that were repeated in the rate window.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RepeatedAttempts {
    /// Number of those that were repeated at the same server.
    pub(super) retries: f64,
    /// Number of those that were repeated at another server.
    pub(super) redispatches: f64,
    /// Number of all that were repeated because of their response. A connection failed before each of the others.
    pub(super) failed_responses: f64,
}

impl RepeatedAttempts {
    /// Counts the repeated attempts of a backend or server.
    pub(super) fn of_row(input: &RuleInput<'_>) -> Self {
        let count = |field| input.growth(field).unwrap_or_default();
        let (wretr, redispatches) = (count(Field::Wretr), count(Field::Wredis));
        let failed_responses = match () {
            () if wretr <= 0.0 || input.is_tcp() => 0.0,
            () if input.is_server() => retried_responses(input, wretr, redispatches),
            () => servers(input).map(|server| Self::of_row(&server).failed_responses).sum::<f64>().min(wretr),
        };
        Self { retries: wretr - failed_responses, redispatches, failed_responses }
    }

    /// Returns the number of all repeated attempts.
    pub(super) fn all(self) -> f64 {
        self.retries + self.redispatches
    }

    /// Returns the number of those whose connection failed.
    pub(super) fn failed_connections(self) -> f64 {
        (self.all() - self.failed_responses).max(0.0)
    }

    /// Returns whether most of the attempts were repeated because of their response.
    pub(super) fn are_responses(self) -> bool {
        self.failed_responses * 2.0 > self.all()
    }
}

fn servers<'a>(input: &RuleInput<'a>) -> impl Iterator<Item = RuleInput<'a>> {
    let input = *input;
    let servers = input.backend.into_iter().flat_map(|backend| &backend.servers);
    servers.map(move |server| input.for_row(*server))
}

/// Counts the attempts of a server that were repeated because of their response, from two equations.
///
/// `stot` counts each attempt, `lbtot` each request that load balancing assigns. What `stot` has more are attempts repeated at
/// the same server, and requests that a cookie, a stick table or a rule assigns. Without such requests the first equation is
/// exact. The second one holds for all: each attempt ends with a response, a failure or a repetition, or is in progress.
fn retried_responses(server: &RuleInput<'_>, retries: f64, redispatches: f64) -> f64 {
    let count = |field| server.growth(field).unwrap_or_default();
    let total = |field| server.number(field).unwrap_or_default();
    let repeated = retries + redispatches;
    // A request in the queue of a server is assigned, but not an attempt yet.
    let not_assigned = count(Field::Stot) - count(Field::Lbtot);
    let by_assignment = if has_queued(server) { 0.0 } else { retries - not_assigned };
    let unanswered = count(Field::Stot) - count(Field::Econ) - server.responses().unwrap_or_default();
    let in_progress_before = match server.earlier_counts() {
        Some(earlier) => earlier.sessions,
        None => server.rates.samples().next().and_then(|oldest| {
            let index = oldest.rows.index_of(server.id)?;
            oldest.table.number(index, Field::Scur)
        }),
    };
    // Requests in progress may have a response. Without requests assigned otherwise, this equation is only a lower limit.
    let is_assigned_otherwise =
        not_assigned > retries || total(Field::Stot) - total(Field::Lbtot) > total(Field::Wretr);
    let in_progress = if is_assigned_otherwise { total(Field::Scur) } else { 0.0 };
    let by_end = repeated - unanswered + count(Field::Eresp) + in_progress - in_progress_before.unwrap_or(0) as f64;
    by_assignment.max(by_end).min(retries).min(repeated / 2.0).max(0.0)
}

/// Measures the share of connection attempts to a server that failed, or of the requests of a backend for which no connection
/// was made. The number of attempts is `connect`, or `lbtot` on HAProxy versions that do not report `connect`.
///
/// HAProxy counts `econ` only for the last attempt of a request; each failed attempt before is a retry or a redispatch.
pub(super) fn connection_errors(input: &RuleInput<'_>) -> Measurement {
    input.share(failed_connections(input), || connection_attempts(input), MIN_ATTEMPTS)
}

/// Counts the failed connections in the rate window, as [`connection_errors`] does.
pub(super) fn failed_connections(input: &RuleInput<'_>) -> Option<f64> {
    let repeated = if input.is_server() { RepeatedAttempts::of_row(input).failed_connections() } else { 0.0 };
    input.growth(Field::Econ).map(|failed| failed - gave_up_waiting(input) + repeated)
}

/// Counts the requests of a backend or server that waited in a queue until `timeout queue`, or until the client gave up.
///
/// HAProxy counts them in `econ`, although no connection failed: for the backend, and only if a request waited for one
/// server also for this one. A connection that fails is usually tried again first.
pub(super) fn gave_up_waiting(input: &RuleInput<'_>) -> f64 {
    let counted = input.growth(Field::Econ).unwrap_or_default();
    if counted <= 0.0 || input.backend_stats.usable == 0 || !has_queued(input) {
        return 0.0;
    }
    let failed_on = |row: &RuleInput<'_>| {
        let failed = row.growth(Field::Econ).unwrap_or_default();
        if has_queued(row) { failed.min(RepeatedAttempts::of_row(row).failed_connections()) } else { failed }
    };
    let failed =
        if input.is_server() { failed_on(input) } else { servers(input).map(|server| failed_on(&server)).sum() };
    (counted - failed).max(0.0)
}

/// Describes the requests that gave up waiting: `12 requests gave up waiting (503) in 4 s`; `None` without any.
pub(super) fn gave_up_words(input: &RuleInput<'_>) -> Option<String> {
    let count = Some(gave_up_waiting(input)).filter(|count| *count >= 1.0)?;
    let noun = if input.is_tcp() { "session" } else { "request" };
    let is_answered = matches!(own_5xx(input), Measurement::Value(own) if own * 2.0 >= count);
    let status = if is_answered && !input.is_server() { " (503)" } else { "" };
    let requests = units::pluralize(count as i64, noun);
    Some(format!("{requests} gave up waiting{status} in {}", input.growth_time(Field::Econ)))
}

/// Counts the attempts of a server, or the requests of a backend for which a connection was needed.
pub(super) fn connection_attempts(input: &RuleInput<'_>) -> Option<f64> {
    let count = |field| input.growth(field).unwrap_or_default();
    match (input.growth(Field::Connect), input.is_server()) {
        (Some(attempts), true) => Some(attempts),
        (Some(attempts), false) => {
            let repeated = RepeatedAttempts::of_row(input);
            // Of the attempts after a response, some reuse a connection.
            let connecting = attempts / (attempts + count(Field::Reuse)).max(1.0);
            let again = repeated.failed_connections() + repeated.failed_responses * connecting;
            Some((attempts - again).max(0.0))
        }
        // A redispatch is a new assignment, a retry at the same server is not.
        (None, true) => input.growth(Field::Lbtot).map(|assigned| assigned + RepeatedAttempts::of_row(input).retries),
        (None, false) => input.growth(Field::Lbtot).map(|assigned| (assigned - count(Field::Wredis)).max(0.0)),
    }
}

pub(super) fn describe_connection_errors(input: &RuleInput<'_>, value: f64) -> String {
    let failed = failed_connections(input).unwrap_or_default();
    format!("{} of the connections failed ({failed:.0} in {})", units::percent(value), input.growth_time(Field::Econ))
}

/// Measures the share of responses of a backend or server that failed.
pub(super) fn response_errors(input: &RuleInput<'_>) -> Measurement {
    input.share(failed_responses(input), || response_attempts(input), MIN_EVENTS)
}

/// Counts the responses of a server that failed, or the requests of a backend that failed because of one.
///
/// HAProxy counts some of them twice in `eresp`, and some that it repeats not at all. Those of a server have no status; those of
/// a backend in place of which it sent an error are also in its own 5xx responses.
pub(super) fn failed_responses(input: &RuleInput<'_>) -> Option<f64> {
    let counted = input.growth(Field::Eresp)?;
    if !input.is_server() {
        let repeated = RepeatedAttempts::of_row(input).failed_responses;
        let own = if let Measurement::Value(own) = own_5xx(input) { own } else { 0.0 };
        let last = (counted - repeated).max(counted.min(own));
        return Some(if own > 0.0 { last.min(own.max(last - own)) } else { last });
    }
    let counted = counted + RepeatedAttempts::of_row(input).failed_responses;
    if counted <= 0.0 || input.is_tcp() {
        return Some(counted);
    }
    Some(match server_attempts(input).zip(input.responses()) {
        Some((attempts, responses)) => {
            let aborted = input.growth(Field::SrvAbrt).unwrap_or_default();
            (attempts - responses + aborted).clamp(counted / 2.0, counted)
        }
        None => counted,
    })
}

/// Counts the attempts of a server to which a response was due.
fn server_attempts(server: &RuleInput<'_>) -> Option<f64> {
    server.growth(Field::Stot).zip(failed_connections(server)).map(|(attempts, failed)| (attempts - failed).max(0.0))
}

/// Counts the responses that a backend or server sent or should have sent in the rate window.
///
/// HAProxy does not count every failed response as a response, so the number is at least that of the errors.
pub(super) fn response_attempts(input: &RuleInput<'_>) -> Option<f64> {
    let counted = if input.is_tcp() { input.growth(Field::Stot) } else { input.responses() };
    let counted = counted.or_else(|| input.growth(Field::Stot))?;
    let failed = failed_responses(input)?;
    let attempts = if input.is_server() && !input.is_tcp() { server_attempts(input)? } else { 0.0 };
    Some(counted.max(failed).max(attempts.min(counted + failed)))
}

pub(super) fn describe_response_errors(input: &RuleInput<'_>, value: f64) -> String {
    let repeated = if input.is_server() { RepeatedAttempts::of_row(input).failed_responses } else { 0.0 };
    let words = |count: f64, what: &str| if count >= 1.0 { format!(", {count:.0} {what}") } else { String::new() };
    let aborts = words(input.growth(Field::SrvAbrt).unwrap_or_default(), "aborted by the server");
    format!("{} of the responses failed{}{aborts}", units::percent(value), words(repeated, "of them retried"))
}

/// Measures the number of attempts repeated at the same server, as a share of the requests.
pub(super) fn retries(input: &RuleInput<'_>) -> Measurement {
    input.share(retry_count(input), || input.served(), MIN_EVENTS)
}

/// Counts the attempts that were repeated at the same server.
pub(super) fn retry_count(input: &RuleInput<'_>) -> Option<f64> {
    input.growth(Field::Wretr).map(|_| RepeatedAttempts::of_row(input).retries)
}

pub(super) fn describe_retries(input: &RuleInput<'_>, value: f64) -> String {
    per_100_requests(input, value, "retry", "retries")
}

/// Describes a share of the requests: `1 retry per 100 requests`, and whether it is due to responses.
fn per_100_requests(input: &RuleInput<'_>, share: f64, one: &str, many: &str) -> String {
    let count = units::ratio(share * 100.0);
    let noun = if count == "1" { one } else { many };
    let reason = if RepeatedAttempts::of_row(input).are_responses() { " after failed responses" } else { "" };
    format!("{count} {noun} per 100 requests{reason}")
}

pub(super) fn redispatches(input: &RuleInput<'_>) -> Measurement {
    input.share(input.growth(Field::Wredis), || input.served(), MIN_EVENTS)
}

pub(super) fn describe_redispatches(input: &RuleInput<'_>, value: f64) -> String {
    per_100_requests(input, value, "redispatch", "redispatches")
}
