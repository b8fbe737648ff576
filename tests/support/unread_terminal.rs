//! A terminal that takes what fits into its buffer and is never read: Ctrl-S, or an SSH connection that died.

use super::process;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::ffi::OsStr;
use std::io::{Read as _, Write};
use std::thread;
use std::time::Duration;

/// hapulse in such a terminal.
pub struct UnreadTerminal {
    pub child: Box<dyn Child + Send + Sync>,
    pub keys: Box<dyn Write + Send>,
    _master: Box<dyn MasterPty + Send>,
}

impl UnreadTerminal {
    /// Starts hapulse, and has it draw whole screens until the terminal takes no more.
    pub fn start(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let size = PtySize { cols: 200, rows: 60, pixel_width: 0, pixel_height: 0 };
        let starting = process::starting();
        let pair = native_pty_system().openpty(size).expect("a pseudo terminal opens");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_hapulse"));
        command.args(args);
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        drop(starting);
        let mut keys = pair.master.take_writer().expect("a terminal can be written");
        // The first byte says that it has begun; no other is ever read.
        let mut output = pair.master.try_clone_reader().expect("a terminal can be read");
        output.read_exact(&mut [0]).expect("the program draws");
        for _ in 0..30 {
            keys.write_all(b"\x0c").expect("the terminal takes input");
            thread::sleep(Duration::from_millis(30));
        }
        Self { child, keys, _master: pair.master }
    }
}
