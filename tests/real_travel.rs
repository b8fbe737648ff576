//! Playback of a real HAProxy's history: a past moment matches the `show stat` of that time, and no command is sent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use support::actions::wait_for_two_polls;
use support::screen::message;
use support::{CannedReplies, FakeSocket, Grid, Lab, Relay, Term, Traffic, wait_until};

/// A row of `show stat`: fields by column name.
type StatRow = BTreeMap<String, String>;

/// Starts hapulse and waits until it shows live data.
fn start_dashboard(lab: &Lab, cols: u16, rows: u16) -> Term {
    let term = Term::builder().args(["-i", "0.1"]).args([lab.admin()]).size(cols, rows).start();
    term.wait_for("live");
    term
}

/// Returns the rows of `show stat`.
fn stat_rows(lab: &Lab) -> Vec<StatRow> {
    let text = lab.send_command("show stat");
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    reader.deserialize().filter_map(Result::ok).collect()
}

/// Views by key, with columns that stay constant without traffic: heading and name in `show stat`.
const VIEWS: [(&str, &[(&str, &str)]); 3] = [
    ("1", &[("STATE", "status"), ("WGHT", "weight"), ("SCUR", "scur"), ("STOT", "stot"), ("SMAX", "smax")]),
    ("2", &[("STATE", "status"), ("LBTOT", "lbtot")]),
    ("3", &[("#2XX", "hrsp_2xx"), ("#5XX", "hrsp_5xx"), ("RQTOT", "req_tot")]),
];

/// Returns the cells of a view's table that differ from this `show stat`.
fn differences(grid: &Grid, stat: &[StatRow], columns: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    let paths = grid.paths();
    for row in stat {
        let path =
            if row["type"] == "2" { format!("{}/{}", row["# pxname"], row["svname"]) } else { row["# pxname"].clone() };
        // A frontend and a backend of the same name are distinguished by their order.
        let Some(position) = paths.iter().position(|known| *known == path) else {
            found.push(format!("{path} is missing"));
            continue;
        };
        for (heading, name) in columns {
            let expected = if row[*name].is_empty() { "–" } else { &row[*name] };
            let shown = grid.nth_cell(position, heading).unwrap_or_default();
            if shown != *expected {
                found.push(format!("{path} {heading}: {shown:?}, not {expected:?}"));
            }
        }
    }
    found
}

/// Returns whether the table on the screen matches this `show stat`.
fn matches_stat(screen: &str, stat: &[StatRow], columns: &[(&str, &str)]) -> bool {
    Grid::find(screen).is_some_and(|grid| differences(&grid, stat, columns).is_empty())
}

/// Asserts that every view matches this `show stat`.
fn assert_shown(term: &mut Term, stat: &[StatRow]) {
    for (key, columns) in VIEWS {
        term.press(key);
        term.wait_until(|screen| {
            Grid::find(screen).is_some_and(|grid| grid.headings().contains(&columns[1].0.to_owned()))
        });
        let grid = Grid::find(&term.settled_screen()).expect("a table");
        assert_eq!(differences(&grid, stat, columns), [""; 0], "view {key}\n{}", term.screen());
    }
    term.press("1");
    term.wait_for("WGHT");
}

/// Returns the time of the past moment from the header.
fn shown_moment(screen: &str) -> Option<String> {
    let (_, rest) = screen.lines().next()?.split_once(" PAUSED ")?;
    Some(rest.split(',').next()?.to_owned())
}

/// Presses this key until the view matches this `show stat`.
fn step_to(term: &mut Term, key: &str, stat: &[StatRow], columns: &[(&str, &str)]) {
    for _ in 0..400 {
        if matches_stat(&term.settled_screen(), stat, columns) {
            return;
        }
        term.press(key);
        term.wait_input_read();
    }
    panic!("no moment matches\n{}", term.screen());
}

#[test]
fn past_moment_matches_show_stat_of_that_time() {
    let lab = Lab::builder().servers(3).backends(2).start();
    assert_eq!(Traffic::to(lab.frontend_addr()).send(12).ok, 12);
    let columns = VIEWS[0].1;
    let mut term = start_dashboard(&lab, 200, 50);
    term.press("1");
    let before = stat_rows(&lab);
    term.wait_until(|screen| matches_stat(screen, &before, columns));
    lab.send_write_command("set server be1/s2 state maint");
    lab.send_write_command("set server be1/s3 weight 7");
    assert_eq!(Traffic::to(lab.frontend_addr()).send(9).ok, 9);
    let after = stat_rows(&lab);
    assert!(before != after);
    term.wait_until(|screen| matches_stat(screen, &after, columns));
    term.press("p");
    assert!(shown_moment(&term.wait_for(" PAUSED ")).is_some());
    // New traffic is not shown.
    assert_eq!(Traffic::to(lab.frontend_addr()).send(5).ok, 5);
    step_to(&mut term, "<left>", &before, columns);
    assert_shown(&mut term, &before);
    let screen = term.settled_screen();
    assert!(!screen.contains("MAINT"), "{screen}");
    term.press("9");
    term.wait_gone("WGHT");
    assert!(!term.settled_screen().contains("UP → MAINT"), "later events must be hidden:\n{}", term.screen());
    term.press("1");
    term.wait_for("WGHT");
    step_to(&mut term, "<right>", &after, columns);
    assert_shown(&mut term, &after);
    term.press("9");
    term.wait_for("→ MAINT");
    term.press("1p");
    let now = stat_rows(&lab);
    term.wait_until(|screen| matches_stat(screen, &now, columns) && screen.contains("live 0.1s"));
}

#[test]
fn comparison_with_mark_shows_drain_and_reload() {
    let lab = Lab::builder().servers(3).start();
    let mut term = start_dashboard(&lab, 240, 40);
    term.press("1");
    term.wait_for("be1");
    term.press("mS");
    term.wait_for("nothing unusual changed");
    lab.send_write_command("set server be1/s2 state drain");
    let grid = term.wait_grid(|grid| grid.paths().first() == Some(&"be1/s2"));
    assert_eq!(grid.nth_cell(0, "CHANGE").as_deref(), Some("no check → DRAIN"));
    term.wait_for("1 changed");
    lab.reload();
    term.wait_for("1 reload");
    term.press("x");
    term.wait_for("marked moment cleared");
    term.wait_for("[10 min]");
}

#[test]
fn playback_reports_reload_and_lost_connection() {
    let lab = Lab::builder().servers(2).start();
    let mut term = start_dashboard(&lab, 120, 40);
    let old = lab.info("Pid");
    term.press("p");
    term.wait_for(" PAUSED ");
    lab.reload();
    let new = lab.info("Pid");
    let screen = term.wait_for(&format!("new HAProxy process, pid {new}"));
    assert!(screen.lines().next().unwrap().contains(&format!("pid {old}")), "{screen}");
    lab.kill();
    let screen = term.wait_for("connection lost");
    assert!(message(&screen).ends_with("still showing the past"), "{screen}");
    term.wait_for("stale");
    assert!(term.wait_for(" PAUSED ").contains(&format!("pid {old}")));
    lab.restart();
    term.wait_for("connection restored");
    term.wait_for("link up");
    term.press("p");
    term.wait_for(&format!("pid {}", lab.info("Pid")));
    term.wait_for("live 0.1s");
}

/// Returns the numbered reply: two hundred servers with many large values, and other columns than the one before.
fn large_replies(number: u64) -> CannedReplies {
    let columns = 50 + number % 2;
    let line = |cells: Vec<String>| cells.join(",") + ",\n";
    let names = (0..columns).map(|column| format!("counter{column}"));
    let header = ["# pxname", "svname", "type", "status", "weight", "stot"].map(str::to_owned);
    let row = |row: u64| {
        let values = (0..columns).map(|column| (number * 77_777_777_777 + column * 99_999).to_string());
        let start = ["be1".to_owned(), format!("s{row}"), "2".to_owned(), "UP".to_owned(), "100".to_owned()];
        line(start.into_iter().chain([number.to_string()]).chain(values).collect())
    };
    let rows: Vec<String> = (0..200).map(row).collect();
    let stat = line(header.into_iter().chain(names).collect()) + &rows.concat() + "\n";
    let info = format!("Name: HAProxy\nVersion: 2.6.12\nPid: 77\nUptime_sec: {number}\nnode: lab\n\n");
    CannedReplies::new().on("show info", info).on("show cli level", "admin\n\n").on("show stat", stat)
}

#[test]
fn playback_moves_to_oldest_moment_when_shown_one_is_evicted() {
    let count = AtomicU64::new(1);
    let fake = FakeSocket::with_handler(move |line, stream| {
        let number = if line.contains("show stat") { count.fetch_add(1, Ordering::Relaxed) } else { 0 };
        drop(stream.write_all(&large_replies(number).reply_to(line)));
    });
    let args = ["-i", "0.1", "--history-memory", "1"];
    let mut term = Term::builder().args(args).args([fake.path()]).size(160, 40).start();
    term.wait_for("live");
    term.press("1");
    let shown = |grid: &Grid| grid.nth_cell(0, "STOT").and_then(|cell| cell.parse::<u64>().ok());
    term.wait_grid(|grid| shown(grid).is_some());
    term.press("p<home>");
    term.wait_for(" PAUSED ");
    let first = shown(&Grid::find(&term.settled_screen()).expect("a table")).expect("a number");
    term.wait_for("this sample has left the history; showing the oldest one");
    term.wait_grid(|grid| shown(grid).is_some_and(|number| number > first));
    term.wait_for(" PAUSED ");
    term.press("p");
    term.wait_gone(" PAUSED ");
}

/// Keys that start an action, answer its confirmation, or choose from the action menu.
const ACTION_KEYS: [&str; 28] = [
    "E",
    "D",
    "M",
    "W",
    "a",
    "a",
    "u",
    "c",
    "C",
    "X",
    "[",
    "]",
    "{",
    "}",
    "<f4>",
    "<f5>",
    "<f6>",
    "<f7>",
    "<f8>",
    "<f9>",
    "<f10>",
    "y",
    "r",
    ":server.maint<ret>",
    ":server.end-sessions<ret>",
    ":everywhere.drain<ret>",
    ":counters.clear<ret>",
    ":frontend.disable<ret>",
];

#[test]
fn playback_keys_send_no_command() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = Term::builder().args(["-i", "0.1"]).args([relay.path()]).size(120, 40).start();
    term.wait_for("live");
    for (view, move_keys) in [("0", "<down>"), ("1", "jj"), ("4", "jj"), ("A", "j"), ("S", "j"), ("7", ""), ("8", "")] {
        term.press(&format!("{view}{move_keys}p"));
        term.wait_for(" PAUSED ");
        for key in ACTION_KEYS {
            term.press(key);
            term.press("y");
        }
        term.press("M");
        term.wait_for("the past is shown: no commands can be sent; p shows the present");
        assert!(term.screen().contains(" PAUSED "), "view {view}\n{}", term.screen());
        term.press("p");
        term.wait_gone(" PAUSED ");
    }
    term.press("p5set server be1/s1 state maint\n");
    term.wait_for("no commands can be sent");
    wait_for_two_polls(&term, &relay);
    assert_eq!(relay.write_commands(), [""; 0]);
    assert_eq!(term.audit_records(), [""; 0]);
    let is_query = |line: &String| ["show sess", "show table", "help"].iter().any(|word| line.contains(word));
    assert!(!relay.lines().iter().any(is_query), "{:?}", relay.lines());
    // The same keys start an action in live mode.
    term.press("<esc><esc>1jjM");
    term.wait_for("Maintenance");
}

#[test]
fn playback_badge_is_shown_at_every_size() {
    let lab = Lab::builder().servers(3).start();
    for (cols, rows) in [(80, 24), (120, 40), (200, 60), (40, 10)] {
        for plain in [false, true] {
            let builder = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(cols, rows);
            let builder = if plain { builder.args(["--ascii"]).env("NO_COLOR", "1") } else { builder };
            let mut term = builder.start();
            term.wait_for("live");
            term.press("p");
            term.wait_for(" PAUSED ");
            let header = |screen: &str| screen.lines().next().unwrap_or_default().to_owned();
            let first = header(&term.screen());
            // The age in the header advances, in seconds.
            let end = if cols < 60 { "s " } else { "s ago" };
            let later = term.wait_until(|screen| header(screen) != first && header(screen).contains(end));
            assert!(header(&later).contains(" PAUSED "), "{later}");
            assert!(message(&term.settled_screen()).contains("p live"), "{cols}x{rows}\n{}", term.screen());
            let highlighted_text = |screen: &vt100::Screen| {
                let cells = (0..cols).filter_map(|column| screen.cell(0, column));
                let is_highlighted = |cell: &&vt100::Cell| cell.inverse() || cell.bgcolor() != vt100::Color::Default;
                cells.filter(is_highlighted).map(|cell| cell.contents().to_owned()).collect::<String>()
            };
            wait_until("the highlighted badge", || term.with_screen(highlighted_text).contains("PAUSED"));
            if plain {
                assert!(term.settled_screen().is_ascii(), "{}", term.screen());
            }
        }
    }
}
