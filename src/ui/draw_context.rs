//! The context of a frame: the data that all panes and overlays draw from.

use std::time::{Duration, SystemTime};

use crate::app::layout::Layout;
use crate::app::model::{InstanceView, Model};
use crate::observe::sample::Sample;

/// Function that formats a wall clock time in the user's time zone: `03:12:41`.
pub(crate) type FormatTime = fn(SystemTime) -> String;

/// The input of one frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DrawContext<'a> {
    /// State of the screen.
    pub(crate) model: &'a Model,
    /// The instance shown.
    pub(crate) instance: &'a InstanceView,
    /// Layout of the screen.
    pub(crate) layout: &'a Layout,
    /// Function that formats a wall clock time.
    pub(crate) format_time: FormatTime,
    /// Monotonic time at which the frame is drawn.
    pub(crate) now: Duration,
}

impl<'a> DrawContext<'a> {
    /// Returns the sample shown: the newest one or, in playback, an earlier one. `None` before the first sample.
    pub(crate) fn sample(&self) -> Option<&'a Sample> {
        self.instance.data.shown().map(AsRef::as_ref)
    }
}
