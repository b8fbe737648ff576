//! `hapulse config`: what holds, and where each value comes from; as a file that says the same.

use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::app::commands::COMMANDS;
use crate::app::key::Key as Pressed;
use crate::config::partial_settings::Layer;
use crate::config::search_paths::Origin;
use crate::config::setting_table::{KEYS, Key, Kind};
use crate::config::settings::Settings;

/// Prints it: every key with its meaning, its value and its origin. What is not set stands in a comment.
///
/// # Errors
/// When it cannot be written.
pub fn print(layers: &[(Origin, Layer)], settings: &Settings, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "# What holds, and where it comes from. Read in this order, the last word counts:")?;
    for (origin, layer) in layers.iter().filter(|(origin, _)| matches!(origin, Origin::File(_))) {
        let says = if *layer == Layer::default() { "says nothing, or is not there" } else { "read" };
        writeln!(out, "#   {origin}: {says}")?;
    }
    writeln!(out, "#   variables of the environment, HAPULSE_…; flags of the command line")?;
    let mut section = "";
    for key in KEYS {
        let (own, name) = key.name.split_once('.').unwrap_or(("", key.name));
        let own = if key.kind == Kind::Section { key.name } else { own };
        let lines = (key.show)(settings);
        writeln!(out)?;
        if own != section {
            section = own;
            writeln!(out, "[{section}]")?;
        }
        writeln!(out, "# {}", key.help)?;
        let origin = origin(key, layers);
        match (key.kind, lines.as_slice()) {
            (Kind::Section, []) => writeln!(out, "# {}", key.example)?,
            (_, []) => writeln!(out, "# {name} = {}", key.example)?,
            (Kind::Section, lines) => {
                writeln!(out, "# from: {origin}")?;
                lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            }
            (_, lines) => lines.iter().try_for_each(|line| writeln!(out, "{name} = {line}  # {origin}"))?,
        }
    }
    out.flush()
}

/// Where the value of a key comes from.
fn origin(key: &Key, layers: &[(Origin, Layer)]) -> String {
    let said: Vec<String> =
        layers.iter().filter(|(_, layer)| (key.said)(layer)).map(|(place, _)| place.to_string()).collect();
    match (key.kind, said.as_slice()) {
        (_, []) => "default".to_owned(),
        // Entries of all places add up.
        (Kind::Section, all) => all.join(", "),
        (_, [.., last]) => last.clone(),
    }
}

/// Prints the JSON schema of a file.
///
/// # Errors
/// When it cannot be written.
pub fn print_schema(out: &mut impl Write) -> io::Result<()> {
    let object = |properties: Map<String, Value>| serde_json::json!({ "type": "object", "additionalProperties": false, "properties": properties });
    let (mut top, mut sections) = (Map::new(), Map::<String, Value>::new());
    for key in KEYS {
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

/// Prints the actions that keys can be given to.
///
/// # Errors
/// When it cannot be written.
pub fn print_actions(out: &mut impl Write) -> io::Result<()> {
    for action in COMMANDS {
        let keys = action.keys.iter().filter(|name| Pressed::parse(name).is_some());
        let keys = keys.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        writeln!(out, "{:<24} {:<28} {}", action.id, format!("[{keys}]"), action.help)?;
    }
    out.flush()
}
