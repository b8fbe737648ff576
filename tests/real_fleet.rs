//! Several real HAProxies in one table: roles before, during and after a failover of keepalived between two network
//! namespaces, differences between balancers, and balancers that do not answer. Needs root and keepalived, which
//! `tests/run deps` installs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use script::Script;
use serde_json::Value;
use support::{Lab, Term, machine, process, wait_until};

/// The address that moves.
const SHARED: &str = "10.77.0.100";

fn run(program: &str, args: &str) -> String {
    let output = Command::new(program).args(args.split(' ')).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; tests/run installs it"));
    assert!(output.status.success(), "{program} {args}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn installed(name: &str) -> PathBuf {
    let found = ["/usr/sbin", "/sbin", "/usr/bin"].map(|folder| Path::new(folder).join(name));
    found
        .into_iter()
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed; tests/run installs it"))
}

/// A network namespace with a HAProxy and a keepalived.
struct Balancer {
    namespace: String,
    socket: PathBuf,
    haproxy: Child,
    keepalived: Child,
}

impl Balancer {
    fn inside(namespace: &str, program: &Path) -> Command {
        let mut command = Command::new(installed("ip"));
        command.args(["netns", "exec", namespace]).arg(program).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null());
        command
    }

    fn start(folder: &Path, namespace: &str, priority: u32) -> Self {
        let socket = folder.join(format!("{namespace}.sock"));
        let config = folder.join(format!("{namespace}.cfg"));
        let text = format!(
            "global\n  stats socket {} mode 666 level admin\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 5m\n\
             \x20 timeout server 5m\nfrontend fe\n  bind *:8080\n  default_backend be\nbackend be\n  server s1 127.0.0.1:9000\n\
             listen answer\n  mode http\n  bind 127.0.0.1:9000\n  timeout http-request 5m\n  http-request return status 200\n",
            socket.display()
        );
        fs::write(&config, text).unwrap();
        let mut command = Self::inside(namespace, &process::haproxy());
        let haproxy = command.arg("-f").arg(&config).arg("-db").spawn().unwrap();
        let mut balancer = Self {
            namespace: namespace.to_owned(),
            socket,
            haproxy,
            keepalived: Self::keepalived(folder, namespace, priority),
        };
        let socket = balancer.socket.clone();
        wait_until("HAProxy answers", || {
            assert!(balancer.haproxy.try_wait().unwrap().is_none(), "HAProxy ended");
            socket.exists()
        });
        balancer
    }

    fn keepalived(folder: &Path, namespace: &str, priority: u32) -> Child {
        let config = folder.join(format!("{namespace}.keepalived.conf"));
        let text = format!(
            "vrrp_instance VI_1 {{\n  state BACKUP\n  interface {namespace}v\n  virtual_router_id 51\n  priority {priority}\n\
             \x20 advert_int 1\n  virtual_ipaddress {{\n    {SHARED}/24\n  }}\n}}\n"
        );
        fs::write(&config, text).unwrap();
        let mut command = Self::inside(namespace, &installed("keepalived"));
        let pid_files = ["-p", "-r"].map(|flag| (flag, folder.join(format!("{namespace}{flag}.pid"))));
        for (flag, path) in &pid_files {
            command.arg(flag).arg(path);
        }
        command.args(["-n", "-l", "-P"]).arg("-f").arg(&config).spawn().unwrap()
    }

    fn holds_address(&self) -> bool {
        run("ip", &format!("-n {} -4 addr show", self.namespace)).contains(SHARED)
    }

    /// Ends keepalived, which gives the address away.
    fn stop_keepalived(&mut self) {
        process::signal(self.keepalived.id(), "TERM");
        self.keepalived.wait().unwrap();
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        for child in [&mut self.keepalived, &mut self.haproxy] {
            process::kill_with_children(child);
        }
        let _ = Command::new("ip").args(["netns", "delete", &self.namespace]).status();
    }
}

/// Two balancers on one network, of which the first holds the address.
struct VrrpPair {
    first: Balancer,
    second: Balancer,
    folder: tempfile::TempDir,
}

impl VrrpPair {
    fn start() -> Self {
        machine::require_root();
        let folder = tempfile::tempdir().unwrap();
        run("chmod", &format!("755 {}", folder.path().display()));
        let names = ["a", "b"].map(|end| format!("h{}{end}", std::process::id()));
        let links = names.clone().map(|name| format!("{name}v"));
        for name in &names {
            run("ip", &format!("netns add {name}"));
        }
        run(
            "ip",
            &format!("link add {} netns {} type veth peer name {} netns {}", links[0], names[0], links[1], names[1]),
        );
        for (number, (name, link)) in names.iter().zip(&links).enumerate() {
            run("ip", &format!("-n {name} addr add 10.77.0.{}/24 dev {link}", number + 1));
            run("ip", &format!("-n {name} link set lo up"));
            run("ip", &format!("-n {name} link set {link} up"));
        }
        let first = Balancer::start(folder.path(), &names[0], 150);
        wait_until("the first balancer holds the address", || first.holds_address());
        let second = Balancer::start(folder.path(), &names[1], 100);
        Self { first, second, folder }
    }

    fn targets(&self) -> [String; 2] {
        [("lb01", &self.first), ("lb02", &self.second)].map(|(name, it)| format!("{name}={}", it.socket.display()))
    }

    /// Returns name, role and source of each balancer that `hapulse show balancers` prints as this user.
    fn roles(&self, user: u32) -> Vec<[String; 3]> {
        let binary = self.folder.path().join("hapulse");
        if !binary.exists() {
            fs::copy(env!("CARGO_BIN_EXE_hapulse"), &binary).unwrap();
        }
        let mut command = Command::new(binary);
        command.args(["show", "balancers", "--format", "json", "--over", "0"]).args(self.targets());
        command.env_clear().env("HOME", "/nonexistent").uid(user).gid(user);
        let output = command.output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{out}{err}");
        let text = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
        let mut roles: Vec<[String; 3]> = out
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .map(|line| [&line["instance"], &line["balancer"]["role"], &line["balancer"]["source"]].map(text))
            .collect();
        roles.sort();
        roles
    }
}

/// Returns the line of a balancer on the screen.
fn row<'a>(screen: &'a str, name: &str) -> &'a str {
    screen
        .lines()
        .find(|line| line.trim_start_matches(['>', '▶', '●', '▲', '◌', '✖', ' ']).starts_with(name))
        .unwrap_or("")
}

fn shows_roles(screen: &str, first: &str, second: &str) -> bool {
    row(screen, "lb01").contains(first) && row(screen, "lb02").contains(second)
}

#[test]
fn roles_are_right_before_during_and_after_a_failover() {
    let mut pair = VrrpPair::start();
    let role = |name: &str, role: &str| [name.to_owned(), role.to_owned(), "address".to_owned()];
    for user in [0, 65_534] {
        assert_eq!(pair.roles(user), [role("lb01", "active"), role("lb02", "standby")], "user {user}");
    }
    let mut term = Term::builder().args(["-i", "0.3"]).args(pair.targets()).size(160, 40).start();
    term.wait_for("ADMIN");
    term.press("L");
    term.wait_until(|screen| shows_roles(screen, "active", "standby"));
    // A client whose connection does not move with the address.
    let mut client = Balancer::inside(&pair.second.namespace, &installed("socat"));
    let mut client = client.stdin(Stdio::piped()).args(["-", &format!("TCP:{SHARED}:8080")]).spawn().unwrap();
    let script = Script::new();
    wait_until("the connection is open", || {
        let sessions = script.run(&pair.first.socket, "show status --columns scur --filter kind:frontend");
        sessions.out.lines().any(|line| line.starts_with("fe ") && line.ends_with('1'))
    });
    pair.first.stop_keepalived();
    wait_until("the second balancer holds the address", || pair.second.holds_address());
    term.wait_until(|screen| shows_roles(screen, "standby", "active"));
    assert_eq!(pair.roles(65_534), [role("lb01", "standby"), role("lb02", "active")]);
    // The cause, in the row and on the dashboard of the balancer that lost the address.
    term.wait_for("lost in a failover");
    // The event of both.
    term.press("9");
    term.wait_for("role active → standby: does not hold 10.77.0.100 (address)");
    term.press("o");
    term.wait_for("role standby → active: holds 10.77.0.100 (address)");
    // keepalived crashes: its address stays, and another balancer takes it as well.
    term.press("L");
    let screen = term.wait_for("lb02");
    assert!(!screen.contains("split brain"), "the address only moved\n{screen}");
    pair.first.keepalived = Balancer::keepalived(pair.folder.path(), &pair.first.namespace, 150);
    term.wait_until(|screen| shows_roles(screen, "active", "standby"));
    process::kill_with_children(&mut pair.first.keepalived);
    wait_until("both hold the address", || pair.second.holds_address() && pair.first.holds_address());
    // Both own it, which is a cause on both, and doctor finds it.
    term.wait_until(|screen| screen.matches("CRIT process: 10.77.0.100 is also on another balancer").count() >= 1);
    let output = Script::new().command_without_target("doctor").args(pair.targets()).output().unwrap();
    let doctor = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(doctor.matches("WRONG  10.77.0.100 is also on the balancer of ").count(), 2, "{doctor}");
    pair.first.keepalived = Balancer::keepalived(pair.folder.path(), &pair.first.namespace, 50);
    term.wait_until(|screen| shows_roles(screen, "standby", "active"));
    client.kill().unwrap();
    client.wait().unwrap();
    term.press("q");
}

#[test]
fn balancers_differ_where_they_should_be_equal() {
    let labs = [Lab::builder().servers(2).start(), Lab::builder().servers(2).start()];
    let targets = ["lb01", "lb02"].iter().zip(&labs).map(|(name, lab)| format!("{name}={}", lab.admin().display()));
    let targets: Vec<String> = targets.collect();
    let script = Script::new();
    assert_eq!(script.run(labs[1].admin(), "maint be1/s2 -y").code, 0);
    support::send_command_to(labs[1].admin(), "set server be1/s1 weight 50%").unwrap();
    let show = |format: &str| {
        let mut command = script.command_without_target(&format!("show balancers --over 0 --format {format}"));
        let output = command.args(&targets).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    };
    let (json, code) = show("json");
    assert_eq!(code, Some(0), "{json}");
    let second =
        json.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).find(|it| it["instance"] == "lb02");
    let second = second.unwrap();
    let differences = second["balancer"]["differences"].as_array().unwrap();
    let values = |kind: &str, subject: &str| {
        let found = differences.iter().find(|one| one["kind"] == kind && one["subject"] == subject);
        found.map(|one| (one["value"].as_str().unwrap().to_owned(), one["peers"].as_str().unwrap().to_owned()))
    };
    assert_eq!(values("state", "be1/s2"), Some(("MAINT".to_owned(), "UP on lb01".to_owned())), "{differences:?}");
    let weight = values("weight", "be1/s1").unwrap_or_else(|| panic!("{differences:?}"));
    assert!(weight.1.ends_with(" on lb01"), "{weight:?}");
    assert_eq!((values("state", "be1/s1"), values("version", "HAProxy")), (None, None), "{differences:?}");
    let (table, _) = show("table");
    assert!(table.starts_with("BALANCER") && table.contains("lb02: state be1/s2: MAINT here, UP on lb01"), "{table}");
    let (csv, _) = show("csv");
    assert!(csv.starts_with("name,role,source,status,version,") && csv.lines().count() == 3, "{csv}");

    let mut term = Term::builder().args(["-i", "0.3"]).args(&targets).size(160, 40).start();
    term.wait_for("ADMIN");
    term.press("L");
    term.wait_for("state be1/s2: MAINT here, UP on lb01");
    // A balancer that does not answer keeps its row, with the reason and without numbers.
    labs[0].kill();
    term.wait_until(|screen| row(screen, "lb01").contains("no reply for") && !row(screen, "lb01").contains('%'));
    assert!(row(&term.screen(), "lb02").contains(" up") || !row(&term.screen(), "lb02").is_empty());
    let (csv, code) = show("csv");
    let lost = csv.lines().find(|line| line.starts_with("lb01,")).unwrap();
    assert_eq!((code, lost.split(',').nth(3)), (Some(3), Some("lost")), "{csv}");
    // The filter, and the way to a balancer and back to the view before.
    term.press("/status:lost<ret>");
    term.wait_until(|screen| row(screen, "lb02").is_empty() && !row(screen, "lb01").is_empty());
    term.press("<esc>");
    term.wait_until(|screen| !row(screen, "lb02").is_empty());
    term.press("G<ret>");
    term.wait_for("lb02");
    term.wait_gone("WHAT IS WRONG");
    term.press("q");
}

#[test]
fn one_balancer_says_how_to_name_more_and_plain_lists_all() {
    let lab = Lab::builder().servers(1).start();
    let mut term = Term::builder().args([lab.admin()]).size(80, 24).start();
    term.wait_for("ADMIN");
    term.press("L");
    term.wait_for("one balancer only: name more");
    term.press("L");
    term.wait_gone("one balancer only");
    term.press("q");
    let script = Script::new();
    let mut command = script.command(lab.admin(), "--plain");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"balancers\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("role unknown. HAProxy ") && text.contains("drift: unknown."), "{text}");
}
