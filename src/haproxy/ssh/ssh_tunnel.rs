//! The tunnels to other machines: one ssh per host, shared by all connections of this program.
//!
//! A tunnel starts with the first connection to its host, and again after its ssh has ended. After a failure, it waits
//! before the next attempt; connections in between fail with the same words.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout};

use crate::haproxy::address::USUAL_SOCKET_PATHS;
use crate::haproxy::ssh::ssh_address::{SshAddress, SshHost};
use crate::haproxy::ssh::ssh_failure::SshFailure;
use crate::haproxy::ssh::ssh_folder::SshFolder;
use crate::haproxy::ssh::ssh_process::{self, SshProcess};

/// Options of every ssh. No option makes it ask, leave hapulse's process or take over a connection of the user; one that
/// fails to open a port of the user's configuration still serves hapulse. A host that does not answer for 15 s has failed.
const OPTIONS: [&str; 11] = [
    "BatchMode=yes",
    "ConnectTimeout=10",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "ControlPersist=no",
    "ExitOnForwardFailure=no",
    "StreamLocalBindUnlink=yes",
    "PermitLocalCommand=no",
    "ForwardAgent=no",
    "ForwardX11=no",
    "LogLevel=INFO",
];
/// Maximum time from the start of ssh to the forwarded socket.
const START_LIMIT: Duration = Duration::from_secs(20);
/// Maximum time of a request to a running ssh.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// Time from the first failure to the next attempt. It doubles with each further failure. It is shorter than the time after
/// which a poll schedule tries again, so each of its attempts counts.
const FIRST_RETRY: Duration = Duration::from_millis(750);
/// Maximum time between two attempts, however many connections wait for the host.
const MAX_RETRY: Duration = Duration::from_secs(10);
/// Command that any HAProxy answers, to find out on which of the usual paths one listens.
const PROBE: &[u8] = b"show info\n";

/// Tunnels by host.
static TUNNELS: Mutex<Vec<Arc<Tunnel>>> = Mutex::new(Vec::new());
/// The folder of the forwarded sockets; `None` before the first tunnel.
static FOLDER: Mutex<Option<SshFolder>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The tunnel to one host.
#[derive(Debug)]
struct Tunnel {
    host: SshHost,
    /// Start of the names of its files.
    number: usize,
    state: tokio::sync::Mutex<TunnelState>,
    /// The usual path that answered.
    found_path: Mutex<Option<String>>,
}

#[derive(Debug)]
struct TunnelState {
    /// The running ssh; `None` if there is not any yet, or after a failure.
    process: Option<SshProcess>,
    /// Folder of the files of this process.
    folder: PathBuf,
    forwards: Vec<Forward>,
    failure: Option<(SshFailure, Instant)>,
    retry_delay: Duration,
}

/// A socket of the host and the local socket that leads to it.
#[derive(Debug, Clone)]
struct Forward {
    remote: String,
    local: PathBuf,
}

/// A connection through a tunnel, to find out why it was closed.
#[derive(Debug)]
pub(crate) struct SshChannel {
    tunnel: Arc<Tunnel>,
    path: String,
    output: PathBuf,
    /// Size of the output before the connection.
    position: u64,
}

/// Route to a socket, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SshRoute {
    /// The command line of the running ssh; `None` if none runs.
    pub(crate) command_line: Option<String>,
    /// Path of the socket on the host, if it is known.
    pub(crate) path: Option<String>,
}

/// Connects to a socket of another machine. Starts ssh if it does not run, which takes as long as a login.
///
/// # Errors
/// Returns an error if ssh fails. HAProxy itself may still refuse the connection, see [`SshChannel::refusal`].
pub(crate) async fn connect(address: &SshAddress) -> Result<(UnixStream, SshChannel), SshFailure> {
    let tunnel = Tunnel::for_host(address.host());
    let mut state = tunnel.state.lock().await;
    let known = address.path().map(str::to_owned).or_else(|| lock(&tunnel.found_path).clone());
    let path = match known {
        Some(path) => {
            tunnel.open(&mut state, &[path.as_str()]).await?;
            path
        }
        None => tunnel.find_path(&mut state).await?,
    };
    let output = state.output();
    let position = ssh_process::output_position(&output);
    let stream = UnixStream::connect(state.local(&path)).await.map_err(|error| tunnel.broken(&mut state, &error))?;
    drop(state);
    Ok((stream, SshChannel { tunnel, path, output, position }))
}

/// Returns how the socket is reached.
pub(crate) async fn route(address: &SshAddress) -> SshRoute {
    let tunnel = Tunnel::for_host(address.host());
    let path = address.path().map(str::to_owned).or_else(|| lock(&tunnel.found_path).clone());
    let mut state = tunnel.state.lock().await;
    let running = state.process.as_mut().and_then(|process| (!process.has_ended()).then(|| process.command_line()));
    SshRoute { command_line: running, path }
}

/// Returns by how much the clock of the host is ahead of the local one, in seconds; `None` if the host does not answer or
/// its account may not run commands.
pub(crate) async fn clock_difference(address: &SshAddress) -> Option<f64> {
    let seconds = |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs_f64());
    let before = seconds(SystemTime::now())?;
    let remote = run_there(address, &["date", "+%s.%N"]).await?.parse::<f64>().ok()?;
    // The host read its clock in between.
    Some(remote - f64::midpoint(before, seconds(SystemTime::now())?))
}

/// Returns what `ls` reports about the socket on the host; `None` if the host does not answer or its account may not run
/// commands.
pub(crate) async fn socket_listing(address: &SshAddress) -> Option<String> {
    run_there(address, &["ls", "-ld", address.path()?]).await
}

/// Runs a command on the host of a running ssh and returns its last line.
async fn run_there(address: &SshAddress, command: &[&str]) -> Option<String> {
    let tunnel = Tunnel::for_host(address.host());
    let state = tunnel.state.lock().await;
    state.process.as_ref()?;
    let output = state.folder.join(format!("{}.command", tunnel.number));
    let command = command.iter().map(|word| (*word).to_owned()).collect();
    let arguments = [tunnel.control_arguments(&state, "no"), tunnel.host.arguments(), command].concat();
    let mut process = SshProcess::start(output.clone(), arguments).ok()?;
    // The output is complete when the command has ended.
    process.wait(REQUEST_LIMIT, || false).await;
    let text = ssh_process::read_output(&output, 0);
    let line = text.lines().last()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// Ends all tunnels and removes their files.
pub(crate) fn close_all() {
    lock(&TUNNELS).clear();
    *lock(&FOLDER) = None;
}

/// Returns the folder of the forwarded sockets.
fn folder() -> io::Result<PathBuf> {
    let mut folder = lock(&FOLDER);
    match folder.as_ref().filter(|folder| folder.exists()) {
        Some(folder) => Ok(folder.path().to_owned()),
        None => Ok(folder.insert(SshFolder::create()?).path().to_owned()),
    }
}

/// Returns the usual paths of a stats socket on another machine. In `/tmp`, any user of that machine could listen.
fn usual_paths() -> Vec<&'static str> {
    USUAL_SOCKET_PATHS.into_iter().filter(|path| !path.starts_with("/tmp/")).collect()
}

impl Tunnel {
    fn for_host(host: &SshHost) -> Arc<Self> {
        let mut tunnels = lock(&TUNNELS);
        if let Some(tunnel) = tunnels.iter().find(|tunnel| tunnel.host == *host) {
            return Arc::clone(tunnel);
        }
        let state = TunnelState {
            process: None,
            folder: PathBuf::new(),
            forwards: Vec::new(),
            failure: None,
            retry_delay: FIRST_RETRY,
        };
        let tunnel = Arc::new(Self {
            host: host.clone(),
            number: tunnels.len() + 1,
            state: tokio::sync::Mutex::new(state),
            found_path: Mutex::default(),
        });
        tunnels.push(Arc::clone(&tunnel));
        tunnel
    }

    /// Opens the local sockets for these paths, and starts ssh if it does not run.
    ///
    /// # Errors
    /// Returns the failure of ssh, or the last one if the next attempt is not due yet.
    async fn open(&self, state: &mut TunnelState, paths: &[&str]) -> Result<(), SshFailure> {
        if let Some((failure, _)) = state.failure.as_ref().filter(|(_, retry_at)| Instant::now() < *retry_at) {
            return Err(failure.clone());
        }
        let opened = self.try_open(state, paths).await;
        tracing::debug!(host = %self.host, result = ?opened, "ssh");
        match &opened {
            Ok(()) => (state.failure, state.retry_delay) = (None, FIRST_RETRY),
            Err(failure) => {
                state.failure = Some((failure.clone(), Instant::now() + state.retry_delay));
                state.retry_delay = (2 * state.retry_delay).min(MAX_RETRY);
            }
        }
        opened
    }

    async fn try_open(&self, state: &mut TunnelState, paths: &[&str]) -> Result<(), SshFailure> {
        let is_missing = |forwards: &[Forward]| forwards.iter().any(|forward| !forward.local.exists());
        let has_ended = state.process.as_mut().is_none_or(SshProcess::has_ended);
        let is_new = has_ended || is_missing(&state.forwards);
        if is_new {
            state.process = None;
            state.folder = folder().map_err(|error| self.local_failure("no private folder for the sockets", &error))?;
        }
        let known: Vec<String> = state.forwards.drain(..).map(|forward| forward.remote).collect();
        let more: Vec<String> = paths
            .iter()
            .filter(|path| !known.iter().any(|known| known == *path))
            .map(|path| (*path).to_owned())
            .collect();
        let first_new = if is_new { 0 } else { known.len() };
        let forward =
            |(index, remote)| Forward { remote, local: state.folder.join(format!("{}.{index}", self.number)) };
        state.forwards = known.into_iter().chain(more).enumerate().map(forward).collect();
        let new = &state.forwards[first_new..];
        if new.is_empty() {
            return Ok(());
        }
        let control = is_new.then(|| state.control(self.number));
        for stale in new.iter().map(|forward| &forward.local).chain(&control) {
            // A killed ssh leaves its sockets.
            let _ = std::fs::remove_file(stale);
        }
        let options = if is_new {
            [vec!["-N".to_owned()], self.control_arguments(state, "yes")].concat()
        } else {
            [vec!["-O".to_owned(), "forward".to_owned()], self.control_arguments(state, "no")].concat()
        };
        let list =
            new.iter().flat_map(|forward| ["-L".to_owned(), format!("{}:{}", forward.local.display(), forward.remote)]);
        let arguments = options.into_iter().chain(list).chain(self.host.arguments()).collect();
        let name = if is_new { "log" } else { "add" };
        let output = state.folder.join(format!("{}.{name}", self.number));
        let started = SshProcess::start(output.clone(), arguments);
        let mut process = started.map_err(|error| self.local_failure("cannot start ssh", &error))?;
        // A request to a running ssh ends when it is done.
        let is_ready = process.wait(START_LIMIT, || is_new && !is_missing(new)).await || !is_missing(new);
        match (is_ready, process.has_ended()) {
            (true, _) if is_new => state.process = Some(process),
            (true, _) => {}
            (false, true) => {
                state.process = None;
                return Err(SshFailure::from_output(&self.host, &ssh_process::read_output(&output, 0)));
            }
            (false, false) => {
                state.process = None;
                let words = format!("no login within {} s", START_LIMIT.as_secs());
                return Err(SshFailure::new(
                    &self.host,
                    &words,
                    Some(format!("does {} log in?", self.host.login_command())),
                ));
            }
        }
        Ok(())
    }

    /// Opens the usual paths and returns the first on which HAProxy answers.
    ///
    /// # Errors
    /// Returns an error if ssh fails or HAProxy answers on none of them.
    async fn find_path(&self, state: &mut TunnelState) -> Result<String, SshFailure> {
        let paths = usual_paths();
        self.open(state, &paths).await?;
        let position = ssh_process::output_position(&state.output());
        for path in &paths {
            match timeout(REQUEST_LIMIT, probe(state.local(path))).await {
                Ok(Ok(true)) => {
                    *lock(&self.found_path) = Some((*path).to_owned());
                    return Ok((*path).to_owned());
                }
                Ok(Ok(false)) => {}
                Ok(Err(error)) => return Err(self.broken(state, &error)),
                Err(_) => return Err(SshFailure::new(&self.host, &format!("no answer from {path} there"), None)),
            }
        }
        let output = ssh_process::read_output(&state.output(), position);
        let refusal = SshFailure::from_refusal(&self.host, &paths.join(", "), &output);
        let hint = format!("name the path of the stats socket: ssh://{}/run/haproxy/admin.sock", self.host);
        Err(match refusal {
            Some(failure) if failure.is_policy() => failure,
            _ => SshFailure::new(
                &self.host,
                &format!("no stats socket there that this user can open: {}", paths.join(", ")),
                Some(hint),
            ),
        })
    }

    /// Returns the options that all ssh processes of this host share.
    fn control_arguments(&self, state: &TunnelState, is_master: &str) -> Vec<String> {
        let options = OPTIONS.into_iter().flat_map(|option| ["-o".to_owned(), option.to_owned()]);
        let control = state.control(self.number).display().to_string();
        ["-T".to_owned(), "-S".to_owned(), control, "-o".to_owned(), format!("ControlMaster={is_master}")]
            .into_iter()
            .chain(options)
            .collect()
    }

    /// Ends an ssh whose local socket cannot be opened, and returns the failure.
    fn broken(&self, state: &mut TunnelState, error: &io::Error) -> SshFailure {
        state.process = None;
        self.local_failure("the forwarded socket cannot be opened", error)
    }

    fn local_failure(&self, what: &str, error: &io::Error) -> SshFailure {
        SshFailure::new(&self.host, &format!("{what}: {error}"), None)
    }
}

impl TunnelState {
    /// Returns the path of the socket by which ssh takes requests.
    fn control(&self, number: usize) -> PathBuf {
        self.folder.join(format!("{number}.control"))
    }

    fn output(&self) -> PathBuf {
        self.process.as_ref().map(|process| process.output().to_owned()).unwrap_or_default()
    }

    /// Returns the local socket that leads to `path`.
    fn local(&self, path: &str) -> PathBuf {
        let forward = self.forwards.iter().find(|forward| forward.remote == path);
        forward.map(|forward| forward.local.clone()).unwrap_or_default()
    }
}

impl SshChannel {
    /// Returns why the host refused the connection to the socket; `None` if it did not. Call it if the connection was
    /// closed without data.
    pub(crate) fn refusal(&self) -> Option<SshFailure> {
        let output = ssh_process::read_output(&self.output, self.position);
        let failure = SshFailure::from_refusal(&self.tunnel.host, &self.path, &output)?;
        // Another usual path may answer next time.
        *lock(&self.tunnel.found_path) = None;
        Some(failure)
    }
}

/// Returns whether something answers on a local socket.
async fn probe(local: PathBuf) -> io::Result<bool> {
    let mut stream = UnixStream::connect(local).await?;
    // Both fail if the host refuses the connection.
    let is_sent = stream.write_all(PROBE).await.is_ok();
    Ok(is_sent && stream.read(&mut [0; 64]).await.is_ok_and(|count| count > 0))
}
