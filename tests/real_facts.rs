//! Facts of a real HAProxy that are easily missed or taken for something else: rows with unusual names, frontends that
//! are paused or stopped, servers without an address, listeners, certificates and name servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use script::Script;
use support::actions::{start_dashboard, start_dashboard_with};
use support::{Lab, NameServer, wait_for, wait_until};

/// Runs a command, which must succeed, and returns its output.
fn output(socket: &Path, args: &str) -> String {
    let result = Script::new().run(socket, args);
    assert_eq!(result.code, 0, "{args}: {result:#?}");
    result.out
}

/// Returns the problems of a short check.
fn problems(socket: &Path) -> String {
    Script::new().run(socket, "show problems --over 2s").out
}

/// Waits until a problem of this text is found.
fn wait_for_problem(socket: &Path, text: &str) -> String {
    wait_for(text, || Some(problems(socket)).filter(|found| found.contains(text)))
}

#[test]
fn w4_servers_named_like_proxy_rows_are_servers() {
    let lab = Lab::builder()
        .frontends(0)
        .backends(0)
        .sections(
            "listen odd\n    bind {{odd}}\n    server BACKEND 127.0.0.1:9\n    server FRONTEND 127.0.0.1:9 weight 7\n    \
             server plain 127.0.0.1:9",
        )
        .start();
    let rows = output(lab.admin(), "show status --format csv --columns weight");
    let rows: Vec<&str> =
        rows.lines().filter(|line| line.contains(",odd,")).map(|line| &line[line.find("odd").unwrap()..]).collect();
    assert!(rows.contains(&"odd,FRONTEND,server,7") && rows.contains(&"odd,BACKEND,server,1"), "{rows:?}");
    assert_eq!(rows.iter().filter(|row| row.contains("server")).count(), 3, "{rows:?}");
    assert_eq!(output(lab.admin(), "get odd/server:FRONTEND.weight odd/FRONTEND.type"), "7\n0\n");
    let drained = Script::new().run(lab.admin(), "drain odd/BACKEND --yes");
    assert_eq!(drained.code, 0, "{drained:#?}");
    assert_eq!(lab.send_command("show servers state odd").matches(" 8 ").count(), 1);
    assert_eq!(output(lab.admin(), "get odd/server:BACKEND.status odd/BACKEND.status"), "DRAIN\nUP\n");
    assert_eq!(output(lab.admin(), "show out-of-service --format csv --columns status").lines().count(), 2);
    let mut term = start_dashboard(lab.admin());
    term.press("1");
    term.wait_until(|screen| screen.lines().any(|line| line.contains("BACKEND") && line.contains("DRAIN")));
    term.wait_until(|screen| screen.lines().any(|line| line.contains("FRONTEND") && line.contains("no check")));
}

#[test]
fn w6_name_of_listener_and_server_means_server() {
    let lab = Lab::builder()
        .frontends(0)
        .backends(0)
        .sections(
            "listen web\n    bind {{web}} name web1\n    option socket-stats\n    server web1 127.0.0.1:9 disabled\n    \
             server web2 127.0.0.1:9",
        )
        .start();
    let keys = "get web/web1.status web/server:web1.status web/listener:web1.status web/BACKEND.status";
    assert_eq!(output(lab.admin(), keys), "MAINT\nMAINT\nOPEN\nUP\n");
}

#[test]
fn w3_paused_and_stopped_frontends_are_problems_and_out_of_service() {
    let lab = Lab::builder().frontends(2).start();
    assert_eq!(problems(lab.admin()), "no problems\n");
    lab.send_command("disable frontend fe2");
    let found = wait_for_problem(lab.admin(), "frontend fe2");
    let first = found.lines().next();
    assert_eq!(
        first,
        Some("WARN frontend fe2: disabled: it accepts no connections until it is enabled (frontend-paused)")
    );
    assert!(output(lab.admin(), "show out-of-service").contains("fe2"));
    let mut term = start_dashboard(lab.admin());
    term.wait_for("WARN fe2: disabled");
    term.press("A");
    term.wait_until(|screen| screen.lines().any(|line| line.contains("fe2") && line.contains("PAUSED")));
    lab.send_command("enable frontend fe2");
    lab.send_command("shutdown frontend fe1");
    term.wait_until(|screen| screen.lines().any(|line| line.contains("fe1") && line.contains("STOP")));
    term.wait_until(|screen| !screen.lines().any(|line| line.contains("fe2") && line.contains("PAUSED")));
    wait_for_problem(lab.admin(), "CRIT frontend fe1: stopped");
}

#[test]
fn listener_at_its_limit_is_a_problem() {
    let lab = Lab::builder()
        .sections(
            "frontend both\n    bind {{one}} name small maxconn 2\n    bind {{two}} name large\n    option socket-stats\n    \
             maxconn 100\n    mode tcp\n    default_backend be1",
        )
        .start();
    let clients: Vec<_> = (0..2).map(|_| std::net::TcpStream::connect(lab.addr("one")).unwrap()).collect();
    lab.wait_stat("both", "small", "scur", |sessions| sessions == "2");
    let result = Script::new().run(lab.admin(), "show problems --over 6s");
    assert!(result.out.contains("CRIT both/small: 2 of 2 sessions"), "{result:#?}");
    assert!(!result.out.contains("large"), "{result:#?}");
    drop(clients);
}

#[test]
fn w7_server_without_address_is_not_resolved() {
    let names = NameServer::start();
    let section = names.resolvers_section("dns");
    let lab = Lab::builder()
        .sections(&format!(
            "{section}backend lost\n    server d1 nosuch.invalid:80 resolvers dns init-addr none\n\
             backend half\n    server d1 nosuch.invalid:80 resolvers dns init-addr none\n    server ok 127.0.0.1:9\n"
        ))
        .start();
    lab.wait_stat("half", "d1", "status", |status| status == "MAINT (resolution)");
    let result = Script::new().run(lab.admin(), "check --over 12s");
    assert_eq!(result.code, 2, "{result:#?}");
    for text in [
        "CRIT backend lost: no server available: d1: no address (DNS)",
        "WARN half/d1: not resolved (DNS): it has no address",
    ] {
        assert!(result.out.contains(text), "{text}: {result:#?}");
    }
    assert!(!result.out.contains("maintenance or drain"), "{result:#?}");
    let mut term = start_dashboard(lab.admin());
    term.wait_for("2 not resolved (DNS)");
    term.press("1");
    term.wait_until(|screen| screen.lines().any(|line| line.contains("d1") && line.contains("NO DNS")));
    names.set("nosuch.invalid", &[Ipv4Addr::LOCALHOST]);
    term.wait_gone("not resolved (DNS)  ");
    lab.wait_stat("half", "d1", "status", |status| status == "no check");
}

#[test]
fn v11_unused_template_slots_are_folded_into_one_line() {
    let names = NameServer::start();
    names.set("app.test", &[Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)]);
    let section = names.resolvers_section("dns");
    let lab = Lab::builder()
        .sections(&format!(
            "{section}backend tpl\n    server-template t 1-32 app.test:80 resolvers dns init-addr none\n\
             backend api\n    server a 127.0.0.1:9\n    server-template slot 1-12 127.0.0.1:1 disabled\n\
             backend spare\n    server-template x 1-3 127.0.0.1:1 disabled\n"
        ))
        .start();
    lab.wait_stat("tpl", "t2", "status", |status| status == "no check");
    lab.send_command("set server be1/s2 state maint");
    let listed = wait_for("the slots", || {
        Some(output(lab.admin(), "show out-of-service")).filter(|out| out.contains("45 unused slots"))
    });
    assert_eq!(listed.lines().count(), 3, "heading, be1/s2 and the slots: {listed}");
    assert!(listed.contains("be1/s2"), "{listed}");
    let result = Script::new().run(lab.admin(), "check --over 12s");
    assert_eq!(result.code, 0, "{result:#?}");
    let spare = output(lab.admin(), "show status --columns name,status --filter spare");
    assert!(spare.lines().any(|line| line.ends_with("unused")) && !spare.contains("DOWN"), "{spare}");
    let mut term = start_dashboard(lab.admin());
    term.wait_for("servers 4 up  0 down  1 maint/drain");
    term.press("A");
    let screen = term.wait_for("45 unused slots");
    assert!(screen.contains("be1/s2") && !screen.contains("slot1"), "{screen}");
}

#[test]
fn v12_events_name_rows_that_appear_and_vanish() {
    let lab = Lab::builder().servers(2).start();
    let mut term = start_dashboard(lab.admin());
    term.press("9");
    lab.edit(|config| {
        let more: Vec<String> = (3..8).map(|number| format!("    server s{number} 127.0.0.1:9\n")).collect();
        config.replace("    server s2 ", &(more.concat() + "    server s2 "))
    });
    lab.reload();
    term.wait_for("new: be1/s3, be1/s4, be1/s5 and 2 more");
    lab.edit(|config| config.split_inclusive('\n').filter(|line| !line.contains("server s7 ")).collect());
    lab.reload();
    term.wait_for("gone: be1/s7");
}

#[test]
fn two_haproxies_on_one_socket_are_not_reloads() {
    let lab = Lab::builder().servers(2).start();
    // Another process with the same socket, as with nbproc before 2.5.
    let other = Lab::builder().servers(2).start();
    let turns = support::Relay::to_each_in_turn(&[lab.admin(), other.admin()]);
    let mut term = start_dashboard(turns.path());
    term.wait_for("2 processes reply in turn on this socket");
    term.press("9");
    let screen = term.wait_for("reloaded");
    assert_eq!(
        screen.matches("reloaded: pid").count(),
        1,
        "only the first other process looks like a reload: {screen}"
    );
}

/// Writes a certificate for `days` days into the lab's folder.
fn write_certificate(folder: &Path, name: &str, days: u32) -> String {
    let (key, cert) = (folder.join("key.pem"), folder.join("cert.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=site.test", "-days", &days.to_string()])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let path = folder.join(name);
    fs::write(&path, fs::read_to_string(cert).unwrap() + &fs::read_to_string(key).unwrap()).unwrap();
    path.display().to_string()
}

/// Returns whether the HAProxy under test was built with TLS; `tests/haproxy` builds some versions without it.
fn has_tls() -> bool {
    let about = Command::new(support::process::haproxy()).arg("-vv").output().unwrap();
    String::from_utf8_lossy(&about.stdout).contains("Built with OpenSSL")
}

#[test]
fn certificate_that_expires_soon_is_a_problem() {
    if !has_tls() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (soon, later) =
        (write_certificate(folder.path(), "soon.pem", 9), write_certificate(folder.path(), "later.pem", 400));
    let sections = format!("frontend tls\n    bind {{{{tls}}}} ssl crt {soon} crt {later}\n    default_backend be1");
    let lab = Lab::builder().sections(&sections).start();
    let expected = format!("WARN process: certificate {soon} expires in 8 days");
    wait_for_problem(lab.operator(), &expected);
    assert_eq!(problems(lab.user()), "no problems\n", "level user cannot read certificates");
    let mut term = start_dashboard(lab.admin());
    term.press("!");
    term.wait_for("expires in 8 days");
    let mut read_only = start_dashboard_with(&["-n"], "", lab.admin());
    read_only.press("!");
    read_only.wait_for("expires in 8 days");
}

/// The servers keep their addresses, so that only the counters of the name server show that it is dead.
#[test]
fn name_server_that_stops_answering_is_a_problem_before_addresses_are_lost() {
    let names = NameServer::start();
    names.set("app.test", &[Ipv4Addr::LOCALHOST]);
    let section = names.resolvers_section("dns").replace(" 100ms\n", " 10m\n");
    let lab = Lab::builder()
        .sections(&format!(
            "{section}backend app\n    server d1 app.test:80 resolvers dns init-addr none resolve-prefer ipv4\n"
        ))
        .start();
    lab.wait_stat("app", "d1", "status", |status| status == "no check");
    let healthy = Script::new().run(lab.admin(), "check --over 6s");
    assert_eq!(healthy.code, 0, "{healthy:#?}");
    names.set_silent(true);
    let failing = Script::new().run(lab.admin(), "check --over 6s");
    assert!(failing.code == 1 && failing.out.contains("name server dns/ns1: "), "{failing:#?}");
    names.set_silent(false);
    let repaired = Script::new().run(lab.admin(), "check --over 6s");
    assert_eq!(repaired.code, 0, "{repaired:#?}");
}

/// HAProxy asks both name servers, and ignores the later answer.
#[test]
fn slower_name_server_is_no_problem() {
    let names = [NameServer::start(), NameServer::start()];
    for server in &names {
        server.set("app.test", &[Ipv4Addr::LOCALHOST]);
    }
    let second = format!("    nameserver ns2 {}\n    resolve_retries", names[1].addr());
    let section = names[0].resolvers_section("dns").replace("    resolve_retries", &second);
    let lab = Lab::builder()
        .sections(&format!("{section}backend app\n    server d1 app.test:80 resolvers dns init-addr none\n"))
        .start();
    wait_until("questions", || names[1].questions() >= 8);
    let result = Script::new().run(lab.admin(), "check --over 6s");
    assert_eq!(result.code, 0, "{result:#?}");
}

#[test]
fn name_server_that_never_answers_is_a_problem() {
    let names = NameServer::start();
    names.set_silent(true);
    let section = names.resolvers_section("dns");
    let lab = Lab::builder()
        .sections(&format!(
            "{section}backend app\n    server d1 app.test:80 resolvers dns init-addr none\n\
             backend half\n    server d1 app.test:80 resolvers dns init-addr none\n    server ok 127.0.0.1:9\n"
        ))
        .start();
    wait_until("questions", || names.questions() >= 8);
    let found = wait_for_problem(lab.admin(), "name server dns/ns1: ");
    assert!(found.contains(" questions failed "), "{found}");
    let result = Script::new().run(lab.admin(), "check --over 12s");
    let servers = "; no server available in app; no address for half/d1";
    assert!(result.out.contains(servers), "{result:#?}");
    for line in ["CRIT backend app", "WARN half/d1"] {
        assert!(!result.out.contains(line), "{line} follows from the name server: {result:#?}");
    }
}
