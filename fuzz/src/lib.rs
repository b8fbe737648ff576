//! The checks of the fuzz targets, shared with the tests.

#[path = "../../tests/support/fuzzing/mod.rs"]
pub mod fuzzing;
