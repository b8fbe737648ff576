//! Commands that reach the socket of a real HAProxy: in read-only mode only read-only commands, for all keys and typed
//! lines; otherwise no write command without a confirmation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::thread;
use support::actions::{answer_confirmation, start_dashboard_with, wait_for_two_polls};
use support::sweep::{self, SweptLayer, VIEWS, unexpected_commands, unexpected_commands_after_polls};
use support::{CLIENTS_TABLE, Lab, Relay, Term, Traffic};

/// Starts a lab with content for every view: traffic, a stick table, and a server in maintenance.
fn lab() -> Lab {
    let lab = Lab::builder().servers(4).sections(CLIENTS_TABLE).start();
    assert_eq!(Traffic::to(lab.addr("web")).header("X-Client: bob").send(3).ok, 3);
    lab.send_write_command("set server be1/s4 state maint");
    lab
}

/// Runs `check` in every view; threads share the views, and each view gets its own program and relay.
fn sweep_views(lab: &Lab, args: &[&str], config: &str, check: impl Fn(&mut Term, &Relay, char) + Sync) {
    thread::scope(|scope| {
        for chunk in VIEWS.chunks(VIEWS.len().div_ceil(3)) {
            let check = &check;
            scope.spawn(move || {
                for (index, (view, _)) in chunk.iter().enumerate() {
                    let relay = Relay::to(lab.admin());
                    let mut term = start_dashboard_with(args, config, relay.path());
                    check(&mut term, &relay, *view);
                    term.press(if *view == '5' { "<c-u><c-c>" } else { ["q", "Q", "<c-c>"][index % 3] });
                    assert_eq!(term.exit_code(), 0, "view {view}");
                }
            });
        }
    });
}

/// Returns the lines of `show servers state` without the column that counts seconds.
fn server_states(lab: &Lab) -> Vec<String> {
    let text = lab.send_command("show servers state");
    let cells = |line: &str| {
        let cells = line.split(' ').enumerate().filter(|(column, _)| *column != 9).map(|(_, cell)| cell);
        cells.collect::<Vec<_>>().join(" ")
    };
    text.lines().map(cells).collect()
}

/// Asserts that the keys arrived: the views with queries have sent theirs.
fn assert_queried(relay: &Relay, view: char) {
    for (query_view, command) in [('5', "help"), ('7', "show sess"), ('8', "show table")] {
        let was_sent = relay.lines().iter().any(|line| line.ends_with(command));
        assert!(was_sent || view != query_view, "{command}");
    }
}

#[test]
fn read_only_keys_send_only_read_only_commands() {
    let lab = lab();
    let before = server_states(&lab);
    sweep_views(&lab, &["--read-only"], "", |term, relay, view| {
        term.wait_for(" RO ");
        sweep::press_every_key(term, view, &sweep::LAYERS, &[]);
        assert_eq!(unexpected_commands_after_polls(term, relay, "operator;"), [""; 0], "view {view}");
        assert_queried(relay, view);
        assert_eq!(term.audit_records(), [""; 0]);
    });
    assert_eq!(server_states(&lab), before);
}

/// Layers with the prompts and the menu of actions.
const ACTION_LAYERS: [SweptLayer; 3] = [
    SweptLayer { open: "gjjW", shows: "weight of be1/s1", views: "1", is_action: true },
    SweptLayer {
        open: "gjj:server.maxconn<ret>",
        shows: "server maxconn of be1/s1 (now ",
        views: "3",
        is_action: true,
    },
    SweptLayer { open: "gjj<ret>a", shows: "─ Act on be1/s1 ", views: "6", is_action: true },
];

#[test]
fn unconfirmed_keys_send_only_read_only_commands() {
    let lab = lab();
    let before = server_states(&lab);
    let layers: Vec<SweptLayer> = ACTION_LAYERS.into_iter().chain(sweep::LAYERS).collect();
    sweep_views(&lab, &[], "", |term, relay, view| {
        term.wait_for(" ADMIN ");
        sweep::press_every_key(term, view, &layers, &[]);
        assert_eq!(unexpected_commands_after_polls(term, relay, ""), [""; 0], "view {view}");
        assert_queried(relay, view);
        assert_eq!(term.audit_records(), [""; 0]);
    });
    assert_eq!(server_states(&lab), before);
}

#[test]
fn confirmation_sends_nothing_for_other_keys() {
    let lab = lab();
    let before = server_states(&lab);
    thread::scope(|scope| {
        for (view, open, shows, yes) in [
            ('1', "gjjM", "Maintenance: be1 / s1", "y"),
            ('2', "gjj[", "Weight: be1 / s1", "y"),
            ('3', "g:frontend.disable<ret>", "type \"fe1\"", ""),
            ('4', ":counters.clear<ret>", "type \"clear\"", ""),
            ('5', "disable server be1/s1<ret>", "this command may change HAProxy", "y"),
        ] {
            let lab = &lab;
            scope.spawn(move || {
                let relay = Relay::to(lab.admin());
                let mut term = start_dashboard_with(&[], "", relay.path());
                sweep::press_every_key_except_yes(&mut term, view, (open, shows), &[yes]);
                assert_eq!(unexpected_commands_after_polls(&term, &relay, ""), [""; 0], "{open}");
            });
        }
    });
    assert_eq!(server_states(&lab), before);
    // With the right answer the command is sent.
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard_with(&[], "", relay.path());
    term.press("1gjjM");
    answer_confirmation(&mut term, "Maintenance: be1 / s1", "y");
    term.wait_for("be1/s1: verified, MAINT");
    assert_eq!(relay.write_commands(), ["set server be1/s1 state maint"]);
}

#[test]
fn reason_prompt_sends_nothing_for_any_key() {
    let lab = lab();
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard_with(&[], "[audit]\nask_reason = true\n", relay.path());
    let layers = [SweptLayer { open: "gjjM", shows: "reason for maintenance:", views: "1", is_action: true }];
    sweep::press_every_key(&mut term, '1', &layers, &[]);
    assert_eq!(unexpected_commands_after_polls(&term, &relay, ""), [""; 0]);
}

/// Lines that change HAProxy, or might; some hide the write command after a read-only one.
const WRITE_LINES: [&str; 17] = [
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
fn read_only_typed_lines_send_only_read_only_commands() {
    let lab = lab();
    let before = server_states(&lab);
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard_with(&["--read-only"], "", relay.path());
    term.press("5");
    term.wait_for("read-only commands");
    for line in WRITE_LINES {
        // Enter counts only after the text: together, they would be a paste.
        let typed = format!("> {line}");
        term.press(&line.replace('<', "<lt>"));
        term.wait_until(|screen| screen.lines().any(|shown| shown.trim_end_matches(['│', ' ']).trim() == typed));
        term.press("<ret>");
        term.wait_until(|screen| {
            let mut below = screen.lines().skip_while(|shown| shown.trim() != typed).skip(1);
            below.next().is_some_and(|reply| reply.trim().starts_with("not sent") || reply.contains("read-only"))
        });
        term.press("y");
        term.press("<bs>");
        term.press("<c-l>");
        term.press("<c-u>");
    }
    assert_eq!(unexpected_commands_after_polls(&term, &relay, "operator;"), [""; 0]);
    assert_eq!(server_states(&lab), before);
    // A read-only command is sent, on a connection at level operator.
    term.press("show servers state<ret>");
    term.wait_for("be_name");
    assert_eq!(unexpected_commands(&relay, "operator;"), [""; 0]);
}

#[test]
fn read_only_refuses_every_action_by_name() {
    let lab = lab();
    let before = server_states(&lab);
    let relay = Relay::to(lab.admin());
    let mut term = start_dashboard_with(&["--read-only"], "", relay.path());
    term.press("1");
    for row in ["be1/s1", "fe1"] {
        term.move_to_path(row);
        for command in hapulse::app::command_table::COMMANDS {
            let is_action = command.group == hapulse::app::ui_commands::CommandGroup::Actions;
            // The menu opens, and shows each action as unavailable.
            if is_action
                && !["action.menu", "action.undo", "suggestion.accept", "suggestion.dismiss"].contains(&command.id)
            {
                term.press("o");
                term.wait_for("there is only one instance");
                term.command(command.id);
                term.wait_for("read-only mode: to use ");
                term.press("y");
            }
        }
    }
    wait_for_two_polls(&term, &relay);
    assert_eq!(unexpected_commands(&relay, "operator;"), [""; 0]);
    assert_eq!(server_states(&lab), before);
}
