//! Tests of the test support: the lab's HAProxy, its web servers and traffic, the fake socket, and the pseudo terminal.

mod support;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;
use support::{
    CannedReplies, FakeSocket, Lab, RequestCounts, ServerBehavior, Term, Traffic, process, send_command_to, wait_until,
};

/// Sends one line to a socket and returns all bytes until it closes.
fn exchange(path: &Path, line: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(path)?;
    stream.write_all(line.as_bytes())?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(reply)
}

#[test]
fn lab_sockets_have_their_levels() {
    let lab = Lab::builder().start();
    assert_eq!(lab.info("Pid"), lab.pid().to_string());
    for (socket, level) in [(lab.admin(), "admin"), (lab.operator(), "operator"), (lab.user(), "user")] {
        assert_eq!(send_command_to(socket, "show cli level").unwrap(), format!("{level}\n\n"));
    }
    let denied = "Permission denied\n\n";
    assert_eq!(send_command_to(lab.operator(), "disable server be1/s1").unwrap(), denied);
    assert_eq!(send_command_to(lab.user(), "show sess").unwrap(), denied);
    assert_eq!(lab.stat("be1", "s1", "status"), "no check");
    assert_eq!(lab.send_command("disable server be1/s1"), "\n");
    assert_eq!(lab.stat("be1", "s1", "status"), "MAINT");
}

#[test]
fn lab_stats_socket_listens_on_tcp() {
    let lab = Lab::builder().tcp().start();
    for addr in std::iter::once(lab.tcp()).chain(lab.tcp6()) {
        let mut stream = std::net::TcpStream::connect(addr).unwrap();
        stream.write_all(b"show info\n").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        assert!(reply.contains(&format!("\nPid: {}\n", lab.pid())), "{addr}: {reply}");
    }
}

#[test]
fn reload_starts_new_process_on_same_sockets() {
    let lab = Lab::builder().servers(1).start();
    let before = lab.pid();
    lab.edit(|config| config.replace("server s1", "server renamed"));
    lab.reload();
    assert_ne!(lab.pid(), before);
    assert_eq!(lab.info("Pid"), lab.pid().to_string());
    assert_eq!(lab.stat("be1", "renamed", "status"), "no check");
    assert_eq!(Traffic::to(lab.frontend_addr()).send(5), RequestCounts { ok: 5, failed: 0 });
    wait_until("the old process to end", || !process::is_alive(before));
}

#[test]
fn reload_of_master_replaces_worker() {
    let lab = Lab::builder().master().start();
    let (master, before) = (lab.pid(), lab.info("Pid"));
    lab.reload();
    assert_eq!(lab.pid(), master);
    assert_ne!(lab.info("Pid"), before);
    assert!(lab.master_socket().exists());
    let worker: u32 = lab.info("Pid").parse().unwrap();
    drop(lab);
    wait_until("master and worker to end", || !process::is_alive(master) && !process::is_alive(worker));
}

#[test]
fn kill_leaves_socket_file_and_restart_works() {
    let lab = Lab::builder().start();
    lab.kill();
    assert!(lab.admin().exists());
    let error = send_command_to(lab.admin(), "show info").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    lab.restart();
    assert_eq!(lab.info("Pid"), lab.pid().to_string());
    lab.remove_socket();
    let error = send_command_to(lab.admin(), "show info").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    lab.restart();
    assert_eq!(lab.all_pids().len(), 3);
}

#[test]
fn paused_haproxy_sends_no_reply_until_resumed() {
    let lab = Lab::builder().start();
    lab.pause_process();
    let mut stream = UnixStream::connect(lab.admin()).unwrap();
    stream.write_all(b"show info\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(stream.read(&mut [0; 1]).is_err());
    lab.resume_process();
    assert!(lab.send_command("show info").starts_with("Name: HAProxy"));
}

#[test]
fn drop_of_lab_kills_every_process() {
    let lab = Lab::builder().start();
    // An open connection keeps the old process alive after a reload.
    let _client = UnixStream::connect(lab.admin()).unwrap();
    lab.reload();
    let pids = lab.all_pids();
    assert_eq!(pids.len(), 2);
    drop(lab);
    assert!(pids.into_iter().all(|pid| !process::is_alive(pid)));
}

#[test]
fn big_lab_has_row_per_server() {
    let lab = Lab::builder().big().start();
    let stat = lab.send_command("show stat");
    // The header, fe1, 200 backends, their servers, and the empty line at the end.
    assert_eq!(stat.lines().count(), 1 + 1 + 200 + 10_000 + 1);
    assert_eq!(lab.stat("be200", "s50", "type"), "2");
}

#[test]
fn traffic_reaches_backend_of_path() {
    let lab = Lab::builder().backends(2).servers(1).server_behavior("be2/s1", ServerBehavior::Status(500)).start();
    let addr = lab.frontend_addr();
    assert_eq!(Traffic::to(addr).send(20), RequestCounts { ok: 20, failed: 0 });
    assert_eq!(Traffic::to(addr).keep_alive().path("/be2/x").send(7), RequestCounts { ok: 0, failed: 7 });
    assert_eq!(lab.stat("be1", "s1", "stot"), "20");
    assert_eq!(lab.stat("be2", "s1", "hrsp_5xx"), "7");
    assert_eq!(lab.server("be2/s1").requests(), 7);
    lab.set_server_behavior("be1/s1", ServerBehavior::Slow(Duration::from_mins(1)));
    let running = Traffic::to(addr).workers(3).start();
    lab.wait_stat("be1", "s1", "scur", |sessions| sessions == "3");
    assert_eq!(running.stop(), RequestCounts::default());
}

#[test]
fn cookie_keeps_client_on_its_server() {
    let lab = Lab::builder().cookie().maxconn(50).start();
    let traffic = Traffic::to(lab.frontend_addr()).header("Cookie: SRV=s2");
    assert_eq!(traffic.send(6).ok, 6);
    assert_eq!(lab.stat("be1", "s2", "stot"), "6");
    assert_eq!(lab.stat("be1", "s2", "slim"), "50");
}

#[test]
fn checked_server_goes_down_and_recovers() {
    let lab = Lab::builder().http_checks().server_behavior("be1/s2", ServerBehavior::Closed).start();
    lab.wait_stat("be1", "s2", "status", |status| status == "DOWN");
    lab.set_server_behavior("be1/s2", ServerBehavior::Ok);
    lab.wait_stat("be1", "s2", "status", |status| status == "UP");
    lab.set_server_behavior("be1/s1", ServerBehavior::Status(500));
    lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    assert_eq!(lab.stat("be1", "s1", "check_code"), "500");
}

#[test]
fn custom_sections_receive_addresses() {
    let lab = Lab::builder()
        .frontends(0)
        .backends(0)
        .global("node mine")
        .sections("listen web\n    bind {{web}}\n    http-request return status 200")
        .start();
    assert_eq!(Traffic::to(lab.addr("web")).send(3).ok, 3);
    assert_eq!(lab.info("node"), "mine");
}

#[test]
fn fake_socket_replies_as_recorded_and_records_requests() {
    let lab = Lab::builder().start();
    let info = lab.send_command("show info");
    let fake = FakeSocket::with_replies(CannedReplies::record(&lab, &["show info", "show stat"]));
    let reply = exchange(fake.path(), "show info;show stat\n").unwrap();
    let reply = String::from_utf8(reply).unwrap();
    assert!(reply.starts_with(&info.split("\nUptime:").next().unwrap().to_owned()));
    assert!(reply.contains("\n\n# pxname,"));
    exchange(fake.path(), "disable server be1/s1\n").unwrap();
    assert_eq!(fake.received(), ["show info;show stat", "disable server be1/s1"]);
    assert_eq!(fake.connections(), 2);
}

#[test]
fn fake_socket_behaviors_send_expected_bytes() {
    let replies = CannedReplies::new().on("show info", "Name: HAProxy\nVersion: 2.6.12\n\n");
    let fake = FakeSocket::with_replies(replies.clone());
    fake.set_behavior(FakeSocket::cutting(replies.clone(), 10));
    assert_eq!(exchange(fake.path(), "show info\n").unwrap(), b"Name: HAPr");
    fake.set_behavior(FakeSocket::trickling(replies, 3, Duration::from_millis(1)));
    assert_eq!(exchange(fake.path(), "show info\n").unwrap().len(), 31);
    fake.set_behavior(FakeSocket::garbage(5000));
    assert_eq!(exchange(fake.path(), "show info\n").unwrap().len(), 5000);
    fake.set_behavior(FakeSocket::closing());
    let mut stream = UnixStream::connect(fake.path()).unwrap();
    assert!(!matches!(stream.read(&mut [0; 1]), Ok(1..)));

    let read_timeout = Some(Duration::from_millis(100));
    fake.set_behavior(FakeSocket::silent());
    let mut stream = UnixStream::connect(fake.path()).unwrap();
    stream.write_all(b"show stat\n").unwrap();
    stream.set_read_timeout(read_timeout).unwrap();
    assert!(stream.read(&mut [0; 1]).is_err());
    fake.set_behavior(FakeSocket::endless());
    let mut stream = UnixStream::connect(fake.path()).unwrap();
    stream.write_all(b"show stat\n").unwrap();
    let mut megabyte = vec![0; 1 << 20];
    stream.read_exact(&mut megabyte).unwrap();
    assert!(megabyte.iter().all(|byte| *byte == b'a'));

    fake.set_behavior(FakeSocket::handling_lines(|line, stream| {
        drop(write!(stream, "received {line}"));
    }));
    assert_eq!(exchange(fake.path(), "hello\n").unwrap(), b"received hello");
    assert_eq!(fake.connections(), 7);
}

#[test]
fn terminal_passes_keys_and_shows_output() {
    let mut term = Term::program("sh").args(["-c", "read x; echo got $x; exit 3"]).start();
    term.press("jj<lt>web><ret>");
    term.wait_for("got jj<web>");
    assert_eq!(term.exit_code(), 3);
    assert!(term.raw().ends_with(b"got jj<web>\r\n"));
}

#[test]
fn terminal_reports_modes_sizes_and_signals() {
    let script = "printf '\\033[?1049h\\033[?25lhello'; stty size; stty raw -echo; \
                  trap 'printf resized' WINCH; trap 'printf bye; exit 7' TERM; \
                  printf ready; while :; do sleep 0.01; done";
    let mut term = Term::program("sh").args(["-c", script]).size(60, 20).start();
    let screen = term.wait_for("ready");
    assert!(screen.contains("hello20 60"), "{screen}");
    let modes = term.modes();
    assert!(modes.alternate_screen && !modes.cursor_visible && term.is_raw());
    term.resize(50, 10);
    term.wait_for("resized");
    term.signal("TERM");
    assert_eq!(term.exit_code(), 7);
    assert!(term.screen().contains("bye"));
}

#[test]
fn escape_key_is_read_separately() {
    // The program prints each read as a line of numbers.
    let script = "stty raw -echo min 1; printf ready; for i in 1 2 3; do \
                  dd bs=64 count=1 2>/dev/null | od -An -tu1; done; printf end";
    let mut term = Term::program("sh").args(["-c", script]).size(40, 10).start();
    term.wait_for("ready");
    term.press("<esc>j");
    term.wait_input_read();
    term.press("<f5>");
    let screen = term.wait_for("end");
    let numbers: Vec<_> = screen.lines().map(str::trim).collect();
    assert!(screen.contains(" 27\n"), "{screen}");
    assert!(numbers.contains(&"27  91  49  53 126"), "{screen}");
}

#[test]
fn close_sends_hangup_without_input() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("received");
    // In raw mode, so that any input arrives at once.
    let script = "trap 'echo hangup >>received; exit' HUP; stty raw -echo; printf ready; \
                  while :; do dd bs=64 count=1 2>/dev/null >>received || sleep 0.01; done";
    let mut term = Term::program("sh").args(["-c", &format!("cd {}; {script}", folder.path().display())]).start();
    term.wait_for("ready");
    term.close();
    let received = || std::fs::read_to_string(&file).unwrap_or_default();
    wait_until("the hangup", || received().contains("hangup"));
    assert_eq!(received(), "hangup\n");
    let _ = term.exit_code();
}

#[test]
fn spawn_runs_hapulse_binary() {
    let mut term = Term::spawn(["--version"], 80, 24);
    assert_eq!(term.exit_code(), 0);
    assert_eq!(term.screen().trim_end(), concat!("hapulse ", env!("CARGO_PKG_VERSION")));
}
