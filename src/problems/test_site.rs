//! A small HAProxy whose numbers move, for the tests of rules and verdicts.
#![allow(clippy::missing_panics_doc)]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::history::rates::Window;
use crate::observe::row_ids::RowId;
use crate::observe::test_samples::SampleMaker;
use crate::problems::problem::{Changes, Problem};
use crate::problems::tracker::Problems;

const NUMBERS: &[&str] = &[
    "type",
    "qcur",
    "scur",
    "smax",
    "slim",
    "stot",
    "dreq",
    "ereq",
    "econ",
    "eresp",
    "wretr",
    "wredis",
    "weight",
    "act",
    "bck",
    "chkfail",
    "chkdown",
    "qlimit",
    "lbtot",
    "rate",
    "rate_lim",
    "hrsp_2xx",
    "hrsp_4xx",
    "hrsp_5xx",
    "req_tot",
    "cli_abrt",
    "srv_abrt",
    "qtime",
    "ctime",
    "rtime",
    "connect",
    "check_rise",
    "check_fall",
    "check_health",
    "dcon",
    "dses",
    "uweight",
    "qmax",
    "qtime_max",
    "rtime_max",
];
const TEXTS: &[&str] = &["status", "check_status", "last_chk", "mode"];

type Row = (String, String, BTreeMap<String, String>);

/// The site and who watches it.
#[derive(Debug, Default)]
pub struct Lab {
    rows: Vec<Row>,
    /// What grows with each sample: place of the row (none for the process), column, by how much.
    flows: Vec<(Option<usize>, String, i64)>,
    info: BTreeMap<String, i64>,
    /// Makes the samples.
    pub maker: SampleMaker,
    /// Under test.
    pub problems: Problems,
    window: Window,
    /// Time of the next sample, in milliseconds.
    pub now: u64,
    /// Time between two samples.
    pub every: u64,
}

impl Lab {
    /// Healthy: `www` with four servers, `api` with three, `db` with two for TCP, and `stats` without any.
    pub fn healthy() -> Self {
        let mut lab = Self { every: 2000, ..Self::default() };
        lab.frontend("www-in", "http", 700);
        lab.backend("www", "http", &["w1", "w2", "w3", "w4"]);
        lab.backend("api", "http", &["api1", "api2", "api3"]);
        lab.backend("db", "tcp", &["db1", "db2"]);
        lab.frontend("stats", "http", 0);
        lab.backend("stats", "http", &[]);
        lab
    }

    fn frontend(&mut self, name: &str, mode: &str, requests: i64) {
        self.row(
            name,
            "FRONTEND",
            &format!("type=0 status=OPEN mode={mode} scur=100 slim=2000 rate=50 rate_lim=0 dcon=0"),
        );
        self.flow(name, &["stot", "req_tot", "hrsp_2xx"], requests);
        self.flow(name, &["dreq", "dses", "ereq", "hrsp_5xx", "hrsp_4xx"], 0);
    }

    /// A backend whose servers serve 100 requests each between two samples.
    pub fn backend(&mut self, name: &str, mode: &str, servers: &[&str]) {
        let count = servers.len() as i64;
        let served: &[&str] = if mode == "tcp" {
            &["stot", "connect", "lbtot"]
        } else {
            &["stot", "req_tot", "hrsp_2xx", "connect", "lbtot"]
        };
        let errors: &[&str] = if mode == "tcp" {
            &["econ", "eresp", "wretr", "wredis", "cli_abrt", "srv_abrt"]
        } else {
            &["econ", "eresp", "wretr", "wredis", "cli_abrt", "srv_abrt", "hrsp_5xx", "hrsp_4xx"]
        };
        for server in servers {
            let path = format!("{name}/{server}");
            let numbers = "scur=5 slim=50 qcur=0 qlimit=20 weight=1 uweight=1 act=1 bck=0 check_rise=2 check_fall=3 \
                           check_health=4 check_status=L7OK rtime=50 qtime=0 ctime=1 chkfail=7 chkdown=3";
            self.row(name, server, &format!("type=2 status=UP mode={mode} {numbers}"));
            self.flow(&path, served, 100);
            self.flow(&path, errors, 0);
        }
        let numbers = format!("scur=5 slim=10 qcur=0 weight={count} uweight={count} act={count} bck=0");
        let means = "rtime=50 qtime=0 ctime=1 qmax=900 qtime_max=9000 rtime_max=9000 smax=10";
        self.row(name, "BACKEND", &format!("type=1 status=UP mode={mode} {numbers} {means}"));
        self.flow(&format!("{name}/BACKEND"), served, 100 * count);
        self.flow(&format!("{name}/BACKEND"), errors, 0);
    }

    fn row(&mut self, proxy: &str, name: &str, cells: &str) {
        let cells = cells.split_whitespace().filter_map(|cell| cell.split_once('='));
        let cells = cells.map(|(column, value)| (column.to_owned(), value.to_owned())).collect();
        self.rows.push((proxy.to_owned(), name.to_owned(), cells));
    }

    fn flow(&mut self, path: &str, columns: &[&str], step: i64) {
        for column in columns {
            self.set(&format!("{path}.{column}=1000"));
            self.set(&format!("{path}.{column}+{step}"));
        }
    }

    /// Changes things: `api/api1.qcur=7` from the next sample on, `api/BACKEND.econ+3` with each sample,
    /// `info.Idle_pct=5`. Several are separated by blanks; `_` stands for a blank.
    pub fn set(&mut self, changes: &str) {
        for change in changes.split_whitespace() {
            let (target, value, is_flow) = match (change.split_once('='), change.split_once('+')) {
                (Some((target, value)), _) => (target, value, false),
                (None, Some((target, value))) => (target, value, true),
                (None, None) => panic!("{change}"),
            };
            let (path, column) = target.split_once('.').unwrap();
            assert!(path == "info" || NUMBERS.contains(&column) || TEXTS.contains(&column), "{change}");
            let (proxy, name) = path.split_once('/').unwrap_or((path, "FRONTEND"));
            let place = self.rows.iter().position(|row| row.0 == proxy && row.1 == name);
            assert!(path == "info" || place.is_some(), "{change}");
            let place = place.filter(|_| path != "info");
            if is_flow {
                self.flows.retain(|(row, known, _)| (*row, known.as_str()) != (place, column));
                self.flows.push((place, column.to_owned(), value.parse().unwrap()));
            } else if let Some(place) = place {
                self.rows[place].2.insert(column.to_owned(), value.replace('_', " "));
            } else {
                self.info.insert(column.to_owned(), value.parse().unwrap());
            }
        }
    }

    /// Takes rows away.
    pub fn remove(&mut self, proxy: &str) {
        let kept: Vec<usize> = (0..self.rows.len()).filter(|place| self.rows[*place].0 != proxy).collect();
        let place_of = |old: usize| kept.iter().position(|place| *place == old);
        self.flows.retain_mut(|(row, ..)| match *row {
            None => true,
            Some(old) => {
                *row = place_of(old);
                row.is_some()
            }
        });
        self.rows.retain(|row| row.0 != proxy);
    }

    /// The next sample.
    pub fn step(&mut self) -> Changes {
        for (row, column, step) in &self.flows {
            match row {
                Some(row) => {
                    let cell = self.rows[*row].2.entry(column.clone()).or_default();
                    *cell = (cell.parse::<i64>().unwrap_or(0) + step).to_string();
                }
                None => *self.info.entry(column.clone()).or_default() += step,
            }
        }
        self.maker.info.clear();
        for (key, value) in &self.info {
            let _ = writeln!(self.maker.info, "{key}: {value}");
        }
        let sample = self.maker.at_millis(self.now, &self.stat());
        self.now += self.every;
        self.window.push(std::sync::Arc::clone(&sample));
        self.problems.look(&sample, &self.window)
    }

    /// Several samples.
    pub fn steps(&mut self, count: usize) -> Vec<Changes> {
        (0..count).map(|_| self.step()).collect()
    }

    /// Counters begin anew, in another process.
    pub fn reload(&mut self) {
        self.maker.reload();
        for (row, column, _) in &self.flows {
            if let Some(row) = row {
                self.rows[*row].2.insert(column.clone(), "0".to_owned());
            }
        }
    }

    fn stat(&self) -> String {
        let columns: Vec<&str> = NUMBERS.iter().chain(TEXTS).copied().collect();
        let mut text = format!("# pxname,svname,{},\n", columns.join(","));
        for (proxy, name, cells) in &self.rows {
            let _ = write!(text, "{proxy},{name},");
            for column in &columns {
                let _ = write!(text, "{},", cells.get(*column).map_or("", String::as_str));
            }
            text.push('\n');
        }
        text
    }

    /// What is open, worst first: `CRIT api queue`, `WARN api/api1 server-down`, `CRIT process idle`.
    pub fn open(&self) -> Vec<String> {
        self.problems.list().map(shown).collect()
    }

    /// The verdicts: `CRIT api ServersFull`.
    pub fn causes(&self) -> Vec<String> {
        let verdicts = self.problems.verdicts().iter();
        verdicts.map(|verdict| format!("{} {} {:?}", verdict.severity.word(), verdict.name, verdict.cause)).collect()
    }

    /// What the verdict on a proxy says; of the process under an empty name.
    pub fn says(&self, name: &str) -> &str {
        let verdict = self.problems.verdicts().iter().find(|verdict| verdict.name.as_str() == name);
        verdict.map_or("", |verdict| verdict.text.as_str())
    }
}

/// A problem in short.
pub fn shown(problem: &Problem) -> String {
    let who = match &problem.subject.names {
        None => "process".to_owned(),
        Some((_, proxy, name)) if matches!(name.as_str(), "FRONTEND" | "BACKEND") => proxy.to_string(),
        Some((_, proxy, name)) => format!("{proxy}/{name}"),
    };
    assert_eq!(problem.subject.id == RowId::PROCESS, problem.subject.names.is_none());
    format!("{} {who} {}", problem.severity.word(), problem.rule.id)
}
