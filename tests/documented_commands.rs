//! What the README and the documents tell people to type is typed, on a real HAProxy; and what they link to is there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{Lab, Term};

/// A page and its text.
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

/// A line that somebody is told to type, and what the page says comes of it.
#[derive(Debug)]
struct Typed {
    page: String,
    line: String,
    fails: bool,
}

/// Every line of a block of code that begins with the program's name.
fn typed() -> Vec<Typed> {
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
                // The meaning stands behind some blanks; a pipe goes on in the next line.
                let mut line = line.split("   ").next().unwrap().trim_end().to_owned();
                while line.ends_with('|') {
                    line.push_str(lines.next().unwrap());
                }
                let fails = lines.peek().is_some_and(|next| next.starts_with("hapulse: "));
                all.push(Typed { page: page.clone(), line, fails });
            }
        }
    }
    all
}

/// Commands that print and end; anything else is the dashboard.
const PRINTING: [&str; 12] =
    ["drain", "maint", "ready", "audit", "config", "doctor", "show", "get", "check", "watch", "man", "completions"];

#[test]
fn documented_command_lines_run() {
    let sections = "backend be_app\n  server app1 127.0.0.1:1\n  server app2 127.0.0.1:1\n\
        backend www\n  server web1 127.0.0.1:1\n  server web2 127.0.0.1:1\n  server web3 127.0.0.1:1\n";
    let lab = Lab::builder().sections(sections).tcp().start();
    let home = tempfile::tempdir().unwrap();
    // As if it were the only HAProxy of this machine.
    let config = home.path().join("config.toml");
    fs::write(&config, format!("[targets]\nhere = \"{}\"\n", lab.admin().display())).unwrap();
    let bin = home.path().join("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_hapulse"), bin.join("hapulse")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let (admin, tcp) = (lab.admin().display().to_string(), lab.tcp().to_string());
    let mut seen = 0;
    for Typed { page, line, fails } in typed() {
        let mut line = line.replace("/run/haproxy/admin.sock", &admin).replace("/tmp/lb01.sock", &admin);
        for address in ["lb01:9999", "lb02:9999", "lb03:9999"] {
            line = line.replace(address, &tcp);
        }
        let word = line.split(' ').nth(1).unwrap_or_default().to_owned();
        seen += 1;
        if !PRINTING.contains(&word.as_str()) {
            let args = line.split(' ').skip(1);
            let mut term = Term::builder().args(args).env("HAPULSE_CONFIG", config.to_str().unwrap()).start();
            term.wait_for("live");
            term.press("q");
            assert_eq!(term.exit_code(), 0, "{page}: {line}");
            continue;
        }
        // What a page writes into the system stays in the home here; nobody is there to answer a question.
        let (line, _) = line.split_once(" > ").unwrap_or((&line, ""));
        let asks = ["drain", "maint", "ready"].contains(&word.as_str());
        let line = if asks { format!("{line} --yes") } else { line.to_owned() };
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).env("PATH", &path).env("HOME", home.path()).env("HAPULSE_CONFIG", &config);
        let out = shell.stdin(Stdio::null()).output().unwrap();
        let (code, err) = (out.status.code().unwrap(), String::from_utf8_lossy(&out.stderr).into_owned());
        let is_fine = match word.as_str() {
            _ if fails => code == 1 && err.starts_with("hapulse: "),
            // What is wrong is its answer.
            "check" | "doctor" => code <= 2 && err.is_empty(),
            "audit" | "drain" | "maint" | "ready" => code == 0,
            _ => code == 0 && err.is_empty() && !out.stdout.is_empty(),
        };
        assert!(is_fine, "{page}: {line}: {code} {err}{}", String::from_utf8_lossy(&out.stdout));
    }
    assert!(seen > 15, "{seen}");
}
