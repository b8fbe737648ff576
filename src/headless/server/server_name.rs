//! Server names on the command line, `BACKEND/SERVER`, and the lookup of the rows with these names.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::actions::intent::ActionTarget;
use crate::haproxy::safe_text::SafeText;
use crate::instance::state::Instance;

/// Maximum number of existing names that an error lists.
const MAX_LISTED_NAMES: usize = 20;

/// Backend and server name from the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerName {
    backend: SafeText,
    server: SafeText,
}

/// The error for an invalid server name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("must be BACKEND/SERVER, such as be_app/app1")]
pub(crate) struct BadServerName;

impl FromStr for ServerName {
    type Err = BadServerName;

    fn from_str(text: &str) -> Result<Self, BadServerName> {
        match text.split_once('/') {
            Some((backend, server)) if !backend.is_empty() && !server.is_empty() && !server.contains('/') => {
                Ok(Self { backend: backend.into(), server: server.into() })
            }
            _ => Err(BadServerName),
        }
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.backend, self.server)
    }
}

impl ServerName {
    /// Returns the server with this name as the target of an action, with the status in the newest sample.
    ///
    /// # Errors
    /// Returns a message that lists the existing names if the server does not exist.
    pub(crate) fn find(&self, instance: &Instance) -> Result<ActionTarget, String> {
        let Some(sample) = instance.latest() else { return Err(format!("{self}: no data from HAProxy yet")) };
        let name = |row: usize| sample.table.rows()[row].name.clone();
        let Some(backend) = sample.backend_named(&self.backend) else {
            let all = sample.rows.backends().iter().map(|backend| sample.table.rows()[backend.row].proxy.clone());
            return Err(format!("{self}: no such backend; HAProxy has {}", join_names(all)));
        };
        let Some(row) = backend.servers.iter().copied().find(|row| name(*row) == self.server) else {
            let all = join_names(backend.servers.iter().map(|row| name(*row)));
            return Err(format!("{self}: no such server; backend {} has {all}", self.backend));
        };
        let id = sample.rows.ids()[row];
        instance.target(id).ok_or_else(|| format!("{self}: no such server"))
    }
}

fn join_names(names: impl Iterator<Item = SafeText>) -> String {
    let names: Vec<SafeText> = names.collect();
    let shown: Vec<&str> = names.iter().take(MAX_LISTED_NAMES).map(SafeText::as_str).collect();
    match names.len().saturating_sub(MAX_LISTED_NAMES) {
        _ if shown.is_empty() => "none".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    fn found(text: &str) -> Result<ActionTarget, String> {
        let mut instance = Instance::default();
        instance.add_sample(SampleBuilder::default().build_at_millis(0, &stat_of_site()), 0);
        text.parse::<ServerName>().unwrap().find(&instance)
    }

    #[test]
    fn parse_requires_backend_and_server() {
        for text in ["", "be", "/s1", "be/", "/", "be/s1/x", "be//s1"] {
            assert!(text.parse::<ServerName>().is_err(), "{text:?}");
        }
        assert_eq!("be/s\u{1b}1".parse::<ServerName>().unwrap().to_string(), r"be/s\x1b1");
    }

    #[test]
    fn find_returns_row_or_lists_existing_names() {
        assert_eq!(found("api/api2").unwrap().seen_status.as_str(), "DRAIN");
        assert_eq!(found("api/s9").unwrap_err(), "api/s9: no such server; backend api has api1, api2, api3");
        assert_eq!(found("nowhere/s9").unwrap_err(), "nowhere/s9: no such backend; HAProxy has www, api, legacy");
        assert!(found("api/BACKEND").is_err() && found("www-in/FRONTEND").is_err());
    }

    #[test]
    fn join_names_limits_long_lists() {
        assert!(join_names((0..25).map(|one| format!("s{one}").as_str().into())).ends_with("s19 and 5 more"));
    }
}
