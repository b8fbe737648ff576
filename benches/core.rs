//! Measures the time per sample (parsing a dump, evaluating problems, storing the sample) and the time per movement in
//! playback (restoring one sample from the newest block, one from a packed block, and five adjacent ones from a packed
//! block), the time of a frame with the charts of a backend of 1,000 servers after an hour, and the heat map: the time to
//! draw it, to add a sample to it, and to read rows that become visible.
//!
//! Usage: `cargo bench --bench core [-- charts]`. Prints the median of several runs. Compare only ratios within one run.

#![allow(missing_docs, clippy::unwrap_used)]

mod shared;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hapulse::app::instance_view::InstanceView;
use hapulse::app::key::{Key, KeyPress};
use hapulse::app::keymap::Keymap;
use hapulse::app::message::Message;
use hapulse::app::model::Model;
use hapulse::app::update::update;
use hapulse::history::rates::RateWindow;
use hapulse::instance::state::Instance;
use hapulse::observe::timestamp::Timestamp;
use hapulse::problems::forecast::Forecasts;
use hapulse::problems::tracker::ProblemTracker;
use hapulse::ui::root::{Appearance, draw};
use hapulse::ui::theme::{Palette, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use shared::dump::{self, SampleFeed};
use shared::figures::Distribution;
use shared::heat_map;

/// Servers of the backend whose charts are drawn, and seconds of its history.
const CHART_SERVERS: usize = 1000;
const CHART_SECONDS: usize = 3600;
/// Size of the screen with the charts.
const CHART_SCREEN: (u16, u16) = (200, 60);

/// Prints the time of a frame with the charts of a backend with many servers, for each number.
fn measure_charts() {
    let (mut feed, mut instance) = (SampleFeed::default(), Instance::default());
    for step in 0..CHART_SECONDS {
        let stat = dump::show_stat(1, CHART_SERVERS, step, |_| true);
        instance.add_sample(feed.parse(&dump::show_info(step), &stat).unwrap().0, 0);
    }
    let view = InstanceView::new("lb".to_owned(), "lb".to_owned(), instance);
    let mut model = Model::new(vec![view], Keymap::standard().unwrap(), CHART_SCREEN);
    let now = Timestamp { monotonic: Duration::from_secs(CHART_SECONDS as u64), wall: SystemTime::UNIX_EPOCH };
    let press = |model: &mut Model, keys: &str| {
        for key in Key::parse_sequence(keys).unwrap() {
            let press = KeyPress { key, read_at: now.monotonic, pause: Duration::from_secs(1) };
            let _ = update(model, Message::Key(press), now);
        }
    };
    let (width, height) = CHART_SCREEN;
    let appearance = Appearance { theme: Theme::new(Palette::Dark, false), format_time: |_| "03:12:41".to_owned() };
    let measure = |model: &Model, name: &str| {
        let times = [(); 9].map(|()| {
            let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
            let start = Instant::now();
            draw(model, appearance, now.monotonic, &mut buffer);
            start.elapsed()
        });
        println!("{name:<34} {:>10.3}", Distribution::from_durations(&times).median());
    };
    println!("\nmilliseconds per frame, {CHART_SERVERS} servers, {CHART_SECONDS} samples");
    press(&mut model, "0");
    measure(&model, "10 min");
    press(&mut model, "++");
    for number in 0..7 {
        measure(&model, &format!("1 h, number {number}"));
        press(&mut model, "V");
    }
    press(&mut model, "Z");
    measure(&model, "1 h, whole view");
}

fn main() {
    if std::env::args().any(|argument| argument == "charts") {
        return measure_charts();
    }
    let titles =
        ["milliseconds, median", "parse", "store", "evaluate", "history bytes", "moment", "packed", "5 packed"];
    print!("{:<34} {:>10} {:>10} {:>10} {:>14}", titles[0], titles[1], titles[2], titles[3], titles[4]);
    println!(" {:>10} {:>10} {:>10}", titles[5], titles[6], titles[7]);
    for (backends, servers) in [(10, 4), (20, 50), (200, 50)] {
        for busy in [false, true] {
            let (mut feed, mut instance) = (SampleFeed::default(), Instance::default());
            let (mut window, mut problems) = (RateWindow::default(), ProblemTracker::default());
            let (mut parse, mut store, mut evaluate) = (Vec::new(), Vec::new(), Vec::new());
            // Enough samples to fill and pack the first block.
            let steps = 200;
            for step in 0..steps {
                let stat = dump::show_stat(backends, servers, step, |_| busy);
                let (sample, duration) = feed.parse(&dump::show_info(step), &stat).unwrap();
                parse.push(duration);
                window.push(Arc::clone(&sample));
                let start = Instant::now();
                problems.evaluate(&sample, &window, &Forecasts::default());
                evaluate.push(start.elapsed());
                let start = Instant::now();
                instance.add_sample(sample, 0);
                store.push(start.elapsed());
            }
            let rows = backends * servers;
            let name = format!("{rows} servers, {}", if busy { "all busy" } else { "idle" });
            let bytes = instance.history().memory() as f64 / (rows * steps) as f64;
            let [parse, store, evaluate] =
                [parse, store, evaluate].map(|times| Distribution::from_durations(&times).median());
            print!("{name:<34} {parse:>10.3} {store:>10.3} {evaluate:>10.3} {bytes:>6.2} per row");
            let moments = [&[190][..], &[60], &[60, 61, 62, 63, 64]].map(|seqs| {
                let mut times = Vec::new();
                for _ in 0..5 {
                    let start = Instant::now();
                    assert_eq!(instance.history().restore_samples(seqs).len(), seqs.len());
                    times.push(start.elapsed());
                }
                Distribution::from_durations(&times).median()
            });
            println!(" {:>10.3} {:>10.3} {:>10.3}", moments[0], moments[1], moments[2]);
        }
    }
    heat_map::measure();
    measure_charts();
}
