//! Severity of a problem.

/// Severity of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The problem needs attention.
    Warn,
    /// HAProxy rejects clients or will do so soon.
    Crit,
}

impl Severity {
    /// Returns `WARN` or `CRIT`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Warn => "WARN",
            Self::Crit => "CRIT",
        }
    }
}
