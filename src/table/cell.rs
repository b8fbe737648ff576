//! What stands in one place of a table: a text, and what it means to the eye.

use crate::haproxy::status::State;
use crate::observe::severity::Severity;

/// The meaning of a text, from which a theme makes a style. A colour never says anything alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Role {
    /// Plain text.
    #[default]
    Normal,
    /// Less important than what is around it.
    Dim,
    /// A title or heading.
    Title,
    /// The frame of a pane.
    Frame,
    /// The frame and title of the pane that has the focus.
    Focus,
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Broken, or about to.
    Bad,
    /// Taken away on purpose: maintenance, drain.
    Away,
    /// A key in the footer or help.
    Key,
    /// A badge.
    Badge,
    /// What is shown is the past.
    Past,
    /// A sparkline or bar.
    Chart,
    /// The selected row.
    Selected,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    /// What is shown.
    pub text: String,
    /// What it means.
    pub role: Role,
}

impl Cell {
    /// Plain text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Role::Normal)
    }

    /// Text with a meaning.
    pub fn new(text: impl Into<String>, role: Role) -> Self {
        Self { text: text.into(), role }
    }

    /// A value that is not known.
    pub fn unknown() -> Self {
        Self::new(crate::table::number_format::UNKNOWN, Role::Dim)
    }

    /// A value that may be unknown.
    pub fn maybe<T>(value: Option<T>, show: impl FnOnce(T) -> Self) -> Self {
        value.map_or_else(Self::unknown, show)
    }
}

/// A share of a limit, and what it means: `warn` and `crit` as shares.
pub fn saturation(share: f64, warn: f64, crit: f64) -> Role {
    if share >= crit {
        Role::Bad
    } else if share >= warn {
        Role::Warn
    } else {
        Role::Normal
    }
}

/// What a state means.
pub fn state_role(state: State) -> Role {
    match state {
        State::Up | State::Open | State::NoCheck => Role::Good,
        State::GoingDown | State::ComingUp | State::Full | State::Unknown => Role::Warn,
        State::Down | State::Stopped => Role::Bad,
        State::NoLb | State::Drain | State::Maint | State::Paused => Role::Away,
    }
}

/// What a problem's severity means.
pub fn severity_role(severity: Severity) -> Role {
    match severity {
        Severity::Warn => Role::Warn,
        Severity::Crit => Role::Bad,
    }
}
