//! The scale of a chart: its upper end and the numbers next to the chart.
//!
//! The scale depends only on the highest value that the chart shows. A peak stays in the chart for the whole span, so the
//! scale changes when a higher peak appears or a peak leaves the chart, and not with each sample.

/// Steps between two numbers of a scale, times a power of ten.
const STEPS: [f64; 3] = [1.0, 2.0, 5.0];
/// Maximum number of steps of a scale.
const MAX_STEPS: u32 = 3;
/// Room above the highest value, as a share of it, so that a line does not touch the upper edge.
const HEADROOM: f64 = 0.05;
/// A limit is part of the scale if the values reach this share of it.
const NEAR_LIMIT: f64 = 1.0 / 3.0;

/// A scale that starts at zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    step: f64,
    steps: u32,
}

/// The properties of a chart's numbers that restrict the scale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScaleBounds {
    /// The lowest upper end.
    pub(crate) least_top: f64,
    /// The smallest step.
    pub(crate) least_step: f64,
    /// The highest possible value, if there is one.
    pub(crate) most: Option<f64>,
    /// The limit, which is shown if the values come near it.
    pub(crate) limit: Option<f64>,
}

impl Scale {
    /// Returns the scale for values up to `highest`: the lowest one with round numbers.
    pub(crate) fn for_highest(highest: f64, bounds: ScaleBounds) -> Self {
        let highest = if highest.is_finite() { highest } else { 0.0 };
        let near = bounds.limit.filter(|limit| highest >= limit * NEAR_LIMIT);
        // A line at the limit may touch the upper edge.
        let is_below_limit = |limit: f64| highest <= limit;
        let wanted = match near {
            Some(limit) if is_below_limit(limit) => limit,
            _ => highest * (1.0 + HEADROOM),
        };
        let wanted = wanted.max(bounds.least_top).min(bounds.most.unwrap_or(f64::MAX));
        let power = 10_f64.powi(wanted.log10().floor() as i32 - 1);
        let steps = [1.0, 10.0, 100.0].into_iter().flat_map(|factor| STEPS.map(|step| step * factor * power));
        let scales = steps
            .filter(|step| *step >= bounds.least_step * 0.999)
            .flat_map(|step| (1..=MAX_STEPS).map(move |steps| Self { step, steps }));
        // Rounding errors must not choose the next higher scale.
        let fitting = scales.filter(|scale| scale.top() >= wanted * 0.999_999);
        let lower = |one: &Self, other: &Self| one.top().total_cmp(&other.top()).then(other.steps.cmp(&one.steps));
        fitting.min_by(lower).unwrap_or(Self { step: wanted, steps: 1 })
    }

    /// Returns the value at the upper edge.
    pub(crate) fn top(&self) -> f64 {
        self.step * f64::from(self.steps)
    }

    /// Returns the height of a value as a share of the chart's height, from 0 to 1.
    pub(crate) fn share(&self, value: f64) -> f64 {
        (value / self.top()).clamp(0.0, 1.0)
    }

    /// Returns the numbers to show beside a chart with this number of rows, from zero to the upper end. If the rows of two
    /// numbers would touch, only the ends are shown.
    pub(crate) fn ticks(&self, rows: u16) -> Vec<f64> {
        let step = |count: u32| self.step * f64::from(count);
        match u32::from(rows.saturating_sub(1)) {
            0 => vec![self.top()],
            rows if rows / self.steps >= 2 => (0..=self.steps).map(step).collect(),
            _ => vec![0.0, self.top()],
        }
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COUNTS: ScaleBounds = ScaleBounds { least_top: 5.0, least_step: 1.0, most: None, limit: None };

    fn top(highest: f64, limit: Option<f64>) -> f64 {
        Scale::for_highest(highest, ScaleBounds { limit, ..COUNTS }).top()
    }

    #[test]
    fn for_highest_uses_round_numbers() {
        let tops = [0.0, 4.0, 5.0, 7.0, 12.0, 56.0, 1180.0].map(|highest| top(highest, None));
        assert_eq!(tops, [5.0, 5.0, 6.0, 10.0, 15.0, 60.0, 1500.0]);
        let millis = ScaleBounds { least_top: 10.0, ..COUNTS };
        assert_eq!(Scale::for_highest(10.0, millis).top(), 15.0, "a flat line does not fill the chart");
        let share = ScaleBounds { least_top: 1.0, least_step: 0.1, most: Some(100.0), limit: None };
        assert_eq!(Scale::for_highest(99.0, share).top(), 100.0);
        assert_eq!(Scale::for_highest(f64::INFINITY, COUNTS).top(), 5.0);
    }

    #[test]
    fn for_highest_includes_a_near_limit_only() {
        assert_eq!([top(8.0, Some(100.0)), top(40.0, Some(100.0)), top(100.0, Some(100.0))], [10.0, 100.0, 100.0]);
        assert_eq!(top(140.0, Some(100.0)), 150.0, "values above the limit fit");
        assert_eq!(top(150.0, Some(150.0)), 150.0);
    }

    #[test]
    fn ticks_are_round_and_do_not_touch() {
        let scale = Scale::for_highest(1180.0, ScaleBounds { least_top: 10.0, ..COUNTS });
        assert_eq!(scale.ticks(9), [0.0, 500.0, 1000.0, 1500.0]);
        assert_eq!(scale.ticks(5), [0.0, 1500.0]);
        assert_eq!(scale.ticks(1), [1500.0]);
        assert_eq!(Scale::for_highest(2.0, COUNTS).ticks(9), [0.0, 5.0]);
    }

    proptest! {
        #[test]
        fn for_highest_is_at_most_twice_the_value(highest in 5.0..1e15_f64) {
            let scale = Scale::for_highest(highest, COUNTS);
            prop_assert!(scale.top() >= highest && scale.top() <= highest * 2.2, "{highest} {}", scale.top());
            prop_assert!((2..=4).contains(&scale.ticks(20).len()));
        }
    }
}
