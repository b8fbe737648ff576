//! Problems, which are found by applying rules to each sample, and causes, which group them: one for each thing that is
//! wrong.
//!
//! This module owns the rules and their thresholds, the open problems of an instance with their hold times, the causes,
//! and the logs of earlier problems and causes. It does not own samples, rates or the history, reads nothing from
//! HAProxy, and draws nothing.
//!
//! For each sample, [`tracker::ProblemTracker::evaluate`] applies every rule of [`rule_table::RULES`] to the rows in
//! the rule's scope. A rule measures a value of its [`rule_input::RuleInput`]; [`thresholds::RuleLimits`] grade it, and
//! [`hysteresis::Hysteresis`] decides whether a problem opens, changes or closes. The resulting
//! [`problem_changes::ProblemChanges`] are recorded in the [`problem_log`], from which the problems of an earlier sample
//! are restored.
//! [`forecast::Forecasts`] estimates when the limits of [`limit_table::LIMITS`] are reached, and [`server_loss`] whether
//! a backend could lose its busiest server.
//!
//! [`cause_finder::CauseFinder`] groups the open problems of a sample by the rows of [`cause_table::CAUSES`];
//! [`cause_tracker::CauseTracker`] follows the causes over the samples ([`tracked_cause`]). Their [`cause::CauseEvent`]s become events
//! ([`transitions`]) and are recorded in the [`cause_log`].

pub(crate) mod attempts;
pub(crate) mod backend_rules;
pub(crate) mod backend_stats;
pub mod cause;
pub(crate) mod cause_conditions;
#[cfg(test)]
pub(crate) mod cause_detail_tests;
#[cfg(test)]
pub(crate) mod cause_evidence_tests;
pub(crate) mod cause_finder;
pub(crate) mod cause_impact;
pub(crate) mod cause_input;
pub(crate) mod cause_log;
pub(crate) mod cause_merger;
pub(crate) mod cause_nature;
#[cfg(test)]
pub(crate) mod cause_nature_tests;
pub(crate) mod cause_sentences;
#[cfg(test)]
pub(crate) mod cause_stability_tests;
pub mod cause_table;
#[cfg(test)]
pub(crate) mod cause_tests;
pub(crate) mod cause_tracker;
pub(crate) mod check_history;
pub(crate) mod check_starts;
pub(crate) mod continued_causes;
pub(crate) mod evaluation;
pub(crate) mod figures;
pub(crate) mod flap;
pub mod forecast;
#[cfg(test)]
pub(crate) mod forecast_tests;
pub(crate) mod found_cause;
pub(crate) mod frontend_rules;
pub(crate) mod hysteresis;
pub(crate) mod known_causes;
pub(crate) mod limit_table;
pub(crate) mod listener_rules;
pub(crate) mod measurement;
pub(crate) mod merged_problems;
pub(crate) mod not_evaluated;
pub(crate) mod open_problems;
pub(crate) mod outlier_rules;
pub(crate) mod problem;
pub(crate) mod problem_changes;
pub(crate) mod problem_log;
pub(crate) mod process_rules;
#[cfg(test)]
pub(crate) mod proptests;
#[cfg(test)]
pub(crate) mod quiet_tests;
pub mod row_pattern;
pub(crate) mod rule;
pub(crate) mod rule_input;
pub(crate) mod rule_rows;
pub(crate) mod rule_table;
#[cfg(test)]
pub(crate) mod rule_tests;
#[cfg(test)]
pub(crate) mod scenario_tests;
pub(crate) mod server_loss;
pub(crate) mod server_rules;
#[cfg(test)]
pub(crate) mod shared_fault_tests;
pub(crate) mod shared_faults;
pub mod silences;
pub(crate) mod slowness;
pub(crate) mod successes;
#[cfg(test)]
pub(crate) mod test_site;
pub mod thresholds;
pub(crate) mod tracked_cause;
pub mod tracker;
pub(crate) mod transitions;
#[cfg(test)]
pub(crate) mod unanswered_tests;
#[cfg(test)]
pub(crate) mod wording_tests;
