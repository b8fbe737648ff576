//! `hapulse doctor --report`: it contains no names, and all other words are unchanged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Lab, wait_until};

/// Runs `hapulse doctor` with this home directory and returns standard output.
fn doctor(home: &Path, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
    command.arg("doctor").args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", home);
    String::from_utf8(command.stdin(Stdio::null()).output().unwrap().stdout).unwrap()
}

#[test]
fn report_of_doctor_contains_no_names() {
    let lab = Lab::builder().servers(1).start();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("shop-prod.toml");
    let admin = lab.admin().display().to_string();
    let text = format!("interval = 3\n[targets]\nshop-eu = \"{admin}\"\nfar = \"lb7.shop.example:9\"\n");
    fs::write(&config, text).unwrap();
    let out = doctor(folder.path(), &["--report", "--config", config.to_str().unwrap()]);
    let own_name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    for name in ["shop", "example", folder.path().file_name().unwrap().to_str().unwrap(), &own_name] {
        assert!(!out.contains(name), "{name}: {out}");
    }
    for fact in
        [env!("CARGO_PKG_VERSION"), "Linux", "interval = 3", "<target-1>", "level admin", "HAProxy ", "each poll takes"]
    {
        assert!(out.contains(fact), "{fact}: {out}");
    }
}

#[test]
fn n7_report_masks_names_of_discovered_sockets_and_files() {
    let folder = tempfile::Builder::new().prefix("Acme the Bank").tempdir().unwrap();
    let name = format!("customer-acme-{}", std::process::id());
    let config = folder.path().join("acme (prod) site.cfg");
    fs::write(&config, format!("global\n    stats socket abns@{name} level admin\n")).unwrap();
    let mut haproxy = Command::new(support::process::haproxy())
        .args(["-db", "-f"])
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("hapulse to find the socket", || doctor(folder.path(), &[]).contains(&format!("abns@{name} (pid")));
    let out = doctor(folder.path(), &["--report"]);
    support::process::kill_with_children(&mut haproxy);
    for word in ["acme", "Acme", "Bank", "prod)", "site"] {
        assert!(!out.contains(word), "{word}: {out}");
    }
    assert!(out.contains("every local user can change this HAProxy through abns@<socket-"), "{out}");
}

#[test]
fn n7_report_masks_configured_names_and_foreign_replies() {
    let lab = Lab::builder().servers(1).start();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    let socket = folder.path().join("Acme pipe.sock");
    // Another program, whose reply begins with a name.
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 100]);
            let _ = stream.write_all(b"vault.acme.example refuses\n\n");
        }
    });
    let text = format!(
        "log_file = \"/srv/Acme Bank/event.log\"\n[targets]\nacme-eu = {{ address = \"lb1.acme.example:9999\", log = \"/srv/Acme Bank/eu.log\" }}\n\
         two = \"{}\"\nthree = \"[2001:db8::1]:99\"\nfour = \"{}\"\n[thresholds]\nqueue = \"off\"\n",
        socket.display(),
        lab.admin().display(),
    );
    fs::write(&config, text).unwrap();
    let out = doctor(folder.path(), &["--report", "--config", config.to_str().unwrap()]);
    for word in ["acme", "Acme", "Bank", "2001:db8", "event.log"] {
        assert!(!out.contains(word), "{word}: {out}");
    }
    assert!(out.contains("thresholds.\"queue\" = \"off\"") && out.contains("level admin: all actions"), "{out}");
    fs::write(&config, "[targets]\n\"prod acme\" = \"lb1\"\n").unwrap();
    let out = doctor(folder.path(), &["--report", "--config", config.to_str().unwrap()]);
    assert!(
        !out.contains("acme") && out.contains(":1:1: targets:") && out.contains("is not a valid target name"),
        "{out}"
    );
}
