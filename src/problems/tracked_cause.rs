//! One cause over the samples: its sentence, its start, its trend, and what was before.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::time::Duration;

use crate::observe::row_ids::RowId;
use crate::observe::timestamp::Timestamp;
use crate::problems::cause::{Cause, CauseChange, CauseTrend};
use crate::problems::cause_table::{CauseGroup, CauseKind};
use crate::problems::found_cause::FoundCause;
use crate::problems::rule_table::RuleId;
use crate::problems::successes::SuccessCounts;
use crate::units;

/// Time of the values from which the trend is computed.
const TREND_TIME: Duration = Duration::from_secs(30);
/// Minimum time between the first and the last of these values.
const MIN_TREND_TIME: Duration = Duration::from_secs(6);
/// Minimum change of a value that counts as a trend, as a share of the value.
const MIN_TREND: f64 = 0.2;

/// Time for which a cause stays after its problems were last explained by it, if a less basic cause explains them now.
/// Without it, a queue that is empty in every other sample would make two causes take turns.
const STABLE_TIME: Duration = Duration::from_secs(10);
/// The same for the cause of a server if one of its backend explains its problems: the fault has spread.
const SPREAD_TIME: Duration = Duration::from_secs(4);

/// Time for which the numbers of a cause must be fine until its sentence says that it recovers, or that no request ended well.
const RECOVERING_AFTER: Duration = Duration::from_secs(3);
/// Ends of the sentence of a cause whose numbers are fine.
const RECOVERING: &str = ", recovering";
const NO_SUCCESS: &str = ", no successful request since";
/// Time for which a cause must have another nature until this counts as another fault.
const NATURE_TIME: Duration = Duration::from_secs(5);
/// Time for which the end of a part of a cause is remembered.
const RECENT_END: Duration = Duration::from_secs(20);
/// Maximum time between the end of a cause and the start of one that took its place.
const TAKEOVER_TIME: Duration = Duration::from_secs(12);

/// A cause that is over, of which one that took its place says that it was before.
#[derive(Debug)]
pub(super) struct EndedCause {
    kind: CauseKind,
    since: Duration,
    /// Time of the last sample with numbers that showed it.
    until: Duration,
    /// True if it was another state of the same row, so that the next one begins with its end.
    is_same_state: bool,
    /// In words: `L4CON for 5 min before`.
    words: String,
}

/// A cause with its recent values.
#[derive(Debug)]
pub(super) struct TrackedCause {
    pub(super) cause: Cause,
    /// Backends without servers that were part of the cause, with the time at which they had servers again.
    pub(super) ended_backends: Vec<(RowId, Duration)>,
    /// Sentence of the last sample with numbers that show the cause, without a forecast.
    pub(super) sentence: String,
    /// Time of that sample.
    current_at: Duration,
    /// The worst value, the number of problems that showed it, and the sentence of that sample.
    worst: Option<(f64, usize, String)>,
    is_current: bool,
    /// End of the sentence while the numbers of the cause are fine.
    ending: Option<&'static str>,
    /// True if the cause began later than its problems, because something else was wrong before.
    begins_later: bool,
    rule: Option<RuleId>,
    values: VecDeque<(Duration, f64)>,
    /// Time of the last sample that showed the cause.
    shown_at: Duration,
    /// Nature of the fault, and its start.
    nature: Option<(String, Timestamp)>,
    /// Another nature that the last samples showed instead, and its start.
    next_nature: Option<(String, Timestamp)>,
    /// Requests that had ended well in the last sample with numbers that show the cause.
    successes: SuccessCounts,
}

/// The earlier times that a cause was open.
#[derive(Debug)]
pub(super) struct Recurrence {
    pub(super) count: u32,
    pub(super) first: Timestamp,
    pub(super) ended: Duration,
}

impl Recurrence {
    /// Describes the next time: `3 times in 4 min`.
    pub(super) fn words(&self, at: Timestamp) -> String {
        let time = units::duration_words(at.elapsed_since(self.first.monotonic));
        format!("{} times in {time}", self.count.saturating_add(1))
    }
}

impl TrackedCause {
    /// `earlier` is what was before, in words.
    pub(super) fn new(found: FoundCause, at: Timestamp, earlier: Option<String>) -> Self {
        let now = at.monotonic;
        let full_sentence = found.full_sentence(earlier.as_deref());
        let FoundCause { mut cause, is_current, value: (rule, value), nature, successes, .. } = found;
        let sentence = std::mem::replace(&mut cause.sentence, full_sentence);
        let nature = nature.map(|nature| (nature, cause.since));
        cause.earlier = earlier;
        Self {
            worst: Some((value, cause.shown_by, sentence.clone())),
            cause,
            ended_backends: Vec::new(),
            sentence,
            current_at: now,
            is_current,
            ending: None,
            begins_later: false,
            rule,
            values: VecDeque::from([(now, value)]),
            shown_at: now,
            nature,
            next_nature: None,
            successes,
        }
    }

    /// Restores a cause of the past, whose values are not known.
    pub(super) fn restored(cause: Cause) -> Self {
        let at = cause.since.monotonic;
        Self {
            sentence: cause.sentence.clone(),
            shown_at: at,
            current_at: at,
            worst: None,
            cause,
            ended_backends: Vec::new(),
            is_current: true,
            ending: None,
            begins_later: false,
            rule: None,
            values: VecDeque::new(),
            nature: None,
            next_nature: None,
            successes: SuccessCounts::default(),
        }
    }

    /// Returns whether this cause stays although `other` explains its problems now: it is more basic and not less severe,
    /// and was shown not long ago. The state of a row is over as soon as HAProxy reports another one.
    pub(super) fn outlasts(&self, other: &Cause, now: Duration) -> bool {
        // Servers that are still full are full for another reason: the response time was fine for its whole recovery time.
        let is_over = self.cause.kind == CauseKind::SlowApplication && other.kind == CauseKind::AtMaxconn;
        let has_spread = self.cause.subject.id != self.cause.proxy_row && other.subject.id == other.proxy_row;
        let stable_time = if has_spread { SPREAD_TIME } else { STABLE_TIME };
        self.cause.kind < other.kind
            && !is_over
            && !self.cause.is_state()
            && self.cause.proxy_row == other.proxy_row
            && self.cause.severity >= other.severity
            && now.saturating_sub(self.shown_at) < stable_time
    }

    /// Takes the problems of the cause that would replace this one, and returns the change.
    pub(super) fn take_problems(&mut self, other: &FoundCause, now: Duration) -> Option<CauseChange> {
        let before = (self.is_current, self.ending);
        self.cause.problems.clone_from(&other.cause.problems);
        self.cause.shown_by = other.cause.shown_by;
        self.is_current = false;
        self.keep_sentence(&other.successes, now);
        ((self.is_current, self.ending) != before).then_some(CauseChange::Updated)
    }

    /// Keeps the sentence of the last sample that showed the cause, without a forecast. After a while, it says that the cause
    /// recovers, or that no request has ended well since. `successes` are those of this sample.
    fn keep_sentence(&mut self, successes: &SuccessCounts, now: Duration) {
        let (has_success, is_proven) =
            (successes.have_grown_since(&self.successes), successes.prove_recovery_since(&self.successes));
        let is_late = now.saturating_sub(self.current_at) >= RECOVERING_AFTER;
        self.ending = match (is_proven, has_success) {
            (true, _) => Some(RECOVERING),
            (false, true) => None,
            (false, false) => Some(NO_SUCCESS),
        };
        self.ending = self.ending.filter(|_| is_late);
        self.cause.sentence = with_earlier(&self.sentence, self.cause.earlier.as_deref());
        self.cause.sentence.push_str(self.ending.unwrap_or_default());
        self.cause.trend = if is_proven { CauseTrend::Falling } else { CauseTrend::Steady };
    }

    /// Marks the cause as over since the sample at `at`.
    pub(super) fn resolve(&mut self, at: Timestamp) {
        let sentence = with_earlier(self.worst_sentence(), self.cause.earlier.as_deref());
        let cause = &mut self.cause;
        cause.resolved_at = Some(at);
        cause.trend = CauseTrend::Steady;
        cause.sentence = sentence;
    }

    /// Returns what another cause of the same row says of this one at `now`; `None` if it lasted for less than [`NATURE_TIME`].
    /// `next` is the cause that explains its problems now.
    pub(super) fn ended(&self, next: Option<&Cause>, now: Duration) -> Option<EndedCause> {
        let cause = &self.cause;
        let is_same_state = next.is_some_and(|next| next.is_state() && cause.is_state());
        let until = if is_same_state { now } else { self.current_at };
        let lasted = until.saturating_sub(cause.since.monotonic) + cause.before;
        let noun = self.nature.as_ref().map_or_else(|| cause.kind.words(), |(nature, _)| nature.clone());
        let words = format!("{noun} for {} before", units::duration_words(lasted));
        let ended = EndedCause { kind: cause.kind, since: cause.since.monotonic, until, is_same_state, words };
        (lasted >= NATURE_TIME).then_some(ended)
    }

    /// Says what was before if this cause took the place of another one in the sample at `at`. The first signs of a cause are
    /// not another one. Returns whether the sentence changed.
    pub(super) fn follow(&mut self, ended: &EndedCause, at: Timestamp) -> bool {
        let cause = &mut self.cause;
        if ended.is_same_state && at.monotonic > cause.since.monotonic {
            (cause.since, cause.before, cause.may_be_older) = (at, Duration::ZERO, false);
            self.nature.iter_mut().for_each(|(_, since)| *since = at);
            self.begins_later = true;
        }
        let since = cause.since.monotonic;
        let is_first_sign = || ended.kind.showing_rules().all(|rule| cause.kind.info().follows.contains(&rule));
        let is_next = ended.kind != cause.kind
            && ended.since < since
            && since.abs_diff(ended.until) <= TAKEOVER_TIME
            && !is_first_sign();
        if cause.earlier.is_some() || !is_next {
            return false;
        }
        cause.sentence = with_earlier(&cause.sentence, Some(&ended.words));
        cause.earlier = Some(ended.words.clone());
        true
    }

    /// Returns the sentence of the cause at its worst, without a forecast: the last one may be that of its end.
    fn worst_sentence(&self) -> &str {
        self.worst.as_ref().map_or(&self.sentence, |(_, _, sentence)| sentence)
    }

    /// Returns the cause with what the next sample shows of it, and the change.
    pub(super) fn continued(mut self, mut found: FoundCause, at: Timestamp) -> (Self, Option<CauseChange>) {
        let now = at.monotonic;
        let (was_current, ending_before) = (self.is_current, self.ending);
        let earlier_before = self.cause.earlier.clone();
        self.update_nature(found.nature.take(), at);
        let full_sentence = found.full_sentence(self.cause.earlier.as_deref());
        let FoundCause { mut cause, is_current, value: (rule, value), successes, .. } = found;
        let before = &self.cause;
        cause.earlier.clone_from(&before.earlier);
        let is_known = before.since.monotonic <= cause.since.monotonic;
        if is_known || self.begins_later {
            (cause.since, cause.before) = (before.since, before.before);
            cause.may_be_older = before.may_be_older;
        }
        self.shown_at = now;
        self.is_current = is_current;
        if is_current {
            self.sentence = std::mem::replace(&mut cause.sentence, full_sentence);
            self.current_at = now;
            if self.rule != rule {
                self.values.clear();
                self.worst = None;
            }
            let worst = self.worst.as_ref();
            if worst.is_none_or(|worst| (value, cause.shown_by) > (worst.0, worst.1)) {
                self.worst = Some((value, cause.shown_by, self.sentence.clone()));
            }
            self.rule = rule;
            self.values.push_back((now, value));
        }
        if !is_current {
            // The numbers of this sample are fine again: keep those that showed the cause.
            cause.impact = before.impact;
        }
        if cause.kind == CauseKind::FlappingServer {
            // One cause over its phases.
            cause.severity = cause.severity.max(before.severity);
        }
        while self.values.front().is_some_and(|(at, _)| now.saturating_sub(*at) > TREND_TIME) {
            self.values.pop_front();
        }
        let before = std::mem::replace(&mut self.cause, cause);
        let ended = before.lost_backends().filter(|row| !self.cause.lost_backends().any(|other| other == *row));
        self.ended_backends.extend(ended.map(|row| (row, now)));
        self.ended_backends.retain(|(_, at)| now.saturating_sub(*at) < RECENT_END);
        if is_current {
            (self.ending, self.cause.trend) = (None, trend_of(&self.values));
            self.successes = successes;
        } else {
            self.keep_sentence(&successes, now);
        }
        let cause = &self.cause;
        let change = match cause.severity.cmp(&before.severity) {
            Ordering::Greater => Some(CauseChange::Worsened),
            Ordering::Less => Some(CauseChange::Eased),
            Ordering::Equal => {
                let is_same = cause.trend == before.trend
                    && cause.flap == before.flap
                    && (is_current, self.ending) == (was_current, ending_before)
                    && (cause.since, &cause.earlier) == (before.since, &earlier_before);
                (!is_same).then_some(CauseChange::Updated)
            }
        };
        (self, change)
    }

    /// Says what was before if something else has been wrong for a while. The cause of one server then has a new start; that of
    /// a backend has not, which is degraded or without servers as before.
    fn update_nature(&mut self, found: Option<String>, at: Timestamp) {
        let Some(found) = found else { return };
        match (&self.nature, &self.next_nature) {
            (None, _) => self.nature = Some((found, self.cause.since)),
            (Some((known, _)), _) if *known == found => self.next_nature = None,
            (Some((known, since)), Some((next, start))) if *next == found => {
                if at.elapsed_since(start.monotonic) >= NATURE_TIME {
                    let time = units::duration_words(start.elapsed_since(since.monotonic) + self.cause.before);
                    if self.cause.kind.info().group == CauseGroup::Server {
                        self.cause.earlier = Some(format!("{known} for {time} before"));
                        (self.cause.since, self.cause.before, self.cause.may_be_older) =
                            (*start, Duration::ZERO, false);
                        self.begins_later = true;
                    } else if *since == self.cause.since {
                        self.cause.earlier = Some(format!("{known} for the first {time}"));
                    }
                    self.nature = self.next_nature.take();
                    self.worst = None;
                }
            }
            _ => self.next_nature = Some((found, at)),
        }
    }
}

/// Returns a sentence with what was before at its end.
pub(super) fn with_earlier(sentence: &str, earlier: Option<&str>) -> String {
    earlier.map_or_else(|| sentence.to_owned(), |earlier| format!("{sentence}, {earlier}"))
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
