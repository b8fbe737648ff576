//! Measures recordings of 1,000 servers over a day: their size, and the time to open them and to show any moment.
//!
//! Usage: `cargo bench --bench recording -- --dumps FOLDER [OPTION]...`
//!
//! - `--dumps FOLDER`   dumps, one file per second, as `cargo bench --bench history -- --record FOLDER` writes them; they are
//!   repeated until the recording is complete
//! - `--hours N`        records N hours (default 24)
//! - `--folder FOLDER`  keeps the recording in this folder, and uses it again if it exists
//! - `--seeks N`        shows N random moments (default 200)

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "shared/mod.rs"]
mod shared;
#[path = "../tests/support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use hapulse::haproxy::reply;
use hapulse::history::block::BLOCK_SAMPLES;
use hapulse::recording::folder::list_instances;
use hapulse::recording::reader::Recording;
use hapulse::recording::writer::Recorder;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use shared::dump::SampleFeed;
use shared::figures::{Distribution, millis, print_heading, print_row, print_target, print_value};
use support::Term;

const STARTS: usize = 10;
/// 2026-11-01 00:00:00 UTC.
const START: Duration = Duration::from_hours(498_192);

fn main() {
    let (mut dumps, mut hours, mut folder, mut seeks) = (None, 24_u64, None, 200_usize);
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(arg) = args.next() {
        let mut value = || args.next().unwrap_or_else(|| panic!("{arg} needs a value"));
        match arg.as_str() {
            "--dumps" => dumps = Some(PathBuf::from(value())),
            "--hours" => hours = value().parse().expect("--hours needs a number"),
            "--folder" => folder = Some(PathBuf::from(value())),
            "--seeks" => seeks = value().parse().expect("--seeks needs a number"),
            other => panic!("unknown option {other}"),
        }
    }
    println!("load {}", shared::proc::load_average());
    let temporary = tempfile::tempdir().expect("a folder can be created");
    let folder = folder.unwrap_or_else(|| temporary.path().to_owned());
    let is_recorded = list_instances(&folder).is_ok_and(|instances| !instances.is_empty());
    if !is_recorded {
        record(&dumps.expect("--dumps FOLDER is needed"), &folder, hours * 3600);
    }
    let span = Duration::from_secs(hours * 3600);
    measure_reader(&folder, span, seeks);
    measure_program(&folder, span, seeks);
}

/// Records the dumps again and again, one sample per second of recorded time.
fn record(dumps: &Path, folder: &Path, seconds: u64) {
    let mut files: Vec<_> = std::fs::read_dir(dumps).expect("the dumps can be read").flatten().collect();
    files.retain(|file| file.path().extension().is_some_and(|end| end == "txt"));
    files.sort_by_key(std::fs::DirEntry::file_name);
    std::fs::create_dir_all(folder).expect("the folder can be created");
    let mut recorder = Recorder::create(folder, "lb01", "/run/haproxy.sock").expect("a recorder can be created");
    let mut feed = SampleFeed::starting_at(START);
    let (mut push_time, mut rows, mut last) = (Duration::ZERO, 0, None);
    for file in files.iter().cycle().take(seconds as usize) {
        let dump = std::fs::read(file.path()).expect("a dump can be read");
        let replies = reply::split(&dump, 2);
        let text = |index: usize| replies.get(index).map_or("", |one| std::str::from_utf8(one.text()).unwrap_or(""));
        let (sample, _) = feed.parse(text(0), text(1)).expect("a dump can be parsed");
        let start = Instant::now();
        recorder.push(&sample).expect("the recording can be written");
        push_time += start.elapsed();
        rows = sample.rows.ids().len();
        last = Some(sample.at);
    }
    recorder.flush(last.expect("there are dumps")).expect("the recording can be written");
    let count = seconds / BLOCK_SAMPLES as u64 * BLOCK_SAMPLES as u64;
    let (count, bytes) = (count as f64, stored_bytes(recorder.folder()) as f64);
    print_heading(&format!("{count} samples of {rows} rows in blocks, from {} dumps", files.len()));
    print_value("bytes per sample, with texts and index", bytes / count);
    print_target("MB per day at one sample per second", bytes / count * 86_400.0 / 1e6, 300.0);
    print_value("ms to store a sample, mean", millis(push_time) / seconds as f64);
}

/// Returns the size of the files without the journal, which has less than one block.
fn stored_bytes(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).expect("the recording can be read").flatten();
    let files = files.filter(|file| file.path().extension().is_some_and(|end| end != "journal"));
    files.map(|file| file.metadata().map_or(0, |metadata| metadata.len())).sum()
}

/// Returns a random moment of the recording.
fn random_moment(random: &mut fastrand::Rng, span: Duration) -> SystemTime {
    SystemTime::UNIX_EPOCH + START + Duration::from_secs(random.u64(0..span.as_secs()))
}

/// Measures the reader alone.
fn measure_reader(folder: &Path, span: Duration, seeks: usize) {
    let instance = list_instances(folder).expect("the folder can be read").remove(0);
    let mut random = fastrand::Rng::with_seed(1);
    let open = || {
        let start = Instant::now();
        let recording = Recording::open(&instance).expect("the recording can be read");
        (start.elapsed(), recording)
    };
    let times: Vec<Duration> = (0..STARTS).map(|_| open().0).collect();
    let mut recording = open().1;
    let seek = |_| {
        let wall = random_moment(&mut random, span);
        let start = Instant::now();
        let sample = recording.sample_at(wall).expect("the recording can be read").expect("a sample is stored");
        let time = start.elapsed();
        assert_eq!(sample.at.wall, wall);
        time
    };
    let moments: Vec<Duration> = (0..seeks).map(seek).collect();
    print_heading("ms, reader");
    print_row("open the recording", &Distribution::from_durations(&times));
    let moments = Distribution::from_durations(&moments);
    print_row("restore a random moment", &moments);
    print_target("  p95", moments.quantile(0.95), 20.0);
    assert_eq!(recording.damage(), []);
}

/// Measures `hapulse replay` in a terminal.
fn measure_program(folder: &Path, span: Duration, seeks: usize) {
    let start_program = || {
        let start = Instant::now();
        let args = [Path::new("replay"), folder];
        let term = Term::builder().args(args).env("TZ", "UTC").size(120, 40).start();
        // A full screen has the rows and, at the bottom, the keys.
        wait(&term, |screen| screen.contains("be1") && screen.lines().nth(39).is_some_and(|line| !line.is_empty()));
        (start.elapsed(), term)
    };
    let starts: Vec<Duration> = (0..STARTS).map(|_| start_program().0).collect();
    let mut term = start_program().1;
    let mut random = fastrand::Rng::with_seed(2);
    let mut jump = |term: &mut Term| {
        let moment = Timestamp::try_from(random_moment(&mut random, span)).expect("a moment is a valid time");
        let time = moment.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string();
        term.press(&format!(":jump {time}"));
        wait(term, |screen| screen.contains(&format!("jump {time}")));
        // A pause for the end of the typed text is part of the key press.
        term.press("<ret>");
        let start = Instant::now();
        let clock = time.split_once(' ').map_or("", |(_, clock)| clock).to_owned();
        wait(term, |screen| !screen.contains("jump ") && screen.contains(&clock));
        start.elapsed()
    };
    let jumps: Vec<Duration> = (0..seeks).map(|_| jump(&mut term)).collect();
    print_heading("ms, hapulse replay at 120x40");
    let starts = Distribution::from_durations(&starts);
    print_row("first full screen", &starts);
    print_target("  median", starts.median(), 100.0);
    print_row("Enter to the screen of a random moment", &Distribution::from_durations(&jumps));
    print_target("resident memory, maximum, MB", shared::proc::memory_mb(term.pid(), "VmHWM"), 64.0);
}

fn wait(term: &Term, check: impl Fn(&str) -> bool) {
    let end = Instant::now() + support::DEADLINE;
    while !check(&term.screen()) {
        assert!(Instant::now() < end, "timeout; the screen shows:\n{}", term.screen());
        std::thread::sleep(Duration::from_micros(500));
    }
}
