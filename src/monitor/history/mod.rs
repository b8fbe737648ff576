//! The past: every numeric field of every row, compressed, within a fixed number of bytes.
//!
//! Time is cut into blocks of [`block::LENGTH`] samples. The newest block grows: it holds one log per row, in which
//! a sample costs nothing while nothing changes and a few bytes when it does ([`row_log`]). A full block is packed a
//! few rows at a time ([`packed`]): column by column, each told by the columns before it where it can be, else as
//! [`bits`]. One row is read without touching any other. When the budget is used up the oldest block goes, so the
//! window gets shorter: the screen says how long it is. Ages (`lastchg`, `lastsess`) and identifiers are not kept:
//! they follow from other facts.

pub mod bits;
pub mod block;
pub mod open;
pub mod packed;
pub mod row_log;
pub mod sealed;
pub mod store;
