//! From which value on a rule matters: the table's own, and what the configuration says instead.

use std::time::Duration;

use thiserror::Error;

use crate::problems::measurement::{Level, Reading};
use crate::problems::rule::{Rule, Sustain, Worse};
use crate::problems::rule_table::RULES;

/// Why a threshold cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadThreshold {
    /// No rule has that name.
    #[error("there is no rule {0:?}")]
    NoSuchRule(String),
    /// Not one of the forms.
    #[error("{0:?} is not RULE.warn=N, RULE.crit=N, RULE.hold=SECONDS or RULE=off; docs/problems.md lists the rules")]
    BadText(String),
    /// Not a number, infinite or below zero.
    #[error("{0}: a threshold is a number from 0 on")]
    NoNumber(&'static str),
    /// What is critical would not be worth a warning.
    #[error("{0}: the critical threshold lies on the good side of the warning")]
    Order(&'static str),
}

/// What is to be other than in the table.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Override {
    /// Another warning threshold.
    pub warn: Option<f64>,
    /// Another critical threshold.
    pub crit: Option<f64>,
    /// Another time to hold; the critical one is never longer.
    pub sustain: Option<Duration>,
    /// Never say it.
    pub is_off: bool,
}

/// The limits in force for one rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Which side is the bad one.
    worse: Worse,
    /// From where it is worth a look.
    pub warn: Option<f64>,
    /// From where it is critical.
    pub crit: Option<f64>,
    /// How long it must be worth a look.
    pub sustain: Sustain,
    /// How long it must be critical.
    pub crit_sustain: Sustain,
}

impl Limits {
    fn of(rule: &Rule) -> Self {
        let Rule { worse, warn, crit, sustain, crit_sustain, .. } = *rule;
        Self { worse, warn, crit, sustain, crit_sustain }
    }

    /// What a reading amounts to.
    pub fn level(&self, reading: Reading) -> Level {
        let value = match reading {
            Reading::Unknown => return Level::Unknown,
            Reading::Fine => return Level::Fine,
            Reading::Value(value) => value,
        };
        let is_beyond = |limit: Option<f64>| {
            limit.is_some_and(|limit| match self.worse {
                Worse::High => value >= limit,
                Worse::Low => value < limit,
            })
        };
        match (is_beyond(self.crit), is_beyond(self.warn)) {
            (true, _) => Level::Crit,
            (false, true) => Level::Warn,
            (false, false) => Level::Fine,
        }
    }
}

/// The limits of every rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// One for each of [`RULES`].
    limits: Vec<Limits>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { limits: RULES.iter().map(Limits::of).collect() }
    }
}

impl Thresholds {
    /// Changes one rule's limits.
    ///
    /// # Errors
    /// When there is no such rule, or the thresholds make no sense; then nothing is changed.
    pub fn set(&mut self, id: &str, change: Override) -> Result<(), BadThreshold> {
        let place = RULES.iter().position(|rule| rule.id == id);
        let place = place.ok_or_else(|| BadThreshold::NoSuchRule(id.to_owned()))?;
        let rule = &RULES[place];
        if [change.warn, change.crit].iter().flatten().any(|limit| !limit.is_finite() || *limit < 0.0) {
            return Err(BadThreshold::NoNumber(rule.id));
        }
        let mut limits = Limits::of(rule);
        limits.warn = change.warn.or(limits.warn);
        limits.crit = change.crit.or(limits.crit);
        if let (Some(warn), Some(crit)) = (limits.warn, limits.crit)
            && (if rule.worse == Worse::High { crit < warn } else { crit > warn })
        {
            return Err(BadThreshold::Order(rule.id));
        }
        if let Some(time) = change.sustain {
            limits.sustain.time = time;
            limits.crit_sustain.time = limits.crit_sustain.time.min(time);
        }
        if change.is_off {
            (limits.warn, limits.crit) = (None, None);
        }
        self.limits[place] = limits;
        Ok(())
    }

    /// Changes one rule's limits by a text: `rule.warn=N`, `rule.crit=N`, `rule.hold=SECONDS` or `rule=off`.
    ///
    /// # Errors
    /// What is wrong with it; then nothing is changed.
    pub fn set_by_text(&mut self, text: &str) -> Result<(), BadThreshold> {
        let bad = || BadThreshold::BadText(text.to_owned());
        let (name, value) = text.split_once('=').ok_or_else(bad)?;
        if value == "off" {
            return self.set(name, Override { is_off: true, ..Override::default() });
        }
        let (id, what) = name.rsplit_once('.').ok_or_else(bad)?;
        let number = value.parse::<f64>().ok().filter(|number| (0.0..1e15).contains(number)).ok_or_else(bad)?;
        // What was set before stays.
        let place = RULES.iter().position(|rule| rule.id == id);
        let known = place.map(|place| self.limits[place]).ok_or_else(|| BadThreshold::NoSuchRule(id.to_owned()))?;
        let mut change = Override { warn: known.warn, crit: known.crit, ..Override::default() };
        match what {
            "warn" => change.warn = Some(number),
            "crit" => change.crit = Some(number),
            "hold" => change.sustain = Some(Duration::from_secs_f64(number)),
            _ => return Err(bad()),
        }
        self.set(id, change)
    }

    /// The limits of a rule by its place in [`RULES`].
    pub fn limits(&self, place: usize) -> &Limits {
        &self.limits[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_set_one_limit_and_keep_the_others() {
        let mut thresholds = Thresholds::default();
        thresholds.set_by_text("response-time.warn=800").unwrap();
        thresholds.set_by_text("response-time.crit=2000").unwrap();
        let levels = [700.0, 900.0, 2500.0].map(|value| level(&thresholds, "response-time", value));
        assert_eq!(levels, [Level::Fine, Level::Warn, Level::Crit]);
        thresholds.set_by_text("response-time=off").unwrap();
        assert_eq!(level(&thresholds, "response-time", 1e9), Level::Fine);
        for bad in ["", "response-time", "response-time.warn=", "response-time.colour=1", "response-time.warn=-1"] {
            assert!(matches!(thresholds.set_by_text(bad), Err(BadThreshold::BadText(_))), "{bad:?}");
        }
        assert_eq!(thresholds.set_by_text("nonsense.warn=1"), Err(BadThreshold::NoSuchRule("nonsense".into())));
        let mut thresholds = Thresholds::default();
        assert!(thresholds.set_by_text("response-time.crit=1").is_err(), "below the warning");
    }

    fn level(thresholds: &Thresholds, id: &str, value: f64) -> Level {
        let place = RULES.iter().position(|rule| rule.id == id).unwrap();
        thresholds.limits(place).level(Reading::Value(value))
    }

    #[test]
    fn thresholds_are_those_of_the_table_until_changed() {
        let mut thresholds = Thresholds::default();
        assert_eq!(level(&thresholds, "connections", 0.79), Level::Fine);
        assert_eq!(level(&thresholds, "connections", 0.8), Level::Warn);
        assert_eq!(level(&thresholds, "connections", 0.9), Level::Crit);
        assert_eq!(level(&thresholds, "idle", 0.3), Level::Fine, "below, not at");
        assert_eq!(level(&thresholds, "idle", 0.29), Level::Warn);
        thresholds.set("connections", Override { warn: Some(0.5), ..Override::default() }).unwrap();
        assert_eq!(level(&thresholds, "connections", 0.6), Level::Warn);
        assert_eq!(level(&thresholds, "connections", 0.9), Level::Crit, "the other one stays");
        thresholds.set("connections", Override { is_off: true, ..Override::default() }).unwrap();
        assert_eq!(level(&thresholds, "connections", 1.0), Level::Fine);
        let place = RULES.iter().position(|rule| rule.id == "queue").unwrap();
        thresholds.set("queue", Override { sustain: Some(Duration::from_secs(1)), ..Override::default() }).unwrap();
        assert_eq!(thresholds.limits(place).crit_sustain.time, Duration::from_secs(1));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut thresholds = Thresholds::default();
        let of = |warn, crit| Override { warn, crit, ..Override::default() };
        assert_eq!(thresholds.set("nope", of(None, None)), Err(BadThreshold::NoSuchRule("nope".into())));
        assert_eq!(thresholds.set("idle", of(Some(f64::NAN), None)), Err(BadThreshold::NoNumber("idle")));
        assert_eq!(thresholds.set("idle", of(None, Some(0.4))), Err(BadThreshold::Order("idle")));
        assert_eq!(thresholds.set("queue", of(Some(50.0), None)), Err(BadThreshold::Order("queue")));
        assert_eq!(thresholds, Thresholds::default());
    }

    #[test]
    fn ids_are_unique_words_and_thresholds_in_order() {
        for (index, rule) in RULES.iter().enumerate() {
            assert!(RULES[..index].iter().all(|other| other.id != rule.id), "{}", rule.id);
            assert!(rule.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{}", rule.id);
            assert!(rule.warn.is_some() || rule.crit.is_some(), "{}", rule.id);
            assert!(!rule.formula.contains("_max"), "{}: a highest value is no alarm", rule.id);
            assert_eq!(Thresholds::default().set(rule.id, Override::default()), Ok(()));
        }
    }
}
