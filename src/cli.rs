//! Floor 6: the command line: what is asked for, and the exit code.

mod args;
mod servers;
mod targets;
mod values;

use std::io::{self, BufWriter, IsTerminal as _};
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Context as _;
use clap::Parser as _;
use jiff::tz::TimeZone;

use crate::cli::args::{AuditArgs, Cli, Command, Options};
use crate::cli::servers::Wanted;
use crate::cli::targets::NoTarget;
use crate::config::file::BadConfig;
use crate::config::looks::{Colours, Environment};
use crate::config::places;
use crate::config::settings::{AuditSettings, Layer, Settings};
use crate::config::state;
use crate::config::target::Target;
use crate::demo;
use crate::haproxy::address::Address;
use crate::haproxy::connection::Limits;
use crate::headless::desk::Desk;
use crate::headless::voice::Voice;
use crate::headless::{self, audit};
use crate::live::event_loop::{self, End, Session};
use crate::live::files;
use crate::live::io::Watching;
use crate::monitor::audit::actor::Actor;
use crate::monitor::audit::writer::Audit;
use crate::monitor::pace::Pace;
use crate::monitor::problems::thresholds::Thresholds;
use crate::monitor::stamp::Clock;
use crate::ui::theme::{Palette, Theme};

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const UNREACHABLE: u8 = 3;

/// Parses the arguments, runs what they ask for and gives the exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("hapulse: {error:#}");
            ExitCode::from(if error.is::<BadConfig>() { USAGE } else { FAILED })
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Some(Command::Audit(asked)) => print_audit(asked),
        Some(Command::Drain(args)) => act_on_servers(&args.into()),
        Some(Command::Maint(args)) => act_on_servers(&args.into()),
        Some(Command::Ready(args)) => act_on_servers(&args.into()),
        Some(Command::Demo(_)) | None if !io::stdout().is_terminal() => {
            eprintln!(
                "hapulse: the dashboard needs a terminal, and standard output is none\n  run it without a pipe or redirection"
            );
            Ok(ExitCode::from(USAGE))
        }
        Some(Command::Demo(options)) => {
            let settings = places::load(options.config.as_deref(), options.layer())?;
            let demo = demo::start(demo::Options::default()).context("cannot start the simulated HAProxy")?;
            let target = Target { name: Some("demo".to_owned()), address: Address::unix(demo.socket()) };
            let audit = Audit::off(Actor::of_process(), SystemTime::now());
            show(vec![target], &options, &settings, audit)
        }
        None => {
            let settings = places::load(cli.options.config.as_deref(), cli.options.layer())?;
            match targets::find(&cli.targets, cli.unix_socket.as_deref(), cli.tcp_socket.as_deref()) {
                Ok(targets) => show(targets, &cli.options, &settings, audit_of(&settings, "dashboard")),
                Err(why) => {
                    let code = tell(&why);
                    if matches!(why, NoTarget::Found(_)) {
                        eprintln!("  or name one: hapulse PATH, hapulse HOST:PORT; to look around first: hapulse demo");
                    }
                    Ok(code)
                }
            }
        }
    }
}

fn print_audit(asked: AuditArgs) -> anyhow::Result<ExitCode> {
    let path = match asked.file {
        Some(path) => Some(path),
        None => places::load(asked.config.as_deref(), Layer::default())?.audit.path,
    };
    let path = path.context("there is no audit: no home folder to look in, and no audit.path is set")?;
    let last = asked.last.and_then(|last| usize::try_from(last).ok());
    let asked = audit::Asked { path, last, json: asked.json, zone: TimeZone::system() };
    audit::print(&asked, &mut BufWriter::new(io::stdout().lock()), &mut io::stderr())?;
    Ok(ExitCode::SUCCESS)
}

/// Where acts of this run are written down.
fn audit_of(settings: &Settings, tool: &str) -> Audit {
    let AuditSettings { path, required, .. } = &settings.audit;
    Audit::new(path.clone(), *required, tool, Actor::of_process(), SystemTime::now())
}

/// Why there is no target to look at, on standard error.
fn tell(why: &NoTarget) -> ExitCode {
    eprintln!("hapulse: {why}");
    ExitCode::from(match why {
        NoTarget::Address(_) => USAGE,
        NoTarget::Found(_) => UNREACHABLE,
    })
}

fn act_on_servers(wanted: &Wanted) -> anyhow::Result<ExitCode> {
    let common = &wanted.common;
    let settings = places::load(common.config.as_deref(), common.layer())?;
    let named: Vec<Target> = common.target.iter().cloned().collect();
    let found = targets::find(&named, common.unix_socket.as_deref(), common.tcp_socket.as_deref());
    let target = match found.map(|found| found.into_iter().next()) {
        Ok(target) => target.context("no HAProxy is named")?,
        Err(why) => return Ok(tell(&why)),
    };
    let audit = audit_of(&settings, &wanted.tool());
    let desk = Desk::new(target.label(), target.address, settings.read_only, common.interval, audit);
    let code = headless::servers::run(wanted.asked(&settings), desk, &mut Voice::of_process())?;
    Ok(ExitCode::from(code.number()))
}

fn show(targets: Vec<Target>, options: &Options, settings: &Settings, audit: Audit) -> anyhow::Result<ExitCode> {
    let environment = Environment::read();
    let palette = match environment.colours(options.theme) {
        Colours::Light => Palette::Light,
        Colours::Mono => Palette::Mono,
        Colours::Dark | Colours::Auto => Palette::Dark,
    };
    let watching = Watching {
        pace: Pace::new(options.interval),
        limits: Limits::default(),
        read_only: settings.read_only,
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
        audit,
        asks_reason: settings.audit.ask_reason,
        drain_deadline: settings.drain.deadline,
    };
    Ok(match event_loop::run(session)? {
        End::Quit => ExitCode::SUCCESS,
        End::Signal(number) => ExitCode::from(128 + number as u8),
        End::Gone => ExitCode::from(128 + 1),
    })
}
