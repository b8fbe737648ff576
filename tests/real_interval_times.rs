//! The times of the last seconds, computed from HAProxy's moving means, against what the server itself measured: a server
//! becomes slow and fast again, at several request rates, also while half of the requests time out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use script::Script;
use serde_json::Value;
use support::{Lab, lock, wait_for, wait_until};

/// A server that measures the time of each of its responses. It never responds to a request for `/hang`.
#[derive(Debug)]
struct MeasuringServer {
    addr: SocketAddr,
    state: Arc<ServerState>,
}

#[derive(Debug, Default)]
struct ServerState {
    /// Time before each response, in milliseconds.
    delay: AtomicU64,
    /// Measured times in milliseconds since the delay was set.
    times: Mutex<Vec<f64>>,
}

impl MeasuringServer {
    fn start(is_http: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (addr, state) = (listener.local_addr().unwrap(), Arc::new(ServerState::default()));
        state.delay.store(FAST, Ordering::Relaxed);
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                spawn_small(move || if is_http { serve_http(stream, &state) } else { serve_tcp(stream, &state) });
            }
        });
        Self { addr, state }
    }

    fn set_delay(&self, millis: u64) {
        self.state.delay.store(millis, Ordering::Relaxed);
        lock(&self.state.times).clear();
    }

    /// Returns the number and the mean of the times measured since the delay was set, without those of requests that
    /// began earlier.
    fn measured(&self) -> (usize, f64) {
        let times = lock(&self.state.times);
        (times.len(), times.iter().sum::<f64>() / times.len().max(1) as f64)
    }
}

impl ServerState {
    fn record(&self, since: Instant, delay: u64) {
        if delay == self.delay.load(Ordering::Relaxed) {
            lock(&self.times).push(since.elapsed().as_secs_f64() * 1000.0);
        }
    }
}

/// Starts one of many threads, which need little stack.
fn spawn_small(run: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(128 << 10).spawn(run).unwrap();
}

/// Serves the requests of a connection until it is closed.
fn serve_http(mut stream: TcpStream, state: &ServerState) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut request, mut line) = (String::new(), String::new());
    while let Ok(1..) = reader.read_line(&mut line) {
        if line.trim_end().is_empty() {
            let (since, delay) = (Instant::now(), state.delay.load(Ordering::Relaxed));
            if request.starts_with("GET /hang") {
                // HAProxy closes the connection after its timeout.
                let _ = reader.read_line(&mut line);
                return;
            }
            thread::sleep(Duration::from_millis(delay));
            state.record(since, delay);
            if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n").is_err() {
                return;
            }
            request.clear();
        } else if request.is_empty() {
            request.clone_from(&line);
        }
        line.clear();
    }
}

/// Closes a connection after the delay.
fn serve_tcp(mut stream: TcpStream, state: &ServerState) {
    let (since, delay) = (Instant::now(), state.delay.load(Ordering::Relaxed));
    thread::sleep(Duration::from_millis(delay));
    state.record(since, delay);
    let _ = stream.write_all(b"ok\n");
}

const FAST: u64 = 10;
const SLOW: u64 = 1000;

/// A server with its own proxy and clients that send at a constant rate.
struct Case {
    proxy: &'static str,
    is_http: bool,
    /// Requests per second with a response.
    rate: u32,
    /// True if the clients send as many requests again that time out.
    has_timeouts: bool,
    /// Number of fast requests at the beginning, beyond HAProxy's window of 512.
    first_requests: u32,
}

const fn http_case(proxy: &'static str, rate: u32, has_timeouts: bool, first_requests: u32) -> Case {
    Case { proxy, is_http: true, rate, has_timeouts, first_requests }
}

const CASES: [Case; 7] = [
    http_case("two", 2, false, 0),
    http_case("two_after_many", 2, false, 700),
    http_case("thirty", 30, false, 700),
    http_case("thirty_from_start", 30, false, 0),
    http_case("hundreds", 300, false, 700),
    http_case("timeouts", 30, true, 700),
    Case { proxy: "sessions", is_http: false, rate: 30, has_timeouts: false, first_requests: 700 },
];

impl Case {
    /// Returns the section of the configuration.
    fn section(&self, server: SocketAddr) -> String {
        let Self { proxy, is_http, .. } = self;
        let mode = if *is_http { "http" } else { "tcp" };
        format!(
            "listen {proxy}\n    mode {mode}\n    bind {{{{{proxy}}}}}\n    timeout server 1800ms\n    timeout client 9s\n    \
             timeout connect 9s\n    server s1 {server}\n"
        )
    }

    /// Returns the column with the time that the server measures.
    fn column(&self) -> &'static str {
        if self.is_http { "rtime_now" } else { "ttime_now" }
    }
}

/// Sends requests at a constant rate until `stop`, each client one every two seconds.
fn send_requests(addr: SocketAddr, path: &'static str, rate: u32, stop: &Arc<AtomicBool>) {
    let clients = rate * 2;
    for client in 0..clients {
        let stop = Arc::clone(stop);
        spawn_small(move || {
            let mut next = Instant::now() + Duration::from_secs(2) * client / clients;
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(next.saturating_duration_since(Instant::now()));
                send_request(addr, path);
                next += Duration::from_secs(2);
            }
        });
    }
}

fn send_request(addr: SocketAddr, path: &str) {
    let Ok(mut stream) = TcpStream::connect(addr) else { return };
    let request = format!("GET {path} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_end(&mut Vec::new()));
}

/// The newest line of `hapulse watch` with the number of lines so far.
type WatchedLine = Mutex<(usize, Value)>;

fn row<'a>(line: &'a Value, proxy: &str, name: &str) -> Option<&'a Value> {
    line["rows"].as_array()?.iter().find(|row| row["pxname"] == proxy && row["svname"] == name)
}

/// Waits until both 12 s have passed and 52 responses were measured since the delay was set, and then for a value close to
/// the measured mean, and the alarm or its end, in one of the next samples. Returns a description of the values.
fn wait_for_true_value(case: &Case, server: &MeasuringServer, watched: &WatchedLine, has_alarm: bool) -> String {
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(12) || server.measured().0 < 52 {
        assert!(since.elapsed() < Duration::from_secs(120), "{}: {:?}", case.proxy, server.measured());
        thread::sleep(Duration::from_millis(100));
    }
    let first = lock(watched).0 + 1;
    let mut seen = Vec::new();
    wait_for(&format!("{}: samples after 12 s", case.proxy), || {
        thread::sleep(Duration::from_millis(50));
        let (count, line) = lock(watched).clone();
        if count < first + seen.len() {
            return None;
        }
        let (_, truth) = server.measured();
        let values = ["s1", "BACKEND"].map(|name| {
            let row = row(&line, case.proxy, name).cloned().unwrap_or_default();
            (row[case.column()].as_f64(), row["rtime"].as_f64())
        });
        let is_true = |(shown, _): &(Option<f64>, Option<f64>)| {
            shown.is_some_and(|shown| (shown - truth).abs() <= (truth * 0.15).max(10.0))
        };
        let problems = line["problems"].as_array().into_iter().flatten();
        let alarms = problems.filter(|problem| problem["pxname"] == case.proxy && problem["rule"] == "response-time");
        let alarm = alarms.count() > 0;
        seen.push(format!("{} measured {truth:.0} ms, shown and raw {values:?}, alarm {alarm}", case.proxy));
        let is_right = values.iter().all(is_true) && alarm == (has_alarm && case.is_http);
        assert!(is_right || seen.len() < 4, "{:.0?} after the change:\n{}", since.elapsed(), seen.join("\n"));
        is_right.then(|| seen.join("\n"))
    })
}

/// Makes the server slow and fast again.
fn run_case(case: &Case, lab: &Lab, server: &MeasuringServer, watched: &WatchedLine) -> String {
    let addr = lab.addr(case.proxy);
    for _ in 0..case.first_requests {
        send_request(addr, "/");
    }
    let stop = Arc::new(AtomicBool::new(false));
    send_requests(addr, "/", case.rate, &stop);
    if case.has_timeouts {
        send_requests(addr, "/hang", case.rate, &stop);
    }
    // Until the clients have sent for a while, so that the change is not the beginning of the traffic.
    let begun = lock(watched).0;
    wait_until("samples of the fast server", || {
        thread::sleep(Duration::from_millis(50));
        lock(watched).0 > begun + 5
    });
    let mut report = Vec::new();
    for (delay, has_alarm) in [(SLOW, true), (FAST, false)] {
        server.set_delay(delay);
        report.push(wait_for_true_value(case, server, watched, has_alarm));
    }
    stop.store(true, Ordering::Relaxed);
    report.join("\n")
}

#[test]
fn w21_shown_times_and_alarm_follow_server_both_ways() {
    let servers: Vec<MeasuringServer> = CASES.iter().map(|case| MeasuringServer::start(case.is_http)).collect();
    let sections: String = CASES.iter().zip(&servers).map(|(case, server)| case.section(server.addr)).collect();
    let lab = Lab::builder().frontends(0).backends(0).sections(&sections).start();
    let script = Script::new();
    let watch = script.start(lab.admin(), "watch -i 1 --view dashboard --columns rtime_now,ttime_now,rtime");
    let watched = WatchedLine::default();
    let done = AtomicBool::new(false);
    let (watch, watched, done, lab) = (&watch, &watched, &done, &lab);
    let reports = thread::scope(|scope| {
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                let out = watch.out();
                let count = out.lines().count();
                if count > lock(watched).0 {
                    let line = out.lines().last().and_then(|line| serde_json::from_str(line).ok());
                    *lock(watched) = (count, line.unwrap_or_default());
                }
                thread::sleep(Duration::from_millis(100));
            }
        });
        let runs: Vec<_> = CASES
            .iter()
            .zip(&servers)
            .map(|(case, server)| scope.spawn(move || run_case(case, lab, server, watched)))
            .collect();
        let reports: Vec<_> = runs.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        reports
    });
    for report in reports {
        println!("{}", report.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
    }
}
