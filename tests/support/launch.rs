//! Starts programs in a pseudo terminal.
//!
//! Only `PATH` is inherited from the environment. By default the home is an empty folder, the locale is UTF-8 and the
//! terminal is xterm-256color.

use super::term::{Term, TermState, TerminalOutput};
use super::{lock, process};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use std::ffi::OsStr;
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use tempfile::TempDir;

/// A program to start in a terminal, with its environment and size; see [`Term::builder`].
#[derive(Debug)]
pub struct TermBuilder {
    command: CommandBuilder,
    home: TempDir,
    cols: u16,
    rows: u16,
    emulated_size: Option<(u16, u16)>,
}

/// Returns the length of the output that a terminal shows: it shows a synchronized update only when its end arrives.
fn complete_frames_len(output: &[u8]) -> usize {
    const BEGIN: &[u8] = b"\x1b[?2026h";
    const END: &[u8] = b"\x1b[?2026l";
    let last = |mark: &[u8]| output.windows(mark.len()).rposition(|window| window == mark);
    match (last(BEGIN), last(END)) {
        (Some(begin), None) => begin,
        (Some(begin), Some(end)) if end < begin => begin,
        // The start of a `BEGIN` may be the last bytes read.
        _ => {
            let part = (1..BEGIN.len()).rev().find(|length| output.ends_with(&BEGIN[..*length]));
            output.len() - part.unwrap_or(0)
        }
    }
}

impl TermBuilder {
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    pub fn size(mut self, cols: u16, rows: u16) -> Self {
        (self.cols, self.rows) = (cols, rows);
        self
    }

    /// Sets the size of the emulator, if it differs from the size that the terminal reports.
    pub fn emulated_size(mut self, cols: u16, rows: u16) -> Self {
        self.emulated_size = Some((cols, rows));
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Returns the program's home folder, which exists before the program starts, for a configuration file.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn start(self) -> Term {
        let guard = process::lock_start();
        let pair = native_pty_system().openpty(pty_size(self.cols, self.rows)).expect("a pseudo terminal opens");
        let child = pair.slave.spawn_command(self.command).expect("the program starts");
        drop(pair.slave);
        let mut pty_output = pair.master.try_clone_reader().expect("a terminal can be read");
        let writer = pair.master.take_writer().expect("a terminal can be written");
        drop(guard);
        let shared = Arc::new(TermState {
            output: Mutex::new(TerminalOutput {
                parser: emulator(self.emulated_size.unwrap_or((self.cols, self.rows))),
                raw: Vec::new(),
            }),
            closed: AtomicBool::new(false),
        });
        let inner = Arc::clone(&shared);
        let reader = thread::spawn(move || {
            let mut chunk = [0; 16384];
            let mut pending = Vec::new();
            while let Ok(count @ 1..) = pty_output.read(&mut chunk) {
                if inner.closed.load(Ordering::SeqCst) {
                    return;
                }
                pending.extend_from_slice(&chunk[..count]);
                let mut output = lock(&inner.output);
                output.raw.extend_from_slice(&chunk[..count]);
                let complete: Vec<u8> = pending.drain(..complete_frames_len(&pending)).collect();
                output.parser.process(&complete);
            }
            lock(&inner.output).parser.process(&pending);
        });
        Term {
            pid: child.process_id().expect("a started program has a pid"),
            child,
            tty: pair.master.tty_name().expect("a terminal has a name"),
            master: Some(pair.master),
            writer: Some(writer),
            reader: Some(reader),
            shared,
            exit: None,
            home: self.home,
        }
    }
}

impl Term {
    /// Starts hapulse with these arguments in a terminal of this size.
    pub fn spawn(args: impl IntoIterator<Item = impl AsRef<OsStr>>, cols: u16, rows: u16) -> Self {
        Self::builder().args(args).size(cols, rows).start()
    }

    /// Returns a builder for hapulse in a terminal of 80x24.
    pub fn builder() -> TermBuilder {
        Self::program(env!("CARGO_BIN_EXE_hapulse"))
    }

    /// Returns a builder for any program, such as a shell that starts hapulse.
    pub fn program(program: impl AsRef<OsStr>) -> TermBuilder {
        let home = TempDir::with_prefix("home").expect("a temporary folder can be made");
        let mut command = CommandBuilder::new(program);
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", home.path());
        command.env("LANG", "C.UTF-8");
        command.env("TERM", "xterm-256color");
        command.cwd(home.path());
        TermBuilder { command, home, cols: 80, rows: 24, emulated_size: None }
    }
}

pub fn pty_size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

/// Returns an emulator of this size; 80x24 if the size is unknown, and no larger than hapulse draws.
fn emulator((cols, rows): (u16, u16)) -> vt100::Parser {
    let (rows, cols) = emulated_size(cols, rows);
    vt100::Parser::new(rows, cols, 0)
}

/// Returns the rows and columns to emulate for a terminal that reports this size.
pub(super) fn emulated_size(cols: u16, rows: u16) -> (NonZeroU16, NonZeroU16) {
    let size = |reported: u16, default: u16, most: u16| {
        NonZeroU16::new(if reported == 0 { default } else { reported.min(most) }).expect("it is not zero")
    };
    (size(rows, 24, 500), size(cols, 80, 1000))
}
