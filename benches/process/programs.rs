//! The programs that are compared.
//!
//! HATop reads at most 1,000 lines of a reply and silently ignores the rest, so it shows only a tenth of 10,000
//! servers. A copy of HATop in a temporary folder, with two limits raised, shows the cost of all servers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::shared::proc;
use crate::support::process;

const HATOP: &str = "/usr/bin/hatop";
/// HATop's limits and their replacements.
const HATOP_LIMITS: [(&str, &str); 2] = [
    ("HAPROXY_CLI_MAXLINES = 1000\n", "HAPROXY_CLI_MAXLINES = 1000000\n"),
    ("HAPROXY_STAT_MAX_SERVICES = 1000\n", "HAPROXY_STAT_MAX_SERVICES = 1000000\n"),
];

/// A program that monitors HAProxy in a terminal.
#[derive(Debug, Clone)]
pub struct Program {
    pub name: &'static str,
    pub path: PathBuf,
    pub args: Vec<String>,
    /// Text that, together with the rows, shows that the screen is complete.
    pub ready_text: &'static str,
}

impl Program {
    /// Returns the arguments, with `SOCKET` replaced by the path of the socket.
    pub fn args_for(&self, socket: &Path) -> Vec<String> {
        let socket = socket.to_str().unwrap();
        self.args.iter().map(|arg| if arg == "SOCKET" { socket.to_owned() } else { arg.clone() }).collect()
    }

    pub fn with_args(&self, args: &[&str]) -> Self {
        let more = args.iter().map(|arg| (*arg).to_owned());
        Self { args: self.args.iter().cloned().chain(more).collect(), ..self.clone() }
    }

    /// Returns the program with another poll interval.
    pub fn with_interval(&self, seconds: &str) -> Self {
        let mut args = self.args.clone();
        let index = args.iter().position(|arg| arg == "-i").unwrap();
        seconds.clone_into(&mut args[index + 1]);
        Self { args, ..self.clone() }
    }
}

/// The programs that are installed on this machine.
pub struct Programs {
    pub hapulse: Program,
    /// hapulse, started in the view that corresponds to HATop's first mode.
    pub table: Program,
    pub hatop: Option<Program>,
    pub hatop_unlimited: Option<Program>,
    pub socat: bool,
    pub strace: bool,
    _folder: TempDir,
}

impl Programs {
    /// Finds the programs. `program` is measured instead of the hapulse binary that was built with this benchmark.
    pub fn detect(program: Option<PathBuf>) -> Self {
        let folder = TempDir::with_prefix("bench").unwrap();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let hapulse = Program {
            name: "hapulse",
            path: program.unwrap_or_else(|| env!("CARGO_BIN_EXE_hapulse").into()),
            args: words(&["SOCKET", "-i", "1"]),
            ready_text: "? help",
        };
        let table = Program { name: "hapulse, view 1", ..hapulse.with_args(&["-m", "1"]) };
        let hatop = Path::new(HATOP).exists().then(|| Program {
            name: "HATop",
            path: HATOP.into(),
            args: words(&["-s", "SOCKET", "-i", "1", "-m", "1"]),
            ready_text: "2-TRAFFIC",
        });
        let hatop_unlimited = hatop.as_ref().and_then(|hatop| {
            let path = write_unlimited_hatop(folder.path())?;
            Some(Program { name: "HATop, limits lifted", path, ..hatop.clone() })
        });
        Self {
            hapulse,
            table,
            hatop,
            hatop_unlimited,
            socat: is_installed("socat", "-V"),
            strace: is_installed("strace", "-V"),
            _folder: folder,
        }
    }

    /// Prints the versions of hapulse and HAProxy, the number of processors, the load, and the missing programs.
    pub fn print_environment(&self) {
        let version = Command::new(process::haproxy()).arg("-v").output().map(|output| output.stdout);
        let version = String::from_utf8_lossy(&version.unwrap_or_default()).into_owned();
        let cores = thread::available_parallelism().map_or(0, usize::from);
        println!("hapulse {}, {}", env!("CARGO_PKG_VERSION"), version.lines().next().unwrap_or("no HAProxy"));
        println!("{cores} processors, load {}", proc::load_average());
        let missing = [
            ("HATop", self.hatop.is_some(), "apt-get install hatop"),
            ("HATop with its limits lifted", self.hatop_unlimited.is_some(), "its limits are not defined as in 0.8.2"),
            ("socat", self.socat, "apt-get install socat"),
            ("strace", self.strace, "apt-get install strace"),
        ];
        for (name, _, how) in missing.iter().filter(|(_, is_present, _)| !is_present) {
            println!("not measured, because it is not available: {name} ({how})");
        }
    }

    /// Returns all programs that run in a terminal.
    pub fn terminal_programs(&self) -> Vec<&Program> {
        [Some(&self.hapulse), Some(&self.table), self.hatop.as_ref(), self.hatop_unlimited.as_ref()]
            .into_iter()
            .flatten()
            .collect()
    }
}

fn is_installed(program: &str, arg: &str) -> bool {
    let status = Command::new(program).arg(arg).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn write_unlimited_hatop(folder: &Path) -> Option<PathBuf> {
    let mut text = fs::read_to_string(HATOP).ok()?;
    for (limit, raised) in HATOP_LIMITS {
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

/// Returns the time that one dump with socat takes, including the start and the end of the process.
pub fn time_socat_dump(socket: &Path) -> Duration {
    let start = Instant::now();
    let status = Command::new("sh")
        .args(["-c", "echo 'show info;show stat' | socat -t 30 - \"UNIX-CONNECT:$0\" >/dev/null"])
        .arg(socket)
        .status();
    assert!(status.is_ok_and(|status| status.success()), "socat reads the socket");
    start.elapsed()
}
