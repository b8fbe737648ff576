//! `hapulse get`: prints bare values, one per line in the requested order, for monitoring systems and shells.
//!
//! Prints all values or nothing, so that line N always contains the value of key N. A key that exists but has no value
//! prints an empty line or the text of `--unknown`.

use std::io::Write;
use std::time::Duration;

use anyhow::Context as _;

use crate::haproxy::safe_text;
use crate::headless::exit_code::CommandExit;
use crate::headless::poller::Poller;
use crate::headless::pollers;
use crate::headless::print::ignore_broken_pipe;
use crate::headless::report::metric_path::MetricPath;
use crate::headless::report::show::DEFAULT_RATE_TIME;
use crate::instance::state::Instance;

/// Options of `hapulse get`.
#[derive(Debug, Clone)]
pub(crate) struct GetOptions {
    /// Paths of the values to print.
    pub(crate) paths: Vec<MetricPath>,
    /// Time between two samples, with which counters are printed as per-second rates. With `None`, one sample is taken,
    /// or two if a path names a rate.
    pub(crate) over: Option<Duration>,
    /// Text to print for a missing value.
    pub(crate) unknown: String,
}

/// Polls one HAProxy, and prints the values to `out` and failures to `err`.
///
/// # Errors
/// Returns an error if writing fails or the I/O runtime cannot start. A closed pipe is not an error.
pub(crate) fn run(
    options: &GetOptions,
    poller: Poller,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> anyhow::Result<CommandExit> {
    let spans = options.paths.iter().any(MetricPath::needs_rates);
    let over = options.over.unwrap_or(if spans { DEFAULT_RATE_TIME } else { Duration::ZERO });
    // Take only the first and the last sample, unless a value is computed from the samples in between.
    let needs_series = options.paths.iter().any(MetricPath::needs_series);
    let every = if needs_series { DEFAULT_RATE_TIME } else { over.max(DEFAULT_RATE_TIME) };
    let polled = pollers::poll_all(vec![poller], over, over, every)?;
    let (poller, polled) = polled.first().context("no HAProxy was polled")?;
    if let Err(failure) = polled {
        pollers::report_failure(&poller.name, failure, err);
        return Ok(CommandExit::Unreachable);
    }
    print_values(options, &poller.instance, out, err)
}

/// Prints the values of the sample shown to `out`, and keys that do not exist to `err`.
///
/// # Errors
/// Returns an error if writing fails. A closed pipe is not an error.
pub(crate) fn print_values(
    options: &GetOptions,
    instance: &Instance,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> anyhow::Result<CommandExit> {
    let is_per_second = options.over.is_some_and(|over| !over.is_zero());
    let (mut lines, mut is_missing) = (String::new(), false);
    for key in &options.paths {
        match key.value(instance, is_per_second) {
            Ok(value) => {
                let bare = value.to_plain_string();
                lines.push_str(if bare.is_empty() { &options.unknown } else { &bare });
                lines.push('\n');
            }
            Err(why) => {
                // Write errors are ignored: the exit code reports the failure, too.
                let _ = writeln!(err, "hapulse: {}", safe_text::escape_lines(&why));
                is_missing = true;
            }
        }
    }
    if is_missing {
        return Ok(CommandExit::Refused);
    }
    ignore_broken_pipe(out.write_all(lines.as_bytes()).and_then(|()| out.flush())).context("cannot print")?;
    Ok(CommandExit::Done)
}
