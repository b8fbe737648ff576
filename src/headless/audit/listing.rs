//! `hapulse audit`: prints actions with time, person, target and outcome, one per line.
//!
//! The two records of a command, one before and one after it, become one line with the time of the first record.
//! Invalid lines of the file are reported on standard error, because a damaged line may be a missing action.
//!
//! The file is read in one pass, in constant memory. For the last actions, their records are searched for from the end;
//! what follows the first of them is read twice: once to count the actions, and once to print them.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::fs::{Mode, OFlags};

use crate::actions::audit::audit_reader::{self, BadLine, RecordLine};
use crate::actions::audit::joined_records::{JoinedRecord, RecordJoiner};
use crate::actions::audit::logged_commands::without_target;
use crate::actions::audit::record_search::{self, LastRecords};
use crate::config::own_file;
use crate::config::safe_file;
use crate::haproxy::safe_text::SafeText;
use crate::headless::print::{AlignedColumns, ignore_broken_pipe};

/// Maximum number of invalid lines reported one by one; the rest is only counted.
const MAX_REPORTED_LINES: u64 = 10;
/// Number of actions whose columns are aligned together. Columns never become narrower.
const ALIGNED_ACTIONS: usize = 1_000;
/// Size of a file that is read from its beginning also for the last actions, so that all invalid lines are reported.
const WHOLE_FILE_BYTES: u64 = 1 << 20;
/// Number of actions before the last ones that are read, too: their second records may be among the last lines.
const OVERLAP: usize = 1_000;

/// An empty file, which is allowed although it is a device.
const NULL_DEVICE: &str = "/dev/null";

/// Options of the listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListingOptions {
    /// Path of the audit log.
    pub(crate) path: PathBuf,
    /// The path was given on the command line; the file may belong to any user.
    pub(crate) is_named: bool,
    /// Number of newest actions to print, or with `json` of newest records; `None` to print all.
    pub(crate) last: Option<usize>,
    /// Print the records unchanged, one JSON object per line.
    pub(crate) json: bool,
    /// Time zone for printed times.
    pub(crate) zone: TimeZone,
}

/// Prints an audit log to `out`, and reports invalid lines to `err`.
///
/// # Errors
/// Returns an error if the file cannot be read completely or writing fails. A closed pipe is not an error.
pub(crate) fn print(options: &ListingOptions, out: &mut dyn Write, err: &mut dyn Write) -> anyhow::Result<()> {
    let shown = SafeText::from(options.path.as_path());
    let cannot_read = || format!("cannot read the audit log {shown}");
    let file = open(options).map_err(|error| {
        let fix = if options.is_named {
            "name an existing file, or omit FILE to read the audit log of this user"
        } else {
            "hapulse config shows audit.path; another audit log can be named: hapulse audit FILE"
        };
        anyhow!("{}: {error}; {fix}", cannot_read())
    })?;
    let end = file.metadata().with_context(cannot_read)?.len();
    let (start, skipped) = match options.last {
        None => (0, 0),
        Some(last) => find_last(&file, end, last, options.json).with_context(cannot_read)?,
    };
    let lines = audit_reader::read_range(&file, start, end).with_context(cannot_read)?;
    let mut bad = InvalidLines { err, count: 0, read_error: None };
    let records = lines.filter_map(|line| bad.filter_valid(line));
    let (printed, count) = if options.json {
        print_json(records, skipped, out)
    } else {
        print_actions(join_records(records).skip(skipped), &options.zone, out)
    };
    bad.report_rest();
    let end = bad.read_error.take();
    if count == 0 && end.is_none() {
        // Write errors are ignored: the empty output is visible, too.
        let _ = writeln!(err, "hapulse: the audit log {shown} contains no records");
    }
    ignore_broken_pipe(printed.and_then(|()| out.flush())).context("cannot print")?;
    if let Some(why) = end {
        bail!("cannot read all of the audit log {shown}: {why}");
    }
    Ok(())
}

fn open(options: &ListingOptions) -> io::Result<File> {
    if options.path == Path::new(NULL_DEVICE) {
        return File::open(&options.path);
    }
    let opened = if options.is_named {
        safe_file::open_regular(&options.path, OFlags::RDONLY, Mode::empty())
    } else {
        own_file::open_to_read(&options.path)
    };
    opened.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => io::Error::new(error.kind(), format!("it {error}")),
        _ => error,
    })
}

/// Finds the last actions before the position `end`, or with `json` the last records. Returns the position of the first
/// line to read, and the number of actions or records from there that precede the last ones.
///
/// # Errors
/// Returns an error if the file cannot be read.
fn find_last(file: &File, end: u64, last: usize, json: bool) -> io::Result<(u64, usize)> {
    if json && end > WHOLE_FILE_BYTES {
        return Ok((record_search::find_last_records(file, end, last)?.start, 0));
    }
    let wanted = if json { last } else { last.saturating_add(OVERLAP) };
    // An action has two records.
    let mut records = wanted.saturating_mul(2);
    loop {
        let found = match end {
            ..=WHOLE_FILE_BYTES => LastRecords { start: 0, end, count: 0 },
            _ => record_search::find_last_records(file, end, records)?,
        };
        let lines = audit_reader::read_range(file, found.start, found.end)?.flatten();
        let count = if json { lines.count() } else { join_records(lines).count() };
        if count >= wanted || found.count < records {
            return Ok((found.start, count.saturating_sub(last)));
        }
        records = records.saturating_mul(4);
    }
}

/// Joins the records of each command.
fn join_records(mut lines: impl Iterator<Item = RecordLine>) -> impl Iterator<Item = JoinedRecord> {
    let mut joiner = RecordJoiner::default();
    std::iter::from_fn(move || {
        let next = lines.by_ref().find_map(|line| {
            let size = line.size();
            joiner.push(line.record, size)
        });
        next.or_else(|| joiner.pop())
    })
}

/// Filter that removes invalid lines and reports them to `err`.
struct InvalidLines<'a> {
    err: &'a mut dyn Write,
    count: u64,
    /// Error that ended reading before the end of the file.
    read_error: Option<SafeText>,
}

impl InvalidLines<'_> {
    /// Returns the line if it is valid. Otherwise reports the line or keeps the read error, and returns `None`.
    fn filter_valid(&mut self, line: Result<RecordLine, BadLine>) -> Option<RecordLine> {
        match line {
            Ok(line) => return Some(line),
            Err(bad) if bad.is_read_error => self.read_error = Some(bad.reason),
            Err(bad) => {
                self.count += 1;
                if self.count <= MAX_REPORTED_LINES {
                    // Write errors are ignored: the valid records are still worth printing.
                    let _ = writeln!(self.err, "hapulse: {bad}");
                }
            }
        }
        None
    }

    fn report_rest(&mut self) {
        if let Some(more @ 1..) = self.count.checked_sub(MAX_REPORTED_LINES) {
            let _ = writeln!(self.err, "hapulse: {more} more invalid lines");
        }
    }
}

/// Result of printing, and the number of printed lines.
type PrintResult = (io::Result<()>, usize);

fn print_json(lines: impl Iterator<Item = RecordLine>, skipped: usize, out: &mut dyn Write) -> PrintResult {
    let mut count = 0;
    let printed = lines.skip(skipped).try_for_each(|line| {
        count += 1;
        writeln!(out, "{}", line.printable_json())
    });
    (printed, count)
}

fn print_actions(mut actions: impl Iterator<Item = JoinedRecord>, zone: &TimeZone, out: &mut dyn Write) -> PrintResult {
    let mut columns = AlignedColumns::default();
    let mut count = 0;
    loop {
        let cells: Vec<[String; 7]> =
            actions.by_ref().take(ALIGNED_ACTIONS).map(|action| action_cells(&action, zone)).collect();
        if cells.is_empty() {
            return (Ok(()), count);
        }
        count += cells.len();
        columns.widen(&cells);
        if let Err(error) = cells.iter().try_for_each(|line| writeln!(out, "{}", columns.format(line))) {
            return (Err(error), count);
        }
    }
}

/// Returns the cells of an action: time, person, instance, target, command, outcome, reason.
fn action_cells(action: &JoinedRecord, zone: &TimeZone) -> [String; 7] {
    let record = &action.record;
    let safe = |text: &str| SafeText::from(text).to_string();
    let begun = action.started.parse::<Timestamp>().map(|at| at.to_zoned(zone.clone()));
    let outcome = match (&record.outcome, record.verified) {
        _ if action.is_unfinished() => "sent, outcome unknown".to_owned(),
        (Some(outcome), _) => safe(outcome),
        (None, Some(true)) => "verified".to_owned(),
        (None, Some(false)) => "not confirmed by HAProxy".to_owned(),
        (None, None) => "accepted, not verified".to_owned(),
    };
    [
        begun.map_or_else(|_| safe(&action.started), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string()),
        record.actor.person_name().to_string(),
        safe(&record.instance),
        record.target.as_deref().map_or_else(|| "-".to_owned(), safe),
        safe(&without_target(&record.command, record.target.as_deref())),
        outcome,
        record.reason.as_deref().map(|reason| format!("reason: {}", safe(reason))).unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::audit::record::{AuditRecord, RecordPhase};
    use crate::actions::audit::test_records::record;
    use std::fs;

    fn options(path: &Path) -> ListingOptions {
        ListingOptions {
            path: path.to_owned(),
            is_named: true,
            last: None,
            json: false,
            zone: TimeZone::fixed(jiff::tz::offset(1)),
        }
    }

    fn printed(options: &ListingOptions) -> (String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        print(options, &mut out, &mut err).unwrap();
        (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    fn file(lines: &[String]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, lines.join("\n") + "\n").unwrap();
        file
    }

    fn sample() -> [String; 5] {
        let maint = "set server be/s1 state maint";
        let second =
            AuditRecord { reason: Some("kernel \u{1b}update".into()), ..record("b", RecordPhase::Sending, 9, maint) };
        let third = AuditRecord { target: None, outcome: None, ..record("c", RecordPhase::Done, 10, "show info; x") };
        [
            record("a", RecordPhase::Sending, 3, maint).to_json_line().unwrap(),
            record("a", RecordPhase::Done, 5, maint).to_json_line().unwrap(),
            "{ not this".to_owned(),
            second.to_json_line().unwrap(),
            third.to_json_line().unwrap(),
        ]
    }

    #[test]
    fn print_shows_one_line_per_action() {
        let file = file(&sample());
        let (out, err) = printed(&options(file.path()));
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(
            lines,
            [
                "1970-01-01 01:00:03  ann  lb01  be/s1  state maint   verified, MAINT",
                r"1970-01-01 01:00:09  ann  lb01  be/s1  state maint   sent, outcome unknown  reason: kernel \x1bupdate",
                "1970-01-01 01:00:10  ann  lb01  -      show info; x  verified",
            ]
        );
        assert_eq!(err, "hapulse: line 3 is not a record: key must be a string\n");
        let (out, _) = printed(&ListingOptions { last: Some(1), ..options(file.path()) });
        assert!(out.lines().count() == 1 && out.contains("show info"), "{out}");
    }

    #[test]
    fn print_json_keeps_records_unchanged() {
        let [first, second, _, third, fourth] = sample();
        let file = file(&sample());
        let json = ListingOptions { json: true, ..options(file.path()) };
        assert_eq!(printed(&json).0.lines().collect::<Vec<_>>(), [&first, &second, &third, &fourth]);
        assert_eq!(printed(&ListingOptions { last: Some(2), ..json }).0.lines().collect::<Vec<_>>(), [&third, &fourth]);
    }

    #[test]
    fn print_reports_ten_invalid_lines_and_counts_rest() {
        let file = file(&vec!["no".to_owned(); 13]);
        let (out, err) = printed(&options(file.path()));
        assert_eq!((out.as_str(), err.lines().count()), ("", 12));
        assert!(err.contains("hapulse: line 10 is not") && !err.contains("line 11"), "{err}");
        assert!(err.contains("hapulse: 3 more invalid lines\n"), "{err}");
        assert!(err.trim_end().ends_with("contains no records"), "{err}");
    }

    /// Writer that rejects everything with an error of this kind.
    struct Closed(io::ErrorKind);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn print_ignores_only_closed_pipe() {
        let file = file(&sample());
        for json in [false, true] {
            let options = ListingOptions { json, ..options(file.path()) };
            let print = |kind| print(&options, &mut Closed(kind), &mut Vec::new());
            assert!(print(io::ErrorKind::BrokenPipe).is_ok());
            assert!(print(io::ErrorKind::StorageFull).is_err());
        }
    }

    #[test]
    fn print_error_names_unreadable_file() {
        let error = print(&options(Path::new("/no\u{7}where")), &mut Vec::new(), &mut Vec::new()).unwrap_err();
        assert!(format!("{error:#}").starts_with(r"cannot read the audit log /no\x07where: No such file"), "{error:#}");
    }
}
