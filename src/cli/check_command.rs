//! Arguments of `hapulse check`.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::cli::common_args::{PollArgs, SAMPLE_INTERVAL, text_layout};
use crate::cli::past_recordings::PastRecordings;
use crate::cli::recordings_arg::RecordingsArg;
use crate::cli::resolve_settings as configured;
use crate::cli::setting_flags::AsciiFlag;
use crate::cli::target_arg::{TARGETS_HELP, TargetArg};
use crate::config::duration;
use crate::haproxy::safe_text;
use crate::headless::check::nagios::{
    self, CheckFormat, CheckOptions, DEFAULT_SAMPLING_TIME, LONGEST_HOLD_TIME, MAX_SAMPLING_TIME, NagiosState,
    unknown_line,
};
use crate::headless::check::open_metrics;
use crate::headless::print::TextWriter;
use crate::problems::thresholds::ThresholdChange;
use crate::term::waiting_writer::WaitingWriter;

/// Name of the command.
pub(super) const NAME: &str = "check";

#[derive(Debug, Clone, Args)]
#[command(after_help = format!("Samples once per second, for {} s unless --over is set, and up to {} s if a rule cannot be evaluated before, for example after a reload. What cannot be evaluated is never OK: the result is UNKNOWN unless something else is WARNING or CRITICAL. Hold times of more than {} s are shortened to it. If hapulse record records the HAProxy, its last minute counts as sampled, and one sample more is enough. Health checks before the first sample are unknown, so the rules flapping and failing-checks count only later ones. check_nrpe times out after 10 s: call it with -t 20, or use hapulse check --over 8s.\n\n\
    Examples:\n  \
    hapulse check                                        the local HAProxy\n  \
    hapulse check lb01:9999 eu=lb02:9999                 both; the worst state wins\n  \
    hapulse check --over 8s --threshold response-time.crit=2000\n  \
    hapulse check --threshold backend-5xx=off /run/haproxy/admin.sock\n  \
    hapulse check --format openmetrics                   metrics for Prometheus\n\n\
    Exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (HAProxy does not answer, a rule was not evaluated, or the command line is invalid)", DEFAULT_SAMPLING_TIME.as_secs(), MAX_SAMPLING_TIME.as_secs(), LONGEST_HOLD_TIME.as_secs()))]
pub(super) struct CheckArgs {
    #[arg(value_name = "TARGET", help = TARGETS_HELP)]
    target_args: Vec<TargetArg>,
    /// Output format: nagios for Nagios and Icinga, openmetrics for Prometheus
    #[arg(long, value_enum, default_value = "nagios", value_name = "FORMAT")]
    format: CheckFormat,
    /// Sampling time, such as 30s or 2m
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    over: Option<Duration>,
    /// Change a threshold or hold time: RULE.warn=N, RULE.crit=N, RULE.for=SECONDS or RULE=off; may be repeated
    #[arg(long = "threshold", value_name = "RULE.warn=N")]
    thresholds: Vec<ThresholdChange>,
    #[command(flatten)]
    recordings: RecordingsArg,
    #[command(flatten)]
    ascii: AsciiFlag,
    #[command(flatten)]
    poll_args: PollArgs,
}

/// Runs the check and returns the exit code for the resulting state. Every error results in UNKNOWN.
pub(super) fn run(args: CheckArgs) -> ExitCode {
    let format = args.format;
    let report = |error: anyhow::Error| match format {
        CheckFormat::Nagios => report_error(&error),
        CheckFormat::OpenMetrics => report_error_as_metrics(&error),
    };
    check_targets(args).map_or_else(report, |state| ExitCode::from(state.exit_code()))
}

/// Prints an error to standard error, metrics with the state UNKNOWN to standard output, and returns the exit code.
fn report_error_as_metrics(error: &anyhow::Error) -> ExitCode {
    let code = NagiosState::Unknown.exit_code();
    // Write errors are ignored: the exit code reports the failure, too.
    let _ = writeln!(io::stderr(), "hapulse: {}", safe_text::escape_lines(&format!("{error:#}")));
    let _ = write!(WaitingWriter(io::stdout()), "{}", open_metrics::render_failure(code));
    ExitCode::from(code)
}

/// Prints an error as UNKNOWN and returns the exit code for it.
pub(super) fn report_error(error: &anyhow::Error) -> ExitCode {
    print_unknown(&format!("{error:#}"));
    ExitCode::from(NagiosState::Unknown.exit_code())
}

fn check_targets(args: CheckArgs) -> anyhow::Result<NagiosState> {
    let CheckArgs { target_args, format, over, thresholds: changes, recordings, ascii, poll_args } = args;
    let settings = poll_args.load_settings(ascii.partial_settings())?;
    configured::check_threshold_flags(&settings, &changes)?;
    configured::warn_about_threshold_flags(&changes);
    let thresholds = configured::thresholds(&settings, &changes)?.with_default_holds_up_to(LONGEST_HOLD_TIME);
    let targets = poll_args.resolve_targets(&target_args, &settings)?.targets;
    let mut pollers = PollArgs::build_pollers(&targets, SAMPLE_INTERVAL, &thresholds);
    if over.is_none() || recordings.given().is_some() {
        pollers = PastRecordings::add_to(pollers, &targets, &recordings)?;
    }
    let (over, at_most) = over.map_or((DEFAULT_SAMPLING_TIME, MAX_SAMPLING_TIME), |over| (over, over));
    let options = CheckOptions { format, over, at_most, interval: SAMPLE_INTERVAL, thresholds };
    // Names in metrics stay as they are.
    let is_ascii = format == CheckFormat::Nagios && text_layout(&settings).ascii;
    let mut out = TextWriter::new(WaitingWriter(io::stdout().lock()), is_ascii);
    nagios::run(&options, pollers, &mut out, &mut io::stderr())
}

/// Prints the UNKNOWN line to standard output, because monitoring systems show only that. Write errors are ignored.
fn print_unknown(why: &str) {
    let _ = writeln!(WaitingWriter(io::stdout()), "{}", unknown_line(&safe_text::escape_lines(why)));
}

/// Prints an error in the command line of `hapulse check` as UNKNOWN and returns the exit code 3, because the exit code 2
/// of other commands would mean CRITICAL.
pub(super) fn report_usage_error(text: &str) -> ExitCode {
    print_unknown(text.trim().trim_start_matches("error: "));
    ExitCode::from(NagiosState::Unknown.exit_code())
}
