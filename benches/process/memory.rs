//! Measures the memory at the start and after a minute, and the part that the history uses according to hapulse.

use std::time::{Duration, Instant};

use crate::programs::{Program, Programs};
use crate::run::ProgramRun;
use crate::shared::figures::print_target;
use crate::shared::proc;
use crate::site::LoadedSite;

const SIZE: (u16, u16) = (160, 48);
const MINUTE: Duration = Duration::from_mins(1);

pub fn measure(programs: &Programs, rounds: usize) {
    for (backends, servers, target) in [(10, 4, 10.0), (200, 50, 48.0)] {
        let count = backends * servers;
        let site = LoadedSite::start(backends, servers);
        let load = site.start_load();
        let mut runs: Vec<(&Program, ProgramRun)> =
            [Some(&programs.hapulse), programs.hatop.as_ref(), programs.hatop_unlimited.as_ref()]
                .into_iter()
                .flatten()
                .map(|program| (program, ProgramRun::start(program, site.socket(), SIZE)))
                .collect();
        print_heading(&format!("MB, {count} servers, busy"));
        for (program, run) in &mut runs {
            run.wait_for_text(|screen| screen.contains("be1") && screen.contains(program.ready_text));
            print_memory(&format!("{}, first screen", program.name), run.pid, None);
        }
        for minute in 1..=rounds {
            let start = Instant::now();
            while start.elapsed() < MINUTE {
                for (_, run) in &mut runs {
                    run.wait_for_refreshes(1);
                }
            }
            let history = read_history_mb(&mut runs[0].1);
            for (index, (program, run)) in runs.iter().enumerate() {
                let history = history.filter(|_| index == 0);
                let name = format!("{}, after {minute} min", program.name);
                let (now, _) = print_memory(&name, run.pid, history);
                if index == 0 {
                    let allowance = if count == 40 { 0.0 } else { history.unwrap_or(0.0) };
                    print_target("  RSS, without the history where it is large", now - allowance, target);
                }
            }
        }
        drop(load);
    }
}

pub fn print_heading(title: &str) {
    println!("\n{title:<58} {:>9} {:>9} {:>9}", "RSS", "highest", "history");
}

pub fn print_memory(name: &str, pid: u32, history: Option<f64>) -> (f64, f64) {
    let (now, max) = (proc::memory_mb(pid, "VmRSS"), proc::memory_mb(pid, "VmHWM"));
    let history = history.map_or(String::new(), |history| format!("{history:>9.2}"));
    println!("{name:<58} {now:>9.2} {max:>9.2} {history}");
    (now, max)
}

/// Reads the memory that the history uses, in MB, from the page on polling overhead.
pub fn read_history_mb(run: &mut ProgramRun) -> Option<f64> {
    fn history_line(screen: &str) -> Option<String> {
        let mut lines = screen.lines().map(|line| line.trim_start_matches('│').trim());
        Some(lines.find_map(|line| line.strip_prefix("history "))?.trim().to_owned())
    }
    run.press(":overhead\r");
    run.wait_for_text(|screen| history_line(screen).is_some());
    let text = history_line(&run.text())?;
    run.press("\x1b");
    let (used, _) = text.split_once(" of ")?;
    let number = used.trim_end_matches(char::is_alphabetic).parse::<f64>().ok()?;
    let unit = match used.chars().last() {
        Some('k') => 1024.0,
        Some('M') => 1024.0 * 1024.0,
        _ => 1.0,
    };
    Some(number * unit / 1e6)
}
