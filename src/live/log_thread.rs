//! The thread that reads the logs of the HAProxies of this machine, so that a slow disk does not block the screen.
//!
//! It reads a log if one is configured, or, from the first question on, if the usual file has lines of this HAProxy's frontends:
//! a log of many lines costs nothing before. It sends figures only about what it is asked: at once after a new question, then
//! once per second, and less often if they take long.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::app::message::Message;
use crate::app::model::Model;
use crate::config::target::Target;
use crate::haproxy::address::Address;
use crate::live::loop_event::LoopEvent;
use crate::logs::follow::followed_file::FollowStep;
use crate::logs::live_log::{LineCounts, LiveLog, LogProblem, LogStatus, LogUpdate};
use crate::logs::log_search;
use crate::logs::window::request_window::MAX_SPAN;
use crate::logs::window::window_question::WindowQuestion;
use crate::observe::instance_id::InstanceId;

/// Time between two readings.
const READ_PAUSE: Duration = Duration::from_millis(250);
/// Time between two figures.
const UPDATE_PAUSE: Duration = Duration::from_secs(1);
/// Number of times by which the pause is longer than the time that figures take: they use at most a tenth of a core.
const COST_FACTOR: u32 = 10;

/// A request to the thread.
#[derive(Debug)]
pub(crate) enum LogRequest {
    /// Find the log of an instance, which has these frontends.
    Find(InstanceId, Vec<String>),
    /// Answer this question about the log of an instance; `None` to stop.
    Ask(InstanceId, Option<WindowQuestion>),
}

/// An instance whose log may be read.
#[derive(Debug)]
pub(crate) struct LogSource {
    id: InstanceId,
    address: Address,
    /// The configured log.
    path: Option<PathBuf>,
}

impl LogSource {
    /// Returns the source of the log of a target.
    pub(crate) fn new(id: InstanceId, target: &Target) -> Self {
        Self { id, address: target.address.clone(), path: target.log.clone() }
    }
}

/// The way to the thread.
pub(crate) struct LogReader(Option<Sender<LogRequest>>);

impl LogReader {
    /// Starts the thread for instances with these targets, unless they are recorded. It ends when this value is dropped.
    ///
    /// # Errors
    /// Returns an error if no thread can be started.
    pub(crate) fn start(model: &Model, targets: &[Target], events: SyncSender<LoopEvent>) -> io::Result<Self> {
        if model.replay.is_some() {
            return Ok(Self(None));
        }
        let sources: Vec<LogSource> =
            model.instances.iter().zip(targets).map(|(one, target)| LogSource::new(one.id(), target)).collect();
        let (sender, requests) = mpsc::channel();
        let started = Instant::now();
        thread::Builder::new().name("logs".to_owned()).spawn(move || {
            let logs = sources.into_iter().map(WatchedLog::new).collect();
            LogThread { logs, requests, events, started }.run();
        })?;
        Ok(Self(Some(sender)))
    }

    /// Sends a request to the thread. Without a thread, no log is read.
    pub(crate) fn send(&self, request: LogRequest) {
        if let Some(requests) = &self.0 {
            let _ = requests.send(request); // Cannot fail: the thread lives as long as this sender.
        }
    }
}

/// The thread.
struct LogThread {
    logs: Vec<WatchedLog>,
    requests: Receiver<LogRequest>,
    events: SyncSender<LoopEvent>,
    started: Instant,
}

impl LogThread {
    fn run(mut self) {
        loop {
            let pause = self.pause();
            let first = match pause {
                Some(pause) => self.requests.recv_timeout(pause),
                None => self.requests.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match first {
                Ok(request) => self.handle(request),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while let Ok(request) = self.requests.try_recv() {
                self.handle(request);
            }
            // Later than the span, so that the time of a request is never before the start.
            let now = MAX_SPAN + self.started.elapsed();
            let wall = Timestamp::now().as_millisecond();
            for log in &mut self.logs {
                log.read(now, wall);
                if let Some(update) = log.update_if_due(now, wall) {
                    let message = Message::RequestsRead(log.source.id, Box::new(update));
                    // If the queue is full, the next figures replace these.
                    if self.events.try_send(message.into()).is_err() {
                        log.next_update = None;
                    }
                }
            }
        }
    }

    /// Returns the time until the next reading; `None` if no log is read.
    fn pause(&self) -> Option<Duration> {
        let is_busy = |log: &WatchedLog| log.step.has_more && log.log.is_some();
        let is_idle = |log: &WatchedLog| log.log.is_none() && log.question.is_none();
        if self.logs.iter().any(is_busy) {
            return Some(Duration::ZERO);
        }
        (!self.logs.iter().all(is_idle)).then_some(READ_PAUSE)
    }

    fn handle(&mut self, request: LogRequest) {
        match request {
            LogRequest::Find(id, frontends) => {
                if let Some(log) = self.logs.iter_mut().find(|log| log.source.id == id) {
                    log.find(frontends);
                }
            }
            LogRequest::Ask(id, question) => {
                if let Some(log) = self.logs.iter_mut().find(|log| log.source.id == id) {
                    (log.question, log.next_update) = (question, None);
                    if log.log.is_none() && log.question.is_some() {
                        // It may have appeared.
                        log.find(Vec::new());
                    }
                }
            }
        }
    }
}

/// The log of an instance.
struct WatchedLog {
    source: LogSource,
    frontends: HashSet<Vec<u8>>,
    log: Option<LiveLog>,
    step: FollowStep,
    /// Why no log is read.
    problem: Option<LogProblem>,
    question: Option<WindowQuestion>,
    /// Time of the next figures; `None` if they are due.
    next_update: Option<Duration>,
}

impl WatchedLog {
    fn new(source: LogSource) -> Self {
        let step = FollowStep::default();
        let mut log = Self {
            source,
            frontends: HashSet::new(),
            log: None,
            step,
            problem: None,
            question: None,
            next_update: None,
        };
        if let Some(path) = log.source.path.clone() {
            log.follow(&path);
        }
        log
    }

    fn follow(&mut self, path: &Path) {
        self.log = Some(LiveLog::new(path, log_search::line_reader(&self.source.address), TimeZone::system()));
    }

    /// Follows the usual file if it is asked for and has lines of these frontends, or of those that are known. A configured log
    /// is read anyway.
    fn find(&mut self, frontends: Vec<String>) {
        self.frontends.extend(frontends.into_iter().map(String::into_bytes));
        if self.log.is_some() || self.question.is_none() {
            return;
        }
        match log_search::find(&self.source.address, &self.frontends) {
            Ok(path) => {
                self.problem = None;
                self.follow(&path);
            }
            Err(problem) => self.problem = Some(problem),
        }
    }

    /// Reads what is new in the log.
    fn read(&mut self, now: Duration, wall: i64) {
        let Some(log) = &mut self.log else { return };
        match log.read(now, wall) {
            Ok(step) => (self.step, self.problem) = (step, None),
            Err(error) => {
                self.step = FollowStep::default();
                self.problem = Some(log_search::read_problem(log.path(), &error));
            }
        }
    }

    /// Returns the figures if the question is new, or the last ones are old.
    fn update_if_due(&mut self, now: Duration, wall: i64) -> Option<LogUpdate> {
        let question = self.question.as_ref()?;
        // The lines from before the start are read at once.
        if self.step.has_more || self.next_update.is_some_and(|at| now < at) {
            return None;
        }
        let mut status = match &self.log {
            Some(log) => log.status(self.step),
            None => LogStatus { path: None, counts: LineCounts::default(), problem: None },
        };
        if self.problem.is_some() {
            status.problem.clone_from(&self.problem);
        }
        let start = Instant::now();
        let report = self.log.as_ref().map(|log| log.answer(question, now));
        self.next_update = Some(now + UPDATE_PAUSE.max(start.elapsed() * COST_FACTOR));
        Some(LogUpdate { at: wall, status, report })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::request::Phase;
    use crate::logs::request_filter::RequestFilter;
    use crate::logs::window::window_question::{GroupRank, ReportSubject};

    #[test]
    fn log_is_searched_for_only_if_it_is_asked_for() {
        let source = LogSource::new(InstanceId::FIRST, &"lb01:9999".parse().unwrap());
        let mut log = WatchedLog::new(source);
        log.find(vec!["web".to_owned()]);
        assert!(log.log.is_none() && log.problem.is_none());
        let (subject, rank) = (ReportSubject::Newest, GroupRank::Requests);
        let (phase, filter) = (Phase::Response, RequestFilter::default());
        log.question = Some(WindowQuestion { number: 1, subject, span: MAX_SPAN, phase, filter, rank });
        log.find(Vec::new());
        assert!(log.log.is_none() && log.problem.unwrap().what.contains("lb01:9999 is on another machine"));
    }
}
