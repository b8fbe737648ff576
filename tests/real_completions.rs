//! Completion of names in a shell: servers of a real HAProxy, views and columns.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::env;
use std::path::Path;
use std::process::Command;

use support::Lab;

const BINARY: &str = env!("CARGO_BIN_EXE_hapulse");

/// Returns what bash completes for the last of the words.
fn complete(words: &[&str]) -> Vec<String> {
    complete_with(words, "/dev/null")
}

/// The same with a configuration.
fn complete_with(words: &[&str], config: &str) -> Vec<String> {
    let script = Command::new(BINARY).args(["completions", "bash"]).output().unwrap().stdout;
    let (last, script) = (words.len() - 1, String::from_utf8(script).unwrap());
    let line = format!(
        "{script}\nCOMP_WORDS=({}); COMP_CWORD={last}\n_hapulse_with_servers hapulse '{}' '{}'\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        words[last],
        words[last - 1],
    );
    let folder = Path::new(BINARY).parent().unwrap();
    let path = env::join_paths([folder.to_owned()].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap())));
    let output = Command::new("bash")
        .args(["--norc", "-c", &line])
        .env("PATH", path.unwrap())
        .env("HAPULSE_CONFIG", config)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
}

#[test]
fn n3_bash_completes_servers_of_the_named_socket() {
    let lab = Lab::builder().backends(2).servers(2).start();
    let socket = lab.admin().to_str().unwrap();
    for command in ["drain", "maint", "ready"] {
        let completed = complete(&["hapulse", command, "-s", socket, "be2/"]);
        assert_eq!(completed, ["be2/s1", "be2/s2"], "{command}");
    }
    assert_eq!(complete(&["hapulse", "drain", "--target", "=", socket, "be1/s1", "be1/s"]), ["be1/s1", "be1/s2"]);
    assert_eq!(complete(&["hapulse", "drain", "-s", socket, "--th"]), ["--then"]);
    let absent = complete(&["hapulse", "drain", "-s", "/nonexistent/socket", "be"]);
    assert_eq!(absent, [""; 0]);
}

#[test]
fn bash_completes_groups_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    std::fs::write(
        &config,
        "[fleet.web]\ntargets = [\"/a\"]\n[fleet.db]\ntargets = [\"/b\"]\n[silences]\nqueue = [\"x\"]\n",
    )
    .unwrap();
    let complete = |words: &[&str]| {
        let completed = complete_with(words, config.to_str().unwrap());
        completed.iter().map(|word| word.trim_start_matches('@').to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(complete(&["hapulse", "show", "@w"]), ["web"]);
    assert_eq!(complete(&["hapulse", "check", "@", "d"]), ["db"]);
    assert_eq!(complete(&["hapulse", "drain", "--target", "@"]), ["db", "web"]);
}

#[test]
fn n3_bash_completes_views_and_columns() {
    assert_eq!(complete(&["hapulse", "show", "lat"]), ["latency"]);
    assert_eq!(complete(&["hapulse", "watch", "--view", "prob"]), ["problems"]);
    assert_eq!(complete(&["hapulse", "show", "--sort", "qcu"]), ["qcur"]);
    assert_eq!(complete(&["hapulse", "show", "--columns", "scur,qcu"]), ["scur,qcur"]);
    assert_eq!(complete(&["hapulse", "--theme", "l"]), ["light"]);
}
