//! An earlier sample for playback, with the rates and the problems at that time.
//!
//! The sample is a copy, decompressed from the history. Playback mostly moves between neighboring samples, so samples
//! that were read before are reused, and missing samples are read together with a few of their neighbors.

use std::sync::Arc;
use std::time::Duration;

use crate::actions::drain_tracker::DrainTracker;
use crate::history::interval_times::{AnchorKey, IntervalTimes, SampleMeans};
use crate::history::quiet_search;
use crate::history::rates::RateWindow;
use crate::history::store::History;
use crate::observe::sample::Sample;
use crate::problems::cause::Cause;
use crate::problems::forecast::Forecasts;
use crate::problems::problem::Problem;
use crate::problems::problem_log::ProblemLog;
use crate::problems::thresholds::Thresholds;
use crate::problems::tracker::ProblemTracker;

/// A step of playback, from the sample shown to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaybackStep {
    /// By this number of samples; negative is back.
    Samples(i32),
    /// By this number of minutes; negative is back.
    Minutes(i32),
    /// To the oldest stored sample.
    Oldest,
    /// To the newest stored sample.
    Newest,
    /// To the newest sample at or before a monotonic time.
    Time(Duration),
}

/// Number of extra samples to read for the next steps of playback.
const READ_AHEAD: usize = 8;
/// Maximum number of values in these extra samples. One sample of a large site has a million values.
const READ_AHEAD_NUMBERS: usize = 4_000_000;

/// An earlier sample, with everything else that playback shows.
#[derive(Debug)]
pub struct PastMoment {
    sample: Arc<Sample>,
    rates: RateWindow,
    problems: ProblemTracker,
    forecasts: Forecasts,
    /// Always empty, because the progress of drains is not stored in the history.
    draining: DrainTracker,
    /// Samples around the one shown, kept for the next step of playback; oldest first.
    nearby_samples: Vec<Arc<Sample>>,
}

impl PastMoment {
    /// Loads the sample with the number `seq` from the history. Returns `None` if the history no longer has the sample.
    pub(crate) fn load(
        seq: u64,
        history: &History,
        problem_log: &ProblemLog,
        thresholds: &Thresholds,
        previous: Option<&Self>,
    ) -> Option<Self> {
        let needed = RateWindow::sample_numbers_at(history, seq);
        let keys = RateWindow::anchor_keys_at(history, seq);
        let loaded = previous.map_or(&[][..], |previous| &previous.nearby_samples);
        let known_times = previous.map(|previous| previous.rates.times().clone()).unwrap_or_default();
        let missing = missing_samples(&needed, history, loaded);
        let has_sample =
            |seq: u64| missing.binary_search(&seq).is_ok() || loaded.iter().any(|sample| sample.seq == seq);
        let is_missing = |key: &&AnchorKey| !known_times.contains(key) && !has_sample(key.seq);
        let missing_means: Vec<u64> = keys.iter().filter(is_missing).map(|key| key.seq).collect();
        let (mut nearby_samples, mut means) = history.restore_with_means(&missing, &missing_means);
        nearby_samples.extend(loaded.iter().cloned());
        nearby_samples.sort_unstable_by_key(|sample| sample.seq);
        let find = |seq: u64| {
            let index = nearby_samples.binary_search_by_key(&seq, |sample| sample.seq).ok()?;
            Some(&nearby_samples[index])
        };
        let times = IntervalTimes::restore(&keys, &known_times, |seq| match find(seq) {
            Some(sample) => Some(SampleMeans::from_sample(sample)),
            None => Some(means.remove(means.iter().position(|(known, _)| *known == seq)?).1),
        });
        let samples: Option<Vec<Arc<Sample>>> = needed.iter().map(|seq| find(*seq).cloned()).collect();
        keep_nearest(&mut nearby_samples, &needed);
        let mut rates = RateWindow::from_samples(samples?.into_iter(), times);
        quiet_search::update(&mut rates, history);
        let sample = Arc::clone(rates.newest().filter(|newest| newest.seq == seq)?);
        let at = sample.at.monotonic;
        let forecasts = Forecasts::from_sample(&sample, history);
        let causes: Vec<Cause> = problem_log.causes_at(at).collect();
        let open = if history.is_older(seq) {
            // Evaluating the sample takes long, and shows nothing where no cause was open.
            let has_open = causes.iter().any(Cause::is_open);
            let judged = has_open.then(|| ProblemTracker::judge_at_once(thresholds, &rates, &forecasts));
            judged.map_or(Vec::new(), |judged| problems_of_causes(&causes, &judged))
        } else {
            problem_log.problems_at(at).collect()
        };
        let problems = ProblemTracker::restore(thresholds, open.into_iter(), causes.into_iter(), &rates, &forecasts);
        Some(Self { sample, rates, problems, forecasts, draining: DrainTracker::default(), nearby_samples })
    }

    /// Creates the moment of the newest sample in `rates`, with these problems. Returns `None` without a sample.
    pub(crate) fn from_state(rates: RateWindow, problems: ProblemTracker) -> Option<Self> {
        Some(Self {
            sample: Arc::clone(rates.newest()?),
            rates,
            problems,
            forecasts: Forecasts::default(),
            draining: DrainTracker::default(),
            nearby_samples: Vec::new(),
        })
    }

    /// Returns the rates, problems and forecasts, from which an instance continues.
    pub(crate) fn into_state(self) -> (RateWindow, ProblemTracker, Forecasts) {
        (self.rates, self.problems, self.forecasts)
    }

    /// Returns the sample.
    pub(crate) fn sample(&self) -> &Arc<Sample> {
        &self.sample
    }

    /// Returns the rates at the time of the sample.
    pub(crate) fn rates(&self) -> &RateWindow {
        &self.rates
    }

    /// Returns the problems that were open at the time of the sample.
    pub(crate) fn problems(&self) -> &ProblemTracker {
        &self.problems
    }

    /// Returns the forecasts at the time of the sample.
    pub(crate) fn forecasts(&self) -> &Forecasts {
        &self.forecasts
    }

    /// Returns an empty tracker, because the progress of drains is not stored in the history.
    pub(crate) fn draining(&self) -> &DrainTracker {
        &self.draining
    }

    /// Returns the sequence number of the sample to which a step from the sample `from` leads, or `None` if the history
    /// is empty.
    pub(crate) fn target_seq(step: PlaybackStep, from: &Sample, history: &History) -> Option<u64> {
        let seq = match step {
            PlaybackStep::Samples(count) if count < 0 => {
                let back = count.unsigned_abs() as usize;
                history.headers_back_from(from.seq).nth(back).map(|mark| mark.seq)
            }
            PlaybackStep::Samples(count) => {
                let next = |seq: u64, _| history.header_after(seq).map_or(seq, |mark| mark.seq);
                return Some((0..count).fold(from.seq, next));
            }
            PlaybackStep::Minutes(count) => {
                let span = Duration::from_mins(u64::from(count.unsigned_abs()));
                let at = from.at.monotonic;
                history.header_at(if count < 0 { at.saturating_sub(span) } else { at + span }).map(|mark| mark.seq)
            }
            PlaybackStep::Oldest => None,
            PlaybackStep::Newest => history.newest_time().map(|newest| newest.seq),
            PlaybackStep::Time(time) => history.header_at(time).map(|mark| mark.seq),
        };
        seq.or_else(|| history.header_after(0).map(|oldest| oldest.seq))
    }
}

/// Returns whether nothing was sampled at a time that is this long after the last sample before it.
pub(crate) fn is_gap(before: &Sample, age: Duration) -> bool {
    is_pause(before.interval, age)
}

/// Returns whether a time without samples is longer than usual if they are taken every `interval`.
pub(super) fn is_pause(interval: Duration, age: Duration) -> bool {
    age > interval.saturating_mul(2) + Duration::from_secs(1)
}

/// Returns the problems of the causes that were open. A recording has the causes, but not their problems.
fn problems_of_causes(causes: &[Cause], judged: &ProblemTracker) -> Vec<Problem> {
    let mut open = Vec::new();
    for found in judged.open_causes() {
        let recorded = causes.iter().find(|cause| cause.is_open() && cause.key() == found.key());
        let since = recorded.map(|cause| cause.since);
        open.extend(since.into_iter().flat_map(|since| {
            judged.problems_of(found).map(move |problem| Problem { since, may_be_older: false, ..problem.clone() })
        }));
    }
    open
}

/// Returns the needed samples that are not in `loaded`, and some further ones if playback moves by single samples: the next
/// step most likely goes in the same direction.
fn missing_samples(needed: &[u64], history: &History, loaded: &[Arc<Sample>]) -> Vec<u64> {
    let is_loaded = |seq: &u64| loaded.iter().any(|sample| sample.seq == *seq);
    let mut missing: Vec<u64> = needed.iter().filter(|seq| !is_loaded(seq)).copied().collect();
    // After a jump, the direction is unknown.
    if missing.len() < needed.len()
        && let (Some(first), Some(last)) = (missing.first().copied(), missing.last().copied())
    {
        let ahead = read_ahead(loaded.first());
        if loaded.first().is_some_and(|oldest| first < oldest.seq) {
            missing.extend(history.headers_back_from(first).skip(1).take(ahead).map(|mark| mark.seq));
        } else {
            let next = |seq: &u64| history.header_after(*seq).map(|mark| mark.seq);
            missing.extend(std::iter::successors(next(&last), next).take(ahead));
        }
        missing.retain(|seq| !is_loaded(seq));
        missing.sort_unstable();
        missing.dedup();
    }
    missing
}

/// Returns the number of samples like this one that are read or kept in addition to the needed ones.
fn read_ahead(one: Option<&Arc<Sample>>) -> usize {
    let numbers = |sample: &Arc<Sample>| sample.table.rows().len() * sample.table.schema().width();
    READ_AHEAD.min(READ_AHEAD_NUMBERS / one.map_or(1, numbers).max(1))
}

/// Keeps the needed samples, and those of the others that are nearest to the sample shown.
fn keep_nearest(samples: &mut Vec<Arc<Sample>>, needed: &[u64]) {
    let at = needed.last().copied().unwrap_or_default();
    let mut others: Vec<u64> = samples.iter().map(|sample| sample.seq).filter(|seq| !needed.contains(seq)).collect();
    others.sort_unstable_by_key(|seq| seq.abs_diff(at));
    others.truncate(read_ahead(samples.last()));
    samples.retain(|sample| needed.contains(&sample.seq) || others.contains(&sample.seq));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::fields::{Field, InfoField};
    use crate::instance::source::StatsSocket;
    use crate::instance::state::Instance;
    use crate::observe::instance_id::InstanceId;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    /// Returns everything that is shown of a sample, as text.
    fn shown_lines(instance: &Instance) -> Vec<String> {
        let sample = instance.shown().unwrap();
        let mut lines = vec![format!("{} {:?} {:?}", sample.seq, sample.at, sample.epoch)];
        for (index, id) in sample.rows.ids().iter().enumerate() {
            let rates = [Field::Stot, Field::Bin, Field::Hrsp5xx].map(|field| instance.rates().rate(*id, field));
            let numbers = [Field::Scur, Field::Qcur, Field::Slim].map(|field| sample.table.number(index, field));
            lines.push(format!("{} {numbers:?} {rates:?}", sample.table.rows()[index].status()));
        }
        lines.push(format!("{:?}", instance.rates().process_rate(InfoField::CumReq)));
        lines.extend(instance.problems().iter().map(|problem| format!("{} {:?}", problem.line(), problem.since)));
        let now = sample.at.monotonic;
        let causes = instance.problems().causes();
        lines.extend(causes.map(|cause| format!("{} {:?} {:?}", cause.line(), cause.age(now), cause.trend)));
        lines.extend(instance.events().newest_first().map(|event| format!("{:?} {}", event.at, event.line())));
        lines
    }

    /// Simulates a few minutes in which servers fill up, go down and come back, and the process is replaced. Returns
    /// what was shown for each sample.
    fn run(instance: &mut Instance, steps: u64, millis: u64) -> Vec<Vec<String>> {
        let mut builder = SampleBuilder::default();
        let mut seen = Vec::new();
        for step in 0..steps {
            if step == 170 {
                builder.reload();
            }
            let queue = if step % 60 < 25 { 4 + step % 7 } else { 0 };
            let sessions = if step % 90 > 60 { 1900 } else { 812 };
            let status = if (100..130).contains(&(step % 200)) { "DOWN" } else { "UP" };
            let stat = stat_of_site()
                .replace("api,api1,4,", &format!("api,api1,{queue},"))
                .replace("www-in,FRONTEND,,812,", &format!("www-in,FRONTEND,,{sessions},"))
                .replace(
                    ",,4500,2500,4000,UP,",
                    &format!(",,{},{},4000,{status},", 4500 + step * 20, 2500 + step * 999),
                );
            builder.info = format!("CumReq: {}\n", step * 31);
            instance.add_sample(builder.build_at_millis(step * millis, &stat), 0);
            seen.push(shown_lines(instance));
        }
        seen
    }

    #[test]
    fn playback_restores_every_moment() {
        let mut instance = Instance::default();
        let seen = run(&mut instance, 330, 1000);
        assert!(seen.iter().any(|lines| lines.iter().any(|line| line.contains("CRIT"))));
        assert!(instance.show_moment(PlaybackStep::Oldest));
        for lines in &seen {
            assert_eq!(&shown_lines(&instance), lines);
            instance.show_moment(PlaybackStep::Samples(1));
        }
        assert!(!instance.show_moment(PlaybackStep::Samples(1)), "no later sample");
        for lines in seen.iter().rev() {
            assert_eq!(&shown_lines(&instance), lines);
            instance.show_moment(PlaybackStep::Samples(-1));
        }
        instance.show_latest();
        assert_eq!(Some(&shown_lines(&instance)), seen.last());
    }

    #[test]
    fn playback_reaches_each_sample_at_every_interval() {
        for millis in [100, 200, 400, 500, 700, 2000, 9000] {
            let mut instance = Instance::default();
            let seen = run(&mut instance, 300, millis);
            // If samples arrive faster than the rate window stores them, restored rates may use other samples of the
            // same 5 s.
            let same = |instance: &Instance, lines: &[String]| {
                let count = if millis < 1000 { 1 } else { lines.len() };
                assert_eq!(shown_lines(instance)[..count], lines[..count], "{millis} ms");
            };
            instance.show_moment(PlaybackStep::Newest);
            for lines in seen.iter().rev() {
                same(&instance, lines);
                instance.show_moment(PlaybackStep::Samples(-1));
            }
            for lines in &seen {
                same(&instance, lines);
                instance.show_moment(PlaybackStep::Samples(1));
            }
        }
    }

    #[test]
    fn playback_restores_open_problems() {
        let mut instance = Instance::default();
        run(&mut instance, 290, 1000);
        let count = |instance: &Instance| instance.problems().iter().map(Problem::line).collect::<Vec<_>>();
        let now = count(&instance);
        instance.show_moment(PlaybackStep::Time(Duration::from_mins(2)));
        let then = count(&instance);
        assert!(then.iter().any(|line| line.contains("www/w1")), "{then:?}");
        assert!(!now.iter().any(|line| line.contains("www/w1")), "{now:?}");
    }

    #[test]
    fn show_moment_moves_by_step() {
        let mut instance = Instance::default();
        assert!(!instance.show_moment(PlaybackStep::Newest) && instance.past_moment().is_none(), "no samples");
        run(&mut instance, 200, 1000);
        let mut go = |step| {
            let moved = instance.show_moment(step);
            (instance.past_moment().map(|past| past.sample().seq), moved)
        };
        assert_eq!(go(PlaybackStep::Newest), (Some(200), false), "already at the newest sample");
        assert_eq!(go(PlaybackStep::Minutes(-1)), (Some(140), true));
        assert_eq!(go(PlaybackStep::Samples(-3)), (Some(137), true));
        assert_eq!(go(PlaybackStep::Minutes(-9)), (Some(1), true));
        assert_eq!(go(PlaybackStep::Samples(-1)), (Some(1), false));
        assert_eq!(go(PlaybackStep::Minutes(1)), (Some(61), true));
        assert_eq!(go(PlaybackStep::Time(Duration::from_millis(77_700))), (Some(78), true));
        assert_eq!(go(PlaybackStep::Minutes(9)), (Some(200), true));
    }

    #[test]
    fn leave_forgotten_moment_moves_to_oldest() {
        let (mut instance, mut builder) =
            (Instance::new(InstanceId::FIRST, StatsSocket::default(), 60_000), SampleBuilder::default());
        let mut slid = 0;
        for step in 0..2000_u64 {
            let stat = stat_of_site().replace("9000,5000,8000", &format!("9000,{},8000", step * step * 7919));
            instance.add_sample(builder.build_at_millis(step * 1000, &stat), 0);
            if step == 100 {
                instance.show_moment(PlaybackStep::Newest);
            }
            let oldest = instance.history().oldest().unwrap().seq;
            if instance.leave_forgotten_moment() {
                slid += 1;
                assert_eq!(instance.shown().unwrap().seq, oldest);
            }
            assert!(step < 100 || instance.shown().unwrap().seq >= oldest);
        }
        assert!(slid > 1, "{slid}");
        assert_eq!(instance.latest().unwrap().seq, 2000);
    }
}
