//! How bad a problem is.

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth a look.
    Warn,
    /// Somebody is, or soon will be, turned away.
    Crit,
}

impl Severity {
    /// `WARN` or `CRIT`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Warn => "WARN",
            Self::Crit => "CRIT",
        }
    }
}
