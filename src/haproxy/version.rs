//! HAProxy's version number, for the facts that depend on it.

use std::fmt;

/// Major and minor number; `2.6.12-1+deb12u4` is 2.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// First number.
    pub major: u16,
    /// Second number: HAProxy's branch.
    pub minor: u16,
}

impl Version {
    /// A branch.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// Reads the `Version` of `show info`; nothing when it does not begin with two numbers.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(|ch: char| !ch.is_ascii_digit());
        Some(Self { major: numbers.next()?.parse().ok()?, minor: numbers.next()?.parse().ok()? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_are_read_and_compared() {
        assert_eq!(Version::parse("2.6.12-1+deb12u4"), Some(Version::new(2, 6)));
        assert_eq!(Version::parse("3.5-dev5"), Some(Version::new(3, 5)));
        assert_eq!(Version::parse("unknown"), None);
        assert!(Version::new(1, 9) < Version::new(2, 0));
        assert!(Version::new(3, 10) > Version::new(3, 2));
    }
}
