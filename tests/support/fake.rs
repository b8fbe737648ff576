//! A scripted stats socket for what a real HAProxy cannot be made to do: slow, truncated, missing or invalid replies.
//!
//! It is a Unix socket with one thread per connection. A closure or one of the predefined behaviors handles each line;
//! [`FakeSocket::set_behavior`] changes the behavior during the test. Every received byte is recorded.
//!
//! ```ignore
//! let fake = FakeSocket::with_replies(CannedReplies::new().on("show info", info).on("show stat", stat));
//! fake.set_behavior(FakeSocket::cutting(replies, 1000));
//! assert_eq!(fake.received(), ["show info;show stat"]);
//! ```

use super::haproxy::Lab;
use super::lock;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tempfile::TempDir;

type Handler = dyn Fn(&str, &mut UnixStream) + Send + Sync;

/// Handling of a connection by a fake socket.
#[derive(Clone)]
pub enum FakeBehavior {
    /// Closes the connection without reading.
    Close,
    /// Reads one line, passes it to the closure without its line end, and closes when the closure returns.
    HandleLine(Arc<Handler>),
}

/// Replies by command, recorded from a real HAProxy or made up.
#[derive(Debug, Clone, Default)]
pub struct CannedReplies(BTreeMap<String, Vec<u8>>);

impl CannedReplies {
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the reply to a command. It is sent unchanged, so it must include its final empty line.
    pub fn on(mut self, command: &str, reply: impl Into<Vec<u8>>) -> Self {
        self.0.insert(command.into(), reply.into());
        self
    }

    /// Records the current replies of a real HAProxy to these commands.
    pub fn record(lab: &Lab, commands: &[&str]) -> Self {
        let record = |replies: Self, command: &&str| replies.on(command, lab.send_command(command));
        commands.iter().fold(Self::new(), record)
    }

    /// Returns the replies to all commands of a line, concatenated. The reply to an unknown command is an empty line, as
    /// HAProxy replies to an action that succeeded.
    pub fn reply_to(&self, line: &str) -> Vec<u8> {
        let reply = |command: &str| self.0.get(command.trim()).cloned();
        let replies = line.split(';').map(|command| reply(command).unwrap_or_else(|| b"\n".to_vec()));
        replies.collect::<Vec<_>>().concat()
    }
}

/// A running fake socket; dropping it ends it.
pub struct FakeSocket {
    path: PathBuf,
    shared: Arc<FakeState>,
    acceptor: Option<JoinHandle<()>>,
    _folder: TempDir,
}

struct FakeState {
    behavior: Mutex<FakeBehavior>,
    /// Bytes received per connection, in the order of the connections.
    received: Mutex<Vec<Vec<u8>>>,
    /// Open connections, closed on drop.
    open: Mutex<BTreeMap<usize, UnixStream>>,
    stop: AtomicBool,
}

impl FakeSocket {
    /// Starts a fake socket that calls `handler` with each line and the connection for the reply.
    pub fn with_handler(handler: impl Fn(&str, &mut UnixStream) + Send + Sync + 'static) -> Self {
        Self::start(FakeBehavior::HandleLine(Arc::new(handler)))
    }

    /// Starts a fake socket that sends these replies.
    pub fn with_replies(replies: CannedReplies) -> Self {
        Self::start(Self::replying(replies))
    }

    pub fn start(behavior: FakeBehavior) -> Self {
        let folder = TempDir::with_prefix_in("fake", "/tmp").expect("/tmp can be written");
        let path = folder.path().join("admin.sock");
        let listener = UnixListener::bind(&path).expect("the folder is new");
        let shared = Arc::new(FakeState {
            behavior: Mutex::new(behavior),
            received: Mutex::default(),
            open: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let inner = Arc::clone(&shared);
        let acceptor = thread::spawn(move || accept(&listener, &inner));
        Self { path, shared, acceptor: Some(acceptor), _folder: folder }
    }

    /// Starts a fake socket that sends the replies of `request`, and replaces commands that start with `command` by another
    /// one, so that they have no effect although HAProxy accepts them.
    pub fn replacing(
        command: &'static str,
        replacement: &'static str,
        request: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Self {
        Self::with_handler(move |line, stream| {
            let replace = |part: &str| if part.starts_with(command) { replacement } else { part }.to_owned();
            let line = line.split(';').map(replace).collect::<Vec<_>>().join(";");
            let _ = stream.write_all(request(&line).as_bytes());
        })
    }

    /// Changes the behavior for the next connections.
    pub fn set_behavior(&self, behavior: FakeBehavior) {
        *lock(&self.shared.behavior) = behavior;
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number of connections so far.
    pub fn connections(&self) -> usize {
        lock(&self.shared.received).len()
    }

    /// Returns every received line, in the order of the connections.
    pub fn received(&self) -> Vec<String> {
        let text = self.received_bytes();
        let text = text.iter().map(|bytes| String::from_utf8_lossy(bytes));
        text.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// Returns the received bytes of each connection.
    pub fn received_bytes(&self) -> Vec<Vec<u8>> {
        lock(&self.shared.received).clone()
    }

    /// Sends these replies.
    pub fn replying(replies: CannedReplies) -> FakeBehavior {
        Self::handling_lines(move |line, stream| drop(stream.write_all(&replies.reply_to(line))))
    }

    /// Sends each reply in chunks of `bytes` bytes with a pause after each.
    pub fn trickling(replies: CannedReplies, bytes: usize, pause: Duration) -> FakeBehavior {
        Self::handling_lines(move |line, stream| {
            for chunk in replies.reply_to(line).chunks(bytes) {
                if stream.write_all(chunk).is_err() {
                    return;
                }
                thread::sleep(pause);
            }
        })
    }

    /// Closes the connection after this many bytes of the reply.
    pub fn cutting(replies: CannedReplies, bytes: usize) -> FakeBehavior {
        Self::handling_lines(move |line, stream| {
            let reply = replies.reply_to(line);
            let _ = stream.write_all(&reply[..reply.len().min(bytes)]);
        })
    }

    /// Reads and never replies; the other side must close the connection.
    pub fn silent() -> FakeBehavior {
        Self::handling_lines(|_, stream| while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {})
    }

    /// Accepts connections and closes them without reading.
    pub fn closing() -> FakeBehavior {
        FakeBehavior::Close
    }

    /// Sends one endless line, as fast as it is read.
    pub fn endless() -> FakeBehavior {
        Self::handling_lines(|_, stream| while stream.write_all(&[b'a'; 8192]).is_ok() {})
    }

    /// Sends this many pseudo-random bytes, the same in every run.
    pub fn garbage(bytes: usize) -> FakeBehavior {
        Self::handling_lines(move |_, stream| {
            let mut random = fastrand::Rng::with_seed(7);
            let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(bytes).collect();
            let _ = stream.write_all(&bytes);
        })
    }

    /// Calls `handler` with each line and the connection for the reply; for [`FakeSocket::set_behavior`].
    pub fn handling_lines(handler: impl Fn(&str, &mut UnixStream) + Send + Sync + 'static) -> FakeBehavior {
        FakeBehavior::HandleLine(Arc::new(handler))
    }
}

fn accept(listener: &UnixListener, shared: &Arc<FakeState>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let number = {
            let mut received = lock(&shared.received);
            received.push(Vec::new());
            received.len() - 1
        };
        let handler = match &*lock(&shared.behavior) {
            FakeBehavior::Close => continue,
            FakeBehavior::HandleLine(handler) => Arc::clone(handler),
        };
        lock(&shared.open).extend(stream.try_clone().map(|copy| (number, copy)));
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            let mut stream = stream;
            if let Some(line) = read_line(&mut stream, &shared, number) {
                handler(&line, &mut stream);
                // Bytes after the line are recorded too, so that a test sees a client that sends more than one.
                let _ = stream.set_nonblocking(true);
                let mut rest = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut rest) {
                    lock(&shared.received)[number].extend_from_slice(&rest[..count]);
                }
            }
            let _ = stream.shutdown(Shutdown::Both);
            lock(&shared.open).remove(&number);
        });
    }
}

/// Reads up to the first line end; `None` if the connection ends before it.
fn read_line(stream: &mut UnixStream, shared: &FakeState, number: usize) -> Option<String> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while let Ok(1) = stream.read(&mut byte) {
        lock(&shared.received)[number].push(byte[0]);
        if byte[0] == b'\n' {
            return Some(String::from_utf8_lossy(&line).into_owned());
        }
        line.push(byte[0]);
    }
    None
}

impl Drop for FakeSocket {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        let _ = UnixStream::connect(&self.path);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        for stream in lock(&self.shared.open).values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
