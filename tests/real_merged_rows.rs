//! The rows of several real HAProxies merged: sums compared with what each of them reports, balancers that do not answer,
//! rows that only share a name, causes, and actions on all balancers of a row.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::shared_servers::{SharedServers, send_requests, words};
use support::{Lab, ServerBehavior, wait_until};

#[test]
fn merged_rows_are_the_sums_of_what_each_balancer_reports() {
    let fleet = SharedServers::start(["", ""]);
    send_requests(fleet.labs[0].frontend_addr(), 40);
    send_requests(fleet.labs[1].addr("fe1"), 24);
    send_requests(fleet.labs[2].addr("fe1"), 8);
    fleet.labs[1].send_command("set server be1/s2 state maint");
    let mut term = fleet.dashboard(100, 40);
    term.press("1:cols<space>balancers<space>stot<space>smax<space>slim<space>bin<ret>");
    term.wait_for("2 UP 1 MAINT");
    for server in ["s1", "s2", "s3", "s4", "be1"] {
        let name = if server == "be1" { "BACKEND" } else { server };
        let stot = fleet.sum(&[0, 1, 2], name, "stot").to_string();
        let most = (0..3).map(|place| fleet.sum(&[place], name, "smax")).max().unwrap().to_string();
        // The fullconn of the backends is a limit on each; the servers have none.
        let limit = if server == "be1" { fleet.sum(&[0, 1, 2], name, "slim").to_string() } else { "–".to_owned() };
        let spread = if server == "s2" { vec!["2", "UP", "1", "MAINT"] } else { vec!["3/3"] };
        let expected = [spread, vec![stot.as_str(), most.as_str(), limit.as_str()]].concat();
        let screen = term.wait_until(|screen| {
            words(screen, server).starts_with(&expected.iter().map(ToString::to_string).collect::<Vec<_>>())
        });
        assert!(
            screen.contains("all 3 balancers") && screen.contains("HAProxy 2.6.") && screen.contains("3.0."),
            "{screen}"
        );
    }
    // A row unfolds into those of the balancers.
    term.press("/s2<ret>");
    term.wait_until(|screen| words(screen, "s1").is_empty());
    term.press("<ret>");
    // The legend of the chart names the balancers, too.
    let screen = term.wait_until(|screen| !words(screen, "lb2").is_empty());
    for (place, name) in ["lb1", "lb2", "lb3"].iter().enumerate() {
        assert_eq!(words(&screen, name)[1], fleet.sum(&[place], "s2", "stot").to_string(), "{name}\n{screen}");
    }
    // A balancer that does not answer counts as missing, and its numbers are not in the sums.
    fleet.labs[2].kill();
    term.wait_for("no answer: lb3");
    let stot = fleet.sum(&[0, 1], "s2", "stot").to_string();
    term.wait_until(|screen| {
        words(screen, "s2").starts_with(&["1", "MAINT", "1", "UP", "1", "–", &stot].map(str::to_owned))
    });
    term.wait_for("lb3 does not answer");
    // Enter on the line of a balancer shows only this one.
    term.press("jj<ret>");
    let screen = term.wait_for("only lb2");
    assert_eq!(words(&screen, "s2")[0], fleet.labs[1].stat("be1", "s2", "stot"), "{screen}");
    term.press(":only<space>lb7<ret>");
    term.wait_for("no balancer is named lb7; there are lb1, lb2, lb3");
    term.press(":only<space>lb1<ret>");
    term.wait_for("only lb1");
    term.press(":group<ret>");
    term.wait_for("2 of 3 balancers");
    term.press("o");
    term.wait_for("only lb1");
    term.press("q");
}

#[test]
fn rows_that_only_share_a_name_are_not_summed() {
    let other = Lab::builder().servers(1).start();
    let address = other.server("be1/s1").addr();
    let own = format!("backend same\n    server a {address}\nbackend mode\n    server a {address}\n");
    let foreign =
        format!("backend same\n    server a 127.0.0.1:1\nbackend mode\n    mode tcp\n    server a {address}\n");
    let fleet = SharedServers::start([&own, &foreign]);
    let mut term = fleet.dashboard(120, 40);
    term.press("1");
    for name in ["same@lb2", "same@lb3", "mode@lb2", "mode@lb3"] {
        term.wait_until(|screen| words(screen, name).first().is_some_and(|spread| spread == "1/3"));
    }
    term.wait_until(|screen| words(screen, "be1").first().is_some_and(|spread| spread == "3/3"));
    // An action on a row is about its balancers only.
    term.press("/proxy:same@lb2<space>kind:server<ret>");
    term.wait_until(|screen| words(screen, "be1").is_empty());
    term.press("G");
    term.press("M");
    let screen = term.wait_for("set server same/a state maint");
    assert!(!screen.contains("lb3"), "{screen}");
    term.press("<esc>");
    term.press("q");
}

#[test]
fn causes_and_actions_are_about_all_balancers_of_a_row() {
    let fleet = SharedServers::start(["", ""]);
    fleet.labs[0].set_server_behavior("be1/s4", ServerBehavior::Closed);
    let mut term = fleet.dashboard(140, 40);
    term.press("!");
    term.wait_until(|screen| screen.contains("be1/s4") && screen.contains("on 3 of 3"));
    term.press("1/s2<ret>");
    term.wait_until(|screen| words(screen, "s1").is_empty() && !words(screen, "s2").is_empty());
    term.press("G");
    term.press("D");
    let screen = term.wait_for("on 3 balancers");
    assert_eq!(screen.matches("set server be1/s2 state drain").count(), 3, "{screen}");
    term.answer("y");
    term.wait_for("done on 3 balancers");
    wait_until("the drain", || fleet.statuses("s2") == ["DRAIN"; 3]);
    term.wait_until(|screen| words(screen, "s2").starts_with(&["3/3".to_owned()]) && screen.contains("DRAIN"));
    term.press("u");
    term.wait_for("undoes");
    term.answer("y");
    wait_until("the undo", || fleet.statuses("s2") == ["UP"; 3]);
    term.wait_for("done on 3 balancers");
    // On the line of one balancer, the action is about this one.
    term.press("<ret>");
    term.wait_until(|screen| !words(screen, "lb2").is_empty());
    term.press("jjM");
    let screen = term.wait_for("set server be1/s2 state maint");
    assert!(screen.contains("also on lb1, lb3"), "{screen}");
    term.answer("y");
    wait_until("the maintenance", || fleet.statuses("s2") == ["UP", "MAINT", "UP"]);
    term.wait_for("2 UP 1 MAINT");
    // A drain of the backend leaves the server in maintenance as it is.
    term.press("<esc>");
    term.press("/kind:backend<ret>");
    term.wait_until(|screen| words(screen, "s2").is_empty() && !words(screen, "be1").is_empty());
    term.press("g");
    term.press("<down>D");
    let screen = term.wait_for("on 3 balancers");
    assert_eq!(screen.matches("set server be1/s2 state drain").count(), 2, "{screen}");
    term.press("<esc>");
    term.press("q");
}
