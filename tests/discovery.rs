//! Discovery of the HAProxies of a machine, with real HAProxies and the real binary: several of them, unusual command lines
//! and addresses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use support::machine::{own_user, require_root, write_config};
use support::{Lab, Machine, process};

/// Returns the pid of the HAProxy that `hapulse get Pid` finds, and checks its exit code.
fn found_pid(machine: &Machine) -> String {
    let (code, out, err) = machine.run(["get", "Pid"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    out.trim().to_owned()
}

/// Returns true if a stats socket accepts connections.
fn accepts(address: &str) -> bool {
    if let Some(name) = address.strip_prefix("abns@") {
        let mut name = name.as_bytes().to_vec();
        name.resize(107, 0);
        return UnixStream::connect_addr(&SocketAddr::from_abstract_name(name).unwrap()).is_ok();
    }
    if address.starts_with('/') { UnixStream::connect(address).is_ok() } else { TcpStream::connect(address).is_ok() }
}

/// Starts HAProxy on a new machine, with the configuration `etc/h.cfg` in a folder, and checks that discovery finds
/// its socket `address`. In both texts, `{}` stands for the folder.
fn assert_found(global: &str, address: &str, prepare: impl for<'a> Fn(&Path, &'a mut Command) -> &'a mut Command) {
    let machine = Machine::with(&[]);
    let folder = machine.folder().to_owned();
    let in_folder = |text: &str| text.replace("{}", folder.to_str().unwrap());
    write_config(&folder.join("etc/h.cfg"), &in_folder(global));
    let mut command = Command::new(process::haproxy());
    command.env("RUN", &folder).current_dir(&folder);
    prepare(&folder, &mut command);
    let address = in_folder(address);
    let pid = machine.start(own_user(), command, || accepts(&address));
    assert_eq!(found_pid(&machine), pid.to_string());
    let (_, out, _) = machine.run(["doctor"]);
    assert!(out.contains(&format!("ok     {address} (pid {pid}, ")), "{address}\n{out}");
}

/// A `stats socket` line for [`assert_found`], and its path.
const LINE: &str = "stats socket {}/a.sock level admin";
const PATH: &str = "{}/a.sock";

#[test]
fn v4_changing_commands_refuse_with_list_of_several_haproxies() {
    let labs = [Lab::builder().start(), Lab::builder().start()];
    let relays = labs.iter().map(|lab| lab.stat("be1", "s1", "status")).collect::<Vec<_>>();
    let machine = Machine::with(&[&labs[0], &labs[1]]);
    for args in [
        &["drain", "be1/s1", "--yes", "--force"][..],
        &["maint", "be1/s1", "--yes"],
        &["ready", "be1/s1", "--yes"],
        &["get", "Pid"],
    ] {
        let (code, out, err) = machine.run(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.starts_with("hapulse: 2 HAProxies run on this machine: select one with --target\n"), "{err}");
        for lab in &labs {
            let line =
                format!("--target {}  (pid {}, {})", lab.admin().display(), lab.pid(), lab.config_file().display());
            assert!(err.contains(&line), "{line}\n{err}");
        }
    }
    assert_eq!(labs.iter().map(|lab| lab.stat("be1", "s1", "status")).collect::<Vec<_>>(), relays);
    let (code, _, err) =
        machine.run(["drain", "be1/s1", "--yes", "--force", "--target", labs[1].admin().to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(labs[1].server_state("be1/s1", "srv_admin_state"), "8");
    assert_eq!(labs[0].server_state("be1/s1", "srv_admin_state"), "0");
}

#[test]
fn v4_changing_commands_refuse_if_another_haproxy_has_no_usable_socket() {
    let lab = Lab::builder().start();
    let other = Lab::builder().start();
    let machine = Machine::with(&[&lab, &other]);
    other.edit(|config| {
        config.lines().filter(|line| !line.contains("stats socket")).collect::<Vec<_>>().join("\n") + "\n"
    });
    let (code, _, err) = machine.run(["drain", "be1/s1", "--yes"]);
    assert!(code == 2 && err.contains(&format!("no usable stats socket  (pid {}", other.pid())), "{err}");
    assert_eq!(found_pid(&machine), lab.pid().to_string());
}

#[test]
fn v4_changing_commands_refuse_several_configured_targets() {
    let labs = [Lab::builder().start(), Lab::builder().start()];
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let path = |number: usize| labs[number].admin().display().to_string();
    fs::write(&config, format!("[targets]\none = {:?}\ntwo = {:?}\n", path(0), path(1))).unwrap();
    let drain = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
        command.args(["drain", "be1/s1", "--yes", "--force", "--config"]).arg(&config).args(more);
        let out = command.env_clear().env("HOME", folder.path()).output().unwrap();
        (out.status.code().unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    let (code, err) = drain(&[]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("2 targets are configured") && err.contains(&format!("--target two  ({})", path(1))), "{err}");
    let (code, err) = drain(&["--target", "two"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(labs[0].server_state("be1/s1", "srv_admin_state"), "0");
}

#[test]
fn v4_reading_commands_use_every_haproxy() {
    let labs = [Lab::builder().start(), Lab::builder().start()];
    let machine = Machine::with(&[&labs[0], &labs[1]]);
    for args in
        [&["show", "info"][..], &["watch", "--count", "1", "-i", "0.1"], &["check", "--over", "2s"], &["doctor"]]
    {
        let (code, out, err) = machine.run(args);
        assert!(code == 0 && err.is_empty(), "{args:?}: {code} {err}{out}");
        for lab in &labs {
            assert!(out.contains(lab.admin().to_str().unwrap()), "{args:?}: {out}");
        }
    }
    let (_, out, _) = machine.run(["doctor"]);
    assert!(out.contains("several HAProxies: commands that change something"), "{out}");
    let mut term = machine.term(["-i", "0.1"]).size(200, 40).start();
    let screen = term.wait_for("2 HAProxies run here, o switches");
    assert!(labs.iter().all(|lab| screen.contains(lab.admin().to_str().unwrap())), "{screen}");
    term.wait_for("live");
    term.press("o");
    term.wait_for("live");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn v4_sockets_workers_and_old_processes_of_one_haproxy_are_one() {
    let lab = Lab::builder().start();
    let machine = Machine::with(&[&lab]);
    // The lab has sockets of all levels.
    let (code, out, err) = machine.run(["doctor"]);
    assert!(code == 0 && out.contains("level admin: all actions"), "{out}{err}");
    let client = UnixStream::connect(lab.admin()).unwrap();
    let old = lab.pid();
    lab.reload();
    machine.add(&lab);
    assert!(process::is_alive(old), "the open connection keeps the old process alive");
    assert_eq!(found_pid(&machine), lab.pid().to_string());
    let (code, _, err) = machine.run(["drain", "be1/s1", "--yes", "--force"]);
    assert_eq!(code, 0, "{err}");
    drop(client);

    let lab = Lab::builder().master().start();
    let client = UnixStream::connect(lab.admin()).unwrap();
    let old = lab.info("Pid");
    lab.reload();
    let machine = Machine::with(&[&lab]);
    assert_eq!(process::children(lab.pid()).len(), 2, "worker {old} is still there");
    assert_eq!(found_pid(&machine), lab.info("Pid"));
    drop(client);
}

#[test]
fn v13_relative_configuration_is_found() {
    assert_found(LINE, PATH, |_, command| command.args(["-db", "-f", "etc/h.cfg"]));
    assert_found(LINE, PATH, |_, command| command.args(["-db", "-C", "etc", "-f", "h.cfg"]));
    assert_found(LINE, PATH, |folder, command| command.args(["-db", "-f", "h.cfg", "-C"]).arg(folder.join("etc")));
    assert_found(LINE, PATH, |_, command| command.args(["-db", "-f", "./etc"]));
}

#[test]
fn v13_files_after_double_dash_are_found() {
    let machine = Machine::with(&[]);
    let folder = machine.folder().to_owned();
    write_config(&folder.join("etc/h.cfg"), &LINE.replace("{}", folder.to_str().unwrap()));
    fs::write(folder.join("etc/second.cfg"), "# empty\n").unwrap();
    let mut command = Command::new(process::haproxy());
    command.args(["-db", "--", "etc/second.cfg", "etc/h.cfg"]).current_dir(&folder);
    let pid = machine.start(own_user(), command, || accepts(folder.join("a.sock").to_str().unwrap()));
    assert_eq!(found_pid(&machine), pid.to_string());
}

#[test]
fn v13_renamed_program_is_found() {
    assert_found(LINE, PATH, |_, command| command.arg0("haproxy: master").args(["-db", "-f", "etc/h.cfg"]));
    assert_found(LINE, PATH, |_, command| command.arg0("anything").args(["-db", "-f", "etc/h.cfg"]));
    let machine = Machine::with(&[]);
    let folder = machine.folder().to_owned();
    write_config(&folder.join("h.cfg"), &LINE.replace("{}", folder.to_str().unwrap()));
    let program = folder.join("haproxy-2.6");
    fs::copy(process::haproxy(), &program).unwrap();
    let mut command = Command::new(program);
    command.args(["-db", "-f", "h.cfg"]).current_dir(&folder);
    let pid = machine.start(own_user(), command, || accepts(folder.join("a.sock").to_str().unwrap()));
    assert_eq!(found_pid(&machine), pid.to_string());
}

#[test]
fn v13_environment_and_quotes_in_socket_path_are_resolved() {
    for (global, path) in [
        (r#"stats socket "${RUN}/a.sock" level admin"#, PATH),
        (r#"stats socket "$RUN/a.sock" level admin"#, PATH),
        ("stats socket ${RUN}/a.sock level admin", PATH),
        ("stats socket unix@$RUN/a\\ b.sock level admin", "{}/a b.sock"),
        (r#"stats socket "${NONE-{}}/a.sock" level admin"#, PATH),
        ("presetenv NAME a\nstats socket \"$RUN/$NAME.sock\" level admin", PATH),
        ("unix-bind prefix /nowhere mode 600\nstats socket {}/a.sock level admin", PATH),
        ("stats socket unix@a.sock level admin", PATH),
    ] {
        assert_found(global, path, |_, command| command.args(["-db", "-f", "etc/h.cfg"]));
    }
}

#[test]
fn v13_variables_of_haproxy_itself_are_resolved_or_named() {
    for line in
        [r#"stats socket "{}/${HAPROXY_LOCALPEER}.sock" level admin"#, "stats socket {}/$HAPROXY_LOCALPEER.sock"]
    {
        let found = |peer: &str, args: &[&str]| {
            assert_found(line, &format!("{{}}/{peer}.sock"), |_, command| {
                command.args(["-db", "-f", "etc/h.cfg"]).args(args)
            });
        };
        found("peer1", &["-L", "peer1"]);
        found(rustix::system::uname().nodename().to_str().unwrap(), &[]);
    }
    let machine = Machine::with(&[]);
    let folder = machine.folder().to_owned();
    let config = folder.join("etc/h.cfg");
    write_config(&config, &format!("stats socket \"{}/${{HAPROXY_BRANCH}}.sock\" level admin", folder.display()));
    let mut command = Command::new(process::haproxy());
    command.args(["-db", "-f"]).arg(&config);
    let has_socket = |entry: fs::DirEntry| entry.file_name().to_string_lossy().ends_with(".sock");
    machine.start(own_user(), command, || fs::read_dir(&folder).unwrap().flatten().any(has_socket));
    let (code, out, err) = machine.run(["get", "Pid"]);
    let line = format!("{}: line 2: contains the variable HAPROXY_BRANCH, which HAProxy sets itself", config.display());
    assert!(code == 3 && err.contains(&line) && err.contains("name the stats socket as the target"), "{out}{err}");
    assert!(!err.contains("add this line"), "{err}");
}

#[test]
fn v13_unknown_working_directory_is_named_as_the_cause() {
    require_root();
    let machine = Machine::with(&[]);
    let folder = machine.folder().to_owned();
    let socket = folder.join("a.sock");
    write_config(&folder.join("h.cfg"), &format!("stats socket {} level admin", socket.display()));
    let mut command = Command::new(process::haproxy());
    command.args(["-db", "-f", "h.cfg"]).current_dir(&folder);
    let pid = machine.start(0, command, || UnixStream::connect(&socket).is_ok());
    assert_eq!(found_pid(&machine), pid.to_string());
    // Another user may not read the working directory of root's process.
    let (code, out, err) = machine.run_as(Some((61_236, 61_236)), ["get", "Pid"]);
    let what =
        format!("HAProxy runs (pid {pid}, h.cfg), but its configuration cannot be read\n  name the stats socket");
    assert!(code == 3 && err.contains(&what) && err.contains("cannot read the working directory"), "{out}{err}");
    assert!(!err.contains("add this line"), "{err}");
}

#[test]
fn v13_chrooted_process_is_found() {
    require_root();
    let global = "chroot {}/etc\nstats socket {}/a.sock level admin";
    assert_found(global, PATH, |folder, command| command.args(["-db", "-f"]).arg(folder.join("etc/h.cfg")));
    assert_found(global, PATH, |folder, command| command.env("PWD", folder).args(["-db", "-f", "etc/h.cfg"]));
}

#[test]
fn v13_abstract_and_tcp_sockets_are_found() {
    let name = format!("abns@hapulse-{}", std::process::id());
    let port = || support::servers::free_port(Ipv4Addr::LOCALHOST).unwrap().port();
    let (one, two) = (port(), port());
    for (addresses, expected) in [
        (name.clone(), name),
        (format!("*:{one}"), format!("127.0.0.1:{one}")),
        (format!("ipv4@127.0.0.1:{one},:{two}"), format!("127.0.0.1:{one}")),
        (format!("ipv6@[::1]:{one}"), format!("[::1]:{one}")),
    ] {
        let global = format!("stats socket {addresses} level admin");
        assert_found(&global, &expected, |_, command| command.args(["-db", "-f", "etc/h.cfg"]));
    }
}

#[test]
fn v13_abstract_socket_is_usable_as_target() {
    let name = format!("abns@hapulse-target-{}", std::process::id());
    let lab = Lab::builder().global(&format!("stats socket {name} level admin")).start();
    for args in [["--target", &name], ["-s", &name]] {
        let out = Command::new(env!("CARGO_BIN_EXE_hapulse")).args(["get", "Pid"]).args(args).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&out.stdout).trim(), lab.pid().to_string(), "{out:?}");
    }
    let mut term = support::Term::spawn([&name], 120, 40);
    term.wait_for("live");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
    lab.kill();
    let out = Command::new(env!("CARGO_BIN_EXE_hapulse")).args(["doctor", &name]).output().unwrap();
    assert!(String::from_utf8_lossy(&out.stdout).contains("no process listens on this abstract socket"), "{out:?}");
}

/// Starts HAProxy with `etc/h.cfg` in a mount namespace of its own, after a shell command.
fn start_with_mounts(machine: &Machine, folder: &Path, mount: &str, socket: &Path) -> u32 {
    require_root();
    let probe = Command::new("unshare").args(["--mount", "true"]).output().unwrap();
    let needs =
        "this test needs mount namespaces; in a container: --cap-add SYS_ADMIN --security-opt apparmor=unconfined";
    assert!(probe.status.success(), "{needs}: {}", String::from_utf8_lossy(&probe.stderr));
    let (haproxy, folder) = (process::haproxy(), folder.display());
    let script = format!("{mount} && exec {} -db -f {folder}/etc/h.cfg", haproxy.display());
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", &script]);
    machine.start(0, command, || UnixStream::connect(socket).is_ok())
}

#[test]
fn v13_process_with_own_mounts_is_found_if_it_sees_the_same_files() {
    for chroot in ["", "\nchroot {}/etc"] {
        let machine = Machine::with(&[]);
        let folder = machine.folder().to_owned();
        let global = format!("{LINE}{chroot}").replace("{}", folder.to_str().unwrap());
        write_config(&folder.join("etc/h.cfg"), &global);
        let pid = start_with_mounts(&machine, &folder, "true", &folder.join("a.sock"));
        assert_eq!(found_pid(&machine), pid.to_string());
    }
}

#[test]
fn v13_process_that_sees_other_files_is_skipped() {
    let machine = Machine::with(&[]);
    let folder = machine.folder().to_owned();
    // The same path exists here, with another configuration.
    let socket = folder.join("a.sock");
    write_config(&folder.join("inside/h.cfg"), &format!("stats socket {} level admin", socket.display()));
    write_config(&folder.join("etc/h.cfg"), "stats socket /nowhere level admin");
    let mount = format!("mount --bind {0}/inside {0}/etc", folder.display());
    let pid = start_with_mounts(&machine, &folder, &mount, &socket);
    let (code, out, _) = machine.run(["doctor"]);
    assert!(code == 1 && out.contains(&format!("pid {pid} (")) && out.contains("sees other files"), "{out}");
    assert!(process::is_alive(pid));
}
