//! Durations in configuration files and on the command line: `45s`, `5m`, `1h`, `7d`.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use thiserror::Error;

use crate::haproxy::safe_text::SafeText;

/// Maximum duration: one year, so that computing a deadline cannot overflow.
const MAX_DURATION: Duration = Duration::from_hours(24 * 365);

/// Minimum interval between two polls; shorter intervals would only put load on HAProxy.
pub(crate) const MIN_INTERVAL: Duration = Duration::from_millis(100);
const MAX_INTERVAL: Duration = Duration::from_hours(24);

/// The error for an invalid interval.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("\"{text}\" is not a number of seconds from 0.1 to 86400, such as 2 or 0.5")]
pub(crate) struct BadInterval {
    text: SafeText,
}

/// Parses the number of seconds between two polls: `2`, `0.5`.
///
/// # Errors
/// Returns an error if `text` is not a number from 0.1 to 86400.
pub(crate) fn parse_interval(text: &str) -> Result<Duration, BadInterval> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let allowed = MIN_INTERVAL..=MAX_INTERVAL;
    time.filter(|time| allowed.contains(time)).ok_or_else(|| BadInterval { text: text.into() })
}

/// The error for an invalid duration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("\"{text}\" is not a duration: use a number and s, m, h or d, such as 45s, 5m, 1h or 7d (maximum 365d)")]
pub struct BadDuration {
    text: SafeText,
}

/// Parses a duration of whole seconds, written with `d` (24 hours), `h`, `m` and `s`, such as `1h30m`. A number without a
/// unit is in seconds.
///
/// # Errors
/// Returns an error if `text` has another form or the duration exceeds one year.
pub fn parse(text: &str) -> Result<Duration, BadDuration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let duration = if is_number { text.parse().ok().map(Duration::from_secs) } else { parse_with_unit(text) };
    let is_allowed = |time: &Duration| *time <= MAX_DURATION && time.subsec_nanos() == 0;
    duration.filter(is_allowed).ok_or_else(|| BadDuration { text: text.into() })
}

/// Parses a duration whose numbers all have a unit, such as `1h30m` or `7d`. Returns `None` if `text` has another form.
pub(crate) fn parse_with_unit(text: &str) -> Option<Duration> {
    let is_complete =
        text.starts_with(|ch: char| ch.is_ascii_digit()) && text.ends_with(|ch: char| ch.is_ascii_alphabetic());
    let span = text.parse::<Span>().ok().filter(|_| is_complete)?;
    Duration::try_from(span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parse_accepts_number_with_unit() {
        assert_eq!(parse("1h30m"), Ok(Duration::from_mins(90)));
        for (text, seconds) in [
            ("45s", 45),
            ("5m", 300),
            ("1h", 3600),
            ("300", 300),
            ("0", 0),
            ("8760h", 31_536_000),
            ("7d", 604_800),
            ("1d12h", 129_600),
            ("365d", 31_536_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn parse_rejects_other_durations_with_examples() {
        for text in
            ["", "s", "m5", " 5m", "1.5s", "-1s", "soon", "8761h", "366d", "5µ", "1h30", "5M", "1mo", "1y", "PT5M"]
        {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert!(parse("99999999999999999999").is_err() && parse("18446744073709551615h").is_err());
        let error = parse("so\u{1b}on").unwrap_err().to_string();
        assert!(error.starts_with(r#""so\x1bon" is not a duration: use a number"#), "{error}");
    }

    #[test]
    fn parse_interval_rejects_out_of_range_values() {
        assert_eq!(parse_interval("2"), Ok(Duration::from_secs(2)));
        assert_eq!(parse_interval("0.1"), Ok(MIN_INTERVAL));
        for bad in ["0", "0.01", "-1", "nan", "inf", "1e9", "soon", "", "2s"] {
            assert!(parse_interval(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn parse_never_panics_on_any_text(text in ".{0,12}") {
            let _ = parse_interval(&text);
            let _ = parse(&text);
        }

        #[test]
        fn parse_counts_minutes_as_60_seconds(minutes in 0u64..500_000) {
            prop_assert_eq!(parse(&format!("{minutes}m")), parse(&(minutes * 60).to_string()));
        }
    }
}
