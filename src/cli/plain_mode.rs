//! Starts `hapulse --plain` with the options of the command line and the settings.

use std::process::ExitCode;

use crate::actions::audit::audit_writer::AuditWriter;
use crate::cli::args::DashboardOptions;
use crate::cli::common_args::report_skipped;
use crate::cli::resolve_settings::{check_threshold_flags, thresholds, warn_about_threshold_flags};
use crate::cli::targets::FoundTargets;
use crate::config::settings::Settings;
use crate::config::terminal_env::TerminalEnv;
use crate::headless::plain::session::{self, PlainOptions};
use crate::headless::plain::watched_instance::WatchSettings;
use crate::observe::timestamp::Clock;

/// Returns whether lines are printed instead of a screen: as set, or else if the terminal is dumb.
pub(super) fn is_chosen(settings: &Settings) -> bool {
    settings.plain.unwrap_or_else(|| TerminalEnv::from_process().is_dumb())
}

/// Runs a session and returns the exit code.
pub(super) fn run(
    found: FoundTargets,
    options: &DashboardOptions,
    settings: &Settings,
    audit: AuditWriter,
) -> anyhow::Result<ExitCode> {
    check_threshold_flags(settings, &options.thresholds)?;
    warn_about_threshold_flags(&options.thresholds);
    report_skipped(&found);
    let watch = WatchSettings {
        interval: settings.interval,
        read_only: settings.read_only,
        thresholds: thresholds(settings, &options.thresholds)?,
        drain_deadline: settings.drain.deadline,
        history_bytes: usize::from(settings.history_memory) << 20,
        clock: Clock::start(),
    };
    let exit = session::run(PlainOptions {
        targets: found.targets,
        watch,
        requires_reason: settings.audit.ask_reason,
        is_ascii: settings.ascii || TerminalEnv::from_process().is_ascii_only(),
        audit,
    })?;
    Ok(ExitCode::from(exit.code()))
}
