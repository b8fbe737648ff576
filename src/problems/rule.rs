//! The parts of a rule. The rules themselves are in [`crate::problems::rule_table`].

use std::time::Duration;

/// The kind of rows that a rule applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scope {
    /// The HAProxy process, as reported by `show info`.
    Process,
    /// Each frontend.
    Frontend,
    /// Each backend, with totals over its servers.
    Backend,
    /// Each server of a backend.
    Server,
    /// Each listener; HAProxy reports them only with `option socket-stats`.
    Listener,
}

/// The side of the threshold on which values are a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Values at or above the threshold.
    AtLeast,
    /// Values below the threshold.
    Below,
}

/// The unit of a rule's values and thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleUnit {
    /// A share from 0 to 1.
    Share,
    /// Milliseconds.
    Millis,
    /// A number of sessions, errors, servers and so on.
    Count,
    /// The number of something in a state that HAProxy reports, such as usable servers.
    State,
    /// A share, from 0 to 1, of what is in a state that HAProxy reports, such as the weight of usable servers.
    StateShare,
    /// Events per second.
    PerSecond,
    /// A multiple of a reference value.
    Multiple,
    /// Days.
    Days,
}

impl RuleUnit {
    /// Returns whether HAProxy reports the value as a state, instead of counting events or computing means.
    pub(crate) fn is_state(self) -> bool {
        matches!(self, Self::State | Self::StateShare)
    }

    /// Returns the time for which a rule must be fine before its problem closes, or not critical before a critical problem
    /// becomes a warning. It is shorter for times, which are means over several seconds and therefore vary little. A state
    /// is over as soon as HAProxy reports another one.
    pub(crate) fn recovery_time(self) -> Duration {
        match self {
            _ if self.is_state() => Duration::ZERO,
            Self::Millis | Self::Multiple => Duration::from_secs(6),
            _ => Duration::from_secs(10),
        }
    }
}

/// The time and the number of samples for which a rule must be past its threshold without interruption before its
/// problem opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HoldTime {
    /// Minimum time from the first sample past the threshold to the one that opens the problem.
    pub(crate) duration: Duration,
    /// Minimum number of consecutive samples past the threshold.
    pub(crate) samples: u32,
}
