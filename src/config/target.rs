//! A target as it is named on the command line: `TARGET` or `NAME=TARGET`.

use std::str::FromStr;

use crate::haproxy::address::{Address, BadAddress};

/// One HAProxy to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The name the user gave it.
    pub name: Option<String>,
    /// Where its stats socket is.
    pub address: Address,
}

impl Target {
    /// A target without a name of its own.
    pub fn new(address: Address) -> Self {
        Self { name: None, address }
    }

    /// Whether a target can have that name.
    pub fn is_name(name: &str) -> bool {
        let is_allowed = |ch: char| ch.is_alphanumeric() || "-_.".contains(ch);
        !name.is_empty() && name.chars().all(is_allowed) && !name.starts_with('.')
    }

    /// What it is called: its name, else its address.
    pub fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.address.to_string())
    }
}

impl FromStr for Target {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        match text.split_once('=') {
            Some((name, rest)) if Self::is_name(name) => {
                Ok(Self { name: Some(name.to_owned()), address: rest.parse()? })
            }
            _ => Ok(Self::new(text.parse()?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_paths() {
        let read = |text: &str| text.parse::<Target>().map(|target| (target.label(), target.address.to_string()));
        assert_eq!(read("lb01=/run/a.sock"), Ok(("lb01".into(), "/run/a.sock".into())));
        assert_eq!(read("eu-1=lb01:9999"), Ok(("eu-1".into(), "lb01:9999".into())));
        assert_eq!(read("/run/a=b.sock"), Ok(("/run/a=b.sock".into(), "/run/a=b.sock".into())));
        assert_eq!(read("./x=y"), Ok(("./x=y".into(), "./x=y".into())));
        assert!(read("lb01=").is_err());
    }
}
