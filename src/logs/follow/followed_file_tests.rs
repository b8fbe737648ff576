//! Tests of the file that is followed: growth, rotation, truncation and absence.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::logs::follow::followed_file::{FollowStep, FollowedFile, START_BYTES};

struct Log {
    folder: tempfile::TempDir,
    followed: FollowedFile,
    seconds: u64,
    lines: Vec<String>,
}

impl Log {
    fn new(content: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("haproxy.log");
        fs::write(&path, content).unwrap();
        Self { folder, followed: FollowedFile::new(&path), seconds: 0, lines: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, text: &str) {
        append(&self.path("haproxy.log"), text);
    }

    fn step(&mut self) -> FollowStep {
        self.seconds += 1;
        let lines = &mut self.lines;
        let now = Duration::from_secs(self.seconds);
        self.followed.read(now, &mut |line| lines.push(String::from_utf8_lossy(line).into_owned())).unwrap()
    }

    /// Returns the lines that are new.
    fn read(&mut self) -> Vec<String> {
        self.step();
        std::mem::take(&mut self.lines)
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn read_returns_whole_lines_once() {
    let mut log = Log::new("one\ntw");
    assert_eq!(log.read(), ["one"]);
    log.append("o\nthree\n");
    assert_eq!(log.read(), ["two", "three"]);
    assert_eq!(log.read(), [""; 0]);
    assert_eq!(log.followed.gaps(), 0);
}

#[test]
fn read_starts_at_a_line_near_the_end() {
    let line = "x".repeat(99) + "\n";
    let count = usize::try_from(START_BYTES).unwrap() / line.len();
    let mut log = Log::new(&line.repeat(count + 500));
    while log.step().has_more {}
    let read = log.lines.len();
    assert!((count - 1..=count).contains(&read), "{read} of {count}");
    assert!(log.lines.iter().all(|line| line.len() == 99));
}

#[test]
fn read_follows_a_rename_to_the_last_line() {
    let mut log = Log::new("one\nhalf ");
    assert_eq!(log.read(), ["one"]);
    fs::rename(log.path("haproxy.log"), log.path("haproxy.log.1")).unwrap();
    append(&log.path("haproxy.log.1"), "line\ntwo\n");
    assert_eq!(log.read(), ["half line", "two"], "no file has the name");
    append(&log.path("haproxy.log.1"), "three\n");
    log.append("four\n");
    append(&log.path("haproxy.log.1"), "five\nwithout end");
    assert_eq!(log.read(), ["three", "five", "four"]);
    append(&log.path("haproxy.log.1"), ", late");
    log.append("six\n");
    assert_eq!(log.read(), ["six"]);
    log.seconds += 60;
    assert_eq!(log.read(), ["without end, late"]);
    assert_eq!(log.read(), [""; 0]);
    assert_eq!(log.followed.gaps(), 0);
}

#[test]
fn read_goes_on_if_the_old_file_comes_back() {
    let mut log = Log::new("one\n");
    assert_eq!(log.read(), ["one"]);
    fs::rename(log.path("haproxy.log"), log.path("away")).unwrap();
    assert!(!log.step().exists);
    log.append("other\n");
    assert_eq!(log.read(), ["other"]);
    fs::rename(log.path("away"), log.path("haproxy.log")).unwrap();
    log.append("two\n");
    assert_eq!(log.read(), ["two"], "its first line was read before");
}

#[test]
fn read_takes_the_rest_of_a_truncated_file_from_its_copy() {
    let mut log = Log::new("one\ntwo\n");
    assert_eq!(log.read(), ["one", "two"]);
    log.append("three\nfo");
    assert_eq!(log.read(), ["three"]);
    log.append("ur\nfive\n");
    fs::copy(log.path("haproxy.log"), log.path("haproxy.log-20261129")).unwrap();
    File::options().write(true).truncate(true).open(log.path("haproxy.log")).unwrap();
    log.append("six, which makes the file longer than it was before it was truncated\n");
    let read = log.read();
    assert_eq!((read.len(), &read[..2]), (3, &["four".to_owned(), "five".to_owned()][..]), "{read:?}");
    assert_eq!(log.followed.gaps(), 0);
}

#[test]
fn read_counts_a_gap_if_a_truncated_file_has_no_copy() {
    let mut log = Log::new("one\nhalf");
    assert_eq!(log.read(), ["one"]);
    File::options().write(true).truncate(true).open(log.path("haproxy.log")).unwrap();
    assert_eq!(log.read(), [""; 0]);
    log.append("two\n");
    assert_eq!(log.read(), ["two"]);
    assert_eq!(log.followed.gaps(), 1);
    fs::write(log.path("haproxy.log.1"), "another file\n".repeat(10)).unwrap();
    fs::write(log.path("haproxy.log"), "three, in a file of the same inode\n").unwrap();
    assert_eq!(log.read(), ["three, in a file of the same inode"]);
    assert_eq!(log.followed.gaps(), 2);
}

#[test]
fn read_waits_for_a_file_and_reads_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("haproxy.log");
    let mut followed = FollowedFile::new(&path);
    let mut lines = 0;
    assert!(!followed.read(Duration::ZERO, &mut |_| lines += 1).unwrap().exists);
    append(&path, "one\ntwo\n");
    assert!(followed.read(Duration::from_secs(1), &mut |_| lines += 1).unwrap().exists);
    assert_eq!(lines, 2);
    assert!(FollowedFile::new(folder.path()).read(Duration::ZERO, &mut |_| ()).is_err());
}
