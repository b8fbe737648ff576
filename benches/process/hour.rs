//! Measures the memory that hapulse uses in addition to the history, during an hour with 10,000 busy servers and one
//! sample per second.
//!
//! Other programs are not measured. The results are the maximum of the measurements after each minute, and the peak
//! that the kernel reports.

use std::time::{Duration, Instant};

use hapulse::history::store::DEFAULT_BUDGET;

use crate::memory;
use crate::programs::Programs;
use crate::run::ProgramRun;
use crate::shared::figures::print_target;
use crate::shared::proc;
use crate::site::LoadedSite;

const SIZE: (u16, u16) = (160, 48);
const MINUTE: Duration = Duration::from_mins(1);
/// Target for the memory in addition to the history, in MB.
const TARGET_MB: f64 = 48.0;

pub fn measure(programs: &Programs, minutes: usize) {
    let site = LoadedSite::start(200, 50);
    let _load = site.start_load();
    let mut run = ProgramRun::start(&programs.hapulse, site.socket(), SIZE);
    run.wait_for_text(|screen| screen.contains("be1") && screen.contains(programs.hapulse.ready_text));
    memory::print_heading(&format!("MB, 10,000 servers, {minutes} minutes"));
    let mut max = 0.0_f64;
    let start = Instant::now();
    for minute in 1..=minutes {
        run.drain_until(start + MINUTE * minute as u32);
        let history = memory::read_history_mb(&mut run);
        let (now, _) = memory::print_memory(&format!("after {minute} min"), run.pid, history);
        max = max.max(now - history.unwrap_or(0.0));
    }
    print_target("  maximum without the history in any minute", max, TARGET_MB);
    let budget = DEFAULT_BUDGET as f64 / 1e6;
    print_target("  peak without the whole history budget", proc::memory_mb(run.pid, "VmHWM") - budget, TARGET_MB);
}
