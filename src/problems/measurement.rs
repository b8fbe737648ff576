//! The result of measuring a rule, and its grade after comparison with the thresholds.

use crate::observe::severity::Severity;

/// The result of measuring a rule for a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measurement {
    /// The value to compare with the thresholds.
    Value(f64),
    /// The rule does not apply, for example because no limit is set or the server is in maintenance.
    Fine,
    /// The value is not known now: a rate without two samples, too few responses, or an outdated average.
    Unknown,
}

/// A measurement compared with the rule's thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
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
