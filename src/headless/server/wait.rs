//! Waiting after an action: polls until every server has reached its goal, the deadline passes, another operator or its
//! agent changes a server, or a signal arrives. An HAProxy that does not answer, as during a restart, only prolongs the
//! wait. Sessions in a process from before a reload count as well.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::actions::verification;
use crate::haproxy::write_command::TargetState;
use crate::headless::exit_code::CommandExit;
use crate::headless::server::progress::{ServerProgress, WaitGoal, server_progress, summarize};
use crate::headless::server::server_run::{FINAL_POLL_TIMEOUT, ServerCommand, TargetServer};
use crate::observe::link::Link;
use crate::observe::old_process_finder;
use crate::observe::old_processes::{OldSessions, UncountedReason};
use crate::units::exact_duration_words;

/// Time between two updates of the countdown.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);
/// Pause before the next poll of a HAProxy that does not answer.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// Consecutive samples that confirm a usable server: its first health check may still be running.
const USABLE_SAMPLES: usize = 2;

impl ServerCommand<'_> {
    /// Waits until every server has reached its goal.
    ///
    /// # Errors
    /// Prints why the goal was not reached and returns the exit.
    pub(crate) async fn wait_for_goal(&mut self, limit: Duration) -> Result<(), CommandExit> {
        let begun = Instant::now();
        let deadline = begun + limit;
        let awaits_end_of_sessions = |server: &&TargetServer| server.goal != WaitGoal::Usable;
        let followed = self.servers.iter().filter(awaits_end_of_sessions).map(|server| server.id).collect();
        self.controller.poller.instance.follow_servers(followed);
        let mut progresses = Vec::new();
        loop {
            let pause = tokio::select! {
                biased;
                number = self.signals.wait() => return Err(self.stop_on_signal(number).await),
                () = sleep_until(deadline) => return self.finish_at_deadline(&progresses, begun, limit).await,
                polled = self.controller.poller.poll() => polled
            };
            let due = (Instant::now() + pause.as_ref().map_or(RETRY_DELAY, |pause| *pause)).min(deadline);
            if pause.is_ok() {
                self.report_reload();
                self.find_old_processes(deadline).await?;
                progresses = self.evaluate_servers().await?;
                self.report_reached(&progresses, begun.elapsed());
                if progresses.iter().all(|(_, progress)| progress.is_reached) {
                    return Ok(());
                }
            }
            loop {
                self.show_progress(&progresses, deadline.saturating_duration_since(Instant::now()));
                if Instant::now() >= due {
                    break;
                }
                tokio::select! {
                    biased;
                    number = self.signals.wait() => return Err(self.stop_on_signal(number).await),
                    () = sleep_until(due.min(Instant::now() + PROGRESS_INTERVAL)) => {}
                }
            }
        }
    }

    /// Finds the old processes and counts their sessions, if that is due, until `limit` at the latest.
    async fn find_old_processes(&mut self, limit: Instant) -> Result<(), CommandExit> {
        let now = self.controller.now();
        let Some(query) = self.controller.poller.instance.start_old_process_search(now) else { return Ok(()) };
        let reader = &self.controller.operator.reader;
        let (address, limits) = (&reader.address, &reader.limits);
        let found = tokio::select! {
            biased;
            number = self.signals.wait() => return Err(self.stop_on_signal(number).await),
            () = sleep_until(limit) => {
                self.controller.poller.instance.request_old_process_search();
                return Ok(());
            }
            found = old_process_finder::find(address, limits, &query) => found
        };
        self.controller.poller.instance.finish_old_process_search(found);
        Ok(())
    }

    /// Returns the progress of each server; stops if one was removed or changed.
    async fn evaluate_servers(&mut self) -> Result<Vec<(String, ServerProgress)>, CommandExit> {
        let version = self.controller.poller.instance.latest().and_then(|sample| sample.info.version());
        let mut all = Vec::with_capacity(self.servers.len());
        for place in 0..self.servers.len() {
            let server = &self.servers[place];
            let Some(mut progress) = server_progress(&self.controller.poller.instance, server.id, server.goal) else {
                let why = self.describe_state(server);
                return Err(self.stop_on_change(&why).await);
            };
            if progress.is_doubtful {
                let step = server.step();
                let readback = self.controller.operator.read_back(&step).await.map(|(_, readback)| readback);
                match readback.and_then(|readback| verification::is_applied(&step, None, &readback, version)) {
                    Some(true) => {}
                    Some(false) => {
                        let why = self.describe_change(server);
                        return Err(self.stop_on_change(&why).await);
                    }
                    // Unknown now; try again with the next sample.
                    None => progress.is_reached = false,
                }
            }
            let needs = if server.goal == WaitGoal::Usable && progress.text != "no check" { USABLE_SAMPLES } else { 1 };
            let server = &mut self.servers[place];
            server.reached_samples = if progress.is_reached { server.reached_samples + 1 } else { 0 };
            if progress.is_reached && server.reached_samples < needs {
                progress.is_reached = false;
                progress.text += ", confirming";
            }
            all.push((server.name(), progress));
        }
        Ok(all)
    }

    /// Describes why a server no longer has the requested state.
    fn describe_change(&self, server: &TargetServer) -> String {
        let (name, instance) = (server.name(), &self.controller.poller.instance);
        let status = instance.last_status(server.id).unwrap_or_default();
        let is_reloaded = instance.latest().is_some_and(|sample| sample.epoch.number != self.epoch);
        match (server.expected, is_reloaded) {
            (TargetState::Drain, true) => {
                format!("HAProxy reload reset the drain of {name}: its status is {status} now")
            }
            (TargetState::Maint, true) => {
                format!("HAProxy reload reset the maintenance of {name}: its status is {status} now")
            }
            (TargetState::Ready, true) => {
                format!("HAProxy reload took {name} out of service again: its status is {status} now")
            }
            (holds, false) => format!(
                "{name} was changed by {}: its status is {status} now, expected {}",
                instance.last_changer(server.id),
                holds.as_str()
            ),
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
        progresses: &[(String, ServerProgress)],
        begun: Instant,
        limit: Duration,
    ) -> Result<(), CommandExit> {
        let mut progresses = progresses.to_vec();
        let is_held = progresses.iter().any(|(_, progress)| progress.held_by_old.is_some());
        if is_held && self.controller.poll_within(FINAL_POLL_TIMEOUT).await {
            self.controller.poller.instance.request_old_process_search();
            self.find_old_processes(Instant::now() + FINAL_POLL_TIMEOUT).await?;
            progresses = self.evaluate_servers().await?;
            self.report_reached(&progresses, begun.elapsed());
        }
        let is_open = |progress: &ServerProgress| !progress.is_reached;
        let open: Vec<&(String, ServerProgress)> =
            progresses.iter().filter(|(_, progress)| is_open(progress)).collect();
        if !progresses.is_empty() && open.is_empty() {
            return Ok(());
        }
        let deadline = format!("deadline of {} exceeded", exact_duration_words(limit));
        let is_answering = self.controller.poller.instance.link().is_up();
        if is_answering && !open.is_empty() && open.iter().all(|(_, progress)| progress.held_by_old.is_some()) {
            let who = match open.as_slice() {
                [(one, _)] => format!("{one} is"),
                several => format!("{} servers are", several.len()),
            };
            self.console.print_error(&format!("{deadline}: {who} empty here, but an old worker still holds sessions"));
            for (name, progress) in &open {
                self.report_old_sessions(name, progress.held_by_old.as_ref());
            }
            self.report_maint_not_set();
            self.report_states().await;
            return Err(CommandExit::HeldByOldProcess);
        }
        let open: Vec<String> =
            self.servers.iter().filter(|server| !server.is_reported).map(TargetServer::name).collect();
        let done = self.goal_word();
        let who = match open.as_slice() {
            [one] => format!("{one} is not {done}"),
            several => format!("{} of {} servers are not {done}", several.len(), self.servers.len()),
        };
        self.console.print_error(&format!("{deadline}: {who}"));
        if let Link::Lost { since, failure } = self.controller.poller.instance.link() {
            let silent = exact_duration_words(self.controller.now().saturating_sub(*since));
            self.console.print_detail(&format!("  HAProxy has not answered for {silent}: {}", failure.reason));
        }
        self.report_maint_not_set();
        self.report_states().await;
        Err(CommandExit::Deadline)
    }

    /// Reports which old processes hold, or may hold, sessions on a server, and what can be done about it.
    fn report_old_sessions(&mut self, name: &str, old: Option<&OldSessions>) {
        let Some(old) = old else { return };
        let master = self.controller.poller.instance.old_processes().and_then(|found| found.master_socket.clone());
        let mut lines = vec![format!("{name}: {old}")];
        let advice = |pid| {
            format!("process {pid} ends with its last session; kill -TERM {pid} ends it now, with all its sessions")
        };
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
        for line in lines {
            self.console.print_detail(&format!("  {line}"));
        }
    }

    fn goal_word(&self) -> &'static str {
        if self.options.admin == TargetState::Ready { "usable" } else { "drained" }
    }

    /// Reports each server once when it reaches its goal, and again if it had lost the goal in between.
    fn report_reached(&mut self, progresses: &[(String, ServerProgress)], elapsed: Duration) {
        for (server, (name, progress)) in self.servers.iter_mut().zip(progresses) {
            if progress.is_reached && !server.is_reported {
                let what = match server.goal {
                    WaitGoal::Drained => "drained".to_owned(),
                    WaitGoal::MaintIdle => "in maintenance without sessions".to_owned(),
                    WaitGoal::Usable => progress.text.clone(),
                };
                self.console.print(&format!("{name} is {what} after {}", exact_duration_words(elapsed)));
            }
            server.is_reported = progress.is_reached;
        }
    }

    /// Reports a reload.
    fn report_reload(&mut self) {
        let Some(epoch) = self.controller.poller.instance.latest().map(|sample| sample.epoch) else { return };
        if epoch.number == self.reported_epoch {
            return;
        }
        self.reported_epoch = epoch.number;
        if self.options.admin != TargetState::Ready {
            self.console.print(&format!("HAProxy was reloaded (new pid {})", epoch.pid));
        }
    }

    fn show_progress(&mut self, progresses: &[(String, ServerProgress)], left: Duration) {
        let now = self.controller.now();
        if let Link::Lost { failure, .. } = self.controller.poller.instance.link() {
            let line = format!(
                "HAProxy does not answer: {}; {} until the deadline",
                failure.reason,
                exact_duration_words(left)
            );
            return self.console.print_progress(&failure.reason.clone(), &line, now);
        }
        let summary = summarize(progresses, self.goal_word(), left);
        self.console.print_progress(&summary.change_key, &summary.line, now);
    }
}
