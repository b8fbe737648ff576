//! Causes that were open according to a recording, and continue in the present.

use crate::history::rates::RateWindow;
use crate::problems::cause::Cause;
use crate::problems::evaluation::TrackedRule;
use crate::problems::forecast::Forecasts;
use crate::problems::hysteresis::Hysteresis;
use crate::problems::problem::Problem;
use crate::problems::problem_changes::ProblemChanges;
use crate::problems::tracker::ProblemTracker;

impl ProblemTracker {
    /// Adds causes that were open in the newest sample of `rates`, and that the last samples alone do not show: their rules
    /// have longer hold times, or their numbers are fine again. A cause of which this sample shows nothing is resolved by the
    /// next one, unless that shows it. Returns the problems that were opened.
    pub(crate) fn continue_open_causes(
        &mut self,
        causes: Vec<Cause>,
        rates: &RateWindow,
        forecasts: &Forecasts,
    ) -> ProblemChanges {
        let mut changes = ProblemChanges::default();
        if causes.is_empty() {
            return changes;
        }
        let judged = Self::judge_at_once(&self.thresholds, rates, forecasts);
        for recorded in causes {
            let Some(found) = judged.open_causes().find(|found| found.key() == recorded.key()) else {
                self.causes.add_open(recorded);
                continue;
            };
            let Cause { since, before, may_be_older, trend, earlier, .. } = recorded;
            for problem in judged.problems_of(found) {
                let problem = Problem { since, may_be_older, ..problem.clone() };
                let mut hysteresis = Hysteresis::new(since);
                hysteresis.severity = Some(problem.severity);
                let key = (problem.subject.id, problem.rule.id);
                if self.entries.get(&key).is_none_or(|known| known.problem.is_none()) {
                    let entry = TrackedRule { hysteresis, problem: Some(problem.clone()), is_bad: true, may_be_older };
                    self.entries.insert(key, entry);
                    changes.opened.push(problem);
                }
            }
            self.causes.add_open(Cause { since, before, may_be_older, trend, earlier, ..found.clone() });
        }
        self.sort_open_problems();
        changes
    }
}
