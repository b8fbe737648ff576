//! Opens and reads files that another user may have prepared: never blocks, accepts regular files only, and reads no more
//! than a given size.

use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::config::file_systems;

/// Opens a regular file without blocking. With [`OFlags::NOFOLLOW`], a symbolic link is an error.
///
/// The type is checked before the file is opened, because opening a device can have effects of its own, and again
/// afterwards, because the file may have been replaced in between. `mode` is the mode of a file that is created.
///
/// # Errors
/// Returns an error if the file cannot be opened or is not a regular file; the message names what it is instead.
pub(crate) fn open_regular(path: &Path, flags: OFlags, mode: Mode) -> io::Result<File> {
    let is_link_refused = flags.contains(OFlags::NOFOLLOW);
    let before = if is_link_refused { std::fs::symlink_metadata(path) } else { std::fs::metadata(path) };
    match before {
        Ok(meta) => require_regular(&meta)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound && flags.contains(OFlags::CREATE) => {}
        Err(error) => return Err(error),
    }
    let flags = flags | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, mode)?);
    require_regular(&file.metadata()?)?;
    Ok(file)
}

/// Reads a regular file of at most `max` bytes; follows symbolic links.
///
/// # Errors
/// Returns the errors of [`open_regular`], and an error if the file is larger or cannot be read.
pub(crate) fn read_regular(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let meta = std::fs::metadata(path)?;
    let is_too_large = meta.is_file() && meta.len() > max;
    if !is_too_large && let (bytes, true) = read_start(path, max)? {
        return Ok(bytes);
    }
    Err(too_large(max))
}

fn too_large(max: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("is larger than {max} bytes"))
}

/// Like [`read_regular`], and only if the contents of the file are stored. Another user may control what the kernel
/// generates, and reading it may have effects.
///
/// # Errors
/// Returns the errors of [`read_regular`], and an error if the contents are generated.
pub(crate) fn read_stored(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    file_systems::require_stored(path)?;
    let file = open_regular(path, OFlags::RDONLY, Mode::empty())?;
    file_systems::require_stored_open(&file)?;
    let size = file.metadata()?.len();
    if size > max {
        return Err(too_large(max));
    }
    let (bytes, is_complete) = read_start_of(file, max)?;
    if size == 0 && !bytes.is_empty() {
        return Err(file_systems::generated("has the size 0, but contents, which are therefore generated"));
    }
    if is_complete { Ok(bytes) } else { Err(too_large(max)) }
}

/// Reads the first `max` bytes of a regular file. Returns them, and true if this is the whole file.
///
/// # Errors
/// Returns the errors of [`open_regular`], and an error if the file cannot be read.
pub(crate) fn read_start(path: &Path, max: u64) -> io::Result<(Vec<u8>, bool)> {
    read_start_of(open_regular(path, OFlags::RDONLY, Mode::empty())?, max)
}

/// Reads the last `max` bytes of a regular file.
///
/// # Errors
/// Returns the errors of [`open_regular`], and an error if the file cannot be read.
pub(crate) fn read_end(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let mut file = open_regular(path, OFlags::RDONLY, Mode::empty())?;
    let start = file.metadata()?.len().saturating_sub(max);
    file.seek(SeekFrom::Start(start))?;
    Ok(read_start_of(file, max)?.0)
}

fn read_start_of(file: File, max: u64) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    let is_complete = bytes.len() as u64 <= max;
    bytes.truncate(usize::try_from(max).unwrap_or(usize::MAX));
    Ok((bytes, is_complete))
}

fn require_regular(meta: &Metadata) -> io::Result<()> {
    if meta.is_file() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("is {}, not a regular file", kind_name(meta))))
}

/// Returns the kind of a file with its article, such as `a directory`.
pub(crate) fn kind_name(meta: &Metadata) -> &'static str {
    let kind = meta.file_type();
    if kind.is_file() {
        "a regular file"
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    fn message(path: &Path) -> String {
        read_regular(path, 10).unwrap_err().to_string()
    }

    #[test]
    fn read_regular_refuses_everything_that_may_block_or_never_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        rustix::fs::mknodat(rustix::fs::CWD, path("fifo"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _socket = UnixListener::bind(path("socket")).unwrap();
        assert_eq!(message(&path("fifo")), "is a FIFO, not a regular file");
        assert_eq!(message(&path("socket")), "is a socket, not a regular file");
        assert_eq!(message(folder.path()), "is a directory, not a regular file");
        assert_eq!(message(Path::new("/dev/zero")), "is a device, not a regular file");
        fs::write(path("large"), "eleven byte").unwrap();
        assert_eq!(message(&path("large")), "is larger than 10 bytes");
        assert_eq!(read_regular(&path("large"), 11).unwrap(), b"eleven byte");
        assert_eq!(read_start(&path("large"), 6).unwrap(), (b"eleven".to_vec(), false));
        assert_eq!([6, 99].map(|max| read_end(&path("large"), max).unwrap()), [&b"n byte"[..], b"eleven byte"]);
        // The size of such a file is reported as 0, but it has contents.
        assert!(message(Path::new("/proc/self/status")).contains("larger"));
        let stored = |path: &Path| read_stored(path, 10).map_err(|error| error.to_string());
        assert_eq!(
            stored(Path::new("/proc/version")).unwrap_err().split(',').next(),
            Some("is on the file system proc")
        );
        assert_eq!(stored(&path("large")).unwrap_err(), "is larger than 10 bytes");
        assert_eq!(stored(&path("fifo")).unwrap_err(), "is a FIFO, not a regular file");
        fs::write(path("small"), "text").unwrap();
        assert_eq!(stored(&path("small")).unwrap(), b"text");
    }

    #[test]
    fn open_regular_follows_links_only_if_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "text").unwrap();
        symlink(&file, &link).unwrap();
        assert!(open_regular(&link, OFlags::RDONLY, Mode::empty()).is_ok());
        let error = open_regular(&link, OFlags::RDONLY | OFlags::NOFOLLOW, Mode::empty()).unwrap_err();
        assert_eq!(error.to_string(), "is a symbolic link, not a regular file");
        let new = folder.path().join("new");
        assert!(open_regular(&new, OFlags::WRONLY | OFlags::CREATE, Mode::RUSR).is_ok() && new.exists());
    }
}
