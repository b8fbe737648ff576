//! Arguments of `hapulse snapshot`.

use std::io::{self, IsTerminal as _};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::{ArgGroup, Args};
use jiff::Zoned;

use crate::cli::common_args::usage_error;
use crate::cli::recordings_arg::{self, RecordingsArg, parse_end, parse_past, report_failures, select_instances};
use crate::haproxy::safe_text::{self, SafeText};
use crate::headless::exit_code::CommandExit;
use crate::headless::local_time::local_time;
use crate::headless::snapshot::output::output_name;
use crate::headless::snapshot::{self, SnapshotOptions, SnapshotResult};
use crate::recording::reader::Recording;
use crate::recording::snapshot_reader::OpenedRecordings;

#[derive(Debug, Clone, Args)]
#[command(
    group = ArgGroup::new("start").required(true).args(["since", "from"]),
    after_help = "Copies a span of recordings to one file, which can be opened on any machine with --recordings FILE. With --anonymize, \
    names and addresses become be-03/srv-11, other texts are replaced, and numbers, states, times and causes stay.\n\n\
    WHEN: 2h, 90m, 02:13, yesterday 08:00, 2026-11-29 02:13:07, 2026-11-29T02:13:07Z\n\n\
    Examples:\n  \
    hapulse snapshot --since 2h -o incident.hapulse\n  \
    hapulse snapshot --from 02:10 --to 02:40 --anonymize -o incident.hapulse lb01\n  \
    hapulse snapshot --since 10m -o - > incident.hapulse\n  \
    hapulse show --recordings incident.hapulse --at 02:13 problems\n\n\
    Exit codes: 1 error, nothing was recorded in that span, or damaged records were left out, 2 invalid usage, 128 + N stopped by signal N"
)]
pub(super) struct SnapshotArgs {
    /// Names, addresses or @GROUP of recorded HAProxies [default: all]
    #[arg(value_name = "TARGET")]
    names: Vec<String>,
    /// Start of the span; it ends now
    #[arg(long, value_name = "WHEN", conflicts_with = "to", overrides_with = "since", allow_hyphen_values = true)]
    since: Option<String>,
    /// Start of the span
    #[arg(long, value_name = "WHEN", overrides_with = "from", allow_hyphen_values = true)]
    from: Option<String>,
    /// End of the span; a time of day that has not come yet means now [default: now]
    #[arg(long, value_name = "WHEN", overrides_with = "to", allow_hyphen_values = true)]
    to: Option<String>,
    /// Replace names, addresses and texts
    #[arg(long)]
    anonymize: bool,
    /// File to write; - for standard output
    #[arg(short = 'o', long = "output", value_name = "FILE", overrides_with = "output")]
    output: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    recordings: RecordingsArg,
}

impl SnapshotArgs {
    /// Returns the span of wall clock time.
    fn span(&self, now: &Zoned) -> Result<RangeInclusive<SystemTime>, String> {
        let present = SystemTime::from(now.timestamp());
        let start = self.since.as_ref().or(self.from.as_ref()).map_or(Ok(present), |text| parse_past(text, now));
        let start = start.map_err(|error| error.to_string())?;
        let end = self.to.as_ref().map_or(Ok(present), |text| parse_end(text, start, now));
        let end = end.map_err(|error| error.to_string())?;
        if start > end {
            let (start, end) = (local_time(start, now.time_zone()), local_time(end, now.time_zone()));
            return Err(format!("the span ends before it starts: --from is {start}, --to is {end}"));
        }
        Ok(start..=end)
    }
}

/// Runs the command and returns the exit code.
pub(super) fn run(args: &SnapshotArgs) -> anyhow::Result<ExitCode> {
    let now = Zoned::now();
    if args.output.as_os_str() == "-" && io::stdout().is_terminal() {
        eprintln!("hapulse: a snapshot is not text: write it to a file or a pipe, such as -o - > FILE");
        return Ok(usage_error());
    }
    let names = recordings_arg::expand_groups(args.names.clone())?.map_err(|why| why.to_string());
    let selected = match names.and_then(|names| Ok((names, args.span(&now)?))) {
        Ok((names, span)) => {
            let OpenedRecordings { recordings, failures } = args.recordings.open()?;
            report_failures(&failures);
            select_instances(recordings, &names, &[]).map(|recordings| (span, recordings))
        }
        Err(why) => Err(why),
    };
    let (time, recordings) = match selected {
        Ok(selected) => selected,
        Err(why) => {
            eprintln!("hapulse: {}\n  see hapulse snapshot --help for examples", safe_text::escape_lines(&why));
            return Ok(usage_error());
        }
    };
    let out = (args.output.as_os_str() != "-").then(|| args.output.clone());
    let place = output_name(out.as_deref());
    let recorded = describe_spans(&recordings, &now);
    let asked =
        format!("{} to {}", local_time(*time.start(), now.time_zone()), local_time(*time.end(), now.time_zone()));
    let options = SnapshotOptions { out, is_forced: args.force, is_anonymized: args.anonymize };
    let code = match snapshot::run(options, time, recordings)? {
        SnapshotResult::Written(contents) => {
            eprintln!("hapulse: {place}: {}", contents.describe(now.time_zone()));
            if contents.is_damaged { CommandExit::Refused } else { CommandExit::Done }
        }
        SnapshotResult::Empty => anyhow::bail!("nothing was recorded from {asked}{recorded}"),
        SnapshotResult::Stopped(exit) => exit,
    };
    Ok(ExitCode::from(code.code()))
}

/// Returns a line with the span of each recording.
fn describe_spans(recordings: &[Recording], now: &Zoned) -> String {
    let line = |recording: &Recording| {
        let span = recording.span().map_or("no samples".to_owned(), |span| {
            format!(
                "{} to {}",
                local_time(span.first.wall, now.time_zone()),
                local_time(span.last.wall, now.time_zone())
            )
        });
        format!("\n  recorded of {}: {span}", SafeText::from(recording.name()))
    };
    recordings.iter().map(line).collect()
}
