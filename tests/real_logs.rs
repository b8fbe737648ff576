//! `hapulse logs` on the log of a real HAProxy: each default format, a format of its own and compressed files, compared with
//! HAProxy's `halog` and with what was sent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/schema.rs"]
mod schema;
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use support::{Lab, ServerBehavior, Traffic};

/// Requests per frontend and path.
const REQUESTS: usize = 60;
const PATHS: [&str; 4] = ["/ok/12?page=3", "/ok/13", "/denied", "/ok/%22quoted%20text"];

/// Receives the datagrams of HAProxy's log.
struct LogReceiver {
    thread: JoinHandle<Vec<u8>>,
    addr: SocketAddr,
}

impl LogReceiver {
    fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        let receive = move || {
            let (mut log, mut buffer) = (Vec::new(), vec![0; 65_536]);
            loop {
                let size = socket.recv(&mut buffer).unwrap();
                if size == 0 {
                    return log;
                }
                log.extend_from_slice(&buffer[..size]);
            }
        };
        Self { thread: std::thread::spawn(receive), addr }
    }

    /// Returns what was received.
    fn finish(self) -> Vec<u8> {
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&[], self.addr).unwrap();
        self.thread.join().unwrap()
    }
}

/// The frontends with a log, each with its lines.
const FRONTENDS: [(&str, &str); 5] = [
    ("plain", "  option httplog\n  capture request header User-Agent len 40\n"),
    ("tls", "  option httpslog\n"),
    ("clf", "  option httplog clf\n"),
    ("own", "  log-format \"%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %tsc %HM '%HU' %{+Q}[src]\"\n"),
    ("raw", "  mode tcp\n  option tcplog\n  default_backend tcp_app\n"),
];

/// Runs the command, and returns its output, its messages and its exit code.
fn run(args: &[&str], files: &[&Path]) -> (String, String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
    command.arg("logs").args(args).args(files).env_clear().env("TZ", "UTC").stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

/// Returns the rows that are printed as JSON, by the property.
fn rows(by: &str, args: &[&str], files: &[&Path]) -> BTreeMap<String, Value> {
    let (out, err, code) = run(&[&["--by", by, "--format", "json", "--top", "1000"], args].concat(), files);
    assert_eq!(code, 0, "{out}{err}");
    let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|row| (row["name"].as_str().unwrap().to_owned(), row)).collect()
}

/// A HAProxy whose requests were logged to a file.
struct Logged {
    lab: Lab,
    folder: tempfile::TempDir,
}

impl Logged {
    fn start() -> Self {
        let receiver = LogReceiver::start();
        let mut sections = String::from("frontend quiet\n  bind {{quiet}}\n  default_backend be1\n");
        for (name, lines) in FRONTENDS {
            let bind = format!("  bind {{{{{name}}}}}\n  log {} len 4096 local0\n", receiver.addr);
            write!(sections, "frontend {name}\n{bind}{lines}").unwrap();
            if !lines.contains("mode tcp") {
                sections.push_str("  http-request deny deny_status 403 if { path /denied }\n  default_backend be1\n");
            }
        }
        sections.push_str("backend tcp_app\n  mode tcp\n  server t1 {{quiet}}\n");
        let lab = Lab::builder().servers(2).server_behavior("be1/s2", ServerBehavior::Slow(Duration::from_millis(30)));
        let lab = lab.sections(&sections).start();
        let ports = FRONTENDS.map(|(name, _)| lab.addr(name));
        for addr in &ports {
            for path in PATHS {
                Traffic::to(*addr).path(path).keep_alive().workers(2).send(REQUESTS);
            }
        }
        lab.set_server_behavior("be1/s1", ServerBehavior::Errors(50));
        Traffic::to(ports[0]).path("/errors").workers(2).send(REQUESTS);
        lab.set_server_behavior("be1/s1", ServerBehavior::NoResponse);
        Traffic::to(ports[0]).path("/broken").workers(2).send(REQUESTS);
        send_nonsense(ports[0]);
        let folder = tempfile::tempdir().unwrap();
        let logged = Self { lab, folder };
        std::thread::sleep(Duration::from_millis(500));
        fs::write(logged.path("haproxy.log"), receiver.finish()).unwrap();
        logged
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the lines of a frontend as rsyslog does, and returns the file.
    fn lines_of(&self, frontend: &str) -> PathBuf {
        let log = fs::read_to_string(self.path("haproxy.log")).unwrap();
        let path = self.path(&format!("{frontend}.log"));
        let is_own = |line: &&str| {
            line.contains(&format!("] {frontend} "))
                || line.contains(&format!("] {frontend}~ "))
                || line.contains(&format!("\"{frontend}\""))
        };
        let with_host = |line: &str| {
            let line = line.split_once('>').unwrap().1;
            format!("{} lb1 {}\n", &line[..15], &line[16..])
        };
        let lines: String = log.lines().filter(is_own).map(with_host).collect();
        assert!(!lines.is_empty(), "{frontend}:\n{log}");
        fs::write(&path, lines).unwrap();
        path
    }
}

/// Sends bytes that are no request.
fn send_nonsense(addr: SocketAddr) {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(b"\x16\x03\x01 nonsense\r\n\r\n").unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Runs halog, which HAProxy's package contains, and returns the fields of its lines.
fn halog(args: &[&str], log: &Path) -> Vec<Vec<String>> {
    let file = fs::File::open(log).unwrap();
    let output = Command::new("halog").args(args).arg("-q").stdin(file).output();
    let output = output.unwrap_or_else(|error| panic!("halog: {error}; tests/run installs it with haproxy"));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

fn count(row: &Value, column: &str) -> u64 {
    row[column].as_u64().unwrap_or_else(|| panic!("{column} of {row}"))
}

#[test]
fn figures_of_logs_agree_with_halog_and_with_what_was_sent() {
    let logged = Logged::start();
    let log = logged.path("haproxy.log");
    let config = logged.lab.config_file();
    let config = ["--haproxy-config", config.to_str().unwrap()];

    // Every line of every format is read.
    let (out, err, code) = run(&[config[0], config[1], "--unread"], &[&log]);
    assert_eq!((out.as_str(), err.as_str(), code), ("", "", 0));
    let frontends = rows("frontend", &config, &[&log]);
    let sent = (REQUESTS * PATHS.len()) as u64;
    for name in ["tls", "clf", "own"] {
        let row = &frontends[name];
        assert_eq!((count(row, "requests"), count(row, "responses_4xx")), (sent, REQUESTS as u64), "{row}");
    }
    assert_eq!(count(&frontends["plain"], "requests"), sent + 2 * REQUESTS as u64 + 1);
    assert!(count(&frontends["raw"], "requests") > 0 && frontends["raw"]["p50"].is_null());

    // Statuses, flags, servers and percentiles of halog, which reads only this format.
    let plain = logged.lines_of("plain");
    for (by, args) in [("status", ["-st"]), ("flags", ["-tc"])] {
        let rows = rows(by, &[], &[&plain]);
        let ours: BTreeMap<String, u64> =
            rows.iter().map(|(name, row)| (name.clone(), count(row, "requests"))).collect();
        let theirs = halog(&args, &plain);
        let theirs: BTreeMap<String, u64> =
            theirs.iter().map(|line| (line[0].clone(), line[1].parse().unwrap())).collect();
        assert_eq!(ours, theirs, "{by}");
        assert!(theirs.len() > 2, "{theirs:?}");
    }
    let servers = rows("server", &[], &[&plain]);
    let theirs = halog(&["-srv"], &plain);
    assert_eq!(servers.len(), theirs.len());
    for line in theirs {
        let row = &servers[&line[0]];
        let ours = ["responses_4xx", "responses_5xx", "requests"].map(|column| count(row, column).to_string());
        assert_eq!(ours, [&*line[4], &*line[5], &*line[7]], "{row}");
    }
    let percentiles = halog(&["-pct"], &plain);
    let (phases, _, _) = run(&["--percentiles", "--filter", "flags:--", "--format", "json"], &[&plain]);
    for (place, column) in [("queue", 2), ("connect", 3), ("response", 4)] {
        let row =
            phases.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).find(|row| row["name"] == place);
        let row = row.unwrap();
        for (name, percent) in [("p50", "50.0"), ("p90", "90.0"), ("p99", "99.0"), ("max", "100.0")] {
            let line = percentiles.iter().find(|line| line[0] == percent).unwrap();
            assert_eq!(row[name].to_string(), line[column], "{place} {name}: {row}");
        }
    }
    // One of two servers answers after 30 ms.
    assert!(count(&servers["be1/s2"], "p50") >= 30 && count(&servers["be1/s1"], "p50") < 30, "{servers:?}");

    // Errors of the application and of HAProxy itself are counted apart.
    let urls = rows("url", &[], &[&plain]);
    assert_eq!(count(&urls["GET /ok/:id"], "requests"), 2 * REQUESTS as u64);
    let errors = &urls["GET /errors"];
    assert!(count(errors, "responses_5xx") > 0 && count(errors, "haproxy_5xx") == 0, "{errors}");
    let broken = &urls["GET /broken"];
    assert!(count(broken, "haproxy_5xx") > 0, "{broken}");
    assert_eq!(count(broken, "haproxy_5xx"), count(broken, "responses_5xx"), "{broken}");

    // JSON is as the schema says, also without a response time.
    let schema = schema::Schema::parse(include_str!("../docs/schemas/logs.schema.json"));
    for row in frontends.values() {
        assert_eq!(schema.errors(row), [""; 0], "{row}");
    }

    // Filters and spans.
    let slow = rows("server", &["--filter", "time>=30ms status:2xx !server:s1 client:127.0.0.0/8"], &[&plain]);
    assert_eq!(slow.keys().collect::<Vec<_>>(), ["be1/s2"]);
    let of_span = |args: &[&str]| {
        let found = rows("frontend", args, &[&plain]);
        found.values().map(|row| count(row, "requests")).sum::<u64>()
    };
    assert_eq!(of_span(&["--since", "1h"]), sent + 2 * REQUESTS as u64 + 1);
    assert_eq!(of_span(&["--until", "1h"]), 0);

    // Compressed files count the same, and several files are added.
    let gzip = Command::new("gzip").args(["-k", "-S", ".1"]).arg(&plain).status().unwrap();
    assert!(gzip.success());
    let both = rows("frontend", &[], &[&plain, &logged.path("plain.log.1")]);
    assert_eq!(count(&both["plain"], "requests"), 2 * (sent + 2 * REQUESTS as u64 + 1));
}

#[test]
fn what_cannot_be_read_is_reported_and_counts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mixed.log");
    let good =
        "10.0.0.1:1 [01/Dec/2026:11:35:25.966] fe be/s1 0/0/0/7/8 200 76 - - ---- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"\n";
    let half = &good[..40];
    let mut text = good.repeat(3).into_bytes();
    text.extend_from_slice(b"Server be/s1 is DOWN, reason: Layer4 timeout\n\xff\xfe\x1b[31mred\n");
    text.extend_from_slice(half.as_bytes());
    fs::write(&path, &text).unwrap();
    let (out, err, code) = run(&["--format", "csv"], &[&path]);
    assert_eq!(code, 0, "{err}");
    assert!(out.lines().nth(1).unwrap().starts_with("be/s1,3,1,0,0,0,7,7,7,7,7,228"), "{out}");
    assert!(err.contains("3 of 6 lines not read as requests"), "{err}");
    let (out, _, _) = run(&["--unread"], &[&path]);
    assert_eq!(out.lines().count(), 3, "{out}");
    assert!(!out.contains('\u{1b}') && out.contains("reason: Layer4 timeout"), "{out:?}");

    // A format without a time or the origin of an error: no row is wrong, and a message says what is missing.
    let short = folder.path().join("short.log");
    fs::write(&short, "10.0.0.1 503 5\n10.0.0.1 200 5\n").unwrap();
    let format = ["--log-format", "%ci %ST %B", "--format", "csv"];
    let (out, err, code) = run(&format, &[&short]);
    assert_eq!((out.lines().nth(1), code), (Some("<none>,2,1,0,1,,,,,,,10,0"), 0), "{err}");
    let (_, err, code) = run(&[&format[..], &["--since", "1h"]].concat(), &[&short]);
    assert_eq!(code, 0);
    assert!(err.contains("2 requests not counted, because the lines have no time"), "{err}");
    let config = folder.path().join("haproxy.cfg");
    fs::write(&config, "frontend a\n  log-format \"%{+cbor}o %(st)ST\"\n  log-format \"%ci %ST %B\"\n").unwrap();
    let (out, err, code) = run(&["--haproxy-config", config.to_str().unwrap(), "--by", "client"], &[&short]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("haproxy.cfg, line 2: CBOR is not read") && out.contains("10.0.0.1"), "{out}{err}");

    let missing = folder.path().join("missing.log");
    let (out, err, code) = run(&[], &[&missing, &path]);
    assert_eq!(code, 1);
    assert!(err.contains("cannot read") && out.contains("be/s1"), "{out}{err}");
    for (args, words) in [
        (["--filter", "shape:red"], "a request has no \"shape\"; known are frontend"),
        (["--filter", "time>soon"], "\"soon\" is not a time, such as 500ms or 2s"),
        (["--filter", "client:10.0.0.0/40"], "is not a network, such as 10.0.0.0/8"),
        (["--filter", "server>3"], "compares a text"),
        (["--since", "soonish"], "--since:"),
        (["--log-format", "%ci%cp"], "nothing separates %cp from the variable before it"),
        (["--log-format", "%{+cbor}o %(st)ST"], "CBOR is not read"),
        (["--log-format", "%[src"], "the \"[\" at byte 1 is not closed"),
    ] {
        let (out, err, code) = run(&args, &[&path]);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(words), "{args:?}: {err}");
    }
    let nothing = folder.path().join("other.log");
    fs::write(&nothing, "no log of HAProxy\n").unwrap();
    let (out, err, code) = run(&[], &[&nothing]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("1 of 1 line not read as requests"), "{err}");
}

/// Returns a file of a time zone that is always one hour before UTC, as zic writes it.
fn zone_file() -> Vec<u8> {
    let block = |version: u8| {
        let mut block = [b"TZif", &[version][..], &[0; 15]].concat();
        // Counts of UT and standard indicators, leap seconds, transitions, types and characters.
        block.extend([0_u32, 0, 0, 0, 1, 5].iter().flat_map(|count| count.to_be_bytes()));
        block.extend((-3600_i32).to_be_bytes());
        block.extend([0, 0]);
        block.extend(b"TEST\0");
        block
    };
    [block(b'2'), block(b'2'), b"\nTEST1\n".to_vec()].concat()
}

#[test]
fn times_are_those_of_the_zone_that_tz_names() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("Test")).unwrap();
    fs::write(folder.path().join("Test/Zone"), zone_file()).unwrap();
    let log = folder.path().join("haproxy.log");
    let line =
        "10.0.0.1:1 [01/Dec/2025:11:35:25.966] fe be/s1 0/0/0/7/8 200 76 - - ---- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"\n";
    fs::write(&log, line).unwrap();
    for (zone, since, count) in [
        ("Test/Zone", "2025-12-01T12:35:25Z", 2),
        ("Test/Zone", "2025-12-01T12:35:26Z", 1),
        ("UTC", "2025-12-01T11:35:26Z", 1),
        ("UTC", "2025-12-01T11:35:25Z", 2),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
        command.args(["logs", "--format", "csv", "--since", since]).arg(&log);
        let output = command.env_clear().env("TZ", zone).env("TZDIR", folder.path()).output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        assert_eq!(lines.lines().count(), count, "{zone} {since}: {lines}");
    }
}
