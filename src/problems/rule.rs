//! What a rule is made of. The rules themselves are in [`crate::problems::rule_table`].

use std::time::Duration;

use crate::problems::measurement::Reading;
use crate::problems::rule_input::View;

/// What a rule is put to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The process: `show info`.
    Process,
    /// Each frontend.
    Frontend,
    /// Each backend, with its servers at hand.
    Backend,
    /// Each server of a backend.
    Server,
}

/// On which side of the threshold the trouble lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worse {
    /// From the threshold upwards, itself included.
    High,
    /// Below the threshold, itself excluded.
    Low,
}

/// What one of a rule's values is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// A share; 1 is all of it.
    Share,
    /// Milliseconds.
    Millis,
    /// A number of things.
    Count,
    /// Things a second.
    PerSecond,
    /// Times as much as something else.
    Times,
}

/// How long something must hold without a break before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sustain {
    /// From the first sample that shows it to the one that makes it count.
    pub time: Duration,
    /// Samples in a row that must show it.
    pub samples: u32,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name in configuration, documents and scripts.
    pub id: &'static str,
    /// What it is put to.
    pub scope: Scope,
    /// What its values are.
    pub scale: Scale,
    /// Which side is the bad one.
    pub worse: Worse,
    /// From where it is worth a look; absent when it is critical or nothing.
    pub warn: Option<f64>,
    /// From where it is critical; absent when it never is.
    pub crit: Option<f64>,
    /// How long it must be worth a look before it counts.
    pub sustain: Sustain,
    /// How long it must be critical before it counts as such.
    pub crit_sustain: Sustain,
    /// Measures it.
    pub read: fn(&View<'_>) -> Reading,
    /// Says it in words, without the row's name.
    pub say: fn(&View<'_>, f64) -> String,
    /// The formula, in HAProxy's names.
    pub formula: &'static str,
    /// Where formula and thresholds come from.
    pub source: &'static str,
    /// What it means to an operator.
    pub help: &'static str,
}
