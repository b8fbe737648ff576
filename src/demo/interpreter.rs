//! The command line of the stats socket: from a line to its answer.
//!
//! This file owns what a command looks like, which right it needs and how an answer is framed; what a command
//! does is in `act.rs` and in the file of each `show`. Framing is `HAProxy`'s: every answer ends with an empty
//! line, except three old error texts that end with a single line feed.

use crate::demo::help_text;
use crate::demo::permission::Level;
use crate::demo::proxy::Door;
use crate::demo::show_errors;
use crate::demo::show_info;
use crate::demo::show_servers_state;
use crate::demo::show_sess;
use crate::demo::show_stat::{self, Wanted};
use crate::demo::show_table;
use crate::demo::world::World;
use crate::demo::write_commands::{self, Reply};

/// Error texts after which a real 2.6 writes no empty line.
const BARE: [&str; 4] = [
    "Empty weight string empty or preceded by garbage",
    "Trailing garbage in weight string",
    "maxconn string empty or preceded by garbage",
    "Trailing garbage in maxconn string",
];

/// Runs the commands of one line, separated by `;`, and gives all answers; `level` may be lowered by them.
pub fn answer(world: &mut World, line: &str, level: &mut Level) -> String {
    let mut out = String::new();
    for words in split(line) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words.first() == Some(&"quit") {
            break;
        }
        match run(world, &words, level) {
            Ok(body) => {
                out.push_str(&body);
                out.push('\n');
            }
            Err(text) => {
                out.push_str(text);
                out.push_str(if BARE.contains(&text) { "\n" } else { "\n\n" });
            }
        }
    }
    out
}

/// The words of each command: `;` ends a command, blanks end a word, a backslash makes the next one plain.
fn split(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ';' | ' ' | '\t' => {
                if let (Some(word), Some(command)) = (word.take(), commands.last_mut()) {
                    command.push(word);
                }
                if letter == ';' {
                    commands.push(Vec::new());
                }
            }
            '\\' => word.get_or_insert_default().extend(letters.next()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    if let (Some(word), Some(command)) = (word, commands.last_mut()) {
        command.push(word);
    }
    commands
}

fn need(level: Level, least: Level) -> Result<(), &'static str> {
    if level >= least { Ok(()) } else { Err("Permission denied") }
}

/// One command.
fn run(world: &mut World, words: &[&str], level: &mut Level) -> Reply {
    match words {
        ["show", rest @ ..] => show(world, rest, *level),
        ["help", ..] => Ok(help_text::all()),
        ["operator", ..] => lower(level, Level::Operator),
        ["user", ..] => lower(level, Level::User),
        ["get", "weight", rest @ ..] => write_commands::get_weight(world, rest),
        ["set", "timeout", rest @ ..] => write_commands::set_timeout(rest),
        ["clear", "table", rest @ ..] => show_table::clear(world, rest),
        ["clear", "counters", rest @ ..] => {
            let all = rest.first() == Some(&"all");
            need(*level, if all { Level::Admin } else { Level::Operator })?;
            world.clear_counters(all);
            Ok(String::new())
        }
        _ => change(world, words, *level),
    }
}

/// Commands that change the state of the process, all for an admin.
fn change(world: &mut World, words: &[&str], level: Level) -> Reply {
    let admin = need(level, Level::Admin);
    match words {
        ["set", "server", rest @ ..] => admin.and_then(|()| write_commands::set_server(world, rest)),
        ["set", "weight", rest @ ..] => admin.and_then(|()| {
            let place = write_commands::place(world, rest.first())?;
            write_commands::set_weight(world, place, rest.get(1).copied())
        }),
        ["set", "maxconn", what @ ("server" | "frontend" | "global"), rest @ ..] => {
            admin.and_then(|()| write_commands::set_maxconn(world, what, rest))
        }
        ["enable", what @ ("server" | "health" | "agent"), rest @ ..] => {
            admin.and_then(|()| write_commands::switch(world, what, true, rest))
        }
        ["disable", what @ ("server" | "health" | "agent"), rest @ ..] => {
            admin.and_then(|()| write_commands::switch(world, what, false, rest))
        }
        ["enable", "frontend", rest @ ..] => admin.and_then(|()| write_commands::door(world, Door::Open, rest)),
        ["disable", "frontend", rest @ ..] => admin.and_then(|()| write_commands::door(world, Door::Paused, rest)),
        ["shutdown", "frontend", rest @ ..] => admin.and_then(|()| write_commands::door(world, Door::Shut, rest)),
        ["shutdown", "session", rest @ ..] => admin.and_then(|()| write_commands::shutdown_session(world, rest)),
        ["shutdown", "sessions", "server", rest @ ..] => {
            admin.and_then(|()| write_commands::shutdown_server_sessions(world, rest))
        }
        _ => Ok(help_text::unknown(words)),
    }
}

fn lower(level: &mut Level, to: Level) -> Reply {
    need(*level, to)?;
    *level = to;
    Ok(String::new())
}

fn show(world: &World, words: &[&str], level: Level) -> Reply {
    match words {
        ["info", ..] => Ok(show_info::dump(world)),
        ["stat", rest @ ..] => Ok(show_stat::dump(world, &wanted(world, rest)?)),
        ["version", ..] => Ok(format!("{}\n", show_info::VERSION)),
        ["cli", "level", ..] => Ok(format!("{}\n", level.word())),
        ["backend", ..] => {
            let names = world.backs().map(|(proxy, _)| format!("{}\n", proxy.name));
            Ok(std::iter::once("# name\n".to_owned()).chain(names).collect())
        }
        ["servers", "state", rest @ ..] => match rest.first() {
            None => Ok(show_servers_state::dump(world, None)),
            Some(name) => {
                let proxy = world.back_named(name).ok_or("Can't find backend.")?;
                Ok(show_servers_state::dump(world, Some(proxy)))
            }
        },
        ["table", rest @ ..] => show_table::show(world, rest, level),
        ["errors", ..] => need(level, Level::Operator).map(|()| show_errors::dump(world)),
        ["sess", rest @ ..] => {
            need(level, Level::Operator)?;
            match rest.first() {
                Some(&"all") => Ok(show_sess::list_all(world)),
                Some(pointer) if pointer.starts_with("0x") => {
                    show_sess::one(world, pointer).ok_or("Session not found.")
                }
                _ => Ok(show_sess::list(world)),
            }
        }
        _ => Ok(help_text::unknown(&[&["show"], words].concat())),
    }
}

/// The arguments of `show stat`: `IID|NAME|-1 KINDS SID`, and words that filter.
fn wanted(world: &World, words: &[&str]) -> Result<Wanted, &'static str> {
    let mut wanted = Wanted::default();
    if let [proxy, kinds, sid, ..] = words {
        wanted.iid = match proxy.parse::<i64>() {
            Ok(-1) => None,
            Ok(iid) => Some(u32::try_from(iid).unwrap_or_default()),
            Err(_) => {
                let found = world.proxies.iter().find(|candidate| candidate.name == **proxy);
                Some(found.ok_or("No such proxy.")?.iid)
            }
        };
        wanted.kinds = kinds.parse::<i64>().unwrap_or_default() as u32;
        wanted.sid = sid.parse::<i64>().ok().and_then(|sid| u32::try_from(sid).ok());
    }
    wanted.up = words.contains(&"up");
    wanted.no_maint = words.contains(&"no-maint");
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_haproxy_does() {
        assert_eq!(split("show info;show stat"), [["show", "info"], ["show", "stat"]]);
        assert_eq!(split(r"clear  table a key b\;c\ d"), [["clear", "table", "a", "key", "b;c d"]]);
        assert_eq!(split("user;"), [vec!["user".to_owned()], vec![]]);
    }
}
