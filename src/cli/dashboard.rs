//! Starts the dashboard with the options of the command line and the settings.

use std::process::ExitCode;

use anyhow::Context as _;

use crate::actions::audit::audit_writer::AuditWriter;
use crate::app::initial_view::InitialView;
use crate::cli::args::DashboardOptions;
use crate::cli::resolve_settings::{check_threshold_flags, keymap, style_overrides, thresholds, view_configs};
use crate::cli::targets::FoundTargets;
use crate::config::own_file::LogFile;
use crate::config::settings::Settings;
use crate::config::state_dir;
use crate::config::target::Target;
use crate::config::terminal_env::{ColorTheme, TerminalEnv};
use crate::haproxy::connection::ConnectionLimits;
use crate::haproxy::safe_text::SafeText;
use crate::live::dashboard_config::{DashboardConfig, ExitReason};
use crate::live::event_loop;
use crate::live::io_thread::PollSettings;
use crate::observe::poll_schedule::PollSchedule;
use crate::observe::timestamp::Clock;
use crate::ui::color::ColorDepth;
use crate::ui::theme::{Palette, Theme};

/// Runs the dashboard and returns the exit code.
pub(super) fn show(
    found: FoundTargets,
    options: &DashboardOptions,
    settings: &Settings,
    audit: AuditWriter,
) -> anyhow::Result<ExitCode> {
    let environment = TerminalEnv::from_process();
    let palette = match environment.resolve_theme(settings.theme) {
        ColorTheme::Light => Palette::Light,
        ColorTheme::HighContrast => Palette::HighContrast,
        ColorTheme::Mono => Palette::Mono,
        ColorTheme::Dark | ColorTheme::Auto => Palette::Dark,
    };
    let depth = match (environment.has_true_color(), environment.has_256_colors()) {
        (true, _) => ColorDepth::TrueColor,
        (false, true) => ColorDepth::Indexed,
        (false, false) => ColorDepth::Sixteen,
    };
    check_threshold_flags(settings, &options.thresholds)?;
    let own = style_overrides(&settings.colors, depth)?;
    let polling = PollSettings {
        schedule: PollSchedule::new(settings.interval),
        limits: ConnectionLimits::default(),
        read_only: settings.read_only,
        clock: Clock::start(),
    };
    let log = settings.log_file.as_deref().map(|path| {
        LogFile::open(path).with_context(|| format!("cannot write the event log to {}", SafeText::from(path)))
    });
    let config = DashboardConfig {
        thresholds: thresholds(&settings.thresholds, &options.thresholds)?,
        keymap: keymap(&settings.keys)?,
        event_log: log.transpose()?,
        command_history: state_dir::process_state_directory().map(|folder| folder.join("typed")),
        initial_notice: initial_notice(&found),
        targets: found.targets,
        polling,
        history_bytes: usize::from(settings.history_memory) << 20,
        theme: Theme::new(palette, settings.ascii || environment.is_ascii_only()).with_overrides(own),
        initial_view: InitialView { view_configs: view_configs(&settings.views)?, ..options.start()? },
        audit,
        requires_reason: settings.audit.ask_reason,
        drain_deadline: settings.drain.deadline,
    };
    Ok(match event_loop::run(config)? {
        ExitReason::Quit => ExitCode::SUCCESS,
        ExitReason::Signal(number) => ExitCode::from(128 + number as u8),
        ExitReason::TerminalGone => ExitCode::from(128 + 1),
    })
}

/// Returns the notice that several HAProxies were found, with their sockets, and how many candidates were skipped.
fn initial_notice(found: &FoundTargets) -> Option<String> {
    let labels: Vec<String> = found.targets.iter().map(Target::label).collect();
    let is_discovered = found.discovery.is_some() && labels.len() > 1;
    let several =
        is_discovered.then(|| format!("{} HAProxies run here, o switches: {}", labels.len(), labels.join(", ")));
    let parts: Vec<String> = several.into_iter().chain(found.skipped_note()).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}
