//! What may stand behind `hapulse drain`, `hapulse maint` and `hapulse ready`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;

use crate::config::duration;
use crate::config::partial_settings::Layer;
use crate::config::settings::Settings;
use crate::config::target::Target;
use crate::haproxy::write_command::Admin;
use crate::headless::server::server_command::{Asked, Asking};
use crate::headless::server::server_name::ServerName;

const CODES: &str = "Exit codes: 0 done, 1 refused, or undone by somebody else, 2 usage or configuration,\n\
    3 HAProxy does not answer, 4 the deadline passed, 128 + N ended by signal N";

#[derive(Debug, Clone, Args)]
#[command(after_help = format!("Examples:\n  \
    hapulse drain be_app/app1                          no new sessions; asks first\n  \
    hapulse drain be_app/app1 --wait 5m --yes          returns when it is empty\n  \
    hapulse drain be_app/app1 --wait 5m --then maint --yes --reason \"kernel update\"\n  \
    hapulse drain be_app/app1 be_app/app2 --target lb01:9999\n\n{CODES}"))]
pub(super) struct DrainArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// Waits until every server is empty, so long at most: a number and s, m or h, such as 5m
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    wait: Option<Duration>,
    /// Sets this once all of them are empty
    #[arg(long, value_name = "STATE", requires = "wait")]
    then: Option<Then>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Then {
    /// Maintenance
    Maint,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = format!("Examples:\n  \
    hapulse maint be_app/app1                          asks first\n  \
    hapulse maint be_app/app1 be_app/app2 --yes        as scripts do\n  \
    hapulse maint be_app/app1 --yes --force            though it is the last one that is usable\n\n{CODES}"))]
pub(super) struct MaintArgs {
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = format!("Examples:\n  \
    hapulse ready be_app/app1 --yes                    back to taking traffic\n  \
    hapulse ready be_app/app1 --wait 30s --yes         returns when its checks find it well\n\n{CODES}"))]
pub(super) struct ReadyArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// Waits until every server is UP, or has no check, so long at most: a number and s, m or h, such as 30s
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    wait: Option<Duration>,
}

/// What all three take.
#[derive(Debug, Clone, Args)]
pub(super) struct Common {
    /// Servers, in this order; what comes after one that fails is not touched
    #[arg(value_name = "BACKEND/SERVER", required = true)]
    servers: Vec<ServerName>,
    /// Does not ask
    #[arg(short = 'y', long)]
    yes: bool,
    /// Does not ask either where a name would have to be typed, as for the last usable server of a backend
    #[arg(long, requires = "yes")]
    force: bool,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Stats socket: PATH, HOST:PORT, [IPv6]:PORT, or NAME= and one of these
    #[arg(long, value_name = "TARGET", group = "haproxy")]
    pub(super) target: Option<Target>,
    /// Stats socket by path, as HATop has it
    #[arg(short = 's', long = "unix-socket", value_name = "PATH", group = "haproxy")]
    pub(super) unix_socket: Option<String>,
    /// Stats socket by address, as HATop has it
    #[arg(short = 't', long = "tcp-socket", value_name = "HOST:PORT", group = "haproxy")]
    pub(super) tcp_socket: Option<String>,
    /// Seconds between two samples while it waits, 0.1 or more; stretched where a dump is expensive
    #[arg(short = 'i', long = "interval", value_name = "SECONDS", default_value = "1", value_parser = duration::interval)]
    pub(super) interval: Duration,
    /// Changes nothing: refuses
    #[arg(short = 'n', long)]
    read_only: bool,
    /// Configuration to read in place of the user's file
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

impl Common {
    /// What the flags say of what a configuration may say too.
    pub(super) fn layer(&self) -> Layer {
        Layer { read_only: self.read_only.then_some(true), ..Layer::default() }
    }

    /// The words that name the same HAProxy in another command line.
    fn same_target(&self) -> String {
        let target = self.target.as_ref().map(|target| format!(" --target {}", target.address));
        let unix = self.unix_socket.as_ref().map(|path| format!(" -s {path}"));
        let tcp = self.tcp_socket.as_ref().map(|address| format!(" -t {address}"));
        target.or(unix).or(tcp).unwrap_or_default()
    }
}

/// One of the three, taken apart.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) common: Common,
    admin: Admin,
    wait: Option<Duration>,
    then_maint: bool,
}

impl From<DrainArgs> for Wanted {
    fn from(args: DrainArgs) -> Self {
        let DrainArgs { common, wait, then } = args;
        Self { common, admin: Admin::Drain, wait, then_maint: then == Some(Then::Maint) }
    }
}

impl From<MaintArgs> for Wanted {
    fn from(args: MaintArgs) -> Self {
        Self { common: args.common, admin: Admin::Maint, wait: None, then_maint: false }
    }
}

impl From<ReadyArgs> for Wanted {
    fn from(args: ReadyArgs) -> Self {
        let ReadyArgs { common, wait } = args;
        Self { common, admin: Admin::Ready, wait, then_maint: false }
    }
}

impl Wanted {
    /// What the audit calls it.
    pub(super) fn tool(&self) -> String {
        format!("hapulse {}", self.admin.word())
    }

    /// What is asked for, under these settings.
    pub(super) fn asked(&self, settings: &Settings) -> Asked {
        let reason = self.common.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
        Asked {
            admin: self.admin,
            servers: self.common.servers.clone(),
            wait: self.wait,
            then_maint: self.then_maint,
            asking: match (self.common.yes, self.common.force) {
                (false, _) => Asking::Always,
                (true, false) => Asking::Highest,
                (true, true) => Asking::Never,
            },
            reason: reason.map(str::to_owned),
            asks_reason: settings.audit.ask_reason,
            target: self.common.same_target(),
            zone: TimeZone::system(),
        }
    }
}
