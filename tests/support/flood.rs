//! Replies with very many rows, as no real HAProxy can be made to send in a test.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::fake::FakeBehavior;
use super::{FakeSocket, lock};

/// The default budget of the history and 64 MiB, in MiB. A debug build uses each sample longer, so that one more of them is in
/// memory on a busy machine; the long soak checks a release build.
pub const LIMIT_MIB: u64 = 64 + if cfg!(debug_assertions) { 96 } else { 64 };

/// A `show info` reply of one process.
pub const INFO: &str =
    "Name: HAProxy\nVersion: 2.6.12\nPid: 77\nUptime_sec: 9\nMaxconn: 100\nCurrConns: 1\nnode: flood\n\n";

/// A reply of HAProxy 2.6.12, whose rows are the templates of the rows.
const TEMPLATE: &str = include_str!("../fixtures/2.6.12/batch-stat-info.txt");
/// Servers of a backend.
const SERVERS: usize = 99;

/// A row of [`TEMPLATE`], split at the columns whose values differ between rows and replies.
struct RowTemplate {
    /// For each of these columns, in their order, the text before it.
    parts: Vec<(&'static str, String)>,
    rest: String,
}

impl RowTemplate {
    /// Splits the first row of this kind (`type`) that has served requests.
    fn new(kind: &str) -> Self {
        let lines = || TEMPLATE.lines().skip_while(|line| !line.starts_with("# pxname"));
        let columns: Vec<&str> = lines().next().unwrap_or_default()[2..].split(',').collect();
        let place = |name: &str| columns.iter().position(|column| *column == name).expect("2.6 has the column");
        let mut rows = lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
        let row =
            rows.find(|row| row[place("type")] == kind && row[place("rtime")].parse().is_ok_and(|ms: u64| ms > 0));
        let (mut parts, mut text) = (Vec::new(), String::new());
        for (name, value) in columns.iter().zip(row.expect("the reply has such a row")) {
            if CHANGING.contains(name) {
                parts.push((*name, std::mem::take(&mut text)));
                text.push(',');
            } else {
                write!(text, "{value},").expect("a string accepts text");
            }
        }
        text.truncate(text.len() - 1);
        Self { parts, rest: text }
    }

    fn write(&self, reply: &mut String, values: &RowValues) {
        for (column, text) in &self.parts {
            reply.push_str(text);
            let written = match *column {
                "pxname" => write!(reply, "be{}-{}", values.tag, values.row / (SERVERS + 1)),
                "svname" if values.is_backend => write!(reply, "BACKEND"),
                "svname" => write!(reply, "s{}-{}", values.tag, values.row),
                "status" => write!(reply, "UP"),
                "hrsp_2xx" => write!(reply, "{}", values.total - values.failed),
                "hrsp_5xx" => write!(reply, "{}", values.failed),
                "rtime" => write!(reply, "{}", values.millis),
                "ttime" => write!(reply, "{}", values.millis + 20),
                "bout" => write!(reply, "{}", values.total * 900),
                _ => write!(reply, "{}", values.total),
            };
            written.expect("a string accepts text");
        }
        reply.push_str(&self.rest);
        reply.push('\n');
    }
}

/// The columns whose values differ.
const CHANGING: [&str; 11] =
    ["pxname", "svname", "status", "stot", "bout", "lbtot", "req_tot", "hrsp_2xx", "hrsp_5xx", "rtime", "ttime"];

struct RowValues {
    tag: u64,
    row: usize,
    is_backend: bool,
    total: u64,
    failed: u64,
    millis: u64,
}

/// Returns the reply to `show stat` number `poll`, with `count` rows, whose names contain `tag`. All counters grow with
/// each poll. One server of 50 is slow, and one of 70 fails.
pub fn stat_reply(count: usize, tag: u64, poll: u64) -> String {
    let [backend, server] = ["1", "2"].map(RowTemplate::new);
    let mut reply = String::with_capacity(300 * count + 3000);
    reply.push_str(TEMPLATE.lines().find(|line| line.starts_with("# pxname")).unwrap_or_default());
    reply.push('\n');
    for row in 0..count {
        let is_backend = row + 1 == count || row % (SERVERS + 1) == SERVERS;
        let total = 1000 + poll * 40;
        let failed = if row % 70 == 0 { poll * 9 } else { 0 };
        let millis = if row % 50 == 0 { 900 } else { 10 + (poll + row as u64) % 5 };
        let template = if is_backend { &backend } else { &server };
        template.write(&mut reply, &RowValues { tag, row, is_backend, total, failed, millis });
    }
    reply.push('\n');
    reply
}

/// A HAProxy whose replies have the numbers of rows in `counts`, in turn, and count up the names with each reply.
pub struct Flood {
    pub behavior: FakeBehavior,
    polls: Arc<Mutex<u64>>,
}

impl Flood {
    /// Creates a flood. The next reply is prepared while hapulse reads the previous one, because a slow reply would delay
    /// the next poll.
    pub fn new(counts: &'static [usize], has_new_names: bool) -> Self {
        let reply = move |poll: u64| {
            let count = counts[poll as usize % counts.len()];
            format!("{INFO}{}", stat_reply(count, if has_new_names { poll } else { 0 }, poll))
        };
        let polls = Arc::new(Mutex::new(0));
        let state = Mutex::new((0, reply(0)));
        let counted = Arc::clone(&polls);
        let behavior = FakeSocket::handling_lines(move |line, stream| {
            if !line.contains("show stat") {
                let _ = stream.write_all(if line.contains("level") { b"admin\n\n" } else { b"\n" });
                return;
            }
            let mut state = lock(&state);
            let _ = stream.write_all(state.1.as_bytes());
            let _ = stream.shutdown(std::net::Shutdown::Write);
            *lock(&counted) += 1;
            state.0 += 1;
            state.1 = reply(state.0);
        });
        Self { behavior, polls }
    }

    /// Returns the number of polls so far.
    pub fn polls(&self) -> u64 {
        *lock(&self.polls)
    }
}

/// Returns the peak memory of a process in MiB.
pub fn peak_mib(pid: u32) -> u64 {
    memory_kib(pid, "VmHWM") / 1024
}

/// Returns one of the memory sizes in `/proc/PID/status`, in KiB.
pub fn memory_kib(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(':')?.trim().split(' ').next()?.parse().ok();
    status.lines().find_map(value).expect("the kernel reports it")
}

/// Waits until a poll of very many rows has ended, which takes long beside other programs.
pub fn wait_for_poll(has_polled: impl Fn() -> bool) {
    let start = Instant::now();
    while !has_polled() {
        assert!(start.elapsed() < Duration::from_mins(2), "no further poll");
        thread::sleep(Duration::from_millis(20));
    }
}
