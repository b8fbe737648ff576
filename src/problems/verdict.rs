//! Verdicts: one line per backend, frontend or process with the most likely cause of its problems and the numbers.
//!
//! One fault makes several problems: a full server causes a queue, long queue times and client aborts. A verdict names
//! the fault. If there are several faults, the verdict names the most severe one; if they are equally severe, it names
//! the one that can cause the others.

use std::collections::BTreeSet;

use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::safe_text::SafeText;
use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::observe::timestamp::Timestamp;
use crate::problems::backend_rules;
use crate::problems::measurement::Measurement;
use crate::problems::outlier_rules::{self, Deviation};
use crate::problems::problem::Problem;
use crate::problems::rule_input::RuleInput;
use crate::problems::rule_table::RuleId;
use crate::units;

/// The likely cause of one or more problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// No active or backup server is usable (`act` + `bck` = 0).
    NoServerAvailable,
    /// Connections to servers fail or take long.
    Network,
    /// One server is much worse than the others.
    Outlier,
    /// Requests are queued while response times are normal: servers are at their maxconn.
    ServersFull,
    /// Servers respond slowly.
    ApplicationSlow,
    /// HAProxy itself sends 5xx, because no server is available, a rule denies requests, or a timeout expires.
    HaproxyErrors,
    /// All servers respond with errors.
    ApplicationErrors,
    /// Some servers are down or failing their checks.
    ServersDown,
    /// HAProxy itself has too little CPU time.
    HaproxyBusy,
    /// Another cause, described by the problem itself.
    Other,
}

impl Cause {
    /// Returns one word for a narrow column: `down`, `full`, `slow`.
    pub(crate) const fn short_name(self) -> &'static str {
        match self {
            Self::NoServerAvailable => "down",
            Self::Network => "network",
            Self::Outlier => "outlier",
            Self::ServersFull => "full",
            Self::ApplicationSlow => "slow",
            Self::HaproxyErrors => "haproxy",
            Self::ApplicationErrors => "errors",
            Self::ServersDown => "degraded",
            Self::HaproxyBusy => "busy",
            Self::Other => "problem",
        }
    }
}

/// The summary of the problems of a backend, a frontend or the process.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// ID of the row; [`RowId::PROCESS`] for the process.
    pub(crate) row: RowId,
    /// Name of the proxy; empty for the process.
    pub name: SafeText,
    /// Most likely cause.
    pub cause: Cause,
    /// Highest severity of the problems.
    pub severity: Severity,
    /// Start of the oldest problem that shows the cause.
    pub(crate) since: Timestamp,
    /// Description for operators, without the proxy's name.
    pub text: String,
    /// The affected server; `None` if several servers or the whole proxy are affected.
    pub(crate) server: Option<RowId>,
}

/// The causes that a backend's verdict can name, ordered so that earlier causes can lead to later ones.
const BACKEND_CAUSES: [Cause; 8] = [
    Cause::NoServerAvailable,
    Cause::Network,
    Cause::Outlier,
    Cause::ServersFull,
    Cause::ApplicationSlow,
    Cause::HaproxyErrors,
    Cause::ApplicationErrors,
    Cause::ServersDown,
];

/// The causes that a problem may have, and the causes of which it can only be a consequence.
#[derive(Debug)]
struct RuleCauses {
    shows: &'static [Cause],
    follows_from: &'static [Cause],
}

const fn causes(shows: &'static [Cause], follows_from: &'static [Cause]) -> RuleCauses {
    RuleCauses { shows, follows_from }
}

/// Returns the causes of a rule's problems. For a rule without causes, the problem itself is the verdict.
const fn rule_causes(rule: RuleId) -> RuleCauses {
    use Cause::{
        ApplicationErrors, ApplicationSlow, HaproxyBusy, HaproxyErrors, Network, NoServerAvailable, Outlier,
        ServersDown, ServersFull,
    };
    match rule {
        RuleId::BackendDown => causes(&[NoServerAvailable], &[]),
        RuleId::BackendConnectionErrors | RuleId::ServerConnectionErrors => causes(&[Network], &[]),
        RuleId::ConnectTime => causes(&[Network], &[ServersDown]),
        RuleId::Retries | RuleId::Redispatches => causes(&[], &[Network, ServersDown]),
        RuleId::SlowServer => causes(&[Outlier], &[]),
        RuleId::ClientAborts => causes(&[Outlier], &[ServersFull, ApplicationSlow]),
        RuleId::Server5xx => causes(&[Outlier, ApplicationErrors], &[]),
        RuleId::Backend5xx => causes(&[ApplicationErrors], &[Network, Outlier, ServersFull, HaproxyErrors]),
        RuleId::Own5xx => causes(&[HaproxyErrors], &[Network, ServersFull]),
        RuleId::BackendResponseErrors => causes(&[ApplicationErrors], &[Network, Outlier]),
        RuleId::ServerResponseErrors => causes(&[ApplicationErrors], &[Outlier]),
        RuleId::ResponseTime => causes(&[ApplicationSlow], &[Outlier]),
        RuleId::Queue | RuleId::QueueGrowing | RuleId::QueueWait | RuleId::QueueLimit | RuleId::ServerSessions => {
            causes(&[ServersFull], &[ApplicationSlow])
        }
        RuleId::BackendWeight | RuleId::ServerDown | RuleId::Flapping | RuleId::FailingChecks => {
            causes(&[ServersDown], &[])
        }
        RuleId::Idle | RuleId::RunQueue => causes(&[HaproxyBusy], &[]),
        RuleId::Connections
        | RuleId::SessionRate
        | RuleId::ConnectionRate
        | RuleId::TlsRate
        | RuleId::TlsConnections
        | RuleId::TlsReuse
        | RuleId::Memory
        | RuleId::PoolFailed
        | RuleId::DroppedLogs
        | RuleId::NoBackendAvailable
        | RuleId::FrontendSessions
        | RuleId::FrontendRate
        | RuleId::Frontend5xx
        | RuleId::Denied
        | RuleId::BadRequests
        | RuleId::MaxconnReached
        | RuleId::BlockedTraffic
        | RuleId::DescriptorLimit
        | RuleId::Pipes
        | RuleId::SharedSocket
        | RuleId::CertificateExpiry
        | RuleId::ResolverFailing
        | RuleId::FrontendPaused
        | RuleId::FrontendStopped
        | RuleId::BackendUnpublished
        | RuleId::ServerUnresolved
        | RuleId::ListenerSessions => causes(&[], &[]),
    }
}

/// Returns whether the rule shows that HAProxy itself has too little CPU time.
pub(crate) fn shows_busy_process(rule: RuleId) -> bool {
    rule_causes(rule).shows.contains(&Cause::HaproxyBusy)
}

/// Returns whether a problem of a backend or its servers explains 5xx responses counted by a frontend.
pub(crate) fn explains_5xx(problem: &Problem) -> bool {
    matches!(problem.rule.id, RuleId::Backend5xx | RuleId::Server5xx | RuleId::Own5xx | RuleId::BackendDown)
}

/// Returns the verdict on a backend, based on its problems and those of its servers; `None` without problems.
pub(crate) fn backend_verdict(input: &RuleInput<'_>, problems: &[&Problem], is_busy: bool) -> Option<Verdict> {
    let outliers = outlier_rules::find_outliers(input, problems);
    let outlier_rows: BTreeSet<RowId> = outliers.iter().map(|outlier| outlier.row).collect();
    let has_aborts = outliers.iter().any(|outlier| matches!(outlier.deviation, Deviation::Aborts(..)));
    let mut best: Option<(Severity, Cause, Vec<&Problem>)> = None;
    for cause in BACKEND_CAUSES {
        let roots = root_problems(cause, input, problems, &outlier_rows, has_aborts);
        let consequences = problems.iter().filter(|problem| rule_causes(problem.rule.id).follows_from.contains(&cause));
        let worst_consequence =
            if roots.is_empty() { None } else { consequences.map(|problem| problem.severity).max() };
        let Some(severity) = roots.iter().map(|problem| problem.severity).max().max(worst_consequence) else {
            continue;
        };
        if best.as_ref().is_none_or(|(worst, ..)| severity > *worst) {
            best = Some((severity, cause, roots));
        }
    }
    let Some((severity, root_cause, roots)) = best.filter(|(severity, ..)| *severity >= worst_severity(problems))
    else {
        return row_verdict(problems.iter().copied(), false).map(|verdict| attach_to_backend(verdict, input));
    };
    let is_only_slow = matches!(root_cause, Cause::ApplicationSlow | Cause::Network)
        && roots.iter().all(|problem| matches!(problem.rule.id, RuleId::ResponseTime | RuleId::ConnectTime));
    let cause = if is_busy && is_only_slow { Cause::HaproxyBusy } else { root_cause };
    let is_slow = problems.iter().any(|problem| problem.rule.id == RuleId::ResponseTime);
    let (text, server) = match outliers.first().filter(|_| cause == Cause::Outlier) {
        Some(first) => {
            let more = outliers.iter().filter(|other| other.row != first.row).count();
            let more = if more > 0 { format!(", {more} more outliers") } else { String::new() };
            (first.text() + &more, Some(first.row))
        }
        None => (verdict_text(cause, input, &roots, is_slow), single_server(input.id, &roots)),
    };
    let since = roots.iter().map(|problem| problem.since).min_by_key(|since| since.monotonic)?;
    let verdict = Verdict { row: input.id, name: SafeText::default(), cause, severity, since, text, server };
    Some(attach_to_backend(verdict, input))
}

/// Returns the verdict on a frontend or the process: the oldest of the most severe problems; `None` without problems.
pub(crate) fn row_verdict<'a>(problems: impl Iterator<Item = &'a Problem>, is_busy: bool) -> Option<Verdict> {
    let worst = problems.min_by_key(|problem| (std::cmp::Reverse(problem.severity), problem.since.monotonic))?;
    let is_busy = is_busy && shows_busy_process(worst.rule.id);
    let text = if is_busy { format!("HAProxy busy: {}", worst.text) } else { worst.text.clone() };
    Some(Verdict {
        row: worst.subject.id,
        name: worst.subject.names.as_ref().map(|(_, proxy, _)| proxy.clone()).unwrap_or_default(),
        cause: if is_busy { Cause::HaproxyBusy } else { Cause::Other },
        severity: worst.severity,
        since: worst.since,
        text,
        server: None,
    })
}

fn worst_severity(problems: &[&Problem]) -> Severity {
    problems.iter().map(|problem| problem.severity).max().unwrap_or(Severity::Warn)
}

/// Turns a verdict on a server into one on its backend that names the server.
fn attach_to_backend(mut verdict: Verdict, input: &RuleInput<'_>) -> Verdict {
    if verdict.row != input.id {
        verdict.server = Some(verdict.row);
        let server = input.sample.row(verdict.row).map(|row| row.name.clone()).unwrap_or_default();
        verdict.text = format!("{server}: {}", verdict.text);
    }
    verdict.row = input.id;
    verdict.name = input.row().map(|row| row.proxy.clone()).unwrap_or_default();
    verdict
}

/// Returns the problems that show a cause; empty if other problems contradict it.
fn root_problems<'a>(
    cause: Cause,
    input: &RuleInput<'_>,
    problems: &[&'a Problem],
    outlier_rows: &BTreeSet<RowId>,
    has_aborts: bool,
) -> Vec<&'a Problem> {
    let worst_of = |is_meant: &dyn Fn(RuleId) -> bool| {
        let found = problems.iter().filter(|problem| is_meant(problem.rule.id));
        found.map(|problem| problem.severity).max()
    };
    let shows_cause = |rule: RuleId| rule_causes(rule).shows.contains(&cause);
    let is_root = |problem: &&&'a Problem| {
        shows_cause(problem.rule.id)
            && match cause {
                Cause::Outlier => {
                    outlier_rows.contains(&problem.subject.id) || has_aborts && problem.rule.id == RuleId::ClientAborts
                }
                // Connecting to a server that is down takes long, but this does not show a network problem.
                Cause::Network if problem.rule.id == RuleId::ConnectTime => {
                    worst_of(&|rule| matches!(rule, RuleId::ServerDown | RuleId::FailingChecks)).is_none()
                }
                // A server at its limit does not imply a queue.
                Cause::ServersFull
                    if problem.rule.id == RuleId::ServerSessions && input.backend_stats.queued <= 0.0 =>
                {
                    false
                }
                // A slow application fills its servers, but full servers do not slow down the application.
                Cause::ServersFull => worst_of(&|rule| rule == RuleId::ResponseTime) < worst_of(&shows_cause),
                // HAProxy's own errors are the cause only if they are at least half of all 5xx responses.
                Cause::HaproxyErrors => problem.value * 2.0 >= input.growth(Field::Hrsp5xx).unwrap_or_default(),
                Cause::NoServerAvailable
                | Cause::Network
                | Cause::ApplicationSlow
                | Cause::ApplicationErrors
                | Cause::ServersDown
                | Cause::HaproxyBusy
                | Cause::Other => true,
            }
    };
    problems.iter().filter(is_root).copied().collect()
}

/// Returns the only server among the rows of these problems; `None` if there are several servers or only the backend.
fn single_server(backend: RowId, roots: &[&Problem]) -> Option<RowId> {
    let mut servers = roots.iter().map(|problem| problem.subject.id).filter(|row| *row != backend);
    let first = servers.next()?;
    servers.all(|other| other == first).then_some(first)
}

/// Describes a cause with the numbers of its worst problem.
fn verdict_text(cause: Cause, input: &RuleInput<'_>, roots: &[&Problem], is_slow: bool) -> String {
    // Among equally severe problems, prefer the backend's. If the problem is a server's, name the server.
    let worst = roots.iter().max_by_key(|problem| (problem.severity, problem.subject.id == input.id));
    let Some(worst) = worst else { return String::new() };
    let is_server = worst.subject.id != input.id;
    let who = if is_server { format!("{}: ", worst.subject.short_name()) } else { String::new() };
    let only_server = single_server(input.id, roots).and_then(|row| input.sample.row(row));
    match (cause, only_server) {
        (Cause::ServersFull, _) => servers_full_text(input, roots, is_slow),
        (Cause::ApplicationSlow, _) if input.backend_stats.queued > 0.0 => {
            format!("application slow: {}, {:.0} waiting", worst.text, input.backend_stats.queued)
        }
        (Cause::ApplicationSlow, _) => format!("application slow: {}", worst.text),
        (Cause::Network, Some(server)) if !is_server => format!("connection problem: {}: {}", server.name, worst.text),
        (Cause::Network, _) => format!("connection problem: {who}{}", worst.text),
        (Cause::ApplicationErrors, _) => format!("application errors: {who}{}", worst.text),
        (Cause::HaproxyBusy, _) => {
            let idle =
                input.process_number(InfoField::IdlePct).map_or(String::new(), |idle| format!(", {idle:.0}% idle"));
            format!("HAProxy busy: {}{idle}", worst.text)
        }
        (Cause::ServersDown, _) if input.backend_stats.down > 0 => servers_down_text(input, roots),
        _ => format!("{who}{}", worst.text),
    }
}

/// Returns text such as `servers full: 7 waiting for 12 s (qtime 840 ms, rtime normal), 1 of 3 servers down`.
fn servers_full_text(input: &RuleInput<'_>, roots: &[&Problem], is_slow: bool) -> String {
    let since = roots.iter().map(|problem| problem.since.monotonic).min().unwrap_or_default();
    let time = units::duration_words(input.sample.at.elapsed_since(since));
    let waiting = match input.backend_stats.queued {
        queued if queued > 0.0 => format!("{queued:.0} waiting for {time}"),
        _ => format!("requests queued for {time}"),
    };
    let time = |field| input.interval_time(field).map(|time| time.millis);
    let qtime = time(Field::Qtime).map(|qtime| format!("qtime {}", units::millis_words(qtime)));
    let rtime = time(Field::Rtime).filter(|_| !input.is_tcp()).map(|rtime| match rtime {
        rtime if is_slow => format!("rtime {}", units::millis_words(rtime)),
        _ => "rtime normal".to_owned(),
    });
    let times: Vec<String> = [qtime, rtime].into_iter().flatten().collect();
    let times = if times.is_empty() { String::new() } else { format!(" ({})", times.join(", ")) };
    let down = match input.backend_stats.down {
        0 => String::new(),
        down => format!(", {down} of {} servers down", input.backend_stats.servers),
    };
    format!("servers full: {waiting}{times}{down}")
}

/// Returns text such as `w4 down: L4CON Connection refused, 75% of the weight available`.
fn servers_down_text(input: &RuleInput<'_>, roots: &[&Problem]) -> String {
    let mut down = roots.iter().filter(|problem| problem.rule.id == RuleId::ServerDown);
    let who = match (down.next(), down.next()) {
        (Some(one), None) => format!("{} {}", one.subject.short_name(), one.text),
        _ => format!("{} of {} servers down", input.backend_stats.down, input.backend_stats.servers),
    };
    match backend_rules::usable_weight_share(input) {
        Measurement::Value(share) => format!("{who}, {} of the weight available", units::percent(share)),
        _ => who,
    }
}
