//! Follows an audit log, to record the actions on the recorded instances.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::PathBuf;

use crate::actions::audit::record::AuditRecord;
use crate::config::own_file;

/// Maximum number of bytes read at once.
const MAX_BYTES: usize = 1 << 20;

/// Reads the records that are added to an audit log.
#[derive(Debug)]
pub(crate) struct AuditTail {
    path: PathBuf,
    /// Inode of the file, and the position up to which it was read; `None` before the first look at it.
    position: Option<(u64, u64)>,
}

impl AuditTail {
    /// Starts at the present end of the file.
    pub(crate) fn new(path: PathBuf) -> Self {
        let mut tail = Self { path, position: None };
        if let Ok(file) = own_file::open_to_read(&tail.path)
            && let Ok(meta) = file.metadata()
        {
            tail.position = Some((meta.ino(), meta.len()));
        }
        tail
    }

    /// Returns the records added since the last call, each with its line. A missing log has none.
    ///
    /// # Errors
    /// Returns an error if the log cannot be read.
    pub(crate) fn read_new(&mut self) -> io::Result<Vec<(AuditRecord, String)>> {
        let file = match own_file::open_to_read(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let meta = file.metadata()?;
        // A rotated log starts from its beginning.
        let start = match self.position {
            Some((inode, position)) if inode == meta.ino() && position <= meta.len() => position,
            _ => 0,
        };
        let bytes = read_at_most(&file, start)?;
        let is_full = bytes.len() == MAX_BYTES;
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        // Skip a line that is longer than any record.
        let read = if end == 0 && is_full { bytes.len() } else { end };
        self.position = Some((meta.ino(), start + read as u64));
        let text = String::from_utf8_lossy(&bytes[..end]);
        Ok(text.lines().filter_map(|line| Some((AuditRecord::parse(line).ok()?, line.to_owned()))).collect())
    }
}

fn read_at_most(file: &File, start: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; MAX_BYTES];
    let mut length = 0;
    while length < bytes.len() {
        match file.read_at(&mut bytes[length..], start + length as u64) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}
