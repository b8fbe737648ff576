//! HAProxy's version number, for behavior that depends on it.

use std::fmt;

/// The branch of a version, such as 2.6 for `2.6.12-1+deb12u4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub(crate) major: u16,
    /// The second number.
    pub(crate) minor: u16,
}

impl Version {
    /// Creates the version of a branch.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// Parses the value of `Version` in `show info`. Returns `None` if the text does not begin with two numbers.
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
    fn parse_reads_branches_that_compare_by_number() {
        assert_eq!(Version::parse("2.6.12-1+deb12u4"), Some(Version::new(2, 6)));
        assert_eq!(Version::parse("3.5-dev5"), Some(Version::new(3, 5)));
        assert_eq!(Version::parse("unknown"), None);
        assert!(Version::new(1, 9) < Version::new(2, 0));
        assert!(Version::new(3, 10) > Version::new(3, 2));
    }
}
