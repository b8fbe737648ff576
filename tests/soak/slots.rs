//! The real program on a real HAProxy: how many of its places for connections to the stats socket are taken, across
//! reloads and deaths.

use std::thread;
use std::time::{Duration, Instant};

use crate::measure::least;
use crate::support::process::alive;
use crate::support::{Lab, Term, wait_until};

/// Polls of one instance come one after the other, and a question or an act has a connection of its own.
const MOST: usize = 2;

/// Connections to the stats socket but the one that asks.
fn taken(lab: &Lab) -> usize {
    lab.ask("show sess").lines().filter(|line| line.contains(" fe=GLOBAL ")).count().saturating_sub(1)
}

/// The most and the least within half a second.
fn look(lab: &Lab) -> (usize, usize) {
    let end = Instant::now() + Duration::from_millis(500);
    let (mut most, mut fewest) = (0, usize::MAX);
    while Instant::now() < end {
        let now = taken(lab);
        (most, fewest) = (most.max(now), fewest.min(now));
        thread::sleep(Duration::from_millis(3));
    }
    (most, fewest)
}

/// Reloads so often.
pub fn run(reloads: usize) -> Result<(), String> {
    let lab = Lab::builder().backends(3).servers(4).start();
    let mut term = Term::builder().args(["-i", "0.1"]).args([lab.admin()]).size(120, 40).start();
    term.wait_for("live");
    let began_with = least(term.pid());
    let (mut most, mut held) = (0, 0);
    for number in 0..reloads {
        match number % 5 {
            4 => lab.restart(),
            _ => lab.reload(),
        }
        term.press("<a-0>r");
        term.wait_for(&format!("pid {} ", lab.pid()));
        // A question, an act, and a look at the answers while they come.
        term.press(["7<ret>", "8<ret>", "5show env<ret>", "5help<ret>"][number % 4]);
        let (now_most, now_fewest) = look(&lab);
        (most, held) = (most.max(now_most), held.max(now_fewest));
    }
    let pids = lab.all_pids();
    let (last, old) = pids.split_last().unwrap();
    wait_until("the old processes to end", || old.iter().all(|pid| !alive(*pid)));
    let ends_with = least(term.pid());
    println!(
        "slots: {reloads} reloads and deaths: at most {most} of HAProxy's places taken at once, {held} at rest; {} old \
         processes, none left; at the start {began_with:?}, at the end {ends_with:?}",
        old.len()
    );
    assert!(alive(*last));
    term.press("<a-0>q");
    if term.exit_code() != 0 || taken(&lab) != 0 {
        return Err("slots: hapulse did not end well".to_owned());
    }
    if most > MOST || held > 0 {
        return Err(format!("slots: at most {most} places were taken at once, {held} at rest"));
    }
    if ends_with != began_with {
        return Err(format!("slots: began with {began_with:?}, ended with {ends_with:?}"));
    }
    Ok(())
}
