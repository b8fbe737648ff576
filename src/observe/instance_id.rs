//! The identity of an instance, and of a row of one of several instances.

use crate::observe::row_ids::RowId;

/// An instance among those that this program watches. Stays the same as long as the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(u16);

impl InstanceId {
    /// The first instance, and the only one of a program that watches one.
    pub const FIRST: Self = Self(0);

    /// Returns the ids of `count` instances, in order.
    pub fn first(count: usize) -> impl Iterator<Item = Self> {
        (0..=u16::MAX).take(count).map(Self)
    }
}

/// A row of one instance. A plain [`RowId`] is used only where the instance is implied, because the value that holds it
/// belongs to one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowRef {
    /// Instance.
    pub instance: InstanceId,
    /// Row of its `show stat`; [`RowId::PROCESS`] for the process.
    pub row: RowId,
}
