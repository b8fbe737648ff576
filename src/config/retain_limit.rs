//! Limits on what is kept: an age such as `7d`, or a size such as `2G`.

use std::time::Duration;

use thiserror::Error;

use crate::config::duration;
use crate::haproxy::safe_text::SafeText;

/// A limit on what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetainLimit {
    /// Keep what is at most this old.
    Age(Duration),
    /// Keep at most this number of bytes.
    Size(u64),
}

/// The error for an invalid limit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "\"{text}\" is neither an age nor a size: use a number and h, d or w, such as 36h, 7d or 4w, or a number and capital \
     M, G or T, such as 500M or 2G"
)]
pub struct BadRetainLimit {
    text: SafeText,
}

/// Units of sizes, with the power of 1024.
const SIZE_UNITS: [(&str, u32); 3] = [("M", 2), ("G", 3), ("T", 4)];

impl RetainLimit {
    /// Parses an age in hours, days or weeks, such as `36h`, `7d` or `1d12h`, or a size in units of 1024: `500M`, `2G`,
    /// `1T`, also written `2GB` or `2GiB`. Minutes are rejected, so that `500m` cannot be mistaken for `500M`.
    ///
    /// # Errors
    /// Returns an error if `text` has another form or is zero.
    pub fn parse(text: &str) -> Result<Self, BadRetainLimit> {
        parse_size(text)
            .map(Self::Size)
            .or_else(|| parse_age(text).map(Self::Age))
            .ok_or_else(|| BadRetainLimit { text: text.into() })
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let text = text.strip_suffix('B').map_or(text, |text| text.strip_suffix('i').unwrap_or(text));
    let (digits, power) = SIZE_UNITS.iter().find_map(|(unit, power)| Some((text.strip_suffix(unit)?, *power)))?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse::<u64>().ok().filter(|number| is_number && *number > 0)?;
    number.checked_mul(1024_u64.pow(power))
}

fn parse_age(text: &str) -> Option<Duration> {
    let has_only_long_units = text.bytes().all(|byte| byte.is_ascii_digit() || b"hdw".contains(&byte));
    let age = duration::parse_with_unit(text).filter(|_| has_only_long_units)?;
    (age > Duration::ZERO).then_some(age)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parse_reads_ages() {
        for (text, hours) in [("36h", 36), ("7d", 168), ("4w", 672), ("1d12h", 36), ("400d", 9600)] {
            assert_eq!(RetainLimit::parse(text), Ok(RetainLimit::Age(Duration::from_hours(hours))), "{text}");
        }
    }

    #[test]
    fn parse_reads_sizes_in_units_of_1024() {
        for (text, mebibytes) in [("500M", 500), ("2G", 2048), ("2GB", 2048), ("2GiB", 2048), ("1T", 1 << 20)] {
            assert_eq!(RetainLimit::parse(text), Ok(RetainLimit::Size(mebibytes << 20)), "{text}");
        }
    }

    #[test]
    fn parse_rejects_other_limits_with_examples() {
        for text in [
            "",
            "7",
            "0d",
            "0G",
            "500m",
            "2g",
            "7D",
            "-7d",
            "+2G",
            "1.5G",
            "7 d",
            "7d,2G",
            "2Gi",
            "G",
            "d",
            "2K",
            "1mo",
            "99999999999999T",
            "99999999999999999999d",
            "B",
            "iB",
            "2iB",
            "forever",
        ] {
            let error = RetainLimit::parse(text).expect_err(text).to_string();
            let start = format!("\"{text}\" is neither an age nor a size: use a number and h, d or w, such as 36h, 7d");
            assert!(error.starts_with(&start), "{error}");
        }
        assert!(RetainLimit::parse("\u{1b}[2J").unwrap_err().to_string().starts_with(r#""\x1b[2J" is"#));
    }

    proptest! {
        #[test]
        fn parse_never_panics_on_any_text(text in "\\PC{0,16}") {
            let _ = RetainLimit::parse(&text);
        }

        #[test]
        fn parse_reads_back_every_number(number in 1u64..100_000) {
            let days = Duration::from_hours(24) * u32::try_from(number).unwrap();
            prop_assert_eq!(RetainLimit::parse(&format!("{number}d")), Ok(RetainLimit::Age(days)));
            prop_assert_eq!(RetainLimit::parse(&format!("{number}G")), Ok(RetainLimit::Size(number << 30)));
        }
    }
}
