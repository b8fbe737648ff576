//! Main sequence of `hapulse drain`, `hapulse maint` and `hapulse ready`.
//!
//! One run changes a list of servers of one HAProxy, or of several. It reports the initial states, asks for confirmation
//! unless `--yes` is set, sends the commands one after another through the same guard and operator as the dashboard, stops
//! at the first failure, and waits if `--wait` is set. If the run fails or is stopped, it reports the states in which
//! it leaves the servers. Signals take effect between two commands, never during one.
//!
//! Several HAProxies are read at the same time, and changed one after the other. If one of them refuses the action before
//! the question, nothing is sent to any.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::actions::intent::Intent;
use crate::actions::outcome::{Outcome, StepResult};
use crate::fleet::same_process::earlier_twin;
use crate::haproxy::write_command::TargetState;
use crate::headless::exit_code::CommandExit;
use crate::headless::join::join_all;
use crate::headless::pollers;
use crate::headless::server::command_balancer::{BalancerStage, CommandBalancer};
use crate::headless::server::command_options::{PromptPolicy, ServerCommandOptions};
use crate::headless::server::command_output::Console;
use crate::headless::server::confirm::ConfirmedPlan;
use crate::headless::server::progress::WaitGoal;
use crate::headless::server::server_run::ServerCommand;
use crate::headless::signals::Signals;
use crate::instance::guard::Authorised;
use crate::observe::link::PollFailure;
use crate::observe::sample::Sample;

/// Runs the command on these HAProxies, at least one, in this order.
///
/// # Errors
/// Returns an error if the I/O runtime cannot start. Every other failure is printed and returned as an exit code.
pub(crate) fn run(
    options: ServerCommandOptions,
    mut balancers: Vec<CommandBalancer>,
    console: &mut Console,
) -> anyhow::Result<CommandExit> {
    let runtime = pollers::start_runtime()?;
    if balancers.len() > 1 {
        for balancer in &mut balancers {
            balancer.label = Some(balancer.controller.operator.instance.clone());
        }
    }
    Ok(runtime.block_on(async {
        let signals = Signals::listen();
        if let Some(first) = balancers.first() {
            signals.exit_on_second(Arc::clone(&first.controller.operator.audit));
        }
        let mut run = ServerCommand { options, balancers, signals, console, must_report_states: false };
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
        self.poll_all().await?;
        self.leave_out_same_processes().await?;
        self.find_servers().await?;
        let confirmed = loop {
            let mut confirmed = self.confirm().await?;
            self.must_report_states = true;
            for balancer in &mut self.balancers {
                balancer.reported_epoch = balancer.epoch;
            }
            match self.send_first(&mut confirmed).await? {
                Sent::All => break confirmed,
                // The targets changed after the answer, so the question is asked again about those that are left.
                Sent::Changed => self.poll_all().await?,
            }
        };
        let Some(limit) = self.options.wait else { return self.end_unless_stopped().await };
        for balancer in &mut self.balancers {
            let now = balancer.controller.now();
            let servers = &balancer.servers;
            for server in servers.iter().filter(|server| server.is_already_set && server.goal == WaitGoal::Drained) {
                balancer.controller.poller.instance.follow_drain(server.id, now);
            }
        }
        self.wait_for_goal(limit).await?;
        if self.options.then_maint {
            self.send_maint(confirmed).await?;
        }
        self.end_unless_stopped().await
    }

    /// Removes targets that are the same process as an earlier one, such as its second socket, and prints their names.
    ///
    /// # Errors
    /// Prints which HAProxies do not answer and returns the exit.
    async fn leave_out_same_processes(&mut self) -> Result<(), CommandExit> {
        let involved: BTreeSet<usize> = self.same_processes().into_iter().flat_map(<[usize; 2]>::from).collect();
        // The first polls were at the same time. Later ones show whether the counters are those of one process.
        for place in involved {
            self.poll_where(|polled| polled == place).await?;
        }
        let twins = self.same_processes();
        if twins.is_empty() {
            return Ok(());
        }
        for (place, first) in &twins {
            let name = |place: &usize| &self.balancers[*place].controller.operator.instance;
            let line = format!("{} is the same HAProxy as {}", name(place), name(first));
            self.console.print(&line);
        }
        for (place, _) in twins.iter().rev() {
            self.balancers.remove(*place);
        }
        let arguments = self.balancers.iter().map(|balancer| balancer.target_arguments.as_str());
        self.options.target_arguments = arguments.collect();
        if let [only] = self.balancers.as_mut_slice() {
            only.label = None;
        }
        Ok(())
    }

    /// Returns the positions of the HAProxies that are the same process as an earlier one, each with the position of that one.
    fn same_processes(&self) -> Vec<(usize, usize)> {
        let samples: Vec<Option<&Sample>> =
            self.balancers.iter().map(|balancer| balancer.instance().latest().map(|sample| &**sample)).collect();
        (0..samples.len()).filter_map(|place| Some((place, earlier_twin(&samples, place)?))).collect()
    }

    /// Sends the first action to each HAProxy that needs it.
    async fn send_first(&mut self, confirmed: &mut [ConfirmedPlan]) -> Result<Sent, CommandExit> {
        for (place, plan) in confirmed.iter_mut().enumerate() {
            let Some(first) = plan.first.take() else {
                self.balancers[place].stage = BalancerStage::Done;
                continue;
            };
            if self.send(place, first).await? == Sent::Changed {
                return Ok(Sent::Changed);
            }
        }
        if self.options.admin != TargetState::Ready {
            for line in self.describe_total_left() {
                self.console.print(&line);
            }
        }
        Ok(Sent::All)
    }

    /// Sets maintenance on the servers, which are empty now.
    async fn send_maint(&mut self, confirmed: Vec<ConfirmedPlan>) -> Result<(), CommandExit> {
        for balancer in &mut self.balancers {
            balancer.stage = BalancerStage::NotStarted;
        }
        for (place, plan) in confirmed.into_iter().enumerate() {
            let balancer = &mut self.balancers[place];
            if let Err(why) = balancer.refresh_targets() {
                let why = balancer.line(&why);
                return Err(self.stop_before_maint(&why).await);
            }
            let Some(then) = balancer.follow_up_intent(&self.options) else {
                balancer.stage = BalancerStage::Done;
                continue;
            };
            // The impact must not be worse than the question showed before the drain.
            let then = Intent { shown_impact: plan.then_impact, ..then };
            let sent = match balancer.authorise(then, plan.is_typed) {
                Ok(then) => self.send(place, then).await?,
                Err(why) => {
                    let why = balancer.line(&why.to_string());
                    return Err(self.stop_before_maint(&why).await);
                }
            };
            // Another failure has been printed with its outcome.
            if sent == Sent::Changed {
                return Err(self.stop_before_maint("it must be confirmed again").await);
            }
        }
        Ok(())
    }

    /// Ends with the exit code of a signal that arrived during the last command.
    async fn end_unless_stopped(&mut self) -> Result<(), CommandExit> {
        if let Some(number) = self.signals.received() {
            return Err(self.stop_on_signal(number).await);
        }
        if self.has_several() && self.is_any_sent() {
            for line in self.restore_commands() {
                self.console.print(&line);
            }
        }
        Ok(())
    }

    async fn stop_before_maint(&mut self, why: &str) -> CommandExit {
        self.console.print_error(&format!("maintenance was not set: {why}"));
        self.report_states().await;
        CommandExit::Refused
    }

    /// Polls all HAProxies.
    ///
    /// # Errors
    /// Prints which ones do not answer and returns the exit.
    pub(crate) async fn poll_all(&mut self) -> Result<(), CommandExit> {
        self.poll_where(|_| true).await
    }

    async fn poll_where(&mut self, is_wanted: impl Fn(usize) -> bool) -> Result<(), CommandExit> {
        let places: Vec<usize> = (0..self.balancers.len()).filter(|place| is_wanted(*place)).collect();
        let wanted = self.balancers.iter_mut().enumerate().filter(|(place, _)| places.contains(place));
        let polls = join_all(wanted.map(|(_, balancer)| balancer.controller.poller.poll()));
        let polled = tokio::select! {
            biased;
            number = self.signals.wait() => Err(number),
            polled = polls => Ok(polled),
        };
        let polled = match polled {
            Ok(polled) => polled,
            Err(number) => return Err(self.stop_on_signal(number).await),
        };
        let failures = places.into_iter().zip(polled).filter_map(|(place, polled)| Some((place, polled.err()?)));
        let describe = |(place, failure): (usize, PollFailure)| {
            let hint = failure.hint.map_or_else(String::new, |hint| format!("\n  {hint}"));
            let text = format!("{}{hint}", failure.reason);
            // The name is before each line about several HAProxies.
            let name = &self.balancers[place].controller.operator.instance;
            (place, if self.has_several() { text } else { format!("{name}: {text}") })
        };
        let refusals: Vec<(usize, String)> = failures.map(describe).collect();
        if refusals.is_empty() { Ok(()) } else { Err(self.refuse(refusals, CommandExit::Unreachable).await) }
    }

    /// Sends the commands to one HAProxy, one after another, and prints the outcome of each.
    ///
    /// # Errors
    /// Prints the states after a failure and returns the exit.
    async fn send(&mut self, place: usize, intent: Authorised<Intent>) -> Result<Sent, CommandExit> {
        if let Some(number) = self.signals.received() {
            return Err(self.stop_on_signal(number).await);
        }
        let (console, signals) = (&mut *self.console, &self.signals);
        let CommandBalancer { controller, servers, label, .. } = &mut self.balancers[place];
        let line = |text: &str| label.as_ref().map_or_else(|| text.to_owned(), |label| format!("{label}: {text}"));
        let each = |done: &StepResult| {
            let capacity = done.remaining_capacity().map_or(String::new(), |capacity| format!("; {capacity}"));
            let text = line(&format!("{}: {}{capacity}", done.command, done.outcome));
            if done.outcome.is_success() {
                console.print(&text);
            } else {
                console.print_error(&text);
            }
            if let Some(remark) = &done.audit_warning {
                console.print_error(remark);
            }
            let is_sent = !matches!(done.outcome, Outcome::NotSent(_) | Outcome::Changed(_) | Outcome::Ended);
            for server in servers.iter_mut() {
                server.is_sent |= is_sent && server.id == done.step.target.id;
                // The servers of a backend share its capacity.
                if server.target.proxy == done.step.target.proxy {
                    server.capacity = done.after.as_ref().and_then(|after| after.capacity).or(server.capacity);
                }
            }
            signals.received().is_none()
        };
        let report = controller.operator.execute_each(&intent, |_| {}, each).await;
        let now = controller.poller.now();
        controller.poller.instance.record_report(&report, now);
        if report.is_success() {
            self.balancers[place].stage = BalancerStage::Done;
            return Ok(Sent::All);
        }
        let last_outcome = report.results.last().map(|done| &done.outcome);
        if matches!(last_outcome, Some(Outcome::Changed(_))) && self.options.prompt_policy == PromptPolicy::Always {
            return Ok(Sent::Changed);
        }
        let is_unknown = last_outcome.is_some_and(Outcome::is_unknown);
        for step in report.unattempted_steps() {
            let unsent = self.balancers[place].line(&format!("not sent: {}", step.command_text().unwrap_or_default()));
            self.console.print_detail(&format!("  {unsent}"));
        }
        if report.results.iter().all(|done| done.outcome.is_success())
            && let Some(number) = self.signals.received()
        {
            self.balancers[place].stage = BalancerStage::Stopped;
            return Err(self.stop_on_signal(number).await);
        }
        self.balancers[place].stage = BalancerStage::Failed;
        let are_reachable = self.report_states().await;
        Err(match () {
            () if is_unknown => CommandExit::Unknown,
            () if are_reachable[place] => CommandExit::Refused,
            () => CommandExit::Unreachable,
        })
    }
}
