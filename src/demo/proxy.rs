//! A proxy: the frontend that clients reach, the backend that sends them to servers, or both in one (`listen`).
//!
//! Plain data with the few questions that concern one proxy alone. A frontend counts client connections, which
//! outlive their requests; a backend counts sessions, each of which is one request (or a connection in TCP mode).

use std::collections::VecDeque;

use crate::demo::client_session::Session;
use crate::demo::counters::Meter;
use crate::demo::server::Server;
use crate::demo::stick_table::Table;

/// What the proxy understands of what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Requests and responses.
    Http,
    /// Bytes.
    Tcp,
}

impl Mode {
    /// The word in `show stat`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
        }
    }
}

/// How a backend chooses a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// In turn, by weight.
    RoundRobin,
    /// The one with the fewest sessions for its weight.
    LeastConn,
    /// By the client's address: static, so that weights are 0 % or 100 %.
    Source,
}

impl Algorithm {
    /// The word in `show stat`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::RoundRobin => "roundrobin",
            Self::LeastConn => "leastconn",
            Self::Source => "source",
        }
    }
}

/// What an operator did to a frontend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Listens.
    Open,
    /// `disable frontend`.
    Paused,
    /// `shutdown frontend`.
    Shut,
}

/// A stream of requests from a frontend to a backend.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// Index of the proxy whose backend it goes to.
    pub back: usize,
    /// Requests a second on an ordinary moment.
    pub rate: f64,
}

/// The client side of a proxy.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    /// What is counted; `current` is the client connections.
    pub meter: Meter,
    /// `maxconn`; 0 takes nothing at all, as `set maxconn frontend X abc` makes it.
    pub maxconn: u64,
    /// What an operator did to it.
    pub door: Door,
    /// Kept connections that wait for the next request.
    pub idle: u64,
    /// Where its requests go.
    pub routes: Vec<Route>,
    /// Where in the slow wave it stands, in radians.
    pub phase: f64,
    /// What chance adds to the wave at this moment.
    pub noise: f64,
    /// The last request it could not understand: when, and whose.
    pub last_bad: Option<(u64, u16)>,
    /// Port it listens on.
    pub port: u16,
}

/// What the work of a backend is like.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    /// Milliseconds to connect, at most.
    pub connect: u64,
    /// Milliseconds until a response begins, on average.
    pub response: f64,
    /// Milliseconds a response takes to reach its client, on average.
    pub transfer: f64,
    /// Bytes of a request.
    pub bytes_in: u64,
    /// Bytes of a response, on average.
    pub bytes_out: f64,
    /// Shares of 3xx, 4xx and 5xx.
    pub classes: [f64; 3],
    /// Share of the requests that carry a cookie.
    pub loyalty: f64,
}

/// The server side of a proxy.
#[derive(Clone, Debug)]
pub(crate) struct Back {
    /// What is counted; `current` is the sessions, waiting ones included.
    pub meter: Meter,
    /// Its servers.
    pub servers: Vec<Server>,
    /// Sessions that a server works on.
    pub active: Vec<Session>,
    /// Sessions that any server may take.
    pub queue: VecDeque<Session>,
    /// How it chooses.
    pub algorithm: Algorithm,
    /// Its cookie's name.
    pub cookie: Option<String>,
    /// `slim`
    pub fullconn: u64,
    /// What its work is like.
    pub service: Service,
    /// What the story makes of its load: a factor.
    pub demand: f64,
    /// Whether any server was usable at the last look.
    pub up: bool,
    /// When that last changed.
    pub changed: u64,
    /// Milliseconds it was down before that.
    pub was_down: u64,
    /// `chkdown`
    pub down_transitions: u64,
}

impl Back {
    /// The usable servers: the active ones, or the first backup when there are none.
    pub(crate) fn usable(&self, now: u64) -> Vec<usize> {
        let of = |backup: bool| {
            let servers = self.servers.iter().enumerate();
            servers.filter(move |(_, server)| server.backup == backup && server.usable(now)).map(|(i, _)| i)
        };
        let active: Vec<usize> = of(false).collect();
        if active.is_empty() { of(true).take(1).collect() } else { active }
    }

    /// Looks whether it is up, and remembers when that changed.
    pub(crate) fn look(&mut self, now: u64) {
        let up = self.servers.is_empty() || !self.usable(now).is_empty();
        if up == self.up {
            return;
        }
        if up {
            self.was_down += now.saturating_sub(self.changed);
        } else {
            self.down_transitions += 1;
        }
        self.up = up;
        self.changed = now;
    }

    /// Milliseconds it has been down in all.
    pub(crate) fn downtime(&self, now: u64) -> u64 {
        self.was_down + if self.up { 0 } else { now.saturating_sub(self.changed) }
    }

    /// All that wait, for any server or for a certain one.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len() + self.servers.iter().map(|server| server.queue.len()).sum::<usize>()
    }
}

/// One `frontend`, `backend` or `listen`.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    /// `iid`
    pub iid: u32,
    /// Its name; a frontend and a backend may share one.
    pub name: String,
    /// What it understands.
    pub mode: Mode,
    /// Its client side.
    pub front: Option<Front>,
    /// Its server side.
    pub back: Option<Back>,
    /// Its stick table.
    pub table: Option<Table>,
}
