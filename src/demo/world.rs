//! The current state of the simulated process, and functions that find objects in this state.
//!
//! `warm_up.rs` creates a world, `simulation.rs` moves it forward, and the commands of `interpreter.rs` read and change
//! it. The world's clock counts milliseconds since the start of the first process, so a world created with an uptime of
//! three days begins at the clock value of three days. `epoch` relates the clock to wall time.

use std::time::Duration;

use fastrand::Rng;

use crate::demo::counters::{CounterId, Counters};
use crate::demo::log_lines::LogLines;
use crate::demo::proxy::{Proxy, SimBackend, SimFrontend};
use crate::demo::server::SimServer;

/// `maxconn` of the process, as configured.
pub(crate) const MAXCONN: u64 = 4000;

/// A simulated `HAProxy`.
#[derive(Clone, Debug)]
pub struct World {
    /// Milliseconds since the first process started.
    pub(crate) clock: u64,
    /// Clock value at the start of the current process.
    pub(crate) process_start: u64,
    /// Clock value at the start of the scenario.
    pub(crate) scenario_start: u64,
    /// Seconds since 1970 at clock value 0.
    pub(crate) epoch: u64,
    /// Time passed to `advance` that has not been simulated yet, because it is shorter than a step.
    pub(crate) remainder: Duration,
    /// Process id.
    pub(crate) pid: u32,
    /// Maximum number of connections, which `set maxconn global` changes.
    pub(crate) maxconn: u64,
    /// Proxies, in the order of the configuration.
    pub(crate) proxies: Vec<Proxy>,
    /// Number of additional backends, for a site with many rows.
    pub(crate) extra_backends: usize,
    /// Counters of the process.
    pub(crate) counters: Counters,
    /// Id of the last session, which is also the number of sessions since the start of the process.
    pub(crate) last_id: u64,
    /// Log of requests.
    pub(crate) log: LogLines,
    /// Source of random numbers.
    pub(crate) rng: Rng,
}

/// The index of a server's proxy, and the index of the server within that proxy's backend.
pub(crate) type ServerIndex = (usize, usize);

impl World {
    /// Returns the current time in seconds since 1970.
    pub(crate) fn unix_time(&self) -> u64 {
        self.epoch + self.clock / 1000
    }

    /// Returns the uptime of the process in seconds.
    pub(crate) fn uptime(&self) -> u64 {
        (self.clock - self.process_start) / 1000
    }

    /// Iterates over the proxies that have a backend, with their backends.
    pub(crate) fn backends(&self) -> impl Iterator<Item = (&Proxy, &SimBackend)> {
        self.proxies.iter().filter_map(|proxy| Some((proxy, proxy.backend.as_ref()?)))
    }

    /// Returns the frontend with this name, or `None` if the name is unknown.
    pub(crate) fn frontend_mut(&mut self, name: &str) -> Option<&mut SimFrontend> {
        self.proxies.iter_mut().filter(|proxy| proxy.name == name).find_map(|proxy| proxy.frontend.as_mut())
    }

    /// Returns the index of the proxy whose backend has this name or, for `#ID`, this id. Returns `None` if it is
    /// unknown.
    pub(crate) fn backend_index(&self, name: &str) -> Option<usize> {
        let number = name.strip_prefix('#').and_then(|digits| digits.parse::<u32>().ok());
        self.proxies.iter().position(|proxy| {
            proxy.backend.is_some() && number.map_or_else(|| proxy.name == name, |number| proxy.iid == number)
        })
    }

    /// Returns the index of the server with this name or, for `#ID`, this id. Returns `None` if it is unknown.
    pub(crate) fn server_index(&self, proxy: usize, name: &str) -> Option<ServerIndex> {
        let number = name.strip_prefix('#').and_then(|digits| digits.parse::<u32>().ok());
        let servers = &self.proxies.get(proxy)?.backend.as_ref()?.servers;
        let found =
            servers.iter().position(|server| number.map_or_else(|| server.name == name, |n| server.sid == n))?;
        Some((proxy, found))
    }

    /// Returns the backend of a server.
    pub(crate) fn backend_mut(&mut self, index: ServerIndex) -> Option<&mut SimBackend> {
        self.proxies.get_mut(index.0)?.backend.as_mut()
    }

    /// Returns a server.
    pub(crate) fn server_mut(&mut self, index: ServerIndex) -> Option<&mut SimServer> {
        self.backend_mut(index)?.servers.get_mut(index.1)
    }

    /// Returns the number of open client connections.
    pub(crate) fn connections(&self) -> u64 {
        self.proxies.iter().filter_map(|proxy| proxy.frontend.as_ref()).map(|frontend| frontend.counters.current).sum()
    }

    /// Iterates over the counters of the process, which come first, and of all frontends, backends and servers.
    pub(crate) fn counters_mut(&mut self) -> impl Iterator<Item = &mut Counters> {
        let each = self.proxies.iter_mut().flat_map(|proxy| {
            let frontend = proxy.frontend.as_mut().map(|frontend| &mut frontend.counters);
            let backend = proxy.backend.as_mut().map(|backend| {
                let servers = backend.servers.iter_mut().map(|server| &mut server.counters);
                std::iter::once(&mut backend.counters).chain(servers)
            });
            frontend.into_iter().chain(backend.into_iter().flatten())
        });
        std::iter::once(&mut self.counters).chain(each)
    }

    /// Returns the sum of a counter over all frontends.
    pub(crate) fn frontend_total(&self, count: CounterId) -> u64 {
        self.proxies
            .iter()
            .filter_map(|proxy| proxy.frontend.as_ref())
            .map(|frontend| frontend.counters.totals[count])
            .sum()
    }
}
