//! The comparison before and after, and the timeline of the past, on a real HAProxy with a deploy that makes one server
//! slow.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/incident.rs"]
mod incident;
mod support;

use std::thread;
use std::time::Duration;

use incident::{API, Incident, WEB};
use support::{ServerBehavior, Term};

/// Time that is observed before the deploy, and after it. Longer times make the result clearer, not different.
const WATCHED: Duration = Duration::from_secs(15);

fn start_dashboard(incident: &Incident, cols: u16, rows: u16) -> Term {
    let term = Term::builder().args(["-i", "0.5"]).args([incident.socket()]).size(cols, rows).start();
    term.wait_for("live");
    term
}

#[test]
fn deploy_that_makes_one_server_slow_is_the_first_line() {
    let incident = Incident::start(&[&WEB, &API]);
    incident.wait_until_up();
    let mut term = start_dashboard(&incident, 160, 40);
    thread::sleep(WATCHED);
    term.press("m");
    term.wait_for("moment marked");
    incident.app("web3").set_behavior(ServerBehavior::Slow(Duration::from_millis(400)));
    thread::sleep(WATCHED);
    term.press("S");
    let grid = term.wait_grid(|grid| {
        let change = grid.nth_cell(0, "CHANGE").unwrap_or_default();
        grid.paths().first() == Some(&"be_web/web3") && change.starts_with("response ")
    });
    let [response, errors] = ["RESPONSE", "5XX"].map(|column| grid.nth_cell(0, column).unwrap());
    let (before, after) = response.split_once('→').unwrap();
    let millis = |text: &str| text.trim_end_matches("ms").parse::<f64>().unwrap_or(1000.0);
    assert!(millis(before) < 50.0 && millis(after) > 200.0, "{response}");
    assert_eq!(errors, "0%", "nothing failed");
    let screen = term.wait_for("unchanged; f shows them");
    assert!(screen.contains("–now") && screen.contains("[mark]"), "{screen}");
    assert!(!grid.paths().contains(&"be_api/api1"), "a row without a change is folded: {screen}");
    term.press("f");
    term.wait_grid(|grid| grid.paths().first() == Some(&"be_web/web3") && grid.paths().contains(&"be_api/api1"));
    term.press("-");
    term.wait_for("[1 h]");
    term.wait_grid(|grid| grid.paths().first() == Some(&"be_web/web3"));
}

#[test]
fn timeline_shows_server_that_went_down_and_jumps_to_its_events() {
    let incident = Incident::start(&[&WEB, &API]);
    incident.wait_until_up();
    let mut term = start_dashboard(&incident, 120, 40);
    thread::sleep(Duration::from_secs(5));
    incident.app("api1").set_behavior(ServerBehavior::Closed);
    term.press("1");
    term.wait_until(|screen| screen.contains("DOWN"));
    thread::sleep(Duration::from_secs(5));
    term.press("p");
    let lane =
        |screen: &str| screen.lines().rev().find(|line| line.starts_with(" be_api ")).unwrap_or_default().to_owned();
    term.wait_until(|screen| lane(screen).contains('▼') && screen.contains("newest"));
    term.press("<home>n");
    let bottom = |screen: &str| screen.lines().last().unwrap_or_default().to_owned();
    let screen = term.wait_until(|screen| bottom(screen).contains("be_api/api1"));
    assert!(screen.contains(" PAUSED ") && !screen.contains("DOWN"), "the first check failed: {screen}");
    term.press("n");
    term.wait_until(|screen| screen.contains("DOWN"));
    term.press("N");
    term.wait_until(|screen| !screen.contains("DOWN"));
    term.press("<end>:jump<space>25:00<ret>");
    term.wait_for("\"25:00\" is not a time; examples: 02:13,");
    term.press(":jump<space>3h<ret>");
    term.wait_for("the history begins at");
    term.press("<end>:jump<space>2020-01-01<space>08:00<ret>");
    term.wait_for("the history does not reach back to 2020-01-01 08:00:00: it covers");
    term.press("p:jump<space>3s<ret>");
    term.wait_for(" PAUSED ");
}
