//! The command line: argument parsing, dispatch to the dashboard or a command, and exit codes.
//!
//! Each larger subcommand has its own file, which contains the clap arguments and a function that loads the settings,
//! resolves the targets and calls `headless` or `live`. The smaller subcommands are in this file.

mod args;
mod check_command;
mod common_args;
mod dashboard;
mod debug_log;
mod doctor_command;
mod get_command;
mod process_limits;
mod resolve_settings;
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
use crate::actions::audit::audit_writer::AuditWriter;
use crate::cli::args::{AuditArgs, Cli, CliCommand, ConfigArgs};
use crate::cli::common_args::{report_no_target, report_skipped, usage_error};
use crate::cli::server_commands::ServerCommandArgs;
use crate::cli::targets::{FoundTargets, NoTarget};
use crate::config::config_file::BadConfig;
use crate::config::partial_settings::PartialSettings;
use crate::config::search_paths;
use crate::config::settings::{AuditSettings, Settings};
use crate::config::target::Target;
use crate::demo;
use crate::haproxy::address::Address;
use crate::haproxy::safe_text;
use crate::headless::audit::listing;
use crate::headless::config::effective;
use crate::headless::manual::key_list;
use crate::headless::manual::man;
use crate::headless::print::ignore_broken_pipe;
use crate::headless::server::command_output::Console;
use crate::headless::server::controller::Controller;
use crate::headless::server::run;
use crate::problems::thresholds::ThresholdError;

/// Parses the arguments, runs the command and returns the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return check_command::report_usage_error(&error).unwrap_or_else(|| report_usage_error(&error)),
    };
    let is_check = matches!(cli.command, Some(CliCommand::Check(_)));
    let outcome = run(cli);
    debug_log::report_write_error();
    match outcome {
        Ok(code) => code,
        Err(error) if is_check => check_command::report_error(&error),
        Err(error) => {
            eprintln!("hapulse: {}", safe_text::escape_lines(&format!("{error:#}")));
            let is_usage = error.is::<BadConfig>() || error.is::<ThresholdError>();
            if is_usage { usage_error() } else { ExitCode::FAILURE }
        }
    }
}

/// Prints an error in the command line, or the help, and returns the exit code. An error may quote arguments, so it is
/// printed without colors and escaped.
fn report_usage_error(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        error.exit();
    }
    eprint!("{}", safe_text::escape_lines(&error.to_string()));
    usage_error()
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    process_limits::catch_file_size_signal()?;
    if has_connections(cli.command.as_ref()) {
        process_limits::require_free_files()?;
    }
    debug_log::start(cli.debug_log.as_deref())?;
    match cli.command {
        Some(CliCommand::Audit(args)) => print_audit(args),
        Some(CliCommand::Config(args)) => print_config(&args),
        Some(CliCommand::Doctor(args)) => doctor_command::run(&args),
        Some(CliCommand::Show(args)) => show_command::run(args),
        Some(CliCommand::Get(args)) => get_command::run(args),
        Some(CliCommand::Check(args)) => Ok(check_command::run(args)),
        Some(CliCommand::Watch(args)) => watch_command::run(args),
        Some(CliCommand::Completions { shell }) => print_bytes(&completions(shell)),
        Some(CliCommand::Man { keys: false }) => print_bytes(man::roff_page(command()).as_bytes()),
        Some(CliCommand::Man { keys: true }) => print_bytes(key_list::markdown_page().as_bytes()),
        Some(CliCommand::Drain(args)) => run_server_command(&args.into()),
        Some(CliCommand::Maint(args)) => run_server_command(&args.into()),
        Some(CliCommand::Ready(args)) => run_server_command(&args.into()),
        Some(CliCommand::Demo(_)) | None if !io::stdout().is_terminal() => {
            eprintln!(
                "hapulse: the dashboard needs a terminal, but standard output is not one\n  run hapulse without a pipe or redirection"
            );
            Ok(usage_error())
        }
        Some(CliCommand::Demo(options)) => {
            let settings = resolve_settings::load_settings(options.config.as_deref(), options.layer())?;
            let demo = demo::start(demo::DemoOptions::default()).context("cannot start the simulated HAProxy")?;
            let target = Target { name: Some("demo".to_owned()), address: Address::unix(demo.socket()) };
            let audit = AuditWriter::disabled(Actor::current(), SystemTime::now());
            dashboard::show(FoundTargets { targets: vec![target], discovery: None }, &options, &settings, audit)
        }
        None => {
            let settings = resolve_settings::load_settings(cli.options.config.as_deref(), cli.options.layer())?;
            match targets::find(&cli.targets, cli.unix_socket.as_deref(), cli.tcp_socket.as_deref(), &settings.targets)
            {
                Ok(found) => dashboard::show(found, &cli.options, &settings, open_audit(&settings, "dashboard")),
                Err(why) => {
                    let code = report_no_target(&why);
                    if matches!(why, NoTarget::NotFound { .. }) {
                        eprintln!(
                            "  or specify a target: hapulse PATH, hapulse HOST:PORT; to try hapulse without HAProxy: hapulse demo"
                        );
                    }
                    Ok(code)
                }
            }
        }
    }
}

/// Returns true if the command connects to HAProxy.
fn has_connections(command: Option<&CliCommand>) -> bool {
    !matches!(
        command,
        Some(CliCommand::Audit(_) | CliCommand::Config(_) | CliCommand::Completions { .. } | CliCommand::Man { .. })
    )
}

fn print_audit(args: AuditArgs) -> anyhow::Result<ExitCode> {
    let is_named = args.file.is_some();
    let path = match args.file {
        Some(path) => Some(path),
        None => resolve_settings::load_settings(args.config.as_deref(), PartialSettings::default())?.audit.path,
    };
    let path = path.context("no audit log to print: audit.path is not set and there is no home directory; specify a file: hapulse audit FILE")?;
    let last = args.last.and_then(|last| usize::try_from(last).ok());
    let options = listing::ListingOptions { path, is_named, last, json: args.json, zone: TimeZone::system() };
    listing::print(&options, &mut BufWriter::new(io::stdout().lock()), &mut io::stderr())?;
    Ok(ExitCode::SUCCESS)
}

fn print_config(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    let out = &mut BufWriter::new(io::stdout().lock());
    let printed = if args.schema {
        effective::print_schema(out)
    } else if args.actions {
        effective::print_actions(out)
    } else {
        let search_paths = search_paths::for_process(args.config.as_deref());
        let layers = search_paths.read_all(PartialSettings::default(), &search_paths::env_variable)?;
        let settings = resolve_settings::resolve_settings(&layers)?;
        effective::print_settings(&layers, &settings, out)
    };
    ignore_broken_pipe(printed).context("cannot print")?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the clap definition of the command line, for the manual page, the completions and the tests.
pub fn command() -> clap::Command {
    Cli::command()
}

fn completions(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command(), "hapulse", &mut text);
    text
}

fn print_bytes(text: &[u8]) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    ignore_broken_pipe(out.write_all(text).and_then(|()| out.flush())).context("cannot print")?;
    Ok(ExitCode::SUCCESS)
}

/// Creates the writer of the audit log for the actions of this process, with `tool` as the recorded program name.
fn open_audit(settings: &Settings, tool: &str) -> AuditWriter {
    let AuditSettings { path, required, .. } = &settings.audit;
    AuditWriter::new(path.clone(), *required, tool, Actor::current(), SystemTime::now())
}

fn run_server_command(args: &ServerCommandArgs) -> anyhow::Result<ExitCode> {
    let common = &args.common;
    let settings = resolve_settings::load_settings(common.config.as_deref(), common.partial_settings())?;
    let named: Vec<Target> = common.target.iter().cloned().collect();
    let found = targets::find(&named, common.unix_socket.as_deref(), common.tcp_socket.as_deref(), &settings.targets);
    found.iter().for_each(report_skipped);
    let target = match found.and_then(FoundTargets::into_changeable) {
        Ok(target) => target,
        Err(why) => return Ok(report_no_target(&why)),
    };
    let audit = open_audit(&settings, &args.audit_tool());
    let controller = Controller::new(target.label(), target.address, settings.read_only, common.interval, audit);
    let code = run::run(args.options(&settings), controller, &mut Console::from_stdio())?;
    Ok(ExitCode::from(code.code()))
}
