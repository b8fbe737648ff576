//! The line of commands that is sent over one connection; in read-only mode, `operator` precedes the commands.

use crate::haproxy::version::Version;

/// A line of commands for the stats socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliRequest {
    /// The text to send, without a line break.
    pub line: String,
    /// Number of replies that precede the replies to the commands: 1 if the line begins with `operator`, otherwise 0.
    pub leading_replies: usize,
}

impl CliRequest {
    /// Builds the line from `commands`, which are already joined by `;`. If `read_only` is set, the line begins with
    /// `operator`, which lowers the level of the connection so that no command can change anything. Versions before 1.9
    /// do not know `operator`, so it is omitted for them; an unknown version counts as 1.9 or newer. On a socket with
    /// level user, HAProxy replies `Permission denied` to `operator` and keeps the level.
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
