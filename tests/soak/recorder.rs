//! Records a real HAProxy with the real program while everything that interrupts a recording happens in turn: reloads and
//! restarts of HAProxy, pauses of HAProxy and of the recorder, `kill -9`, a full disk, and a wall clock that jumps and
//! crosses the change to daylight saving time.
//!
//! libfaketime changes the wall clock of the recorder. The full disk needs root, which mounts a tmpfs; without one, it is left
//! out.

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use hapulse::recording::folder::list_instances;
use hapulse::recording::reader::Recording;

use crate::support::faketime::{self, FakeClock};
use crate::support::small_disk::SmallDisk;
use crate::support::{Lab, Traffic, process, wait_until};

const ALL: RangeInclusive<Duration> = Duration::ZERO..=Duration::MAX;
/// Time between two polls.
const INTERVAL: &str = "0.2";
/// Duration of an interruption.
const PAUSE: Duration = Duration::from_secs(4);
/// Pause between two samples that counts as a gap.
const GAP: Duration = Duration::from_secs(2);
/// Pause between two interruptions.
const CALM: Duration = Duration::from_secs(3);
/// Number of servers of the recording whose limit is reached.
const LIMITED_SERVERS: usize = 200;
/// Duration after which the limit must have been reached.
const LIMIT_REACHED: Duration = Duration::from_mins(30);
/// Limit of the recording that is limited, in MiB, and its tolerance.
const RETAIN_MIB: u64 = 1;
/// Limit of the age of a third recording, whose clock is right.
const RETAIN_HOURS: u64 = 1;
const TOLERANCE: f64 = 0.05;
/// Size of the disk, in KiB.
const DISK_KIB: usize = 32 << 10;
/// Change to daylight saving time in Berlin: 2027-03-28 01:00:00 UTC.
const DST: Duration = Duration::from_hours(501_721);

/// A recorder that is started again after it was killed.
struct SoakRecorder {
    child: Child,
    folder: PathBuf,
    args: Vec<String>,
    home: PathBuf,
    clock: FakeClock,
}

impl SoakRecorder {
    fn start(lab: &Lab, folder: PathBuf, (home, clock): (&Path, &FakeClock), retain: Option<&str>) -> Self {
        let mut args: Vec<String> = ["record", "-i", INTERVAL, "--dir"].map(ToOwned::to_owned).to_vec();
        args.push(folder.display().to_string());
        args.extend(retain.into_iter().flat_map(|limit| ["--retain".to_owned(), limit.to_owned()]));
        args.push(lab.admin().display().to_string());
        let child = spawn(&args, home, clock);
        Self { child, folder, args, home: home.to_owned(), clock: clock.clone() }
    }

    fn signal(&self, name: &str) {
        process::signal(self.child.id(), name);
    }

    fn restart(&mut self) {
        self.signal("KILL");
        self.child.wait().unwrap();
        thread::sleep(PAUSE);
        self.child = spawn(&self.args, &self.home, &self.clock);
    }

    /// Opens the recording; `None` before the first sample.
    fn recording(&self) -> Option<Recording> {
        let instance = list_instances(&self.folder).ok()?.pop()?;
        Recording::open(&instance).ok()
    }

    fn sample_count(&self) -> u64 {
        self.recording().map_or(0, |recording| recording.sample_count())
    }

    /// Returns the age of the oldest sample.
    fn age(&self) -> Duration {
        let first = self.recording().and_then(|recording| Some(recording.span()?.first.wall));
        first.map_or(Duration::ZERO, |first| SystemTime::now().duration_since(first).unwrap_or_default())
    }

    fn bytes(&self) -> u64 {
        let Some(instance) = list_instances(&self.folder).ok().and_then(|mut all| all.pop()) else { return 0 };
        let files = fs::read_dir(instance).into_iter().flatten().flatten();
        files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
    }
}

impl Drop for SoakRecorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(args: &[String], home: &Path, clock: &FakeClock) -> Child {
    let _guard = process::lock_start();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
    command.args(args).env_clear().env("TZ", "Europe/Berlin").env("HOME", home);
    clock.apply_to(&mut command);
    let messages = fs::File::options().create(true).append(true).open(home.join("messages")).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(messages).spawn().unwrap()
}

/// Runs this part of the soak test.
pub fn run(duration: Duration) -> Result<(), String> {
    let lab = Lab::builder().backends(3).servers(4).start();
    let _traffic = Traffic::to(lab.frontend_addr()).keep_alive().rate(30.0).start();
    let home = tempfile::tempdir().unwrap();
    let disk_folder = home.path().join("disk");
    fs::create_dir(&disk_folder).unwrap();
    let disk = SmallDisk::mount(&disk_folder, DISK_KIB);
    let clock = FakeClock::new(home.path());
    let place = (home.path(), &clock);
    let mut recorder = SoakRecorder::start(&lab, disk_folder.join("all"), place, None);
    let [limit, age] = [format!("{RETAIN_MIB}M"), format!("{RETAIN_HOURS}h")];
    let large = Lab::builder().backends(2).servers(LIMITED_SERVERS).start();
    let _large_traffic = Traffic::to(large.frontend_addr()).keep_alive().rate(100.0).start();
    let mut limited = SoakRecorder::start(&large, home.path().join("limited"), place, Some(&limit));
    let right_folder = home.path().join("right");
    fs::create_dir(&right_folder).unwrap();
    let right = FakeClock::new(&right_folder);
    let mut aging = SoakRecorder::start(&lab, home.path().join("aging"), (home.path(), &right), Some(&age));
    wait_until("the first samples", || {
        [&recorder, &limited, &aging].iter().all(|recorder| recorder.sample_count() > 0)
    });
    let (mut oldest, mut pauses) = (Duration::ZERO, Vec::new());
    let (start, mut gaps, mut largest, mut turn) = (Instant::now(), 0, 0, 0_usize);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let to_dst = DST.as_secs().cast_signed() - now.as_secs().cast_signed();
    while start.elapsed() < duration || turn < 10 {
        match turn % 10 {
            0 => lab.reload(),
            1 => clock.set(3600),
            2 => {
                lab.pause_process();
                let paused = SystemTime::now();
                thread::sleep(PAUSE);
                pauses.push(paused..=SystemTime::now());
                lab.resume_process();
                gaps += 1;
            }
            3 => clock.set(-7200),
            4 => {
                recorder.signal("STOP");
                thread::sleep(PAUSE);
                recorder.signal("CONT");
                gaps += 1;
            }
            5 => lab.restart(),
            // Berlin's clocks go from 02:00 to 03:00 soon.
            6 => clock.set(to_dst - 2),
            7 => {
                recorder.restart();
                limited.restart();
                gaps += 1;
            }
            8 => {
                if let Some(disk) = &disk {
                    disk.fill();
                    thread::sleep(PAUSE + Duration::from_secs(10));
                    disk.free();
                }
            }
            _ => clock.set(0),
        }
        // Samples are written every ten seconds.
        if matches!(turn % 10, 2 | 4 | 7 | 8) {
            let before = recorder.sample_count();
            wait_until("further samples", || recorder.sample_count() > before);
        }
        turn += 1;
        thread::sleep(CALM);
        largest = largest.max(limited.bytes());
        oldest = oldest.max(aging.age());
    }
    for one in [&mut recorder, &mut limited, &mut aging] {
        one.signal("TERM");
        wait_until("the recorder to exit", || one.child.try_wait().unwrap().is_some());
    }
    let limited_bytes = RETAIN_MIB << 20;
    println!(
        "recorder: {turn} interruptions in {} s, full disk: {}, clock: {}; {} samples in {} KiB; with --retain {RETAIN_MIB}M at most {} KiB; with --retain {RETAIN_HOURS}h at most {} s",
        start.elapsed().as_secs(),
        if disk.is_some() { "yes" } else { "no, not root" },
        if faketime::library().is_some() { "yes" } else { "no, libfaketime is not installed" },
        recorder.sample_count(),
        recorder.bytes() >> 10,
        largest >> 10,
        oldest.as_secs()
    );
    if oldest > Duration::from_hours(RETAIN_HOURS).mul_f64(1.0 + TOLERANCE) {
        return Err(format!("recorder: --retain {RETAIN_HOURS}h kept {} s", oldest.as_secs()));
    }
    if largest as f64 > limited_bytes as f64 * (1.0 + TOLERANCE) {
        return Err(format!("recorder: --retain {RETAIN_MIB}M kept {} KiB", largest >> 10));
    }
    if start.elapsed() > LIMIT_REACHED && (largest as f64) < limited_bytes as f64 * 0.9 {
        return Err(format!("recorder: --retain {RETAIN_MIB}M was not reached: {} KiB", largest >> 10));
    }
    for (one, pauses) in [(&recorder, &[][..]), (&limited, &[]), (&aging, &pauses)] {
        check(one, pauses)?;
    }
    let ranges = recorder.recording().unwrap().ranges(GAP).unwrap().len();
    if ranges <= gaps {
        return Err(format!("recorder: {gaps} interruptions left {ranges} ranges"));
    }
    Ok(())
}

/// Checks that everything is read back, in order and without damage, and that no sample is within a pause of HAProxy.
fn check(recorder: &SoakRecorder, pauses: &[RangeInclusive<SystemTime>]) -> Result<(), String> {
    let mut recording = recorder.recording().ok_or("recorder: recorded nothing")?;
    let headers = recording.headers(&ALL).unwrap();
    let is_ordered = headers.windows(2).all(|pair| pair[0].seq < pair[1].seq && pair[0].at < pair[1].at);
    let mut restored = 0;
    for group in headers.chunks(100) {
        let seqs: Vec<u64> = group.iter().map(|header| header.seq).collect();
        let samples = recording.restore_samples(&seqs).unwrap();
        restored += samples.len();
        if let Some(sample) = samples.iter().find(|sample| pauses.iter().any(|pause| pause.contains(&sample.at.wall))) {
            return Err(format!("recorder: a sample at {:?} is within a pause of HAProxy", sample.at.wall));
        }
    }
    if !is_ordered || restored as u64 != recording.sample_count() || !recording.damage().is_empty() {
        return Err(format!(
            "recorder: ordered: {is_ordered}, {restored} of {} samples read, damage: {:?}",
            recording.sample_count(),
            recording.damage()
        ));
    }
    Ok(())
}
