//! What a file says of a name that only floors further up know, and where it says so.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use crate::haproxy::safe_text::SafeText;

/// Other limits for one rule.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Threshold {
    /// From where it is worth a look.
    pub warn: Option<f64>,
    /// From where it is critical.
    pub crit: Option<f64>,
    /// How long it must hold.
    pub hold: Option<Duration>,
    /// Never say it.
    pub is_off: bool,
}

/// How one view is to look.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Arranged {
    /// The words of `:cols`: columns to show, or to add and remove.
    pub columns: Vec<String>,
    /// The column to sort by; with `-` before it, largest first.
    pub sort: Option<String>,
    /// Every row for itself, or below its proxy.
    pub flat: Option<bool>,
}

/// Something said of a name, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Said<T> {
    /// The name.
    pub name: String,
    /// What is said of it.
    pub value: T,
    /// Byte of the file at which it stands.
    pub at: usize,
    /// The same as people count; absent until the file is read.
    pub place: Option<Place>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: SafeText,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.line, self.column)
    }
}

/// Something that a file names and that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {what}")]
pub struct Misnamed {
    place: Place,
    what: String,
}

impl<T> Said<T> {
    /// What is wrong with it, and where it stands.
    pub fn wrong(&self, what: &impl fmt::Display) -> Misnamed {
        let nowhere = || Place { path: SafeText::default(), line: 0, column: 0 };
        let what = SafeText::from(what.to_string().as_str()).as_str().to_owned();
        Misnamed { place: self.place.clone().unwrap_or_else(nowhere), what }
    }
}
