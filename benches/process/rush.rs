//! As many samples of 10,000 servers as an hour has, as fast as politeness lets them come: memory beside the history.
//!
//! Made-up dumps from a socket that answers at once, since a real HAProxy takes a twentieth of a second for each, and
//! would not be asked more than once a second. One server in four moves from sample to sample, which is what 2,500
//! requests a second come to.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::memory;
use crate::programs::Programs;
use crate::run::Run;
use crate::shared::dump;
use crate::shared::figures::target_line;
use crate::support::fake::Fake;

const SIZE: (u16, u16) = (160, 48);
/// Samples from one look at the memory to the next.
const EACH: usize = 150;
/// MB that are allowed beside the history in use.
const ALLOWED: f64 = 48.0;

pub fn measure(programs: &Programs, turns: usize) {
    let given = Arc::new(AtomicUsize::new(0));
    let fake = answers(&given);
    let quick = programs.hapulse.every("0.1");
    let mut run = Run::start(&quick, fake.path(), SIZE);
    run.when_text(|screen| screen.contains("backend_0") && screen.contains(quick.full));
    memory::heading(&format!("MB, 10,000 servers, {} samples", turns * EACH));
    let (mut most, start) = (0.0_f64, Instant::now());
    for turn in 1..=turns {
        while given.load(Ordering::Relaxed) < turn * EACH {
            run.drain_until(Instant::now() + Duration::from_millis(200));
        }
        let history = memory::history(&mut run);
        let (now, _) = memory::show(&format!("after {} samples", turn * EACH), run.pid, history);
        most = most.max(now - history.unwrap_or(0.0));
    }
    println!("in {:.0} s", start.elapsed().as_secs_f64());
    target_line("  the most beside the history at any look", most, ALLOWED);
}

/// A socket that has the next answer ready when it is asked, and counts those it gave.
fn answers(given: &Arc<AtomicUsize>) -> Fake {
    let (made, ready) = mpsc::sync_channel(1);
    thread::spawn(move || {
        for step in 0.. {
            let stat = dump::stat(200, 50, step, |server| server % 4 == 0);
            if made.send(format!("{}\n{stat}\n", dump::info(step))).is_err() {
                return;
            }
        }
    });
    let (ready, given) = (Mutex::new(ready), Arc::clone(given));
    Fake::unix(move |line, stream| {
        let answer = match line {
            line if line.contains("show stat") => {
                given.fetch_add(1, Ordering::Relaxed);
                ready.lock().unwrap().recv().unwrap()
            }
            line if line.contains("show cli level") => "admin\n\n".to_owned(),
            _ => "\n".to_owned(),
        };
        // Whoever does not read on has had enough.
        let _ = stream.write_all(answer.as_bytes());
    })
}
