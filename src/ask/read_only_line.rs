//! Line of read-only commands, typed by hand.
//!
//! Only commands from a list of known read-only commands are accepted. All others are refused, including those of
//! future HAProxy versions. The check uses the words as HAProxy will parse them.

use crate::ask::read_only_commands;
use crate::ask::typed_line::{NotSent, TypedLine, TypedWord, refuse};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::version::Version;

/// Line of one or more commands, all listed in [`crate::ask::read_only_commands`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOnlyLine(TypedLine);

impl ReadOnlyLine {
    /// Parses and checks a line.
    ///
    /// # Errors
    /// Returns an error if a command is not known to be read-only, or if HAProxy would parse the line differently.
    pub fn parse(typed: &str) -> Result<Self, NotSent> {
        let line = TypedLine::parse(typed)?;
        line.typed_words().iter().try_for_each(|command| check_command(command))?;
        Ok(Self(line))
    }

    /// Returns the line to send, without a line break.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the words of each command, as HAProxy parses them.
    pub fn commands(&self) -> &[Vec<String>] {
        self.0.commands()
    }

    /// Checks that this version of HAProxy parses the line as hapulse does and is not known to crash on it.
    ///
    /// # Errors
    /// Returns an error if the check fails for this version, or, if the version is unknown, for any version.
    pub(crate) fn check_version(&self, version: Option<Version>) -> Result<(), NotSent> {
        self.0.check_version(version)
    }
}

fn check_command(command: &[TypedWord]) -> Result<(), NotSent> {
    let words: Vec<&str> = command.iter().map(|word| word.unescaped.as_str()).collect();
    let first = words.first().copied().unwrap_or_default();
    let Some(known_command) = read_only_commands::find(&words) else {
        let name = if matches!(first, "show" | "get") { words[..words.len().min(2)].join(" ") } else { first.into() };
        return refuse(format!("\"{}\" is not a known read-only command", SafeText::from(name.as_str())));
    };
    if command.iter().take(known_command.words.len()).any(|word| word.raw != word.unescaped) {
        return refuse("the name of a command contains a \"\\\"");
    }
    match words.as_slice() {
        ["show", "events", options @ ..] if options.iter().any(|word| word.starts_with('-') && word.contains('w')) => {
            refuse("\"show events … -w\" never ends")
        }
        ["show", "tls-keys", _, ..] => refuse("\"show tls-keys …\" prints secret keys"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(line: &str) -> Vec<String> {
        ReadOnlyLine::parse(line).unwrap().commands().iter().map(|words| words.join("|")).collect()
    }

    fn why(line: &str) -> String {
        ReadOnlyLine::parse(line).unwrap_err().reason
    }

    #[test]
    fn parse_accepts_read_only_commands() {
        assert_eq!(parts("show info"), ["show|info"]);
        assert_eq!(parts("  show \t stat -1 4 -1 "), ["show|stat|-1|4|-1"]);
        assert_eq!(parts("operator;show sess; get weight be/s1"), ["operator", "show|sess", "get|weight|be/s1"]);
        assert_eq!(parts("acme status;echo a  b;wait 1s; show defaults; show proc").len(), 5);
        assert_eq!(parts(r"get map /f a\;b\ c\\"), [r"get|map|/f|a;b c\"]);
        assert_eq!(ReadOnlyLine::parse("  help show ").unwrap().as_str(), "help show");
    }

    #[test]
    fn parse_refuses_other_commands_by_name() {
        for line in [
            "set server b/s state maint",
            "clear counters",
            "clear table t",
            "disable server b/s",
            "enable server b/s",
            "shutdown session 0x1",
            "add map m k v",
            "del map m k",
            "trace 0",
            "debug dev hash",
            "quit",
            "prompt",
            "prompt i",
            "experimental-mode on",
            "expert-mode on",
            "@1 show info",
            "@!12 show info",
            "reload",
            "commit acl @1 a",
            "dump stats-file",
            "acme renew x",
            "dump ssl cert x",
            "update ssl ocsp-response x",
            "SHOW info",
            "sh info",
            "showinfo",
            "show",
            "get",
            "show cli",
            "show newthing",
            "show\u{a0}info",
        ] {
            assert!(why(line).contains("is not a known read-only command"), "{line}: {}", why(line));
            for hidden in [format!("show info;{line}"), format!(" show info ;\t{line}"), format!("{line};show info")] {
                assert!(ReadOnlyLine::parse(&hidden).is_err(), "{hidden}");
            }
        }
    }

    #[test]
    fn parse_refuses_ambiguous_lines() {
        assert!(why("show info\nclear counters").contains("control"));
        assert!(why("show info\rclear counters").contains("control"));
        assert!(why("").contains("no command") && why(" ; ").contains("no command"));
        assert!(why("show info;").contains("no command") && why(";;show info").contains("no command"));
        assert!(why("show map <<").contains("payload") && why(r"show map <\<").contains("payload"));
        assert!(why(r"s\how info").contains('\\') && why(r"show schema js\on").contains('\\'));
        assert!(why(r"show info \").contains("ends in"));
        assert!(why(&format!("show map{}", " x".repeat(59))).contains("60 words"));
        assert!(ReadOnlyLine::parse(&format!("show map{}", " x".repeat(58))).is_ok());
        assert!(why(&format!("show map {}", "x".repeat(4000))).contains("longer"));
        assert!(why("show events buf0 -nw").contains("never ends") && why(r"show events buf0 \-w").contains("never"));
        assert!(why("show tls-keys *").contains("secret") && ReadOnlyLine::parse("show tls-keys").is_ok());
    }

    #[test]
    fn check_version_refuses_lines_that_crash_version() {
        let check = |line: &str, version| ReadOnlyLine::parse(line).unwrap().check_version(version);
        assert!(check("show info;show threads", Some(Version::new(3, 0))).is_err());
        assert!(check("show threads", Some(Version::new(3, 2))).is_ok());
        assert!(check("show schema json", Some(Version::new(3, 1))).is_err());
        assert!(check(r"get map m a\;quit", Some(Version::new(1, 8))).is_err());
        assert!(check(r"get map m a\;quit", Some(Version::new(2, 6))).is_ok());
        assert!(check("show info", None).is_ok());
    }

    /// Splits a line into commands as HAProxy does; a second implementation to test the first.
    fn commands(line: &str) -> Vec<String> {
        let mut out = vec![String::new()];
        let mut chars = line.chars();
        while let Some(ch) = chars.next() {
            match (ch, out.last_mut()) {
                (';', _) => out.push(String::new()),
                ('\\', Some(last)) => last.extend([ch].into_iter().chain(chars.next())),
                (_, Some(last)) => last.push(ch),
                _ => {}
            }
        }
        out
    }

    proptest! {
        #[test]
        fn parse_never_accepts_unlisted_command(
            pieces in proptest::collection::vec(
                prop_oneof![
                    prop::sample::select(vec![
                        ";", " ", "\t", "\\", "\\;", "\\\\", "\n", "\r", "<<", "show", "info", "show info", "stat", "map",
                        "sess", "clear", "counters", "clear counters", "set", "server", "@1", "help", "get weight",
                        "operator", "quit", "\u{a0}", "'", "\"", "#", "x",
                    ])
                    .prop_map(str::to_owned),
                    ".{0,3}",
                ],
                0..14,
            )
        ) {
            let typed = pieces.concat();
            if let Ok(known_command) = ReadOnlyLine::parse(&typed) {
                prop_assert!(!known_command.as_str().contains(['\n', '\r', '\0']) && !known_command.as_str().contains("<<"));
                for command in commands(known_command.as_str()) {
                    let words: Vec<&str> = command.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
                    prop_assert!(read_only_commands::find(&words).is_some(), "{typed:?}: {command:?}");
                }
            }
        }
    }
}
