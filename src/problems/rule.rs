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
    /// Events per second.
    PerSecond,
    /// A multiple of a reference value.
    Multiple,
    /// Days.
    Days,
}

/// The samples that a rule's values are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Basis {
    /// The newest sample, in which HAProxy reports a state. The problem is over as soon as HAProxy reports another one.
    State,
    /// The newest sample, or what was counted since the row has its present state.
    Present,
    /// The last seconds, in which events were counted or times measured: what caused them may be over.
    Recent,
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
