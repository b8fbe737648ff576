//! How a value stands in a configuration file, and what is said when it is another kind of thing.
//!
//! One function for each kind of value, for `#[serde(deserialize_with = "…")]` on an optional field.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserializer;
use serde::de::{Error, Visitor};

use crate::config::duration;

/// `true` or `false`.
///
/// # Errors
/// When it is anything else.
pub fn switch<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    from.deserialize_any(Switch).map(Some)
}

/// A path from the root: a file does not know where the program is started.
///
/// # Errors
/// When it is no text or does not begin with `/`.
pub fn absolute_path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    from.deserialize_any(AbsolutePath).map(Some)
}

/// A length of time: `"45s"`, `"5m"`, `"1h"`, or a number of seconds.
///
/// # Errors
/// When it is anything else.
pub fn length_of_time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    from.deserialize_any(LengthOfTime).map(Some)
}

struct Switch;

impl Visitor<'_> for Switch {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }
}

struct AbsolutePath;

impl Visitor<'_> for AbsolutePath {
    type Value = PathBuf;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path in quotes that begins with /")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<PathBuf, E> {
        let path = PathBuf::from(text);
        let is_possible = path.is_absolute() && !text.contains('\0');
        is_possible.then_some(path).ok_or_else(|| E::custom(format!("\"{text}\" is not a path that begins with /")))
    }
}

struct LengthOfTime;

impl Visitor<'_> for LengthOfTime {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a length of time in quotes, such as \"45s\", \"5m\" or \"1h\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        duration::parse(text).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Duration, E> {
        self.visit_str(&seconds.to_string())
    }
}
