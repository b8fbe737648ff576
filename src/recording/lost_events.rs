//! Damaged records that contained events, or may have contained some.

/// A place at which events are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LostEvents {
    /// A record of events.
    Record {
        /// Index of the shard.
        shard: usize,
        /// Time of its first event, in nanoseconds of the recorder's clock.
        at: u64,
    },
    /// A record of a snapshot about which nothing is known.
    Any,
}
