//! Damaged recordings of a real HAProxy: every reader reports a flipped bit, and none says that nothing was wrong where the
//! record that would show it is damaged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hapulse::recording::folder::list_instances;
use hapulse::recording::reader::Recording;
use script::{CommandResult, Script};
use support::{Lab, Term, wait_until};

/// Length of the first bytes of a file, and of the header of a record.
const SIGNATURE_BYTES: usize = 16;
const HEADER_BYTES: usize = 88;
const BLOCK: u8 = 3;
const EVENTS: u8 = 5;

/// A record: its position, kind, and the wall clock times of its first and last sample or event.
struct FoundRecord {
    place: usize,
    kind: u8,
    first: SystemTime,
    last: SystemTime,
}

fn records(file: &[u8]) -> Vec<FoundRecord> {
    let (mut found, mut place) = (Vec::new(), SIGNATURE_BYTES);
    while place < file.len() {
        let time = |at: usize| {
            let nanos = u64::from_le_bytes(file[place + at..place + at + 8].try_into().unwrap());
            SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
        };
        found.push(FoundRecord { place, kind: file[place + 5], first: time(40), last: time(64) });
        place += HEADER_BYTES + u32::from_le_bytes(file[place + 8..place + 12].try_into().unwrap()) as usize;
    }
    found
}

fn run(script: &Script, args: &str) -> CommandResult {
    let output = script.command_without_target(args).output().unwrap();
    CommandResult {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap_or(-1),
    }
}

fn file_of(folder: &Path, extension: &str) -> PathBuf {
    let instance = list_instances(folder).unwrap().pop().unwrap();
    let mut files = fs::read_dir(instance).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.extension().is_some_and(|found| found == extension)).unwrap()
}

/// Copies a recording, and flips a bit of the copy.
fn damaged_copy(folder: &Path, to: &Path, extension: &str, place: usize) {
    let instance = list_instances(folder).unwrap().pop().unwrap();
    let copy = to.join(instance.file_name().unwrap());
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(&copy).unwrap();
    for entry in fs::read_dir(instance).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
    }
    let file = file_of(to, extension);
    let mut bytes = fs::read(&file).unwrap();
    bytes[place] ^= 4;
    fs::write(file, bytes).unwrap();
}

fn argument(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).unwrap().to_string()
}

/// Records a healthy lab until two blocks are full. There is an event after the middle of the first one, because samples are
/// written every ten seconds.
fn record(script: &Script, lab: &Lab, home: &Path) -> PathBuf {
    let folder = home.join("recordings");
    let target = format!("lb01={}", lab.admin().display());
    let recorder = script.start(Path::new(&target), &format!("record -i 0.1 --dir {}", folder.display()));
    let count = || {
        let instance = list_instances(&folder).ok().and_then(|mut all| all.pop());
        instance.map_or(0, |folder| Recording::open(&folder).unwrap().sample_count())
    };
    wait_until("the first samples", || count() > 10);
    lab.send_write_command("set server be1/s2 weight 7");
    wait_until("two blocks", || count() > 290);
    recorder.signal("TERM");
    recorder.wait();
    folder
}

#[test]
fn every_reader_reports_a_flipped_bit() {
    let lab = Lab::builder().servers(2).start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = record(&script, &lab, home.path());
    let found = records(&fs::read(file_of(&folder, "shard")).unwrap());
    let blocks: Vec<&FoundRecord> = found.iter().filter(|record| record.kind == BLOCK).collect();
    let events = found.iter().find(|record| record.kind == EVENTS).unwrap();
    let middle = |record: &FoundRecord| record.first + record.last.duration_since(record.first).unwrap() / 2;
    let (first, second) = (argument(middle(blocks[0])), argument(middle(blocks[1])));
    let (copy, out) = (home.path().join("copy"), home.path().join("out"));
    let on_copy = |args: &str| run(&script, &format!("{args} --recordings {}", copy.display()));
    for (name, extension, place) in [
        ("beginning", "shard", 3),
        ("version", "shard", SIGNATURE_BYTES - 1),
        ("first record", "shard", SIGNATURE_BYTES + HEADER_BYTES + 2),
        ("header of the first record", "shard", SIGNATURE_BYTES + 9),
        ("block", "shard", blocks[0].place + HEADER_BYTES + 40),
        ("header of a block", "shard", blocks[0].place + 30),
        ("events", "shard", events.place + HEADER_BYTES + 5),
        ("header of events", "shard", events.place + 50),
        ("index", "index", 20),
        ("beginning of the journal", "journal", 3),
        ("journal", "journal", SIGNATURE_BYTES + HEADER_BYTES + 10),
    ] {
        damaged_copy(&folder, &copy, extension, place);
        let is_block = name.contains("block");
        for args in [
            format!("show status --at {first}"),
            format!("get CurrConns --at {first}"),
            format!("show problems --at {first}"),
            "show events --since 1h".to_owned(),
            format!("snapshot --since 1h --force -o {}", out.display()),
        ] {
            let read = on_copy(&args);
            assert!(read.err.contains("damaged record left out"), "{name}: {args}: {read:?}");
            let is_value = args.starts_with("get") && !is_block;
            assert_eq!(read.code, i32::from(!is_value), "{name}: {args}: {read:?}");
            // The moment of a damaged block is not shown.
            let is_moment = args.contains("--at");
            assert!(!(is_block && is_moment) || read.out.is_empty(), "{name}: {args}: {read:?}");
            assert!(!is_block || !is_moment || read.err.contains("no sample of "), "{name}: {args}: {read:?}");
        }
        let problems = on_copy(&format!("show problems --at {first}"));
        assert_eq!(problems.out.contains("no problems"), !is_block, "{name}: {problems:?}");
        // What happened after damaged events is unknown, also in a copy of the damaged recording.
        let later = on_copy(&format!("show problems --at {second}"));
        assert_eq!(later.out.contains("no problems"), !name.contains("events"), "{name}: {later:?}");
        assert_eq!(later.out.contains("what was wrong is unknown"), name.contains("events"), "{name}: {later:?}");
        let again = run(&script, &format!("show problems --at {second} --recordings {}", out.display()));
        assert_eq!(again.out, later.out, "{name}: {again:?}");
        let status = run(&script, &format!("record --status --dir {}", copy.display()));
        assert!(status.code == 1 && status.out.contains("  damaged: "), "{name}: {status:?}");
    }
}

#[test]
fn check_and_dashboard_report_a_damaged_recording() {
    let lab = Lab::builder().servers(2).start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = record(&script, &lab, home.path());
    let found = records(&fs::read(file_of(&folder, "shard")).unwrap());
    let events = found.iter().find(|record| record.kind == EVENTS).unwrap();
    let blocks: Vec<&FoundRecord> = found.iter().filter(|record| record.kind == BLOCK).collect();
    let copy = home.path().join("copy");
    damaged_copy(&folder, &copy, "shard", events.place + HEADER_BYTES + 5);
    let check = script.run(lab.admin(), &format!("check --recordings {}", copy.display()));
    assert!(check.err.contains("1 damaged record left out"), "{check:?}");

    let start = |command: &[&str], copy: &Path| {
        Term::builder().args(command.iter().copied()).args([copy]).size(160, 40).start()
    };
    let mut replay = start(&["replay"], &copy);
    replay.wait_for("1 damaged record left out");
    replay.press("<end>");
    let screen = replay.wait_for("problems unknown: the recording is damaged");
    assert!(!screen.contains("nothing wrong") && !screen.contains("no problems"), "{screen}");
    replay.press("!");
    let screen = replay.wait_for("unknown: the recording is damaged; ");
    assert!(!screen.contains("no problems"), "{screen}");
    replay.press("L");
    replay
        .wait_until(|screen| screen.contains("WHAT IS WRONG") && screen.contains("unknown: the recording is damaged"));
    replay.press("q");

    // A step across a damaged block says so.
    damaged_copy(&folder, &copy, "shard", blocks[1].place + HEADER_BYTES + 40);
    let mut replay = start(&["replay"], &copy);
    replay.wait_for("PAUSED");
    replay.press("<end>");
    replay.wait_for("PAUSED");
    replay.press("<s-left>");
    replay.wait_for("samples in between cannot be read: the recording is damaged");
    replay.press(&format!(":jump {}<ret>", argument(blocks[1].first + Duration::from_secs(6))));
    replay.wait_for("can be read: this is the one from");
    replay.press("q");
}
