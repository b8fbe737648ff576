//! Parts of the view of requests: tabs, a summary, the table, and the largest clients and URLs below.

use crate::app::layout::Area;

/// Minimum height of the body from which the largest clients and URLs are shown.
const MIN_TOPS_BODY: u16 = 16;
/// Minimum height of the body from which the figures of all requests may take two lines.
const MIN_SUMMARY_BODY: u16 = 12;
/// Width from which one line is enough for them.
const WIDE: u16 = 150;
/// Number of lines of the largest clients and URLs, with a blank one before.
const TOPS: u16 = 4;

/// Parts of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestAreas {
    /// The line of tabs.
    pub(crate) tabs: Area,
    /// One or two lines with the figures of all requests.
    pub(crate) summary: Area,
    /// The heading and the rows.
    pub(crate) rows: Area,
    /// The largest clients and URLs, and the state of the log; may be empty.
    pub(crate) tops: Area,
}

impl RequestAreas {
    /// Divides the body.
    pub(crate) fn new(body: Area) -> Self {
        let tops = if body.height < MIN_TOPS_BODY { 0 } else { TOPS };
        let summary = if body.width < WIDE && body.height >= MIN_SUMMARY_BODY { 2 } else { 1 };
        let height = body.height.saturating_sub(1 + summary + tops);
        Self {
            tabs: body.rows(0, 1),
            summary: body.rows(1, summary),
            rows: body.rows(1 + summary, height),
            tops: body.rows(1 + summary + height, tops),
        }
    }

    /// Returns the number of rows that are visible.
    pub(crate) fn visible_rows(&self) -> usize {
        usize::from(self.rows.height.saturating_sub(1))
    }
}
