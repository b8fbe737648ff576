//! Thresholds of the rules: the defaults of the rule table, and the changes from the configuration, for all rows or for
//! those that match a pattern; and the silences.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::config::former_names::{FormerName, NameKind};
use crate::config::suggest;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::problems::measurement::{Grade, Measurement};
use crate::problems::row_pattern::{BadPattern, RowPattern};
use crate::problems::rule::{Direction, HoldTime, Scope};
use crate::problems::rule_table::{RULES, Rule, RuleId};
use crate::problems::silences::Silences;

/// The error for an invalid change to a rule's thresholds.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ThresholdError {
    /// No rule has this name.
    #[error("unknown rule {:?}{}; rules: {}", .0, suggest::did_you_mean(.0, rule_names()), rule_names().collect::<Vec<_>>().join(", "))]
    UnknownRule(String),
    /// The pattern for the names of rows is invalid.
    #[error(transparent)]
    BadPattern(#[from] BadPattern),
    /// A rule of the process has a pattern.
    #[error("{0} is a rule of the process, which has no name: remove the pattern after @")]
    ProcessPattern(RuleId),
    /// The string does not have one of the accepted forms.
    #[error(
        "{0:?} is not RULE.warn=N, RULE.crit=N, RULE.for=SECONDS or RULE=off, with @PATTERN after RULE for some rows only; docs/problems.md lists the rules"
    )]
    Syntax(String),
    /// The threshold is negative, infinite or not a number.
    #[error("{0}: a threshold must be a number, 0 or greater")]
    InvalidNumber(RuleId),
    /// The critical threshold would be reached before the warning threshold.
    #[error("{}", wrong_order_text(*.rule, .pattern.as_ref(), *.warn, *.crit))]
    WrongOrder {
        /// The rule.
        rule: RuleId,
        /// The pattern for the names of rows, if the thresholds apply to some rows only.
        pattern: Option<RowPattern>,
        /// The rule's new warning threshold, or the default if it was not changed.
        warn: f64,
        /// The rule's new critical threshold, or the default if it was not changed.
        crit: f64,
    },
}

fn rule_names() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.id.as_str())
}

fn wrong_order_text(rule: RuleId, pattern: Option<&RowPattern>, warn: f64, crit: f64) -> String {
    let (is_past, at_crit, at_warn) = match rule.rule().direction {
        Direction::AtLeast => ("above", "or more", "or less"),
        Direction::Below => ("below", "or less", "or more"),
    };
    let rule = pattern.map_or(rule.to_string(), |pattern| format!("{rule}@{pattern}"));
    format!(
        "{rule}: warn = {warn} is {is_past} crit = {crit}; set {rule}.crit to {warn} {at_crit}, \
         or {rule}.warn to {crit} {at_warn}"
    )
}

/// Changes to the thresholds and the hold time of one rule.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct RuleOverride {
    /// New warning threshold.
    pub(crate) warn: Option<f64>,
    /// New critical threshold.
    pub(crate) crit: Option<f64>,
    /// New hold time for the warning. A longer hold time for critical is shortened to this value.
    pub(crate) hold_time: Option<Duration>,
    /// Disables the rule.
    pub(crate) is_off: bool,
}

/// Changes to the thresholds of a rule, as configured: `rule.warn=N`, `rule.crit=N`, `rule.for=SECONDS` or `rule=off`.
/// `@pattern` after the name of the rule restricts the change to rows that match.
#[derive(Debug, Clone, PartialEq)]
pub struct ThresholdChange {
    /// The rule.
    pub(crate) rule: RuleId,
    /// The pattern for the names of rows; `None` for all rows.
    pub(crate) pattern: Option<RowPattern>,
    /// Former names of the rule and the property, if the string contains any.
    former_names: [Option<&'static FormerName>; 2],
    /// The changes.
    pub(crate) change: RuleOverride,
}

impl ThresholdChange {
    /// Builds a change to the rule with this name, for some rows only if `@pattern` follows.
    ///
    /// # Errors
    /// Returns an error if no rule has this name, if the pattern is invalid, or if a threshold is negative, infinite or
    /// not a number.
    pub(crate) fn new(name: &str, change: RuleOverride) -> Result<Self, ThresholdError> {
        let (name, pattern) = match name.split_once('@') {
            Some((name, pattern)) => (name, Some(pattern)),
            None => (name, None),
        };
        let rule = RuleId::parse(name).ok_or_else(|| ThresholdError::UnknownRule(name.to_owned()))?;
        let pattern = pattern.map(str::parse::<RowPattern>).transpose()?;
        if pattern.is_some() && rule.rule().scope == Scope::Process {
            return Err(ThresholdError::ProcessPattern(rule));
        }
        if [change.warn, change.crit].iter().flatten().any(|limit| !limit.is_finite() || *limit < 0.0) {
            return Err(ThresholdError::InvalidNumber(rule));
        }
        Ok(Self { rule, pattern, former_names: [None; 2], change })
    }

    /// Returns the former names that were used to write the change.
    pub(crate) fn former_names(&self) -> impl Iterator<Item = &'static FormerName> {
        self.former_names.into_iter().flatten()
    }
}

impl FromStr for ThresholdChange {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let bad = || ThresholdError::Syntax(text.to_owned());
        let with_current_rule = |name: &str, change, former_property| {
            let former_rule = FormerName::find(NameKind::Rule, name);
            let change = Self::new(former_rule.map_or(name, |former| former.current), change)?;
            Ok(Self { former_names: [former_rule, former_property], ..change })
        };
        let (name, value) = text.split_once('=').ok_or_else(bad)?;
        if value == "off" {
            return with_current_rule(name, RuleOverride { is_off: true, ..RuleOverride::default() }, None);
        }
        let (name, property) = name.rsplit_once('.').ok_or_else(bad)?;
        let former_property = FormerName::find(NameKind::ThresholdKey, property);
        let number = value.parse::<f64>().ok().filter(|number| (0.0..1e15).contains(number)).ok_or_else(bad)?;
        let mut change = RuleOverride::default();
        match former_property.map_or(property, |name| name.current) {
            "warn" => change.warn = Some(number),
            "crit" => change.crit = Some(number),
            "for" => change.hold_time = Some(Duration::from_secs_f64(number)),
            _ => return Err(bad()),
        }
        with_current_rule(name, change, former_property)
    }
}

/// The thresholds and hold times in effect for one rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RuleLimits {
    /// Side of the thresholds on which values are a problem.
    direction: Direction,
    /// Warning threshold; absent if the rule never warns.
    pub(crate) warn: Option<f64>,
    /// Critical threshold; absent if the rule is never critical.
    pub(crate) crit: Option<f64>,
    /// Hold time of a warning.
    pub(crate) warn_for: HoldTime,
    /// Hold time of a critical problem.
    pub(crate) crit_for: HoldTime,
    /// Time for which the rule must be fine before its problem closes.
    pub(crate) recovery_time: Duration,
}

impl RuleLimits {
    fn from_rule(rule: &Rule) -> Self {
        let Rule { direction, warn, crit, warn_for, crit_for, .. } = *rule;
        Self { direction, warn, crit, warn_for, crit_for, recovery_time: rule.recovery_time() }
    }

    fn with_override(
        mut self,
        rule: RuleId,
        pattern: Option<&RowPattern>,
        change: RuleOverride,
    ) -> Result<Self, ThresholdError> {
        if change.is_off {
            return Ok(Self { warn: None, crit: None, ..self });
        }
        self.warn = change.warn.or(self.warn);
        self.crit = change.crit.or(self.crit);
        if let (Some(warn), Some(crit)) = (self.warn, self.crit)
            && (if self.direction == Direction::AtLeast { crit < warn } else { crit > warn })
        {
            return Err(ThresholdError::WrongOrder { rule, pattern: pattern.cloned(), warn, crit });
        }
        if let Some(time) = change.hold_time {
            self.warn_for.duration = time;
            self.crit_for.duration = self.crit_for.duration.min(time);
        }
        Ok(self)
    }

    /// Compares a measurement with the thresholds, and returns the grade.
    fn grade(&self, measurement: Measurement) -> Grade {
        let value = match measurement {
            Measurement::Unknown | Measurement::NotEvaluated(_) => return Grade::Unknown,
            Measurement::Fine => return Grade::Fine,
            Measurement::Value(value) => value,
        };
        let is_beyond = |limit: Option<f64>| {
            limit.is_some_and(|limit| match self.direction {
                Direction::AtLeast => value >= limit,
                Direction::Below => value < limit,
            })
        };
        match (is_beyond(self.crit), is_beyond(self.warn)) {
            (true, _) => Grade::Crit,
            (false, true) => Grade::Warn,
            (false, false) => Grade::Fine,
        }
    }
}

/// The thresholds of every rule, and the silences.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// One entry for each of [`RULES`], in the same order.
    limits: Vec<RuleLimits>,
    /// Thresholds for the rows that match a pattern; narrow patterns first.
    pattern_limits: Vec<(RuleId, RowPattern, RuleLimits)>,
    /// Rules whose problems do not alarm for certain rows.
    pub(crate) silences: Silences,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            limits: RULES.iter().map(RuleLimits::from_rule).collect(),
            pattern_limits: Vec::new(),
            silences: Silences::default(),
        }
    }
}

impl Thresholds {
    /// Builds thresholds from the defaults and `changes`. If several changes set the same value, the last one wins; if
    /// several patterns match a row, the narrowest one wins. Warning and critical thresholds are compared only after all
    /// changes, so they can be changed in any order.
    ///
    /// # Errors
    /// Returns an error if a critical threshold would be reached before the warning threshold.
    pub fn with_changes(changes: impl IntoIterator<Item = ThresholdChange>) -> Result<Self, ThresholdError> {
        let mut merged: BTreeMap<(Option<RowPattern>, RuleId), RuleOverride> = BTreeMap::new();
        for ThresholdChange { rule, pattern, change, .. } in changes {
            let earlier = merged.entry((pattern, rule)).or_default();
            *earlier = RuleOverride {
                warn: change.warn.or(earlier.warn),
                crit: change.crit.or(earlier.crit),
                hold_time: change.hold_time.or(earlier.hold_time),
                is_off: change.is_off,
            };
        }
        let mut thresholds = Self::default();
        // Changes for all rows come first: those for some rows change what these result in.
        for ((pattern, rule), change) in merged {
            let changed = thresholds.for_rule(rule).with_override(rule, pattern.as_ref(), change)?;
            match pattern {
                None => thresholds.limits[rule as usize] = changed,
                Some(pattern) => thresholds.pattern_limits.push((rule, pattern, changed)),
            }
        }
        thresholds.pattern_limits.sort_by_key(|(_, pattern, _)| std::cmp::Reverse(pattern.specificity()));
        Ok(thresholds)
    }

    /// Shortens the default hold times that are longer than `limit`, for a check that samples only for a short time. A
    /// hold time that was configured stays as it is.
    #[must_use]
    pub(crate) fn with_default_holds_up_to(mut self, limit: Duration) -> Self {
        for (limits, rule) in self.limits.iter_mut().zip(RULES) {
            if limits.warn_for == rule.warn_for {
                limits.warn_for.duration = limits.warn_for.duration.min(limit);
                limits.crit_for.duration = limits.crit_for.duration.min(limit);
            }
        }
        self
    }

    /// Returns the thresholds without hold times, to judge a single sample.
    pub(crate) fn without_hold_times(&self) -> Self {
        let mut at_once = self.clone();
        let patterns = at_once.pattern_limits.iter_mut().map(|(.., limits)| limits);
        for limits in at_once.limits.iter_mut().chain(patterns) {
            let none = HoldTime { duration: Duration::ZERO, samples: 1 };
            (limits.warn_for, limits.crit_for) = (none, none);
        }
        at_once
    }

    /// Returns the thresholds of a rule for rows that no pattern matches.
    pub(crate) fn for_rule(&self, rule: RuleId) -> &RuleLimits {
        &self.limits[rule as usize]
    }

    /// Returns the thresholds of a rule for a row, given by its kind, proxy and name; `None` for the process.
    pub(crate) fn for_row(&self, rule: RuleId, row: Option<(RowKind, &SafeText, &SafeText)>) -> &RuleLimits {
        let is_own = |(of, pattern, _): &&(RuleId, RowPattern, RuleLimits)| {
            *of == rule && row.is_some_and(|(kind, proxy, name)| pattern.matches(kind, proxy, name))
        };
        self.pattern_limits.iter().find(is_own).map_or(self.for_rule(rule), |(_, _, limits)| limits)
    }

    /// Compares a measurement with the thresholds of a rule for a row, and returns the grade.
    pub(crate) fn grade(
        &self,
        rule: RuleId,
        row: Option<(RowKind, &SafeText, &SafeText)>,
        measurement: Measurement,
    ) -> Grade {
        self.for_row(rule, row).grade(measurement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::former_names::FORMER_NAMES;

    fn thresholds(changes: &[&str]) -> Result<Thresholds, ThresholdError> {
        let changes: Result<Vec<ThresholdChange>, _> = changes.iter().map(|text| text.parse()).collect();
        Thresholds::with_changes(changes?)
    }

    fn grade(changes: &[&str], rule: RuleId, value: f64) -> Grade {
        thresholds(changes).unwrap().grade(rule, None, Measurement::Value(value))
    }

    #[test]
    fn parse_reads_one_threshold() {
        let changes = ["response-time.warn=800", "response-time.crit=2000"];
        let grades = [700.0, 900.0, 2500.0].map(|value| grade(&changes, RuleId::ResponseTime, value));
        assert_eq!(grades, [Grade::Fine, Grade::Warn, Grade::Crit]);
        assert_eq!(grade(&["response-time=off"], RuleId::ResponseTime, 1e9), Grade::Fine);
        for bad in ["", "response-time", "response-time.warn=", "response-time.color=1", "response-time.warn=-1"] {
            assert!(matches!(thresholds(&[bad]), Err(ThresholdError::Syntax(_))), "{bad:?}");
        }
        assert_eq!(thresholds(&["nonsense.warn=1"]), Err(ThresholdError::UnknownRule("nonsense".into())));
        assert!(thresholds(&["response-time.crit=1"]).is_err(), "less than the warning threshold");
    }

    #[test]
    fn thresholds_default_to_rule_table() {
        assert_eq!(grade(&[], RuleId::Connections, 0.79), Grade::Fine);
        assert_eq!(grade(&[], RuleId::Connections, 0.8), Grade::Warn);
        assert_eq!(grade(&[], RuleId::Connections, 0.9), Grade::Crit);
        assert_eq!(grade(&[], RuleId::Idle, 0.3), Grade::Fine, "the threshold itself is fine");
        assert_eq!(grade(&[], RuleId::Idle, 0.29), Grade::Warn);
        assert_eq!(grade(&["connections.warn=0.5"], RuleId::Connections, 0.6), Grade::Warn);
        let kept = grade(&["connections.warn=0.5"], RuleId::Connections, 0.9);
        assert_eq!(kept, Grade::Crit, "the critical threshold is kept");
        assert_eq!(grade(&["connections=off"], RuleId::Connections, 1.0), Grade::Fine);
        let short = thresholds(&["queue.for=1", "queue.warn=2"]).unwrap();
        assert_eq!(short.for_rule(RuleId::Queue).crit_for.duration, Duration::from_secs(1));
    }

    #[test]
    fn w24_thresholds_are_checked_after_all_changes() {
        let (warn, crit) = ("response-time.warn=5000", "response-time.crit=9000");
        assert_eq!(thresholds(&[warn, crit]).unwrap(), thresholds(&[crit, warn]).unwrap());
        assert_eq!(grade(&[warn, crit], RuleId::ResponseTime, 2000.0), Grade::Fine);
        let text = |change| thresholds(&[change]).unwrap_err().to_string();
        assert_eq!(
            text(warn),
            "response-time: warn = 5000 is above crit = 1000; set response-time.crit to 5000 or more, \
             or response-time.warn to 1000 or less"
        );
        assert_eq!(
            text("idle.crit=0.4"),
            "idle: warn = 0.3 is below crit = 0.4; set idle.crit to 0.3 or less, or idle.warn to 0.4 or more"
        );
        assert!(thresholds(&[warn, "response-time=off"]).is_ok());
    }

    #[test]
    fn w11_thresholds_apply_to_rows_that_match_pattern() {
        let changes =
            ["queue@be_*.warn=20", "queue@be_*.crit=30", "queue.warn=5", "queue@be_api=off", "queue@be_*/s1.warn=7"];
        let thresholds = thresholds(&changes).unwrap();
        let grade = |kind, proxy: &str, name: &str, value| {
            thresholds.grade(RuleId::Queue, Some((kind, &proxy.into(), &name.into())), Measurement::Value(value))
        };
        assert_eq!(grade(RowKind::Backend, "web", "BACKEND", 6.0), Grade::Warn);
        assert_eq!(grade(RowKind::Backend, "be_web", "BACKEND", 19.0), Grade::Fine);
        assert_eq!(grade(RowKind::Backend, "be_web", "BACKEND", 30.0), Grade::Crit);
        assert_eq!(grade(RowKind::Backend, "be_api", "BACKEND", 999.0), Grade::Fine, "the narrowest pattern wins");
        assert_eq!(grade(RowKind::Server, "be_api", "s1", 8.0), Grade::Warn);
        let error = |change: &str| change.parse::<ThresholdChange>().unwrap_err().to_string();
        assert_eq!(
            error("idle@lb1.warn=1"),
            "idle is a rule of the process, which has no name: remove the pattern after @"
        );
        assert!(error("queue@a b.warn=1").starts_with("\"a b\" is not a pattern for names"));
        assert!(error("queeu@a.warn=1").starts_with("unknown rule \"queeu\"; did you mean queue?; rules: "));
        let order = Thresholds::with_changes(["queue@a.warn=50".parse().unwrap()]).unwrap_err().to_string();
        assert!(order.starts_with("queue@a: warn = 50 is above crit = 10; set queue@a.crit to 50 or more"), "{order}");
    }

    #[test]
    fn new_rejects_invalid_thresholds() {
        let new = |name, warn| ThresholdChange::new(name, RuleOverride { warn, ..RuleOverride::default() });
        assert_eq!(new("nope", None), Err(ThresholdError::UnknownRule("nope".into())));
        assert_eq!(new("idle", Some(f64::NAN)), Err(ThresholdError::InvalidNumber(RuleId::Idle)));
        assert_eq!(new("idle", Some(-1.0)), Err(ThresholdError::InvalidNumber(RuleId::Idle)));
    }

    #[test]
    fn parse_accepts_former_names_of_rules_and_keys() {
        for former in FORMER_NAMES {
            let (old, new) = match former.kind {
                NameKind::Rule => (format!("{}=off", former.former), format!("{}=off", former.current)),
                NameKind::ThresholdKey => (format!("queue.{}=3", former.former), format!("queue.{}=3", former.current)),
                _ => continue,
            };
            let [old, new] = [old, new].map(|text| text.parse::<ThresholdChange>().unwrap());
            assert_eq!((old.rule, old.change), (new.rule, new.change));
            assert_eq!((old.former_names().collect::<Vec<_>>(), new.former_names().count()), (vec![former], 0));
        }
    }

    #[test]
    fn rules_have_unique_ids_and_valid_thresholds() {
        for (index, rule) in RULES.iter().enumerate() {
            assert_eq!((rule.id as usize, RuleId::parse(rule.id.as_str())), (index, Some(rule.id)));
            let text = rule.id.as_str();
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{text}");
            assert!(rule.warn.is_some() || rule.crit.is_some(), "{text}");
            assert!(!rule.formula.contains("_max"), "{text}: a maximum since start must not raise a problem");
            let limits = RuleLimits::from_rule(rule).with_override(rule.id, None, RuleOverride::default());
            assert_eq!(limits, Ok(RuleLimits::from_rule(rule)));
        }
    }
}
