//! The master CLI: the socket of the master process (`haproxy -W -S ADDRESS`, since 1.9), over which commands reach
//! every worker, including old workers that only finish their sessions.
//!
//! The master CLI does not close the connection after a reply, so each request closes its sending side after its
//! command and reads to the end. A prefix such as `@!4711` applies to one command, so each request sends one command.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::haproxy::address::Address;
use crate::haproxy::connection::{ConnectionLimits, RequestError};

/// Command that lists the master and its workers.
pub(crate) const SHOW_PROC: &str = "show proc";

/// Start of the reply to a command for a worker that has ended.
const NO_SUCH_WORKER: &[u8] = b"Can't find the target";

/// Builds a command for the worker with this pid, whether it is a current or an old one.
pub(crate) fn worker_command(pid: i64, command: &str) -> String {
    format!("@!{pid} {command}")
}

/// Returns true if the reply says that the worker of [`worker_command`] has ended.
pub(crate) fn is_worker_gone(reply: &[u8]) -> bool {
    reply.starts_with(NO_SUCH_WORKER)
}

/// Sends one command to the master CLI at `address` and returns its reply.
///
/// # Errors
/// Returns an error if the connection fails or the reply does not end within the limits.
pub(crate) async fn request(
    address: &Address,
    command: &str,
    limits: &ConnectionLimits,
) -> Result<Vec<u8>, RequestError> {
    let timed_out = |_| RequestError::ConnectTimeout(limits.connect);
    match address {
        Address::Unix(path) => {
            let stream = timeout(limits.connect, UnixStream::connect(path)).await.map_err(timed_out)?;
            exchange(stream.map_err(RequestError::Connect)?, command, limits).await
        }
        Address::Tcp { host, port } => {
            let stream =
                timeout(limits.connect, TcpStream::connect((host.as_str(), *port))).await.map_err(timed_out)?;
            exchange(stream.map_err(RequestError::Connect)?, command, limits).await
        }
    }
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    command: &str,
    limits: &ConnectionLimits,
) -> Result<Vec<u8>, RequestError> {
    let mut reply = Vec::new();
    let exchange = async {
        stream.write_all(format!("{command}\n").as_bytes()).await?;
        stream.shutdown().await?;
        (&mut stream).take(limits.max_bytes as u64 + 1).read_to_end(&mut reply).await?;
        Ok::<(), io::Error>(())
    };
    // A worker that hangs does not reply. Its sessions cannot be counted then, so a long wait has no use.
    match timeout(limits.first_byte, exchange).await {
        Err(_) if reply.is_empty() => Err(RequestError::Silent(limits.first_byte)),
        Err(_) => Err(RequestError::Slow { after: limits.first_byte, bytes: reply.len() }),
        Ok(Err(error)) => Err(RequestError::Broken(error)),
        Ok(Ok(())) if reply.is_empty() => Err(RequestError::Empty),
        Ok(Ok(())) if reply.len() > limits.max_bytes => Err(RequestError::TooLarge(limits.max_bytes)),
        Ok(Ok(())) => Ok(reply),
    }
}
