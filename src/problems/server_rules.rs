//! What can be wrong with one server. One in maintenance or drain is no problem by itself.

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::status::State;
use crate::problems::backend_stats::SLOWER_AT_LEAST;
use crate::problems::measurement::Reading;
use crate::problems::phrases;
use crate::problems::rule_input::{View, used};

/// Characters of a check's own words that have a place in a sentence.
const LONGEST_CHECK: usize = 60;

/// The result of the last check, also while the next one runs.
fn result<'a>(view: &View<'a>) -> &'a str {
    view.text(TextField::CheckStatus).trim_start_matches("* ")
}

/// Whether the last check succeeded; `L7OKC` is conditionally so.
fn is_passed(result: &str) -> bool {
    result.ends_with("OK") || result.ends_with("OKC")
}

/// What the last check said: `L4CON Connection refused`; empty where nothing was checked.
fn check_words(view: &View<'_>) -> String {
    let words = [result(view), view.text(TextField::LastChk)];
    phrases::cut(words.join(" ").trim(), LONGEST_CHECK)
}

pub(super) fn down(view: &View<'_>) -> Reading {
    let is_down = matches!(view.state, State::Down | State::ComingUp);
    Reading::Value(f64::from(u8::from(is_down)))
}

pub(super) fn say_down(view: &View<'_>, _: f64) -> String {
    match check_words(view) {
        _ if is_passed(result(view)) => "down, its checks succeed again".to_owned(),
        words if words.is_empty() => "down".to_owned(),
        words => format!("down: {words}"),
    }
}

pub(super) fn queue_limit(view: &View<'_>) -> Reading {
    used(view.number(Field::Qcur), view.number(Field::Qlimit))
}

pub(super) fn say_queue_limit(view: &View<'_>, _: f64) -> String {
    let number = |field| view.number(field).unwrap_or_default();
    format!("{:.0} waiting, {:.0} may (maxqueue)", number(Field::Qcur), number(Field::Qlimit))
}

/// Response time against the median of the peers with traffic.
pub(super) fn slower_than_peers(view: &View<'_>) -> Reading {
    if !view.state.is_usable() || view.is_tcp() {
        return Reading::Fine;
    }
    let Some(own) = view.number(Field::Rtime) else { return Reading::Unknown };
    // Most servers are as fast as their peers: they need no look at them, nor at what they served.
    if view.pool.is_quick(own) {
        return Reading::Fine;
    }
    match view.pool.median_of_peers(own) {
        None => Reading::Fine,
        Some(median) if own - median < SLOWER_AT_LEAST => Reading::Value(1.0_f64.min(own / median.max(1.0))),
        Some(median) if view.is_idle() == Some(false) => Reading::Value(own / median.max(1.0)),
        Some(_) => Reading::Unknown,
    }
}

pub(super) fn say_slower(view: &View<'_>, value: f64) -> String {
    let own = view.number(Field::Rtime).unwrap_or_default();
    let median = view.pool.median_of_peers(own).unwrap_or_default();
    let (own, median) = (phrases::millis(own), phrases::millis(median));
    format!("{}x slower than its peers ({own} against {median})", phrases::times(value))
}

/// Once down and still down is no flapping.
pub(super) fn flapping(view: &View<'_>) -> Reading {
    let downs = view.memory.downs(view.id);
    let is_down = matches!(view.state, State::Down | State::ComingUp);
    if view.is_away() || is_down && downs < 2.0 { Reading::Fine } else { Reading::Value(downs) }
}

pub(super) fn say_flapping(_: &View<'_>, value: f64) -> String {
    match value {
        ..1.5 => "went down once in the last 5 minutes".to_owned(),
        _ => format!("went down {value:.0} times in the last 5 minutes"),
    }
}

/// A server begins half healthy (`UP 1/3`) and is not yet checked: `INI` or nothing at all says so.
pub(super) fn failing_checks(view: &View<'_>) -> Reading {
    let state = view.state;
    if !matches!(state, State::Up | State::GoingDown) {
        return Reading::Fine;
    }
    let fails = view.memory.fails(view.id, view.sample.at.mono);
    let is_weak = state == State::GoingDown && {
        let result = result(view);
        let is_failed = !matches!(result, "" | "INI" | "UNK") && !is_passed(result);
        let numbers = (view.number(Field::CheckRise), view.number(Field::CheckFall), view.number(Field::CheckHealth));
        match numbers {
            (Some(rise), Some(fall), Some(health)) => is_failed && health < rise + fall - 1.0,
            _ => false,
        }
    };
    Reading::Value(fails.max(f64::from(u8::from(is_weak))))
}

pub(super) fn say_failing_checks(view: &View<'_>, value: f64) -> String {
    let failed = phrases::count(value, "check", "checks");
    match check_words(view) {
        words if words.is_empty() || is_passed(result(view)) => format!("{failed} failed within a minute"),
        words => format!("{failed} failed within a minute: {words}"),
    }
}
