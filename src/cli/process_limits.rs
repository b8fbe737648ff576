//! Limits of this process: files that it may open, and sizes of files that it may write.

use std::fs::File;

use anyhow::{Context as _, ensure};
use rustix::process::{Resource, getrlimit};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// Number of files that a command with connections to HAProxy opens at least: runtime, signals, terminal, connections.
const MIN_FREE_FILES: usize = 24;
/// Number of the signal SIGXFSZ on Linux, for a file that exceeds the limit of its size.
const SIGXFSZ: i32 = 25;

/// Checks that the process may open as many files as it needs.
///
/// # Errors
/// Returns an error with the limit and what to do.
pub(super) fn require_free_files() -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile).current.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
    ensure!(
        has_free_files(),
        "cannot open {MIN_FREE_FILES} files, which hapulse needs; the limit is {limit}: raise it with ulimit -n"
    );
    Ok(())
}

/// Makes a write beyond the limit of a file's size an error of the write instead of the end of the process. The handler
/// stays installed after the runtime is dropped.
///
/// # Errors
/// Returns an error if the signal cannot be caught.
pub(super) fn catch_file_size_signal() -> anyhow::Result<()> {
    if !has_free_files() {
        // The runtime would not start. Commands that need it report this.
        return Ok(());
    }
    let runtime = Builder::new_current_thread().enable_io().build().context("cannot start the I/O runtime")?;
    let _guard = runtime.enter();
    signal(SignalKind::from_raw(SIGXFSZ)).map(drop).context("cannot catch SIGXFSZ")
}

fn has_free_files() -> bool {
    (0..MIN_FREE_FILES).map(|_| File::open("/dev/null")).collect::<Result<Vec<File>, _>>().is_ok()
}
