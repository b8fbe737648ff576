//! How far a session's connection to one of its two sides has come.

use crate::haproxy::version::Version;

/// The state of a stream connector (2.6 and newer) or stream interface (before), by HAProxy's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// `INI`: nothing asked for yet.
    Initial,
    /// `REQ`: a connection is wanted.
    Requested,
    /// `QUE`: waits in a queue for a free place at a server.
    Queued,
    /// `TAR`: waits before the next attempt.
    TurnAround,
    /// `ASS`: a server is chosen.
    Assigned,
    /// `CON`: is being connected.
    Connecting,
    /// `CER`: the attempt failed.
    Failed,
    /// `RDY`: connected, about to be used (2.0.0 has it, 1.8.0 does not).
    Ready,
    /// `EST`: stands.
    Established,
    /// `DIS`: is being closed.
    Disconnecting,
    /// `CLO`: closed.
    Closed,
}

impl Stage {
    const ALL: [(Self, &'static str, &'static str); 11] = [
        (Self::Initial, "INI", "not asked for"),
        (Self::Requested, "REQ", "wanted"),
        (Self::Queued, "QUE", "queued"),
        (Self::TurnAround, "TAR", "waiting to retry"),
        (Self::Assigned, "ASS", "server chosen"),
        (Self::Connecting, "CON", "connecting"),
        (Self::Failed, "CER", "connection failed"),
        (Self::Ready, "RDY", "connected"),
        (Self::Established, "EST", "established"),
        (Self::Disconnecting, "DIS", "closing"),
        (Self::Closed, "CLO", "closed"),
    ];

    /// Reads the word of `show sess all`: `EST`.
    pub fn from_word(word: &[u8]) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| known.as_bytes() == word).map(|(stage, ..)| *stage)
    }

    /// Reads the number of `show sess`. Before 2.0 there was no `RDY`, and what follows it was one less; an
    /// unknown version is taken for a new one.
    pub fn from_number(number: usize, version: Option<Version>) -> Option<Self> {
        let is_old = version.is_some_and(|version| version < Version::new(2, 0));
        let place = if is_old && number >= Self::Ready as usize { number + 1 } else { number };
        Self::ALL.get(place).map(|(stage, ..)| *stage)
    }

    /// HAProxy's word for it.
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// What it means.
    pub fn meaning(self) -> &'static str {
        Self::ALL[self as usize].2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_numbers_and_places_agree() {
        for (place, (stage, word, _)) in Stage::ALL.iter().enumerate() {
            assert_eq!(*stage as usize, place);
            assert_eq!(Stage::from_word(word.as_bytes()), Some(*stage));
            assert_eq!(Stage::from_number(place, Some(Version::new(2, 0))), Some(*stage));
            assert_eq!(stage.word(), *word);
        }
        assert_eq!(Stage::from_number(11, None), None);
        assert_eq!(Stage::from_number(usize::MAX - 1, Some(Version::new(1, 8))), None);
    }

    #[test]
    fn one_eight_numbers_established_as_seven() {
        assert_eq!(Stage::from_number(7, Some(Version::new(1, 8))), Some(Stage::Established));
        assert_eq!(Stage::from_number(7, Some(Version::new(2, 0))), Some(Stage::Ready));
        assert_eq!(Stage::from_number(8, Some(Version::new(3, 2))), Some(Stage::Established));
        assert_eq!(Stage::from_number(2, Some(Version::new(1, 8))), Some(Stage::Queued));
    }
}
