//! Summaries of many measurements. The median comes first, because other load on the machine affects mainly the largest
//! values.

use std::time::Duration;

/// Sorted measurements, usually in milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Distribution {
    sorted: Vec<f64>,
}

impl Distribution {
    pub fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { sorted: values }
    }

    pub fn from_durations(times: &[Duration]) -> Self {
        Self::new(times.iter().map(|time| millis(*time)).collect())
    }

    /// Returns the quantile at `share` (0 to 1), or NaN if there are no measurements.
    pub fn quantile(&self, share: f64) -> f64 {
        let index = (self.sorted.len().saturating_sub(1) as f64 * share).round() as usize;
        self.sorted.get(index).copied().unwrap_or(f64::NAN)
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub fn max(&self) -> f64 {
        self.quantile(1.0)
    }

    pub fn count(&self) -> usize {
        self.sorted.len()
    }
}

pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Prints a heading for the columns of [`print_row`].
pub fn print_heading(title: &str) {
    println!("\n{title:<58} {:>9} {:>9} {:>9}", "median", "p95", "max");
}

/// Prints a line with the median, the 95th percentile, the maximum and the number of measurements.
pub fn print_row(name: &str, distribution: &Distribution) {
    let (median, p95, max) = (distribution.median(), distribution.quantile(0.95), distribution.max());
    println!("{name:<58} {median:>9.2} {p95:>9.2} {max:>9.2}   n={}", distribution.count());
}

/// Prints a line with a single number.
pub fn print_value(name: &str, value: f64) {
    println!("{name:<58} {value:>9.2}");
}

/// Prints a ratio, and whether the ratio is at most `target`.
pub fn print_ratio(name: &str, value: f64, target: f64) {
    print_target(&format!("  ratio: {name}"), value, target);
}

/// Prints a number, and whether the number is at most `target`.
pub fn print_target(name: &str, value: f64, target: f64) {
    let verdict = if value <= target { "met" } else { "MISSED" };
    println!("{name:<58} {value:>9.3}   target {target:.3}: {verdict}");
}
