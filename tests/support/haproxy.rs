//! A real HAProxy for one test: its sockets, its frontends, the web servers behind it, and its life.
//!
//! ```ignore
//! let lab = Lab::builder().backends(2).servers(4).checks().start();
//! lab.ask("disable server be1/s1");
//! assert_eq!(lab.stat("be1", "s1", "status"), "MAINT");
//! ```

use super::builder::Builder;
use super::process::{self, Watchdog};
use super::servers::{self, Answer, WebServer};
use super::{lock, wait_for, wait_until};
use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use tempfile::TempDir;

/// A running HAProxy. Dropping it kills every process it started.
#[derive(Debug)]
pub struct Lab {
    folder: TempDir,
    sockets: [PathBuf; 3],
    tcp: Vec<SocketAddr>,
    binds: BTreeMap<String, SocketAddr>,
    servers: BTreeMap<String, WebServer>,
    master: bool,
    processes: Mutex<Processes>,
}

#[derive(Debug)]
struct Processes {
    /// Everything that was ever started, the current one last.
    started: Vec<Child>,
    watchdog: Watchdog,
}

impl Lab {
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(super) fn start(plan: &Builder) -> Self {
        let folder = tempfile::Builder::new().prefix("lab").tempdir();
        let mut folder = folder.expect("a temporary folder can be made");
        if folder.path().as_os_str().len() > 60 {
            // A Unix socket's path has room for 107 bytes, and HAProxy appends to it while it binds.
            folder = TempDir::with_prefix_in("lab", "/tmp").expect("/tmp can be written");
        }
        let ip = servers::own_loopback();
        let servers = plan.web_servers(ip);
        let path = |level| folder.path().join(format!("{level}.sock"));
        let mut lab = Self {
            sockets: [path("admin"), path("operator"), path("user")],
            folder,
            tcp: Vec::new(),
            binds: BTreeMap::new(),
            servers,
            master: plan.master,
            processes: Mutex::new(Processes { started: Vec::new(), watchdog: Watchdog::start() }),
        };
        for attempt in 1.. {
            lab.choose_ports(plan, ip);
            let nobody = SocketAddr::from((ip, 9));
            let server_addr = |name: &str| lab.servers.get(name).map_or(nobody, WebServer::addr);
            let text = plan.config(lab.folder.path(), &lab.binds, &lab.tcp, server_addr);
            fs::write(lab.config_file(), text).expect("the folder can be written");
            match lab.run(None) {
                Ok(()) => break,
                Err(log) if attempt < 5 && log.contains("cannot bind") => {}
                Err(log) => panic!("HAProxy did not start:\n{log}"),
            }
        }
        lab
    }

    fn choose_ports(&mut self, plan: &Builder, ip: Ipv4Addr) {
        let free = |name| (name, servers::free_port(ip).expect("a port is free"));
        self.binds = plan.bind_names().into_iter().map(free).collect();
        self.tcp.clear();
        if plan.tcp {
            let v4 = servers::free_port(Ipv4Addr::LOCALHOST).expect("a port is free");
            self.tcp.push(v4);
            self.tcp.extend(servers::free_port(Ipv6Addr::LOCALHOST));
        }
    }

    /// Starts one more process and waits until the admin socket is its own. The error is HAProxy's log.
    fn run(&self, old: Option<u32>) -> Result<(), String> {
        let mut processes = lock(&self.processes);
        let log = fs::File::create(self.folder.path().join("haproxy.log")).expect("the folder can be written");
        let mut command = Command::new(process::haproxy());
        command.arg("-f").arg(self.config_file());
        if self.master {
            let socket = self.master_socket();
            command.args(["-W", "-S"]).arg(format!("{},mode,600", socket.display()));
        } else {
            command.arg("-db");
        }
        if let Some(pid) = old {
            command.arg("-sf").arg(pid.to_string());
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = {
            let _starting = process::starting();
            command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
        };
        let own = child.id();
        processes.watchdog.watch(own);
        processes.started.push(child);
        wait_for("HAProxy to answer", || {
            let child = processes.started.last_mut().expect("one was just added");
            if child.try_wait().expect("a child can be waited for").is_some() {
                return Some(Err(self.log()));
            }
            let pid = self.answering_pid()?;
            // A master that is not up yet loses the signal that tells it to reload.
            let is_ours = if self.master { self.master_lists(pid) } else { pid == own };
            is_ours.then_some(Ok(()))
        })?;
        if self.master {
            for worker in process::children(own) {
                processes.watchdog.watch(worker);
            }
        }
        Ok(())
    }

    pub fn admin(&self) -> &Path {
        &self.sockets[0]
    }

    pub fn operator(&self) -> &Path {
        &self.sockets[1]
    }

    pub fn user(&self) -> &Path {
        &self.sockets[2]
    }

    /// The master's socket, of a lab built with [`Builder::master`].
    pub fn master_socket(&self) -> PathBuf {
        self.folder.path().join("master.sock")
    }

    /// The TCP stats socket on 127.0.0.1, of a lab built with [`Builder::tcp`].
    pub fn tcp(&self) -> SocketAddr {
        *self.tcp.first().expect("a lab built with .tcp()")
    }

    /// The same on `[::1]`; `None` on a machine without IPv6.
    pub fn tcp6(&self) -> Option<SocketAddr> {
        self.tcp.get(1).copied()
    }

    /// Where `fe1` listens.
    pub fn frontend_addr(&self) -> SocketAddr {
        self.addr("fe1")
    }

    /// Where a frontend listens, or the address named `{{name}}` in [`Builder::sections`].
    pub fn addr(&self, name: &str) -> SocketAddr {
        *self.binds.get(name).unwrap_or_else(|| panic!("no address is named {name}"))
    }

    /// The web server behind a name such as `be1/s2`.
    pub fn server(&self, name: &str) -> &WebServer {
        self.servers.get(name).unwrap_or_else(|| panic!("no server is named {name}"))
    }

    /// Makes a server answer differently from now on.
    pub fn set_answer(&self, server: &str, answer: Answer) {
        self.server(server).set(answer);
    }

    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("haproxy.cfg")
    }

    /// What the newest process wrote to its standard error.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("haproxy.log")).unwrap_or_default()
    }

    /// Changes the configuration; [`Lab::reload`] and [`Lab::restart`] make it count.
    pub fn edit(&self, change: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(self.config_file()).expect("the lab wrote it");
        fs::write(self.config_file(), change(text)).expect("the folder can be written");
    }

    /// The newest process: the one that answers, or the one that did until it was stopped or killed. With
    /// [`Builder::master`] this is the master; its worker is `info("Pid")`.
    pub fn pid(&self) -> u32 {
        let processes = lock(&self.processes);
        processes.started.last().expect("start started one").id()
    }

    /// A reload as systemd does it: a new process takes the sockets over, and the old one ends when its last
    /// connection does. Returns when the new one answers.
    pub fn reload(&self) {
        if !self.master {
            let started = self.run(Some(self.pid()));
            return started.unwrap_or_else(|log| panic!("HAProxy did not reload:\n{log}"));
        }
        let old = self.info("Pid");
        process::signal(self.pid(), "USR2");
        wait_until("the master to reload", || {
            let pid = self.answering_pid();
            pid.is_some_and(|pid| pid.to_string() != old && self.master_lists(pid))
        });
        let mut processes = lock(&self.processes);
        let master = processes.started.last().expect("start started one").id();
        for worker in process::children(master) {
            processes.watchdog.watch(worker);
        }
    }

    /// The death nobody announced: no goodbye, and the socket files stay.
    pub fn kill9(&self) {
        process::end(lock(&self.processes).started.last_mut().expect("start started one"));
    }

    /// Starts HAProxy again after [`Lab::kill9`]; before it, kills it first. Returns when it answers.
    pub fn restart(&self) {
        self.kill9();
        self.run(None).unwrap_or_else(|log| panic!("HAProxy did not restart:\n{log}"));
    }

    /// SIGSTOP: it is there, accepts (the kernel does), and says nothing.
    pub fn stop_process(&self) {
        process::signal(self.pid(), "STOP");
    }

    pub fn cont_process(&self) {
        process::signal(self.pid(), "CONT");
    }

    /// Removes the file of the admin socket under a running HAProxy.
    pub fn remove_socket(&self) {
        fs::remove_file(self.admin()).expect("the socket is there");
    }

    /// Every process started, the ended ones included.
    pub fn all_pids(&self) -> Vec<u32> {
        lock(&self.processes).started.iter().map(Child::id).collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in &mut lock(&self.processes).started {
            process::end(child);
        }
    }
}
