//! Floor 6: the command line: what is asked for, and the exit code.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

use crate::app::filter::Filter;
use crate::app::start::Start;
use crate::config::discover::discover;
use crate::config::looks::{Colours, Environment};
use crate::config::state;
use crate::config::target::Target;
use crate::demo;
use crate::haproxy::address::Address;
use crate::haproxy::connection::Limits;
use crate::live::event_loop::{self, End, Session};
use crate::live::files;
use crate::live::io::Watching;
use crate::monitor::pace::{Pace, SHORTEST};
use crate::monitor::problems::thresholds::{BadThreshold, Thresholds};
use crate::monitor::stamp::Clock;
use crate::ui::theme::{Palette, Theme};

/// A terminal dashboard for HAProxy.
#[derive(Debug, Parser)]
#[command(
    name = "hapulse",
    version,
    about = "A terminal dashboard for HAProxy: watch the stats socket, see what is wrong, act safely",
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  hapulse                              the HAProxy that runs here\n  \
        hapulse /run/haproxy/admin.sock      a Unix socket\n  \
        hapulse -n lb01:9999 eu=lb02:9999    two over TCP, read-only; o shows the next one\n  \
        hapulse -m 4 -p www -p api           view 4, Errors, with two proxies\n  \
        hapulse demo                         a simulated HAProxy\n\n\
        Exit codes: 0 fine, 1 error, 2 usage, 3 no HAProxy found"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Stats sockets: PATH, HOST:PORT, [IPv6]:PORT, or NAME= and one of these
    #[arg(value_name = "TARGET")]
    targets: Vec<Target>,
    /// Stats socket by path, as HATop has it
    #[arg(short = 's', long = "unix-socket", value_name = "PATH")]
    unix_socket: Option<String>,
    /// Stats socket by address, as HATop has it
    #[arg(short = 't', long = "tcp-socket", value_name = "HOST:PORT")]
    tcp_socket: Option<String>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the dashboard on an embedded, simulated HAProxy
    Demo(Options),
}

#[derive(Debug, Clone, Args)]
struct Options {
    /// Seconds between two samples, 0.1 or more; stretched where a dump is expensive
    #[arg(short = 'i', long = "interval", visible_alias = "update-interval", value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    interval: Duration,
    /// Changes nothing: connections give up their right to
    #[arg(short = 'n', long)]
    read_only: bool,
    /// View to start with, by its digit
    #[arg(short = 'm', long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=9))]
    mode: u8,
    /// Rows to start with, as HATop has it: numbers of proxy and server, -1 for any, and the sum of 1 frontends,
    /// 2 backends, 4 servers, 8 listeners; may be repeated
    #[arg(short = 'f', long = "filter", value_name = "IID TYPE SID", allow_hyphen_values = true, value_parser = static_filter)]
    filters: Vec<String>,
    /// Proxy to start with, by its name; may be repeated
    #[arg(short = 'p', long = "proxy", value_name = "NAME", value_parser = proxy_name)]
    proxies: Vec<String>,
    /// Colours
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    theme: Colours,
    /// Draws with ASCII characters only
    #[arg(long)]
    ascii: bool,
    /// Another limit for a problem: RULE.warn=N, RULE.crit=N, RULE.hold=SECONDS or RULE=off; may be repeated
    #[arg(long = "threshold", value_name = "RULE.warn=N", value_parser = threshold)]
    thresholds: Vec<String>,
    /// Writes every event to this file as it happens
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Memory for the history of each HAProxy, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    history_memory: u16,
}

/// Checks one limit, so that a bad one is told as a matter of usage.
fn threshold(text: &str) -> Result<String, BadThreshold> {
    Thresholds::default().set_by_text(text).map(|()| text.to_owned())
}

/// Reads `2`, `0.5`.
fn seconds(text: &str) -> Result<Duration, String> {
    let shortest = SHORTEST.as_secs_f64();
    match text.parse::<f64>() {
        Ok(value) if value >= shortest && value <= 86_400.0 => Ok(Duration::from_secs_f64(value)),
        Ok(_) => Err(format!("must be {shortest} to 86400 seconds")),
        Err(_) => Err("must be a number of seconds, such as 2 or 0.5".to_owned()),
    }
}

/// Reads HATop's static filter, the arguments of `show stat`, into the words of a filter.
fn static_filter(text: &str) -> Result<String, String> {
    const KINDS: [(i64, &str); 4] = [(1, "frontend"), (2, "backend"), (4, "server"), (8, "listener")];
    let numbers: Vec<i64> = text.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let ([iid, kinds, sid], 3) = (numbers.as_slice(), text.split_whitespace().count()) else {
        return Err("must be three numbers, IID TYPE SID, such as \"3 4 -1\"".to_owned());
    };
    let named: Vec<&str> = KINDS.iter().filter(|(bit, _)| kinds & bit != 0).map(|(_, kind)| *kind).collect();
    if named.is_empty() {
        return Err("TYPE must be the sum of 1 frontends, 2 backends, 4 servers, 8 listeners; or -1".to_owned());
    }
    let mut words = vec![format!("kind={}", named.join(","))];
    if *iid != -1 {
        words.push(format!("iid={iid}"));
    }
    if *sid != -1 {
        // Frontends and backends, whose number is 0, are not chosen by it.
        words.push(format!("sid=0,{sid}"));
    }
    Ok(words.join(" "))
}

/// Reads a name as HAProxy allows it.
fn proxy_name(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty() && text.chars().all(|ch| ch.is_ascii_alphanumeric() || "_:.-".contains(ch));
    is_name.then(|| text.to_owned()).ok_or_else(|| "must be a name: letters, digits and _ : . -".to_owned())
}

impl Options {
    /// What is shown first. A row is shown if any of the filters and proxies shows it.
    fn start(&self) -> anyhow::Result<Start> {
        let proxies = (!self.proxies.is_empty()).then(|| format!("proxy={}", self.proxies.join(",")));
        let words: Vec<String> = self.filters.iter().cloned().chain(proxies).collect();
        Ok(Start { view: usize::from(self.mode), filter: Filter::parse(&words.join(" | "))? })
    }
}

/// Parses the arguments, runs what they ask for and gives the exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("hapulse: {error:#}");
            ExitCode::from(1)
        }
    }
}

const USAGE: u8 = 2;
const UNREACHABLE: u8 = 3;

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    if !io::stdout().is_terminal() {
        eprintln!(
            "hapulse: the dashboard needs a terminal, and standard output is none\n  run it without a pipe or redirection"
        );
        return Ok(ExitCode::from(USAGE));
    }
    match cli.command {
        Some(Command::Demo(options)) => {
            let demo = demo::start(demo::Options::default()).context("cannot start the simulated HAProxy")?;
            let target = Target { name: Some("demo".to_owned()), address: Address::unix(demo.socket()) };
            show(vec![target], &options)
        }
        None => match targets(&cli) {
            Ok(targets) => show(targets, &cli.options),
            Err(code) => Ok(code),
        },
    }
}

fn targets(cli: &Cli) -> Result<Vec<Target>, ExitCode> {
    let mut targets = cli.targets.clone();
    let named = cli.unix_socket.iter().map(|path| format!("unix:{path}"));
    for text in named.chain(cli.tcp_socket.iter().map(|address| format!("tcp:{address}"))) {
        match text.parse::<Address>() {
            Ok(address) => targets.push(Target::new(address)),
            Err(error) => {
                eprintln!("hapulse: {error}");
                return Err(ExitCode::from(USAGE));
            }
        }
    }
    if targets.is_empty() {
        let found = discover(Path::new("/"));
        let Some(address) = found.address else {
            eprintln!("hapulse: no stats socket found\n  tried:");
            found.tried.iter().for_each(|place| eprintln!("    {place}"));
            eprintln!("  add to the global section of haproxy.cfg, and reload it:");
            eprintln!("    stats socket /run/haproxy/admin.sock mode 660 level admin");
            eprintln!("  or name one: hapulse PATH, hapulse HOST:PORT; to look around first: hapulse demo");
            return Err(ExitCode::from(UNREACHABLE));
        };
        targets.push(Target::new(address));
    }
    Ok(targets)
}

fn show(targets: Vec<Target>, options: &Options) -> anyhow::Result<ExitCode> {
    let environment = Environment::read();
    let palette = match environment.colours(options.theme) {
        Colours::Light => Palette::Light,
        Colours::Mono => Palette::Mono,
        Colours::Dark | Colours::Auto => Palette::Dark,
    };
    let watching = Watching {
        pace: Pace::new(options.interval),
        limits: Limits::default(),
        read_only: options.read_only,
        clock: Clock::start(),
    };
    let log = options
        .log_file
        .as_deref()
        .map(|path| files::open(path).with_context(|| format!("cannot write the log of events to {}", path.display())));
    let mut thresholds = Thresholds::default();
    options.thresholds.iter().try_for_each(|text| thresholds.set_by_text(text))?;
    let session = Session {
        thresholds,
        log: log.transpose()?,
        typed: state::own_folder().map(|folder| folder.join("typed")),
        targets,
        watching,
        history: usize::from(options.history_memory) << 20,
        theme: Theme { palette, ascii: options.ascii || environment.is_ascii() },
        start: options.start()?,
    };
    Ok(match event_loop::run(session)? {
        End::Quit => ExitCode::SUCCESS,
        End::Signal(number) => ExitCode::from(128 + number as u8),
        End::Gone => ExitCode::from(128 + 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn hatops_flags_are_understood() {
        let cli = Cli::parse_from(["hapulse", "-s", "/run/a.sock", "-i", "3", "-n"]);
        assert_eq!(cli.unix_socket.as_deref(), Some("/run/a.sock"));
        assert_eq!((cli.options.interval, cli.options.read_only), (Duration::from_secs(3), true));
        let cli = Cli::parse_from(["hapulse", "--tcp-socket", "lb01:9999", "--update-interval", "0.5"]);
        assert_eq!(cli.options.interval, Duration::from_millis(500));
        assert_eq!(targets(&cli).unwrap()[0].address.to_string(), "lb01:9999");
    }

    #[test]
    fn hatops_start_is_understood() {
        let start = |args: &[&str]| {
            let cli = Cli::parse_from(["hapulse"].iter().chain(args));
            let start = cli.options.start().unwrap();
            (start.view, start.filter.to_string())
        };
        assert_eq!(start(&[]), (0, String::new()));
        assert_eq!(start(&["-m", "4", "-p", "be1"]), (4, "proxy=be1".to_owned()));
        assert_eq!(start(&["--mode=9", "--proxy", "a.b:1", "-p", "c"]), (9, "proxy=a.b:1,c".to_owned()));
        assert_eq!(start(&["-f", "3 4 -1"]).1, "kind=server iid=3");
        assert_eq!(start(&["--filter", "-1 6 2"]).1, "kind=backend,server sid=0,2");
        assert_eq!(start(&["-f-1 -1 -1"]).1, "kind=frontend,backend,server,listener");
        assert_eq!(
            start(&["-f", "3 1 -1", "-p", "www", "-f", "7 2 -1"]).1,
            "kind=frontend iid=3 | kind=backend iid=7 | proxy=www"
        );
    }

    #[test]
    fn a_start_that_cannot_be_is_refused() {
        let wrong = |args: &[&str]| Cli::try_parse_from(["hapulse"].iter().chain(args)).unwrap_err().to_string();
        for bad in [["-m", "10"], ["-m", "-1"], ["-m", "status"], ["-p", "a b"], ["-p", ""]] {
            wrong(&bad);
        }
        for bad in ["3 4", "3 4 -1 2", "be1", "3 x -1", "3 4 -1 x"] {
            assert!(wrong(&["-f", bad]).contains("three numbers"), "{bad}");
        }
        assert!(wrong(&["-f", "3 16 -1"]).contains("TYPE must be"));
    }

    #[test]
    fn bad_numbers_are_refused_with_their_range() {
        for bad in ["0", "0.01", "-1", "nan", "soon"] {
            assert!(Cli::try_parse_from(["hapulse", "-i", bad]).is_err(), "{bad}");
        }
        assert!(Cli::try_parse_from(["hapulse", "lb01:"]).unwrap_err().to_string().contains("from 1 to 65535"));
    }
}
