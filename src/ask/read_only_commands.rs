//! Commands that are known to change nothing in any version from 1.5 to 3.5, with the first version that has each.
//!
//! A version without a command replies with a list of similar commands and changes nothing, so a command is sent to any
//! version; [`missing_in`] explains the reply. The versions are those in which HAProxy's source registers the command.
//!
//! `clear table` is not in the list, although it works at level user up to 3.3. Neither are `dump ssl cert`, which prints
//! private keys, and `trace`, which lists the traces but also changes them.

use crate::ask::known_crashes::starts_with_words;
use crate::haproxy::version::Version;

/// A command that only reads.
#[derive(Debug, PartialEq, Eq)]
pub struct ReadOnlyCommand {
    /// First words of the command.
    pub words: &'static [&'static str],
    /// First branch that has the command.
    pub since: Version,
}

const fn since(major: u16, minor: u16, words: &'static [&'static str]) -> ReadOnlyCommand {
    ReadOnlyCommand { words, since: Version::new(major, minor) }
}

/// The read-only commands, in alphabetical order.
pub static READ_ONLY_COMMANDS: [ReadOnlyCommand; 55] = [
    since(3, 2, &["acme", "status"]),
    since(3, 1, &["echo"]),
    since(1, 5, &["get", "acl"]),
    since(1, 5, &["get", "map"]),
    since(2, 4, &["get", "var"]),
    since(1, 5, &["get", "weight"]),
    since(1, 5, &["help"]),
    since(1, 9, &["operator"]),
    since(1, 5, &["show", "acl"]),
    since(1, 9, &["show", "activity"]),
    since(2, 7, &["show", "anon"]),
    since(1, 6, &["show", "backend"]),
    since(1, 8, &["show", "cache"]),
    since(1, 9, &["show", "cli", "level"]),
    since(1, 8, &["show", "cli", "sockets"]),
    since(3, 5, &["show", "default-server"]),
    since(3, 5, &["show", "defaults"]),
    since(2, 9, &["show", "dev"]),
    since(1, 7, &["show", "env"]),
    since(1, 5, &["show", "errors"]),
    since(2, 1, &["show", "events"]),
    since(1, 8, &["show", "fd"]),
    since(1, 5, &["show", "info"]),
    since(2, 6, &["show", "libs"]),
    since(1, 5, &["show", "map"]),
    since(2, 0, &["show", "peers"]),
    since(1, 5, &["show", "pools"]),
    since(1, 9, &["show", "proc"]),
    since(1, 9, &["show", "profiling"]),
    since(2, 8, &["show", "quic"]),
    since(1, 8, &["show", "resolvers"]),
    since(1, 8, &["show", "schema", "json"]),
    since(2, 2, &["show", "servers", "conn"]),
    since(1, 6, &["show", "servers", "state"]),
    since(1, 5, &["show", "sess"]),
    since(2, 5, &["show", "ssl", "ca-file"]),
    since(2, 2, &["show", "ssl", "cert"]),
    since(2, 5, &["show", "ssl", "crl-file"]),
    since(2, 2, &["show", "ssl", "crt-list"]),
    since(3, 3, &["show", "ssl", "ech"]),
    since(3, 3, &["show", "ssl", "jwt"]),
    since(2, 5, &["show", "ssl", "ocsp-response"]),
    since(2, 8, &["show", "ssl", "ocsp-updates"]),
    since(2, 6, &["show", "ssl", "providers"]),
    since(3, 2, &["show", "ssl", "sni"]),
    since(1, 8, &["show", "startup-logs"]),
    since(1, 5, &["show", "stat"]),
    since(1, 5, &["show", "table"]),
    since(2, 4, &["show", "tasks"]),
    since(2, 0, &["show", "threads"]),
    since(1, 6, &["show", "tls-keys"]),
    since(2, 1, &["show", "trace"]),
    since(2, 6, &["show", "version"]),
    since(1, 9, &["user"]),
    since(3, 0, &["wait"]),
];

/// Returns the read-only command that a line, split into words, begins with; `None` if the line may change HAProxy.
pub fn find<W: AsRef<str>>(words: &[W]) -> Option<&'static ReadOnlyCommand> {
    READ_ONLY_COMMANDS.iter().find(|command| starts_with_words(words, command.words))
}

/// Explains that `version` does not have a read-only command, or returns `None` if it has the command.
pub(crate) fn missing_in<W: AsRef<str>>(words: &[W], version: Version) -> Option<String> {
    let command = find(words).filter(|command| version < command.since)?;
    Some(format!("\"{}\" exists since HAProxy {}; this is {version}", command.words.join(" "), command.since))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::known_crashes;
    use crate::haproxy::command_list;

    /// The replies to `help` of real HAProxies.
    const HELP_REPLIES: [(Version, &[u8]); 6] = [
        (Version::new(1, 8), include_bytes!("../../tests/fixtures/1.8.0/help.txt")),
        (Version::new(2, 0), include_bytes!("../../tests/fixtures/2.0.0/help.txt")),
        (Version::new(2, 4), include_bytes!("../../tests/fixtures/2.4.0/help.txt")),
        (Version::new(2, 6), include_bytes!("../../tests/fixtures/2.6.12/help.txt")),
        (Version::new(3, 0), include_bytes!("../../tests/fixtures/3.0.0/help.txt")),
        (Version::new(3, 2), include_bytes!("../../tests/fixtures/3.2.0/help.txt")),
    ];

    /// Returns the commands in the help of a version, split into words.
    fn commands_of(help: &[u8]) -> Vec<Vec<String>> {
        let list = command_list::parse(help);
        list.iter().map(|command| command.words.as_str().split(' ').map(str::to_owned).collect()).collect()
    }

    #[test]
    fn every_show_and_get_command_in_the_help_of_each_version_is_classified() {
        for (version, help) in HELP_REPLIES {
            let commands = commands_of(help);
            assert!(commands.len() > 40, "{version}: {commands:?}");
            for words in commands.iter().filter(|words| matches!(words[0].as_str(), "show" | "get")) {
                let command = find(words);
                assert!(command.is_some(), "{version}: {words:?} is not classified");
                assert!(command.is_some_and(|command| command.since <= version), "{version} has {words:?}");
            }
            for command in READ_ONLY_COMMANDS.iter().filter(|command| command.since > version) {
                let is_listed = commands.iter().any(|words| starts_with_words(words, command.words));
                assert!(!is_listed, "{version} has {command:?}");
            }
        }
    }

    #[test]
    fn changing_commands_in_the_help_are_not_read_only() {
        const CHANGING: [&str; 16] = [
            "abort",
            "add",
            "clear",
            "commit",
            "del",
            "disable",
            "dump",
            "enable",
            "expert-mode",
            "new",
            "prompt",
            "quit",
            "set",
            "shutdown",
            "trace",
            "update",
        ];
        for (version, help) in HELP_REPLIES {
            for words in commands_of(help).iter().filter(|words| CHANGING.contains(&words[0].as_str())) {
                assert_eq!(find(words), None, "{version}: {words:?}");
            }
        }
    }

    #[test]
    fn read_only_commands_that_crash_are_known_by_version() {
        let crashing = |version| {
            let is_known = |command: &&ReadOnlyCommand| known_crashes::find(command.words, Some(version)).is_some();
            READ_ONLY_COMMANDS.iter().filter(is_known).map(|command| command.words.join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(crashing(Version::new(3, 0)), ["show schema json", "show threads"]);
        assert_eq!(crashing(Version::new(3, 1)), ["show schema json"]);
        assert_eq!(crashing(Version::new(3, 2)), [] as [String; 0]);
    }

    #[test]
    fn missing_in_names_first_version_with_command() {
        let missing = |line: &str, version| missing_in(&line.split(' ').collect::<Vec<_>>(), version);
        let wait = "\"wait\" exists since HAProxy 3.0; this is 2.6";
        assert_eq!(missing("wait 1s", Version::new(2, 6)).as_deref(), Some(wait));
        assert_eq!(missing("wait 1s", Version::new(3, 0)), None);
        assert_eq!(missing("set server b/s state maint", Version::new(1, 5)), None);
    }
}
