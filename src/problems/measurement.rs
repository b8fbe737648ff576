//! The measured value of a rule, and the grade of this value after comparison with the thresholds.

use crate::observe::severity::Severity;

/// The measured value of a rule for a row, if there is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Measurement {
    /// The value to compare with the thresholds.
    Value(f64),
    /// The rule does not apply, for example because no limit is set or the server is in maintenance.
    Fine,
    /// The value is unknown: a rate without two samples, or an outdated average.
    Unknown,
    /// There were errors, but too few responses for a share.
    TooFew,
}

/// The result of comparing a measurement with the rule's thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grade {
    /// The measurement is unknown.
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
