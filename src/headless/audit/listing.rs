//! `hapulse audit`: what was done, by whom, and what became of it; one act a line.
//!
//! The two lines of a command are shown as one act, as of when it was begun. What in the file is no record is
//! told beside the output: a torn line is a fact about the audit too.

use std::collections::VecDeque;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::actions::audit::audit_reader::{self, BadLine, Line};
use crate::actions::audit::command_phrases::beside_target;
use crate::actions::audit::joined_records::{Act, Acts};
use crate::haproxy::safe_text::SafeText;
use crate::headless::print::{aligned, until_nobody_reads};

/// More lines that are no records are counted only.
const MOST_TOLD: u64 = 10;

/// What is to be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The audit.
    pub path: PathBuf,
    /// The last acts only; with `json`, the last records.
    pub last: Option<usize>,
    /// The records as they are, one a line.
    pub json: bool,
    /// The time zone of what is printed for people.
    pub zone: TimeZone,
}

/// Prints an audit to `out`, and what is wrong with it to `aside`.
///
/// # Errors
/// When the file cannot be read, or not to its end, or when nothing can be printed. That nobody reads any more
/// is no error.
pub fn print(asked: &Asked, out: &mut dyn Write, aside: &mut dyn Write) -> anyhow::Result<()> {
    let shown = asked.path.to_string_lossy();
    let shown = SafeText::from(shown.as_ref());
    let lines = audit_reader::read(&asked.path).with_context(|| format!("cannot read the audit {shown}"))?;
    let mut bad = Bad { aside, count: 0, end: None };
    let records = lines.filter_map(|line| bad.pass(line));
    let (printed, count) =
        if asked.json { print_json(records, asked.last, out) } else { print_acts(records, asked, out) };
    bad.sum_up();
    let end = bad.end.take();
    if count == 0 && end.is_none() {
        // Whoever reads only the output sees that there is none.
        let _ = writeln!(aside, "hapulse: the audit {shown} holds no records");
    }
    until_nobody_reads(printed.and_then(|()| out.flush())).context("cannot print")?;
    if let Some(why) = end {
        bail!("cannot read the audit {shown} to its end: {why}");
    }
    Ok(())
}

/// Tells the lines that are no records.
struct Bad<'a> {
    aside: &'a mut dyn Write,
    count: u64,
    /// Why the file could not be read to its end.
    end: Option<SafeText>,
}

impl Bad<'_> {
    fn pass(&mut self, line: Result<Line, BadLine>) -> Option<Line> {
        match line {
            Ok(line) => return Some(line),
            Err(bad) if bad.is_last => self.end = Some(bad.why),
            Err(bad) => {
                self.count += 1;
                if self.count <= MOST_TOLD {
                    // Where this cannot be told either, the rest is worth printing all the same.
                    let _ = writeln!(self.aside, "hapulse: {bad}");
                }
            }
        }
        None
    }

    fn sum_up(&mut self) {
        if let Some(more @ 1..) = self.count.checked_sub(MOST_TOLD) {
            let _ = writeln!(self.aside, "hapulse: {more} more lines are not records");
        }
    }
}

type Printed = (std::io::Result<()>, usize);

fn print_json(lines: impl Iterator<Item = Line>, last: Option<usize>, out: &mut dyn Write) -> Printed {
    let mut count = 0;
    let mut print = |line: &str| {
        count += 1;
        writeln!(out, "{line}")
    };
    let printed = match last {
        None => lines.map(|line| line.json()).try_for_each(|line| print(&line)),
        Some(last) => {
            let mut kept = VecDeque::new();
            for line in lines {
                kept.push_back(line);
                if kept.len() > last {
                    kept.pop_front();
                }
            }
            kept.iter().map(Line::json).try_for_each(|line| print(&line))
        }
    };
    (printed, count)
}

fn print_acts(lines: impl Iterator<Item = Line>, asked: &Asked, out: &mut dyn Write) -> Printed {
    let mut acts = Acts::new(asked.last);
    lines.for_each(|line| acts.take(line.record));
    let cells: Vec<[String; 7]> = acts.iter().map(|act| cells(act, &asked.zone)).collect();
    (aligned(&cells).try_for_each(|line| writeln!(out, "{line}")), cells.len())
}

/// When, who, on which HAProxy, on what, what, what became of it, why.
fn cells(act: &Act, zone: &TimeZone) -> [String; 7] {
    let record = &act.record;
    let safe = |text: &str| SafeText::from(text).to_string();
    let begun = act.begun.parse::<Timestamp>().map(|at| at.to_zoned(zone.clone()));
    let outcome = match (&record.outcome, record.verified) {
        _ if act.is_unfinished() => "sent, end unknown".to_owned(),
        (Some(outcome), _) => safe(outcome),
        (None, Some(true)) => "verified".to_owned(),
        (None, Some(false)) => "not as ordered".to_owned(),
        (None, None) => "answered, not read back".to_owned(),
    };
    [
        begun.map_or_else(|_| safe(&act.begun), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string()),
        record.actor.who().to_string(),
        safe(&record.instance),
        record.target.as_deref().map_or_else(|| "-".to_owned(), safe),
        safe(&beside_target(&record.command, record.target.as_deref())),
        outcome,
        record.reason.as_deref().map(|reason| format!("reason: {}", safe(reason))).unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::audit::record::{Phase, Record};
    use crate::actions::audit::test_records::record;
    use std::fs;
    use std::io;
    use std::path::Path;

    fn asked(path: &Path) -> Asked {
        Asked { path: path.to_owned(), last: None, json: false, zone: TimeZone::fixed(jiff::tz::offset(1)) }
    }

    fn printed(asked: &Asked) -> (String, String) {
        let (mut out, mut aside) = (Vec::new(), Vec::new());
        print(asked, &mut out, &mut aside).unwrap();
        (String::from_utf8(out).unwrap(), String::from_utf8(aside).unwrap())
    }

    fn file(lines: &[String]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, lines.join("\n") + "\n").unwrap();
        file
    }

    fn sample() -> [String; 5] {
        let maint = "set server be/s1 state maint";
        let second = Record { reason: Some("kernel \u{1b}update".into()), ..record("b", Phase::Sending, 9, maint) };
        let third = Record { target: None, outcome: None, ..record("c", Phase::Done, 10, "show info; x") };
        [
            record("a", Phase::Sending, 3, maint).line().unwrap(),
            record("a", Phase::Done, 5, maint).line().unwrap(),
            "{ not this".to_owned(),
            second.line().unwrap(),
            third.line().unwrap(),
        ]
    }

    #[test]
    fn an_act_is_one_line_for_people() {
        let file = file(&sample());
        let (out, aside) = printed(&asked(file.path()));
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(
            lines,
            [
                "1970-01-01 01:00:03  ann  lb01  be/s1  state maint   verified, MAINT",
                r"1970-01-01 01:00:09  ann  lb01  be/s1  state maint   sent, end unknown  reason: kernel \x1bupdate",
                "1970-01-01 01:00:10  ann  lb01  -      show info; x  verified",
            ]
        );
        assert_eq!(aside, "hapulse: line 3 is not a record: key must be a string\n");
        let (out, _) = printed(&Asked { last: Some(1), ..asked(file.path()) });
        assert!(out.lines().count() == 1 && out.contains("show info"), "{out}");
    }

    #[test]
    fn records_are_printed_as_they_are() {
        let [first, second, _, third, fourth] = sample();
        let file = file(&sample());
        let json = Asked { json: true, ..asked(file.path()) };
        assert_eq!(printed(&json).0.lines().collect::<Vec<_>>(), [&first, &second, &third, &fourth]);
        assert_eq!(printed(&Asked { last: Some(2), ..json }).0.lines().collect::<Vec<_>>(), [&third, &fourth]);
    }

    #[test]
    fn lines_of_another_kind_are_told_ten_times_and_then_counted() {
        let file = file(&vec!["no".to_owned(); 13]);
        let (out, aside) = printed(&asked(file.path()));
        assert_eq!((out.as_str(), aside.lines().count()), ("", 12));
        assert!(aside.contains("hapulse: line 10 is not") && !aside.contains("line 11"), "{aside}");
        assert!(aside.contains("hapulse: 3 more lines are not records\n"), "{aside}");
        assert!(aside.trim_end().ends_with("holds no records"), "{aside}");
    }

    /// Takes nothing.
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
    fn a_reader_that_is_gone_is_fine_and_a_full_disk_is_not() {
        let file = file(&sample());
        for json in [false, true] {
            let asked = Asked { json, ..asked(file.path()) };
            let print = |kind| print(&asked, &mut Closed(kind), &mut Vec::new());
            assert!(print(io::ErrorKind::BrokenPipe).is_ok());
            assert!(print(io::ErrorKind::StorageFull).is_err());
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        let error = print(&asked(Path::new("/no\u{7}where")), &mut Vec::new(), &mut Vec::new()).unwrap_err();
        assert!(format!("{error:#}").starts_with(r"cannot read the audit /no\x07where: No such file"), "{error:#}");
    }
}
