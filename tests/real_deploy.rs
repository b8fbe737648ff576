//! `hapulse drain`, `maint` and `ready` against a real HAProxy, as deploy scripts use them: exit codes, output, commands
//! sent, and the state left after failures and interruptions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/faulty_relay.rs"]
mod faulty_relay;
#[path = "support/script.rs"]
mod script;
mod support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use faulty_relay::{FaultyRelay, RelayFault};
use hapulse::actions::audit::actor::Actor;
use script::{CommandResult, Script};
use support::actions::answer_prompt;
use support::{Lab, Relay, ServerBehavior, Term, Traffic, wait_until};

/// Longer than a test takes.
const SLOW: ServerBehavior = ServerBehavior::Slow(Duration::from_mins(1));

/// Asserts the exit code, and that standard output and standard error contain these texts.
#[track_caller]
fn assert_output(result: &CommandResult, code: i32, out: &[&str], err: &[&str]) {
    assert_eq!(result.code, code, "{result:#?}");
    for (text, expected) in [(&result.out, out), (&result.err, err)] {
        for expected in expected {
            assert!(text.contains(expected), "{expected:?} is not in\n{result:#?}");
        }
    }
}

/// Starts a lab with open sessions on server `be1/s1` that do not end.
fn lab_with_slow_sessions(count: usize) -> (Lab, support::traffic::RunningTraffic) {
    let lab = Lab::builder().servers(3).server_behavior("be1/s1", SLOW).cookie().start();
    let traffic = Traffic::to(lab.frontend_addr()).header("Cookie: SRV=s1").workers(count).start();
    lab.wait_stat("be1", "s1", "scur", |sessions| sessions == count.to_string());
    (lab, traffic)
}

#[test]
fn drain_waits_until_sessions_end_under_traffic() {
    let lab = Lab::builder().server_behavior("be1/s1", ServerBehavior::Slow(Duration::from_millis(300))).start();
    let traffic = Traffic::to(lab.frontend_addr()).workers(6).start();
    wait_until("traffic", || traffic.counts().ok > 20);
    let script = Script::new();
    let result = script.run(lab.admin(), "drain be1/s1 --wait 20s --yes -i 0.2 --reason deploy");
    assert_output(
        &result,
        0,
        &["found be1/s1: no check for ", "set server be1/s1 state drain: verified, DRAIN, "],
        &[],
    );
    assert_output(&result, 0, &["until the deadline\n", "be1/s1 is drained"], &[]);
    assert_eq!(result.err, "");
    assert_eq!((lab.stat("be1", "s1", "status"), lab.stat("be1", "s1", "scur")), ("DRAIN".into(), "0".into()));
    assert_eq!(traffic.stop().failed, 0);
    let audit_lines = script.audit_lines();
    assert!(
        audit_lines[0].starts_with("be1/s1  state drain  verified, DRAIN, ")
            && audit_lines[0].ends_with("reason: deploy")
    );
    assert!(std::fs::read_to_string(script.audit_path()).unwrap().contains(r#""tool":"hapulse drain""#));
}

#[test]
fn drain_then_maint_waits_until_all_servers_are_empty() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let result = Script::new().run(relay.path(), "drain be1/s1 be1/s2 --wait 20s --then maint --yes -i 0.1");
    assert_output(
        &result,
        0,
        &["be1/s1 is drained", "be1/s2 is drained", "set server be1/s2 state maint: verified, MAINT"],
        &[],
    );
    let commands = ["be1/s1 state drain", "be1/s2 state drain", "be1/s1 state maint", "be1/s2 state maint"];
    assert_eq!(relay.write_commands(), commands.map(|command| format!("set server {command}")));
}

#[test]
fn drain_without_wait_reports_remaining_sessions() {
    let (lab, _traffic) = lab_with_slow_sessions(2);
    let result = Script::new().run(lab.admin(), "drain be1/s1 --yes");
    assert_output(
        &result,
        0,
        &["found be1/s1: no check for", ", 2 sessions\n", "verified, DRAIN, 2 sessions left"],
        &[],
    );
}

#[test]
fn drain_deadline_reports_states_and_restore_command() {
    let (lab, traffic) = lab_with_slow_sessions(1);
    let script = Script::new();
    let result = script.run(lab.admin(), "drain be1/s1 be1/s2 --wait 1s --then maint --yes --force -i 0.2");
    let restore = format!("to restore them: hapulse ready --target {} be1/s1 be1/s2", lab.admin().display());
    assert_output(
        &result,
        4,
        &["be1/s2 is drained"],
        &[
            "hapulse: deadline of 1 s exceeded: be1/s1 is not drained\n",
            "maintenance was not set",
            "be1/s1 is in DRAIN, 1 session\n",
            "be1/s2 is in DRAIN, 0 sessions\n",
            &restore,
        ],
    );
    for server in ["s1", "s2"] {
        assert_eq!(lab.stat("be1", server, "status"), "DRAIN");
    }
    drop(traffic);
    lab.send_command("shutdown sessions server be1/s1");
    let second_run = script.run(lab.admin(), "drain be1/s1 be1/s2 --wait 20s --then maint --yes --force -i 0.1");
    assert_output(
        &second_run,
        0,
        &["be1/s1 is already draining: nothing to send", "be1/s1 state maint: verified"],
        &[],
    );
}

#[test]
fn refused_commands_exit_with_own_code_and_send_nothing() {
    let lab = Lab::builder().backends(2).servers(2).start();
    let relay = Relay::to(lab.admin());
    let script = Script::new();
    let run = |args: &str| script.run(relay.path(), args);
    assert_output(&run("drain be1/s9 --yes"), 1, &[], &["be1/s9: no such server; backend be1 has s1, s2\n"]);
    assert_output(&run("maint be9/s1 be1/s1 --yes"), 1, &[], &["no such backend; HAProxy has be1, be2"]);
    assert_output(
        &run("drain be1/s1 be1/s2 --yes"),
        1,
        &[],
        &["refused: be1 would have no usable server", "; add --force"],
    );
    assert_output(&run("maint be1/s1 be2/s1 --yes"), 1, &[], &["refused: servers of several backends at once"]);
    assert_output(&run("maint be1/s1 --yes --read-only"), 1, &[], &["read-only mode: to use maintenance"]);
    assert_output(&run("drain be1/s1"), 2, &[], &["cannot ask for confirmation: no terminal", "add --yes"]);
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
    assert_eq!(relay.write_commands(), [""; 0]);
    let operator = script.run(lab.operator(), "maint be1/s1 --yes");
    assert_output(
        &operator,
        1,
        &[],
        &["maintenance needs level admin, this socket has operator: set \"stats socket … level admin\" in haproxy.cfg"],
    );
    let nowhere = lab.admin().with_file_name("none.sock");
    assert_output(&script.run(&nowhere, "ready be1/s1 --yes"), 3, &[], &["none.sock: cannot connect", "level admin"]);
    assert_output(&run("maint be1/s1 be1/s2 --yes --force"), 0, &["warning: be1 would have no usable server"], &[]);
    assert_eq!(relay.write_commands().len(), 2);
}

#[test]
fn configuration_enforces_reason_audit_and_read_only() {
    let lab = Lab::builder().servers(3).start();
    let (script, relay) = (Script::new(), Relay::to(lab.admin()));
    script.configure("[audit]\nask_reason = true\n");
    let run = |args: &str| script.run(relay.path(), args);
    assert_output(&run("drain be1/s1 --yes"), 2, &[], &["audit.ask_reason is set", "add --reason TEXT"]);
    assert_output(&run("drain be1/s1 --yes --reason deploy"), 0, &[], &[]);
    assert!(script.audit_lines()[0].ends_with("reason: deploy"));
    script.configure("[audit]\npath = \"/proc/none\"\n");
    assert_output(
        &run("drain be1/s2 --yes"),
        1,
        &[],
        &["state drain: not sent: the audit log /proc/none: ", "be1/s2 is no check"],
    );
    script.configure("read_only = true\n");
    assert_output(&run("drain be1/s2 --yes"), 1, &[], &["read-only mode: to use "]);
    assert_eq!(relay.write_commands(), ["set server be1/s1 state drain"]);
}

#[test]
fn commands_skip_servers_already_in_requested_state() {
    let lab = Lab::builder().servers(3).start();
    let (script, relay) = (Script::new(), Relay::to(lab.admin()));
    let run = |args: &str| script.run(relay.path(), args);
    assert_output(&run("ready be1/s1 --wait 5s --yes -i 0.1"), 0, &["be1/s1 is already enabled: nothing to send"], &[]);
    lab.send_command("set server be1/s1 state drain");
    assert_output(
        &run("drain be1/s1 be1/s1 --wait 5s --yes -i 0.1"),
        0,
        &["be1/s1 is already draining", "be1/s1 is drained"],
        &[],
    );
    lab.send_command("set server be1/s1 state maint");
    assert_output(&run("maint be1/s1 --yes"), 0, &["be1/s1 is already in maintenance"], &[]);
    let drain_then_maint = run("drain be1/s1 --wait 5s --then maint --yes -i 0.1");
    assert_output(
        &drain_then_maint,
        0,
        &["be1/s1 is already in maintenance", "be1/s1 is in maintenance without sessions"],
        &[],
    );
    assert_eq!(relay.write_commands(), [""; 0]);
    assert_output(&run("drain be1/s1 --yes"), 0, &["found be1/s1: MAINT", "verified, DRAIN"], &[]);
    assert_eq!(relay.write_commands(), ["set server be1/s1 state drain"]);
}

#[test]
fn commands_ask_for_confirmation_on_terminal() {
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
    let screen = term.wait_for("Continue? [y/N]");
    for line in [
        "found be1/s2: no check for",
        "  set server be1/s2 state drain",
        "  once empty: set server be1/s2 state maint",
        "  now    no check, 0 sessions, 0 queued, weight 1",
        "  after  3 of 4 servers usable, 75 % of the current weight",
    ] {
        assert!(screen.contains(line), "{line}\n{screen}");
    }
    assert_eq!(relay.write_commands(), [""; 0]);
    answer_prompt(&mut term, "Continue? [y/N]", "y");
    assert_eq!(term.exit_code(), 0);
    let screen = term.screen();
    assert!(screen.contains("set server be1/s2 state maint: verified, MAINT"), "{screen}");
    assert!(!screen.contains("until the deadline"), "progress is erased at the end\n{screen}");
    assert_eq!(relay.write_commands().len(), 2);
    for keys in ["n", "N", "<ret>", "<c-d>", "x", "<esc>", "<a-y>", "<tab>", "Y"] {
        let mut term = start("maint be1/s3");
        term.wait_for("Continue? [y/N]");
        term.press(keys);
        assert_eq!(term.exit_code(), 1, "{keys}");
        assert!(term.screen().contains("nothing was sent"));
    }
    let mut term = start("maint be1/s3");
    term.wait_for("Continue? [y/N]");
    term.press("<c-c>");
    assert_eq!(term.exit_code(), 130);
    assert!(term.screen().contains("stopped by SIGINT: nothing was sent"), "{}", term.screen());
    assert_eq!(relay.write_commands().len(), 2);
}

#[test]
fn maint_on_terminal_asks_for_reason_and_name_of_last_server() {
    let lab = Lab::builder().start();
    lab.send_command("disable server be1/s2");
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
    let screen = term.wait_for("type \"s1\", pause, then Enter:");
    assert!(screen.contains("!      be1 would have no usable server"), "{screen}");
    term.press("y<ret>");
    assert_eq!(term.exit_code(), 1);
    assert!(term.screen().contains("the typed text is not \"s1\": nothing was sent"));
    assert_eq!(relay.write_commands(), [""; 0]);
    let mut term = start();
    term.wait_for("Reason:");
    term.press("kernel<ret>");
    term.wait_for("type \"s1\", pause, then Enter:");
    term.press("s1");
    answer_prompt(&mut term, "type \"s1\", pause, then Enter: s1", "<ret>");
    assert_eq!(term.exit_code(), 0);
    let audit = std::fs::read_to_string(term.home().join(".local/state/hapulse/audit.jsonl")).unwrap();
    assert!(audit.contains(r#""reason":"kernel""#), "{audit}");
}

#[test]
fn terminal_confirmation_discards_input_typed_before_it() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let mut term = Term::builder().args(["maint", "be1/s2", "--target"]).args([relay.path()]).size(100, 30).start();
    term.paste(b"y\r");
    term.wait_for("Continue? [y/N]");
    term.wait_input_read();
    assert_eq!(relay.write_commands(), [""; 0]);
    answer_prompt(&mut term, "Continue? [y/N]", "y");
    assert_eq!(term.exit_code(), 0);
    assert_eq!(lab.stat("be1", "s2", "status"), "MAINT");
}

#[test]
fn terminal_confirmation_repeats_when_server_state_changed() {
    let lab = Lab::builder().servers(4).start();
    let mut term = Term::builder().args(["drain", "be1/s2", "--target"]).args([lab.admin()]).size(100, 30).start();
    term.wait_for("Continue? [y/N]");
    lab.send_command("set server be1/s2 state maint");
    answer_prompt(&mut term, "Continue? [y/N]", "y");
    let screen = term.wait_for("please confirm again");
    assert!(screen.contains("be1/s2 changed meanwhile"), "{screen}");
    term.wait_for("found be1/s2: MAINT");
    assert_eq!(lab.stat("be1", "s2", "status"), "MAINT");
}

#[test]
fn drain_stops_at_first_failure_and_lists_untouched_servers() {
    let lab = Lab::builder().servers(5).start();
    let faulty_relay = FaultyRelay::to(lab.admin(), "s2 state drain", RelayFault::DropCommand);
    let result = Script::new().run(faulty_relay.path(), "drain be1/s1 be1/s2 be1/s3 --wait 5s --yes --force");
    let restore = format!("to restore it: hapulse ready --target {} be1/s1\n", faulty_relay.path().display());
    assert_output(
        &result,
        5,
        &["set server be1/s1 state drain: verified, DRAIN"],
        &[
            "set server be1/s2 state drain: sent, but HAProxy closed the connection",
            "not sent: set server be1/s3 state drain",
            "be1/s1 is in DRAIN, 0 sessions\n",
            "be1/s2 is no check, 0 sessions\n",
            "be1/s3 is no check, 0 sessions; nothing was sent to it\n",
            &restore,
        ],
    );
    assert_eq!(faulty_relay.write_commands().len(), 2);
}

#[test]
fn signal_ends_wait_and_reports_state() {
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let (lab, _traffic) = lab_with_slow_sessions(1);
        let script = Script::new();
        let running = script.start(lab.admin(), "drain be1/s1 --wait 5m --then maint --yes -i 0.1");
        running.wait_for("1 session; ");
        running.signal(name);
        let result = running.wait();
        let (stopped, restore) = (format!("hapulse: stopped by SIG{name}\n"), "to restore it: hapulse ready --target");
        assert_output(&result, code, &[], &[&stopped, "be1/s1 is in DRAIN, 1 session\n", restore]);
        assert_eq!(lab.stat("be1", "s1", "status"), "DRAIN");
    }
}

#[test]
fn signal_waits_for_command_in_flight() {
    let lab = Lab::builder().servers(5).start();
    let faulty_relay = FaultyRelay::to(lab.admin(), "s1 state drain", RelayFault::DelayReply(Duration::from_secs(1)));
    let script = Script::new();
    let running = script.start(faulty_relay.path(), "drain be1/s1 be1/s2 --yes");
    wait_until("the first command", || faulty_relay.write_commands().len() == 1);
    running.signal("INT");
    let result = running.wait();
    assert_output(
        &result,
        130,
        &["set server be1/s1 state drain: verified"],
        &["not sent: set server be1/s2", "be1/s1 is in DRAIN"],
    );
    assert_output(&result, 130, &[], &["be1/s2 is no check, 0 sessions; nothing was sent to it"]);
    assert_eq!(script.audit_lines(), ["be1/s1  state drain  verified, DRAIN, 0 sessions left"]);
    assert_eq!(faulty_relay.write_commands().len(), 1);
}

#[test]
fn drain_reports_unfinished_command_of_killed_run() {
    let lab = Lab::builder().servers(3).start();
    let faulty_relay = FaultyRelay::to(lab.admin(), "state drain", RelayFault::WithholdReply);
    let script = Script::new();
    let running = script.start(faulty_relay.path(), "drain be1/s1 --wait 5m --yes");
    wait_until("the command", || lab.stat("be1", "s1", "status") == "DRAIN");
    running.signal("KILL");
    assert_eq!(running.wait().code, -1);
    assert_eq!(script.audit_lines(), ["be1/s1  state drain  sent, outcome unknown"]);
    let result = script.run(faulty_relay.path(), "drain be1/s1 --wait 20s --yes -i 0.1");
    let user = Actor::current().user;
    let found = format!(", ordered by {user}, 0 sessions\n  action of {user} at 20");
    let unfinished = " has no result in the audit log: set server be1/s1 state drain\nbe1/s1 is already draining";
    assert_output(&result, 0, &["found be1/s1: DRAIN for", &found, unfinished, "be1/s1 is drained"], &[]);
}

#[test]
fn drain_resumes_after_waiting_run_was_killed() {
    let (lab, traffic) = lab_with_slow_sessions(1);
    let script = Script::new();
    let running = script.start(lab.admin(), "drain be1/s1 --wait 5m --then maint --yes -i 0.1");
    running.wait_for("1 session; ");
    running.signal("KILL");
    running.wait();
    drop(traffic);
    lab.send_command("shutdown sessions server be1/s1");
    let result = script.run(lab.admin(), "drain be1/s1 --wait 20s --then maint --yes -i 0.1");
    let ordered = format!(", ordered by {}, ", Actor::current().user);
    assert_output(&result, 0, &["found be1/s1: DRAIN for", &ordered, "be1/s1 state maint: verified, MAINT"], &[]);
    assert!(!result.out.contains("no result in the audit log"), "{result:?}");
}

#[test]
fn drain_wait_fails_when_reload_resets_drain() {
    let (lab, _traffic) = lab_with_slow_sessions(1);
    let script = Script::new();
    let running = script.start(lab.admin(), "drain be1/s1 --wait 5m --yes -i 0.1");
    running.wait_for("1 session; ");
    lab.reload();
    let result = running.wait();
    let lost = "hapulse: HAProxy reload reset the drain of be1/s1: its status is no check now\n";
    assert_output(&result, 1, &["HAProxy was reloaded (new pid "], &[lost, "be1/s1 is no check"]);
}

#[test]
fn drain_wait_reports_change_by_other_client_and_restart() {
    let (lab, _traffic) = lab_with_slow_sessions(1);
    let script = Script::new();
    let running = script.start(lab.admin(), "drain be1/s1 --wait 5m --then maint --yes -i 0.1");
    running.wait_for("1 session; ");
    lab.send_command("set server be1/s1 state ready");
    let result = running.wait();
    let changed =
        "be1/s1 was changed by another operator: its status is no check now, expected drain\n  maintenance was not set";
    assert_output(&result, 1, &[], &[changed]);
    let running = script.start(lab.admin(), "drain be1/s1 --wait 5m --yes -i 0.1");
    running.wait_for("1 session; ");
    lab.kill();
    running.wait_for("HAProxy does not answer: cannot connect");
    lab.restart();
    assert_output(&running.wait(), 1, &[], &["HAProxy reload reset the drain of be1/s1"]);
}

#[test]
fn drain_deadline_expires_while_haproxy_is_stopped() {
    let (lab, _traffic) = lab_with_slow_sessions(1);
    let script = Script::new();
    let running = script.start(lab.admin(), "drain be1/s1 --wait 3s --yes -i 0.1");
    running.wait_for("1 session; ");
    lab.pause_process();
    let started = Instant::now();
    let result = running.wait();
    lab.resume_process();
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
    let expected =
        ["deadline of 3 s exceeded", "HAProxy has not answered for", "last known states:", "is in DRAIN, 1 session"];
    assert_output(&result, 4, &[], &expected);
}

#[test]
fn ready_waits_until_health_checks_pass() {
    let lab = Lab::builder().servers(3).checks().start();
    let script = Script::new();
    lab.wait_stat("be1", "s1", "status", |status| status == "UP");
    assert_output(&script.run(lab.admin(), "maint be1/s1 --yes"), 0, &["verified, MAINT"], &[]);
    lab.set_server_behavior("be1/s1", ServerBehavior::Closed);
    let timed_out = script.run(lab.admin(), "ready be1/s1 --wait 2s --yes -i 0.1");
    let restore = format!("to restore it: hapulse maint --target {} be1/s1", lab.admin().display());
    assert_output(
        &timed_out,
        4,
        &[],
        &["deadline of 2 s exceeded: be1/s1 is not usable\n", "be1/s1 is DOWN", &restore],
    );
    let running = script.start(lab.admin(), "ready be1/s1 --wait 20s --yes -i 0.1");
    running.wait_for("be1/s1: DOWN L4CON Connection refused; ");
    lab.set_server_behavior("be1/s1", ServerBehavior::Ok);
    assert_output(&running.wait(), 0, &["be1/s1 is already enabled", "be1/s1 is UP"], &[]);
    lab.wait_stat("be1", "s1", "status", |status| status == "UP");
}

#[test]
fn drain_waits_for_draining_server_that_is_down() {
    let lab = Lab::builder().servers(3).checks().start();
    lab.wait_stat("be1", "s1", "status", |status| status == "UP");
    let script = Script::new();
    lab.send_command("set server be1/s1 state drain");
    lab.set_server_behavior("be1/s1", ServerBehavior::Closed);
    lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    let result = script.run(lab.admin(), "drain be1/s1 --wait 20s --yes -i 0.1");
    assert_output(
        &result,
        0,
        &["found be1/s1: DOWN for", ", in drain, ", "is already draining", "be1/s1 is drained"],
        &[],
    );
}

#[test]
fn drain_completes_when_output_pipes_are_closed() {
    let lab = Lab::builder().servers(3).start();
    let script = Script::new();
    let mut command = script.command(lab.admin(), "drain be1/s1 --wait 20s --then maint --yes -i 0.1");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(lab.stat("be1", "s1", "status"), "MAINT");
    assert_eq!(script.audit_lines().len(), 2);
}

/// Drains, restarts and re-enables each server in turn, and asserts that no client request fails.
fn rolling_deploy(drain_args: &str, is_down_detected: bool) {
    let lab = Lab::builder().servers(4).checks().start();
    for server in ["s1", "s2", "s3", "s4"] {
        lab.wait_stat("be1", server, "status", |status| status == "UP");
    }
    let keep_alive = Traffic::to(lab.frontend_addr()).keep_alive().workers(6).start();
    let short_lived = Traffic::to(lab.frontend_addr()).workers(2).start();
    wait_until("traffic", || keep_alive.counts().ok > 100 && short_lived.counts().ok > 10);
    let script = Script::new();
    for server in ["s1", "s2", "s3", "s4"] {
        let name = format!("be1/{server}");
        let before = lab.server(&name).requests();
        assert!(before > 0, "{name} receives requests");
        assert_output(&script.run(lab.admin(), &drain_args.replace("SERVER", &name)), 0, &["is drained"], &[]);
        let drained = lab.server(&name).requests();
        lab.set_server_behavior(&name, ServerBehavior::Closed);
        if is_down_detected {
            lab.wait_stat("be1", server, "status", |status| status == "DOWN");
        }
        assert_eq!(lab.server(&name).requests(), drained, "a drained server receives no request");
        lab.set_server_behavior(&name, ServerBehavior::Ok);
        assert_output(&script.run(lab.admin(), &format!("ready {name} --wait 20s --yes -i 0.1")), 0, &[" is UP"], &[]);
        wait_until("requests at the restarted server", || lab.server(&name).requests() > drained);
    }
    let counts = [keep_alive.stop(), short_lived.stop()];
    println!("rolling deploy: {counts:?}");
    for (server, column) in ["s1", "s2", "s3", "s4"].iter().flat_map(|server| [(server, "econ"), (server, "wretr")]) {
        assert_eq!(lab.stat("be1", server, column), "0", "{column} of {server}: no failed connection or retry");
    }
    assert!(counts.iter().all(|counts| counts.failed == 0), "{counts:?}");
    assert_eq!(script.audit_lines().len(), if drain_args.contains("maint") { 12 } else { 8 });
}

#[test]
fn rolling_deploy_with_maintenance_fails_no_request() {
    rolling_deploy("drain SERVER --wait 20s --then maint --yes -i 0.1", false);
}

#[test]
fn rolling_deploy_with_drain_fails_no_request() {
    rolling_deploy("drain SERVER --wait 20s --yes -i 0.1", true);
}
