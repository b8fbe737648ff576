//! Shares of memory: how much the live samples and the history of one instance may use together.
//!
//! The rate window, the sample that is being read and the history share the budget of the history and a fixed amount.
//! The history gets what the samples leave. A sample is limited to a size at which all of them fit.

use std::time::Duration;

use crate::observe::sample::Sample;

/// Memory of one instance beyond the budget of its history, in bytes.
const BEYOND_BUDGET: usize = 64 << 20;
/// Part of [`BEYOND_BUDGET`] for everything except samples and history, such as the program itself, the lines of the
/// screen, events and problems, and what the allocator cannot reuse.
const OTHER: usize = 20 << 20;

/// Time for which memory is reserved for another sample as large as the largest one.
const LARGEST_RESERVED: Duration = Duration::from_mins(10);

/// The memory of one instance, derived from the budget of its history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemoryPlan {
    budget: usize,
    /// Memory of the largest sample of the last [`LARGEST_RESERVED`] in bytes, and its time.
    largest: (usize, Duration),
}

impl MemoryPlan {
    /// Creates a plan for a history of `budget` bytes.
    pub(crate) fn new(budget: usize) -> Self {
        Self { budget, largest: (0, Duration::ZERO) }
    }

    fn total(self) -> usize {
        self.budget + BEYOND_BUDGET - OTHER
    }

    /// Returns the maximum memory of one sample, in bytes.
    pub(crate) fn sample_limit(self) -> usize {
        self.total() / 100 * 42
    }

    /// Returns the maximum memory of the samples in the rate window, in bytes. A single sample always fits.
    pub(crate) fn window_limit(self) -> usize {
        self.total() / 100 * 57
    }

    /// Records the size of the newest sample. Returns the maximum memory of the history, in bytes, beside `used` bytes for
    /// the rate window and the problems, and a sample that is being read and may be as large as a recent one.
    pub(crate) fn history_limit(&mut self, used: usize, newest: &Sample) -> usize {
        let size = newest.table.number_memory() + newest.table.row_memory();
        let (largest, at) = self.largest;
        if size >= largest || newest.at.elapsed_since(at) > LARGEST_RESERVED {
            self.largest = (size, newest.at.monotonic);
        }
        // Many small allocations take more memory than their sizes.
        self.budget.min(self.total().saturating_sub(used + self.largest.0) / 4 * 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site, stat_with_server};

    #[test]
    fn history_limit_reserves_memory_for_recent_large_sample() {
        let mut builder = SampleBuilder::default();
        let mut plan = MemoryPlan::new(0);
        // The budget of 0 would hide the reserve.
        plan.budget = usize::MAX / 4;
        let large = builder.build_at_millis(0, &stat_of_site());
        let small = |builder: &mut SampleBuilder, at| builder.build_at_millis(at, &stat_with_server("b", "s", 1));
        let unlimited = plan.total();
        let used = unlimited - plan.budget;
        let beside_large = plan.history_limit(used, &large);
        assert!(beside_large < plan.budget);
        assert_eq!(plan.history_limit(used, &small(&mut builder, 1000)), beside_large);
        assert!(plan.history_limit(used, &small(&mut builder, 700_000)) > beside_large);
        assert_eq!(plan.history_limit(unlimited, &large), 0);
    }

    #[test]
    fn limits_fit_into_the_budget_and_the_fixed_amount() {
        for mib in [1, 64, 4096] {
            let plan = MemoryPlan::new(mib << 20);
            assert!(plan.window_limit() >= plan.sample_limit());
            // A window of two samples with the same rows, and a third sample with other rows.
            assert!(plan.window_limit() + plan.sample_limit() <= plan.budget + BEYOND_BUDGET, "{mib}");
        }
        assert!(
            MemoryPlan::new(64 << 20).sample_limit() > 100_000 * 450,
            "100,000 servers fit into the default budget"
        );
    }
}
