//! Settings that the system-wide configuration makes final.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::Lab;
use support::machine::require_root;

const BINARY: &str = env!("CARGO_BIN_EXE_hapulse");

/// Runs hapulse in a mount namespace with this system-wide configuration.
fn run_with_system(folder: &Path, system: &str, setup: &str, args: &[&str]) -> (Option<i32>, String) {
    let file = folder.join("etc/hapulse/config.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, system).unwrap();
    // An overlay of /etc needs more rights than a temporary file system with the files that are used.
    let mount = format!(
        "cp /etc/passwd /etc/group {0}/etc/ 2>/dev/null; mount --bind {0}/etc /etc && {setup}",
        folder.display()
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", &format!("{mount}\nexec {BINARY} \"$@\""), "sh"]);
    command.args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", folder.join("home"));
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn a26_final_settings_cannot_be_changed() {
    require_root();
    let folder = tempfile::tempdir().unwrap();
    let system = "final = [\"audit.path\", \"audit.required\", \"audit.ask_reason\", \"thresholds\"]\n\
        [audit]\npath = \"/var/log/audit.jsonl\"\nask_reason = true\n";
    let run = |setup: &str, args: &[&str]| run_with_system(folder.path(), system, setup, args);
    let (exit, out) = run("true", &["config"]);
    assert_eq!(exit, Some(0), "{out}");
    assert!(out.contains("path = \"/var/log/audit.jsonl\"  # /etc/hapulse/config.toml, final"), "{out}");
    assert!(out.contains("required = true  # default, final"), "{out}");
    for (variable, name) in [
        ("HAPULSE_AUDIT_PATH=/tmp/other", "audit.path"),
        ("HAPULSE_AUDIT_REQUIRED=0", "audit.required"),
        ("HAPULSE_AUDIT_ASK_REASON=no", "audit.ask_reason"),
    ] {
        for args in [&["config"][..], &["audit"], &["drain", "a/b", "-s", "/none", "--yes"]] {
            let (exit, out) = run(&format!("export {variable}"), args);
            let origin = variable.split('=').next().unwrap();
            let message = format!("{origin} changes {name}, which /etc/hapulse/config.toml:1:");
            assert!(exit == Some(2) && out.contains(&message), "{args:?}: {out}");
        }
    }
    let (exit, out) = run("export HAPULSE_AUDIT_PATH=/var/log/audit.jsonl", &["config"]);
    assert_eq!(exit, Some(0), "the same value is allowed: {out}");
    let (exit, out) = run("true", &["check", "--threshold", "queue=off", "/none"]);
    assert!(exit == Some(3) && out.contains("--threshold changes thresholds"), "{out}");
    let user = folder.path().join("user.toml");
    for (text, message) in [
        ("[audit]\nrequired = false\n", "user.toml changes audit.required, which"),
        ("final = [\"them\"]\n", "\"them\" is not a setting"),
    ] {
        fs::write(&user, text).unwrap();
        let (exit, out) = run("true", &["config", "--config", user.to_str().unwrap()]);
        assert!(exit == Some(2) && out.contains(message), "{out}");
    }
}

#[test]
fn a26_final_path_without_value_is_that_of_the_account() {
    require_root();
    let lab = Lab::builder().servers(2).start();
    let folder = tempfile::tempdir().unwrap();
    let [account, state, home] = ["account", "state", "other home"].map(|name| folder.path().join(name));
    fs::create_dir(&account).unwrap();
    let own_home = format!("sed -i 's#:/root:#:{}:#' /etc/passwd", account.display());
    let setup = format!("{own_home}; export XDG_STATE_HOME='{}' HOME='{}'", state.display(), home.display());
    let run = |system: &str, setup: &str, args: &[&str]| run_with_system(folder.path(), system, setup, args);
    let system = "final = [\"audit.path\"]\n";
    let log = account.join(".local/state/hapulse/audit.jsonl");
    let (_, out) = run(system, &setup, &["config"]);
    assert!(out.contains(&format!("path = \"{}\"  # default, final", log.display())), "{out}");
    let (exit, out) = run(system, &setup, &["drain", "be1/s1", "--yes", "-s", lab.admin().to_str().unwrap()]);
    assert_eq!(exit, Some(0), "{out}");
    assert!(fs::read_to_string(&log).unwrap().contains("be1/s1") && !state.exists() && !home.exists());
    let (exit, out) = run(system, &format!("{setup}; export HAPULSE_AUDIT_PATH={}/x", state.display()), &["config"]);
    assert!(exit == Some(2) && out.contains("HAPULSE_AUDIT_PATH changes audit.path"), "{out}");
    let no_account = "grep -v :0: /etc/passwd > /etc/others; cat /etc/others > /etc/passwd";
    let (exit, out) = run(
        system,
        &format!("{no_account}; {setup}"),
        &["maint", "be1/s1", "--yes", "--force", "-s", lab.admin().to_str().unwrap()],
    );
    assert!(exit != Some(0) && out.contains("audit.path is not set"), "{out}");
    // Without final, the environment decides.
    let (_, out) = run("", &setup, &["config"]);
    assert!(out.contains(&format!("path = \"{}/hapulse/audit.jsonl\"  # default", state.display())), "{out}");
}

#[test]
fn a26_final_thresholds_name_their_position() {
    require_root();
    let lab = Lab::builder().servers(1).start();
    let folder = tempfile::tempdir().unwrap();
    let system = "interval = 3\nfinal = [\n  \"interval\",\n  \"thresholds\",\n]\n";
    let admin = lab.admin().to_str().unwrap();
    let (exit, out) = run_with_system(folder.path(), system, "true", &["check", admin, "--threshold", "queue=off"]);
    let message = "--threshold changes thresholds, which /etc/hapulse/config.toml:4:3 marks as final: remove it";
    assert!(exit == Some(3) && out.contains(message), "{out}");
    let (exit, out) = run_with_system(folder.path(), system, "export HAPULSE_INTERVAL=1", &["config"]);
    assert!(exit == Some(2) && out.contains("which /etc/hapulse/config.toml:3:3 marks as final"), "{out}");
    let (exit, out) = run_with_system(folder.path(), "\n\nfinal = [\"nothing\"]\n", "true", &["config"]);
    assert!(exit == Some(2) && out.contains("/etc/hapulse/config.toml:3:10: final: \"nothing\" is not"), "{out}");
}
