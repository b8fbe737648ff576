//! Loads the settings and resolves the names in them: rules, theme roles, views, columns, commands and keys. The `config`
//! module does not know these names, so this module adds the position in the configuration file to the errors.

use std::fmt::Display;
use std::path::Path;

use crate::app::keymap::{Keymap, KeymapError};
use crate::app::view_config::ViewConfig;
use crate::config::config_file::BadConfig;
use crate::config::former_names::{FormerName, NameKind};
use crate::config::located::{Located, ThresholdOverride, ViewSettings};
use crate::config::partial_settings::PartialSettings;
use crate::config::search_paths::{self, SettingOrigin};
use crate::config::settings::Settings;
use crate::config::suggest;
use crate::haproxy::safe_text;
use crate::headless::report::contents::{BadReport, ReportPart};
use crate::problems::row_pattern::RowPattern;
use crate::problems::silences::Silences;
use crate::problems::thresholds::{RuleOverride, ThresholdChange, ThresholdError, Thresholds};
use crate::ui::color::ColorDepth;
use crate::ui::style_overrides::StyleOverrides;

/// Name of the section with the thresholds of the rules.
const THRESHOLDS: &str = "thresholds";

/// Loads the settings of this process, and warns about former names. `named` is the file given by a flag.
pub(super) fn load_settings(named: Option<&Path>, flags: PartialSettings) -> Result<Settings, BadConfig> {
    let settings = search_paths::load_settings(named, flags)?;
    warn_about_former_names(&settings);
    Ok(settings)
}

/// Warns on standard error about former names in the configuration files.
fn warn_about_former_names(settings: &Settings) {
    settings.former_names.iter().for_each(|name| print_warning(&name));
}

/// Prints a warning to standard error.
fn print_warning(text: &impl Display) {
    eprintln!("hapulse: warning: {}", safe_text::escape_lines(&text.to_string()));
}

/// Parses the name of a part of a report. Accepts the former name of a view, with a warning on standard error.
pub(super) fn report_part(text: &str) -> Result<ReportPart, BadReport> {
    let former = FormerName::find(NameKind::View, &text.to_lowercase());
    if let Some(name) = former {
        print_warning(name);
    }
    former.map_or(text, |name| name.current).parse()
}

/// Merges partial settings, of which later ones take precedence, and validates all names in the result.
pub(super) fn resolve_settings(layers: &[(SettingOrigin, PartialSettings)]) -> anyhow::Result<Settings> {
    let settings = search_paths::merge(layers, &search_paths::env_variable);
    warn_about_former_names(&settings);
    thresholds(&settings, &[])?;
    keymap(&settings.keys)?;
    view_configs(&settings.views)?;
    style_overrides(&settings.colors, ColorDepth::Sixteen)?;
    Ok(settings)
}

/// Checks that no flag changes a threshold if the thresholds are final.
///
/// # Errors
/// Returns an error if one does.
pub(super) fn check_threshold_flags(settings: &Settings, flags: &[ThresholdChange]) -> Result<(), BadConfig> {
    match settings.final_entry(THRESHOLDS) {
        Some(entry) if !flags.is_empty() => {
            Err(BadConfig::Final { origin: "--threshold".into(), name: THRESHOLDS, by: entry.position() })
        }
        _ => Ok(()),
    }
}

/// Warns on standard error about former names in the flags for thresholds.
pub(super) fn warn_about_threshold_flags(flags: &[ThresholdChange]) {
    let names = flags.iter().flat_map(ThresholdChange::former_names);
    names.for_each(|name| print_warning(&format!("--threshold: {name}")));
}

/// Resolves the thresholds and silences of the rules from the configuration, and the flags that change thresholds.
pub(super) fn thresholds(settings: &Settings, flags: &[ThresholdChange]) -> anyhow::Result<Thresholds> {
    let entries = &settings.thresholds;
    let mut changes = Vec::new();
    for entry in entries {
        let ThresholdOverride { warn, crit, hold_time, is_off } = entry.value;
        let change = ThresholdChange::new(&entry.name, RuleOverride { warn, crit, hold_time, is_off })
            .map_err(|error| BadConfig::from(entry.error(&error)))?;
        changes.push(change);
    }
    let mut thresholds = Thresholds::with_changes(changes.iter().chain(flags).cloned()).map_err(|error| {
        // If no flag can have caused the error, report it with the position of the entry that caused it.
        let is_cause = |rule| flags.iter().all(|flag| flag.rule != rule);
        let ThresholdError::WrongOrder { rule, .. } = error else { return error.into() };
        match entries.iter().zip(&changes).rev().find(|(_, change)| change.rule == rule && is_cause(rule)) {
            Some((entry, _)) => BadConfig::from(entry.error(&error)).into(),
            None => anyhow::Error::from(error),
        }
    })?;
    thresholds.silences = silences(&settings.silences)?;
    Ok(thresholds)
}

/// Resolves the configured silences.
fn silences(entries: &[Located<Vec<String>>]) -> Result<Silences, BadConfig> {
    let mut silences = Silences::default();
    for entry in entries {
        if !Silences::known_names().any(|name| name == entry.name) {
            let similar = suggest::did_you_mean(&entry.name, Silences::known_names());
            let message = format!("unknown rule {:?}{similar}; docs/problems.md lists the rules", entry.name);
            return Err(entry.error(&message).into());
        }
        let patterns = entry.value.iter().map(|text| text.parse()).collect::<Result<Vec<RowPattern>, _>>();
        silences.add(&entry.name, patterns.map_err(|error| entry.error(&error))?);
    }
    Ok(silences)
}

/// Resolves the style overrides for the color depth of the terminal.
pub(super) fn style_overrides(entry: &[Located<String>], depth: ColorDepth) -> Result<StyleOverrides, BadConfig> {
    let mut own = StyleOverrides::NONE;
    for entry in entry {
        own.set(&entry.name, &entry.value, depth).map_err(|error| BadConfig::from(entry.error(&error)))?;
    }
    Ok(own)
}

/// Resolves the configured columns, sort order and tree mode of each view.
pub(super) fn view_configs(entry: &[Located<ViewSettings>]) -> Result<Vec<ViewConfig>, BadConfig> {
    let one = |entry: &Located<ViewSettings>| {
        let ViewSettings { columns, sort, flat } = &entry.value;
        ViewConfig::new(&entry.name, columns, sort.as_deref(), *flat).map_err(|error| entry.error(&error).into())
    };
    entry.iter().map(one).collect()
}

/// Resolves the configured key bindings.
pub(super) fn keymap(entry: &[Located<Vec<String>>]) -> anyhow::Result<Keymap> {
    let changes: Vec<(&str, &[String])> =
        entry.iter().map(|entry| (entry.name.as_str(), entry.value.as_slice())).collect();
    Keymap::with_changes(&changes).map_err(|error| {
        // If two commands use the same key, report the command that was configured last.
        let is_about = |entry: &&Located<Vec<String>>| match &error {
            KeymapError::UnknownCommand(name) => entry.name == *name,
            KeymapError::UnknownKey { command, .. } | KeymapError::UnsendableKey { command, .. } => {
                entry.name == *command
            }
            KeymapError::Conflict { first, second, .. } => entry.name == *first || entry.name == *second,
        };
        match entry.iter().rev().find(is_about) {
            Some(entry) => BadConfig::from(entry.error(&error)).into(),
            None => error.into(),
        }
    })
}
