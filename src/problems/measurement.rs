//! The measured value of a rule, and the grade of this value after comparison with the thresholds.

use std::fmt;

use crate::observe::severity::Severity;

/// The measured value of a rule for a row, if there is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Measurement {
    /// The value to compare with the thresholds.
    Value(f64),
    /// The rule does not apply, for example because no limit is set or the server is in maintenance.
    Fine,
    /// The value exists but cannot be judged yet. A rule without a result must not count as fine.
    NotEvaluated(NotEvaluatedReason),
    /// The value is unknown: a rate without two samples, an outdated average, or a field that HAProxy does not report.
    Unknown,
}

/// The reason why a rule has no result although HAProxy reports its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum NotEvaluatedReason {
    /// HAProxy was reloaded or restarted, so there is only one sample of the new process, or its numbers still show the
    /// start.
    Reload,
    /// There were too few requests, responses or connections for a share.
    TooFewRequests,
}

impl fmt::Display for NotEvaluatedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reload => "HAProxy was just reloaded",
            Self::TooFewRequests => "too few requests",
        })
    }
}

/// The result of comparing a measurement with the rule's thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grade {
    /// The measurement is unknown or cannot be judged yet.
    Unknown,
    /// Within the thresholds.
    Fine,
    /// Past the warning threshold.
    Warn,
    /// Past the critical threshold.
    Crit,
}

impl Grade {
    /// Returns whether the measurement is past a threshold.
    pub(crate) fn is_problem(self) -> bool {
        matches!(self, Self::Warn | Self::Crit)
    }
}

impl From<Severity> for Grade {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Warn => Self::Warn,
            Severity::Crit => Self::Crit,
        }
    }
}
