//! Runs `hapulse replay`.

use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Context as _;
use jiff::Zoned;

use crate::actions::audit::actor::Actor;
use crate::actions::audit::audit_writer::AuditWriter;
use crate::cli::args::ReplayArgs;
use crate::cli::common_args::usage_error;
use crate::cli::dashboard::{self, PastSource};
use crate::cli::resolve_settings;
use crate::cli::targets::FoundTargets;
use crate::cli::terminal_check::require_terminal;
use crate::config::past_time::PastTime;
use crate::config::target::Target;
use crate::haproxy::address::Address;
use crate::haproxy::safe_text::SafeText;
use crate::live::dashboard_config::ReplayStart;
use crate::recording::reader::Recording;
use crate::recording::snapshot_reader::open_recordings;

/// Runs the command and returns the exit code.
pub(super) fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let ReplayArgs { path, at, options } = args;
    let settings =
        resolve_settings::load_settings(options.settings.config.as_deref(), options.settings.partial_settings(true))?;
    if let Some(Err(error)) = at.as_deref().map(|at| PastTime::parse(at, &Zoned::now())) {
        eprintln!("hapulse: --at: {error}");
        return Ok(usage_error());
    }
    if settings.plain == Some(true) {
        eprintln!(
            "hapulse: replay has no plain mode; hapulse show --at TIME and show --since TIME events print what was recorded"
        );
        return Ok(usage_error());
    }
    if let Some(code) = require_terminal() {
        return Ok(code);
    }
    let place = SafeText::from(path.as_path());
    let mut recordings = open_recordings(path).with_context(|| format!("cannot read the recordings in {place}"))?;
    recordings.retain(|recording| recording.span().is_some());
    anyhow::ensure!(
        !recordings.is_empty(),
        "{place} has no recordings; hapulse record --status --dir {place} lists them"
    );
    let target = |recording: &Recording| Target {
        name: Some(recording.name().to_owned()),
        address: recording.address().parse().unwrap_or_else(|_| Address::unix(path)),
    };
    let found = FoundTargets { targets: recordings.iter().map(target).collect(), discovery: None };
    let audit = AuditWriter::disabled(Actor::current(), SystemTime::now());
    let past = PastSource::Replay(recordings, ReplayStart { at: at.clone() });
    dashboard::show(found, options, &settings, audit, past)
}
