//! Groups of targets in the configuration, with real HAProxies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Lab, Term};
use tempfile::TempDir;

/// Two HAProxies, which the targets `one` and `two` name, and a configuration.
struct Site {
    labs: [Lab; 2],
    home: TempDir,
}

impl Site {
    /// Writes a configuration with both targets and these lines.
    fn with(groups: &str) -> Self {
        let labs = [Lab::builder().start(), Lab::builder().start()];
        let home = tempfile::tempdir().unwrap();
        let [one, two] = labs.each_ref().map(|lab| lab.admin().display().to_string());
        fs::write(home.path().join("c.toml"), format!("[targets]\none = {one:?}\ntwo = {two:?}\n{groups}")).unwrap();
        Self { labs, home }
    }

    fn config(&self) -> std::path::PathBuf {
        self.home.path().join("c.toml")
    }

    /// Runs hapulse and returns exit code, standard output and standard error.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
        command.args(args).env_clear().env("HOME", self.home.path()).env("HAPULSE_CONFIG", self.config());
        let output = command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

const GROUPS: &str = "[fleet.web]\ntargets = [\"one\", \"two\"]\n[fleet.single]\ntargets = [\"two\"]\n";

#[test]
fn group_stands_for_its_targets() {
    let site = Site::with(GROUPS);
    let pids = site.labs.each_ref().map(|lab| lab.pid().to_string());
    for args in [
        &["show", "info", "@web"][..],
        &["show", "info", "--target", "@web", "--target", "two", "@single"],
        &["watch", "--count", "1", "--view", "info", "@web"],
        &["doctor", "@web"],
    ] {
        let (code, out, err) = site.run(args);
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}: {out}");
        assert!(pids.iter().all(|pid| out.contains(pid)), "{args:?}: {out}");
    }
    let (_, out, _) = site.run(&["watch", "--count", "1", "--view", "info", "@web", "two", "@single"]);
    assert_eq!(out.lines().count(), 2, "a target in several groups counts once: {out}");
    let (code, out, err) = site.run(&["get", "Pid", "--target", "@single"]);
    assert_eq!((code, out.trim()), (0, pids[1].as_str()), "{err}");
    let (_, out, _) = site.run(&["config"]);
    assert!(out.contains("[fleet]\n") && out.contains("\"web\" = { targets = [\"one\", \"two\"] }"), "{out}");
    let printed = site.home.path().join("printed.toml");
    fs::write(&printed, out).unwrap();
    assert_eq!(site.run(&["show", "info", "@web", "--config", printed.to_str().unwrap()]).0, 0);
    let config = site.config().display().to_string();
    let mut term = Term::builder().args(["@web"]).env("HAPULSE_CONFIG", config).size(120, 30).start();
    term.wait_for("one");
    term.press("o");
    term.wait_for("two");
}

#[test]
fn commands_for_one_haproxy_refuse_group_of_several() {
    let site = Site::with(GROUPS);
    for args in [
        &["get", "Pid", "--target", "@web"][..],
        // Several targets are configured, and none is named.
        &["drain", "be1/s1", "--yes", "--force"],
        &["maint", "be1/s1", "--yes"],
        &["ready", "be1/s1", "--yes"],
    ] {
        let (code, _, err) = site.run(args);
        assert_eq!(code, 2, "{args:?}: {err}");
        let reason = if args[0] == "get" { "needs exactly one" } else { "changes only those that are named" };
        let text = format!(", and this command {reason}: select one with --target");
        assert!(err.contains(&text) && err.contains("--target one") && err.contains("--target two"), "{err}");
    }
    assert_eq!(site.labs.each_ref().map(|lab| lab.server_state("be1/s1", "srv_admin_state")), ["0", "0"]);
    let (code, _, err) = site.run(&["maint", "be1/s1", "--yes", "--target", "@single"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(site.labs[1].server_state("be1/s1", "srv_admin_state"), "1");
}

#[test]
fn unknown_group_is_reported_with_known_names() {
    let site = Site::with(GROUPS);
    for args in
        [&["show", "info", "@wbe"][..], &["@wbe"], &["show", "info", "--at", "02:13", "@wbe"], &["doctor", "@wbe"]]
    {
        let (code, _, err) = site.run(args);
        assert_eq!(code, 2, "{args:?}: {err}");
        assert!(err.contains("\"@wbe\" is not a configured group; did you mean web?"), "{err}");
        assert!(err.contains("configured groups: single, web"), "{err}");
    }
    let (code, _, err) = Site::with("").run(&["show", "info", "@web"]);
    assert!(code == 2 && err.contains("[fleet.NAME] and targets = ["), "{err}");
}

#[test]
fn invalid_group_is_reported_with_position() {
    for (lines, position, message) in [
        ("[fleet.web]\ntargets = [\"tow\"]\n", "fleet.web: ", "did you mean two?"),
        ("[fleet.web]\ntargets = []\n", "c.toml:", "at least one target"),
        ("[fleet.web]\ntargets = [\"@db\"]\n", "c.toml:5:", "a group contains targets, not other groups"),
        ("[fleet.web]\ntargets = [\"lb1:\"]\n", "c.toml:5:", "from 1 to 65535"),
        ("[fleet.web]\ntarget = [\"one\"]\n", "c.toml:5:1", "valid keys: targets"),
        ("[fleet.\"a b\"]\ntargets = [\"one\"]\n", "c.toml:", "not a valid group name"),
        ("[fleet]\nweb = \"one\"\n", "c.toml:5:", "expected a group"),
    ] {
        let (code, _, err) = Site::with(lines).run(&["show", "info", "@web"]);
        assert_eq!(code, 2, "{lines}: {err}");
        assert!(err.contains(position) && err.contains(message), "{lines}: {err}");
    }
}

#[test]
fn recorded_group_is_read_by_its_name() {
    let site = Site::with(GROUPS);
    let folder = site.home.path().join("recordings");
    let record = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
        command.args(["record", "-i", "0.2", "--dir"]).arg(&folder).args(args).env("HAPULSE_CONFIG", site.config());
        command.env("HOME", site.home.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut child = record(&["@web"]);
    let shows_both = || {
        let folder = folder.to_str().unwrap();
        let (code, out, _) = site.run(&["show", "--recordings", folder, "--at", "0s ago", "info", "@web"]);
        code == 0 && site.labs.iter().all(|lab| out.contains(&lab.pid().to_string()))
    };
    support::wait_until("both to be recorded", shows_both);
    support::process::signal(child.id(), "TERM");
    child.wait().unwrap();
    let file = site.home.path().join("span.hapulse");
    let paths = [&folder, &file].map(|path: &std::path::PathBuf| path.to_str().unwrap().to_owned());
    let args = ["snapshot", "--since", "1h", "--recordings", &paths[0], "-o", &paths[1], "@single"];
    let (code, _, err) = site.run(&args);
    assert!(code == 0 && err.contains("of 1 instance") && Path::new(&file).exists(), "{err}");
}
