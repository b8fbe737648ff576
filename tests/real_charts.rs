//! The chart of the dashboard on a real HAProxy under load, compared with the rows of the lists.

mod support;

use std::time::Duration;

use support::actions::answer_confirmation;
use support::{Lab, PaneTable, ServerBehavior, Term, Traffic};

/// The headings of charts, with the headings of the columns that show the same number.
const CHARTS: [(&str, &[&str]); 7] = [
    ("sessions", &["SESS", "SESS/LIM"]),
    ("queued requests", &["QUEUE"]),
    ("requests per second", &["REQ/S"]),
    ("share of 5xx", &["5XX"]),
    ("connection and response errors per second", &["ERR/S"]),
    ("response time", &["RTIME"]),
    ("bytes sent per second", &["OUT/S"]),
];

/// Returns the chart's heading and the value in its title: `╭─ be1/s1 response time 12ms last 30s ─`.
fn chart_title(screen: &str, row: &str) -> Option<(&'static str, String)> {
    let start = format!("╭─ {row} ");
    let title = screen.lines().find_map(|line| line.split_once(&start)).map(|(_, title)| title)?;
    let (heading, _) = CHARTS.iter().find(|(heading, _)| title.starts_with(&format!("{heading} ")))?;
    let (value, _) = title[heading.len()..].split_once(" last ")?;
    // In the past, the time comes first; a flat line is named after the value.
    Some((heading, value.split_whitespace().rfind(|word| *word != "constant")?.to_owned()))
}

/// Returns the cell of the row with the number of this chart, or `None` if the column is not shown.
fn cell(screen: &str, pane: &str, name: &str, heading: &str) -> Option<String> {
    let (_, columns) = CHARTS.iter().find(|(known, _)| *known == heading)?;
    let table = PaneTable::find(screen, pane)?;
    columns.iter().find_map(|column| table.cell(name, column)).filter(|cell| !cell.is_empty())
}

/// Shows the next chart of the row until the first one returns, and compares each with the row. Returns the headings of
/// the charts whose column is on the screen.
fn compare_all(term: &mut Term, pane: &str, name: &str, row: &str) -> Vec<&'static str> {
    let (mut compared, mut seen) = (Vec::new(), Vec::new());
    loop {
        let before = seen.last().copied();
        let is_next = |screen: &str| {
            let Some((heading, value)) = chart_title(screen, row).filter(|(heading, _)| Some(*heading) != before)
            else {
                return false;
            };
            cell(screen, pane, name, heading).is_none_or(|cell| cell == value)
        };
        let screen = term.wait_until(is_next);
        let (heading, _) = chart_title(&screen, row).unwrap_or_default();
        if seen.contains(&heading) {
            return compared;
        }
        seen.push(heading);
        compared.extend(cell(&screen, pane, name, heading).map(|_| heading));
        term.press("V");
    }
}

#[test]
fn charts_show_the_numbers_of_the_rows_under_load() {
    let lab = Lab::builder()
        .servers(2)
        .maxconn(1)
        .server_behavior("be1/s1", ServerBehavior::Slow(Duration::from_millis(30)))
        .server_behavior("be1/s2", ServerBehavior::Errors(20))
        .start();
    let _running = Traffic::to(lab.frontend_addr()).workers(6).pause(Duration::from_millis(5)).start();
    let mut term = Term::builder().args(["-i", "0.5"]).args([lab.admin()]).size(220, 60).start();
    term.wait_cell("Backends", "be1", "RTIME", |time| time != "–");
    term.wait_cell("Backends", "be1", "5XX", |share| share != "–" && share != "0%");
    let of_backend = compare_all(&mut term, "Backends", "be1", "backend be1");
    assert!(of_backend.len() >= 6, "{of_backend:?}");
    // The servers are drawn with the backend, the axes have units and end now.
    let screen = term.screen();
    assert!(screen.contains("now│") && screen.contains('┤') && screen.contains('└'), "{screen}");
    term.press("<backtab>");
    let of_frontend = compare_all(&mut term, "Frontends", "fe1", "frontend fe1");
    assert!(of_frontend.len() >= 3, "{of_frontend:?}");
    term.press("<tab><tab>");
    let of_server = compare_all(&mut term, "Servers of be1", "s1", "be1/s1");
    assert!(of_server.len() >= 6, "{of_server:?}");
    // The past moment, too.
    term.press("p<left>");
    term.wait_for("PAUSED");
    let of_past = compare_all(&mut term, "Servers of be1", "s1", "be1/s1");
    assert_eq!(of_past, of_server);
}

#[test]
fn chart_fills_the_view_and_shows_a_drain() {
    let lab = Lab::builder().servers(2).start();
    let _running = Traffic::to(lab.frontend_addr()).pause(Duration::from_millis(10)).start();
    let mut term = Term::builder().args(["-i", "0.5"]).args([lab.admin()]).size(100, 30).start();
    term.wait_cell("Backends", "be1", "REQ/S", |rate| !["–", "0"].contains(&rate));
    term.press("<tab>");
    term.wait_for_cursor_at("Servers of be1", "s1");
    term.press("D");
    answer_confirmation(&mut term, "Drain: be1 / s1", "y");
    term.wait_cell("Servers of be1", "s1", "STATE", |state| state == "DRAIN");
    term.press("Z");
    let has_mark = |line: &str| line.contains("be1/s1 ") && line.contains("D drain");
    term.wait_until(|screen| !screen.contains("Servers of be1") && screen.lines().any(has_mark));
    term.press("<esc>");
    term.wait_for("Servers of be1");
}
