//! The list under the command palette (`:`): the commands and arguments that the typed line can become, best first.

use crate::app::action_targets;
use crate::app::command_table::COMMANDS;
use crate::app::instance_view::InstanceView;
use crate::app::model::Model;
use crate::app::palette_parser::{self, COMMANDS_WITH_ARGUMENTS};
use crate::app::prompt::Prompt;
use crate::app::ui_commands::{CommandSpec, UiCommand};
use crate::haproxy::stat_table::{RowKind, StatRow};
use crate::table::columns::column::Column;
use crate::table::columns::column_table;

/// Maximum number of arguments of a command in the list.
const MAX_ARGUMENTS: usize = 100;

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

/// The source of the texts of an item.
#[derive(Debug, Clone, Copy)]
enum PaletteSource<'a> {
    /// A command without arguments.
    Command(&'static CommandSpec),
    /// A command, its arguments and its description.
    WithArguments(&'static (&'static str, &'static str, &'static str)),
    /// A column as an argument.
    Column(&'static Column),
    /// A view as an argument, by the command that shows it.
    View(&'static CommandSpec),
    /// A row of HAProxy as an argument.
    Row(&'a StatRow),
    /// The name of an instance as an argument.
    Instance(&'a str),
}

impl PaletteSource<'_> {
    /// Appends the name of an argument to a text.
    fn push_name(&self, text: &mut String) {
        match self {
            Self::Command(command) => text.push_str(command.id),
            Self::WithArguments((name, ..)) => text.push_str(name),
            Self::Instance(name) => text.extend([*name]),
            Self::Column(column) => text.push_str(column.id),
            Self::View(command) => text.push_str(last_part(command.id)),
            Self::Row(row) => row.name_parts().iter().for_each(|part| text.push_str(part)),
        }
    }

    fn help(&self) -> String {
        match self {
            Self::Command(command) | Self::View(command) => command.help.to_owned(),
            Self::WithArguments((.., help)) => (*help).to_owned(),
            Self::Column(column) => column.help.to_owned(),
            Self::Instance(_) => "a HAProxy of this dashboard".to_owned(),
            Self::Row(row) => {
                let kind = match row.kind {
                    RowKind::Frontend => "frontend",
                    RowKind::Backend => "backend",
                    RowKind::Server | RowKind::Listener => "server",
                };
                format!("{kind} {}", row.status())
            }
        }
    }
}

/// The items that match a palette line, best first. HAProxy may have very many rows, so the texts of an item are built
/// only when it is shown or chosen.
#[derive(Debug, Default)]
pub struct PaletteList<'a> {
    /// The part of the line before an argument.
    before: String,
    matches: Vec<(MatchRank, PaletteSource<'a>)>,
}

impl<'a> PaletteList<'a> {
    /// Returns the list for a palette line; all commands for an empty line.
    pub fn new(model: &'a Model, line: &str) -> Self {
        let line = line.trim_start();
        let arguments =
            line.split_once(char::is_whitespace).and_then(|(name, rest)| Self::arguments(model, name, rest));
        arguments.unwrap_or_else(|| Self::commands(line))
    }

    fn commands(line: &str) -> Self {
        let commands = COMMANDS.iter().filter_map(|command| {
            let rank = rank(command.id, command.help, line)?;
            Some((rank, PaletteSource::Command(command)))
        });
        let with_arguments = COMMANDS_WITH_ARGUMENTS.iter().filter_map(|command| {
            let rank = rank(command.0, command.2, line)?;
            Some((rank, PaletteSource::WithArguments(command)))
        });
        let mut matches: Vec<_> = commands.chain(with_arguments).collect();
        matches.sort_by_key(|(rank, _)| *rank);
        Self { before: String::new(), matches }
    }

    /// Returns the list for the last argument of a command; `None` if the command has no arguments.
    fn arguments(model: &'a Model, name: &str, rest: &str) -> Option<Self> {
        // A white space character can be longer than one byte.
        let blank = rest.char_indices().rfind(|(_, ch)| ch.is_whitespace());
        let (before, word) = rest.split_at(blank.map_or(0, |(index, ch)| index + ch.len_utf8()));
        let columns = |sign: &str, word: &str| {
            let columns = column_table::all().map(PaletteSource::Column);
            Self::narrowed(format!("{name} {before}{sign}"), word, columns)
        };
        let rows = |fits: &dyn Fn(RowKind) -> bool| {
            let sample = model.instance().and_then(|instance| instance.data.shown());
            let rows = sample.map_or(&[][..], |sample| sample.table.rows()).iter();
            let rows = rows.filter(|row| fits(row.kind) && row.kind != RowKind::Listener);
            Self::narrowed(format!("{name} {before}"), word, rows.map(PaletteSource::Row))
        };
        Some(match name {
            "sort" => columns("", word),
            "cols" => match word.strip_prefix(['+', '-']) {
                Some(column) => columns(&word[..1], column),
                None => columns("", word),
            },
            "view" => {
                let views = COMMANDS.iter().filter(|command| matches!(command.ui_command, UiCommand::ShowView(_)));
                Self::narrowed("view ".to_owned(), word, views.map(PaletteSource::View))
            }
            "only" => {
                let names = || model.instances.iter().map(InstanceView::names);
                let sources = names().map(|one| PaletteSource::Instance(one.display_name(names())));
                Self::narrowed("only ".to_owned(), word, sources)
            }
            "filter" | "go" => rows(&|_| true),
            _ => {
                let kind = action_targets::kind_of_rows(palette_parser::command_with_rows(name)?)?;
                rows(&|row| row == kind || kind == RowKind::Server && row == RowKind::Backend)
            }
        })
    }

    /// Returns the list of the arguments whose names begin with a word, or else contain it. HAProxy's names are ASCII.
    fn narrowed(before: String, word: &str, sources: impl Iterator<Item = PaletteSource<'a>>) -> Self {
        let word = word.to_ascii_lowercase();
        let mut name = String::new();
        let mut matches: Vec<_> = sources
            .filter_map(|source| {
                name.clear();
                source.push_name(&mut name);
                name.make_ascii_lowercase();
                let rank = match () {
                    () if name == word => MatchRank::Exact,
                    () if name.starts_with(&word) => MatchRank::Beginning,
                    () if name.contains(&word) => MatchRank::Inside,
                    () => return None,
                };
                Some((rank, source))
            })
            .collect();
        matches.sort_by_key(|(rank, _)| *rank);
        matches.truncate(MAX_ARGUMENTS);
        Self { before, matches }
    }

    /// Returns the text in place of an empty list while the name of a command is typed; the arguments of some commands
    /// have no list.
    pub(crate) fn empty_text(&self, line: &str) -> Option<&'static str> {
        let is_name = !line.trim_start().contains(char::is_whitespace);
        (self.len() == 0 && is_name).then_some("no command matches; Backspace shows more, Esc cancels")
    }

    /// Returns the number of items.
    pub(crate) fn len(&self) -> usize {
        self.matches.len()
    }

    /// Builds the item with this index, or returns `None` without such an item.
    pub(crate) fn item(&self, index: usize) -> Option<PaletteItem> {
        let (_, source) = self.matches.get(index)?;
        let mut name = String::new();
        source.push_name(&mut name);
        let (line, command) = match source {
            PaletteSource::Command(command) => (name.clone(), Some(*command)),
            PaletteSource::WithArguments((_, arguments, _)) => {
                let line = format!("{name} ");
                name = format!("{line}{arguments}");
                (line, None)
            }
            _ => (format!("{}{name}", self.before), None),
        };
        Some(PaletteItem { line, name, help: source.help(), command })
    }

    /// Builds all items.
    pub fn items(&self) -> impl Iterator<Item = PaletteItem> {
        (0..self.len()).filter_map(|index| self.item(index))
    }

    /// Returns the index of the item that Enter or Tab takes; `None` if Enter runs the line as it was typed.
    pub(crate) fn chosen_index(&self, prompt: &Prompt) -> Option<usize> {
        let typed = prompt.text().trim();
        match prompt.list_index {
            Some(index) => Some(index.min(self.len().checked_sub(1)?)),
            None if typed.is_empty() || palette_parser::parse(typed).is_ok() => None,
            None if palette_parser::find_former_name(typed).is_some() => None,
            // What the operator typed must be the beginning of a name: a word of a description is too vague to run.
            None => self.matches.first().filter(|(rank, _)| *rank <= MatchRank::LastPart).map(|_| 0),
        }
    }

    /// Returns the part of the best item that was not typed yet, if the item begins with what was typed.
    pub(crate) fn ghost_text(&self, prompt: &Prompt) -> Option<String> {
        let item = self.item(prompt.list_index.unwrap_or(0))?;
        let rest = item.line.strip_prefix(prompt.text()).filter(|_| !prompt.text().is_empty())?;
        Some(rest.to_owned())
    }
}

/// Returns how well a command matches a line; `None` if it does not.
fn rank(id: &str, help: &str, line: &str) -> Option<MatchRank> {
    let line = line.trim().to_lowercase();
    let last_part = last_part(id);
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

fn last_part(id: &str) -> &str {
    id.rsplit('.').next().unwrap_or(id)
}

/// Returns the line that Enter runs: the chosen item, or the line as it was typed.
pub(crate) fn line_to_run(model: &Model, prompt: &Prompt) -> String {
    let list = PaletteList::new(model, prompt.text());
    let chosen = list.chosen_index(prompt).and_then(|index| list.item(index));
    chosen.map_or_else(|| prompt.text().to_owned(), |item| item.line)
}

/// Completes the line: with the chosen item, or up to the first character in which the items differ. Returns `None` if
/// that adds nothing; then Tab goes to the next item.
pub(crate) fn completed_line(model: &Model, prompt: &Prompt) -> Option<String> {
    let list = PaletteList::new(model, prompt.text());
    let line = match (prompt.list_index, list.len()) {
        (Some(index), _) => list.item(index)?.line,
        (None, 1) => list.item(0)?.line,
        (None, _) => {
            let typed = prompt.text().to_lowercase();
            let beginnings = list.items().map(|item| item.line).filter(|line| line.starts_with(&typed));
            beginnings.reduce(|one, other| palette_parser::common_prefix(&one, &other).to_owned())?
        }
    };
    (line != prompt.text()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleBuilder;

    #[test]
    fn narrowed_keeps_the_best_of_very_many_rows() {
        let names = (0..MAX_ARGUMENTS).map(|number| format!("old-web{number}"));
        let rows = names.chain(["WEB".to_owned(), "web1".to_owned()]);
        let stat = rows
            .fold("# pxname,svname,type,status,\n".to_owned(), |stat, name| format!("{stat}{name},FRONTEND,0,OPEN,\n"));
        let sample = SampleBuilder::default().build_at_millis(0, &stat);
        let sources = sample.table.rows().iter().map(PaletteSource::Row);
        let list = PaletteList::narrowed("go ".to_owned(), "Web", sources);
        let first: Vec<String> = list.items().take(3).map(|item| item.line).collect();
        assert_eq!(first, ["go WEB", "go web1", "go old-web0"]);
        assert_eq!(list.len(), MAX_ARGUMENTS);
    }
}
