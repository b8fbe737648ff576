//! Measures one minute of an idle screen, without keys and with a poll interval of one hour. HATop's maximum interval
//! is 30 seconds, so a minute of HATop includes two polls.

use std::time::{Duration, Instant};

use crate::programs::Programs;
use crate::run::ProgramRun;
use crate::shared::figures::print_value;
use crate::shared::proc;
use crate::site::LoadedSite;

const SIZE: (u16, u16) = (160, 48);
const MINUTE: Duration = Duration::from_mins(1);
/// Time until the work after the start is done. The threads that opened files end after ten seconds.
const SETTLE_TIME: Duration = Duration::from_secs(15);

pub fn measure(programs: &Programs, rounds: usize) {
    let site = LoadedSite::start(10, 4);
    println!("\n{:<58} {:>9} {:>9} {:>9}", "an idle minute, 40 servers", "CPU ms", "wake-ups", "bytes");
    let program =
        [Some(programs.hapulse.with_interval("3600")), programs.hatop.as_ref().map(|hatop| hatop.with_interval("30"))];
    for program in program.into_iter().flatten() {
        let mut run = ProgramRun::start(&program, site.socket(), SIZE);
        run.wait_for_text(|screen| screen.contains("be1") && screen.contains(program.ready_text));
        run.drain_until(Instant::now() + SETTLE_TIME);
        for _ in 0..rounds {
            let (cpu, switches) = (proc::cpu_millis(run.pid), proc::context_switches(run.pid));
            let bytes = run.drain_until(Instant::now() + MINUTE);
            let (cpu, switches) = (proc::cpu_millis(run.pid) - cpu, proc::context_switches(run.pid) - switches);
            println!("{:<58} {cpu:>9.2} {switches:>9} {bytes:>9}", program.name);
            print_value("  ms of CPU per second", cpu / MINUTE.as_secs_f64());
        }
    }
}
