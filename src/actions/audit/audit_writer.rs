//! Appends records to the audit file. Appending blocks until the record is on the disk.
//!
//! Each line is one write at the end of the file, so several hapulse processes can share the file. After a line that a
//! crash or a full disk cut short, the next record begins on a new line. Existing files keep their permissions; new
//! files and directories are private to their owner.

use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::actions::audit::actor::Actor;
use crate::actions::audit::audit_reader::MAX_LINE_BYTES;
use crate::actions::audit::record::{AuditRecord, RecordPhase};
use crate::actions::audit::record_contents::{Attempt, AttemptResult};
use crate::config::own_file::{self, AppendedFile, PathChoice};
use crate::haproxy::safe_text::SafeText;

/// Outcome of a command whose result did not arrive before the program ended.
const INTERRUPTED: &str = "sent, but hapulse ended before HAProxy's reply: check the state before retrying";

/// Writes the audit log of this run.
#[derive(Debug)]
pub struct AuditWriter {
    path: Option<PathBuf>,
    is_disabled: bool,
    is_required: bool,
    tool: String,
    actor: Actor,
    /// Common prefix of all record ids.
    run_id: String,
    record_count: AtomicU64,
    /// Records of commands that are being sent.
    open_records: Mutex<Vec<AuditRecord>>,
}

impl AuditWriter {
    /// Creates a writer for the file at `path` and a run that began at `began`. Without a path, every append fails.
    pub fn new(
        path: Option<PathBuf>,
        required: bool,
        tool: impl Into<String>,
        actor: Actor,
        began: SystemTime,
    ) -> Self {
        let millis = began.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let run = format!("{}-{millis}", std::process::id());
        Self {
            path,
            is_disabled: false,
            is_required: required,
            tool: tool.into(),
            actor,
            run_id: run,
            record_count: AtomicU64::new(0),
            open_records: Mutex::new(Vec::new()),
        }
    }

    /// Creates a writer that writes nothing, for the simulated HAProxy of the demo.
    pub(crate) fn disabled(actor: Actor, began: SystemTime) -> Self {
        Self { is_disabled: true, ..Self::new(None, false, "", actor, began) }
    }

    /// Returns whether an action must not be sent if its record cannot be written.
    pub(crate) fn is_required(&self) -> bool {
        self.is_required
    }

    /// Returns the path of the file.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the person and host of this run.
    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Creates the first record of a command, with a new id. Does not write it.
    pub fn new_record(&self, at: SystemTime, attempt: Attempt) -> AuditRecord {
        let count = self.record_count.fetch_add(1, Ordering::Relaxed) + 1;
        AuditRecord::new_sending(at, format!("{}-{count}", self.run_id), self.tool.clone(), self.actor.clone(), attempt)
    }

    /// Appends a record to the file and waits until it is on the disk.
    ///
    /// # Errors
    /// Returns an error if the record may not be on the disk; the message names the file.
    pub fn append(&self, record: &AuditRecord) -> io::Result<()> {
        if self.is_disabled {
            return Ok(());
        }
        let Some(path) = &self.path else {
            let reason = "cannot write the audit log: audit.path is not set, and no home directory is known";
            return Err(io::Error::new(ErrorKind::NotFound, reason));
        };
        let is_sending = record.phase == RecordPhase::Sending;
        // Removed first, so that a record is never finished twice.
        self.open_records.lock().unwrap_or_else(PoisonError::into_inner).retain(|open| open.id != record.id);
        write_record(path, record).map_err(|error| {
            io::Error::new(error.kind(), format!("the audit log {}: {error}", SafeText::from(path.as_path())))
        })?;
        if is_sending {
            self.open_records.lock().unwrap_or_else(PoisonError::into_inner).push(record.clone());
        }
        Ok(())
    }

    /// Records that the program ends before the results of the commands that are being sent are known, and returns
    /// these commands. If a record cannot be written, `hapulse audit` reports the command as unfinished.
    pub(crate) fn finish_open_records(&self, at: SystemTime) -> Vec<String> {
        let open = std::mem::take(&mut *self.open_records.lock().unwrap_or_else(PoisonError::into_inner));
        for record in &open {
            let result = AttemptResult { outcome: Some(INTERRUPTED.to_owned()), ..AttemptResult::default() };
            if let Err(error) = self.append(&record.to_done(at, result)) {
                tracing::debug!(%error, "the result is not in the audit log");
            }
        }
        open.into_iter().map(|record| record.command).collect()
    }
}

fn write_record(path: &Path, record: &AuditRecord) -> io::Result<()> {
    let line = record.to_json_line()?;
    if line.len() > MAX_LINE_BYTES {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            format!("the record is longer than {MAX_LINE_BYTES} bytes"),
        ));
    }
    let opened = own_file::open_to_append(path, PathChoice::Configured)?;
    let separator = if ends_with_newline(&opened)? { "" } else { "\n" };
    (&opened.file).write_all(format!("{separator}{line}\n").as_bytes())?;
    opened.file.sync_data()
}

/// Returns true if the file is empty, or known to end with a newline.
fn ends_with_newline(opened: &AppendedFile) -> io::Result<bool> {
    let length = opened.file.metadata()?.len();
    let mut last = [0];
    if opened.is_readable && length > 0 {
        opened.file.read_exact_at(&mut last, length - 1)?;
    }
    Ok(length == 0 || last == [b'\n'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::audit::audit_reader::{BadLine, RecordLine, RecordLines};
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::thread;
    use std::time::Duration;

    fn audit(path: &Path) -> AuditWriter {
        let began = SystemTime::UNIX_EPOCH + Duration::from_secs(5);
        AuditWriter::new(Some(path.to_owned()), true, "dashboard", Actor::default(), began)
    }

    fn begin(audit: &AuditWriter, command: &str) -> AuditRecord {
        let attempt = Attempt { command: command.to_owned(), ..Attempt::default() };
        audit.new_record(SystemTime::UNIX_EPOCH + Duration::from_secs(6), attempt)
    }

    fn lines(path: &Path) -> Vec<Result<RecordLine, BadLine>> {
        RecordLines::new(fs::read(path).unwrap().as_slice()).collect()
    }

    fn commands(path: &Path) -> Vec<String> {
        lines(path).into_iter().flatten().map(|line| line.record.command).collect()
    }

    #[test]
    fn append_creates_private_file_and_directories() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state/hapulse/audit.jsonl");
        let audit = audit(&path);
        let first = begin(&audit, "a");
        audit.append(&first).unwrap();
        audit.append(&first.to_done(SystemTime::UNIX_EPOCH, AttemptResult::default())).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(mode(&directory.path().join("state")), 0o700);
        let records: Vec<AuditRecord> = lines(&path).into_iter().map(|line| line.unwrap().record).collect();
        assert_eq!(records.len(), 2);
        assert_eq!((&records[0].id, records[0].time.as_str()), (&records[1].id, "1970-01-01T00:00:06.000Z"));
    }

    #[test]
    fn new_record_has_unique_id() {
        let audit = audit(Path::new("/nowhere"));
        let pid = std::process::id();
        assert_eq!(begin(&audit, "a").id, format!("{pid}-5000-1"));
        assert_eq!(begin(&audit, "b").id, format!("{pid}-5000-2"));
    }

    #[test]
    fn append_starts_new_line_after_torn_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit");
        let audit = audit(&path);
        audit.append(&begin(&audit, "a")).unwrap();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole, &whole[..30]].concat()).unwrap();
        audit.append(&begin(&audit, "b")).unwrap();
        audit.append(&begin(&audit, "c")).unwrap();
        assert_eq!(commands(&path), ["a", "b", "c"]);
        assert_eq!(lines(&path).into_iter().filter(Result::is_err).count(), 1);
    }

    #[test]
    fn append_keeps_permissions_of_existing_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let audit = audit(&path);
        audit.append(&begin(&audit, "a")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    }

    #[test]
    fn append_works_on_write_only_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit");
        fs::write(&path, "torn").unwrap();
        // Root can still read the file, which must not make a difference.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o200)).unwrap();
        let audit = audit(&path);
        audit.append(&begin(&audit, "a")).unwrap();
        audit.append(&begin(&audit, "b")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(commands(&path), ["a", "b"]);
    }

    #[test]
    fn append_error_names_path_and_reason() {
        let directory = tempfile::tempdir().unwrap();
        let error = |path: Option<PathBuf>| {
            let audit = AuditWriter::new(path, true, "", Actor::default(), SystemTime::UNIX_EPOCH);
            audit.append(&begin(&audit, "a")).unwrap_err().to_string()
        };
        assert!(error(None).contains("audit.path is not set"));
        assert!(error(Some(directory.path().to_owned())).contains(&directory.path().display().to_string()));
        assert!(error(Some("/dev/full".into())).contains("not a regular file"));
        let pipe = directory.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(error(Some(pipe)).contains("not a regular file"));
        let audit = audit(&directory.path().join("audit"));
        let long = begin(&audit, &"x".repeat(MAX_LINE_BYTES));
        assert!(audit.append(&long).unwrap_err().to_string().contains("the record is longer than"));
        assert!(!directory.path().join("audit").exists());
    }

    #[test]
    fn append_from_two_threads_keeps_lines_intact() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit");
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let audit = audit(&path);
                thread::spawn(move || {
                    for _ in 0..20 {
                        audit.append(&begin(&audit, &"x".repeat(5_000))).unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        assert_eq!(commands(&path).len(), 40);
        assert!(lines(&path).into_iter().all(|line| line.is_ok()));
    }
}
