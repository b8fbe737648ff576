//! Several HAProxies as one group of balancers: what each one is doing, its role, and in what they differ.
//!
//! It owns the summaries of all balancers ([`balancers`], [`summary`]), its role and where that is known from ([`role_tracker`]), the
//! rows that several balancers have in common ([`merged`]), their capacity ([`total_capacity`]), which targets are the same process ([`same_process`]), and the differences between
//! balancers ([`drift`]). It owns no samples: everything is computed from [`crate::instance::state::Instance`]s, which it only
//! changes to add the event of a change of role.
//!
//! Facts about the machine of a HAProxy come from a [`host_facts::HostReader`]. [`local_host`] reads this machine; it
//! opens files, so it is called on a thread that may wait. Everything else is pure: time and facts are arguments.

pub(crate) mod address_conflicts;
pub(crate) mod balancers;
pub(crate) mod carp;
pub(crate) mod drift;
#[cfg(test)]
mod drift_tests;
mod drift_value;
pub mod host_facts;
pub(crate) mod keepalived;
pub(crate) mod local_host;
pub(crate) mod merged;
pub(crate) mod merged_causes;
pub(crate) mod merged_events;
mod merged_numbers;
pub(crate) mod merged_sample;
#[cfg(test)]
mod merged_tests;
pub(crate) mod other_addresses;
pub(crate) mod role;
pub(crate) mod role_tracker;
mod row_groups;
pub(crate) mod same_process;
pub(crate) mod summary;
pub(crate) mod total_capacity;
pub(crate) mod traffic_log;
