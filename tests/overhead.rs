//! The page of what watching costs says what is so: beside `show stat` read by hand, and beside `/proc`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/model_driver.rs"]
mod model_driver;
#[path = "support/samples.rs"]
mod samples;
mod support;

use std::fs;

use model_driver::ModelDriver;
use hapulse::app::layers::Layer;
use hapulse::app::msg::{Effect, MemoryUse, Message};
use hapulse::observe::sampler::PollResult;

use support::{Lab, Term};

/// The text behind a word that begins a line of the page.
fn line(screen: &str, word: &str) -> Option<String> {
    let lines =
        screen.lines().filter_map(|line| line.strip_prefix('│')?.trim().trim_end_matches('│').strip_prefix(word));
    lines.map(|rest| rest.trim().to_owned()).next()
}

/// The first number of a text, with its `k` or `M` of so many.
fn number(text: &str, base: f64) -> f64 {
    let end = text.find(|ch: char| !ch.is_ascii_digit() && ch != '.').unwrap_or(text.len());
    let factor = match text[end..].chars().next() {
        Some('k') => base,
        Some('M') => base * base,
        _ => 1.0,
    };
    text[..end].parse::<f64>().unwrap() * factor
}

fn is_near(shown: f64, real: f64, share: f64) -> bool {
    (shown - real).abs() <= real * share
}

#[test]
fn overhead_page_shows_reply_size_and_updates() {
    let lab = Lab::builder().backends(3).servers(5).start();
    let mut term = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(120, 40).start();
    term.wait_for("live");
    term.press(":cost<ret>");
    let screen = term.wait_until(|screen| line(screen, "memory").is_some_and(|text| !text.starts_with('–')));
    assert!(screen.contains("polling overhead"), "{screen}");
    let by_hand = lab.send_command("show info;show stat").len() as f64;
    let poll = line(&screen, "per poll").unwrap();
    assert!(is_near(number(&poll, 1000.0), by_hand, 0.02), "{poll}, not {by_hand}");
    assert!(line(&screen, "interval").unwrap().starts_with("0.2s requested, "), "{screen}");
    let history = line(&screen, "history").unwrap();
    assert!(history.contains(" of 64.0M, covers "), "{history}");
    let answered = number(&line(&screen, "polls").unwrap(), 1.0);
    let is_later = |screen: &str| line(screen, "polls").is_some_and(|polls| number(&polls, 1.0) >= answered + 3.0);
    let screen = term.wait_until(is_later);
    let share = line(&screen, "share").unwrap();
    let percent: f64 = share.trim_start_matches('<').split('%').next().unwrap().parse().unwrap();
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
    let agrees = |screen: &str| {
        let status = fs::read_to_string(format!("/proc/{}/status", term.pid())).unwrap();
        let real = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse::<f64>().unwrap() * 1024.0
        };
        line(screen, "memory").filter(|text| !text.starts_with('–')).is_some_and(|text| {
            let (now, most) = text.split_once(" now, ").unwrap();
            is_near(number(now, 1024.0), real("VmRSS:"), 0.05) && is_near(number(most, 1024.0), real("VmHWM:"), 0.05)
        })
    };
    term.wait_until(agrees);
}

#[test]
fn overhead_page_counts_failed_polls_per_instance() {
    let (first, second) = (Lab::builder().start(), Lab::builder().start());
    let names = [format!("one={}", first.admin().display()), format!("two={}", second.admin().display())];
    let mut term = Term::builder().args(["-i", "0.2"]).args(names).size(120, 40).start();
    term.wait_for("live");
    term.press(":cost<ret>");
    // Both have answered: two polls, as many shares.
    term.wait_until(|screen| screen.matches("per poll ").count() == 2 && screen.matches(" 0 failed").count() == 2);
    first.kill();
    let screen = term.wait_until(|screen| screen.matches(" 0 failed").count() == 1);
    let part = |name: &str| screen.split_once(&format!("│ {name}  ")).map(|(_, rest)| rest.to_owned()).unwrap();
    assert!(line(&part("two"), "polls").unwrap().contains(" 0 failed"), "{screen}");
    assert!(!line(&part("one"), "polls").unwrap().contains(" 0 failed"), "{screen}");
}

#[test]
fn memory_is_measured_only_while_overhead_page_is_open() {
    let mut driver = ModelDriver::new();
    assert_eq!(driver.press("$"), [Effect::MeasureMemory]);
    driver.update(Message::MemoryMeasured(MemoryUse { current: 3 << 20, peak: 4 << 20 }));
    assert_eq!(driver.model.memory.map(|memory| memory.peak), Some(4 << 20));
    driver.millis += 1000;
    let sample = driver.sample_factory.next_sample(driver.millis, &driver.stat);
    assert_eq!(driver.update(Message::Polled(0, PollResult::Sample(sample), 0)), [Effect::MeasureMemory]);
    assert!(matches!(driver.model.layers.as_slice(), [Layer::Overhead(0)]));
    driver.press("j");
    assert!(matches!(driver.model.layers.as_slice(), [Layer::Overhead(1)]), "it scrolls");
    driver.press("q");
    assert!(driver.model.layers.is_empty(), "q closes what lies on top");
    driver.millis += 1000;
    let sample = driver.sample_factory.next_sample(driver.millis, &driver.stat);
    assert_eq!(driver.update(Message::Polled(0, PollResult::Sample(sample), 0)), []);
}
