//! More than one HAProxy, looked at side by side and each in its own time: one that does not answer holds nobody up.

use std::io::Write;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};

use crate::headless::poller::Lookout;
use crate::observe::link::Failure;

/// What became of the looks at one HAProxy: how long it was looked at, or why not.
pub type Looked = (Lookout, Result<Duration, Failure>);

/// What everything under way runs in.
///
/// # Errors
/// When the system does not let it begin.
pub fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_current_thread().enable_all().build().context("cannot start the I/O runtime")
}

/// Looks at all of them from now on, `every` so often, until `over` has passed.
///
/// # Errors
/// When the system does not let it begin.
pub fn look(lookouts: Vec<Lookout>, over: Duration, every: Duration) -> anyhow::Result<Vec<Looked>> {
    runtime()?.block_on(async {
        let look = |mut lookout: Lookout| async move {
            let looked = lookout.look_over(over, every).await;
            (lookout, looked)
        };
        let under_way: Vec<_> = lookouts.into_iter().map(|lookout| tokio::spawn(look(lookout))).collect();
        let mut all = Vec::with_capacity(under_way.len());
        for task in under_way {
            all.push(task.await.context("a look did not end well")?);
        }
        Ok(all)
    })
}

/// Why one could not be looked at, and what mends it.
pub fn tell(name: &str, failure: &Failure, aside: &mut dyn Write) {
    // Where this cannot be told, the exit code says it.
    let _ = writeln!(aside, "hapulse: {name}: {}", failure.why);
    if let Some(hint) = &failure.hint {
        let _ = writeln!(aside, "  {hint}");
    }
}
