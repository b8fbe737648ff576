//! Steps before an action is sent: initial states, confirmation by the user, and authorization by the guard.

use crate::actions::action_table::{Danger, for_admin_state};
use crate::actions::intent::Intent;
use crate::actions::shown_impact::ShownImpact;
use crate::fleet::other_addresses;
use crate::fleet::total_capacity::TotalCapacity;
use crate::haproxy::version::Version;
use crate::headless::exit_code::CommandExit;
use crate::headless::join::join_all;
use crate::headless::server::command_balancer::{CommandBalancer, TargetServer};
use crate::headless::server::command_options::PromptPolicy;
use crate::headless::server::confirmation_prompt::ActionPlan;
use crate::headless::server::server_run::ServerCommand;
use crate::headless::server::terminal_question::{self, QuestionResult, TerminalQuestion};
use crate::instance::guard::{self, Authorised};
use crate::instance::refusal::Refusal;

/// Result of the confirmation for one HAProxy.
#[derive(Debug)]
pub(crate) struct ConfirmedPlan {
    /// Action to send now; `None` if all servers already have the state.
    pub(crate) first: Option<Authorised<Intent>>,
    /// A dangerous action was confirmed; also applies to the later action.
    pub(crate) is_typed: bool,
    /// Impact of the later action that was confirmed; `None` without one.
    pub(crate) then_impact: Option<ShownImpact>,
}

/// Actions on one HAProxy, and their danger; `None` if nothing is sent to it.
type RatedPlan = (ActionPlan, Option<Danger>);

fn is_typed(danger: Option<Danger>) -> bool {
    danger == Some(Danger::Highest)
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
        let title = for_admin_state(self.options.admin).title;
        // The setting is the same for all HAProxies.
        let refusal = self.balancers.iter().find_map(|balancer| balancer.instance().source().check_action(title).err());
        refusal.map_or(Ok(()), |refusal| Err(self.end_refused(&refusal.to_string())))
    }

    /// Finds the servers in the newest samples.
    ///
    /// # Errors
    /// Prints every missing server and returns the exit.
    pub(crate) async fn find_servers(&mut self) -> Result<(), CommandExit> {
        let mut missing = Vec::new();
        for (place, balancer) in self.balancers.iter_mut().enumerate() {
            missing.extend(balancer.find_servers(&self.options).into_iter().map(|why| (place, why)));
        }
        if missing.is_empty() { Ok(()) } else { Err(self.refuse(missing, CommandExit::Refused).await) }
    }

    /// Prints the initial states, asks for confirmation and authorizes the action on each HAProxy.
    ///
    /// # Errors
    /// Prints why nothing is sent and returns the exit.
    pub(crate) async fn confirm(&mut self) -> Result<Vec<ConfirmedPlan>, CommandExit> {
        loop {
            self.read_initial_states().await?;
            let plans = self.check_plans().await?;
            if plans.iter().all(|(_, danger)| danger.is_none()) {
                let nothing = |_| ConfirmedPlan { first: None, is_typed: false, then_impact: None };
                return Ok(plans.iter().map(nothing).collect());
            }
            self.prompt_for_reason().await?;
            let plans: Vec<RatedPlan> = plans
                .into_iter()
                .zip(&self.balancers)
                .map(|((_, danger), balancer)| (self.build_plan(balancer), danger))
                .collect();
            let asks = self.options.prompt_policy == PromptPolicy::Always;
            if asks {
                self.prompt_for_confirmation(&plans).await?;
            } else {
                self.accept_without_prompt(&plans).await?;
            }
            match self.authorise_plans(plans) {
                Ok(confirmed) => return Ok(confirmed),
                Err((place, why @ (Refusal::Changed { .. } | Refusal::WorseImpact(_) | Refusal::NotConfirmed)))
                    if asks =>
                {
                    let line = self.balancers[place].line(&format!("{why}; please confirm again"));
                    self.console.print(&line);
                }
                Err((place, why)) => {
                    return Err(self.refuse(vec![(place, why.to_string())], CommandExit::Refused).await);
                }
            }
        }
    }

    /// Authorizes the confirmed plans, or none of them.
    ///
    /// # Errors
    /// Returns the guard's refusal, with the position of the HAProxy.
    fn authorise_plans(&self, plans: Vec<RatedPlan>) -> Result<Vec<ConfirmedPlan>, (usize, Refusal)> {
        let authorise = |(place, (plan, danger)): (usize, RatedPlan)| {
            let (balancer, is_typed) = (&self.balancers[place], is_typed(danger));
            let then_impact = plan.then.and_then(|then| then.shown_impact);
            let first = plan.first.map(|first| balancer.authorise(first, is_typed)).transpose();
            Ok(ConfirmedPlan { first: first.map_err(|why| (place, why))?, is_typed, then_impact })
        };
        plans.into_iter().enumerate().map(authorise).collect()
    }

    fn end_refused(&mut self, why: &str) -> CommandExit {
        self.console.print_error(why);
        CommandExit::Refused
    }

    /// Ends a run that was not confirmed. If the question was asked again after a part was sent, reports the states.
    async fn end_unconfirmed(&mut self, why: &str, exit: CommandExit) -> CommandExit {
        self.console.print_error(why);
        if self.is_any_sent() {
            self.report_states().await;
        }
        exit
    }

    /// Reads and prints the initial administrative states of all servers.
    async fn read_initial_states(&mut self) -> Result<(), CommandExit> {
        let options = &self.options;
        let read = tokio::select! {
            biased;
            number = self.signals.wait() => Err(number),
            lines = join_all(self.balancers.iter_mut().map(|balancer| balancer.read_initial_states(options))) => Ok(lines),
        };
        match read {
            Ok(lines) => lines.concat().iter().for_each(|line| self.console.print(line)),
            Err(number) => return Err(self.stop_on_signal(number).await),
        }
        Ok(())
    }

    fn build_plan(&self, balancer: &CommandBalancer) -> ActionPlan {
        let (options, reason) = (&self.options, self.options.reason.as_ref());
        ActionPlan {
            first: balancer.build_intent(options.admin, reason, |server| !server.is_already_set),
            then: balancer.follow_up_intent(options),
            last_checks: balancer.instance().last_checks().clone(),
        }
    }

    /// Builds the plan of each HAProxy with its danger.
    ///
    /// # Errors
    /// Prints which HAProxies refuse the action and returns the exit.
    async fn check_plans(&mut self) -> Result<Vec<RatedPlan>, CommandExit> {
        let mut plans = Vec::new();
        let mut refusals = Vec::new();
        for (place, balancer) in self.balancers.iter().enumerate() {
            let plan = self.build_plan(balancer);
            let checked: Result<Vec<Danger>, Refusal> =
                plan.intents().map(|intent| guard::check_intent(intent, balancer.instance())).collect();
            match checked {
                Ok(dangers) => plans.push((plan, dangers.into_iter().max())),
                Err(why) => refusals.push((place, why.to_string())),
            }
        }
        if refusals.is_empty() { Ok(plans) } else { Err(self.refuse(refusals, CommandExit::Refused).await) }
    }

    /// Accepts the plans with `--yes`; requires `--force` if the dashboard would ask for a typed name.
    async fn accept_without_prompt(&mut self, plans: &[RatedPlan]) -> Result<(), CommandExit> {
        let mut refusals = Vec::new();
        let mut warnings = Vec::new();
        for (place, (balancer, (plan, danger))) in self.balancers.iter().zip(plans).enumerate() {
            let Some(sample) = balancer.instance().latest() else { continue };
            if is_typed(*danger) && self.options.prompt_policy != PromptPolicy::Never {
                let why = plan.danger_reasons(sample);
                refusals.push((place, format!("refused: {why}; add --force to override")));
            }
            let all = plan.warnings(sample).into_iter();
            warnings.extend(all.map(|warning| balancer.line(&format!("warning: {warning}"))));
        }
        if !refusals.is_empty() {
            return Err(self.refuse(refusals, CommandExit::Refused).await);
        }
        for warning in warnings {
            self.console.print(&warning);
        }
        Ok(())
    }

    /// Builds one question about all plans: what each HAProxy would do, and what would be left in total.
    fn question(&self, plans: &[RatedPlan]) -> Option<TerminalQuestion> {
        let asked = || self.balancers.iter().zip(plans).filter(|(_, (_, danger))| danger.is_some());
        let (first, (plan, danger)) = asked().next()?;
        if !self.has_several() {
            return Some(plan.question(first.instance().latest()?, (*danger)?));
        }
        let mut lines = Vec::new();
        let mut total = TotalCapacity::default();
        for (balancer, (plan, danger)) in self.balancers.iter().zip(plans) {
            let Some(sample) = balancer.instance().latest() else { continue };
            let name = balancer.label.as_deref().unwrap_or_default();
            for TargetServer { target, capacity, .. } in &balancer.servers {
                if let Some(capacity) = capacity {
                    total.set(name, sample, &target.proxy, *capacity);
                }
            }
            if danger.is_some() {
                lines.push(heading(balancer));
                lines.extend(plan.question_lines(sample));
                let compared = first.instance().latest().filter(|_| !std::ptr::eq(first, balancer));
                if let Some(compared) = compared {
                    let targets = balancer.servers.iter().map(|server| &server.target);
                    let other = (first.label.as_deref().unwrap_or_default(), &**compared);
                    let differences = other_addresses::describe(targets, sample, other);
                    lines.extend(differences.into_iter().map(|line| format!("  !      {line}")));
                }
                for impact in plan.impacts(sample) {
                    total.set(name, sample, &impact.backend, impact.after);
                }
            }
        }
        lines.extend(total.describe().into_iter().map(|line| format!("  total  {line}")));
        let count = asked().count();
        let is_typed = asked().any(|(_, (_, danger))| is_typed(*danger));
        let name = is_typed.then(|| match count {
            1 => plan.name_to_type().unwrap_or_default(),
            _ => Self::balancer_count(count),
        });
        Some(TerminalQuestion::new(lines, name))
    }

    async fn prompt_for_confirmation(&mut self, plans: &[RatedPlan]) -> Result<(), CommandExit> {
        let Some(question) = self.question(plans) else { return Ok(()) };
        match terminal_question::confirm(question, &mut self.signals).await {
            QuestionResult::Yes => {}
            QuestionResult::No(why) => return Err(self.end_unconfirmed(&why, CommandExit::Refused).await),
            QuestionResult::Text(_) => {
                return Err(self.end_unconfirmed("nothing was sent", CommandExit::Refused).await);
            }
            QuestionResult::Signal(number) => return Err(self.stop_on_signal(number).await),
        }
        // The samples may be old after the prompt.
        let polled = join_all(self.balancers.iter_mut().map(|balancer| balancer.controller.poller.poll())).await;
        let failures = polled.into_iter().enumerate().filter_map(|(place, polled)| Some((place, polled.err()?)));
        let failures: Vec<(usize, String)> =
            failures.map(|(place, failure)| (place, format!("{}: nothing was sent", failure.reason))).collect();
        if failures.is_empty() { Ok(()) } else { Err(self.refuse(failures, CommandExit::Unreachable).await) }
    }

    /// Asks for a reason if one is required and missing.
    async fn prompt_for_reason(&mut self) -> Result<(), CommandExit> {
        if !self.options.is_reason_required || self.options.reason.is_some() {
            return Ok(());
        }
        let answer = match terminal_question::read_text("Reason: ", &mut self.signals).await {
            QuestionResult::Text(text) => text,
            QuestionResult::Yes => String::new(),
            QuestionResult::No(why) => return Err(self.end_unconfirmed(&why, CommandExit::Refused).await),
            QuestionResult::Signal(number) => return Err(self.stop_on_signal(number).await),
        };
        match answer.trim() {
            "" => Err(self.end_unconfirmed("a reason is required: nothing was sent", CommandExit::Refused).await),
            reason => {
                self.options.reason = Some(reason.to_owned());
                Ok(())
            }
        }
    }
}

/// Returns the line of a question that names a HAProxy, its version and the level of its socket.
fn heading(balancer: &CommandBalancer) -> String {
    let version = balancer.instance().latest().and_then(|sample| sample.info.version());
    let version = version.as_ref().map_or(String::new(), |version: &Version| format!(", HAProxy {version}"));
    let level = balancer.instance().level().map_or(String::new(), |level| format!(", level {level}"));
    format!("{}{version}{level}", balancer.label.as_deref().unwrap_or_default())
}
