//! The command line: argument parsing, dispatch to the dashboard or a command, and exit codes.
//!
//! Each larger subcommand has its own file, which contains the clap arguments and a function that loads the settings,
//! resolves the targets and calls `headless` or `live`. The smaller subcommands are in this file.

mod args;
pub mod argument_parser;
mod check_command;
mod common_args;
mod dashboard;
mod debug_log;
mod doctor_command;
mod get_command;
mod logs_command;
mod past_recordings;
mod past_report;
mod plain_mode;
mod process_limits;
mod record_command;
mod recordings_arg;
mod replay_command;
mod resolve_settings;
mod server_commands;
mod setting_flags;
mod show_command;
mod snapshot_command;
mod target_arg;
mod targets;
mod terminal_check;
mod watch_command;

use std::ffi::OsString;
use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::SystemTime;

use anyhow::{Context as _, anyhow};
use clap::{CommandFactory as _, FromArgMatches as _};
use jiff::tz::TimeZone;

use crate::actions::audit::actor::Actor;
use crate::actions::audit::audit_writer::AuditWriter;
use crate::cli::args::{AuditArgs, Cli, CliCommand, ConfigArgs, DashboardOptions};
use crate::cli::common_args::{report_no_target, report_skipped, usage_error};
use crate::cli::dashboard::PastSource;
use crate::cli::server_commands::ServerCommandArgs;
use crate::cli::target_arg::{KnownWords, TargetArg, TargetFlags};
use crate::cli::targets::{FoundTargets, NoTarget};
use crate::cli::terminal_check::require_terminal;
use crate::config::config_file::BadConfig;
use crate::config::located::Located;
use crate::config::partial_settings::PartialSettings;
use crate::config::search_paths;
use crate::config::settings::{AuditSettings, Settings};
use crate::config::target::Target;
use crate::demo;
use crate::haproxy::address::Address;
use crate::haproxy::safe_text;
use crate::haproxy::ssh::{ssh_launcher, ssh_tunnel};
use crate::headless::audit::listing;
use crate::headless::config::effective;
use crate::headless::manual::completions;
use crate::headless::manual::key_list;
use crate::headless::manual::man;
use crate::headless::manual::problem_list;
use crate::headless::print::ignore_broken_pipe;
use crate::headless::server::command_balancer::CommandBalancer;
use crate::headless::server::command_output::Console;
use crate::headless::server::controller::{AuditLog, Controller};
use crate::headless::server::run;
use crate::observe::past_samples::PastSamples;
use crate::observe::timestamp::Clock;
use crate::problems::thresholds::ThresholdError;
use crate::term::terminal_mode;
use crate::term::terminal_restorer;
use crate::term::waiting_writer::WaitingWriter;

/// Parses the arguments, runs the command and returns the exit code.
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    if args.get(1).is_some_and(|argument| argument == terminal_restorer::ARGUMENT) {
        return terminal_restorer::run(&terminal_mode::restoration());
    }
    if args.get(1).is_some_and(|argument| argument == ssh_launcher::ARGUMENT) {
        return ssh_launcher::run(&args[2..]);
    }
    let cli = match argument_parser::parse(&args).and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return argument_parser::report(&error, &args),
    };
    let is_check = matches!(cli.command, Some(CliCommand::Check(_)));
    let outcome = run(cli);
    ssh_tunnel::close_all();
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

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    process_limits::catch_file_size_signal()?;
    if has_connections(cli.command.as_ref()) {
        process_limits::require_free_files()?;
    }
    debug_log::start(cli.debug_log.as_deref())?;
    match cli.command {
        Some(CliCommand::Audit(args)) => print_audit(args),
        Some(CliCommand::Config(args)) => print_config(&args, cli.read_only),
        Some(CliCommand::Doctor(args)) => doctor_command::run(&args, cli.read_only),
        Some(CliCommand::Show(args)) => show_command::run(args),
        Some(CliCommand::Get(args)) => get_command::run(args),
        Some(CliCommand::Check(args)) => Ok(check_command::run(args)),
        Some(CliCommand::Watch(args)) => watch_command::run(args),
        Some(CliCommand::Record(args)) => record_command::run(args),
        Some(CliCommand::Snapshot(args)) => snapshot_command::run(&args),
        Some(CliCommand::Replay(args)) => replay_command::run(&args),
        Some(CliCommand::Logs(args)) => logs_command::run(&args),
        Some(CliCommand::Completions { shell }) => print_bytes(completions::script(command(), shell).as_bytes()),
        Some(CliCommand::Man { keys: true, .. }) => print_bytes(key_list::markdown_page().as_bytes()),
        Some(CliCommand::Man { problems: true, .. }) => print_bytes(problem_list::problems_page().as_bytes()),
        Some(CliCommand::Man { .. }) => print_bytes(man::roff_page(command()).as_bytes()),
        Some(CliCommand::Drain(args)) => run_server_command(&args.into(), cli.read_only),
        Some(CliCommand::Maint(args)) => run_server_command(&args.into(), cli.read_only),
        Some(CliCommand::Ready(args)) => run_server_command(&args.into(), cli.read_only),
        Some(CliCommand::Demo(options)) => run_demo(&options, cli.read_only),
        None => run_dashboard(&cli),
    }
}

fn run_demo(options: &DashboardOptions, read_only: bool) -> anyhow::Result<ExitCode> {
    let flags = options.settings.partial_settings(read_only);
    let settings = resolve_settings::load_settings(options.settings.config.as_deref(), flags)?;
    let is_plain = plain_mode::is_chosen(&settings);
    if !is_plain && let Some(code) = require_terminal() {
        return Ok(code);
    }
    let audit = AuditWriter::disabled(Actor::current(), SystemTime::now());
    let found = |demo: &demo::Demo| {
        let log = Some(demo.log().to_owned());
        let target = Target { name: Some("demo".to_owned()), address: Address::unix(demo.socket()), log };
        FoundTargets { targets: vec![target], discovery: None, is_named: true }
    };
    let failure = "cannot start the simulated HAProxy";
    if is_plain {
        // Lines announce changes only, so the plain mode needs no past.
        let demo = demo::start(demo::DemoOptions::default()).context(failure)?;
        return plain_mode::run(found(&demo), options, &settings, audit);
    }
    // The replies are parsed while later ones are simulated.
    let (clock, (replies, received)) = (Clock::started_ago(demo::PAST), mpsc::channel());
    let now = clock.now();
    let parsing = thread::spawn(move || PastSamples::parse(received, now));
    let pass_on = |reply: demo::PastReply| drop(replies.send((reply.age, reply.text)));
    let demo = demo::start_with_past(demo::DemoOptions::default(), pass_on).context(failure)?;
    drop(replies);
    let past = parsing.join().map_err(|_| anyhow!(failure))?;
    dashboard::show(found(&demo), options, &settings, audit, PastSource::Samples(clock, past))
}

fn run_dashboard(cli: &Cli) -> anyhow::Result<ExitCode> {
    let Cli { target_args, targets: TargetFlags { targets, unix_socket, tcp_socket }, options, .. } = cli;
    let flags = options.settings.partial_settings(cli.read_only);
    let settings = resolve_settings::load_settings(options.settings.config.as_deref(), flags)?;
    let args: Vec<TargetArg> = target_args.iter().chain(targets).cloned().collect();
    let commands = argument_parser::command_names(&command());
    let known = KnownWords { commands: &commands, ..KnownWords::configured(&settings) };
    let named = match targets::named(&args, unix_socket.as_deref(), tcp_socket.as_deref(), known) {
        Ok(named) => named,
        Err(why) => return Ok(report_no_target(&why)),
    };
    let is_plain = plain_mode::is_chosen(&settings);
    if !is_plain && let Some(code) = require_terminal() {
        return Ok(code);
    }
    if is_plain && cli.recordings.given().is_some() {
        eprintln!("hapulse: --plain reads no recordings; hapulse show --at TIME prints what was recorded");
        return Ok(usage_error());
    }
    match targets::find(named, &settings.targets) {
        Ok(found) if is_plain => plain_mode::run(found, options, &settings, open_audit(&settings, "plain")),
        Ok(found) => {
            let past = PastSource::Recordings(&cli.recordings);
            dashboard::show(found, options, &settings, open_audit(&settings, "dashboard"), past)
        }
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

/// Returns true if the command connects to HAProxy.
fn has_connections(command: Option<&CliCommand>) -> bool {
    !matches!(
        command,
        Some(
            CliCommand::Audit(_)
                | CliCommand::Snapshot(_)
                | CliCommand::Logs(_)
                | CliCommand::Config(_)
                | CliCommand::Completions { .. }
                | CliCommand::Man { .. }
        )
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
    listing::print(&options, &mut BufWriter::new(WaitingWriter(io::stdout().lock())), &mut io::stderr())?;
    Ok(ExitCode::SUCCESS)
}

fn print_config(args: &ConfigArgs, read_only: bool) -> anyhow::Result<ExitCode> {
    let out = &mut BufWriter::new(WaitingWriter(io::stdout().lock()));
    let printed = if args.schema {
        effective::print_schema(out)
    } else if args.actions {
        effective::print_actions(out)
    } else {
        let search_paths = search_paths::for_process(args.settings.config.as_deref());
        let layers = search_paths.read_all(args.settings.partial_settings(read_only), &search_paths::env_variable)?;
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

fn print_bytes(text: &[u8]) -> anyhow::Result<ExitCode> {
    let mut out = WaitingWriter(io::stdout().lock());
    ignore_broken_pipe(out.write_all(text).and_then(|()| out.flush())).context("cannot print")?;
    Ok(ExitCode::SUCCESS)
}

/// Creates the writer of the audit log for the actions of this process, with `tool` as the recorded program name.
fn open_audit(settings: &Settings, tool: &str) -> AuditWriter {
    let AuditSettings { path, required, .. } = &settings.audit;
    AuditWriter::new(path.clone(), *required, tool, Actor::current(), SystemTime::now())
}

fn run_server_command(args: &ServerCommandArgs, read_only: bool) -> anyhow::Result<ExitCode> {
    let common = &args.common;
    let flags = PartialSettings { read_only: read_only.then_some(true), ..PartialSettings::default() };
    let settings = resolve_settings::load_settings(common.config.as_deref(), flags)?;
    let known = KnownWords::configured(&settings);
    let (unix_socket, tcp_socket) = (common.unix_socket.as_deref(), common.tcp_socket.as_deref());
    let named = targets::named(&common.target, unix_socket, tcp_socket, known);
    let found = named.and_then(|named| targets::find(named, &settings.targets));
    found.iter().for_each(report_skipped);
    let targets = match found.and_then(FoundTargets::into_changeable) {
        Ok(targets) => targets,
        Err(why) => return Ok(report_no_target(&why)),
    };
    let log = AuditLog::load(open_audit(&settings, &args.audit_tool()));
    let balancers = targets.into_iter().map(|target| {
        let is_configured = |entry: &Located<Target>| entry.value == target;
        let name = settings.targets.iter().find(|entry| is_configured(entry)).map(|entry| entry.name.clone());
        let arguments = format!(" --target {}", name.unwrap_or_else(|| target.address.to_string()));
        CommandBalancer::new(Controller::new(target, settings.read_only, common.interval, &log), arguments)
    });
    let code = run::run(args.options(&settings), balancers.collect(), &mut Console::from_stdio())?;
    Ok(ExitCode::from(code.code()))
}
