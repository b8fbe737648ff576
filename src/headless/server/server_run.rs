//! State of one run of `hapulse drain`, `maint` or `ready`: the options, the servers, and the report that is printed
//! when the run fails or is stopped. [`crate::headless::server::confirm`] adds the confirmation,
//! [`crate::headless::server::wait`] the waiting.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::actions::action_table::for_admin_state;
use crate::actions::impact;
use crate::actions::intent::{ActionTarget, Intent, IntentStep};
use crate::actions::readback::Readback;
use crate::haproxy::fields::Field;
use crate::haproxy::status::RowState;
use crate::haproxy::write_command::{TargetState, WriteCommand};
use crate::headless::exit_code::CommandExit;
use crate::headless::server::command_output::Console;
use crate::headless::server::controller::Controller;
use crate::headless::server::progress::WaitGoal;
use crate::headless::server::server_name::ServerName;
use crate::headless::signals::Signals;
use crate::observe::instance_id::InstanceId;
use crate::observe::row_ids::RowId;
use crate::term::ending_signals;
use crate::units::pluralize;

/// Time limit for the last poll before the command ends.
pub(crate) const FINAL_POLL_TIMEOUT: Duration = Duration::from_secs(3);

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
    /// Arguments that select the same HAProxy in another command line: empty, or with a leading blank.
    pub(crate) target_arguments: String,
    /// Time zone for printed times.
    pub(crate) zone: TimeZone,
}

/// A server that the command changes.
#[derive(Debug, Clone)]
pub(crate) struct TargetServer {
    /// Row of the server.
    pub(crate) id: RowId,
    /// Name of the server, and its status when it was last read before the action.
    pub(crate) target: ActionTarget,
    /// Administrative state before the action; `None` if it could not be read.
    pub(crate) before: Option<Readback>,
    /// Administrative state that the server must keep while the command waits.
    pub(crate) expected: TargetState,
    /// Goal to wait for.
    pub(crate) goal: WaitGoal,
    /// The server had the expected state before the command ran.
    pub(crate) is_already_set: bool,
    /// A command was sent to this server.
    pub(crate) is_sent: bool,
    /// Consecutive samples in which the goal was reached.
    pub(crate) reached_samples: usize,
    /// The command has reported that the server reached the goal.
    pub(crate) is_reported: bool,
}

impl TargetServer {
    /// Returns the name as `backend/server`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.target.proxy, self.target.name)
    }

    /// Returns the action step that sets the expected state.
    pub(crate) fn step(&self) -> IntentStep {
        IntentStep {
            action: for_admin_state(self.expected),
            command: WriteCommand::State(self.expected),
            target: self.target.clone(),
        }
    }
}

/// One run of `hapulse drain`, `maint` or `ready`.
pub(crate) struct ServerCommand<'a> {
    /// Options from the command line.
    pub(crate) options: ServerCommandOptions,
    /// Connection to the HAProxy.
    pub(crate) controller: Controller,
    /// Signals that stop the command.
    pub(crate) signals: Signals,
    /// Output of the command.
    pub(crate) console: &'a mut Console,
    /// Servers found in the first sample.
    pub(crate) servers: Vec<TargetServer>,
    /// Epoch in which the initial states were read.
    pub(crate) epoch: u32,
    /// Number of the last epoch whose start was reported as a reload.
    pub(crate) reported_epoch: u32,
    /// Report the server states if the command is stopped.
    pub(crate) must_report_states: bool,
}

impl ServerCommand<'_> {
    /// Builds the intent to set `admin` on the servers that `is_wanted` selects. Returns `None` if no server is selected.
    pub(crate) fn build_intent(&self, admin: TargetState, is_wanted: impl Fn(&TargetServer) -> bool) -> Option<Intent> {
        let wanted = self.servers.iter().filter(|server| is_wanted(server));
        let targets: Vec<ActionTarget> = wanted.map(|server| server.target.clone()).collect();
        let intent = Intent::new(for_admin_state(admin), WriteCommand::State(admin), InstanceId::FIRST, targets);
        let shown_impact =
            self.controller.poller.instance.latest().map(|sample| impact::evaluate_shown(sample, &intent));
        (!intent.steps.is_empty()).then(|| Intent { reason: self.options.reason.clone(), shown_impact, ..intent })
    }

    /// Reports that a signal stopped the command and, if `must_report_states` is set, the server states.
    pub(crate) async fn stop_on_signal(&mut self, number: i32) -> CommandExit {
        let is_sent = self.servers.iter().any(|server| server.is_sent);
        let nothing = if is_sent { "" } else { ": nothing was sent" };
        self.console.print_error(&format!("stopped by {}{nothing}", ending_signals::name(number)));
        if self.must_report_states {
            self.report_states().await;
        }
        CommandExit::Signal(number)
    }

    /// Reports the state of each server and the commands that restore the initial states. Returns whether HAProxy
    /// answered the last poll.
    pub(crate) async fn report_states(&mut self) -> bool {
        let is_fresh = self.controller.poll_within(FINAL_POLL_TIMEOUT).await;
        if !is_fresh {
            self.console.print_detail("  HAProxy does not answer; last known states:");
        }
        for server in &self.servers {
            self.console.print_detail(&format!("  {}", self.describe_state(server)));
        }
        for line in self.restore_commands() {
            self.console.print_detail(&format!("  {line}"));
        }
        is_fresh
    }

    /// Describes the latest known state of a server.
    pub(crate) fn describe_state(&self, server: &TargetServer) -> String {
        let instance = &self.controller.poller.instance;
        let name = server.name();
        let Some(sample) = instance.latest().filter(|sample| sample.row(server.id).is_some()) else {
            return format!("{name} no longer exists in HAProxy");
        };
        let status = instance.last_status(server.id).unwrap_or_default();
        let is_away = RowState::parse(status.as_str()).is_maint_or_drain();
        let sessions = sample.number(server.id, Field::Scur).map(|sessions| pluralize(sessions, "session"));
        let sessions = sessions.map_or(String::new(), |sessions| format!(", {sessions}"));
        let why = instance.draining().progress(server.id).and_then(|left| left.stall_reason).filter(|_| is_away);
        let why = why.map_or(String::new(), |why| format!(", {why}"));
        let untouched = if server.is_sent || server.is_already_set { "" } else { "; nothing was sent to it" };
        format!("{name} is {}{status}{sessions}{why}{untouched}", if is_away { "in " } else { "" })
    }

    /// Returns the command lines that restore the initial states.
    fn restore_commands(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for admin in [TargetState::Ready, TargetState::Drain, TargetState::Maint] {
            let names: Vec<String> = self
                .servers
                .iter()
                .filter(|server| self.restore_state(server) == Some(admin))
                .map(TargetServer::name)
                .collect();
            if !names.is_empty() {
                let them = if names.len() == 1 { "it" } else { "them" };
                let (word, target) = (admin.as_str(), &self.options.target_arguments);
                lines.push(format!("to restore {them}: hapulse {word}{target} {}", names.join(" ")));
            }
        }
        lines
    }

    /// Returns the state to set on a server to undo the command, or `None` if there is nothing to undo.
    fn restore_state(&self, server: &TargetServer) -> Option<TargetState> {
        let before = server.before.as_ref().and_then(|before| before.server_state.as_ref()).map(|state| state.admin);
        let status = self.controller.poller.instance.last_status(server.id)?;
        match self.options.admin {
            TargetState::Drain | TargetState::Maint => {
                let is_ours = server.is_sent || server.is_already_set;
                (is_ours && !RowState::parse(status.as_str()).is_usable()).then_some(TargetState::Ready)
            }
            TargetState::Ready => match before {
                Some(before) if before.is_maint() && server.is_sent => Some(TargetState::Maint),
                Some(before) if before.is_drain() && server.is_sent => Some(TargetState::Drain),
                _ => None,
            },
        }
    }
}
