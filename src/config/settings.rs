//! Effective settings: the defaults, and how settings from each source are applied.
//!
//! Sources are applied in order of precedence, and the last one wins, except for `read_only`: once set in any
//! source, it cannot be unset. Targets, groups, thresholds, colors, views and keys are merged by name.
//!
//! A new setting needs a field in [`PartialSettings`], a field with a default in [`Settings`], a line in
//! [`Settings::apply`], and a row in [`crate::config::setting_table::SETTINGS`].

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::confirm_quit::ConfirmQuit;
use crate::config::former_names::FormerNameUse;
use crate::config::located::{Located, TargetGroup, ThresholdOverride, ViewSettings};
use crate::config::partial_settings::{PartialAuditSettings, PartialDrainSettings, PartialSettings};
use crate::config::state_dir;
use crate::config::target::Target;
use crate::config::terminal_env::ColorTheme;

/// Function that returns an environment variable by name.
pub(crate) type VariableLookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Effective settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Names of settings that are final, with the positions that make them final.
    pub(crate) final_names: Vec<Located<()>>,
    /// Read-only mode: never change HAProxy.
    pub(crate) read_only: bool,
    /// Time between two polls.
    pub(crate) interval: Duration,
    /// Color theme.
    pub(crate) theme: ColorTheme,
    /// Draw with ASCII characters only, regardless of the locale.
    pub(crate) ascii: bool,
    /// Print lines instead of drawing a screen; `None` if the terminal decides.
    pub(crate) plain: Option<bool>,
    /// Memory for the history of each instance, in MiB.
    pub(crate) history_memory: u16,
    /// File to which events are written as they happen.
    pub(crate) log_file: Option<PathBuf>,
    /// Use the mouse.
    pub(crate) mouse: bool,
    /// When `q` asks before it ends the dashboard.
    pub(crate) confirm_quit: ConfirmQuit,
    /// Audit settings.
    pub(crate) audit: AuditSettings,
    /// Drain settings.
    pub(crate) drain: DrainSettings,
    /// HAProxy instances by name.
    pub(crate) targets: Vec<Located<Target>>,
    /// Groups of targets by name.
    pub(crate) groups: Vec<Located<TargetGroup>>,
    /// Changed thresholds by rule.
    pub(crate) thresholds: Vec<Located<ThresholdOverride>>,
    /// Patterns for the names of rows for which a rule does not alarm, by rule.
    pub(crate) silences: Vec<Located<Vec<String>>>,
    /// Styles by role.
    pub(crate) colors: Vec<Located<String>>,
    /// Columns and sort order by view.
    pub(crate) views: Vec<Located<ViewSettings>>,
    /// Keys by UI command.
    pub(crate) keys: Vec<Located<Vec<String>>>,
    /// Former names in the files, already replaced.
    pub(crate) former_names: Vec<FormerNameUse>,
}

/// Effective audit settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuditSettings {
    /// Path of the audit log; `None` if no path is set and the state directory is unknown.
    pub(crate) path: Option<PathBuf>,
    /// Refuse actions whose audit record cannot be written.
    pub(crate) required: bool,
    /// Ask for a reason before each action.
    pub(crate) ask_reason: bool,
}

/// Effective drain settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DrainSettings {
    /// Time after which hapulse suggests ending the remaining sessions.
    pub(crate) deadline: Duration,
}

impl Settings {
    /// Returns the defaults. The audit log is in the state directory, if that is known.
    pub fn defaults(variable: VariableLookup<'_>) -> Self {
        let path = |name: &str| variable(name).map(PathBuf::from);
        let directory = state_dir::state_directory(path("XDG_STATE_HOME"), state_dir::trusted_home(path("HOME")));
        Self {
            final_names: Vec::new(),
            read_only: false,
            interval: Duration::from_secs(2),
            theme: ColorTheme::Auto,
            ascii: false,
            plain: None,
            history_memory: 64,
            log_file: None,
            mouse: false,
            confirm_quit: ConfirmQuit::Auto,
            audit: AuditSettings {
                path: directory.map(|directory| directory.join("audit.jsonl")),
                required: true,
                ask_reason: false,
            },
            drain: DrainSettings { deadline: Duration::from_mins(5) },
            targets: Vec::new(),
            groups: Vec::new(),
            thresholds: Vec::new(),
            silences: Vec::new(),
            colors: Vec::new(),
            views: Vec::new(),
            keys: Vec::new(),
            former_names: Vec::new(),
        }
    }

    /// Returns the entry of a file that makes a setting final, given by name.
    pub(crate) fn final_entry(&self, name: &str) -> Option<&Located<()>> {
        self.final_names.iter().find(|entry| entry.name == name)
    }

    /// Applies settings from a source with higher precedence.
    #[must_use]
    pub fn apply(self, partial: PartialSettings) -> Self {
        // Destructured completely, so that the compiler reports a forgotten setting.
        let PartialSettings {
            final_names,
            read_only,
            interval,
            theme,
            ascii,
            plain,
            history_memory,
            log_file,
            mouse,
            confirm_quit,
            audit,
            drain,
            targets,
            groups,
            thresholds,
            silences,
            colors,
            views,
            keys,
            former_names,
        } = partial;
        let PartialAuditSettings { path, required, ask_reason } = audit;
        let PartialDrainSettings { deadline } = drain;
        Self {
            final_names: [self.final_names, final_names].concat(),
            read_only: self.read_only || read_only.unwrap_or(false),
            interval: interval.unwrap_or(self.interval),
            theme: theme.unwrap_or(self.theme),
            ascii: ascii.unwrap_or(self.ascii),
            plain: plain.or(self.plain),
            history_memory: history_memory.unwrap_or(self.history_memory),
            log_file: log_file.or(self.log_file),
            mouse: mouse.unwrap_or(self.mouse),
            confirm_quit: confirm_quit.unwrap_or(self.confirm_quit),
            audit: AuditSettings {
                path: path.or(self.audit.path),
                required: required.unwrap_or(self.audit.required),
                ask_reason: ask_reason.unwrap_or(self.audit.ask_reason),
            },
            drain: DrainSettings { deadline: deadline.unwrap_or(self.drain.deadline) },
            targets: merge_by_name(self.targets, targets),
            groups: merge_by_name(self.groups, groups),
            thresholds: merge_by_name(self.thresholds, thresholds),
            silences: merge_by_name(self.silences, silences),
            colors: merge_by_name(self.colors, colors),
            views: merge_by_name(self.views, views),
            keys: merge_by_name(self.keys, keys),
            former_names: [self.former_names, former_names].concat(),
        }
    }
}

/// Merges two lists of entries. If both contain the same name, the entry from `above` wins.
fn merge_by_name<T>(mut below: Vec<Located<T>>, above: Vec<Located<T>>) -> Vec<Located<T>> {
    below.retain(|entry| above.iter().all(|other| other.name != entry.name));
    below.extend(above);
    below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<OsString> {
        None
    }

    fn read_only(value: Option<bool>) -> PartialSettings {
        PartialSettings { read_only: value, ..PartialSettings::default() }
    }

    #[test]
    fn defaults_apply_without_any_source() {
        let home = |name: &str| (name == "HOME").then(|| "/home/ann".into());
        let settings = Settings::defaults(&home).apply(PartialSettings::default());
        assert_eq!(settings.audit.path, Some("/home/ann/.local/state/hapulse/audit.jsonl".into()));
        assert_eq!((settings.audit.required, settings.audit.ask_reason), (true, false));
        assert_eq!((settings.read_only, settings.drain.deadline), (false, Duration::from_mins(5)));
        assert_eq!(Settings::defaults(&nothing).audit.path, None);
    }

    #[test]
    fn apply_lets_last_source_win() {
        let audit = |path: Option<&str>, required| PartialAuditSettings {
            path: path.map(PathBuf::from),
            required,
            ask_reason: None,
        };
        let with = |audit| PartialSettings { audit, ..PartialSettings::default() };
        let settings = Settings::defaults(&nothing)
            .apply(with(audit(Some("/var/log/a"), Some(false))))
            .apply(with(audit(None, Some(true))))
            .apply(with(audit(Some("/var/log/b"), None)));
        assert_eq!((settings.audit.path, settings.audit.required), (Some("/var/log/b".into()), true));
    }

    #[test]
    fn apply_never_unsets_read_only() {
        for (layers, expected) in [
            ([Some(true), Some(false), None], true),
            ([None, Some(true), Some(false)], true),
            ([Some(false), None, Some(true)], true),
            ([Some(false), None, Some(false)], false),
            ([None, None, None], false),
        ] {
            let settings = layers.into_iter().map(read_only).fold(Settings::defaults(&nothing), Settings::apply);
            assert_eq!(settings.read_only, expected, "{layers:?}");
        }
    }
}
