//! A tracker whose problems and causes were found elsewhere: those of several balancers together.

use crate::problems::cause::Cause;
use crate::problems::cause_tracker::CauseTracker;
use crate::problems::evaluation::TrackedRule;
use crate::problems::hysteresis::Hysteresis;
use crate::problems::problem::Problem;
use crate::problems::thresholds::Thresholds;
use crate::problems::tracker::ProblemTracker;

impl ProblemTracker {
    /// Creates a tracker with these problems and causes. It is not to be evaluated.
    pub(crate) fn from_found(thresholds: &Thresholds, problems: Vec<Problem>, causes: Vec<Cause>) -> Self {
        let mut tracker = Self::new(thresholds.clone());
        for problem in problems {
            let mut hysteresis = Hysteresis::new(problem.since);
            hysteresis.severity = Some(problem.severity);
            let (key, may_be_older) = ((problem.subject.id, problem.rule.id), problem.may_be_older);
            let entry = TrackedRule { hysteresis, problem: Some(problem), is_bad: true, may_be_older };
            tracker.entries.insert(key, entry);
        }
        tracker.sort_open_problems();
        tracker.causes = CauseTracker::restore(causes.into_iter(), Vec::new());
        tracker
    }
}
