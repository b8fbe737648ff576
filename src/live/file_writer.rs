//! A thread that writes files, so that a full or slow disk does not block the screen.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use crate::config::own_file::{self, LogFile, PathChoice};

/// A request to the thread.
#[derive(Debug)]
pub(crate) enum FileLine {
    /// A line for the event log.
    Event(String),
    /// A line for the command history.
    Command(String),
    /// The files were opened again: try those that could not be written.
    Reopen(ReopenedLog),
}

/// Result of opening the event log again.
#[derive(Debug)]
pub(crate) enum ReopenedLog {
    /// Write to this file; `None` for no event log.
    Opened(Option<LogFile>),
    /// It could not be opened: continue to write to the file that is open.
    Unchanged,
}

/// The files to write; `None` for a file that is not wanted.
#[derive(Debug, Default)]
pub(crate) struct OutputFiles {
    /// Event log.
    pub(crate) event_log: Option<LogFile>,
    /// Path of the command history. The file is created with the first line.
    pub(crate) command_history: Option<PathBuf>,
}

/// Names of the files in messages.
const EVENT_LOG: &str = "event log";
const COMMAND_HISTORY: &str = "command history";

/// Capacity of the queue in lines. Lines are dropped while the queue is full.
pub(crate) const QUEUE_CAPACITY: usize = 10_000;
/// Maximum number of bytes read from the end of the command history.
const MAX_HISTORY_BYTES: u64 = 4 << 20;

/// Starts the thread and returns the queue for lines. `report_failure` is called once for each file that cannot be
/// written, with the message for the operator.
///
/// # Errors
/// Returns an error if the thread cannot be started.
pub(crate) fn start(
    files: OutputFiles,
    report_failure: impl Fn(String) + Send + 'static,
) -> io::Result<mpsc::SyncSender<FileLine>> {
    let (sender, lines) = mpsc::sync_channel(QUEUE_CAPACITY);
    thread::Builder::new().name("files".to_owned()).spawn(move || {
        let OutputFiles { mut event_log, command_history } = files;
        let mut is_history_failed = false;
        for line in lines {
            let outcome = match line {
                FileLine::Event(line) => write_line(event_log.as_mut(), &line).map_err(|error| {
                    event_log = None;
                    (EVENT_LOG, error)
                }),
                FileLine::Command(_) if is_history_failed => Ok(()),
                FileLine::Command(line) => append_line(command_history.as_deref(), &line).map_err(|error| {
                    is_history_failed = true;
                    (COMMAND_HISTORY, error)
                }),
                FileLine::Reopen(log) => {
                    is_history_failed = false;
                    if let ReopenedLog::Opened(log) = log {
                        event_log = log;
                    }
                    Ok(())
                }
            };
            if let Err((file, error)) = outcome {
                report_failure(format!("cannot write the {file}, stopped saving it: {error}"));
            }
        }
    })?;
    Ok(sender)
}

fn write_line(file: Option<&mut LogFile>, line: &str) -> io::Result<()> {
    file.map_or(Ok(()), |file| file.write_all(format!("{line}\n").as_bytes()))
}

fn append_line(path: Option<&Path>, line: &str) -> io::Result<()> {
    let Some(path) = path else { return Ok(()) };
    let mut opened = own_file::open_to_append(path, PathChoice::Configured)?;
    opened.file.write_all(format!("{line}\n").as_bytes())
}

/// Returns the last `count` lines of the command history, or no lines if the file does not exist yet. Lines with control
/// characters and empty lines are skipped.
///
/// # Errors
/// Returns an error if the file cannot be read.
pub(crate) fn read_last_lines(path: &Path, count: usize) -> io::Result<Vec<String>> {
    let mut file = match own_file::open_to_read(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let start = file.metadata()?.len().saturating_sub(MAX_HISTORY_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut reader = BufReader::new(file.take(MAX_HISTORY_BYTES));
    if start > 0 {
        reader.skip_until(b'\n')?;
    }
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.is_empty() && !line.chars().any(char::is_control)).collect();
    Ok(lines[lines.len().saturating_sub(count)..].iter().map(|line| (*line).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn queue_rejects_lines_when_disk_is_blocked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let files = OutputFiles { event_log: Some(LogFile::open(&path).unwrap()), command_history: None };
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        // The thread is blocked as long as it reports the failure of the first line.
        let (unblock, blocked) = mpsc::channel::<()>();
        let sender = start(files, move |_| {
            let _ = blocked.recv();
        })
        .unwrap();
        let line = "x".repeat(100);
        let accepted =
            (0..3 * QUEUE_CAPACITY).take_while(|_| sender.try_send(FileLine::Event(line.clone())).is_ok()).count();
        assert!((QUEUE_CAPACITY..=QUEUE_CAPACITY + 1).contains(&accepted), "{accepted}");
        drop(unblock);
    }

    #[test]
    fn append_line_creates_file_readable_only_by_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/hapulse/typed");
        let last_lines = |count| read_last_lines(&path, count).unwrap();
        assert_eq!(last_lines(5), [""; 0]);
        for line in ["show info", "show stat", "help"] {
            append_line(Some(&path), line).unwrap();
        }
        assert_eq!(last_lines(2), ["show stat", "help"]);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        fs::write(&path, "good\nbad\u{1b}[31m\n").unwrap();
        assert_eq!(last_lines(5), ["good"], "lines with control characters are skipped");
        fs::write(&path, format!("{}\nlast\n", "x".repeat(MAX_HISTORY_BYTES as usize))).unwrap();
        assert_eq!(last_lines(5), ["last"], "a line that is cut is skipped");
    }

    #[test]
    fn reopen_continues_after_failure_with_new_path() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        let (reports, failures) = mpsc::channel();
        let files = OutputFiles { event_log: Some(LogFile::open(&old).unwrap()), command_history: None };
        let sender = start(files, move |reason| drop(reports.send(reason))).unwrap();
        fs::remove_file(&old).unwrap();
        fs::create_dir(&old).unwrap();
        sender.send(FileLine::Event("lost".to_owned())).unwrap();
        sender.send(FileLine::Event("not reported again".to_owned())).unwrap();
        sender.send(FileLine::Reopen(ReopenedLog::Opened(Some(LogFile::open(&new).unwrap())))).unwrap();
        sender.send(FileLine::Event("kept".to_owned())).unwrap();
        sender.send(FileLine::Reopen(ReopenedLog::Unchanged)).unwrap();
        sender.send(FileLine::Event("kept, too".to_owned())).unwrap();
        drop(sender);
        let failures: Vec<String> = failures.iter().collect();
        assert_eq!(failures, ["cannot write the event log, stopped saving it: is a directory, not a regular file"]);
        assert_eq!(fs::read_to_string(&new).unwrap(), "kept\nkept, too\n");
    }
}
