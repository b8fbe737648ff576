//! What must hold of any input: the functions that the tests use too.

#[path = "../../tests/support/fuzzing/mod.rs"]
pub mod fuzzing;
