//! Recordings in the dashboard, on a real HAProxy: the past of a dashboard reaches before its start, and a replay shows what
//! the dashboard showed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use hapulse::recording::folder::list_instances;
use hapulse::recording::reader::Recording;
use script::Script;
use support::{Grid, Lab, Term, Traffic, process, wait_until};

/// A recorder of a lab, which is stopped when it is dropped.
struct LabRecorder {
    child: Child,
    folder: PathBuf,
    _script: Script,
}

impl LabRecorder {
    fn start(lab: &Lab, home: &Path) -> Self {
        let folder = home.join("recordings");
        let _guard = process::lock_start();
        let script = Script::new();
        let mut command = script.command(lab.admin(), &format!("record -i 0.1 --dir {}", folder.display()));
        let messages = fs::File::create(home.join("messages")).unwrap();
        Self { child: command.stdout(Stdio::null()).stderr(messages).spawn().unwrap(), folder, _script: script }
    }

    /// Starts a recorder, sends requests when it records, and changes a weight.
    fn start_with_traffic(lab: &Lab, home: &Path) -> Self {
        let recorder = Self::start(lab, home);
        wait_until("the first samples", || recorder.sample_count() > 0);
        assert_eq!(Traffic::to(lab.frontend_addr()).send(12).ok, 12);
        lab.send_write_command("set server be1/s2 weight 7");
        recorder
    }

    fn sample_count(&self) -> u64 {
        let instance = list_instances(&self.folder).ok().and_then(|mut all| all.pop());
        instance.map_or(0, |folder| Recording::open(&folder).unwrap().sample_count())
    }

    /// Waits until the present is recorded.
    fn wait_for_present(&self) {
        let before = self.sample_count();
        wait_until("further samples", || self.sample_count() > before + 100);
    }

    /// Stops the recorder, which writes everything before it ends.
    fn stop(&mut self) {
        process::signal(self.child.id(), "TERM");
        wait_until("the recorder to exit", || self.child.try_wait().unwrap().is_some());
    }
}

impl Drop for LabRecorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start_dashboard(lab: &Lab, folder: Option<&Path>) -> Term {
    let mut builder = Term::builder().args(["-i", "0.1"]);
    if let Some(folder) = folder {
        builder = builder.args(["--recordings"]).args([folder]);
    }
    let mut term = builder.args([lab.admin()]).size(200, 50).start();
    term.wait_for("live");
    term.press("1");
    term.wait_for("WGHT");
    term
}

/// Returns the state, weight, sessions and total of each row on the screen.
fn shown_rows(screen: &str) -> Vec<(String, Vec<String>)> {
    let Some(grid) = Grid::find(screen) else { return Vec::new() };
    let cells = |place: usize| {
        let values = ["STATE", "WGHT", "SCUR", "STOT"].map(|heading| grid.nth_cell(place, heading));
        values.map(Option::unwrap_or_default).to_vec()
    };
    grid.paths().iter().enumerate().map(|(place, path)| (path.to_string(), cells(place))).collect()
}

#[test]
fn dashboard_begins_with_its_recorded_past() {
    let (lab, home) = (Lab::builder().servers(3).start(), tempfile::tempdir().unwrap());
    let mut recorder = LabRecorder::start_with_traffic(&lab, home.path());
    recorder.wait_for_present();
    // What the recorder saw before the dashboard started, while it goes on.
    let mut first = start_dashboard(&lab, Some(&recorder.folder));
    first.wait_until(|screen| !shown_rows(screen).is_empty());
    let recorded = shown_rows(&first.settled_screen());
    assert!(recorded.iter().any(|(_, cells)| cells[1] == "7"), "{recorded:?}");
    assert_eq!(Traffic::to(lab.frontend_addr()).send(9).ok, 9);
    first.wait_until(|screen| shown_rows(screen) != recorded);
    first.press("p");
    first.wait_for("memory every 0.");
    first.press("<home>");
    first.wait_for("recorded every 0.");
    first.press("q");
    recorder.stop();
    lab.send_write_command("set server be1/s3 state maint");
    let mut term = start_dashboard(&lab, Some(&recorder.folder));
    term.press("p");
    step_back_to(&mut term, &recorded);
}

#[test]
fn dashboard_of_a_dead_haproxy_begins_with_the_end_of_its_recording() {
    let (lab, home) = (Lab::builder().servers(3).start(), tempfile::tempdir().unwrap());
    let mut recorder = LabRecorder::start_with_traffic(&lab, home.path());
    recorder.wait_for_present();
    recorder.stop();
    let end = list_instances(&recorder.folder).unwrap().pop().unwrap();
    let end = Recording::open(&end).unwrap().span().unwrap().last.wall;
    lab.kill();
    // Only a recording that ended before is not continued.
    wait_until("the recording to be old", || end.elapsed().is_ok_and(|age| age.as_secs() >= 12));
    let builder = Term::builder().args(["-i", "0.1", "--recordings"]).args([&recorder.folder]);
    let mut term = builder.args([lab.admin()]).size(200, 50).start();
    term.press("1");
    let is_seven = |screen: &str| shown_rows(screen).iter().any(|(_, cells)| cells[1] == "7");
    let end = term.wait_until(is_seven);
    assert!(end.lines().next().unwrap_or_default().contains("s ago") && end.contains("recorded "), "{end}");
    term.press("p");
    term.wait_for("recorded every 0.");
    term.press("<home>");
    term.wait_until(|screen| screen.contains("PAUSED") && !is_seven(screen));
    // HAProxy comes back.
    term.press("<esc>");
    lab.restart();
    term.wait_for("live");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

/// Steps back until these recorded rows are shown.
fn step_back_to(term: &mut Term, rows: &[(String, Vec<String>)]) {
    for _ in 0..400 {
        let screen = term.settled_screen();
        if screen.contains("recorded every") && shown_rows(&screen) == rows {
            return;
        }
        term.press("<left>");
    }
    panic!("{rows:?}\n{}", term.screen());
}

#[test]
fn replay_shows_what_the_dashboard_showed() {
    let (lab, home) = (Lab::builder().servers(3).start(), tempfile::tempdir().unwrap());
    let mut recorder = LabRecorder::start_with_traffic(&lab, home.path());
    let mut live = start_dashboard(&lab, None);
    live.wait_until(|screen| shown_rows(screen).iter().any(|(_, cells)| cells[1] == "7" && cells[3] != "0"));
    let shown = shown_rows(&live.settled_screen());
    recorder.wait_for_present();
    live.press("q");
    lab.send_write_command("set server be1/s3 state maint");
    recorder.wait_for_present();
    recorder.stop();
    drop(lab);
    let mut replay =
        Term::builder().args(["replay"]).args([&recorder.folder]).args(["--at", "1s"]).size(200, 50).start();
    replay.wait_for("recorded every 0.");
    replay.press("1<end>");
    let end = replay.wait_until(|screen| shown_rows(screen).iter().any(|(_, cells)| cells[0] == "MAINT"));
    assert!(end.contains("PAUSED"), "{end}");
    step_back_to(&mut replay, &shown);
    replay.press("D");
    replay.wait_for("cannot be changed");
    replay.press("7");
    replay.wait_for("cannot be asked: it has only samples");
    replay.press("1");
    replay.press("<home>p");
    replay.wait_for("PLAY x1");
    replay.press("P");
    replay.wait_for("PLAY x2");
    replay.press("p");
    replay.wait_for("PAUSED");
    replay.press("q");
    assert_eq!(replay.exit_code(), 0);
}

#[test]
fn small_screen_says_that_the_past_is_shown() {
    let (lab, home) = (Lab::builder().servers(2).start(), tempfile::tempdir().unwrap());
    let mut recorder = LabRecorder::start_with_traffic(&lab, home.path());
    recorder.wait_for_present();
    recorder.stop();
    for size in [(40, 10), (30, 8), (60, 10), (80, 24)] {
        let mut replay = Term::builder().args(["replay"]).args([&recorder.folder]).size(size.0, size.1).start();
        replay.wait_for("PAUSED");
        if size.0 == 80 {
            replay.wait_for("recorded every 0.");
        }
        replay.press("q");
        assert_eq!(replay.exit_code(), 0);
    }
}

#[test]
fn explicit_recordings_without_the_target_are_an_error() {
    let (lab, home) = (Lab::builder().servers(2).start(), tempfile::tempdir().unwrap());
    let mut recorder = LabRecorder::start_with_traffic(&lab, home.path());
    recorder.wait_for_present();
    recorder.stop();
    let mut term =
        Term::builder().args(["--recordings"]).args([&recorder.folder]).args(["/nowhere.sock"]).size(200, 20).start();
    term.wait_for("has no recording of /nowhere.sock; recorded: ");
    assert_eq!(term.exit_code(), 1);
    let mut term = Term::builder().args(["--recordings", "/nowhere"]).args([lab.admin()]).size(200, 20).start();
    term.wait_for("cannot read /nowhere");
    assert_eq!(term.exit_code(), 1);
}
