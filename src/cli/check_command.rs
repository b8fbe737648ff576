//! What may stand behind `hapulse check`.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::cli::common_args::{EVERY, Looking};
use crate::cli::resolve as configured;
use crate::config::duration;
use crate::config::target::Target;
use crate::headless::check::check::{self, Asked, OVER, State, unknown};
use crate::problems::thresholds::{BadThreshold, Thresholds};

/// The word that this stands behind.
const NAME: &str = "check";

#[derive(Debug, Clone, Args)]
#[command(after_help = format!("Looks once a second, for {} s where --over says nothing else: every rule of docs/problems.md is then judged but tls-reuse, which takes a minute. What checks did before is not seen: flapping and failing-checks count from the start of the look. Under check_nrpe, which waits for 10 s, give it -t 20, or hapulse --over 8s.\n\n\
    Examples:\n  \
    hapulse check                                        the HAProxy that runs here\n  \
    hapulse check lb01:9999 eu=lb02:9999                 both; the worst state counts\n  \
    hapulse check --over 8s --threshold response-time.crit=2000\n  \
    hapulse check --threshold backend-5xx=off /run/haproxy/admin.sock\n\n\
    Exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN: HAProxy does not answer, or it cannot be asked like this", OVER.as_secs()))]
pub(super) struct CheckArgs {
    /// Stats sockets: PATH, HOST:PORT, [IPv6]:PORT, or NAME= and one of these
    #[arg(value_name = "TARGET")]
    named: Vec<Target>,
    /// How long to look: a number and s or m, such as 30s
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    over: Option<Duration>,
    /// Another limit for a problem: RULE.warn=N, RULE.crit=N, RULE.hold=SECONDS or RULE=off; may be repeated
    #[arg(long = "threshold", value_name = "RULE.warn=N", value_parser = threshold)]
    thresholds: Vec<String>,
    #[command(flatten)]
    looking: Looking,
}

/// Checks one limit, so that a bad one is told as a matter of usage.
fn threshold(text: &str) -> Result<String, BadThreshold> {
    Thresholds::default().set_by_text(text).map(|()| text.to_owned())
}

/// Does it; whatever goes wrong is UNKNOWN.
pub(super) fn run(args: CheckArgs) -> ExitCode {
    let state = checked(args).unwrap_or_else(|error| {
        tell(&format!("{error:#}"));
        State::Unknown
    });
    ExitCode::from(state.number())
}

fn checked(args: CheckArgs) -> anyhow::Result<State> {
    let CheckArgs { named, over, thresholds: changes, looking } = args;
    let settings = looking.settings()?;
    let targets = looking.targets(&named, &settings)?;
    let mut thresholds = configured::thresholds(&settings.thresholds)?;
    changes.iter().try_for_each(|text| thresholds.set_by_text(text))?;
    let lookouts = Looking::lookouts(&targets, EVERY, &thresholds);
    let asked = Asked { over: over.unwrap_or(OVER), every: EVERY, thresholds };
    check::run(&asked, lookouts, &mut io::stdout().lock())
}

/// What a monitoring system shows is what it reads here; where it reads no more, the exit code says it.
fn tell(why: &str) {
    let _ = writeln!(io::stdout(), "{}", unknown(why));
}

/// The exit code of a bad command line, if it was meant for this: 2 would be CRITICAL.
pub(super) fn usage(error: &clap::Error) -> Option<ExitCode> {
    let is_ours = std::env::args_os().nth(1).is_some_and(|word| word == NAME);
    if !is_ours || !error.use_stderr() {
        return None;
    }
    tell(error.to_string().trim().trim_start_matches("error: "));
    Some(ExitCode::from(State::Unknown.number()))
}
