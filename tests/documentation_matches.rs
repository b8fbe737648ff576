//! Commands, flags, keys and environment variables are documented in several places: the help, the manual page, shell
//! completions, README.md and docs/. Each place lists what it must, and nothing that does not exist.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use clap::error::ErrorKind;
use hapulse::app::command_table::COMMANDS;
use hapulse::app::key::Key;
use hapulse::app::palette_parser::{self, COMMANDS_WITH_ARGUMENTS};
use hapulse::app::ui_commands::{CommandGroup, CommandSpec};
use hapulse::config::setting_table::SETTINGS;

const README: &str = include_str!("../README.md");
const GUIDE: &str = include_str!("../docs/guide.md");
const KEY_PAGE: &str = include_str!("../docs/keys.md");
/// Pages with hapulse command lines.
const PAGES: [(&str, &str); 9] = [
    ("README.md", README),
    ("docs/configuration.md", include_str!("../docs/configuration.md")),
    ("docs/deploy.md", include_str!("../docs/deploy.md")),
    ("docs/audit.md", include_str!("../docs/audit.md")),
    ("docs/guide.md", GUIDE),
    ("docs/from-hatop.md", include_str!("../docs/from-hatop.md")),
    ("docs/install.md", include_str!("../docs/install.md")),
    ("docs/recipes.md", include_str!("../docs/recipes.md")),
    ("docs/json.md", include_str!("../docs/json.md")),
];
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

fn run(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_hapulse")).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the text of the manual page without font changes and escapes.
fn manual() -> String {
    let page = run(&["man"]);
    let unescaped = page.replace("\\-", "-").replace("\\*(Aq", "'").replace("\\&", "");
    ["\\fB", "\\fI", "\\fR"].iter().fold(unescaped, |text, font| text.replace(font, "")).replace("\\\\", "\\")
}

/// Returns the part of the manual page below a heading, up to the next heading of the same level.
fn section_of(page: &str, heading: &str) -> String {
    let mut rest = page.lines().skip_while(|line| *line != heading);
    assert!(rest.next().is_some(), "no {heading} in {page}");
    let is_end = |line: &str| line.starts_with(".SH ") || heading.starts_with(".SS ") && line.starts_with(".SS ");
    rest.take_while(|line| !is_end(line)).fold(String::new(), |text, line| text + "\n" + line) + "\n"
}

/// Returns the main command and each subcommand, without clap's `help`.
fn all_commands() -> Vec<clap::Command> {
    let mut command = hapulse::cli::command();
    command.build();
    let subcommands: Vec<clap::Command> =
        command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help").cloned().collect();
    assert!(subcommands.len() >= 7, "{}", subcommands.len());
    std::iter::once(command).chain(subcommands).collect()
}

/// Returns the flags of a command in all spellings.
fn flags(command: &clap::Command) -> BTreeSet<String> {
    let mut flags = BTreeSet::new();
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
        flags.extend(arg.get_short().map(|short| format!("-{short}")));
        flags.extend(arg.get_long().map(|long| format!("--{long}")));
        flags.extend(arg.get_visible_aliases().unwrap_or_default().iter().map(|name| format!("--{name}")));
    }
    flags
}

/// Returns every word of a text that has the form of a long flag.
fn flags_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|ch: char| !(ch.is_ascii_lowercase() || ch == '-'));
    words
        .filter(|word| word.len() > 3 && word.starts_with("--") && !word[2..].starts_with('-'))
        .map(str::to_owned)
        .collect()
}

fn all_flags() -> BTreeSet<String> {
    all_commands().iter().flat_map(flags).collect()
}

#[test]
fn manual_page_lists_exactly_all_commands_and_flags() {
    let page = manual();
    for command in all_commands() {
        let name = command.get_name();
        let part = if name == "hapulse" {
            section_of(&page, ".SH OPTIONS")
        } else {
            section_of(&page, &format!(".SS \"hapulse {name}\""))
        };
        let long = flags(&command).into_iter().filter(|flag| flag.starts_with("--"));
        for flag in long {
            assert!(flags_in(&part).contains(&flag), "{name} {flag}: {part}");
        }
        let help = command.get_about().unwrap().to_string();
        assert!(name == "hapulse" || part.contains(&help), "{help}");
    }
    let (listed, known) = (flags_in(&page), all_flags());
    assert_eq!(listed.difference(&known).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn help_lists_every_command_and_flag() {
    for command in all_commands() {
        let name = command.get_name().to_owned();
        let help = if name == "hapulse" { run(&["--help"]) } else { run(&[&name, "--help"]) };
        let (listed, known) = (flags_in(&help), all_flags());
        assert_eq!(listed.difference(&known).collect::<Vec<_>>(), [""; 0], "{name}");
        for flag in flags(&command) {
            let words = help.split(|ch: char| !(ch.is_ascii_alphabetic() || ch == '-'));
            assert!(words.into_iter().any(|word| word == flag), "{name} {flag}: {help}");
        }
        for subcommand in command.get_subcommands() {
            assert!(help.contains(&format!("\n  {} ", subcommand.get_name())), "{}: {help}", subcommand.get_name());
        }
    }
}

#[test]
fn completions_contain_every_command_and_flag() {
    for shell in SHELLS {
        let script = run(&["completions", shell]);
        for command in all_commands() {
            let subcommands = command.get_subcommands().map(|subcommand| subcommand.get_name().to_owned());
            let long = flags(&command).into_iter().filter_map(|flag| flag.strip_prefix("--").map(str::to_owned));
            for word in subcommands.chain(long) {
                let mut words = script.split(|ch: char| !(ch.is_ascii_alphanumeric() || ch == '-'));
                assert!(words.any(|known| known.trim_start_matches('-') == word), "{shell}: {word}");
            }
        }
    }
}

#[test]
fn bash_completion_completes_commands_flags_and_values() {
    let script = run(&["completions", "bash"]);
    for (typed, expected) in [
        (vec!["hapulse", "dr"], vec!["drain"]),
        (vec!["hapulse", "drain", "--th"], vec!["--then"]),
        (vec!["hapulse", "--theme", "l"], vec!["light"]),
        (vec!["hapulse", "completions", "z"], vec!["zsh"]),
        (vec!["hapulse", "-n", "dr"], vec!["drain"]),
        (vec!["hapulse", "--theme", "dark", "che"], vec!["check"]),
        (vec!["hapulse", "-n", "drain", "--th"], vec!["--then"]),
    ] {
        let last = typed.len() - 1;
        let bash_script = format!(
            "{script}\nCOMP_WORDS=({}); COMP_CWORD={last}\n_hapulse hapulse '{}' '{}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
            typed.join(" "),
            typed[last],
            typed[last - 1],
        );
        let output = Command::new("bash").args(["--norc", "-c", &bash_script]).output().unwrap();
        let completions = String::from_utf8(output.stdout).unwrap();
        assert_eq!(completions.lines().collect::<Vec<_>>(), expected, "{typed:?}");
    }
}

/// zsh would take the first word for a target, and complete nothing after it.
#[test]
fn n3_zsh_completion_expects_a_command_or_path_first() {
    let script = run(&["completions", "zsh"]);
    let (root, commands) = script.split_once("case $state in").unwrap();
    assert!(
        root.contains("{_alternative 'commands:command:_hapulse_commands' 'targets:target:_hapulse_targets'}"),
        "{root}"
    );
    assert!(!root.contains("TARGET\\:") && !root.contains("target_args"), "{root}");
    assert!(commands.contains("case $line[1] in\n            (demo)"), "{commands}");
    let show = commands.lines().find(|line| line.starts_with("'*::words -- ")).unwrap();
    assert!(
        show.contains(":_hapulse_views'") && root.contains("'views:view:(") && root.contains(" latency "),
        "{show}"
    );
}

/// fish parses the words before the cursor; a flag whose value is being typed must not be an error.
#[test]
fn n3_fish_completion_completes_values_of_flags_and_arguments() {
    let script = run(&["completions", "fish"]);
    let parsers: Vec<&str> = script.lines().filter(|line| line.contains("argparse -s")).collect();
    assert!(
        parsers.len() == 2 && parsers[1].contains("or argparse") && parsers[1].contains("$cmd[1..-2]"),
        "{parsers:?}"
    );
    assert!(script.contains("\"__fish_hapulse_using_subcommand completions\" -f -a \"bash "), "{script}");
}

#[test]
fn keys_page_matches_printed_keys() {
    let printed = run(&["man", "--keys"]);
    let different = KEY_PAGE.lines().zip(printed.lines()).find(|(here, printed)| here != printed);
    assert_eq!(different, None, "hapulse man --keys > docs/keys.md");
    assert_eq!(KEY_PAGE.len(), printed.len());
    for command in COMMANDS {
        let row = KEY_PAGE.lines().find(|line| line.ends_with(&format!("| `{}` |", command.id))).unwrap();
        assert!(row.contains(command.help), "{row}");
        for key in command.keys {
            assert!(row.contains(&format!("`{}`", Key::parse(key).unwrap())), "{key}: {row}");
        }
    }
}

#[test]
fn problems_page_matches_printed_rules_and_causes() {
    let printed = run(&["man", "--problems"]);
    let page = include_str!("../docs/problems.md");
    let different = page.lines().zip(printed.lines()).find(|(here, printed)| here != printed);
    assert_eq!(different, None, "hapulse man --problems > docs/problems.md");
    assert_eq!(page.len(), printed.len());
    for part in ["- seen: ", "- means: ", "- do: ", "- shown by: ", "- silence: "] {
        let (causes, parts) = (page.matches("\n### `").count(), page.matches(part).count());
        assert!(causes >= 25 && causes == parts, "{part}: {parts} of {causes}");
    }
}

#[test]
fn manual_page_lists_every_key_and_palette_command() {
    let page = manual();
    let keys = section_of(&page, ".SH KEYS");
    for command in COMMANDS {
        let names = command.keys.iter().map(|name| Key::parse(name).unwrap().label(true)).collect::<Vec<_>>().join(" ");
        let names = if names.is_empty() { ":" } else { &names };
        let entry = format!("\n{names}  {}\n{}\n", command.id, command.help);
        assert!(keys.contains(&entry), "{entry}{keys}");
    }
    assert_eq!(keys.matches("\n.TP").count(), COMMANDS.len() + COMMANDS_WITH_ARGUMENTS.len());
    for (name, argument, help) in COMMANDS_WITH_ARGUMENTS {
        assert!(keys.contains(&format!("\n{name} {argument}\n{help}\n")), "{name}");
    }
}

/// Returns the pieces between backquotes in the first cells of the table of keys below a heading: codes at even
/// indices.
fn key_table_pieces(page: &'static str, heading: &str) -> Vec<&'static str> {
    let has_heading = |section: &&str| section.lines().next() == Some(heading);
    let section = page.split("\n## ").find(has_heading).unwrap_or_else(|| panic!("no section {heading}"));
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.trim_start_matches("| ").split(" | ").next().unwrap());
    cells.flat_map(|cell| cell.split('`').skip(1)).collect()
}

/// Returns both names of a key: the one of configuration files and its ASCII label.
fn key_names(key: Key) -> [String; 2] {
    [key.to_string(), key.label(true)]
}

/// Returns whether a command is bound to the key of this name.
fn has_key(name: &str) -> bool {
    COMMANDS
        .iter()
        .flat_map(|command| command.keys)
        .any(|key| key_names(Key::parse(key).unwrap()).iter().any(|known| known == name))
}

/// Returns the names of the keys in the table of keys below a heading, with ranges expanded. Asserts that each `:` line
/// of the table is a valid palette command.
fn key_table_names(page: &'static str, heading: &str) -> BTreeSet<String> {
    let pieces = key_table_pieces(page, heading);
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (index, piece) in pieces.iter().enumerate().step_by(2) {
        if let Some(line) = piece.strip_prefix(':').filter(|line| !line.is_empty()) {
            assert!(palette_parser::parse(line).is_ok(), "{piece}");
            continue;
        }
        names.insert((*piece).to_owned());
        // A range up to the next key.
        if pieces.get(index + 1).is_some_and(|between| between.trim() == "–") {
            let last = pieces[index + 2];
            let (prefix, first) = piece.split_at(piece.len() - 1);
            let number = |text: &str| text[prefix.len()..].parse::<u8>().unwrap();
            names
                .extend((number(&format!("{prefix}{first}"))..=number(last)).map(|number| format!("{prefix}{number}")));
        }
    }
    names
}

/// Returns the names that are not names of bound keys.
fn unknown_keys(names: &BTreeSet<String>) -> Vec<&String> {
    names.iter().filter(|name| !has_key(name)).collect()
}

#[test]
fn guide_key_table_lists_existing_keys_and_every_action() {
    let listed = key_table_names(GUIDE, "Keys");
    let unknown = unknown_keys(&listed);
    assert!(unknown.is_empty() && listed.len() > 40, "{unknown:?} of {}", listed.len());
    let is_listed = |command: &&CommandSpec| {
        let first = command.keys.first().map(|key| key_names(Key::parse(key).unwrap()));
        first.is_none_or(|names| names.iter().any(|name| listed.contains(name)))
    };
    let actions =
        COMMANDS.iter().filter(|command| [CommandGroup::Actions, CommandGroup::Mark].contains(&command.group));
    let missing: Vec<&str> = actions.filter(|command| !is_listed(command)).map(|command| command.id).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn readme_key_table_lists_existing_keys() {
    let listed = key_table_names(README, "The keys that matter");
    let unknown = unknown_keys(&listed);
    assert!(unknown.is_empty() && listed.len() > 10, "{unknown:?} of {}", listed.len());
}

/// Splits a command line into words as a shell does, up to a pipe, redirection, `;`, `#` or two blanks.
fn words(line: &str) -> Vec<String> {
    let line = line.split("  ").next().unwrap().split(['|', '>', ';', '#']).next().unwrap();
    let mut words = Vec::new();
    for (index, piece) in line.split('"').enumerate() {
        if index % 2 == 1 {
            words.push(piece.replace(['$', '{', '}'], ""));
        } else {
            words.extend(piece.split_whitespace().map(|word| word.replace(['$', '{', '}'], "")));
        }
    }
    words
}

/// Returns the hapulse command lines of a page: in code blocks and in inline code.
fn hapulse_calls(page: &str) -> Vec<&str> {
    let mut calls = Vec::new();
    for (index, part) in page.split("```").enumerate() {
        if index % 2 == 1 {
            calls.extend(part.lines().map(str::trim).filter(|line| line.starts_with("hapulse ")));
        } else {
            calls.extend(part.split('`').skip(1).step_by(2).filter(|code| code.starts_with("hapulse ")));
        }
    }
    calls
}

fn parse_call(line: &str) -> Result<(), String> {
    match hapulse::cli::argument_parser::parse(words(line)) {
        Ok(_) => Ok(()),
        // A subcommand's name without its arguments is a valid mention.
        Err(error) if error.kind() == ErrorKind::MissingRequiredArgument && words(line).len() == 2 => Ok(()),
        Err(error) => Err(format!("{line}: {error}")),
    }
}

#[test]
fn calls_in_documents_and_help_are_valid() {
    let mut errors = Vec::new();
    let (mut count, known) = (0, all_flags());
    for (name, page) in PAGES {
        let calls = hapulse_calls(page);
        count += calls.len();
        errors.extend(
            calls.into_iter().filter_map(|line| parse_call(line).err()).map(|error| format!("{name}: {error}")),
        );
        let code = page.split('`').skip(1).step_by(2).filter(|code| code.starts_with("--"));
        errors
            .extend(code.flat_map(flags_in).filter(|flag| !known.contains(flag)).map(|flag| format!("{name}: {flag}")));
    }
    for command in all_commands() {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let calls: Vec<&str> = after.lines().map(str::trim).filter(|line| line.starts_with("hapulse ")).collect();
        count += calls.len();
        errors.extend(calls.into_iter().filter_map(|line| parse_call(line).err()));
    }
    assert!(errors.is_empty() && count > 40, "{count}: {errors:#?}");
    for line in ["hapulse drain be/s --nope", "hapulse -m 12", "hapulse completions", "hapulse drian be/s extra:"] {
        assert!(parse_call(line).is_err() || line.ends_with("completions"), "{line}");
    }
}

/// Adds the names of the environment variables that the sources in a directory read.
fn collect_variables_read(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_variables_read(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for prefix in ["var(\"", "var_os(\"", "non_empty(\"", "path(\"", "variable(\""] {
            let names = code.split(prefix).skip(1).filter_map(|rest| rest.split('"').next());
            let is_name = |name: &&str| name.len() > 1 && name.chars().all(|ch| ch.is_ascii_uppercase() || ch == '_');
            found.extend(names.filter(is_name).map(str::to_owned));
        }
    }
}

#[test]
fn manual_page_lists_every_environment_variable() {
    let page = manual();
    let part = section_of(&page, ".SH ENVIRONMENT");
    let listed: BTreeSet<&str> = part.split(|ch: char| !(ch.is_ascii_uppercase() || ch == '_')).collect();
    let mut read = BTreeSet::new();
    collect_variables_read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut read);
    assert!(read.len() > 10, "{read:?}");
    let settings = SETTINGS.iter().filter_map(hapulse::config::setting_table::Setting::variable);
    for name in settings.chain(read) {
        assert!(listed.contains(name.as_str()), "{name}: {part}");
    }
}
