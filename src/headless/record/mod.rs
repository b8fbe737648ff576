//! `hapulse record`: polls instances and writes their samples, causes and actions to a recording folder until it is stopped.
//!
//! Each instance is polled in its own task. All files are written by one thread ([`disk_thread`]), so that a slow or full disk
//! delays no poll: while the disk is too slow, samples are left out and counted. A failed poll is recorded once, and polling
//! continues with increasing pauses, as in the dashboard.

use std::collections::HashMap;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::sleep;

use crate::config::target::Target;
use crate::haproxy::safe_text::SafeText;
use crate::headless::exit_code::CommandExit;
use crate::headless::poller::Poller;
use crate::headless::pollers::start_runtime;
use crate::headless::record::cause_changes::CauseSelector;
use crate::headless::record::disk_thread::{DiskThread, RecordMessage, RecordedInstance};
use crate::headless::record::record_options::RecordOptions;
use crate::headless::record::sample_changes::ChangeSelector;
use crate::headless::signals::Signals;
use crate::observe::timestamp::Timestamp;
use crate::recording::folder::{FolderLock, folder_name};
use crate::recording::recorded_events::{EventContents, RecordedEvent};
use crate::recording::writer::Recorder;
use crate::units::duration_words;

pub(crate) mod audit_tail;
pub(crate) mod cause_changes;
pub(crate) mod disk_thread;
pub(crate) mod record_options;
pub(crate) mod recording_status;
pub(crate) mod sample_changes;

/// Number of attempts to lock the folder: `--status` locks it for a moment, too.
const LOCK_ATTEMPTS: usize = 5;

/// Records until a signal arrives.
///
/// # Errors
/// Returns an error if the folder cannot be used, if another recorder writes to it, or if the I/O runtime cannot start.
pub(crate) fn run(options: &RecordOptions, targets: &[Target], pollers: Vec<Poller>) -> anyhow::Result<CommandExit> {
    let place = SafeText::from(options.folder.as_path());
    let lock = lock_folder(options).with_context(|| format!("cannot record to {place}"))?;
    let is_locked = || format!("another hapulse records to {place}; hapulse record --status shows what");
    let lock = lock.with_context(is_locked)?;
    let mut folders: HashMap<String, &Target> = HashMap::new();
    let mut instances = Vec::with_capacity(targets.len());
    for (target, poller) in targets.iter().zip(&pollers) {
        let (name, address) = (target.label(), target.address.to_string());
        if let Some(other) = folders.insert(folder_name(&name), target) {
            anyhow::bail!(describe_same_name(other, target));
        }
        let recorder = Recorder::new(&options.folder, options.choice, &name, &address)
            .with_context(|| format!("cannot record to {place}"))?;
        eprintln!("hapulse: recording {} to {place}", SafeText::from(name.as_str()));
        instances.push(RecordedInstance::new(recorder, &name, address, poller.clock));
    }
    let mut disk = DiskThread::start(instances, options, lock).context("cannot start the thread that writes files")?;
    let signal = start_runtime()?.block_on(async {
        let mut signals = Signals::listen();
        for (index, poller) in pollers.into_iter().enumerate() {
            tokio::spawn(record_samples(index, poller, disk.sender()));
        }
        tokio::select! {
            signal = signals.wait() => Some(signal),
            () = disk.wait_for_lost_lock() => None,
        }
    });
    // The tasks ended with the runtime, and with them their senders.
    disk.finish();
    signal.map(CommandExit::Signal).with_context(is_locked)
}

/// Describes two targets that would be recorded to the same folder.
fn describe_same_name(one: &Target, other: &Target) -> String {
    let name = SafeText::from(other.label().as_str());
    let (one, other) = (&one.address, &other.address);
    format!(
        "two targets have the name {name}: {one} and {other}\n  give them different names: {name}={one} {name}-2={other}"
    )
}

fn lock_folder(options: &RecordOptions) -> std::io::Result<Option<FolderLock>> {
    for _ in 1..LOCK_ATTEMPTS {
        if let Some(lock) = FolderLock::acquire(&options.folder, options.choice)? {
            return Ok(Some(lock));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    FolderLock::acquire(&options.folder, options.choice)
}

/// Polls one instance until the runtime ends.
async fn record_samples(instance: usize, mut poller: Poller, disk: SyncSender<RecordMessage>) {
    let (mut is_failing, mut missed) = (false, 0_u64);
    let mut failed_at: Option<Duration> = None;
    let name = SafeText::from(poller.name.as_str());
    let (mut changes, mut causes) = (ChangeSelector::default(), CauseSelector::default());
    loop {
        let pause = match poller.poll().await {
            Ok(next) => {
                is_failing = false;
                if let Some(at) = failed_at.take() {
                    let time = duration_words(poller.now().monotonic.saturating_sub(at));
                    eprintln!("hapulse: {name}: HAProxy answers again, after {time}");
                }
                if let Some(sample) = poller.instance.latest() {
                    let mut events = changes.select_new(&poller.instance);
                    events.extend(causes.select_new(&poller.instance, sample.at));
                    let message = RecordMessage::Sample { instance, sample: sample.clone(), events, missed };
                    missed = if send(&disk, message) { 0 } else { missed + 1 };
                }
                next
            }
            Err(failure) => {
                if failed_at.is_none() {
                    failed_at = Some(poller.now().monotonic);
                    eprintln!(
                        "hapulse: {name}: HAProxy does not answer: {}; trying again",
                        SafeText::from(failure.reason.as_str())
                    );
                }
                if !is_failing {
                    let now = poller.now();
                    let event = failure_event(failure.reason.as_str(), now);
                    is_failing = send(&disk, RecordMessage::Event { instance, event });
                }
                failure.retry_at.saturating_sub(poller.now().monotonic)
            }
        };
        sleep(pause).await;
    }
}

fn failure_event(reason: &str, at: Timestamp) -> RecordedEvent {
    RecordedEvent { at, contents: EventContents::PollFailure(SafeText::from(reason)) }
}

/// Sends a message to the disk thread. Returns whether there was room for it.
fn send(disk: &SyncSender<RecordMessage>, message: RecordMessage) -> bool {
    match disk.try_send(message) {
        Ok(()) => true,
        Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
    }
}
