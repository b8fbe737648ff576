//! Measures the heat map of 1,000 servers over an hour.

use std::time::{Duration, Instant, SystemTime};

use hapulse::app::instance_view::InstanceView;
use hapulse::app::key::{Key, KeyPress};
use hapulse::app::keymap::Keymap;
use hapulse::app::message::Message;
use hapulse::app::model::Model;
use hapulse::app::update::update;
use hapulse::instance::state::Instance;
use hapulse::observe::instance_id::InstanceId;
use hapulse::observe::sampler::PollResult;
use hapulse::observe::timestamp::Timestamp;
use hapulse::ui::root::{Appearance, draw};
use hapulse::ui::theme::{Palette, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::shared::dump::{self, SampleFeed};
use crate::shared::figures::Distribution;

/// Samples of an hour, one per second.
const SAMPLES: usize = 3600;
const SIZE: (u16, u16) = (200, 60);

/// A dashboard that shows the heat map.
struct Dashboard {
    model: Model,
    now: Timestamp,
}

impl Dashboard {
    /// Applies a message and returns the time that it took, in milliseconds.
    fn apply(&mut self, message: Message) -> f64 {
        let start = Instant::now();
        let _ = update(&mut self.model, message, self.now);
        start.elapsed().as_secs_f64() * 1000.0
    }

    fn press(&mut self, keys: &str) {
        for key in Key::parse_sequence(keys).unwrap() {
            self.apply(Message::Key(KeyPress { key, read_at: self.now.monotonic, pause: Duration::from_secs(1) }));
        }
    }

    /// Draws a frame and returns the time that it took, in milliseconds.
    fn draw(&self) -> f64 {
        let mut buffer = Buffer::empty(Rect::new(0, 0, SIZE.0, SIZE.1));
        let appearance = Appearance { theme: Theme::new(Palette::Dark, false), format_time: |_| "00:00:00".to_owned() };
        let start = Instant::now();
        draw(&self.model, appearance, self.now.monotonic, &mut buffer);
        start.elapsed().as_secs_f64() * 1000.0
    }
}

/// Prints the times of a frame of the heat map for each metric: drawing, a new sample, and a part of the rows that become
/// visible.
pub fn measure() {
    let keymap = Keymap::standard().unwrap();
    let instance = InstanceView::new("lab".to_owned(), "lab".to_owned(), Instance::default());
    let mut feed = SampleFeed::default();
    let mut dashboard = Dashboard {
        model: Model::new(vec![instance], keymap, SIZE),
        now: Timestamp { monotonic: Duration::ZERO, wall: SystemTime::UNIX_EPOCH },
    };
    let mut add_sample = |dashboard: &mut Dashboard, step: usize| {
        let (sample, _) = feed.parse(&dump::show_info(step), &dump::show_stat(20, 50, step, |_| true)).unwrap();
        dashboard.now = sample.at;
        dashboard.apply(Message::Polled(InstanceId::FIRST, PollResult::Sample(sample), 0))
    };
    for step in 0..SAMPLES {
        add_sample(&mut dashboard, step);
    }
    let without = add_sample(&mut dashboard, SAMPLES);
    println!("\nheat map of 1000 servers over an hour, 200x60 (a sample without it: {without:.2} ms)");
    println!("{:<34} {:>10} {:>10} {:>10} {:>10}", "milliseconds, median (maximum)", "draw", "sample", "read", "parts");
    dashboard.press("T+++++");
    let mut step = SAMPLES;
    for metric in ["response time", "5xx share", "load", "queue", "state"] {
        let mut parts = vec![dashboard.apply(Message::Wake)];
        for _ in 0..100 {
            let part = dashboard.apply(Message::ContinueDeferred);
            if part < 0.05 {
                break;
            }
            parts.push(part);
        }
        let draws: Vec<f64> = (0..20).map(|_| dashboard.draw()).collect();
        let samples: Vec<f64> = (0..10)
            .map(|_| {
                step += 1;
                add_sample(&mut dashboard, step)
            })
            .collect();
        let shown = |times: &[f64]| {
            let durations: Vec<Duration> = times.iter().map(|time| Duration::from_secs_f64(time / 1000.0)).collect();
            let highest = times.iter().copied().fold(0.0, f64::max);
            format!("{:.2} ({highest:.1})", Distribution::from_durations(&durations).median())
        };
        let (draws, samples, count, parts) = (shown(&draws), shown(&samples), parts.len(), shown(&parts));
        println!("{metric:<34} {draws:>10} {samples:>10} {parts:>10} {count:>10}");
        dashboard.press("V");
    }
}
