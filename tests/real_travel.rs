//! The past of a real HAProxy: what is shown of a moment is what `show stat` said then, and nothing is sent from there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use support::acts::{bottom, let_polls_pass};
use support::{Answers, Fake, Grid, Lab, Relay, Term, Traffic, wait_until};

type Stat = BTreeMap<String, String>;

fn start(lab: &Lab, cols: u16, rows: u16) -> Term {
    let term = Term::builder().args(["-i", "0.1"]).args([lab.admin()]).size(cols, rows).start();
    term.wait_for("live");
    term
}

/// `show stat` by hand: each row's fields by the column's name.
fn stat(lab: &Lab) -> Vec<Stat> {
    let text = lab.ask("show stat");
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    reader.deserialize().filter_map(Result::ok).collect()
}

/// Columns of the views by their digits: heading and name in `show stat`. While nothing flows they stay as they are.
const VIEWS: [(&str, &[(&str, &str)]); 3] = [
    ("1", &[("STATE", "status"), ("WGHT", "weight"), ("SCUR", "scur"), ("STOT", "stot"), ("SMAX", "smax")]),
    ("2", &[("STATE", "status"), ("LBTOT", "lbtot")]),
    ("3", &[("2xx", "hrsp_2xx"), ("5xx", "hrsp_5xx"), ("RQTOT", "req_tot")]),
];

/// What the table of a view shows that this `show stat` has otherwise.
fn differences(grid: &Grid, stat: &[Stat], columns: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    let paths = grid.paths();
    for row in stat {
        let path =
            if row["type"] == "2" { format!("{}/{}", row["# pxname"], row["svname"]) } else { row["# pxname"].clone() };
        // A frontend and a backend of one name are told by their order.
        let Some(place) = paths.iter().position(|known| *known == path) else {
            found.push(format!("{path} is not there"));
            continue;
        };
        for (heading, name) in columns {
            let wanted = if row[*name].is_empty() { "–" } else { &row[*name] };
            let shown = grid.nth_cell(place, heading).unwrap_or_default();
            if shown != *wanted {
                found.push(format!("{path} {heading}: {shown:?}, not {wanted:?}"));
            }
        }
    }
    found
}

fn agrees(screen: &str, stat: &[Stat], columns: &[(&str, &str)]) -> bool {
    Grid::find(screen).is_some_and(|grid| differences(&grid, stat, columns).is_empty())
}

/// Fails unless every view shows this `show stat`.
fn assert_shown(term: &mut Term, stat: &[Stat]) {
    for (digit, columns) in VIEWS {
        term.press(digit);
        term.wait_until(|screen| {
            Grid::find(screen).is_some_and(|grid| grid.headings().contains(&columns[1].0.to_owned()))
        });
        let grid = Grid::find(&term.settled()).expect("a table");
        assert_eq!(differences(&grid, stat, columns), [""; 0], "view {digit}\n{}", term.screen());
    }
    term.press("1");
    term.wait_for("WGHT");
}

/// The time of the moment in the header, to tell when a step was taken.
fn moment(screen: &str) -> Option<String> {
    let (_, rest) = screen.lines().next()?.split_once(" PAUSED ")?;
    Some(rest.split(',').next()?.to_owned())
}

/// Steps with this key until the view shows that `show stat`.
fn step_to(term: &mut Term, key: &str, stat: &[Stat], columns: &[(&str, &str)]) {
    for _ in 0..400 {
        if agrees(&term.settled(), stat, columns) {
            return;
        }
        term.press(key);
        term.wait_read();
    }
    panic!("no moment shows it\n{}", term.screen());
}

#[test]
fn a_moment_shows_what_show_stat_said_then() {
    let lab = Lab::builder().servers(3).backends(2).start();
    assert_eq!(Traffic::to(lab.frontend_addr()).send(12).ok, 12);
    let columns = VIEWS[0].1;
    let mut term = start(&lab, 200, 50);
    term.press("1");
    let before = stat(&lab);
    term.wait_until(|screen| agrees(screen, &before, columns));
    lab.order("set server be1/s2 state maint");
    lab.order("set server be1/s3 weight 7");
    assert_eq!(Traffic::to(lab.frontend_addr()).send(9).ok, 9);
    let after = stat(&lab);
    assert!(before != after);
    term.wait_until(|screen| agrees(screen, &after, columns));
    term.press("p");
    assert!(moment(&term.wait_for(" PAUSED ")).is_some());
    // What comes now is not shown.
    assert_eq!(Traffic::to(lab.frontend_addr()).send(5).ok, 5);
    step_to(&mut term, "<left>", &before, columns);
    assert_shown(&mut term, &before);
    let screen = term.settled();
    assert!(!screen.contains("MAINT"), "{screen}");
    term.press("9");
    term.wait_gone("WGHT");
    assert!(!term.settled().contains("UP → MAINT"), "what came later is not told:\n{}", term.screen());
    term.press("1");
    term.wait_for("WGHT");
    step_to(&mut term, "<right>", &after, columns);
    assert_shown(&mut term, &after);
    term.press("9");
    term.wait_for("→ MAINT");
    term.press("1p");
    let now = stat(&lab);
    term.wait_until(|screen| agrees(screen, &now, columns) && screen.contains("live 0.1s"));
}

#[test]
fn what_changed_since_the_mark_is_the_difference_of_two_dumps() {
    let lab = Lab::builder().servers(3).start();
    assert_eq!(Traffic::to(lab.frontend_addr()).send(6).ok, 6);
    let mut term = start(&lab, 160, 40);
    term.press("1");
    let before = stat(&lab);
    term.wait_until(|screen| agrees(screen, &before, VIEWS[0].1));
    term.press("mS");
    term.wait_for("nothing has changed since the mark");
    assert_eq!(Traffic::to(lab.frontend_addr()).send(9).ok, 9);
    lab.order("set server be1/s2 state drain");
    let after = stat(&lab);
    let grown = |name: &str| {
        let of = |stat: &[Stat]| {
            let row = stat.iter().find(|row| row["svname"] == name).expect("the server is listed");
            row["stot"].parse::<i64>().expect("a number")
        };
        (of(&after) - of(&before)).to_string()
    };
    for name in ["s1", "s2", "s3"] {
        let wanted = grown(name);
        term.wait_grid(|grid| {
            let place = grid.paths().iter().position(|path| *path == format!("be1/{name}"));
            place.and_then(|place| grid.nth_cell(place, "+REQ")).is_some_and(|cell| cell == wanted)
        });
    }
    let grid = term.wait_grid(|grid| grid.paths().first() == Some(&"be1/s2"));
    assert_eq!(grid.nth_cell(0, "CHANGED").as_deref(), Some("no check → DRAIN"));
    lab.reload();
    let screen = term.wait_for("a reload: counters not comparable");
    let grid = Grid::find(&screen).expect("a table");
    assert_eq!(grid.nth_cell(0, "+REQ").as_deref(), Some("–"), "{screen}");
    term.press("x");
    term.wait_for("no moment is marked");
}

#[test]
fn a_reload_and_a_lost_link_are_told_from_the_past() {
    let lab = Lab::builder().servers(2).start();
    let mut term = start(&lab, 120, 40);
    let old = lab.info("Pid");
    term.press("p");
    term.wait_for(" PAUSED ");
    lab.reload();
    let new = lab.info("Pid");
    let screen = term.wait_for(&format!("another process answers, pid {new}"));
    assert!(screen.lines().next().unwrap().contains(&format!("pid {old}")), "{screen}");
    lab.kill9();
    let screen = term.wait_for("the link is lost");
    assert!(bottom(&screen).ends_with("what is shown is the past"), "{screen}");
    term.wait_for("stale");
    assert!(term.wait_for(" PAUSED ").contains(&format!("pid {old}")));
    lab.restart();
    term.wait_for("the link is back");
    term.wait_for("link up");
    term.press("p");
    term.wait_for(&format!("pid {}", lab.info("Pid")));
    term.wait_for("live 0.1s");
}

/// The answer with this number: two hundred servers with many large numbers, and other columns than the one before.
fn heavy(number: u64) -> Answers {
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
    Answers::new().on("show info", info).on("show cli level", "admin\n\n").on("show stat", stat)
}

#[test]
fn a_moment_that_does_not_fit_any_more_gives_way_to_the_oldest() {
    let count = AtomicU64::new(1);
    let fake = Fake::unix(move |line, stream| {
        let number = if line.contains("show stat") { count.fetch_add(1, Ordering::Relaxed) } else { 0 };
        drop(stream.write_all(&heavy(number).reply(line)));
    });
    let args = ["-i", "0.1", "--history-memory", "1"];
    let mut term = Term::builder().args(args).args([fake.path()]).size(120, 40).start();
    term.wait_for("live");
    term.press("1");
    let shown = |grid: &Grid| grid.nth_cell(0, "STOT").and_then(|cell| cell.parse::<u64>().ok());
    term.wait_grid(|grid| shown(grid).is_some());
    term.press("p<home>");
    term.wait_for(" PAUSED ");
    let first = shown(&Grid::find(&term.settled()).expect("a table")).expect("a number");
    term.wait_for("the moment has left the history: this is the oldest one kept");
    term.wait_grid(|grid| shown(grid).is_some_and(|number| number > first));
    term.wait_for(" PAUSED ");
    term.press("p");
    term.wait_gone(" PAUSED ");
}

/// Keys that begin an act, answer a question about one, or choose from a menu of them.
const ACT_KEYS: [&str; 28] = [
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
    ":frontend.off<ret>",
];

#[test]
fn no_key_sends_an_act_from_the_past() {
    let lab = Lab::builder().servers(3).start();
    let relay = Relay::to(lab.admin());
    let mut term = Term::builder().args(["-i", "0.1"]).args([relay.path()]).size(120, 40).start();
    term.wait_for("live");
    for (view, place) in [("0", "<down>"), ("1", "jj"), ("4", "jj"), ("A", "j"), ("S", "j"), ("7", ""), ("8", "")] {
        term.press(&format!("{view}{place}p"));
        term.wait_for(" PAUSED ");
        for key in ACT_KEYS {
            term.press(key);
            term.press("y");
        }
        term.press("M");
        term.wait_for("this is the past: nothing can be sent or asked; p goes back to live");
        assert!(term.screen().contains(" PAUSED "), "view {view}\n{}", term.screen());
        term.press("p");
        term.wait_gone(" PAUSED ");
    }
    term.press("p5set server be1/s1 state maint\n");
    term.wait_for("nothing can be sent or asked");
    let_polls_pass(&term, &relay);
    assert_eq!(relay.acts(), [""; 0]);
    assert_eq!(term.audit(), [""; 0]);
    let asked = |line: &String| ["show sess", "show table", "help"].iter().any(|word| line.contains(word));
    assert!(!relay.lines().iter().any(asked), "{:?}", relay.lines());
    // The keys are those that act in the present.
    term.press("<esc><esc>1jjM");
    term.wait_for("Maintenance");
}

#[test]
fn the_past_says_so_at_every_size() {
    let lab = Lab::builder().servers(3).start();
    for (cols, rows) in [(80, 24), (120, 40), (200, 60), (40, 10)] {
        for plain in [false, true] {
            let builder = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(cols, rows);
            let builder = if plain { builder.args(["--ascii"]).env("NO_COLOR", "1") } else { builder };
            let mut term = builder.start();
            term.wait_for("live");
            term.press("p");
            term.wait_for(" PAUSED ");
            let ago = |screen: &str| screen.lines().next().unwrap_or_default().to_owned();
            let first = ago(&term.screen());
            // It counts on by itself, in seconds.
            let end = if cols < 60 { "s " } else { "s ago" };
            let later = term.wait_until(|screen| ago(screen) != first && ago(screen).contains(end));
            assert!(ago(&later).contains(" PAUSED "), "{later}");
            assert!(bottom(&term.settled()).contains("p live"), "{cols}x{rows}\n{}", term.screen());
            let is_marked = |screen: &vt100::Screen| {
                let cells = (0..cols).filter_map(|column| screen.cell(0, column));
                cells.filter(|cell| cell.inverse()).map(|cell| cell.contents().to_owned()).collect::<String>()
            };
            wait_until("the words in reverse", || term.with_screen(is_marked).contains("PAUSED"));
            if plain {
                assert!(term.settled().is_ascii(), "{}", term.screen());
            }
        }
    }
}
