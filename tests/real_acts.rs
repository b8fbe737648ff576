//! Acting on a real HAProxy: what the keys do is there in `show stat`, what they must not do is not sent at all.

mod support;

use std::time::Duration;
use support::acts::{answer, dashboard, let_polls_pass};
use support::{Answer, Lab, Relay, Term, ask_at};

/// Presses keys, and waits until what they were to send would be sent.
fn press_and_let_polls_pass(term: &mut Term, relay: &Relay, keys: &str) {
    term.press(keys);
    let_polls_pass(term, relay);
}

#[test]
fn maintenance_drain_and_enable_are_done_and_verified() {
    let lab = Lab::builder().backends(2).servers(3).start();
    let mut term = dashboard(lab.admin());
    term.select_server("be2", "s2");
    for (key, title, status, seen) in [
        ("M", "Maintenance: be2 / s2", "MAINT", "MAINT"),
        ("E", "Enable: be2 / s2", "no check", "no check"),
        ("D", "Drain: be2 / s2", "DRAIN", "DRAIN"),
        ("E", "Enable: be2 / s2", "no check", "no check"),
        // The function keys are twins.
        ("<f10>", "Maintenance: be2 / s2", "MAINT", "MAINT"),
        ("<f9>", "Enable: be2 / s2", "no check", "no check"),
    ] {
        term.press(key);
        answer(&mut term, title, "y");
        term.wait_for(&format!("be2/s2: verified, {status}"));
        assert_eq!(lab.stat("be2", "s2", "status"), seen, "{key}");
        term.wait_cell("Servers of be2", "s2", "STATE", |state| state == seen);
    }
    for (backend, server) in [("be1", "s1"), ("be1", "s2"), ("be2", "s1"), ("be2", "s3")] {
        assert_eq!(lab.stat(backend, server, "status"), "no check", "{backend}/{server} is as it was");
    }
    term.wait_for("set server be2/s2 state ready: verified");
    term.wait_for("by us");
}

#[test]
fn the_question_tells_what_is_there_and_what_would_be_left() {
    let lab = Lab::builder().servers(4).answer("be1/s2", Answer::Slow(Duration::from_mins(1))).cookie().start();
    let traffic = support::Traffic::to(lab.frontend_addr()).header("Cookie: SRV=s2").workers(3).start();
    lab.wait_stat("be1", "s2", "scur", |sessions| sessions == "3");
    let mut term = dashboard(lab.admin());
    term.select_server("be1", "s2");
    term.wait_cell("Servers of be1", "s2", "SESS/LIM", |sessions| sessions == "3");
    term.press("D");
    let screen = term.wait_for("Drain: be1 / s2");
    for line in [
        "set server be1/s2 state drain",
        "now     no check, 3 sessions, 0 queued, weight 1",
        "after   3 of 4 servers usable, 75 % of the weight",
    ] {
        assert!(screen.contains(line), "{line}\n{screen}");
    }
    answer(&mut term, "do it", "y");
    term.wait_for("be1/s2: verified, DRAIN, 3 sessions left");
    drop(traffic);
}

#[test]
fn only_yes_sends_and_nothing_is_sent_before_it() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    term.select_server("be1", "s2");
    for (act, no) in [("M", "n"), ("D", "<esc>"), ("M", "<ret>"), ("D", "q"), ("E", "n"), ("M", "N")] {
        term.press(act);
        answer(&mut term, "leave it", no);
        term.wait_gone("leave it");
        term.wait_for("nothing was sent");
    }
    // Not an answer at all: the question stays.
    term.press("M");
    answer(&mut term, "leave it", "Yxj M<f10>D<space>");
    press_and_let_polls_pass(&mut term, &relay, "<tab>");
    assert!(term.screen().contains("Maintenance: be1 / s2"), "{}", term.screen());
    assert_eq!(relay.acts(), [""; 0]);
    term.press("y");
    term.wait_for("verified, MAINT");
    assert_eq!(relay.acts(), ["set server be1/s2 state maint"]);
    let lines = relay.lines();
    let act = lines.iter().find(|line| line.contains("set ")).unwrap();
    let parts: Vec<&str> = act.split(';').collect();
    let [before, stat, act, after, again] = parts.as_slice() else { panic!("{parts:?}") };
    assert_eq!((*before, *act, *after), ("show servers state be1", "set server be1/s2 state maint", *before));
    assert!(stat.starts_with("show stat ") && stat == again, "{stat} {again}");
}

#[test]
fn a_yes_typed_ahead_of_the_question_does_nothing() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    term.select_server("be1", "s2");
    term.paste(b"My");
    term.wait_for("Maintenance: be1 / s2");
    press_and_let_polls_pass(&mut term, &relay, "");
    assert!(term.screen().contains("Maintenance: be1 / s2"), "{}", term.screen());
    assert_eq!(relay.acts(), [""; 0]);
    assert_eq!(lab.stat("be1", "s2", "status"), "no check");
}

#[test]
fn the_last_usable_server_asks_for_its_name() {
    let lab = Lab::builder().start();
    lab.ask("disable server be1/s2");
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    term.select_server("be1", "s1");
    term.wait_cell("Servers of be1", "s2", "STATE", |state| state == "MAINT");
    term.press("M");
    let screen = term.wait_for("type s1 and Enter");
    assert!(screen.contains("no server of be1 would be left"), "{screen}");
    answer(&mut term, "type s1 and Enter", "s2<ret>");
    term.wait_for("that is not s1");
    press_and_let_polls_pass(&mut term, &relay, "<bs>");
    assert_eq!(relay.acts(), [""; 0], "a wrong name sends nothing");
    term.press("1");
    term.wait_for("> s1_");
    press_and_let_polls_pass(&mut term, &relay, "");
    assert_eq!(relay.acts(), [""; 0], "the right name alone sends nothing");
    term.press("<ret>");
    term.wait_for("be1/s1: verified, MAINT");
    assert_eq!(lab.stat("be1", "s1", "status"), "MAINT");
    term.wait_for("CRIT be1: no server left: 2 in maintenance or drain");
    // Bringing one back is no danger.
    term.press("E");
    answer(&mut term, "Enable: be1 / s1", "y");
    term.wait_for("be1/s1: verified, no check");
}

#[test]
fn a_down_server_that_drains_is_verified_by_its_admin_state() {
    let lab = Lab::builder().servers(3).checks().answer("be1/s2", Answer::Closed).start();
    lab.wait_stat("be1", "s2", "status", |status| status == "DOWN");
    let mut term = dashboard(lab.admin());
    term.select_server("be1", "s2");
    term.wait_cell("Servers of be1", "s2", "STATE", |state| state == "DOWN");
    term.press("D");
    answer(&mut term, "Drain: be1 / s2", "y");
    term.wait_for("be1/s2: verified, DOWN");
    assert_eq!(lab.state("be1/s2", "srv_admin_state"), "8");
    assert_eq!(lab.stat("be1", "s2", "status"), "DOWN");
}

const EVERY_ACT: [&str; 5] = ["M", "D", "E", "<f9>", "<f10>"];

#[test]
fn a_socket_without_the_right_says_so_and_gets_no_act() {
    let lab = Lab::builder().servers(3).start();
    for (socket, level) in [(lab.user(), "user"), (lab.operator(), "operator")] {
        let relay = Relay::to(socket);
        let mut term = dashboard(relay.path());
        term.wait_for(&format!(" {level} "));
        term.select_server("be1", "s2");
        for key in EVERY_ACT {
            // Another word in the bottom line, so that the next refusal is seen to come.
            term.press("o");
            term.wait_for("only one HAProxy is watched");
            term.press(key);
            term.wait_for(&format!("this socket has {level}"));
            press_and_let_polls_pass(&mut term, &relay, "y");
            assert!(!term.screen().contains("leave it"), "{}", term.screen());
        }
        let allowed = ["show info;show stat", "show cli level", "show servers state"];
        let strange: Vec<_> = relay.lines().into_iter().filter(|line| !allowed.contains(&line.as_str())).collect();
        assert_eq!(strange, [""; 0], "{level}");
        assert_eq!(lab.stat("be1", "s2", "status"), "no check");
    }
}

#[test]
fn read_only_gives_up_the_right_to_act_on_every_connection() {
    let lab = Lab::builder().servers(3).start();
    for socket in [lab.admin(), lab.user()] {
        let relay = Relay::to(socket);
        let args = ["--read-only", "-i", "0.1"];
        let mut term = Term::builder().args(args).args([relay.path()]).size(120, 40).start();
        term.wait_for(" RO ");
        term.select_server("be1", "s2");
        for key in EVERY_ACT {
            term.press("o");
            term.wait_for("only one HAProxy is watched");
            term.press(key);
            term.wait_for("hapulse runs read-only");
            press_and_let_polls_pass(&mut term, &relay, "y");
            assert!(!term.screen().contains("leave it"), "{}", term.screen());
        }
        term.press("?");
        term.wait_for("not now: hapulse runs read-only");
        for said in relay.connections() {
            assert!(said.starts_with("operator;") || said.is_empty(), "{said:?}");
        }
        assert_eq!(relay.acts(), [""; 0]);
    }
    // What a connection that begins like ours may still do.
    let denied = ask_at(lab.admin(), "operator;disable server be1/s2").unwrap();
    assert!(denied.contains("Permission denied"), "{denied:?}");
    assert_eq!(lab.stat("be1", "s2", "status"), "no check");
}

#[test]
fn a_frontend_and_a_backend_of_one_name_are_told_apart() {
    let sections = "frontend app\n    bind {{app}}\n    default_backend app\n\
                    backend app\n    server one 127.0.0.1:9\n    server two 127.0.0.1:9\n    server three 127.0.0.1:9\n";
    let lab = Lab::builder().frontends(0).backends(0).sections(sections).start();
    let mut term = dashboard(lab.admin());
    assert_eq!(term.table("Frontends").unwrap().names(), ["app"]);
    assert_eq!(term.table("Backends").unwrap().names(), ["app"]);
    term.select_server("app", "two");
    for (key, title, status) in [("M", "Maintenance: app / two", "MAINT"), ("E", "Enable: app / two", "no check")] {
        term.press(key);
        answer(&mut term, title, "y");
        term.wait_for(&format!("app/two: verified, {status}"));
        assert_eq!(lab.stat("app", "two", "status"), status);
        term.wait_cell("Servers of app", "two", "STATE", |state| state == status);
    }
    assert_eq!(lab.stat("app", "FRONTEND", "status"), "OPEN");
}

#[test]
fn acts_work_over_tcp_and_the_badge_says_so() {
    let lab = Lab::builder().servers(3).tcp().start();
    for addr in std::iter::once(lab.tcp()).chain(lab.tcp6()) {
        let mut term = dashboard(addr.to_string());
        term.wait_for("ADMIN over TCP");
        term.select_server("be1", "s3");
        for (key, title, status) in [("M", "Maintenance: be1 / s3", "MAINT"), ("E", "Enable: be1 / s3", "no check")] {
            term.press(key);
            answer(&mut term, title, "y");
            term.wait_for(&format!("be1/s3: verified, {status}"));
            assert_eq!(lab.stat("be1", "s3", "status"), status, "{addr}");
            term.wait_cell("Servers of be1", "s3", "STATE", |state| state == status);
        }
    }
}

#[test]
fn a_server_that_changed_behind_the_question_asks_again() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard(relay.path());
    term.select_server("be1", "s2");
    term.press("M");
    term.wait_for("Maintenance: be1 / s2");
    lab.ask("set server be1/s2 state drain");
    term.wait_for("now     DRAIN");
    answer(&mut term, "leave it", "y");
    term.wait_for("be1/s2 changed meanwhile: it was no check, now it is DRAIN; asked again");
    assert_eq!(relay.acts(), [""; 0]);
    answer(&mut term, "leave it", "y");
    term.wait_for("be1/s2: verified, MAINT");
    assert_eq!(relay.acts(), ["set server be1/s2 state maint"]);
}
