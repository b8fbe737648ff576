//! What the commands that only look have in common: which HAProxy, and by which limits.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::actions::audit::audit_index::Ledger;
use crate::cli::targets::{self, NoTarget};
use crate::config::partial_settings::Layer;
use crate::config::search_paths;
use crate::config::settings::Settings;
use crate::config::target::Target;
use crate::config::terminal_env::Environment;
use crate::headless::exit_code::Code;
use crate::headless::poller::Lookout;
use crate::headless::print::terminal_columns;
use crate::headless::report::table::Paper;
use crate::problems::thresholds::Thresholds;

/// Time between two looks while it is looked for a while.
pub(super) const EVERY: Duration = Duration::from_secs(1);

/// Flags of all of them.
#[derive(Debug, Clone, Args)]
pub(super) struct Looking {
    /// Stats socket: PATH, HOST:PORT, [IPv6]:PORT, or NAME= and one of these; may be repeated
    #[arg(long = "target", value_name = "TARGET")]
    targets: Vec<Target>,
    /// Stats socket by path, as HATop has it
    #[arg(short = 's', long = "unix-socket", value_name = "PATH")]
    unix_socket: Option<String>,
    /// Stats socket by address, as HATop has it
    #[arg(short = 't', long = "tcp-socket", value_name = "HOST:PORT")]
    tcp_socket: Option<String>,
    /// Configuration to read in place of the user's file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Looking {
    /// What holds.
    pub(super) fn settings(&self) -> anyhow::Result<Settings> {
        Ok(search_paths::load(self.config.as_deref(), Layer::default())?)
    }

    /// Every HAProxy that is meant; `named` stand before those of the flags.
    pub(super) fn targets(&self, named: &[Target], settings: &Settings) -> Result<Vec<Target>, NoTarget> {
        let named: Vec<Target> = named.iter().chain(&self.targets).cloned().collect();
        targets::find(&named, self.unix_socket.as_deref(), self.tcp_socket.as_deref(), &settings.targets)
    }

    /// Somebody to look at each.
    pub(super) fn lookouts(targets: &[Target], every: Duration, thresholds: &Thresholds) -> Vec<Lookout> {
        targets.iter().map(|target| Lookout::new(target, every, thresholds.clone())).collect()
    }
}

/// Takes in who ordered what.
pub(super) fn remember(lookouts: &mut [Lookout], targets: &[Target], settings: &Settings) {
    let ledger = Ledger::of_file(settings.audit.path.as_deref());
    for (lookout, target) in lookouts.iter_mut().zip(targets) {
        lookout.remember(&ledger, target);
    }
}

/// What is printed on.
pub(super) fn paper(settings: &Settings) -> Paper {
    Paper { columns: terminal_columns(), ascii: settings.ascii || Environment::read().is_ascii() }
}

/// Why there is nothing to look at, on standard error.
pub(super) fn no_target(why: &NoTarget) -> ExitCode {
    eprintln!("hapulse: {why}");
    match why {
        NoTarget::Address(_) => usage(),
        NoTarget::Found { .. } => ExitCode::from(Code::Unreachable.number()),
    }
}

/// It cannot be asked like this.
pub(super) fn usage() -> ExitCode {
    ExitCode::from(Code::Usage.number())
}
