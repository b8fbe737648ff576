//! `hapulse record --status`: what a recording folder contains, and whether a recorder writes to it.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use jiff::tz::TimeZone;

use crate::haproxy::safe_text::SafeText;
use crate::headless::exit_code::CommandExit;
use crate::headless::local_time::local_time;
use crate::recording::folder::{FolderLock, LockHolder, instance_size};
use crate::recording::reader::Recording;
use crate::recording::recorded_events::EventContents;
use crate::units::{bytes, duration_words, pluralize};

/// Time in which a recorder has written a sample: it waits for others, and the disk for a moment.
const WRITING_TIME: Duration = Duration::from_secs(20);

/// Prints the state of a recording folder and of these recordings in it to `out`. The exit code is 1 if no recorder writes to
/// the folder, if it has written nothing for too long, or if anything is damaged.
///
/// # Errors
/// Returns an error if the folder cannot be read.
pub(crate) fn print(
    folder: &Path,
    recordings: &mut [Recording],
    now: SystemTime,
    zone: &TimeZone,
    out: &mut dyn Write,
) -> anyhow::Result<CommandExit> {
    let place = SafeText::from(folder);
    let holder = FolderLock::holder(folder).with_context(|| format!("cannot read {place}"))?;
    let missing = |recording: &mut Recording| {
        holder.map_or(Ok(Missing::Nothing), |holder| missing_since(recording, holder.started, now))
    };
    let missing: Vec<Missing> = recordings.iter_mut().map(missing).collect::<Result<_, _>>()?;
    let writes = missing.is_empty() || missing.iter().any(|missing| !matches!(missing, Missing::Stalled(_)));
    let is_active = |holder: LockHolder| now.duration_since(holder.active).unwrap_or_default() <= WRITING_TIME;
    let state = match holder {
        Some(_) if writes => "recording",
        Some(holder) if is_active(holder) && is_disk_full(folder) => "not recording: the disk is full; trying again",
        Some(holder) if is_active(holder) => "not recording: the recorder cannot write; its messages say why",
        Some(_) => "not recording: a recorder has locked the folder, but writes nothing; it is stopped or hangs",
        None => "not recording",
    };
    writeln!(out, "{place}: {state}, {}", pluralize(recordings.len() as i64, "instance"))?;
    let mut is_damaged = false;
    for (recording, missing) in recordings.iter_mut().zip(missing) {
        let size = bytes(recording.folder().map_or(Ok(0), instance_size)? as f64);
        let address = match recording.address() {
            "" => SafeText::from("address unknown"),
            address => SafeText::from(address),
        };
        writeln!(out, "{} ({address})", SafeText::from(recording.name()))?;
        match recording.span() {
            Some(span) => {
                let age = now.duration_since(span.last.wall).unwrap_or_default();
                let (first, last) = (local_time(span.first.wall, zone), local_time(span.last.wall, zone));
                writeln!(out, "  {first} to {last}, the last sample {} ago", duration_words(age))?;
                writeln!(out, "  {}, {size}", pluralize(recording.sample_count() as i64, "sample"))?;
            }
            None => writeln!(out, "  no samples, {size}")?,
        }
        match missing {
            Missing::Nothing => {}
            Missing::Unanswered(reason) => writeln!(out, "  HAProxy does not answer: {reason}")?,
            Missing::Stalled(_) if !writes => {}
            Missing::Stalled(age) => writeln!(out, "  nothing was recorded for {}", duration_words(age))?,
        }
        recording.verify()?;
        let damage = recording.damage();
        is_damaged |= !damage.is_empty();
        for damage in damage {
            writeln!(out, "  damaged: {damage}")?;
        }
    }
    Ok(if holder.is_some() && writes && !is_damaged { CommandExit::Done } else { CommandExit::Refused })
}

/// The reason why a recording has no recent sample.
enum Missing {
    /// It has one.
    Nothing,
    /// Polls fail, for this reason.
    Unanswered(SafeText),
    /// Nothing was written for this time.
    Stalled(Duration),
}

/// Room on a disk below which records cannot be written, in bytes.
const FULL_DISK_BYTES: u64 = 64 << 10;

fn is_disk_full(folder: &Path) -> bool {
    rustix::fs::statvfs(folder).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < FULL_DISK_BYTES)
}

/// Returns why a recorder that has run since `started` has recorded nothing for some time.
fn missing_since(recording: &mut Recording, started: SystemTime, now: SystemTime) -> io::Result<Missing> {
    let last = recording.header_before(u64::MAX)?;
    let sample = last.map_or(Ok(None), |last| Ok::<_, io::Error>(recording.restore_samples(&[last.seq])?.pop()))?;
    let interval = sample.map_or(Duration::ZERO, |sample| sample.interval);
    let since = last.map_or(started, |last| last.wall.max(started));
    let age = now.duration_since(since).unwrap_or_default();
    if age <= interval.saturating_mul(3) + WRITING_TIME {
        return Ok(Missing::Nothing);
    }
    // A failure is recorded once, perhaps by the run before.
    let from = last.map_or(SystemTime::UNIX_EPOCH, |last| last.wall);
    let failure = recording.events(&(from..=now))?.into_iter().rev().find_map(|event| match event.contents {
        EventContents::PollFailure(reason) => Some(reason),
        EventContents::Cause(_) | EventContents::Action(_) | EventContents::Change(_) => None,
    });
    Ok(failure.map_or(Missing::Stalled(age), Missing::Unanswered))
}
