//! The time in a log line: `29/Nov/2026:07:12:38.123`, with or without milliseconds and offset.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
/// Length of `29/Nov/2026:07:12`.
const MINUTE_LENGTH: usize = 17;

/// Reads the times of log lines. The minute of the last line is kept, because the next one is mostly the same.
#[derive(Debug)]
pub(crate) struct DateReader {
    zone: TimeZone,
    minute: Vec<u8>,
    at: Option<Timestamp>,
}

impl DateReader {
    /// Creates a reader of times that are local in this zone unless they have an offset.
    pub(crate) fn new(zone: TimeZone) -> Self {
        Self { zone, minute: Vec::new(), at: None }
    }

    /// Returns the time in milliseconds since 1970; `None` if the text is not a time.
    pub(crate) fn read(&mut self, text: &[u8]) -> Option<i64> {
        let (minute, rest) = text.split_at_checked(MINUTE_LENGTH)?;
        let second = digits(rest.strip_prefix(b":")?.get(..2)?)?;
        let rest = rest.get(3..)?;
        let (millis, offset) = match rest.split_first() {
            Some((b'.', rest)) => (digits(rest.get(..3)?)?, rest.get(3..)?),
            _ => (0, rest),
        };
        let start = match offset {
            b"" if self.minute == minute => self.at?,
            b"" => {
                self.minute.clear();
                self.minute.extend_from_slice(minute);
                self.at = self.zone.to_ambiguous_timestamp(parse_minute(minute)?).compatible().ok();
                self.at?
            }
            offset => parse_offset(offset)?.to_timestamp(parse_minute(minute)?).ok()?,
        };
        Some(start.as_millisecond() + i64::from(second) * 1000 + i64::from(millis))
    }
}

/// Returns the length of the time at the beginning of a text; `None` if it is not one.
pub(super) fn length(text: &[u8]) -> Option<usize> {
    const SECOND: usize = MINUTE_LENGTH + 3;
    let has = |place: usize, separators: &[u8]| text.get(place).is_some_and(|byte| separators.contains(byte));
    let is_time =
        has(2, b"/") && has(6, b"/") && has(11, b":") && has(14, b":") && has(17, b":") && text.len() >= SECOND;
    let is_number = |from: usize, count: usize| text.get(from..from + count).is_some_and(|part| digits(part).is_some());
    is_time.then_some(match () {
        () if has(SECOND, b".") && is_number(SECOND + 1, 3) => SECOND + 4,
        () if has(SECOND, b" ") && has(SECOND + 1, b"+-") && is_number(SECOND + 2, 4) => SECOND + 6,
        () => SECOND,
    })
}

fn digits(text: &[u8]) -> Option<i16> {
    text.iter().try_fold(0_i16, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i16::from(byte - b'0')))
}

fn parse_minute(text: &[u8]) -> Option<DateTime> {
    let part = |range: std::ops::Range<usize>| digits(text.get(range)?);
    let month = MONTHS.iter().position(|month| Some(*month) == text.get(3..6))? as i8 + 1;
    let small = |range| Some(part(range)? as i8);
    DateTime::new(part(7..11)?, month, small(0..2)?, small(12..14)?, small(15..17)?, 0, 0).ok()
}

/// Parses ` +0100`.
fn parse_offset(text: &[u8]) -> Option<Offset> {
    let (sign, rest) = match text.strip_prefix(b" ")?.split_first()? {
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = (i32::from(digits(rest.get(..2)?)?), i32::from(digits(rest.get(2..4)?)?));
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_local_unless_they_have_an_offset() {
        let mut reader = DateReader::new(TimeZone::fixed(Offset::constant(1)));
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        assert_eq!(reader.read(b"29/Nov/2026:07:12:38.123"), Some(at("2026-11-29T06:12:38.123Z")));
        assert_eq!(reader.read(b"29/Nov/2026:07:12:39.004"), Some(at("2026-11-29T06:12:39.004Z")), "the same minute");
        assert_eq!(reader.read(b"01/Jan/2027:00:00:00"), Some(at("2026-12-31T23:00:00Z")));
        assert_eq!(reader.read(b"29/Nov/2026:07:12:38 -0230"), Some(at("2026-11-29T09:42:38Z")));
        for text in ["", "29/Nov/2026", "29/Nov/2026:07:12", "29/Abc/2026:07:12:38.123", "31/Feb/2026:07:12:38.123"] {
            assert_eq!(reader.read(text.as_bytes()), None, "{text}");
        }
    }
}
