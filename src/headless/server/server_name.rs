//! A server as it is named on the command line, `BACKEND/SERVER`, and the row that is meant.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::actions::intent::Target;
use crate::haproxy::fields::Field;
use crate::haproxy::safe_text::SafeText;
use crate::instance::instance::Instance;

/// More names are not told where one is missing.
const MOST_TOLD: usize = 20;

/// A server by its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerName {
    backend: SafeText,
    server: SafeText,
}

/// Why a text names no server.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("must be BACKEND/SERVER, such as be_app/app1")]
pub struct BadServerName;

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
    /// The row of that name in the newest sample, with the status it has there.
    ///
    /// # Errors
    /// That it is not there, and what is.
    pub fn find(&self, watch: &Instance) -> Result<Target, String> {
        let Some(sample) = watch.newest() else { return Err(format!("{self}: nothing is known of HAProxy yet")) };
        let name = |row: usize| sample.rows.key(row).name.clone();
        let Some(backend) = sample.rows.backend_named(&self.backend) else {
            let all = sample.rows.backends().iter().map(|backend| sample.rows.key(backend.row).proxy.clone());
            return Err(format!("{self}: HAProxy does not list it; its backends are {}", listed(all)));
        };
        let Some(row) = backend.servers.iter().copied().find(|row| name(*row) == self.server) else {
            let all = listed(backend.servers.iter().map(|row| name(*row)));
            return Err(format!("{self}: HAProxy does not list it; {} has {all}", self.backend));
        };
        let id = sample.rows.ids()[row];
        Ok(Target {
            id,
            proxy: self.backend.clone(),
            name: self.server.clone(),
            iid: sample.number(id, Field::Iid),
            seen: watch.status(id).unwrap_or_default(),
        })
    }
}

fn listed(names: impl Iterator<Item = SafeText>) -> String {
    let names: Vec<SafeText> = names.collect();
    let shown: Vec<&str> = names.iter().take(MOST_TOLD).map(SafeText::as_str).collect();
    match names.len().saturating_sub(MOST_TOLD) {
        _ if shown.is_empty() => "none".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleMaker, site};

    fn found(text: &str) -> Result<Target, String> {
        let mut watch = Instance::default();
        watch.take(SampleMaker::default().at_millis(0, &site()), 0);
        text.parse::<ServerName>().unwrap().find(&watch)
    }

    #[test]
    fn a_name_has_two_parts() {
        for text in ["", "be", "/s1", "be/", "/", "be/s1/x", "be//s1"] {
            assert!(text.parse::<ServerName>().is_err(), "{text:?}");
        }
        assert_eq!("be/s\u{1b}1".parse::<ServerName>().unwrap().to_string(), r"be/s\x1b1");
    }

    #[test]
    fn a_name_finds_its_row_or_tells_what_is_there() {
        assert_eq!(found("api/api2").unwrap().seen.as_str(), "DRAIN");
        assert_eq!(found("api/s9").unwrap_err(), "api/s9: HAProxy does not list it; api has api1, api2, api3");
        assert_eq!(
            found("nowhere/s9").unwrap_err(),
            "nowhere/s9: HAProxy does not list it; its backends are www, api, legacy"
        );
        assert!(found("api/BACKEND").is_err() && found("www-in/FRONTEND").is_err());
    }

    #[test]
    fn long_lists_are_cut() {
        assert!(listed((0..25).map(|one| format!("s{one}").as_str().into())).ends_with("s19 and 5 more"));
    }
}
