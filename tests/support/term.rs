//! The real binary in a pseudo terminal: a person's keyboard and screen.
//!
//! A thread reads everything the program writes, keeps it, and feeds it to a terminal emulator (vt100), whose
//! screen the tests look at. [`launch`] starts it, [`super::screen`] looks at it; here are the keyboard, the
//! size, and the ends: of the program, and of the terminal.
//!
//! ```ignore
//! let mut term = Term::spawn([lab.admin()], 80, 24);
//! term.wait_for("be1");
//! term.press("/s2<ret>M");
//! ```

use super::process;
use super::{DEADLINE, keys, launch, lock, wait_until};
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Linux's flag that keeps a terminal from becoming the opener's own.
const O_NOCTTY: i32 = 0o400;

/// A running program and its terminal. Dropping it closes the terminal and kills the program.
pub struct Term {
    pub(super) child: Box<dyn Child + Send + Sync>,
    pub(super) master: Option<Box<dyn MasterPty + Send>>,
    pub(super) writer: Option<Box<dyn Write + Send>>,
    pub(super) reader: Option<JoinHandle<()>>,
    pub(super) tty: PathBuf,
    pub(super) shared: Arc<TermState>,
    pub(super) exit: Option<ExitStatus>,
    pub(super) pid: u32,
    pub(super) home: TempDir,
}

pub(super) struct TermState {
    pub(super) seen: Mutex<TerminalOutput>,
    pub(super) closed: AtomicBool,
}

pub(super) struct TerminalOutput {
    pub(super) parser: vt100::Parser,
    pub(super) raw: Vec<u8>,
}

impl Term {
    /// Types these keys (see [`keys`]).
    pub fn press(&mut self, text: &str) {
        for key in keys::parse(text) {
            self.paste(&key);
            if key == b"\x1b" {
                // An Escape and a letter read at once are Alt and the letter.
                self.wait_input_read();
            }
        }
    }

    /// Bytes to the program's input, as they are.
    pub fn paste(&mut self, bytes: &[u8]) {
        let writer = self.writer.as_mut().expect("the terminal is open");
        writer.write_all(bytes).and_then(|()| writer.flush()).expect("the terminal takes input");
    }

    /// Waits until the program has read all its input; two seconds at most, for it may not be reading.
    ///
    /// The kernel hands input over a moment after it was written, so only a queue that stays empty counts.
    pub fn wait_input_read(&self) {
        let Some(tty) = self.tty() else { return };
        let end = Instant::now() + Duration::from_secs(2);
        let mut empty_since = Instant::now();
        while empty_since.elapsed() < Duration::from_millis(30) && Instant::now() < end {
            if rustix::io::ioctl_fionread(&tty).is_ok_and(|left| left > 0) {
                empty_since = Instant::now();
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// The program's side of the terminal, opened once more.
    fn tty(&self) -> Option<File> {
        self.master.as_ref()?;
        OpenOptions::new().read(true).write(true).custom_flags(O_NOCTTY).open(&self.tty).ok()
    }

    /// What the reader has seen so far.
    pub(super) fn seen(&self) -> MutexGuard<'_, TerminalOutput> {
        lock(&self.shared.seen)
    }

    /// Whether everything the program wrote, and will ever write, has been read.
    pub(super) fn output_ended(&self) -> bool {
        self.reader.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Changes the size; the program gets its SIGWINCH.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.seen().parser.set_size(launch::nonzero(rows), launch::nonzero(cols));
        let master = self.master.as_ref().expect("the terminal is open");
        master.resize(launch::pty_size(cols, rows)).expect("a terminal can be resized");
    }

    /// Whether the terminal passes keys on one by one and unseen; a shell's terminal does not.
    pub fn is_raw(&self) -> bool {
        let tty = self.tty().expect("the terminal is open");
        let modes = rustix::termios::tcgetattr(&tty).expect("it is a terminal").local_modes;
        !modes.intersects(LocalModes::ICANON | LocalModes::ECHO)
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The program's home: empty at the start.
    pub fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    /// Sends the program a signal: `"HUP"`, `"TERM"`, `"TSTP"` …
    pub fn signal(&self, name: &str) {
        assert!(self.exit.is_none(), "the program has ended");
        process::signal(self.pid, name);
    }

    /// Waits for the program's end. After it, everything it wrote is on the screen.
    pub fn exit(&mut self) -> ExitStatus {
        if let Some(status) = &self.exit {
            return status.clone();
        }
        let end = Instant::now() + DEADLINE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            assert!(Instant::now() < end, "the program did not end; its screen:\n{}", self.framed());
            thread::sleep(Duration::from_millis(5));
        };
        if self.master.is_some() {
            wait_until("the terminal's last bytes", || self.output_ended());
        }
        self.exit = Some(status.clone());
        status
    }

    /// Waits for the program's end, and gives its exit code; 1 when a signal ended it, see [`Term::exit`].
    pub fn exit_code(&mut self) -> u32 {
        self.exit().exit_code()
    }

    /// The terminal is gone: the window was closed, the connection was cut. The program is not waited for.
    pub fn close(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        if let Some(tty) = self.tty() {
            // The writer says goodbye with a newline and the end-of-file key, which a cut connection does not;
            // without such a key it is silent.
            if let Ok(mut modes) = rustix::termios::tcgetattr(&tty) {
                modes.special_codes[SpecialCodeIndex::VEOF] = 0;
                let _ = rustix::termios::tcsetattr(&tty, OptionalActions::Now, &modes);
            }
            self.writer = None;
            // The reader holds the terminal open while it waits for a byte; here is one.
            let _ = (&tty).write_all(b"\0");
        }
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.master = None;
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        if self.exit.is_none() {
            process::signal(self.pid, "KILL");
            let _ = self.child.wait();
        }
        self.close();
    }
}
