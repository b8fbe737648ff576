//! `hapulse get`: bare values, one a line in the order they were asked for, for monitoring systems and shells.
//!
//! Either all of them are printed or none: a line always answers the key at its place. What is known and has no
//! value now is an empty line, or the word that was chosen for it.

use std::io::Write;
use std::time::Duration;

use anyhow::Context as _;

use crate::headless::exit_code::Code;
use crate::headless::poller::Lookout;
use crate::headless::pollers;
use crate::headless::print::until_nobody_reads;
use crate::headless::report::metric_path::Key;
use crate::headless::report::show::OVER;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// By name.
    pub keys: Vec<Key>,
    /// Looks twice, so far apart, and gives what counters grew by a second.
    pub over: Option<Duration>,
    /// What is printed where there is no value.
    pub unknown: String,
}

/// Looks at one HAProxy, and prints to `out`, and to `aside` what went wrong.
///
/// # Errors
/// When nothing can be printed, or the system does not let it begin. That nobody reads any more is no error.
pub fn run(asked: &Asked, lookout: Lookout, out: &mut dyn Write, aside: &mut dyn Write) -> anyhow::Result<Code> {
    let spans = asked.keys.iter().any(Key::spans);
    let over = asked.over.unwrap_or(if spans { OVER } else { Duration::ZERO });
    // Two looks: what lies between is of no interest.
    let looked = pollers::look(vec![lookout], over, over.max(OVER))?;
    let (lookout, looked) = looked.first().context("nothing was looked at")?;
    if let Err(failure) = looked {
        pollers::tell(&lookout.name, failure, aside);
        return Ok(Code::Unreachable);
    }
    let is_per_second = asked.over.is_some_and(|over| !over.is_zero());
    let (mut lines, mut is_missing) = (String::new(), false);
    for key in &asked.keys {
        match key.value(&lookout.watch, is_per_second) {
            Ok(value) => {
                let bare = value.bare();
                lines.push_str(if bare.is_empty() { &asked.unknown } else { &bare });
                lines.push('\n');
            }
            Err(why) => {
                // Where this cannot be told, the exit code says it.
                let _ = writeln!(aside, "hapulse: {why}");
                is_missing = true;
            }
        }
    }
    if is_missing {
        return Ok(Code::Refused);
    }
    until_nobody_reads(out.write_all(lines.as_bytes()).and_then(|()| out.flush())).context("cannot print")?;
    Ok(Code::Done)
}
