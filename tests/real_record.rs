//! `hapulse record` on a real HAProxy: reloads, pauses, crashes, a full disk, and two recorders on one folder.
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
    assert!(requests.map(|(_, id)| last.number(*id, Field::Stot).unwrap_or(0)).sum::<i64>() >= 100);
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
