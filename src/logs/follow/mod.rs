//! Follows a log file that grows, is rotated and vanishes.
//!
//! [`line_assembler::LineAssembler`] makes lines of bytes in any parts. [`followed_file::FollowedFile`] finds the new bytes:
//! in the file, in the file that was renamed, and in the copy of one that was truncated. [`request_times::RequestTimes`]
//! decides how long ago a request ended.

pub(crate) mod followed_file;
#[cfg(test)]
mod followed_file_tests;
pub(crate) mod line_assembler;
pub(crate) mod request_times;
