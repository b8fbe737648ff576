//! `hapulse show` and `get` with `--at` and `--since`, from a recording and from a snapshot of a real HAProxy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hapulse::recording::reader::Recording;
use hapulse::recording::recorded_events::EventContents;
use hapulse::recording::snapshot_reader::open_recordings;
use script::{CommandResult, Script};
use support::{Lab, ServerBehavior, Term, Traffic, send_command_to, wait_until};

fn run(script: &Script, args: &str) -> CommandResult {
    let output = script.command_without_target(args).output().unwrap();
    CommandResult {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap_or(-1),
    }
}

fn recorded(folder: &Path) -> Option<Recording> {
    open_recordings(folder).ok()?.recordings.pop()
}

/// Waits until the recording contains a sample that is taken from now on, and returns the time of its end as an argument.
fn next_moment(folder: &Path) -> String {
    let count = || recorded(folder).map_or(0, |recording| recording.sample_count());
    let before = count();
    wait_until("further samples", || count() > before + 2);
    let end = recorded(folder).unwrap().span().unwrap().last.wall;
    jiff::Timestamp::try_from(end).unwrap().to_string()
}

/// Records a lab in which 30 requests are sent, and then a server goes down. Returns the folder, and moments before the
/// requests, after them, and with the server down.
fn record(script: &Script, lab: &Lab, home: &Path) -> (PathBuf, [String; 3]) {
    let folder = home.join("recordings");
    let target = format!("lb01={}", lab.admin().display());
    let recorder = script.start(Path::new(&target), &format!("record -i 0.2 --dir {}", folder.display()));
    let early = next_moment(&folder);
    Traffic::to(lab.frontend_addr()).send(30);
    let busy = next_moment(&folder);
    lab.set_server_behavior("be1/s2", ServerBehavior::Closed);
    wait_until("the server to be down", || {
        let reply = send_command_to(lab.admin(), "show stat").unwrap();
        reply.lines().any(|line| line.starts_with("be1,s2,") && line.contains(",DOWN,"))
    });
    let _ = next_moment(&folder);
    let down = next_moment(&folder);
    recorder.signal("TERM");
    recorder.wait();
    (folder, [early, busy, down])
}

#[test]
fn show_and_get_print_recorded_moments() {
    let lab = Lab::builder().servers(2).checks().start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let (folder, [early, busy, down]) = record(&script, &lab, home.path());
    // HAProxy is gone, and everything is still there.
    lab.kill();
    let snapshot = home.path().join("incident.hapulse");
    let written =
        run(&script, &format!("snapshot --since 1h -o {} --recordings {}", snapshot.display(), folder.display()));
    assert_eq!(written.code, 0, "{written:?}");
    for place in [&folder, &snapshot] {
        let from = |args: &str| run(&script, &format!("{args} --recordings {}", place.display()));
        let get = |at: &str| from(&format!("get fe1/FRONTEND.stot be1/s2.status --at {at}")).out;
        assert_eq!([get(&early), get(&busy), get(&down)], ["0\nUP\n", "30\nUP\n", "30\nDOWN\n"]);

        let problems = |at: &str| from(&format!("show problems --at {at}"));
        assert!(!problems(&busy).out.contains("be1/s2"), "{:?}", problems(&busy));
        assert!(problems(&down).out.contains("WARN be1/s2: down: L4CON"), "{:?}", problems(&down));

        let status = from(&format!("show status --filter status:down --format json --at {down} lb01"));
        assert!(status.code == 0 && status.out.contains("\"s2\"") && !status.out.contains("\"s1\""), "{status:?}");
        let csv = from(&format!("show status --format csv --at {down}"));
        assert!(csv.out.lines().any(|line| line.starts_with("lb01,be1,s2,")), "{csv:?}");

        let events = from(&format!("show events --since {busy}"));
        assert!(events.out.contains("be1/s2  UP") && events.out.contains("→ DOWN  L4CON"), "{events:?}");
        assert!(!events.out.contains("down: L4CON"), "the change of state is enough: {events:?}");
        let json = from(&format!("show events --format json --since {busy}"));
        let first: serde_json::Value = serde_json::from_str(json.out.lines().next().unwrap()).unwrap();
        assert_eq!((&first["instance"], &first["name"]), (&"lb01".into(), &"be1/s2".into()));
    }
}

#[test]
fn times_without_samples_and_wrong_arguments_are_refused() {
    let script = Script::new();
    // A recording of each version is there, all with the same name.
    let version = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/2");
    let recordings = tempfile::tempdir().unwrap();
    let instance = recordings.path().join("lb");
    fs::create_dir(&instance).unwrap();
    for file in fs::read_dir(version).unwrap().flatten() {
        fs::copy(file.path(), instance.join(file.file_name())).unwrap();
    }
    let from = |args: &str| run(&script, &format!("{args} --recordings {}", recordings.path().display()));
    for (args, code, message) in [
        ("show --at 2020-01-01", 1, "nothing was recorded at 2020-01-01 00:00:00; the recording starts at 2023-11-14"),
        ("show --at 1m", 1, "the last sample before is from 2023-11-14"),
        ("get Pid --at 2020-01-01", 1, "nothing was recorded at"),
        ("show --at soon", 2, "\"soon\" is not a time"),
        ("show --at 1m lb99", 2, "lb99 is not recorded; recorded: "),
        ("show status", 2, "add --at WHEN"),
        ("show events", 2, "add --since WHEN, such as --since 2h"),
        ("show status --since 1m", 2, "--since needs the view events"),
        ("show status info --at 1m", 2, "only one view can be given"),
    ] {
        let refused = from(args);
        assert!(refused.code == code && refused.err.contains(message), "{args}: {refused:?}");
        assert_eq!(refused.out, "", "{args}");
    }
    let events = run(&script, "show events lb01");
    assert!(events.code == 2 && events.err.contains("events are read from recordings: add --since"), "{events:?}");
    let nothing = run(&script, "show --at 1m");
    assert!(nothing.code == 1 && nothing.err.contains("nothing is recorded: start hapulse record"), "{nothing:?}");
}

/// Records one HAProxy under two names, `lb01` and `lb02`, until both have samples.
fn record_two(script: &Script, lab: &Lab, home: &Path) -> PathBuf {
    let folder = home.join("two");
    let (one, two) = (format!("lb01={}", lab.admin().display()), format!("lb02={}", lab.admin().display()));
    let recorder = script.start(Path::new(&one), &format!("record -i 0.2 --dir {} {two}", folder.display()));
    wait_until("samples of both", || {
        let opened = open_recordings(&folder).map(|opened| opened.recordings).unwrap_or_default();
        opened.len() == 2 && opened.iter().all(|recording| recording.sample_count() > 2)
    });
    recorder.signal("TERM");
    recorder.wait();
    folder
}

/// Damages the blocks and journals of an instance.
fn damage(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "journal") {
            let mut bytes = fs::read(&path).unwrap();
            let records: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(b"\xb5hpr")).collect();
            // The first byte of the contents of each record.
            for at in records {
                bytes[at + 88] ^= 1;
            }
            fs::write(&path, bytes).unwrap();
        }
    }
}

#[test]
fn unreadable_recording_does_not_hide_the_others() {
    let lab = Lab::builder().servers(1).start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = record_two(&script, &lab, home.path());
    let end = open_recordings(&folder).unwrap().recordings[1].span().unwrap().last.wall;
    let end = jiff::Timestamp::try_from(end).unwrap().to_string();
    let from = |args: &str| run(&script, &format!("{args} --recordings {}", folder.display()));
    assert_eq!(from(&format!("show info --at {end}")).code, 0);
    damage(&folder.join("lb01"));
    let shown = from(&format!("show info --at {end}"));
    assert!(shown.code == 1 && shown.err.contains("lb01") && shown.err.contains("no sample can be read"), "{shown:?}");
    assert!(shown.out.contains("lb02:") && !shown.out.contains("lb01"), "{shown:?}");
    let mut replay = Term::builder().args(["replay"]).args([&folder]).size(120, 40).start();
    replay.wait_for("lb01 has no sample that can be read: recording: ");
    replay.press("q");
    assert_eq!(replay.exit_code(), 0);
    damage(&folder.join("lb02"));
    let mut replay = Term::builder().args(["replay"]).args([&folder]).size(200, 20).start();
    replay.wait_for("nothing to replay");
    replay.wait_for("lb02 has no sample that can be read");
    assert_eq!(replay.exit_code(), 1);
}

#[test]
fn recorded_targets_are_named_as_in_other_commands() {
    let lab = Lab::builder().servers(1).start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = home.path().join("recordings");
    let admin = lab.admin().display();
    let recorder = script.start(lab.admin(), &format!("record -i 0.2 --dir {}", folder.display()));
    let end = next_moment(&folder);
    recorder.signal("TERM");
    recorder.wait();
    script.configure(&format!("[targets]\nedge = \"{admin}\"\nother = \"/nowhere.sock\"\n"));
    let from = |args: &str| run(&script, &format!("{args} --recordings {}", folder.display()));
    for (target, name) in [(format!("eu={admin}"), "eu"), ("edge".to_owned(), "edge"), (admin.to_string(), "/")] {
        let shown = from(&format!("show status --format csv --at {end} {target}"));
        let first = shown.out.lines().nth(1).unwrap_or_default();
        assert!(shown.code == 0 && first.starts_with(name), "{target}: {shown:?}");
        let status = run(&script, &format!("record --status --dir {} {target}", folder.display()));
        assert!(status.out.contains("1 instance") && status.code == 1, "{target}: {status:?}");
    }
    for target in ["eu=/nowhere.sock", "other", "lb99"] {
        let refused = from(&format!("show --at {end} {target}"));
        assert!(
            refused.code == 2 && refused.err.contains(&format!("{target} is not recorded; recorded: ")),
            "{refused:?}"
        );
        let status = run(&script, &format!("record --status --dir {} {target}", folder.display()));
        assert!(status.code == 2 && status.err.contains("is not recorded"), "{target}: {status:?}");
    }
}

#[test]
fn printed_times_and_moments_in_gaps_are_accepted() {
    let lab = Lab::builder().servers(1).start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = home.path().join("recordings");
    let recorder = script.start(lab.admin(), &format!("record -i 0.2 --dir {}", folder.display()));
    let _ = next_moment(&folder);
    recorder.signal("TERM");
    recorder.wait();
    let from = |args: &str| run(&script, &format!("{args} --recordings {}", folder.display()));
    let status = run(&script, &format!("record --status --dir {}", folder.display()));
    let first = status.out.lines().find_map(|line| line.trim().split_once(" to ")).unwrap().0.to_owned();
    let (date, time) = first.split_once(' ').unwrap();
    let shown = from(&format!("get Pid --at {date}T{time}"));
    assert_eq!((shown.code, shown.err.as_str()), (0, ""), "{first}: {shown:?}");
    let end = recorded(&folder).unwrap().span().unwrap().last.wall + Duration::from_secs(5);
    let after = jiff::Timestamp::try_from(end).unwrap();
    wait_until("the moment to be past", || jiff::Timestamp::now() > after);
    let shown = from(&format!("get Pid --at {after}"));
    assert!(shown.code == 0 && shown.err.contains("nothing was recorded at"), "{shown:?}");
    assert!(shown.err.contains(": this is the sample from "), "{shown:?}");
}

#[test]
fn moments_while_haproxy_did_not_answer_have_no_causes() {
    let lab = Lab::builder().servers(1).start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = home.path().join("recordings");
    let _recorder = script.start(lab.admin(), &format!("record -i 0.2 --dir {}", folder.display()));
    let _ = next_moment(&folder);
    lab.kill();
    let link_loss = || {
        let events = recorded(&folder)?.events(&(SystemTime::UNIX_EPOCH..=SystemTime::now())).unwrap();
        events.iter().find(|event| matches!(event.contents, EventContents::PollFailure(_))).map(|event| event.at.wall)
    };
    wait_until("the failed poll", || link_loss().is_some());
    let lost = link_loss().unwrap();
    let at = jiff::Timestamp::try_from(lost).unwrap();
    let shown = run(&script, &format!("show problems --at {at} --recordings {}", folder.display()));
    assert!(shown.code == 1 && shown.out.is_empty(), "{shown:?}");
    assert!(shown.err.contains(" (link lost: cannot connect: "), "{shown:?}");
    assert!(shown.err.contains("; the last sample before is from "), "{shown:?}");
}

#[test]
fn recorded_maintenance_has_its_author() {
    let lab = Lab::builder().servers(2).start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = home.path().join("recordings");
    let recorder = script.start(lab.admin(), &format!("record -i 0.2 --dir {}", folder.display()));
    let early = next_moment(&folder);
    assert_eq!(script.run(lab.admin(), "maint be1/s2 --yes").code, 0);
    let _ = next_moment(&folder);
    let late = next_moment(&folder);
    recorder.signal("TERM");
    recorder.wait();
    let from = |args: &str| run(&script, &format!("{args} --recordings {}", folder.display()));
    let shown = |at: &str| from(&format!("show out-of-service --format csv --columns by --at {at}")).out;
    let author = script.done_record()["user"].as_str().unwrap().to_owned();
    assert!(shown(&late).lines().any(|line| line.contains("s2") && line.contains(&author)), "{}", shown(&late));
    assert!(!shown(&early).contains("s2"), "{}", shown(&early));
    let events = from(&format!("show events --since {early}"));
    assert!(events.out.contains("→ MAINT  by us"), "{events:?}");
}
