//! A line typed by hand, as HAProxy will take it apart.
//!
//! HAProxy cuts a line at `;`, its parts at blanks, and takes the character behind a `\` as it is. A line is
//! sent only when it is clear what HAProxy will make of it, and when this version survives it.

use thiserror::Error;

use crate::ask::known_crashes::{self, Deadly, Fate};
use crate::haproxy::version::Version;

/// 1.5 and 1.8 crash on the 64th word; newer versions refuse it.
const MAX_WORDS: usize = 60;
/// Well below `tune.bufsize` (16,384 bytes): a longer line gets no answer.
const MAX_BYTES: usize = 4_000;

/// Why a line is not sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not sent: {what}")]
pub struct NotSent {
    /// What is in the way.
    pub what: String,
}

/// Refuses with these words.
///
/// # Errors
/// Always.
pub fn refuse<T>(what: impl Into<String>) -> Result<T, NotSent> {
    Err(NotSent { what: what.into() })
}

/// A line of one or more commands; what they do is not judged here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedLine {
    line: String,
    parts: Vec<Vec<Word>>,
    words: Vec<Vec<String>>,
}

impl TypedLine {
    /// Takes a line apart.
    ///
    /// # Errors
    /// When HAProxy would not take it as the commands it looks like.
    pub fn new(typed: &str) -> Result<Self, NotSent> {
        let line = typed.trim_matches([' ', '\t']);
        if line.len() > MAX_BYTES {
            return refuse(format!("the line is longer than {MAX_BYTES} bytes"));
        }
        if line.chars().any(|ch| ch.is_control() && ch != '\t') {
            return refuse("the line holds a control character");
        }
        let parts = cut(line)?;
        for part in &parts {
            if part.is_empty() {
                // Up to 2.6 HAProxy answers an empty command with its whole help.
                return refuse("there is a \";\" with no command on one side, or no command at all");
            }
            if part.len() > MAX_WORDS {
                return refuse(format!("a command has more than {MAX_WORDS} words"));
            }
            if part.iter().any(|word| word.typed.contains("<<") || word.plain.contains("<<")) {
                return refuse("\"<<\" begins a payload");
            }
        }
        let words = parts.iter().map(|part| part.iter().map(|word| word.plain.clone()).collect()).collect();
        Ok(Self { line: line.to_owned(), parts, words })
    }

    /// What is sent, without a line break.
    pub fn as_str(&self) -> &str {
        &self.line
    }

    /// The words of each command, as HAProxy sees them.
    pub fn parts(&self) -> &[Vec<String>] {
        &self.words
    }

    /// The same with how they were typed.
    pub fn typed(&self) -> &[Vec<Word>] {
        &self.parts
    }

    /// Whether this version of HAProxy takes the line as it was judged, and survives it.
    ///
    /// # Errors
    /// When it does not, or when the version is unknown and some version would not.
    pub fn check(&self, version: Option<Version>) -> Result<(), NotSent> {
        if self.line.contains("\\;") && version.is_none_or(|version| version < Version::new(2, 0)) {
            return refuse("before 2.0, HAProxy cuts a line at \"\\;\" too");
        }
        match self.deadly(version).find(|deadly| deadly.fate != Fate::Warned) {
            Some(deadly) => refuse(format!("\"{}\": {}", deadly.words.join(" "), deadly.why)),
            None => Ok(()),
        }
    }

    /// What of it this version may not survive.
    pub fn deadly(&self, version: Option<Version>) -> impl Iterator<Item = &'static Deadly> {
        self.words.iter().filter_map(move |words| known_crashes::find(words, version))
    }
}

/// A word as it was typed, and as HAProxy sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// With its escapes.
    pub typed: String,
    /// Without.
    pub plain: String,
}

/// Cuts a line into commands and words, as HAProxy does from 2.0 on.
fn cut(line: &str) -> Result<Vec<Vec<Word>>, NotSent> {
    let mut parts = vec![vec![Word::default()]];
    let mut chars = line.chars();
    while let Some(ch) = chars.next() {
        let (Some(part), escaped) = (parts.last_mut(), ch == '\\') else { continue };
        match ch {
            ';' => parts.push(vec![Word::default()]),
            ' ' | '\t' => part.push(Word::default()),
            _ => {
                let Some(word) = part.last_mut() else { continue };
                word.typed.push(ch);
                if !escaped {
                    word.plain.push(ch);
                    continue;
                }
                let Some(next) = chars.next() else { return refuse("the line ends in a \"\\\"") };
                word.typed.push(next);
                word.plain.push(next);
            }
        }
    }
    for part in &mut parts {
        part.retain(|word| !word.typed.is_empty());
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_as_haproxy_does_it() {
        let line = TypedLine::new(" set server b/s state maint; show info\t").unwrap();
        assert_eq!(line.as_str(), "set server b/s state maint; show info");
        assert_eq!(line.parts().iter().map(Vec::len).collect::<Vec<_>>(), [5, 2]);
        for bad in ["", ";", "show info;", "a\nb", "add map x <<", "a\\", &"x ".repeat(61)] {
            assert!(TypedLine::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_kills_a_version_is_not_sent_to_it() {
        let line = TypedLine::new("clear counters all").unwrap();
        assert!(line.check(Some(Version::new(2, 6))).is_ok());
        assert!(line.check(Some(Version::new(3, 4))).unwrap_err().to_string().contains("crash"));
        assert!(line.check(None).is_err());
    }
}
