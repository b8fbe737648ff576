//! Measures the time to append a generated sample of 10,000 servers, of which either few are busy, as in large
//! configurations, or all.

use hapulse::history::block::{BLOCK_SAMPLES, PACKING_SAMPLES};
use hapulse::history::store::{DEFAULT_BUDGET, History};
use std::time::{Duration, Instant};

use crate::shared::dump::{self, SampleFeed};
use crate::shared::figures::{Distribution, print_heading, print_row, print_target};

pub fn measure() {
    print_heading("ms to append a sample of 10,000 servers");
    // More than one block, so that the time to pack the first block is included.
    let samples = BLOCK_SAMPLES + PACKING_SAMPLES;
    for (name, every, target) in [("one in 20 busy", 20, 4.0), ("all busy", 1, 10.0)] {
        let (mut feed, mut history) = (SampleFeed::default(), History::new(DEFAULT_BUDGET));
        let mut times: Vec<Duration> = Vec::with_capacity(samples);
        for step in 0..samples {
            let stat = dump::show_stat(200, 50, step, |server| server % every == 0);
            let (sample, _) = feed.parse(&dump::show_info(step), &stat).expect("a generated dump can be parsed");
            let start = Instant::now();
            history.push(&sample);
            times.push(start.elapsed());
        }
        let packing = times.split_off(BLOCK_SAMPLES);
        let (growing, packing) = (Distribution::from_durations(&times), Distribution::from_durations(&packing));
        print_row(&format!("{name}, the first block"), &growing);
        print_row(&format!("{name}, while a full block is packed"), &packing);
        print_target("  the larger median", growing.median().max(packing.median()), target);
    }
}
