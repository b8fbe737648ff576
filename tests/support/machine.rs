//! A machine that runs only chosen HAProxies: a mount namespace whose `/proc` lists only their processes and whose `/run`
//! is empty. Other tests and developers run HAProxies on the real machine, which discovery would find, too.
//!
//! Creating it requires root, and in a container the capability SYS_ADMIN; otherwise the test fails and says so.

use super::haproxy::Lab;
use super::launch::TermBuilder;
use super::process::{self, Watchdog};
use super::term::Term;
use super::{lock, wait_until};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use tempfile::TempDir;

/// User id of a stranger: neither root nor the user of an account.
pub const STRANGER: u32 = 61_234;

/// Mounts `/proc` with the processes `$2` and of this shell, and an empty `/run`, then runs the rest of the arguments.
const SCRIPT: &str = r#"
set -e
folder=$1; pids=$2; shift 2
mount -t tmpfs none "$folder"
mkdir "$folder/new" "$folder/run"
for pid in 1 $$ $pids; do
    mkdir -p "$folder/new/$pid"
    mount --bind "/proc/$pid" "$folder/new/$pid"
done
ln -s $$ "$folder/new/self"
ln -s self/net "$folder/new/net"
ln -s self/mounts "$folder/new/mounts"
mount -t tmpfs -o mode=755 none /run
mount --rbind "$folder/new" /proc
exec "$@"
"#;

/// A machine with chosen processes and a copy of hapulse that every user can run.
pub struct Machine {
    folder: TempDir,
    pids: Mutex<Vec<u32>>,
    strangers: Mutex<Vec<Child>>,
    watchdog: Mutex<Watchdog>,
}

impl Machine {
    /// Creates a machine with the processes of these labs.
    pub fn with(labs: &[&Lab]) -> Self {
        let is_root = rustix::process::geteuid().is_root();
        assert!(is_root, "this test creates namespaces and starts programs as other users: run it as root");
        let folder = TempDir::with_prefix_in("machine", "/tmp").expect("/tmp can be written");
        for name in ["proc", "home"] {
            fs::create_dir(folder.path().join(name)).expect("the folder is new");
        }
        for path in [folder.path().to_owned(), folder.path().join("home")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        fs::copy(env!("CARGO_BIN_EXE_hapulse"), folder.path().join("hapulse")).expect("the folder is new");
        let watchdog = Mutex::new(Watchdog::start());
        let machine = Self { folder, pids: Mutex::default(), strangers: Mutex::default(), watchdog };
        let probe = machine.command("true", None).output().expect("unshare starts");
        let error = String::from_utf8_lossy(&probe.stderr);
        assert!(
            probe.status.success(),
            "this test needs a mount namespace (in a container: --cap-add SYS_ADMIN --security-opt apparmor=unconfined): {error}"
        );
        labs.iter().for_each(|lab| machine.add(lab));
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
        let folder = self.folder.path().join(name);
        fs::create_dir(&folder).expect("the name is new");
        std::os::unix::fs::chown(&folder, Some(STRANGER), Some(STRANGER)).expect("root may do this");
        folder
    }

    /// Starts a program as another user, and adds it to the machine once `is_ready` returns true.
    pub fn start(&self, user: u32, mut command: Command, is_ready: impl Fn() -> bool) -> u32 {
        let child = {
            let _guard = process::lock_start();
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).uid(user).gid(user);
            command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
        };
        let pid = child.id();
        lock(&self.watchdog).watch(pid);
        lock(&self.strangers).push(child);
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

    /// Returns the arguments that run `program` on this machine, as this user or as another.
    fn arguments(&self, program: &str, user: Option<(u32, u32)>) -> Vec<String> {
        let pids: Vec<String> = lock(&self.pids).iter().map(u32::to_string).collect();
        let folder = self.folder.path().join("proc").display().to_string();
        let mut words: Vec<String> =
            ["--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh"].map(str::to_owned).to_vec();
        words.extend([folder, pids.join(" ")]);
        if let Some((user, group)) = user {
            words.extend(["setpriv".to_owned(), format!("--reuid={user}"), format!("--regid={user}")]);
            words.extend([format!("--groups={group}"), "--".to_owned()]);
        }
        words.push(program.to_owned());
        words
    }

    fn command(&self, program: &str, user: Option<(u32, u32)>) -> Command {
        let mut command = Command::new("unshare");
        command.args(self.arguments(program, user)).stdin(Stdio::null()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder.path().join("home")).env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
        command
    }

    fn hapulse(&self) -> String {
        self.folder.path().join("hapulse").display().to_string()
    }

    /// Runs hapulse as root and returns exit code, standard output and standard error.
    pub fn run<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> (i32, String, String) {
        self.run_as(None, args)
    }

    /// Runs hapulse as another user, with another group, and returns exit code, standard output and standard error.
    pub fn run_as<I: AsRef<OsStr>>(
        &self,
        user: Option<(u32, u32)>,
        args: impl IntoIterator<Item = I>,
    ) -> (i32, String, String) {
        let output: Output = self.command(&self.hapulse(), user).args(args).output().expect("unshare starts");
        let text = |bytes| String::from_utf8(bytes).expect("the output is text");
        (output.status.code().expect("it exits"), text(output.stdout), text(output.stderr))
    }

    /// Returns a builder for hapulse in a terminal, as root.
    pub fn term<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> TermBuilder {
        Term::program("unshare").args(self.arguments(&self.hapulse(), None)).args(args)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for child in &mut *lock(&self.strangers) {
            process::kill_with_children(child);
        }
    }
}
