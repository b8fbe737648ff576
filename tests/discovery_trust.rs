//! Discovery on a machine with strangers: processes, configurations and sockets of other users, files that block or never
//! end, and paths with control sequences.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::machine::{STRANGER, write_config};
use support::terminal_bytes::unexpected_output;
use support::{Lab, Machine, Term, process};

/// User and group as which a HAProxy of these tests runs after its start.
const HAPROXY_USER: u32 = 61_235;
/// Another user, such as a monitoring agent.
const MONITOR: u32 = 61_236;

/// Starts a HAProxy of the stranger, with its own configuration and socket. Returns its pid, configuration and socket.
fn start_strangers_haproxy(machine: &Machine) -> (u32, PathBuf, PathBuf) {
    let folder = machine.stranger_folder("stranger");
    let (config, socket) = (folder.join("h.cfg"), folder.join("s.sock"));
    write_config(&config, &format!("stats socket {} mode 666 level admin", socket.display()));
    chown(&config, Some(STRANGER), Some(STRANGER)).unwrap();
    (machine.start_haproxy(STRANGER, &config, &socket), config, socket)
}

/// Checks that `hapulse get Pid` finds this HAProxy and nothing else, whatever it skips.
fn assert_only(machine: &Machine, lab: &Lab) {
    let (code, out, err) = machine.run(["get", "Pid"]);
    assert_eq!((code, out.trim()), (0, lab.pid().to_string().as_str()), "{err}");
}

/// Returns what `hapulse doctor` skips.
fn skipped(machine: &Machine) -> Vec<String> {
    let (_, out, _) = machine.run(["doctor"]);
    let lines = out.lines().filter_map(|line| line.split_once("note   skipped: "));
    lines.map(|(_, reason)| reason.to_owned()).collect()
}

/// Checks that without another HAProxy, discovery finds no socket and reports `reason`.
fn assert_refused(machine: &Machine, reason: &str) {
    for args in [&["show", "info"][..], &["get", "Pid"], &["drain", "be1/s1", "--yes"], &["check", "--over", "2s"]] {
        let (code, out, err) = machine.run(args);
        assert_eq!(code, 3, "{args:?}: {out}{err}");
        assert!(format!("{out}{err}").contains(reason), "{reason}: {args:?}: {out}{err}");
    }
    assert!(skipped(machine).iter().any(|line| line.contains(reason)), "{reason}: {:?}", skipped(machine));
}

#[test]
fn a2_haproxy_of_another_user_is_not_used() {
    let lab = Lab::builder().start();
    let machine = Machine::with(&[&lab]);
    let (pid, ..) = start_strangers_haproxy(&machine);
    assert_only(&machine, &lab);
    let reason = format!("pid {pid} belongs to user {STRANGER}; only root, you and users in a trusted configuration");
    assert!(skipped(&machine)[0].starts_with(&reason), "{:?}", skipped(&machine));
    let note = "hapulse: discovery skipped processes, files or sockets that it does not trust: hapulse doctor lists";
    for args in
        [&["show", "info"][..], &["watch", "--count", "1"], &["get", "Pid"], &["drain", "be1/s1", "--yes", "--force"]]
    {
        let (code, _, err) = machine.run(args);
        assert!(code == 0 && err.contains(note), "{args:?}: {err}");
    }
    // A monitoring system may treat any additional output as a fault.
    let (code, out, err) = machine.run(["check", "--over", "2s"]);
    assert!(code == 0 && out.starts_with("HAPULSE OK") && err.is_empty(), "{out}{err}");
}

#[test]
fn a2_without_other_haproxy_stranger_is_refused_and_reported() {
    let machine = Machine::with(&[]);
    start_strangers_haproxy(&machine);
    assert_refused(&machine, &format!("belongs to user {STRANGER}"));
}

#[test]
fn a2_imposters_are_skipped_whatever_they_name() {
    let lab = Lab::builder().start();
    let machine = Machine::with(&[&lab]);
    let folder = machine.stranger_folder("stranger");
    let root_config = lab.config_file();
    for config in [root_config.as_os_str(), folder.join("none").as_os_str(), OsStr::new("/dev/zero")] {
        machine.start_imposter(STRANGER, [OsStr::new("-f"), config]);
    }
    let mut command = Command::new("sh");
    command.arg0("haproxy").args(["-c", "while :; do sleep 1000; done", "-f", "/x"]);
    let renamed = machine.start(0, command, || true);
    assert_only(&machine, &lab);
    let reasons = skipped(&machine);
    assert!(reasons.len() == 1 && reasons[0].contains(&format!("and 2 more named haproxy belong to user {STRANGER}")));
    lab.edit(|config| config.replace("stats socket", "#"));
    let (_, out, _) = machine.run(["doctor"]);
    assert!(out.contains(&format!("pid {renamed} (/x) is named haproxy, but its program is")), "{out}");
    lab.edit(|config| config.replace('#', "stats socket"));
    let (code, _, err) = machine.run(["drain", "be1/s1", "--yes", "--force"]);
    assert_eq!(code, 0, "a stranger's processes do not count as running HAProxies: {err}");
}

#[test]
fn a2_paths_that_strangers_can_change_are_refused() {
    let machine = Machine::with(&[]);
    let base = machine.folder().to_owned();
    let own = |name: &str, mode: u32| {
        let folder = base.join(name);
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
        folder
    };
    let theirs = machine.stranger_folder("theirs");
    let (safe, open, sticky) = (own("safe", 0o755), own("open", 0o777), own("sticky", 0o1777));
    let group = own("group", 0o775);
    chown(&group, Some(0), Some(STRANGER)).unwrap();
    symlink(&safe, sticky.join("link")).unwrap();
    std::os::unix::fs::lchown(sticky.join("link"), Some(STRANGER), Some(STRANGER)).unwrap();
    let socket_of = |folder: &Path, number: usize| folder.join(format!("{number}.sock"));
    for (number, (config, socket, reason)) in [
        (&safe, theirs.clone(), format!("{} belongs to user {STRANGER}", theirs.display())),
        (&safe, open.clone(), format!("every user can write to {}", open.display())),
        (&safe, group.clone(), format!("group {STRANGER} can write to {}", group.display())),
        (&safe, sticky.join("link"), format!("{} belongs to user {STRANGER}", sticky.join("link").display())),
        (&theirs, safe.clone(), format!("{} belongs to user {STRANGER}", theirs.display())),
        (&open, safe.clone(), format!("every user can write to {}", open.display())),
    ]
    .into_iter()
    .enumerate()
    {
        let (config, socket) = (config.join(format!("{number}.cfg")), socket_of(&socket, number));
        write_config(&config, &format!("stats socket {} level admin", socket.display()));
        let one = Machine::with(&[]);
        one.start_haproxy(0, &config, &socket);
        assert_refused(&one, &reason);
    }
    // A configuration that others may write, and a sticky folder, where only the owner can replace a file.
    let (config, socket) = (safe.join("w.cfg"), sticky.join("s.sock"));
    write_config(&config, &format!("stats socket {} level admin", socket.display()));
    let pid = machine.start_haproxy(0, &config, &socket);
    assert_eq!(machine.run(["get", "Pid"]).1.trim(), pid.to_string());
    fs::set_permissions(&config, Permissions::from_mode(0o646)).unwrap();
    assert_refused(&machine, &format!("every user can write to {}", config.display()));
}

#[test]
fn a2_user_of_trusted_configuration_is_trusted() {
    let machine = Machine::with(&[]);
    let run = machine.folder().join("run");
    fs::create_dir(&run).unwrap();
    chown(&run, Some(HAPROXY_USER), Some(HAPROXY_USER)).unwrap();
    fs::set_permissions(&run, Permissions::from_mode(0o2775)).unwrap();
    let (config, socket) = (machine.folder().join("h.cfg"), run.join("s.sock"));
    let global = format!(
        "uid {HAPROXY_USER}\ngid {HAPROXY_USER}\nstats socket {} mode 660 uid {HAPROXY_USER} gid {HAPROXY_USER} level operator",
        socket.display()
    );
    write_config(&config, &global);
    let start = |machine: &Machine, mode: &str| {
        let mut command = Command::new(process::haproxy());
        command.args([mode, "-f"]).arg(&config);
        // A reply comes from the worker, after it changed its user.
        let replies = || support::send_command_to(&socket, "show info").is_ok_and(|reply| reply.contains("Pid: "));
        machine.start(0, command, replies)
    };
    let master = start(&machine, "-W");
    let pid = process::children(master)[0].to_string();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(status.contains(&format!("Uid:\t{HAPROXY_USER}")), "HAProxy changed its user");
    let monitor = Some((MONITOR, HAPROXY_USER));
    for (user, expected) in [(None, 0), (monitor, 0), (Some((MONITOR, MONITOR)), 3)] {
        let (code, out, err) = machine.run_as(user, ["get", "Pid"]);
        assert_eq!(code, expected, "{user:?}: {err}");
        assert!(code != 0 || out.trim() == pid, "{out}");
        assert!(code == 0 || err.contains("no stats socket accessible to this user"), "{err}");
    }
    // Without a master, no process of root is left.
    let alone = Machine::with(&[]);
    fs::remove_file(&socket).unwrap();
    let pid = start(&alone, "-db");
    assert_eq!(alone.run(["get", "Pid"]).1.trim(), pid.to_string());
    // Root wrote the file, but not as a configuration.
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("login of\n{text}")).unwrap();
    assert_refused(&alone, &format!("belongs to user {HAPROXY_USER}"));
    // Another user named in it does not make this process trusted.
    fs::write(&config, text.replace(&format!("uid {HAPROXY_USER}"), &format!("uid {MONITOR}"))).unwrap();
    assert_refused(&alone, &format!("belongs to user {HAPROXY_USER}"));
}

#[test]
fn a2_member_of_group_finds_haproxy_of_root() {
    let machine = Machine::with(&[]);
    let (config, socket) = (machine.folder().join("h.cfg"), machine.folder().join("s.sock"));
    write_config(&config, &format!("stats socket {} mode 660 gid {HAPROXY_USER} level operator", socket.display()));
    let pid = machine.start_haproxy(0, &config, &socket).to_string();
    let (code, out, err) = machine.run_as(Some((MONITOR, HAPROXY_USER)), ["get", "Pid"]);
    assert_eq!((code, out.trim(), err.as_str()), (0, pid.as_str(), ""));
}

#[test]
fn a2_user_finds_own_haproxy_but_not_that_of_another_user() {
    let machine = Machine::with(&[]);
    let (pid, _, _) = start_strangers_haproxy(&machine);
    let (code, out, err) = machine.run_as(Some((STRANGER, STRANGER)), ["get", "Pid"]);
    assert_eq!((code, out.trim(), err.as_str()), (0, pid.to_string().as_str(), ""));
    let (code, _, err) = machine.run_as(Some((MONITOR, MONITOR)), ["get", "Pid"]);
    assert!(code == 3 && err.contains(&format!("belongs to user {STRANGER}")), "{err}");
}

#[test]
fn a2_sockets_without_file_must_belong_to_haproxy() {
    let machine = Machine::with(&[]);
    let (config, socket) = (machine.folder().join("h.cfg"), machine.folder().join("s.sock"));
    write_config(&config, &format!("stats socket {} level user", socket.display()));
    let pid = machine.start_haproxy(0, &config, &socket).to_string();
    // The configuration was edited after the start of HAProxy, and other programs have the new sockets.
    let name = format!("hapulse-squatted-{}", std::process::id());
    let mut padded = name.clone().into_bytes();
    padded.resize(107, 0);
    let _abstract = UnixListener::bind_addr(&SocketAddr::from_abstract_name(padded).unwrap()).unwrap();
    let port = support::servers::free_port(Ipv4Addr::LOCALHOST).unwrap().port();
    let mut command = Command::new("perl");
    command.args(["-MIO::Socket::INET", "-e"]);
    command.arg(format!("$s = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1:{port}') or die; sleep 1000"));
    machine.start(STRANGER, command, || TcpListener::bind(("127.0.0.1", port)).is_err());
    let line = |address: &str| format!("stats socket {address} level admin");
    let own = format!("stats socket {} level user", socket.display());
    write_config(&config, &[line(&format!("abns@{name}")), line(&format!("127.0.0.1:{port}")), own].join("\n"));
    let (code, out, err) = machine.run(["get", "Pid"]);
    assert_eq!((code, out.trim()), (0, pid.as_str()), "{err}");
    let reasons = skipped(&machine);
    assert!(reasons.contains(&format!("abns@{name}: another process listens on it")), "{reasons:?}");
    assert!(reasons.contains(&format!("127.0.0.1:{port}: a process of user {STRANGER} listens on it")), "{reasons:?}");
}

#[test]
fn a3_paths_of_strangers_are_printed_escaped() {
    let lab = Lab::builder().start();
    let machine = Machine::with(&[&lab]);
    let attack = b"/tmp/\x1b]0;owned\x07\x1b[31m\xc2\x9b5m\xff\xe2\x80\xae\nx".to_vec();
    let attack = OsString::from_vec(attack);
    machine.start_imposter(STRANGER, [OsStr::new("-f"), &attack]);
    machine.start_imposter(0, [OsStr::new("-f"), &attack]);
    let folder = machine.folder().join(OsString::from_vec(b"own\x1b]0;x\x07\n".to_vec()));
    fs::create_dir(&folder).unwrap();
    let config = folder.join("h.cfg");
    write_config(&config, &format!("stats socket \"{}/s.sock\" level admin", folder.display()).replace('\n', "\\n"));
    let socket = folder.join("s.sock");
    let pid = machine.start_haproxy(0, &config, &socket);
    for args in
        [&["doctor"][..], &["show", "info"], &["drain", "be1/s1", "--yes"], &["get", "Pid"], &["check", "--over", "2s"]]
    {
        let (_, out, err) = machine.run(args);
        for text in [&out, &err] {
            assert!(
                text.chars().all(|ch| ch == '\n' || hapulse::haproxy::safe_text::is_visible(ch)),
                "{args:?}: {text:?}"
            );
        }
        let shown = format!("{out}{err}");
        assert!(args == ["check", "--over", "2s"] || shown.contains(r"\x1b]0;x\x07\x0a"), "{args:?}: {shown}");
    }
    let (_, out, _) = machine.run(["doctor"]);
    assert!(out.contains(r"\x1b]0;owned\x07\x1b[31m\x9b5m\xff\u{202e}\x0ax"), "{out}");
    assert!(out.contains(&format!("(pid {pid}, ")), "{out}");
}

#[test]
fn a3_arguments_and_paths_in_errors_are_printed_escaped() {
    let home = tempfile::tempdir().unwrap();
    let attack = "\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}";
    let path = home.path().join(attack);
    fs::create_dir(&path).unwrap();
    let path = path.to_str().unwrap();
    let socket = format!("{path}/none.sock");
    for args in [
        &[attack, attack][..],
        &["--theme", attack],
        &["-i", attack],
        &["-f", attack],
        &["-p", attack],
        &[&format!("--{attack}")],
        &["--threshold", attack],
        &["--log-file", path, &socket],
        &["--debug-log", path, "doctor"],
        &["--config", path],
        &["show", &socket],
        &["show", attack, "--target", &socket],
        &["show", &format!("{attack}:x")],
        &["show", "--columns", attack],
        &["show", "--filter", attack],
        &["show", "--sort", attack],
        &["show", "-s", &socket],
        &["show", "-t", attack],
        &["show", "--config", path],
        &["get", attack, "--target", &socket],
        &["get", "Pid", "--target", attack],
        &["get", "Pid", "--target", &format!("abns@{attack}")],
        &["watch", "--view", attack],
        &["watch", "--count", "1", &socket],
        &["check", &socket],
        &["check", attack],
        &["check", "--threshold", attack],
        &["check", "--over", attack],
        &["drain", attack],
        &["drain", "be1/s1", "-s", &socket],
        &["drain", "be1/s1", "--target", attack],
        &["maint", &format!("{attack}/s1"), "--target", &socket],
        &["doctor", &socket],
        &["doctor", "-s", path],
        &["doctor", "--config", path],
        &["audit", path],
        &["audit", &socket],
        &["config", "--config", path],
        &["completions", attack],
        &[attack],
    ] {
        // An error in a terminal may have colors, elsewhere clap removes control sequences.
        let mut term = Term::builder().args(args).size(200, 50).start();
        term.wait_until(|screen| !screen.trim().is_empty());
        if term.modes().alternate_screen {
            term.press("q");
        }
        term.exit_code();
        let raw = String::from_utf8_lossy(&term.raw()).into_owned();
        assert!(
            !raw.contains("owned\u{7}") && !raw.contains('\u{9b}') && !raw.contains('\u{202e}'),
            "{args:?}: {raw:?}"
        );
        assert_eq!(unexpected_output(&term.raw()), [""; 0], "{args:?}: {raw:?}");
    }
}

#[test]
fn a5_files_that_block_or_never_end_do_not_delay_discovery() {
    let lab = Lab::builder().start();
    let machine = Machine::with(&[&lab]);
    let folder = machine.folder().to_owned();
    let fifo = folder.join("fifo.cfg");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let _socket = UnixListener::bind(folder.join("socket.cfg")).unwrap();
    let large = folder.join("large.cfg");
    fs::File::create(&large).unwrap().set_len(1 << 40).unwrap();
    let paths = [
        (fifo.clone(), "a FIFO, not a regular file"),
        (folder.join("socket.cfg"), "a socket, not a regular file"),
        ("/dev/zero".into(), "every user can write to /dev/zero"),
        ("/dev/tty".into(), ""),
        (large, "is larger than"),
        ("/proc/kmsg".into(), ""),
        // A directory that contains the FIFO and the large file.
        (folder.clone(), ""),
    ];
    for user in [0, STRANGER] {
        for (path, _) in &paths {
            machine.start_imposter(user, [OsStr::new("-f"), path.as_os_str()]);
        }
    }
    let (code, out, err) = machine.run(["show", "info"]);
    assert!(
        code == 0 && out.contains(&format!("pid {}", lab.pid())) | out.contains(&lab.pid().to_string()),
        "{out}{err}"
    );
    let (_, out, _) = machine.run(["doctor"]);
    for (path, reason) in paths {
        assert!(out.contains(path.to_str().unwrap()) && out.contains(reason), "{}: {reason}: {out}", path.display());
    }
}
