//! The debug log: connections, timings, read errors, state changes and frames, for bug reports.
//!
//! The log is off unless `--debug-log` or `HAPULSE_DEBUG` names a file. Runtime API commands are logged without their
//! arguments, and strings from HAProxy only as [`SafeText`](crate::haproxy::safe_text::SafeText).

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use anyhow::anyhow;
use tracing::Level;

use crate::config::own_file::LogFile;
use crate::config::search_paths::DEBUG_VARIABLE;
use crate::haproxy::safe_text::SafeText;

/// The first error of writing to the log, which cannot be reported while the dashboard has the terminal.
static WRITE_ERROR: OnceLock<String> = OnceLock::new();

/// Starts the debug log in the file that `flag` or else the environment variable names. Does nothing if neither is set.
///
/// # Errors
/// Returns an error if the file cannot be opened for appending.
pub(super) fn start(flag: Option<&Path>) -> anyhow::Result<()> {
    let variable = std::env::var_os(DEBUG_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let Some(path) = flag.or(variable.as_deref()) else { return Ok(()) };
    let shown = SafeText::from(path);
    let file = LogFile::open(path).map_err(|error| {
        anyhow!(
            "cannot write the debug log to {shown}: {error}; name a file in a directory that this user can write to, with \
             --debug-log or {DEBUG_VARIABLE}"
        )
    })?;
    let writer = Mutex::new(DebugWriter { file, shown });
    let log = tracing_subscriber::fmt().with_writer(writer).with_ansi(false).log_internal_errors(false);
    log.with_max_level(Level::TRACE).init();
    tracing::debug!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), "start");
    Ok(())
}

/// Prints a message if a part of the log could not be written.
pub(super) fn report_write_error() {
    if let Some(error) = WRITE_ERROR.get() {
        eprintln!("hapulse: {error}");
    }
}

/// Writes to the log, and keeps the first error.
struct DebugWriter {
    file: LogFile,
    shown: SafeText,
}

impl Write for DebugWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        if let Err(error) = &written {
            WRITE_ERROR.get_or_init(|| format!("the debug log {} is incomplete: {error}", self.shown));
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
