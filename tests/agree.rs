//! What hapulse is told to do stands in many places: its help, the manual page, completions, the README, the documents.
//! All of them tell of every command, flag and key that they should, and of none that is not there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use clap::error::ErrorKind;
use hapulse::app::commands::{COMMANDS, CommandSpec, Group};
use hapulse::app::key::Key;
use hapulse::app::palette::{self, WITH_ARGUMENTS};
use hapulse::config::setting_table::KEYS;

const README: &str = include_str!("../README.md");
const KEY_PAGE: &str = include_str!("../docs/keys.md");
/// Pages that tell how hapulse is called.
const PAGES: [(&str, &str); 9] = [
    ("README.md", README),
    ("docs/configuration.md", include_str!("../docs/configuration.md")),
    ("docs/deploy.md", include_str!("../docs/deploy.md")),
    ("docs/audit.md", include_str!("../docs/audit.md")),
    ("docs/guide.md", include_str!("../docs/guide.md")),
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

/// The manual page as it is read: without fonts and escapes.
fn manual() -> String {
    let page = run(&["man"]);
    let unescaped = page.replace("\\-", "-").replace("\\*(Aq", "'").replace("\\&", "");
    ["\\fB", "\\fI", "\\fR"].iter().fold(unescaped, |text, font| text.replace(font, "")).replace("\\\\", "\\")
}

/// The part of the manual page under a heading, up to the next one of its level.
fn under(page: &str, heading: &str) -> String {
    let mut rest = page.lines().skip_while(|line| *line != heading);
    assert!(rest.next().is_some(), "no {heading} in {page}");
    let is_end = |line: &str| line.starts_with(".SH ") || heading.starts_with(".SS ") && line.starts_with(".SS ");
    rest.take_while(|line| !is_end(line)).fold(String::new(), |text, line| text + "\n" + line) + "\n"
}

/// The command line, then each command; those of clap's own among them not.
fn all_commands() -> Vec<clap::Command> {
    let mut command = hapulse::cli::command();
    command.build();
    let own: Vec<clap::Command> = command.get_subcommands().filter(|own| own.get_name() != "help").cloned().collect();
    assert!(own.len() >= 7, "{}", own.len());
    std::iter::once(command).chain(own).collect()
}

/// The flags of a command in all their spellings.
fn flags(command: &clap::Command) -> BTreeSet<String> {
    let mut flags = BTreeSet::new();
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
        flags.extend(arg.get_short().map(|short| format!("-{short}")));
        flags.extend(arg.get_long().map(|long| format!("--{long}")));
        flags.extend(arg.get_visible_aliases().unwrap_or_default().iter().map(|name| format!("--{name}")));
    }
    flags
}

/// Everything in a text that looks like a long flag.
fn told_flags(text: &str) -> BTreeSet<String> {
    let words = text.split(|ch: char| !(ch.is_ascii_lowercase() || ch == '-'));
    words
        .filter(|word| word.len() > 3 && word.starts_with("--") && !word[2..].starts_with('-'))
        .map(str::to_owned)
        .collect()
}

fn every_flag() -> BTreeSet<String> {
    all_commands().iter().flat_map(flags).collect()
}

#[test]
fn the_manual_page_tells_of_every_command_and_flag_and_of_no_other() {
    let page = manual();
    for command in all_commands() {
        let name = command.get_name();
        let part = if name == "hapulse" {
            under(&page, ".SH OPTIONS")
        } else {
            under(&page, &format!(".SS \"hapulse {name}\""))
        };
        let long = flags(&command).into_iter().filter(|flag| flag.starts_with("--"));
        for flag in long {
            assert!(told_flags(&part).contains(&flag), "{name} {flag}: {part}");
        }
        let help = command.get_about().unwrap().to_string();
        assert!(name == "hapulse" || part.contains(&help), "{help}");
    }
    let (told, known) = (told_flags(&page), every_flag());
    assert_eq!(told.difference(&known).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn the_help_tells_of_every_command_and_flag() {
    for command in all_commands() {
        let name = command.get_name().to_owned();
        let help = if name == "hapulse" { run(&["--help"]) } else { run(&[&name, "--help"]) };
        let (told, known) = (told_flags(&help), every_flag());
        assert_eq!(told.difference(&known).collect::<Vec<_>>(), [""; 0], "{name}");
        for flag in flags(&command) {
            let words = help.split(|ch: char| !(ch.is_ascii_alphabetic() || ch == '-'));
            assert!(words.into_iter().any(|word| word == flag), "{name} {flag}: {help}");
        }
        for own in command.get_subcommands() {
            assert!(help.contains(&format!("\n  {} ", own.get_name())), "{}: {help}", own.get_name());
        }
    }
}

#[test]
fn completions_know_every_command_and_flag() {
    for shell in SHELLS {
        let script = run(&["completions", shell]);
        for command in all_commands() {
            let own = command.get_subcommands().map(|own| own.get_name().to_owned());
            let long = flags(&command).into_iter().filter_map(|flag| flag.strip_prefix("--").map(str::to_owned));
            for word in own.chain(long) {
                let mut words = script.split(|ch: char| !(ch.is_ascii_alphanumeric() || ch == '-'));
                assert!(words.any(|known| known.trim_start_matches('-') == word), "{shell}: {word}");
            }
        }
    }
}

#[test]
fn bash_completes() {
    let script = run(&["completions", "bash"]);
    for (typed, expected) in [
        (vec!["hapulse", "dr"], vec!["drain"]),
        (vec!["hapulse", "drain", "--th"], vec!["--then"]),
        (vec!["hapulse", "--theme", "l"], vec!["light"]),
        (vec!["hapulse", "completions", "z"], vec!["zsh"]),
    ] {
        let last = typed.len() - 1;
        let asked = format!(
            "{script}\nCOMP_WORDS=({}); COMP_CWORD={last}\n_hapulse hapulse '{}' '{}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
            typed.join(" "),
            typed[last],
            typed[last - 1],
        );
        let output = Command::new("bash").args(["--norc", "-c", &asked]).output().unwrap();
        let offered = String::from_utf8(output.stdout).unwrap();
        assert_eq!(offered.lines().collect::<Vec<_>>(), expected, "{typed:?}");
    }
}

#[test]
fn the_page_of_keys_is_the_one_that_is_printed() {
    let printed = run(&["man", "--keys"]);
    let different = KEY_PAGE.lines().zip(printed.lines()).find(|(here, printed)| here != printed);
    assert_eq!(different, None, "hapulse man --keys > docs/keys.md");
    assert_eq!(KEY_PAGE.len(), printed.len());
    for action in COMMANDS {
        let row = KEY_PAGE.lines().find(|line| line.ends_with(&format!("| `{}` |", action.id))).unwrap();
        assert!(row.contains(action.help), "{row}");
        for key in action.keys {
            assert!(row.contains(&format!("`{}`", Key::parse(key).unwrap())), "{key}: {row}");
        }
    }
}

#[test]
fn the_manual_page_tells_of_every_key_and_of_every_command_line() {
    let page = manual();
    let keys = under(&page, ".SH KEYS");
    for action in COMMANDS {
        let names = action.keys.iter().map(|name| Key::parse(name).unwrap().label(true)).collect::<Vec<_>>().join(" ");
        let names = if names.is_empty() { ":" } else { &names };
        let head = format!("\n{names}  {}\n{}\n", action.id, action.help);
        assert!(keys.contains(&head), "{head}{keys}");
    }
    assert_eq!(keys.matches("\n.TP").count(), COMMANDS.len() + WITH_ARGUMENTS.len());
    for (name, takes, help) in WITH_ARGUMENTS {
        assert!(keys.contains(&format!("\n{name} {takes}\n{help}\n")), "{name}");
    }
}

/// What stands in the first cells of the README's table of keys.
fn readme_keys() -> Vec<&'static str> {
    let section = README.split("\n## ").find(|section| section.starts_with("Keys\n")).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.trim_start_matches("| ").split(" | ").next().unwrap());
    cells.flat_map(|cell| cell.split('`').skip(1)).collect()
}

/// Every key with the names it may be called by.
fn names(key: Key) -> [String; 2] {
    [key.to_string(), key.label(true)]
}

fn has_key(name: &str) -> bool {
    COMMANDS
        .iter()
        .flat_map(|action| action.keys)
        .any(|key| names(Key::parse(key).unwrap()).iter().any(|own| own == name))
}

#[test]
fn the_readmes_table_tells_of_keys_there_are_and_of_every_act() {
    let pieces = readme_keys();
    let mut told: BTreeSet<String> = BTreeSet::new();
    for (place, piece) in pieces.iter().enumerate().step_by(2) {
        if let Some(line) = piece.strip_prefix(':').filter(|line| !line.is_empty()) {
            assert!(palette::parse(line).is_ok(), "{piece}");
            continue;
        }
        told.insert((*piece).to_owned());
        // From this one to the next.
        if pieces.get(place + 1).is_some_and(|between| between.trim() == "–") {
            let to = pieces[place + 2];
            let (head, from) = piece.split_at(piece.len() - 1);
            let number = |text: &str| text[head.len()..].parse::<u8>().unwrap();
            told.extend((number(&format!("{head}{from}"))..=number(to)).map(|number| format!("{head}{number}")));
        }
    }
    let unknown: Vec<&String> = told.iter().filter(|name| !has_key(name)).collect();
    assert!(unknown.is_empty() && told.len() > 40, "{unknown:?} of {}", told.len());
    let is_told = |action: &&CommandSpec| {
        let first = action.keys.first().map(|key| names(Key::parse(key).unwrap()));
        first.is_none_or(|names| names.iter().any(|name| told.contains(name)))
    };
    let acts = COMMANDS.iter().filter(|action| [Group::Act, Group::Mark].contains(&action.group));
    let left_out: Vec<&str> = acts.filter(|action| !is_told(action)).map(|action| action.id).collect();
    assert_eq!(left_out, [""; 0]);
}

/// The words of a command line as a shell would give them, up to a pipe, a list or a remark behind it.
fn words(line: &str) -> Vec<String> {
    let line = line.split("  ").next().unwrap().split(['|', '>', ';', '#']).next().unwrap();
    let mut words = Vec::new();
    for (place, piece) in line.split('"').enumerate() {
        if place % 2 == 1 {
            words.push(piece.replace(['$', '{', '}'], ""));
        } else {
            words.extend(piece.split_whitespace().map(|word| word.replace(['$', '{', '}'], "")));
        }
    }
    words
}

/// The lines in which a page calls hapulse: in its blocks of code, and in its text.
fn calls(page: &str) -> Vec<&str> {
    let mut calls = Vec::new();
    for (place, part) in page.split("```").enumerate() {
        if place % 2 == 1 {
            calls.extend(part.lines().map(str::trim).filter(|line| line.starts_with("hapulse ")));
        } else {
            calls.extend(part.split('`').skip(1).step_by(2).filter(|code| code.starts_with("hapulse ")));
        }
    }
    calls
}

fn check_call(line: &str) -> Result<(), String> {
    match hapulse::cli::command().try_get_matches_from(words(line)) {
        Ok(_) => Ok(()),
        // The name of a command alone.
        Err(error) if error.kind() == ErrorKind::MissingRequiredArgument && words(line).len() == 2 => Ok(()),
        Err(error) => Err(format!("{line}: {error}")),
    }
}

#[test]
fn every_call_in_the_documents_and_the_help_is_understood() {
    let mut wrong = Vec::new();
    let (mut count, known) = (0, every_flag());
    for (name, page) in PAGES {
        let calls = calls(page);
        count += calls.len();
        wrong.extend(
            calls.into_iter().filter_map(|line| check_call(line).err()).map(|error| format!("{name}: {error}")),
        );
        let code = page.split('`').skip(1).step_by(2).filter(|code| code.starts_with("--"));
        wrong.extend(
            code.flat_map(told_flags).filter(|flag| !known.contains(flag)).map(|flag| format!("{name}: {flag}")),
        );
    }
    for command in all_commands() {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let calls: Vec<&str> = after.lines().map(str::trim).filter(|line| line.starts_with("hapulse ")).collect();
        count += calls.len();
        wrong.extend(calls.into_iter().filter_map(|line| check_call(line).err()));
    }
    assert!(wrong.is_empty() && count > 40, "{count}: {wrong:#?}");
    for bad in ["hapulse drain be/s --nope", "hapulse -m 12", "hapulse completions", "hapulse drian be/s extra:"] {
        assert!(check_call(bad).is_err() || bad.ends_with("completions"), "{bad}");
    }
}

/// The variables of the environment that the sources read by name.
fn variables_read(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            variables_read(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for before in ["var(\"", "var_os(\"", "said(\"", "path(\"", "variable(\""] {
            let names = code.split(before).skip(1).filter_map(|rest| rest.split('"').next());
            let is_name = |name: &&str| name.len() > 1 && name.chars().all(|ch| ch.is_ascii_uppercase() || ch == '_');
            found.extend(names.filter(is_name).map(str::to_owned));
        }
    }
}

#[test]
fn the_manual_page_tells_of_every_variable() {
    let page = manual();
    let part = under(&page, ".SH ENVIRONMENT");
    let told: BTreeSet<&str> = part.split(|ch: char| !(ch.is_ascii_uppercase() || ch == '_')).collect();
    let mut read = BTreeSet::new();
    variables_read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut read);
    assert!(read.len() > 10, "{read:?}");
    let own = KEYS.iter().filter_map(hapulse::config::setting_table::Key::variable);
    for name in own.chain(read) {
        assert!(told.contains(name.as_str()), "{name}: {part}");
    }
}
