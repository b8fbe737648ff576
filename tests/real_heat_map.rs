//! The heat map and view 6 on a real HAProxy with a slow server, one that fails, and a dead backend: the worst rows come
//! first, the cells of now agree with the values in the tables, and the moment shown is marked in the past.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/incident.rs"]
mod incident;
mod support;

use std::time::Duration;

use incident::{DEAD, ERRORS, Incident, QUEUE, WEB};
use support::{ServerBehavior, Term};

/// Starts the incident: web3 takes one second, err2 fails, both servers of `be_dead` refuse connections.
fn start_incident() -> Incident {
    let incident = Incident::start(&[&WEB, &ERRORS, &DEAD, &QUEUE]);
    incident.wait_until_up();
    incident.app("web3").set_behavior(ServerBehavior::Slow(Duration::from_secs(1)));
    incident.app("err2").set_behavior(ServerBehavior::Status(500));
    incident.app("dead1").stop();
    incident.app("dead2").stop();
    incident
}

fn start_dashboard(incident: &Incident, (cols, rows): (u16, u16)) -> Term {
    let term = Term::builder().args(["-i", "0.5"]).args([incident.socket()]).size(cols, rows).start();
    term.wait_for("live");
    term
}

/// A row of the heat map on the screen.
#[derive(Debug)]
struct HeatRow {
    name: String,
    last_cell: char,
    value: String,
}

/// Returns the rows of the heat map, from top to bottom.
fn heat_rows(screen: &str) -> Vec<HeatRow> {
    let mut lines = screen.lines().skip_while(|line| !line.contains("─now"));
    let Some(axis) = lines.next() else { return Vec::new() };
    // The map ends at the word "now".
    let end = axis[..axis.rfind("now").unwrap_or(0)].chars().count() + 2;
    let row = |line: &str| {
        let chars: Vec<char> = line.chars().collect();
        let text: String = chars.get(3..)?.iter().collect();
        let name = text.split_whitespace().next()?.to_owned();
        let rest: String = chars.get(end + 1..)?.iter().collect();
        Some(HeatRow { name, last_cell: chars[end], value: rest.split_whitespace().next().unwrap_or("").to_owned() })
    };
    lines.map_while(|line| row(line).filter(|row| row.name.starts_with("be_"))).collect()
}

fn row<'a>(rows: &'a [HeatRow], name: &str) -> &'a HeatRow {
    rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no {name}: {rows:?}"))
}

#[test]
fn heat_map_shows_the_worst_first_and_the_values_of_the_tables() {
    let incident = start_incident();
    for size in [(200, 60), (120, 40), (80, 24)] {
        let mut term = start_dashboard(&incident, size);
        term.press("T");
        let is_found = |screen: &str| {
            let rows = heat_rows(screen);
            let has = |name: &str, cell| rows.iter().any(|row| row.name == name && row.last_cell == cell);
            has("be_web/web3", '█') && has("be_dead", '✖') && has("be_dead/dead1", '✖')
        };
        let screen = term.wait_until(is_found);
        let rows = heat_rows(&screen);
        let place = |name: &str| rows.iter().position(|row| row.name == name).unwrap();
        for healthy in ["be_web/web1", "be_errors/err1"] {
            for bad in ["be_dead", "be_dead/dead1", "be_web/web3"] {
                let later = rows.iter().position(|row| row.name == healthy).unwrap_or(usize::MAX);
                assert!(place(bad) < later, "{size:?}: {bad} after {healthy}\n{screen}");
            }
        }
        // While the past is shown, all views show the same sample.
        term.press("p");
        term.wait_for("PAUSED");
        let screen = term.wait_until(|screen| screen.contains('▼') && !screen.contains("─now"));
        assert!(screen.contains("be_web/web3"), "names are whole\n{screen}");
        term.press("p");
    }
}

#[test]
fn value_of_the_heat_map_is_that_of_view_6() {
    let incident = start_incident();
    let mut term = start_dashboard(&incident, (200, 60));
    term.press("T");
    term.wait_until(|screen| heat_rows(screen).iter().any(|row| row.name == "be_web/web3" && row.last_cell == '█'));
    term.press("p");
    let screen = term.wait_until(|screen| screen.contains("PAUSED") && screen.contains('▼'));
    // In the past, the value follows the map, whose width is that of the live map.
    let value = |name: &str| {
        let line = screen.lines().find(|line| line.contains(name)).unwrap();
        line.split_whitespace()
            .find(|word| {
                word.ends_with("ms") || word.ends_with('s') && word.starts_with(|ch: char| ch.is_ascii_digit())
            })
            .map(str::to_owned)
    };
    let (slow, fast) = (value("be_web/web3 ").unwrap(), value("be_web/web1 ").unwrap());
    term.press("6");
    let grid = term.wait_grid(|grid| grid.paths().contains(&"be_web/web3"));
    let shown = |path: &str| {
        let place = grid.paths().iter().position(|known| *known == path).unwrap();
        (
            grid.nth_cell(place, "RTIME").unwrap(),
            term.screen().lines().find(|line| line.contains(path.rsplit('/').next().unwrap())).unwrap().to_owned(),
        )
    };
    let ((slow_now, line), (fast_now, _)) = (shown("be_web/web3"), shown("be_web/web1"));
    assert_eq!((slow_now, fast_now), (slow, fast));
    assert!(line.contains("▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒") && line.contains("application"), "{line}");
}

#[test]
fn shares_of_5xx_and_queue_are_shown_by_their_metric() {
    let incident = start_incident();
    let mut term = start_dashboard(&incident, (120, 40));
    term.press("TV");
    term.wait_until(|screen| {
        let rows = heat_rows(screen);
        let cell = |name: &str| rows.iter().find(|row| row.name == name).map(|row| (row.last_cell, row.value.clone()));
        cell("be_errors/err2") == Some(('█', "100%".into())) && cell("be_errors/err1") == Some(('·', "0%".into()))
    });
    term.press("VVV");
    let screen = term.wait_until(|screen| screen.contains("state, last") && heat_rows(screen).len() > 10);
    assert_eq!(row(&heat_rows(&screen), "be_dead/dead1").last_cell, '✖', "{screen}");
    term.press("/web<ret>");
    let screen = term.wait_until(|screen| heat_rows(screen).iter().all(|row| row.name.starts_with("be_web")));
    assert!(!heat_rows(&screen).is_empty(), "{screen}");
    term.press("<ret>");
    term.wait_for("be_web/web");
}
