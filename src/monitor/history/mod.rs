//! The past: every sample, compressed, within a fixed number of bytes.
//!
//! Time is cut into blocks of [`block::LENGTH`] samples. The newest block grows: it holds one log per row, in which
//! a sample costs nothing while nothing changes and a few bytes when it does ([`row_log`]). A full block is packed a
//! few rows at a time ([`sealed`], [`packed`]): column by column, each told by the columns before it where it can be,
//! else as [`bits`]. One row is read without touching any other.
//!
//! What else a sample was is kept where it changes: who the rows are and which process it was ([`frames`]), the lines
//! of `show info` ([`info_log`]), the texts of rows ([`texts`]). Ages are kept as the second they count from
//! ([`ages`]). So any sample can be had back whole ([`store::History::moment`]), as it was taken but for ages, which
//! are known to within a second.
//!
//! When the budget is used up the oldest block goes, so the window gets shorter: the screen says how long it is.

pub mod ages;
pub mod bits;
pub mod block;
pub mod frames;
pub mod info_log;
pub mod open;
pub mod packed;
pub mod row_log;
pub mod sealed;
pub mod segments;
pub mod store;
pub mod texts;

#[cfg(test)]
mod anything;
