//! The master CLI: the socket of the master process (`haproxy -W -S ADDRESS`, since 1.9), over which commands reach
//! every worker, including old workers that only finish their sessions.
//!
//! The master CLI does not close the connection after a reply; [`connection::request`] closes its sending side when the
//! reply is there. A prefix such as `@!4711` applies to one command, so each request sends one command.

use crate::haproxy::address::Address;
use crate::haproxy::connection::{self, ConnectionLimits, RequestError};

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
    // A worker that hangs does not reply. Its sessions cannot be counted then, so a long wait has no use.
    let limits = ConnectionLimits { total: limits.first_byte, ..*limits };
    let mut reply = Vec::new();
    connection::request(address, command, &limits, &mut reply).await?;
    Ok(reply)
}
