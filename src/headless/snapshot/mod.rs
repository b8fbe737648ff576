//! `hapulse snapshot`: copies a span of recordings to one file, which can be opened anywhere. `:snapshot` of the dashboard does
//! the same with what memory holds ([`memory`]).
//!
//! The samples of the span are restored, anonymized on request, and written again ([`snapshot_copy`]). The file appears under
//! its name only when it is complete.

use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use anyhow::Context as _;

use crate::haproxy::safe_text::SafeText;
use crate::headless::exit_code::CommandExit;
use crate::headless::pollers::start_runtime;
use crate::headless::signals::Signals;
use crate::headless::snapshot::output::{SnapshotOutput, output_name};
use crate::headless::snapshot::snapshot_contents::SnapshotContents;
use crate::headless::snapshot::snapshot_copy::SnapshotCopy;
use crate::recording::reader::Recording;
use crate::recording::recorded_blocks::damage_words;

pub(crate) mod memory;
mod memory_events;
pub(crate) mod new_file;
pub(crate) mod output;
pub(crate) mod run_events;
pub(crate) mod snapshot_contents;
mod snapshot_copy;

/// The file of a snapshot, and what is written to it.
#[derive(Debug)]
pub(crate) struct SnapshotOptions {
    /// File to write; `None` for standard output.
    pub(crate) out: Option<PathBuf>,
    /// Replace the file if it exists.
    pub(crate) is_forced: bool,
    /// Replace names and texts.
    pub(crate) is_anonymized: bool,
}

/// Result of writing a snapshot.
#[derive(Debug)]
pub(crate) enum SnapshotResult {
    /// The file was written.
    Written(SnapshotContents),
    /// There are no samples in the span; no file was written.
    Empty,
    /// A signal stopped the command; no file was written.
    Stopped(CommandExit),
}

/// Writes a snapshot of recordings in a span of wall clock time. Damaged places of the recordings are left out.
///
/// # Errors
/// Returns an error if the recordings cannot be read or the file cannot be written.
pub(crate) fn run(
    options: SnapshotOptions,
    time: RangeInclusive<SystemTime>,
    recordings: Vec<Recording>,
) -> anyhow::Result<SnapshotResult> {
    let is_stopped = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&is_stopped);
    start_runtime()?.block_on(async {
        let mut signals = Signals::listen();
        let mut writing = tokio::task::spawn_blocking(move || {
            write(&options, &is_stopped, |copy| copy_recordings(copy, &time, recordings))
        });
        let written = tokio::select! {
            written = &mut writing => written,
            signal = signals.wait() => {
                stop.store(true, Ordering::Relaxed);
                return match writing.await.context("the snapshot failed")?? {
                    SnapshotResult::Written(contents) => Ok(SnapshotResult::Written(contents)),
                    SnapshotResult::Empty | SnapshotResult::Stopped(_) => {
                        Ok(SnapshotResult::Stopped(CommandExit::Signal(signal)))
                    }
                };
            }
        };
        written.context("the snapshot failed")?
    })
}

fn copy_recordings(
    copy: &mut SnapshotCopy<'_, impl io::Write>,
    time: &RangeInclusive<SystemTime>,
    recordings: Vec<Recording>,
) -> anyhow::Result<()> {
    for mut recording in recordings {
        copy.add_recording(&mut recording, time).context("cannot copy the recording")?;
        if let Some(damage) = damage_words(&recording) {
            eprintln!("hapulse: warning: {}: {damage}", SafeText::from(recording.name()));
            copy.contents.is_damaged = true;
        }
    }
    Ok(())
}

/// Writes what `copy_all` adds.
fn write(
    options: &SnapshotOptions,
    is_stopped: &AtomicBool,
    copy_all: impl FnOnce(&mut SnapshotCopy<'_, io::BufWriter<SnapshotOutput>>) -> anyhow::Result<()>,
) -> anyhow::Result<SnapshotResult> {
    let place = output_name(options.out.as_deref());
    let cannot_write = || format!("cannot write {place}");
    let out = SnapshotOutput::open(options.out.as_deref(), options.is_forced).with_context(cannot_write)?;
    let mut copy = SnapshotCopy::new(io::BufWriter::new(out), options.is_anonymized, is_stopped);
    copy_all(&mut copy)?;
    if is_stopped.load(Ordering::Relaxed) {
        return Ok(SnapshotResult::Stopped(CommandExit::Refused));
    }
    let SnapshotCopy { writer, mut contents, .. } = copy;
    if contents.samples == 0 {
        return Ok(SnapshotResult::Empty);
    }
    let out = writer.finish().and_then(|out| Ok(out.into_inner()?)).with_context(cannot_write)?;
    contents.bytes = out.finish().with_context(cannot_write)?;
    Ok(SnapshotResult::Written(contents))
}
