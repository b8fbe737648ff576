//! Commands known to crash or hang some HAProxy versions.
//!
//! hapulse does not send such a command to an affected version. If the crash depends on a further condition, the
//! command is sent after a warning. A condition that is visible in a sample (a tracked server on 1.8) is checked by the
//! guard.

use crate::haproxy::version::Version;

/// Handling of a command that may crash HAProxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CrashPolicy {
    /// Never sent.
    Refused,
    /// Sent by an action if the latest sample shows that the command is safe; refused if typed by hand.
    Checked,
    /// Sent after a warning, once the operator has typed the name of the target.
    Warned,
}

/// Command that crashes or hangs a range of versions.
#[derive(Debug, PartialEq, Eq)]
pub struct KnownCrash {
    /// Words the command starts with; `*` matches any single word.
    pub(crate) words: &'static [&'static str],
    /// First affected branch.
    pub(crate) first_branch: Version,
    /// Last affected branch.
    pub(crate) last_branch: Version,
    /// Consequence as a sentence, such as "HAProxy 3.0.0 crashes on this command".
    pub(crate) description: &'static str,
    /// Handling of the command on an affected version.
    pub(crate) policy: CrashPolicy,
}

/// All known crashes. Most were observed on the `.0` release of a branch. A branch number does not reveal which later
/// releases are fixed, so the whole branch counts as affected.
pub(crate) static KNOWN_CRASHES: [KnownCrash; 6] = [
    KnownCrash {
        words: &["show", "threads"],
        first_branch: Version::new(3, 0),
        last_branch: Version::new(3, 0),
        description: "HAProxy 3.0.0 crashes on this command",
        policy: CrashPolicy::Refused,
    },
    KnownCrash {
        words: &["show", "schema", "json"],
        first_branch: Version::new(3, 0),
        last_branch: Version::new(3, 1),
        description: "HAProxy 3.0.0 and 3.1.0 crash on this command",
        policy: CrashPolicy::Refused,
    },
    KnownCrash {
        words: &["clear", "counters", "all"],
        first_branch: Version::new(3, 3),
        last_branch: Version::new(3, 4),
        description: "HAProxy 3.3 and 3.4.0 crash after this command, at the next \"show stat\" or request",
        policy: CrashPolicy::Refused,
    },
    KnownCrash {
        words: &["set", "server", "*", "fqdn"],
        first_branch: Version::new(1, 8),
        last_branch: Version::new(1, 8),
        description: "HAProxy 1.8.0 crashes on this command",
        policy: CrashPolicy::Refused,
    },
    KnownCrash {
        words: &["set", "maxconn", "frontend"],
        first_branch: Version::new(2, 4),
        last_branch: Version::new(3, 0),
        description: "HAProxy before 3.0.6 dies when the limit of a full frontend is raised (haproxy/haproxy#2726)",
        policy: CrashPolicy::Checked,
    },
    KnownCrash {
        words: &["disable", "frontend"],
        first_branch: Version::new(2, 6),
        last_branch: Version::new(2, 6),
        description: "HAProxy 2.6.12 crashes if the frontend is bound to an abstract socket (abns@)",
        policy: CrashPolicy::Warned,
    },
];

/// Returns the known crash that a command, split into words, may trigger on a version, or `None` if no entry matches.
/// An unknown version counts as affected.
pub(crate) fn find<W: AsRef<str>>(words: &[W], version: Option<Version>) -> Option<&'static KnownCrash> {
    KNOWN_CRASHES.iter().find(|crash| {
        version.is_none_or(|version| (crash.first_branch..=crash.last_branch).contains(&version))
            && starts_with_words(words, crash.words)
    })
}

/// Returns whether the words of a command begin with `start`; a `*` in `start` matches any single word.
pub fn starts_with_words<W: AsRef<str>>(words: &[W], start: &[&str]) -> bool {
    words.len() >= start.len()
        && words.iter().zip(start).all(|(word, wanted)| *wanted == "*" || word.as_ref() == *wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn find_matches_only_affected_versions() {
        let is_known_crash = |line: &str, version: Option<(u16, u16)>| {
            let words: Vec<&str> = line.split(' ').collect();
            find(&words, version.map(|(major, minor)| Version::new(major, minor))).is_some()
        };
        assert!(is_known_crash("show threads", Some((3, 0))));
        assert!(!is_known_crash("show threads", Some((3, 1))) && !is_known_crash("show threads", Some((2, 6))));
        assert!(is_known_crash("show schema json", Some((3, 1))) && !is_known_crash("show schema", Some((3, 1))));
        assert!(is_known_crash("clear counters all", Some((3, 4))) && !is_known_crash("clear counters", Some((3, 4))));
        assert!(
            is_known_crash("set server b/s fqdn x", Some((1, 8)))
                && !is_known_crash("set server b/s addr x", Some((1, 8)))
        );
        assert!(is_known_crash("show threads", None), "an unknown version counts as affected");
    }
}
