//! A HAProxy in whose parts faults can be injected one by one, at run time: a small site with its applications, an
//! agent, a DNS server and clients with a steady rate.
//!
//! Each [`Part`] is one backend with what belongs to it. All parts are healthy at the start:
//!
//! ```ignore
//! let incident = Incident::start(&[WEB, QUEUE]);
//! incident.app("web3").set_behavior(ServerBehavior::Slow(Duration::from_secs(1)));
//! incident.app("q1").stop();
//! ```
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpSocket;

use crate::support::dns::NameServer;
use crate::support::servers::{WebServer, unique_loopback};
use crate::support::traffic::RunningTraffic;
use crate::support::{Agent, Lab, ServerBehavior, Traffic, wait_until};

/// One backend with its servers and its clients.
#[derive(Debug)]
pub struct Part {
    /// Requests whose path begins with `/NAME` go to the backend `be_NAME`.
    pub name: &'static str,
    servers: &'static [&'static str],
    /// Options of each server besides its health check.
    options: &'static str,
    /// Time that the applications take for a response.
    delay: Duration,
    /// Requests per second.
    rate: f64,
}

const fn part(
    name: &'static str,
    servers: &'static [&'static str],
    options: &'static str,
    delay_ms: u64,
    rate: f64,
) -> Part {
    Part { name, servers, options, delay: Duration::from_millis(delay_ms), rate }
}

pub const WEB: Part = part("web", &["web1", "web2", "web3", "web4", "web5"], "maxconn 100", 5, 40.0);
pub const QUEUE: Part = part("queue", &["q1", "q2"], "maxconn 2", 60, 6.0);
pub const ERRORS: Part = part("errors", &["err1", "err2", "err3"], "", 5, 30.0);
pub const FLAP: Part = part("flap", &["fl1", "fl2", "fl3"], "", 5, 10.0);
pub const DEAD: Part = part("dead", &["dead1", "dead2"], "", 5, 5.0);
pub const API: Part = part("api", &["api1", "api2", "api3"], "maxconn 50", 15, 20.0);
/// The name of the backend contains that of its server `canary`.
pub const CANARY: Part = part("canary", &["stable", "canary"], "", 5, 5.0);
/// `fe_tcp` takes at most [`TCP_LIMIT`] connections.
pub const TCP: Part = part("tcp", &["tcp1", "tcp2"], "", 0, 0.0);
/// `fe_pause` has a port of its own.
pub const PAUSE: Part = part("pause", &["pause1", "pause2"], "", 5, 5.0);
/// `name1` has a name that the DNS server resolves; see [`Incident::set_resolvable`].
pub const DNS: Part = part("dns", &["name1", "name2"], "", 5, 5.0);
/// `ag1` has [`Incident::agent`].
pub const AGENT: Part = part("agent", &["ag1", "ag2"], "", 5, 5.0);

/// The backend has [`SLOT_COUNT`] unused servers besides, `slot1` to `slot40`.
pub const SLOTS: Part = part("slots", &["base1", "base2"], "", 5, 10.0);

/// The parts of an incident: all that can fail.
pub const EVERY_PART: [&Part; 10] = [&WEB, &QUEUE, &ERRORS, &FLAP, &DEAD, &API, &TCP, &PAUSE, &DNS, &AGENT];

/// `maxconn` of the frontend `fe_tcp`.
pub const TCP_LIMIT: usize = 20;

/// The health check of every server.
const CHECK: &str = "check inter 500ms fall 2 rise 2";

/// Number of servers that `be_slots` has for scaling.
pub const SLOT_COUNT: usize = 40;

/// The name of `name1`, for the DNS server.
pub const DNS_NAME: &str = "name1.lab.test";

/// A running HAProxy with all that belongs to it; dropping it ends every process and thread.
pub struct Incident {
    clients: BTreeMap<&'static str, RunningTraffic>,
    lab: Lab,
    apps: BTreeMap<&'static str, WebServer>,
    agent: Agent,
    dns: NameServer,
    ip: Ipv4Addr,
}

impl Incident {
    /// Starts HAProxy with these parts, and their clients.
    pub fn start(parts: &[&'static Part]) -> Self {
        let ip = unique_loopback();
        let behavior =
            |part: &Part| if part.delay.is_zero() { ServerBehavior::Ok } else { ServerBehavior::Slow(part.delay) };
        let app =
            |part: &'static Part| part.servers.iter().map(move |name| (*name, WebServer::start(ip, behavior(part))));
        let apps: BTreeMap<_, _> = parts.iter().flat_map(|part| app(part)).collect();
        let (agent, dns) = (Agent::start("up"), NameServer::start());
        dns.set(DNS_NAME, &[ip]);
        let mut text = dns.resolvers_section("lab");
        text.push_str("frontend fe_web\n    bind {{fe_web}}\n    maxconn 400\n");
        for name in parts.iter().map(|part| part.name).filter(|name| !matches!(*name, "web" | "tcp" | "pause")) {
            let _ = writeln!(text, "    use_backend be_{name} if {{ path_beg /{name} }}");
        }
        if parts.iter().any(|part| part.name == "web") {
            text.push_str("    default_backend be_web\n");
        }
        if parts.iter().any(|part| part.name == "tcp") {
            let _ = writeln!(
                text,
                "frontend fe_tcp\n    mode tcp\n    bind {{{{fe_tcp}}}}\n    timeout client 1h\n    maxconn {TCP_LIMIT}\n    default_backend be_tcp"
            );
        }
        if parts.iter().any(|part| part.name == "pause") {
            text.push_str("frontend fe_pause\n    bind {{fe_pause}}\n    default_backend be_pause\n");
        }
        for part in parts {
            write_backend(&mut text, part, |server| match server {
                "ag1" => (apps[server].addr().to_string(), agent.server_option_with_interval("300ms")),
                "name1" => (
                    format!("{DNS_NAME}:{}", apps[server].addr().port()),
                    "resolvers lab resolve-prefer ipv4 init-addr none".into(),
                ),
                _ => (apps[server].addr().to_string(), String::new()),
            });
        }
        let lab = Lab::builder()
            .frontends(0)
            .backends(0)
            .defaults("retries 2")
            .defaults("option redispatch")
            .sections(&text)
            .start();
        let incident = Self { clients: BTreeMap::new(), lab, apps, agent, dns, ip };
        incident.with_clients(parts)
    }

    fn with_clients(mut self, parts: &[&'static Part]) -> Self {
        for part in parts.iter().filter(|part| part.rate > 0.0) {
            self.clients.insert(part.name, self.traffic(part.name).rate(part.rate).start());
        }
        self
    }

    /// Returns traffic to a backend by the name of its part, to be started.
    pub fn traffic(&self, part: &str) -> Traffic {
        let frontend = if part == "pause" { "fe_pause" } else { "fe_web" };
        Traffic::to(self.lab.addr(frontend)).path(&format!("/{part}")).keep_alive().workers(4)
    }

    /// Opens connections to `fe_tcp`, which stay until they are dropped.
    pub fn hold_connections(&self, count: usize) -> Vec<TcpStream> {
        (0..count).map(|_| TcpStream::connect(self.lab.addr("fe_tcp")).expect("the kernel takes connections")).collect()
    }

    /// Opens connections to `fe_tcp` from another address of this machine, which stay until they are dropped.
    pub fn hold_connections_from(&self, client: Ipv4Addr, count: usize) -> Vec<TcpStream> {
        let connect = || async {
            let socket = TcpSocket::new_v4().expect("the kernel has a socket");
            socket.bind((client, 0).into()).expect("a port is free");
            let stream = socket.connect(self.lab.addr("fe_tcp")).await.expect("the kernel takes connections");
            stream.into_std().expect("it is a socket")
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("the kernel can poll");
        (0..count).map(|_| runtime.block_on(connect())).collect()
    }

    /// Waits until every server is up.
    pub fn wait_until_up(&self) {
        wait_until("every server to be up", || {
            let stat = self.lab.send_command("show stat");
            let is_up = |server: &&'static str| {
                let row = stat.lines().find(|line| line.split(',').nth(1) == Some(server)).expect("it has a row");
                row.split(',').nth(17) == Some("UP")
            };
            self.apps.keys().all(is_up)
        });
    }

    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// Returns the admin socket.
    pub fn socket(&self) -> &Path {
        self.lab.admin()
    }

    /// Returns the application of a server.
    pub fn app(&self, server: &str) -> &WebServer {
        self.apps.get(server).unwrap_or_else(|| panic!("no application is named {server}"))
    }

    /// Returns the agent of `ag1`.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Lets the DNS server know the address of `name1`, or no address (NXDOMAIN).
    pub fn set_resolvable(&self, is_resolvable: bool) {
        let addresses = if is_resolvable { &[self.ip][..] } else { &[] };
        self.dns.set(DNS_NAME, addresses);
    }
}

/// Writes the section of a backend; `server` returns the address of a server and its further options.
fn write_backend(text: &mut String, part: &Part, server: impl Fn(&str) -> (String, String)) {
    let _ = writeln!(text, "backend be_{}\n    balance roundrobin", part.name);
    if part.name == "tcp" {
        text.push_str("    mode tcp\n    balance leastconn\n    timeout server 1h\n");
    }
    for name in part.servers {
        let (addr, more) = server(name);
        let _ = writeln!(text, "    server {name} {addr} {CHECK} {} {more}", part.options);
    }
    if part.name == "slots" {
        let _ = writeln!(text, "    server-template slot {SLOT_COUNT} 127.0.0.1:9 {CHECK} disabled");
    }
}
