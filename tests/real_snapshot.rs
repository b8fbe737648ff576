//! `hapulse snapshot` of a real HAProxy: one file with the recorded span, anonymized on request.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hapulse::haproxy::fields::Field;
use hapulse::observe::sample::Sample;
use hapulse::recording::reader::Recording;
use hapulse::recording::recorded_events::{CauseStep, EventContents};
use hapulse::recording::snapshot_reader::open_recordings;
use script::{CommandResult, Script};
use support::actions::answer_confirmation;
use support::{Lab, Term, Traffic, wait_until};

const ALL: RangeInclusive<Duration> = Duration::ZERO..=Duration::MAX;
/// Length of a record without contents.
const RECORD_HEADER_BYTES: usize = 88;

/// Names and texts of the site, which an anonymized snapshot must not contain.
const SECRETS: [&str; 8] =
    ["zqshop", "zqweb", "zqentry", "zqnode", "zqdescription", "zqticket", "zqbalancer", "zqcookie"];

/// A site with telling names, whose server `zqweb2` is down.
fn site() -> Lab {
    Lab::builder()
        .frontends(0)
        .backends(0)
        .global("node zqnode")
        .global("description zqdescription")
        .sections(
            "frontend zqentry\n    bind {{web}}\n    default_backend zqshop\n\
             backend zqshop\n    cookie SRV insert\n    default-server check inter 100ms fall 2 rise 2\n    \
             http-request return status 200 if { path /fine }\n    \
             server zqweb1 {{app}} cookie zqcookie no-check\n    server zqweb2 {{none}} cookie zqcookie2\n    \
             server zqweb3 {{app}} cookie zqcookie3 no-check",
        )
        .start()
}

fn words(folder: &Path, more: &str) -> String {
    format!("{more} --recordings {}", folder.display())
}

fn snapshot(script: &Script, folder: &Path, more: &str) -> CommandResult {
    run_on(script, folder, &format!("snapshot {more}"))
}

/// Runs a command on recordings.
fn run_on(script: &Script, place: &Path, command: &str) -> CommandResult {
    let mut command = script.command_without_target(&words(place, command));
    let output = command.output().unwrap();
    CommandResult {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap_or(-1),
    }
}

fn events(recording: &mut Recording) -> Vec<EventContents> {
    let found = recording.events(&(SystemTime::UNIX_EPOCH..=SystemTime::now())).unwrap();
    found.into_iter().map(|event| event.contents).collect()
}

/// Records the site until a cause and an action are recorded. Returns the folder.
fn record(script: &Script, lab: &Lab, home: &Path) -> PathBuf {
    let folder = home.join("recordings");
    let target = format!("zqbalancer={}", lab.admin().display());
    let recorder = script.start(Path::new(&target), &format!("record -i 0.1 --dir {}", folder.display()));
    let recorded = || open_recordings(&folder).ok().and_then(|mut all| all.recordings.pop());
    wait_until("samples", || recorded().is_some_and(|recording| recording.sample_count() > 20));
    Traffic::to(lab.addr("web")).path("/fine").send(20);
    let drained = script.run(lab.admin(), "maint zqshop/zqweb1 --yes --reason zqticket");
    assert_eq!(drained.code, 0, "{drained:?}");
    wait_until("a cause and an action", || {
        let found = recorded().map(|mut recording| events(&mut recording)).unwrap_or_default();
        found.iter().any(|event| matches!(event, EventContents::Cause(_)))
            && found.iter().any(|event| matches!(event, EventContents::Action(_)))
    });
    recorder.signal("TERM");
    recorder.wait();
    folder
}

fn samples(recording: &mut Recording) -> Vec<Arc<Sample>> {
    let seqs: Vec<u64> = recording.headers(&ALL).unwrap().iter().map(|header| header.seq).collect();
    recording.restore_samples(&seqs).unwrap()
}

fn times(recording: &mut Recording) -> Vec<SystemTime> {
    samples(recording).iter().map(|sample| sample.at.wall).collect()
}

/// The sums of some counters of each sample.
fn sums(recording: &mut Recording) -> BTreeMap<SystemTime, Vec<i64>> {
    let samples = samples(recording);
    let sum = |sample: &Sample, field| sample.rows.ids().iter().filter_map(|id| sample.number(*id, field)).sum();
    let fields = [Field::Stot, Field::Bin, Field::Weight, Field::Chkdown];
    samples.iter().map(|sample| (sample.at.wall, fields.map(|field| sum(sample, field)).to_vec())).collect()
}

/// Kind, change and kind of row of each cause.
fn causes(recording: &mut Recording) -> Vec<(String, CauseStep, bool)> {
    let cause = |event| match event {
        EventContents::Cause(cause) => Some((cause.kind.to_string(), cause.step, cause.row.is_some())),
        EventContents::Action(_) | EventContents::PollFailure(_) | EventContents::Change(_) => None,
    };
    events(recording).into_iter().filter_map(cause).collect()
}

/// Returns the contents of all records of a file, decompressed.
fn contents(file: &[u8]) -> Vec<u8> {
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap()) as usize;
    let (mut all, mut rest) = (Vec::new(), &file[16..]);
    while !rest.is_empty() {
        assert_eq!(rest[..4], *b"\xb5hpr");
        let (stored, raw) = (number(&rest[8..12]), number(&rest[12..16]));
        let body = &rest[88..88 + stored];
        match rest[6] {
            0 => all.extend_from_slice(body),
            _ => all.extend(lz4_flex::block::decompress(body, raw).unwrap()),
        }
        rest = &rest[88 + stored..];
    }
    all
}

fn contains(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

#[test]
fn anonymized_snapshot_has_no_names_and_the_same_numbers_and_causes() {
    let lab = site();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = record(&script, &lab, home.path());
    let [plain, anonymous] = ["plain", "anonymous"].map(|name| home.path().join(name));
    for (file, more) in [(&plain, ""), (&anonymous, " --anonymize")] {
        let written = snapshot(&script, &folder, &format!("--since 1h{more} -o {}", file.display()));
        assert!(written.code == 0 && written.err.contains(" of 1 instance from "), "{written:?}");
    }
    let mut original = open_recordings(&folder).unwrap().recordings.pop().unwrap();
    let expected = (sums(&mut original), causes(&mut original));
    assert!(expected.0.len() > 20 && !expected.1.is_empty());
    for file in [&plain, &anonymous] {
        let mut copy = open_recordings(file).unwrap().recordings.pop().unwrap();
        assert_eq!((sums(&mut copy), causes(&mut copy)), expected, "{}", file.display());
        assert_eq!(copy.damage(), []);
    }
    assert_eq!(open_recordings(&anonymous).unwrap().recordings[0].name(), "lb-01");

    let addresses = [lab.addr("app").ip().to_string(), lab.admin().display().to_string()];
    let secrets = SECRETS.into_iter().chain(addresses.iter().map(String::as_str));
    let files = [&plain, &anonymous].map(|file| fs::read(file).unwrap());
    let decompressed = files.each_ref().map(|file| contents(file));
    for secret in secrets {
        assert!(contains(&decompressed[0], secret), "{secret} is in the original");
        assert!(!contains(&files[1], secret) && !contains(&decompressed[1], secret), "{secret}");
    }
    for name in ["fe-01", "be-01", "srv-02", "set server be-01/srv-01 state maint", "the server is up"] {
        let is_expected = name != "the server is up";
        assert_eq!(contains(&decompressed[1], name), is_expected, "{name}");
    }

    // A damaged record is reported wherever the recording is read.
    let damaged = home.path().join("damaged");
    let mut bytes = files[0].clone();
    // The last byte before the mark of the end, which has no contents.
    let last = bytes.len() - RECORD_HEADER_BYTES - 1;
    bytes[last] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    let copy = home.path().join("copy");
    for words in ["show --since 1h events".to_owned(), format!("snapshot --since 1h -o {}", copy.display())] {
        let printed = run_on(&script, &damaged, &words);
        assert!(printed.err.contains("warning: zqbalancer: recording: 1 damaged record left out"), "{printed:?}");
    }

    // A snapshot that was cut off between two records has lost the causes: it does not say that all is well.
    let cut = home.path().join("cut");
    fs::write(&cut, &files[0][..files[0].len() - RECORD_HEADER_BYTES]).unwrap();
    let end =
        jiff::Timestamp::try_from(open_recordings(&plain).unwrap().recordings[0].span().unwrap().last.wall).unwrap();
    for (file, code) in [(&plain, 0), (&cut, 1)] {
        let printed = run_on(&script, file, &format!("show --at {end} problems"));
        assert_eq!((printed.code, printed.err.contains("the file was cut off")), (code, code == 1), "{printed:?}");
    }

    let mut replay = Term::builder().args(["replay"]).args([&anonymous]).size(120, 40).start();
    replay.wait_for("lb-01");
    replay.press("<end>");
    let screen = replay.wait_for("be-01/srv-02: down");
    assert!(!screen.contains("zq"), "{screen}");
    replay.press("q");
    assert_eq!(replay.exit_code(), 0);
    let mut past = Term::builder().args(["--recordings"]).args([&plain]).args([lab.admin()]).size(120, 40).start();
    past.wait_for("live");
    past.press("p<home>");
    past.wait_for("recorded every 0.");
    past.press("pq");
    assert_eq!(past.exit_code(), 0);
}

#[test]
fn snapshot_contains_only_the_span_and_reports_errors() {
    let lab = Lab::builder().servers(2).start();
    let (script, home) = (Script::new(), tempfile::tempdir().unwrap());
    let folder = home.path().join("recordings");
    let recorder = script.start(lab.admin(), &format!("record -i 0.1 --dir {}", folder.display()));
    let recorded = || open_recordings(&folder).ok().and_then(|mut all| all.recordings.pop());
    wait_until("samples", || recorded().is_some_and(|recording| recording.sample_count() >= 80));
    recorder.signal("TERM");
    recorder.wait();
    let all = times(&mut recorded().unwrap());
    let time = |index: usize| jiff::Timestamp::try_from(all[index]).unwrap().to_string();
    let out = home.path().join("out.hapulse");
    let to_out = |more: &str| snapshot(&script, &folder, &format!("{more} -o {}", out.display()));

    let written = to_out(&format!("--from {} --to {}", time(40), time(69)));
    assert_eq!(written.code, 0, "{written:?}");
    let mut copy = open_recordings(&out).unwrap().recordings.pop().unwrap();
    assert_eq!(times(&mut copy), all[40..70]);

    let printed =
        script.command_without_target(&words(&folder, &format!("snapshot --from {} -o -", time(40)))).output();
    let printed = printed.unwrap();
    assert!(printed.status.success() && String::from_utf8_lossy(&printed.stderr).contains("standard output: "));
    let piped = home.path().join("piped");
    fs::write(&piped, &printed.stdout).unwrap();
    assert_eq!(times(&mut open_recordings(&piped).unwrap().recordings.pop().unwrap()), all[40..]);
    fs::remove_file(&piped).unwrap();
    let empty = snapshot(&script, &folder, "--from 2020-01-01 --to 2020-01-02 -o -");
    assert_eq!((empty.code, empty.out.as_str()), (1, ""), "{empty:?}");

    let before = fs::read(&out).unwrap();
    for (more, code, message) in [
        ("--since 1h", 1, "the file exists; --force replaces it"),
        ("--force --from 2020-01-01 --to 2020-01-02", 1, "nothing was recorded from 2020-01-01 00:00:00 to 2020-01-02"),
        ("--force --from 5m --to 10m", 2, "the span ends before it starts"),
        ("--force --since 1h lb99", 2, "lb99 is not recorded; recorded: "),
        ("--force --since soon", 2, "\"soon\" is not a time"),
        ("--force", 2, "--since"),
        ("--force --since 1h --from 2h", 2, "--from"),
    ] {
        let refused = to_out(more);
        assert!(refused.code == code && refused.err.contains(message), "{more}: {refused:?}");
        assert_eq!(fs::read(&out).unwrap(), before, "{more}");
    }
    assert_eq!(to_out("--force --since 1h").code, 0);
    assert_ne!(fs::read(&out).unwrap(), before);
    let missing = home.path().join("missing/out");
    let refused = snapshot(&script, &folder, &format!("--since 1h -o {}", missing.display()));
    assert!(refused.code == 1 && refused.err.contains("cannot write"), "{refused:?}");
    let nothing = snapshot(&script, &home.path().join("nothing"), &format!("--since 1h --force -o {}", out.display()));
    assert!(nothing.code == 1 && nothing.err.contains("cannot read"), "{nothing:?}");
    let names: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "no partial file is left: {names:?}");
}

#[test]
fn dashboard_writes_what_memory_holds_to_a_snapshot() {
    let lab = site();
    let mut term = Term::builder().args(["-i", "0.1"]).args([lab.admin()]).size(200, 50).start();
    term.wait_for("zqshop/zqweb2: down");
    term.press(":maint zqshop/zqweb1<ret>");
    answer_confirmation(&mut term, "Maintenance: zqshop / zqweb1", "y");
    // The event of the change, which follows the result of the action.
    term.wait_for("no check → MAINT");
    let (plain, anonymous) = (term.home().join("my memory.hapulse"), term.home().join("anonymous"));
    term.press(":snapshot ~/my memory.hapulse<ret>");
    term.wait_for("my memory.hapulse: ");
    term.wait_for(" of 1 instance from ");
    let before = fs::read(&plain).unwrap();
    for (line, message) in [
        (":snapshot ~/my memory.hapulse<ret>", "the file exists; --force replaces it"),
        (":snapshot ~/missing/file<ret>", "No such file or directory"),
        (":snapshot --all x<ret>", "snapshot does not know the option --all"),
    ] {
        term.press(line);
        term.wait_for(message);
        term.press("<esc>");
    }
    assert_eq!(fs::read(&plain).unwrap(), before);
    term.press(":snapshot --anonymize ~/anonymous<ret>");
    term.wait_for("anonymous: ");
    term.wait_for(" of 1 instance from ");
    term.press(":snapshot --force ~/my memory.hapulse<ret>");
    wait_until("the file to be replaced", || fs::read(&plain).unwrap() != before);
    let names: Vec<_> = fs::read_dir(term.home()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().starts_with(".my")), "no partial file is left: {names:?}");

    let [mut original, mut copy] = [&plain, &anonymous].map(|file| {
        let recording = open_recordings(file).unwrap().recordings.pop().unwrap();
        assert_eq!(recording.damage(), [], "{}", file.display());
        recording
    });
    // The first file was written again later: it has all samples of the other one.
    let (all, some) = (sums(&mut original), sums(&mut copy));
    assert!(some.len() > 10 && some.iter().all(|(at, sums)| all[at] == *sums));
    let down = ("server-down".to_owned(), CauseStep::Opened, true);
    for recording in [&mut original, &mut copy] {
        assert!(causes(recording).contains(&down), "{:?}", causes(recording));
        assert!(events(recording).iter().any(|event| matches!(event, EventContents::Action(_))));
    }
    let decompressed = [&plain, &anonymous].map(|file| contents(&fs::read(file).unwrap()));
    for secret in ["zqshop", "zqweb", "zqentry", "zqnode", "zqdescription"] {
        assert!(contains(&decompressed[0], secret) && !contains(&decompressed[1], secret), "{secret}");
    }
    let (script, without_blank) = (Script::new(), term.home().join("plain"));
    fs::rename(&plain, &without_blank).unwrap();
    let printed = run_on(&script, &without_blank, "show --since 1h events");
    assert!(printed.out.contains("zqshop/zqweb1") && printed.out.contains("no check → MAINT"), "{printed:?}");
    assert!(printed.out.contains("set server zqshop/zqweb1 state maint"), "{printed:?}");

    let mut replay = Term::builder().args(["replay"]).args([&anonymous]).size(120, 40).start();
    replay.wait_for("lb-01");
    replay.press("<end>");
    replay.wait_for("be-01/srv-02: down");
    replay.press(":snapshot x<ret>");
    replay.wait_for("a replay has no samples in memory");
    assert!(!replay.screen().contains("zq"), "{}", replay.screen());
}
