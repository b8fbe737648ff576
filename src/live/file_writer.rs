//! A thread that writes files, so that a full or slow disk does not block the screen.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

/// A line to append to a file.
#[derive(Debug)]
pub(crate) enum FileLine {
    /// For the event log.
    Event(String),
    /// For the command history.
    Command(String),
}

/// The files to write; `None` for a file that is not wanted.
#[derive(Debug, Default)]
pub(crate) struct OutputFiles {
    /// Event log.
    pub(crate) event_log: Option<File>,
    /// Path of the command history. The file is created with the first line.
    pub(crate) command_history: Option<PathBuf>,
}

/// Names of the files in messages.
const EVENT_LOG: &str = "event log";
const COMMAND_HISTORY: &str = "command history";

/// Capacity of the queue in lines. Lines are dropped while the queue is full.
pub(crate) const QUEUE_CAPACITY: usize = 10_000;

/// Starts the thread and returns the queue for lines. `report_failure` is called once for each file that cannot be
/// written, with the message for the operator.
///
/// # Errors
/// Returns an error if the thread cannot be started.
pub(crate) fn start(
    mut files: OutputFiles,
    report_failure: impl Fn(String) + Send + 'static,
) -> io::Result<mpsc::SyncSender<FileLine>> {
    let (sender, lines) = mpsc::sync_channel(QUEUE_CAPACITY);
    thread::Builder::new().name("files".to_owned()).spawn(move || {
        for line in lines {
            let outcome = match line {
                FileLine::Event(line) => {
                    write_line(files.event_log.as_mut(), &line).map_err(|error| (EVENT_LOG, error))
                }
                FileLine::Command(line) => {
                    append_line(files.command_history.as_deref(), &line).map_err(|error| (COMMAND_HISTORY, error))
                }
            };
            if let Err((file, error)) = outcome {
                match file {
                    COMMAND_HISTORY => files.command_history = None,
                    _ => files.event_log = None,
                }
                report_failure(format!("cannot write the {file}, stopped saving it: {error}"));
            }
        }
    })?;
    Ok(sender)
}

fn write_line(file: Option<&mut File>, line: &str) -> io::Result<()> {
    file.map_or(Ok(()), |file| file.write_all(format!("{line}\n").as_bytes()))
}

fn append_line(path: Option<&Path>, line: &str) -> io::Result<()> {
    let Some(path) = path else { return Ok(()) };
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    write_line(Some(&mut open_for_append(path)?), line)
}

/// Opens a file for appending. A new file is readable only by its owner.
///
/// # Errors
/// Returns an error if the file cannot be opened or created.
pub(crate) fn open_for_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Returns the last `count` lines of a file, or no lines if the file cannot be read. Lines with control characters and
/// empty lines are skipped.
pub(crate) fn read_last_lines(path: &Path, count: usize) -> Vec<String> {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.is_empty() && !line.chars().any(char::is_control)).collect();
    lines[lines.len().saturating_sub(count)..].iter().map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn queue_rejects_lines_when_disk_is_blocked() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let log = Some(File::from(std::os::fd::OwnedFd::from(writer)));
        let sender = start(OutputFiles { event_log: log, command_history: None }, |reason| panic!("{reason}")).unwrap();
        let line = "x".repeat(100);
        let accepted =
            (0..3 * QUEUE_CAPACITY).take_while(|_| sender.try_send(FileLine::Event(line.clone())).is_ok()).count();
        assert!((QUEUE_CAPACITY..2 * QUEUE_CAPACITY).contains(&accepted), "{accepted}");
        drop(sender);
        let mut written = String::new();
        std::io::Read::read_to_string(&mut reader, &mut written).unwrap();
        assert_eq!(written.lines().count(), accepted, "every accepted line is written in the end");
    }

    #[test]
    fn append_line_creates_file_readable_only_by_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/hapulse/typed");
        assert_eq!(read_last_lines(&path, 5), [""; 0]);
        for line in ["show info", "show stat", "help"] {
            append_line(Some(&path), line).unwrap();
        }
        assert_eq!(read_last_lines(&path, 2), ["show stat", "help"]);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        std::fs::write(&path, "good\nbad\u{1b}[31m\n").unwrap();
        assert_eq!(read_last_lines(&path, 5), ["good"], "lines with control characters are skipped");
    }
}
