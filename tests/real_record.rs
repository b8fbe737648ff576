//! `hapulse record` on a real HAProxy: reloads, pauses, crashes, jumps of the clock, a full disk, and two recorders on one
//! folder. These are the short forms of the interruptions in the soak test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use hapulse::haproxy::fields::Field;
use hapulse::haproxy::stat_table::RowKind;
use hapulse::recording::folder::list_instances;
use hapulse::recording::reader::Recording;
use hapulse::recording::recorded_events::EventContents;
use script::Script;
use support::faketime::{self, FakeClock};
use support::small_disk::SmallDisk;
use support::{Lab, Traffic, process, send_command_to, stat_field, wait_until};

const ALL: RangeInclusive<Duration> = Duration::ZERO..=Duration::MAX;

/// A running recorder; dropping it kills it.
struct RunningRecorder {
    child: Child,
    messages: PathBuf,
}

impl RunningRecorder {
    fn start(script: &Script, lab: &Lab, folder: &Path) -> Self {
        Self::spawn(script.command(lab.admin(), &args(folder)), folder)
    }

    fn spawn(mut command: Command, folder: &Path) -> Self {
        let messages = folder.with_extension("messages");
        let file = fs::File::options().create(true).append(true).open(&messages).unwrap();
        let child = {
            let _guard = process::lock_start();
            command.stdout(Stdio::null()).stderr(file).spawn().unwrap()
        };
        Self { child, messages }
    }

    fn messages(&self) -> String {
        fs::read_to_string(&self.messages).unwrap()
    }

    fn signal(&self, name: &str) {
        process::signal(self.child.id(), name);
    }

    fn exit_code(mut self) -> Option<i32> {
        wait_until("the recorder to exit", || self.child.try_wait().unwrap().is_some());
        self.child.wait().unwrap().code()
    }
}

impl Drop for RunningRecorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn args(folder: &Path) -> String {
    format!("record -i 0.1 --dir {}", folder.display())
}

fn open(folder: &Path) -> Option<Recording> {
    let instance = list_instances(folder).ok()?.pop()?;
    Some(Recording::open(&instance).unwrap())
}

fn recorded_samples(folder: &Path) -> u64 {
    open(folder).map_or(0, |recording| recording.sample_count())
}

/// Waits until the recording has at least `count` samples.
fn wait_for_samples(folder: &Path, count: u64) {
    wait_until(&format!("{count} samples"), || recorded_samples(folder) >= count);
}

/// Sends requests until the recording has more samples.
fn record_traffic(lab: &Lab, folder: &Path) {
    let before = recorded_samples(folder);
    Traffic::to(lab.frontend_addr()).send(50);
    wait_for_samples(folder, before + 30);
}

#[test]
fn recording_continues_through_reload_pause_and_crash() {
    let lab = Lab::builder().servers(3).start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = home.path().join("recordings");
    let recorder = RunningRecorder::start(&script, &lab, &folder);
    record_traffic(&lab, &folder);
    lab.reload();
    record_traffic(&lab, &folder);
    lab.pause_process();
    wait_until("the failed poll", || {
        open(&folder).is_some_and(|mut recording| {
            let events = recording.events(&(SystemTime::UNIX_EPOCH..=SystemTime::now())).unwrap();
            events.iter().any(|event| matches!(event.contents, EventContents::PollFailure(_)))
        })
    });
    lab.resume_process();
    record_traffic(&lab, &folder);
    recorder.signal("KILL");
    assert_eq!(recorder.exit_code(), None);
    let killed = recorded_samples(&folder);
    let recorder = RunningRecorder::start(&script, &lab, &folder);
    wait_for_samples(&folder, killed + 30);
    recorder.signal("TERM");
    assert_eq!(recorder.exit_code(), Some(143));

    let mut recording = open(&folder).unwrap();
    assert_eq!(recording.damage(), []);
    let headers = recording.headers(&ALL).unwrap();
    let seqs: Vec<u64> = headers.iter().map(|header| header.seq).collect();
    let samples = recording.restore_samples(&seqs).unwrap();
    assert_eq!(samples.len() as u64, recording.sample_count());
    assert!(samples.windows(2).all(|pair| pair[0].seq < pair[1].seq && pair[0].at.monotonic < pair[1].at.monotonic));
    let mut pids: Vec<i64> = samples.iter().map(|sample| sample.epoch.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 2, "one reload");
    assert!(recording.ranges(Duration::from_secs(1)).unwrap().len() >= 2, "the pause and the restart are gaps");

    // The last sample is what HAProxy reports now, because nothing has happened since.
    let last = samples.last().unwrap();
    let reply = send_command_to(lab.admin(), "show stat").unwrap();
    assert!(last.table.rows().len() >= 5, "{reply}");
    for (id, row) in last.rows.ids().iter().zip(last.table.rows()) {
        let stot = stat_field(&reply, row.proxy.as_str(), row.name.as_str(), "stot").unwrap();
        assert_eq!(last.number(*id, Field::Stot).map(|stot| stot.to_string()).unwrap_or_default(), stot);
        assert_eq!(recording.row_id(row.kind, &row.proxy, &row.name), Some(*id));
    }
    let requests = last.table.rows().iter().zip(last.rows.ids()).filter(|(row, _)| row.kind == RowKind::Frontend);
    // The old process may have accepted some of the first 50 requests after the reload.
    assert!(requests.map(|(_, id)| last.number(*id, Field::Stot).unwrap_or(0)).sum::<i64>() >= 50);
}

#[test]
fn recording_continues_through_clock_jumps_and_a_stopped_recorder() {
    let lab = Lab::builder().servers(2).start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = home.path().join("recordings");
    let clock = FakeClock::new(home.path());
    let mut command = script.command(lab.admin(), &args(&folder));
    clock.apply_to(&mut command);
    let recorder = RunningRecorder::spawn(command, &folder);
    record_traffic(&lab, &folder);
    for seconds in [3600, -7200] {
        clock.set(seconds);
        record_traffic(&lab, &folder);
    }
    recorder.signal("STOP");
    std::thread::sleep(Duration::from_millis(2500));
    recorder.signal("CONT");
    record_traffic(&lab, &folder);
    recorder.signal("TERM");
    assert_eq!(recorder.exit_code(), Some(143));

    let mut recording = open(&folder).unwrap();
    assert_eq!(recording.damage(), []);
    let seqs: Vec<u64> = recording.headers(&ALL).unwrap().iter().map(|header| header.seq).collect();
    let samples = recording.restore_samples(&seqs).unwrap();
    assert_eq!(samples.len() as u64, recording.sample_count());
    let times: Vec<_> = samples.iter().map(|sample| sample.at).collect();
    assert!(times.windows(2).all(|pair| pair[0].monotonic < pair[1].monotonic), "{times:?}");
    let pauses: Vec<Duration> =
        times.windows(2).map(|pair| pair[1].monotonic.saturating_sub(pair[0].monotonic)).collect();
    let longest = pauses.iter().max().unwrap();
    assert!(
        (Duration::from_secs(2)..Duration::from_mins(5)).contains(longest),
        "the pause, without the jumps: {longest:?}"
    );
    assert!(recording.ranges(Duration::from_secs(2)).unwrap().len() >= 2, "the pause is a gap");
    if faketime::library().is_some() {
        let jumps = times.windows(2).filter(|pair| pair[1].wall < pair[0].wall);
        assert_eq!(jumps.count(), 1, "the clock was set back once");
        // The times before the jump are found by the clock that the recorder had.
        let ahead = times.iter().map(|at| at.wall).max().unwrap();
        assert_eq!(recording.sample_at(ahead).unwrap().unwrap().at.wall, ahead);
    }
}

#[test]
fn status_names_a_stopped_recorder_and_a_haproxy_that_does_not_answer() {
    let lab = Lab::builder().servers(1).start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = home.path().join("recordings");
    let recorder = RunningRecorder::start(&script, &lab, &folder);
    wait_for_samples(&folder, 10);
    let status = || script.run(lab.admin(), &format!("record --status --dir {}", folder.display()));
    recorder.signal("STOP");
    wait_until("the state of the stopped recorder", || status().out.contains("it is stopped or hangs"));
    assert_eq!(status().code, 1);
    recorder.signal("CONT");
    wait_until("the recorder to continue", || status().out.contains(": recording, 1 instance"));
    lab.pause_process();
    wait_until("the reason", || status().out.contains("HAProxy does not answer: "));
    lab.resume_process();
    wait_until("the end of the outage", || recorder.messages().contains("HAProxy answers again, after "));
    let messages = recorder.messages();
    assert_eq!(messages.matches("HAProxy does not answer: ").count(), 1, "{messages}");
}

#[test]
fn status_says_what_is_missing_without_a_recording() {
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = home.path().join("recordings");
    let status =
        |folder: &Path| script.run(Path::new("/nowhere.sock"), &format!("record --status --dir {}", folder.display()));
    let nothing = status(&folder);
    assert!(nothing.code == 1 && nothing.err.contains("nothing is recorded: "), "{nothing:?}");
    assert!(nothing.err.contains("does not exist; hapulse record creates it"), "{nothing:?}");
    let file = home.path().join("x.hapulse");
    fs::write(&file, "").unwrap();
    for refused in [status(&file), script.run(Path::new("/nowhere.sock"), &format!("record --dir {}", file.display()))]
    {
        let hint = format!("hapulse replay {} opens a snapshot", file.display());
        assert!(refused.code == 2 && refused.err.contains(&hint), "{refused:?}");
    }
    // A HAProxy that has never answered.
    let recorder = RunningRecorder::spawn(script.command(Path::new("/nowhere.sock"), &args(&folder)), &folder);
    wait_until("the message", || recorder.messages().contains("/nowhere.sock: HAProxy does not answer: "));
    wait_until("the reason", || {
        status(&folder).out.contains("no samples, ") && status(&folder).out.contains("HAProxy does not answer: ")
    });
}

#[test]
fn second_recorder_refuses_and_status_reports_both_states() {
    let lab = Lab::builder().servers(1).start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = home.path().join("recordings");
    let recorder = RunningRecorder::start(&script, &lab, &folder);
    wait_for_samples(&folder, 10);
    let second = script.run(lab.admin(), &args(&folder));
    assert_eq!(second.code, 1);
    assert!(second.err.contains("another hapulse records to"), "{}", second.err);
    let status = || script.run(lab.admin(), &format!("record --status --dir {}", folder.display()));
    let running = status();
    assert!(running.code == 0 && running.out.contains(": recording, 1 instance"), "{running:?}");
    assert!(running.out.contains(&lab.admin().display().to_string()), "{running:?}");
    recorder.signal("INT");
    assert_eq!(recorder.exit_code(), Some(130));
    let stopped = status();
    assert!(stopped.code == 1 && stopped.out.contains(": not recording, 1 instance"), "{stopped:?}");
}

#[test]
fn removed_folder_is_created_and_locked_again() {
    let lab = Lab::builder().servers(1).start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = home.path().join("recordings");
    let recorder = RunningRecorder::start(&script, &lab, &folder);
    wait_for_samples(&folder, 10);
    fs::remove_dir_all(&folder).unwrap();
    wait_for_samples(&folder, 10);
    // The message follows the first samples that are written.
    let is_reported = || recorder.messages().contains("were removed; recording continues in new ones");
    wait_until("the message about removed files", is_reported);
    let second = script.run(lab.admin(), &args(&folder));
    assert!(second.code == 1 && second.err.contains("another hapulse records to"), "{second:?}");
    recorder.signal("TERM");
    assert_eq!(recorder.exit_code(), Some(143));
    assert_eq!(open(&folder).unwrap().damage(), []);
}

#[test]
fn targets_with_the_same_name_are_refused_with_other_names() {
    let lab = Lab::builder().servers(1).start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = home.path().join("recordings");
    let admin = lab.admin().display();
    let twice = format!("{} lb=/nowhere.sock", args(&folder));
    let refused = script.run(Path::new(&format!("lb={admin}")), &twice);
    assert_eq!(refused.code, 1);
    let fix = format!("give them different names: lb=/nowhere.sock lb-2={admin}");
    assert!(refused.err.contains("two targets have the name lb: ") && refused.err.contains(&fix), "{refused:?}");
}

#[test]
fn shard_has_the_time_of_its_first_sample() {
    let lab = Lab::builder().servers(1).start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = home.path().join("recordings");
    let recorder = RunningRecorder::start(&script, &lab, &folder);
    wait_for_samples(&folder, 10);
    recorder.signal("TERM");
    assert_eq!(recorder.exit_code(), Some(143));
    let first = jiff::Timestamp::try_from(open(&folder).unwrap().span().unwrap().first.wall).unwrap();
    let name = format!("00000001-{}.shard", first.strftime("%Y%m%dT%H%M%SZ"));
    let instance = list_instances(&folder).unwrap().pop().unwrap();
    assert!(instance.join(&name).exists(), "{name}");
}

#[test]
fn full_disk_is_reported_and_recording_works_again_later() {
    let lab = Lab::builder().servers(3).start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = home.path().join("recordings");
    // The limit of the file size ends writing as a full disk does, and needs no root.
    let command = script.command(lab.admin(), &args(&folder));
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 4; exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
    limited.env_clear().stdin(Stdio::null());
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let recorder = RunningRecorder::spawn(limited, &folder);
    wait_until("the message", || recorder.messages().contains("cannot write to"));
    recorder.signal("TERM");
    assert_eq!(recorder.exit_code(), Some(143));
    let recorder = RunningRecorder::start(&script, &lab, &folder);
    wait_for_samples(&folder, 30);
    recorder.signal("TERM");
    assert_eq!(recorder.exit_code(), Some(143));
    let mut recording = open(&folder).unwrap();
    let seqs: Vec<u64> = recording.headers(&ALL).unwrap().iter().map(|header| header.seq).collect();
    assert_eq!(recording.restore_samples(&seqs).unwrap().len() as u64, recording.sample_count());
    assert_eq!(recording.damage(), [], "incomplete records were removed");
}

#[test]
fn recording_continues_when_a_full_disk_has_room_again() {
    let lab = Lab::builder().servers(3).start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let place = home.path().join("disk");
    fs::create_dir(&place).unwrap();
    let Some(disk) = SmallDisk::mount(&place, 1 << 10) else {
        println!("left out: only root can mount a tmpfs");
        return;
    };
    let folder = place.join("recordings");
    // The messages must not be on the full disk.
    let mut recorder =
        RunningRecorder::spawn(script.command(lab.admin(), &args(&folder)), &home.path().join("recorder"));
    wait_for_samples(&folder, 30);
    disk.fill();
    wait_until("the message", || recorder.messages().contains("cannot write to"));
    let status = || script.run(lab.admin(), &format!("record --status --dir {}", folder.display()));
    wait_until("the state of the disk", || status().out.contains("not recording: the disk is full; trying again"));
    assert_eq!(status().code, 1);
    disk.free();
    let before = recorded_samples(&folder);
    wait_until("the other message", || recorder.messages().contains("recording continues; "));
    wait_for_samples(&folder, before + 30);
    recorder.signal("TERM");
    wait_until("the recorder to exit", || recorder.child.try_wait().unwrap().is_some());
    let mut recording = open(&folder).unwrap();
    let seqs: Vec<u64> = recording.headers(&ALL).unwrap().iter().map(|header| header.seq).collect();
    assert_eq!(recording.restore_samples(&seqs).unwrap().len() as u64, recording.sample_count());
    assert_eq!(recording.damage(), [], "incomplete records were removed");
}
