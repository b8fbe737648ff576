//! Weights and limits of a real HAProxy: steps, typed values, invalid numbers, and the action menu.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::actions::{answer_confirmation, start_dashboard, wait_for_two_polls};
use support::{Lab, Relay, Term};

/// Starts a lab of four servers with weight 100, and a relay to it.
fn weighted_lab() -> (Lab, Relay) {
    let lab = Lab::builder().servers(4).server_options("weight 100").start();
    let relay = Relay::to(lab.admin());
    (lab, relay)
}

/// Returns the commands sent since the last call.
fn new_commands(relay: &Relay, known: &mut usize) -> Vec<String> {
    let commands = relay.write_commands();
    let new = commands[*known..].to_vec();
    *known = commands.len();
    new
}

#[test]
fn weight_steps_are_sent_as_one_command() {
    let (lab, relay) = weighted_lab();
    let mut known = 0;
    let mut term = start_dashboard(relay.path());
    term.press("1");
    term.move_to_path("be1/s2");
    for (keys, command, weight) in [
        ("[[[", "set server be1/s2 weight 97", "97"),
        ("]", "set server be1/s2 weight 98", "98"),
        ("{{]", "set server be1/s2 weight 79", "79"),
        ("}}}", "set server be1/s2 weight 109", "109"),
        // HATop's keys, which are relative, too.
        ("<f6>", "set server be1/s2 weight 108", "108"),
        ("<f5><f5>", "set server be1/s2 weight 88", "88"),
        ("<f7><f7>", "set server be1/s2 weight 90", "90"),
        ("<f8>", "set server be1/s2 weight 100", "100"),
        // Limited to 0 to 256.
        (&"}".repeat(20), "set server be1/s2 weight 256", "256"),
        (&"{".repeat(30), "set server be1/s2 weight 0", "0"),
    ] {
        term.press(keys);
        term.wait_for(command);
        wait_for_two_polls(&term, &relay);
        assert_eq!(new_commands(&relay, &mut known), [""; 0], "{keys}: before confirmation");
        answer_confirmation(&mut term, "Weight: be1 / s2", "y");
        term.wait_for(&format!("be1/s2: verified, weight {weight}"));
        assert_eq!(new_commands(&relay, &mut known), [command], "{keys}");
        assert_eq!(lab.server_state("be1/s2", "srv_uweight"), weight, "{keys}");
        wait_for_two_polls(&term, &relay);
    }
    for row in ["be1/s1", "be1/s3"] {
        assert_eq!(lab.server_state(row, "srv_uweight"), "100", "{row}");
    }
}

#[test]
fn weight_steps_start_from_weight_of_each_server() {
    let (lab, relay) = weighted_lab();
    lab.send_write_command("set server be1/s3 weight 40");
    let mut term = start_dashboard(relay.path());
    term.press("1");
    term.move_to_path("be1/s2");
    term.press("<space><space>");
    term.wait_for("2 marked");
    term.press("{[");
    answer_confirmation(&mut term, "Weight: 2 servers", "y");
    term.wait_for("2 of 2 verified; be1/s2: weight 89; be1/s3: weight 29");
    assert_eq!(relay.write_commands(), ["set server be1/s2 weight 89", "set server be1/s3 weight 29"]);
}

#[test]
fn weight_input_accepts_number_or_percentage() {
    let (lab, relay) = weighted_lab();
    let mut known = 0;
    let mut term = start_dashboard(relay.path());
    term.press("1");
    term.move_to_path("be1/s2");
    for (typed, command, weight) in [
        ("50%", "set server be1/s2 weight 50%", "50"),
        ("30", "set server be1/s2 weight 30", "30"),
        // A percentage of the configured weight, not of the current one.
        ("150%", "set server be1/s2 weight 150%", "150"),
        ("0", "set server be1/s2 weight 0", "0"),
        ("256", "set server be1/s2 weight 256", "256"),
    ] {
        term.press("W");
        term.wait_for("weight of be1/s2 (now ");
        term.press(&format!("{typed}<ret>"));
        answer_confirmation(&mut term, "Weight: be1 / s2", "y");
        term.wait_for(&format!("be1/s2: verified, weight {weight}"));
        assert_eq!(new_commands(&relay, &mut known), [command]);
        assert_eq!(lab.server_state("be1/s2", "srv_uweight"), weight, "{typed}");
        wait_for_two_polls(&term, &relay);
    }
    term.press("<f4>");
    answer_confirmation(&mut term, "Initial weight: be1 / s2", "y");
    term.wait_for("be1/s2: verified, weight 100");
    assert_eq!(new_commands(&relay, &mut known), ["set server be1/s2 weight 100%"]);
}

/// Types each invalid number at the prompt, waits for the error, and finally cancels the prompt.
fn assert_rejects(term: &mut Term, open: &str, prompt: &str, numbers: &[&str], error: &str) {
    term.press(open);
    term.wait_for(prompt);
    for number in numbers {
        term.press(&format!("{number}<ret>"));
        term.wait_for(error);
        assert!(!term.screen().contains("cancel"), "{number}: {}", term.screen());
        term.press("<c-u>");
        term.wait_gone(error);
    }
    term.press("<esc>");
    term.wait_for("nothing was sent");
}

#[test]
fn number_inputs_reject_invalid_values() {
    let (lab, relay) = weighted_lab();
    let mut term = start_dashboard(relay.path());
    term.press("1");
    term.move_to_path("be1/s2");
    let weights = ["257", "-1", "abc", "1.5", "99999999999", "25601%", "1;2", "%"];
    assert_rejects(
        &mut term,
        "W",
        "weight of be1/s2 (now 100; 0-256 or 50%):",
        &weights,
        "a weight is 0 to 256, or a percentage",
    );
    let limits = ["-1", "x", "12a", "2147483648", "1;disable", "50%"];
    let error = "a limit is a number of sessions, 0 or more";
    assert_rejects(
        &mut term,
        ":server.maxconn<ret>",
        "server maxconn of be1/s2 (now no limit; 0 for no limit):",
        &limits,
        error,
    );
    term.move_to_path("fe1");
    // HAProxy would read abc as 0, and the frontend would accept no client.
    let error = "a limit is a number of sessions, 1 or more";
    assert_rejects(
        &mut term,
        ":frontend.maxconn<ret>",
        "frontend maxconn of fe1 (now 2000; at least 1):",
        &["0", "abc", "-3", "1 2"],
        error,
    );
    // Empty input.
    term.move_to_path("be1/s2");
    assert_rejects(
        &mut term,
        "W",
        "weight of be1/s2 (now 100; 0-256 or 50%):",
        &[""],
        "a weight is 0 to 256, or a percentage",
    );
    wait_for_two_polls(&term, &relay);
    assert_eq!(relay.write_commands(), [""; 0]);
    assert_eq!(lab.stat("fe1", "FRONTEND", "slim"), "2000");
}

#[test]
fn server_maxconn_undo_restores_no_limit() {
    let (lab, relay) = weighted_lab();
    let mut term = start_dashboard(relay.path());
    term.press("1");
    term.move_to_path("be1/s2");
    term.press(":server.maxconn<ret>7<ret>");
    answer_confirmation(&mut term, "Server maxconn: be1 / s2", "y");
    term.wait_for("be1/s2: verified, limit 7");
    assert_eq!(lab.stat("be1", "s2", "slim"), "7");
    wait_for_two_polls(&term, &relay);
    term.press("u");
    answer_confirmation(&mut term, "Undo: be1 / s2", "y");
    term.wait_for("be1/s2: verified, no limit");
    assert_eq!(lab.stat("be1", "s2", "slim"), "");
    assert_eq!(relay.write_commands(), ["set maxconn server be1/s2 7", "set maxconn server be1/s2 0"]);
}

/// Returns the text next to an action in the menu.
fn menu_line(screen: &str, id: &str) -> String {
    let line = screen.lines().find(|line| line.contains(&format!(" {id} ")));
    let line = line.unwrap_or_else(|| panic!("no {id} in this menu:\n{screen}"));
    line.split_once(id).unwrap().1.split('│').next().unwrap().trim().to_owned()
}

#[test]
fn action_menu_shows_reason_for_unavailable_actions() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.operator());
    let mut term = start_dashboard(relay.path());
    term.press("1");
    term.move_to_path("be1/s2");
    term.press("a");
    let screen = term.wait_for("─ Act on be1/s2 ");
    assert!(menu_line(&screen, "server.maint").starts_with("not now: needs level admin"));
    // Actions that the level allows come first.
    let first = screen.lines().skip_while(|line| !line.contains("─ Act on ")).nth(1).unwrap();
    assert!(first.contains(" counters.clear-max "), "{first}");
    term.press("<esc>");
    drop(term);

    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    wait_for_two_polls(&term, &relay);
    term.press("1");
    term.move_to_path("be1/s2");
    term.press("a");
    let screen = term.wait_for("─ Act on be1/s2 ");
    assert_eq!(menu_line(&screen, "frontend.disable"), "not now: select a frontend first");
    assert_eq!(menu_line(&screen, "session.end"), "not now: select a session in view 7 first");
    assert_eq!(menu_line(&screen, "server.checks-off"), "not now: be1/s2 has no health checks");
    assert_eq!(menu_line(&screen, "server.agent-down"), "not now: be1/s2 has no agent checks");
    assert!(!menu_line(&screen, "server.maint").starts_with("not now"));
    term.press("<esc>");
    term.wait_gone("─ Act on ");
    for (action, kind) in [("server.checks-off", "health checks"), ("server.agent-down", "agent checks")] {
        term.command(action);
        term.wait_for(&format!("be1/s2 has no {kind}"));
    }
    term.move_to_path("fe1");
    term.press("a");
    let screen = term.wait_for("─ Act on frontend fe1 ");
    assert_eq!(menu_line(&screen, "server.maint"), "not now: select a server first");
    assert!(!menu_line(&screen, "frontend.disable").starts_with("not now"));
    // The key of an action works in the menu.
    term.press("<esc>");
    term.wait_gone("─ Act on ");
    term.move_to_path("be1/s2");
    term.press("a");
    term.wait_for("─ Act on be1/s2 ");
    term.press("M");
    answer_confirmation(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("be1/s2: verified, MAINT");
    assert_eq!(relay.write_commands(), ["set server be1/s2 state maint"]);
}
