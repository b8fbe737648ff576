//! What one place says: a file, a variable of the environment, or the flags.
//!
//! The names of the fields are the keys of a file; what a place does not mention is absent. Sections of free names
//! (targets, thresholds, colours, views, keys) are lists: what they name is known further up, so each entry carries the place where it
//! stands, for whoever finds it wrong.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::config::located::{Arranged, Place, Said, Threshold};
use crate::config::target::Target;
use crate::config::terminal_env::Colours;
use crate::config::values::{absolute_path, choice, interval, length_of_time, mebibytes, switch};
use crate::config::values::{colours, keys, targets, thresholds, views};

/// What one place says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Layer {
    /// Whether HAProxy is never changed.
    #[serde(deserialize_with = "switch")]
    pub read_only: Option<bool>,
    /// Time between two samples.
    #[serde(deserialize_with = "interval")]
    pub interval: Option<Duration>,
    /// Colours.
    #[serde(deserialize_with = "choice")]
    pub theme: Option<Colours>,
    /// Only ASCII characters.
    #[serde(deserialize_with = "switch")]
    pub ascii: Option<bool>,
    /// Memory for the history of each HAProxy, in MiB.
    #[serde(deserialize_with = "mebibytes")]
    pub history_memory: Option<u16>,
    /// Where events are written as they happen.
    #[serde(deserialize_with = "absolute_path")]
    pub log_file: Option<PathBuf>,
    /// `[audit]`.
    pub audit: AuditLayer,
    /// `[drain]`.
    pub drain: DrainLayer,
    /// `[targets]`: each `HAProxy` by its name.
    #[serde(deserialize_with = "targets")]
    pub targets: Vec<Said<Target>>,
    /// `[thresholds]`: other limits for problems, by rule.
    #[serde(deserialize_with = "thresholds")]
    pub thresholds: Vec<Said<Threshold>>,
    /// `[colours]`: styles, by role.
    #[serde(deserialize_with = "colours")]
    pub colours: Vec<Said<String>>,
    /// `[views]`: columns and order, by view.
    #[serde(deserialize_with = "views")]
    pub views: Vec<Said<Arranged>>,
    /// `[keys]`: other keys for actions, by the action's name.
    #[serde(deserialize_with = "keys")]
    pub keys: Vec<Said<Vec<String>>>,
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

impl Layer {
    /// Tells every entry where it stands.
    #[must_use]
    pub fn located(mut self, place: impl Fn(usize) -> Place) -> Self {
        fn all<T>(said: &mut [Said<T>], place: &impl Fn(usize) -> Place) {
            for said in said {
                said.place = Some(place(said.at));
            }
        }
        all(&mut self.targets, &place);
        all(&mut self.thresholds, &place);
        all(&mut self.colours, &place);
        all(&mut self.views, &place);
        all(&mut self.keys, &place);
        self
    }
}
