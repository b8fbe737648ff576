//! Replies with very many rows, as no real HAProxy can be made to send in a test.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use super::fake::FakeBehavior;
use super::{FakeSocket, lock};

/// A `show info` reply of one process.
pub const INFO: &str =
    "Name: HAProxy\nVersion: 2.6.12\nPid: 77\nUptime_sec: 9\nMaxconn: 100\nCurrConns: 1\nnode: flood\n\n";

const HEADER: &str =
    "# pxname,svname,qcur,scur,smax,slim,stot,bin,bout,status,weight,act,bck,type,lastchg,iid,last_chk,\n";
/// Servers of a backend.
const SERVERS: usize = 99;

/// Returns a `show stat` reply with `count` rows, whose names contain `tag`.
pub fn stat_reply(count: usize, tag: u64) -> String {
    let mut reply = String::with_capacity(80 * count + 1000);
    reply.push_str(HEADER);
    for row in 0..count {
        let backend = row / (SERVERS + 1);
        let is_last = row + 1 == count || row % (SERVERS + 1) == SERVERS;
        let written = if is_last {
            writeln!(reply, "be{tag}-{backend},BACKEND,0,1,2,9,50,700,800,UP,1,1,0,1,5,{backend},,")
        } else {
            writeln!(reply, "be{tag}-{backend},s{tag}-{row},0,1,2,,50,700,800,UP,1,1,0,2,5,{backend},L4OK,")
        };
        written.expect("a string accepts text");
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
            format!("{INFO}{}", stat_reply(count, if has_new_names { poll } else { 0 }))
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
