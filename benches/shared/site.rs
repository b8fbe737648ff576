//! A real HAProxy with as many servers as wanted, all of them behind one address, and requests for all of them.
//!
//! The servers are one more HAProxy that answers by itself, so that no time goes into a web server. Each request goes
//! to a backend picked by chance, and there to the server whose turn it is: after a while all have moved.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::support::{Lab, Traffic, traffic};

const WEB: &str =
    "frontend web\n    bind {{web}}\n    http-request return status 200 content-type text/plain string ok";

pub struct Site {
    lab: Lab,
    _web: Lab,
}

impl Site {
    pub fn start(backends: usize, servers: usize) -> Self {
        let web = Lab::builder().frontends(0).backends(0).sections(WEB).start();
        let addr = web.addr("web");
        let mut text = String::from("frontend fe1\n    bind {{fe1}}\n    http-request set-var(txn.be) ");
        let _ = writeln!(text, "rand({backends}),add(1)\n    use_backend be%[var(txn.be)]");
        for backend in 1..=backends {
            let _ = writeln!(text, "backend be{backend}\n    balance roundrobin\n    http-reuse always");
            for server in 1..=servers {
                let _ = writeln!(text, "    server s{server} {addr}");
            }
        }
        Self { lab: Lab::builder().frontends(0).backends(0).sections(&text).start(), _web: web }
    }

    pub fn socket(&self) -> &Path {
        self.lab.admin()
    }

    pub fn haproxy(&self) -> u32 {
        self.lab.pid()
    }

    /// About 2,500 requests a second, as far as the machine can, until it is dropped.
    pub fn load(&self) -> traffic::Running {
        Traffic::to(self.lab.addr("fe1")).keep_alive().workers(8).pause(Duration::from_millis(3)).start()
    }
}
