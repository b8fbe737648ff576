//! Discovery and the search for old processes on a machine where other users try to mislead or delay them: with
//! processes, arguments, files with contents that they choose, names with line breaks, and links.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::inotify;
use support::machine::{STRANGER, write_config};
use support::{Lab, Machine, process};

/// Starts a HAProxy of the stranger and returns its socket.
fn start_strangers_haproxy(machine: &Machine) -> PathBuf {
    let folder = machine.stranger_folder("stranger");
    let (config, socket) = (folder.join("h.cfg"), folder.join("s.sock"));
    write_config(&config, &format!("stats socket {} mode 666 level admin", socket.display()));
    machine.start_haproxy(STRANGER, &config, &socket);
    socket
}

/// Starts a Perl program as this user, under the name haproxy for root, with a configuration on its command line.
fn start_perl(machine: &Machine, user: u32, code: &str, config: Option<&Path>, is_ready: impl Fn() -> bool) -> u32 {
    let program = machine.folder().join("perl/haproxy");
    if !program.exists() {
        fs::create_dir(program.parent().unwrap()).unwrap();
        fs::copy("/usr/bin/perl", &program).unwrap();
    }
    let mut command = Command::new(if user == 0 { program.as_os_str() } else { OsStr::new("perl") });
    command.args(["-MSocket", "-e", code]).args(config.map(|_| "--")).args(config);
    machine.start(user, command, is_ready)
}

/// Returns Perl code that listens on an abstract Unix socket and waits.
fn listen_on(name: &str) -> String {
    let name = name.replace('\n', "\\n").replace('@', "\\@");
    let address = format!("pack('S', AF_UNIX) . \"\\0{name}\"");
    format!("socket(S, AF_UNIX, SOCK_STREAM, 0) or die; bind(S, {address}) or die $!; listen(S, 5) or die; sleep 1000")
}

/// Returns the inode in the line of `/proc/net/unix` with this path.
fn listed_inode(path: &str) -> Option<String> {
    let list = String::from_utf8_lossy(&fs::read("/proc/net/unix").unwrap()).into_owned();
    let line = list.lines().find(|line| line.ends_with(&format!(" {path}")))?;
    line.split_whitespace().nth(6).map(str::to_owned)
}

/// Reports when files are opened.
struct OpenWatch(OwnedFd);

impl OpenWatch {
    fn of(paths: &[&Path]) -> Self {
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC).unwrap();
        for path in paths {
            inotify::add_watch(&watch, *path, inotify::WatchFlags::OPEN | inotify::WatchFlags::ACCESS).unwrap();
        }
        Self(watch)
    }

    fn assert_never_opened(&self) {
        let mut events = [0; 4096];
        let read = rustix::io::read(&self.0, &mut events);
        assert_eq!(read.map_err(rustix::io::Errno::kind).unwrap_err(), ErrorKind::WouldBlock, "{events:?}");
    }
}

/// Checks that `hapulse get Pid` finds this HAProxy and nothing else, whatever it skips.
fn assert_only(machine: &Machine, lab: &Lab) {
    let (code, out, err) = machine.run(["get", "Pid"]);
    assert_eq!((code, out.trim()), (0, lab.pid().to_string().as_str()), "{err}");
}

#[test]
fn a2_file_of_root_with_text_of_a_stranger_is_no_configuration() {
    let lab = Lab::builder().start();
    let machine = Machine::with(&[&lab]);
    let socket = start_strangers_haproxy(&machine);
    // Root owns these files, but their contents may come from the stranger, as in a log.
    let files: Vec<PathBuf> = ["a.log", "b.log"].map(|name| machine.folder().join(name)).into();
    let line = |paths: &str| format!("uid {STRANGER}\nstats socket {paths} level admin");
    write_config(&files[0], &line(&socket.display().to_string()));
    write_config(&files[1], &line(&format!("{},{}", socket.display(), lab.admin().display())));
    for file in &files {
        fs::write(file, format!("started\n{}", fs::read_to_string(file).unwrap())).unwrap();
    }
    let listing = machine.folder().join("listing");
    fs::create_dir(&listing).unwrap();
    let watch = OpenWatch::of(&[&listing]);
    for file in &files {
        machine.start_imposter(STRANGER, [OsStr::new("-f"), file.as_os_str()]);
    }
    let many = std::iter::once(OsStr::new("--")).chain(std::iter::repeat_n(listing.as_os_str(), 2000));
    machine.start_imposter(STRANGER, many);
    assert_only(&machine, &lab);
    let (code, out, err) = machine.run(["drain", "be1/s1", "--yes", "--force"]);
    assert!(code == 0 && out.contains("DRAIN"), "{out}{err}");
    // Without another HAProxy, nothing is found.
    lab.kill();
    for args in [&["show", "info"][..], &["check", "--over", "0s"], &["drain", "be1/s1", "--yes"]] {
        let (code, out, err) = machine.run(args);
        assert!(code == 3 && !out.contains(socket.to_str().unwrap()), "{args:?}: {code} {out}{err}");
    }
    watch.assert_never_opened();
}

#[test]
fn a2_generated_file_is_no_configuration() {
    let machine = Machine::with(&[]);
    let socket = start_strangers_haproxy(&machine);
    // Root owns this file, too, and any user can write lines to it.
    let name = format!("x\nglobal\nuid {STRANGER}\nstats socket {} level admin\n", socket.display());
    let listed = format!("uid {STRANGER}");
    let is_listed = || String::from_utf8_lossy(&fs::read("/proc/net/unix").unwrap()).contains(&listed);
    start_perl(&machine, STRANGER, &listen_on(&name), None, is_listed);
    for path in ["/proc/net/unix", "/proc/self/environ", "/sys/kernel/profiling"] {
        machine.start_imposter(0, ["-f", path]);
    }
    let (code, out, _) = machine.run(["doctor"]);
    assert!(code == 1 && !out.contains(socket.to_str().unwrap()), "{out}");
    assert!(out.contains("/proc/net/unix: ") && out.contains("/proc/self is another file in each process"), "{out}");
    let reason = "cannot be read: is on the file system sysfs, whose contents are generated";
    assert!(out.contains(&format!("/sys/kernel/profiling: {reason}")), "{out}");
}

#[test]
fn a2_processes_of_a_stranger_are_summed_up() {
    let lab = Lab::builder().start();
    let machine = Machine::with(&[&lab]);
    let first = machine.start_imposter(STRANGER, ["-f", "/x"]);
    for _ in 0..39 {
        machine.start_imposter(STRANGER, ["-f", "/x"]);
    }
    assert_only(&machine, &lab);
    let (_, out, _) = machine.run(["doctor"]);
    let lines: Vec<&str> = out.lines().filter(|line| line.contains("skipped: ")).collect();
    assert_eq!(lines.len(), 1, "{out}");
    assert!(lines[0].contains(" more named haproxy belong to user 61234; only root, you"), "{first}: {out}");
}

#[test]
fn a2_stranger_on_another_address_of_the_port_hides_nothing() {
    let machine = Machine::with(&[]);
    let port = support::servers::free_port(Ipv4Addr::LOCALHOST).unwrap().port();
    let config = machine.folder().join("h.cfg");
    write_config(&config, &format!("stats socket localhost:{port} level admin"));
    let mut command = Command::new(process::haproxy());
    command.args(["-db", "-f"]).arg(&config);
    let pid = machine.start(0, command, || TcpListener::bind(("127.0.0.1", port)).is_err());
    let code = format!(
        "socket(S, AF_INET, SOCK_STREAM, 0); bind(S, pack_sockaddr_in({port}, inet_aton('127.0.0.2'))) or die; \
         listen(S, 5); sleep 1000"
    );
    start_perl(&machine, STRANGER, &code, None, || TcpListener::bind(("127.0.0.2", port)).is_err());
    let (code, out, err) = machine.run(["get", "Pid"]);
    assert_eq!((code, out.trim(), err.as_str()), (0, pid.to_string().as_str(), ""));
    let (_, out, _) = machine.run(["doctor"]);
    assert!(out.contains(&format!("ok     127.0.0.1:{port} (pid {pid}, ")), "{out}");
}

#[test]
fn a2_abstract_names_with_line_breaks_imitate_no_socket() {
    let machine = Machine::with(&[]);
    let config = machine.folder().join("h.cfg");
    let name = format!("hp{}", std::process::id());
    write_config(&config, &format!("stats socket abnsz@{name} level admin"));
    let imitation = |inode: &str| format!("y\n0000000000000000: 00000002 00000000 00010000 0001 01 {inode} @{name}");
    let is_listed =
        |text: String| move || fs::read("/proc/net/unix").unwrap().windows(text.len()).any(|at| at == text.as_bytes());
    // HAProxy does not listen on this name. A stranger lists one of HAProxy's other sockets under it.
    let other = format!("other{name}");
    start_perl(&machine, 0, &listen_on(&other), Some(&config), is_listed(format!("@{other}")));
    let inode = listed_inode(&format!("@{other}")).unwrap();
    start_perl(&machine, STRANGER, &listen_on(&imitation(&inode)), None, is_listed(format!("{inode} @{name}")));
    let (_, out, _) = machine.run(["doctor"]);
    assert!(out.contains(&format!("skipped: abnsz@{name}: another process listens on it")), "{out}");
    // HAProxy listens on the name, and a stranger adds a line with the same name.
    let machine = Machine::with(&[]);
    let pid = start_perl(&machine, 0, &listen_on(&name), Some(&config), || listed_inode(&format!("@{name}")).is_some());
    start_perl(&machine, STRANGER, &listen_on(&imitation("99")), None, is_listed(format!(" 99 @{name}")));
    let (_, out, _) = machine.run(["doctor"]);
    assert!(out.contains(&format!("ok     abnsz@{name} (pid {pid}, ")), "{out}");
}

#[test]
fn v3_process_of_a_stranger_is_no_old_process() {
    let lab = Lab::builder().start();
    let machine = Machine::with(&[]);
    // A program that belongs to root and has the setuid bit: its effective user is root.
    let program = machine.folder().join("setuid/haproxy");
    fs::create_dir(program.parent().unwrap()).unwrap();
    let source = program.with_extension("c");
    fs::write(&source, "#include <unistd.h>\nint main() { for (;;) pause(); }\n").unwrap();
    let compiled = Command::new("cc").arg("-o").args([&program, &source]).status().unwrap();
    assert!(compiled.success());
    fs::set_permissions(&program, Permissions::from_mode(0o4755)).unwrap();
    let mut command = Command::new(&program);
    command.arg("-f").arg(lab.config_file());
    let setuid = machine.start(STRANGER, command, || true);
    support::wait_until("the program to have two users", || {
        let status = fs::read_to_string(format!("/proc/{setuid}/status")).unwrap();
        status.contains(&format!("Uid:\t{STRANGER}\t0\t0\t0"))
    });
    machine.start_imposter(STRANGER, [OsStr::new("-f"), lab.config_file().as_os_str()]);
    // A program of root that is not HAProxy.
    let mut command = Command::new("sh");
    std::os::unix::process::CommandExt::arg0(&mut command, "haproxy");
    command.args(["-c", "while :; do sleep 1000; done", "-f"]).arg(lab.config_file());
    machine.start(0, command, || true);
    lab.reload();
    machine.add(&lab);
    let (code, out, err) = machine.run(["drain", "be1/s1", "--yes", "--force", "--wait", "2m", "-i", "0.1"]);
    assert!(code == 0 && !out.contains("old process") && !err.contains("kill"), "{code}: {out}{err}");
}

#[test]
fn v3_links_of_strangers_lead_to_no_master_socket() {
    let machine = Machine::with(&[]);
    let shared = machine.folder().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(0o1777)).unwrap();
    let (config, socket) = (machine.folder().join("h.cfg"), shared.join("admin.sock"));
    write_config(&config, &format!("stats socket {} level admin", socket.display()));
    machine.start_haproxy(0, &config, &socket);
    // A socket of another program of root, which does not reply.
    let silent = machine.folder().join("silent.sock");
    let listener = UnixListener::bind(&silent).unwrap();
    for number in 1..=4 {
        let link = shared.join(format!("master{number}"));
        symlink(&silent, &link).unwrap();
        lchown(&link, Some(STRANGER), Some(STRANGER)).unwrap();
    }
    let (code, out, err) = machine.run(["drain", "be1/s1", "--yes", "--force", "--wait", "2m", "-i", "0.1"]);
    assert_eq!(code, 0, "{out}{err}");
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nothing connected");
}
