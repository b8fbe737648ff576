//! Evaluates all rules for each sample of one instance, and owns the open problems and the verdicts.
//!
//! Each sample is evaluated once, by applying every rule to every row of the rule's scope. State is kept only for rules
//! that are, or recently were, past their thresholds, so the only cost of a healthy row is measuring it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::history::rates::RateWindow;
use crate::observe::row_ids::{RowId, RowMap};
use crate::observe::sample::Sample;
use crate::observe::severity::Severity;
use crate::problems::backend_stats::{BackendCounts, BackendStats};
use crate::problems::check_history::CheckHistory;
use crate::problems::hysteresis::{Hysteresis, Transition};
use crate::problems::measurement::{Grade, Measurement};
use crate::problems::problem::{Problem, ProblemChanges, ProblemSubject};
use crate::problems::rule::Scope;
use crate::problems::rule_input::{RuleInput, Snapshot};
use crate::problems::rule_table::{self, RuleId};
use crate::problems::thresholds::Thresholds;
use crate::problems::verdict::{self, Verdict};

/// Number of tracked rules from which a rule past its threshold for WARN is not tracked for a further server.
const MAX_ENTRIES: usize = 10_000;
/// Further entries for rules past their threshold for CRIT, so that the highest severity is always known.
const MORE_FOR_CRIT: usize = 5_000;
/// Further entries for rules of backends and frontends.
const MORE_FOR_PROXIES: usize = 5_000;

/// The key of a tracked rule: the row and the name of the rule.
type TrackedKey = (RowId, RuleId);

/// The state of a rule that is, or recently was, past its threshold for a row, and the problem once it has opened.
#[derive(Debug)]
struct TrackedRule {
    hysteresis: Hysteresis,
    problem: Option<Problem>,
    /// True if the rule is past its threshold in the newest sample.
    is_bad: bool,
}

/// The open problems of one instance, and the state needed to update them with the next sample.
#[derive(Debug, Default)]
pub struct ProblemTracker {
    thresholds: Thresholds,
    entries: BTreeMap<TrackedKey, TrackedRule>,
    /// Keys of the open problems, worst first.
    open_keys: Vec<TrackedKey>,
    verdicts: Vec<Verdict>,
    /// Index of the verdict on each row that has one.
    verdict_of: RowMap<usize>,
    check_history: CheckHistory,
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
    /// problems.
    pub fn evaluate(&mut self, sample: &Arc<Sample>, rates: &RateWindow) -> ProblemChanges {
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
        self.update_verdicts(sample, previous.as_deref(), rates, &mut stats);
        self.backend_stats = stats;
        changes
    }

    /// Restores the state at an earlier sample, the newest one in `rates`. `open` are the problems that were open at
    /// the time of this sample.
    ///
    /// Problems past their thresholds in this sample are described with its numbers; the others keep their last
    /// description. Without a sample in `rates`, there are no problems.
    pub(crate) fn restore(thresholds: &Thresholds, open: impl Iterator<Item = Problem>, rates: &RateWindow) -> Self {
        let mut tracker = Self::new(thresholds.clone());
        let mut samples = rates.samples().rev();
        let (Some(sample), previous) = (samples.next(), samples.next()) else { return tracker };
        for problem in open {
            let exists = problem.subject.id == RowId::PROCESS || sample.rows.index_of(problem.subject.id).is_some();
            if exists {
                let mut hysteresis = Hysteresis::new(problem.since);
                hysteresis.severity = Some(problem.severity);
                tracker.entries.insert(
                    (problem.subject.id, problem.rule.id),
                    TrackedRule { hysteresis, problem: Some(problem), is_bad: false },
                );
            }
        }
        let mut stats = BackendStats::default();
        tracker.update_tracked_rows(sample);
        tracker.update_texts(sample, previous.map(|previous| &**previous), rates, &mut stats);
        tracker.sort_open_problems();
        tracker.update_verdicts(sample, previous.map(|previous| &**previous), rates, &mut stats);
        tracker
    }

    /// Returns the thresholds in use.
    pub(crate) fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// Iterates over the open problems, critical ones before warnings, and older ones before newer ones.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.open_keys.iter().filter_map(|key| self.entries.get(key)?.problem.as_ref())
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
        self.entries.len() * (size_of::<(TrackedKey, TrackedRule)>() + 150)
    }

    /// Returns the verdicts on the process and on the backends and frontends that have problems, most severe first.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// Returns the verdict on one backend or frontend, or on the process; `None` without problems.
    pub(crate) fn verdict(&self, row: RowId) -> Option<&Verdict> {
        self.verdicts.get(*self.verdict_of.get(&row)?)
    }

    /// Discards the state of problems that are not open yet if too much time has passed since the last sample.
    fn discard_pending_after_gap(&mut self, last: Option<&Sample>, sample: &Sample) {
        let gap = last.map_or(Duration::ZERO, |last| sample.at.elapsed_since(last.at.monotonic));
        if gap > sample.interval.saturating_mul(3) + Duration::from_secs(10) {
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
        let Self { thresholds, entries, check_history, tracked_rows, untracked, .. } = self;
        *untracked = 0;
        let mut evaluation = Evaluation { thresholds, entries, untracked, changes };
        let snapshot = Snapshot { sample, previous, rates, check_history };
        for_each_row(snapshot, tracked_rows, stats, |scope, input, is_tracked| {
            evaluation.apply_rules(scope, input, is_tracked);
        });
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
                let measurement = (id.rule().measure)(input);
                let is_bad = thresholds.grade(*id, measurement).is_problem();
                if let (Measurement::Value(value), Some(problem), true) = (measurement, &mut entry.problem, is_bad) {
                    (problem.value, problem.text) = (value, (id.rule().describe)(input, value));
                }
            }
        });
    }

    fn sort_open_problems(&mut self) {
        let open = self.entries.iter().filter_map(|(key, entry)| Some((*key, entry.problem.as_ref()?)));
        let mut open: Vec<_> = open.map(|(key, problem)| (problem.severity, problem.since.monotonic, key)).collect();
        open.sort_unstable_by_key(|(severity, since, (row, rule))| (std::cmp::Reverse(*severity), *since, *rule, *row));
        self.open_keys.clear();
        self.open_keys.extend(open.into_iter().map(|(_, _, key)| key));
    }

    fn update_verdicts(
        &mut self,
        sample: &Arc<Sample>,
        previous: Option<&Sample>,
        rates: &RateWindow,
        stats: &mut BackendStats,
    ) {
        let mut verdicts = Vec::new();
        let entries = &self.entries;
        let snapshot = Snapshot { sample, previous, rates, check_history: &self.check_history };
        let is_busy =
            problems_of_row(entries, RowId::PROCESS).any(|problem| verdict::shows_busy_process(problem.rule.id));
        let ids = sample.rows.ids();
        let mut explains_5xx = false;
        for backend in sample.rows.backends() {
            if !self.tracked_rows[backend.row] && !backend.servers.iter().any(|server| self.tracked_rows[*server]) {
                continue;
            }
            stats.recompute(sample, rates, backend);
            let input = snapshot.backend_input(backend, stats);
            let rows = std::iter::once(&backend.row).chain(&backend.servers);
            let problems: Vec<&Problem> = rows.flat_map(|row| problems_of_row(entries, ids[*row])).collect();
            explains_5xx |= problems.iter().any(|problem| verdict::explains_5xx(problem));
            verdicts.extend(verdict::backend_verdict(&input, &problems, is_busy));
        }
        let front_rows = sample.rows.frontends().iter().chain(sample.rows.listeners());
        for row in front_rows.filter(|row| self.tracked_rows[**row]) {
            let is_own = |problem: &&Problem| !(explains_5xx && problem.rule.id == RuleId::Frontend5xx);
            verdicts.extend(verdict::row_verdict(problems_of_row(entries, ids[*row]).filter(is_own), false));
        }
        verdicts.extend(verdict::row_verdict(problems_of_row(entries, RowId::PROCESS), is_busy));
        verdicts.sort_by_key(|verdict| (std::cmp::Reverse(verdict.severity), verdict.since.monotonic));
        self.verdict_of = verdicts.iter().enumerate().map(|(index, verdict)| (verdict.row, index)).collect();
        self.verdicts = verdicts;
    }
}

/// Returns the range of keys that belong to one row.
fn keys_of_row(row: RowId) -> RangeInclusive<TrackedKey> {
    let (first, last) = RuleId::BOUNDS;
    (row, first)..=(row, last)
}

/// Iterates over the open problems of one row.
fn problems_of_row(entries: &BTreeMap<TrackedKey, TrackedRule>, row: RowId) -> impl Iterator<Item = &Problem> {
    entries.range(keys_of_row(row)).filter_map(|(_, entry)| entry.problem.as_ref())
}

/// Calls `each` for every row to which rules apply, and finally for the process. The `bool` is true if the row has an
/// entry.
fn for_each_row(
    snapshot: Snapshot<'_>,
    tracked_rows: &[bool],
    stats: &mut BackendStats,
    mut each: impl FnMut(Scope, &RuleInput<'_>, bool),
) {
    let Snapshot { sample, rates, .. } = snapshot;
    let mut counts = BackendCounts::default();
    for backend in sample.rows.backends() {
        stats.recompute(sample, rates, backend);
        counts.with_servers += usize::from(stats.servers > 0);
        counts.with_usable_server += usize::from(stats.usable > 0);
        let input = snapshot.backend_input(backend, stats);
        for server in &backend.servers {
            each(Scope::Server, &input.for_row(*server), tracked_rows[*server]);
        }
        each(Scope::Backend, &input, tracked_rows[backend.row]);
    }
    let no_servers = BackendStats::default();
    let input = snapshot.process_input(&no_servers, counts);
    for frontend in sample.rows.frontends() {
        each(Scope::Frontend, &input.for_row(*frontend), tracked_rows[*frontend]);
    }
    for listener in sample.rows.listeners() {
        each(Scope::Listener, &input.for_row(*listener), tracked_rows[*listener]);
    }
    each(Scope::Process, &input, true);
}

/// The parts of the tracker that are used and changed while one sample is evaluated.
struct Evaluation<'a> {
    thresholds: &'a Thresholds,
    entries: &'a mut BTreeMap<TrackedKey, TrackedRule>,
    untracked: &'a mut usize,
    changes: &'a mut ProblemChanges,
}

impl Evaluation<'_> {
    /// Applies the rules of a scope to a row. A rule's entry is looked up only if the row has entries or the rule is
    /// past its threshold.
    fn apply_rules(&mut self, scope: Scope, input: &RuleInput<'_>, is_tracked: bool) {
        for rule in rule_table::rules_for_scope(scope) {
            let measurement = (rule.measure)(input);
            let grade = self.thresholds.grade(rule.id, measurement);
            if is_tracked || grade.is_problem() {
                self.update_entry(scope, rule.id, input, measurement, grade);
            }
        }
    }

    /// Returns whether another entry may be added.
    fn has_room(&self, scope: Scope, grade: Grade) -> bool {
        let for_crit = if grade == Grade::Crit { MORE_FOR_CRIT } else { 0 };
        match scope {
            Scope::Process => true,
            Scope::Server => self.entries.len() < MAX_ENTRIES + for_crit,
            _ => self.entries.len() < MAX_ENTRIES + for_crit + MORE_FOR_PROXIES,
        }
    }

    fn update_entry(
        &mut self,
        scope: Scope,
        id: RuleId,
        input: &RuleInput<'_>,
        measurement: Measurement,
        grade: Grade,
    ) {
        let key = (input.id, id);
        let is_bad = grade.is_problem();
        let now = input.sample.at;
        let has_room = self.has_room(scope, grade);
        let entry = match self.entries.get_mut(&key) {
            Some(entry) => entry,
            None if is_bad && !has_room => {
                *self.untracked += 1;
                return;
            }
            None if is_bad => self.entries.entry(key).or_insert_with(|| TrackedRule {
                hysteresis: Hysteresis::new(now),
                problem: None,
                is_bad,
            }),
            None => return,
        };
        if std::mem::replace(&mut entry.is_bad, is_bad) && !is_bad {
            self.changes.recovering.extend(entry.problem.clone());
        }
        let transition = entry.hysteresis.update(grade, self.thresholds.for_rule(id), now.monotonic);
        if let Some(problem) = &mut entry.problem {
            problem.severity = entry.hysteresis.severity.unwrap_or(problem.severity);
        }
        let text = |value: f64| (id.rule().describe)(input, value);
        match (measurement, &mut entry.problem) {
            (Measurement::Value(value), Some(problem)) if is_bad => {
                (problem.value, problem.text) = (value, text(value));
            }
            (Measurement::Value(value), none @ None) if transition == Transition::Opened => {
                let names = input.row().map(|row| (row.kind, row.proxy.clone(), row.name.clone()));
                let subject = ProblemSubject { id: input.id, names };
                let severity = entry.hysteresis.severity.unwrap_or(Severity::Warn);
                let since = entry.hysteresis.since;
                *none = Some(Problem { rule: id.rule(), subject, severity, since, value, text: text(value) });
            }
            _ => {}
        }
        match transition {
            Transition::Opened => self.changes.opened.extend(entry.problem.clone()),
            Transition::Worsened => self.changes.worsened.extend(entry.problem.clone()),
            Transition::Eased => self.changes.eased.extend(entry.problem.clone()),
            Transition::Closed => self.changes.closed.extend(entry.problem.take()),
            Transition::Unchanged | Transition::Discarded => {}
        }
        if matches!(transition, Transition::Closed | Transition::Discarded) {
            self.entries.remove(&key);
        }
    }
}
