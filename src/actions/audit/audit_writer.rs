//! Writes records, so that they are on the disk when the call returns.
//!
//! A line is one write at the end of the file, whatever other hapulse writes to it. A line that was torn by a
//! crash or a full disk stays alone: the next one begins on a line of its own. What exists is left with the
//! rights it has; what is made is for its owner only. The calls block for as long as the disk takes.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use rustix::fs::OFlags;

use crate::actions::audit::actor::Actor;
use crate::actions::audit::attempt::Attempt;
use crate::actions::audit::audit_reader::MAX_LINE;
use crate::actions::audit::record::Record;

/// Where acts of this run are written down.
#[derive(Debug)]
pub struct Audit {
    path: Option<PathBuf>,
    is_off: bool,
    required: bool,
    tool: String,
    actor: Actor,
    /// The part of each id that is the same.
    run: String,
    count: AtomicU64,
}

impl Audit {
    /// An audit in the file at `path`, where there is a place for one, of a run that `began` now.
    pub fn new(
        path: Option<PathBuf>,
        required: bool,
        tool: impl Into<String>,
        actor: Actor,
        began: SystemTime,
    ) -> Self {
        let millis = began.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let run = format!("{}-{millis}", std::process::id());
        Self { path, is_off: false, required, tool: tool.into(), actor, run, count: AtomicU64::new(0) }
    }

    /// None: what is done to a simulated HAProxy does not belong among what was done to real ones.
    pub fn off(actor: Actor, began: SystemTime) -> Self {
        Self { is_off: true, ..Self::new(None, false, "", actor, began) }
    }

    /// Whether an act that cannot be written down must not be sent.
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// The file.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The first line of a command, with a new id. It is not written yet.
    pub fn begin(&self, at: SystemTime, attempt: Attempt) -> Record {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        Record::sending(at, format!("{}-{count}", self.run), self.tool.clone(), self.actor.clone(), attempt)
    }

    /// Writes a record to the end of the file and waits until it is on the disk.
    ///
    /// # Errors
    /// When it is not there for certain; the text names the file.
    pub fn append(&self, record: &Record) -> io::Result<()> {
        if self.is_off {
            return Ok(());
        }
        let Some(path) = &self.path else {
            let why = "there is no place for the audit: no home folder, and no audit.path is set";
            return Err(io::Error::new(ErrorKind::NotFound, why));
        };
        write(path, record)
            .map_err(|error| io::Error::new(error.kind(), format!("the audit {}: {error}", path.display())))
    }
}

fn write(path: &Path, record: &Record) -> io::Result<()> {
    let line = record.line()?;
    if line.len() > MAX_LINE {
        return Err(io::Error::new(ErrorKind::InvalidInput, format!("a line of more than {MAX_LINE} bytes")));
    }
    let open = open(path)?;
    let apart = if open.ends_whole { "" } else { "\n" };
    (&open.file).write_all(format!("{apart}{line}\n").as_bytes())?;
    open.file.sync_data()?;
    if open.is_new { sync_folder(folder(path)) } else { Ok(()) }
}

struct Open {
    file: File,
    is_new: bool,
    /// Whether it is known to end with a whole line.
    ends_whole: bool,
}

fn open(path: &Path) -> io::Result<Open> {
    let mut appending = OpenOptions::new();
    // A pipe in its place must not hold the program up until somebody reads it.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    appending.append(true).mode(0o600).custom_flags(flags.bits().cast_signed());
    let (file, is_new, is_readable) = match appending.clone().read(true).open(path) {
        Ok(file) => (file, false, true),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make_folders(folder(path))?;
            (appending.clone().read(true).create(true).open(path)?, true, true)
        }
        // A file that all may add to and only some may read.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => (appending.open(path)?, false, false),
        Err(error) => return Err(error),
    };
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a plain file"));
    }
    let mut last = [b'\n'];
    if is_readable && about.len() > 0 {
        file.read_exact_at(&mut last, about.len() - 1)?;
    }
    Ok(Open { file, is_new, ends_whole: is_readable && last == [b'\n'] || about.len() == 0 })
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn make_folders(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    for one in missing.into_iter().rev().filter(|folder| !folder.as_os_str().is_empty()) {
        match DirBuilder::new().mode(0o700).create(one) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => sync_folder(self::folder(one))?,
        }
    }
    Ok(())
}

/// Makes sure that a name stays in its folder. Where the system does not let a folder be opened or knows no
/// such thing, there is no more to be had.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error)
            if !matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            Err(error)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::audit::attempt::Ending;
    use crate::actions::audit::audit_reader;
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::thread;
    use std::time::Duration;

    fn audit(path: &Path) -> Audit {
        let began = SystemTime::UNIX_EPOCH + Duration::from_secs(5);
        Audit::new(Some(path.to_owned()), true, "dashboard", Actor::default(), began)
    }

    fn begin(audit: &Audit, command: &str) -> Record {
        let attempt = Attempt { command: command.to_owned(), ..Attempt::default() };
        audit.begin(SystemTime::UNIX_EPOCH + Duration::from_secs(6), attempt)
    }

    fn commands(path: &Path) -> Vec<String> {
        audit_reader::read(path).unwrap().flatten().map(|line| line.record.command).collect()
    }

    #[test]
    fn both_lines_of_a_command_are_written_for_the_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/hapulse/audit.jsonl");
        let audit = audit(&path);
        let first = begin(&audit, "a");
        audit.append(&first).unwrap();
        audit.append(&first.done(SystemTime::UNIX_EPOCH, Ending::default())).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(mode(&folder.path().join("state")), 0o700);
        let records: Vec<Record> = audit_reader::read(&path).unwrap().map(|line| line.unwrap().record).collect();
        assert_eq!(records.len(), 2);
        assert_eq!((&records[0].id, records[0].time.as_str()), (&records[1].id, "1970-01-01T00:00:06.000Z"));
    }

    #[test]
    fn each_command_has_an_id_of_its_own() {
        let audit = audit(Path::new("/nowhere"));
        let pid = std::process::id();
        assert_eq!(begin(&audit, "a").id, format!("{pid}-5000-1"));
        assert_eq!(begin(&audit, "b").id, format!("{pid}-5000-2"));
    }

    #[test]
    fn a_torn_line_stays_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let audit = audit(&path);
        audit.append(&begin(&audit, "a")).unwrap();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole, &whole[..30]].concat()).unwrap();
        audit.append(&begin(&audit, "b")).unwrap();
        audit.append(&begin(&audit, "c")).unwrap();
        assert_eq!(commands(&path), ["a", "b", "c"]);
        assert_eq!(audit_reader::read(&path).unwrap().filter(Result::is_err).count(), 1);
    }

    #[test]
    fn what_exists_is_left_with_its_rights() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let audit = audit(&path);
        audit.append(&begin(&audit, "a")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    }

    #[test]
    fn a_file_that_may_only_be_added_to_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        fs::write(&path, "torn").unwrap();
        // For root it is readable all the same, which must not make a difference.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o200)).unwrap();
        let audit = audit(&path);
        audit.append(&begin(&audit, "a")).unwrap();
        audit.append(&begin(&audit, "b")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(commands(&path), ["a", "b"]);
    }

    #[test]
    fn what_cannot_be_written_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let told = |path: Option<PathBuf>| {
            let audit = Audit::new(path, true, "", Actor::default(), SystemTime::UNIX_EPOCH);
            audit.append(&begin(&audit, "a")).unwrap_err().to_string()
        };
        assert!(told(None).contains("no audit.path is set"));
        assert!(told(Some(folder.path().to_owned())).contains(&folder.path().display().to_string()));
        assert!(told(Some("/dev/full".into())).contains("not a plain file"));
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(told(Some(pipe)).contains("not a plain file"));
        let audit = audit(&folder.path().join("audit"));
        let long = begin(&audit, &"x".repeat(MAX_LINE));
        assert!(audit.append(&long).unwrap_err().to_string().contains("a line of more than"));
        assert!(!folder.path().join("audit").exists());
    }

    #[test]
    fn two_that_write_at_once_do_not_mix_their_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
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
        assert!(audit_reader::read(&path).unwrap().all(|line| line.is_ok()));
    }
}
