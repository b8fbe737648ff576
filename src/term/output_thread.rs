//! Writes frames on a separate thread.
//!
//! A terminal may stop accepting output (Ctrl-S, a dead SSH connection), and then a write blocks indefinitely. Only
//! this thread blocks; key input and sampling continue. A frame is drawn only after the previous one has been written,
//! so frames do not accumulate.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Handle of the output thread.
#[derive(Debug)]
pub(crate) struct TerminalOutput {
    frames: mpsc::SyncSender<Vec<u8>>,
    busy: Arc<AtomicBool>,
}

impl TerminalOutput {
    /// Starts the thread. `report_written` is called with the result of writing each frame.
    ///
    /// # Errors
    /// Returns an error if the thread cannot be started.
    pub(crate) fn start(report_written: impl Fn(io::Result<()>) + Send + 'static) -> io::Result<Self> {
        // Bypass the line buffer of stdout: a frame contains line feeds and must be written in one piece.
        let mut out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let (frames, queue) = mpsc::sync_channel::<Vec<u8>>(1);
        let busy = Arc::new(AtomicBool::new(false));
        let is_busy = Arc::clone(&busy);
        thread::Builder::new().name("output".to_owned()).spawn(move || {
            for frame in queue {
                let done = out.write_all(&frame);
                is_busy.store(false, Ordering::Release);
                report_written(done);
            }
        })?;
        Ok(Self { frames, busy })
    }

    /// Returns whether a frame is still being written.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// Queues a frame for writing. Must not be called while `is_busy` returns true.
    pub(crate) fn write(&self, frame: Vec<u8>) {
        self.busy.store(true, Ordering::Release);
        if self.frames.try_send(frame).is_err() {
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
