//! Description of the contents of a snapshot.

use jiff::tz::TimeZone;

use crate::headless::local_time::local_time;
use crate::recording::reader::RecordedRange;
use crate::units::{bytes, pluralize};

/// Contents of a snapshot that was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SnapshotContents {
    /// Number of instances.
    pub(crate) instances: u64,
    /// Number of samples.
    pub(crate) samples: u64,
    /// Times of the first and the last sample.
    pub(crate) times: Option<RecordedRange>,
    /// Size of the file, in bytes.
    pub(crate) bytes: u64,
    /// True if damaged records were left out.
    pub(crate) is_damaged: bool,
}

impl SnapshotContents {
    /// Describes the contents in a line, with local times.
    pub(crate) fn describe(self, zone: &TimeZone) -> String {
        let Self { instances, samples, times, bytes: size, .. } = self;
        let times = times.map(|RecordedRange { first, last }| {
            format!(" from {} to {}", local_time(first.wall, zone), local_time(last.wall, zone))
        });
        let (samples, instances) = (pluralize(samples as i64, "sample"), pluralize(instances as i64, "instance"));
        format!("{samples} of {instances}{}, {}", times.unwrap_or_default(), bytes(size as f64))
    }
}
