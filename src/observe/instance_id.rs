//! The identity of an instance, and of a row of one of several instances.

use crate::observe::row_ids::RowId;

/// Identifies one of the instances that this program watches, for as long as the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(u16);

impl InstanceId {
    /// The first instance.
    pub const FIRST: Self = Self(0);

    /// All instances together, which no instance has.
    pub(crate) const ALL: Self = Self(u16::MAX);

    /// Returns the ids of `count` instances, in order.
    pub fn first(count: usize) -> impl Iterator<Item = Self> {
        (0..=u16::MAX).take(count).map(Self)
    }
}

/// A row of one instance. A plain [`RowId`] is used only in values that belong to one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowRef {
    /// Instance.
    pub instance: InstanceId,
    /// Row of the `show stat` of this instance, or [`RowId::PROCESS`] for the process.
    pub row: RowId,
}
