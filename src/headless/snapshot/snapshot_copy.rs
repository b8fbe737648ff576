//! Copies samples and events to a snapshot, anonymized on request.

use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use crate::headless::snapshot::run_events::events_of_run;
use crate::headless::snapshot::snapshot_contents::SnapshotContents;
use crate::observe::sample::Sample;
use crate::observe::timestamp::Timestamp;
use crate::recording::anonymize::Anonymizer;
use crate::recording::reader::{RecordedRange, RecordedRun, Recording};
use crate::recording::recorded_events::RecordedEvent;
use crate::recording::snapshot_writer::SnapshotWriter;

/// Number of samples that are restored at once.
pub(super) const SAMPLES_AT_ONCE: usize = 32;

/// A snapshot that is being written.
#[derive(Debug)]
pub(super) struct SnapshotCopy<'a, W: Write> {
    pub(super) writer: SnapshotWriter<W>,
    anonymizer: Option<Anonymizer>,
    pub(super) contents: SnapshotContents,
    is_stopped: &'a AtomicBool,
}

impl<'a, W: Write> SnapshotCopy<'a, W> {
    /// Begins a snapshot. Adding ends early when `is_stopped` is set.
    pub(super) fn new(out: W, is_anonymized: bool, is_stopped: &'a AtomicBool) -> Self {
        Self {
            writer: SnapshotWriter::new(out),
            anonymizer: is_anonymized.then(Anonymizer::default),
            contents: SnapshotContents::default(),
            is_stopped,
        }
    }

    /// Adds what was recorded about an instance within a span of wall clock time.
    ///
    /// # Errors
    /// Returns an error if the recording cannot be read, or the snapshot cannot be written.
    pub(super) fn add_recording(
        &mut self,
        recording: &mut Recording,
        time: &RangeInclusive<SystemTime>,
    ) -> io::Result<()> {
        let before = self.contents.samples;
        let runs = recording.runs(time);
        let Some(start) = runs.first().map(|run| run.start) else { return Ok(()) };
        let events = recording.events(&(start.wall.min(*time.start())..=*time.end()))?;
        for (index, run) in runs.iter().enumerate() {
            let end = runs.get(index + 1).map(|next| next.start.monotonic);
            let events = events_of_run(&events, run.start.monotonic, end, *time.start());
            self.add_run(recording, run, time, &events)?;
        }
        self.contents.instances += u64::from(self.contents.samples > before);
        Ok(())
    }

    fn add_run(
        &mut self,
        recording: &mut Recording,
        run: &RecordedRun,
        time: &RangeInclusive<SystemTime>,
        events: &[RecordedEvent],
    ) -> io::Result<()> {
        self.start_run(recording.name(), recording.address());
        let mut times: Option<(Timestamp, Timestamp)> = None;
        for block in &run.blocks {
            let headers = recording.headers(block)?;
            let seqs: Vec<u64> =
                headers.iter().filter(|header| time.contains(&header.wall)).map(|header| header.seq).collect();
            for part in seqs.chunks(SAMPLES_AT_ONCE) {
                if self.is_stopped() {
                    return Ok(());
                }
                for sample in recording.restore_samples(part)? {
                    times = Some((times.map_or(sample.at, |(first, _)| first), sample.at));
                    self.add_sample(sample)?;
                }
            }
        }
        self.finish_run(events)?;
        match times.filter(|(_, last)| !recording.are_events_known(last.monotonic)) {
            Some((first, last)) => self.writer.mark_lost_events(first, last),
            None => Ok(()),
        }
    }

    /// Returns whether nothing further needs to be added.
    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// Begins the samples of one run about an instance.
    pub(super) fn start_run(&mut self, name: &str, address: &str) {
        match &mut self.anonymizer {
            Some(anonymizer) => {
                let (name, address) = (anonymizer.instance_name(name), anonymizer.socket_address(address));
                self.writer.start_run(&name, &address);
            }
            None => self.writer.start_run(name, address),
        }
    }

    /// Adds the next sample of the run.
    ///
    /// # Errors
    /// Returns an error if the snapshot cannot be written.
    pub(super) fn add_sample(&mut self, sample: Arc<Sample>) -> io::Result<()> {
        let sample = match &mut self.anonymizer {
            Some(anonymizer) => Arc::new(anonymizer.sample(&sample)),
            None => sample,
        };
        self.writer.push(&sample)?;
        self.count(sample.at);
        Ok(())
    }

    /// Ends the run, of which these are the events in their order.
    ///
    /// # Errors
    /// Returns an error if the snapshot cannot be written.
    pub(super) fn finish_run(&mut self, events: &[RecordedEvent]) -> io::Result<()> {
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
