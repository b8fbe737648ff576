//! Targets over ssh: a real sshd on loopback, a real ssh and a real HAProxy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use support::sshd::Sshd;
use support::{DEADLINE, Lab, Term, process, wait_for, wait_until};
use tempfile::TempDir;

/// Returns a short private folder in which hapulse creates its own.
fn runtime_folder() -> TempDir {
    TempDir::with_prefix_in("run", "/tmp").unwrap()
}

/// Returns hapulse, which finds the ssh of `sshd` first.
fn hapulse(sshd: &Sshd, runtime: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
    command.env_clear().env("PATH", sshd.path()).env("HOME", sshd.file("home")).env("LC_ALL", "C.UTF-8");
    command.env("XDG_RUNTIME_DIR", runtime).env("TERM", "xterm").stdin(Stdio::null());
    command
}

/// Runs hapulse and returns exit code, standard output and standard error.
fn run(sshd: &Sshd, args: &[&str]) -> (i32, String, String) {
    let runtime = runtime_folder();
    let output = hapulse(sshd, runtime.path()).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert_eq!(fs::read_dir(runtime.path()).unwrap().count(), 0, "the folder of the sockets is removed");
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn address(host: &str, lab: &Lab) -> String {
    format!("ssh://{host}{}", lab.admin().display())
}

/// Starts the dashboard of a target, with a runtime folder in its home.
fn dashboard(sshd: &Sshd, target: &str) -> Term {
    let builder = Term::builder().args([target]).size(120, 30).env("PATH", sshd.path());
    builder.env("SSH_ASKPASS", "/bin/false").env("DISPLAY", ":0").start()
}

/// Returns the ssh processes that hapulse started.
fn ssh_processes(hapulse: u32) -> Vec<u32> {
    let is_ssh = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "ssh");
    // Each thread has children of its own.
    let tasks = fs::read_dir(format!("/proc/{hapulse}/task")).into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let pids: Vec<u32> = children
        .flat_map(|text| text.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<u32>>())
        .collect();
    pids.into_iter().filter(is_ssh).collect()
}

/// Waits until the dashboard shows a change that is made in HAProxy now, so its data is current.
fn wait_current(term: &Term, lab: &Lab) {
    lab.send_command("set server be1/s1 state maint");
    term.wait_for("1 maint/drain");
    lab.send_command("set server be1/s1 state ready");
    term.wait_for("0 maint/drain");
}

#[test]
fn target_over_ssh_shows_rows_and_says_how_it_is_reached() {
    let (lab, sshd) = (Lab::builder().start(), Sshd::start(""));
    let target = address("lb1", &lab);
    let (code, out, err) = run(&sshd, &["show", "status", &target]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("be1") && out.contains("s2"), "{out}");
    let (code, out, _) = run(&sshd, &["doctor", &target]);
    assert_eq!(code, 0, "{out}");
    for text in [
        format!("reached over ssh: lb1, socket on it: {}", lab.admin().display()),
        "ssh -N -T -S ".to_owned(),
        "ok     clock: the same as on this machine".to_owned(),
        "ok     level admin".to_owned(),
    ] {
        assert!(out.contains(&text), "{text}\n{out}");
    }
    let (_, report, _) = run(&sshd, &["doctor", "--report", &target]);
    assert!(!report.contains("lb1") && report.contains("ssh://<host-1>"), "{report}");
    // An account without a shell cannot read the clock, but HAProxy reports its own.
    let restricted = Sshd::start("ForceCommand /bin/false");
    let (code, out, _) = run(&restricted, &["doctor", &target]);
    assert!(code == 0 && out.contains("ok     clock: the same as on this machine"), "{out}");
}

#[test]
fn commands_change_servers_over_ssh() {
    let (lab, sshd) = (Lab::builder().start(), Sshd::start(""));
    let (code, out, err) = run(&sshd, &["maint", "be1/s2", "--yes", "--target", &address("lb1", &lab)]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(lab.stat("be1", "s2", "status"), "MAINT");
}

#[test]
fn failures_show_words_of_ssh_and_step_that_helps() {
    let lab = Lab::builder().start();
    let sshd = Sshd::start("");
    let other = Sshd::start("AllowStreamLocalForwarding no");
    let blocks = format!(
        "Host wrong\n  IdentityFile {}\nHost unknown\n  UserKnownHostsFile /dev/null\nHost closed\n  Port 1\nHost nameless\n  \
         HostName no-such-host.invalid\nHost beyond\n  ProxyJump jump\nHost beyondwrong\n  ProxyJump wrong\n\
         Host silent\n  HostName 127.0.0.1\nHost changed\n  HostKeyAlias changed\n",
        sshd.file("other_key").display()
    );
    sshd.set_hosts(&blocks);
    let host_key = fs::read_to_string(other.file("host_key.pub")).unwrap();
    let known = fs::read_to_string(sshd.file("known_hosts")).unwrap();
    fs::write(sshd.file("known_hosts"), format!("{known}changed {host_key}")).unwrap();
    for (host, words, step) in [
        ("wrong", "Permission denied (publickey", "hapulse asks for no password; load the key with ssh-add"),
        ("unknown", "Host key verification failed", "run ssh unknown once, compare the key and accept it"),
        ("changed", "REMOTE HOST IDENTIFICATION HAS CHANGED", "ssh-keygen -R changed"),
        ("closed", "Connection refused", "no sshd listens on this port"),
        ("nameless", "Could not resolve hostname", "is the name right?"),
        ("beyondwrong", "Permission denied (publickey", "ssh-add"),
    ] {
        let (code, _, err) = run(&sshd, &["show", "info", &address(host, &lab)]);
        assert_eq!(code, 3, "{err}");
        assert!(err.contains(&format!(": ssh {host}: ")) && err.contains(words) && err.contains(step), "{host}: {err}");
    }
    let (code, _, err) = run(&sshd, &["show", "info", "ssh://lb1/run/none/a.sock"]);
    assert_eq!(code, 3, "{err}");
    assert!(
        err.contains("cannot open /run/none/a.sock there: channel") && err.contains("ssh lb1 ls -l /run/none/a.sock"),
        "{err}"
    );
    let (code, _, err) = run(&other, &["show", "info", &address("lb1", &lab)]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("open failed") && err.contains("AllowStreamLocalForwarding yes"), "{err}");
    // sshd reports the same for a missing socket, but doctor asks the machine.
    let (code, out, _) = run(&other, &["doctor", &address("lb1", &lab)]);
    assert!(code == 1 && out.contains("the socket is there: srw"), "{out}");
    let (code, out, _) = run(&sshd, &["doctor", "ssh://lb1/run/none/a.sock"]);
    assert!(code == 1 && out.contains("No such file or directory"), "{out}");
    let (code, out, _) = run(&sshd, &["doctor", &address("wrong", &lab)]);
    assert!(
        code == 1 && out.contains("WRONG  ssh wrong: ") && out.contains("-> hapulse asks for no password"),
        "{out}"
    );
    let (code, _, err) = run(&sshd, &["show", "info", &address("beyond", &lab)]);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn missing_ssh_is_reported() {
    let (lab, sshd) = (Lab::builder().start(), Sshd::start(""));
    let runtime = runtime_folder();
    let mut command = hapulse(&sshd, runtime.path());
    let output = command.env("PATH", runtime.path()).args(["show", "info", &address("lb1", &lab)]).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("cannot start ssh") && err.contains("apt-get install openssh-client"), "{err}");
}

#[test]
fn usual_path_is_found_on_the_host() {
    let lab = Lab::builder().start();
    let sshd = Sshd::start_with_run_folder(lab.admin().parent().unwrap());
    let (code, out, err) = run(&sshd, &["doctor", "ssh://lb1"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("reached over ssh: lb1, socket on it: /run/haproxy/admin.sock"), "{out}");
    let plain = Sshd::start("");
    // The machine of the test may have an HAProxy of its own.
    if !["/run/haproxy", "/run/haproxy.sock", "/var/lib/haproxy/stats"].iter().any(|path| Path::new(path).exists()) {
        let (code, _, err) = run(&plain, &["show", "info", "ssh://lb1"]);
        assert!(
            code == 3 && err.contains("no stats socket there that this user can open: /run/haproxy/admin.sock"),
            "{err}"
        );
    }
}

#[test]
fn dashboard_asks_for_no_password_and_keys_answer() {
    let (lab, sshd) = (Lab::builder().start(), Sshd::start(""));
    let other_key = sshd.file("other_key");
    sshd.set_hosts(&format!(
        "Host wrong\n  IdentityFile {}\n  IdentitiesOnly yes\nHost beyond\n  ProxyJump wrong\n",
        other_key.display()
    ));
    for host in ["wrong", "beyond"] {
        let mut term = dashboard(&sshd, &address(host, &lab));
        term.wait_for("Permission denied");
        term.press("?");
        term.wait_for("one row down");
        term.press("<esc>q");
        term.exit();
        let raw = String::from_utf8_lossy(&term.raw()).to_lowercase();
        assert!(!raw.contains("s password:") && !raw.contains("passphrase"), "{host}: {raw}");
    }
}

#[test]
fn dashboard_recovers_from_killed_ssh_restarted_sshd_and_restarted_haproxy() {
    let (lab, sshd) = (Lab::builder().start(), Sshd::start(""));
    let term = dashboard(&sshd, &address("lb1", &lab));
    term.wait_for("be1");
    let first = ssh_processes(term.pid());
    assert_eq!(first.len(), 1);
    process::signal(first[0], "KILL");
    wait_until("another ssh", || ssh_processes(term.pid()).first().is_some_and(|pid| *pid != first[0]));
    wait_current(&term, &lab);
    sshd.stop();
    term.wait_for("Connection refused");
    sshd.restart();
    wait_current(&term, &lab);
    lab.kill();
    term.wait_for("open failed");
    lab.restart();
    wait_current(&term, &lab);
    assert_eq!(ssh_processes(term.pid()).len(), 1);
}

#[test]
fn stopped_sshd_blocks_no_key() {
    let (lab, sshd) = (Lab::builder().start(), Sshd::start(""));
    let mut term = dashboard(&sshd, &address("lb1", &lab));
    term.wait_for("be1");
    sshd.signal("STOP");
    term.wait_for("no reply in 2s");
    term.press("?");
    term.wait_for("quit");
    term.press("<esc>");
    sshd.signal("CONT");
    wait_current(&term, &lab);
}

#[test]
fn twenty_hosts_start_at_once_and_one_that_hangs_delays_none() {
    let (lab, sshd, hung) = (Lab::builder().start(), Sshd::start(""), Sshd::start(""));
    let port = hung.file("sshd_config");
    let port = fs::read_to_string(port).unwrap();
    let port = port.lines().next().unwrap().rsplit(':').next().unwrap().to_owned();
    hung.signal("STOP");
    sshd.set_hosts(&format!("Host hung\n  Port {port}\n"));
    let runtime = runtime_folder();
    let members: Vec<String> =
        (1..=20).map(|number| format!("lb{number}={}", address(&format!("lb{number}"), &lab))).collect();
    let list: Vec<String> =
        members.iter().chain([&format!("hung={}", address("hung", &lab))]).map(|one| format!("{one:?}")).collect();
    let config = runtime.path().join("config.toml");
    fs::write(&config, format!("[fleet.web]\ntargets = [{}]\n", list.join(", "))).unwrap();
    let mut command = hapulse(&sshd, runtime.path());
    command.args(["watch", "@web", "--view", "info", "--config"]).arg(&config).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = lines_of(&mut child);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    while counts.len() < 20 || counts.values().any(|count| *count < 2) {
        let line = lines.recv_timeout(DEADLINE).expect("each host is polled");
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        if line.get("lost").is_none() {
            *counts.entry(line["instance"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    assert!(!counts.contains_key("hung"), "{counts:?}");
    // The 20 and the one that hangs.
    let started = ssh_processes(child.id());
    assert!(started.len() >= 20, "{started:?}");
    process::signal(child.id(), "TERM");
    child.wait().unwrap();
    wait_until("every ssh to end", || started.iter().all(|pid| !process::is_alive(*pid)));
    let next = hapulse(&sshd, runtime.path()).args(["show", "info", &address("lb1", &lab)]).output().unwrap();
    assert!(next.status.success());
    assert_eq!(fs::read_dir(runtime.path()).unwrap().count(), 1, "only the configuration is left");
}

/// Returns the lines that a process prints.
fn lines_of(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    let out = BufReader::new(child.stdout.take().unwrap());
    thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    lines
}

#[test]
fn killed_hapulse_leaves_no_ssh_and_next_start_removes_its_folder() {
    let (lab, sshd) = (Lab::builder().start(), Sshd::start(""));
    sshd.set_hosts("Host beyond\n  ProxyJump jump\n");
    let runtime = runtime_folder();
    let mut child = hapulse(&sshd, runtime.path())
        .args(["watch", &address("beyond", &lab)])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    lines_of(&mut child).recv_timeout(DEADLINE).expect("a sample");
    let ssh = ssh_processes(child.id());
    let jump = process::children(ssh[0]);
    assert_eq!((ssh.len(), jump.len()), (1, 1));
    process::signal(child.id(), "KILL");
    child.wait().unwrap();
    wait_until("every ssh to end", || [ssh[0], jump[0]].iter().all(|pid| !process::is_alive(*pid)));
    assert_eq!(fs::read_dir(runtime.path()).unwrap().count(), 1);
    let next = hapulse(&sshd, runtime.path()).args(["show", "info", &address("lb1", &lab)]).output().unwrap();
    assert!(next.status.success());
    assert_eq!(fs::read_dir(runtime.path()).unwrap().count(), 0);
}

#[test]
fn targets_on_one_host_share_one_ssh() {
    let (first, second, sshd) = (Lab::builder().start(), Lab::builder().backends(2).start(), Sshd::start(""));
    let runtime = runtime_folder();
    let mut command = hapulse(&sshd, runtime.path());
    command.args(["watch", &address("lb1", &first), &address("lb1", &second)]).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = lines_of(&mut child);
    let mut seen = [false; 2];
    wait_for("a sample of each", || {
        let line = lines.recv_timeout(DEADLINE).expect("a sample");
        for (seen, lab) in seen.iter_mut().zip([&first, &second]) {
            *seen |= line.contains(lab.admin().to_str().unwrap()) && line.contains("be1");
        }
        (seen == [true; 2]).then_some(())
    });
    wait_until("one ssh for both", || ssh_processes(child.id()).len() == 1);
    process::signal(child.id(), "TERM");
    child.wait().unwrap();
}
