//! A HAProxy whose life runs fast: the simulated one of `hapulse demo`, reloaded over and over, with one backend more
//! whose servers never keep their names.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use hapulse::demo::interpreter;
use hapulse::demo::{Level, World};

/// Servers of the backend that changes.
pub const CHANGING: usize = 40;
/// What is sampled.
pub const POLL: &str = "show info;show stat";
/// Lines that hapulse keeps of what is said on its command line.
pub const SAID: usize = 20_000;
/// A command, and how many lines its answer has.
pub const LONG: (&str, usize) = ("show env", 1_000);

/// The simulated HAProxy.
pub struct Site {
    world: World,
    seed: u64,
    pid: u32,
    /// The names there are, and how many there ever were.
    names: VecDeque<u64>,
    born: u64,
    /// A server's line, cut where its name, its sessions and its status belong.
    server: [String; 4],
    backend: String,
}

impl Site {
    pub fn new(seed: u64) -> Self {
        let mut world = World::new(seed, Duration::from_mins(10), 1_700_000_000, 0);
        let stat = interpreter::answer(&mut world, "show stat", &mut Level::Admin);
        let (server, backend) = (server(&stat), row(&stat, "1").join(","));
        let mut site = Self { world, seed, pid: 10_000, names: VecDeque::new(), born: 0, server, backend };
        site.change(CHANGING);
        site
    }

    /// Lets time pass.
    pub fn advance(&mut self, time: Duration) {
        self.world.advance(time);
    }

    /// Another process: another pid, counters at zero, and what was set at run time is gone.
    pub fn reload(&mut self) {
        self.pid += 1;
        self.world = World::new(self.seed + u64::from(self.pid), Duration::ZERO, 1_700_000_000, 0);
    }

    /// So many servers go, and as many come whose names there never were.
    pub fn change(&mut self, count: usize) {
        for _ in 0..count {
            self.names.push_back(self.born);
            self.born += 1;
        }
        self.names.drain(..self.names.len().saturating_sub(CHANGING));
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How many names there ever were.
    pub fn born(&self) -> u64 {
        self.born
    }

    /// `show info` and `show stat`, each with the empty line that ends it.
    pub fn sample(&mut self) -> (String, String) {
        let info = interpreter::answer(&mut self.world, "show info", &mut Level::Admin);
        let info = info.lines().map(|line| match line.strip_prefix("Pid: ") {
            Some(_) => format!("Pid: {}\n", self.pid),
            None => format!("{line}\n"),
        });
        let info = info.collect();
        let mut stat = interpreter::answer(&mut self.world, "show stat", &mut Level::Admin);
        let end = stat.len() - 1;
        let mut servers = String::with_capacity(CHANGING * 300);
        let [before, sessions, status, after] = &self.server;
        for name in &self.names {
            let counted = name * 7919 % 100_000 + stat.len() as u64;
            // Some are down, and some drain.
            let state = ["UP", "UP", "UP", "DOWN", "UP 1/3", "UP", "DRAIN", "MAINT"][(name % 8) as usize];
            let _ = writeln!(servers, "{before}srv-{name:07}{sessions}{counted}{status}{state}{after}");
        }
        let _ = writeln!(servers, "{}", self.backend);
        stat.insert_str(end, &servers);
        (info, stat)
    }

    /// The answers to one line.
    pub fn answer(&mut self, line: &str) -> String {
        if line == POLL {
            let (info, stat) = self.sample();
            return info + &stat;
        }
        if line == LONG.0 {
            let lines = (0..LONG.1).map(|number| format!("VARIABLE_{number}=what stands in it\n"));
            return lines.collect::<String>() + "\n";
        }
        interpreter::answer(&mut self.world, line, &mut Level::Admin)
    }
}

fn columns(stat: &str) -> Vec<&str> {
    stat.lines().next().unwrap().trim_start_matches("# ").split(',').collect()
}

fn place(stat: &str, column: &str) -> usize {
    columns(stat).iter().position(|name| *name == column).unwrap()
}

/// The first row of that `type`, as one of the backend that changes.
fn row<'a>(stat: &'a str, kind: &str) -> Vec<&'a str> {
    let is_it = |line: &&str| !line.contains('"') && line.split(',').nth(place(stat, "type")) == Some(kind);
    let mut cells: Vec<&str> = stat.lines().skip(1).find(is_it).unwrap().split(',').collect();
    cells[place(stat, "pxname")] = "changing";
    cells[place(stat, "iid")] = "99";
    cells
}

/// Cuts the line of a server: all but its name, its sessions and its status stays.
fn server(stat: &str) -> [String; 4] {
    let cells = row(stat, "2");
    let [name, sessions, status] = ["svname", "stot", "status"].map(|column| place(stat, column));
    // Between two commas.
    let between = |from: usize, to: usize| format!(",{},", cells[from..to].join(","));
    [
        between(0, name)[1..].to_owned(),
        between(name + 1, sessions),
        between(sessions + 1, status),
        format!(",{}", cells[status + 1..].join(",")),
    ]
}
