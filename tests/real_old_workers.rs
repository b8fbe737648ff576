//! Drains across a reload of a real HAProxy whose old process still serves sessions: with and without a master socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use script::Script;
use support::actions::{answer_confirmation, start_dashboard, wait_for_two_polls};
use support::process::{is_alive, signal};
use support::{Lab, Relay, ServerBehavior, Term, wait_for, wait_until};
use tempfile::TempDir;

/// Longer than a test takes.
const SLOW: ServerBehavior = ServerBehavior::Slow(Duration::from_mins(5));
const HELD_BY_OLD: &str = "empty here, but an old worker still holds sessions";

/// A lab whose HAProxy keeps the states of its servers over a reload, with open requests on be1/s1.
struct ReloadLab {
    lab: Lab,
    states: TempDir,
    _requests: Vec<TcpStream>,
}

impl ReloadLab {
    fn start(has_master: bool, requests: usize) -> Self {
        let states = TempDir::with_prefix_in("states", "/tmp").unwrap();
        let file = states.path().join("states");
        let builder = Lab::builder().servers(3).cookie().server_behavior("be1/s1", SLOW);
        let builder = builder.global(&format!("server-state-file {}", file.display()));
        let builder = builder.defaults("load-server-state-from-file global");
        let lab = if has_master { builder.master() } else { builder }.start();
        let open = |_| {
            let mut stream = TcpStream::connect(lab.frontend_addr()).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: lab\r\nCookie: SRV=s1\r\n\r\n").unwrap();
            stream
        };
        let requests: Vec<TcpStream> = (0..requests).map(open).collect();
        lab.wait_stat("be1", "s1", "scur", |sessions| sessions == requests.len().to_string());
        Self { lab, states, _requests: requests }
    }

    /// Saves the states of the servers and reloads. Returns the pid of the old process.
    fn reload(&self) -> u32 {
        let old = self.lab.answering_pid().unwrap();
        fs::write(self.states.path().join("states"), self.lab.send_command("show servers state")).unwrap();
        self.lab.reload();
        old
    }

    /// Sets a state, saves it and reloads. Returns the pid of the old process.
    fn reload_in_state(&self, state: &str) -> u32 {
        self.lab.send_write_command(&format!("set server be1/s1 state {state}"));
        let old = self.reload();
        let is_kept = |status: String| status.to_lowercase().contains(state);
        assert!(is_kept(self.lab.stat("be1", "s1", "status")), "the state file keeps the state");
        assert_eq!(self.lab.stat("be1", "s1", "scur"), "0", "the new process does not count old sessions");
        old
    }

    fn end_sessions_of_old_worker(&self, old: u32) {
        // `shutdown sessions server` does not work there: "Proxy is disabled."
        let sessions = self.lab.send_master_command(&format!("@!{old} show sess")).unwrap();
        for line in sessions.lines().filter(|line| line.contains(" srv=s1 ")) {
            let id = line.split(':').next().unwrap();
            self.lab.send_master_command(&format!("@!{old} shutdown session {id}")).unwrap();
        }
    }
}

#[test]
fn v3_drain_waits_for_sessions_of_old_worker() {
    let lab = ReloadLab::start(true, 3);
    let old = lab.reload_in_state("drain");
    let running = Script::new().start(lab.lab.admin(), "drain be1/s1 --wait 2m --then maint --yes -i 0.1");
    running.wait_for(&format!("be1/s1: empty here; 3 sessions in old worker {old}"));
    assert_eq!(lab.lab.stat("be1", "s1", "status"), "DRAIN", "maintenance waits");
    lab.end_sessions_of_old_worker(old);
    let result = running.wait();
    assert_eq!((result.code, result.err.as_str()), (0, ""), "{result:#?}");
    assert!(result.out.contains("be1/s1 is drained after") && result.out.contains("state maint: verified, MAINT"));
}

#[test]
fn v3_deadline_while_old_worker_holds_sessions_exits_with_6() {
    let lab = ReloadLab::start(true, 2);
    let old = lab.reload_in_state("drain");
    let script = Script::new();
    let result = script.run(lab.lab.admin(), "drain be1/s1 --wait 4s --then maint --yes -i 0.1");
    assert_eq!(result.code, 6, "{result:#?}");
    let master = lab.lab.master_socket();
    for text in [
        format!("hapulse: deadline of 4 s exceeded: be1/s1 is {HELD_BY_OLD}\n"),
        format!("be1/s1: 2 sessions in old worker {old}\n"),
        format!("to list them: send \"@!{old} show sess\" to the master socket {}\n", master.display()),
        format!("kill -TERM {old} ends it now, with all its sessions\n"),
        "maintenance was not set\n".to_owned(),
        "be1/s1 is in DRAIN, 0 sessions\n".to_owned(),
    ] {
        assert!(result.err.contains(&text), "{text:?} is not in\n{result:#?}");
    }
    assert_eq!(lab.lab.stat("be1", "s1", "status"), "DRAIN");
    // A server that is in maintenance already can be held by an old worker as well.
    lab.end_sessions_of_old_worker(old);
    wait_until("the old worker to end", || !is_alive(old));
    assert_eq!(script.run(lab.lab.admin(), "drain be1/s1 --wait 1m --yes -i 0.1").code, 0);
}

#[test]
fn v3_server_in_maintenance_waits_for_old_worker_too() {
    let lab = ReloadLab::start(true, 1);
    let old = lab.reload_in_state("maint");
    let result = Script::new().run(lab.lab.admin(), "drain be1/s1 --wait 4s --yes -i 0.1");
    assert_eq!(result.code, 6, "{result:#?}");
    assert!(result.err.contains(&format!("be1/s1: 1 session in old worker {old}\n")), "{result:#?}");
}

#[test]
fn v3_old_process_without_master_is_reported_until_it_ends() {
    let lab = ReloadLab::start(false, 1);
    let old = lab.reload_in_state("drain");
    let script = Script::new();
    let result = script.run(lab.lab.admin(), "drain be1/s1 --wait 4s --then maint --yes -i 0.1");
    assert_eq!(result.code, 6, "{result:#?}");
    for text in [
        HELD_BY_OLD.to_owned(),
        format!("be1/s1: old process {old} may hold sessions\n"),
        format!("the sessions of {old} cannot be counted: HAProxy runs without a master socket"),
        format!("kill -TERM {old} ends it now, with all its sessions\n"),
    ] {
        assert!(result.err.contains(&text), "{text:?} is not in\n{result:#?}");
    }
    assert_eq!(lab.lab.stat("be1", "s1", "status"), "DRAIN");
    let running = script.start(lab.lab.admin(), "drain be1/s1 --wait 2m --yes -i 0.1");
    running.wait_for(&format!("be1/s1: empty here; old process {old} may hold sessions"));
    signal(old, "TERM");
    let result = running.wait();
    assert_eq!((result.code, result.err.as_str()), (0, ""), "{result:#?}");
}

#[test]
fn v3_oldest_of_three_processes_is_found_when_the_second_has_ended() {
    let lab = ReloadLab::start(false, 1);
    let oldest = lab.reload_in_state("drain");
    let second = lab.reload();
    wait_until("the second process to end", || !is_alive(second));
    assert!(is_alive(oldest));
    let result = Script::new().run(lab.lab.admin(), "drain be1/s1 --wait 4s --yes -i 0.1");
    assert_eq!(result.code, 6, "{result:#?}");
    assert!(result.err.contains(&format!("old process {oldest} may hold sessions")), "{result:#?}");
}

#[test]
fn v3_reload_during_wait_is_followed_through_relay() {
    // The address says nothing about the process: only its pid does.
    let lab = ReloadLab::start(true, 1);
    lab.lab.send_write_command("set server be1/s1 state drain");
    let relay = Relay::to(lab.lab.admin());
    let running = Script::new().start(relay.path(), "drain be1/s1 --wait 2m --yes -i 0.1");
    running.wait_for("be1/s1: 1 session");
    let old = lab.reload();
    running.wait_for("HAProxy was reloaded (new pid ");
    running.wait_for(&format!("be1/s1: empty here; 1 session in old worker {old}"));
    lab.end_sessions_of_old_worker(old);
    let result = running.wait();
    assert_eq!((result.code, result.err.as_str()), (0, ""), "{result:#?}");
}

#[test]
fn v3_sessions_of_current_process_keep_exit_code_4() {
    let lab = ReloadLab::start(true, 1);
    lab.reload_in_state("drain");
    let mut stream = TcpStream::connect(lab.lab.frontend_addr()).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: lab\r\nCookie: SRV=s1\r\n\r\n").unwrap();
    lab.lab.wait_stat("be1", "s1", "scur", |sessions| sessions == "1");
    let result = Script::new().run(lab.lab.admin(), "drain be1/s1 --wait 4s --yes -i 0.1");
    assert_eq!(result.code, 4, "{result:#?}");
    assert!(result.err.contains("deadline of 4 s exceeded: be1/s1 is not drained"), "{result:#?}");
}

/// Drains be1/s1 by keys while it has sessions, then reloads. Returns the pid of the old process.
fn drain_and_reload(lab: &ReloadLab, term: &mut Term) -> u32 {
    term.press("1");
    term.move_to_path("be1/s1");
    term.press("D");
    answer_confirmation(term, "Drain: be1 / s1", "y");
    term.wait_for("be1/s1: verified, DRAIN");
    lab.reload()
}

#[test]
fn v3_dashboard_suggests_nothing_while_old_worker_holds_sessions() {
    let lab = ReloadLab::start(true, 2);
    let relay = Relay::to(lab.lab.admin());
    let mut term = start_dashboard(relay.path());
    let old = drain_and_reload(&lab, &mut term);
    term.wait_for(&format!("2 sessions in old worker {old}: be1/s1"));
    for _ in 0..3 {
        wait_for_two_polls(&term, &relay);
        assert!(!term.screen().contains("maintenance?"), "{}", term.screen());
    }
    term.press("A");
    term.wait_for("empty here, 2 sessions in old worker");
    term.press("$");
    term.wait_for("requests to the master socket about old workers");
    term.press("<esc>");
    lab.end_sessions_of_old_worker(old);
    term.wait_for("be1/s1 is drained: start maintenance?");
    assert_eq!(relay.write_commands(), ["set server be1/s1 state drain"]);
}

#[test]
fn v3_dashboard_suggests_nothing_while_old_process_cannot_be_counted() {
    let lab = ReloadLab::start(false, 1);
    let relay = Relay::to(lab.lab.admin());
    let mut term = start_dashboard(relay.path());
    let old = drain_and_reload(&lab, &mut term);
    term.wait_for(&format!("old process {old} may hold sessions"));
    for _ in 0..3 {
        wait_for_two_polls(&term, &relay);
        assert!(!term.screen().contains("maintenance?"), "{}", term.screen());
    }
    signal(old, "TERM");
    term.wait_for("be1/s1 is drained: start maintenance?");
}

#[test]
fn v3_search_does_not_keep_the_old_worker_alive() {
    let lab = ReloadLab::start(true, 1);
    let mut term = start_dashboard(lab.lab.admin());
    let old = drain_and_reload(&lab, &mut term);
    term.wait_for("1 session in old worker");
    lab.end_sessions_of_old_worker(old);
    wait_until("the old worker to end", || !is_alive(old));
    let listed = wait_for("the master to reply", || lab.lab.send_master_command("show proc").ok());
    assert!(!listed.contains("# old workers"), "{listed}");
}
