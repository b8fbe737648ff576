//! Terminals that differ from what is usual: no size or an absurd one, modes of an earlier program, no alternate screen,
//! a non-blocking device, multiplexers between hapulse and the clipboard, and fonts without the signs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use portable_pty::{MasterPty, native_pty_system};
use support::{Lab, Term, launch, lock, process, wait_for, wait_until};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_hapulse");

/// tmux with its own server, for which a folder holds socket and configuration.
struct Tmux {
    folder: TempDir,
}

impl Tmux {
    fn new(configuration: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tmux.conf"), format!("set -g status off\n{configuration}")).unwrap();
        Self { folder }
    }

    fn arguments(&self, command: &[&str]) -> Vec<String> {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let first = ["-S".to_owned(), path("socket"), "-f".to_owned(), path("tmux.conf")];
        first.into_iter().chain(command.iter().map(|word| (*word).to_owned())).collect()
    }

    /// Starts tmux in a terminal of 100x30 and a shell command in its only pane.
    fn start(&self, command: &str) -> Term {
        Term::program("tmux").args(self.arguments(&["new-session", command])).size(100, 30).start()
    }

    /// Sends a command to the server.
    fn run(&self, command: &[&str]) -> Output {
        Command::new("tmux").args(self.arguments(command)).output().unwrap()
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

#[test]
fn t10_unknown_size_comes_from_environment_or_is_80x24() {
    for (size, variables, expected) in [
        ((0, 0), None, (80, 24)),
        ((100, 0), None, (100, 24)),
        ((0, 30), None, (80, 30)),
        ((0, 0), Some(("120", "40")), (120, 40)),
        ((100, 0), Some(("120", "40")), (100, 40)),
        ((90, 28), Some(("120", "40")), (90, 28)),
        ((0, 0), Some(("0", "-1")), (80, 24)),
    ] {
        let mut builder = Term::builder().args(["demo"]).size(size.0, size.1);
        if let Some((columns, lines)) = variables {
            builder = builder.env("COLUMNS", columns).env("LINES", lines);
        }
        let mut term = builder.emulated_size(expected.0, expected.1).start();
        let is_filled = |screen: &str| {
            let lines: Vec<&str> = screen.lines().collect();
            lines.len() == usize::from(expected.1)
                && lines[0].chars().count() + 1 == usize::from(expected.0)
                && lines.last().is_some_and(|line| line.contains("quit"))
        };
        term.wait_until(is_filled);
        term.press("?");
        term.wait_for("Keys");
        term.press("qq");
        assert_eq!(term.exit_code(), 0, "{size:?}");
    }
}

#[test]
fn t10_size_that_becomes_unknown_is_80x24() {
    let mut term = Term::spawn(["demo"], 120, 40);
    term.wait_for("live");
    for (cols, rows) in [(0, 0), (100, 30), (0, 24), (80, 0)] {
        term.resize(cols, rows);
        let rows = if rows == 0 { 24 } else { usize::from(rows) };
        term.wait_until(|screen| {
            let lines: Vec<&str> = screen.lines().collect();
            lines.len() == rows && lines[0].contains("live") && lines[rows - 1].contains("quit")
        });
    }
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn t10_question_and_doctor_work_without_size() {
    let lab = Lab::builder().servers(3).start();
    let admin = lab.admin().display().to_string();
    let mut term = Term::builder().args(["maint", "be1/s2", "-s", &admin]).size(0, 0).start();
    term.wait_for("Continue? [y/N]");
    term.press("n");
    assert_eq!(term.exit_code(), 1);
    let mut doctor = Term::builder().args(["doctor", "-s", &admin]).size(0, 0).emulated_size(100, 60).start();
    doctor.exit_code();
    assert!(doctor.screen().contains("does not report its size: 80x24 is used"), "{}", doctor.screen());
}

/// Returns the texts of view 2 that do not change: the lines of titles and keys, and the first columns of each row.
fn constant_texts(screen: &str) -> Vec<String> {
    let is_whole = |line: &str| ["STATE", "Dash", "quit"].iter().any(|word| line.contains(word));
    let is_row = |line: &str| ["OPEN", "UP", "no check"].iter().any(|word| line.contains(word));
    let lines = screen.lines().skip(3).filter(|line| is_whole(line) || is_row(line));
    lines.map(|line| line.chars().take(if is_whole(line) { 100 } else { 36 }).collect()).collect()
}

/// Starts hapulse in tmux after `printf` printed `before`, and waits until view 2 shows what `is_expected` checks.
/// Returns it.
fn texts_after(before: &str, is_expected: impl Fn(&[String]) -> bool) -> Vec<String> {
    let lab = Lab::builder().backends(2).servers(4).start();
    let tmux = Tmux::new("");
    let mut term = tmux.start(&format!("printf '{before}'; {BINARY} -i 0.2 {}", lab.admin().display()));
    // Columns may change with the first rates.
    let is_complete = |screen: &str| ["in/s 0B", "Servers of be1", "quit"].iter().all(|text| screen.contains(text));
    term.wait_until(is_complete);
    term.press("2");
    let screen = term.wait_until(|screen| is_expected(&constant_texts(screen)));
    term.press("q");
    assert_eq!(term.exit_code(), 0);
    constant_texts(&screen)
}

#[test]
fn t11_modes_of_earlier_program_do_not_garble_the_screen() {
    let count = |texts: &[String], word: &str| texts.iter().filter(|line| line.contains(word)).count();
    let expected =
        texts_after("", |texts| count(texts, "no check") == 8 && count(texts, "UP") == 2 && count(texts, "quit") == 1);
    assert!(expected[0].contains("Dash") && expected[1].contains("STATE"), "{expected:#?}");
    for modes in [
        "\\033[1;10r",
        "\\033[4h",
        "\\033[3;20r\\033[?6h",
        "\\033[20h",
        "\\033(0",
        "\\033)0\\016",
        "\\033[?7l",
        "\\033[1;4;7;31;44m",
        "\\033[5;8r\\033[4h\\033[?6h\\033(0\\033[7m",
    ] {
        texts_after(modes, |texts| texts == expected);
    }
}

#[test]
fn t11_redraw_resets_modes_of_another_program() {
    let lab = Lab::builder().start();
    let tmux = Tmux::new("");
    let mut term = tmux.start(&format!("{BINARY} -i 0.2 {}", lab.admin().display()));
    term.wait_until(|screen| screen.contains("live") && screen.contains("quit"));
    let tty = String::from_utf8(tmux.run(&["list-panes", "-F", "#{pane_tty}"]).stdout).unwrap();
    let mut pane = OpenOptions::new().write(true).open(tty.trim()).unwrap();
    pane.write_all(b"\x1b[3;9r\x1b[?6h\x1b[4h\x1b(0\x1b[2J").unwrap();
    term.wait_gone("live");
    term.press("<c-l>");
    term.wait_until(|screen| {
        let lines: Vec<&str> = screen.lines().collect();
        lines[0].contains("live") && lines[29].contains("quit")
    });
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn t12_prompt_is_below_the_picture_without_alternate_screen() {
    for suspend in [false, true] {
        let tmux = Tmux::new("set -g alternate-screen off\n");
        let mut term = tmux.start("PS1='shell> ' bash --norc --noprofile -i");
        term.wait_for("shell>");
        term.paste(format!("{BINARY} demo\n").as_bytes());
        term.wait_until(|screen| screen.contains("live") && screen.contains("quit"));
        term.press(if suspend { "<c-z>" } else { "q" });
        let screen = term.wait_until(|screen| screen.trim_end().ends_with("shell>"));
        let lines: Vec<&str> = screen.trim_end().lines().collect();
        assert_eq!(lines.len(), 30, "the prompt is on the last line\n{screen}");
        let footer = lines.iter().position(|line| line.contains("quit")).expect("the picture is still there");
        let between = &lines[footer + 1..29];
        assert!(between.iter().all(|line| line.is_empty() || line.contains("Stopped")), "{screen}");
        if suspend {
            term.paste(b"fg\n");
            term.wait_until(|screen| screen.lines().next().is_some_and(|line| line.contains("live")));
            term.press("q");
            term.wait_until(|screen| screen.trim_end().ends_with("shell>"));
        }
    }
}

/// hapulse on a terminal whose open file is non-blocking, and whose output is not read until [`Self::start_reading`].
struct NonBlockingTerminal {
    child: Child,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn std::io::Write + Send>,
    /// Another program's access to the terminal.
    tty: File,
    output: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl NonBlockingTerminal {
    /// Starts hapulse; with `is_full`, after the buffer of the terminal was filled.
    fn start(args: &[&str], (cols, rows): (u16, u16), is_full: bool) -> Self {
        let guard = process::lock_start();
        let pair = native_pty_system().openpty(launch::pty_size(cols, rows)).unwrap();
        let mut tty = open_tty(&pair.master.tty_name().unwrap());
        while is_full && tty.write(&[b'x'; 4096]).is_ok() {}
        let stdio = || Stdio::from(tty.try_clone().unwrap());
        let mut command = Command::new(BINARY);
        command.args(args).env("LANG", "C.UTF-8").env("TERM", "xterm");
        let child = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().unwrap();
        let keys = pair.master.take_writer().unwrap();
        drop(guard);
        Self { child, master: pair.master, keys, tty, output: Arc::default(), reader: None }
    }

    fn start_reading(&mut self) {
        let mut reader = self.master.try_clone_reader().unwrap();
        let output = Arc::clone(&self.output);
        self.reader = Some(thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut chunk) {
                lock(&output).extend_from_slice(&chunk[..count]);
            }
        }));
    }

    fn output(&self) -> String {
        String::from_utf8_lossy(&lock(&self.output)).into_owned()
    }

    /// Waits until hapulse ends, and returns its exit code and the whole output.
    fn finish(mut self) -> (Option<i32>, String) {
        let status = wait_for("hapulse to end", || self.child.try_wait().unwrap());
        let Self { tty, reader, output, .. } = self;
        // Only then does the output end.
        drop(tty);
        reader.unwrap().join().unwrap();
        let output = std::mem::take(&mut *lock(&output));
        (status.code(), String::from_utf8(output).unwrap())
    }
}

/// Opens a terminal without blocking and without making it the controlling terminal.
fn open_tty(path: &Path) -> File {
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    OpenOptions::new().read(true).write(true).custom_flags(flags.bits().cast_signed()).open(path).unwrap()
}

/// Checks that the output is the whole picture of this size, and that the terminal was restored.
fn assert_picture_and_restored(output: &str, (cols, rows): (u16, u16)) {
    let parse = |output: &str| {
        let mut parser = vt100::Parser::new(rows.try_into().unwrap(), cols.try_into().unwrap(), 0);
        parser.process(output.as_bytes());
        parser
    };
    let end = output.rfind("\x1b[?1049l").expect("the alternate screen is left");
    let end = output[..end].rfind("\x1b[?2026l").expect("a frame ends");
    let picture = parse(&output[..end]);
    let lines: Vec<String> = picture.screen().rows(0, cols).collect();
    assert!(lines[0].contains("live") && lines[usize::from(rows) - 1].contains("quit"), "{lines:#?}");
    let restored = parse(output);
    assert!(!restored.screen().alternate_screen() && !restored.screen().hide_cursor());
}

#[test]
fn t13_non_blocking_terminal_that_is_not_read_loses_nothing() {
    let size = (200, 60);
    let mut terminal = NonBlockingTerminal::start(&["demo", "-i", "0.1"], size, false);
    // Every redraw writes a whole screen, until the buffer of the terminal is full.
    for _ in 0..50 {
        terminal.keys.write_all(b"\x0c").unwrap();
        thread::sleep(Duration::from_millis(30));
    }
    assert!(terminal.child.try_wait().unwrap().is_none(), "hapulse is still running");
    terminal.start_reading();
    terminal.keys.write_all(b"?").unwrap();
    wait_until("hapulse to draw", || terminal.output().contains("takes traffic again"));
    terminal.keys.write_all(b"\x1b").unwrap();
    thread::sleep(Duration::from_millis(500));
    terminal.keys.write_all(b"q").unwrap();
    let (code, output) = terminal.finish();
    assert_eq!(code, Some(0));
    assert_picture_and_restored(&output, size);
}

#[test]
fn t13_non_blocking_terminal_that_is_full_at_start_is_waited_for() {
    let size = (80, 24);
    let mut terminal = NonBlockingTerminal::start(&["demo"], size, true);
    wait_until("raw mode", || {
        let modes = rustix::termios::tcgetattr(&terminal.tty).unwrap().local_modes;
        !modes.contains(rustix::termios::LocalModes::ICANON)
    });
    thread::sleep(Duration::from_millis(300));
    assert!(terminal.child.try_wait().unwrap().is_none(), "hapulse waits");
    terminal.start_reading();
    wait_until("the picture", || terminal.output().contains("quit"));
    terminal.keys.write_all(b"q").unwrap();
    let (code, output) = terminal.finish();
    assert_eq!(code, Some(0));
    let start = output.find("\x1b[?1049h").expect("the alternate screen is entered");
    assert_picture_and_restored(&output[start..], size);
}

#[test]
fn t13_full_terminal_at_start_does_not_block_exit() {
    let mut terminal = NonBlockingTerminal::start(&["demo"], (80, 24), true);
    wait_until("raw mode", || {
        let modes = rustix::termios::tcgetattr(&terminal.tty).unwrap().local_modes;
        !modes.contains(rustix::termios::LocalModes::ICANON)
    });
    process::signal(terminal.child.id(), "TERM");
    let status = wait_for("hapulse to end", || terminal.child.try_wait().unwrap());
    assert_eq!(status.code(), Some(143));
    let modes = rustix::termios::tcgetattr(&terminal.tty).unwrap().local_modes;
    assert!(modes.contains(rustix::termios::LocalModes::ICANON));
}

#[test]
fn t13_commands_print_everything_to_a_non_blocking_terminal() {
    let mut terminal = NonBlockingTerminal::start(&["man"], (80, 24), true);
    let expected = Command::new(BINARY).arg("man").output().unwrap().stdout;
    wait_until("hapulse to wait", || process::state(terminal.child.id()) == 'S');
    terminal.start_reading();
    let (code, output) = terminal.finish();
    assert_eq!(code, Some(0));
    let printed = output.trim_start_matches('x').replace("\r\n", "\n");
    assert_eq!(printed, String::from_utf8(expected).unwrap());
}

/// Starts hapulse in tmux with the cursor on a backend, and copies its name.
fn copy_in_tmux(tmux: &Tmux) -> Term {
    let lab = Lab::builder().start();
    let mut term = tmux.start(&format!("{BINARY} -i 0.2 {}", lab.admin().display()));
    term.wait_until(|screen| screen.contains("live") && screen.contains("quit"));
    term.wait_for_cursor_at("Backends", "be1");
    term.press("y");
    term.wait_for("sent to tmux to copy: be1, needs: set -g set-clipboard on");
    term
}

#[test]
fn t14_copy_in_tmux_needs_a_setting_and_says_so() {
    let tmux = Tmux::new("set -g set-clipboard on\n");
    let _term = copy_in_tmux(&tmux);
    let buffer = || String::from_utf8(tmux.run(&["show-buffer"]).stdout).unwrap();
    wait_until("tmux to copy", || buffer() == "be1");
    for setting in ["external", "off"] {
        let tmux = Tmux::new(&format!("set -g set-clipboard {setting}\n"));
        let _term = copy_in_tmux(&tmux);
    }
}

#[test]
fn t14_copy_passes_through_tmux_if_allowed() {
    let tmux = Tmux::new("set -g set-clipboard off\nset -g allow-passthrough on\n");
    let term = copy_in_tmux(&tmux);
    // The base64 of be1.
    let copied = b"\x1b]52;c;YmUx\x07";
    wait_until("the outer terminal to copy", || term.raw().windows(copied.len()).any(|bytes| bytes == copied));
}

#[test]
fn t14_copy_outside_and_in_screen_claims_only_that_it_was_sent() {
    let lab = Lab::builder().start();
    for (variables, sequence, text) in [
        (vec![], "\x1b]52;c;YmUx\x1b\\", "sent to the terminal to copy: be1"),
        (vec![("STY", "1.pts")], "\x1bP\x1b]52;c;YmUx\x07\x1b\\", "copy: be1, if the outer terminal supports it"),
        (vec![("TERM", "screen")], "\x1bP\x1b]52;c;YmUx\x07\x1b\\", "copy: be1, if the outer terminal supports it"),
    ] {
        let builder = Term::builder().args([lab.admin()]).size(100, 30);
        let builder = variables.iter().fold(builder, |builder, (name, value)| builder.env(name, value));
        let mut term = builder.start();
        term.wait_for_cursor_at("Backends", "be1");
        term.press("y");
        term.wait_for(text);
        assert!(String::from_utf8_lossy(&term.raw()).contains(sequence), "{variables:?}");
        assert!(!term.screen().contains("copied"));
    }
}

#[test]
fn t15_linux_console_gets_only_characters_of_its_font() {
    for name in ["linux", "linux-16color", "vt220"] {
        let mut term = Term::builder().args(["demo", "-i", "0.2"]).env("TERM", name).size(120, 40).start();
        term.wait_for("live");
        for keys in ["?", "<esc>", "1", "2", "S", "!", "9", "0", "a", "<esc>", "M"] {
            term.press(keys);
            term.settled_screen();
        }
        term.signal("TERM");
        assert_eq!(term.exit_code(), 143);
        assert!(term.raw().is_ascii(), "{name}");
    }
}

/// Returns the error for a key of the configuration; `None` if it is accepted.
fn error_for_key(key: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    std::fs::write(&file, format!("[keys]\n\"copy\" = ['{key}']\n")).unwrap();
    let out = Command::new(BINARY).args(["config", "--config"]).arg(&file).output().unwrap();
    (!out.status.success()).then(|| String::from_utf8(out.stderr).unwrap())
}

#[test]
fn t16_keys_that_terminals_cannot_send_are_errors() {
    for (key, text) in [
        ("<c-m>", "terminals send <ret> instead"),
        ("<c-i>", "terminals send <tab> instead"),
        ("<c-[>", "terminals send <esc> instead"),
        ("<c-?>", "terminals send <bs> instead"),
        ("<c-/>", "terminals send <c-_> instead"),
        ("<c-ret>", "terminals send <ret> instead"),
        ("<s-tab>", "terminals send <backtab> instead"),
        ("<s-a>", "write the character that Shift produces"),
        ("<c-é>", "Ctrl works with letters"),
        ("<c-1>", "Ctrl works with letters"),
        ("<a-[>", "cursor and function keys begin with it"),
        ("<a-O>", "cursor and function keys begin with it"),
    ] {
        let error = error_for_key(key).unwrap_or_default();
        assert!(error.contains(&format!("a terminal cannot send {key}")) && error.contains(text), "{key}: {error}");
    }
}

#[test]
fn t16_accepted_keys_reach_their_command() {
    for (key, bytes) in [
        ("<s-up>", "\x1b[1;2A"),
        ("<c-left>", "\x1b[1;5D"),
        ("<a-x>", "\x1bx"),
        ("<c-g>", "\x07"),
        ("<c-space>", "\0"),
        ("<c-_>", "\x1f"),
        ("<s-f5>", "\x1b[15;2~"),
        ("<a-ret>", "\x1b\r"),
        ("<a-]>", "\x1b]"),
        ("<f20>", "\x1b[34~"),
    ] {
        assert_eq!(error_for_key(key), None);
        let config = format!("[keys]\n\"help\" = ['{key}']\n");
        let mut term = Term::builder().args(["demo"]).size(100, 30).config(&config).start();
        term.wait_for("live");
        term.wait_input_read();
        term.paste(bytes.as_bytes());
        term.wait_for("Keys");
    }
}

#[test]
fn t18_absurd_sizes_are_limited() {
    for (cols, rows) in [(65535, 1), (1, 65535), (10_000, 10_000), (65535, 65535)] {
        let mut started = Term::spawn(["demo", "-i", "0.2"], cols, rows);
        wait_until("the alternate screen", || started.modes().alternate_screen && started.is_raw());
        let mut resized = Term::spawn(["demo", "-i", "0.2"], 80, 24);
        resized.wait_for("live");
        resized.resize(cols, rows);
        for term in [&mut started, &mut resized] {
            for keys in ["j", "G", "1", "?", "<esc>", "!", "0", "<c-l>"] {
                term.press(keys);
            }
            if cols > 1 && rows > 1 {
                term.wait_until(|screen| screen.contains("live") && screen.lines().count() == 500);
            }
            term.wait_input_read();
            term.resize(80, 24);
            term.wait_until(|screen| screen.contains("live") && screen.lines().count() == 24);
            term.press("q");
            assert_eq!(term.exit_code(), 0, "{cols}x{rows}");
            assert!(!term.is_raw() && !term.modes().alternate_screen);
        }
    }
}
