//! Numbers for whoever draws them, as the guidelines for monitoring plugins write them:
//! `'label'=value[UOM];[warn];[crit];[min];[max]`, with `U` for a value that is not known.

use std::fmt;

use crate::actions::capacity::Strength;
use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::stat_table::RowKind;
use crate::instance::instance::Instance;
use crate::observe::sample::Sample;
use crate::problems::rule_table::RULES;
use crate::problems::thresholds::Thresholds;
use crate::table::columns::row_view::RowView;

/// One number.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Perf {
    label: String,
    value: Option<f64>,
    unit: &'static str,
    warn: String,
    crit: String,
    min: Option<f64>,
    max: Option<f64>,
}

/// To three decimals at most: an exponent is no number to a reader of this.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl fmt::Display for Perf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A quote is doubled; an equals sign has no place in a label at all.
        let label = self.label.replace('\'', "''").replace(['=', '|'], "_");
        match self.value.filter(|value| value.is_finite()) {
            Some(value) => write!(f, "'{label}'={}{}", number(value), self.unit)?,
            None => write!(f, "'{label}'=U")?,
        }
        let limit = |limit: Option<f64>| limit.map(number).unwrap_or_default();
        let rest = format!(";{};{};{};{}", self.warn, self.crit, limit(self.min), limit(self.max));
        f.write_str(rest.trim_end_matches(';'))
    }
}

impl Perf {
    fn new(label: &str, value: Option<f64>) -> Self {
        Self { label: label.to_owned(), value, min: Some(0.0), ..Self::default() }
    }

    /// Of a limit that a rule watches, where there is one.
    fn of_limit(self, limit: Option<i64>, rule: &str, thresholds: &Thresholds) -> Self {
        let limit = limit.filter(|limit| *limit > 0).map(|limit| limit as f64);
        let (warn, crit) = limits(rule, thresholds);
        let times = |share: Option<f64>| limit.zip(share).map(|(limit, share)| number(limit * share));
        Self { max: limit, warn: times(warn).unwrap_or_default(), crit: times(crit).unwrap_or_default(), ..self }
    }
}

/// A rule's limits, as they are set.
fn limits(rule: &str, thresholds: &Thresholds) -> (Option<f64>, Option<f64>) {
    let place = RULES.iter().position(|known| known.id == rule);
    place.map_or((None, None), |place| (thresholds.limits(place).warn, thresholds.limits(place).crit))
}

/// The numbers of one HAProxy; with a prefix where there are several.
pub fn of(watch: &Instance, prefix: Option<&str>, thresholds: &Thresholds) -> Vec<Perf> {
    let Some(sample) = watch.newest() else { return Vec::new() };
    let process = |field| sample.process(field);
    let real = |number: Option<i64>| number.map(|number| number as f64);
    let mut all = vec![
        Perf::new("connections", real(process(InfoField::CurrConns))).of_limit(
            process(InfoField::Maxconn),
            "connections",
            thresholds,
        ),
        Perf::new("sessions_per_second", real(process(InfoField::SessRate))).of_limit(
            process(InfoField::SessRateLimit),
            "session-rate",
            thresholds,
        ),
        idle(real(process(InfoField::IdlePct)), thresholds),
        Perf::new("requests_per_second", frontends(watch, sample, |row| row.rate(row.served()))),
        Perf::new("errors_5xx_per_second", frontends(watch, sample, |row| row.rate(Field::Hrsp5xx))),
        Perf { unit: "B", ..Perf::new("bytes_in_per_second", frontends(watch, sample, |row| row.rate(Field::Bin))) },
        Perf { unit: "B", ..Perf::new("bytes_out_per_second", frontends(watch, sample, |row| row.rate(Field::Bout))) },
        Perf::new("queue", queue(sample)),
    ];
    let servers = servers(sample);
    all.push(Perf { max: Some(servers.1), ..Perf::new("servers_usable", Some(servers.0)) });
    let count = |word: &str| watch.problems().list().filter(|problem| problem.severity.word() == word).count() as f64;
    all.extend([Perf::new("problems_warn", Some(count("WARN"))), Perf::new("problems_crit", Some(count("CRIT")))]);
    if let Some(prefix) = prefix {
        for perf in &mut all {
            perf.label = format!("{prefix} {}", perf.label);
        }
    }
    all
}

/// Little of it is bad: a range that ends nowhere.
fn idle(value: Option<f64>, thresholds: &Thresholds) -> Perf {
    let (warn, crit) = limits("idle", thresholds);
    let range = |share: Option<f64>| share.map(|share| format!("{}:", number(share * 100.0))).unwrap_or_default();
    Perf { unit: "%", max: Some(100.0), warn: range(warn), crit: range(crit), ..Perf::new("idle", value) }
}

/// The sum over the frontends that say something; not known where none does.
fn frontends(watch: &Instance, sample: &Sample, value: impl Fn(&RowView<'_>) -> Option<f64>) -> Option<f64> {
    let rows = sample.rows.frontends().iter().map(|place| RowView::new(watch, sample, *place));
    rows.filter_map(|row| value(&row)).reduce(|sum, value| sum + value)
}

/// Requests that wait, in backends and at servers.
fn queue(sample: &Sample) -> Option<f64> {
    let is_queue = |place: &usize| matches!(sample.table.rows()[*place].kind, RowKind::Backend | RowKind::Server);
    let places = (0..sample.table.rows().len()).filter(is_queue);
    places
        .filter_map(|place| sample.table.number(place, Field::Qcur))
        .reduce(|sum, one| sum + one)
        .map(|sum| sum as f64)
}

/// Servers that take traffic or could, and all of them.
pub fn servers(sample: &Sample) -> (f64, f64) {
    let strengths = sample.rows.backends().iter().map(|backend| Strength::of(sample, &backend.servers));
    let usable: usize = strengths.map(|strength| strength.usable + strength.backup).sum();
    let all: usize = sample.rows.backends().iter().map(|backend| backend.servers.len()).sum();
    (usable as f64, all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleMaker, site};

    #[test]
    fn a_number_is_written_as_the_guidelines_have_it() {
        let perf = Perf::new("a'b=c", Some(1.5));
        assert_eq!(perf.to_string(), "'a''b_c'=1.5;;;0");
        assert_eq!(Perf { max: Some(1e9), unit: "B", ..perf.clone() }.to_string(), "'a''b_c'=1.5B;;;0;1000000000");
        assert_eq!(Perf { value: None, unit: "B", ..perf.clone() }.to_string(), "'a''b_c'=U;;;0");
        assert_eq!(
            Perf { warn: "30:".into(), crit: "10:".into(), min: None, ..perf }.to_string(),
            "'a''b_c'=1.5;30:;10:"
        );
        assert_eq!([0.0, 10.0, 100.0, 0.1239].map(number), ["0", "10", "100", "0.124"]);
    }

    #[test]
    fn limits_are_those_that_are_set_and_what_is_unknown_is_said_so() {
        let mut watch = Instance::default();
        watch.take(SampleMaker::default().at_millis(0, &site()), 0);
        let mut thresholds = Thresholds::default();
        thresholds.set_by_text("idle.warn=0.5").unwrap();
        let shown: Vec<String> = of(&watch, Some("lb01"), &thresholds).iter().map(Perf::to_string).collect();
        assert_eq!(shown[2], "'lb01 idle'=80%;50:;10:;0;100");
        assert_eq!(shown[3], "'lb01 requests_per_second'=U;;;0", "one sample gives no rate");
        assert_eq!(shown[7], "'lb01 queue'=8;;;0");
        assert_eq!(shown[8], "'lb01 servers_usable'=3;;;0;6");
    }
}
