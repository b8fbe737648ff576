//! One short connection per request: connect, send one line, read the replies, close.
//!
//! A connection that is kept open across a reload stays with the old process: the numbers it reads are stale, it keeps
//! the old process alive, and it occupies one of the 10 connections that `stats maxconn` allows by default (all
//! versions). Opening a new connection takes 0.1 ms.

use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout, timeout_at};

use crate::haproxy::address::{self, Address};
use crate::haproxy::reply;
use crate::haproxy::resolver;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::secret_arguments;
use crate::haproxy::ssh::ssh_failure::SshFailure;
use crate::haproxy::ssh::ssh_tunnel::{self, SshChannel};

/// The time and size limits for one connection.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Maximum time to resolve the host name and establish the connection.
    pub connect: Duration,
    /// Maximum time from sending the command to the first byte of the reply.
    pub first_byte: Duration,
    /// Maximum time from sending the command to the end of the reply.
    pub total: Duration,
    /// Maximum size of a reply, in bytes.
    pub max_bytes: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            first_byte: Duration::from_secs(2),
            total: Duration::from_secs(10),
            max_bytes: 256 << 20,
        }
    }
}

/// Time without data after which the sending side of a connection is closed. A stats socket closes the connection after
/// its reply, so this concerns only a master CLI, which waits for further commands.
const QUIET_TIME: Duration = Duration::from_millis(100);

/// The reason why a request has no complete reply.
#[derive(Debug, Error)]
pub enum RequestError {
    /// The resolver found no address of the host.
    #[error("cannot resolve {host}: {}", os_message(.error).trim_start_matches(RESOLVER_PREFIX))]
    Resolve {
        /// Name of the host.
        host: SafeText,
        /// Error of the resolver.
        error: io::Error,
    },
    /// The resolver did not answer in time.
    #[error("cannot resolve {host}: no answer within {} s", .after.as_secs_f64())]
    ResolveTimeout {
        /// Name of the host.
        host: SafeText,
        /// The time limit that was exceeded.
        after: Duration,
    },
    /// ssh does not reach the host, or the socket on it.
    #[error("{0}")]
    Ssh(SshFailure),
    /// The connection was refused or failed.
    #[error("cannot connect: {}", os_message(.0))]
    Connect(io::Error),
    /// The connection was not established in time.
    #[error("cannot connect: timed out after {0:?}")]
    ConnectTimeout(Duration),
    /// The first byte did not arrive in time: HAProxy hangs, or all its stats connections are in use.
    #[error("connected, but no reply in {0:?}: HAProxy hangs, or all its stats connections are in use")]
    Silent(Duration),
    /// The reply began to arrive but was not complete in time.
    #[error("no complete reply in {after:?} ({bytes} bytes received)")]
    Slow {
        /// The time limit that was exceeded.
        after: Duration,
        /// Number of bytes received until the time limit.
        bytes: usize,
    },
    /// The reply is larger than allowed.
    #[error("the reply is larger than {0} bytes; reading was stopped")]
    TooLarge(usize),
    /// The connection was lost.
    #[error("the connection was lost: {}", os_message(.0))]
    Broken(io::Error),
    /// The reader of the reply stopped reading.
    #[error("reading was stopped after {0} bytes")]
    Stopped(usize),
    /// HAProxy closed the connection without sending a byte.
    #[error("HAProxy closed the connection without a reply")]
    Empty,
}

impl RequestError {
    /// Returns true if there was no connection, so that nothing was sent.
    pub(crate) fn is_before_connection(&self) -> bool {
        matches!(
            self,
            Self::Resolve { .. }
                | Self::ResolveTimeout { .. }
                | Self::Ssh(_)
                | Self::Connect(_)
                | Self::ConnectTimeout(_)
        )
    }

    /// Returns true if the user may not open the socket, so that retrying does not help.
    pub(crate) fn is_permission(&self) -> bool {
        matches!(self, Self::Connect(error) if error.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Returns true if no process listens on the socket, or the socket does not exist.
    pub(crate) fn is_unused_socket(&self) -> bool {
        let is_unused = |kind| matches!(kind, io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound);
        matches!(self, Self::Connect(error) if is_unused(error.kind()))
    }
}

/// Start of the standard library's messages about failed lookups, in lower case.
const RESOLVER_PREFIX: &str = "failed to lookup address information: ";

/// Returns the operating system's message in lower case and without the error number.
fn os_message(error: &io::Error) -> String {
    // A socket of this machine refuses connections in this way while its process accepts none.
    if error.kind() == io::ErrorKind::WouldBlock {
        return "HAProxy hangs, and its queue of connections is full".to_owned();
    }
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// Time taken by one request.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestTiming {
    /// Time to establish the connection.
    pub(crate) connect: Duration,
    /// Time from sending the command to the end of the reply; includes HAProxy's work and the time to read the reply. Over
    /// ssh, time from the first to the last byte of the reply: opening and closing a channel takes several round trips, in
    /// which HAProxy does nothing.
    pub(crate) reply: Duration,
}

/// Sends `line`, one or more commands joined by `;`, and appends everything to `into` that HAProxy sends until it closes
/// the connection. Only the end of the connection ends a reply: text in a reply may imitate any other end.
///
/// # Errors
/// Returns an error if the connection fails or HAProxy does not close it within the limits. In this case, `into`
/// contains the bytes received until the error.
pub async fn request(
    address: &Address,
    line: &str,
    limits: &ConnectionLimits,
    into: &mut Vec<u8>,
) -> Result<RequestTiming, RequestError> {
    request_with_progress(address, line, limits, into, |_| true).await
}

/// Like [`request`], and after each read calls `on_data` with `into`. `on_data` may remove bytes from the front, except
/// the last two, and returns whether to continue reading.
///
/// # Errors
/// Returns the errors of [`request`], or [`RequestError::Stopped`] if `on_data` returned false.
pub(crate) async fn request_with_progress(
    address: &Address,
    line: &str,
    limits: &ConnectionLimits,
    into: &mut Vec<u8>,
    on_data: impl FnMut(&mut Vec<u8>) -> bool,
) -> Result<RequestTiming, RequestError> {
    let mut received = 0;
    let result = connect_and_exchange(address, line, limits, into, &mut received, on_data).await;
    if tracing::enabled!(tracing::Level::DEBUG) {
        log_request(address, line, &result, received);
    }
    result
}

/// Logs a request. Only the names of the commands are logged, because arguments may contain secrets.
fn log_request(address: &Address, line: &str, result: &Result<RequestTiming, RequestError>, bytes: usize) {
    let address = SafeText::from(address.to_string().as_str());
    let commands = SafeText::from(command_names(&secret_arguments::hide(line)).as_str());
    match result {
        Ok(RequestTiming { connect, reply }) => {
            tracing::debug!(%address, %commands, ?connect, ?reply, bytes, "request");
        }
        Err(error) => tracing::debug!(%address, %commands, %error, bytes, "request failed"),
    }
}

/// Returns the first two words of each command in a line.
fn command_names(line: &str) -> String {
    let name = |command: &str| command.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    line.split(';').map(name).collect::<Vec<_>>().join("; ")
}

/// Resolves the host name, if there is one, and connects, within one time limit for both.
async fn connect(address: &Address, limits: &ConnectionLimits) -> Result<Stream, RequestError> {
    let end = Instant::now() + limits.connect;
    let connected = match address {
        Address::Unix(path) => timeout_at(end, UnixStream::connect(path)).await.map(|r| r.map(Stream::Unix)),
        Address::Ssh(ssh) => {
            let (stream, channel) = ssh_tunnel::connect(ssh).await.map_err(RequestError::Ssh)?;
            return Ok(Stream::Ssh(stream, channel));
        }
        Address::Abstract { name, is_padded } => {
            let path = address::abstract_path(name, *is_padded);
            timeout_at(end, UnixStream::connect(path)).await.map(|r| r.map(Stream::Unix))
        }
        Address::Tcp { host, port } => {
            let name = || SafeText::from(host.as_str());
            let found = timeout_at(end, resolver::resolve(host, *port))
                .await
                .map_err(|_| RequestError::ResolveTimeout { host: name(), after: limits.connect })?
                .map_err(|error| RequestError::Resolve { host: name(), error })?;
            timeout_at(end, TcpStream::connect(found.as_slice())).await.map(|r| r.map(Stream::Tcp))
        }
    };
    connected.map_err(|_| RequestError::ConnectTimeout(limits.connect))?.map_err(RequestError::Connect)
}

async fn connect_and_exchange(
    address: &Address,
    line: &str,
    limits: &ConnectionLimits,
    into: &mut Vec<u8>,
    received: &mut usize,
    mut on_data: impl FnMut(&mut Vec<u8>) -> bool,
) -> Result<RequestTiming, RequestError> {
    let start = Instant::now();
    let stream = connect(address, limits).await?;
    let connect_time = start.elapsed();
    let sent = Instant::now();
    match stream {
        Stream::Unix(stream) => exchange(stream, line, limits, into, received, on_data).await?,
        Stream::Tcp(stream) => exchange(stream, line, limits, into, received, on_data).await?,
        Stream::Ssh(stream, channel) => {
            let mut times: Option<[Instant; 2]> = None;
            let on_data = |into: &mut Vec<u8>| {
                let now = Instant::now();
                times = Some([times.map_or(now, |[first, _]| first), now]);
                on_data(into)
            };
            let result = exchange(stream, line, limits, into, received, on_data).await;
            let is_closed = matches!(result, Err(RequestError::Empty | RequestError::Broken(_))) && *received == 0;
            match is_closed.then(|| channel.refusal()).flatten() {
                Some(failure) => return Err(RequestError::Ssh(failure)),
                None => result?,
            }
            return Ok(RequestTiming {
                connect: connect_time,
                reply: times.map_or(Duration::ZERO, |[first, last]| last - first),
            });
        }
    }
    Ok(RequestTiming { connect: connect_time, reply: sent.elapsed() })
}

enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
    Ssh(UnixStream, SshChannel),
}

/// Sends `line` on an open connection; otherwise like [`request_with_progress`]. Sets `received` to the number of bytes
/// received, also if an error is returned.
///
/// # Errors
/// Returns the errors of [`request`].
pub async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    line: &str,
    limits: &ConnectionLimits,
    into: &mut Vec<u8>,
    received: &mut usize,
    mut on_data: impl FnMut(&mut Vec<u8>) -> bool,
) -> Result<(), RequestError> {
    let start = Instant::now();
    let end = start + limits.total;
    let command = format!("{line}\n");
    timeout(limits.first_byte, stream.write_all(command.as_bytes()))
        .await
        .map_err(|_| RequestError::Silent(limits.first_byte))?
        .map_err(RequestError::Broken)?;
    let base = into.len();
    let mut is_half_closed = false;
    *received = 0;
    loop {
        if *received > limits.max_bytes {
            return Err(RequestError::TooLarge(limits.max_bytes));
        }
        let deadline = match *received {
            0 => start + limits.first_byte,
            _ if !is_half_closed && reply::may_be_complete(into.get(base..).unwrap_or(into)) => {
                end.min(Instant::now() + QUIET_TIME)
            }
            _ => end,
        };
        match timeout_at(deadline, stream.read_buf(into)).await {
            Ok(Ok(0)) if *received == 0 => return Err(RequestError::Empty),
            Ok(Ok(0)) => return Ok(()),
            Ok(Ok(count)) => {
                *received += count;
                if !on_data(into) {
                    return Err(RequestError::Stopped(*received));
                }
            }
            // HAProxy resets the connection when the command line is too long.
            Ok(Err(error)) => return Err(RequestError::Broken(error)),
            Err(_) if *received == 0 => return Err(RequestError::Silent(limits.first_byte)),
            Err(_) if deadline < end => {
                is_half_closed = true;
                // If the peer is gone, the next read reports it.
                let _ = stream.shutdown().await;
            }
            Err(_) => return Err(RequestError::Slow { after: limits.total, bytes: *received }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_names_leave_arguments_out() {
        assert_eq!(command_names("show info;show stat"), "show info; show stat");
        assert_eq!(command_names("set ssl cert x.pem << SECRET;add map m key"), "set ssl; add map");
    }
}
