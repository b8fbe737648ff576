//! A small simulated HAProxy for the tests of rules and causes.
#![allow(clippy::missing_panics_doc)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::stat_table::{RowKind, StatRow};
use crate::history::quiet_search;
use crate::history::rates::RateWindow;
use crate::history::store::History;
use crate::observe::failover::Failover;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::slow_facts::{CertificateExpiry, NameServerGrowth, SlowFacts};
use crate::observe::test_samples::{SampleBuilder, timestamp_at};
use crate::problems::backend_stats::{BackendCounts, BackendStats};
use crate::problems::forecast::Forecasts;
use crate::problems::problem::Problem;
use crate::problems::problem_changes::ProblemChanges;
use crate::problems::rule_input::Snapshot;
use crate::problems::rule_table::RuleId;
use crate::problems::tracker::ProblemTracker;

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
    "lastchg",
];
const TEXTS: &[&str] = &["status", "check_status", "last_chk", "mode", "agent_status", "last_agt", "tracked", "addr"];

type TestRow = (String, String, BTreeMap<String, String>);

/// The columns with HAProxy's moving means. Their cells contain the times of the next requests.
const TIMES: [&str; 3] = ["qtime", "ctime", "rtime"];

/// A simulated HAProxy with a problem tracker.
#[derive(Debug, Default)]
pub(crate) struct TestSite {
    rows: Vec<TestRow>,
    /// Sums of times, from which the moving means are computed, by row index and column.
    time_sums: BTreeMap<(usize, &'static str), f64>,
    /// Counters that grow with each sample: row index (`None` for the process), column and increase.
    increments: Vec<(Option<usize>, String, i64)>,
    info: BTreeMap<String, i64>,
    /// Builds the samples.
    pub(crate) builder: SampleBuilder,
    /// The tracker under test.
    pub(crate) problems: ProblemTracker,
    rates: RateWindow,
    history: Option<History>,
    /// The last sample.
    pub(crate) sample: Option<Arc<Sample>>,
    /// Time of the next sample, in milliseconds.
    pub(crate) now: u64,
    /// Time between two samples, in milliseconds.
    pub(crate) interval: u64,
}

impl TestSite {
    /// Returns a site that was healthy at first and then had these changes for ten seconds.
    pub(crate) fn after_10_s(changes: &str) -> Self {
        let mut site = Self::healthy();
        site.steps(4);
        site.set(changes);
        site.steps(6);
        site
    }

    /// Creates a healthy site: `www` with four servers, `api` with three, `db` with two in TCP mode,
    /// `stats` without servers.
    pub(crate) fn healthy() -> Self {
        let mut site = Self { interval: 2000, ..Self::default() };
        site.frontend("www-in", "http", 700);
        site.row("www-in", "l1", "type=3 status=OPEN mode=http scur=100 slim=500");
        site.backend("www", "http", &["w1", "w2", "w3", "w4"]);
        site.backend("api", "http", &["api1", "api2", "api3"]);
        site.backend("db", "tcp", &["db1", "db2"]);
        site.frontend("stats", "http", 0);
        site.backend("stats", "http", &[]);
        site
    }

    fn frontend(&mut self, name: &str, mode: &str, requests: i64) {
        self.row(
            name,
            "FRONTEND",
            &format!("type=0 status=OPEN mode={mode} scur=100 slim=2000 rate=50 rate_lim=0 dcon=0"),
        );
        self.increment(name, &["stot", "req_tot", "hrsp_2xx"], requests);
        self.increment(name, &["dreq", "dses", "ereq", "hrsp_5xx", "hrsp_4xx"], 0);
    }

    /// Adds a backend whose servers serve 100 requests each between two samples.
    pub(crate) fn backend(&mut self, name: &str, mode: &str, servers: &[&str]) {
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
            self.increment(&path, served, 100);
            self.increment(&path, errors, 0);
        }
        let numbers = format!("scur=5 slim=10 qcur=0 weight={count} uweight={count} act={count} bck=0");
        let means = "rtime=50 qtime=0 ctime=1 qmax=900 qtime_max=9000 rtime_max=9000 smax=10";
        self.row(name, "BACKEND", &format!("type=1 status=UP mode={mode} {numbers} {means}"));
        self.increment(&format!("{name}/BACKEND"), served, 100 * count);
        self.increment(&format!("{name}/BACKEND"), errors, 0);
    }

    fn row(&mut self, proxy: &str, name: &str, cells: &str) {
        let cells = cells.split_whitespace().filter_map(|cell| cell.split_once('='));
        let cells = cells.map(|(column, value)| (column.to_owned(), value.to_owned())).collect();
        self.rows.push((proxy.to_owned(), name.to_owned(), cells));
    }

    fn increment(&mut self, path: &str, columns: &[&str], step: i64) {
        for column in columns {
            self.set(&format!("{path}.{column}=1000"));
            self.set(&format!("{path}.{column}+{step}"));
        }
    }

    /// Changes values from the next sample on: `api/api1.qcur=7` sets a value of a row, `info.Idle_pct=5` sets a value
    /// of the process, and `api/BACKEND.econ+3` increases a counter with each sample.
    ///
    /// Spaces separate changes; `_` in a value stands for a space.
    pub(crate) fn set(&mut self, changes: &str) {
        for change in changes.split_whitespace() {
            let (target, value, is_increment) = match (change.split_once('='), change.split_once('+')) {
                (Some((target, value)), _) => (target, value, false),
                (None, Some((target, value))) => (target, value, true),
                (None, None) => panic!("{change}"),
            };
            let (path, column) = target.split_once('.').unwrap();
            assert!(path == "info" || NUMBERS.contains(&column) || TEXTS.contains(&column), "{change}");
            let (proxy, name) = path.split_once('/').unwrap_or((path, "FRONTEND"));
            let index = self.rows.iter().position(|row| row.0 == proxy && row.1 == name);
            assert!(path == "info" || index.is_some(), "{change}");
            let index = index.filter(|_| path != "info");
            if is_increment {
                self.increments.retain(|(row, known, _)| (*row, known.as_str()) != (index, column));
                self.increments.push((index, column.to_owned(), value.parse().unwrap()));
            } else if let Some(index) = index {
                self.rows[index].2.insert(column.to_owned(), value.replace('_', " "));
            } else {
                self.info.insert(column.to_owned(), value.parse().unwrap());
            }
        }
    }

    /// Removes the rows of a proxy.
    pub(crate) fn remove(&mut self, proxy: &str) {
        let kept: Vec<usize> = (0..self.rows.len()).filter(|index| self.rows[*index].0 != proxy).collect();
        let new_index_of = |old: usize| kept.iter().position(|index| *index == old);
        self.increments.retain_mut(|(row, ..)| match *row {
            None => true,
            Some(old) => {
                *row = new_index_of(old);
                row.is_some()
            }
        });
        self.rows.retain(|row| row.0 != proxy);
        self.time_sums.clear();
    }

    /// Returns the sum of some counters of a row.
    fn sum_counters(&self, row: usize, columns: &[&str]) -> i64 {
        let cells = columns.iter().filter_map(|column| self.rows[row].2.get(*column)?.parse::<i64>().ok());
        cells.sum()
    }

    /// Returns the number of requests of each row whose times were added so far.
    fn timed_requests(&self) -> Vec<i64> {
        let of_server = |row: usize| match self.rows[row].2.get("mode").map(String::as_str) {
            Some("tcp") => self.sum_counters(row, &["lbtot"]) - self.sum_counters(row, &["econ"]),
            _ => self.sum_counters(row, &["hrsp_2xx", "hrsp_4xx", "hrsp_5xx"]),
        };
        let of_row = |row: usize| {
            let (proxy, name, _) = &self.rows[row];
            let servers = (0..self.rows.len()).filter(|other| {
                let (other_proxy, other_name, _) = &self.rows[*other];
                other_proxy == proxy && !matches!(other_name.as_str(), "FRONTEND" | "BACKEND")
            });
            if name == "BACKEND" { servers.map(of_server).sum() } else { of_server(row) }
        };
        (0..self.rows.len()).map(of_row).collect()
    }

    /// Adds the times of new requests to the sums, as HAProxy does. `before` is the number of earlier requests per row.
    fn add_times(&mut self, before: &[i64]) {
        let now = self.timed_requests();
        for (row, (now, before)) in now.iter().zip(before).enumerate() {
            let divisor = self.time_divisor(row);
            for column in TIMES {
                let Some(time) = self.rows[row].2.get(column).and_then(|time| time.parse::<f64>().ok()) else {
                    continue;
                };
                let sum = self.time_sums.entry((row, column)).or_insert(time * 512.0);
                let count = now - before;
                if divisor <= 512.0 {
                    *sum += time * count as f64;
                } else {
                    let decay = (1.0 - 1.0 / 512.0_f64).powi(count as i32);
                    *sum = *sum * decay + time * 512.0 * (1.0 - decay);
                }
            }
        }
    }

    /// Returns the counter by which HAProxy divides the sums of a row while it is small.
    fn time_divisor(&self, row: usize) -> f64 {
        let is_tcp = self.rows[row].2.get("mode").is_some_and(|mode| mode == "tcp");
        self.sum_counters(row, if is_tcp { &["lbtot"] } else { &["req_tot"] }) as f64
    }

    /// Takes the next sample and returns the changes to the problems.
    pub(crate) fn step(&mut self) -> ProblemChanges {
        let before = self.timed_requests();
        for (row, column, step) in &self.increments {
            match row {
                Some(row) => {
                    let cell = self.rows[*row].2.entry(column.clone()).or_default();
                    *cell = (cell.parse::<i64>().unwrap_or(0) + step).to_string();
                }
                None => *self.info.entry(column.clone()).or_default() += step,
            }
        }
        self.builder.live_pids = (0..self.info.get("Test_live_processes").copied().unwrap_or(0)).collect();
        self.builder.slow_facts = self.slow_facts();
        self.add_times(&before);
        self.builder.info.clear();
        for (key, value) in &self.info {
            let _ = writeln!(self.builder.info, "{key}: {value}");
        }
        let sample = self.builder.build_at_millis(self.now, &self.stat());
        let lost =
            self.info.get("Test_lost_connections").map(|lost| Failover { at: sample.at.monotonic, connections: *lost });
        let _ = lost.is_some_and(|failover| sample.details.failover.set(failover).is_ok());
        let conflicts = self.info.get("Test_address_conflicts").copied().filter(|count| *count > 0);
        let addresses = conflicts.map(|count| (1..=count).map(|last| IpAddr::from([10, 0, 0, last as u8])).collect());
        let _ = addresses.is_some_and(|addresses| sample.details.address_conflicts.set(addresses).is_ok());
        self.now += self.interval;
        self.sample = Some(Arc::clone(&sample));
        self.rates.push(Arc::clone(&sample));
        let history = self.history.get_or_insert_with(|| History::new(4 << 20));
        let forecasts = Forecasts::from_sample(&sample, history);
        quiet_search::update(&mut self.rates, history);
        history.push(&sample);
        self.problems.evaluate(&sample, &self.rates, &forecasts)
    }

    /// Takes several samples.
    pub(crate) fn steps(&mut self, count: usize) -> Vec<ProblemChanges> {
        (0..count).map(|_| self.step()).collect()
    }

    /// Reloads HAProxy: a new process with counters at 0.
    pub(crate) fn reload(&mut self) {
        self.builder.reload();
        self.time_sums.values_mut().for_each(|sum| *sum = 0.0);
        for (row, column, _) in &self.increments {
            if let Some(row) = row {
                self.rows[*row].2.insert(column.clone(), "0".to_owned());
            }
        }
    }

    /// Returns the results of a slow round: a certificate that expires after `Test_certificate_hours`, and a name server
    /// with `Test_failed_questions` of 100 questions.
    fn slow_facts(&self) -> Option<Arc<SlowFacts>> {
        let number = |key: &str| self.info.get(key).copied();
        let expiry = |hours: i64| {
            let hour = Duration::from_hours(1);
            let now = timestamp_at(self.now).wall;
            let at = if hours < 0 { now - hour * (-hours) as u32 } else { now + hour * hours as u32 };
            CertificateExpiry { name: "/etc/site.pem".into(), at }
        };
        let server = |failed| NameServerGrowth { name: "dns/ns1".to_owned(), sent: 100, failed, span: None };
        let certificates = number("Test_certificate_hours").map(|hours| vec![expiry(hours)]);
        let name_servers = number("Test_failed_questions").map(|failed| vec![server(failed)]);
        let is_any = certificates.is_some() || name_servers.is_some();
        is_any.then(|| Arc::new(SlowFacts { certificates, name_servers, ..SlowFacts::default() }))
    }

    fn stat(&self) -> String {
        let columns: Vec<&str> = NUMBERS.iter().chain(TEXTS).copied().collect();
        let mut text = format!("# pxname,svname,{},\n", columns.join(","));
        for (row, (proxy, name, cells)) in self.rows.iter().enumerate() {
            let _ = write!(text, "{proxy},{name},");
            for column in &columns {
                let time = TIMES.iter().find(|time| *time == column).and_then(|time| self.time_sums.get(&(row, *time)));
                match time {
                    Some(sum) => {
                        let divisor = Some(self.time_divisor(row)).filter(|divisor| (1.0..512.0).contains(divisor));
                        let _ = write!(text, "{:.0},", (sum / divisor.unwrap_or(512.0) - 1e-6).ceil());
                    }
                    None => {
                        let _ = write!(text, "{},", cells.get(*column).map_or("", String::as_str));
                    }
                }
            }
            text.push('\n');
        }
        text
    }

    /// Returns the open problems, worst first: `CRIT api queue`, `WARN api/api1 server-down`, `CRIT process idle`.
    pub(crate) fn open_problems(&self) -> Vec<String> {
        self.problems.iter().map(problem_line).collect()
    }

    /// Describes a value of a rule for a row, such as `api`, `api/api1` or `process`, with the numbers of the newest sample.
    pub(crate) fn describe(&self, rule: RuleId, name: &str, value: f64) -> String {
        let sample = self.rates.newest().unwrap();
        let check_history = self.problems.check_history();
        let snapshot = Snapshot { sample, previous: None, rates: &self.rates, check_history };
        let (proxy, server) = name.split_once('/').unwrap_or((name, ""));
        let is_meant = |row: &StatRow| {
            let is_proxy = server.is_empty() && matches!(row.kind, RowKind::Frontend | RowKind::Backend);
            row.proxy.as_str() == proxy && (is_proxy || row.name.as_str() == server)
        };
        let index = sample.table.rows().iter().position(is_meant);
        let mut stats = BackendStats::default();
        let backend = index.and_then(|index| sample.rows.backend_of(index));
        if let Some(backend) = backend {
            stats.recompute(sample, &self.rates, check_history.starts(), backend);
        }
        let input = match (index, backend) {
            (Some(index), Some(backend)) => snapshot.backend_input(backend, &stats).for_row(index),
            (Some(index), None) => snapshot.process_input(&stats, BackendCounts::default()).for_row(index),
            (None, _) => snapshot.process_input(&stats, BackendCounts::default()),
        };
        (rule.rule().describe)(&input, value)
    }

    /// Returns severity, row and kind of each open cause: `CRIT api at-maxconn`.
    pub(crate) fn causes(&self) -> Vec<String> {
        let causes = self.problems.open_causes();
        causes.map(|cause| format!("{} {} {}", cause.severity.label(), cause.name(), cause.kind)).collect()
    }

    /// Returns the sentence of the first open cause of a row, such as `api`, `api/api1` or `process`; empty without one.
    pub(crate) fn sentence(&self, name: &str) -> &str {
        self.problems.open_causes().find(|cause| cause.name() == name).map_or("", |cause| cause.sentence.as_str())
    }
}

/// Returns severity, row and rule of a problem in one line.
pub(crate) fn problem_line(problem: &Problem) -> String {
    let row = match &problem.subject.names {
        None => "process".to_owned(),
        Some((RowKind::Frontend | RowKind::Backend, proxy, _)) => proxy.to_string(),
        Some((_, proxy, name)) => format!("{proxy}/{name}"),
    };
    assert_eq!(problem.subject.id == RowId::PROCESS, problem.subject.names.is_none());
    format!("{} {row} {}", problem.severity.label(), problem.rule.id)
}
