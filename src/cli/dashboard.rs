//! Starts the dashboard with the options of the command line and the settings.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::anyhow;

use crate::actions::audit::audit_writer::AuditWriter;
use crate::app::initial_view::InitialView;
use crate::cli::args::DashboardOptions;
use crate::cli::common_args::usage_error;
use crate::cli::past_recordings::PastRecordings;
use crate::cli::recordings_arg::RecordingsArg;
use crate::cli::resolve_settings::{
    check_threshold_flags, keymap, style_overrides, thresholds, view_configs, warn_about_threshold_flags,
};
use crate::cli::targets::FoundTargets;
use crate::config::confirm_quit::ConfirmQuit;
use crate::config::own_file::LogFile;
use crate::config::search_paths;
use crate::config::setting_table::{SETTINGS, Setting};
use crate::config::settings::Settings;
use crate::config::state_dir;
use crate::config::target::Target;
use crate::config::terminal_env::{ColorTheme, TerminalEnv};
use crate::haproxy::connection::ConnectionLimits;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::StatLimits;
use crate::history::memory_plan::MemoryPlan;
use crate::live::dashboard_config::{DashboardConfig, ExitReason, ReplayStart};
use crate::live::event_loop;
use crate::live::io_thread::PollSettings;
use crate::live::reload::{ReloadSettings, ReloadedSettings};
use crate::observe::past_samples::PastSamples;
use crate::observe::poll_schedule::PollSchedule;
use crate::observe::timestamp::Clock;
use crate::recording::reader::Recording;
use crate::ui::color::ColorDepth;
use crate::ui::theme::{Palette, Theme};

/// The samples of the time before the start.
pub(super) enum PastSource<'a> {
    /// Recordings of the targets, where there are any.
    Recordings(&'a RecordingsArg),
    /// Samples of the first target, in the times of the clock.
    Samples(Clock, PastSamples),
    /// A recording of each target, and a message about others that cannot be read. The targets are not polled.
    Replay(Vec<Recording>, Option<String>, ReplayStart),
}

/// Runs the dashboard and returns the exit code.
pub(super) fn show(
    found: FoundTargets,
    options: &DashboardOptions,
    settings: &Settings,
    audit: AuditWriter,
    past: PastSource<'_>,
) -> anyhow::Result<ExitCode> {
    let mut found = found;
    if let Err(why) = name_log(&mut found.targets, options.log.as_ref(), matches!(past, PastSource::Replay(..))) {
        eprintln!("hapulse: --log: {why}");
        return Ok(usage_error());
    }
    check_threshold_flags(settings, &options.thresholds)?;
    warn_about_threshold_flags(&options.thresholds);
    let (mut samples, mut replay) = (None, None);
    let PastRecordings { recordings, clock_age, failure } = match past {
        PastSource::Recordings(given) => PastRecordings::open(&found.targets, given)?,
        PastSource::Samples(clock, past) => {
            samples = Some((clock, past));
            PastRecordings::default()
        }
        PastSource::Replay(recordings, failure, start) => {
            replay = Some(start);
            PastRecordings { failure, ..PastRecordings::new(recordings.into_iter().map(Some).collect()) }
        }
    };
    let (clock, past) = samples.unwrap_or_else(|| (Clock::started_ago(clock_age), PastSamples::default()));
    let history_bytes = usize::from(settings.history_memory) << 20;
    let polling = PollSettings {
        schedule: PollSchedule::new(settings.interval),
        limits: ConnectionLimits::default(),
        stat_limits: StatLimits { bytes: MemoryPlan::new(history_bytes).sample_limit(), ..StatLimits::default() },
        read_only: settings.read_only,
        clock,
    };
    let config = DashboardConfig {
        thresholds: thresholds(settings, &options.thresholds)?,
        keymap: keymap(&settings.keys)?,
        event_log: open_event_log(settings)?.map(|(log, _)| log),
        command_history: state_dir::process_state_directory().map(|folder| folder.join("typed")),
        event_log_path: settings.log_file.clone(),
        reload: reload_function(options.clone(), settings.clone()),
        initial_notice: initial_notice(&found, failure),
        targets: found.targets,
        past,
        recordings,
        confirm_quit: if replay.is_some() { ConfirmQuit::Never } else { settings.confirm_quit },
        replay,
        polling,
        history_bytes,
        theme: theme(settings)?,
        initial_view: InitialView { view_configs: view_configs(&settings.views)?, ..options.start()? },
        audit: Arc::new(audit),
        requires_reason: settings.audit.ask_reason,
        has_mouse: settings.mouse,
        drain_deadline: settings.drain.deadline,
    };
    Ok(match event_loop::run(config)? {
        ExitReason::Quit => ExitCode::SUCCESS,
        ExitReason::Signal(number) => ExitCode::from(128 + number as u8),
        ExitReason::TerminalGone => ExitCode::from(128 + 1),
    })
}

/// Sets the log of the only target.
///
/// # Errors
/// Returns the reason if there are several targets, or recordings are shown.
fn name_log(targets: &mut [Target], log: Option<&PathBuf>, is_replay: bool) -> Result<(), &'static str> {
    match (log, targets) {
        (None, _) => Ok(()),
        (Some(_), _) if is_replay => Err("a recording has no requests: hapulse logs FILE prints those of a log"),
        (Some(path), [target]) => {
            target.log = Some(path.clone());
            Ok(())
        }
        (Some(_), _) => Err("there are several targets: name the log of each in the configuration\n  \
             [targets]\n  lb01 = { address = \"/run/haproxy/admin.sock\", log = \"/var/log/haproxy.log\" }"),
    }
}

/// Opens the event log. Returns it with its path, or `None` if `log_file` is not set.
fn open_event_log(settings: &Settings) -> anyhow::Result<Option<(LogFile, PathBuf)>> {
    let Some(path) = &settings.log_file else { return Ok(None) };
    let log = LogFile::open(path).map_err(|error| {
        let shown = SafeText::from(path.as_path());
        anyhow!("cannot write the event log to {shown}: {error}; set log_file to a file that this user can write to")
    });
    Ok(Some((log?, path.clone())))
}

/// Settings that a running dashboard applies when the configuration is read again.
const RELOADED: [&str; 10] = [
    "theme",
    "ascii",
    "log_file",
    "confirm_quit",
    "audit.ask_reason",
    "drain.deadline",
    "thresholds",
    "silences",
    "colors",
    "keys",
];

/// Returns a function that reads all sources of the configuration again.
fn reload_function(options: DashboardOptions, at_start: Settings) -> ReloadSettings {
    let mut last = at_start.clone();
    Box::new(move || {
        let flags = options.settings.partial_settings(at_start.read_only);
        let settings = search_paths::load_settings(options.settings.config.as_deref(), flags)?;
        check_threshold_flags(&settings, &options.thresholds)?;
        let are_thresholds_changed = settings.thresholds != last.thresholds || settings.silences != last.silences;
        let new_thresholds = thresholds(&settings, &options.thresholds)?;
        view_configs(&settings.views)?;
        let is_pending = |setting: &&Setting| {
            !RELOADED.contains(&setting.name) && (setting.toml_lines)(&settings) != (setting.toml_lines)(&at_start)
        };
        let reloaded = ReloadedSettings {
            theme: theme(&settings)?,
            keymap: keymap(&settings.keys)?,
            thresholds: are_thresholds_changed.then_some(new_thresholds),
            requires_reason: settings.audit.ask_reason,
            confirm_quit: settings.confirm_quit,
            drain_deadline: settings.drain.deadline,
            event_log: open_event_log(&settings)?,
            pending_names: SETTINGS.iter().filter(is_pending).map(|setting| setting.name).collect(),
        };
        last = settings;
        Ok(reloaded)
    })
}

/// Returns the theme for this terminal.
fn theme(settings: &Settings) -> anyhow::Result<Theme> {
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
    let own = style_overrides(&settings.colors, depth)?;
    Ok(Theme::new(palette, settings.ascii || environment.is_ascii_only()).with_overrides(own))
}

/// Returns the notice that several HAProxies were found, with their sockets, how many candidates were skipped, and what cannot be
/// read.
fn initial_notice(found: &FoundTargets, failure: Option<String>) -> Option<String> {
    let labels: Vec<String> = found.targets.iter().map(Target::label).collect();
    let is_discovered = found.discovery.is_some() && labels.len() > 1;
    let several =
        is_discovered.then(|| format!("{} HAProxies run here, o switches: {}", labels.len(), labels.join(", ")));
    let parts: Vec<String> = several.into_iter().chain(found.skipped_note()).chain(failure).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}
