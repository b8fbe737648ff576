//! Arguments of `hapulse doctor`, and the order of the checks.

use std::io::{self, BufWriter};
use std::process::ExitCode;

use clap::Args;

use crate::cli::common_args::{PollArgs, report_no_target, text_layout};
use crate::cli::resolve_settings;
use crate::cli::setting_flags::DisplayFlags;
use crate::cli::target_arg::{TARGETS_HELP, TargetArg};
use crate::cli::targets::NoTarget;
use crate::config::search_paths;
use crate::config::settings::Settings;
use crate::headless::doctor::discovery_checks;
use crate::headless::doctor::file_checks;
use crate::headless::doctor::finding::{self, Finding};
use crate::headless::doctor::haproxy_checks;
use crate::headless::doctor::name_mask::NameMask;
use crate::headless::doctor::report;
use crate::headless::doctor::terminal_checks::TerminalInfo;
use crate::headless::print::{TextWriter, ignore_broken_pipe};
use crate::term::waiting_writer::WaitingWriter;

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    hapulse doctor                         the HAProxies of this machine\n  \
    hapulse doctor /run/haproxy/admin.sock\n  \
    hapulse doctor -t 127.0.0.1:9999\n  \
    hapulse doctor --report > report.txt   for a bug report, without names\n\n\
    Sends only read-only commands.\n\
    Exit codes: 0 no problems, 1 problems found, 2 invalid usage")]
pub(super) struct DoctorArgs {
    #[arg(value_name = "TARGET", help = TARGETS_HELP)]
    target_args: Vec<TargetArg>,
    /// Print one text for a bug report: names of machines, users and files are replaced
    #[arg(long)]
    report: bool,
    #[command(flatten)]
    display: DisplayFlags,
    #[command(flatten)]
    poll_args: PollArgs,
}

/// Runs all checks, prints the findings and returns the exit code: 1 if a finding is an error, else 0.
pub(super) fn run(args: &DoctorArgs, read_only: bool) -> anyhow::Result<ExitCode> {
    let places = search_paths::for_process(args.poll_args.config());
    let flags = args.display.partial_settings(read_only);
    let read = places.read_all(flags, &search_paths::env_variable).map_err(anyhow::Error::from);
    let read = read.and_then(|layers| resolve_settings::resolve_settings(&layers).map(|settings| (layers, settings)));
    let is_configured = read.is_ok();
    let (layers, settings, mut configuration) = match read {
        Ok((layers, settings)) => {
            let findings = file_checks::check_configuration(&layers, &settings);
            (layers, settings, findings)
        }
        Err(why) => {
            let defaults = Settings::defaults(&search_paths::env_variable);
            (Vec::new(), defaults, vec![Finding::error(why.to_string())])
        }
    };
    let mut mask = NameMask::for_process(&settings);
    places.user.iter().for_each(|path| mask.add_path(path));
    configuration.push(file_checks::check_audit(&settings.audit));
    let terminal = TerminalInfo::from_process().check(settings.theme);
    let mut sections =
        vec![("Configuration and audit log".to_owned(), configuration), ("Terminal".to_owned(), terminal)];
    match args.poll_args.resolve_targets(&args.target_args, &settings) {
        Ok(found) => {
            if let Some(discovery) = &found.discovery {
                mask.add_discovery(discovery);
                sections.push(("HAProxies of this machine".to_owned(), discovery_checks::check_discovery(discovery)));
            }
            let findings = haproxy_checks::check_haproxies(&found.targets, settings.interval)?;
            for (target, findings) in found.targets.iter().zip(findings) {
                mask.add_target(target.name.as_deref(), &target.address);
                target.log.iter().for_each(|path| mask.add_path(path));
                sections.push((target.label(), findings));
            }
        }
        Err(NoTarget::NotFound { what, fix, tried, skipped }) => {
            let mut findings = vec![Finding::error(what).with_fix(fix)];
            findings.extend(discovery_checks::skipped_findings(&skipped));
            findings.push(discovery_checks::tried_finding(&tried));
            sections.push(("HAProxy".to_owned(), findings));
        }
        // Otherwise the error is in the configuration, or the word may be a name in an invalid one.
        Err(why @ (NoTarget::Address(_) | NoTarget::UnknownWord(_)))
            if is_configured && (!args.target_args.is_empty() || args.poll_args.names_targets()) =>
        {
            return Ok(report_no_target(&why));
        }
        Err(why) => sections.push(("HAProxy".to_owned(), vec![Finding::error(why.to_string())])),
    }
    let out = &mut TextWriter::new(BufWriter::new(WaitingWriter(io::stdout().lock())), text_layout(&settings).ascii);
    let printed = if args.report {
        report::print_report(&layers, &settings, &sections, &mut mask, out)
    } else {
        finding::print_findings(&sections, out)
    };
    ignore_broken_pipe(printed)?;
    Ok(if finding::has_errors(&sections) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
