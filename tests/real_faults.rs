//! Faults of HAProxy and its socket: the screen shows the reason, keeps the old rows, and becomes live again
//! automatically.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use support::{CannedReplies, FakeSocket, Lab, ServerBehavior, Term, Traffic, process, wait_until};

/// Starts hapulse and waits until it shows live data.
fn start_dashboard(socket: &Path) -> Term {
    let term = Term::builder().args(["-i", "0.2"]).args([socket]).size(120, 40).start();
    term.wait_for("live");
    term
}

/// Returns the servers in the table.
fn servers(term: &Term) -> Vec<String> {
    term.table("Servers of be1").map(|table| table.names()).unwrap_or_default()
}

/// Parses a rate from the screen: `57`, `9.5`, `1.24k`.
fn parse_rate(text: &str) -> Option<f64> {
    match text.strip_suffix('k') {
        Some(thousands) => thousands.parse::<f64>().ok().map(|value| value * 1000.0),
        None => text.parse().ok(),
    }
}

#[test]
fn reload_is_reported_without_false_rates() {
    let lab = Lab::builder().start();
    let term = start_dashboard(lab.admin());
    let running = Traffic::to(lab.frontend_addr()).pause(Duration::from_millis(20)).start();
    let is_positive = |rate: &str| parse_rate(rate).is_some_and(|rate| rate > 0.0);
    term.wait_cell("Backends", "be1", "REQ/S", is_positive);
    // Counters restart at zero; a rate across the reload would be far below zero or far too high.
    let before = lab.pid();
    lab.reload();
    let pid = lab.pid();
    let mut rates = Vec::new();
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        let cells = [("Frontends", "fe1"), ("Backends", "be1"), ("Servers of be1", "s1")];
        rates.extend(cells.iter().filter_map(|(title, name)| term.cell(title, name, "REQ/S")));
        thread::sleep(Duration::from_millis(10));
    }
    let screen = term.wait_for(&format!("pid {pid} "));
    assert!(screen.contains(&format!("loaded: pid {before} → {pid}")) || screen.contains("restarted: pid"), "{screen}");
    assert!(rates.iter().all(|rate| rate == "–" || parse_rate(rate).is_some()), "{rates:?}");
    // Two workers that pause 20 ms after each request send less than 100 requests per second.
    assert!(rates.iter().filter_map(|rate| parse_rate(rate)).all(|rate| (0.0..=110.0).contains(&rate)), "{rates:?}");
    term.wait_cell("Backends", "be1", "REQ/S", is_positive);
    term.wait_for("live");
    drop(running);
}

#[test]
fn reload_stops_polling_old_worker_and_lets_it_exit() {
    let lab = Lab::builder()
        .defaults("option abortonclose")
        .server_behavior("be1/s1", ServerBehavior::Slow(Duration::from_mins(5)));
    let lab = lab.cookie().start();
    let request = Traffic::to(lab.frontend_addr()).header("Cookie: SRV=s1").workers(1).start();
    lab.wait_stat("be1", "s1", "scur", |sessions| sessions == "1");
    let old = lab.pid();
    let term = start_dashboard(lab.admin());
    lab.reload();
    term.wait_for(&format!("pid {} ", lab.pid()));
    // The old worker lives until its session ends; the screen shows the new one's numbers.
    term.wait_cell("Servers of be1", "s1", "SESS/LIM", |sessions| sessions == "0");
    assert!(process::is_alive(old));
    drop(request);
    wait_until("the old process to end", || !process::is_alive(old));
    term.wait_for("live");
}

#[test]
fn reload_shows_rows_of_new_configuration() {
    let lab = Lab::builder().servers(3).start();
    let mut term = start_dashboard(lab.admin());
    term.move_to_server("be1", "s2");
    lab.edit(|config| config.replace("    server s1 ", "    server s0 "));
    lab.reload();
    term.wait_until(|screen| {
        let table = support::PaneTable::find(screen, "Servers of be1");
        table.is_some_and(|table| table.names() == ["s0", "s2", "s3"])
    });
    term.wait_for_cursor_at("Servers of be1", "s2");
    let screen = term.wait_for("new: be1/s0");
    assert!(screen.contains("gone: be1/s1"), "{screen}");
}

#[test]
fn killed_haproxy_is_stale_with_reason_until_restart() {
    let lab = Lab::builder().servers(3).start();
    let mut term = start_dashboard(lab.admin());
    lab.kill();
    term.wait_for("stale ");
    let screen = term.wait_for("cannot connect: connection refused; next try at ");
    assert!(screen.contains("the socket file exists, but no process listens on it"), "{screen}");
    assert!(!screen.contains("live "), "{screen}");
    assert_eq!(servers(&term), ["s1", "s2", "s3"], "the old rows stay visible");
    term.press("<ret>M");
    term.wait_for("the connection to HAProxy is lost: nothing can be sent now");
    lab.restart();
    term.wait_for("live ");
    term.wait_for(&format!("pid {} ", lab.pid()));
    // A frame may arrive in several reads.
    for event in ["link lost: cannot connect", "link restored after ", "restarted: pid "] {
        term.wait_for(event);
    }
    assert_eq!(servers(&term), ["s1", "s2", "s3"]);
}

#[test]
fn removed_socket_is_found_again() {
    let lab = Lab::builder().start();
    let term = start_dashboard(lab.admin());
    let moved = lab.admin().with_extension("moved");
    fs::rename(lab.admin(), &moved).unwrap();
    let screen = term.wait_for("stale ");
    assert!(screen.contains("cannot connect: no such file or directory"), "{screen}");
    assert_eq!(servers(&term), ["s1", "s2"]);
    fs::rename(&moved, lab.admin()).unwrap();
    term.wait_for("live ");
    let screen = term.wait_for("link restored after ");
    assert!(!screen.contains("counters were reset"), "the process did not change\n{screen}");
}

#[test]
fn keys_respond_while_haproxy_is_stopped() {
    let lab = Lab::builder().servers(4).start();
    let mut term = start_dashboard(lab.admin());
    term.move_to_server("be1", "s1");
    lab.pause_process();
    // Before and after hapulse notices the silence.
    for badge in ["live ", "stale "] {
        term.wait_for(badge);
        for (key, name) in [("j", "s2"), ("j", "s3"), ("G", "s4"), ("g", "s1")] {
            let pressed = Instant::now();
            term.press(key);
            term.wait_for_cursor_at("Servers of be1", name);
            assert!(pressed.elapsed() < Duration::from_secs(1), "{key} took {:?}", pressed.elapsed());
        }
    }
    let screen = term.wait_for("stale ");
    assert!(screen.contains("connected, but no reply in 2s"), "{screen}");
    lab.resume_process();
    term.wait_for("live ");
}

#[test]
fn missing_socket_is_waited_for_with_configuration_hint() {
    let folder = tempfile::TempDir::with_prefix_in("yet", "/tmp").unwrap();
    let socket = folder.path().join("own.sock");
    let mut term = Term::builder().args([&socket]).size(120, 40).start();
    let screen = term.wait_for("cannot connect: no such file or directory");
    assert!(screen.contains("no reply"), "{screen}");
    assert!(screen.contains(socket.to_str().unwrap()), "{screen}");
    let hint = format!("stats socket {} mode 660 level admin", socket.display());
    assert!(screen.contains(&hint), "{hint}\n{screen}");
    term.press("?");
    term.wait_for("not now: the connection to HAProxy is lost");
    term.press("<esc>");
    let lab = Lab::builder().start();
    // The line that the screen recommends.
    lab.edit(|config| config.replacen("global\n", &format!("global\n    {hint}\n"), 1));
    lab.restart();
    term.wait_for("live 2s");
    term.wait_until(|screen| screen.contains("Servers of be1") && screen.contains("ADMIN"));
}

#[test]
fn permission_denied_on_socket_explains_how_to_get_access() {
    let lab = Lab::builder().start();
    let mut command;
    let folder = tempfile::TempDir::with_prefix_in("perm", "/tmp").unwrap();
    if rustix::process::geteuid().is_root() {
        // File modes do not restrict root, so hapulse runs as user 65534, from a folder which that user can read.
        let program = folder.path().join("hapulse");
        fs::copy(env!("CARGO_BIN_EXE_hapulse"), &program).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        command = Term::program("setpriv").args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        command = command.args([program]);
    } else {
        fs::set_permissions(lab.admin(), fs::Permissions::from_mode(0o000)).unwrap();
        command = Term::builder();
    }
    let term = command.args([lab.admin()]).size(120, 40).start();
    let screen = term.wait_for("cannot connect: permission denied");
    let hint = format!("run as root, or allow a group: stats socket {} mode 660 group haproxy", lab.admin().display());
    assert!(screen.contains(&hint), "{screen}");
}

/// Returns the recorded replies of a real HAProxy and a fake that sends them.
fn record_replies() -> (CannedReplies, FakeSocket) {
    let lab = Lab::builder().start();
    let replies = CannedReplies::record(&lab, &["show info", "show stat", "show cli level"]);
    let fake = FakeSocket::with_replies(replies.clone());
    (replies, fake)
}

/// Switches from good replies to bad ones and back: the reason is shown, the rows stay, and keys work meanwhile.
fn assert_recovers_from(bad: impl FnOnce(&CannedReplies) -> support::fake::FakeBehavior, reason: &str) {
    let (replies, fake) = record_replies();
    let mut term = start_dashboard(fake.path());
    fake.set_behavior(bad(&replies));
    term.wait_for("stale ");
    term.wait_for(reason);
    term.wait_for("next try at");
    assert_eq!(servers(&term), ["s1", "s2"]);
    term.press("<ret>j");
    term.wait_for_cursor_at("Servers of be1", "s2");
    fake.set_behavior(FakeSocket::replying(replies));
    term.press("r");
    term.wait_for("live ");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn silent_socket_times_out_and_recovers() {
    assert_recovers_from(|_| FakeSocket::silent(), "connected, but no reply in 2s");
}

#[test]
fn trickling_reply_times_out_and_recovers() {
    assert_recovers_from(
        |replies| FakeSocket::trickling(replies.clone(), 1, Duration::from_millis(20)),
        "no complete reply in 10s",
    );
}

/// Computes the length of a truncated reply from the lengths of `show info` and of the whole reply.
type Cut = fn(usize, usize) -> usize;

#[test]
fn truncated_reply_is_discarded_and_recovers() {
    let (no_stat, part_of_stat) = ("the reply was truncated after", "the reply to \"show stat\" was cut after");
    // The lengths of `show info` and of the whole reply depend on the pid.
    let cuts: [(Cut, &str); 5] = [
        (|_, _| 1, no_stat),
        (|info, _| info / 2, no_stat),
        (|info, _| info, no_stat),
        (|info, _| info + 100, part_of_stat),
        (|_, all| all - 1, part_of_stat),
    ];
    for (cut, reason) in cuts {
        let behavior = |replies: &CannedReplies| {
            let bytes = cut(replies.reply_to("show info").len(), replies.reply_to("show info;show stat").len());
            FakeSocket::cutting(replies.clone(), bytes)
        };
        assert_recovers_from(behavior, reason);
    }
}

#[test]
fn closed_connection_is_reported_and_recovers() {
    assert_recovers_from(|_| FakeSocket::closing(), "connection");
}

#[test]
fn garbage_reply_is_escaped_and_recovers() {
    for behavior in [FakeSocket::garbage(5000), FakeSocket::garbage(1)] {
        assert_recovers_from(move |_| behavior, "the reply");
    }
    // Garbage from the first reply on.
    let fake = FakeSocket::start(FakeSocket::garbage(20_000));
    let term = Term::spawn([fake.path()], 120, 40);
    let screen = term.wait_for("no reply");
    assert!(screen.chars().all(|char| !char.is_control() || char == '\n'), "{screen:?}");
    assert!(screen.contains("hapulse keeps trying"), "{screen}");
}

/// Returns the memory of a process in MiB: `VmRSS` is the current size, `VmHWM` the peak.
fn memory(pid: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(line.trim().split(' ').next()?.parse::<u64>().ok()? / 1024)
}

#[test]
fn endless_line_is_rejected_early() {
    let (replies, fake) = record_replies();
    let mut term = start_dashboard(fake.path());
    let normal = memory(term.pid(), "VmRSS").unwrap();
    fake.set_behavior(FakeSocket::endless());
    let screen = term.wait_for("stale ");
    assert!(screen.contains("not a stats socket: the reply begins with \"aaaa"), "{screen}");
    // Three complete replies, and the start of the next one.
    let tries = fake.connections();
    wait_until("more tries", || fake.connections() >= tries + 3);
    term.press("<ret>j");
    term.wait_for_cursor_at("Servers of be1", "s2");
    let peak = memory(term.pid(), "VmHWM").unwrap();
    assert!(peak < normal + 20, "{peak} MiB");
    fake.set_behavior(FakeSocket::replying(replies));
    term.press("r");
    term.wait_for("live ");
    wait_until("the memory to be released", || memory(term.pid(), "VmRSS").is_some_and(|now| now < normal + 50));
}
