//! The commands of `hapulse --plain`, which are typed as words, and their parser.

use crate::config::suggest;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::write_command::{TargetState, TargetWeight, WriteCommand};

/// The meaning of a word.
#[derive(Debug, Clone, Copy)]
enum WordMeaning {
    Status,
    Causes,
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
const WORDS: [WordInfo; 16] = [
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
        arguments: "[INSTANCE]",
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
    /// Undoes the last action; on the instance with this name if there are several.
    Undo(Option<String>, ActionWords),
    /// Lists the commands.
    Help,
    /// Ends the program.
    Quit,
}

/// Returns the lines of the help.
pub(crate) fn help_lines() -> Vec<String> {
    let usage = |info: &WordInfo| format!("{} {}", info.word, info.arguments).trim_end().to_owned();
    let mut lines: Vec<String> = WORDS.iter().map(|info| format!("{}: {}", usage(info), info.help)).collect();
    lines.push(
        "Commands and names may be shortened as long as they stay unique: dr be_app/app1. A server is BACKEND/SERVER, or \
         SERVER alone if only one backend has it; of several instances, INSTANCE/BACKEND/SERVER."
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
pub(crate) fn parse(line: &str) -> Result<Option<PlainCommand>, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some((first, arguments)) = words.split_first() else { return Ok(None) };
    let info = find_word(first)?;
    let no_more = |command: PlainCommand| match arguments {
        [] => Ok(Some(command)),
        _ => Err(format!("{} takes no argument", info.word)),
    };
    let at_most_one = |command: fn(Option<String>) -> PlainCommand| match arguments {
        [] => Ok(Some(command(None))),
        [name] => Ok(Some(command(Some((*name).to_owned())))),
        _ => Err(format!("{} takes at most one name", info.word)),
    };
    match info.meaning {
        WordMeaning::Status => no_more(PlainCommand::Status),
        WordMeaning::Causes => no_more(PlainCommand::Causes),
        WordMeaning::Backends => no_more(PlainCommand::Backends),
        WordMeaning::Servers => at_most_one(PlainCommand::Servers),
        WordMeaning::Events => no_more(PlainCommand::Events),
        WordMeaning::Watch => at_most_one(PlainCommand::Watch),
        WordMeaning::Why => match arguments {
            [name] => Ok(Some(PlainCommand::Why((*name).to_owned()))),
            _ => Err(usage_error(info)),
        },
        WordMeaning::State(state) => match split_action(arguments)? {
            (names, words) if names.len() == 1 => {
                Ok(Some(PlainCommand::Change(WriteCommand::State(state), names[0].to_owned(), words)))
            }
            _ => Err(usage_error(info)),
        },
        WordMeaning::Weight => match split_action(arguments)? {
            (names, words) if names.len() == 2 => {
                let weight = TargetWeight::parse(names[1]).map_err(|error| error.to_string())?;
                Ok(Some(PlainCommand::Change(WriteCommand::Weight(weight), names[0].to_owned(), words)))
            }
            _ => Err(usage_error(info)),
        },
        WordMeaning::Undo => match split_action(arguments)? {
            (names, words) if names.len() <= 1 => {
                Ok(Some(PlainCommand::Undo(names.first().map(|name| (*name).to_owned()), words)))
            }
            _ => Err("undo takes at most the name of an instance".to_owned()),
        },
        WordMeaning::Help => no_more(PlainCommand::Help),
        WordMeaning::Quit => no_more(PlainCommand::Quit),
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
            Err(format!("unknown command {}{hint}", SafeText::from(text)))
        }
        several => {
            let words: Vec<&str> = several.iter().map(|info| info.word).collect();
            Err(format!("{} is ambiguous: {}", SafeText::from(text), words.join(", ")))
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
                return Err(format!("unknown option {}{similar}", SafeText::from(flag)));
            }
            name => names.push(name),
        }
    }
    Ok((names, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_accepts_unique_beginnings_and_any_case() {
        assert_eq!(parse("stat"), Ok(Some(PlainCommand::Status)));
        assert_eq!(parse("  CAUSES "), Ok(Some(PlainCommand::Causes)));
        assert_eq!(parse("problems"), Ok(Some(PlainCommand::Causes)));
        assert_eq!(parse("q"), Ok(Some(PlainCommand::Quit)));
        assert_eq!(parse("?"), Ok(Some(PlainCommand::Help)));
        assert_eq!(parse("servers be"), Ok(Some(PlainCommand::Servers(Some("be".into())))));
        assert_eq!(parse("   "), Ok(None));
    }

    #[test]
    fn parse_reports_ambiguous_and_unknown_words() {
        assert_eq!(parse("s").unwrap_err(), "s is ambiguous: status, servers");
        assert_eq!(parse("darin be/s1").unwrap_err(), "unknown command darin; did you mean drain?");
        assert_eq!(parse("\u{1b}[2J").unwrap_err(), r"unknown command \x1b[2J; type help for the commands");
        assert_eq!(parse("status now").unwrap_err(), "status takes no argument");
        assert_eq!(parse("drain").unwrap_err(), "type drain SERVER");
        assert_eq!(parse("weight be/s1").unwrap_err(), "type weight SERVER N");
        assert_eq!(parse("drain be/s1 --yse").unwrap_err(), "unknown option --yse; did you mean --yes?");
    }

    #[test]
    fn parse_reads_options_of_an_action() {
        let words = ActionWords { yes: true, force: true, reason: Some("kernel update".into()) };
        assert_eq!(
            parse("maint be/s1 --yes --force --reason kernel update"),
            Ok(Some(PlainCommand::Change(WriteCommand::State(TargetState::Maint), "be/s1".into(), words)))
        );
        let weight = WriteCommand::Weight(TargetWeight::Percent(50));
        assert_eq!(
            parse("weight be/s1 50%"),
            Ok(Some(PlainCommand::Change(weight, "be/s1".into(), ActionWords::default())))
        );
        assert!(parse("weight be/s1 many").is_err());
        assert!(parse("drain be/s1 --reason").is_err());
    }

    #[test]
    fn help_lists_every_command_that_parses() {
        let lines = help_lines();
        for start in ["weight SERVER N: ", "undo [INSTANCE]: "] {
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
