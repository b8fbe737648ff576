//! `hapulse show` and `get` with `--at` and `--since`, from a recording and from a snapshot of a real HAProxy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::path::{Path, PathBuf};

use hapulse::recording::reader::Recording;
use hapulse::recording::snapshot_reader::open_recordings;
use script::{CommandResult, Script};
use support::{Lab, ServerBehavior, Traffic, send_command_to, wait_until};

fn run(script: &Script, args: &str) -> CommandResult {
    let output = script.command_without_target(args).output().unwrap();
    CommandResult {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap_or(-1),
    }
}

fn recorded(folder: &Path) -> Option<Recording> {
    open_recordings(folder).ok()?.pop()
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
        assert!(events.out.contains("be1/s2") && events.out.contains("down: L4CON"), "{events:?}");
        let json = from(&format!("show events --format json --since {busy}"));
        let first: serde_json::Value = serde_json::from_str(json.out.lines().next().unwrap()).unwrap();
        assert_eq!((&first["instance"], &first["name"]), (&"lb01".into(), &"be1/s2".into()));
    }
}

#[test]
fn times_without_samples_and_wrong_arguments_are_refused() {
    let script = Script::new();
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let from = |args: &str| run(&script, &format!("{args} --recordings {}", recordings.display()));
    for (args, code, message) in [
        ("show --at 2020-01-01", 1, "nothing was recorded at 2020-01-01 00:00:00; the recording starts at 2023-11-14"),
        ("show --at 1m", 1, "the last sample before is from 2023-11-14"),
        ("get Pid --at 2020-01-01", 1, "nothing was recorded at"),
        ("show --at soon", 2, "\"soon\" is not a time"),
        ("show --at 1m lb99", 2, "lb99 is not recorded; recorded: "),
        ("show status", 2, "add --at WHEN"),
        ("show events", 2, "add --since WHEN"),
        ("show status --since 1m", 2, "--since needs the view events"),
        ("show status info --at 1m", 2, "only one view can be given"),
    ] {
        let refused = from(args);
        assert!(refused.code == code && refused.err.contains(message), "{args}: {refused:?}");
        assert_eq!(refused.out, "", "{args}");
    }
    let nothing = run(&script, "show --at 1m");
    assert!(nothing.code == 1 && nothing.err.contains("nothing is recorded: start hapulse record"), "{nothing:?}");
}
