//! The debug log: connections, timings, read errors, state changes and frames, for bug reports.
//!
//! The log is off unless `--debug-log` or `HAPULSE_DEBUG` names a file. Runtime API commands are logged without their
//! arguments, and strings from HAProxy only as [`SafeText`](crate::haproxy::safe_text::SafeText).

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context as _;
use tracing::Level;

use crate::config::search_paths::DEBUG_VARIABLE;
use crate::haproxy::safe_text::SafeText;
use crate::live::file_writer::open_for_append;

/// Starts the debug log in the file that `flag` or else the environment variable names. Does nothing if neither is set.
///
/// # Errors
/// Returns an error if the file cannot be opened for appending.
pub(super) fn start(flag: Option<&Path>) -> anyhow::Result<()> {
    let variable = std::env::var_os(DEBUG_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let Some(path) = flag.or(variable.as_deref()) else { return Ok(()) };
    let file =
        open_for_append(path).with_context(|| format!("cannot write the debug log to {}", SafeText::from(path)))?;
    tracing_subscriber::fmt().with_writer(Mutex::new(file)).with_ansi(false).with_max_level(Level::TRACE).init();
    tracing::debug!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), "start");
    Ok(())
}
