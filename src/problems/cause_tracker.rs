//! The life of causes over the samples: when they appear, change, are resolved and disappear.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::observe::timestamp::Timestamp;
use crate::problems::cause::{Cause, CauseChange, CauseEvent, ProblemKey, cause_order};
use crate::problems::cause_table::CauseKind;
use crate::problems::found_cause::FoundCause;
use crate::problems::known_causes::KnownCauses;
use crate::problems::rule::Basis;
use crate::problems::rule_table::RuleId;
use crate::problems::tracked_cause::{EndedCause, Recurrence, TrackedCause};

/// Time for which a resolved cause is listed.
pub(crate) const RESOLVED_TIME: Duration = Duration::from_secs(20);
/// Time for which the rate window counts errors that were due to a state which has ended; later ones are not.
const AFTERMATH_TIME: Duration = Duration::from_secs(8);
/// Time that a queue needs to become empty after the end of the state to which it is due.
const EMPTYING_TIME: Duration = Duration::from_secs(12);

/// Time after its end in which a cause that opens again is not new.
const RECURRENCE_TIME: Duration = Duration::from_mins(10);

/// The open causes and those that were resolved recently, worst first.
#[derive(Debug, Default)]
pub(crate) struct CauseTracker {
    tracked: Vec<TrackedCause>,
    /// The causes that ended not long ago.
    ended: BTreeMap<(RowId, CauseKind), Recurrence>,
}

impl CauseTracker {
    /// Iterates over the causes, in the order of [`cause_order`].
    pub(crate) fn causes(&self) -> impl Iterator<Item = &Cause> {
        self.tracked.iter().map(|tracked| &tracked.cause)
    }

    /// Updates the causes with those found in the sample at `at`, and returns the changes. `exists` returns whether the
    /// sample has a row, `severity` the severity of an open problem.
    pub(crate) fn update(
        &mut self,
        mut found: Vec<FoundCause>,
        at: Timestamp,
        exists: impl Fn(RowId) -> bool,
        severity: impl Fn(ProblemKey) -> Option<Severity>,
    ) -> Vec<CauseEvent> {
        self.ended.retain(|_, ended| at.elapsed_since(ended.ended) < RECURRENCE_TIME);
        let mut known: BTreeMap<(RowId, CauseKind), TrackedCause> =
            std::mem::take(&mut self.tracked).into_iter().map(|tracked| (tracked.cause.key(), tracked)).collect();
        drop_aftermath(&mut found, &known, at, &severity);
        keep_recovering(&mut found, &known);
        let continued: Vec<Option<TrackedCause>> =
            found.iter().map(|found| known.remove(&found.cause.key()).filter(|known| known.cause.is_open())).collect();
        let is_new = continued.iter().map(Option::is_none).collect();
        let index = if known.is_empty() { BTreeMap::new() } else { index_problems(&found) };
        let mut changes = CauseChanges {
            at,
            found,
            is_new,
            index,
            replaced: BTreeSet::new(),
            before: BTreeMap::new(),
            events: vec![],
        };
        for tracked in known.into_values() {
            if let Some(resolved_at) = tracked.cause.resolved_at {
                self.tracked.extend(changes.keep_resolved(tracked, resolved_at, &severity));
            } else if let Some(tracked) = changes.pass_on(tracked, &mut self.tracked) {
                self.resolve(tracked, &mut changes, &exists);
            }
        }
        changes.remember_resolved(&self.tracked);
        let found = std::mem::take(&mut changes.found).into_iter().zip(continued).enumerate();
        for (place, (found, known)) in found {
            if !changes.replaced.contains(&place) {
                self.add(found, known, &mut changes);
            }
        }
        self.tracked.sort_by(|one, other| cause_order(&one.cause, &other.cause));
        changes.events
    }

    /// Marks a cause as over that no problem shows any more. It is listed for a while, unless its row does not exist any more.
    fn resolve(&mut self, mut tracked: TrackedCause, changes: &mut CauseChanges, exists: impl Fn(RowId) -> bool) {
        let at = changes.at;
        tracked.resolve(at);
        let cause = &tracked.cause;
        let ended = Recurrence { count: 0, first: cause.since, ended: at.monotonic };
        let ended_before = self.ended.entry(cause.key()).or_insert(ended);
        (ended_before.count, ended_before.ended) = (ended_before.count + 1, at.monotonic);
        changes.push(CauseChange::Resolved, cause);
        if cause.subject.id == RowId::PROCESS || exists(cause.subject.id) {
            self.tracked.push(tracked);
        } else {
            changes.push(CauseChange::Removed, cause);
        }
    }

    /// Adds a cause that the sample shows: a new one, or `known` with new numbers.
    fn add(&mut self, found: FoundCause, known: Option<TrackedCause>, changes: &mut CauseChanges) {
        let at = changes.at;
        let (mut tracked, mut change) = if let Some(known) = known {
            known.continued(found, at)
        } else {
            let earlier = self.ended.get(&found.cause.key()).filter(|_| found.cause.flap.is_none());
            let earlier = earlier.map(|ended| ended.words(at));
            (TrackedCause::new(found, at, earlier), Some(CauseChange::Opened))
        };
        let row = tracked.cause.subject.id;
        if changes.before.get(&row).is_some_and(|ended| tracked.follow(ended, at)) {
            change = change.or(Some(CauseChange::Updated));
        }
        if change == Some(CauseChange::Opened) && row != RowId::PROCESS {
            // A new cause says that the row is not all right after all.
            let is_outdated = |known: &mut TrackedCause| known.cause.subject.id == row && !known.cause.is_open();
            for outdated in self.tracked.extract_if(.., is_outdated) {
                changes.push(CauseChange::Removed, &outdated.cause);
            }
        }
        if let Some(change) = change {
            changes.push(change, &tracked.cause);
        }
        self.tracked.push(tracked);
    }

    /// Sets the start of causes that began earlier than the tracker knows. `since` returns their start.
    pub(crate) fn extend_back(&mut self, since: impl Fn((RowId, CauseKind)) -> Option<Timestamp>) {
        for TrackedCause { cause, .. } in &mut self.tracked {
            let Some(start) = since(cause.key()) else { continue };
            if start.monotonic < cause.since.monotonic.saturating_sub(cause.before) {
                (cause.since, cause.before) = (start, Duration::ZERO);
            }
            cause.may_be_older = false;
        }
    }

    /// Adds a cause that was open in the last sample.
    pub(crate) fn add_open(&mut self, cause: Cause) {
        self.tracked.push(TrackedCause::restored(cause));
        self.tracked.sort_by(|one, other| cause_order(&one.cause, &other.cause));
    }

    /// Restores the causes `past` that were listed at an earlier sample, with the sentences of the causes found in that
    /// sample.
    pub(crate) fn restore(past: impl Iterator<Item = Cause>, found: Vec<FoundCause>) -> Self {
        let mut found: BTreeMap<_, _> = found.into_iter().map(|found| (found.cause.key(), found)).collect();
        let restored = past.map(|past| {
            let current = found.remove(&past.key()).filter(|_| past.is_open());
            let cause = match current {
                Some(found) => {
                    let sentence =
                        if found.is_current { found.full_sentence(past.earlier.as_deref()) } else { past.sentence };
                    let impact = if found.is_current { found.cause.impact } else { past.impact };
                    let Cause { severity, since, before, may_be_older, trend, flap, earlier, .. } = past;
                    Cause {
                        severity,
                        sentence,
                        impact,
                        since,
                        before,
                        may_be_older,
                        trend,
                        flap,
                        earlier,
                        ..found.cause
                    }
                }
                None => past,
            };
            TrackedCause::restored(cause)
        });
        let mut tracked: Vec<TrackedCause> = restored.collect();
        tracked.sort_by(|one, other| cause_order(&one.cause, &other.cause));
        Self { tracked, ended: BTreeMap::new() }
    }
}

/// The changes from the known causes to those that one sample shows.
struct CauseChanges {
    at: Timestamp,
    /// The causes that the sample shows.
    found: Vec<FoundCause>,
    /// For each of them, whether it was not open before.
    is_new: Vec<bool>,
    /// Place in `found` of the cause of each problem.
    index: BTreeMap<ProblemKey, usize>,
    /// Places in `found` of the causes in place of which a known one stays.
    replaced: BTreeSet<usize>,
    /// The cause of each row that ended before.
    before: BTreeMap<RowId, EndedCause>,
    events: Vec<CauseEvent>,
}

impl CauseChanges {
    fn push(&mut self, change: CauseChange, cause: &Cause) {
        self.events.push(CauseEvent { at: self.at, change, cause: cause.clone() });
    }

    /// Returns a resolved cause while it is listed. Problems that begin after its end are those of other causes.
    fn keep_resolved(
        &mut self,
        mut tracked: TrackedCause,
        resolved_at: Timestamp,
        severity: impl Fn(ProblemKey) -> Option<Severity>,
    ) -> Option<TrackedCause> {
        let cause = &mut tracked.cause;
        if self.at.elapsed_since(resolved_at.monotonic) >= RESOLVED_TIME {
            self.push(CauseChange::Removed, cause);
            return None;
        }
        let is_past = |key: &ProblemKey| severity(*key).is_some() && !self.index.contains_key(key);
        let following = cause.problems.split_off(cause.shown_by);
        cause.problems.extend(following.into_iter().filter(is_past));
        Some(tracked)
    }

    /// Passes the problems of an open cause that the sample does not show to the cause that explains them now, or the other
    /// way round if that one is new and less basic: the open cause then is added to `kept`. Returns a cause whose problems no
    /// other one explains.
    fn pass_on(&mut self, mut tracked: TrackedCause, kept: &mut Vec<TrackedCause>) -> Option<TrackedCause> {
        let now = self.at.monotonic;
        let shown_by = &tracked.cause.problems[..tracked.cause.shown_by];
        let Some(place) = shown_by.iter().find_map(|key| self.index.get(key)).copied() else { return Some(tracked) };
        let by = &mut self.found[place];
        if self.is_new[place] && tracked.outlasts(&by.cause, now) {
            if let Some(change) = tracked.take_problems(by, now) {
                self.push(change, &tracked.cause);
            }
            self.replaced.insert(place);
            kept.push(tracked);
            return None;
        }
        let cause = &tracked.cause;
        if !has_own_start(&by.cause) && cause.since.monotonic < by.cause.since.monotonic {
            (by.cause.since, by.cause.before) = (cause.since, cause.before);
            by.cause.may_be_older = cause.may_be_older;
        }
        if self.is_new[place] && by.cause.subject.id == cause.subject.id {
            self.before.extend(tracked.ended(Some(&by.cause), now).map(|ended| (cause.subject.id, ended)));
        }
        self.push(CauseChange::Removed, cause);
        None
    }

    /// Remembers the causes that were resolved not long ago as what was wrong with their rows before.
    fn remember_resolved(&mut self, kept: &[TrackedCause]) {
        for known in kept.iter().filter(|known| !known.cause.is_open() && known.cause.subject.id != RowId::PROCESS) {
            if let Some(ended) = known.ended(None, self.at.monotonic) {
                self.before.entry(known.cause.subject.id).or_insert(ended);
            }
        }
    }
}

/// Returns the index of the cause of each problem.
fn index_problems(found: &[FoundCause]) -> BTreeMap<ProblemKey, usize> {
    let keys = found.iter().enumerate();
    keys.flat_map(|(index, found)| found.cause.problems.iter().map(move |key| (*key, index))).collect()
}

/// Returns what was named by these causes, as far as it decides how the next sample is described.
pub(super) fn known_causes<'a>(causes: impl Iterator<Item = &'a Cause>) -> KnownCauses {
    let mut known = KnownCauses::default();
    for cause in causes.filter(|cause| cause.is_open()) {
        let rows = match cause.kind {
            CauseKind::ServerErrors => &mut known.failing,
            CauseKind::ServerUnreachable => &mut known.unreachable,
            CauseKind::SlowServer | CauseKind::SlowApplication => &mut known.slow,
            _ => continue,
        };
        rows.insert(cause.subject.id);
    }
    known
}

/// Replaces the causes that recovering problems alone would form by the open cause to which these problems belonged:
/// while the numbers of a fault become fine again, one after the other, it keeps its name.
fn keep_recovering(found: &mut Vec<FoundCause>, known: &BTreeMap<(RowId, CauseKind), TrackedCause>) {
    let is_open = |key: &(RowId, CauseKind)| known.get(key).is_some_and(|tracked| tracked.cause.is_open());
    let is_renamed = |found: &FoundCause| !found.is_current && !is_open(&found.cause.key());
    if !found.iter().any(is_renamed) {
        return;
    }
    let open = || known.values().map(|tracked| &tracked.cause).filter(|cause| cause.is_open());
    let owner = |found: &FoundCause| {
        let shown_by = &found.cause.problems[..found.cause.shown_by];
        open().find(|cause| shown_by.iter().any(|key| cause.problems.contains(key)))
    };
    let (renamed, mut others): (Vec<_>, Vec<_>) = found.drain(..).partition(is_renamed);
    for mut renamed in renamed {
        let Some(owner) = owner(&renamed) else {
            others.push(renamed);
            continue;
        };
        if let Some(other) = others.iter_mut().find(|other| other.cause.key() == owner.key()) {
            other.cause.severity = other.cause.severity.max(renamed.cause.severity);
            other.cause.problems.extend(renamed.cause.problems);
        } else {
            let Cause { severity, problems, shown_by, .. } = renamed.cause;
            renamed.cause = Cause { severity, problems, shown_by, ..owner.clone() };
            others.push(renamed);
        }
    }
    *found = others;
}

/// A state that has ended not long ago: a cause, or a backend without servers that was part of one.
struct EndedState<'a> {
    cause: &'a Cause,
    /// The backend that was only a part of the cause.
    backend: Option<RowId>,
    ago: Duration,
}

impl EndedState<'_> {
    /// Returns whether the problems of a cause may be due to this state: its requests failed before it ended.
    fn explains(&self, new: &Cause, key: &ProblemKey, is_current: bool) -> bool {
        let is_past = !is_current || key.1.rule().basis == Basis::Recent && self.ago < AFTERMATH_TIME;
        let was_part = || CauseKind::AtMaxconn.info().shows.contains(&key.1) && self.cause.problems.contains(key);
        if let Some(backend) = self.backend {
            return backend == new.proxy_row && is_past && CauseKind::NoServer.info().follows.contains(&key.1);
        }
        let is_of_proxy = self.cause.proxy_row == new.proxy_row || self.cause.affects(new.proxy_row);
        is_of_proxy && (is_past && consequences(self.cause).contains(&key.1) || self.ago < EMPTYING_TIME && was_part())
    }
}

/// Returns whether a cause of the whole process may contain backends without servers.
fn may_have_lost_backends(cause: &Cause) -> bool {
    matches!(cause.kind, CauseKind::NoBackend | CauseKind::ResolverFailing)
}

/// Returns the rules whose problems follow from a cause.
fn consequences(cause: &Cause) -> &'static [RuleId] {
    let kind = if may_have_lost_backends(cause) { CauseKind::NoServer } else { cause.kind };
    kind.info().follows
}

/// Returns the states that are over: those of known causes that the sample does not show any more.
fn ended_states<'a>(
    found: &[FoundCause],
    known: &'a BTreeMap<(RowId, CauseKind), TrackedCause>,
    now: Timestamp,
) -> Vec<EndedState<'a>> {
    let found: BTreeMap<(RowId, CauseKind), &Cause> =
        found.iter().map(|found| (found.cause.key(), &found.cause)).collect();
    let mut ended = Vec::new();
    for TrackedCause { cause, ended_backends, .. } in known.values() {
        let current = found.get(&cause.key()).copied();
        let ago = now.elapsed_since(cause.resolved_at.unwrap_or(now).monotonic);
        let is_over = !cause.is_open() || current.is_none();
        if is_over && (cause.is_state() || may_have_lost_backends(cause)) {
            ended.push(EndedState { cause, backend: None, ago });
        }
        let Some(current) = current else { continue };
        let lost = cause.lost_backends().filter(|backend| !current.lost_backends().any(|other| other == *backend));
        ended.extend(lost.map(|backend| EndedState { cause, backend: Some(backend), ago: Duration::ZERO }));
        let earlier = ended_backends.iter().map(|(backend, at)| (*backend, now.elapsed_since(*at)));
        ended.extend(earlier.map(|(backend, ago)| EndedState { cause, backend: Some(backend), ago }));
    }
    ended
}

/// Removes the causes that the consequences of a state would form which has ended not long ago: the errors that were counted
/// before the servers of a backend were up again.
///
/// Such consequences are not those of another cause either: they do not decide its severity.
fn drop_aftermath(
    found: &mut Vec<FoundCause>,
    known: &BTreeMap<(RowId, CauseKind), TrackedCause>,
    now: Timestamp,
    severity: impl Fn(ProblemKey) -> Option<Severity>,
) {
    let over = ended_states(found, known, now);
    if over.is_empty() {
        return;
    }
    for FoundCause { cause: new, .. } in found.iter_mut() {
        let is_past = |key: &ProblemKey| {
            let mut others = over.iter().filter(|ended| ended.cause.key() != new.key());
            key.1.rule().basis == Basis::Recent && others.any(|ended| ended.explains(new, key, true))
        };
        let showing = &new.problems[..new.shown_by];
        let following: Vec<ProblemKey> =
            new.problems[new.shown_by..].iter().filter(|key| !is_past(key)).copied().collect();
        if following.len() < new.problems.len() - new.shown_by && !showing.iter().all(is_past) {
            new.problems = [showing, &following].concat();
            new.severity = new.problems.iter().filter_map(|key| severity(*key)).max().unwrap_or(new.severity);
            // The failed requests are those of both.
            new.impact = None;
        }
    }
    found.retain(|FoundCause { cause: new, is_current, .. }| {
        let is_known = known.get(&new.key()).is_some_and(|known| known.cause.is_open());
        let showing = &new.problems[..new.shown_by];
        // What another cause was about goes on.
        let is_over =
            |cause: &Cause| over.iter().any(|ended| ended.backend.is_none() && ended.cause.key() == cause.key());
        let open = known.values().map(|known| &known.cause).filter(|cause| cause.is_open() && !is_over(cause));
        let was_shown = |cause: &Cause| showing.iter().any(|key| cause.problems[..cause.shown_by].contains(key));
        is_known
            || *is_current && open.clone().any(was_shown)
            || !over.iter().any(|ended| showing.iter().all(|key| ended.explains(new, key, *is_current)))
    });
}

/// Returns whether the start of a cause is known whatever was wrong before: a full backend may lose all its servers, and a
/// server may be idle for a shorter time than others are full.
fn has_own_start(cause: &Cause) -> bool {
    cause.is_state() || cause.kind == CauseKind::IdleServer
}
