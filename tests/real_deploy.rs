//! `hapulse drain`, `maint` and `ready` against a real HAProxy, as deploy scripts use them: exit codes, what is said,
//! what is sent, and what is left behind when something comes between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/meddle.rs"]
mod meddle;
#[path = "support/script.rs"]
mod script;
mod support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use hapulse::actions::audit::actor::Actor;
use meddle::{Meddler, Meddling};
use script::{Ran, Script};
use support::{Answer, Lab, Relay, Term, Traffic, wait_until};

const SLOW: Answer = Answer::Slow(Duration::from_mins(1));

#[track_caller]
fn says(ran: &Ran, code: i32, out: &[&str], err: &[&str]) {
    assert_eq!(ran.code, code, "{ran:#?}");
    for (text, words) in [(&ran.out, out), (&ran.err, err)] {
        for words in words {
            assert!(text.contains(words), "{words:?} is not in\n{ran:#?}");
        }
    }
}

/// A lab whose server `be1/s1` holds sessions that do not end.
fn lab_with_slow_sessions(count: usize) -> (Lab, support::traffic::Running) {
    let lab = Lab::builder().servers(3).answer("be1/s1", SLOW).cookie().start();
    let traffic = Traffic::to(lab.frontend_addr()).header("Cookie: SRV=s1").workers(count).start();
    lab.wait_stat("be1", "s1", "scur", |sessions| sessions == count.to_string());
    (lab, traffic)
}

#[test]
fn a_drained_server_is_waited_for_under_traffic() {
    let lab = Lab::builder().answer("be1/s1", Answer::Slow(Duration::from_millis(300))).start();
    let traffic = Traffic::to(lab.frontend_addr()).workers(6).start();
    wait_until("traffic", || traffic.counts().ok > 20);
    let script = Script::new();
    let ran = script.run(lab.admin(), "drain be1/s1 --wait 20s --yes -i 0.2 --reason deploy");
    says(&ran, 0, &["found be1/s1: no check for ", "set server be1/s1 state drain: verified, DRAIN, "], &[]);
    says(&ran, 0, &["until the deadline\n", "be1/s1 is drained"], &[]);
    assert_eq!(ran.err, "");
    assert_eq!((lab.stat("be1", "s1", "status"), lab.stat("be1", "s1", "scur")), ("DRAIN".into(), "0".into()));
    assert_eq!(traffic.stop().failed, 0);
    let acts = script.acts();
    assert!(acts[0].starts_with("be1/s1  state drain  verified, DRAIN, ") && acts[0].ends_with("reason: deploy"));
    assert!(std::fs::read_to_string(script.audit()).unwrap().contains(r#""tool":"hapulse drain""#));
}

#[test]
fn maintenance_comes_once_all_are_empty() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let ran = Script::new().run(relay.path(), "drain be1/s1 be1/s2 --wait 20s --then maint --yes -i 0.1");
    says(&ran, 0, &["be1/s1 is drained", "be1/s2 is drained", "set server be1/s2 state maint: verified, MAINT"], &[]);
    let orders = ["be1/s1 state drain", "be1/s2 state drain", "be1/s1 state maint", "be1/s2 state maint"];
    assert_eq!(relay.acts(), orders.map(|order| format!("set server {order}")));
}

#[test]
fn without_a_wait_it_ends_with_what_is_left() {
    let (lab, _traffic) = lab_with_slow_sessions(2);
    let ran = Script::new().run(lab.admin(), "drain be1/s1 --yes");
    says(&ran, 0, &["found be1/s1: no check for", ", 2 sessions\n", "verified, DRAIN, 2 sessions left"], &[]);
}

#[test]
fn a_deadline_that_passes_is_told_with_what_is_left_and_the_way_back() {
    let (lab, traffic) = lab_with_slow_sessions(1);
    let script = Script::new();
    let ran = script.run(lab.admin(), "drain be1/s1 be1/s2 --wait 1s --then maint --yes --force -i 0.2");
    let back = format!("to bring them back: hapulse ready --target {} be1/s1 be1/s2", lab.admin().display());
    says(
        &ran,
        4,
        &["be1/s2 is drained"],
        &[
            "hapulse: the deadline of 1 s passed, and be1/s1 is not drained\n",
            "maintenance was not set",
            "be1/s1 is in DRAIN, 1 session\n",
            "be1/s2 is in DRAIN, 0 sessions\n",
            &back,
        ],
    );
    for server in ["s1", "s2"] {
        assert_eq!(lab.stat("be1", server, "status"), "DRAIN");
    }
    drop(traffic);
    lab.ask("shutdown sessions server be1/s1");
    let again = script.run(lab.admin(), "drain be1/s1 be1/s2 --wait 20s --then maint --yes --force -i 0.1");
    says(&again, 0, &["be1/s1 drains already: nothing to send", "be1/s1 state maint: verified"], &[]);
}

#[test]
fn what_cannot_be_is_refused_with_its_own_code_and_nothing_is_sent() {
    let lab = Lab::builder().backends(2).servers(2).start();
    let relay = Relay::to(lab.admin());
    let script = Script::new();
    let run = |args: &str| script.run(relay.path(), args);
    says(&run("drain be1/s9 --yes"), 1, &[], &["be1/s9: HAProxy does not list it; be1 has s1, s2\n"]);
    says(&run("maint be9/s1 be1/s1 --yes"), 1, &[], &["its backends are be1, be2"]);
    says(&run("drain be1/s1 be1/s2 --yes"), 1, &[], &["refused: no server of be1 would be left", "; --force does"]);
    says(&run("maint be1/s1 be2/s1 --yes"), 1, &[], &["refused: servers of several backends at once"]);
    says(&run("maint be1/s1 --yes --read-only"), 1, &[], &["hapulse runs read-only: for maintenance"]);
    says(&run("drain be1/s1"), 2, &[], &["there is no terminal to ask on", "add --yes"]);
    for usage in [
        "drain be1",
        "drain",
        "ready be1/s1 --wait soon",
        "drain be1/s1 --then maint",
        "maint be1/s1 --force",
        "maint be1/s1 -s x",
    ] {
        assert_eq!(run(usage).code, 2, "{usage}");
    }
    assert_eq!(relay.acts(), [""; 0]);
    let operator = script.run(lab.operator(), "maint be1/s1 --yes");
    says(
        &operator,
        1,
        &[],
        &["maintenance needs level admin, this socket has operator: \"stats socket … level admin\" in haproxy.cfg"],
    );
    let nowhere = lab.admin().with_file_name("none.sock");
    says(&script.run(&nowhere, "ready be1/s1 --yes"), 3, &[], &["none.sock: cannot connect", "level admin"]);
    says(&run("maint be1/s1 be1/s2 --yes --force"), 0, &["warning: no server of be1 would be left"], &[]);
    assert_eq!(relay.acts().len(), 2);
}

#[test]
fn a_configuration_may_forbid_acts_want_reasons_and_an_audit() {
    let lab = Lab::builder().servers(3).start();
    let (script, relay) = (Script::new(), Relay::to(lab.admin()));
    script.configure("[audit]\nask_reason = true\n");
    let run = |args: &str| script.run(relay.path(), args);
    says(&run("drain be1/s1 --yes"), 2, &[], &["audit.ask_reason is set", "add --reason TEXT"]);
    says(&run("drain be1/s1 --yes --reason deploy"), 0, &[], &[]);
    assert!(script.acts()[0].ends_with("reason: deploy"));
    script.configure("[audit]\npath = \"/proc/none\"\n");
    says(&run("drain be1/s2 --yes"), 1, &[], &["state drain: not sent: the audit /proc/none: ", "be1/s2 is no check"]);
    script.configure("read_only = true\n");
    says(&run("drain be1/s2 --yes"), 1, &[], &["hapulse runs read-only"]);
    assert_eq!(relay.acts(), ["set server be1/s1 state drain"]);
}

#[test]
fn what_is_so_already_is_not_sent_again() {
    let lab = Lab::builder().servers(3).start();
    let (script, relay) = (Script::new(), Relay::to(lab.admin()));
    let run = |args: &str| script.run(relay.path(), args);
    says(&run("ready be1/s1 --wait 5s --yes -i 0.1"), 0, &["be1/s1 is enabled already: nothing to send"], &[]);
    lab.ask("set server be1/s1 state drain");
    says(&run("drain be1/s1 be1/s1 --wait 5s --yes -i 0.1"), 0, &["be1/s1 drains already", "be1/s1 is drained"], &[]);
    lab.ask("set server be1/s1 state maint");
    says(&run("maint be1/s1 --yes"), 0, &["be1/s1 is in maintenance already"], &[]);
    let then = run("drain be1/s1 --wait 5s --then maint --yes -i 0.1");
    says(&then, 0, &["be1/s1 is in maintenance already", "be1/s1 is in maintenance without a session"], &[]);
    assert_eq!(relay.acts(), [""; 0]);
    says(&run("drain be1/s1 --yes"), 0, &["found be1/s1: MAINT", "verified, DRAIN"], &[]);
    assert_eq!(relay.acts(), ["set server be1/s1 state drain"]);
}

#[test]
fn on_a_terminal_it_asks_first() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let start = |args: &str| {
        Term::builder()
            .args(args.split(' '))
            .args(["--target".as_ref(), relay.path().as_os_str()])
            .size(100, 30)
            .start()
    };
    let mut term = start("drain be1/s2 --wait 20s --then maint -i 0.1");
    let screen = term.wait_for("Do it? [y/N]");
    for line in [
        "found be1/s2: no check for",
        "  set server be1/s2 state drain",
        "  once empty: set server be1/s2 state maint",
        "  now    no check, 0 sessions, 0 queued, weight 1",
        "  after  3 of 4 servers usable, 75 % of the weight",
    ] {
        assert!(screen.contains(line), "{line}\n{screen}");
    }
    assert_eq!(relay.acts(), [""; 0]);
    term.press("y<ret>");
    assert_eq!(term.exit_code(), 0);
    let screen = term.screen();
    assert!(screen.contains("set server be1/s2 state maint: verified, MAINT"), "{screen}");
    assert!(!screen.contains("until the deadline"), "progress is gone at the end\n{screen}");
    assert_eq!(relay.acts().len(), 2);
    for no in ["n<ret>", "<ret>", "<c-d>", "x<ret>"] {
        let mut term = start("maint be1/s3");
        term.wait_for("Do it? [y/N]");
        term.press(no);
        assert_eq!(term.exit_code(), 1, "{no}");
        assert!(term.screen().contains("nothing was sent"));
    }
    let mut term = start("maint be1/s3");
    term.wait_for("Do it? [y/N]");
    term.press("<c-c>");
    assert_eq!(term.exit_code(), 130);
    assert!(term.screen().contains("stopped by SIGINT: nothing was sent"), "{}", term.screen());
    assert_eq!(relay.acts().len(), 2);
}

#[test]
fn on_a_terminal_the_last_server_wants_its_name_and_a_configuration_a_reason() {
    let lab = Lab::builder().start();
    lab.ask("disable server be1/s2");
    let relay = Relay::to(lab.admin());
    let start = || {
        let builder = Term::builder().args(["maint", "be1/s1", "--target"]).args([relay.path()]).size(100, 30);
        let folder = builder.home().join(".config/hapulse");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.toml"), "[audit]\nask_reason = true\n").unwrap();
        builder.start()
    };
    let mut term = start();
    term.wait_for("Reason:");
    term.press("kernel<ret>");
    let screen = term.wait_for("type s1 to do it:");
    assert!(screen.contains("!      no server of be1 would be left"), "{screen}");
    term.press("y<ret>");
    assert_eq!(term.exit_code(), 1);
    assert!(term.screen().contains("that is not s1: nothing was sent"));
    assert_eq!(relay.acts(), [""; 0]);
    let mut term = start();
    term.wait_for("Reason:");
    term.press("kernel<ret>");
    term.wait_for("type s1 to do it:");
    term.press("s1<ret>");
    assert_eq!(term.exit_code(), 0);
    let audit = std::fs::read_to_string(term.home().join(".local/state/hapulse/audit.jsonl")).unwrap();
    assert!(audit.contains(r#""reason":"kernel""#), "{audit}");
}

#[test]
fn what_was_typed_before_the_question_is_no_answer() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let mut term = Term::builder().args(["maint", "be1/s2", "--target"]).args([relay.path()]).size(100, 30).start();
    term.paste(b"y\r");
    term.wait_for("Do it? [y/N]");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(relay.acts(), [""; 0]);
    term.press("y<ret>");
    assert_eq!(term.exit_code(), 0);
    assert_eq!(lab.stat("be1", "s2", "status"), "MAINT");
}

#[test]
fn what_changed_while_one_was_asked_is_asked_again() {
    let lab = Lab::builder().servers(4).start();
    let mut term = Term::builder().args(["drain", "be1/s2", "--target"]).args([lab.admin()]).size(100, 30).start();
    term.wait_for("Do it? [y/N]");
    lab.ask("set server be1/s2 state maint");
    term.press("y<ret>");
    let screen = term.wait_for("asked again");
    assert!(screen.contains("be1/s2 changed meanwhile"), "{screen}");
    term.wait_for("found be1/s2: MAINT");
    assert_eq!(lab.stat("be1", "s2", "status"), "MAINT");
}

#[test]
fn it_stops_at_the_first_failure_and_tells_what_was_not_touched() {
    let lab = Lab::builder().servers(5).start();
    let meddler = Meddler::before(lab.admin(), "s2 state drain", Meddling::Lose);
    let ran = Script::new().run(meddler.path(), "drain be1/s1 be1/s2 be1/s3 --wait 5s --yes --force");
    let back = format!("to bring it back: hapulse ready --target {} be1/s1\n", meddler.path().display());
    says(
        &ran,
        1,
        &["set server be1/s1 state drain: verified, DRAIN"],
        &[
            "set server be1/s2 state drain: sent, but HAProxy closed the connection",
            "not sent: set server be1/s3 state drain",
            "be1/s1 is in DRAIN, 0 sessions\n",
            "be1/s2 is no check, 0 sessions\n",
            "be1/s3 is no check, 0 sessions; nothing was sent to it\n",
            &back,
        ],
    );
    assert_eq!(meddler.acts().len(), 2);
}

#[test]
fn a_signal_ends_the_wait_and_the_state_is_told() {
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let (lab, _traffic) = lab_with_slow_sessions(1);
        let script = Script::new();
        let running = script.start(lab.admin(), "drain be1/s1 --wait 5m --then maint --yes -i 0.1");
        running.wait_for("1 session; ");
        running.signal(name);
        let ran = running.end();
        let (stopped, back) = (format!("hapulse: stopped by SIG{name}\n"), "to bring it back: hapulse ready --target");
        says(&ran, code, &[], &[&stopped, "be1/s1 is in DRAIN, 1 session\n", back]);
        assert_eq!(lab.stat("be1", "s1", "status"), "DRAIN");
    }
}

#[test]
fn a_command_under_way_is_finished_before_a_signal_is_obeyed() {
    let lab = Lab::builder().servers(5).start();
    let meddler = Meddler::before(lab.admin(), "s1 state drain", Meddling::Late(Duration::from_secs(1)));
    let script = Script::new();
    let running = script.start(meddler.path(), "drain be1/s1 be1/s2 --yes");
    wait_until("the first command", || meddler.acts().len() == 1);
    running.signal("INT");
    let ran = running.end();
    says(
        &ran,
        130,
        &["set server be1/s1 state drain: verified"],
        &["not sent: set server be1/s2", "be1/s1 is in DRAIN"],
    );
    says(&ran, 130, &[], &["be1/s2 is no check, 0 sessions; nothing was sent to it"]);
    assert_eq!(script.acts(), ["be1/s1  state drain  verified, DRAIN, 0 sessions left"]);
    assert_eq!(meddler.acts().len(), 1);
}

#[test]
fn killed_in_the_middle_of_a_command_the_next_run_says_so() {
    let lab = Lab::builder().servers(3).start();
    let meddler = Meddler::before(lab.admin(), "state drain", Meddling::Keep);
    let script = Script::new();
    let running = script.start(meddler.path(), "drain be1/s1 --wait 5m --yes");
    wait_until("the command", || lab.stat("be1", "s1", "status") == "DRAIN");
    running.signal("KILL");
    assert_eq!(running.end().code, -1);
    assert_eq!(script.acts(), ["be1/s1  state drain  sent, end unknown"]);
    let ran = script.run(meddler.path(), "drain be1/s1 --wait 20s --yes -i 0.1");
    let who = Actor::of_process().user;
    let found = format!(", ordered by {who}, 0 sessions\n  an act of {who} at 20");
    let unfinished = " has no end in the audit: set server be1/s1 state drain\nbe1/s1 drains already";
    says(&ran, 0, &["found be1/s1: DRAIN for", &found, unfinished, "be1/s1 is drained"], &[]);
}

#[test]
fn killed_while_it_waits_the_next_run_finds_the_drain_and_goes_on() {
    let (lab, traffic) = lab_with_slow_sessions(1);
    let script = Script::new();
    let running = script.start(lab.admin(), "drain be1/s1 --wait 5m --then maint --yes -i 0.1");
    running.wait_for("1 session; ");
    running.signal("KILL");
    running.end();
    drop(traffic);
    lab.ask("shutdown sessions server be1/s1");
    let ran = script.run(lab.admin(), "drain be1/s1 --wait 20s --then maint --yes -i 0.1");
    let ordered = format!(", ordered by {}, ", Actor::of_process().user);
    says(&ran, 0, &["found be1/s1: DRAIN for", &ordered, "be1/s1 state maint: verified, MAINT"], &[]);
    assert!(!ran.out.contains("no end in the audit"), "{ran:?}");
}

#[test]
fn a_reload_that_loses_the_drain_is_told() {
    let (lab, _traffic) = lab_with_slow_sessions(1);
    let script = Script::new();
    let running = script.start(lab.admin(), "drain be1/s1 --wait 5m --yes -i 0.1");
    running.wait_for("1 session; ");
    lab.reload();
    let ran = running.end();
    let lost = "hapulse: the reload lost the drain of be1/s1: it is no check now\n";
    says(&ran, 1, &["HAProxy was reloaded, pid "], &[lost, "be1/s1 is no check"]);
}

#[test]
fn a_restart_is_waited_for_and_what_somebody_else_changed_is_told() {
    let (lab, _traffic) = lab_with_slow_sessions(1);
    let script = Script::new();
    let running = script.start(lab.admin(), "drain be1/s1 --wait 5m --then maint --yes -i 0.1");
    running.wait_for("1 session; ");
    lab.ask("set server be1/s1 state ready");
    let ran = running.end();
    let changed = "somebody else changed be1/s1: it is no check now, and not drain\n  maintenance was not set";
    says(&ran, 1, &[], &[changed]);
    let running = script.start(lab.admin(), "drain be1/s1 --wait 5m --yes -i 0.1");
    running.wait_for("1 session; ");
    lab.kill9();
    running.wait_for("HAProxy does not answer: cannot connect");
    lab.restart();
    says(&running.end(), 1, &[], &["the reload lost the drain of be1/s1"]);
}

#[test]
fn a_deadline_counts_while_haproxy_does_not_answer() {
    let (lab, _traffic) = lab_with_slow_sessions(1);
    let script = Script::new();
    let running = script.start(lab.admin(), "drain be1/s1 --wait 3s --yes -i 0.1");
    running.wait_for("1 session; ");
    lab.stop_process();
    let begun = Instant::now();
    let ran = running.end();
    lab.cont_process();
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    let told = [
        "the deadline of 3 s passed",
        "HAProxy has not answered for",
        "as it was seen last:",
        "is in DRAIN, 1 session",
    ];
    says(&ran, 4, &[], &told);
}

#[test]
fn an_enabled_server_is_waited_for_until_its_checks_find_it_well() {
    let lab = Lab::builder().servers(3).checks().start();
    let script = Script::new();
    lab.wait_stat("be1", "s1", "status", |status| status == "UP");
    says(&script.run(lab.admin(), "maint be1/s1 --yes"), 0, &["verified, MAINT"], &[]);
    lab.set_answer("be1/s1", Answer::Closed);
    let late = script.run(lab.admin(), "ready be1/s1 --wait 2s --yes -i 0.1");
    let back = format!("to bring it back: hapulse maint --target {} be1/s1", lab.admin().display());
    says(&late, 4, &[], &["the deadline of 2 s passed, and be1/s1 is not usable\n", "be1/s1 is DOWN", &back]);
    let running = script.start(lab.admin(), "ready be1/s1 --wait 20s --yes -i 0.1");
    running.wait_for("be1/s1: DOWN L4CON Connection refused; ");
    lab.set_answer("be1/s1", Answer::Ok);
    says(&running.end(), 0, &["be1/s1 is enabled already", "be1/s1 is UP"], &[]);
    lab.wait_stat("be1", "s1", "status", |status| status == "UP");
}

#[test]
fn a_drain_that_is_down_meanwhile_is_followed() {
    let lab = Lab::builder().servers(3).checks().start();
    lab.wait_stat("be1", "s1", "status", |status| status == "UP");
    let script = Script::new();
    lab.ask("set server be1/s1 state drain");
    lab.set_answer("be1/s1", Answer::Closed);
    lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    let ran = script.run(lab.admin(), "drain be1/s1 --wait 20s --yes -i 0.1");
    says(&ran, 0, &["found be1/s1: DOWN for", ", in drain, ", "drains already", "be1/s1 is drained"], &[]);
}

#[test]
fn nobody_reading_does_not_stop_it_half_way() {
    let lab = Lab::builder().servers(3).start();
    let script = Script::new();
    let mut command = script.command(lab.admin(), "drain be1/s1 --wait 20s --then maint --yes -i 0.1");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(lab.stat("be1", "s1", "status"), "MAINT");
    assert_eq!(script.acts().len(), 2);
}

/// Each server in turn is taken out, restarted and brought back; nobody notices.
fn rolling_deploy(drain: &str, is_down_seen: bool) {
    let lab = Lab::builder().servers(4).checks().start();
    for server in ["s1", "s2", "s3", "s4"] {
        lab.wait_stat("be1", server, "status", |status| status == "UP");
    }
    let kept = Traffic::to(lab.frontend_addr()).keep_alive().workers(6).start();
    let fresh = Traffic::to(lab.frontend_addr()).workers(2).start();
    wait_until("traffic", || kept.counts().ok > 100 && fresh.counts().ok > 10);
    let script = Script::new();
    for server in ["s1", "s2", "s3", "s4"] {
        let name = format!("be1/{server}");
        let before = lab.server(&name).requests();
        assert!(before > 0, "{name} has its share");
        says(&script.run(lab.admin(), &drain.replace("SERVER", &name)), 0, &["is drained"], &[]);
        let drained = lab.server(&name).requests();
        lab.set_answer(&name, Answer::Closed);
        if is_down_seen {
            lab.wait_stat("be1", server, "status", |status| status == "DOWN");
        }
        assert_eq!(lab.server(&name).requests(), drained, "nothing reaches what is drained");
        lab.set_answer(&name, Answer::Ok);
        says(&script.run(lab.admin(), &format!("ready {name} --wait 20s --yes -i 0.1")), 0, &[" is UP"], &[]);
        wait_until("requests at the new one", || lab.server(&name).requests() > drained);
    }
    let counts = [kept.stop(), fresh.stop()];
    println!("rolling deploy: {counts:?}");
    for (server, column) in ["s1", "s2", "s3", "s4"].iter().flat_map(|server| [(server, "econ"), (server, "wretr")]) {
        assert_eq!(lab.stat("be1", server, column), "0", "{column} of {server}: nothing was tried in vain either");
    }
    assert!(counts.iter().all(|counts| counts.failed == 0), "{counts:?}");
    assert_eq!(script.acts().len(), if drain.contains("maint") { 12 } else { 8 });
}

#[test]
fn a_rolling_deploy_through_maintenance_fails_no_request() {
    rolling_deploy("drain SERVER --wait 20s --then maint --yes -i 0.1", false);
}

#[test]
fn a_rolling_deploy_in_drain_fails_no_request() {
    rolling_deploy("drain SERVER --wait 20s --yes -i 0.1", true);
}
