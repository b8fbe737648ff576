//! Evaluates all rules for each sample of one instance, and owns the open problems and the causes.
//!
//! Each sample is evaluated once, by applying every rule to every row of the rule's scope. State is kept only for rules
//! that are, or recently were, past their thresholds, so the only cost of a healthy row is measuring it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::history::rates::RateWindow;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::severity::Severity;
use crate::observe::timestamp::Timestamp;
use crate::problems::backend_stats::{BackendCounts, BackendStats};
use crate::problems::cause::{Cause, ProblemKey};
use crate::problems::cause_finder::CauseFinder;
use crate::problems::cause_merger;
use crate::problems::cause_table::CauseKind;
use crate::problems::cause_tracker::{CauseTracker, known_causes};
use crate::problems::check_history::CheckHistory;
use crate::problems::evaluation::{Evaluation, EvaluationStart, TrackedRule, gap_reason};
use crate::problems::figures;
use crate::problems::flap::Flap;
use crate::problems::forecast::Forecasts;
use crate::problems::found_cause::FoundCause;
use crate::problems::hysteresis::Hysteresis;
use crate::problems::measurement::Measurement;
use crate::problems::not_evaluated::{GapCounts, GapReason, NotEvaluated};
use crate::problems::open_problems::OpenProblems;
use crate::problems::problem::Problem;
use crate::problems::problem_changes::ProblemChanges;
use crate::problems::rule_input::Snapshot;
use crate::problems::rule_rows::{self, for_each_row, no_rates};
use crate::problems::rule_table::{self, RuleId};
use crate::problems::server_rules;
use crate::problems::thresholds::Thresholds;

/// The open problems of one instance, and the state needed to update them with the next sample.
#[derive(Debug, Default)]
pub struct ProblemTracker {
    pub(super) thresholds: Thresholds,
    pub(super) entries: BTreeMap<ProblemKey, TrackedRule>,
    /// Keys of the open problems that are not silenced, worst first.
    open_keys: Vec<ProblemKey>,
    /// Keys of the open problems that are silenced, worst first.
    silenced_keys: Vec<ProblemKey>,
    pub(super) causes: CauseTracker,
    /// Servers that flap.
    flaps: BTreeMap<RowId, Flap>,
    /// Rules that were not evaluated for the newest sample.
    not_evaluated: Vec<NotEvaluated>,
    check_history: CheckHistory,
    start: EvaluationStart,
    previous: Option<Arc<Sample>>,
    /// Number of rules past their thresholds in the newest sample that are not tracked, because too many are.
    untracked: usize,
    /// For each row index, true if `entries` contains the row. Stored here only to reuse the allocation.
    tracked_rows: Vec<bool>,
    backend_stats: BackendStats,
}

impl ProblemTracker {
    /// Creates a tracker with these thresholds and without problems.
    pub(crate) fn new(thresholds: Thresholds) -> Self {
        Self { thresholds, ..Self::default() }
    }

    /// Evaluates all rules for the newest sample, which `rates` must already contain, and returns the changes to the
    /// problems. `forecasts` are those of this sample.
    pub fn evaluate(&mut self, sample: &Arc<Sample>, rates: &RateWindow, forecasts: &Forecasts) -> ProblemChanges {
        let last = self.previous.replace(Arc::clone(sample));
        self.discard_pending_after_gap(last.as_deref(), sample);
        let previous = last.filter(|previous| previous.epoch == sample.epoch);
        self.check_history.record(previous.as_deref(), sample);
        let mut changes = ProblemChanges::default();
        self.entries.retain(|(row, _), entry| {
            let exists = *row == RowId::PROCESS || sample.rows.index_of(*row).is_some();
            if !exists {
                changes.closed.extend(entry.problem.take());
            }
            exists
        });
        self.update_tracked_rows(sample);
        let mut stats = std::mem::take(&mut self.backend_stats);
        self.apply_rules(sample, previous.as_deref(), rates, &mut stats, &mut changes);
        self.sort_open_problems();
        self.update_tracked_rows(sample);
        self.update_flaps(sample, rates, &stats);
        let found = self.find_causes(sample, previous.as_deref(), rates, forecasts, &mut stats, self.causes());
        let severity = |key: ProblemKey| Some(self.entries.get(&key)?.problem.as_ref()?.severity);
        changes.causes = self.causes.update(found, sample.at, |row| sample.rows.index_of(row).is_some(), severity);
        self.backend_stats = stats;
        changes
    }

    /// Restores the state at an earlier sample, the newest one in `rates`. `open` are the problems that were open at
    /// the time of this sample, `causes` the causes that were listed.
    ///
    /// Problems past their thresholds in this sample are described with its numbers; the others keep their last
    /// description. Without a sample in `rates`, the tracker has no problems.
    pub(crate) fn restore(
        thresholds: &Thresholds,
        open: impl Iterator<Item = Problem>,
        causes: impl Iterator<Item = Cause>,
        rates: &RateWindow,
        forecasts: &Forecasts,
    ) -> Self {
        let mut tracker = Self::new(thresholds.clone());
        let mut samples = rates.samples().rev();
        let Some(sample) = samples.next() else { return tracker };
        let previous = samples.next().filter(|previous| previous.epoch == sample.epoch).map(|previous| &**previous);
        for problem in open {
            let exists = problem.subject.id == RowId::PROCESS || sample.rows.index_of(problem.subject.id).is_some();
            if exists {
                let mut hysteresis = Hysteresis::new(problem.since);
                hysteresis.severity = Some(problem.severity);
                let (key, may_be_older) = ((problem.subject.id, problem.rule.id), problem.may_be_older);
                let entry = TrackedRule { hysteresis, problem: Some(problem), is_bad: false, may_be_older };
                tracker.entries.insert(key, entry);
            }
        }
        let mut stats = BackendStats::default();
        tracker.update_tracked_rows(sample);
        tracker.update_texts(sample, previous, rates, &mut stats);
        tracker.sort_open_problems();
        let causes: Vec<Cause> = causes.collect();
        tracker.flaps = causes.iter().filter_map(|cause| Some((cause.subject.id, cause.flap.clone()?))).collect();
        let found = tracker.find_causes(sample, previous, rates, forecasts, &mut stats, causes.iter());
        tracker.causes = CauseTracker::restore(causes.into_iter(), found);
        tracker
    }

    /// Evaluates the rules for the newest sample in `rates` alone, without hold times.
    pub(crate) fn judge_at_once(thresholds: &Thresholds, rates: &RateWindow, forecasts: &Forecasts) -> Self {
        let mut tracker = Self::new(thresholds.without_hold_times());
        let mut samples = rates.samples().rev();
        if let Some(sample) = samples.next() {
            tracker.previous = samples.next().map(Arc::clone);
            tracker.evaluate(sample, rates, forecasts);
        }
        tracker
    }

    /// Sets the start of causes that began earlier than the tracker knows. `since` returns their start.
    pub(crate) fn continue_causes(&mut self, since: impl Fn((RowId, CauseKind)) -> Option<Timestamp>) {
        self.causes.extend_back(since);
    }

    /// Returns the failed health checks of the last minutes.
    #[cfg(test)]
    pub(super) fn check_history(&self) -> &CheckHistory {
        &self.check_history
    }

    /// Returns the thresholds in use.
    pub(crate) fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// Iterates over the open problems, critical ones before warnings, and older ones before newer ones. Silenced ones
    /// are left out here and in all other methods except [`Self::silenced`].
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.open_keys.iter().filter_map(|key| self.entries.get(key)?.problem.as_ref())
    }

    /// Iterates over the open problems that the configuration silences, in the same order.
    pub(crate) fn silenced(&self) -> impl Iterator<Item = &Problem> {
        self.silenced_keys.iter().filter_map(|key| self.entries.get(key)?.problem.as_ref())
    }

    /// Iterates over the open problems of one row, or of the process for [`RowId::PROCESS`].
    pub(crate) fn for_row(&self, row: RowId) -> impl Iterator<Item = &Problem> {
        problems_of_row(&self.entries, row)
    }

    /// Returns the highest severity of the open problems of one row; `None` without problems.
    pub fn worst_severity(&self, row: RowId) -> Option<Severity> {
        self.for_row(row).map(|problem| problem.severity).max()
    }

    /// Returns the number of open problems.
    pub fn count(&self) -> usize {
        self.open_keys.len()
    }

    /// Returns the number of rules past their thresholds that are not tracked, because too many others are.
    pub fn untracked_count(&self) -> usize {
        self.untracked
    }

    /// Returns the estimated memory of the open problems, in bytes.
    pub(crate) fn memory(&self) -> usize {
        // Besides the entry, the description and the places in the lists.
        self.entries.len() * (size_of::<(ProblemKey, TrackedRule)>() + 150)
    }

    /// Iterates over the causes, open ones first, then those that were resolved in the last 20 seconds, each in the order
    /// of [`crate::problems::cause::cause_order`].
    pub fn causes(&self) -> impl Iterator<Item = &Cause> {
        self.causes.causes()
    }

    /// Iterates over the causes that are not resolved, worst first.
    pub fn open_causes(&self) -> impl Iterator<Item = &Cause> {
        self.causes().filter(|cause| cause.is_open())
    }

    /// Returns the worst open cause of a frontend, a server, the process, or a backend and its servers.
    pub(crate) fn cause_of(&self, row: RowId) -> Option<&Cause> {
        let own = |cause: &&Cause| row == cause.subject.id || row == cause.proxy_row || row == cause.target;
        // Causes of several backends, and of servers that others track.
        let wider = |cause: &&Cause| cause.problems.iter().any(|(affected, _)| *affected == row);
        self.open_causes().find(own).or_else(|| self.open_causes().find(wider))
    }

    /// Returns the worst open cause that is about a row or that its problems show. A row that only suffers from the cause of
    /// another one has none.
    pub(crate) fn own_cause(&self, row: RowId) -> Option<&Cause> {
        self.open_causes().find(|cause| cause.rows().any(|own| own == row))
    }

    /// Iterates over the open problems of a cause: first those that show it, then those that follow from it.
    pub(crate) fn problems_of<'a>(&'a self, cause: &'a Cause) -> impl Iterator<Item = &'a Problem> {
        cause.problems.iter().filter_map(|key| self.entries.get(key)?.problem.as_ref())
    }

    /// Returns whether a server flaps.
    pub(crate) fn is_flapping(&self, row: RowId) -> bool {
        self.flaps.contains_key(&row)
    }

    /// Returns the rules that could not be evaluated for the newest sample.
    pub(crate) fn not_evaluated(&self) -> &[NotEvaluated] {
        &self.not_evaluated
    }

    /// Returns the rules that could not be evaluated in the newest sample of `rates` for one row, or for a backend and its
    /// servers. With few requests, this includes rules about their times.
    pub(crate) fn not_evaluated_for(&self, rates: &RateWindow, row: RowId) -> Vec<NotEvaluated> {
        let Some((sample, index)) = rates.newest().and_then(|sample| Some((sample, sample.rows.index_of(row)?))) else {
            return Vec::new();
        };
        let backend = sample.rows.backend_of(index).filter(|backend| backend.row == index);
        let is_asked = |id: RowId| {
            let servers = backend.iter().flat_map(|backend| &backend.servers);
            id == row || servers.map(|server| sample.rows.ids()[*server]).any(|server| server == id)
        };
        let no_rates = no_rates(rates, sample);
        let previous = rates.samples().rev().nth(1).filter(|previous| previous.epoch == sample.epoch);
        let snapshot =
            Snapshot { sample, previous: previous.map(|sample| &**sample), rates, check_history: &self.check_history };
        let mut gaps = GapCounts::default();
        rule_rows::for_row(snapshot, index, |scope, input| {
            let is_idle = input.served().is_some_and(|served| served < figures::MIN_EVENTS);
            let unknown = no_rates.or(is_idle.then_some(GapReason::TooFewEvents));
            for rule in rule_table::rules_for_scope(scope) {
                if let Some(reason) = gap_reason(&self.thresholds, rule.id, rule.evaluate(input), unknown) {
                    gaps.add(rule.id, reason);
                }
            }
        });
        let waiting =
            self.entries.iter().filter(|((id, _), entry)| is_asked(*id) && entry.is_bad && entry.problem.is_none());
        waiting.for_each(|((_, rule), _)| gaps.add(*rule, GapReason::TooShort));
        gaps.list()
    }

    /// Returns whether a rule that the first samples showed past its threshold waits for its hold time.
    pub(crate) fn waits_since_start(&self) -> bool {
        self.entries.values().any(|entry| entry.is_bad && entry.problem.is_none() && entry.may_be_older)
    }

    /// Discards the state of problems that are not open yet if too much time has passed since the last sample. What the first
    /// sample after such a gap shows may have begun in it.
    fn discard_pending_after_gap(&mut self, last: Option<&Sample>, sample: &Sample) {
        let Some(last) = last else {
            self.start.at = sample.at.monotonic;
            return;
        };
        let gap = sample.at.elapsed_since(last.at.monotonic);
        if gap > sample.interval.saturating_mul(3) + Duration::from_secs(10) {
            self.start.at = sample.at.monotonic;
            self.entries.retain(|_, entry| entry.problem.is_some());
        }
    }

    fn update_tracked_rows(&mut self, sample: &Sample) {
        self.tracked_rows.clear();
        self.tracked_rows.resize(sample.rows.ids().len(), false);
        for (row, _) in self.entries.keys() {
            if let Some(index) = sample.rows.index_of(*row) {
                self.tracked_rows[index] = true;
            }
        }
    }

    fn apply_rules(
        &mut self,
        sample: &Arc<Sample>,
        previous: Option<&Sample>,
        rates: &RateWindow,
        stats: &mut BackendStats,
        changes: &mut ProblemChanges,
    ) {
        let Self { thresholds, entries, check_history, tracked_rows, untracked, start, .. } = self;
        *untracked = 0;
        let no_rates = no_rates(rates, sample);
        let gaps = GapCounts::default();
        let mut evaluation = Evaluation { thresholds, entries, untracked, changes, gaps, start, no_rates };
        let snapshot = Snapshot { sample, previous, rates, check_history };
        for_each_row(snapshot, tracked_rows, stats, |scope, input, is_tracked| {
            evaluation.apply_rules(scope, input, is_tracked);
        });
        let Evaluation { entries, mut gaps, .. } = evaluation;
        for ((_, rule), _) in entries.iter().filter(|(_, entry)| entry.is_bad && entry.problem.is_none()) {
            gaps.add(*rule, GapReason::TooShort);
        }
        self.not_evaluated = gaps.list();
        if self.start.at == sample.at.monotonic {
            let late = self.not_evaluated.iter().filter(|gap| gap.reason == GapReason::OneSample);
            self.start.late_rules.extend(late.map(|gap| gap.rule));
        }
    }

    /// Describes the open problems with the numbers of this sample.
    fn update_texts(
        &mut self,
        sample: &Arc<Sample>,
        previous: Option<&Sample>,
        rates: &RateWindow,
        stats: &mut BackendStats,
    ) {
        let Self { thresholds, entries, check_history, tracked_rows, .. } = self;
        let snapshot = Snapshot { sample, previous, rates, check_history };
        for_each_row(snapshot, tracked_rows, stats, |_, input, _| {
            for ((_, id), entry) in entries.range_mut(keys_of_row(input.id)) {
                let measurement = id.rule().evaluate(input);
                let is_bad = thresholds.grade(*id, input.names(), measurement).is_problem();
                entry.is_bad = is_bad;
                if let (Measurement::Value(value), Some(problem), true) = (measurement, &mut entry.problem, is_bad) {
                    (problem.value, problem.text) = (value, (id.rule().describe)(input, value));
                }
            }
        });
    }

    pub(super) fn sort_open_problems(&mut self) {
        let open = self.entries.iter().filter_map(|(key, entry)| Some((*key, entry.problem.as_ref()?)));
        let order = |(key, problem): (ProblemKey, &Problem)| {
            (problem.severity, problem.since.monotonic, key, problem.is_silenced)
        };
        let mut open: Vec<_> = open.map(order).collect();
        open.sort_unstable_by_key(|(severity, since, (row, rule), _)| {
            (std::cmp::Reverse(*severity), *since, *rule, *row)
        });
        let keys = |silenced| open.iter().filter(move |(.., is)| *is == silenced).map(|(_, _, key, _)| *key);
        self.open_keys.clear();
        self.open_keys.extend(keys(false));
        self.silenced_keys.clear();
        self.silenced_keys.extend(keys(true));
    }

    /// Updates the servers that flap: those with the problem `flapping` that went down again not long ago.
    fn update_flaps(&mut self, sample: &Arc<Sample>, rates: &RateWindow, stats: &BackendStats) {
        let flapping = self.open_keys.iter().filter(|(_, rule)| *rule == RuleId::Flapping).map(|(row, _)| *row);
        let snapshot = Snapshot { sample, previous: None, rates, check_history: &self.check_history };
        let input = snapshot.process_input(stats, BackendCounts::default());
        let flaps = flapping.filter_map(|id| {
            let mut flap = Flap::from_times(self.check_history.down_times(id), sample.at.monotonic)?;
            let server = input.for_row(sample.rows.index_of(id)?);
            let result = server_rules::check_result(&server);
            flap.reason = match self.flaps.get(&id) {
                Some(known) if server.state.is_usable() || server_rules::is_passed(result) => known.reason.clone(),
                _ if server_rules::is_passed(result) => String::new(),
                _ => server_rules::check_text(&server),
            };
            Some((id, flap))
        });
        let flaps: BTreeMap<RowId, Flap> = flaps.collect();
        self.flaps = flaps;
    }

    /// `known` are the causes that were listed before this sample.
    fn find_causes<'a>(
        &self,
        sample: &Arc<Sample>,
        previous: Option<&Sample>,
        rates: &RateWindow,
        forecasts: &Forecasts,
        stats: &mut BackendStats,
        known: impl Iterator<Item = &'a Cause>,
    ) -> Vec<FoundCause> {
        if self.open_keys.is_empty() {
            return Vec::new();
        }
        let snapshot = Snapshot { sample, previous, rates, check_history: &self.check_history };
        let known = known_causes(known);
        let mut finder = CauseFinder::new(&snapshot, &known, &self.flaps, forecasts);
        let ids = sample.rows.ids();
        for backend in sample.rows.backends() {
            if self.tracked_rows[backend.row] || backend.servers.iter().any(|server| self.tracked_rows[*server]) {
                stats.recompute(sample, rates, self.check_history.starts(), backend);
                let rows = std::iter::once(&backend.row).chain(&backend.servers).map(|row| ids[*row]);
                finder.add_backend(snapshot.backend_input(backend, stats), self.open_problems(rows));
            }
        }
        let front_rows = sample.rows.frontends().iter().chain(sample.rows.listeners());
        let no_servers = BackendStats::default();
        let process = snapshot.process_input(&no_servers, BackendCounts::default());
        let has_pending_5xx = self.has_pending_5xx();
        for row in front_rows.filter(|row| self.tracked_rows[**row]) {
            let mut open = self.open_problems(std::iter::once(ids[*row]));
            if has_pending_5xx {
                open.hold_back_errors(sample.at);
            }
            finder.add_row(process.for_row(*row), &open);
        }
        finder.add_row(process, &self.open_problems(std::iter::once(RowId::PROCESS)));
        finder.finish()
    }

    /// Returns whether the 5xx responses of a backend or server are past a threshold, but not for the hold time yet.
    fn has_pending_5xx(&self) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|((_, rule), entry)| entry.is_bad && entry.problem.is_none() && cause_merger::explains_5xx(*rule))
    }

    fn open_problems(&self, rows: impl Iterator<Item = RowId> + Clone) -> OpenProblems<'_> {
        let entries = rows.flat_map(|row| self.entries.range(keys_of_row(row)));
        let open = entries.clone().filter_map(|(_, entry)| Some((entry.problem.as_ref()?, entry.is_bad)));
        let open = open.filter(|(problem, _)| !problem.is_silenced);
        let (problems, is_bad) = open.unzip();
        let pending = entries.filter(|(_, entry)| entry.is_bad && entry.problem.is_none()).map(|(key, _)| *key);
        OpenProblems { problems, is_bad, pending: pending.collect() }
    }
}

/// Returns the range of keys that belong to one row.
fn keys_of_row(row: RowId) -> RangeInclusive<ProblemKey> {
    let (first, last) = RuleId::BOUNDS;
    (row, first)..=(row, last)
}

/// Iterates over the open problems of one row, without the silenced ones.
fn problems_of_row(entries: &BTreeMap<ProblemKey, TrackedRule>, row: RowId) -> impl Iterator<Item = &Problem> {
    let problems = entries.range(keys_of_row(row)).filter_map(|(_, entry)| entry.problem.as_ref());
    problems.filter(|problem| !problem.is_silenced)
}
