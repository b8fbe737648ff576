//! For one rule and one row: does it hold long enough to count, and is it over.
//!
//! A value that dances on its threshold neither opens nor closes anything: to open it must be bad without a
//! break, to close it must be fine without a break. When nothing can be said, as right after a reload, what is
//! open stays open for a while.

use std::time::Duration;

use crate::observe::severity::Severity;
use crate::observe::timestamp::Stamp;
use crate::problems::measurement::Level;
use crate::problems::rule::Sustain;
use crate::problems::thresholds::Limits;

/// Time something must be fine before it is over: 10 s. A critical one becomes a warning as slowly.
pub const CALM: Duration = Duration::from_secs(10);
/// Time something stays open though nothing can be said of it: 30 s.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What a sample changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing.
    Stays,
    /// It counts from now on.
    Opens,
    /// It became critical.
    Worsens,
    /// It is no longer critical.
    Eases,
    /// It is over.
    Closes,
    /// It never counted, and holds no longer.
    Passes,
}

/// Samples in a row that show the same.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    since: Option<Duration>,
    samples: u32,
}

impl Run {
    fn go_on(&mut self, now: Duration) {
        self.since.get_or_insert(now);
        self.samples = self.samples.saturating_add(1);
    }

    fn holds(&self, now: Duration, sustain: Sustain) -> bool {
        let long_enough = self.since.is_some_and(|since| now.saturating_sub(since) >= sustain.time);
        long_enough && self.samples >= sustain.samples
    }
}

/// The state of one rule for one row that was bad lately.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// The first sample that showed it.
    pub since: Stamp,
    /// How bad it counts; absent while it does not count yet.
    pub severity: Option<Severity>,
    bad: Run,
    critical: Run,
    fine: Run,
    mild: Run,
    /// When something could be said last.
    known: Duration,
}

impl Held {
    /// First seen at `now`; [`Self::feed`] follows with the same sample.
    pub fn new(now: Stamp) -> Self {
        let (bad, critical, fine, mild) = Default::default();
        Self { since: now, severity: None, bad, critical, fine, mild, known: now.mono }
    }

    /// Takes in what a sample showed.
    pub fn feed(&mut self, level: Level, limits: &Limits, now: Duration) -> Turn {
        if level == Level::Unknown {
            return match self.severity {
                Some(_) if now.saturating_sub(self.known) < PATIENCE => Turn::Stays,
                Some(_) => Turn::Closes,
                None => Turn::Passes,
            };
        }
        self.known = now;
        if level == Level::Fine {
            (self.bad, self.critical) = Default::default();
            self.fine.go_on(now);
            return match self.severity {
                None => Turn::Passes,
                Some(_) if self.fine.holds(now, Sustain { time: CALM, samples: 1 }) => Turn::Closes,
                Some(_) => self.ease(now),
            };
        }
        self.fine = Run::default();
        self.bad.go_on(now);
        if level == Level::Crit {
            self.mild = Run::default();
            self.critical.go_on(now);
        } else {
            self.critical = Run::default();
        }
        let is_critical = self.critical.holds(now, limits.crit_sustain);
        match self.severity {
            None if is_critical => self.turn(Severity::Crit, Turn::Opens),
            None if limits.warn.is_some() && self.bad.holds(now, limits.sustain) => {
                self.turn(Severity::Warn, Turn::Opens)
            }
            Some(Severity::Warn) if is_critical => self.turn(Severity::Crit, Turn::Worsens),
            Some(Severity::Crit) if level == Level::Warn => self.ease(now),
            _ => Turn::Stays,
        }
    }

    /// Not critical now; after a while no longer critical.
    fn ease(&mut self, now: Duration) -> Turn {
        self.mild.go_on(now);
        if self.severity == Some(Severity::Crit) && self.mild.holds(now, Sustain { time: CALM, samples: 1 }) {
            return self.turn(Severity::Warn, Turn::Eases);
        }
        Turn::Stays
    }

    fn turn(&mut self, severity: Severity, turn: Turn) -> Turn {
        self.severity = Some(severity);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::at;
    use crate::problems::rule_table::RULES;
    use crate::problems::thresholds::Thresholds;
    use Level::{Crit, Fine, Unknown, Warn};

    /// The rule "queue": a warning after 10 s, critical after 4 s. One level each two seconds.
    fn turns(levels: &[Level]) -> Vec<(u64, Turn)> {
        let thresholds = Thresholds::default();
        let limits = thresholds.limits(RULES.iter().position(|rule| rule.id == "queue").unwrap());
        let mut held = Held::new(at(0));
        let each = levels
            .iter()
            .zip(0..)
            .map(|(level, step)| (step * 2, held.feed(*level, limits, Duration::from_secs(step * 2))));
        each.filter(|(_, turn)| *turn != Turn::Stays).collect()
    }

    #[test]
    fn it_counts_only_when_it_holds() {
        assert_eq!(turns(&[Warn; 5]), []);
        assert_eq!(turns(&[Warn; 9]), [(10, Turn::Opens)]);
        assert_eq!(turns(&[Crit; 3]), [(4, Turn::Opens)]);
        assert_eq!(turns(&[Warn, Warn, Fine]), [(4, Turn::Passes)]);
        assert_eq!(turns(&[Warn, Warn, Unknown]), [(4, Turn::Passes)]);
        assert_eq!(
            turns(&[Warn, Warn, Warn, Warn, Warn, Warn, Crit, Crit, Crit]),
            [(10, Turn::Opens), (16, Turn::Worsens)]
        );
    }

    #[test]
    fn dancing_on_the_threshold_changes_nothing() {
        let mut levels = vec![Warn; 6];
        levels.extend([Fine, Fine, Warn, Fine, Warn].repeat(10));
        assert_eq!(turns(&levels), [(10, Turn::Opens)]);
        assert_eq!(turns(&[&[Crit; 3][..], &[Warn, Warn, Crit].repeat(9)].concat()), [(4, Turn::Opens)]);
    }

    #[test]
    fn it_is_over_after_a_calm() {
        assert_eq!(turns(&[&[Warn; 6][..], &[Fine; 6]].concat()), [(10, Turn::Opens), (22, Turn::Closes)]);
        assert_eq!(turns(&[&[Crit; 3][..], &[Warn; 6]].concat()), [(4, Turn::Opens), (16, Turn::Eases)]);
    }

    #[test]
    fn what_is_unknown_stays_for_a_while() {
        assert_eq!(turns(&[&[Crit; 3][..], &[Unknown; 14], &[Crit; 3]].concat()), [(4, Turn::Opens)]);
        assert_eq!(turns(&[&[Crit; 3][..], &[Unknown; 15]].concat()), [(4, Turn::Opens), (34, Turn::Closes)]);
    }
}
