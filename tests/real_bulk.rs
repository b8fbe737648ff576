//! Acts on several servers of a real HAProxy: marked, of one name everywhere, one after the other, taken back, and
//! stopped by the first that fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::acts::{answer, bottom, dashboard, let_polls_pass};
use support::{Lab, Relay, Term};

/// The rows that are marked in a view's table.
fn marked(screen: &str) -> Vec<String> {
    let lines = screen.lines().filter(|line| line.chars().nth(2) == Some('◆'));
    let name = |line: &str| line.chars().skip(3).collect::<String>().split_whitespace().next().map(str::to_owned);
    lines.filter_map(name).collect()
}

fn wait_marked(term: &Term, names: &[&str]) {
    term.wait_until(|screen| marked(screen) == names);
}

fn statuses(lab: &Lab, servers: &[&str]) -> Vec<String> {
    servers.iter().map(|server| lab.state(server, "srv_admin_state")).collect()
}

#[test]
fn marked_servers_are_asked_about_once_and_done_one_after_the_other() {
    let lab = Lab::builder().servers(6).start();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    term.press("1");
    // In another order than HAProxy's.
    term.select_row("be1/s4");
    term.press("<space>");
    term.wait_for("1 marked: acts are about them");
    term.wait_grid(|grid| grid.selected() == Some("be1/s5"));
    term.select_row("be1/s2");
    term.press("<space>");
    wait_marked(&term, &["s2", "s4"]);
    // A backend can be no part of it.
    term.select_row("be1");
    term.press("<space>");
    term.wait_for("only servers and frontends can be marked");
    term.press("M");
    let screen = term.wait_for("Maintenance: 2 servers");
    for line in
        ["set server be1/s2 state maint", "set server be1/s4 state maint", "4 of 6 servers usable, 66 % of the weight"]
    {
        assert!(screen.contains(line), "{line}\n{screen}");
    }
    answer(&mut term, "do it", "y");
    term.wait_for("2 acts: be1/s2: verified, MAINT, 0 sessions left; be1/s4: verified, MAINT");
    wait_marked(&term, &[]);
    assert_eq!(relay.acts(), ["set server be1/s2 state maint", "set server be1/s4 state maint"]);
    assert_eq!(statuses(&lab, &["be1/s1", "be1/s2", "be1/s3", "be1/s4", "be1/s5"]), ["0", "1", "0", "1", "0"]);
    let ends = term.wait_ends(2);
    assert!(ends.iter().all(|end| end["verified"] == true), "{ends:?}");
    // The last that was done is taken back first.
    let_polls_pass(&term, &relay);
    term.press("u");
    answer(&mut term, "Undo: 2 servers", "y");
    term.wait_for("2 acts: be1/s4: verified, no check; be1/s2: verified, no check");
    assert_eq!(relay.acts()[2..], ["set server be1/s4 state ready", "set server be1/s2 state ready"]);
    assert_eq!(statuses(&lab, &["be1/s2", "be1/s4"]), ["0", "0"]);
}

#[test]
fn ranges_and_filters_mark_and_u_unmarks() {
    let lab = Lab::builder().servers(6).start();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    term.press("1");
    term.select_row("be1/s2");
    term.press("v");
    term.wait_for("1 marked; moving marks on, v ends the range");
    term.press("jj");
    wait_marked(&term, &["s2", "s3", "s4"]);
    term.press("k");
    wait_marked(&term, &["s2", "s3"]);
    term.press("v");
    term.wait_for("2 marked: acts are about them");
    term.press("jj");
    wait_marked(&term, &["s2", "s3"]);
    term.press("U");
    term.wait_for("nothing is marked");
    wait_marked(&term, &[]);
    // Every server shown, and no other.
    term.press("/s5 | s6<ret>");
    term.wait_until(|screen| !screen.contains(" s4 "));
    term.press("*");
    term.wait_for("2 marked");
    wait_marked(&term, &["s5", "s6"]);
    term.press("D");
    answer(&mut term, "Drain: 2 servers", "y");
    term.wait_for("2 acts: be1/s5: verified, DRAIN");
    assert_eq!(relay.acts(), ["set server be1/s5 state drain", "set server be1/s6 state drain"]);
    term.press("<esc>");
    // A frontend among servers is nothing for either kind of act.
    term.select_row("be1/s1");
    term.press("<space>");
    term.select_row("fe1");
    term.press("<space>");
    wait_marked(&term, &["fe1", "s1"]);
    term.press("M");
    term.wait_for("it needs a server, others are marked; U unmarks all");
    term.press("<esc>");
    wait_marked(&term, &[]);
    assert_eq!(relay.acts().len(), 2);
}

/// The place of a line of the menu that is open.
fn place_in_menu(screen: &str, id: &str) -> usize {
    let mut lines = screen.lines().skip_while(|line| !line.contains("─ Act on ")).skip(1);
    lines.position(|line| line.contains(id)).unwrap_or_else(|| panic!("no {id} in this menu:\n{screen}"))
}

#[test]
fn the_server_of_one_name_is_taken_from_every_backend() {
    let lab = Lab::builder().backends(3).servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    term.select_server("be2", "s2");
    term.press("a");
    let screen = term.wait_for("─ Act on be2/s2 ");
    term.press(&"j".repeat(place_in_menu(&screen, "everywhere.maint")));
    term.press("<ret>");
    let screen = term.wait_for("type 3 servers and Enter");
    for command in ["set server be2/s2 state maint", "set server be1/s2 state maint", "set server be3/s2 state maint"] {
        assert!(screen.contains(command), "{command}\n{screen}");
    }
    answer(&mut term, "Maintenance: 3 servers", "y");
    term.press("<ret>");
    term.wait_for("that is not 3 servers");
    let_polls_pass(&term, &relay);
    assert_eq!(relay.acts(), [""; 0]);
    term.press("<bs>3 servers<ret>");
    term.wait_for("3 acts: be2/s2: verified, ");
    let all = ["be1/s2", "be2/s2", "be3/s2"];
    assert_eq!(statuses(&lab, &all), ["1", "1", "1"]);
    assert_eq!(statuses(&lab, &["be1/s1", "be2/s1", "be3/s3"]), ["0", "0", "0"]);
    for (id, after) in [("everywhere.drain", "8"), ("everywhere.ready", "0")] {
        let_polls_pass(&term, &relay);
        term.command(id);
        answer(&mut term, "type 3 servers and Enter", "3 servers<ret>");
        term.wait_until(|_| statuses(&lab, &all) == [after; 3]);
        term.wait_for("3 acts: be2/s2: verified, ");
    }
    assert_eq!(term.wait_ends(9).len(), 9);
}

#[test]
fn a_batch_stops_at_the_first_that_fails_and_tells_of_each() {
    // A backend with a static algorithm takes no other weight than 0 and 100 %.
    let sections = "backend fixed\n    balance static-rr\n    server x1 127.0.0.1:9 weight 10\n    \
                    server x2 127.0.0.1:9 weight 10\n\
                    backend later\n    balance roundrobin\n    server x3 127.0.0.1:9 weight 10\n    \
                    server x4 127.0.0.1:9 weight 10\n";
    let lab = Lab::builder().server_options("weight 10").sections(sections).start();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    term.press("1");
    for row in ["later/x3", "fixed/x1", "be1/s2"] {
        term.select_row(row);
        term.press("<space>");
    }
    wait_marked(&term, &["s2", "x1", "x3"]);
    term.press("W5<ret>");
    answer(&mut term, "type 3 servers and Enter", "3 servers<ret>");
    term.wait_until(|screen| {
        let said = bottom(screen);
        said.starts_with("1 done, 1 not touched; fixed/x1: refused by HAProxy: ")
            && said.contains("static LB algorithm")
    });
    let weights = |names: [&str; 3]| names.map(|name| lab.state(name, "srv_uweight"));
    assert_eq!(weights(["be1/s2", "fixed/x1", "later/x3"]), ["5", "10", "10"]);
    assert_eq!(relay.acts(), ["set server be1/s2 weight 5", "set server fixed/x1 weight 5"]);
    term.press("9");
    let lines = [
        ("set server be1/s2 weight 5: ", "verified, weight 5"),
        ("set server fixed/x1 weight 5: ", "refused by HAProxy: "),
        ("set server later/x3 weight 5: ", "not sent: an act before it failed"),
    ];
    term.wait_until(|screen| lines.iter().all(|(what, how)| screen.contains(&format!("{what}{how}"))));
    // What was not sent is not in the audit; what was refused is.
    let ends = term.wait_ends(2);
    let told: Vec<_> = ends.iter().map(|end| (end["target"].as_str().unwrap(), end["verified"].as_bool())).collect();
    assert_eq!(told, [("be1/s2", Some(true)), ("fixed/x1", Some(false))]);
    assert!(ends[1]["answer"].as_str().unwrap().contains("static LB algorithm"), "{}", ends[1]);
    assert_eq!(term.audit().len(), 4);
    // Only what was done is taken back.
    term.press("1");
    let_polls_pass(&term, &relay);
    term.press("u");
    answer(&mut term, "Undo: be1 / s2", "y");
    term.wait_for("be1/s2: verified, weight 10");
    assert_eq!(weights(["be1/s2", "fixed/x1", "later/x3"]), ["10", "10", "10"]);
}

#[test]
fn several_acts_are_taken_back_one_after_the_other() {
    let lab = Lab::builder().servers(6).server_options("weight 10").start();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    term.press("1");
    for (row, keys, question, done) in [
        ("be1/s1", "M", "Maintenance: be1 / s1", "be1/s1: verified, MAINT"),
        ("be1/s2", "W7<ret>", "Weight: be1 / s2", "be1/s2: verified, weight 7"),
        ("be1/s3", "D", "Drain: be1 / s3", "be1/s3: verified, DRAIN"),
        ("be1/s1", "D", "Drain: be1 / s1", "be1/s1: verified, DRAIN"),
    ] {
        term.select_row(row);
        let_polls_pass(&term, &relay);
        term.press(keys);
        answer(&mut term, question, "y");
        term.wait_for(done);
    }
    let stands = || (statuses(&lab, &["be1/s1", "be1/s3"]), lab.state("be1/s2", "srv_uweight"));
    let seen = |states: [&str; 2], weight: &str| (states.map(str::to_owned).to_vec(), weight.to_owned());
    assert_eq!(stands(), seen(["8", "8"], "7"));
    // One that lasts does not stand in the way, and is told of.
    let_polls_pass(&term, &relay);
    term.command("counters.clear-max");
    answer(&mut term, "type clear and Enter", "clear<ret>");
    term.wait_for("the counters: ");
    let_polls_pass(&term, &relay);
    term.press("u");
    term.wait_for("cannot be taken back; this is the act before it");
    term.press("<esc>");
    term.wait_for("nothing was sent");
    for (question, done, after) in [
        ("Undo: be1 / s1", "be1/s1: verified, MAINT", (["1", "8"], "7")),
        ("Undo: be1 / s3", "be1/s3: verified, no check", (["1", "0"], "7")),
        ("Undo: be1 / s2", "be1/s2: verified, weight 10", (["1", "0"], "10")),
        ("Undo: be1 / s1", "be1/s1: verified, no check", (["0", "0"], "10")),
    ] {
        let_polls_pass(&term, &relay);
        term.press("u");
        answer(&mut term, question, "y");
        term.wait_for(done);
        assert_eq!(stands(), seen(after.0, after.1), "{done}");
    }
    let_polls_pass(&term, &relay);
    term.press("u");
    term.wait_for("nothing to undo");
    assert_eq!(term.wait_ends(9).len(), 9);
}
