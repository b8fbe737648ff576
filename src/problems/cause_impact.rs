//! Impact of the causes: the number of requests or connections of the rate window that failed or were late.

use crate::haproxy::fields::{Field, InfoField};
use crate::problems::attempts::{self, RepeatedAttempts};
use crate::problems::backend_rules;
use crate::problems::cause_input::CauseInput;
use crate::problems::measurement::Measurement;
use crate::problems::rule_input::RuleInput;

/// Unknown impact.
pub(super) fn unknown(_: &CauseInput<'_>) -> Option<f64> {
    None
}

/// No impact on requests.
#[expect(clippy::unnecessary_wraps, reason = "the table of causes needs functions of one type")]
pub(super) fn nothing(_: &CauseInput<'_>) -> Option<f64> {
    Some(0.0)
}

/// Counts all requests.
pub(super) fn all(input: &CauseInput<'_>) -> Option<f64> {
    input.total
}

/// Counts the errors of the row: 5xx responses, for TCP failed connections and responses, and for servers the errors that
/// HAProxy sent in their place.
pub(super) fn failed(input: &CauseInput<'_>) -> Option<f64> {
    let row = &input.row;
    let failed = [Field::Econ, Field::Eresp].into_iter().filter_map(|field| row.growth(field));
    match (failed.reduce(|sum, one| sum + one), backend_rules::own_5xx(&input.backend)) {
        (failed, _) if row.is_tcp() => failed,
        (Some(failed), Measurement::Value(own)) if row.is_server() => {
            Some(row.growth(Field::Hrsp5xx).unwrap_or(0.0) + failed.min(own))
        }
        _ => row.growth(Field::Hrsp5xx),
    }
}

/// Counts the requests whose connection to the server or to the servers of the backend failed: they fail, or are late because
/// HAProxy tries again.
pub(super) fn unreachable(input: &CauseInput<'_>) -> Option<f64> {
    let delayed = |server: &RuleInput<'_>| match attempts::connection_errors(server) {
        Measurement::Value(share) => server.growth(Field::Lbtot).map_or(0.0, |assigned| assigned * share),
        _ => 0.0,
    };
    let servers = input.backend.backend.iter().flat_map(|backend| &backend.servers);
    let servers = servers.map(|server| input.backend.for_row(*server));
    let delayed: f64 =
        servers.filter(|server| !input.row.is_server() || server.id == input.row.id).map(|row| delayed(&row)).sum();
    let all = input.backend.served().unwrap_or(f64::INFINITY);
    Some(failed(input)?.max(delayed).min(all))
}

/// Counts the requests to a backend without servers: in TCP mode all of them fail.
pub(super) fn no_server(input: &CauseInput<'_>) -> Option<f64> {
    if input.row.is_tcp() { input.row.served() } else { failed(input) }
}

/// Counts the requests to the row, all of which are late. A server's number is without those that gave up waiting for it.
pub(super) fn late(input: &CauseInput<'_>) -> Option<f64> {
    let waited = if input.row.is_server() { attempts::gave_up_waiting(&input.row) } else { 0.0 };
    // HAProxy counts the requests of a server at its responses.
    let unanswered = input.row.no_response_words().and_then(|_| input.row.growth(Field::Stot)).unwrap_or_default();
    input.row.served().map(|served| served.max(unanswered) + waited)
}

/// Counts the requests that clients aborted.
pub(super) fn aborted(input: &CauseInput<'_>) -> Option<f64> {
    input.row.growth(Field::CliAbrt)
}

/// Counts the attempts that were repeated.
pub(super) fn late_retries(input: &CauseInput<'_>) -> Option<f64> {
    input.row.growth(Field::Wretr).map(|_| RepeatedAttempts::of_row(&input.row).all())
}

/// Estimates the requests that a frontend would get which accepts none: its share of the connections of all frontends since
/// the start of HAProxy.
pub(super) fn usual_share(input: &CauseInput<'_>) -> Option<f64> {
    let sample = input.row.sample;
    let count = |row: usize| sample.table.number(row, Field::Stot).map(|sessions| sessions as f64);
    let all: f64 = sample.rows.frontends().iter().filter_map(|frontend| count(*frontend)).sum();
    let share = count(input.row.index?)? / all;
    Some(input.total? * share).filter(|share| share.is_finite())
}

/// Counts the requests of a row that has reached its limit of sessions; 0 below the limit.
pub(super) fn at_limit(input: &CauseInput<'_>) -> Option<f64> {
    let (sessions, limit) = (input.row.number(Field::Scur)?, input.row.number(Field::Slim)?);
    if sessions >= limit { input.row.served() } else { Some(0.0) }
}

/// Counts all requests if the process has reached its limit of connections; 0 below the limit.
pub(super) fn process_at_limit(input: &CauseInput<'_>) -> Option<f64> {
    let connections = input.row.process_number(InfoField::CurrConns)?;
    if connections >= input.row.process_number(InfoField::Maxconn)? { input.total } else { Some(0.0) }
}
