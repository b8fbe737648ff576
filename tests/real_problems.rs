//! Problems of a real HAProxy: each fault is reported with its cause, and a healthy HAProxy has no problems.

mod support;

use std::thread;
use std::time::Duration;
use support::{Lab, ServerBehavior, Term, Traffic, wait_until};

/// Starts hapulse and waits until it shows live data.
fn start_dashboard(lab: &Lab, cols: u16) -> Term {
    let term = Term::builder().args(["-i", "0.5"]).args([lab.admin()]).size(cols, 50).start();
    term.wait_for("live");
    term
}

/// Returns the lines of the problems view about a backend or its servers.
fn problems_of<'a>(screen: &'a str, backend: &str) -> Vec<&'a str> {
    let names = [format!(" {backend} "), format!(" {backend}/")];
    let is_problem = |line: &&str| {
        let text = line.strip_prefix('▸').map(|rest| rest.trim_start_matches(['▶', ' ']));
        text.is_some_and(|text| ["CRIT ", "WARN "].iter().any(|word| text.starts_with(word)))
    };
    let lines = screen.lines().skip(4).filter(is_problem);
    lines.filter(|line| names.iter().any(|name| line.contains(name.as_str()))).collect()
}

#[test]
fn problems_name_causes_of_four_faults() {
    let slow = ServerBehavior::Slow(Duration::from_millis(300));
    let lab = Lab::builder()
        .backends(4)
        .servers(3)
        .checks()
        // Full: each server takes one request at a time.
        .server_behavior("be1/s1", slow)
        .server_behavior("be1/s2", slow)
        .server_behavior("be1/s3", slow)
        .server_option("be1/s1", "maxconn 1")
        .server_option("be1/s2", "maxconn 1")
        .server_option("be1/s3", "maxconn 1")
        // Degraded: one server's port is closed.
        .server_behavior("be2/s2", ServerBehavior::Closed)
        // An outlier: one server is slow among fast ones.
        .server_behavior("be3/s3", slow)
        // Down: no server is left.
        .server_behavior("be4/s1", ServerBehavior::Closed)
        .server_behavior("be4/s2", ServerBehavior::Closed)
        .server_behavior("be4/s3", ServerBehavior::Closed)
        .start();
    lab.wait_stat("be2", "s2", "status", |status| status == "DOWN");
    lab.wait_stat("be4", "BACKEND", "status", |status| status == "DOWN");
    let mut term = start_dashboard(&lab, 400);
    let traffic_to = |backend: &str, workers, pause| {
        let path = format!("/{backend}/");
        Traffic::to(lab.frontend_addr()).path(&path).workers(workers).pause(Duration::from_millis(pause)).start()
    };
    let _traffic = [traffic_to("be1", 14, 0), traffic_to("be2", 1, 50), traffic_to("be3", 4, 10)];
    term.press("!");
    term.wait_until(|screen| {
        let has = |backend: &str, text: &str| problems_of(screen, backend).iter().any(|line| line.contains(text));
        has("be1", "waiting")
            && has("be2", "be2/s2")
            && has("be2", "down: L4CON")
            && has("be3", "be3/s3")
            && has("be3", "slower")
            && has("be4", "no server available")
    });
    // The header has one line for each cause, the worst first.
    let header = |screen: &str| screen.lines().nth(2).unwrap_or_default().to_owned();
    for text in ["CRIT be4: no server available", "CRIT be1: servers full: ", "CRIT be3/s3: ", "WARN be2/s2: down: "] {
        term.wait_until(|screen| header(screen).contains(text));
    }
    // Each backend's row has its worst cause in one word.
    term.press("1");
    term.command("cols problem");
    let words = [("be1", "full"), ("be2", "degraded"), ("be3", "outlier"), ("be4", "down")];
    term.wait_grid(|grid| {
        words.iter().all(|(backend, word)| {
            let row = grid.paths().iter().position(|path| path == backend);
            row.and_then(|row| grid.nth_cell(row, "PROBLEM")).as_deref() == Some(*word)
        })
    });
}

#[test]
fn healthy_haproxy_has_no_problems() {
    let lab = Lab::builder().backends(3).servers(3).http_checks().start();
    let mut term = start_dashboard(&lab, 120);
    let light_traffic =
        |path: &str| Traffic::to(lab.frontend_addr()).path(path).pause(Duration::from_millis(15)).start();
    let traffic = ["/", "/be2/", "/be3/"].map(light_traffic);
    term.press("!");
    term.wait_for("no problems; ! goes back");
    // Longer than every hysteresis; no screen in between may show a problem.
    let start = uptime(&lab);
    wait_until("eight seconds of samples", || {
        let screen = term.screen();
        // In the first ten seconds, a rule may wait for its hold time.
        let is_fine =
            ["no problems; ! goes back", "checking the first samples"].iter().any(|text| screen.contains(text));
        assert!(is_fine && !screen.contains('▲'), "{screen}");
        thread::sleep(Duration::from_millis(20));
        uptime(&lab) >= start + 8
    });
    for running in traffic {
        assert_eq!(running.stop().failed, 0);
    }
}

/// Returns the uptime of HAProxy in seconds.
fn uptime(lab: &Lab) -> u64 {
    lab.info("Uptime_sec").parse().unwrap_or_default()
}
