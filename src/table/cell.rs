//! A table cell: a string and its role, which a theme maps to a style.

use crate::haproxy::status::RowState;
use crate::observe::severity::Severity;
use crate::problems::measurement::Grade;

/// The meaning of a piece of text, which a theme maps to a style. Color is never the only sign of a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Role {
    /// Plain text.
    #[default]
    Normal,
    /// Text that is less important than the text around it.
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
    /// A state set on purpose to take a row out of service, such as maintenance or drain.
    OutOfService,
    /// A key in the footer or help.
    Key,
    /// A badge, such as `ADMIN` in the header.
    Badge,
    /// The sign that an earlier sample is shown.
    Past,
    /// A sparkline or bar.
    Chart,
    /// The selected row.
    Selected,
    /// The cells of a row that is down.
    Down,
}

/// A string and its meaning.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    /// String to show.
    pub text: String,
    /// Meaning of the string.
    pub(crate) role: Role,
}

impl Cell {
    /// Returns a cell with the role `Normal`.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Role::Normal)
    }

    /// Returns a cell with this text and role.
    pub(crate) fn new(text: impl Into<String>, role: Role) -> Self {
        Self { text: text.into(), role }
    }

    /// Returns the cell for an unknown value.
    pub(crate) fn unknown() -> Self {
        Self::new(crate::units::UNKNOWN, Role::Dim)
    }

    /// Returns `show(value)`, or the cell for an unknown value if `value` is `None`.
    pub(crate) fn from_option<T>(value: Option<T>, show: impl FnOnce(T) -> Self) -> Self {
        value.map_or_else(Self::unknown, show)
    }
}

/// Returns the role for the state of a server or proxy.
pub(crate) fn state_role(state: RowState) -> Role {
    match state {
        RowState::Up | RowState::Open | RowState::NoCheck => Role::Good,
        RowState::GoingDown | RowState::ComingUp | RowState::Full | RowState::Unpublished | RowState::Unknown => {
            Role::Warn
        }
        RowState::Down | RowState::Stopped => Role::Bad,
        RowState::NoLb | RowState::Drain | RowState::Maint | RowState::Paused => Role::OutOfService,
    }
}

/// Returns the role of a whole row in this state: of a row that is down, or was taken out of service on purpose.
pub(crate) fn row_role(state: RowState) -> Option<Role> {
    match state_role(state) {
        Role::Bad => Some(Role::Down),
        Role::OutOfService => Some(Role::OutOfService),
        _ => None,
    }
}

/// Returns the role for the grade of a measurement.
pub(crate) fn grade_role(grade: Grade) -> Role {
    match grade {
        Grade::Unknown => Role::Dim,
        Grade::Fine => Role::Normal,
        Grade::Warn => Role::Warn,
        Grade::Crit => Role::Bad,
    }
}

/// Returns the role for the severity of a problem.
pub(crate) fn severity_role(severity: Severity) -> Role {
    grade_role(severity.into())
}
