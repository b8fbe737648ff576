//! TODO room head.

pub mod backend_rules;
pub mod backend_stats;
pub mod check_history;
pub mod frontend_rules;
pub mod hysteresis;
pub mod measurement;
pub mod outlier_rules;
pub mod phrases;
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
