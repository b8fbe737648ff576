//! Proxies: a `frontend` that accepts client connections, a `backend` that forwards to servers, or both (`listen`).
//!
//! This file contains plain data, and functions about a single proxy. A frontend counts client connections, which may
//! carry several requests. A backend counts sessions, each of which is one request, or one connection in TCP mode.

use std::collections::VecDeque;

use crate::demo::client_session::ClientSession;
use crate::demo::counters::Counters;
use crate::demo::server::SimServer;
use crate::demo::stick_table::SimStickTable;

/// Protocol of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyMode {
    /// HTTP requests and responses.
    Http,
    /// A byte stream.
    Tcp,
}

impl ProxyMode {
    /// Returns the value of the `mode` column.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
        }
    }
}

/// Load-balancing algorithm of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BalanceAlgorithm {
    /// Selects the servers in turn, according to their weights.
    RoundRobin,
    /// Selects the server with the fewest sessions in proportion to its weight.
    LeastConn,
    /// Selects a server by a hash of the client's address. This algorithm is static: it allows only the weights 0 % and
    /// 100 %.
    Source,
}

impl BalanceAlgorithm {
    /// Returns the value of the `algo` column.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::RoundRobin => "roundrobin",
            Self::LeastConn => "leastconn",
            Self::Source => "source",
        }
    }
}

/// Administrative state of a frontend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrontendState {
    /// Accepts connections.
    Open,
    /// Set by `disable frontend`.
    Paused,
    /// Set by `shutdown frontend`.
    Stopped,
}

/// The requests that a frontend sends to one backend.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// Index of the proxy with the backend.
    pub(crate) backend: usize,
    /// Average requests per second.
    pub(crate) rate: f64,
}

/// The client side of a proxy.
#[derive(Clone, Debug)]
pub(crate) struct SimFrontend {
    /// Counters; `current` is the number of client connections.
    pub(crate) counters: Counters,
    /// Maximum number of connections (`maxconn`). With 0, which even `set maxconn frontend X abc` sets, no connection
    /// is accepted.
    pub(crate) maxconn: u64,
    /// Administrative state.
    pub(crate) state: FrontendState,
    /// Keep-alive connections that wait for the next request.
    pub(crate) idle: u64,
    /// Backends that receive the frontend's requests.
    pub(crate) routes: Vec<Route>,
    /// Phase of the traffic waves, in radians.
    pub(crate) phase: f64,
    /// Random part of the traffic factor.
    pub(crate) noise: f64,
    /// Time and client of the last invalid request.
    pub(crate) last_bad_request: Option<(u64, u16)>,
    /// Port on which the frontend listens.
    pub(crate) port: u16,
}

/// Parameters of a backend's requests and responses.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    /// Maximum time to connect to a server, in milliseconds.
    pub(crate) connect: u64,
    /// Average time until the first byte of a response, in milliseconds.
    pub(crate) response: f64,
    /// Average time to send a response to the client, in milliseconds.
    pub(crate) transfer: f64,
    /// Minimum size of a request, in bytes.
    pub(crate) bytes_in: u64,
    /// Average size of a response, in bytes.
    pub(crate) bytes_out: f64,
    /// Shares of 3xx, 4xx and 5xx responses, from 0 to 1.
    pub(crate) classes: [f64; 3],
    /// Share of requests with a persistence cookie, from 0 to 1.
    pub(crate) cookie_share: f64,
}

/// The server side of a proxy.
#[derive(Clone, Debug)]
pub(crate) struct SimBackend {
    /// Counters; `current` is the number of sessions, including queued ones.
    pub(crate) counters: Counters,
    /// Servers, in the order of the configuration.
    pub(crate) servers: Vec<SimServer>,
    /// Sessions that are assigned to a server.
    pub(crate) active: Vec<ClientSession>,
    /// Queued sessions that any server may handle.
    pub(crate) queue: VecDeque<ClientSession>,
    /// Load-balancing algorithm.
    pub(crate) algorithm: BalanceAlgorithm,
    /// Name of the persistence cookie.
    pub(crate) cookie: Option<String>,
    /// Value of `fullconn` (column `slim`).
    pub(crate) fullconn: u64,
    /// Parameters of the backend's requests and responses.
    pub(crate) workload: Workload,
    /// Factor by which the scenario multiplies the request rate.
    pub(crate) load_factor: f64,
    /// True if a server was usable at the last update.
    pub(crate) is_up: bool,
    /// Time of the last change between up and down.
    pub(crate) last_change: u64,
    /// Milliseconds of downtime before `last_change`.
    pub(crate) past_downtime: u64,
    /// Number of transitions to down (`chkdown`).
    pub(crate) down_transitions: u64,
}

impl SimBackend {
    /// Returns the indexes of the usable active servers. If no active server is usable, returns the first usable backup
    /// server.
    pub(crate) fn usable_servers(&self, now: u64) -> Vec<usize> {
        let of = |backup: bool| {
            let servers = self.servers.iter().enumerate();
            servers.filter(move |(_, server)| server.is_backup == backup && server.is_usable(now)).map(|(i, _)| i)
        };
        let active: Vec<usize> = of(false).collect();
        if active.is_empty() { of(true).take(1).collect() } else { active }
    }

    /// Updates the state (up or down) and, if it changed, the time of the last change, the downtime and the number of
    /// transitions.
    pub(crate) fn update_state(&mut self, now: u64) {
        let up = self.servers.is_empty() || !self.usable_servers(now).is_empty();
        if up == self.is_up {
            return;
        }
        if up {
            self.past_downtime += now.saturating_sub(self.last_change);
        } else {
            self.down_transitions += 1;
        }
        self.is_up = up;
        self.last_change = now;
    }

    /// Returns the total milliseconds of downtime.
    pub(crate) fn downtime(&self, now: u64) -> u64 {
        self.past_downtime + if self.is_up { 0 } else { now.saturating_sub(self.last_change) }
    }

    /// Returns the number of queued sessions in the backend's own queue and in the queues of its servers.
    pub(crate) fn waiting_sessions(&self) -> usize {
        self.queue.len() + self.servers.iter().map(|server| server.queue.len()).sum::<usize>()
    }
}

/// One `frontend`, `backend` or `listen`.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    /// Id of the proxy (`iid`).
    pub(crate) iid: u32,
    /// Name. A frontend and a backend may have the same name.
    pub(crate) name: String,
    /// Protocol.
    pub(crate) mode: ProxyMode,
    /// Client side.
    pub(crate) frontend: Option<SimFrontend>,
    /// Server side.
    pub(crate) backend: Option<SimBackend>,
    /// Stick table.
    pub(crate) stick_table: Option<SimStickTable>,
}
