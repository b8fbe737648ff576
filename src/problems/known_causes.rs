//! The causes that were named before a sample, so that a fault keeps its name while its numbers change.

use std::collections::BTreeSet;

use crate::observe::row_ids::RowId;

/// The rows of the open causes that their own conditions depend on.
#[derive(Debug, Default)]
pub(crate) struct KnownCauses {
    /// Servers that were named for their 5xx responses.
    pub(crate) failing: BTreeSet<RowId>,
    /// Servers that were named for failed connections.
    pub(crate) unreachable: BTreeSet<RowId>,
    /// Servers and backends that were named as slow.
    pub(crate) slow: BTreeSet<RowId>,
}
