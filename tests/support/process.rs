//! Starting and ending child processes.
//!
//! A test that fails unwinds, and drops clean up. A test binary that is killed does not: so every child is also
//! written to a [`Watchdog`], a small shell that reads pids from a pipe and kills them when the pipe ends
//! without a goodbye.

use super::lock;
use rustix::process::{Pid, Signal, kill_process};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard};

/// Held while a process is started or a pseudo terminal is opened. A pseudo terminal's file descriptor is open
/// to children for an instant, and one that leaks into an HAProxy would keep that terminal from ever closing.
static STARTING: Mutex<()> = Mutex::new(());

pub fn starting() -> MutexGuard<'static, ()> {
    lock(&STARTING)
}

/// The HAProxy to test against: `HAPULSE_TEST_HAPROXY`, else the first on the `PATH`, else where Debian puts it,
/// which is not on a plain user's `PATH`.
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

/// Sends a signal by its short name (`HUP`, `TERM`, `STOP` …). A process that is gone already is fine.
pub fn signal(pid: u32, name: &str) {
    let signal = match name {
        "HUP" => Signal::HUP,
        "INT" => Signal::INT,
        "QUIT" => Signal::QUIT,
        "TERM" => Signal::TERM,
        "KILL" => Signal::KILL,
        "STOP" => Signal::STOP,
        "TSTP" => Signal::TSTP,
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

/// Whether the process exists and is not a zombie.
pub fn alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| stat.rsplit_once(')').map(|(_, rest)| !rest.starts_with(" Z")))
        .unwrap_or(false)
}

/// The processes whose parent is `pid`: the workers of an HAProxy master.
pub fn children(pid: u32) -> Vec<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let text = text.unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// Kills a process and its children (a master's workers), and waits for it.
pub fn end(child: &mut Child) {
    if matches!(child.try_wait(), Ok(None)) {
        let workers = children(child.id());
        let _ = child.kill();
        for pid in workers {
            signal(pid, "KILL");
        }
    }
    let _ = child.wait();
}

/// Kills what it was told about when this process ends without dropping it.
#[derive(Debug)]
pub struct Watchdog {
    shell: Child,
    pipe: ChildStdin,
}

impl Watchdog {
    pub fn start() -> Self {
        let script = "trap '' HUP INT TERM; pids=; while read -r pid; do pids=\"$pids $pid\"; done; \
                      [ -z \"$pids\" ] || kill -9 $pids 2>/dev/null";
        let _starting = starting();
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

    pub fn watch(&mut self, pid: u32) {
        let _ = writeln!(self.pipe, "{pid}");
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // Before the pipe closes: by now these pids may belong to somebody else.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
