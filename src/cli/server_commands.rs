//! Arguments of `hapulse drain`, `hapulse maint` and `hapulse ready`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;

use crate::cli::target_arg::{TARGETS_HELP, TargetArg};
use crate::config::duration;
use crate::config::settings::Settings;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::write_command::TargetState;
use crate::headless::server::command_options::{PromptPolicy, ServerCommandOptions};
use crate::headless::server::server_name::ServerName;

const EXIT_CODES: &str = "Exit codes: 0 done and verified, 1 refused, or reverted by another operator, 2 invalid usage or\n\
    configuration, 3 HAProxy does not answer, 4 deadline exceeded, 5 sent but the outcome is unknown, 6 empty\n\
    here but an old worker still holds sessions, 128 + N stopped by signal N";

#[derive(Debug, Clone, Args)]
#[command(after_help = format!("Examples:\n  \
    hapulse drain be_app/app1                          ask, then drain\n  \
    hapulse drain be_app/app1 --wait 5m --yes          return when empty\n  \
    hapulse drain be_app/app1 --wait 5m --then maint --yes --reason \"kernel update\"\n  \
    hapulse drain be_app/app1 be_app/app2 --target lb01:9999\n  \
    hapulse drain be_app/app1 --target @web --wait 5m  on all balancers of a group\n\n{EXIT_CODES}"))]
pub(super) struct DrainArgs {
    #[command(flatten)]
    pub(super) common: ServerArgs,
    /// Wait until every server is empty, but at most TIME, such as 90s, 5m or 1h
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    wait: Option<Duration>,
    /// Set this state once all servers are empty
    #[arg(long, value_name = "STATE", requires = "wait")]
    then: Option<FollowUpState>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FollowUpState {
    /// Maintenance
    Maint,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = format!("Examples:\n  \
    hapulse maint be_app/app1                          ask first\n  \
    hapulse maint be_app/app1 be_app/app2 --yes        without confirmation, for scripts\n  \
    hapulse maint be_app/app1 --yes --force            even if it is the last usable server\n\n{EXIT_CODES}"))]
pub(super) struct MaintArgs {
    #[command(flatten)]
    pub(super) common: ServerArgs,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = format!("Examples:\n  \
    hapulse ready be_app/app1 --yes                    enable it again\n  \
    hapulse ready be_app/app1 --wait 30s --yes         return when its health check passes\n\n{EXIT_CODES}"))]
pub(super) struct ReadyArgs {
    #[command(flatten)]
    pub(super) common: ServerArgs,
    /// Wait until every server is UP or has no check, but at most TIME, such as 30s, 5m or 1h
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    wait: Option<Duration>,
}

/// Arguments that `drain`, `maint` and `ready` share.
#[derive(Debug, Clone, Args)]
pub(super) struct ServerArgs {
    /// Servers to change, in this order; the command stops at the first failure
    #[arg(value_name = "BACKEND/SERVER", required = true)]
    servers: Vec<ServerName>,
    /// Run without confirmation
    #[arg(short = 'y', long)]
    yes: bool,
    /// Run dangerous actions without confirmation, too, such as draining the last usable server of a backend
    #[arg(long, requires = "yes")]
    force: bool,
    /// Reason to record in the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[arg(long, value_name = "TARGET", group = "haproxy", help = format!("{TARGETS_HELP}; may be repeated"))]
    pub(super) target: Vec<TargetArg>,
    /// Path of the stats socket (HATop compatible)
    #[arg(short = 's', long = "unix-socket", value_name = "PATH", group = "haproxy")]
    pub(super) unix_socket: Option<String>,
    /// Address of the stats socket (HATop compatible)
    #[arg(short = 't', long = "tcp-socket", value_name = "HOST:PORT", group = "haproxy")]
    pub(super) tcp_socket: Option<String>,
    /// Seconds between two samples while waiting, at least 0.1; increased automatically if HAProxy replies slowly
    #[arg(short = 'i', long = "interval", value_name = "SECONDS", default_value = "1", value_parser = duration::parse_interval, overrides_with = "interval")]
    pub(super) interval: Duration,
    /// Read this configuration file instead of the user's
    #[arg(long, value_name = "FILE", overrides_with = "config")]
    pub(super) config: Option<PathBuf>,
}

impl ServerArgs {
    /// Returns the arguments that select the same HAProxies in another command line: empty, or with a leading blank.
    fn target_arguments(&self) -> String {
        let targets = self.target.iter().map(|target| format!(" --target {}", target.as_written().address));
        let targets = targets.collect::<Vec<_>>().concat();
        let safe = |text: &String| SafeText::from(text.as_str());
        let unix = self.unix_socket.as_ref().map(|path| format!(" -s {}", safe(path)));
        let tcp = self.tcp_socket.as_ref().map(|address| format!(" -t {}", safe(address)));
        unix.or(tcp).unwrap_or(targets)
    }
}

/// Arguments of `drain`, `maint` or `ready`, in a common form.
#[derive(Debug)]
pub(super) struct ServerCommandArgs {
    pub(super) common: ServerArgs,
    admin: TargetState,
    wait: Option<Duration>,
    then_maint: bool,
}

impl From<DrainArgs> for ServerCommandArgs {
    fn from(args: DrainArgs) -> Self {
        let DrainArgs { common, wait, then } = args;
        Self { common, admin: TargetState::Drain, wait, then_maint: then == Some(FollowUpState::Maint) }
    }
}

impl From<MaintArgs> for ServerCommandArgs {
    fn from(args: MaintArgs) -> Self {
        Self { common: args.common, admin: TargetState::Maint, wait: None, then_maint: false }
    }
}

impl From<ReadyArgs> for ServerCommandArgs {
    fn from(args: ReadyArgs) -> Self {
        let ReadyArgs { common, wait } = args;
        Self { common, admin: TargetState::Ready, wait, then_maint: false }
    }
}

impl ServerCommandArgs {
    /// Returns the program name to record in the audit log, such as `hapulse drain`.
    pub(super) fn audit_tool(&self) -> String {
        format!("hapulse {}", self.admin.as_str())
    }

    /// Builds the options of the command from the arguments and the settings.
    pub(super) fn options(&self, settings: &Settings) -> ServerCommandOptions {
        let reason = self.common.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
        ServerCommandOptions {
            admin: self.admin,
            servers: self.common.servers.clone(),
            wait: self.wait,
            then_maint: self.then_maint,
            prompt_policy: match (self.common.yes, self.common.force) {
                (false, _) => PromptPolicy::Always,
                (true, false) => PromptPolicy::HighestDanger,
                (true, true) => PromptPolicy::Never,
            },
            reason: reason.map(str::to_owned),
            is_reason_required: settings.audit.ask_reason,
            target_arguments: self.common.target_arguments(),
            zone: TimeZone::system(),
        }
    }
}
