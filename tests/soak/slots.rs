//! Runs the real program on a real HAProxy and counts the CLI connections that it occupies, across reloads and
//! restarts.

use std::thread;
use std::time::{Duration, Instant};

use crate::measure::min_resources;
use crate::support::process::is_alive;
use crate::support::{Lab, Term, wait_until};

/// Maximum number of connections: one for polls, and one for a query or an action.
const MAX_SLOTS: usize = 2;

/// Returns the number of CLI connections, without the connection of this command.
fn used_slots(lab: &Lab) -> usize {
    lab.send_command("show sess").lines().filter(|line| line.contains(" fe=GLOBAL ")).count().saturating_sub(1)
}

/// Returns the maximum and the minimum number of CLI connections within half a second.
fn sample_used_slots(lab: &Lab) -> (usize, usize) {
    let end = Instant::now() + Duration::from_millis(500);
    let (mut max, mut min) = (0, usize::MAX);
    while Instant::now() < end {
        let now = used_slots(lab);
        (max, min) = (max.max(now), min.min(now));
        thread::sleep(Duration::from_millis(3));
    }
    (max, min)
}

/// Runs this part of the soak test.
pub fn run(reloads: usize) -> Result<(), String> {
    let lab = Lab::builder().backends(3).servers(4).start();
    let mut term = Term::builder().args(["-i", "0.1"]).args([lab.admin()]).size(120, 40).start();
    term.wait_for("live");
    let resources_at_start = min_resources(term.pid());
    let (mut max, mut at_rest) = (0, 0);
    for number in 0..reloads {
        match number % 5 {
            4 => lab.restart(),
            _ => lab.reload(),
        }
        term.press("<a-0>r");
        term.wait_for(&format!("pid {} ", lab.pid()));
        // Send a query or a command, and count the connections while it runs.
        term.press(["7<ret>", "8<ret>", "5show env<ret>", "5help<ret>"][number % 4]);
        let (now_max, now_min) = sample_used_slots(&lab);
        (max, at_rest) = (max.max(now_max), at_rest.max(now_min));
    }
    let pids = lab.all_pids();
    let (last, old) = pids.split_last().unwrap();
    wait_until("the old processes to end", || old.iter().all(|pid| !is_alive(*pid)));
    let resources_at_end = min_resources(term.pid());
    println!(
        "slots: {reloads} reloads and restarts: at most {max} CLI connections at once, {at_rest} at rest; {} old \
         processes, all ended; at the start {resources_at_start:?}, at the end {resources_at_end:?}",
        old.len()
    );
    assert!(is_alive(*last));
    term.press("<a-0>q");
    if term.exit_code() != 0 || used_slots(&lab) != 0 {
        return Err("slots: hapulse did not exit cleanly".to_owned());
    }
    if max > MAX_SLOTS || at_rest > 0 {
        return Err(format!("slots: at most {max} CLI connections at once, {at_rest} at rest"));
    }
    if resources_at_end != resources_at_start {
        return Err(format!("slots: started with {resources_at_start:?}, ended with {resources_at_end:?}"));
    }
    Ok(())
}
