//! The summaries of all balancers, computed again only for those that changed.

use std::time::Duration;

use crate::fleet::drift::{self, BalancerDrift, ComparedBalancer};
use crate::fleet::role_tracker::RoleTracker;
use crate::fleet::same_process::earlier_twin;
use crate::fleet::summary::{BalancerStatus, BalancerSummary};
use crate::instance::state::Instance;
use crate::observe::link::Link;
use crate::observe::sample::Sample;

/// Minimum time between two comparisons of all balancers. A comparison looks at every row of every balancer.
const COMPARE_PAUSE: Duration = Duration::from_secs(2);
/// Number of rows that lengthens the pause by one second.
const ROWS_PER_SECOND: usize = 10_000;

/// A balancer with its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NamedBalancer<'a> {
    /// Name to display.
    pub(crate) name: &'a str,
    /// The balancer.
    pub(crate) instance: &'a Instance,
}

/// The summaries of all balancers.
#[derive(Debug, Default)]
pub(crate) struct Balancers {
    summaries: Vec<(SummaryInputs, BalancerSummary)>,
    /// Time of the last comparison, and the samples that were compared.
    compared: Option<(Duration, Vec<Option<u64>>)>,
    /// True if polling has ended, so that no sample is late.
    are_polls_finished: bool,
}

/// Inputs of a summary, which is computed again when one of them changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SummaryInputs {
    name: String,
    /// Sequence number of the sample shown.
    seq: Option<u64>,
    is_past: bool,
    is_evaluated: bool,
    link: Link,
}

impl SummaryInputs {
    fn new(balancer: &NamedBalancer<'_>) -> Self {
        let NamedBalancer { name, instance } = *balancer;
        Self {
            name: name.to_owned(),
            seq: instance.shown().map(|sample| sample.seq),
            is_past: instance.past_moment().is_some(),
            is_evaluated: instance.is_evaluated(),
            link: instance.link().clone(),
        }
    }
}

impl Balancers {
    /// Creates the summaries of balancers that are no longer polled: a sample is current whatever its age.
    pub(crate) fn of_finished_polls() -> Self {
        Self { are_polls_finished: true, ..Self::default() }
    }

    /// Updates the summaries to the present state of `balancers`.
    pub(crate) fn update(&mut self, balancers: &[NamedBalancer<'_>], roles: &RoleTracker, now: Duration) {
        let mut known = std::mem::take(&mut self.summaries);
        for balancer in balancers {
            let inputs = SummaryInputs::new(balancer);
            let place = known.iter().position(|(_, summary)| summary.id == balancer.instance.id());
            let known = place.map(|place| known.swap_remove(place));
            let mut summary = match known {
                Some((before, summary)) if before == inputs => summary,
                before => {
                    let mut summary = BalancerSummary::new(balancer.name, balancer.instance);
                    if let Some((_, before)) = before {
                        (summary.drift, summary.twin) = (before.drift, before.twin);
                    }
                    summary
                }
            };
            // The role in the past is not known.
            summary.role = roles.role(summary.id).filter(|_| !inputs.is_past).cloned();
            summary.is_never_late = self.are_polls_finished;
            summary.role_obstacle = roles.obstacle(summary.id).map(str::to_owned);
            self.summaries.push((inputs, summary));
        }
        self.update_drift(balancers, now);
    }

    fn update_drift<'a>(&mut self, balancers: &[NamedBalancer<'a>], now: Duration) {
        // Samples that are not current are not compared.
        let current = |summary: &BalancerSummary| summary.status(now) == BalancerStatus::Up;
        let samples: Vec<Option<u64>> =
            self.summaries.iter().map(|(inputs, summary)| inputs.seq.filter(|_| current(summary))).collect();
        let rows = balancers.iter().filter_map(|balancer| Some(balancer.instance.shown()?.table.rows().len()));
        let pause = COMPARE_PAUSE.max(Duration::from_secs((rows.sum::<usize>() / ROWS_PER_SECOND) as u64));
        let is_due = match &self.compared {
            None => true,
            Some((at, before)) => {
                let are_same_balancers = before.len() == samples.len()
                    && before.iter().zip(&samples).all(|(before, now)| before.is_some() == now.is_some());
                *before != samples && (!are_same_balancers || now.saturating_sub(*at) >= pause || now < *at)
            }
        };
        if !is_due {
            return;
        }
        let shown = |(balancer, seq): (&NamedBalancer<'a>, &Option<u64>)| {
            balancer.instance.shown().filter(|_| seq.is_some()).map(|sample| &**sample)
        };
        let shown: Vec<Option<&Sample>> = balancers.iter().zip(&samples).map(shown).collect();
        let twins: Vec<Option<usize>> = (0..shown.len()).map(|place| earlier_twin(&shown, place)).collect();
        let compared: Vec<ComparedBalancer<'_>> = balancers
            .iter()
            .enumerate()
            .zip(&self.summaries)
            .map(|((place, balancer), (_, summary))| ComparedBalancer {
                name: balancer.name,
                // A process that several targets name is compared once.
                sample: shown[place].filter(|_| twins[place].is_none()),
                role: summary.role.as_ref().map(|finding| finding.role),
            })
            .collect();
        let found: Vec<BalancerDrift> = drift::find_drift(&compared);
        for (((_, summary), drift), twin) in self.summaries.iter_mut().zip(found).zip(twins) {
            summary.drift = drift;
            summary.twin = twin.map(|twin| balancers[twin].name.to_owned());
        }
        self.compared = Some((now, samples));
    }

    /// Returns the summaries, the worst first, and equally bad ones in the order of the balancers.
    pub(crate) fn worst_first(&self, now: Duration) -> Vec<&BalancerSummary> {
        let mut all: Vec<&BalancerSummary> = self.summaries.iter().map(|(_, summary)| summary).collect();
        all.sort_by_key(|summary| u8::MAX - summary.badness(now));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::drift::Drift;
    use crate::history::store::DEFAULT_BUDGET;
    use crate::instance::source::StatsSocket;
    use crate::observe::instance_id::InstanceId;
    use crate::observe::link::PollFailure;
    use crate::observe::test_samples::{SampleBuilder, timestamp_at};

    fn stat(weight: i64) -> String {
        format!("# pxname,svname,status,type,weight,\nb,s,UP,2,{weight},\nb,BACKEND,UP,1,,\n")
    }

    fn update(balancers: &mut Balancers, instances: &[Instance], second: u64) -> Vec<String> {
        let names = ["lb01", "lb02", "lb03"];
        let named: Vec<NamedBalancer<'_>> =
            instances.iter().zip(names).map(|(instance, name)| NamedBalancer { name, instance }).collect();
        let now = Duration::from_secs(second);
        balancers.update(&named, &RoleTracker::default(), now);
        let line = |summary: &&BalancerSummary| {
            let drift = summary.drift.as_ref().map_or("unknown".to_owned(), Drift::summary);
            format!("{} {} {drift}", summary.name, summary.status(now).as_str())
        };
        balancers.worst_first(now).iter().map(line).collect()
    }

    #[test]
    fn update_follows_samples_links_and_drift() {
        let new = |id| Instance::new(id, StatsSocket::default(), DEFAULT_BUDGET);
        let mut instances: Vec<Instance> = InstanceId::first(3).map(new).collect();
        let mut builders = [SampleBuilder::default(), SampleBuilder::default(), SampleBuilder::default()];
        builders.iter_mut().zip(1..).for_each(|(builder, pid)| builder.answer_as(pid));
        let mut balancers = Balancers::default();
        assert_eq!(update(&mut balancers, &instances, 0)[0], "lb01 connecting unknown");
        let mut step = |instances: &mut [Instance], second: u64, weights: [i64; 3]| {
            for ((instance, builder), weight) in instances.iter_mut().zip(&mut builders).zip(weights) {
                instance.add_sample(builder.build_at_millis(second * 1000, &stat(weight)), 0);
            }
        };
        step(&mut instances, 1, [1, 1, 1]);
        assert_eq!(update(&mut balancers, &instances, 1), ["lb01 up none", "lb02 up none", "lb03 up none"]);
        step(&mut instances, 2, [1, 2, 1]);
        assert_eq!(update(&mut balancers, &instances, 2)[0], "lb01 up none", "compared 2 s ago");
        step(&mut instances, 4, [1, 2, 1]);
        assert_eq!(update(&mut balancers, &instances, 4), ["lb02 up 1 weight", "lb01 up none", "lb03 up none"]);
        let failure =
            PollFailure { reason: "refused".to_owned(), hint: None, is_denied: false, retry_at: Duration::ZERO };
        instances[2].record_failure(failure, timestamp_at(5000));
        let lines = update(&mut balancers, &instances, 5);
        assert_eq!(lines[0], "lb03 lost unknown");
        assert_eq!(lines[1..], ["lb01 up 1 weight", "lb02 up 1 weight"], "neither of two is expected");
    }

    #[test]
    fn update_compares_process_with_two_sockets_once() {
        let new = |id| Instance::new(id, StatsSocket::default(), DEFAULT_BUDGET);
        let mut instances: Vec<Instance> = InstanceId::first(3).map(new).collect();
        let mut builders = [SampleBuilder::default(), SampleBuilder::default(), SampleBuilder::default()];
        builders[2].answer_as(7);
        for ((instance, builder), weight) in instances.iter_mut().zip(&mut builders).zip([1, 1, 2]) {
            instance.add_sample(builder.build_at_millis(1000, &stat(weight)), 0);
        }
        let mut balancers = Balancers::default();
        let lines = update(&mut balancers, &instances, 1);
        assert_eq!(lines, ["lb01 up 1 weight", "lb03 up 1 weight", "lb02 up unknown"], "neither of two is expected");
        let twins = balancers.summaries.iter().map(|(_, summary)| summary.twin.as_deref());
        assert_eq!(twins.collect::<Vec<_>>(), [None, Some("lb01"), None]);
    }
}
