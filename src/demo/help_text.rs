//! Replies to `help` and to unknown commands.
//!
//! The replies list only commands that the simulation supports, in the wording of `HAProxy` 2.6.

/// The lines of the reply to `help`, one per command.
const HELP_LINES: [&str; 34] = [
    "clear counters [all]                    : clear max statistics counters (or all counters)",
    "clear table <table> [<filter>]*         : remove an entry from a table (filter: data/key)",
    "disable agent                           : disable agent checks",
    "disable frontend <frontend>             : temporarily disable specific frontend",
    "disable health                          : disable health checks",
    "disable server (DEPRECATED)             : disable a server for maintenance (use 'set server' instead)",
    "enable agent                            : enable agent checks",
    "enable frontend <frontend>              : re-enable specific frontend",
    "enable health                           : enable health checks",
    "enable server  (DEPRECATED)             : enable a disabled server (use 'set server' instead)",
    "get weight <bk>/<srv>                   : report a server's current weight",
    "operator                                : lower the level of the current CLI session to operator",
    "set maxconn frontend <frontend> <value> : change a frontend's maxconn setting",
    "set maxconn global <value>              : change the per-process maxconn setting",
    "set maxconn server <bk>/<srv>           : change a server's maxconn setting",
    "set server <bk>/<srv> [opts]            : change a server's state, weight, address or ssl",
    "set timeout [cli] <delay>               : change a timeout setting",
    "set weight <bk>/<srv>  (DEPRECATED)     : change a server's weight (use 'set server' instead)",
    "show backend                            : list backends in the current running config",
    "show cli level                          : display the level of the current CLI session",
    "show errors [<px>] [request|response]   : report last request and/or response errors for each proxy",
    "show info [desc|json|typed|float]*      : report information about the running process",
    "show servers state [<backend>]          : dump volatile server information (all or for a single backend)",
    "show sess [id]                          : report the list of current sessions or dump this exact session",
    "show stat [desc|json|no-maint|typed|up]*: report counters for each proxy and server",
    "show table <table> [<filter>]*          : report table usage stats or dump this table's contents (filter: data/key)",
    "show version                            : show version of the current process",
    "shutdown frontend <frontend>            : stop a specific frontend",
    "shutdown session [id]                   : kill a specific session",
    "shutdown sessions server <bk>/<srv>     : kill sessions on a server",
    "user                                    : lower the level of the current CLI session to user",
    "help [<command>]                        : list matching or all commands",
    "prompt                                  : toggle interactive mode with prompt",
    "quit                                    : disconnect",
];

/// Returns the reply to `help`.
pub(crate) fn all_commands() -> String {
    help_list("The following commands are valid at this level:", |_| true)
}

/// Returns the reply to an unknown command: the commands that have the most leading words in common with it.
pub(crate) fn unknown_command(words: &[&str]) -> String {
    if words.is_empty() {
        return help_list("Unknown command. Please enter one of the following commands only:", |_| true);
    }
    let alike = |line: &str, length: usize| {
        let known = line.split_whitespace();
        words.iter().take(length).eq(known.take(length).collect::<Vec<_>>().iter())
    };
    let longest = (1..=words.len()).rev().find(|&length| HELP_LINES.iter().any(|line| alike(line, length)));
    help_list("Unknown command, but maybe one of the following ones is a better match:", |line| {
        longest.is_some_and(|length| alike(line, length))
    })
}

fn help_list(title: &str, wanted: impl Fn(&str) -> bool) -> String {
    let always = ["help ", "prompt ", "quit "];
    let mut out = format!("{title}\n");
    for line in HELP_LINES {
        if wanted(line) || always.iter().any(|word| line.starts_with(word)) {
            out.push_str("  ");
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}
