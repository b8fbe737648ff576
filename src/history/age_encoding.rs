//! Encoding of age columns, such as the seconds since the last status change.
//!
//! An age grows by one every second and would change in every sample. The history therefore stores the second at which
//! the age was 0, which stays constant. HAProxy and hapulse count seconds from different instants, so the computed
//! start may vary by one second; a start that differs by one second from the previous one counts as unchanged. Ages of
//! 0 and 1 second share one encoded value; otherwise the start would change in every sample of a busy server. Decoded
//! ages are therefore accurate to one second. An age that HAProxy did not report stays absent.

use std::time::Duration;

use crate::haproxy::fields::{Field, FieldKind};
use crate::haproxy::stat_header::StatSchema;
use crate::history::row_log::{ABSENT, unzigzag, zigzag};

/// Number of age columns in `show stat`.
pub(crate) const AGE_COLUMN_COUNT: usize = {
    let (mut count, mut at) = (0, 0);
    while at < Field::COUNT {
        if matches!(Field::ALL[at].info().kind, FieldKind::Age) {
            count += 1;
        }
        at += 1;
    }
    count
};

/// Encoded value of an age of one second or less.
const JUST_NOW: i64 = 0;

/// Earliest start that can be encoded. The start of an absurdly large age is moved to this second.
const EARLIEST_START: i64 = -1 << 60;

/// Encodes an age reported at the monotonic time `at`. `before` is the encoded value of the previous sample. Returns
/// `None` if there is no age.
pub(crate) fn encode(age: Option<i64>, at: Duration, before: Option<i64>) -> Option<i64> {
    match age? {
        ..=1 => Some(JUST_NOW),
        age => {
            let start = (at.as_secs() as i64).saturating_sub(age).max(EARLIEST_START);
            let is_same = |before: &i64| *before != JUST_NOW && start_second(*before).abs_diff(start) <= 1;
            Some(before.filter(is_same).unwrap_or_else(|| zigzag(start) as i64 + 1))
        }
    }
}

/// Decodes an age for a sample taken at the monotonic time `at`, or returns `None` if `stored` is [`ABSENT`].
pub(crate) fn decode(stored: i64, at: Duration) -> Option<i64> {
    match stored {
        ABSENT => None,
        JUST_NOW => Some(0),
        stored => Some((at.as_secs() as i64).saturating_sub(start_second(stored)).max(0)),
    }
}

/// Returns the second at which an age was 0, counted from the start of the program. Zigzag encoding keeps the stored
/// number positive and small, even for a second long before the start of the program.
fn start_second(stored: i64) -> i64 {
    unzigzag(stored.saturating_sub(1) as u64)
}

/// Slots of the age columns: columns such as `lastchg` that count the seconds since an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AgeColumns([Option<usize>; AGE_COLUMN_COUNT]);

impl AgeColumns {
    /// Finds the age columns of a schema.
    pub(crate) fn from_schema(schema: &StatSchema) -> Self {
        let mut slots = [None; AGE_COLUMN_COUNT];
        let ages = Field::ALL.iter().filter(|field| field.info().kind == FieldKind::Age);
        for (slot, field) in slots.iter_mut().zip(ages) {
            *slot = schema.slot(*field);
        }
        Self(slots)
    }

    /// Restores the age columns of a file, whose ages may be other columns than those of this version of hapulse. Returns
    /// `None` if they are too many.
    pub(crate) fn from_slots(stored: impl Iterator<Item = usize>) -> Option<Self> {
        let mut slots = [None; AGE_COLUMN_COUNT];
        for (index, slot) in stored.enumerate() {
            *slots.get_mut(index)? = Some(slot);
        }
        Some(Self(slots))
    }

    /// Returns the slots of the age columns that this HAProxy version has.
    pub(crate) fn slots(&self) -> impl Iterator<Item = usize> {
        self.0.into_iter().flatten()
    }

    /// Returns whether a slot contains an age.
    pub(crate) fn contains(&self, slot: usize) -> bool {
        self.0.contains(&Some(slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn encode_stores_growing_age_once() {
        let mut before = None;
        let mut all = Vec::new();
        for half_second in 20..80_u64 {
            let at = Duration::from_millis(half_second * 500 + 40);
            // HAProxy and hapulse count seconds from different instants.
            let reported = (at + Duration::from_millis(700)).as_secs() as i64 + 3;
            let now = encode(Some(reported), at, before);
            assert!(decode(now.unwrap(), at).unwrap().abs_diff(reported) <= 1);
            before = now;
            all.push(now);
        }
        all.dedup();
        assert_eq!(all.len(), 1);
    }

    #[test]
    fn encode_stores_young_age_as_just_now() {
        let at = Duration::from_secs;
        assert_eq!(encode(Some(0), at(9), None), encode(Some(1), at(90), Some(JUST_NOW)));
        assert_eq!(
            (decode(JUST_NOW, at(90)), decode(ABSENT, at(90)), encode(None, at(9), Some(4))),
            (Some(0), None, None)
        );
    }

    proptest! {
        #[test]
        fn decode_restores_age_within_one_second(ages in proptest::collection::vec(proptest::option::of(prop_oneof![0..4_i64, 0..100_000_i64, 0..i64::from(u32::MAX)]), 1..60)) {
            let mut before = None;
            for (step, reported) in ages.into_iter().enumerate() {
                let at = Duration::from_millis(step as u64 * 730);
                let now = encode(reported, at, before);
                let back = decode(now.unwrap_or(ABSENT), at);
                prop_assert_eq!(back.is_some(), reported.is_some());
                prop_assert!(back.zip(reported).is_none_or(|(back, reported)| back.abs_diff(reported) <= 1), "{back:?} {reported:?}");
                before = now;
            }
        }
    }
}
