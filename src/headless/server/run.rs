//! Main sequence of `hapulse drain`, `hapulse maint` and `hapulse ready`.
//!
//! One run changes a list of servers of one HAProxy. It reports the initial states, asks for confirmation unless
//! `--yes` is set, sends the commands one after another through the same guard and operator as the dashboard, stops at
//! the first failure, and waits if `--wait` is set. If the run fails or is stopped, it reports the states in which
//! it leaves the servers. Signals take effect between two commands, never during one.

use std::sync::Arc;

use crate::actions::intent::Intent;
use crate::actions::outcome::{Outcome, StepResult};
use crate::actions::target_identity::TargetIdentity;
use crate::haproxy::write_command::TargetState;
use crate::headless::exit_code::CommandExit;
use crate::headless::pollers;
use crate::headless::server::command_output::Console;
use crate::headless::server::controller::Controller;
use crate::headless::server::progress::WaitGoal;
use crate::headless::server::server_run::{PromptPolicy, ServerCommand, ServerCommandOptions};
use crate::headless::signals::Signals;
use crate::instance::guard::Authorised;

/// Runs the command on one HAProxy.
///
/// # Errors
/// Returns an error if the I/O runtime cannot start. Every other failure is printed and returned as an exit code.
pub(crate) fn run(
    options: ServerCommandOptions,
    controller: Controller,
    console: &mut Console,
) -> anyhow::Result<CommandExit> {
    let runtime = pollers::start_runtime()?;
    Ok(runtime.block_on(async {
        let signals = Signals::listen();
        signals.exit_on_second(Arc::clone(&controller.operator.audit));
        let mut run = ServerCommand {
            options,
            controller,
            signals,
            console,
            servers: Vec::new(),
            epoch: 0,
            reported_epoch: 0,
            must_report_states: false,
        };
        run.execute().await.err().unwrap_or(CommandExit::Done)
    }))
}

/// Result of sending the commands of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// All were executed and succeeded.
    All,
    /// One was not sent, because its target or the impact is not the confirmed one.
    Changed,
}

impl ServerCommand<'_> {
    async fn execute(&mut self) -> Result<(), CommandExit> {
        self.check_prerequisites()?;
        self.first_poll().await?;
        self.find_servers()?;
        let (danger, then_impact) = loop {
            let agreed = self.confirm().await?;
            self.must_report_states = true;
            self.reported_epoch = self.epoch;
            let Some(first) = agreed.first else { break (agreed.danger, agreed.then_impact) };
            match self.send(first).await? {
                Sent::All => break (agreed.danger, agreed.then_impact),
                // The targets changed after the answer, so the question is asked again about those that are left.
                Sent::Changed => self.first_poll().await?,
            }
        };
        let Some(limit) = self.options.wait else { return self.end_unless_stopped().await };
        let now = self.controller.now();
        for server in self.servers.iter().filter(|server| server.is_already_set && server.goal == WaitGoal::Drained) {
            self.controller.poller.instance.follow_drain(server.id, now);
        }
        self.wait_for_goal(limit).await?;
        if !self.options.then_maint {
            return self.end_unless_stopped().await;
        }
        let then = match self.refresh_targets() {
            Ok(()) => self.follow_up_intent(),
            Err(why) => return Err(self.stop_before_maint(&why).await),
        };
        let Some(then) = then else { return self.end_unless_stopped().await };
        // The impact must not be worse than the question showed before the drain.
        let then = Intent { shown_impact: then_impact, ..then };
        let sent = match self.authorise(then, danger) {
            Ok(then) => self.send(then).await?,
            Err(why) => return Err(self.stop_before_maint(&why.to_string()).await),
        };
        // The failure has been printed with its outcome.
        match sent {
            Sent::All => self.end_unless_stopped().await,
            Sent::Changed => Err(self.stop_before_maint("it must be confirmed again").await),
        }
    }

    /// Ends with the exit code of a signal that arrived during the last command.
    async fn end_unless_stopped(&mut self) -> Result<(), CommandExit> {
        match self.signals.received() {
            Some(number) => Err(self.stop_on_signal(number).await),
            None => Ok(()),
        }
    }

    async fn stop_before_maint(&mut self, why: &str) -> CommandExit {
        self.console.print_error(&format!("maintenance was not set: {why}"));
        self.report_states().await;
        CommandExit::Refused
    }

    /// Updates the targets to their state after draining, which is what the next action is meant for.
    ///
    /// # Errors
    /// Returns a message if a server has got another address or id since the confirmation.
    fn refresh_targets(&mut self) -> Result<(), String> {
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

    fn follow_up_intent(&self) -> Option<Intent> {
        let then = self
            .options
            .then_maint
            .then(|| self.build_intent(TargetState::Maint, |server| server.goal != WaitGoal::MaintIdle));
        then.flatten()
    }

    async fn first_poll(&mut self) -> Result<(), CommandExit> {
        let polled = tokio::select! {
            biased;
            number = self.signals.wait() => return Err(self.stop_on_signal(number).await),
            polled = self.controller.poller.poll() => polled,
        };
        polled.map(drop).map_err(|failure| {
            self.console.print_error(&format!("{}: {}", self.controller.operator.instance, failure.reason));
            if let Some(hint) = failure.hint {
                self.console.print_detail(&format!("  {hint}"));
            }
            CommandExit::Unreachable
        })
    }

    /// Sends the commands one after another and prints the outcome of each.
    ///
    /// # Errors
    /// Prints the states after a failure and returns the exit.
    async fn send(&mut self, intent: Authorised<Intent>) -> Result<Sent, CommandExit> {
        if let Some(number) = self.signals.received() {
            return Err(self.stop_on_signal(number).await);
        }
        let (console, signals, servers) = (&mut *self.console, &self.signals, &mut self.servers);
        let each = |done: &StepResult| {
            let capacity = done.remaining_capacity().map_or(String::new(), |capacity| format!("; {capacity}"));
            let line = format!("{}: {}{capacity}", done.command, done.outcome);
            if done.outcome.is_success() {
                console.print(&line);
            } else {
                console.print_error(&line);
            }
            if let Some(remark) = &done.audit_warning {
                console.print_error(remark);
            }
            let is_sent = !matches!(done.outcome, Outcome::NotSent(_) | Outcome::Changed(_) | Outcome::Ended);
            for server in servers.iter_mut().filter(|server| server.id == done.step.target.id) {
                server.is_sent |= is_sent;
            }
            signals.received().is_none()
        };
        let report = self.controller.operator.execute_each(&intent, |_| {}, each).await;
        self.controller.poller.instance.record_report(&report, self.controller.poller.now());
        if report.is_success() {
            return Ok(Sent::All);
        }
        let last_outcome = report.results.last().map(|done| &done.outcome);
        if matches!(last_outcome, Some(Outcome::Changed(_))) && self.options.prompt_policy == PromptPolicy::Always {
            return Ok(Sent::Changed);
        }
        let is_unknown = last_outcome.is_some_and(Outcome::is_unknown);
        for step in report.unattempted_steps() {
            self.console.print_detail(&format!("  not sent: {}", step.command_text().unwrap_or_default()));
        }
        if report.results.iter().all(|done| done.outcome.is_success())
            && let Some(number) = self.signals.received()
        {
            return Err(self.stop_on_signal(number).await);
        }
        let is_reachable = self.report_states().await;
        Err(match () {
            () if is_unknown => CommandExit::Unknown,
            () if is_reachable => CommandExit::Refused,
            () => CommandExit::Unreachable,
        })
    }
}
