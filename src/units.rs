//! Numbers and durations for people.
//!
//! Table cells use short formats, most of them at most five characters wide: `12.3k`, `840ms`, `3h07m`. Sentences use
//! the functions that end in `_words`: `840 ms`, `4 min 12 s`.

use std::time::Duration;

/// Text shown for an unknown value.
pub(crate) const UNKNOWN: &str = "–";

/// Formats a count.
pub(crate) fn count(value: i64) -> String {
    if (-999..10_000).contains(&value) { value.to_string() } else { format_scaled(value as f64, 1000.0, "") }
}

/// Formats a rate per second, with one decimal below ten.
pub(crate) fn rate(value: f64) -> String {
    match value {
        value if value < 0.05 => "0".to_owned(),
        value if value < 999.5 => decimal(value),
        value => format_scaled(value, 1000.0, ""),
    }
}

/// Formats a number with one decimal below ten: `0.4`, `12`.
pub(crate) fn decimal(value: f64) -> String {
    if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// Formats a ratio with one decimal if it is below ten and not whole: `2.5`, `4`, `37`, `1.24k`. A ratio of a million or
/// more has no exact number: `>999k`.
pub(crate) fn ratio(value: f64) -> String {
    match value.max(0.0) {
        value if value < 9.95 => short_decimal(value),
        value if value < 999_500.0 => format_scaled(value, 1000.0, ""),
        _ => ">999k".to_owned(),
    }
}

/// Formats a count with its noun: `1 session`, `2 sessions`.
pub(crate) fn pluralize(count: i64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Formats a part of a whole with the noun of the whole: `1 of 1 session`, `3 of 8 sessions`.
pub(crate) fn part_of(part: i64, whole: i64, noun: &str) -> String {
    format!("{part} of {}", pluralize(whole, noun))
}

/// Returns `one` for a count of 1, otherwise `many`.
pub(crate) fn choose_number<'a>(count: i64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

/// Formats bytes, or bytes per second, in multiples of 1,000, as is usual for networks.
pub(crate) fn bytes(value: f64) -> String {
    if value < 999.5 { format!("{value:.0}B") } else { format_scaled(value, 1000.0, "") }
}

/// Formats bytes of memory, in multiples of 1,024.
pub(crate) fn memory(value: usize) -> String {
    if value < 1000 { format!("{value}B") } else { format_scaled(value as f64, 1024.0, "") }
}

/// Formats a share between 0 and 1 in percent: `0%`, `0.3%`, `12%`. A share above 0 is never shown as `0%`.
pub(crate) fn percent(share: f64) -> String {
    let value = share * 100.0;
    match value {
        value if value <= 0.0 => "0%".to_owned(),
        value if value < 0.1 => "<0.1%".to_owned(),
        value => format!("{}%", decimal(value)),
    }
}

/// Formats a number of milliseconds; from 1,000 on, in seconds or larger units.
pub(crate) fn millis(value: i64) -> String {
    match value {
        ..1000 => format!("{value}ms"),
        1000..10_000 => format!("{:.2}s", value as f64 / 1000.0),
        10_000..100_000 => format!("{:.1}s", value as f64 / 1000.0),
        _ => seconds(value / 1000),
    }
}

/// Formats the time until a reply, with one decimal below ten milliseconds.
pub(crate) fn reply_time(value: Duration) -> String {
    let exact = value.as_secs_f64() * 1000.0;
    if exact < 9.95 { format!("{exact:.1}ms") } else { millis(exact.round() as i64) }
}

/// Formats seconds in their one or two largest units, at most five characters wide: `45s`, `12m`, `3h07m`, `3d04h`,
/// `120d`.
pub(crate) fn seconds(value: i64) -> String {
    let (minutes, hours, days) = (value / 60, value / 3600, value / 86_400);
    match value {
        ..60 => format!("{value}s"),
        60..3600 => format!("{minutes}m"),
        3600..36_000 => format!("{hours}h{:02}m", minutes % 60),
        36_000..86_400 => format!("{hours}h"),
        86_400..864_000 => format!("{days}d{:02}h", hours % 24),
        _ => format!("{days}d"),
    }
}

/// Formats a duration like [`seconds`].
pub(crate) fn duration(value: Duration) -> String {
    seconds(i64::try_from(value.as_secs()).unwrap_or(i64::MAX))
}

/// Formats a duration, including the seconds if it is shorter than one hour: `45s`, `3m12s`, `1h02m`.
pub(crate) fn exact_duration(value: Duration) -> String {
    match value.as_secs() {
        seconds @ 60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => duration(value),
    }
}

/// Formats a short interval in seconds, with at most one decimal: `2s`, `0.5s`.
pub(crate) fn interval(value: Duration) -> String {
    format!("{}s", short_decimal(value.as_secs_f64()))
}

/// Formats milliseconds: `840 ms`, `1.20 s`, `45 s`.
pub(crate) fn millis_words(value: f64) -> String {
    match value {
        value if value < 999.5 => format!("{value:.0} ms"),
        value if value < 9_995.0 => format!("{:.2} s", value / 1000.0),
        value => format!("{:.0} s", value / 1000.0),
    }
}

/// Formats seconds: `0.5 s`, `5 s`.
pub(crate) fn seconds_words(value: f64) -> String {
    let number = if value < 9.95 { short_decimal(value) } else { format!("{value:.0}") };
    format!("{number} s")
}

/// Formats a duration in its largest unit: `12 s`, `3 min`, `2 h`, `5 d`.
pub(crate) fn duration_words(value: Duration) -> String {
    match value.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// Formats the age of something like [`duration`]: `9s`, or `>9s` if it may be older.
pub(crate) fn age(value: Duration, is_minimum: bool) -> String {
    format!("{}{}", if is_minimum { ">" } else { "" }, duration(value))
}

/// Formats the age of something in words: `9 s`, or `at least 9 s` if it may be older.
pub(crate) fn age_words(value: Duration, is_minimum: bool) -> String {
    format!("{}{}", if is_minimum { "at least " } else { "" }, duration_words(value))
}

/// Formats a duration in its two largest units, rounded up to the next second: `45 s`, `4 min 12 s`, `1 h 5 min`.
pub(crate) fn exact_duration_words(value: Duration) -> String {
    let seconds = value.as_millis().div_ceil(1000);
    let (large, small) = match seconds {
        0..60 => ((seconds, "s"), (0, "")),
        60..3600 => ((seconds / 60, "min"), (seconds % 60, "s")),
        _ => ((seconds / 3600, "h"), (seconds % 3600 / 60, "min")),
    };
    let rest = if small.0 == 0 { String::new() } else { format!(" {} {}", small.0, small.1) };
    format!("{} {}{rest}", large.0, large.1)
}

/// Formats a number with one decimal, or without decimals if it is nearly whole.
fn short_decimal(value: f64) -> String {
    if (value - value.round()).abs() < 0.05 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// Formats a number with three significant digits and the prefix of the power of `base`, followed by `unit`.
fn format_scaled(value: f64, base: f64, unit: &str) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    let mut rest = value.abs();
    for prefix in ["", "k", "M", "G", "T", "P", "E"] {
        let text = match rest {
            rest if prefix.is_empty() => format!("{rest:.0}"),
            rest if rest < 9.995 => format!("{rest:.2}"),
            rest if rest < 99.95 => format!("{rest:.1}"),
            rest => format!("{rest:.0}"),
        };
        if rest < 999.5 {
            return format!("{sign}{text}{prefix}{unit}");
        }
        rest /= base;
    }
    format!("{sign}huge{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formats_are_short_and_readable() {
        let shown = [count(812), count(9999), count(12_345), count(1_200_000), count(999_999), count(-5)];
        assert_eq!(shown, ["812", "9999", "12.3k", "1.20M", "1.00M", "-5"]);
        assert_eq!([rate(0.0), rate(0.5), rate(57.2), rate(1240.0)], ["0", "0.5", "57", "1.24k"]);
        assert_eq!([percent(0.0), percent(0.0002), percent(0.003), percent(0.24)], ["0%", "<0.1%", "0.3%", "24%"]);
        assert_eq!([millis(62), millis(840), millis(7457), millis(12_340)], ["62ms", "840ms", "7.46s", "12.3s"]);
        let times = [400, 9940, 9960, 84_400, 1_240_000].map(|micros| reply_time(Duration::from_micros(micros)));
        assert_eq!(times, ["0.4ms", "9.9ms", "10ms", "84ms", "1.24s"]);
        assert_eq!([seconds(45), seconds(720), seconds(11_220), seconds(273_600)], ["45s", "12m", "3h07m", "3d04h"]);
        assert_eq!([bytes(3_200_000.0), bytes(12.0), memory(1 << 20)], ["3.20M", "12B", "1.00M"]);
        assert_eq!([interval(Duration::from_secs(2)), interval(Duration::from_millis(500))], ["2s", "0.5s"]);
    }

    #[test]
    fn words_have_a_blank_before_the_unit() {
        assert_eq!([millis_words(840.0), millis_words(1200.0), millis_words(45_000.0)], ["840 ms", "1.20 s", "45 s"]);
        assert_eq!([seconds_words(0.5), seconds_words(5.02), seconds_words(1240.0)], ["0.5 s", "5 s", "1240 s"]);
        assert_eq!([ratio(4.04), ratio(2.5), ratio(37.2), ratio(999.4)], ["4", "2.5", "37", "999"]);
        let large = [999.6, 1240.0, 999_400.0, 1e6, f64::INFINITY].map(ratio);
        assert_eq!(large, ["1.00k", "1.24k", "999k", ">999k", ">999k"], "no cap that looks like a measurement");
        assert_eq!([decimal(0.4), decimal(12.3)], ["0.4", "12"]);
        let times = [12, 180, 7300, 200_000].map(|seconds| duration_words(Duration::from_secs(seconds)));
        assert_eq!(times, ["12 s", "3 min", "2 h", "2 d"]);
        let times = [9100, 252_000, 3_900_000].map(|millis| exact_duration_words(Duration::from_millis(millis)));
        assert_eq!(times, ["10 s", "4 min 12 s", "1 h 5 min"]);
        assert_eq!([pluralize(1, "server"), pluralize(3, "server")], ["1 server", "3 servers"]);
    }

    proptest! {
        #[test]
        fn formats_fit_into_five_characters(value in any::<i64>(), share in 0.0..1.0_f64, speed in 0.0..1e18_f64) {
            prop_assert!(count(value.saturating_abs()).len() <= 5, "{}", count(value.saturating_abs()));
            prop_assert!(percent(share).len() <= 5);
            prop_assert!(rate(speed).len() <= 5, "{}", rate(speed));
            prop_assert!(bytes(speed).len() <= 5, "{}", bytes(speed));
            prop_assert!(ratio(speed).len() <= 5, "{}", ratio(speed));
        }
    }
}
