//! Forecasts for a real HAProxy: a frontend that fills at a steady rate, and one with a steady, noisy load.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use script::Script;
use serde_json::Value;
use support::Lab;

/// Connections that the filling frontend accepts.
const LIMIT: u64 = 60;
/// Longest time to wait until the frontend is full.
const DEADLINE: Duration = Duration::from_mins(4);

/// Two frontends that hold connections without a server.
fn start_lab() -> Lab {
    let frontend = |name: &str| {
        format!(
            "frontend {name}\n    mode tcp\n    maxconn {LIMIT}\n    bind {{{{{name}}}}}\n    timeout client 10m\n    \
             tcp-request inspect-delay 10m\n    tcp-request content accept if WAIT_END\n"
        )
    };
    Lab::builder().frontends(0).backends(0).sections(&frontend("filling")).sections(&frontend("noisy")).start()
}

/// Keeps a number of connections open that varies around half of the limit, until `is_done`.
fn hold_noisy_load(addr: SocketAddr, is_done: &AtomicBool) {
    let mut random = fastrand::Rng::with_seed(7);
    let mut open: Vec<TcpStream> = (0..LIMIT / 2).map(|_| TcpStream::connect(addr).unwrap()).collect();
    while !is_done.load(Ordering::Relaxed) {
        let wanted = random.usize(20..=40);
        open.truncate(wanted);
        while open.len() < wanted {
            open.push(TcpStream::connect(addr).unwrap());
        }
        thread::sleep(Duration::from_millis(900));
    }
}

/// Returns the seconds since the epoch in the key `at` of a JSON line.
fn seconds_at(line: &Value) -> f64 {
    let at: jiff::Timestamp = line["at"].as_str().unwrap().parse().unwrap();
    at.as_millisecond() as f64 / 1000.0
}

fn forecast_for<'a>(line: &'a Value, proxy: &str) -> Option<&'a Value> {
    line["forecasts"].as_array().unwrap().iter().find(|forecast| forecast["pxname"] == proxy)
}

#[test]
fn forecast_agrees_with_moment_at_which_frontend_is_full() {
    let lab = start_lab();
    let (filling, noisy) = (lab.addr("filling"), lab.addr("noisy"));
    let is_done = Arc::new(AtomicBool::new(false));
    let noise = thread::spawn({
        let is_done = Arc::clone(&is_done);
        move || hold_noisy_load(noisy, &is_done)
    });
    let script = Script::new();
    let watch = script.start(lab.admin(), "watch --view info -i 0.5");
    watch.wait_for("\"forecasts\":");
    let problems = script.start(lab.admin(), "watch --view problems -i 0.5");
    let open = Arc::new(Mutex::new(Vec::new()));
    // One connection per second, whatever the machine is doing.
    let client = thread::spawn({
        let (open, is_done) = (Arc::clone(&open), Arc::clone(&is_done));
        move || {
            let start = Instant::now();
            for second in 0..LIMIT {
                thread::sleep((start + Duration::from_secs(second)).saturating_duration_since(Instant::now()));
                if is_done.load(Ordering::Relaxed) {
                    return;
                }
                let stream = TcpStream::connect(filling).unwrap();
                open.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
            }
        }
    });
    let start = Instant::now();
    let is_full = |line: &Value| forecast_for(line, "filling").is_some_and(|forecast| forecast["seconds"] == 0);
    let lines = loop {
        // The last line may be incomplete.
        let lines: Vec<Value> = watch.out().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if lines.iter().any(is_full) {
            break lines;
        }
        assert!(start.elapsed() < DEADLINE, "the frontend is not full: {:?}", lines.last());
        thread::sleep(Duration::from_millis(100));
    };
    is_done.store(true, Ordering::Relaxed);
    client.join().unwrap();
    noise.join().unwrap();
    drop(watch);
    // Near the limit, the cause contains the forecast.
    let causes: Vec<String> = problems
        .out()
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .flat_map(|line| line["causes"].as_array().cloned().unwrap_or_default())
        .filter(|cause| cause["pxname"] == "filling")
        .map(|cause| cause["text"].as_str().unwrap_or_default().to_owned())
        .collect();
    let is_forecast = |text: &&String| text.contains(" of 60 sessions, full in ") && text.contains(" at +");
    assert!(causes.iter().filter(is_forecast).count() >= 5, "{causes:?}");
    let full_at = seconds_at(lines.iter().find(|line| is_full(line)).unwrap());
    let mut errors = Vec::new();
    for line in &lines {
        let Some(forecast) = forecast_for(line, "filling") else { continue };
        let (expected, real) = (forecast["seconds"].as_f64().unwrap(), full_at - seconds_at(line));
        // Near the end, the time between two samples is more than 20 %.
        if real >= 5.0 {
            errors.push((expected - real) / real);
        }
    }
    println!("{} forecasts, errors {errors:.2?}", errors.len());
    assert!(errors.len() >= 20, "forecasts for less than ten seconds");
    assert!(errors.iter().all(|error| error.abs() <= 0.2), "{errors:.2?}");
    let noisy: Vec<&Value> = lines.iter().filter_map(|line| forecast_for(line, "noisy")).collect();
    assert!(noisy.is_empty(), "a steady load fills nothing: {noisy:?}");
}
