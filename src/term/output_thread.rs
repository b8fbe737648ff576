//! Writes frames on a separate thread.
//!
//! A terminal may stop accepting output (Ctrl-S, a dead SSH connection), and then a write blocks indefinitely. Only
//! this thread blocks; key input and sampling continue. A frame is drawn only after the previous one has been written,
//! so frames do not accumulate. A frame counts as written when the terminal's driver has sent all its bytes.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::termios::{tcdrain, tcgetattr};

use crate::observe::timestamp::Clock;
use crate::term::terminal_device;
use crate::term::waiting_writer::WaitingWriter;

/// A frame that was written to the terminal.
#[derive(Debug)]
pub(crate) struct WrittenFrame {
    /// Number of the frame.
    pub(crate) number: u64,
    /// Time at which the terminal had received it.
    pub(crate) at: Duration,
    /// Result of writing it.
    pub(crate) result: io::Result<()>,
}

/// Pseudo terminals report this speed, in bits per second, unless a slower terminal is connected to them.
const DEFAULT_SPEED: u32 = 38_400;
/// Bits on the line per byte: start bit, eight data bits, stop bit.
const BITS_PER_BYTE: u64 = 10;

/// Handle of the output thread.
#[derive(Debug)]
pub(crate) struct TerminalOutput {
    frames: mpsc::SyncSender<(u64, Vec<u8>)>,
    busy: Arc<AtomicBool>,
}

impl TerminalOutput {
    /// Starts the thread. `report_written` is called after each frame.
    ///
    /// # Errors
    /// Returns an error if the thread cannot be started.
    pub(crate) fn start(clock: Clock, report_written: impl Fn(WrittenFrame) + Send + 'static) -> io::Result<Self> {
        // Bypass the line buffer of stdout: a frame contains line feeds and must be written in one piece.
        let mut out = WaitingWriter(File::from(io::stdout().as_fd().try_clone_to_owned()?));
        let (frames, queue) = mpsc::sync_channel::<(u64, Vec<u8>)>(1);
        let busy = Arc::new(AtomicBool::new(false));
        let is_busy = Arc::clone(&busy);
        thread::Builder::new().name("output".to_owned()).spawn(move || {
            for (number, frame) in queue {
                let result = out.write_all(&frame).and_then(|()| wait_until_sent(out.0.as_fd()));
                let at = clock.now().monotonic + time_on_line(out.0.as_fd(), frame.len());
                is_busy.store(false, Ordering::Release);
                report_written(WrittenFrame { number, at, result });
            }
        })?;
        Ok(Self { frames, busy })
    }

    /// Returns whether a frame is still being written.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// Queues a frame with its number for writing. Must not be called while `is_busy` returns true.
    pub(crate) fn write(&self, number: u64, frame: Vec<u8>) {
        self.busy.store(true, Ordering::Release);
        if self.frames.try_send((number, frame)).is_err() {
            self.busy.store(false, Ordering::Release);
        }
    }

    /// Waits until the queued frame is written, but at most `limit`. Returns whether it was written in time.
    pub(crate) fn wait_until_idle(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while self.is_busy() {
            if Instant::now() >= end {
                return false;
            }
            thread::sleep(Duration::from_millis(2));
        }
        true
    }
}

/// Waits until the driver of the terminal has sent all bytes. Returns at once if the output is not a terminal, and in
/// the background of the terminal, where waiting would stop the program before the terminal is restored.
///
/// # Errors
/// Returns an error if the terminal was closed.
pub(crate) fn wait_until_sent(terminal: BorrowedFd<'_>) -> io::Result<()> {
    loop {
        if terminal_device::is_in_background_of(terminal) {
            return Ok(());
        }
        match tcdrain(terminal) {
            Err(Errno::INTR) => {}
            Err(Errno::IO) => return Err(Errno::IO.into()),
            // Other errors mean that this is not a terminal: a pipe has nothing to wait for.
            Ok(()) | Err(_) => return Ok(()),
        }
    }
}

/// Returns the time that a slow line takes for `bytes`; zero for a fast one. `ssh` passes on the speed of a slow
/// terminal, whose bytes are then still on the way.
pub(crate) fn time_on_line(terminal: BorrowedFd<'_>, bytes: usize) -> Duration {
    match tcgetattr(terminal).map(|modes| modes.output_speed()) {
        Ok(speed @ 1..DEFAULT_SPEED) => Duration::from_millis(bytes as u64 * BITS_PER_BYTE * 1000 / u64::from(speed)),
        _ => Duration::ZERO,
    }
}
