//! One HAProxy of a run of `hapulse drain`, `maint` or `ready`: its servers, their initial states, and how far the run got
//! with it.

use std::fmt;

use crate::actions::action_table::for_admin_state;
use crate::actions::capacity::Capacity;
use crate::actions::impact;
use crate::actions::intent::{ActionTarget, Intent, IntentStep};
use crate::actions::readback::Readback;
use crate::actions::target_identity::TargetIdentity;
use crate::actions::verification;
use crate::haproxy::fields::Field;
use crate::haproxy::status::RowState;
use crate::haproxy::write_command::{TargetState, WriteCommand};
use crate::headless::server::command_options::ServerCommandOptions;
use crate::headless::server::controller::Controller;
use crate::headless::server::initial_state;
use crate::headless::server::progress::WaitGoal;
use crate::instance::guard::{self, Authorised, ConfirmationAnswer, name_to_type};
use crate::instance::refusal::Refusal;
use crate::instance::state::Instance;
use crate::observe::instance_id::InstanceId;
use crate::observe::row_ids::RowId;
use crate::units::pluralize;

/// A server that the command changes.
#[derive(Debug, Clone)]
pub(crate) struct TargetServer {
    /// Row of the server.
    pub(crate) id: RowId,
    /// Name of the server, and its status when it was last read before the action.
    pub(crate) target: ActionTarget,
    /// Administrative state before the action; `None` if it could not be read.
    pub(crate) before: Option<Readback>,
    /// Capacity of its backend when the server was last read; `None` if unknown.
    pub(crate) capacity: Option<Capacity>,
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

/// Progress of the run on one HAProxy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum BalancerStage {
    /// No command was sent yet.
    #[default]
    NotStarted,
    /// All commands succeeded, or none was necessary.
    Done,
    /// A command failed.
    Failed,
    /// A signal stopped the run between two commands.
    Stopped,
}

impl fmt::Display for BalancerStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotStarted => "not started",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        })
    }
}

/// One HAProxy of the run.
#[derive(Debug)]
pub(crate) struct CommandBalancer {
    /// Connection to the HAProxy.
    pub(crate) controller: Controller,
    /// Name of the HAProxy if the run has several; otherwise `None`.
    pub(crate) label: Option<String>,
    /// Arguments that select this HAProxy in another command line: empty, or with a leading blank.
    pub(crate) target_arguments: String,
    /// Servers found in the first sample.
    pub(crate) servers: Vec<TargetServer>,
    /// Epoch in which the initial states were read.
    pub(crate) epoch: u32,
    /// Number of the last epoch whose start was reported as a reload.
    pub(crate) reported_epoch: u32,
    /// Progress of the run.
    pub(crate) stage: BalancerStage,
}

impl CommandBalancer {
    /// Creates a HAProxy of the run. `target_arguments` select it in another command line.
    pub(crate) fn new(controller: Controller, target_arguments: String) -> Self {
        Self {
            controller,
            label: None,
            target_arguments,
            servers: Vec::new(),
            epoch: 0,
            reported_epoch: 0,
            stage: BalancerStage::default(),
        }
    }

    /// Returns the HAProxy's samples and states.
    pub(crate) fn instance(&self) -> &Instance {
        &self.controller.poller.instance
    }

    /// Returns a line of output, which begins with the name of the HAProxy if the run has several.
    pub(crate) fn line(&self, text: &str) -> String {
        self.label.as_ref().map_or_else(|| text.to_owned(), |label| format!("{label}: {text}"))
    }

    /// Returns the name of a server for a sentence about the whole run: `be/s1`, or `be/s1 on lb01`.
    pub(crate) fn full_name(&self, server: &TargetServer) -> String {
        let name = server.name();
        self.label.as_ref().map_or_else(|| name.clone(), |label| format!("{name} on {label}"))
    }

    /// Finds the servers in the newest sample, and returns the error for each one that is missing.
    pub(crate) fn find_servers(&mut self, options: &ServerCommandOptions) -> Vec<String> {
        let goal = if options.admin == TargetState::Ready { WaitGoal::Usable } else { WaitGoal::Drained };
        let mut missing = Vec::new();
        for name in &options.servers {
            match name.find(&self.controller.poller.instance) {
                Ok(target) if self.servers.iter().any(|known| known.id == target.id) => {}
                Ok(target) => self.servers.push(TargetServer {
                    id: target.id,
                    target,
                    before: None,
                    capacity: None,
                    expected: options.admin,
                    goal,
                    is_already_set: false,
                    is_sent: false,
                    reached_samples: 0,
                    is_reported: false,
                }),
                Err(why) => missing.push(why),
            }
        }
        missing
    }

    /// Reads the initial administrative state of each server, and returns the lines that describe them.
    pub(crate) async fn read_initial_states(&mut self, options: &ServerCommandOptions) -> Vec<String> {
        let mut lines = Vec::new();
        let latest = self.controller.poller.instance.latest();
        let version = latest.and_then(|sample| sample.info.version());
        self.epoch = latest.map_or(0, |sample| sample.epoch.number);
        let address = self.controller.operator.reader.address.to_string();
        for server in &mut self.servers {
            let instance = &self.controller.poller.instance;
            if let Some(target) = instance.target(server.id) {
                server.target = target;
            }
            let before = self.controller.operator.read_back(&server.step()).await.map(|(_, readback)| readback);
            let state = before.as_ref().and_then(|before| before.server_state.as_ref());
            server.target.identity.admin = state.map(|state| state.admin);
            let step = server.step();
            let is = |step| {
                before.as_ref().and_then(|readback| verification::is_applied(step, None, readback, version))
                    == Some(true)
            };
            server.is_already_set = is(&step);
            // Maintenance is the final state of `--then maint`, so the server is already done. A drain of several balancers
            // ends no maintenance, as in the dashboard.
            let in_maint = TargetServer { expected: TargetState::Maint, ..server.clone() };
            let stays_in_maint = options.then_maint || options.admin == TargetState::Drain && self.label.is_some();
            if stays_in_maint && is(&in_maint.step()) {
                (server.expected, server.goal, server.is_already_set) = (TargetState::Maint, WaitGoal::MaintIdle, true);
            }
            if let Some(readback) = &before {
                self.controller.poller.instance.record_readback(server.id, readback);
            }
            server.capacity = before.as_ref().and_then(|before| before.capacity);
            // After the question was asked again, what was read at first is what an undo restores.
            if !server.is_sent {
                server.before.clone_from(&before);
            }
            let instance = &self.controller.poller.instance;
            let name = server.name();
            let words = initial_state::describe_initial_state(instance, server.id, before.as_ref());
            lines.push(format!("found {name}: {words}"));
            let unfinished =
                initial_state::unfinished_commands(&self.controller.audit_index, &address, &name, &options.zone);
            lines.extend(unfinished.into_iter().map(|line| format!("  {line}")));
            if server.is_already_set {
                let already = match server.expected {
                    TargetState::Drain => "is already draining",
                    TargetState::Maint => "is already in maintenance",
                    TargetState::Ready => "is already enabled",
                };
                lines.push(format!("{name} {already}: nothing to send"));
            }
        }
        lines.iter().map(|line| self.line(line)).collect()
    }

    /// Builds the intent to set `admin` on the servers that `is_wanted` selects. Returns `None` if no server is selected.
    pub(crate) fn build_intent(
        &self,
        admin: TargetState,
        reason: Option<&String>,
        is_wanted: impl Fn(&TargetServer) -> bool,
    ) -> Option<Intent> {
        let wanted = self.servers.iter().filter(|server| is_wanted(server));
        let targets: Vec<ActionTarget> = wanted.map(|server| server.target.clone()).collect();
        let intent = Intent::new(for_admin_state(admin), WriteCommand::State(admin), InstanceId::FIRST, targets);
        let shown_impact = self.instance().latest().map(|sample| impact::evaluate_shown(sample, &intent));
        (!intent.steps.is_empty()).then(|| Intent { reason: reason.cloned(), shown_impact, ..intent })
    }

    /// Builds the intent that sets maintenance once the servers are empty; `None` if the command does not set it or all are
    /// in maintenance.
    pub(crate) fn follow_up_intent(&self, options: &ServerCommandOptions) -> Option<Intent> {
        let is_not_set = |server: &TargetServer| server.goal != WaitGoal::MaintIdle;
        options.then_maint.then(|| self.build_intent(TargetState::Maint, options.reason.as_ref(), is_not_set)).flatten()
    }

    /// Authorizes an intent that was confirmed.
    ///
    /// # Errors
    /// Returns the guard's refusal.
    pub(crate) fn authorise(&self, intent: Intent, is_typed: bool) -> Result<Authorised<Intent>, Refusal> {
        let consent = if is_typed { ConfirmationAnswer::Typed(name_to_type(&intent)) } else { ConfirmationAnswer::Yes };
        guard::authorise(intent, &consent, self.instance())
    }

    /// Updates the targets to their state after draining, which is what the next action is meant for.
    ///
    /// # Errors
    /// Returns a message if a server has got another address or id since the confirmation.
    pub(crate) fn refresh_targets(&mut self) -> Result<(), String> {
        for server in &mut self.servers {
            let Some(now) = self.controller.poller.instance.target(server.id) else { continue };
            let expected = TargetIdentity { process: None, ..server.target.identity.clone() };
            let differences = expected.differences(&now.identity);
            if !differences.is_empty() {
                return Err(format!("{} changed: {}", server.name(), differences.join(", ")));
            }
            server.target = now;
        }
        Ok(())
    }

    /// Describes the latest known state of a server.
    pub(crate) fn describe_state(&self, server: &TargetServer) -> String {
        let name = server.name();
        let Some(sample) = self.instance().latest().filter(|sample| sample.row(server.id).is_some()) else {
            return format!("{name} no longer exists in HAProxy");
        };
        let status = self.instance().last_status(server.id).unwrap_or_default();
        let is_away = RowState::parse(status.as_str()).is_maint_or_drain();
        let sessions = sample.number(server.id, Field::Scur).map(|sessions| pluralize(sessions, "session"));
        let sessions = sessions.map_or(String::new(), |sessions| format!(", {sessions}"));
        let draining = self.instance().draining();
        let why = draining.progress(server.id).and_then(|left| left.stall_reason).filter(|_| is_away);
        let why = why.map_or(String::new(), |why| format!(", {why}"));
        let untouched = if server.is_sent || server.is_already_set { "" } else { "; nothing was sent to it" };
        format!("{name} is {}{status}{sessions}{why}{untouched}", if is_away { "in " } else { "" })
    }

    /// Returns the state to set on a server to undo the command, or `None` if there is nothing to undo.
    pub(crate) fn restore_state(&self, server: &TargetServer, options: &ServerCommandOptions) -> Option<TargetState> {
        let admin = options.admin;
        if server.goal == WaitGoal::MaintIdle && server.is_already_set && !options.then_maint {
            return None;
        }
        let before = server.before.as_ref().and_then(|before| before.server_state.as_ref()).map(|state| state.admin);
        let status = self.instance().last_status(server.id)?;
        match admin {
            TargetState::Drain | TargetState::Maint => {
                let was = before.filter(|_| server.is_sent && !server.is_already_set);
                let restored = match was {
                    Some(was) if was.is_maint() => TargetState::Maint,
                    Some(was) if was.is_drain() => TargetState::Drain,
                    _ => TargetState::Ready,
                };
                let is_ours = server.is_sent || server.is_already_set;
                (is_ours && !RowState::parse(status.as_str()).is_usable()).then_some(restored)
            }
            TargetState::Ready => match before {
                Some(before) if before.is_maint() && server.is_sent => Some(TargetState::Maint),
                Some(before) if before.is_drain() && server.is_sent => Some(TargetState::Drain),
                _ => None,
            },
        }
    }
}
