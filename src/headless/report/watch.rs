//! `hapulse watch`: a JSON object a sample, one line each, for as long as somebody reads.
//!
//! Each HAProxy is looked at in its own rhythm. A look that fails is a line of its own kind and no end: the next one
//! comes later and later, as the dashboard's. A reader that is too slow gets fewer samples, never older ones: nothing
//! is looked at before the line before it was taken.

use std::io::Write;

use anyhow::Context as _;
use tokio::sync::mpsc::{self, Sender};
use tokio::time::sleep;

use crate::headless::exit_code::Code;
use crate::headless::poller::Lookout;
use crate::headless::pollers::runtime;
use crate::headless::print::until_nobody_reads;
use crate::headless::report::json;
use crate::headless::report::report::Picture;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What is printed.
    pub picture: Picture,
    /// Lines of each HAProxy; without end where it is not said.
    pub count: Option<u64>,
}

/// One line, and whether it tells of a sample.
type Told = (serde_json::Result<String>, bool);

/// Prints to `out` until nobody reads, or all has been said.
///
/// # Errors
/// When nothing can be printed, or the system does not let it begin. That nobody reads any more is no error.
pub fn run(asked: &Asked, lookouts: Vec<Lookout>, out: &mut dyn Write) -> anyhow::Result<Code> {
    let picture = asked.picture.clone().laid_out(true);
    runtime()?.block_on(async {
        let (tell, mut told) = mpsc::channel(1);
        for lookout in lookouts {
            tokio::spawn(follow(lookout, picture.clone(), asked.count, tell.clone()));
        }
        drop(tell);
        let (mut printed, mut is_seen) = (Ok(()), false);
        while let (Ok(()), Some((line, is_sample))) = (&printed, told.recv().await) {
            is_seen |= is_sample;
            let line = line.context("cannot write a sample as JSON")?;
            printed = writeln!(out, "{line}").and_then(|()| out.flush());
        }
        let is_gone = printed.is_err();
        until_nobody_reads(printed).context("cannot print")?;
        Ok(if is_seen || is_gone { Code::Done } else { Code::Unreachable })
    })
}

/// Looks at one until it was looked at so often, or nobody listens.
async fn follow(mut lookout: Lookout, picture: Picture, count: Option<u64>, tell: Sender<Told>) {
    let mut said = 0;
    while count.is_none_or(|count| said < count) {
        // Room first: what is then looked at is told at once.
        let Ok(room) = tell.reserve().await else { return };
        let (told, pause) = match lookout.look().await {
            Ok(next) => ((json::seen(&lookout, &picture), true), next),
            Err(failure) => {
                let pause = failure.retry_at.saturating_sub(lookout.now().mono);
                ((json::lost(&lookout, &failure), false), pause)
            }
        };
        room.send(told);
        said += 1;
        if count.is_none_or(|count| said < count) {
            sleep(pause).await;
        }
    }
}
