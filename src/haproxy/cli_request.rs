//! What is sent on one connection: commands, and before them what read-only mode demands.

use crate::haproxy::version::Version;

/// A line of commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What is sent, without its line break.
    pub text: String,
    /// How many answers come before those to the commands.
    pub skipped: usize,
}

impl Line {
    /// Commands joined by `;`. When `read_only`, the connection first gives up its right to change anything:
    /// `operator` is understood from 1.9 on, and an unknown version is taken for a new one. A socket of user
    /// level answers it with `Permission denied` and stays what it is.
    pub fn new(commands: &str, read_only: bool, version: Option<Version>) -> Self {
        if read_only && version.is_none_or(|version| version >= Version::new(1, 9)) {
            Self { text: format!("operator;{commands}"), skipped: 1 }
        } else {
            Self { text: commands.to_owned(), skipped: 0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_only_lowers_the_level_where_that_is_known() {
        let line = |read_only, version| Line::new("show info", read_only, version);
        assert_eq!(line(true, None), Line { text: "operator;show info".into(), skipped: 1 });
        assert_eq!(line(true, Some(Version::new(1, 9))).skipped, 1);
        assert_eq!(line(true, Some(Version::new(1, 8))).text, "show info");
        assert_eq!(line(false, None).text, "show info");
    }
}
