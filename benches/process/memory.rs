//! Memory at the start and after a minute, and how much of it the history holds by hapulse's own account.

use std::time::{Duration, Instant};

use crate::programs::{Program, Programs};
use crate::run::Run;
use crate::shared::figures::target_line;
use crate::shared::proc;
use crate::site::Site;

const SIZE: (u16, u16) = (160, 48);
const MINUTE: Duration = Duration::from_mins(1);

pub fn measure(programs: &Programs, turns: usize) {
    for (backends, servers, target) in [(10, 4, 10.0), (200, 50, 48.0)] {
        let count = backends * servers;
        let site = Site::start(backends, servers);
        let load = site.load();
        let mut runs: Vec<(&Program, Run)> =
            [Some(&programs.hapulse), programs.hatop.as_ref(), programs.lifted.as_ref()]
                .into_iter()
                .flatten()
                .map(|program| (program, Run::start(program, site.socket(), SIZE)))
                .collect();
        heading(&format!("MB, {count} servers, busy"));
        for (program, run) in &mut runs {
            run.when_text(|screen| screen.contains("be1") && screen.contains(program.full));
            show(&format!("{}, first screen", program.name), run.pid, None);
        }
        for minute in 1..=turns {
            let start = Instant::now();
            while start.elapsed() < MINUTE {
                for (_, run) in &mut runs {
                    run.refreshes(1);
                }
            }
            let history = history(&mut runs[0].1);
            for (place, (program, run)) in runs.iter().enumerate() {
                let history = history.filter(|_| place == 0);
                let name = format!("{}, after {minute} min", program.name);
                let (now, _) = show(&name, run.pid, history);
                if place == 0 {
                    let allowance = if count == 40 { 0.0 } else { history.unwrap_or(0.0) };
                    target_line("  RSS beside the history, where it is large", now - allowance, target);
                }
            }
        }
        drop(load);
    }
}

pub fn heading(title: &str) {
    println!("\n{title:<58} {:>9} {:>9} {:>9}", "RSS", "highest", "history");
}

pub fn show(name: &str, pid: u32, history: Option<f64>) -> (f64, f64) {
    let (now, most) = (proc::memory(pid, "VmRSS"), proc::memory(pid, "VmHWM"));
    let history = history.map_or(String::new(), |history| format!("{history:>9.2}"));
    println!("{name:<58} {now:>9.2} {most:>9.2} {history}");
    (now, most)
}

/// The history in use, in MB, from the page that tells it.
pub fn history(run: &mut Run) -> Option<f64> {
    fn told(screen: &str) -> Option<String> {
        let mut lines = screen.lines().map(|line| line.trim_start_matches('│').trim());
        Some(lines.find_map(|line| line.strip_prefix("history "))?.trim().to_owned())
    }
    run.press(":cost\r");
    run.when_text(|screen| told(screen).is_some());
    let text = told(&run.text())?;
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
