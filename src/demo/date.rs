//! Formats dates and durations as `HAProxy` does. Dates are in UTC.

/// Converts a number of days since 1970-01-01 to year, month and day.
fn year_month_day(days: u64) -> (u64, u64, u64) {
    // The calculation uses years that begin in March, so that the leap day is the last day of a year.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// Formats a time as `20/Nov/2026:11:55:03.453`, with `digits` digits after the decimal point.
pub(crate) fn format_date(seconds: u64, micros: u64, digits: usize) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day) = year_month_day(seconds / 86_400);
    let name = MONTHS[(month as usize + 11) % 12];
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let fraction = format!("{micros:06}");
    let fraction = fraction.get(..digits).unwrap_or_default();
    format!("{day:02}/{name}/{year}:{hour:02}:{minute:02}:{second:02}.{fraction}")
}

/// Formats a duration as in `show sess`: `7s`, `3m12s`, `2h5m`.
pub(crate) fn format_duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        _ => format!("{}h{}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_date_and_duration_match_haproxy() {
        assert_eq!(format_date(0, 0, 3), "01/Jan/1970:00:00:00.000");
        assert_eq!(format_date(1_795_175_703, 453_000, 3), "20/Nov/2026:11:55:03.453");
        assert_eq!(format_date(1_709_164_800, 12, 6), "29/Feb/2024:00:00:00.000012");
        assert_eq!(format_duration(192_000), "3m12s");
    }
}
