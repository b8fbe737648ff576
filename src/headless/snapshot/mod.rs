//! `hapulse snapshot`: copies a span of recordings to one file, which can be opened anywhere.
//!
//! The samples of the span are restored, anonymized on request, and written again. The file appears under its name only when
//! it is complete.

use std::io::{self, Write};
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
use crate::headless::snapshot::new_file::NewFile;
use crate::headless::snapshot::run_events::events_of_run;
use crate::observe::timestamp::Timestamp;
use crate::recording::anonymize::Anonymizer;
use crate::recording::reader::{RecordedRange, RecordedRun, Recording};
use crate::recording::recorded_blocks::damage_words;
use crate::recording::recorded_events::RecordedEvent;
use crate::recording::snapshot_writer::SnapshotWriter;

pub(crate) mod new_file;
pub(crate) mod run_events;

/// Number of samples that are restored at once.
const SAMPLES_AT_ONCE: usize = 32;

/// Options of `hapulse snapshot`.
#[derive(Debug)]
pub(crate) struct SnapshotOptions {
    /// Span of wall clock time.
    pub(crate) time: RangeInclusive<SystemTime>,
    /// File to write.
    pub(crate) out: PathBuf,
    /// Replace the file if it exists.
    pub(crate) is_forced: bool,
    /// Replace names and texts.
    pub(crate) is_anonymized: bool,
}

/// Contents of a snapshot that was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SnapshotContents {
    /// Number of instances.
    pub(crate) instances: u64,
    /// Number of samples.
    pub(crate) samples: u64,
    /// Times of the first and the last sample.
    pub(crate) times: Option<RecordedRange>,
    /// Size of the file, in bytes.
    pub(crate) bytes: u64,
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

/// Writes the snapshot. Damaged places of the recordings are left out.
///
/// # Errors
/// Returns an error if the recordings cannot be read or the file cannot be written.
pub(crate) fn run(options: SnapshotOptions, recordings: Vec<Recording>) -> anyhow::Result<SnapshotResult> {
    let is_stopped = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&is_stopped);
    start_runtime()?.block_on(async {
        let mut signals = Signals::listen();
        let mut writing = tokio::task::spawn_blocking(move || write(&options, recordings, &is_stopped));
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

fn write(
    options: &SnapshotOptions,
    recordings: Vec<Recording>,
    is_stopped: &AtomicBool,
) -> anyhow::Result<SnapshotResult> {
    let place = SafeText::from(options.out.as_path());
    let cannot_write = || format!("cannot write {place}");
    let file = NewFile::create(&options.out, options.is_forced).with_context(cannot_write)?;
    let mut copy = SnapshotCopy {
        writer: SnapshotWriter::new(io::BufWriter::new(file)).with_context(cannot_write)?,
        anonymizer: options.is_anonymized.then(Anonymizer::default),
        time: options.time.clone(),
        contents: SnapshotContents::default(),
        is_stopped,
    };
    for mut recording in recordings {
        copy.add_recording(&mut recording).context("cannot copy the recording")?;
        if let Some(damage) = damage_words(&recording) {
            eprintln!("hapulse: warning: {}: {damage}", SafeText::from(recording.name()));
        }
    }
    let SnapshotCopy { writer, mut contents, .. } = copy;
    if is_stopped.load(Ordering::Relaxed) {
        return Ok(SnapshotResult::Stopped(CommandExit::Refused));
    }
    if contents.samples == 0 {
        return Ok(SnapshotResult::Empty);
    }
    let file = writer.finish().and_then(|out| Ok(out.into_inner()?)).with_context(cannot_write)?;
    contents.bytes = file.finish().with_context(cannot_write)?;
    Ok(SnapshotResult::Written(contents))
}

/// A snapshot that is being written.
#[derive(Debug)]
struct SnapshotCopy<'a, W: Write> {
    writer: SnapshotWriter<W>,
    anonymizer: Option<Anonymizer>,
    time: RangeInclusive<SystemTime>,
    contents: SnapshotContents,
    is_stopped: &'a AtomicBool,
}

impl<W: Write> SnapshotCopy<'_, W> {
    /// Adds what was recorded about an instance within the span.
    fn add_recording(&mut self, recording: &mut Recording) -> io::Result<()> {
        let before = self.contents.samples;
        let runs = recording.runs(&self.time);
        let Some(start) = runs.first().map(|run| run.start) else { return Ok(()) };
        let events = recording.events(&(start.wall.min(*self.time.start())..=*self.time.end()))?;
        for (index, run) in runs.iter().enumerate() {
            let end = runs.get(index + 1).map(|next| next.start.monotonic);
            let events = events_of_run(&events, run.start.monotonic, end, *self.time.start());
            self.add_run(recording, run, &events)?;
        }
        self.contents.instances += u64::from(self.contents.samples > before);
        Ok(())
    }

    fn add_run(&mut self, recording: &mut Recording, run: &RecordedRun, events: &[RecordedEvent]) -> io::Result<()> {
        let (name, address) = (recording.name(), recording.address());
        match &mut self.anonymizer {
            Some(anonymizer) => {
                let (name, address) = (anonymizer.instance_name(name), anonymizer.socket_address(address));
                self.writer.start_run(&name, &address);
            }
            None => self.writer.start_run(name, address),
        }
        for block in &run.blocks {
            let headers = recording.headers(block)?;
            let seqs: Vec<u64> =
                headers.iter().filter(|header| self.time.contains(&header.wall)).map(|header| header.seq).collect();
            for part in seqs.chunks(SAMPLES_AT_ONCE) {
                if self.is_stopped.load(Ordering::Relaxed) {
                    return Ok(());
                }
                for sample in recording.restore_samples(part)? {
                    let sample = match &mut self.anonymizer {
                        Some(anonymizer) => Arc::new(anonymizer.sample(&sample)),
                        None => sample,
                    };
                    self.writer.push(&sample)?;
                    self.count(sample.at);
                }
            }
        }
        match &mut self.anonymizer {
            Some(anonymizer) => {
                let events: Vec<RecordedEvent> =
                    events.iter().filter_map(|event| anonymizer.recorded_event(event)).collect();
                self.writer.finish_run(&events)
            }
            None => self.writer.finish_run(events),
        }
    }

    fn count(&mut self, at: Timestamp) {
        self.contents.samples += 1;
        let times = self.contents.times.unwrap_or(RecordedRange { first: at, last: at });
        let first = if at.wall < times.first.wall { at } else { times.first };
        let last = if at.wall > times.last.wall { at } else { times.last };
        self.contents.times = Some(RecordedRange { first, last });
    }
}
