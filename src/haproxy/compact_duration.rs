//! Durations in HAProxy's compact notation: `0s`, `1m5s`, `2h10m`, `20778d21h`.

use std::time::Duration;

/// Durations from here on are rejected. 3.0.0 reports the age of a TCP session since 1970 (`age=20778d21h`).
const IMPLAUSIBLE: Duration = Duration::from_hours(24 * 10_000);

/// Parses a duration. Returns `None` for an empty text, `<NEVER>`, other text, and durations of 10,000 days or more.
pub fn parse(text: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(text).ok()?;
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|ch: char| ch.is_ascii_digit()).len();
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let unit = rest.len() - rest.trim_start_matches(|ch: char| ch.is_ascii_alphabetic()).len();
        let part = match rest.get(..unit)? {
            "d" => Duration::from_secs(number.checked_mul(86_400)?),
            "h" => Duration::from_secs(number.checked_mul(3_600)?),
            "m" => Duration::from_secs(number.checked_mul(60)?),
            "s" => Duration::from_secs(number),
            "ms" => Duration::from_millis(number),
            "us" => Duration::from_micros(number),
            _ => return None,
        };
        sum = sum.checked_add(part)?;
        rest = rest.get(unit..)?;
    }
    (!text.is_empty() && sum < IMPLAUSIBLE).then_some(sum)
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
        assert_eq!(parse(b"20778d21h"), None, "3.0.0 counts TCP sessions from 1970");
    }

    proptest! {
        #[test]
        fn parse_never_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&bytes);
        }
    }
}
