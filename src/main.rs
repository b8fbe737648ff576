//! The `hapulse` binary: everything is in the library.
fn main() {}
