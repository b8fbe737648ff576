//! Arguments of `hapulse logs`.

use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Context as _;
use clap::Args;
use clap::builder::PossibleValuesParser;
use jiff::Zoned;

use crate::cli::common_args::usage_error;
use crate::cli::recordings_arg::{parse_end, parse_past};
use crate::haproxy::safe_text::{self, SafeText};
use crate::headless::exit_code::CommandExit;
use crate::headless::logs::log_report::{LogRow, LogTable};
use crate::headless::logs::{self, LogFigures, LogOptions, ReadCounts};
use crate::headless::print::ignore_broken_pipe;
use crate::headless::report::show::OutputFormat;
use crate::logs::configured_formats;
use crate::logs::group_key::GroupKey;
use crate::logs::groups::{Groups, NamedGroup};
use crate::logs::line_reader::LineReader;
use crate::logs::log_format::LogFormat;
use crate::logs::request::Phase;
use crate::logs::request_filter::RequestFilter;
use crate::logs::time_counts::TimeCounts;
use crate::term::waiting_writer::WaitingWriter;
use crate::units;

/// The file that rsyslog writes on Debian.
const DEFAULT_FILE: &str = "/var/log/haproxy.log";

/// Name of the row of all groups that are not shown.
const OTHERS: &str = "(others)";

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Reads the formats of option httplog, httpslog and tcplog, also clf, and those that --haproxy-config or --log-format \
    name, with or without the header of syslog. Files may be compressed with gzip or Zstandard. Times are whole milliseconds, and \
    percentiles are exact.\n\n\
    FILTER: words that must all match, such as status:5xx status>=400 server:web1 client:10.0.0.0/8 url:/api flags:sH time>500ms \
    queue>0 bytes>1000000; ! negates a word\n\n\
    Examples:\n  \
    hapulse logs                                       servers by requests, with percentiles of the response time\n  \
    hapulse logs --by url --filter 'time>1s' --top 10  which URLs are slow\n  \
    hapulse logs --by client --since 10m               who sends most requests\n  \
    hapulse logs --by flags --filter status:5xx        how failed requests ended\n  \
    hapulse logs --percentiles /var/log/haproxy.log.*  where the time goes\n  \
    docker logs lb 2>&1 | hapulse logs -\n\n\
    Exit codes: 0 success, 1 a file cannot be read or has no line in a known format, 2 invalid usage"
)]
pub(super) struct LogsArgs {
    /// Log files; - for standard input [default: /var/log/haproxy.log]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Group requests by this property
    #[arg(long, value_name = "PROPERTY", default_value = "server", overrides_with = "by", value_parser = PossibleValuesParser::new(GroupKey::ALL.map(|(name, _)| name)))]
    by: String,
    /// Number of groups; all others are one line
    #[arg(long, value_name = "N", default_value_t = 20, overrides_with = "top")]
    top: usize,
    /// Count the times of this phase
    #[arg(long, value_name = "PHASE", default_value = "response", overrides_with = "time", value_parser = PossibleValuesParser::new(Phase::ALL.map(Phase::name)))]
    time: String,
    /// Print the times of every phase instead of groups
    #[arg(long, conflicts_with_all = ["by", "top", "time"])]
    percentiles: bool,
    /// Count only requests that match
    #[arg(long, value_name = "FILTER", default_value = "", hide_default_value = true, overrides_with = "filter")]
    filter: String,
    /// Count only requests since this time
    #[arg(long, value_name = "WHEN", overrides_with = "since", allow_hyphen_values = true)]
    since: Option<String>,
    /// Count only requests until this time
    #[arg(long, value_name = "WHEN", overrides_with = "until", allow_hyphen_values = true)]
    until: Option<String>,
    /// Also read lines in this format; may be repeated
    #[arg(long, value_name = "FORMAT")]
    log_format: Vec<String>,
    /// Also read lines in the formats of this configuration file of HAProxy
    #[arg(long, value_name = "FILE", overrides_with = "haproxy_config")]
    haproxy_config: Option<PathBuf>,
    /// Print the lines that are no requests in a known format, instead of figures
    #[arg(long, conflicts_with_all = ["by", "top", "time", "percentiles", "filter", "since", "until"])]
    unread: bool,
    /// Output format: table for people, csv and json for programs
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    format: OutputFormat,
    /// With --format csv: begin cells that a spreadsheet would evaluate as formulas with an apostrophe
    #[arg(long)]
    safe_csv: bool,
}

impl LogsArgs {
    fn options(&self) -> Result<LogOptions, String> {
        let now = Zoned::now();
        let since = self.since.as_ref().map(|text| parse_past(text, &now)).transpose();
        let since = since.map_err(|error| format!("--since: {error}"))?;
        let start = since.unwrap_or(SystemTime::UNIX_EPOCH);
        let until = self.until.as_ref().map(|text| parse_end(text, start, &now)).transpose();
        let until = until.map_err(|error| format!("--until: {error}"))?;
        let millis = |at: SystemTime| {
            at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |at| i64::try_from(at.as_millis()).unwrap_or(i64::MAX))
        };
        let is_limited = since.is_some() || until.is_some();
        if until.is_some_and(|until| until < start) {
            return Err("--until is before --since".to_owned());
        }
        let name = |wanted: &str| GroupKey::ALL.into_iter().find(|(name, _)| *name == wanted).map(|(_, key)| key);
        let files = if self.files.is_empty() { vec![PathBuf::from(DEFAULT_FILE)] } else { self.files.clone() };
        Ok(LogOptions {
            files,
            key: name(&self.by).unwrap_or(GroupKey::Server),
            phase: Phase::ALL.into_iter().find(|phase| phase.name() == self.time).unwrap_or(Phase::Response),
            filter: RequestFilter::parse(&self.filter).map_err(|error| format!("--filter: {error}"))?,
            // The clock of the machine that wrote the log may be ahead.
            span: is_limited.then(|| millis(start)..=until.map_or(i64::MAX, millis)),
            zone: now.time_zone().clone(),
            prints_unread: self.unread,
            draws_progress: !self.unread && io::stderr().is_terminal(),
        })
    }

    /// Returns the rows of the table: the groups, or the phases.
    fn rows(&self, groups: Groups, phases: [TimeCounts; 5]) -> Vec<LogRow> {
        if self.percentiles {
            let phases = Phase::ALL.into_iter().zip(phases);
            return phases.map(|(phase, times)| LogRow::of_phase(phase.name(), times)).collect();
        }
        let (groups, others) = groups.finish(self.top);
        let row = |(name, group): NamedGroup| LogRow {
            name: SafeText::new(&name).to_string(),
            figures: group.figures,
            missing: group.missing,
            is_phase: false,
        };
        let mut rows: Vec<LogRow> = groups.into_iter().map(row).collect();
        if others.requests > 0 {
            rows.push(LogRow { name: OTHERS.to_owned(), figures: others, missing: 0, is_phase: false });
        }
        rows
    }

    /// Returns the formats that options name. Those of HAProxy's configuration that cannot be read are named and left out,
    /// because the log may have lines in others.
    fn formats(&self) -> anyhow::Result<Vec<String>> {
        let mut formats = self.log_format.clone();
        if let Some(path) = &self.haproxy_config {
            let name = SafeText::from(path.as_path());
            let text = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
            for (line, format) in configured_formats::read(&String::from_utf8_lossy(&text)) {
                match LogFormat::compile(&format) {
                    Ok(_) => formats.push(format),
                    Err(error) => {
                        eprintln!("hapulse: {name}, line {line}: {error}\n  lines in this format are not read");
                    }
                }
            }
        }
        Ok(formats)
    }
}

/// Runs the command and returns the exit code.
pub(super) fn run(args: &LogsArgs) -> anyhow::Result<ExitCode> {
    let formats = args.formats()?;
    let reader = LineReader::new(formats.iter().map(String::as_str));
    let reader = reader.map_err(|(format, error)| format!("log format \"{format}\": {error}"));
    let (options, mut reader) = match args.options().and_then(|options| Ok((options, reader?))) {
        Ok(valid) => valid,
        Err(why) => {
            eprintln!("hapulse: {}\n  see hapulse logs --help for examples", safe_text::escape_lines(&why));
            return Ok(usage_error());
        }
    };
    let mut out = BufWriter::new(WaitingWriter(io::stdout().lock()));
    let figures = match logs::read(&options, &mut reader, args.percentiles, &mut out) {
        Ok(figures) => figures,
        Err(error) => {
            ignore_broken_pipe(Err(error))?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let LogFigures { counts, groups, phases, failures } = figures;
    for failure in &failures {
        eprintln!("hapulse: {failure}");
    }
    if args.files.is_empty() && !failures.is_empty() {
        eprintln!("  name another file, or with journald: journalctl -u haproxy -o cat | hapulse logs -");
    }
    let read = counts.lines - counts.unread;
    let has_failed = !failures.is_empty() || read == 0 && counts.lines > 0 && !args.unread;
    if args.unread {
        ignore_broken_pipe(out.flush())?;
    } else {
        let rows = args.rows(groups, phases);
        let is_untimed = rows.iter().all(|row| row.figures.times.count() == 0);
        if counts.lines == 0 && failures.is_empty() {
            eprintln!("hapulse: the log is empty");
        }
        report_uncounted(args, counts, is_untimed);
        if read > 0 {
            let table = if args.percentiles {
                LogTable::of_phases(rows)
            } else {
                LogTable::of_groups(options.key, args.format, rows)
            };
            let printed = table.write(args.format, args.safe_csv, &mut out);
            ignore_broken_pipe(printed.and_then(|()| out.flush()))?;
        }
    }
    Ok(ExitCode::from(if has_failed { CommandExit::Refused } else { CommandExit::Done }.code()))
}

/// Says what was not counted, and why.
fn report_uncounted(args: &LogsArgs, counts: ReadCounts, is_untimed: bool) {
    let read = counts.lines - counts.unread;
    report_unread(counts, args.haproxy_config.is_some());
    if read > 0 && counts.excluded == read {
        let requests = units::pluralize(read as i64, "request");
        eprintln!("hapulse: of {requests}, none matches --filter, --since and --until");
    } else if read > 0 && is_untimed && !args.percentiles && args.time == Phase::Response.name() {
        eprintln!("hapulse: no line has a response time; of TCP sessions, --time total has the duration");
    }
    if counts.undated > 0 {
        let requests = units::pluralize(counts.undated as i64, "request");
        eprintln!("hapulse: {requests} not counted, because the lines have no time: add %tr to the log format");
    }
}

/// Says how many lines were not counted.
fn report_unread(ReadCounts { lines, unread, .. }: ReadCounts, has_config: bool) {
    if unread > 0 && (unread == lines || io::stderr().is_terminal() || unread * 100 > lines) {
        let lines = units::part_of(unread as i64, lines as i64, "line");
        let other = if has_config {
            "frontends without option httplog or a log-format write other lines"
        } else {
            "--haproxy-config FILE reads the formats of HAProxy's configuration"
        };
        eprintln!("hapulse: {lines} not read as requests\n  --unread prints them; {other}");
    }
}
