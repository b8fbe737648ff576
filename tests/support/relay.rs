//! A relay in front of a real stats socket: it passes every byte on, both ways, and keeps what the client said.
//!
//! This is how a test proves what was *not* sent: the answers are a real HAProxy's, so hapulse behaves as it
//! does in front of one, and every request line is there to be looked at afterwards.
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

/// A running relay; it takes no more connections once it is dropped.
pub struct Relay {
    path: PathBuf,
    shared: Arc<RelayState>,
    acceptor: Option<JoinHandle<()>>,
    _folder: TempDir,
}

struct RelayState {
    target: PathBuf,
    /// What each client said, in the order they came.
    said: Mutex<Vec<Vec<u8>>>,
    stop: AtomicBool,
}

impl Relay {
    /// A relay to this socket, at a path of its own.
    pub fn to(target: &Path) -> Self {
        let folder = TempDir::with_prefix_in("relay", "/tmp").expect("/tmp can be written");
        let path = folder.path().join("relay.sock");
        let listener = UnixListener::bind(&path).expect("the folder is new");
        let shared = RelayState { target: target.to_owned(), said: Mutex::default(), stop: AtomicBool::new(false) };
        let shared = Arc::new(shared);
        let inner = Arc::clone(&shared);
        let acceptor = thread::spawn(move || accept(&listener, &inner));
        Self { path, shared, acceptor: Some(acceptor), _folder: folder }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was said, by connection.
    pub fn connections(&self) -> Vec<String> {
        lock(&self.shared.said).iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    /// Every request line, in the order of the connections.
    pub fn lines(&self) -> Vec<String> {
        self.connections().iter().flat_map(|said| said.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// Every command that is no question: neither `show …` nor the giving up of rights.
    pub fn write_commands(&self) -> Vec<String> {
        let lines = self.lines();
        let commands = lines.iter().flat_map(|line| line.split(';')).map(str::trim);
        commands.filter(|word| !word.starts_with("show ") && *word != "operator").map(str::to_owned).collect()
    }
}

fn accept(listener: &UnixListener, shared: &Arc<RelayState>) {
    for client in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(client) = client else { continue };
        let number = {
            let mut said = lock(&shared.said);
            said.push(Vec::new());
            said.len() - 1
        };
        // Without a HAProxy behind it the client sees a connection that ends at once.
        let Ok(server) = UnixStream::connect(&shared.target) else { continue };
        let (Ok(from_server), Ok(to_client)) = (server.try_clone(), client.try_clone()) else { continue };
        let said = Arc::clone(shared);
        thread::spawn(move || pass(client, server, |bytes| lock(&said.said)[number].extend_from_slice(bytes)));
        thread::spawn(move || {
            pass(from_server, to_client.try_clone().expect("a socket can be cloned"), |_| ());
            // HAProxy has closed: so must the reading side of the client, or its thread would wait for ever.
            let _ = to_client.shutdown(Shutdown::Both);
        });
    }
}

/// Copies one direction until it ends, and passes the end on. What is kept is kept before it is passed on.
fn pass(mut from: UnixStream, mut to: UnixStream, mut keep: impl FnMut(&[u8])) {
    let mut piece = [0; 16384];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        keep(&piece[..count]);
        if to.write_all(&piece[..count]).is_err() {
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
