//! What goes wrong with HAProxy, and what the screen says of it: in words, with the old rows kept, and live
//! again by itself.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use support::{Answer, Answers, Fake, Lab, Term, Traffic, process, wait_until};

fn dashboard(socket: &Path) -> Term {
    let term = Term::builder().args(["-i", "0.2"]).args([socket]).size(120, 40).start();
    term.wait_for("live");
    term
}

fn servers(term: &Term) -> Vec<String> {
    term.table("Servers of be1").map(|table| table.names()).unwrap_or_default()
}

/// A rate as the screen writes it: `57`, `9.5`, `1.24k`.
fn per_second(text: &str) -> Option<f64> {
    match text.strip_suffix('k') {
        Some(thousands) => thousands.parse::<f64>().ok().map(|value| value * 1000.0),
        None => text.parse().ok(),
    }
}

#[test]
fn a_reload_is_told_and_gives_no_false_rates() {
    let lab = Lab::builder().start();
    let term = dashboard(lab.admin());
    let running = Traffic::to(lab.frontend_addr()).pause(Duration::from_millis(20)).start();
    let is_some = |rate: &str| per_second(rate).is_some_and(|rate| rate > 0.0);
    term.wait_cell("Backends", "be1", "REQ/S", is_some);
    // Counters that start anew a few thousand lower would be a rate far below zero, or far above the truth.
    let before = lab.pid();
    lab.reload();
    let pid = lab.pid();
    let mut rates = Vec::new();
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        let cells = [("Frontends", "fe1"), ("Backends", "be1"), ("Servers of be1", "s1")];
        rates.extend(cells.iter().filter_map(|(title, name)| term.cell(title, name, "REQ/S")));
        thread::sleep(Duration::from_millis(10));
    }
    let screen = term.wait_for(&format!("pid {pid} "));
    assert!(screen.contains(&format!("loaded: pid {before} → {pid}")) || screen.contains("restarted: pid"), "{screen}");
    assert!(rates.iter().all(|rate| rate == "–" || per_second(rate).is_some()), "{rates:?}");
    // Two workers that rest 20 ms after each request send less than a hundred a second.
    assert!(rates.iter().filter_map(|rate| per_second(rate)).all(|rate| (0.0..=110.0).contains(&rate)), "{rates:?}");
    term.wait_cell("Backends", "be1", "REQ/S", is_some);
    term.wait_for("live");
    drop(running);
}

#[test]
fn an_old_worker_is_neither_asked_nor_kept_alive() {
    let lab = Lab::builder().defaults("option abortonclose").answer("be1/s1", Answer::Slow(Duration::from_mins(5)));
    let lab = lab.cookie().start();
    let held = Traffic::to(lab.frontend_addr()).header("Cookie: SRV=s1").workers(1).start();
    lab.wait_stat("be1", "s1", "scur", |sessions| sessions == "1");
    let old = lab.pid();
    let term = dashboard(lab.admin());
    lab.reload();
    term.wait_for(&format!("pid {} ", lab.pid()));
    // The old one lives as long as its session does; the numbers are the new one's.
    term.wait_cell("Servers of be1", "s1", "SESS/LIM", |sessions| sessions == "0");
    assert!(process::alive(old));
    drop(held);
    wait_until("the old process to end", || !process::alive(old));
    term.wait_for("live");
}

#[test]
fn after_a_reload_the_rows_are_the_new_configurations() {
    let lab = Lab::builder().servers(3).start();
    let mut term = dashboard(lab.admin());
    term.select_server("be1", "s2");
    lab.edit(|config| config.replace("    server s1 ", "    server s0 "));
    lab.reload();
    term.wait_until(|screen| {
        let table = support::Table::find(screen, "Servers of be1");
        table.is_some_and(|table| table.names() == ["s0", "s2", "s3"])
    });
    term.wait_selected("Servers of be1", "s2");
    let screen = term.wait_for("1 new row");
    assert!(screen.contains("1 row gone"), "{screen}");
}

#[test]
fn a_killed_haproxy_is_stale_with_a_reason_until_it_is_back() {
    let lab = Lab::builder().servers(3).start();
    let mut term = dashboard(lab.admin());
    lab.kill9();
    term.wait_for("stale ");
    let screen = term.wait_for("cannot connect: connection refused; next try in ");
    assert!(screen.contains("the socket file is there, but no HAProxy listens on it"), "{screen}");
    assert!(!screen.contains("live "), "{screen}");
    assert_eq!(servers(&term), ["s1", "s2", "s3"], "the old rows stay");
    term.press("<ret>M");
    term.wait_for("the connection to HAProxy is lost: nothing can be sent now");
    lab.restart();
    term.wait_for("live ");
    term.wait_for(&format!("pid {} ", lab.pid()));
    // A frame may arrive in several pieces.
    for event in ["link lost: cannot connect: connection refused", "link back after ", "restarted: pid "] {
        term.wait_for(event);
    }
    assert_eq!(servers(&term), ["s1", "s2", "s3"]);
}

#[test]
fn a_socket_that_went_away_is_found_again() {
    let lab = Lab::builder().start();
    let term = dashboard(lab.admin());
    let away = lab.admin().with_extension("away");
    fs::rename(lab.admin(), &away).unwrap();
    let screen = term.wait_for("stale ");
    assert!(screen.contains("cannot connect: no such file or directory"), "{screen}");
    assert_eq!(servers(&term), ["s1", "s2"]);
    fs::rename(&away, lab.admin()).unwrap();
    term.wait_for("live ");
    let screen = term.wait_for("link back after ");
    assert!(!screen.contains("counters start anew"), "it is the same process\n{screen}");
}

#[test]
fn keys_answer_while_haproxy_is_stopped() {
    let lab = Lab::builder().servers(4).start();
    let mut term = dashboard(lab.admin());
    term.select_server("be1", "s1");
    lab.stop_process();
    // Before the silence is noticed, and after.
    for until in ["live ", "stale "] {
        term.wait_for(until);
        for (key, name) in [("j", "s2"), ("j", "s3"), ("G", "s4"), ("g", "s1")] {
            let pressed = Instant::now();
            term.press(key);
            term.wait_selected("Servers of be1", name);
            assert!(pressed.elapsed() < Duration::from_secs(1), "{key} took {:?}", pressed.elapsed());
        }
    }
    let screen = term.wait_for("stale ");
    assert!(screen.contains("connected, but no answer in 2s"), "{screen}");
    lab.cont_process();
    term.wait_for("live ");
}

#[test]
fn a_haproxy_that_is_not_there_yet_is_waited_for() {
    let folder = tempfile::TempDir::with_prefix_in("yet", "/tmp").unwrap();
    let socket = folder.path().join("own.sock");
    let mut term = Term::builder().args([&socket]).size(120, 40).start();
    let screen = term.wait_for("cannot connect: no such file or directory");
    assert!(screen.contains("no answer"), "{screen}");
    assert!(screen.contains(socket.to_str().unwrap()), "{screen}");
    let hint = format!("stats socket {} mode 660 level admin", socket.display());
    assert!(screen.contains(&hint), "{hint}\n{screen}");
    term.press("?");
    term.wait_for("not now: the connection to HAProxy is lost");
    term.press("<esc>");
    let lab = Lab::builder().start();
    // The very line that the screen told to add.
    lab.edit(|config| config.replacen("global\n", &format!("global\n    {hint}\n"), 1));
    lab.restart();
    term.wait_for("live 2s");
    term.wait_until(|screen| screen.contains("Servers of be1") && screen.contains("ADMIN"));
}

#[test]
fn a_socket_without_permission_says_who_may() {
    let lab = Lab::builder().start();
    let mut command;
    let folder = tempfile::TempDir::with_prefix_in("perm", "/tmp").unwrap();
    if rustix::process::geteuid().is_root() {
        // Modes mean nothing to root, so the program runs as nobody, from a place that nobody may enter.
        let program = folder.path().join("hapulse");
        fs::copy(env!("CARGO_BIN_EXE_hapulse"), &program).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        command = Term::program("setpriv").args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        command = command.args([program]);
    } else {
        fs::set_permissions(lab.admin(), fs::Permissions::from_mode(0o000)).unwrap();
        command = Term::builder();
    }
    let term = command.args([lab.admin()]).size(120, 40).start();
    let screen = term.wait_for("cannot connect: permission denied");
    let way_in = format!("run as root; or for a group: stats socket {} mode 660 group haproxy", lab.admin().display());
    assert!(screen.contains(&way_in), "{screen}");
}

/// A real HAProxy's answers, and a fake that gives them.
fn recorded() -> (Answers, Fake) {
    let lab = Lab::builder().start();
    let answers = Answers::recorded(&lab, &["show info", "show stat", "show cli level"]);
    let fake = Fake::recorded(answers.clone());
    (answers, fake)
}

/// From good answers to bad ones and back: the reason is on the screen, the rows stay, and keys work.
fn survives(bad: impl FnOnce(&Answers) -> support::fake::Behaviour, reason: &str) {
    let (answers, fake) = recorded();
    let mut term = dashboard(fake.path());
    fake.set(bad(&answers));
    term.wait_for("stale ");
    term.wait_for(reason);
    term.wait_for("next try in");
    assert_eq!(servers(&term), ["s1", "s2"]);
    term.press("<ret>j");
    term.wait_selected("Servers of be1", "s2");
    fake.set(Fake::answering(answers));
    term.press("r");
    term.wait_for("live ");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn silence_is_survived() {
    survives(|_| Fake::silent(), "connected, but no answer in 2s");
}

#[test]
fn a_trickle_that_does_not_end_is_survived() {
    survives(|answers| Fake::trickling(answers.clone(), 1, Duration::from_millis(20)), "the answer did not end in 10s");
}

#[test]
fn cut_answers_are_survived() {
    let (answers, _) = recorded();
    let info = answers.reply("show info").len();
    let all = answers.reply("show info;show stat").len();
    for bytes in [1, info / 2, info, info + 100, all - 1] {
        survives(|answers| Fake::cutting(answers.clone(), bytes), "cut");
    }
}

#[test]
fn a_connection_closed_at_once_is_survived() {
    survives(|_| Fake::closing(), "connection");
}

#[test]
fn garbage_is_survived_and_none_of_it_reaches_the_terminal() {
    for behaviour in [Fake::garbage(5000), Fake::garbage(1)] {
        survives(move |_| behaviour, "answer");
    }
    // From the first answer on.
    let fake = Fake::start(Fake::garbage(20_000));
    let term = Term::spawn([fake.path()], 120, 40);
    let screen = term.wait_for("no answer");
    assert!(screen.chars().all(|char| !char.is_control() || char == '\n'), "{screen:?}");
    assert!(screen.contains("hapulse keeps trying"), "{screen}");
}

/// Memory of a process in MiB: `VmRSS` is what it has in use, `VmHWM` the most it ever had.
fn memory(pid: u32, what: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'))?;
    Some(line.trim().split(' ').next()?.parse::<u64>().ok()? / 1024)
}

#[test]
fn an_endless_answer_is_stopped_before_it_fills_the_memory() {
    let (answers, fake) = recorded();
    let mut term = dashboard(fake.path());
    let usual = memory(term.pid(), "VmRSS").unwrap();
    fake.set(Fake::endless());
    let screen = term.wait_for("stale ");
    assert!(screen.contains("the answer is larger than 268435456 bytes; reading was stopped"), "{screen}");
    // Three answers to the end, and the next one begun.
    let tries = fake.connections();
    wait_until("more tries", || fake.connections() >= tries + 3);
    term.press("<ret>j");
    term.wait_selected("Servers of be1", "s2");
    let most = memory(term.pid(), "VmHWM").unwrap();
    assert!(most < 400, "{most} MiB");
    fake.set(Fake::answering(answers));
    term.press("r");
    term.wait_for("live ");
    wait_until("the memory to be given back", || memory(term.pid(), "VmRSS").is_some_and(|now| now < usual + 50));
}
