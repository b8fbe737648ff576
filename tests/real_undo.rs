//! Undo and its end, on a real HAProxy that other clients change and that is reloaded and restarted.

mod support;

use support::actions::{answer_confirmation, dialog_text, start_dashboard, wait_for_two_polls};
use support::{Lab, Relay, Term};

/// Runs an action by keys on a server of `be1` and waits until it is verified.
fn run_action(term: &mut Term, relay: &Relay, server: &str, key: &str, title: &str, outcome: &str) {
    term.press("1");
    term.move_to_path(&format!("be1/{server}"));
    wait_for_two_polls(term, relay);
    term.press(key);
    answer_confirmation(term, &format!("{title}: be1 / {server}"), "y");
    term.wait_for(&format!("be1/{server}: verified, {outcome}"));
    wait_for_two_polls(term, relay);
}

/// Opens the undo dialog and returns its text.
fn open_undo(term: &mut Term) -> String {
    term.press("u");
    term.wait_for("Undo: ");
    dialog_text(&term.screen(), "Undo: ")
}

/// Opens the undo dialog and waits until it shows a warning. A sample that has not been shown yet adds it to the open
/// dialog.
fn open_undo_with_warning(term: &mut Term, has_warning: impl Fn(&str) -> bool) -> String {
    open_undo(term);
    dialog_text(&term.wait_until(|screen| has_warning(&dialog_text(screen, "Undo: "))), "Undo: ")
}

/// Returns whether a text contains `HH:MM:SS` right after `prefix`.
fn has_time_after(text: &str, prefix: &str) -> bool {
    let Some((_, rest)) = text.split_once(prefix) else { return false };
    let time: Vec<char> = rest.chars().take(8).collect();
    time.len() == 8
        && time.iter().enumerate().all(|(place, ch)| if place % 3 == 2 { *ch == ':' } else { ch.is_ascii_digit() })
}

#[test]
fn w25_undo_names_action_time_and_process() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    run_action(&mut term, &relay, "s1", "M", "Maintenance", "MAINT");
    let text = open_undo(&mut term);
    assert!(text.contains("set server be1/s1 state ready"), "{text}");
    assert!(has_time_after(&text, "undoes maintenance of be1/s1 at "), "{text}");
    assert!(text.contains(&format!(" s ago, pid {})", lab.pid())), "{text}");
    assert!(!text.contains("since then"), "nothing else changed: {text}");
    answer_confirmation(&mut term, "Undo: ", "y");
    term.wait_for("be1/s1: verified, no check");
    assert_eq!(lab.stat("be1", "s1", "status"), "no check");
}

#[test]
fn w25_undo_of_several_targets_names_them() {
    let lab = Lab::builder().servers(6).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    term.move_to_server("be1", "s1");
    term.press("<space><space>");
    term.wait_for("2 marked");
    term.press("D");
    answer_confirmation(&mut term, "Drain: 2 servers", "y");
    term.wait_for("2 of 2 verified: ");
    wait_for_two_polls(&term, &relay);
    let text = open_undo(&mut term);
    assert!(has_time_after(&text, "undoes drain of be1/s1, be1/s2 at "), "{text}");
}

#[test]
fn w25_undo_ends_with_haproxy_process() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    for is_restart in [false, true] {
        run_action(&mut term, &relay, "s1", "M", "Maintenance", "MAINT");
        let before = lab.pid();
        let done = if is_restart { "restarted" } else { "reloaded" };
        if is_restart {
            lab.kill();
            term.wait_for("connection was lost");
            lab.restart();
        } else {
            lab.reload();
        }
        let after = lab.pid();
        term.wait_for(&format!("pid {after}"));
        term.wait_for("live");
        wait_for_two_polls(&term, &relay);
        let sent = relay.write_commands().len();
        term.press("u");
        let screen = term.wait_for("nothing to undo: HAProxy was ");
        let expected = format!("HAProxy was {done} (pid {before} → {after}) after maintenance of be1/s1, ");
        assert!(screen.contains(&expected), "{expected}\n{screen}");
        term.press("y");
        wait_for_two_polls(&term, &relay);
        assert_eq!(relay.write_commands().len(), sent, "nothing is sent");
    }
    // An action in the new process can be undone.
    run_action(&mut term, &relay, "s2", "M", "Maintenance", "MAINT");
    assert!(open_undo(&mut term).contains("undoes maintenance of be1/s2 at "));
    // A restarted hapulse knows no action to undo.
    let mut again = start_dashboard(relay.path());
    again.press("u");
    again.wait_for("nothing to undo on this instance");
}

#[test]
fn a19_undo_warns_about_changes_by_others() {
    let lab = Lab::builder().servers(4).server_options("weight 10").start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    run_action(&mut term, &relay, "s1", "D", "Drain", "DRAIN");
    lab.send_command("set server be1/s1 state maint");
    wait_for_two_polls(&term, &relay);
    let text =
        open_undo_with_warning(&mut term, |text| has_time_after(text, "since then: be1/s1 was set to MAINT at "));
    assert!(text.contains("undo overwrites that"), "{text}");
    // A change while the dialog is open is added to it.
    lab.send_command("set server be1/s1 state ready");
    term.wait_until(|screen| dialog_text(screen, "Undo: ").contains("be1/s1 was set to no check at "));
    term.press("<esc>");
    term.wait_for("nothing was sent");
    // The same for a weight.
    term.move_to_path("be1/s2");
    wait_for_two_polls(&term, &relay);
    term.press("W5<ret>");
    answer_confirmation(&mut term, "Weight: be1 / s2", "y");
    term.wait_for("be1/s2: verified, weight 5");
    wait_for_two_polls(&term, &relay);
    assert!(!open_undo(&mut term).contains("since then"), "{}", term.screen());
    term.press("<esc>");
    term.wait_gone("Undo: ");
    lab.send_command("set server be1/s2 weight 70");
    wait_for_two_polls(&term, &relay);
    let has_warning = |text: &str| has_time_after(text, "since then: the weight of be1/s2 was set to 70 at ");
    open_undo_with_warning(&mut term, has_warning);
}

#[test]
fn a19_undo_warns_about_change_between_two_samples() {
    let lab = Lab::builder().servers(4).start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    run_action(&mut term, &relay, "s1", "M", "Maintenance", "MAINT");
    // HAProxy reports whole seconds, and a difference of less than five may be that of two clocks.
    lab.wait_stat("be1", "s1", "lastchg", |age| age.parse::<u64>().is_ok_and(|age| age >= 7));
    lab.send_command("set server be1/s1 state ready; set server be1/s1 state maint");
    wait_for_two_polls(&term, &relay);
    open_undo_with_warning(&mut term, |text| {
        has_time_after(text, "since then: be1/s1 entered MAINT again at ") || text.contains("be1/s1 was set to ")
    });
}

#[test]
fn undo_warns_only_about_changes_by_others_that_it_overwrites() {
    let lab = Lab::builder().servers(4).server_options("weight 10").start();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard(relay.path());
    let weight = || lab.stat("be1", "s3", "weight");
    run_action(&mut term, &relay, "s3", "[", "Weight", "weight ");
    let after_first = weight();
    run_action(&mut term, &relay, "s3", "]", "Weight", "weight 10");
    assert!(!open_undo(&mut term).contains("since then"), "{}", term.screen());
    answer_confirmation(&mut term, "Undo: ", "y");
    term.wait_for(&format!("be1/s3: verified, weight {after_first}"));
    wait_for_two_polls(&term, &relay);
    assert!(!open_undo(&mut term).contains("since then"), "own changes: {}", term.screen());
    term.press("<esc>");
    term.wait_gone("Undo: ");
    lab.send_command("set server be1/s3 state maint; set server be1/s3 state ready");
    lab.send_command("set server be1/s3 state drain");
    term.wait_until(|screen| screen.contains("DRAIN"));
    wait_for_two_polls(&term, &relay);
    assert!(!open_undo(&mut term).contains("since then"), "undo sets only the weight: {}", term.screen());
}
