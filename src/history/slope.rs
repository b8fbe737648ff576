//! Robust slope of a series (Theil–Sen) with its confidence interval.

/// Points to which a longer series is reduced: the number of pairs grows with the square of it.
const MAX_POINTS: usize = 40;
/// Quantile of the normal distribution for an interval of 95 %.
const NORMAL_95: f64 = 1.96;

/// Value of a series at a time in seconds.
pub(crate) type Point = (f64, f64);

/// Growth of a series per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slope {
    /// Median of the slopes between all pairs of points.
    pub(crate) per_second: f64,
    /// Lower end of the interval of 95 %.
    pub(crate) low: f64,
    /// Upper end of the interval of 95 %.
    pub(crate) high: f64,
}

impl Slope {
    /// Computes the slope of points in ascending order of time. Returns `None` for fewer than two different times.
    ///
    /// The interval is Sen's, from the variance of Kendall's rank correlation. It assumes that the deviations from the
    /// line are independent of each other.
    pub(crate) fn from_points(points: &[Point]) -> Option<Self> {
        let points = reduce(points);
        let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
        for (index, (time, value)) in points.iter().enumerate() {
            let later = points[index + 1..].iter().filter(|(later, _)| later > time);
            slopes.extend(later.map(|(later, other)| (other - value) / (later - time)));
        }
        slopes.sort_unstable_by(f64::total_cmp);
        let (count, pairs) = (points.len() as f64, slopes.len() as f64);
        let spread = NORMAL_95 * (count * (count - 1.0) * (2.0 * count + 5.0) / 18.0).sqrt();
        let low = slopes.get(((pairs - spread) / 2.0).floor().max(0.0) as usize)?;
        let high = slopes.get(((f64::midpoint(pairs, spread)).ceil() as usize).min(slopes.len() - 1))?;
        Some(Self { per_second: median_of_sorted(&slopes)?, low: *low, high: *high })
    }

    /// Returns the value of the line at the time `at`: the median of the points, each moved along the slope.
    pub(crate) fn level_at(&self, points: &[Point], at: f64) -> Option<f64> {
        let mut levels: Vec<f64> = points.iter().map(|(time, value)| value + self.per_second * (at - time)).collect();
        levels.sort_unstable_by(f64::total_cmp);
        median_of_sorted(&levels)
    }
}

/// Returns the median, or `None` if there are no values.
fn median_of_sorted(values: &[f64]) -> Option<f64> {
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { upper } else { f64::midpoint(values[middle - 1], upper) })
}

/// Reduces points to at most [`MAX_POINTS`], each the mean of neighbors.
fn reduce(points: &[Point]) -> Vec<Point> {
    let size = points.len().div_ceil(MAX_POINTS).max(1);
    let mean = |part: &[Point]| {
        let sum = part.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (sum.0 / part.len() as f64, sum.1 / part.len() as f64)
    };
    points.chunks(size).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slope_ignores_outliers() {
        let mut points: Vec<Point> = (0..30).map(|second| (f64::from(second), f64::from(second) * 2.0 + 5.0)).collect();
        points[7].1 = 900.0;
        points[20].1 = 0.0;
        let slope = Slope::from_points(&points).unwrap();
        assert!((slope.per_second - 2.0).abs() < 1e-9, "{slope:?}");
        assert!((slope.level_at(&points, 40.0).unwrap() - 85.0).abs() < 1e-9);
    }

    #[test]
    fn slope_needs_two_different_times() {
        assert_eq!(Slope::from_points(&[]), None);
        assert_eq!(Slope::from_points(&[(1.0, 5.0)]), None);
        assert_eq!(Slope::from_points(&[(1.0, 5.0), (1.0, 9.0)]), None);
        assert_eq!(Slope::from_points(&[(1.0, 5.0), (2.0, 9.0)]).map(|slope| slope.per_second), Some(4.0));
    }

    proptest! {
        #[test]
        fn slope_of_noisy_line_is_near_the_true_slope(
            slope in -50.0..50.0_f64,
            noise in prop::collection::vec(-5.0..5.0_f64, 20..200),
        ) {
            let points: Vec<Point> =
                noise.iter().enumerate().map(|(at, noise)| (at as f64, at as f64 * slope + noise)).collect();
            let found = Slope::from_points(&points).unwrap();
            prop_assert!(found.low <= found.per_second && found.per_second <= found.high);
            prop_assert!((found.per_second - slope).abs() <= 10.0 / (points.len() as f64 / 4.0) + 0.5, "{found:?}");
        }

        #[test]
        fn slope_of_reduced_line_is_exact(slope in -50.0..50.0_f64, count in 2..900_usize) {
            let points: Vec<Point> = (0..count).map(|at| (at as f64, at as f64 * slope)).collect();
            let found = Slope::from_points(&points).unwrap();
            prop_assert!((found.per_second - slope).abs() < 1e-6);
        }
    }
}
