//! The socket in front of the world: accepting, reading one line, answering, closing.
//!
//! One thread accepts, one lets time pass, and each connection has its own, at most ten at once as with
//! `stats maxconn`; an eleventh waits in the kernel. The world is behind one mutex. All of it ends with the
//! `Demo`, which also removes the socket and its directory.

use std::fs::{self, DirBuilder};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::demo::interpreter;
use crate::demo::permission::Level;
use crate::demo::world::World;

/// `stats maxconn`
const CONNECTIONS: usize = 10;
/// `stats timeout`
const TIMEOUT: Duration = Duration::from_secs(10);
/// `tune.bufsize`: a longer line is not taken.
const LINE: usize = 16_384;
/// How often the world moves when nobody asks.
const TICK: Duration = Duration::from_millis(100);
/// The most that is caught up after a pause; what is beyond never happened.
const CATCH_UP: Duration = Duration::from_secs(30);

/// How a simulated `HAProxy` is to be.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The same seed gives the same world.
    pub seed: u64,
    /// Plain backends of four servers each, besides the named ones: for a site with many rows.
    pub extra_backends: usize,
    /// What a connection may do.
    pub level: Level,
    /// How long the process seems to have run when it starts.
    pub warm_up: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, extra_backends: 0, level: Level::Admin, warm_up: Duration::from_hours(76) }
    }
}

/// The world, and how far the real clock has moved it.
struct Clocked {
    world: World,
    moved: Instant,
}

impl Clocked {
    /// Lets the time pass that passed since the last call.
    fn catch_up(&mut self) {
        let now = Instant::now();
        let passed = now.saturating_duration_since(self.moved);
        self.moved = now;
        self.world.advance(passed.min(CATCH_UP));
    }
}

struct Shared {
    clocked: Mutex<Clocked>,
    level: Level,
    open: Mutex<usize>,
    closed: Condvar,
    over: AtomicBool,
}

/// A lock is taken even after a panic elsewhere: numbers that are a little wrong do no harm here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running simulated `HAProxy`; dropping it ends it and removes its socket.
pub struct Demo {
    directory: PathBuf,
    socket: PathBuf,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// Starts the simulated `HAProxy` on a Unix socket in a fresh private directory; the socket and directory go
/// away on drop.
///
/// # Errors
/// When the directory, the socket or a thread cannot be made.
pub fn start(options: Options) -> io::Result<Demo> {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let world = World::new(options.seed, options.warm_up, wall, options.extra_backends);
    let directory = private_directory()?;
    let socket = directory.join("haproxy.sock");
    let shared = Arc::new(Shared {
        clocked: Mutex::new(Clocked { world, moved: Instant::now() }),
        level: options.level,
        open: Mutex::new(0),
        closed: Condvar::new(),
        over: AtomicBool::new(false),
    });
    // From here on, dropping removes what was made, also when a later step fails.
    let mut demo = Demo { directory, socket, shared, threads: Vec::new() };
    let listener = UnixListener::bind(&demo.socket)?;
    let shared = Arc::clone(&demo.shared);
    let ticker = thread::Builder::new().name("demo-time".into()).spawn(move || keep_time(&shared))?;
    demo.threads.push(ticker);
    let shared = Arc::clone(&demo.shared);
    let acceptor = thread::Builder::new().name("demo-accept".into()).spawn(move || accept(&listener, &shared))?;
    demo.threads.push(acceptor);
    Ok(demo)
}

impl Demo {
    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Lets time pass in the simulation at once, besides the time that really passes.
    pub fn advance(&self, time: Duration) {
        lock(&self.shared.clocked).world.advance(time);
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        self.shared.closed.notify_all();
        // The acceptor sits in accept; a last connection wakes it.
        drop(UnixStream::connect(&self.socket));
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            drop(thread.join());
        }
        drop(fs::remove_dir_all(&self.directory));
    }
}

/// A directory nobody else can enter, under the temporary one.
fn private_directory() -> io::Result<PathBuf> {
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..16 {
        let name = format!("hapulse-demo-{}-{:06x}", std::process::id(), fastrand::u32(..0x0100_0000));
        let directory = std::env::temp_dir().join(name);
        match DirBuilder::new().mode(0o700).create(&directory) {
            Ok(()) => return Ok(directory),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn keep_time(shared: &Shared) {
    while !shared.over.load(Ordering::SeqCst) {
        lock(&shared.clocked).catch_up();
        thread::park_timeout(TICK);
    }
}

fn accept(listener: &UnixListener, shared: &Arc<Shared>) {
    while !shared.over.load(Ordering::SeqCst) {
        let mut open = lock(&shared.open);
        while *open >= CONNECTIONS && !shared.over.load(Ordering::SeqCst) {
            open = shared.closed.wait_timeout(open, TICK).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(open);
        let Ok((stream, _)) = listener.accept() else {
            thread::park_timeout(TICK);
            continue;
        };
        if shared.over.load(Ordering::SeqCst) {
            return;
        }
        *lock(&shared.open) += 1;
        let slot = Slot(Arc::clone(shared));
        // A client that breaks off is its own affair.
        let serve = move || drop(serve(stream, &slot.0));
        drop(thread::Builder::new().name("demo-client".into()).spawn(serve));
    }
}

/// A connection's place among the ten; given back however the connection ends.
struct Slot(Arc<Shared>);

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = lock(&self.0.open);
        *open = open.saturating_sub(1);
        self.0.closed.notify_one();
    }
}

/// Reads a line, answers it, closes.
fn serve(mut stream: UnixStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut input = Vec::new();
    let mut buffer = [0; 1024];
    while !input.contains(&b'\n') {
        let read = stream.read(&mut buffer)?;
        if read == 0 || input.len() + read > LINE {
            return Ok(());
        }
        input.extend_from_slice(&buffer[..read]);
    }
    let text = String::from_utf8_lossy(&input);
    let mut level = shared.level;
    let answers = {
        let mut clocked = lock(&shared.clocked);
        clocked.catch_up();
        let lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        lines.map(|line| interpreter::answer(&mut clocked.world, line, &mut level)).collect::<String>()
    };
    stream.write_all(answers.as_bytes())
}
