//! View R on the log of a real HAProxy, which a syslog daemon writes to a file: its figures are those of `hapulse logs`, no
//! request is lost or counted twice when the file is rotated, a row opens it filtered, and what is wrong is shown with the line
//! that fixes it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::{Lab, ServerBehavior, Syslog, Term, Traffic, terminal_bytes};

/// A HAProxy whose log is written to a file.
struct LoggingLab {
    lab: Lab,
    syslog: Syslog,
    folder: tempfile::TempDir,
}

impl LoggingLab {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let syslog = Syslog::start(&folder.path().join("haproxy.log"));
        let lab = Lab::builder()
            .backends(2)
            .servers(2)
            .server_behavior("be1/s2", ServerBehavior::Slow(Duration::from_millis(30)))
            .global(&format!("log {} len 4096 local0", syslog.addr()))
            .defaults("log global")
            .defaults("option httplog")
            .start();
        Self { lab, syslog, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> PathBuf {
        self.path("haproxy.log")
    }

    /// Returns the number of requests in files.
    fn logged(files: &[&Path]) -> u64 {
        rows("frontend", files).values().map(|row| row["requests"].as_u64().unwrap()).sum()
    }

    /// Waits until the log has this number of requests.
    fn wait_for_requests(&self, count: u64) {
        let log = self.log();
        support::wait_until(&format!("{count} requests in the log"), || Self::logged(&[&log]) >= count);
    }

    fn dashboard(&self, (cols, rows): (u16, u16)) -> Term {
        let log = self.log();
        let args = ["-i", "0.5", "--log", log.to_str().unwrap(), self.lab.admin().to_str().unwrap()];
        let term = Term::builder().args(args).size(cols, rows).start();
        term.wait_for("live");
        term
    }
}

/// Returns the rows that `hapulse logs` prints, by the property.
fn rows(by: &str, files: &[&Path]) -> BTreeMap<String, Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
    command.args(["logs", "--by", by, "--format", "json", "--top", "1000"]).args(files);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|row| (row["name"].as_str().unwrap().to_owned(), row)).collect()
}

/// Returns the cells of the row of this name.
fn cells(screen: &str, name: &str) -> Vec<String> {
    let of_row = |line: &str| -> Vec<String> {
        line.trim_start_matches(['▶', ' ']).split_whitespace().map(str::to_owned).collect()
    };
    screen.lines().map(of_row).find(|cells| cells.first().is_some_and(|cell| cell == name)).unwrap_or_default()
}

/// Returns the number of requests of the summary.
fn shown_requests(screen: &str) -> Option<u64> {
    let (before, _) = screen.split_once(" requests, ")?;
    before.rsplit(' ').next()?.parse().ok()
}

#[test]
fn figures_of_the_view_are_those_of_the_command() {
    let logging = LoggingLab::start();
    let addr = logging.lab.frontend_addr();
    Traffic::to(addr).path("/be1/item/17?page=2").workers(2).send(200);
    Traffic::to(addr).path("/be2/page").workers(2).send(100);
    logging.lab.set_server_behavior("be2/s1", ServerBehavior::NoResponse);
    Traffic::to(addr).path("/be2/page").workers(2).send(40);
    logging.wait_for_requests(340);
    let mut term = logging.dashboard((200, 60));
    term.press("R");
    let screen = term.wait_until(|screen| shown_requests(screen) == Some(340));
    let log = logging.log();
    for (name, row) in rows("server", &[&log]) {
        let cells = cells(&screen, &name);
        let millis = |column: &str| row[column].as_u64().map_or("–".to_owned(), |time| format!("{time}ms"));
        let expected = ["p50", "p90", "p99", "p99.9", "max"].map(millis);
        assert_eq!(cells[3..8], expected, "{name}: {row}\n{screen}");
        let share = row["haproxy_5xx"].as_f64().unwrap() * 100.0 / row["requests"].as_f64().unwrap();
        let shown = cells[10].trim_end_matches('%').parse::<f64>().unwrap();
        assert!((shown - share).abs() <= 0.5, "{name}: {row}\n{screen}");
    }
    assert!(cells(&screen, "be1/s2")[3].trim_end_matches("ms").parse::<u64>().unwrap() >= 30, "{screen}");
    // HAProxy's own errors, in words: the server closed before its headers.
    assert!(screen.contains("SH 20x server closed before headers"), "{screen}");

    // Each tab has the groups of the command, and ids are folded.
    for (tab, by) in [("BACKEND", "backend"), ("FRONTEND", "frontend"), ("CLIENT", "client"), ("NETWORK", "network")] {
        term.press("\t");
        let screen =
            term.wait_until(|screen| screen.contains(&format!("  {tab} ")) && shown_requests(screen) == Some(340));
        for (name, row) in rows(by, &[&log]) {
            let p99 = row["p99"].as_u64().map_or("–".to_owned(), |time| format!("{time}ms"));
            assert_eq!(cells(&screen, &name)[5], p99, "{tab} {name}\n{screen}");
        }
    }
    term.press("\t");
    term.wait_for("GET /be1/item/:id");
    // A group opens the slowest requests of it, and one request is explained.
    term.press("\r");
    let screen = term.wait_for("AGO");
    assert!(screen.contains("/method=GET url=/be1/item/:id"), "{screen}");
    let screen = term.wait_until(|screen| shown_requests(screen) == Some(200));
    assert!(screen.contains("GET /be1/item/17?page=2") && !screen.contains("GET /be2/page "), "{screen}");
    term.press("\r");
    let screen = term.wait_for("until the response headers");
    assert!(screen.contains("--: regular end") && screen.contains("be1"), "{screen}");
    term.press("\x1b");
    term.wait_gone("until the response headers");
    term.press("\x1b");
    term.wait_until(|screen| shown_requests(screen) == Some(340));
    // A filter of one's own; one that is invalid is explained.
    term.press("/status:5xx\r");
    let failed: u64 = rows("status", &[&log])
        .iter()
        .filter(|(name, _)| name.starts_with('5'))
        .map(|(_, row)| row["requests"].as_u64().unwrap())
        .sum();
    term.wait_until(|screen| shown_requests(screen) == Some(failed));
    term.press("/");
    term.press("\x15shape:red");
    term.wait_for("a request has no \"shape\"");
    assert_eq!(terminal_bytes::unexpected_output(&term.raw()), [""; 0]);
}

#[test]
fn row_opens_the_view_filtered_to_it() {
    let logging = LoggingLab::start();
    let addr = logging.lab.frontend_addr();
    Traffic::to(addr).path("/be1/a").workers(2).send(60);
    Traffic::to(addr).path("/be2/b").workers(2).send(30);
    logging.wait_for_requests(90);
    let mut term = logging.dashboard((120, 40));
    term.press("1");
    term.wait_for("NAME");
    term.move_to_path("be2");
    term.press("R");
    let screen = term.wait_until(|screen| shown_requests(screen) == Some(30));
    assert!(screen.contains("/backend=be2") && screen.contains("be2/s1"), "{screen}");
    // Esc shows all requests, and goes back then.
    term.press("\x1b");
    term.wait_until(|screen| shown_requests(screen) == Some(90));
    term.press("R");
    term.wait_for("NAME");
    // Without a chosen row, all requests are shown.
    term.press("0");
    term.press("R");
    term.wait_until(|screen| shown_requests(screen) == Some(90));
}

#[test]
fn cause_opens_the_view_filtered_to_its_row() {
    let logging = LoggingLab::start();
    logging.lab.set_server_behavior("be2/s1", ServerBehavior::Errors(100));
    logging.lab.set_server_behavior("be2/s2", ServerBehavior::Errors(100));
    let addr = logging.lab.frontend_addr();
    let _healthy = Traffic::to(addr).path("/be1/a").workers(2).rate(50.0).start();
    let _failing = Traffic::to(addr).path("/be2/fails").workers(2).rate(50.0).start();
    let mut term = logging.dashboard((120, 40));
    term.press("!");
    term.wait_until(|screen| screen.contains("CRIT") && screen.contains("be2"));
    term.press("R");
    let screen = term.wait_until(|screen| screen.contains("/backend=be2") && shown_requests(screen) > Some(20));
    // One key from the cause: who made the errors, which URL, and which client.
    let summary = screen.lines().find(|line| line.contains("5xx: ")).unwrap();
    assert!(summary.contains("5xx: application 100%, HAProxy 0%"), "{screen}");
    assert!(screen.contains("GET /be2/fails 100%") && screen.contains("127.0.0.1 100%"), "{screen}");
}

#[test]
fn rotation_under_load_loses_and_repeats_nothing() {
    let logging = LoggingLab::start();
    let mut term = logging.dashboard((120, 40));
    term.press("R");
    let traffic = Traffic::to(logging.lab.frontend_addr()).path("/be1/load").workers(4).rate(400.0).start();
    let second = Duration::from_millis(700);
    let (log, first, copy) = (logging.log(), logging.path("haproxy.log.1"), logging.path("haproxy.log.2"));
    std::thread::sleep(second);
    // logrotate renames the file, and the daemon opens the new one later.
    fs::rename(&log, &first).unwrap();
    std::thread::sleep(second);
    logging.syslog.reopen();
    std::thread::sleep(second);
    logging.syslog.copy_and_truncate(&copy);
    std::thread::sleep(second);
    fs::rename(&log, logging.path("haproxy.log.3")).unwrap();
    logging.syslog.reopen();
    std::thread::sleep(second);
    let sent = traffic.stop();
    let files = [log.as_path(), &first, &copy, &logging.path("haproxy.log.3")];
    let mut count = 0;
    support::wait_until("the log is complete", || {
        let before = std::mem::replace(&mut count, LoggingLab::logged(&files));
        std::thread::sleep(Duration::from_millis(300));
        before == count
    });
    assert!(count >= 300, "{sent:?}");
    let screen = term.wait_until(|screen| shown_requests(screen) >= Some(count));
    assert_eq!(shown_requests(&screen), Some(count), "{screen}");
    std::thread::sleep(Duration::from_millis(1500));
    let screen = term.screen();
    assert_eq!(shown_requests(&screen), Some(count), "{screen}");
    assert!(!screen.contains("truncated"), "the copy had all lines\n{screen}");

    // Without a copy, the gap is shown.
    fs::File::options().write(true).open(&log).unwrap().set_len(0).unwrap();
    term.wait_for("truncated once: requests may be missing");
}

#[test]
fn hostile_lines_show_nothing_raw() {
    let logging = LoggingLab::start();
    let now = jiff::Zoned::now().strftime("%d/%b/%Y:%H:%M:%S").to_string();
    let line = |uri: &[u8], client: &str| {
        let head = format!("{client}:4711 [{now}.966] fe1 be1/s1 0/0/0/7/8 200 76 - - ---- 1/1/0/0/0 0/0 \"GET ");
        [head.as_bytes(), uri, b" HTTP/1.1\"\n"].concat()
    };
    let mut term = logging.dashboard((120, 40));
    term.press("R");
    term.wait_for("log ");
    let mut text = Vec::new();
    for uri in [&b"/\x1b]0;owned\x07"[..], b"/\xe2\x80\xaeevil", b"/\xff\xfe\x00", b"/\xc2\x9b31mred", &[b'x'; 9000]] {
        text.extend(line(uri, "10.0.0.1"));
    }
    text.extend(line(b"/\x1b[2J", "\x1b[31m"));
    text.extend(b"\x00\x01\x02 no line of HAProxy\n");
    fs::write(logging.log(), text).unwrap();
    for tab in 0..11 {
        term.press("\t");
        term.wait_until(|screen| shown_requests(screen) == Some(5));
        let screen = term.settled_screen();
        assert!(!screen.contains(char::is_control) || screen.chars().all(|ch| ch == '\n' || !ch.is_control()), "{tab}");
    }
    term.press("\r");
    assert_eq!(terminal_bytes::unexpected_output(&term.raw()), [""; 0]);
}

#[test]
fn what_is_wrong_is_shown_with_the_line_that_fixes_it() {
    let logging = LoggingLab::start();
    let socket = logging.lab.admin().to_str().unwrap().to_owned();
    let show = |args: &[&str]| {
        let mut term = Term::builder().args(args).args([socket.as_str()]).size(120, 40).start();
        term.wait_for("live");
        term.press("R");
        term
    };
    let other = logging.path("other.log");
    fs::write(&other, "Dec  1 11:35:25 lb1 sshd[7]: no log of HAProxy\n".repeat(30)).unwrap();
    let term = show(&["--log", other.to_str().unwrap()]);
    let screen = term.wait_for("is a request in a known format");
    assert!(screen.contains("option httplog") && screen.contains("none of the 30 lines in"), "{screen}");
    let missing = logging.path("missing.log");
    let term = show(&["--log", missing.to_str().unwrap()]);
    term.wait_for("missing.log does not exist");
    // It is read once it appears.
    fs::copy(logging.log(), &missing).unwrap();
    Traffic::to(logging.lab.frontend_addr()).path("/be1/a").send(5);
    logging.wait_for_requests(5);
    fs::copy(logging.log(), &missing).unwrap();
    term.wait_until(|screen| shown_requests(screen) == Some(5));
    let term = show(&["--log", logging.folder.path().to_str().unwrap()]);
    term.wait_for("is a directory, not a regular file");

    // The log of a target in the configuration.
    let config = logging.path("config.toml");
    let target =
        format!("[targets]\nlb01 = {{ address = \"{socket}\", log = \"{}\" }}\n", logging.log().to_str().unwrap());
    fs::write(&config, target).unwrap();
    let mut term = Term::builder().args(["--config", config.to_str().unwrap()]).size(120, 40).start();
    term.wait_for("live");
    term.press("R");
    term.wait_until(|screen| shown_requests(screen) == Some(5));

    // Several targets need a log each.
    let output = Command::new(env!("CARGO_BIN_EXE_hapulse"))
        .args(["--log", "/var/log/haproxy.log", &socket, "/nowhere.sock"])
        .output()
        .unwrap();
    assert!(!output.status.success());
}

#[test]
fn demo_has_a_log() {
    let mut term = Term::builder().args(["demo"]).size(120, 40).start();
    term.wait_for("live");
    term.press("R");
    let screen = term.wait_until(|screen| screen.contains("top URLs") && screen.contains("www/www1"));
    assert!(screen.contains("/haproxy.log") && screen.contains("GET /"), "{screen}");
    assert!(!screen.contains("not read as requests"), "{screen}");
    // The folder of the demo is removed with its log.
    let log = screen.lines().find_map(|line| line.trim().strip_prefix("log ")).unwrap().trim().to_owned();
    assert!(Path::new(&log).exists(), "{log}");
    term.press("\x1b");
    term.press("\x1b");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
    assert!(!Path::new(&log).parent().unwrap().exists(), "{log}");
}
