//! The thread that writes what memory holds to a file, so that a slow disk does not block the screen.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use crate::app::instance_view::InstanceView;
use crate::app::message::SnapshotRequest;
use crate::app::model::Model;
use crate::haproxy::safe_text::SafeText;
use crate::headless::snapshot::memory::{InstanceMemory, read_actions, write_memory};
use crate::headless::snapshot::output::output_name;
use crate::headless::snapshot::{SnapshotOptions, SnapshotResult};
use crate::live::loop_event::LoopEvent;
use crate::table::cell::Role;

/// Maximum time for which the end of the program waits for the thread to remove its incomplete file.
const STOP_WAIT: Duration = Duration::from_secs(2);
/// Time between two attempts to report the result while the queue of events is full.
const REPORT_PAUSE: Duration = Duration::from_millis(20);

/// The snapshot that is being written, if any.
pub(crate) struct SnapshotThread {
    events: SyncSender<LoopEvent>,
    /// Audit log, which has the actions.
    audit: Option<PathBuf>,
    running: Option<JoinHandle<()>>,
    is_stopped: Arc<AtomicBool>,
}

impl SnapshotThread {
    /// Prepares for snapshots, whose results are sent as events.
    pub(crate) fn new(events: SyncSender<LoopEvent>, audit: Option<&Path>) -> Self {
        Self { events, audit: audit.map(Path::to_owned), running: None, is_stopped: Arc::default() }
    }

    /// Copies what memory holds, and starts to write it. Refuses while another snapshot is being written.
    pub(crate) fn start(&mut self, request: SnapshotRequest, model: &mut Model, now: Duration) {
        if self.running.as_ref().is_some_and(|running| !running.is_finished()) {
            return model.notify("the last snapshot is still being written", Role::Warn, now);
        }
        let copy = |instance: &mut InstanceView| {
            let memory = instance.data.copy_memory()?;
            Some(InstanceMemory { name: instance.name.clone(), address: instance.address.clone(), memory })
        };
        let instances: Vec<InstanceMemory> = model.instances.iter_mut().filter_map(copy).collect();
        if instances.is_empty() {
            return model.notify("nothing to write: no sample yet", Role::Warn, now);
        }
        let (events, audit, is_stopped) = (self.events.clone(), self.audit.clone(), Arc::clone(&self.is_stopped));
        let path = absolute_path(&request.path);
        model.notify(format!("writing {}", output_name(Some(&path))), Role::Dim, now);
        let started = thread::Builder::new().name("snapshot".to_owned()).spawn(move || {
            let written = write(path, &request, &instances, audit.as_deref(), &is_stopped);
            let mut event = LoopEvent::SnapshotFinished(written);
            while let Err(TrySendError::Full(returned)) = events.try_send(event) {
                if is_stopped.load(Ordering::Relaxed) {
                    break;
                }
                event = returned;
                thread::sleep(REPORT_PAUSE);
            }
        });
        match started {
            Ok(running) => self.running = Some(running),
            Err(error) => model.notify(format!("cannot start a thread: {error}"), Role::Bad, now),
        }
    }

    /// Ends the snapshot that is being written; its file does not appear then.
    pub(crate) fn stop(&mut self) {
        let Some(running) = self.running.take().filter(|running| !running.is_finished()) else { return };
        self.is_stopped.store(true, Ordering::Relaxed);
        let until = Instant::now() + STOP_WAIT;
        while !running.is_finished() && Instant::now() < until {
            thread::sleep(REPORT_PAUSE);
        }
        eprintln!("hapulse: the snapshot was not completed");
    }
}

/// Returns a typed path as an absolute one, so that messages show where the file is. `~` is the home directory.
fn absolute_path(typed: &str) -> PathBuf {
    let home = || std::env::var_os("HOME").map(PathBuf::from);
    let in_home = typed.strip_prefix("~/").and_then(|rest| Some(home()?.join(rest)));
    let path = in_home.unwrap_or_else(|| PathBuf::from(typed));
    std::path::absolute(&path).unwrap_or(path)
}

/// Writes the snapshot, and describes the result.
fn write(
    path: PathBuf,
    request: &SnapshotRequest,
    instances: &[InstanceMemory],
    audit: Option<&Path>,
    is_stopped: &AtomicBool,
) -> Result<String, String> {
    let place = output_name(Some(&path));
    let (is_forced, is_anonymized) = (request.is_forced, request.is_anonymized);
    let options = SnapshotOptions { out: Some(path), is_forced, is_anonymized };
    let actions = audit.map_or(Ok(Vec::new()), read_actions);
    let without = |error: &io::Error| format!("; without actions: cannot read the audit log: {error}");
    let missing = actions.as_ref().err().map(without).unwrap_or_default();
    match write_memory(&options, instances, &actions.unwrap_or_default(), is_stopped) {
        Ok(SnapshotResult::Written(contents)) => {
            Ok(format!("{place}: {}{missing}", contents.describe(&TimeZone::system())))
        }
        Ok(SnapshotResult::Empty) => Err(format!("{place} was not written: no sample could be restored")),
        Ok(SnapshotResult::Stopped(_)) => Err("the snapshot was not completed".to_owned()),
        Err(error) => Err(SafeText::from(format!("{error:#}").as_str()).to_string()),
    }
}
