//! Arguments and helpers shared by the read-only commands.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::actions::audit::audit_index::AuditIndex;
use crate::cli::resolve_settings;
use crate::cli::target_arg::{KnownWords, TargetArg, TargetFlags};
use crate::cli::targets::{self, FoundTargets, NoTarget};
use crate::config::partial_settings::PartialSettings;
use crate::config::settings::Settings;
use crate::config::target::Target;
use crate::config::terminal_env::TerminalEnv;
use crate::haproxy::safe_text;
use crate::headless::exit_code::CommandExit;
use crate::headless::poller::Poller;
use crate::headless::print::terminal_columns;
use crate::headless::report::table::TextLayout;
use crate::problems::thresholds::Thresholds;

/// Time between two samples, for commands that sample for a given time.
pub(super) const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// Options of all read-only commands.
#[derive(Debug, Clone, Args)]
pub(super) struct PollArgs {
    #[command(flatten)]
    targets: TargetFlags,
    /// Read this configuration file instead of the user's
    #[arg(long, value_name = "FILE", overrides_with = "config")]
    config: Option<PathBuf>,
}

impl PollArgs {
    /// Loads the effective settings; `flags` are those set by other options of the command.
    pub(super) fn load_settings(&self, flags: PartialSettings) -> anyhow::Result<Settings> {
        Ok(resolve_settings::load_settings(self.config.as_deref(), flags)?)
    }

    /// Returns the configuration file that replaces the user's.
    pub(super) fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// Returns true if an option names a target.
    pub(super) fn names_targets(&self) -> bool {
        let TargetFlags { targets, unix_socket, tcp_socket } = &self.targets;
        !targets.is_empty() || unix_socket.is_some() || tcp_socket.is_some()
    }

    /// Returns the targets of the options as they were written.
    pub(super) fn target_names(&self) -> Vec<String> {
        let TargetFlags { targets, unix_socket, tcp_socket } = &self.targets;
        let named = targets.iter().map(|target| target.text().to_owned());
        named.chain(unix_socket.clone()).chain(tcp_socket.clone()).collect()
    }

    /// Returns the targets in `named`, followed by those of the options. Without any, returns all configured targets or
    /// else the discovered local HAProxies.
    pub(super) fn resolve_targets(&self, named: &[TargetArg], settings: &Settings) -> Result<FoundTargets, NoTarget> {
        let TargetFlags { targets, unix_socket, tcp_socket } = &self.targets;
        let named: Vec<TargetArg> = named.iter().chain(targets).cloned().collect();
        let known = KnownWords::configured(settings);
        let named = targets::named(&named, unix_socket.as_deref(), tcp_socket.as_deref(), known)?;
        targets::find(named, &settings.targets)
    }

    /// Returns the targets of [`Self::resolve_targets`], and prints a note about candidates that are not trusted. Without a
    /// target, prints why and returns the exit code.
    pub(super) fn targets_or_report(&self, named: &[TargetArg], settings: &Settings) -> Result<Vec<Target>, ExitCode> {
        let found = self.resolve_targets(named, settings).map_err(|why| report_no_target(&why))?;
        report_skipped(&found);
        Ok(found.targets)
    }

    /// Builds one poller per target, with the poll interval `every`.
    pub(super) fn build_pollers(targets: &[Target], every: Duration, thresholds: &Thresholds) -> Vec<Poller> {
        targets.iter().map(|target| Poller::new(target, every, thresholds.clone())).collect()
    }
}

/// Loads from the audit log who ordered the current server states.
pub(super) fn load_attribution(pollers: &mut [Poller], targets: &[Target], settings: &Settings) {
    let audit_index = AuditIndex::load(settings.audit.path.as_deref());
    for (poller, target) in pollers.iter_mut().zip(targets) {
        poller.load_attribution(&audit_index, &target.address);
    }
}

/// Returns the width and the character set for text on standard output.
pub(super) fn text_layout(settings: &Settings) -> TextLayout {
    TextLayout { columns: terminal_columns(), ascii: settings.ascii || TerminalEnv::from_process().is_ascii_only() }
}

/// Prints why no target is usable and returns the exit code: 2 for an invalid address or an unknown word and if one of
/// several must be selected, 3 if no target was found.
pub(super) fn report_no_target(why: &NoTarget) -> ExitCode {
    eprintln!("hapulse: {}", safe_text::escape_lines(&why.to_string()));
    match why {
        NoTarget::Address(_) | NoTarget::UnknownWord(_) | NoTarget::Several { .. } => usage_error(),
        NoTarget::NotFound { .. } => ExitCode::from(CommandExit::Unreachable.code()),
    }
}

/// Prints a note about candidates for targets that are not trusted, if there are any.
pub(super) fn report_skipped(found: &FoundTargets) {
    if let Some(note) = found.skipped_note() {
        eprintln!("hapulse: {note}");
    }
}

/// Parses a count of 1 or more.
pub(super) fn parse_count(text: &str) -> Result<u64, &'static str> {
    text.parse().ok().filter(|count| *count > 0).ok_or("must be a whole number, 1 or more, such as 20")
}

/// Returns the exit code for an invalid command line.
pub(super) fn usage_error() -> ExitCode {
    ExitCode::from(CommandExit::Usage.code())
}
