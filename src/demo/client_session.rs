//! A client session in a backend.
//!
//! A session is plain data that `session_flow.rs` changes and `show_sess.rs` prints. All times are milliseconds on the
//! clock of the [`World`](crate::demo::world::World).

use crate::demo::counters::CounterId;

/// A request, or a connection in TCP mode, that a backend has accepted.
#[derive(Clone, Debug)]
pub(crate) struct ClientSession {
    /// Unique id, counted from 1 since the start of the process.
    pub(crate) id: u64,
    /// Index of the proxy whose frontend received the session.
    pub(crate) frontend: usize,
    /// Number of the client that opened the session.
    pub(crate) client: u16,
    /// Source port.
    pub(crate) client_port: u16,
    /// Time of arrival.
    pub(crate) arrived_at: u64,
    /// Index of the server named by the session's cookie.
    pub(crate) cookie: Option<usize>,
    /// Index of the server that handles the session; `None` while the session is queued.
    pub(crate) server: Option<usize>,
    /// Milliseconds spent in a queue.
    pub(crate) queue_ms: u64,
    /// Milliseconds to connect to the server.
    pub(crate) connect_ms: u64,
    /// Milliseconds from the connection to the first byte of the response.
    pub(crate) response_ms: u64,
    /// Milliseconds to send the response to the client.
    pub(crate) transfer_ms: u64,
    /// Time at which the session ends.
    pub(crate) ends_at: u64,
    /// Counter for the class of the response; `None` in TCP mode.
    pub(crate) response_class: Option<CounterId>,
    /// Bytes received from the client.
    pub(crate) bytes_in: u64,
    /// Bytes sent to the client.
    pub(crate) bytes_out: u64,
    /// True if the client aborts before the end of the session.
    pub(crate) client_aborts: bool,
    /// True if load balancing, not a cookie, selected the server.
    pub(crate) is_balanced: bool,
    /// True if the session reuses an open connection to the server.
    pub(crate) is_reused: bool,
}

/// The data of an ended session that frontends and stick tables count.
#[derive(Clone, Debug)]
pub(crate) struct EndedSession {
    /// Index of the proxy whose frontend received the session.
    pub(crate) frontend: usize,
    /// Number of the client that opened the session.
    pub(crate) client: u16,
    /// Counter for the class of the response; `None` in TCP mode.
    pub(crate) response_class: Option<CounterId>,
    /// Bytes received from the client.
    pub(crate) bytes_in: u64,
    /// Bytes sent to the client.
    pub(crate) bytes_out: u64,
    /// True if the client aborted.
    pub(crate) client_aborts: bool,
    /// Unique id.
    pub(crate) id: u64,
    /// Source port.
    pub(crate) client_port: u16,
    /// Time of arrival.
    pub(crate) arrived_at: u64,
    /// Index of the server in its backend; `None` if none was assigned.
    pub(crate) server: Option<usize>,
    /// Milliseconds in the queue, of the connection, of the response, and in total.
    pub(crate) times: [u64; 4],
}

impl ClientSession {
    /// Creates a session that has waited in a queue since `arrived_at`.
    pub(crate) fn waiting_since(arrived_at: u64) -> Self {
        Self {
            id: 0,
            frontend: 0,
            client: 0,
            client_port: 0,
            arrived_at,
            cookie: None,
            server: None,
            queue_ms: 0,
            connect_ms: 0,
            response_ms: 0,
            transfer_ms: 0,
            ends_at: 0,
            response_class: None,
            bytes_in: 0,
            bytes_out: 0,
            client_aborts: false,
            is_balanced: false,
            is_reused: false,
        }
    }

    /// Returns the data that frontends and stick tables count when the session ends.
    pub(crate) fn to_ended(&self) -> EndedSession {
        EndedSession {
            frontend: self.frontend,
            client: self.client,
            response_class: self.response_class,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            client_aborts: self.client_aborts,
            id: self.id,
            client_port: self.client_port,
            arrived_at: self.arrived_at,
            server: self.server,
            times: self.times(),
        }
    }

    /// Returns the milliseconds in the queue, of the connection, of the response, and in total.
    pub(crate) fn times(&self) -> [u64; 4] {
        let Self { queue_ms, connect_ms, response_ms, transfer_ms, .. } = *self;
        [queue_ms, connect_ms, response_ms, queue_ms + connect_ms + response_ms + transfer_ms]
    }

    /// Returns the session's address in memory, as `show sess` prints it.
    pub(crate) fn pointer(&self) -> String {
        format!("0x{:012x}", 0x55d0_e400_0000_u64 + self.id * 0x330)
    }
}

/// Returns the IP address of a client, from one of the networks reserved for documentation.
pub(crate) fn client_address(client: u16) -> String {
    let net = ["198.51.100", "203.0.113", "192.0.2"][usize::from(client) % 3];
    format!("{net}.{}", 7 + (u32::from(client) * 37) % 240)
}
