//! The connection state of the client side or the server side of a session.

use crate::haproxy::version::Version;

/// The state of a stream connector (2.6 and newer) or stream interface (older versions).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConnectionStage {
    /// `INI`: no connection has been requested yet.
    Initial,
    /// `REQ`: a connection is requested.
    Requested,
    /// `QUE`: the request waits in a queue for a free connection slot of a server.
    Queued,
    /// `TAR`: HAProxy waits before the next attempt to connect.
    TurnAround,
    /// `ASS`: a server is assigned.
    Assigned,
    /// `CON`: the connection is being established.
    Connecting,
    /// `CER`: the attempt to connect failed.
    Failed,
    /// `RDY`: the connection is established but not in use yet (reported by 2.0.0 but not by 1.8.0).
    Ready,
    /// `EST`: the connection is established.
    Established,
    /// `DIS`: the connection is being closed.
    Disconnecting,
    /// `CLO`: the connection is closed.
    Closed,
}

impl ConnectionStage {
    const ALL: [(Self, &'static str); 11] = [
        (Self::Initial, "INI"),
        (Self::Requested, "REQ"),
        (Self::Queued, "QUE"),
        (Self::TurnAround, "TAR"),
        (Self::Assigned, "ASS"),
        (Self::Connecting, "CON"),
        (Self::Failed, "CER"),
        (Self::Ready, "RDY"),
        (Self::Established, "EST"),
        (Self::Disconnecting, "DIS"),
        (Self::Closed, "CLO"),
    ];

    /// Parses HAProxy's keyword in `show sess all`, such as `EST`. Returns `None` for an unknown keyword.
    pub(crate) fn from_keyword(keyword: &[u8]) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| known.as_bytes() == keyword).map(|(stage, _)| *stage)
    }

    /// Converts the number that `show sess` reports, or returns `None` for an unknown number. Versions before 2.0 have
    /// no `RDY`, so the numbers of later stages are lower by one. An unknown version counts as 2.0 or newer.
    pub(crate) fn from_number(number: usize, version: Option<Version>) -> Option<Self> {
        let is_old = version.is_some_and(|version| version < Version::new(2, 0));
        let index = if is_old && number >= Self::Ready as usize { number + 1 } else { number };
        Self::ALL.get(index).map(|(stage, _)| *stage)
    }

    /// Returns HAProxy's keyword, such as `EST`.
    pub fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_numbers_and_indexes_agree() {
        for (index, (stage, keyword)) in ConnectionStage::ALL.iter().enumerate() {
            assert_eq!(*stage as usize, index);
            assert_eq!(ConnectionStage::from_keyword(keyword.as_bytes()), Some(*stage));
            assert_eq!(ConnectionStage::from_number(index, Some(Version::new(2, 0))), Some(*stage));
            assert_eq!(stage.as_str(), *keyword);
        }
        assert_eq!(ConnectionStage::from_number(11, None), None);
        assert_eq!(ConnectionStage::from_number(usize::MAX - 1, Some(Version::new(1, 8))), None);
    }

    #[test]
    fn from_number_maps_seven_to_established_on_1_8() {
        assert_eq!(ConnectionStage::from_number(7, Some(Version::new(1, 8))), Some(ConnectionStage::Established));
        assert_eq!(ConnectionStage::from_number(7, Some(Version::new(2, 0))), Some(ConnectionStage::Ready));
        assert_eq!(ConnectionStage::from_number(8, Some(Version::new(3, 2))), Some(ConnectionStage::Established));
        assert_eq!(ConnectionStage::from_number(2, Some(Version::new(1, 8))), Some(ConnectionStage::Queued));
    }
}
