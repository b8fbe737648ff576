//! One line a backend: what its problems come from, with the numbers behind it.
//!
//! Several rules see one fault: a full server makes a queue, a wait, aborts. A verdict names the fault. Of
//! several faults the worst one is named; of equally bad ones the one from which others follow.

use std::collections::BTreeSet;

use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::safe_text::SafeText;
use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::observe::timestamp::Stamp;
use crate::problems::backend_rules;
use crate::problems::measurement::Reading;
use crate::problems::outlier_rules::{self, Why};
use crate::problems::phrases;
use crate::problems::problem::Problem;
use crate::problems::rule_input::View;

/// Where problems come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Nobody can serve: act + bck = 0.
    NoServerLeft,
    /// Connections fail or take long.
    Network,
    /// One server is far from its peers.
    Outlier,
    /// Requests wait, and servers respond as fast as ever: maxconn.
    ServersFull,
    /// Servers take long to respond.
    ApplicationSlow,
    /// 5xx that no server sent: no server, a rule, a timeout.
    HaproxyAnswers,
    /// Servers answer with errors, all of them alike.
    ApplicationFails,
    /// Some servers are down or on their way.
    ServersDown,
    /// HAProxy itself has no time left.
    Busy,
    /// Something else, which the problem itself says.
    Other,
}

impl Cause {
    /// One word for a narrow column: `down`, `full`, `slow`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoServerLeft => "down",
            Self::Network => "network",
            Self::Outlier => "outlier",
            Self::ServersFull => "full",
            Self::ApplicationSlow => "slow",
            Self::HaproxyAnswers => "haproxy",
            Self::ApplicationFails => "errors",
            Self::ServersDown => "degraded",
            Self::Busy => "busy",
            Self::Other => "problem",
        }
    }
}

/// What is wrong with a backend, a frontend or the process.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The row; [`RowId::PROCESS`] for the process.
    pub row: RowId,
    /// The proxy's name; empty for the process.
    pub name: SafeText,
    /// What it comes from.
    pub cause: Cause,
    /// How bad it is.
    pub severity: Severity,
    /// Since when.
    pub since: Stamp,
    /// In words, without the proxy's name.
    pub text: String,
    /// The server to look at, when it is a single one.
    pub server: Option<RowId>,
}

/// A cause, the rules that show it, and those that merely follow from it.
struct Explanation {
    cause: Cause,
    roots: &'static [&'static str],
    follows: &'static [&'static str],
}

/// In the order in which one fault leads to the next.
static EXPLANATIONS: &[Explanation] = &[
    Explanation { cause: Cause::NoServerLeft, roots: &["backend-down"], follows: &[] },
    Explanation {
        cause: Cause::Network,
        roots: &["backend-connection-errors", "server-connection-errors", "connect-time"],
        follows: &["own-5xx", "backend-5xx", "backend-response-errors", "retries", "redispatches"],
    },
    Explanation {
        cause: Cause::Outlier,
        roots: &["slow-server", "server-5xx", "client-aborts"],
        follows: &["backend-5xx", "response-time", "backend-response-errors", "server-response-errors"],
    },
    Explanation {
        cause: Cause::ServersFull,
        roots: &["queue", "queue-growing", "queue-wait", "queue-limit", "server-sessions"],
        follows: &["own-5xx", "backend-5xx", "client-aborts"],
    },
    Explanation {
        cause: Cause::ApplicationSlow,
        roots: &["response-time"],
        follows: &["queue", "queue-growing", "queue-wait", "queue-limit", "client-aborts", "server-sessions"],
    },
    Explanation { cause: Cause::HaproxyAnswers, roots: &["own-5xx"], follows: &["backend-5xx"] },
    Explanation {
        cause: Cause::ApplicationFails,
        roots: &["backend-5xx", "server-5xx", "backend-response-errors", "server-response-errors"],
        follows: &[],
    },
    Explanation {
        cause: Cause::ServersDown,
        roots: &["backend-weight", "server-down", "flapping", "failing-checks"],
        follows: &["retries", "redispatches", "connect-time"],
    },
];

/// Whether a problem of a backend or its servers accounts for 5xx that a frontend counts.
pub fn explains_5xx(problem: &Problem) -> bool {
    matches!(problem.rule.id, "backend-5xx" | "server-5xx" | "own-5xx" | "backend-down")
}

/// The verdict on a backend, by its problems and those of its servers; absent without any.
pub fn of_backend(view: &View<'_>, problems: &[&Problem], is_busy: bool) -> Option<Verdict> {
    let outliers = outlier_rules::of_backend(view, problems);
    let far: BTreeSet<RowId> = outliers.iter().map(|outlier| outlier.row).collect();
    let has_aborts = outliers.iter().any(|outlier| matches!(outlier.why, Why::Aborts(..)));
    let mut best: Option<(Severity, &Explanation, Vec<&Problem>)> = None;
    for explanation in EXPLANATIONS {
        let roots = roots(explanation, view, problems, &far, has_aborts);
        let follows = problems.iter().filter(|problem| explanation.follows.contains(&problem.rule.id));
        let follows = if roots.is_empty() { None } else { follows.map(|problem| problem.severity).max() };
        let Some(severity) = roots.iter().map(|problem| problem.severity).max().max(follows) else { continue };
        if best.as_ref().is_none_or(|(worst, ..)| severity > *worst) {
            best = Some((severity, explanation, roots));
        }
    }
    let Some((severity, explanation, roots)) = best.filter(|(severity, ..)| *severity >= worst(problems)) else {
        return of_row(problems.iter().copied(), false).map(|verdict| on_backend(verdict, view));
    };
    let is_wait = matches!(explanation.cause, Cause::ApplicationSlow | Cause::Network)
        && roots.iter().all(|problem| matches!(problem.rule.id, "response-time" | "connect-time"));
    let cause = if is_busy && is_wait { Cause::Busy } else { explanation.cause };
    let is_slow = problems.iter().any(|problem| problem.rule.id == "response-time");
    let (text, server) = match outliers.first().filter(|_| cause == Cause::Outlier) {
        Some(first) => {
            let more = outliers.iter().filter(|other| other.row != first.row).count();
            let more = if more > 0 { format!(", {more} more like it") } else { String::new() };
            (first.text() + &more, Some(first.row))
        }
        None => (text(cause, view, &roots, is_slow), single(view.id, &roots)),
    };
    let since = roots.iter().map(|problem| problem.since).min_by_key(|since| since.mono)?;
    let verdict = Verdict { row: view.id, name: SafeText::default(), cause, severity, since, text, server };
    Some(on_backend(verdict, view))
}

/// The verdict on a frontend or the process: its worst problem.
pub fn of_row<'a>(problems: impl Iterator<Item = &'a Problem>, is_busy: bool) -> Option<Verdict> {
    let worst = problems.min_by_key(|problem| (std::cmp::Reverse(problem.severity), problem.since.mono))?;
    let is_busy = is_busy && matches!(worst.rule.id, "idle" | "run-queue");
    let text = if is_busy { format!("load balancer busy: {}", worst.text) } else { worst.text.clone() };
    Some(Verdict {
        row: worst.subject.id,
        name: worst.subject.names.as_ref().map(|(_, proxy, _)| proxy.clone()).unwrap_or_default(),
        cause: if is_busy { Cause::Busy } else { Cause::Other },
        severity: worst.severity,
        since: worst.since,
        text,
        server: None,
    })
}

fn worst(problems: &[&Problem]) -> Severity {
    problems.iter().map(|problem| problem.severity).max().unwrap_or(Severity::Warn)
}

/// Puts a verdict under the backend's name; one that is about a server names the server.
fn on_backend(mut verdict: Verdict, view: &View<'_>) -> Verdict {
    if verdict.row != view.id {
        verdict.server = Some(verdict.row);
        let server = view.sample.row(verdict.row).map(|row| row.name.clone()).unwrap_or_default();
        verdict.text = format!("{server}: {}", verdict.text);
    }
    verdict.row = view.id;
    verdict.name = view.row().map(|row| row.proxy.clone()).unwrap_or_default();
    verdict
}

/// The problems that show a cause; none when something speaks against it.
fn roots<'a>(
    of: &Explanation,
    view: &View<'_>,
    problems: &[&'a Problem],
    far: &BTreeSet<RowId>,
    has_aborts: bool,
) -> Vec<&'a Problem> {
    let worst_of = |ids: &[&str]| {
        let found = problems.iter().filter(|problem| ids.contains(&problem.rule.id));
        found.map(|problem| problem.severity).max()
    };
    let is_root = |problem: &&&'a Problem| {
        of.roots.contains(&problem.rule.id)
            && match of.cause {
                Cause::Outlier => far.contains(&problem.subject.id) || has_aborts && problem.rule.id == "client-aborts",
                // A server that does not answer takes long to connect to.
                Cause::Network if problem.rule.id == "connect-time" => {
                    worst_of(&["server-down", "failing-checks"]).is_none()
                }
                // A slow application fills its servers; full servers do not slow it down.
                // One at its limit is no queue yet.
                Cause::ServersFull if problem.rule.id == "server-sessions" && view.pool.queued <= 0.0 => false,
                Cause::ServersFull => worst_of(&["response-time"]) < worst_of(of.roots),
                // A few of its own among many of the servers' are not where the trouble is.
                Cause::HaproxyAnswers => problem.value * 2.0 >= view.growth(Field::Hrsp5xx).unwrap_or_default(),
                _ => true,
            }
    };
    problems.iter().filter(is_root).copied().collect()
}

/// The server all of these are about, if it is one server.
fn single(backend: RowId, roots: &[&Problem]) -> Option<RowId> {
    let mut servers = roots.iter().map(|problem| problem.subject.id).filter(|row| *row != backend);
    let first = servers.next()?;
    servers.all(|other| other == first).then_some(first)
}

fn text(cause: Cause, view: &View<'_>, roots: &[&Problem], is_slow: bool) -> String {
    // Of the worst, what is said of the whole backend; a single server is named.
    let said = roots.iter().max_by_key(|problem| (problem.severity, problem.subject.id == view.id));
    let Some(said) = said else { return String::new() };
    let is_server = said.subject.id != view.id;
    let who = if is_server { format!("{}: ", said.subject.short()) } else { String::new() };
    let of_one = single(view.id, roots).and_then(|row| view.sample.row(row));
    match (cause, of_one) {
        (Cause::ServersFull, _) => servers_full(view, roots, is_slow),
        (Cause::ApplicationSlow, _) if view.pool.queued > 0.0 => {
            format!("application slow: {}, {:.0} waiting", said.text, view.pool.queued)
        }
        (Cause::ApplicationSlow, _) => format!("application slow: {}", said.text),
        (Cause::Network, Some(server)) if !is_server => format!("network or port: {}: {}", server.name, said.text),
        (Cause::Network, _) => format!("network or port: {who}{}", said.text),
        (Cause::HaproxyAnswers, _) => format!("HAProxy answers itself: {}", said.text),
        (Cause::ApplicationFails, _) => format!("application fails: {who}{}", said.text),
        (Cause::Busy, _) => {
            let idle = view.process(InfoField::IdlePct).map_or(String::new(), |idle| format!(", {idle:.0}% idle"));
            format!("load balancer busy: {}{idle}", said.text)
        }
        (Cause::ServersDown, _) if view.pool.down > 0 => servers_down(view, roots),
        _ => format!("{who}{}", said.text),
    }
}

/// `servers full: 7 waiting 12 s (qtime 840 ms, rtime normal), 1 of 3 servers down`
fn servers_full(view: &View<'_>, roots: &[&Problem], is_slow: bool) -> String {
    let since = roots.iter().map(|problem| problem.since.mono).min().unwrap_or_default();
    let span = phrases::span(view.sample.at.since(since));
    let waiting = match view.pool.queued {
        queued if queued > 0.0 => format!("{queued:.0} waiting {span}"),
        _ => format!("requests waited for {span}"),
    };
    let qtime = view.number(Field::Qtime).map(|qtime| format!("qtime {}", phrases::millis(qtime)));
    let rtime = view.number(Field::Rtime).filter(|_| !view.is_tcp()).map(|rtime| match rtime {
        rtime if is_slow => format!("rtime {}", phrases::millis(rtime)),
        _ => "rtime normal".to_owned(),
    });
    let times: Vec<String> = [qtime, rtime].into_iter().flatten().collect();
    let times = if times.is_empty() { String::new() } else { format!(" ({})", times.join(", ")) };
    let down = match view.pool.down {
        0 => String::new(),
        down => format!(", {down} of {} servers down", view.pool.servers),
    };
    format!("servers full: {waiting}{times}{down}")
}

/// `w4 down: L4CON Connection refused, 75% of the weight is up`
fn servers_down(view: &View<'_>, roots: &[&Problem]) -> String {
    let mut down = roots.iter().filter(|problem| problem.rule.id == "server-down");
    let who = match (down.next(), down.next()) {
        (Some(one), None) => format!("{} {}", one.subject.short(), one.text),
        _ => format!("{} of {} servers down", view.pool.down, view.pool.servers),
    };
    match backend_rules::weight_up(view) {
        Reading::Value(up) => format!("{who}, {} of the weight is up", phrases::percent(up)),
        _ => who,
    }
}
