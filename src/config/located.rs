//! Values with their position in a file, for names that only other modules can check (rules, roles, views, actions).

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use crate::haproxy::safe_text::SafeText;

/// Changed thresholds of one rule.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ThresholdOverride {
    /// Value from which the rule is a warning.
    pub warn: Option<f64>,
    /// Value from which the rule is critical.
    pub crit: Option<f64>,
    /// Time for which the condition must hold.
    pub hold_time: Option<Duration>,
    /// Rule is turned off.
    pub is_off: bool,
}

/// Columns and order of one view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a view, such as { sort = \"-scur\", flat = true }")]
pub struct ViewSettings {
    /// Arguments of `:cols`: columns to show, or to add (`+`) and remove (`-`).
    pub columns: Vec<String>,
    /// Column to sort by; with a leading `-`, largest first.
    pub sort: Option<String>,
    /// Flat list of rows instead of a tree by proxy.
    pub flat: Option<bool>,
}

/// A named value with its position in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<T> {
    /// Name.
    pub name: String,
    /// Value.
    pub value: T,
    /// Byte offset in the file.
    pub offset: usize,
    /// Line and column; `None` until the whole file is parsed.
    pub position: Option<FilePosition>,
}

/// Position in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePosition {
    /// Path of the file.
    pub path: SafeText,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for FilePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.line, self.column)
    }
}

/// Unknown name or invalid value in a file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{position}: {message}")]
pub struct UnknownName {
    position: FilePosition,
    message: String,
}

impl<T> Located<T> {
    /// Builds an error for this entry with its position.
    pub fn error(&self, message: &impl fmt::Display) -> UnknownName {
        let unknown_position = || FilePosition { path: SafeText::default(), line: 0, column: 0 };
        let message = SafeText::from(message.to_string().as_str()).as_str().to_owned();
        UnknownName { position: self.position.clone().unwrap_or_else(unknown_position), message }
    }
}
