//! A line typed by hand that only reads.
//!
//! What may be typed is a list of commands known to change nothing; everything else is refused, also what a
//! later HAProxy may invent. A part's words are judged as HAProxy will see them.

use crate::ask::known_crashes::begins_with;
use crate::ask::read_only_commands::READS;
use crate::ask::typed_command::{NotSent, TypedLine, Word, refuse};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::version::Version;

/// A line of one or more commands, each of which is on the list of [`crate::ask::read_only_commands`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadLine(TypedLine);

impl ReadLine {
    /// Judges a line.
    ///
    /// # Errors
    /// When any part of it is not known to read only, or HAProxy would not take the line as one.
    pub fn new(typed: &str) -> Result<Self, NotSent> {
        let line = TypedLine::new(typed)?;
        line.typed().iter().try_for_each(|part| judge(part))?;
        Ok(Self(line))
    }

    /// What is sent, without a line break.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The words of each command, as HAProxy sees them.
    pub fn parts(&self) -> &[Vec<String>] {
        self.0.parts()
    }

    /// Whether this version of HAProxy takes the line as it was judged, and survives it.
    ///
    /// # Errors
    /// When it does not, or when the version is unknown and some version would not.
    pub fn check(&self, version: Option<Version>) -> Result<(), NotSent> {
        self.0.check(version)
    }
}

fn judge(part: &[Word]) -> Result<(), NotSent> {
    let words: Vec<&str> = part.iter().map(|word| word.plain.as_str()).collect();
    let first = words.first().copied().unwrap_or_default();
    let Some(read) = READS.iter().find(|read| begins_with(&words, read)) else {
        let name = if matches!(first, "show" | "get") { words[..words.len().min(2)].join(" ") } else { first.into() };
        return refuse(format!("\"{}\" is not known to read only", SafeText::from(name.as_str())));
    };
    if part.iter().take(read.len()).any(|word| word.typed != word.plain) {
        return refuse("the name of a command holds a \"\\\"");
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
        ReadLine::new(line).unwrap().parts().iter().map(|words| words.join("|")).collect()
    }

    fn why(line: &str) -> String {
        ReadLine::new(line).unwrap_err().what
    }

    #[test]
    fn commands_that_read_are_let_through() {
        assert_eq!(parts("show info"), ["show|info"]);
        assert_eq!(parts("  show \t stat -1 4 -1 "), ["show|stat|-1|4|-1"]);
        assert_eq!(parts("operator;show sess; get weight be/s1"), ["operator", "show|sess", "get|weight|be/s1"]);
        assert_eq!(parts(r"get map /f a\;b\ c\\"), [r"get|map|/f|a;b c\"]);
        assert_eq!(ReadLine::new("  help show ").unwrap().as_str(), "help show");
    }

    #[test]
    fn commands_that_change_something_are_refused_by_name() {
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
            "wait 1s",
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
            assert!(why(line).contains("is not known to read only"), "{line}: {}", why(line));
            for hidden in [format!("show info;{line}"), format!(" show info ;\t{line}"), format!("{line};show info")] {
                assert!(ReadLine::new(&hidden).is_err(), "{hidden}");
            }
        }
    }

    #[test]
    fn lines_that_are_not_what_they_seem_are_refused() {
        assert!(why("show info\nclear counters").contains("control"));
        assert!(why("show info\rclear counters").contains("control"));
        assert!(why("").contains("no command") && why(" ; ").contains("no command"));
        assert!(why("show info;").contains("no command") && why(";;show info").contains("no command"));
        assert!(why("show map <<").contains("payload") && why(r"show map <\<").contains("payload"));
        assert!(why(r"s\how info").contains('\\') && why(r"show schema js\on").contains('\\'));
        assert!(why(r"show info \").contains("ends in"));
        assert!(why(&format!("show map{}", " x".repeat(59))).contains("60 words"));
        assert!(ReadLine::new(&format!("show map{}", " x".repeat(58))).is_ok());
        assert!(why(&format!("show map {}", "x".repeat(4000))).contains("longer"));
        assert!(why("show events buf0 -nw").contains("never ends") && why(r"show events buf0 \-w").contains("never"));
        assert!(why("show tls-keys *").contains("secret") && ReadLine::new("show tls-keys").is_ok());
    }

    #[test]
    fn versions_that_would_not_survive_are_spared() {
        let check = |line: &str, version| ReadLine::new(line).unwrap().check(version);
        assert!(check("show info;show threads", Some(Version::new(3, 0))).is_err());
        assert!(check("show threads", Some(Version::new(3, 2))).is_ok());
        assert!(check("show schema json", Some(Version::new(3, 1))).is_err());
        assert!(check(r"get map m a\;quit", Some(Version::new(1, 8))).is_err());
        assert!(check(r"get map m a\;quit", Some(Version::new(2, 6))).is_ok());
        assert!(check("show info", None).is_ok());
    }

    /// HAProxy's own way through a line, written a second time: where a command begins.
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
        fn no_line_holds_a_command_outside_of_the_list(
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
            if let Ok(read) = ReadLine::new(&typed) {
                prop_assert!(!read.as_str().contains(['\n', '\r', '\0']) && !read.as_str().contains("<<"));
                for command in commands(read.as_str()) {
                    let words: Vec<&str> = command.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
                    prop_assert!(READS.iter().any(|start| begins_with(&words, start)), "{typed:?}: {command:?}");
                }
            }
        }
    }
}
