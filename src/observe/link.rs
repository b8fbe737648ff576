//! State of the connection to one HAProxy instance.

use std::time::{Duration, SystemTime};

use crate::observe::timestamp::Timestamp;

/// Failure of a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollFailure {
    /// Cause of the failure, as shown to the operator.
    pub reason: String,
    /// Configuration line or other step that fixes the failure, if known.
    pub hint: Option<String>,
    /// True if access to the socket was denied, so that retrying does not help.
    pub is_denied: bool,
    /// Monotonic time of the next attempt.
    pub retry_at: Duration,
}

/// State of the link to an instance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Link {
    /// No poll has succeeded or failed yet.
    #[default]
    Connecting,
    /// The last poll succeeded.
    Up,
    /// Polls fail, and the data on the screen is out of date.
    Lost {
        /// Monotonic time of the last sample; zero, the start of the program, if every poll failed.
        since: Duration,
        /// Most recent failure.
        failure: PollFailure,
        /// Time of the most recent failure.
        failed_at: Timestamp,
    },
}

impl Link {
    /// Returns whether the last poll succeeded.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self, Self::Up)
    }

    /// Returns the wall clock time of the next attempt after a failure; `None` if it has begun, and while nothing failed.
    pub(crate) fn next_attempt(&self, now: Duration) -> Option<SystemTime> {
        match self {
            Self::Lost { failure, failed_at, .. } if failure.retry_at > now => {
                Some(failed_at.wall + failure.retry_at.saturating_sub(failed_at.monotonic))
            }
            _ => None,
        }
    }

    /// Returns the next time at which what is shown of a lost link changes: the age of the data, or that an attempt begins.
    pub(crate) fn next_change(&self, now: Duration) -> Option<Duration> {
        let Self::Lost { since, failure, .. } = self else { return None };
        let age = now.saturating_sub(*since);
        let next_age = *since + shown_age(age) + age_step(age);
        Some(if failure.retry_at > now { next_age.min(failure.retry_at) } else { next_age })
    }
}

/// Returns the age of lost data in the steps in which it is shown, because a screen without news writes little: whole
/// seconds up to ten, then five seconds, and minutes from the first one on.
pub(crate) fn shown_age(age: Duration) -> Duration {
    let seconds = age.as_secs();
    Duration::from_secs(seconds - seconds % age_step(age).as_secs())
}

/// Returns the length of the step that an age is in.
fn age_step(age: Duration) -> Duration {
    Duration::from_secs(match age.as_secs() {
        0..10 => 1,
        10..60 => 5,
        _ => 60,
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn lost(since: Duration, retry_at: Duration) -> Link {
        let failure = PollFailure { reason: "no reply".into(), hint: None, is_denied: false, retry_at };
        let failed_at = Timestamp { monotonic: since, wall: UNIX_EPOCH };
        Link::Lost { since, failure, failed_at }
    }

    #[test]
    fn next_change_follows_the_shown_age() {
        let since = Duration::from_millis(2300);
        let link = lost(since, since);
        let mut ages = Vec::new();
        let mut now = since;
        while ages.len() < 23 {
            now = link.next_change(now).unwrap();
            ages.push(shown_age(now.saturating_sub(since)).as_secs());
        }
        let seconds = (1..=10).chain((15..=60).step_by(5)).chain([120, 180, 240]);
        assert_eq!(ages, seconds.collect::<Vec<u64>>());
        assert_eq!(Link::Up.next_change(now), None);
    }

    #[test]
    fn next_attempt_has_a_clock_time_until_it_begins() {
        let (since, retry_at) = (Duration::from_secs(2), Duration::from_millis(32_500));
        let link = lost(since, retry_at);
        assert_eq!(link.next_attempt(since), Some(UNIX_EPOCH + Duration::from_millis(30_500)));
        assert_eq!(link.next_change(Duration::from_secs(32)), Some(retry_at));
        assert_eq!(link.next_attempt(retry_at), None);
        assert_eq!(Link::Connecting.next_attempt(since), None);
    }
}
