//! State of one run of `hapulse drain`, `maint` or `ready`: the HAProxies, and the report that is printed
//! when the run fails or is stopped. [`crate::headless::server::confirm`] adds the confirmation,
//! [`crate::headless::server::wait`] the waiting.

use std::time::Duration;

use crate::fleet::total_capacity::TotalCapacity;
use crate::haproxy::write_command::TargetState;
use crate::headless::exit_code::CommandExit;
use crate::headless::join::join_all;
use crate::headless::server::command_balancer::{BalancerStage, CommandBalancer, TargetServer};
use crate::headless::server::command_options::ServerCommandOptions;
use crate::headless::server::command_output::Console;
use crate::headless::signals::Signals;
use crate::term::ending_signals;
use crate::units::pluralize;

/// Time limit for the last poll before the command ends.
pub(crate) const FINAL_POLL_TIMEOUT: Duration = Duration::from_secs(3);

/// One run of `hapulse drain`, `maint` or `ready`.
pub(crate) struct ServerCommand<'a> {
    /// Options from the command line.
    pub(crate) options: ServerCommandOptions,
    /// The HAProxies, in the order in which they are changed; at least one.
    pub(crate) balancers: Vec<CommandBalancer>,
    /// Signals that stop the command.
    pub(crate) signals: Signals,
    /// Output of the command.
    pub(crate) console: &'a mut Console,
    /// Report the server states if the command is stopped.
    pub(crate) must_report_states: bool,
}

impl ServerCommand<'_> {
    /// Returns whether the run has several HAProxies.
    pub(crate) fn has_several(&self) -> bool {
        self.balancers.len() > 1
    }

    /// Returns the servers of all HAProxies, each with its HAProxy.
    pub(crate) fn all_servers(&self) -> impl Iterator<Item = (&CommandBalancer, &TargetServer)> {
        self.balancers.iter().flat_map(|balancer| balancer.servers.iter().map(move |server| (balancer, server)))
    }

    /// Returns whether a command was sent.
    pub(crate) fn is_any_sent(&self) -> bool {
        self.all_servers().any(|(_, server)| server.is_sent)
    }

    /// Prints what the HAProxies at these positions refuse, and that nothing was sent or what was. Returns the exit.
    pub(crate) async fn refuse(&mut self, refusals: Vec<(usize, String)>, exit: CommandExit) -> CommandExit {
        for (place, why) in &refusals {
            let line = self.balancers[*place].line(why);
            self.console.print_error(&line);
        }
        if !self.has_several() {
            return exit;
        }
        if self.is_any_sent() {
            self.report_states().await;
            return exit;
        }
        self.console.print_detail(&format!("  nothing was sent to any of the {} balancers", self.balancers.len()));
        let is_refusing = |place: usize| refusals.iter().any(|(refusing, _)| *refusing == place);
        let others = self.balancers.iter().enumerate().filter(|(place, _)| !is_refusing(*place));
        let arguments: String = others.map(|(_, balancer)| balancer.target_arguments.as_str()).collect();
        if !arguments.is_empty() {
            let line = Self::command_line(self.options.admin, &arguments, &self.server_names());
            self.console.print_detail(&format!("  to leave out what refuses: {line}"));
        }
        exit
    }

    fn server_names(&self) -> String {
        let names: Vec<String> = self.options.servers.iter().map(ToString::to_string).collect();
        names.join(" ")
    }

    fn command_line(admin: TargetState, target_arguments: &str, servers: &str) -> String {
        format!("hapulse {}{target_arguments} {servers}", admin.as_str())
    }

    /// Reports that a signal stopped the command and, if `must_report_states` is set, the server states.
    pub(crate) async fn stop_on_signal(&mut self, number: i32) -> CommandExit {
        let nothing = if self.is_any_sent() { "" } else { ": nothing was sent" };
        self.console.print_error(&format!("stopped by {}{nothing}", ending_signals::name(number)));
        if self.must_report_states {
            self.report_states().await;
        }
        CommandExit::Signal(number)
    }

    /// Reports the state of each server and the commands that restore the initial states. Returns for each HAProxy
    /// whether it answered the last poll.
    pub(crate) async fn report_states(&mut self) -> Vec<bool> {
        let polls = self.balancers.iter_mut().map(|balancer| balancer.controller.poll_within(FINAL_POLL_TIMEOUT));
        let are_fresh = join_all(polls).await;
        let is_partial = self.balancers.iter().any(|balancer| balancer.stage != BalancerStage::Done);
        let mut lines = Vec::new();
        for (balancer, is_fresh) in self.balancers.iter().zip(&are_fresh) {
            let stage = if self.has_several() && is_partial { format!("{}: ", balancer.stage) } else { String::new() };
            if !is_fresh {
                lines.push(balancer.line("HAProxy does not answer; last known states:"));
            }
            let states = balancer.servers.iter().map(|server| stage.clone() + &balancer.describe_state(server));
            lines.extend(states.map(|state| balancer.line(&state)));
        }
        lines.extend(self.restore_commands());
        for line in lines {
            self.console.print_detail(&format!("  {line}"));
        }
        are_fresh
    }

    /// Returns the command lines that restore the initial states: one for all HAProxies with the same servers to restore.
    pub(crate) fn restore_commands(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for admin in [TargetState::Ready, TargetState::Drain, TargetState::Maint] {
            let mut groups: Vec<(Vec<String>, Vec<&CommandBalancer>)> = Vec::new();
            for balancer in &self.balancers {
                let restored = balancer.servers.iter();
                let restored = restored.filter(|server| balancer.restore_state(server, &self.options) == Some(admin));
                let names: Vec<String> = restored.map(TargetServer::name).collect();
                match groups.iter_mut().find(|(known, _)| *known == names) {
                    _ if names.is_empty() => {}
                    Some((_, balancers)) => balancers.push(balancer),
                    None => groups.push((names, vec![balancer])),
                }
            }
            for (names, balancers) in groups {
                let them = if names.len() * balancers.len() == 1 { "it" } else { "them" };
                let arguments = if balancers.len() == self.balancers.len() {
                    self.options.target_arguments.clone()
                } else {
                    balancers.iter().map(|balancer| balancer.target_arguments.as_str()).collect()
                };
                let line = Self::command_line(admin, &arguments, &names.join(" "));
                lines.push(format!("to restore {them}: {line}"));
            }
        }
        lines
    }

    /// Returns lines about what is left of the backends on all HAProxies together; empty for a single one.
    pub(crate) fn describe_total_left(&self) -> Vec<String> {
        let mut total = TotalCapacity::default();
        for (balancer, server) in self.all_servers() {
            let name = balancer.label.as_deref().unwrap_or_default();
            if let (Some(sample), Some(capacity)) = (balancer.instance().latest(), server.capacity) {
                total.set(name, sample, &server.target.proxy, capacity);
            }
        }
        total.describe()
    }

    /// Returns the number of HAProxies as in `3 balancers`.
    pub(crate) fn balancer_count(count: usize) -> String {
        pluralize(count as i64, "balancer")
    }
}
