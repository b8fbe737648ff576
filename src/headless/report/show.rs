//! `hapulse show`: polls for the sampling time and prints the newest sample. By default, the sampling time is one
//! second if the report contains rates or problems, longer while a rule is not evaluated, and otherwise a single sample is
//! taken.

use std::io::Write;
use std::time::Duration;

use anyhow::Context as _;

use crate::headless::exit_code::CommandExit;
use crate::headless::poller::{Poller, ReportedInstance};
use crate::headless::pollers::{self, PolledInstance};
use crate::headless::print::ignore_broken_pipe;
use crate::headless::report::balancer_report::BalancerReport;
use crate::headless::report::contents::Report;
use crate::headless::report::csv;
use crate::headless::report::json;
use crate::headless::report::table;
use crate::headless::report::table::TextLayout;

/// Default time between the two samples of a rate.
pub(crate) const DEFAULT_RATE_TIME: Duration = Duration::from_secs(1);
/// Maximum default sampling time while a rule is not evaluated.
const MAX_PROBLEM_TIME: Duration = Duration::from_secs(15);

/// Output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OutputFormat {
    /// Table for people
    Table,
    /// JSON objects, each on its own line
    Json,
    /// Header line and one line per row
    Csv,
}

/// Options of `hapulse show`.
#[derive(Debug)]
pub(crate) struct ShowOptions {
    /// Selection of what to print.
    pub(crate) report: Report,
    /// Output format.
    pub(crate) format: OutputFormat,
    /// In CSV, neutralize cells that a spreadsheet would evaluate as formulas.
    pub(crate) is_safe_csv: bool,
    /// Sampling time; `None` for the default of the report.
    pub(crate) over: Option<Duration>,
    /// Time between two samples.
    pub(crate) interval: Duration,
    /// Width and character set of tables.
    pub(crate) layout: TextLayout,
}

/// Polls all instances, and prints the report to `out` and failures to `err`.
///
/// # Errors
/// Returns an error if writing fails or the I/O runtime cannot start. A closed pipe is not an error.
pub(crate) fn run(
    options: &ShowOptions,
    pollers: Vec<Poller>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> anyhow::Result<CommandExit> {
    let report = options.report.clone().with_default_layout(options.format != OutputFormat::Table);
    let over = options.over.unwrap_or(if report.needs_rates() { DEFAULT_RATE_TIME } else { Duration::ZERO });
    let with_problems = |poller: Poller| if report.problems { poller.with_slow_round() } else { poller };
    let pollers = pollers.into_iter().map(with_problems).collect();
    let at_most = if report.problems && options.over.is_none() { MAX_PROBLEM_TIME } else { over };
    let mut polled = pollers::poll_all(pollers, over, at_most, options.interval)?;
    if let Some(table) = &report.balancers {
        let compared = BalancerReport::new(table, &mut polled);
        let printed = match options.format {
            OutputFormat::Table => compared.write_lines(options.layout.columns, options.layout.ascii, out),
            OutputFormat::Json => compared.write_json(out),
            OutputFormat::Csv => compared.write_csv(options.is_safe_csv, out),
        };
        ignore_broken_pipe(printed.and_then(|()| out.flush())).context("cannot print")?;
        return Ok(report_failures(&polled, err));
    }
    let sampled: Vec<ReportedInstance<'_>> =
        polled.iter().filter(|(_, polled)| polled.is_ok()).map(|(poller, _)| poller.reported()).collect();
    let printed = match options.format {
        OutputFormat::Table => print_tables(&sampled, polled.len() > 1, &report, options.layout, out),
        OutputFormat::Json => print_json(&polled, &report, out),
        OutputFormat::Csv => {
            if sampled.is_empty() {
                Ok(())
            } else {
                out.write_all(&csv::render(&sampled, &report, options.is_safe_csv)?)
            }
        }
    };
    ignore_broken_pipe(printed.and_then(|()| out.flush())).context("cannot print")?;
    Ok(report_failures(&polled, err))
}

/// Prints the failed polls, and returns the exit code.
fn report_failures(polled: &[PolledInstance], err: &mut dyn Write) -> CommandExit {
    let mut code = CommandExit::Done;
    for (poller, polled) in polled {
        match polled {
            Ok(_) => pollers::report_dropped_rows(poller, err),
            Err(failure) => {
                pollers::report_failure(&poller.name, failure, err);
                code = CommandExit::Unreachable;
            }
        }
    }
    code
}

/// Prints one table per instance. If there are several instances, prints the name of the instance above each table.
pub(crate) fn print_tables(
    instances: &[ReportedInstance<'_>],
    are_several: bool,
    report: &Report,
    layout: TextLayout,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let mut is_first = true;
    for reported in instances {
        if !std::mem::take(&mut is_first) {
            writeln!(out)?;
        }
        // The process line already starts with the name.
        if are_several && !(report.info && report.rows.is_some()) {
            writeln!(out, "{}:", reported.name)?;
        }
        table::render_lines(*reported, report, layout).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    Ok(())
}

fn print_json(polled: &[PolledInstance], report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
    for (poller, polled) in polled {
        let line = match polled {
            Ok(_) => json::report_line(poller.reported(), report)?,
            Err(failure) => json::failure_line(poller, failure)?,
        };
        writeln!(out, "{line}")?;
    }
    Ok(())
}
