//! The loop: wait, take everything that has come, update each, draw once.
//!
//! Nothing ticks. The loop sleeps until something comes or until something on the screen is to change by
//! itself. Keys are drawn at once, samples at most five times a second, and nothing is drawn while the
//! terminal is still busy with the frame before.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, TrySendError};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use tokio::sync::mpsc::UnboundedSender;

use crate::actions::audit::audit_writer::Audit;
use crate::app::cli_input::{CommandLine, REMEMBERED};
use crate::app::initial_view::Start;
use crate::app::keymap::Keymap;
use crate::app::model::{InstanceView, Model};
use crate::app::msg::{Effect, Msg};
use crate::app::update::{next_wake, update};
use crate::config::target::Target;
use crate::instance::guard::Guard;
use crate::live::file_writer::{self, Files, Keep};
use crate::live::io_thread::{self as talk, IoRequest, IoMessage, Source, Watching};
use crate::live::process_memory;
use crate::observe::events;
use crate::observe::latest_slot::LatestSlot;
use crate::observe::sampler::News;
use crate::observe::timestamp::{Clock, Stamp};
use crate::problems::thresholds::Thresholds;
use crate::table::cell::Role;
use crate::term::frame_writer::{self, Frames};
use crate::term::hangup_watchdog;
use crate::term::key_reader::{self, Typed};
use crate::term::output::Output;
use crate::term::terminal_mode;
use crate::ui::root::{self as picture, Looks};
use crate::ui::theme::Theme;

/// What to show, and how.
#[derive(Debug)]
pub struct Session {
    /// Every HAProxy to watch.
    pub targets: Vec<Target>,
    /// How to watch them.
    pub watching: Watching,
    /// Memory for the history of each, in bytes.
    pub history: usize,
    /// Colours and glyphs.
    pub theme: Theme,
    /// What keys do.
    pub keymap: Keymap,
    /// What is shown first.
    pub start: Start,
    /// From which values on something is a problem.
    pub thresholds: Thresholds,
    /// Where events are logged, if they are.
    pub log: Option<File>,
    /// Where lines typed on the command line are kept, if they are.
    pub typed: Option<PathBuf>,
    /// Where acts are written down.
    pub audit: Audit,
    /// Whether a reason is asked for before each act.
    pub asks_reason: bool,
    /// When to offer to end the sessions of a server that drains.
    pub drain_deadline: Duration,
}

/// How the dashboard ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The user quit.
    Quit,
    /// A signal asked for it; its number.
    Signal(i32),
    /// The terminal is gone.
    Gone,
}

/// Everything that wakes the loop.
#[derive(Debug)]
enum Event {
    Typed(Typed),
    Said(IoMessage),
    Written(io::Result<()>),
    FileFailed(String),
    TerminalGone,
}

impl From<IoMessage> for Event {
    fn from(said: IoMessage) -> Self {
        Self::Said(said)
    }
}

/// Events that may wait for the loop; keys typed faster wait in the terminal.
const QUEUE: usize = 1024;
/// The shortest time between two frames that only samples ask for.
const FRAME: Duration = Duration::from_millis(200);
/// How long the first frame waits for the first sample.
const FIRST: Duration = Duration::from_millis(30);
/// How long the last frame may take before the terminal is given back in any case.
const LAST: Duration = Duration::from_millis(300);

/// Shows the dashboard until it ends. The terminal is then as it was.
///
/// # Errors
/// When the terminal or a thread cannot be had.
pub fn run(session: Session) -> anyhow::Result<End> {
    let clock = session.watching.clock;
    let (sender, events) = mpsc::sync_channel(QUEUE);
    let news: Vec<Arc<LatestSlot<News>>> = session.targets.iter().map(|_| Arc::default()).collect();
    let source = |(target, news): (&Target, &Arc<LatestSlot<News>>)| Source {
        name: target.label(),
        address: target.address.clone(),
        news: Arc::clone(news),
    };
    // Polling begins before the terminal is set up: the first answer comes the sooner.
    let sources = session.targets.iter().zip(&news).map(source).collect();
    let audit = Arc::new(session.audit);
    let orders = talk::start(sources, session.watching, Arc::clone(&audit), sender.clone())?;
    let instances = session.targets.iter().map(|target| {
        InstanceView::new(target.label(), target.address.to_string(), target.address.is_tcp(), session.history)
    });
    let guard = Guard { read_only: session.watching.read_only };
    let mut model = Model::new(instances.collect(), guard, session.keymap, terminal_mode::size());
    session.start.apply(&mut model);
    let typed = session.typed.as_deref().map(|path| file_writer::last_lines(path, REMEMBERED));
    model.asks_reason = session.asks_reason;
    model.asked_interval = Some(session.watching.pace.wanted());
    for instance in &mut model.instances {
        instance.watch.set_thresholds(session.thresholds.clone());
        instance.watch.set_drain_deadline(session.drain_deadline);
        instance.watch.set_actor(audit.actor().who());
    }
    model.cli = CommandLine::new(typed.unwrap_or_default());
    let failed = sender.clone();
    let (logs, logged) = (session.log.is_some(), vec![0; session.targets.len()]);
    let keep = Files { log: session.log, typed: session.typed };
    let files =
        file_writer::start(keep, move |why| drop(failed.send(Event::FileFailed(why)))).context("cannot keep files")?;
    terminal_mode::end_on_panic();
    terminal_mode::enter().context("cannot set up the terminal")?;
    let ended = start_threads(&sender).map(|output| {
        let frames = Frames::new(model.size.0, model.size.1);
        let looks = Looks { theme: session.theme, show_time: local_time };
        let first = clock.now().mono + FIRST;
        let live = Live {
            model,
            news,
            orders,
            files,
            logs,
            logged,
            output,
            frames,
            looks,
            clock,
            events,
            draw_at: Some(first),
            drawn: Duration::ZERO,
            clipboard: None,
            rings: false,
        };
        live.run()
    });
    terminal_mode::leave();
    ended
}

fn start_threads(sender: &mpsc::SyncSender<Event>) -> anyhow::Result<Output> {
    // The loop's end closes the channel, and with it these threads have nothing more to do.
    let typed = sender.clone();
    key_reader::start(move |event| typed.send(Event::Typed(event)).is_ok()).context("cannot read keys")?;
    let gone = sender.clone();
    hangup_watchdog::start(move || drop(gone.send(Event::TerminalGone))).context("cannot watch the terminal")?;
    let written = sender.clone();
    Output::start(move |done| drop(written.send(Event::Written(done)))).context("cannot write to the terminal")
}

/// `03:12:41`, in the user's time zone.
fn local_time(at: SystemTime) -> String {
    let zoned = jiff::Timestamp::try_from(at).map(|at| at.to_zoned(jiff::tz::TimeZone::system()));
    zoned.map(|at| at.strftime("%H:%M:%S").to_string()).unwrap_or_default()
}

/// `2026-11-20T03:12:41Z`: the same everywhere, for the log.
fn rfc3339(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).map(|at| format!("{at:.0}")).unwrap_or_default()
}

/// The running dashboard.
struct Live {
    model: Model,
    news: Vec<Arc<LatestSlot<News>>>,
    orders: UnboundedSender<IoRequest>,
    files: mpsc::SyncSender<Keep>,
    /// Whether events are logged, and how many of each instance were.
    logs: bool,
    logged: Vec<u64>,
    output: Output,
    frames: Frames,
    looks: Looks,
    clock: Clock,
    events: mpsc::Receiver<Event>,
    /// When the next frame is due; nothing when the screen is as it should be.
    draw_at: Option<Duration>,
    drawn: Duration,
    /// What goes into the terminal's clipboard with the next frame.
    clipboard: Option<String>,
    /// Whether the next frame rings.
    rings: bool,
}

impl Live {
    fn run(mut self) -> End {
        let end = loop {
            let now = self.clock.now();
            if self.draw_at.is_some_and(|due| due <= now.mono) && !self.output.is_busy() {
                self.draw(now.mono);
                self.keep_first(now.mono);
            }
            let first = match self.wait(now.mono) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break End::Gone,
            };
            let now = self.clock.now();
            if first.is_none() && next_wake(&self.model, Duration::ZERO).is_some() {
                self.tell(Msg::Wake, now);
                self.draw_by(now.mono);
            }
            let more: Vec<Event> = first.into_iter().chain(self.events.try_iter().take(QUEUE)).collect();
            if let Some(end) = more.into_iter().find_map(|event| self.take(event, now)) {
                break end;
            }
        };
        self.output.finish(LAST);
        end
    }

    /// Waits for an event, but no longer than until a frame is due or the screen changes by itself.
    fn wait(&self, now: Duration) -> Result<Event, RecvTimeoutError> {
        // A frame that waits for the terminal is drawn when that is free: an event tells.
        let frame = self.draw_at.filter(|_| !self.output.is_busy());
        match [frame, next_wake(&self.model, now)].into_iter().flatten().min() {
            Some(until) => self.events.recv_timeout(until.saturating_sub(now)),
            None => self.events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Takes one event in; says when it is the end.
    fn take(&mut self, event: Event, now: Stamp) -> Option<End> {
        match event {
            Event::Typed(Typed::Key(key)) => {
                self.draw_by(now.mono);
                self.tell(Msg::Key(key), now)
            }
            Event::Typed(Typed::Resize(width, height)) => {
                self.draw_by(now.mono);
                self.tell(Msg::Resize(width, height), now)
            }
            Event::Said(IoMessage::News(instance)) => {
                let (news, missed) = self.news.get(instance)?.take()?;
                let is_first = self.model.instances.get(instance).is_some_and(|known| known.watch.newest().is_none());
                self.draw_by(if is_first { now.mono } else { now.mono.max(self.drawn + FRAME) });
                self.tell(Msg::News(instance, news, missed), now)
            }
            Event::Said(IoMessage::Progress(progress)) => {
                self.draw_by(now.mono);
                self.tell(Msg::Progress(progress), now)
            }
            Event::Said(IoMessage::Acted(report)) => {
                self.draw_by(now.mono);
                self.tell(Msg::Acted(report), now)
            }
            Event::Said(IoMessage::Told(instance, query, told)) => {
                self.draw_by(now.mono);
                self.tell(Msg::Told(instance, query, told), now)
            }
            Event::Said(IoMessage::Sent(instance, told)) => {
                self.draw_by(now.mono);
                self.tell(Msg::Sent(instance, told), now)
            }
            Event::Said(IoMessage::Past(ledger)) => {
                self.draw_by(now.mono.max(self.drawn + FRAME));
                self.tell(Msg::Past(ledger), now)
            }
            Event::FileFailed(why) => {
                self.draw_by(now.mono);
                self.model.say(why, Role::Bad, now.mono);
                None
            }
            Event::Said(IoMessage::Suspend) => self.carry_out(Effect::Suspend),
            Event::Said(IoMessage::Continued) => self.come_back(now),
            Event::Said(IoMessage::Signal(number)) => Some(End::Signal(number)),
            Event::Written(Ok(())) => None,
            Event::Written(Err(_)) | Event::Typed(Typed::Ended(_)) | Event::TerminalGone => Some(End::Gone),
        }
    }

    fn tell(&mut self, msg: Msg, now: Stamp) -> Option<End> {
        let effects = update(&mut self.model, msg, now);
        self.log_events();
        effects.into_iter().find_map(|effect| self.carry_out(effect))
    }

    fn carry_out(&mut self, effect: Effect) -> Option<End> {
        match effect {
            Effect::Quit => return Some(End::Quit),
            Effect::Redraw => {
                let (width, height) = self.model.size;
                self.frames.forget(width, height);
            }
            Effect::Suspend => {
                self.output.finish(LAST);
                terminal_mode::leave();
                // When it cannot be stopped it simply goes on.
                let _ = terminal_mode::stop_until_continued();
                let now = self.clock.now();
                return self.come_back(now);
            }
            Effect::PollNow(instance) => self.order(IoRequest::PollNow(instance)),
            Effect::Act(intent) => self.order(IoRequest::Act(intent)),
            Effect::Ask(instance, version, query) => self.order(IoRequest::Ask(instance, version, query)),
            Effect::Send(instance, line) => self.order(IoRequest::Send(instance, line)),
            Effect::MeasureMemory => {
                // Where the system does not tell, the page says so.
                let measured = process_memory::own();
                return measured.and_then(|memory| self.tell(Msg::Memory(memory), self.clock.now()));
            }
            Effect::Copy(text) => self.clipboard = Some(text),
            Effect::Bell => self.rings = true,
            Effect::Remember(line) => self.keep(Keep::Typed(line)),
        }
        None
    }

    fn keep(&mut self, line: Keep) {
        // The thread lives as long as this sender.
        if let Err(TrySendError::Full(_)) = self.files.try_send(line) {
            self.model.say(
                "the disk takes nothing: what should be written to it is left out",
                Role::Bad,
                self.clock.now().mono,
            );
        }
    }

    /// Logs the events that are new.
    fn log_events(&mut self) {
        if !self.logs {
            return;
        }
        for place in 0..self.model.instances.len() {
            let instance = &self.model.instances[place];
            let (ever, known) = (instance.watch.all_events().ever(), self.logged[place]);
            let count = usize::try_from(ever - known).unwrap_or(usize::MAX);
            let mut new: Vec<&events::Event> = instance.watch.all_events().newest().take(count).collect();
            new.reverse();
            let line = |event: &events::Event| format!("{} {} {}", rfc3339(event.at.wall), instance.name, event.line());
            let lines: Vec<String> = new.into_iter().map(line).collect();
            self.logged[place] = ever;
            for line in lines {
                self.keep(Keep::Event(line));
            }
        }
    }

    fn order(&self, order: IoRequest) {
        // The I/O thread lives as long as this sender.
        let _ = self.orders.send(order);
    }

    /// The shell had the terminal: take it back and draw everything.
    fn come_back(&mut self, now: Stamp) -> Option<End> {
        if terminal_mode::enter().is_err() {
            return Some(End::Gone);
        }
        let (width, height) = terminal_mode::size();
        self.draw_by(now.mono);
        for instance in 0..self.model.instances.len() {
            self.order(IoRequest::PollNow(instance));
        }
        self.tell(Msg::Resize(width, height), now)
    }

    /// Does what the first frame need not wait for; what it adds to the screen comes with the next.
    fn keep_first(&mut self, now: Duration) {
        let kept = self.model.instances.iter_mut().filter_map(|instance| instance.watch.keep().then_some(()));
        if kept.count() > 0 {
            self.draw_by(now);
        }
    }

    fn draw_by(&mut self, due: Duration) {
        self.draw_at = Some(self.draw_at.map_or(due, |earlier| earlier.min(due)));
    }

    fn draw(&mut self, now: Duration) {
        self.draw_at = None;
        self.drawn = now;
        let (model, looks) = (&self.model, self.looks);
        let mut last = None;
        let rendered = self.frames.render(|buffer| last = picture::draw(model, looks, now, buffer));
        self.model.stay_within(last);
        let mut bytes = rendered.unwrap_or_default();
        if let Some(text) = self.clipboard.take() {
            bytes.extend(frame_writer::clipboard(&text));
        }
        if std::mem::take(&mut self.rings) {
            bytes.push(frame_writer::BELL);
        }
        if !bytes.is_empty() {
            self.output.write(bytes);
        }
    }
}
