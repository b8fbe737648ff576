//! Forwards every byte to and from a real stats socket and records the requests.
//!
//! With it a test proves that a command was *not* sent: the replies come from a real HAProxy, and every request line is
//! recorded.
//!
//! ```ignore
//! let relay = Relay::to(lab.user());
//! let mut term = Term::spawn([relay.path()], 120, 40);
//! assert!(relay.lines().iter().all(|line| line.starts_with("show ")));
//! ```

use super::lock;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use tempfile::TempDir;

/// A running relay; it accepts connections until it is dropped.
pub struct Relay {
    path: PathBuf,
    shared: Arc<RelayState>,
    acceptor: Option<JoinHandle<()>>,
    _folder: TempDir,
}

struct RelayState {
    /// The connections go to these sockets in turn.
    targets: Vec<PathBuf>,
    /// Bytes received per connection, in the order of the connections.
    received: Mutex<Vec<Vec<u8>>>,
    stop: AtomicBool,
}

impl Relay {
    /// Starts a relay to this socket with its own socket path.
    pub fn to(target: &Path) -> Self {
        Self::to_each_in_turn(&[target])
    }

    /// Starts a relay whose connections go to these sockets in turn, as if their processes shared one socket.
    pub fn to_each_in_turn(targets: &[&Path]) -> Self {
        let folder = TempDir::with_prefix_in("relay", "/tmp").expect("/tmp can be written");
        let path = folder.path().join("relay.sock");
        let listener = UnixListener::bind(&path).expect("the folder is new");
        let shared = RelayState {
            targets: targets.iter().map(|target| (*target).to_owned()).collect(),
            received: Mutex::default(),
            stop: AtomicBool::new(false),
        };
        let shared = Arc::new(shared);
        let inner = Arc::clone(&shared);
        let acceptor = thread::spawn(move || accept(&listener, &inner));
        Self { path, shared, acceptor: Some(acceptor), _folder: folder }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the received text of each connection.
    pub fn connections(&self) -> Vec<String> {
        lock(&self.shared.received).iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    /// Returns every request line, in the order of the connections.
    pub fn lines(&self) -> Vec<String> {
        self.connections().iter().flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// Returns every command except `show …` and `operator`, which lowers the level.
    pub fn write_commands(&self) -> Vec<String> {
        let lines = self.lines();
        let commands = lines.iter().flat_map(|line| line.split(';')).map(str::trim);
        commands.filter(|command| !command.starts_with("show ") && *command != "operator").map(str::to_owned).collect()
    }
}

fn accept(listener: &UnixListener, shared: &Arc<RelayState>) {
    for client in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(client) = client else { continue };
        let number = {
            let mut received = lock(&shared.received);
            received.push(Vec::new());
            received.len() - 1
        };
        // Without a HAProxy the client's connection ends at once.
        let Ok(server) = UnixStream::connect(&shared.targets[number % shared.targets.len()]) else { continue };
        let (Ok(from_server), Ok(to_client)) = (server.try_clone(), client.try_clone()) else { continue };
        let recorder = Arc::clone(shared);
        thread::spawn(move || {
            forward(client, server, |bytes| lock(&recorder.received)[number].extend_from_slice(bytes));
        });
        thread::spawn(move || {
            forward(from_server, to_client.try_clone().expect("a socket can be cloned"), |_| ());
            // HAProxy has closed. Close the client's side for reading too, or its thread would never end.
            let _ = to_client.shutdown(Shutdown::Both);
        });
    }
}

/// Copies one direction until it ends, then closes it. Records bytes before it forwards them.
fn forward(mut from: UnixStream, mut to: UnixStream, mut record: impl FnMut(&[u8])) {
    let mut chunk = [0; 16384];
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        record(&chunk[..count]);
        if to.write_all(&chunk[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        let _ = UnixStream::connect(&self.path);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}
