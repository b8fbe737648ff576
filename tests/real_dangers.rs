//! What takes much away asks for a typed name, and what is acted on is what was asked about, whatever happens meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::acts::{answer, dashboard, let_polls_pass};
use support::{Answers, Fake, Lab, Relay, Term, wait_until};

/// The question wants this name: `y` is no answer, nor is another name, and nothing is sent before Enter.
fn wants_the_name(term: &mut Term, relay: &Relay, name: &str) {
    let asked = format!("type {name} and Enter");
    answer(term, &asked, "y<ret>");
    term.wait_for(&format!("that is not {name}"));
    term.press(&format!("<bs>{name}x<ret>"));
    term.wait_for(&format!("that is not {name}"));
    term.press("<bs>");
    term.wait_for(&format!("> {name}_"));
    let_polls_pass(term, relay);
    assert_eq!(relay.acts(), [""; 0], "before Enter");
    term.press("<ret>");
    term.wait_gone(&asked);
}

#[test]
fn more_than_half_of_the_weight_asks_for_the_name() {
    for (keys, done) in
        [("M", "be1/s1: verified, MAINT"), ("D", "be1/s1: verified, DRAIN"), ("W0<ret>", "be1/s1: verified, weight 0")]
    {
        let lab = Lab::builder().servers(3).server_options("weight 10").server_option("be1/s1", "weight 30").start();
        let relay = Relay::to(lab.admin());
        let mut term = dashboard(relay.path());
        term.press("1");
        term.select_row("be1/s1");
        term.press(keys);
        let screen = term.wait_for("type s1 and Enter");
        assert!(screen.contains("more than half of the weight of be1 goes away"), "{screen}");
        wants_the_name(&mut term, &relay, "s1");
        term.wait_for(done);
        assert_eq!(relay.acts().len(), 1);
        // The other half is no danger.
        let lab = Lab::builder().servers(3).server_options("weight 10").server_option("be1/s1", "weight 30").start();
        let mut term = dashboard(lab.admin());
        term.press("1");
        term.select_row("be1/s2");
        term.press(keys);
        let screen = term.wait_for("do it");
        assert!(!screen.contains("and Enter"), "{screen}");
    }
}

#[test]
fn the_last_server_asks_for_its_name_whatever_takes_it() {
    for (keys, done) in [
        ("D", "be1/s1: verified, DRAIN"),
        ("W0<ret>", "be1/s1: verified, weight 0"),
        (":server.health-down<ret>", "be1/s1: verified, DOWN"),
    ] {
        let lab = Lab::builder().servers(2).server_option("be1/s1", "check inter 1h").start();
        lab.order("set server be1/s2 state maint");
        let relay = Relay::to(lab.admin());
        let mut term = dashboard(relay.path());
        term.press("1");
        term.select_row("be1/s1");
        term.press(keys);
        let screen = term.wait_for("type s1 and Enter");
        assert!(screen.contains("no server of be1 would be left"), "{screen}");
        wants_the_name(&mut term, &relay, "s1");
        term.wait_for(done);
    }
    // With a backup server, something would be left.
    let lab = Lab::builder().servers(2).server_option("be1/s2", "backup").start();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    term.press("1");
    term.select_row("be1/s1");
    term.press("M");
    let screen = term.wait_for("type s1 and Enter");
    assert!(screen.contains("only backup servers of be1 would be left"), "{screen}");
    wants_the_name(&mut term, &relay, "s1");
    term.wait_for("be1/s1: verified, MAINT");
}

#[test]
fn a_server_that_others_track_takes_theirs_along() {
    let sections = "backend follows\n    server t1 127.0.0.1:9 track be1/s1\n";
    let lab = Lab::builder().servers(3).server_option("be1/s1", "check inter 1h").sections(sections).start();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    term.press("1");
    term.select_row("be1/s1");
    term.press("M");
    let screen = term.wait_for("type s1 and Enter");
    assert!(screen.contains("no server of follows would be left"), "{screen}");
    assert!(screen.contains("it tracks this server"), "{screen}");
    wants_the_name(&mut term, &relay, "s1");
    term.wait_for("be1/s1: verified, MAINT");
    assert_eq!(lab.state("follows/t1", "srv_admin_state"), "2", "in maintenance through the other");
}

#[test]
fn servers_of_several_backends_ask_for_their_number() {
    let lab = Lab::builder().backends(2).servers(4).start();
    lab.order("set server be1/s1 state maint");
    lab.order("set server be2/s3 state maint");
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    term.press("1");
    for row in ["be1/s1", "be2/s3"] {
        term.select_row(row);
        term.press("<space>");
    }
    term.wait_for("2 marked");
    // Even what brings back.
    term.press("E");
    wants_the_name(&mut term, &relay, "2 servers");
    term.wait_for("be2/s3: verified, no check");
    assert_eq!(relay.acts(), ["set server be1/s1 state ready", "set server be2/s3 state ready"]);
}

#[test]
fn a_list_that_is_sorted_anew_during_the_question_changes_no_target() {
    let lab = Lab::builder().servers(4).server_options("weight 100").start();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    term.press("1>>");
    term.wait_for("WGHT↓");
    term.select_row("be1/s2");
    let shown = |term: &Term| term.grid().map(|grid| grid.paths().join(" ")).unwrap_or_default();
    let before = shown(&term);
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    for (server, weight) in [("s1", 30), ("s2", 20), ("s3", 200), ("s4", 256)] {
        lab.order(&format!("set server be1/{server} weight {weight}"));
    }
    let_polls_pass(&term, &relay);
    // The question stands over the middle of the lines; their names are at the left.
    assert_eq!(shown(&term), before, "the order stands still while it is asked");
    assert!(term.screen().contains("Maintenance: be1 / s2"), "{}", term.screen());
    answer(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("be1/s2: verified, MAINT");
    assert_eq!(relay.acts(), ["set server be1/s2 state maint"]);
    term.wait_grid(|grid| grid.paths()[..5] == ["be1", "be1/s4", "be1/s3", "be1/s1", "be1/s2"]);
    assert_eq!(term.grid().unwrap().selected(), Some("be1/s2"));
    for other in ["s1", "s3", "s4"] {
        assert_eq!(lab.stat("be1", other, "status"), "no check", "{other}");
    }
}

#[test]
fn a_server_that_vanished_during_the_question_is_refused() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    term.press("1");
    term.select_row("be1/s2");
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    // In its place stands another one.
    lab.edit(|config| config.replace("    server s2 ", "    server other "));
    lab.reload();
    let pid = lab.pid();
    term.wait_for(&format!("pid {pid} "));
    let_polls_pass(&term, &relay);
    answer(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("be1/s2 is gone: HAProxy does not list it any more");
    term.wait_gone("Maintenance: be1 / s2");
    let_polls_pass(&term, &relay);
    assert_eq!(relay.acts(), [""; 0]);
    assert_eq!(lab.stat("be1", "other", "status"), "no check");
    assert!(term.audit().is_empty());
}

#[test]
fn an_undo_of_a_server_that_vanished_says_so_and_makes_room_for_the_one_before() {
    let lab = Lab::builder().servers(5).start();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    term.press("1");
    for row in ["s1", "s2"] {
        term.select_row(&format!("be1/{row}"));
        let_polls_pass(&term, &relay);
        term.press("D");
        answer(&mut term, &format!("Drain: be1 / {row}"), "y");
        term.wait_for(&format!("be1/{row}: verified, DRAIN"));
    }
    lab.edit(|config| config.replace("    server s2 ", "    server other "));
    lab.reload();
    let pid = lab.pid();
    term.wait_for(&format!("pid {pid} "));
    let_polls_pass(&term, &relay);
    term.press("u");
    term.wait_for("cannot be undone: be1/s2 is gone");
    term.press("u");
    term.wait_for("Undo: be1 / s1");
}

/// A `show stat` of a frontend that is full, under a version that does not survive that its limit is raised.
#[test]
fn the_limit_of_a_full_frontend_is_not_raised_where_that_kills() {
    let lab = Lab::builder().servers(2).start();
    let answers = Answers::recorded(&lab, &["show cli level", "show servers state"]);
    let info = lab.ask("show info");
    let version = lab.info("Version");
    let stat = lab.ask("show stat").replace("fe1,FRONTEND,,,0,0,2000,", "fe1,FRONTEND,,,2000,2000,2000,");
    for (version_told, is_refused) in [("2.6.12", true), ("3.0.5", true), ("3.0.11", false), ("3.2.0", false)] {
        let info = info.replace(&format!("Version: {version}"), &format!("Version: {version_told}"));
        let fake = Fake::recorded(answers.clone().on("show info", info).on("show stat", stat.clone()));
        let mut term = dashboard(fake.path());
        term.press("1");
        term.select_row("fe1");
        term.press(":frontend.maxconn<ret>3000<ret>");
        if is_refused {
            let words = "not sent: HAProxy before 3.0.6 dies when the limit of a full frontend is raised";
            term.wait_for(words);
            assert!(!term.screen().contains("leave it"), "{}", term.screen());
            // Lowering it is safe.
            term.press(":frontend.maxconn<ret>1000<ret>");
        }
        term.wait_for("Frontend maxconn: frontend fe1");
        term.press("<esc>");
        let polls = || fake.received().iter().filter(|line| line.contains("show info")).count();
        let before = polls();
        wait_until("two more polls", || polls() >= before + 2);
        assert!(fake.received().iter().all(|line| !line.contains("maxconn")), "{version_told}");
    }
}
