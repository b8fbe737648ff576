//! SampleFactory from recorded answers: what a real HAProxy said, turned into what the sampler would have made of it.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hapulse::app::keymap::Keymap;
use hapulse::app::model::{InstanceView, Model};
use hapulse::haproxy::fields::InfoField;
use hapulse::haproxy::info::ProcessInfo;
use hapulse::haproxy::level::Level;
use hapulse::haproxy::reply;
use hapulse::haproxy::stat_table::StatTable;
use hapulse::instance::guard::Guard;
use hapulse::observe::link::PollFailure;
use hapulse::observe::row_ids::RowIds;
use hapulse::observe::sample::{ReplyCost, Epoch, Sample};
use hapulse::observe::timestamp::Timestamp;

/// The versions there are recordings of.
pub const VERSIONS: [&str; 6] = ["1.8.0", "2.0.0", "2.4.0", "2.6.12", "3.0.0", "3.2.0"];

/// The bytes of one recorded answer.
pub fn recorded_bytes(version: &str, file: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(version).join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text of one recorded answer, without the empty line at its end.
pub fn recorded_text(version: &str, file: &str) -> String {
    let bytes = recorded_bytes(version, file);
    let replies = reply::split(&bytes, 1);
    assert!(replies[0].is_complete(), "{version}/{file} was cut");
    String::from_utf8(replies[0].text().to_vec()).unwrap()
}

/// A recorded `show stat`.
pub fn recorded_stat_table(version: &str, file: &str) -> StatTable {
    StatTable::parse(recorded_text(version, file).as_bytes(), None).unwrap()
}

/// A moment `millis` after the start of the test.
pub fn timestamp(millis: u64) -> Timestamp {
    let mono = Duration::from_millis(millis);
    Timestamp { monotonic: mono, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + mono }
}

/// A `show stat` whose cells can be set by name before it is read.
#[derive(Debug, Clone)]
pub struct StatCsv {
    cells: Vec<Vec<String>>,
}

impl StatCsv {
    /// A recorded one. The cells may hold no quotes or commas, which those of the recordings do not.
    pub fn recorded(version: &str, file: &str) -> Self {
        let text = recorded_text(version, file);
        assert!(!text.contains('"'), "{version}/{file} has quoted cells");
        Self { cells: text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect() }
    }

    fn column(&self, name: &str) -> usize {
        let is_it = |cell: &String| cell.trim_start_matches("# ") == name;
        self.cells[0].iter().position(is_it).unwrap_or_else(|| panic!("no column {name}"))
    }

    fn line(&self, proxy: &str, name: &str) -> usize {
        let is_it = |line: &Vec<String>| line[0] == proxy && line[1] == name;
        self.cells.iter().position(is_it).unwrap_or_else(|| panic!("no row {proxy}/{name}"))
    }

    /// Proxy and name of every row.
    pub fn names(&self) -> Vec<(String, String)> {
        self.cells[1..].iter().map(|line| (line[0].clone(), line[1].clone())).collect()
    }

    /// Replaces one cell.
    pub fn set(&mut self, proxy: &str, name: &str, column: &str, value: &str) -> &mut Self {
        let (line, column) = (self.line(proxy, name), self.column(column));
        value.clone_into(&mut self.cells[line][column]);
        self
    }

    /// Adds to one counter; an empty one stays empty.
    pub fn add(&mut self, proxy: &str, name: &str, column: &str, by: i64) -> &mut Self {
        let (line, column) = (self.line(proxy, name), self.column(column));
        if let Ok(value) = self.cells[line][column].parse::<i64>() {
            self.cells[line][column] = (value + by).to_string();
        }
        self
    }

    /// A row's traffic of some time: as many sessions and requests, a tenth of them failed.
    pub fn serve(&mut self, proxy: &str, name: &str, requests: i64) -> &mut Self {
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

    /// Puts the rows of a proxy in reverse order.
    pub fn reverse(&mut self, proxy: &str) -> &mut Self {
        let lines: Vec<usize> = (1..self.cells.len()).filter(|line| self.cells[*line][0] == proxy).collect();
        for (front, back) in lines.iter().zip(lines.iter().rev()).take(lines.len() / 2) {
            self.cells.swap(*front, *back);
        }
        self
    }

    /// The answer it makes.
    pub fn text(&self) -> String {
        self.cells.iter().map(|line| line.join(",") + "\n").collect()
    }
}

/// Makes samples one after the other, as the sampler does.
#[derive(Debug)]
pub struct SampleFactory {
    row_ids: RowIds,
    seq: u64,
    info: String,
    /// Level of the socket.
    pub level: Option<Level>,
}

impl SampleFactory {
    /// SampleFactory of this version, at level admin.
    pub fn for_version(version: &str) -> Self {
        Self { row_ids: RowIds::default(), seq: 0, info: recorded_text(version, "show-info.txt"), level: Some(Level::Admin) }
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

    /// A sample of this `show stat`.
    pub fn next_sample(&mut self, millis: u64, sheet: &StatCsv) -> Arc<Sample> {
        self.seq += 1;
        let stat = sheet.text();
        let table = StatTable::parse(stat.as_bytes(), None).unwrap();
        let info = ProcessInfo::parse(self.info.as_bytes()).unwrap();
        Arc::new(Sample {
            seq: self.seq,
            at: timestamp(millis),
            epoch: Epoch { number: 1, pid: info.number(InfoField::Pid).unwrap() },
            level: self.level,
            info,
            rows: self.row_ids.identify(&table),
            table,
            cost: ReplyCost { bytes: stat.len(), reply_time: Duration::from_millis(4) },
            interval: Duration::from_secs(2),
            configured: None,
        })
    }
}

/// A model of one instance of which nothing is known yet.
pub fn new_model(guard: Guard, size: (u16, u16)) -> Model {
    let address = "/run/haproxy/admin.sock".to_owned();
    let instance = InstanceView::new(address.clone(), address, false, 1 << 20);
    Model::new(vec![instance], guard, Keymap::standard().unwrap(), size)
}

/// A poll that failed, and what to do about it.
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
