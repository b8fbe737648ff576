//! A machine that runs only chosen HAProxies. Other tests and developers run HAProxies on the real machine, which
//! discovery would find, too. A preloaded library (`chosen_processes.c`) hides them from hapulse.
//!
//! Programs of other users require root; otherwise the test fails and says so.

use super::haproxy::Lab;
use super::launch::TermBuilder;
use super::process::{self, Watchdog};
use super::term::Term;
use super::{lock, wait_until};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use tempfile::TempDir;

/// User id of a stranger: neither root nor the user of an account.
pub const STRANGER: u32 = 61_234;

/// File name of the preloaded library.
const LIBRARY: &str = "chosen_processes.so";

/// The part of a configuration that every HAProxy needs to start.
const PROXY: &str = "backend be1\n    timeout connect 1s\n    timeout server 1s\n    server s1 127.0.0.1:9\n";

/// Writes a configuration with these lines in `global`, and creates its folder.
pub fn write_config(path: &Path, global: &str) {
    fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("the folder can be created");
    let text = format!("global\n    {}\n\n{PROXY}", global.replace('\n', "\n    "));
    fs::write(path, text).expect("the configuration can be written");
}

/// A machine with chosen processes and a copy of hapulse that every user can run.
pub struct Machine {
    folder: TempDir,
    pids: Mutex<Vec<u32>>,
    others: Mutex<Vec<Child>>,
    watchdog: Mutex<Watchdog>,
}

impl Machine {
    /// Creates a machine with the processes of these labs.
    pub fn with(labs: &[&Lab]) -> Self {
        let folder = TempDir::with_prefix_in("machine", "/tmp").expect("/tmp can be written");
        let home = folder.path().join("home");
        fs::create_dir(&home).expect("the folder is new");
        for path in [folder.path(), &home] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        fs::copy(env!("CARGO_BIN_EXE_hapulse"), folder.path().join("hapulse")).expect("the folder is new");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/chosen_processes.c");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let mut compile = Command::new(compiler);
        compile.args(["-shared", "-fPIC", "-o"]).arg(folder.path().join(LIBRARY)).args([source, "-ldl"]);
        let output = compile.output().unwrap_or_else(|error| panic!("{compile:?}: {error}"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let watchdog = Mutex::new(Watchdog::start());
        let machine = Self { folder, pids: Mutex::default(), others: Mutex::default(), watchdog };
        for lab in labs {
            machine.add(lab);
        }
        machine
    }

    /// Adds the processes of a lab.
    pub fn add(&self, lab: &Lab) {
        for pid in lab.all_pids().into_iter().filter(|pid| process::is_alive(*pid)) {
            lock(&self.pids).push(pid);
            lock(&self.pids).extend(process::children(pid));
        }
    }

    /// Returns a folder that exists as long as this value, and that only root can change.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Creates a folder that belongs to the stranger.
    pub fn stranger_folder(&self, name: &str) -> PathBuf {
        require_root();
        let folder = self.folder.path().join(name);
        fs::create_dir(&folder).expect("the name is new");
        std::os::unix::fs::chown(&folder, Some(STRANGER), Some(STRANGER)).expect("root may do this");
        folder
    }

    /// Starts a real HAProxy as this user, waits for its socket and returns its pid.
    pub fn start_haproxy(&self, user: u32, config: &Path, socket: &Path) -> u32 {
        let mut command = Command::new(process::haproxy());
        command.args(["-db", "-f"]).arg(config);
        self.start(user, command, || UnixStream::connect(socket).is_ok())
    }

    /// Starts a program as this or another user, and adds it to the machine once `is_ready` returns true.
    pub fn start(&self, user: u32, mut command: Command, is_ready: impl Fn() -> bool) -> u32 {
        if user != own_user() {
            require_root();
            command.uid(user).gid(user);
        }
        let child = {
            let _guard = process::lock_start();
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
        };
        let pid = child.id();
        lock(&self.watchdog).watch(pid);
        lock(&self.others).push(child);
        wait_until(&format!("{command:?} to be ready"), is_ready);
        lock(&self.pids).push(pid);
        lock(&self.pids).extend(process::children(pid));
        pid
    }

    /// Starts a program named haproxy that only waits, with any arguments, and adds it to the machine.
    pub fn start_imposter<S: AsRef<OsStr>>(&self, user: u32, args: impl IntoIterator<Item = S>) -> u32 {
        let program = self.folder.path().join("haproxy");
        if !program.exists() {
            fs::copy("/bin/sh", &program).expect("the folder can be written");
        }
        let mut command = Command::new(program);
        command.args(["-c", "while :; do sleep 1000; done"]).args(args);
        self.start(user, command, || true)
    }

    /// Returns the arguments of `env` that run hapulse on this machine, as this user or with another user and group.
    fn arguments(&self, user: Option<(u32, u32)>) -> Vec<String> {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let pids: Vec<String> = lock(&self.pids).iter().map(u32::to_string).collect();
        let mut words = Vec::new();
        if let Some((user, group)) = user {
            require_root();
            words.extend(["setpriv".to_owned(), format!("--reuid={user}"), format!("--regid={user}")]);
            words.extend([format!("--groups={group}"), "env".to_owned()]);
        }
        words.push(format!("LD_PRELOAD={}", path(LIBRARY)));
        words.push(format!("CHOSEN_PROCESSES= 1 {} ", pids.join(" ")));
        words.push(path("hapulse"));
        words
    }

    /// Runs hapulse as this user and returns exit code, standard output and standard error.
    pub fn run<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> (i32, String, String) {
        self.run_as(None, args)
    }

    /// Runs hapulse as another user, with another group, and returns exit code, standard output and standard error.
    pub fn run_as<I: AsRef<OsStr>>(
        &self,
        user: Option<(u32, u32)>,
        args: impl IntoIterator<Item = I>,
    ) -> (i32, String, String) {
        let mut command = Command::new("env");
        command.args(self.arguments(user)).args(args).stdin(Stdio::null()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder.path().join("home")).env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
        let output = command.output().expect("env starts");
        let text = |bytes| String::from_utf8(bytes).expect("the output is text");
        (output.status.code().expect("it exits"), text(output.stdout), text(output.stderr))
    }

    /// Returns a builder for hapulse in a terminal, as this user.
    pub fn term<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> TermBuilder {
        Term::program("env").args(self.arguments(None)).args(args)
    }
}

/// Returns the id of the user who runs the test.
pub fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Fails with the reason unless root runs the test.
pub fn require_root() {
    assert_eq!(own_user(), 0, "this test starts programs as other users: run it as root");
}

impl Drop for Machine {
    fn drop(&mut self) {
        for child in &mut *lock(&self.others) {
            process::kill_with_children(child);
        }
    }
}
