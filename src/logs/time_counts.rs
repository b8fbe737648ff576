//! Numbers of requests by their time in whole milliseconds, which make exact percentiles.

use std::collections::BTreeMap;

/// Times below this one are counted in a list, and longer ones in a map.
const MAX_LISTED: u32 = 2048;
/// Number of different times from which the list is used.
const MIN_LISTED: usize = 64;

/// Counts of times. Sums of counts are exact, so that those of several files or minutes can be added.
#[derive(Debug, Clone, Default)]
pub(crate) struct TimeCounts {
    /// Counts by milliseconds; empty while there are few different times.
    listed: Vec<u32>,
    others: BTreeMap<u32, u32>,
    count: u64,
}

impl TimeCounts {
    /// Counts a time.
    pub(crate) fn add(&mut self, millis: u32) {
        self.add_several(millis, 1);
    }

    fn add_several(&mut self, millis: u32, times: u32) {
        self.count += u64::from(times);
        let place = match self.listed.get_mut(millis as usize) {
            Some(place) => place,
            None => self.others.entry(millis).or_default(),
        };
        *place = place.saturating_add(times);
        if self.listed.is_empty() && self.others.len() > MIN_LISTED {
            let longer = self.others.split_off(&MAX_LISTED);
            self.listed = vec![0; MAX_LISTED as usize];
            for (millis, times) in std::mem::replace(&mut self.others, longer) {
                self.listed[millis as usize] = times;
            }
        }
    }

    /// Adds all counts of another one.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (millis, times) in other.iter() {
            self.add_several(millis, times);
        }
    }

    /// Returns the counts by time, ascending.
    fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        let listed = self.listed.iter().enumerate().map(|(millis, times)| (millis as u32, *times));
        listed.filter(|(_, times)| *times > 0).chain(self.others.iter().map(|(millis, times)| (*millis, *times)))
    }

    /// Returns the number of times.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Returns the shortest time that at least this many of 1,000 requests do not exceed; `None` without times.
    pub(crate) fn percentile(&self, per_mille: u64) -> Option<u32> {
        self.ranked((self.count * per_mille).div_ceil(1000))
    }

    /// Returns the same as HAProxy's `halog`, which rounds the number of requests down.
    pub(crate) fn percentile_of_halog(&self, per_mille: u64) -> Option<u32> {
        self.ranked(self.count * per_mille / 1000)
    }

    fn ranked(&self, rank: u64) -> Option<u32> {
        let rank = rank.clamp(1, self.count.max(1));
        let mut seen = 0;
        self.iter().find_map(|(millis, times)| {
            seen += u64::from(times);
            (seen >= rank).then_some(millis)
        })
    }

    /// Returns the longest time; `None` without times.
    pub(crate) fn max(&self) -> Option<u32> {
        let listed = self.listed.iter().rposition(|times| *times > 0).map(|millis| millis as u32);
        self.others.keys().next_back().copied().or(listed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn percentiles_are_those_of_the_sorted_times(
            times in proptest::collection::vec(prop_oneof![0_u32..50, 0_u32..5000, any::<u32>()], 1..400),
            per_mille in 0_usize..=1000,
            split in any::<prop::sample::Index>(),
        ) {
            let mut sorted = times.clone();
            sorted.sort_unstable();
            let (mut counts, mut later) = (TimeCounts::default(), TimeCounts::default());
            let split = split.index(times.len());
            times[..split].iter().for_each(|time| counts.add(*time));
            times[split..].iter().for_each(|time| later.add(*time));
            counts.merge(&later);
            let [down, up] = [times.len() * per_mille / 1000, (times.len() * per_mille).div_ceil(1000)];
            prop_assert_eq!(counts.percentile(per_mille as u64), Some(sorted[up.max(1) - 1]));
            prop_assert_eq!(counts.percentile_of_halog(per_mille as u64), Some(sorted[down.max(1) - 1]));
            prop_assert_eq!((counts.count(), counts.max()), (times.len() as u64, sorted.last().copied()));
        }
    }

    #[test]
    fn nothing_has_no_percentile() {
        let counts = TimeCounts::default();
        assert_eq!((counts.percentile(500), counts.max()), (None, None));
    }
}
