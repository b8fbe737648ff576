//! From a key to the frame that shows what it did, at any moment of the second between two samples.

use std::thread;
use std::time::Duration;

use crate::programs::{Program, Programs};
use crate::run::Run;
use crate::shared::figures::{Figures, heading, line, millis, row, target_line};
use crate::site::Site;

const SIZE: (u16, u16) = (160, 48);
/// Keys of one turn.
const KEYS: usize = 100;
const DOWN: &str = "\x1bOB";
const UP: &str = "\x1bOA";
/// How far a held key goes.
const HELD: usize = 200;

/// Where the cursor is: `▶` of ours, the reversed line of HATop's.
fn cursor(screen: &vt100::Screen) -> Option<usize> {
    let (rows, cols) = (screen.size().0.get(), screen.size().1.get());
    // HATop's headings are reversed too.
    let is_reversed = |line: u16| (1..cols / 2).all(|col| screen.cell(line, col).is_some_and(vt100::Cell::inverse));
    let marked = screen.rows(0, cols).position(|line| line.starts_with('▶'));
    marked.or_else(|| (12..rows - 2).find(|line| is_reversed(*line)).map(usize::from))
}

pub fn measure(programs: &Programs, turns: usize) {
    for (backends, servers) in [(10, 4), (200, 50)] {
        let site = Site::start(backends, servers);
        let load = site.load();
        heading(&format!("ms from a key to its frame, {} servers, -i 1, busy", backends * servers));
        let watchers: Vec<&Program> = [Some(&programs.table), programs.hatop.as_ref(), programs.lifted.as_ref()]
            .into_iter()
            .flatten()
            .filter(|program| servers > 10 || program.name != "HATop, limits lifted")
            .collect();
        let mut all: Vec<(&str, Vec<f64>)> = watchers.iter().map(|program| (program.name, Vec::new())).collect();
        for turn in 0..turns {
            for (program, (_, times)) in watchers.iter().zip(&mut all) {
                times.extend(single(&site, program, turn as u64));
            }
        }
        for (name, times) in &all {
            let figures = Figures::new(times.clone());
            row(name, &figures);
            if *name == programs.table.name {
                target_line("  median", figures.median(), 2.0);
                target_line("  p95", figures.quantile(0.95), 6.0);
                target_line("  worst", figures.worst(), 20.0);
            }
        }
        if servers > 10 {
            heading(&format!("ms until {HELD} keys at once are shown, 10,000 servers"));
            let times: Vec<f64> = (0..turns).map(|_| held(&site, &programs.table)).collect();
            let figures = Figures::new(times);
            row("hapulse, view 1", &figures);
            target_line("  median", figures.median(), 150.0);
        }
        line("requests in all", load.stop().ok as f64);
    }
}

/// Up and down by one row, each awaited on the screen.
fn single(site: &Site, program: &Program, seed: u64) -> Vec<f64> {
    let mut run = begin(site, program);
    let mut random = 7 + seed;
    let mut times = Vec::with_capacity(KEYS);
    for number in 0..KEYS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        thread::sleep(Duration::from_millis(3 + (random >> 33) % 60));
        let key = if number % 2 == 0 { DOWN } else { UP };
        let pressed = run.press(key);
        let before = cursor(run.screen());
        let shown = run.when(|screen| cursor(screen).is_some() && cursor(screen) != before);
        times.push(millis(shown.saturating_duration_since(pressed)));
    }
    times
}

/// A key held for long enough that so many arrive at once.
fn held(site: &Site, program: &Program) -> f64 {
    let mut run = begin(site, program);
    let there = format!(" {}/", HELD + 1);
    let pressed = run.press(&DOWN.repeat(HELD));
    let shown = run.when_text(|screen| screen.contains(&there));
    millis(shown - pressed)
}

fn begin(site: &Site, program: &Program) -> Run {
    let mut run = Run::start(program, site.socket(), SIZE);
    run.when(|screen| screen.contents().contains(program.full) && cursor(screen).is_some());
    run.refreshes(2);
    run
}
