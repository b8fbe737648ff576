//! The daily events of a healthy HAProxy raise no alarm: reloads, maintenance, deploys, scaling, DNS changes, agents, slow
//! starts, clients that send late or reset. Errors that a reload could hide are found all the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use script::{RunningCommand, Script};
use serde_json::Value;
use support::{Agent, CannedReplies, FakeSocket, Lab, NameServer, ServerBehavior, Term, Traffic, wait_until};

/// A HAProxy whose problems are read twice per second.
struct AlarmWatch {
    running: RunningCommand,
}

impl AlarmWatch {
    fn start(lab: &Lab) -> Self {
        let running = Script::new().start(lab.admin(), "watch --view problems -i 0.5");
        let watch = Self { running };
        watch.wait_samples(2);
        watch
    }

    fn lines(&self) -> Vec<Value> {
        let out = self.running.out();
        // The last line may be incomplete.
        out.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(|line| line.parse().unwrap()).collect()
    }

    /// Waits for this number of further samples.
    fn wait_samples(&self, count: usize) {
        let before = self.lines().len();
        wait_until("samples", || self.lines().len() >= before + count);
    }

    /// Waits for longer than most hold times.
    fn wait_hold_times(&self) {
        self.wait_samples(24);
    }

    /// Returns every problem of every sample so far: severity, rule and row.
    fn alarms(&self) -> BTreeSet<String> {
        let lines = self.lines();
        let problems = lines.iter().filter_map(|line| line["problems"].as_array()).flatten();
        let word = |problem: &Value, key: &str| problem[key].as_str().unwrap_or_default().to_owned();
        problems
            .map(|problem| ["severity", "rule", "pxname", "svname"].map(|key| word(problem, key)).join(" "))
            .collect()
    }

    #[track_caller]
    fn assert_no_alarm(&self) {
        assert_eq!(self.alarms(), BTreeSet::new());
    }
}

/// Clients of a TCP frontend, each in an endless loop until dropped.
struct TcpClients {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl TcpClients {
    fn start(addr: SocketAddr, count: usize, use_connection: fn(TcpStream)) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..count)
            .map(|_| {
                let stop = Arc::clone(&stop);
                thread::spawn(move || {
                    while !stop.load(Ordering::SeqCst) {
                        match TcpStream::connect(addr) {
                            Ok(stream) => use_connection(stream),
                            Err(_) => thread::sleep(Duration::from_millis(10)),
                        }
                    }
                })
            })
            .collect();
        Self { stop, threads }
    }
}

impl Drop for TcpClients {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Sends a request, and reads the response.
fn send_once(mut stream: TcpStream) {
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n");
    let _ = stream.read(&mut [0; 64]);
}

/// Sends a request 700 ms after connecting, and reads the response.
fn send_late(stream: TcpStream) {
    thread::sleep(Duration::from_millis(700));
    send_once(stream);
}

/// Reads a response and ends the connection with a reset.
fn reset_after_response(mut stream: TcpStream) {
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n");
    let _ = stream.read(&mut [0; 64]);
    reset(stream);
    thread::sleep(Duration::from_millis(20));
}

/// Ends the connection with a reset before any data, as health checks of other load balancers do.
fn reset_at_once(stream: TcpStream) {
    reset(stream);
    thread::sleep(Duration::from_millis(20));
}

fn reset(stream: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    drop(stream);
}

/// A TCP frontend that waits for the first data of a client, as an SNI router does.
fn tcp_lab(servers: usize) -> Lab {
    let lab = Lab::builder().servers(servers).checks().defaults("mode tcp").start();
    lab.edit(|config| {
        let rules = "    tcp-request inspect-delay 5s\n    tcp-request content accept if { req.len gt 0 }\n";
        config.replace("frontend fe1\n", &format!("frontend fe1\n{rules}"))
    });
    lab.restart();
    lab
}

fn wait_up(lab: &Lab, servers: &[&str]) {
    for server in servers {
        lab.wait_stat("be1", server, "status", |status| status == "UP");
    }
}

fn light_traffic(lab: &Lab) -> support::traffic::RunningTraffic {
    Traffic::to(lab.frontend_addr()).pause(Duration::from_millis(20)).start()
}

#[test]
fn w1_check_finds_errors_although_haproxy_is_reloaded() {
    let lab = Lab::builder().backend("http-request return status 503 if { rand(2) eq 0 }").start();
    let _traffic = light_traffic(&lab);
    let check = Script::new().start(lab.admin(), "check");
    thread::sleep(Duration::from_secs(6));
    lab.reload();
    let result = check.wait();
    assert_eq!(result.code, 2, "{result:#?}");
    assert!(result.out.starts_with("HAPULSE CRITICAL - ") && result.out.contains("5xx"), "{result:#?}");
}

#[test]
fn w1_errors_are_found_although_haproxy_is_reloaded_every_three_seconds() {
    let lab = Lab::builder().backend("http-request return status 503 if { rand(2) eq 0 }").start();
    let _traffic = light_traffic(&lab);
    let watch = AlarmWatch::start(&lab);
    let is_found = || watch.alarms().contains("CRIT backend-5xx be1 BACKEND");
    let mut reloads = 0;
    wait_until("the 5xx to be found", || {
        watch.wait_samples(6);
        lab.reload();
        reloads += 1;
        is_found()
    });
    // The problem stays open during the next reloads.
    let found = watch.lines().len();
    for _ in 0..3 {
        watch.wait_samples(6);
        lab.reload();
    }
    for line in &watch.lines()[found..] {
        let is_open = line["problems"].as_array().is_some_and(|all| all.iter().any(|one| one["rule"] == "backend-5xx"));
        assert!(is_open || line.get("lost").is_some(), "{line}");
    }
}

#[test]
fn w2_tcp_clients_that_send_late_are_no_queue() {
    let lab = tcp_lab(2);
    wait_up(&lab, &["s1", "s2"]);
    let watch = AlarmWatch::start(&lab);
    let _clients = TcpClients::start(lab.frontend_addr(), 3, send_late);
    lab.wait_stat("be1", "BACKEND", "qtime", |time| time.parse::<u64>().is_ok_and(|time| time > 500));
    watch.wait_hold_times();
    watch.assert_no_alarm();
    assert_eq!(lab.stat("be1", "BACKEND", "qmax"), "0");
}

#[test]
fn w2_queue_of_tcp_backend_is_found() {
    let slow = ServerBehavior::Slow(Duration::from_secs(1));
    let lab = Lab::builder().servers(1).maxconn(1).server_behavior("be1/s1", slow).defaults("mode tcp").start();
    let watch = AlarmWatch::start(&lab);
    let _clients = TcpClients::start(lab.frontend_addr(), 4, send_once);
    wait_until("the queue to be found", || watch.alarms().iter().any(|alarm| alarm.ends_with(" queue be1 BACKEND")));
}

#[test]
fn w11_silences_and_thresholds_apply_by_pattern() {
    let builder = Lab::builder().backends(2).servers(1).checks();
    let lab = builder
        .server_behavior("be1/s1", ServerBehavior::Closed)
        .server_behavior("be2/s1", ServerBehavior::Closed)
        .start();
    for backend in ["be1", "be2"] {
        lab.wait_stat(backend, "BACKEND", "status", |status| status == "DOWN");
    }
    let script = Script::new();
    let check = || script.run(lab.admin(), "check --over 2s");
    assert_eq!(check().code, 2);
    script.configure(
        "[silences]\n\"*\" = [\"be1\"]\nbackend-down = [\"be?\"]\nserver-down = \"be2/*\"\n\
         [thresholds]\n\"no-backend-available\" = \"off\"\n",
    );
    let result = check();
    assert_eq!(
        (result.code, result.out.contains("silenced by the configuration: 4 problems")),
        (0, true),
        "{result:#?}"
    );
    let shown = script.run(lab.admin(), "show problems");
    assert!(shown.out.contains("silenced: CRIT backend be1: no server available"), "{shown:#?}");
    script.configure(
        "[thresholds]\nno-backend-available = \"off\"\n\"backend-down@be1\" = \"off\"\n\"server-down@be*/s1\" = \"off\"\n",
    );
    let result = check();
    assert!(result.code == 2 && result.out.contains("backend be2: no server"), "{result:#?}");
    assert!(!result.out.contains("be1"), "{result:#?}");
    for (text, message) in [
        (
            "[silences]\n\nbackend-dwn = [\"be1\"]\n",
            "config.toml:3:15: unknown rule \"backend-dwn\"; did you mean backend-down",
        ),
        (
            "[silences]\nbackend-down = [\"be 1\"]\n",
            "config.toml:2:16: \"be 1\" is not a pattern for names: write PROXY",
        ),
        ("[silences]\nbackend-down = 3\n", "config.toml:2:16: silences.backend-down: expected a list of patterns"),
        (
            "[thresholds]\n\"backend-dwn@be1\" = \"off\"\n",
            "config.toml:2:21: unknown rule \"backend-dwn\"; did you mean",
        ),
        ("[thresholds]\n\"idle@be1\" = \"off\"\n", "config.toml:2:14: idle is a rule of the process"),
    ] {
        script.configure(text);
        let result = check();
        assert!(result.code == 3 && result.out.contains(message), "{message}\n{result:#?}");
    }
}

#[test]
fn w11_dashboard_lists_silenced_problems_after_the_others() {
    let lab = Lab::builder().servers(1).checks().server_behavior("be1/s1", ServerBehavior::Closed).start();
    lab.wait_stat("be1", "BACKEND", "status", |status| status == "DOWN");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    std::fs::write(&config, "[silences]\n\"*\" = [\"be1\"]\n").unwrap();
    let mut term = Term::builder().args(["--config"]).args([&config]).args([lab.admin()]).size(120, 40).start();
    term.wait_for("live");
    term.press("!");
    let screen = term.wait_for("silenced: backend-down: no server available: 1 down");
    assert!(!screen.contains("CRIT be1"), "the header shows no silenced problem\n{screen}");
}

#[test]
fn w18_own_and_foreign_maintenance_raises_no_alarm() {
    let lab = Lab::builder().servers(4).checks().start();
    wait_up(&lab, &["s1", "s2", "s3", "s4"]);
    let _traffic = light_traffic(&lab);
    let watch = AlarmWatch::start(&lab);
    let script = Script::new();
    for action in ["maint", "ready", "drain", "ready"] {
        let result = script.run(lab.admin(), &format!("{action} be1/s1 --yes --force"));
        assert_eq!(result.code, 0, "{result:#?}");
        watch.wait_samples(2);
    }
    for state in ["maint", "ready", "drain", "ready", "maint", "drain", "ready"] {
        lab.send_command(&format!("set server be1/s2 state {state}"));
        watch.wait_samples(2);
    }
    // In and out between two samples.
    for _ in 0..3 {
        lab.send_command("disable server be1/s3");
        lab.send_command("enable server be1/s3");
        watch.wait_samples(1);
    }
    watch.wait_samples(4);
    watch.assert_no_alarm();
    let counted: i64 = lab.stat("be1", "s3", "chkdown").parse().unwrap();
    assert!(counted >= 3, "HAProxy counts maintenance: {counted}");
}

#[test]
fn w18_rolling_deploy_raises_no_alarm() {
    let lab = Lab::builder().servers(4).checks().start();
    wait_up(&lab, &["s1", "s2", "s3", "s4"]);
    let _traffic = light_traffic(&lab);
    let watch = AlarmWatch::start(&lab);
    for (server, order) in [("s1", "drain"), ("s2", "maint"), ("s3", "drain")] {
        lab.send_command(&format!("set server be1/{server} state {order}"));
        watch.wait_samples(2);
        lab.set_server_behavior(&format!("be1/{server}"), ServerBehavior::Closed);
        if order == "drain" {
            lab.wait_stat("be1", server, "status", |status| status == "DOWN");
        }
        watch.wait_samples(2);
        lab.set_server_behavior(&format!("be1/{server}"), ServerBehavior::Ok);
        if order == "drain" {
            lab.wait_stat("be1", server, "status", |status| status == "DRAIN");
        }
        watch.wait_samples(2);
        lab.send_command(&format!("set server be1/{server} state ready"));
        lab.wait_stat("be1", server, "status", |status| status == "UP");
        watch.wait_samples(2);
    }
    watch.wait_samples(4);
    watch.assert_no_alarm();
}

#[test]
fn w18_drained_server_that_is_set_ready_while_it_is_down_is_reported() {
    let lab = Lab::builder().servers(4).checks().start();
    wait_up(&lab, &["s1", "s2", "s3", "s4"]);
    let watch = AlarmWatch::start(&lab);
    lab.send_command("set server be1/s1 state drain");
    watch.wait_samples(2);
    lab.set_server_behavior("be1/s1", ServerBehavior::Closed);
    lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    lab.wait_stat("be1", "s1", "lastchg", |seconds| seconds.parse::<u32>().is_ok_and(|seconds| seconds >= 5));
    watch.wait_samples(2);
    watch.assert_no_alarm();
    // HAProxy reports DOWN as before, and since 3.0 the same time of the last change.
    lab.send_command("set server be1/s1 state ready");
    wait_until("the server to be reported", || watch.alarms().contains("WARN server-down be1 s1"));
}

#[test]
fn w18_server_that_really_goes_down_is_found() {
    let lab = Lab::builder().servers(4).checks().start();
    wait_up(&lab, &["s1"]);
    let watch = AlarmWatch::start(&lab);
    // Maintenance before does not hide it.
    lab.send_command("set server be1/s1 state maint");
    watch.wait_samples(2);
    lab.send_command("set server be1/s1 state ready");
    for _ in 0..3 {
        lab.wait_stat("be1", "s1", "status", |status| status == "UP");
        watch.wait_samples(2);
        lab.set_server_behavior("be1/s1", ServerBehavior::Closed);
        lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
        watch.wait_samples(2);
        lab.set_server_behavior("be1/s1", ServerBehavior::Ok);
    }
    wait_until("the flap to be found", || watch.alarms().contains("CRIT flapping be1 s1"));
}

#[test]
fn w19_server_that_was_never_up_is_no_flap() {
    let lab = Lab::builder().servers(4).checks().server_behavior("be1/s1", ServerBehavior::Closed).start();
    let watch = AlarmWatch::start(&lab);
    for _ in 0..3 {
        lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
        watch.wait_samples(3);
        lab.reload();
    }
    lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    watch.wait_samples(3);
    assert_eq!(watch.alarms(), BTreeSet::from(["WARN server-down be1 s1".to_owned()]));
}

#[test]
fn w27_backup_server_that_is_down_degrades_nothing() {
    let lab = Lab::builder()
        .servers(3)
        .checks()
        .server_option("be1/s3", "backup")
        .server_behavior("be1/s3", ServerBehavior::Closed)
        .start();
    let watch = AlarmWatch::start(&lab);
    lab.wait_stat("be1", "s3", "status", |status| status == "DOWN");
    watch.wait_samples(4);
    watch.assert_no_alarm();
    // It matters once it would be needed.
    for server in ["s1", "s2"] {
        lab.set_server_behavior(&format!("be1/{server}"), ServerBehavior::Closed);
    }
    wait_until("the backup server to be reported", || watch.alarms().contains("WARN server-down be1 s3"));
}

#[test]
fn v9_reload_with_shared_counters_is_no_reset() {
    let lab = Lab::builder().start();
    Traffic::to(lab.frontend_addr()).send(20);
    let commands = ["show info", "show stat", "show cli level"];
    let replies = CannedReplies::record(&lab, &commands);
    let fake = FakeSocket::with_replies(replies.clone());
    let term = Term::builder().args(["-i", "0.2"]).args([fake.path()]).size(120, 40).start();
    term.wait_for("live");
    let old = lab.pid();
    let info = String::from_utf8(replies.reply_to("show info")).unwrap();
    let reloaded = info.replace(&format!("\nPid: {old}\n"), &format!("\nPid: {}\n", old + 1));
    fake.set_behavior(FakeSocket::replying(replies.on("show info", reloaded)));
    let screen = term.wait_for(&format!("reloaded: pid {old} → {}", old + 1));
    assert!(!screen.contains("counters were reset"), "{screen}");
    drop(term);
    // The counters of a new process start at 0.
    let term = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(120, 40).start();
    term.wait_for("live");
    lab.reload();
    term.wait_for("counters were reset");
}

#[test]
fn reloads_and_restarts_raise_no_alarm() {
    let lab = Lab::builder().backends(2).servers(3).checks().start();
    let _traffic = light_traffic(&lab);
    let watch = AlarmWatch::start(&lab);
    for round in 0..6 {
        if round == 3 {
            lab.restart();
        } else {
            lab.reload();
        }
        watch.wait_samples(3);
    }
    watch.wait_samples(6);
    watch.assert_no_alarm();
}

#[test]
fn slow_start_raises_no_alarm() {
    let lab = Lab::builder().servers(3).checks().server_options("slowstart 8s").start();
    wait_up(&lab, &["s1", "s2", "s3"]);
    let _traffic = light_traffic(&lab);
    let watch = AlarmWatch::start(&lab);
    for server in ["s1", "s2"] {
        lab.send_command(&format!("set server be1/{server} state maint"));
        watch.wait_samples(2);
        lab.send_command(&format!("set server be1/{server} state ready"));
    }
    lab.wait_stat("be1", "s2", "throttle", |share| !share.is_empty());
    lab.wait_stat("be1", "s2", "throttle", |share| share.is_empty() || share == "100");
    watch.assert_no_alarm();
}

#[test]
fn drain_by_agent_raises_no_alarm() {
    let agent = Agent::start("up");
    let lab =
        Lab::builder().servers(4).checks().server_option("be1/s1", &agent.server_option_with_interval("200ms")).start();
    wait_up(&lab, &["s1", "s2"]);
    let _traffic = light_traffic(&lab);
    let watch = AlarmWatch::start(&lab);
    for (reply, status) in
        [("drain", "DRAIN"), ("up ready", "UP"), ("maint", "MAINT"), ("up ready", "UP"), ("10%", "UP")]
    {
        agent.set_reply(reply);
        lab.wait_stat("be1", "s1", "status", |shown| shown.starts_with(status));
        watch.wait_samples(3);
    }
    watch.assert_no_alarm();
}

#[test]
fn scaling_of_template_slots_raises_no_alarm() {
    let lab = Lab::builder()
        .servers(3)
        .checks()
        .backend("server-template web 40 127.0.0.1:1 check inter 200ms disabled")
        .start();
    wait_up(&lab, &["s1", "s2", "s3"]);
    let _traffic = light_traffic(&lab);
    let watch = AlarmWatch::start(&lab);
    let addr = lab.server("be1/s1").addr();
    for slot in 1..=40 {
        lab.send_command(&format!("set server be1/web{slot} addr {} port {}", addr.ip(), addr.port()));
        lab.send_command(&format!("set server be1/web{slot} state ready"));
    }
    lab.wait_stat("be1", "web40", "status", |status| status == "UP");
    watch.wait_samples(4);
    for slot in 1..=40 {
        lab.send_command(&format!("set server be1/web{slot} state maint"));
    }
    watch.wait_samples(4);
    watch.assert_no_alarm();
}

#[test]
fn dns_change_raises_no_alarm() {
    let lab = Lab::builder().servers(3).checks().start();
    let first = lab.server("be1/s1").addr();
    let SocketAddr::V4(first_v4) = first else { panic!("{first}") };
    let other = Ipv4Addr::new(127, 1, 2, 3);
    // The checks only connect, which the kernel accepts.
    let _listener = TcpListener::bind((other, first.port())).unwrap();
    let names = NameServer::start();
    names.set("app.lab", &[*first_v4.ip()]);
    lab.edit(|config| {
        let server = format!("server d1 app.lab:{} check inter 200ms resolvers r init-addr none weight 0", first.port());
        let resolvers = format!(
            "resolvers r\n    nameserver n {}\n    hold valid 200ms\n    timeout resolve 200ms\n    timeout retry 200ms\n",
            names.addr()
        );
        config.replace("    server s1 ", &format!("    {server}\n    server s1 ")) + &resolvers
    });
    lab.restart();
    lab.wait_stat("be1", "d1", "status", |status| status == "UP");
    let _traffic = light_traffic(&lab);
    let watch = AlarmWatch::start(&lab);
    for ip in [other, *first_v4.ip(), other] {
        names.set("app.lab", &[ip]);
        lab.wait_stat("be1", "d1", "addr", |addr| addr == format!("{ip}:{}", first.port()));
        watch.wait_samples(3);
    }
    watch.assert_no_alarm();
}

#[test]
fn clients_that_reset_raise_no_alarm() {
    let lab = tcp_lab(2);
    wait_up(&lab, &["s1", "s2"]);
    let watch = AlarmWatch::start(&lab);
    let addr = lab.frontend_addr();
    let _clients = [TcpClients::start(addr, 2, reset_after_response), TcpClients::start(addr, 2, reset_at_once)];
    watch.wait_hold_times();
    watch.wait_hold_times();
    watch.assert_no_alarm();
    assert_ne!(lab.stat("be1", "BACKEND", "cli_abrt"), "0");
    assert_ne!(lab.stat("fe1", "FRONTEND", "ereq"), "0");
}

#[test]
fn requests_that_moved_to_other_servers_raise_no_alarm() {
    let lab = Lab::builder().servers(3).checks().cookie().defaults("option redispatch").start();
    wait_up(&lab, &["s1", "s2", "s3"]);
    let watch = AlarmWatch::start(&lab);
    let _traffic = ["s1", "s2", "s3"].map(|server| {
        let traffic = Traffic::to(lab.frontend_addr()).header(&format!("Cookie: SRV={server}")).workers(1);
        traffic.pause(Duration::from_millis(20)).start()
    });
    lab.send_command("set server be1/s1 state maint");
    // A server with weight 0 serves only clients that have its cookie.
    lab.send_command("set server be1/s2 weight 0");
    watch.wait_hold_times();
    watch.assert_no_alarm();
}
