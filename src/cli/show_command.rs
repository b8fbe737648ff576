//! Arguments of `hapulse show`.

use std::io::{self, BufWriter};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::cli::common_args::{PollArgs, SAMPLE_INTERVAL, load_attribution, text_layout, usage_error};
use crate::cli::past_recordings::PastRecordings;
use crate::cli::past_report::{self, PastArgs, PastRequest};
use crate::cli::resolve_settings::{report_part, thresholds};
use crate::cli::setting_flags::AsciiFlag;
use crate::cli::target_arg::{self, KnownWords, TargetArg};
use crate::config::duration;
use crate::config::located::Located;
use crate::config::target::Target;
use crate::haproxy::safe_text;
use crate::headless::report::contents::{BadReport, Report, ReportPart, RowOptions};
use crate::headless::report::show::{self, OutputFormat, ShowOptions};
use crate::term::waiting_writer::WaitingWriter;

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "VIEW is the number or name of a view: dashboard (0), status (1), traffic (2), http (3), errors (4), latency (6), out-of-service; or problems, balancers, info, or events with --since. All other arguments are TARGETs.\n\n\
    Examples:\n  \
    hapulse show                                         process, problems and rows of the local HAProxy\n  \
    hapulse show latency --sort -rtime --flat            slowest first\n  \
    hapulse show status --filter 'status:down | qcur>0'  rows that are down or have a queue\n  \
    hapulse show --format csv --columns all > rows.csv   every field of show stat\n  \
    hapulse show --format json info lb01:9999 eu=lb02:9999\n  \
    hapulse show out-of-service                          servers in maintenance or drain, with author\n  \
    hapulse show balancers lb01:9999 lb02:9999           one row each: role, traffic, causes, differences\n  \
    hapulse show --at 02:13 problems                     what was wrong then, from the recording\n  \
    hapulse show --since 2h events                       recorded causes, actions and failed polls\n\n\
    Sends only show info and show stat. docs/json.md describes the JSON format.\n\n\
    Exit codes: 0 success, 1 error, 2 invalid usage or configuration, 3 HAProxy does not answer"
)]
pub(super) struct ShowArgs {
    #[arg(value_name = "VIEW|TARGET", help = WORDS_HELP)]
    words: Vec<String>,
    /// Output format: table for people, csv and json for programs
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    format: OutputFormat,
    /// With --format csv: begin cells that a spreadsheet would evaluate as formulas with an apostrophe
    #[arg(long)]
    safe_csv: bool,
    #[command(flatten)]
    row_args: RowArgs,
    /// Sample once per second for TIME [default: 1s if the output contains rates or problems, else 0s]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    over: Option<Duration>,
    /// With the view events: print the recorded events since this time
    #[arg(long, value_name = "WHEN", overrides_with = "since", allow_hyphen_values = true, conflicts_with_all = ["at", "over"])]
    since: Option<String>,
    #[command(flatten)]
    past: PastArgs,
    #[command(flatten)]
    ascii: AsciiFlag,
    #[command(flatten)]
    poll_args: PollArgs,
}

/// Help of the words of `hapulse show`.
const WORDS_HELP: &str =
    "A view, and any number of stats sockets: PATH, HOST:PORT, ssh://HOST, NAME=ADDRESS, a configured name or @GROUP";

/// Options that select rows and columns.
#[derive(Debug, Clone, Args)]
pub(super) struct RowArgs {
    /// Print these columns (names as in :cols, such as scur,rtime,bin/s) instead of the view's; all prints every field
    #[arg(long, value_name = "NAME,…")]
    columns: Option<String>,
    /// Print only rows that match, in the syntax of the key /: 'status:down', 'qcur>0 !backup', 'proxy=www,api'
    #[arg(long, value_name = "WORDS")]
    filter: Option<String>,
    /// Sort by a column; with a leading -, in descending order
    #[arg(long, value_name = "[-]COLUMN", allow_hyphen_values = true)]
    sort: Option<String>,
    /// Print a flat list (default for csv and json)
    #[arg(long, conflicts_with = "tree")]
    flat: bool,
    /// Print servers below their backend (default for tables)
    #[arg(long)]
    tree: bool,
}

impl RowArgs {
    /// Creates a report that prints `part` with these options.
    pub(super) fn report(&self, part: ReportPart) -> Result<Report, BadReport> {
        let Self { columns, filter, sort, flat, tree } = self.clone();
        Report::new(part, &RowOptions { columns, filter, sort, flat: (flat || tree).then_some(flat) })
    }
}

/// Returns whether an argument may name a view, because it contains no character that is typical of addresses.
fn may_be_view(word: &str) -> bool {
    !word.contains(['/', ':', '=', '.', '~', '@'])
}

/// Splits the arguments into a view and targets; the name of a configured target counts as a target.
///
/// # Errors
/// Returns a message if a view is unknown, a target is invalid or there is more than one view.
fn split_view_and_targets(
    words: &[String],
    configured: &[Located<Target>],
) -> Result<(ReportPart, Vec<TargetArg>), String> {
    let is_known = |word: &str| configured.iter().any(|entry| entry.name == word);
    let (views, others): (Vec<&String>, Vec<&String>) =
        words.iter().partition(|word| may_be_view(word) && !is_known(word));
    let part = match views.as_slice() {
        [] => ReportPart::Dashboard,
        [view] => report_part(view).map_err(|bad| describe_bad_view(view, &bad))?,
        [_, second, ..] => {
            return Err(format!("only one view can be given; if \"{second}\" is a socket, write ./{second}"));
        }
    };
    let target = |word: &&String| word.parse::<TargetArg>().map_err(|bad| bad.to_string());
    Ok((part, others.iter().map(target).collect::<Result<_, _>>()?))
}

/// Describes a word that is not a view; it may also be a target.
fn describe_bad_view(word: &str, bad: &BadReport) -> String {
    match (target_arg::describe_host(word), bad) {
        (Some(message), _) => message,
        (None, BadReport::UnknownView { .. }) => format!(
            "{bad}, events (with --since)\n  for a target, a host needs the port of its stats socket, such as {word}:9999; a socket in this directory is ./{word}"
        ),
        (None, _) => bad.to_string(),
    }
}

/// Prints why the command line is invalid, and returns the exit code.
fn report_usage(why: &str) -> ExitCode {
    eprintln!("hapulse: {}\n  see hapulse show --help for examples", safe_text::escape_lines(why));
    usage_error()
}

/// Runs the command and returns the exit code.
pub(super) fn run(args: ShowArgs) -> anyhow::Result<ExitCode> {
    let ShowArgs { words, format, safe_csv: is_safe_csv, row_args, over, since, past, ascii, poll_args } = args;
    if ascii.ascii && format != OutputFormat::Table {
        eprintln!("hapulse: --ascii applies only to tables: csv and json contain all text unchanged");
        return Ok(usage_error());
    }
    let settings = poll_args.load_settings(ascii.partial_settings())?;
    let is_target = |word: &str| settings.targets.iter().any(|entry| entry.name == word);
    let has_events = words.iter().any(|word| past_report::is_events(word) && !is_target(word));
    let is_past = past.is_used() || since.is_some() || has_events;
    let options_for = |part| {
        if is_safe_csv && format != OutputFormat::Csv {
            return Err("--safe-csv has an effect only on CSV: add --format csv".to_owned());
        }
        let report =
            row_args.report(part).and_then(|report| if is_past { report.require_single() } else { Ok(report) });
        let report = report.map_err(|bad| bad.to_string())?;
        let (interval, layout) = (SAMPLE_INTERVAL, text_layout(&settings));
        Ok(ShowOptions { report, format, is_safe_csv, over, interval, layout })
    };
    if is_past {
        let names: Vec<String> = words.into_iter().chain(poll_args.target_names()).collect();
        let names = match KnownWords::configured(&settings).expand_groups(&names) {
            Ok(names) => names,
            Err(why) => return Ok(report_usage(&why.to_string())),
        };
        let request = PastRequest { words: names, since, format, past };
        return match request.run(options_for, &thresholds(&settings, &[])?, &settings.targets)? {
            Ok(code) => Ok(code),
            Err(why) => Ok(report_usage(&why)),
        };
    }
    let split = split_view_and_targets(&words, &settings.targets);
    let (named, options) = match split.and_then(|(part, named)| Ok((named, options_for(part)?))) {
        Ok(options) => options,
        Err(why) => return Ok(report_usage(&why)),
    };
    let targets = match poll_args.targets_or_report(&named, &settings) {
        Ok(targets) => targets,
        Err(code) => return Ok(code),
    };
    let mut pollers = PollArgs::build_pollers(&targets, options.interval, &thresholds(&settings, &[])?);
    if options.report.problems && options.over.is_none() {
        pollers = PastRecordings::add_to(pollers, &targets, &past.recordings)?;
    }
    if options.report.needs_attribution() {
        load_attribution(&mut pollers, &targets, &settings);
    }
    let code =
        show::run(&options, pollers, &mut BufWriter::new(WaitingWriter(io::stdout().lock())), &mut io::stderr())?;
    Ok(ExitCode::from(code.code()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::view_table::ViewId;

    #[test]
    fn split_view_and_targets_recognizes_views() {
        let split = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            split_view_and_targets(&words, &[]).map(|(part, targets)| {
                (part, targets.iter().map(|target| target.as_written().label()).collect::<Vec<_>>())
            })
        };
        assert_eq!(split(&[]), Ok((ReportPart::Dashboard, vec![])));
        assert_eq!(
            split(&["4", "/run/a.sock"]),
            Ok((ReportPart::View(ViewId::Errors), vec!["/run/a.sock".to_owned()]))
        );
        assert_eq!(split(&["eu=lb02:9999", "info", "./status"]).unwrap().1, ["eu", "./status"]);
        assert!(split(&["statu"]).unwrap_err().starts_with("unknown view \"statu\""));
        assert!(split(&["status", "info"]).unwrap_err().contains("./info"));
        assert!(split(&["lb01:"]).unwrap_err().contains("from 1 to 65535"));
    }
}
