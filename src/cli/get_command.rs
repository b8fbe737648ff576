//! What may stand behind `hapulse get`.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use crate::cli::common_args::{EVERY, Looking, no_target, usage};
use crate::config::duration;
use crate::headless::report::get::{self, Asked};
use crate::headless::report::metric_path::Key;
use crate::problems::thresholds::Thresholds;

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    hapulse get CurrConns Maxconn                        two lines, two numbers\n  \
    hapulse get www/BACKEND.qcur www/web1.status\n  \
    hapulse get www/BACKEND.bin/s                        bytes a second, over one second\n  \
    hapulse get --over 5s CumReq www/FRONTEND.hrsp_5xx   what both grew by a second\n  \
    hapulse get www/web1.rtime --unknown 0 --target lb01:9999\n\n\
    A line for each key, in their order; an empty one where HAProxy has no value now. Where a key, a row or a column is not there at all nothing is printed, and the exit code is 1.\n\n\
    Exit codes: 0 fine, 1 no such thing, 2 usage or configuration, 3 HAProxy does not answer")]
pub(super) struct GetArgs {
    /// A key of show info, or PROXY/NAME.COLUMN: a server's name, FRONTEND or BACKEND, and a column as in :cols
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<Key>,
    /// Looks twice, so far apart, and prints of counters what they grew by a second
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    over: Option<Duration>,
    /// What to print where there is no value
    #[arg(long, value_name = "TEXT", default_value = "")]
    unknown: String,
    #[command(flatten)]
    looking: Looking,
}

/// Does it.
pub(super) fn run(args: GetArgs) -> anyhow::Result<ExitCode> {
    let GetArgs { keys, over, unknown, looking } = args;
    let settings = looking.settings()?;
    let targets = match looking.targets(&[], &settings) {
        Ok(targets) => targets,
        Err(why) => return Ok(no_target(&why)),
    };
    if targets.len() > 1 {
        eprintln!("hapulse: get is about one HAProxy; name it with --target");
        return Ok(usage());
    }
    let lookout = Looking::lookouts(&targets, EVERY, &Thresholds::default()).pop().context("no HAProxy is named")?;
    let asked = Asked { keys, over, unknown };
    let code = get::run(&asked, lookout, &mut io::stdout().lock(), &mut io::stderr())?;
    Ok(ExitCode::from(code.number()))
}
