//! A writer for terminals and pipes that another program has set to non-blocking (`O_NONBLOCK`). The flag belongs to
//! the open file, so it applies to all programs that share it.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// Writer that waits until the file accepts data, whether the file is blocking or not.
#[derive(Debug)]
pub(crate) struct WaitingWriter<W>(pub(crate) W);

impl<W: Write + AsFd> WaitingWriter<W> {
    fn retry<T>(&mut self, mut operation: impl FnMut(&mut W) -> io::Result<T>) -> io::Result<T> {
        loop {
            match operation(&mut self.0) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    match poll(&mut [PollFd::new(&self.0, PollFlags::OUT)], None) {
                        Ok(_) | Err(Errno::INTR) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                result => return result,
            }
        }
    }
}

impl<W: Write + AsFd> Write for WaitingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.retry(|inner| inner.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.retry(W::flush)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::*;

    #[test]
    fn write_all_waits_for_a_reader_of_a_non_blocking_file() {
        let (writer, mut reader) = UnixStream::pair().unwrap();
        writer.set_nonblocking(true).unwrap();
        let sent: Vec<u8> = (0..2_000_000_u32).map(|number| number as u8).collect();
        let expected = sent.clone();
        let thread = thread::spawn(move || WaitingWriter(writer).write_all(&sent));
        let mut received = Vec::new();
        reader.read_to_end(&mut received).unwrap();
        thread.join().unwrap().unwrap();
        assert!(received == expected);
    }

    #[test]
    fn write_reports_a_closed_reader() {
        let (writer, reader) = UnixStream::pair().unwrap();
        writer.set_nonblocking(true).unwrap();
        drop(reader);
        assert_eq!(WaitingWriter(writer).write_all(&[0; 1000]).unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}
