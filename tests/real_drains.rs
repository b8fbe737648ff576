//! Servers of a real HAProxy that are away: how a drain ends or does not, who ordered what, and what a reload takes away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::thread;
use std::time::Duration;
use support::acts::{answer, dashboard, dashboard_with, let_polls_pass};
use support::{Answer, Grid, Lab, Relay, Term, Traffic, wait_until};

/// Longer than a test takes.
const HELD: Duration = Duration::from_mins(5);

/// So many requests on be1/s2, which end when the server says so. They send no new ones.
fn hold(lab: &Lab, count: usize) {
    let traffic = Traffic::to(lab.frontend_addr()).header("Cookie: SRV=s2").workers(count);
    thread::spawn(move || traffic.send(count));
    lab.wait_stat("be1", "s2", "scur", |sessions| sessions == count.to_string());
}

fn drain(term: &mut Term, server: &str) {
    term.press("D");
    answer(term, &format!("Drain: be1 / {server}"), "y");
    term.wait_for(&format!("be1/{server}: verified, DRAIN"));
}

fn bells(term: &Term) -> usize {
    term.raw().split(|byte| *byte == 7).count() - 1
}

/// Ends one of the requests on be1/s2, as a client that goes away does.
fn end_one(lab: &Lab) {
    let text = lab.ask("show sess");
    let line = text.lines().find(|line| line.contains(" srv=s2 ")).expect("a session on s2");
    lab.order(&format!("shutdown session {}", line.split(':').next().unwrap()));
}

#[test]
fn a_drain_counts_down_and_offers_maintenance_with_one_bell() {
    let lab = Lab::builder().servers(3).cookie().answer("be1/s2", Answer::Slow(HELD)).start();
    hold(&lab, 2);
    let mut term = dashboard(lab.admin());
    term.press("1");
    term.select_row("be1/s2");
    drain(&mut term, "s2");
    let problem = |screen: &str| cell(screen, "s2", "PROBLEM");
    term.wait_until(|screen| problem(screen).starts_with("2 left"));
    end_one(&lab);
    term.wait_until(|screen| problem(screen).starts_with("1 left"));
    assert_eq!(bells(&term), 0);
    assert!(!term.screen().contains("maintenance?"), "{}", term.screen());
    end_one(&lab);
    let screen = term.wait_for("be1/s2 is empty: maintenance?");
    assert_eq!(problem(&screen), "empty", "{screen}");
    assert_eq!(lab.state("be1/s2", "srv_admin_state"), "8", "only offered");
    wait_until("the bell", || bells(&term) == 1);
    term.press("9");
    term.wait_for("drained: nothing is left on it");
    term.press("1c");
    answer(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("be1/s2: verified, MAINT");
    term.wait_gone("maintenance?");
    assert_eq!(lab.state("be1/s2", "srv_admin_state"), "1");
    assert_eq!(bells(&term), 1, "once");
}

/// A cell of a view's table as it is on this screen.
fn cell(screen: &str, server: &str, column: &str) -> String {
    let grid = Grid::find(screen);
    let path = format!("be1/{server}");
    let cell = grid.and_then(|grid| {
        let place = grid.paths().iter().position(|known| *known == path)?;
        grid.nth_cell(place, column)
    });
    cell.unwrap_or_default()
}

#[test]
fn an_offer_that_is_let_go_does_not_come_again() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    term.press("1");
    term.select_row("be1/s2");
    drain(&mut term, "s2");
    term.wait_for("be1/s2 is empty: maintenance?");
    term.press("C");
    term.wait_for("let go: be1/s2 is empty: maintenance?");
    let_polls_pass(&term, &relay);
    assert!(!term.screen().contains("C not now"), "{}", term.screen());
    term.press("c");
    term.wait_for("nothing is offered now");
    // Another one is offered all the same.
    term.select_row("be1/s3");
    drain(&mut term, "s3");
    term.wait_for("be1/s3 is empty: maintenance?");
    term.press("c");
    answer(&mut term, "Maintenance: be1 / s3", "n");
    term.wait_for("nothing was sent");
    assert_eq!(relay.acts(), ["set server be1/s2 state drain", "set server be1/s3 state drain"]);
}

#[test]
fn a_drain_that_takes_too_long_offers_to_end_the_sessions() {
    let lab = Lab::builder().servers(3).cookie().answer("be1/s2", Answer::Slow(HELD)).start();
    hold(&lab, 2);
    let relay = Relay::to(lab.admin());
    let mut term = dashboard_with(&[], "[drain]\ndeadline = \"2s\"\n", relay.path());
    term.press("1");
    term.select_row("be1/s2");
    drain(&mut term, "s2");
    term.wait_for("be1/s2 still has 2 sessions");
    term.wait_for("end them?");
    assert_eq!(lab.stat("be1", "s2", "scur"), "2", "only offered");
    term.press("c");
    answer(&mut term, "type s2 and Enter", "s2<ret>");
    term.wait_for("be1/s2: verified, 0 sessions now");
    lab.wait_stat("be1", "s2", "scur", |sessions| sessions == "0");
    assert_eq!(relay.acts(), ["set server be1/s2 state drain", "shutdown sessions server be1/s2"]);
    // Now it is empty, and the next step is offered.
    term.wait_for("be1/s2 is empty: maintenance?");
    term.press("9");
    term.wait_for("still 2 sessions in drain");
}

#[test]
fn clients_with_a_cookie_keep_a_drain_from_ending_and_that_is_said() {
    let lab = Lab::builder().servers(3).cookie().start();
    let bound = Traffic::to(lab.frontend_addr()).header("Cookie: SRV=s2").pause(Duration::from_millis(20)).start();
    lab.wait_stat("be1", "s2", "stot", |total| total != "0");
    let mut term = dashboard(lab.admin());
    term.press("1");
    term.select_row("be1/s2");
    drain(&mut term, "s2");
    term.press("A");
    term.wait_for("clients with a cookie still arrive");
    drop(bound);
    term.wait_for("be1/s2 is empty: maintenance?");
}

#[test]
fn a_reload_that_lost_states_and_weights_offers_to_set_them_again() {
    let lab = Lab::builder().servers(5).server_options("weight 10").start();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    lab.order("set server be1/s1 state maint");
    lab.order("set server be1/s3 state drain");
    lab.order("set server be1/s4 weight 3");
    // What was there before the reload must have been seen, and what is configured known.
    let_polls_pass(&term, &relay);
    let_polls_pass(&term, &relay);
    lab.reload();
    term.wait_for("the reload lost 3 states and weights: set them again?");
    assert_eq!(lab.state("be1/s1", "srv_admin_state"), "0", "it is lost indeed");
    term.press("9");
    for lost in ["lost by the reload: MAINT", "lost by the reload: DRAIN", "lost by the reload: weight 3"] {
        term.wait_for(lost);
    }
    let_polls_pass(&term, &relay);
    assert_eq!(relay.acts(), [""; 0], "only offered");
    term.press("1c");
    let screen = term.wait_for("Set again: 3 servers");
    let commands = ["set server be1/s1 state maint", "set server be1/s3 state drain", "set server be1/s4 weight 3"];
    assert!(commands.iter().all(|command| screen.contains(command)), "{screen}");
    let keys = if screen.contains("type 3 servers") { "3 servers<ret>" } else { "y" };
    answer(&mut term, "Set again: 3 servers", keys);
    term.wait_for("3 acts: be1/s1: verified, MAINT");
    assert_eq!(relay.acts(), commands);
    let now = [("s1", "srv_admin_state", "1"), ("s3", "srv_admin_state", "8"), ("s4", "srv_uweight", "3")];
    for (server, column, value) in now {
        assert_eq!(lab.state(&format!("be1/{server}"), column), value, "{server}");
    }
    term.wait_gone("set them again?");
}

#[test]
fn a_reload_that_lost_one_thing_names_it_and_it_can_be_let_go() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    lab.order("set server be1/s2 state maint");
    let_polls_pass(&term, &relay);
    let_polls_pass(&term, &relay);
    lab.reload();
    term.wait_for("the reload lost MAINT of be1/s2: set it again?");
    term.press("C");
    term.wait_for("let go: the reload lost MAINT of be1/s2");
    let_polls_pass(&term, &relay);
    term.press("c");
    term.wait_for("nothing is offered now");
    assert_eq!(relay.acts(), [""; 0]);
    // Nor is anything offered where somebody else brought it back.
    lab.order("set server be1/s3 state drain");
    let_polls_pass(&term, &relay);
    lab.reload();
    term.wait_for("the reload lost DRAIN of be1/s3: set it again?");
    lab.order("set server be1/s3 state drain");
    term.wait_gone("set it again?");
}

#[test]
fn the_view_of_servers_away_says_since_when_and_by_whom() {
    let lab = Lab::builder().servers(5).start();
    let relay = Relay::to(lab.admin());
    let builder = Term::builder().args(["-i", "0.1"]).args([relay.path()]).size(160, 40).env("SUDO_USER", "ann");
    let mut term = builder.start();
    term.wait_for("live");
    term.press("A");
    term.wait_for("no server is in maintenance or drain");
    lab.order("set server be1/s4 state drain");
    term.press("A");
    term.wait_for("PROBLEM");
    term.press("1");
    term.select_row("be1/s2");
    term.press("M");
    answer(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("be1/s2: verified, MAINT");
    term.press("A");
    term.wait_grid(|grid| {
        let mut paths = grid.paths();
        paths.sort_unstable();
        grid.headings().contains(&"BY".to_owned()) && paths == ["be1/s2", "be1/s4"]
    });
    let by = |screen: &str, server: &str| cell(screen, server, "BY");
    term.wait_until(|screen| by(screen, "s2") == "ann" && !by(screen, "s4").contains("ann"));
    assert!(cell(&term.screen(), "s2", "SINCE").ends_with('s'), "{}", term.screen());
    // What is away can be brought back from here.
    term.select_row("be1/s2");
    let_polls_pass(&term, &relay);
    term.press("E");
    answer(&mut term, "Enable: be1 / s2", "y");
    term.wait_for("be1/s2: verified, no check");
    term.wait_grid(|grid| !grid.paths().contains(&"be1/s2"));
    // The next run knows from the audit who it was.
    let_polls_pass(&term, &relay);
    term.press("u");
    answer(&mut term, "Undo: be1 / s2", "y");
    term.wait_for("be1/s2: verified, MAINT");
    let again = Term::builder().args(["-i", "0.1"]).args([relay.path()]).size(160, 40).env("HOME", term.home());
    let mut again = again.start();
    again.wait_for("live");
    again.press("A");
    again.wait_until(|screen| by(screen, "s2") == "ann");
}
