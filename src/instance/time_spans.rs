//! The table of round lengths of time, [`SPANS`]: those that charts and the heat map cover, those that the comparison
//! before and after covers, and the steps between two clock times of an axis.

use std::time::Duration;

use crate::units;

/// The span of time that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ComparedSpan {
    /// The last 2.5 minutes with the 2.5 minutes before.
    FiveMinutes,
    /// The last 5 minutes with the 5 minutes before.
    TenMinutes,
    /// The last 30 minutes with the 30 minutes before.
    OneHour,
    /// The time since the marked moment with the same time before it.
    Mark,
}

/// A use of a length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpanUse {
    /// The operator can choose it for charts and heat map.
    Choice,
    /// Charts and heat map cover it while the history is shorter than the chosen span.
    Range,
    /// It is a step between two clock times of an axis.
    Tick,
    /// The comparison covers it.
    Compared(ComparedSpan),
}

/// A length of time.
#[derive(Debug)]
pub(crate) struct TimeSpan {
    seconds: u64,
    uses: &'static [SpanUse],
}

const fn span(seconds: u64, uses: &'static [SpanUse]) -> TimeSpan {
    TimeSpan { seconds, uses }
}

use SpanUse::{Choice, Compared, Range, Tick};

/// All lengths, in ascending order.
static SPANS: &[TimeSpan] = &[
    span(5, &[Tick]),
    span(10, &[Tick]),
    span(15, &[Tick]),
    span(30, &[Tick]),
    span(60, &[Choice, Range, Tick]),
    span(90, &[Range]),
    span(120, &[Range, Tick]),
    span(180, &[Choice, Range]),
    span(240, &[Range]),
    span(300, &[Range, Tick, Compared(ComparedSpan::FiveMinutes)]),
    span(420, &[Range]),
    span(600, &[Choice, Range, Tick, Compared(ComparedSpan::TenMinutes)]),
    span(900, &[Range, Tick]),
    span(1200, &[Range]),
    span(1800, &[Choice, Range, Tick]),
    span(2700, &[Range]),
    span(3600, &[Choice, Range, Tick, Compared(ComparedSpan::OneHour)]),
    span(5400, &[Range]),
    span(7200, &[Range, Tick]),
    span(9000, &[Range]),
    span(10_800, &[Choice, Range, Tick]),
    span(21_600, &[Tick]),
    span(43_200, &[Tick]),
];

/// Returns the lengths with a use, in ascending order.
pub(crate) fn with_use(wanted: SpanUse) -> impl DoubleEndedIterator<Item = Duration> {
    SPANS.iter().filter(move |span| span.uses.contains(&wanted)).map(|span| Duration::from_secs(span.seconds))
}

/// Returns the span to choose that is `by` places after `span`, which need not be one of them; the last or the first one if
/// there are not as many.
pub(crate) fn next_choice(span: Duration, by: i32) -> Duration {
    let choices: Vec<Duration> = with_use(Choice).collect();
    let (shorter, count) = (choices.partition_point(|known| *known < span), by.unsigned_abs() as usize);
    let next = match choices.get(shorter) {
        _ if by < 0 => shorter.saturating_sub(count),
        Some(known) if *known > span => shorter + count.saturating_sub(1),
        _ => shorter + count,
    };
    choices.get(next).or(choices.last()).copied().unwrap_or(span)
}

impl ComparedSpan {
    /// All spans, from the shortest to the marked moment.
    pub(crate) const ALL: [Self; 4] = [Self::FiveMinutes, Self::TenMinutes, Self::OneHour, Self::Mark];

    /// Returns the name.
    pub(crate) fn label(self) -> String {
        self.length().map_or_else(|| "mark".to_owned(), units::exact_duration_words)
    }

    /// Returns the length of both windows together; `None` if it depends on the marked moment.
    pub(crate) fn length(self) -> Option<Duration> {
        with_use(Compared(self)).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_in_ascending_order() {
        assert!(SPANS.windows(2).all(|pair| pair[0].seconds < pair[1].seconds));
    }

    #[test]
    fn next_choice_stays_within_the_choices() {
        let minutes = |minutes: u64| Duration::from_mins(minutes);
        assert_eq!((next_choice(minutes(10), 1), next_choice(minutes(10), -1)), (minutes(30), minutes(3)));
        assert_eq!((next_choice(minutes(180), 1), next_choice(minutes(1), -1)), (minutes(180), minutes(1)));
        assert_eq!(
            (next_choice(minutes(7), 1), next_choice(minutes(7), -1)),
            (minutes(10), minutes(3)),
            "not a choice"
        );
    }

    #[test]
    fn label_is_the_length() {
        assert_eq!(ComparedSpan::ALL.map(ComparedSpan::label), ["5 min", "10 min", "1 h", "mark"]);
    }
}
