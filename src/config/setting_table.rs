//! The table `SETTINGS`, with one row for each setting.
//!
//! `hapulse config`, its JSON schema and the environment variables are generated from this table, and tests check
//! `docs/configuration.md` against it.

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum as _;

use crate::config::confirm_quit::ConfirmQuit;
use crate::config::located::{Located, ThresholdOverride, ViewSettings};
use crate::config::partial_settings::PartialSettings;
use crate::config::settings::Settings;
use crate::config::target::Target;
use crate::config::terminal_env::ColorTheme;
use crate::haproxy::safe_text;

/// Kind of value of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// `true` or `false`.
    Boolean,
    /// A number of seconds.
    Seconds,
    /// A duration, such as `"5m"`.
    Duration,
    /// A whole number.
    Number,
    /// An absolute path.
    Path,
    /// The name of a theme.
    Theme,
    /// When `q` asks: one of three words.
    ConfirmQuit,
    /// A list of names of settings.
    SettingNames,
    /// A section with free names.
    Section,
}

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// Key in the file; a dot separates the section from the key in it.
    pub name: &'static str,
    /// Kind of value.
    pub kind: SettingKind,
    /// Description in one sentence.
    pub help: &'static str,
    /// Example value, or example line of a section, shown if the setting is not set.
    pub example: &'static str,
    /// Returns whether a source sets this setting.
    pub(crate) is_set_in: fn(&PartialSettings) -> bool,
    /// Returns the effective value in TOML, or the lines of a section; empty if the setting is not set.
    pub(crate) toml_lines: fn(&Settings) -> Vec<String>,
}

/// Name of the setting that makes others final.
pub(crate) const FINAL: &str = "final";

/// All settings; those outside sections first.
pub static SETTINGS: &[Setting] = &[
    Setting {
        name: FINAL,
        kind: SettingKind::SettingNames,
        help: "Settings that no later source may change.",
        example: "[\"audit.path\", \"audit.required\"]",
        is_set_in: |settings| !settings.final_names.is_empty(),
        toml_lines: |settings| match settings.final_names.as_slice() {
            [] => Vec::new(),
            entries => {
                let names: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
                vec![toml_array(&names)]
            }
        },
    },
    Setting {
        name: "read_only",
        kind: SettingKind::Boolean,
        help: "Read-only mode: never changes HAProxy. Once set in any source, it cannot be unset.",
        example: "true",
        is_set_in: |settings| settings.read_only.is_some(),
        toml_lines: |settings| vec![settings.read_only.to_string()],
    },
    Setting {
        name: "interval",
        kind: SettingKind::Seconds,
        help: "Seconds between two polls, 0.1 or more; increased automatically if HAProxy answers slowly.",
        example: "2",
        is_set_in: |settings| settings.interval.is_some(),
        toml_lines: |settings| vec![settings.interval.as_secs_f64().to_string()],
    },
    Setting {
        name: "theme",
        kind: SettingKind::Theme,
        help: "Color theme.",
        example: "\"light\"",
        is_set_in: |settings| settings.theme.is_some(),
        toml_lines: |settings| vec![toml_text(settings.theme.name())],
    },
    Setting {
        name: "ascii",
        kind: SettingKind::Boolean,
        help: "Draws with ASCII characters only, regardless of the locale and the terminal.",
        example: "true",
        is_set_in: |settings| settings.ascii.is_some(),
        toml_lines: |settings| vec![settings.ascii.to_string()],
    },
    Setting {
        name: "plain",
        kind: SettingKind::Boolean,
        help: "Prints lines instead of drawing a screen, for screen readers (docs/plain.md); default: only if TERM is dumb.",
        example: "true",
        is_set_in: |settings| settings.plain.is_some(),
        toml_lines: |settings| settings.plain.iter().map(bool::to_string).collect(),
    },
    Setting {
        name: "history_memory",
        kind: SettingKind::Number,
        help: "Memory for the history of each HAProxy, in MiB.",
        example: "64",
        is_set_in: |settings| settings.history_memory.is_some(),
        toml_lines: |settings| vec![settings.history_memory.to_string()],
    },
    Setting {
        name: "log_file",
        kind: SettingKind::Path,
        help: "Writes every event to this file as it happens.",
        example: "\"/var/log/hapulse/events.log\"",
        is_set_in: |settings| settings.log_file.is_some(),
        toml_lines: |settings| settings.log_file.iter().map(|path| toml_path(path)).collect(),
    },
    Setting {
        name: "mouse",
        kind: SettingKind::Boolean,
        help: "Uses the mouse: the wheel scrolls, a click selects, a double click opens.",
        example: "true",
        is_set_in: |settings| settings.mouse.is_some(),
        toml_lines: |settings| vec![settings.mouse.to_string()],
    },
    Setting {
        name: "confirm_quit",
        kind: SettingKind::ConfirmQuit,
        help: "When q asks before it ends the dashboard and its history is lost: auto asks after 10 minutes.",
        example: "\"never\"",
        is_set_in: |settings| settings.confirm_quit.is_some(),
        toml_lines: |settings| vec![toml_text(settings.confirm_quit.name())],
    },
    Setting {
        name: "audit.path",
        kind: SettingKind::Path,
        help: "File of the audit log; default: audit.jsonl in the state directory.",
        example: "\"/var/log/hapulse/audit.jsonl\"",
        is_set_in: |settings| settings.audit.path.is_some(),
        toml_lines: |settings| settings.audit.path.iter().map(|path| toml_path(path)).collect(),
    },
    Setting {
        name: "audit.required",
        kind: SettingKind::Boolean,
        help: "Refuses an action if its audit record cannot be written.",
        example: "true",
        is_set_in: |settings| settings.audit.required.is_some(),
        toml_lines: |settings| vec![settings.audit.required.to_string()],
    },
    Setting {
        name: "audit.ask_reason",
        kind: SettingKind::Boolean,
        help: "Asks for a reason before each action.",
        example: "true",
        is_set_in: |settings| settings.audit.ask_reason.is_some(),
        toml_lines: |settings| vec![settings.audit.ask_reason.to_string()],
    },
    Setting {
        name: "drain.deadline",
        kind: SettingKind::Duration,
        help: "Time after which hapulse suggests ending the remaining sessions of a draining server.",
        example: "\"5m\"",
        is_set_in: |settings| settings.drain.deadline.is_some(),
        toml_lines: |settings| vec![toml_duration(settings.drain.deadline)],
    },
    Setting {
        name: "targets",
        kind: SettingKind::Section,
        help: "HAProxy instances by name, each with its address, or with address and log; all are shown if the command line has no target.",
        example: "lb01 = \"/run/haproxy/admin.sock\"",
        is_set_in: |settings| !settings.targets.is_empty(),
        toml_lines: |settings| toml_entries(&settings.targets, toml_target),
    },
    Setting {
        name: "fleet",
        kind: SettingKind::Section,
        help: "Groups of targets by name, for @NAME on the command line: names of [targets], or addresses.",
        example: "web = { targets = [\"lb01\", \"lb02=ssh://lb02\"] }",
        is_set_in: |settings| !settings.groups.is_empty(),
        toml_lines: |settings| {
            toml_entries(&settings.groups, |group| format!("{{ targets = {} }}", toml_array(&group.members)))
        },
    },
    Setting {
        name: "thresholds",
        kind: SettingKind::Section,
        help: "Changed thresholds by rule, or by rule and pattern for the names of rows (docs/problems.md lists the rules), or \"off\".",
        example: "queue = { warn = 5, crit = 50, for = \"10s\" }",
        is_set_in: |settings| !settings.thresholds.is_empty(),
        toml_lines: |settings| toml_entries(&settings.thresholds, toml_threshold),
    },
    Setting {
        name: "silences",
        kind: SettingKind::Section,
        help: "Rules that do not alarm for some rows, with patterns for their names: PROXY or PROXY/SERVER; \"*\" as the rule stands for all.",
        example: "backend-down = [\"legacy\", \"test*\"]",
        is_set_in: |settings| !settings.silences.is_empty(),
        toml_lines: |settings| toml_entries(&settings.silences, |patterns| toml_array(patterns)),
    },
    Setting {
        name: "colors",
        kind: SettingKind::Section,
        help: "Styles that replace the theme's, by role: a color, \"on\" and a background color, and words such as bold.",
        example: "bad = \"bold bright-red on #300000\"",
        is_set_in: |settings| !settings.colors.is_empty(),
        toml_lines: |settings| toml_entries(&settings.colors, |words| toml_text(words)),
    },
    Setting {
        name: "views",
        kind: SettingKind::Section,
        help: "Columns and sort order by view: columns as for :cols; a leading \"-\" in sort means largest first.",
        example: "traffic = { columns = [\"+rtime\", \"-qtime\"], sort = \"-scur\", flat = true }",
        is_set_in: |settings| !settings.views.is_empty(),
        toml_lines: |settings| toml_entries(&settings.views, toml_view),
    },
    Setting {
        name: "keys",
        kind: SettingKind::Section,
        help: "Keys by command (hapulse config --actions lists the commands); [] unbinds the command.",
        example: "\"server.drain\" = [\"D\", \"<f12>\"]",
        is_set_in: |settings| !settings.keys.is_empty(),
        toml_lines: |settings| toml_entries(&settings.keys, |keys| toml_array(keys)),
    },
];

impl Setting {
    /// Returns the name of the environment variable for this setting; `None` for a section and a list of
    /// settings.
    pub fn variable(&self) -> Option<String> {
        let has_variable = !matches!(self.kind, SettingKind::Section | SettingKind::SettingNames);
        has_variable.then(|| format!("HAPULSE_{}", self.name.replace('.', "_").to_uppercase()))
    }

    /// Returns the JSON schema for the values of this setting.
    pub(crate) fn schema(&self) -> serde_json::Value {
        let mut schema = match self.kind {
            SettingKind::Boolean => serde_json::json!({ "type": "boolean" }),
            SettingKind::Seconds => serde_json::json!({ "type": "number", "minimum": 0.1, "maximum": 86400 }),
            SettingKind::Duration => {
                serde_json::json!({ "type": ["string", "integer"], "pattern": "^([0-9]+|([0-9]+[hms])+)$" })
            }
            SettingKind::Number => serde_json::json!({ "type": "integer", "minimum": 1, "maximum": 65535 }),
            SettingKind::Path => serde_json::json!({ "type": "string", "pattern": "^/" }),
            SettingKind::Theme => {
                let names: Vec<&str> = ColorTheme::value_variants().iter().map(|theme| theme.name()).collect();
                serde_json::json!({ "type": "string", "enum": names })
            }
            SettingKind::ConfirmQuit => {
                let names: Vec<&str> = ConfirmQuit::value_variants().iter().map(|word| word.name()).collect();
                serde_json::json!({ "type": "string", "enum": names })
            }
            SettingKind::SettingNames => {
                let names = SETTINGS.iter().map(|setting| setting.name).filter(|name| *name != FINAL);
                serde_json::json!({ "type": "array", "items": { "enum": names.collect::<Vec<_>>() } })
            }
            SettingKind::Section => serde_json::json!({ "type": "object" }),
        };
        schema["description"] = self.help.into();
        schema
    }
}

/// Formats a string in TOML.
fn toml_text(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let escape = |ch: char| match u32::from(ch) {
        _ if safe_text::is_visible(ch) => ch.to_string(),
        code @ ..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    };
    quoted.chars().map(escape).collect()
}

fn toml_path(path: &Path) -> String {
    toml_text(&path.to_string_lossy())
}

fn toml_duration(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds > 0 && seconds % 3600 == 0 => format!("\"{}h\"", seconds / 3600),
        seconds if seconds > 0 && seconds % 60 == 0 => format!("\"{}m\"", seconds / 60),
        seconds => format!("\"{seconds}s\""),
    }
}

fn toml_target(target: &Target) -> String {
    let address = toml_text(&target.address.to_argument());
    match &target.log {
        Some(log) => format!("{{ address = {address}, log = {} }}", toml_path(log)),
        None => address,
    }
}

fn toml_threshold(limits: &ThresholdOverride) -> String {
    if limits.is_off {
        return "\"off\"".to_owned();
    }
    let number = |name, value: Option<f64>| value.map(|value| format!("{name} = {value}"));
    let hold_time = limits.hold_time.map(|time| format!("for = {}", toml_duration(time)));
    let parts = [number("warn", limits.warn), number("crit", limits.crit), hold_time];
    format!("{{ {} }}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn toml_view(view: &ViewSettings) -> String {
    let columns = (!view.columns.is_empty()).then(|| format!("columns = {}", toml_array(&view.columns)));
    let sort = view.sort.as_deref().map(|sort| format!("sort = {}", toml_text(sort)));
    let flat = view.flat.map(|flat| format!("flat = {flat}"));
    format!("{{ {} }}", [columns, sort, flat].into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn toml_array(strings: &[String]) -> String {
    format!("[{}]", strings.iter().map(|part| toml_text(part)).collect::<Vec<_>>().join(", "))
}

fn toml_entries<T>(all: &[Located<T>], show: impl Fn(&T) -> String) -> Vec<String> {
    all.iter().map(|entry| format!("{} = {}", toml_text(&entry.name), show(&entry.value))).collect()
}
