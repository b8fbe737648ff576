//! The age of a request: the time since it ended, which is when HAProxy wrote its line.

use jiff::tz::TimeZone;

use crate::logs::log_date::DateReader;
use crate::logs::request::{Phase, Request};

/// Maximum time in milliseconds by which a line may be from the future, because clocks are rounded and may be set.
const MAX_FUTURE: i64 = 5_000;
/// Maximum time in milliseconds between the end of a request and the reading of its line, in another time zone.
const MAX_DELAY: i64 = 30_000;
/// Offsets of time zones are multiples of this time in milliseconds.
const ZONE_STEP: i64 = 15 * 60_000;

/// Finds out how long ago requests ended.
#[derive(Debug)]
pub(crate) struct RequestTimes {
    dates: DateReader,
    /// Age in milliseconds from which a request is old.
    max_age: u32,
}

/// The age of a request, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestAge {
    /// Recent.
    Recent(u32),
    /// At least the maximum.
    Old,
    /// The line has no time, or one in the future.
    Unknown,
}

impl RequestTimes {
    /// Creates a reader of times, which are local in this zone unless they have an offset. `max_age` in milliseconds is the age
    /// from which a request is old.
    pub(crate) fn new(zone: TimeZone, max_age: u32) -> Self {
        Self { dates: DateReader::new(zone), max_age }
    }

    /// Returns the age of a request at `now`, in milliseconds since 1970.
    pub(crate) fn age(&mut self, request: &Request<'_>, now: i64) -> RequestAge {
        self.millis(request, now).map_or(RequestAge::Unknown, |age| self.classify(age))
    }

    /// Returns the age of a request whose line has just been written. If its time is unknown, it is new. A time that is wrong by
    /// the offset of a time zone is corrected.
    pub(crate) fn live_age(&mut self, request: &Request<'_>, now: i64) -> RequestAge {
        let Some(age) = self.millis(request, now) else { return RequestAge::Recent(0) };
        match self.classify(age) {
            RequestAge::Old => {
                let beyond = (age + MAX_FUTURE).rem_euclid(ZONE_STEP) - MAX_FUTURE;
                if beyond <= MAX_DELAY { self.classify(beyond) } else { RequestAge::Old }
            }
            RequestAge::Unknown => RequestAge::Recent(0),
            recent @ RequestAge::Recent(_) => recent,
        }
    }

    fn millis(&mut self, request: &Request<'_>, now: i64) -> Option<i64> {
        let start = self.dates.read(request.date)?;
        Some(now - start - i64::from(request.time(Phase::Total).unwrap_or(0)))
    }

    fn classify(&self, age: i64) -> RequestAge {
        match u32::try_from(age.max(0)) {
            _ if age < -MAX_FUTURE => RequestAge::Unknown,
            Ok(age) if age < self.max_age => RequestAge::Recent(age),
            _ => RequestAge::Old,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::line_reader::LineReader;

    #[test]
    fn age_is_that_of_the_end_of_the_request() {
        let mut times = RequestTimes::new(TimeZone::UTC, 600_000);
        let mut reader = LineReader::new(["%ci [%tr] %ST %Tr %Ta", "%ci %ST %Tr"]).unwrap();
        let now = "2026-11-29T07:12:48.000Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let mut ages = |line: &str| {
            let request = reader.read(line.as_bytes()).unwrap();
            [times.age(&request, now), times.live_age(&request, now)]
        };
        let at = |time: &str| format!("10.0.0.1 [29/Nov/2026:{time}] 200 5 2000");
        assert_eq!(ages(&at("07:12:38.000")), [RequestAge::Recent(8000); 2]);
        assert_eq!(ages(&at("07:12:47.000")), [RequestAge::Recent(0); 2], "clocks are not exact");
        assert_eq!(ages("10.0.0.1 200 5"), [RequestAge::Unknown, RequestAge::Recent(0)]);
        // Time zones in the west, and in the east.
        assert_eq!(ages(&at("06:12:45.000")), [RequestAge::Old, RequestAge::Recent(1000)]);
        assert_eq!(ages(&at("08:12:45.000")), [RequestAge::Unknown, RequestAge::Recent(0)]);
        // A line of an old file is old however late it appears.
        assert_eq!(ages(&at("06:05:00.000")), [RequestAge::Old; 2]);
    }
}
