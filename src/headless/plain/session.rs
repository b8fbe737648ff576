//! A session of `hapulse --plain`: describes the HAProxies, announces what changes, and executes typed commands.
//!
//! Samples and results arrive as events of one channel, typed lines in another. While a question is open, nothing is
//! announced, so that nothing comes between the question and its answer; what changed meanwhile is announced afterward.
//! While the terminal does not accept output, nothing is announced and no line is read: the announcement that follows
//! describes the newest state.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender, channel, unbounded_channel};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use crate::actions::audit::audit_index::AuditIndex;
use crate::actions::audit::audit_writer::AuditWriter;
use crate::app::undo::UndoStack;
use crate::config::target::Target;
use crate::fleet::host_facts::{HostFacts, HostReader as _};
use crate::fleet::local_host::LocalHost;
use crate::fleet::role_tracker::RoleTracker;
use crate::headless::exit_code::CommandExit;
use crate::headless::plain::command_words;
use crate::headless::plain::line_input::{self, LineInput};
use crate::headless::plain::line_output::LineOutput;
use crate::headless::plain::line_question::LineDialog;
use crate::headless::plain::summary_sentences::{cause_sentence, gaps_line, process_sentence, verdict_sentence};
use crate::headless::plain::watched_instance::{Introduction, WatchSettings, WatchedInstance};
use crate::headless::pollers;
use crate::headless::server::command_output::Console;
use crate::headless::signals::Signals;
use crate::observe::instance_id::InstanceId;
use crate::observe::link::Link;
use crate::observe::old_processes::OldProcesses;
use crate::observe::timestamp::{Clock, Timestamp, local_clock_time};
use crate::term::output_thread::WrittenFrame;

/// Maximum number of lines that are read ahead. Further ones wait in the pipe or terminal.
const MAX_LINES_AHEAD: usize = 64;
/// Time for which the first lines wait until all HAProxies were polled, and commands from a pipe for the first verdict.
const FIRST_VERDICT_TIME: Duration = Duration::from_secs(5);
/// Time for which the last lines are written after a signal.
const LAST_LINES_TIME: Duration = Duration::from_millis(200);

/// Options of a session.
pub(crate) struct PlainOptions {
    /// The HAProxies to watch.
    pub(crate) targets: Vec<Target>,
    /// Settings for polling.
    pub(crate) watch: WatchSettings,
    /// Each action requires a reason.
    pub(crate) requires_reason: bool,
    /// Only ASCII characters are printed.
    pub(crate) is_ascii: bool,
    /// Audit log.
    pub(crate) audit: AuditWriter,
}

/// Event of a session.
enum PlainEvent {
    /// A poll result of this instance has arrived.
    Polled(usize),
    /// The old processes of this instance were searched.
    OldProcessesFound(usize, Box<OldProcesses>),
    /// The facts about the machine of this instance were read.
    HostFactsRead(usize, Option<Box<HostFacts>>),
    /// The audit log was read.
    AuditLoaded(Box<AuditIndex>),
    /// Lines were written.
    Written(WrittenFrame),
}

/// Runs a session until `quit`, the end of the input, or a signal.
///
/// # Errors
/// Returns an error if the I/O runtime or a thread for input or output cannot start, or if the output fails. A closed
/// pipe is not an error.
pub(crate) fn run(options: PlainOptions) -> anyhow::Result<CommandExit> {
    pollers::start_runtime()?.block_on(async {
        let (events, mut inbox) = unbounded_channel();
        let (mut session, mut input) = PlainSession::start(options, &events)?;
        let exit = session.run(&mut inbox, &mut input).await;
        let exit = session.finish_output(exit, &mut inbox).await;
        session.output.into_result().context("cannot print")?;
        Ok(exit)
    })
}

/// A running session.
pub(crate) struct PlainSession {
    pub(super) instances: Vec<WatchedInstance>,
    pub(super) output: LineOutput,
    pub(super) signals: Signals,
    pub(super) clock: Clock,
    /// Reason why questions cannot be asked; `None` if they can.
    pub(super) prompt_obstacle: Option<&'static str>,
    pub(super) requires_reason: bool,
    pub(super) undo: UndoStack,
    /// The roles of the balancers.
    pub(super) roles: RoleTracker,
    host: Arc<LocalHost>,
    /// The instance of the last action.
    pub(super) last_changed: Option<usize>,
    /// The question that is open.
    pub(super) dialog: Option<LineDialog>,
    /// The instance of an action and the monotonic time at which it ended, until a later sample shows its effect.
    pub(super) awaited_sample: Option<(usize, Duration)>,
    /// Time at which commands are executed even without a verdict; `None` once they are executed.
    starts_at: Option<Instant>,
    events: UnboundedSender<PlainEvent>,
}

impl PlainSession {
    fn start(
        options: PlainOptions,
        events: &UnboundedSender<PlainEvent>,
    ) -> anyhow::Result<(Self, Receiver<LineInput>)> {
        let PlainOptions { targets, watch, requires_reason, is_ascii, audit } = options;
        let (audit, clock, signals) = (Arc::new(audit), watch.clock, Signals::listen());
        signals.exit_on_second(Arc::clone(&audit));
        let ids = InstanceId::first(targets.len());
        let start = |(index, (target, id)): (usize, (&Target, InstanceId))| {
            let events = events.clone();
            // Sending fails only after the session has ended, here and below.
            let wake = move || drop(events.send(PlainEvent::Polled(index)));
            WatchedInstance::start(target, id, &watch, &audit, wake)
        };
        let instances = targets.iter().zip(ids).enumerate().map(start).collect();
        let audit_events = events.clone();
        spawn_blocking(move || {
            let index = Box::new(AuditIndex::load(audit.path()));
            drop(audit_events.send(PlainEvent::AuditLoaded(index)));
        });
        let output_events = events.clone();
        let report_written = move |written| drop(output_events.send(PlainEvent::Written(written)));
        let output =
            LineOutput::start(clock, is_ascii, report_written).context("cannot start the thread for the output")?;
        let (lines, input) = channel(MAX_LINES_AHEAD);
        line_input::start(clock, move |line| lines.blocking_send(line).is_ok())
            .context("cannot start the thread for the input")?;
        let session = Self {
            instances,
            output,
            signals,
            clock,
            prompt_obstacle: Console::from_stdio().prompt_obstacle(),
            requires_reason,
            undo: UndoStack::default(),
            roles: RoleTracker::default(),
            host: Arc::default(),
            last_changed: None,
            dialog: None,
            awaited_sample: None,
            starts_at: Some(Instant::now() + FIRST_VERDICT_TIME),
            events: events.clone(),
        };
        Ok((session, input))
    }

    async fn run(&mut self, inbox: &mut UnboundedReceiver<PlainEvent>, input: &mut Receiver<LineInput>) -> CommandExit {
        loop {
            let (answer_time, starts_at) = (self.answer_time(), self.starts_at);
            tokio::select! {
                biased;
                number = self.signals.wait() => return CommandExit::Signal(number),
                () = tokio::time::sleep(answer_time.unwrap_or_default()), if answer_time.is_some() => {
                    self.cancel_unanswered();
                }
                line = input.recv(), if self.takes_input() => {
                    let end = self.handle_input(line.unwrap_or(LineInput::End)).await;
                    if end.is_some() && self.signals.received().is_none() {
                        return end.unwrap_or(CommandExit::Done);
                    }
                }
                // The session keeps a sender, so the channel is never closed.
                Some(event) = inbox.recv() => self.handle_event(event),
                () = sleep_until(starts_at.unwrap_or_else(Instant::now)), if starts_at.is_some() => self.start_commands(),
            }
            if self.output.has_failed() {
                return CommandExit::Done;
            }
            self.announce();
            self.output.flush();
        }
    }

    /// Waits until the last lines are written; after a signal, only for a short time.
    async fn finish_output(&mut self, exit: CommandExit, inbox: &mut UnboundedReceiver<PlainEvent>) -> CommandExit {
        let (mut exit, mut ends_at) = (exit, Instant::now() + LAST_LINES_TIME);
        self.output.flush();
        while !self.output.is_idle() {
            let is_signal = matches!(exit, CommandExit::Signal(_));
            tokio::select! {
                biased;
                number = self.signals.wait(), if !is_signal => {
                    (exit, ends_at) = (CommandExit::Signal(number), Instant::now() + LAST_LINES_TIME);
                }
                Some(event) = inbox.recv() => if let PlainEvent::Written(written) = event {
                    self.output.record_written(written);
                },
                () = sleep_until(ends_at), if is_signal => break,
            }
        }
        exit
    }

    /// Returns whether a typed line can be handled: the reply to the one before was written, and its effect is known.
    fn takes_input(&self) -> bool {
        self.starts_at.is_none() && self.awaited_sample.is_none() && self.output.is_idle()
    }

    fn handle_event(&mut self, event: PlainEvent) {
        match event {
            PlainEvent::Polled(index) => self.handle_poll(index),
            PlainEvent::OldProcessesFound(index, found) => {
                self.instances[index].instance.finish_old_process_search(*found);
            }
            PlainEvent::HostFactsRead(index, facts) => {
                let now = self.clock.now();
                let id = self.instances[index].instance.id();
                self.roles.record_facts(id, facts.map(|facts| *facts), now.monotonic);
                self.update_roles(now);
            }
            PlainEvent::AuditLoaded(audit_index) => {
                let now = self.clock.now();
                for watched in &mut self.instances {
                    let address = watched.operator.reader.address.to_string();
                    watched.instance.load_audit_index(&audit_index, &address, now);
                }
            }
            PlainEvent::Written(written) => {
                self.record_shown_question(written.number, written.at);
                self.output.record_written(written);
            }
        }
    }

    fn handle_poll(&mut self, index: usize) {
        let now = self.clock.now();
        let watched = &mut self.instances[index];
        let was_polled = watched.is_polled;
        if !watched.receive() {
            return;
        }
        let latest = watched.instance.latest().map_or(Duration::ZERO, |sample| sample.at.monotonic);
        let is_lost = !watched.instance.link().is_up();
        self.awaited_sample.take_if(|(awaited, ended_at)| *awaited == index && (is_lost || latest > *ended_at));
        let events = self.events.clone();
        watched.search_old_processes(now.monotonic, move |found| {
            drop(events.send(PlainEvent::OldProcessesFound(index, Box::new(found))));
        });
        let pid = self.roles.next_reading(&watched.instance, now.monotonic);
        if let Some(pid) = pid.filter(|_| self.instances.len() > 1) {
            let (events, host) = (self.events.clone(), Arc::clone(&self.host));
            spawn_blocking(move || {
                let facts = host.read(pid).map(Box::new);
                drop(events.send(PlainEvent::HostFactsRead(index, facts)));
            });
        }
        self.update_roles(now);
        let watched = &self.instances[index];
        if watched.instance.latest().is_none()
            && let (false, Link::Lost { failure, .. }) = (was_polled, watched.instance.link())
        {
            let hint = failure.hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
            let line = format!("{}: HAProxy does not answer: {}{hint}", watched.name, failure.reason);
            self.output.print(&line);
        }
    }

    /// Decides the roles again, and makes the event of a change due.
    fn update_roles(&mut self, now: Timestamp) {
        let count = |watched: &WatchedInstance| watched.instance.all_events().total();
        let before: Vec<u64> = self.instances.iter().map(count).collect();
        self.roles.update(self.instances.iter_mut().map(|watched| &mut watched.instance), now);
        for (watched, before) in self.instances.iter_mut().zip(before) {
            watched.has_changes |= count(watched) > before;
        }
    }

    /// Announces what changed, unless a question is open or the terminal has not received the lines before.
    fn announce(&mut self) {
        // The names of all instances are known only after their first polls.
        let waits_for_names = self.starts_at.is_some() && !self.instances.iter().all(|watched| watched.is_polled);
        if self.dialog.is_some() || !self.output.is_idle() || waits_for_names {
            return;
        }
        for index in 0..self.instances.len() {
            let watched = &mut self.instances[index];
            if watched.instance.latest().is_some() && std::mem::take(&mut watched.has_changes) {
                self.print_changes(index);
            }
        }
        if self.starts_at.is_some() {
            let waits_for_verdict = !io::stdin().is_terminal();
            let is_ready = |watched: &WatchedInstance| match watched.introduction {
                Introduction::Nothing => watched.instance.latest().is_none(),
                Introduction::State => !waits_for_verdict || !watched.instance.link().is_up(),
                Introduction::Verdict => true,
            };
            if self.instances.iter().all(is_ready) {
                self.start_commands();
            }
        }
    }

    /// Starts to execute commands.
    fn start_commands(&mut self) {
        self.starts_at = None;
        self.output.print("Type help for the commands.");
    }

    /// Prints the present state of an instance the first time, then what changed since the last call.
    fn print_changes(&mut self, index: usize) {
        let now = self.clock.now();
        if self.instances[index].introduction == Introduction::Nothing {
            self.print_status(index);
            let watched = &mut self.instances[index];
            let is_complete = watched.instance.verdict().is_complete();
            watched.introduction = if is_complete { Introduction::Verdict } else { Introduction::State };
            watched.announcer.start(&watched.instance, now);
            return;
        }
        let prefix = self.prefix(index);
        let watched = &mut self.instances[index];
        let mut lines: Vec<String> = watched
            .announce(now)
            .into_iter()
            .map(|announcement| format!("{} {prefix}{}", local_clock_time(announcement.at), announcement.text))
            .collect();
        if watched.introduction == Introduction::State && watched.instance.verdict().is_complete() {
            watched.introduction = Introduction::Verdict;
            let verdict = verdict_sentence(&watched.instance);
            lines.push(format!("{} {prefix}{verdict}.", local_clock_time(now.wall)));
            lines.extend(gaps_line(&watched.instance).map(|line| format!("{prefix}{line}")));
        }
        self.output.print_all("", &lines);
    }

    /// Makes the changes on all instances due, after a question.
    pub(super) fn print_all_changes(&mut self) {
        self.instances.iter_mut().for_each(|watched| watched.has_changes = true);
    }

    pub(super) fn print_status(&mut self, index: usize) {
        let now = self.clock.now().monotonic;
        let (name, prefix) = (self.name(index), self.prefix(index));
        let instance = &self.instances[index].instance;
        self.output.print(&format!("{name}: {}", process_sentence(instance, now)));
        for cause in instance.problems().open_causes() {
            self.output.print(&format!("{prefix}{}", cause_sentence(cause, now)));
        }
        if let Some(line) = gaps_line(instance) {
            self.output.print(&format!("{prefix}{line}"));
        }
    }

    /// Returns the name of an instance, as on the dashboard.
    pub(super) fn name(&self, index: usize) -> String {
        let all = self.instances.iter().map(WatchedInstance::names);
        self.instances[index].names().display_name(all).to_owned()
    }

    /// Returns the name of an instance before its lines; empty for the only one.
    pub(super) fn prefix(&self, index: usize) -> String {
        if self.instances.len() == 1 { String::new() } else { format!("{}: ", self.name(index)) }
    }

    async fn handle_input(&mut self, input: LineInput) -> Option<CommandExit> {
        let LineInput::Line(line) = input else {
            if self.dialog.is_some() {
                self.output.print("nothing was sent: the input ended");
            }
            let is_reached = self.instances.iter().any(|watched| watched.instance.latest().is_some());
            return Some(if is_reached { CommandExit::Done } else { CommandExit::Unreachable });
        };
        if self.dialog.is_some() {
            self.handle_answer(&line).await;
            return None;
        }
        match command_words::parse(&line.text) {
            Ok(Some(command)) => self.execute(command).await,
            Ok(None) => None,
            Err(why) => {
                self.output.print(&why);
                None
            }
        }
    }

    /// Returns the time until an open question counts as No.
    fn answer_time(&self) -> Option<Duration> {
        let ends_at = self.dialog.as_ref()?.ends_at();
        Some(ends_at.saturating_sub(self.clock.now().monotonic))
    }
}
