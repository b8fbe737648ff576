//! What a user waits for: the first full screen, and a key, measured on the real binary in a pseudo terminal
//! against a real HAProxy. HATop, where Debian's package is installed, runs in turn with it.
//!
//! `cargo bench --bench screen`

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use support::Lab;

const COLS: u16 = 120;
const ROWS: u16 = 40;

/// A program in a terminal, each piece of its output stamped as it arrives.
struct Run {
    started: Instant,
    pieces: Receiver<(Instant, Vec<u8>)>,
    keys: Box<dyn Write + Send>,
    parser: vt100::Parser,
    child: Box<dyn Child + Send + Sync>,
}

impl Run {
    fn start(program: &str, args: &[&str]) -> Self {
        let size = PtySize { rows: ROWS, cols: COLS, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        let started = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let (sender, pieces) = mpsc::channel();
        thread::spawn(move || {
            let _master = pair.master;
            let mut piece = vec![0; 1 << 16];
            while let Ok(count @ 1..) = output.read(&mut piece) {
                if sender.send((Instant::now(), piece[..count].to_vec())).is_err() {
                    return;
                }
            }
        });
        let nonzero = |number| NonZeroU16::new(number).unwrap();
        Self { started, pieces, keys, parser: vt100::Parser::new(nonzero(ROWS), nonzero(COLS), 0), child }
    }

    /// When the screen first passed the check, in output order.
    fn when(&mut self, check: impl Fn(&str) -> bool) -> Instant {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let (at, piece) = self
                .pieces
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("waited too long; the screen:\n{}", self.parser.screen().contents()));
            self.parser.process(&piece);
            if check(&self.parser.screen().contents()) {
                return at;
            }
        }
    }

    fn press(&mut self, keys: &str) -> Instant {
        // What has come so far belongs to the time before the key.
        while let Ok((_, piece)) = self.pieces.try_recv() {
            self.parser.process(&piece);
        }
        let at = Instant::now();
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
        at
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn quantile(sorted: &[Duration], share: f64) -> f64 {
    let place = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted[place].as_secs_f64() * 1000.0
}

fn row(name: &str, mut times: Vec<Duration>) -> f64 {
    times.sort();
    let (median, p95) = (quantile(&times, 0.5), quantile(&times, 0.95));
    println!("{name:<44} {median:>8.1} {p95:>8.1} {:>8.1}   n={}", quantile(&times, 1.0), times.len());
    median
}

fn first_screen(socket: &Path, program: &str, args: &[&str], last_line: &str) -> Duration {
    let socket = socket.to_str().unwrap();
    let args: Vec<&str> = args.iter().map(|arg| if *arg == "SOCKET" { socket } else { arg }).collect();
    let mut run = Run::start(program, &args);
    let started = run.started;
    let shown = run.when(|screen| screen.contains(last_line));
    shown - started
}

fn cursor_on(name: &'static str) -> impl Fn(&str) -> bool {
    move |screen| screen.lines().any(|line| line.contains('▶') && line.contains(name))
}

/// Each key moves the selection by one; its frame is the one in which the cursor stands on the other row.
fn keys(socket: &Path, count: usize, interval: &str, view: &str, rows: [&'static str; 2]) -> Vec<Duration> {
    let mut run = Run::start(env!("CARGO_BIN_EXE_hapulse"), &[socket.to_str().unwrap(), "-i", interval]);
    run.when(|screen| screen.contains("be2 "));
    run.press(view);
    run.when(cursor_on(rows[0]));
    let mut times = Vec::with_capacity(count);
    let mut random = 7_u64;
    for number in 0..count {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        thread::sleep(Duration::from_millis(3 + (random >> 33) % 60));
        let (key, name) = if number % 2 == 0 { ("j", rows[1]) } else { ("k", rows[0]) };
        let pressed = run.press(key);
        times.push(run.when(cursor_on(name)) - pressed);
    }
    times
}

/// The two rows between which the cursor goes to and fro.
const DASHBOARD: [&str; 2] = ["be1 ", "be2 "];
const TABLE: [&str; 2] = ["be1 ", "s1 "];

fn main() {
    let small = Lab::builder().backends(10).servers(4).start();
    println!("{:<44} {:>8} {:>8} {:>8}", "milliseconds", "median", "p95", "worst");
    let hapulse = env!("CARGO_BIN_EXE_hapulse");
    let has_hatop = Path::new("/usr/bin/hatop").exists();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        ours.push(first_screen(small.admin(), hapulse, &["SOCKET"], "be10 "));
        if has_hatop {
            theirs.push(first_screen(small.admin(), "/usr/bin/hatop", &["-s", "SOCKET"], ">>> be4"));
        }
    }
    let ours = row("first full screen, 10 x 4, hapulse", ours);
    if has_hatop {
        let theirs = row("first full screen, 10 x 4, HATop", theirs);
        println!("{:<44} {:>8.2}", "  ratio", ours / theirs);
    }
    row("key to screen, 10 x 4, -i 2", keys(small.admin(), 200, "2", "r", DASHBOARD));
    let big = Lab::builder().big().start();
    row("key to screen, 10,000 servers, -i 1", keys(big.admin(), 500, "1", "r", DASHBOARD));
    row("the same in view 1", keys(big.admin(), 500, "1", "1", TABLE));
    row("key to screen, 10,000 servers, -i 0.1", keys(big.admin(), 300, "0.1", "r", DASHBOARD));
}
