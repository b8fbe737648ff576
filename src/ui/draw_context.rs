//! The context of a frame: the data that all panes and overlays draw from.

use std::time::{Duration, SystemTime};

use crate::app::instance_view::InstanceView;
use crate::app::layout::Layout;
use crate::app::model::Model;
use crate::observe::instance_id::InstanceId;
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

    /// Returns the name of an instance: the configured one, or that of HAProxy itself, or the address.
    pub(crate) fn display_name(&self, instance: &'a InstanceView) -> &'a str {
        instance.names().display_name(self.model.instances.iter().map(InstanceView::names))
    }

    /// Returns the context with another instance, or `None` if there is no such instance.
    pub(crate) fn for_instance(&self, id: InstanceId) -> Option<Self> {
        Some(Self { instance: self.model.instance_by_id(id)?, ..*self })
    }
}
