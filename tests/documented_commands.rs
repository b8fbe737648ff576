//! Runs the command lines of README.md and docs/ with a real HAProxy, and checks that their links point to existing
//! files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hapulse::recording::snapshot_reader::open_recordings;
use support::{Lab, Term, process, wait_until};

/// Returns the path and text of each page.
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = documents.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    paths.push(root.join("README.md"));
    paths.push(root.join("CHANGELOG.md"));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn links_point_to_existing_files() {
    let mut count = 0;
    for (path, text) in pages() {
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("http") || target.starts_with('#') {
                continue;
            }
            let file = path.parent().unwrap().join(target.split('#').next().unwrap());
            assert!(file.exists(), "{}: {target}", path.display());
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
}

/// A documented command line; `fails` if the page shows an error message after it.
#[derive(Debug)]
struct CommandLine {
    page: String,
    line: String,
    fails: bool,
}

/// Returns the lines of code blocks that start with the program's name.
fn command_lines() -> Vec<CommandLine> {
    let mut all = Vec::new();
    for (path, text) in pages() {
        let page = path.file_name().unwrap().to_string_lossy().into_owned();
        for block in text.split("```").skip(1).step_by(2) {
            let mut lines = block.lines().peekable();
            while let Some(line) = lines.next() {
                let line = line.strip_prefix("$ ").unwrap_or(line);
                if line != "hapulse" && !line.starts_with("hapulse ") {
                    continue;
                }
                // Three blanks start an explanation; a pipe at the end continues in the next line.
                let mut line = line.split("   ").next().unwrap().trim_end().to_owned();
                while line.ends_with('|') {
                    line.push_str(lines.next().unwrap());
                }
                let fails = lines.peek().is_some_and(|next| next.starts_with("hapulse: "));
                all.push(CommandLine { page: page.clone(), line, fails });
            }
        }
    }
    all
}

/// Subcommands that print and exit; every other line starts the dashboard.
const PRINTING: [&str; 14] = [
    "drain",
    "maint",
    "ready",
    "audit",
    "config",
    "doctor",
    "show",
    "get",
    "check",
    "watch",
    "snapshot",
    "logs",
    "man",
    "completions",
];

/// Returns the folder with the recording of the tests, which is older than all documented times.
fn recordings() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").display().to_string()
}

fn with_recordings(line: &str) -> String {
    format!("{line} --recordings {}", recordings())
}

/// Runs a recorder until it records, or prints its status.
fn run_record(line: &str, path: &str, home: &Path, config: &Path) {
    let folder = home.join("recordings");
    let dir = if line.contains("--dir") { String::new() } else { format!(" --dir {}", folder.display()) };
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec {line}{dir}")]).env("PATH", path).env("HOME", home).env("HAPULSE_CONFIG", config);
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = shell.spawn().unwrap();
    if line.contains("--status") {
        let out = child.wait_with_output().unwrap();
        assert_eq!(out.status.code(), Some(1), "{line}: no recorder runs");
        assert!(String::from_utf8_lossy(&out.stdout).contains("not recording"), "{line}");
        return;
    }
    let mut message = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut message).unwrap();
    assert!(message.starts_with("hapulse: recording "), "{line}: {message}");
    process::signal(child.id(), "TERM");
    let code = child.wait().unwrap().code();
    // The signal may arrive before the program handles it.
    assert!(code == Some(143) || code.is_none(), "{line}: {code:?}");
}

/// Replays the recording of the tests, from the documented time on.
fn run_replay(line: &str) {
    let mut words = vec!["replay".to_owned(), recordings()];
    if let Some((_, time)) = line.split_once(" --at ") {
        words.extend(["--at".to_owned(), time.trim_matches('"').to_owned()]);
    }
    let mut term = Term::builder().args(words).start();
    term.wait_for("PAUSED");
    term.press("q");
    assert_eq!(term.exit_code(), 0, "{line}");
}

/// Records a HAProxy until the recording has samples.
fn record_samples(target: &str, folder: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
    command.args(["record", "-i", "0.1", "--dir"]).arg(folder).arg(target);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("samples", || {
        let opened = open_recordings(folder).map(|opened| opened.recordings).unwrap_or_default();
        opened.iter().any(|recording| recording.sample_count() > 0)
    });
    process::signal(child.id(), "TERM");
    child.wait().unwrap();
}

#[test]
fn documented_command_lines_run() {
    let sections = "backend be_app\n  server app1 127.0.0.1:1\n  server app2 127.0.0.1:1\n\
        backend www\n  server web1 127.0.0.1:1\n  server web2 127.0.0.1:1\n  server web3 127.0.0.1:1\n";
    let lab = Lab::builder().sections(sections).tcp().start();
    let home = tempfile::tempdir().unwrap();
    // The configured target takes the place of the HAProxy that hapulse would find on this machine.
    let config = home.path().join("config.toml");
    fs::write(
        &config,
        format!("[targets]\nhere = \"{0}\"\n[fleet.web]\ntargets = [\"here\", \"{0}\"]\n", lab.admin().display()),
    )
    .unwrap();
    let bin = home.path().join("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_hapulse"), bin.join("hapulse")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let (admin, tcp) = (lab.admin().display().to_string(), lab.tcp().to_string());
    let mut count = 0;
    for CommandLine { page, line, fails } in command_lines() {
        let mut line = line.replace("/run/haproxy/admin.sock", &admin).replace("/tmp/lb01.sock", &admin);
        for address in ["lb01:9999", "lb02:9999", "lb03:9999"] {
            line = line.replace(address, &tcp);
        }
        // The tests of sshd are in real_ssh.rs.
        let over_ssh =
            |word: &str| word.contains("ssh://").then(|| word.split("ssh://").next().unwrap().to_owned() + &admin);
        line =
            line.split(' ').map(|word| over_ssh(word).unwrap_or_else(|| word.to_owned())).collect::<Vec<_>>().join(" ");
        let subcommand = line.split(' ').nth(1).unwrap_or_default().to_owned();
        count += 1;
        if subcommand == "record" {
            run_record(&line, &path, home.path(), &config);
            continue;
        }
        if subcommand == "replay" {
            run_replay(&line);
            continue;
        }
        if !PRINTING.contains(&subcommand.as_str()) {
            if line.contains("--recordings /srv/rec") {
                let folder = home.path().join("own");
                record_samples(&tcp, &folder);
                line = line.replace("/srv/rec", folder.to_str().unwrap());
            }
            let args = line.split(' ').skip(1);
            let mut term = Term::builder().args(args).env("HAPULSE_CONFIG", config.to_str().unwrap()).start();
            let (ready, quit) = if line.contains("--plain") { ("Type help", "quit<ret>") } else { ("live", "q") };
            term.wait_for(ready);
            term.press(quit);
            assert_eq!(term.exit_code(), 0, "{page}: {line}");
            continue;
        }
        // Redirections are dropped and confirmations are answered with --yes.
        let (line, _) = line.split_once(" > ").unwrap_or((&line, ""));
        let needs_yes = ["drain", "maint", "ready"].contains(&subcommand.as_str());
        let is_past = subcommand == "snapshot" || line.contains(" --at ") || line.contains(" --since ");
        let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs/haproxy.log").display().to_string();
        let line = match subcommand.as_str() {
            _ if is_past => with_recordings(line),
            _ if needs_yes => format!("{line} --yes"),
            "logs" => line.replace("/var/log/haproxy.log", &log),
            _ => line.to_owned(),
        };
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).env("PATH", &path).env("HOME", home.path()).env("HAPULSE_CONFIG", &config);
        let out = shell.stdin(Stdio::null()).output().unwrap();
        let (code, err) = (out.status.code().unwrap(), String::from_utf8_lossy(&out.stderr).into_owned());
        let is_expected = match subcommand.as_str() {
            _ if fails => code == 1 && err.starts_with("hapulse: "),
            // The exit code reports the problems found.
            "check" | "doctor" => code <= 2 && err.is_empty(),
            // Nothing was recorded then, or nothing has happened since.
            _ if is_past => {
                let is_empty = code == 0 && line.contains(" events") && out.stdout.is_empty();
                err.contains("nothing was recorded ") || err.contains(" is not recorded") || is_empty
            }
            "audit" | "drain" | "maint" | "ready" => code == 0,
            _ => code == 0 && err.is_empty() && !out.stdout.is_empty(),
        };
        assert!(is_expected, "{page}: {line}: {code} {err}{}", String::from_utf8_lossy(&out.stdout));
    }
    assert!(count > 15, "{count}");
}
