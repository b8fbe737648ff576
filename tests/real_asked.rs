//! Queries made on a key press against a real HAProxy: sessions, stick tables and typed command lines.

mod support;

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use support::terminal_bytes::unexpected_output;
use support::{CannedReplies, FakeSocket, Lab, Relay, ServerBehavior, Term, Traffic, wait_until};

/// Starts hapulse and waits until it shows live data.
fn start_dashboard(target: &Path, args: &[&str]) -> Term {
    let term = Term::builder().args(["-i", "0.2"]).args(args).args([target]).size(140, 40).start();
    term.wait_for("live");
    term
}

/// Returns the number of commands sent so far that start with `start`.
fn sent_count(relay: &Relay, start: &str) -> usize {
    let lines = relay.lines();
    lines.iter().flat_map(|line| line.split(';')).filter(|command| command.trim().starts_with(start)).count()
}

/// Waits two polls, so that any command a pressed key triggers has been sent.
fn wait_for_two_polls(term: &Term, relay: &Relay) {
    term.wait_input_read();
    let before = sent_count(relay, "show info");
    wait_until("two more polls", || sent_count(relay, "show info") >= before + 2);
}

/// Starts a lab with two open requests that server `be2/s2` does not answer.
fn lab_with_open_requests() -> (Lab, support::traffic::RunningTraffic) {
    // With this option HAProxy drops a request as soon as its client disconnects.
    let builder = Lab::builder().backends(2).cookie().defaults("option abortonclose");
    let lab = builder.server_behavior("be2/s2", ServerBehavior::Slow(Duration::from_mins(1))).start();
    let requests = Traffic::to(lab.frontend_addr()).path("/be2/").header("Cookie: SRV=s2").workers(2).start();
    lab.wait_stat("be2", "s2", "scur", |sessions| sessions == "2");
    (lab, requests)
}

#[test]
fn sessions_view_queries_on_enter_at_most_once_per_ten_seconds() {
    let (lab, _requests) = lab_with_open_requests();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path(), &[]);
    term.press("7");
    term.wait_for("lists the open sessions");
    term.wait_for("show sess stops all threads");
    wait_for_two_polls(&term, &relay);
    assert_eq!(sent_count(&relay, "show sess"), 0, "no query without a key press");
    term.press("<ret>");
    let screen = term.wait_until(|screen| screen.contains(", oldest first") && screen.contains("be2/s2"));
    let lines: Vec<&str> = screen.lines().filter(|line| line.contains("be2/s2")).collect();
    assert_eq!(lines.len(), 2, "{screen}");
    assert!(lines.iter().all(|line| line.contains(" fe1 ")), "{screen}");
    assert_eq!(sent_count(&relay, "show sess"), 1);
    term.press("r");
    term.wait_for("at most once every 10 s; try again in");
    wait_for_two_polls(&term, &relay);
    assert_eq!(sent_count(&relay, "show sess"), 1);
    // Details of one session.
    term.press("/server:s2<ret>");
    term.wait_for("2 of ");
    term.press("g<ret>");
    let screen = term.wait_for("─ Session 0x");
    for field in ["frontend=fe1", "backend=be2", "server=s2"] {
        assert!(screen.contains(field), "{field}\n{screen}");
    }
    assert_eq!(sent_count(&relay, "show sess 0x"), 1);
    term.press("<esc>");
    term.wait_gone("─ Session 0x");
}

#[test]
fn sessions_view_reports_required_level_on_user_socket() {
    let (lab, _requests) = lab_with_open_requests();
    let relay = Relay::to(lab.user());
    let mut term = start_dashboard(relay.path(), &[]);
    term.wait_for(" user ");
    term.press("7");
    term.wait_for("lists the open sessions");
    term.press("<ret>");
    term.wait_for("\"show sess\" needs level operator; this socket has level user");
    wait_for_two_polls(&term, &relay);
    assert_eq!(sent_count(&relay, "show sess"), 0);
}

#[test]
fn tables_view_shows_fill_level_and_top_entries() {
    let sections = "backend clients\n    stick-table type string len 32 size 100 expire 10m store http_req_cnt,gpc0\n\
                    frontend web\n    bind {{web}}\n    http-request track-sc0 hdr(X-Client) table clients\n    \
                    default_backend be1\n";
    let lab = Lab::builder().sections(sections).start();
    for (client, requests) in [("bob", 4), ("alice", 23), ("carol", 9)] {
        let header = format!("X-Client: {client}");
        assert_eq!(Traffic::to(lab.addr("web")).header(&header).send(requests).ok, requests);
    }
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path(), &[]);
    term.press("8");
    term.wait_for("lists the stick tables");
    wait_for_two_polls(&term, &relay);
    assert_eq!(sent_count(&relay, "show table"), 0, "no query without a key press");
    term.press("<ret>");
    let screen = term.wait_for("1 of 1 tables");
    let line = screen.lines().find(|line| line.trim_start().starts_with("clients")).unwrap();
    // Details of the table are next to the list.
    let words: Vec<&str> = line.split_whitespace().take_while(|word| *word != "│").collect();
    assert_eq!(words, ["clients", "string", "3", "100", "3.0%"], "{screen}");
    // The list is cheap for HAProxy, so the pause between two queries is short.
    term.press("rr");
    term.wait_for("at most once every 1 s; try again in 1 s");
    term.press("<ret>");
    let screen = term.wait_for("clients: 3 entries");
    // Entries are sorted by the first counter of the table; `>` selects the next one, the request count.
    let screen = if screen.contains("most http_req_cnt first") {
        screen
    } else {
        term.press(">");
        term.wait_for("most http_req_cnt first")
    };
    let keys: Vec<Vec<&str>> = screen
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.first().is_some_and(|word| ["alice", "bob", "carol"].contains(word)))
        .collect();
    let order: Vec<(&str, &str)> = keys.iter().map(|words| (words[0], words[2])).collect();
    assert_eq!(order, [("alice", "23"), ("carol", "9"), ("bob", "4")], "{screen}");
    assert_eq!(sent_count(&relay, "show table clients"), 1);
    term.press("<esc>");
    term.wait_for("1 of 1 tables");
}

#[test]
fn command_line_shows_replies_completes_and_recalls() {
    let lab = Lab::builder().backends(2).servers(1).start();
    let mut term = start_dashboard(lab.admin(), &[]);
    term.press("5");
    term.wait_for("HAProxy's own commands");
    term.press("show info<ret>");
    term.wait_until(|screen| screen.contains("Tainted: 0") && last_typed(screen) == ">");
    // The reply is longer than the screen; its end is shown first.
    let pid = format!("Pid: {}", lab.info("Pid"));
    for _ in 0..6 {
        if term.screen().contains(&pid) {
            break;
        }
        term.press("<pgup>");
        term.wait_input_read();
        thread::sleep(Duration::from_millis(60));
    }
    term.wait_for(&pid);
    term.press("<up>");
    term.wait_until(|screen| last_typed(screen) == "> show info");
    term.press("<c-u>show inf");
    // The first completion queries the commands of this HAProxy.
    wait_until("show info to be completed", || {
        term.press("<tab>");
        term.wait_input_read();
        last_typed(&term.screen()) == "> show info"
    });
    term.press("<c-u>show servers state be<tab>2");
    term.wait_until(|screen| last_typed(screen) == "> show servers state be2");
    term.press("<c-u>get weight be2<tab>");
    term.wait_until(|screen| last_typed(screen) == "> get weight be2");
    term.press("/<tab>");
    term.wait_until(|screen| last_typed(screen) == "> get weight be2/s1");
    term.press("<ret>");
    term.wait_for("1 (initial 1)");
    term.press("<esc>");
    term.wait_for("Frontends");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
    // The next run of the same user recalls the lines.
    let builder = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(140, 40);
    let mut second_run = builder.env("HOME", term.home()).start();
    second_run.wait_for("live");
    second_run.press("5<up>");
    second_run.wait_until(|screen| last_typed(screen) == "> get weight be2/s1");
    second_run.press("<up>");
    second_run.wait_until(|screen| last_typed(screen) == "> show info");
}

/// Returns the line being typed, without the scroll position at its right end.
fn last_typed(screen: &str) -> &str {
    let line = screen.lines().rfind(|line| line.starts_with(" >")).unwrap_or_default().trim();
    line.split("   ").next().unwrap_or_default()
}

#[test]
fn command_line_confirms_write_commands() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path(), &[]);
    term.press("5");
    for cancel_key in ["n", "<esc>"] {
        term.press("set server be1/s2 state maint<ret>");
        term.wait_for("this command may change HAProxy");
        wait_for_two_polls(&term, &relay);
        term.press(cancel_key);
        term.wait_gone("this command may change HAProxy");
        term.wait_for("nothing was sent");
    }
    assert_eq!(relay.write_commands(), [""; 0]);
    term.press("set server be1/s2 state maint<ret>");
    term.wait_for("this command may change HAProxy");
    term.answer("y");
    // HAProxy replies to a successful change with an empty line, and the view shows that.
    term.wait_for("(empty reply; after a change this means success)");
    assert_eq!(lab.stat("be1", "s2", "status"), "MAINT");
    assert_eq!(relay.write_commands(), ["set server be1/s2 state maint"]);
    // An error reply is shown below the line.
    term.press("set server be1/missing state maint<ret>");
    term.wait_for("this command may change HAProxy");
    term.answer("y");
    term.wait_for("No such server.");
}

#[test]
fn command_line_refuses_write_commands_in_read_only_mode() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path(), &["--read-only"]);
    term.press("5");
    term.wait_for("read-only commands");
    term.press("set server be1/s2 state maint<ret>");
    term.wait_for("read-only mode is on");
    assert!(!term.screen().contains("this command may change HAProxy"), "{}", term.screen());
    wait_for_two_polls(&term, &relay);
    assert_eq!(relay.write_commands(), [""; 0]);
    assert_eq!(lab.stat("be1", "s2", "status"), "no check");
    term.press("get weight be1/s2<ret>");
    term.wait_for("1 (initial 1)");
}

#[test]
fn command_line_escapes_hostile_bytes_in_reply() {
    let lab = Lab::builder().start();
    let hostile = b"harmless\n\x1b]0;owned\x07\x1b[31mred\x9b2J \xc2\x9b5m \x0e\x08\x7f\x90q\x9c\r<END>\n\n";
    let replies = CannedReplies::record(&lab, &["show info", "show stat", "show cli level"]).on("show errors", hostile);
    let fake = FakeSocket::with_replies(replies);
    let mut term = start_dashboard(fake.path(), &[]);
    term.press("5");
    term.wait_for("HAProxy's own commands");
    term.press("show errors<ret>");
    let screen = term.wait_for("<END>");
    assert!(screen.contains("\\x1b]0;owned\\x07\\x1b[31mred"), "{screen}");
    let raw = term.raw();
    assert_eq!(unexpected_output(&raw), [""; 0]);
    let was_written = |sequence: &[u8]| raw.windows(sequence.len()).any(|window| window == sequence);
    assert!(![&b"\x1b]"[..], b"\x1bP", b"\x1b[31mred"].into_iter().any(was_written));
}

#[test]
fn command_line_runs_at_most_two_queries_at_once() {
    let lab = Lab::builder().start();
    let replies = CannedReplies::record(&lab, &["show info", "show stat", "show cli level", "show version"]);
    // Queries running now, and the highest number at once.
    let running = Arc::new(Mutex::new((0, 0)));
    let counter = Arc::clone(&running);
    let fake = FakeSocket::with_handler(move |line, stream| {
        let change = |by: i32| {
            let mut counter = counter.lock().unwrap();
            counter.0 += by;
            counter.1 = counter.1.max(counter.0);
        };
        if line == "show version" {
            change(1);
            thread::sleep(Duration::from_millis(700));
            change(-1);
        }
        let _ = stream.write_all(&replies.reply_to(line));
    });
    let mut term = start_dashboard(fake.path(), &[]);
    term.press("5");
    (0..9).for_each(|_| term.paste(b"show version\r"));
    let queries = || fake.received().iter().filter(|line| *line == "show version").count();
    wait_until("every reply", || queries() == 9 && running.lock().unwrap().0 == 0);
    assert_eq!(running.lock().unwrap().1, 2);
    // Polling continues meanwhile and afterwards.
    term.press("<a-0>");
    term.wait_for("live ");
}
