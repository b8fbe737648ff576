//! The past of several instances as one: the moments to which playback moves, in which each instance shows its own sample.
//!
//! With a single instance, each of its samples is a moment. With several, time is divided into rounds as long as the
//! longest poll interval, in which each instance is sampled about once; the last sample of a round is a moment.

use std::ops::{Range, RangeInclusive};
use std::time::{Duration, SystemTime};

use crate::history::block::SampleHeader;
use crate::instance::past_moment::{self, PlaybackStep};
use crate::instance::state::Instance;
use crate::observe::events::{Event, EventKind};
use crate::observe::timestamp::Timestamp;

/// The past of instances.
#[derive(Debug, Clone)]
pub(crate) struct SharedPast<'a> {
    instances: Vec<&'a Instance>,
    /// Length of a round; zero if each sample is a moment.
    round: Duration,
}

impl<'a> SharedPast<'a> {
    /// Creates the past of instances.
    pub(crate) fn new(instances: Vec<&'a Instance>) -> Self {
        let intervals = instances.iter().filter_map(|one| Some(one.latest().or_else(|| one.shown())?.interval));
        let round = if instances.len() > 1 { intervals.max().unwrap_or_default() } else { Duration::ZERO };
        Self { instances, round }
    }

    /// Returns the time of the oldest sample, or `None` without samples.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        let times = self.instances.iter().filter_map(|instance| Some(instance.history().oldest()?.at));
        times.min_by_key(|at| at.monotonic)
    }

    /// Returns the time of the newest sample, or `None` without samples.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        let times = self.instances.iter().filter_map(|instance| Some(instance.history().newest_time()?.at));
        times.max_by_key(|at| at.monotonic)
    }

    /// Returns the time of the sample of the present, which may not be stored yet, or `None` without samples.
    pub(crate) fn present(&self) -> Option<Timestamp> {
        let times = self.instances.iter().filter_map(|instance| Some(instance.latest()?.at));
        times.max_by_key(|at| at.monotonic)
    }

    /// Returns the time between the oldest and the newest sample.
    pub(crate) fn span(&self) -> Duration {
        let ends = self.oldest().zip(self.newest());
        ends.map_or(Duration::ZERO, |(first, last)| last.elapsed_since(first.monotonic))
    }

    /// Returns the time of the newest sample at or before a monotonic time, or `None` if all are later.
    pub(crate) fn at(&self, time: Duration) -> Option<Timestamp> {
        let header = |instance: &&Instance| instance.history().header_at(time).filter(|header| header.at <= time);
        self.instances.iter().filter_map(header).max_by_key(|header| header.at).map(timestamp)
    }

    /// Returns the time of the latest sample whose wall clock time is not after `wall`, or `None` if all are later.
    pub(crate) fn at_wall(&self, wall: SystemTime) -> Option<Timestamp> {
        let headers = self.instances.iter().filter_map(|instance| instance.history().header_at_wall(wall));
        headers.max_by_key(|header| header.wall).map(timestamp)
    }

    /// Returns the first moment, or `None` without samples.
    fn first(&self) -> Option<Timestamp> {
        self.moment_of_event(self.oldest()?.monotonic)
    }

    /// Returns the moment after a monotonic time, or `None` if there are no later samples.
    pub(crate) fn next(&self, time: Duration) -> Option<Timestamp> {
        let next = |instance: &&Instance| {
            let before = instance.history().header_at(time)?;
            if before.at > time { Some(before) } else { instance.history().header_after(before.seq) }
        };
        let first = self.instances.iter().filter_map(next).map(|header| header.at).min()?;
        let nanos = first.as_nanos();
        let end =
            nanos.checked_div(self.round.as_nanos()).map_or(nanos, |round| (round + 1) * self.round.as_nanos() - 1);
        self.at(from_nanos(end))
    }

    /// Returns the moment before a monotonic time, or `None` if there are no earlier samples.
    pub(crate) fn previous(&self, time: Duration) -> Option<Timestamp> {
        let nanos = time.as_nanos();
        let start = nanos.checked_div(self.round.as_nanos()).map_or(nanos, |round| round * self.round.as_nanos());
        self.at(from_nanos(start.checked_sub(1)?))
    }

    /// Returns the moment of an event: of several instances, the first one after it, because the others go on while one does
    /// not answer. Returns `None` if all samples are later.
    pub(crate) fn moment_of_event(&self, at: Duration) -> Option<Timestamp> {
        let before = at.checked_sub(Duration::from_nanos(1)).filter(|_| self.instances.len() > 1);
        before.and_then(|before| self.next(before)).or_else(|| self.at(at))
    }

    /// Returns the times of the events that belong to a moment.
    pub(crate) fn event_times(&self, moment: Duration) -> Range<Duration> {
        if self.instances.len() > 1 {
            let after = |at: Duration| at + Duration::from_nanos(1);
            let start = self.previous(moment).map_or(Duration::ZERO, |previous| after(previous.monotonic));
            return start..after(moment);
        }
        moment..self.next(moment).map_or(Duration::MAX, |next| next.monotonic)
    }

    /// Returns the moment to which a step from a monotonic time leads, or `None` without samples.
    pub(crate) fn target(&self, step: PlaybackStep, from: Duration) -> Option<Timestamp> {
        let repeat = |count: u32, one: &dyn Fn(Duration) -> Option<Timestamp>| {
            let steps = std::iter::successors(one(from), |at| one(at.monotonic));
            steps.take(count as usize).last()
        };
        match step {
            PlaybackStep::Samples(count) if count < 0 => {
                repeat(count.unsigned_abs(), &|at| self.previous(at)).or_else(|| self.first())
            }
            PlaybackStep::Samples(count) => {
                repeat(count.unsigned_abs(), &|at| self.next(at)).or_else(|| self.at(from)).or_else(|| self.first())
            }
            PlaybackStep::Minutes(count) => {
                let span = Duration::from_mins(u64::from(count.unsigned_abs()));
                let time = if count < 0 { from.saturating_sub(span) } else { from + span };
                self.at(time).or_else(|| self.first())
            }
            PlaybackStep::Oldest => self.first(),
            PlaybackStep::Newest => self.newest(),
            PlaybackStep::Time(time) => self.at(time).or_else(|| self.first()),
        }
    }

    /// Returns the spans within a range of monotonic time in which samples of at least one instance are no further apart than
    /// `max_pause`.
    pub(crate) fn spans_within(
        &self,
        time: &RangeInclusive<Duration>,
        max_pause: Duration,
    ) -> Vec<RangeInclusive<Duration>> {
        self.instances.iter().flat_map(|instance| instance.history().spans_within(time, max_pause)).collect()
    }

    /// Returns whether all samples at a monotonic time are read from recordings.
    pub(crate) fn is_recorded(&self, time: Duration) -> bool {
        let headers =
            self.instances.iter().filter_map(|instance| Some((instance, instance.history().header_at(time)?)));
        let mut known = headers.filter(|(_, header)| header.at <= time).peekable();
        known.peek().is_some() && known.all(|(instance, header)| instance.history().is_older(header.seq))
    }

    /// Returns a message about recorded samples that could not be read, or `None` if all could.
    pub(crate) fn reading_failure(&self) -> Option<String> {
        self.instances.iter().find_map(|instance| instance.history().reading_failure())
    }

    /// Returns whether samples between two monotonic times cannot be read.
    pub(crate) fn is_unreadable_between(&self, one: Duration, other: Duration) -> bool {
        self.instances.iter().any(|instance| instance.history().is_unreadable_between(one, other))
    }
}

/// Returns whether the sample that an instance shows is that of a moment: it was taken then or shortly before, and no poll
/// failed since.
pub(crate) fn is_sampled_at(instance: &Instance, moment: Duration) -> bool {
    let Some(sample) = instance.shown() else { return false };
    let is_recent = |age: Duration| !past_moment::is_gap(sample, age);
    let mut later = instance.all_events().newest_first().take_while(|event| event.at.monotonic > sample.at.monotonic);
    let is_failure = |event: &Event| matches!(event.kind, EventKind::LinkLost(_)) && event.at.monotonic <= moment;
    moment.checked_sub(sample.at.monotonic).is_some_and(is_recent) && !later.any(is_failure)
}

fn timestamp(header: SampleHeader) -> Timestamp {
    Timestamp { monotonic: header.at, wall: header.wall }
}

fn from_nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::source::StatsSocket;
    use crate::observe::instance_id::InstanceId;
    use crate::observe::test_samples::{SampleBuilder, stat_with_server};

    /// Returns an instance with a sample at each of these times.
    fn instance(id: InstanceId, millis: impl IntoIterator<Item = u64>) -> Instance {
        let (mut instance, mut builder) =
            (Instance::new(id, StatsSocket::default(), 1 << 20), SampleBuilder::default());
        for at in millis {
            instance.add_sample(builder.build_at_millis(at, &stat_with_server("b", "s", at as i64)), 0);
        }
        instance
    }

    fn millis(moment: Option<Timestamp>) -> Option<u64> {
        moment.map(|at| at.monotonic.as_millis() as u64)
    }

    #[test]
    fn steps_of_one_instance_reach_each_sample() {
        let one = instance(InstanceId::FIRST, [1000, 1500, 2600]);
        let past = SharedPast::new(vec![&one]);
        let step =
            |count: i32, from: u64| millis(past.target(PlaybackStep::Samples(count), Duration::from_millis(from)));
        assert_eq!([step(1, 1000), step(1, 1500), step(1, 2600)], [Some(1500), Some(2600), Some(2600)]);
        assert_eq!([step(-1, 2600), step(-2, 2600), step(-9, 2600)], [Some(1500), Some(1000), Some(1000)]);
    }

    #[test]
    fn steps_of_several_instances_pass_each_round_once_in_both_directions() {
        // The samples are taken every two seconds.
        let ids: Vec<InstanceId> = InstanceId::first(3).collect();
        let one = instance(ids[0], (0..10).map(|round| round * 2000 + 100));
        let other = instance(ids[1], (0..10).filter(|round| *round != 4).map(|round| round * 2000 + 1400));
        // A balancer that was started later.
        let late = instance(ids[2], (6..10).map(|round| round * 2000 + 800));
        let past = SharedPast::new(vec![&one, &other, &late]);
        let at = |moment: u64| Duration::from_millis(moment);
        let forward: Vec<u64> =
            std::iter::successors(millis(past.oldest()), |from| millis(past.next(at(*from)))).collect();
        let rounds = [1400, 3400, 5400, 7400, 8100, 11_400, 13_400, 15_400, 17_400, 19_400];
        assert_eq!(forward, [&[100][..], &rounds].concat());
        let back: Vec<u64> =
            std::iter::successors(millis(past.newest()), |from| millis(past.previous(at(*from)))).collect();
        assert_eq!(back, rounds.into_iter().rev().collect::<Vec<u64>>());
        assert_eq!(millis(past.target(PlaybackStep::Minutes(-1), at(19_400))), Some(1400));
        assert_eq!(millis(past.target(PlaybackStep::Time(at(9000)), at(0))), Some(8100));
        assert_eq!(past.span(), at(19_300));
    }

    #[test]
    fn is_sampled_at_needs_a_sample_at_the_moment_or_shortly_before() {
        let mut one = instance(InstanceId::FIRST, [10_000, 11_000, 60_000]);
        let mut is_sampled = |moment: u64| {
            let moment = Duration::from_millis(moment);
            one.show_moment(PlaybackStep::Time(moment));
            is_sampled_at(&one, moment)
        };
        assert!(is_sampled(11_000) && is_sampled(15_500), "shortly after a sample");
        assert!(!is_sampled(9000), "before the first sample");
        assert!(!is_sampled(40_000), "nothing was sampled");
    }
}
