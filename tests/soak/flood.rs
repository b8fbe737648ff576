//! Runs the real program against a HAProxy with 100,000 rows, which stay, or come and go with new names each time, and
//! presses keys.

use std::time::{Duration, Instant};

use crate::support::flood::{Flood, LIMIT_MIB, peak_mib, wait_for_poll};
use crate::support::{FakeSocket, Term};

pub fn run(duration: Duration) -> Result<(), String> {
    let floods: [(&str, &[usize], bool); 3] = [
        ("10 and 100,000 rows", &[10, 100_000], true),
        ("10, 100,000, 10, 0, 100,000, 1", &[10, 100_000, 10, 0, 100_000, 1], true),
        ("100,000 rows that stay", &[100_000], false),
    ];
    for (what, counts, has_new_names) in floods {
        let flood = Flood::new(counts, has_new_names);
        let fake = FakeSocket::start(flood.behavior.clone());
        let mut term = Term::builder().args(["-i", "0.5"]).args([fake.path()]).size(160, 48).start();
        term.wait_for("live");
        let (start, mut waits) = (Instant::now(), Vec::new());
        while start.elapsed() < duration {
            let before = flood.polls();
            term.press(":");
            term.wait_gone("Z");
            term.wait_input_read();
            let pressed = Instant::now();
            term.paste(b"Z");
            term.wait_for("Z");
            waits.push(pressed.elapsed());
            term.press("<bs><esc>");
            wait_for_poll(|| flood.polls() > before);
        }
        let peak = peak_mib(term.pid());
        term.wait_input_read();
        let ended = Instant::now();
        term.paste(b"q");
        let code = term.exit_code();
        waits.sort_unstable();
        let slowest = waits.last().copied().unwrap_or_default();
        let p95 = waits.get(waits.len() * 95 / 100).copied().unwrap_or_default();
        println!(
            "soak: flood: {what}: {} polls, peak {peak} MiB, {} keys: p95 {p95:?}, slowest {slowest:?}, end after {:?}",
            flood.polls(),
            waits.len(),
            ended.elapsed()
        );
        if peak > LIMIT_MIB || code != 0 {
            return Err(format!("flood of {what}: peak {peak} of at most {LIMIT_MIB} MiB, exit code {code}"));
        }
    }
    Ok(())
}
