//! A session of `hapulse --plain`: describes the HAProxies, announces what changes, and executes typed commands.
//!
//! Samples, typed lines and results arrive as events of one channel. While a question is open, nothing is announced, so
//! that nothing comes between the question and its answer; what changed meanwhile is announced afterward.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::spawn_blocking;

use crate::actions::audit::audit_index::AuditIndex;
use crate::actions::audit::audit_writer::AuditWriter;
use crate::app::undo::UndoStack;
use crate::config::target::Target;
use crate::headless::exit_code::CommandExit;
use crate::headless::plain::command_words::{self, PlainCommand};
use crate::headless::plain::event_sentences::listed_event;
use crate::headless::plain::line_input::{self, LineInput};
use crate::headless::plain::line_output::LineOutput;
use crate::headless::plain::line_question::OpenDialog;
use crate::headless::plain::row_lookup::{NamedRows, find_row};
use crate::headless::plain::row_reports;
use crate::headless::plain::summary_sentences::{cause_sentence, causes_sentence, lines_or_none, process_sentence};
use crate::headless::plain::watched_instance::{WatchSettings, WatchedInstance};
use crate::headless::pollers;
use crate::headless::server::command_output::Console;
use crate::headless::signals::Signals;
use crate::instance::state::Instance;
use crate::observe::instance_id::InstanceId;
use crate::observe::link::Link;
use crate::observe::old_processes::OldProcesses;
use crate::observe::row_ids::RowId;
use crate::observe::timestamp::{Clock, local_clock_time};

/// Number of events that `events` lists.
const LISTED_EVENTS: usize = 20;

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
    /// The audit log was read.
    AuditLoaded(Box<AuditIndex>),
    /// A line was typed, or the input ended.
    Input(LineInput),
}

/// Runs a session until `quit`, the end of the input, or a signal.
///
/// # Errors
/// Returns an error if the I/O runtime or the thread for the input cannot start, or if the output fails. A closed pipe
/// is not an error.
pub(crate) fn run(options: PlainOptions) -> anyhow::Result<CommandExit> {
    pollers::start_runtime()?.block_on(async {
        let (events, inbox) = unbounded_channel();
        let mut session = PlainSession::start(options, &events)?;
        let exit = session.run(inbox).await;
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
    /// The instance of the last action.
    pub(super) last_changed: Option<usize>,
    /// The question that is open.
    pub(super) dialog: Option<OpenDialog>,
    /// The instance of an action and the monotonic time at which it ended, until a later sample shows its effect.
    pub(super) awaited_sample: Option<(usize, Duration)>,
    /// Input that waits for the first polls, or for a sample after an action.
    early_input: VecDeque<LineInput>,
    is_started: bool,
    events: UnboundedSender<PlainEvent>,
}

impl PlainSession {
    fn start(options: PlainOptions, events: &UnboundedSender<PlainEvent>) -> anyhow::Result<Self> {
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
        let input_events = events.clone();
        line_input::start(clock, move |input| input_events.send(PlainEvent::Input(input)).is_ok())
            .context("cannot start the thread for the input")?;
        Ok(Self {
            instances,
            output: LineOutput::from_stdout(is_ascii),
            signals,
            clock,
            prompt_obstacle: Console::from_stdio().prompt_obstacle(),
            requires_reason,
            undo: UndoStack::default(),
            last_changed: None,
            dialog: None,
            awaited_sample: None,
            early_input: VecDeque::new(),
            is_started: false,
            events: events.clone(),
        })
    }

    async fn run(&mut self, mut inbox: UnboundedReceiver<PlainEvent>) -> CommandExit {
        loop {
            let answer_time = self.answer_time();
            let event = tokio::select! {
                biased;
                number = self.signals.wait() => return CommandExit::Signal(number),
                () = tokio::time::sleep(answer_time.unwrap_or_default()), if answer_time.is_some() => {
                    self.cancel_unanswered();
                    continue;
                }
                event = inbox.recv() => event,
            };
            // The session keeps a sender, so the channel is never closed.
            let Some(event) = event else { return CommandExit::Done };
            let end = self.handle_event(event).await;
            if let Some(number) = self.signals.received() {
                return CommandExit::Signal(number);
            }
            if end.is_some() || self.output.has_failed() {
                return end.unwrap_or(CommandExit::Done);
            }
        }
    }

    /// Handles an event. Returns the exit if the session ends.
    async fn handle_event(&mut self, event: PlainEvent) -> Option<CommandExit> {
        match event {
            PlainEvent::Polled(index) => self.handle_poll(index),
            PlainEvent::OldProcessesFound(index, found) => {
                self.instances[index].instance.finish_old_process_search(*found);
            }
            PlainEvent::AuditLoaded(audit_index) => {
                let now = self.clock.now();
                for watched in &mut self.instances {
                    let address = watched.operator.reader.address.to_string();
                    watched.instance.load_audit_index(&audit_index, &address, now);
                }
            }
            PlainEvent::Input(input) => self.early_input.push_back(input),
        }
        if !self.is_started {
            if !self.instances.iter().all(|watched| watched.is_polled) {
                return None;
            }
            self.is_started = true;
            self.output.print("Type help for the commands.");
        }
        while self.awaited_sample.is_none()
            && let Some(input) = self.early_input.pop_front()
        {
            let end = self.handle_input(input).await;
            if end.is_some() || self.signals.received().is_some() {
                return end;
            }
        }
        None
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
        if watched.instance.latest().is_none() {
            if let (false, Link::Lost { failure, .. }) = (was_polled, watched.instance.link()) {
                let hint = failure.hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
                let line = format!("{}: HAProxy does not answer: {}{hint}", watched.name, failure.reason);
                self.output.print(&line);
            }
        } else if self.dialog.is_none() {
            self.print_changes(index);
        }
    }

    /// Prints the present state of an instance the first time, then what changed since the last call.
    fn print_changes(&mut self, index: usize) {
        let now = self.clock.now();
        if self.instances[index].is_described {
            for announcement in self.instances[index].announce(now) {
                let line = format!("{} {}{}", local_clock_time(announcement.at), self.prefix(index), announcement.text);
                self.output.print(&line);
            }
        } else {
            self.print_status(index);
            let watched = &mut self.instances[index];
            watched.is_described = true;
            watched.announcer.start(&watched.instance, now);
        }
    }

    /// Prints what changed on all instances, after a question.
    pub(super) fn print_all_changes(&mut self) {
        for index in 0..self.instances.len() {
            if self.instances[index].instance.latest().is_some() {
                self.print_changes(index);
            }
        }
    }

    fn print_status(&mut self, index: usize) {
        let now = self.clock.now().monotonic;
        let WatchedInstance { name, instance, .. } = &self.instances[index];
        let prefix = self.prefix(index);
        self.output.print(&format!("{name}: {}", process_sentence(instance, now)));
        for cause in instance.problems().open_causes() {
            self.output.print(&format!("{prefix}{}", cause_sentence(cause, now)));
        }
    }

    /// Returns the name of an instance before its lines; empty for the only one.
    pub(super) fn prefix(&self, index: usize) -> String {
        if self.instances.len() == 1 { String::new() } else { format!("{}: ", self.instances[index].name) }
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
            Ok(Some(PlainCommand::Quit)) => return Some(CommandExit::Done),
            Ok(Some(command)) => self.execute(command).await,
            Ok(None) => {}
            Err(why) => self.output.print(&why),
        }
        None
    }

    async fn execute(&mut self, command: PlainCommand) {
        match command {
            PlainCommand::Status => (0..self.instances.len()).for_each(|index| self.print_status(index)),
            PlainCommand::Causes => self.print_causes(),
            PlainCommand::Backends => {
                self.print_lists("backend", |watched| row_reports::backend_lines(&watched.instance));
            }
            PlainCommand::Servers(None) => {
                self.print_lists("server", |watched| row_reports::server_lines(&watched.instance, None));
            }
            PlainCommand::Servers(Some(name)) => self
                .print_rows(&name, NamedRows::Backends, |instance, id| row_reports::server_lines(instance, Some(id))),
            PlainCommand::Why(name) => {
                let now = self.clock.now().monotonic;
                self.print_rows(&name, NamedRows::All, |instance, id| {
                    row_reports::view_row(instance, id).map_or_else(Vec::new, |row| row_reports::why_lines(&row, now))
                });
            }
            PlainCommand::Events => self.print_events(),
            PlainCommand::Watch(None) => self.print_watched(),
            PlainCommand::Watch(Some(name)) => match self.find_row(&name, NamedRows::All) {
                Ok((index, id)) => self.toggle_watch(index, id),
                Err(why) => self.output.print(&why),
            },
            PlainCommand::Change(command, name, words) => self.start_change(command, &name, words).await,
            PlainCommand::Undo(instance, words) => self.start_undo(instance.as_deref(), words).await,
            PlainCommand::Help => self.output.print_all("", &command_words::help_lines()),
            // Handled by the caller.
            PlainCommand::Quit => {}
        }
    }

    pub(super) fn find_row(&self, name: &str, kinds: NamedRows) -> Result<(usize, RowId), String> {
        find_row(name, kinds, self.instances.iter().map(|watched| (watched.name.as_str(), &watched.instance)))
    }

    /// Prints lines about the row with a name. If rows of several instances have that name, prints those of each.
    fn print_rows(&mut self, name: &str, kinds: NamedRows, lines: impl Fn(&Instance, RowId) -> Vec<String>) {
        let found = match self.find_row(name, kinds) {
            Ok(found) => vec![found],
            Err(why) => {
                let one = |(index, watched): (usize, &WatchedInstance)| {
                    let (_, id) =
                        find_row(name, kinds, std::iter::once((watched.name.as_str(), &watched.instance))).ok()?;
                    Some((index, id))
                };
                let found: Vec<(usize, RowId)> = self.instances.iter().enumerate().filter_map(one).collect();
                if found.is_empty() {
                    return self.output.print(&why);
                }
                found
            }
        };
        for (index, id) in found {
            let prefix = self.prefix(index);
            let lines = lines(&self.instances[index].instance, id);
            self.output.print_all(&prefix, &lines);
        }
    }

    fn print_causes(&mut self) {
        let now = self.clock.now().monotonic;
        for index in 0..self.instances.len() {
            let prefix = self.prefix(index);
            let instance = &self.instances[index].instance;
            let none = format!("{}.", causes_sentence(instance));
            let lines = lines_or_none(instance, row_reports::cause_lines(instance, now), &none);
            self.output.print_all(&prefix, &lines);
        }
    }

    fn print_lists(&mut self, noun: &str, lines: impl Fn(&WatchedInstance) -> Vec<String>) {
        for index in 0..self.instances.len() {
            let (prefix, watched) = (self.prefix(index), &self.instances[index]);
            let lines = lines_or_none(&watched.instance, lines(watched), &format!("no {noun}"));
            self.output.print_all(&prefix, &lines);
        }
    }

    fn print_events(&mut self) {
        for index in 0..self.instances.len() {
            let prefix = self.prefix(index);
            let events = self.instances[index].instance.all_events().newest_first().take(LISTED_EVENTS);
            let mut lines: Vec<String> = events
                .map(|event| format!("{} {prefix}{}", local_clock_time(event.at.wall), listed_event(event)))
                .collect();
            lines.reverse();
            if lines.is_empty() {
                lines.push(format!("{prefix}no events yet"));
            }
            self.output.print_all("", &lines);
        }
    }

    fn print_watched(&mut self) {
        let mut is_empty = true;
        for index in 0..self.instances.len() {
            let watched = &self.instances[index];
            let rows = watched.announcer.watched().filter_map(|id| row_reports::view_row(&watched.instance, id));
            let lines: Vec<String> = rows.map(|row| row_reports::row_line(&row)).collect();
            is_empty &= lines.is_empty();
            let prefix = self.prefix(index);
            self.output.print_all(&prefix, &lines);
        }
        if is_empty {
            self.output.print("no row is watched; to start: watch NAME");
        }
    }

    fn toggle_watch(&mut self, index: usize, id: RowId) {
        let watched = &mut self.instances[index];
        let path =
            row_reports::view_row(&watched.instance, id).map_or_else(String::new, |row| row_reports::row_path(&row));
        if watched.announcer.toggle_watch(id) {
            self.output
                .print(&format!("{path} is watched: its figures are announced when they change, at most every 5 s"));
            self.print_changes(index);
        } else {
            self.output.print(&format!("{path} is not watched any more"));
        }
    }

    /// Returns the time until an open question counts as No.
    fn answer_time(&self) -> Option<Duration> {
        let ends_at = self.dialog.as_ref()?.ends_at();
        Some(ends_at.saturating_sub(self.clock.now().monotonic))
    }
}
