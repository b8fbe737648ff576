//! An hour at 10,000 busy servers, one sample a second: memory beside the history, minute by minute.
//!
//! hapulse alone, since the others would only take its time. The largest of all minutes counts, and what the kernel
//! says was the most there ever was.

use std::time::{Duration, Instant};

use hapulse::history::store::DEFAULT_BUDGET;

use crate::memory;
use crate::programs::Programs;
use crate::run::Run;
use crate::shared::figures::target_line;
use crate::shared::proc;
use crate::site::Site;

const SIZE: (u16, u16) = (160, 48);
const MINUTE: Duration = Duration::from_mins(1);
/// MB that are allowed beside the history in use.
const ALLOWED: f64 = 48.0;

pub fn measure(programs: &Programs, minutes: usize) {
    let site = Site::start(200, 50);
    let _load = site.load();
    let mut run = Run::start(&programs.hapulse, site.socket(), SIZE);
    run.when_text(|screen| screen.contains("be1") && screen.contains(programs.hapulse.full));
    memory::heading(&format!("MB, 10,000 servers, {minutes} minutes"));
    let mut most = 0.0_f64;
    let start = Instant::now();
    for minute in 1..=minutes {
        run.drain_until(start + MINUTE * minute as u32);
        let history = memory::history(&mut run);
        let (now, _) = memory::show(&format!("after {minute} min"), run.pid, history);
        most = most.max(now - history.unwrap_or(0.0));
    }
    target_line("  the most beside the history in any minute", most, ALLOWED);
    let budget = DEFAULT_BUDGET as f64 / 1e6;
    target_line("  the most there ever was, beside the whole budget", proc::memory(run.pid, "VmHWM") - budget, ALLOWED);
}
