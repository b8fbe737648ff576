//! Arguments of `hapulse get`.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use jiff::Zoned;

use crate::cli::common_args::{PollArgs, SAMPLE_INTERVAL, report_no_target, report_skipped, usage_error};
use crate::cli::past_report::{self, PastArgs};
use crate::cli::recordings_arg::{self, report_failures};
use crate::cli::target_arg::KnownWords;
use crate::cli::targets::FoundTargets;
use crate::config::duration;
use crate::config::partial_settings::PartialSettings;
use crate::config::settings::Settings;
use crate::haproxy::safe_text;
use crate::headless::report::get::{self, GetOptions};
use crate::headless::report::metric_path::MetricPath;
use crate::problems::thresholds::Thresholds;
use crate::recording::reader::Recording;
use crate::term::waiting_writer::WaitingWriter;

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    hapulse get CurrConns Maxconn                        two lines, two numbers\n  \
    hapulse get www/BACKEND.qcur www/web1.status\n  \
    hapulse get www/listener:web1.status                 the listener, where a server has the same name\n  \
    hapulse get www/BACKEND.bin/s                        bytes per second, measured over one second\n  \
    hapulse get --over 5s CumReq www/FRONTEND.hrsp_5xx   both as per-second rates\n  \
    hapulse get www/web1.rtime --unknown 0 --target lb01:9999\n  \
    hapulse get --at 02:13 CurrConns --target lb01:9999  from the recording\n\n\
    Prints one line per key in the given order; the line is empty if HAProxy reports no value for the key. If a key, row or column does not exist, nothing is printed and the exit code is 1.\n\n\
    Exit codes: 0 success, 1 key not found, 2 invalid usage or configuration, 3 HAProxy does not answer")]
pub(super) struct GetArgs {
    /// Key of show info, or PROXY/NAME.COLUMN, where NAME is a server, FRONTEND or BACKEND, and COLUMN a name as in
    /// :cols
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<MetricPath>,
    /// Sample twice, TIME apart, and print counters as per-second rates
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    over: Option<Duration>,
    /// Text to print for a key without a value
    #[arg(long, value_name = "TEXT", default_value = "")]
    unknown: String,
    #[command(flatten)]
    past: PastArgs,
    #[command(flatten)]
    poll_args: PollArgs,
}

/// Prints values of a recorded moment.
fn run_past(
    past: &PastArgs,
    poll_args: &PollArgs,
    settings: &Settings,
    options: &GetOptions,
) -> anyhow::Result<ExitCode> {
    let now = Zoned::now();
    let names = KnownWords::configured(settings).expand_groups(&poll_args.target_names());
    let selected = match names.map_err(|why| why.to_string()).and_then(|names| Ok((names, past.time(&now)?))) {
        Ok((names, at)) => past.open(&names, &settings.targets)?.and_then(|opened| {
            report_failures(&opened.failures);
            let known: Vec<String> = opened.recordings.iter().map(recordings_arg::describe).collect();
            let single = <[Recording; 1]>::try_from(opened.recordings);
            single.map(|[one]| (at, one)).map_err(|_| format!("select one with --target: {}", known.join(", ")))
        }),
        Err(why) => Err(why),
    };
    match selected {
        Ok((at, recording)) => past_report::get_at(options, at, recording, &now),
        Err(why) => {
            eprintln!("hapulse: {}", safe_text::escape_lines(&why));
            Ok(usage_error())
        }
    }
}

/// Runs the command and returns the exit code.
pub(super) fn run(args: GetArgs) -> anyhow::Result<ExitCode> {
    let GetArgs { keys, over, unknown, past, poll_args } = args;
    let settings = poll_args.load_settings(PartialSettings::default())?;
    if past.is_used() {
        let options = GetOptions { paths: keys, over, unknown };
        return run_past(&past, &poll_args, &settings, &options);
    }
    let found = poll_args.resolve_targets(&[], &settings);
    found.iter().for_each(report_skipped);
    let target = match found.and_then(FoundTargets::into_single) {
        Ok(target) => target,
        Err(why) => return Ok(report_no_target(&why)),
    };
    let poller =
        PollArgs::build_pollers(&[target], SAMPLE_INTERVAL, &Thresholds::default()).pop().context("no target")?;
    let options = GetOptions { paths: keys, over, unknown };
    let code = get::run(&options, poller, &mut WaitingWriter(io::stdout().lock()), &mut io::stderr())?;
    Ok(ExitCode::from(code.code()))
}
