//! The commands of `hapulse --plain`, which are typed as words, and their parser.

use crate::config::suggest;
use crate::haproxy::write_command::{TargetState, TargetWeight, WriteCommand};
use crate::headless::plain::row_lookup::shown;

/// The meaning of a word.
#[derive(Debug, Clone, Copy)]
enum WordMeaning {
    Status,
    Causes,
    Balancers,
    Backends,
    Servers,
    Why,
    Events,
    Watch,
    State(TargetState),
    Weight,
    Undo,
    Help,
    Quit,
}

/// A command with its words in the help.
struct WordInfo {
    word: &'static str,
    meaning: WordMeaning,
    arguments: &'static str,
    help: &'static str,
}

/// All commands, in the order of the help.
const WORDS: [WordInfo; 17] = [
    WordInfo {
        word: "status",
        meaning: WordMeaning::Status,
        arguments: "",
        help: "key figures and causes of problems",
    },
    WordInfo {
        word: "causes",
        meaning: WordMeaning::Causes,
        arguments: "",
        help: "causes of problems, worst first, with what helps",
    },
    WordInfo { word: "problems", meaning: WordMeaning::Causes, arguments: "", help: "the same as causes" },
    WordInfo {
        word: "balancers",
        meaning: WordMeaning::Balancers,
        arguments: "",
        help: "all HAProxies with role, traffic, causes and differences, worst first",
    },
    WordInfo {
        word: "backends",
        meaning: WordMeaning::Backends,
        arguments: "",
        help: "all backends, in one line each",
    },
    WordInfo {
        word: "servers",
        meaning: WordMeaning::Servers,
        arguments: "[BACKEND]",
        help: "servers, in one line each",
    },
    WordInfo {
        word: "why",
        meaning: WordMeaning::Why,
        arguments: "NAME",
        help: "what is wrong with a server, backend or frontend, since when",
    },
    WordInfo { word: "events", meaning: WordMeaning::Events, arguments: "", help: "the last 20 events" },
    WordInfo {
        word: "watch",
        meaning: WordMeaning::Watch,
        arguments: "[NAME]",
        help: "announce the figures of a row; again: stop",
    },
    WordInfo {
        word: "drain",
        meaning: WordMeaning::State(TargetState::Drain),
        arguments: "SERVER",
        help: "no new sessions; announces the sessions that are left",
    },
    WordInfo {
        word: "maint",
        meaning: WordMeaning::State(TargetState::Maint),
        arguments: "SERVER",
        help: "put a server into maintenance",
    },
    WordInfo {
        word: "ready",
        meaning: WordMeaning::State(TargetState::Ready),
        arguments: "SERVER",
        help: "enable a server again",
    },
    WordInfo {
        word: "weight",
        meaning: WordMeaning::Weight,
        arguments: "SERVER N",
        help: "set the weight: 0 to 256, or a percentage such as 50%",
    },
    WordInfo {
        word: "undo",
        meaning: WordMeaning::Undo,
        arguments: "",
        help: "undo the last action; again: the one before",
    },
    WordInfo { word: "help", meaning: WordMeaning::Help, arguments: "", help: "this list" },
    WordInfo { word: "quit", meaning: WordMeaning::Quit, arguments: "", help: "end; Ctrl-C and Ctrl-D do the same" },
    WordInfo { word: "exit", meaning: WordMeaning::Quit, arguments: "", help: "the same as quit" },
];

/// Words of an action that replace the question, for input that is not a terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ActionWords {
    /// `--yes`: run without a question.
    pub(crate) yes: bool,
    /// `--force`: run dangerous actions without a question, too.
    pub(crate) force: bool,
    /// Text after `--reason`.
    pub(crate) reason: Option<String>,
}

/// A command that was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PlainCommand {
    /// Describes the process and the causes.
    Status,
    /// Lists the causes.
    Causes,
    /// Lists the balancers.
    Balancers,
    /// Lists the backends.
    Backends,
    /// Lists the servers, or those of one backend.
    Servers(Option<String>),
    /// Describes a row.
    Why(String),
    /// Lists the last events.
    Events,
    /// Starts or stops announcing the figures of a row, or lists these rows.
    Watch(Option<String>),
    /// Sends a command to a server.
    Change(WriteCommand, String, ActionWords),
    /// Undoes the last action.
    Undo(ActionWords),
    /// Lists the commands.
    Help,
    /// Ends the program.
    Quit,
}

/// A typed command, and the instance that it is limited to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlainLine {
    /// The command.
    pub(crate) command: PlainCommand,
    /// Name after `on`, if any.
    pub(crate) instance: Option<String>,
}

/// Returns the lines of the help.
pub(crate) fn help_lines() -> Vec<String> {
    let usage = |info: &WordInfo| format!("{} {}", info.word, info.arguments).trim_end().to_owned();
    let mut lines: Vec<String> = WORDS.iter().map(|info| format!("{}: {}", usage(info), info.help)).collect();
    lines.push(
        "Commands and names may be shortened as long as they stay unique: dr be_app/app1. A server is BACKEND/SERVER, or \
         SERVER alone if only one backend has it. With several HAProxies, every command takes on INSTANCE after its \
         names: drain be_app/app1 on lb2."
            .to_owned(),
    );
    lines.push(
        "drain, maint, ready, weight and undo take options at the end. --yes runs without a question and --force also if \
         the action is dangerous, both only for input that is not a terminal. --reason TEXT is for the audit log; it \
         takes the rest of the line."
            .to_owned(),
    );
    lines
}

/// Parses a line; `None` for an empty one.
///
/// # Errors
/// Returns a message that says what is wrong and what to type.
pub(crate) fn parse(line: &str) -> Result<Option<PlainLine>, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some((first, arguments)) = words.split_first() else { return Ok(None) };
    let info = find_word(first)?;
    let takes_options = matches!(info.meaning, WordMeaning::State(_) | WordMeaning::Weight | WordMeaning::Undo);
    let (mut names, options) =
        if takes_options { split_action(arguments)? } else { (arguments.to_vec(), ActionWords::default()) };
    let instance = match names.as_slice() {
        [.., "on", name] => Some((*name).to_owned()),
        [.., "on"] => return Err("on needs the name of an instance".to_owned()),
        _ => None,
    };
    names.truncate(names.len() - if instance.is_some() { 2 } else { 0 });
    let command = parse_command(info, &names, options)?;
    if instance.is_some() && matches!(command, PlainCommand::Balancers | PlainCommand::Help | PlainCommand::Quit) {
        return Err(format!("{} takes no instance", info.word));
    }
    Ok(Some(PlainLine { command, instance }))
}

fn parse_command(info: &WordInfo, names: &[&str], words: ActionWords) -> Result<PlainCommand, String> {
    let no_name = |command: PlainCommand| match names {
        [] => Ok(command),
        _ => Err(format!("{} takes no name", info.word)),
    };
    let at_most_one = |command: fn(Option<String>) -> PlainCommand| match names {
        [] => Ok(command(None)),
        [name] => Ok(command(Some((*name).to_owned()))),
        _ => Err(format!("{} takes at most one name", info.word)),
    };
    match (info.meaning, names) {
        (WordMeaning::Status, _) => no_name(PlainCommand::Status),
        (WordMeaning::Causes, _) => no_name(PlainCommand::Causes),
        (WordMeaning::Balancers, _) => no_name(PlainCommand::Balancers),
        (WordMeaning::Backends, _) => no_name(PlainCommand::Backends),
        (WordMeaning::Servers, _) => at_most_one(PlainCommand::Servers),
        (WordMeaning::Events, _) => no_name(PlainCommand::Events),
        (WordMeaning::Watch, _) => at_most_one(PlainCommand::Watch),
        (WordMeaning::Why, [name]) => Ok(PlainCommand::Why((*name).to_owned())),
        (WordMeaning::State(state), [name]) => {
            Ok(PlainCommand::Change(WriteCommand::State(state), (*name).to_owned(), words))
        }
        (WordMeaning::Weight, [name, weight]) => {
            let weight = TargetWeight::parse(weight).map_err(|error| error.to_string())?;
            Ok(PlainCommand::Change(WriteCommand::Weight(weight), (*name).to_owned(), words))
        }
        (WordMeaning::Why | WordMeaning::State(_) | WordMeaning::Weight, _) => Err(usage_error(info)),
        (WordMeaning::Undo, _) => no_name(PlainCommand::Undo(words)),
        (WordMeaning::Help, _) => no_name(PlainCommand::Help),
        (WordMeaning::Quit, _) => no_name(PlainCommand::Quit),
    }
}

fn usage_error(info: &WordInfo) -> String {
    format!("type {} {}", info.word, info.arguments)
}

/// Finds a command by its word or the unique beginning of its word.
fn find_word(text: &str) -> Result<&'static WordInfo, String> {
    let lower = text.to_lowercase();
    let lower = if lower == "?" { "help".to_owned() } else { lower };
    if let Some(info) = WORDS.iter().find(|info| info.word == lower) {
        return Ok(info);
    }
    let matching: Vec<&WordInfo> = WORDS.iter().filter(|info| info.word.starts_with(&lower)).collect();
    match matching.as_slice() {
        [info] => Ok(info),
        [] => {
            let similar = suggest::did_you_mean(&lower, WORDS.iter().map(|info| info.word));
            let hint = if similar.is_empty() { "; type help for the commands".to_owned() } else { similar };
            Err(format!("unknown command {}{hint}", shown(text)))
        }
        several => {
            let words: Vec<&str> = several.iter().map(|info| info.word).collect();
            Err(format!("{} is ambiguous: {}", shown(text), words.join(", ")))
        }
    }
}

/// Separates the names from the words that begin with `--`.
fn split_action<'a>(arguments: &[&'a str]) -> Result<(Vec<&'a str>, ActionWords), String> {
    let (mut names, mut words) = (Vec::new(), ActionWords::default());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match *argument {
            "--yes" | "-y" => words.yes = true,
            "--force" => words.force = true,
            "--reason" => {
                let text: Vec<&str> = rest.by_ref().copied().collect();
                if text.is_empty() {
                    return Err("--reason needs a text, up to the end of the line".to_owned());
                }
                words.reason = Some(text.join(" "));
            }
            flag if flag.starts_with('-') => {
                let similar = suggest::did_you_mean(flag, ["--yes", "--force", "--reason"]);
                return Err(format!("unknown option {}{similar}", shown(flag)));
            }
            name => names.push(name),
        }
    }
    Ok((names, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain_line(command: PlainCommand) -> PlainLine {
        PlainLine { command, instance: None }
    }

    #[test]
    fn parse_reads_instance_after_on() {
        let line = |command, name: &str| Ok(Some(PlainLine { command, instance: Some(name.to_owned()) }));
        let drain = |words| PlainCommand::Change(WriteCommand::State(TargetState::Drain), "be/s1".into(), words);
        assert_eq!(parse("drain be/s1 on lb2"), line(drain(ActionWords::default()), "lb2"));
        let words = ActionWords { yes: true, ..ActionWords::default() };
        assert_eq!(parse("drain be/s1 on lb2 --yes"), line(drain(words), "lb2"));
        assert_eq!(parse("undo on lb2"), line(PlainCommand::Undo(ActionWords::default()), "lb2"));
        assert_eq!(parse("servers on lb2"), line(PlainCommand::Servers(None), "lb2"));
        assert_eq!(parse("why on"), Err("on needs the name of an instance".to_owned()));
        assert_eq!(parse("quit on lb2"), Err("quit takes no instance".to_owned()));
        assert_eq!(parse("undo lb2"), Err("undo takes no name".to_owned()));
    }

    #[test]
    fn parse_accepts_unique_beginnings_and_any_case() {
        assert_eq!(parse("stat"), Ok(Some(plain_line(PlainCommand::Status))));
        assert_eq!(parse("  CAUSES "), Ok(Some(plain_line(PlainCommand::Causes))));
        assert_eq!(parse("problems"), Ok(Some(plain_line(PlainCommand::Causes))));
        assert_eq!(parse("q"), Ok(Some(plain_line(PlainCommand::Quit))));
        assert_eq!(parse("?"), Ok(Some(plain_line(PlainCommand::Help))));
        assert_eq!(parse("servers be"), Ok(Some(plain_line(PlainCommand::Servers(Some("be".into()))))));
        assert_eq!(parse("   "), Ok(None));
    }

    #[test]
    fn parse_reports_ambiguous_and_unknown_words() {
        assert_eq!(parse("s").unwrap_err(), "s is ambiguous: status, servers");
        assert_eq!(parse("darin be/s1").unwrap_err(), "unknown command darin; did you mean drain?");
        assert_eq!(parse("\u{1b}[2J").unwrap_err(), r"unknown command \x1b[2J; type help for the commands");
        assert_eq!(parse("status now").unwrap_err(), "status takes no name");
        assert_eq!(parse("drain").unwrap_err(), "type drain SERVER");
        assert_eq!(parse("weight be/s1").unwrap_err(), "type weight SERVER N");
        assert_eq!(parse("drain be/s1 --yse").unwrap_err(), "unknown option --yse; did you mean --yes?");
    }

    #[test]
    fn parse_reads_options_of_an_action() {
        let words = ActionWords { yes: true, force: true, reason: Some("kernel update".into()) };
        assert_eq!(
            parse("maint be/s1 --yes --force --reason kernel update"),
            Ok(Some(plain_line(PlainCommand::Change(WriteCommand::State(TargetState::Maint), "be/s1".into(), words))))
        );
        let weight = WriteCommand::Weight(TargetWeight::Percent(50));
        assert_eq!(
            parse("weight be/s1 50%"),
            Ok(Some(plain_line(PlainCommand::Change(weight, "be/s1".into(), ActionWords::default()))))
        );
        assert!(parse("weight be/s1 many").is_err());
        assert!(parse("drain be/s1 --reason").is_err());
    }

    #[test]
    fn help_lists_every_command_that_parses() {
        let lines = help_lines();
        for start in ["weight SERVER N: ", "undo: "] {
            assert!(lines.iter().any(|line| line.starts_with(start)), "{lines:?}");
        }
        for option in ["--yes", "--force", "--reason TEXT"] {
            assert!(lines.iter().any(|line| line.contains(option)), "{option}");
        }
        for info in &WORDS {
            let arguments = info.arguments.replace(['[', ']'], "").replace(" N", " 5");
            assert!(parse(&format!("{} {arguments}", info.word)).is_ok(), "{}", info.word);
        }
    }
}
