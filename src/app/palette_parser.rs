//! The command palette (`:`): every UI command by its id, and a few commands with arguments.

use thiserror::Error;

use crate::actions::action_table::TargetKind;
use crate::app::command_table::COMMANDS;
use crate::app::message::SnapshotRequest;
use crate::app::ui_commands::{CommandSpec, UiCommand};
use crate::config::former_names::{FORMER_NAMES, FormerName, NameKind};
use crate::config::suggest;
use crate::table::columns::column::Column;
use crate::table::columns::column_table;
use crate::table::filter::{FilterError, RowFilter};
use crate::table::rows::TableSettings;

/// A parsed palette line.
#[derive(Debug)]
pub enum PaletteCommand {
    /// An empty line.
    Nothing,
    /// A UI command.
    Run(&'static CommandSpec),
    /// `drain BACKEND/SERVER …`: an action on the rows of these names.
    RunOnRows(&'static CommandSpec, Vec<String>),
    /// `go ROW`: moves the cursor to the row of this name.
    Go(String),
    /// `sort COLUMN`; the same column again reverses the order.
    Sort(&'static Column),
    /// `cols +A -B`, or `cols A B C`.
    Columns(Vec<ColumnChange>),
    /// `filter WORDS`.
    Filter(RowFilter),
    /// `only NAME`: shows one balancer.
    Only(String),
    /// `jump TIME`.
    Jump(String),
    /// `snapshot [--anonymize] [--force] FILE`.
    Snapshot(SnapshotRequest),
}

/// A change to the columns of a view.
#[derive(Debug, Clone, Copy)]
pub enum ColumnChange {
    /// Add a column at the end.
    Add(&'static Column),
    /// Remove a column.
    Remove(&'static Column),
    /// Show only the columns listed without a sign, in the order listed. This is one of them.
    Only(&'static Column),
}

/// The error for an invalid palette line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PaletteError {
    /// Unknown command.
    #[error("unknown command \"{0}\"{suggestion}", suggestion = did_you_mean_command(.0))]
    UnknownCommand(String),
    /// Unknown view.
    #[error("unknown view \"{0}\"; Tab completes names")]
    UnknownView(String),
    /// Unknown column.
    #[error("unknown column \"{0}\"; Tab completes names")]
    UnknownColumn(String),
    /// Missing argument.
    #[error("{0} needs {1}")]
    MissingArgument(&'static str, &'static str),
    /// Words after a command that takes none.
    #[error("{command} takes no arguments, but got \"{arguments}\"")]
    UnexpectedArguments {
        /// The command, as typed.
        command: String,
        /// Words typed after it.
        arguments: String,
    },
    /// Unknown option of a command.
    #[error("{0} does not know the option {1}")]
    UnknownOption(&'static str, String),
    /// Invalid filter.
    #[error(transparent)]
    Filter(#[from] FilterError),
}

/// Commands with arguments: name, arguments, description.
pub static COMMANDS_WITH_ARGUMENTS: [(&str, &str, &str); 8] = [
    ("view", "NAME", "show a view"),
    ("go", "ROW", "move the cursor to a frontend, backend or BACKEND/SERVER"),
    ("sort", "COLUMN", "sort by a column; the same column again reverses the order"),
    ("cols", "[+COLUMN] [-COLUMN] …", "add or remove columns, or list the columns to show"),
    ("filter", "[WORDS]", "show only rows that match"),
    ("only", "NAME", "show only the HAProxy of this name; group merges the rows of all"),
    ("jump", "TIME", "show the past at a time: 02:13, 10m (ago), yesterday 08:00, 2026-11-29 02:13"),
    ("snapshot", "[--anonymize] [--force] FILE", "write the samples in memory to a file, for hapulse replay"),
];

/// Parses a palette line.
///
/// # Errors
/// Returns an error for an unknown command or column, a missing argument or an invalid filter.
pub fn parse(line: &str) -> Result<PaletteCommand, PaletteError> {
    let line = line.trim();
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let column = |id: &str| column_table::by_name(id).ok_or_else(|| PaletteError::UnknownColumn(id.to_owned()));
    match name {
        "" => Ok(PaletteCommand::Nothing),
        "sort" if rest.trim().is_empty() => Err(PaletteError::MissingArgument("sort", "a column")),
        "sort" => Ok(PaletteCommand::Sort(column(rest.trim())?)),
        "cols" if rest.trim().is_empty() => Err(PaletteError::MissingArgument("cols", "columns, such as +rtime -econ")),
        "cols" => {
            let change = |word: &str| match (word.strip_prefix('+'), word.strip_prefix('-')) {
                (Some(id), _) => column(id).map(ColumnChange::Add),
                (_, Some(id)) => column(id).map(ColumnChange::Remove),
                (None, None) => column(word).map(ColumnChange::Only),
            };
            Ok(PaletteCommand::Columns(rest.split_whitespace().map(change).collect::<Result<_, _>>()?))
        }
        "only" if rest.trim().is_empty() => Err(PaletteError::MissingArgument("only", "the name of a HAProxy")),
        "only" => Ok(PaletteCommand::Only(rest.trim().to_owned())),
        "jump" => Ok(PaletteCommand::Jump(rest.trim().to_owned())),
        "snapshot" => Ok(PaletteCommand::Snapshot(parse_snapshot(rest.trim())?)),
        "filter" => Ok(PaletteCommand::Filter(RowFilter::parse(rest)?)),
        "go" if rest.trim().is_empty() => Err(PaletteError::MissingArgument("go", "a row, such as be_app/app1")),
        "go" => Ok(PaletteCommand::Go(rest.trim().to_owned())),
        "view" if rest.trim().is_empty() => Err(PaletteError::MissingArgument("view", "a name")),
        "view" => {
            let id = format!("view.{}", rest.trim());
            let command = COMMANDS.iter().find(|command| command.id == id);
            command.map(PaletteCommand::Run).ok_or_else(|| PaletteError::UnknownView(rest.trim().to_owned()))
        }
        _ => match (COMMANDS.iter().find(|command| is_called(line, command.id)), command_with_rows(name)) {
            (Some(command), _) => Ok(PaletteCommand::Run(command)),
            (None, Some(command)) if !rest.trim().is_empty() => {
                Ok(PaletteCommand::RunOnRows(command, rest.split_whitespace().map(str::to_owned).collect()))
            }
            (None, _) if COMMANDS.iter().any(|command| is_called(name, command.id)) => {
                let (command, arguments) = (name.to_owned(), rest.trim().to_owned());
                Err(PaletteError::UnexpectedArguments { command, arguments })
            }
            (None, _) => Err(PaletteError::UnknownCommand(line.to_owned())),
        },
    }
}

/// Parses the arguments of `snapshot`. Everything after the options is the path, which may contain blanks.
fn parse_snapshot(arguments: &str) -> Result<SnapshotRequest, PaletteError> {
    let mut request = SnapshotRequest { path: String::new(), is_anonymized: false, is_forced: false };
    let mut rest = arguments;
    while rest.starts_with('-') {
        let (option, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        match option {
            "--anonymize" => request.is_anonymized = true,
            "--force" => request.is_forced = true,
            _ => return Err(PaletteError::UnknownOption("snapshot", option.to_owned())),
        }
        rest = after.trim_start();
    }
    if rest.is_empty() {
        return Err(PaletteError::MissingArgument("snapshot", "a file, such as incident.hapulse"));
    }
    rest.clone_into(&mut request.path);
    Ok(request)
}

/// Returns the command of this name if it is an action on servers or frontends, which can be named after it.
pub(crate) fn command_with_rows(name: &str) -> Option<&'static CommandSpec> {
    let command = COMMANDS.iter().find(|command| is_called(name, command.id))?;
    let UiCommand::StartAction(action) = command.ui_command else { return None };
    matches!(action.target_kind, TargetKind::Server | TargetKind::Frontend).then_some(command)
}

/// Returns what may have been meant by an unknown command, or how to find its name.
fn did_you_mean_command(line: &str) -> String {
    let last_parts = COMMANDS.iter().map(|command| command.id.rsplit('.').next().unwrap_or(command.id));
    let names = COMMANDS_WITH_ARGUMENTS.iter().map(|(name, ..)| *name).chain(last_parts);
    let word = line.split_whitespace().next().unwrap_or(line);
    let suggestion = suggest::did_you_mean(word, names.chain(COMMANDS.iter().map(|command| command.id)));
    if suggestion.is_empty() { "; Tab completes names".to_owned() } else { suggestion }
}

/// Returns whether a line names a command: by its id, or by the part of the id after the last dot.
fn is_called(line: &str, id: &str) -> bool {
    line == id || id.rsplit('.').next() == Some(line)
}

/// Returns the row of [`FORMER_NAMES`] for a palette line that is the former name of a command.
pub(crate) fn find_former_name(line: &str) -> Option<&'static FormerName> {
    let mut commands = FORMER_NAMES.iter().filter(|name| name.kind == NameKind::Command);
    commands.find(|name| is_called(line.trim(), name.former))
}

/// Changes the columns of a view. The column `name` always stays the first one. Returns false if the columns are the same
/// as before.
pub fn change_columns(settings: &mut TableSettings, changes: &[ColumnChange]) -> bool {
    let before: Vec<&str> = settings.columns.iter().map(|column| column.id).collect();
    let name = settings.columns.first().copied();
    let mut columns: Vec<&'static Column> = settings.columns.drain(..).skip(1).collect();
    if changes.iter().any(|change| matches!(change, ColumnChange::Only(_))) {
        columns.clear();
    }
    for change in changes {
        match change {
            ColumnChange::Remove(column) => columns.retain(|known| known.id != column.id),
            ColumnChange::Add(column) | ColumnChange::Only(column) => {
                if !columns.iter().any(|known| known.id == column.id) {
                    columns.push(column);
                }
            }
        }
    }
    settings.columns = name.into_iter().chain(columns.into_iter().filter(|column| column.id != "name")).collect();
    settings.hidden_columns = 0;
    settings.mark_changed();
    !settings.columns.iter().map(|column| column.id).eq(before)
}

/// Returns the common prefix of two words.
pub(crate) fn common_prefix<'a>(first: &'a str, second: &str) -> &'a str {
    let first_difference =
        first.char_indices().zip(second.chars()).find(|((_, a), b)| a != b).map(|((index, _), _)| index);
    &first[..first_difference.unwrap_or_else(|| first.len().min(second.len()))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::columns::column_sets;

    fn ids(settings: &TableSettings) -> Vec<&str> {
        settings.columns.iter().map(|column| column.id).collect()
    }

    fn changed(line: &str) -> TableSettings {
        let mut settings = TableSettings::new(&column_sets::LATENCY_VIEW[..4]);
        match parse(line) {
            Ok(PaletteCommand::Columns(changes)) => _ = change_columns(&mut settings, &changes),
            second => panic!("{second:?}"),
        }
        settings
    }

    #[test]
    fn change_columns_adds_removes_and_replaces() {
        assert_eq!(ids(&changed("cols +rtime -times")), ["name", "side", "status", "rtime"]);
        assert_eq!(ids(&changed("cols h1req/s scur")), ["name", "h1req/s", "scur"]);
        assert_eq!(ids(&changed("cols +status -name")), ["name", "side", "status", "times"]);
    }

    #[test]
    fn palette_parse_accepts_command_ids() {
        let id = |line: &str| match parse(line) {
            Ok(PaletteCommand::Run(command)) => command.id,
            second => panic!("{second:?}"),
        };
        assert_eq!(id("view.latency"), "view.latency");
        assert_eq!(id(" latency "), "view.latency");
        assert_eq!(id("quit"), "quit");
        assert_eq!(id("view latency"), "view.latency");
        let error = |line: &str| parse(line).unwrap_err().to_string();
        assert_eq!(error("nonsense"), "unknown command \"nonsense\"; Tab completes names");
        assert_eq!(error("latenzy"), "unknown command \"latenzy\"; did you mean latency?");
        assert_eq!(error("quit now"), "quit takes no arguments, but got \"now\"");
        assert_eq!(error("view.latency  6 7"), "view.latency takes no arguments, but got \"6 7\"");
        assert_eq!(error("view latenzy"), "unknown view \"latenzy\"; Tab completes names");
        let snapshot = |line: &str| match parse(line) {
            Ok(PaletteCommand::Snapshot(request)) => (request.path, request.is_anonymized, request.is_forced),
            second => panic!("{second:?}"),
        };
        assert_eq!(snapshot("snapshot  ~/my file.hapulse"), ("~/my file.hapulse".to_owned(), false, false));
        assert_eq!(snapshot("snapshot --force --anonymize ./-x"), ("./-x".to_owned(), true, true));
        assert_eq!(error("snapshot --force"), "snapshot needs a file, such as incident.hapulse");
        assert_eq!(error("snapshot -o x"), "snapshot does not know the option -o");
        let on_rows = parse("drain be_app/app1 be_api");
        assert!(
            matches!(on_rows, Ok(PaletteCommand::RunOnRows(command, rows)) if command.id == "server.drain" && rows == ["be_app/app1", "be_api"])
        );
        assert_eq!(parse("sort").unwrap_err().to_string(), "sort needs a column");
        assert!(matches!(parse("sort rtime"), Ok(PaletteCommand::Sort(column)) if column.id == "rtime"));
    }
}
