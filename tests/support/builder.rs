//! Builds the configuration file of a [`Lab`].
//!
//! Names: frontends `fe1`, `fe2` …, backends `be1`, `be2` …, servers `s1`, `s2` …. A request for `/be2/anything` goes
//! to `be2`, any other to `be1`.

use super::haproxy::Lab;
use super::servers::{ServerBehavior, WebServer};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Configuration of a lab. Default: one frontend, one backend with two servers that respond at once, no health checks,
/// no TCP stats socket.
#[derive(Debug, Clone)]
pub struct LabBuilder {
    backends: usize,
    servers: usize,
    real_servers: bool,
    pub(super) tcp: bool,
    pub(super) master: bool,
    behaviors: BTreeMap<String, ServerBehavior>,
    frontends: usize,
    checks: Option<&'static str>,
    cookie: bool,
    stats_timeout: String,
    server_options: String,
    options: BTreeMap<String, String>,
    global: Vec<String>,
    defaults: Vec<String>,
    backend: Vec<String>,
    sections: String,
    pub(super) program: Option<PathBuf>,
}

impl Default for LabBuilder {
    fn default() -> Self {
        Self {
            backends: 1,
            servers: 2,
            real_servers: true,
            tcp: false,
            master: false,
            behaviors: BTreeMap::new(),
            frontends: 1,
            checks: None,
            cookie: false,
            stats_timeout: "30s".into(),
            server_options: String::new(),
            options: BTreeMap::new(),
            global: Vec::new(),
            defaults: Vec::new(),
            backend: Vec::new(),
            sections: String::new(),
            program: None,
        }
    }
}

impl LabBuilder {
    pub fn frontends(mut self, count: usize) -> Self {
        self.frontends = count;
        self
    }

    pub fn backends(mut self, count: usize) -> Self {
        self.backends = count;
        self
    }

    /// Sets the number of servers in each backend.
    pub fn servers(mut self, count: usize) -> Self {
        self.servers = count;
        self
    }

    /// Sets how one server responds: `server_behavior("be1/s2", ServerBehavior::Closed)`.
    pub fn server_behavior(mut self, server: &str, behavior: ServerBehavior) -> Self {
        self.behaviors.insert(server.into(), behavior);
        self
    }

    /// Enables TCP health checks for every server, five per second, with `rise 2 fall 2`.
    pub fn checks(mut self) -> Self {
        self.checks = Some("");
        self
    }

    /// Enables HTTP health checks at the same interval, so that a server that responds with 500 is down.
    pub fn http_checks(mut self) -> Self {
        self.checks = Some("    option httpchk GET /check\n");
        self
    }

    /// Enables persistence by the cookie `SRV`, whose values are the server names.
    pub fn cookie(mut self) -> Self {
        self.cookie = true;
        self
    }

    /// Sets `maxconn` of every server.
    pub fn maxconn(self, count: usize) -> Self {
        self.server_options(&format!("maxconn {count}"))
    }

    /// Appends options such as `weight 10` to the line of every server.
    pub fn server_options(mut self, words: &str) -> Self {
        let _ = write!(self.server_options, " {words}");
        self
    }

    /// Appends options to the line of one server: `server_option("be1/s2", "backup")`.
    pub fn server_option(mut self, server: &str, words: &str) -> Self {
        let _ = write!(self.options.entry(server.into()).or_default(), " {words}");
        self
    }

    /// Adds a line to `global`.
    pub fn global(mut self, line: &str) -> Self {
        self.global.push(line.into());
        self
    }

    /// Adds a line to `defaults`.
    pub fn defaults(mut self, line: &str) -> Self {
        self.defaults.push(line.into());
        self
    }

    /// Adds a line to every generated backend.
    pub fn backend(mut self, line: &str) -> Self {
        self.backend.push(line.into());
        self
    }

    /// Appends sections after the generated ones; with `frontends(0).backends(0)` they are the only ones. A name in
    /// double braces, as in `bind {{web}}`, is replaced by a free address, which [`Lab::addr`] returns.
    pub fn sections(mut self, text: &str) -> Self {
        self.sections.push_str(text);
        self.sections.push('\n');
        self
    }

    /// Runs this HAProxy instead of the one under test.
    pub fn program(mut self, path: PathBuf) -> Self {
        self.program = Some(path);
        self
    }

    /// Adds TCP stats sockets of level admin on 127.0.0.1 and, if the machine has IPv6, on `[::1]`.
    pub fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// Starts HAProxy in master-worker mode with a master socket; reloads then go through the master.
    pub fn master(mut self) -> Self {
        self.master = true;
        self
    }

    /// Sets `stats timeout`, such as `"500ms"`.
    pub fn stats_timeout(mut self, time: &str) -> Self {
        self.stats_timeout = time.into();
        self
    }

    /// Configures 200 backends of 50 servers (10,000 servers) without checks; nothing listens on their addresses.
    pub fn big(mut self) -> Self {
        self.backends = 200;
        self.servers = 50;
        self.real_servers = false;
        self.checks = None;
        self
    }

    /// Starts HAProxy and waits until it replies.
    pub fn start(self) -> Lab {
        Lab::start(&self)
    }

    /// Starts the web servers and returns them by name.
    pub(super) fn web_servers(&self, ip: Ipv4Addr) -> BTreeMap<String, WebServer> {
        let mut servers = BTreeMap::new();
        if self.real_servers {
            for backend in 1..=self.backends {
                for server in 1..=self.servers {
                    let name = format!("be{backend}/s{server}");
                    let behavior = self.behaviors.get(&name).copied().unwrap_or(ServerBehavior::Ok);
                    servers.insert(name, WebServer::start(ip, behavior));
                }
            }
        }
        for name in self.behaviors.keys() {
            let is_server = servers.contains_key(name);
            assert!(is_server, "a behavior for {name}, which is not a server");
        }
        servers
    }

    /// Returns the names of the addresses that HAProxy binds.
    pub(super) fn bind_names(&self) -> Vec<String> {
        let names = self.sections.split("{{").skip(1);
        let names = names.filter_map(|rest| Some(rest.split_once("}}")?.0.to_owned()));
        let generated = (1..=self.frontends).map(|number| format!("fe{number}"));
        generated.chain(names).collect()
    }

    /// Returns the text of the configuration file.
    pub(super) fn config(
        &self,
        folder: &Path,
        binds: &BTreeMap<String, SocketAddr>,
        tcp: &[SocketAddr],
        server_addr: impl Fn(&str) -> SocketAddr,
    ) -> String {
        let mut text = String::from("global\n    maxconn 2000\n    nbthread 1\n");
        for level in ["admin", "operator", "user"] {
            let socket = folder.join(format!("{level}.sock"));
            let socket = socket.display();
            let _ = writeln!(text, "    stats socket {socket} mode 600 level {level}");
        }
        for addr in tcp {
            let (ip, port) = (addr.ip(), addr.port());
            let family = if ip.is_ipv6() { "ipv6" } else { "ipv4" };
            let _ = writeln!(text, "    stats socket {family}@{ip}:{port} level admin");
        }
        let _ = writeln!(text, "    stats timeout {}", self.stats_timeout);
        write_lines(&mut text, &self.global);
        text.push_str("\ndefaults\n    mode http\n    timeout connect 2s\n    timeout client 60s\n");
        text.push_str("    timeout server 60s\n    timeout queue 60s\n");
        write_lines(&mut text, &self.defaults);
        for number in 1..=self.frontends {
            self.write_frontend(&mut text, &format!("fe{number}"), binds);
        }
        for number in 1..=self.backends {
            self.write_backend(&mut text, &format!("be{number}"), &server_addr);
        }
        let mut sections = self.sections.clone();
        for (name, addr) in binds {
            sections = sections.replace(&format!("{{{{{name}}}}}"), &addr.to_string());
        }
        text + "\n" + &sections
    }

    fn write_frontend(&self, text: &mut String, name: &str, binds: &BTreeMap<String, SocketAddr>) {
        let addr = binds[name];
        let _ = write!(text, "\nfrontend {name}\n    bind {addr}\n");
        for number in 2..=self.backends {
            let rule = format!("use_backend be{number} if {{ path_beg /be{number}/ }}");
            let _ = writeln!(text, "    {rule}");
        }
        if self.backends > 0 {
            text.push_str("    default_backend be1\n");
        }
    }

    fn write_backend(&self, text: &mut String, name: &str, addr: impl Fn(&str) -> SocketAddr) {
        let _ = write!(text, "\nbackend {name}\n    balance roundrobin\n");
        if self.cookie {
            text.push_str("    cookie SRV insert indirect nocache\n");
        }
        text.push_str(self.checks.unwrap_or_default());
        write_lines(text, &self.backend);
        for number in 1..=self.servers {
            let server = format!("s{number}");
            let full = format!("{name}/{server}");
            let _ = write!(text, "    server {server} {}", addr(&full));
            if self.checks.is_some() {
                text.push_str(" check inter 200ms fastinter 100ms downinter 200ms rise 2 fall 2");
            }
            if self.cookie {
                let _ = write!(text, " cookie {server}");
            }
            text.push_str(&self.server_options);
            text.push_str(self.options.get(&full).map_or("", String::as_str));
            text.push('\n');
        }
    }
}

fn write_lines(text: &mut String, lines: &[String]) {
    for line in lines {
        let _ = writeln!(text, "    {line}");
    }
}
