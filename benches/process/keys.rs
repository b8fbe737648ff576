//! Measures the time from a key press to the frame that shows the effect of the key, at random times between two
//! samples.

use std::thread;
use std::time::Duration;

use crate::programs::{Program, Programs};
use crate::run::ProgramRun;
use crate::shared::figures::{Distribution, millis, print_heading, print_row, print_target, print_value};
use crate::site::LoadedSite;

const SIZE: (u16, u16) = (160, 48);
/// Number of keys per round.
const KEYS_PER_ROUND: usize = 100;
const DOWN: &str = "\x1bOB";
const UP: &str = "\x1bOA";
/// Number of keys in a burst, which are sent at once.
const BURST_KEYS: usize = 200;

/// Returns the screen line of the cursor, which hapulse marks with `▶` and HATop draws in reverse video.
fn cursor_line(screen: &vt100::Screen) -> Option<usize> {
    let (rows, cols) = (screen.size().0.get(), screen.size().1.get());
    // HATop's headings are in reverse video too, so search only the lines below the headings.
    let is_reversed = |line: u16| (1..cols / 2).all(|col| screen.cell(line, col).is_some_and(vt100::Cell::inverse));
    let marked = screen.rows(0, cols).position(|line| line.starts_with('▶'));
    marked.or_else(|| (12..rows - 2).find(|line| is_reversed(*line)).map(usize::from))
}

pub fn measure(programs: &Programs, rounds: usize) {
    for (backends, servers) in [(10, 4), (200, 50)] {
        let site = LoadedSite::start(backends, servers);
        let load = site.start_load();
        print_heading(&format!("ms from a key to its frame, {} servers, -i 1, busy", backends * servers));
        let terminal_programs: Vec<&Program> =
            [Some(&programs.table), programs.hatop.as_ref(), programs.hatop_unlimited.as_ref()]
                .into_iter()
                .flatten()
                .filter(|program| servers > 10 || program.name != "HATop, limits lifted")
                .collect();
        let mut all: Vec<(&str, Vec<f64>)> =
            terminal_programs.iter().map(|program| (program.name, Vec::new())).collect();
        for turn in 0..rounds {
            for (program, (_, times)) in terminal_programs.iter().zip(&mut all) {
                times.extend(time_single_keys(&site, program, turn as u64));
            }
        }
        for (name, times) in &all {
            let figures = Distribution::new(times.clone());
            print_row(name, &figures);
            if *name == programs.table.name {
                print_target("  median", figures.median(), 2.0);
                print_target("  p95", figures.quantile(0.95), 6.0);
                print_target("  max", figures.max(), 20.0);
            }
        }
        if servers > 10 {
            print_heading(&format!("ms until {BURST_KEYS} keys at once are shown, 10,000 servers"));
            let times: Vec<f64> = (0..rounds).map(|_| time_key_burst(&site, &programs.table)).collect();
            let figures = Distribution::new(times);
            print_row("hapulse, view 1", &figures);
            print_target("  median", figures.median(), 150.0);
        }
        print_value("requests in total", load.stop().ok as f64);
    }
}

/// Moves the cursor down and up by one row, and returns the milliseconds until each movement is shown.
fn time_single_keys(site: &LoadedSite, program: &Program, seed: u64) -> Vec<f64> {
    let mut run = start_program(site, program);
    let mut random = 7 + seed;
    let mut times = Vec::with_capacity(KEYS_PER_ROUND);
    for number in 0..KEYS_PER_ROUND {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        thread::sleep(Duration::from_millis(3 + (random >> 33) % 60));
        let key = if number % 2 == 0 { DOWN } else { UP };
        let pressed = run.press(key);
        let before = cursor_line(run.screen());
        let shown = run.wait_for(|screen| cursor_line(screen).is_some() && cursor_line(screen) != before);
        times.push(millis(shown.saturating_duration_since(pressed)));
    }
    times
}

/// Sends many keys at once, as happens when a key is held down on a slow connection, and returns the milliseconds until
/// the effect of the last key is shown.
fn time_key_burst(site: &LoadedSite, program: &Program) -> f64 {
    let mut run = start_program(site, program);
    let there = format!(" {}/", BURST_KEYS + 1);
    let pressed = run.press(&DOWN.repeat(BURST_KEYS));
    let shown = run.wait_for_text(|screen| screen.contains(&there));
    millis(shown - pressed)
}

fn start_program(site: &LoadedSite, program: &Program) -> ProgramRun {
    let mut run = ProgramRun::start(program, site.socket(), SIZE);
    run.wait_for(|screen| screen.contents().contains(program.ready_text) && cursor_line(screen).is_some());
    run.wait_for_refreshes(2);
    run
}
