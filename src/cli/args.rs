//! Arguments of the command line: global options, the options of the dashboard and the list of subcommands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::app::initial_view::InitialView;
use crate::cli::check_command::CheckArgs;
use crate::cli::common_args::parse_count;
use crate::cli::doctor_command::DoctorArgs;
use crate::cli::get_command::GetArgs;
use crate::cli::logs_command::LogsArgs;
use crate::cli::record_command::RecordArgs;
use crate::cli::recordings_arg::RecordingsArg;
use crate::cli::server_commands::{DrainArgs, MaintArgs, ReadyArgs};
use crate::cli::setting_flags::{SETTING_FLAGS, SettingFlags};
use crate::cli::show_command::ShowArgs;
use crate::cli::snapshot_command::SnapshotArgs;
use crate::cli::target_arg::{TARGETS_HELP, TargetArg, TargetFlags};
use crate::cli::watch_command::WatchArgs;
use crate::problems::thresholds::ThresholdChange;
use crate::table::filter::RowFilter;
use crate::table::view_table::ViewId;

/// A terminal dashboard for HAProxy.
#[derive(Debug, Parser)]
#[command(
    name = "hapulse",
    version,
    about = "A terminal dashboard for HAProxy: monitor through the stats socket, find problems, change servers safely",
    args_conflicts_with_subcommands = true,
    override_usage = "hapulse [OPTIONS] [TARGET]...\n       hapulse [OPTIONS] <COMMAND>",
    after_help = "Examples:\n  hapulse                              the HAProxies of this machine\n  \
        hapulse /run/haproxy/admin.sock      a Unix socket\n  \
        hapulse -n lb01:9999 eu=lb02:9999    two over TCP, read-only; o switches between them\n  \
        hapulse -m 4 -p www -p api           view 4 (Errors) of two proxies\n  \
        hapulse --plain                      lines of text and typed commands, for screen readers\n  \
        hapulse demo                         a simulated HAProxy\n  \
        hapulse drain be_app/app1 --wait 5m  drain, return when empty\n  \
        hapulse doctor                       diagnose connection problems\n  \
        hapulse audit --last 20              the last 20 actions\n  \
        hapulse show latency --format csv    print a view\n  \
        hapulse get www/BACKEND.qcur         print a single value\n  \
        hapulse check                        health check for Nagios and Icinga\n\n\
        Flags may stand before a command or after it. If a flag is given twice, the later one wins.\n\n\
        Exit codes: 0 success, 1 error, 2 invalid usage or configuration, 3 no HAProxy found"
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<CliCommand>,
    #[arg(value_name = "TARGET", help = TARGETS_HELP)]
    pub(super) target_args: Vec<TargetArg>,
    #[command(flatten)]
    pub(super) targets: TargetFlags,
    #[command(flatten)]
    pub(super) options: DashboardOptions,
    #[command(flatten)]
    pub(super) recordings: RecordingsArg,
    /// Never change HAProxy (read-only mode); no other configuration source can unset this
    #[arg(short = 'n', long, global = true, overrides_with = "read_only")]
    pub(super) read_only: bool,
    /// Append a debug log of hapulse itself to this file [env: `HAPULSE_DEBUG`]
    #[arg(long, value_name = "FILE", global = true, overrides_with = "debug_log")]
    pub(super) debug_log: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum CliCommand {
    /// Show the dashboard with a built-in simulated HAProxy
    Demo(DashboardOptions),
    /// Print rows, problems or process information
    Show(ShowArgs),
    /// Print bare values, one per line
    Get(GetArgs),
    /// Run a health check for Nagios and Icinga
    Check(CheckArgs),
    /// Print one JSON object per sample until stopped
    Watch(WatchArgs),
    /// Record samples, causes and actions to files
    Record(RecordArgs),
    /// Copy a span of recordings to one file, anonymized on request
    Snapshot(SnapshotArgs),
    /// Show a recording in the dashboard, at any speed
    Replay(ReplayArgs),
    /// Print figures of requests from HAProxy's log: percentiles, clients, URLs, errors
    Logs(LogsArgs),
    /// Drain servers: no new sessions, existing ones continue
    Drain(DrainArgs),
    /// Put servers into maintenance
    Maint(MaintArgs),
    /// Enable servers again
    Ready(ReadyArgs),
    /// Diagnose connection problems and print the configuration line that fixes each
    Doctor(DoctorArgs),
    /// Print the audit log: actions with person and outcome
    Audit(AuditArgs),
    /// Print the effective configuration and the origin of each value
    Config(ConfigArgs),
    /// Print the completion script for a shell
    #[command(after_help = "Examples:\n  \
        hapulse completions bash > /etc/bash_completion.d/hapulse\n  \
        hapulse completions zsh > /usr/local/share/zsh/site-functions/_hapulse\n  \
        hapulse completions fish > ~/.config/fish/completions/hapulse.fish")]
    Completions {
        /// Shell that the script is for
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Print the manual page in roff
    #[command(after_help = "Examples:\n  \
        hapulse man | man -l -                      read it\n  \
        hapulse man > /usr/local/share/man/man1/hapulse.1")]
    Man {
        /// Print only the keys, as Markdown
        #[arg(long)]
        keys: bool,
        /// Print only the rules and causes of problems, as Markdown
        #[arg(long, conflicts_with = "keys")]
        problems: bool,
    },
}

#[derive(Debug, Clone, Args)]
pub(super) struct DashboardOptions {
    #[command(flatten)]
    pub(super) settings: SettingFlags,
    /// Number of the initial view
    #[arg(short = 'm', long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=9), overrides_with = "mode")]
    pub(super) mode: u8,
    /// Initial row filter (HATop compatible): IID is the number of a proxy, SID the number of a server, -1 stands for
    /// any; TYPE is -1 or a sum of 1 (frontends), 2 (backends), 4 (servers) and 8 (listeners); may be repeated
    #[arg(short = 'f', long = "filter", value_name = "IID TYPE SID", allow_hyphen_values = true, value_parser = parse_hatop_filter)]
    pub(super) filters: Vec<String>,
    /// Show only this proxy initially; may be repeated
    #[arg(short = 'p', long = "proxy", value_name = "NAME", value_parser = parse_proxy_name)]
    pub(super) proxies: Vec<String>,
    /// Show the requests of this log of HAProxy in view R [default: the log of the target in the configuration, or
    /// /var/log/haproxy.log if it has requests to this HAProxy]
    #[arg(long, value_name = "FILE", overrides_with = "log")]
    pub(super) log: Option<PathBuf>,
    /// Change a threshold or hold time: RULE.warn=N, RULE.crit=N, RULE.for=SECONDS or RULE=off; may be repeated
    #[arg(long = "threshold", value_name = "RULE.warn=N")]
    pub(super) thresholds: Vec<ThresholdChange>,
}

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Shows the recordings of a folder or a snapshot in the dashboard. HAProxy is not contacted: actions and queries are not possible. \
    p plays and pauses, P and _ change the speed from x1 to x60, arrows step, n and N go to the next and previous event, \
    o switches between balancers.\n\n\
    Examples:\n  \
    hapulse replay /var/lib/hapulse               from the beginning\n  \
    hapulse replay /srv/rec --at 02:13            from the last 02:13 on\n  \
    hapulse replay /srv/rec/lb01 --at \"yesterday 08:00\"\n\n\
    Exit codes: 1 error, 2 invalid usage or configuration, 128 + N stopped by signal N"
)]
pub(super) struct ReplayArgs {
    /// Folder of hapulse record, the folder of one HAProxy in it, or a file of hapulse snapshot
    #[arg(value_name = "FILE|DIR")]
    pub(super) path: PathBuf,
    /// Start at this time: 02:13, 3m ago, yesterday 08:00, 2026-11-29 02:13:07
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true, overrides_with = "at")]
    pub(super) at: Option<String>,
    #[command(flatten)]
    pub(super) options: DashboardOptions,
}

#[derive(Debug, Clone, Args)]
pub(super) struct AuditArgs {
    /// Print this audit log instead of the configured one
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Print only the last N actions; with --json, the last N records
    #[arg(long, value_name = "N", value_parser = parse_count)]
    pub(super) last: Option<u64>,
    /// Print the records unchanged, one JSON object per line
    #[arg(long)]
    pub(super) json: bool,
    /// Read this configuration file instead of the user's
    #[arg(long, value_name = "FILE", conflicts_with = "file", overrides_with = "config")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    hapulse config                              effective settings, usable as a configuration file\n  \
    hapulse config --actions                    names of commands, for the section [keys]\n  \
    hapulse config --schema > hapulse.schema.json")]
pub(super) struct ConfigArgs {
    #[command(flatten)]
    pub(super) settings: SettingFlags,
    /// Print the JSON schema of the configuration file, for editors
    #[arg(long, conflicts_with_all = SETTING_FLAGS)]
    pub(super) schema: bool,
    /// Print the commands that keys can be bound to, with their default keys
    #[arg(long, conflicts_with_all = SETTING_FLAGS, conflicts_with = "schema")]
    pub(super) actions: bool,
}

/// Converts a HATop filter (`IID TYPE SID`, as in `show stat`) to the equivalent text of a hapulse filter.
///
/// # Errors
/// Returns a message if the filter does not consist of three numbers or TYPE selects no kind of row.
fn parse_hatop_filter(text: &str) -> Result<String, String> {
    const KINDS: [(i64, &str); 4] = [(1, "frontend"), (2, "backend"), (4, "server"), (8, "listener")];
    let numbers: Vec<i64> = text.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let ([iid, kinds, sid], 3) = (numbers.as_slice(), text.split_whitespace().count()) else {
        return Err("must be three numbers, IID TYPE SID, such as \"3 4 -1\"".to_owned());
    };
    let named: Vec<&str> = KINDS.iter().filter(|(bit, _)| kinds & bit != 0).map(|(_, kind)| *kind).collect();
    if named.is_empty() {
        return Err("TYPE must be -1 or a sum of 1 (frontends), 2 (backends), 4 (servers) and 8 (listeners)".to_owned());
    }
    let mut words = vec![format!("kind={}", named.join(","))];
    if *iid != -1 {
        words.push(format!("iid={iid}"));
    }
    if *sid != -1 {
        // Frontends and backends have the server number 0 and are always included.
        words.push(format!("sid=0,{sid}"));
    }
    Ok(words.join(" "))
}

/// Returns the proxy name unchanged, or a message if HAProxy would not allow this name.
fn parse_proxy_name(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty() && text.chars().all(|ch| ch.is_ascii_alphanumeric() || "_:.-".contains(ch));
    is_name.then(|| text.to_owned()).ok_or_else(|| "must be a proxy name: letters, digits and _ : . -".to_owned())
}

impl DashboardOptions {
    /// Returns the initial view. With `--filter` or `--proxy`, it shows the rows that match at least one of them.
    ///
    /// # Errors
    /// Returns an error if the filter is invalid.
    pub(super) fn start(&self) -> anyhow::Result<InitialView> {
        let proxies = (!self.proxies.is_empty()).then(|| format!("proxy={}", self.proxies.join(",")));
        let words: Vec<String> = self.filters.iter().cloned().chain(proxies).collect();
        Ok(InitialView {
            view: ViewId::from_digit(usize::from(self.mode)).unwrap_or_default(),
            filter: RowFilter::parse(&words.join(" | "))?,
            view_configs: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn cli_definition_passes_clap_debug_assertions() {
        Cli::command().debug_assert();
    }

    #[test]
    fn parse_accepts_hatop_connection_options() {
        let cli = Cli::parse_from(["hapulse", "-s", "/run/a.sock", "-i", "3", "-n"]);
        assert_eq!(cli.targets.unix_socket.as_deref(), Some("/run/a.sock"));
        assert_eq!(
            (cli.options.settings.partial_settings(false).interval, cli.read_only),
            (Some(Duration::from_secs(3)), true)
        );
        let cli = Cli::parse_from(["hapulse", "--tcp-socket", "lb01:9999", "--update-interval", "0.5"]);
        assert_eq!(cli.options.settings.partial_settings(false).interval, Some(Duration::from_millis(500)));
        assert_eq!(cli.targets.tcp_socket.as_deref(), Some("lb01:9999"));
    }

    #[test]
    fn parse_accepts_hatop_filter_options() {
        let start = |args: &[&str]| {
            let cli = Cli::parse_from(["hapulse"].iter().chain(args));
            let start = cli.options.start().unwrap();
            (start.view, start.filter.to_string())
        };
        assert_eq!(start(&[]), (ViewId::Dashboard, String::new()));
        assert_eq!(start(&["-m", "4", "-p", "be1"]), (ViewId::Errors, "proxy=be1".to_owned()));
        assert_eq!(start(&["--mode=9", "--proxy", "a.b:1", "-p", "c"]), (ViewId::Events, "proxy=a.b:1,c".to_owned()));
        assert_eq!(start(&["-f", "3 4 -1"]).1, "kind=server iid=3");
        assert_eq!(start(&["--filter", "-1 6 2"]).1, "kind=backend,server sid=0,2");
        assert_eq!(start(&["-f-1 -1 -1"]).1, "kind=frontend,backend,server,listener");
        assert_eq!(
            start(&["-f", "3 1 -1", "-p", "www", "-f", "7 2 -1"]).1,
            "kind=frontend iid=3 | kind=backend iid=7 | proxy=www"
        );
    }

    #[test]
    fn parse_rejects_invalid_initial_view() {
        let wrong = |args: &[&str]| Cli::try_parse_from(["hapulse"].iter().chain(args)).unwrap_err().to_string();
        for bad in [["-m", "10"], ["-m", "-1"], ["-m", "status"], ["-p", "a b"], ["-p", ""]] {
            wrong(&bad);
        }
        for bad in ["3 4", "3 4 -1 2", "be1", "3 x -1", "3 4 -1 x"] {
            assert!(wrong(&["-f", bad]).contains("three numbers"), "{bad}");
        }
        assert!(wrong(&["-f", "3 16 -1"]).contains("TYPE must be"));
    }

    #[test]
    fn parse_rejects_numbers_out_of_range() {
        for bad in ["0", "0.01", "-1", "nan", "soon"] {
            assert!(Cli::try_parse_from(["hapulse", "-i", bad]).is_err(), "{bad}");
        }
        assert!(Cli::try_parse_from(["hapulse", "lb01:"]).unwrap_err().to_string().contains("from 1 to 65535"));
    }
}
