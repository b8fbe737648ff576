//! The dashboard as flags and configuration want it.

use std::process::ExitCode;

use anyhow::Context as _;

use crate::app::arrangement::Arrangement;
use crate::app::keymap::{BadKeys, Keymap};
use crate::app::start::Start;
use crate::cli::args::Options;
use crate::config::file::BadConfig;
use crate::config::layer::Layer;
use crate::config::looks::{Colours, Environment};
use crate::config::places::{self, Origin};
use crate::config::said::{Arranged, Said, Threshold};
use crate::config::settings::Settings;
use crate::config::state;
use crate::config::target::Target;
use crate::haproxy::connection::Limits;
use crate::live::event_loop::{self, End, Session};
use crate::live::files;
use crate::live::io::Watching;
use crate::monitor::audit::writer::Audit;
use crate::monitor::pace::Pace;
use crate::monitor::problems::thresholds::{Override, Thresholds};
use crate::monitor::stamp::Clock;
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
        Colours::Mono => Palette::Mono,
        Colours::Dark | Colours::Auto => Palette::Dark,
    };
    let watching = Watching {
        pace: Pace::new(settings.interval),
        limits: Limits::default(),
        read_only: settings.read_only,
        clock: Clock::start(),
    };
    let log = settings
        .log_file
        .as_deref()
        .map(|path| files::open(path).with_context(|| format!("cannot write the log of events to {}", path.display())));
    let mut thresholds = thresholds(&settings.thresholds)?;
    options.thresholds.iter().try_for_each(|text| thresholds.set_by_text(text))?;
    let session = Session {
        thresholds,
        keymap: keymap(&settings.keys)?,
        log: log.transpose()?,
        typed: state::own_folder().map(|folder| folder.join("typed")),
        targets,
        watching,
        history: usize::from(settings.history_memory) << 20,
        theme: Theme { palette, ascii: settings.ascii || environment.is_ascii() },
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

/// What holds when these layers are laid; also what they name is looked up.
pub(super) fn settings_of(layers: &[(Origin, Layer)]) -> anyhow::Result<Settings> {
    let layers = layers.iter().map(|(_, layer)| layer.clone());
    let settings = layers.fold(Settings::defaults(&places::variable), Settings::lay);
    thresholds(&settings.thresholds)?;
    keymap(&settings.keys)?;
    arranged(&settings.views)?;
    Ok(settings)
}

fn thresholds(said: &[Said<Threshold>]) -> Result<Thresholds, BadConfig> {
    let mut thresholds = Thresholds::default();
    for said in said {
        let Threshold { warn, crit, hold, is_off } = said.value;
        let change = Override { warn, crit, sustain: hold, is_off };
        thresholds.set(&said.name, change).map_err(|error| BadConfig::from(said.wrong(&error)))?;
    }
    Ok(thresholds)
}

fn arranged(said: &[Said<Arranged>]) -> Result<Vec<Arrangement>, BadConfig> {
    let one = |said: &Said<Arranged>| {
        let Arranged { columns, sort, flat } = &said.value;
        Arrangement::new(&said.name, columns, sort.as_deref(), *flat).map_err(|error| said.wrong(&error).into())
    };
    said.iter().map(one).collect()
}

fn keymap(said: &[Said<Vec<String>>]) -> anyhow::Result<Keymap> {
    let changes: Vec<(&str, &[String])> = said.iter().map(|said| (said.name.as_str(), said.value.as_slice())).collect();
    Keymap::changed(&changes).map_err(|error| {
        // Of two actions that want one key, the one that was said last is to blame.
        let is_about = |said: &&Said<Vec<String>>| match &error {
            BadKeys::NoSuchAction(name) => said.name == *name,
            BadKeys::NoSuchKey { action, .. } => said.name == *action,
            BadKeys::Conflict { first, second, .. } => said.name == *first || said.name == *second,
        };
        match said.iter().rev().find(is_about) {
            Some(said) => BadConfig::from(said.wrong(&error)).into(),
            None => error.into(),
        }
    })
}
