//! A real HAProxy for one test, with its sockets, frontends and web servers; it can be reloaded, killed and restarted.
//!
//! ```ignore
//! let lab = Lab::builder().backends(2).servers(4).checks().start();
//! lab.send_command("disable server be1/s1");
//! assert_eq!(lab.stat("be1", "s1", "status"), "MAINT");
//! ```

use super::builder::LabBuilder;
use super::process::{self, Watchdog};
use super::servers::{self, ServerBehavior, WebServer};
use super::{lock, wait_for, wait_until};
use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use tempfile::TempDir;

/// A running HAProxy with its web servers. Dropping it kills every process it started.
#[derive(Debug)]
pub struct Lab {
    folder: TempDir,
    sockets: [PathBuf; 3],
    tcp: Vec<SocketAddr>,
    binds: BTreeMap<String, SocketAddr>,
    servers: BTreeMap<String, WebServer>,
    master: bool,
    program: PathBuf,
    processes: Mutex<Processes>,
}

#[derive(Debug)]
struct Processes {
    /// Every process started so far; the last one is the current one.
    started: Vec<Child>,
    watchdog: Watchdog,
}

impl Lab {
    pub fn builder() -> LabBuilder {
        LabBuilder::default()
    }

    pub(super) fn start(builder: &LabBuilder) -> Self {
        let folder = tempfile::Builder::new().prefix("lab").tempdir();
        let mut folder = folder.expect("a temporary folder can be made");
        if folder.path().as_os_str().len() > 60 {
            // The path of a Unix socket has at most 107 bytes, and HAProxy appends to it while it binds.
            folder = TempDir::with_prefix_in("lab", "/tmp").expect("/tmp can be written");
        }
        let ip = servers::unique_loopback();
        let servers = builder.web_servers(ip);
        let path = |level| folder.path().join(format!("{level}.sock"));
        let mut lab = Self {
            sockets: [path("admin"), path("operator"), path("user")],
            folder,
            tcp: Vec::new(),
            binds: BTreeMap::new(),
            servers,
            master: builder.master,
            program: builder.program.clone().unwrap_or_else(process::haproxy),
            processes: Mutex::new(Processes { started: Vec::new(), watchdog: Watchdog::start() }),
        };
        for attempt in 1.. {
            lab.choose_ports(builder, ip);
            let unused = SocketAddr::from((ip, 9));
            let server_addr = |name: &str| lab.servers.get(name).map_or(unused, WebServer::addr);
            let text = builder.config(lab.folder.path(), &lab.binds, &lab.tcp, server_addr);
            fs::write(lab.config_file(), text).expect("the folder can be written");
            match lab.run(None) {
                Ok(()) => break,
                Err(log) if attempt < 5 && log.contains("cannot bind") => {}
                Err(log) => panic!("HAProxy did not start:\n{log}"),
            }
        }
        lab
    }

    fn choose_ports(&mut self, builder: &LabBuilder, ip: Ipv4Addr) {
        let free = |name| (name, servers::free_port(ip).expect("a port is free"));
        self.binds = builder.bind_names().into_iter().map(free).collect();
        self.tcp.clear();
        if builder.tcp {
            let v4 = servers::free_port(Ipv4Addr::LOCALHOST).expect("a port is free");
            self.tcp.push(v4);
            self.tcp.extend(servers::free_port(Ipv6Addr::LOCALHOST));
        }
    }

    /// Starts a process and waits until it owns the admin socket. The error is HAProxy's log.
    fn run(&self, old: Option<u32>) -> Result<(), String> {
        let mut processes = lock(&self.processes);
        let log = fs::File::create(self.folder.path().join("haproxy.log")).expect("the folder can be written");
        let mut command = Command::new(&self.program);
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
            let _guard = process::lock_start();
            command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
        };
        let started_pid = child.id();
        processes.watchdog.watch(started_pid);
        processes.started.push(child);
        wait_for("HAProxy to reply", || {
            let child = processes.started.last_mut().expect("one was just added");
            if child.try_wait().expect("a child can be waited for").is_some() {
                return Some(Err(self.log()));
            }
            let pid = self.answering_pid()?;
            // A master that is still starting ignores the reload signal.
            let is_ready = if self.master { self.has_worker(pid) } else { pid == started_pid };
            is_ready.then_some(Ok(()))
        })?;
        if self.master {
            for worker in process::children(started_pid) {
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

    /// Returns the path of the master socket of a lab built with [`LabBuilder::master`].
    pub fn master_socket(&self) -> PathBuf {
        self.folder.path().join("master.sock")
    }

    /// Returns the TCP stats socket on 127.0.0.1 of a lab built with [`LabBuilder::tcp`].
    pub fn tcp(&self) -> SocketAddr {
        *self.tcp.first().expect("a lab built with .tcp()")
    }

    /// Returns the TCP stats socket on `[::1]`; `None` on a machine without IPv6.
    pub fn tcp6(&self) -> Option<SocketAddr> {
        self.tcp.get(1).copied()
    }

    /// Returns the address of `fe1`.
    pub fn frontend_addr(&self) -> SocketAddr {
        self.addr("fe1")
    }

    /// Returns the address of a frontend, or the one named `{{name}}` in [`LabBuilder::sections`].
    pub fn addr(&self, name: &str) -> SocketAddr {
        *self.binds.get(name).unwrap_or_else(|| panic!("no address is named {name}"))
    }

    /// Returns the web server of a name such as `be1/s2`.
    pub fn server(&self, name: &str) -> &WebServer {
        self.servers.get(name).unwrap_or_else(|| panic!("no server is named {name}"))
    }

    /// Changes how a server responds.
    pub fn set_server_behavior(&self, server: &str, behavior: ServerBehavior) {
        self.server(server).set_behavior(behavior);
    }

    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("haproxy.cfg")
    }

    /// Returns what the newest process wrote to standard error.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("haproxy.log")).unwrap_or_default()
    }

    /// Changes the configuration file; [`Lab::reload`] and [`Lab::restart`] apply it.
    pub fn edit(&self, change: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(self.config_file()).expect("the lab wrote it");
        fs::write(self.config_file(), change(text)).expect("the folder can be written");
    }

    /// Returns the PID of the newest process, even if it is paused or killed. With [`LabBuilder::master`] this is the
    /// master; its worker is `info("Pid")`.
    pub fn pid(&self) -> u32 {
        let processes = lock(&self.processes);
        processes.started.last().expect("start started one").id()
    }

    /// Reloads HAProxy as systemd does: a new process takes over the sockets, and the old one ends with its last
    /// connection. Returns when the new process replies.
    pub fn reload(&self) {
        if !self.master {
            let started = self.run(Some(self.pid()));
            return started.unwrap_or_else(|log| panic!("HAProxy did not reload:\n{log}"));
        }
        let old = self.info("Pid");
        process::signal(self.pid(), "USR2");
        wait_until("the master to reload", || {
            let pid = self.answering_pid();
            pid.is_some_and(|pid| pid.to_string() != old && self.has_worker(pid))
        });
        let mut processes = lock(&self.processes);
        let master = processes.started.last().expect("start started one").id();
        for worker in process::children(master) {
            processes.watchdog.watch(worker);
        }
    }

    /// Kills HAProxy with SIGKILL; the socket files remain.
    pub fn kill(&self) {
        process::kill_with_children(lock(&self.processes).started.last_mut().expect("start started one"));
    }

    /// Kills HAProxy if it runs and starts it again. Returns when it replies.
    pub fn restart(&self) {
        self.kill();
        self.run(None).unwrap_or_else(|log| panic!("HAProxy did not restart:\n{log}"));
    }

    /// Stops HAProxy with SIGSTOP: the kernel still accepts connections, but no reply comes.
    pub fn pause_process(&self) {
        process::signal(self.pid(), "STOP");
    }

    /// Continues HAProxy after [`Lab::pause_process`].
    pub fn resume_process(&self) {
        process::signal(self.pid(), "CONT");
    }

    /// Removes the file of the admin socket while HAProxy runs.
    pub fn remove_socket(&self) {
        fs::remove_file(self.admin()).expect("the socket file exists");
    }

    /// Returns the PIDs of all processes started so far, including ended ones.
    pub fn all_pids(&self) -> Vec<u32> {
        lock(&self.processes).started.iter().map(Child::id).collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in &mut lock(&self.processes).started {
            process::kill_with_children(child);
        }
    }
}
