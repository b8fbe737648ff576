//! A program in a pseudo terminal: keyboard input, size, signals and exit.
//!
//! A thread reads and keeps all output and feeds it to a terminal emulator (vt100), whose screen the tests check.
//! [`launch`] starts the program, [`super::screen`] reads the screen.
//!
//! ```ignore
//! let mut term = Term::spawn([lab.admin()], 80, 24);
//! term.wait_for("be1");
//! term.press("/s2<ret>M");
//! ```

use super::process;
use super::{DEADLINE, keys, launch, lock, wait_until};
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{Action, InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Time without input before a key of [`Term::press`]: three times the pause that hapulse needs, because it may read late.
const QUIET: Duration = Duration::from_millis(100);

/// Linux flag of `open`: the terminal does not become the controlling terminal.
const O_NOCTTY: i32 = 0o400;

/// A running program and its terminal. Dropping it kills the program and closes the terminal.
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
    pub(super) output: Mutex<TerminalOutput>,
    pub(super) closed: AtomicBool,
}

pub(super) struct TerminalOutput {
    pub(super) parser: vt100::Parser,
    pub(super) raw: Vec<u8>,
}

impl Term {
    /// Presses keys; see [`keys`] for the notation. Makes a pause before every key that needs one because hapulse takes
    /// keys without a pause for pasted text, and after Escape, which would be Alt with the next key.
    pub fn press(&mut self, text: &str) {
        let mut is_after_escape = true;
        for key in keys::parse(text) {
            let is_text = matches!(key.as_slice(), [b'0'..=b'9' | b'a'..=b'z' | b' ' | b'/' | b':' | b'.' | b'-'])
                && !b"cdnquxy".contains(&key[0]);
            if is_after_escape || !is_text {
                self.wait_input_read();
            }
            self.paste(&key);
            is_after_escape = key == b"\x1b";
        }
    }

    /// Writes bytes to the program's input.
    pub fn paste(&mut self, bytes: &[u8]) {
        let writer = self.writer.as_mut().expect("the terminal is open");
        writer.write_all(bytes).and_then(|()| writer.flush()).expect("the terminal takes input");
    }

    /// Waits until the program has read all its input, for at most two seconds.
    ///
    /// `poll` waits until the kernel has delivered the bytes that were written. The queue must stay empty for longer than
    /// the pause that hapulse needs to see before a key.
    pub fn wait_input_read(&self) {
        let Some(tty) = self.tty() else { return };
        let end = Instant::now() + Duration::from_secs(2);
        let mut empty_since = Instant::now();
        while empty_since.elapsed() < QUIET && Instant::now() < end {
            let mut fds = [PollFd::new(&tty, PollFlags::IN)];
            if poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0) {
                empty_since = Instant::now();
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Stops or resumes the output, as Ctrl-S and Ctrl-Q do on a terminal that handles them.
    pub fn set_frozen(&self, is_frozen: bool) {
        let tty = self.tty().expect("the terminal is open");
        let action = if is_frozen { Action::OOff } else { Action::OOn };
        rustix::termios::tcflow(&tty, action).expect("a terminal can be stopped");
    }

    /// Returns the path of the program's side of the terminal.
    pub fn tty_path(&self) -> &Path {
        &self.tty
    }

    /// Opens the program's side of the terminal; `None` after [`Term::close`].
    fn tty(&self) -> Option<File> {
        self.master.as_ref()?;
        OpenOptions::new().read(true).write(true).custom_flags(O_NOCTTY).open(&self.tty).ok()
    }

    /// Returns the output so far.
    pub(super) fn output(&self) -> MutexGuard<'_, TerminalOutput> {
        lock(&self.shared.output)
    }

    /// Returns whether the output has ended and all of it was read.
    pub(super) fn output_ended(&self) -> bool {
        self.reader.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Changes the size; the program receives SIGWINCH.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        let (emulated_rows, emulated_cols) = launch::emulated_size(cols, rows);
        self.output().parser.set_size(emulated_rows, emulated_cols);
        let master = self.master.as_ref().expect("the terminal is open");
        master.resize(launch::pty_size(cols, rows)).expect("a terminal can be resized");
    }

    /// Returns whether the terminal is in raw mode: it passes on each key at once and without echo.
    pub fn is_raw(&self) -> bool {
        let tty = self.tty().expect("the terminal is open");
        let modes = rustix::termios::tcgetattr(&tty).expect("it is a terminal").local_modes;
        !modes.intersects(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// Returns all modes of the terminal's line discipline as text.
    pub fn line_modes(&self) -> String {
        let tty = self.tty().expect("the terminal is open");
        format!("{:?}", rustix::termios::tcgetattr(&tty).expect("it is a terminal"))
    }

    /// Sets modes that a shell sets for its commands: lines, echo and signals of keys.
    pub fn set_line_mode(&self) {
        let tty = self.tty().expect("the terminal is open");
        let mut modes = rustix::termios::tcgetattr(&tty).expect("it is a terminal");
        modes.input_modes |= InputModes::ICRNL | InputModes::IXON;
        modes.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
        modes.local_modes |= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        rustix::termios::tcsetattr(&tty, OptionalActions::Now, &modes).expect("modes can be set");
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns the program's home folder; it is empty unless the builder wrote a file.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Sends the program a signal: `"HUP"`, `"TERM"`, `"TSTP"` …
    pub fn signal(&self, name: &str) {
        assert!(self.exit.is_none(), "the program has ended");
        process::signal(self.pid, name);
    }

    /// Waits until the program exits and all its output is on the screen.
    pub fn exit(&mut self) -> ExitStatus {
        if let Some(status) = &self.exit {
            return status.clone();
        }
        let end = Instant::now() + DEADLINE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            assert!(Instant::now() < end, "the program did not exit; its screen:\n{}", self.framed());
            thread::sleep(Duration::from_millis(5));
        };
        if self.master.is_some() {
            wait_until("the terminal's last bytes", || self.output_ended());
        }
        self.exit = Some(status.clone());
        status
    }

    /// Waits until the program exits and returns its exit code; 1 if a signal ended it, see [`Term::exit`].
    pub fn exit_code(&mut self) -> u32 {
        self.exit().exit_code()
    }

    /// Closes the terminal, as a closed window or a lost connection does. Does not wait for the program.
    pub fn close(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        if let Some(tty) = self.tty() {
            // A frozen terminal would block the last byte.
            let _ = rustix::termios::tcflow(&tty, Action::OOn);
            // On drop the writer sends a newline and the end-of-file key, which a lost connection does not.
            // Without such a key it sends nothing.
            if let Ok(mut modes) = rustix::termios::tcgetattr(&tty) {
                modes.special_codes[SpecialCodeIndex::VEOF] = 0;
                let _ = rustix::termios::tcsetattr(&tty, OptionalActions::Now, &modes);
            }
            self.writer = None;
            // The reader keeps the terminal open while it waits for output; one byte ends the wait.
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
