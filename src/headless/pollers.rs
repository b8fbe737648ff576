//! Polls several HAProxy instances concurrently, so that an instance that does not answer does not delay the others.

use std::io::Write;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};

use crate::headless::poller::Poller;
use crate::observe::link::PollFailure;

/// A poller that has finished polling, and the time that its samples cover or the reason why polling failed.
pub(crate) type PolledInstance = (Poller, Result<Duration, PollFailure>);

/// Starts the single-threaded I/O runtime.
///
/// # Errors
/// Returns an error if the operating system refuses to start it.
pub(crate) fn start_runtime() -> anyhow::Result<Runtime> {
    Builder::new_current_thread().enable_all().build().context("cannot start the I/O runtime")
}

/// Polls all instances at the interval `every` until `over` has passed, and while a rule is not evaluated until `at_most`
/// has passed. Returns the pollers in the same order.
///
/// # Errors
/// Returns an error if the I/O runtime cannot start or a poll task panics.
pub(crate) fn poll_all(
    pollers: Vec<Poller>,
    over: Duration,
    at_most: Duration,
    every: Duration,
) -> anyhow::Result<Vec<PolledInstance>> {
    start_runtime()?.block_on(async {
        let poll = |mut poller: Poller| async move {
            let polled = poller.poll_until_evaluated(over, at_most, every).await;
            (poller, polled)
        };
        let tasks: Vec<_> = pollers.into_iter().map(|poller| tokio::spawn(poll(poller))).collect();
        let mut all = Vec::with_capacity(tasks.len());
        for task in tasks {
            all.push(task.await.context("a poll task failed")?);
        }
        Ok(all)
    })
}

/// Writes to `err` why the instance `name` could not be polled, and how to fix this if a hint is known.
pub(crate) fn report_failure(name: &str, failure: &PollFailure, err: &mut dyn Write) {
    // A failed write is ignored: the exit code reports the failure, too.
    let _ = writeln!(err, "hapulse: {name}: {}", failure.reason);
    if let Some(hint) = &failure.hint {
        let _ = writeln!(err, "  {hint}");
    }
}

/// Writes to `err` how many rows of the instance were not read, because its reply has too many.
pub(crate) fn report_dropped_rows(poller: &Poller, err: &mut dyn Write) {
    if let Some(text) = poller.instance.latest().and_then(|sample| sample.dropped_rows_text()) {
        // A failed write is ignored: standard error is only for people.
        let _ = writeln!(err, "hapulse: {}: {text}", poller.name);
    }
}
