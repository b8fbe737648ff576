//! The life of causes over the samples: when they appear, change, are resolved and disappear.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::observe::row_ids::RowId;
use crate::observe::timestamp::Timestamp;
use crate::problems::cause::{Cause, CauseChange, CauseEvent, CauseTrend, ProblemKey, cause_order};
use crate::problems::cause_table::CauseKind;
use crate::problems::found_cause::FoundCause;
use crate::problems::known_causes::KnownCauses;
use crate::problems::rule_table::RuleId;

/// Time for which a resolved cause is listed.
pub(crate) const RESOLVED_TIME: Duration = Duration::from_secs(20);
/// Time of the values from which the trend is computed.
const TREND_TIME: Duration = Duration::from_secs(30);
/// Minimum time between the first and the last of these values.
const MIN_TREND_TIME: Duration = Duration::from_secs(6);
/// Minimum change of a value that counts as a trend, as a share of the value.
const MIN_TREND: f64 = 0.2;

/// Time for which a cause stays after its problems were last explained by it, if a less basic cause explains them now.
/// Without it, a queue that is empty in every other sample would make two causes take turns.
const STABLE_TIME: Duration = Duration::from_secs(10);

/// Time for which errors and slow responses may still be counted that were due to a state which has ended.
const AFTERMATH_TIME: Duration = Duration::from_secs(12);

/// Rules that show what is so in the newest sample, instead of what was counted in the last seconds.
const PRESENT_RULES: [RuleId; 5] =
    [RuleId::Queue, RuleId::QueueGrowing, RuleId::QueueLimit, RuleId::ServerSessions, RuleId::FailingChecks];

/// A cause with its recent values.
#[derive(Debug)]
struct TrackedCause {
    cause: Cause,
    /// Sentence of the cause without a forecast.
    sentence: String,
    is_current: bool,
    values: VecDeque<(Duration, f64)>,
    /// Time of the last sample that showed the cause.
    shown_at: Duration,
}

/// The open causes and those that were resolved recently, worst first.
#[derive(Debug, Default)]
pub(crate) struct CauseTracker {
    tracked: Vec<TrackedCause>,
}

impl CauseTracker {
    /// Iterates over the causes, in the order of [`cause_order`].
    pub(crate) fn causes(&self) -> impl Iterator<Item = &Cause> {
        self.tracked.iter().map(|tracked| &tracked.cause)
    }

    /// Updates the causes with those found in the sample at `at`, and returns the changes. `exists` returns whether the
    /// sample has a row.
    pub(crate) fn update(
        &mut self,
        mut found: Vec<FoundCause>,
        at: Timestamp,
        exists: impl Fn(RowId) -> bool,
    ) -> Vec<CauseEvent> {
        let mut known: BTreeMap<(RowId, CauseKind), TrackedCause> =
            std::mem::take(&mut self.tracked).into_iter().map(|tracked| (tracked.cause.key(), tracked)).collect();
        drop_aftermath(&mut found, &known, at);
        keep_recovering(&mut found, &known);
        let continued = found.iter().map(|found| known.remove(&found.cause.key())).collect::<Vec<_>>();
        let is_new: Vec<bool> =
            continued.iter().map(|before| before.as_ref().is_none_or(|before| !before.cause.is_open())).collect();
        let mut is_replaced = vec![false; found.len()];
        let mut events = Vec::new();
        let mut push = |change, cause: &Cause| events.push(CauseEvent { at, change, cause: cause.clone() });
        let mut kept = Vec::new();
        let index: BTreeMap<ProblemKey, usize> = if known.values().any(|tracked| tracked.cause.is_open()) {
            let keys = found.iter().enumerate();
            keys.flat_map(|(index, found)| found.cause.problems.iter().map(move |key| (*key, index))).collect()
        } else {
            BTreeMap::new()
        };
        for (_, mut tracked) in known {
            let cause = &mut tracked.cause;
            match cause.resolved_at {
                Some(resolved_at) if at.elapsed_since(resolved_at.monotonic) < RESOLVED_TIME => kept.push(tracked),
                Some(_) => push(CauseChange::Removed, cause),
                None => {
                    let by = cause.problems[..cause.shown_by].iter().find_map(|key| index.get(key)).copied();
                    if let Some((by_index, by)) = by.and_then(|by| Some((by, found.get_mut(by)?))) {
                        // Another cause explains the problems now.
                        if is_new[by_index] && tracked.outlasts(&by.cause, at.monotonic) {
                            tracked.take_problems(&by.cause);
                            is_replaced[by_index] = true;
                            kept.push(tracked);
                            continue;
                        }
                        let cause = &tracked.cause;
                        if !has_own_start(&by.cause) && cause.since.monotonic < by.cause.since.monotonic {
                            (by.cause.since, by.cause.before) = (cause.since, cause.before);
                            by.cause.may_be_older = cause.may_be_older;
                        }
                        push(CauseChange::Removed, cause);
                        continue;
                    }
                    cause.resolved_at = Some(at);
                    cause.trend = CauseTrend::Steady;
                    push(CauseChange::Resolved, cause);
                    if cause.subject.id == RowId::PROCESS || exists(cause.subject.id) {
                        kept.push(tracked);
                    } else {
                        push(CauseChange::Removed, cause);
                    }
                }
            }
        }
        for ((found, before), is_replaced) in found.into_iter().zip(continued).zip(is_replaced) {
            if is_replaced {
                continue;
            }
            let (tracked, change) = match before.filter(|before| before.cause.is_open()) {
                Some(before) => before.continued(found, at.monotonic),
                None => (TrackedCause::new(found, at.monotonic), Some(CauseChange::Opened)),
            };
            if change == Some(CauseChange::Opened) && tracked.cause.subject.id != RowId::PROCESS {
                // A new cause says that the row is not all right after all.
                let is_outdated =
                    |known: &TrackedCause| known.cause.subject.id == tracked.cause.subject.id && !known.cause.is_open();
                kept.extract_if(.., |known| is_outdated(known))
                    .for_each(|known| push(CauseChange::Removed, &known.cause));
            }
            if let Some(change) = change {
                push(change, &tracked.cause);
            }
            kept.push(tracked);
        }
        kept.sort_by(|one, other| cause_order(&one.cause, &other.cause));
        self.tracked = kept;
        events
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

    /// Restores the causes `past` that were listed at an earlier sample, with the sentences of the causes found in that
    /// sample.
    pub(crate) fn restore(past: impl Iterator<Item = Cause>, found: Vec<FoundCause>) -> Self {
        let mut found: BTreeMap<_, _> = found.into_iter().map(|found| (found.cause.key(), found)).collect();
        let restored = past.map(|past| {
            let current = found.remove(&past.key()).filter(|_| past.is_open());
            let cause = match current {
                Some(found) => {
                    let sentence = if found.is_current { found.full_sentence() } else { past.sentence };
                    let impact = if found.is_current { found.cause.impact } else { past.impact };
                    let Cause { severity, since, before, may_be_older, trend, flap, .. } = past;
                    Cause { severity, sentence, impact, since, before, may_be_older, trend, flap, ..found.cause }
                }
                None => past,
            };
            let (shown_at, sentence) = (cause.since.monotonic, cause.sentence.clone());
            TrackedCause { sentence, shown_at, cause, is_current: true, values: VecDeque::new() }
        });
        let mut tracked: Vec<TrackedCause> = restored.collect();
        tracked.sort_by(|one, other| cause_order(&one.cause, &other.cause));
        Self { tracked }
    }
}

impl TrackedCause {
    fn new(found: FoundCause, now: Duration) -> Self {
        let full_sentence = found.full_sentence();
        let FoundCause { mut cause, is_current, value, .. } = found;
        let sentence = std::mem::replace(&mut cause.sentence, full_sentence);
        Self { cause, sentence, is_current, values: VecDeque::from([(now, value)]), shown_at: now }
    }

    /// Returns whether this cause stays although `other` explains its problems now: it is more basic and not less severe,
    /// and was shown not long ago.
    fn outlasts(&self, other: &Cause, now: Duration) -> bool {
        self.cause.kind < other.kind
            && self.cause.proxy_row == other.proxy_row
            && self.cause.severity >= other.severity
            && now.saturating_sub(self.shown_at) < STABLE_TIME
    }

    /// Takes the problems of the cause that would replace this one. The sentence stays that of an earlier sample, without a
    /// forecast.
    fn take_problems(&mut self, other: &Cause) {
        self.cause.problems.clone_from(&other.problems);
        self.cause.shown_by = other.shown_by;
        self.cause.sentence.clone_from(&self.sentence);
        self.is_current = false;
    }

    /// Returns the cause with what the next sample shows of it, and the change.
    fn continued(self, found: FoundCause, now: Duration) -> (Self, Option<CauseChange>) {
        let Self { cause: before, sentence: sentence_before, is_current: was_current, mut values, .. } = self;
        let full_sentence = found.full_sentence();
        let FoundCause { mut cause, is_current, value, .. } = found;
        if before.since.monotonic <= cause.since.monotonic {
            (cause.since, cause.before) = (before.since, before.before);
            cause.may_be_older = before.may_be_older;
        }
        let sentence = if is_current {
            std::mem::replace(&mut cause.sentence, full_sentence)
        } else {
            // The numbers of this sample are fine again: keep those that showed the cause, without a forecast.
            (cause.sentence, cause.impact) = (sentence_before.clone(), before.impact);
            sentence_before
        };
        if cause.kind == CauseKind::FlappingServer {
            // One cause over its phases.
            cause.severity = cause.severity.max(before.severity);
        }
        if is_current {
            values.push_back((now, value));
        }
        while values.front().is_some_and(|(at, _)| now.saturating_sub(*at) > TREND_TIME) {
            values.pop_front();
        }
        cause.trend = if is_current { trend_of(&values) } else { CauseTrend::Falling };
        let change = match cause.severity.cmp(&before.severity) {
            std::cmp::Ordering::Greater => Some(CauseChange::Worsened),
            std::cmp::Ordering::Less => Some(CauseChange::Eased),
            std::cmp::Ordering::Equal => {
                let is_same = cause.trend == before.trend
                    && cause.flap == before.flap
                    && is_current == was_current
                    && cause.since == before.since;
                (!is_same).then_some(CauseChange::Updated)
            }
        };
        (Self { cause, sentence, is_current, values, shown_at: now }, change)
    }
}

/// Returns what was named by these causes, as far as it decides how the next sample is described.
pub(super) fn known_causes<'a>(causes: impl Iterator<Item = &'a Cause>) -> KnownCauses {
    let mut known = KnownCauses::default();
    for cause in causes.filter(|cause| cause.is_open()) {
        let rows = match cause.kind {
            CauseKind::ServerErrors => &mut known.failing_servers,
            CauseKind::ServerUnreachable => &mut known.unreachable_servers,
            CauseKind::SlowServer => &mut known.slow_servers,
            CauseKind::SlowApplication => &mut known.slow_backends,
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

/// Removes the causes that the consequences of a state would form which has ended not long ago: the errors that were counted
/// before the servers of a backend were up again.
fn drop_aftermath(found: &mut Vec<FoundCause>, known: &BTreeMap<(RowId, CauseKind), TrackedCause>, now: Timestamp) {
    let is_found = |cause: &Cause| found.iter().any(|found| found.cause.key() == cause.key());
    let states = known.values().map(|tracked| &tracked.cause).filter(|cause| is_state(cause));
    let over: Vec<(&Cause, Duration)> = states
        .filter(|cause| !cause.is_open() || !is_found(cause))
        .map(|cause| (cause, now.elapsed_since(cause.resolved_at.unwrap_or(now).monotonic)))
        .collect();
    if over.is_empty() {
        return;
    }
    found.retain(|FoundCause { cause: new, is_current, .. }| {
        let is_known = known.get(&new.key()).is_some_and(|known| known.cause.is_open());
        let is_counted = |rule: RuleId| !PRESENT_RULES.contains(&rule) && !rule.rule().unit.is_state();
        let explains = |(cause, ended): &(&Cause, Duration)| {
            let may_follow = |rule: RuleId| {
                let is_past = !is_current || is_counted(rule) && *ended < AFTERMATH_TIME;
                is_past && cause.kind.info().follows.contains(&rule)
            };
            cause.proxy_row == new.proxy_row && new.problems[..new.shown_by].iter().all(|(_, rule)| may_follow(*rule))
        };
        is_known || !over.iter().any(explains)
    });
}

/// Returns whether HAProxy reports the cause itself, as the state of a row.
fn is_state(cause: &Cause) -> bool {
    cause.problems[..cause.shown_by].iter().all(|(_, rule)| rule.rule().unit.is_state())
}

/// Returns whether the start of a cause is known whatever was wrong before: a full backend may lose all its servers, and a
/// server may be idle for a shorter time than others are full.
fn has_own_start(cause: &Cause) -> bool {
    is_state(cause) || cause.kind == CauseKind::IdleServer
}

/// Compares the later half of the values with the earlier half. A value that goes up and down has no trend.
fn trend_of(values: &VecDeque<(Duration, f64)>) -> CauseTrend {
    let (Some((first, _)), Some((last, _))) = (values.front(), values.back()) else { return CauseTrend::Steady };
    if last.saturating_sub(*first) < MIN_TREND_TIME || values.len() < 4 {
        return CauseTrend::Steady;
    }
    let sorted = |range: std::ops::Range<usize>| {
        let mut values: Vec<f64> = values.range(range).map(|(_, value)| *value).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    };
    let half = values.len() / 2;
    let (earlier, later) = (sorted(0..half), sorted(values.len() - half..values.len()));
    let (before, after) = (earlier[half / 2], later[half / 2]);
    let is_large = (after - before).abs() > MIN_TREND * before.abs().max(after.abs());
    match () {
        () if is_large && after > before && later[0] > before => CauseTrend::Growing,
        () if is_large && after < before && later[half - 1] < before => CauseTrend::Falling,
        () => CauseTrend::Steady,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trend(values: &[f64]) -> CauseTrend {
        trend_of(&values.iter().zip(0..).map(|(value, step)| (Duration::from_secs(step * 2), *value)).collect())
    }

    #[test]
    fn w26_wobbling_queue_has_no_trend() {
        assert_eq!(trend(&[4.0, 8.0, 4.0, 6.0, 8.0, 4.0, 7.0, 5.0]), CauseTrend::Steady);
        assert_eq!(trend(&[4.0, 9.0, 14.0]), CauseTrend::Steady, "too early");
        assert_eq!(trend(&[4.0, 5.0, 7.0, 9.0, 12.0, 15.0]), CauseTrend::Growing);
        assert_eq!(trend(&[15.0, 12.0, 9.0, 7.0, 5.0, 4.0]), CauseTrend::Falling);
        assert_eq!(trend(&[-0.75, -0.75, -0.5, -0.25, -0.25, -0.1]), CauseTrend::Growing);
    }
}
