//! What is wrong with a real HAProxy is named while it is wrong, and a healthy one is left in peace.

mod support;

use std::thread;
use std::time::Duration;
use support::{Answer, Lab, Term, Traffic, wait_until};

fn start(lab: &Lab, cols: u16) -> Term {
    let term = Term::builder().args(["-i", "0.5"]).args([lab.admin()]).size(cols, 50).start();
    term.wait_for("live");
    term
}

/// The lines of the view of problems that are about a backend or its servers.
fn about<'a>(screen: &'a str, backend: &str) -> Vec<&'a str> {
    let names = [format!(" {backend} "), format!(" {backend}/")];
    let is_problem = |line: &&str| [" CRIT ", " WARN "].iter().any(|word| line.starts_with(word));
    let lines = screen.lines().skip(4).filter(is_problem);
    lines.filter(|line| names.iter().any(|name| line.contains(name.as_str()))).collect()
}

#[test]
fn four_faults_are_named_each_by_its_cause() {
    let slow = Answer::Slow(Duration::from_millis(300));
    let lab = Lab::builder()
        .backends(4)
        .servers(3)
        .checks()
        // Full: each server takes one request at a time.
        .answer("be1/s1", slow)
        .answer("be1/s2", slow)
        .answer("be1/s3", slow)
        .server_option("be1/s1", "maxconn 1")
        .server_option("be1/s2", "maxconn 1")
        .server_option("be1/s3", "maxconn 1")
        // Degraded: one server's port is closed.
        .answer("be2/s2", Answer::Closed)
        // An outlier: one server is slow among fast ones.
        .answer("be3/s3", slow)
        // Down: nobody is left.
        .answer("be4/s1", Answer::Closed)
        .answer("be4/s2", Answer::Closed)
        .answer("be4/s3", Answer::Closed)
        .start();
    lab.wait_stat("be2", "s2", "status", |status| status == "DOWN");
    lab.wait_stat("be4", "BACKEND", "status", |status| status == "DOWN");
    let mut term = start(&lab, 320);
    let to = |backend: &str, workers, pause| {
        let path = format!("/{backend}/");
        Traffic::to(lab.frontend_addr()).path(&path).workers(workers).pause(Duration::from_millis(pause)).start()
    };
    let _traffic = [to("be1", 14, 0), to("be2", 1, 50), to("be3", 4, 10)];
    term.press("!");
    term.wait_until(|screen| {
        let has = |backend: &str, words: &str| about(screen, backend).iter().any(|line| line.contains(words));
        has("be1", "waiting")
            && has("be2", "be2/s2")
            && has("be2", "down: L4CON")
            && has("be3", "be3/s3")
            && has("be3", "slower")
            && has("be4", "no server left")
    });
    // The header says it in a line for each backend, the worst first.
    let header = |screen: &str| screen.lines().nth(2).unwrap_or_default().to_owned();
    for words in ["CRIT be4: no server left", "CRIT be1: servers full: ", "CRIT be3: s3 is ", "WARN be2: s2 down: "] {
        term.wait_until(|screen| header(screen).contains(words));
    }
    // And one word for each in its row.
    term.press("1");
    term.command("cols problem");
    let words = [("be1", "full"), ("be2", "degraded"), ("be3", "outlier"), ("be4", "down")];
    term.wait_grid(|grid| {
        words.iter().all(|(backend, word)| {
            let place = grid.paths().iter().position(|path| path == backend);
            place.and_then(|place| grid.nth_cell(place, "PROBLEM")).as_deref() == Some(*word)
        })
    });
}

#[test]
fn a_healthy_haproxy_has_no_problems() {
    let lab = Lab::builder().backends(3).servers(3).http_checks().start();
    let mut term = start(&lab, 120);
    let light = |path: &str| Traffic::to(lab.frontend_addr()).path(path).pause(Duration::from_millis(15)).start();
    let traffic = ["/", "/be2/", "/be3/"].map(light);
    term.press("!");
    term.wait_for("no problems; ! goes back");
    // Long enough for everything that holds for a while before it counts; no screen in between says otherwise.
    let begin = uptime(&lab);
    wait_until("eight seconds of samples", || {
        let screen = term.screen();
        assert!(screen.contains("no problems; ! goes back") && !screen.contains('▲'), "{screen}");
        thread::sleep(Duration::from_millis(20));
        uptime(&lab) >= begin + 8
    });
    for running in traffic {
        assert_eq!(running.stop().failed, 0);
    }
}

fn uptime(lab: &Lab) -> u64 {
    lab.info("Uptime_sec").parse().unwrap_or_default()
}
