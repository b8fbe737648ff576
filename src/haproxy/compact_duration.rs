//! Durations in HAProxy's compact notation: `0s`, `1m5s`, `2h10m`, `20778d21h`.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// Durations of at least this length are rejected. 3.0.0 reports the time since 1970 as the age of a TCP session
/// (`age=20778d21h`).
const IMPLAUSIBLE: Duration = Duration::from_hours(24 * 10_000);

/// Parses a duration. Returns `None` for `<NEVER>`, an empty or otherwise invalid string, and durations of 10,000 days
/// or more.
pub(crate) fn parse(text: &[u8]) -> Option<Duration> {
    let span: Span = std::str::from_utf8(text).ok()?.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok().filter(|duration| *duration < IMPLAUSIBLE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parse_adds_up_units() {
        assert_eq!(parse(b"0s"), Some(Duration::ZERO));
        assert_eq!(parse(b"11s"), Some(Duration::from_secs(11)));
        assert_eq!(parse(b"1m5s"), Some(Duration::from_secs(65)));
        assert_eq!(parse(b"3d2h"), Some(Duration::from_hours(74)));
        assert_eq!(parse(b"7ms"), Some(Duration::from_millis(7)));
    }

    #[test]
    fn parse_rejects_invalid_and_implausible_durations() {
        for text in ["", "<NEVER>", "5", "s", "5x", "-1s", "99999999999999999999d", "18446744073709551615d"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"20778d21h"), None, "3.0.0 reports the age of TCP sessions since 1970");
    }

    proptest! {
        #[test]
        fn parse_never_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&bytes);
        }
    }
}
