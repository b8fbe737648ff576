//! A HAProxy that changes quickly: the simulation of `hapulse demo` with frequent reloads, and an additional backend
//! whose servers constantly change their names.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use hapulse::demo::interpreter;
use hapulse::demo::{CliLevel, World};

/// Number of servers of the changing backend.
pub const CHANGING_SERVERS: usize = 40;
/// The line that a poll sends.
pub const POLL: &str = "show info;show stat";
/// Number of reply lines that view 5 of hapulse keeps.
pub const MAX_REPLY_LINES: usize = 20_000;
/// A command and the number of lines of its reply.
pub const LONG_REPLY: (&str, usize) = ("show env", 1_000);

/// The simulated HAProxy.
pub struct FastSite {
    world: World,
    seed: u64,
    pid: u32,
    /// Numbers in the names of the current servers.
    names: VecDeque<u64>,
    /// Number of names created so far.
    names_created: u64,
    /// Row of a server, split at the cells for the name, the total number of sessions and the status.
    server_row: [String; 4],
    backend_row: String,
}

impl FastSite {
    pub fn new(seed: u64) -> Self {
        let mut world = World::new(seed, Duration::from_mins(10), 1_700_000_000, 0);
        let stat = interpreter::execute_line(&mut world, "show stat", &mut CliLevel::Admin);
        let (server_row, backend_row) = (split_server_row(&stat), template_row(&stat, "1").join(","));
        let mut site =
            Self { world, seed, pid: 10_000, names: VecDeque::new(), names_created: 0, server_row, backend_row };
        site.replace_servers(CHANGING_SERVERS);
        site
    }

    /// Advances the simulation.
    pub fn advance(&mut self, time: Duration) {
        self.world.advance(time);
    }

    /// Starts a new process: new pid, counters at zero, no runtime changes.
    pub fn reload(&mut self) {
        self.pid += 1;
        self.world = World::new(self.seed + u64::from(self.pid), Duration::ZERO, 1_700_000_000, 0);
    }

    /// Replaces `count` servers with servers that have new names.
    pub fn replace_servers(&mut self, count: usize) {
        for _ in 0..count {
            self.names.push_back(self.names_created);
            self.names_created += 1;
        }
        self.names.drain(..self.names.len().saturating_sub(CHANGING_SERVERS));
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns the number of names created so far.
    pub fn names_created(&self) -> u64 {
        self.names_created
    }

    /// Returns the replies to `show info` and `show stat`, each with its final empty line.
    pub fn sample(&mut self) -> (String, String) {
        let info = interpreter::execute_line(&mut self.world, "show info", &mut CliLevel::Admin);
        let info = info.lines().map(|line| match line.strip_prefix("Pid: ") {
            Some(_) => format!("Pid: {}\n", self.pid),
            None => format!("{line}\n"),
        });
        let info = info.collect();
        let mut stat = interpreter::execute_line(&mut self.world, "show stat", &mut CliLevel::Admin);
        let end = stat.len() - 1;
        let mut servers = String::with_capacity(CHANGING_SERVERS * 300);
        let [before, sessions, status, after] = &self.server_row;
        for name in &self.names {
            let sessions_total = name * 7919 % 100_000 + stat.len() as u64;
            // Some servers are down and some drain.
            let status_text = ["UP", "UP", "UP", "DOWN", "UP 1/3", "UP", "DRAIN", "MAINT"][(name % 8) as usize];
            let _ = writeln!(servers, "{before}srv-{name:07}{sessions}{sessions_total}{status}{status_text}{after}");
        }
        let _ = writeln!(servers, "{}", self.backend_row);
        stat.insert_str(end, &servers);
        (info, stat)
    }

    /// Returns the replies to one line.
    pub fn reply(&mut self, line: &str) -> String {
        if line == POLL {
            let (info, stat) = self.sample();
            return info + &stat;
        }
        if line == LONG_REPLY.0 {
            let lines = (0..LONG_REPLY.1).map(|number| format!("VARIABLE_{number}=value\n"));
            return lines.collect::<String>() + "\n";
        }
        interpreter::execute_line(&mut self.world, line, &mut CliLevel::Admin)
    }
}

fn columns(stat: &str) -> Vec<&str> {
    stat.lines().next().unwrap().trim_start_matches("# ").split(',').collect()
}

fn column_index(stat: &str, column: &str) -> usize {
    columns(stat).iter().position(|name| *name == column).unwrap()
}

/// Returns the cells of the first row of this `type`, with the name and id of the changing backend.
fn template_row<'a>(stat: &'a str, kind: &str) -> Vec<&'a str> {
    let is_match = |line: &&str| !line.contains('"') && line.split(',').nth(column_index(stat, "type")) == Some(kind);
    let mut cells: Vec<&str> = stat.lines().skip(1).find(is_match).unwrap().split(',').collect();
    cells[column_index(stat, "pxname")] = "changing";
    cells[column_index(stat, "iid")] = "99";
    cells
}

/// Splits a server's row at the values that change.
fn split_server_row(stat: &str) -> [String; 4] {
    let cells = template_row(stat, "2");
    let [name, sessions, status] = ["svname", "stot", "status"].map(|column| column_index(stat, column));
    // The cells between two of the values, with the commas before and after.
    let between = |from: usize, to: usize| format!(",{},", cells[from..to].join(","));
    [
        between(0, name)[1..].to_owned(),
        between(name + 1, sessions),
        between(sessions + 1, status),
        format!(",{}", cells[status + 1..].join(",")),
    ]
}
