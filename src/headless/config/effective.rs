//! `hapulse config`: the effective settings and their origins, in the format of a configuration file.

use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::app::command_table::COMMANDS;
use crate::app::key::Key as Pressed;
use crate::config::partial_settings::PartialSettings;
use crate::config::search_paths::SettingOrigin;
use crate::config::setting_table::{SETTINGS, Setting, SettingKind};
use crate::config::settings::Settings;

/// Prints every setting with its description, value and origin. Settings without a value are printed as comments.
///
/// # Errors
/// Returns an error if writing fails.
pub(crate) fn print_settings(
    layers: &[(SettingOrigin, PartialSettings)],
    settings: &Settings,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "# Effective settings and their origins. Sources in this order, the last one wins:")?;
    for (origin, layer) in layers.iter().filter(|(origin, _)| matches!(origin, SettingOrigin::File(_))) {
        let status = if *layer == PartialSettings::default() { "missing or empty" } else { "read" };
        writeln!(out, "#   {origin}: {status}")?;
    }
    writeln!(out, "#   environment variables HAPULSE_…; command-line options")?;
    let mut section = "";
    for key in SETTINGS {
        let (own, name) = key.name.split_once('.').unwrap_or(("", key.name));
        let own = if key.kind == SettingKind::Section { key.name } else { own };
        let lines = (key.toml_lines)(settings);
        writeln!(out)?;
        if own != section {
            section = own;
            writeln!(out, "[{section}]")?;
        }
        writeln!(out, "# {}", key.help)?;
        let origin =
            setting_origin(key, layers) + if settings.final_entry(key.name).is_some() { ", final" } else { "" };
        match (key.kind, lines.as_slice()) {
            (SettingKind::Section, []) => writeln!(out, "# {}", key.example)?,
            (_, []) => writeln!(out, "# {name} = {}", key.example)?,
            (SettingKind::Section, lines) => {
                writeln!(out, "# from: {origin}")?;
                lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            }
            (_, lines) => lines.iter().try_for_each(|line| writeln!(out, "{name} = {line}  # {origin}"))?,
        }
    }
    out.flush()
}

/// Returns the source of a setting's value. For a section, returns all sources that set it, separated by commas.
pub(crate) fn setting_origin(key: &Setting, layers: &[(SettingOrigin, PartialSettings)]) -> String {
    let origins: Vec<String> =
        layers.iter().filter(|(_, layer)| (key.is_set_in)(layer)).map(|(place, _)| place.to_string()).collect();
    match (key.kind, origins.as_slice()) {
        (_, []) => "default".to_owned(),
        // Sections are merged from all sources.
        (SettingKind::Section, all) => all.join(", "),
        (_, [.., last]) => last.clone(),
    }
}

/// Prints the JSON schema of a configuration file.
///
/// # Errors
/// Returns an error if writing fails.
pub(crate) fn print_schema(out: &mut impl Write) -> io::Result<()> {
    let object = |properties: Map<String, Value>| serde_json::json!({ "type": "object", "additionalProperties": false, "properties": properties });
    let (mut top, mut sections) = (Map::new(), Map::<String, Value>::new());
    for key in SETTINGS {
        match key.name.split_once('.') {
            None => drop(top.insert(key.name.to_owned(), key.schema())),
            Some((section, name)) => {
                let section = sections.entry(section).or_insert_with(|| Value::Object(Map::new()));
                section[name] = key.schema();
            }
        }
    }
    for (name, keys) in sections {
        if let Value::Object(keys) = keys {
            top.insert(name, object(keys));
        }
    }
    let mut schema = object(top);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "hapulse configuration".into();
    writeln!(out, "{schema:#}")?;
    out.flush()
}

/// Prints the UI commands that keys can be bound to, with their default keys.
///
/// # Errors
/// Returns an error if writing fails.
pub(crate) fn print_actions(out: &mut impl Write) -> io::Result<()> {
    for action in COMMANDS {
        let keys = action.keys.iter().filter(|name| Pressed::parse(name).is_some());
        let keys = keys.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        writeln!(out, "{:<24} {:<28} {}", action.id, format!("[{keys}]"), action.help)?;
    }
    out.flush()
}
