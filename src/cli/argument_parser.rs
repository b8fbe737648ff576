//! Arguments before clap parses them, and the messages for those that it rejects.
//!
//! Flags may stand before a command as well as after it. They are moved to after it, so that a command has exactly its
//! own flags, wherever they stand, and of a flag that is given twice the later one wins.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgMatches, Command, CommandFactory as _};

use crate::cli::args::Cli;
use crate::cli::check_command;
use crate::cli::common_args::usage_error;
use crate::cli::target_arg::{self, KnownWords};
use crate::config::suggest;
use crate::haproxy::safe_text;

/// Flags that name targets.
const TARGET_FLAGS: [&str; 5] = ["--target", "-s", "--unix-socket", "-t", "--tcp-socket"];
/// Commands that need no target.
const COMMANDS_WITHOUT_TARGET: [&str; 5] = ["demo", "audit", "config", "completions", "man"];

/// Parses the arguments of the program, of which the first is its name.
///
/// # Errors
/// Returns clap's error for invalid arguments and for a request to print the help or the version.
pub fn parse(args: impl IntoIterator<Item = impl Into<OsString>>) -> Result<ArgMatches, clap::Error> {
    let args = move_flags_after_command(args.into_iter().map(Into::into).collect());
    Cli::command().try_get_matches_from(args)
}

/// Moves the flags that stand before a command to after it.
fn move_flags_after_command(args: Vec<OsString>) -> Vec<OsString> {
    let root = built_command();
    let Some(position) = first_word(&root, &args).filter(|position| is_command(&root, &args[*position])) else {
        return args;
    };
    let (before, after) = (&args[..position], &args[position + 1..]);
    // The command help takes the name of a command and no flags.
    let flags = if args[position] == "help" { &[] } else { before.get(1..).unwrap_or_default() };
    before.iter().take(1).chain([&args[position]]).chain(flags).chain(after).cloned().collect()
}

fn built_command() -> Command {
    let mut root = Cli::command();
    root.build();
    root
}

fn is_command(root: &Command, word: &OsString) -> bool {
    root.find_subcommand(word).is_some()
}

/// Returns the position of the first argument that is neither a flag nor the value of one; `None` if all are flags, or if
/// a `--` or an unknown flag precedes it. A flag has a value in all commands that have it, or in none.
fn first_word(root: &Command, args: &[OsString]) -> Option<usize> {
    let find = |is_flag: &dyn Fn(&Arg) -> bool| all_flags(root).find(|arg| is_flag(arg)).map(takes_value);
    let mut position = 1;
    loop {
        let text = args.get(position)?.to_str()?;
        let takes_next = if let Some(long) = text.strip_prefix("--") {
            let name = long.split('=').next()?;
            find(&|arg| has_long(arg, name))? && name == long
        } else if let Some(shorts) = text.strip_prefix('-').filter(|shorts| !shorts.is_empty()) {
            let mut shorts = shorts.chars();
            let with_value = loop {
                let Some(short) = shorts.next() else { break false };
                if find(&|arg| arg.get_short() == Some(short))? {
                    break true;
                }
            };
            with_value && shorts.as_str().is_empty()
        } else {
            return Some(position);
        };
        position += if takes_next { 2 } else { 1 };
    }
}

/// Returns the flags of the dashboard and of all commands.
fn all_flags(root: &Command) -> impl Iterator<Item = &Arg> {
    let commands = std::iter::once(root).chain(root.get_subcommands());
    commands.flat_map(Command::get_arguments).filter(|arg| !arg.is_positional())
}

fn has_long(arg: &Arg, name: &str) -> bool {
    arg.get_long() == Some(name) || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

/// Prints the help or version to standard output, or else the error in the arguments, and returns the exit code. An error
/// may quote arguments, so it is printed without colors and escaped.
pub(super) fn report(error: &clap::Error, args: &[OsString]) -> ExitCode {
    if !error.use_stderr() {
        error.exit();
    }
    let root = built_command();
    let word = first_word(&root, args);
    let command = word.and_then(|position| root.find_subcommand(&args[position])).map(Command::get_name);
    let misspelled = word.filter(|_| command.is_none()).and_then(|position| args[position].to_str());
    let text = misspelled
        .and_then(|word| misspelled_command(&root, word))
        .or_else(|| misplaced_flag(&root, command, error))
        .or_else(|| unknown_command(&root, error))
        .map_or_else(|| error.to_string(), |text| format!("error: {text}\n\nFor more information, try '--help'.\n"));
    // An unknown flag hides the command after it.
    let is_check = command.map_or(word.is_none() && args.iter().any(|arg| arg == check_command::NAME), |command| {
        command == check_command::NAME
    });
    if is_check {
        return check_command::report_usage_error(&text);
    }
    eprint!("{}", safe_text::escape_lines(&text));
    usage_error()
}

/// Returns the message for a word that is similar to a command and cannot be a target. Flags of that command have made
/// the arguments invalid.
fn misspelled_command(root: &Command, word: &str) -> Option<String> {
    let commands = command_names(root);
    let is_address = word.contains(['/', ':', '@', '=', '.']) || target_arg::is_file(word);
    let is_similar = !suggest::nearest(word, commands.iter().map(String::as_str)).is_empty();
    let known = KnownWords { configured: &[], groups: &[], commands: &commands };
    (!is_address && is_similar).then(|| target_arg::describe_unknown(word, known))
}

/// Returns the names of all commands.
pub(super) fn command_names(root: &Command) -> Vec<String> {
    root.get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// Returns the message for `hapulse help` with a word that is not a command.
fn unknown_command(root: &Command, error: &clap::Error) -> Option<String> {
    let word = error.get(ContextKind::InvalidSubcommand).filter(|_| error.kind() == ErrorKind::InvalidSubcommand)?;
    let commands = command_names(root);
    let suggestion = suggest::did_you_mean(&word.to_string(), commands.iter().map(String::as_str));
    Some(format!("\"{word}\" is not a command{suggestion}\n  commands: {}", commands.join(", ")))
}

/// Returns the message for a flag that exists, but not for this command (`None`: the dashboard).
fn misplaced_flag(root: &Command, command: Option<&str>, error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let has_flag = |command: &&Command| {
        let is_flag = |arg: &Arg| match flag.strip_prefix("--") {
            Some(long) => has_long(arg, long),
            None => {
                flag.strip_prefix('-').is_some_and(|short| arg.get_short().is_some_and(|own| short == own.to_string()))
            }
        };
        command.get_arguments().any(is_flag)
    };
    let owners: Vec<&str> = root.get_subcommands().filter(has_flag).map(Command::get_name).collect();
    let in_dashboard = has_flag(&root).then_some("the dashboard");
    let everywhere: Vec<&str> = in_dashboard.into_iter().chain(owners.iter().copied()).collect();
    match command {
        _ if everywhere.is_empty() => None,
        Some(command) if TARGET_FLAGS.contains(&flag.as_str()) && COMMANDS_WITHOUT_TARGET.contains(&command) => {
            Some(format!("hapulse {command} needs no target, so {flag} does not apply to it"))
        }
        Some(command) => {
            Some(format!("{flag} does not apply to hapulse {command}, only to: {}", everywhere.join(", ")))
        }
        None => Some(format!("{flag} is a flag of the commands {}, not of the dashboard", owners.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(line: &str) -> String {
        let args = move_flags_after_command(line.split_whitespace().map(Into::into).collect());
        args.join(" ".as_ref()).into_string().unwrap()
    }

    #[test]
    fn move_flags_after_command_keeps_flags_with_their_values() {
        for (line, expected) in [
            ("hapulse -n demo", "hapulse demo -n"),
            ("hapulse -ni 1 --theme=dark watch -i 2", "hapulse watch -ni 1 --theme=dark -i 2"),
            ("hapulse --update-interval 1 -i2 doctor", "hapulse doctor --update-interval 1 -i2"),
            ("hapulse -s demo demo", "hapulse demo -s demo"),
            ("hapulse -h drain", "hapulse drain -h"),
            ("hapulse -n help drain", "hapulse help drain"),
            ("hapulse -y --wait 5m drain be/s1", "hapulse drain -y --wait 5m be/s1"),
        ] {
            assert_eq!(moved(line), expected);
        }
        for line in
            ["hapulse", "hapulse -i", "hapulse -s demo", "hapulse a demo", "hapulse -- demo", "hapulse --x demo"]
        {
            assert_eq!(moved(line), line);
        }
    }

    #[test]
    fn flag_has_value_in_all_commands_or_in_none() {
        let root = built_command();
        for arg in all_flags(&root) {
            let is_same = |other: &&Arg| {
                arg.get_long().is_some_and(|long| has_long(other, long))
                    || arg.get_short().is_some_and(|short| other.get_short() == Some(short))
            };
            assert!(all_flags(&root).filter(is_same).all(|other| takes_value(other) == takes_value(arg)), "{arg}");
        }
    }
}
