//! Problems: rules that hold for rows, and verdicts that name their most likely cause.
//!
//! This module owns the rules and their thresholds, the open problems of an instance with their hold times, the log of
//! earlier problems, and the verdicts. It does not own samples, rates or the history, reads nothing from HAProxy, and
//! does not draw anything.
//!
//! For each sample, [`tracker::ProblemTracker::evaluate`] applies every rule of [`rule_table::RULES`] to the rows of
//! its scope. A rule measures a [`rule_input::RuleInput`]; [`thresholds::RuleLimits`] grade the measurement, and
//! [`hysteresis::Hysteresis`] decides whether a problem opens, changes or closes. The resulting
//! [`problem::ProblemChanges`] become events ([`transitions`]) and are recorded in the [`problem_log`], from which the
//! problems of a past moment are restored. [`verdict`] summarizes the open problems of each backend in one line.

pub mod backend_rules;
pub mod backend_stats;
pub mod check_history;
pub mod figures;
pub mod frontend_rules;
pub mod hysteresis;
pub mod measurement;
pub mod outlier_rules;
pub mod problem;
pub mod problem_log;
pub mod process_rules;
#[cfg(test)]
pub mod proptests;
pub mod rule;
pub mod rule_input;
pub mod rule_table;
#[cfg(test)]
pub mod rule_tests;
#[cfg(test)]
pub mod scenario_tests;
pub mod server_rules;
#[cfg(test)]
pub mod test_site;
pub mod thresholds;
pub mod tracker;
pub mod transitions;
pub mod verdict;
