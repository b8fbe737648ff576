//! Hides keys, passwords and payloads in Runtime API commands, for files and messages that outlive the command.
//!
//! The audit log, the debug log and messages after the end of the dashboard contain commands with [`HIDDEN`] in place of
//! such arguments. The command history does not keep these commands at all, so that none of them is recalled incomplete.

/// Text in place of hidden arguments.
pub(crate) const HIDDEN: &str = "<hidden>";

/// When the arguments of a command are hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HideWhen {
    Always,
    /// If the first argument is a name that suggests secrets.
    NameIsSecret,
}

/// Commands with secret arguments: the first words, the number of arguments that stay visible, and the condition.
const SECRET_ARGUMENTS: &[(&[&str], usize, HideWhen)] = &[
    (&["add", "acl"], 1, HideWhen::NameIsSecret),
    (&["add", "map"], 1, HideWhen::NameIsSecret),
    (&["add", "ssl", "ca-file"], 1, HideWhen::Always),
    (&["add", "ssl", "crt-list"], 2, HideWhen::Always),
    (&["add", "ssl", "ech"], 1, HideWhen::Always),
    (&["add", "ssl", "jwt"], 1, HideWhen::Always),
    (&["del", "acl"], 1, HideWhen::NameIsSecret),
    (&["del", "map"], 1, HideWhen::NameIsSecret),
    (&["get", "acl"], 1, HideWhen::NameIsSecret),
    (&["get", "map"], 1, HideWhen::NameIsSecret),
    (&["set", "anon", "global-key"], 0, HideWhen::Always),
    (&["set", "anon", "on"], 0, HideWhen::Always),
    (&["set", "map"], 1, HideWhen::NameIsSecret),
    (&["set", "ssl", "ca-file"], 1, HideWhen::Always),
    (&["set", "ssl", "cert"], 1, HideWhen::Always),
    (&["set", "ssl", "crl-file"], 1, HideWhen::Always),
    (&["set", "ssl", "ech"], 1, HideWhen::Always),
    (&["set", "ssl", "key"], 1, HideWhen::Always),
    (&["set", "ssl", "ocsp-response"], 0, HideWhen::Always),
    (&["set", "ssl", "tls-key"], 1, HideWhen::Always),
    (&["set", "var"], 1, HideWhen::NameIsSecret),
];

/// Commands whose replies contain keys or passwords.
const SECRET_REPLIES: &[&[&str]] = &[
    &["dump", "ssl"],
    &["get", "map"],
    &["get", "var"],
    &["show", "anon"],
    &["show", "env"],
    &["show", "map"],
    &["show", "tls-keys"],
];

/// Parts of a name that suggest secrets.
const SECRET_NAMES: &[&str] = &["auth", "cred", "key", "pass", "pwd", "secret", "token"];

/// Starts of text that is hidden to the end of the line wherever it is.
const PAYLOAD_STARTS: &[&str] = &["<<", "-----BEGIN"];

/// Returns the line with secret arguments and payloads replaced by [`HIDDEN`].
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

/// Returns true if the reply to one of the commands in the line may contain keys or passwords.
pub(crate) fn has_secret_reply(line: &str) -> bool {
    has_secrets(line)
        || split_commands(line).iter().any(|command| {
            let words: Vec<String> = split_words(command).iter().map(|(_, word)| unescape(word)).collect();
            (0..words.len()).any(|at| SECRET_REPLIES.iter().any(|start| starts_with(&words[at..], start)))
        })
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

/// Splits a command into words, each with its position.
fn split_words(command: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let (mut start, mut is_escaped) = (None, false);
    for (at, ch) in command.char_indices() {
        let is_blank = !is_escaped && ch.is_whitespace();
        is_escaped = ch == '\\' && !is_escaped;
        match (start, is_blank) {
            (None, false) => start = Some(at),
            (Some(from), true) => {
                words.push((from, &command[from..at]));
                start = None;
            }
            _ => {}
        }
    }
    words.extend(start.map(|from| (from, &command[from..])));
    words
}

fn unescape(word: &str) -> String {
    let mut is_escaped = false;
    let kept = word.chars().filter(|ch| {
        is_escaped = *ch == '\\' && !is_escaped;
        !is_escaped
    });
    kept.collect()
}

/// Hides the secret arguments of one command. The command may begin at any word, because `@1` or an escaped `;`, at which
/// HAProxy before 2.0 splits the line, may precede it.
fn hide_in_command(command: &str) -> String {
    let places = split_words(command);
    let words: Vec<String> = places.iter().map(|(_, word)| unescape(word)).collect();
    for at in 0..words.len() {
        let known = SECRET_ARGUMENTS.iter().find(|(start, ..)| starts_with(&words[at..], start));
        let Some((start, visible, hide_when)) = known else { continue };
        let arguments = at + start.len();
        let is_secret = match hide_when {
            HideWhen::Always => true,
            HideWhen::NameIsSecret => words.get(arguments).is_some_and(|name| is_secret_name(name)),
        };
        if let Some((from, _)) = places.get(arguments + visible).filter(|_| is_secret) {
            return format!("{}{HIDDEN}", &command[..*from]);
        }
    }
    places.iter().rev().fold(command.to_owned(), |text, (from, word)| hide_url_password(text, *from, word))
}

fn starts_with(words: &[String], start: &[&str]) -> bool {
    // The first word may follow an escaped separator.
    let word = |index: usize| words.get(index).map(|word| if index == 0 { last_part(word) } else { word });
    start.iter().enumerate().all(|(index, known)| word(index).is_some_and(|word| known.eq_ignore_ascii_case(word)))
}

fn last_part(word: &str) -> &str {
    word.rsplit(';').next().unwrap_or(word)
}

/// Returns true if a name suggests secrets, or is only a number, as `#3` is.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with('#') || SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// Hides user and password of a URL, such as `http://user:password@host/`.
fn hide_url_password(mut text: String, from: usize, word: &str) -> String {
    let place = word.split_once("://").and_then(|(scheme, rest)| {
        let host_end = rest.find('/').unwrap_or(rest.len());
        Some((scheme.len() + 3, rest.get(..host_end)?.rfind('@')?))
    });
    if let Some((user, length)) = place {
        text.replace_range(from + user..from + user + length, HIDDEN);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hide_replaces_keys_and_payloads() {
        for (line, shown) in [
            ("set ssl cert x.pem abc def", "set ssl cert x.pem <hidden>"),
            ("set ssl cert x.pem <<", "set ssl cert x.pem <hidden>"),
            ("set ssl cert x.pem <<\nabc; def", "set ssl cert x.pem <hidden>"),
            ("SET  ssl  cert x.pem abc", "SET  ssl  cert x.pem <hidden>"),
            ("@1 set s\\sl tls-key #1 abc\\ def; show info", "@1 set s\\sl tls-key #1 <hidden>; show info"),
            ("show info\\;set ssl tls-key #1 abc", "show info\\;set ssl tls-key #1 <hidden>"),
            ("show info \\; set ssl tls-key #1 abc", "show info \\; set ssl tls-key #1 <hidden>"),
            ("set ssl ocsp-response abc", "set ssl ocsp-response <hidden>"),
            ("set anon global-key 7; show anon", "set anon global-key <hidden>; show anon"),
            ("set anon on 7", "set anon on <hidden>"),
            ("set map /etc/tokens.map ann abc", "set map /etc/tokens.map <hidden>"),
            ("add map #3 a b", "add map #3 <hidden>"),
            ("set var proc.api_key str(abc)", "set var proc.api_key <hidden>"),
            ("typo x.pem <<abc", "typo x.pem <hidden>"),
            ("x -----BEGIN PRIVATE KEY----- abc", "x <hidden>"),
            ("httpclient GET http://ann:abc@host/a?b@c", "httpclient GET http://<hidden>@host/a?b@c"),
        ] {
            assert_eq!(hide(line), shown);
        }
        assert!(has_secret_reply("show info; @1 show tls-keys") && !has_secret_reply("show info"));
    }

    #[test]
    fn hide_keeps_other_commands() {
        for line in [
            "set server be/s1 state maint; show info",
            "add map /etc/hosts.map www be_new",
            "set map hosts.map www  be\\;x",
            "show ssl cert x.pem",
            "set ssl cert",
            "",
            " ; ",
        ] {
            assert!(!has_secrets(line), "{line}");
        }
    }

    proptest! {
        #[test]
        fn hide_accepts_any_line(line in ".{0,60}") {
            let _ = hide(&line);
        }
    }
}
