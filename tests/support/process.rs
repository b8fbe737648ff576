//! Starts, signals and ends child processes.
//!
//! A failing test unwinds and drops its values, which ends the children. A killed test binary does not, so every child is
//! also registered with a [`Watchdog`]: a shell that reads PIDs from a pipe and kills them when the pipe closes.

use super::lock;
use rustix::process::{Pid, Signal, kill_process};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard};

/// Locked while a process starts or a pseudo terminal opens. Children can inherit the file descriptor of a pseudo terminal
/// for an instant, and an HAProxy that inherits it would keep the terminal open.
static START_LOCK: Mutex<()> = Mutex::new(());

/// Locks the start of processes and terminals; see [`START_LOCK`].
pub fn lock_start() -> MutexGuard<'static, ()> {
    lock(&START_LOCK)
}

/// Returns the path of the HAProxy under test: `HAPULSE_TEST_HAPROXY`, else the first on the `PATH`, else one in an `sbin`
/// folder, because Debian installs it there and a normal user's `PATH` omits it.
pub fn haproxy() -> PathBuf {
    if let Some(path) = std::env::var_os("HAPULSE_TEST_HAPROXY") {
        return path.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join("haproxy"))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("haproxy is not installed; tests/run installs it"))
}

/// Returns the path of a HAProxy of this version, such as `3.0`, which `tests/haproxy` fetches or builds if it is missing.
pub fn haproxy_of_version(version: &str) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/haproxy");
    let output = Command::new(script).arg(version).stdin(Stdio::null()).output().expect("tests/haproxy can be run");
    assert!(output.status.success(), "tests/haproxy {version}: {}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}

/// Sends a signal by its short name (`HUP`, `TERM`, `STOP` …). Ignores a process that has ended.
pub fn signal(pid: u32, name: &str) {
    let signal = match name {
        "HUP" => Signal::HUP,
        "INT" => Signal::INT,
        "QUIT" => Signal::QUIT,
        "TERM" => Signal::TERM,
        "KILL" => Signal::KILL,
        "STOP" => Signal::STOP,
        "TSTP" => Signal::TSTP,
        "TTIN" => Signal::TTIN,
        "TTOU" => Signal::TTOU,
        "CONT" => Signal::CONT,
        "WINCH" => Signal::WINCH,
        "PIPE" => Signal::PIPE,
        "ABRT" => Signal::ABORT,
        "USR1" => Signal::USR1,
        "USR2" => Signal::USR2,
        other => panic!("no signal is named {other:?}"),
    };
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let _ = kill_process(pid.expect("a pid is a positive number"), signal);
}

/// Returns the state of a process: `S` sleeping, `T` stopped, `-` ended.
pub fn state(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('-')
}

/// Returns whether the process exists and is not a zombie.
pub fn is_alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| stat.rsplit_once(')').map(|(_, rest)| !rest.starts_with(" Z")))
        .unwrap_or(false)
}

/// Returns the child processes of `pid`, such as the workers of an HAProxy master.
pub fn children(pid: u32) -> Vec<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let text = text.unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// Kills a process and its children (such as a master's workers) and waits for it.
pub fn kill_with_children(child: &mut Child) {
    if matches!(child.try_wait(), Ok(None)) {
        // A stopped parent starts no new children; children that outlive it would clean up.
        signal(child.id(), "STOP");
        for pid in children(child.id()) {
            signal(pid, "KILL");
        }
        let _ = child.kill();
    }
    let _ = child.wait();
}

/// Kills the registered processes if this process ends without dropping the watchdog.
#[derive(Debug)]
pub struct Watchdog {
    shell: Child,
    pipe: ChildStdin,
}

impl Watchdog {
    pub fn start() -> Self {
        let script = "trap '' HUP INT TERM; pids=; while read -r pid; do pids=\"$pids $pid\"; done; \
                      [ -z \"$pids\" ] || kill -9 $pids 2>/dev/null";
        let _guard = lock_start();
        let mut shell = Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh starts");
        let pipe = shell.stdin.take().expect("its input is piped");
        Self { shell, pipe }
    }

    /// Registers a process.
    pub fn watch(&mut self, pid: u32) {
        let _ = writeln!(self.pipe, "{pid}");
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // The shell must end before the pipe closes: the PIDs may belong to other processes by now.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
