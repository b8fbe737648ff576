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
use crate::problems::backend_rules;
use crate::problems::cause::{Cause, CauseTrend, Obstacle, ProblemKey};
use crate::problems::cause_conditions::refuses_queue;
use crate::problems::cause_input::{CauseInput, total_traffic};
use crate::problems::cause_merger;
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
    pub(crate) fn add_backend(&mut self, backend: RuleInput<'_>, open: &OpenProblems<'_>) {
        let outliers = outlier_rules::find_outliers(&backend, open, self.known);
        let input = CauseInput {
            row: backend,
            backend,
            problems: &open.problems,
            outliers: &outliers,
            known: self.known,
            flaps: self.flaps,
            forecasts: self.forecasts,
            total: self.total,
        };
        let mut pool = Pool::new(open);
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
        let problems = &open.problems;
        let input = CauseInput { row, backend: row, problems, outliers: &[], known, flaps, forecasts, total };
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
        let follows = |problem: &Problem| {
            info.follows.contains(&problem.rule.id) && (!is_server || may_follow(kind, input, problem))
        };
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
                if input.worst_of(&[RuleId::BackendConnectionErrors]).is_some() && !refuses_queue(input) =>
            {
                (&[RuleId::BackendConnectionErrors], outlier_rules::find_unreachable(&input.backend, self.known))
            }
            CauseKind::SlowServer => {
                (&[RuleId::ResponseTime], rows_of(|deviation| matches!(deviation, Deviation::Slow(..))))
            }
            CauseKind::ServerErrors => {
                let rules = &[RuleId::Backend5xx, RuleId::BackendResponseErrors];
                let mut servers = rows_of(|deviation| matches!(deviation, Deviation::Errors(..)));
                if servers.is_empty() && input.worst_of(rules).is_some() {
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
        let Some(first) = showing.iter().min_by_key(|problem| problem.since.monotonic) else { return };
        let since = first.since;
        let before = time_before(input, kind, since.monotonic);
        let own_row = all().map(|index| &problems[*index].subject).find(|subject| subject.id == input.row.id);
        let subject = own_row.cloned().unwrap_or_else(|| subject_of(&input.row));
        let is_of_server = input.row.id != input.backend.id;
        let target = cause_sentences::single_server(input.row.id, &showing).filter(|_| !is_of_server);
        let hurt = (kind.info().hurt)(input);
        let impact = hurt.zip(input.total.filter(|total| *total > 0.0)).map(|(hurt, total)| (hurt / total).min(1.0));
        self.found.push(FoundCause {
            is_current: shown_by.iter().any(|index| pool.open.is_bad[*index]),
            value: trend_value(kind, &showing),
            outlook: cause_sentences::outlook(input, &showing),
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
                resolved_at: None,
            },
        });
    }

    /// Returns the causes, worst first, after combining those of several rows that are one thing.
    pub(crate) fn finish(self) -> Vec<FoundCause> {
        cause_merger::merge_causes(self.found, self.sample)
    }
}

/// Returns whether a problem of one of the rules that follow from a cause of a server may really be due to it.
fn may_follow(kind: CauseKind, input: &CauseInput<'_>, problem: &Problem) -> bool {
    match problem.rule.id {
        // A backend without servers follows from a flapping server only while this one is down, and no other is.
        RuleId::BackendDown => !input.row.state.is_usable() && input.backend.backend_stats.down <= 1,
        // HAProxy sends an error in place of a response that fails, but also for other reasons.
        RuleId::Own5xx if kind == CauseKind::ServerErrors => {
            let own = |measurement| if let Measurement::Value(own) = measurement { own } else { 0.0 };
            let all = own(backend_rules::own_5xx(&input.backend));
            own(backend_rules::own_5xx_of_haproxy(&input.backend)) * 2.0 <= all
        }
        _ => true,
    }
}

fn subject_of(row: &RuleInput<'_>) -> ProblemSubject {
    ProblemSubject { id: row.id, names: row.row().map(|row| (row.kind, row.proxy.clone(), row.name.clone())) }
}

fn key_of(problem: &Problem) -> ProblemKey {
    (problem.subject.id, problem.rule.id)
}

/// Returns the value whose development is the trend of the cause: the worst one of the first rule of its kind. Larger is
/// worse.
fn trend_value(kind: CauseKind, showing: &[&Problem]) -> f64 {
    let rank = |problem: &&&Problem| kind.info().shows.iter().position(|rule| *rule == problem.rule.id);
    let Some(rule) = showing.iter().min_by_key(rank).map(|problem| problem.rule.id) else { return 0.0 };
    let values = showing.iter().filter(|problem| problem.rule.id == rule).map(|problem| match problem.rule.direction {
        Direction::AtLeast => problem.value,
        Direction::Below => -problem.value,
    });
    values.fold(f64::MIN, f64::max)
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
