//! Paths of the values that `hapulse get` prints: a key of `show info`, or `PROXY/NAME.COLUMN`.
//!
//! Rows of a proxy may share a name: a listener and a server `web1`, or a server named `BACKEND`. A name means the server
//! rather than the listener, and `FRONTEND` and `BACKEND` mean the proxy itself. The kind in front of the name selects
//! another row: `listener:web1`, `server:BACKEND`.
//!
//! A path without a value is not an error, because HAProxy leaves fields empty that do not apply. An unknown name in a
//! path is an error that suggests similar names.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::config::suggest::did_you_mean;
use crate::haproxy::fields::{Field, FieldKind, InfoField};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::headless::report::json::info_value;
use crate::instance::state::Instance;
use crate::observe::sample::Sample;
use crate::table::columns::column::{Column, ColumnSource};
use crate::table::columns::column_table;
use crate::table::columns::computed::kind_word;
use crate::table::columns::row_view::RowView;
use crate::table::columns::value::Value;

/// Path of a value.
#[derive(Debug, Clone)]
pub(crate) enum MetricPath {
    /// A key of `show info`.
    Info(SafeText),
    /// A column of a row.
    Row {
        /// Proxy name.
        proxy: SafeText,
        /// Server or listener name, `FRONTEND` or `BACKEND`; the kind of the row and a colon may precede the name.
        name: SafeText,
        /// Column.
        column: &'static Column,
    },
}

/// The error for an invalid path of a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum BadMetricPath {
    /// The string has neither of the two forms.
    #[error("must be a key of show info, such as CurrConns, or PROXY/NAME.COLUMN, such as www/BACKEND.qcur")]
    Form,
    /// The column does not exist. The second field contains similar names, or is empty.
    #[error("unknown column \"{0}\"{1}")]
    UnknownColumn(SafeText, String),
}

impl FromStr for MetricPath {
    type Err = BadMetricPath;

    fn from_str(text: &str) -> Result<Self, BadMetricPath> {
        // A column name may contain a slash but no dot; a proxy or server name may contain a dot but no slash.
        let Some((proxy, rest)) = text.split_once('/') else {
            return if text.trim().is_empty() { Err(BadMetricPath::Form) } else { Ok(Self::Info(text.into())) };
        };
        match rest.rsplit_once('.') {
            Some((name, id)) if ![proxy, name, id].contains(&"") => {
                let can = |column: &&'static Column| !column.is_dashboard_only();
                let suggestion = || did_you_mean(id, column_table::all().filter(can).map(|column| column.id));
                let column = column_table::by_id(id)
                    .filter(can)
                    .ok_or_else(|| BadMetricPath::UnknownColumn(id.into(), suggestion()))?;
                Ok(Self::Row { proxy: proxy.into(), name: name.into(), column })
            }
            _ => Err(BadMetricPath::Form),
        }
    }
}

impl fmt::Display for MetricPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Info(key) => write!(f, "{key}"),
            Self::Row { proxy, name, column } => write!(f, "{proxy}/{name}.{}", column.id),
        }
    }
}

impl MetricPath {
    /// Returns whether the value is a rate, which needs two samples.
    pub(crate) fn needs_rates(&self) -> bool {
        matches!(self, Self::Row { column, .. } if column.needs_two_samples())
    }

    /// Returns whether the value is a forecast, which needs many samples.
    pub(crate) fn needs_series(&self) -> bool {
        matches!(self, Self::Row { column, .. } if column.id == column_table::FULL_IN.id)
    }

    /// Returns the value in the newest sample. If `per_second` is set and the value is a counter, returns its rate.
    ///
    /// # Errors
    /// Returns a message with similar names if the row or key does not exist.
    pub(crate) fn value(&self, instance: &Instance, per_second: bool) -> Result<Value, String> {
        let Some(sample) = instance.shown() else { return Ok(Value::Unknown) };
        match self {
            Self::Info(key) => self.info_value(instance, sample, key, per_second),
            Self::Row { proxy, name, column } => {
                let place = find_row(sample, proxy, name.as_str());
                let row =
                    RowView::new(instance, sample, place.ok_or_else(|| self.missing_row_message(sample, proxy, name))?);
                Ok(match column.source {
                    ColumnSource::Number(field) if per_second && is_counter(field) => {
                        Value::from_decimal(row.rate(field))
                    }
                    _ => Value::from_row(column, &row),
                })
            }
        }
    }

    fn info_value(
        &self,
        instance: &Instance,
        sample: &Sample,
        key: &SafeText,
        per_second: bool,
    ) -> Result<Value, String> {
        let field = InfoField::ALL.iter().find(|field| field.info().name.eq_ignore_ascii_case(key.as_str()));
        let lines = sample.info.lines();
        let line = lines.iter().find(|(known, _)| known.as_str().eq_ignore_ascii_case(key.as_str()));
        match (field, line) {
            (Some(field), _) if per_second && field.info().kind == FieldKind::Counter => {
                Ok(Value::from_decimal(instance.rates().process_rate(*field)))
            }
            (_, Some((known, value))) => Ok(info_value(known.as_str(), value)),
            // The key exists, but only in other versions of HAProxy.
            (Some(_), None) => Ok(Value::Unknown),
            (None, None) => {
                let suggestion = did_you_mean(key.as_str(), lines.iter().map(|(known, _)| known.as_str()));
                let hint = || format!("; a path {}", BadMetricPath::Form);
                let suggestion = if suggestion.is_empty() { hint() } else { suggestion };
                Err(format!("{self}: show info has no such key{suggestion}"))
            }
        }
    }

    fn missing_row_message(&self, sample: &Sample, proxy: &SafeText, name: &SafeText) -> String {
        let rows = sample.table.rows();
        if rows.iter().any(|row| row.proxy == *proxy) {
            let names = rows.iter().filter(|row| row.proxy == *proxy).map(|row| row.name.as_str());
            let suggestion = did_you_mean(name.as_str(), names.clone());
            let all: Vec<&str> = names.take(MAX_LISTED_NAMES).collect();
            let suggestion = if suggestion.is_empty() { format!("; it has {}", all.join(", ")) } else { suggestion };
            return format!("{self}: {proxy} has no server or listener named {name}{suggestion}");
        }
        let names: BTreeSet<&str> = rows.iter().map(|row| row.proxy.as_str()).collect();
        let suggestion = did_you_mean(proxy.as_str(), names.iter().copied());
        let all: Vec<&str> = names.into_iter().take(MAX_LISTED_NAMES).collect();
        let suggestion = if suggestion.is_empty() { format!("; there are {}", all.join(", ")) } else { suggestion };
        format!("{self}: unknown proxy {proxy}{suggestion}")
    }
}

/// Maximum number of existing names that an error lists.
const MAX_LISTED_NAMES: usize = 10;

/// Returns the index of the row with this name in a proxy. If several rows have it, the proxy's own row comes first, then
/// a server, then a listener. If none has it, a leading `KIND:` is taken for the kind of the row; names of servers may
/// contain colons, too.
fn find_row(sample: &Sample, proxy: &SafeText, name: &str) -> Option<usize> {
    let rows = || sample.table.rows().iter().enumerate().filter(|(_, row)| row.proxy == *proxy);
    let order = |kind: RowKind| match kind {
        RowKind::Frontend | RowKind::Backend => 0,
        RowKind::Server => 1,
        RowKind::Listener => 2,
    };
    let by_name = rows().filter(|(_, row)| row.name.as_str() == name).min_by_key(|(_, row)| order(row.kind));
    let by_kind = || {
        let (kind, name) = name.split_once(':')?;
        rows().find(|(_, row)| row.name.as_str() == name && kind_word(row.kind) == kind)
    };
    by_name.or_else(by_kind).map(|(index, _)| index)
}

fn is_counter(field: Field) -> bool {
    field.info().kind == FieldKind::Counter
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    fn instance() -> Instance {
        let (mut instance, mut maker) = (Instance::default(), SampleBuilder::default());
        instance.add_sample(maker.build_at_millis(0, &stat_of_site()), 0);
        instance
            .add_sample(maker.build_at_millis(2000, &stat_of_site().replace("9000,5000,8000", "9000,5100,8000")), 0);
        instance
    }

    fn value(key: &str, per_second: bool) -> Result<String, String> {
        let key: MetricPath = key.parse().map_err(|bad: BadMetricPath| bad.to_string())?;
        key.value(&instance(), per_second).map(|value| value.to_plain_string())
    }

    #[test]
    fn metric_path_parse_accepts_two_forms() {
        for bad in ["", " ", "www/", "/web1.scur", "www/web1", "www/.scur", "www/web1."] {
            assert_eq!(bad.parse::<MetricPath>().err(), Some(BadMetricPath::Form), "{bad:?}");
        }
        let shown = |text: &str| text.parse::<MetricPath>().map(|key| key.to_string());
        assert_eq!(shown("a.b/c.d.bin/s"), Ok("a.b/c.d.bin/s".to_owned()));
        assert_eq!(shown("Build info"), Ok("Build info".to_owned()));
        let message = shown("www/w1.scru").unwrap_err().to_string();
        assert!(message.starts_with("unknown column \"scru\"; did you mean scur"), "{message}");
    }

    #[test]
    fn value_is_bare_and_empty_if_unset() {
        assert_eq!(value("www-in/FRONTEND.bin", false), Ok("5100".to_owned()));
        assert_eq!(value("www-in/FRONTEND.qcur", false), Ok(String::new()));
        assert_eq!(value("api/api2.status", false), Ok("DRAIN".to_owned()));
        assert_eq!(value("pid", false), Ok("100".to_owned()));
        assert_eq!(value("PoolFailed", false), Ok(String::new()), "another version has it");
    }

    #[test]
    fn w6_name_means_server_and_kind_selects_other_rows() {
        let stat = "# pxname,svname,type,status,\n\
                    web,FRONTEND,0,OPEN,\nweb,web1,3,OPEN,\nweb,web1,2,DOWN,\nweb,BACKEND,2,MAINT,\nweb,l:1,2,NOLB,\n\
                    web,BACKEND,1,UP,\n";
        let mut instance = Instance::default();
        instance.add_sample(SampleBuilder::default().build_at_millis(0, stat), 0);
        for (name, status) in [
            ("web1", "DOWN"),
            ("listener:web1", "OPEN"),
            ("server:web1", "DOWN"),
            ("BACKEND", "UP"),
            ("server:BACKEND", "MAINT"),
            ("backend:BACKEND", "UP"),
            ("frontend:FRONTEND", "OPEN"),
            ("l:1", "NOLB"),
        ] {
            let path: MetricPath = format!("web/{name}.status").parse().unwrap();
            assert_eq!(path.value(&instance, false).unwrap().to_plain_string(), status, "{name}");
        }
        let path: MetricPath = "web/listener:BACKEND.status".parse().unwrap();
        assert!(path.value(&instance, false).is_err());
    }

    #[test]
    fn value_of_counter_per_second_is_rate() {
        assert_eq!(value("www-in/FRONTEND.bin", true), Ok("50".to_owned()));
        assert_eq!(value("www-in/FRONTEND.bin/s", false), Ok("50".to_owned()));
        assert_eq!(value("api/api1.qcur", true), value("api/api1.qcur", false));
        assert!(
            "www/w1.bin/s".parse::<MetricPath>().unwrap().needs_rates()
                && !"www/w1.bin".parse::<MetricPath>().unwrap().needs_rates()
        );
    }

    #[test]
    fn value_error_suggests_similar_names() {
        let similar = value("www/w9.scur", false).unwrap_err();
        assert_eq!(similar, "www/w9.scur: www has no server or listener named w9; did you mean w1, w2?");
        let none = value("www/nothing.scur", false).unwrap_err();
        assert_eq!(none, "www/nothing.scur: www has no server or listener named nothing; it has w1, w2, BACKEND");
        assert_eq!(
            value("ap/BACKEND.scur", false).unwrap_err(),
            "ap/BACKEND.scur: unknown proxy ap; did you mean api?"
        );
        assert!(value("Nonsense", false).unwrap_err().starts_with("Nonsense: show info has no such key"));
    }
}
