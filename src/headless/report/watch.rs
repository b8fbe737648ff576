//! `hapulse watch`: prints one JSON object per sample, each on its own line, until the reader closes the pipe.
//!
//! Each HAProxy is polled on its own schedule. A failed poll prints a line with the reason, and polling continues with
//! increasing pauses, as in the dashboard. A slow reader gets fewer samples but never outdated ones, because the next
//! poll waits until the previous line was written.

use std::io::Write;

use anyhow::Context as _;
use tokio::sync::mpsc::{self, Sender};
use tokio::time::sleep;

use crate::headless::exit_code::CommandExit;
use crate::headless::poller::Poller;
use crate::headless::pollers::start_runtime;
use crate::headless::print::ignore_broken_pipe;
use crate::headless::report::contents::Report;
use crate::headless::report::json;

/// Options of `hapulse watch`.
#[derive(Debug, Clone)]
pub(crate) struct WatchOptions {
    /// Selection of what to print.
    pub(crate) report: Report,
    /// Maximum number of lines per HAProxy; `None` for no limit.
    pub(crate) count: Option<u64>,
}

/// JSON line, and whether it contains a sample.
type WatchLine = (serde_json::Result<String>, bool);

/// Prints samples to `out` until the pipe is closed or every instance has reached the maximum number of lines.
///
/// # Errors
/// Returns an error if writing fails or the I/O runtime cannot start. A closed pipe is not an error.
pub(crate) fn run(options: &WatchOptions, pollers: Vec<Poller>, out: &mut dyn Write) -> anyhow::Result<CommandExit> {
    let report = options.report.clone().with_default_layout(true);
    start_runtime()?.block_on(async {
        let (sender, mut receiver) = mpsc::channel(1);
        for poller in pollers {
            let poller = if report.problems { poller.with_slow_round() } else { poller };
            tokio::spawn(stream_samples(poller, report.clone(), options.count, sender.clone()));
        }
        drop(sender);
        let (mut printed, mut has_sample) = (Ok(()), false);
        while let (Ok(()), Some((line, is_sample))) = (&printed, receiver.recv().await) {
            has_sample |= is_sample;
            let line = line.context("cannot write a sample as JSON")?;
            printed = writeln!(out, "{line}").and_then(|()| out.flush());
        }
        let is_closed = printed.is_err();
        ignore_broken_pipe(printed).context("cannot print")?;
        Ok(if has_sample || is_closed { CommandExit::Done } else { CommandExit::Unreachable })
    })
}

/// Sends one line per poll until `count` lines were sent or the receiver is gone.
async fn stream_samples(mut poller: Poller, report: Report, count: Option<u64>, sender: Sender<WatchLine>) {
    let mut sent = 0;
    while count.is_none_or(|count| sent < count) {
        // Reserve the slot before polling, so that the sample is printed immediately.
        let Ok(permit) = sender.reserve().await else { return };
        let (line, pause) = match poller.poll().await {
            Ok(next) => ((json::report_line(poller.reported(), &report), true), next),
            Err(failure) => {
                let pause = failure.retry_at.saturating_sub(poller.now().monotonic);
                ((json::failure_line(&poller, &failure), false), pause)
            }
        };
        permit.send(line);
        sent += 1;
        if count.is_none_or(|count| sent < count) {
            sleep(pause).await;
        }
    }
}
