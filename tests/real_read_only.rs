//! What reaches the socket of a real HAProxy: in read-only mode questions only, whatever is pressed or typed; else
//! nothing that was not asked about and answered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::thread;
use support::acts::{answer, dashboard_with, let_polls_pass};
use support::sweep::{self, Layer, VIEWS, not_questions, not_questions_by_now};
use support::{Lab, Relay, Term, Traffic};

/// A lab with something to see in every view: traffic, a stick table, a server away, and one that fails.
fn lab() -> Lab {
    let sections = "backend clients\n    stick-table type string len 32 size 100 expire 10m store http_req_cnt\n\
                    frontend web\n    bind {{web}}\n    http-request track-sc0 hdr(X-Client) table clients\n    \
                    default_backend be1\n";
    let lab = Lab::builder().servers(4).sections(sections).start();
    assert_eq!(Traffic::to(lab.addr("web")).header("X-Client: bob").send(3).ok, 3);
    lab.order("set server be1/s4 state maint");
    lab
}

/// Every key in every view; the views are parted among threads, each with a program and a relay of its own.
fn sweep_views(lab: &Lab, args: &[&str], config: &str, check: impl Fn(&mut Term, &Relay, char) + Sync) {
    thread::scope(|scope| {
        for part in VIEWS.chunks(VIEWS.len().div_ceil(3)) {
            let check = &check;
            scope.spawn(move || {
                for (place, (view, _)) in part.iter().enumerate() {
                    let relay = Relay::to(lab.admin());
                    let mut term = dashboard_with(args, config, relay.path());
                    check(&mut term, &relay, *view);
                    term.press(if *view == '5' { "<c-c>" } else { ["q", "Q", "<c-c>"][place % 3] });
                    assert_eq!(term.exit_code(), 0, "view {view}");
                }
            });
        }
    });
}

/// `show servers state` without the column that counts seconds.
fn states(lab: &Lab) -> Vec<String> {
    let text = lab.ask("show servers state");
    let cells = |line: &str| {
        let cells = line.split(' ').enumerate().filter(|(place, _)| *place != 9).map(|(_, cell)| cell);
        cells.collect::<Vec<_>>().join(" ")
    };
    text.lines().map(cells).collect()
}

/// The keys arrived: those that ask have asked.
fn assert_asked(relay: &Relay, view: char) {
    for (of, question) in [('5', "help"), ('7', "show sess"), ('8', "show table")] {
        let is_asked = relay.lines().iter().any(|line| line.ends_with(question));
        assert!(is_asked || view != of, "{question}");
    }
}

#[test]
fn in_read_only_mode_no_key_sends_more_than_questions() {
    let lab = lab();
    let before = states(&lab);
    sweep_views(&lab, &["--read-only"], "", |term, relay, view| {
        term.wait_for(" RO ");
        sweep::press_all(term, view, &sweep::LAYERS, &[]);
        assert_eq!(not_questions_by_now(term, relay, "operator;"), [""; 0], "view {view}");
        assert_asked(relay, view);
        assert_eq!(term.audit(), [""; 0]);
    });
    assert_eq!(states(&lab), before);
}

/// Openers of what asks about an act, or for a word to it.
const ASKING: [Layer; 3] = [
    Layer { open: "gjjW", shows: "weight of be1/s1:", views: "12346" },
    Layer { open: "gjj:server.maxconn<ret>", shows: "server maxconn of be1/s1:", views: "12346" },
    Layer { open: "gjj<ret>a", shows: "─ Act on be1/s1 ", views: "12346" },
];

#[test]
fn without_an_answer_no_key_sends_more_than_questions() {
    let lab = lab();
    let before = states(&lab);
    let layers: Vec<Layer> = ASKING.into_iter().chain(sweep::LAYERS).collect();
    sweep_views(&lab, &[], "", |term, relay, view| {
        term.wait_for(" ADMIN ");
        sweep::press_all(term, view, &layers, &[]);
        assert_eq!(not_questions_by_now(term, relay, ""), [""; 0], "view {view}");
        assert_asked(relay, view);
        assert_eq!(term.audit(), [""; 0]);
    });
    assert_eq!(states(&lab), before);
}

#[test]
fn anything_but_the_answer_to_a_question_sends_nothing() {
    let lab = lab();
    let before = states(&lab);
    thread::scope(|scope| {
        for (view, asks, shows, yes) in [
            ('1', "gjjM", "Maintenance: be1 / s1", "y"),
            ('2', "gjj[", "Weight: be1 / s1", "y"),
            ('3', "g:frontend.disable<ret>", "type fe1 and Enter", ""),
            ('4', ":counters.clear<ret>", "type clear and Enter", ""),
            ('5', "disable server be1/s1<ret>", "this line may change HAProxy", "y"),
        ] {
            let lab = &lab;
            scope.spawn(move || {
                let relay = Relay::to(lab.admin());
                let mut term = dashboard_with(&[], "", relay.path());
                sweep::answer_anything_but_yes(&mut term, view, (asks, shows), &[yes]);
                assert_eq!(not_questions_by_now(&term, &relay, ""), [""; 0], "{asks}");
            });
        }
    });
    assert_eq!(states(&lab), before);
    // With its answer it is sent.
    let relay = Relay::to(lab.admin());
    let mut term = dashboard_with(&[], "", relay.path());
    term.press("1gjjM");
    answer(&mut term, "Maintenance: be1 / s1", "y");
    term.wait_for("be1/s1: verified, MAINT");
    assert_eq!(relay.acts(), ["set server be1/s1 state maint"]);
}

#[test]
fn an_act_that_waits_for_a_reason_is_not_sent() {
    let lab = lab();
    let relay = Relay::to(lab.admin());
    let mut term = dashboard_with(&[], "[audit]\nask_reason = true\n", relay.path());
    let layers = [Layer { open: "gjjM", shows: "reason for maintenance:", views: "1" }];
    sweep::press_all(&mut term, '1', &layers, &[]);
    assert_eq!(not_questions_by_now(&term, &relay, ""), [""; 0]);
}

/// Lines that change something, or might; some hide it behind a question.
const WRITES: [&str; 17] = [
    "disable server be1/s1",
    "enable server be1/s4",
    "set server be1/s1 state maint",
    "set server be1/s1 weight 3",
    "show info;disable server be1/s1",
    "show info; set server be1/s1 state drain",
    "show stat\\;disable server be1/s1",
    "operator;disable frontend fe1",
    "user;shutdown sessions server be1/s1",
    "clear counters",
    "clear counters all",
    "clear table clients",
    "clear table clients key bob",
    "set maxconn frontend fe1 3",
    "show table clients;clear table clients",
    "show infodisable server be1/s1",
    "add map <<",
];

#[test]
fn in_read_only_mode_no_typed_line_sends_more_than_questions() {
    let lab = lab();
    let before = states(&lab);
    let relay = Relay::to(lab.admin());
    let mut term = dashboard_with(&["--read-only"], "", relay.path());
    term.press("5");
    term.wait_for("commands that only read");
    for line in WRITES {
        term.press(&format!("{}<ret>", line.replace('<', "<lt>")));
        term.wait_until(|screen| {
            let mut said = screen.lines().skip_while(|said| said.trim() != format!("> {line}")).skip(1);
            said.next().is_some_and(|said| said.trim().starts_with("not sent") || said.contains("read-only"))
        });
        term.press("y");
        term.press("<bs>");
        term.press("<c-l>");
        term.press("<c-u>");
    }
    assert_eq!(not_questions_by_now(&term, &relay, "operator;"), [""; 0]);
    assert_eq!(states(&lab), before);
    // A question is sent, without the right to more.
    term.press("show servers state<ret>");
    term.wait_for("be_name");
    assert_eq!(not_questions(&relay, "operator;"), [""; 0]);
}

#[test]
fn in_read_only_mode_every_act_by_its_name_is_refused() {
    let lab = lab();
    let before = states(&lab);
    let relay = Relay::to(lab.admin());
    let mut term = dashboard_with(&["--read-only"], "", relay.path());
    term.press("1");
    for row in ["be1/s1", "fe1"] {
        term.select_row(row);
        for action in hapulse::app::commands::COMMANDS {
            let is_act = action.group == hapulse::app::commands::Group::Act;
            // The menu opens, and says of each line that it is not to be had.
            if is_act && !["act.menu", "act.undo", "offer.take", "offer.decline"].contains(&action.id) {
                term.press("o");
                term.wait_for("only one HAProxy is watched");
                term.command(action.id);
                term.wait_for("hapulse runs read-only: for ");
                term.press("y");
            }
        }
    }
    let_polls_pass(&term, &relay);
    assert_eq!(not_questions(&relay, "operator;"), [""; 0]);
    assert_eq!(states(&lab), before);
}
