//! `hapulse record --status`: what a recording folder contains, and whether a recorder writes to it.

use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context as _;
use jiff::tz::TimeZone;

use crate::haproxy::safe_text::SafeText;
use crate::headless::exit_code::CommandExit;
use crate::headless::local_time::local_time;
use crate::recording::folder::{FolderLock, instance_size, list_instances};
use crate::recording::reader::Recording;
use crate::units::{bytes, duration_words, pluralize};

/// Prints the state of a recording folder to `out`. The exit code is 1 if no recorder writes to it.
///
/// # Errors
/// Returns an error if the folder cannot be read.
pub(crate) fn print(
    folder: &Path,
    now: SystemTime,
    zone: &TimeZone,
    out: &mut dyn Write,
) -> anyhow::Result<CommandExit> {
    let place = SafeText::from(folder);
    let instances = list_instances(folder).with_context(|| format!("cannot read {place}"))?;
    let is_running = FolderLock::is_held(folder).with_context(|| format!("cannot read {place}"))?;
    let state = if is_running { "recording" } else { "not recording" };
    writeln!(out, "{place}: {state}, {}", pluralize(instances.len() as i64, "instance"))?;
    for path in instances {
        let place = SafeText::from(path.as_path());
        let recording = Recording::open(&path).with_context(|| format!("cannot read {place}"))?;
        let size = bytes(instance_size(&path)? as f64);
        writeln!(out, "{} ({})", SafeText::from(recording.name()), SafeText::from(recording.address()))?;
        match recording.span() {
            Some(span) => {
                let age = now.duration_since(span.last.wall).unwrap_or_default();
                let (first, last) = (local_time(span.first.wall, zone), local_time(span.last.wall, zone));
                writeln!(out, "  {first} to {last}, the last sample {} ago", duration_words(age))?;
                writeln!(out, "  {}, {size}", pluralize(recording.sample_count() as i64, "sample"))?;
            }
            None => writeln!(out, "  no samples, {size}")?,
        }
        for damage in recording.damage() {
            writeln!(out, "  damaged: {damage}")?;
        }
    }
    Ok(if is_running { CommandExit::Done } else { CommandExit::Refused })
}
