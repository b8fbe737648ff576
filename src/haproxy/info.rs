//! The answer to `show info`: one `Key: value` a line.

use thiserror::Error;

use crate::haproxy::fields::InfoField;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::version::Version;

/// Why an answer is no `show info`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadInfo {
    /// None of its lines says which process answered.
    #[error("the answer to \"show info\" has no Pid line; it begins with \"{0}\"")]
    NoPid(SafeText),
}

/// What a process says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Info {
    lines: Vec<(SafeText, SafeText)>,
    numbers: Box<[Option<i64>]>,
}

/// More lines than any version has (80 on 3.4); what follows is dropped.
const MAX_LINES: usize = 512;

impl Info {
    /// Reads an answer. Keys that are not known are kept as text.
    ///
    /// # Errors
    /// When there is no `Pid`: without it a reload could not be told.
    pub fn parse(body: &[u8]) -> Result<Self, BadInfo> {
        let parts = |line: &[u8]| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((SafeText::new(&line[..colon]), SafeText::new(line[colon + 1..].trim_ascii())))
        };
        let lines = body.split(|byte| *byte == b'\n').take(MAX_LINES).filter_map(parts);
        let info = Self::of_lines(lines.collect());
        if info.number(InfoField::Pid).is_none() {
            let start = &body[..body.len().min(60)];
            return Err(BadInfo::NoPid(SafeText::new(start.trim_ascii())));
        }
        Ok(info)
    }

    /// The same from its lines, as keys and values.
    pub fn of_lines(lines: Vec<(SafeText, SafeText)>) -> Self {
        let mut numbers = vec![None; InfoField::COUNT];
        for (key, value) in &lines {
            if let Some(field) = InfoField::by_name(key.as_str().as_bytes()) {
                numbers[field as usize] = value.as_str().parse().ok();
            }
        }
        Self { lines, numbers: numbers.into() }
    }

    /// A number by its key; absent when this version has no such key.
    pub fn number(&self, field: InfoField) -> Option<i64> {
        self.numbers.get(field as usize).copied().flatten()
    }

    /// All numbers, in the order of [`InfoField::ALL`].
    pub fn numbers(&self) -> &[Option<i64>] {
        &self.numbers
    }

    /// Every line, in HAProxy's order.
    pub fn lines(&self) -> &[(SafeText, SafeText)] {
        &self.lines
    }

    /// A text by its key.
    pub fn text(&self, key: &str) -> Option<&SafeText> {
        self.lines.iter().find(|(known, _)| known.as_str() == key).map(|(_, value)| value)
    }

    /// The version as HAProxy writes it: `2.6.12-1+deb12u4`.
    pub fn version_text(&self) -> &str {
        self.text("Version").map_or("", SafeText::as_str)
    }

    /// The version's branch.
    pub fn version(&self) -> Option<Version> {
        Version::parse(self.version_text())
    }

    /// The node's name (`node` in the configuration, else the host's).
    pub fn node(&self) -> Option<&SafeText> {
        self.text("node").filter(|name| !name.is_empty())
    }

    /// Whether this process has been replaced and is only finishing its connections.
    pub fn is_stopping(&self) -> bool {
        self.number(InfoField::Stopping) == Some(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_by_name_and_unknown_ones_kept() {
        let info =
            Info::parse(b"Name: HAProxy\nVersion: 3.2.0-e134140d2\nPid: 8489\nNew_key: 1:2\nnode: lb01\nIdle_pct: x\n");
        let info = info.unwrap();
        assert_eq!(info.number(InfoField::Pid), Some(8489));
        assert_eq!(info.version(), Some(Version::new(3, 2)));
        assert_eq!(info.text("New_key").map(SafeText::as_str), Some("1:2"));
        assert_eq!(info.node().map(SafeText::as_str), Some("lb01"));
        assert_eq!(info.number(InfoField::IdlePct), None, "not a number is unknown, not 0");
        assert_eq!(info.number(InfoField::Maxconn), None);
        assert!(!info.is_stopping());
    }

    #[test]
    fn an_answer_without_a_pid_is_refused_with_its_own_words() {
        let error = Info::parse(b"Permission denied\n").unwrap_err();
        assert!(error.to_string().contains("Permission denied"), "{error}");
    }
}
