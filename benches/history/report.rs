//! Appends samples to a history, and prints how much memory the history uses and how long appending takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hapulse::haproxy::fields::Field;
use hapulse::history::block::{BLOCK_SAMPLES, PACKING_SAMPLES, Series};
use hapulse::history::store::History;
use hapulse::observe::sample::Sample;

use crate::shared::figures::{Distribution, millis, print_heading, print_row, print_target, print_value};

const MIB: f64 = (1 << 20) as f64;
const HOUR: f64 = 3600.0;
/// Number of rows whose series are read.
const SERIES_ROWS: usize = 100;

pub struct HistoryReport {
    history: History,
    /// A history with a budget of 0, which keeps only the newest, growing block.
    growing: History,
    /// Maximum memory of the growing block, in bytes.
    largest: usize,
    /// Memory of the full blocks in bytes, when all of them were last packed, and the number of samples in these
    /// blocks.
    packed: Option<(usize, usize)>,
    newest: Option<Arc<Sample>>,
    count: usize,
    append_times: Vec<Duration>,
    parse_times: Vec<Duration>,
    /// Number of dumps that could not be parsed.
    pub unreadable: usize,
}

impl Default for HistoryReport {
    fn default() -> Self {
        Self {
            history: History::new(1 << 30),
            growing: History::new(0),
            largest: 0,
            packed: None,
            newest: None,
            count: 0,
            append_times: Vec::new(),
            parse_times: Vec::new(),
            unreadable: 0,
        }
    }
}

impl HistoryReport {
    pub fn push(&mut self, sample: &Arc<Sample>, parse_time: Duration) {
        self.parse_times.push(parse_time);
        let start = Instant::now();
        self.history.push(sample);
        self.append_times.push(start.elapsed());
        self.growing.push(sample);
        self.count += 1;
        self.newest = Some(Arc::clone(sample));
        let growing = self.growing.memory();
        self.largest = self.largest.max(growing);
        let (full, rest) = (self.count / BLOCK_SAMPLES * BLOCK_SAMPLES, self.count % BLOCK_SAMPLES);
        if full > 0 && rest > PACKING_SAMPLES + 2 {
            self.packed = Some((self.history.memory() - growing, full));
        }
    }

    pub fn print(&self, title: &str) {
        let Some(newest) = &self.newest else {
            println!("{title}: no samples");
            return;
        };
        if self.unreadable > 0 {
            println!("skipped: {} unreadable dumps", self.unreadable);
        }
        let (rows, columns) = (newest.rows.ids().len(), newest.table.schema().width());
        println!("\n{title}: {} samples of {rows} rows with {columns} numbers each", self.count);
        let (memory, growing) = (self.history.memory(), self.growing.memory());
        let numbers = (rows * self.count * columns) as f64;
        print_value("bytes per row and sample", memory as f64 / (rows * self.count) as f64);
        println!("{:<58} {:>9.4}", "bytes per number", memory as f64 / numbers);
        print_value("MiB in total", memory as f64 / MIB);
        print_value("  of these, the growing block, MiB", growing as f64 / MIB);
        match self.packed {
            Some((bytes, samples)) => {
                let of_full = bytes as f64 / (rows * samples * columns) as f64;
                print_target("  bytes per number in full blocks", of_full, 0.10);
                let hour = bytes as f64 / samples as f64 * HOUR + self.largest as f64;
                let rows_of_busy = 1000.0 / rows as f64;
                print_target("MiB for an hour, projected", hour * rows_of_busy.min(1.0) / MIB, 48.0);
            }
            None => println!("fewer than {BLOCK_SAMPLES} samples: no full block, no projection"),
        }
        if self.count as f64 >= HOUR {
            print_target("MiB for an hour, as measured", memory as f64 / MIB, 48.0);
        }
        print_heading("ms");
        print_row("append a sample", &Distribution::from_durations(&self.append_times));
        print_row("parse a dump", &Distribution::from_durations(&self.parse_times));
        print_row("one series of one row over all samples", &Distribution::new(self.series(newest)));
    }

    fn series(&self, newest: &Sample) -> Vec<f64> {
        let read = |id: &_| {
            let start = Instant::now();
            let mut sum = 0_i64;
            self.history.read_series(*id, &[Series::Stat(Field::Stot)], Duration::ZERO..=Duration::MAX, |_, values| {
                sum = sum.wrapping_add(values[0].unwrap_or(0));
            });
            std::hint::black_box(sum);
            millis(start.elapsed())
        };
        newest.rows.ids().iter().take(SERIES_ROWS).map(read).collect()
    }
}
