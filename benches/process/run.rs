//! A program in a terminal, each piece of its output stamped as it arrives.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use tempfile::TempDir;

use crate::programs::Program;

/// What takes longer than this does not come.
const DEADLINE: Duration = Duration::from_mins(1);
/// Pieces of one refresh come closer to each other than this.
const SAME_REFRESH: Duration = Duration::from_millis(150);

pub struct Run {
    pub started: Instant,
    pub pid: u32,
    pieces: Receiver<(Instant, Vec<u8>)>,
    keys: Box<dyn Write + Send>,
    parser: vt100::Parser,
    child: Box<dyn Child + Send + Sync>,
    _home: TempDir,
}

impl Run {
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
        let (sender, pieces) = mpsc::channel();
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
        Self { started, pid: child.process_id().unwrap(), pieces, keys, parser, child, _home: home }
    }

    pub fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    pub fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// When the screen first passed the check, in output order.
    pub fn when(&mut self, check: impl Fn(&vt100::Screen) -> bool) -> Instant {
        let end = Instant::now() + DEADLINE;
        let mut at = Instant::now();
        while !check(self.parser.screen()) {
            let left = end.saturating_duration_since(Instant::now());
            let piece = self.pieces.recv_timeout(left);
            let (came, piece) = piece.unwrap_or_else(|_| panic!("waited too long; the screen:\n{}", self.text()));
            self.parser.process(&piece);
            at = came;
        }
        at
    }

    pub fn when_text(&mut self, check: impl Fn(&str) -> bool) -> Instant {
        self.when(|screen| check(&screen.contents()))
    }

    /// Types these bytes; what has come so far belongs to the time before them.
    pub fn press(&mut self, keys: &str) -> Instant {
        while let Ok((_, piece)) = self.pieces.try_recv() {
            self.parser.process(&piece);
        }
        let at = Instant::now();
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).unwrap();
        at
    }

    /// Takes what comes until then; gives the bytes of it.
    pub fn drain_until(&mut self, end: Instant) -> usize {
        let mut bytes = 0;
        while let Ok((_, piece)) = self.pieces.recv_timeout(end.saturating_duration_since(Instant::now())) {
            bytes += piece.len();
            self.parser.process(&piece);
        }
        assert!(Instant::now() >= end, "the program ended; the screen:\n{}", self.text());
        bytes
    }

    /// Waits for so many refreshes from the next one on; gives the bytes that came with them.
    pub fn refreshes(&mut self, count: usize) -> usize {
        let (mut seen, mut bytes) = (0, 0);
        let mut last: Option<Instant> = None;
        loop {
            let is_last = seen == count;
            let wait = if is_last { SAME_REFRESH } else { DEADLINE };
            match self.pieces.recv_timeout(wait) {
                Ok((at, piece)) => {
                    seen += usize::from(last.is_none_or(|last| at - last > SAME_REFRESH));
                    last = Some(at);
                    bytes += piece.len();
                    self.parser.process(&piece);
                }
                Err(_) if is_last => return bytes,
                Err(why) => panic!("no refresh, {why}; the screen:\n{}", self.text()),
            }
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
