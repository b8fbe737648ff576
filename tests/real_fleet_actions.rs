//! Actions on several real HAProxies at once, in scripts and in the dashboard: one question, one balancer after the other,
//! what happens if one of them refuses or fails, and a rolling drain under load.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/faulty_relay.rs"]
mod faulty_relay;
#[path = "support/script.rs"]
mod script;
mod support;

use std::path::Path;
use std::thread;
use std::time::Duration;

use faulty_relay::{FaultyRelay, RelayFault};
use script::{CommandResult, RunningCommand, Script};
use support::actions::{PAUSE_BEFORE_YES, answer_prompt};
use support::{Lab, ServerBehavior, Term, Traffic, process, wait_until};

/// Longer than a test takes.
const SLOW: ServerBehavior = ServerBehavior::Slow(Duration::from_mins(1));

/// Several balancers, `lb1`, `lb2` …, in the group `web` of a configuration.
struct Fleet {
    labs: Vec<Lab>,
    script: Script,
}

impl Fleet {
    /// Starts balancers with four servers each.
    fn start(count: usize) -> Self {
        Self::of((0..count).map(|_| Lab::builder().servers(4).start()).collect())
    }

    fn of(labs: Vec<Lab>) -> Self {
        let fleet = Self { labs, script: Script::new() };
        fleet.configure(&fleet.labs.iter().map(Lab::admin).collect::<Vec<&Path>>());
        fleet
    }

    /// Configures these sockets as the group.
    fn configure(&self, sockets: &[&Path]) {
        self.script.configure(&config_of(sockets));
    }

    fn start_command(&self, args: &str) -> RunningCommand {
        self.script.start(Path::new("@web"), args)
    }

    fn run(&self, args: &str) -> CommandResult {
        self.start_command(args).wait()
    }

    /// Returns `srv_admin_state` of a server on each balancer.
    fn admin_states(&self, server: &str) -> Vec<String> {
        self.labs.iter().map(|lab| lab.server_state(server, "srv_admin_state")).collect()
    }
}

/// Returns a configuration whose group `web` has these sockets.
fn config_of(sockets: &[&Path]) -> String {
    let names: Vec<String> = (1..=sockets.len()).map(|number| format!("lb{number}")).collect();
    let targets = names.iter().zip(sockets).map(|(name, path)| format!("{name} = \"{}\"", path.display()));
    let targets = targets.collect::<Vec<_>>().join("\n");
    format!("[targets]\n{targets}\n[fleet.web]\ntargets = {names:?}\n")
}

#[track_caller]
fn assert_contains(text: &str, expected: &[&str]) {
    for expected in expected {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

#[test]
fn drain_of_group_changes_each_balancer_and_waits_for_all() {
    let builder = || Lab::builder().servers(4).server_behavior("be1/s3", ServerBehavior::Slow(Duration::from_secs(1)));
    let fleet =
        Fleet::of(vec![Lab::builder().servers(4).start(), builder().start(), Lab::builder().servers(4).start()]);
    let traffic = Traffic::to(fleet.labs[1].frontend_addr()).workers(4).start();
    fleet.labs[1].wait_stat("be1", "s3", "scur", |sessions| sessions != "0");
    let result = fleet.run("drain be1/s3 --wait 20s --yes -i 0.2 --reason release");
    assert_eq!((result.code, result.err.as_str()), (0, ""), "{result:#?}");
    assert_contains(
        &result.out,
        &[
            "lb1: found be1/s3: no check for ",
            "lb2: set server be1/s3 state drain: verified, DRAIN, ",
            "; 3 of 4 servers of be1 usable\n",
            "\n9 of 12 servers of be1 usable on 3 balancers\n",
            "lb3: be1/s3 is drained after ",
            "to restore them: hapulse ready --target @web be1/s3\n",
        ],
    );
    // One after the other.
    let order = |name: &str| result.out.find(&format!("{name}: set server be1/s3 state drain: verified")).unwrap();
    assert!(order("lb1") < order("lb2") && order("lb2") < order("lb3"), "{}", result.out);
    assert_eq!(fleet.admin_states("be1/s3"), ["8"; 3]);
    assert_eq!(fleet.labs[1].stat("be1", "s3", "scur"), "0");
    assert_eq!(traffic.stop().failed, 0);
    let lines = fleet.script.audit_lines();
    assert_eq!(lines.len(), 3, "one audit line for each balancer: {lines:?}");
    // The undo of all, and the same again, which sends nothing.
    let result = fleet.run("ready be1/s3 --wait 10s --yes -i 0.1");
    assert_eq!((result.code, result.err.as_str()), (0, ""), "{result:#?}");
    assert_contains(&result.out, &["to restore them: hapulse drain --target @web be1/s3\n"]);
    assert_eq!(fleet.admin_states("be1/s3"), ["0"; 3]);
    let result = fleet.run("ready be1/s3 --yes");
    assert_contains(&result.out, &["lb2: be1/s3 is already enabled: nothing to send"]);
    assert!(result.code == 0 && !result.out.contains("restore"), "{result:#?}");
    assert_eq!(fleet.script.audit_lines().len(), 6);
}

#[test]
fn drain_of_group_ends_no_maintenance() {
    let fleet = Fleet::start(2);
    fleet.labs[1].send_command("set server be1/s2 state maint");
    let result = fleet.run("drain be1/s2 --wait 10s --yes -i 0.2");
    assert_eq!((result.code, result.err.as_str()), (0, ""), "{result:#?}");
    assert_contains(
        &result.out,
        &[
            "lb1: set server be1/s2 state drain: verified, DRAIN, ",
            "lb2: be1/s2 is already in maintenance: nothing to send\n",
            "to restore it: hapulse ready --target lb1 be1/s2\n",
        ],
    );
    assert_eq!(fleet.labs[0].server_state("be1/s2", "srv_admin_state"), "8");
    assert_eq!(fleet.labs[1].server_state("be1/s2", "srv_admin_state"), "1");
}

#[test]
fn refusal_of_one_balancer_is_reported_before_anything_is_sent() {
    let labs = vec![
        Lab::builder().servers(4).start(),
        Lab::builder().servers(4).start(),
        Lab::builder().servers(4).start(),
        Lab::builder().servers(3).start(),
    ];
    let fleet = Fleet::of(labs);
    let sockets = [fleet.labs[0].admin(), fleet.labs[1].operator(), fleet.labs[2].user(), fleet.labs[3].admin()];
    fleet.configure(&sockets);
    // Missing servers.
    let result = fleet.run("drain be1/s4 --yes");
    assert_eq!(result.code, 1, "{result:#?}");
    assert_contains(
        &result.err,
        &[
            "hapulse: lb4: be1/s4: no such server; backend be1 has s1, s2, s3\n",
            "  nothing was sent to any of the 4 balancers\n",
            "to leave out what refuses: hapulse drain --target lb1 --target lb2 --target lb3 be1/s4\n",
        ],
    );
    // Levels. The command that the message names works.
    let result = fleet.run("drain be1/s3 --yes");
    assert_eq!(result.code, 1, "{result:#?}");
    assert_contains(
        &result.err,
        &[
            "hapulse: lb2: drain needs level admin, this socket has operator",
            "hapulse: lb3: drain needs level admin, this socket has user",
            "to leave out what refuses: hapulse drain --target lb1 --target lb4 be1/s3\n",
        ],
    );
    assert!(!result.err.contains("lb1:") && !result.out.contains("verified"), "{result:#?}");
    // Danger on one of them.
    for server in ["s1", "s2"] {
        fleet.labs[3].send_command(&format!("set server be1/{server} state maint"));
    }
    let others = "drain be1/s3 --target lb1 --target lb4 --yes";
    let run = |args: &str| {
        let output = fleet.script.command_without_target(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, _, err) = run(others);
    assert_eq!(code, Some(1), "{err}");
    assert_contains(&err, &["lb4: refused: be1 would have no usable server", "; add --force to override\n"]);
    assert_eq!(fleet.admin_states("be1/s3"), ["0"; 4]);
    let (code, out, err) = run(&format!("{others} --force"));
    assert_eq!(code, Some(0), "{err}");
    assert_contains(
        &out,
        &[
            "lb4: warning: be1 would have no usable server",
            "3 of 7 servers of be1 usable on 2 balancers, none on lb4\n",
        ],
    );
    assert_contains(&out, &["to restore them: hapulse ready --target lb1 --target lb4 be1/s3\n"]);
    // One does not answer.
    fleet.labs[3].kill();
    let (code, _, err) = run("ready be1/s3 --target lb4 --target lb1 --yes");
    assert_eq!(code, Some(3), "{err}");
    assert_contains(&err, &["hapulse: lb4: ", "to leave out what refuses: hapulse ready --target lb1 be1/s3"]);
    assert_eq!(fleet.labs[0].server_state("be1/s3", "srv_admin_state"), "8");
}

#[test]
fn failure_on_one_balancer_stops_the_others() {
    let fleet = Fleet::start(3);
    let relay = FaultyRelay::to(fleet.labs[1].admin(), "state drain", RelayFault::DropCommand);
    fleet.configure(&[fleet.labs[0].admin(), relay.path(), fleet.labs[2].admin()]);
    let result = fleet.run("drain be1/s1 --wait 20s --yes");
    assert_eq!(result.code, 5, "{result:#?}");
    assert_contains(
        &result.err,
        &[
            "hapulse: lb2: set server be1/s1 state drain: sent, but HAProxy closed the connection",
            "  lb1: done: be1/s1 is in DRAIN, 0 sessions\n",
            "  lb2: failed: be1/s1 is no check, 0 sessions\n",
            "  lb3: not started: be1/s1 is no check, 0 sessions; nothing was sent to it\n",
            "  to restore it: hapulse ready --target lb1 be1/s1\n",
        ],
    );
    assert_eq!(fleet.admin_states("be1/s1"), ["8", "0", "0"]);
    // The next run reports the state of each, and does the rest.
    fleet.configure(&fleet.labs.iter().map(Lab::admin).collect::<Vec<&Path>>());
    let result = fleet.run("drain be1/s1 --wait 20s --yes -i 0.1");
    assert_eq!((result.code, result.err.as_str()), (0, ""), "{result:#?}");
    assert_contains(&result.out, &["lb1: be1/s1 is already draining: nothing to send", "lb2: found be1/s1: no check"]);
    assert_eq!(fleet.admin_states("be1/s1"), ["8"; 3]);
}

#[test]
fn killed_run_is_continued_from_the_states_that_haproxy_reports() {
    let fleet = Fleet::start(3);
    let relay = FaultyRelay::to(fleet.labs[1].admin(), "state drain", RelayFault::WithholdReply);
    fleet.configure(&[fleet.labs[0].admin(), relay.path(), fleet.labs[2].admin()]);
    let running = fleet.start_command("drain be1/s1 --wait 5m --yes");
    wait_until("the second balancer", || fleet.labs[1].stat("be1", "s1", "status") == "DRAIN");
    running.signal("KILL");
    assert_eq!(running.wait().code, -1);
    assert_eq!(fleet.admin_states("be1/s1"), ["8", "8", "0"]);
    let result = fleet.run("drain be1/s1 --wait 20s --yes -i 0.1");
    assert_eq!((result.code, result.err.as_str()), (0, ""), "{result:#?}");
    assert_contains(
        &result.out,
        &[
            "lb1: found be1/s1: DRAIN for ",
            "lb1: be1/s1 is already draining: nothing to send",
            "lb2:   action of ",
            " has no result in the audit log: set server be1/s1 state drain\n",
            "lb2: be1/s1 is already draining: nothing to send",
            "lb3: set server be1/s1 state drain: verified",
            "lb2: be1/s1 is drained",
        ],
    );
}

#[test]
fn signal_between_two_balancers_reports_which_are_done() {
    let fleet = Fleet::start(3);
    let relay = FaultyRelay::to(fleet.labs[0].admin(), "state maint", RelayFault::DelayReply(Duration::from_secs(1)));
    fleet.configure(&[relay.path(), fleet.labs[1].admin(), fleet.labs[2].admin()]);
    let running = fleet.start_command("maint be1/s1 --yes");
    wait_until("the first command", || relay.write_commands().len() == 1);
    running.signal("TERM");
    let result = running.wait();
    assert_eq!(result.code, 143, "{result:#?}");
    assert_contains(
        &result.err,
        &["hapulse: stopped by SIGTERM\n", "lb1: done: be1/s1 is in MAINT", "lb2: not started: be1/s1 is no check"],
    );
    assert_eq!(fleet.admin_states("be1/s1"), ["1", "0", "0"]);
}

#[test]
fn wait_of_group_goes_on_while_one_balancer_does_not_answer() {
    let fleet = Fleet::of(vec![
        Lab::builder().servers(4).start(),
        Lab::builder().servers(4).server_behavior("be1/s2", SLOW).cookie().start(),
        Lab::builder().servers(4).start(),
    ]);
    let traffic = Traffic::to(fleet.labs[1].frontend_addr()).header("Cookie: SRV=s2").workers(1).start();
    fleet.labs[1].wait_stat("be1", "s2", "scur", |sessions| sessions == "1");
    let running = fleet.start_command("drain be1/s2 --wait 6s --yes -i 0.2");
    running.wait_for("lb3: set server be1/s2 state drain: verified");
    fleet.labs[0].pause_process();
    running.wait_for("lb3: be1/s2 is drained after ");
    let result = running.wait();
    fleet.labs[0].resume_process();
    assert_eq!(result.code, 4, "{result:#?}");
    assert_contains(&result.out, &["lb1: HAProxy does not answer: ", "lb2: be1/s2: 1 session"]);
    assert_contains(
        &result.err,
        &["deadline of 6 s exceeded: ", "servers are not drained\n", "lb2: be1/s2 is in DRAIN, 1 session\n"],
    );
    assert_contains(
        &result.err,
        &["lb1: HAProxy does not answer; last known states:\n", "hapulse ready --target @web be1/s2\n"],
    );
    drop(traffic);
}

#[test]
fn question_about_group_lists_each_balancer_and_asks_for_count() {
    let fleet = Fleet::of(vec![
        Lab::builder().servers(4).start(),
        Lab::builder().servers(2).start(),
        Lab::builder().servers(4).start(),
    ]);
    let config = config_of(&fleet.labs.iter().map(Lab::admin).collect::<Vec<&Path>>());
    let start = |args: &str| {
        Term::builder().args(args.split(' ')).args(["--target", "@web"]).size(110, 40).config(&config).start()
    };
    let address = |place: usize| fleet.labs[place].server("be1/s2").addr();
    let mut term = start("drain be1/s2");
    let screen = term.wait_for("Continue? [y/N]");
    for line in [
        "lb1, HAProxy 2.6, level admin",
        "  set server be1/s2 state drain",
        "  after  3 of 4 servers usable, 75 % of the current weight",
        "lb2, HAProxy 2.6, level admin",
        "  after  1 of 2 servers usable, 50 % of the current weight",
        &format!("  !      be1/s2 is {} here, and {} on lb1", address(1), address(0)),
        "  total  7 of 10 servers of be1 usable on 3 balancers, fewest on lb2: 1 of 2 servers",
    ] {
        let line = line.replace("2.6", &fleet.labs[0].info("Version").split('.').take(2).collect::<Vec<_>>().join("."));
        assert!(screen.contains(&line), "{line}\n{screen}");
    }
    answer_prompt(&mut term, "Continue? [y/N]", "y");
    assert_eq!(term.exit_code(), 0);
    assert_eq!(fleet.admin_states("be1/s2"), ["8"; 3]);
    // The last server of one of them: the number of balancers must be typed.
    let mut term = start("maint be1/s1");
    let screen = term.wait_for("type \"3 balancers\"");
    assert!(screen.contains("  !      be1 would have no usable server"), "{screen}");
    let type_count = |term: &mut Term, count: &str| {
        term.wait_for("type \"3 balancers\"");
        term.press(&format!("{count}<space>balancers"));
        thread::sleep(PAUSE_BEFORE_YES);
        term.press("<ret>");
    };
    type_count(&mut term, "2");
    term.wait_for("the typed text is not \"3 balancers\": nothing was sent");
    assert_eq!(term.exit_code(), 1);
    assert_eq!(fleet.admin_states("be1/s1"), ["0"; 3]);
    let mut term = start("maint be1/s1");
    type_count(&mut term, "3");
    assert_eq!(term.exit_code(), 0);
    assert_eq!(fleet.admin_states("be1/s1"), ["1"; 3]);
}

/// Starts a dashboard of the group, with the cursor on a server of `lb1`.
fn dashboard(fleet: &Fleet, server: &str) -> Term {
    dashboard_of(&fleet.labs.iter().map(Lab::admin).collect::<Vec<&Path>>(), server)
}

fn dashboard_of(sockets: &[&Path], server: &str) -> Term {
    let config = config_of(sockets);
    let mut term = Term::builder().args(["-i", "0.2", "@web"]).size(120, 40).config(&config).start();
    term.wait_for("live");
    // The question needs samples of all.
    term.press("L");
    term.wait_until(|screen| (1..=sockets.len()).all(|number| screen.contains(&format!("lb{number}"))));
    term.wait_gone("lost");
    term.press("L4");
    term.press(&format!("/{server}<ret>"));
    term.wait_for(server);
    term
}

#[test]
fn drain_counts_targets_of_one_process_as_one_balancer() {
    let fleet = Fleet::of(vec![Lab::builder().servers(4).tcp().start(), Lab::builder().servers(4).start()]);
    let admin = fleet.labs[0].admin();
    let link = admin.with_file_name("link.sock");
    std::os::unix::fs::symlink(admin, &link).unwrap();
    let tcp = fleet.labs[0].tcp().to_string();
    fleet.configure(&[admin, &link, Path::new(&tcp), fleet.labs[1].admin()]);
    let result = fleet.run("drain be1/s3 --wait 20s --yes -i 0.1");
    assert_eq!((result.code, result.err.as_str()), (0, ""), "{result:#?}");
    assert_contains(
        &result.out,
        &[
            "lb2 is the same HAProxy as lb1\n",
            "lb3 is the same HAProxy as lb1\n",
            "lb4: set server be1/s3 state drain: verified",
            "\n6 of 8 servers of be1 usable on 2 balancers\n",
            "to restore them: hapulse ready --target lb1 --target lb4 be1/s3\n",
        ],
    );
    assert!(!result.out.contains("lb2: ") && !result.out.contains("lb3: "), "{result:#?}");
    assert_eq!(fleet.admin_states("be1/s3"), ["8"; 2]);
    assert_eq!(fleet.script.audit_lines().len(), 2);
    // A single process is left: the run is like that of one target.
    fleet.configure(&[admin, &link]);
    let result = fleet.run("ready be1/s3 --wait 10s --yes -i 0.1");
    assert_eq!((result.code, result.err.as_str()), (0, ""), "{result:#?}");
    assert_contains(&result.out, &["lb2 is the same HAProxy as lb1\n", "\nset server be1/s3 state ready: verified"]);
    assert!(!result.out.contains("balancers"), "{result:#?}");
    assert_eq!(fleet.admin_states("be1/s3"), ["0", "8"]);
}

#[test]
fn question_of_dashboard_leaves_out_second_socket_of_a_process() {
    let fleet = Fleet::start(2);
    let admin = fleet.labs[0].admin();
    let link = admin.with_file_name("link.sock");
    std::os::unix::fs::symlink(admin, &link).unwrap();
    let sockets = [admin, &link, fleet.labs[1].admin()];
    fleet.configure(&sockets);
    let mut command = fleet.script.command_without_target("show balancers --over 0 --format json @web");
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert_contains(&text, &["\"same_as\":\"lb1\""]);
    let mut term = dashboard_of(&sockets, "s2");
    term.press("D");
    let screen = term.wait_for("also on lb3");
    assert!(!screen.contains("lb2,"), "{screen}");
    term.press("<tab>");
    let screen = term.wait_for("only on lb1");
    for text in ["not on lb2: it is the same HAProxy as lb1", "6 of 8 servers of be1 usable on 2 balancers"] {
        assert!(screen.contains(text), "{text}\n{screen}");
    }
    term.answer("y");
    term.wait_for("done on 2 balancers");
    assert_eq!(fleet.admin_states("be1/s2"), ["8"; 2]);
    // The details of its row.
    term.press("L/lb2<ret>");
    term.wait_for("not compared: the same HAProxy as lb1");
    term.press("q");
}

#[test]
fn question_of_dashboard_extends_to_all_balancers_and_undo_too() {
    let fleet = Fleet::of(vec![
        Lab::builder().servers(4).start(),
        Lab::builder().servers(2).start(),
        Lab::builder().servers(4).start(),
        Lab::builder().backends(0).frontends(0).start(),
    ]);
    let mut term = dashboard(&fleet, "s2");
    term.press("D");
    let screen = term.wait_for("also on lb2, lb3");
    assert!(!screen.contains("lb4"), "it has no such server\n{screen}");
    term.press("<tab>");
    let screen = term.wait_for("on 3 balancers");
    let address = |place: usize| fleet.labs[place].server("be1/s2").addr();
    let other = format!("be1/s2 is {} here, and {} on lb1", address(1), address(0));
    for text in ["lb1  level admin", "lb2  level admin", "lb3  level admin", "only on lb1", &other] {
        assert!(screen.contains(text), "{text}\n{screen}");
    }
    assert!(screen.contains("7 of 10 servers of be1 usable on 3 balancers, fewest on lb2: 1 of 2 servers"), "{screen}");
    assert_eq!(screen.matches("set server be1/s2 state drain").count(), 3, "{screen}");
    term.answer("y");
    term.wait_for("done on 3 balancers");
    assert_eq!(fleet.labs[..3].iter().map(|lab| lab.stat("be1", "s2", "status")).collect::<Vec<_>>(), ["DRAIN"; 3]);
    // One undo for all, which can be limited to this balancer.
    term.press("u");
    let screen = term.wait_for("only on lb1");
    assert!(screen.contains("Undo: be1 / s2 on 3 balancers") && screen.contains("undoes"), "{screen}");
    term.press("<tab>");
    term.wait_for("also on lb2, lb3");
    term.press("<tab>");
    term.wait_for("only on lb1");
    term.answer("y");
    let statuses = || fleet.labs[..3].iter().map(|lab| lab.stat("be1", "s2", "status")).collect::<Vec<_>>();
    wait_until("the undo", || statuses() == ["no check"; 3]);
    term.wait_for("done on 3 balancers");
    term.press("u");
    term.wait_for("nothing to undo");
    // Dangerous on one of them: the number of balancers is typed.
    fleet.labs[1].send_command("set server be1/s1 state maint");
    // The sample of that balancer must show it before the question.
    wait_until("the danger on lb2", || {
        term.press("M");
        term.wait_for("also on lb2, lb3");
        term.press("<tab>");
        let screen = term.wait_for("only on lb1");
        let is_dangerous = screen.contains("type \"3 balancers\"") && screen.contains("none on lb2");
        if !is_dangerous {
            term.press("<esc>");
            term.wait_gone("only on lb1");
        }
        is_dangerous
    });
    term.answer("3<space>balancers<ret>");
    term.wait_for("done on 3 balancers");
    wait_until("the maintenance", || statuses() == ["MAINT"; 3]);
    term.press("q");
}

#[test]
fn action_of_dashboard_stops_at_first_balancer_that_fails() {
    let fleet = Fleet::start(4);
    let relay = FaultyRelay::to(fleet.labs[1].admin(), "state maint", RelayFault::DropCommand);
    let sockets = [fleet.labs[0].admin(), relay.path(), fleet.labs[2].admin(), fleet.labs[3].operator()];
    let config = config_of(&sockets);
    let mut term = Term::builder().args(["-i", "0.2", "@web"]).size(120, 44).config(&config).start();
    term.wait_for("live");
    term.press("4/s1<ret>");
    term.wait_for("s1");
    let shows_all = |screen: &str| screen.contains("also on lb2, lb3");
    wait_until("samples of all balancers", || {
        term.press("M");
        let is_complete = shows_all(&term.wait_for("set server be1/s1 state maint"));
        if !is_complete {
            term.press("<esc>");
            term.wait_gone("set server be1/s1 state maint");
        }
        is_complete
    });
    term.press("<tab>");
    let screen = term.wait_for("only on lb1");
    assert!(screen.contains("not on lb4: maintenance needs level admin, this socket has operator"), "{screen}");
    term.answer("y");
    term.wait_for("failed on lb2; done: lb1; not started: lb3");
    assert_eq!(fleet.admin_states("be1/s1"), ["1", "0", "0", "0"]);
    // The undo is about what was done.
    term.press("u");
    term.wait_for("set server be1/s1 state ready");
    term.answer("y");
    wait_until("the undo", || fleet.admin_states("be1/s1") == ["0"; 4]);
    term.press("q");
}

/// Starts balancers that share four servers with health checks; those of the first one.
fn fleet_of_shared_servers(count: usize) -> Fleet {
    let first = Lab::builder().servers(4).checks().start();
    let servers = (1..=4).map(|number| {
        let addr = first.server(&format!("be1/s{number}")).addr();
        format!("    server s{number} {addr} check inter 200ms fastinter 100ms downinter 200ms rise 2 fall 2\n")
    });
    let servers = servers.collect::<Vec<_>>().concat();
    let sections = format!("frontend fe1\n    bind {{{{fe1}}}}\n    default_backend be1\nbackend be1\n{servers}");
    let others = (1..count).map(|_| Lab::builder().frontends(0).backends(0).sections(&sections).start());
    let others: Vec<Lab> = others.collect();
    Fleet::of(std::iter::once(first).chain(others).collect())
}

#[test]
fn rolling_drain_over_three_balancers_fails_no_request() {
    let fleet = fleet_of_shared_servers(3);
    let wait_status = |server: &str, is: fn(&str) -> bool| {
        for lab in &fleet.labs {
            lab.wait_stat("be1", server, "status", is);
        }
    };
    let numbers = ["s1", "s2", "s3", "s4"];
    for server in numbers {
        wait_status(server, |status| status == "UP");
    }
    // New connections on one, kept connections on the others.
    let traffic = |(place, lab): (usize, &Lab)| {
        let traffic = Traffic::to(lab.frontend_addr()).workers(4).pause(Duration::from_millis(2));
        if place == 0 { traffic.start() } else { traffic.keep_alive().start() }
    };
    let traffics: Vec<_> = fleet.labs.iter().enumerate().map(traffic).collect();
    for server in numbers {
        let name = format!("be1/{server}");
        let result = fleet.run(&format!("drain {name} --wait 30s --yes -i 0.1"));
        assert_eq!((result.code, result.err.as_str()), (0, ""), "{result:#?}");
        assert_contains(&result.out, &["9 of 12 servers of be1 usable on 3 balancers\n"]);
        // The server is restarted while it is empty on all balancers.
        fleet.labs[0].set_server_behavior(&name, ServerBehavior::Closed);
        wait_status(server, |status| status == "DOWN");
        fleet.labs[0].set_server_behavior(&name, ServerBehavior::Ok);
        wait_status(server, |status| status == "DRAIN");
        let result = fleet.run(&format!("ready {name} --wait 30s --yes -i 0.1"));
        assert_eq!((result.code, result.err.as_str()), (0, ""), "{result:#?}");
    }
    for traffic in traffics {
        let counts = traffic.stop();
        assert_eq!(counts.failed, 0, "{counts:?}");
        assert!(counts.ok > 100, "{counts:?}");
    }
}

#[test]
fn mixed_versions_and_modes_are_changed_together_and_not_summed() {
    let fleet = Fleet::of(vec![
        Lab::builder().servers(4).program(process::haproxy_of_version("2.6")).start(),
        Lab::builder().servers(4).program(process::haproxy_of_version("3.0")).start(),
        // Another backend of the same name.
        Lab::builder().servers(4).defaults("mode tcp").start(),
    ]);
    let version = |lab: &Lab| lab.info("Version").split('.').take(2).collect::<Vec<_>>().join(".");
    assert_eq!([version(&fleet.labs[0]), version(&fleet.labs[1])], ["2.6", "3.0"]);
    let result = fleet.run("drain be1/s3 --wait 20s --yes -i 0.1");
    assert_eq!((result.code, result.err.as_str()), (0, ""), "{result:#?}");
    assert_contains(&result.out, &["\n6 of 8 servers of be1 usable on 2 balancers\n", "lb3: be1/s3 is drained"]);
    assert_eq!(fleet.admin_states("be1/s3"), ["8"; 3]);
    let mut command = fleet.script.command_without_target("show balancers --over 0 --format json @web");
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert_contains(&text, &["\"kind\":\"version\""]);
    let mut term = dashboard(&fleet, "s2");
    term.press("D");
    let screen = term.wait_for("also on lb2");
    assert!(!screen.contains("lb3"), "its backend has another mode\n{screen}");
    term.press("<tab>");
    let screen = term.wait_for("only on lb1");
    assert!(screen.contains("4 of 8 servers of be1 usable on 2 balancers"), "{screen}");
    term.answer("y");
    term.wait_for("done on 2 balancers");
    let statuses: Vec<String> = fleet.labs.iter().map(|lab| lab.stat("be1", "s2", "status")).collect();
    assert_eq!(statuses, ["DRAIN", "DRAIN", "no check"]);
    term.press("q");
}
