//! Feeds a history, and says what it took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hapulse::haproxy::fields::Field;
use hapulse::history::block::{LENGTH, PACKING, Series};
use hapulse::history::store::History;
use hapulse::observe::sample::Sample;

use crate::shared::figures::{Figures, heading, line, millis, row, target_line};

const MIB: f64 = (1 << 20) as f64;
const HOUR: f64 = 3600.0;
/// Rows of which a series is read.
const READ: usize = 100;

pub struct Report {
    all: History,
    /// One that may keep nothing keeps the newest block: the one that grows.
    growing: History,
    /// The most that the growing block took.
    largest: usize,
    /// What full blocks took when all of them were packed, and the samples in them.
    packed: Option<(usize, usize)>,
    newest: Option<Arc<Sample>>,
    count: usize,
    append: Vec<Duration>,
    read: Vec<Duration>,
    /// Dumps that were none.
    pub unread: usize,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            all: History::new(1 << 30),
            growing: History::new(0),
            largest: 0,
            packed: None,
            newest: None,
            count: 0,
            append: Vec::new(),
            read: Vec::new(),
            unread: 0,
        }
    }
}

impl Report {
    pub fn take(&mut self, sample: &Arc<Sample>, read: Duration) {
        self.read.push(read);
        let start = Instant::now();
        self.all.push(sample);
        self.append.push(start.elapsed());
        self.growing.push(sample);
        self.count += 1;
        self.newest = Some(Arc::clone(sample));
        let growing = self.growing.memory();
        self.largest = self.largest.max(growing);
        let (full, rest) = (self.count / LENGTH * LENGTH, self.count % LENGTH);
        if full > 0 && rest > PACKING + 2 {
            self.packed = Some((self.all.memory() - growing, full));
        }
    }

    pub fn print(&self, what: &str) {
        let Some(newest) = &self.newest else {
            println!("{what}: no sample");
            return;
        };
        if self.unread > 0 {
            println!("left out: {} texts that are no dump", self.unread);
        }
        let (rows, columns) = (newest.rows.ids().len(), newest.table.schema().width());
        println!("\n{what}: {} samples of {rows} rows with {columns} numbers each", self.count);
        let (memory, growing) = (self.all.memory(), self.growing.memory());
        let numbers = (rows * self.count * columns) as f64;
        line("bytes a row and sample", memory as f64 / (rows * self.count) as f64);
        println!("{:<58} {:>9.4}", "bytes a number", memory as f64 / numbers);
        line("MiB in all", memory as f64 / MIB);
        line("  of that, the block that grows, MiB", growing as f64 / MIB);
        match self.packed {
            Some((bytes, samples)) => {
                let of_full = bytes as f64 / (rows * samples * columns) as f64;
                target_line("  bytes a number in full blocks", of_full, 0.10);
                let hour = bytes as f64 / samples as f64 * HOUR + self.largest as f64;
                let rows_of_busy = 1000.0 / rows as f64;
                target_line("MiB for an hour, projected", hour * rows_of_busy.min(1.0) / MIB, 48.0);
            }
            None => println!("fewer than {LENGTH} samples: nothing is packed, nothing projected"),
        }
        if self.count as f64 >= HOUR {
            target_line("MiB for an hour, as measured", memory as f64 / MIB, 48.0);
        }
        heading("ms");
        row("append a sample", &Figures::millis(&self.append));
        row("read a dump", &Figures::millis(&self.read));
        row("one series of one row over all samples", &Figures::new(self.series(newest)));
    }

    fn series(&self, newest: &Sample) -> Vec<f64> {
        let read = |id: &_| {
            let start = Instant::now();
            let mut sum = 0_i64;
            self.all.read(*id, &[Series::Stat(Field::Stot)], Duration::ZERO..=Duration::MAX, |_, values| {
                sum = sum.wrapping_add(values[0].unwrap_or(0));
            });
            std::hint::black_box(sum);
            millis(start.elapsed())
        };
        newest.rows.ids().iter().take(READ).map(read).collect()
    }
}
