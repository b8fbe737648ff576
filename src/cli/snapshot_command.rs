//! Arguments of `hapulse snapshot`.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::{ArgGroup, Args};
use jiff::Zoned;

use crate::cli::common_args::usage_error;
use crate::cli::recordings_arg::{RecordingsArg, parse_past, select_instances};
use crate::haproxy::safe_text::{self, SafeText};
use crate::headless::exit_code::CommandExit;
use crate::headless::local_time::local_time;
use crate::headless::snapshot::{self, SnapshotContents, SnapshotOptions, SnapshotResult};
use crate::recording::reader::Recording;
use crate::units::{bytes, pluralize};

#[derive(Debug, Clone, Args)]
#[command(
    group = ArgGroup::new("start").required(true).args(["since", "from"]),
    after_help = "Copies a span of recordings to one file, which can be opened on any machine with --recordings FILE. With --anonymize, \
    names and addresses become be-03/srv-11, other texts are replaced, and numbers, states, times and causes stay.\n\n\
    WHEN: 2h, 90m, 02:13, yesterday 08:00, 2026-11-29 02:13:07, 2026-11-29T02:13:07Z\n\n\
    Examples:\n  \
    hapulse snapshot --since 2h -o incident.hapulse\n  \
    hapulse snapshot --from 02:10 --to 02:40 --anonymize -o incident.hapulse lb01\n  \
    hapulse show --recordings incident.hapulse --at 02:13 problems\n\n\
    Exit codes: 1 error, or nothing was recorded in that span, 2 invalid usage, 128 + N stopped by signal N"
)]
pub(super) struct SnapshotArgs {
    /// Names or addresses of recorded HAProxies [default: all]
    #[arg(value_name = "TARGET")]
    names: Vec<String>,
    /// Start of the span; it ends now
    #[arg(long, value_name = "WHEN", conflicts_with = "to", overrides_with = "since", allow_hyphen_values = true)]
    since: Option<String>,
    /// Start of the span
    #[arg(long, value_name = "WHEN", overrides_with = "from", allow_hyphen_values = true)]
    from: Option<String>,
    /// End of the span [default: now]
    #[arg(long, value_name = "WHEN", overrides_with = "to", allow_hyphen_values = true)]
    to: Option<String>,
    /// Replace names, addresses and texts
    #[arg(long)]
    anonymize: bool,
    /// File to write
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
        let parse = |text: &String| parse_past(text, now).map_err(|error| error.to_string());
        let start = self.since.as_ref().or(self.from.as_ref()).map_or(Ok(SystemTime::from(now.timestamp())), parse)?;
        let end = self.to.as_ref().map_or(Ok(SystemTime::from(now.timestamp())), parse)?;
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
    let selected = match args.span(&now) {
        Ok(span) => select_instances(args.recordings.open()?, &args.names).map(|recordings| (span, recordings)),
        Err(why) => Err(why),
    };
    let (time, recordings) = match selected {
        Ok(selected) => selected,
        Err(why) => {
            eprintln!("hapulse: {}\n  see hapulse snapshot --help for examples", safe_text::escape_lines(&why));
            return Ok(usage_error());
        }
    };
    let place = SafeText::from(args.output.as_path());
    let recorded = describe_spans(&recordings, &now);
    let asked =
        format!("{} to {}", local_time(*time.start(), now.time_zone()), local_time(*time.end(), now.time_zone()));
    let options =
        SnapshotOptions { time, out: args.output.clone(), is_forced: args.force, is_anonymized: args.anonymize };
    let code = match snapshot::run(options, recordings)? {
        SnapshotResult::Written(contents) => {
            eprintln!("hapulse: {place}: {}", describe(contents, &now));
            CommandExit::Done
        }
        SnapshotResult::Empty => anyhow::bail!("nothing was recorded from {asked}{recorded}"),
        SnapshotResult::Stopped(exit) => exit,
    };
    Ok(ExitCode::from(code.code()))
}

fn describe(contents: SnapshotContents, now: &Zoned) -> String {
    let SnapshotContents { instances, samples, times, bytes: size } = contents;
    let times = times.map(|times| {
        format!(
            " from {} to {}",
            local_time(times.first.wall, now.time_zone()),
            local_time(times.last.wall, now.time_zone())
        )
    });
    let (samples, instances) = (pluralize(samples as i64, "sample"), pluralize(instances as i64, "instance"));
    format!("{samples} of {instances}{}, {}", times.unwrap_or_default(), bytes(size as f64))
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
