//! One session on its way from a frontend to a server.
//!
//! A session is plain data: `flow.rs` moves it, `sess.rs` prints it. All moments are milliseconds on the
//! world's clock.

use crate::demo::counters::Count;

/// A client's request, or connection in TCP mode, that a backend has taken.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Counts from 1 since the process started.
    pub id: u64,
    /// Index of the proxy it came in by.
    pub front: usize,
    /// Which of the site's clients sent it.
    pub client: u16,
    /// The client's port.
    pub port: u16,
    /// When it arrived.
    pub born: u64,
    /// Index of the server its cookie names.
    pub cookie: Option<usize>,
    /// Index of the server that works on it; none while it waits.
    pub server: Option<usize>,
    /// Milliseconds it waited in a queue.
    pub queued: u64,
    /// Milliseconds to connect.
    pub connect: u64,
    /// Milliseconds until the response began.
    pub response: u64,
    /// Milliseconds the response takes to reach the client.
    pub transfer: u64,
    /// When it will end.
    pub end: u64,
    /// The class of its response; none in TCP mode.
    pub class: Option<Count>,
    /// Bytes from the client.
    pub bytes_in: u64,
    /// Bytes to the client.
    pub bytes_out: u64,
    /// Whether the client will go before the end.
    pub abort: bool,
    /// Whether balancing chose its server, and not a cookie.
    pub balanced: bool,
    /// Whether it got a connection to the server that was open already.
    pub reused: bool,
}

/// What a frontend has to know of a session that ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// Index of the proxy it came in by.
    pub front: usize,
    /// Which of the site's clients sent it.
    pub client: u16,
    /// The class of its response; none in TCP mode.
    pub class: Option<Count>,
    /// Bytes from the client.
    pub bytes_in: u64,
    /// Bytes to the client.
    pub bytes_out: u64,
    /// Whether the client went before the end.
    pub abort: bool,
}

impl Session {
    /// What its frontend has to know now that it ended.
    pub(crate) fn ended(&self) -> Ended {
        Ended {
            front: self.front,
            client: self.client,
            class: self.class,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            abort: self.abort,
        }
    }

    /// The address a real `HAProxy` would print for it.
    pub(crate) fn pointer(&self) -> String {
        format!("0x{:012x}", 0x55d0_e400_0000_u64 + self.id * 0x330)
    }
}

/// The address of one of the site's clients, from the nets kept for documentation.
pub(crate) fn client_address(client: u16) -> String {
    let net = ["198.51.100", "203.0.113", "192.0.2"][usize::from(client) % 3];
    format!("{net}.{}", 7 + (u32::from(client) * 37) % 240)
}
