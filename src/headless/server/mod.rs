//! `hapulse drain`, `hapulse maint` and `hapulse ready`: server actions for deploy scripts.
//!
//! Owns the run of one command on one or several HAProxies: it finds the servers, reports their initial state, asks for
//! confirmation, waits until the servers are drained or usable, and on failure reports the final states and the
//! commands that restore the initial ones.
//! Does not own the rules for allowed actions (`instance::guard`), sending and verification (`instance::operator`),
//! or the parsing of arguments (`cli::server_commands`).
//!
//! Data flow: [`run::run`] drives a [`server_run::ServerCommand`]. Each
//! [`command_balancer::CommandBalancer`] has a [`controller::Controller`] that polls, each
//! action passes the guard and the operator, and [`progress`] compares the samples with the goal. All output goes
//! through [`command_output::Console`]; the result is an exit code.

pub(crate) mod balancer_wait;
pub(crate) mod command_balancer;
pub(crate) mod command_options;
pub(crate) mod command_output;
pub(crate) mod confirm;
pub(crate) mod confirmation_prompt;
pub(crate) mod controller;
pub(crate) mod initial_state;
pub(crate) mod progress;
pub(crate) mod run;
pub(crate) mod server_name;
pub(crate) mod server_run;
pub(crate) mod terminal_question;
pub(crate) mod wait;
