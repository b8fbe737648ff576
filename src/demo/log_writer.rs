//! The file with the log of the simulated `HAProxy`. It is renamed when it is large, so that a demo that runs for long does not
//! fill the disk.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::demo::socket_directory::{LOG_NAME, OLD_LOG_NAME};

/// Size in bytes from which the file is renamed.
const MAX_SIZE: u64 = 8 << 20;

/// Appends lines to the file.
#[derive(Debug)]
pub(crate) struct LogWriter {
    path: PathBuf,
    old: PathBuf,
}

impl LogWriter {
    /// Creates a writer of the log in a directory.
    pub(crate) fn new(directory: &Path) -> Self {
        Self { path: directory.join(LOG_NAME), old: directory.join(OLD_LOG_NAME) }
    }

    /// Returns the path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends lines. Like syslog, it loses them if the file cannot be written.
    pub(crate) fn append(&self, lines: &str) {
        if lines.is_empty() {
            return;
        }
        if fs::metadata(&self.path).is_ok_and(|metadata| metadata.len() > MAX_SIZE) {
            drop(fs::rename(&self.path, &self.old));
        }
        let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path);
        drop(opened.and_then(|mut file| file.write_all(lines.as_bytes())));
    }
}
