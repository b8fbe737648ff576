//! The numbers of rows that belong together, as one: sums of amounts, means weighted by requests, the highest of maxima.

use crate::fleet::merged;
use crate::haproxy::fields::{Field, FieldKind, Unit};

/// A number of a row on one balancer, and the weight of its means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PartNumber {
    /// The number, if it is known.
    pub(super) value: Option<i64>,
    /// Requests per second; 0 for a row without requests.
    pub(super) weight: f64,
}

/// Returns the number of all rows together; `None` if it is unknown or has no meaning for all of them.
pub(super) fn combine(field: Field, parts: &[PartNumber]) -> Option<i64> {
    let known = || parts.iter().filter_map(|part| part.value);
    let all = || parts.iter().map(|part| part.value).collect::<Option<Vec<i64>>>().filter(|all| !all.is_empty());
    match field.info().kind {
        FieldKind::Max => known().max(),
        FieldKind::Average => weighted_mean(parts),
        // The latest of the events.
        FieldKind::Age => known().min(),
        // 0 stands for unlimited.
        FieldKind::Limit if merged::is_additive(field) => {
            all().filter(|limits| limits.iter().all(|limit| *limit > 0)).map(|limits| saturating_sum(&limits))
        }
        FieldKind::Counter if field.info().unit == Unit::Seconds => known().max(),
        _ if merged::is_additive(field) => all().map(|numbers| saturating_sum(&numbers)),
        _ => match field {
            Field::Act | Field::Bck | Field::Throttle => known().min(),
            Field::CheckDuration | Field::AgentDuration => known().max(),
            _ => all().and_then(|numbers| {
                let first = *numbers.first()?;
                numbers.iter().all(|number| *number == first).then_some(first)
            }),
        },
    }
}

fn saturating_sum(numbers: &[i64]) -> i64 {
    numbers.iter().fold(0, |sum, number| sum.saturating_add(*number))
}

/// Returns the mean of the known numbers, weighted by requests. Rows without requests count only if no row has some.
fn weighted_mean(parts: &[PartNumber]) -> Option<i64> {
    let known = || parts.iter().filter_map(|part| Some((part.value? as f64, part.weight)));
    let total: f64 = known().map(|(_, weight)| weight).sum();
    let mean = if total > 0.0 {
        known().map(|(value, weight)| value * weight).sum::<f64>() / total
    } else {
        known().map(|(value, _)| value).sum::<f64>() / known().count() as f64
    };
    mean.is_finite().then(|| mean.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn combined(field: Field, numbers: &[Option<i64>]) -> Option<i64> {
        let parts: Vec<PartNumber> = numbers.iter().map(|number| PartNumber { value: *number, weight: 1.0 }).collect();
        combine(field, &parts)
    }

    #[test]
    fn combine_sums_amounts_and_keeps_unknown_ones_unknown() {
        assert_eq!(combined(Field::Stot, &[Some(5), Some(7)]), Some(12));
        assert_eq!(combined(Field::Scur, &[Some(5), None]), None);
        assert_eq!(combined(Field::Rate, &[Some(0), Some(0)]), Some(0));
        assert_eq!(combined(Field::Stot, &[]), None);
        assert_eq!(combined(Field::Bin, &[Some(i64::MAX), Some(1)]), Some(i64::MAX));
    }

    #[test]
    fn combine_sums_limits_only_if_each_row_has_one() {
        assert_eq!(combined(Field::Slim, &[Some(100), Some(50)]), Some(150));
        assert_eq!(combined(Field::Slim, &[Some(100), None]), None);
        assert_eq!(combined(Field::Slim, &[Some(100), Some(0)]), None, "0 stands for unlimited");
    }

    #[test]
    fn combine_takes_the_highest_maximum_and_the_latest_event() {
        assert_eq!(combined(Field::Smax, &[Some(9), None, Some(4)]), Some(9));
        assert_eq!(combined(Field::Lastchg, &[Some(90), Some(4)]), Some(4));
        assert_eq!(combined(Field::Downtime, &[Some(90), Some(4)]), Some(90));
        assert_eq!(combined(Field::Weight, &[Some(100), Some(100)]), Some(100));
        assert_eq!(combined(Field::Weight, &[Some(100), Some(50)]), None, "a weight is a share of one balancer");
        assert_eq!(combined(Field::Act, &[Some(3), Some(2)]), Some(2));
    }

    #[test]
    fn combine_weights_means_by_requests() {
        let part = |value, weight| PartNumber { value, weight };
        assert_eq!(combine(Field::Rtime, &[part(Some(100), 9.0), part(Some(200), 1.0)]), Some(110));
        assert_eq!(combine(Field::Rtime, &[part(Some(100), 9.0), part(None, 1.0)]), Some(100));
        assert_eq!(combine(Field::Rtime, &[part(Some(100), 0.0), part(Some(200), 0.0)]), Some(150));
        assert_eq!(combine(Field::Rtime, &[part(None, 9.0)]), None);
    }
}
