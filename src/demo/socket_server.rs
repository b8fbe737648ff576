//! The stats socket: accepts connections, reads one line from each connection, sends the replies and closes it.
//!
//! One thread accepts connections, one moves the simulation forward, and each connection has its own thread. At most
//! ten connections are served at once, as with `stats maxconn 10`; further connections wait in the kernel. A mutex
//! protects the world. Dropping the `Demo` ends these threads and removes the socket and its directory.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::demo::interpreter;
use crate::demo::log_writer::LogWriter;
use crate::demo::past_hour::PastReply;
use crate::demo::permission::CliLevel;
use crate::demo::socket_directory::{self, SOCKET_NAME};
use crate::demo::world::World;

/// Maximum number of connections served at once (`stats maxconn`).
const MAX_CONNECTIONS: usize = 10;
/// Maximum time to wait for input or output on a connection (`stats timeout`).
const IO_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum length of an input line in bytes (`tune.bufsize`). A connection that sends a longer line is closed.
const MAX_LINE_LENGTH: usize = 16_384;
/// Interval at which the simulation moves forward while no commands arrive.
const ADVANCE_INTERVAL: Duration = Duration::from_millis(100);
/// Maximum time that is simulated after a pause, such as a suspended machine. The rest of the pause is skipped.
const MAX_CATCH_UP: Duration = Duration::from_secs(30);

/// Settings of a simulated `HAProxy`.
#[derive(Clone, Copy, Debug)]
pub struct DemoOptions {
    /// Seed of the random numbers. The same seed gives the same world.
    pub seed: u64,
    /// Number of additional backends with four servers each, for a site with many rows.
    pub extra_backends: usize,
    /// Access level of each new connection.
    pub level: CliLevel,
    /// Uptime of the simulated process when the demo starts.
    pub warm_up: Duration,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self { seed: 1, extra_backends: 0, level: CliLevel::Admin, warm_up: Duration::from_hours(76) }
    }
}

/// The world, and the time up to which it has been simulated.
struct TimedWorld {
    world: World,
    last_advance: Instant,
    log: LogWriter,
}

impl TimedWorld {
    /// Advances the world by the time since the last call, but at most by `MAX_CATCH_UP`.
    fn catch_up(&mut self) {
        let now = Instant::now();
        let passed = now.saturating_duration_since(self.last_advance);
        self.last_advance = now;
        self.advance(passed.min(MAX_CATCH_UP));
    }

    /// Advances the world, and writes the log of the requests that ended.
    fn advance(&mut self, time: Duration) {
        self.world.advance(time);
        self.log.append(&self.world.log.take());
    }
}

struct SocketServerState {
    timed_world: Mutex<TimedWorld>,
    level: CliLevel,
    open_connections: Mutex<usize>,
    connection_closed: Condvar,
    is_stopping: AtomicBool,
}

/// Locks a mutex, even if a thread panicked while it held the lock, because slightly wrong numbers are harmless here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running simulated `HAProxy`. Dropping this value stops the simulation and removes the socket.
pub struct Demo {
    directory: PathBuf,
    socket: PathBuf,
    log: PathBuf,
    shared: Arc<SocketServerState>,
    threads: Vec<JoinHandle<()>>,
}

/// Starts a simulated `HAProxy` on a Unix socket in a new private directory. Dropping the result removes the socket and
/// the directory.
///
/// # Errors
/// Returns an error if the directory, the socket or a thread cannot be created.
pub fn start(options: DemoOptions) -> io::Result<Demo> {
    let DemoOptions { seed, warm_up, extra_backends, level } = options;
    let world = World::new(seed, warm_up, unix_time(), extra_backends);
    serve(world, Instant::now(), level)
}

/// Starts a simulated `HAProxy` like [`start`], after passing on its replies to `show info;show stat` of the hour before,
/// with a reload, oldest first. Their ages are those at the time of the call.
///
/// # Errors
/// Returns an error if the directory, the socket or a thread cannot be created.
pub fn start_with_past(options: DemoOptions, on_reply: impl FnMut(PastReply)) -> io::Result<Demo> {
    let DemoOptions { seed, warm_up, extra_backends, level } = options;
    let last_advance = Instant::now();
    let world = World::with_past_hour(seed, warm_up, unix_time(), extra_backends, on_reply);
    serve(world, last_advance, level)
}

/// Returns the current time in seconds since 1970.
fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Serves a world on a socket in a new directory.
fn serve(mut world: World, last_advance: Instant, level: CliLevel) -> io::Result<Demo> {
    let (directory, listener) = socket_directory::listen()?;
    world.log.start();
    let log = LogWriter::new(&directory);
    let log_path = log.path().to_owned();
    let timed_world = TimedWorld { world, last_advance, log };
    let socket = directory.join(SOCKET_NAME);
    let shared = Arc::new(SocketServerState {
        timed_world: Mutex::new(timed_world),
        level,
        open_connections: Mutex::new(0),
        connection_closed: Condvar::new(),
        is_stopping: AtomicBool::new(false),
    });
    // From here on, dropping `demo` removes the directory, even if the rest of the setup fails.
    let mut demo = Demo { directory, socket, log: log_path, shared, threads: Vec::new() };
    let shared = Arc::clone(&demo.shared);
    let ticker = thread::Builder::new().name("demo-time".into()).spawn(move || advance_time(&shared))?;
    demo.threads.push(ticker);
    let shared = Arc::clone(&demo.shared);
    let acceptor =
        thread::Builder::new().name("demo-accept".into()).spawn(move || accept_connections(&listener, &shared))?;
    demo.threads.push(acceptor);
    Ok(demo)
}

impl Demo {
    /// Returns the path of the socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Returns the path of the log of requests.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Advances the simulation by `time`, in addition to real time.
    pub fn advance(&self, time: Duration) {
        lock(&self.shared.timed_world).advance(time);
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        self.shared.connection_closed.notify_all();
        // The accepting thread blocks in `accept`; one more connection wakes it.
        drop(UnixStream::connect(&self.socket));
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            drop(thread.join());
        }
        drop(fs::remove_dir_all(&self.directory));
    }
}

fn advance_time(shared: &SocketServerState) {
    while !shared.is_stopping.load(Ordering::SeqCst) {
        lock(&shared.timed_world).catch_up();
        thread::park_timeout(ADVANCE_INTERVAL);
    }
}

fn accept_connections(listener: &UnixListener, shared: &Arc<SocketServerState>) {
    while !shared.is_stopping.load(Ordering::SeqCst) {
        let mut open_connections = lock(&shared.open_connections);
        while *open_connections >= MAX_CONNECTIONS && !shared.is_stopping.load(Ordering::SeqCst) {
            open_connections = shared
                .connection_closed
                .wait_timeout(open_connections, ADVANCE_INTERVAL)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        drop(open_connections);
        let Ok((stream, _)) = listener.accept() else {
            thread::park_timeout(ADVANCE_INTERVAL);
            continue;
        };
        if shared.is_stopping.load(Ordering::SeqCst) {
            return;
        }
        *lock(&shared.open_connections) += 1;
        let slot = ConnectionSlot(Arc::clone(shared));
        // An error affects only this client, so it is ignored.
        let serve = move || drop(serve_connection(stream, &slot.0));
        drop(thread::Builder::new().name("demo-client".into()).spawn(serve));
    }
}

/// One of the ten connection slots, freed on drop.
struct ConnectionSlot(Arc<SocketServerState>);

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut open_connections = lock(&self.0.open_connections);
        *open_connections = open_connections.saturating_sub(1);
        self.0.connection_closed.notify_one();
    }
}

/// Reads one line, sends the replies, and closes the connection by dropping `stream`.
fn serve_connection(mut stream: UnixStream, shared: &SocketServerState) -> io::Result<()> {
    stream.set_read_timeout(Some(IO_TIMEOUT))?;
    stream.set_write_timeout(Some(IO_TIMEOUT))?;
    let mut input = Vec::new();
    let mut buffer = [0; 1024];
    while !input.contains(&b'\n') {
        let read = stream.read(&mut buffer)?;
        if read == 0 || input.len() + read > MAX_LINE_LENGTH {
            return Ok(());
        }
        input.extend_from_slice(&buffer[..read]);
    }
    let text = String::from_utf8_lossy(&input);
    let mut level = shared.level;
    let replies = {
        let mut timed_world = lock(&shared.timed_world);
        timed_world.catch_up();
        let lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        lines.map(|line| interpreter::execute_line(&mut timed_world.world, line, &mut level)).collect::<String>()
    };
    stream.write_all(replies.as_bytes())
}
