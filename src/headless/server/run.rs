//! Main sequence of `hapulse drain`, `hapulse maint` and `hapulse ready`.
//!
//! One run changes a list of servers of one HAProxy. It reports the initial states, asks for confirmation unless
//! `--yes` is set, sends the commands one after another through the same guard and operator as the dashboard, stops at
//! the first failure, and waits if `--wait` is set. If the run fails or is stopped, it reports the states in which
//! it leaves the servers. Signals take effect between two commands, never during one.

use std::sync::Arc;

use crate::actions::intent::Intent;
use crate::actions::outcome::StepResult;
use crate::haproxy::write_command::TargetState;
use crate::headless::exit_code::CommandExit;
use crate::headless::pollers;
use crate::headless::server::command_output::Console;
use crate::headless::server::controller::Controller;
use crate::headless::server::progress::WaitGoal;
use crate::headless::server::server_run::{ServerCommand, ServerCommandOptions};
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

impl ServerCommand<'_> {
    async fn execute(&mut self) -> Result<(), CommandExit> {
        self.check_prerequisites()?;
        self.first_poll().await?;
        self.find_servers()?;
        let agreed = self.confirm().await?;
        self.must_report_states = true;
        self.reported_epoch = self.epoch;
        if let Some(first) = agreed.first {
            self.send(first).await?;
        }
        let Some(limit) = self.options.wait else { return Ok(()) };
        let now = self.controller.now();
        for server in self.servers.iter().filter(|server| server.is_already_set && server.goal == WaitGoal::Drained) {
            self.controller.poller.instance.follow_drain(server.id, now);
        }
        self.wait_for_goal(limit).await?;
        let Some(then) = self.follow_up_intent() else { return Ok(()) };
        match self.authorise(then, agreed.danger) {
            Ok(then) => self.send(then).await,
            Err(why) => {
                self.console.print_error(&format!("maintenance was not set: {why}"));
                self.report_states().await;
                Err(CommandExit::Refused)
            }
        }
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
    async fn send(&mut self, intent: Authorised<Intent>) -> Result<(), CommandExit> {
        if let Some(number) = self.signals.received() {
            return Err(self.stop_on_signal(number).await);
        }
        let (console, signals, servers) = (&mut *self.console, &self.signals, &mut self.servers);
        let each = |done: &StepResult| {
            let line = format!("{}: {}", done.command, done.outcome);
            if done.outcome.is_success() {
                console.print(&line);
            } else {
                console.print_error(&line);
            }
            if let Some(remark) = &done.audit_warning {
                console.print_error(remark);
            }
            for server in servers.iter_mut().filter(|server| server.id == done.step.target.id) {
                server.is_sent = true;
            }
            signals.received().is_none()
        };
        let report = self.controller.operator.execute_each(&intent, |_| {}, each).await;
        self.controller.poller.instance.record_report(&report, self.controller.poller.now());
        if report.is_success() {
            return Ok(());
        }
        for step in report.unattempted_steps() {
            self.console.print_detail(&format!("  not sent: {}", step.command_text().unwrap_or_default()));
        }
        if report.results.iter().all(|done| done.outcome.is_success())
            && let Some(number) = self.signals.received()
        {
            return Err(self.stop_on_signal(number).await);
        }
        Err(if self.report_states().await { CommandExit::Refused } else { CommandExit::Unreachable })
    }
}
