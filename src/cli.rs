//! Floor 6: the command line: what is asked for, and the exit code.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

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
    #[arg(short = 'i', long = "interval", alias = "update-interval", value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    interval: Duration,
    /// Changes nothing: connections give up their right to
    #[arg(short = 'n', long)]
    read_only: bool,
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
    fn bad_numbers_are_refused_with_their_range() {
        for bad in ["0", "0.01", "-1", "nan", "soon"] {
            assert!(Cli::try_parse_from(["hapulse", "-i", bad]).is_err(), "{bad}");
        }
        assert!(Cli::try_parse_from(["hapulse", "lb01:"]).unwrap_err().to_string().contains("from 1 to 65535"));
    }
}
