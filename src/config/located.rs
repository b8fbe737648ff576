//! Named values with their position in a file. The names are those of rules, roles, views and actions, which only other
//! modules can check; the positions are for the error messages of these modules.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use crate::haproxy::safe_text::SafeText;

/// Changed thresholds of one rule.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct ThresholdOverride {
    /// Warning threshold; `None` if unchanged.
    pub(crate) warn: Option<f64>,
    /// Critical threshold; `None` if unchanged.
    pub(crate) crit: Option<f64>,
    /// Hold time: how long the rule's condition must be met; `None` if unchanged.
    pub(crate) hold_time: Option<Duration>,
    /// The rule is turned off.
    pub(crate) is_off: bool,
}

/// Columns and sort order of one view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a view, such as { sort = \"-scur\", flat = true }")]
pub(crate) struct ViewSettings {
    /// Arguments of `:cols`: columns to show, or to add (`+`) and remove (`-`).
    pub(crate) columns: Vec<String>,
    /// Column to sort by; with a leading `-`, largest first.
    pub(crate) sort: Option<String>,
    /// True for a flat list of rows, false for a tree by proxy; `None` if unchanged.
    pub(crate) flat: Option<bool>,
}

/// A group of targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetGroup {
    /// Names of configured targets, and addresses, as they are written; at least one.
    pub(crate) members: Vec<String>,
}

/// A named value with its position in a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Located<T> {
    /// Name.
    pub(crate) name: String,
    /// Value.
    pub(crate) value: T,
    /// Byte offset in the file.
    pub(crate) offset: usize,
    /// Line and column; `None` until the whole file is parsed.
    pub(crate) position: Option<FilePosition>,
}

/// Position in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePosition {
    /// Path of the file.
    pub(crate) path: SafeText,
    /// Line, from 1.
    pub(crate) line: usize,
    /// Column in characters, from 1.
    pub(crate) column: usize,
}

impl fmt::Display for FilePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.line, self.column)
    }
}

/// The error for an unknown name or an invalid value in a file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{position}: {message}")]
pub struct UnknownName {
    position: FilePosition,
    message: String,
}

impl<T> Located<T> {
    /// Builds an error with this message and the position of this entry.
    pub(crate) fn error(&self, message: &impl fmt::Display) -> UnknownName {
        let message = SafeText::from(message.to_string().as_str()).as_str().to_owned();
        UnknownName { position: self.position(), message }
    }

    /// Returns the position of this entry, which is known once the whole file is parsed.
    pub(crate) fn position(&self) -> FilePosition {
        let unknown_position = || FilePosition { path: SafeText::default(), line: 0, column: 0 };
        self.position.clone().unwrap_or_else(unknown_position)
    }
}
