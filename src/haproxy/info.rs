//! The reply to `show info`: one `Key: value` pair per line.

use thiserror::Error;

use crate::haproxy::fields::InfoField;
use crate::haproxy::reply_words::parse_counter;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::version::Version;

/// The error for a reply that is not a reply to `show info`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InfoError {
    /// No line contains the process id. The field contains the beginning of the reply.
    #[error("the reply to \"show info\" has no Pid line; it begins with \"{0}\"")]
    NoPid(SafeText),
}

/// The information that an HAProxy process reports about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessInfo {
    lines: Vec<(SafeText, SafeText)>,
    numbers: Box<[Option<i64>]>,
}

/// Maximum number of lines kept from one reply; 3.4 sends 80.
const MAX_LINES: usize = 512;

impl ProcessInfo {
    /// Parses a reply. Unknown keys are kept as text.
    ///
    /// # Errors
    /// Returns an error if there is no numeric `Pid`, which is needed to detect a reload.
    pub fn parse(body: &[u8]) -> Result<Self, InfoError> {
        let parts = |line: &[u8]| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((SafeText::new(&line[..colon]), SafeText::new(line[colon + 1..].trim_ascii())))
        };
        let lines = body.split(|byte| *byte == b'\n').take(MAX_LINES).filter_map(parts);
        let info = Self::from_lines(lines.collect());
        if info.number(InfoField::Pid).is_none() {
            let start = &body[..body.len().min(60)];
            return Err(InfoError::NoPid(SafeText::new(start.trim_ascii())));
        }
        Ok(info)
    }

    /// Builds the information from pairs of key and value.
    pub(crate) fn from_lines(lines: Vec<(SafeText, SafeText)>) -> Self {
        let mut numbers = vec![None; InfoField::COUNT];
        for (key, value) in &lines {
            if let Some(field) = InfoField::by_name(key.as_str().as_bytes()) {
                numbers[field as usize] = parse_counter(value.as_str().as_bytes());
            }
        }
        Self { lines, numbers: numbers.into() }
    }

    /// Returns the numeric value of a key, or `None` if this version does not report the key or the value is not a
    /// number.
    pub fn number(&self, field: InfoField) -> Option<i64> {
        self.numbers.get(field as usize).copied().flatten()
    }

    /// Returns the numeric values of all known keys, in the order of [`InfoField::ALL`].
    pub(crate) fn numbers(&self) -> &[Option<i64>] {
        &self.numbers
    }

    /// Returns all keys and values, in HAProxy's order.
    pub fn lines(&self) -> &[(SafeText, SafeText)] {
        &self.lines
    }

    /// Returns the text of a key, or `None` if the reply does not contain the key.
    pub fn text(&self, key: &str) -> Option<&SafeText> {
        self.lines.iter().find(|(known, _)| known.as_str() == key).map(|(_, value)| value)
    }

    /// Returns the version as HAProxy reports it, such as `2.6.12-1+deb12u4`, or an empty string.
    pub fn version_text(&self) -> &str {
        self.text("Version").map_or("", SafeText::as_str)
    }

    /// Returns the branch of the version, or `None` if the reply contains no valid version.
    pub fn version(&self) -> Option<Version> {
        Version::parse(self.version_text())
    }

    /// Returns the node name that HAProxy reports: `node` in the configuration, otherwise the host name. Returns `None`
    /// if the name is missing or empty.
    pub fn node(&self) -> Option<&SafeText> {
        self.text("node").filter(|name| !name.is_empty())
    }

    /// Returns true if this process has been replaced and is only finishing its connections.
    pub fn is_stopping(&self) -> bool {
        self.number(InfoField::Stopping) == Some(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_reads_known_keys_and_keeps_unknown_ones() {
        let info = ProcessInfo::parse(
            b"Name: HAProxy\nVersion: 3.2.0-e134140d2\nPid: 8489\nNew_key: 1:2\nnode: lb01\nIdle_pct: x\n",
        );
        let info = info.unwrap();
        assert_eq!(info.number(InfoField::Pid), Some(8489));
        assert_eq!(info.version(), Some(Version::new(3, 2)));
        assert_eq!(info.text("New_key").map(SafeText::as_str), Some("1:2"));
        assert_eq!(info.node().map(SafeText::as_str), Some("lb01"));
        assert_eq!(info.number(InfoField::IdlePct), None, "an invalid number is unknown, not 0");
        assert_eq!(info.number(InfoField::Maxconn), None);
        assert!(!info.is_stopping());
    }

    #[test]
    fn parse_rejects_reply_without_pid_and_quotes_it() {
        let error = ProcessInfo::parse(b"Permission denied\n").unwrap_err();
        assert!(error.to_string().contains("Permission denied"), "{error}");
    }
}
