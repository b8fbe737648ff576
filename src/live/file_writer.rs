//! Writes to files on a thread of its own: a full or slow disk must not hold the screen up.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

/// A line to keep.
#[derive(Debug)]
pub enum Keep {
    /// In the log of events.
    Event(String),
    /// Among the lines typed on the command line.
    Typed(String),
}

/// The files, where they are wanted.
#[derive(Debug, Default)]
pub struct Files {
    /// The log of events.
    pub log: Option<File>,
    /// The lines typed on the command line.
    pub typed: Option<PathBuf>,
}

/// Lines that may wait for a disk that takes its time; those beyond are left out.
pub const WAITING: usize = 10_000;

/// Starts the thread; `failed` is told what could not be written, once for each file.
///
/// # Errors
/// When the thread cannot be started.
pub fn start(mut files: Files, failed: impl Fn(String) + Send + 'static) -> io::Result<mpsc::SyncSender<Keep>> {
    let (sender, lines) = mpsc::sync_channel(WAITING);
    thread::Builder::new().name("files".to_owned()).spawn(move || {
        for line in lines {
            let outcome = match line {
                Keep::Event(line) => write(files.log.as_mut(), &line).map_err(|error| ("the log of events", error)),
                Keep::Typed(line) => append(files.typed.as_deref(), &line).map_err(|error| ("typed lines", error)),
            };
            if let Err((what, error)) = outcome {
                match what {
                    "typed lines" => files.typed = None,
                    _ => files.log = None,
                }
                failed(format!("cannot write {what} any more: {error}"));
            }
        }
    })?;
    Ok(sender)
}

fn write(file: Option<&mut File>, line: &str) -> io::Result<()> {
    file.map_or(Ok(()), |file| file.write_all(format!("{line}\n").as_bytes()))
}

fn append(path: Option<&Path>, line: &str) -> io::Result<()> {
    let Some(path) = path else { return Ok(()) };
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    write(Some(&mut open(path)?), line)
}

/// Opens a file to append to; a new one is for its owner only.
///
/// # Errors
/// When the system refuses.
pub fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// The last `count` lines of a file; none when there is no file.
pub fn last_lines(path: &Path, count: usize) -> Vec<String> {
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
    fn a_disk_that_takes_nothing_holds_nothing_up_and_fills_no_memory() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let log = Some(File::from(std::os::fd::OwnedFd::from(writer)));
        let sender = start(Files { log, typed: None }, |why| panic!("{why}")).unwrap();
        let line = "x".repeat(100);
        let taken = (0..3 * WAITING).take_while(|_| sender.try_send(Keep::Event(line.clone())).is_ok()).count();
        assert!((WAITING..2 * WAITING).contains(&taken), "{taken}");
        drop(sender);
        let mut written = String::new();
        std::io::Read::read_to_string(&mut reader, &mut written).unwrap();
        assert_eq!(written.lines().count(), taken, "what was taken is written in the end");
    }

    #[test]
    fn typed_lines_are_kept_for_the_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/hapulse/typed");
        assert_eq!(last_lines(&path, 5), [""; 0]);
        for line in ["show info", "show stat", "help"] {
            append(Some(&path), line).unwrap();
        }
        assert_eq!(last_lines(&path, 2), ["show stat", "help"]);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        std::fs::write(&path, "good\nbad\u{1b}[31m\n").unwrap();
        assert_eq!(last_lines(&path, 5), ["good"], "a line that could not have been typed");
    }
}
