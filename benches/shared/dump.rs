//! Dumps made up of as many rows as wanted, and dumps as samples: the way from HAProxy's text to what the monitor
//! takes in.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hapulse::haproxy::info::Info;
use hapulse::haproxy::stat_table::Table;
use hapulse::observe::row_ids::Roster;
use hapulse::observe::sample::{Cost, Epoch, Sample};
use hapulse::observe::timestamp::Stamp;

const HEADER: &str = include_str!("../../tests/fixtures/2.6.12/show-stat.csv");

/// `show stat` of `backends` x `servers`; `step` moves the counters of those that are busy.
pub fn stat(backends: usize, servers: usize, step: usize, is_busy: impl Fn(usize) -> bool) -> String {
    let header = HEADER.lines().next().unwrap();
    let columns: Vec<&str> = header.trim_start_matches("# ").split(',').collect();
    let mut text = format!("{header}\n");
    for backend in 0..backends {
        for server in 0..servers {
            let busy = is_busy(backend * servers + server);
            let moved = if busy { step * (3 + server % 5) } else { 0 };
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
                        write!(text, "{}", 100_000 + server * 977 + moved).unwrap();
                    }
                    "bin" => write!(text, "{}", 50_000_000 + server * 7919 + moved * 311).unwrap(),
                    "bout" => write!(text, "{}", 900_000_000 + server * 104_729 + moved * 4177).unwrap(),
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

/// `show info` to go with it.
pub fn info(step: usize) -> String {
    format!("Pid: 1\nUptime_sec: {step}\nCumReq: {}\n", step * 100)
}

/// Makes samples of dumps, one a second, as the sampler does.
#[derive(Default)]
pub struct Feed {
    roster: Roster,
    newest: Option<Arc<Sample>>,
    count: u64,
}

impl Feed {
    /// The next sample, and what reading it took; nothing when the text is no dump.
    pub fn take(&mut self, info: &str, stat: &str) -> Option<(Arc<Sample>, Duration)> {
        let began = Instant::now();
        let table = Table::parse(stat.as_bytes(), self.newest.as_deref().map(|sample| &sample.table)).ok()?;
        let rows = self.roster.identify(&table);
        let took = began.elapsed();
        let sample = Arc::new(Sample {
            seq: self.count + 1,
            at: Stamp { mono: Duration::from_secs(self.count), wall: SystemTime::UNIX_EPOCH },
            epoch: Epoch { number: 1, pid: 1 },
            level: None,
            info: Info::parse(info.as_bytes()).ok()?,
            table,
            rows,
            cost: Cost::default(),
            interval: Duration::from_secs(1),
            configured: None,
        });
        self.count += 1;
        self.newest = Some(Arc::clone(&sample));
        Some((sample, took))
    }
}
