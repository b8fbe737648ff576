//! A minute of a screen that waits: nobody at the keys, and an interval of an hour. HATop takes at most 30 seconds, so
//! two polls are in its minute.

use std::time::{Duration, Instant};

use crate::programs::Programs;
use crate::run::Run;
use crate::shared::figures::line;
use crate::shared::proc;
use crate::site::Site;

const SIZE: (u16, u16) = (160, 48);
const MINUTE: Duration = Duration::from_mins(1);
/// Until what belongs to the start is over: threads that opened files end ten seconds later.
const SETTLED: Duration = Duration::from_secs(15);

pub fn measure(programs: &Programs, turns: usize) {
    let site = Site::start(10, 4);
    println!("\n{:<58} {:>9} {:>9} {:>9}", "a minute of nothing, 40 servers", "CPU ms", "wake-ups", "bytes");
    let rare = [Some(programs.hapulse.every("3600")), programs.hatop.as_ref().map(|hatop| hatop.every("30"))];
    for rare in rare.into_iter().flatten() {
        let mut run = Run::start(&rare, site.socket(), SIZE);
        run.when_text(|screen| screen.contains("be1") && screen.contains(rare.full));
        run.drain_until(Instant::now() + SETTLED);
        for _ in 0..turns {
            let (cpu, switches) = (proc::cpu(run.pid), proc::switches(run.pid));
            let bytes = run.drain_until(Instant::now() + MINUTE);
            let (cpu, switches) = (proc::cpu(run.pid) - cpu, proc::switches(run.pid) - switches);
            println!("{:<58} {cpu:>9.2} {switches:>9} {bytes:>9}", rare.name);
            line("  ms of CPU a second", cpu / MINUTE.as_secs_f64());
        }
    }
}
