//! The list under the command palette (`:`): the commands and arguments that the typed line can become, best first.

use crate::app::action_targets;
use crate::app::command_table::COMMANDS;
use crate::app::model::Model;
use crate::app::palette_parser::{self, COMMANDS_WITH_ARGUMENTS};
use crate::app::prompt::Prompt;
use crate::app::ui_commands::{CommandSpec, UiCommand};
use crate::haproxy::stat_table::RowKind;
use crate::table::columns::column_table;

/// Maximum number of rows of HAProxy in the list.
const MAX_ROWS: usize = 100;

/// A line of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct PaletteItem {
    /// The palette line that the item stands for; ends with a blank if an argument must follow.
    pub line: String,
    /// Name shown, with the arguments.
    pub(crate) name: String,
    /// Description.
    pub(crate) help: String,
    /// Command whose keys are shown.
    pub(crate) command: Option<&'static CommandSpec>,
    /// Quality of the match with what was typed; smaller is better.
    rank: MatchRank,
}

/// The quality of a match, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum MatchRank {
    Exact,
    Beginning,
    /// The part of the name after its last dot begins with the text.
    LastPart,
    Inside,
    /// The words occur in the name and the description.
    Words,
}

/// Returns the items that match a palette line, best first; all commands for an empty line.
pub fn matching_items(model: &Model, line: &str) -> Vec<PaletteItem> {
    let line = line.trim_start();
    if let Some((name, rest)) = line.split_once(char::is_whitespace) {
        let items = argument_items(model, name, rest);
        if items.is_some() {
            return items.unwrap_or_default();
        }
    }
    let with_arguments = COMMANDS_WITH_ARGUMENTS.iter().filter_map(|(name, arguments, help)| {
        let rank = rank(name, help, line)?;
        let line = format!("{name} ");
        Some(PaletteItem { line, name: format!("{name} {arguments}"), help: (*help).to_owned(), command: None, rank })
    });
    let commands = COMMANDS.iter().filter_map(|command| {
        let rank = rank(command.id, command.help, line)?;
        let (id, help) = (command.id.to_owned(), command.help.to_owned());
        Some(PaletteItem { line: id.clone(), name: id, help, command: Some(command), rank })
    });
    let mut items: Vec<PaletteItem> = commands.chain(with_arguments).collect();
    items.sort_by_key(|item| item.rank);
    items
}

/// Returns how well a command matches a line; `None` if it does not.
fn rank(id: &str, help: &str, line: &str) -> Option<MatchRank> {
    let line = line.trim().to_lowercase();
    let last_part = id.rsplit('.').next().unwrap_or(id);
    if line.is_empty() || id == line || last_part == line {
        return Some(MatchRank::Exact);
    }
    let help = help.to_lowercase();
    match () {
        () if id.starts_with(&line) => Some(MatchRank::Beginning),
        () if last_part.starts_with(&line) => Some(MatchRank::LastPart),
        () if id.contains(&line) => Some(MatchRank::Inside),
        () if line.split_whitespace().all(|word| id.contains(word) || help.contains(word)) => Some(MatchRank::Words),
        () => None,
    }
}

/// Returns the items for the last argument of a command; `None` if the command has no arguments.
fn argument_items(model: &Model, name: &str, rest: &str) -> Option<Vec<PaletteItem>> {
    // A white space character can be longer than one byte.
    let blank = rest.char_indices().rfind(|(_, ch)| ch.is_whitespace());
    let (before, word) = rest.split_at(blank.map_or(0, |(index, ch)| index + ch.len_utf8()));
    let columns = |sign: &str, word: &str| {
        let items = column_table::all().map(|column| (column.id.to_owned(), column.help.to_owned()));
        narrowed(&format!("{name} {before}{sign}"), word, items)
    };
    Some(match name {
        "sort" => columns("", word),
        "cols" => match word.strip_prefix(['+', '-']) {
            Some(column) => columns(&word[..1], column),
            None => columns("", word),
        },
        "view" => {
            let views = COMMANDS.iter().filter(|command| matches!(command.ui_command, UiCommand::ShowView(_)));
            let views = views.map(|command| (last_part(command.id).to_owned(), command.help.to_owned()));
            narrowed("view ", word, views)
        }
        "filter" | "go" => narrowed(&format!("{name} {before}"), word, rows(model, |_| true).into_iter()),
        _ => {
            let kind = action_targets::kind_of_rows(palette_parser::command_with_rows(name)?)?;
            let fits = |row: RowKind| row == kind || kind == RowKind::Server && row == RowKind::Backend;
            narrowed(&format!("{name} {before}"), word, rows(model, fits).into_iter())
        }
    })
}

/// Returns the names of the rows of some kinds, with their states.
fn rows(model: &Model, fits: impl Fn(RowKind) -> bool) -> Vec<(String, String)> {
    let Some(sample) = model.instance().and_then(|instance| instance.data.shown()) else { return Vec::new() };
    let rows = sample.table.rows().iter().filter(|row| fits(row.kind) && row.kind != RowKind::Listener);
    rows.map(|row| {
        let kind = match row.kind {
            RowKind::Frontend => "frontend",
            RowKind::Backend => "backend",
            RowKind::Server | RowKind::Listener => "server",
        };
        (action_targets::palette_name(row), format!("{kind} {}", row.status()))
    })
    .collect()
}

/// Returns the names that begin with a word, or else contain it, as items of a line.
fn narrowed(before: &str, word: &str, names: impl Iterator<Item = (String, String)>) -> Vec<PaletteItem> {
    let word = word.to_lowercase();
    let mut items: Vec<PaletteItem> = names
        .filter_map(|(name, help)| {
            let lower = name.to_lowercase();
            let rank = match () {
                () if lower == word => MatchRank::Exact,
                () if lower.starts_with(&word) => MatchRank::Beginning,
                () if lower.contains(&word) => MatchRank::Inside,
                () => return None,
            };
            Some(PaletteItem { line: format!("{before}{name}"), name, help, command: None, rank })
        })
        .collect();
    items.sort_by_key(|item| item.rank);
    items.truncate(MAX_ROWS);
    items
}

fn last_part(id: &str) -> &str {
    id.rsplit('.').next().unwrap_or(id)
}

/// Returns the index of the item that Enter or Tab takes; `None` if Enter runs the line as it was typed.
pub(crate) fn chosen_index(prompt: &Prompt, items: &[PaletteItem]) -> Option<usize> {
    let typed = prompt.text().trim();
    match prompt.list_index {
        Some(index) => Some(index.min(items.len().checked_sub(1)?)),
        None if typed.is_empty() || palette_parser::parse(typed).is_ok() => None,
        None if palette_parser::find_former_name(typed).is_some() => None,
        // What the operator typed must be the beginning of a name: a word of a description is too vague to run.
        None => items.iter().position(|item| item.rank <= MatchRank::LastPart).filter(|index| *index == 0),
    }
}

/// Returns the line that Enter runs: the chosen item, or the line as it was typed.
pub(crate) fn line_to_run(model: &Model, prompt: &Prompt) -> String {
    let items = matching_items(model, prompt.text());
    chosen_index(prompt, &items).map_or_else(|| prompt.text().to_owned(), |index| items[index].line.clone())
}

/// Completes the line: with the chosen item, or up to the first character in which the items differ. Returns `None` if
/// that adds nothing; then Tab goes to the next item.
pub(crate) fn completed_line(model: &Model, prompt: &Prompt) -> Option<String> {
    let items = matching_items(model, prompt.text());
    let line = match (prompt.list_index, items.as_slice()) {
        (Some(index), items) => items.get(index)?.line.clone(),
        (None, [only]) => only.line.clone(),
        (None, items) => {
            let typed = prompt.text().to_lowercase();
            let beginnings = items.iter().map(|item| item.line.as_str()).filter(|line| line.starts_with(&typed));
            beginnings.reduce(palette_parser::common_prefix)?.to_owned()
        }
    };
    (line != prompt.text()).then_some(line)
}

/// Returns the part of the best item that was not typed yet, if the item begins with what was typed.
pub(crate) fn ghost_text(prompt: &Prompt, items: &[PaletteItem]) -> Option<String> {
    let item = items.get(prompt.list_index.unwrap_or(0))?;
    let rest = item.line.strip_prefix(prompt.text()).filter(|_| !prompt.text().is_empty())?;
    Some(rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrowed_keeps_the_best_of_very_many_names() {
        let names = (0..MAX_ROWS).map(|number| format!("old-web{number}")).chain(["web".to_owned(), "web1".to_owned()]);
        let items = narrowed("go ", "web", names.map(|name| (name, String::new())));
        let first: Vec<&str> = items.iter().take(3).map(|item| item.name.as_str()).collect();
        assert_eq!(first, ["web", "web1", "old-web0"]);
        assert_eq!(items.len(), MAX_ROWS);
    }
}
