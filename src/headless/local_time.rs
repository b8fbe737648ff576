//! Times of the wall clock, as the commands print them.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Returns a time of the wall clock in a time zone, such as `2026-11-29 02:13:07`.
pub(crate) fn local_time(at: SystemTime, zone: &TimeZone) -> String {
    let zoned = Timestamp::try_from(at).map(|at| at.to_zoned(zone.clone()));
    zoned.map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()
}
