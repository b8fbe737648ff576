//! Impact of the causes: the number of requests or connections of the rate window that failed or were late.

use crate::haproxy::fields::{Field, InfoField};
use crate::problems::backend_rules;
use crate::problems::cause_input::CauseInput;
use crate::problems::measurement::Measurement;

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

/// Counts the requests to a backend without servers: in TCP mode all of them fail.
pub(super) fn no_server(input: &CauseInput<'_>) -> Option<f64> {
    if input.row.is_tcp() { input.row.served() } else { failed(input) }
}

/// Counts the requests to the row, all of which are late.
pub(super) fn late(input: &CauseInput<'_>) -> Option<f64> {
    input.row.served()
}

/// Counts the requests that clients aborted.
pub(super) fn aborted(input: &CauseInput<'_>) -> Option<f64> {
    input.row.growth(Field::CliAbrt)
}

/// Counts the attempts to connect that were repeated.
pub(super) fn late_retries(input: &CauseInput<'_>) -> Option<f64> {
    input.row.growth(Field::Wretr)
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
