//! Many measurements as few numbers: the median first, since a busy machine shows in the tail.

use std::time::Duration;

/// The measurements in order, in milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    sorted: Vec<f64>,
}

impl Figures {
    pub fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { sorted: values }
    }

    pub fn millis(times: &[Duration]) -> Self {
        Self::new(times.iter().map(|time| millis(*time)).collect())
    }

    /// The value that this share of them does not exceed; not a number when there is none.
    pub fn quantile(&self, share: f64) -> f64 {
        let place = (self.sorted.len().saturating_sub(1) as f64 * share).round() as usize;
        self.sorted.get(place).copied().unwrap_or(f64::NAN)
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub fn worst(&self) -> f64 {
        self.quantile(1.0)
    }

    pub fn count(&self) -> usize {
        self.sorted.len()
    }
}

pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A heading with the columns of [`row`].
pub fn heading(title: &str) {
    println!("\n{title:<58} {:>9} {:>9} {:>9}", "median", "p95", "worst");
}

/// One line: median, p95, worst, and how many there were.
pub fn row(name: &str, figures: &Figures) {
    let (median, p95, worst) = (figures.median(), figures.quantile(0.95), figures.worst());
    println!("{name:<58} {median:>9.2} {p95:>9.2} {worst:>9.2}   n={}", figures.count());
}

/// One line with a number by itself.
pub fn line(name: &str, value: f64) {
    println!("{name:<58} {value:>9.2}");
}

/// A ratio, and what it should be at the most.
pub fn ratio(name: &str, value: f64, target: f64) {
    target_line(&format!("  ratio: {name}"), value, target);
}

/// A number, and what it should be at the most.
pub fn target_line(name: &str, value: f64, target: f64) {
    let verdict = if value <= target { "met" } else { "MISSED" };
    println!("{name:<58} {value:>9.3}   target {target:.3}: {verdict}");
}
