//! Generates `show stat` dumps of any size, and converts dumps into samples.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hapulse::haproxy::info::ProcessInfo;
use hapulse::haproxy::stat_table::StatTable;
use hapulse::observe::row_ids::RowIds;
use hapulse::observe::sample::{Epoch, ReplyCost, Sample, SampleDetails};
use hapulse::observe::timestamp::Timestamp;

const HEADER: &str = include_str!("../../tests/fixtures/2.6.12/show-stat.csv");

/// Generates `show stat` for `backends` backends with `servers` servers each. The counters of busy servers grow with
/// `step`.
pub fn show_stat(backends: usize, servers: usize, step: usize, is_busy: impl Fn(usize) -> bool) -> String {
    let header = HEADER.lines().next().unwrap();
    let columns: Vec<&str> = header.trim_start_matches("# ").split(',').collect();
    let mut text = format!("{header}\n");
    for backend in 0..backends {
        for server in 0..servers {
            let busy = is_busy(backend * servers + server);
            let increase = if busy { step * (3 + server % 5) } else { 0 };
            for (index, column) in columns.iter().enumerate() {
                match *column {
                    "pxname" => write!(text, "backend_{backend}").unwrap(),
                    "svname" => write!(text, "server_{server}").unwrap(),
                    "status" => text.push_str("UP"),
                    "type" => text.push('2'),
                    "check_status" => text.push_str("L7OK"),
                    "last_chk" => text.push_str("HTTP status check returned code 200"),
                    "addr" => write!(text, "10.0.{backend}.{server}:8080").unwrap(),
                    "mode" => text.push_str("http"),
                    "stot" | "lbtot" | "req_tot" | "hrsp_2xx" | "connect" | "reuse" => {
                        write!(text, "{}", 100_000 + server * 977 + increase).unwrap();
                    }
                    "bin" => write!(text, "{}", 50_000_000 + server * 7919 + increase * 311).unwrap(),
                    "bout" => write!(text, "{}", 900_000_000 + server * 104_729 + increase * 4177).unwrap(),
                    "scur" | "rate" | "req_rate" if busy => write!(text, "{}", (step * 7 + server) % 40).unwrap(),
                    "rtime" | "ttime" if busy => write!(text, "{}", 20 + (step * 3 + server) % 15).unwrap(),
                    "lastchg" | "lastsess" => write!(text, "{}", 1000 + step).unwrap(),
                    "agent_status" | "agent_desc" | "cookie" | "tracked" | "" | "-" => {}
                    _ => text.push('0'),
                }
                if index + 1 < columns.len() {
                    text.push(',');
                }
            }
            text.push('\n');
        }
        let cell = |column: &&str| match *column {
            "pxname" => format!("backend_{backend}"),
            "svname" => "BACKEND".to_owned(),
            "status" => "UP".to_owned(),
            "mode" => "http".to_owned(),
            "type" => "1".to_owned(),
            "act" => servers.to_string(),
            _ => String::new(),
        };
        text.push_str(&columns.iter().map(cell).collect::<Vec<_>>().join(","));
        text.push('\n');
    }
    text
}

/// Generates the `show info` that belongs to the `show stat` with the same `step`.
pub fn show_info(step: usize) -> String {
    format!("Pid: 1\nUptime_sec: {step}\nCumReq: {}\n", step * 100)
}

/// Converts dumps into samples, one per second, as the sampler of hapulse does.
#[derive(Default)]
pub struct SampleFeed {
    /// Wall clock time of the first sample since 1970.
    start: Duration,
    row_ids: RowIds,
    newest: Option<Arc<Sample>>,
    count: u64,
}

impl SampleFeed {
    /// Creates a feed whose first sample has this wall clock time since 1970.
    pub fn starting_at(start: Duration) -> Self {
        Self { start, ..Self::default() }
    }

    /// Returns the next sample and the time that parsing took, or `None` if the dump cannot be parsed.
    pub fn parse(&mut self, info: &str, stat: &str) -> Option<(Arc<Sample>, Duration)> {
        let start = Instant::now();
        let table = StatTable::parse(stat.as_bytes(), self.newest.as_deref().map(|sample| &sample.table)).ok()?;
        let rows = self.row_ids.identify(&table);
        let duration = start.elapsed();
        let sample = Arc::new(Sample {
            seq: self.count + 1,
            at: Timestamp {
                monotonic: Duration::from_secs(self.count),
                wall: SystemTime::UNIX_EPOCH + self.start + Duration::from_secs(self.count),
            },
            epoch: Epoch { number: 1, pid: 1 },
            level: None,
            info: ProcessInfo::parse(info.as_bytes()).ok()?,
            table,
            rows,
            changes: None,
            cost: ReplyCost::default(),
            interval: Duration::from_secs(1),
            configured: None,
            details: SampleDetails::default(),
        });
        self.count += 1;
        self.newest = Some(Arc::clone(&sample));
        Some((sample, duration))
    }
}
