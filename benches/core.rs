//! The work per sample: reading a dump, taking it into the watch, looking for problems; and the work per step into the
//! past: having one moment back from the newest block, from a packed one, and five that lie next to each other.
//!
//! `cargo bench --bench core`. Prints the median of several runs; compare ratios within one run.

#![allow(missing_docs, clippy::unwrap_used)]

mod shared;

use std::sync::Arc;
use std::time::Instant;

use hapulse::history::rates::Window;
use hapulse::instance::instance::Instance;
use hapulse::problems::tracker::Problems;
use shared::dump::{self, Feed};
use shared::figures::Figures;

fn main() {
    let titles =
        ["milliseconds, median", "read", "take in", "problems", "history bytes", "moment", "packed", "5 packed"];
    print!("{:<34} {:>10} {:>10} {:>10} {:>14}", titles[0], titles[1], titles[2], titles[3], titles[4]);
    println!(" {:>10} {:>10} {:>10}", titles[5], titles[6], titles[7]);
    for (backends, servers) in [(10, 4), (20, 50), (200, 50)] {
        for busy in [false, true] {
            let (mut feed, mut watch) = (Feed::default(), Instance::default());
            let (mut window, mut problems) = (Window::default(), Problems::default());
            let (mut read, mut take, mut look) = (Vec::new(), Vec::new(), Vec::new());
            // The first block is full and packed.
            let steps = 200;
            for step in 0..steps {
                let stat = dump::stat(backends, servers, step, |_| busy);
                let (sample, took) = feed.take(&dump::info(step), &stat).unwrap();
                read.push(took);
                window.push(Arc::clone(&sample));
                let began = Instant::now();
                problems.look(&sample, &window);
                look.push(began.elapsed());
                let began = Instant::now();
                watch.take(sample, 0);
                take.push(began.elapsed());
            }
            let rows = backends * servers;
            let name = format!("{rows} servers, {}", if busy { "all busy" } else { "idle" });
            let bytes = watch.history().memory() as f64 / (rows * steps) as f64;
            let [read, take, look] = [read, take, look].map(|times| Figures::millis(&times).median());
            print!("{name:<34} {read:>10.3} {take:>10.3} {look:>10.3} {bytes:>8.2} a row");
            let moments = [&[190][..], &[60], &[60, 61, 62, 63, 64]].map(|seqs| {
                let mut times = Vec::new();
                for _ in 0..5 {
                    let began = Instant::now();
                    assert_eq!(watch.history().moments(seqs).len(), seqs.len());
                    times.push(began.elapsed());
                }
                Figures::millis(&times).median()
            });
            println!(" {:>10.3} {:>10.3} {:>10.3}", moments[0], moments[1], moments[2]);
        }
    }
}
