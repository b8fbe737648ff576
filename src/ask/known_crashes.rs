//! Commands that killed or hung a HAProxy: neither by a key nor by hand are they sent to such a version, or only
//! after a warning where it takes more than the version to be in danger.
//!
//! What kills only under a condition that a sample tells (a tracked server on 1.8) is the guard's.

use crate::haproxy::version::Version;

/// What is done about such a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It is not sent.
    Refused,
    /// The act is sent where what is known says that it is safe; typed by hand it is not sent.
    Checked,
    /// It is sent once the operator has read what may happen, and typed the name.
    Warned,
}

/// A command that a range of versions does not survive.
#[derive(Debug, PartialEq, Eq)]
pub struct Deadly {
    /// The words it begins with; `*` stands for any one word.
    pub words: &'static [&'static str],
    /// The first branch.
    pub from: Version,
    /// The last branch.
    pub to: Version,
    /// What happens, as a sentence: "HAProxy 3.0.0 crashes on it".
    pub why: &'static str,
    /// What is done about it.
    pub fate: Fate,
}

/// Every such command. Seen on the `.0` of its branches; the branch alone does not tell which later ones are
/// mended, so all of it is spared.
pub static DEADLY: [Deadly; 6] = [
    Deadly {
        words: &["show", "threads"],
        from: Version::new(3, 0),
        to: Version::new(3, 0),
        why: "HAProxy 3.0.0 crashes on it",
        fate: Fate::Refused,
    },
    Deadly {
        words: &["show", "schema", "json"],
        from: Version::new(3, 0),
        to: Version::new(3, 1),
        why: "HAProxy 3.0.0 and 3.1.0 crash on it",
        fate: Fate::Refused,
    },
    Deadly {
        words: &["clear", "counters", "all"],
        from: Version::new(3, 3),
        to: Version::new(3, 4),
        why: "HAProxy 3.3 and 3.4.0 crash at the next \"show stat\" or request after it",
        fate: Fate::Refused,
    },
    Deadly {
        words: &["set", "server", "*", "fqdn"],
        from: Version::new(1, 8),
        to: Version::new(1, 8),
        why: "HAProxy 1.8.0 crashes on it",
        fate: Fate::Refused,
    },
    Deadly {
        words: &["set", "maxconn", "frontend"],
        from: Version::new(2, 4),
        to: Version::new(3, 0),
        why: "HAProxy before 3.0.6 dies when the limit of a full frontend is raised (haproxy/haproxy#2726)",
        fate: Fate::Checked,
    },
    Deadly {
        words: &["disable", "frontend"],
        from: Version::new(2, 6),
        to: Version::new(2, 6),
        why: "HAProxy 2.6.12 crashes on it where the frontend binds an abstract socket (abns@)",
        fate: Fate::Warned,
    },
];

/// Whether a command, given as its words, kills this version. An unknown version is taken for any.
pub fn find<W: AsRef<str>>(words: &[W], version: Option<Version>) -> Option<&'static Deadly> {
    DEADLY.iter().find(|deadly| {
        version.is_none_or(|version| (deadly.from..=deadly.to).contains(&version)) && begins_with(words, deadly.words)
    })
}

/// Whether a command begins with these words; `*` stands for any one word.
pub fn begins_with<W: AsRef<str>>(words: &[W], start: &[&str]) -> bool {
    words.len() >= start.len()
        && words.iter().zip(start).all(|(word, wanted)| *wanted == "*" || word.as_ref() == *wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_deadly_to_its_versions_only() {
        let is_deadly = |line: &str, version: Option<(u16, u16)>| {
            let words: Vec<&str> = line.split(' ').collect();
            find(&words, version.map(|(major, minor)| Version::new(major, minor))).is_some()
        };
        assert!(is_deadly("show threads", Some((3, 0))));
        assert!(!is_deadly("show threads", Some((3, 1))) && !is_deadly("show threads", Some((2, 6))));
        assert!(is_deadly("show schema json", Some((3, 1))) && !is_deadly("show schema", Some((3, 1))));
        assert!(is_deadly("clear counters all", Some((3, 4))) && !is_deadly("clear counters", Some((3, 4))));
        assert!(is_deadly("set server b/s fqdn x", Some((1, 8))) && !is_deadly("set server b/s addr x", Some((1, 8))));
        assert!(is_deadly("show threads", None), "an unknown version may be the one");
    }
}
