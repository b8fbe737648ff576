//! Options of `hapulse drain`, `maint` and `ready`.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::haproxy::write_command::TargetState;
use crate::headless::server::server_name::ServerName;

/// Policy that decides which actions need a confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum PromptPolicy {
    /// Every action needs a confirmation.
    Always,
    /// Only actions of the highest danger level need a confirmation. They are refused, because `--yes` forbids
    /// questions.
    HighestDanger,
    /// No action needs a confirmation (`--yes --force`).
    Never,
}

/// Options of the command.
#[derive(Debug, Clone)]
pub(crate) struct ServerCommandOptions {
    /// Administrative state to set.
    pub(crate) admin: TargetState,
    /// Servers to change, in this order.
    pub(crate) servers: Vec<ServerName>,
    /// Maximum time to wait until the servers are drained or usable; `None` if the command does not wait.
    pub(crate) wait: Option<Duration>,
    /// Set maintenance after the servers are drained.
    pub(crate) then_maint: bool,
    /// Actions that need a confirmation.
    pub(crate) prompt_policy: PromptPolicy,
    /// Reason to record in the audit log.
    pub(crate) reason: Option<String>,
    /// The configuration requires a reason (`audit.ask_reason`).
    pub(crate) is_reason_required: bool,
    /// Arguments that select the same HAProxies in another command line: empty, or with a leading blank.
    pub(crate) target_arguments: String,
    /// Time zone for printed times.
    pub(crate) zone: TimeZone,
}
