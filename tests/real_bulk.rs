//! Actions on several servers of a real HAProxy: marked servers, same-named servers of all backends, the order of
//! commands, undo, and the stop at the first failure.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::actions::{answer_confirmation, start_dashboard, wait_for_two_polls};
use support::screen::message;
use support::{Lab, Relay, Term};

/// Returns the names of the marked rows of a view's table.
fn marked_rows(screen: &str) -> Vec<String> {
    let lines = screen.lines().filter(|line| line.chars().nth(2) == Some('◆'));
    let name = |line: &str| {
        line.chars()
            .skip(3)
            .filter(|char| *char != '▾')
            .collect::<String>()
            .split_whitespace()
            .next()
            .map(str::to_owned)
    };
    lines.filter_map(name).collect()
}

/// Waits until exactly these rows are marked.
fn wait_for_marked(term: &Term, names: &[&str]) {
    term.wait_until(|screen| marked_rows(screen) == names);
}

/// Returns `srv_admin_state` of each server.
fn admin_states(lab: &Lab, servers: &[&str]) -> Vec<String> {
    servers.iter().map(|server| lab.server_state(server, "srv_admin_state")).collect()
}

#[test]
fn marked_servers_are_confirmed_once_and_changed_in_order() {
    let lab = Lab::builder().servers(6).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.press("1");
    // Not in the order of HAProxy's rows.
    term.move_to_path("be1/s4");
    term.press("<space>");
    term.wait_for("1 marked: actions apply to them");
    term.wait_grid(|grid| grid.cursor_row() == Some("be1/s5"));
    term.move_to_path("be1/s2");
    term.press("<space>");
    wait_for_marked(&term, &["s2", "s4"]);
    term.press("M");
    let screen = term.wait_for("Maintenance: 2 servers");
    for line in [
        "set server be1/s2 state maint",
        "set server be1/s4 state maint",
        "4 of 6 servers usable, 67 % of the current weight",
    ] {
        assert!(screen.contains(line), "{line}\n{screen}");
    }
    answer_confirmation(&mut term, "y yes", "y");
    term.wait_for("2 of 2 verified: MAINT, 0 sessions left; 4 of 6 servers of be1 usable");
    wait_for_marked(&term, &[]);
    assert_eq!(relay.write_commands(), ["set server be1/s2 state maint", "set server be1/s4 state maint"]);
    assert_eq!(admin_states(&lab, &["be1/s1", "be1/s2", "be1/s3", "be1/s4", "be1/s5"]), ["0", "1", "0", "1", "0"]);
    let done_records = term.wait_for_done_records(2);
    assert!(done_records.iter().all(|record| record["verified"] == true), "{done_records:?}");
    // Undo reverses the order.
    wait_for_two_polls(&term, &relay);
    term.press("u");
    answer_confirmation(&mut term, "Undo: 2 servers", "y");
    term.wait_for("2 of 2 verified: no check");
    assert_eq!(relay.write_commands()[2..], ["set server be1/s4 state ready", "set server be1/s2 state ready"]);
    assert_eq!(admin_states(&lab, &["be1/s2", "be1/s4"]), ["0", "0"]);
}

#[test]
fn marking_works_by_range_and_filter_and_is_cleared_by_key() {
    let lab = Lab::builder().servers(6).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.press("1");
    term.move_to_path("be1/s2");
    term.press("v");
    term.wait_for("1 marked; moving extends the range, v ends it");
    term.press("jj");
    wait_for_marked(&term, &["s2", "s3", "s4"]);
    term.press("k");
    wait_for_marked(&term, &["s2", "s3"]);
    term.press("v");
    term.wait_for("2 marked: actions apply to them");
    term.press("jj");
    wait_for_marked(&term, &["s2", "s3"]);
    term.press("U");
    term.wait_for("no rows are marked");
    wait_for_marked(&term, &[]);
    // `*` marks only the rows that the filter shows.
    term.press("/s5 | s6<ret>");
    term.wait_until(|screen| !screen.contains(" s4 "));
    term.press("*");
    term.wait_for("2 marked");
    wait_for_marked(&term, &["s5", "s6"]);
    term.press("D");
    answer_confirmation(&mut term, "Drain: 2 servers", "y");
    term.wait_for("2 of 2 verified: DRAIN");
    assert_eq!(relay.write_commands(), ["set server be1/s5 state drain", "set server be1/s6 state drain"]);
    term.press("<esc>");
    // A selection of servers and frontends fits no action.
    term.move_to_path("be1/s1");
    term.press("<space>");
    term.move_to_path("fe1");
    term.press("<space>");
    wait_for_marked(&term, &["fe1", "s1"]);
    term.press("M");
    term.wait_for("needs a server, but other rows are marked; U removes all marks");
    term.press("<esc>");
    wait_for_marked(&term, &[]);
    assert_eq!(relay.write_commands().len(), 2);
}

/// Returns the position of an action in the open menu.
fn menu_position(screen: &str, id: &str) -> usize {
    let mut lines = screen.lines().skip_while(|line| !line.contains("─ Act on ")).skip(1);
    lines.position(|line| line.contains(id)).unwrap_or_else(|| panic!("no {id} in this menu:\n{screen}"))
}

#[test]
fn everywhere_action_changes_same_named_server_in_every_backend() {
    let lab = Lab::builder().backends(3).servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.move_to_server("be2", "s2");
    term.press("a");
    let screen = term.wait_for("─ Act on be2/s2 ");
    term.press(&"j".repeat(menu_position(&screen, "everywhere.maint")));
    term.press("<ret>");
    let screen = term.wait_for("type \"3 servers\"");
    for command in ["set server be2/s2 state maint", "set server be1/s2 state maint", "set server be3/s2 state maint"] {
        assert!(screen.contains(command), "{command}\n{screen}");
    }
    answer_confirmation(&mut term, "Maintenance: 3 servers", "y");
    term.press("<ret>");
    term.wait_for("does not match \"3 servers\"");
    wait_for_two_polls(&term, &relay);
    assert_eq!(relay.write_commands(), [""; 0]);
    term.answer("<bs>3 servers<ret>");
    term.wait_for("3 of 3 verified: ");
    let all = ["be1/s2", "be2/s2", "be3/s2"];
    assert_eq!(admin_states(&lab, &all), ["1", "1", "1"]);
    assert_eq!(admin_states(&lab, &["be1/s1", "be2/s1", "be3/s3"]), ["0", "0", "0"]);
    for (id, after) in [("everywhere.drain", "8"), ("everywhere.ready", "0")] {
        wait_for_two_polls(&term, &relay);
        term.command(id);
        answer_confirmation(&mut term, "type \"3 servers\"", "3 servers<ret>");
        term.wait_until(|_| admin_states(&lab, &all) == [after; 3]);
        term.wait_for("3 of 3 verified: ");
    }
    assert_eq!(term.wait_for_done_records(9).len(), 9);
}

#[test]
fn batch_stops_at_first_failure_and_reports_each_action() {
    // A backend with a static algorithm accepts only the weights 0 and 100 %.
    let sections = "backend fixed\n    balance static-rr\n    server x1 127.0.0.1:9 weight 10\n    \
                    server x2 127.0.0.1:9 weight 10\n\
                    backend later\n    balance roundrobin\n    server x3 127.0.0.1:9 weight 10\n    \
                    server x4 127.0.0.1:9 weight 10\n";
    let lab = Lab::builder().server_options("weight 10").sections(sections).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.press("1");
    for row in ["later/x3", "fixed/x1", "be1/s2"] {
        term.move_to_path(row);
        term.press("<space>");
    }
    wait_for_marked(&term, &["s2", "x1", "x3"]);
    term.press("W5<ret>");
    answer_confirmation(&mut term, "type \"3 servers\"", "3 servers<ret>");
    term.wait_until(|screen| {
        let notice = message(screen);
        notice.contains("1 done, 1 not started; fixed/x1: refused by HAProxy: ")
            && notice.contains("static LB algorithm")
    });
    let weights = |names: [&str; 3]| names.map(|name| lab.server_state(name, "srv_uweight"));
    assert_eq!(weights(["be1/s2", "fixed/x1", "later/x3"]), ["5", "10", "10"]);
    assert_eq!(relay.write_commands(), ["set server be1/s2 weight 5", "set server fixed/x1 weight 5"]);
    term.press("9");
    let lines = [
        ("set server be1/s2 weight 5: ", "verified, weight 5"),
        ("set server fixed/x1 weight 5: ", "refused by HAProxy: "),
        ("set server later/x3 weight 5: ", "not sent: an earlier action failed"),
    ];
    term.wait_until(|screen| lines.iter().all(|(action, outcome)| screen.contains(&format!("{action}{outcome}"))));
    // The audit has the refused action but not the one that was not sent.
    let done_records = term.wait_for_done_records(2);
    let targets: Vec<_> =
        done_records.iter().map(|record| (record["target"].as_str().unwrap(), record["verified"].as_bool())).collect();
    assert_eq!(targets, [("be1/s2", Some(true)), ("fixed/x1", Some(false))]);
    assert!(done_records[1]["answer"].as_str().unwrap().contains("static LB algorithm"), "{}", done_records[1]);
    assert_eq!(term.audit_records().len(), 4);
    // Undo reverses only the action that succeeded.
    term.press("1");
    wait_for_two_polls(&term, &relay);
    term.press("u");
    answer_confirmation(&mut term, "Undo: be1 / s2", "y");
    term.wait_for("be1/s2: verified, weight 10");
    assert_eq!(weights(["be1/s2", "fixed/x1", "later/x3"]), ["10", "10", "10"]);
}

#[test]
fn two_marked_backends_are_drained_after_one_question() {
    let sections =
        "backend be2\n    server x1 127.0.0.1:9\n    server x2 127.0.0.1:9\n    server x3 127.0.0.1:9 disabled\n";
    let lab = Lab::builder().servers(2).sections(sections).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.press("1");
    for backend in ["be1", "be2"] {
        term.move_to_path(backend);
        term.press("<space>");
    }
    wait_for_marked(&term, &["be1", "be2"]);
    term.press("D");
    let screen = term.wait_for("Drain: 4 servers of be1 and be2");
    for line in ["set server be1/s1 state drain", "set server be2/x2 state drain", "be1: ", "be2: "] {
        assert!(screen.contains(line), "{line}\n{screen}");
    }
    assert!(!screen.contains("set server be2/x3"), "a server in maintenance stays there\n{screen}");
    answer_confirmation(&mut term, "type \"4 servers\"", "4<space>servers<ret>");
    term.wait_for("4 of 4 verified");
    let servers = ["be1/s1", "be1/s2", "be2/x1", "be2/x2"];
    assert_eq!(admin_states(&lab, &servers), ["8", "8", "8", "8"]);
    assert_eq!(relay.write_commands(), servers.map(|server| format!("set server {server} state drain")));
    wait_for_marked(&term, &[]);
    // Undo restores all of them.
    wait_for_two_polls(&term, &relay);
    term.press("u");
    term.wait_for("Undo: 4 servers of be2 and be1");
    term.answer("4<space>servers<ret>");
    term.wait_until(|_| admin_states(&lab, &servers) == ["0", "0", "0", "0"]);
}

#[test]
fn undo_stack_returns_newest_action_first() {
    let lab = Lab::builder().servers(6).server_options("weight 10").start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.press("1");
    for (row, keys, confirmation, outcome) in [
        ("be1/s1", "M", "Maintenance: be1 / s1", "be1/s1: verified, MAINT"),
        ("be1/s2", "W7<ret>", "Weight: be1 / s2", "be1/s2: verified, weight 7"),
        ("be1/s3", "D", "Drain: be1 / s3", "be1/s3: verified, DRAIN"),
        ("be1/s1", "D", "Drain: be1 / s1", "be1/s1: verified, DRAIN"),
    ] {
        term.move_to_path(row);
        wait_for_two_polls(&term, &relay);
        term.press(keys);
        answer_confirmation(&mut term, confirmation, "y");
        term.wait_for(outcome);
    }
    let current_state = || (admin_states(&lab, &["be1/s1", "be1/s3"]), lab.server_state("be1/s2", "srv_uweight"));
    let expected_state = |states: [&str; 2], weight: &str| (states.map(str::to_owned).to_vec(), weight.to_owned());
    assert_eq!(current_state(), expected_state(["8", "8"], "7"));
    // Undo reports an irreversible action and skips it.
    wait_for_two_polls(&term, &relay);
    term.command("counters.clear-max");
    answer_confirmation(&mut term, "type \"clear\"", "clear<ret>");
    term.wait_for("the counters: ");
    wait_for_two_polls(&term, &relay);
    term.press("u");
    term.wait_for("cannot be undone; this is the action before it");
    term.press("<esc>");
    term.wait_for("nothing was sent");
    for (confirmation, outcome, after) in [
        ("Undo: be1 / s1", "be1/s1: verified, MAINT", (["1", "8"], "7")),
        ("Undo: be1 / s3", "be1/s3: verified, no check", (["1", "0"], "7")),
        ("Undo: be1 / s2", "be1/s2: verified, weight 10", (["1", "0"], "10")),
        ("Undo: be1 / s1", "be1/s1: verified, no check", (["0", "0"], "10")),
    ] {
        wait_for_two_polls(&term, &relay);
        term.press("u");
        answer_confirmation(&mut term, confirmation, "y");
        term.wait_for(outcome);
        assert_eq!(current_state(), expected_state(after.0, after.1), "{outcome}");
    }
    wait_for_two_polls(&term, &relay);
    term.press("u");
    term.wait_for("nothing to undo");
    assert_eq!(term.wait_for_done_records(9).len(), 9);
}
