//! What may stand on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::app::initial_view::Start;
use crate::cli::check_command::CheckArgs;
use crate::cli::doctor_command::DoctorArgs;
use crate::cli::get_command::GetArgs;
use crate::cli::server_commands::{DrainArgs, MaintArgs, ReadyArgs};
use crate::cli::show_command::ShowArgs;
use crate::cli::watch_command::WatchArgs;
use crate::config::duration;
use crate::config::partial_settings::Layer;
use crate::config::target::Target;
use crate::config::terminal_env::Colours;
use crate::problems::thresholds::{BadThreshold, Thresholds};
use crate::table::filter::Filter;

/// A terminal dashboard for HAProxy.
#[derive(Debug, Parser)]
#[command(
    name = "hapulse",
    version,
    about = "A terminal dashboard for HAProxy: watch the stats socket, see what is wrong, act safely",
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  hapulse                              the HAProxy that runs here\n  \
        hapulse /run/haproxy/admin.sock      a Unix socket\n  \
        hapulse -n lb01:9999 eu=lb02:9999    two over TCP, read-only; o shows the next one\n  \
        hapulse -m 4 -p www -p api           view 4, Errors, with two proxies\n  \
        hapulse demo                         a simulated HAProxy\n  \
        hapulse drain be_app/app1 --wait 5m  no new sessions; returns when it is empty\n  \
        hapulse doctor                       what stands in the way, and what mends it\n  \
        hapulse audit --last 20              what was done last, and by whom\n  \
        hapulse show latency --format csv    a view, printed\n  \
        hapulse get www/BACKEND.qcur         a bare value\n  \
        hapulse check                        for Nagios and Icinga\n\n\
        Exit codes: 0 fine, 1 error, 2 usage or configuration, 3 no HAProxy found"
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<CliCommand>,
    /// Stats sockets: PATH, HOST:PORT, [IPv6]:PORT, or NAME= and one of these
    #[arg(value_name = "TARGET")]
    pub(super) targets: Vec<Target>,
    /// Stats socket by path, as HATop has it
    #[arg(short = 's', long = "unix-socket", value_name = "PATH")]
    pub(super) unix_socket: Option<String>,
    /// Stats socket by address, as HATop has it
    #[arg(short = 't', long = "tcp-socket", value_name = "HOST:PORT")]
    pub(super) tcp_socket: Option<String>,
    #[command(flatten)]
    pub(super) options: Options,
}

#[derive(Debug, Subcommand)]
pub(super) enum CliCommand {
    /// Shows the dashboard on an embedded, simulated HAProxy
    Demo(Options),
    /// Prints what is to be seen: rows, problems, the process
    Show(ShowArgs),
    /// Prints bare values, one a line
    Get(GetArgs),
    /// Says what is wrong as Nagios and Icinga want to be told
    Check(CheckArgs),
    /// Prints a JSON object a sample, until it is stopped
    Watch(WatchArgs),
    /// Drains servers: no new sessions; those present go on
    Drain(DrainArgs),
    /// Sets servers into maintenance
    Maint(MaintArgs),
    /// Lets servers take traffic again
    Ready(ReadyArgs),
    /// Says what stands in the way: sockets, level, configuration, terminal, each with the line that mends it
    Doctor(DoctorArgs),
    /// Prints what was done, by whom, and what became of it
    Audit(AuditArgs),
    /// Prints the configuration: what holds, and where each value comes from
    Config(ConfigArgs),
    /// Prints the completions of a shell
    #[command(after_help = "Examples:\n  \
        hapulse completions bash > /etc/bash_completion.d/hapulse\n  \
        hapulse completions zsh > /usr/local/share/zsh/site-functions/_hapulse\n  \
        hapulse completions fish > ~/.config/fish/completions/hapulse.fish")]
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Prints the manual page, in roff
    #[command(after_help = "Examples:\n  \
        hapulse man | man -l -                      reads it\n  \
        hapulse man > /usr/local/share/man/man1/hapulse.1")]
    Man {
        /// The keys alone, as Markdown
        #[arg(long)]
        keys: bool,
    },
}

#[derive(Debug, Clone, Args)]
pub(super) struct Options {
    /// Seconds between two samples, 0.1 or more; stretched where a dump is expensive [default: 2]
    #[arg(short = 'i', long = "interval", visible_alias = "update-interval", value_name = "SECONDS", value_parser = duration::interval)]
    pub(super) interval: Option<Duration>,
    /// Changes nothing: connections give up their right to
    #[arg(short = 'n', long)]
    pub(super) read_only: bool,
    /// View to start with, by its digit
    #[arg(short = 'm', long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=9))]
    pub(super) mode: u8,
    /// Rows to start with, as HATop has it: numbers of proxy and server, -1 for any, and the sum of 1 frontends,
    /// 2 backends, 4 servers, 8 listeners; may be repeated
    #[arg(short = 'f', long = "filter", value_name = "IID TYPE SID", allow_hyphen_values = true, value_parser = static_filter)]
    pub(super) filters: Vec<String>,
    /// Proxy to start with, by its name; may be repeated
    #[arg(short = 'p', long = "proxy", value_name = "NAME", value_parser = proxy_name)]
    pub(super) proxies: Vec<String>,
    /// Colours [default: auto]
    #[arg(long, value_enum, value_name = "NAME")]
    pub(super) theme: Option<Colours>,
    /// Draws with ASCII characters only
    #[arg(long)]
    pub(super) ascii: bool,
    /// Another limit for a problem: RULE.warn=N, RULE.crit=N, RULE.hold=SECONDS or RULE=off; may be repeated
    #[arg(long = "threshold", value_name = "RULE.warn=N", value_parser = threshold)]
    pub(super) thresholds: Vec<String>,
    /// Writes every event to this file as it happens
    #[arg(long, value_name = "FILE")]
    pub(super) log_file: Option<PathBuf>,
    /// Memory for the history of each HAProxy, in MiB [default: 64]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) history_memory: Option<u16>,
    /// Configuration to read in place of the user's file
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(super) struct AuditArgs {
    /// Audit to print, in place of the one that the configuration names
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Only the last N acts; with --json the last N records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) last: Option<u32>,
    /// The records as they are, one JSON object a line
    #[arg(long)]
    pub(super) json: bool,
    /// Configuration to read in place of the user's file
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    hapulse config                              what holds now; a file to begin with, too\n  \
    hapulse config --actions                    names for the section [keys]\n  \
    hapulse config --schema > hapulse.schema.json")]
pub(super) struct ConfigArgs {
    /// Configuration to read in place of the user's file
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The JSON schema of a configuration file, for editors
    #[arg(long, conflicts_with = "config")]
    pub(super) schema: bool,
    /// The actions that keys can be given to, with their keys
    #[arg(long, conflicts_with_all = ["config", "schema"])]
    pub(super) actions: bool,
}

/// Checks one limit, so that a bad one is told as a matter of usage.
fn threshold(text: &str) -> Result<String, BadThreshold> {
    Thresholds::default().set_by_text(text).map(|()| text.to_owned())
}

/// Reads HATop's static filter, the arguments of `show stat`, into the words of a filter.
fn static_filter(text: &str) -> Result<String, String> {
    const KINDS: [(i64, &str); 4] = [(1, "frontend"), (2, "backend"), (4, "server"), (8, "listener")];
    let numbers: Vec<i64> = text.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let ([iid, kinds, sid], 3) = (numbers.as_slice(), text.split_whitespace().count()) else {
        return Err("must be three numbers, IID TYPE SID, such as \"3 4 -1\"".to_owned());
    };
    let named: Vec<&str> = KINDS.iter().filter(|(bit, _)| kinds & bit != 0).map(|(_, kind)| *kind).collect();
    if named.is_empty() {
        return Err("TYPE must be the sum of 1 frontends, 2 backends, 4 servers, 8 listeners; or -1".to_owned());
    }
    let mut words = vec![format!("kind={}", named.join(","))];
    if *iid != -1 {
        words.push(format!("iid={iid}"));
    }
    if *sid != -1 {
        // Frontends and backends, whose number is 0, are not chosen by it.
        words.push(format!("sid=0,{sid}"));
    }
    Ok(words.join(" "))
}

/// Reads a name as HAProxy allows it.
fn proxy_name(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty() && text.chars().all(|ch| ch.is_ascii_alphanumeric() || "_:.-".contains(ch));
    is_name.then(|| text.to_owned()).ok_or_else(|| "must be a name: letters, digits and _ : . -".to_owned())
}

impl Options {
    /// What is shown first. A row is shown if any of the filters and proxies shows it.
    pub(super) fn start(&self) -> anyhow::Result<Start> {
        let proxies = (!self.proxies.is_empty()).then(|| format!("proxy={}", self.proxies.join(",")));
        let words: Vec<String> = self.filters.iter().cloned().chain(proxies).collect();
        Ok(Start { view: usize::from(self.mode), filter: Filter::parse(&words.join(" | "))?, arranged: Vec::new() })
    }

    /// What the flags say of what a configuration may say too.
    pub(super) fn layer(&self) -> Layer {
        Layer {
            read_only: self.read_only.then_some(true),
            interval: self.interval,
            theme: self.theme,
            ascii: self.ascii.then_some(true),
            history_memory: self.history_memory,
            log_file: self.log_file.clone(),
            ..Layer::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn hatops_flags_are_understood() {
        let cli = Cli::parse_from(["hapulse", "-s", "/run/a.sock", "-i", "3", "-n"]);
        assert_eq!(cli.unix_socket.as_deref(), Some("/run/a.sock"));
        assert_eq!((cli.options.interval, cli.options.read_only), (Some(Duration::from_secs(3)), true));
        let cli = Cli::parse_from(["hapulse", "--tcp-socket", "lb01:9999", "--update-interval", "0.5"]);
        assert_eq!(cli.options.interval, Some(Duration::from_millis(500)));
        assert_eq!(cli.tcp_socket.as_deref(), Some("lb01:9999"));
    }

    #[test]
    fn hatops_start_is_understood() {
        let start = |args: &[&str]| {
            let cli = Cli::parse_from(["hapulse"].iter().chain(args));
            let start = cli.options.start().unwrap();
            (start.view, start.filter.to_string())
        };
        assert_eq!(start(&[]), (0, String::new()));
        assert_eq!(start(&["-m", "4", "-p", "be1"]), (4, "proxy=be1".to_owned()));
        assert_eq!(start(&["--mode=9", "--proxy", "a.b:1", "-p", "c"]), (9, "proxy=a.b:1,c".to_owned()));
        assert_eq!(start(&["-f", "3 4 -1"]).1, "kind=server iid=3");
        assert_eq!(start(&["--filter", "-1 6 2"]).1, "kind=backend,server sid=0,2");
        assert_eq!(start(&["-f-1 -1 -1"]).1, "kind=frontend,backend,server,listener");
        assert_eq!(
            start(&["-f", "3 1 -1", "-p", "www", "-f", "7 2 -1"]).1,
            "kind=frontend iid=3 | kind=backend iid=7 | proxy=www"
        );
    }

    #[test]
    fn a_start_that_cannot_be_is_refused() {
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
    fn bad_numbers_are_refused_with_their_range() {
        for bad in ["0", "0.01", "-1", "nan", "soon"] {
            assert!(Cli::try_parse_from(["hapulse", "-i", bad]).is_err(), "{bad}");
        }
        assert!(Cli::try_parse_from(["hapulse", "lb01:"]).unwrap_err().to_string().contains("from 1 to 65535"));
    }
}
