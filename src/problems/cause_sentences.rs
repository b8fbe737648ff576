//! Sentences of the causes, for operators, with the numbers and without the name of the row.
//!
//! Each function gets the problems that show the cause; these are never empty. A number comes from one place, so that
//! no two lines contradict each other.

use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::status::RowState;
use crate::history::interval_search::IntervalTime;
use crate::observe::row_ids::RowId;
use crate::observe::state_cause::{self, StateCause};
use crate::problems::attempts::{self, RepeatedAttempts};
use crate::problems::backend_rules;
use crate::problems::cause_conditions::QUEUE_RULES;
use crate::problems::cause_input::CauseInput;
use crate::problems::figures;
use crate::problems::forecast::full_words;
use crate::problems::measurement::Measurement;
use crate::problems::outlier_rules::{Deviation, Outlier};
use crate::problems::problem::Problem;
use crate::problems::rule_input::{CountTime, RuleInput};
use crate::problems::rule_table::RuleId;
use crate::units;

/// Maximum number of names in a sentence; of further ones, only the number is given.
const MAX_NAMES: usize = 3;
/// Start of the sentences about a network problem.
pub(super) const CONNECTION_PROBLEM: &str = "connection problem: ";
/// Start of the sentences about full servers.
pub(super) const SERVERS_FULL: &str = "servers full: ";
/// Maximum number of different reasons in a sentence.
const MAX_REASONS: usize = 3;

/// Returns the worst problem; among equally severe ones, a problem of the cause's own row.
fn worst<'a>(input: &CauseInput<'_>, shown_by: &[&'a Problem]) -> Option<&'a Problem> {
    shown_by.iter().copied().max_by_key(|problem| (problem.severity, problem.subject.id == input.row.id))
}

/// Returns the only server among the rows of these problems; `None` if there are several servers or only the backend.
pub(super) fn single_server(backend: RowId, problems: &[&Problem]) -> Option<RowId> {
    let mut servers = problems.iter().map(|problem| problem.subject.id).filter(|row| *row != backend);
    let first = servers.next()?;
    servers.all(|other| other == first).then_some(first)
}

/// Lists a few names: `s1, s2, s3 and 4 more`.
pub(super) fn join_names(names: &[&str]) -> String {
    let shown = names.iter().take(MAX_NAMES).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MAX_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Groups names by their reason, in the order in which the reasons appear: `s1, s2: L4TOUT; s3: L7STS 503`. HAProxy does not
/// always report the details of a failed check, so `L4CON` is the same reason as `L4CON Connection refused`.
fn join_reasons(reasons: &[(&str, String)]) -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut more = 0;
    for (name, reason) in reasons {
        let is_same = |group: &str| group == reason || adds_details(group, reason) || adds_details(reason, group);
        match groups.iter().position(|group| is_same(group.0)) {
            Some(index) => {
                let group = &mut groups[index];
                group.0 = if reason.len() > group.0.len() { reason } else { group.0 };
                group.1.push(name);
            }
            None if groups.len() < MAX_REASONS => groups.push((reason, vec![*name])),
            None => more += 1,
        }
    }
    let parts = groups.iter().map(|(reason, names)| {
        let names = join_names(names);
        if reason.is_empty() { names } else { format!("{names}: {reason}") }
    });
    let text = parts.collect::<Vec<_>>().join("; ");
    if more > 0 { format!("{text}; {more} more") } else { text }
}

/// Returns whether a reason is the result of a check, and the other one the same result with details.
fn adds_details(result: &str, detailed: &str) -> bool {
    !result.is_empty()
        && !result.contains(' ')
        && detailed.strip_prefix(result).is_some_and(|details| details.starts_with(' '))
}

/// Returns the text of a problem `server-down` without the word `down`: `L4CON Connection refused`.
fn down_reason(problem: &Problem) -> String {
    let text = problem.text.strip_prefix("down").unwrap_or(&problem.text);
    text.trim_start_matches([':', ' ']).to_owned()
}

/// Returns the text of the worst problem, after the name of its server if the cause is about the backend.
pub(super) fn problem_text(input: &CauseInput<'_>, shown_by: &[&Problem]) -> String {
    let Some(worst) = worst(input, shown_by) else { return String::new() };
    match worst.subject.short_name() {
        name if worst.subject.id != input.row.id => format!("{name}: {}", worst.text),
        _ => worst.text.clone(),
    }
}

/// Returns when the first limit that these problems are about will be reached: `full in 22 s at +1/s`, or
/// `queue of s1 full in 22 s at +1/s`. Returns `None` without a forecast.
pub(super) fn outlook(input: &CauseInput<'_>, shown_by: &[&Problem]) -> Option<String> {
    let worst = worst(input, shown_by)?.subject.id;
    let (sample, backend) = (input.row.sample, input.backend.id);
    let name_of = |row: RowId| sample.row(row).map(|row| &row.proxy);
    // A queue that the backend's rules are about is that of its servers.
    let is_about = |problem: &Problem, row: RowId| {
        let is_of_backend =
            || problem.subject.id == backend && name_of(row).is_some() && name_of(row) == name_of(backend);
        problem.subject.id == row || is_of_backend()
    };
    let growing = input.forecasts.iter().filter(|(row, forecast)| {
        let is_shown = |problem: &&Problem| forecast.limit.rules.contains(&problem.rule.id) && is_about(problem, *row);
        forecast.per_second.is_some() && shown_by.iter().any(is_shown)
    });
    let (row, first) = growing.min_by(|(_, one), (_, other)| one.seconds.total_cmp(&other.seconds))?;
    let name = sample.row(row).filter(|_| row != input.row.id).map(|row| &row.name);
    let subject = match (first.limit.noun, name) {
        ("queued requests", Some(name)) => format!("queue of {name} "),
        ("queued requests", None) => "queue ".to_owned(),
        (_, Some(name)) if row != worst => format!("{name} "),
        _ => String::new(),
    };
    Some(subject + &full_words(first)?)
}

pub(super) fn no_backend(input: &CauseInput<'_>, shown_by: &[&Problem]) -> String {
    problem_text(input, shown_by)
}

/// `flaps every 33 s, went down 5 times: L7STS 503`.
pub(super) fn flapping_server(input: &CauseInput<'_>, shown_by: &[&Problem]) -> String {
    let Some(flap) = input.flaps.get(&input.row.id) else { return problem_text(input, shown_by) };
    let reason = if flap.reason.is_empty() { String::new() } else { format!(": {}", flap.reason) };
    let period = units::duration_words(flap.period);
    format!("flaps every {period}, went down {} times in the last 5 min{reason}", flap.downs)
}

/// `no server available: s1, s2: L4CON Connection refused; s3: in maintenance`.
pub(super) fn no_server(input: &CauseInput<'_>, _: &[&Problem]) -> String {
    let sample = input.row.sample;
    let servers = input.row.backend.iter().flat_map(|backend| &backend.servers);
    let reasons: Vec<(&str, String)> = servers
        .map(|index| {
            let (row, id) = (&sample.table.rows()[*index], sample.rows.ids()[*index]);
            let mut down = input.problems.iter().filter(|problem| problem.subject.id == id);
            let down = down.find(|problem| problem.rule.id == RuleId::ServerDown);
            let reason = match (row.state(), down) {
                (RowState::Down | RowState::ComingUp, Some(problem)) => match down_reason(problem) {
                    reason if reason.is_empty() => "down".to_owned(),
                    reason => reason,
                },
                (RowState::Maint, _) => match state_cause::current_cause(sample, row) {
                    Some(StateCause::Resolution) => "no address (DNS)".to_owned(),
                    Some(StateCause::Tracking(tracked)) => format!("in maintenance: it tracks {tracked}"),
                    _ => "in maintenance".to_owned(),
                },
                (RowState::Drain, _) => "drained".to_owned(),
                (state, _) if state.is_usable() => "weight 0".to_owned(),
                _ => row.status().to_owned(),
            };
            (row.name.as_str(), reason)
        })
        .collect();
    format!("no server available: {}", join_reasons(&reasons))
}

/// Returns the weight that is left: `, 75% of the weight available`; empty if it is unknown.
fn weight_left(input: &CauseInput<'_>) -> String {
    match backend_rules::usable_weight_share(&input.backend) {
        Measurement::Value(share) => format!(", {} of the weight available", units::percent(share)),
        _ => String::new(),
    }
}

/// `down: L4CON Connection refused, 75% of the weight available`.
pub(super) fn server_down(input: &CauseInput<'_>, shown_by: &[&Problem]) -> String {
    problem_text(input, shown_by) + &weight_left(input)
}

/// `2 of 4 servers down (s1, s2: L4TOUT), 50% of the weight available`.
pub(super) fn servers_down(input: &CauseInput<'_>, shown_by: &[&Problem]) -> String {
    let reasons: Vec<(&str, String)> =
        shown_by.iter().map(|problem| (problem.subject.short_name(), down_reason(problem))).collect();
    let (down, all) = (shown_by.len(), input.backend.backend_stats.servers);
    let of_servers = units::part_of(down as i64, all as i64, "server");
    format!("{of_servers} down ({}){}", join_reasons(&reasons), weight_left(input))
}

/// `connection problem: 6.7% of the connections failed (40 in 4 s)`.
pub(super) fn server_unreachable(input: &CauseInput<'_>, shown_by: &[&Problem]) -> String {
    CONNECTION_PROBLEM.to_owned() + &problem_text(input, shown_by)
}

pub(super) fn network(input: &CauseInput<'_>, shown_by: &[&Problem]) -> String {
    let only = single_server(input.row.id, shown_by).and_then(|id| input.row.sample.row(id));
    let text = problem_text(input, shown_by);
    match (only, worst(input, shown_by)) {
        (Some(server), Some(worst)) if worst.subject.id == input.row.id => {
            format!("{CONNECTION_PROBLEM}{}: {text}", server.name)
        }
        _ => format!("{CONNECTION_PROBLEM}{text}"),
    }
}

/// `8x slower than its peers (1.20 s against 150 ms)`.
pub(super) fn slow_server(input: &CauseInput<'_>, shown_by: &[&Problem]) -> String {
    let deviation = input.outliers.iter().find_map(|outlier| match outlier.deviation {
        Deviation::Slow(slowness) if outlier.row == input.row.id => Some(slowness),
        _ => None,
    });
    let words = deviation.map(|slowness| match input.row.no_response_words() {
        Some(words) => format!("{words} ({})", slowness.peer_words()),
        None => slowness.words(""),
    });
    words.unwrap_or_else(|| problem_text(input, shown_by)) + &gave_up(&input.row)
}

/// `61% of its responses are 5xx in 5 s (peers 0%)`.
pub(super) fn server_errors(input: &CauseInput<'_>, shown_by: &[&Problem]) -> String {
    let deviation = input.outliers.iter().find_map(|outlier| match outlier.deviation {
        Deviation::Errors(own, peers) if outlier.row == input.row.id => Some((own, peers)),
        _ => None,
    });
    let Some((own, peers)) = deviation else {
        let failed = attempts::failed_responses(&input.row).zip(attempts::response_attempts(&input.row));
        return match failed {
            Some((failed, all)) if failed > 0.0 => attempts::describe_response_errors(&input.row, failed / all),
            _ => problem_text(input, shown_by),
        };
    };
    let (own, peers) = (units::percent(own), units::percent(peers));
    format!(
        "{own} of its responses are 5xx in {} (peers {peers})",
        input.row.over(CountTime::Server).growth_time(Field::Hrsp5xx)
    )
}

/// `clients aborted 60% of the requests to s3 (peers 0%)`.
pub(super) fn server_aborts(input: &CauseInput<'_>, shown_by: &[&Problem]) -> String {
    let outlier = input.outliers.iter().find(|outlier| matches!(outlier.deviation, Deviation::Aborts(..)));
    outlier.map_or_else(|| problem_text(input, shown_by), Outlier::text)
}

/// Returns the requests that gave up waiting: `, 12 requests gave up waiting (503) in 4 s`; empty without any.
fn gave_up(input: &RuleInput<'_>) -> String {
    attempts::gave_up_words(input).map_or(String::new(), |words| format!(", {words}"))
}

/// `servers full: 4 of 4 sessions, 7 waiting for 12 s (qtime 840 ms, rtime 52 ms), 1 of 3 servers down`.
pub(super) fn at_maxconn(input: &CauseInput<'_>, shown_by: &[&Problem]) -> String {
    let backend = &input.backend;
    // Servers may have been full for long before a request had to wait.
    let waits = shown_by.iter().filter(|problem| QUEUE_RULES.contains(&problem.rule.id));
    let first = waits.min_by_key(|problem| problem.since.monotonic);
    let time =
        first.map_or(String::new(), |problem| format!(" for {}", problem.age_words(backend.sample.at.monotonic)));
    let sessions = match figures::limited_sessions(backend.sample, backend.backend) {
        Some((sessions, limit)) => format!("{}, ", units::part_of(sessions, limit, "session")),
        None => String::new(),
    };
    let waiting = match backend.backend_stats.queued {
        Some(queued) if queued > 0.0 => format!("{queued:.0} waiting{time}"),
        _ => format!("requests queued{time}"),
    };
    let qtime = backend.interval_time(Field::Qtime).map(|qtime| format!("qtime {}", units::millis_words(qtime.millis)));
    let rtime = backend.interval_time(Field::Rtime).filter(|_| !backend.is_tcp()).map(|rtime| {
        // The known times are not those of the requests that are in progress.
        if backend_rules::is_slower_than_known(backend) {
            return "few requests end".to_owned();
        }
        format!("rtime {}", units::millis_words(rtime.millis))
    });
    let times: Vec<String> = [qtime, rtime].into_iter().flatten().collect();
    let times = if times.is_empty() { String::new() } else { format!(" ({})", times.join(", ")) };
    let down = match backend.backend_stats.down {
        0 => String::new(),
        down => format!(", {} down", units::part_of(down as i64, backend.backend_stats.servers as i64, "server")),
    };
    format!("{SERVERS_FULL}{sessions}{waiting}{times}{}{down}", gave_up(backend))
}

/// `s1: 50 of 50 sessions`, with the number of further servers.
pub(super) fn servers_full(input: &CauseInput<'_>, shown_by: &[&Problem]) -> String {
    let mut rows: Vec<RowId> = shown_by.iter().map(|problem| problem.subject.id).collect();
    rows.sort_unstable();
    rows.dedup();
    match rows.len() {
        0 | 1 => problem_text(input, shown_by),
        count => {
            let more = units::pluralize(count as i64 - 1, "more server");
            format!("{}, {more} near the limit", problem_text(input, shown_by))
        }
    }
}

/// Returns the servers that are much slower than each of the others, of those that cannot be compared with their peers, such
/// as a server that is being drained, or two of three: `, mostly s2`; empty without any.
fn mostly(backend: &RuleInput<'_>) -> String {
    let servers = backend.backend.iter().flat_map(|backend| &backend.servers).map(|server| backend.for_row(*server));
    let mut times: Vec<_> =
        servers.filter_map(|server| Some((server.interval_time(Field::Rtime)?, server.row()?))).collect();
    times.sort_by(|(one, _), (other, _)| other.at_least().total_cmp(&one.at_least()));
    let Some(factor) = RuleId::SlowServer.rule().warn else { return String::new() };
    let is_gap = |(slower, faster): (&IntervalTime, &IntervalTime)| slower.at_least() >= faster.at_most() * factor;
    let slow = (1..times.len()).find(|place| is_gap((&times[place - 1].0, &times[*place].0))).unwrap_or_default();
    let mut names: Vec<&str> = times[..slow].iter().map(|(_, row)| row.name.as_str()).collect();
    names.sort_unstable();
    if names.is_empty() { String::new() } else { format!(", mostly {}", join_names(&names)) }
}

/// `51 redispatches per 100 requests, most of them from s1`.
pub(super) fn retried(input: &CauseInput<'_>, shown_by: &[&Problem]) -> String {
    let text = problem_text(input, shown_by);
    let servers = input.backend.backend.iter().flat_map(|backend| &backend.servers);
    let counts = servers.filter_map(|server| {
        let server = input.backend.for_row(*server);
        Some((RepeatedAttempts::of_row(&server).all(), server.row()?))
    });
    let counts: Vec<_> = counts.collect();
    let all: f64 = counts.iter().map(|(count, _)| count).sum();
    let most = counts.iter().find(|(count, _)| counts.len() > 1 && count * 2.0 > all);
    most.map_or(text.clone(), |(_, row)| format!("{text}, most of them from {}", row.name))
}

/// `application slow: 1.20 s to respond (rtime), 7 waiting`.
pub(super) fn slow_application(input: &CauseInput<'_>, shown_by: &[&Problem]) -> String {
    let text = match backend_rules::response_time(&input.backend) {
        Measurement::Value(time) => backend_rules::describe_response_time(&input.backend, time),
        _ => problem_text(input, shown_by),
    };
    let is_slow = input.bad.contains(&(input.backend.id, RuleId::ResponseTime));
    let (start, end) = if is_slow { ("application slow", "") } else { ("application was slow", " again") };
    let gave_up = gave_up(&input.backend);
    let end = format!("{end}{}", mostly(&input.backend));
    match input.backend.backend_stats.queued {
        Some(queued) if queued > 0.0 => format!("{start}: {text}{end}, {queued:.0} waiting{gave_up}"),
        _ => format!("{start}: {text}{end}{gave_up}"),
    }
}

/// `HAProxy itself sent 60 errors (5xx) in 4 s`.
pub(super) fn own_errors(input: &CauseInput<'_>, shown_by: &[&Problem]) -> String {
    let backend = &input.backend;
    let has_servers = backend.backend.is_some_and(|backend| !backend.servers.is_empty());
    match backend_rules::own_5xx(backend) {
        Measurement::Value(own) if own > 0.0 => backend_rules::describe_own_5xx(backend, own),
        // A rule that answers needs no server, and counts no failed connection.
        _ if !has_servers && backend.growth(Field::Econ) > Some(0.0) => {
            format!("no servers are configured: HAProxy answers 503, {}", problem_text(input, shown_by))
        }
        _ => problem_text(input, shown_by),
    }
}

pub(super) fn application_errors(input: &CauseInput<'_>, shown_by: &[&Problem]) -> String {
    format!("application errors: {}", problem_text(input, shown_by))
}

/// `HAProxy busy: 1.20 s to respond (rtime), 8% idle`.
pub(super) fn busy(input: &CauseInput<'_>, shown_by: &[&Problem]) -> String {
    let text = problem_text(input, shown_by);
    let is_idle = worst(input, shown_by).is_some_and(|problem| problem.rule.id == RuleId::Idle);
    let idle = input.row.process_number(InfoField::IdlePct).filter(|_| !is_idle);
    format!("HAProxy busy: {text}{}", idle.map_or(String::new(), |idle| format!(", {idle:.0}% idle")))
}
