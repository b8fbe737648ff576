//! The event loop: waits for events, processes all that have arrived, then draws once.
//!
//! The loop has no periodic tick: it sleeps until an event arrives or until something on the screen must change.
//! Keys are drawn immediately and samples at most five times per second. Nothing is drawn while the terminal is still
//! busy with the previous frame.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, TrySendError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::mpsc::UnboundedSender;

use crate::app::group_action;
use crate::app::instance_view::InstanceView;
use crate::app::key::Key;
use crate::app::message::{Effect, Message};
use crate::app::model::Model;
use crate::app::update::{has_deferred_work, next_wake, update};
use crate::config::own_file::LogFile;
use crate::haproxy::{safe_text, secret_arguments};
use crate::live::dashboard_config::{DashboardConfig, ExitReason};
use crate::live::file_writer::{self, FileLine, OutputFiles, ReopenedLog};
use crate::live::initial_model;
use crate::live::instance_feed::InstanceFeed;
use crate::live::io_thread::{self, IoRequest};
use crate::live::log_thread::{LogReader, LogRequest};
use crate::live::loop_event::LoopEvent;
use crate::live::pending_commands::{PendingCommands, PendingReport};
use crate::live::process_memory;
use crate::live::reload::ReloadSettings;
use crate::live::snapshot_thread::SnapshotThread;
use crate::live::started_instance::StartedInstance;
use crate::live::terminal_session::TerminalSession;
use crate::observe::timestamp::{Clock, Timestamp, local_clock_time};
use crate::table::cell::Role;
use crate::term::ending_signals::SIGHUP;
use crate::term::job_control;
use crate::term::output_thread::WrittenFrame;
use crate::term::terminal_device;
use crate::term::terminal_mode;
use crate::term::terminal_restorer;
use crate::ui::mouse_target;
use crate::ui::root::{self, Appearance, DrawnFrame};

/// Capacity of the event channel. While the channel is full, keys wait in the terminal's buffer.
const EVENT_QUEUE_CAPACITY: usize = 1024;
/// Minimum time between two frames that are drawn only because of samples.
const MIN_FRAME_INTERVAL: Duration = Duration::from_millis(200);
/// Maximum time for which the frame of a sample waits for deferred work, so that both are drawn together.
const DEFERRED_FRAME_WAIT: Duration = Duration::from_millis(300);
/// Maximum time that the first frame waits for the first sample.
const FIRST_FRAME_WAIT: Duration = Duration::from_millis(30);

/// Runs the dashboard until it ends, then restores the terminal. Returns why the dashboard ended.
///
/// # Errors
/// Returns an error if the terminal cannot be set up or a thread cannot be started.
pub(crate) fn run(mut config: DashboardConfig) -> anyhow::Result<ExitReason> {
    let clock = config.polling.clock;
    let (sender, events) = mpsc::sync_channel(EVENT_QUEUE_CAPACITY);
    let mut started = StartedInstance::create_all(&mut config);
    // Polling starts before the terminal is set up, so that the first reply arrives sooner.
    let polled = config.targets.iter().zip(&mut started).filter(|(_, one)| one.instance.source().is_live());
    let sources = polled.map(|(target, one)| one.source(target)).collect();
    let audit = Arc::clone(&config.audit);
    let pending = Arc::new(PendingCommands::default());
    let io_requests =
        io_thread::start(sources, config.polling, Arc::clone(&audit), Arc::clone(&pending), sender.clone())?;
    let pending_report = PendingReport { pending, audit: Arc::clone(&audit), clock };
    let (mut feeds, mut instances) = (Vec::new(), Vec::new());
    for (target, StartedInstance { feed, mut instance, .. }) in config.targets.iter().zip(started) {
        feeds.push(feed);
        config.past.samples.drain(..).for_each(|sample| drop(instance.add_sample(sample, 0)));
        instances.push(InstanceView::new(target.label(), target.address.to_string(), instance));
    }
    let failure_sender = sender.clone();
    let snapshot = SnapshotThread::new(sender.clone(), audit.path());
    let model = initial_model::create(&mut config, instances, clock.now().monotonic);
    let logs = LogReader::start(&model, &config.targets, sender.clone());
    let logs = logs.context("cannot start the thread that reads logs")?;
    let output_files = OutputFiles { event_log: config.event_log, command_history: config.command_history };
    let files =
        file_writer::start(output_files, move |reason| drop(failure_sender.send(LoopEvent::FileWriteFailed(reason))))
            .context("cannot start the thread that writes files")?;
    let panic_report = pending_report.clone();
    terminal_mode::install_panic_hook(move || panic_report.finish_on_any_thread());
    terminal_restorer::start();
    let session = TerminalSession::start(&sender, clock, &pending_report, model.terminal_size, config.has_mouse);
    let exit_reason = session.and_then(|terminal| {
        let appearance = Appearance { theme: config.theme, format_time: local_clock_time };
        let first = clock.now().monotonic + FIRST_FRAME_WAIT;
        let event_loop = EventLoop {
            model,
            feeds,
            io_requests,
            files,
            event_log_path: config.event_log_path,
            reload: config.reload,
            terminal,
            appearance,
            clock,
            events,
            next_draw_at: Some(first),
            last_draw_at: Duration::ZERO,
            last_frame: 0,
            pending_report,
            snapshot,
            logs,
        };
        event_loop.run()
    });
    terminal_mode::leave();
    exit_reason
}

/// State of the running dashboard.
struct EventLoop {
    model: Model,
    feeds: Vec<InstanceFeed>,
    io_requests: UnboundedSender<IoRequest>,
    files: mpsc::SyncSender<FileLine>,
    /// Path of the event log, if events are written to one.
    event_log_path: Option<PathBuf>,
    reload: ReloadSettings,
    terminal: TerminalSession,
    appearance: Appearance,
    clock: Clock,
    events: mpsc::Receiver<LoopEvent>,
    /// Time at which the next frame is due; `None` if the screen is up to date.
    next_draw_at: Option<Duration>,
    last_draw_at: Duration,
    /// Number of the newest frame.
    last_frame: u64,
    pending_report: PendingReport,
    snapshot: SnapshotThread,
    logs: LogReader,
}

impl EventLoop {
    fn run(mut self) -> anyhow::Result<ExitReason> {
        // In the background, SIGCONT sets up the terminal, as after a suspension.
        if !self.terminal.stop_in_background().context("cannot start in the background of the terminal")? {
            self.terminal.enter(self.model.terminal_size).context("cannot set up the terminal")?;
        }
        let end = loop {
            let now = self.clock.now();
            if self.next_draw_at.is_some_and(|due| due <= now.monotonic)
                && self.terminal.can_draw()
                && let Some(end) = self.draw_in_foreground(now)
            {
                break end;
            }
            let first = match self.wait_for_event(now.monotonic) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break ExitReason::TerminalGone,
            };
            let now = self.clock.now();
            if first.is_none() && has_deferred_work(&self.model) {
                self.dispatch(Message::ContinueDeferred, now);
            } else if first.is_none() && next_wake(&self.model, Duration::ZERO).is_some() {
                self.dispatch(Message::Wake, now);
            }
            let batch: Vec<LoopEvent> =
                first.into_iter().chain(self.events.try_iter().take(EVENT_QUEUE_CAPACITY)).collect();
            if let Some(end) = batch.into_iter().find_map(|event| self.handle_event(event, now)) {
                break end;
            }
        };
        self.terminal.leave();
        self.snapshot.stop();
        // A closed terminal is reported by SIGHUP as well.
        let is_hangup = matches!(end, ExitReason::TerminalGone | ExitReason::Signal(SIGHUP));
        self.pending_report.finish(|left| match self.events.recv_timeout(left) {
            Ok(LoopEvent::Signal(SIGHUP) | LoopEvent::Reload) => is_hangup,
            Ok(LoopEvent::Signal(_)) | Err(_) => false,
            Ok(LoopEvent::Message(Message::Key(press))) => press.key != Key { ctrl: true, ..Key::char('c') },
            Ok(_) => true,
        });
        // The program ends now. Freeing the samples and the history one by one would take long.
        std::mem::forget(self.model);
        Ok(end)
    }

    /// Draws a frame, or stops the program if a shell has taken the terminal.
    fn draw_in_foreground(&mut self, now: Timestamp) -> Option<ExitReason> {
        if self.terminal.is_taken() {
            return self.resume(now);
        }
        // The terminal reports a new size only to the processes of its session.
        let size = terminal_device::drawn_size();
        let is_resized = size != self.model.terminal_size;
        let end = is_resized.then(|| self.dispatch(Message::Resize(size.0, size.1), now)).flatten();
        self.draw(now.monotonic);
        end
    }

    /// Waits for an event, at most until a frame is due, the screen must change, or deferred work can go on.
    fn wait_for_event(&self, now: Duration) -> Result<LoopEvent, RecvTimeoutError> {
        // While the terminal is busy, a due frame waits for the event that reports the end of the previous frame.
        let frame = self.next_draw_at.filter(|_| self.terminal.can_draw());
        let deferred = has_deferred_work(&self.model).then_some(now);
        match [frame, deferred, next_wake(&self.model, now)].into_iter().flatten().min() {
            Some(until) => self.events.recv_timeout(until.saturating_sub(now)),
            None => self.events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Processes one event. Returns the reason if the dashboard must end, else `None`.
    fn handle_event(&mut self, event: LoopEvent, now: Timestamp) -> Option<ExitReason> {
        match event {
            // Without an answer that waits for the pause, nothing changes.
            LoopEvent::Message(Message::InputPaused { .. }) if !self.model.is_answer_pending() => None,
            LoopEvent::Message(message) => self.dispatch(message, now),
            LoopEvent::Mouse(report) => {
                let message = mouse_target::message(&self.model, self.appearance, now.monotonic, report)?;
                self.dispatch(message, now)
            }
            LoopEvent::ResultDelivered(action) => {
                self.pending_report.pending.mark_reported(action);
                None
            }
            LoopEvent::WindowChanged => {
                let (width, height) = terminal_device::drawn_size();
                self.dispatch(Message::Resize(width, height), now)
            }
            LoopEvent::PollResult(id) => {
                let feed = self.feeds.iter().find(|feed| feed.id == id)?;
                let (result, missed) = feed.poll_result.take_latest()?;
                self.dispatch(Message::Polled(id, result, missed), now)
            }
            LoopEvent::FileWriteFailed(reason) => {
                self.schedule_draw(now.monotonic);
                self.model.notify(reason, Role::Bad, now.monotonic);
                None
            }
            LoopEvent::SnapshotFinished(written) => {
                self.schedule_draw(now.monotonic);
                let role = if written.is_ok() { Role::Normal } else { Role::Bad };
                self.model.notify(written.unwrap_or_else(|reason| reason), role, now.monotonic);
                None
            }
            LoopEvent::Reload => {
                self.reload_settings(now.monotonic);
                None
            }
            LoopEvent::Suspend => self.run_effect(Effect::Suspend),
            LoopEvent::Continued => self.resume(now),
            LoopEvent::Signal(number) => Some(ExitReason::Signal(number)),
            LoopEvent::FrameWritten(WrittenFrame { number, at, result: Ok(()) }) => {
                self.model.record_written(number, at);
                None
            }
            LoopEvent::FrameWritten(_) | LoopEvent::TerminalGone => Some(ExitReason::TerminalGone),
        }
    }

    fn dispatch(&mut self, message: Message, now: Timestamp) -> Option<ExitReason> {
        let due = self.draw_due(&message, now.monotonic);
        let is_sample = matches!(message, Message::Polled(..) | Message::ContinueDeferred);
        let had_group = self.model.group_run.is_some();
        let effects = update(&mut self.model, message, now);
        if had_group || self.model.group_run.is_some() {
            self.pending_report.pending.set_group(group_action::describe_progress(&self.model));
        }
        let waits = is_sample && self.last_frame > 0 && has_deferred_work(&self.model);
        self.schedule_draw(if waits { due.max(now.monotonic + DEFERRED_FRAME_WAIT) } else { due });
        self.log_events();
        effects.into_iter().find_map(|effect| self.run_effect(effect))
    }

    /// Returns the time at which the effect of a message must be drawn. The first sample and keys are drawn at once,
    /// later samples no sooner than [`MIN_FRAME_INTERVAL`] after the last frame.
    fn draw_due(&self, message: &Message, now: Duration) -> Duration {
        let is_first = |id| self.model.instance_by_id(id).is_some_and(|instance| !instance.data.has_polled());
        match message {
            Message::Polled(id, ..) if is_first(*id) => now,
            Message::Polled(..) | Message::ContinueDeferred | Message::MemoryMeasured(_) | Message::AuditLoaded(_) => {
                now.max(self.last_draw_at + MIN_FRAME_INTERVAL)
            }
            _ => now,
        }
    }

    fn run_effect(&mut self, effect: Effect) -> Option<ExitReason> {
        match effect {
            Effect::Quit => return Some(ExitReason::Quit),
            Effect::Redraw => {
                return self.terminal.redraw(self.model.terminal_size).err().map(|_| ExitReason::TerminalGone);
            }
            Effect::Suspend => return self.suspend(),
            Effect::PollNow(instance) => self.send_io_request(IoRequest::PollNow(instance)),
            Effect::RunAction(intent) => {
                let balancer = group_action::balancer_of_run(&self.model, intent.get());
                let action = self.pending_report.pending.add_intent(intent.get(), balancer.as_deref());
                self.send_io_request(IoRequest::RunAction(intent, action));
            }
            Effect::SendQuery(instance, version, query) => {
                self.send_io_request(IoRequest::RunQuery(instance, version, query));
            }
            Effect::ReadHostFacts(instance, pid) => self.send_io_request(IoRequest::ReadHostFacts(instance, pid)),
            Effect::FindOldProcesses(instance, query) => {
                self.send_io_request(IoRequest::FindOldProcesses(instance, query));
            }
            Effect::SendTypedCommand(instance, line) => {
                let shown = secret_arguments::hide(line.get().line.as_str());
                let action = self.pending_report.pending.add_typed_line(&shown);
                self.send_io_request(IoRequest::SendTypedLine(instance, line, action));
            }
            Effect::FindLog(instance, frontends) => self.logs.send(LogRequest::Find(instance, frontends)),
            Effect::AskLog(instance, question) => self.logs.send(LogRequest::Ask(instance, question)),
            Effect::MeasureMemory => {
                let measured = process_memory::own_memory();
                return measured.and_then(|memory| self.dispatch(Message::MemoryMeasured(memory), self.clock.now()));
            }
            Effect::CopyToClipboard(text) => {
                let description = self.terminal.copy(&text);
                self.model.notify(description, Role::Dim, self.clock.now().monotonic);
            }
            Effect::RingBell => self.terminal.ring_bell(),
            Effect::WriteSnapshot(request) => {
                self.snapshot.start(request, &mut self.model, self.clock.now().monotonic);
            }
            Effect::SaveCommandLine(line) => self.queue_file_line(FileLine::Command(line)),
        }
        None
    }

    fn queue_file_line(&mut self, line: FileLine) {
        // The thread lives as long as this sender, so sending fails only if the queue is full.
        if let Err(TrySendError::Full(_)) = self.files.try_send(line) {
            let text = "disk too slow: lines for the event log and the command history are dropped";
            self.model.notify(text, Role::Bad, self.clock.now().monotonic);
        }
    }

    /// Reads the configuration again. After an error, all settings stay, and the log files are opened again; a log that
    /// cannot be opened stays open.
    fn reload_settings(&mut self, now: Duration) {
        let (text, role, event_log) = match (self.reload)() {
            Ok(mut reloaded) => {
                self.appearance.theme = reloaded.theme;
                let (log, path) = reloaded.event_log.take().unzip();
                self.event_log_path = path;
                let description = reloaded.describe();
                reloaded.apply(&mut self.model, self.feeds.iter().map(|feed| feed.id));
                (description, Role::Normal, ReopenedLog::Opened(log))
            }
            Err(error) => {
                let error = safe_text::escape_lines(&format!("{error:#}"));
                let log = self.event_log_path.as_deref().map(LogFile::open).transpose();
                let log = log.map_or(ReopenedLog::Unchanged, ReopenedLog::Opened);
                (format!("configuration not reloaded, log files reopened: {error}"), Role::Bad, log)
            }
        };
        self.queue_file_line(FileLine::Reopen(event_log));
        self.model.notify(text, role, now);
        self.schedule_draw(now);
    }

    /// Queues the new events of all instances for the event log.
    fn log_events(&mut self) {
        if self.event_log_path.is_none() {
            return;
        }
        let model = &self.model;
        let lines: Vec<String> = self.feeds.iter_mut().flat_map(|feed| feed.new_event_lines(model)).collect();
        for line in lines {
            self.queue_file_line(FileLine::Event(line));
        }
    }

    fn send_io_request(&self, request: IoRequest) {
        let _ = self.io_requests.send(request); // Cannot fail: the I/O thread lives as long as this sender.
    }

    /// Waits for the results of pending commands and prints them. Returns the events that arrived meanwhile.
    fn report_before_suspend(&self) -> Vec<LoopEvent> {
        let mut missed = Vec::new();
        self.pending_report.print_before_suspend(|left| {
            let event = self.events.recv_timeout(left);
            let is_end = event.as_ref().map_or(true, LoopEvent::ends_program);
            missed.extend(event);
            !is_end
        });
        missed
    }

    /// Suspends the process until a shell resumes it, after the results of pending commands.
    fn suspend(&mut self) -> Option<ExitReason> {
        let now = self.clock.now();
        if !job_control::can_be_resumed() {
            let text = "cannot suspend: no shell with job control would resume hapulse";
            self.model.notify(text, Role::Warn, now.monotonic);
            self.schedule_draw(now.monotonic);
            return None;
        }
        self.terminal.leave();
        let missed = self.report_before_suspend();
        let is_ending = missed.iter().any(LoopEvent::ends_program);
        let end = if is_ending || self.terminal.stop().is_ok() { None } else { self.resume(now) };
        let now = self.clock.now();
        end.or_else(|| missed.into_iter().find_map(|event| self.handle_event(event, now)))
    }

    /// Takes the terminal back after SIGCONT and redraws the screen. In the background, leaves it to the shell and stops
    /// again.
    fn resume(&mut self, now: Timestamp) -> Option<ExitReason> {
        match self.terminal.stop_in_background() {
            Ok(false) => {}
            Ok(true) => return None,
            Err(_) => return Some(ExitReason::TerminalGone),
        }
        let size = terminal_device::drawn_size();
        if self.terminal.enter(size).is_err() {
            return Some(ExitReason::TerminalGone);
        }
        for feed in &self.feeds {
            self.send_io_request(IoRequest::PollNow(feed.id));
        }
        self.dispatch(Message::Resize(size.0, size.1), now)
    }

    fn schedule_draw(&mut self, due: Duration) {
        self.next_draw_at = Some(self.next_draw_at.map_or(due, |earlier| earlier.min(due)));
    }

    fn draw(&mut self, now: Duration) {
        self.next_draw_at = None;
        self.last_draw_at = now;
        let (model, appearance) = (&self.model, self.appearance);
        let mut drawn = DrawnFrame::default();
        let start = tracing::enabled!(tracing::Level::TRACE).then(Instant::now);
        let bytes = self.terminal.render(|buffer| drawn = root::draw(model, appearance, now, buffer));
        self.last_frame += 1;
        self.model.record_text(drawn.text);
        self.model.record_drawn(self.last_frame, drawn.question);
        if let Some(start) = start {
            tracing::trace!(drawing = ?start.elapsed(), bytes = bytes.len(), "frame");
        }
        if bytes.is_empty() {
            self.model.record_written(self.last_frame, now);
        } else {
            self.terminal.write(self.last_frame, bytes);
        }
        self.pending_report.pending.forget_reported();
    }
}
