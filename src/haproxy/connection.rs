//! One short connection: connect, one line, everything HAProxy answers, closed.
//!
//! A kept connection would stay with the old process after a reload, read stale numbers for ever, keep that
//! process alive and hold one of the ten places HAProxy has for such connections (all versions). A new one
//! costs a tenth of a millisecond.

use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout, timeout_at};

use crate::haproxy::address::Address;
use crate::haproxy::level::Level;
use crate::haproxy::reply;
use crate::haproxy::socket_permissions;

/// How long and how much a connection may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until the connection stands.
    pub connect: Duration,
    /// From the command to the first byte of the answer.
    pub first_byte: Duration,
    /// From the command to the end of the answer.
    pub whole: Duration,
    /// Bytes of the answer.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            first_byte: Duration::from_secs(2),
            whole: Duration::from_secs(10),
            bytes: 256 << 20,
        }
    }
}

/// A peer that has answered everything and does not close (the master CLI) is left after this silence.
const QUIET: Duration = Duration::from_millis(100);

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum AskError {
    /// The connection was refused or failed.
    #[error("cannot connect: {}", plain(.0))]
    Connect(io::Error),
    /// The connection did not stand in time.
    #[error("cannot connect: no answer in {0:?}")]
    ConnectTimeout(Duration),
    /// The first byte did not come in time: the process hangs, or all its CLI places are taken.
    #[error("connected, but no answer in {0:?}: HAProxy hangs, or others hold all its stats connections")]
    Silent(Duration),
    /// The answer began and did not end in time.
    #[error("the answer did not end in {after:?} ({bytes} bytes came)")]
    Slow {
        /// The deadline that passed.
        after: Duration,
        /// What came until then.
        bytes: usize,
    },
    /// The answer is larger than allowed.
    #[error("the answer is larger than {0} bytes; reading was stopped")]
    TooLarge(usize),
    /// The connection broke.
    #[error("the connection broke: {}", plain(.0))]
    Broken(io::Error),
    /// The connection ended without a byte.
    #[error("HAProxy closed the connection without an answer")]
    Empty,
}

impl AskError {
    /// The line that mends it, where one is known.
    pub fn hint(&self, address: &Address) -> Option<String> {
        match (self, address) {
            (Self::Connect(error), Address::Unix(path)) if error.kind() == io::ErrorKind::PermissionDenied => {
                Some(socket_permissions::way_in(path))
            }
            (Self::Connect(error), Address::Unix(_)) if error.kind() == io::ErrorKind::NotFound => {
                Some(new_line(address, Level::Admin))
            }
            (Self::Connect(error), Address::Unix(_)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Some("the socket file is there, but no HAProxy listens on it: is it running?".to_owned())
            }
            (Self::Connect(error), Address::Tcp { .. }) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Some(new_line(address, Level::Operator))
            }
            _ => None,
        }
    }

    /// Whether it is a matter of permission, which time alone does not mend.
    pub fn is_permission(&self) -> bool {
        matches!(self, Self::Connect(error) if error.kind() == io::ErrorKind::PermissionDenied)
    }
}

fn new_line(address: &Address, level: Level) -> String {
    format!("add to the global section of haproxy.cfg: {}", socket_permissions::line(address, level))
}

/// The system's words without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// What one exchange took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timing {
    /// Until the connection stood.
    pub connect: Duration,
    /// From the command to the end of the answer: what HAProxy and the reading took.
    pub answer: Duration,
}

/// Sends `line`, which holds `count` commands joined by `;`, and appends all that is answered to `into`.
///
/// # Errors
/// When no connection stands or the answer is not there within the limits. `into` then holds what came.
pub async fn ask(
    address: &Address,
    line: &str,
    count: usize,
    limits: &Limits,
    into: &mut Vec<u8>,
) -> Result<Timing, AskError> {
    ask_and_watch(address, line, count, limits, into, |_| ()).await
}

/// The same; `arrived` is given all that came so far, each time more came.
///
/// # Errors
/// As [`ask`].
pub async fn ask_and_watch(
    address: &Address,
    line: &str,
    count: usize,
    limits: &Limits,
    into: &mut Vec<u8>,
    arrived: impl FnMut(&[u8]),
) -> Result<Timing, AskError> {
    let start = Instant::now();
    let connected = match address {
        Address::Unix(path) => timeout(limits.connect, UnixStream::connect(path)).await.map(|r| r.map(Stream::Unix)),
        Address::Tcp { host, port } => {
            timeout(limits.connect, TcpStream::connect((host.as_str(), *port))).await.map(|r| r.map(Stream::Tcp))
        }
    };
    let stream = connected.map_err(|_| AskError::ConnectTimeout(limits.connect))?.map_err(AskError::Connect)?;
    let connect = start.elapsed();
    let sent = Instant::now();
    match stream {
        Stream::Unix(stream) => exchange(stream, line, count, limits, into, arrived).await?,
        Stream::Tcp(stream) => exchange(stream, line, count, limits, into, arrived).await?,
    }
    Ok(Timing { connect, answer: sent.elapsed() })
}

enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// The same on a connection that stands: sends the line, and reads `count` answers.
///
/// # Errors
/// As [`ask`].
pub async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    line: &str,
    count: usize,
    limits: &Limits,
    into: &mut Vec<u8>,
    mut arrived: impl FnMut(&[u8]),
) -> Result<(), AskError> {
    let start = Instant::now();
    let end = start + limits.whole;
    let command = format!("{line}\n");
    timeout(limits.first_byte, stream.write_all(command.as_bytes()))
        .await
        .map_err(|_| AskError::Silent(limits.first_byte))?
        .map_err(AskError::Broken)?;
    let base = into.len();
    loop {
        let came = into.len() - base;
        let complete = came > 0 && into.ends_with(b"\n") && reply::is_complete(&into[base..], count);
        let deadline = match came {
            0 => start + limits.first_byte,
            _ if complete => end.min(Instant::now() + QUIET),
            _ => end,
        };
        if came > limits.bytes {
            return Err(AskError::TooLarge(limits.bytes));
        }
        match timeout_at(deadline, stream.read_buf(into)).await {
            Ok(Ok(0)) if came == 0 => return Err(AskError::Empty),
            Ok(Ok(0)) => return Ok(()),
            Ok(Ok(_)) => arrived(&into[base..]),
            Ok(Err(_)) | Err(_) if complete => return Ok(()),
            // HAProxy resets a connection whose command line it finds too long.
            Ok(Err(error)) => return Err(AskError::Broken(error)),
            Err(_) if came == 0 => return Err(AskError::Silent(limits.first_byte)),
            Err(_) => return Err(AskError::Slow { after: limits.whole, bytes: came }),
        }
    }
}
