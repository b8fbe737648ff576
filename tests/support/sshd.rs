//! A real sshd on loopback, and an ssh that knows it.
//!
//! The ssh is a script in a folder of its own, which runs the installed ssh with the configuration of the test: OpenSSH
//! takes the home folder from the accounts and not from `HOME`.

use super::process::{self, Watchdog};
use super::{lock, servers, wait_until};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use tempfile::TempDir;

/// A running sshd that accepts one key. Dropping it kills every process it started.
#[derive(Debug)]
pub struct Sshd {
    folder: TempDir,
    addr: SocketAddr,
    /// Command that runs sshd, in a mount namespace of its own.
    wrapper: Vec<String>,
    running: Mutex<(Option<Child>, Watchdog)>,
}

impl Sshd {
    /// Starts an sshd with further lines of its configuration.
    pub fn start(lines: &str) -> Self {
        Self::start_in(lines, &[])
    }

    /// Starts an sshd for which the folder `haproxy` is `/run/haproxy`.
    pub fn start_with_run_folder(haproxy: &Path) -> Self {
        super::machine::require_root();
        let script = format!(
            "mount -t tmpfs tmpfs /run && mkdir /run/sshd /run/haproxy && mount --bind '{}' /run/haproxy && exec \"$@\"",
            haproxy.display()
        );
        Self::start_in("", &["unshare", "-m", "sh", "-c", &script, "sh"])
    }

    fn start_in(lines: &str, wrapper: &[&str]) -> Self {
        let folder = TempDir::with_prefix_in("sshd", "/tmp").expect("/tmp can be written");
        let addr = servers::free_port(Ipv4Addr::LOCALHOST).expect("a port is free");
        let path = |name: &str| folder.path().join(name);
        for key in ["host_key", "user_key", "other_key"] {
            run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path(key)));
        }
        fs::copy(path("user_key.pub"), path("authorized_keys")).expect("the folder can be written");
        // Without BatchMode, ssh would ask for the password.
        let config = format!(
            "ListenAddress {addr}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\n\
             PermitRootLogin yes\nPasswordAuthentication yes\nMaxStartups 100\n{lines}\n",
            path("host_key").display(),
            path("authorized_keys").display()
        );
        fs::write(path("sshd_config"), config).expect("the folder can be written");
        let host_key = fs::read_to_string(path("host_key.pub")).expect("it was just made");
        fs::write(path("known_hosts"), format!("loopback {host_key}")).expect("the folder can be written");
        fs::create_dir(path("home")).expect("the folder can be written");
        let bin = path("bin");
        fs::create_dir(&bin).expect("the folder can be written");
        let script =
            format!("#!/bin/sh\nexec {} -F {} \"$@\"\n", installed("ssh").display(), path("ssh_config").display());
        fs::write(bin.join("ssh"), script).expect("the folder can be written");
        fs::set_permissions(bin.join("ssh"), fs::Permissions::from_mode(0o755)).expect("it is ours");
        let sshd = Self {
            folder,
            addr,
            wrapper: wrapper.iter().map(|word| (*word).to_owned()).collect(),
            running: Mutex::new((None, Watchdog::start())),
        };
        sshd.set_hosts("");
        if super::machine::own_user() == 0 {
            // Debian's service creates the folder when it starts.
            fs::create_dir_all("/run/sshd").expect("root may do this");
        }
        sshd.restart();
        sshd
    }

    /// Writes the configuration of ssh: blocks before the one for all hosts, which leads to this sshd. Only the host `wrong`
    /// does not use the key that it accepts.
    pub fn set_hosts(&self, blocks: &str) {
        let path = |name: &str| self.folder.path().join(name);
        let config = format!(
            "{blocks}\nHost * !wrong\n  IdentityFile {}\nHost *\n  HostName 127.0.0.1\n  Port {}\n  IdentitiesOnly yes\n  \
             IdentityAgent none\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n  HostKeyAlias loopback\n",
            path("user_key").display(),
            self.addr.port(),
            path("known_hosts").display()
        );
        fs::write(path("ssh_config"), config).expect("the folder can be written");
    }

    /// Returns the path of a file of this sshd: `other_key` is a key that it does not accept.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the value of `PATH` with which hapulse finds the ssh of this test first.
    pub fn path(&self) -> String {
        format!("{}:{}", self.file("bin").display(), std::env::var("PATH").unwrap_or_default())
    }

    /// Returns the processes of sshd: the one that listens, and those of its connections.
    pub fn pids(&self) -> Vec<u32> {
        let running = lock(&self.running);
        let Some(child) = &running.0 else { return Vec::new() };
        let mut all = vec![child.id()];
        let mut next = 0;
        while let Some(pid) = all.get(next) {
            all.extend(process::children(*pid));
            next += 1;
        }
        all
    }

    /// Sends a signal to all processes.
    pub fn signal(&self, name: &str) {
        for pid in self.pids() {
            process::signal(pid, name);
        }
    }

    /// Ends sshd and all its connections.
    pub fn stop(&self) {
        self.signal("KILL");
        if let Some(mut child) = lock(&self.running).0.take() {
            let _ = child.wait();
        }
    }

    /// Starts sshd again after [`Self::stop`].
    pub fn restart(&self) {
        let sshd = installed("sshd");
        let mut words: Vec<String> = self.wrapper.clone();
        words.extend([sshd.display().to_string(), "-D".into(), "-f".into()]);
        words.extend([
            self.file("sshd_config").display().to_string(),
            "-E".into(),
            self.file("log").display().to_string(),
        ]);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = {
            let _guard = process::lock_start();
            command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
        };
        let mut running = lock(&self.running);
        running.1.watch(child.id());
        running.0 = Some(child);
        drop(running);
        wait_until("sshd to listen", || TcpStream::connect(self.addr).is_ok());
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Returns the path of an installed program, which may be in a folder that the `PATH` of a normal user omits.
fn installed(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).chain(["/usr/sbin".into()]).map(|folder| folder.join(name));
    found
        .into_iter()
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed; tests/run installs it"))
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
