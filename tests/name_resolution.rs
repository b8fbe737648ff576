//! Targets whose host name cannot be resolved. The name servers are real UDP sockets; hapulse uses them in a mount
//! namespace of its own, with its own `/etc/resolv.conf`, whose time limit is much longer than the tests wait.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use support::launch::TermBuilder;
use support::machine::require_root;
use support::{Term, wait_until};
use tempfile::TempDir;

const TARGET: &str = "lb1.example:9999";

/// A name server that never answers, or denies that any name exists.
struct NameServer {
    folder: TempDir,
    queries: Arc<AtomicUsize>,
}

impl NameServer {
    fn start(denies_names: bool) -> Self {
        require_root();
        let probe = Command::new("unshare").args(["--mount", "true"]).output().unwrap();
        let needs =
            "this test needs mount namespaces; in a container: --cap-add SYS_ADMIN --security-opt apparmor=unconfined";
        assert!(probe.status.success(), "{needs}: {}", String::from_utf8_lossy(&probe.stderr));
        let [.., high, low] = std::process::id().to_be_bytes();
        let bind = |third: u8| UdpSocket::bind((Ipv4Addr::new(127, high, low, third), 53)).ok();
        let socket = (1..=254).find_map(bind).expect("root may listen on port 53 of a loopback address");
        let folder = tempfile::tempdir().unwrap();
        let ip = socket.local_addr().unwrap().ip();
        let resolver = format!("nameserver {ip}\noptions timeout:30 attempts:5\n");
        fs::write(folder.path().join("resolv.conf"), resolver).unwrap();
        fs::write(folder.path().join("nsswitch.conf"), "hosts: files dns\n").unwrap();
        let queries = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&queries);
        // Ends with the test program.
        thread::spawn(move || {
            let mut query = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut query) {
                counter.fetch_add(1, Ordering::SeqCst);
                if denies_names {
                    // A response, with recursion, without such a name.
                    query[2..4].copy_from_slice(&[0x81, 0x83]);
                    socket.send_to(&query[..length], client).unwrap();
                }
            }
        });
        Self { folder, queries }
    }

    /// Returns the arguments of `unshare` that run hapulse with this name server.
    fn arguments(&self) -> [String; 7] {
        let folder = self.folder.path().display();
        let script = format!(
            "mount --bind {folder}/resolv.conf /etc/resolv.conf && mount --bind {folder}/nsswitch.conf /etc/nsswitch.conf && exec \"$@\""
        );
        let words = ["--mount", "--propagation", "private", "sh", "-c", &script, "sh"];
        words.map(str::to_owned)
    }

    /// Runs hapulse and returns exit code, standard output and standard error.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new("unshare");
        command.args(self.arguments()).arg(env!("CARGO_BIN_EXE_hapulse")).args(args);
        command.env("HOME", self.folder.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        wait_until(&format!("{args:?} to end before the resolver does"), || child.try_wait().unwrap().is_some());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn term(&self, args: &[&str]) -> TermBuilder {
        let hapulse = env!("CARGO_BIN_EXE_hapulse");
        Term::program("unshare").args(self.arguments()).args([hapulse]).args(args).size(120, 30)
    }
}

#[test]
fn a17_every_command_ends_at_its_limit_while_name_server_is_silent() {
    let server = NameServer::start(false);
    let reason = "cannot resolve lb1.example: no answer within 1 s";
    for (args, expected_code) in [
        (["check", "-t", TARGET].as_slice(), 3),
        (&["check", TARGET, "--over", "1s"], 3),
        (&["show", TARGET], 3),
        (&["get", "CurrConns", "-t", TARGET], 3),
        (&["watch", "--count", "1", TARGET], 3),
        (&["doctor", TARGET], 1),
        (&["drain", "be/s1", "--yes", "--target", TARGET], 3),
    ] {
        let before = server.queries.load(Ordering::SeqCst);
        let (code, out, err) = server.run(args);
        assert_eq!(code, expected_code, "{args:?}: {out}{err}");
        assert!(format!("{out}{err}").contains(reason), "{args:?}: {out}{err}");
        assert!(server.queries.load(Ordering::SeqCst) > before, "{args:?}: the name server was not asked");
    }
    let (_, out, _) = server.run(&["check", "-t", TARGET]);
    assert!(out.contains("/etc/resolv.conf"), "{out}");
}

#[test]
fn a17_dashboard_reports_silent_name_server_and_quits() {
    let server = NameServer::start(false);
    let mut term = server.term(&[TARGET]).start();
    term.wait_for("cannot resolve lb1.example");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
    let mut term = server.term(&[TARGET]).start();
    term.wait_for("cannot resolve lb1.example");
    term.signal("TERM");
    assert_eq!(term.exit_code(), 128 + 15);
}

#[test]
fn a17_unknown_name_is_reported_as_such() {
    let server = NameServer::start(true);
    let (code, out, err) = server.run(&["check", "-t", TARGET]);
    assert_eq!((code, err.as_str()), (3, ""), "{out}");
    assert!(out.contains("cannot resolve lb1.example: name or service not known"), "{out}");
    assert!(out.contains("getent hosts lb1.example"), "{out}");
}
