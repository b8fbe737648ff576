//! The line sent over one connection: commands, preceded by `operator` in read-only mode.

use crate::haproxy::version::Version;

/// A line of commands for the stats socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliRequest {
    /// The text to send, without its line break.
    pub line: String,
    /// Number of replies that precede those to the commands: 1 with `operator`, otherwise 0.
    pub leading_replies: usize,
}

impl CliRequest {
    /// Builds the line from commands joined by `;`. If `read_only` is set, `operator` comes first: it lowers the
    /// level of this connection so that it cannot change anything. HAProxy understands `operator` since 1.9; an
    /// unknown version counts as 1.9 or newer. A socket of level user replies `Permission denied` and keeps its level.
    pub fn new(commands: &str, read_only: bool, version: Option<Version>) -> Self {
        if read_only && version.is_none_or(|version| version >= Version::new(1, 9)) {
            Self { line: format!("operator;{commands}"), leading_replies: 1 }
        } else {
            Self { line: commands.to_owned(), leading_replies: 0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_only_request_lowers_the_level_since_1_9() {
        let request = |read_only, version| CliRequest::new("show info", read_only, version);
        assert_eq!(request(true, None), CliRequest { line: "operator;show info".into(), leading_replies: 1 });
        assert_eq!(request(true, Some(Version::new(1, 9))).leading_replies, 1);
        assert_eq!(request(true, Some(Version::new(1, 8))).line, "show info");
        assert_eq!(request(false, None).line, "show info");
    }
}
