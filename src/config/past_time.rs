//! Times in the past as people write them: `02:13`, `3m ago`, `1h30m`, `yesterday 08:00`, `2026-11-29 02:13:07`.
//!
//! This is the only parser of such times. It reads no clock: the caller passes the current time with its time zone.
//!
//! A time without a date is the last such time. When clocks are set back, an hour occurs twice: the later occurrence is
//! meant, unless it is in the future. When clocks are set forward, an hour is skipped: a time in it is as much later as the
//! clocks were set forward (`02:30` is `03:30`), as in RFC 5545. RFC 3339 times with an offset are never ambiguous.

use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::tz::AmbiguousOffset;
use jiff::{SignedDuration, Timestamp, Zoned};
use thiserror::Error;

use crate::config::duration;
use crate::haproxy::safe_text::SafeText;

/// A time that is not later than now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PastTime {
    /// This long before now.
    Ago(Duration),
    /// This time of the wall clock.
    At(Timestamp),
}

/// The error for a text that is not a time in the past.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum PastTimeError {
    /// The text is empty.
    #[error("a time is missing; examples: {EXAMPLES}")]
    Missing,
    /// Not a time.
    #[error("\"{0}\" is not a time; examples: {EXAMPLES}")]
    NotATime(SafeText),
    /// Later than now.
    #[error("\"{0}\" is in the future; examples of past times: {EXAMPLES}")]
    Future(SafeText),
    /// Before 1970.
    #[error("\"{0}\" is before 1970; examples: {EXAMPLES}")]
    TooEarly(SafeText),
}

/// Time within which a time of day is the next one and not the last one, at the end of a span.
const MAX_WAIT: SignedDuration = SignedDuration::from_hours(12);

/// Examples of accepted times, for error messages.
const EXAMPLES: &str = "02:13, 02:13:07, 3m ago, 1h30m, yesterday 08:00, 2026-11-29 02:13:07";

impl PastTime {
    /// Parses a time. `now` is the current time in the zone of times without an offset.
    ///
    /// | text | meaning |
    /// |---|---|
    /// | `10m`, `1h30m`, `7d`, `3m ago`, `-90s` | this long before now |
    /// | `now` | now |
    /// | `02:13`, `02:13:07` | the last such time: today or yesterday |
    /// | `today 02:13`, `yesterday 08:00`, `2026-11-29 02:13`, `2026-11-29T02:13:07` | this time on that day |
    /// | `today`, `yesterday`, `2026-11-29` | the beginning of that day |
    /// | `2026-11-29T02:13:07Z`, `2026-11-29T02:13:07+01:00` | this time (RFC 3339) |
    ///
    /// # Errors
    /// Returns an error if the text is not a time, or if the time is in the future or before 1970.
    pub(crate) fn parse(text: &str, now: &Zoned) -> Result<Self, PastTimeError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(PastTimeError::Missing);
        }
        let time = match parse_ago(text) {
            Some(ago) => Self::Ago(ago),
            None => Self::At(parse_clock_time(text, now).ok_or_else(|| PastTimeError::NotATime(text.into()))?),
        };
        match time.timestamp(now.timestamp()) {
            Some(at) if at > now.timestamp() => Err(PastTimeError::Future(text.into())),
            Some(at) if at >= Timestamp::UNIX_EPOCH => Ok(time),
            _ => Err(PastTimeError::TooEarly(text.into())),
        }
    }

    /// Parses the end of a span that starts at `start`. A time of day that comes within [`MAX_WAIT`] means now, as in a span from
    /// 02:10 to 02:40 that is asked for at 02:30.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(crate) fn parse_end(text: &str, start: Timestamp, now: &Zoned) -> Result<Self, PastTimeError> {
        let end = Self::parse(text, now)?;
        let is_before_start = end.end_of_printed_unit(now.timestamp()).is_some_and(|at| at < start);
        let is_soon = || {
            let next =
                end.timestamp(now.timestamp()).and_then(|at| at.checked_add(SignedDuration::from_hours(24)).ok());
            next.is_some_and(|next| next <= now.timestamp() + MAX_WAIT)
        };
        let is_now = is_before_start && parse_time_of_day(text).is_some() && is_soon();
        Ok(if is_now { Self::Ago(Duration::ZERO) } else { end })
    }

    /// Returns the last moment that is printed like this time: a time without a fraction means its whole second, and one with
    /// three digits, as in JSON, its whole millisecond. Returns `None` if the calendar does not reach back that far.
    pub(crate) fn end_of_printed_unit(self, now: Timestamp) -> Option<Timestamp> {
        let at = self.timestamp(now)?;
        let unit = match (self, at.subsec_nanosecond()) {
            (Self::At(_), 0) => 1_000_000_000,
            (Self::At(_), nanos) if nanos % 1_000_000 == 0 => 1_000_000,
            _ => 1,
        };
        at.checked_add(SignedDuration::from_nanos(unit - 1)).ok()
    }

    /// Returns the time of the wall clock, or `None` if the calendar does not reach back that far.
    pub(crate) fn timestamp(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Ago(ago) => now.checked_sub(SignedDuration::try_from(ago).ok()?).ok(),
            Self::At(at) => Some(at),
        }
    }
}

/// Parses `now`, `10m`, `1h30m`, `-90s` or `3m ago`. A sign is accepted only without `ago`.
fn parse_ago(text: &str) -> Option<Duration> {
    if text.eq_ignore_ascii_case("now") {
        return Some(Duration::ZERO);
    }
    let text = text.strip_suffix("ago").map_or_else(|| text.strip_prefix('-').unwrap_or(text), str::trim);
    duration::parse_with_unit(text)
}

/// Parses a time of day, a day, a day with a time of day, or a time with an offset.
fn parse_clock_time(text: &str, now: &Zoned) -> Option<Timestamp> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp);
    }
    if let Some(time) = parse_time_of_day(text) {
        let today = on_day(now.date(), time, now)?;
        return if today <= now.timestamp() { Some(today) } else { on_day(now.date().yesterday().ok()?, time, now) };
    }
    // Only a date may be followed by `T`: `today` contains this letter.
    let is_date = text.starts_with(|ch: char| ch.is_ascii_digit());
    let separator = |ch: char| ch == ' ' || is_date && ch.eq_ignore_ascii_case(&'t');
    let (day, time) = match text.split_once(separator) {
        Some((day, time)) => (day, parse_time_of_day(time)?),
        None => (text, Time::midnight()),
    };
    let day = parse_day(day, now)?;
    on_day(day, time, now)
}

/// Parses `today`, `yesterday` or `2026-11-29`.
fn parse_day(text: &str, now: &Zoned) -> Option<Date> {
    match text.to_ascii_lowercase().as_str() {
        "today" => Some(now.date()),
        "yesterday" => now.date().yesterday().ok(),
        _ if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => text.parse().ok(),
        _ => None,
    }
}

/// Parses `02:13` or `02:13:07`.
fn parse_time_of_day(text: &str) -> Option<Time> {
    let mut parts = text.trim().split(':').map(|part| match part.len() {
        1 | 2 if part.bytes().all(|byte| byte.is_ascii_digit()) => part.parse::<i8>().ok(),
        _ => None,
    });
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().map_or(Some(0), |second| second)?;
    if parts.next().is_some() {
        return None;
    }
    Time::new(hour, minute, second, 0).ok()
}

/// Returns the time of day on a day in the zone of `now`. The head of this file describes times that occur twice or never.
fn on_day(day: Date, time: Time, now: &Zoned) -> Option<Timestamp> {
    let ambiguous = now.time_zone().to_ambiguous_timestamp(day.to_datetime(time));
    if !matches!(ambiguous.offset(), AmbiguousOffset::Fold { .. }) {
        return ambiguous.compatible().ok();
    }
    let later = ambiguous.later().ok().filter(|at| *at <= now.timestamp());
    later.or_else(|| ambiguous.earlier().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    /// Central European time, without the time zone files of the system.
    fn central_europe() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    /// Parses a time at `now` in `zone`. Returns the time with its offset, or the error.
    fn parsed_at(text: &str, now: &str, zone: &TimeZone) -> String {
        let now = now.parse::<Timestamp>().unwrap().to_zoned(zone.clone());
        match PastTime::parse(text, &now) {
            Ok(PastTime::Ago(ago)) => format!("{} s ago", ago.as_secs()),
            Ok(PastTime::At(at)) => at.to_zoned(zone.clone()).strftime("%m-%d %H:%M:%S %:z").to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Parses a time at 2026-11-30 06:20 in a zone one hour east of UTC.
    fn parsed(text: &str) -> String {
        let text = parsed_at(text, "2026-11-30T06:20:00+01:00", &TimeZone::fixed(jiff::tz::offset(1)));
        text.trim_end_matches(" +01:00").to_owned()
    }

    #[test]
    fn parse_reads_time_of_day_as_the_last_one() {
        assert_eq!(parsed("02:13"), "11-30 02:13:00");
        assert_eq!(parsed(" 2:13:30 "), "11-30 02:13:30");
        assert_eq!(parsed("06:20"), "11-30 06:20:00");
        assert_eq!(parsed("23:59"), "11-29 23:59:00", "later than now: yesterday");
        assert_eq!(parsed("yesterday 08:00"), "11-29 08:00:00");
        assert_eq!(parsed("Yesterday 2:13"), "11-29 02:13:00");
        assert_eq!(parsed("today 02:13"), "11-30 02:13:00");
    }

    #[test]
    fn parse_end_reads_time_of_day_that_has_not_come_since_start_as_now() {
        let now: Zoned = "2026-11-30T06:20:00+01:00[+01:00]".parse().unwrap();
        let end = |start: &str, text: &str| {
            let start = PastTime::parse(start, &now).unwrap().timestamp(now.timestamp()).unwrap();
            let end = PastTime::parse_end(text, start, &now).unwrap().timestamp(now.timestamp()).unwrap();
            end.to_zoned(now.time_zone().clone()).strftime("%m-%d %H:%M:%S").to_string()
        };
        assert_eq!(end("06:10", "06:40"), "11-30 06:20:00", "now");
        assert_eq!(end("06:10", "06:15"), "11-30 06:15:00");
        assert_eq!(end("06:10", "06:10"), "11-30 06:10:00", "a span of one second");
        assert_eq!(end("23:00", "01:00"), "11-30 01:00:00", "over midnight");
        assert_eq!(end("06:10", "06:05"), "11-30 06:05:00", "not tomorrow: the wrong order");
        assert_eq!(end("06:10", "yesterday 06:15"), "11-29 06:15:00", "a date says which day is meant");
    }

    #[test]
    fn parse_reads_days_and_dates() {
        assert_eq!(parsed("2026-11-29 02:13"), "11-29 02:13:00");
        assert_eq!(parsed("2026-11-29T02:13:59"), "11-29 02:13:59");
        assert_eq!(parsed("2026-11-29T02:13:00Z"), "11-29 03:13:00", "UTC");
        assert_eq!(parsed("2026-11-29T02:13:00-05:00"), "11-29 08:13:00", "an offset");
        assert_eq!([parsed("today"), parsed("yesterday")], ["11-30 00:00:00", "11-29 00:00:00"]);
        assert_eq!(parsed("2026-11-01"), "11-01 00:00:00");
    }

    #[test]
    fn parse_reads_durations_before_now() {
        for (text, seconds) in [
            ("10m", 600),
            ("90s", 90),
            ("1h30m", 5400),
            ("3m ago", 180),
            ("10 minutes ago", 600),
            ("-2h", 7200),
            ("7d", 604_800),
            ("400d", 34_560_000),
            ("now", 0),
        ] {
            assert_eq!(parsed(text), format!("{seconds} s ago"), "{text}");
        }
    }

    #[test]
    fn end_of_printed_unit_includes_the_whole_second_or_millisecond() {
        let now = "2026-11-30T06:20:00.5Z".parse::<Timestamp>().unwrap();
        let end = |text: &str| {
            let time = PastTime::parse(text, &now.to_zoned(TimeZone::UTC)).unwrap();
            time.end_of_printed_unit(now).unwrap().to_string()
        };
        assert_eq!(end("02:13:07"), "2026-11-30T02:13:07.999999999Z");
        assert_eq!(end("2026-11-30T02:13:07.25Z"), "2026-11-30T02:13:07.250999999Z");
        assert_eq!(end("2026-11-30T02:13:07.2501Z"), "2026-11-30T02:13:07.2501Z");
        assert_eq!(end("1s"), "2026-11-30T06:19:59.5Z");
    }

    #[test]
    fn parse_rejects_other_texts_with_examples() {
        for text in [
            "25:00",
            "2:60",
            "02:13:99",
            "02:13:07:01",
            "10",
            "noon",
            "10 parsecs",
            "2026-13-01 02:13",
            "tomorrow 02:13",
            "02:13x",
            "today at 02:13",
            "yesterday 08:00 ago",
            "ago",
            "-",
            "-10",
            "+5m",
            "--5m",
            "-5m ago",
            "2026-11-29 ",
            "5M",
        ] {
            let error = parsed(text);
            let is_date = text.trim().parse::<Date>().is_ok();
            assert!(is_date || error.starts_with(&format!("\"{text}\" is not a time; examples: 02:13,")), "{error}");
        }
        assert!(parsed("  ").starts_with("a time is missing; examples: 02:13,"));
        assert!(parsed("so\u{1b}on").starts_with(r#""so\x1bon" is not a time"#));
    }

    #[test]
    fn parse_rejects_future_and_times_before_1970_with_examples() {
        for text in ["2027-01-01 00:00", "2026-11-30T06:20:01+01:00", "today 06:21", "2026-12-01"] {
            let error = parsed(text);
            assert!(
                error.starts_with(&format!("\"{text}\" is in the future; examples of past times: 02:13,")),
                "{error}"
            );
        }
        for text in ["1969-12-31 08:00", "30000d", "99999999999d", "-0001-01-01 00:00"] {
            let error = parsed(text);
            assert!(error.starts_with(&format!("\"{text}\" is ")) && error.contains("examples: 02:13,"), "{error}");
        }
        assert!(parsed("30000d").contains("is before 1970"));
    }

    #[test]
    fn parse_reads_repeated_hour_as_later_one_that_is_past() {
        let zone = central_europe();
        // Clocks are set back from 03:00 +02:00 to 02:00 +01:00 at 01:00 UTC.
        assert_eq!(parsed_at("02:30", "2026-10-25T08:00:00+01:00", &zone), "10-25 02:30:00 +01:00");
        assert_eq!(parsed_at("2026-10-25 02:30", "2026-11-30T06:20:00+01:00", &zone), "10-25 02:30:00 +01:00");
        // Between the two occurrences, and before both.
        assert_eq!(parsed_at("02:30", "2026-10-25T02:10:00+01:00", &zone), "10-25 02:30:00 +02:00");
        assert_eq!(parsed_at("02:30", "2026-10-25T02:10:00+02:00", &zone), "10-24 02:30:00 +02:00");
        // An offset selects one of them.
        assert_eq!(parsed_at("2026-10-25T02:30:00+02:00", "2026-11-30T06:20:00+01:00", &zone), "10-25 02:30:00 +02:00");
        // Durations are elapsed time.
        let now = "2026-10-25T04:00:00+01:00".parse::<Timestamp>().unwrap();
        let ago = PastTime::parse("3h", &now.to_zoned(zone.clone())).unwrap().timestamp(now).unwrap();
        assert_eq!(ago.to_zoned(zone).strftime("%H:%M %:z").to_string(), "02:00 +02:00");
    }

    #[test]
    fn parse_moves_skipped_hour_forward() {
        let zone = central_europe();
        // Clocks are set forward from 02:00 to 03:00.
        for text in ["02:30", "2026-03-29 02:30", "today 2:30"] {
            assert_eq!(parsed_at(text, "2026-03-29T09:00:00+02:00", &zone), "03-29 03:30:00 +02:00", "{text}");
        }
        // 02:30 is 03:30, which is not over yet.
        assert_eq!(parsed_at("02:30", "2026-03-29T03:10:00+02:00", &zone), "03-28 02:30:00 +01:00");
        // A zone that skips midnight: the day begins at 01:00.
        let zone = TimeZone::posix("<-04>4<-03>,M9.1.0/0,M4.1.0/0").unwrap();
        assert_eq!(parsed_at("2026-09-06", "2026-09-30T06:00:00-03:00", &zone), "09-06 01:00:00 -03:00");
    }

    fn zones() -> impl Strategy<Value = TimeZone> {
        let zones = ["CET-1CEST,M3.5.0,M10.5.0/3", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "EST5EDT,M3.2.0,M11.1.0"];
        prop_oneof![
            proptest::sample::select(zones.to_vec()).prop_map(|zone| TimeZone::posix(zone).unwrap()),
            (-12i8..=14).prop_map(|hours| TimeZone::fixed(jiff::tz::offset(hours))),
        ]
    }

    fn times() -> impl Strategy<Value = Timestamp> {
        (86_400i64 * 366..4_102_444_800).prop_map(|seconds| Timestamp::from_second(seconds).unwrap())
    }

    proptest! {
        #[test]
        fn parse_never_panics_on_any_text(text in "\\PC{0,24}", now in times(), zone in zones()) {
            let now = now.to_zoned(zone);
            if let Ok(time) = PastTime::parse(&text, &now) {
                prop_assert!(time.timestamp(now.timestamp()).unwrap() <= now.timestamp());
            }
        }

        #[test]
        fn parse_reads_back_formatted_times(at in times(), later in 0i64..86_400 * 400, zone in zones()) {
            let now = (at + SignedDuration::from_secs(later)).to_zoned(zone.clone());
            let zoned = at.to_zoned(zone.clone());
            prop_assert_eq!(PastTime::parse(&at.to_string(), &now), Ok(PastTime::At(at)));
            prop_assert_eq!(PastTime::parse(&zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(), &now), Ok(PastTime::At(at)));
            // Without an offset, the same time or, in a repeated hour, another one with the same clock.
            let clock = zoned.strftime("%Y-%m-%d %H:%M:%S").to_string();
            let read = PastTime::parse(&clock, &now).unwrap().timestamp(now.timestamp()).unwrap();
            prop_assert_eq!(read.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string(), clock);
        }

        #[test]
        fn parse_reads_time_of_day_within_the_last_two_days(
            hour in 0i8..24, minute in 0i8..60, now in times(), zone in zones(),
        ) {
            let now = now.to_zoned(zone);
            let read = PastTime::parse(&format!("{hour:02}:{minute:02}"), &now).unwrap();
            let ago = now.timestamp().duration_since(read.timestamp(now.timestamp()).unwrap());
            prop_assert!(ago >= SignedDuration::ZERO && ago <= SignedDuration::from_hours(26), "{ago:?}");
        }

        #[test]
        fn parse_reads_durations_as_elapsed_time(minutes in 0u64..500_000, now in times(), zone in zones()) {
            let now = now.to_zoned(zone);
            let elapsed = Duration::from_secs(minutes * 60);
            for text in [format!("{minutes}m"), format!("{minutes}m ago"), format!("{}h{}m", minutes / 60, minutes % 60)] {
                prop_assert_eq!(PastTime::parse(&text, &now), Ok(PastTime::Ago(elapsed)), "{}", text);
            }
        }
    }
}
