//! Runs `hapulse replay`.

use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use jiff::Zoned;

use crate::actions::audit::actor::Actor;
use crate::actions::audit::audit_writer::AuditWriter;
use crate::cli::args::ReplayArgs;
use crate::cli::common_args::usage_error;
use crate::cli::dashboard::{self, PastSource};
use crate::cli::recordings_arg::open_place;
use crate::cli::resolve_settings;
use crate::cli::targets::FoundTargets;
use crate::cli::terminal_check::require_terminal;
use crate::config::past_time::PastTime;
use crate::config::target::Target;
use crate::haproxy::address::Address;
use crate::haproxy::safe_text::SafeText;
use crate::live::dashboard_config::ReplayStart;
use crate::recording::reader::Recording;
use crate::recording::recorded_blocks::damage_words;
use crate::recording::snapshot_reader::OpenedRecordings;

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
    let (recordings, failures) = open_readable(path)?;
    let target = |recording: &Recording| Target {
        name: Some(recording.name().to_owned()),
        ..Target::new(recording.address().parse().unwrap_or_else(|_| Address::unix(path)))
    };
    let found = FoundTargets { targets: recordings.iter().map(target).collect(), discovery: None, is_named: true };
    let audit = AuditWriter::disabled(Actor::current(), SystemTime::now());
    let failure = (!failures.is_empty()).then(|| failures.join("; "));
    let past = PastSource::Replay(recordings, failure, ReplayStart { at: at.clone() });
    dashboard::show(found, options, &settings, audit, past)
}

/// Opens the recordings of which at least one sample can be read. Returns them, and messages about the others.
///
/// # Errors
/// Returns an error with these messages if no recording can be read.
fn open_readable(path: &Path) -> anyhow::Result<(Vec<Recording>, Vec<String>)> {
    let OpenedRecordings { recordings, mut failures } = open_place(path)?;
    let mut readable = Vec::new();
    for mut recording in recordings {
        let first = recording.header_after(0);
        if first.as_ref().is_ok_and(Option::is_some) {
            readable.push(recording);
            continue;
        }
        let why = first.err().map(|error| error.to_string()).or_else(|| damage_words(&recording));
        let name = SafeText::from(recording.name());
        failures.push(format!(
            "{name} has no sample that can be read: {}",
            why.unwrap_or_else(|| "it is empty".to_owned())
        ));
    }
    anyhow::ensure!(!readable.is_empty(), "nothing to replay\n  {}", failures.join("\n  "));
    Ok((readable, failures))
}
