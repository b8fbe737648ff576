//! A stats socket in front of a real one that may come between a command and its answer: for what happens while an
//! act is under way, and when it goes wrong half way.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayFault {
    /// It is passed on, and so is its answer.
    None,
    /// The answer comes so much later.
    DelayReply(Duration),
    /// It is passed on, and no answer comes.
    WithholdReply,
    /// It is lost, and the connection ends.
    DropCommand,
}

/// A running socket; it ends with the test.
pub struct FaultyRelay {
    path: PathBuf,
    acts: Arc<Mutex<Vec<String>>>,
    _folder: TempDir,
}

impl FaultyRelay {
    /// In front of `target`; this becomes of lines in which `words` stand, and the others are passed on.
    pub fn to(target: &Path, words: &'static str, meddling: RelayFault) -> Self {
        let folder = TempDir::with_prefix_in("faulty-relay", "/tmp").expect("/tmp can be written");
        let path = folder.path().join("relay.sock");
        let listener = UnixListener::bind(&path).expect("the folder is new");
        let (acts, target) = (Arc::new(Mutex::new(Vec::new())), target.to_owned());
        let kept = Arc::clone(&acts);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (kept, target) = (Arc::clone(&kept), target.clone());
                let look = move |line: &str| if line.contains(words) { meddling } else { RelayFault::None };
                thread::spawn(move || pass(client, &target, &look, &kept));
            }
        });
        Self { path, acts, _folder: folder }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The commands that came and are no questions.
    pub fn write_commands(&self) -> Vec<String> {
        self.acts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One connection is one line. Whoever went away meanwhile does not matter.
fn pass(client: UnixStream, target: &Path, look: &dyn Fn(&str) -> RelayFault, acts: &Mutex<Vec<String>>) {
    let mut line = String::new();
    let Ok(copy) = client.try_clone() else { return };
    if BufReader::new(copy).read_line(&mut line).is_err() {
        return;
    }
    let mut client = client;
    let commands = line.trim_end().split(';').filter(|command| command.starts_with("set "));
    acts.lock().unwrap_or_else(PoisonError::into_inner).extend(commands.map(str::to_owned));
    let meddling = look(&line);
    if meddling == RelayFault::DropCommand {
        return;
    }
    let Ok(mut server) = UnixStream::connect(target) else { return };
    let mut answer = Vec::new();
    if server.write_all(line.as_bytes()).is_err() || server.read_to_end(&mut answer).is_err() {
        return;
    }
    match meddling {
        RelayFault::WithholdReply => thread::sleep(Duration::from_mins(1)),
        RelayFault::DelayReply(time) => thread::sleep(time),
        RelayFault::None | RelayFault::DropCommand => {}
    }
    let _ = client.write_all(&answer);
}
