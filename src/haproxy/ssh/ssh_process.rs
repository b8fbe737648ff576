//! One running ssh, whose output goes to a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use crate::haproxy::ssh::ssh_launcher;

/// Size from which the output is discarded, in bytes: each refused connection adds a line.
const MAX_OUTPUT: u64 = 64 << 10;
/// Time between two checks of a process.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);
/// Time until a process that does not end after SIGTERM is killed.
const ENDING_TIME: Duration = Duration::from_secs(2);

/// An ssh. Dropping it ends the process.
#[derive(Debug)]
pub(crate) struct SshProcess {
    child: Option<Child>,
    output: PathBuf,
    arguments: Vec<String>,
}

impl SshProcess {
    /// Starts ssh. Its output, also that of errors, goes to the file `output`.
    ///
    /// # Errors
    /// Returns an error if the file cannot be created or the process not be started.
    pub(crate) fn start(output: PathBuf, arguments: Vec<String>) -> io::Result<Self> {
        // Removed first: a process that is just ending may still write to the file.
        let _ = std::fs::remove_file(&output);
        let file = OpenOptions::new().append(true).create_new(true).open(&output)?;
        let mut command = ssh_launcher::command(&arguments);
        let child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn()?;
        Ok(Self { child: Some(child), output, arguments })
    }

    /// Returns whether the process has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// Waits until `is_ready`, or until the process ends or `limit` has passed. Returns whether it is ready.
    pub(crate) async fn wait(&mut self, limit: Duration, is_ready: impl Fn() -> bool) -> bool {
        let end = Instant::now() + limit;
        loop {
            let has_ended = self.has_ended();
            if is_ready() {
                return true;
            }
            if has_ended || Instant::now() >= end {
                return false;
            }
            sleep(CHECK_INTERVAL).await;
        }
    }

    /// Returns the command line as a person would enter it.
    pub(crate) fn command_line(&self) -> String {
        format!("ssh {}", self.arguments.join(" "))
    }

    /// Returns the file with the output.
    pub(crate) fn output(&self) -> &Path {
        &self.output
    }
}

impl Drop for SshProcess {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        let Some(mut child) = self.child.take() else { return };
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        // On SIGTERM, ssh also ends the jump hosts that it started.
        let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
        thread::spawn(move || {
            let end = std::time::Instant::now() + ENDING_TIME;
            while matches!(child.try_wait(), Ok(None)) {
                if std::time::Instant::now() >= end {
                    // Fails only if the process has just ended.
                    let _ = child.kill();
                }
                thread::sleep(CHECK_INTERVAL);
            }
        });
    }
}

/// Returns the present size of an output; discards a large one before.
pub(crate) fn output_position(output: &Path) -> u64 {
    let size = std::fs::metadata(output).map_or(0, |meta| meta.len());
    if size <= MAX_OUTPUT {
        return size;
    }
    let discarded = OpenOptions::new().write(true).open(output).and_then(|file| file.set_len(0));
    discarded.map_or(size, |()| 0)
}

/// Reads an output from a position on.
pub(crate) fn read_output(output: &Path, position: u64) -> String {
    let mut bytes = Vec::new();
    let read = File::open(output).and_then(|mut file| {
        let start = if file.metadata()?.len() < position { 0 } else { position };
        file.seek(SeekFrom::Start(start))?;
        file.take(MAX_OUTPUT).read_to_end(&mut bytes)
    });
    if let Err(error) = read {
        tracing::debug!(%error, "cannot read the output of ssh");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_read_from_position_and_discarded_when_large() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.log");
        assert_eq!((output_position(&path), read_output(&path, 0)), (0, String::new()));
        std::fs::write(&path, "one\ntwo\n").unwrap();
        assert_eq!((output_position(&path), read_output(&path, 4)), (8, "two\n".to_owned()));
        assert_eq!(read_output(&path, 100), "one\ntwo\n", "it was discarded in between");
        std::fs::write(&path, vec![b'x'; MAX_OUTPUT as usize + 1]).unwrap();
        assert_eq!((output_position(&path), read_output(&path, 0)), (0, String::new()));
    }
}
