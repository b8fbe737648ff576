//! A real HAProxy with any number of servers, and traffic to all of them.
//!
//! All servers have the address of a second HAProxy, which answers the requests itself, so that no time is spent in a
//! web server. Each request goes to a random backend, and within it to the next server, so that the counters of all
//! servers increase.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::support::{Lab, Traffic, traffic};

const WEB: &str =
    "frontend web\n    bind {{web}}\n    http-request return status 200 content-type text/plain string ok";

pub struct LoadedSite {
    lab: Lab,
    _web: Option<Lab>,
    web_addr: SocketAddr,
}

impl LoadedSite {
    pub fn start(backends: usize, servers: usize) -> Self {
        let web = Lab::builder().frontends(0).backends(0).sections(WEB).start();
        let addr = web.addr("web");
        Self { _web: Some(web), ..Self::with_web(addr, backends, servers) }
    }

    /// Starts a HAProxy with the same servers as this one.
    pub fn start_peer(&self, backends: usize, servers: usize) -> Self {
        Self::with_web(self.web_addr, backends, servers)
    }

    fn with_web(web_addr: SocketAddr, backends: usize, servers: usize) -> Self {
        let mut text = String::from("frontend fe1\n    bind {{fe1}}\n    http-request set-var(txn.be) ");
        let _ = writeln!(text, "rand({backends}),add(1)\n    use_backend be%[var(txn.be)]");
        for backend in 1..=backends {
            let _ = writeln!(text, "backend be{backend}\n    balance roundrobin\n    http-reuse always");
            for server in 1..=servers {
                let _ = writeln!(text, "    server s{server} {web_addr}");
            }
        }
        Self { lab: Lab::builder().frontends(0).backends(0).sections(&text).start(), _web: None, web_addr }
    }

    pub fn socket(&self) -> &Path {
        self.lab.admin()
    }

    pub fn addr(&self) -> SocketAddr {
        self.lab.addr("fe1")
    }

    pub fn haproxy_pid(&self) -> u32 {
        self.lab.pid()
    }

    /// Starts traffic of about 2,500 requests per second, or less on a slow machine, until the returned value is
    /// dropped.
    pub fn start_load(&self) -> traffic::RunningTraffic {
        Traffic::to(self.lab.addr("fe1")).keep_alive().workers(8).pause(Duration::from_millis(3)).start()
    }
}
