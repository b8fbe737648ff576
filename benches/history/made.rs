//! Appending a sample of 10,000 servers: nearly all idle, as large configurations are, and all busy.

use hapulse::history::block::{LENGTH, PACKING};
use hapulse::history::store::{DEFAULT_BUDGET, History};
use std::time::{Duration, Instant};

use crate::shared::dump::{self, Feed};
use crate::shared::figures::{Figures, heading, row, target_line};

pub fn measure() {
    heading("ms to append a sample of 10,000 servers");
    // More than a block, so that packing the first one is in it.
    let samples = LENGTH + PACKING;
    for (name, every, target) in [("one in 20 busy", 20, 4.0), ("all busy", 1, 10.0)] {
        let (mut feed, mut history) = (Feed::default(), History::new(DEFAULT_BUDGET));
        let mut times: Vec<Duration> = Vec::with_capacity(samples);
        for step in 0..samples {
            let stat = dump::stat(200, 50, step, |server| server % every == 0);
            let (sample, _) = feed.take(&dump::info(step), &stat).expect("a made dump is one");
            let began = Instant::now();
            history.push(&sample);
            times.push(began.elapsed());
        }
        let packing = times.split_off(LENGTH);
        let (growing, packing) = (Figures::millis(&times), Figures::millis(&packing));
        row(&format!("{name}, the first block"), &growing);
        row(&format!("{name}, while a full block is packed"), &packing);
        target_line("  the larger median", growing.median().max(packing.median()), target);
    }
}
