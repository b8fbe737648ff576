//! Servers of a real HAProxy in drain and maintenance: the end of a drain, attribution, and reload loss.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;
use support::actions::{answer_confirmation, start_dashboard, start_dashboard_with, wait_for_two_polls};
use support::{Grid, Lab, Relay, ServerBehavior, Term, Traffic, wait_until};

/// Longer than a test takes.
const SLOW_REPLY: Duration = Duration::from_mins(5);

/// Drains a server of be1 by keys and waits for the verification.
fn drain_by_keys(term: &mut Term, server: &str) {
    term.press("D");
    answer_confirmation(term, &format!("Drain: be1 / {server}"), "y");
    term.wait_for(&format!("be1/{server}: verified, DRAIN"));
}

/// Returns the number of bells sent to the terminal.
fn bells(term: &Term) -> usize {
    term.raw().split(|byte| *byte == 7).count() - 1
}

/// Ends one of the sessions on be1/s2.
fn end_one_session(lab: &Lab) {
    let text = lab.send_command("show sess");
    let line = text.lines().find(|line| line.contains(" srv=s2 ")).expect("a session on s2");
    lab.send_write_command(&format!("shutdown session {}", line.split(':').next().unwrap()));
}

#[test]
fn drain_counts_down_and_suggests_maintenance_with_one_bell() {
    let lab = Lab::builder().servers(3).cookie().server_behavior("be1/s2", ServerBehavior::Slow(SLOW_REPLY)).start();
    lab.open_requests(2);
    let mut term = start_dashboard(lab.admin());
    term.press("1");
    term.move_to_path("be1/s2");
    drain_by_keys(&mut term, "s2");
    let problem = |screen: &str| cell(screen, "s2", "PROBLEM");
    term.wait_until(|screen| problem(screen).starts_with("2 left"));
    end_one_session(&lab);
    term.wait_until(|screen| problem(screen).starts_with("1 left"));
    assert_eq!(bells(&term), 0);
    assert!(!term.screen().contains("maintenance?"), "{}", term.screen());
    end_one_session(&lab);
    let screen = term.wait_for("be1/s2 is drained: start maintenance?");
    assert_eq!(problem(&screen), "empty", "{screen}");
    assert_eq!(lab.server_state("be1/s2", "srv_admin_state"), "8", "only suggested");
    wait_until("the bell", || bells(&term) == 1);
    term.press("9");
    term.wait_for("drained: no sessions left");
    term.press("1c");
    answer_confirmation(&mut term, "Maintenance: be1 / s2", "y");
    term.wait_for("be1/s2: verified, MAINT");
    term.wait_gone("maintenance?");
    assert_eq!(lab.server_state("be1/s2", "srv_admin_state"), "1");
    assert_eq!(bells(&term), 1, "one bell per drain");
}

/// Returns a cell of a view's table on this screen.
fn cell(screen: &str, server: &str, column: &str) -> String {
    let grid = Grid::find(screen);
    let path = format!("be1/{server}");
    let cell = grid.and_then(|grid| {
        let row = grid.paths().iter().position(|known| *known == path)?;
        grid.nth_cell(row, column)
    });
    cell.unwrap_or_default()
}

#[test]
fn dismissed_suggestion_stays_dismissed() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.press("1");
    term.move_to_path("be1/s2");
    drain_by_keys(&mut term, "s2");
    term.wait_for("be1/s2 is drained: start maintenance?");
    term.press("C");
    term.wait_for("dismissed: be1/s2 is drained: start maintenance?");
    wait_for_two_polls(&term, &relay);
    assert!(!term.screen().contains("C dismiss"), "{}", term.screen());
    term.press("c");
    term.wait_for("no suggestion at the moment");
    // A suggestion for another server is still shown.
    term.move_to_path("be1/s3");
    drain_by_keys(&mut term, "s3");
    term.wait_for("be1/s3 is drained: start maintenance?");
    term.press("c");
    answer_confirmation(&mut term, "Maintenance: be1 / s3", "n");
    term.wait_for("nothing was sent");
    assert_eq!(relay.write_commands(), ["set server be1/s2 state drain", "set server be1/s3 state drain"]);
}

#[test]
fn drain_past_deadline_suggests_ending_sessions() {
    let lab = Lab::builder().servers(3).cookie().server_behavior("be1/s2", ServerBehavior::Slow(SLOW_REPLY)).start();
    lab.open_requests(2);
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard_with(&[], "[drain]\ndeadline = \"2s\"\n", relay.path());
    term.press("1");
    term.move_to_path("be1/s2");
    drain_by_keys(&mut term, "s2");
    term.wait_for("be1/s2 still has 2 sessions");
    term.wait_for("end them?");
    assert_eq!(lab.stat("be1", "s2", "scur"), "2", "only suggested");
    term.press("c");
    answer_confirmation(&mut term, "type \"s2\"", "s2<ret>");
    term.wait_for("be1/s2: verified, 0 sessions now");
    lab.wait_stat("be1", "s2", "scur", |sessions| sessions == "0");
    assert_eq!(relay.write_commands(), ["set server be1/s2 state drain", "shutdown sessions server be1/s2"]);
    // The server is empty now, so the next step is suggested.
    term.wait_for("be1/s2 is drained: start maintenance?");
    term.press("9");
    term.wait_for("still 2 sessions in drain");
}

#[test]
fn drain_reports_clients_that_arrive_with_cookie() {
    let lab = Lab::builder().servers(3).cookie().start();
    let cookie_clients =
        Traffic::to(lab.frontend_addr()).header("Cookie: SRV=s2").pause(Duration::from_millis(20)).start();
    lab.wait_stat("be1", "s2", "stot", |total| total != "0");
    let mut term = start_dashboard(lab.admin());
    term.press("1");
    term.move_to_path("be1/s2");
    drain_by_keys(&mut term, "s2");
    term.press("A");
    term.wait_for("clients with a cookie still arrive");
    drop(cookie_clients);
    term.wait_for("be1/s2 is drained: start maintenance?");
}

#[test]
fn reload_loss_suggests_restoring_states_and_weights() {
    let lab = Lab::builder().servers(5).server_options("weight 10").start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    lab.send_write_command("set server be1/s1 state maint");
    lab.send_write_command("set server be1/s3 state drain");
    lab.send_write_command("set server be1/s4 weight 3");
    // hapulse must have sampled the states before the reload, and read the configured ones.
    wait_for_two_polls(&term, &relay);
    wait_for_two_polls(&term, &relay);
    lab.reload();
    term.wait_for("the reload lost 3 states and weights: restore them?");
    assert_eq!(lab.server_state("be1/s1", "srv_admin_state"), "0", "HAProxy loses the state on reload");
    term.press("9");
    for event in ["lost by the reload: MAINT", "lost by the reload: DRAIN", "lost by the reload: weight 3"] {
        term.wait_for(event);
    }
    wait_for_two_polls(&term, &relay);
    assert_eq!(relay.write_commands(), [""; 0], "only suggested");
    term.press("1c");
    let screen = term.wait_for("Restore after reload: 3 servers");
    let commands = ["set server be1/s1 state maint", "set server be1/s3 state drain", "set server be1/s4 weight 3"];
    assert!(commands.iter().all(|command| screen.contains(command)), "{screen}");
    let keys = if screen.contains("type \"3 servers\"") { "3 servers<ret>" } else { "y" };
    answer_confirmation(&mut term, "Restore after reload: 3 servers", keys);
    term.wait_for("3 of 3 verified");
    assert_eq!(relay.write_commands(), commands);
    let restored = [("s1", "srv_admin_state", "1"), ("s3", "srv_admin_state", "8"), ("s4", "srv_uweight", "3")];
    for (server, column, value) in restored {
        assert_eq!(lab.server_state(&format!("be1/{server}"), column), value, "{server}");
    }
    term.wait_gone("restore them?");
}

#[test]
fn reload_loss_of_one_state_is_named_and_can_be_dismissed() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    lab.send_write_command("set server be1/s2 state maint");
    wait_for_two_polls(&term, &relay);
    wait_for_two_polls(&term, &relay);
    lab.reload();
    term.wait_for("the reload lost MAINT of be1/s2: restore it?");
    term.press("C");
    term.wait_for("dismissed: the reload lost MAINT of be1/s2");
    wait_for_two_polls(&term, &relay);
    term.press("c");
    term.wait_for("no suggestion at the moment");
    assert_eq!(relay.write_commands(), [""; 0]);
    // The suggestion disappears once another client has restored the state.
    lab.send_write_command("set server be1/s3 state drain");
    wait_for_two_polls(&term, &relay);
    lab.reload();
    term.wait_for("the reload lost DRAIN of be1/s3: restore it?");
    lab.send_write_command("set server be1/s3 state drain");
    term.wait_gone("restore it?");
}

#[test]
fn maint_drain_view_shows_since_and_by_columns() {
    let lab = Lab::builder().servers(5).start();
    let relay = Relay::to(lab.admin());
    let builder = Term::builder().args(["-i", "0.1"]).args([relay.path()]).size(160, 40).env("SUDO_USER", "ann");
    let mut term = builder.start();
    term.wait_for("live");
    term.press("A");
    term.wait_for("no server is in maintenance or drain");
    lab.send_write_command("set server be1/s4 state drain");
    term.press("A");
    term.wait_for("PROBLEM");
    term.press("1");
    term.move_to_path("be1/s2");
    term.press("M");
    answer_confirmation(&mut term, "Maintenance: be1 / s2", "y");
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
    // The view can enable a server.
    term.move_to_path("be1/s2");
    wait_for_two_polls(&term, &relay);
    term.press("E");
    answer_confirmation(&mut term, "Enable: be1 / s2", "y");
    term.wait_for("be1/s2: verified, no check");
    term.wait_grid(|grid| !grid.paths().contains(&"be1/s2"));
    // The next run reads the attribution from the audit.
    wait_for_two_polls(&term, &relay);
    term.press("u");
    answer_confirmation(&mut term, "Undo: be1 / s2", "y");
    term.wait_for("be1/s2: verified, MAINT");
    let second_run = Term::builder().args(["-i", "0.1"]).args([relay.path()]).size(160, 40).env("HOME", term.home());
    let mut second_run = second_run.start();
    second_run.wait_for("live");
    second_run.press("A");
    second_run.wait_until(|screen| by(screen, "s2") == "ann");
}
