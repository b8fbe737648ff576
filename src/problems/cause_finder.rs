//! Groups the open problems of one sample into causes, so that each thing that is wrong is one line.
//!
//! Per backend, the finder goes through the table of causes in its order. A problem that shows a cause becomes part of
//! it, and so do the problems of the same server and of its backend that follow from it. Each problem is part of one
//! cause at most.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use crate::actions::action_table::{self, Action};
use crate::actions::impact::BackendImpact;
use crate::haproxy::fields::Field;
use crate::haproxy::status::RowState;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::severity::Severity;
use crate::problems::attempts::{self, RepeatedAttempts};
use crate::problems::backend_rules;
use crate::problems::cause::{Cause, CauseTrend, Obstacle, ProblemKey};
use crate::problems::cause_conditions::{are_few, are_own_errors_many, refuses_queue};
use crate::problems::cause_input::{CauseInput, total_traffic};
use crate::problems::cause_merger;
use crate::problems::cause_nature;
use crate::problems::cause_sentences;
use crate::problems::cause_table::{CauseGroup, CauseKind, fallback_kind};
use crate::problems::flap::Flap;
use crate::problems::forecast::Forecasts;
use crate::problems::found_cause::FoundCause;
use crate::problems::known_causes::KnownCauses;
use crate::problems::measurement::Measurement;
use crate::problems::open_problems::OpenProblems;
use crate::problems::outlier_rules::{self, Deviation};
use crate::problems::problem::{Problem, ProblemSubject};
use crate::problems::rule::Direction;
use crate::problems::rule_input::{RuleInput, Snapshot};
use crate::problems::rule_table::RuleId;
use crate::problems::successes::SuccessCounts;

/// Finds the causes of one sample.
#[derive(Debug)]
pub(crate) struct CauseFinder<'a> {
    known: &'a KnownCauses,
    flaps: &'a BTreeMap<RowId, Flap>,
    forecasts: &'a Forecasts,
    sample: &'a Sample,
    total: Option<f64>,
    found: Vec<FoundCause>,
}

/// The problems that are not part of a cause yet.
struct Pool<'p, 'a> {
    open: &'p OpenProblems<'a>,
    rows: BTreeMap<RowId, Range<usize>>,
    is_taken: Vec<bool>,
}

impl<'p, 'a> Pool<'p, 'a> {
    fn new(open: &'p OpenProblems<'a>) -> Self {
        let mut rows: BTreeMap<RowId, Range<usize>> = BTreeMap::new();
        for (index, problem) in open.problems.iter().enumerate() {
            rows.entry(problem.subject.id).or_insert(index..index).end = index + 1;
        }
        Self { open, rows, is_taken: vec![false; open.problems.len()] }
    }

    fn range(&self, row: RowId) -> Range<usize> {
        self.rows.get(&row).cloned().unwrap_or_default()
    }

    /// Takes the free problems in a range for which `is_meant` returns true.
    fn take(&mut self, range: Range<usize>, is_meant: impl Fn(&Problem) -> bool) -> Vec<usize> {
        let taken: Vec<usize> =
            range.filter(|index| !self.is_taken[*index] && is_meant(self.open.problems[*index])).collect();
        for index in &taken {
            self.is_taken[*index] = true;
        }
        taken
    }
}

impl<'a> CauseFinder<'a> {
    /// Creates a finder for a sample without causes yet. `known` are the causes that were open before it.
    pub(crate) fn new(
        snapshot: &Snapshot<'a>,
        known: &'a KnownCauses,
        flaps: &'a BTreeMap<RowId, Flap>,
        forecasts: &'a Forecasts,
    ) -> Self {
        Self { known, flaps, forecasts, sample: snapshot.sample, total: total_traffic(snapshot), found: Vec::new() }
    }

    /// Adds the causes of a backend and its servers.
    pub(crate) fn add_backend(&mut self, backend: RuleInput<'_>, mut open: OpenProblems<'_>) {
        if backend_rules::is_slower_than_known(&backend) {
            open.hold_back_queue(backend.sample.at);
        }
        let outliers = outlier_rules::find_outliers(&backend, &open, self.known);
        let bad = open.bad();
        let input = CauseInput {
            row: backend,
            backend,
            problems: &open.problems,
            bad: &bad,
            outliers: &outliers,
            known: self.known,
            flaps: self.flaps,
            forecasts: self.forecasts,
            total: self.total,
        };
        let mut pool = Pool::new(&open);
        for kind in CauseKind::ALL {
            match kind.info().group {
                CauseGroup::Server => {
                    for row in pool.rows.keys().copied().collect::<Vec<_>>() {
                        if row != backend.id {
                            self.add_kind(*kind, &input.for_id(row), &mut pool);
                        }
                    }
                    self.add_early(*kind, &input, &mut pool);
                }
                CauseGroup::Backend => self.add_kind(*kind, &input, &mut pool),
                CauseGroup::Row => {}
            }
        }
        self.add_rest(&input, &mut pool);
    }

    /// Adds the causes of a frontend or of the process.
    pub(crate) fn add_row(&mut self, row: RuleInput<'_>, open: &OpenProblems<'_>) {
        let Self { known, flaps, forecasts, total, .. } = *self;
        let (problems, bad) = (&open.problems, &open.bad());
        let input = CauseInput { row, backend: row, problems, bad, outliers: &[], known, flaps, forecasts, total };
        self.add_rest(&input, &mut Pool::new(open));
    }

    /// Adds the cause of one kind for one server or backend, if its problems show it.
    fn add_kind(&mut self, kind: CauseKind, input: &CauseInput<'_>, pool: &mut Pool<'_, '_>) {
        let info = kind.info();
        let is_server = info.group == CauseGroup::Server;
        let own = if is_server { pool.range(input.row.id) } else { 0..pool.is_taken.len() };
        let is_shown = |problem: &Problem| info.shows.contains(&problem.rule.id) && (info.is_shown)(input, problem);
        let shown_by = pool.take(own.clone(), is_shown);
        if shown_by.is_empty() {
            return;
        }
        let follows = |problem: &Problem| info.follows.contains(&problem.rule.id) && may_follow(kind, input, problem);
        let mut following = pool.take(own, follows);
        if is_server {
            // The other servers are full because the idle one takes nothing.
            let all = 0..pool.is_taken.len();
            let reach = if kind == CauseKind::IdleServer { all } else { pool.range(input.backend.id) };
            following.extend(pool.take(reach, follows));
        }
        self.add_cause(kind, input, pool, &shown_by, &following);
    }

    /// Adds the cause of a server to which a problem of its backend is due, although no problem of the server is open: its
    /// own rule needs more requests, or is past its threshold a sample later.
    fn add_early(&mut self, kind: CauseKind, input: &CauseInput<'_>, pool: &mut Pool<'_, '_>) {
        let rows_of = |is_meant: fn(&Deviation) -> bool| {
            let outliers = input.outliers.iter().filter(move |outlier| is_meant(&outlier.deviation));
            outliers.map(|outlier| outlier.row).collect::<Vec<_>>()
        };
        let (rules, servers): (&[RuleId], Vec<RowId>) = match kind {
            CauseKind::ServerUnreachable
                if input.worst_of(&[RuleId::BackendConnectionErrors]).is_some()
                    && are_few(input, RuleId::ServerConnectionErrors)
                    && !refuses_queue(input) =>
            {
                (&[RuleId::BackendConnectionErrors], outlier_rules::find_unreachable(&input.backend, self.known))
            }
            // While a slow application recovers, its servers do not become fast in the same sample.
            CauseKind::SlowServer if !self.known.slow.contains(&input.backend.id) => {
                (&[RuleId::ResponseTime], rows_of(|deviation| matches!(deviation, Deviation::Slow(..))))
            }
            CauseKind::ServerErrors => {
                let rules = &[RuleId::Backend5xx, RuleId::BackendResponseErrors];
                let mut servers = rows_of(|deviation| matches!(deviation, Deviation::Errors(..)));
                let have_others = !are_few(input, RuleId::ServerResponseErrors);
                if servers.is_empty() && input.worst_of(rules).is_some() && !have_others {
                    servers = outlier_rules::find_unresponsive(&input.backend, self.known);
                }
                (rules, servers)
            }
            _ => return,
        };
        let Some(row) = servers.first() else { return };
        let is_meant = |problem: &Problem| rules.contains(&problem.rule.id);
        let shown_by = pool.take(pool.range(input.backend.id), is_meant);
        if !shown_by.is_empty() {
            let server = input.for_id(*row);
            let follows = |problem: &Problem| {
                kind.info().follows.contains(&problem.rule.id) && may_follow(kind, &server, problem)
            };
            let following = pool.take(pool.range(input.backend.id), follows);
            self.add_cause(kind, &server, pool, &shown_by, &following);
        }
    }

    /// Adds the causes of the problems that no other cause explains.
    fn add_rest(&mut self, input: &CauseInput<'_>, pool: &mut Pool<'_, '_>) {
        for first in 0..pool.is_taken.len() {
            let problem = pool.open.problems[first];
            // A server that went down once, or stopped flapping, is fine.
            if pool.is_taken[first] || problem.rule.id == RuleId::Flapping {
                continue;
            }
            let kind = fallback_kind(problem.rule.id);
            let is_same =
                |problem: &Problem| fallback_kind(problem.rule.id) == kind && problem.rule.id != RuleId::Flapping;
            let shown_by = pool.take(pool.range(problem.subject.id), is_same);
            self.add_cause(kind, &input.for_id(problem.subject.id), pool, &shown_by, &[]);
        }
    }

    fn add_cause(
        &mut self,
        kind: CauseKind,
        input: &CauseInput<'_>,
        pool: &Pool<'_, '_>,
        shown_by: &[usize],
        following: &[usize],
    ) {
        let problems = &pool.open.problems;
        let all = || shown_by.iter().chain(following);
        let showing: Vec<&Problem> = shown_by.iter().map(|index| problems[*index]).collect();
        let severity = all().map(|index| problems[*index].severity).max().unwrap_or(Severity::Warn);
        // Several servers are down since the last one of them went down.
        let starts = showing.iter();
        let first = match kind {
            CauseKind::ServersDown => starts.max_by_key(|problem| problem.since.monotonic),
            _ => starts.min_by_key(|problem| problem.since.monotonic),
        };
        let Some(first) = first else { return };
        let since = first.since;
        let states: Vec<RowId> = match kind {
            CauseKind::ServersDown => showing.iter().map(|problem| problem.subject.id).collect(),
            _ => vec![input.row.id],
        };
        let before = states.iter().filter_map(|row| time_before(&input.for_id(*row), kind, since.monotonic)).min();
        let own_row = all().map(|index| &problems[*index].subject).find(|subject| subject.id == input.row.id);
        let subject = own_row.cloned().unwrap_or_else(|| subject_of(&input.row));
        let is_of_server = input.row.id != input.backend.id;
        let target = cause_sentences::single_server(input.row.id, &showing).filter(|_| !is_of_server);
        let hurt = (kind.info().hurt)(input).map(|hurt| hurt * input.row.window_share());
        let impact = hurt.zip(input.total.filter(|total| *total > 0.0)).map(|(hurt, total)| (hurt / total).min(1.0));
        self.found.push(FoundCause {
            is_current: shown_by.iter().any(|index| pool.open.is_bad[*index]),
            value: trend_value(kind, &showing),
            outlook: cause_sentences::outlook(input, &showing),
            nature: cause_nature::nature(input, kind),
            successes: SuccessCounts::of_problems(input, &showing),
            cause: Cause {
                kind,
                target: target.unwrap_or(input.row.id),
                proxy_row: input.backend.id,
                subject,
                severity,
                sentence: (kind.info().sentence)(input, &showing),
                impact,
                since,
                before: before.unwrap_or_default(),
                may_be_older: first.may_be_older && before.is_none(),
                obstacle: obstacle(input, kind.info().action),
                trend: CauseTrend::Steady,
                problems: all().map(|index| key_of(problems[*index])).collect(),
                shown_by: shown_by.len(),
                flap: self.flaps.get(&input.row.id).filter(|_| kind == CauseKind::FlappingServer).cloned(),
                earlier: None,
                resolved_at: None,
            },
        });
    }

    /// Returns the causes, worst first, after combining those of several rows that are one thing.
    pub(crate) fn finish(self) -> Vec<FoundCause> {
        cause_merger::merge_causes(self.found, self.sample)
    }
}

/// Returns whether a problem of one of the rules that follow from a cause may really be due to it.
fn may_follow(kind: CauseKind, input: &CauseInput<'_>, problem: &Problem) -> bool {
    match problem.rule.id {
        _ if kind.is_loss() && !is_of_lost_servers(kind, input, problem) => false,
        // Requests that wait too long get an error from HAProxy, but not all errors are of such requests.
        RuleId::Own5xx | RuleId::Backend5xx if kind == CauseKind::SlowServer => {
            let errors = input.backend.growth(Field::Hrsp5xx).unwrap_or_default();
            let is_unanswered = || input.row.no_response_words().is_some();
            let timeouts = input.row.growth(Field::Eresp).filter(|_| is_unanswered()).unwrap_or_default();
            errors > 0.0 && (attempts::gave_up_waiting(&input.row) + timeouts) * 2.0 >= errors
        }
        RuleId::Backend5xx if kind == CauseKind::SlowApplication => {
            input.row.no_response_words().is_some() || are_own_errors_many(input, problem)
        }
        // Requests that got no response end at a timeout.
        RuleId::BackendResponseErrors | RuleId::ServerResponseErrors
            if matches!(kind, CauseKind::SlowServer | CauseKind::SlowApplication) =>
        {
            input.row.no_response_words().is_some()
        }
        // A backend without servers follows from a flapping server only while this one is down, and no other is.
        RuleId::BackendDown => !input.row.state.is_usable() && input.backend.backend_stats.down <= 1,
        RuleId::Retries | RuleId::Redispatches => {
            let repeated = || RepeatedAttempts::of_row(&input.backend);
            match kind {
                CauseKind::ServerUnreachable | CauseKind::Network => !repeated().are_responses(),
                CauseKind::Application5xx => repeated().are_responses(),
                CauseKind::ServerErrors => {
                    RepeatedAttempts::of_row(&input.row).failed_responses * 2.0 > repeated().all()
                }
                _ => true,
            }
        }
        // HAProxy sends an error in place of a response that fails, but also for other reasons.
        RuleId::Own5xx if kind == CauseKind::ServerErrors => {
            let own = |measurement| if let Measurement::Value(own) = measurement { own } else { 0.0 };
            let all = own(backend_rules::own_5xx(&input.backend));
            own(backend_rules::own_5xx_of_haproxy(&input.backend)) * 2.0 <= all
        }
        _ => true,
    }
}

/// Returns whether a problem is due to servers that are lost: at most half of what it counts is of other servers. HAProxy's
/// own errors are of no server.
fn is_of_lost_servers(kind: CauseKind, input: &CauseInput<'_>, problem: &Problem) -> bool {
    let count = |row: &RuleInput<'_>| match problem.rule.id {
        RuleId::Backend5xx => row.growth(Field::Hrsp5xx),
        RuleId::BackendResponseErrors => row.growth(Field::Eresp),
        RuleId::BackendConnectionErrors => attempts::failed_connections(row),
        RuleId::Retries => attempts::retry_count(row),
        RuleId::Redispatches => row.growth(Field::Wredis),
        _ => None,
    };
    let is_lost = |row: &RuleInput<'_>| match kind {
        CauseKind::ServersDown => !row.state.is_usable(),
        _ => row.id == input.row.id,
    };
    let subject = input.for_id(problem.subject.id).row;
    if subject.is_server() {
        return is_lost(&subject);
    }
    let Some(all) = count(&input.backend) else { return true };
    let servers = input.backend.backend.iter().flat_map(|backend| &backend.servers);
    let servers = servers.map(|server| input.backend.for_row(*server));
    let others: f64 = servers.filter(|server| !is_lost(server)).filter_map(|server| count(&server)).sum();
    all > 0.0 && others * 2.0 <= all
}

fn subject_of(row: &RuleInput<'_>) -> ProblemSubject {
    ProblemSubject { id: row.id, names: row.row().map(|row| (row.kind, row.proxy.clone(), row.name.clone())) }
}

fn key_of(problem: &Problem) -> ProblemKey {
    (problem.subject.id, problem.rule.id)
}

/// Returns the value whose development is the trend of the cause: the worst one of the first rule of its kind. Larger is
/// worse.
fn trend_value(kind: CauseKind, showing: &[&Problem]) -> (Option<RuleId>, f64) {
    let rank = |problem: &&&Problem| kind.info().shows.iter().position(|rule| *rule == problem.rule.id);
    let Some(rule) = showing.iter().min_by_key(rank).map(|problem| problem.rule.id) else { return (None, 0.0) };
    let values = showing.iter().filter(|problem| problem.rule.id == rule).map(|problem| match problem.rule.direction {
        Direction::AtLeast => problem.value,
        Direction::Below => -problem.value,
    });
    (Some(rule), values.fold(f64::MIN, f64::max))
}

/// Returns what prevents an action on the server of a cause.
fn obstacle(input: &CauseInput<'_>, action: Option<&Action>) -> Option<Obstacle> {
    let (action, server, backend) = (action?, input.row.index?, input.row.backend?);
    let takes_out = [action_table::DRAIN.id, action_table::MAINT.id].contains(&action.id);
    if !takes_out || server == backend.row {
        return None;
    }
    match input.row.state {
        RowState::Maint => Some(Obstacle::InMaintenance),
        RowState::Drain if action.id == action_table::DRAIN.id => Some(Obstacle::Drained),
        _ => {
            let loss = BackendImpact::without_server(input.row.sample, backend, server);
            loss.removes_last_server().then_some(Obstacle::LastServer)
        }
    }
}

/// Returns how long HAProxy had reported a state (`lastchg`) before the sample at `since`; `None` if it does not report
/// this, or the cause is not a state.
fn time_before(input: &CauseInput<'_>, kind: CauseKind, since: Duration) -> Option<Duration> {
    let shows = kind.info().shows;
    let is_state = matches!(shows, [RuleId::ServerDown | RuleId::BackendDown]);
    let changed = input.row.number(Field::Lastchg).filter(|_| is_state);
    let lasted = changed.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())?;
    Some(lasted.saturating_sub(input.row.sample.at.elapsed_since(since)))
}
