//! The verdict about an instance: what the rules have found, and whether they could be evaluated at all.

use std::time::Duration;

use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;
use crate::problems::not_evaluated::{GapReason, NotEvaluated};

/// A rule may wait for its hold time or for requests this long after the first sample before the first verdict.
const FIRST_HOLD_TIME: Duration = Duration::from_secs(10);

/// Result of the rules for an instance. A rule that was not evaluated never counts as fine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The rules wait for further samples of the process; nothing was found so far.
    Reading,
    /// No cause is known, but records of causes are damaged.
    Unknown,
    /// Nothing is wrong on the balancers whose rows are merged, but others do not answer.
    SomeMissing,
    /// All rules were evaluated, and nothing is wrong.
    Fine,
    /// Nothing is wrong as far as the rules could be evaluated.
    PartlyFine,
    /// Number of causes of problems. `is_complete` is false while the rules wait for further samples.
    Causes { count: usize, is_complete: bool },
}

impl Verdict {
    /// Returns whether the rules had enough samples.
    pub(crate) fn is_complete(self) -> bool {
        !matches!(self, Self::Reading | Self::Causes { is_complete: false, .. })
    }
}

impl Instance {
    /// Returns the verdict at the time of the sample shown.
    pub(crate) fn verdict(&self) -> Verdict {
        let problems = self.problems();
        let is_complete = !self.is_reading();
        match problems.open_causes().count() {
            0 if !self.are_causes_known() => Verdict::Unknown,
            0 if !is_complete => Verdict::Reading,
            0 if self.merged_rows().is_some_and(|merged| !merged.missing.is_empty()) => Verdict::SomeMissing,
            0 if problems.not_evaluated().is_empty() => Verdict::Fine,
            0 => Verdict::PartlyFine,
            count => Verdict::Causes { count, is_complete },
        }
    }

    /// Returns whether all causes at the time of the sample shown are known: records of a recording may be damaged.
    pub(crate) fn are_causes_known(&self) -> bool {
        self.shown().is_none_or(|shown| self.history().are_events_known(shown))
    }

    /// Returns whether the rules wait for further samples: rates need two samples of the process, and after the first
    /// sample, a hold time must end, and mean times need some requests.
    fn is_reading(&self) -> bool {
        let rates = self.rates();
        if rates.span().is_none() || rates.is_cut_by_reload() || self.past_moment().is_none() && !self.is_evaluated() {
            return true;
        }
        let (first, last) = (self.history().oldest_in_memory(), rates.newest());
        let watched = first.zip(last).map_or(Duration::ZERO, |(first, last)| last.at.elapsed_since(first.at.monotonic));
        let problems = self.problems();
        let needs_requests = || problems.not_evaluated().iter().any(|gap| gap.reason == GapReason::TooFewEvents);
        watched < FIRST_HOLD_TIME && (problems.waits_since_start() || needs_requests())
    }

    /// Returns the rules that could not be evaluated for a row, or for a backend and its servers.
    pub(crate) fn not_evaluated_for(&self, row: RowId) -> Vec<NotEvaluated> {
        self.problems().not_evaluated_for(self.rates(), row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    const UP: &str = "# pxname,svname,status,type,req_tot,stot,mode,\nb,s,UP,2,9,9,http,\nb,BACKEND,UP,1,9,9,http,\n";

    #[test]
    fn verdict_needs_two_samples_of_one_process() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        assert_eq!(instance.verdict(), Verdict::Reading);
        instance.add_sample(builder.build_at_millis(0, UP), 0);
        assert_eq!(instance.verdict(), Verdict::Reading);
        instance.add_sample(builder.build_at_millis(2000, UP), 0);
        assert_eq!(instance.verdict(), Verdict::Fine);
        builder.reload();
        instance.add_sample(builder.build_at_millis(4000, UP), 0);
        assert_eq!(instance.verdict(), Verdict::Reading, "one sample of the new process");
        instance.add_sample(builder.build_at_millis(6000, UP), 0);
        assert_eq!(instance.verdict(), Verdict::Fine);
    }

    #[test]
    fn verdict_counts_causes_of_first_sample_as_incomplete() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        instance.add_sample(builder.build_at_millis(0, &stat_of_site()), 0);
        assert!(matches!(instance.verdict(), Verdict::Causes { count: 1.., is_complete: false }));
        for second in (2..20).step_by(2) {
            instance.add_sample(builder.build_at_millis(second * 1000, &stat_of_site()), 0);
        }
        assert!(matches!(instance.verdict(), Verdict::Causes { count: 1.., is_complete: true }));
    }

    #[test]
    fn not_evaluated_for_names_rules_of_an_idle_row() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        instance.add_sample(builder.build_at_millis(0, UP), 0);
        let row = instance.latest().unwrap().rows.ids()[0];
        assert!(instance.not_evaluated_for(row).iter().all(|gap| gap.reason == GapReason::OneSample));
        instance.add_sample(builder.build_at_millis(2000, UP), 0);
        let gaps = instance.not_evaluated_for(row);
        assert!(!gaps.is_empty() && gaps.iter().all(|gap| gap.reason == GapReason::TooFewEvents), "{gaps:?}");
    }
}
