//! Commands typed behind `:`: every action by its id, and a few that take arguments.

use thiserror::Error;

use crate::app::commands::{COMMANDS, CommandSpec};
use crate::table::columns::column::Column;
use crate::table::columns::column_table;
use crate::table::filter::{BadFilter, Filter};
use crate::table::rows::Settings;

/// What a line asks for.
#[derive(Debug)]
pub enum PaletteCommand {
    /// An empty line.
    Nothing,
    /// An action of the table.
    Run(&'static CommandSpec),
    /// `sort COLUMN`; once more, the other way round.
    Sort(&'static Column),
    /// `cols +A -B`, or `cols A B C`.
    Columns(Vec<Change>),
    /// `filter WORDS`.
    Filter(Filter),
}

/// A change to the columns of a view.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// One more, at the end.
    Add(&'static Column),
    /// One less.
    Remove(&'static Column),
    /// These only, in this order: the first of such a change drops all before.
    Only(&'static Column),
}

/// Why a line is no command.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadCommand {
    /// No such command.
    #[error("there is no command \"{0}\"; Tab completes")]
    Unknown(String),
    /// No such column.
    #[error("there is no column \"{0}\"; Tab completes")]
    NoColumn(String),
    /// The argument is missing.
    #[error("{0} needs {1}")]
    Missing(&'static str, &'static str),
    /// Not a filter.
    #[error(transparent)]
    Filter(#[from] BadFilter),
}

/// The commands with arguments, and what they take.
pub static WITH_ARGUMENTS: [(&str, &str, &str); 3] = [
    ("sort", "COLUMN", "sort by a column; once more, the other way round"),
    ("cols", "[+COLUMN] [-COLUMN] …", "add and remove columns, or name those to show, in order"),
    ("filter", "[WORDS]", "show only rows that match"),
];

/// Reads a line.
///
/// # Errors
/// What is wrong with it.
pub fn parse(line: &str) -> Result<PaletteCommand, BadCommand> {
    let line = line.trim();
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let column = |id: &str| column_table::by_id(id).ok_or_else(|| BadCommand::NoColumn(id.to_owned()));
    match name {
        "" => Ok(PaletteCommand::Nothing),
        "sort" if rest.trim().is_empty() => Err(BadCommand::Missing("sort", "a column")),
        "sort" => Ok(PaletteCommand::Sort(column(rest.trim())?)),
        "cols" if rest.trim().is_empty() => Err(BadCommand::Missing("cols", "columns, such as +rtime -econ")),
        "cols" => {
            let change = |word: &str| match (word.strip_prefix('+'), word.strip_prefix('-')) {
                (Some(id), _) => column(id).map(Change::Add),
                (_, Some(id)) => column(id).map(Change::Remove),
                (None, None) => column(word).map(Change::Only),
            };
            Ok(PaletteCommand::Columns(rest.split_whitespace().map(change).collect::<Result<_, _>>()?))
        }
        "filter" => Ok(PaletteCommand::Filter(Filter::parse(rest)?)),
        _ => {
            let named = |action: &&CommandSpec| action.id == line || action.id.rsplit('.').next() == Some(line);
            COMMANDS.iter().find(named).map(PaletteCommand::Run).ok_or_else(|| BadCommand::Unknown(line.to_owned()))
        }
    }
}

/// Changes the columns of a view. The name always stays in front.
pub fn change_columns(settings: &mut Settings, changes: &[Change]) {
    let name = settings.columns.first().copied();
    let mut columns: Vec<&'static Column> = settings.columns.drain(..).skip(1).collect();
    if changes.iter().any(|change| matches!(change, Change::Only(_))) {
        columns.clear();
    }
    for change in changes {
        match change {
            Change::Remove(column) => columns.retain(|known| known.id != column.id),
            Change::Add(column) | Change::Only(column) => {
                if !columns.iter().any(|known| known.id == column.id) {
                    columns.push(column);
                }
            }
        }
    }
    settings.columns = name.into_iter().chain(columns.into_iter().filter(|column| column.id != "name")).collect();
    settings.first = 0;
    settings.touch();
}

/// The line with its last word completed, as far as it is clear how it goes on.
pub fn complete(line: &str) -> String {
    let blank = line.char_indices().rfind(|(_, ch)| ch.is_whitespace());
    // Not every blank is one byte long.
    let (before, word) = line.split_at(blank.map_or(0, |(place, ch)| place + ch.len_utf8()));
    let (sign, word) = match word.strip_prefix(['+', '-']) {
        Some(rest) => (&word[..1], rest),
        None => ("", word),
    };
    let candidates: Vec<&str> = if before.is_empty() {
        WITH_ARGUMENTS.iter().map(|(name, ..)| *name).chain(COMMANDS.iter().map(|action| action.id)).collect()
    } else {
        column_table::all().map(|column| column.id).collect()
    };
    let fitting: Vec<&str> = candidates.into_iter().filter(|id| id.starts_with(word)).collect();
    let common = fitting.iter().copied().reduce(common_start).unwrap_or(word);
    let end = if fitting.len() == 1 { " " } else { "" };
    format!("{before}{sign}{common}{end}")
}

/// What two words begin with alike.
pub fn common_start<'a>(one: &'a str, other: &str) -> &'a str {
    let same = one.char_indices().zip(other.chars()).find(|((_, a), b)| a != b).map(|((place, _), _)| place);
    &one[..same.unwrap_or_else(|| one.len().min(other.len()))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::columns::column_sets;

    fn ids(settings: &Settings) -> Vec<&str> {
        settings.columns.iter().map(|column| column.id).collect()
    }

    fn changed(line: &str) -> Settings {
        let mut settings = Settings::new(&column_sets::LATENCY_VIEW[..4]);
        match parse(line) {
            Ok(PaletteCommand::Columns(changes)) => change_columns(&mut settings, &changes),
            other => panic!("{other:?}"),
        }
        settings
    }

    #[test]
    fn columns_are_added_removed_and_named() {
        assert_eq!(ids(&changed("cols +rtime -qtime")), ["name", "side", "status", "rtime"]);
        assert_eq!(ids(&changed("cols h1req/s scur")), ["name", "h1req/s", "scur"]);
        assert_eq!(ids(&changed("cols +status -name")), ["name", "side", "status", "qtime"]);
    }

    #[test]
    fn actions_are_commands() {
        let id = |line: &str| match parse(line) {
            Ok(PaletteCommand::Run(action)) => action.id,
            other => panic!("{other:?}"),
        };
        assert_eq!(id("view.latency"), "view.latency");
        assert_eq!(id(" latency "), "view.latency");
        assert_eq!(id("quit"), "quit");
        assert_eq!(parse("nonsense").unwrap_err().to_string(), "there is no command \"nonsense\"; Tab completes");
        assert_eq!(parse("sort").unwrap_err().to_string(), "sort needs a column");
        assert!(matches!(parse("sort rtime"), Ok(PaletteCommand::Sort(column)) if column.id == "rtime"));
    }

    #[test]
    fn words_are_completed_as_far_as_is_clear() {
        assert_eq!(complete("view.la"), "view.latency ");
        assert_eq!(complete("server."), "server.");
        assert_eq!(complete("so"), "sort ");
        assert_eq!(complete("cols +rti"), "cols +rtime");
        assert_eq!(complete("nonsense"), "nonsense");
    }

    #[test]
    fn words_behind_a_wide_blank_are_completed() {
        assert_eq!(complete("cols\u{3000}+rti"), "cols\u{3000}+rtime");
        assert_eq!(complete("nonsense\u{a0}"), "nonsense\u{a0}");
    }
}
