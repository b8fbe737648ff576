//! Waiting for the servers of one HAProxy: polls it until the run ends, and reports what each sample shows. An HAProxy that
//! does not answer, as during a restart, only prolongs the wait. Sessions in a process from before a reload count as well.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep_until, timeout};

use crate::actions::verification;
use crate::haproxy::write_command::TargetState;
use crate::headless::server::command_balancer::{CommandBalancer, TargetServer};
use crate::headless::server::progress::{ServerProgress, WaitGoal, server_progress};
use crate::observe::link::Link;
use crate::observe::old_process_finder;
use crate::units::exact_duration_words;

/// Pause before the next poll of a HAProxy that does not answer.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// Consecutive samples that confirm a usable server: its first health check may still be running.
const USABLE_SAMPLES: usize = 2;

/// Progress of the servers of one HAProxy, with their names.
pub(crate) type BalancerProgress = Vec<(String, ServerProgress)>;

/// News from a poll while the run waits.
#[derive(Debug)]
pub(crate) enum WaitEvent {
    /// A line to print.
    Line(String),
    /// A sample, with the progress of each server.
    Sampled(BalancerProgress),
    /// HAProxy does not answer, for this reason.
    Silent(String),
    /// A server no longer has the requested state, as described.
    Changed(String),
}

/// Wait of one HAProxy.
#[derive(Debug)]
pub(crate) struct BalancerWait {
    /// Position of the HAProxy in the run.
    pub(crate) place: usize,
    /// Start of the wait.
    pub(crate) begun: Instant,
    /// Receiver of the events.
    pub(crate) events: UnboundedSender<(usize, WaitEvent)>,
}

impl BalancerWait {
    fn send(&self, event: WaitEvent) {
        // The run may have ended.
        let _ = self.events.send((self.place, event));
    }
}

impl CommandBalancer {
    /// Polls until the future is dropped, which may happen at any time.
    pub(crate) async fn watch(&mut self, admin: TargetState, wait: BalancerWait) -> Infallible {
        loop {
            let polled = self.controller.poller.poll().await;
            let next = Instant::now() + polled.as_ref().map_or(RETRY_DELAY, |pause| *pause);
            if polled.is_ok() {
                if let Some(line) = self.describe_reload(admin) {
                    wait.send(WaitEvent::Line(line));
                }
                self.find_old_processes().await;
                match self.evaluate_servers().await {
                    Ok(progresses) => {
                        for line in self.describe_reached(&progresses, wait.begun.elapsed()) {
                            wait.send(WaitEvent::Line(line));
                        }
                        wait.send(WaitEvent::Sampled(progresses));
                    }
                    Err(why) => wait.send(WaitEvent::Changed(why)),
                }
            }
            if let Link::Lost { failure, .. } = self.instance().link() {
                wait.send(WaitEvent::Silent(failure.reason.clone()));
            }
            sleep_until(next).await;
        }
    }

    /// Finds the old processes and counts their sessions, if that is due.
    async fn find_old_processes(&mut self) {
        let now = self.controller.now();
        let Some(query) = self.controller.poller.instance.start_old_process_search(now) else { return };
        let reader = &self.controller.operator.reader;
        let found = old_process_finder::find(&reader.address, &reader.limits, &query).await;
        self.controller.poller.instance.finish_old_process_search(found);
    }

    /// Looks a last time, at the deadline, if only old processes kept servers from being empty. Returns the progress of the
    /// servers, or `None` if HAProxy does not answer in time.
    ///
    /// # Errors
    /// Returns why a server no longer has the requested state.
    pub(crate) async fn look_again(&mut self, limit: Duration) -> Result<Option<BalancerProgress>, String> {
        if !self.controller.poll_within(limit).await {
            return Ok(None);
        }
        self.controller.poller.instance.request_old_process_search();
        if timeout(limit, self.find_old_processes()).await.is_err() {
            self.controller.poller.instance.request_old_process_search();
        }
        self.evaluate_servers().await.map(Some)
    }

    /// Returns the progress of each server.
    ///
    /// # Errors
    /// Returns a description if a server was removed or changed.
    async fn evaluate_servers(&mut self) -> Result<BalancerProgress, String> {
        let version = self.instance().latest().and_then(|sample| sample.info.version());
        let mut all = Vec::with_capacity(self.servers.len());
        for place in 0..self.servers.len() {
            let server = &self.servers[place];
            let Some(mut progress) = server_progress(self.instance(), server.id, server.goal) else {
                return Err(self.line(&self.describe_state(server)));
            };
            if progress.is_doubtful {
                let step = server.step();
                let readback = self.controller.operator.read_back(&step).await.map(|(_, readback)| readback);
                match readback.and_then(|readback| verification::is_applied(&step, None, &readback, version)) {
                    Some(true) => {}
                    Some(false) => return Err(self.line(&self.describe_change(server))),
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
            all.push((self.line(&self.servers[place].name()), progress));
        }
        Ok(all)
    }

    /// Describes why a server no longer has the requested state.
    fn describe_change(&self, server: &TargetServer) -> String {
        let (name, instance) = (server.name(), self.instance());
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

    /// Describes each server once when it reaches its goal, and again if it had lost the goal in between.
    pub(crate) fn describe_reached(&mut self, progresses: &BalancerProgress, elapsed: Duration) -> Vec<String> {
        let mut lines = Vec::new();
        for (server, (name, progress)) in self.servers.iter_mut().zip(progresses) {
            if progress.is_reached && !server.is_reported {
                let what = match server.goal {
                    WaitGoal::Drained => "drained".to_owned(),
                    WaitGoal::MaintIdle => "in maintenance without sessions".to_owned(),
                    WaitGoal::Usable => progress.text.clone(),
                };
                lines.push(format!("{name} is {what} after {}", exact_duration_words(elapsed)));
            }
            server.is_reported = progress.is_reached;
        }
        lines
    }

    /// Describes a reload once.
    fn describe_reload(&mut self, admin: TargetState) -> Option<String> {
        let epoch = self.instance().latest()?.epoch;
        if epoch.number == self.reported_epoch {
            return None;
        }
        self.reported_epoch = epoch.number;
        (admin != TargetState::Ready).then(|| self.line(&format!("HAProxy was reloaded (new pid {})", epoch.pid)))
    }
}
