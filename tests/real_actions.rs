//! Actions on a real HAProxy: each key's effect is visible in `show stat`, and refused actions send no command.

mod support;

use std::time::Duration;
use support::actions::{answer_confirmation, start_dashboard, wait_for_two_polls};
use support::{Lab, Relay, ServerBehavior, Term, send_command_to};

/// Presses keys and waits two polls, so that any command they trigger has been sent.
fn press_and_wait_for_two_polls(term: &mut Term, relay: &Relay, keys: &str) {
    term.press(keys);
    wait_for_two_polls(term, relay);
}

#[test]
fn maintenance_drain_and_enable_keys_change_state_and_verify() {
    let lab = Lab::builder().backends(2).servers(3).start();
    let mut term = start_dashboard(lab.admin());
    term.move_to_server("be2", "s2");
    for (key, title, outcome, status) in [
        ("M", "Maintenance: be2 / s2", "MAINT", "MAINT"),
        ("E", "Enable: be2 / s2", "no check", "no check"),
        ("D", "Drain: be2 / s2", "DRAIN", "DRAIN"),
        ("E", "Enable: be2 / s2", "no check", "no check"),
        // The function keys do the same.
        ("<f10>", "Maintenance: be2 / s2", "MAINT", "MAINT"),
        ("<f9>", "Enable: be2 / s2", "no check", "no check"),
    ] {
        term.press(key);
        answer_confirmation(&mut term, title, "y");
        term.wait_for(&format!("be2/s2: verified, {outcome}"));
        assert_eq!(lab.stat("be2", "s2", "status"), status, "{key}");
        term.wait_cell("Servers of be2", "s2", "STATE", |state| state == status);
    }
    for (backend, server) in [("be1", "s1"), ("be1", "s2"), ("be2", "s1"), ("be2", "s3")] {
        assert_eq!(lab.stat(backend, server, "status"), "no check", "{backend}/{server} must not change");
    }
    term.wait_for("set server be2/s2 state ready: verified");
    term.wait_for("by us");
}

#[test]
fn confirmation_shows_current_state_and_impact() {
    let lab = Lab::builder()
        .servers(4)
        .server_behavior("be1/s2", ServerBehavior::Slow(Duration::from_mins(1)))
        .cookie()
        .start();
    let traffic = support::Traffic::to(lab.frontend_addr()).header("Cookie: SRV=s2").workers(3).start();
    lab.wait_stat("be1", "s2", "scur", |sessions| sessions == "3");
    let mut term = start_dashboard(lab.admin());
    term.move_to_server("be1", "s2");
    term.wait_cell("Servers of be1", "s2", "SESS/LIM", |sessions| sessions == "3");
    term.press("D");
    let screen = term.wait_for("Drain: be1 / s2");
    for line in [
        "set server be1/s2 state drain",
        "now     no check, 3 sessions, 0 queued, weight 1",
        "after   3 of 4 servers usable, 75 % of the current weight",
    ] {
        assert!(screen.contains(line), "{line}\n{screen}");
    }
    answer_confirmation(&mut term, "y yes", "y");
    term.wait_for("be1/s2: verified, DRAIN, 3 sessions left");
    drop(traffic);
}

#[test]
fn confirmation_sends_command_only_after_yes() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.move_to_server("be1", "s2");
    for (action_key, cancel_key) in [
        ("M", "n"),
        ("D", "<esc>"),
        ("M", "<ret>"),
        ("D", "q"),
        ("E", "n"),
        ("M", "N"),
        ("M", "Y"),
        ("D", "<tab>"),
        ("E", "<a-y>"),
    ] {
        term.press(action_key);
        answer_confirmation(&mut term, "cancel", cancel_key);
        term.wait_gone("cancel");
        term.wait_for("nothing was sent");
    }
    // Keys that scroll do not answer.
    term.press("M");
    answer_confirmation(&mut term, "cancel", "jk<down><up><home><end><pgdn>");
    press_and_wait_for_two_polls(&mut term, &relay, "<pgup>");
    assert!(term.screen().contains("Maintenance: be1 / s2"), "{}", term.screen());
    assert_eq!(relay.write_commands(), [""; 0]);
    term.answer("y");
    term.wait_for("verified, MAINT");
    assert_eq!(relay.write_commands(), ["set server be1/s2 state maint"]);
    // The command and each question before and after it have their own connection.
    let lines = relay.lines();
    let is_command = |line: &String| line.contains("set ");
    let command = lines.iter().position(is_command).unwrap();
    assert_eq!(lines[command], "show info;set server be1/s2 state maint");
    // Polls, which ask for all rows, may come in between.
    let is_question = |line: &&String| line.contains("show stat ") || line.contains("servers state be1");
    let before: Vec<&String> = lines[..command].iter().filter(is_question).collect();
    let after: Vec<&String> = lines[command + 1..].iter().filter(is_question).take(2).collect();
    assert!(before.iter().rev().take(3).any(|line| *line == "show servers state be1"), "{before:?}");
    assert!(after[0].starts_with("show info;show stat ") && after[0].ends_with(" 7 -1"), "{after:?}");
    assert_eq!(after[1], "show servers state be1");
}

#[test]
fn confirmation_ignores_yes_typed_ahead() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.move_to_server("be1", "s2");
    term.wait_input_read();
    term.paste(b"My");
    term.wait_for("the question was not on the screen yet; press y again");
    press_and_wait_for_two_polls(&mut term, &relay, "");
    assert!(term.screen().contains("Maintenance: be1 / s2"), "{}", term.screen());
    assert_eq!(relay.write_commands(), [""; 0]);
    assert_eq!(lab.stat("be1", "s2", "status"), "no check");
}

#[test]
fn maintenance_of_last_usable_server_requires_typed_name() {
    let lab = Lab::builder().start();
    lab.send_command("disable server be1/s2");
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.move_to_server("be1", "s1");
    term.wait_cell("Servers of be1", "s2", "STATE", |state| state == "MAINT");
    term.press("M");
    let screen = term.wait_for("type \"s1\"");
    assert!(screen.contains("be1 would have no usable server"), "{screen}");
    answer_confirmation(&mut term, "type \"s1\"", "s2<ret>");
    term.wait_for("does not match \"s1\"");
    press_and_wait_for_two_polls(&mut term, &relay, "<bs>");
    assert_eq!(relay.write_commands(), [""; 0], "a wrong name sends nothing");
    term.press("1");
    term.wait_for("> s1_");
    press_and_wait_for_two_polls(&mut term, &relay, "");
    assert_eq!(relay.write_commands(), [""; 0], "the right name alone sends nothing");
    term.answer("<ret>");
    term.wait_for("be1/s1: verified, MAINT");
    assert_eq!(lab.stat("be1", "s1", "status"), "MAINT");
    term.wait_for("CRIT be1: no server available: 2 in maintenance or drain");
    // Enabling a server needs no typed name.
    term.press("E");
    answer_confirmation(&mut term, "Enable: be1 / s1", "y");
    term.wait_for("be1/s1: verified, no check");
}

#[test]
fn drain_of_down_server_is_verified_by_admin_state() {
    let lab = Lab::builder().servers(3).checks().server_behavior("be1/s2", ServerBehavior::Closed).start();
    lab.wait_stat("be1", "s2", "status", |status| status == "DOWN");
    let mut term = start_dashboard(lab.admin());
    term.move_to_server("be1", "s2");
    term.wait_cell("Servers of be1", "s2", "STATE", |state| state == "DOWN");
    term.press("D");
    answer_confirmation(&mut term, "Drain: be1 / s2", "y");
    term.wait_for("be1/s2: verified, DOWN");
    assert_eq!(lab.server_state("be1/s2", "srv_admin_state"), "8");
    assert_eq!(lab.stat("be1", "s2", "status"), "DOWN");
}

/// Keys of actions on a server.
const ACTION_KEYS: [&str; 5] = ["M", "D", "E", "<f9>", "<f10>"];

#[test]
fn actions_are_refused_on_socket_below_level_admin() {
    let lab = Lab::builder().servers(3).start();
    for (socket, level) in [(lab.user(), "user"), (lab.operator(), "operator")] {
        let relay = Relay::to(socket);
        let mut term = start_dashboard(relay.path());
        term.wait_for(&format!(" {level} "));
        term.move_to_server("be1", "s2");
        for key in ACTION_KEYS {
            // Replaces the notice, so that the wait below sees the next refusal.
            term.press("o");
            term.wait_for("there is only one instance");
            term.press(key);
            term.wait_for(&format!("this socket has {level}"));
            press_and_wait_for_two_polls(&mut term, &relay, "y");
            assert!(!term.screen().contains("cancel"), "{}", term.screen());
        }
        let allowed =
            ["show info;show stat", "show cli level", "show servers state", "show resolvers", "show ssl cert"];
        let unexpected: Vec<_> = relay.lines().into_iter().filter(|line| !allowed.contains(&line.as_str())).collect();
        assert_eq!(unexpected, [""; 0], "{level}");
        assert_eq!(lab.stat("be1", "s2", "status"), "no check");
    }
}

#[test]
fn read_only_lowers_level_on_every_connection() {
    let lab = Lab::builder().servers(3).start();
    for socket in [lab.admin(), lab.user()] {
        let relay = Relay::to(socket);
        let args = ["--read-only", "-i", "0.1"];
        let mut term = Term::builder().args(args).args([relay.path()]).size(120, 40).start();
        term.wait_for(" RO ");
        term.move_to_server("be1", "s2");
        for key in ACTION_KEYS {
            term.press("o");
            term.wait_for("there is only one instance");
            term.press(key);
            term.wait_for("read-only mode: to use ");
            press_and_wait_for_two_polls(&mut term, &relay, "y");
            assert!(!term.screen().contains("cancel"), "{}", term.screen());
        }
        term.press("?");
        term.wait_for("not now: read-only mode: to use");
        for sent in relay.connections() {
            assert!(sent.starts_with("operator;") || sent.is_empty(), "{sent:?}");
        }
        assert_eq!(relay.write_commands(), [""; 0]);
    }
    // HAProxy denies write commands on a connection that starts this way.
    let denied = send_command_to(lab.admin(), "operator;disable server be1/s2").unwrap();
    assert!(denied.contains("Permission denied"), "{denied:?}");
    assert_eq!(lab.stat("be1", "s2", "status"), "no check");
}

#[test]
fn actions_distinguish_frontend_and_backend_of_same_name() {
    let sections = "frontend app\n    bind {{app}}\n    default_backend app\n\
                    backend app\n    server one 127.0.0.1:9\n    server two 127.0.0.1:9\n    server three 127.0.0.1:9\n";
    let lab = Lab::builder().frontends(0).backends(0).sections(sections).start();
    let mut term = start_dashboard(lab.admin());
    assert_eq!(term.table("Frontends").unwrap().names(), ["app"]);
    assert_eq!(term.table("Backends").unwrap().names(), ["app"]);
    term.move_to_server("app", "two");
    for (key, title, status) in [("M", "Maintenance: app / two", "MAINT"), ("E", "Enable: app / two", "no check")] {
        term.press(key);
        answer_confirmation(&mut term, title, "y");
        term.wait_for(&format!("app/two: verified, {status}"));
        assert_eq!(lab.stat("app", "two", "status"), status);
        term.wait_cell("Servers of app", "two", "STATE", |state| state == status);
    }
    assert_eq!(lab.stat("app", "FRONTEND", "status"), "OPEN");
}

#[test]
fn actions_work_over_tcp_and_badge_shows_it() {
    let lab = Lab::builder().servers(3).tcp().start();
    for addr in std::iter::once(lab.tcp()).chain(lab.tcp6()) {
        let mut term = start_dashboard(addr.to_string());
        term.wait_for("ADMIN over TCP");
        term.move_to_server("be1", "s3");
        for (key, title, status) in [("M", "Maintenance: be1 / s3", "MAINT"), ("E", "Enable: be1 / s3", "no check")] {
            term.press(key);
            answer_confirmation(&mut term, title, "y");
            term.wait_for(&format!("be1/s3: verified, {status}"));
            assert_eq!(lab.stat("be1", "s3", "status"), status, "{addr}");
            term.wait_cell("Servers of be1", "s3", "STATE", |state| state == status);
        }
    }
}

#[test]
fn confirmation_repeats_when_server_state_changed() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.move_to_server("be1", "s2");
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    lab.send_command("set server be1/s2 state drain");
    term.wait_for("now     DRAIN");
    answer_confirmation(&mut term, "cancel", "y");
    term.wait_for("please confirm again: be1/s2 changed meanwhile: it was no check, now it is DRAIN");
    assert_eq!(relay.write_commands(), [""; 0]);
    answer_confirmation(&mut term, "cancel", "y");
    term.wait_for("be1/s2: verified, MAINT");
    assert_eq!(relay.write_commands(), ["set server be1/s2 state maint"]);
}
