//! Reads `hapulse watch`: each sample with its rows and what hapulse found wrong in it.
//!
//! Times are those of the samples, so that a busy machine that delays a sample does not fail a test.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::script::{RunningCommand, Script};

/// Time between two samples.
pub const INTERVAL: Duration = Duration::from_millis(500);

/// A wait without its sample fails after this time; far longer than any limit that a test measures in samples.
const PATIENCE: Duration = Duration::from_mins(3);

/// A running `hapulse watch`; dropping it ends it.
pub struct Watched {
    running: RunningCommand,
    interval: Duration,
    _script: Script,
}

/// One sample.
#[derive(Debug, Clone)]
pub struct WatchedSample {
    /// Position in the output, from 0.
    pub index: usize,
    /// Time since the first sample. A pause of more than two intervals counts as two intervals: nothing could be seen.
    pub time: Duration,
    json: Value,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchedCause {
    /// `PROXY`, `PROXY/SERVER`, or nothing for the process.
    pub object: String,
    pub text: String,
    pub is_resolved: bool,
}

impl Watched {
    /// Starts `hapulse watch` on this socket.
    pub fn start(socket: &Path) -> Self {
        Self::start_with(socket, "")
    }

    /// Starts it with this configuration file.
    pub fn start_with(socket: &Path, config: &str) -> Self {
        Self::start_every(INTERVAL, socket, config)
    }

    /// Starts it with this time between two samples.
    pub fn start_every(interval: Duration, socket: &Path, config: &str) -> Self {
        let script = Script::new();
        script.configure(config);
        let columns = "status,scur,slim,qcur,act,chkdown,hrsp_2xx,hrsp_5xx,rtime,agent_status";
        let args = format!("watch --view dashboard --columns {columns} -i {}", interval.as_secs_f64());
        Self { running: script.start(socket, &args), interval, _script: script }
    }

    /// Returns all samples so far. Lines about a lost connection have no values and are omitted.
    pub fn samples(&self) -> Vec<WatchedSample> {
        let mut samples: Vec<WatchedSample> = Vec::new();
        let mut last: Option<jiff::Timestamp> = None;
        for line in self.running.out().lines() {
            let Ok(json) = serde_json::from_str::<Value>(line) else { continue };
            if json.get("rows").is_none() {
                continue;
            }
            let at: jiff::Timestamp = json["at"].as_str().unwrap().parse().unwrap();
            let step = last.replace(at).map_or(Duration::ZERO, |last| {
                Duration::try_from(at.duration_since(last)).unwrap_or_default().min(self.interval * 2)
            });
            let time = samples.last().map_or(Duration::ZERO, |last| last.time) + step;
            samples.push(WatchedSample { index: samples.len(), time, json });
        }
        samples
    }

    /// Returns the newest sample; waits for the first one.
    pub fn newest(&self) -> WatchedSample {
        let first = self.wait_after(None, "a sample", |_| true);
        self.samples().pop().unwrap_or(first)
    }

    /// Waits for the first sample after this one (or at all) that passes the check.
    pub fn wait_after(
        &self,
        after: Option<&WatchedSample>,
        what: &str,
        check: impl Fn(&WatchedSample) -> bool,
    ) -> WatchedSample {
        let (end, first) = (Instant::now() + PATIENCE, after.map_or(0, |sample| sample.index + 1));
        loop {
            let samples = self.samples();
            if let Some(found) = samples.iter().skip(first).find(|sample| check(sample)) {
                return found.clone();
            }
            let last = samples.last().map(WatchedSample::causes);
            assert!(Instant::now() < end, "waited {PATIENCE:?} for {what}; wrong in the newest sample: {last:#?}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl WatchedSample {
    /// Returns everything that is wrong, the worst first.
    pub fn causes(&self) -> Vec<WatchedCause> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let cause = |cause: &Value| {
            let (proxy, server) = (text(&cause["pxname"]), text(&cause["svname"]));
            let is_server = cause["kind"] == "server";
            WatchedCause {
                object: if is_server { format!("{proxy}/{server}") } else { proxy },
                text: text(&cause["text"]),
                is_resolved: cause["resolved"] == true,
            }
        };
        self.json["causes"].as_array().expect("the dashboard has a list").iter().map(cause).collect()
    }

    /// Returns a cell by `PROXY/NAME`; nothing if it is unknown or the row does not exist.
    pub fn text(&self, row: &str, column: &str) -> String {
        match self.cell(row, column) {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        }
    }

    /// Returns a number by `PROXY/NAME`; 0 if it is unknown.
    pub fn number(&self, row: &str, column: &str) -> f64 {
        self.cell(row, column).as_f64().unwrap_or_default()
    }

    fn cell(&self, row: &str, column: &str) -> Value {
        let rows = self.json["rows"].as_array().expect("the dashboard has rows");
        let is_row = |candidate: &&Value| {
            let name = |key: &str| candidate[key].as_str().unwrap_or_default();
            candidate["kind"] != "listener" && row.split_once('/') == Some((name("pxname"), name("svname")))
        };
        rows.iter().find(is_row).map_or(Value::Null, |found| found[column].clone())
    }
}
