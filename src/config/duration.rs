//! Lengths of time as people write them in a configuration or on a command line: `45s`, `5m`, `1h`.

use std::time::Duration;

use thiserror::Error;

use crate::haproxy::safe_text::SafeText;

/// Nothing here waits longer; and a deadline so far ahead can still be computed.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// Nobody needs samples faster than that, and no HAProxy does.
pub const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
const LONGEST_INTERVAL: Duration = Duration::from_hours(24);

/// Why a text is no interval.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("\"{text}\" is no number of seconds from 0.1 to 86400, such as 2 or 0.5")]
pub struct BadInterval {
    text: SafeText,
}

/// Reads a number of seconds between two samples: `2`, `0.5`.
///
/// # Errors
/// When it is anything else, too short or too long.
pub fn interval(text: &str) -> Result<Duration, BadInterval> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let allowed = SHORTEST_INTERVAL..=LONGEST_INTERVAL;
    time.filter(|time| allowed.contains(time)).ok_or_else(|| BadInterval { text: text.into() })
}

/// Why a text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("\"{text}\" is no length of time: write a number and s, m or h, such as 45s, 5m or 1h; 8760h at most")]
pub struct BadDuration {
    text: SafeText,
}

/// Reads a whole number followed by `s`, `m` or `h`; a number alone counts seconds.
///
/// # Errors
/// When it is anything else, or longer than a year.
pub fn parse(text: &str) -> Result<Duration, BadDuration> {
    let unit = match text.as_bytes().last() {
        Some(b's') => Some(1),
        Some(b'm') => Some(60),
        Some(b'h') => Some(3600),
        _ => None,
    };
    // The unit is one byte, so this does not part a character.
    let digits = if unit.is_some() { &text[..text.len() - 1] } else { text };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse::<u64>().ok().filter(|_| is_number);
    let sum = number.and_then(|number| number.checked_mul(unit.unwrap_or(1))).map(Duration::from_secs);
    sum.filter(|sum| *sum <= LONGEST).ok_or_else(|| BadDuration { text: text.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_and_a_unit_make_a_length_of_time() {
        for (text, seconds) in [("45s", 45), ("5m", 300), ("1h", 3600), ("300", 300), ("0", 0), ("8760h", 31_536_000)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_told_with_examples() {
        for text in ["", "s", "m5", "5 m", " 5m", "1.5h", "-1s", "+1s", "1d", "1h30m", "soon", "8761h", "5µ"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert!(parse("99999999999999999999").is_err() && parse("18446744073709551615h").is_err());
        let told = parse("so\u{1b}on").unwrap_err().to_string();
        assert!(told.starts_with(r#""so\x1bon" is no length of time: write a number"#), "{told}");
    }

    #[test]
    fn an_interval_is_a_number_of_seconds_within_limits() {
        assert_eq!(interval("2"), Ok(Duration::from_secs(2)));
        assert_eq!(interval("0.1"), Ok(SHORTEST_INTERVAL));
        for bad in ["0", "0.01", "-1", "nan", "inf", "1e9", "soon", "", "2s"] {
            assert!(interval(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in ".{0,12}") {
            let _ = interval(&text);
            let _ = parse(&text);
        }

        #[test]
        fn minutes_are_sixty_seconds(minutes in 0u64..500_000) {
            prop_assert_eq!(parse(&format!("{minutes}m")), parse(&(minutes * 60).to_string()));
        }
    }
}
