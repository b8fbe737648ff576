//! Rules for frontends. Some of the rules also apply to backends and servers.

use crate::haproxy::fields::Field;
use crate::haproxy::status::RowState;
use crate::problems::figures;
use crate::problems::measurement::Measurement;
use crate::problems::rule_input::{RuleInput, measure_usage};
use crate::units;

/// Measures the current sessions of a frontend or server as a share of its limit. Fine for a server that gets no new ones.
pub(super) fn sessions(input: &RuleInput<'_>) -> Measurement {
    if input.is_server() && !input.state.is_usable() {
        Measurement::Fine
    } else {
        measure_usage(input.number(Field::Scur), input.number(Field::Slim))
    }
}

pub(super) fn describe_sessions(input: &RuleInput<'_>, _: f64) -> String {
    let number = |field| input.number(field).unwrap_or_default() as i64;
    units::part_of(number(Field::Scur), number(Field::Slim), "session")
}

pub(super) fn rate(input: &RuleInput<'_>) -> Measurement {
    measure_usage(input.number(Field::Rate), input.number(Field::RateLim))
}

pub(super) fn describe_rate(input: &RuleInput<'_>, value: f64) -> String {
    let limit = input.number(Field::RateLim).unwrap_or_default() as i64;
    format!("{} of {} per second", units::percent(value), units::pluralize(limit, "session"))
}

/// Measures the share of 5xx among the responses of a row of any kind.
pub(super) fn share_5xx(input: &RuleInput<'_>) -> Measurement {
    input.share(input.growth(Field::Hrsp5xx), || input.responses(), figures::MIN_EVENTS)
}

/// `40% of the responses are 5xx`, of few requests `40% of the responses are 5xx (8 of 20 in 10 s)`.
pub(super) fn describe_share_5xx(input: &RuleInput<'_>, value: f64) -> String {
    let count = |count: Option<f64>| count.unwrap_or_default();
    let counts = input.earlier_counts().map_or(String::new(), |_| {
        let (failed, all) = (count(input.growth(Field::Hrsp5xx)), count(input.responses()));
        format!(" ({failed:.0} of {all:.0} in {})", input.growth_time(Field::Hrsp5xx))
    });
    format!("{} of the responses are 5xx{counts}", units::percent(value))
}

/// Measures the denied requests, connections and sessions per second. Counters that this HAProxy version does not
/// report are left out; unknown if it reports none of them.
pub(super) fn denied(input: &RuleInput<'_>) -> Measurement {
    let rates = [Field::Dreq, Field::Dcon, Field::Dses].map(|field| input.rate(field));
    if rates.iter().all(Option::is_none) {
        return Measurement::Unknown;
    }
    Measurement::Value(rates.iter().flatten().sum())
}

pub(super) fn describe_denied(_: &RuleInput<'_>, value: f64) -> String {
    let denied = units::decimal(value);
    let nouns = if denied == "1.0" { "request, connection or session" } else { "requests, connections or sessions" };
    format!("{denied} {nouns} denied per second")
}

/// Measures the bad requests per second. Fine in TCP mode, in which a client that ends its connection before it sends
/// data, such as a health check of another load balancer, counts as a bad request.
pub(super) fn bad_requests(input: &RuleInput<'_>) -> Measurement {
    if input.is_tcp() {
        return Measurement::Fine;
    }
    input.rate(Field::Ereq).map_or(Measurement::Unknown, Measurement::Value)
}

pub(super) fn describe_bad_requests(_: &RuleInput<'_>, value: f64) -> String {
    let bad = units::decimal(value);
    format!("{bad} bad {} per second", if bad == "1.0" { "request" } else { "requests" })
}

/// Returns 1 if `is_true`, otherwise 0.
pub(super) fn flag(is_true: bool) -> Measurement {
    Measurement::Value(f64::from(u8::from(is_true)))
}

/// Measures whether a frontend was disabled. 2.4 and older do not report it.
pub(super) fn paused(input: &RuleInput<'_>) -> Measurement {
    flag(input.state == RowState::Paused)
}

pub(super) fn describe_paused(_: &RuleInput<'_>, _: f64) -> String {
    "disabled: it accepts no connections until it is enabled".to_owned()
}

/// Measures whether a frontend was shut down. Fine while the whole process stops, as after a reload.
pub(super) fn stopped(input: &RuleInput<'_>) -> Measurement {
    flag(input.state == RowState::Stopped && !input.sample.info.is_stopping())
}

pub(super) fn describe_stopped(_: &RuleInput<'_>, _: f64) -> String {
    "stopped: it accepts no connections until HAProxy is reloaded".to_owned()
}
