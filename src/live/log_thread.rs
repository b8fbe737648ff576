//! The thread that reads the logs of the HAProxies of this machine, so that a slow disk does not block the screen.
//!
//! It reads a log if one is configured, or, from the first question on, if the usual file has lines of this HAProxy's frontends:
//! nobody who never asks pays for a log of many lines. It sends figures only about what it is asked: at once after a new
//! question, then once per second, and less often if they take long.

use std::collections::HashSet;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::app::message::Message;
use crate::app::model::Model;
use crate::config::discovery::discover;
use crate::config::safe_file;
use crate::config::target::Target;
use crate::haproxy::address::Address;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::socket_permissions;
use crate::live::loop_event::LoopEvent;
use crate::logs::configured_formats;
use crate::logs::follow::followed_file::FollowStep;
use crate::logs::line_reader::LineReader;
use crate::logs::live_log::{LineCounts, LiveLog, LogProblem, LogStatus, LogUpdate};
use crate::logs::window::request_window::MAX_SPAN;
use crate::logs::window::window_question::WindowQuestion;
use crate::observe::instance_id::InstanceId;

/// The file that rsyslog writes on Debian.
const USUAL_FILE: &str = "/var/log/haproxy.log";
/// The usual configuration of HAProxy.
const USUAL_CONFIG: &str = "/etc/haproxy/haproxy.cfg";
/// Time between two readings.
const READ_PAUSE: Duration = Duration::from_millis(250);
/// Time between two figures.
const UPDATE_PAUSE: Duration = Duration::from_secs(1);
/// Number of times by which the pause is longer than the time that figures take: they use at most a tenth of a core.
const COST_FACTOR: u32 = 10;
/// Number of bytes at the end of the usual file in which a frontend is searched for.
const SEARCHED_BYTES: u64 = 1 << 20;
/// Maximum size of a configuration file.
const MAX_CONFIG_BYTES: u64 = 4 << 20;

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

    /// Returns whether HAProxy runs on this machine.
    fn is_local(&self) -> bool {
        match &self.address {
            Address::Unix(_) | Address::Abstract { .. } => true,
            Address::Ssh(_) => false,
            Address::Tcp { host, .. } => {
                host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        }
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
        self.log = Some(LiveLog::new(path, line_reader(&self.source.address), TimeZone::system()));
    }

    /// Follows the usual file if it is asked for and has lines of these frontends, or of those that are known. A configured log
    /// is read anyway.
    fn find(&mut self, frontends: Vec<String>) {
        self.frontends.extend(frontends.into_iter().map(String::into_bytes));
        if self.log.is_some() || self.question.is_none() {
            return;
        }
        if !self.source.is_local() {
            self.problem = Some(remote_problem(&self.source.address));
            return;
        }
        let path = Path::new(USUAL_FILE);
        match self.names_frontend(path) {
            Ok(true) => {
                self.problem = None;
                self.follow(path);
            }
            Ok(false) => {
                self.problem = Some(LogProblem {
                    what: format!("no log is known: {USUAL_FILE} has no recent request to a frontend of this HAProxy"),
                    fix: name_log_fix(),
                });
            }
            Err(error) => self.problem = Some(search_problem(path, &error)),
        }
    }

    /// Returns whether one of the last lines of a file is a request to a frontend of this instance.
    fn names_frontend(&self, path: &Path) -> io::Result<bool> {
        let bytes = safe_file::read_end(path, SEARCHED_BYTES)?;
        let mut reader = line_reader(&self.source.address);
        let mut lines = bytes.split(|byte| *byte == b'\n').rev();
        Ok(lines.any(|line| reader.read(line).is_some_and(|request| self.frontends.contains(request.frontend))))
    }

    /// Reads what is new in the log.
    fn read(&mut self, now: Duration, wall: i64) {
        let Some(log) = &mut self.log else { return };
        match log.read(now, wall) {
            Ok(step) => (self.step, self.problem) = (step, None),
            Err(error) => {
                self.step = FollowStep::default();
                self.problem = Some(read_problem(log.path(), &error));
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

/// Returns a reader of the default formats and those of HAProxy's configuration, as far as hapulse can read them.
fn line_reader(address: &Address) -> LineReader {
    let found = discover(Path::new("/"));
    let only = found.running.first().filter(|_| found.running.len() == 1);
    let running = found.running.iter().find(|haproxy| haproxy.address.as_ref() == Ok(address)).or(only);
    let paths = running.map_or_else(|| vec![PathBuf::from(USUAL_CONFIG)], |haproxy| haproxy.configs.clone());
    let mut formats = Vec::new();
    for path in paths {
        // Without its configuration, the default formats are read.
        let Ok(text) = safe_file::read_regular(&path, MAX_CONFIG_BYTES) else { continue };
        let configured = configured_formats::read(&String::from_utf8_lossy(&text));
        formats.extend(configured.into_iter().map(|(_, format)| format));
    }
    LineReader::of_valid(formats.iter().map(String::as_str))
}

/// Returns how a log is named.
fn name_log_fix() -> String {
    "if HAProxy writes its log to another file, name it: hapulse --log FILE, or in hapulse's configuration:\n    \
     [targets]\n    lb01 = { address = \"/run/haproxy/admin.sock\", log = \"/var/log/haproxy.log\" }\n\
     if it writes none, put these lines into haproxy.cfg, and reload HAProxy; Debian's rsyslog writes them to \
     /var/log/haproxy.log:\n    global\n        log /dev/log local0\n    defaults\n        log global\n        option httplog"
        .to_owned()
}

fn remote_problem(address: &Address) -> LogProblem {
    LogProblem {
        what: format!("no log is known: {address} is on another machine, whose files hapulse does not read"),
        fix: "name a file that has its log on this machine: hapulse --log FILE; or on that machine: hapulse logs"
            .to_owned(),
    }
}

fn search_problem(path: &Path, error: &io::Error) -> LogProblem {
    match error.kind() {
        io::ErrorKind::NotFound => LogProblem {
            what: format!("no log is known, and {} does not exist", SafeText::from(path)),
            fix: name_log_fix(),
        },
        _ => read_problem(path, error),
    }
}

fn read_problem(path: &Path, error: &io::Error) -> LogProblem {
    let shown = SafeText::from(path);
    let fix = match error.kind() {
        io::ErrorKind::PermissionDenied => socket_permissions::read_hint(path),
        _ => "name the file that HAProxy's log is written to: hapulse --log FILE".to_owned(),
    };
    LogProblem { what: format!("cannot read {shown}: {error}"), fix }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::logs::request::Phase;
    use crate::logs::request_filter::RequestFilter;
    use crate::logs::window::window_question::{GroupRank, ReportSubject};

    fn source(target: &str) -> LogSource {
        LogSource::new(InstanceId::FIRST, &target.parse().unwrap())
    }

    #[test]
    fn log_is_found_by_a_frontend_of_the_instance() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("haproxy.log");
        let line = "Dec  1 11:35:25 lb1 haproxy[7]: 10.0.0.1:1 [01/Dec/2026:11:35:25.966] web be/s1 0/0/0/7/8 200 76 - - ---- \
                    1/1/0/0/0 0/0 \"GET / HTTP/1.1\"\n";
        fs::write(&path, [line, "Server be/s1 is UP\n"].concat()).unwrap();
        let mut log = WatchedLog::new(source("/run/haproxy/admin.sock"));
        assert!(!log.names_frontend(&path).unwrap());
        log.frontends.insert(b"web".to_vec());
        assert!(log.names_frontend(&path).unwrap());
        log.frontends = HashSet::from([b"be".to_vec()]);
        assert!(!log.names_frontend(&path).unwrap(), "another HAProxy writes to it");
        assert!(log.names_frontend(&folder.path().join("missing")).is_err());
    }

    #[test]
    fn logs_of_other_machines_are_not_searched_for() {
        let is_local = |target| source(target).is_local();
        assert!(["/run/a.sock", "127.0.0.1:9999", "localhost:9999", "[::1]:9999"].into_iter().all(is_local));
        assert!(!["10.0.0.2:9999", "lb01:9999", "ssh://lb01"].into_iter().any(is_local));
        let mut log = WatchedLog::new(source("lb01:9999"));
        log.find(vec!["web".to_owned()]);
        assert!(log.log.is_none() && log.problem.is_none(), "nothing was asked");
        let (subject, rank) = (ReportSubject::Newest, GroupRank::Requests);
        let (phase, filter) = (Phase::Response, RequestFilter::default());
        log.question = Some(WindowQuestion { number: 1, subject, span: MAX_SPAN, phase, filter, rank });
        log.find(Vec::new());
        assert!(log.log.is_none());
        assert!(log.problem.unwrap().what.contains("lb01:9999 is on another machine"));
    }

    #[test]
    fn problems_name_the_step_that_helps() {
        let folder = tempfile::tempdir().unwrap();
        let problem = |kind: io::ErrorKind| search_problem(folder.path(), &io::Error::from(kind));
        assert!(problem(io::ErrorKind::PermissionDenied).fix.starts_with("run as root, or "));
        assert!(problem(io::ErrorKind::NotFound).fix.contains("option httplog"));
        assert!(problem(io::ErrorKind::IsADirectory).fix.contains("--log FILE"));
    }
}
