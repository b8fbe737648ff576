//! Command line typed by hand, parsed as HAProxy parses it.
//!
//! HAProxy splits a line at `;`, splits each command at blanks, and takes the character after a `\` literally. A line
//! is sent only if hapulse knows how HAProxy will parse it, and if the HAProxy version in use is not known to crash on
//! it.

use thiserror::Error;

use crate::ask::known_crashes::{self, CrashPolicy, KnownCrash};
use crate::haproxy::version::Version;

/// Maximum number of words in a command: 1.5 and 1.8 crash on the 64th word, and newer versions refuse it.
const MAX_WORDS: usize = 60;
/// Maximum length of a line in bytes. HAProxy does not reply to lines longer than `tune.bufsize` (16,384 bytes by
/// default).
const MAX_BYTES: usize = 4_000;

/// Reason why a line is not sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not sent: {reason}")]
pub struct NotSent {
    /// Reason as shown to the operator.
    pub(crate) reason: String,
}

/// Returns an error with this reason.
///
/// # Errors
/// Always returns an error.
pub(crate) fn refuse<T>(reason: impl Into<String>) -> Result<T, NotSent> {
    Err(NotSent { reason: reason.into() })
}

/// Line of one or more commands, read-only or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedLine {
    line: String,
    typed_words: Vec<Vec<TypedWord>>,
    commands: Vec<Vec<String>>,
}

impl TypedLine {
    /// Splits a line into commands and words.
    ///
    /// # Errors
    /// Returns an error if the line is empty, too long, or could be parsed by HAProxy differently from how it reads.
    pub fn parse(typed: &str) -> Result<Self, NotSent> {
        let line = typed.trim_matches([' ', '\t']);
        if line.len() > MAX_BYTES {
            return refuse(format!("the line is longer than {MAX_BYTES} bytes"));
        }
        if line.chars().any(|character| character.is_control() && character != '\t') {
            return refuse("the line contains a control character");
        }
        let typed_commands = split_commands(line)?;
        for command in &typed_commands {
            if command.is_empty() {
                // Up to 2.6, HAProxy replies to an empty command with its complete help.
                return refuse("the line is empty or has no command before or after a \";\"");
            }
            if command.len() > MAX_WORDS {
                return refuse(format!("a command has more than {MAX_WORDS} words"));
            }
            if command.iter().any(|word| word.raw.contains("<<") || word.unescaped.contains("<<")) {
                return refuse("\"<<\" starts a payload, which cannot be sent");
            }
        }
        let words =
            typed_commands.iter().map(|command| command.iter().map(|word| word.unescaped.clone()).collect()).collect();
        Ok(Self { line: line.to_owned(), typed_words: typed_commands, commands: words })
    }

    /// Returns the line to send, without a line break.
    pub fn as_str(&self) -> &str {
        &self.line
    }

    /// Returns the words of each command, as HAProxy parses them.
    pub fn commands(&self) -> &[Vec<String>] {
        &self.commands
    }

    /// Returns the words of each command, each both as typed and with its escapes resolved.
    pub(crate) fn typed_words(&self) -> &[Vec<TypedWord>] {
        &self.typed_words
    }

    /// Checks that this version of HAProxy parses the line as hapulse does and is not known to crash on it.
    ///
    /// # Errors
    /// Returns an error if the check fails for this version, or, if the version is unknown, for any version.
    pub fn check_version(&self, version: Option<Version>) -> Result<(), NotSent> {
        if self.line.contains("\\;") && version.is_none_or(|version| version < Version::new(2, 0)) {
            return refuse("HAProxy before 2.0 also splits a line at \"\\;\"");
        }
        match self.known_crashes(version).find(|crash| crash.policy != CrashPolicy::Warned) {
            Some(crash) => refuse(format!("\"{}\": {}", crash.words.join(" "), crash.description)),
            None => Ok(()),
        }
    }

    /// Returns the known crashes that commands in the line may trigger on this version, or on any version if it is
    /// unknown.
    pub fn known_crashes(&self, version: Option<Version>) -> impl Iterator<Item = &'static KnownCrash> {
        self.commands.iter().filter_map(move |words| known_crashes::find(words, version))
    }
}

/// Word of a command, as typed and as HAProxy parses it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TypedWord {
    /// The word as typed, including escapes.
    pub(crate) raw: String,
    /// The word with its escapes resolved.
    pub(crate) unescaped: String,
}

/// Splits a line into commands and words, as HAProxy does since 2.0.
fn split_commands(line: &str) -> Result<Vec<Vec<TypedWord>>, NotSent> {
    let mut typed_commands = vec![vec![TypedWord::default()]];
    let mut chars = line.chars();
    while let Some(character) = chars.next() {
        let (Some(command), is_escape) = (typed_commands.last_mut(), character == '\\') else { continue };
        match character {
            ';' => typed_commands.push(vec![TypedWord::default()]),
            ' ' | '\t' => command.push(TypedWord::default()),
            _ => {
                let Some(word) = command.last_mut() else { continue };
                word.raw.push(character);
                if !is_escape {
                    word.unescaped.push(character);
                    continue;
                }
                let Some(next) = chars.next() else { return refuse("the line ends in \"\\\"") };
                word.raw.push(next);
                word.unescaped.push(next);
            }
        }
    }
    for command in &mut typed_commands {
        command.retain(|word| !word.raw.is_empty());
    }
    Ok(typed_commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_splits_line_as_haproxy_does() {
        let line = TypedLine::parse(" set server b/s state maint; show info\t").unwrap();
        assert_eq!(line.as_str(), "set server b/s state maint; show info");
        assert_eq!(line.commands().iter().map(Vec::len).collect::<Vec<_>>(), [5, 2]);
        for bad in ["", ";", "show info;", "a\nb", "add map x <<", "a\\", &"x ".repeat(61)] {
            assert!(TypedLine::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn check_version_refuses_known_crash() {
        let line = TypedLine::parse("clear counters all").unwrap();
        assert!(line.check_version(Some(Version::new(2, 6))).is_ok());
        assert!(line.check_version(Some(Version::new(3, 4))).unwrap_err().to_string().contains("crash"));
        assert!(line.check_version(None).is_err());
    }
}
