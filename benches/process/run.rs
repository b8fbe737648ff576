//! A program that runs in a pseudo terminal. Each piece of output gets a timestamp when it arrives.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use tempfile::TempDir;

use crate::programs::Program;

/// Maximum time to wait for output.
const DEADLINE: Duration = Duration::from_mins(1);
/// Minimum pause in the output that separates two refreshes.
const REFRESH_GAP: Duration = Duration::from_millis(150);

pub struct ProgramRun {
    pub started: Instant,
    pub pid: u32,
    output_pieces: Receiver<(Instant, Vec<u8>)>,
    keys: Box<dyn Write + Send>,
    parser: vt100::Parser,
    child: Box<dyn Child + Send + Sync>,
    _home: TempDir,
}

impl ProgramRun {
    pub fn start(program: &Program, socket: &Path, (cols, rows): (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let home = TempDir::with_prefix("home").unwrap();
        let mut command = CommandBuilder::new(&program.path);
        command.args(program.args_for(socket));
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", home.path());
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        let started = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let (sender, output_pieces) = mpsc::channel();
        thread::spawn(move || {
            let _master = pair.master;
            let mut piece = vec![0; 1 << 16];
            while let Ok(count @ 1..) = output.read(&mut piece) {
                if sender.send((Instant::now(), piece[..count].to_vec())).is_err() {
                    return;
                }
            }
        });
        let nonzero = |number| NonZeroU16::new(number).unwrap();
        let parser = vt100::Parser::new(nonzero(rows), nonzero(cols), 0);
        Self { started, pid: child.process_id().unwrap(), output_pieces, keys, parser, child, _home: home }
    }

    pub fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    pub fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Waits until `check` returns true for the screen, and returns the arrival time of the output that caused this.
    pub fn wait_for(&mut self, check: impl Fn(&vt100::Screen) -> bool) -> Instant {
        let end = Instant::now() + DEADLINE;
        let mut at = Instant::now();
        while !check(self.parser.screen()) {
            let left = end.saturating_duration_since(Instant::now());
            let piece = self.output_pieces.recv_timeout(left);
            let (arrived_at, piece) = piece.unwrap_or_else(|_| panic!("timeout; the screen shows:\n{}", self.text()));
            self.parser.process(&piece);
            at = arrived_at;
        }
        at
    }

    pub fn wait_for_text(&mut self, check: impl Fn(&str) -> bool) -> Instant {
        self.wait_for(|screen| check(&screen.contents()))
    }

    /// Sends keys, and returns the time of sending. Output that has already arrived is processed first, so that it does
    /// not count as a response.
    pub fn press(&mut self, keys: &str) -> Instant {
        while let Ok((_, piece)) = self.output_pieces.try_recv() {
            self.parser.process(&piece);
        }
        let at = Instant::now();
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).unwrap();
        at
    }

    /// Processes output until the time `end`, and returns the number of bytes.
    pub fn drain_until(&mut self, end: Instant) -> usize {
        let mut bytes = 0;
        while let Ok((_, piece)) = self.output_pieces.recv_timeout(end.saturating_duration_since(Instant::now())) {
            bytes += piece.len();
            self.parser.process(&piece);
        }
        assert!(Instant::now() >= end, "the program ended; the screen shows:\n{}", self.text());
        bytes
    }

    /// Waits for the next `count` refreshes, and returns the number of bytes in their output.
    pub fn wait_for_refreshes(&mut self, count: usize) -> usize {
        let (mut seen, mut bytes) = (0, 0);
        let mut last: Option<Instant> = None;
        loop {
            let is_last = seen == count;
            let wait = if is_last { REFRESH_GAP } else { DEADLINE };
            match self.output_pieces.recv_timeout(wait) {
                Ok((at, piece)) => {
                    seen += usize::from(last.is_none_or(|last| at - last > REFRESH_GAP));
                    last = Some(at);
                    bytes += piece.len();
                    self.parser.process(&piece);
                }
                Err(_) if is_last => return bytes,
                Err(error) => panic!("no refresh, {error}; the screen shows:\n{}", self.text()),
            }
        }
    }
}

impl Drop for ProgramRun {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
