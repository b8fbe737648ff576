//! Samples built from recorded replies of real `HAProxies`, as the sampler builds them.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hapulse::app::instance_view::InstanceView;
use hapulse::app::keymap::Keymap;
use hapulse::app::model::Model;
use hapulse::haproxy::fields::InfoField;
use hapulse::haproxy::info::ProcessInfo;
use hapulse::haproxy::level::Level;
use hapulse::haproxy::reply;
use hapulse::haproxy::stat_table::StatTable;
use hapulse::instance::source::StatsSocket;
use hapulse::instance::state::Instance;
use hapulse::observe::instance_id::InstanceId;
use hapulse::observe::link::PollFailure;
use hapulse::observe::row_ids::RowIds;
use hapulse::observe::sample::{Epoch, ReplyCost, Sample, SampleDetails};
use hapulse::observe::timestamp::Timestamp;

/// Number of messages `ContinueDeferred` that complete the deferred work on a small first sample.
pub const DEFERRED_PARTS: usize = 4;

/// Versions with recorded replies.
pub const VERSIONS: [&str; 6] = ["1.8.0", "2.0.0", "2.4.0", "2.6.12", "3.0.0", "3.2.0"];

/// Returns the bytes of one recorded reply.
pub fn recorded_bytes(version: &str, file: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(version).join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the text of one recorded reply without the empty line at its end.
pub fn recorded_text(version: &str, file: &str) -> String {
    let bytes = recorded_bytes(version, file);
    let replies = reply::split(&bytes, 1);
    assert!(replies[0].is_complete(), "{version}/{file} is incomplete");
    String::from_utf8(replies[0].text().to_vec()).unwrap()
}

/// Parses a recorded `show stat`.
pub fn recorded_stat_table(version: &str, file: &str) -> StatTable {
    StatTable::parse(recorded_text(version, file).as_bytes(), None).unwrap()
}

/// Returns the time `millis` after the start of the test.
pub fn timestamp(millis: u64) -> Timestamp {
    let monotonic = Duration::from_millis(millis);
    Timestamp { monotonic, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + monotonic }
}

/// An editable `show stat` reply.
#[derive(Debug, Clone)]
pub struct StatCsv {
    cells: Vec<Vec<String>>,
}

impl StatCsv {
    /// Reads a recorded reply. Cells with quotes or commas are not supported; the recordings have none.
    pub fn recorded(version: &str, file: &str) -> Self {
        let text = recorded_text(version, file);
        assert!(!text.contains('"'), "{version}/{file} has quoted cells");
        Self { cells: text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect() }
    }

    fn column(&self, name: &str) -> usize {
        let is_column = |cell: &String| cell.trim_start_matches("# ") == name;
        self.cells[0].iter().position(is_column).unwrap_or_else(|| panic!("no column {name}"))
    }

    fn line(&self, proxy: &str, name: &str) -> usize {
        let is_row = |line: &Vec<String>| line[0] == proxy && line[1] == name;
        self.cells.iter().position(is_row).unwrap_or_else(|| panic!("no row {proxy}/{name}"))
    }

    /// Returns proxy and name of every row.
    pub fn names(&self) -> Vec<(String, String)> {
        self.cells[1..].iter().map(|line| (line[0].clone(), line[1].clone())).collect()
    }

    /// Replaces one cell.
    pub fn set(&mut self, proxy: &str, name: &str, column: &str, value: &str) -> &mut Self {
        let (line, column) = (self.line(proxy, name), self.column(column));
        value.clone_into(&mut self.cells[line][column]);
        self
    }

    /// Adds to one counter; an empty cell stays empty.
    pub fn add(&mut self, proxy: &str, name: &str, column: &str, by: i64) -> &mut Self {
        let (line, column) = (self.line(proxy, name), self.column(column));
        if let Ok(value) = self.cells[line][column].parse::<i64>() {
            self.cells[line][column] = (value + by).to_string();
        }
        self
    }

    /// Adds `requests` sessions and requests to a row's counters; a tenth of the responses are 5xx.
    pub fn add_requests(&mut self, proxy: &str, name: &str, requests: i64) -> &mut Self {
        let failed = requests / 10;
        for (column, by) in [
            ("stot", requests),
            ("req_tot", requests),
            ("hrsp_2xx", requests - failed),
            ("hrsp_5xx", failed),
            ("bin", requests * 93),
            ("bout", requests * 15_400),
        ] {
            self.add(proxy, name, column, by);
        }
        self
    }

    /// Removes one row.
    pub fn remove(&mut self, proxy: &str, name: &str) -> &mut Self {
        let line = self.line(proxy, name);
        self.cells.remove(line);
        self
    }

    /// Reverses the order of the rows of a proxy.
    pub fn reverse(&mut self, proxy: &str) -> &mut Self {
        let lines: Vec<usize> = (1..self.cells.len()).filter(|line| self.cells[*line][0] == proxy).collect();
        for (front, back) in lines.iter().zip(lines.iter().rev()).take(lines.len() / 2) {
            self.cells.swap(*front, *back);
        }
        self
    }

    /// Returns the text of the reply.
    pub fn text(&self) -> String {
        self.cells.iter().map(|line| line.join(",") + "\n").collect()
    }
}

/// Builds consecutive samples, as the sampler does.
#[derive(Debug)]
pub struct SampleFactory {
    row_ids: RowIds,
    seq: u64,
    info: String,
    /// Level of the stats socket.
    pub level: Option<Level>,
}

impl SampleFactory {
    /// Creates a factory for samples of this version at level admin.
    pub fn for_version(version: &str) -> Self {
        Self {
            row_ids: RowIds::default(),
            seq: 0,
            info: recorded_text(version, "show-info.txt"),
            level: Some(Level::Admin),
        }
    }

    /// Replaces the value of a key of `show info`.
    pub fn set_info(&mut self, key: &str, value: &str) {
        let prefix = format!("{key}: ");
        let lines = self.info.lines().map(|line| match line.strip_prefix(&prefix) {
            Some(_) => format!("{prefix}{value}\n"),
            None => format!("{line}\n"),
        });
        self.info = lines.collect();
    }

    /// Builds the next sample from this `show stat`.
    pub fn next_sample(&mut self, millis: u64, stat: &StatCsv) -> Arc<Sample> {
        self.seq += 1;
        let text = stat.text();
        let table = StatTable::parse(text.as_bytes(), None).unwrap();
        let info = ProcessInfo::parse(self.info.as_bytes()).unwrap();
        Arc::new(Sample {
            seq: self.seq,
            at: timestamp(millis),
            epoch: Epoch { number: 1, pid: info.number(InfoField::Pid).unwrap() },
            level: self.level,
            info,
            rows: self.row_ids.identify(&table),
            table,
            changes: None,
            cost: ReplyCost { bytes: text.len(), reply_time: Duration::from_millis(4) },
            interval: Duration::from_secs(2),
            configured: None,
            details: SampleDetails::default(),
        })
    }
}

/// Returns a model with one instance without samples.
pub fn new_model(access: StatsSocket, size: (u16, u16)) -> Model {
    let address = "/run/haproxy/admin.sock".to_owned();
    let instance = InstanceView::new(address.clone(), address, Instance::new(InstanceId::FIRST, access, 1 << 20));
    Model::new(vec![instance], Keymap::standard().unwrap(), size)
}

/// Returns a failed poll with a hint.
pub fn poll_failure(retry_at: Duration) -> PollFailure {
    PollFailure {
        reason: "cannot connect: no such file or directory".to_owned(),
        hint: Some(
            "add to the global section of haproxy.cfg: stats socket /run/haproxy/admin.sock mode 660 level admin"
                .to_owned(),
        ),
        is_denied: false,
        retry_at,
    }
}
