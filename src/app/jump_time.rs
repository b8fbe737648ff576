//! Times that are typed after `:jump`: `02:13`, `10m`, `yesterday 08:00`, `2026-11-29 02:13`.

use std::time::Duration;

use jiff::civil::{self, Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _, Zoned};
use thiserror::Error;

/// A typed time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum JumpTime {
    /// This long before now.
    Ago(Duration),
    /// This time of the wall clock.
    At(Timestamp),
}

/// The error for a text that is not a time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum JumpError {
    /// Nothing was typed.
    #[error("jump needs a time, such as {EXAMPLES}")]
    Missing,
    /// Not a time.
    #[error("\"{0}\" is not a time; examples: {EXAMPLES}")]
    NotATime(String),
    /// Later than now.
    #[error("{0} is in the future")]
    Future(String),
}

/// Examples of what is accepted.
const EXAMPLES: &str = "02:13, 02:13:30, 10m (ago), yesterday 08:00, 2026-11-29 02:13";

impl JumpTime {
    /// Parses a typed time. A time of day is the last such time before `now`.
    ///
    /// # Errors
    /// Returns an error if the text is not a time, or if a time with a date is later than now.
    pub(crate) fn parse(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Self, JumpError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(JumpError::Missing);
        }
        let now = now.to_zoned(zone.clone());
        if let Some(ago) = parse_ago(text) {
            return Ok(Self::Ago(ago));
        }
        let at = parse_zoned(text, &now).ok_or_else(|| JumpError::NotATime(text.to_owned()))?;
        if at > now { Err(JumpError::Future(text.to_owned())) } else { Ok(Self::At(at.timestamp())) }
    }
}

/// Parses `10m`, `1h30m`, `-90s` or `10m ago`. A sign is accepted only without `ago`.
fn parse_ago(text: &str) -> Option<Duration> {
    let text = text.strip_suffix("ago").map_or_else(|| text.strip_prefix('-').unwrap_or(text), str::trim);
    if !text.starts_with(|ch: char| ch.is_ascii_digit()) || !text.ends_with(|ch: char| ch.is_ascii_alphabetic()) {
        return None;
    }
    Duration::try_from(text.parse::<SignedDuration>().ok()?).ok()
}

fn parse_zoned(text: &str, now: &Zoned) -> Option<Zoned> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.to_zoned(now.time_zone().clone()));
    }
    let zoned = |date: Date, time: Time| date.to_datetime(time).to_zoned(now.time_zone().clone()).ok();
    let (day, time) = match text.split_once([' ', 'T']) {
        Some((day, time)) => (Some(day), parse_time(time)?),
        None => (None, parse_time(text)?),
    };
    match day.map(str::to_ascii_lowercase).as_deref() {
        None => {
            let today = zoned(now.date(), time)?;
            if today <= *now { Some(today) } else { zoned(now.date().checked_sub(1.day()).ok()?, time) }
        }
        Some("today") => zoned(now.date(), time),
        Some("yesterday") => zoned(now.date().checked_sub(1.day()).ok()?, time),
        Some(day) => zoned(day.parse::<Date>().ok()?, time),
    }
}

/// Parses `02:13` or `02:13:30`.
fn parse_time(text: &str) -> Option<Time> {
    let mut parts = text.trim().split(':').map(|part| match part.len() {
        1 | 2 if part.bytes().all(|byte| byte.is_ascii_digit()) => part.parse::<i8>().ok(),
        _ => None,
    });
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().map_or(Some(0), |second| second)?;
    if parts.next().is_some() {
        return None;
    }
    civil::Time::new(hour, minute, second, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses a time at 2026-11-30 06:20 in a zone one hour east of UTC. Returns the time in that zone.
    fn parsed(text: &str) -> String {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let now = "2026-11-30T06:20:00+01:00".parse::<Timestamp>().unwrap();
        match JumpTime::parse(text, now, &zone) {
            Ok(JumpTime::Ago(ago)) => format!("{} s ago", ago.as_secs()),
            Ok(JumpTime::At(at)) => at.to_zoned(zone).strftime("%m-%d %H:%M:%S").to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn jump_time_parses_times_of_day_as_the_last_one() {
        assert_eq!(parsed("02:13"), "11-30 02:13:00");
        assert_eq!(parsed(" 2:13:30 "), "11-30 02:13:30");
        assert_eq!(parsed("06:20"), "11-30 06:20:00");
        assert_eq!(parsed("23:59"), "11-29 23:59:00", "later than now: yesterday");
        assert_eq!(parsed("yesterday 08:00"), "11-29 08:00:00");
        assert_eq!(parsed("Yesterday 2:13"), "11-29 02:13:00");
        assert_eq!(parsed("today 02:13"), "11-30 02:13:00");
    }

    #[test]
    fn jump_time_parses_dates_and_durations() {
        assert_eq!(parsed("2026-11-29 02:13"), "11-29 02:13:00");
        assert_eq!(parsed("2026-11-29T02:13:59"), "11-29 02:13:59");
        assert_eq!(parsed("2026-11-29T02:13:00Z"), "11-29 03:13:00", "UTC");
        for (text, seconds) in [("10m", 600), ("90s", 90), ("1h30m", 5400), ("10m ago", 600), ("-2h", 7200)] {
            assert_eq!(parsed(text), format!("{seconds} s ago"));
        }
    }

    #[test]
    fn jump_time_explains_what_is_accepted() {
        for text in [
            "25:00",
            "2:60",
            "02:13:99",
            "10",
            "10x",
            "-10",
            "+5m",
            "--5m",
            "-5m ago",
            "noon",
            "10 parsecs",
            "2026-13-01 02:13",
            "tomorrow 02:13",
            "02:13x",
        ] {
            let error = parsed(text);
            assert!(error.starts_with(&format!("\"{text}\" is not a time; examples: 02:13,")), "{error}");
        }
        assert!(parsed("  ").starts_with("jump needs a time, such as 02:13"));
        assert_eq!(parsed("2027-01-01 00:00"), "2027-01-01 00:00 is in the future");
    }
}
