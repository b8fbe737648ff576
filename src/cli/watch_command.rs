//! Arguments of `hapulse watch`.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::common_args::{PollArgs, load_attribution, parse_count, usage_error};
use crate::cli::resolve_settings::{report_part, thresholds};
use crate::cli::show_command::RowArgs;
use crate::cli::target_arg::{TARGETS_HELP, TargetArg};
use crate::config::duration;
use crate::config::partial_settings::PartialSettings;
use crate::haproxy::safe_text;
use crate::headless::report::watch::{self, WatchOptions};
use crate::term::waiting_writer::WaitingWriter;

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Prints one JSON object per sample, each on its own line, until stopped. docs/json.md describes the format, which \
    hapulse show --format json uses, too. Rates need two samples and are null in the first line. If HAProxy does not \
    answer, the line contains the key lost with the reason, and no values. Sends only show info and show stat.\n\n\
    Examples:\n  \
    hapulse watch                                        process, problems and rows, every 2 s\n  \
    hapulse watch --view info -i 10 >> info.jsonl\n  \
    hapulse watch --view status --columns scur,qcur,req --filter kind:backend lb01:9999\n  \
    hapulse watch --count 5 --view problems | jq .problems\n\n\
    Exit codes: 0 success, or the reader closed the pipe, 1 error, 2 invalid usage or configuration, 3 HAProxy never answered"
)]
pub(super) struct WatchArgs {
    #[arg(value_name = "TARGET", help = TARGETS_HELP)]
    target_args: Vec<TargetArg>,
    /// Output format: one JSON object per line
    #[arg(long, value_enum, default_value = "jsonl", value_name = "FORMAT")]
    format: WatchFormat,
    /// Number or name of a view, problems or info
    #[arg(long, value_name = "VIEW", default_value = "dashboard")]
    view: String,
    #[command(flatten)]
    row_args: RowArgs,
    /// Seconds between two samples, at least 0.1; increased automatically if HAProxy replies slowly
    #[arg(short = 'i', long = "interval", value_name = "SECONDS", default_value = "2", value_parser = duration::parse_interval, overrides_with = "interval")]
    interval: Duration,
    /// Stop after N lines per HAProxy
    #[arg(long, value_name = "N", value_parser = parse_count)]
    count: Option<u64>,
    #[command(flatten)]
    poll_args: PollArgs,
}

/// Output format of `hapulse watch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WatchFormat {
    Jsonl,
}

/// Runs the command and returns the exit code.
pub(super) fn run(args: WatchArgs) -> anyhow::Result<ExitCode> {
    let WatchArgs { target_args, format: WatchFormat::Jsonl, view, row_args, interval, count, poll_args } = args;
    let report = match report_part(&view).and_then(|part| row_args.report(part)?.require_single()) {
        Ok(report) => report,
        Err(why) => {
            eprintln!(
                "hapulse: {}\n  see hapulse watch --help for examples",
                safe_text::escape_lines(&why.to_string())
            );
            return Ok(usage_error());
        }
    };
    let settings = poll_args.load_settings(PartialSettings::default())?;
    let targets = match poll_args.targets_or_report(&target_args, &settings) {
        Ok(targets) => targets,
        Err(code) => return Ok(code),
    };
    let mut pollers = PollArgs::build_pollers(&targets, interval, &thresholds(&settings, &[])?);
    if report.needs_attribution() {
        load_attribution(&mut pollers, &targets, &settings);
    }
    let code = watch::run(&WatchOptions { report, count }, pollers, &mut WaitingWriter(io::stdout().lock()))?;
    Ok(ExitCode::from(code.code()))
}
