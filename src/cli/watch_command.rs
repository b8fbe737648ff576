//! What may stand behind `hapulse watch`.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::common_args::{Looking, no_target, remember, usage};
use crate::cli::resolve::thresholds;
use crate::cli::show_command::Choosing;
use crate::config::duration;
use crate::config::target::Target;
use crate::headless::report::report::Part;
use crate::headless::report::watch::{self, Asked};

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Prints a JSON object a sample, one line each, until it is stopped: those of hapulse show --format json, which \
    docs/json.md describes. What takes two samples, as all that is a second, is null in the first. While HAProxy \
    does not answer a line says why, under the key lost. Nothing but show info and show stat is sent.\n\n\
    Examples:\n  \
    hapulse watch                                        process, problems and rows, every 2 s\n  \
    hapulse watch --view info -i 10 >> info.jsonl\n  \
    hapulse watch --view status --columns scur,qcur,req --filter kind:backend lb01:9999\n  \
    hapulse watch --count 5 --view problems | jq .problems\n\n\
    Exit codes: 0 fine, or nobody reads any more, 1 error, 2 usage or configuration, 3 HAProxy never answered"
)]
pub(super) struct WatchArgs {
    /// Stats sockets: PATH, HOST:PORT, [IPv6]:PORT, or NAME= and one of these
    #[arg(value_name = "TARGET")]
    named: Vec<Target>,
    /// One JSON object a line
    #[arg(long, value_enum, default_value = "jsonl", value_name = "FORMAT")]
    format: Lines,
    /// A view by its digit or name, or problems, or info
    #[arg(long, value_name = "VIEW", default_value = "dashboard")]
    view: String,
    #[command(flatten)]
    choosing: Choosing,
    /// Seconds between two samples, 0.1 or more; stretched where a dump is expensive
    #[arg(short = 'i', long = "interval", value_name = "SECONDS", default_value = "2", value_parser = duration::interval)]
    interval: Duration,
    /// Ends after so many lines of each HAProxy
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    #[command(flatten)]
    looking: Looking,
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Lines {
    Jsonl,
}

/// Does it.
pub(super) fn run(args: WatchArgs) -> anyhow::Result<ExitCode> {
    let WatchArgs { named, format: Lines::Jsonl, view, choosing, interval, count, looking } = args;
    let picture = match view.parse::<Part>().and_then(|part| choosing.picture(part)) {
        Ok(picture) => picture,
        Err(why) => {
            eprintln!("hapulse: {why}\n  hapulse watch --help has examples");
            return Ok(usage());
        }
    };
    let settings = looking.settings()?;
    let targets = match looking.targets(&named, &settings) {
        Ok(targets) => targets,
        Err(why) => return Ok(no_target(&why)),
    };
    let mut lookouts = Looking::lookouts(&targets, interval, &thresholds(&settings.thresholds)?);
    if picture.asks_who() {
        remember(&mut lookouts, &targets, &settings);
    }
    let code = watch::run(&Asked { picture, count }, lookouts, &mut io::stdout().lock())?;
    Ok(ExitCode::from(code.number()))
}
