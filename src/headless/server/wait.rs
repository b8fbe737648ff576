//! Waiting after an action: until every server has reached its goal on every HAProxy, the deadline passes, another
//! operator or its agent changes a server, or a signal arrives. Each HAProxy is polled at its own pace
//! ([`crate::headless::server::balancer_wait`]), so that one that does not answer delays no other.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::haproxy::write_command::TargetState;
use crate::headless::exit_code::CommandExit;
use crate::headless::join::join_all;
use crate::headless::server::balancer_wait::{BalancerProgress, BalancerWait, WaitEvent};
use crate::headless::server::command_balancer::CommandBalancer;
use crate::headless::server::command_output::Console;
use crate::headless::server::progress::{ServerProgress, WaitGoal, summarize};
use crate::headless::server::server_run::{FINAL_POLL_TIMEOUT, ServerCommand};
use crate::observe::link::Link;
use crate::observe::old_processes::{OldSessions, UncountedReason};
use crate::units::exact_duration_words;

/// Time between two updates of the countdown.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// Latest news of one HAProxy.
#[derive(Debug, Clone, Default)]
struct LatestProgress {
    /// Progress of its servers in its newest sample; `None` before the first one.
    progresses: Option<BalancerProgress>,
    /// Reason why it does not answer; `None` if it does.
    silence: Option<String>,
}

impl LatestProgress {
    fn is_reached(&self) -> bool {
        let are_reached = |all: &BalancerProgress| all.iter().all(|(_, progress)| progress.is_reached);
        self.silence.is_none() && self.progresses.as_ref().is_some_and(are_reached)
    }
}

/// Reason why polling ended.
enum WaitEnd {
    Reached,
    Deadline,
    Changed(String),
    Signal(i32),
}

impl ServerCommand<'_> {
    /// Waits until every server has reached its goal.
    ///
    /// # Errors
    /// Prints why the goal was not reached and returns the exit.
    pub(crate) async fn wait_for_goal(&mut self, limit: Duration) -> Result<(), CommandExit> {
        let begun = Instant::now();
        for balancer in &mut self.balancers {
            let servers = balancer.servers.iter();
            let awaits_end_of_sessions = servers.filter(|server| server.goal != WaitGoal::Usable);
            let followed = awaits_end_of_sessions.map(|server| server.id).collect();
            balancer.controller.poller.instance.follow_servers(followed);
        }
        let mut latest = vec![LatestProgress::default(); self.balancers.len()];
        match self.poll_until_end(begun, begun + limit, &mut latest).await {
            WaitEnd::Reached => Ok(()),
            WaitEnd::Deadline => self.finish_at_deadline(latest, begun, limit).await,
            WaitEnd::Changed(why) => Err(self.stop_on_change(&why).await),
            WaitEnd::Signal(number) => Err(self.stop_on_signal(number).await),
        }
    }

    async fn poll_until_end(&mut self, begun: Instant, deadline: Instant, latest: &mut [LatestProgress]) -> WaitEnd {
        let Self { options, balancers, signals, console, .. } = self;
        let (admin, clock) = (options.admin, balancers[0].controller.poller.clock);
        let labels: Vec<Option<String>> = balancers.iter().map(|balancer| balancer.label.clone()).collect();
        let total = balancers.iter().map(|balancer| balancer.servers.len()).sum();
        let (events, mut received) = mpsc::unbounded_channel();
        let watches = balancers
            .iter_mut()
            .enumerate()
            .map(|(place, balancer)| balancer.watch(admin, BalancerWait { place, begun, events: events.clone() }));
        let mut watching = pin!(join_all(watches));
        loop {
            let countdown = Instant::now() + PROGRESS_INTERVAL;
            tokio::select! {
                biased;
                number = signals.wait() => return WaitEnd::Signal(number),
                () = sleep_until(deadline) => return WaitEnd::Deadline,
                event = received.recv() => match event {
                    Some((_, WaitEvent::Line(line))) => {
                        console.print(&line);
                        continue;
                    }
                    Some((_, WaitEvent::Changed(why))) => return WaitEnd::Changed(why),
                    Some((place, WaitEvent::Silent(reason))) => latest[place].silence = Some(reason),
                    Some((place, WaitEvent::Sampled(progresses))) => {
                        latest[place] = LatestProgress { progresses: Some(progresses), silence: None };
                        if latest.iter().all(LatestProgress::is_reached) {
                            return WaitEnd::Reached;
                        }
                    }
                    // Polling never ends.
                    None => {}
                },
                _ = &mut watching => {}
                () = sleep_until(countdown) => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            show_progress(console, latest, (&labels, total), (goal_word(admin), left), clock.now().monotonic);
        }
    }

    async fn stop_on_change(&mut self, why: &str) -> CommandExit {
        self.console.print_error(why);
        self.report_maint_not_set();
        self.report_states().await;
        CommandExit::Refused
    }

    fn report_maint_not_set(&mut self) {
        if self.options.then_maint {
            self.console.print_detail("  maintenance was not set");
        }
    }

    /// Ends the wait at the deadline. If only old processes kept servers from being empty, looks a last time.
    async fn finish_at_deadline(
        &mut self,
        mut latest: Vec<LatestProgress>,
        begun: Instant,
        limit: Duration,
    ) -> Result<(), CommandExit> {
        let is_held = |(_, progress): &(String, ServerProgress)| progress.held_by_old.is_some();
        for (place, known) in latest.iter_mut().enumerate() {
            if !known.progresses.as_ref().is_some_and(|all| all.iter().any(is_held)) {
                continue;
            }
            match self.balancers[place].look_again(FINAL_POLL_TIMEOUT).await {
                Ok(None) => {}
                Ok(Some(progresses)) => {
                    for line in self.balancers[place].describe_reached(&progresses, begun.elapsed()) {
                        self.console.print(&line);
                    }
                    *known = LatestProgress { progresses: Some(progresses), silence: None };
                }
                Err(why) => return Err(self.stop_on_change(&why).await),
            }
        }
        if latest.iter().all(|known| {
            known.progresses.as_ref().is_some_and(|all| all.iter().all(|(_, progress)| progress.is_reached))
        }) {
            return Ok(());
        }
        let deadline = format!("deadline of {} exceeded", exact_duration_words(limit));
        let all: Vec<(String, ServerProgress)> =
            latest.into_iter().filter_map(|known| known.progresses).flatten().collect();
        let open: Vec<&(String, ServerProgress)> = all.iter().filter(|(_, progress)| !progress.is_reached).collect();
        let are_answering = self.balancers.iter().all(|balancer| balancer.instance().link().is_up());
        if are_answering && !open.is_empty() && open.iter().all(|one| is_held(one)) {
            let who = match open.as_slice() {
                [(one, _)] => format!("{one} is"),
                several => format!("{} servers are", several.len()),
            };
            self.console.print_error(&format!("{deadline}: {who} empty here, but an old worker still holds sessions"));
            for balancer in &self.balancers {
                for server in &balancer.servers {
                    let name = balancer.line(&server.name());
                    let held =
                        open.iter().find(|(held, _)| *held == name).and_then(|(_, one)| one.held_by_old.as_ref());
                    let lines = held.map_or_else(Vec::new, |old| describe_old_sessions(balancer, &name, old));
                    for line in lines {
                        self.console.print_detail(&format!("  {line}"));
                    }
                }
            }
            self.report_maint_not_set();
            self.report_states().await;
            return Err(CommandExit::HeldByOldProcess);
        }
        let unreached = self.all_servers().filter(|(_, server)| !server.is_reported);
        let unreached: Vec<String> = unreached.map(|(balancer, server)| balancer.full_name(server)).collect();
        let done = goal_word(self.options.admin);
        let who = match unreached.as_slice() {
            [one] => format!("{one} is not {done}"),
            several => format!("{} of {} servers are not {done}", several.len(), self.all_servers().count()),
        };
        self.console.print_error(&format!("{deadline}: {who}"));
        for balancer in &self.balancers {
            if let Link::Lost { since, failure, .. } = balancer.instance().link() {
                let silent = exact_duration_words(balancer.controller.now().saturating_sub(*since));
                let line = balancer.line(&format!("HAProxy has not answered for {silent}: {}", failure.reason));
                self.console.print_detail(&format!("  {line}"));
            }
        }
        self.report_maint_not_set();
        self.report_states().await;
        Err(CommandExit::Deadline)
    }
}

fn goal_word(admin: TargetState) -> &'static str {
    if admin == TargetState::Ready { "usable" } else { "drained" }
}

/// Describes which old processes hold, or may hold, sessions on a server, and what can be done about it.
fn describe_old_sessions(balancer: &CommandBalancer, name: &str, old: &OldSessions) -> Vec<String> {
    let master = balancer.instance().old_processes().and_then(|found| found.master_socket.clone());
    let mut lines = vec![format!("{name}: {old}")];
    let advice =
        |pid| format!("process {pid} ends with its last session; kill -TERM {pid} ends it now, with all its sessions");
    for pid in old.counted_pids() {
        lines.extend(
            master
                .as_ref()
                .map(|master| format!("to list them: send \"@!{pid} show sess\" to the master socket {master}")),
        );
        lines.push(advice(pid));
    }
    for (pid, reason) in old.uncounted() {
        lines.push(format!("the sessions of {pid} cannot be counted: {reason}"));
        lines.push(match reason {
            UncountedReason::NotVisible => {
                format!("process {pid} may have ended already: look for it where HAProxy runs")
            }
            _ => advice(pid),
        });
    }
    lines
}

/// Prints the progress of all HAProxies. `labels` are their names if there are several, `total` is the number of servers,
/// and `left` is the time until the deadline.
fn show_progress(
    console: &mut Console,
    latest: &[LatestProgress],
    (labels, total): (&[Option<String>], usize),
    (done, left): (&str, Duration),
    now: Duration,
) {
    let silent: Vec<String> = latest
        .iter()
        .zip(labels)
        .filter_map(|(known, label)| {
            let label = label.as_ref().map_or_else(String::new, |label| format!("{label}: "));
            Some(format!("{label}HAProxy does not answer: {}", known.silence.as_ref()?))
        })
        .collect();
    let known = latest.iter().filter(|known| known.silence.is_none()).filter_map(|known| known.progresses.as_ref());
    let progresses: Vec<(String, ServerProgress)> = known.flatten().cloned().collect();
    if silent.is_empty() && progresses.is_empty() {
        return;
    }
    let summary = summarize(&progresses, &silent, total, done, left);
    console.print_progress(&summary.change_key, &summary.line, now);
}
