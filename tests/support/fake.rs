//! A scripted stats socket, for what a real HAProxy cannot be made to do: to trickle, to cut an answer in the
//! middle, to say nothing, to talk nonsense.
//!
//! It is a Unix socket and a thread a connection. What it does with a line is a closure, or one of the ready-made
//! behaviours; [`Fake::set`] changes it while the test runs, so a story such as "fine, then silent, then fine
//! again" is three lines. Every byte that arrives is kept.
//!
//! ```ignore
//! let fake = Fake::recorded(Answers::new().on("show info", info).on("show stat", stat));
//! fake.set(Fake::cutting(answers, 1000));
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

/// What a fake does with a connection.
#[derive(Clone)]
pub enum Behaviour {
    /// Closes it at once, unread.
    Refuse,
    /// Reads one line, hands it over without its end, and closes when the closure returns.
    Line(Arc<Handler>),
}

/// Answers by command: those of a real HAProxy, or any bytes.
#[derive(Debug, Clone, Default)]
pub struct Answers(BTreeMap<String, Vec<u8>>);

impl Answers {
    pub fn new() -> Self {
        Self::default()
    }

    /// The answer to a command, sent as it is: its empty line belongs to it.
    pub fn on(mut self, command: &str, answer: impl Into<Vec<u8>>) -> Self {
        self.0.insert(command.into(), answer.into());
        self
    }

    /// What a real HAProxy answers now to each of these commands.
    pub fn recorded(lab: &Lab, commands: &[&str]) -> Self {
        let record = |answers: Self, command: &&str| answers.on(command, lab.ask(command));
        commands.iter().fold(Self::new(), record)
    }

    /// The answers to the commands of one line, one after the other. A command nobody recorded is answered
    /// with an empty line, which is what HAProxy says to an act that succeeded.
    pub fn reply(&self, line: &str) -> Vec<u8> {
        let answer = |command: &str| self.0.get(command.trim()).cloned();
        let answers = line.split(';').map(|one| answer(one).unwrap_or_else(|| b"\n".to_vec()));
        answers.collect::<Vec<_>>().concat()
    }
}

/// A running fake; it ends when it is dropped.
pub struct Fake {
    path: PathBuf,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
    _folder: TempDir,
}

struct Shared {
    behaviour: Mutex<Behaviour>,
    /// One a connection, in the order they came.
    received: Mutex<Vec<Vec<u8>>>,
    /// Those not finished yet, to be cut at the end.
    open: Mutex<BTreeMap<usize, UnixStream>>,
    stop: AtomicBool,
}

impl Fake {
    /// A fake that calls this with each line and the connection to answer on.
    pub fn unix(handler: impl Fn(&str, &mut UnixStream) + Send + Sync + 'static) -> Self {
        Self::start(Behaviour::Line(Arc::new(handler)))
    }

    /// A fake that answers as recorded.
    pub fn recorded(answers: Answers) -> Self {
        Self::start(Self::answering(answers))
    }

    pub fn start(behaviour: Behaviour) -> Self {
        let folder = TempDir::with_prefix_in("fake", "/tmp").expect("/tmp can be written");
        let path = folder.path().join("admin.sock");
        let listener = UnixListener::bind(&path).expect("the folder is new");
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(behaviour),
            received: Mutex::default(),
            open: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let inner = Arc::clone(&shared);
        let acceptor = thread::spawn(move || accept(&listener, &inner));
        Self { path, shared, acceptor: Some(acceptor), _folder: folder }
    }

    /// Behaves this way from the next connection on.
    pub fn set(&self, behaviour: Behaviour) {
        *lock(&self.shared.behaviour) = behaviour;
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How often somebody connected.
    pub fn connections(&self) -> usize {
        lock(&self.shared.received).len()
    }

    /// Every line received, in the order of the connections; for one that sent nothing, nothing.
    pub fn received(&self) -> Vec<String> {
        let text = self.received_bytes();
        let text = text.iter().map(|bytes| String::from_utf8_lossy(bytes));
        text.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// Every byte received, by connection.
    pub fn received_bytes(&self) -> Vec<Vec<u8>> {
        lock(&self.shared.received).clone()
    }

    /// Answers as recorded.
    pub fn answering(answers: Answers) -> Behaviour {
        Self::line(move |line, stream| drop(stream.write_all(&answers.reply(line))))
    }

    /// Sends this many bytes, waits this long, and so on to the end.
    pub fn trickling(answers: Answers, bytes: usize, every: Duration) -> Behaviour {
        Self::line(move |line, stream| {
            for piece in answers.reply(line).chunks(bytes) {
                if stream.write_all(piece).is_err() {
                    return;
                }
                thread::sleep(every);
            }
        })
    }

    /// Closes after this many bytes of the answer.
    pub fn cutting(answers: Answers, bytes: usize) -> Behaviour {
        Self::line(move |line, stream| {
            let answer = answers.reply(line);
            let _ = stream.write_all(&answer[..answer.len().min(bytes)]);
        })
    }

    /// Reads, and never answers; keeps the connection until the other side closes it.
    pub fn silent() -> Behaviour {
        Self::line(|_, stream| while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {})
    }

    /// Accepts and closes, unread.
    pub fn closing() -> Behaviour {
        Behaviour::Refuse
    }

    /// One line that does not end, as fast as it is read.
    pub fn endless() -> Behaviour {
        Self::line(|_, stream| while stream.write_all(&[b'a'; 8192]).is_ok() {})
    }

    /// This many bytes of anything, the same on every run.
    pub fn garbage(bytes: usize) -> Behaviour {
        Self::line(move |_, stream| {
            let mut random = fastrand::Rng::with_seed(7);
            let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(bytes).collect();
            let _ = stream.write_all(&bytes);
        })
    }

    /// A behaviour of the test's own, for [`Fake::set`].
    pub fn line(handler: impl Fn(&str, &mut UnixStream) + Send + Sync + 'static) -> Behaviour {
        Behaviour::Line(Arc::new(handler))
    }
}

fn accept(listener: &UnixListener, shared: &Arc<Shared>) {
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
        let handler = match &*lock(&shared.behaviour) {
            Behaviour::Refuse => continue,
            Behaviour::Line(handler) => Arc::clone(handler),
        };
        lock(&shared.open).extend(stream.try_clone().map(|copy| (number, copy)));
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            let mut stream = stream;
            if let Some(line) = read_line(&mut stream, &shared, number) {
                handler(&line, &mut stream);
                // What came after the line is kept too, so that a chatty client is seen.
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

/// Reads to the first line end, byte by byte as the test is in no hurry. `None`: there was none.
fn read_line(stream: &mut UnixStream, shared: &Shared, number: usize) -> Option<String> {
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

impl Drop for Fake {
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
