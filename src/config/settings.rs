//! What may be set, what holds where nothing is said, and how one layer lies over another.
//!
//! A [`Layer`] is what one place says: a file, the environment or the flags; what it does not mention is
//! absent. [`Settings`] is what holds in the end. The layers are laid over the defaults from the least to the
//! most particular, and the last word counts, but for `read_only`: whoever says it anywhere has said it.
//!
//! A new key is a field of a layer, a field of the settings with its default, and the line of `lay` that the
//! compiler then asks for; the documentation is `docs/configuration.md`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use crate::config::state;
use crate::config::values::{absolute_path, length_of_time, switch};
use crate::haproxy::text::SafeText;

/// Gives a variable of the environment by its name.
pub type Variable<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// What one place says; the names of the fields are the keys of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Layer {
    /// Whether HAProxy is never changed.
    #[serde(deserialize_with = "switch")]
    pub read_only: Option<bool>,
    /// `[audit]`.
    pub audit: AuditLayer,
    /// `[drain]`.
    pub drain: DrainLayer,
}

/// What one place says of the audit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section: [audit]")]
pub struct AuditLayer {
    /// The file, from the root.
    #[serde(deserialize_with = "absolute_path")]
    pub path: Option<PathBuf>,
    /// Whether an act that cannot be written there is refused.
    #[serde(deserialize_with = "switch")]
    pub required: Option<bool>,
    /// Whether a reason is asked for before each act.
    #[serde(deserialize_with = "switch")]
    pub ask_reason: Option<bool>,
}

/// What one place says of draining.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section: [drain]")]
pub struct DrainLayer {
    /// When to offer to end the sessions that stay.
    #[serde(deserialize_with = "length_of_time")]
    pub deadline: Option<Duration>,
}

/// What holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whether HAProxy is never changed.
    pub read_only: bool,
    /// Of the audit.
    pub audit: AuditSettings,
    /// Of draining.
    pub drain: DrainSettings,
}

/// What holds for the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSettings {
    /// The file; nothing when none is set and there is no home to keep one in.
    pub path: Option<PathBuf>,
    /// Whether an act that cannot be written there is refused.
    pub required: bool,
    /// Whether a reason is asked for before each act.
    pub ask_reason: bool,
}

/// What holds for draining.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainSettings {
    /// When to offer to end the sessions that stay.
    pub deadline: Duration,
}

impl Settings {
    /// What holds where nothing is said. The audit's place is in the state folder.
    pub fn defaults(variable: Variable<'_>) -> Self {
        let path = |name: &str| variable(name).map(PathBuf::from);
        let folder = state::folder(path("XDG_STATE_HOME"), path("HOME"));
        Self {
            read_only: false,
            audit: AuditSettings {
                path: folder.map(|folder| folder.join("audit.jsonl")),
                required: true,
                ask_reason: false,
            },
            drain: DrainSettings { deadline: Duration::from_mins(5) },
        }
    }

    /// Lays a more particular layer over what holds so far.
    #[must_use]
    pub fn lay(self, layer: Layer) -> Self {
        // Taken apart by name, so that no key is forgotten.
        let Layer { read_only, audit, drain } = layer;
        let AuditLayer { path, required, ask_reason } = audit;
        let DrainLayer { deadline } = drain;
        Self {
            read_only: self.read_only || read_only.unwrap_or(false),
            audit: AuditSettings {
                path: path.or(self.audit.path),
                required: required.unwrap_or(self.audit.required),
                ask_reason: ask_reason.unwrap_or(self.audit.ask_reason),
            },
            drain: DrainSettings { deadline: deadline.unwrap_or(self.drain.deadline) },
        }
    }
}

/// A variable of the environment with a value that it cannot have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the environment has {name}=\"{value}\"; allowed are {allowed}")]
pub struct BadVariable {
    name: &'static str,
    value: SafeText,
    allowed: &'static str,
}

impl Layer {
    /// What the environment says. An empty variable says nothing.
    ///
    /// # Errors
    /// When a variable has a value that it cannot have.
    pub fn of_environment(variable: Variable<'_>) -> Result<Self, BadVariable> {
        Ok(Self { read_only: switch_variable("HAPULSE_READ_ONLY", variable)?, ..Self::default() })
    }
}

fn switch_variable(name: &'static str, variable: Variable<'_>) -> Result<Option<bool>, BadVariable> {
    let Some(value) = variable(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    match value.to_string_lossy().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => Ok(Some(true)),
        "0" | "false" | "no" => Ok(Some(false)),
        _ => Err(BadVariable {
            name,
            value: SafeText::new(value.as_encoded_bytes()),
            allowed: "1, true and yes, 0, false and no",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<OsString> {
        None
    }

    fn read_only(value: Option<bool>) -> Layer {
        Layer { read_only: value, ..Layer::default() }
    }

    #[test]
    fn where_nothing_is_said_the_defaults_hold() {
        let home = |name: &str| (name == "HOME").then(|| "/home/ann".into());
        let settings = Settings::defaults(&home).lay(Layer::default());
        assert_eq!(settings.audit.path, Some("/home/ann/.local/state/hapulse/audit.jsonl".into()));
        assert_eq!((settings.audit.required, settings.audit.ask_reason), (true, false));
        assert_eq!((settings.read_only, settings.drain.deadline), (false, Duration::from_mins(5)));
        assert_eq!(Settings::defaults(&nothing).audit.path, None);
    }

    #[test]
    fn the_last_word_counts() {
        let audit =
            |path: Option<&str>, required| AuditLayer { path: path.map(PathBuf::from), required, ask_reason: None };
        let with = |audit| Layer { audit, ..Layer::default() };
        let settings = Settings::defaults(&nothing)
            .lay(with(audit(Some("/var/log/a"), Some(false))))
            .lay(with(audit(None, Some(true))))
            .lay(with(audit(Some("/var/log/b"), None)));
        assert_eq!((settings.audit.path, settings.audit.required), (Some("/var/log/b".into()), true));
    }

    #[test]
    fn read_only_cannot_be_taken_back() {
        for (layers, holds) in [
            ([Some(true), Some(false), None], true),
            ([None, Some(true), Some(false)], true),
            ([Some(false), None, Some(true)], true),
            ([Some(false), None, Some(false)], false),
            ([None, None, None], false),
        ] {
            let settings = layers.into_iter().map(read_only).fold(Settings::defaults(&nothing), Settings::lay);
            assert_eq!(settings.read_only, holds, "{layers:?}");
        }
    }

    #[test]
    fn a_variable_is_a_switch_or_an_error_that_names_it() {
        let with = |value: &'static str| {
            Layer::of_environment(&move |name| (name == "HAPULSE_READ_ONLY").then(|| value.into()))
        };
        for (value, says) in [("1", true), ("true", true), ("YES", true), ("0", false), ("false", false), ("no", false)]
        {
            assert_eq!(with(value), Ok(read_only(Some(says))), "{value}");
        }
        assert_eq!(with(""), Ok(Layer::default()));
        assert_eq!(
            with("may\u{1b}be").unwrap_err().to_string(),
            r#"the environment has HAPULSE_READ_ONLY="may\x1bbe"; allowed are 1, true and yes, 0, false and no"#
        );
    }
}
