//! What can be wrong with a frontend, and what frontends share with backends and servers.

use crate::haproxy::fields::Field;
use crate::problems::measurement::Reading;
use crate::problems::phrases;
use crate::problems::rule_input::{FEW, View, share, used};

/// Sessions against the limit of a frontend or server.
pub(super) fn sessions(view: &View<'_>) -> Reading {
    if view.is_away() { Reading::Fine } else { used(view.number(Field::Scur), view.number(Field::Slim)) }
}

pub(super) fn say_sessions(view: &View<'_>, _: f64) -> String {
    let number = |field| view.number(field).unwrap_or_default();
    format!("{:.0} of {:.0} sessions", number(Field::Scur), number(Field::Slim))
}

pub(super) fn rate(view: &View<'_>) -> Reading {
    used(view.number(Field::Rate), view.number(Field::RateLim))
}

pub(super) fn say_rate(view: &View<'_>, value: f64) -> String {
    let limit = view.number(Field::RateLim).unwrap_or_default();
    format!("{} of {limit:.0} sessions a second", phrases::percent(value))
}

/// The share of 5xx, of any row.
pub(super) fn share_5xx(view: &View<'_>) -> Reading {
    share(view.growth(Field::Hrsp5xx), || view.responses(), FEW)
}

pub(super) fn say_share_5xx(_: &View<'_>, value: f64) -> String {
    format!("{} of the responses are 5xx", phrases::percent(value))
}

/// Each counter is absent in versions that do not know it.
pub(super) fn denied(view: &View<'_>) -> Reading {
    let rates = [Field::Dreq, Field::Dcon, Field::Dses].map(|field| view.rate(field));
    if rates.iter().all(Option::is_none) {
        return Reading::Unknown;
    }
    Reading::Value(rates.iter().flatten().sum())
}

pub(super) fn say_denied(_: &View<'_>, value: f64) -> String {
    format!("{} requests, connections or sessions denied a second", phrases::rate(value))
}

pub(super) fn bad_requests(view: &View<'_>) -> Reading {
    view.rate(Field::Ereq).map_or(Reading::Unknown, Reading::Value)
}

pub(super) fn say_bad_requests(_: &View<'_>, value: f64) -> String {
    format!("{} bad requests a second", phrases::rate(value))
}
