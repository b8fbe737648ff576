//! Effects of actions as the question describes them, compared with what a real HAProxy then does.

mod support;

use support::actions::{answer_confirmation, dialog_text, start_dashboard, wait_for_two_polls};
use support::{Agent, Lab, Relay, ServerBehavior, Term};

/// Opens the question of a key on a server in view `1`, and returns its text.
fn open_question(term: &mut Term, relay: &Relay, server: &str, key: &str, title: &str) -> String {
    term.press("1");
    term.move_to_path(server);
    wait_for_two_polls(term, relay);
    term.press(key);
    term.wait_for(title);
    without_version_notes(&dialog_text(&term.screen(), title))
}

/// Returns a text without what applies only to HAProxy 3.1 and later.
fn without_version_notes(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.replace(" (after a passed check if init-state is down)", "")
}

/// Enables a server and returns the text of the question. The state right after the command must begin with `outcome`.
fn enable(term: &mut Term, relay: &Relay, server: &str, outcome: &str) -> String {
    let text = open_question(term, relay, server, "E", "Enable: ");
    answer_confirmation(term, "Enable: ", "y");
    let verified = format!("{server}: verified, {outcome}");
    let hidden = "(its status DOWN hides that)";
    let screen = term.wait_until(|screen| screen.contains(&verified) || screen.contains(hidden));
    if screen.contains(hidden) {
        // Another client drained the server while it was down, which the question did not show.
        answer_confirmation(term, "Enable: ", "y");
        term.wait_for(&verified);
    }
    text
}

#[test]
fn w20_enable_of_failing_server_takes_traffic_until_check_fails() {
    let lab = Lab::builder().servers(3).checks().server_behavior("be1/s1", ServerBehavior::Closed).start();
    let relay = Relay::to(lab.admin());
    lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    let mut term = start_dashboard(relay.path());
    lab.send_command("set server be1/s1 state maint");
    wait_for_two_polls(&term, &relay);
    let text = enable(&mut term, &relay, "be1/s1", "UP 1/2");
    assert!(
        text.contains("after takes traffic at once; goes DOWN if its checks fail")
            && text.contains("; 3 of 3 servers usable (now 2)"),
        "{text}"
    );
    // The text of the check is missing if the next one was running.
    assert!(text.contains("the last health check of be1/s1 failed: L4CON"), "{text}");
    // HAProxy finds out with the next check.
    lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    // A dashboard that never saw the server up knows the result, but not its text.
    lab.send_command("set server be1/s1 state maint");
    let mut late = start_dashboard(relay.path());
    open_question(&mut late, &relay, "be1/s1", "E", "Enable: ");
    late.wait_until(|screen| dialog_text(screen, "Enable: ").contains("the last health check of be1/s1 failed "));
}

#[test]
fn w20_ready_command_describes_the_same() {
    let lab = Lab::builder().servers(3).checks().server_behavior("be1/s1", ServerBehavior::Closed).start();
    lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    lab.send_command("set server be1/s1 state maint");
    let mut term = Term::builder().args(["ready", "be1/s1", "--target"]).args([lab.admin()]).size(120, 40).start();
    let screen = without_version_notes(&term.wait_for("Continue? [y/N]"));
    assert!(screen.contains("takes traffic at once; goes DOWN if its checks fail"), "{screen}");
    assert!(screen.contains("the last health check of be1/s1 failed"), "{screen}");
    term.press("n<ret>");
    term.exit();
    assert_eq!(lab.stat("be1", "s1", "status"), "MAINT");
}

#[test]
fn w20_enable_describes_what_haproxy_does_in_each_state() {
    let agent = Agent::start("down #deploy until 5");
    let lab = Lab::builder()
        .servers(6)
        .checks()
        .server_option("be1/s4", "backup")
        .server_option("be1/s5", &agent.server_option_with_interval("300ms"))
        .server_behavior("be1/s6", ServerBehavior::Closed)
        .sections(
            "resolvers dns\n    nameserver none 127.0.0.1:9\n    resolve_retries 1\n    timeout resolve 200ms\n    \
             timeout retry 200ms\nbackend other\n    server plain 127.0.0.1:9\n    \
             server follower 127.0.0.1:9 track be1/s1\n    \
             server lost nowhere.invalid:80 resolvers dns init-addr none",
        )
        .start();
    let relay = Relay::to(lab.admin());
    lab.wait_stat("be1", "s5", "status", |status| status == "DOWN (agent)");
    lab.wait_stat("be1", "s6", "status", |status| status == "DOWN");
    lab.wait_stat("other", "lost", "status", |status| status == "MAINT (resolution)");
    let states = [
        ("be1/s2", "state drain"),
        ("be1/s3", "weight 0"),
        ("be1/s3", "state maint"),
        ("be1/s4", "state maint"),
        ("be1/s5", "state maint"),
        ("be1/s6", "state drain"),
        ("other/plain", "state maint"),
        ("be1/s1", "state maint"),
    ];
    for (server, state) in states {
        lab.send_command(&format!("set server {server} {state}"));
    }
    let mut term = start_dashboard(relay.path());
    for (server, text, outcome) in [
        ("be1/s2", "takes new sessions at once; ", "UP"),
        (
            "be1/s3",
            "at once, but only of clients bound by a cookie or stick table (its weight is 0); goes DOWN if",
            "UP 1/2",
        ),
        (
            "be1/s4",
            "at once as a backup (only if no active server is usable); goes DOWN if its checks fail; ",
            "UP 1/2",
        ),
        ("be1/s5", "DOWN until its agent reports it up (\"deploy until 5\"); ", "DOWN (agent)"),
        ("be1/s6", "stays DOWN until 2 health checks pass in a row; the last one failed: L4CON", "DOWN"),
        ("other/plain", "takes traffic at once; no health check runs; ", "no check"),
        ("other/follower", "stays MAINT (via be1/s1): it follows be1/s1; ", "MAINT (via be1/s1)"),
        ("other/lost", "stays MAINT (resolution): its name has no address in DNS; ", "MAINT (resolution)"),
        ("be1/s2", "not in maintenance or drain: no change; ", "UP"),
    ] {
        let question = enable(&mut term, &relay, server, outcome);
        assert!(question.contains(text), "{server}: {question}");
        assert!(
            lab.stat(server.split_once('/').unwrap().0, server.split_once('/').unwrap().1, "status")
                .starts_with(outcome.split(' ').next().unwrap())
        );
    }
}

#[test]
fn w20_questions_of_other_actions_describe_what_haproxy_does() {
    let lab = Lab::builder()
        .servers(4)
        .checks()
        .server_behavior("be1/s3", ServerBehavior::Closed)
        .sections("backend other\n    server plain 127.0.0.1:9\n    server follower 127.0.0.1:9 track be1/s1")
        .start();
    let relay = Relay::to(lab.admin());
    lab.wait_stat("be1", "s3", "status", |status| status == "DOWN");
    lab.wait_stat("be1", "s1", "status", |status| status == "UP");
    let mut term = start_dashboard(relay.path());
    for (server, command, title, text) in [
        (
            "be1/s1",
            "server.maint",
            "Maintenance: ",
            "open sessions continue (unless on-marked-down shutdown-sessions is set)",
        ),
        ("be1/s1", "server.drain", "Drain: ", "open sessions and clients bound by a cookie or stick table continue"),
        ("be1/s3", "server.health-up", "Health up: ", "UP until 2 health checks fail in a row"),
        ("be1/s1", "server.health-down", "Health down: ", "DOWN until 2 health checks pass in a row"),
        ("other/plain", "server.health-up", "Health up: ", "UP until its health is set again: no health check runs"),
        (
            "other/follower",
            "server.health-up",
            "Health up: ",
            "other/follower tracks be1/s1: HAProxy does not accept this command",
        ),
        (
            "be1/s3",
            "server.checks-off",
            "Health checks off: ",
            "keeps its current state: failures will not be detected",
        ),
    ] {
        term.press("1");
        term.move_to_path(server);
        wait_for_two_polls(&term, &relay);
        term.command(command);
        term.wait_for(title);
        let question = dialog_text(&term.screen(), title);
        assert!(question.contains(text), "{command} {server}: {question}");
        term.press("<esc>");
        term.wait_gone(title);
    }
    // What the texts say.
    let status = |server: &str| lab.stat("be1", server, "status");
    lab.send_command("set server be1/s3 health up");
    lab.wait_stat("be1", "s3", "status", |status| status == "DOWN");
    lab.send_command("set server be1/s1 health down");
    lab.wait_stat("be1", "s1", "status", |status| status == "UP");
    lab.send_command("disable health be1/s3");
    lab.set_server_behavior("be1/s3", ServerBehavior::Ok);
    assert_eq!(status("s3"), "DOWN");
    let reply = support::send_command_to(lab.admin(), "set server other/follower health up").unwrap();
    assert!(reply.contains("cannot change health on a tracking server"), "{reply}");
}
