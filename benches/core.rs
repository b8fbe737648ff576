//! Measures the time per sample (parsing a dump, evaluating problems, storing the sample) and the time per movement in
//! playback (restoring one sample from the newest block, one from a packed block, and five adjacent ones from a packed
//! block). Then measures the heat map: the time to draw it, to add a sample to it, and to read rows that become visible.
//!
//! Usage: `cargo bench --bench core`. Prints the median of several runs. Compare only ratios within one run.

#![allow(missing_docs, clippy::unwrap_used)]

mod shared;

use std::sync::Arc;
use std::time::Instant;

use hapulse::history::rates::RateWindow;
use hapulse::instance::state::Instance;
use hapulse::problems::forecast::Forecasts;
use hapulse::problems::tracker::ProblemTracker;
use shared::dump::{self, SampleFeed};
use shared::figures::Distribution;
use shared::heat_map;

fn main() {
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
}
