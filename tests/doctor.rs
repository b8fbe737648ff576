//! `hapulse doctor` with a real HAProxy: the problems it finds and the configuration lines it recommends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use hapulse::haproxy::address::Address;
use hapulse::haproxy::level::Level;
use hapulse::haproxy::socket_permissions;
use support::{Lab, Relay, Term};

/// Runs `hapulse doctor` with this home directory and returns exit code, standard output and standard error.
fn doctor<I: AsRef<OsStr>>(home: &Path, args: impl IntoIterator<Item = I>) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
    command.arg("doctor").args(args).env_clear().env("HOME", home).env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
    let out = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
}

#[test]
fn doctor_reports_level_and_line_for_higher_level() {
    let lab = Lab::builder().start();
    let home = tempfile::tempdir().unwrap();
    let (code, out, err) = doctor(home.path(), [lab.admin()]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let pid = format!("pid {}", lab.pid());
    assert!(out.contains("ok     HAProxy 2.") || out.contains("ok     HAProxy 3."), "{out}");
    assert!(out.contains(&pid) && out.contains("ok     level admin") && out.contains("No problems found"), "{out}");
    for (socket, level) in [(lab.operator(), "operator"), (lab.user(), "user")] {
        let (code, out, _) = doctor(home.path(), [socket]);
        assert_eq!(code, 0, "{out}");
        let line = format!(
            "-> to allow actions, set this in haproxy.cfg and reload HAProxy: stats socket {} mode 660 level admin",
            socket.display()
        );
        assert!(out.contains(&format!("note   level {level}")) && out.contains(&line), "{out}");
    }
    fs::set_permissions(lab.admin(), fs::Permissions::from_mode(0o666)).unwrap();
    let (_, out, _) = doctor(home.path(), [lab.admin()]);
    assert!(out.contains("note   mode 666: every local user can change this HAProxy"), "{out}");
}

/// HAProxy must accept a configuration with these lines.
#[test]
fn haproxy_accepts_recommended_socket_lines() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("own.sock");
    let config = directory.path().join("haproxy.cfg");
    let addresses = [Address::unix(&socket), "127.0.0.1:9999".parse().unwrap(), "[::1]:9999".parse().unwrap()];
    let levels = [Level::User, Level::Operator, Level::Admin];
    let lines =
        addresses.iter().flat_map(|address| levels.map(|level| socket_permissions::socket_line(address, level)));
    for line in lines.chain([socket_permissions::group_socket_line(&socket)]) {
        let site =
            "listen one\n    bind 127.0.0.1:8080\n    timeout client 1s\n    timeout connect 1s\n    timeout server 1s";
        fs::write(&config, format!("global\n    {line}\n\n{site}\n")).unwrap();
        let output = Command::new(support::process::haproxy()).arg("-c").arg("-f").arg(&config).output().unwrap();
        assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn unreachable_target_is_reported_with_reason() {
    let lab = Lab::builder().start();
    let home = tempfile::tempdir().unwrap();
    let missing = home.path().join("gone.sock");
    let (code, out, _) = doctor(home.path(), [lab.admin(), &missing]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("WRONG  cannot connect: no such file"), "{out}");
    assert!(out.contains(&format!("stats socket {} mode 660 level admin", missing.display())), "{out}");
    assert!(out.contains("ok     level admin") && out.ends_with("1 problem found.\n"), "{out}");
    lab.kill();
    let (code, out, _) = doctor(home.path(), [lab.admin()]);
    assert!(code == 1 && out.contains("no process listens on it"), "{out}");
}

#[test]
fn doctor_finds_invalid_configuration_and_unwritable_audit() {
    let lab = Lab::builder().start();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    fs::write(&file, "[keys]\n\"server.drain\" = [\"M\"]\n").unwrap();
    let args = [OsStr::new("--config"), file.as_os_str(), lab.admin().as_os_str()];
    let (code, out, _) = doctor(home.path(), args);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("config.toml:2:18: key M is bound to both"), "{out}");
    fs::write(&file, "[audit]\npath = \"/dev/null/audit.jsonl\"\n").unwrap();
    let (code, out, _) = doctor(home.path(), args);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("no write permission for /dev/null; every action will be refused"), "{out}");
}

#[test]
fn doctor_sends_only_read_only_commands() {
    let lab = Lab::builder().start();
    let relay = Relay::to(lab.admin());
    let home = tempfile::tempdir().unwrap();
    let (code, out, _) = doctor(home.path(), [relay.path()]);
    assert_eq!(code, 0, "{out}");
    assert!(!relay.lines().is_empty());
    assert_eq!(relay.write_commands(), [""; 0]);
}

#[test]
fn doctor_reports_terminal_size_and_type() {
    let lab = Lab::builder().start();
    let builder = Term::builder().args(["doctor"]).args([lab.admin()]).size(70, 60);
    let mut term = builder.env("TERM", "xterm").env("TMUX", "/tmp/tmux-0/default,1,0").start();
    let screen = term.wait_for("No problems found.");
    assert!(screen.contains("note   70x60"), "{screen}");
    assert!(screen.contains("TERM is xterm inside tmux") && screen.contains("default-terminal"), "{screen}");
    assert_eq!(term.exit_code(), 0);
}

/// Returns the finding about HAProxy: the lines from the first error on.
fn first_error(out: &str) -> String {
    let from = out.find("WRONG").unwrap_or_else(|| panic!("no error:\n{out}"));
    out[from..].to_owned()
}

#[test]
fn n7_doctor_accepts_target_options_of_other_commands() {
    let lab = Lab::builder().tcp().start();
    let home = tempfile::tempdir().unwrap();
    let (socket, tcp) = (lab.admin().display().to_string(), lab.tcp().to_string());
    for args in
        [["-s", &socket], ["--unix-socket", &socket], ["-t", &tcp], ["--tcp-socket", &tcp], ["--target", &socket]]
    {
        let (code, out, err) = doctor(home.path(), args);
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}: {out}");
        assert!(out.contains(&format!("pid {}", lab.pid())), "{args:?}: {out}");
    }
}

#[test]
fn n7_loopback_port_is_not_advised_to_be_bound_to_loopback() {
    let lab = Lab::builder().tcp().start();
    let home = tempfile::tempdir().unwrap();
    for address in std::iter::once(lab.tcp()).chain(lab.tcp6()) {
        let (_, out, _) = doctor(home.path(), [address.to_string()]);
        assert!(out.contains("note   every local user can change this HAProxy through"), "{out}");
        assert!(
            out.contains("use a Unix socket instead: stats socket") && !out.contains("bind the socket to"),
            "{out}"
        );
    }
}

#[test]
fn n7_doctor_names_likeliest_cause_of_failed_connection() {
    let home = tempfile::tempdir().unwrap();
    let lab = Lab::builder().start();
    let config = lab.config_file().display().to_string();
    let folder = home.path().display().to_string();
    let unused = support::servers::free_port(std::net::Ipv4Addr::LOCALHOST).unwrap().to_string();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_address = silent.local_addr().unwrap().to_string();
    let frontend = lab.frontend_addr().to_string();
    for (target, causes) in [
        (&config, [format!("{config} is a regular file, not a socket"), String::new()]),
        (&folder, [format!("{folder} is a directory, not a socket"), String::new()]),
        (
            &unused,
            [
                "nothing listens on this port: is HAProxy running".to_owned(),
                "is the port right? In global: stats socket".to_owned(),
            ],
        ),
        (&silent_address, [format!("is {silent_address} a stats socket, or another program?"), String::new()]),
        (&frontend, [format!("another program listens on {frontend}"), "it is a frontend".to_owned()]),
    ] {
        let (code, out, _) = doctor(home.path(), [target]);
        let error = first_error(&out);
        assert_eq!(code, 1, "{out}");
        assert!(causes.iter().all(|cause| error.contains(cause.as_str())), "{causes:?}: {error}");
    }
}

#[test]
fn n7_doctor_without_haproxy_says_so_first() {
    let machine = support::Machine::with(&[]);
    let (code, out, err) = machine.run(["doctor"]);
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    let error = first_error(&out);
    assert!(error.starts_with("WRONG  no stats socket found: no HAProxy runs on this machine\n"), "{error}");
    assert!(error.lines().nth(1).unwrap().contains("-> start HAProxy"), "{error}");
    // A HAProxy without a stats socket.
    let lab = Lab::builder().start();
    machine.add(&lab);
    lab.edit(|config| config.replace("stats socket", "#"));
    let (_, out, _) = machine.run(["doctor"]);
    let error = first_error(&out);
    let expected =
        format!("WRONG  no stats socket found: HAProxy runs (pid {}, {})", lab.pid(), lab.config_file().display());
    assert!(error.starts_with(&expected), "{error}");
    assert!(error.lines().nth(1).unwrap().contains("-> add this line to the global section"), "{error}");
}

/// Forwards connections to a stats socket, but none before this many have arrived.
fn start_barrier(socket: &Path, admin: &Path, count: usize) {
    let listener = UnixListener::bind(socket).unwrap();
    let admin = admin.to_owned();
    // Ends with the test program.
    thread::spawn(move || {
        let forward = |client: UnixStream| {
            let server = UnixStream::connect(&admin).unwrap();
            for (mut from, mut to) in [
                (client.try_clone().unwrap(), server.try_clone().unwrap()),
                (server.try_clone().unwrap(), client.try_clone().unwrap()),
            ] {
                thread::spawn(move || {
                    let _ = io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
            }
        };
        let first: Vec<UnixStream> = (0..count).map(|_| listener.accept().unwrap().0).collect();
        first.into_iter().for_each(forward);
        listener.incoming().for_each(|client| forward(client.unwrap()));
    });
}

#[test]
fn n7_doctor_checks_all_targets_at_the_same_time() {
    let lab = Lab::builder().start();
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("barrier.sock");
    start_barrier(&socket, lab.admin(), 5);
    let targets: Vec<String> = (1..=5).map(|number| format!("t{number}={}", socket.display())).collect();
    let (code, out, _) = doctor(home.path(), &targets);
    assert!(code == 0 && out.matches("level admin").count() == 5, "{out}");
    let positions: Vec<usize> = (1..=5).map(|number| out.find(&format!("\nt{number}\n")).unwrap()).collect();
    assert!(positions.is_sorted(), "{out}");
}
