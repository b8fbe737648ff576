//! Commands that the operator confirmed and whose results were not on the screen yet, and their report when the
//! dashboard ends or is suspended.
//!
//! The event loop adds a command before the I/O thread sends it; the I/O thread records each result; the event loop
//! removes a command once a frame has shown its result. However the program ends, what is left here is reported.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::actions::audit::audit_writer::AuditWriter;
use crate::actions::intent::Intent;
use crate::haproxy::safe_text::SafeText;
use crate::observe::timestamp::Clock;

/// Maximum wait for results before the program ends or is suspended.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// Maximum wait for a terminal that does not accept output.
const PRINT_TIMEOUT: Duration = Duration::from_millis(300);
/// Name of the thread that sends the commands. No result arrives after it panicked.
pub(crate) const IO_THREAD: &str = "io";

/// Stage of one pending command.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PendingStage {
    /// Not sent yet.
    Waiting,
    /// Sent; its result has not arrived.
    Sent,
    /// Finished, with its result in words.
    Finished(String),
}

#[derive(Debug)]
struct PendingCommand {
    /// Number of the action that the command belongs to.
    action: u64,
    /// Name of the target; empty for a typed line.
    target: String,
    command: String,
    stage: PendingStage,
}

impl PendingCommand {
    fn describe(&self) -> String {
        let Self { target, command, .. } = self;
        let prefix = if target.is_empty() { String::new() } else { format!("{target}: ") };
        let text = match &self.stage {
            PendingStage::Waiting => format!("{prefix}{command}: not sent: hapulse ended first"),
            PendingStage::Sent => {
                format!("{prefix}{command} was sent, its result is not known yet; see hapulse audit")
            }
            PendingStage::Finished(result) if target.is_empty() => format!("{command}: {result}"),
            PendingStage::Finished(result) => format!("{prefix}{result}"),
        };
        SafeText::from(format!("hapulse: {text}").as_str()).to_string()
    }
}

#[derive(Debug, Default)]
struct PendingList {
    commands: Vec<PendingCommand>,
    /// Actions whose reports reached the event loop; the next frame shows them.
    reported: Vec<u64>,
    last_action: u64,
    /// Describes how far an action on several balancers is; `None` unless one runs.
    group: Option<String>,
}

/// The pending commands, shared by all threads.
#[derive(Debug, Default)]
pub(crate) struct PendingCommands {
    list: Mutex<PendingList>,
    changed: Condvar,
    is_stopped: AtomicBool,
    /// Locked while the report is written, so that no other thread ends the program meanwhile.
    is_reporting: Mutex<()>,
}

impl PendingCommands {
    fn lock(&self) -> MutexGuard<'_, PendingList> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, commands: impl Iterator<Item = (String, String)>) -> u64 {
        let mut list = self.lock();
        list.last_action += 1;
        let action = list.last_action;
        let waiting = |(target, command)| PendingCommand { action, target, command, stage: PendingStage::Waiting };
        list.commands.extend(commands.map(waiting));
        action
    }

    /// Adds the commands of a confirmed action, and returns its number. `balancer` names the one of an action on several.
    pub(crate) fn add_intent(&self, intent: &Intent, balancer: Option<&str>) -> u64 {
        let place = balancer.map_or(String::new(), |name| format!("{name}: "));
        self.add(intent.steps.iter().map(|step| (format!("{place}{}", step.logged_target()), step.logged_command())))
    }

    /// Records how far an action on several balancers is, and `None` when it has ended.
    pub(crate) fn set_group(&self, progress: Option<String>) {
        self.lock().group = progress;
    }

    /// Adds a confirmed typed line, and returns its number.
    pub(crate) fn add_typed_line(&self, line: &str) -> u64 {
        self.add([(String::new(), line.to_owned())].into_iter())
    }

    /// Records that the next command of an action is being sent.
    pub(crate) fn start_next(&self, action: u64) {
        self.set_stage(action, &PendingStage::Waiting, PendingStage::Sent);
    }

    /// Records the result of the command that was being sent. Returns whether the next one may be sent.
    pub(crate) fn finish_current(&self, action: u64, result: String) -> bool {
        self.set_stage(action, &PendingStage::Sent, PendingStage::Finished(result));
        !self.is_stopped.load(Ordering::SeqCst)
    }

    fn set_stage(&self, action: u64, from: &PendingStage, to: PendingStage) {
        let mut list = self.lock();
        let mut commands = list.commands.iter_mut();
        if let Some(command) = commands.find(|command| command.action == action && command.stage == *from) {
            command.stage = to;
        }
        self.changed.notify_all();
    }

    /// Records that an action has ended. Its commands that were not sent will not be sent.
    pub(crate) fn finish_action(&self, action: u64) {
        let mut list = self.lock();
        for command in list.commands.iter_mut().filter(|command| command.action == action) {
            if command.stage == PendingStage::Waiting {
                command.stage = PendingStage::Finished("not sent: an earlier action failed".to_owned());
            }
        }
        self.changed.notify_all();
    }

    /// Records that the event loop has the report of an action, which the next frame shows.
    pub(crate) fn mark_reported(&self, action: u64) {
        self.lock().reported.push(action);
    }

    /// Removes the actions whose reports a frame has shown.
    pub(crate) fn forget_reported(&self) {
        let mut list = self.lock();
        let reported = std::mem::take(&mut list.reported);
        list.commands.retain(|command| !reported.contains(&command.action));
    }

    fn is_settled(&self) -> bool {
        self.lock().commands.iter().all(|command| matches!(command.stage, PendingStage::Finished(_)))
    }

    /// Waits until a result arrives, but at most for `limit`. Returns true.
    fn wait_for_change(&self, limit: Duration) -> bool {
        drop(self.changed.wait_timeout(self.lock(), limit));
        true
    }

    fn descriptions(&self) -> Vec<String> {
        let list = self.lock();
        let group =
            list.group.iter().map(|progress| SafeText::from(format!("hapulse: {progress}").as_str()).to_string());
        list.commands.iter().map(PendingCommand::describe).chain(group).collect()
    }

    /// Waits for the results, at most two seconds. `wait` waits for a change, at most for the given time, and returns
    /// false to end the wait.
    fn wait_until_settled(&self, mut wait: impl FnMut(Duration) -> bool) {
        let end = Instant::now() + MAX_WAIT;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if self.is_settled() || left.is_zero() || !wait(left) {
                return;
            }
        }
    }
}

/// Reports the pending commands when the program ends or is suspended. The terminal must have been restored.
#[derive(Debug, Clone)]
pub(crate) struct PendingReport {
    /// The commands to report.
    pub(crate) pending: Arc<PendingCommands>,
    /// Audit log, in which commands without a result are finished.
    pub(crate) audit: Arc<AuditWriter>,
    /// Clock for the audit records.
    pub(crate) clock: Clock,
}

impl PendingReport {
    /// Waits for the results as [`PendingCommands::wait_until_settled`] does, prints all results, and finishes the
    /// audit records of commands without a result. No command is sent after that.
    pub(crate) fn finish(&self, wait: impl FnMut(Duration) -> bool) {
        self.announce();
        self.pending.wait_until_settled(wait);
        self.pending.is_stopped.store(true, Ordering::SeqCst);
        let _reporting = self.pending.is_reporting.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = self.pending.descriptions();
        let mut list = self.pending.lock();
        (list.commands, list.group) = (Vec::new(), None);
        drop(list);
        // The commands are those that are reported as sent below.
        let _ = self.audit.finish_open_records(self.clock.now().wall);
        print_lines(&lines);
    }

    /// Like [`Self::finish`], callable from any thread: the one that panicked, or the one that found the terminal closed.
    pub(crate) fn finish_on_any_thread(&self) {
        let can_arrive = thread::current().name() != Some(IO_THREAD);
        self.finish(|left| can_arrive && self.pending.wait_for_change(left));
    }

    /// Waits for the results like [`Self::finish`] and prints them, before the program is suspended.
    pub(crate) fn print_before_suspend(&self, wait: impl FnMut(Duration) -> bool) {
        self.announce();
        self.pending.wait_until_settled(wait);
        print_lines(&self.pending.descriptions());
    }

    fn announce(&self) {
        if !self.pending.is_settled() {
            print_lines(&["hapulse: waiting for the result of the last action; Ctrl-C ends it immediately".to_owned()]);
        }
    }
}

/// Prints lines to standard error on a separate thread, because a terminal may not accept output. Ignores errors: the
/// terminal may be closed.
fn print_lines(lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let text = lines.join("\n") + "\n";
    let (written, end) = mpsc::channel();
    let write = move || {
        let _ = std::io::stderr().write_all(text.as_bytes());
        // Fails only after the timeout.
        let _ = written.send(());
    };
    if thread::Builder::new().name("report".to_owned()).spawn(write).is_ok() {
        let _ = end.recv_timeout(PRINT_TIMEOUT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::MAINT;
    use crate::actions::intent::ActionTarget;
    use crate::haproxy::write_command::{TargetState, WriteCommand};
    use crate::observe::instance_id::InstanceId;

    fn intent(names: &[&str]) -> Intent {
        let targets = names.iter().map(|name| ActionTarget::without_row("b".into(), (*name).into())).collect();
        Intent::new(&MAINT, WriteCommand::State(TargetState::Maint), InstanceId::FIRST, targets)
    }

    #[test]
    fn descriptions_distinguish_finished_sent_and_waiting_commands() {
        let pending = PendingCommands::default();
        let action = pending.add_intent(&intent(&["s1", "s2", "s3"]), None);
        pending.start_next(action);
        assert!(pending.finish_current(action, "verified, MAINT".to_owned()));
        pending.start_next(action);
        assert_eq!(
            pending.descriptions(),
            [
                "hapulse: b/s1: verified, MAINT",
                "hapulse: b/s2: set server b/s2 state maint was sent, its result is not known yet; see hapulse audit",
                "hapulse: b/s3: set server b/s3 state maint: not sent: hapulse ended first",
            ]
        );
        assert!(!pending.is_settled());
        pending.finish_current(action, "refused by HAProxy: No such server.".to_owned());
        pending.finish_action(action);
        assert!(pending.is_settled());
        assert_eq!(pending.descriptions()[2], "hapulse: b/s3: not sent: an earlier action failed");
    }

    #[test]
    fn descriptions_name_the_balancers_of_an_unfinished_action() {
        let pending = PendingCommands::default();
        let action = pending.add_intent(&intent(&["s1"]), Some("lb2"));
        pending.start_next(action);
        pending.set_group(Some("unfinished: done: lb1; sent to lb2; not started: lb3".to_owned()));
        pending.finish_current(action, "verified, MAINT".to_owned());
        assert_eq!(
            pending.descriptions(),
            ["hapulse: lb2: b/s1: verified, MAINT", "hapulse: unfinished: done: lb1; sent to lb2; not started: lb3",]
        );
        pending.set_group(None);
        assert_eq!(pending.descriptions().len(), 1);
    }

    #[test]
    fn forget_reported_removes_only_actions_that_a_frame_has_shown() {
        let pending = PendingCommands::default();
        let first = pending.add_intent(&intent(&["s1"]), None);
        pending.start_next(first);
        pending.finish_current(first, "verified, MAINT".to_owned());
        pending.finish_action(first);
        pending.forget_reported();
        assert_eq!(pending.descriptions(), ["hapulse: b/s1: verified, MAINT"]);
        let line = pending.add_typed_line("set weight b/s1 3");
        pending.mark_reported(first);
        pending.forget_reported();
        assert_eq!(pending.descriptions(), ["hapulse: set weight b/s1 3: not sent: hapulse ended first"]);
        pending.start_next(line);
        pending.finish_current(line, "done".to_owned());
        assert_eq!(pending.descriptions(), ["hapulse: set weight b/s1 3: done"]);
    }
}
