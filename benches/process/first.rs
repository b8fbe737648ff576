//! From the start of the process to the first full screen, beside the time that `socat` needs for the dump alone.

use std::time::Duration;

use crate::programs::{Program, Programs, socat};
use crate::run::Run;
use crate::shared::figures::{Figures, heading, line, ratio, row, target_line};
use crate::site::Site;

const SIZE: (u16, u16) = (120, 40);

pub fn measure(programs: &Programs, turns: usize) {
    for (backends, servers) in [(10, 4), (20, 50), (200, 50)] {
        let count = backends * servers;
        let site = Site::start(backends, servers);
        let dump = if programs.socat { "dump by socat" } else { "" };
        let watchers = programs.watchers();
        let mut times: Vec<(&str, Vec<Duration>)> = watchers.iter().map(|program| (program.name, Vec::new())).collect();
        let mut dumps = Vec::new();
        for _ in 0..turns {
            for (program, (_, times)) in watchers.iter().zip(&mut times) {
                times.push(first_screen(&site, program));
            }
            if programs.socat {
                dumps.push(socat(site.socket()));
            }
        }
        heading(&format!("ms to the first full screen, {count} servers"));
        let all: Vec<(&str, Figures)> = times.iter().map(|(name, times)| (*name, Figures::millis(times))).collect();
        for (name, figures) in &all {
            row(name, figures);
        }
        let ours = all[0].1.median();
        if count == 40 {
            target_line("  hapulse, ms", ours, 40.0);
        }
        if programs.socat {
            let dumps = Figures::millis(&dumps);
            row(dump, &dumps);
            if count == 10_000 {
                ratio("hapulse / dump by socat", ours / dumps.median(), 1.5);
            } else {
                line("  ratio: hapulse / dump by socat", ours / dumps.median());
            }
        }
        for (name, figures) in all.iter().filter(|(name, _)| name.starts_with("HATop")) {
            line(&format!("  ratio: hapulse / {name}"), ours / figures.median());
        }
    }
}

fn first_screen(site: &Site, program: &Program) -> Duration {
    let mut run = Run::start(program, site.socket(), SIZE);
    let started = run.started;
    // The last row that fits, and the bottom line.
    let row = if program.name.starts_with("HATop") { "s4 " } else { "be1 " };
    let shown = run.when_text(|screen| screen.contains(row) && screen.contains(program.full));
    shown - started
}
