//! The programs that are measured, and those they are measured against.
//!
//! HATop reads at most 1,000 lines of an answer and drops the rest without a word, so at 10,000 servers it shows a
//! tenth of them. A copy of it in a temporary folder, with the two constants raised, shows what all of them cost it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::shared::proc;
use crate::support::process;

const HATOP: &str = "/usr/bin/hatop";
/// HATop's limits, and what they are raised to.
const LIMITS: [(&str, &str); 2] = [
    ("HAPROXY_CLI_MAXLINES = 1000\n", "HAPROXY_CLI_MAXLINES = 1000000\n"),
    ("HAPROXY_STAT_MAX_SERVICES = 1000\n", "HAPROXY_STAT_MAX_SERVICES = 1000000\n"),
];

/// A program that watches HAProxy in a terminal.
#[derive(Debug, Clone)]
pub struct Program {
    pub name: &'static str,
    pub path: PathBuf,
    pub args: Vec<String>,
    /// What stands on its screen when that is full, besides rows.
    pub full: &'static str,
}

impl Program {
    /// Its arguments, with the socket.
    pub fn args_for(&self, socket: &Path) -> Vec<String> {
        let socket = socket.to_str().unwrap();
        self.args.iter().map(|arg| if arg == "SOCKET" { socket.to_owned() } else { arg.clone() }).collect()
    }

    pub fn with(&self, args: &[&str]) -> Self {
        let more = args.iter().map(|arg| (*arg).to_owned());
        Self { args: self.args.iter().cloned().chain(more).collect(), ..self.clone() }
    }

    /// The same with another interval.
    pub fn every(&self, seconds: &str) -> Self {
        let mut args = self.args.clone();
        let place = args.iter().position(|arg| arg == "-i").unwrap();
        seconds.clone_into(&mut args[place + 1]);
        Self { args, ..self.clone() }
    }
}

/// What there is on this machine.
pub struct Programs {
    pub hapulse: Program,
    /// The same, begun in the view that shows what HATop's first mode does.
    pub table: Program,
    pub hatop: Option<Program>,
    pub lifted: Option<Program>,
    pub socat: bool,
    pub strace: bool,
    _folder: TempDir,
}

impl Programs {
    /// `program` is measured in place of the binary that was built for this.
    pub fn find(program: Option<PathBuf>) -> Self {
        let folder = TempDir::with_prefix("bench").unwrap();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let hapulse = Program {
            name: "hapulse",
            path: program.unwrap_or_else(|| env!("CARGO_BIN_EXE_hapulse").into()),
            args: words(&["SOCKET", "-i", "1"]),
            full: "? help",
        };
        let table = Program { name: "hapulse, view 1", ..hapulse.with(&["-m", "1"]) };
        let hatop = Path::new(HATOP).exists().then(|| Program {
            name: "HATop",
            path: HATOP.into(),
            args: words(&["-s", "SOCKET", "-i", "1", "-m", "1"]),
            full: "2-TRAFFIC",
        });
        let lifted = hatop.as_ref().and_then(|hatop| {
            let path = lift(folder.path())?;
            Some(Program { name: "HATop, limits lifted", path, ..hatop.clone() })
        });
        Self {
            hapulse,
            table,
            hatop,
            lifted,
            socat: runs("socat", "-V"),
            strace: runs("strace", "-V"),
            _folder: folder,
        }
    }

    /// What is measured here, and what is missing.
    pub fn introduce(&self) {
        let version = Command::new(process::haproxy()).arg("-v").output().map(|output| output.stdout);
        let version = String::from_utf8_lossy(&version.unwrap_or_default()).into_owned();
        let cores = thread::available_parallelism().map_or(0, usize::from);
        println!("hapulse {}, {}", env!("CARGO_PKG_VERSION"), version.lines().next().unwrap_or("no HAProxy"));
        println!("{cores} processors, load {}", proc::load());
        let missing = [
            ("HATop", self.hatop.is_some(), "apt-get install hatop"),
            ("HATop with its limits lifted", self.lifted.is_some(), "its limits are not where 0.8.2 has them"),
            ("socat", self.socat, "apt-get install socat"),
            ("strace", self.strace, "apt-get install strace"),
        ];
        for (name, _, how) in missing.iter().filter(|(_, there, _)| !there) {
            println!("not here, its figures are left out: {name} ({how})");
        }
    }

    /// All that watch in a terminal.
    pub fn watchers(&self) -> Vec<&Program> {
        [Some(&self.hapulse), Some(&self.table), self.hatop.as_ref(), self.lifted.as_ref()]
            .into_iter()
            .flatten()
            .collect()
    }
}

fn runs(program: &str, arg: &str) -> bool {
    let status = Command::new(program).arg(arg).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn lift(folder: &Path) -> Option<PathBuf> {
    let mut text = fs::read_to_string(HATOP).ok()?;
    for (limit, raised) in LIMITS {
        if !text.contains(limit) {
            return None;
        }
        text = text.replace(limit, raised);
    }
    let path = folder.join("hatop");
    fs::write(&path, text).ok()?;
    fs::set_permissions(&path, fs::metadata(HATOP).ok()?.permissions()).ok()?;
    Some(path)
}

/// One dump read by socat as hapulse reads it: how long it took, start and end of the process included.
pub fn socat(socket: &Path) -> Duration {
    let start = Instant::now();
    let status = Command::new("sh")
        .args(["-c", "echo 'show info;show stat' | socat -t 30 - \"UNIX-CONNECT:$0\" >/dev/null"])
        .arg(socket)
        .status();
    assert!(status.is_ok_and(|status| status.success()), "socat reads the socket");
    start.elapsed()
}
