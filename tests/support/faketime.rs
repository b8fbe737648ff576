//! The wall clock of one process, changed by libfaketime.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const LIBRARIES: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"];

/// Returns the library that changes the clock, if it is installed.
pub fn library() -> Option<&'static str> {
    LIBRARIES.into_iter().find(|path| Path::new(path).exists())
}

/// A clock in a file, which processes read again and again.
#[derive(Debug, Clone)]
pub struct FakeClock(PathBuf);

impl FakeClock {
    /// Creates a clock in this folder that shows the true time.
    pub fn new(folder: &Path) -> Self {
        let clock = Self(folder.join("clock"));
        clock.set(0);
        clock
    }

    /// Sets the clock forward by this number of seconds from the true time, or back.
    pub fn set(&self, seconds: i64) {
        // A process must not read a half-written file.
        let new = self.0.with_extension("new");
        fs::write(&new, format!("{seconds:+}\n")).unwrap();
        fs::rename(new, &self.0).unwrap();
    }

    /// Makes a command use this clock; without the library, it uses the true time.
    pub fn apply_to(&self, command: &mut Command) {
        if let Some(library) = library() {
            command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &self.0);
            command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
            command.env("DONT_FAKE_MONOTONIC", "1");
        }
    }
}
