//! Words of typed lines that may be keys, passwords or payloads: no file contains them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::traffic::Traffic;
use support::{Lab, Term, wait_for_text, wait_until};

/// Starts the dashboard, and types a line in view 5.
fn type_line(term: &mut Term, line: &str) {
    term.wait_for("live");
    term.press("5");
    term.wait_for("HAProxy's own commands");
    term.press(line);
    term.wait_for(line);
    term.answer("<ret>");
}

#[test]
fn a26_secrets_reach_no_file() {
    let lab = Lab::builder().servers(1).start();
    let builder = Term::builder().args(["--debug-log", "debug.log", "--log-file", "events.log"]).args([lab.admin()]);
    let mut term = builder.size(140, 40).start();
    type_line(&mut term, "set ssl tls-key #9 czNjcmV0");
    term.wait_for("this command may change HAProxy");
    term.answer("y");
    let state: PathBuf = term.home().join(".local/state/hapulse");
    wait_for_text(&state.join("audit.jsonl"), "\"done\"");
    for line in ["set ssl cert x.pem << czNjcmV0", "set anon global-key czNjcmV0 x", "show version"] {
        term.press(&line.replace('<', "<lt>"));
        term.wait_for(line);
        term.answer("<ret>");
        if line.contains("anon") {
            term.wait_for("this command may change HAProxy");
            term.press("<esc>");
            term.wait_gone("this command may change HAProxy");
        }
    }
    wait_for_text(&state.join("typed"), "show version");
    term.press("<esc>q");
    assert_eq!(term.exit_code(), 0);
    for path in
        [state.join("audit.jsonl"), state.join("typed"), term.home().join("debug.log"), term.home().join("events.log")]
    {
        let text = fs::read_to_string(&path).unwrap_or_default();
        assert!(!text.contains("czNjcmV0"), "{}: {text}", path.display());
    }
    let audit = fs::read_to_string(state.join("audit.jsonl")).unwrap();
    assert!(audit.contains("\"command\":\"set ssl tls-key #9 <hidden>\""), "{audit}");
}

/// Returns the paths of all files below a directory.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn assert_no_file_contains(folder: &Path, secret: &str) {
    for path in files(folder) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned();
        assert!(!text.contains(secret), "{}: {text}", path.display());
    }
}

#[test]
fn a26_words_that_are_not_known_to_be_harmless_reach_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let map = folder.path().join("tokens.map");
    fs::write(&map, "ann x\n").unwrap();
    let map = map.display();
    let table =
        "    stick-table type string len 32 size 100 expire 10m store gpc0\n    http-request track-sc0 hdr(X-Client)";
    let use_map = format!("    http-request set-header X-Map %[src,map({map})]");
    let lab = Lab::builder().servers(1).backend(table.trim_start()).backend(use_map.trim_start()).start();
    let builder = Term::builder().args(["--debug-log", "debug.log", "--log-file", "events.log"]).args([lab.admin()]);
    let mut term = builder.size(200, 50).start();
    type_line(&mut term, "show info");
    let state: PathBuf = term.home().join(".local/state/hapulse");
    wait_for_text(&state.join("typed"), "show info");
    let lines = [
        format!("add map @0 {map} bob S3CRET"),
        format!("add map {map} bob S3CRET"),
        format!("set map {map} ann S3CRET"),
        format!("@1 del map {map} S3CRET"),
        format!("show info;yadd map {map} bob S3CRET"),
        format!("get map {map} S3CRET"),
        "add acl @0 #0 S3CRET".to_owned(),
        "set dynamic-cookie-key backend be1 S3CRET".to_owned(),
        "set table be1 key S3CRET data.gpc0 1".to_owned(),
        "show table be1 key S3CRET".to_owned(),
        "clear table be1 key S3CRET".to_owned(),
        "set server be1/s1 agent-send S3CRET".to_owned(),
        "set server be1/s1 state S3CRET".to_owned(),
        "add server be1/s9 127.0.0.1:9 cookie S3CRET".to_owned(),
        "httpclient GET http://127.0.0.1:1/?token=S3CRET".to_owned(),
        "set var proc.x str(S3CRET)".to_owned(),
        "set ssl tls-key #1 S3CRET".to_owned(),
        "set weight be1/s1 5; echo S3CRET".to_owned(),
        "acme renew S3CRET".to_owned(),
        "S3CRET".to_owned(),
    ];
    for line in &lines {
        term.press(&line.replace('<', "<lt>"));
        term.wait_for(line);
        term.answer("<ret>");
        let records = || fs::read_to_string(state.join("audit.jsonl")).unwrap_or_default().matches("\"done\"").count();
        let before = records();
        if !line.starts_with("get ") && !line.starts_with("show table") {
            term.wait_for("this command may change HAProxy");
            term.answer("y");
            term.wait_gone("this command may change HAProxy");
            wait_until(&format!("the record of {line}"), || records() == before + 1);
        }
    }
    for line in ["set server be1/s1 weight 7", "show table be1 key 192.0.2.1", "show version"] {
        term.press(line);
        term.wait_for(line);
        term.answer("<ret>");
        if line.starts_with("set ") {
            term.wait_for("this command may change HAProxy");
            term.answer("y");
            term.wait_gone("this command may change HAProxy");
        }
        wait_for_text(&state.join("typed"), line);
    }
    let audit = fs::read_to_string(state.join("audit.jsonl")).unwrap();
    for command in [
        format!("add map @0 {map} <hidden>"),
        "show info;<hidden>".to_owned(),
        format!("@1 del map {map} <hidden>"),
        "set table be1 key <hidden>".to_owned(),
        "set server be1/s1 agent-send <hidden>".to_owned(),
        "set weight be1/s1 5; echo <hidden>".to_owned(),
        "set server be1/s1 weight 7".to_owned(),
    ] {
        assert!(audit.contains(&format!("\"command\":\"{command}\"")), "{command}: {audit}");
    }
    assert!(!audit.contains("bob"), "{audit}");
    term.press("<esc>q");
    assert_eq!(term.exit_code(), 0);
    assert_no_file_contains(term.home(), "S3CRET");
}

#[test]
fn a26_key_of_cleared_entry_reaches_no_file() {
    let sections = "backend clients\n    stick-table type string len 32 size 100 expire 10m store http_req_cnt\n\
                    frontend web\n    bind {{web}}\n    http-request track-sc0 hdr(X-Client) table clients\n    \
                    default_backend be1\n";
    let lab = Lab::builder().servers(1).sections(sections).start();
    assert_eq!(Traffic::to(lab.addr("web")).header("X-Client: S3CRET").send(1).ok, 1);
    let args = ["--debug-log", "debug.log", "--log-file", "events.log"];
    let mut term = Term::builder().args(args).args([lab.admin()]).size(160, 40).start();
    term.wait_for("live");
    term.press("8");
    term.wait_for("lists the stick tables");
    term.press("<ret>");
    term.wait_for("1 of 1 tables");
    term.press("<ret>");
    term.wait_for("S3CRET");
    term.press(":entry.clear<ret>");
    term.wait_for("entry S3CRET of clients");
    term.answer("y");
    let audit = term.home().join(".local/state/hapulse/audit.jsonl");
    wait_for_text(&audit, "\"done\"");
    let text = fs::read_to_string(&audit).unwrap();
    assert!(
        text.contains("\"target\":\"entry <hidden> of clients\",\"command\":\"clear table clients key <hidden>\""),
        "{text}"
    );
    wait_for_text(&term.home().join("events.log"), "clear table clients key <hidden>");
    term.press("<esc><esc>q");
    assert_eq!(term.exit_code(), 0);
    assert_no_file_contains(term.home(), "S3CRET");
}
