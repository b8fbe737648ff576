//! One moment of the past, with all that is shown of it: the sample, the rates up to it, and what was wrong then.
//!
//! It is had back from the history and holds on to nothing there. The samples that a step needs lie next to each other,
//! so those of the moment before are used again, and what is missing is read together with a few of its neighbours.

use std::sync::Arc;
use std::time::Duration;

use crate::actions::drain_tracker::Draining;
use crate::history::rates::Window;
use crate::history::store::History;
use crate::observe::sample::Sample;
use crate::problems::problem_log::Chronicle;
use crate::problems::thresholds::Thresholds;
use crate::problems::tracker::Problems;

/// Where to go from a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Travel {
    /// By so many samples.
    Samples(i32),
    /// By so many minutes.
    Minutes(i32),
    /// To the oldest moment that is kept.
    Oldest,
    /// To the newest one.
    Newest,
    /// To the newest moment at that time or before it.
    To(Duration),
}

/// Samples read beyond those that are needed, when some must be read.
const AHEAD: usize = 8;
/// Numbers that these may have together. One sample of a large site has a million.
const NUMBERS: usize = 4_000_000;

/// A moment of the past.
#[derive(Debug)]
pub struct Past {
    sample: Arc<Sample>,
    window: Window,
    problems: Problems,
    /// Nothing of the present shows through.
    draining: Draining,
    /// Samples read lately, oldest first.
    near: Vec<Arc<Sample>>,
}

impl Past {
    /// The moment of a sample; nothing when it is not kept.
    pub fn at(
        seq: u64,
        history: &History,
        chronicle: &Chronicle,
        thresholds: &Thresholds,
        before: Option<&Self>,
    ) -> Option<Self> {
        let needed = Window::numbers_of(history, seq);
        let near = read(&needed, history, before.map_or(&[], |before| &before.near));
        let held = |seq: &u64| Some(Arc::clone(&near[near.binary_search_by_key(seq, |sample| sample.seq).ok()?]));
        let samples: Option<Vec<Arc<Sample>>> = needed.iter().map(held).collect();
        let window = Window::of(samples?.into_iter());
        let sample = Arc::clone(window.newest().filter(|newest| newest.seq == seq)?);
        let problems = Problems::recall(thresholds, chronicle.at(sample.at.mono), &window);
        Some(Self { sample, window, problems, draining: Draining::default(), near })
    }

    /// The sample.
    pub fn sample(&self) -> &Arc<Sample> {
        &self.sample
    }

    /// Rates up to it.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// What was wrong.
    pub fn problems(&self) -> &Problems {
        &self.problems
    }

    /// Nothing: what drains is known of the present only.
    pub fn draining(&self) -> &Draining {
        &self.draining
    }

    /// The number of the sample that lies there; nothing when the history is empty.
    pub fn number_of(travel: Travel, from: &Sample, history: &History) -> Option<u64> {
        let mark = match travel {
            Travel::Samples(count) if count < 0 => {
                let back = count.unsigned_abs() as usize;
                let last = history.back_from(from.seq).nth(back);
                last.or_else(|| history.marks().next())
            }
            Travel::Samples(count) => {
                let step = |seq: u64, _| history.after(seq).map_or(seq, |mark| mark.seq);
                return Some((0..count).fold(from.seq, step));
            }
            Travel::Minutes(count) => {
                let span = Duration::from_mins(u64::from(count.unsigned_abs()));
                let at = from.at.mono;
                history.at(if count < 0 { at.saturating_sub(span) } else { at + span })
            }
            Travel::Oldest => history.marks().next(),
            Travel::Newest => history.marks().next_back(),
            Travel::To(time) => history.at(time),
        };
        mark.map(|mark| mark.seq)
    }
}

/// The needed samples, from those at hand or from the history, and some around them; oldest first.
fn read(needed: &[u64], history: &History, at_hand: &[Arc<Sample>]) -> Vec<Arc<Sample>> {
    let is_at_hand = |seq: &u64| at_hand.iter().any(|sample| sample.seq == *seq);
    let mut missing: Vec<u64> = needed.iter().filter(|seq| !is_at_hand(seq)).copied().collect();
    let mut near: Vec<Arc<Sample>> = at_hand.to_vec();
    let numbers = |sample: &Arc<Sample>| sample.table.rows().len() * sample.table.schema().width();
    let ahead = AHEAD.min(NUMBERS / history.newest().map_or(1, numbers).max(1));
    if let (Some(first), Some(last)) = (missing.first().copied(), missing.last().copied()) {
        // Whichever way the next step goes, what it needs lies behind or before these.
        let is_back = at_hand.first().is_some_and(|oldest| first < oldest.seq);
        if is_back || at_hand.is_empty() {
            missing.extend(history.back_from(first).skip(1).take(ahead).map(|mark| mark.seq));
        } else {
            let next = |seq: &u64| history.after(*seq).map(|mark| mark.seq);
            missing.extend(std::iter::successors(next(&last), next).take(ahead));
        }
        missing.retain(|seq| !is_at_hand(seq));
        missing.sort_unstable();
        missing.dedup();
        near.extend(history.moments(&missing));
        near.sort_unstable_by_key(|sample| sample.seq);
    }
    // What is needed stays; of the others those nearest to the moment.
    let at = needed.last().copied().unwrap_or_default();
    let mut others: Vec<u64> = near.iter().map(|sample| sample.seq).filter(|seq| !needed.contains(seq)).collect();
    others.sort_unstable_by_key(|seq| seq.abs_diff(at));
    others.truncate(ahead);
    near.retain(|sample| needed.contains(&sample.seq) || others.contains(&sample.seq));
    near
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::fields::{Field, InfoField};
    use crate::instance::instance::Instance;
    use crate::observe::test_samples::{SampleMaker, site};
    use crate::problems::problem::Problem;

    /// All that is shown of a moment, as text.
    fn shown(watch: &Instance) -> Vec<String> {
        let sample = watch.newest().unwrap();
        let mut lines = vec![format!("{} {:?} {:?}", sample.seq, sample.at, sample.epoch)];
        for (index, id) in sample.rows.ids().iter().enumerate() {
            let rates = [Field::Stot, Field::Bin, Field::Hrsp5xx].map(|field| watch.window().rate(*id, field));
            let numbers = [Field::Scur, Field::Qcur, Field::Slim].map(|field| sample.table.number(index, field));
            lines.push(format!("{} {numbers:?} {rates:?}", sample.table.rows()[index].status()));
        }
        lines.push(format!("{:?}", watch.window().process_rate(InfoField::CumReq)));
        lines.extend(watch.problems().list().map(|problem| format!("{} {:?}", problem.line(), problem.since)));
        lines.extend(watch.problems().verdicts().iter().map(|verdict| format!("{} {}", verdict.name, verdict.text)));
        lines.extend(watch.events().newest().map(|event| format!("{:?} {}", event.at, event.line())));
        lines
    }

    /// A few minutes in which servers fill up, go down and come back, and the process is replaced.
    fn live(watch: &mut Instance, steps: u64, millis: u64) -> Vec<Vec<String>> {
        let mut maker = SampleMaker::default();
        let mut seen = Vec::new();
        for step in 0..steps {
            if step == 170 {
                maker.reload();
            }
            let queue = if step % 60 < 25 { 4 + step % 7 } else { 0 };
            let sessions = if step % 90 > 60 { 1900 } else { 812 };
            let status = if (100..130).contains(&(step % 200)) { "DOWN" } else { "UP" };
            let stat = site()
                .replace("api,api1,4,", &format!("api,api1,{queue},"))
                .replace("www-in,FRONTEND,,812,", &format!("www-in,FRONTEND,,{sessions},"))
                .replace(
                    ",,4500,2500,4000,UP,",
                    &format!(",,{},{},4000,{status},", 4500 + step * 20, 2500 + step * 999),
                );
            maker.info = format!("CumReq: {}\n", step * 31);
            watch.take(maker.at_millis(step * millis, &stat), 0);
            seen.push(shown(watch));
        }
        seen
    }

    #[test]
    fn every_moment_shows_what_was_shown_live() {
        let mut watch = Instance::default();
        let seen = live(&mut watch, 330, 1000);
        assert!(seen.iter().any(|lines| lines.iter().any(|line| line.contains("CRIT"))));
        assert!(watch.travel(Travel::Oldest));
        for lines in &seen {
            assert_eq!(&shown(&watch), lines);
            watch.travel(Travel::Samples(1));
        }
        assert!(!watch.travel(Travel::Samples(1)), "there is no later one");
        for lines in seen.iter().rev() {
            assert_eq!(&shown(&watch), lines);
            watch.travel(Travel::Samples(-1));
        }
        watch.resume();
        assert_eq!(Some(&shown(&watch)), seen.last());
    }

    #[test]
    fn at_every_pace_each_sample_is_reached_from_either_side() {
        for millis in [100, 200, 400, 500, 700, 2000, 9000] {
            let mut watch = Instance::default();
            let seen = live(&mut watch, 300, millis);
            // Of samples that come faster than a window takes them, rates are over others of the same five seconds.
            let same = |watch: &Instance, lines: &[String]| {
                let count = if millis < 1000 { 1 } else { lines.len() };
                assert_eq!(shown(watch)[..count], lines[..count], "{millis} ms");
            };
            watch.travel(Travel::Newest);
            for lines in seen.iter().rev() {
                same(&watch, lines);
                watch.travel(Travel::Samples(-1));
            }
            for lines in &seen {
                same(&watch, lines);
                watch.travel(Travel::Samples(1));
            }
        }
    }

    #[test]
    fn a_problem_is_as_bad_as_it_was() {
        let mut watch = Instance::default();
        live(&mut watch, 290, 1000);
        let count = |watch: &Instance| watch.problems().list().map(Problem::line).collect::<Vec<_>>();
        let now = count(&watch);
        watch.travel(Travel::To(Duration::from_mins(2)));
        let then = count(&watch);
        assert!(then.iter().any(|line| line.contains("www/w1")), "{then:?}");
        assert!(!now.iter().any(|line| line.contains("www/w1")), "{now:?}");
    }

    #[test]
    fn steps_lead_where_they_say() {
        let mut watch = Instance::default();
        assert!(!watch.travel(Travel::Newest) && watch.past().is_none(), "there is nothing to look at");
        live(&mut watch, 200, 1000);
        let mut go = |travel| {
            let moved = watch.travel(travel);
            (watch.past().map(|past| past.sample().seq), moved)
        };
        assert_eq!(go(Travel::Newest), (Some(200), false), "it stays where it is");
        assert_eq!(go(Travel::Minutes(-1)), (Some(140), true));
        assert_eq!(go(Travel::Samples(-3)), (Some(137), true));
        assert_eq!(go(Travel::Minutes(-9)), (Some(1), true));
        assert_eq!(go(Travel::Samples(-1)), (Some(1), false));
        assert_eq!(go(Travel::Minutes(1)), (Some(61), true));
        assert_eq!(go(Travel::To(Duration::from_millis(77_700))), (Some(78), true));
        assert_eq!(go(Travel::Minutes(9)), (Some(200), true));
    }

    #[test]
    fn a_moment_that_is_forgotten_gives_way_to_the_oldest() {
        let (mut watch, mut maker) = (Instance::new(60_000), SampleMaker::default());
        let mut slid = 0;
        for step in 0..2000_u64 {
            let stat = site().replace("9000,5000,8000", &format!("9000,{},8000", step * step * 7919));
            watch.take(maker.at_millis(step * 1000, &stat), 0);
            if step == 100 {
                watch.travel(Travel::Newest);
            }
            watch.keep();
            let oldest = watch.history().marks().next().unwrap().seq;
            if watch.keep_up() {
                slid += 1;
                assert_eq!(watch.newest().unwrap().seq, oldest);
            }
            assert!(step < 100 || watch.newest().unwrap().seq >= oldest);
        }
        assert!(slid > 1, "{slid}");
        assert_eq!(watch.live().unwrap().seq, 2000);
    }
}
