//! Settings from one source: a file, an environment variable, or the flags.
//!
//! The serialized field names are the keys of the configuration file; a key that the source does not set is `None`.
//! Sections with free names (targets, groups, thresholds, silences, colors, views, keys) are lists. Other modules check these names,
//! so each entry contains its position for error messages.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::config::confirm_quit::ConfirmQuit;
use crate::config::former_names::FormerNameUse;
use crate::config::located::{FilePosition, Located, TargetGroup, ThresholdOverride, ViewSettings};
use crate::config::target::Target;
use crate::config::terminal_env::ColorTheme;
use crate::config::values::{absolute_path, boolean, choice, duration_text, interval, mebibytes};
use crate::config::values::{colors, groups, keys, setting_names, silences, targets, thresholds, views};

/// Settings from one source.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PartialSettings {
    /// `final`: names of settings that no other source may change. The names are checked later.
    #[serde(rename = "final", deserialize_with = "setting_names")]
    pub(crate) final_names: Vec<Located<()>>,
    /// Read-only mode: never change HAProxy.
    #[serde(deserialize_with = "boolean")]
    pub(crate) read_only: Option<bool>,
    /// Time between two polls.
    #[serde(deserialize_with = "interval")]
    pub(crate) interval: Option<Duration>,
    /// Color theme.
    #[serde(deserialize_with = "choice")]
    pub(crate) theme: Option<ColorTheme>,
    /// Draw with ASCII characters only.
    #[serde(deserialize_with = "boolean")]
    pub(crate) ascii: Option<bool>,
    /// Print lines instead of drawing a screen.
    #[serde(deserialize_with = "boolean")]
    pub(crate) plain: Option<bool>,
    /// Memory for the history of each instance, in MiB.
    #[serde(deserialize_with = "mebibytes")]
    pub(crate) history_memory: Option<u16>,
    /// File to which events are written as they happen.
    #[serde(deserialize_with = "absolute_path")]
    pub(crate) log_file: Option<PathBuf>,
    /// Use the mouse.
    #[serde(deserialize_with = "boolean")]
    pub(crate) mouse: Option<bool>,
    /// When `q` asks before it ends the dashboard.
    #[serde(deserialize_with = "choice")]
    pub(crate) confirm_quit: Option<ConfirmQuit>,
    /// `[audit]`.
    pub(crate) audit: PartialAuditSettings,
    /// `[drain]`.
    pub(crate) drain: PartialDrainSettings,
    /// `[targets]`: HAProxy instances by name.
    #[serde(deserialize_with = "targets")]
    pub(crate) targets: Vec<Located<Target>>,
    /// `[fleet]`: groups of targets by name.
    #[serde(rename = "fleet", deserialize_with = "groups")]
    pub(crate) groups: Vec<Located<TargetGroup>>,
    /// `[thresholds]`: changed thresholds by rule.
    #[serde(deserialize_with = "thresholds")]
    pub(crate) thresholds: Vec<Located<ThresholdOverride>>,
    /// `[silences]`: patterns for the names of rows by rule.
    #[serde(deserialize_with = "silences")]
    pub(crate) silences: Vec<Located<Vec<String>>>,
    /// `[colors]`: styles by role.
    #[serde(deserialize_with = "colors")]
    pub(crate) colors: Vec<Located<String>>,
    /// `[views]`: columns and sort order by view.
    #[serde(deserialize_with = "views")]
    pub(crate) views: Vec<Located<ViewSettings>>,
    /// `[keys]`: keys by UI command.
    #[serde(deserialize_with = "keys")]
    pub(crate) keys: Vec<Located<Vec<String>>>,
    /// Former names in the source, already replaced.
    #[serde(skip)]
    pub(crate) former_names: Vec<FormerNameUse>,
}

/// Audit settings from one source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section [audit]")]
pub(crate) struct PartialAuditSettings {
    /// Absolute path of the audit log.
    #[serde(deserialize_with = "absolute_path")]
    pub(crate) path: Option<PathBuf>,
    /// Refuse actions whose audit record cannot be written.
    #[serde(deserialize_with = "boolean")]
    pub(crate) required: Option<bool>,
    /// Ask for a reason before each action.
    #[serde(deserialize_with = "boolean")]
    pub(crate) ask_reason: Option<bool>,
}

/// Drain settings from one source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section [drain]")]
pub(crate) struct PartialDrainSettings {
    /// Time after which hapulse suggests ending the remaining sessions.
    #[serde(deserialize_with = "duration_text")]
    pub(crate) deadline: Option<Duration>,
}

impl PartialSettings {
    /// Stores the file position of every entry; `position` converts a byte offset to a position.
    #[must_use]
    pub(crate) fn with_positions(mut self, position: impl Fn(usize) -> FilePosition) -> Self {
        fn locate_all<T>(entries: &mut [Located<T>], position: &impl Fn(usize) -> FilePosition) {
            for entry in entries {
                entry.position = Some(position(entry.offset));
            }
        }
        locate_all(&mut self.final_names, &position);
        locate_all(&mut self.targets, &position);
        locate_all(&mut self.groups, &position);
        locate_all(&mut self.thresholds, &position);
        locate_all(&mut self.silences, &position);
        locate_all(&mut self.colors, &position);
        locate_all(&mut self.views, &position);
        locate_all(&mut self.keys, &position);
        self
    }
}
