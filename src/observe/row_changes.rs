//! The rows that differ between two consecutive samples. [`crate::observe::changes`] finds them.

/// The field of a row that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangedField {
    /// The status.
    Status,
    /// The session limit.
    Limit,
    /// The weight.
    Weight,
}

/// A change of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChangedRow {
    /// Index of the row in the earlier sample.
    pub(crate) earlier: u32,
    /// Index of the row in the later sample.
    pub(crate) index: u32,
    pub(crate) field: ChangedField,
}

/// The changes of all rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowChanges {
    /// Sequence number of the earlier sample.
    pub(crate) since: u64,
    pub(crate) list: Vec<ChangedRow>,
    /// Number of rows that only the later sample contains.
    pub(crate) added: usize,
    /// Indexes in the later sample of the first of these rows, as many as an event names.
    pub(crate) first_added: Vec<u32>,
    /// Number of rows that only the earlier sample contains.
    pub(crate) removed: usize,
    /// Indexes in the earlier sample of the first of these rows, as many as an event names.
    pub(crate) first_removed: Vec<u32>,
}
