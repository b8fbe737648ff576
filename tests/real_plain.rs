//! `hapulse --plain` on a real HAProxy: an incident followed in lines, typed commands, questions and their answers, stopped
//! terminals and pipes, and how a session ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/incident.rs"]
mod incident;
mod support;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use incident::{DEAD, ERRORS, Incident, QUEUE, WEB};
use support::{Lab, Relay, ServerBehavior, Term, UnreadTerminal, process, wait_for, wait_until};

/// Time after a question before an answer counts, and a little more.
const READING_TIME: Duration = Duration::from_millis(700);
/// Longer than a test takes.
const SLOW_REPLY: Duration = Duration::from_mins(5);

/// A session in a terminal.
struct PlainTerm {
    term: Term,
    /// Number of bytes of the output that were read.
    read: usize,
}

impl PlainTerm {
    fn start(targets: &[&Path]) -> Self {
        Self::start_with(targets, &["--plain", "-i", "0.2"], "", &[])
    }

    fn start_with(targets: &[&Path], args: &[&str], config: &str, env: &[(&str, &str)]) -> Self {
        let builder = Term::builder().config(config).args(args).args(targets).size(200, 60);
        let builder = env.iter().fold(builder, |builder, (name, value)| builder.env(name, value));
        let mut session = Self { term: builder.start(), read: 0 };
        session.wait("Type help for the commands.");
        session
    }

    fn output(&self) -> String {
        String::from_utf8_lossy(&self.term.raw()).replace('\r', "")
    }

    /// Waits for a line that contains the text, after the lines that were waited for before, and returns it.
    #[track_caller]
    fn wait(&mut self, text: &str) -> String {
        self.wait_for_one_of(&[text])
    }

    /// Waits for the line about the end of `SERVER: down`: that the server is up or, if it was down for longer, that the
    /// cause is resolved.
    #[track_caller]
    fn wait_up(&mut self, server: &str) -> String {
        let resolved = format!("{server}: down: L4CON");
        let line = self.wait_for_one_of(&[&format!("{server} is up: L4OK"), &resolved]);
        assert!(line.contains("is up") || line.contains("Resolved after "), "{line}");
        line
    }

    #[track_caller]
    fn wait_for_one_of(&mut self, texts: &[&str]) -> String {
        let start = self.read;
        let (line, end) = wait_for(&format!("{texts:?} in\n{}", self.output()), || {
            let output = self.output();
            let at = start + texts.iter().filter_map(|text| output[start..].find(text)).min()?;
            let end = at + output[at..].find('\n')?;
            let begin = output[..at].rfind('\n').map_or(0, |begin| begin + 1);
            Some((output[begin..end].to_owned(), end))
        });
        self.read = end;
        line
    }

    fn type_line(&mut self, line: &str) {
        self.term.paste(format!("{line}\n").as_bytes());
    }

    /// Waits for a question and answers it as a person does, who reads it first.
    fn answer(&mut self, question: &str, word: &str) {
        self.wait(question);
        self.wait("to send it; anything else cancels.");
        self.answer_open(word);
    }

    fn answer_open(&mut self, word: &str) {
        thread::sleep(READING_TIME);
        self.type_line(word);
    }

    /// Returns the number of lines that contain the text.
    fn count(&self, text: &str) -> usize {
        self.output().lines().filter(|line| line.contains(text)).count()
    }

    /// Ends the session and checks that it wrote no escape sequence.
    fn quit(mut self) {
        self.type_line("quit");
        assert_eq!(self.term.exit_code(), 0);
        self.assert_plain();
    }

    fn assert_plain(&self) {
        let output = self.output();
        assert!(output.chars().all(|ch| ch == '\n' || !ch.is_control()), "{output:?}");
    }
}

/// Runs `hapulse --plain` with this input from a pipe.
fn run_piped(target: &Path, args: &[&str], input: &str) -> Output {
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_hapulse"))
        .args(["--plain", "-i", "0.2"])
        .args(args)
        .arg(target)
        .env_clear()
        .env("HOME", home.path())
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn admin_state(lab: &Lab, server: &str) -> String {
    lab.server_state(server, "srv_admin_state")
}

#[test]
fn incident_can_be_followed_in_words() {
    let lab = Lab::builder().servers(3).checks().start();
    let mut session = PlainTerm::start(&[lab.admin()]);
    let start = session.output();
    assert!(start.contains("HAProxy ") && start.contains(" connections, "), "{start}");
    assert!(start.contains("3 servers up. Reading the first samples."), "{start}");
    session.wait("Nothing is wrong.");
    lab.set_server_behavior("be1/s2", ServerBehavior::Closed);
    let line = session.wait("be1/s2: down");
    assert!(line.contains(" WARNING: be1/s2: down: L4CON Connection refused"), "{line}");
    session.type_line("why s2");
    session.wait("be1/s2: DOWN");
    session.wait("WARNING: be1/s2: down: L4CON");
    session.wait("Peers: s1 UP");
    session.type_line("drain be1/s2");
    session.answer("Question: drain of be1/s2 on ", "yes");
    session.wait("set server be1/s2 state drain: verified");
    assert_eq!(admin_state(&lab, "be1/s2"), "8");
    session.wait("be1/s2 is empty: no sessions left");
    session.type_line("maint s2");
    session.answer("Command: set server be1/s2 state maint", "yes");
    session.wait("set server be1/s2 state maint: verified, MAINT");
    assert_eq!(admin_state(&lab, "be1/s2"), "1");
    lab.set_server_behavior("be1/s2", ServerBehavior::Ok);
    session.type_line("ready s2");
    session.answer("Command: set server be1/s2 state ready", "yes");
    session.wait("set server be1/s2 state ready: verified");
    assert_eq!(admin_state(&lab, "be1/s2"), "0");
    lab.wait_stat("be1", "s2", "status", |status| status == "UP");
    session.type_line("causes");
    session.type_line("events");
    session.wait("be1/s2 is empty: no sessions left");
    assert_eq!(session.count(" WARNING: be1/s2: down"), 1, "announced once: {}", session.output());
    // docs/plain.md quotes this transcript.
    println!("{}", session.output());
    session.quit();
}

#[test]
fn incident_with_several_causes_is_ended_in_lines() {
    let incident = Incident::start(&[&WEB, &QUEUE, &ERRORS, &DEAD]);
    incident.wait_until_up();
    let mut session = PlainTerm::start(&[incident.socket()]);
    session.wait("Nothing is wrong.");
    incident.app("web3").set_behavior(ServerBehavior::Slow(Duration::from_secs(1)));
    incident.app("err2").set_behavior(ServerBehavior::Status(500));
    incident.app("dead1").stop();
    incident.app("dead2").stop();
    for (row, what) in
        [("be_dead", "no server available"), ("be_errors/err2", "5xx"), ("be_web/web3", "slower than its")]
    {
        // The causes are found in any order.
        let is_announced = |line: &str| line.contains(&format!(" CRITICAL: {row}: ")) && line.contains(what);
        wait_until(&format!("{row} in\n{}", session.output()), || session.output().lines().any(is_announced));
    }
    session.type_line("causes");
    let cause = session.wait("What helps: drain the server, then look at its load");
    assert!(cause.contains("CRITICAL: be_web/web3: ") && cause.contains(" slower than its peers"), "{cause}");
    session.type_line("why web3");
    session.wait("Peers: web1 UP");
    incident.app("err2").set_behavior(ServerBehavior::Ok);
    incident.app("dead1").set_behavior(ServerBehavior::Ok);
    incident.app("dead2").set_behavior(ServerBehavior::Ok);
    session.type_line("drain web3");
    session.answer("Question: drain of be_web/web3 on ", "yes");
    session.wait("set server be_web/web3 state drain: verified");
    session.wait("be_web/web3 is empty: no sessions left");
    session.type_line("maint web3");
    session.answer("Command: set server be_web/web3 state maint", "yes");
    session.wait("set server be_web/web3 state maint: verified, MAINT");
    incident.app("web3").set_behavior(ServerBehavior::Ok);
    session.type_line("ready web3");
    session.answer("Command: set server be_web/web3 state ready", "yes");
    session.wait("set server be_web/web3 state ready: verified");
    let before = session.output().len();
    wait_until("the end of all causes", || {
        session.type_line("causes");
        thread::sleep(READING_TIME);
        session.output()[before..].contains("Nothing is wrong.")
    });
    session.quit();
}

#[test]
fn server_that_goes_down_and_comes_back_is_announced_once_each() {
    let lab = Lab::builder().servers(3).checks().start();
    let mut session = PlainTerm::start(&[lab.admin()]);
    lab.set_server_behavior("be1/s3", ServerBehavior::Closed);
    session.wait("be1/s3: down: L4CON Connection refused");
    lab.set_server_behavior("be1/s3", ServerBehavior::Ok);
    let up = session.wait_up("be1/s3");
    // Nothing more is said until another change.
    lab.send_write_command("set server be1/s1 state drain");
    session.wait("be1/s1 is in drain, set by another operator");
    let output = session.output();
    assert_eq!(session.count("be1/s3"), 2, "{up} in {output}");
    session.quit();
}

#[test]
fn cause_that_becomes_part_of_another_one_is_announced() {
    let lab = Lab::builder().servers(3).checks().start();
    let mut session = PlainTerm::start(&[lab.admin()]);
    session.wait("Nothing is wrong.");
    lab.set_server_behavior("be1/s2", ServerBehavior::Closed);
    session.wait(" WARNING: be1/s2: down: L4CON Connection refused");
    for server in ["be1/s1", "be1/s3"] {
        lab.set_server_behavior(server, ServerBehavior::Closed);
    }
    let is_announced = |session: &PlainTerm, words: [&str; 2]| {
        session.output().lines().any(|line| words.iter().all(|word| line.contains(word)))
    };
    for words in [
        [" CRITICAL: be1: no server available", ""],
        ["Now part of be1: no server available", ": be1/s2: down: L4CON Connection refused"],
    ] {
        wait_until(&format!("{words:?}"), || is_announced(&session, words));
    }
    for server in ["be1/s1", "be1/s2", "be1/s3"] {
        lab.set_server_behavior(server, ServerBehavior::Ok);
    }
    // The last of them may be that only some of the servers are down.
    wait_until("the end of the other cause", || is_announced(&session, ["Resolved after ", " be1: "]));
    session.quit();
}

#[test]
fn drain_announces_remaining_sessions() {
    let lab = Lab::builder().servers(3).cookie().server_behavior("be1/s2", ServerBehavior::Slow(SLOW_REPLY)).start();
    lab.open_requests(2);
    let mut session = PlainTerm::start(&[lab.admin()]);
    session.type_line("drain be1/s2");
    session.answer("Question: drain of be1/s2", "yes");
    session.wait("verified, DRAIN");
    session.wait("be1/s2: 2 sessions left");
    session.type_line("undo");
    session.wait("This undoes the drain of be1/s2");
    session.answer("Command: set server be1/s2 state ready", "yes");
    session.wait("set server be1/s2 state ready: verified");
    assert_eq!(admin_state(&lab, "be1/s2"), "0");
    session.type_line("undo");
    session.wait("nothing to undo");
    session.quit();
}

#[test]
fn question_is_answered_only_by_the_word_typed_after_it() {
    let lab = Lab::builder().servers(3).start();
    let mut session = PlainTerm::start(&[lab.admin()]);
    session.type_line("drain s1");
    session.answer("Question: drain of be1/s1", "y");
    session.wait("nothing was sent: the answer was not yes");
    session.term.paste(b"drain s1\nyes\n");
    session.wait("Question: drain of be1/s1");
    session.wait("discarded: that was pasted, or typed before the question could be read. Type yes to send it");
    session.answer_open("no");
    session.wait("nothing was sent: canceled");
    for pasted in ["drain be1/s1\ny\n", "drain be1/s1\nyes\nyes\nyes\n"] {
        session.term.paste(pasted.as_bytes());
        session.wait("Question: drain of be1/s1");
        session.wait("discarded: that was pasted");
        // A line that was pasted with others is not an answer either, however long the question has been open.
        session.answer_open("yes\nstatus");
        session.wait("discarded: that was pasted");
        session.answer_open("no");
        session.wait("nothing was sent: canceled");
    }
    assert_eq!(admin_state(&lab, "be1/s1"), "0");
    assert!(session.term.audit_records().is_empty());
    session.type_line("weight s1 50%");
    session.answer("Command: set server be1/s1 weight 50%", "yes");
    session.wait("set server be1/s1 weight 50%: ");
    assert_eq!(session.term.audit_records().len(), 2);
    session.quit();
}

#[test]
fn last_server_needs_its_name() {
    let lab = Lab::builder().servers(1).start();
    let mut session = PlainTerm::start(&[lab.admin()]);
    session.type_line("maint s1");
    session.wait("Warning: be1 would have no usable server");
    session.wait("This is dangerous. Type s1 to send it; anything else cancels.");
    session.answer_open("yes");
    session.wait("nothing was sent: the answer was not s1");
    session.type_line("maint s1");
    session.answer("Question: maintenance of be1/s1", "s1");
    session.wait("set server be1/s1 state maint: verified, MAINT");
    assert_eq!(admin_state(&lab, "be1/s1"), "1");
    session.quit();
}

#[test]
fn read_only_mode_refuses_actions() {
    let lab = Lab::builder().servers(2).start();
    let mut session = PlainTerm::start_with(&[lab.admin()], &["--plain", "-n"], "", &[]);
    session.type_line("drain s1");
    session.wait("nothing was sent: read-only mode: to use drain, start hapulse without --read-only");
    session.quit();
}

#[test]
fn required_reason_is_asked_and_recorded() {
    let lab = Lab::builder().servers(2).start();
    let config = "[audit]\nask_reason = true\n";
    let mut session = PlainTerm::start_with(&[lab.admin()], &["--plain", "-i", "0.2"], config, &[]);
    session.type_line("drain s1");
    session.wait("Type the reason; an empty line cancels.");
    session.answer_open("kernel update");
    session.answer("Question: drain of be1/s1", "yes");
    session.wait("set server be1/s1 state drain: verified");
    let records = session.term.audit_records();
    assert_eq!(records.last().unwrap()["reason"], "kernel update", "{records:?}");
    session.quit();
}

#[test]
fn names_and_commands_are_completed_or_explained() {
    let lab = Lab::builder().servers(3).backends(2).start();
    let mut session = PlainTerm::start(&[lab.admin()]);
    for (line, reply) in [
        ("darin s1", "unknown command darin; did you mean drain?"),
        ("drain s1", "s1 is ambiguous: be1/s1, be2/s1"),
        ("why be1/s9", "no server, backend or frontend is called be1/s9; did you mean be1/s1"),
        ("servers be2", "be2/s3: no check"),
        ("backends", "be2: UP, 3 of 3 servers usable"),
        ("watch be2/s2", "be2/s2 is watched"),
        ("watch", "be2/s2: no check"),
        ("stat", "Nothing is wrong."),
        ("\u{1b}]0;x\u{7}", "unknown command "),
    ] {
        session.type_line(line);
        session.wait(reply);
    }
    session.type_line("quit");
    assert_eq!(session.term.exit_code(), 0);
}

#[test]
fn reload_and_lost_connection_are_announced() {
    let lab = Lab::builder().servers(2).start();
    lab.send_write_command("set server be1/s1 state drain");
    let mut session = PlainTerm::start(&[lab.admin()]);
    lab.reload();
    session.wait("HAProxy was reloaded: process ");
    session.wait("be1/s1 lost its state in the reload");
    lab.kill();
    session.wait("connection to HAProxy lost: ");
    session.type_line("drain be1/s2");
    session.wait("nothing was sent: the connection to HAProxy is lost");
    session.type_line("status");
    session.wait("the numbers are old");
    lab.restart();
    session.wait("connection to HAProxy restored after ");
    session.quit();
}

#[test]
fn several_targets_are_named_in_each_line() {
    let (one, two) = (Lab::builder().servers(2).start(), Lab::builder().servers(2).start());
    let targets = [format!("lb1={}", one.admin().display()), format!("lb2={}", two.admin().display())];
    let targets: Vec<&Path> = targets.iter().map(Path::new).collect();
    let mut session = PlainTerm::start(&targets);
    assert!(session.output().contains("lb1: HAProxy ") && session.output().contains("lb2: HAProxy "));
    two.send_write_command("set server be1/s2 state maint");
    session.wait("lb2: be1/s2 is in maintenance, set by another operator");
    session.type_line("why be1/s2");
    session.wait("lb1: be1/s2: no check");
    session.wait("lb2: be1/s2: MAINT");
    session.type_line("ready be1/s2");
    session.wait("be1/s2 exists on lb1 and lb2; add the instance, such as: on lb1");
    session.type_line("ready be1/s2 on lb3");
    session.wait("no instance is called lb3; did you mean lb1, lb2?");
    session.type_line("ready be1/s2 on lb2");
    session.answer("Question: enable of be1/s2 on lb2?", "yes");
    session.wait("lb2: set server be1/s2 state ready: verified");
    assert_eq!((admin_state(&one, "be1/s2"), admin_state(&two, "be1/s2")), ("0".to_owned(), "0".to_owned()));
    session.type_line("undo on lb1");
    session.wait("lb1: nothing to undo");
    session.type_line("backends on lb2");
    session.wait("lb2: be1: UP");
    session.quit();
}

#[test]
fn instances_have_the_names_of_the_dashboard() {
    let lab = |node: &str| Lab::builder().servers(2).global(&format!("node {node}")).start();
    let (one, two) = (lab("east"), lab("west"));
    let mut session = PlainTerm::start(&[one.admin(), two.admin()]);
    let output = session.output();
    assert!(output.contains("east: HAProxy ") && output.contains("west: HAProxy "), "{output}");
    session.type_line("drain be1/s1 on west");
    session.answer("Question: drain of be1/s1 on west?", "yes");
    session.wait("west: set server be1/s1 state drain: verified");
    assert_eq!((admin_state(&one, "be1/s1"), admin_state(&two, "be1/s1")), ("0".to_owned(), "8".to_owned()));
    let path = one.admin().display().to_string();
    assert!(!session.output().contains(&path), "{}", session.output());
    session.type_line(&format!("status on {path}"));
    session.wait("east: HAProxy ");
    session.quit();
    let mut term = Term::builder().args([one.admin()]).size(120, 30).start();
    term.wait_for(" east ");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
    // Two of the same name are called by their addresses.
    let twin = lab("east");
    let session = PlainTerm::start(&[one.admin(), twin.admin()]);
    let output = session.output();
    for path in [one.admin(), twin.admin()] {
        assert!(output.contains(&format!("{}: HAProxy ", path.display())), "{output}");
    }
    session.quit();
}

#[test]
fn relative_socket_path_does_not_hide_the_name_of_the_node() {
    let lab = |node: &str| Lab::builder().servers(2).global(&format!("node {node}")).start();
    let (one, two) = (lab("east"), lab("west"));
    let root = "../".repeat(std::env::current_dir().unwrap().components().count() - 1);
    let relative = Path::new(&root).join(one.admin().strip_prefix("/").unwrap());
    let session = PlainTerm::start(&[&relative, two.admin()]);
    let output = session.output();
    assert!(output.contains("east: HAProxy ") && output.contains("west: HAProxy "), "{output}");
    session.quit();
}

#[test]
fn first_verdict_comes_after_the_rules_were_evaluated() {
    let lab = Lab::builder().servers(2).start();
    let mut session = PlainTerm::start(&[lab.admin()]);
    session.wait("Nothing is wrong.");
    let output = session.output();
    assert!(output.lines().next().unwrap().ends_with("2 servers up. Reading the first samples."), "{output}");
    session.type_line("status");
    session.wait("2 servers up. Nothing is wrong.");
    session.type_line("causes");
    session.wait("Nothing is wrong.");
    assert_eq!(session.count("Reading the first samples"), 1, "{}", session.output());
    session.quit();
    // Commands from a pipe wait for the verdict.
    let text = printed(&run_piped(lab.admin(), &[], "status\n"));
    let (_, reply) = text.split_once("Type help for the commands.\n").unwrap();
    assert!(reply.contains("2 servers up. Nothing is wrong."), "{text}");
    // The header of the dashboard does not claim more either.
    for (interval, shown, other) in [("60", "checking", "no problems"), ("0.2", "no problems", "checking")] {
        let mut term = Term::builder().args(["-i", interval]).args([lab.admin()]).size(120, 30).start();
        term.wait_until(|screen| screen.contains(shown) && !screen.contains(other));
        term.press("q");
        assert_eq!(term.exit_code(), 0);
    }
}

#[test]
fn why_names_rules_that_were_not_evaluated() {
    let lab = Lab::builder().servers(2).start();
    let mut session = PlainTerm::start(&[lab.admin()]);
    session.wait("Nothing is wrong.");
    session.type_line("why be1/s1");
    session.wait("No problem was found.");
    session.wait("not evaluated: ");
    assert_eq!(session.count("Nothing is wrong with it"), 0);
    session.quit();
}

/// Waits until HAProxy was polled three more times.
fn wait_for_polls(relay: &Relay) {
    let count = || relay.lines().iter().filter(|line| line.contains("show stat")).count();
    let start = count();
    wait_until("three more polls", || count() >= start + 3);
}

#[test]
fn stopped_terminal_stops_neither_polls_nor_signals() {
    let lab = Lab::builder().servers(3).start();
    let start = |relay: &Relay| {
        let mut session = PlainTerm::start(&[relay.path()]);
        session.wait("Nothing is wrong.");
        session
    };
    let relay = Relay::to(lab.admin());
    let mut session = start(&relay);
    session.term.set_frozen(true);
    for state in ["maint", "drain", "ready", "maint"] {
        lab.send_write_command(&format!("set server be1/s1 state {state}"));
        wait_for_polls(&relay);
    }
    session.term.set_frozen(false);
    // The newest state is announced, with the number of changes.
    session.wait("be1/s1 is in maintenance, set by another operator (3 changes in ");
    session.type_line("ready be1/s1");
    session.wait("Question: enable of be1/s1");
    session.answer_open("no");
    session.wait("nothing was sent: canceled");
    session.quit();
    // A question that the terminal did not show accepts no answer.
    let mut session = start(&relay);
    session.term.set_frozen(true);
    session.type_line("drain be1/s2");
    thread::sleep(READING_TIME);
    session.type_line("yes");
    wait_for_polls(&relay);
    session.term.set_frozen(false);
    session.wait("discarded: that was pasted, or typed before the question could be read");
    session.answer_open("yes");
    session.wait("set server be1/s2 state drain: verified");
    session.quit();
    for (end, code) in [("TERM", 143), ("HUP", 129), ("INT", 130), ("Ctrl-C", 130)] {
        let mut session = start(&relay);
        session.term.set_frozen(true);
        lab.send_write_command("set server be1/s3 state maint");
        wait_for_polls(&relay);
        lab.send_write_command("set server be1/s3 state ready");
        wait_for_polls(&relay);
        if end == "Ctrl-C" {
            session.term.paste(&[3]);
        } else {
            session.term.signal(end);
        }
        assert_eq!(session.term.exit_code(), code, "{end}");
    }
    assert_eq!(relay.write_commands(), ["set server be1/s2 state drain"]);
}

#[test]
fn stopped_terminal_stops_no_polls_of_a_drain_command() {
    let lab = Lab::builder().servers(3).cookie().server_behavior("be1/s2", ServerBehavior::Slow(SLOW_REPLY)).start();
    lab.open_requests(2);
    let relay = Relay::to(lab.admin());
    let args = ["drain", "be1/s2", "--yes", "--wait", "5m", "-i", "0.2", "--target"];
    let mut term = Term::builder().args(args).args([relay.path()]).size(100, 30).start();
    term.wait_for("verified, DRAIN, 2 sessions left");
    wait_for_polls(&relay);
    term.set_frozen(true);
    wait_for_polls(&relay);
    wait_for_polls(&relay);
    term.set_frozen(false);
    // The command ends as soon as the server is empty.
    lab.send_write_command("shutdown sessions server be1/s2");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn stopped_reader_of_a_terminal_does_not_keep_the_program() {
    let lab = Lab::builder().servers(60).start();
    let relay = Relay::to(lab.admin());
    let args = ["--plain".as_ref(), "-i".as_ref(), "0.2".as_ref(), relay.path().as_os_str()];
    for signal in ["TERM", "INT"] {
        let mut terminal = UnreadTerminal::start(args);
        // The replies are longer than what a terminal keeps.
        terminal.keys.write_all(b"\n").unwrap();
        for _ in 0..60 {
            terminal.keys.write_all(b"servers\n").unwrap();
        }
        wait_for_polls(&relay);
        process::signal(terminal.child.process_id().unwrap(), signal);
        wait_until("the end of the session", || terminal.child.try_wait().unwrap().is_some());
    }
}

#[test]
fn stopped_reader_of_a_pipe_gets_every_reply_in_the_end() {
    let lab = Lab::builder().servers(60).start();
    let relay = Relay::to(lab.admin());
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_hapulse"))
        .args(["--plain", "-i", "0.2"])
        .arg(relay.path())
        .env("HOME", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // More lines than are read ahead, and more replies than a pipe keeps. The rest waits in the pipe for the input.
    let commands = "servers\n".repeat(100) + "quit\n";
    input.write_all(commands.as_bytes()).unwrap();
    wait_for_polls(&relay);
    assert!(child.try_wait().unwrap().is_none(), "the replies were not read yet");
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text.matches("be1/s60: ").count(), 100, "{}", text.len());
}

#[test]
fn strange_lines_get_short_replies() {
    let lab = Lab::builder().servers(2).start();
    let mut session = PlainTerm::start(&[lab.admin()]);
    session.type_line(&"x".repeat(3000));
    session.wait(&format!("unknown command {}... (3000 characters)", "x".repeat(60)));
    session.term.paste(b"\xff\xfe\n");
    session.wait("unknown command ");
    session.type_line("");
    session.type_line(&format!("why {}", "y".repeat(200)));
    session.wait(&format!("is called {}... (200 characters)", "y".repeat(60)));
    session.term.resize(20, 5);
    session.type_line("backends");
    session.wait("be1: UP, 2 of 2 servers usable");
    session.quit();
}

#[test]
fn socket_without_rights_refuses_actions() {
    let lab = Lab::builder().servers(2).start();
    let mut session = PlainTerm::start(&[lab.user()]);
    session.type_line("drain be1/s1");
    session.wait("nothing was sent: ");
    assert_eq!(admin_state(&lab, "be1/s1"), "0");
    session.quit();
}

#[test]
fn pipe_runs_commands_and_ends_with_its_input() {
    let lab = Lab::builder().servers(3).start();
    let output = run_piped(lab.admin(), &[], "status\nservers\ndrain be1/s1\nyes\n");
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("be1/s3: no check"), "{text}");
    assert!(
        text.contains("nothing was sent: cannot ask for confirmation: no terminal; add --yes to the line"),
        "{text}"
    );
    assert_eq!(admin_state(&lab, "be1/s1"), "0");
    let text = printed(&run_piped(lab.admin(), &[], "drain be1/s1 --yes"));
    assert!(text.contains("set server be1/s1 state drain: verified"), "{text}");
    assert_eq!(admin_state(&lab, "be1/s1"), "8");
    let text = printed(&run_piped(lab.admin(), &[], "drain be1/s2 --yes\ndrain be1/s3 --yes\n"));
    assert!(text.contains("add --force to override"), "{text}");
    assert_eq!(admin_state(&lab, "be1/s3"), "0");
    let silent = run_piped(Path::new("/nonexistent/admin.sock"), &[], "status\n");
    assert_eq!(silent.status.code(), Some(3), "{}", printed(&silent));
    assert!(printed(&silent).contains("HAProxy does not answer: "), "{}", printed(&silent));
}

#[test]
fn help_matches_the_documentation() {
    let lab = Lab::builder().servers(1).start();
    let text = printed(&run_piped(lab.admin(), &[], "help\n"));
    let page = include_str!("../docs/plain.md");
    let lines: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("status: ")).collect();
    assert!(lines.len() > 10, "{text}");
    for line in lines.iter().take_while(|line| !line.starts_with("Commands and names")) {
        let (usage, help) = line.split_once(": ").unwrap();
        assert!(page.contains(&format!("| `{usage}` | {help} |")), "docs/plain.md lacks {line}");
    }
}

#[test]
fn session_ends_with_end_of_input_and_signals() {
    let lab = Lab::builder().servers(1).start();
    let start = || PlainTerm::start(&[lab.admin()]);
    let mut session = start();
    session.term.paste(&[4]);
    assert_eq!(session.term.exit_code(), 0, "Ctrl-D");
    let mut session = start();
    session.term.paste(&[3]);
    assert_eq!(session.term.exit_code(), 130, "Ctrl-C");
    for (name, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let mut session = start();
        session.type_line("maint s1");
        session.wait("to send it; anything else cancels.");
        session.term.signal(name);
        assert_eq!(session.term.exit_code(), code, "{name}");
        session.assert_plain();
    }
    assert_eq!(admin_state(&lab, "be1/s1"), "0");
}

#[test]
fn closed_pipe_ends_the_session_without_an_error() {
    let lab = Lab::builder().servers(2).start();
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_hapulse"))
        .args(["--plain", "-i", "0.2"])
        .arg(lab.admin())
        .env("HOME", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    // The reader is gone now; the next line finds that out.
    wait_until("the end of the session", || {
        let _ = child.stdin.as_mut().unwrap().write_all(b"status\n");
        child.try_wait().unwrap().is_some()
    });
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn dumb_terminals_and_the_setting_choose_lines() {
    let lab = Lab::builder().servers(1).start();
    let interval = ["-i", "0.2"];
    PlainTerm::start_with(&[lab.admin()], &interval, "", &[("TERM", "dumb")]).quit();
    PlainTerm::start_with(&[lab.admin()], &interval, "", &[("HAPULSE_PLAIN", "1")]).quit();
    PlainTerm::start_with(&[lab.admin()], &interval, "plain = true\n", &[]).quit();
    let mut term = Term::builder()
        .args([lab.admin()])
        .env("TERM", "dumb")
        .env("HAPULSE_PLAIN", "0")
        .config("plain = true\n")
        .start();
    term.wait_for("live");
    assert!(term.raw().contains(&0x1b));
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn locale_without_utf8_gets_ascii_only() {
    let lab = Lab::builder().servers(2).start();
    let mut session = PlainTerm::start_with(&[lab.admin()], &["--plain"], "", &[("LANG", "C")]);
    session.type_line("why é");
    session.wait("is called ");
    session.type_line("status");
    session.wait("Nothing is wrong.");
    session.type_line("quit");
    assert_eq!(session.term.exit_code(), 0);
    let typed = "why é";
    assert!(session.output().replace(typed, "").is_ascii(), "{}", session.output());
}

#[test]
fn demo_prints_lines_too() {
    let mut session = PlainTerm::start_with(&[], &["demo", "--plain"], "", &[]);
    assert!(session.output().contains("demo: HAProxy "), "{}", session.output());
    session.type_line("servers");
    session.wait(" UP, ");
    session.quit();
}
