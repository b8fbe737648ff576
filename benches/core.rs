//! The work per sample: reading a dump, taking it into the watch, drawing.
//!
//! `cargo bench --bench core`. Prints the median of several runs; compare ratios within one run.

#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hapulse::haproxy::info::Info;
use hapulse::haproxy::stat::Table;
use hapulse::monitor::problems::tracker::Problems;
use hapulse::monitor::roster::Roster;
use hapulse::monitor::sample::{Cost, Epoch, Sample};
use hapulse::monitor::stamp::Stamp;
use hapulse::monitor::watch::Watch;
use hapulse::monitor::window::Window;

const HEADER: &str = include_str!("../tests/fixtures/2.6.12/show-stat.csv");

/// A dump of `backends` x `servers`; `step` moves the counters.
fn dump(backends: usize, servers: usize, step: usize, busy: bool) -> String {
    let header = HEADER.lines().next().unwrap();
    let columns: Vec<&str> = header.trim_start_matches("# ").split(',').collect();
    let mut text = format!("{header}\n");
    for backend in 0..backends {
        for server in 0..servers {
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

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

fn main() {
    let titles = ["milliseconds, median", "read", "take in", "problems", "history bytes"];
    println!("{:<34} {:>10} {:>10} {:>10} {:>14}", titles[0], titles[1], titles[2], titles[3], titles[4]);
    for (backends, servers) in [(10, 4), (20, 50), (200, 50)] {
        for busy in [false, true] {
            let (mut roster, mut watch) = (Roster::default(), Watch::default());
            let (mut window, mut problems) = (Window::default(), Problems::default());
            let (mut read, mut take, mut look) = (Vec::new(), Vec::new(), Vec::new());
            let mut previous: Option<Arc<Sample>> = None;
            let steps = 40;
            for step in 0..steps {
                let text = dump(backends, servers, step, busy);
                let info = format!("Pid: 1\nUptime_sec: {step}\nCumReq: {}\n", step * 100);
                let start = Instant::now();
                let table = Table::parse(text.as_bytes(), previous.as_deref().map(|sample| &sample.table)).unwrap();
                let rows = roster.identify(&table);
                read.push(start.elapsed());
                let sample = Arc::new(Sample {
                    seq: step as u64 + 1,
                    at: Stamp { mono: Duration::from_secs(step as u64), wall: SystemTime::UNIX_EPOCH },
                    epoch: Epoch { number: 1, pid: 1 },
                    level: None,
                    info: Info::parse(info.as_bytes()).unwrap(),
                    table,
                    rows,
                    cost: Cost::default(),
                    interval: Duration::from_secs(1),
                    configured: None,
                });
                previous = Some(Arc::clone(&sample));
                window.push(Arc::clone(&sample));
                let start = Instant::now();
                problems.look(&sample, &window);
                look.push(start.elapsed());
                let start = Instant::now();
                watch.take(sample, 0);
                take.push(start.elapsed());
            }
            let rows = backends * servers;
            let name = format!("{rows} servers, {}", if busy { "all busy" } else { "idle" });
            let bytes = watch.history().memory() as f64 / (rows * steps) as f64;
            let (read, take, look) = (median(read), median(take), median(look));
            println!("{name:<34} {read:>10.3} {take:>10.3} {look:>10.3} {bytes:>8.2} a row");
        }
    }
}
