//! Performance data in the format of the monitoring plugins guidelines:
//! `'label'=value[UOM];[warn];[crit];[min];[max]`, with `U` for an unknown value.

use std::fmt;

use crate::actions::capacity::Capacity;
use crate::haproxy::fields::{Field, InfoField};
use crate::instance::state::Instance;
use crate::observe::sample::Sample;
use crate::observe::severity::Severity;
use crate::problems::figures;
use crate::problems::rule_table::RuleId;
use crate::problems::thresholds::Thresholds;
use crate::table::columns::row_view::RowView;

/// One performance value with its thresholds, minimum and maximum.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PerfValue {
    label: String,
    value: Option<f64>,
    unit: &'static str,
    warn: String,
    crit: String,
    min: Option<f64>,
    max: Option<f64>,
}

/// Formats a number with at most three decimals and without an exponent, which parsers reject.
fn format_number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl fmt::Display for PerfValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Quotes are doubled; labels must not contain equals signs or bars.
        let label = self.label.replace('\'', "''").replace(['=', '|'], "_");
        match self.value.filter(|value| value.is_finite()) {
            Some(value) => write!(f, "'{label}'={}{}", format_number(value), self.unit)?,
            None => write!(f, "'{label}'=U")?,
        }
        let limit = |limit: Option<f64>| limit.map(format_number).unwrap_or_default();
        let rest = format!(";{};{};{};{}", self.warn, self.crit, limit(self.min), limit(self.max));
        f.write_str(rest.trim_end_matches(';'))
    }
}

impl PerfValue {
    fn new(label: &str, value: Option<f64>) -> Self {
        Self { label: label.to_owned(), value, min: Some(0.0), ..Self::default() }
    }

    /// Sets the maximum to `limit`, and the thresholds to those of `rule` multiplied by `limit`, because they are
    /// shares. If the limit is unknown or 0, all three stay empty.
    fn with_limit(self, limit: Option<i64>, rule: RuleId, thresholds: &Thresholds) -> Self {
        let limit = limit.filter(|limit| *limit > 0).map(|limit| limit as f64);
        let (warn, crit) = rule_limits(rule, thresholds);
        let times = |share: Option<f64>| limit.zip(share).map(|(limit, share)| format_number(limit * share));
        Self { max: limit, warn: times(warn).unwrap_or_default(), crit: times(crit).unwrap_or_default(), ..self }
    }
}

/// Returns the warning threshold and the critical threshold of a rule.
fn rule_limits(rule: RuleId, thresholds: &Thresholds) -> (Option<f64>, Option<f64>) {
    (thresholds.for_rule(rule).warn, thresholds.for_rule(rule).crit)
}

/// Returns the performance values of one HAProxy. If several are checked, `prefix` is the name of this HAProxy, which
/// then precedes each label.
pub(crate) fn perf_values(instance: &Instance, prefix: Option<&str>, thresholds: &Thresholds) -> Vec<PerfValue> {
    let Some(sample) = instance.latest() else { return Vec::new() };
    let process = |field| sample.process_number(field);
    let real = |number: Option<i64>| number.map(|number| number as f64);
    let mut all = vec![
        PerfValue::new("connections", real(process(InfoField::CurrConns))).with_limit(
            process(InfoField::Maxconn),
            RuleId::Connections,
            thresholds,
        ),
        PerfValue::new("sessions_per_second", real(process(InfoField::SessRate))).with_limit(
            process(InfoField::SessRateLimit),
            RuleId::SessionRate,
            thresholds,
        ),
        idle_value(real(process(InfoField::IdlePct)), thresholds),
        PerfValue::new("requests_per_second", sum_frontends(instance, sample, |row| row.rate(row.served_field()))),
        PerfValue::new("errors_5xx_per_second", sum_frontends(instance, sample, |row| row.rate(Field::Hrsp5xx))),
        PerfValue {
            unit: "B",
            ..PerfValue::new("bytes_in_per_second", sum_frontends(instance, sample, |row| row.rate(Field::Bin)))
        },
        PerfValue {
            unit: "B",
            ..PerfValue::new("bytes_out_per_second", sum_frontends(instance, sample, |row| row.rate(Field::Bout)))
        },
        PerfValue::new("queue", real(figures::total_queued_requests(sample))),
    ];
    let servers = count_servers(sample);
    all.push(PerfValue { max: Some(servers.1), ..PerfValue::new("servers_usable", Some(servers.0)) });
    let count = |severity| instance.problems().iter().filter(|problem| problem.severity == severity).count() as f64;
    all.extend([
        PerfValue::new("problems_warn", Some(count(Severity::Warn))),
        PerfValue::new("problems_crit", Some(count(Severity::Crit))),
    ]);
    if let Some(prefix) = prefix {
        for perf in &mut all {
            perf.label = format!("{prefix} {}", perf.label);
        }
    }
    all
}

/// Returns the idle share in percent. Low values are bad, so the thresholds are ranges with a lower bound.
fn idle_value(value: Option<f64>, thresholds: &Thresholds) -> PerfValue {
    let (warn, crit) = rule_limits(RuleId::Idle, thresholds);
    let range =
        |share: Option<f64>| share.map(|share| format!("{}:", format_number(share * 100.0))).unwrap_or_default();
    PerfValue { unit: "%", max: Some(100.0), warn: range(warn), crit: range(crit), ..PerfValue::new("idle", value) }
}

/// Returns the sum over all frontends with a value, or `None` if no frontend has one.
fn sum_frontends(instance: &Instance, sample: &Sample, value: impl Fn(&RowView<'_>) -> Option<f64>) -> Option<f64> {
    let rows = sample.rows.frontends().iter().map(|place| RowView::new(instance, sample, *place));
    rows.filter_map(|row| value(&row)).reduce(|sum, value| sum + value)
}

/// Returns the number of usable servers, including backups, and the number of all servers.
pub(crate) fn count_servers(sample: &Sample) -> (f64, f64) {
    let strengths = sample.rows.backends().iter().map(|backend| Capacity::from_servers(sample, &backend.servers));
    let usable: usize = strengths.map(|strength| strength.usable + strength.backup).sum();
    let all: usize = sample.rows.backends().iter().map(|backend| backend.servers.len()).sum();
    (usable as f64, all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headless::report::metric_path::MetricPath;
    use crate::instance::process_summary::ProcessSummary;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};
    use crate::table::columns::value::Value;

    #[test]
    fn perf_value_display_follows_plugin_guidelines() {
        let perf = PerfValue::new("a'b=c", Some(1.5));
        assert_eq!(perf.to_string(), "'a''b_c'=1.5;;;0");
        assert_eq!(PerfValue { max: Some(1e9), unit: "B", ..perf.clone() }.to_string(), "'a''b_c'=1.5B;;;0;1000000000");
        assert_eq!(PerfValue { value: None, unit: "B", ..perf.clone() }.to_string(), "'a''b_c'=U;;;0");
        assert_eq!(
            PerfValue { warn: "30:".into(), crit: "10:".into(), min: None, ..perf }.to_string(),
            "'a''b_c'=1.5;30:;10:"
        );
        assert_eq!([0.0, 10.0, 100.0, 0.1239].map(format_number), ["0", "10", "100", "0.124"]);
    }

    #[test]
    fn perf_values_use_configured_thresholds_and_mark_unknown() {
        let mut instance = Instance::default();
        instance.add_sample(SampleBuilder::default().build_at_millis(0, &stat_of_site()), 0);
        let thresholds = Thresholds::with_changes(["idle.warn=0.5".parse().unwrap()]).unwrap();
        let shown: Vec<String> =
            perf_values(&instance, Some("lb01"), &thresholds).iter().map(PerfValue::to_string).collect();
        assert_eq!(shown[2], "'lb01 idle'=80%;50:;10:;0;100");
        assert_eq!(shown[3], "'lb01 requests_per_second'=U;;;0", "one sample gives no rate");
        assert_eq!(shown[7], "'lb01 queue'=8;;;0");
        assert_eq!(shown[8], "'lb01 servers_usable'=3;;;0;6");
    }

    #[test]
    fn w24_queued_requests_are_the_same_number_everywhere() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        for step in 0..7 {
            instance.add_sample(builder.build_at_millis(step * 2000, &stat_of_site()), 0);
        }
        let path: MetricPath = "api/BACKEND.queue".parse().unwrap();
        assert_eq!(path.value(&instance, false), Ok(Value::Integer(8)));
        assert_eq!(ProcessSummary::from_instance(&instance).unwrap().queued, Some(8));
        assert_eq!(perf_values(&instance, None, &Thresholds::default())[7].to_string(), "'queue'=8;;;0");
        let problem = instance.problems().iter().find(|problem| problem.rule.id == RuleId::Queue).unwrap();
        assert!((problem.value - 8.0).abs() < 0.001, "{problem:?}");
    }
}
