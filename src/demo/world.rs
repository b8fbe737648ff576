//! The simulated process and everything in it, at one moment.
//!
//! The world holds state and answers where things are; `traffic.rs` moves it, `birth.rs` makes it, the
//! commands of `cli.rs` read and change it. Its clock counts milliseconds and starts at 0 with the process, so
//! a world with a past of three days begins at three days. The wall clock is one number given at birth.

use std::time::Duration;

use fastrand::Rng;

use crate::demo::counters::{Count, Meter};
use crate::demo::proxy::{Back, Front, Proxy};
use crate::demo::server::Server;

/// `maxconn` of the process in the configuration.
pub(crate) const MAXCONN: u64 = 4000;

/// A simulated `HAProxy`.
#[derive(Clone, Debug)]
pub struct World {
    /// Milliseconds since the first process started.
    pub(crate) clock: u64,
    /// When this process started, on that clock.
    pub(crate) started: u64,
    /// The moment from which the story counts.
    pub(crate) story_began: u64,
    /// Seconds since 1970 when the clock was 0.
    pub(crate) epoch: u64,
    /// What is left of the last `advance`, shorter than a step.
    pub(crate) remainder: Duration,
    /// The process's number.
    pub(crate) pid: u32,
    /// `set maxconn global`
    pub(crate) maxconn: u64,
    /// The proxies, in the order of the configuration.
    pub(crate) proxies: Vec<Proxy>,
    /// How many plain backends the site has besides the named ones.
    pub(crate) extra_backends: usize,
    /// What is counted for the process as a whole.
    pub(crate) meter: Meter,
    /// How many sessions there were since the start.
    pub(crate) last_id: u64,
    /// Chance, from a seed.
    pub(crate) rng: Rng,
}

/// Where a server is: the index of its proxy, and its own in the backend.
pub(crate) type Place = (usize, usize);

impl World {
    /// Seconds since 1970, now.
    pub(crate) fn wall(&self) -> u64 {
        self.epoch + self.clock / 1000
    }

    /// Seconds this process has run.
    pub(crate) fn uptime(&self) -> u64 {
        (self.clock - self.started) / 1000
    }

    /// Every proxy with a server side.
    pub(crate) fn backs(&self) -> impl Iterator<Item = (&Proxy, &Back)> {
        self.proxies.iter().filter_map(|proxy| Some((proxy, proxy.back.as_ref()?)))
    }

    /// The frontend of that name.
    pub(crate) fn front_mut(&mut self, name: &str) -> Option<&mut Front> {
        self.proxies.iter_mut().filter(|proxy| proxy.name == name).find_map(|proxy| proxy.front.as_mut())
    }

    /// The index of the proxy whose backend has that name, or that number when it is `#N`.
    pub(crate) fn back_named(&self, name: &str) -> Option<usize> {
        let number = name.strip_prefix('#').and_then(|digits| digits.parse::<u32>().ok());
        self.proxies.iter().position(|proxy| {
            proxy.back.is_some() && number.map_or_else(|| proxy.name == name, |number| proxy.iid == number)
        })
    }

    /// The index of a server in a backend, by its name or its number.
    pub(crate) fn server_named(&self, proxy: usize, name: &str) -> Option<Place> {
        let number = name.strip_prefix('#').and_then(|digits| digits.parse::<u32>().ok());
        let servers = &self.proxies.get(proxy)?.back.as_ref()?.servers;
        let found =
            servers.iter().position(|server| number.map_or_else(|| server.name == name, |n| server.sid == n))?;
        Some((proxy, found))
    }

    /// The backend a server is in.
    pub(crate) fn back_at(&mut self, place: Place) -> Option<&mut Back> {
        self.proxies.get_mut(place.0)?.back.as_mut()
    }

    /// The server at a place.
    pub(crate) fn server_at(&mut self, place: Place) -> Option<&mut Server> {
        self.back_at(place)?.servers.get_mut(place.1)
    }

    /// Client connections now open.
    pub(crate) fn connections(&self) -> u64 {
        self.proxies.iter().filter_map(|proxy| proxy.front.as_ref()).map(|front| front.meter.current).sum()
    }

    /// All meters: of the process, the frontends, the backends and the servers.
    pub(crate) fn meters(&mut self) -> impl Iterator<Item = &mut Meter> {
        let each = self.proxies.iter_mut().flat_map(|proxy| {
            let front = proxy.front.as_mut().map(|front| &mut front.meter);
            let back = proxy.back.as_mut().map(|back| {
                let servers = back.servers.iter_mut().map(|server| &mut server.meter);
                std::iter::once(&mut back.meter).chain(servers)
            });
            front.into_iter().chain(back.into_iter().flatten())
        });
        std::iter::once(&mut self.meter).chain(each)
    }

    /// A sum over all frontends.
    pub(crate) fn front_total(&self, count: Count) -> u64 {
        self.proxies.iter().filter_map(|proxy| proxy.front.as_ref()).map(|front| front.meter.totals[count]).sum()
    }
}
