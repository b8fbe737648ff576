//! What is only asked on a key: sessions, stick tables and HAProxy's own command line, in front of a real HAProxy.

mod support;

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use support::stream::strange;
use support::{Answer, Answers, Fake, Lab, Relay, Term, Traffic, wait_until};

/// Keys within this time of a question were typed before it was seen; they do not count.
const TYPE_AHEAD: Duration = Duration::from_millis(330);

fn start(target: &Path, args: &[&str]) -> Term {
    let term = Term::builder().args(["-i", "0.2"]).args(args).args([target]).size(140, 40).start();
    term.wait_for("live");
    term
}

/// The commands sent so far that begin this way.
fn sent(relay: &Relay, start: &str) -> usize {
    let lines = relay.lines();
    lines.iter().flat_map(|line| line.split(';')).filter(|command| command.trim().starts_with(start)).count()
}

/// Waits until hapulse has polled on: what a key was to send would be sent by now.
fn let_polls_pass(term: &Term, relay: &Relay) {
    term.wait_read();
    let before = sent(relay, "show info");
    wait_until("two more polls", || sent(relay, "show info") >= before + 2);
}

/// A lab whose server `be2/s2` holds the requests sent to it, and two such requests.
fn held() -> (Lab, support::traffic::Running) {
    // With the option HAProxy lets go of a request as soon as its client does.
    let builder = Lab::builder().backends(2).cookie().defaults("option abortonclose");
    let lab = builder.answer("be2/s2", Answer::Slow(Duration::from_mins(1))).start();
    let held = Traffic::to(lab.frontend_addr()).path("/be2/").header("Cookie: SRV=s2").workers(2).start();
    lab.wait_stat("be2", "s2", "scur", |sessions| sessions == "2");
    (lab, held)
}

#[test]
fn sessions_are_asked_for_by_enter_once_in_ten_seconds() {
    let (lab, _held) = held();
    let relay = Relay::to(lab.admin());
    let mut term = start(relay.path(), &[]);
    term.press("7");
    term.wait_for("lists the sessions that are open");
    term.wait_for("show sess stops all threads");
    let_polls_pass(&term, &relay);
    assert_eq!(sent(&relay, "show sess"), 0, "nothing is asked by itself");
    term.press("<ret>");
    let screen = term.wait_until(|screen| screen.contains(" sessions, oldest first") && screen.contains("be2/s2"));
    let lines: Vec<&str> = screen.lines().filter(|line| line.contains("be2/s2")).collect();
    assert_eq!(lines.len(), 2, "{screen}");
    assert!(lines.iter().all(|line| line.contains(" fe1 ")), "{screen}");
    assert_eq!(sent(&relay, "show sess"), 1);
    term.press("r");
    term.wait_for("not more often than every 10 s: again in");
    let_polls_pass(&term, &relay);
    assert_eq!(sent(&relay, "show sess"), 1);
    // One of them in full.
    term.press("/server:s2<ret>");
    term.wait_for("2 of ");
    term.press("g<ret>");
    let screen = term.wait_for("─ Session 0x");
    for part in ["frontend=fe1", "backend=be2", "server=s2"] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    assert_eq!(sent(&relay, "show sess 0x"), 1);
    term.press("<esc>");
    term.wait_gone("─ Session 0x");
}

#[test]
fn a_user_learns_which_level_sessions_need_and_nothing_is_sent() {
    let (lab, _held) = held();
    let relay = Relay::to(lab.user());
    let mut term = start(relay.path(), &[]);
    term.wait_for(" user ");
    term.press("7");
    term.wait_for("lists the sessions that are open");
    term.press("<ret>");
    term.wait_for("\"show sess\" needs level operator; this socket has level user");
    let_polls_pass(&term, &relay);
    assert_eq!(sent(&relay, "show sess"), 0);
}

#[test]
fn stick_tables_tell_how_full_they_are_and_who_is_on_top() {
    let sections = "backend clients\n    stick-table type string len 32 size 100 expire 10m store http_req_cnt,gpc0\n\
                    frontend web\n    bind {{web}}\n    http-request track-sc0 hdr(X-Client) table clients\n    \
                    default_backend be1\n";
    let lab = Lab::builder().sections(sections).start();
    for (client, requests) in [("bob", 4), ("alice", 23), ("carol", 9)] {
        let header = format!("X-Client: {client}");
        assert_eq!(Traffic::to(lab.addr("web")).header(&header).send(requests).ok, requests);
    }
    let relay = Relay::to(lab.admin());
    let mut term = start(relay.path(), &[]);
    term.press("8");
    term.wait_for("lists the stick tables");
    let_polls_pass(&term, &relay);
    assert_eq!(sent(&relay, "show table"), 0, "nothing is asked by itself");
    term.press("<ret>");
    let screen = term.wait_for("1 of 1 tables");
    let line = screen.lines().find(|line| line.trim_start().starts_with("clients")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words, ["clients", "string", "3", "100", "3.0%"], "{screen}");
    // The list costs HAProxy little, so its pause is short.
    term.press("rr");
    term.wait_for("not more often than every 1 s: again in 1 s");
    term.press("<ret>");
    let screen = term.wait_for("clients: 3 entries");
    // The counter they are sorted by is the first one of the table; the next one is the count of requests.
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
    assert_eq!(sent(&relay, "show table clients"), 1);
    term.press("<esc>");
    term.wait_for("1 of 1 tables");
}

#[test]
fn the_command_line_answers_completes_and_recalls() {
    let lab = Lab::builder().backends(2).servers(1).start();
    let mut term = start(lab.admin(), &[]);
    term.press("5");
    term.wait_for("HAProxy's own commands");
    term.press("show info<ret>");
    term.wait_until(|screen| screen.contains("Tainted: 0") && last_typed(screen) == ">");
    // The answer is longer than the screen; its end is shown first.
    let pid = format!("Pid: {}", lab.info("Pid"));
    for _ in 0..6 {
        if term.screen().contains(&pid) {
            break;
        }
        term.press("<pgup>");
        term.wait_read();
        thread::sleep(Duration::from_millis(60));
    }
    term.wait_for(&pid);
    term.press("<up>");
    term.wait_until(|screen| last_typed(screen) == "> show info");
    term.press("<c-u>show inf");
    // The first one asks for the commands that this HAProxy knows.
    wait_until("show info to be completed", || {
        term.press("<tab>");
        term.wait_read();
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
    // Another run, the same person.
    let builder = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(140, 40);
    let mut again = builder.env("HOME", term.home()).start();
    again.wait_for("live");
    again.press("5<up>");
    again.wait_until(|screen| last_typed(screen) == "> get weight be2/s1");
    again.press("<up>");
    again.wait_until(|screen| last_typed(screen) == "> show info");
}

/// The line being typed: the last one of the command line. Far to its right stands how much is below.
fn last_typed(screen: &str) -> &str {
    let line = screen.lines().rfind(|line| line.starts_with(" >")).unwrap_or_default().trim();
    line.split("   ").next().unwrap_or_default()
}

#[test]
fn a_line_that_may_change_haproxy_is_asked_about() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = start(relay.path(), &[]);
    term.press("5");
    for no in ["n", "<esc>"] {
        term.press("set server be1/s2 state maint<ret>");
        term.wait_for("this line may change HAProxy");
        let_polls_pass(&term, &relay);
        thread::sleep(TYPE_AHEAD);
        term.press(no);
        term.wait_gone("this line may change HAProxy");
        term.wait_for("nothing was sent");
    }
    assert_eq!(relay.acts(), [""; 0]);
    term.press("set server be1/s2 state maint<ret>");
    term.wait_for("this line may change HAProxy");
    thread::sleep(TYPE_AHEAD);
    term.press("y");
    // HAProxy says nothing to what it does, and that is shown too.
    term.wait_for("(HAProxy answered nothing: so it does when a change succeeds)");
    assert_eq!(lab.stat("be1", "s2", "status"), "MAINT");
    assert_eq!(relay.acts(), ["set server be1/s2 state maint"]);
    // What HAProxy answers stands below it.
    term.press("set server be1/nobody state maint<ret>");
    term.wait_for("this line may change HAProxy");
    thread::sleep(TYPE_AHEAD);
    term.press("y");
    term.wait_for("No such server.");
}

#[test]
fn read_only_refuses_a_line_that_may_change_haproxy() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = start(relay.path(), &["--read-only"]);
    term.press("5");
    term.wait_for("commands that only read");
    term.press("set server be1/s2 state maint<ret>");
    term.wait_for("hapulse runs read-only");
    assert!(!term.screen().contains("this line may change HAProxy"), "{}", term.screen());
    let_polls_pass(&term, &relay);
    assert_eq!(relay.acts(), [""; 0]);
    assert_eq!(lab.stat("be1", "s2", "status"), "no check");
    term.press("get weight be1/s2<ret>");
    term.wait_for("1 (initial 1)");
}

#[test]
fn hostile_bytes_in_an_answer_never_reach_the_terminal() {
    let lab = Lab::builder().start();
    let hostile = b"harmless\n\x1b]0;owned\x07\x1b[31mred\x9b2J \xc2\x9b5m \x0e\x08\x7f\x90q\x9c\r<END>\n\n";
    let answers = Answers::recorded(&lab, &["show info", "show stat", "show cli level"]).on("show errors", hostile);
    let fake = Fake::recorded(answers);
    let mut term = start(fake.path(), &[]);
    term.press("5");
    term.wait_for("HAProxy's own commands");
    term.press("show errors<ret>");
    let screen = term.wait_for("<END>");
    assert!(screen.contains("\\x1b]0;owned\\x07\\x1b[31mred"), "{screen}");
    let raw = term.raw();
    assert_eq!(strange(&raw), [""; 0]);
    let is_written = |sequence: &[u8]| raw.windows(sequence.len()).any(|piece| piece == sequence);
    assert!(![&b"\x1b]"[..], b"\x1bP", b"\x1b[31mred"].into_iter().any(is_written));
}

#[test]
fn impatience_takes_no_more_than_two_places_for_questions() {
    let lab = Lab::builder().start();
    let answers = Answers::recorded(&lab, &["show info", "show stat", "show cli level", "show version"]);
    let places = Arc::new(Mutex::new((0, 0)));
    let taken = Arc::clone(&places);
    let fake = Fake::unix(move |line, stream| {
        let change = |by: i32| {
            let mut places = taken.lock().unwrap();
            places.0 += by;
            places.1 = places.1.max(places.0);
        };
        if line == "show version" {
            change(1);
            thread::sleep(Duration::from_millis(200));
            change(-1);
        }
        let _ = stream.write_all(&answers.reply(line));
    });
    let mut term = start(fake.path(), &[]);
    term.press("5");
    (0..9).for_each(|_| term.press("show version<ret>"));
    let asked = || fake.received().iter().filter(|line| *line == "show version").count();
    wait_until("every answer", || asked() == 9 && places.lock().unwrap().0 == 0);
    assert_eq!(places.lock().unwrap().1, 2);
    // Polls went on meanwhile, and go on.
    term.press("<a-0>");
    term.wait_for("live ");
}
