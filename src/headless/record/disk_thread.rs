//! The thread that writes the files of all recorded instances.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::haproxy::safe_text::SafeText;
use crate::headless::record::audit_tail::AuditTail;
use crate::headless::record::record_options::RecordOptions;
use crate::observe::sample::Sample;
use crate::observe::timestamp::Clock;
use crate::recording::folder::FolderLock;
use crate::recording::recorded_events::{EventContents, RecordedEvent};
use crate::recording::writer::Recorder;
use crate::units::pluralize;

/// Number of messages that wait for the disk. While it is slow, further samples are left out.
const WAITING_MESSAGES: usize = 16;
/// Time between two checks of what has to be written without a new sample, and of new audit records.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

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
        let before = self.recorder.counts();
        let result = write(&mut self.recorder);
        let counts = self.recorder.counts();
        if counts.removed_shards > before.removed_shards {
            let place = SafeText::from(self.recorder.folder());
            eprintln!("hapulse: {}: files in {place} were removed; recording continues in new ones", self.name);
        }
        self.report(result, counts.written_bytes > before.written_bytes);
    }
}

/// The running thread.
#[derive(Debug)]
pub(crate) struct DiskThread {
    sender: SyncSender<RecordMessage>,
    thread: JoinHandle<()>,
    /// Receives a value when another recorder has locked the folder.
    lost_lock: Option<oneshot::Receiver<()>>,
}

impl DiskThread {
    /// Starts the thread, which keeps the folder locked.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses to start it.
    pub(crate) fn start(
        instances: Vec<RecordedInstance>,
        options: &RecordOptions,
        lock: FolderLock,
    ) -> io::Result<Self> {
        let (sender, messages) = mpsc::sync_channel(WAITING_MESSAGES);
        let (lost, lost_lock) = oneshot::channel();
        let options = options.clone();
        let thread = thread::Builder::new().name("disk".to_owned()).spawn(move || {
            if write_files(instances, &options, &messages, lock).is_err() {
                // Without a receiver, the program is ending.
                let _ = lost.send(());
            }
        })?;
        Ok(Self { sender, thread, lost_lock: Some(lost_lock) })
    }

    /// Waits until another recorder has locked the folder, which was removed in between. Nothing is written then.
    pub(crate) async fn wait_for_lost_lock(&mut self) {
        let is_lost = match self.lost_lock.take() {
            Some(lost) => lost.await.is_ok(),
            None => false,
        };
        if !is_lost {
            std::future::pending::<()>().await;
        }
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

/// The folder is locked by another recorder.
struct LostLock;

fn write_files(
    mut instances: Vec<RecordedInstance>,
    options: &RecordOptions,
    messages: &Receiver<RecordMessage>,
    mut lock: FolderLock,
) -> Result<(), LostLock> {
    let mut audit = options.audit.clone().map(AuditTail::new);
    let mut audit_failure = None;
    let (mut checked_at, mut retained_at): (Option<Instant>, Option<Instant>) = (None, None);
    let mut retained_bytes = 0;
    let (max_bytes, max_time) =
        (options.retention.max_shard_bytes(instances.len()), options.retention.max_shard_time());
    for instance in &mut instances {
        instance.recorder.limit_shards(max_bytes, max_time);
    }
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
            // An error is reported when the next samples are written.
            if lock.renew().is_ok_and(|is_locked| !is_locked) {
                return Err(LostLock);
            }
            add_actions(&mut instances, audit.as_mut(), &mut audit_failure);
            for instance in &mut instances {
                let now = instance.clock.now();
                instance.write(|recorder| recorder.flush_due(now, CHECK_INTERVAL));
            }
        }
        let written: u64 = instances.iter().map(|instance| instance.recorder.counts().written_bytes).sum();
        let is_grown = options.retention.is_check_due(written - retained_bytes);
        if (is_grown || is_due(&mut retained_at, options.retention.check_interval()))
            && let Some(clock) = instances.first().map(|instance| instance.clock)
        {
            retained_bytes = written;
            if let Err(error) = options.retention.apply(&options.folder, clock.now().wall) {
                eprintln!("hapulse: cannot remove old recordings: {}", SafeText::from(error.to_string().as_str()));
            }
        }
    }
    add_actions(&mut instances, audit.as_mut(), &mut audit_failure);
    for instance in &mut instances {
        let now = instance.clock.now();
        instance.write(|recorder| recorder.flush(now));
    }
    Ok(())
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
