//! Protection against dangerous actions on a real HAProxy: typed names for large impacts, and targets that stay fixed
//! while the confirmation is open.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::actions::{answer_confirmation, start_dashboard, wait_for_two_polls};
use support::{CannedReplies, FakeSocket, Lab, Relay, Term, wait_until};

/// Types wrong answers and then this name: `y` and other names are rejected, and nothing is sent before Enter.
fn confirm_with_typed_name(term: &mut Term, relay: &Relay, name: &str) {
    let prompt = format!("type \"{name}\"");
    answer_confirmation(term, &prompt, "y<ret>");
    term.wait_for(&format!("does not match \"{name}\""));
    term.answer(&format!("<bs>{name}x<ret>"));
    term.wait_for(&format!("does not match \"{name}\""));
    term.press("<bs>");
    term.wait_for(&format!("> {name}_"));
    wait_for_two_polls(term, relay);
    assert_eq!(relay.write_commands(), [""; 0], "before Enter");
    term.answer("<ret>");
    term.wait_gone(&prompt);
}

#[test]
fn losing_more_than_half_of_weight_requires_typed_name() {
    for (keys, outcome) in
        [("M", "be1/s1: verified, MAINT"), ("D", "be1/s1: verified, DRAIN"), ("W0<ret>", "be1/s1: verified, weight 0")]
    {
        let lab = Lab::builder().servers(3).server_options("weight 10").server_option("be1/s1", "weight 30").start();
        let relay = Relay::to(lab.admin());
        let mut term = start_dashboard(relay.path());
        term.press("1");
        term.move_to_path("be1/s1");
        term.press(keys);
        let screen = term.wait_for("type \"s1\"");
        assert!(screen.contains("be1 would lose more than half of its weight"), "{screen}");
        confirm_with_typed_name(&mut term, &relay, "s1");
        term.wait_for(outcome);
        assert_eq!(relay.write_commands().len(), 1);
        // The servers with the other half of the weight need no typed name.
        let lab = Lab::builder().servers(3).server_options("weight 10").server_option("be1/s1", "weight 30").start();
        let mut term = start_dashboard(lab.admin());
        term.press("1");
        term.move_to_path("be1/s2");
        term.press(keys);
        let screen = term.wait_for("y yes");
        assert!(!screen.contains("then Enter"), "{screen}");
    }
}

#[test]
fn losing_last_server_requires_typed_name_for_every_action() {
    for (keys, outcome) in [
        ("D", "be1/s1: verified, DRAIN"),
        ("W0<ret>", "be1/s1: verified, weight 0"),
        (":server.health-down<ret>", "be1/s1: verified, DOWN"),
    ] {
        let lab = Lab::builder().servers(2).server_option("be1/s1", "check inter 1h").start();
        lab.send_write_command("set server be1/s2 state maint");
        let relay = Relay::to(lab.admin());
        let mut term = start_dashboard(relay.path());
        term.press("1");
        term.move_to_path("be1/s1");
        term.press(keys);
        let screen = term.wait_for("type \"s1\"");
        assert!(screen.contains("be1 would have no usable server"), "{screen}");
        confirm_with_typed_name(&mut term, &relay, "s1");
        term.wait_for(outcome);
    }
    // A remaining backup server is mentioned.
    let lab = Lab::builder().servers(2).server_option("be1/s2", "backup").start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.press("1");
    term.move_to_path("be1/s1");
    term.press("M");
    let screen = term.wait_for("type \"s1\"");
    assert!(screen.contains("be1 would have only backup servers"), "{screen}");
    confirm_with_typed_name(&mut term, &relay, "s1");
    term.wait_for("be1/s1: verified, MAINT");
}

#[test]
fn maintenance_of_tracked_server_warns_about_tracking_backend() {
    let sections = "backend follows\n    server t1 127.0.0.1:9 track be1/s1\n";
    let lab = Lab::builder().servers(3).server_option("be1/s1", "check inter 1h").sections(sections).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.press("1");
    term.move_to_path("be1/s1");
    term.press("M");
    let screen = term.wait_for("type \"s1\"");
    assert!(screen.contains("follows would have no usable server"), "{screen}");
    assert!(screen.contains("(its servers track"), "{screen}");
    confirm_with_typed_name(&mut term, &relay, "s1");
    term.wait_for("be1/s1: verified, MAINT");
    assert_eq!(lab.server_state("follows/t1", "srv_admin_state"), "2", "in maintenance through the tracked server");
}

#[test]
fn action_on_several_backends_requires_typed_count() {
    let lab = Lab::builder().backends(2).servers(4).start();
    lab.send_write_command("set server be1/s1 state maint");
    lab.send_write_command("set server be2/s3 state maint");
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.press("1");
    for row in ["be1/s1", "be2/s3"] {
        term.move_to_path(row);
        term.press("<space>");
    }
    term.wait_for("2 marked");
    // Even for an enable action.
    term.press("E");
    confirm_with_typed_name(&mut term, &relay, "2 servers");
    term.wait_for("2 of 2 verified: no check");
    assert_eq!(relay.write_commands(), ["set server be1/s1 state ready", "set server be2/s3 state ready"]);
}

#[test]
fn confirmation_keeps_target_when_sort_order_changes() {
    let lab = Lab::builder().servers(4).server_options("weight 100").start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.press("1>>");
    term.wait_for("WGHT↓");
    term.move_to_path("be1/s2");
    let shown = |term: &Term| term.grid().map(|grid| grid.paths().join(" ")).unwrap_or_default();
    let before = shown(&term);
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    for (server, weight) in [("s1", 30), ("s2", 20), ("s3", 200), ("s4", 256)] {
        lab.send_write_command(&format!("set server be1/{server} weight {weight}"));
    }
    wait_for_two_polls(&term, &relay);
    // The dialog covers the middle of the lines; the names at the left stay visible.
    assert_eq!(shown(&term), before, "the order is frozen while the confirmation is open");
    assert!(term.screen().contains("Maintenance: be1 / s2"), "{}", term.screen());
    answer_confirmation(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("be1/s2: verified, MAINT");
    assert_eq!(relay.write_commands(), ["set server be1/s2 state maint"]);
    term.wait_grid(|grid| grid.paths()[..5] == ["be1", "be1/s4", "be1/s3", "be1/s1", "be1/s2"]);
    assert_eq!(term.grid().unwrap().cursor_row(), Some("be1/s2"));
    for other in ["s1", "s3", "s4"] {
        assert_eq!(lab.stat("be1", other, "status"), "no check", "{other}");
    }
}

#[test]
fn confirmation_is_refused_when_server_was_removed() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.press("1");
    term.move_to_path("be1/s2");
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    // Another server takes its position.
    lab.edit(|config| config.replace("    server s2 ", "    server other "));
    lab.reload();
    let pid = lab.pid();
    term.wait_for(&format!("pid {pid} "));
    wait_for_two_polls(&term, &relay);
    answer_confirmation(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("be1/s2 is gone: HAProxy does not list it any more");
    term.wait_gone("Maintenance: be1 / s2");
    wait_for_two_polls(&term, &relay);
    assert_eq!(relay.write_commands(), [""; 0]);
    assert_eq!(lab.stat("be1", "other", "status"), "no check");
    assert!(term.audit_records().is_empty());
}

#[test]
fn undo_skips_removed_server_and_continues_with_previous_action() {
    let lab = Lab::builder().servers(5).start();
    let relay = Relay::to(lab.admin());
    lab.send_command("add server be1/extra 127.0.0.1:9");
    let mut term = start_dashboard(relay.path());
    term.press("1");
    for row in ["s1", "extra"] {
        term.move_to_path(&format!("be1/{row}"));
        wait_for_two_polls(&term, &relay);
        term.press("D");
        answer_confirmation(&mut term, &format!("Drain: be1 / {row}"), "y");
        term.wait_for(&format!("be1/{row}: verified, DRAIN"));
    }
    lab.send_command("set server be1/extra state maint; del server be1/extra");
    wait_for_two_polls(&term, &relay);
    term.press("u");
    term.wait_for("cannot be undone: be1/extra is gone");
    term.press("u");
    term.wait_for("Undo: be1 / s1");
}

/// Affected versions crash when the limit of a full frontend is raised; the `show stat` here has a full frontend.
#[test]
fn refusal_reason_protects_full_frontend_on_affected_versions() {
    let lab = Lab::builder().servers(2).start();
    let replies = CannedReplies::record(&lab, &["show cli level", "show servers state"]);
    let info = lab.send_command("show info");
    let version = lab.info("Version");
    let stat = lab.send_command("show stat").replace("fe1,FRONTEND,,,0,0,2000,", "fe1,FRONTEND,,,2000,2000,2000,");
    for (reported_version, is_refused) in [("2.6.12", true), ("3.0.5", true), ("3.0.11", false), ("3.2.0", false)] {
        let info = info.replace(&format!("Version: {version}"), &format!("Version: {reported_version}"));
        let fake = FakeSocket::with_replies(replies.clone().on("show info", info).on("show stat", stat.clone()));
        let mut term = start_dashboard(fake.path());
        term.press("1");
        term.move_to_path("fe1");
        term.press(":frontend.maxconn<ret>3000<ret>");
        if is_refused {
            let reason = "not sent: HAProxy before 3.0.6 dies when the limit of a full frontend is raised";
            term.wait_for(reason);
            assert!(!term.screen().contains("cancel"), "{}", term.screen());
            // Lowering the limit is safe.
            term.press(":frontend.maxconn<ret>1000<ret>");
        }
        term.wait_for("Frontend maxconn: fe1 on ");
        term.press("<esc>");
        let polls = || fake.received().iter().filter(|line| line.contains("show info")).count();
        let before = polls();
        wait_until("two more polls", || polls() >= before + 2);
        assert!(fake.received().iter().all(|line| !line.contains("maxconn")), "{reported_version}");
    }
}
