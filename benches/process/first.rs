//! Measures the time from the process start to the first full screen, compared with the time that socat takes for the
//! dump alone.

use std::time::Duration;

use crate::programs::{Program, Programs, time_socat_dump};
use crate::run::ProgramRun;
use crate::shared::figures::{Distribution, print_heading, print_ratio, print_row, print_target, print_value};
use crate::site::LoadedSite;

const SIZE: (u16, u16) = (120, 40);

pub fn measure(programs: &Programs, rounds: usize) {
    for (backends, servers) in [(10, 4), (20, 50), (200, 50)] {
        let count = backends * servers;
        let site = LoadedSite::start(backends, servers);
        let dump = if programs.socat { "dump by socat" } else { "" };
        let terminal_programs = programs.terminal_programs();
        let mut times: Vec<(&str, Vec<Duration>)> =
            terminal_programs.iter().map(|program| (program.name, Vec::new())).collect();
        let mut dumps = Vec::new();
        for _ in 0..rounds {
            for (program, (_, times)) in terminal_programs.iter().zip(&mut times) {
                times.push(time_to_first_screen(&site, program));
            }
            if programs.socat {
                dumps.push(time_socat_dump(site.socket()));
            }
        }
        print_heading(&format!("ms to the first full screen, {count} servers"));
        let all: Vec<(&str, Distribution)> =
            times.iter().map(|(name, times)| (*name, Distribution::from_durations(times))).collect();
        for (name, figures) in &all {
            print_row(name, figures);
        }
        let ours = all[0].1.median();
        if count == 40 {
            print_target("  hapulse, ms", ours, 40.0);
        }
        if programs.socat {
            let dumps = Distribution::from_durations(&dumps);
            print_row(dump, &dumps);
            if count == 10_000 {
                print_ratio("hapulse / dump by socat", ours / dumps.median(), 1.5);
            } else {
                print_value("  ratio: hapulse / dump by socat", ours / dumps.median());
            }
        }
        for (name, figures) in all.iter().filter(|(name, _)| name.starts_with("HATop")) {
            print_value(&format!("  ratio: hapulse / {name}"), ours / figures.median());
        }
    }
}

fn time_to_first_screen(site: &LoadedSite, program: &Program) -> Duration {
    let mut run = ProgramRun::start(program, site.socket(), SIZE);
    let started = run.started;
    // The screen is complete when it shows the last row that fits, and the bottom line.
    let row = if program.name.starts_with("HATop") { "s4 " } else { "be1 " };
    let shown = run.wait_for_text(|screen| screen.contains(row) && screen.contains(program.ready_text));
    shown - started
}
