//! Patterns for the names of rows in the configuration: `be_api*` or `be_api*/web?`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;

/// A pattern for a proxy with all its servers, or for servers if it contains `/`. `*` stands for any number of
/// characters and `?` for one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowPattern {
    proxy: String,
    server: Option<String>,
}

/// The error for an invalid pattern.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is not a pattern for names: write PROXY or PROXY/SERVER, where * stands for any characters and ? for one"
)]
pub struct BadPattern(String);

impl FromStr for RowPattern {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, BadPattern> {
        let (proxy, server) = match text.split_once('/') {
            Some((proxy, server)) => (proxy, Some(server)),
            None => (text, None),
        };
        // The characters that HAProxy accepts in names, and the wildcards.
        let is_allowed = |ch: char| ch.is_ascii_alphanumeric() || "-_.:*?".contains(ch);
        let is_valid = |part: &str| !part.is_empty() && part.chars().all(is_allowed);
        if !is_valid(proxy) || !server.is_none_or(is_valid) {
            return Err(BadPattern(text.to_owned()));
        }
        Ok(Self { proxy: proxy.to_owned(), server: server.map(str::to_owned) })
    }
}

impl fmt::Display for RowPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.proxy)?;
        self.server.iter().try_for_each(|server| write!(f, "/{server}"))
    }
}

impl RowPattern {
    /// Returns whether the pattern matches a row.
    pub(crate) fn matches(&self, kind: RowKind, proxy: &SafeText, name: &SafeText) -> bool {
        let is_server = matches!(kind, RowKind::Server | RowKind::Listener);
        let matches_server = match &self.server {
            Some(server) => is_server && matches_glob(server.as_bytes(), name.as_str().as_bytes()),
            None => true,
        };
        matches_server && matches_glob(self.proxy.as_bytes(), proxy.as_str().as_bytes())
    }

    /// Returns a measure of how narrow the pattern is: one with a server before one without, then the number of
    /// characters that are not wildcards.
    pub(crate) fn specificity(&self) -> (bool, usize) {
        let parts = [Some(&self.proxy), self.server.as_ref()];
        let literals = |part: &String| part.bytes().filter(|byte| !b"*?".contains(byte)).count();
        (self.server.is_some(), parts.into_iter().flatten().map(literals).sum())
    }
}

/// Returns whether a text matches a pattern of `*`, `?` and literal bytes. Takes at most `pattern × text` steps.
fn matches_glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut place) = (0, 0);
    // The position after the last `*`, and the position in the text from which it is tried next.
    let mut retry = None;
    while place < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                at += 1;
                retry = Some((at, place));
            }
            Some(byte) if *byte == b'?' || *byte == text[place] => {
                at += 1;
                place += 1;
            }
            _ => match &mut retry {
                Some((after_star, from)) => {
                    *from += 1;
                    (at, place) = (*after_star, *from);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, kind: RowKind, proxy: &str, name: &str) -> bool {
        pattern.parse::<RowPattern>().unwrap().matches(kind, &proxy.into(), &name.into())
    }

    #[test]
    fn matches_compares_proxy_and_server() {
        for (pattern, proxy, server, expected) in [
            ("be_api", "be_api", "s1", true),
            ("be_api", "be_api2", "s1", false),
            ("be_api*", "be_api2", "s1", true),
            ("*", "x", "s1", true),
            ("b?_*i", "be_api", "s1", true),
            ("*a*b*c", "xaxbxbc", "s1", true),
            ("*a*b*c", "xaxbxb", "s1", false),
            ("be/s?", "be", "s1", true),
            ("be/s?", "be", "s10", false),
            ("*/s1", "be", "s1", true),
            ("be", "BE", "s1", false),
        ] {
            assert_eq!(matches(pattern, RowKind::Server, proxy, server), expected, "{pattern}");
        }
        assert!(matches("be", RowKind::Backend, "be", "BACKEND"));
        assert!(!matches("be/*", RowKind::Backend, "be", "BACKEND"), "only servers");
    }

    #[test]
    fn parse_rejects_characters_that_names_cannot_contain() {
        for text in ["", "/", "a/", "/a", "a/b/c", "a b", "a[b]", "é"] {
            assert_eq!(text.parse::<RowPattern>(), Err(BadPattern(text.to_owned())));
        }
        assert_eq!("be-1.x:y_*/s?".parse::<RowPattern>().unwrap().to_string(), "be-1.x:y_*/s?");
    }

    #[test]
    fn specificity_orders_narrow_patterns_last() {
        let mut patterns: Vec<RowPattern> =
            ["*/s1", "be_api", "*", "be_*"].iter().map(|text| text.parse().unwrap()).collect();
        patterns.sort_by_key(RowPattern::specificity);
        assert_eq!(patterns.iter().map(ToString::to_string).collect::<Vec<_>>(), ["*", "be_*", "be_api", "*/s1"]);
    }
}
