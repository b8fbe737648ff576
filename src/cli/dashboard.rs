//! The dashboard as flags and configuration want it.

use std::process::ExitCode;

use anyhow::Context as _;

use crate::actions::audit::audit_writer::Audit;
use crate::app::initial_view::Start;
use crate::cli::args::Options;
use crate::cli::resolve::{arranged, keymap, own, thresholds};
use crate::config::settings::Settings;
use crate::config::state_dir;
use crate::config::target::Target;
use crate::config::terminal_env::{Colours, Environment};
use crate::haproxy::connection::Limits;
use crate::live::event_loop::{self, End, Session};
use crate::live::file_writer;
use crate::live::io_thread::Watching;
use crate::observe::poll_schedule::Pace;
use crate::observe::timestamp::Clock;
use crate::ui::color::Depth;
use crate::ui::theme::{Palette, Theme};

/// Shows it until it ends.
pub(super) fn show(
    targets: Vec<Target>,
    options: &Options,
    settings: &Settings,
    audit: Audit,
) -> anyhow::Result<ExitCode> {
    let environment = Environment::read();
    let palette = match environment.colours(settings.theme) {
        Colours::Light => Palette::Light,
        Colours::HighContrast => Palette::HighContrast,
        Colours::Mono => Palette::Mono,
        Colours::Dark | Colours::Auto => Palette::Dark,
    };
    let depth = match (environment.has_any_colour(), environment.has_256_colours()) {
        (true, _) => Depth::True,
        (false, true) => Depth::Indexed,
        (false, false) => Depth::Sixteen,
    };
    let own = own(&settings.colours, depth)?;
    let watching = Watching {
        pace: Pace::new(settings.interval),
        limits: Limits::default(),
        read_only: settings.read_only,
        clock: Clock::start(),
    };
    let log = settings.log_file.as_deref().map(|path| {
        file_writer::open(path).with_context(|| format!("cannot write the log of events to {}", path.display()))
    });
    let mut thresholds = thresholds(&settings.thresholds)?;
    options.thresholds.iter().try_for_each(|text| thresholds.set_by_text(text))?;
    let session = Session {
        thresholds,
        keymap: keymap(&settings.keys)?,
        log: log.transpose()?,
        typed: state_dir::own_folder().map(|folder| folder.join("typed")),
        targets,
        watching,
        history: usize::from(settings.history_memory) << 20,
        theme: Theme::new(palette, settings.ascii || environment.is_ascii()).with(own),
        start: Start { arranged: arranged(&settings.views)?, ..options.start()? },
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
