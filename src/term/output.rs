//! Writes frames on a thread of its own.
//!
//! A terminal may stop reading (Ctrl-S, a dead SSH connection) and then a write blocks for as long as it
//! likes. Only this thread waits then: keys, sampling and everything else go on. A new frame is drawn when
//! the one before has been written, so nothing piles up.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// The thread that writes.
#[derive(Debug)]
pub struct Output {
    frames: mpsc::SyncSender<Vec<u8>>,
    busy: Arc<AtomicBool>,
}

impl Output {
    /// Starts the thread; `written` is called after each frame, with what went wrong if something did.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(written: impl Fn(io::Result<()>) + Send + 'static) -> io::Result<Self> {
        // Not through the buffer of lines: a frame holds line feeds, and is to go in one piece.
        let mut out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let (frames, queue) = mpsc::sync_channel::<Vec<u8>>(1);
        let busy = Arc::new(AtomicBool::new(false));
        let is_busy = Arc::clone(&busy);
        thread::Builder::new().name("output".to_owned()).spawn(move || {
            for frame in queue {
                let done = out.write_all(&frame);
                is_busy.store(false, Ordering::Release);
                written(done);
            }
        })?;
        Ok(Self { frames, busy })
    }

    /// Whether a frame is still being written.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// Writes a frame. Only to be called when not busy.
    pub fn write(&self, frame: Vec<u8>) {
        self.busy.store(true, Ordering::Release);
        if self.frames.try_send(frame).is_err() {
            self.busy.store(false, Ordering::Release);
        }
    }

    /// Waits until everything is written, but no longer than `limit`. False when it is not.
    pub fn finish(&self, limit: Duration) -> bool {
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
