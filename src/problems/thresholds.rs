//! Thresholds of the rules: the defaults of the rule table, and the changes from the configuration.

use std::time::Duration;

use thiserror::Error;

use crate::problems::measurement::{Grade, Measurement};
use crate::problems::rule::{Direction, HoldTime, Rule};
use crate::problems::rule_table::RULES;

/// An invalid change of a threshold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ThresholdError {
    /// No rule has this name.
    #[error("unknown rule {0:?}")]
    UnknownRule(String),
    /// The text does not have one of the accepted forms.
    #[error("{0:?} is not RULE.warn=N, RULE.crit=N, RULE.hold=SECONDS or RULE=off; docs/problems.md lists the rules")]
    Syntax(String),
    /// The threshold is not a number, infinite or negative.
    #[error("{0}: a threshold must be a number of 0 or more")]
    InvalidNumber(&'static str),
    /// A value past the critical threshold would not be past the warning threshold.
    #[error("{0}: the critical threshold must not be reached before the warning threshold")]
    WrongOrder(&'static str),
}

/// Changes to the thresholds of one rule.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RuleOverride {
    /// New warning threshold.
    pub warn: Option<f64>,
    /// New critical threshold.
    pub crit: Option<f64>,
    /// New hold time of a warning; that of a critical problem is shortened to it if it is longer.
    pub hold_time: Option<Duration>,
    /// Disables the rule.
    pub is_off: bool,
}

/// The thresholds and hold times in effect for one rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RuleLimits {
    /// Side of the thresholds that is a problem.
    direction: Direction,
    /// Warning threshold; absent if the rule never warns.
    pub warn: Option<f64>,
    /// Critical threshold; absent if the rule is never critical.
    pub crit: Option<f64>,
    /// Hold time of a warning.
    pub warn_for: HoldTime,
    /// Hold time of a critical problem.
    pub crit_for: HoldTime,
}

impl RuleLimits {
    fn from_rule(rule: &Rule) -> Self {
        let Rule { direction, warn, crit, warn_for, crit_for, .. } = *rule;
        Self { direction, warn, crit, warn_for, crit_for }
    }

    /// Compares a measurement with the thresholds.
    pub fn grade(&self, measurement: Measurement) -> Grade {
        let value = match measurement {
            Measurement::Unknown => return Grade::Unknown,
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

/// The thresholds of every rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// One entry for each of [`RULES`], in the same order.
    limits: Vec<RuleLimits>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { limits: RULES.iter().map(RuleLimits::from_rule).collect() }
    }
}

impl Thresholds {
    /// Changes the thresholds of one rule, starting from its defaults.
    ///
    /// # Errors
    /// Returns an error, and changes nothing, if there is no such rule or the thresholds are invalid.
    pub fn set(&mut self, id: &str, change: RuleOverride) -> Result<(), ThresholdError> {
        let index = RULES.iter().position(|rule| rule.id == id);
        let index = index.ok_or_else(|| ThresholdError::UnknownRule(id.to_owned()))?;
        let rule = &RULES[index];
        if [change.warn, change.crit].iter().flatten().any(|limit| !limit.is_finite() || *limit < 0.0) {
            return Err(ThresholdError::InvalidNumber(rule.id));
        }
        let mut limits = RuleLimits::from_rule(rule);
        limits.warn = change.warn.or(limits.warn);
        limits.crit = change.crit.or(limits.crit);
        if let (Some(warn), Some(crit)) = (limits.warn, limits.crit)
            && (if rule.direction == Direction::AtLeast { crit < warn } else { crit > warn })
        {
            return Err(ThresholdError::WrongOrder(rule.id));
        }
        if let Some(time) = change.hold_time {
            limits.warn_for.duration = time;
            limits.crit_for.duration = limits.crit_for.duration.min(time);
        }
        if change.is_off {
            (limits.warn, limits.crit) = (None, None);
        }
        self.limits[index] = limits;
        Ok(())
    }

    /// Changes the thresholds of one rule by a text: `rule.warn=N`, `rule.crit=N`, `rule.hold=SECONDS` or `rule=off`.
    ///
    /// # Errors
    /// Returns an error, and changes nothing, if the text is malformed, the rule unknown or a threshold invalid.
    pub fn set_from_text(&mut self, text: &str) -> Result<(), ThresholdError> {
        let bad = || ThresholdError::Syntax(text.to_owned());
        let (name, value) = text.split_once('=').ok_or_else(bad)?;
        if value == "off" {
            return self.set(name, RuleOverride { is_off: true, ..RuleOverride::default() });
        }
        let (id, property) = name.rsplit_once('.').ok_or_else(bad)?;
        let number = value.parse::<f64>().ok().filter(|number| (0.0..1e15).contains(number)).ok_or_else(bad)?;
        // Earlier changes of the thresholds are kept.
        let index = RULES.iter().position(|rule| rule.id == id);
        let known = index.map(|index| self.limits[index]).ok_or_else(|| ThresholdError::UnknownRule(id.to_owned()))?;
        let mut change = RuleOverride { warn: known.warn, crit: known.crit, ..RuleOverride::default() };
        match property {
            "warn" => change.warn = Some(number),
            "crit" => change.crit = Some(number),
            "hold" => change.hold_time = Some(Duration::from_secs_f64(number)),
            _ => return Err(bad()),
        }
        self.set(id, change)
    }

    /// The limits of a rule by its index in [`RULES`].
    pub fn for_rule(&self, index: usize) -> &RuleLimits {
        &self.limits[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_from_text_changes_one_threshold() {
        let mut thresholds = Thresholds::default();
        thresholds.set_from_text("response-time.warn=800").unwrap();
        thresholds.set_from_text("response-time.crit=2000").unwrap();
        let grades = [700.0, 900.0, 2500.0].map(|value| grade(&thresholds, "response-time", value));
        assert_eq!(grades, [Grade::Fine, Grade::Warn, Grade::Crit]);
        thresholds.set_from_text("response-time=off").unwrap();
        assert_eq!(grade(&thresholds, "response-time", 1e9), Grade::Fine);
        for bad in ["", "response-time", "response-time.warn=", "response-time.colour=1", "response-time.warn=-1"] {
            assert!(matches!(thresholds.set_from_text(bad), Err(ThresholdError::Syntax(_))), "{bad:?}");
        }
        assert_eq!(thresholds.set_from_text("nonsense.warn=1"), Err(ThresholdError::UnknownRule("nonsense".into())));
        let mut thresholds = Thresholds::default();
        assert!(thresholds.set_from_text("response-time.crit=1").is_err(), "less than the warning threshold");
    }

    fn grade(thresholds: &Thresholds, id: &str, value: f64) -> Grade {
        let index = RULES.iter().position(|rule| rule.id == id).unwrap();
        thresholds.for_rule(index).grade(Measurement::Value(value))
    }

    #[test]
    fn thresholds_default_to_rule_table() {
        let mut thresholds = Thresholds::default();
        assert_eq!(grade(&thresholds, "connections", 0.79), Grade::Fine);
        assert_eq!(grade(&thresholds, "connections", 0.8), Grade::Warn);
        assert_eq!(grade(&thresholds, "connections", 0.9), Grade::Crit);
        assert_eq!(grade(&thresholds, "idle", 0.3), Grade::Fine, "the threshold itself is fine");
        assert_eq!(grade(&thresholds, "idle", 0.29), Grade::Warn);
        thresholds.set("connections", RuleOverride { warn: Some(0.5), ..RuleOverride::default() }).unwrap();
        assert_eq!(grade(&thresholds, "connections", 0.6), Grade::Warn);
        assert_eq!(grade(&thresholds, "connections", 0.9), Grade::Crit, "the critical threshold is kept");
        thresholds.set("connections", RuleOverride { is_off: true, ..RuleOverride::default() }).unwrap();
        assert_eq!(grade(&thresholds, "connections", 1.0), Grade::Fine);
        let index = RULES.iter().position(|rule| rule.id == "queue").unwrap();
        thresholds
            .set("queue", RuleOverride { hold_time: Some(Duration::from_secs(1)), ..RuleOverride::default() })
            .unwrap();
        assert_eq!(thresholds.for_rule(index).crit_for.duration, Duration::from_secs(1));
    }

    #[test]
    fn set_rejects_invalid_thresholds() {
        let mut thresholds = Thresholds::default();
        let change = |warn, crit| RuleOverride { warn, crit, ..RuleOverride::default() };
        assert_eq!(thresholds.set("nope", change(None, None)), Err(ThresholdError::UnknownRule("nope".into())));
        assert_eq!(thresholds.set("idle", change(Some(f64::NAN), None)), Err(ThresholdError::InvalidNumber("idle")));
        assert_eq!(thresholds.set("idle", change(None, Some(0.4))), Err(ThresholdError::WrongOrder("idle")));
        assert_eq!(thresholds.set("queue", change(Some(50.0), None)), Err(ThresholdError::WrongOrder("queue")));
        assert_eq!(thresholds, Thresholds::default());
    }

    #[test]
    fn rules_have_unique_ids_and_valid_thresholds() {
        for (index, rule) in RULES.iter().enumerate() {
            assert!(RULES[..index].iter().all(|other| other.id != rule.id), "{}", rule.id);
            assert!(rule.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{}", rule.id);
            assert!(rule.warn.is_some() || rule.crit.is_some(), "{}", rule.id);
            assert!(!rule.formula.contains("_max"), "{}: a maximum since start must not raise a problem", rule.id);
            assert_eq!(Thresholds::default().set(rule.id, RuleOverride::default()), Ok(()));
        }
    }
}
