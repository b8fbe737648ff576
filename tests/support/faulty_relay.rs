//! Forwards to a real stats socket and delays or drops chosen commands or their replies, for tests of actions that are in
//! flight or fail half way.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// Handling of a line by the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayFault {
    /// Forwards the line and the reply.
    None,
    /// Forwards the reply after this delay.
    DelayReply(Duration),
    /// Forwards the line but not the reply, for one minute.
    WithholdReply,
    /// Forwards the line and the first byte of the reply, and the rest after one minute.
    StallReply,
    /// Does not forward the line and closes the connection.
    DropCommand,
    /// Forwards the line and closes the connection without the reply.
    DropReply,
}

/// A running relay; it ends with the test.
pub struct FaultyRelay {
    path: PathBuf,
    write_commands: Arc<Mutex<Vec<String>>>,
    _folder: TempDir,
}

impl FaultyRelay {
    /// Starts a relay to `target` that applies `fault` to lines that contain `text`.
    pub fn to(target: &Path, text: &'static str, fault: RelayFault) -> Self {
        let folder = TempDir::with_prefix_in("faulty-relay", "/tmp").expect("/tmp can be written");
        let path = folder.path().join("relay.sock");
        let listener = UnixListener::bind(&path).expect("the folder is new");
        let (write_commands, target) = (Arc::new(Mutex::new(Vec::new())), target.to_owned());
        let recorded = Arc::clone(&write_commands);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (recorded, target) = (Arc::clone(&recorded), target.clone());
                let fault_of = move |line: &str| if line.contains(text) { fault } else { RelayFault::None };
                thread::spawn(move || forward(client, &target, &fault_of, &recorded));
            }
        });
        Self { path, write_commands, _folder: folder }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the received `set` commands.
    pub fn write_commands(&self) -> Vec<String> {
        self.write_commands.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Forwards the only line of a connection. Ignores closed connections.
fn forward(client: UnixStream, target: &Path, fault_of: &dyn Fn(&str) -> RelayFault, recorded: &Mutex<Vec<String>>) {
    let mut line = String::new();
    let Ok(copy) = client.try_clone() else { return };
    if BufReader::new(copy).read_line(&mut line).is_err() {
        return;
    }
    let mut client = client;
    let commands = line.trim_end().split(';').filter(|command| command.starts_with("set "));
    recorded.lock().unwrap_or_else(PoisonError::into_inner).extend(commands.map(str::to_owned));
    let fault = fault_of(&line);
    if fault == RelayFault::DropCommand {
        return;
    }
    let Ok(mut server) = UnixStream::connect(target) else { return };
    let mut reply = Vec::new();
    if server.write_all(line.as_bytes()).is_err() || server.read_to_end(&mut reply).is_err() {
        return;
    }
    match fault {
        RelayFault::WithholdReply => thread::sleep(Duration::from_mins(1)),
        RelayFault::DelayReply(time) => thread::sleep(time),
        RelayFault::DropReply => return,
        RelayFault::StallReply => {
            let _ = client.write_all(&reply[..1]);
            thread::sleep(Duration::from_mins(1));
            reply.remove(0);
        }
        RelayFault::None | RelayFault::DropCommand => {}
    }
    let _ = client.write_all(&reply);
}
