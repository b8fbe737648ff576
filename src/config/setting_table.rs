//! KEYS: everything that can be configured, one row each.
//!
//! `hapulse config`, its schema for editors and the variables of the environment are made from this table, and
//! `docs/configuration.md` is checked against it.

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum as _;

use crate::config::located::{Arranged, Said, Threshold};
use crate::config::partial_settings::Layer;
use crate::config::settings::Settings;
use crate::config::terminal_env::Colours;

/// What kind of value a key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Switch,
    /// A number of seconds.
    Seconds,
    /// A length of time, such as `"5m"`.
    Time,
    /// A whole number.
    Number,
    /// A path from the root.
    Path,
    /// The name of a theme.
    Theme,
    /// A section of free names.
    Section,
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Its name; a dot parts the section from the key in it.
    pub name: &'static str,
    /// What kind of value it has.
    pub kind: Kind,
    /// What it does, in a sentence.
    pub help: &'static str,
    /// An example, where nothing is set: a value, or a line of a section.
    pub example: &'static str,
    /// Whether a layer says something of it.
    pub said: fn(&Layer) -> bool,
    /// What holds, as a file would have it; of a section its lines. Nothing where nothing is set.
    pub show: fn(&Settings) -> Vec<String>,
}

/// Every key; those of no section first.
pub static KEYS: &[Key] = &[
    Key {
        name: "read_only",
        kind: Kind::Switch,
        help: "Changes nothing: connections give up their right to. Who says true anywhere has said it for good.",
        example: "true",
        said: |layer| layer.read_only.is_some(),
        show: |settings| vec![settings.read_only.to_string()],
    },
    Key {
        name: "interval",
        kind: Kind::Seconds,
        help: "Seconds between two samples, 0.1 or more; stretched where a dump is expensive.",
        example: "2",
        said: |layer| layer.interval.is_some(),
        show: |settings| vec![settings.interval.as_secs_f64().to_string()],
    },
    Key {
        name: "theme",
        kind: Kind::Theme,
        help: "Colours.",
        example: "\"light\"",
        said: |layer| layer.theme.is_some(),
        show: |settings| vec![text(settings.theme.name())],
    },
    Key {
        name: "ascii",
        kind: Kind::Switch,
        help: "Draws with ASCII characters only, whatever the locale.",
        example: "true",
        said: |layer| layer.ascii.is_some(),
        show: |settings| vec![settings.ascii.to_string()],
    },
    Key {
        name: "history_memory",
        kind: Kind::Number,
        help: "Memory for the history of each HAProxy, in MiB.",
        example: "64",
        said: |layer| layer.history_memory.is_some(),
        show: |settings| vec![settings.history_memory.to_string()],
    },
    Key {
        name: "log_file",
        kind: Kind::Path,
        help: "Writes every event to this file as it happens.",
        example: "\"/var/log/hapulse/events.log\"",
        said: |layer| layer.log_file.is_some(),
        show: |settings| settings.log_file.iter().map(|path| path_text(path)).collect(),
    },
    Key {
        name: "audit.path",
        kind: Kind::Path,
        help: "Where acts are written down: by itself audit.jsonl in the state folder.",
        example: "\"/var/log/hapulse/audit.jsonl\"",
        said: |layer| layer.audit.path.is_some(),
        show: |settings| settings.audit.path.iter().map(|path| path_text(path)).collect(),
    },
    Key {
        name: "audit.required",
        kind: Kind::Switch,
        help: "An act that cannot be written down is refused.",
        example: "true",
        said: |layer| layer.audit.required.is_some(),
        show: |settings| vec![settings.audit.required.to_string()],
    },
    Key {
        name: "audit.ask_reason",
        kind: Kind::Switch,
        help: "Asks for a reason before each act.",
        example: "true",
        said: |layer| layer.audit.ask_reason.is_some(),
        show: |settings| vec![settings.audit.ask_reason.to_string()],
    },
    Key {
        name: "drain.deadline",
        kind: Kind::Time,
        help: "How long a drained server may keep sessions before hapulse offers to end them.",
        example: "\"5m\"",
        said: |layer| layer.drain.deadline.is_some(),
        show: |settings| vec![time(settings.drain.deadline)],
    },
    Key {
        name: "targets",
        kind: Kind::Section,
        help: "HAProxies by name: all of them are shown where none is named, and each can be named.",
        example: "lb01 = \"/run/haproxy/admin.sock\"",
        said: |layer| !layer.targets.is_empty(),
        show: |settings| entries(&settings.targets, |target| text(&target.address.to_string())),
    },
    Key {
        name: "thresholds",
        kind: Kind::Section,
        help: "Other limits for problems, by rule (docs/problems.md lists them), or \"off\".",
        example: "queue = { warn = 5, crit = 50, hold = \"10s\" }",
        said: |layer| !layer.thresholds.is_empty(),
        show: |settings| entries(&settings.thresholds, limits),
    },
    Key {
        name: "colours",
        kind: Kind::Section,
        help: "Styles in place of the theme's, by role: a colour, \"on\" and a colour, and words such as bold.",
        example: "bad = \"bold bright-red on #300000\"",
        said: |layer| !layer.colours.is_empty(),
        show: |settings| entries(&settings.colours, |words| text(words)),
    },
    Key {
        name: "views",
        kind: Kind::Section,
        help: "Columns and order of a view, by its name: columns as after :cols, \"-\" before sort for largest first.",
        example: "traffic = { columns = [\"+rtime\", \"-qtime\"], sort = \"-scur\", flat = true }",
        said: |layer| !layer.views.is_empty(),
        show: |settings| entries(&settings.views, arranged),
    },
    Key {
        name: "keys",
        kind: Kind::Section,
        help: "Other keys, by the name of the action (hapulse config --actions lists them); [] takes all away.",
        example: "\"server.drain\" = [\"D\", \"<f12>\"]",
        said: |layer| !layer.keys.is_empty(),
        show: |settings| entries(&settings.keys, |keys| texts(keys)),
    },
];

impl Key {
    /// The variable of the environment that sets it; none for a section.
    pub fn variable(&self) -> Option<String> {
        (self.kind != Kind::Section).then(|| format!("HAPULSE_{}", self.name.replace('.', "_").to_uppercase()))
    }

    /// What editors are told of its values.
    pub fn schema(&self) -> serde_json::Value {
        let mut schema = match self.kind {
            Kind::Switch => serde_json::json!({ "type": "boolean" }),
            Kind::Seconds => serde_json::json!({ "type": "number", "minimum": 0.1, "maximum": 86400 }),
            Kind::Time => serde_json::json!({ "type": ["string", "integer"], "pattern": "^[0-9]+[smh]?$" }),
            Kind::Number => serde_json::json!({ "type": "integer", "minimum": 1, "maximum": 65535 }),
            Kind::Path => serde_json::json!({ "type": "string", "pattern": "^/" }),
            Kind::Theme => {
                let names: Vec<&str> = Colours::value_variants().iter().map(|colours| colours.name()).collect();
                serde_json::json!({ "type": "string", "enum": names })
            }
            Kind::Section => serde_json::json!({ "type": "object" }),
        };
        schema["description"] = self.help.into();
        schema
    }
}

/// A text as a file would have it.
fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn path_text(path: &Path) -> String {
    text(&path.to_string_lossy())
}

fn time(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds > 0 && seconds % 3600 == 0 => format!("\"{}h\"", seconds / 3600),
        seconds if seconds > 0 && seconds % 60 == 0 => format!("\"{}m\"", seconds / 60),
        seconds => format!("\"{seconds}s\""),
    }
}

fn limits(limits: &Threshold) -> String {
    if limits.is_off {
        return "\"off\"".to_owned();
    }
    let number = |name, value: Option<f64>| value.map(|value| format!("{name} = {value}"));
    let hold = limits.hold.map(|hold| format!("hold = {}", time(hold)));
    let parts = [number("warn", limits.warn), number("crit", limits.crit), hold];
    format!("{{ {} }}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn arranged(arranged: &Arranged) -> String {
    let columns = (!arranged.columns.is_empty()).then(|| format!("columns = {}", texts(&arranged.columns)));
    let sort = arranged.sort.as_deref().map(|sort| format!("sort = {}", text(sort)));
    let flat = arranged.flat.map(|flat| format!("flat = {flat}"));
    format!("{{ {} }}", [columns, sort, flat].into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn texts(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|part| text(part)).collect::<Vec<_>>().join(", "))
}

fn entries<T>(all: &[Said<T>], show: impl Fn(&T) -> String) -> Vec<String> {
    all.iter().map(|said| format!("{} = {}", text(&said.name), show(&said.value))).collect()
}
