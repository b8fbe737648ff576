//! Floor 6: the command line: what is asked for, and the exit code.

mod args;
mod check_command;
mod common_args;
mod dashboard;
mod doctor_command;
mod get_command;
mod resolve;
mod server_commands;
mod show_command;
mod targets;
mod watch_command;

use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser as _};
use clap_complete::Shell;
use jiff::tz::TimeZone;

use crate::actions::audit::actor::Actor;
use crate::actions::audit::audit_writer::Audit;
use crate::cli::args::{AuditArgs, Cli, CliCommand, ConfigArgs};
use crate::cli::server_commands::Wanted;
use crate::cli::targets::NoTarget;
use crate::config::config_file::BadConfig;
use crate::config::partial_settings::Layer;
use crate::config::search_paths;
use crate::config::settings::{AuditSettings, Settings};
use crate::config::target::Target;
use crate::demo;
use crate::haproxy::address::Address;
use crate::headless::audit::listing;
use crate::headless::config::effective;
use crate::headless::manual::key_list;
use crate::headless::manual::man;
use crate::headless::print::until_nobody_reads;
use crate::headless::server::arguments;
use crate::headless::server::console::Voice;
use crate::headless::server::session::Desk;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const UNREACHABLE: u8 = 3;

/// Parses the arguments, runs what they ask for and gives the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return check_command::usage(&error).unwrap_or_else(|| error.exit()),
    };
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
        Some(CliCommand::Audit(asked)) => print_audit(asked),
        Some(CliCommand::Config(asked)) => print_config(&asked),
        Some(CliCommand::Doctor(asked)) => doctor_command::run(&asked),
        Some(CliCommand::Show(args)) => show_command::run(args),
        Some(CliCommand::Get(args)) => get_command::run(args),
        Some(CliCommand::Check(args)) => Ok(check_command::run(args)),
        Some(CliCommand::Watch(args)) => watch_command::run(args),
        Some(CliCommand::Completions { shell }) => print(&completions(shell)),
        Some(CliCommand::Man { keys: false }) => print(man::page(command()).as_bytes()),
        Some(CliCommand::Man { keys: true }) => print(key_list::page().as_bytes()),
        Some(CliCommand::Drain(args)) => act_on_servers(&args.into()),
        Some(CliCommand::Maint(args)) => act_on_servers(&args.into()),
        Some(CliCommand::Ready(args)) => act_on_servers(&args.into()),
        Some(CliCommand::Demo(_)) | None if !io::stdout().is_terminal() => {
            eprintln!(
                "hapulse: the dashboard needs a terminal, and standard output is none\n  run it without a pipe or redirection"
            );
            Ok(ExitCode::from(USAGE))
        }
        Some(CliCommand::Demo(options)) => {
            let settings = search_paths::load(options.config.as_deref(), options.layer())?;
            let demo = demo::start(demo::Options::default()).context("cannot start the simulated HAProxy")?;
            let target = Target { name: Some("demo".to_owned()), address: Address::unix(demo.socket()) };
            let audit = Audit::off(Actor::of_process(), SystemTime::now());
            dashboard::show(vec![target], &options, &settings, audit)
        }
        None => {
            let settings = search_paths::load(cli.options.config.as_deref(), cli.options.layer())?;
            match targets::find(&cli.targets, cli.unix_socket.as_deref(), cli.tcp_socket.as_deref(), &settings.targets)
            {
                Ok(targets) => dashboard::show(targets, &cli.options, &settings, audit_of(&settings, "dashboard")),
                Err(why) => {
                    let code = tell(&why);
                    if matches!(why, NoTarget::Found { .. }) {
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
        None => search_paths::load(asked.config.as_deref(), Layer::default())?.audit.path,
    };
    let path = path.context("there is no audit: no home folder to look in, and no audit.path is set")?;
    let last = asked.last.and_then(|last| usize::try_from(last).ok());
    let asked = listing::Asked { path, last, json: asked.json, zone: TimeZone::system() };
    listing::print(&asked, &mut BufWriter::new(io::stdout().lock()), &mut io::stderr())?;
    Ok(ExitCode::SUCCESS)
}

fn print_config(asked: &ConfigArgs) -> anyhow::Result<ExitCode> {
    let out = &mut BufWriter::new(io::stdout().lock());
    let printed = if asked.schema {
        effective::print_schema(out)
    } else if asked.actions {
        effective::print_actions(out)
    } else {
        let places = search_paths::of_process(asked.config.as_deref());
        let layers = places.layers(Layer::default(), &search_paths::variable)?;
        let settings = resolve::settings_of(&layers)?;
        effective::print(&layers, &settings, out)
    };
    until_nobody_reads(printed)?;
    Ok(ExitCode::SUCCESS)
}

/// The command line, for whoever tells people of it.
pub fn command() -> clap::Command {
    Cli::command()
}

fn completions(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command(), "hapulse", &mut text);
    text
}

fn print(text: &[u8]) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    until_nobody_reads(out.write_all(text).and_then(|()| out.flush()))?;
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
        NoTarget::Found { .. } => UNREACHABLE,
    })
}

fn act_on_servers(wanted: &Wanted) -> anyhow::Result<ExitCode> {
    let common = &wanted.common;
    let settings = search_paths::load(common.config.as_deref(), common.layer())?;
    let named: Vec<Target> = common.target.iter().cloned().collect();
    let found = targets::find(&named, common.unix_socket.as_deref(), common.tcp_socket.as_deref(), &settings.targets);
    let target = match found.map(|found| found.into_iter().next()) {
        Ok(target) => target.context("no HAProxy is named")?,
        Err(why) => return Ok(tell(&why)),
    };
    let audit = audit_of(&settings, &wanted.tool());
    let desk = Desk::new(target.label(), target.address, settings.read_only, common.interval, audit);
    let code = arguments::run(wanted.asked(&settings), desk, &mut Voice::of_process())?;
    Ok(ExitCode::from(code.number()))
}
