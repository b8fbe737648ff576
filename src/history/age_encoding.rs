//! Ages as the history keeps them.
//!
//! An age grows by a second every second and so would cost something in every sample. What is kept is the second it
//! counts from, which stays while nothing happens. Two whole numbers of seconds may meet differently in each sample:
//! a start that moved by one second is the one before still. An age of one second or less is kept as such, or a busy
//! server would begin anew in every sample. So an age comes back to within a second, and one that HAProxy did not
//! tell stays unknown.

use std::time::Duration;

use crate::haproxy::fields::{Field, Kind};
use crate::haproxy::stat_header::Schema;
use crate::history::row_log::{ABSENT, unzigzag, zigzag};

/// How many columns of `show stat` are ages.
pub const COUNT: usize = {
    let (mut count, mut at) = (0, 0);
    while at < Field::COUNT {
        if matches!(Field::ALL[at].info().kind, Kind::Age) {
            count += 1;
        }
        at += 1;
    }
    count
};

/// Stands for an age of a second or less.
const JUST_NOW: i64 = 0;

/// Nothing that is older was told by a clock.
const EARLIEST: i64 = -1 << 60;

/// What is kept for an age seen at `at`, when `before` was kept in the sample before.
pub fn kept(age: Option<i64>, at: Duration, before: Option<i64>) -> Option<i64> {
    match age? {
        ..=1 => Some(JUST_NOW),
        age => {
            let start = (at.as_secs() as i64).saturating_sub(age).max(EARLIEST);
            let is_same = |before: &i64| *before != JUST_NOW && start_of(*before).abs_diff(start) <= 1;
            Some(before.filter(is_same).unwrap_or_else(|| zigzag(start) as i64 + 1))
        }
    }
}

/// The age at `at`, from what was kept.
pub fn age(kept: i64, at: Duration) -> Option<i64> {
    match kept {
        ABSENT => None,
        JUST_NOW => Some(0),
        kept => Some((at.as_secs() as i64).saturating_sub(start_of(kept)).max(0)),
    }
}

/// The second that an age counts from, since the start of the program. It is kept as a small number above zero, also
/// where it is long before that start.
fn start_of(kept: i64) -> i64 {
    unzigzag(kept.saturating_sub(1) as u64)
}

/// The slots of the columns that are ages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots([Option<usize>; COUNT]);

impl Slots {
    /// Of a header line.
    pub fn of(schema: &Schema) -> Self {
        let mut slots = [None; COUNT];
        let ages = Field::ALL.iter().filter(|field| field.info().kind == Kind::Age);
        for (slot, field) in slots.iter_mut().zip(ages) {
            *slot = schema.slot(*field);
        }
        Self(slots)
    }

    /// The slots, as far as this version has the columns.
    pub fn each(&self) -> impl Iterator<Item = usize> {
        self.0.into_iter().flatten()
    }

    /// Whether an age stands in a slot.
    pub fn has(&self, slot: usize) -> bool {
        self.0.contains(&Some(slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_age_that_only_grows_is_kept_once() {
        let mut before = None;
        let mut all = Vec::new();
        for half_second in 20..80_u64 {
            let at = Duration::from_millis(half_second * 500 + 40);
            // HAProxy's seconds begin at another moment than ours.
            let told = (at + Duration::from_millis(700)).as_secs() as i64 + 3;
            let now = kept(Some(told), at, before);
            assert!(age(now.unwrap(), at).unwrap().abs_diff(told) <= 1);
            before = now;
            all.push(now);
        }
        all.dedup();
        assert_eq!(all.len(), 1);
    }

    #[test]
    fn a_busy_row_is_always_young() {
        let at = Duration::from_secs;
        assert_eq!(kept(Some(0), at(9), None), kept(Some(1), at(90), Some(JUST_NOW)));
        assert_eq!((age(JUST_NOW, at(90)), age(ABSENT, at(90)), kept(None, at(9), Some(4))), (Some(0), None, None));
    }

    proptest! {
        #[test]
        fn ages_come_back_to_within_a_second(ages in proptest::collection::vec(proptest::option::of(prop_oneof![0..4_i64, 0..100_000_i64, 0..i64::from(u32::MAX)]), 1..60)) {
            let mut before = None;
            for (step, told) in ages.into_iter().enumerate() {
                let at = Duration::from_millis(step as u64 * 730);
                let now = kept(told, at, before);
                let back = age(now.unwrap_or(ABSENT), at);
                prop_assert_eq!(back.is_some(), told.is_some());
                prop_assert!(back.zip(told).is_none_or(|(back, told)| back.abs_diff(told) <= 1), "{back:?} {told:?}");
                before = now;
            }
        }
    }
}
