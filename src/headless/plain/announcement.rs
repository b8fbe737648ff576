//! A line that announces a change.

use std::collections::BTreeSet;
use std::time::SystemTime;

use crate::observe::row_ids::RowId;

/// A line to print, with the time of the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Announcement {
    /// Time of the change.
    pub(crate) at: SystemTime,
    /// Text without time and name of the instance.
    pub(crate) text: String,
}

/// Changes of rows that a line about a cause covers, with true for a change to a usable state.
pub(crate) type CoveredChanges = BTreeSet<(RowId, bool)>;
