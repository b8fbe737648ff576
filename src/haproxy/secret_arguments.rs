//! Hides everything in Runtime API commands that is not known to be harmless, for files and messages that outlive the
//! command.
//!
//! Arguments may be keys, passwords or payloads, and a misspelled command may have any of them. So a word is shown only
//! at a place where [`HARMLESS_COMMANDS`] has it: the words of a command, names of proxies and servers, states, numbers.
//! The audit log, the event log, the debug log and messages after the end of the dashboard contain commands with
//! [`HIDDEN`] in place of the rest. The command history does not keep these commands at all, so that none of them is
//! recalled incomplete.

use std::net::IpAddr;

/// Text in place of hidden arguments.
pub(crate) const HIDDEN: &str = "<hidden>";

/// Commands as far as their words are harmless. `|` separates alternatives, `<…>` is a kind of [`is_of_kind`], and the
/// last word may be repeated if `*` ends it. A command may end after any of the words; what follows the last one is
/// hidden.
const HARMLESS_COMMANDS: &[&str] = &[
    "abort|commit|del|new|show ssl ca-file|cert|crl-file|crt-list|crlfile|ech|jwt <file> <file>",
    "acme renew <file>",
    "acme status",
    "add acl|map <version> <file>",
    "add acl|map <file>",
    "add|del|publish|unpublish backend <name>",
    "add server <server> <address> agent-check|backup|check|disabled|enabled|fall|inter|maxconn|port|rise|ssl|weight|<number>|<delay>*",
    "add ssl ca-file|crt-list|ech|jwt <file>",
    "add ssl crt-list <file> <file>",
    "clear|commit|show acl|map <version> <file>",
    "clear|del|prepare|show acl|map <file> <reference>",
    "clear counters all",
    "clear|show table <table> <data>|<operator>|<number>*",
    "clear|show table <table> key|ptr <address>|<number>",
    "del|get server|weight <server>",
    "disable|enable agent|health|server <server>",
    "disable|enable dynamic-cookie backend <name>",
    "disable|enable|shutdown frontend <name>",
    "dump ssl cert <file>",
    "dump stats-file",
    "echo",
    "experimental-mode|expert-mode|mcli-debug-mode on|off",
    "get acl|map <file>",
    "get var <name>",
    "hard-reload|operator|quit|reload|user",
    "help",
    "httpclient DELETE|GET|HEAD|OPTIONS|POST|PUT",
    "prompt help|i|n|p|timed*",
    "set anon off",
    "set anon global-key|on",
    "set dynamic-cookie-key backend <name>",
    "set map <file> <reference>",
    "set maxconn frontend <name> <number>",
    "set maxconn global <number>",
    "set maxconn server <server> <number>",
    "set profiling memory|tasks auto|off|on",
    "set rate-limit connections|http-compression|sessions|ssl-sessions global <number>",
    "set server <server> addr|agent-addr <address> port <number>",
    "set server <server> agent down|up",
    "set server <server> agent-port|check-port <number>",
    "set server <server> agent-send",
    "set server <server> check-addr <address> port <number>",
    "set server <server> fqdn <name>",
    "set server <server> health down|stopping|up",
    "set server <server> ssl off|on",
    "set server <server> state drain|maint|ready",
    "set server <server> weight <weight>",
    "set severity-output none|number|string",
    "set ssl ca-file|cert|crl-file|ech|key|tls-key <file>",
    "set ssl ocsp-response",
    "set table <table> key <address> <data>|<number>*",
    "set timeout cli <delay>",
    "set var <name>",
    "set weight <server> <weight>",
    "show activity <number>",
    "show anon|backend|cache|dev|libs|schema|startup-logs|tasks|threads|tls-keys|version",
    "show cli level|sockets",
    "show env <name>",
    "show errors <name>|<number> request|response",
    "show events <name> -0|-n|-nw|-w|-wn*",
    "show fd <number>",
    "show info desc|float|json|typed*",
    "show peers dict|-|<name> <name>",
    "show pools byname|bysize|byusage|detailed|<number>*",
    "show proc debug",
    "show profiling all|byaddr|bycall|byctx|bytime|memory|status|tasks|<number>*",
    "show quic all|full|oneline|<number>*",
    "show resolvers <name>",
    "show schema json",
    "show servers conn|state <name>",
    "show sess all|help|older|show-uri|susp|<delay>|<number>*",
    "show sess backend|frontend <name>",
    "show sess server <server>",
    "show ssl crt-list -n <file>",
    "show ssl ocsp-response base64|text|<number> <number>",
    "show ssl ocsp-updates|providers|sni",
    "show stat <name>|<number> <number> <number>",
    "show stat <name>|<number> desc|json|no-maint|typed|up*",
    "show trace <name>",
    "shutdown session <number>",
    "shutdown sessions server <server>",
    "trace <name> event|level|lock|pause|sink|start|stop|verbosity",
    "update ssl ocsp-response <file>",
    "wait <delay> srv-removable <server>",
];

/// Commands that read something, and whose replies contain no more than names and figures.
const HARMLESS_REPLIES: &[&[&str]] =
    &[&["get", "weight"], &["show", "backend"], &["show", "info"], &["show", "servers"], &["show", "version"]];

/// First words of commands whose replies may contain anything that HAProxy has in memory.
const READING_VERBS: &[&str] = &["debug", "dump", "echo", "get", "help", "httpclient", "show", "trace"];

/// Starts of text that is hidden to the end of the line wherever it is.
const PAYLOAD_STARTS: &[&str] = &["<<", "-----BEGIN"];

/// Returns the line with everything that is not known to be harmless replaced by [`HIDDEN`].
pub(crate) fn hide(line: &str) -> String {
    let cut = PAYLOAD_STARTS.iter().filter_map(|start| line.find(start)).min();
    let (text, payload) = line.split_at(cut.unwrap_or(line.len()));
    let commands: Vec<String> = split_commands(text).into_iter().map(hide_in_command).collect();
    let shown = commands.join(";");
    match payload {
        "" => shown,
        _ if shown.ends_with(HIDDEN) => shown,
        _ => format!("{}{HIDDEN}", if shown.is_empty() || shown.ends_with(' ') { shown } else { shown + " " }),
    }
}

/// Returns true if [`hide`] would hide a part of the line.
pub(crate) fn has_secrets(line: &str) -> bool {
    hide(line) != line
}

/// Returns true unless the reply to each command in the line is known to be harmless.
pub(crate) fn has_secret_reply(line: &str) -> bool {
    has_secrets(line) || split_commands(line).into_iter().any(|command| may_reply_secrets(&words_of(command)))
}

/// Returns the key of a table's entry, or [`HIDDEN`] if it may be more than an address or a number, such as a cookie.
pub(crate) fn hide_table_key(key: &str) -> &str {
    if is_of_kind(key, "<address>") || is_of_kind(key, "<number>") { key } else { HIDDEN }
}

/// Splits a line at each `;` that is not escaped, as HAProxy does since 2.0.
fn split_commands(line: &str) -> Vec<&str> {
    let mut is_escaped = false;
    line.split(|ch| {
        let is_end = ch == ';' && !is_escaped;
        is_escaped = ch == '\\' && !is_escaped;
        is_end
    })
    .collect()
}

/// Splits a command into words. An escaped blank ends a word as well: no harmless word has one.
fn words_of(command: &str) -> Vec<&str> {
    command.split([' ', '\t']).filter(|word| !word.is_empty()).collect()
}

fn hide_in_command(command: &str) -> String {
    let mut left = harmless_count(&words_of(command));
    let shown_piece = |piece| {
        left = left.checked_sub(words_of(piece).len())?;
        Some(piece)
    };
    let shown: String = command.split_inclusive([' ', '\t']).map_while(shown_piece).collect();
    if shown.len() == command.len() { shown } else { shown + HIDDEN }
}

/// Returns the number of words at the start of a command that are harmless.
fn harmless_count(words: &[&str]) -> usize {
    let (Some(first), rest) = (words.first(), words.get(1..).unwrap_or_default()) else { return 0 };
    // The process that the command is for precedes it, and `help` has the start of a command.
    if *first == "help" || is_of_kind(first, "<process>") {
        return 1 + harmless_count(rest);
    }
    HARMLESS_COMMANDS.iter().map(|pattern| matching_count(pattern, words)).max().unwrap_or(0)
}

/// Returns the number of words at the start of a command that match a pattern.
fn matching_count(pattern: &str, words: &[&str]) -> usize {
    let repeated = pattern.strip_suffix('*').and_then(|pattern| pattern.rsplit(' ').next());
    let pattern = pattern.trim_end_matches('*').split(' ').chain(repeated.into_iter().cycle());
    words.iter().zip(pattern).take_while(|(word, kinds)| kinds.split('|').any(|kind| is_of_kind(word, kind))).count()
}

/// Returns whether a word is of a kind: `<name>` of a proxy, `<server>` with its backend, `<table>` of a proxy or peers, `<number>` decimal or
/// hexadecimal, or the word itself.
fn is_of_kind(word: &str, kind: &str) -> bool {
    let is_number = |text: &str| {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        !digits.is_empty() && digits.len() <= 20 && {
            let is_hex = digits.len() < text.len();
            digits.chars().all(|ch| if is_hex { ch.is_ascii_hexdigit() } else { ch.is_ascii_digit() })
        }
    };
    let is_name = |text: &str| {
        !text.is_empty() && text.chars().all(|ch| ch.is_ascii_alphanumeric() || matches!(ch, '_' | '.' | ':' | '-'))
    };
    match kind {
        "<name>" => is_name(word),
        "<server>" => word.split_once('/').is_some_and(|(backend, server)| is_name(backend) && is_name(server)),
        "<table>" => word.splitn(2, '/').all(is_name),
        "<number>" => is_number(word) || word.strip_prefix('-').is_some_and(is_number),
        "<weight>" => is_number(word.strip_suffix('%').unwrap_or(word)),
        "<delay>" => {
            ["us", "ms", "s", "m", "h", "d", ""].iter().any(|unit| word.strip_suffix(unit).is_some_and(is_number))
        }
        "<address>" => {
            let host = word.rsplit_once(':').filter(|(_, port)| is_number(port)).map_or(word, |(host, _)| host);
            [word, host].iter().any(|text| text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok())
        }
        "<reference>" => word.strip_prefix('#').is_some_and(is_number),
        "<version>" => word.strip_prefix('@').is_some_and(is_number),
        "<process>" => word.strip_prefix('@').is_some_and(|name| {
            name == "master" || is_number(name.trim_start_matches('@').strip_prefix('!').unwrap_or(name))
        }),
        "<data>" => word.strip_prefix("data.").is_some_and(is_name),
        "<operator>" => matches!(word, "eq" | "ge" | "gt" | "le" | "lt" | "ne"),
        "<file>" => is_file(word) || word.strip_prefix('#').is_some_and(is_number),
        _ => word == kind,
    }
}

/// Returns whether a word is the name of a file: with a folder, a prefix such as `virt@`, or an ending such as `.map`.
fn is_file(word: &str) -> bool {
    let word = word.strip_prefix('*').unwrap_or(word);
    let has_ending = || {
        let ending = word.rsplit_once('.').map_or("", |(_, ending)| ending);
        ["acl", "crl", "crt", "key", "list", "lst", "map", "pem", "txt"].contains(&ending)
    };
    let has_start = ["/", "./", "../", "virt@", "opt@", "file@"].iter().any(|start| word.starts_with(start));
    word.chars().all(|ch| ch.is_ascii_alphanumeric() || "/_.:@+-".contains(ch)) && (has_start || has_ending())
}

fn may_reply_secrets(words: &[&str]) -> bool {
    match words {
        [process, rest @ ..] if is_of_kind(process, "<process>") => may_reply_secrets(rest),
        [verb, ..] => READING_VERBS.contains(verb) && !HARMLESS_REPLIES.iter().any(|start| words.starts_with(start)),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hide_shows_only_words_known_to_be_harmless() {
        for (line, shown) in [
            ("set ssl cert x.pem abc def", "set ssl cert x.pem <hidden>"),
            ("set ssl cert x.pem <<", "set ssl cert x.pem <hidden>"),
            ("set ssl cert x.pem <<\nabc; show info", "set ssl cert x.pem <hidden>"),
            ("SET  ssl  cert x.pem abc", "<hidden>"),
            ("@1 set s\\sl tls-key #1 abc\\ def; show info", "@1 set <hidden>; show info"),
            ("@!42 @master set  ssl tls-key #1 abc;show info", "@!42 @master set  ssl tls-key #1 <hidden>;show info"),
            ("show info\\;set ssl tls-key #1 abc", "show <hidden>"),
            ("show info \\; set ssl tls-key #1 abc", "show info <hidden>"),
            ("set ssl ocsp-response abc", "set ssl ocsp-response <hidden>"),
            ("set anon global-key 7; show anon", "set anon global-key <hidden>; show anon"),
            ("set anon on 7", "set anon on <hidden>"),
            ("set map /etc/hosts.map ann abc", "set map /etc/hosts.map <hidden>"),
            ("set map /etc/hosts.map #0x55d1 abc", "set map /etc/hosts.map #0x55d1 <hidden>"),
            ("add map @0 hosts.map bob abc", "add map @0 hosts.map <hidden>"),
            ("add acl @0 #0 abc", "add acl @0 #0 <hidden>"),
            ("add map bob abc", "add map <hidden>"),
            ("yadd map /etc/hosts.map bob abc", "<hidden>"),
            ("hunter2", "<hidden>"),
            ("help hunter2", "help <hidden>"),
            ("set newthing abc", "set <hidden>"),
            ("set var proc.api_key str(abc)", "set var proc.api_key <hidden>"),
            ("set dynamic-cookie-key backend be abc", "set dynamic-cookie-key backend be <hidden>"),
            ("set table be key abc data.gpc0 1", "set table be key <hidden>"),
            ("show table be key abc", "show table be key <hidden>"),
            ("set server be/s1 agent-send abc", "set server be/s1 agent-send <hidden>"),
            ("add server be/s1 192.0.2.1:80 check cookie abc", "add server be/s1 192.0.2.1:80 check <hidden>"),
            ("acme abc", "acme <hidden>"),
            ("typo x.pem <<abc", "<hidden>"),
            ("show info <<abc", "show info <hidden>"),
            ("-----BEGIN PRIVATE KEY----- abc", "<hidden>"),
            ("httpclient GET http://host/?token=abc", "httpclient GET <hidden>"),
            ("show info\nabc", "show <hidden>"),
            ("show\u{a0}info", "<hidden>"),
        ] {
            assert_eq!(hide(line), shown);
            assert!(has_secrets(line) && has_secret_reply(line));
        }
    }

    #[test]
    fn hide_keeps_harmless_commands() {
        for line in [
            "set server be/s1 state maint; show info",
            "@1 set server be-app:x/s1.y weight 50%",
            "set server be/s1 addr 2001:db8::1 port 8080",
            "add server be/s1 [2001:db8::1]:80 check inter 2s weight 10",
            "clear table be key 192.0.2.7",
            "clear table cluster/t key 192.0.2.7",
            "set table be key 2001:db8::1 data.gpc0 1 data.gpc1 2",
            "show table be data.http_req_rate gt 10",
            "show stat -1 4 -1",
            "show stat be typed",
            "show sess 0x55d1c2a0",
            "clear map @3 /etc/hosts.map",
            "show ssl cert *x.pem",
            "help set server",
            "wait 10s srv-removable be/s1",
            "set ssl cert",
            "",
            " ; ",
        ] {
            let shown = hide(line);
            assert_eq!(shown, line);
        }
    }

    #[test]
    fn has_secret_reply_knows_harmless_replies() {
        for line in ["show info", "set server be/s1 weight 5; show info", "@1 clear counters all", "get weight be/s1"] {
            assert!(!has_secret_reply(line), "{line}");
        }
        for line in
            ["show info; @1 show tls-keys", "show table be", "show env", "get map /m.map", "set weight be/s1 5x"]
        {
            assert!(has_secret_reply(line), "{line}");
        }
    }

    #[test]
    fn hide_table_key_shows_addresses_and_numbers() {
        assert_eq!(
            ["192.0.2.7", "2001:db8::1", "42", "user@host"].map(hide_table_key),
            ["192.0.2.7", "2001:db8::1", "42", HIDDEN]
        );
    }

    proptest! {
        #[test]
        fn hide_accepts_any_line(line in ".{0,60}") {
            let _ = hide(&line);
        }

        #[test]
        fn hide_shows_no_unknown_word(start in proptest::sample::select(HARMLESS_COMMANDS), words in 0_usize..9, end in " ?;? ?") {
            let known: Vec<&str> = start.split(' ').take(words).map(|kinds| kinds.split('|').next().unwrap_or_default()).collect();
            let line = format!("{}{end} S3CRET+/=", known.join(" "));
            prop_assert!(!hide(&line).contains("S3CRET"), "{line}");
        }
    }
}
