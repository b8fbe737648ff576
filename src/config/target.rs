//! Targets on the command line: `ADDRESS` or `NAME=ADDRESS`.

use std::path::PathBuf;
use std::str::FromStr;

use crate::haproxy::address::{Address, AddressError};

/// One HAProxy to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Name given by the user.
    pub(crate) name: Option<String>,
    /// Address of the stats socket.
    pub(crate) address: Address,
    /// File with the log of this HAProxy; `None` if it is not configured.
    pub(crate) log: Option<PathBuf>,
}

impl Target {
    /// Creates a target without a name.
    pub(crate) fn new(address: Address) -> Self {
        Self { name: None, address, log: None }
    }

    /// Returns true if `name` is a valid target name: letters, digits and `-_.`, not starting with a dot.
    pub(crate) fn is_valid_name(name: &str) -> bool {
        let is_allowed = |ch: char| ch.is_alphanumeric() || "-_.".contains(ch);
        !name.is_empty() && name.chars().all(is_allowed) && !name.starts_with('.')
    }

    /// Returns the name, or the address of an unnamed target.
    pub(crate) fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.address.to_string())
    }
}

impl FromStr for Target {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.split_once('=') {
            Some((name, rest)) if Self::is_valid_name(name) => {
                Ok(Self { name: Some(name.to_owned()), ..Self::new(rest.parse()?) })
            }
            _ => Ok(Self::new(text.parse()?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_from_str_distinguishes_name_from_path() {
        let read = |text: &str| text.parse::<Target>().map(|target| (target.label(), target.address.to_string()));
        assert_eq!(read("lb01=/run/a.sock"), Ok(("lb01".into(), "/run/a.sock".into())));
        assert_eq!(read("eu-1=lb01:9999"), Ok(("eu-1".into(), "lb01:9999".into())));
        assert_eq!(read("/run/a=b.sock"), Ok(("/run/a=b.sock".into(), "/run/a=b.sock".into())));
        assert_eq!(read("./x=y"), Ok(("./x=y".into(), "./x=y".into())));
        assert!(read("lb01=").is_err());
    }
}
