//! A log file that is followed through its rotations. No line is read twice, and none that is still in a file is lost.
//!
//! - If another file has the name, as after a rename, the old one is read on for [`RETIRED_TIME`], because syslog writes to
//!   it until it opens the new one.
//! - The last bytes that were read are compared before every read. If they differ, the file was truncated. `copytruncate`
//!   of logrotate copies the file before: the lines that were not read yet are then read from the copy. Without a copy,
//!   lines may be lost, which counts as a gap.

use std::collections::VecDeque;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use crate::config::safe_file;
use crate::logs::follow::line_assembler::LineAssembler;

/// Maximum number of bytes before the end of the file that are read at the start.
pub(crate) const START_BYTES: u64 = 32 << 20;
/// Time for which a file that was renamed is read on.
const RETIRED_TIME: Duration = Duration::from_mins(1);
/// Maximum number of renamed files that are read on.
const MAX_RETIRED: usize = 4;
/// Number of bytes that are compared before a read.
const OVERLAP: usize = 64;
/// Number of bytes that are read at once, besides these.
const BUFFER: usize = 1 << 18;
/// Maximum number of bytes that a call of [`FollowedFile::read`] reads from each file.
const MAX_READ: usize = 8 << 20;
/// Maximum number of files next to the log that are compared with it, in search of its copy.
const MAX_COPIES: usize = 64;

/// Identity of a file: device and inode.
type FileId = (u64, u64);

/// A file that is open.
#[derive(Debug)]
struct OpenLog {
    file: File,
    id: FileId,
    /// Number of bytes that were read, or skipped.
    position: u64,
    /// The last bytes that were read.
    seen: Vec<u8>,
    lines: LineAssembler,
}

/// The result of a call of [`FollowedFile::read`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FollowStep {
    /// False while no file has the name.
    pub(crate) exists: bool,
    /// True if more can be read at once.
    pub(crate) has_more: bool,
}

/// A log file that is followed by its name.
#[derive(Debug)]
pub(crate) struct FollowedFile {
    path: PathBuf,
    current: Option<OpenLog>,
    /// Files that had the name before, each with the time until which it is read.
    retired: VecDeque<(OpenLog, Duration)>,
    /// Set once the file was opened or found missing: another file with the name is new from its beginning.
    has_started: bool,
    buffer: Vec<u8>,
    /// Number of times that lines may have been lost.
    gaps: u64,
}

impl FollowedFile {
    /// Prepares to follow a file, from [`START_BYTES`] before its end.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            current: None,
            retired: VecDeque::new(),
            has_started: false,
            buffer: vec![0; OVERLAP + BUFFER],
            gaps: 0,
        }
    }

    /// Returns the name of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number of times that the file was truncated and no copy with its last lines was found.
    pub(crate) fn gaps(&self) -> u64 {
        self.gaps
    }

    /// Reads what is new, and calls `each` with every line that is complete. `now` is a monotonic time.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened or read, or is not a regular file.
    pub(crate) fn read(&mut self, now: Duration, each: &mut dyn FnMut(&[u8])) -> io::Result<FollowStep> {
        let exists = self.find(now)?;
        let mut has_more = false;
        for (log, _) in &mut self.retired {
            has_more |= read_new(log, &mut self.buffer, each, None)?.has_more;
        }
        if let Some(log) = &mut self.current {
            let step = read_new(log, &mut self.buffer, each, Some(&self.path))?;
            has_more |= step.has_more;
            self.gaps += step.gaps;
        }
        if !has_more {
            self.end_retired(now, each);
        }
        Ok(FollowStep { exists, has_more })
    }

    /// Opens the file that has the name now, unless it is open. Returns false if no file has it.
    fn find(&mut self, now: Duration) -> io::Result<bool> {
        let meta = match fs::metadata(&self.path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.has_started = true;
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        if self.current.as_ref().is_some_and(|log| log.id == id(&meta)) {
            return Ok(true);
        }
        let file = match safe_file::open_regular(&self.path, OFlags::RDONLY, Mode::empty()) {
            Ok(file) => file,
            // It was renamed in between.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let meta = file.metadata()?;
        let returned = self.retired.iter().position(|(log, _)| log.id == id(&meta));
        let next = match returned.and_then(|place| self.retired.remove(place)) {
            Some((log, _)) => log,
            None => {
                OpenLog::new(file, &meta, if self.has_started { 0 } else { meta.len().saturating_sub(START_BYTES) })
            }
        };
        self.has_started = true;
        if let Some(old) = self.current.replace(next) {
            self.retired.push_back((old, now + RETIRED_TIME));
        }
        Ok(true)
    }

    /// Closes the renamed files that were read for long enough. A line without an end counts then.
    fn end_retired(&mut self, now: Duration, each: &mut dyn FnMut(&[u8])) {
        while self.retired.len() > MAX_RETIRED || self.retired.front().is_some_and(|(_, until)| *until <= now) {
            if let Some(half) = self.retired.pop_front().and_then(|(mut log, _)| log.lines.take_half()) {
                each(&half);
            }
        }
    }
}

impl OpenLog {
    fn new(file: File, meta: &Metadata, start: u64) -> Self {
        // One byte earlier, so that a line that begins at the start is complete.
        let (position, lines) = match start.checked_sub(1) {
            Some(before) => (before, LineAssembler::within_line()),
            None => (0, LineAssembler::default()),
        };
        Self { file, id: id(meta), position, seen: Vec::new(), lines }
    }

    fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) {
        self.lines.push(bytes, each);
        self.position += bytes.len() as u64;
        let kept = bytes.len().min(OVERLAP);
        let old = self.seen.len().saturating_sub(OVERLAP - kept);
        self.seen.drain(..old);
        self.seen.extend_from_slice(&bytes[bytes.len() - kept..]);
    }
}

fn id(meta: &Metadata) -> FileId {
    (meta.dev(), meta.ino())
}

/// The result of reading one file.
#[derive(Default)]
struct ReadStep {
    has_more: bool,
    gaps: u64,
}

/// Reads what is new in a file. `path` is its name, next to which its copy is searched for if it was truncated.
fn read_new(
    log: &mut OpenLog,
    buffer: &mut [u8],
    each: &mut dyn FnMut(&[u8]),
    path: Option<&Path>,
) -> io::Result<ReadStep> {
    let mut step = ReadStep::default();
    let mut left = MAX_READ;
    while left > 0 {
        let Some(count) = read_part(&log.file, log.position, &log.seen, buffer)? else {
            // Truncated.
            let is_complete = path.is_some_and(|path| read_copy(log, path, buffer, each));
            step.gaps += u64::from(!is_complete);
            if !is_complete {
                log.lines = LineAssembler::default();
            }
            if let Some(half) = log.lines.take_half() {
                each(&half);
            }
            (log.position, log.seen) = (0, Vec::new());
            continue;
        };
        if count == 0 {
            return Ok(step);
        }
        let start = log.seen.len();
        log.push(&buffer[start..start + count], each);
        left = left.saturating_sub(count);
    }
    step.has_more = true;
    Ok(step)
}

/// Reads the bytes after a position into a buffer, after those before it. Returns their number; `None` if the bytes before
/// it are not those that were seen there.
fn read_part(file: &File, position: u64, seen: &[u8], buffer: &mut [u8]) -> io::Result<Option<usize>> {
    let start = position - seen.len() as u64;
    let mut count = 0;
    loop {
        match file.read_at(&mut buffer[count..], start + count as u64) {
            Ok(0) => break,
            Ok(read) => count += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if count > seen.len() {
            break;
        }
    }
    if seen.is_empty() && count == 0 && file.metadata()?.len() < position {
        return Ok(None);
    }
    Ok(buffer[..count].strip_prefix(seen).map(<[u8]>::len))
}

/// Reads the rest of a truncated file from its copy. Returns false without a copy that can be read.
fn read_copy(log: &mut OpenLog, path: &Path, buffer: &mut [u8], each: &mut dyn FnMut(&[u8])) -> bool {
    if log.seen.is_empty() {
        return false;
    }
    let Some(copy) = find_copy(log, path, buffer) else { return false };
    loop {
        match read_part(&copy, log.position, &log.seen, buffer) {
            Ok(Some(0)) => return true,
            Ok(Some(count)) => {
                let start = log.seen.len();
                log.push(&buffer[start..start + count], each);
            }
            Ok(None) | Err(_) => return false,
        }
    }
}

/// Finds the newest file whose name begins like that of the log, and that has the bytes that were read from it.
fn find_copy(log: &OpenLog, path: &Path, buffer: &mut [u8]) -> Option<File> {
    let (folder, name) = (path.parent()?, path.file_name()?.as_encoded_bytes());
    let entries = fs::read_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }).ok()?;
    let is_named = |found: &[u8]| found.len() > name.len() && found.starts_with(name);
    let mut copies: Vec<(i64, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter(|entry| is_named(entry.file_name().as_encoded_bytes()))
        .filter_map(|entry| Some((entry.metadata().ok()?.mtime(), entry.path())))
        .collect();
    copies.sort_unstable();
    copies.iter().rev().take(MAX_COPIES).find_map(|(_, path)| {
        let file = safe_file::open_regular(path, OFlags::RDONLY, Mode::empty()).ok()?;
        let is_copy = id(&file.metadata().ok()?) != log.id;
        (is_copy && read_part(&file, log.position, &log.seen, buffer).ok()?.is_some()).then_some(file)
    })
}
