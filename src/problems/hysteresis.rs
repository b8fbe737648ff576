//! Hysteresis of one rule for one row: decides when a problem opens, changes its severity and closes.
//!
//! A problem opens after the rule has been past its threshold for the hold time without interruption, and closes after
//! the rule has been fine for [`RuleLimits::recovery_time`] without interruption. A value that oscillates around its threshold
//! therefore changes nothing. While the measurement is unknown, as right after a reload, an open problem stays open for
//! up to [`UNKNOWN_TIMEOUT`].

use std::time::Duration;

use crate::observe::severity::Severity;
use crate::observe::timestamp::Timestamp;
use crate::problems::measurement::Grade;
use crate::problems::rule::HoldTime;
use crate::problems::thresholds::RuleLimits;

/// Maximum time for which a problem stays open while its measurement is unknown.
pub(crate) const UNKNOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// The change that one sample makes to a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transition {
    /// No change.
    Unchanged,
    /// The problem opened.
    Opened,
    /// A warning became critical.
    Worsened,
    /// A critical problem became a warning.
    Eased,
    /// The problem closed.
    Closed,
    /// The measurement became fine or unknown before the problem opened.
    Discarded,
}

/// A number of consecutive samples with the same result, and the time of the first one.
#[derive(Debug, Clone, Copy, Default)]
struct Streak {
    since: Option<Duration>,
    samples: u32,
}

impl Streak {
    fn extend(&mut self, now: Duration) {
        self.since.get_or_insert(now);
        self.samples = self.samples.saturating_add(1);
    }

    fn has_lasted(&self, now: Duration, hold_time: HoldTime) -> bool {
        let long_enough = self.since.is_some_and(|since| now.saturating_sub(since) >= hold_time.duration);
        long_enough && self.samples >= hold_time.samples
    }
}

/// The state of one rule that is, or recently was, past its threshold for one row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hysteresis {
    /// Time of the first sample past the threshold.
    pub(crate) since: Timestamp,
    /// Severity of the problem; `None` until the problem opens.
    pub(crate) severity: Option<Severity>,
    bad: Streak,
    critical: Streak,
    fine: Streak,
    not_critical: Streak,
    /// Time of the last known measurement.
    last_known: Duration,
}

impl Hysteresis {
    /// Creates the state for a rule that is past its threshold in the sample at `now`, but was not before. The grade of
    /// this sample must then be passed to [`Self::update`].
    pub(crate) fn new(now: Timestamp) -> Self {
        let (bad, critical, fine, not_critical) = Default::default();
        Self { since: now, severity: None, bad, critical, fine, not_critical, last_known: now.monotonic }
    }

    /// Applies the grade of one sample, and returns the resulting change. `is_fine_for_long` is true if the value is that of a
    /// time as long as the recovery time.
    pub(crate) fn update(
        &mut self,
        grade: Grade,
        limits: &RuleLimits,
        now: Duration,
        is_fine_for_long: bool,
    ) -> Transition {
        if grade == Grade::Unknown {
            return match self.severity {
                Some(_) if now.saturating_sub(self.last_known) < UNKNOWN_TIMEOUT => Transition::Unchanged,
                Some(_) => Transition::Closed,
                None => Transition::Discarded,
            };
        }
        self.last_known = now;
        if grade == Grade::Fine {
            (self.bad, self.critical) = Default::default();
            self.fine.extend(now);
            return match self.severity {
                None => Transition::Discarded,
                Some(_) if is_fine_for_long => Transition::Closed,
                Some(_) if self.fine.has_lasted(now, HoldTime { duration: limits.recovery_time, samples: 1 }) => {
                    Transition::Closed
                }
                Some(_) => self.ease(limits, now),
            };
        }
        self.fine = Streak::default();
        self.bad.extend(now);
        if grade == Grade::Crit {
            self.not_critical = Streak::default();
            self.critical.extend(now);
        } else {
            self.critical = Streak::default();
        }
        let is_critical = self.critical.has_lasted(now, limits.crit_for);
        match self.severity {
            None if is_critical => self.set_severity(Severity::Crit, Transition::Opened),
            None if limits.warn.is_some() && self.bad.has_lasted(now, limits.warn_for) => {
                self.set_severity(Severity::Warn, Transition::Opened)
            }
            Some(Severity::Warn) if is_critical => self.set_severity(Severity::Crit, Transition::Worsened),
            Some(Severity::Crit) if grade == Grade::Warn => self.ease(limits, now),
            _ => Transition::Unchanged,
        }
    }

    /// Counts a sample that is not critical; turns a critical problem into a warning after the rule's recovery time.
    fn ease(&mut self, limits: &RuleLimits, now: Duration) -> Transition {
        self.not_critical.extend(now);
        if self.severity == Some(Severity::Crit)
            && self.not_critical.has_lasted(now, HoldTime { duration: limits.recovery_time, samples: 1 })
        {
            return self.set_severity(Severity::Warn, Transition::Eased);
        }
        Transition::Unchanged
    }

    fn set_severity(&mut self, severity: Severity, transition: Transition) -> Transition {
        self.severity = Some(severity);
        transition
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::timestamp_at;
    use crate::problems::rule_table::RuleId;
    use crate::problems::thresholds::Thresholds;
    use Grade::{Crit, Fine, Unknown, Warn};

    /// Returns the transitions of the rule `queue` for one grade every two seconds, with their times in seconds. The
    /// rule needs 10 s for a warning and 4 s for a critical problem.
    fn transitions(grades: &[Grade]) -> Vec<(u64, Transition)> {
        let thresholds = Thresholds::default();
        let limits = thresholds.for_rule(RuleId::Queue);
        let mut hysteresis = Hysteresis::new(timestamp_at(0));
        let each = grades
            .iter()
            .zip(0..)
            .map(|(grade, step)| (step * 2, hysteresis.update(*grade, limits, Duration::from_secs(step * 2), false)));
        each.filter(|(_, transition)| *transition != Transition::Unchanged).collect()
    }

    #[test]
    fn update_opens_problem_after_hold_time() {
        assert_eq!(transitions(&[Warn; 5]), []);
        assert_eq!(transitions(&[Warn; 9]), [(10, Transition::Opened)]);
        assert_eq!(transitions(&[Crit; 3]), [(4, Transition::Opened)]);
        assert_eq!(transitions(&[Warn, Warn, Fine]), [(4, Transition::Discarded)]);
        assert_eq!(transitions(&[Warn, Warn, Unknown]), [(4, Transition::Discarded)]);
        assert_eq!(
            transitions(&[Warn, Warn, Warn, Warn, Warn, Warn, Crit, Crit, Crit]),
            [(10, Transition::Opened), (16, Transition::Worsened)]
        );
    }

    #[test]
    fn update_ignores_oscillation_around_threshold() {
        let mut grades = vec![Warn; 6];
        grades.extend([Fine, Fine, Warn, Fine, Warn].repeat(10));
        assert_eq!(transitions(&grades), [(10, Transition::Opened)]);
        assert_eq!(transitions(&[&[Crit; 3][..], &[Warn, Warn, Crit].repeat(9)].concat()), [(4, Transition::Opened)]);
    }

    #[test]
    fn update_closes_problem_after_recovery_time() {
        assert_eq!(
            transitions(&[&[Warn; 6][..], &[Fine; 6]].concat()),
            [(10, Transition::Opened), (22, Transition::Closed)]
        );
        assert_eq!(
            transitions(&[&[Crit; 3][..], &[Warn; 6]].concat()),
            [(4, Transition::Opened), (16, Transition::Eased)]
        );
    }

    #[test]
    fn update_keeps_unknown_problem_until_timeout() {
        assert_eq!(transitions(&[&[Crit; 3][..], &[Unknown; 14], &[Crit; 3]].concat()), [(4, Transition::Opened)]);
        assert_eq!(
            transitions(&[&[Crit; 3][..], &[Unknown; 15]].concat()),
            [(4, Transition::Opened), (34, Transition::Closed)]
        );
    }
}
