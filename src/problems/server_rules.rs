//! Rules for servers. Maintenance and drain are not problems.

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::status::RowState;
use crate::history::interval_search::IntervalTime;
use crate::observe::state_cause::{self, StateCause};
use crate::problems::backend_stats::MIN_DIFFERENCE_MS;
use crate::problems::check_history::FAILED_CHECKS_TIME;
use crate::problems::frontend_rules;
use crate::problems::measurement::Measurement;
use crate::problems::rule_input::{RuleInput, measure_usage};
use crate::problems::slowness::Slowness;
use crate::units;

/// Share of failed questions from which a description names a name server.
const FAILING_SHARE: f64 = 0.5;

/// Maximum length of a health check's text in a description, in characters.
const MAX_CHECK_TEXT: usize = 60;

/// Returns the result code of the last finished check, such as `L7OK`, even while the next check runs.
pub(super) fn check_result<'a>(input: &RuleInput<'a>) -> &'a str {
    input.text(TextField::CheckStatus).trim_start_matches("* ")
}

/// Returns whether a check result is a success, including the conditional `L7OKC`.
pub(super) fn is_passed(result: &str) -> bool {
    result.ends_with("OK") || result.ends_with("OKC")
}

/// Returns the result code and text of the last check: `L4CON Connection refused`; empty without checks.
pub(super) fn check_text(input: &RuleInput<'_>) -> String {
    let parts = [check_result(input), input.text(TextField::LastChk)];
    let text = parts.join(" ").trim().to_owned();
    match text.char_indices().nth(MAX_CHECK_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Measures whether the server is down. Fine for a backup server that gets no traffic anyway, and for a server that went
/// down during a drain not long ago.
pub(super) fn down(input: &RuleInput<'_>) -> Measurement {
    if input.is_idle_backup() || input.is_down_in_drain() {
        return Measurement::Fine;
    }
    let is_down = matches!(input.state, RowState::Down | RowState::ComingUp);
    Measurement::Value(f64::from(u8::from(is_down)))
}

pub(super) fn describe_down(input: &RuleInput<'_>, _: f64) -> String {
    let cause = input.row().and_then(|row| state_cause::current_cause(input.sample, row));
    match check_text(input) {
        // The health check of such a server may pass.
        _ if let Some(cause @ StateCause::Agent(_)) = &cause => format!("down by {cause}"),
        _ if let Some(StateCause::Tracking(tracked)) = &cause => format!("down: it tracks {tracked}"),
        _ if input.row().is_some_and(state_cause::is_down_by_agent) => {
            "down: its agent state was set to down".to_owned()
        }
        _ if is_passed(check_result(input)) => describe_coming_back(input),
        text if text.is_empty() => "down".to_owned(),
        text => format!("down: {text}"),
    }
}

/// Describes a server whose checks pass again: `coming back (1 of 2 checks passed)`.
fn describe_coming_back(input: &RuleInput<'_>) -> String {
    match (input.number(Field::CheckHealth), input.number(Field::CheckRise)) {
        (Some(passed), Some(rise)) if passed >= 1.0 && passed <= rise => {
            format!("coming back ({} passed)", units::part_of(passed as i64, rise as i64, "check"))
        }
        _ => "coming back (last check passed)".to_owned(),
    }
}

pub(super) fn queue_limit(input: &RuleInput<'_>) -> Measurement {
    measure_usage(input.number(Field::Qcur), input.number(Field::Qlimit))
}

pub(super) fn describe_queue_limit(input: &RuleInput<'_>, _: f64) -> String {
    let number = |field| input.number(field).unwrap_or_default() as i64;
    let requests = units::part_of(number(Field::Qcur), number(Field::Qlimit), "request");
    format!("queue: {requests} (maxqueue)")
}

/// Measures the response time as a multiple of the median response time of the other servers with traffic. Fine during
/// slowstart, which is for servers that are slow at first.
pub(super) fn slower_than_peers(input: &RuleInput<'_>) -> Measurement {
    if !input.state.is_usable() || input.is_tcp() || input.number(Field::Throttle).is_some() {
        return Measurement::Fine;
    }
    let Some(time) = input.interval_time(Field::Rtime) else { return Measurement::Unknown };
    let own = time.at_least();
    // Most servers are as fast as their peers, and this check avoids the more expensive comparison.
    if input.backend_stats.is_near_fastest(own) {
        return Measurement::Fine;
    }
    match slowness(input, &time) {
        // Its peers got no requests lately: whether it is still slower is not known.
        None if input.backend_stats.servers > 1 => Measurement::Unknown,
        None => Measurement::Fine,
        Some(found) if found.own - found.peers < MIN_DIFFERENCE_MS => Measurement::Value(found.ratio().min(1.0)),
        Some(found) => Measurement::Value(found.ratio()),
    }
}

/// Compares a response time of the server with those of its peers; `None` without peers with traffic.
pub(super) fn slowness(input: &RuleInput<'_>, time: &IntervalTime) -> Option<Slowness> {
    let peers = input.backend_stats.median_of_peers(time.at_most())?;
    Some(Slowness { own: time.at_least(), peers })
}

pub(super) fn describe_slower_than_peers(input: &RuleInput<'_>, _: f64) -> String {
    let found = input.interval_time(Field::Rtime).and_then(|time| slowness(input, &time));
    found.map_or(String::new(), |found| match input.no_response_words() {
        Some(words) => format!("{words} ({})", found.peer_words()),
        None => found.words(&format!(", {}", input.mean_requests(Field::Rtime))),
    })
}

/// Counts the requests that wait for any server of the backend, if this server is free and gets none. Requests that wait for
/// one server, because of a cookie, a stick table or a hash, are in the queue of that server.
pub(super) fn idle_while_queued(input: &RuleInput<'_>) -> Measurement {
    let number = |field| input.number(field).unwrap_or_default();
    let is_chosen = input.state.is_usable() && number(Field::Bck) <= 0.0 && number(Field::Weight) > 0.0;
    let is_free = input.number(Field::Scur) == Some(0.0) && input.number(Field::Throttle).is_none();
    let waiting = input.backend.and_then(|backend| input.for_row(backend.row).number(Field::Qcur)).unwrap_or_default();
    if !is_chosen || !is_free || waiting <= 0.0 {
        return Measurement::Fine;
    }
    // Since the sample before: the rate window is longer than the hold time.
    let earlier = input.previous.and_then(|before| before.table.number(before.rows.index_of(input.id)?, Field::Stot));
    match earlier.zip(input.number(Field::Stot)) {
        None => Measurement::Unknown,
        Some((before, now)) if now > before as f64 => Measurement::Fine,
        Some(_) => Measurement::Value(waiting),
    }
}

pub(super) fn describe_idle(_: &RuleInput<'_>, value: f64) -> String {
    let count = value.round_ties_even() as i64;
    let wait = units::choose_number(count, "waits", "wait");
    format!("gets no sessions, while {} {wait} for a server", units::pluralize(count, "request"))
}

/// Counts how often the server went down in the last 5 minutes, because of its checks, after it was up. A server that
/// went down once and is still down is fine, and so is a backup server that gets no traffic.
pub(super) fn flapping(input: &RuleInput<'_>) -> Measurement {
    let times_down = input.check_history.times_down(input.id);
    let is_down = matches!(input.state, RowState::Down | RowState::ComingUp);
    if input.is_out_of_service() || input.is_idle_backup() || is_down && times_down < 2.0 {
        Measurement::Fine
    } else {
        Measurement::Value(times_down)
    }
}

pub(super) fn describe_flapping(_: &RuleInput<'_>, value: f64) -> String {
    match value {
        ..1.5 => "went down once in the last 5 minutes".to_owned(),
        _ => format!("went down {value:.0} times in the last 5 minutes"),
    }
}

/// Counts the failed checks of a server that is up, in the last 10 s; at least 1 while a failed check reduces the
/// server's health.
///
/// Before its first check, a server also has reduced health (`UP 1/3`), but the check result is `INI`, empty or, after
/// maintenance, that of an earlier check.
pub(super) fn failing_checks(input: &RuleInput<'_>) -> Measurement {
    let state = input.state;
    if !matches!(state, RowState::Up | RowState::GoingDown) || input.is_idle_backup() {
        return Measurement::Fine;
    }
    let failed = input.check_history.failed_checks(input.id, input.sample.at.monotonic);
    let is_weak = state == RowState::GoingDown && input.check_history.starts().is_proven(input.id) && {
        let result = check_result(input);
        let is_failed = !matches!(result, "" | "INI" | "UNK") && !is_passed(result);
        let numbers =
            (input.number(Field::CheckRise), input.number(Field::CheckFall), input.number(Field::CheckHealth));
        match numbers {
            (Some(rise), Some(fall), Some(health)) => is_failed && health < rise + fall - 1.0,
            _ => false,
        }
    };
    Measurement::Value(failed.max(f64::from(u8::from(is_weak))))
}

pub(super) fn describe_failing_checks(input: &RuleInput<'_>, value: f64) -> String {
    let failed = units::pluralize(value.round_ties_even() as i64, "check");
    let time = units::duration_words(FAILED_CHECKS_TIME);
    match check_text(input) {
        text if text.is_empty() || is_passed(check_result(input)) => format!("{failed} failed in the last {time}"),
        text => format!("{failed} failed in the last {time}: {text}"),
    }
}

/// Measures whether DNS has no address for a server. Of several servers with one DNS name, only the first one counts.
///
/// Unknown while it is not known whether the server is an unused slot.
pub(super) fn unresolved(input: &RuleInput<'_>) -> Measurement {
    let (Some(backend), Some(index)) = (input.backend, input.index) else { return Measurement::Fine };
    let is_unresolved = |index: usize| input.sample.table.rows()[index].is_unresolved();
    if !is_unresolved(index) || input.sample.unused_slots().contains(index) {
        return Measurement::Fine;
    }
    if input.sample.configured.is_none() && backend.servers.iter().any(|server| !is_unresolved(*server)) {
        return Measurement::Unknown;
    }
    let is_first = same_name_servers(input, index).next().is_none_or(|first| first == index);
    frontend_rules::flag(is_first)
}

/// Returns the unresolved servers of the backend with the same DNS name as the server at `index`, which is one of them.
/// Empty if the name is unknown.
fn same_name_servers<'a>(input: &RuleInput<'a>, index: usize) -> impl Iterator<Item = usize> + use<'a> {
    let sample = input.sample;
    let group_of = move |server: usize| sample.configured.as_ref()?.get(sample.rows.ids()[server])?.name_group;
    let group = group_of(index);
    let servers = input.backend.map_or(&[][..], |backend| &backend.servers).iter().copied();
    servers.filter(move |server| {
        group.is_some() && group_of(*server) == group && sample.table.rows()[*server].is_unresolved()
    })
}

pub(super) fn describe_unresolved(input: &RuleInput<'_>, _: f64) -> String {
    let count = input.index.map_or(0, |index| same_name_servers(input, index).count());
    let who = match count {
        0 | 1 => "it has no address".to_owned(),
        _ => format!("{count} servers of this name have no address"),
    };
    let worst = input.sample.details.slow_facts.as_ref().and_then(|facts| facts.worst_name_server());
    let name_server = match worst.filter(|(_, share)| *share >= FAILING_SHARE) {
        Some((server, _)) => format!("; name server {} does not answer", server.name),
        None => String::new(),
    };
    format!("not resolved (DNS): {who}{name_server}")
}
