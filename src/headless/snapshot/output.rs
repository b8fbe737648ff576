//! The file or standard output that a snapshot is written to.

use std::io::{self, Stdout, Write};
use std::path::Path;

use crate::haproxy::safe_text::SafeText;
use crate::headless::snapshot::new_file::NewFile;
use crate::term::waiting_writer::WaitingWriter;

/// Output of `hapulse snapshot`.
#[derive(Debug)]
pub(crate) enum SnapshotOutput {
    /// A file that appears when it is complete.
    File(NewFile),
    /// Standard output, and the number of bytes written to it.
    Stdout(WaitingWriter<Stdout>, u64),
}

impl SnapshotOutput {
    /// Opens the output: the file at `path`, or standard output. `is_forced` replaces an existing file at the end.
    ///
    /// # Errors
    /// Returns an error if the file cannot be created, or if it exists and is not to be replaced.
    pub(crate) fn open(path: Option<&Path>, is_forced: bool) -> io::Result<Self> {
        match path {
            Some(path) => NewFile::create(path, is_forced).map(Self::File),
            None => Ok(Self::Stdout(WaitingWriter(io::stdout()), 0)),
        }
    }

    /// Completes the output. Returns its size in bytes.
    ///
    /// # Errors
    /// Returns an error if it cannot be written, or if a file of this name was created meanwhile.
    pub(crate) fn finish(self) -> io::Result<u64> {
        match self {
            Self::File(file) => file.finish(),
            Self::Stdout(mut out, written) => out.flush().map(|()| written),
        }
    }
}

impl Write for SnapshotOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stdout(out, written) => {
                let count = out.write(bytes)?;
                *written += count as u64;
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stdout(out, _) => out.flush(),
        }
    }
}

/// Returns the name of an output in messages.
pub(crate) fn output_name(path: Option<&Path>) -> SafeText {
    path.map_or_else(|| SafeText::from("standard output"), SafeText::from)
}
