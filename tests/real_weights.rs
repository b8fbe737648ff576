//! Weights and limits of a real HAProxy: stepped, typed, and numbers that are none; what the menu says of acts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::acts::{answer, dashboard, let_polls_pass};
use support::{Lab, Relay, Term};

fn weighted() -> (Lab, Relay) {
    let lab = Lab::builder().servers(4).server_options("weight 100").start();
    let relay = Relay::to(lab.admin());
    (lab, relay)
}

/// What was sent since the last look.
fn newly(relay: &Relay, known: &mut usize) -> Vec<String> {
    let acts = relay.acts();
    let new = acts[*known..].to_vec();
    *known = acts.len();
    new
}

#[test]
fn steps_of_a_weight_become_one_command() {
    let (lab, relay) = weighted();
    let mut known = 0;
    let mut term = dashboard(relay.path());
    term.press("1");
    term.select_row("be1/s2");
    for (keys, command, now) in [
        ("[[[", "set server be1/s2 weight 97", "97"),
        ("]", "set server be1/s2 weight 98", "98"),
        ("{{]", "set server be1/s2 weight 79", "79"),
        ("}}}", "set server be1/s2 weight 109", "109"),
        // HATop's keys, which are relative as well.
        ("<f6>", "set server be1/s2 weight 108", "108"),
        ("<f5><f5>", "set server be1/s2 weight 88", "88"),
        ("<f7><f7>", "set server be1/s2 weight 90", "90"),
        ("<f8>", "set server be1/s2 weight 100", "100"),
        // No lower than 0, no higher than 256.
        (&"}".repeat(20), "set server be1/s2 weight 256", "256"),
        (&"{".repeat(30), "set server be1/s2 weight 0", "0"),
    ] {
        term.press(keys);
        term.wait_for(command);
        let_polls_pass(&term, &relay);
        assert_eq!(newly(&relay, &mut known), [""; 0], "{keys}: only asked");
        answer(&mut term, "Weight: be1 / s2", "y");
        term.wait_for(&format!("be1/s2: verified, weight {now}"));
        assert_eq!(newly(&relay, &mut known), [command], "{keys}");
        assert_eq!(lab.state("be1/s2", "srv_uweight"), now, "{keys}");
        let_polls_pass(&term, &relay);
    }
    for row in ["be1/s1", "be1/s3"] {
        assert_eq!(lab.state(row, "srv_uweight"), "100", "{row}");
    }
}

#[test]
fn several_weights_are_stepped_each_from_its_own() {
    let (lab, relay) = weighted();
    lab.order("set server be1/s3 weight 40");
    let mut term = dashboard(relay.path());
    term.press("1");
    term.select_row("be1/s2");
    term.press("<space><space>");
    term.wait_for("2 marked");
    term.press("{[");
    answer(&mut term, "Weight: 2 servers", "y");
    term.wait_for("be1/s3: verified, weight 29");
    assert_eq!(relay.acts(), ["set server be1/s2 weight 89", "set server be1/s3 weight 29"]);
}

#[test]
fn a_weight_is_typed_as_a_number_or_a_share() {
    let (lab, relay) = weighted();
    let mut known = 0;
    let mut term = dashboard(relay.path());
    term.press("1");
    term.select_row("be1/s2");
    for (typed, command, now) in [
        ("50%", "set server be1/s2 weight 50%", "50"),
        ("30", "set server be1/s2 weight 30", "30"),
        // A share of the configured one, whatever it is now.
        ("150%", "set server be1/s2 weight 150%", "150"),
        ("0", "set server be1/s2 weight 0", "0"),
        ("256", "set server be1/s2 weight 256", "256"),
    ] {
        term.press("W");
        term.wait_for("weight of be1/s2:");
        term.press(&format!("{typed}<ret>"));
        answer(&mut term, "Weight: be1 / s2", "y");
        term.wait_for(&format!("be1/s2: verified, weight {now}"));
        assert_eq!(newly(&relay, &mut known), [command]);
        assert_eq!(lab.state("be1/s2", "srv_uweight"), now, "{typed}");
        let_polls_pass(&term, &relay);
    }
    term.press("<f4>");
    answer(&mut term, "Initial weight: be1 / s2", "y");
    term.wait_for("be1/s2: verified, weight 100");
    assert_eq!(newly(&relay, &mut known), ["set server be1/s2 weight 100%"]);
}

/// Types each, and waits for the complaint; then leaves the line.
fn complains(term: &mut Term, open: &str, asked: &str, numbers: &[&str], complaint: &str) {
    term.press(open);
    term.wait_for(asked);
    for number in numbers {
        term.press(&format!("{number}<ret>"));
        term.wait_for(complaint);
        assert!(!term.screen().contains("leave it"), "{number}: {}", term.screen());
        term.press("<c-u>");
        term.wait_gone(complaint);
    }
    term.press("<esc>");
    term.wait_for("nothing was sent");
}

#[test]
fn what_is_no_number_is_complained_about_and_not_sent() {
    let (lab, relay) = weighted();
    let mut term = dashboard(relay.path());
    term.press("1");
    term.select_row("be1/s2");
    let weights = ["257", "-1", "abc", "1.5", "50%%", "99999999999", "25601%", "1;2", "%"];
    complains(&mut term, "W", "weight of be1/s2:", &weights, "a weight is 0 to 256, or a share");
    let limits = ["-1", "x", "12a", "2147483648", "1;disable", "50%"];
    let words = "a limit is a number of sessions, 0 or more";
    complains(&mut term, ":server.maxconn<ret>", "server maxconn of be1/s2:", &limits, words);
    term.select_row("fe1");
    // HAProxy would take abc for 0, and the frontend would accept nobody.
    let words = "a limit is a number of sessions, 1 or more";
    complains(&mut term, ":frontend.maxconn<ret>", "frontend maxconn of fe1:", &["0", "abc", "-3", "1 2"], words);
    // Nothing typed.
    term.select_row("be1/s2");
    complains(&mut term, "W", "weight of be1/s2:", &[""], "a weight is 0 to 256, or a share");
    let_polls_pass(&term, &relay);
    assert_eq!(relay.acts(), [""; 0]);
    assert_eq!(lab.stat("fe1", "FRONTEND", "slim"), "2000");
}

#[test]
fn a_server_without_a_limit_gets_one_and_loses_it_again() {
    let (lab, relay) = weighted();
    let mut term = dashboard(relay.path());
    term.press("1");
    term.select_row("be1/s2");
    term.press(":server.maxconn<ret>7<ret>");
    answer(&mut term, "Server maxconn: be1 / s2", "y");
    term.wait_for("be1/s2: verified, limit 7");
    assert_eq!(lab.stat("be1", "s2", "slim"), "7");
    let_polls_pass(&term, &relay);
    term.press("u");
    answer(&mut term, "Undo: be1 / s2", "y");
    term.wait_for("be1/s2: verified, no limit");
    assert_eq!(lab.stat("be1", "s2", "slim"), "");
    assert_eq!(relay.acts(), ["set maxconn server be1/s2 7", "set maxconn server be1/s2 0"]);
}

/// What the menu says beside an act.
fn menu_line(screen: &str, id: &str) -> String {
    let line = screen.lines().find(|line| line.contains(&format!(" {id} ")));
    let line = line.unwrap_or_else(|| panic!("no {id} in this menu:\n{screen}"));
    line.split_once(id).unwrap().1.split('│').next().unwrap().trim().to_owned()
}

#[test]
fn the_menu_says_why_something_is_not_to_be_had() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.operator());
    let mut term = dashboard(relay.path());
    term.press("1");
    term.select_row("be1/s2");
    term.press("a");
    let screen = term.wait_for("─ Act on be1/s2 ");
    assert!(menu_line(&screen, "server.maint").starts_with("not now: maintenance needs level admin"));
    // What the level suffices for stands first.
    let first = screen.lines().skip_while(|line| !line.contains("─ Act on ")).nth(1).unwrap();
    assert!(first.contains(" counters.clear-max "), "{first}");
    term.press("<esc>");
    drop(term);

    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    let_polls_pass(&term, &relay);
    term.press("1");
    term.select_row("be1/s2");
    term.press("a");
    let screen = term.wait_for("─ Act on be1/s2 ");
    assert_eq!(menu_line(&screen, "frontend.disable"), "not now: select a frontend first");
    assert_eq!(menu_line(&screen, "session.end"), "not now: select a session in view 7 first");
    assert_eq!(menu_line(&screen, "server.checks-off"), "not now: be1/s2 has no health checks");
    assert_eq!(menu_line(&screen, "server.agent-down"), "not now: be1/s2 has no agent checks");
    assert!(!menu_line(&screen, "server.maint").starts_with("not now"));
    term.press("<esc>");
    term.wait_gone("─ Act on ");
    for (act, what) in [("server.checks-off", "health checks"), ("server.agent-down", "agent checks")] {
        term.command(act);
        term.wait_for(&format!("be1/s2 has no {what}"));
    }
    term.select_row("fe1");
    term.press("a");
    let screen = term.wait_for("─ Act on frontend fe1 ");
    assert_eq!(menu_line(&screen, "server.maint"), "not now: select a server first");
    assert!(!menu_line(&screen, "frontend.disable").starts_with("not now"));
    // The key of an act is told beside it, and works there.
    term.press("<esc>");
    term.wait_gone("─ Act on ");
    term.select_row("be1/s2");
    term.press("a");
    term.wait_for("─ Act on be1/s2 ");
    term.press("M");
    answer(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("be1/s2: verified, MAINT");
    assert_eq!(relay.acts(), ["set server be1/s2 state maint"]);
}
