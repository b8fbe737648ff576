//! A snapshot of what the dashboard holds in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use crate::actions::audit::audit_index::MAX_TAIL_BYTES;
use crate::actions::audit::audit_reader::{RecordLine, read_tail};
use crate::config::own_file;
use crate::headless::snapshot::memory_events::{monotonic_at, recorded_causes, recorded_changes};
use crate::headless::snapshot::run_events::events_of_run;
use crate::headless::snapshot::snapshot_copy::{SAMPLES_AT_ONCE, SnapshotCopy};
use crate::headless::snapshot::{SnapshotOptions, SnapshotResult, write};
use crate::history::store::History;
use crate::instance::memory_copy::MemoryCopy;
use crate::observe::row_ids::{RowId, RowSet};
use crate::recording::recorded_changes::RecordedRow;
use crate::recording::recorded_events::{EventContents, RecordedEvent};

/// The past of one instance in memory.
#[derive(Debug)]
pub(crate) struct InstanceMemory {
    pub(crate) name: String,
    /// Address of the stats socket.
    pub(crate) address: String,
    pub(crate) memory: MemoryCopy,
}

/// Writes what memory holds about these instances. Ends early when `is_stopped` is set.
///
/// # Errors
/// Returns an error if the file cannot be written.
pub(crate) fn write_memory(
    options: &SnapshotOptions,
    instances: &[InstanceMemory],
    actions: &[RecordedAction],
    is_stopped: &AtomicBool,
) -> anyhow::Result<SnapshotResult> {
    write(options, is_stopped, |copy| {
        instances.iter().try_for_each(|instance| Ok(add_memory(copy, instance, actions)?))
    })
}

fn add_memory(
    copy: &mut SnapshotCopy<'_, impl Write>,
    instance: &InstanceMemory,
    actions: &[RecordedAction],
) -> io::Result<()> {
    let InstanceMemory { name, address, memory: MemoryCopy { history, causes, events } } = instance;
    let headers: Vec<_> = history.headers().collect();
    let Some(first) = headers.first() else { return Ok(()) };
    copy.start_run(name, address);
    let wanted: BTreeSet<RowId> = events.iter().filter_map(|event| event.row).collect();
    let mut names: BTreeMap<RowId, RecordedRow> = BTreeMap::new();
    let mut last_rows: Option<Arc<RowSet>> = None;
    for part in headers.chunks(SAMPLES_AT_ONCE) {
        if copy.is_stopped() {
            return Ok(());
        }
        let seqs: Vec<u64> = part.iter().map(|header| header.seq).collect();
        for sample in history.restore_samples(&seqs) {
            if !last_rows.as_ref().is_some_and(|last| Arc::ptr_eq(last, &sample.rows)) {
                let rows = wanted.iter().filter_map(|id| Some((*id, sample.row(*id)?)));
                names.extend(rows.map(|(id, row)| (id, (row.kind, row.proxy.clone(), row.name.clone()))));
                last_rows = Some(Arc::clone(&sample.rows));
            }
            copy.add_sample(sample)?;
        }
    }
    let mut found = recorded_changes(events, &names);
    found.extend(recorded_causes(causes, history));
    found.extend(actions.iter().filter_map(|action| action.event_of(address, history)));
    found.sort_by_key(|event| event.at.monotonic);
    copy.contents.instances += 1;
    copy.finish_run(&events_of_run(&found, Duration::ZERO, None, first.wall))
}

/// A record of the audit log.
#[derive(Debug)]
pub(crate) struct RecordedAction {
    address: String,
    time: SystemTime,
    line: String,
}

impl RecordedAction {
    /// Returns the event, if it is about this instance and within the time of the history.
    fn event_of(&self, address: &str, history: &History) -> Option<RecordedEvent> {
        let at = monotonic_at(self.time, history).filter(|_| self.address == address)?;
        Some(RecordedEvent { at, contents: EventContents::Action(self.line.clone()) })
    }
}

/// Reads the last records of the audit log; none if it does not exist.
///
/// # Errors
/// Returns an error if the log cannot be read.
pub(crate) fn read_actions(path: &Path) -> io::Result<Vec<RecordedAction>> {
    let file = match own_file::open_to_read(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let action = |line: RecordLine| {
        let (time, json) = (line.record.parse_time()?, line.printable_json());
        Some(RecordedAction { address: line.record.address, time, line: json })
    };
    Ok(read_tail(&file, MAX_TAIL_BYTES)?.filter_map(|line| action(line.ok()?)).collect())
}
