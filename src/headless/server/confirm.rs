//! Steps before an action is sent: initial states, confirmation by the user, and authorization by the guard.

use crate::actions::action_table::{Danger, for_admin_state};
use crate::actions::intent::Intent;
use crate::actions::shown_impact::ShownImpact;
use crate::actions::verification;
use crate::haproxy::write_command::TargetState;
use crate::headless::exit_code::CommandExit;
use crate::headless::server::confirmation_prompt::ActionPlan;
use crate::headless::server::initial_state;
use crate::headless::server::progress::WaitGoal;
use crate::headless::server::server_run::{PromptPolicy, ServerCommand, TargetServer};
use crate::headless::server::terminal_question::{self, QuestionResult};
use crate::instance::guard::{self, Authorised, ConfirmationAnswer, name_to_type};
use crate::instance::refusal::Refusal;

/// Result of the confirmation.
#[derive(Debug)]
pub(crate) struct ConfirmedPlan {
    /// Action to send now; `None` if all servers already have the state.
    pub(crate) first: Option<Authorised<Intent>>,
    /// Danger level that was confirmed; also applies to the later action.
    pub(crate) danger: Danger,
    /// Impact of the later action that was confirmed; `None` without one.
    pub(crate) then_impact: Option<ShownImpact>,
}

impl ServerCommand<'_> {
    /// Checks that confirmation and reason can be obtained and that the configuration allows actions.
    ///
    /// # Errors
    /// Prints why the command cannot run and returns its exit.
    pub(crate) fn check_prerequisites(&mut self) -> Result<(), CommandExit> {
        let obstacle = self.console.prompt_obstacle();
        let wants_reason = self.options.is_reason_required && self.options.reason.is_none();
        let why = match obstacle {
            Some(obstacle) if self.options.prompt_policy == PromptPolicy::Always => {
                format!("cannot ask for confirmation: {obstacle}\n  add --yes to run without confirmation")
            }
            Some(_) if wants_reason => "a reason is required (audit.ask_reason is set)\n  add --reason TEXT".to_owned(),
            _ => return self.check_read_only(),
        };
        self.console.print_error(&why);
        Err(CommandExit::Usage)
    }

    fn check_read_only(&mut self) -> Result<(), CommandExit> {
        if !self.controller.poller.instance.access().read_only {
            return Ok(());
        }
        self.console.print_error(&Refusal::ReadOnly(for_admin_state(self.options.admin).title).to_string());
        Err(CommandExit::Refused)
    }

    /// Finds the servers in the newest sample.
    ///
    /// # Errors
    /// Prints every missing server and returns the exit.
    pub(crate) fn find_servers(&mut self) -> Result<(), CommandExit> {
        let holds = self.options.admin;
        let goal = if holds == TargetState::Ready { WaitGoal::Usable } else { WaitGoal::Drained };
        let mut is_missing = false;
        for name in &self.options.servers {
            match name.find(&self.controller.poller.instance) {
                Ok(target) if self.servers.iter().any(|known| known.id == target.id) => {}
                Ok(target) => self.servers.push(TargetServer {
                    id: target.id,
                    target,
                    before: None,
                    expected: holds,
                    goal,
                    is_already_set: false,
                    is_sent: false,
                    reached_samples: 0,
                    is_reported: false,
                }),
                Err(why) => {
                    self.console.print_error(&why);
                    is_missing = true;
                }
            }
        }
        if is_missing { Err(CommandExit::Refused) } else { Ok(()) }
    }

    /// Prints the initial states, asks for confirmation and authorizes the action.
    ///
    /// # Errors
    /// Prints why nothing is sent and returns the exit.
    pub(crate) async fn confirm(&mut self) -> Result<ConfirmedPlan, CommandExit> {
        loop {
            self.read_initial_states().await;
            if let Some(number) = self.signals.received() {
                return Err(self.stop_on_signal(number).await);
            }
            let Some(danger) = self.check_plan(&self.build_plan())? else {
                return Ok(ConfirmedPlan { first: None, danger: Danger::Low, then_impact: None });
            };
            self.prompt_for_reason().await?;
            let plan = self.build_plan();
            let asks = self.options.prompt_policy == PromptPolicy::Always;
            if asks {
                self.prompt_for_confirmation(&plan, danger).await?;
            } else {
                self.accept_without_prompt(&plan, danger)?;
            }
            let then_impact = plan.then.and_then(|then| then.shown_impact);
            let Some(first) = plan.first else { return Ok(ConfirmedPlan { first: None, danger, then_impact }) };
            match self.authorise(first, danger) {
                Ok(first) => return Ok(ConfirmedPlan { first: Some(first), danger, then_impact }),
                Err(why @ (Refusal::Changed { .. } | Refusal::WorseImpact(_) | Refusal::NotConfirmed)) if asks => {
                    self.console.print(&format!("{why}; please confirm again"));
                }
                Err(why) => return Err(self.refuse(&why.to_string())),
            }
        }
    }

    /// Authorizes an intent that was confirmed for the danger level `agreed`.
    ///
    /// # Errors
    /// Returns the guard's refusal.
    pub(crate) fn authorise(&self, intent: Intent, agreed: Danger) -> Result<Authorised<Intent>, Refusal> {
        let consent = match agreed {
            Danger::Highest => ConfirmationAnswer::Typed(name_to_type(&intent)),
            Danger::Low | Danger::High => ConfirmationAnswer::Yes,
        };
        guard::authorise(intent, &consent, &self.controller.poller.instance)
    }

    fn refuse(&mut self, why: &str) -> CommandExit {
        self.console.print_error(why);
        CommandExit::Refused
    }

    /// Reads and prints the initial administrative state of each server.
    async fn read_initial_states(&mut self) {
        let version = self.controller.poller.instance.latest().and_then(|sample| sample.info.version());
        let address = self.controller.operator.reader.address.to_string();
        self.epoch = self.controller.poller.instance.latest().map_or(0, |sample| sample.epoch.number);
        for server in &mut self.servers {
            if self.signals.received().is_some() {
                return;
            }
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
            // Maintenance is the final state of `--then maint`, so the server is already done.
            let in_maint = TargetServer { expected: TargetState::Maint, ..server.clone() };
            if self.options.then_maint && is(&in_maint.step()) {
                (server.expected, server.goal, server.is_already_set) = (TargetState::Maint, WaitGoal::MaintIdle, true);
            }
            if let Some(readback) = &before {
                self.controller.poller.instance.record_readback(server.id, readback);
            }
            server.before = before;
            let instance = &self.controller.poller.instance;
            let name = server.name();
            let words = initial_state::describe_initial_state(instance, server.id, server.before.as_ref());
            self.console.print(&format!("found {name}: {words}"));
            for line in
                initial_state::unfinished_commands(&self.controller.audit_index, &address, &name, &self.options.zone)
            {
                self.console.print(&format!("  {line}"));
            }
            if server.is_already_set {
                let already = match server.expected {
                    TargetState::Drain => "is already draining",
                    TargetState::Maint => "is already in maintenance",
                    TargetState::Ready => "is already enabled",
                };
                self.console.print(&format!("{name} {already}: nothing to send"));
            }
        }
    }

    fn build_plan(&self) -> ActionPlan {
        let first = self.build_intent(self.options.admin, |server| !server.is_already_set);
        let then = self
            .options
            .then_maint
            .then(|| self.build_intent(TargetState::Maint, |server| server.goal != WaitGoal::MaintIdle));
        let last_checks = self.controller.poller.instance.last_checks().clone();
        ActionPlan { first, then: then.flatten(), last_checks }
    }

    /// Returns the danger level of a plan, or `None` if it sends nothing.
    fn check_plan(&mut self, plan: &ActionPlan) -> Result<Option<Danger>, CommandExit> {
        let checked: Result<Vec<Danger>, Refusal> =
            plan.intents().map(|intent| guard::check_intent(intent, &self.controller.poller.instance)).collect();
        checked.map(|all| all.into_iter().max()).map_err(|why| self.refuse(&why.to_string()))
    }

    /// Accepts the plan with `--yes`; requires `--force` if the dashboard would ask for a typed name.
    fn accept_without_prompt(&mut self, plan: &ActionPlan, danger: Danger) -> Result<(), CommandExit> {
        let Some(sample) = self.controller.poller.instance.latest().cloned() else { return Ok(()) };
        if danger == Danger::Highest && self.options.prompt_policy != PromptPolicy::Never {
            let why = plan.danger_reasons(&sample);
            return Err(self.refuse(&format!("refused: {why}; add --force to override")));
        }
        for warning in plan.warnings(&sample) {
            self.console.print(&format!("warning: {warning}"));
        }
        Ok(())
    }

    async fn prompt_for_confirmation(&mut self, plan: &ActionPlan, danger: Danger) -> Result<(), CommandExit> {
        let Some(sample) = self.controller.poller.instance.latest().cloned() else { return Ok(()) };
        let question = plan.question(&sample, danger);
        match terminal_question::confirm(question, &mut self.signals).await {
            QuestionResult::Yes => {}
            QuestionResult::No(why) => return Err(self.refuse(&why)),
            QuestionResult::Text(_) => return Err(self.refuse("nothing was sent")),
            QuestionResult::Signal(number) => return Err(self.stop_on_signal(number).await),
        }
        // The sample may be old after the prompt.
        match self.controller.poller.poll().await {
            Ok(_) => Ok(()),
            Err(failure) => {
                self.console.print_error(&format!("{}: nothing was sent", failure.reason));
                Err(CommandExit::Unreachable)
            }
        }
    }

    /// Asks for a reason if one is required and missing.
    async fn prompt_for_reason(&mut self) -> Result<(), CommandExit> {
        if !self.options.is_reason_required || self.options.reason.is_some() {
            return Ok(());
        }
        let answer = match terminal_question::read_text("Reason: ", &mut self.signals).await {
            QuestionResult::Text(text) => text,
            QuestionResult::Yes => String::new(),
            QuestionResult::No(why) => return Err(self.refuse(&why)),
            QuestionResult::Signal(number) => return Err(self.stop_on_signal(number).await),
        };
        match answer.trim() {
            "" => Err(self.refuse("a reason is required: nothing was sent")),
            reason => {
                self.options.reason = Some(reason.to_owned());
                Ok(())
            }
        }
    }
}
