//! What a rule measured, what that amounts to, and how bad a problem is.

/// What a rule measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// The value to compare with the thresholds.
    Value(f64),
    /// The rule does not apply here, which is fine: no limit is set, the server is in maintenance.
    Fine,
    /// Nothing can be said now: a rate without two samples, too few responses, a mean of long ago.
    Unknown,
}

/// What a reading amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Nothing can be said.
    Unknown,
    /// Not worth a word.
    Fine,
    /// Beyond the warning threshold.
    Warn,
    /// Beyond the critical one.
    Crit,
}
