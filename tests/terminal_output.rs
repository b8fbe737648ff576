//! The number of bytes that a sample takes on the terminal. The samples are made by the test, so time does not matter.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/samples.rs"]
mod samples;
#[path = "support/scenes.rs"]
mod scenes;

use hapulse::instance::source::StatsSocket;
use hapulse::term::frame_writer::FrameBuffer;
use hapulse::ui::theme::{Palette, Theme};
use samples::{SampleFactory, StatCsv};
use scenes::{DEFAULT_VERSION, Scene};

const SIZE: (u16, u16) = (160, 90);
/// Number of samples, one per second, before bytes are counted, and of those that are counted.
const BEFORE: u64 = 30;
const COUNTED: u64 = 30;

/// Draws view 1 with a chart at each sample, and returns the mean number of bytes per sample. `requests` returns the number
/// of requests of a row in a second.
fn bytes_per_sample(requests: impl Fn(u64) -> i64) -> usize {
    let mut factory = SampleFactory::for_version(DEFAULT_VERSION);
    let mut stat = StatCsv::recorded(DEFAULT_VERSION, "show-stat.csv");
    let mut scene = Scene::empty(StatsSocket::default(), SIZE).press("1");
    let mut frames = FrameBuffer::new(SIZE.0, SIZE.1);
    let mut bytes = 0;
    for second in 0..BEFORE + COUNTED {
        for (proxy, name) in stat.names() {
            stat.add_requests(&proxy, &name, requests(second));
        }
        scene.add_sample(second * 1000, &factory.next_sample(second * 1000, &stat));
        let drawn = scene.draw(Theme::new(Palette::Dark, false));
        let frame = frames.render(|buffer| buffer.clone_from(&drawn)).unwrap();
        bytes += if second < BEFORE { 0 } else { frame.len() };
    }
    let screen = scenes::buffer_lines(&scene.draw(Theme::new(Palette::Dark, false))).join("\n");
    assert!(screen.contains("─now"), "no chart:\n{screen}");
    bytes / COUNTED as usize
}

#[test]
fn moving_chart_takes_few_bytes_without_requests() {
    let bytes = bytes_per_sample(|_| 0);
    assert!(bytes < 200, "{bytes} bytes per sample");
}

#[test]
fn moving_chart_takes_few_bytes_with_changing_rates() {
    let bytes = bytes_per_sample(|second| 1000 + (second * 7 % 10) as i64);
    assert!(bytes < 500, "{bytes} bytes per sample");
}
