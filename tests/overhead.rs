//! The polling overhead page: its figures match the size of the replies and `/proc`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/model_driver.rs"]
mod model_driver;
#[path = "support/samples.rs"]
mod samples;
mod support;

use std::fs;

use hapulse::app::layers::Layer;
use hapulse::app::message::{Effect, MemoryUse, Message};
use hapulse::observe::instance_id::InstanceId;
use hapulse::observe::sampler::PollResult;
use model_driver::ModelDriver;

use support::{Lab, Term};

/// Returns the rest of the line of the page that starts with a word.
fn value_of(screen: &str, label: &str) -> Option<String> {
    let lines =
        screen.lines().filter_map(|line| line.strip_prefix('│')?.trim().trim_end_matches('│').strip_prefix(label));
    lines.map(|rest| rest.trim().to_owned()).next()
}

/// Parses the number at the start of a text; a `k` or `M` after it multiplies it by `base` or `base` squared.
fn number(text: &str, base: f64) -> f64 {
    let end = text.find(|ch: char| !ch.is_ascii_digit() && ch != '.').unwrap_or(text.len());
    let factor = match text[end..].chars().next() {
        Some('k') => base,
        Some('M') => base * base,
        _ => 1.0,
    };
    text[..end].parse::<f64>().unwrap() * factor
}

fn is_close(shown: f64, expected: f64, tolerance: f64) -> bool {
    (shown - expected).abs() <= expected * tolerance
}

#[test]
fn overhead_page_shows_reply_size_and_updates() {
    let lab = Lab::builder().backends(3).servers(5).start();
    let mut term = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(120, 40).start();
    term.wait_for("live");
    term.press(":overhead<ret>");
    let screen = term.wait_until(|screen| value_of(screen, "memory").is_some_and(|text| !text.starts_with('–')));
    assert!(screen.contains("polling overhead"), "{screen}");
    let reply_size = lab.send_command("show info;show stat").len() as f64;
    let poll = value_of(&screen, "per poll").unwrap();
    assert!(is_close(number(&poll, 1000.0), reply_size, 0.02), "{poll}, expected {reply_size}");
    assert!(value_of(&screen, "interval").unwrap().starts_with("0.2s requested, "), "{screen}");
    let history = value_of(&screen, "history").unwrap();
    assert!(history.contains(" of 64.0M, covers "), "{history}");
    let previous_polls = number(&value_of(&screen, "polls").unwrap(), 1.0);
    let has_more_polls =
        |screen: &str| value_of(screen, "polls").is_some_and(|polls| number(&polls, 1.0) >= previous_polls + 3.0);
    let screen = term.wait_until(has_more_polls);
    let share = value_of(&screen, "share").unwrap();
    let percent: f64 =
        share.trim_start_matches("at most ").trim_start_matches('<').split('%').next().unwrap().parse().unwrap();
    assert!(percent > 0.0 && percent < 100.0, "{share}");
    term.press("<esc>");
    term.wait_gone("polling overhead");
}

#[test]
fn overhead_page_shows_memory_from_kernel() {
    let lab = Lab::builder().start();
    let mut term = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(120, 40).start();
    term.wait_for("live");
    term.press("$");
    let matches_kernel = |screen: &str| {
        let status = fs::read_to_string(format!("/proc/{}/status", term.pid())).unwrap();
        let kernel_value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse::<f64>().unwrap() * 1024.0
        };
        value_of(screen, "memory").filter(|text| !text.starts_with('–')).is_some_and(|text| {
            let (now, peak) = text.split_once(" now, ").unwrap();
            is_close(number(now, 1024.0), kernel_value("VmRSS:"), 0.05)
                && is_close(number(peak, 1024.0), kernel_value("VmHWM:"), 0.05)
        })
    };
    term.wait_until(matches_kernel);
}

#[test]
fn overhead_page_counts_failed_polls_per_instance() {
    let (first, second) = (Lab::builder().start(), Lab::builder().start());
    let names = [format!("one={}", first.admin().display()), format!("two={}", second.admin().display())];
    let mut term = Term::builder().args(["-i", "0.2"]).args(names).size(120, 40).start();
    term.wait_for("live");
    term.press(":overhead<ret>");
    // Both instances have replied.
    term.wait_until(|screen| screen.matches("per poll ").count() == 2 && screen.matches(" 0 failed").count() == 2);
    first.kill();
    let screen = term.wait_until(|screen| screen.matches(" 0 failed").count() == 1);
    let section_of = |name: &str| screen.split_once(&format!("│ {name}  ")).map(|(_, rest)| rest.to_owned()).unwrap();
    assert!(value_of(&section_of("two"), "polls").unwrap().contains(" 0 failed"), "{screen}");
    assert!(!value_of(&section_of("one"), "polls").unwrap().contains(" 0 failed"), "{screen}");
}

#[test]
fn memory_is_measured_only_while_overhead_page_is_open() {
    let mut driver = ModelDriver::new();
    // The page does not fit.
    driver.model.terminal_size = (80, 10);
    assert_eq!(driver.press("$"), [Effect::MeasureMemory]);
    driver.update(Message::MemoryMeasured(MemoryUse { current: 3 << 20, peak: 4 << 20 }));
    assert_eq!(driver.model.memory.map(|memory| memory.peak), Some(4 << 20));
    driver.millis += 1000;
    let sample = driver.sample_factory.next_sample(driver.millis, &driver.stat);
    assert_eq!(
        driver.update(Message::Polled(InstanceId::FIRST, PollResult::Sample(sample), 0)),
        [Effect::MeasureMemory]
    );
    assert!(matches!(driver.model.layers.as_slice(), [Layer::Overhead(0)]));
    driver.press("j");
    assert!(matches!(driver.model.layers.as_slice(), [Layer::Overhead(1)]), "j scrolls the page");
    driver.press("q");
    assert!(driver.model.layers.is_empty(), "q closes the page");
    driver.millis += 1000;
    let sample = driver.sample_factory.next_sample(driver.millis, &driver.stat);
    assert_eq!(driver.update(Message::Polled(InstanceId::FIRST, PollResult::Sample(sample), 0)), []);
}
