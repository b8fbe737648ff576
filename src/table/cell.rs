//! A cell of a table: a text and its role, from which a theme makes a style.

use crate::haproxy::status::RowState;
use crate::observe::severity::Severity;
use crate::problems::measurement::Grade;

/// The meaning of a text. A theme maps it to a style; color is never the only sign of a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Role {
    /// Plain text.
    #[default]
    Normal,
    /// Text of less importance than the text around it.
    Dim,
    /// A title or heading.
    Title,
    /// The frame of a pane.
    Frame,
    /// The frame and title of the pane that has the focus.
    Focus,
    /// A normal, healthy state.
    Good,
    /// A state that needs attention.
    Warn,
    /// A failure, or a state close to it.
    Bad,
    /// Taken out of service on purpose: maintenance or drain.
    OutOfService,
    /// A key in the footer or help.
    Key,
    /// A badge.
    Badge,
    /// A sign that a past moment is shown.
    Past,
    /// A sparkline or bar.
    Chart,
    /// The selected row.
    Selected,
}

/// A text and its meaning.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    /// The text shown.
    pub text: String,
    /// The meaning of the text.
    pub role: Role,
}

impl Cell {
    /// Returns a cell of the role `Normal`.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Role::Normal)
    }

    /// Returns a cell with a text and a role.
    pub fn new(text: impl Into<String>, role: Role) -> Self {
        Self { text: text.into(), role }
    }

    /// Returns the cell of an unknown value.
    pub fn unknown() -> Self {
        Self::new(crate::units::UNKNOWN, Role::Dim)
    }

    /// Returns `show(value)`, or the cell of an unknown value if the value is absent.
    pub fn from_option<T>(value: Option<T>, show: impl FnOnce(T) -> Self) -> Self {
        value.map_or_else(Self::unknown, show)
    }
}

/// Returns the role of a server's or proxy's state.
pub fn state_role(state: RowState) -> Role {
    match state {
        RowState::Up | RowState::Open | RowState::NoCheck => Role::Good,
        RowState::GoingDown | RowState::ComingUp | RowState::Full | RowState::Unknown => Role::Warn,
        RowState::Down | RowState::Stopped => Role::Bad,
        RowState::NoLb | RowState::Drain | RowState::Maint | RowState::Paused => Role::OutOfService,
    }
}

/// Returns the role of a graded measurement.
pub(crate) fn grade_role(grade: Grade) -> Role {
    match grade {
        Grade::Unknown => Role::Dim,
        Grade::Fine => Role::Normal,
        Grade::Warn => Role::Warn,
        Grade::Crit => Role::Bad,
    }
}

/// Returns the role of a problem's severity.
pub fn severity_role(severity: Severity) -> Role {
    grade_role(severity.into())
}
