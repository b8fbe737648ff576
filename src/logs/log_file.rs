//! Reads the lines of log files: plain, compressed with gzip or Zstandard, or from standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// Size of the buffer in bytes.
const BUFFER: usize = 1 << 17;
/// Maximum length of a line that is kept; the rest of a longer one is skipped.
pub(crate) const MAX_LINE: usize = 1 << 16;
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The first bytes of other compressed files, and the programs that decompress them.
const OTHER_COMPRESSION: [(&[u8], &str); 3] = [(b"\xfd7zXZ\0", "xz"), (b"BZh", "bzip2"), (b"\x04\x22\x4d\x18", "lz4")];
const ZSTANDARD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Opens a log file; `-` is standard input.
///
/// # Errors
/// Returns an error if the file cannot be opened.
pub(crate) fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    Ok(Box::new(file))
}

/// Returns the text of a file. Compression is recognized by the first bytes, whatever the name of the file.
///
/// # Errors
/// Returns an error if reading fails, or the compression is not known.
pub(crate) fn decompress(source: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    let mut source = BufReader::with_capacity(BUFFER, source);
    let first = source.fill_buf()?;
    if first.starts_with(&GZIP) {
        Ok(Box::new(MultiGzDecoder::new(source)))
    } else if first.starts_with(&ZSTANDARD) {
        Ok(Box::new(ZstandardReader { frame: Some(open_frame(source)?) }))
    } else if let Some((_, program)) = OTHER_COMPRESSION.iter().find(|(start, _)| first.starts_with(start)) {
        Err(io::Error::other(format!("{program} is not read: {program} -dc FILE | hapulse logs -")))
    } else {
        Ok(Box::new(source))
    }
}

/// Reads all frames of a Zstandard file: appended files have several.
struct ZstandardReader<R: BufRead> {
    /// The frame that is read; `None` after the last one.
    frame: Option<StreamingDecoder<R, FrameDecoder>>,
}

impl<R: BufRead> Read for ZstandardReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(frame) = &mut self.frame {
            let count =
                frame.read(buffer).map_err(|_| io::Error::other("the Zstandard data is damaged or ends too early"))?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            if let Some(mut source) = self.frame.take().map(StreamingDecoder::into_inner)
                && !source.fill_buf()?.is_empty()
            {
                self.frame = Some(open_frame(source)?);
            }
        }
        Ok(0)
    }
}

fn open_frame<R: BufRead>(source: R) -> io::Result<StreamingDecoder<R, FrameDecoder>> {
    StreamingDecoder::new(source).map_err(|error| io::Error::other(format!("not Zstandard data: {error}")))
}

/// Calls `each` with every line of a source without its line end, and returns the number of lines.
///
/// # Errors
/// Returns an error if reading fails.
pub(crate) fn for_each_line(mut source: impl Read, mut each: impl FnMut(&[u8])) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER];
    let (mut filled, mut lines, mut is_skipping) = (0, 0, false);
    loop {
        let read = match source.read(&mut buffer[filled..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let (end, is_last) = (filled + read, read == 0);
        let mut start = 0;
        for newline in memchr::memchr_iter(b'\n', &buffer[..end]) {
            if !is_skipping {
                lines += 1;
                each(without_return(&buffer[start..newline]));
            }
            (is_skipping, start) = (false, newline + 1);
        }
        if is_last {
            if start < end && !is_skipping {
                lines += 1;
                each(without_return(&buffer[start..end]));
            }
            return Ok(lines);
        }
        buffer.copy_within(start..end, 0);
        filled = end - start;
        if filled > MAX_LINE {
            if !is_skipping {
                lines += 1;
                each(&buffer[..MAX_LINE]);
            }
            (filled, is_skipping) = (0, true);
        }
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn lines(source: impl Read) -> Vec<String> {
        let mut lines = Vec::new();
        let count = for_each_line(source, |line| lines.push(String::from_utf8_lossy(line).into_owned())).unwrap();
        assert_eq!(count, lines.len() as u64);
        lines
    }

    #[test]
    fn lines_are_split_whatever_the_reads() {
        let long = "x".repeat(3 * BUFFER);
        let text = format!("one\r\n\n{long}\nlast");
        let expected = ["one", "", &long[..MAX_LINE], "last"];
        let read = lines(text.as_bytes());
        assert_eq!(
            (read.len(), &read[..2], &read[3..]),
            (4, &expected[..2].iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()[..], &["last".to_owned()][..])
        );
        assert!(long.starts_with(&read[2]) && read[2].len() >= MAX_LINE);
        assert_eq!(lines(&b""[..]), Vec::<String>::new());
    }

    #[test]
    fn compressed_files_are_recognized_by_their_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("haproxy.log.2");
        let read = |path: &Path| open(path).and_then(decompress);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"one\ntwo\n").unwrap();
        std::fs::write(&path, gzip.finish().unwrap()).unwrap();
        assert_eq!(lines(read(&path).unwrap()), ["one", "two"]);
        let zstandard = ruzstd::encoding::compress_to_vec(&b"three\n"[..], ruzstd::encoding::CompressionLevel::Fastest);
        std::fs::write(&path, &zstandard).unwrap();
        assert_eq!(lines(read(&path).unwrap()), ["three"]);
        std::fs::write(&path, zstandard.repeat(2)).unwrap();
        assert_eq!(lines(read(&path).unwrap()), ["three", "three"], "two frames");
        std::fs::write(&path, &zstandard[..zstandard.len() - 2]).unwrap();
        let error = for_each_line(read(&path).unwrap(), |_| {}).unwrap_err().to_string();
        assert_eq!(error, "the Zstandard data is damaged or ends too early");
        std::fs::write(&path, "plain\n").unwrap();
        assert_eq!(lines(read(&path).unwrap()), ["plain"]);
        std::fs::write(&path, b"\xfd7zXZ\0\0\x04").unwrap();
        let error = read(&path).err().unwrap().to_string();
        assert_eq!(error, "xz is not read: xz -dc FILE | hapulse logs -");
        assert!(open(folder.path()).is_err());
    }
}
