//! A terminal whose output is never read, as after Ctrl-S or a lost SSH connection: writes block once its buffer is full.

use super::process;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::ffi::OsStr;
use std::io::{Read as _, Write};
use std::thread;
use std::time::Duration;

/// hapulse in a terminal whose output is never read.
pub struct UnreadTerminal {
    pub child: Box<dyn Child + Send + Sync>,
    pub keys: Box<dyn Write + Send>,
    _master: Box<dyn MasterPty + Send>,
}

impl UnreadTerminal {
    /// Starts hapulse and makes it redraw the screen until the terminal's buffer is full.
    pub fn start(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let size = PtySize { cols: 200, rows: 60, pixel_width: 0, pixel_height: 0 };
        let guard = process::lock_start();
        let pair = native_pty_system().openpty(size).expect("a pseudo terminal opens");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_hapulse"));
        command.args(args);
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        drop(guard);
        let mut keys = pair.master.take_writer().expect("a terminal can be written");
        // The first byte shows that the program started; no other byte is read.
        let mut output = pair.master.try_clone_reader().expect("a terminal can be read");
        output.read_exact(&mut [0]).expect("the program draws");
        for _ in 0..30 {
            keys.write_all(b"\x0c").expect("the terminal takes input");
            thread::sleep(Duration::from_millis(30));
        }
        Self { child, keys, _master: pair.master }
    }
}
