//! The table of former names, [`FORMER_NAMES`]: renamed parts of the configuration, rules, views and UI commands.
//!
//! A former name is accepted for one version, with a warning that names the current one. [`replace_in_file`] replaces
//! the former names in a configuration file before other code reads the file, so that code needs only current names.

use std::borrow::Cow;
use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::located::FilePosition;

/// The kind of thing that a name stands for. Names are unique within a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameKind {
    /// A section of the configuration file.
    Section,
    /// A key of a rule's thresholds.
    ThresholdKey,
    /// A rule.
    Rule,
    /// A role of the theme.
    Role,
    /// A view.
    View,
    /// A UI command.
    Command,
}

/// A row of [`FORMER_NAMES`].
#[derive(Debug, PartialEq, Eq)]
pub struct FormerName {
    /// Kind of the former and the current name.
    pub kind: NameKind,
    /// Name in the previous version.
    pub former: &'static str,
    /// Name in this version.
    pub current: &'static str,
}

const fn row(kind: NameKind, former: &'static str, current: &'static str) -> FormerName {
    FormerName { kind, former, current }
}

/// All names that have changed since the previous version.
pub static FORMER_NAMES: &[FormerName] = &[
    row(NameKind::Section, "colours", "colors"),
    row(NameKind::ThresholdKey, "hold", "for"),
    row(NameKind::Rule, "nobody-alive", "no-backend-available"),
    row(NameKind::Role, "away", "out-of-service"),
    row(NameKind::View, "away", "out-of-service"),
    row(NameKind::View, "since", "diff"),
    row(NameKind::Command, "view.away", "view.out-of-service"),
    row(NameKind::Command, "view.since", "view.diff"),
    row(NameKind::Command, "act.menu", "action.menu"),
    row(NameKind::Command, "act.undo", "action.undo"),
    row(NameKind::Command, "offer.take", "suggestion.accept"),
    row(NameKind::Command, "offer.decline", "suggestion.dismiss"),
    row(NameKind::Command, "past.on", "past.forward"),
    row(NameKind::Command, "past.minute-on", "past.minute-forward"),
    row(NameKind::Command, "mark.none", "mark.clear"),
    row(NameKind::Command, "show.cost", "show.overhead"),
];

impl FormerName {
    /// Returns the row of a former name; `None` if the name is not a former one.
    pub(crate) fn find(kind: NameKind, name: &str) -> Option<&'static Self> {
        FORMER_NAMES.iter().find(|row| row.kind == kind && row.former == name)
    }
}

/// The warning about the use of a former name.
impl fmt::Display for FormerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            NameKind::Section => "section",
            NameKind::ThresholdKey => "threshold key",
            NameKind::Rule => "rule",
            NameKind::Role => "role",
            NameKind::View => "view",
            NameKind::Command => "command",
        };
        let Self { former, current, .. } = self;
        write!(f, "the {kind} {former} is now called {current}; the former name will be removed in the next version")
    }
}

/// The use of a former name in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FormerNameUse {
    /// Position of the former name in the file.
    pub(crate) position: FilePosition,
    /// The former name and the current one.
    pub(crate) name: &'static FormerName,
}

impl fmt::Display for FormerNameUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.position, self.name)
    }
}

/// A former name and its byte offset in the file.
pub(crate) type NameAtOffset = (usize, &'static FormerName);

/// Replaces all former names in a parsed file. Returns the replaced names in the order of the file.
///
/// # Errors
/// Returns a former name if its table also contains the current name.
pub(crate) fn replace_in_file(file: &mut DeTable<'_>) -> Result<Vec<NameAtOffset>, NameAtOffset> {
    let mut replaced = replace_keys(file, NameKind::Section)?;
    for (section, kind) in [
        ("thresholds", NameKind::Rule),
        ("colors", NameKind::Role),
        ("views", NameKind::View),
        ("keys", NameKind::Command),
    ] {
        let Some(DeValue::Table(entries)) = file.get_mut(section).map(Spanned::get_mut) else { continue };
        replaced.extend(replace_keys(entries, kind)?);
        for (_, entry) in entries.iter_mut().filter(|_| kind == NameKind::Rule) {
            if let DeValue::Table(thresholds) = entry.get_mut() {
                replaced.extend(replace_keys(thresholds, NameKind::ThresholdKey)?);
            }
        }
    }
    replaced.sort_by_key(|(offset, _)| *offset);
    Ok(replaced)
}

fn replace_keys(table: &mut DeTable<'_>, kind: NameKind) -> Result<Vec<NameAtOffset>, NameAtOffset> {
    let former = |key: &Spanned<Cow<'_, str>>| Some((key.span().start, FormerName::find(kind, key.get_ref())?));
    let replaced: Vec<NameAtOffset> = table.keys().filter_map(former).collect();
    for (offset, name) in &replaced {
        if table.contains_key(name.current) {
            return Err((*offset, name));
        }
        if let Some((key, value)) = table.remove_entry(name.former) {
            table.insert(Spanned::new(key.span(), Cow::Borrowed(name.current)), value);
        }
    }
    Ok(replaced)
}
