//! Files that hapulse reads and writes itself: FIFOs and links in their place, folders of other users, rotation, limits of
//! the process and large audit logs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use support::machine::{STRANGER, require_root};
use support::{Lab, Term, wait_for_text, wait_until};

const BINARY: &str = env!("CARGO_BIN_EXE_hapulse");

/// Runs hapulse with this home, after a shell command, and returns exit code, standard output and standard error. A
/// program that waits for a FIFO is ended, which fails the test.
fn run_after(home: &Path, setup: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{setup}\nexec timeout 20 {BINARY} \"$@\""), "sh"]).args(args);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", home).stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn run(home: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    run_after(home, "", args)
}

fn make_fifo(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
}

/// Starts the dashboard, and types a line in view 5.
fn type_line(term: &mut Term, line: &str) {
    term.wait_for("live");
    term.press("5");
    term.wait_for("HAProxy's own commands");
    term.press(line);
    term.wait_for(line);
    term.answer("<ret>");
}

#[test]
fn a12_fifo_device_socket_and_directory_are_errors_for_every_own_file() {
    let lab = Lab::builder().servers(1).start();
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let (fifo, socket) = (home.join("fifo"), home.join("socket"));
    make_fifo(&fifo);
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let kinds =
        [(&*fifo, "a FIFO"), (&*socket, "a socket"), (home, "a directory"), (Path::new("/dev/zero"), "a device")];
    for (path, kind) in kinds {
        let path = path.to_str().unwrap();
        for (args, code) in [
            (vec!["audit", "--config", path], 2),
            (vec!["audit", path], 1),
            (vec!["--debug-log", path, "config"], 1),
            (vec!["check", "--config", path], 3),
            (vec!["check", "--debug-log", path], 3),
        ] {
            let (exit, out, err) = run(home, &args);
            let text = out + &err;
            assert_eq!(exit, Some(code), "{args:?}: {text}");
            assert!(text.contains(kind) && text.contains(path) && text.lines().count() == 1, "{args:?}: {text}");
        }
        let mut term = Term::builder().args(["--log-file", path]).args([lab.admin()]).size(160, 24).start();
        assert_eq!(term.exit_code(), 1);
        assert!(term.screen().contains("cannot write the event log") && term.screen().contains(kind));
    }
    make_fifo(&home.join(".config/hapulse/config.toml"));
    let (exit, _, err) = run(home, &["config"]);
    assert!(exit == Some(2) && err.contains("is a FIFO, not a configuration file"), "{err}");
}

#[test]
fn a12_fifos_in_state_folder_stop_no_command() {
    let lab = Lab::builder().servers(2).start();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join(".local/state/hapulse");
    make_fifo(&state.join("audit.jsonl"));
    let admin = lab.admin().display().to_string();
    let (exit, _, err) = run(folder.path(), &["audit"]);
    assert!(exit == Some(1) && err.contains("it is a FIFO, not a regular file"), "{err}");
    let (exit, out, err) = run(folder.path(), &["show", "out-of-service", &admin]);
    assert_eq!(exit, Some(0), "{out}{err}");
    let (exit, out, err) = run(folder.path(), &["drain", "be1/s1", "--yes", "-s", &admin]);
    assert!(exit == Some(1) && (out + &err).contains("is a FIFO, not a regular file"));
    assert_eq!(lab.stat("be1", "s1", "status"), "no check");

    let builder = Term::builder().args([lab.admin()]).size(160, 40);
    make_fifo(&builder.home().join(".local/state/hapulse/typed"));
    let mut term = builder.start();
    term.wait_for("cannot read the command history: is a FIFO, not a regular file");
    type_line(&mut term, "show version");
    term.wait_for("cannot write the command history, stopped saving it: is a FIFO, not a regular file");
    term.press("<esc>q");
    assert_eq!(term.exit_code(), 0);
}

/// A case: its name, the mode, the preparation and the expected text.
type Case<'a> = (&'a str, u32, &'a dyn Fn(&Path), &'a str);

#[test]
fn a13_files_in_folders_of_others_are_not_touched() {
    require_root();
    let lab = Lab::builder().servers(2).start();
    let admin = lab.admin().display().to_string();
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "root only\n").unwrap();
    let home = folder.path().join("home");
    let state = home.join(".local/state/hapulse");
    fs::create_dir_all(&state).unwrap();
    let prepare = |owner: u32, entry: &dyn Fn(&Path)| {
        let _ = fs::remove_file(state.join("audit.jsonl"));
        entry(&state.join("audit.jsonl"));
        chown(&state, Some(owner), Some(owner)).unwrap();
    };
    let link = |path: &Path| symlink(&secret, path).unwrap();
    let hard_link = |path: &Path| fs::hard_link(&secret, path).unwrap();
    let foreign_file = |path: &Path| {
        fs::write(path, "").unwrap();
        chown(path, Some(STRANGER), Some(STRANGER)).unwrap();
    };
    let cases: [Case<'_>; 5] = [
        ("link in a folder of another user", STRANGER, &link, "belongs to user 61234"),
        ("hard link in a folder of another user", STRANGER, &hard_link, "belongs to user 61234"),
        ("nothing in a folder of another user", STRANGER, &|_| {}, "belongs to user 61234"),
        ("link in an own folder", 0, &link, "is a symbolic link"),
        ("file of another user in an own folder", 0, &foreign_file, "the file belongs to user 61234"),
    ];
    for (name, owner, entry, reason) in cases {
        prepare(owner, entry);
        let (exit, out, err) = run(&home, &["drain", "be1/s1", "--yes", "-s", &admin]);
        let text = out + &err;
        assert!(exit == Some(1) && text.contains(reason), "{name}: {text}");
        assert_eq!(lab.stat("be1", "s1", "status"), "no check", "{name}");
        assert_eq!(fs::read_to_string(&secret).unwrap(), "root only\n", "{name}");
        let read = run(&home, &["audit"]);
        assert!(!read.1.contains("root only") && read.0 == Some(1) || name.starts_with("nothing"), "{name}: {read:?}");
        let _ = fs::remove_file(state.join("audit.jsonl"));
    }
    // A folder to which everyone can write, and a sticky one with another name of a file of root.
    fs::set_permissions(&state, Permissions::from_mode(0o777)).unwrap();
    let (_, out, err) = run(&home, &["drain", "be1/s1", "--yes", "-s", &admin]);
    assert!((out + &err).contains("every user can write to"));
    fs::set_permissions(&state, Permissions::from_mode(0o1777)).unwrap();
    hard_link(&state.join("audit.jsonl"));
    let (_, out, err) = run(&home, &["drain", "be1/s1", "--yes", "-s", &admin]);
    assert!((out + &err).contains("hard links"));
    assert_eq!(fs::read_to_string(&secret).unwrap(), "root only\n");
}

#[test]
fn a13_sudo_with_home_of_the_caller_uses_state_of_root() {
    require_root();
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    chown(folder.path(), Some(STRANGER), Some(STRANGER)).unwrap();
    let setting = |setup: &str| {
        let (_, out, _) = run_after(folder.path(), setup, &["config"]);
        out.lines().find(|line| line.starts_with("path = ")).unwrap_or_default().to_owned()
    };
    let in_home = format!("path = \"{}/.local/state/hapulse/audit.jsonl\"", folder.path().display());
    assert!(setting("").starts_with(&in_home));
    let by_sudo = setting(&format!("export SUDO_UID={STRANGER}"));
    assert!(by_sudo.ends_with("/.local/state/hapulse/audit.jsonl\"  # default"), "{by_sudo}");
    assert!(!by_sudo.contains(folder.path().to_str().unwrap()), "{by_sudo}");
}

#[test]
fn a21_file_size_limit_is_an_error_and_no_death() {
    let lab = Lab::builder().servers(2).start();
    let admin = lab.admin().display().to_string();
    let folder = tempfile::tempdir().unwrap();
    let (exit, out, err) = run_after(folder.path(), "ulimit -f 0", &["drain", "be1/s1", "--yes", "-s", &admin]);
    assert!(exit == Some(1) && (out + &err).contains("File too large"));
    assert_eq!(lab.stat("be1", "s1", "status"), "no check");
    let log = folder.path().join("debug.log");
    let (exit, _, err) =
        run_after(folder.path(), "ulimit -f 0", &["show", "--debug-log", log.to_str().unwrap(), &admin]);
    assert!(exit == Some(0) && err.contains("debug.log is incomplete: File too large"), "{err}");
    let script = format!("ulimit -f 0; exec {BINARY} -i 0.1 --log-file events.log --debug-log debug.log {admin}");
    let mut term = Term::program("sh").args(["-c", &script]).size(140, 40).start();
    term.wait_for("live");
    lab.send_command("disable server be1/s2");
    term.wait_for("cannot write the event log, stopped saving it: File too large");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
    assert!(!term.modes().alternate_screen && !term.is_raw());
    assert!(term.screen().contains("is incomplete: File too large"), "{}", term.screen());
}

#[test]
fn a22_few_open_files_are_one_line() {
    let folder = tempfile::tempdir().unwrap();
    for limit in 4..40 {
        let setup = format!("ulimit -n {limit}");
        for (args, code) in [(vec!["show", "/none"], 3), (vec!["check", "/none"], 3), (vec!["doctor", "/none"], 1)] {
            let (exit, out, err) = run_after(folder.path(), &setup, &args);
            let text = out + &err;
            assert!(!text.contains("panicked") && !text.contains("internal error"), "{limit} {args:?}: {text}");
            if text.contains("ulimit") {
                let expected = if args[0] == "check" { 3 } else { 1 };
                assert!(exit == Some(expected) && text.lines().count() == 1, "{limit} {args:?}: {text}");
            } else {
                assert_eq!(exit, Some(code), "{limit} {args:?}: {text}");
            }
        }
    }
    for limit in [6, 12, 24, 28, 30, 32, 34, 36] {
        let script = format!("ulimit -n {limit}; exec {BINARY} demo");
        let term = Term::program("sh").args(["-c", &script]).start();
        wait_until("the dashboard or an error", || {
            ["ulimit", "live", "panicked"].iter().any(|text| term.screen().contains(text))
        });
        let screen = term.screen();
        assert!(!screen.contains("panicked") && !screen.contains("internal error"), "{limit}: {screen}");
        assert!(screen.contains("ulimit") || screen.contains("live"), "{limit}: {screen}");
    }
}

#[test]
fn a23_logs_follow_rotation() {
    let lab = Lab::builder().servers(3).start();
    let mut term = Term::builder()
        .args(["-i", "0.1", "--log-file", "events.log", "--debug-log", "debug.log"])
        .args([lab.admin()])
        .size(140, 40)
        .start();
    term.wait_for("live");
    let (events, debug) = (term.home().join("events.log"), term.home().join("debug.log"));
    lab.send_command("disable server be1/s1");
    wait_for_text(&events, "s1");
    for path in [&events, &debug] {
        fs::rename(path, path.with_extension("1")).unwrap();
    }
    lab.send_command("disable server be1/s2");
    wait_for_text(&events, "s2");
    wait_for_text(&debug, "request");
    assert!(!fs::read_to_string(&events).unwrap().contains("s1 "));
    // The audit log and the command history are opened for each line.
    type_line(&mut term, "show version");
    let typed = term.home().join(".local/state/hapulse/typed");
    wait_for_text(&typed, "show version");
    fs::rename(&typed, typed.with_extension("1")).unwrap();
    term.press("show info<ret>");
    wait_for_text(&typed, "show info");
    term.press("<esc>q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn a23_sighup_reloads_configuration_and_keeps_old_one_on_error() {
    let lab = Lab::builder().servers(3).start();
    let builder = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(200, 40);
    let config = builder.home().join(".config/hapulse/config.toml");
    let log = builder.home().join("events.log");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    let mut term = builder.start();
    term.wait_for("live");
    let settings = |keys: &str| format!("log_file = \"{}\"\ninterval = 5\n[keys]\n{keys}", log.display());
    fs::write(&config, settings("\"view.status\" = [\"<f12>\"]\n")).unwrap();
    term.signal("HUP");
    term.wait_for("configuration reloaded, log files reopened");
    lab.send_command("disable server be1/s1");
    wait_for_text(&log, "s1");
    fs::write(&config, "interval = maybe\n").unwrap();
    term.signal("HUP");
    term.wait_for("configuration not reloaded, log files reopened: ");
    term.wait_for("config.toml:1:");
    fs::remove_file(&log).unwrap();
    lab.send_command("disable server be1/s2");
    wait_for_text(&log, "s2");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn a23_sighup_with_unopenable_log_changes_nothing() {
    let lab = Lab::builder().servers(4).start();
    let builder = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(200, 40);
    let config = builder.home().join(".config/hapulse/config.toml");
    let log = builder.home().join("events.log");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    let settings =
        |log: &Path, key: &str| format!("log_file = \"{}\"\n[keys]\n\"view.status\" = [\"{key}\"]\n", log.display());
    fs::write(&config, settings(&log, "<f11>")).unwrap();
    let fifo = builder.home().join("fifo");
    make_fifo(&fifo);
    let mut term = builder.start();
    term.wait_for("live");
    let missing = term.home().join("missing/events.log");
    for (server, path, reason) in [
        ("s1", &*missing, "events.log: No such file"),
        ("s2", &*fifo, "fifo: is a FIFO, not a regular file"),
        ("s3", Path::new("/dev/full"), "is a device, not a regular file"),
    ] {
        fs::write(&config, settings(path, "<f12>")).unwrap();
        term.signal("HUP");
        term.wait_for("configuration not reloaded");
        term.wait_for(reason);
        lab.send_command(&format!("disable server be1/{server}"));
        wait_for_text(&log, &format!("{server} "));
        term.press("<f12>");
        assert!(!term.settled_screen().contains("STATUS"), "the key of the new file has no effect: {}", term.screen());
    }
    fs::write(&config, settings(&log.with_extension("new"), "<f12>")).unwrap();
    term.signal("HUP");
    term.wait_for("configuration reloaded, log files reopened");
    lab.send_command("disable server be1/s4");
    wait_for_text(&log.with_extension("new"), "s4");
    assert!(!fs::read_to_string(&log).unwrap().contains("s4 "));
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn a23_sighup_of_a_closed_terminal_ends_the_dashboard() {
    let script = format!("{BINARY} demo; echo $? >exit_code");
    let mut term = Term::program("sh").args(["-c", &script]).start();
    term.wait_for("live");
    let child = support::process::children(term.pid())[0];
    term.close();
    wait_until("hapulse to exit", || !support::process::is_alive(child));
}

#[test]
fn a24_safe_csv_neutralizes_formulas() {
    let lab = Lab::builder().servers(1).start();
    let named = format!("=cmd={}", lab.admin().display());
    let admin = lab.admin().display().to_string();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    fs::write(&config, format!("[targets]\n\"-lb\" = \"{admin}\"\n")).unwrap();
    let config = config.to_str().unwrap();
    let args = ["show", "status", "--format", "csv", "--config", config];
    let (exit, out, err) = run(folder.path(), &args);
    if exit == Some(0) {
        assert!(out.lines().skip(1).all(|line| line.starts_with("-lb,")), "{out}");
        let (_, out, _) = run(folder.path(), &[&args[..], &["--safe-csv"]].concat());
        assert!(out.lines().skip(1).all(|line| line.starts_with("'-lb,")), "{out}");
    } else {
        panic!("{err} {named}");
    }
    let (exit, _, err) = run(folder.path(), &["show", "--safe-csv", &admin]);
    assert!(exit == Some(2) && err.contains("--format csv"), "{err}");
}

#[test]
fn a24_safe_csv_neutralizes_parts_of_cells() {
    // HAProxy shows the description of its configuration.
    let description = "x;=1+1|@a;\u{ff0b}1\u{a0};-1;a-b";
    let lab = Lab::builder().servers(1).global(&format!("description {description}")).start();
    let folder = tempfile::tempdir().unwrap();
    let admin = lab.admin().to_str().unwrap();
    let line = |out: &str| out.lines().find(|line| line.contains(",description,")).unwrap().to_owned();
    let (_, out, _) = run(folder.path(), &["show", "info", "--format", "csv", admin]);
    assert!(line(&out).ends_with(&format!(",description,{description}")), "{out}");
    let (_, out, _) = run(folder.path(), &["show", "info", "--format", "csv", "--safe-csv", admin]);
    assert!(line(&out).ends_with(",description,x;'=1+1|'@a;'\u{ff0b}1\u{a0};'-1;a-b"), "{out}");
    let (_, out, _) =
        run(folder.path(), &["show", "status", "--format", "csv", "--safe-csv", "--columns", "all", admin]);
    assert!(!out.contains('\''), "numbers are unchanged: {out}");
}

/// Writes an audit log with this number of commands, of which every tenth has no second record.
fn write_audit(path: &Path, count: usize) {
    use std::fmt::Write as _;
    let mut text = String::new();
    for number in 0..count {
        let mut line = |phase: &str, outcome: &str| {
            let _ = writeln!(
                text,
                "{{\"time\":\"2026-11-20T03:12:41.120Z\",\"phase\":\"{phase}\",\"id\":\"{number}\",\"tool\":\"dashboard\",\
                 \"user\":\"root\",\"uid\":0,\"host\":\"lb01\",\"instance\":\"eu\",\"address\":\"/a\",\"pid\":8,\
                 \"target\":\"be/s{number}\",\"command\":\"set server be/s{number} state maint\"{outcome}}}"
            );
        };
        line("sending", "");
        if number % 10 != 0 {
            line("done", ",\"outcome\":\"verified, MAINT\",\"verified\":true");
        }
    }
    fs::write(path, text).unwrap();
}

#[test]
fn a25_audit_needs_constant_memory_and_reads_last_actions_from_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    write_audit(&path, 60_000);
    let log = path.to_str().unwrap();
    // The limit of the address space is below the size that the records would need.
    let (exit, out, err) = run_after(folder.path(), "ulimit -v 120000", &["audit", log]);
    assert_eq!((exit, out.lines().count()), (Some(0), 60_000), "{err}");
    let all: Vec<&str> = out.lines().collect();
    assert!(all[50_000].contains("sent, outcome unknown") && all[50_001].contains("verified, MAINT"));
    for last in [1, 7, 5_000, 70_000] {
        let (_, out, _) = run(folder.path(), &["audit", "--last", &last.to_string(), log]);
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let expected: Vec<_> = all[all.len().saturating_sub(last)..].iter().map(|line| words(line)).collect();
        assert!(out.lines().map(words).eq(expected), "{last}");
        let (_, out, _) = run(folder.path(), &["audit", "--json", "--last", &last.to_string(), log]);
        let text = fs::read_to_string(&path).unwrap();
        let records: Vec<&str> = text.lines().collect();
        assert!(out.lines().eq(records[records.len().saturating_sub(last)..].iter().copied()), "{last}");
    }
}

#[test]
fn a25_last_actions_are_found_without_reading_the_file_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    // The kernel counts the bytes that the children of the shell read.
    let bytes_read = |args: &[&str]| {
        let script = format!("timeout 60 {BINARY} audit \"$@\" {} 2>&1; cat /proc/$$/io", path.display());
        let output = Command::new("sh").args(["-c", &script, "sh"]).args(args).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (out, io) = text.split_once("rchar: ").unwrap();
        (out.to_owned(), io.lines().next().unwrap().parse::<u64>().unwrap())
    };
    let other_bytes = 4_000_000;
    write_audit(&path, 20);
    let records = fs::metadata(&path).unwrap().len();
    let text = fs::read(&path).unwrap();
    for (length, at, hole) in [(8 << 30, (8 << 30) - records, 0), (100 << 20, 0, 100 << 20)] {
        let file = fs::File::create(&path).unwrap();
        file.set_len(length).unwrap();
        file.write_all_at(&[b"\n", &text[..]].concat(), at).unwrap();
        for args in [&["--last", "3"][..], &["--json", "--last", "3"]] {
            // What follows the records is read once, to report that it is not a record.
            let (out, bytes) = bytes_read(args);
            assert!(out.contains("be/s19") && bytes < hole + other_bytes, "{args:?}: {bytes}: {out}");
        }
    }
    fs::File::create(&path).unwrap().set_len(8 << 30).unwrap();
    let (out, bytes) = bytes_read(&["--last", "3"]);
    assert!(out.contains("contains no records") && bytes < other_bytes, "{bytes}: {out}");
    let empty_lines = 20_000_000;
    fs::write(&path, "\n".repeat(empty_lines)).unwrap();
    let (out, bytes) = bytes_read(&["--last", "3"]);
    assert!(out.contains("contains no records") && bytes < empty_lines as u64 + other_bytes, "{bytes}: {out}");
}
