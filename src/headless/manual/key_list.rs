//! `hapulse man --keys`: every key, by group, as Markdown: `docs/keys.md` is what it prints.

use crate::app::commands::{COMMANDS, CommandSpec, Group};
use crate::app::key::Key;
use crate::app::palette::WITH_ARGUMENTS;

const HEAD: &str = "# Keys

Printed by `hapulse man --keys`, from the table that the dashboard's keys come from. The name is what `[keys]` in a
[configuration](configuration.md) takes to give an action other keys, and what can be typed behind `:`. Acts without a
key are in the menu that `a` opens. What a question, a menu or a line being typed takes stands on the screen with it;
`Esc` leaves each of them.
";

/// The whole page.
pub fn page() -> String {
    let typed = WITH_ARGUMENTS.iter().map(|(name, takes, help)| format!("| `{name} {takes}` | {} |\n", cell(help)));
    let typed: String = typed.collect();
    let groups: String = Group::ALL.into_iter().map(part).collect();
    format!(
        "{HEAD}{groups}\n## Typed behind `:`\n\nEvery name above, and\n\n| command | what it does |\n|---|---|\n{typed}"
    )
}

fn part(group: Group) -> String {
    let actions = COMMANDS.iter().filter(|action| action.group == group);
    let row = |action: &CommandSpec| format!("| {} | {} | `{}` |\n", keys(action), cell(action.help), action.id);
    let rows: String = actions.map(row).collect();
    format!("\n## {}\n\n| keys | what it does | name |\n|---|---|---|\n{rows}", group.title())
}

/// The keys of an action, as people read them.
fn keys(action: &CommandSpec) -> String {
    let keys = action.keys.iter().filter_map(|name| Key::parse(name));
    let keys: Vec<String> = keys.map(|key| format!("`{}`", cell(&key.to_string()))).collect();
    if keys.is_empty() { "–".to_owned() } else { keys.join(" ") }
}

/// A text that may stand in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
