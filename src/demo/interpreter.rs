//! The command interpreter of the stats socket, which turns an input line into a reply.
//!
//! This file owns the syntax of commands, the access level that each command requires, and the format in which replies
//! end; the commands themselves are in `write_commands.rs` and in the `show_*` files. As in `HAProxy`, every reply ends
//! with an empty line, except for four old error texts that end with a single line feed.

use crate::demo::help_text;
use crate::demo::permission::CliLevel;
use crate::demo::proxy::FrontendState;
use crate::demo::show_errors;
use crate::demo::show_info;
use crate::demo::show_servers_state;
use crate::demo::show_sess;
use crate::demo::show_stat::{self, StatFilter};
use crate::demo::show_table;
use crate::demo::world::World;
use crate::demo::write_commands::{self, CommandResult};

/// Error texts after which `HAProxy` 2.6 does not write an empty line.
const ERRORS_WITHOUT_EMPTY_LINE: [&str; 4] = [
    "Empty weight string empty or preceded by garbage",
    "Trailing garbage in weight string",
    "maxconn string empty or preceded by garbage",
    "Trailing garbage in maxconn string",
];

/// Runs the commands of one line, which are separated by `;`, and returns all replies. Commands may lower `level`.
pub fn execute_line(world: &mut World, line: &str, level: &mut CliLevel) -> String {
    let mut out = String::new();
    for words in split_commands(line) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words.first() == Some(&"quit") {
            break;
        }
        match run_command(world, &words, level) {
            Ok(body) => {
                out.push_str(&body);
                out.push('\n');
            }
            Err(text) => {
                out.push_str(text);
                out.push_str(if ERRORS_WITHOUT_EMPTY_LINE.contains(&text) { "\n" } else { "\n\n" });
            }
        }
    }
    out
}

/// Splits a line into commands and words. `;` ends a command, blanks end a word, and a backslash quotes the next
/// character.
fn split_commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ';' | ' ' | '\t' => {
                if let (Some(word), Some(command)) = (word.take(), commands.last_mut()) {
                    command.push(word);
                }
                if character == ';' {
                    commands.push(Vec::new());
                }
            }
            '\\' => word.get_or_insert_default().extend(characters.next()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if let (Some(word), Some(command)) = (word, commands.last_mut()) {
        command.push(word);
    }
    commands
}

fn require_level(level: CliLevel, minimum: CliLevel) -> Result<(), &'static str> {
    if level >= minimum { Ok(()) } else { Err("Permission denied") }
}

/// Runs one command.
fn run_command(world: &mut World, words: &[&str], level: &mut CliLevel) -> CommandResult {
    match words {
        ["show", rest @ ..] => run_show(world, rest, *level),
        ["help", ..] => Ok(help_text::all_commands()),
        ["operator", ..] => lower_level(level, CliLevel::Operator),
        ["user", ..] => lower_level(level, CliLevel::User),
        ["get", "weight", rest @ ..] => write_commands::get_weight(world, rest),
        ["set", "timeout", rest @ ..] => write_commands::set_timeout(rest),
        ["clear", "table", rest @ ..] => show_table::clear_table(world, rest),
        ["clear", "counters", rest @ ..] => {
            let all = rest.first() == Some(&"all");
            require_level(*level, if all { CliLevel::Admin } else { CliLevel::Operator })?;
            world.clear_counters(all);
            Ok(String::new())
        }
        _ => run_admin_command(world, words, *level),
    }
}

/// Runs a command that changes the state of the process, which requires the level `admin`. Returns help for an unknown
/// command.
fn run_admin_command(world: &mut World, words: &[&str], level: CliLevel) -> CommandResult {
    let admin = require_level(level, CliLevel::Admin);
    match words {
        ["set", "server", rest @ ..] => admin.and_then(|()| write_commands::set_server(world, rest)),
        ["set", "weight", rest @ ..] => admin.and_then(|()| {
            let server = write_commands::find_server(world, rest.first())?;
            write_commands::set_weight(world, server, rest.get(1).copied())
        }),
        ["set", "maxconn", object @ ("server" | "frontend" | "global"), rest @ ..] => {
            admin.and_then(|()| write_commands::set_maxconn(world, object, rest))
        }
        ["enable", object @ ("server" | "health" | "agent"), rest @ ..] => {
            admin.and_then(|()| write_commands::set_enabled(world, object, true, rest))
        }
        ["disable", object @ ("server" | "health" | "agent"), rest @ ..] => {
            admin.and_then(|()| write_commands::set_enabled(world, object, false, rest))
        }
        ["enable", "frontend", rest @ ..] => {
            admin.and_then(|()| write_commands::set_frontend_state(world, FrontendState::Open, rest))
        }
        ["disable", "frontend", rest @ ..] => {
            admin.and_then(|()| write_commands::set_frontend_state(world, FrontendState::Paused, rest))
        }
        ["shutdown", "frontend", rest @ ..] => {
            admin.and_then(|()| write_commands::set_frontend_state(world, FrontendState::Stopped, rest))
        }
        ["shutdown", "session", rest @ ..] => admin.and_then(|()| write_commands::shutdown_session(world, rest)),
        ["shutdown", "sessions", "server", rest @ ..] => {
            admin.and_then(|()| write_commands::shutdown_server_sessions(world, rest))
        }
        _ => Ok(help_text::unknown_command(words)),
    }
}

fn lower_level(level: &mut CliLevel, to: CliLevel) -> CommandResult {
    require_level(*level, to)?;
    *level = to;
    Ok(String::new())
}

fn run_show(world: &World, words: &[&str], level: CliLevel) -> CommandResult {
    match words {
        ["info", ..] => Ok(show_info::format_info(world)),
        ["stat", rest @ ..] => Ok(show_stat::format_stat(world, &parse_stat_filter(world, rest)?)),
        ["version", ..] => Ok(format!("{}\n", show_info::VERSION)),
        ["cli", "level", ..] => Ok(format!("{}\n", level.as_str())),
        ["backend", ..] => {
            let names = world.backends().map(|(proxy, _)| format!("{}\n", proxy.name));
            Ok(std::iter::once("# name\n".to_owned()).chain(names).collect())
        }
        ["servers", "state", rest @ ..] => match rest.first() {
            None => Ok(show_servers_state::format_servers_state(world, None)),
            Some(name) => {
                let proxy = world.backend_index(name).ok_or("Can't find backend.")?;
                Ok(show_servers_state::format_servers_state(world, Some(proxy)))
            }
        },
        ["table", rest @ ..] => show_table::show_table(world, rest, level),
        ["errors", ..] => require_level(level, CliLevel::Operator).map(|()| show_errors::format_errors(world)),
        ["sess", rest @ ..] => {
            require_level(level, CliLevel::Operator)?;
            match rest.first() {
                Some(&"all") => Ok(show_sess::format_all_sessions(world)),
                Some(pointer) if pointer.starts_with("0x") => {
                    show_sess::format_session(world, pointer).ok_or("Session not found.")
                }
                _ => Ok(show_sess::format_sessions(world)),
            }
        }
        _ => Ok(help_text::unknown_command(&[&["show"], words].concat())),
    }
}

/// Parses the arguments of `show stat`: `IID|NAME|-1 KINDS SID`, and the options `up` and `no-maint`.
fn parse_stat_filter(world: &World, words: &[&str]) -> Result<StatFilter, &'static str> {
    let mut filter = StatFilter::default();
    if let [proxy, kinds, sid, ..] = words {
        filter.iid = match proxy.parse::<i64>() {
            Ok(-1) => None,
            Ok(iid) => Some(u32::try_from(iid).unwrap_or_default()),
            Err(_) => {
                let found = world.proxies.iter().find(|candidate| candidate.name == **proxy);
                Some(found.ok_or("No such proxy.")?.iid)
            }
        };
        filter.kinds = kinds.parse::<i64>().unwrap_or_default() as u32;
        filter.sid = sid.parse::<i64>().ok().and_then(|sid| u32::try_from(sid).ok());
    }
    filter.hides_stopped = words.contains(&"up");
    filter.hides_maint = words.contains(&"no-maint");
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_commands_handles_semicolons_and_backslashes() {
        assert_eq!(split_commands("show info;show stat"), [["show", "info"], ["show", "stat"]]);
        assert_eq!(split_commands(r"clear  table a key b\;c\ d"), [["clear", "table", "a", "key", "b;c d"]]);
        assert_eq!(split_commands("user;"), [vec!["user".to_owned()], vec![]]);
    }
}
