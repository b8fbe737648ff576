//! What holds where nothing is said, and how one layer lies over another.
//!
//! The layers are laid over the defaults from the least to the most particular, and the last word counts, but for
//! `read_only`: whoever says it anywhere has said it. Targets, thresholds, colours, views and keys add up, name by name.
//!
//! A new key is a field of a layer, a field of the settings with its default, the line of `lay` that the compiler then
//! asks for, and a row of [`crate::config::setting_table::KEYS`], from which `hapulse config` and the documentation are checked.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::located::{Arranged, Said, Threshold};
use crate::config::partial_settings::{AuditLayer, DrainLayer, Layer};
use crate::config::state_dir;
use crate::config::target::Target;
use crate::config::terminal_env::Colours;

/// Gives a variable of the environment by its name.
pub type Variable<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// What holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Whether HAProxy is never changed.
    pub read_only: bool,
    /// Time between two samples.
    pub interval: Duration,
    /// Colours.
    pub theme: Colours,
    /// Only ASCII characters, whatever the locale.
    pub ascii: bool,
    /// Memory for the history of each HAProxy, in MiB.
    pub history_memory: u16,
    /// Where events are written as they happen.
    pub log_file: Option<PathBuf>,
    /// Of the audit.
    pub audit: AuditSettings,
    /// Of draining.
    pub drain: DrainSettings,
    /// Each `HAProxy` by its name.
    pub targets: Vec<Said<Target>>,
    /// Other limits for problems, by rule.
    pub thresholds: Vec<Said<Threshold>>,
    /// Styles, by role.
    pub colours: Vec<Said<String>>,
    /// Columns and order, by view.
    pub views: Vec<Said<Arranged>>,
    /// Other keys for actions, by the action's name.
    pub keys: Vec<Said<Vec<String>>>,
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
        let folder = state_dir::folder(path("XDG_STATE_HOME"), path("HOME"));
        Self {
            read_only: false,
            interval: Duration::from_secs(2),
            theme: Colours::Auto,
            ascii: false,
            history_memory: 64,
            log_file: None,
            audit: AuditSettings {
                path: folder.map(|folder| folder.join("audit.jsonl")),
                required: true,
                ask_reason: false,
            },
            drain: DrainSettings { deadline: Duration::from_mins(5) },
            targets: Vec::new(),
            thresholds: Vec::new(),
            colours: Vec::new(),
            views: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// Lays a more particular layer over what holds so far.
    #[must_use]
    pub fn lay(self, layer: Layer) -> Self {
        // Taken apart by name, so that no key is forgotten.
        let Layer {
            read_only,
            interval,
            theme,
            ascii,
            history_memory,
            log_file,
            audit,
            drain,
            targets,
            thresholds,
            colours,
            views,
            keys,
        } = layer;
        let AuditLayer { path, required, ask_reason } = audit;
        let DrainLayer { deadline } = drain;
        Self {
            read_only: self.read_only || read_only.unwrap_or(false),
            interval: interval.unwrap_or(self.interval),
            theme: theme.unwrap_or(self.theme),
            ascii: ascii.unwrap_or(self.ascii),
            history_memory: history_memory.unwrap_or(self.history_memory),
            log_file: log_file.or(self.log_file),
            audit: AuditSettings {
                path: path.or(self.audit.path),
                required: required.unwrap_or(self.audit.required),
                ask_reason: ask_reason.unwrap_or(self.audit.ask_reason),
            },
            drain: DrainSettings { deadline: deadline.unwrap_or(self.drain.deadline) },
            targets: over(self.targets, targets),
            thresholds: over(self.thresholds, thresholds),
            colours: over(self.colours, colours),
            views: over(self.views, views),
            keys: over(self.keys, keys),
        }
    }
}

/// The entries of both; where both name the same thing, the more particular one.
fn over<T>(mut below: Vec<Said<T>>, above: Vec<Said<T>>) -> Vec<Said<T>> {
    below.retain(|said| above.iter().all(|other| other.name != said.name));
    below.extend(above);
    below
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
}
