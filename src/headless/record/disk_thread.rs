//! The thread that writes the files of all recorded instances.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::haproxy::safe_text::SafeText;
use crate::headless::record::audit_tail::AuditTail;
use crate::headless::record::record_options::RecordOptions;
use crate::observe::sample::Sample;
use crate::observe::timestamp::Clock;
use crate::recording::recorded_events::{EventContents, RecordedEvent};
use crate::recording::writer::Recorder;
use crate::units::pluralize;

/// Number of messages that wait for the disk. While it is slow, further samples are left out.
const WAITING_MESSAGES: usize = 16;
/// Time between two checks of what has to be written without a new sample, and of new audit records.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two checks of the retention.
const RETENTION_INTERVAL: Duration = Duration::from_mins(1);

/// Message of a task to the thread.
#[derive(Debug)]
pub(crate) enum RecordMessage {
    /// A sample, with the events that it shows.
    Sample {
        /// Index of the instance.
        instance: usize,
        /// The sample.
        sample: Arc<Sample>,
        /// Changes of causes.
        events: Vec<RecordedEvent>,
        /// Number of samples before it that could not be sent.
        missed: u64,
    },
    /// Another event.
    Event {
        /// Index of the instance.
        instance: usize,
        /// The event.
        event: RecordedEvent,
    },
}

/// One instance that is recorded.
#[derive(Debug)]
pub(crate) struct RecordedInstance {
    recorder: Recorder,
    name: SafeText,
    address: String,
    clock: Clock,
    /// Message of the last error, until writing succeeds again.
    failure: Option<String>,
    /// Samples that were lost before the failure was reported.
    lost_before: u64,
}

impl RecordedInstance {
    /// Creates the instance with this name and address. Its samples have the times of `clock`.
    pub(crate) fn new(recorder: Recorder, name: &str, address: String, clock: Clock) -> Self {
        Self { recorder, name: SafeText::from(name), address, clock, failure: None, lost_before: 0 }
    }

    /// Reports an error once, and that writing succeeds again.
    fn report(&mut self, result: io::Result<()>, has_written: bool) {
        let Self { recorder, name, failure, lost_before, .. } = self;
        match result {
            Err(error) => {
                let text = error.to_string();
                if failure.as_ref() != Some(&text) {
                    let place = SafeText::from(recorder.folder());
                    eprintln!(
                        "hapulse: {name}: cannot write to {place}: {}; trying again",
                        SafeText::from(text.as_str())
                    );
                    *failure = Some(text);
                }
            }
            Ok(()) if has_written && failure.take().is_some() => {
                let lost = recorder.counts().lost_samples;
                let count = pluralize((lost - *lost_before) as i64, "sample");
                eprintln!("hapulse: {name}: recording continues; {count} lost");
                *lost_before = lost;
            }
            Ok(()) => {}
        }
    }

    fn write(&mut self, write: impl FnOnce(&mut Recorder) -> io::Result<()>) {
        let before = self.recorder.counts().written_bytes;
        let result = write(&mut self.recorder);
        let has_written = self.recorder.counts().written_bytes > before;
        self.report(result, has_written);
    }
}

/// The running thread.
#[derive(Debug)]
pub(crate) struct DiskThread {
    sender: SyncSender<RecordMessage>,
    thread: JoinHandle<()>,
}

impl DiskThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses to start it.
    pub(crate) fn start(instances: Vec<RecordedInstance>, options: &RecordOptions) -> io::Result<Self> {
        let (sender, messages) = mpsc::sync_channel(WAITING_MESSAGES);
        let options = options.clone();
        let thread = thread::Builder::new()
            .name("disk".to_owned())
            .spawn(move || write_files(instances, &options, &messages))?;
        Ok(Self { sender, thread })
    }

    /// Returns a sender of messages.
    pub(crate) fn sender(&self) -> SyncSender<RecordMessage> {
        self.sender.clone()
    }

    /// Waits until everything is written. All other senders must have been dropped.
    pub(crate) fn finish(self) {
        drop(self.sender);
        if self.thread.join().is_err() {
            eprintln!("hapulse: the thread that writes files has failed");
        }
    }
}

fn write_files(mut instances: Vec<RecordedInstance>, options: &RecordOptions, messages: &Receiver<RecordMessage>) {
    let mut audit = options.audit.clone().map(AuditTail::new);
    let mut audit_failure = None;
    let (mut checked_at, mut retained_at): (Option<Instant>, Option<Instant>) = (None, None);
    loop {
        match messages.recv_timeout(CHECK_INTERVAL) {
            Ok(RecordMessage::Sample { instance, sample, events, missed }) => {
                if let Some(instance) = instances.get_mut(instance) {
                    if missed > 0 {
                        let count = pluralize(missed as i64, "sample");
                        eprintln!("hapulse: {}: {count} not recorded: the disk is too slow", instance.name);
                    }
                    for event in &events {
                        instance.recorder.add_event(event);
                    }
                    instance.write(|recorder| recorder.push(&sample));
                }
            }
            Ok(RecordMessage::Event { instance, event }) => {
                if let Some(instance) = instances.get_mut(instance) {
                    instance.recorder.add_event(&event);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let now = Instant::now();
        let is_due = |last: &mut Option<Instant>, pause: Duration| {
            let is_due = last.is_none_or(|last| now.duration_since(last) >= pause);
            if is_due {
                *last = Some(now);
            }
            is_due
        };
        if is_due(&mut checked_at, CHECK_INTERVAL) {
            add_actions(&mut instances, audit.as_mut(), &mut audit_failure);
            for instance in &mut instances {
                let now = instance.clock.now();
                instance.write(|recorder| recorder.flush_due(now, CHECK_INTERVAL));
            }
        }
        if is_due(&mut retained_at, RETENTION_INTERVAL)
            && let Some(clock) = instances.first().map(|instance| instance.clock)
            && let Err(error) = options.retention.apply(&options.folder, clock.now().wall)
        {
            eprintln!("hapulse: cannot remove old recordings: {}", SafeText::from(error.to_string().as_str()));
        }
    }
    add_actions(&mut instances, audit.as_mut(), &mut audit_failure);
    for instance in &mut instances {
        let now = instance.clock.now();
        instance.write(|recorder| recorder.flush(now));
    }
}

/// Adds the new records of the audit log to the recordings of their instances. An error is reported once.
fn add_actions(instances: &mut [RecordedInstance], audit: Option<&mut AuditTail>, failure: &mut Option<String>) {
    let Some(audit) = audit else { return };
    match audit.read_new() {
        Ok(records) => {
            for (record, line) in records {
                for instance in instances.iter_mut().filter(|instance| instance.address == record.address) {
                    let at = instance.clock.now();
                    let event = RecordedEvent { at, contents: EventContents::Action(line.clone()) };
                    instance.recorder.add_event(&event);
                }
            }
        }
        Err(error) => {
            let text = error.to_string();
            if failure.as_ref() != Some(&text) {
                eprintln!("hapulse: cannot read the audit log: {}", SafeText::from(text.as_str()));
                *failure = Some(text);
            }
        }
    }
}
