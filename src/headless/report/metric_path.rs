//! What `hapulse get` is asked for by name: a key of `show info`, or `PROXY/NAME.COLUMN`.
//!
//! Something that is known but has no value now is not an error: HAProxy leaves a field empty where it does not
//! apply. Something that is not there at all is one, and what is near is told.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::haproxy::fields::{Field, InfoField, Kind};
use crate::haproxy::safe_text::SafeText;
use crate::headless::report::json::info_value;
use crate::headless::suggest::suggestion;
use crate::instance::instance::Instance;
use crate::observe::sample::Sample;
use crate::table::columns::column::{Column, Source};
use crate::table::columns::column_table;
use crate::table::columns::row_view::RowView;
use crate::table::columns::value::Datum;

/// What is asked for.
#[derive(Debug, Clone)]
pub enum Key {
    /// A key of `show info`.
    Info(SafeText),
    /// A column of a row.
    Row {
        /// The row's proxy.
        proxy: SafeText,
        /// The row's name: a server's or listener's, `FRONTEND` or `BACKEND`.
        name: SafeText,
        /// The column.
        column: &'static Column,
    },
}

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadKey {
    /// Neither of the two forms.
    #[error("must be a key of show info, such as CurrConns, or PROXY/NAME.COLUMN, such as www/BACKEND.qcur")]
    Form,
    /// No such column.
    #[error("there is no column \"{0}\"{1}")]
    NoColumn(SafeText, String),
}

impl FromStr for Key {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        // A column may have a slash in its name, and a proxy or server a dot; not the other way round.
        let Some((proxy, rest)) = text.split_once('/') else {
            return if text.trim().is_empty() { Err(BadKey::Form) } else { Ok(Self::Info(text.into())) };
        };
        match rest.rsplit_once('.') {
            Some((name, id)) if ![proxy, name, id].contains(&"") => {
                let can = |column: &&'static Column| !column.needs_mark();
                let near = || suggestion(id, column_table::all().filter(can).map(|column| column.id));
                let column = column_table::by_id(id).filter(can).ok_or_else(|| BadKey::NoColumn(id.into(), near()))?;
                Ok(Self::Row { proxy: proxy.into(), name: name.into(), column })
            }
            _ => Err(BadKey::Form),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Info(key) => write!(f, "{key}"),
            Self::Row { proxy, name, column } => write!(f, "{proxy}/{name}.{}", column.id),
        }
    }
}

impl Key {
    /// Whether it is unknown from a single sample.
    pub fn spans(&self) -> bool {
        matches!(self, Self::Row { column, .. } if column.spans())
    }

    /// Its value in the newest sample; of a counter, where `per_second`, what it grew by a second.
    ///
    /// # Errors
    /// That there is no such thing, and what there is.
    pub fn value(&self, watch: &Instance, per_second: bool) -> Result<Datum, String> {
        let Some(sample) = watch.newest() else { return Ok(Datum::Unknown) };
        match self {
            Self::Info(key) => self.of_process(watch, sample, key, per_second),
            Self::Row { proxy, name, column } => {
                let rows = sample.table.rows();
                let place = rows.iter().position(|row| row.proxy == *proxy && row.name == *name);
                let row = RowView::new(watch, sample, place.ok_or_else(|| self.no_row(sample, proxy, name))?);
                Ok(match column.source {
                    Source::Number(field) if per_second && is_counter(field) => Datum::real(row.rate(field)),
                    _ => Datum::of(column, &row),
                })
            }
        }
    }

    fn of_process(&self, watch: &Instance, sample: &Sample, key: &SafeText, per_second: bool) -> Result<Datum, String> {
        let field = InfoField::ALL.iter().find(|field| field.info().name.eq_ignore_ascii_case(key.as_str()));
        let lines = sample.info.lines();
        let line = lines.iter().find(|(known, _)| known.as_str().eq_ignore_ascii_case(key.as_str()));
        match (field, line) {
            (Some(field), _) if per_second && field.info().kind == Kind::Counter => {
                Ok(Datum::real(watch.window().process_rate(*field)))
            }
            (_, Some((known, value))) => Ok(info_value(known.as_str(), value)),
            // Other versions have it.
            (Some(_), None) => Ok(Datum::Unknown),
            (None, None) => {
                let near = suggestion(key.as_str(), lines.iter().map(|(known, _)| known.as_str()));
                Err(format!("{self}: show info has no such key{near}"))
            }
        }
    }

    fn no_row(&self, sample: &Sample, proxy: &SafeText, name: &SafeText) -> String {
        let rows = sample.table.rows();
        if rows.iter().any(|row| row.proxy == *proxy) {
            let names = rows.iter().filter(|row| row.proxy == *proxy).map(|row| row.name.as_str());
            let near = suggestion(name.as_str(), names.clone());
            let all: Vec<&str> = names.take(MOST_TOLD).collect();
            let near = if near.is_empty() { format!("; there are {}", all.join(", ")) } else { near };
            return format!("{self}: {proxy} has no row {name}{near}");
        }
        let near = suggestion(proxy.as_str(), rows.iter().map(|row| row.proxy.as_str()));
        format!("{self}: HAProxy lists no proxy {proxy}{near}")
    }
}

/// More names are not told where one is missing.
const MOST_TOLD: usize = 10;

fn is_counter(field: Field) -> bool {
    field.info().kind == Kind::Counter
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleMaker, site};

    fn watch() -> Instance {
        let (mut watch, mut maker) = (Instance::default(), SampleMaker::default());
        watch.take(maker.at_millis(0, &site()), 0);
        watch.take(maker.at_millis(2000, &site().replace("9000,5000,8000", "9000,5100,8000")), 0);
        watch
    }

    fn value(key: &str, per_second: bool) -> Result<String, String> {
        let key: Key = key.parse().map_err(|bad: BadKey| bad.to_string())?;
        key.value(&watch(), per_second).map(|value| value.bare())
    }

    #[test]
    fn keys_have_two_forms() {
        for bad in ["", " ", "www/", "/web1.scur", "www/web1", "www/.scur", "www/web1."] {
            assert_eq!(bad.parse::<Key>().err(), Some(BadKey::Form), "{bad:?}");
        }
        let shown = |text: &str| text.parse::<Key>().map(|key| key.to_string());
        assert_eq!(shown("a.b/c.d.bin/s"), Ok("a.b/c.d.bin/s".to_owned()));
        assert_eq!(shown("Build info"), Ok("Build info".to_owned()));
        let told = shown("www/w1.scru").unwrap_err().to_string();
        assert!(told.starts_with("there is no column \"scru\"; did you mean scur"), "{told}");
    }

    #[test]
    fn values_are_bare_and_what_is_known_but_empty_is_nothing() {
        assert_eq!(value("www-in/FRONTEND.bin", false), Ok("5100".to_owned()));
        assert_eq!(value("www-in/FRONTEND.qcur", false), Ok(String::new()));
        assert_eq!(value("api/api2.status", false), Ok("DRAIN".to_owned()));
        assert_eq!(value("pid", false), Ok("100".to_owned()));
        assert_eq!(value("PoolFailed", false), Ok(String::new()), "another version has it");
    }

    #[test]
    fn over_a_time_a_counter_is_what_it_grew_by_a_second() {
        assert_eq!(value("www-in/FRONTEND.bin", true), Ok("50".to_owned()));
        assert_eq!(value("www-in/FRONTEND.bin/s", false), Ok("50".to_owned()));
        assert_eq!(value("api/api1.qcur", true), value("api/api1.qcur", false));
        assert!("www/w1.bin/s".parse::<Key>().unwrap().spans() && !"www/w1.bin".parse::<Key>().unwrap().spans());
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is_near() {
        assert_eq!(value("www/w9.scur", false).unwrap_err(), "www/w9.scur: www has no row w9; did you mean w1, w2?");
        let none = value("www/nothing.scur", false).unwrap_err();
        assert_eq!(none, "www/nothing.scur: www has no row nothing; there are w1, w2, BACKEND");
        assert_eq!(
            value("ap/BACKEND.scur", false).unwrap_err(),
            "ap/BACKEND.scur: HAProxy lists no proxy ap; did you mean api?"
        );
        assert!(value("Nonsense", false).unwrap_err().starts_with("Nonsense: show info has no such key"));
    }
}
